#include "node/root.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "io/io_uring_driver.h"
#include "node/config.h"
#include "node/driver.h"
#include "node/lock.h"

#define EXIT_USAGE 2
#define GENERATED_BYTES 24u

static bool random_password(char *text, u32 size)
{
    static const char letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    u8 bytes[64];
    check(size < sizeof(bytes));
    if (getrandom(bytes, size, 0) != (ssize_t)size) {
        return false;
    }
    for (u32 i = 0; i < size; i++) {
        text[i] = letters[bytes[i] % (sizeof(letters) - 1)];
    }
    text[size] = 0;
    return true;
}

static bool generate(struct settings *settings, struct err *err)
{
    str_format(settings->root_username, sizeof(settings->root_username), "iggy");
    if (!random_password(settings->root_password, GENERATED_BYTES)) {
        return err_set(err, "the system has no random numbers: getrandom failed");
    }
    return true;
}

static void take_defaults(struct settings *settings)
{
    if (settings->root_username[0] == 0) {
        str_format(settings->root_username, sizeof(settings->root_username), "iggy");
    }
    if (settings->root_password[0] == 0) {
        str_format(settings->root_password, sizeof(settings->root_password), "iggy");
    }
}

bool root_choose(struct settings *settings, bool default_root, bool *generated, struct err *err)
{
    if (default_root) {
        take_defaults(settings);
    }
    size_t name_size = strlen(settings->root_username);
    size_t password_size = strlen(settings->root_password);
    if ((name_size == 0) != (password_size == 0)) {
        return err_set(err, "root.username and root.password go together: set both "
                            "(LEVRIERO_ROOT_USERNAME, LEVRIERO_ROOT_PASSWORD) or neither");
    }
    *generated = name_size == 0;
    if (*generated) {
        return generate(settings, err);
    }
    if (name_size < 3 || name_size > 50 || password_size < 3 || password_size > 100) {
        return err_set(err,
                       "a user name has 3 to 50 bytes and a password 3 to 100: root.username "
                       "has %zu, root.password %zu",
                       name_size, password_size);
    }
    return true;
}

/* ---- levriero user reset-root ---- */

static const char help[] =
    "levriero user reset-root: gives the root user another password, while no server runs.\n\n"
    "    levriero user reset-root --data DIR [--username NAME]\n"
    "    LEVRIERO_ROOT_PASSWORD=... levriero user reset-root --data DIR\n\n"
    "The password is taken from LEVRIERO_ROOT_PASSWORD; without it one is made and printed once,\n"
    "when it holds. It is durable on both sides of the control log before anything is said: "
    "killed\n"
    "at any moment, the old password holds or the new one. Sessions and messages are not touched;\n"
    "partitions are opened as at any start, so a directory that a server refuses is refused "
    "here.\n\n"
    "  --data DIR       the data directory\n"
    "  --username NAME  refuse unless the root user has this name\n"
    "  --help\n\n"
    "Exit code: 0 done; 1 refused, the old password holds; 2 the command line is wrong.\n";

struct reset_line {
    const char *data;
    const char *username; /* or NULL */
    bool help;
};

static bool read_line(int argc, char **argv, struct reset_line *line)
{
    *line = (struct reset_line){0};
    for (int i = 2; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            line->help = true;
            return true;
        }
        if (strcmp(argv[i], "--data") == 0 && has_value) {
            line->data = argv[++i];
        } else if (strcmp(argv[i], "--username") == 0 && has_value) {
            line->username = argv[++i];
        } else {
            return false;
        }
    }
    return line->data != NULL;
}

/* The password that root gets, into settings. */
static bool choose_password(struct settings *settings, bool *generated, struct err *err)
{
    const char *given = getenv("LEVRIERO_ROOT_PASSWORD");
    *generated = given == NULL || given[0] == 0;
    settings->root_reset = true;
    if (*generated) {
        return generate(settings, err);
    }
    size_t size = strlen(given);
    if (size < 3 || size > 100) {
        return err_set(err, "a password has 3 to 100 bytes: LEVRIERO_ROOT_PASSWORD has %zu", size);
    }
    str_format(settings->root_username, sizeof(settings->root_username), "iggy");
    str_format(settings->root_password, sizeof(settings->root_password), "%s", given);
    return true;
}

static bool choose_name(struct settings *settings, const char *username, struct err *err)
{
    settings->root_is_named = username != NULL;
    if (username == NULL ||
        str_format(settings->root_username, sizeof(settings->root_username), "%s", username)) {
        return true;
    }
    return err_set(err, "no user has a name as long as that of --username");
}

/* Room for the tables of any server. It is address space: what is there is what is touched. */
#define RESET_MEMORY_BYTES GIB

/* One core of the server, that nobody can reach, over the data directory. */
static bool make_driver(struct driver *driver, const char *data, struct err *err)
{
    char path[4096];
    char control[4200];
    struct stat facts;
    int lock = -1;
    u64 seed = 0;
    driver->listener = IO_SOCKET_NONE;
    str_format(control, sizeof(control), "%s/control", data);
    if (stat(control, &facts) != 0 || realpath(data, path) == NULL) {
        return err_set(err, "%s: no server was ever started there", data);
    }
    if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) {
        return err_set(err, "the system has no random numbers: getrandom failed");
    }
    return plan_make(&driver->plan, RESET_MEMORY_BYTES, 1, err) &&
           lock_data_directory(data, &lock, err) &&
           driver_create(driver, path, EVENT_ERROR, seed, err);
}

/* Until the password is durable and all is drained; false when the start failed. */
static bool run_driver(struct driver *driver)
{
    bool stops = false;
    driver_start(driver);
    for (;;) {
        struct pollfd bell = {.fd = driver->bell, .events = POLLIN};
        (void)poll(&bell, 1, -1);
        u64 rings = 0;
        ssize_t got = read(driver->bell, &rings, sizeof(rings));
        (void)got;
        if (gauge_get(&driver->failed) != 0) {
            return false;
        }
        if (!stops && gauge_get(&driver->root_set) != 0) {
            stops = true;
            driver_stop(driver);
        }
        if (stops && gauge_get(&driver->drained) != 0) {
            return true;
        }
    }
}

static bool reset(struct driver *driver, const struct reset_line *line, struct err *err)
{
    struct config config;
    bool generated = false;
    config_init(&config);
    config_to_settings(&config, &driver->settings);
    if (!choose_password(&driver->settings, &generated, err) ||
        !choose_name(&driver->settings, line->username, err) ||
        !make_driver(driver, line->data, err)) {
        return false;
    }
    bool done = run_driver(driver);
    driver_join(driver);
    *err = driver->failure;
    if (done && generated) {
        printf("New root user password: %s\n", driver->settings.root_password);
    } else if (done) {
        printf("The root user has the password of LEVRIERO_ROOT_PASSWORD now.\n");
    }
    driver_destroy(driver);
    return done;
}

int root_reset_main(int argc, char **argv)
{
    struct reset_line line;
    if (!read_line(argc, argv, &line)) {
        (void)fprintf(stderr, "%s", help);
        return EXIT_USAGE;
    }
    if (line.help) {
        printf("%s", help);
        return EXIT_SUCCESS;
    }
    struct err err = {0};
    struct driver *driver = mem_take(sizeof(*driver));
    bool done = reset(driver, &line, &err);
    mem_return(driver);
    if (!done) {
        (void)fprintf(stderr, "levriero: %s\n", err.text);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
