#include "bench/report.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The text behind `key` in a file of lines; "" when there is none. */
static void find_line(const char *path, const char *key, char *value, u32 capacity)
{
    char line[512];
    value[0] = 0;
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, key, strlen(key)) == 0) {
            const char *text = line + strlen(key);
            text += strspn(text, " \t:=\"");
            (void)str_format(value, capacity, "%.*s", (int)strcspn(text, "\"\n"), text);
            break;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

void report_machine_read(struct report_machine *machine, const char *identifier)
{
    struct utsname names;
    *machine = (struct report_machine){.cpu_cores = (u32)sysconf(_SC_NPROCESSORS_ONLN)};
    machine->total_memory_bytes = (u64)sysconf(_SC_PHYS_PAGES) * (u64)sysconf(_SC_PAGESIZE);
    find_line("/proc/cpuinfo", "model name", machine->cpu_name, sizeof(machine->cpu_name));
    find_line("/etc/os-release", "NAME=", machine->os_name, sizeof(machine->os_name));
    find_line("/etc/os-release", "VERSION_ID=", machine->os_version, sizeof(machine->os_version));
    if (uname(&names) == 0) {
        (void)str_format(machine->identifier, sizeof(machine->identifier), "%s", names.nodename);
        (void)str_format(machine->kernel, sizeof(machine->kernel), "%s", names.release);
    }
    if (identifier != NULL) {
        (void)str_format(machine->identifier, sizeof(machine->identifier), "%s", identifier);
    }
}

/* Appends a part to a directory's name; what a shell or a file system might mistake becomes -. */
static void add_part(char *name, u32 capacity, u32 *position, const char *part)
{
    if (part == NULL || part[0] == 0) {
        return;
    }
    u32 from = *position;
    (void)str_append(name, capacity, position, "%s%s", from > 0 ? "_" : "", part);
    for (u32 i = from; i < *position; i++) {
        bool is_plain = isalnum((unsigned char)name[i]) || strchr("_.-", name[i]) != NULL;
        if (!is_plain || (i == 0 && name[i] == '.')) {
            name[i] = '-';
        }
    }
}

static void add_number(char *name, u32 capacity, u32 *position, u64 number)
{
    char text[32];
    (void)str_format(text, sizeof(text), "%llu", (unsigned long long)number);
    add_part(name, capacity, position, text);
}

static void name_directory(const struct report *report, char *name, u32 capacity)
{
    const struct bench_options *options = report->outcome->options;
    u32 position = 0;
    char run[16];
    add_part(name, capacity, &position, bench_kind_row(options->kind)->report_name);
    add_number(name, capacity, &position, report->outcome->run->actors_count);
    add_number(name, capacity, &position, options->message_bytes.max);
    add_number(name, capacity, &position, options->batch_messages.max);
    add_number(name, capacity, &position,
               report->outcome->totals.sent_batches + report->outcome->totals.received_batches);
    add_part(name, capacity, &position, "tcp");
    if (options->run_number > 0) {
        (void)str_format(run, sizeof(run), "run-%u", options->run_number);
        add_part(name, capacity, &position, run);
    }
    add_part(name, capacity, &position, options->remark);
    add_part(name, capacity, &position, options->gitref);
    add_part(name, capacity, &position, report->machine.identifier);
    add_part(name, capacity, &position, report->machine.cpu_name);
}

static bool make_directory(const char *path, struct err *err)
{
    return mkdir(path, 0777) == 0 || errno == EEXIST ||
           err_set(err, "%s cannot be made: %s", path, strerror(errno));
}

static bool write_file(const struct report *report, const char *directory, const char *name,
                       void (*write)(const struct report *report, FILE *file), struct err *err)
{
    char path[4096];
    (void)str_format(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        return err_set(err, "%s cannot be written: %s", path, strerror(errno));
    }
    write(report, file);
    bool good = ferror(file) == 0;
    good = fclose(file) == 0 && good;
    return good || err_set(err, "%s cannot be written: %s", path, strerror(errno));
}

static void write_log(const struct report *report, FILE *file)
{
    fprintf(file, "%s\n", report->outcome->options->command);
    outcome_print(report->outcome, file);
}

static void write_archive(const struct report *report, FILE *file)
{
    (void)fwrite(report->archive.data, 1, report->archive.size, file);
}

bool report_write(struct report *report, char *directory, u32 capacity, struct err *err)
{
    char name[240];
    struct client_error error;
    const char *parent = report->outcome->options->output_directory;
    name_directory(report, name, sizeof(name));
    if (!str_format(directory, capacity, "%s/%s", parent, name)) {
        return err_set(err, "--output-dir: the path is too long");
    }
    return make_directory(parent, err) && make_directory(directory, err) &&
           write_file(report, directory, "report.json", report_write_json, err) &&
           write_file(report, directory, "report.html", report_write_html, err) &&
           write_file(report, directory, "bench.log", write_log, err) &&
           (!client_snapshot(report->client, &report->archive, &error) ||
            write_file(report, directory, "server_logs.zip", write_archive, err));
}
