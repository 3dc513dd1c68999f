/* Bodies that generation 1 writes otherwise: its login, and its sends, which are messages with a
 * header each behind an index of where they end. */
#include "base/check.h"
#include "sim/operation.h"
#include "wire/login_v1.h"
#include "wire/message_v1.h"
#include "wire/send.h"
#include "wire/user_headers.h"

void operation_write_login_v1(const char *password, struct writer *body)
{
    login_user_v1_encode(
        &(struct login_user_v1){.username = span_of("root"), .password = span_of(password)}, body);
}

/* The same headers as generation 2 sends. */
static struct span user_headers_of(const struct model_send *send, u8 *room, u32 room_bytes)
{
    struct writer writer = writer_over(room, room_bytes);
    if (send->number % 5 == 0) {
        write_user_header(&writer, &(struct user_header){.key_kind = USER_HEADER_STRING,
                                                         .key = span_of("k"),
                                                         .value_kind = USER_HEADER_STRING,
                                                         .value = span_of("value")});
    }
    return (struct span){room, writer.position};
}

static void write_message(const struct model_send *send, u32 index, struct span user_headers,
                          struct writer *body)
{
    static u8 payload[90000];
    u8 header[MESSAGE_V1_HEADER_BYTES];
    u32 size = model_message_size(send, index);
    message_v1_encode(&(struct message_v1){.id = model_message_id(send, index),
                                           .origin_timestamp_us = send->origin_us + index,
                                           .user_headers_bytes = user_headers.size,
                                           .payload_bytes = size},
                      header);
    model_message_fill(send, index, payload);
    write_span(body, (struct span){header, sizeof(header)});
    write_span(body, (struct span){payload, size});
    write_span(body, user_headers);
}

void operation_write_send_v1(const struct model_send *send, struct writer *body)
{
    u8 room[64];
    struct span user_headers = user_headers_of(send, room, sizeof(room));
    struct send_request request = operation_send_request(send);
    send_v1_encode(&request, body);
    u32 end = 0;
    for (u32 i = 0; i < send->count; i++) {
        end += MESSAGE_V1_HEADER_BYTES + model_message_size(send, i) + user_headers.size;
        write_u32(body, 0);
        write_u32(body, end);
        write_u64(body, 0);
    }
    for (u32 i = 0; i < send->count; i++) {
        write_message(send, i, user_headers, body);
    }
}
