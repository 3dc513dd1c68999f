/* A batch. All integers little-endian; nothing is aligned.
 *
 *      0    8  partition_id u64         producers send 0, the server stamps it
 *      8    8  base_offset u64          likewise
 *     16    8  base_timestamp u64       likewise: microseconds of the append
 *     24    8  origin_timestamp u64     smallest client time in the batch
 *     32    8  batch_length u64         256 + frames
 *     40    8  batch_checksum u64
 *     48    4  message_count u32
 *     52  204  reserved                 zero on the wire; a stored batch may carry our data here
 *    256       frames, back to back
 *
 * A frame:
 *
 *      0    8  checksum u64             XXH3-64 of everything behind it
 *      8   16  id u128
 *     24    4  offset_delta u32         index in the batch
 *     28    4  timestamp_delta u32      microseconds after origin_timestamp
 *     32    4  user_headers_length u32
 *     36    4  payload_length u32
 *     40    8  reserved u64             zero
 *     48       payload, then user headers (the lengths come in the other order)
 *
 * batch_checksum is XXH3-64 over bytes 0 to 39 and 48 to 51 of the header, then the checksum bytes
 * of every frame in order. */
#include "wire/batch.h"

#include "base/check.h"

#define DIGEST_HEADER_BYTES 44u

void batch_header_decode(const u8 *bytes, struct batch_header *header)
{
    *header = (struct batch_header){
        .partition_id = get_u64(bytes),
        .base_offset = get_u64(bytes + 8),
        .base_timestamp_us = get_u64(bytes + 16),
        .origin_timestamp_us = get_u64(bytes + 24),
        .batch_length = get_u64(bytes + 32),
        .batch_checksum = get_u64(bytes + 40),
        .message_count = get_u32(bytes + 48),
    };
}

void batch_header_encode(const struct batch_header *header, u8 *bytes)
{
    put_u64(bytes, header->partition_id);
    put_u64(bytes + 8, header->base_offset);
    put_u64(bytes + 16, header->base_timestamp_us);
    put_u64(bytes + 24, header->origin_timestamp_us);
    put_u64(bytes + 32, header->batch_length);
    put_u64(bytes + 40, header->batch_checksum);
    put_u32(bytes + 48, header->message_count);
    memset(bytes + BATCH_RESERVED_POSITION, 0, BATCH_RESERVED_BYTES);
}

void batch_serve_header(const u8 *stored, u8 served[BATCH_HEADER_BYTES])
{
    memcpy(served, stored, BATCH_RESERVED_POSITION);
    memset(served + BATCH_RESERVED_POSITION, 0, BATCH_RESERVED_BYTES);
}

struct batch_iterator batch_iterate(const u8 *batch, u32 batch_bytes)
{
    check(batch_bytes >= BATCH_HEADER_BYTES);
    return (struct batch_iterator){
        .batch = batch, .batch_bytes = batch_bytes, .position = BATCH_HEADER_BYTES};
}

bool batch_next(struct batch_iterator *iterator, struct message_frame *frame)
{
    u32 left = iterator->batch_bytes - iterator->position;
    if (left < MESSAGE_FRAME_HEADER_BYTES) {
        return false;
    }
    const u8 *bytes = iterator->batch + iterator->position;
    u32 user_headers_bytes = get_u32(bytes + 32);
    u32 payload_bytes = get_u32(bytes + 36);
    u64 size = (u64)MESSAGE_FRAME_HEADER_BYTES + payload_bytes + user_headers_bytes;
    if (size > left) {
        return false;
    }
    const u8 *payload = bytes + MESSAGE_FRAME_HEADER_BYTES;
    *frame = (struct message_frame){
        .checksum = get_u64(bytes),
        .id = get_u128(bytes + 8),
        .offset_delta = get_u32(bytes + 24),
        .timestamp_delta_us = get_u32(bytes + 28),
        .payload = {payload, payload_bytes},
        .user_headers = {payload + payload_bytes, user_headers_bytes},
        .position = iterator->position,
        .size = (u32)size,
    };
    iterator->position += (u32)size;
    return true;
}

bool batch_find(const u8 *batch, u32 batch_bytes, u32 offset_delta, struct message_frame *frame)
{
    struct batch_iterator iterator = batch_iterate(batch, batch_bytes);
    struct message_frame candidate;
    while (batch_next(&iterator, &candidate)) {
        if (candidate.offset_delta >= offset_delta) {
            *frame = candidate;
            return true;
        }
    }
    return false;
}

void batch_digest_init(struct batch_digest *digest, const struct batch_header *header)
{
    digest->streaming = false;
    digest->gathered_bytes = DIGEST_HEADER_BYTES;
    put_u64(digest->gathered, header->partition_id);
    put_u64(digest->gathered + 8, header->base_offset);
    put_u64(digest->gathered + 16, header->base_timestamp_us);
    put_u64(digest->gathered + 24, header->origin_timestamp_us);
    put_u64(digest->gathered + 32, header->batch_length);
    put_u32(digest->gathered + 40, header->message_count);
}

static void digest_flush(struct batch_digest *digest)
{
    if (!digest->streaming) {
        xxh3_stream_init(&digest->stream);
        digest->streaming = true;
    }
    xxh3_stream_update(&digest->stream, digest->gathered, digest->gathered_bytes);
    digest->gathered_bytes = 0;
}

void batch_digest_add(struct batch_digest *digest, const u8 *checksum)
{
    if (digest->gathered_bytes + sizeof(u64) > BATCH_DIGEST_GATHERED_BYTES) {
        digest_flush(digest);
    }
    memcpy(digest->gathered + digest->gathered_bytes, checksum, sizeof(u64));
    digest->gathered_bytes += (u32)sizeof(u64);
}

void batch_digest_add_run(struct batch_digest *digest, const u8 *checksums, u32 count)
{
    if (count <= (BATCH_DIGEST_GATHERED_BYTES - digest->gathered_bytes) / sizeof(u64)) {
        memcpy(digest->gathered + digest->gathered_bytes, checksums, count * sizeof(u64));
        digest->gathered_bytes += count * (u32)sizeof(u64);
        return;
    }
    digest_flush(digest);
    xxh3_stream_update(&digest->stream, checksums, count * sizeof(u64));
}

u64 batch_digest_finish(struct batch_digest *digest)
{
    if (!digest->streaming) {
        return xxh3(digest->gathered, digest->gathered_bytes);
    }
    digest_flush(digest);
    return xxh3_stream_digest(&digest->stream);
}
