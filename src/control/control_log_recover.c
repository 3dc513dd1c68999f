/* Opening the control log: which epoch is the present one, where it ends, and what must not be
 * overlooked. One question after the other, each over both sides:
 *
 *     open the four files ─▶ read their headers ─▶ the highest epoch is the candidate
 *       ─▶ is a file without header one whose header was damaged?  commands in it: refuse
 *       ─▶ walk the candidate; ends inside its snapshot?  commands behind: refuse; none: it was
 *          never begun, the other epoch is the candidate
 *       ─▶ search behind its end: a later record: refuse
 *       ─▶ walk again and load
 *
 * Nothing is written here. What one side lacks is healed by the caller, who writes a new epoch on
 * both sides before anything is decided (control_log_needs_snapshot). */
#include "base/check.h"
#include "control/control_log_sides.h"

/* A record later than the end can begin at most one broken record behind it; twice that is read. */
#define SEARCH_BYTES (2u * CONTROL_RECORD_BYTES_MAX)

static void opened(struct control_log *log, bool ok)
{
    for (u32 slot = 0; slot < CONTROL_SLOTS; slot++) {
        log->names_are_synced[slot] = log->headers[slot].epoch > 0 && !log->header_damaged[slot];
    }
    log->mode = ok ? CONTROL_LOG_IDLE : CONTROL_LOG_CLOSED;
    log->events.opened(log->events.context, ok);
}

static void refuse(struct control_log *log)
{
    event_error(log->core->events, "control.refused %s", log->err.text);
    opened(log, false);
}

/* ---- Open the files ---- */

static void read_headers(struct control_log *log);
static void open_slot(struct control_log *log, u32 slot);

static void on_slot_sized(struct control_log *log)
{
    for (u32 i = 0; i < CONTROL_SIDES; i++) {
        struct control_log_side *side = &log->sides[i];
        side->sizes[log->read_slot] =
            side->files[log->read_slot].id >= 0 && side->op.status == OK ? side->op.count : 0;
    }
    if (log->read_slot + 1 < CONTROL_SLOTS) {
        open_slot(log, log->read_slot + 1);
    } else {
        read_headers(log);
    }
}

static void on_slot_opened(struct control_log *log)
{
    u32 slot = log->read_slot;
    for (u32 i = 0; i < CONTROL_SIDES; i++) {
        struct control_log_side *side = &log->sides[i];
        if (side->op.status == OK) {
            side->files[slot] = side->op.file;
        } else if (side->op.status != ERR_NOT_FOUND) {
            err_set(&log->err, "control/%c/log.%u cannot be opened: %s. Check its owner and rights",
                    control_side_name(i), slot, status_text(side->op.status));
            refuse(log);
            return;
        }
    }
    sides_begin(log, on_slot_sized);
    for (u32 i = 0; i < CONTROL_SIDES; i++) {
        if (log->sides[i].files[slot].id >= 0) {
            io_file_size(log->core->io, side_op(log, i), log->sides[i].files[slot]);
        }
    }
    sides_end(log);
}

static void open_slot(struct control_log *log, u32 slot)
{
    log->read_slot = slot;
    sides_begin(log, on_slot_opened);
    for (u32 side = 0; side < CONTROL_SIDES; side++) {
        char path[IO_PATH_BYTES];
        control_log_path(path, side, slot);
        io_file_open(log->core->io, side_op(log, side), path, IO_OPEN_READ | IO_OPEN_WRITE);
    }
    sides_end(log);
}

static void on_directories_created(struct control_log *log)
{
    if (sides_status(log) != OK) {
        err_set(&log->err,
                "the directory control/ cannot be made: %s. Check owner, rights and room",
                status_text(sides_status(log)));
        refuse(log);
        return;
    }
    open_slot(log, 0);
}

void control_log_open(struct control_log *log, struct state *state)
{
    check(log->mode == CONTROL_LOG_CLOSED);
    check(state_index(state) == 0);
    log->mode = CONTROL_LOG_OPENING;
    log->state = state;
    sides_begin(log, on_directories_created);
    io_directory_create(log->core->io, side_op(log, 0), "control/a");
    io_directory_create(log->core->io, side_op(log, 1), "control/b");
    sides_end(log);
}

/* ---- Read the headers ---- */

static void try_candidate(struct control_log *log, u32 slot);
static void search_headless(struct control_log *log, u32 from_slot);

static bool slot_has_bytes(const struct control_log *log, u32 slot)
{
    return log->sides[0].sizes[slot] > 0 || log->sides[1].sizes[slot] > 0;
}

/* The header of a slot, from the better side. False when the start must be refused. */
static bool take_header(struct control_log *log, u32 slot)
{
    struct control_header *best = &log->headers[slot];
    for (u32 i = 0; i < CONTROL_SIDES; i++) {
        const struct control_log_side *side = &log->sides[i];
        struct control_header found;
        enum status status = ERR_CORRUPT;
        if (side->chunk_size >= CONTROL_BLOCK_BYTES) {
            status = control_header_decode(side->chunk, &found);
        }
        if (status == ERR_UNSUPPORTED) {
            return err_set(&log->err,
                           "control/%c/log.%u has format version %u, this server reads version %u. "
                           "Start the data directory with the server that wrote it",
                           control_side_name(i), slot, found.version, CONTROL_FORMAT_VERSION);
        }
        bool good = status == OK;
        bool seen = log->header_seen[slot];
        if (good && seen && best->epoch == found.epoch && best->crc != found.crc) {
            return err_set(&log->err,
                           "control/a/log.%u and control/b/log.%u begin differently: one "
                           "of them is from another data directory. Move it away",
                           slot, slot);
        }
        log->header_seen[slot] |= good;
        log->header_damaged[slot] |= !good || (i > 0 && best->epoch != found.epoch);
        if (good && (!seen || found.epoch > best->epoch)) {
            *best = found;
        }
    }
    log->epoch_seen = u64_max(log->epoch_seen, best->epoch);
    return true;
}

static void on_header_read(struct control_log *log)
{
    if (!take_header(log, log->read_slot)) {
        refuse(log);
        return;
    }
    if (log->read_slot + 1 < CONTROL_SLOTS) {
        sides_read(log, log->read_slot + 1, 0, on_header_read);
        return;
    }
    log->candidate = log->headers[1].epoch > log->headers[0].epoch ? 1 : 0;
    search_headless(log, 0);
}

static void read_headers(struct control_log *log)
{
    sides_read(log, 0, 0, on_header_read);
}

/* ---- A file without header: new, or damaged? ---- */

static void search_ended(struct control_log *log)
{
    const struct control_search *search = &log->search;
    if (search->found) {
        err_set(&log->err,
                "control/a/log.%u and control/b/log.%u are both damaged at their head, but hold "
                "commands (at %llu). Restore control/ from a backup",
                search->slot, search->slot, (unsigned long long)search->found_position);
        refuse(log);
        return;
    }
    search_headless(log, search->slot + 1);
}

static void search_headless(struct control_log *log, u32 from_slot)
{
    u32 slot = from_slot;
    while (slot < CONTROL_SLOTS && (log->header_seen[slot] || !slot_has_bytes(log, slot))) {
        slot++;
    }
    if (slot == CONTROL_SLOTS) {
        try_candidate(log, log->candidate);
        return;
    }
    log->search = (struct control_search){
        .slot = slot,
        .position = CONTROL_BLOCK_BYTES,
        .end = u64_max(log->sides[0].sizes[slot], log->sides[1].sizes[slot]),
        .chain = {.epoch = log->headers[1 - slot].epoch},
        .commands_only = true,
        .ended = search_ended,
    };
    control_log_search(log);
}

/* ---- Walk it, look behind its end, load it ---- */

static void begin_walk(struct control_log *log, struct state *state,
                       void (*ended)(struct control_log *log))
{
    log->walk = (struct control_walk){
        .slot = log->candidate,
        .chain = control_chain_begin(&log->headers[log->candidate]),
        .state = state,
        .ended = ended,
    };
    control_log_walk(log);
}

static void on_loaded(struct control_log *log)
{
    const struct control_walk *walk = &log->walk;
    u32 slot = walk->slot;
    if (walk->status == ERR_LIMIT) {
        err_set(&log->err,
                "control/a/log.%u holds more streams, topics, partitions or users than this memory "
                "has room for. Give a larger --memory",
                slot);
        refuse(log);
        return;
    }
    if (walk->status != OK) {
        err_set(
            &log->err,
            "control/a/log.%u: the record at %llu verifies but makes no sense. Please report it",
            slot, (unsigned long long)walk->position);
        refuse(log);
        return;
    }
    if (walk->chain.number != log->verified.number || walk->conflict) {
        err_set(&log->err,
                "control/a/log.%u and control/b/log.%u read differently each time: the "
                "device fails",
                slot, slot);
        refuse(log);
        return;
    }
    log->slot = slot;
    log->epoch = walk->chain.epoch;
    log->chain = walk->chain;
    log->position = walk->position;
    log->commands_position = walk->commands_position;
    log->limit = u64_min(log->sides[0].sizes[slot], log->sides[1].sizes[slot]);
    log->needs_snapshot = walk->damaged || log->header_damaged[slot] || log->fell_back ||
                          log->position + CONTROL_RECORD_BYTES_MAX > log->limit;
    opened(log, true);
}

static void on_tail_searched(struct control_log *log)
{
    const struct control_walk *walk = &log->walk;
    u32 slot = walk->slot;
    if (log->search.found) {
        err_set(
            &log->err,
            "control/a/log.%u and control/b/log.%u are both damaged at %llu, but go on at %llu. "
            "Restore control/ from a backup",
            slot, slot, (unsigned long long)walk->position,
            (unsigned long long)log->search.found_position);
        refuse(log);
        return;
    }
    if (walk->snapshot_done) {
        log->verified = walk->chain;
        begin_walk(log, log->state, on_loaded);
        return;
    }
    /* The header is written last, so this epoch was whole once. Without a command in it the epoch
     * before has all that was decided, and before the first epoch nothing was. */
    log->fell_back = true;
    bool was_first = log->headers[slot].epoch == 1;
    log->headers[slot].epoch = 0;
    if (log->headers[1 - slot].epoch != 0 || was_first) {
        try_candidate(log, 1 - slot);
        return;
    }
    err_set(
        &log->err,
        "control/a/log.%u and control/b/log.%u are both damaged at %llu, inside their snapshot. "
        "Restore control/ from a backup",
        slot, slot, (unsigned long long)walk->position);
    refuse(log);
}

static void on_walked(struct control_log *log)
{
    const struct control_walk *walk = &log->walk;
    u32 slot = walk->slot;
    if (walk->conflict) {
        err_set(&log->err,
                "control/a/log.%u and control/b/log.%u differ at %llu, and both verify. "
                "Move the wrong one away",
                slot, slot, (unsigned long long)walk->position);
        refuse(log);
        return;
    }
    u64 end = u64_max(log->sides[0].sizes[slot], log->sides[1].sizes[slot]);
    log->search = (struct control_search){
        .slot = slot,
        .position = walk->position,
        .end = walk->snapshot_done ? u64_min(end, walk->position + SEARCH_BYTES) : end,
        .in_epoch = true,
        .chain = walk->chain,
        .commands_only = !walk->snapshot_done,
        .ended = on_tail_searched,
    };
    control_log_search(log);
}

static void try_candidate(struct control_log *log, u32 slot)
{
    log->candidate = slot;
    if (log->headers[slot].epoch == 0) {
        /* Nothing was ever begun: a new data directory, or one that crashed while it was made. */
        log->slot = 1;
        log->needs_snapshot = true;
        opened(log, true);
        return;
    }
    begin_walk(log, NULL, on_walked);
}

/* ---- The same questions over bytes that somebody else reads ---- */

void control_log_examine(struct control_log *log, struct state *state,
                         const struct control_log_sizes *sizes)
{
    check(log->mode == CONTROL_LOG_CLOSED);
    check(state_index(state) == 0);
    log->mode = CONTROL_LOG_OPENING;
    log->examined = true;
    log->state = state;
    for (u32 side = 0; side < CONTROL_SIDES; side++) {
        for (u32 slot = 0; slot < CONTROL_SLOTS; slot++) {
            log->sides[side].sizes[slot] = sizes->bytes[side][slot];
        }
    }
    read_headers(log);
}

bool control_log_wanted(const struct control_log *log, u32 *slot, u64 *position)
{
    check(log->examined);
    *slot = log->read_slot;
    *position = log->read_position;
    return log->pending > 0;
}

u8 *control_log_room(struct control_log *log, u32 side)
{
    check(log->examined);
    check(side < CONTROL_SIDES);
    return log->sides[side].chunk;
}

void control_log_give(struct control_log *log, const u32 bytes[CONTROL_SIDES])
{
    check(log->examined);
    check(log->pending == 1);
    for (u32 side = 0; side < CONTROL_SIDES; side++) {
        check(bytes[side] <= CONTROL_RECORD_BYTES_MAX);
        log->sides[side].chunk_size = bytes[side];
    }
    sides_end(log);
}

struct control_log_found control_log_found(const struct control_log *log)
{
    const struct control_walk *walk = &log->walk;
    bool walked = walk->ended != NULL;
    return (struct control_log_found){
        .epoch = walked ? walk->chain.epoch : 0,
        .slot = walk->slot,
        .index = walk->chain.index,
        .position = walk->position,
        .whole = !walk->damaged && !log->fell_back && !log->header_damaged[walk->slot],
        .later = log->search.found,
        .later_position = log->search.found_position,
    };
}
