/* Verification of a batch while it arrives, or after it came back from disk: batch.h. */
#include "wire/batch.h"

#include "base/check.h"

/* Of a frame that is not complete yet, less than this is left to lie until more has come: hashing
 * in crumbs costs more than it saves. */
#define PIECE_BYTES (32u * 1024u)

static void init(struct batch_check *check, const u8 *batch, u32 batch_bytes)
{
    check->batch = batch;
    check->batch_bytes = batch_bytes;
    check->messages_count = 0;
    check->position = 0;
    check->frame_bytes = 0;
    check->frame_hashed_bytes = 0;
    check->frames_done = 0;
    check->header_done = false;
    check->stored = false;
    check->error = WIRE_OK;
}

void batch_check_init(struct batch_check *check, const u8 *batch, u32 batch_bytes,
                      u32 messages_count)
{
    init(check, batch, batch_bytes);
    check->messages_count = messages_count;
    if (messages_count == 0) {
        check->error = WIRE_INVALID_COMMAND;
    }
}

void batch_check_init_stored(struct batch_check *check, const u8 *batch, u32 batch_bytes)
{
    init(check, batch, batch_bytes);
    check->stored = true;
}

/* Eight bytes at a time; the last eight overlap what was looked at before. */
static bool reserved_is_zero(const u8 *header)
{
    const u8 *reserved = header + BATCH_RESERVED_POSITION;
    u64 sum = get_u64(reserved + BATCH_RESERVED_BYTES - sizeof(u64));
    for (u32 i = 0; i + sizeof(u64) <= BATCH_RESERVED_BYTES; i += sizeof(u64)) {
        sum |= get_u64(reserved + i);
    }
    return sum == 0;
}

static enum batch_check_result refuse(struct batch_check *check, enum wire_error error)
{
    check->error = error;
    return BATCH_CHECK_BAD;
}

/* Counts and lengths of the header. Every frame has a header, so their number is bounded too. */
static bool header_fits(const struct batch_check *check)
{
    const struct batch_header *header = &check->header;
    if (header->batch_length != check->batch_bytes || header->message_count == 0) {
        return false;
    }
    if (!check->stored && header->message_count != check->messages_count) {
        return false;
    }
    return header->message_count <=
           (check->batch_bytes - BATCH_HEADER_BYTES) / MESSAGE_FRAME_HEADER_BYTES;
}

static enum batch_check_result check_header(struct batch_check *check, u32 bytes_available,
                                            struct batch_budget *budget)
{
    if (check->batch_bytes < BATCH_HEADER_BYTES) {
        return refuse(check, WIRE_INVALID_COMMAND);
    }
    if (bytes_available < BATCH_HEADER_BYTES) {
        return BATCH_CHECK_WAITING;
    }
    batch_header_decode(check->batch, &check->header);
    if (!header_fits(check)) {
        return refuse(check, WIRE_INVALID_COMMAND);
    }
    if (!check->stored && !reserved_is_zero(check->batch)) {
        return refuse(check, WIRE_INVALID_COMMAND);
    }
    batch_digest_init(&check->digest, &check->header);
    check->position = BATCH_HEADER_BYTES;
    check->header_done = true;
    budget->bytes -= u32_min(budget->bytes, BATCH_HEADER_BYTES);
    return BATCH_CHECK_GOOD;
}

/* Lengths, delta and reserved bytes of the frame at `position`, whose header is there. */
static bool begin_frame(struct batch_check *check)
{
    const u8 *frame = check->batch + check->position;
    u64 size = (u64)MESSAGE_FRAME_HEADER_BYTES + get_u32(frame + 32) + get_u32(frame + 36);
    bool is_last = check->frames_done + 1 == check->header.message_count;
    u32 left = check->batch_bytes - check->position;
    if (size > left || is_last != (size == left)) {
        return false;
    }
    if (get_u32(frame + 24) != check->frames_done || get_u64(frame + 40) != 0) {
        return false;
    }
    check->frame_bytes = (u32)size;
    check->frame_hashed_bytes = (u32)sizeof(u64); /* the checksum does not cover itself */
    return true;
}

static enum batch_check_result end_frame(struct batch_check *check, u64 checksum)
{
    const u8 *frame = check->batch + check->position;
    if (get_u64(frame) != checksum) {
        return refuse(check, WIRE_INVALID_MESSAGE_CHECKSUM);
    }
    batch_digest_add(&check->digest, frame);
    check->position += check->frame_bytes;
    check->frames_done++;
    check->frame_bytes = 0;
    return BATCH_CHECK_GOOD;
}

/* Hashes the frame under way as far as it is there and the budget goes. GOOD: the frame is done. */
static enum batch_check_result hash_frame(struct batch_check *check, u32 bytes_available,
                                          struct batch_budget *budget)
{
    const u8 *frame = check->batch + check->position;
    u32 there = u32_min(bytes_available - check->position, check->frame_bytes);
    u32 todo = there - check->frame_hashed_bytes;
    bool is_complete = there == check->frame_bytes;
    bool is_untouched = check->frame_hashed_bytes == sizeof(u64);
    if (!is_complete && todo < PIECE_BYTES) {
        return BATCH_CHECK_WAITING;
    }
    if (budget->bytes == 0) {
        return BATCH_CHECK_PAUSED;
    }
    if (is_complete && is_untouched && todo <= budget->bytes) {
        budget->bytes -= todo;
        return end_frame(check, xxh3(frame + sizeof(u64), todo));
    }
    if (is_untouched) {
        xxh3_stream_init(&check->frame_hash);
    }
    u32 now = u32_min(todo, budget->bytes);
    xxh3_stream_update(&check->frame_hash, frame + check->frame_hashed_bytes, now);
    check->frame_hashed_bytes += now;
    budget->bytes -= now;
    if (check->frame_hashed_bytes == check->frame_bytes) {
        return end_frame(check, xxh3_stream_digest(&check->frame_hash));
    }
    return now < todo ? BATCH_CHECK_PAUSED : BATCH_CHECK_WAITING;
}

static enum batch_check_result check_frame(struct batch_check *check, u32 bytes_available,
                                           struct batch_budget *budget)
{
    if (check->frame_bytes == 0) {
        if (check->batch_bytes - check->position < MESSAGE_FRAME_HEADER_BYTES) {
            return refuse(check, WIRE_INVALID_COMMAND);
        }
        if (bytes_available - check->position < MESSAGE_FRAME_HEADER_BYTES) {
            return BATCH_CHECK_WAITING;
        }
        if (budget->frames == 0 || budget->bytes == 0) {
            return BATCH_CHECK_PAUSED;
        }
        budget->frames--;
        if (!begin_frame(check)) {
            return refuse(check, WIRE_INVALID_COMMAND);
        }
    }
    return hash_frame(check, bytes_available, budget);
}

enum batch_check_result batch_check_step(struct batch_check *check, u32 bytes_available,
                                         struct batch_budget *budget)
{
    check(bytes_available <= check->batch_bytes);
    check(bytes_available >= check->position);

    if (check->error != WIRE_OK) {
        return BATCH_CHECK_BAD;
    }
    if (!check->header_done) {
        enum batch_check_result result = check_header(check, bytes_available, budget);
        if (result != BATCH_CHECK_GOOD) {
            return result;
        }
    }
    while (check->frames_done < check->header.message_count) {
        enum batch_check_result result = check_frame(check, bytes_available, budget);
        if (result != BATCH_CHECK_GOOD) {
            return result;
        }
    }
    check(check->position == check->batch_bytes);
    if (batch_digest_finish(&check->digest) != check->header.batch_checksum) {
        return refuse(check, WIRE_INVALID_BATCH_CHECKSUM);
    }
    return BATCH_CHECK_GOOD;
}
