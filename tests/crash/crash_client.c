#include "crash_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define HEADER_SIZE 256u
#define REPLY_SIZE_MAX (65u << 20)
#define PROTOCOL_VERSION 0x2c00u /* 0.11.0 */

/* A server that says nothing for this long hangs: that is a finding, not a crash. */
#define SILENCE_SECONDS_MAX 30

static bool complain(struct crash_client *client, const char *what)
{
    (void)fprintf(stderr, "client: %s\n", what);
    client->broken = true;
    return false;
}

static bool send_all(struct crash_client *client, struct iovec *parts, u32 count)
{
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    while (message.msg_iovlen > 0) {
        ssize_t sent = sendmsg(client->socket, &message, MSG_NOSIGNAL);
        if (sent < 0) {
            return errno == EAGAIN ? complain(client, "the server took nothing for 30 s") : false;
        }
        while (message.msg_iovlen > 0 && (size_t)sent >= message.msg_iov[0].iov_len) {
            sent -= (ssize_t)message.msg_iov[0].iov_len;
            message.msg_iov++;
            message.msg_iovlen--;
        }
        if (message.msg_iovlen > 0) {
            message.msg_iov[0].iov_base = (u8 *)message.msg_iov[0].iov_base + sent;
            message.msg_iov[0].iov_len -= (size_t)sent;
        }
    }
    return true;
}

static bool receive_all(struct crash_client *client, u8 *bytes, u32 size)
{
    u32 position = 0;
    while (position < size) {
        ssize_t got = recv(client->socket, bytes + position, size - position, 0);
        if (got < 0 && errno == EAGAIN) {
            return complain(client, "the server did not answer for 30 s");
        }
        if (got <= 0) {
            return false;
        }
        position += (u32)got;
    }
    return true;
}

bool crash_client_send(struct crash_client *client, enum operation operation, u32 code,
                       struct span head, struct span tail)
{
    if (operation != OPERATION_REGISTER && operation != OPERATION_READ) {
        client->request++;
    }
    u8 header[HEADER_SIZE] = {0};
    put_u32(header + 48, HEADER_SIZE + head.size + tail.size);
    header[60] = 5;
    put_u64(header + 128, client->id);
    put_u64(header + 168, operation == OPERATION_REGISTER ? 0 : client->request);
    header[176] = (u8)operation;
    put_u64(header + 184, operation == OPERATION_REGISTER ? 0 : client->session);
    put_u32(header + 196, operation == OPERATION_READ ? code : 0);

    /* sendmsg only reads: the casts drop a const that struct iovec cannot express. */
    struct iovec parts[3] = {
        {.iov_base = header, .iov_len = HEADER_SIZE},
        {.iov_base = (void *)(uintptr_t)head.data, .iov_len = head.size},
        {.iov_base = (void *)(uintptr_t)tail.data, .iov_len = tail.size},
    };
    return send_all(client, parts, tail.size > 0 ? 3 : 2);
}

static bool has_result_section(u8 operation)
{
    bool metadata = operation >= 128 && operation <= 149 && operation != 138;
    return metadata || operation == 161 || operation == 162 || operation == OPERATION_REGISTER;
}

/* Looks through the result section, if the operation has one, into status and body. */
static bool result_read(struct crash_client *client, struct reply *reply)
{
    if (reply->status != 0) {
        return reply->body.size == 0 ? true : complain(client, "an error with a body");
    }
    if (!has_result_section(reply->operation)) {
        return true;
    }
    if (reply->body.size < 4) {
        return complain(client, "a reply without its result section");
    }
    u32 count = get_u32(reply->body.data);
    if (count == 0) {
        reply->body = (struct span){reply->body.data + 4, reply->body.size - 4};
        return true;
    }
    if (count != 1 || reply->body.size != 12) {
        return complain(client, "a malformed result section");
    }
    reply->status = get_u32(reply->body.data + 8);
    reply->body = (struct span){0};
    return true;
}

static bool buffer_grow(struct crash_client *client, u32 size)
{
    if (size <= client->buffer_size) {
        return true;
    }
    u8 *buffer = realloc(client->buffer, size);
    if (buffer == NULL) {
        return complain(client, "out of memory");
    }
    client->buffer = buffer;
    client->buffer_size = size;
    return true;
}

bool crash_client_receive(struct crash_client *client, struct reply *reply)
{
    u8 header[HEADER_SIZE];
    if (!receive_all(client, header, HEADER_SIZE)) {
        return false;
    }
    u32 size = get_u32(header + 48);
    if (size < HEADER_SIZE || size > REPLY_SIZE_MAX) {
        return complain(client, "a reply of impossible size");
    }
    if (header[60] == 13) {
        (void)fprintf(stderr, "client: evicted, reason %u\n", header[255]);
        client->broken = true;
        return false;
    }
    if (header[60] != 8) {
        return complain(client, "a frame that is no reply");
    }
    size -= HEADER_SIZE;
    if (!buffer_grow(client, size) || !receive_all(client, client->buffer, size)) {
        return false;
    }
    *reply = (struct reply){
        .operation = header[208],
        .status = get_u32(header + 216),
        .request = get_u64(header + 200),
        .body = {client->buffer, size},
    };
    return result_read(client, reply);
}

bool crash_client_call(struct crash_client *client, enum operation operation, u32 code,
                       struct span body, struct reply *reply)
{
    return crash_client_send(client, operation, code, body, (struct span){0}) &&
           crash_client_receive(client, reply);
}

static void write_name(struct writer *writer, const char *name)
{
    write_u8(writer, (u8)strlen(name));
    write_span(writer, span_of(name));
}

static bool log_in(struct crash_client *client)
{
    u8 bytes[128];
    struct writer writer = writer_over(bytes, sizeof(bytes));
    write_u32(&writer, PROTOCOL_VERSION);
    write_name(&writer, "crash-test");
    write_name(&writer, "1");
    write_name(&writer, "iggy");
    write_name(&writer, "iggy");
    write_u32(&writer, 0);
    struct reply reply;
    if (!crash_client_call(client, OPERATION_REGISTER, 0, (struct span){bytes, writer.position},
                           &reply)) {
        return false;
    }
    if (reply.status != 0 || reply.body.size < 12) {
        return complain(client, "the login was refused");
    }
    client->session = get_u64(reply.body.data + 4);
    return true;
}

bool crash_client_open(struct crash_client *client, u16 port, u64 id)
{
    *client = (struct crash_client){.id = id};
    client->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->socket < 0) {
        return complain(client, "no socket");
    }
    int on = 1;
    struct timeval silence = {.tv_sec = SILENCE_SECONDS_MAX};
    (void)setsockopt(client->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(client->socket, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence));
    (void)setsockopt(client->socket, SOL_SOCKET, SO_SNDTIMEO, &silence, sizeof(silence));
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const struct sockaddr *to = (const struct sockaddr *)&address;
    if (connect(client->socket, to, sizeof(address)) != 0 || !log_in(client)) {
        crash_client_close(client);
        return false;
    }
    return true;
}

void crash_client_close(struct crash_client *client)
{
    if (client->socket >= 0) {
        (void)close(client->socket);
        client->socket = -1;
    }
    free(client->buffer);
    client->buffer = NULL;
    client->buffer_size = 0;
}

static void write_text_identifier(struct writer *writer, const char *name)
{
    write_u8(writer, 2);
    write_name(writer, name);
}

static void write_number_identifier(struct writer *writer, u32 number)
{
    write_u8(writer, 1);
    write_u8(writer, 4);
    write_u32(writer, number);
}

static void write_path(struct writer *writer, struct topic_path path)
{
    write_text_identifier(writer, path.stream);
    write_text_identifier(writer, path.topic);
}

void body_stream(struct writer *writer, const char *stream)
{
    write_text_identifier(writer, stream);
}

void body_create_stream(struct writer *writer, const char *stream)
{
    write_name(writer, stream);
}

void body_topic(struct writer *writer, struct topic_path path)
{
    write_path(writer, path);
}

static void write_option_text(struct writer *writer, const char *key, const char *value)
{
    write_u8(writer, 2);
    write_u32(writer, (u32)strlen(key));
    write_span(writer, span_of(key));
    write_u8(writer, 2);
    write_u32(writer, (u32)strlen(value));
    write_span(writer, span_of(value));
}

void body_create_topic(struct writer *writer, struct topic_path path,
                       const struct topic_options *options)
{
    const char *of_messages = options->is_persisted ? "persisted" : "replicated";
    const char *of_offsets = options->offsets_are_persisted ? "persisted" : "replicated";
    write_text_identifier(writer, path.stream);
    write_u32(writer, options->partitions_count);
    write_name(writer, path.topic);
    write_option_text(writer, "consumer_offset_durability", of_offsets);
    write_option_text(writer, "durability", of_messages);
    if (options->segment_size > 0) {
        write_u8(writer, 2);
        write_u32(writer, 12);
        write_span(writer, span_of("segment_size"));
        write_u8(writer, 12);
        write_u32(writer, 8);
        write_u64(writer, options->segment_size);
    }
}

void body_send(struct writer *writer, struct topic_path path, u32 partition, u32 message_count)
{
    u32 start = writer->position;
    write_u32(writer, 0);
    write_path(writer, path);
    write_u8(writer, 2);
    write_u8(writer, 4);
    write_u32(writer, partition);
    write_u32(writer, message_count);
    put_u32(writer->data + start, writer->position - start - 4);
}

/* Consumer, path and partition: how every request of a consumer begins. */
static void write_consumer(struct writer *writer, u32 consumer, struct topic_path path,
                           u32 partition)
{
    write_u8(writer, 1);
    write_number_identifier(writer, consumer);
    write_path(writer, path);
    write_u8(writer, 1);
    write_u32(writer, partition);
}

void body_poll(struct writer *writer, u32 consumer, struct topic_path path, u32 partition,
               struct poll_from from)
{
    write_consumer(writer, consumer, path, partition);
    write_u8(writer, from.next ? 5 : 1);
    write_u64(writer, from.next ? 0 : from.offset);
    write_u32(writer, from.count);
    write_u8(writer, from.next ? 1 : 0);
}

void body_read_offset(struct writer *writer, u32 consumer, struct topic_path path, u32 partition)
{
    write_consumer(writer, consumer, path, partition);
}

void body_store_offset(struct writer *writer, u32 consumer, struct topic_path path, u32 partition,
                       u64 offset)
{
    write_consumer(writer, consumer, path, partition);
    write_u64(writer, offset);
    write_u8(writer, 1);
}

void body_delete_offset(struct writer *writer, u32 consumer, struct topic_path path, u32 partition)
{
    write_consumer(writer, consumer, path, partition);
    write_u8(writer, 1);
}
