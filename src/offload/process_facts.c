#include "offload/process_facts.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/str.h"

#define FILE_BYTES_MAX 8192u
#define SAMPLE_US_MIN 100000u
#define CENTIPERCENT 10000u

/* The beginning of a small file of /proc, ended by a zero byte; empty when it cannot be read. */
static void file_read(const char *path, char *text)
{
    text[0] = 0;
    s32 file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return;
    }
    size_t size = 0;
    ssize_t result;
    while (size < FILE_BYTES_MAX - 1 &&
           (result = read(file, text + size, FILE_BYTES_MAX - 1 - size)) > 0) {
        size += (size_t)result;
    }
    text[size] = 0;
    (void)close(file);
}

/* What follows `key` at the start of a line, or NULL. */
static const char *text_behind(const char *text, const char *key)
{
    size_t size = strlen(key);
    for (const char *line = text; line != NULL && *line != 0;) {
        if (strncmp(line, key, size) == 0) {
            return line + size;
        }
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    return NULL;
}

/* The number behind `key`, or 0. */
static u64 number_behind(const char *text, const char *key)
{
    const char *number = text_behind(text, key);
    return number == NULL ? 0 : strtoull(number, NULL, 10);
}

/* Number `index` of /proc/self/stat, counted as proc(5) does, from 1; the name in brackets is the
 * second and may contain anything. */
static u64 stat_number(const char *stat, u32 index)
{
    const char *at = strrchr(stat, ')');
    for (u32 i = 2; at != NULL && i < index; i++) {
        at = strchr(at + 1, ' ');
    }
    return at == NULL ? 0 : strtoull(at + 1, NULL, 10);
}

static u64 ticks_to_us(u64 ticks)
{
    long per_second = sysconf(_SC_CLK_TCK);
    return per_second > 0 ? ticks * US_PER_SECOND / (u64)per_second : 0;
}

static u64 clock_us(clockid_t clock)
{
    struct timespec time;
    check(clock_gettime(clock, &time) == 0);
    return (u64)time.tv_sec * US_PER_SECOND + (u64)time.tv_nsec / 1000;
}

/* "cpu  user nice system idle iowait irq softirq steal …": all but the fourth and fifth are
 * work. */
static void cpu_ticks_read(u64 *busy, u64 *total)
{
    char text[FILE_BYTES_MAX];
    file_read("/proc/stat", text);
    *busy = 0;
    *total = 0;
    if (strncmp(text, "cpu ", 4) != 0) {
        return;
    }
    char *at = text + 4;
    for (u32 i = 0; i < 8; i++) {
        u64 ticks = strtoull(at, &at, 10);
        *total += ticks;
        *busy += i == 3 || i == 4 ? 0 : ticks;
    }
}

static void look(struct process_sample *sample, const char *stat)
{
    sample->monotonic_us = clock_us(CLOCK_MONOTONIC);
    sample->process_ticks = stat_number(stat, 14) + stat_number(stat, 15);
    cpu_ticks_read(&sample->busy_ticks, &sample->total_ticks);
}

void process_facts_begin(struct process_sample *sample)
{
    char stat[FILE_BYTES_MAX];
    file_read("/proc/self/stat", stat);
    *sample = (struct process_sample){0};
    look(sample, stat);
}

static void rates_read(struct process_facts *facts, struct process_sample *sample, const char *stat)
{
    struct process_sample now = {0};
    look(&now, stat);
    u64 passed_us = now.monotonic_us - sample->monotonic_us;
    if (passed_us >= SAMPLE_US_MIN) {
        u64 used_us = ticks_to_us(now.process_ticks - sample->process_ticks);
        u64 total = now.total_ticks - sample->total_ticks;
        u64 busy = now.busy_ticks - sample->busy_ticks;
        now.cpu_usage_centipercent = (u32)(used_us * CENTIPERCENT / passed_us);
        now.total_cpu_usage_centipercent = total == 0 ? 0 : (u32)(busy * CENTIPERCENT / total);
        *sample = now;
    }
    facts->cpu_usage_centipercent = sample->cpu_usage_centipercent;
    facts->total_cpu_usage_centipercent = sample->total_cpu_usage_centipercent;
}

static void memory_read(struct process_facts *facts, const char *stat)
{
    char text[FILE_BYTES_MAX];
    file_read("/proc/meminfo", text);
    facts->total_memory_bytes = number_behind(text, "MemTotal:") * KIB;
    facts->available_memory_bytes = number_behind(text, "MemAvailable:") * KIB;
    long page = sysconf(_SC_PAGESIZE);
    facts->memory_usage_bytes = page > 0 ? stat_number(stat, 24) * (u64)page : 0;
}

static u64 align_seconds(u64 time_us)
{
    return time_us - time_us % US_PER_SECOND;
}

static void times_read(struct process_facts *facts, const char *stat)
{
    u64 since_boot_us = clock_us(CLOCK_BOOTTIME);
    u64 started_us = ticks_to_us(stat_number(stat, 22));
    u64 run_us = since_boot_us > started_us ? since_boot_us - started_us : 0;
    /* Whole seconds, as clients know them: finer ones would make the start waver. */
    facts->run_time_us = align_seconds(run_us);
    facts->start_time_us = align_seconds(clock_us(CLOCK_REALTIME) - run_us);
}

/* The value of `key="value"` or `key=value` in os-release(5). */
static void release_read(const char *text, const char *key, char *value, u32 capacity)
{
    const char *begin = text_behind(text, key);
    if (begin != NULL) {
        begin += *begin == '"' ? 1 : 0;
        (void)str_format(value, capacity, "%.*s", (int)strcspn(begin, "\"\n"), begin);
    }
}

static void names_read(struct process_facts *facts)
{
    struct utsname name = {0};
    (void)uname(&name);
    (void)str_format(facts->hostname, sizeof(facts->hostname), "%s", name.nodename);
    (void)str_format(facts->kernel_version, sizeof(facts->kernel_version), "%s", name.release);
    char text[FILE_BYTES_MAX];
    file_read("/etc/os-release", text);
    char version[32] = "";
    release_read(text, "NAME=", facts->os_name, sizeof(facts->os_name));
    release_read(text, "VERSION_ID=", version, sizeof(version));
    if (facts->os_name[0] == 0) {
        (void)str_format(facts->os_name, sizeof(facts->os_name), "%s", name.sysname);
    }
    (void)str_format(facts->os_version, sizeof(facts->os_version), "%s (%s%s%s)", name.sysname,
                     facts->os_name, version[0] == 0 ? "" : " ", version);
}

static void disk_read(struct process_facts *facts, const char *data_path)
{
    struct statvfs disk;
    if (statvfs(data_path, &disk) == 0) {
        facts->disk_free_bytes = (u64)disk.f_bavail * disk.f_frsize;
        facts->disk_total_bytes = (u64)disk.f_blocks * disk.f_frsize;
    }
}

void process_facts_read(struct process_facts *facts, struct process_sample *sample,
                        const char *data_path)
{
    char stat[FILE_BYTES_MAX];
    file_read("/proc/self/stat", stat);
    *facts = (struct process_facts){
        .process_id = (u32)getpid(),
        .threads_count = (u32)stat_number(stat, 20),
    };
    rates_read(facts, sample, stat);
    memory_read(facts, stat);
    times_read(facts, stat);
    names_read(facts);
    disk_read(facts, data_path);
    char text[FILE_BYTES_MAX];
    file_read("/proc/self/io", text);
    facts->read_bytes = number_behind(text, "read_bytes:");
    facts->written_bytes = number_behind(text, "write_bytes:");
}
