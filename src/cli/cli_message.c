#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command_line.h"

/* Messages asked for at once when a partition is read to its end. */
#define RAW_POLL_COUNT 10000u

struct sender {
    struct client *client;
    struct client_batch *batch;
    struct client_place place;
    u32 payload_bytes_max;
    u64 messages;
    u64 batches;
    struct client_error error;
};

static bool sender_flush(struct sender *sender)
{
    u64 base_offset = 0;
    if (client_batch_count(sender->batch) == 0) {
        return true;
    }
    u32 count = client_batch_count(sender->batch);
    if (!client_send(sender->client, &sender->place, sender->batch, &base_offset, &sender->error)) {
        return false;
    }
    sender->messages += count;
    sender->batches++;
    return true;
}

static bool sender_add(struct sender *sender, struct span payload)
{
    if (payload.size > sender->payload_bytes_max) {
        str_format(sender->error.text, sizeof(sender->error.text),
                   "a message of %u bytes does not fit into a batch: give a larger --batch-bytes",
                   payload.size);
        return false;
    }
    if (client_batch_add(sender->batch, payload)) {
        return true;
    }
    return sender_flush(sender) && client_batch_add(sender->batch, payload);
}

static bool send_lines(struct sender *sender, const char *path)
{
    FILE *file = path == NULL ? stdin : fopen(path, "rb");
    if (file == NULL) {
        str_format(sender->error.text, sizeof(sender->error.text), "%s: %s", path, strerror(errno));
        return false;
    }
    char *text = NULL;
    size_t capacity = 0;
    bool good = true;
    ssize_t size = 0;
    while (good && (size = getline(&text, &capacity, file)) >= 0) {
        size -= size > 0 && text[size - 1] == '\n' ? 1 : 0;
        size = size > (ssize_t)UINT32_MAX ? (ssize_t)UINT32_MAX : size; /* refused all the same */
        good = sender_add(sender, (struct span){(const u8 *)text, (u32)size});
    }
    if (good && ferror(file)) {
        str_format(sender->error.text, sizeof(sender->error.text), "%s: reading failed", path);
        good = false;
    }
    free(text);
    if (file != stdin) {
        fclose(file);
    }
    return good;
}

static bool send_words(struct sender *sender, const struct command_line *line)
{
    for (u32 i = 2; i < line->words_count; i++) {
        if (!sender_add(sender, span_of(line->words[i]))) {
            return false;
        }
    }
    return true;
}

int cli_message_send(const struct command_line *line)
{
    struct client *client = command_line_connect(line, true);
    if (client == NULL) {
        return CLI_REFUSED;
    }
    u32 batch_bytes = u32_max((u32)line->batch_bytes, 4096);
    struct sender sender = {
        .client = client,
        .batch = client_batch_create(batch_bytes),
        .place = {line->words[0], line->words[1], (u32)line->partition},
        .payload_bytes_max = batch_bytes - BATCH_HEADER_BYTES - MESSAGE_FRAME_HEADER_BYTES,
    };
    bool good = line->words_count > 2 ? send_words(&sender, line) : send_lines(&sender, line->file);
    good = good && sender_flush(&sender);
    client_batch_destroy(sender.batch);
    client_close(client);
    fprintf(stderr, "%llu messages sent in %llu batches\n", (unsigned long long)sender.messages,
            (unsigned long long)sender.batches);
    return good ? CLI_DONE : command_line_refuse(&sender.error);
}

/* ---- Reading ---- */

static bool strategy_of(const char *text, enum poll_strategy *strategy)
{
    static const char *const names[] = {"offset", "timestamp", "first", "last", "next"};
    for (u32 i = 0; i < array_count(names); i++) {
        if (strcmp(names[i], text) == 0) {
            *strategy = (enum poll_strategy)(POLL_OFFSET + i);
            return true;
        }
    }
    return false;
}

/* Prints what a poll gave; the offset after the last message. */
static u64 print_messages(const struct poll_reply *reply, bool raw, u64 next)
{
    struct poll_iterator iterator = poll_iterate(reply);
    struct polled_message message;
    while (poll_next(&iterator, &message)) {
        if (!raw) {
            printf("%llu: ", (unsigned long long)message.offset);
        }
        fwrite(message.payload.data, 1, message.payload.size, stdout);
        fputc('\n', stdout);
        next = message.offset + 1;
    }
    return next;
}

int cli_message_poll(const struct command_line *line)
{
    struct client_error error = {0};
    struct client_place place = {line->words[0], line->words[1], (u32)line->partition};
    struct client_poll poll = {.value = line->value,
                               .count = line->raw ? RAW_POLL_COUNT : (u32)line->count,
                               .consumer = line->consumer,
                               .auto_commit = line->auto_commit,
                               .wait_ms = (u32)line->wait_ms};
    if (!strategy_of(line->strategy, &poll.strategy)) {
        fprintf(stderr, "levriero: \"%s\" is no strategy: offset, timestamp, first, last or next\n",
                line->strategy);
        return CLI_USAGE;
    }
    struct client *client = command_line_connect(line, true);
    if (client == NULL) {
        return CLI_REFUSED;
    }
    struct poll_reply reply;
    bool good = true;
    bool more = true;
    while (good && more) {
        good = client_poll(client, &place, &poll, &reply, &error);
        more = good && line->raw && reply.prefix.messages_count > 0 && !ferror(stdout);
        if (good) {
            poll.value = print_messages(&reply, line->raw, poll.value);
            poll.strategy = line->raw ? POLL_OFFSET : poll.strategy;
            fflush(stdout); /* the next may be long in coming */
        }
    }
    client_close(client);
    return good ? CLI_DONE : command_line_refuse(&error);
}
