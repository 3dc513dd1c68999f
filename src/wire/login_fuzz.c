#include "wire/login.h"

#include "tests/fuzz/fixed_point.h"

static u8 bytes[FUZZ_BYTES_MAX];

/* A login that decodes is written to the bytes it came from, save those after its context. */
static void fuzz_register(struct span body)
{
    struct login_prefix prefix;
    struct login_password password;
    struct login_token token;
    if (!login_prefix_decode(body, &prefix)) {
        return;
    }
    struct writer writer = writer_over(bytes, sizeof(bytes));
    login_prefix_encode(&prefix, &writer);
    check(writer.position == prefix.credentials_position);
    if (login_password_decode(body, &prefix, &password)) {
        login_password_encode(&password, &writer);
    } else if (login_token_decode(body, &prefix, &token)) {
        login_token_encode(&token, &writer);
    }
    check(!writer.failed);
    check(writer.position <= body.size);
    check(memcmp(bytes, body.data, writer.position) == 0);
}

static void fuzz_login_reply(struct span body)
{
    struct login_reply reply;
    u32 error;
    if (login_reply_decode(body, &reply, &error) != OK || error != 0) {
        return;
    }
    check(reply.session > 0);
    check(reply.server_version.size > 0);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct span body;
    switch (fuzz_choose(data, size, 2, &body)) {
    case 0: fuzz_register(body); break;
    default: fuzz_login_reply(body); break;
    }
    return 0;
}
