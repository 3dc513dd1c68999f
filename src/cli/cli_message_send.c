#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli_command.h"
#include "cli/header_text.h"
#include "cli/message_input.h"
#include "cli/progress.h"

#define BATCH_BYTES_MIN 4096u

/* One batch under construction, for one destination. Another destination, a full batch and a pause
 * of the input send it. */
struct sender {
    struct cli *cli;
    struct client_batch *batch;
    struct client_destination to;
    char key[256]; /* of `to`: the input's memory moves */
    u32 batch_bytes;
    u64 messages;
    u64 batches;
    u8 headers[INPUT_HEADERS_BYTES]; /* of every message */
    u32 headers_bytes;
};

static bool sender_flush(struct sender *sender)
{
    struct send_confirmation went;
    u32 count = client_batch_count(sender->batch);
    if (count == 0) {
        return true;
    }
    if (!client_send_by(sender->cli->client, &sender->to, sender->batch, &went,
                        &sender->cli->error)) {
        return false;
    }
    sender->messages += count;
    sender->batches++;
    return true;
}

/* Where a message goes: what it says, else what was typed, else the server's turn. */
static struct partitioning choose(const struct command_line *line,
                                  const struct input_message *message)
{
    if (message->has_partition && line->partition == CLI_ABSENT && line->key == NULL &&
        message->key.size == 0) {
        return (struct partitioning){.kind = PARTITIONING_PARTITION,
                                     .partition_id = message->partition_id};
    }
    if (line->partition != CLI_ABSENT) {
        return (struct partitioning){.kind = PARTITIONING_PARTITION,
                                     .partition_id = (u32)line->partition};
    }
    if (line->key != NULL || message->key.size > 0) {
        return (struct partitioning){.kind = PARTITIONING_KEY,
                                     .key = line->key != NULL ? span_of(line->key) : message->key};
    }
    return (struct partitioning){.kind = PARTITIONING_BALANCED};
}

static bool is_same(const struct partitioning *a, const struct partitioning *b)
{
    return a->kind == b->kind && a->partition_id == b->partition_id && span_equal(a->key, b->key);
}

static bool turn_to(struct sender *sender, const struct input_message *message)
{
    struct partitioning wanted = choose(sender->cli->line, message);
    if (is_same(&wanted, &sender->to.partitioning)) {
        return true;
    }
    if (!sender_flush(sender)) {
        return false;
    }
    if (wanted.key.size > 0) {
        memcpy(sender->key, wanted.key.data, wanted.key.size);
        wanted.key.data = (const u8 *)sender->key;
    }
    sender->to.partitioning = wanted;
    return true;
}

static bool sender_add(struct sender *sender, const struct input_message *message)
{
    bool has_own = message->headers.size > 0;
    struct client_message wanted = {
        .id = message->id,
        .payload = message->payload,
        .user_headers =
            has_own ? message->headers : (struct span){sender->headers, sender->headers_bytes}};
    u64 size = (u64)BATCH_HEADER_BYTES + MESSAGE_FRAME_HEADER_BYTES + wanted.payload.size +
               wanted.user_headers.size;
    if (size > sender->batch_bytes) {
        return cli_fail(sender->cli, CLI_REFUSED,
                        "a message of %u bytes does not fit into a batch: give a larger "
                        "--batch-bytes",
                        wanted.payload.size);
    }
    if (!turn_to(sender, message)) {
        return false;
    }
    if (client_batch_add_message(sender->batch, &wanted)) {
        return true;
    }
    return sender_flush(sender) && client_batch_add_message(sender->batch, &wanted);
}

/* ---- Where messages come from ---- */

static bool send_words(struct sender *sender)
{
    const struct command_line *line = sender->cli->line;
    for (u32 i = 2; i < line->words_count; i++) {
        struct input_message message = {.payload = span_of(line->words[i])};
        if (!sender_add(sender, &message)) {
            return false;
        }
    }
    return sender_flush(sender);
}

static enum input_form form_of(const char *name)
{
    switch (name[0]) {
    case 'j': return INPUT_JSON;
    case 'w': return INPUT_WHOLE;
    default: return strcmp(name, "length") == 0 ? INPUT_LENGTH : INPUT_LINES;
    }
}

/* What was read before a broken record is sent: the count then says where to go on. */
static bool send_input(struct sender *sender, struct message_input *input,
                       struct progress *progress)
{
    struct err err;
    struct input_message message;
    for (;;) {
        switch (message_input_next(input, &message, &err)) {
        case INPUT_MESSAGE:
            if (!sender_add(sender, &message)) {
                return false;
            }
            break;
        case INPUT_PAUSE:
            if (!sender_flush(sender)) {
                return false;
            }
            break;
        case INPUT_END: return sender_flush(sender);
        case INPUT_BROKEN:
            return sender_flush(sender) && cli_fail(sender->cli, CLI_REFUSED, "%s", err.text);
        }
        progress_note(progress, input->bytes_read);
    }
}

static u64 size_of_file(int fd)
{
    struct stat stat;
    return fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) ? (u64)stat.st_size : 0;
}

static bool send_file(struct sender *sender)
{
    const struct command_line *line = sender->cli->line;
    struct message_input input;
    struct progress progress;
    int fd = line->file == NULL ? STDIN_FILENO : open(line->file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return cli_fail(sender->cli, CLI_REFUSED, "%s: %s", line->file, strerror(errno));
    }
    progress_init(&progress, size_of_file(fd), !line->quiet && !line->json);
    message_input_init(&input, fd, form_of(line->input));
    bool good = send_input(sender, &input, &progress);
    message_input_deinit(&input);
    progress_deinit(&progress);
    if (fd != STDIN_FILENO) {
        (void)close(fd);
    }
    return good;
}

/* ---- The command ---- */

static bool read_headers(struct cli *cli, struct sender *sender)
{
    struct err err;
    struct header_parts parts;
    struct writer writer = writer_over(sender->headers, sizeof(sender->headers));
    for (u32 i = 0; i < cli->line->headers.count; i++) {
        if (!header_text_split(cli->line->headers.items[i], &parts, &err) ||
            !header_text_write(&parts, &writer, &err)) {
            return cli_fail(cli, CLI_USAGE, "%s", err.text);
        }
    }
    sender->headers_bytes = writer.position;
    return true;
}

static bool judge(struct cli *cli)
{
    const struct command_line *line = cli->line;
    if (line->key != NULL && line->partition != CLI_ABSENT) {
        return cli_fail(cli, CLI_USAGE, "--key and --partition exclude each other");
    }
    if (line->file != NULL && line->words_count > 2) {
        return cli_fail(cli, CLI_USAGE, "messages as words and --file exclude each other");
    }
    return line->key == NULL || (line->key[0] != 0 && strlen(line->key) <= 255) ||
           cli_fail(cli, CLI_USAGE, "--key has 1 to 255 bytes");
}

static void say_sent(struct cli *cli, const struct sender *sender)
{
    struct output *output = &cli->output;
    if (output->form != OUTPUT_JSON) {
        cli_note(cli, "%llu messages sent in %llu batches", (unsigned long long)sender->messages,
                 (unsigned long long)sender->batches);
        return;
    }
    output_record(output);
    output_text(output, "stream", span_of(sender->to.stream));
    output_text(output, "topic", span_of(sender->to.topic));
    output_number(output, "messages_count", sender->messages);
    output_number(output, "batches_count", sender->batches);
    output_record_end(output);
}

bool cli_message_send(struct cli *cli)
{
    u32 batch_bytes = u32_max((u32)cli->line->batch_bytes, BATCH_BYTES_MIN);
    struct sender sender = {.cli = cli,
                            .to = {.stream = cli->line->words[0],
                                   .topic = cli->line->words[1],
                                   .partitioning = {.kind = PARTITIONING_BALANCED}},
                            .batch_bytes = batch_bytes};
    if (!judge(cli) || !read_headers(cli, &sender)) {
        return false;
    }
    sender.batch = client_batch_create(batch_bytes);
    bool good = cli->line->words_count > 2 ? send_words(&sender) : send_file(&sender);
    client_batch_destroy(sender.batch);
    say_sent(cli, &sender);
    if (!good && sender.messages > 0) {
        cli->code = CLI_PARTLY;
    }
    return good;
}
