#include "sim/audit.h"

#include <inttypes.h>

#include "base/check.h"
#include "wire/consumer.h"
#include "wire/login.h"
#include "wire/partition_info.h"
#include "wire/stream_info.h"

#define RETRY_US 50000u
#define FAILURES_MAX 20u
#define REFUSALS_MAX 20000u
#define REREADS_MAX 20u

static struct model *model_of(const struct audit *audit)
{
    return audit->workload->model;
}

static struct model_stream *stream_of(const struct audit *audit)
{
    return &model_of(audit)->streams[audit->stream];
}

static struct model_topic *topic_of(const struct audit *audit)
{
    return &stream_of(audit)->topics[audit->topic];
}

static struct model_partition *partition_of(const struct audit *audit)
{
    return &topic_of(audit)->partitions[audit->partition];
}

static void fail(struct audit *audit, enum checker checker, const char *what, u64 detail)
{
    verdict_fail(audit->workload->verdict, checker,
                 "audit of stream %u topic %u partition %u (numbers %u, %u): %s (%" PRIu64 ")",
                 audit->stream, audit->topic, audit->partition, stream_of(audit)->id,
                 topic_of(audit)->id, what, detail);
}

/* ---- Asking ---- */

static void call(struct audit *audit, enum command command, const struct writer *body)
{
    check(!body->failed);
    sim_client_call(&audit->client, &audit->call, command,
                    (struct span){body->data, body->position});
}

static void ask_login(struct audit *audit, struct writer *body)
{
    login_prefix_encode(&(struct login_prefix){.version = PROTOCOL_VERSION,
                                               .sdk_name = span_of("auditor"),
                                               .sdk_version = span_of("1")},
                        body);
    login_password_encode(&(struct login_password){.username = span_of("root"),
                                                   .password = span_of(WORKLOAD_PASSWORD)},
                          body);
    call(audit, COMMAND_REGISTER, body);
}

static void write_place(struct audit *audit, struct writer *body, bool with_topic)
{
    struct identifier stream = identifier_of_name(span_of(stream_of(audit)->name));
    struct identifier topic = identifier_of_name(span_of(topic_of(audit)->name));
    write_identifier(body, &stream);
    if (with_topic) {
        write_identifier(body, &topic);
    }
}

static struct offset_request target_of(struct audit *audit, u32 consumer)
{
    return (struct offset_request){
        .consumer = {.kind = CONSUMER_SINGLE, .identifier = identifier_of_id(consumer + 1)},
        .stream = identifier_of_name(span_of(stream_of(audit)->name)),
        .topic = identifier_of_name(span_of(topic_of(audit)->name)),
        .partition = {true, audit->partition},
    };
}

static void ask_poll(struct audit *audit, struct writer *body)
{
    struct offset_request target = target_of(audit, MODEL_CONSUMERS_MAX);
    bool one_by_one = audit->refusals > 0 && audit->refusals % 2 == 1;
    poll_request_encode(
        &(struct poll_request){
            .consumer = target.consumer,
            .stream = target.stream,
            .topic = target.topic,
            .partition = target.partition,
            .strategy = POLL_OFFSET,
            .value = audit->next,
            .count = one_by_one ? 1 : 1 + (u32)prng_below(&audit->prng, 400),
        },
        body);
    call(audit, COMMAND_POLL_MESSAGES, body);
}

static void ask(struct audit *audit)
{
    struct writer body = writer_over(audit->body, sizeof(audit->body));
    struct offset_request target;
    if (!audit->client.is_connected || audit->client.calls_count > 0 ||
        audit->workload->verdict->failed) {
        return;
    }
    switch (audit->step) {
    case AUDIT_LOGIN: ask_login(audit, &body); return;
    case AUDIT_STREAM:
        write_place(audit, &body, false);
        call(audit, COMMAND_GET_STREAM, &body);
        return;
    case AUDIT_TOPIC:
        write_place(audit, &body, true);
        call(audit, COMMAND_GET_TOPIC, &body);
        return;
    case AUDIT_POLL: ask_poll(audit, &body); return;
    case AUDIT_STORED:
        target = target_of(audit, audit->consumer);
        get_offset_request_encode(&target, &body);
        call(audit, COMMAND_GET_CONSUMER_OFFSET, &body);
        return;
    case AUDIT_DONE: return;
    }
}

/* ---- Walking ---- */

static void next_stream(struct audit *audit)
{
    audit->topic = 0;
    audit->stream++;
    audit->step = audit->stream < model_of(audit)->streams_count ? AUDIT_STREAM : AUDIT_DONE;
}

static void next_topic(struct audit *audit)
{
    audit->partition = 0;
    audit->topic++;
    audit->step = AUDIT_TOPIC;
    if (audit->topic == MODEL_TOPICS_MAX) {
        next_stream(audit);
    }
}

static void begin_reading(struct audit *audit)
{
    audit->step = AUDIT_POLL;
    audit->next = 0;
    audit->first = 0;
    audit->end = 0;
    audit->has_first = false;
    audit->refusals = 0;
}

static void begin_partition(struct audit *audit)
{
    begin_reading(audit);
    audit->rereads = 0;
    if (audit->partition == topic_of(audit)->partitions_count) {
        topic_of(audit)->purge_unknown = false;
        next_topic(audit);
    }
}

static void next_consumer(struct audit *audit)
{
    audit->consumer++;
    if (audit->consumer == audit->workload->actors_count) {
        audit->partition++;
        begin_partition(audit);
    }
}

/* ---- Judging ---- */

static void topic_is_absent(struct audit *audit, struct model_topic *topic)
{
    topic->deletions += topic->existence == MODEL_ABSENT ? 0 : 1;
    topic->existence = MODEL_ABSENT;
    topic->purge_unknown = false;
    topic->partitions_count = 0;
    topic->partitions_other = 0;
    model_purge(model_of(audit), topic, 0);
}

static void on_stream(struct audit *audit, struct span body)
{
    struct model_stream *stream = stream_of(audit);
    struct reader reader = reader_over(body.data, body.size);
    bool is_there = body.size > 0;
    if ((stream->existence == MODEL_PRESENT && !is_there) ||
        (stream->existence == MODEL_ABSENT && is_there)) {
        fail(audit, CHECK_model_agrees,
             is_there ? "the deleted stream is there" : "the stream is gone", stream->id);
        return;
    }
    if (!is_there) {
        for (u32 i = 0; i < MODEL_TOPICS_MAX; i++) {
            topic_is_absent(audit, &stream->topics[i]);
        }
        stream->deletions += stream->existence == MODEL_ABSENT ? 0 : 1;
        stream->existence = MODEL_ABSENT;
        next_stream(audit);
        return;
    }
    struct stream_info info = read_stream_info(&reader);
    if (reader.failed || (stream->existence == MODEL_PRESENT && info.id != stream->id)) {
        fail(audit, CHECK_model_agrees, "the stream has another number", info.id);
        return;
    }
    stream->existence = MODEL_PRESENT;
    stream->id = info.id;
    audit->topic = 0;
    audit->step = AUDIT_TOPIC;
}

static void on_topic(struct audit *audit, struct span body)
{
    struct model_topic *topic = topic_of(audit);
    struct reader reader = reader_over(body.data, body.size);
    bool is_there = body.size > 0;
    if ((topic->existence == MODEL_PRESENT && !is_there) ||
        (topic->existence == MODEL_ABSENT && is_there)) {
        fail(audit, CHECK_model_agrees,
             is_there ? "the deleted topic is there" : "the topic is gone", topic->id);
        return;
    }
    if (!is_there) {
        topic_is_absent(audit, topic);
        next_topic(audit);
        return;
    }
    struct topic_view view = read_topic_view(&reader);
    u32 partitions_count = view.info.partitions_count;
    if (reader.failed || (topic->existence == MODEL_PRESENT && view.info.id != topic->id) ||
        (partitions_count != topic->partitions_count &&
         partitions_count != topic->partitions_other)) {
        fail(audit, CHECK_model_agrees, "the topic has another number or partitions",
             partitions_count);
        return;
    }
    topic->existence = MODEL_PRESENT;
    topic->id = view.info.id;
    topic->partitions_count = partitions_count;
    topic->partitions_other = partitions_count;
    model_purge(model_of(audit), topic, partitions_count);
    audit->partition = 0;
    begin_partition(audit);
}

/* An unanswered purge happened when nothing of before is there. */
static void settle_purge(struct audit *audit, struct span body)
{
    struct model_partition *partition = partition_of(audit);
    struct poll_reply reply;
    struct polled_message message;
    if (poll_reply_decode(body, &reply) != OK) {
        return; /* poll_judge says so */
    }
    struct poll_iterator iterator = poll_iterate(&reply);
    const struct model *model = model_of(audit);
    bool old = false;
    /* The first ones may be of sends that nobody knows; one that was bound is of before. */
    while (!old && poll_next(&iterator, &message)) {
        u64 number = message.id.low >> 32;
        old = number > 0 && number <= model->sends_count &&
              (model->sends[number - 1]->state == SEND_BOUND ||
               model->sends[number - 1]->is_unplaced);
    }
    /* All expired, but the offsets go on: after a purge they would begin anew. */
    bool expired = reply.prefix.messages_count == 0 && reply.prefix.current_offset > 0 &&
                   reply.prefix.current_offset + 1 >= model_end(partition);
    if (old || expired || partition->runs_count == 0) {
        return;
    }
    for (u32 i = 0; i < partition->runs_count; i++) {
        model->sends[partition->runs[i].send - 1]->state = SEND_PURGED;
    }
    partition->runs_count = 0;
    partition->first = 0;
    for (u32 i = 0; i < MODEL_CONSUMERS_MAX; i++) {
        bool any = partition->stored[i].any || partition->stored[i].unsure;
        model_stored_settle(&partition->stored[i], MODEL_NONE);
        partition->stored[i].any = any; /* stored while nobody knew of the purge */
    }
}

static bool may_lose(const struct audit *audit)
{
    switch (model_level_of(model_of(audit), topic_of(audit))) {
    case MODEL_SYNC: return false;
    case MODEL_OS: return audit->may_lose_os;
    case MODEL_MEMORY: return audit->may_lose_memory;
    }
    return false;
}

/* Stored offsets beyond a cut are set to the new end: at once, or at a later start when the tail
 * could not be copied at this one, so that it stays and the partition is only read. */
static void cut_stored(struct model_partition *partition, u64 end)
{
    for (u32 i = 0; i < MODEL_CONSUMERS_MAX; i++) {
        struct model_stored *stored = &partition->stored[i];
        for (u32 j = 0; j < stored->values_count; j++) {
            if (stored->values[j] != MODEL_NONE && stored->values[j] >= end) {
                model_store_begin(stored, end);
                model_store_begin(stored, end == 0 ? MODEL_NONE : end - 1);
                break;
            }
        }
    }
}

static void end_partition(struct audit *audit)
{
    struct model_partition *partition = partition_of(audit);
    struct model_found found = {
        .first = audit->has_first ? audit->first : audit->end,
        .end = audit->end,
        .may_lose = may_lose(audit),
        .lost_before_us = audit->lost_before_us,
    };
    model_audit_partition(model_of(audit), partition, &found);
    cut_stored(partition, audit->end);
    audit->consumer = 0;
    audit->step = AUDIT_STORED;
}

/* In a trimmed log a poll begins at the oldest offset that is left. Only the server knows which one
 * that is: it may be the first of a rotten segment. */
static void skip_trimmed(struct audit *audit)
{
    const struct model_partition *partition = partition_of(audit);
    u64 from = UINT64_MAX;
    for (u32 i = 0; i < partition->rotten_count; i++) {
        if (partition->rotten[i].from > audit->next) {
            from = u64_min(from, partition->rotten[i].from);
        }
    }
    bool may_skip = partition->trims && !audit->has_first && from != UINT64_MAX;
    if (may_skip && !model_offset_is_rotten(partition, audit->next)) {
        audit->next = from;
    }
}

/* Is the rest of the log, from here on, excused by rot? */
static void over_rot(struct audit *audit)
{
    const struct model_partition *partition = partition_of(audit);
    u64 end = model_end(partition);
    skip_trimmed(audit);
    if (audit->next >= end) {
        audit->end = u64_max(audit->end, end);
        end_partition(audit);
        return;
    }
    if (!model_offset_is_rotten(partition, audit->next)) {
        fail(audit, CHECK_acknowledged_is_readable, "an offset cannot be read", audit->next);
        return;
    }
    if (!audit->has_first) {
        audit->has_first = true;
        audit->first = audit->next;
    }
    audit->refusals++;
    audit->next++;
    audit->end = u64_max(audit->end, audit->next);
    if (audit->refusals > REFUSALS_MAX) {
        fail(audit, CHECK_catches_up, "too many unreadable offsets", audit->next);
    }
}

/* A segment may expire between two polls. Then the log is read from its beginning again: it begins
 * behind the gap, or the gap is there again and is none that time explains. */
static bool read_again(struct audit *audit)
{
    if (!partition_of(audit)->expires || audit->rereads == REREADS_MAX) {
        return false;
    }
    begin_reading(audit);
    audit->rereads++;
    return true;
}

static void on_gap(struct audit *audit, enum checker checker, const char *what)
{
    if (!read_again(audit)) {
        fail(audit, checker, what, audit->next);
    }
}

static void on_poll(struct audit *audit, struct span body)
{
    struct model_partition *partition = partition_of(audit);
    struct poll_judgement is;
    if (topic_of(audit)->purge_unknown && audit->next == 0) {
        settle_purge(audit, body);
        model_doubt_unplaced(model_of(audit), partition);
    }
    if (!poll_judge(audit->workload, partition, false, &(struct poll_answer){body, false}, &is)) {
        return;
    }
    if (is.messages > 0) {
        if (!audit->has_first) {
            audit->first = is.first;
            audit->has_first = true;
        } else if (is.first != audit->next && !model_offset_is_rotten(partition, audit->next)) {
            on_gap(audit, CHECK_offsets_are_dense, "a poll skipped offsets");
            return;
        }
        audit->next = is.next;
        audit->end = is.next;
        if (is.next <= is.current_offset) {
            return; /* go on */
        }
    } else if (partition->trims && !audit->has_first) {
        /* All expired: only the current offset tells how far the log went. 0 is one message, or
         * none. */
        u64 known_end = may_lose(audit) ? 0 : u64_min(model_end(partition), 1);
        audit->end = u64_max(audit->end, is.current_offset > 0 ? is.current_offset + 1 : known_end);
    } else if (audit->next <= is.current_offset && is.current_offset > 0) {
        if (!model_offset_is_rotten(partition, audit->next)) {
            on_gap(audit, CHECK_acknowledged_is_readable, "a poll below the end returned nothing");
            return;
        }
        audit->next++; /* its segment was unreadable, and has been deleted since */
        audit->end = u64_max(audit->end, audit->next);
        return;
    }
    end_partition(audit);
}

static void on_stored(struct audit *audit, struct span body)
{
    struct model_stored *stored = &partition_of(audit)->stored[audit->consumer];
    struct offset_reply reply;
    u64 offset = MODEL_NONE;
    enum status decoded = offset_reply_decode(body, &reply);
    if (decoded == OK) {
        offset = reply.stored_offset;
    } else if (decoded != ERR_NOT_FOUND) {
        fail(audit, CHECK_model_agrees, "an unreadable stored offset", audit->consumer);
        return;
    }
    if (!model_stored_allows(stored, offset) && !model_of(audit)->offsets_rotted) {
        verdict_fail(audit->workload->verdict, CHECK_stored_offset_stays,
                     "after a restart consumer %u of %s/%s/%u has stored %" PRIu64
                     " instead of %" PRIu64 " (%u possible)",
                     audit->consumer + 1, stream_of(audit)->name, topic_of(audit)->name,
                     audit->partition, offset, stored->values[0], stored->values_count);
        return;
    }
    model_stored_settle(stored, offset);
    next_consumer(audit);
}

/* ---- Answers ---- */

static void retry(void *context, u64 word)
{
    struct audit *audit = context;
    if (audit->step == AUDIT_DONE || word != audit->client.connects_count) {
        return;
    }
    if (audit->client.conn == NULL) {
        sim_client_connect(&audit->client, 0);
    } else {
        ask(audit);
    }
}

static void retry_later(struct audit *audit)
{
    sim_after(audit->workload->sim, RETRY_US, retry, audit, audit->client.connects_count);
}

static void on_status(struct audit *audit, u32 status)
{
    if (audit->step == AUDIT_POLL && partition_of(audit)->rotten_count > 0) {
        over_rot(audit);
        ask(audit);
    } else if (workload_excuses(audit->workload, status)) {
        audit->wants_restart = audit->failures++ >= FAILURES_MAX;
        audit->failure = status;
        retry_later(audit);
    } else {
        fail(audit, CHECK_acknowledged_is_readable, wire_error_name(status), audit->next);
    }
}

static void on_reply(void *context, struct sim_client_call *answered,
                     const struct sim_client_reply *reply)
{
    struct audit *audit = context;
    check(answered == &audit->call);
    if (reply->is_eviction || reply->status != WIRE_OK) {
        on_status(audit, reply->is_eviction ? WIRE_UNAUTHENTICATED : reply->status);
        return;
    }
    audit->failures = 0;
    switch (audit->step) {
    case AUDIT_LOGIN: audit->step = AUDIT_STREAM; break;
    case AUDIT_STREAM: on_stream(audit, reply->body); break;
    case AUDIT_TOPIC: on_topic(audit, reply->body); break;
    case AUDIT_POLL: on_poll(audit, reply->body); break;
    case AUDIT_STORED: on_stored(audit, reply->body); break;
    case AUDIT_DONE: break;
    }
    ask(audit);
}

static void on_connected(void *context)
{
    ask(context);
}

static void on_lost(void *context, struct sim_client_call *lost)
{
    (void)context;
    (void)lost;
}

/* Its session went with the connection: log in, then all over again; it is cheap and always right.
 * */
static void on_closed(void *context)
{
    struct audit *audit = context;
    if (audit->step != AUDIT_DONE) {
        audit->step = AUDIT_LOGIN;
        audit->stream = 0;
        audit->topic = 0;
        audit->partition = 0;
        retry_later(audit);
    }
}

void audit_init(struct audit *audit, struct workload *workload, u64 seed)
{
    *audit = (struct audit){.workload = workload, .step = AUDIT_DONE, .lost_before_us = UINT64_MAX};
    prng_init(&audit->prng, seed);
    sim_client_init(&audit->client, workload->sim, 99, workload->verdict);
    audit->client.context = audit;
    audit->client.on_connected = on_connected;
    audit->client.on_reply = on_reply;
    audit->client.on_lost = on_lost;
    audit->client.on_closed = on_closed;
}

void audit_deinit(struct audit *audit)
{
    audit_end(audit);
    sim_client_deinit(&audit->client);
}

void audit_begin(struct audit *audit, bool was_power_loss, bool was_kill, u64 lost_before_us)
{
    check(audit->client.conn == NULL);
    audit->step = AUDIT_LOGIN;
    audit->stream = 0;
    audit->topic = 0;
    audit->partition = 0;
    audit->failures = 0;
    audit->wants_restart = false;
    /* An audit that a crash cut short settled only a part: what may be lost adds up. */
    audit->may_lose_os = audit->may_lose_os || was_power_loss;
    audit->may_lose_memory = audit->may_lose_memory || was_power_loss || was_kill;
    audit->lost_before_us = u64_min(audit->lost_before_us, lost_before_us);
    sim_client_connect(&audit->client, 0);
}

bool audit_is_done(const struct audit *audit)
{
    return audit->step == AUDIT_DONE;
}

void audit_end(struct audit *audit)
{
    bool done = audit->step == AUDIT_DONE;
    audit->step = AUDIT_DONE;
    if (done) {
        audit->may_lose_os = false;
        audit->may_lose_memory = false;
        audit->lost_before_us = UINT64_MAX;
    }
    if (audit->client.conn != NULL) {
        sim_client_end(&audit->client, CLIENT_CLOSES);
    }
}
