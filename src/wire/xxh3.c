#include "wire/xxh3.h"

#include "wire/xxh3_avx2.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static_assert(sizeof(XXH3_state_t) <= sizeof(struct xxh3_stream), "room for the library's state");
static_assert(_Alignof(XXH3_state_t) <= _Alignof(struct xxh3_stream), "and as aligned");

static XXH3_state_t *library_state(struct xxh3_stream *stream)
{
    return (XXH3_state_t *)(void *)stream->state;
}

/* Below it the library's way is the same for every processor. */
#define LONG_BYTES (XXH3_MIDSIZE_MAX + 1)

u64 xxh3(const void *data, size_t size)
{
    if (size >= LONG_BYTES && xxh3_avx2_is_there()) {
        return xxh3_avx2(data, size);
    }
    return XXH3_64bits(data, size);
}

u32 xxh32(struct span data)
{
    return XXH32(data.data, data.size, 0);
}

void xxh3_stream_init(struct xxh3_stream *stream)
{
    XXH3_64bits_reset(library_state(stream));
}

void xxh3_stream_update(struct xxh3_stream *stream, const void *data, size_t size)
{
    if (size >= LONG_BYTES && xxh3_avx2_is_there()) {
        xxh3_avx2_update(stream->state, data, size);
        return;
    }
    XXH3_64bits_update(library_state(stream), data, size);
}

u64 xxh3_stream_digest(const struct xxh3_stream *stream)
{
    return XXH3_64bits_digest((const XXH3_state_t *)(const void *)stream->state);
}
