#include "shard/unit_secret.h"

#include "base/check.h"
#include "base/crc32c.h"
#include "core/core.h"
#include "secure/unit_cipher.h"

static_assert(UNIT_NONCE_BYTES == CIPHER_NONCE_BYTES, "the control batch holds a nonce");
static_assert(UNIT_TAG_BYTES == CIPHER_TAG_BYTES, "the control batch holds a tag");

/* What binds the bytes to where they lie. */
#define PLACE_BYTES 32u

bool unit_secret_is_on(const struct core *core)
{
    return core->cipher != NULL && core->encrypts;
}

static void place_of(const struct segment_unit *unit, u8 place[PLACE_BYTES])
{
    put_u64(place, unit->life);
    put_u64(place + 8, unit->partition_id);
    put_u64(place + 16, unit->base_offset);
    put_u32(place + 24, unit->batches_bytes);
    put_u32(place + 28, unit->messages_count);
}

static void next_nonce(struct core *core, u8 nonce[UNIT_NONCE_BYTES])
{
    core->nonce.low++;
    core->nonce.high += core->nonce.low == 0 ? 1 : 0;
    put_u64(nonce, core->nonce.low);
    put_u32(nonce + 8, (u32)core->nonce.high);
}

static void note_encrypted(struct segment_unit *unit, const struct unit_seal *seal)
{
    memcpy(unit->tag, seal->tag, UNIT_TAG_BYTES);
    unit->encrypted = true;
}

static void take_seal(const struct segment_unit *unit, struct unit_seal *seal)
{
    memcpy(seal->nonce, unit->nonce, UNIT_NONCE_BYTES);
    memcpy(seal->tag, unit->tag, UNIT_TAG_BYTES);
}

/* Whole in one turn, if the turn has so many bytes left. */
static enum unit_secret_result encrypt_whole(struct core *core, struct segment_unit *unit,
                                             u8 *batches, u32 *budget_bytes)
{
    u8 place[PLACE_BYTES];
    if (*budget_bytes < unit->batches_bytes) {
        return UNIT_SECRET_PAUSED;
    }
    *budget_bytes -= unit->batches_bytes;
    place_of(unit, place);
    struct unit_seal seal = {.place = place, .place_bytes = sizeof(place)};
    next_nonce(core, unit->nonce);
    memcpy(seal.nonce, unit->nonce, UNIT_NONCE_BYTES);
    unit_cipher_seal(core->cipher, &seal, batches, unit->batches_bytes);
    unit->body_crc = crc32c(0, batches, unit->batches_bytes);
    note_encrypted(unit, &seal);
    return UNIT_SECRET_DONE;
}

static bool encrypt_begin(struct core *core, struct segment_unit *unit)
{
    u8 place[PLACE_BYTES];
    place_of(unit, place);
    struct unit_seal seal = {.place = place, .place_bytes = sizeof(place)};
    next_nonce(core, unit->nonce);
    memcpy(seal.nonce, unit->nonce, UNIT_NONCE_BYTES);
    unit->body_crc = 0;
    return unit_cipher_seal_begin(core->cipher, &seal);
}

enum unit_secret_result unit_encrypt_step(struct core *core, struct unit_secret *secret,
                                          struct segment_unit *unit, u8 *batches, u32 *budget_bytes)
{
    check(core->cipher != NULL);
    check(!unit->encrypted);
    if (unit->batches_bytes <= UNIT_SECRET_BYTES) {
        return encrypt_whole(core, unit, batches, budget_bytes);
    }
    if (*budget_bytes == 0 || (!secret->begun && !encrypt_begin(core, unit))) {
        return UNIT_SECRET_PAUSED;
    }
    secret->begun = true;
    u32 size = u32_min(*budget_bytes, unit->batches_bytes - secret->position);
    unit_cipher_seal_step(core->cipher, batches + secret->position, size);
    unit->body_crc = crc32c(unit->body_crc, batches + secret->position, size);
    secret->position += size;
    *budget_bytes -= size;
    if (secret->position < unit->batches_bytes) {
        return UNIT_SECRET_PAUSED;
    }
    struct unit_seal seal = {0};
    unit_cipher_seal_end(core->cipher, &seal);
    note_encrypted(unit, &seal);
    *secret = (struct unit_secret){0};
    return UNIT_SECRET_DONE;
}

enum status unit_decrypt(struct core *core, struct segment_unit *unit, u8 *batches)
{
    u8 place[PLACE_BYTES];
    check(unit->encrypted);
    check(unit->batches_bytes <= UNIT_SECRET_BYTES);
    if (core->cipher == NULL) {
        return ERR_CORRUPT;
    }
    place_of(unit, place);
    struct unit_seal seal = {.place = place, .place_bytes = sizeof(place)};
    take_seal(unit, &seal);
    enum status status = unit_cipher_open(core->cipher, &seal, batches, unit->batches_bytes);
    if (status == OK) {
        unit->encrypted = false;
    }
    return status;
}

static enum unit_secret_result decrypt_whole(struct core *core, struct segment_unit *unit,
                                             u8 *batches, u32 *budget_bytes)
{
    if (*budget_bytes < unit->batches_bytes) {
        return UNIT_SECRET_PAUSED;
    }
    *budget_bytes -= unit->batches_bytes;
    return unit_decrypt(core, unit, batches) == OK ? UNIT_SECRET_DONE : UNIT_SECRET_BAD;
}

static bool decrypt_begin(struct core *core, const struct segment_unit *unit)
{
    u8 place[PLACE_BYTES];
    place_of(unit, place);
    struct unit_seal seal = {.place = place, .place_bytes = sizeof(place)};
    take_seal(unit, &seal);
    return unit_cipher_open_begin(core->cipher, &seal);
}

enum unit_secret_result unit_decrypt_step(struct core *core, struct unit_secret *secret,
                                          struct segment_unit *unit, u8 *batches, u32 *budget_bytes)
{
    check(unit->encrypted);
    if (core->cipher == NULL) {
        return UNIT_SECRET_BAD;
    }
    if (unit->batches_bytes <= UNIT_SECRET_BYTES) {
        return decrypt_whole(core, unit, batches, budget_bytes);
    }
    if (*budget_bytes == 0 || (!secret->begun && !decrypt_begin(core, unit))) {
        return UNIT_SECRET_PAUSED;
    }
    secret->begun = true;
    u32 size = u32_min(*budget_bytes, unit->batches_bytes - secret->position);
    unit_cipher_open_step(core->cipher, batches + secret->position, size);
    secret->position += size;
    *budget_bytes -= size;
    if (secret->position < unit->batches_bytes) {
        return UNIT_SECRET_PAUSED;
    }
    struct unit_seal seal = {0};
    take_seal(unit, &seal);
    *secret = (struct unit_secret){0};
    if (unit_cipher_open_end(core->cipher, &seal) != OK) {
        return UNIT_SECRET_BAD;
    }
    unit->encrypted = false;
    return UNIT_SECRET_DONE;
}
