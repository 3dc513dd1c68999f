#include "cli/cli_watch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "base/mem.h"

#define SLICE_MS 50u
#define ROWS_USUAL 24u

/* From the top, each line up to the edge and no further; then the rest of the old picture goes, and
 * lines wrap again: whenever it ends, the terminal is as it was. */
#define PAINT_BEGIN "\033[?7l\033[H\033[2J"
#define PAINT_END "\033[?7h"

struct topic_look {
    u32 stream_id;
    u32 topic_id;
    char *name; /* "orders/events" */
    u64 messages;
    u64 bytes;
    double messages_per_second; /* since the look before */
    double bytes_per_second;
};

struct look {
    struct stats stats;
    u64 at_us;
    struct topic_look *topics;
    u32 topics_count;
    u32 topics_capacity;
};

void watch_sleep(u64 ms)
{
    for (u64 slept = 0; slept < ms && !cli_is_interrupted(); slept += SLICE_MS) {
        u64 slice_ms = u64_min(SLICE_MS, ms - slept);
        (void)nanosleep(&(struct timespec){.tv_nsec = (long)(slice_ms * 1000000)}, NULL);
    }
}

/* ---- Looking ---- */

static void forget(struct look *look)
{
    for (u32 i = 0; i < look->topics_count; i++) {
        mem_return(look->topics[i].name);
    }
    mem_return(look->topics);
    *look = (struct look){0};
}

static void add_topic(struct look *look, const struct stream_info *stream,
                      const struct topic_info *topic)
{
    char name[520];
    if (look->topics_count == look->topics_capacity) {
        look->topics_capacity = u32_max(16, 2 * look->topics_capacity);
        look->topics = mem_resize(look->topics, look->topics_capacity * sizeof(look->topics[0]));
    }
    str_format(name, sizeof(name), "%.*s/%.*s", (int)stream->name.size, stream->name.data,
               (int)topic->name.size, topic->name.data);
    look->topics[look->topics_count++] = (struct topic_look){.stream_id = stream->id,
                                                             .topic_id = topic->id,
                                                             .name = mem_copy_text(name),
                                                             .messages = topic->messages_count,
                                                             .bytes = topic->size_bytes};
}

/* A stream that was deleted meanwhile has no topics. */
static bool look_into(struct cli *cli, u32 stream_id, struct look *look)
{
    char text[16];
    struct client_stream stream;
    str_format(text, sizeof(text), "%u", stream_id);
    if (!client_stream_get(cli->client, text, &stream, &cli->error)) {
        return false;
    }
    while (stream.found && !stream.topics.failed && reader_left(&stream.topics) > 0) {
        struct topic_view topic = read_topic_view(&stream.topics);
        add_topic(look, &stream.info, &topic.info);
    }
    return true;
}

static int compare_ids(const void *left, const void *right)
{
    const struct topic_look *a = left;
    const struct topic_look *b = right;
    if (a->stream_id != b->stream_id) {
        return a->stream_id < b->stream_id ? -1 : 1;
    }
    return a->topic_id < b->topic_id ? -1 : a->topic_id > b->topic_id;
}

static bool look_at_topics(struct cli *cli, struct look *look)
{
    struct reader streams;
    if (!client_streams(cli->client, &streams, &cli->error)) {
        return false;
    }
    u32 *ids = mem_take((streams.size / 4 + 1) * sizeof(u32));
    u32 count = 0;
    while (!streams.failed && reader_left(&streams) > 0) {
        ids[count++] = read_stream_info(&streams).id;
    }
    bool good = true;
    for (u32 i = 0; good && i < count; i++) {
        good = look_into(cli, ids[i], look);
    }
    mem_return(ids);
    if (look->topics_count > 0) {
        qsort(look->topics, look->topics_count, sizeof(look->topics[0]), compare_ids);
    }
    return good;
}

static bool look_now(struct cli *cli, struct look *look)
{
    *look = (struct look){0};
    if (!client_stats(cli->client, &look->stats, &cli->error)) {
        return false;
    }
    look->at_us = cli_now_us();
    return look_at_topics(cli, look);
}

/* ---- Printing ---- */

static double rate(u64 before, u64 now, double seconds)
{
    return now > before ? (double)(now - before) / seconds : 0;
}

static double seconds_between(const struct look *before, const struct look *now)
{
    return (double)u64_max(now->at_us - before->at_us, 1) / (double)US_PER_SECOND;
}

/* A topic that is new is compared with nothing. */
static void compare(const struct look *before, struct look *now)
{
    double seconds = seconds_between(before, now);
    for (u32 i = 0; i < now->topics_count; i++) {
        struct topic_look *topic = &now->topics[i];
        const struct topic_look *old = NULL;
        if (before->topics_count > 0) {
            old = bsearch(topic, before->topics, before->topics_count, sizeof(*topic), compare_ids);
        }
        topic->messages_per_second =
            rate(old == NULL ? 0 : old->messages, topic->messages, seconds);
        topic->bytes_per_second = rate(old == NULL ? 0 : old->bytes, topic->bytes, seconds);
    }
}

/* The busiest first; of those that rest, as they were created. */
static int compare_rates(const void *left, const void *right)
{
    const struct topic_look *a = *(const struct topic_look *const *)left;
    const struct topic_look *b = *(const struct topic_look *const *)right;
    if (a->bytes_per_second != b->bytes_per_second) {
        return a->bytes_per_second > b->bytes_per_second ? -1 : 1;
    }
    return compare_ids(a, b);
}

static void put_server(struct output *output, const struct look *before, const struct look *now)
{
    double seconds = seconds_between(before, now);
    const struct stats *stats = &now->stats;
    output_time(output, "at", now->at_us);
    output_decimal(output, "messages_per_second",
                   rate(before->stats.messages_count, stats->messages_count, seconds));
    output_decimal(output, "bytes_per_second",
                   rate(before->stats.messages_size_bytes, stats->messages_size_bytes, seconds));
    output_decimal(output, "written_bytes_per_second",
                   rate(before->stats.written_bytes, stats->written_bytes, seconds));
    output_decimal(output, "read_bytes_per_second",
                   rate(before->stats.read_bytes, stats->read_bytes, seconds));
    output_number(output, "clients_count", stats->clients_count);
    output_number(output, "messages_count", stats->messages_count);
    output_decimal(output, "process_cpu_percent", (double)stats->process_cpu_percent);
    output_bytes(output, "memory_bytes", stats->memory_bytes);
    output_bytes(output, "free_disk_bytes", stats->free_disk_bytes);
}

static void put_topics(struct output *output, const struct look *now)
{
    const struct topic_look **topics = mem_take((now->topics_count + 1u) * sizeof(topics[0]));
    for (u32 i = 0; i < now->topics_count; i++) {
        topics[i] = &now->topics[i];
    }
    qsort(topics, now->topics_count, sizeof(topics[0]), compare_rates);
    output_list(output, "topics");
    for (u32 i = 0; i < now->topics_count; i++) {
        output_record(output);
        output_text(output, "topic", span_of(topics[i]->name));
        output_decimal(output, "messages_per_second", topics[i]->messages_per_second);
        output_decimal(output, "bytes_per_second", topics[i]->bytes_per_second);
        output_number(output, "messages_count", topics[i]->messages);
        output_bytes(output, "size_bytes", topics[i]->bytes);
        output_record_end(output);
    }
    output_list_end(output);
    mem_return(topics);
}

static void put_look(struct output *output, const struct look *before, const struct look *now)
{
    output_record(output);
    put_server(output, before, now);
    if (output->form != OUTPUT_LINES) {
        put_topics(output, now);
    }
    output_record_end(output);
}

static u32 rows_of_terminal(FILE *file)
{
    struct winsize size;
    bool is_known = ioctl(fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_row > 0;
    return is_known ? size.ws_row : ROWS_USUAL;
}

/* As many lines as there is room for: one more would scroll the first away. */
static void paint_text(FILE *file, const char *text)
{
    u32 rows = rows_of_terminal(file);
    fputs(PAINT_BEGIN, file);
    for (u32 i = 0; i + 1 < rows && *text != 0; i++) {
        size_t size = strcspn(text, "\n");
        fprintf(file, "%.*s\n", (int)size, text);
        text += size + (text[size] == '\n');
    }
    fputs(PAINT_END, file);
}

/* The picture is made first: it is larger than the terminal where there are many topics. */
static bool paint(struct output *output, const struct look *before, const struct look *now)
{
    char *text = NULL;
    size_t size = 0;
    FILE *terminal = output->file;
    FILE *picture = open_memstream(&text, &size);
    if (picture == NULL) {
        return false;
    }
    output->file = picture;
    put_look(output, before, now);
    output->file = terminal;
    bool good = fclose(picture) == 0;
    if (good) {
        paint_text(terminal, text);
    }
    free(text);
    return good;
}

static bool show(struct cli *cli, const struct look *before, struct look *now)
{
    struct output *output = &cli->output;
    compare(before, now);
    if (output->form == OUTPUT_TABLE) {
        if (!paint(output, before, now)) {
            return cli_fail(cli, CLI_REFUSED, "no memory for the picture");
        }
    } else {
        put_look(output, before, now);
    }
    (void)fflush(output->file);
    return true;
}

bool watch_stats(struct cli *cli)
{
    struct look before;
    struct look now;
    u64 looks = 0;
    if (!look_now(cli, &before)) {
        forget(&before);
        return false;
    }
    bool good = true;
    bool is_lines = cli->output.form == OUTPUT_LINES;
    cli_hold_interrupts();
    if (is_lines) {
        output_list(&cli->output, "looks");
    }
    while (good && looks < cli->line->count && !ferror(cli->output.file)) {
        watch_sleep(cli->line->every_ms);
        if (cli_is_interrupted()) {
            break;
        }
        good = look_now(cli, &now);
        good = good && show(cli, &before, &now);
        looks += good;
        forget(&before);
        before = now;
    }
    forget(&before);
    if (is_lines) {
        output_list_end(&cli->output);
    }
    return good;
}
