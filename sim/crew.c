#include "sim/crew.h"

#include <stdio.h>

#include "base/check.h"
#include "sim/operation.h"
#include "wire/batch.h"
#include "wire/consumer.h"
#include "wire/frame.h"
#include "wire/group_info.h"
#include "wire/login.h"
#include "wire/options.h"
#include "wire/send.h"
#include "wire/stream_info.h"

#define STREAM_NAME "crew"
#define TOPIC_NAME "work"
#define GROUP_NAME "hands"
#define MESSAGE_MARK 0x43524557ull

static u64 draw(struct crew_hand *hand, u64 bound)
{
    return prng_below(&hand->prng, bound);
}

static struct workload *workload_of(const struct crew_hand *hand)
{
    return hand->crew->workload;
}

static void disagree(const struct crew_hand *hand, enum checker checker, const char *what,
                     u64 value)
{
    verdict_fail(workload_of(hand)->verdict, checker,
                 "member %u (generation %llx, partitions %x): %s (%llu)", hand->index,
                 (unsigned long long)hand->generation, hand->partitions, what,
                 (unsigned long long)value);
}

/* One line for whoever reads a failure. */
static void tell(const struct crew_hand *hand, const char *end, u32 status)
{
    static const char *const asked[] = {
        [CREW_LOGIN] = "login",
        [CREW_STREAM] = "make stream",
        [CREW_TOPIC] = "make topic",
        [CREW_GROUP] = "make group",
        [CREW_LOOK] = "look",
        [CREW_SEND] = "send",
        [CREW_JOIN] = "join",
        [CREW_LEAVE] = "leave",
        [CREW_SYNC] = "sync",
        [CREW_POLL] = "poll",
        [CREW_SYNC_AGAIN] = "sync again",
        [CREW_COMMIT] = "commit",
    };
    const struct workload *workload = workload_of(hand);
    if (workload->prints) {
        fprintf(stderr,
                "%llu us: member %u %s (asked %llu us, partition %u%s, generation %llx, has %x): "
                "%s %u\n",
                (unsigned long long)sim_now_us(workload->sim), hand->index, asked[hand->asked],
                (unsigned long long)hand->call.issued_us, hand->polled,
                hand->commits ? " commits" : "", (unsigned long long)hand->generation,
                hand->partitions, end, status);
    }
}

/* ---- Asking ---- */

static struct writer body_of(struct crew_hand *hand)
{
    return writer_over(hand->crew->body, sizeof(hand->crew->body));
}

static void ask(struct crew_hand *hand, enum crew_ask asked, enum command command,
                const struct writer *body)
{
    check(!body->failed);
    check(!hand->is_busy);
    hand->is_busy = true;
    hand->asked = asked;
    hand->call = (struct sim_client_call){0};
    workload_of(hand)->operations_asked++;
    sim_client_call(&hand->client, &hand->call, command, (struct span){body->data, body->position});
}

static void ask_login(struct crew_hand *hand)
{
    struct writer body = body_of(hand);
    login_prefix_encode(&(struct login_prefix){.version = PROTOCOL_VERSION,
                                               .sdk_name = span_of("crew"),
                                               .sdk_version = span_of("1")},
                        &body);
    login_password_encode(&(struct login_password){.username = span_of("root"),
                                                   .password = span_of(WORKLOAD_PASSWORD)},
                          &body);
    ask(hand, CREW_LOGIN, COMMAND_REGISTER, &body);
}

static void ask_group(struct crew_hand *hand, enum crew_ask asked, enum command command)
{
    struct writer body = body_of(hand);
    group_request_encode(&(struct group_request){.stream = identifier_of_name(span_of(STREAM_NAME)),
                                                 .topic = identifier_of_name(span_of(TOPIC_NAME)),
                                                 .group = identifier_of_name(span_of(GROUP_NAME))},
                         &body);
    ask(hand, asked, command, &body);
}

/* The next request is about this partition. */
static void aim(struct crew_hand *hand, u32 partition, u64 commits)
{
    hand->polled = partition;
    hand->commits = commits != 0;
    group_model_ask(&hand->crew->model, hand->index, partition, commits,
                    sim_now_us(workload_of(hand)->sim));
}

static struct offset_request offset_target(const struct crew_hand *hand)
{
    return (struct offset_request){
        .consumer = {.kind = CONSUMER_GROUP, .identifier = identifier_of_name(span_of(GROUP_NAME))},
        .stream = identifier_of_name(span_of(STREAM_NAME)),
        .topic = identifier_of_name(span_of(TOPIC_NAME)),
        .partition = {true, hand->polled},
    };
}

static void ask_look(struct crew_hand *hand, u32 partition)
{
    struct writer body = body_of(hand);
    aim(hand, partition, 0);
    struct offset_request target = offset_target(hand);
    get_offset_request_encode(&target, &body);
    ask(hand, CREW_LOOK, COMMAND_GET_CONSUMER_OFFSET, &body);
}

static void ask_commit(struct crew_hand *hand, u32 partition)
{
    struct writer body = body_of(hand);
    u64 next = hand->handed_next[partition];
    aim(hand, partition, next);
    hand->handed_next[partition] = 0;
    hand->is_synced = draw(hand, 3) != 0;
    store_offset_request_encode(
        &(struct store_offset_request){offset_target(hand), next - 1, hand->is_synced}, &body);
    ask(hand, CREW_COMMIT, COMMAND_STORE_CONSUMER_OFFSET, &body);
}

static void ask_poll(struct crew_hand *hand)
{
    u32 partition = (u32)draw(hand, CREW_PARTITIONS);
    for (u32 tries = 0; tries < 8 && (hand->partitions >> partition & 1) == 0; tries++) {
        partition = (u32)draw(hand, CREW_PARTITIONS); /* now and then it is another's */
    }
    bool commits = draw(hand, 2) == 0;
    aim(hand, partition, commits ? GROUP_NEXT_ANY : 0);
    hand->is_synced = true;
    if (commits) {
        hand->handed_next[partition] = 0;
    }
    struct writer body = body_of(hand);
    poll_request_encode(
        &(struct poll_request){
            .consumer = {.kind = CONSUMER_GROUP,
                         .identifier = identifier_of_name(span_of(GROUP_NAME))},
            .stream = identifier_of_name(span_of(STREAM_NAME)),
            .topic = identifier_of_name(span_of(TOPIC_NAME)),
            .partition = {true, partition},
            .strategy = POLL_NEXT,
            .count = 5,
            .auto_commit = commits,
        },
        &body);
    ask(hand, CREW_POLL, COMMAND_POLL_MESSAGES, &body);
}

/* ---- The leader ---- */

static void ask_topic(struct crew_hand *hand)
{
    u8 options[128];
    struct writer writer = writer_over(options, sizeof(options));
    write_option_string(&writer, "durability", span_of("replicated"));
    struct writer body = body_of(hand);
    create_topic_request_encode(
        &(struct create_topic_request){
            .stream = identifier_of_name(span_of(STREAM_NAME)),
            .partitions_count = CREW_PARTITIONS,
            .name = span_of(TOPIC_NAME),
            .options = {options, writer.position},
        },
        &body);
    ask(hand, CREW_TOPIC, COMMAND_CREATE_TOPIC, &body);
}

static void ask_send(struct crew_hand *hand)
{
    struct writer body = body_of(hand);
    u32 partition = (u32)draw(hand, CREW_PARTITIONS);
    send_request_encode(
        &(struct send_request){
            .stream = identifier_of_name(span_of(STREAM_NAME)),
            .topic = identifier_of_name(span_of(TOPIC_NAME)),
            .partitioning = {.kind = PARTITIONING_PARTITION, .partition_id = partition},
            .messages_count = 1,
        },
        &body);
    struct batch_builder builder;
    batch_builder_init(&builder, body.data + body.position, body.capacity - body.position, 1000);
    enum status status =
        batch_builder_add(&builder, &(struct batch_message){
                                        .id = {.low = ++hand->crew->sent, .high = MESSAGE_MARK},
                                        .origin_timestamp_us = 1000,
                                        .payload = span_of("work"),
                                    });
    check(status == OK);
    body.position += batch_builder_finish(&builder);
    ask(hand, CREW_SEND, COMMAND_SEND_MESSAGES, &body);
}

/* Makes everything anew after each start: it is there, and says so. */
static void lead(struct crew_hand *hand)
{
    struct crew *crew = hand->crew;
    struct writer body = body_of(hand);
    switch ((u32)crew->next_make) {
    case CREW_STREAM:
        create_stream_request_encode(&(struct create_stream_request){.name = span_of(STREAM_NAME)},
                                     &body);
        ask(hand, CREW_STREAM, COMMAND_CREATE_STREAM, &body);
        break;
    case CREW_TOPIC: ask_topic(hand); break;
    case CREW_GROUP:
        create_group_request_encode(
            &(struct create_group_request){.stream = identifier_of_name(span_of(STREAM_NAME)),
                                           .topic = identifier_of_name(span_of(TOPIC_NAME)),
                                           .name = span_of(GROUP_NAME)},
            &body);
        ask(hand, CREW_GROUP, COMMAND_CREATE_GROUP, &body);
        break;
    case CREW_LOOK: ask_look(hand, crew->looks_count); break;
    default: ask_send(hand); break;
    }
}

static void on_made(struct crew_hand *hand, u32 status, u32 already)
{
    struct crew *crew = hand->crew;
    if (status != WIRE_OK && status != already) {
        if (!workload_excuses(workload_of(hand), status)) {
            disagree(hand, CHECK_model_agrees, "the crew's own could not be made", status);
        }
        return;
    }
    if (hand->asked == CREW_GROUP) {
        if (crew->is_made && status == WIRE_OK) {
            disagree(hand, CHECK_groups_hold, "the group was gone after a restart", status);
        }
        crew->is_made = true;
    }
    crew->next_make = (enum crew_ask)(hand->asked + 1);
}

/* ---- Judging the members ---- */

/* All who ask in one generation are told the same. */
static void compare_generation(struct crew_hand *hand)
{
    struct crew_generation *told =
        &hand->crew->generations[hand->generation % CREW_GENERATIONS_KEPT];
    if (told->generation != hand->generation) {
        *told = (struct crew_generation){.generation = hand->generation};
    }
    for (u32 i = 0; i < CREW_PARTITIONS; i++) {
        bool owns = (hand->partitions >> i & 1) != 0;
        if (owns && told->owners[i] != 0 && told->owners[i] != hand->index) {
            disagree(hand, CHECK_groups_hold, "two members were given one partition", i);
            return;
        }
        if (!owns && told->owners[i] == hand->index) {
            disagree(hand, CHECK_groups_hold, "it lost a partition within a generation", i);
            return;
        }
        told->owners[i] = owns ? hand->index : told->owners[i];
    }
}

/* False: it is no member any more. */
static bool take_assignment(struct crew_hand *hand, struct span body)
{
    struct group_assignment assignment;
    enum status status = group_assignment_decode(body, &assignment);
    if (status == ERR_NOT_FOUND) {
        if (hand->joined) {
            disagree(hand, CHECK_groups_hold, "a member was forgotten", 0);
        }
        return false;
    }
    if (status != OK || assignment.generation < hand->generation) {
        disagree(hand, CHECK_groups_hold, "a generation fell, or cannot be read",
                 status == OK ? assignment.generation : 0);
        return false;
    }
    group_model_is_member(&hand->crew->model, hand->index, hand->call.issued_us);
    hand->generation = assignment.generation;
    hand->partitions = 0;
    for (u32 i = 0; i < assignment.partitions_count; i++) {
        u32 partition = get_u32(assignment.partitions + 4 * (size_t)i);
        if (partition >= CREW_PARTITIONS) {
            disagree(hand, CHECK_groups_hold, "a partition that is not there", partition);
            return false;
        }
        hand->partitions |= 1u << partition;
    }
    compare_generation(hand);
    return true;
}

/* What is stored may have changed by itself: rot, or a log that was cut. */
static bool may_forget(const struct crew_hand *hand)
{
    const struct workload *workload = workload_of(hand);
    return sim_counts(workload->sim)->rots > 0 ||
           (workload->model->level == MODEL_MEMORY && workload_disk_broke(workload));
}

/* True when the group's model has nothing to learn from the answer: it was refused. */
static bool is_refused(struct crew_hand *hand, u32 status, const char *what)
{
    struct group_model *model = &hand->crew->model;
    if (status == WIRE_GROUP_PARTITION_NOT_OWNED || status == WIRE_GROUP_MEMBER_NOT_FOUND) {
        group_model_not_owned(model, hand->index, sim_now_us(workload_of(hand)->sim));
    } else if (status == WIRE_OK && !may_forget(hand)) {
        return false;
    } else {
        group_model_lost(model, hand->index);
        bool is_cut = status == WIRE_INVALID_OFFSET && may_forget(hand);
        if (status != WIRE_OK && !is_cut && !workload_excuses(workload_of(hand), status)) {
            disagree(hand, CHECK_model_agrees, what, status);
        }
    }
    return true;
}

/* It may dawdle longer than the group is patient. */
static u64 draw_delay_us(struct crew_hand *hand)
{
    u64 handover_us = workload_of(hand)->schedule->settings.group_handover_us;
    return draw(hand, draw(hand, 4) == 0 ? handover_us * 3 / 2 : US_PER_SECOND);
}

static void take_messages(struct crew_hand *hand, const struct poll_reply *reply)
{
    const struct workload *workload = workload_of(hand);
    u64 now_us = sim_now_us(workload->sim);
    struct poll_iterator iterator = poll_iterate(reply);
    struct polled_message message;
    struct group_model_read read = {.is_durable = workload->offsets_durable};
    for (u32 i = 0; poll_next(&iterator, &message); i++) {
        read.first = i == 0 ? message.offset : read.first;
        read.next = message.offset + 1;
    }
    if (read.next == 0) {
        group_model_refused(&hand->crew->model, hand->index);
        return;
    }
    group_model_read(&hand->crew->model, hand->index, &read, now_us);
    if (!hand->commits) {
        hand->handed_next[hand->polled] = read.next;
        hand->commit_at_us[hand->polled] = now_us + draw_delay_us(hand);
    }
}

static void on_polled(struct crew_hand *hand, u32 status, struct span body)
{
    struct poll_reply reply;
    hand->was_served = false;
    if (status == WIRE_OK && poll_reply_decode(body, &reply) != OK) {
        disagree(hand, CHECK_model_agrees, "a poll as a member, unreadably", status);
        return;
    }
    hand->was_served = status == WIRE_OK && reply.prefix.partition_id != POLL_RESYNC_PARTITION;
    if (!is_refused(hand, status, "a poll as a member")) {
        take_messages(hand, &reply);
    }
}

static void on_committed(struct crew_hand *hand, u32 status)
{
    const struct workload *workload = workload_of(hand);
    if (!is_refused(hand, status, "a commit as a member")) {
        group_model_committed(&hand->crew->model, hand->index,
                              workload->offsets_durable && hand->is_synced,
                              sim_now_us(workload->sim));
    }
}

static void on_looked(struct crew_hand *hand, u32 status, struct span body)
{
    struct offset_reply reply;
    if (hand->index == 0 && status == WIRE_OK && ++hand->crew->looks_count == CREW_PARTITIONS) {
        hand->crew->next_make = CREW_SEND;
    }
    if (is_refused(hand, status, "a look at the group's offset")) {
        return;
    }
    enum status decoded = offset_reply_decode(body, &reply);
    if (decoded != OK && decoded != ERR_NOT_FOUND) {
        disagree(hand, CHECK_model_agrees, "a look at the group's offset, unreadably", decoded);
        return;
    }
    group_model_looked(&hand->crew->model, hand->index,
                       decoded == OK ? reply.stored_offset + 1 : 0);
}

/* The second sync around a poll: the generation is the same, so the poll was made in it. */
static void on_synced_again(struct crew_hand *hand, struct span body)
{
    u64 generation = hand->generation;
    if (!take_assignment(hand, body)) {
        hand->joined = false;
        return;
    }
    bool owns = (hand->partitions >> hand->polled & 1) != 0;
    if (generation == hand->generation && hand->was_served && !owns) {
        disagree(hand, CHECK_groups_hold, "it was served a partition of another", hand->polled);
    }
}

/* ---- Answers ---- */

/* It came back so early that the server cannot have given it up: clocks drift. */
static bool is_waited_for(const struct crew_hand *hand)
{
    const struct schedule *schedule = workload_of(hand)->schedule;
    u64 grace_us = schedule->settings.group_grace_us;
    return hand->was_member && hand->starts_count == schedule->starts_count &&
           sim_now_us(workload_of(hand)->sim) - hand->alive_us < grace_us - grace_us / 100;
}

static void on_login(struct crew_hand *hand, const struct sim_client_reply *reply)
{
    struct login_reply login;
    u32 error = WIRE_OK;
    hand->logged_in = !reply->is_eviction && reply->status == WIRE_OK &&
                      login_reply_decode(reply->body, &login, &error) == OK && error == WIRE_OK;
    if (hand->logged_in) {
        hand->client.session = login.session;
        hand->joined = is_waited_for(hand);
        hand->was_member = false;
    }
}

static void take_answer(struct crew_hand *hand, u32 status, struct span body)
{
    switch (hand->asked) {
    case CREW_STREAM: on_made(hand, status, WIRE_STREAM_NAME_ALREADY_EXISTS); break;
    case CREW_TOPIC: on_made(hand, status, WIRE_TOPIC_NAME_ALREADY_EXISTS); break;
    case CREW_GROUP: on_made(hand, status, WIRE_GROUP_NAME_ALREADY_EXISTS); break;
    case CREW_JOIN: hand->joined = status == WIRE_OK; break;
    case CREW_LEAVE: hand->joined = hand->joined && status != WIRE_OK; break;
    case CREW_SYNC:
        if (status == WIRE_OK && !take_assignment(hand, body)) {
            hand->joined = false;
        }
        break;
    case CREW_POLL: on_polled(hand, status, body); break;
    case CREW_SYNC_AGAIN:
        if (status == WIRE_OK) {
            on_synced_again(hand, body);
        }
        break;
    case CREW_LOOK: on_looked(hand, status, body); break;
    case CREW_COMMIT: on_committed(hand, status); break;
    case CREW_LOGIN:
    case CREW_SEND: break;
    }
}

static void on_reply(void *context, struct sim_client_call *call,
                     const struct sim_client_reply *reply)
{
    struct crew_hand *hand = context;
    check(call == &hand->call);
    hand->is_busy = false;
    workload_of(hand)->operations_count++;
    if (hand->asked == CREW_LOGIN) {
        on_login(hand, reply);
        return;
    }
    u32 status = reply->is_eviction ? WIRE_UNAUTHENTICATED : reply->status;
    if (status == WIRE_OK && command_row(hand->call.command)->framed) {
        struct reader reader = reader_over(reply->body.data, reply->body.size);
        status = read_result(&reader);
    }
    tell(hand, "answered", status);
    if (!reply->is_eviction && status != WIRE_UNAUTHENTICATED) {
        hand->alive_us = hand->call.issued_us;
    }
    take_answer(hand, status, reply->body);
}

/* ---- Steps ---- */

/* Now and then somebody dies, hangs, or goes without a word. */
static void misbehave(struct crew_hand *hand)
{
    switch (draw(hand, 4)) {
    case 0: sim_client_end(&hand->client, CLIENT_RESETS); break;
    case 1: sim_client_end(&hand->client, CLIENT_VANISHES); break;
    case 2: sim_client_pause_reading(&hand->client, draw(hand, 4 * US_PER_SECOND)); break;
    default: sim_client_end(&hand->client, CLIENT_CLOSES); break;
    }
}

/* It forgets what it was handed: others will be. */
static void forget_handed(struct crew_hand *hand)
{
    group_model_left(&hand->crew->model, hand->index);
    for (u32 i = 0; i < CREW_PARTITIONS; i++) {
        hand->handed_next[i] = 0;
    }
}

/* Something it was handed is to be committed now, whosever the partition is by now. */
static bool commits_something(struct crew_hand *hand)
{
    u64 now_us = sim_now_us(workload_of(hand)->sim);
    for (u32 i = 0; i < CREW_PARTITIONS; i++) {
        if (hand->handed_next[i] != 0 && now_us >= hand->commit_at_us[i]) {
            ask_commit(hand, i);
            return true;
        }
    }
    return false;
}

static void follow(struct crew_hand *hand)
{
    if (!hand->joined) {
        ask_group(hand, CREW_JOIN, COMMAND_JOIN_GROUP);
    } else if (draw(hand, 60) == 0) {
        misbehave(hand);
    } else if (hand->asked != CREW_POLL && commits_something(hand)) {
        return;
    } else if (hand->asked != CREW_POLL && draw(hand, 20) == 0) {
        ask_look(hand, (u32)draw(hand, CREW_PARTITIONS));
    } else if (hand->asked == CREW_SYNC) {
        ask_poll(hand);
    } else if (hand->asked == CREW_POLL) {
        ask_group(hand, CREW_SYNC_AGAIN, COMMAND_SYNC_GROUP);
    } else if (draw(hand, 25) == 0) {
        forget_handed(hand);
        ask_group(hand, CREW_LEAVE, COMMAND_LEAVE_GROUP);
    } else {
        ask_group(hand, CREW_SYNC, COMMAND_SYNC_GROUP);
    }
}

/* A new start of the server: all is made anew, and what was stored is looked at. */
static void notice_start(struct crew *crew)
{
    u32 starts_count = crew->workload->schedule->starts_count;
    if (crew->starts_count != starts_count) {
        crew->starts_count = starts_count;
        crew->next_make = CREW_STREAM;
        crew->looks_count = 0;
        group_model_started(&crew->model);
        if (crew->offset_cuts != crew->workload->schedule->offset_cuts_logged) {
            crew->offset_cuts = crew->workload->schedule->offset_cuts_logged;
            group_model_cut(&crew->model);
        }
    }
}

static void step(struct crew_hand *hand)
{
    notice_start(hand->crew);
    if (hand->client.conn == NULL) {
        sim_client_connect(&hand->client, 0);
    } else if (!hand->client.is_connected) {
        return;
    } else if (!hand->logged_in) {
        ask_login(hand);
    } else if (hand->index == 0) {
        lead(hand);
    } else if (hand->crew->is_made) {
        follow(hand);
    }
}

static void hand_step(void *context, u64 word)
{
    struct crew_hand *hand = context;
    const struct workload *workload = workload_of(hand);
    (void)word;
    if (workload->is_over || workload->verdict->failed) {
        return;
    }
    if (!hand->is_busy && !workload->is_paused && workload->schedule->is_up) {
        step(hand);
    }
    sim_after(workload->sim, 5000 + draw(hand, 120000), hand_step, hand, 0);
}

static void on_connected(void *context)
{
    (void)context;
}

static void on_lost(void *context, struct sim_client_call *call)
{
    struct crew_hand *hand = context;
    check(call == &hand->call);
    hand->is_busy = false;
    workload_of(hand)->operations_lost++;
    tell(hand, "lost", 0);
    if (hand->asked == CREW_POLL || hand->asked == CREW_LOOK || hand->asked == CREW_COMMIT) {
        group_model_lost(&hand->crew->model, hand->index);
    }
}

static void on_closed(void *context)
{
    struct crew_hand *hand = context;
    /* Lost before the login was answered, it is what it was. */
    if (hand->logged_in) {
        hand->was_member = hand->client.says_so && hand->joined && hand->asked != CREW_LEAVE;
        hand->starts_count = workload_of(hand)->schedule->starts_count;
    }
    hand->logged_in = false;
    hand->joined = false;
    hand->asked = CREW_LOGIN;
    forget_handed(hand);
}

static void hand_init(struct crew *crew, u32 index, u64 seed)
{
    struct crew_hand *hand = &crew->hands[index];
    *hand = (struct crew_hand){.crew = crew, .index = index};
    prng_init(&hand->prng, seed);
    sim_client_init(&hand->client, crew->workload->sim, 50 + index, crew->workload->verdict);
    hand->client.keeps_id = seed % 2 == 0;
    hand->client.says_so = hand->client.keeps_id;
    hand->client.context = hand;
    hand->client.on_connected = on_connected;
    hand->client.on_reply = on_reply;
    hand->client.on_lost = on_lost;
    hand->client.on_closed = on_closed;
}

void crew_init(struct crew *crew, struct workload *workload, u64 seed)
{
    struct prng prng;
    *crew = (struct crew){.workload = workload, .next_make = CREW_STREAM};
    group_model_init(&crew->model, workload->verdict,
                     workload->schedule->settings.group_handover_us);
    prng_init(&prng, seed);
    crew->hands_count = 3 + (u32)prng_below(&prng, CREW_MEMBERS_MAX - 1);
    for (u32 i = 0; i < crew->hands_count; i++) {
        hand_init(crew, i, prng_next(&prng));
    }
}

void crew_start(struct crew *crew)
{
    for (u32 i = 0; i < crew->hands_count; i++) {
        sim_after(crew->workload->sim, 1 + i, hand_step, &crew->hands[i], 0);
    }
}

void crew_disconnect(struct crew *crew)
{
    for (u32 i = 0; i < crew->hands_count; i++) {
        if (crew->hands[i].client.conn != NULL) {
            sim_client_end(&crew->hands[i].client, CLIENT_CLOSES);
        }
    }
}

void crew_on_crash(struct crew *crew)
{
    group_model_crash(&crew->model);
}

void crew_deinit(struct crew *crew)
{
    crew_disconnect(crew);
    for (u32 i = 0; i < crew->hands_count; i++) {
        sim_client_deinit(&crew->hands[i].client);
    }
}

u32 crew_calls_in_flight(const struct crew *crew)
{
    u32 count = 0;
    for (u32 i = 0; i < crew->hands_count; i++) {
        count += crew->hands[i].is_busy ? 1 : 0;
    }
    return count;
}
