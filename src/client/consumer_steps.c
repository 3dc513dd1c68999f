/* What a consumer asks, one question after the other, and what it does with the answers
 * (lv_consumer.h). */
#include "client/lv_consumer.h"

#include "base/check.h"
#include "base/mem.h"
#include "wire/group_info.h"
#include "wire/topic_info.h"

#define FAILED_DELAY_US (500 * US_PER_MS)
#define RETRY_DELAY_US (50 * US_PER_MS)
#define TOPIC_AGE_US (60 * US_PER_SECOND)
#define WAIT_MS_OF_MANY 200u /* shared out by those that take turns */
#define WAIT_MS_MIN 10u

static bool in_group(const struct lv_consumer *consumer)
{
    return consumer->consumer.kind == CONSUMER_GROUP;
}

/* ---- Sources ---- */

struct source *consumer_source(struct lv_consumer *consumer, u32 partition_id)
{
    for (u32 i = 0; i < consumer->sources_count; i++) {
        if (consumer->sources[i].partition_id == partition_id) {
            return &consumer->sources[i];
        }
    }
    return NULL;
}

static struct fetch *find_fetch(struct lv_consumer *consumer, u32 partition_id)
{
    for (u32 i = 0; i < CONSUMER_FETCHES_MAX; i++) {
        struct fetch *fetch = &consumer->fetches[i];
        if (list_node_is_linked(&fetch->ask.node) && fetch->partition_id == partition_id) {
            return fetch;
        }
    }
    return NULL;
}

void consumer_stop_fetch(struct lv_consumer *consumer, u32 partition_id)
{
    struct fetch *fetch = find_fetch(consumer, partition_id);
    if (fetch != NULL) {
        protocol_cancel(&consumer->client->protocol, &fetch->ask);
    }
}

void consumer_stop_all(struct lv_consumer *consumer)
{
    for (u32 i = 0; i < CONSUMER_FETCHES_MAX; i++) {
        struct fetch *fetch = &consumer->fetches[i];
        if (list_node_is_linked(&fetch->ask.node)) {
            protocol_cancel(&consumer->client->protocol, &fetch->ask);
        }
    }
}

struct source *consumer_add_source(struct lv_consumer *consumer, u32 partition_id)
{
    struct source *source = consumer_source(consumer, partition_id);
    if (source != NULL && source->was_owned) {
        source->is_owned = true;
        return source;
    }
    consumer_stop_fetch(consumer, partition_id);
    if (source != NULL) {
        source->needs_start = true;
        source->is_owned = true;
        return source;
    }
    u32 count = consumer->sources_count++;
    consumer->sources = mem_resize(consumer->sources, (count + 1) * sizeof(consumer->sources[0]));
    consumer->sources[count] = (struct source){.partition_id = partition_id,
                                               .is_owned = true,
                                               .needs_start = true,
                                               .strategy = POLL_OFFSET};
    return &consumer->sources[count];
}

static void begin_by_options(const struct lv_consumer *consumer, struct source *source)
{
    source->strategy = POLL_OFFSET;
    if (source->deliver_offset > 0) {
        source->fetch_offset = source->deliver_offset; /* nothing stored, but much delivered */
        return;
    }
    switch ((enum lv_start)consumer->options.start) {
    case LV_START_FIRST: source->fetch_offset = 0; break;
    case LV_START_NEW: source->needs_end = true; break;
    case LV_START_OFFSET: source->fetch_offset = consumer->options.start_value; break;
    case LV_START_TIME:
        source->strategy = POLL_TIMESTAMP;
        source->strategy_value = consumer->options.start_value;
        break;
    }
    source->deliver_offset = source->fetch_offset;
}

static bool has_chunk(const struct lv_consumer *consumer, u32 partition_id)
{
    list_for_each(node, next, &consumer->chunks) {
        if (container_of(node, struct chunk, node)->partition_id == partition_id) {
            return true;
        }
    }
    return false;
}

/* Those that were taken away, once all that was read ahead of them is done and stored. */
static void prune(struct lv_consumer *consumer)
{
    u32 kept = 0;
    for (u32 i = 0; i < consumer->sources_count; i++) {
        const struct source *source = &consumer->sources[i];
        bool in_hand =
            consumer->has_message && consumer->message.partition_id == source->partition_id;
        if (source->is_owned || source->is_due || in_hand ||
            has_chunk(consumer, source->partition_id)) {
            consumer->sources[kept++] = *source;
        }
    }
    consumer->sources_count = kept;
}

void consumer_drop_chunk(struct lv_consumer *consumer, struct chunk *chunk)
{
    list_remove(&chunk->node);
    consumer->held_bytes -= chunk->bytes_count;
    mem_return(chunk->bytes);
    mem_return(chunk);
}

void consumer_drop_all(struct lv_consumer *consumer)
{
    list_for_each(node, next, &consumer->chunks) {
        consumer_drop_chunk(consumer, container_of(node, struct chunk, node));
    }
}

/* ---- Asking ---- */

static struct writer begin(struct lv_consumer *consumer)
{
    struct writer body = writer_over(consumer->frame, FRAME_HEADER_BYTES + CLIENT_NAMES_MAX);
    body.position = FRAME_HEADER_BYTES;
    return body;
}

static void put_question(struct lv_consumer *consumer, enum command command,
                         const struct writer *body, u64 now_us)
{
    check(!body->failed);
    consumer->ask.command = command;
    consumer->ask.frame = consumer->frame;
    consumer->ask.frame_bytes = body->position;
    consumer->ask.request = 0;
    protocol_ask(&consumer->client->protocol, &consumer->ask, now_us);
}

static void ask_with_group(struct lv_consumer *consumer, enum command command, u64 now_us)
{
    struct writer body = begin(consumer);
    group_request_encode(&(struct group_request){.stream = consumer->stream,
                                                 .topic = consumer->topic,
                                                 .group = consumer->consumer.identifier},
                         &body);
    consumer->ask.longer_ms = 0;
    put_question(consumer, command, &body, now_us);
}

static void ask_to_create_group(struct lv_consumer *consumer, u64 now_us)
{
    struct writer body = begin(consumer);
    create_group_request_encode(
        &(struct create_group_request){.stream = consumer->stream,
                                       .topic = consumer->topic,
                                       .name = span_of(consumer->name_text)},
        &body);
    put_question(consumer, COMMAND_CREATE_GROUP, &body, now_us);
}

static void ask_for_topic(struct lv_consumer *consumer, u64 now_us)
{
    struct writer body = begin(consumer);
    topic_request_encode(
        &(struct topic_request){.stream = consumer->stream, .topic = consumer->topic}, &body);
    consumer->ask.longer_ms = 0;
    put_question(consumer, COMMAND_GET_TOPIC, &body, now_us);
}

static struct offset_request place_of(const struct lv_consumer *consumer, u32 partition_id)
{
    return (struct offset_request){.consumer = consumer->consumer,
                                   .stream = consumer->stream,
                                   .topic = consumer->topic,
                                   .partition = {true, partition_id}};
}

static void ask_what_is_stored(struct lv_consumer *consumer, const struct source *source,
                               u64 now_us)
{
    struct writer body = begin(consumer);
    struct offset_request request = place_of(consumer, source->partition_id);
    get_offset_request_encode(&request, &body);
    consumer->asked_partition = source->partition_id;
    consumer->ask.longer_ms = 0;
    put_question(consumer, COMMAND_GET_CONSUMER_OFFSET, &body, now_us);
}

static u32 owned_count(const struct lv_consumer *consumer)
{
    u32 count = 0;
    for (u32 i = 0; i < consumer->sources_count; i++) {
        count += consumer->sources[i].is_owned ? 1 : 0;
    }
    return count;
}

/* As many as fit into a share of what may still be held, by the size of those that came so far. */
static u32 messages_wanted(const struct lv_consumer *consumer)
{
    u64 room = consumer->options.prefetch_bytes_max - consumer->held_bytes;
    u32 shares = u32_max(u32_min(owned_count(consumer), CONSUMER_FETCHES_MAX), 1);
    u64 count = u64_max(room / shares / consumer->message_bytes, 1);
    return (u32)u64_min(count, consumer->options.poll_messages_max);
}

/* How long a poll may be held; 0: not at all. */
static u32 wait_ms_now(const struct lv_consumer *consumer)
{
    u32 rounds = (owned_count(consumer) + CONSUMER_FETCHES_MAX - 1) / CONSUMER_FETCHES_MAX;
    u32 wait_ms = consumer->options.wait_ms;
    if (!consumer->can_wait) {
        return 0;
    }
    return rounds <= 1 ? wait_ms : u32_max(u32_min(wait_ms, WAIT_MS_OF_MANY) / rounds, WAIT_MS_MIN);
}

static struct fetch *free_fetch(struct lv_consumer *consumer)
{
    u32 count = consumer->can_wait ? CONSUMER_FETCHES_MAX : 1;
    for (u32 i = 0; i < count; i++) {
        if (!list_node_is_linked(&consumer->fetches[i].ask.node)) {
            return &consumer->fetches[i];
        }
    }
    return NULL;
}

static void on_fetched(struct ask *ask, int error, struct span body);

static void ask_for_messages(struct lv_consumer *consumer, const struct source *source,
                             struct fetch *fetch, u64 now_us)
{
    bool is_first = source->strategy != POLL_OFFSET;
    u32 wait_ms = source->needs_end ? 0 : wait_ms_now(consumer);
    struct poll_request request = {
        .consumer = consumer->consumer,
        .stream = consumer->stream,
        .topic = consumer->topic,
        .partition = {true, source->partition_id},
        .strategy = source->needs_end ? POLL_LAST : source->strategy,
        .value = is_first ? source->strategy_value : source->fetch_offset,
        .count = source->needs_end ? 1 : messages_wanted(consumer),
    };
    if (fetch->frame == NULL) {
        fetch->frame = mem_take(FRAME_HEADER_BYTES + CLIENT_NAMES_MAX);
    }
    struct writer body = writer_over(fetch->frame, FRAME_HEADER_BYTES + CLIENT_NAMES_MAX);
    body.position = FRAME_HEADER_BYTES;
    if (wait_ms > 0) {
        poll_waiting_request_encode(wait_ms, &request, &body);
    } else {
        poll_request_encode(&request, &body);
    }
    check(!body.failed);
    fetch->partition_id = source->partition_id;
    fetch->asked_at_us = now_us;
    fetch->ask =
        (struct ask){.node = fetch->ask.node,
                     .command = wait_ms > 0 ? COMMAND_POLL_MESSAGES_WAITING : COMMAND_POLL_MESSAGES,
                     .frame = fetch->frame,
                     .frame_bytes = body.position,
                     .longer_ms = wait_ms,
                     .on_answer = on_fetched,
                     .owner = consumer};
    protocol_ask(&consumer->client->protocol, &fetch->ask, now_us);
}

/* ---- Answers ---- */

static void failed(struct lv_consumer *consumer, int error)
{
    u64 delay_us = lv_error_may_retry(error) ? RETRY_DELAY_US : FAILED_DELAY_US;
    consumer->retry_at_us = clock_now_us() + delay_us;
    if (error != LV_ERROR_CONNECTION) { /* that is no failure: it comes back */
        consumer->error = error;
    }
}

static void on_joined(struct lv_consumer *consumer, int error)
{
    if (error == LV_ERROR_GROUP_NOT_FOUND && consumer->options.create_group) {
        ask_to_create_group(consumer, clock_now_us());
    } else if (error == LV_OK) {
        consumer->is_joined = true;
        consumer->must_find = true;
    } else {
        failed(consumer, error);
    }
}

static void on_assignment(struct lv_consumer *consumer, struct span body)
{
    struct group_assignment assignment;
    enum status status = group_assignment_decode(body, &assignment);
    if (status == ERR_NOT_FOUND) {
        consumer->is_joined = false;
        return;
    }
    if (status != OK) {
        failed(consumer, LV_ERROR_UNREADABLE);
        return;
    }
    for (u32 i = 0; i < consumer->sources_count; i++) {
        consumer->sources[i].was_owned = consumer->sources[i].is_owned;
        consumer->sources[i].is_owned = false;
    }
    for (u32 i = 0; i < assignment.partitions_count; i++) {
        (void)consumer_add_source(consumer, get_u32(assignment.partitions + (size_t)4 * i));
    }
}

static void on_topic(struct lv_consumer *consumer, struct span body)
{
    struct reader reader = reader_over(body.data, body.size);
    if (body.size == 0) {
        failed(consumer, LV_ERROR_TOPIC_NOT_FOUND);
        return;
    }
    u32 count = read_topic_view(&reader).info.partitions_count;
    if (reader.failed || count > 1000000u) {
        failed(consumer, LV_ERROR_UNREADABLE);
        return;
    }
    for (u32 i = 0; i < consumer->sources_count; i++) {
        consumer->sources[i].was_owned = consumer->sources[i].is_owned;
        consumer->sources[i].is_owned = false;
    }
    for (u32 i = 0; i < count; i++) {
        (void)consumer_add_source(consumer, i);
    }
}

static void on_found(struct lv_consumer *consumer, int error, struct span body)
{
    consumer->found_at_us = clock_now_us();
    if (error != LV_OK) {
        failed(consumer, error);
        return;
    }
    consumer->must_find = false;
    consumer->empty_count = 0;
    if (in_group(consumer)) {
        on_assignment(consumer, body);
    } else {
        on_topic(consumer, body);
    }
}

static void on_stored_offset(struct lv_consumer *consumer, int error, struct span body)
{
    struct source *source = consumer_source(consumer, consumer->asked_partition);
    struct offset_reply reply;
    if (error != LV_OK || source == NULL) {
        failed(consumer, error);
        return;
    }
    source->needs_start = false;
    if (offset_reply_decode(body, &reply) != OK) {
        begin_by_options(consumer, source); /* nothing is stored */
        return;
    }
    source->strategy = POLL_OFFSET;
    source->stored = reply.stored_offset + 1;
    source->fetch_offset = u64_max(source->deliver_offset, source->stored);
    source->deliver_offset = source->fetch_offset;
}

/* The topic was purged: what comes now has the old offsets, and is new. */
static void begin_anew(struct source *source)
{
    source->strategy = POLL_OFFSET;
    source->fetch_offset = 0;
    source->deliver_offset = 0;
    source->passed = 0;
    source->stored = 0;
    source->newest = 0;
    source->is_due = false;
}

static u64 last_offset_of(const struct poll_reply *reply)
{
    struct poll_iterator messages = poll_iterate(reply);
    struct polled_message message = {0};
    while (poll_next(&messages, &message)) {
    }
    return message.offset;
}

static void keep_chunk(struct lv_consumer *consumer, u32 partition_id, struct span body)
{
    struct chunk *chunk = mem_take(sizeof(*chunk));
    struct poll_reply reply;
    chunk->partition_id = partition_id;
    chunk->bytes_count = body.size;
    chunk->bytes = mem_take(body.size);
    memcpy(chunk->bytes, body.data, body.size);
    enum status status = poll_reply_decode((struct span){chunk->bytes, body.size}, &reply);
    check(status == OK); /* it was read already */
    chunk->messages = poll_iterate(&reply);
    consumer->held_bytes += body.size;
    consumer->message_bytes = u32_max(body.size / reply.prefix.messages_count, 1);
    list_add_last(&consumer->chunks, &chunk->node);
}

static void take_messages(struct lv_consumer *consumer, struct source *source,
                          const struct poll_reply *reply, struct span body)
{
    u64 end = last_offset_of(reply) + 1;
    consumer->empty_count = 0;
    if (source->needs_end) {
        source->needs_end = false;
        source->fetch_offset = end;
        source->deliver_offset = end;
        return;
    }
    source->strategy = POLL_OFFSET;
    source->fetch_offset = u64_max(end, source->fetch_offset);
    keep_chunk(consumer, source->partition_id, body);
}

/* A poll that found nothing: held as long as it asked for, or ended before by something else. */
static void found_nothing(struct lv_consumer *consumer, struct source *source,
                          const struct fetch *fetch)
{
    u64 now_us = clock_now_us();
    u64 wait_us = fetch->ask.longer_ms * US_PER_MS;
    bool is_early = now_us < fetch->asked_at_us + wait_us / 2;
    u32 delay_ms = u32_min(1u << u32_min(source->early_count, 16), consumer->options.idle_ms);
    source->needs_end = false;
    source->poll_at_us = is_early && source->early_count > 0 ? now_us + delay_ms * US_PER_MS : 0;
    source->early_count = is_early ? source->early_count + 1 : 0;
    consumer->empty_count++;
}

static void on_messages(struct lv_consumer *consumer, const struct fetch *fetch,
                        const struct poll_reply *reply, struct span body)
{
    struct source *source = consumer_source(consumer, fetch->partition_id);
    if (source == NULL || !source->is_owned || source->needs_start) {
        return; /* it was taken away meanwhile */
    }
    if (reply->prefix.current_offset < source->newest) {
        begin_anew(source);
        return;
    }
    source->newest = reply->prefix.current_offset;
    if (reply->prefix.messages_count == 0) {
        found_nothing(consumer, source, fetch);
        return;
    }
    source->early_count = 0;
    source->poll_at_us = 0;
    take_messages(consumer, source, reply, body);
}

static void on_fetched(struct ask *ask, int error, struct span body)
{
    struct lv_consumer *consumer = ask->owner;
    const struct fetch *fetch = container_of(ask, struct fetch, ask);
    struct poll_reply reply;
    if (error == WIRE_INVALID_COMMAND && ask->longer_ms > 0) {
        consumer->can_wait = false; /* a server of others */
        return;
    }
    if (error == LV_OK && poll_reply_decode(body, &reply) != OK) {
        error = LV_ERROR_UNREADABLE;
    }
    bool fenced = error == LV_ERROR_GROUP_PARTITION_NOT_OWNED ||
                  (error == LV_OK && reply.prefix.partition_id == POLL_RESYNC_PARTITION);
    if (fenced) {
        consumer->must_find = true;
        consumer->retry_at_us = clock_now_us() + RETRY_DELAY_US;
    } else if (error != LV_OK) {
        failed(consumer, error);
    } else {
        on_messages(consumer, fetch, &reply, body);
    }
}

static void on_answer(struct ask *ask, int error, struct span body)
{
    struct lv_consumer *consumer = ask->owner;
    u32 code = command_row(ask->command)->code;
    switch (code) {
    case 604: on_joined(consumer, error); break;
    case 602:
        if (error != LV_OK && error != LV_ERROR_GROUP_EXISTS) {
            failed(consumer, error);
        }
        break;
    case 606:
    case 300: on_found(consumer, error, body); break;
    default: on_stored_offset(consumer, error, body); break;
    }
}

/* ---- Storing ---- */

void consumer_write_store(const struct lv_consumer *consumer, struct writer *body, u32 partition_id,
                          u64 offset)
{
    struct store_offset_request request = {
        .target = place_of(consumer, partition_id), .offset = offset, .wait_for_commit = true};
    store_offset_request_encode(&request, body);
}

static void on_store(struct ask *ask, int error, struct span body)
{
    struct lv_consumer *consumer = ask->owner;
    struct source *source = consumer_source(consumer, consumer->stored_partition);
    (void)body;
    if (error == LV_ERROR_CONNECTION || source == NULL) {
        return; /* it is due still */
    }
    if (error == LV_OK) {
        source->stored = u64_max(source->stored, consumer->stored_offset + 1);
        source->is_due = source->is_due && source->passed > source->stored;
        return;
    }
    source->is_due = false;
    if (error == LV_ERROR_GROUP_PARTITION_NOT_OWNED) {
        consumer->must_find = true;
    } else if (error != LV_ERROR_INVALID_OFFSET) { /* of a topic that was purged meanwhile */
        consumer->error = error;
    }
}

static void store_what_is_due(struct lv_consumer *consumer, u64 now_us)
{
    bool by_interval = consumer->options.commit == LV_COMMIT_INTERVAL;
    bool is_time = by_interval && now_us >= consumer->store_at_us;
    if (is_time) {
        consumer->store_at_us = now_us + consumer->options.commit_interval_ms * US_PER_MS;
    }
    for (u32 i = 0; i < consumer->sources_count; i++) {
        struct source *source = &consumer->sources[i];
        source->is_due |= is_time && source->passed > source->stored;
        if (source->is_due && !list_node_is_linked(&consumer->store.node)) {
            struct writer body =
                writer_over(consumer->store_frame, FRAME_HEADER_BYTES + CLIENT_NAMES_MAX);
            body.position = FRAME_HEADER_BYTES;
            consumer->stored_partition = source->partition_id;
            consumer->stored_offset = source->passed - 1;
            consumer_write_store(consumer, &body, source->partition_id, source->passed - 1);
            check(!body.failed);
            consumer->store = (struct ask){.node = consumer->store.node,
                                           .command = COMMAND_STORE_CONSUMER_OFFSET,
                                           .frame = consumer->store_frame,
                                           .frame_bytes = body.position,
                                           .on_answer = on_store,
                                           .owner = consumer};
            protocol_ask(&consumer->client->protocol, &consumer->store, now_us);
        }
    }
}

void consumer_pass(struct lv_consumer *consumer, bool chunk_ended)
{
    if (!consumer->has_message) {
        return;
    }
    consumer->has_message = false;
    struct source *source = consumer_source(consumer, consumer->message.partition_id);
    if (source == NULL) {
        return;
    }
    source->passed = u64_max(source->passed, consumer->message.polled.offset + 1);
    bool by_batch = consumer->options.commit == LV_COMMIT_BATCH;
    bool drained = !source->is_owned && consumer->options.commit == LV_COMMIT_INTERVAL;
    bool at_end = chunk_ended || !has_chunk(consumer, source->partition_id);
    source->is_due |= (by_batch || drained) && at_end && source->passed > source->stored;
}

/* ---- Steps ---- */

static void on_reconnected(struct lv_consumer *consumer)
{
    consumer->connections_count = consumer->client->connections_count;
    consumer->retry_at_us = 0;
    if (!in_group(consumer)) {
        return;
    }
    consumer->is_joined = false;
    consumer_drop_all(consumer);
    for (u32 i = 0; i < consumer->sources_count; i++) {
        consumer->sources[i].needs_start = true;
    }
}

static struct source *next_to_start(struct lv_consumer *consumer)
{
    for (u32 i = 0; i < consumer->sources_count; i++) {
        struct source *source = &consumer->sources[i];
        if (source->is_owned && source->needs_start) {
            return source;
        }
    }
    return NULL;
}

static u64 find_at_us(const struct lv_consumer *consumer)
{
    if (consumer->must_find) {
        return 0;
    }
    if (in_group(consumer)) {
        return consumer->found_at_us + consumer->options.sync_ms * US_PER_MS;
    }
    bool all = consumer->options.partition == LV_PARTITION_ALL;
    return all ? consumer->found_at_us + TOPIC_AGE_US : UINT64_MAX;
}

/* When it may be polled; UINT64_MAX: not until something else happened. */
static u64 source_poll_at_us(struct lv_consumer *consumer, const struct source *source)
{
    bool may = source->is_owned && !source->needs_start &&
               find_fetch(consumer, source->partition_id) == NULL;
    return may ? source->poll_at_us : UINT64_MAX;
}

static bool may_poll(const struct lv_consumer *consumer)
{
    bool is_member = consumer->is_joined && !consumer->must_find;
    return (!in_group(consumer) || is_member) &&
           consumer->held_bytes < consumer->options.prefetch_bytes_max;
}

static u64 poll_deadline_us(struct lv_consumer *consumer)
{
    u64 deadline = UINT64_MAX;
    if (!may_poll(consumer) || free_fetch(consumer) == NULL) {
        return deadline;
    }
    for (u32 i = 0; i < consumer->sources_count; i++) {
        deadline = u64_min(deadline, source_poll_at_us(consumer, &consumer->sources[i]));
    }
    return deadline;
}

static void poll_step(struct lv_consumer *consumer, u64 now_us)
{
    if (!consumer->can_wait && consumer->empty_count >= owned_count(consumer)) {
        consumer->empty_count = 0;
        consumer->retry_at_us = now_us + consumer->options.idle_ms * US_PER_MS;
        return;
    }
    for (u32 i = 0; i < consumer->sources_count && may_poll(consumer); i++) {
        struct source *source = &consumer->sources[consumer->turn % consumer->sources_count];
        struct fetch *fetch = free_fetch(consumer);
        if (fetch == NULL) {
            return; /* this one is the next, then */
        }
        consumer->turn++;
        if (source_poll_at_us(consumer, source) <= now_us) {
            ask_for_messages(consumer, source, fetch, now_us);
        }
    }
}

/* When the next question is due; 0: at once. */
static u64 question_at_us(struct lv_consumer *consumer)
{
    bool at_once = (in_group(consumer) && !consumer->is_joined) || next_to_start(consumer) != NULL;
    return at_once ? 0 : find_at_us(consumer);
}

static void question_step(struct lv_consumer *consumer, u64 now_us)
{
    struct source *source = next_to_start(consumer);
    consumer->ask.on_answer = on_answer;
    if (in_group(consumer) && !consumer->is_joined) {
        ask_with_group(consumer, COMMAND_JOIN_GROUP, now_us);
    } else if (now_us >= find_at_us(consumer)) {
        if (in_group(consumer)) {
            ask_with_group(consumer, COMMAND_SYNC_GROUP, now_us);
        } else {
            ask_for_topic(consumer, now_us);
        }
    } else if (source != NULL) {
        ask_what_is_stored(consumer, source, now_us);
    }
}

/* Nothing needs to be asked when what is stored is not looked at. */
static void start_without_stored(struct lv_consumer *consumer)
{
    for (u32 i = 0; i < consumer->sources_count; i++) {
        struct source *source = &consumer->sources[i];
        if (source->is_owned && source->needs_start) {
            source->needs_start = false;
            begin_by_options(consumer, source);
        }
    }
}

void consumer_steps(struct lv_consumer *consumer, u64 now_us)
{
    const struct lv_client *client = consumer->client;
    if (client->protocol.state != PROTOCOL_READY || consumer->is_closing) {
        return;
    }
    if (client->connections_count != consumer->connections_count) {
        on_reconnected(consumer);
    }
    store_what_is_due(consumer, now_us);
    prune(consumer);
    if (now_us < consumer->retry_at_us) {
        return;
    }
    if (consumer->options.ignore_stored && !consumer->must_find) {
        start_without_stored(consumer);
    }
    if (!list_node_is_linked(&consumer->ask.node)) {
        question_step(consumer, now_us);
    }
    if (!list_node_is_linked(&consumer->ask.node)) {
        poll_step(consumer, now_us); /* a question behind it would end it at once */
    }
}

u64 consumer_deadline_us(struct lv_consumer *consumer)
{
    u64 deadline = UINT64_MAX;
    if (consumer->client->protocol.state != PROTOCOL_READY || consumer->is_closing) {
        return deadline;
    }
    bool unstored = false;
    for (u32 i = 0; i < consumer->sources_count; i++) {
        unstored |= consumer->sources[i].passed > consumer->sources[i].stored;
    }
    if (consumer->options.commit == LV_COMMIT_INTERVAL && unstored) {
        deadline = consumer->store_at_us;
    }
    if (list_node_is_linked(&consumer->ask.node)) {
        return deadline;
    }
    u64 step_us = u64_min(poll_deadline_us(consumer), question_at_us(consumer));
    return u64_min(deadline, u64_max(step_us, consumer->retry_at_us));
}
