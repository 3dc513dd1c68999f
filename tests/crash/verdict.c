/* Compares a server with its promises.
 *
 *     verdict --port PORT --marks FILE [--ledger FILE] [--append]
 *
 * Reads the marks (mark.h), asks the server for everything they promise, and says what is missing,
 * changed, doubled, out of order, or there although it must not be. What a crash left open (asked,
 * not answered) may be either way, but now it is settled: the outcome is appended to the marks, so
 * that the next verdict insists on it. A batch that was never answered but is there has been served
 * to us, so it must stay: it becomes a promise as well.
 *
 * --ledger: as for the load, a readable copy of marks that cannot be read back.
 * With --append one batch is appended to every partition, and must get the offset after the last.
 *
 * Exit: 0 all is well, 1 a promise is broken, 2 wrong usage or no server. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "verdict.h"

#define COMPLAINTS_MAX 20u

void complain(struct verdict *verdict, const char *format, ...)
{
    verdict->complaints_count++;
    if (verdict->complaints_count > COMPLAINTS_MAX) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)fprintf(stderr, "verdict: ");
    (void)vfprintf(stderr, format, arguments);
    (void)fprintf(stderr, "\n");
    va_end(arguments);
}

void settle(struct verdict *verdict, const struct mark *mark)
{
    char line[MARK_LINE_SIZE];
    u32 size = mark_print(mark, line);
    if (write(verdict->marks_file, line, size) != (ssize_t)size) {
        perror("verdict: cannot write the marks");
        exit(2);
    }
    if (verdict->ledger_file >= 0 && write(verdict->ledger_file, line, size) != (ssize_t)size) {
        perror("verdict: cannot write the ledger");
        exit(2);
    }
}

struct reply ask(struct verdict *verdict, enum operation operation, u32 code,
                 const struct writer *body)
{
    struct reply reply;
    struct span span = {body->data, body->position};
    if (!crash_client_call(&verdict->client, operation, code, span, &reply)) {
        (void)fprintf(stderr, "verdict: the server closed the connection (operation %u, code %u)\n",
                      operation, code);
        exit(1);
    }
    return reply;
}

struct writer body_begin(struct verdict *verdict)
{
    return writer_over(verdict->body, sizeof(verdict->body));
}
/* True when the thing may be treated as existing from here on. */
static bool existence_agrees(struct verdict *verdict, enum existence existence, bool is_there,
                             const char *name)
{
    if (existence == EXISTS_SURELY && !is_there) {
        complain(verdict, "lost: %s was created and is not there", name);
    }
    if ((existence == EXISTS_NO_MORE || existence == EXISTS_NOT) && is_there) {
        complain(verdict, "risen: %s was deleted and is there", name);
    }
    return is_there && existence != EXISTS_NO_MORE && existence != EXISTS_NOT;
}

static void stream_settle(struct verdict *verdict, const struct stream_ledger *stream,
                          bool is_there, u32 id)
{
    struct mark mark = {.kind = is_there ? MARK_STREAM_CREATED : MARK_STREAM_DELETED, .id = id};
    memcpy(mark.stream, stream->name, MARK_NAME_SIZE);
    if (stream->existence == EXISTS_MAYBE || stream->existence == EXISTS_PERHAPS_NO_MORE) {
        settle(verdict, &mark);
    }
}

static void stream_examine(struct verdict *verdict, const struct stream_ledger *stream)
{
    struct writer body = body_begin(verdict);
    body_stream(&body, stream->name);
    struct reply reply = ask(verdict, OPERATION_READ, READ_STREAM, &body);
    bool is_there = reply.status == 0 && reply.body.size >= 4;
    if (reply.status != 0 && reply.status != STATUS_STREAM_NOT_FOUND) {
        complain(verdict, "stream %s: status %u", stream->name, reply.status);
    }
    u32 id = is_there ? get_u32(reply.body.data) : 0;
    if (existence_agrees(verdict, stream->existence, is_there, stream->name) &&
        stream->existence != EXISTS_MAYBE && id != stream->id) {
        complain(verdict, "stream %s: created as %u, now %u", stream->name, stream->id, id);
    }
    stream_settle(verdict, stream, is_there, id);
}

static void topic_settle(struct verdict *verdict, const struct topic_ledger *topic, bool is_there,
                         u32 id)
{
    struct mark mark = {.topic = topic->number, .id = id};
    if (topic->existence == EXISTS_MAYBE) {
        mark.kind = is_there ? MARK_TOPIC_CREATED : MARK_TOPIC_DELETED;
        settle(verdict, &mark);
    } else if (topic->existence == EXISTS_PERHAPS_NO_MORE) {
        mark.kind = is_there ? MARK_TOPIC_KEPT : MARK_TOPIC_DELETED;
        settle(verdict, &mark);
    }
}

/* Is the topic there, under its number, with its partitions? */
static bool topic_examine(struct verdict *verdict, const struct topic_ledger *topic)
{
    struct writer body = body_begin(verdict);
    body_topic(&body, (struct topic_path){topic->stream, topic->name});
    struct reply reply = ask(verdict, OPERATION_READ, READ_TOPIC, &body);
    bool is_there = reply.status == 0 && reply.body.size >= 16;
    if (reply.status != 0 && reply.status != STATUS_TOPIC_NOT_FOUND &&
        reply.status != STATUS_STREAM_NOT_FOUND) {
        complain(verdict, "topic %s: status %u", topic->name, reply.status);
    }
    u32 id = is_there ? get_u32(reply.body.data) : 0;
    u32 partitions_count = is_there ? get_u32(reply.body.data + 12) : 0;
    topic_settle(verdict, topic, is_there, id);
    if (!existence_agrees(verdict, topic->existence, is_there, topic->name)) {
        return false;
    }
    if (topic->existence != EXISTS_MAYBE && id != topic->id) {
        complain(verdict, "topic %s: created as %u, now %u", topic->name, topic->id, id);
    }
    if (partitions_count != topic->partitions_count) {
        complain(verdict, "topic %s: created with %u partitions, has %u", topic->name,
                 topic->partitions_count, partitions_count);
        return false;
    }
    verdict->topics_count++;
    return true;
}
static void examine(struct verdict *verdict)
{
    struct ledger *ledger = &verdict->ledger;
    for (u32 i = 0; i < ledger->streams_count; i++) {
        stream_examine(verdict, &ledger->streams[i]);
    }
    for (u32 i = 0; i < ledger->topics_count; i++) {
        struct topic_ledger *topic = &ledger->topics[i];
        if (ledger_topic_named(ledger, topic->stream, topic->name) != topic) {
            continue; /* an earlier life of the name */
        }
        if (topic_examine(verdict, topic)) {
            partitions_examine(verdict, topic);
        }
    }
}

struct arguments {
    u16 port;
    const char *marks;
    const char *ledger;
    bool appends;
};

static bool arguments_read(int argc, char **argv, struct arguments *arguments)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--append") == 0) {
            arguments->appends = true;
        } else if (strcmp(argv[i], "--port") == 0 && i + 1 < argc) {
            arguments->port = (u16)strtoul(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--marks") == 0 && i + 1 < argc) {
            arguments->marks = argv[++i];
        } else if (strcmp(argv[i], "--ledger") == 0 && i + 1 < argc) {
            arguments->ledger = argv[++i];
        } else {
            return false;
        }
    }
    return arguments->port != 0 && arguments->marks != NULL;
}

static int files_open(struct verdict *verdict, const struct arguments *arguments)
{
    const char *readable = arguments->ledger == NULL ? arguments->marks : arguments->ledger;
    if (!ledger_read(&verdict->ledger, readable)) {
        return 2;
    }
    int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC;
    verdict->marks_file = open(arguments->marks, flags, 0644);
    verdict->ledger_file = arguments->ledger == NULL ? -1 : open(arguments->ledger, flags, 0644);
    if (verdict->marks_file < 0 || (arguments->ledger != NULL && verdict->ledger_file < 0)) {
        perror("verdict: cannot open the marks");
        return 2;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct verdict *verdict = calloc(1, sizeof(*verdict));
    struct arguments arguments = {0};
    if (verdict == NULL || !arguments_read(argc, argv, &arguments)) {
        (void)fprintf(stderr,
                      "usage: verdict --port PORT --marks FILE [--ledger FILE] [--append]\n");
        return 2;
    }
    verdict->appends = arguments.appends;
    if (files_open(verdict, &arguments) != 0) {
        return 2;
    }
    if (!crash_client_open(&verdict->client, arguments.port, mix(arguments.port) | 1)) {
        (void)fprintf(stderr, "verdict: no server at port %u\n", arguments.port);
        return 2;
    }
    examine(verdict);
    crash_client_close(&verdict->client);
    (void)printf("verdict: %llu topics, %llu batches, %llu stored offsets, %u complaints\n",
                 (unsigned long long)verdict->topics_count,
                 (unsigned long long)verdict->batches_count,
                 (unsigned long long)verdict->offsets_count, verdict->complaints_count);
    ledger_deinit(&verdict->ledger);
    u32 complaints_count = verdict->complaints_count;
    free(verdict);
    return complaints_count == 0 ? 0 : 1;
}
