/* Consumers: where they stand. And the producer that goes on after a restart. */
#include <stdio.h>
#include <stdlib.h>

#include "verdict.h"

#define VERDICT_PRODUCER 99u /* within the hundred of a round; load uses the numbers below */
#define POLLED_AHEAD_MAX 64u /* messages one automatically committing poll may take */

/* Asks for a stored offset. True when there is one. */
static bool offset_read(struct exam *exam, u32 consumer, u64 *offset)
{
    struct writer body = body_begin(exam->verdict);
    body_read_offset(&body, consumer, path_of(exam), exam->partition_id);
    struct reply reply = ask(exam->verdict, OPERATION_READ, READ_OFFSET, &body);
    if (reply.status != 0) {
        object(exam, "stored offset of consumer %u: status %u", consumer, reply.status);
        return false;
    }
    if (reply.body.size != 20) {
        return false;
    }
    *offset = get_u64(reply.body.data + 12);
    exam->verdict->offsets_count++;
    return true;
}

static bool state_is(u64 operations_count, bool is_stored, u64 offset)
{
    u64 expected = 0;
    bool should = consumer_state(operations_count, &expected);
    return should == is_stored && (!should || expected == offset);
}

/* A storing consumer stands after its last answered operation, or one further. */
static void stored_examine(struct exam *exam, u32 consumer, bool purged)
{
    u64 count = purged ? 0 : exam->partition->stored_count[consumer];
    u64 offset = 0;
    bool is_stored = offset_read(exam, consumer, &offset);
    if (state_is(count, is_stored, offset)) {
        return;
    }
    if (!state_is(count + 1, is_stored, offset)) {
        object(exam, "stored offset of consumer %u after %llu operations: %s %llu", consumer,
               (unsigned long long)count, is_stored ? "is" : "none,", (unsigned long long)offset);
        return;
    }
    settle(exam->verdict, &(struct mark){.kind = MARK_STORED,
                                         .topic = exam->topic->number,
                                         .partition = exam->partition_id,
                                         .who = consumer,
                                         .sequence = count});
}

/* A polling consumer stands at the last message it was served, or a poll further. */
static void polled_examine(struct exam *exam, u32 consumer, bool purged)
{
    u64 count = purged ? 0 : exam->partition->polled_count[consumer];
    u64 offset = 0;
    bool is_stored = offset_read(exam, consumer, &offset);
    u64 found = is_stored ? offset + 1 : 0;
    if (found < count || found > count + POLLED_AHEAD_MAX || found > exam->reading.offset_next) {
        object(exam, "polling consumer %u had been served %llu messages, stored are %llu", consumer,
               (unsigned long long)count, (unsigned long long)found);
        return;
    }
    if (found > count) {
        settle(exam->verdict, &(struct mark){.kind = MARK_POLLED,
                                             .topic = exam->topic->number,
                                             .partition = exam->partition_id,
                                             .who = consumer,
                                             .offset = offset});
    }
}

void consumers_examine(struct exam *exam, bool purged)
{
    for (u32 consumer = 2; consumer < CONSUMERS_MAX; consumer++) {
        if (consumer % 4 == 3) {
            polled_examine(exam, consumer, purged);
        } else {
            stored_examine(exam, consumer, purged);
        }
    }
}

void append_examine(struct exam *exam, u32 era)
{
    u32 producer = (u32)exam->verdict->ledger.round * 100 + VERDICT_PRODUCER;
    u64 sequence = 0;
    for (u64 i = 0; i < exam->reading.found_count; i++) {
        const struct found_batch *found = &exam->reading.found[i];
        sequence = found->producer == producer ? found->sequence + 1 : sequence;
    }
    struct batch_name name = {
        .topic = exam->topic->number,
        .partition = exam->partition_id,
        .producer = producer,
        .era = era,
        .sequence = sequence,
        .message_count = 3,
        .payload_size = 100,
    };
    u8 batch[2048];
    recipe_cook(&name, batch);
    struct writer body = body_begin(exam->verdict);
    body_send(&body, path_of(exam), exam->partition_id, name.message_count);
    struct span head = {body.data, body.position};
    struct reply reply;
    struct crash_client *client = &exam->verdict->client;
    if (!crash_client_send(client, OPERATION_SEND_MESSAGES, 0, head,
                           (struct span){batch, recipe_size(&name)}) ||
        !crash_client_receive(client, &reply)) {
        (void)fprintf(stderr, "verdict: the server closed the connection at an append\n");
        exit(1);
    }
    if (reply.status != 0 || reply.body.size != 24) {
        object(exam, "an append after the restart: status %u", reply.status);
        return;
    }
    u64 offset = get_u64(reply.body.data + 16);
    if (offset != exam->reading.offset_next) {
        object(exam, "an append after the restart got offset %llu, the log ends before %llu",
               (unsigned long long)offset, (unsigned long long)exam->reading.offset_next);
    }
    settle(exam->verdict, &(struct mark){.kind = MARK_APPEND,
                                         .topic = name.topic,
                                         .partition = name.partition,
                                         .who = producer,
                                         .sequence = sequence,
                                         .count = name.message_count,
                                         .offset = offset,
                                         .era_low = era,
                                         .era_high = era});
}
