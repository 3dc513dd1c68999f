/* The layouts stand in login.h. The reply:
 *
 *     0  4  result section: count u32 = 0
 *     4  4  user id u32
 *     8  8  session u64
 *    16  4  protocol version of the server u32
 *    20     server version, as a name */
#include "wire/login.h"

#include "base/check.h"
#include "wire/decode.h"
#include "wire/frame.h"
#include "wire/name.h"

bool login_prefix_decode(struct span body, struct login_prefix *prefix)
{
    struct decoder decoder = decoder_over(body);
    struct login_prefix found = {.version = read_u32(&decoder.reader)};
    found.sdk_name = decode_name(&decoder);
    found.sdk_version = decode_name(&decoder);
    if (decoder_result(&decoder) != WIRE_OK) {
        return false;
    }
    found.credentials_position = decoder.reader.position;
    *prefix = found;
    return true;
}

bool login_version_is_accepted(u32 version)
{
    return version >> 10 == PROTOCOL_VERSION >> 10;
}

static struct decoder credentials_of(struct span body, const struct login_prefix *prefix)
{
    check(prefix->credentials_position <= body.size);
    struct decoder decoder = decoder_over(body);
    decoder.reader.position = prefix->credentials_position;
    return decoder;
}

bool login_password_decode(struct span body, const struct login_prefix *prefix,
                           struct login_password *login)
{
    struct decoder decoder = credentials_of(body, prefix);
    struct login_password found = {0};
    found.username = decode_name(&decoder);
    found.password = decode_password(&decoder);
    found.context = read_text(&decoder.reader);
    if (decoder_result(&decoder) != WIRE_OK) {
        return false;
    }
    *login = found;
    return true;
}

bool login_token_decode(struct span body, const struct login_prefix *prefix,
                        struct login_token *login)
{
    struct decoder decoder = credentials_of(body, prefix);
    struct login_token found = {0};
    found.token = decode_name(&decoder);
    found.context = read_text(&decoder.reader);
    if (decoder_result(&decoder) != WIRE_OK) {
        return false;
    }
    *login = found;
    return true;
}

void login_prefix_encode(const struct login_prefix *prefix, struct writer *writer)
{
    write_u32(writer, prefix->version);
    write_name(writer, prefix->sdk_name);
    write_name(writer, prefix->sdk_version);
}

void login_password_encode(const struct login_password *login, struct writer *writer)
{
    write_name(writer, login->username);
    write_name(writer, login->password);
    write_text(writer, login->context);
}

void login_token_encode(const struct login_token *login, struct writer *writer)
{
    write_name(writer, login->token);
    write_text(writer, login->context);
}

void login_reply_encode(const struct login_reply *reply, struct writer *writer)
{
    check(reply->session > 0);
    check(reply->session < 1ull << 63);
    check(reply->server_version.size > 0);

    write_result_ok(writer);
    write_u32(writer, reply->user_id);
    write_u64(writer, reply->session);
    write_u32(writer, reply->version);
    write_name(writer, reply->server_version);
}

enum status login_reply_decode(struct span body, struct login_reply *reply, u32 *error)
{
    struct decoder decoder = decoder_over(body);
    u32 result = read_result(&decoder.reader);
    if (result != 0 && !decoder.reader.failed) {
        *error = result;
        return OK;
    }
    struct login_reply found;
    found.user_id = read_u32(&decoder.reader);
    found.session = read_u64(&decoder.reader);
    found.version = read_u32(&decoder.reader);
    found.server_version = decode_name(&decoder);
    if (decoder_result(&decoder) != WIRE_OK || found.session == 0) {
        return ERR_INVALID;
    }
    *reply = found;
    *error = 0;
    return OK;
}
