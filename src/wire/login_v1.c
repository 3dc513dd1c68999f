#include "wire/login_v1.h"

#include "wire/name.h"

enum wire_error login_user_v1_decode(struct span body, struct login_user_v1 *login)
{
    struct decoder decoder = decoder_over(body);
    struct login_user_v1 found;
    found.username = decode_name(&decoder);
    found.password = decode_password(&decoder);
    found.version = read_text(&decoder.reader);
    found.context = read_text(&decoder.reader);
    enum wire_error error = decoder_result(&decoder);
    if (error == WIRE_OK) {
        *login = found;
    }
    return error;
}

void login_user_v1_encode(const struct login_user_v1 *login, struct writer *writer)
{
    write_name(writer, login->username);
    write_name(writer, login->password);
    write_text(writer, login->version);
    write_text(writer, login->context);
}

enum wire_error login_token_v1_decode(struct span body, struct login_token_v1 *login)
{
    struct decoder decoder = decoder_over(body);
    struct login_token_v1 found = {.token = decode_name(&decoder)};
    enum wire_error error = decoder_result(&decoder);
    if (error == WIRE_OK) {
        *login = found;
    }
    return error;
}

void login_token_v1_encode(const struct login_token_v1 *login, struct writer *writer)
{
    write_name(writer, login->token);
}
