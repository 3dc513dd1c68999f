/* Reading the two sides together: walking along a chain, and searching behind its end.
 *
 *     side a   |1|2|#|4|5|          a place that is good on one side suffices: damage, to be healed
 *     side b   |1|2|3|4|#|          the walk goes 1 2 3 4 5
 *
 *     side a   |1|2|#|4|            bad on both: the walk ends behind 2. The search finds 4, so
 *     side b   |1|2|#|4|            this was not the end of the log */
#include "base/check.h"
#include "control/control_log_sides.h"

static struct span chunk_at(const struct control_log_side *side, u32 offset)
{
    if (offset >= side->chunk_size) {
        return (struct span){0};
    }
    return (struct span){side->chunk + offset, side->chunk_size - offset};
}

static enum status load_commands(struct state *state, const struct control_record *record)
{
    struct reader reader = reader_over(record->payload.data, record->payload.size);
    for (u32 i = 0; i < record->commands_count; i++) {
        u64 index = 0;
        struct span command;
        if (!control_command_read(&reader, &index, &command) || index <= state_index(state)) {
            return ERR_CORRUPT;
        }
        enum wire_error error = state_check(state, command);
        if (error != WIRE_OK) {
            return error == WIRE_INVALID_COMMAND ? ERR_CORRUPT : ERR_LIMIT;
        }
        state_apply(state, index, command, NULL, NULL);
    }
    return reader_is_done(&reader) ? OK : ERR_CORRUPT;
}

static enum status load_record(struct state *state, const struct control_record *record)
{
    if (record->kind == CONTROL_COMMANDS) {
        return load_commands(state, record);
    }
    enum status status = state_load(state, record->payload);
    if (status == OK && record->kind == CONTROL_SNAPSHOT_LAST) {
        state_load_done(state, record->index);
    }
    return status;
}

/* The record that the chain goes on with at this offset of the chunks; false when there is none. */
static bool next_record(struct control_log *log, u32 offset, struct control_record *record)
{
    struct control_walk *walk = &log->walk;
    struct control_record records[CONTROL_SIDES];
    bool good[CONTROL_SIDES];
    for (u32 side = 0; side < CONTROL_SIDES; side++) {
        struct span bytes = chunk_at(&log->sides[side], offset);
        good[side] = control_record_decode(bytes, &records[side]) == OK &&
                     control_chain_fits(&walk->chain, &records[side]);
    }
    if (!good[0] && !good[1]) {
        return false;
    }
    if (!good[0] || !good[1]) {
        walk->damaged = true;
    } else if (records[0].crc != records[1].crc) {
        walk->conflict = true;
        return false;
    }
    *record = records[good[0] ? 0 : 1];
    return !walk->strict || !walk->damaged;
}

/* Takes one record; gives its bytes, or 0 at the end of the walk. */
static u32 walk_take(struct control_log *log, u32 offset)
{
    struct control_walk *walk = &log->walk;
    struct control_record record;
    if (!next_record(log, offset, &record)) {
        return 0;
    }
    bool is_commands = record.kind == CONTROL_COMMANDS;
    if (is_commands != walk->snapshot_done) {
        walk->status = ERR_CORRUPT;
        return 0;
    }
    if (walk->state != NULL) {
        walk->status = load_record(walk->state, &record);
        if (walk->status != OK) {
            return 0;
        }
    }
    control_chain_advance(&walk->chain, &record);
    u32 bytes = control_record_bytes(&record);
    if (record.kind == CONTROL_SNAPSHOT_LAST) {
        walk->snapshot_done = true;
        walk->commands_position = walk->position + offset + bytes;
    }
    return bytes;
}

static void on_walk_read(struct control_log *log)
{
    struct control_walk *walk = &log->walk;
    u32 offset = 0;
    while (offset < CONTROL_RECORD_BYTES_MAX) {
        u32 bytes = walk_take(log, offset);
        if (bytes == 0) {
            break;
        }
        offset += bytes;
    }
    walk->position += offset;
    /* What did not fit in may only have been cut by the end of the chunk: look from there again. */
    if (offset > 0 && !walk->conflict && walk->status == OK) {
        sides_read(log, walk->slot, walk->position, on_walk_read);
        return;
    }
    walk->ended(log);
}

void control_log_walk(struct control_log *log)
{
    struct control_walk *walk = &log->walk;
    check(walk->ended != NULL);
    walk->position = CONTROL_BLOCK_BYTES;
    sides_read(log, walk->slot, walk->position, on_walk_read);
}

/* ---- Searching ---- */

static bool is_wanted(const struct control_search *search, const struct control_record *record)
{
    if (search->commands_only && record->kind != CONTROL_COMMANDS) {
        return false;
    }
    if (search->in_epoch) {
        return record->epoch == search->chain.epoch && record->salt == search->chain.salt &&
               record->number > search->chain.number;
    }
    return record->epoch > search->chain.epoch;
}

/* False when the record at `offset` reaches beyond a chunk, so that it must be read again alone. */
static bool search_block(struct control_log *log, u32 offset)
{
    struct control_search *search = &log->search;
    for (u32 side = 0; side < CONTROL_SIDES; side++) {
        struct control_record record;
        enum status status = control_record_decode(chunk_at(&log->sides[side], offset), &record);
        if (status == ERR_TOO_LARGE && offset > 0) {
            return false;
        }
        if (status == OK && is_wanted(search, &record)) {
            search->found = true;
            search->found_position = search->position + offset;
        }
    }
    return true;
}

static void on_search_read(struct control_log *log)
{
    struct control_search *search = &log->search;
    u32 offset = 0;
    while (offset < CONTROL_RECORD_BYTES_MAX && !search->found && search_block(log, offset)) {
        offset += CONTROL_BLOCK_BYTES;
    }
    search->position += offset;
    if (search->found || search->position >= search->end) {
        search->ended(log);
        return;
    }
    sides_read(log, search->slot, search->position, on_search_read);
}

void control_log_search(struct control_log *log)
{
    struct control_search *search = &log->search;
    check(search->ended != NULL);
    if (search->position >= search->end) {
        search->ended(log);
        return;
    }
    sides_read(log, search->slot, search->position, on_search_read);
}
