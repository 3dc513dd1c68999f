/* Load by clients of generation 1: what `measure append` and `measure poll` do, in their frames. */
#include <stdlib.h>

#include "measure.h"
#include "wire/frame_v1.h"
#include "wire/login_v1.h"
#include "wire/message_v1.h"

/* Of a reply to a poll: partition u32, current offset u64, then the count. */
#define POLL_COUNT_POSITION (FRAME_V1_HEADER_BYTES + 12u)

#define POLL_ROOM_BYTES 256u

static uint64_t reply_size(const struct load_conn *conn)
{
    struct reply_v1 reply;
    if (conn->received < FRAME_V1_HEADER_BYTES) {
        return 0;
    }
    reply_v1_decode(conn->header, &reply);
    return FRAME_V1_HEADER_BYTES + reply.payload_bytes;
}

static bool is_success(const struct load_conn *conn)
{
    struct reply_v1 reply;
    reply_v1_decode(conn->header, &reply);
    return reply.status == WIRE_OK;
}

/* The frame's header, once its payload is written behind it. */
static uint32_t finish_frame(uint8_t *frame, enum command command, uint32_t payload_bytes)
{
    request_v1_encode(&(struct request_v1){.length = FRAME_V1_LENGTH_BYTES + payload_bytes,
                                           .code = command_row(command)->code},
                      frame);
    return FRAME_V1_HEADER_BYTES + payload_bytes;
}

static int connect_and_log_in(void)
{
    uint8_t frame[256];
    int fd = load_connect(options.address);
    struct writer writer = writer_over(frame + FRAME_V1_HEADER_BYTES, 128);
    login_user_v1_encode(
        &(struct login_user_v1){.username = span_of("iggy"), .password = span_of("iggy")}, &writer);
    load_send_all(fd, frame, finish_frame(frame, COMMAND_LOGIN_USER, writer.position));
    load_receive_all(fd, frame, FRAME_V1_HEADER_BYTES + LOGIN_V1_REPLY_BYTES);
    struct reply_v1 reply;
    reply_v1_decode(frame, &reply);
    if (reply.status != WIRE_OK) {
        fail("login refused");
    }
    return fd;
}

/* Index and messages of one request, behind its metadata; their bytes. */
static uint32_t write_messages(uint8_t *index, uint32_t messages, uint32_t payload_bytes)
{
    uint8_t *first = index + (uint64_t)messages * MESSAGE_V1_INDEX_BYTES;
    uint32_t end = 0;
    for (uint32_t i = 0; i < messages; i++) {
        message_v1_encode(&(struct message_v1){.id = {i + 1, 1},
                                               .origin_timestamp_us = 1,
                                               .payload_bytes = payload_bytes},
                          first + end);
        end += MESSAGE_V1_HEADER_BYTES + payload_bytes;
        put_u32(index + (uint64_t)i * MESSAGE_V1_INDEX_BYTES + 4, end);
    }
    return messages * MESSAGE_V1_INDEX_BYTES + end;
}

static void make_append(struct load_conn *conn, uint32_t number)
{
    uint32_t messages = options.size > options.message ? options.size / options.message : 1;
    uint32_t message = options.size > options.message ? options.message : options.size;
    uint64_t each = MESSAGE_V1_HEADER_BYTES + MESSAGE_V1_INDEX_BYTES + message;
    uint8_t *frame = calloc(1, 4096 + messages * each);
    if (frame == NULL) {
        fail("memory");
    }
    struct writer writer = writer_over(frame + FRAME_V1_HEADER_BYTES, 2048);
    send_v1_encode(
        &(struct send_request){.stream = identifier_of_name(span_of("measure")),
                               .topic = identifier_of_name(span_of("measure")),
                               .partitioning = {.kind = PARTITIONING_PARTITION,
                                                .partition_id = number % options.partitions},
                               .messages_count = messages},
        &writer);
    uint32_t bytes = write_messages(writer.data + writer.position, messages, message);
    conn->request = frame;
    conn->request_bytes = finish_frame(frame, COMMAND_SEND_MESSAGES, writer.position + bytes);
}

static bool on_appended(struct load_conn *conn)
{
    return is_success(conn);
}

int measure_append_v1(void)
{
    struct load load = new_load();
    load.reply_size = reply_size;
    load.on_reply = on_appended;
    for (uint32_t i = 0; i < options.connections; i++) {
        load.conns[i].fd = connect_and_log_in();
        make_append(&load.conns[i], i);
    }
    load_run(&load);
    load_print(&load, "append, generation 1", options.size);
    return 0;
}

struct poll_frame_v1 {
    uint8_t bytes[FRAME_V1_HEADER_BYTES + POLL_ROOM_BYTES];
    struct poll_request poll;
};

static void write_poll(struct load_conn *conn)
{
    struct poll_frame_v1 *frame = (struct poll_frame_v1 *)(uintptr_t)conn->user;
    struct writer writer = writer_over(frame->bytes + FRAME_V1_HEADER_BYTES, POLL_ROOM_BYTES);
    poll_request_encode(&frame->poll, &writer);
    conn->request = frame->bytes;
    conn->request_bytes = finish_frame(frame->bytes, COMMAND_POLL_MESSAGES, writer.position);
}

static bool on_polled(struct load_conn *conn)
{
    struct poll_frame_v1 *frame = (struct poll_frame_v1 *)(uintptr_t)conn->user;
    if (!is_success(conn)) {
        return false;
    }
    uint32_t count = get_u32(conn->header + POLL_COUNT_POSITION);
    conn->is_over = count == 0 && options.once;
    frame->poll.value = count == 0 ? 0 : frame->poll.value + count; /* from the start again */
    write_poll(conn);
    return true;
}

int measure_poll_v1(void)
{
    struct load load = new_load();
    load.reply_size = reply_size;
    load.on_reply = on_polled;
    for (uint32_t i = 0; i < options.connections; i++) {
        struct poll_frame_v1 *frame = calloc(1, sizeof(*frame));
        if (frame == NULL) {
            fail("memory");
        }
        load.conns[i].fd = connect_and_log_in();
        frame->poll = first_poll(i);
        load.conns[i].user = (uint64_t)(uintptr_t)frame;
        write_poll(&load.conns[i]);
    }
    load_run(&load);
    load_print(&load, "poll, generation 1", 0);
    return 0;
}
