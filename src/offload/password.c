#include "offload/password.h"

#include <argon2.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "base/check.h"
#include "base/str.h"

#define PHC_VERSION 19u
#define STORED_MEMORY_KIB_MAX (1024u * 1024u) /* of a stored hash that we are willing to compute */
#define STORED_PASSES_MAX 64u
#define STORED_LANES_MAX 16u

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct phc {
    struct password_cost cost;
    u8 salt[PASSWORD_SALT_BYTES];
    u8 tag[PASSWORD_TAG_BYTES];
};

/* ---- Where the library computes ---- */

/* libargon2 asks for memory through a function without a context, so the room of the thread that
 * computes is found here. Set and cleared around each call into the library. */
static _Thread_local struct password_room *room_in_use;

static int room_take(uint8_t **memory, size_t bytes)
{
    struct password_room *room = room_in_use;
    check(room != NULL);
    if (bytes <= room->bytes) {
        *memory = room->memory;
        return ARGON2_OK;
    }
    void *more = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (more == MAP_FAILED) {
        return ARGON2_MEMORY_ALLOCATION_ERROR;
    }
    *memory = more;
    return ARGON2_OK;
}

static void room_give_back(uint8_t *memory, size_t bytes)
{
    if (memory != room_in_use->memory) {
        check(munmap(memory, bytes) == 0);
    }
}

bool password_room_create(struct password_room *room, u32 memory_kib)
{
    u64 bytes = (u64)memory_kib * KIB;
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        return false;
    }
    *room = (struct password_room){.memory = memory, .bytes = bytes};
    return true;
}

void password_room_destroy(struct password_room *room)
{
    check(munmap(room->memory, room->bytes) == 0);
    *room = (struct password_room){0};
}

void password_room_release(struct password_room *room)
{
    check(madvise(room->memory, room->bytes, MADV_DONTNEED) == 0);
}

/* ---- Computing ---- */

static enum status tag_compute(struct password_room *room, struct phc *phc, const u8 *password,
                               u32 password_size, u8 *tag)
{
    u8 copy[OFFLOAD_PASSWORD_BYTES_MAX + 1] = {0};
    check(password_size <= OFFLOAD_PASSWORD_BYTES_MAX);
    memcpy(copy, password, password_size);
    argon2_context context = {
        .out = tag,
        .outlen = PASSWORD_TAG_BYTES,
        .pwd = copy,
        .pwdlen = password_size,
        .salt = phc->salt,
        .saltlen = PASSWORD_SALT_BYTES,
        .t_cost = phc->cost.passes,
        .m_cost = phc->cost.memory_kib,
        .lanes = phc->cost.lanes,
        .threads = 1,
        .version = ARGON2_VERSION_13,
        .allocate_cbk = room_take,
        .free_cbk = room_give_back,
    };
    room_in_use = room;
    int result = argon2_ctx(&context, Argon2_id);
    room_in_use = NULL;
    explicit_bzero(copy, sizeof(copy));
    if (result == ARGON2_MEMORY_ALLOCATION_ERROR) {
        return ERR_MEMORY;
    }
    return result == ARGON2_OK ? OK : ERR_INVALID;
}

/* ---- PHC text ---- */

static void base64_write(char *text, u32 capacity, u32 *position, const u8 *bytes, u32 size)
{
    u32 bits = 0;
    u32 bits_count = 0;
    for (u32 i = 0; i < size; i++) {
        bits = bits << 8 | bytes[i];
        bits_count += 8;
        while (bits_count >= 6) {
            bits_count -= 6;
            check(str_append(text, capacity, position, "%c",
                             base64_digits[bits >> bits_count & 63u]));
        }
    }
    if (bits_count > 0) {
        check(str_append(text, capacity, position, "%c",
                         base64_digits[bits << (6 - bits_count) & 63u]));
    }
}

/* Reads exactly `size` bytes and moves `*text` behind them. Bits left over must be zero, so that
 * there is one text for each value. */
static bool base64_read(const char **text, u8 *bytes, u32 size)
{
    u32 bits = 0;
    u32 bits_count = 0;
    for (u32 i = 0; i < size;) {
        const char *digit = **text == 0 ? NULL : strchr(base64_digits, **text);
        if (digit == NULL) {
            return false;
        }
        (*text)++;
        bits = (bits << 6 | (u32)(digit - base64_digits)) & 0xffffu;
        bits_count += 6;
        if (bits_count >= 8) {
            bits_count -= 8;
            bytes[i++] = (u8)(bits >> bits_count);
        }
    }
    return (bits & ((1u << bits_count) - 1)) == 0;
}

static void phc_write(const struct phc *phc, char *hash)
{
    u32 position = 0;
    check(str_append(hash, OFFLOAD_HASH_BYTES, &position, "$argon2id$v=%u$m=%u,t=%u,p=%u$",
                     PHC_VERSION, phc->cost.memory_kib, phc->cost.passes, phc->cost.lanes));
    base64_write(hash, OFFLOAD_HASH_BYTES, &position, phc->salt, sizeof(phc->salt));
    check(str_append(hash, OFFLOAD_HASH_BYTES, &position, "$"));
    base64_write(hash, OFFLOAD_HASH_BYTES, &position, phc->tag, sizeof(phc->tag));
}

static bool literal_read(const char **text, const char *literal)
{
    size_t size = strlen(literal);
    if (strncmp(*text, literal, size) != 0) {
        return false;
    }
    *text += size;
    return true;
}

static bool number_read(const char **text, u32 max, u32 *number)
{
    u64 value = 0;
    u32 digits = 0;
    for (; **text >= '0' && **text <= '9' && digits < 10; (*text)++, digits++) {
        value = value * 10 + (u64)(**text - '0');
    }
    *number = (u32)value;
    return digits > 0 && value >= 1 && value <= max;
}

static bool phc_read(struct phc *phc, const char *hash)
{
    u32 version;
    const char *text = hash;
    return literal_read(&text, "$argon2id$v=") && number_read(&text, PHC_VERSION, &version) &&
           version == PHC_VERSION && literal_read(&text, "$m=") &&
           number_read(&text, STORED_MEMORY_KIB_MAX, &phc->cost.memory_kib) &&
           literal_read(&text, ",t=") && number_read(&text, STORED_PASSES_MAX, &phc->cost.passes) &&
           literal_read(&text, ",p=") && number_read(&text, STORED_LANES_MAX, &phc->cost.lanes) &&
           literal_read(&text, "$") && base64_read(&text, phc->salt, sizeof(phc->salt)) &&
           literal_read(&text, "$") && base64_read(&text, phc->tag, sizeof(phc->tag)) && *text == 0;
}

/* ---- Hashing and verifying ---- */

static bool random_fill(u8 *bytes, u32 size)
{
    ssize_t result;
    do {
        result = getrandom(bytes, size, 0);
    } while (result < 0 && errno == EINTR);
    return result == (ssize_t)size; /* up to 256 bytes always come whole */
}

enum status password_hash(struct password_room *room, const struct password_cost *cost,
                          const u8 *password, u32 password_size, char *hash)
{
    check(password_size <= OFFLOAD_PASSWORD_BYTES_MAX);

    struct phc phc = {.cost = *cost};
    if (!random_fill(phc.salt, sizeof(phc.salt))) {
        return ERR_IO;
    }
    enum status status = tag_compute(room, &phc, password, password_size, phc.tag);
    if (status == OK) {
        phc_write(&phc, hash);
    }
    explicit_bzero(&phc, sizeof(phc));
    return status;
}

/* Looks at every byte, so that time does not tell how far two tags agree. */
static bool tags_equal(const u8 *a, const u8 *b)
{
    u8 difference = 0;
    for (u32 i = 0; i < PASSWORD_TAG_BYTES; i++) {
        difference |= (u8)(a[i] ^ b[i]);
    }
    return difference == 0;
}

enum status password_verify(struct password_room *room, const struct password_cost *cost,
                            const u8 *password, u32 password_size, const char *hash)
{
    check(password_size <= OFFLOAD_PASSWORD_BYTES_MAX);

    struct phc phc = {0};
    bool is_hash = phc_read(&phc, hash);
    if (!is_hash) {
        phc.cost = *cost;
    }
    u8 tag[PASSWORD_TAG_BYTES];
    enum status status = tag_compute(room, &phc, password, password_size, tag);
    if (status == OK) {
        bool matches = tags_equal(tag, phc.tag);
        status = is_hash && matches ? OK : ERR_INVALID;
    }
    if (!is_hash && *hash != 0) {
        status = ERR_CORRUPT;
    }
    explicit_bzero(tag, sizeof(tag));
    explicit_bzero(&phc, sizeof(phc));
    return status;
}
