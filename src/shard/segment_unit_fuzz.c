#include "shard/segment_unit.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "tests/fuzz/fuzz.h"

#define FUZZ_BYTES_MAX (64u * 1024u)

static u8 bytes[FUZZ_BYTES_MAX];
static u8 again[UNIT_CONTROL_BYTES];

/* What a disk gives back with the right checksum, whatever stands in it: no look leaves the bytes,
 * every check ends, and what it finds good is what the control batch says. */
static void look(const struct segment_unit *unit, u32 left)
{
    struct unit_check check;
    enum unit_check_result result = UNIT_CHECK_PAUSED;
    if (unit->batches_bytes > left) {
        return;
    }
    unit_check_init(&check, unit, bytes + UNIT_CONTROL_BYTES);
    for (u32 steps = 0; result == UNIT_CHECK_PAUSED; steps++) {
        struct batch_budget budget = {.bytes = 1 + unit->batches_bytes / 7, .frames = 3};
        result = unit_check_step(&check, &budget);
        check(steps <= FUZZ_BYTES_MAX);
    }
    if (result == UNIT_CHECK_GOOD) {
        check(check.position == unit->batches_bytes);
        check(check.next_offset == unit->base_offset + unit->messages_count);
        check(!unit->encrypted ||
              crc32c(0, bytes + UNIT_CONTROL_BYTES, unit->batches_bytes) == unit->body_crc);
    }
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    if (size < UNIT_CONTROL_BYTES || size > sizeof(bytes)) {
        return 0;
    }
    memcpy(bytes, data, size);
    put_u32(bytes + 52, 0x314e554cu);
    put_u32(bytes + 252, crc32c(0, bytes, 252));
    struct segment_unit unit;
    u8 salt[SEGMENT_SALT_BYTES];
    memcpy(salt, bytes + 56, sizeof(salt));
    check(segment_unit_decode(bytes, salt, get_u64(bytes + 72), &unit) == OK);
    look(&unit, (u32)size - UNIT_CONTROL_BYTES);
    salt[3] ^= 1;
    check(segment_unit_decode(bytes, salt, get_u64(bytes + 72), &unit) == ERR_CORRUPT);
    salt[3] ^= 1;
    bool is_ours = unit.batches_bytes >= BATCH_HEADER_BYTES && unit.messages_count > 0 &&
                   unit.write_first_unit <= unit.unit_number;
    if (is_ours) { /* encodes to what decodes to the same */
        segment_unit_encode(&unit, again);
        struct segment_unit same;
        check(segment_unit_decode(again, salt, unit.life, &same) == OK);
        check(same.encrypted == unit.encrypted);
        check(same.body_crc == (unit.encrypted ? unit.body_crc : 0));
        check(same.batches_bytes == unit.batches_bytes);
    }
    return 0;
}
