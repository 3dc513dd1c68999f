#include "wire/token_info.h"

#include "wire/name.h"

enum wire_error create_token_request_decode(struct span body, struct create_token_request *request)
{
    struct decoder decoder = decoder_over(body);
    struct create_token_request found;
    found.name = decode_name(&decoder);
    found.expiry_us = read_u64(&decoder.reader);
    enum wire_error error = decoder_result(&decoder);
    if (error == WIRE_OK) {
        *request = found;
    }
    return error;
}

void create_token_request_encode(const struct create_token_request *request, struct writer *writer)
{
    write_name(writer, request->name);
    write_u64(writer, request->expiry_us);
}

enum wire_error delete_token_request_decode(struct span body, struct span *name)
{
    struct decoder decoder = decoder_over(body);
    struct span found = decode_name(&decoder);
    enum wire_error error = decoder_result(&decoder);
    if (error == WIRE_OK) {
        *name = found;
    }
    return error;
}

void delete_token_request_encode(struct span name, struct writer *writer)
{
    write_name(writer, name);
}

void write_token_info(struct writer *writer, const struct token_info *info)
{
    write_name(writer, info->name);
    write_u64(writer, info->expires_at_us);
}

struct token_info read_token_info(struct reader *reader)
{
    struct token_info info;
    info.name = read_name(reader);
    info.expires_at_us = read_u64(reader);
    return info;
}
