/* The control log: both sides together, as a start judges them, then each side by itself to say
 * what it lacks. */
#include "control/control_log.h"
#include "doctor/doctor_parts.h"

struct control_files {
    struct data_file files[CONTROL_SIDES][CONTROL_SLOTS];
    struct control_log_sizes sizes;
    enum status header_status[CONTROL_SIDES][CONTROL_SLOTS];
    struct control_header headers[CONTROL_SIDES][CONTROL_SLOTS];
};

struct examination {
    bool ok;
    struct err err;
    struct control_log_found found;
};

struct state_options doctor_state_options(const struct plan *plan)
{
    return (struct state_options){
        .cores_count = 1,
        .streams_max = plan->streams_max,
        .topics_max = plan->topics_max,
        .partitions_max = plan->partitions_max,
        .users_max = plan->users_max,
        .grants_max = plan->grants_max,
        .tokens_max = plan->tokens_max,
        .sessions_max = plan->sessions_max,
    };
}

static char side_name(u32 side)
{
    return (char)('a' + side);
}

static void open_file(struct doctor *doctor, struct control_files *files, u32 side, u32 slot)
{
    char path[IO_PATH_BYTES];
    u8 block[CONTROL_BLOCK_BYTES];
    struct data_file *file = &files->files[side][slot];
    (void)str_format(path, sizeof(path), "control/%c/log.%u", side_name(side), slot);
    enum status status = data_file_open(file, doctor->root, path);
    if (status != OK && status != ERR_NOT_FOUND) {
        find_problem(&doctor->findings, "%s cannot be opened: %s. Check its owner and rights.",
                     path, status_text(status));
    }
    files->sizes.bytes[side][slot] = file->bytes;
    files->header_status[side][slot] = ERR_NOT_FOUND;
    if (status == OK) {
        bool is_block = data_file_read(file, 0, block, sizeof(block)) == sizeof(block);
        files->header_status[side][slot] =
            is_block ? control_header_decode(block, &files->headers[side][slot]) : ERR_CORRUPT;
    }
}

static void on_opened(void *context, bool ok)
{
    struct examination *examination = context;
    examination->ok = ok;
}

/* One side counts only if its bit is set in `sides`. */
static void examine(struct doctor *doctor, struct control_files *files, u32 sides,
                    struct state *state, struct examination *examination)
{
    struct arena arena;
    struct control_log_sizes sizes = {0};
    struct control_log_events events = {.context = examination, .opened = on_opened};
    for (u32 side = 0; side < CONTROL_SIDES; side++) {
        for (u32 slot = 0; slot < CONTROL_SLOTS; slot++) {
            sizes.bytes[side][slot] = sides >> side & 1 ? files->sizes.bytes[side][slot] : 0;
        }
    }
    *examination = (struct examination){0};
    if (!arena_create(&arena, control_log_bytes())) {
        err_set(&examination->err, "there is no memory left");
        return;
    }
    struct control_log *log = control_log_create(&doctor->core, &arena, &events);
    control_log_examine(log, state, &sizes);
    u32 slot = 0;
    u64 position = 0;
    while (control_log_wanted(log, &slot, &position)) {
        u32 bytes[CONTROL_SIDES] = {0};
        for (u32 side = 0; side < CONTROL_SIDES; side++) {
            if (sizes.bytes[side][slot] > 0) {
                bytes[side] = data_file_read(&files->files[side][slot], position,
                                             control_log_room(log, side), CONTROL_RECORD_BYTES_MAX);
            }
        }
        control_log_give(log, bytes);
    }
    examination->found = control_log_found(log);
    examination->err = *control_log_error(log);
    arena_destroy(&arena);
}

/* ---- What one side lacks ---- */

static bool is_whole(const struct examination *side, const struct control_log_found *both)
{
    return side->ok && side->found.epoch == both->epoch && side->found.index == both->index &&
           side->found.position == both->position;
}

/* Its present file does not hold the present epoch. */
static void say_other_epoch(struct doctor *doctor, const struct control_files *files, u32 side,
                            const struct control_log_found *both)
{
    char name = side_name(side);
    enum status header = files->header_status[side][both->slot];
    if (files->sizes.bytes[side][0] + files->sizes.bytes[side][1] == 0) {
        find_problem(&doctor->findings,
                     "Side %c is missing. The other side has everything; a start writes both anew "
                     "before anything is decided.",
                     name);
    } else if (header == OK && files->headers[side][both->slot].epoch < both->epoch) {
        find_note(&doctor->findings,
                  "Side %c does not hold epoch %llu: its beginning was under way when the server "
                  "ended. A start writes both sides anew.",
                  name, (unsigned long long)both->epoch);
    } else {
        find_problem(&doctor->findings,
                     "Side %c is damaged: the head of control/%c/log.%u, or its snapshot, does not "
                     "verify. The other side has everything; a start writes both anew before "
                     "anything is decided.",
                     name, name, both->slot);
    }
}

static void say_side(struct doctor *doctor, const struct control_files *files, u32 side,
                     const struct control_log_found *both)
{
    struct examination *one = mem_take(sizeof(*one));
    struct arena arena;
    struct state_options options = doctor_state_options(&doctor->plan);
    char name = side_name(side);
    if (!arena_create(&arena, state_bytes(&options) + MIB)) {
        find_problem(&doctor->findings, "There is no memory to look at side %c.", name);
        mem_return(one);
        return;
    }
    /* Only sizes and headers are taken from the files here; the descriptors stay shared. */
    struct control_files copy = *files;
    examine(doctor, &copy, 1u << side, state_create(&arena, &options), one);
    if (is_whole(one, both)) {
        find_fact(&doctor->findings, "Side %c holds all of it.", name);
    } else if (one->found.epoch != both->epoch) {
        say_other_epoch(doctor, files, side, both);
    } else if (one->found.later) {
        find_problem(&doctor->findings,
                     "Side %c is damaged at byte %llu of control/%c/log.%u: by itself it is valid "
                     "to command %llu, and goes on at byte %llu. The other side has what it lacks; "
                     "a start writes both anew before anything is decided.",
                     name, (unsigned long long)one->found.position, name, both->slot,
                     (unsigned long long)one->found.index,
                     (unsigned long long)one->found.later_position);
    } else {
        find_note(&doctor->findings,
                  "Side %c ends at command %llu, byte %llu of control/%c/log.%u: its last write "
                  "was not finished. The other side wins; a start writes both anew before "
                  "anything is decided.",
                  name, (unsigned long long)one->found.index,
                  (unsigned long long)one->found.position, name, both->slot);
    }
    arena_destroy(&arena);
    mem_return(one);
}

/* ---- What they hold ---- */

static void say_topics(struct doctor *doctor, const struct state_stream *stream)
{
    const struct state_topic *topic = NULL;
    u32 after = UINT32_MAX;
    while ((topic = state_topic_next(doctor->state, stream->id, after)) != NULL) {
        find_fact(&doctor->findings, "  topic %u \"%.*s\", life %llu, partitions: %u", topic->id,
                  topic->name_size, (const char *)topic->name, (unsigned long long)topic->life,
                  topic->partitions_count);
        after = topic->id;
    }
}

/* Who they are; root was named before. */
static void say_users(struct doctor *doctor)
{
    const struct state *state = doctor->state;
    const struct state_user *user = NULL;
    u32 after = USER_ID_ROOT;
    while ((user = state_user_next(state, after)) != NULL) {
        find_fact(&doctor->findings, "user %u \"%.*s\", %s, %s, tokens: %u", user->id,
                  user->name_size, (const char *)user->name,
                  user->active ? "active" : "deactivated",
                  user->has_permissions ? "with rights" : "without rights", user->tokens_count);
        after = user->id;
    }
    if (state_grants_count(state) > 0) {
        find_fact(&doctor->findings, "Rights for single streams and topics: %u, of all users.",
                  state_grants_count(state));
    }
}

static void say_state(struct doctor *doctor)
{
    const struct state *state = doctor->state;
    struct findings *findings = &doctor->findings;
    findings_title(findings, "What exists");
    find_fact(
        findings,
        "Streams: %u, topics: %u, partitions: %u, users: %u. Starts so far: %u; highest life: "
        "%llu.",
        state_streams_count(state), state_topics_count(state), state_partitions_count(state),
        state_users_count(state), state_boot(state), (unsigned long long)state_life_max(state));
    const struct state_user *root = state_user_get(state, USER_ID_ROOT);
    if (root == NULL) {
        find_note(findings, "There is no root user yet: the next start makes one.");
    } else {
        find_fact(findings, "The root user is \"%.*s\".", root->name_size,
                  (const char *)root->name);
    }
    say_users(doctor);
    const struct state_stream *stream = NULL;
    u32 after = UINT32_MAX;
    while ((stream = state_stream_next(state, after)) != NULL) {
        find_fact(findings, "stream %u \"%.*s\", life %llu, topics: %u", stream->id,
                  stream->name_size, (const char *)stream->name, (unsigned long long)stream->life,
                  stream->topics_count);
        say_topics(doctor, stream);
        after = stream->id;
    }
}

static void say_refused(struct doctor *doctor, const struct examination *both)
{
    find_problem(&doctor->findings, "A start is refused: %s.", both->err.text);
    find_note(&doctor->findings,
              "Without the control log nobody knows which lives are over: below, files are judged "
              "by themselves alone.");
}

static void say_both(struct doctor *doctor, const struct control_files *files,
                     const struct control_log_found *both)
{
    struct findings *findings = &doctor->findings;
    if (both->epoch == 0) {
        find_note(findings, "There is none yet: a start begins it.");
        return;
    }
    find_fact(findings,
              "Format version %u, epoch %llu, in control/a/log.%u and control/b/log.%u: whole to "
              "command %llu, %llu bytes.",
              CONTROL_FORMAT_VERSION, (unsigned long long)both->epoch, both->slot, both->slot,
              (unsigned long long)both->index, (unsigned long long)both->position);
    for (u32 side = 0; side < CONTROL_SIDES; side++) {
        say_side(doctor, files, side, both);
    }
    if (!both->whole) {
        find_note(findings,
                  "A start heals the control log: it writes epoch %llu on both sides, "
                  "synced and read back, before it decides anything.",
                  (unsigned long long)both->epoch + 1);
    }
}

void doctor_control(struct doctor *doctor)
{
    struct control_files files = {0};
    struct examination both;
    findings_title(&doctor->findings, "Control log");
    for (u32 side = 0; side < CONTROL_SIDES; side++) {
        for (u32 slot = 0; slot < CONTROL_SLOTS; slot++) {
            open_file(doctor, &files, side, slot);
        }
    }
    examine(doctor, &files, 3, doctor->state, &both);
    doctor->has_state = both.ok;
    if (both.ok) {
        say_both(doctor, &files, &both.found);
        say_state(doctor);
    } else {
        say_refused(doctor, &both);
    }
    for (u32 side = 0; side < CONTROL_SIDES; side++) {
        for (u32 slot = 0; slot < CONTROL_SLOTS; slot++) {
            data_file_close(&files.files[side][slot]);
        }
    }
}
