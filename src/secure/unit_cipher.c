#include "secure/unit_cipher.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

/* The key is set once in each context: afterwards only the nonce changes, which allocates
 * nothing. */
struct unit_cipher {
    EVP_CIPHER *algorithm; /* fetched once: each fetch takes locks */
    EVP_CIPHER_CTX *seal;
    EVP_CIPHER_CTX *open;
    EVP_CIPHER_CTX *seal_stepped; /* keeps its place from one turn to the next */
    EVP_CIPHER_CTX *open_stepped;
    bool seals; /* in steps */
    bool opens;
};

static bool has_key(EVP_CIPHER_CTX *context, const EVP_CIPHER *algorithm, const u8 *key, bool seals)
{
    return context != NULL && EVP_CipherInit_ex2(context, algorithm, key, NULL, seals, NULL) == 1;
}

struct unit_cipher *unit_cipher_create(const u8 key[CIPHER_KEY_BYTES])
{
    struct unit_cipher *cipher = mem_take(sizeof(*cipher));
    *cipher = (struct unit_cipher){
        .algorithm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL),
        .seal = EVP_CIPHER_CTX_new(),
        .open = EVP_CIPHER_CTX_new(),
        .seal_stepped = EVP_CIPHER_CTX_new(),
        .open_stepped = EVP_CIPHER_CTX_new(),
    };
    const EVP_CIPHER *algorithm = cipher->algorithm;
    if (algorithm == NULL || !has_key(cipher->seal, algorithm, key, true) ||
        !has_key(cipher->open, algorithm, key, false) ||
        !has_key(cipher->seal_stepped, algorithm, key, true) ||
        !has_key(cipher->open_stepped, algorithm, key, false)) {
        unit_cipher_destroy(cipher);
        return NULL;
    }
    return cipher;
}

void unit_cipher_destroy(struct unit_cipher *cipher)
{
    EVP_CIPHER_CTX_free(cipher->seal); /* wipes the key */
    EVP_CIPHER_CTX_free(cipher->open);
    EVP_CIPHER_CTX_free(cipher->seal_stepped);
    EVP_CIPHER_CTX_free(cipher->open_stepped);
    EVP_CIPHER_free(cipher->algorithm);
    mem_return(cipher);
}

/* ---- A context: begun, fed in order, ended ---- */

static void begin(EVP_CIPHER_CTX *context, const struct unit_seal *seal)
{
    int done = 0;
    check(EVP_CipherInit_ex2(context, NULL, NULL, seal->nonce, -1, NULL) == 1);
    check(EVP_CipherUpdate(context, NULL, &done, seal->place, (int)seal->place_bytes) == 1);
}

static void feed(EVP_CIPHER_CTX *context, u8 *bytes, u32 size)
{
    int done = 0;
    check(size <= INT32_MAX);
    check(EVP_CipherUpdate(context, bytes, &done, bytes, (int)size) == 1);
    check((u32)done == size);
}

static void end_seal(EVP_CIPHER_CTX *context, struct unit_seal *seal)
{
    u8 nothing[CIPHER_TAG_BYTES];
    int last = 0;
    check(EVP_EncryptFinal_ex(context, nothing, &last) == 1);
    check(last == 0);
    check(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, CIPHER_TAG_BYTES, seal->tag) == 1);
}

static enum status end_open(EVP_CIPHER_CTX *context, const struct unit_seal *seal)
{
    u8 nothing[CIPHER_TAG_BYTES];
    u8 tag[CIPHER_TAG_BYTES];
    int last = 0;
    memcpy(tag, seal->tag, sizeof(tag));
    check(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, CIPHER_TAG_BYTES, tag) == 1);
    return EVP_DecryptFinal_ex(context, nothing, &last) == 1 ? OK : ERR_CORRUPT;
}

void unit_cipher_seal(struct unit_cipher *cipher, struct unit_seal *seal, u8 *bytes, u32 size)
{
    begin(cipher->seal, seal);
    feed(cipher->seal, bytes, size);
    end_seal(cipher->seal, seal);
}

enum status unit_cipher_open(struct unit_cipher *cipher, const struct unit_seal *seal, u8 *bytes,
                             u32 size)
{
    begin(cipher->open, seal);
    feed(cipher->open, bytes, size);
    return end_open(cipher->open, seal);
}

/* ---- In steps ---- */

bool unit_cipher_seal_begin(struct unit_cipher *cipher, const struct unit_seal *seal)
{
    if (cipher->seals) {
        return false;
    }
    cipher->seals = true;
    begin(cipher->seal_stepped, seal);
    return true;
}

void unit_cipher_seal_step(struct unit_cipher *cipher, u8 *bytes, u32 size)
{
    check(cipher->seals);
    feed(cipher->seal_stepped, bytes, size);
}

void unit_cipher_seal_end(struct unit_cipher *cipher, struct unit_seal *seal)
{
    check(cipher->seals);
    cipher->seals = false;
    end_seal(cipher->seal_stepped, seal);
}

bool unit_cipher_open_begin(struct unit_cipher *cipher, const struct unit_seal *seal)
{
    if (cipher->opens) {
        return false;
    }
    cipher->opens = true;
    begin(cipher->open_stepped, seal);
    return true;
}

void unit_cipher_open_step(struct unit_cipher *cipher, u8 *bytes, u32 size)
{
    check(cipher->opens);
    feed(cipher->open_stepped, bytes, size);
}

enum status unit_cipher_open_end(struct unit_cipher *cipher, const struct unit_seal *seal)
{
    check(cipher->opens);
    cipher->opens = false;
    return end_open(cipher->open_stepped, seal);
}

void unit_cipher_fingerprint(const u8 key[CIPHER_KEY_BYTES],
                             u8 fingerprint[CIPHER_FINGERPRINT_BYTES])
{
    static const char label[] = "levriero: which key is this?";
    unsigned int size = 0;
    const u8 *digest = HMAC(EVP_sha256(), key, CIPHER_KEY_BYTES, (const u8 *)label,
                            sizeof(label) - 1, fingerprint, &size);
    check(digest != NULL);
    check(size == CIPHER_FINGERPRINT_BYTES);
}
