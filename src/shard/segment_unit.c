/* The control batch, 256 bytes, little-endian. It stands where a batch header stands:
 *
 *       0  partition_id      u64
 *       8  base_offset       u64   offset of the first message of the unit
 *      16  base_timestamp    u64   append time of the last batch of the unit, microseconds
 *      24  origin_timestamp  u64   append time of the first batch of the unit
 *      32  batch_length      u64   256
 *      40  batch_checksum    u64   0
 *      48  message_count     u32   0
 *      52  magic             u32   "LUN1"
 *      56  salt              16 bytes, of the segment, never served
 *      72  life              u64
 *      80  write_number      u64
 *      88  unit_number       u64
 *      96  write_first_unit  u64
 *     104  term              u64
 *     112  previous_crc      u32   control_crc of the unit before in this life, 0: none
 *     116  batches_bytes     u32   length of the batches that follow
 *     120  messages_count    u32   messages in those batches
 *     124  headers_crc       u32   CRC-32C over the 256 bytes of each batch header, in order
 *     128  level             u8    0 sync, 1 os, 2 memory
 *     129  encrypted         u8    1: the batches are, with AES-256-GCM; headers_crc is 0
 *     132  body_crc          u32   CRC-32C over them as they lie there; 0 when they are not
 *     136  nonce             12 bytes
 *     148  tag               16 bytes
 *     164  batches_count     u32   of encrypted ones; 0 when they can be counted
 *     168  zeros
 *     252  control_crc       u32   CRC-32C over bytes 0 to 251 */
#include "shard/segment_unit.h"

#include "base/bug.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"

#define UNIT_MAGIC 0x314e554cu /* "LUN1" */
#define CONTROL_CRC_POSITION 252u

u32 segment_unit_bytes(u32 batches_bytes, u32 sector_bytes)
{
    check(batches_bytes <= UINT32_MAX - 2 * SECTOR_BYTES_MAX);
    return (u32)align_up(UNIT_CONTROL_BYTES + (u64)batches_bytes, sector_bytes);
}

u32 segment_unit_batches_bytes(const u8 *control)
{
    check(get_u32(control + 52) == UNIT_MAGIC);
    return get_u32(control + 116);
}

void segment_unit_encode(struct segment_unit *unit, u8 *control)
{
    check(unit->batches_bytes >= BATCH_HEADER_BYTES);
    check(unit->messages_count > 0);
    check(unit->write_first_unit <= unit->unit_number);

    memset(control, 0, UNIT_CONTROL_BYTES);
    put_u64(control, unit->partition_id);
    put_u64(control + 8, unit->base_offset);
    put_u64(control + 16, unit->last_time_us);
    put_u64(control + 24, unit->first_time_us);
    put_u64(control + 32, UNIT_CONTROL_BYTES);
    put_u32(control + 52, UNIT_MAGIC);
    memcpy(control + 56, unit->salt, SEGMENT_SALT_BYTES);
    put_u64(control + 72, unit->life);
    put_u64(control + 80, unit->write_number);
    put_u64(control + 88, unit->unit_number);
    put_u64(control + 96, unit->write_first_unit);
    put_u64(control + 104, unit->term);
    put_u32(control + 112, unit->previous_crc);
    put_u32(control + 116, unit->batches_bytes);
    put_u32(control + 120, unit->messages_count);
    put_u32(control + 124, unit->headers_crc);
    control[128] = unit->level;
    if (unit->encrypted) {
        put_u32(control + 124, 0);
        control[129] = 1;
        put_u32(control + 132, unit->body_crc);
        memcpy(control + 136, unit->nonce, UNIT_NONCE_BYTES);
        memcpy(control + 148, unit->tag, UNIT_TAG_BYTES);
        put_u32(control + 164, unit->batches_count);
    }
    unit->control_crc = crc32c(0, control, CONTROL_CRC_POSITION);
    put_u32(control + CONTROL_CRC_POSITION, unit->control_crc);
}

enum status segment_unit_decode(const u8 *control, const u8 *salt, u64 life,
                                struct segment_unit *unit)
{
    /* The cheap questions first: recovery asks this of every sector that it looks at. */
    if (get_u32(control + 52) != UNIT_MAGIC ||
        (memcmp(control + 56, salt, SEGMENT_SALT_BYTES) != 0 && !bug_is_on(BUG_BELIEVE_OLD_SALT))) {
        return ERR_CORRUPT;
    }
    u32 control_crc = get_u32(control + CONTROL_CRC_POSITION);
    if (crc32c(0, control, CONTROL_CRC_POSITION) != control_crc || get_u64(control + 72) != life) {
        return ERR_CORRUPT;
    }
    *unit = (struct segment_unit){
        .partition_id = get_u64(control),
        .base_offset = get_u64(control + 8),
        .last_time_us = get_u64(control + 16),
        .first_time_us = get_u64(control + 24),
        .life = get_u64(control + 72),
        .write_number = get_u64(control + 80),
        .unit_number = get_u64(control + 88),
        .write_first_unit = get_u64(control + 96),
        .term = get_u64(control + 104),
        .previous_crc = get_u32(control + 112),
        .batches_bytes = get_u32(control + 116),
        .messages_count = get_u32(control + 120),
        .headers_crc = get_u32(control + 124),
        .control_crc = control_crc,
        .level = control[128],
        .encrypted = control[129] == 1,
        .body_crc = get_u32(control + 132),
        .batches_count = get_u32(control + 164),
    };
    memcpy(unit->nonce, control + 136, UNIT_NONCE_BYTES);
    memcpy(unit->tag, control + 148, UNIT_TAG_BYTES);
    memcpy(unit->salt, control + 56, SEGMENT_SALT_BYTES);
    return OK;
}

void unit_check_init(struct unit_check *check, const struct segment_unit *unit, const u8 *batches)
{
    check->unit = *unit;
    check->batches = batches;
    check->position = 0;
    check->headers_crc = 0;
    check->body_crc = 0;
    check->next_offset = unit->base_offset;
    check->last_time_us = unit->first_time_us;
    check->batch_begun = false;
    check->batches_count = 0;
}

/* The header of the batch at check->position: does it fit where it stands? */
static bool batch_follows(struct unit_check *check, struct batch_header *header)
{
    u32 left = check->unit.batches_bytes - check->position;
    if (left < BATCH_HEADER_BYTES) {
        return false;
    }
    batch_header_decode(check->batches + check->position, header);
    return header->batch_length >= BATCH_HEADER_BYTES && header->batch_length <= left &&
           header->message_count > 0 && header->base_offset == check->next_offset &&
           header->partition_id == check->unit.partition_id &&
           header->base_timestamp_us >= check->last_time_us;
}

static bool batch_begin(struct unit_check *check)
{
    struct batch_header header;
    if (!batch_follows(check, &header)) {
        return false;
    }
    const u8 *batch = check->batches + check->position;
    check->headers_crc = crc32c(check->headers_crc, batch, BATCH_HEADER_BYTES);
    check->next_offset += header.message_count;
    check->last_time_us = header.base_timestamp_us;
    batch_check_init_stored(&check->batch, batch, (u32)header.batch_length);
    check->batch_begun = true;
    check->batches_count++;
    return true;
}

static bool unit_is_whole(const struct unit_check *check)
{
    const struct segment_unit *unit = &check->unit;
    return check->headers_crc == unit->headers_crc &&
           check->next_offset - unit->base_offset == unit->messages_count &&
           check->last_time_us == unit->last_time_us;
}

static enum unit_check_result check_encrypted(struct unit_check *check, struct batch_budget *budget)
{
    const struct segment_unit *unit = &check->unit;
    u32 bytes = u32_min(budget->bytes, unit->batches_bytes - check->position);
    check->body_crc = crc32c(check->body_crc, check->batches + check->position, bytes);
    check->position += bytes;
    budget->bytes -= bytes;
    if (check->position < unit->batches_bytes) {
        return UNIT_CHECK_PAUSED;
    }
    check->next_offset = unit->base_offset + unit->messages_count;
    check->last_time_us = unit->last_time_us;
    check->batches_count = unit->batches_count;
    return check->body_crc == unit->body_crc ? UNIT_CHECK_GOOD : UNIT_CHECK_BAD;
}

enum unit_check_result unit_check_step(struct unit_check *check, struct batch_budget *budget)
{
    if (check->unit.encrypted) {
        return check_encrypted(check, budget);
    }
    while (check->position < check->unit.batches_bytes) {
        if (!check->batch_begun && !batch_begin(check)) {
            return UNIT_CHECK_BAD;
        }
        u32 batch_bytes = check->batch.batch_bytes;
        switch (batch_check_step(&check->batch, batch_bytes, budget)) {
        case BATCH_CHECK_PAUSED: return UNIT_CHECK_PAUSED;
        case BATCH_CHECK_WAITING: /* all of it was there, yet it wants more */
        case BATCH_CHECK_BAD:
            if (!bug_is_on(BUG_SKIP_CHECKSUM)) {
                return UNIT_CHECK_BAD;
            }
            break;
        case BATCH_CHECK_GOOD: break;
        }
        check->position += batch_bytes;
        check->batch_begun = false;
    }
    return unit_is_whole(check) ? UNIT_CHECK_GOOD : UNIT_CHECK_BAD;
}
