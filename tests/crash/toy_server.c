/* A toy of a server, so that the judges can be judged: it keeps the promises that the real one
 * makes, in the simplest way there is, and breaks one of them when told to.
 *
 *     toy_server server --data DIR [--bug NAME] [options of the real server, which it ignores]
 *
 * One thread. Every turn takes what has arrived, applies it (toy_state.c), appends the requests
 * that changed something to DATA/toy.log, syncs that once, and then answers. A start applies the
 * log again, up to the first record that does not verify.
 *
 *     record    size u32, XXH32 of the rest u32, time u64, operation u8, body
 *
 * Bugs: early-answer (answers before the sync), no-sync, lose-last and double-last (of the appends,
 * at a start), swap (neighbouring appends, at a start), forget-stored, forget-purge, forget-delete,
 * skip-offset (at a start), wrong-byte (in what is read after a start). */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "crash_client.h"
#include "toy_state.h"

#define HEADER_SIZE 256u
#define RECORD_HEADER_SIZE 17u
#define CONNECTIONS_MAX 64u
#define ANSWER_SIZE_MAX (24u << 20)
#define LATE_SYNC_US 30000
#define SPACE_RESERVE (8u << 20) /* appends are refused below it, all else goes on */

enum bug {
    BUG_NONE,
    BUG_EARLY_ANSWER,
    BUG_NO_SYNC,
    BUG_LOSE_LAST,
    BUG_DOUBLE_LAST,
    BUG_SWAP,
    BUG_FORGET_STORED,
    BUG_FORGET_PURGE,
    BUG_FORGET_DELETE,
    BUG_SKIP_OFFSET,
    BUG_WRONG_BYTE,
    BUG_COUNT,
};

static const char *const bug_names[BUG_COUNT] = {
    "none",          "early-answer", "no-sync",       "lose-last",   "double-last", "swap",
    "forget-stored", "forget-purge", "forget-delete", "skip-offset", "wrong-byte",
};

struct connection {
    int socket; /* -1: free */
    u8 *input;
    u32 input_size;
    u8 *output;
    u32 output_size;
    u32 output_capacity;
};

struct toy {
    enum bug bug;
    int log;
    bool is_dirty; /* the log has what is not synced */
    u64 sync_time_us;
    u64 session;
    struct toy_state state;
    struct connection connections[CONNECTIONS_MAX];
    u8 *answer;
};

static u64 now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (u64)now.tv_sec * US_PER_SECOND + (u64)now.tv_nsec / 1000;
}

static _Noreturn void stop(const char *what)
{
    perror(what);
    exit(1);
}

/* Does the bug keep this request out of the log? */
static bool is_forgotten(const struct toy *toy, u8 operation)
{
    switch (operation) {
    case OPERATION_STORE_OFFSET:
    case OPERATION_DELETE_OFFSET: return toy->bug == BUG_FORGET_STORED;
    case OPERATION_PURGE_STREAM:
    case OPERATION_PURGE_TOPIC: return toy->bug == BUG_FORGET_PURGE;
    case OPERATION_DELETE_STREAM:
    case OPERATION_DELETE_TOPIC: return toy->bug == BUG_FORGET_DELETE;
    default: return false;
    }
}

static void log_append(struct toy *toy, u8 operation, struct span body, struct span tail)
{
    if (is_forgotten(toy, operation)) {
        return;
    }
    u32 size = RECORD_HEADER_SIZE + body.size + tail.size;
    u8 *record = malloc(size);
    if (record == NULL) {
        stop("toy: memory");
    }
    struct writer writer = writer_over(record, size);
    write_u64(&writer, 0);
    write_u64(&writer, toy->state.time_us);
    write_u8(&writer, operation);
    write_span(&writer, body);
    write_span(&writer, tail);
    put_u32(record, size);
    put_u32(record + 4, XXH32(record + 8, size - 8, 0));
    if (write(toy->log, record, size) != (ssize_t)size) {
        stop("toy: cannot write the log");
    }
    free(record);
    toy->is_dirty = true;
}

/* A verified record of the log. */
struct toy_record {
    u8 operation;
    u64 time_us;
    u32 size;
    struct span body;
};

static bool record_read(const u8 *bytes, u64 size, struct toy_record *record)
{
    if (size < RECORD_HEADER_SIZE) {
        return false;
    }
    u32 record_size = get_u32(bytes);
    if (record_size < RECORD_HEADER_SIZE || record_size > size ||
        get_u32(bytes + 4) != XXH32(bytes + 8, record_size - 8, 0)) {
        return false;
    }
    *record = (struct toy_record){
        .operation = bytes[16],
        .time_us = get_u64(bytes + 8),
        .size = record_size,
        .body = {bytes + RECORD_HEADER_SIZE, record_size - RECORD_HEADER_SIZE},
    };
    return true;
}

static void record_apply(struct toy *toy, const struct toy_record *record)
{
    struct writer out = writer_over(toy->answer, ANSWER_SIZE_MAX);
    toy->state.time_us = u64_max(toy->state.time_us, record->time_us);
    (void)toy_apply(&toy->state, record->operation, 0, record->body, &out);
}

static bool is_append(const struct toy_record *record)
{
    return record->operation == OPERATION_SEND_MESSAGES;
}

/* The good part of the log ends at the returned position; `last_append` is where its last append
 * begins, or UINT64_MAX. */
static u64 log_end(const u8 *bytes, u64 size, u64 *last_append)
{
    struct toy_record record;
    u64 position = 0;
    *last_append = UINT64_MAX;
    while (record_read(bytes + position, size - position, &record)) {
        *last_append = is_append(&record) ? position : *last_append;
        position += record.size;
    }
    return position;
}

/* Applies the log up to `end`, with the bugs that show at a start. */
static void records_apply(struct toy *toy, const u8 *bytes, u64 end, u64 last_append)
{
    struct toy_record held = {0}; /* swap: waits for the append that goes before it */
    struct toy_record record;
    for (u64 position = 0; position < end && record_read(bytes + position, end - position, &record);
         position += record.size) {
        bool is_last = position == last_append;
        if (toy->bug == BUG_SWAP && is_append(&record) && held.size == 0) {
            held = record;
            continue;
        }
        if (held.size > 0 && !is_append(&record)) {
            record_apply(toy, &held);
            held.size = 0;
        }
        if (!(is_last && toy->bug == BUG_LOSE_LAST)) {
            record_apply(toy, &record);
        }
        if (is_last && toy->bug == BUG_DOUBLE_LAST) {
            record_apply(toy, &record);
        }
        if (held.size > 0) {
            record_apply(toy, &held);
            held.size = 0;
        }
    }
    if (held.size > 0) {
        record_apply(toy, &held);
    }
}

/* The bugs that are done to a partition when all is read. */
static void partition_spoil(const struct toy *toy, struct toy_partition *partition)
{
    if (toy->bug == BUG_SKIP_OFFSET && partition->end > 0) {
        partition->end++;
    }
    if (toy->bug == BUG_WRONG_BYTE && partition->count > 0) {
        struct toy_batch *last = &partition->batches[partition->count - 1];
        last->bytes[last->size - 1] ^= 1;
    }
}

static void state_spoil(struct toy *toy)
{
    for (u32 s = 0; s < TOY_STREAMS_MAX; s++) {
        for (u32 t = 0; t < TOY_TOPICS_MAX; t++) {
            struct toy_topic *topic = &toy->state.streams[s].topics[t];
            for (u32 p = 0; topic->is_there && p < topic->partitions_count; p++) {
                partition_spoil(toy, &topic->partitions[p]);
            }
        }
    }
}

static void log_open(struct toy *toy, const char *directory)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/toy.log", directory);
    toy->log = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    struct stat status;
    if (toy->log < 0 || fstat(toy->log, &status) != 0) {
        stop("toy: cannot open the log");
    }
    u64 size = (u64)status.st_size;
    u8 *bytes = malloc(size + 1);
    if (bytes == NULL || pread(toy->log, bytes, size, 0) != (ssize_t)size) {
        stop("toy: cannot read the log");
    }
    u64 last_append;
    u64 end = log_end(bytes, size, &last_append);
    records_apply(toy, bytes, end, last_append);
    state_spoil(toy);
    int parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (ftruncate(toy->log, (off_t)end) != 0 || lseek(toy->log, (off_t)end, SEEK_SET) < 0 ||
        fsync(toy->log) != 0 || parent < 0 || fsync(parent) != 0) {
        stop("toy: cannot cut the log");
    }
    (void)close(parent);
    free(bytes);
}

static u8 *output_room(struct connection *connection, u32 size)
{
    if (connection->output_size + size > connection->output_capacity) {
        connection->output_capacity = (connection->output_size + size) * 2;
        connection->output = realloc(connection->output, connection->output_capacity);
        if (connection->output == NULL) {
            stop("toy: memory");
        }
    }
    u8 *room = connection->output + connection->output_size;
    connection->output_size += size;
    return room;
}

static bool has_result_section(u8 operation)
{
    return operation == OPERATION_REGISTER || (operation >= 128 && operation != 160);
}

static void answer_write(struct connection *connection, const u8 *request, u32 status,
                         struct span body)
{
    u8 operation = request[176];
    u32 section = status == 0 && has_result_section(operation) ? 4 : 0;
    u32 size = HEADER_SIZE + section + (status == 0 ? body.size : 0);
    u8 *reply = output_room(connection, size);
    memset(reply, 0, HEADER_SIZE + section);
    put_u32(reply + 48, size);
    reply[60] = 8;
    memcpy(reply + 200, request + 168, 8);
    reply[208] = operation;
    put_u32(reply + 216, status);
    if (status == 0 && body.size > 0) {
        memcpy(reply + HEADER_SIZE + section, body.data, body.size);
    }
}

static bool is_full(const struct toy *toy)
{
    struct statvfs status;
    return fstatvfs(toy->log, &status) == 0 &&
           (u64)status.f_bavail * status.f_frsize < SPACE_RESERVE;
}

static void request_take(struct toy *toy, struct connection *connection, const u8 *request)
{
    u8 operation = request[176];
    struct span body = {request + HEADER_SIZE, get_u32(request + 48) - HEADER_SIZE};
    struct writer out = writer_over(toy->answer, ANSWER_SIZE_MAX);
    toy->state.time_us = u64_max(toy->state.time_us, now_us());
    if (operation == OPERATION_REGISTER) {
        write_u32(&out, 0);
        write_u64(&out, ++toy->session);
        write_u32(&out, 0x2c00);
        write_u16(&out, 0x3101);
        answer_write(connection, request, 0, (struct span){out.data, out.position});
        return;
    }
    if (operation == OPERATION_SEND_MESSAGES && is_full(toy)) {
        answer_write(connection, request, STATUS_CANNOT_APPEND, (struct span){0});
        return;
    }
    struct toy_answer answer =
        toy_apply(&toy->state, operation, get_u32(request + 196), body, &out);
    if (answer.status == 0 && answer.changed) {
        log_append(toy, operation, body, (struct span){0});
    }
    answer_write(connection, request, answer.status, (struct span){out.data, out.position});
    if (answer.commits) {
        /* As if the consumer had stored it: the poll's body up to the partition, and the offset. */
        u8 tail[9] = {0};
        put_u64(tail, answer.commit_offset);
        tail[8] = 1;
        struct span head = {body.data, body.size - 14};
        u8 store[256];
        struct writer writer = writer_over(store, sizeof(store));
        write_span(&writer, head);
        write_bytes(&writer, tail, sizeof(tail));
        (void)toy_apply(&toy->state, OPERATION_STORE_OFFSET, 0,
                        (struct span){store, writer.position}, &out);
        log_append(toy, OPERATION_STORE_OFFSET, head, (struct span){tail, sizeof(tail)});
    }
}

static void connection_close(struct connection *connection)
{
    (void)close(connection->socket);
    free(connection->input);
    free(connection->output);
    *connection = (struct connection){.socket = -1};
}

static void connection_read(struct toy *toy, struct connection *connection)
{
    ssize_t got = recv(connection->socket, connection->input + connection->input_size,
                       REQUEST_SIZE_MAX - connection->input_size, MSG_DONTWAIT);
    if (got <= 0) {
        connection_close(connection);
        return;
    }
    connection->input_size += (u32)got;
    u32 position = 0;
    while (connection->input_size - position >= HEADER_SIZE) {
        const u8 *request = connection->input + position;
        u32 size = get_u32(request + 48);
        if (size < HEADER_SIZE || size > REQUEST_SIZE_MAX) {
            connection_close(connection);
            return;
        }
        if (connection->input_size - position < size) {
            break;
        }
        request_take(toy, connection, request);
        position += size;
    }
    connection->input_size -= position;
    memmove(connection->input, connection->input + position, connection->input_size);
}

static void answers_send(struct toy *toy)
{
    for (u32 i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *connection = &toy->connections[i];
        u32 position = 0;
        while (connection->socket >= 0 && position < connection->output_size) {
            ssize_t sent = send(connection->socket, connection->output + position,
                                connection->output_size - position, MSG_NOSIGNAL);
            if (sent <= 0) {
                connection_close(connection);
                break;
            }
            position += (u32)sent;
        }
        connection->output_size = 0;
    }
}

static void log_sync(struct toy *toy)
{
    if (!toy->is_dirty || toy->bug == BUG_NO_SYNC) {
        return;
    }
    if (toy->bug == BUG_EARLY_ANSWER && now_us() - toy->sync_time_us < LATE_SYNC_US) {
        return;
    }
    if (fdatasync(toy->log) != 0) {
        stop("toy: cannot sync the log");
    }
    toy->sync_time_us = now_us();
    toy->is_dirty = false;
}

static void connection_accept(struct toy *toy, int listener)
{
    int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    for (u32 i = 0; peer >= 0 && i < CONNECTIONS_MAX; i++) {
        struct connection *connection = &toy->connections[i];
        if (connection->socket < 0) {
            int on = 1;
            (void)setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
            *connection = (struct connection){.socket = peer, .input = malloc(REQUEST_SIZE_MAX)};
            return;
        }
    }
    (void)close(peer);
}

static void serve(struct toy *toy, int listener)
{
    for (;;) {
        struct pollfd polled[CONNECTIONS_MAX + 1];
        for (u32 i = 0; i < CONNECTIONS_MAX; i++) {
            polled[i] = (struct pollfd){.fd = toy->connections[i].socket, .events = POLLIN};
        }
        polled[CONNECTIONS_MAX] = (struct pollfd){.fd = listener, .events = POLLIN};
        if (poll(polled, CONNECTIONS_MAX + 1, 50) < 0) {
            stop("toy: poll");
        }
        for (u32 i = 0; i < CONNECTIONS_MAX; i++) {
            if (polled[i].fd >= 0 && polled[i].revents != 0) {
                connection_read(toy, &toy->connections[i]);
            }
        }
        if (polled[CONNECTIONS_MAX].revents != 0) {
            connection_accept(toy, listener);
        }
        log_sync(toy);
        answers_send(toy);
    }
}

/* Listens on a free port and says which, where and how the real server does. */
static int listen_and_tell(const char *directory)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t size = sizeof(address);
    struct sockaddr *general = (struct sockaddr *)&address;
    if (listener < 0 || bind(listener, general, size) != 0 || listen(listener, 64) != 0 ||
        getsockname(listener, general, &size) != 0) {
        stop("toy: cannot listen");
    }
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/runtime", directory);
    (void)mkdir(path, 0755);
    (void)snprintf(path, sizeof(path), "%s/runtime/current_config.toml", directory);
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        stop("toy: cannot write the configuration");
    }
    (void)fprintf(file, "[tcp]\naddress = \"127.0.0.1:%u\"\n", ntohs(address.sin_port));
    (void)fclose(file);
    return listener;
}

/* An operator's stop. What is answered is synced, the rest nobody was promised. */
static void on_stop(int number)
{
    (void)number;
    _exit(0);
}

int main(int argc, char **argv)
{
    (void)signal(SIGTERM, on_stop);
    struct toy *toy = calloc(1, sizeof(*toy));
    const char *directory = NULL;
    if (toy == NULL) {
        return 1;
    }
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], "--data") == 0) {
            directory = argv[i + 1];
        }
        for (u32 bug = 0; strcmp(argv[i], "--bug") == 0 && bug < BUG_COUNT; bug++) {
            toy->bug = strcmp(argv[i + 1], bug_names[bug]) == 0 ? (enum bug)bug : toy->bug;
        }
    }
    toy->answer = malloc(ANSWER_SIZE_MAX);
    if (directory == NULL || toy->answer == NULL) {
        (void)fprintf(stderr, "usage: toy_server server --data DIR [--bug NAME]\n");
        return 2;
    }
    for (u32 i = 0; i < CONNECTIONS_MAX; i++) {
        toy->connections[i].socket = -1;
    }
    (void)mkdir(directory, 0755);
    log_open(toy, directory);
    serve(toy, listen_and_tell(directory));
}
