/* What levriero.h says of consumers. What they ask is consumer_steps.c. */
#include "client/lv_consumer.h"

#include "base/check.h"
#include "base/mem.h"
#include "wire/group_info.h"

#define MESSAGE_BYTES_FIRST 1024u /* before any was seen */

static void on_turn(struct client_part *part, u64 now_us)
{
    consumer_steps(container_of(part, struct lv_consumer, part), now_us);
}

static u64 deadline_us(struct client_part *part)
{
    return consumer_deadline_us(container_of(part, struct lv_consumer, part));
}

/* ---- Opening ---- */

static bool options_fit(struct lv_client *client, const struct lv_consumer_options *options)
{
    const char *name = options->group != NULL ? options->group : options->name;
    if (!connection_name_fits(client, "stream", options->stream) ||
        !connection_name_fits(client, "topic", options->topic) ||
        !connection_name_fits(client, "consumer", name)) {
        return false;
    }
    bool fits = options->start >= LV_START_FIRST && options->start <= LV_START_TIME &&
                options->commit >= LV_COMMIT_NEVER && options->commit <= LV_COMMIT_BY_HAND &&
                options->prefetch_bytes_max >= 1 && options->poll_messages_max >= 1 &&
                options->wait_ms <= POLL_WAIT_MS_MAX && options->sync_ms >= 1 &&
                options->idle_ms >= 1;
    if (!fits) {
        (void)connection_fail(client, LV_ERROR_INVALID,
                              "an option of the consumer is out of range");
    }
    return fits;
}

static struct lv_consumer *consumer_of(struct lv_client *client,
                                       const struct lv_consumer_options *options)
{
    struct lv_consumer *consumer = mem_take(sizeof(*consumer));
    bool in_group = options->group != NULL;
    *consumer = (struct lv_consumer){
        .client = client,
        .part = {.on_turn = on_turn, .deadline_us = deadline_us},
        .options = *options,
        .stream_text = mem_copy_text(options->stream),
        .topic_text = mem_copy_text(options->topic),
        .name_text = mem_copy_text(in_group ? options->group : options->name),
        .can_wait = options->wait_ms > 0,
        .message_bytes = MESSAGE_BYTES_FIRST,
        .connections_count = client->connections_count,
        .frame = mem_take(FRAME_HEADER_BYTES + CLIENT_NAMES_MAX),
        .store_frame = mem_take(FRAME_HEADER_BYTES + CLIENT_NAMES_MAX),
        .store_at_us = clock_now_us() + options->commit_interval_ms * US_PER_MS,
    };
    consumer->ask.owner = consumer;
    consumer->stream = identifier_of_text(consumer->stream_text);
    consumer->topic = identifier_of_text(consumer->topic_text);
    consumer->consumer.kind = in_group ? CONSUMER_GROUP : CONSUMER_SINGLE;
    consumer->consumer.identifier = identifier_of_text(consumer->name_text);
    list_init(&consumer->chunks);
    list_node_init(&consumer->ask.node);
    list_node_init(&consumer->store.node);
    for (u32 i = 0; i < CONSUMER_FETCHES_MAX; i++) {
        list_node_init(&consumer->fetches[i].ask.node);
    }
    if (!in_group && options->partition != LV_PARTITION_ALL) {
        (void)consumer_add_source(consumer, options->partition);
    } else {
        consumer->must_find = true;
    }
    list_add_last(&client->parts, &consumer->part.node);
    return consumer;
}

static bool knows_its_starts(const struct lv_consumer *consumer)
{
    for (u32 i = 0; i < consumer->sources_count; i++) {
        const struct source *source = &consumer->sources[i];
        if (source->is_owned && (source->needs_start || source->needs_end)) {
            return false;
        }
    }
    return true;
}

/* Until it knows what to read and from where, so that what cannot work is told at once, and what is
 * new is what comes after this. */
static int wait_until_found(struct lv_consumer *consumer)
{
    struct lv_client *client = consumer->client;
    u64 until_us = clock_now_us() + client->timeout_ms * US_PER_MS;
    bool in_group = consumer->consumer.kind == CONSUMER_GROUP;
    client->is_wanted |= client->refusal == LV_OK;
    while (consumer->must_find || (in_group && !consumer->is_joined) ||
           !knows_its_starts(consumer)) {
        int error = connection_turn(client, until_us);
        if (error == LV_OK && consumer->error != LV_OK) {
            return connection_refused(client, consumer->error, consumer->topic_text);
        }
        if (error == LV_OK && clock_now_us() >= until_us) {
            error = connection_fail(client, LV_ERROR_TIMEOUT, "no partitions within %u ms",
                                    client->timeout_ms);
        }
        if (error != LV_OK) {
            return error;
        }
    }
    return LV_OK;
}

static void destroy(struct lv_consumer *consumer)
{
    struct protocol *protocol = &consumer->client->protocol;
    if (list_node_is_linked(&consumer->ask.node)) {
        protocol_cancel(protocol, &consumer->ask);
    }
    if (list_node_is_linked(&consumer->store.node)) {
        protocol_cancel(protocol, &consumer->store);
    }
    consumer_stop_all(consumer);
    consumer_drop_all(consumer);
    list_remove(&consumer->part.node);
    for (u32 i = 0; i < CONSUMER_FETCHES_MAX; i++) {
        mem_return(consumer->fetches[i].frame);
    }
    mem_return(consumer->sources);
    mem_return(consumer->frame);
    mem_return(consumer->store_frame);
    mem_return(consumer->stream_text);
    mem_return(consumer->topic_text);
    mem_return(consumer->name_text);
    mem_return(consumer);
}

int lv_consumer_open(struct lv_client *client, const struct lv_consumer_options *given,
                     struct lv_consumer **consumer_out)
{
    struct lv_consumer_options options = LV_CONSUMER_OPTIONS_INIT;
    *consumer_out = NULL;
    if (given != NULL) {
        memcpy(&options, given, given->size < sizeof(options) ? given->size : sizeof(options));
    }
    if (client->in_turn) {
        return LV_ERROR_BUSY;
    }
    if (!options_fit(client, &options)) {
        return LV_ERROR_INVALID;
    }
    struct lv_consumer *consumer = consumer_of(client, &options);
    int error = wait_until_found(consumer);
    if (error != LV_OK) {
        destroy(consumer);
        return error;
    }
    *consumer_out = consumer;
    return LV_OK;
}

/* ---- Messages ---- */

/* The next that is still wanted, of what was read ahead. */
static bool take_next(struct lv_consumer *consumer)
{
    list_for_each(node, next, &consumer->chunks) {
        struct chunk *chunk = container_of(node, struct chunk, node);
        struct source *source = consumer_source(consumer, chunk->partition_id);
        struct polled_message message;
        while (source != NULL && poll_next(&chunk->messages, &message)) {
            if (message.offset >= source->deliver_offset) {
                source->deliver_offset = message.offset + 1;
                consumer->message = (struct lv_message){chunk->partition_id, message};
                consumer->has_message = true;
                return true;
            }
        }
        if (chunk->messages.failed) {
            consumer->error = LV_ERROR_UNREADABLE;
        }
        consumer_drop_chunk(consumer, chunk);
    }
    return false;
}

static int take_error(struct lv_consumer *consumer)
{
    int error = consumer->error;
    consumer->error = LV_OK;
    return error == LV_OK ? LV_OK
                          : connection_refused(consumer->client, error, consumer->topic_text);
}

/* A chunk that is done makes room: what is due goes out before the next is worked through. */
static void drop_what_is_done(struct lv_consumer *consumer)
{
    struct list_node *node = list_first(&consumer->chunks);
    struct chunk *chunk = node == NULL ? NULL : container_of(node, struct chunk, node);
    struct poll_iterator rest;
    struct polled_message message;
    if (chunk == NULL) {
        return;
    }
    rest = chunk->messages;
    if (!poll_next(&rest, &message)) {
        consumer_drop_chunk(consumer, chunk);
        consumer_pass(consumer, true);
        (void)connection_turn(consumer->client, 0);
    }
}

int lv_consumer_next(struct lv_consumer *consumer, uint32_t timeout_ms,
                     const struct lv_message **message)
{
    struct lv_client *client = consumer->client;
    *message = NULL;
    if (client->in_turn) {
        return LV_ERROR_BUSY;
    }
    client->is_wanted |= client->refusal == LV_OK;
    drop_what_is_done(consumer);
    consumer_pass(consumer, false);
    u64 until_us = timeout_ms == 0 ? 0 : clock_now_us() + timeout_ms * US_PER_MS;
    bool turned = false;
    while (!take_next(consumer)) {
        if (turned && clock_now_us() >= until_us) {
            return connection_fail(client, LV_ERROR_TIMEOUT, "no message within %u ms", timeout_ms);
        }
        int error = connection_turn(client, until_us);
        turned = true;
        error = error == LV_OK && list_is_empty(&consumer->chunks) ? take_error(consumer) : error;
        if (error != LV_OK) {
            return error;
        }
    }
    *message = &consumer->message;
    return LV_OK;
}

/* ---- Offsets ---- */

static int store_now(struct lv_consumer *consumer, u32 partition, u64 offset)
{
    struct span reply;
    consumer_write_store(consumer, connection_body(consumer->client, CLIENT_NAMES_MAX), partition,
                         offset);
    int error = connection_call(consumer->client, COMMAND_STORE_CONSUMER_OFFSET, &reply);
    struct source *source = consumer_source(consumer, partition);
    if (error == LV_OK && source != NULL) {
        source->stored = offset + 1;
        source->is_due = false;
    }
    return error;
}

int lv_consumer_store(struct lv_consumer *consumer, uint32_t partition, uint64_t offset)
{
    return store_now(consumer, partition, offset);
}

int lv_consumer_commit(struct lv_consumer *consumer)
{
    int first = LV_OK;
    if (consumer->has_message) {
        struct source *source = consumer_source(consumer, consumer->message.partition_id);
        if (source != NULL) {
            source->passed = u64_max(source->passed, consumer->message.polled.offset + 1);
        }
    }
    for (u32 i = 0; i < consumer->sources_count; i++) {
        const struct source *source = &consumer->sources[i];
        if (source->passed > source->stored) {
            int error = store_now(consumer, source->partition_id, source->passed - 1);
            first = first == LV_OK ? error : first;
        }
    }
    return first;
}

int lv_consumer_seek(struct lv_consumer *consumer, uint32_t partition, uint64_t offset)
{
    struct source *source = consumer_source(consumer, partition);
    if (source == NULL || !source->is_owned) {
        return connection_fail(consumer->client, LV_ERROR_PARTITION_NOT_FOUND,
                               "partition %u is not read here", partition);
    }
    list_for_each(node, next, &consumer->chunks) {
        struct chunk *chunk = container_of(node, struct chunk, node);
        if (chunk->partition_id == partition) {
            consumer_drop_chunk(consumer, chunk);
        }
    }
    if (consumer->has_message && consumer->message.partition_id == partition) {
        consumer->has_message = false;
    }
    consumer_stop_fetch(consumer, partition);
    source->needs_start = false;
    source->needs_end = false;
    source->poll_at_us = 0;
    source->strategy = POLL_OFFSET;
    source->fetch_offset = offset;
    source->deliver_offset = offset;
    source->passed = 0;
    source->stored = 0; /* whatever it is, the next one that is passed is to be stored */
    return LV_OK;
}

/* ---- The rest ---- */

uint32_t lv_consumer_partitions_count(const struct lv_consumer *consumer)
{
    u32 count = 0;
    for (u32 i = 0; i < consumer->sources_count; i++) {
        count += consumer->sources[i].is_owned ? 1 : 0;
    }
    return count;
}

uint32_t lv_consumer_partition(const struct lv_consumer *consumer, uint32_t index)
{
    for (u32 i = 0; i < consumer->sources_count; i++) {
        if (consumer->sources[i].is_owned && index-- == 0) {
            return consumer->sources[i].partition_id;
        }
    }
    return UINT32_MAX;
}

uint64_t lv_consumer_held_bytes(const struct lv_consumer *consumer)
{
    return consumer->held_bytes;
}

static void leave_group(struct lv_consumer *consumer)
{
    struct span reply;
    group_request_encode(&(struct group_request){.stream = consumer->stream,
                                                 .topic = consumer->topic,
                                                 .group = consumer->consumer.identifier},
                         connection_body(consumer->client, CLIENT_NAMES_MAX));
    (void)connection_call(consumer->client, COMMAND_LEAVE_GROUP, &reply);
}

void lv_consumer_close(struct lv_consumer *consumer)
{
    if (consumer == NULL) {
        return;
    }
    check(!consumer->client->in_turn); /* not from a callback */
    bool by_itself = consumer->options.commit == LV_COMMIT_BATCH ||
                     consumer->options.commit == LV_COMMIT_INTERVAL;
    bool reached = consumer->client->protocol.state == PROTOCOL_READY;
    consumer->is_closing = true;
    if (reached && by_itself) {
        (void)lv_consumer_commit(consumer);
    }
    if (reached && consumer->is_joined) {
        leave_group(consumer);
    }
    destroy(consumer);
}
