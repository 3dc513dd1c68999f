/* Users on the wire: commands 31 to 37.
 *
 *     UserHeader  | id u32 | created_at u64 | status u8 | username | options |
 *     31 get      | user |                     reply: UserHeader, permissions; empty: none
 *     32 list     empty                        reply: UserHeaders to the end
 *     33 create   | username | password | status u8 | permissions | options to the end |; as 31
 *     34 delete   | user |
 *     35 update   | user | has_username u8 [| name] | has_status u8 [| u8] | options to the end |
 *     36 permissions  | user | permissions |
 *     37 password     | user | current | new |
 *
 * `permissions` in a request: a byte 1, u32 length, block; or another byte alone. In a reply: the
 * same, but four zero bytes when there are none. */
#pragma once

#include "base/bytes.h"
#include "wire/decode.h"
#include "wire/error.h"
#include "wire/identifier.h"

enum user_status { USER_ACTIVE = 1, USER_INACTIVE = 2 };

/* 31, 34. */
struct user_request {
    struct identifier user;
};

struct create_user_request {
    struct span username; /* lengths are the command's to judge: name.h */
    struct span password;
    u8 status; /* enum user_status */
    bool has_permissions;
    struct span permissions; /* structure was judged */
};

struct update_user_request {
    struct identifier user;
    bool has_username;
    bool has_status;
    u8 status;
    struct span username;
};

struct update_permissions_request {
    struct identifier user;
    bool has_permissions;
    struct span permissions;
};

struct change_password_request {
    struct identifier user;
    struct span current;
    struct span new;
};

must_check enum wire_error user_request_decode(struct span body, struct user_request *request);
void user_request_encode(const struct user_request *request, struct writer *writer);

/* A status other than the two is WIRE_INVALID_COMMAND; any option WIRE_UNSUPPORTED_OPTION_KEY. */
must_check enum wire_error create_user_request_decode(struct span body,
                                                      struct create_user_request *request);
void create_user_request_encode(const struct create_user_request *request, struct writer *writer);

must_check enum wire_error update_user_request_decode(struct span body,
                                                      struct update_user_request *request);
void update_user_request_encode(const struct update_user_request *request, struct writer *writer);

/* 33 and 35 of generation 1: what follows the last field is ignored, not read as options. */
must_check enum wire_error create_user_v1_decode(struct span body,
                                                 struct create_user_request *request);
must_check enum wire_error update_user_v1_decode(struct span body,
                                                 struct update_user_request *request);

must_check enum wire_error update_permissions_request_decode(
    struct span body, struct update_permissions_request *request);
void update_permissions_request_encode(const struct update_permissions_request *request,
                                       struct writer *writer);

must_check enum wire_error change_password_request_decode(struct span body,
                                                          struct change_password_request *request);
void change_password_request_encode(const struct change_password_request *request,
                                    struct writer *writer);

struct user_info {
    u32 id;
    u64 created_at_us;
    u8 status; /* enum user_status */
    struct span username;
};

void write_user_info(struct writer *writer, const struct user_info *info);
struct user_info read_user_info(struct reader *reader);

/* The same record in generation 1: without options. */
void write_user_record_v1(struct writer *writer, const struct user_info *info);
struct user_info read_user_record_v1(struct reader *reader);

/* What follows the header in a reply of 31 and 33: the block, or four zero bytes. */
void write_user_permissions(struct writer *writer, bool has_permissions, struct span permissions);
struct span read_user_permissions(struct reader *reader, bool *has_permissions);
