/* Any bytes as a batch: the verdict is the same whether it arrives at once or in pieces, under any
 * budget; and what was found good can be stamped, verified, walked and cut.
 *
 *     | pieces u16 | budget bytes u16 | budget frames u8 | flags u8 | first u8 | last u8 | batch
 *
 * Flag 1: checksums and length are put right first, so that the search gets past them. */
#include "wire/batch.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

#define CONTROL_BYTES 8u
#define BATCH_BYTES_MAX (1u << 20)

static u8 batch[BATCH_BYTES_MAX];

static void seal(u32 batch_bytes)
{
    struct batch_header header;
    put_u64(batch + 32, batch_bytes);
    batch_header_decode(batch, &header);
    struct batch_digest digest;
    batch_digest_init(&digest, &header);
    struct batch_iterator iterator = batch_iterate(batch, batch_bytes);
    struct message_frame frame;
    while (batch_next(&iterator, &frame)) {
        u8 *bytes = batch + frame.position;
        put_u64(bytes, xxh3(bytes + 8, frame.size - 8));
        batch_digest_add(&digest, bytes);
    }
    put_u64(batch + 40, batch_digest_finish(&digest));
}

static enum batch_check_result check_at_once(u32 batch_bytes, bool stored, enum wire_error *error)
{
    struct batch_check state;
    struct batch_budget budget = {.bytes = UINT32_MAX, .frames = UINT32_MAX};
    if (stored) {
        batch_check_init_stored(&state, batch, batch_bytes);
    } else {
        batch_check_init(&state, batch, batch_bytes, batch_bytes < 52 ? 1 : get_u32(batch + 48));
    }
    enum batch_check_result result = batch_check_step(&state, batch_bytes, &budget);
    *error = state.error;
    return result;
}

static enum batch_check_result check_in_pieces(const u8 *control, u32 batch_bytes,
                                               enum wire_error *error)
{
    struct batch_check state;
    u32 piece_bytes = get_u16(control) + 1u;
    u32 available = 0;
    batch_check_init(&state, batch, batch_bytes, batch_bytes < 52 ? 1 : get_u32(batch + 48));
    for (;;) {
        struct batch_budget budget = {.bytes = get_u16(control + 2) + 1u,
                                      .frames = control[4] + 1u};
        enum batch_check_result result = batch_check_step(&state, available, &budget);
        *error = state.error;
        if (result == BATCH_CHECK_GOOD || result == BATCH_CHECK_BAD) {
            return result;
        }
        if (result == BATCH_CHECK_WAITING) {
            check(available < batch_bytes);
            available += u32_min(piece_bytes, batch_bytes - available);
        }
    }
}

static void slice_it(u32 batch_bytes, u32 first_delta, u32 last_delta)
{
    struct batch_slice slice;
    batch_slice_init(&slice, batch, batch_bytes, first_delta, last_delta);
    while (!batch_slice_step(&slice, 3)) {
    }
    if (slice.messages_count == 0) {
        return;
    }
    check(slice.messages_count <= get_u32(batch + 48));
    check(slice.frames_start >= BATCH_HEADER_BYTES);
    check(slice.frames_start + slice.frames_bytes <= batch_bytes);
    check(get_u64(slice.header + 32) == BATCH_HEADER_BYTES + slice.frames_bytes);
    check(get_u32(slice.header + 48) == slice.messages_count);
}

static void use(const u8 *control, u32 batch_bytes)
{
    enum wire_error error;
    struct batch_stamp stamp;
    struct batch_stamp_values values = {1, 2, 3};
    batch_stamp_init(&stamp, batch, batch_bytes, &values);
    while (!batch_stamp_step(&stamp, control[4] + 1u)) {
    }
    check(check_at_once(batch_bytes, true, &error) == BATCH_CHECK_GOOD);
    struct message_frame frame;
    check(batch_find(batch, batch_bytes, get_u32(batch + 48) - 1, &frame));
    check(frame.position + frame.size == batch_bytes);
    slice_it(batch_bytes, control[6], control[7]);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    if (size < CONTROL_BYTES || size - CONTROL_BYTES > BATCH_BYTES_MAX) {
        return 0;
    }
    u32 batch_bytes = (u32)size - CONTROL_BYTES;
    memcpy(batch, data + CONTROL_BYTES, batch_bytes);
    if ((data[5] & 1) != 0 && batch_bytes >= BATCH_HEADER_BYTES) {
        seal(batch_bytes);
    }
    enum wire_error at_once;
    enum wire_error in_pieces;
    enum batch_check_result result = check_at_once(batch_bytes, false, &at_once);
    check(result == BATCH_CHECK_GOOD || result == BATCH_CHECK_BAD);
    check(result == check_in_pieces(data, batch_bytes, &in_pieces));
    check(at_once == in_pieces);
    if (result == BATCH_CHECK_GOOD) {
        use(data, batch_bytes);
    }
    return 0;
}
