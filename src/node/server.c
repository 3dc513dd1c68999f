#include "node/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "io/io_uring_driver.h"
#include "node/config.h"
#include "node/data_key.h"
#include "node/driver.h"
#include "node/lock.h"
#include "node/notify.h"
#include "node/root.h"
#include "offload/offload_threads.h"

#define EXIT_USAGE 2

/* A stop that takes longer than this is not waited for: what was acknowledged is on disk anyway. */
#define STOP_MS_MAX 4500

/* One wish to stop may arrive as several signals: Ctrl-C reaches the whole process group, and a
 * script then passes its own on. */
#define SAME_WISH_US (500 * US_PER_MS)

#define CONFIG_FILE_BYTES 16384u

struct server {
    struct config config;
    bool fresh;
    bool default_root;
    bool generated_root; /* its password, to be shown once it is the root user's */
    const char *config_path;
    int lock;
    u16 port;
    char address[CONFIG_TEXT_BYTES]; /* as bound */
    u64 started_us;
    u64 stop_began_us;
    struct driver driver;
};

/* ---- The command line ---- */

static void print_help(void)
{
    printf(
        "levriero server: runs the server until SIGTERM or Ctrl-C.\n\n"
        "    levriero server --data /var/lib/levriero\n"
        "    levriero server --data d --tcp 127.0.0.1:0 --with-default-root-credentials\n\n"
        "Settings come from the file, then the environment (LEVRIERO_<KEY>), then flags.\n\n"
        "  --config FILE            TOML file with the keys below\n"
        "  -f, --fresh              empty the data directory first\n"
        "  --with-default-root-credentials\n"
        "                           first start: user iggy, password iggy (never in production)\n"
        "  --help\n\n"
        "Started under the name iggy-server (a link to this file), these words are not needed:\n"
        "    iggy-server --fresh --with-default-root-credentials\n\n");
    for (enum config_field field = 0; field < CONFIG_COUNT; field++) {
        const struct config_row *row = config_row(field);
        printf("  %s%s%s  [%s]\n      %s\n", row->flag == NULL ? "" : row->flag,
               row->flag == NULL ? "" : ", ", row->key,
               row->fallback[0] == 0 ? "none" : row->fallback, row->help);
    }
}

static bool take_value(int argc, char **argv, int *at, const char **value, struct err *err)
{
    if (*at + 1 >= argc) {
        return err_set(err, "%s needs a value: see levriero server --help", argv[*at]);
    }
    *value = argv[++*at];
    return true;
}

/* Flags beside settings; false with an empty sentence when it is none of them. */
static bool take_plain_flag(struct server *server, const char *flag)
{
    if (strcmp(flag, "--fresh") == 0 || strcmp(flag, "-f") == 0) {
        server->fresh = true;
        return true;
    }
    if (strcmp(flag, "--with-default-root-credentials") == 0) {
        server->default_root = true;
        return true;
    }
    return false;
}

/* Unset or empty: ignored, as every other variable. */
static const char *environment_path(const char *name)
{
    const char *path = getenv(name);
    return path != NULL && path[0] != 0 ? path : NULL;
}

/* Two passes: --config first, because flags win over the file. */
static bool find_config_file(struct server *server, int argc, char **argv, struct err *err)
{
    server->config_path = environment_path("LEVRIERO_CONFIG");
    if (server->config_path == NULL) {
        server->config_path = environment_path("IGGY_CONFIG_PATH");
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--config") == 0 &&
            !take_value(argc, argv, &i, &server->config_path, err)) {
            return false;
        }
    }
    return true;
}

static bool read_flags(struct server *server, int argc, char **argv, struct err *err)
{
    for (int i = 1; i < argc; i++) {
        const char *value = NULL;
        if (take_plain_flag(server, argv[i])) {
            continue;
        }
        enum config_field field = config_find_flag(argv[i]);
        bool is_provider = strcmp(argv[i], "-c") == 0 || strcmp(argv[i], "--config-provider") == 0;
        bool is_config = is_provider || strcmp(argv[i], "--config") == 0;
        if (field == CONFIG_COUNT && !is_config) {
            return err_set(err, "unknown flag %s: did you mean %s?", argv[i],
                           config_nearest_flag(argv[i]));
        }
        const char *flag = argv[i];
        if (!take_value(argc, argv, &i, &value, err)) {
            return false;
        }
        if (is_provider && strcmp(value, "file") != 0) {
            return err_set(err, "%s %s: the only provider of settings is \"file\"", flag, value);
        }
        if (!is_config && !config_set(&server->config, field, value, flag, err)) {
            return false;
        }
    }
    return true;
}

static void warn_line(const char *sentence)
{
    fprintf(stderr, "levriero: warning: %s\n", sentence);
}

static bool configure(struct server *server, int argc, char **argv, struct err *err)
{
    config_init(&server->config);
    if (!find_config_file(server, argc, argv, err)) {
        return false;
    }
    if (server->config_path != NULL &&
        !config_read_file(&server->config, server->config_path, warn_line, err)) {
        return false;
    }
    return config_read_environment(&server->config, environ, warn_line, err) &&
           read_flags(server, argc, argv, err);
}

/* ---- Start ---- */

static u32 processors_allowed(void)
{
    cpu_set_t allowed;
    int count = sched_getaffinity(0, sizeof(allowed), &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
    return u32_min((u32)count, MAILBOX_CORES_MAX);
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void warn_about_address(const char *address)
{
    bool local = strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]", 5) == 0;
    if (!local) {
        fprintf(stderr,
                "levriero: warning: %s is reachable from other machines and the connection is not "
                "encrypted: passwords travel in the clear\n",
                address);
    }
}

static void note_bound_address(struct server *server)
{
    struct settings *settings = &server->driver.settings;
    const char *asked = server->config.values[CONFIG_tcp_address].text;
    const char *colon = strrchr(asked, ':');
    check(colon != NULL);
    str_format(server->address, sizeof(server->address), "%.*s:%u", (int)(colon - asked), asked,
               server->port);
    /* Clients put the brackets of an IPv6 address themselves. */
    bool has_brackets = asked[0] == '[' && colon[-1] == ']';
    int host_bytes = (int)(colon - asked) - (has_brackets ? 2 : 0);
    str_format(settings->tcp_address, sizeof(settings->tcp_address), "%.*s", host_bytes,
               asked + (has_brackets ? 1 : 0));
    settings->tcp_port = server->port;
}

/* A start that is refused changes nothing: --fresh removes what is there when the port is ours. */
static bool open_data_and_port(struct server *server, struct err *err)
{
    const struct config_value *values = server->config.values;
    const char *path = values[CONFIG_data].text;
    return lock_data_directory(path, &server->lock, err) &&
           io_listen(values[CONFIG_tcp_address].text, &server->driver.listener, &server->port,
                     err) &&
           (!server->fresh || lock_empty_directory(path, err));
}

static bool start(struct server *server, struct err *err)
{
    struct driver *driver = &server->driver;
    const struct config_value *values = server->config.values;
    u32 cores = (u32)values[CONFIG_cores].number;
    config_to_settings(&server->config, &driver->settings);
    driver->pin = values[CONFIG_pin].number != 0 && cores <= processors_allowed();
    raise_descriptor_limit();
    if (!plan_make(&driver->plan, values[CONFIG_memory].number,
                   cores == 0 ? processors_allowed() : cores, err) ||
        !root_choose(&driver->settings, server->default_root, &server->generated_root, err) ||
        !open_data_and_port(server, err) ||
        !data_key_take(&server->config, &driver->settings, err)) {
        return false;
    }
    note_bound_address(server);
    warn_about_address(server->address);
    u64 seed = 0;
    if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed) ||
        getrandom(&driver->settings.boot_seed, sizeof(u64), 0) != sizeof(u64)) {
        return err_set(err, "the system has no random numbers: getrandom failed");
    }
    char path[4096];
    if (realpath(values[CONFIG_data].text, path) == NULL) {
        return err_set(err, "%s: %s", values[CONFIG_data].text, strerror(errno));
    }
    return driver_create(driver, path, (enum event_level)values[CONFIG_log_level].number, seed,
                         err);
}

/* ---- Lines ---- */

static void write_event(struct offload *offload, const struct event *event)
{
    struct tm parts;
    time_t seconds = (time_t)(event->wall_us / US_PER_SECOND);
    char when[32];
    gmtime_r(&seconds, &parts);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &parts);
    if (event->dropped > 0) {
        fprintf(stderr, "%s.%06uZ warn  core=%u events.dropped count=%llu\n", when,
                (u32)(event->wall_us % US_PER_SECOND), event->core,
                (unsigned long long)event->dropped);
    }
    char line[EVENT_TEXT_BYTES + 64];
    (void)str_format(line, sizeof(line), "%s.%06uZ %-5s core=%u %s\n", when,
                     (u32)(event->wall_us % US_PER_SECOND),
                     event_level_name((enum event_level)event->level), event->core, event->text);
    fputs(line, stderr);
    offload_note_line(offload, span_of(line));
}

/* A pipe that nobody reads is full one day, and a write to it never ends: then the lines stay in
 * their rings, where those that find no room are counted. A pipe that is ready takes a page, more
 * than two lines. */
static bool errors_are_taken(void)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) == 1;
}

static void write_events(struct driver *driver)
{
    static_assert(2 * (EVENT_TEXT_BYTES + 128) <= 4096, "lines that fit into a ready pipe");
    struct event event;
    for (u32 i = 0; i < driver->plan.cores_count; i++) {
        while (errors_are_taken() && event_next(&driver->cores[i].events, &event)) {
            write_event(driver->offload, &event);
        }
    }
}

/* A sentence about the process itself: dropped when nobody reads. */
static void say(const char *sentence)
{
    if (errors_are_taken()) {
        fprintf(stderr, "levriero: %s\n", sentence);
    }
}

/* DATA/runtime/current_config.toml: written when the port is bound and served, mode 0600. */
static void write_current_config(const struct server *server)
{
    static const char *const name = "current_config.toml";
    char text[CONFIG_FILE_BYTES];
    char directory[4096];
    char path[4200];
    char partial[4200];
    config_describe(&server->config, server->address, text, sizeof(text));
    str_format(directory, sizeof(directory), "%s/runtime", server->config.values[CONFIG_data].text);
    str_format(path, sizeof(path), "%s/%s", directory, name);
    str_format(partial, sizeof(partial), "%s/.%s", directory, name);
    (void)mkdir(directory, 0700);
    int fd = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0) {
        close(fd);
    }
    if (!written || rename(partial, path) != 0) {
        fprintf(stderr, "levriero: warning: %s cannot be written: %s\n", path, strerror(errno));
    }
}

static void say_ready(const struct server *server)
{
    u64 took_us = io_monotonic_us() - server->started_us;
    write_current_config(server);
    fprintf(stderr, "levriero: listening on %s, ready after %llu.%llu ms\n", server->address,
            (unsigned long long)(took_us / 1000), (unsigned long long)(took_us % 1000 / 100));
    notify_service("READY=1");
}

static void say_plan(const struct driver *driver)
{
    char text[2048];
    plan_describe(&driver->plan, text, sizeof(text));
    fprintf(stderr, "%s", text);
    if (driver->settings.durability != DURABILITY_SYNC) {
        fprintf(stderr,
                "levriero: warning: durability is %s: what is acknowledged may be lost in "
                "a power cut\n",
                driver->settings.durability == DURABILITY_OS ? "os" : "memory");
    }
}

/* ---- Until the end ---- */

static int block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    check(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    signal(SIGPIPE, SIG_IGN);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    check(fd >= 0);
    return fd;
}

/* True when the process must end at once: a second signal. */
static bool on_signal(struct server *server, int signals)
{
    struct signalfd_siginfo info;
    while (read(signals, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGHUP) {
            continue; /* nothing is read again yet */
        }
        if (server->stop_began_us != 0) {
            if (io_monotonic_us() - server->stop_began_us < SAME_WISH_US) {
                continue;
            }
            return true;
        }
        server->stop_began_us = io_monotonic_us();
        say("stopping");
        notify_service("STOPPING=1");
        driver_stop(&server->driver);
    }
    return false;
}

static int poll_timeout_ms(const struct server *server)
{
    if (server->stop_began_us == 0) {
        return -1;
    }
    u64 spent_ms = (io_monotonic_us() - server->stop_began_us) / US_PER_MS;
    return spent_ms >= STOP_MS_MAX ? 0 : (int)(STOP_MS_MAX - spent_ms);
}

/* The exit code. */
static int watch(struct server *server, int signals)
{
    struct driver *driver = &server->driver;
    bool was_ready = false;
    for (;;) {
        struct pollfd fds[2] = {{.fd = signals, .events = POLLIN},
                                {.fd = driver->bell, .events = POLLIN}};
        int timeout_ms = poll_timeout_ms(server);
        (void)poll(fds, 2, timeout_ms);
        u64 rings = 0;
        ssize_t got = read(driver->bell, &rings, sizeof(rings));
        (void)got;
        write_events(driver);
        if (gauge_get(&driver->failed) != 0) {
            say(driver->failure.text);
            return EXIT_FAILURE;
        }
        if (!was_ready && gauge_get(&driver->ready) != 0) {
            was_ready = true;
            say_ready(server);
        }
        if (server->generated_root && gauge_get(&driver->root_set) != 0) {
            server->generated_root = false;
            printf("Generated root user password: %s\n", driver->settings.root_password);
            fflush(stdout);
        }
        if (gauge_get(&driver->drained) != 0 && server->stop_began_us != 0) {
            return EXIT_SUCCESS;
        }
        if (on_signal(server, signals) || timeout_ms == 0) {
            say("ended before everything was drained");
            _exit(EXIT_FAILURE);
        }
    }
}

/* One per process, for the story of a failed check; everything else is handed down. */
static struct server the_server;

static void print_recorders(void)
{
    for (u32 i = 0; i < the_server.driver.plan.cores_count; i++) {
        struct thread *thread = the_server.driver.cores[i].thread;
        if (thread != NULL) {
            char title[32];
            str_format(title, sizeof(title), "core %u", i);
            recorder_print(&thread_core(thread)->recorder, title);
        }
    }
}

int server_main(int argc, char **argv)
{
    struct server *server = &the_server;
    struct err err = {0};
    server->started_us = io_monotonic_us();
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help();
            return EXIT_SUCCESS;
        }
    }
    int signals = block_signals();
    if (!configure(server, argc, argv, &err)) {
        fprintf(stderr, "levriero: %s\n", err.text);
        return EXIT_USAGE;
    }
    if (!start(server, &err)) {
        fprintf(stderr, "levriero: %s\n", err.text);
        return EXIT_FAILURE;
    }
    check_set_story(print_recorders);
    say_plan(&server->driver);
    driver_start(&server->driver);
    int code = watch(server, signals);
    driver_join(&server->driver);
    write_events(&server->driver);
    check_set_story(NULL);
    driver_destroy(&server->driver);
    say("stopped");
    return code;
}
