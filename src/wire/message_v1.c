#include "wire/message_v1.h"

#include "base/check.h"

/* A body up to this is moved and hashed in one go, whatever is left of a budget. */
#define WHOLE_BODY_BYTES_MAX (64u * 1024u)

/* Of a frame, what its checksum covers before the payload. */
#define FRAME_HASHED_BYTES (MESSAGE_FRAME_HEADER_BYTES - 8u)
#define MESSAGE_HASHED_BYTES (MESSAGE_V1_HEADER_BYTES - 8u)

void message_v1_decode(const u8 bytes[MESSAGE_V1_HEADER_BYTES], struct message_v1 *message)
{
    *message = (struct message_v1){
        .checksum = get_u64(bytes),
        .id = get_u128(bytes + 8),
        .offset = get_u64(bytes + 24),
        .timestamp_us = get_u64(bytes + 32),
        .origin_timestamp_us = get_u64(bytes + 40),
        .user_headers_bytes = get_u32(bytes + 48),
        .payload_bytes = get_u32(bytes + 52),
        .reserved = get_u64(bytes + 56),
    };
}

void message_v1_encode(const struct message_v1 *message, u8 bytes[MESSAGE_V1_HEADER_BYTES])
{
    put_u64(bytes, message->checksum);
    put_u128(bytes + 8, message->id);
    put_u64(bytes + 24, message->offset);
    put_u64(bytes + 32, message->timestamp_us);
    put_u64(bytes + 40, message->origin_timestamp_us);
    put_u32(bytes + 48, message->user_headers_bytes);
    put_u32(bytes + 52, message->payload_bytes);
    put_u64(bytes + 56, message->reserved);
}

struct u128 message_id_random(struct prng *prng)
{
    u8 bytes[16];
    put_u64(bytes, prng_next(prng));
    put_u64(bytes + 8, prng_next(prng));
    bytes[6] = (u8)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (u8)((bytes[8] & 0x3f) | 0x80);
    return get_u128(bytes);
}

/* ---- What stands before the messages ---- */

u32 send_v1_prefix_bytes(struct span available)
{
    if (available.size < 4) {
        return 4;
    }
    return 4 + u32_min(get_u32(available.data), SEND_METADATA_BYTES_MAX);
}

/* Unlike elsewhere, a name may be any bytes (it is then not found), and all faults are one. */
static struct identifier decode_identifier_v1(struct decoder *decoder)
{
    struct reader *reader = &decoder->reader;
    u8 kind = read_u8(reader);
    u8 size = read_u8(reader);
    struct span value = read_span(reader, size);
    bool is_number = kind == IDENTIFIER_NUMERIC && size == 4;
    bool is_name = kind == IDENTIFIER_NAME && size > 0;
    if (reader->failed || !(is_number || is_name)) {
        reader->failed = false;
        decoder_refuse(decoder, WIRE_INVALID_IDENTIFIER);
        return (struct identifier){0};
    }
    return is_number ? identifier_of_id(get_u32(value.data)) : identifier_of_name(value);
}

/* A key may be empty here: it is hashed like any other. */
static struct partitioning decode_partitioning_v1(struct decoder *decoder)
{
    struct partitioning partitioning = {.kind = read_u8(&decoder->reader)};
    u8 size = read_u8(&decoder->reader);
    struct span value = read_span(&decoder->reader, size);
    if (decoder->reader.failed) {
        return partitioning;
    }
    if (partitioning.kind == PARTITIONING_PARTITION && size == 4) {
        partitioning.partition_id = get_u32(value.data);
    } else if (partitioning.kind == PARTITIONING_KEY) {
        partitioning.key = value;
    } else if (partitioning.kind != PARTITIONING_BALANCED || size != 0) {
        decoder_refuse(decoder, WIRE_INVALID_COMMAND);
    }
    return partitioning;
}

enum wire_error send_v1_decode(struct span available, u32 payload_bytes, struct send_v1 *send)
{
    check(available.size <= payload_bytes);

    if (available.size < 4 || get_u32(available.data) > payload_bytes - 4) {
        return WIRE_INVALID_COMMAND;
    }
    u32 metadata_bytes = get_u32(available.data);
    struct decoder decoder = decoder_over(
        (struct span){available.data + 4, u32_min(metadata_bytes, available.size - 4)});
    struct send_v1 found = {0};
    found.to.stream = decode_identifier_v1(&decoder);
    found.to.topic = decode_identifier_v1(&decoder);
    found.to.partitioning = decode_partitioning_v1(&decoder);
    found.to.messages_count = read_u32(&decoder.reader);
    enum wire_error error = decoder_result(&decoder);
    if (error != WIRE_OK) {
        return error;
    }
    u32 rest_bytes = payload_bytes - 4 - metadata_bytes;
    if (found.to.messages_count > rest_bytes / MESSAGE_V1_INDEX_BYTES) {
        return WIRE_INVALID_COMMAND;
    }
    if (found.to.messages_count == 0) {
        return WIRE_INVALID_MESSAGES_COUNT;
    }
    u32 index_bytes = found.to.messages_count * MESSAGE_V1_INDEX_BYTES;
    found.index_position = 4 + metadata_bytes;
    found.messages_position = found.index_position + index_bytes;
    found.messages_bytes = rest_bytes - index_bytes;
    found.to.batch_position = found.index_position;
    found.to.batch_bytes = rest_bytes;
    *send = found;
    return WIRE_OK;
}

void send_v1_encode(const struct send_request *to, struct writer *writer)
{
    send_request_encode(to, writer);
}

/* ---- Is it sound? ---- */

void messages_v1_check_init(struct messages_v1_check *check, const u8 *payload,
                            const struct send_v1 *send)
{
    *check = (struct messages_v1_check){
        .index = payload + send->index_position,
        .messages = payload + send->messages_position,
        .messages_bytes = send->messages_bytes,
        .messages_count = send->to.messages_count,
    };
}

/* The end of the message under way: by its entry, and for the last by the request. */
static u32 end_of(const struct messages_v1_check *check, u32 entry_position)
{
    return check->done + 1 == check->messages_count ? check->messages_bytes : entry_position;
}

/* The message of `entry`, all of whose header is there if it lies in bounds. */
static enum wire_error judge(const struct messages_v1_check *check, const u8 *entry,
                             const struct message_v1 *message)
{
    u64 bytes = (u64)MESSAGE_V1_HEADER_BYTES + message->payload_bytes + message->user_headers_bytes;
    if (bytes > end_of(check, get_u32(entry + 4)) - check->position) {
        return WIRE_MISSING_INDEX;
    }
    if (message->payload_bytes > MESSAGE_V1_PAYLOAD_BYTES_MAX) {
        return WIRE_TOO_BIG_MESSAGE_PAYLOAD;
    }
    if (message->user_headers_bytes > MESSAGE_V1_USER_HEADERS_BYTES_MAX) {
        return WIRE_TOO_BIG_USER_HEADERS;
    }
    if (message->offset < check->offset_last) {
        return WIRE_INVALID_OFFSET;
    }
    return get_u32(entry + 4) < check->index_position ? WIRE_CANNOT_READ_INDEX_POSITION : WIRE_OK;
}

static enum wire_error judge_entry(const struct messages_v1_check *check, const u8 *entry)
{
    if (get_u32(entry) != 0) {
        return WIRE_NON_ZERO_OFFSET;
    }
    if (get_u64(entry + 8) != 0) {
        return WIRE_NON_ZERO_TIMESTAMP;
    }
    u32 end = end_of(check, get_u32(entry + 4));
    bool in_bounds = end <= check->messages_bytes && end >= check->position &&
                     end - check->position >= MESSAGE_V1_HEADER_BYTES;
    return in_bounds ? WIRE_OK : WIRE_MISSING_INDEX;
}

static void note(struct messages_v1_check *check, const u8 *entry, const struct message_v1 *message)
{
    u64 origin_us = message->origin_timestamp_us;
    check->origin_min_us = check->done == 0 ? origin_us : u64_min(check->origin_min_us, origin_us);
    check->origin_max_us = check->done == 0 ? origin_us : u64_max(check->origin_max_us, origin_us);
    check->offset_last = message->offset;
    check->sum_bytes +=
        (u64)MESSAGE_V1_HEADER_BYTES + message->payload_bytes + message->user_headers_bytes;
    check->index_position = get_u32(entry + 4);
    check->position = end_of(check, check->index_position);
    check->done++;
}

enum batch_check_result messages_v1_check_step(struct messages_v1_check *check,
                                               u32 messages_available, struct batch_budget *budget)
{
    check(messages_available <= check->messages_bytes);

    while (check->error == WIRE_OK && check->done < check->messages_count) {
        const u8 *entry = check->index + (u64)check->done * MESSAGE_V1_INDEX_BYTES;
        if (budget->frames == 0) {
            return BATCH_CHECK_PAUSED;
        }
        check->error = judge_entry(check, entry);
        if (check->error != WIRE_OK) {
            break;
        }
        if (messages_available < check->position + MESSAGE_V1_HEADER_BYTES) {
            return BATCH_CHECK_WAITING;
        }
        budget->frames--;
        struct message_v1 message;
        message_v1_decode(check->messages + check->position, &message);
        check->error = judge(check, entry, &message);
        note(check, entry, &message);
    }
    if (check->error == WIRE_OK && check->sum_bytes != check->messages_bytes) {
        check->error = WIRE_INVALID_MESSAGES_SIZE;
    }
    return check->error == WIRE_OK ? BATCH_CHECK_GOOD : BATCH_CHECK_BAD;
}

/* ---- In: a batch ---- */

bool messages_v1_whole_run(const struct messages_v1_check *check, struct messages_v1_run *run)
{
    check(check->done == check->messages_count);
    check(check->error == WIRE_OK);

    if (check->origin_max_us - check->origin_min_us > UINT32_MAX) {
        return false;
    }
    *run = (struct messages_v1_run){.messages_count = check->messages_count,
                                    .messages_bytes = check->messages_bytes,
                                    .origin_min_us = check->origin_min_us,
                                    .origin_max_us = check->origin_max_us};
    return true;
}

void messages_v1_first_run(const u8 *messages, u32 messages_bytes, u32 messages_max,
                           struct messages_v1_run *run)
{
    check(messages_bytes >= MESSAGE_V1_HEADER_BYTES);
    check(messages_max > 0);

    *run = (struct messages_v1_run){.origin_min_us = UINT64_MAX};
    while (run->messages_count < messages_max && run->messages_bytes < messages_bytes) {
        struct message_v1 message;
        message_v1_decode(messages + run->messages_bytes, &message);
        u64 min_us = u64_min(run->origin_min_us, message.origin_timestamp_us);
        u64 max_us = u64_max(run->origin_max_us, message.origin_timestamp_us);
        if (max_us - min_us > UINT32_MAX) {
            break;
        }
        run->origin_min_us = min_us;
        run->origin_max_us = max_us;
        run->messages_count++;
        run->messages_bytes +=
            MESSAGE_V1_HEADER_BYTES + message.payload_bytes + message.user_headers_bytes;
    }
    check(run->messages_count > 0);
    check(run->messages_bytes <= messages_bytes);
}

u32 messages_v1_batch_bytes(const struct messages_v1_run *run)
{
    u32 saved_bytes = MESSAGE_V1_HEADER_BYTES - MESSAGE_FRAME_HEADER_BYTES;
    return BATCH_HEADER_BYTES + run->messages_bytes - run->messages_count * saved_bytes;
}

void batch_v1_rewrite_init(struct batch_v1_rewrite *rewrite, u8 *batch, const u8 *messages,
                           const struct messages_v1_run *run)
{
    check(run->messages_count > 0);
    check(run->origin_max_us - run->origin_min_us <= UINT32_MAX);

    rewrite->batch = batch;
    rewrite->messages = messages;
    rewrite->run = *run;
    rewrite->written_bytes = BATCH_HEADER_BYTES;
    rewrite->read_bytes = 0;
    rewrite->done = 0;
    rewrite->is_moving = false;
}

/* The header of the next frame, over the header that it was read from or before it. */
static void begin_frame(struct batch_v1_rewrite *rewrite, struct prng *prng)
{
    struct message_v1 message;
    message_v1_decode(rewrite->messages + rewrite->read_bytes, &message);
    if (u128_is_zero(message.id)) {
        message.id = message_id_random(prng);
    }
    u8 *frame = rewrite->batch + rewrite->written_bytes;
    put_u64(frame, 0);
    put_u128(frame + 8, message.id);
    put_u32(frame + 24, rewrite->done);
    put_u32(frame + 28, (u32)(message.origin_timestamp_us - rewrite->run.origin_min_us));
    put_u32(frame + 32, message.user_headers_bytes);
    put_u32(frame + 36, message.payload_bytes);
    put_u64(frame + 40, 0);
    rewrite->body_bytes = message.payload_bytes + message.user_headers_bytes;
}

static void end_frame(struct batch_v1_rewrite *rewrite, u64 checksum)
{
    put_u64(rewrite->batch + rewrite->written_bytes, checksum);
    rewrite->written_bytes += MESSAGE_FRAME_HEADER_BYTES + rewrite->body_bytes;
    rewrite->read_bytes += MESSAGE_V1_HEADER_BYTES + rewrite->body_bytes;
    rewrite->done++;
    rewrite->is_moving = false;
}

/* A small body: it is hashed while it is still in the processor's cache. */
static void move_whole(struct batch_v1_rewrite *rewrite)
{
    u8 *frame = rewrite->batch + rewrite->written_bytes;
    memmove(frame + MESSAGE_FRAME_HEADER_BYTES,
            rewrite->messages + rewrite->read_bytes + MESSAGE_V1_HEADER_BYTES, rewrite->body_bytes);
    end_frame(rewrite, xxh3(frame + 8, FRAME_HASHED_BYTES + rewrite->body_bytes));
}

static void move_piece(struct batch_v1_rewrite *rewrite, u32 bytes)
{
    u8 *to = rewrite->batch + rewrite->written_bytes + MESSAGE_FRAME_HEADER_BYTES +
             rewrite->body_moved_bytes;
    memmove(to,
            rewrite->messages + rewrite->read_bytes + MESSAGE_V1_HEADER_BYTES +
                rewrite->body_moved_bytes,
            bytes);
    xxh3_stream_update(&rewrite->hash, to, bytes);
    rewrite->body_moved_bytes += bytes;
    if (rewrite->body_moved_bytes == rewrite->body_bytes) {
        end_frame(rewrite, xxh3_stream_digest(&rewrite->hash));
    }
}

static void rewrite_next(struct batch_v1_rewrite *rewrite, struct prng *prng,
                         struct batch_budget *budget)
{
    if (!rewrite->is_moving) {
        begin_frame(rewrite, prng);
        budget->frames--;
        if (rewrite->body_bytes <= WHOLE_BODY_BYTES_MAX) {
            budget->bytes -= u32_min(budget->bytes, rewrite->body_bytes);
            move_whole(rewrite);
            return;
        }
        rewrite->is_moving = true;
        rewrite->body_moved_bytes = 0;
        xxh3_stream_init(&rewrite->hash);
        xxh3_stream_update(&rewrite->hash, rewrite->batch + rewrite->written_bytes + 8,
                           FRAME_HASHED_BYTES);
    }
    u32 bytes = u32_min(budget->bytes, rewrite->body_bytes - rewrite->body_moved_bytes);
    budget->bytes -= bytes;
    move_piece(rewrite, bytes);
}

bool batch_v1_rewrite_step(struct batch_v1_rewrite *rewrite, struct prng *prng,
                           struct batch_budget *budget)
{
    while (rewrite->done < rewrite->run.messages_count) {
        if (budget->bytes == 0 || budget->frames == 0) {
            return false;
        }
        rewrite_next(rewrite, prng, budget);
    }
    check(rewrite->read_bytes == rewrite->run.messages_bytes);
    check(rewrite->written_bytes == messages_v1_batch_bytes(&rewrite->run));
    struct batch_header header = {.origin_timestamp_us = rewrite->run.origin_min_us,
                                  .batch_length = rewrite->written_bytes,
                                  .message_count = rewrite->run.messages_count};
    batch_header_encode(&header, rewrite->batch);
    return true;
}

/* ---- Out: messages ---- */

enum emit_step { EMIT_FRAME, EMIT_HASH, EMIT_HEADER, EMIT_BODY };

void messages_v1_emit_init(struct messages_v1_emit *emit, const struct batch_header *header,
                           const u8 *frames)
{
    check(header->batch_length >= BATCH_HEADER_BYTES);

    emit->header = *header;
    emit->frames = frames;
    emit->frames_bytes = (u32)header->batch_length - BATCH_HEADER_BYTES;
    emit->position = 0;
    emit->step = EMIT_FRAME;
}

static const u8 *frame_of(const struct messages_v1_emit *emit)
{
    return emit->frames + emit->position;
}

static const u8 *body_of(const struct messages_v1_emit *emit)
{
    return frame_of(emit) + MESSAGE_FRAME_HEADER_BYTES;
}

/* The header of the message under way, but for its checksum. */
static void make_header(struct messages_v1_emit *emit, u8 *bytes)
{
    const u8 *frame = frame_of(emit);
    struct message_v1 message = {
        .id = get_u128(frame + 8),
        .offset = emit->header.base_offset + get_u32(frame + 24),
        .timestamp_us = emit->header.base_timestamp_us,
        .origin_timestamp_us = emit->header.origin_timestamp_us + get_u32(frame + 28),
        .user_headers_bytes = get_u32(frame + 32),
        .payload_bytes = get_u32(frame + 36),
    };
    message_v1_encode(&message, bytes);
    u64 body_bytes = (u64)message.payload_bytes + message.user_headers_bytes;
    check(body_bytes <= emit->frames_bytes - emit->position - MESSAGE_FRAME_HEADER_BYTES);
    emit->body_bytes = (u32)body_bytes;
}

static void end_message(struct messages_v1_emit *emit)
{
    emit->position += MESSAGE_FRAME_HEADER_BYTES + emit->body_bytes;
    emit->step = EMIT_FRAME;
}

/* The next frame: a small one that fits is written at once, any other begins its long way. False:
 * no room for it. */
static bool emit_frame(struct messages_v1_emit *emit, struct writer *writer,
                       struct batch_budget *budget)
{
    check(emit->frames_bytes - emit->position >= MESSAGE_FRAME_HEADER_BYTES);
    make_header(emit, emit->message);
    if (emit->body_bytes > WHOLE_BODY_BYTES_MAX) {
        budget->frames--;
        xxh3_stream_init(&emit->hash);
        xxh3_stream_update(&emit->hash, emit->message + 8, MESSAGE_HASHED_BYTES);
        emit->body_position = 0;
        emit->step = EMIT_HASH;
        return true;
    }
    u32 bytes = MESSAGE_V1_HEADER_BYTES + emit->body_bytes;
    if (bytes > writer->capacity - writer->position) {
        return false;
    }
    budget->frames--;
    budget->bytes -= u32_min(budget->bytes, emit->body_bytes);
    u8 *to = write_room(writer, bytes);
    memcpy(to, emit->message, MESSAGE_V1_HEADER_BYTES);
    memcpy(to + MESSAGE_V1_HEADER_BYTES, body_of(emit), emit->body_bytes);
    put_u64(to, xxh3(to + 8, MESSAGE_HASHED_BYTES + emit->body_bytes));
    end_message(emit);
    return true;
}

static void emit_hash(struct messages_v1_emit *emit, struct batch_budget *budget)
{
    u32 bytes = u32_min(budget->bytes, emit->body_bytes - emit->body_position);
    xxh3_stream_update(&emit->hash, body_of(emit) + emit->body_position, bytes);
    emit->body_position += bytes;
    budget->bytes -= bytes;
    if (emit->body_position == emit->body_bytes) {
        put_u64(emit->message, xxh3_stream_digest(&emit->hash));
        emit->body_position = 0;
        emit->step = EMIT_HEADER;
    }
}

static bool emit_header(struct messages_v1_emit *emit, struct writer *writer)
{
    if (writer->capacity - writer->position < MESSAGE_V1_HEADER_BYTES) {
        return false;
    }
    write_bytes(writer, emit->message, MESSAGE_V1_HEADER_BYTES);
    emit->step = EMIT_BODY;
    return true;
}

static bool emit_body(struct messages_v1_emit *emit, struct writer *writer,
                      struct batch_budget *budget)
{
    u32 room = writer->capacity - writer->position;
    u32 bytes = u32_min(u32_min(room, budget->bytes), emit->body_bytes - emit->body_position);
    if (bytes == 0) {
        return false;
    }
    write_bytes(writer, body_of(emit) + emit->body_position, bytes);
    emit->body_position += bytes;
    budget->bytes -= bytes;
    if (emit->body_position == emit->body_bytes) {
        end_message(emit);
    }
    return true;
}

static bool emit_next(struct messages_v1_emit *emit, struct writer *writer,
                      struct batch_budget *budget)
{
    switch ((enum emit_step)emit->step) {
    case EMIT_FRAME: return emit_frame(emit, writer, budget);
    case EMIT_HASH: emit_hash(emit, budget); return true;
    case EMIT_HEADER: return emit_header(emit, writer);
    case EMIT_BODY: return emit_body(emit, writer, budget);
    }
    unreachable();
}

bool messages_v1_emit_step(struct messages_v1_emit *emit, struct writer *writer,
                           struct batch_budget *budget)
{
    while (emit->step != EMIT_FRAME || emit->position < emit->frames_bytes) {
        if (budget->bytes == 0 || budget->frames == 0 || !emit_next(emit, writer, budget)) {
            return false;
        }
    }
    return true;
}
