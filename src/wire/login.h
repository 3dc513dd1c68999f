/* Register (op 1): the one login of generation 2, by password or by token, behind a version gate.
 *
 *     | version u32 | sdk name | sdk version |                        the prefix, in both shapes
 *     | username | password (u8 length, 0..255) | context (u32 length) |         password shape
 *     | token                                   | context (u32 length) |         token shape
 *
 * The header does not say which shape the body has: it is decided by trying, in this order:
 *
 *   1. no readable prefix                      EVICTION_MALFORMED_LOGIN
 *   2. version outside the window              EVICTION_INCOMPATIBLE_PROTOCOL, before step 3
 *   3. request_checksum wrong                  status WIRE_INVALID_FORMAT
 *   4. password shape with right credentials   success
 *   5. token shape with a valid token          success
 *   6. password shape parsed                   EVICTION_INVALID_CREDENTIALS
 *      only token shape parsed                 EVICTION_INVALID_TOKEN (or _USER_INACTIVE)
 *      neither                                 EVICTION_MALFORMED_LOGIN
 *
 * Bytes after the context are ignored. */
#pragma once

#include "base/bytes.h"
#include "base/status.h"
#include "base/types.h"

#define PROTOCOL_VERSION_PACK(major, minor, patch) (((major) << 20) | ((minor) << 10) | (patch))
#define PROTOCOL_VERSION PROTOCOL_VERSION_PACK(0u, 11u, 0u)
static_assert(PROTOCOL_VERSION == 0x00002C00u, "0.11.0, the version of all 0.9 clients");

struct login_prefix {
    u32 version;
    struct span sdk_name;
    struct span sdk_version;
    u32 credentials_position; /* where the rest begins in the body */
};

/* False: malformed. */
must_check bool login_prefix_decode(struct span body, struct login_prefix *prefix);

/* Major and minor 0.11, any patch. */
bool login_version_is_accepted(u32 version);

struct login_password {
    struct span username;
    struct span password;
    struct span context;
};

struct login_token {
    struct span token;
    struct span context;
};

/* False: the body does not have this shape. `prefix` was decoded from the same body. */
must_check bool login_password_decode(struct span body, const struct login_prefix *prefix,
                                      struct login_password *login);
must_check bool login_token_decode(struct span body, const struct login_prefix *prefix,
                                   struct login_token *login);

/* For the client. */
void login_prefix_encode(const struct login_prefix *prefix, struct writer *writer);
void login_password_encode(const struct login_password *login, struct writer *writer);
void login_token_encode(const struct login_token *login, struct writer *writer);

/* The success: result section, then the session. `session` is above 0 and below 2^63,
 * `server_version` not empty: official clients refuse anything else. */
struct login_reply {
    u32 user_id;
    u64 session;
    u32 version;
    struct span server_version;
};

void login_reply_encode(const struct login_reply *reply, struct writer *writer);

/* ERR_INVALID: not such a body. A rejection by result section gives OK and an `*error`. */
must_check enum status login_reply_decode(struct span body, struct login_reply *reply, u32 *error);
