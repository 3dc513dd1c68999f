/* The reply to GetStats:
 *
 *      0   4  process id u32
 *      4   4  CPU of this process, percent, f32
 *      8   4  CPU of the machine, percent, f32
 *     12   8  memory of this process
 *     20   8  total memory
 *     28   8  available memory
 *     36   8  run time, microseconds
 *     44   8  start time, microseconds since 1970
 *     52   8  bytes read
 *     60   8  bytes written
 *     68   8  size of all messages
 *     76   4  streams u32
 *     80   4  topics u32
 *     84   4  partitions u32
 *     88   4  segments u32
 *     92   8  messages u64
 *    100   4  clients u32
 *    104   4  consumer groups u32
 *    108      host name, OS name, OS version, kernel version, server version: u32 length, text
 *             server version as a number u32
 *             count of cache entries u32; stream u32, topic u32, partition u32, hits u64,
 *                 misses u64, hit ratio f32 each
 *             threads u32, free disk u64, total disk u64 */
#include "wire/stats.h"

#include "base/check.h"
#include "wire/decode.h"

#define CACHE_ENTRY_BYTES 32u

static void write_f32(struct writer *writer, float value)
{
    static_assert(sizeof(value) == 4, "IEEE-754 single");
    write_bytes(writer, &value, sizeof(value));
}

static float read_f32(struct reader *reader)
{
    float value = 0;
    const u8 *bytes = read_bytes(reader, sizeof(value));
    if (bytes != NULL) {
        memcpy(&value, bytes, sizeof(value));
    }
    return value;
}

void stats_encode(const struct stats *stats, struct writer *writer)
{
    u32 start = writer->position;
    write_u32(writer, stats->process_id);
    write_f32(writer, stats->process_cpu_percent);
    write_f32(writer, stats->total_cpu_percent);
    write_u64(writer, stats->memory_bytes);
    write_u64(writer, stats->total_memory_bytes);
    write_u64(writer, stats->available_memory_bytes);
    write_u64(writer, stats->run_time_us);
    write_u64(writer, stats->start_time_us);
    write_u64(writer, stats->read_bytes);
    write_u64(writer, stats->written_bytes);
    write_u64(writer, stats->messages_size_bytes);
    write_u32(writer, stats->streams_count);
    write_u32(writer, stats->topics_count);
    write_u32(writer, stats->partitions_count);
    write_u32(writer, stats->segments_count);
    write_u64(writer, stats->messages_count);
    write_u32(writer, stats->clients_count);
    write_u32(writer, stats->groups_count);
    check(writer->failed || writer->position - start == STATS_NUMBERS_BYTES);

    write_text(writer, stats->hostname);
    write_text(writer, stats->os_name);
    write_text(writer, stats->os_version);
    write_text(writer, stats->kernel_version);
    write_text(writer, stats->server_version);
    write_u32(writer, stats->server_version_number);
    write_u32(writer, 0); /* cache entries */
    write_u32(writer, stats->threads_count);
    write_u64(writer, stats->free_disk_bytes);
    write_u64(writer, stats->total_disk_bytes);
}

static void read_numbers(struct reader *reader, struct stats *stats)
{
    stats->process_id = read_u32(reader);
    stats->process_cpu_percent = read_f32(reader);
    stats->total_cpu_percent = read_f32(reader);
    stats->memory_bytes = read_u64(reader);
    stats->total_memory_bytes = read_u64(reader);
    stats->available_memory_bytes = read_u64(reader);
    stats->run_time_us = read_u64(reader);
    stats->start_time_us = read_u64(reader);
    stats->read_bytes = read_u64(reader);
    stats->written_bytes = read_u64(reader);
    stats->messages_size_bytes = read_u64(reader);
    stats->streams_count = read_u32(reader);
    stats->topics_count = read_u32(reader);
    stats->partitions_count = read_u32(reader);
    stats->segments_count = read_u32(reader);
    stats->messages_count = read_u64(reader);
    stats->clients_count = read_u32(reader);
    stats->groups_count = read_u32(reader);
}

enum status stats_decode(struct span body, struct stats *stats)
{
    struct reader reader = reader_over(body.data, body.size);
    struct stats found;
    read_numbers(&reader, &found);
    found.hostname = read_text(&reader);
    found.os_name = read_text(&reader);
    found.os_version = read_text(&reader);
    found.kernel_version = read_text(&reader);
    found.server_version = read_text(&reader);
    found.server_version_number = read_u32(&reader);
    u32 entries_count = read_u32(&reader);
    if (entries_count > reader_left(&reader) / CACHE_ENTRY_BYTES) {
        return ERR_INVALID;
    }
    (void)read_bytes(&reader, entries_count * CACHE_ENTRY_BYTES);
    found.threads_count = read_u32(&reader);
    found.free_disk_bytes = read_u64(&reader);
    found.total_disk_bytes = read_u64(&reader);
    if (!reader_is_done(&reader)) {
        return ERR_INVALID;
    }
    *stats = found;
    return OK;
}
