/* The two hash functions that the protocol prescribes, XXH3-64 (seed 0) and XXH32 (seed 0), behind
 * a face of our own, so that one file alone includes the library (xxh3.c). */
#pragma once

#include "base/bytes.h"
#include "base/types.h"

/* XXH3-64 of a run of bytes. */
u64 xxh3(const void *data, size_t size);

/* XXH32, seed 0: partition of a message key, key of a named consumer. */
u32 xxh32(struct span data);

/* XXH3-64 of bytes that come in pieces. */
struct xxh3_stream {
    _Alignas(64) u8 state[576];
};

void xxh3_stream_init(struct xxh3_stream *stream);
void xxh3_stream_update(struct xxh3_stream *stream, const void *data, size_t size);
u64 xxh3_stream_digest(const struct xxh3_stream *stream);
