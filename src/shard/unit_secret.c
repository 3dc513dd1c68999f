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

void unit_encrypt(struct core *core, struct segment_unit *unit, u8 *batches)
{
    u8 place[PLACE_BYTES];
    check(core->cipher != NULL);
    check(!unit->encrypted);
    place_of(unit, place);
    struct unit_seal seal = {.place = place, .place_bytes = sizeof(place)};
    next_nonce(core, seal.nonce);
    unit_cipher_seal(core->cipher, &seal, batches, unit->batches_bytes);
    memcpy(unit->nonce, seal.nonce, UNIT_NONCE_BYTES);
    memcpy(unit->tag, seal.tag, UNIT_TAG_BYTES);
    unit->body_crc = crc32c(0, batches, unit->batches_bytes);
    unit->encrypted = true;
}

enum status unit_decrypt(struct core *core, struct segment_unit *unit, u8 *batches)
{
    u8 place[PLACE_BYTES];
    check(unit->encrypted);
    if (core->cipher == NULL) {
        return ERR_CORRUPT;
    }
    place_of(unit, place);
    struct unit_seal seal = {.place = place, .place_bytes = sizeof(place)};
    memcpy(seal.nonce, unit->nonce, UNIT_NONCE_BYTES);
    memcpy(seal.tag, unit->tag, UNIT_TAG_BYTES);
    enum status status = unit_cipher_open(core->cipher, &seal, batches, unit->batches_bytes);
    if (status == OK) {
        unit->encrypted = false;
    }
    return status;
}
