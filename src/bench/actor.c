#include "bench/actor.h"

#include <sys/prctl.h>
#include <time.h>

#include "base/mem.h"
#include "bench/bench_run.h"
#include "client/client_wire.h"
#include "wire/consumer.h"
#include "wire/frame_v1.h"
#include "wire/message_v1.h"

#define SLEEP_NS_MAX 20000000ull /* so that a sleeper sees the gate close */
#define MOMENT_NS 500000ull      /* before all partitions are asked again */
#define WAIT_MS 50u              /* at the server, for the same reason */
#define POLL_BYTES_EXTRA 65536u
#define POLL_V1_PREFIX_BYTES 16u /* of a reply: partition u32, current offset u64, count u32 */

static const char topic_name[] = "topic-1";

/* ---- Budgets and flows ---- */

static bool budget_take(struct budget *budget, s64 amount)
{
    return __atomic_fetch_sub(&budget->left, amount, __ATOMIC_RELAXED) > 0;
}

static bool budget_is_left(struct budget *budget)
{
    return __atomic_load_n(&budget->left, __ATOMIC_RELAXED) > 0;
}

static bool flow_is_over(struct flow *flow)
{
    /* In this order: what was sent last is counted before its producer leaves. */
    bool no_more = __atomic_load_n(&flow->producers_left, __ATOMIC_ACQUIRE) == 0;
    return no_more && __atomic_load_n(&flow->received_messages, __ATOMIC_RELAXED) >=
                          __atomic_load_n(&flow->sent_messages, __ATOMIC_RELAXED);
}

/* ---- Figures ---- */

static void record(struct actor *actor, enum measure measure, u64 latency_ns, u64 times)
{
    if (actor->measures[measure] != NULL) {
        histogram_record(actor->measures[measure], latency_ns, times);
    }
}

/* `first_ns` is the latency of the first of `messages`, each of which is younger than the last. */
static void record_messages(struct actor *actor, enum measure measure, u64 first_ns, u32 messages)
{
    if (actor->message_interval_ns <= 0) {
        record(actor, measure, first_ns, messages);
        return;
    }
    for (u32 i = 0; i < messages; i++) {
        double younger_ns = actor->message_interval_ns * i;
        record(actor, measure, first_ns > (u64)younger_ns ? first_ns - (u64)younger_ns : 0, 1);
    }
}

static void take_sample(struct actor *actor, u64 latency_ns, u64 bytes, u32 messages)
{
    if (!actor->counts) {
        return;
    }
    actor->ended_ns = actor->now_ns;
    __atomic_store_n(&actor->progress_bytes, actor->progress_bytes + bytes, __ATOMIC_RELAXED);
    __atomic_store_n(&actor->progress_ns, latency_ns, __ATOMIC_RELAXED);
    if (actor->samples_count == actor->samples_capacity) {
        actor->samples_lost++;
        return;
    }
    actor->samples[actor->samples_count++] =
        (struct sample){actor->ended_ns, latency_ns, bytes, messages};
}

static void note_sent(struct actor *actor, const struct prepared_batch *batch, u64 due_ns,
                      u64 sent_ns)
{
    u32 messages = batch->header.message_count;
    for (u32 i = 0; i < actor->flows_out_count; i++) {
        __atomic_fetch_add(&actor->flows_out[i]->sent_messages, messages, __ATOMIC_RELAXED);
    }
    if (!actor->counts) {
        return;
    }
    u64 now_ns = actor->now_ns;
    u64 gathered_ns = (u64)(actor->message_interval_ns * (messages - 1));
    actor->totals.sent_batches++;
    actor->totals.sent_messages += messages;
    actor->totals.sent_bytes += batch->payload_bytes;
    actor->lag_ns_max = u64_max(actor->lag_ns_max, sent_ns - due_ns);
    record(actor, MEASURE_SERVICE, now_ns - sent_ns, 1);
    record(actor, MEASURE_PUBLISH_BATCH, now_ns - due_ns, 1);
    record_messages(actor, MEASURE_PUBLISH_MESSAGE, now_ns - due_ns + gathered_ns, messages);
}

/* From the time of origin in a batch that came until now, of its first and of its last message. */
static void note_end_to_end(struct actor *actor, const struct batch_header *header, u32 first_delta,
                            u64 now_ns)
{
    u64 now_us = actor->run->wall_zero_us + now_ns / 1000;
    double age_us = (double)now_us - (double)header->origin_timestamp_us;
    double first_ns = age_us * 1000 - actor->message_interval_ns * first_delta;
    double last_ns = first_ns - actor->message_interval_ns * (header->message_count - 1);
    if (last_ns < 0) {
        actor->totals.early += header->message_count;
    }
    record(actor, MEASURE_END_BATCH, last_ns < 0 ? 0 : (u64)last_ns, 1);
    record_messages(actor, MEASURE_END_MESSAGE, first_ns < 0 ? 0 : (u64)first_ns,
                    header->message_count);
    __atomic_store_n(&actor->progress_ns, last_ns < 0 ? 0 : (u64)last_ns, __ATOMIC_RELAXED);
}

/* Walks the batches of a reply; their payload. */
static u64 note_batches(struct actor *actor, struct span batches, u64 now_ns)
{
    u64 payload_bytes = 0;
    u32 position = 0;
    while (batches.size - position >= BATCH_HEADER_BYTES + MESSAGE_FRAME_HEADER_BYTES) {
        const u8 *bytes = batches.data + position;
        struct batch_header header;
        batch_header_decode(bytes, &header);
        if (header.batch_length < BATCH_HEADER_BYTES ||
            header.batch_length > batches.size - position) {
            break;
        }
        payload_bytes += header.batch_length - BATCH_HEADER_BYTES -
                         (u64)header.message_count * MESSAGE_FRAME_HEADER_BYTES;
        if (actor->counts && actor->measures[MEASURE_END_BATCH] != NULL) {
            note_end_to_end(actor, &header, get_u32(bytes + BATCH_HEADER_BYTES + 24), now_ns);
        }
        position += (u32)header.batch_length;
    }
    return payload_bytes;
}

/* ---- Time ---- */

/* True when it is time, with the time it is; false: the run ends before. */
static bool wait_until_due(struct actor *actor, u64 due_ns, u64 *now_ns)
{
    struct bench_run *run = actor->run;
    u64 until_ns = actor->counts ? run->until_ns : run->warm_until_ns;
    for (;;) {
        bool is_over = (actor->pace.is_open ? due_ns : *now_ns) >= until_ns;
        if (is_over || bench_run_stops(run)) {
            return false;
        }
        if (*now_ns >= due_ns) {
            return true;
        }
        u64 wake_ns = run->zero_ns + u64_min(due_ns, *now_ns + SLEEP_NS_MAX);
        struct timespec wake = {.tv_sec = (time_t)(wake_ns / 1000000000),
                                .tv_nsec = (long)(wake_ns % 1000000000)};
        (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, NULL);
        if (gate_is_closing(&run->gate)) {
            gate_wait(&run->gate);
        }
        *now_ns = bench_run_ns(run);
    }
}

/* The moment from which the latency of the next request counts; false: there is no next. */
static bool begin_request(struct actor *actor, u64 *due_ns, u64 *sent_ns)
{
    *sent_ns = bench_run_ns(actor->run);
    u64 due = pace_next(&actor->pace, *sent_ns);
    if (!wait_until_due(actor, due, sent_ns)) {
        return false;
    }
    bool from_schedule = actor->pace.is_open && actor->pace.interval_ns > 0;
    *due_ns = from_schedule ? due : *sent_ns;
    return true;
}

/* ---- Sending ---- */

/* One batch over the road that the actor has; where it went, unless that is the library's. */
static bool send_batch(struct actor *actor, struct prepared_batch *batch, u64 key, u64 *base_offset)
{
    struct span body;
    struct send_confirmation confirmation;
    if (actor->library.client != NULL) {
        return library_link_send(&actor->library, batch, key, &actor->error);
    }
    struct span frame = {batch->frame, batch->frame_bytes};
    if (!bench_link_exchange(&actor->link, frame, &body, &actor->error)) {
        return false;
    }
    if (actor->link.is_v1) { /* there a confirmation is empty */
        return true;
    }
    if (send_reply_decode(body, &confirmation) != OK) {
        return client_fail(&actor->error, "the server confirmed something unreadable");
    }
    *base_offset = confirmation.base_offset;
    return true;
}

/* False: over, or failed. `base_offset` is where the batch went. */
static bool send_one(struct actor *actor, u64 *due_ns, u64 *base_offset,
                     const struct prepared_batch **sent)
{
    u64 sent_ns = 0;
    if (!begin_request(actor, due_ns, &sent_ns)) {
        return false;
    }
    struct prepared_batch *batch = prepared_next(&actor->prepared);
    bool in_bytes = actor->run->options->total_bytes > 0;
    if (actor->counts && !budget_take(actor->budget, in_bytes ? (s64)batch->payload_bytes : 1)) {
        return false;
    }
    u64 key = 0;
    if (actor->run->keys.keys_count > 0) {
        key = key_draw_next(&actor->run->keys, &actor->key_prng);
        prepared_set_key(batch, key);
    }
    u64 gathered_us = (u64)(actor->message_interval_ns * (batch->header.message_count - 1) / 1000);
    prepared_stamp(batch, ++actor->link.request,
                   actor->run->wall_zero_us + *due_ns / 1000 - gathered_us);
    if (!send_batch(actor, batch, key, base_offset)) {
        actor->failed = true;
        return false;
    }
    actor->now_ns = bench_run_ns(actor->run);
    *sent = batch;
    note_sent(actor, batch, *due_ns, sent_ns);
    return true;
}

static bool producer_turn(struct actor *actor)
{
    u64 due_ns = 0;
    u64 base_offset = 0;
    const struct prepared_batch *batch = NULL;
    if (!send_one(actor, &due_ns, &base_offset, &batch)) {
        return false;
    }
    take_sample(actor, actor->now_ns - due_ns, batch->payload_bytes, batch->header.message_count);
    return true;
}

/* ---- Polling ---- */

static struct span finish_frame(struct actor *actor, enum command command,
                                const struct writer *writer)
{
    if (actor->link.is_v1) {
        struct request_v1 request = {.length = FRAME_V1_LENGTH_BYTES + writer->position,
                                     .code = command_row(command)->code};
        request_v1_encode(&request, actor->poll_frame);
        return (struct span){actor->poll_frame, FRAME_V1_HEADER_BYTES + writer->position};
    }
    struct request_header header = bench_link_header(&actor->link, command);
    header.size = FRAME_HEADER_BYTES + writer->position;
    request_header_encode(&header, actor->poll_frame);
    return (struct span){actor->poll_frame, header.size};
}

static struct writer begin_frame(struct actor *actor)
{
    u32 header_bytes = actor->link.is_v1 ? FRAME_V1_HEADER_BYTES : FRAME_HEADER_BYTES;
    return writer_over(actor->poll_frame + header_bytes, sizeof(actor->poll_frame) - header_bytes);
}

static bool ask_about_group(struct actor *actor, enum command command, struct span *body)
{
    struct writer writer = begin_frame(actor);
    group_request_encode(
        &(struct group_request){.stream = identifier_of_name(span_of(actor->stream)),
                                .topic = identifier_of_name(span_of(topic_name)),
                                .group = identifier_of_name(span_of(actor->group))},
        &writer);
    if (command == COMMAND_JOIN_GROUP) {
        actor->link.request++;
    }
    struct span frame = finish_frame(actor, command, &writer);
    return bench_link_exchange(&actor->link, frame, body, &actor->error);
}

static bool join_group(struct actor *actor)
{
    struct span body;
    if (!ask_about_group(actor, COMMAND_JOIN_GROUP, &body)) {
        return false;
    }
    struct reader reader = reader_over(body.data, body.size);
    u32 number = read_result(&reader);
    return number == 0 || client_fail(&actor->error, "a group cannot be joined (error %u)", number);
}

/* Which partitions are this member's; none is an answer too. */
static bool learn_partitions(struct actor *actor)
{
    struct span body;
    struct group_assignment assignment;
    if (!ask_about_group(actor, COMMAND_SYNC_GROUP, &body)) {
        return false;
    }
    actor->partitions_count = 0;
    if (group_assignment_decode(body, &assignment) == OK) {
        u32 count = u32_min(assignment.partitions_count, ACTOR_PARTITIONS_MAX);
        for (u32 i = 0; i < count; i++) {
            actor->partitions[i] = get_u32(assignment.partitions + 4ull * i);
        }
        actor->partitions_count = count;
    }
    actor->partition_next = 0;
    actor->empty_in_a_row = actor->partitions_count > 0 ? 0 : actor->empty_in_a_row;
    actor->knows_partitions = true;
    return true;
}

static struct span write_poll(struct actor *actor, u32 partition, u32 wait_ms)
{
    struct poll_request request = {
        .consumer = {CONSUMER_SINGLE, identifier_of_id(actor->number)},
        .stream = identifier_of_name(span_of(actor->stream)),
        .topic = identifier_of_name(span_of(topic_name)),
        .partition = {true, partition},
        .strategy = POLL_OFFSET,
        .value = actor->offset,
        .count = (u32)actor->run->options->batch_messages.max,
    };
    if (actor->by_group) {
        request.consumer =
            (struct consumer){CONSUMER_GROUP, identifier_of_name(span_of(actor->group))};
        request.strategy = POLL_NEXT;
        request.value = 0;
        request.auto_commit = true;
    }
    struct writer writer = begin_frame(actor);
    if (wait_ms == 0) {
        poll_request_encode(&request, &writer);
        return finish_frame(actor, COMMAND_POLL_MESSAGES, &writer);
    }
    poll_waiting_request_encode(wait_ms, &request, &writer);
    return finish_frame(actor, COMMAND_POLL_MESSAGES_WAITING, &writer);
}

static void sleep_ns(u64 ns)
{
    struct timespec moment = {.tv_nsec = (long)ns};
    (void)nanosleep(&moment, NULL);
}

/* A group member goes round its partitions; false: failed. `has` says whether there is one. */
static bool choose_partition(struct actor *actor, u32 *partition, bool *has)
{
    *partition = 0;
    *has = true;
    if (!actor->by_group) {
        return true;
    }
    if (!actor->knows_partitions && !learn_partitions(actor)) {
        return false;
    }
    *has = actor->partitions_count > 0;
    if (*has) {
        *partition = actor->partitions[actor->partition_next];
        actor->partition_next = (actor->partition_next + 1) % actor->partitions_count;
    }
    return true;
}

/* When a poll was due, and when it was sent. */
struct asked {
    u64 due_ns;
    u64 sent_ns;
};

static void note_messages(struct actor *actor, u32 messages, u64 payload_bytes, struct asked asked)
{
    u64 now_ns = actor->now_ns;
    actor->offset += messages;
    if (actor->flow_in != NULL) {
        __atomic_fetch_add(&actor->flow_in->received_messages, messages, __ATOMIC_RELAXED);
    }
    if (!actor->counts) {
        return;
    }
    actor->totals.received_batches++;
    actor->totals.received_messages += messages;
    actor->totals.received_bytes += payload_bytes;
    record(actor, MEASURE_POLL_BATCH, now_ns - asked.due_ns, 1);
    record(actor, MEASURE_POLL_MESSAGE, now_ns - asked.due_ns, messages);
    if (!actor->writes) {
        record(actor, MEASURE_SERVICE, now_ns - asked.sent_ns, 1);
        bool from_origin = actor->measures[MEASURE_END_BATCH] != NULL;
        actor->lag_ns_max = u64_max(actor->lag_ns_max, asked.sent_ns - asked.due_ns);
        take_sample(actor, from_origin ? actor->progress_ns : now_ns - asked.due_ns, payload_bytes,
                    messages);
    }
}

static void note_received(struct actor *actor, const struct poll_reply *reply, u64 due_ns,
                          u64 sent_ns)
{
    u32 messages = reply->prefix.messages_count;
    u64 payload_bytes = actor->link.is_v1
                            ? reply->batches.size - (u64)messages * MESSAGE_V1_HEADER_BYTES
                            : note_batches(actor, reply->batches, actor->now_ns);
    if (actor->counts) {
        actor->totals.reply_bytes += reply->batches.size;
    }
    note_messages(actor, messages, payload_bytes, (struct asked){due_ns, sent_ns});
}

/* The same by the library, whose messages come one by one; each has its own age. */
static bool gather_one(struct actor *actor, u64 due_ns, u32 *messages)
{
    u64 payload_bytes = 0;
    u64 sent_ns = bench_run_ns(actor->run);
    if (!library_link_gather(&actor->library, messages, &payload_bytes, &actor->error)) {
        return false;
    }
    actor->now_ns = bench_run_ns(actor->run);
    actor->empty_in_a_row = *messages == 0 ? actor->empty_in_a_row + 1 : 0;
    if (*messages == 0) {
        actor->totals.empty_polls += actor->counts ? 1 : 0;
        if (actor->run->options->rereads) {
            library_link_rewind(&actor->library);
        }
        return true;
    }
    u64 now_us = actor->run->wall_zero_us + actor->now_ns / 1000;
    for (u32 i = 0; i < *messages && actor->counts; i++) {
        u64 origin_us = actor->library.origins_us[i];
        u64 age_ns = now_us > origin_us ? (now_us - origin_us) * 1000 : 0;
        record(actor, MEASURE_END_MESSAGE, age_ns, 1);
        actor->progress_ns = age_ns;
    }
    if (actor->counts) {
        record(actor, MEASURE_END_BATCH, actor->progress_ns, 1);
    }
    note_messages(actor, *messages, payload_bytes,
                  (struct asked){u64_min(due_ns, sent_ns), sent_ns});
    return true;
}

static enum status decode_reply(const struct actor *actor, struct span body,
                                struct poll_reply *reply)
{
    if (!actor->link.is_v1) {
        return poll_reply_decode(body, reply);
    }
    if (body.size < POLL_V1_PREFIX_BYTES) {
        return ERR_CORRUPT;
    }
    u32 messages = get_u32(body.data + 12);
    *reply = (struct poll_reply){
        .prefix = {.partition_id = get_u32(body.data), .messages_count = messages},
        .batches = {body.data + POLL_V1_PREFIX_BYTES, body.size - POLL_V1_PREFIX_BYTES},
    };
    return reply->batches.size / MESSAGE_V1_HEADER_BYTES < messages ? ERR_CORRUPT : OK;
}

/* The next poll and its reply; false: failed. `messages` 0: there was nothing. */
static bool poll_one(struct actor *actor, u32 wait_ms, u64 due_ns, u32 *messages)
{
    u32 partition = 0;
    bool has = false;
    *messages = 0;
    if (actor->library.client != NULL) {
        return gather_one(actor, due_ns, messages);
    }
    if (!choose_partition(actor, &partition, &has)) {
        return false;
    }
    if (!has) {
        actor->knows_partitions = false;
        actor->empty_in_a_row++;
        sleep_ns(SLEEP_NS_MAX);
        return true;
    }
    struct span body;
    struct poll_reply reply;
    u64 sent_ns = bench_run_ns(actor->run);
    struct span frame = write_poll(actor, partition, wait_ms);
    if (!bench_link_exchange(&actor->link, frame, &body, &actor->error)) {
        return false;
    }
    actor->now_ns = bench_run_ns(actor->run);
    if (decode_reply(actor, body, &reply) != OK) {
        return client_fail(&actor->error, "unreadable messages");
    }
    if (reply.prefix.partition_id == POLL_RESYNC_PARTITION) {
        actor->knows_partitions = false;
        return true;
    }
    *messages = reply.prefix.messages_count;
    actor->empty_in_a_row = *messages == 0 ? actor->empty_in_a_row + 1 : 0;
    if (*messages > 0) {
        note_received(actor, &reply, u64_min(due_ns, sent_ns), sent_ns);
    } else {
        actor->totals.empty_polls += actor->counts ? 1 : 0;
        actor->offset = actor->run->options->rereads ? 0 : actor->offset;
    }
    return true;
}

/* How long the next poll may wait at the server: only where nothing else is to be looked at. */
static u32 wait_of(const struct actor *actor)
{
    bool may = actor->flow_in != NULL && actor->run->waits_at_server;
    return may && (!actor->by_group || actor->partitions_count == 1) ? WAIT_MS : 0;
}

static bool consumer_is_done(struct actor *actor)
{
    if (actor->flow_in != NULL) {
        return flow_is_over(actor->flow_in);
    }
    if (!budget_is_left(actor->budget)) {
        return true;
    }
    /* All its partitions, and then again, had nothing: there is no more. */
    u32 rounds = 2 * u32_max(1, actor->partitions_count);
    actor->ran_dry = actor->empty_in_a_row > rounds;
    return actor->ran_dry;
}

static bool consumer_turn(struct actor *actor)
{
    u64 due_ns = 0;
    u64 sent_ns = 0;
    u32 messages = 0;
    if (actor->counts && consumer_is_done(actor)) {
        return false;
    }
    /* Those that follow producers go on past the end, until nothing is left. */
    if (!begin_request(actor, &due_ns, &sent_ns)) {
        if (!actor->counts || actor->flow_in == NULL || bench_run_stops(actor->run)) {
            return false;
        }
        due_ns = bench_run_ns(actor->run);
    }
    u64 bytes = actor->totals.received_bytes;
    if (!poll_one(actor, wait_of(actor), due_ns, &messages)) {
        actor->failed = true;
        return false;
    }
    if (messages == 0) {
        if (actor->flow_in != NULL && wait_of(actor) == 0 && !actor->run->options->no_wait &&
            actor->empty_in_a_row >= u32_max(1, actor->partitions_count)) {
            sleep_ns(MOMENT_NS);
        }
        return true;
    }
    if (actor->counts && actor->flow_in == NULL) {
        bool in_bytes = actor->run->options->total_bytes > 0;
        (void)budget_take(actor->budget,
                          in_bytes ? (s64)(actor->totals.received_bytes - bytes) : (s64)messages);
    }
    return true;
}

/* ---- In turns ---- */

/* Sends a batch and polls it back from where it went. */
static bool echo_turn(struct actor *actor)
{
    u64 due_ns = 0;
    const struct prepared_batch *batch = NULL;
    if (!send_one(actor, &due_ns, &actor->offset, &batch)) {
        return false;
    }
    u32 left = batch->header.message_count;
    while (left > 0) {
        u32 messages = 0;
        if (!poll_one(actor, 0, bench_run_ns(actor->run), &messages)) {
            actor->failed = true;
            return false;
        }
        left -= u32_min(left, messages);
        if (bench_run_stops(actor->run)) {
            return false;
        }
    }
    take_sample(actor, actor->now_ns - due_ns, 2 * batch->payload_bytes,
                2 * batch->header.message_count);
    return true;
}

/* Sends if it may, then polls once whatever is there for its group. */
static bool group_turn(struct actor *actor)
{
    u64 due_ns = 0;
    u64 base_offset = 0;
    const struct prepared_batch *batch = NULL;
    u64 bytes = actor->totals.received_bytes;
    u32 messages = 0;
    u32 sent = 0;
    if (actor->writes && !actor->failed && send_one(actor, &due_ns, &base_offset, &batch)) {
        sent = batch->header.message_count;
    } else if (actor->writes) {
        actor->writes = false; /* from now on it only reads */
        for (u32 i = 0; i < actor->flows_out_count && actor->counts; i++) {
            __atomic_fetch_sub(&actor->flows_out[i]->producers_left, 1, __ATOMIC_RELEASE);
        }
    }
    if (actor->failed || bench_run_stops(actor->run) || (sent == 0 && !actor->reads)) {
        return false;
    }
    bool polls = actor->reads && !(sent == 0 && flow_is_over(actor->flow_in));
    if (polls && !poll_one(actor, 0, bench_run_ns(actor->run), &messages)) {
        actor->failed = true;
        return false;
    }
    if (sent > 0) {
        take_sample(actor, actor->now_ns - due_ns,
                    batch->payload_bytes + actor->totals.received_bytes - bytes, sent + messages);
    }
    if (sent == 0 && messages == 0 && polls) {
        sleep_ns(MOMENT_NS);
    }
    return sent > 0 || polls;
}

/* ---- The life ---- */

bool actor_turn(struct actor *actor)
{
    if (gate_is_closing(&actor->run->gate)) {
        gate_wait(&actor->run->gate);
    }
    if (bench_run_stops(actor->run)) {
        return false;
    }
    if (bench_kind_row(actor->run->options->kind)->in_turns) {
        return actor->by_group ? group_turn(actor) : echo_turn(actor);
    }
    return actor->writes ? producer_turn(actor) : consumer_turn(actor);
}

static void start_pace(struct actor *actor)
{
    const struct bench_options *options = actor->run->options;
    double batch_bytes = (double)(options->message_bytes.min + options->message_bytes.max) / 2 *
                         (double)(options->batch_messages.min + options->batch_messages.max) / 2;
    struct pace_options pace = {
        .interval_ns = pace_interval_ns(batch_bytes, (double)actor->rate_bytes),
        .seed = options->seed + actor->number,
        .is_poisson = options->poisson,
        .is_open = !options->closed_loop,
    };
    pace_init(&actor->pace, &pace);
}

static bool open_library(struct actor *actor)
{
    const struct bench_options *options = actor->run->options;
    struct library_link_options library = {
        .address = options->server_address,
        .username = options->username,
        .password = options->password,
        .stream = actor->stream,
        .topic = topic_name,
        .group = actor->by_group ? actor->group : NULL,
        .number = actor->number,
        .writes = actor->writes,
        .has_keys = options->keys > 0,
        .waits = actor->run->waits_at_server,
        .partitions = (u32)options->partitions,
        .batch_messages = (u32)options->batch_messages.max,
        .message_bytes_max = (u32)options->message_bytes.max,
    };
    return library_link_open(&actor->library, &library, &actor->error);
}

static bool open_link(struct actor *actor)
{
    const struct bench_options *options = actor->run->options;
    u64 batch_bytes = options->batch_messages.max * (options->message_bytes.max + 64);
    struct bench_link_options link = {
        .address = options->server_address,
        .username = options->username,
        .password = options->password,
        .nodelay = options->nodelay,
        .is_v1 = options->generation == 1,
        .reply_bytes = actor->reads ? (u32)(2 * batch_bytes + POLL_BYTES_EXTRA) : 0,
    };
    return bench_link_open(&actor->link, &link, &actor->error) &&
           (!actor->by_group || !actor->reads || join_group(actor));
}

static bool set_up(struct actor *actor)
{
    const struct bench_options *options = actor->run->options;
    if (!(options->high_level_api ? open_library(actor) : open_link(actor))) {
        return false;
    }
    if (actor->writes) {
        static const u8 key[PREPARED_KEY_BYTES] = {0};
        u8 partitioning = options->keys > 0         ? PARTITIONING_KEY
                          : options->partitions > 1 ? PARTITIONING_BALANCED
                                                    : PARTITIONING_PARTITION;
        struct prepared_options prepared = {
            .message_bytes = options->message_bytes,
            .batch_messages = options->batch_messages,
            .interval_us = actor->message_interval_ns / 1000,
            .seed = options->seed * 4096 + actor->number,
            .is_v1 = actor->link.is_v1,
            .header = options->high_level_api
                          ? (struct request_header){.operation = OP_SEND_MESSAGES}
                          : bench_link_header(&actor->link, COMMAND_SEND_MESSAGES),
            .place = {.stream = identifier_of_name(span_of(actor->stream)),
                      .topic = identifier_of_name(span_of(topic_name)),
                      .partitioning = {.kind = partitioning, .key = {key, sizeof(key)}}},
            .entropy = (u32)options->entropy,
        };
        prepared_init(&actor->prepared, &prepared);
        prng_init(&actor->key_prng, options->seed * 8191 + actor->number);
    }
    start_pace(actor);
    (void)prctl(PR_SET_TIMERSLACK, 1);
    return true;
}

/* The same work, not counted; then what it left behind is read away. False: failed. */
static bool warm_up(struct actor *actor)
{
    bool writes = actor->writes;
    while (actor_turn(actor)) {
    }
    actor->writes = writes;
    gate_wait(&actor->run->gate);
    for (u32 empty = 0; actor->flow_in != NULL && !actor->failed;) {
        u32 messages = 0;
        actor->failed = !poll_one(actor, 0, 0, &messages);
        empty = messages == 0 ? empty + 1 : 0;
        if (empty > 2 * u32_max(1, actor->partitions_count)) {
            break;
        }
    }
    if (actor->flow_in == NULL) {
        actor->offset = 0;
        if (actor->library.consumer != NULL && !actor->by_group) {
            library_link_rewind(&actor->library);
        }
    }
    start_pace(actor);
    gate_wait(&actor->run->gate);
    return !actor->failed;
}

static u64 thread_cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (u64)now.tv_sec * 1000000000 + (u64)now.tv_nsec;
}

static void work(struct actor *actor)
{
    gate_wait(&actor->run->gate);
    if (actor->run->options->warmup_us > 0 && !warm_up(actor)) {
        return;
    }
    actor->counts = true;
    actor->empty_in_a_row = 0;
    actor->began_ns = bench_run_ns(actor->run);
    u64 cpu_ns = thread_cpu_ns();
    while (actor_turn(actor)) {
    }
    actor->cpu_ns = thread_cpu_ns() - cpu_ns;
}

void *actor_main(void *context)
{
    struct actor *actor = context;
    bool writes = actor->writes;
    if (set_up(actor)) {
        work(actor);
    } else {
        actor->failed = true;
    }
    if (actor->failed) {
        __atomic_store_n(&actor->run->stops, true, __ATOMIC_RELAXED);
    }
    if (actor->writes && actor->writes == writes) {
        for (u32 i = 0; i < actor->flows_out_count; i++) {
            __atomic_fetch_sub(&actor->flows_out[i]->producers_left, 1, __ATOMIC_RELEASE);
        }
    }
    actor->writes = writes;
    gate_leave(&actor->run->gate);
    bench_link_close(&actor->link);
    library_link_close(&actor->library);
    prepared_deinit(&actor->prepared);
    return NULL;
}
