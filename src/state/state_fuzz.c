/* Any bytes as a run of commands, each behind its size: what state_check allows, state_apply does
 * without failing a check, and a snapshot of what came of it loads to the same content. */
#include "state/state.h"

#include <stdlib.h>

#include "base/mem.h"
#include "state/state_command.h"
#include "tests/fuzz/fuzz.h"

static const struct state_options options = {
    .cores_count = 2,
    .streams_max = 4,
    .topics_max = 6,
    .partitions_max = 16,
    .users_max = 3,
    .grants_max = 8,
    .tokens_max = 4,
    .sessions_max = 3,
};

static void fuzz_command(struct state *state, struct span bytes)
{
    u8 again[STATE_COMMAND_BYTES_MAX];
    struct state_command command;
    if (state_command_decode(bytes, &command) != OK) {
        check(state_check(state, bytes) == WIRE_INVALID_COMMAND);
        return;
    }
    struct writer writer = writer_over(again, sizeof(again));
    state_command_encode(&command, &writer);
    check(!writer.failed);
    check(span_equal(bytes, (struct span){again, writer.position}));
    if (state_check(state, bytes) == WIRE_OK) {
        state_apply(state, state_index(state) + 1, bytes, NULL, NULL);
    }
}

static void fuzz_snapshot(const struct state *state, struct state *copy)
{
    u8 piece[4 * KIB];
    struct state_cursor cursor = {0};
    bool more = true;
    while (more) {
        struct writer writer = writer_over(piece, sizeof(piece));
        more = state_save(state, &cursor, &writer);
        check(state_load(copy, (struct span){piece, writer.position}) == OK);
    }
    state_load_done(copy, state_index(state));
    check(state_content_hash(copy) == state_content_hash(state));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct arena arena;
    if (!arena_create(&arena, 2 * state_bytes(&options))) {
        abort();
    }
    struct state *state = state_create(&arena, &options);
    struct reader reader = reader_over(data, (u32)size);
    while (reader_left(&reader) > 0) {
        u32 bytes = read_u8(&reader);
        struct span command = read_span(&reader, bytes);
        if (reader.failed) {
            break;
        }
        fuzz_command(state, command);
    }
    fuzz_snapshot(state, state_create(&arena, &options));
    arena_destroy(&arena);
    return 0;
}
