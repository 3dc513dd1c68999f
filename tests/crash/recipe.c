#include "recipe.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define PROLOGUE_MAGIC 0x45504352u
#define SPREAD 96u /* payloads of one batch differ in size by less than this */

/* Any fixed time will do; deltas and order are what is checked. */
#define ORIGIN_TIMESTAMP_US 1700000000000000ull

u64 mix(u64 value)
{
    value += 0x9e3779b97f4a7c15ull;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ull;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebull;
    return value ^ (value >> 31);
}

u64 pick(u64 *state, u64 limit)
{
    *state = mix(*state);
    return *state % limit;
}

/* A number that belongs to this message and no other. */
static u64 message_key(const struct batch_name *name, u32 index)
{
    u64 key = mix(((u64)name->topic << 32) | name->partition);
    key = mix(key ^ (((u64)name->producer << 32) | name->era));
    key = mix(key ^ name->sequence);
    return mix(key ^ index);
}

static u32 payload_size_of(const struct batch_name *name, u64 key)
{
    return name->payload_size + (u32)(key % SPREAD);
}

u32 recipe_size(const struct batch_name *name)
{
    u64 size = BATCH_HEADER_SIZE;
    for (u32 i = 0; i < name->message_count; i++) {
        size += FRAME_HEADER_SIZE + payload_size_of(name, message_key(name, i));
    }
    return (u32)size;
}

/* The filling of a payload: words that follow from the key, so that no two messages look alike and
 * a stretch of an older message in its place cannot pass. */
static void fill(u8 *bytes, u32 size, u64 key)
{
    u32 position = 0;
    u64 word = key | 1;
    for (; position + 8 <= size; position += 8) {
        word = word * 0xd1342543de82ef95ull + key;
        put_u64(bytes + position, word);
    }
    for (; position < size; position++) {
        bytes[position] = (u8)(key >> (8 * (position & 7)));
    }
}

static u32 cook_frame(const struct batch_name *name, u32 index, u8 *frame)
{
    u64 key = message_key(name, index);
    u32 payload_size = payload_size_of(name, key);
    memset(frame, 0, FRAME_HEADER_SIZE);
    put_u64(frame + 8, key | 1);
    put_u64(frame + 16, name->sequence);
    put_u32(frame + 24, index);
    put_u32(frame + 28, index * 3);
    put_u32(frame + 36, payload_size);

    u8 *payload = frame + FRAME_HEADER_SIZE;
    put_u32(payload, PROLOGUE_MAGIC);
    put_u32(payload + 4, name->topic);
    put_u32(payload + 8, name->partition);
    put_u32(payload + 12, name->producer);
    put_u64(payload + 16, name->sequence);
    put_u32(payload + 24, name->era);
    put_u32(payload + 28, index);
    put_u32(payload + 32, name->message_count);
    put_u32(payload + 36, name->payload_size);
    fill(payload + PROLOGUE_SIZE, payload_size - PROLOGUE_SIZE, key);

    u32 frame_size = FRAME_HEADER_SIZE + payload_size;
    put_u64(frame, XXH3_64bits(frame + 8, frame_size - 8));
    return frame_size;
}

void recipe_cook(const struct batch_name *name, u8 *batch)
{
    u32 position = BATCH_HEADER_SIZE;
    for (u32 i = 0; i < name->message_count; i++) {
        position += cook_frame(name, i, batch + position);
    }
    memset(batch, 0, BATCH_HEADER_SIZE);
    put_u64(batch + 24, ORIGIN_TIMESTAMP_US + name->sequence);
    put_u64(batch + 32, position);
    put_u32(batch + 48, name->message_count);
    put_u64(batch + 40,
            recipe_batch_checksum(batch, batch + BATCH_HEADER_SIZE, position - BATCH_HEADER_SIZE));
}

bool recipe_name(struct span payload, struct batch_name *name, u32 *index)
{
    if (payload.size < PROLOGUE_SIZE || get_u32(payload.data) != PROLOGUE_MAGIC) {
        return false;
    }
    *name = (struct batch_name){
        .topic = get_u32(payload.data + 4),
        .partition = get_u32(payload.data + 8),
        .producer = get_u32(payload.data + 12),
        .sequence = get_u64(payload.data + 16),
        .era = get_u32(payload.data + 24),
        .message_count = get_u32(payload.data + 32),
        .payload_size = get_u32(payload.data + 36),
    };
    *index = get_u32(payload.data + 28);
    return name->payload_size >= PROLOGUE_SIZE && *index < name->message_count;
}

u64 recipe_batch_checksum(const u8 *header, const u8 *frames, u32 frames_size)
{
    XXH3_state_t state;
    (void)XXH3_64bits_reset(&state);
    (void)XXH3_64bits_update(&state, header, 40);
    (void)XXH3_64bits_update(&state, header + 48, 4);
    for (u32 position = 0; position < frames_size;) {
        const u8 *frame = frames + position;
        (void)XXH3_64bits_update(&state, frame, 8);
        position += FRAME_HEADER_SIZE + get_u32(frame + 32) + get_u32(frame + 36);
    }
    return XXH3_64bits_digest(&state);
}

bool recipe_frames_tile(const u8 *frames, u32 frames_size, u32 count)
{
    u64 position = 0;
    u32 seen = 0;
    while (position + FRAME_HEADER_SIZE <= frames_size) {
        const u8 *frame = frames + position;
        position += FRAME_HEADER_SIZE + (u64)get_u32(frame + 32) + get_u32(frame + 36);
        seen++;
    }
    return position == frames_size && seen == count;
}
