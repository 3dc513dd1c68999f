/* levriero_sim: runs seeds, prints what each did, and the command that replays a failure.
 *
 *     levriero_sim --seed 42 [--trace] [--log] [--bug NAME] [--shrink]
 *     levriero_sim --seeds 1..300 [--bug NAME] [--until-caught CHECKS]
 *
 * Every seed runs in a process of its own. Every twentieth runs twice and must leave the same trace
 * hash. The last line is `N passed, N failed`; the exit status is 0 when none failed. Before it
 * come the commands to which no client was answered in all of these seeds.
 * --until-caught stops at the first seed that one of the named checks fails: for seeded bugs. */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "sim/bugs.h"
#include "sim/shrink.h"
#include "wire/command.h"

struct arguments {
    struct seed_options options;
    u64 first;
    u64 last;
    bool shrinks;
    const char *until_caught; /* names of checks, separated by |; NULL: all seeds run */
    bool caught;              /* the last seed failed by one of them */
    u64 commands_answered;    /* bits 1 << enum command: in any seed */
    bool brief;
};

static const char *const level_names[] = {"sync", "os", "memory"};

static void print_counts(u64 seed, const struct seed_result *result)
{
    printf("seed %" PRIu64 ": %u cores, %u clients, %s; operations %" PRIu64 " (lost %" PRIu64
           ", refused %" PRIu64 "), messages %" PRIu64 ", virtual seconds %" PRIu64,
           seed, result->cores, result->actors, level_names[result->level], result->operations,
           result->operations_lost, result->operations_failed, result->messages,
           (u64)(result->virtual_us / US_PER_SECOND));
    printf(", crashes %" PRIu64 ", kills %" PRIu64, result->counts.crashes, result->counts.kills);
    for (u32 i = 0; i < ARMED_COUNT; i++) {
        if ((result->armed >> i & 1) != 0) {
            printf(", %s %" PRIu64, armed_name((enum armed)i),
                   armed_happened(&result->counts, (enum armed)i));
        }
    }
    printf(", hash %016" PRIx64 "\n", result->trace_hash);
}

static void print_failure(u64 seed, const struct seed_ending *ending)
{
    switch (ending->ending) {
    case ENDING_OK: return;
    case ENDING_VERDICT:
        printf("seed %" PRIu64 ": %s: %s\n", seed, checker_name(ending->result.verdict.checker),
               ending->result.verdict.story);
        break;
    case ENDING_ABORT:
        printf("seed %" PRIu64 ": failed_check: the process ended itself by signal %d\n", seed,
               ending->signal);
        break;
    case ENDING_HANG: printf("seed %" PRIu64 ": hang: the run did not end in time\n", seed); break;
    }
    printf("replay: make sim SEED=%" PRIu64 "\n", seed);
}

/* One seed in twenty proves that nothing but the seed decides. */
static bool repeats(const struct seed_options *options, const struct seed_ending *first)
{
    if (options->seed % 20 != 0 || first->ending != ENDING_OK) {
        return true;
    }
    struct seed_ending second = seed_run_apart(options, false);
    if (second.ending == ENDING_OK && second.result.trace_hash == first->result.trace_hash) {
        return true;
    }
    printf("seed %" PRIu64 ": not_repeatable: hash %016" PRIx64 ", then %016" PRIx64 "\n",
           options->seed, first->result.trace_hash, second.result.trace_hash);
    printf("replay: make sim SEED=%" PRIu64 "\n", options->seed);
    return false;
}

static void shrink_and_print(const struct arguments *arguments, const struct seed_ending *ending)
{
    struct seed_options options = arguments->options;
    shrink(&options, ending);
    printf("shrunk: --seed %" PRIu64 " --clients %u --operations %" PRIu64
           " --ends %u --disarm %u\n",
           options.seed, options.actors_max, options.operations_max, options.crashes_max,
           options.disarmed);
    options.prints = true;
    struct seed_ending last = seed_run_apart(&options, false);
    print_failure(options.seed, &last);
}

/* Is `name` one of `names`, which | separates? */
static bool names_hold(const char *names, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = strstr(names, name); at != NULL; at = strstr(at + 1, name)) {
        bool begins = at == names || at[-1] == '|';
        if (begins && (at[size] == 0 || at[size] == '|')) {
            return true;
        }
    }
    return false;
}

static bool run_one(struct arguments *arguments, u64 seed)
{
    arguments->options.seed = seed;
    struct seed_ending ending =
        seed_run_apart(&arguments->options, arguments->until_caught != NULL);
    if (ending.ending == ENDING_OK || ending.ending == ENDING_VERDICT) {
        arguments->commands_answered |= ending.result.counts.commands_answered;
        if (!arguments->brief) {
            print_counts(seed, &ending.result);
        }
    }
    print_failure(seed, &ending);
    if (ending.ending != ENDING_OK && arguments->shrinks) {
        shrink_and_print(arguments, &ending);
    }
    arguments->caught =
        arguments->until_caught != NULL && ending.ending == ENDING_VERDICT &&
        names_hold(arguments->until_caught, checker_name(ending.result.verdict.checker));
    bool passed = ending.ending == ENDING_OK && repeats(&arguments->options, &ending);
    (void)fflush(stdout);
    return passed;
}

/* So that nobody takes for covered what was never asked. */
static void print_unanswered(u64 commands_answered)
{
    for (u32 i = 0; i < COMMAND_COUNT; i++) {
        if ((commands_answered >> i & 1) == 0) {
            printf("never answered: %s\n", command_row((enum command)i)->name);
        }
    }
}

static int usage(void)
{
    fprintf(stderr, "levriero_sim --seed N | --seeds A..B [--trace] [--log] [--brief] [--shrink]\n"
                    "             [--bug NAME] [--until-caught CHECKS] [--clients N] [--operations "
                    "N] [--ends N]\n"
                    "             [--disarm BITS] [--story PATH]\nbugs:");
    for (u32 i = 0; i < BUG_COUNT; i++) {
        fprintf(stderr, " %s", bug_name((enum bug)i));
    }
    fprintf(stderr, "\n");
    return 2;
}

static bool parse_range(const char *text, u64 *first, u64 *last)
{
    char from[32];
    const char *dots = strstr(text, "..");
    if (dots == NULL || (size_t)(dots - text) >= sizeof(from)) {
        return false;
    }
    memcpy(from, text, (size_t)(dots - text));
    from[dots - text] = 0;
    return str_to_u64(from, first) && str_to_u64(dots + 2, last) && *first <= *last;
}

static bool parse_flag(struct arguments *arguments, const char *flag)
{
    bool *const flags[] = {&arguments->options.traces, &arguments->options.prints,
                           &arguments->brief, &arguments->shrinks};
    static const char *const names[] = {"--trace", "--log", "--brief", "--shrink"};
    for (u32 i = 0; i < array_count(names); i++) {
        if (strcmp(flag, names[i]) == 0) {
            *flags[i] = true;
            return true;
        }
    }
    return false;
}

static bool parse_value(struct arguments *arguments, const char *name, const char *value)
{
    u64 number = 0;
    if (strcmp(name, "--story") == 0) {
        return str_format(arguments->options.story, sizeof(arguments->options.story), "%s", value);
    }
    if (strcmp(name, "--bug") == 0) {
        return bug_switch_on(value);
    }
    if (strcmp(name, "--until-caught") == 0) {
        arguments->until_caught = value;
        return true;
    }
    if (strcmp(name, "--seeds") == 0) {
        return parse_range(value, &arguments->first, &arguments->last);
    }
    if (!str_to_u64(value, &number)) {
        return false;
    }
    if (strcmp(name, "--seed") == 0) {
        arguments->first = number;
        arguments->last = number;
    } else if (strcmp(name, "--clients") == 0) {
        arguments->options.actors_max = (u32)number;
    } else if (strcmp(name, "--operations") == 0) {
        arguments->options.operations_max = number;
    } else if (strcmp(name, "--ends") == 0) {
        arguments->options.crashes_max = (u32)number;
    } else if (strcmp(name, "--disarm") == 0) {
        arguments->options.disarmed = (u32)number;
    } else {
        return false;
    }
    return true;
}

/* What is freed stays ours: a page that comes anew from the kernel costs more than all that a run
 * does with it. */
static void keep_memory(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, 32 << 20); /* under a sanitizer these do nothing */
    (void)mallopt(M_TRIM_THRESHOLD, 1 << 30);
    (void)mallopt(M_TOP_PAD, 16 << 20);
}

int main(int count, char **texts)
{
    keep_memory();
    struct arguments arguments = {.first = UINT64_MAX};
    for (int i = 1; i < count; i++) {
        if (parse_flag(&arguments, texts[i])) {
            continue;
        }
        if (i + 1 == count || !parse_value(&arguments, texts[i], texts[i + 1])) {
            return usage();
        }
        i++;
    }
    if (arguments.first == UINT64_MAX) {
        return usage();
    }
    u64 passed = 0;
    u64 failed = 0;
    for (u64 seed = arguments.first; seed <= arguments.last; seed++) {
        bool ok = run_one(&arguments, seed);
        passed += ok ? 1 : 0;
        failed += ok ? 0 : 1;
        if (!ok && arguments.caught) {
            break;
        }
    }
    if (arguments.first != arguments.last) {
        print_unanswered(arguments.commands_answered);
    }
    printf("%" PRIu64 " passed, %" PRIu64 " failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
