#include "sim/shrink.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"

#define SECONDS_MAX 120u

static void run_in_child(const struct seed_options *options, int out, bool quiet)
{
    struct seed_result result;
    (void)alarm(SECONDS_MAX);
    if (quiet && freopen("/dev/null", "w", stderr) == NULL) {
        _exit(3);
    }
    seed_run(options, &result);
    ssize_t written = write(out, &result, sizeof(result));
    _exit(written == (ssize_t)sizeof(result) ? 0 : 3);
}

struct seed_ending seed_run_apart(const struct seed_options *options, bool quiet)
{
    struct seed_ending ending = {.ending = ENDING_ABORT};
    int ends[2];
    check(pipe(ends) == 0);
    (void)fflush(stdout);
    (void)fflush(stderr);
    pid_t child = fork();
    check(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        run_in_child(options, ends[1], quiet);
    }
    (void)close(ends[1]);
    ssize_t got = read(ends[0], &ending.result, sizeof(ending.result));
    (void)close(ends[0]);
    int status = 0;
    check(waitpid(child, &status, 0) == child);
    ending.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (ending.signal == SIGALRM) {
        ending.ending = ENDING_HANG;
    } else if (got == (ssize_t)sizeof(ending.result)) {
        ending.ending = ending.result.verdict.failed ? ENDING_VERDICT : ENDING_OK;
    }
    return ending;
}

static bool fails_alike(const struct seed_options *options, const struct seed_ending *wanted)
{
    struct seed_ending ending = seed_run_apart(options, true);
    return ending.ending == wanted->ending &&
           (ending.ending != ENDING_VERDICT ||
            ending.result.verdict.checker == wanted->result.verdict.checker);
}

static bool keep_if_failing(struct seed_options *options, const struct seed_options *smaller,
                            const struct seed_ending *ending, const char *what)
{
    bool fails = fails_alike(smaller, ending);
    printf("shrink: %s: %s\n", what, fails ? "still fails" : "passes, kept");
    (void)fflush(stdout);
    if (fails) {
        *options = *smaller;
    }
    return fails;
}

static void shrink_faults(struct seed_options *options, const struct seed_ending *ending)
{
    for (u32 i = 0; i < ARMED_COUNT; i++) {
        struct seed_options smaller = *options;
        smaller.disarmed |= 1u << i;
        if ((ending->result.armed >> i & 1) != 0 || ending->ending != ENDING_VERDICT) {
            char what[64];
            (void)snprintf(what, sizeof(what), "without %s", armed_name((enum armed)i));
            (void)keep_if_failing(options, &smaller, ending, what);
        }
    }
}

static void shrink_number(struct seed_options *options, const struct seed_ending *ending,
                          u64 *number, const char *name)
{
    while (*number > 1) {
        u64 before = *number;
        char what[64];
        struct seed_options kept = *options;
        *number = before - before / 2;
        (void)snprintf(what, sizeof(what), "%s %llu", name, (unsigned long long)*number);
        struct seed_options smaller = *options;
        *options = kept;
        if (before == 1 || smaller.operations_max == kept.operations_max ||
            !keep_if_failing(options, &smaller, ending, what)) {
            return;
        }
    }
}

void shrink(struct seed_options *options, const struct seed_ending *ending)
{
    shrink_faults(options, ending);
    for (u32 actors = 1; actors < 4; actors++) {
        struct seed_options smaller = *options;
        char what[64];
        smaller.actors_max = actors;
        (void)snprintf(what, sizeof(what), "%u clients", actors);
        if (keep_if_failing(options, &smaller, ending, what)) {
            break;
        }
    }
    for (u32 crashes = 1; crashes < 3; crashes++) {
        struct seed_options smaller = *options;
        char what[64];
        smaller.crashes_max = crashes;
        (void)snprintf(what, sizeof(what), "%u ends of the server", crashes);
        if (keep_if_failing(options, &smaller, ending, what)) {
            break;
        }
    }
    options->operations_max = options->operations_max == 0 ? 4096 : options->operations_max;
    shrink_number(options, ending, &options->operations_max, "operations");
}
