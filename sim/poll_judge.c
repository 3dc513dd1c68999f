/* The body of a poll reply: is it well formed, are its checksums right, and what does it show? */
#include <inttypes.h>

#include "base/check.h"
#include "sim/operation.h"
#include "wire/batch.h"
#include "wire/message_v1.h"
#include "wire/xxh3.h"

static bool fail_poll(struct workload *workload, const struct model_partition *partition,
                      enum checker checker, const char *why, u64 offset)
{
    verdict_fail(workload->verdict, checker, "a poll of %s/%s/%u: %s at offset %" PRIu64,
                 partition->topic->stream->name, partition->topic->name, partition->id, why,
                 offset);
    return false;
}

/* A whole batch or a slice of one: each frame's checksum, that of the batch, counts and sizes. */
static bool batch_verifies(const u8 *batch, const struct batch_header *header)
{
    struct batch_iterator iterator = batch_iterate(batch, (u32)header->batch_length);
    struct message_frame frame;
    struct batch_digest digest;
    u32 count = 0;
    u64 bytes = BATCH_HEADER_BYTES;
    batch_digest_init(&digest, header);
    while (batch_next(&iterator, &frame)) {
        if (xxh3(batch + frame.position + 8, frame.size - 8) != frame.checksum) {
            return false;
        }
        batch_digest_add(&digest, batch + frame.position);
        bytes += frame.size;
        count++;
    }
    return count == header->message_count && bytes == header->batch_length &&
           batch_digest_finish(&digest) == header->batch_checksum;
}

/* Clients check no checksums; we do. */
static bool batches_are_sound(struct span batches, const char **why)
{
    u32 position = 0;
    while (position < batches.size) {
        struct batch_header header;
        *why = "bytes that are no batch";
        if (batches.size - position < BATCH_HEADER_BYTES) {
            return false;
        }
        batch_header_decode(batches.data + position, &header);
        if (header.batch_length > batches.size - position ||
            header.batch_length < BATCH_HEADER_BYTES) {
            return false;
        }
        *why = "a batch that does not verify";
        if (!batch_verifies(batches.data + position, &header)) {
            return false;
        }
        *why = "a header with data of the server's own";
        for (u32 i = BATCH_RESERVED_POSITION; i < BATCH_HEADER_BYTES; i++) {
            if (batches.data[position + i] != 0) {
                return false;
            }
        }
        position += (u32)header.batch_length;
    }
    return true;
}

/* The messages of a reply, of either generation. */
struct poll_walk {
    bool is_v1;
    bool failed;
    struct poll_iterator iterator;
    struct span rest;
};

static bool next_v1(struct poll_walk *walk, struct polled_message *message)
{
    struct message_v1 header;
    if (walk->rest.size == 0) {
        return false;
    }
    walk->failed = walk->rest.size < MESSAGE_V1_HEADER_BYTES;
    if (walk->failed) {
        return false;
    }
    message_v1_decode(walk->rest.data, &header);
    u64 size = (u64)MESSAGE_V1_HEADER_BYTES + header.payload_bytes + header.user_headers_bytes;
    walk->failed = size > walk->rest.size || xxh3(walk->rest.data + 8, size - 8) != header.checksum;
    if (walk->failed) {
        return false;
    }
    *message = (struct polled_message){
        .offset = header.offset,
        .timestamp_us = header.timestamp_us,
        .origin_timestamp_us = header.origin_timestamp_us,
        .id = header.id,
        .payload = {walk->rest.data + MESSAGE_V1_HEADER_BYTES, header.payload_bytes},
    };
    walk->rest = (struct span){walk->rest.data + size, walk->rest.size - (u32)size};
    return true;
}

static bool next_message(struct poll_walk *walk, struct polled_message *message)
{
    if (walk->is_v1) {
        return next_v1(walk, message);
    }
    bool is_there = poll_next(&walk->iterator, message);
    walk->failed = walk->iterator.failed;
    return is_there;
}

bool poll_judge(struct workload *workload, struct model_partition *partition, bool is_fuzzy,
                const struct poll_answer *answer, struct poll_judgement *judgement)
{
    struct poll_reply reply;
    const char *why = "an unreadable reply";
    if (poll_reply_decode(answer->body, &reply) != OK ||
        reply.prefix.partition_id != partition->id ||
        (!answer->is_v1 && !batches_are_sound(reply.batches, &why))) {
        return fail_poll(workload, partition, CHECK_never_served_wrong, why, 0);
    }
    *judgement = (struct poll_judgement){.current_offset = reply.prefix.current_offset};
    struct poll_walk walk = {
        .is_v1 = answer->is_v1,
        .iterator = poll_iterate(&reply),
        .rest = reply.batches,
    };
    struct polled_message message;
    u64 stamp_us = 0;
    while (next_message(&walk, &message)) {
        if (judgement->messages == 0) {
            judgement->first = message.offset;
            judgement->first_stamp_us = message.timestamp_us;
        } else if (message.offset != judgement->next) {
            return fail_poll(workload, partition, CHECK_offsets_are_dense, "a gap or a repeat",
                             message.offset);
        } else if (message.timestamp_us < stamp_us) {
            return fail_poll(workload, partition, CHECK_model_agrees, "time runs back",
                             message.offset);
        }
        stamp_us = message.timestamp_us;
        judgement->messages++;
        judgement->next = message.offset + 1;
        model_saw(workload->model, partition, &message, sim_now_us(workload->sim), is_fuzzy);
    }
    if (walk.failed || judgement->messages != reply.prefix.messages_count) {
        return fail_poll(workload, partition, CHECK_never_served_wrong,
                         "the count does not fit the batches", judgement->next);
    }
    if (judgement->messages > 0 && judgement->next > judgement->current_offset + 1) {
        return fail_poll(workload, partition, CHECK_model_agrees, "beyond the current offset",
                         judgement->next - 1);
    }
    return !workload->verdict->failed;
}
