/* Personal access tokens on the wire: commands 41, 42, 43.
 *
 *     41 list    empty                     reply: | name | expires_at u64, 0 never | to the end
 *     42 create  | name | expiry u64 |     reply: | token, as a name |
 *     43 delete  | name | */
#pragma once

#include "base/bytes.h"
#include "wire/decode.h"
#include "wire/error.h"

struct create_token_request {
    struct span name;
    u64 expiry_us; /* from now; 0 and UINT64_MAX: never */
};

must_check enum wire_error create_token_request_decode(struct span body,
                                                       struct create_token_request *request);
void create_token_request_encode(const struct create_token_request *request, struct writer *writer);

must_check enum wire_error delete_token_request_decode(struct span body, struct span *name);
void delete_token_request_encode(struct span name, struct writer *writer);

struct token_info {
    struct span name;
    u64 expires_at_us; /* 0: never */
};

void write_token_info(struct writer *writer, const struct token_info *info);
struct token_info read_token_info(struct reader *reader);
