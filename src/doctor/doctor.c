#include "doctor/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor/doctor_parts.h"

#define EXIT_LOOK 1
#define EXIT_USAGE 2

/* Tables as large as any --memory makes them: a start with less may refuse what is shown here. */
#define PLAN_BYTES (1024 * MIB)

struct options {
    const char *path;
    bool json;
};

static void print_help(void)
{
    printf("levriero doctor: explains a data directory; reads everything, writes nothing.\n\n"
           "    levriero doctor --data DIR [--json]\n\n"
           "The server must be stopped: doctor takes a shared lock on the directory, so that none\n"
           "starts meanwhile. Every message is read and verified, at the speed of the disk.\n\n"
           "It tells of the control log (both sides: how far each is valid, where it is broken, "
           "which\n"
           "wins, what the next start heals), of streams, topics and partitions, of every segment\n"
           "file (header, life, units, batches, offsets, bytes, space written ahead), of damage "
           "(file,\n"
           "bytes, offsets, and what the next start makes of it), of indexes, recovery points, "
           "stored\n"
           "offsets, cut tails (.cut), trash, and files that are not ours. What will happen is "
           "judged\n"
           "by the code that a start runs.\n\n"
           "  --data DIR   the data directory (also LEVRIERO_SYSTEM_PATH)\n"
           "  --json       one object a line: {\"about\":..., \"level\":\"fact|note|problem\", "
           "\"text\":...}\n"
           "  --help\n\n"
           "Sentences that begin with ! are problems: damage, or a refusal to start. Those that "
           "begin\n"
           "with - are notes: nothing is to be done about them.\n\n"
           "Exit code: 0 healthy; 1 there is a problem, or the directory cannot be looked at (a "
           "server\n"
           "holds it, no right to read); 2 the command line is wrong.\n\n"
           "A torn last write at level sync is a note: no answered message lies there unless the\n"
           "device lost it, and the next start moves it aside. At levels os and memory it is a\n"
           "problem: answered messages may be lost with it.\n");
}

static bool parse(int argc, char **argv, struct options *options, struct err *err)
{
    options->path = getenv("LEVRIERO_SYSTEM_PATH");
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            options->json = true;
        } else if (strcmp(argv[i], "--data") == 0 && i + 1 < argc) {
            options->path = argv[++i];
        } else if (strcmp(argv[i], "--data") == 0) {
            return err_set(err, "--data needs a value");
        } else {
            return err_set(err, "doctor does not know %s: see levriero doctor --help", argv[i]);
        }
    }
    if (options->path == NULL || options->path[0] == 0) {
        return err_set(err, "which data directory? levriero doctor --data DIR");
    }
    return true;
}

static bool exists(int root, const char *name)
{
    struct stat facts;
    return fstatat(root, name, &facts, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A shared lock, through a descriptor that cannot write: servers take an exclusive one. */
static bool lock(const char *path, int root, int *fd, struct err *err)
{
    *fd = openat(root, "lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (*fd < 0) {
        return errno == ENOENT ||
               err_set(err, "%s/lock: cannot be opened: %s", path, strerror(errno));
    }
    if (flock(*fd, LOCK_SH | LOCK_NB) != 0) {
        return err_set(err,
                       "%s: a server uses this data directory. Stop it first: what it is writing "
                       "cannot be judged meanwhile",
                       path);
    }
    return true;
}

static bool open_root(const char *path, int *root, struct err *err)
{
    *root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*root < 0) {
        return err_set(err, "%s: cannot be opened: %s", path, strerror(errno));
    }
    if (exists(*root, "state/log")) {
        return err_set(err,
                       "%s: is a data directory of Apache Iggy, whose files this program cannot "
                       "read",
                       path);
    }
    if (!exists(*root, "control") && !exists(*root, "streams") && !exists(*root, "lock")) {
        return err_set(err, "%s: is no data directory: it holds neither control/ nor streams/",
                       path);
    }
    return true;
}

u8 *doctor_room(struct doctor *doctor, u32 bytes)
{
    if (bytes > doctor->room_bytes) {
        doctor->room = mem_resize(doctor->room, bytes);
        doctor->room_bytes = bytes;
    }
    return doctor->room;
}

static bool doctor_init(struct doctor *doctor, const struct options *options, struct err *err)
{
    *doctor = (struct doctor){.path = options->path};
    findings_init(&doctor->findings, stdout, options->json);
    if (!plan_make(&doctor->plan, PLAN_BYTES, 1, err)) {
        return false;
    }
    struct state_options state_options = doctor_state_options(&doctor->plan);
    if (!arena_create(&doctor->arena, state_bytes(&state_options) + MIB)) {
        return err_set(err, "there is no memory for the tables of the control log");
    }
    doctor->state = state_create(&doctor->arena, &state_options);
    event_log_init(&doctor->events, doctor->event_items, DOCTOR_EVENTS, 0, EVENT_ERROR);
    doctor->core = (struct core){.cores_count = 1, .events = &doctor->events};
    doctor->partitions = mem_take(sizeof(*doctor->partitions) * state_options.partitions_max);
    return true;
}

static void doctor_deinit(struct doctor *doctor)
{
    mem_return(doctor->partitions);
    mem_return(doctor->offsets);
    mem_return(doctor->room);
    if (doctor->arena.base != NULL) {
        arena_destroy(&doctor->arena);
    }
}

static void say_all(struct doctor *doctor)
{
    struct findings *findings = &doctor->findings;
    doctor_control(doctor);
    doctor_records(doctor);
    doctor_streams(doctor);
    doctor_rest(doctor);
    findings_title(findings, "Verdict");
    find_fact(
        findings, "Partitions: %llu, segments: %llu, messages that verify: %llu, bytes: %llu.",
        (unsigned long long)doctor->partitions_count, (unsigned long long)doctor->segments_count,
        (unsigned long long)doctor->messages_count, (unsigned long long)doctor->bytes_count);
    u32 problems_count = findings->problems_count;
    if (problems_count == 0) {
        find_fact(findings, "Healthy.");
    } else {
        find_problem(findings, "%u problem%s, marked with an exclamation mark above.",
                     problems_count, problems_count == 1 ? "" : "s");
    }
}

static bool examine(const struct options *options, int *code, struct err *err)
{
    struct doctor *doctor = mem_take(sizeof(*doctor));
    int root = -1;
    int lock_fd = -1;
    bool good = open_root(options->path, &root, err);
    if (good && lock(options->path, root, &lock_fd, err) && doctor_init(doctor, options, err)) {
        doctor->root = root;
        say_all(doctor);
        *code = doctor->findings.problems_count == 0 ? EXIT_SUCCESS : EXIT_LOOK;
    } else {
        good = false;
    }
    doctor_deinit(doctor);
    if (lock_fd >= 0) {
        (void)close(lock_fd);
    }
    if (root >= 0) {
        (void)close(root);
    }
    mem_return(doctor);
    return good;
}

int doctor_main(int argc, char **argv)
{
    struct options options = {0};
    struct err err = {0};
    int code = EXIT_LOOK;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help();
            return EXIT_SUCCESS;
        }
    }
    if (!parse(argc, argv, &options, &err)) {
        (void)fprintf(stderr, "levriero: %s\n", err.text);
        return EXIT_USAGE;
    }
    if (!examine(&options, &code, &err)) {
        (void)fprintf(stderr, "levriero: %s\n", err.text);
        return EXIT_LOOK;
    }
    if (fflush(stdout) != 0) {
        (void)fprintf(stderr, "levriero: what doctor found cannot be written: %s\n",
                      strerror(errno));
        return EXIT_LOOK;
    }
    return code;
}
