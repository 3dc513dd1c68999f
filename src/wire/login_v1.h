/* The two logins of generation 1. Either is answered with the number of the user alone.
 *
 *     38  | username | password (u8 length, 0..255) | version (u32 length) | context (u32 length) |
 *     44  | token |
 *
 * Version and context are informative and may be empty, but not missing. */
#pragma once

#include "base/bytes.h"
#include "wire/decode.h"
#include "wire/error.h"

#define LOGIN_V1_REPLY_BYTES 4u

struct login_user_v1 {
    struct span username;
    struct span password;
    struct span version;
    struct span context;
};

struct login_token_v1 {
    struct span token;
};

must_check enum wire_error login_user_v1_decode(struct span body, struct login_user_v1 *login);
void login_user_v1_encode(const struct login_user_v1 *login, struct writer *writer);

must_check enum wire_error login_token_v1_decode(struct span body, struct login_token_v1 *login);
void login_token_v1_encode(const struct login_token_v1 *login, struct writer *writer);
