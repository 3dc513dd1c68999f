#include "base/sha256.h"

#include "test.h"

static void expect_hash(const char *text, u32 size, const char *hex)
{
    u8 hash[SHA256_BYTES];
    char found[2 * SHA256_BYTES + 1];
    sha256(text, size, hash);
    for (u32 i = 0; i < SHA256_BYTES; i++) {
        (void)snprintf(found + 2 * i, 3, "%02x", hash[i]);
    }
    EXPECT_STR(found, hex);
}

TEST(the_published_vectors_are_met)
{
    expect_hash("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect_hash("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect_hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(a_million_letters_give_the_published_hash)
{
    char *letters = malloc(1000000);
    EXPECT(letters != NULL);
    memset(letters, 'a', 1000000);
    expect_hash(letters, 1000000,
                "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(letters);
}

/* Where the padding just fits, and where it needs a block of its own. */
TEST(lengths_around_a_block_are_padded_right)
{
    static const char text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    expect_hash(text, 55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
    expect_hash(text, 56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a");
    expect_hash(text, 63, "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34");
    expect_hash(text, 64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
}
