/* Any bytes as a piece of a snapshot: refused, or a state that is sound and saves to itself. */
#include <stdlib.h>

#include "base/mem.h"
#include "state/state.h"
#include "tests/fuzz/fuzz.h"

static const struct state_options options = {
    .cores_count = 3,
    .streams_max = 8,
    .topics_max = 8,
    .partitions_max = 64,
    .users_max = 4,
    .grants_max = 8,
    .tokens_max = 4,
    .sessions_max = 1,
};

static void check_topics(const struct state *state, u32 stream_id)
{
    for (const struct state_topic *topic = state_topic_next(state, stream_id, UINT32_MAX);
         topic != NULL; topic = state_topic_next(state, stream_id, topic->id)) {
        check(topic->life <= state_life_max(state));
        for (u32 id = 0; id < topic->partitions_count; id++) {
            check(state_partition_find(state, stream_id, topic->id, id) != NULL);
        }
    }
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct arena arena;
    if (!arena_create(&arena, 2 * state_bytes(&options))) {
        abort();
    }
    struct state *state = state_create(&arena, &options);
    if (state_load(state, (struct span){data, (u32)size}) == OK) {
        state_load_done(state, UINT64_MAX);
        for (const struct state_stream *stream = state_stream_next(state, UINT32_MAX);
             stream != NULL; stream = state_stream_next(state, stream->id)) {
            check_topics(state, stream->id);
        }
        u8 piece[64 * KIB];
        struct writer writer = writer_over(piece, sizeof(piece));
        struct state_cursor cursor = {0};
        struct state *copy = state_create(&arena, &options);
        check(!state_save(state, &cursor, &writer));
        check(state_load(copy, (struct span){piece, writer.position}) == OK);
        check(state_content_hash(copy) == state_content_hash(state));
    }
    arena_destroy(&arena);
    return 0;
}
