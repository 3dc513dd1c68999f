#include "bench/bench_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/quantity.h"
#include "bench/key_draw.h"

#define ACTORS_MAX 4096u
#define BATCH_BYTES_MAX (60 * MIB)
#define FACTOR_MAX 1000u

static const struct bench_kind_row kinds[BENCH_KIND_COUNT] = {
    [BENCH_PINNED_PRODUCER] = {"pinned-producer", "pp", "pinned_producer", 0, 1, false, true, false,
                               false, false},
    [BENCH_PINNED_CONSUMER] = {"pinned-consumer", "pc", "pinned_consumer", 0, 1, false, false, true,
                               false, false},
    [BENCH_PINNED_PRODUCER_AND_CONSUMER] = {"pinned-producer-and-consumer", "ppc",
                                            "pinned_producer_and_consumer", 0, 1, true, true, true,
                                            false, false},
    [BENCH_BALANCED_PRODUCER] = {"balanced-producer", "bp", "balanced_producer", 1, 24, true, true,
                                 false, false, false},
    [BENCH_BALANCED_CONSUMER_GROUP] = {"balanced-consumer-group", "bcg", "balanced_consumer_group",
                                       1, 1, false, false, true, true, false},
    [BENCH_BALANCED_PRODUCER_AND_CONSUMER_GROUP] = {"balanced-producer-and-consumer-group", "bpcg",
                                                    "balanced_producer_and_consumer_group", 1, 24,
                                                    true, true, true, true, false},
    [BENCH_END_TO_END_PRODUCING_CONSUMER] = {"end-to-end-producing-consumer", "e2e",
                                             "end_to_end_producing_consumer", 0, 1, false, true,
                                             true, false, true},
    [BENCH_END_TO_END_PRODUCING_CONSUMER_GROUP] = {"end-to-end-producing-consumer-group", "e2ecg",
                                                   "end_to_end_producing_consumer_group", 1, 24,
                                                   true, true, true, true, true},
};

const struct bench_kind_row *bench_kind_row(enum bench_kind kind)
{
    return &kinds[kind];
}

/* ---- The options, by the section they belong to ---- */

enum section {
    SECTION_GLOBAL = 1,
    SECTION_KIND = 2,
    SECTION_TCP = 4,
    SECTION_OUTPUT = 8,
};

enum value_kind {
    VALUE_TEXT,
    VALUE_COUNT,
    VALUE_NUMBER,
    VALUE_RANGE,
    VALUE_SIZE,
    VALUE_DURATION,
    VALUE_FACTOR,
    VALUE_SWITCH,
    VALUE_REFUSED, /* understood, and not to be had */
};

struct value_row {
    const char *name;
    const char *letter;
    u32 sections;
    enum value_kind kind;
    size_t place; /* in struct bench_options */
    const char *word;
    const char *help;
};

#define PLACE(field) offsetof(struct bench_options, field)

static const struct value_row values[] = {
    {"--message-size", "-m", SECTION_GLOBAL, VALUE_RANGE, PLACE(message_bytes), "N|A..B",
     "payload bytes of a message (1000)"},
    {"--messages-per-batch", "-P", SECTION_GLOBAL, VALUE_RANGE, PLACE(batch_messages), "N|A..B",
     "messages of a send or a poll (1000)"},
    {"--message-batches", "-b", SECTION_GLOBAL, VALUE_COUNT, PLACE(message_batches), "N",
     "batches of each actor (1000)"},
    {"--total-data", "-T", SECTION_GLOBAL, VALUE_SIZE, PLACE(total_bytes), "SIZE",
     "in place of -b: bytes over all actors"},
    {"--duration", NULL, SECTION_GLOBAL, VALUE_DURATION, PLACE(duration_us), "TIME",
     "in place of both: ends by time"},
    {"--rate-limit", "-r", SECTION_GLOBAL, VALUE_SIZE, PLACE(rate_limit_bytes), "SIZE",
     "bytes a second over all actors: open loop, latency from the intended time"},
    {"--closed-loop", NULL, SECTION_GLOBAL, VALUE_SWITCH, PLACE(closed_loop), "",
     "with -r: latency from the actual send, as the reference has it (hides stalls)"},
    {"--poisson", NULL, SECTION_GLOBAL, VALUE_SWITCH, PLACE(poisson), "",
     "with -r: intervals drawn at random around the rate, not equal"},
    {"--warmup-time", "-w", SECTION_GLOBAL, VALUE_DURATION, PLACE(warmup_us), "TIME",
     "the same work before, not counted (0s)"},
    {"--sampling-time", "-t", SECTION_GLOBAL, VALUE_DURATION, PLACE(sampling_us), "TIME",
     "width of the points of a series (10ms)"},
    {"--moving-average-window", "-W", SECTION_GLOBAL, VALUE_COUNT, PLACE(moving_average_window),
     "N", "points that a series of report.json is smoothed over (20)"},
    {"--high-level-api", "-H", SECTION_GLOBAL, VALUE_SWITCH, PLACE(high_level_api), "",
     "the library's producer and consumer in place of bare requests"},
    {"--username", "-u", SECTION_GLOBAL, VALUE_TEXT, PLACE(username), "NAME",
     "LEVRIERO_USERNAME, or iggy"},
    {"--password", "-p", SECTION_GLOBAL, VALUE_TEXT, PLACE(password), "TEXT",
     "LEVRIERO_PASSWORD, or iggy"},
    {"--pretty", NULL, SECTION_GLOBAL, VALUE_SWITCH, PLACE(pretty), "",
     "accepted: the summary is always a table"},
    {"--reuse-streams", NULL, SECTION_GLOBAL, VALUE_SWITCH, PLACE(reuse_streams), "",
     "appends to the streams of an earlier run in place of deleting them"},
    {"--seed", NULL, SECTION_GLOBAL, VALUE_NUMBER, PLACE(seed), "N",
     "of payloads, sizes and intervals (1)"},
    {"--json", NULL, SECTION_GLOBAL, VALUE_SWITCH, PLACE(json), "", "results as one JSON object"},
    {"--reference", NULL, SECTION_GLOBAL, VALUE_SWITCH, PLACE(reference), "",
     "the reference's own arithmetic beside ours"},
    {"--no-limits", NULL, SECTION_GLOBAL, VALUE_SWITCH, PLACE(no_limits), "",
     "without the bare limits of the machine, measured in pauses of the run"},
    {"--limits-directory", NULL, SECTION_GLOBAL, VALUE_TEXT, PLACE(limits_directory), "DIR",
     "whose disk the limits use (the server's, when it runs here)"},
    {"--no-wait", NULL, SECTION_GLOBAL, VALUE_SWITCH, PLACE(no_wait), "",
     "consumers ask again at once in place of waiting at the server"},
    {"--reread", NULL, SECTION_GLOBAL, VALUE_SWITCH, PLACE(rereads), "",
     "pinned consumers begin again at the first message when there is none left"},
    {"--cold", NULL, SECTION_GLOBAL, VALUE_SWITCH, PLACE(cold), "",
     "reads: the kernel forgets the server's files first; the server must run here"},
    {"--entropy", NULL, SECTION_GLOBAL, VALUE_NUMBER, PLACE(entropy), "BITS",
     "of chance in a byte of payload, 0 to 8 (6: letters and digits)"},
    {"--keys", NULL, SECTION_GLOBAL, VALUE_COUNT, PLACE(keys), "N",
     "so many different keys choose the partitions of batches (none)"},
    {"--key-distribution", NULL, SECTION_GLOBAL, VALUE_TEXT, PLACE(key_distribution), "HOW",
     "uniform, or zipf: the n-th key n times less often (uniform)"},
    {"--target-p99", NULL, SECTION_GLOBAL, VALUE_DURATION, PLACE(target_p99_us), "TIME",
     "of a batch, end to end or else of its request; above it the exit code is 7"},
    {"--repetitions", NULL, SECTION_GLOBAL, VALUE_COUNT, PLACE(repetitions), "N",
     "everything so many times: medians and ranges (1)"},
    {"--sweep", NULL, SECTION_GLOBAL, VALUE_TEXT, PLACE(sweep_text), "WORD=LIST",
     "batch, size, producers or rate (10%,50%: of the most), each value in turn"},
    {"--generation", NULL, SECTION_GLOBAL, VALUE_COUNT, PLACE(generation), "N",
     "of the protocol: 1, that of 0.8 (kinds that only write, or pc), or 2 (2)"},

    {"--streams", "-s", SECTION_KIND, VALUE_COUNT, PLACE(streams), "N", "streams"},
    {"--partitions", "-a", SECTION_KIND, VALUE_COUNT, PLACE(partitions), "N",
     "partitions of a topic"},
    {"--producers", "-p", SECTION_KIND, VALUE_COUNT, PLACE(producers), "N", "who writes (8)"},
    {"--consumers", "-c", SECTION_KIND, VALUE_COUNT, PLACE(consumers), "N", "who reads (8)"},
    {"--consumer-groups", "-g", SECTION_KIND, VALUE_COUNT, PLACE(groups), "N", "groups (1)"},
    {"--max-topic-size", "-T", SECTION_KIND, VALUE_TEXT, PLACE(max_topic_size), "SIZE",
     "of a topic that is created (unlimited)"},
    {"--message-expiry", "-e", SECTION_KIND, VALUE_TEXT, PLACE(message_expiry), "TIME",
     "of a topic that is created (never)"},
    {"--read-amplification", "-R", SECTION_KIND, VALUE_FACTOR, PLACE(read_amplification), "F",
     "with -r: how much faster those read that follow producers (1.05)"},

    {"--server-address", NULL, SECTION_TCP, VALUE_TEXT, PLACE(server_address), "HOST:PORT",
     "LEVRIERO_SERVER_URL, or 127.0.0.1:8090"},
    {"--nodelay", NULL, SECTION_TCP, VALUE_SWITCH, PLACE(nodelay), "", "TCP_NODELAY (off)"},
    {"--tls", NULL, SECTION_TCP, VALUE_REFUSED, 0, "", NULL},

    {"--output-dir", "-o", SECTION_OUTPUT, VALUE_TEXT, PLACE(output_directory), "DIR",
     "parent of the run's own directory (performance_results)"},
    {"--identifier", NULL, SECTION_OUTPUT, VALUE_TEXT, PLACE(identifier), "TEXT",
     "of this machine (its host name)"},
    {"--remark", NULL, SECTION_OUTPUT, VALUE_TEXT, PLACE(remark), "TEXT", "free text"},
    {"--extra-info", NULL, SECTION_OUTPUT, VALUE_TEXT, PLACE(extra_info), "TEXT", "free text"},
    {"--gitref", NULL, SECTION_OUTPUT, VALUE_TEXT, PLACE(gitref), "TEXT", "version"},
    {"--gitref-date", NULL, SECTION_OUTPUT, VALUE_TEXT, PLACE(gitref_date), "TEXT", "its date"},
    {"--open-charts", "-c", SECTION_OUTPUT, VALUE_SWITCH, PLACE(open_charts), "",
     "opens the page in a browser"},
};

/* ---- Values ---- */

static bool parse_number(const struct value_row *row, const char *text, u64 *number,
                         struct err *err)
{
    if (!str_to_u64(text, number)) {
        return err_set(err, "%s: \"%s\" is no whole number", row->name, text);
    }
    if (row->kind != VALUE_NUMBER && (*number == 0 || *number > UINT32_MAX)) {
        return err_set(err, "%s: %s is not between 1 and %u", row->name, text, UINT32_MAX);
    }
    return true;
}

static bool parse_range(const struct value_row *row, const char *text, struct bench_range *range,
                        struct err *err)
{
    char first[32];
    const char *dots = strstr(text, "..");
    if (dots == NULL) {
        bool good = parse_number(row, text, &range->min, err);
        range->max = range->min;
        return good;
    }
    if (!str_format(first, sizeof(first), "%.*s", (int)(dots - text), text) ||
        !parse_number(row, first, &range->min, err) ||
        !parse_number(row, dots + 2, &range->max, err)) {
        return err_set(err, "%s: \"%s\" is no number and no range like 100..1000", row->name, text);
    }
    return range->min <= range->max || err_set(err, "%s: %s runs backwards", row->name, text);
}

static bool parse_factor(const struct value_row *row, const char *text, double *factor,
                         struct err *err)
{
    char *end = NULL;
    *factor = strtod(text, &end);
    return (end != text && *end == 0 && *factor > 0 && *factor < FACTOR_MAX) ||
           err_set(err, "%s: \"%s\" is no factor like 1.05", row->name, text);
}

static bool parse_value(struct bench_options *options, const struct value_row *row,
                        const char *text, struct err *err)
{
    void *place = (char *)options + row->place;
    switch (row->kind) {
    case VALUE_TEXT: *(const char **)place = text; return true;
    case VALUE_SWITCH: *(bool *)place = true; return true;
    case VALUE_COUNT:
    case VALUE_NUMBER: return parse_number(row, text, place, err);
    case VALUE_RANGE: return parse_range(row, text, place, err);
    case VALUE_FACTOR: return parse_factor(row, text, place, err);
    case VALUE_SIZE:
        return (quantity_parse_size(span_of(text), place) == OK && *(u64 *)place > 0) ||
               err_set(err, "%s: \"%s\" is no size: give 100MB, for example", row->name, text);
    case VALUE_DURATION:
        return quantity_parse_duration_us(span_of(text), place) == OK ||
               err_set(err, "%s: \"%s\" is no time: give 10s, for example", row->name, text);
    case VALUE_REFUSED: return err_set(err, "%s: this client has no TLS", row->name);
    }
    return false;
}

static const struct value_row *find_value(const char *word, size_t length, u32 section)
{
    for (u32 i = 0; i < array_count(values); i++) {
        const struct value_row *row = &values[i];
        bool by_name = strlen(row->name) == length && strncmp(row->name, word, length) == 0;
        bool by_letter =
            row->letter != NULL && length == 2 && strncmp(row->letter, word, length) == 0;
        if ((row->sections & section) != 0 && (by_name || by_letter)) {
            return row;
        }
    }
    return NULL;
}

static const char *nearest_value(const char *word, u32 section)
{
    const char *nearest = NULL;
    for (u32 i = 0; i < array_count(values); i++) {
        if ((values[i].sections & section) != 0 &&
            (nearest == NULL || str_distance(word, values[i].name) < str_distance(word, nearest))) {
            nearest = values[i].name;
        }
    }
    return nearest;
}

/* Notes words for the report, which others may read. */
static void note_word(struct bench_options *options, const char *word)
{
    u32 position = (u32)strlen(options->command);
    (void)str_append(options->command, sizeof(options->command), &position, " %s", word);
}

/* Takes the option at argv[*at], with its value, and moves on. */
static bool take_option(struct bench_options *options, char **argv, int *at, u32 section,
                        struct err *err)
{
    const char *word = argv[*at];
    const char *equals = strncmp(word, "--", 2) == 0 ? strchr(word, '=') : NULL;
    size_t length = equals == NULL ? strlen(word) : (size_t)(equals - word);
    const struct value_row *row = find_value(word, length, section);
    if (row == NULL) {
        return err_set(err, "there is no option %s here; did you mean %s?", word,
                       nearest_value(word, section));
    }
    *at += 1;
    bool is_secret = strcmp(row->name, "--password") == 0;
    note_word(options, is_secret ? row->name : word);
    if (row->kind == VALUE_SWITCH || row->kind == VALUE_REFUSED) {
        return parse_value(options, row, "", err);
    }
    if (equals != NULL) {
        return parse_value(options, row, equals + 1, err);
    }
    if (argv[*at] == NULL) {
        return err_set(err, "%s needs a value: %s", row->name, row->word);
    }
    *at += 1;
    note_word(options, is_secret ? "..." : argv[*at - 1]);
    return parse_value(options, row, argv[*at - 1], err);
}

/* ---- What fits together ---- */

static bool find_kind(const char *word, enum bench_kind *kind)
{
    for (u32 i = 0; i < BENCH_KIND_COUNT; i++) {
        if (strcmp(kinds[i].name, word) == 0 || strcmp(kinds[i].alias, word) == 0) {
            *kind = (enum bench_kind)i;
            return true;
        }
    }
    return false;
}

u32 bench_options_actors(const struct bench_options *options)
{
    const struct bench_kind_row *row = bench_kind_row(options->kind);
    u64 producers = row->writes ? options->producers : 0;
    u64 consumers = row->reads ? options->consumers : 0;
    return (u32)(row->in_turns ? u64_max(producers, consumers) : producers + consumers);
}

/* How many connections: the kinds' own checks, as in the reference. */
static bool actors_fit(const struct bench_options *options, struct err *err)
{
    const struct bench_kind_row *row = bench_kind_row(options->kind);
    if (bench_options_actors(options) > ACTORS_MAX) {
        return err_set(err, "more than %u actors are too many", ACTORS_MAX);
    }
    if (options->kind == BENCH_PINNED_PRODUCER_AND_CONSUMER &&
        (options->partitions != 1 || options->producers != options->consumers)) {
        return err_set(err, "%s: one partition, and as many consumers as producers", row->name);
    }
    if (options->kind == BENCH_PINNED_PRODUCER_AND_CONSUMER &&
        options->streams != options->producers) {
        return err_set(err, "%s: needs as many streams as producers", row->name);
    }
    if (row->streams == 0 && options->streams > bench_options_actors(options)) {
        return err_set(err, "%s: more streams than actors", row->name);
    }
    if (options->generation > 2) {
        return err_set(err, "--generation: there are 1 and 2");
    }
    if (options->generation == 1 && (row->by_groups || (row->writes && row->reads))) {
        return err_set(err, "%s: not by clients of generation 1", row->name);
    }
    if (options->kind == BENCH_BALANCED_PRODUCER && options->partitions < 2) {
        return err_set(err, "%s: needs two partitions or more", row->name);
    }
    if (row->by_groups && options->groups < options->streams) {
        return err_set(err, "%s: needs as many groups as streams, or more", row->name);
    }
    if (row->by_groups && row->writes && !row->in_turns &&
        options->partitions < options->consumers) {
        return err_set(err, "%s: needs as many partitions as consumers, or more", row->name);
    }
    return true;
}

static bool volume_fits(struct bench_options *options, struct err *err)
{
    u32 given = (options->message_batches > 0 ? 1u : 0u) + (options->total_bytes > 0 ? 1u : 0u) +
                (options->duration_us > 0 ? 1u : 0u);
    if (given > 1) {
        return err_set(err, "--message-batches, --total-data and --duration exclude each other");
    }
    if (given == 0) {
        options->message_batches = 1000;
    }
    u64 batch_bytes = options->message_bytes.max * options->batch_messages.max;
    if (options->message_bytes.max > BATCH_BYTES_MAX || batch_bytes > BATCH_BYTES_MAX) {
        return err_set(err, "a batch of %llu messages of %llu bytes is more than 60 MiB",
                       (unsigned long long)options->batch_messages.max,
                       (unsigned long long)options->message_bytes.max);
    }
    if (options->total_bytes > 0 && options->total_bytes < 2 * options->message_bytes.max) {
        return err_set(err, "--total-data is less than two messages");
    }
    if ((options->closed_loop || options->poisson) && options->rate_limit_bytes == 0) {
        return err_set(err, "--closed-loop and --poisson need a --rate-limit");
    }
    if (options->high_level_api &&
        (options->batch_messages.min != options->batch_messages.max ||
         bench_kind_row(options->kind)->in_turns || options->generation == 1)) {
        return err_set(err, "--high-level-api: batches of one size, clients of generation 2, and "
                            "no kind that sends and polls in turns");
    }
    return true;
}

static bool payload_fits(const struct bench_options *options, struct err *err)
{
    const struct bench_kind_row *row = bench_kind_row(options->kind);
    bool is_named = strcmp(options->key_distribution, "uniform") == 0 ||
                    strcmp(options->key_distribution, "zipf") == 0;
    if (options->entropy > 8) {
        return err_set(err, "--entropy: a byte has 0 to 8 bits");
    }
    if (options->keys > KEYS_MAX) {
        return err_set(err, "--keys: at most %u", KEYS_MAX);
    }
    if (options->keys > 0 && (!row->writes || options->partitions < 2)) {
        return err_set(err, "--keys: needs a kind that writes to more than one partition");
    }
    if (!is_named || (options->keys == 0 && strcmp(options->key_distribution, "zipf") == 0)) {
        return err_set(err, "--key-distribution: uniform or zipf, with --keys");
    }
    return !options->cold || !row->writes ||
           err_set(err, "--cold: only for kinds that read what is there");
}

static void set_kind_defaults(struct bench_options *options)
{
    const struct bench_kind_row *row = bench_kind_row(options->kind);
    options->producers = options->producers == 0 ? 8 : options->producers;
    if (options->kind == BENCH_END_TO_END_PRODUCING_CONSUMER) {
        options->consumers = options->producers;
    }
    options->consumers = options->consumers == 0 ? 8 : options->consumers;
    options->groups = options->groups == 0 ? 1 : options->groups;
    options->partitions = options->partitions == 0 ? row->partitions : options->partitions;
    if (options->streams == 0) {
        options->streams = row->streams > 0 ? row->streams
                           : row->writes    ? options->producers
                                            : options->consumers;
    }
}

static const char *environment_or(const char *name, const char *fallback)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != 0 ? value : fallback;
}

static struct bench_options defaults(void)
{
    return (struct bench_options){
        .message_bytes = {1000, 1000},
        .batch_messages = {1000, 1000},
        .sampling_us = 10 * US_PER_MS,
        .moving_average_window = 20,
        .username = environment_or("LEVRIERO_USERNAME", environment_or("IGGY_USERNAME", "iggy")),
        .password = environment_or("LEVRIERO_PASSWORD", environment_or("IGGY_PASSWORD", "iggy")),
        .seed = 1,
        .generation = 2,
        .entropy = 6,
        .repetitions = 1,
        .key_distribution = "uniform",
        .read_amplification = 1.05,
        .server_address = environment_or("LEVRIERO_SERVER_URL", "127.0.0.1:8090"),
        .output_directory = "performance_results",
        .command = "levriero bench",
    };
}

/* The next section when `word` opens one. */
static bool enter_section(struct bench_options *options, const char *word, u32 *section,
                          struct err *err)
{
    if (*section == SECTION_GLOBAL) {
        *section = SECTION_KIND;
        return find_kind(word, &options->kind) ||
               err_set(err, "%s is no kind of bench; `levriero bench --help` lists them", word);
    }
    if (*section == SECTION_KIND && strcmp(word, "tcp") == 0) {
        *section = SECTION_TCP;
        return true;
    }
    if (*section != SECTION_OUTPUT && strcmp(word, "output") == 0) {
        *section = SECTION_OUTPUT;
        options->has_output = true;
        return true;
    }
    return err_set(err, "%s: after the kind come `tcp`, the only transport, and `output`", word);
}

bool bench_options_fit(struct bench_options *options, struct err *err)
{
    return volume_fits(options, err) && actors_fit(options, err) && payload_fits(options, err);
}

/* Every value of a sweep, before the first run. */
static bool sweep_fits(struct bench_options *options, struct err *err)
{
    if (options->repetitions > REPETITIONS_MAX) {
        return err_set(err, "--repetitions: at most %u", REPETITIONS_MAX);
    }
    if (options->sweep_text != NULL &&
        !bench_sweep_parse(&options->sweep, options->sweep_text, err)) {
        return false;
    }
    for (u32 i = 0; i < options->sweep.values_count; i++) {
        struct bench_options changed = *options;
        bench_sweep_apply(&options->sweep, i, 1e9, &changed);
        if (!bench_options_fit(&changed, err)) {
            return false;
        }
    }
    return true;
}

bool bench_options_parse(struct bench_options *options, int argc, char **argv, struct err *err)
{
    *options = defaults();
    u32 section = SECTION_GLOBAL;
    for (int at = 0; at < argc;) {
        if (argv[at][0] == '-') {
            if (!take_option(options, argv, &at, section, err)) {
                return false;
            }
            continue;
        }
        note_word(options, argv[at]);
        if (!enter_section(options, argv[at++], &section, err)) {
            return false;
        }
    }
    if (section == SECTION_GLOBAL) {
        return err_set(err, "which kind? `levriero bench --help` lists them");
    }
    set_kind_defaults(options);
    if (options->sampling_us == 0) {
        return err_set(err, "--sampling-time is 0");
    }
    return bench_options_fit(options, err) && sweep_fits(options, err);
}

/* ---- Help ---- */

static void print_section(const char *title, u32 section)
{
    printf("\n%s\n", title);
    for (u32 i = 0; i < array_count(values); i++) {
        const struct value_row *row = &values[i];
        if ((row->sections & section) != 0 && row->help != NULL) {
            printf("  %2s %s %s%*s%s\n", row->letter == NULL ? "" : row->letter, row->name,
                   row->word, (int)(34 - strlen(row->name) - strlen(row->word)), "", row->help);
        }
    }
}

void bench_options_print_help(void)
{
    printf("levriero bench [options] KIND [its options] [tcp [options]] [output [options]]\n"
           "levriero bench limits [options]    what this machine can do at best; --help\n"
           "levriero bench loss [--json]       what this tool itself adds to a call\n"
           "levriero bench examples            some to begin with\n\n"
           "Kinds\n");
    for (u32 i = 0; i < BENCH_KIND_COUNT; i++) {
        printf("  %-5s %s\n", kinds[i].alias, kinds[i].name);
    }
    print_section("Before the kind", SECTION_GLOBAL);
    print_section("After the kind", SECTION_KIND);
    print_section("After `tcp`", SECTION_TCP);
    print_section("After `output`: report.json and a page with charts are written", SECTION_OUTPUT);
}

void bench_options_print_examples(void)
{
    printf("Eight producers, each to a stream of its own, as fast as it goes:\n"
           "  levriero bench pinned-producer\n\n"
           "What they left behind, read again:\n"
           "  levriero bench pinned-consumer\n\n"
           "How late messages are at 100 MB a second, with a page of charts:\n"
           "  levriero bench -r 200MB ppc -p 4 -c 4 tcp output\n\n"
           "Producers from 1 to 64, three times each, medians and ranges:\n"
           "  levriero bench --duration 10s --repetitions 3 --sweep producers=1,4,16,64 pp\n\n"
           "One small message at a time for ten seconds, as JSON:\n"
           "  levriero bench --json --duration 10s -m 100 -P 1 pinned-producer -p 1\n\n"
           "Producers and a consumer group on 24 partitions of a server elsewhere:\n"
           "  levriero bench bpcg tcp --server-address 10.0.0.7:8090\n\n"
           "What the machine can do without a server:\n"
           "  levriero bench limits\n");
}
