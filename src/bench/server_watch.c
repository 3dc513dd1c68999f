#include "bench/server_watch.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/client_wire.h"
#include "wire/snapshot_request.h"

#define SAMPLE_NS_MIN 100000000ull

static void copy_text(char *to, u32 capacity, struct span from)
{
    (void)str_format(to, capacity, "%.*s", (int)from.size, (const char *)from.data);
}

/* The quoted value behind `key` in the section that begins with `section`. */
static bool find_value(struct span text, const char *section, const char *key, char *value,
                       u32 capacity)
{
    const char *at = memmem(text.data, text.size, section, strlen(section));
    const char *end = (const char *)text.data + text.size;
    if (at == NULL) {
        return false;
    }
    at = memmem(at, (size_t)(end - at), key, strlen(key));
    if (at == NULL) {
        return false;
    }
    at += strlen(key);
    const char *stop = memchr(at, '"', (size_t)(end - at));
    return stop != NULL && str_format(value, capacity, "%.*s", (int)(stop - at), at);
}

bool server_watch_read_config(struct server_watch *watch, struct span text)
{
    if (!find_value(text, "[durability]", "level = \"", watch->durability,
                    sizeof(watch->durability))) {
        (void)str_format(watch->durability, sizeof(watch->durability), "unknown");
        return false;
    }
    if (!find_value(text, "[system]", "path = \"", watch->data_path, sizeof(watch->data_path))) {
        watch->data_path[0] = 0;
    }
    return true;
}

static void ask_config(struct server_watch *watch, struct client *client)
{
    static const u8 config[] = {SNAPSHOT_SERVER_CONFIG};
    struct snapshot_request request = {.compression = SNAPSHOT_STORED, .types = {config, 1}};
    struct client_error error;
    struct span archive = {0};
    snapshot_request_encode(&request, client_body(client, 8));
    if (!client_ask(client, COMMAND_GET_SNAPSHOT, &archive, &error)) {
        archive.size = 0;
    }
    (void)server_watch_read_config(watch, archive);
}

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strncmp(address, "localhost:", 10) == 0 ||
           strncmp(address, "[::1]:", 6) == 0;
}

/* Processor time of the process in ticks; false when it is not to be seen. */
static bool read_ticks(u32 process_id, u64 *ticks)
{
    char path[64];
    char text[1024];
    (void)str_format(path, sizeof(path), "/proc/%u/stat", process_id);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return false;
    }
    size_t size = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[size] = 0;
    const char *rest = strrchr(text, ')');
    unsigned long long user = 0;
    unsigned long long system = 0;
    bool good =
        rest != NULL && sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
                               &user, &system) == 2;
    *ticks = user + system;
    return good;
}

static u64 read_rss(u32 process_id)
{
    char path[64];
    unsigned long long pages = 0;
    (void)str_format(path, sizeof(path), "/proc/%u/statm", process_id);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return 0;
    }
    bool good = fscanf(file, "%*u %llu", &pages) == 1;
    fclose(file);
    return good ? pages * (u64)sysconf(_SC_PAGESIZE) : 0;
}

/* What the process gave to be written to a disk so far; 0 when that is not to be seen. */
static u64 read_written(u32 process_id)
{
    char path[64];
    char line[128];
    unsigned long long bytes = 0;
    (void)str_format(path, sizeof(path), "/proc/%u/io", process_id);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "write_bytes: %llu", &bytes) == 1) {
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return bytes;
}

bool server_watch_open(struct server_watch *watch, const char *address, struct client *client,
                       struct client_error *error)
{
    u64 ticks = 0;
    *watch = (struct server_watch){0};
    if (!client_stats(client, &watch->stats, error)) {
        return false;
    }
    copy_text(watch->version, sizeof(watch->version), watch->stats.server_version);
    copy_text(watch->hostname, sizeof(watch->hostname), watch->stats.hostname);
    copy_text(watch->os_name, sizeof(watch->os_name), watch->stats.os_name);
    copy_text(watch->os_version, sizeof(watch->os_version), watch->stats.os_version);
    copy_text(watch->kernel_version, sizeof(watch->kernel_version), watch->stats.kernel_version);
    ask_config(watch, client);
    if (is_loopback(address) && read_ticks(watch->stats.process_id, &ticks)) {
        watch->process_id = watch->stats.process_id;
    } else {
        watch->data_path[0] = 0;
    }
    return true;
}

void server_watch_begin(struct server_watch *watch)
{
    watch->samples_count = 0;
    watch->cpu_seconds = 0;
    watch->last_ns = 0;
    watch->sample_every_ns = SAMPLE_NS_MIN;
    if (watch->process_id != 0) {
        (void)read_ticks(watch->process_id, &watch->last_ticks);
        watch->written_bytes = read_written(watch->process_id);
    }
}

/* Every second sample goes, and from now on they are half as many. */
static void thin_out(struct server_watch *watch)
{
    u32 kept = 0;
    for (u32 i = 0; i < watch->samples_count; i += 2) {
        watch->samples[kept++] = watch->samples[i];
    }
    watch->samples_count = kept;
    watch->sample_every_ns *= 2;
}

static void take_sample(struct server_watch *watch, u64 at_ns)
{
    u64 ticks = 0;
    if (!read_ticks(watch->process_id, &ticks) || at_ns <= watch->last_ns) {
        return;
    }
    double seconds = (double)(ticks - watch->last_ticks) / (double)sysconf(_SC_CLK_TCK);
    struct server_sample sample = {
        .at_ns = at_ns,
        .cores = seconds * 1e9 / (double)(at_ns - watch->last_ns),
        .rss_bytes = read_rss(watch->process_id),
    };
    watch->cpu_seconds += seconds;
    watch->rss_bytes_max = u64_max(watch->rss_bytes_max, sample.rss_bytes);
    watch->last_ticks = ticks;
    watch->last_ns = at_ns;
    if (watch->samples_count == SERVER_SAMPLES_MAX) {
        thin_out(watch);
    }
    watch->samples[watch->samples_count++] = sample;
}

void server_watch_sample(struct server_watch *watch, u64 at_ns)
{
    if (watch->process_id != 0 && at_ns >= watch->last_ns + watch->sample_every_ns) {
        take_sample(watch, at_ns);
    }
}

void server_watch_end(struct server_watch *watch, u64 at_ns)
{
    if (watch->process_id != 0) {
        u64 written_before = watch->written_bytes;
        take_sample(watch, at_ns);
        watch->written_bytes = read_written(watch->process_id) - written_before;
    }
}
