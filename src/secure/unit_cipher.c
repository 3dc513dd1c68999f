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
};

struct unit_cipher *unit_cipher_create(const u8 key[CIPHER_KEY_BYTES])
{
    struct unit_cipher *cipher = mem_take(sizeof(*cipher));
    cipher->algorithm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    cipher->seal = EVP_CIPHER_CTX_new();
    cipher->open = EVP_CIPHER_CTX_new();
    if (cipher->algorithm == NULL || cipher->seal == NULL || cipher->open == NULL ||
        EVP_EncryptInit_ex2(cipher->seal, cipher->algorithm, key, NULL, NULL) != 1 ||
        EVP_DecryptInit_ex2(cipher->open, cipher->algorithm, key, NULL, NULL) != 1) {
        unit_cipher_destroy(cipher);
        return NULL;
    }
    return cipher;
}

void unit_cipher_destroy(struct unit_cipher *cipher)
{
    EVP_CIPHER_CTX_free(cipher->seal); /* wipes the key */
    EVP_CIPHER_CTX_free(cipher->open);
    EVP_CIPHER_free(cipher->algorithm);
    mem_return(cipher);
}

void unit_cipher_seal(struct unit_cipher *cipher, struct unit_seal *seal, u8 *bytes, u32 size)
{
    int done = 0;
    int last = 0;
    check(size <= INT32_MAX);
    check(EVP_EncryptInit_ex2(cipher->seal, NULL, NULL, seal->nonce, NULL) == 1);
    check(EVP_EncryptUpdate(cipher->seal, NULL, &done, seal->place, (int)seal->place_bytes) == 1);
    check(EVP_EncryptUpdate(cipher->seal, bytes, &done, bytes, (int)size) == 1);
    check((u32)done == size);
    check(EVP_EncryptFinal_ex(cipher->seal, bytes + done, &last) == 1);
    check(EVP_CIPHER_CTX_ctrl(cipher->seal, EVP_CTRL_AEAD_GET_TAG, CIPHER_TAG_BYTES, seal->tag) ==
          1);
}

enum status unit_cipher_open(struct unit_cipher *cipher, const struct unit_seal *seal, u8 *bytes,
                             u32 size)
{
    int done = 0;
    int last = 0;
    u8 tag[CIPHER_TAG_BYTES];
    check(size <= INT32_MAX);
    memcpy(tag, seal->tag, sizeof(tag));
    check(EVP_DecryptInit_ex2(cipher->open, NULL, NULL, seal->nonce, NULL) == 1);
    check(EVP_DecryptUpdate(cipher->open, NULL, &done, seal->place, (int)seal->place_bytes) == 1);
    check(EVP_DecryptUpdate(cipher->open, bytes, &done, bytes, (int)size) == 1);
    check(EVP_CIPHER_CTX_ctrl(cipher->open, EVP_CTRL_AEAD_SET_TAG, CIPHER_TAG_BYTES, tag) == 1);
    return EVP_DecryptFinal_ex(cipher->open, bytes + done, &last) == 1 ? OK : ERR_CORRUPT;
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
