#include "cli/message_input.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/header_text.h"
#include "cli/json_read.h"

#define READ_BYTES (64u << 10)

void message_input_init(struct message_input *input, int fd, enum input_form form)
{
    *input = (struct message_input){.fd = fd, .form = form};
}

void message_input_deinit(struct message_input *input)
{
    mem_return(input->memory);
}

/* ---- Bytes ---- */

static void make_room(struct message_input *input)
{
    if (input->begin > 0) {
        memmove(input->memory, input->memory + input->begin, input->end - input->begin);
        input->end -= input->begin;
        input->begin = 0;
    }
    if (input->capacity - input->end < READ_BYTES) {
        input->capacity = u32_max(2 * input->capacity, 2 * READ_BYTES);
        input->memory = mem_resize(input->memory, input->capacity);
    }
}

static bool has_bytes_now(const struct message_input *input)
{
    struct pollfd ready = {.fd = input->fd, .events = POLLIN};
    return poll(&ready, 1, 0) > 0;
}

/* Reads on. INPUT_MESSAGE: there is more, or the end. */
static enum input_result read_more(struct message_input *input, struct err *err)
{
    if (input->end - input->begin > INPUT_MESSAGE_BYTES_MAX) {
        err_set(err, "message %llu has more than 60 MiB",
                (unsigned long long)input->messages_count + 1);
        return INPUT_BROKEN;
    }
    if (!input->paused && !has_bytes_now(input)) {
        input->paused = true;
        return INPUT_PAUSE;
    }
    input->paused = false;
    make_room(input);
    ssize_t got = 0;
    do {
        got = read(input->fd, input->memory + input->end, READ_BYTES);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        err_set(err, "reading failed: %s", strerror(errno));
        return INPUT_BROKEN;
    }
    input->is_at_end = got == 0;
    input->end += (u32)got;
    input->bytes_read += (u64)got;
    return INPUT_MESSAGE;
}

/* ---- Records ---- */

static enum input_result next_line(struct message_input *input, struct span *line, struct err *err)
{
    u32 searched = 0;
    for (;;) {
        u32 size = input->end - input->begin;
        u8 *from = size == 0 ? NULL : input->memory + input->begin;
        u8 *found = size == searched ? NULL : memchr(from + searched, '\n', size - searched);
        if (found != NULL || (input->is_at_end && size > 0)) {
            *line = (struct span){from, found == NULL ? size : (u32)(found - from)};
            input->begin += line->size + (found != NULL);
            return INPUT_MESSAGE;
        }
        if (input->is_at_end) {
            return INPUT_END;
        }
        searched = size;
        enum input_result result = read_more(input, err);
        if (result != INPUT_MESSAGE) {
            return result;
        }
    }
}

/* At least `size` bytes, or the end before them. */
static enum input_result have(struct message_input *input, u32 size, struct err *err)
{
    while (input->end - input->begin < size && !input->is_at_end) {
        enum input_result result = read_more(input, err);
        if (result != INPUT_MESSAGE) {
            return result;
        }
    }
    return INPUT_MESSAGE;
}

static enum input_result cut_short(const struct message_input *input, struct err *err)
{
    err_set(err, "message %llu: the input ends inside it",
            (unsigned long long)input->messages_count + 1);
    return INPUT_BROKEN;
}

static enum input_result next_counted(struct message_input *input, struct span *record,
                                      struct err *err)
{
    enum input_result result = have(input, 4, err);
    u32 there = input->end - input->begin;
    if (result != INPUT_MESSAGE || there == 0) {
        return result != INPUT_MESSAGE ? result : INPUT_END;
    }
    if (there < 4) {
        return cut_short(input, err);
    }
    u32 size = get_u32(input->memory + input->begin);
    if (size > INPUT_MESSAGE_BYTES_MAX) {
        err_set(err, "message %llu: a length of %u bytes is none: is the input length-prefixed?",
                (unsigned long long)input->messages_count + 1, size);
        return INPUT_BROKEN;
    }
    result = have(input, 4 + size, err);
    if (result != INPUT_MESSAGE) {
        return result;
    }
    if (input->end - input->begin < 4 + size) {
        return cut_short(input, err);
    }
    *record = (struct span){input->memory + input->begin + 4, size};
    input->begin += 4 + size;
    return INPUT_MESSAGE;
}

static enum input_result next_whole(struct message_input *input, struct span *record,
                                    struct err *err)
{
    if (input->messages_count > 0) {
        return INPUT_END;
    }
    enum input_result result = have(input, UINT32_MAX, err);
    if (result == INPUT_MESSAGE) {
        *record = (struct span){input->memory + input->begin, input->end - input->begin};
    }
    return result;
}

/* ---- JSON ---- */

static bool read_id(struct span text, struct u128 *id)
{
    u64 halves[2] = {0, 0};
    if (text.size != 32) {
        return false;
    }
    for (u32 i = 0; i < 32; i++) {
        u8 digit = text.data[i];
        u32 value = digit >= '0' && digit <= '9'   ? (u32)(digit - '0')
                    : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10u
                    : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10u
                                                   : 16;
        if (value == 16) {
            return false;
        }
        halves[i / 16] = halves[i / 16] << 4 | value;
    }
    *id = (struct u128){.low = halves[1], .high = halves[0]};
    return true;
}

static bool read_u32_text(struct span text, u32 *number)
{
    char digits[16];
    u64 value = 0;
    bool good = text.size < sizeof(digits) &&
                str_format(digits, sizeof(digits), "%.*s", (int)text.size, text.data) &&
                str_to_u64(digits, &value) && value <= UINT32_MAX;
    *number = (u32)value;
    return good;
}

/* {"key":"source","kind":"string","value":"shop"} */
static bool read_header(struct span text, struct writer *headers, struct err *err)
{
    struct json_read read = json_read_over(text);
    struct header_parts parts = {0};
    struct json_value value;
    struct span key;
    while (json_read_member(&read, &key)) {
        if (!json_read_value(&read, &value)) {
            break;
        }
        if (span_equal(key, span_of("key"))) {
            parts.key = value.text;
        } else if (span_equal(key, span_of("kind"))) {
            parts.kind = value.text;
        } else if (span_equal(key, span_of("value"))) {
            parts.value = value.text;
        }
    }
    return read.failed ? err_set(err, "a header is no JSON object")
                       : header_text_write(&parts, headers, err);
}

static bool read_header_list(struct span text, struct writer *headers, struct err *err)
{
    struct json_read read = json_read_over(text);
    struct json_value value;
    while (json_read_value(&read, &value)) {
        if (value.kind != JSON_OBJECT) {
            return err_set(err, "headers is a list of {\"key\",\"kind\",\"value\"}");
        }
        if (!read_header(value.text, headers, err)) {
            return false;
        }
    }
    return !read.failed || err_set(err, "headers is no JSON array");
}

/* {"source":"shop"} */
static bool read_header_texts(struct span text, struct writer *headers, struct err *err)
{
    struct json_read read = json_read_over(text);
    struct json_value value;
    struct header_parts parts = {0};
    while (json_read_member(&read, &parts.key)) {
        if (!json_read_value(&read, &value)) {
            break;
        }
        parts.value = value.text;
        if (value.kind != JSON_TEXT || !header_text_write(&parts, headers, err)) {
            return value.kind == JSON_TEXT ||
                   err_set(err, "headers is an object of texts, or a list");
        }
    }
    return !read.failed || err_set(err, "headers is no JSON object");
}

/* False when a member that we know has a value that is none. */
static bool read_member(struct span key, struct json_value *value, struct input_message *message,
                        struct writer *headers, struct err *err)
{
    bool is_null = value->kind == JSON_NULL;
    if (span_equal(key, span_of("payload"))) {
        message->payload = value->text;
        return value->kind == JSON_TEXT || err_set(err, "payload is no text");
    }
    if (span_equal(key, span_of("payload_base64"))) {
        bool good = value->kind == JSON_TEXT && json_decode_base64(&value->text);
        message->payload = value->text;
        return good || err_set(err, "payload_base64 is no base64");
    }
    if (span_equal(key, span_of("key")) && !is_null) {
        message->key = value->text;
        return (value->kind == JSON_TEXT && value->text.size >= 1 && value->text.size <= 255) ||
               err_set(err, "key is no text of 1 to 255 bytes");
    }
    if (span_equal(key, span_of("id")) && !is_null) {
        return read_id(value->text, &message->id) || err_set(err, "id is not 32 hex digits");
    }
    if (span_equal(key, span_of("partition")) && !is_null) {
        message->has_partition = true;
        return (value->kind == JSON_NUMBER && read_u32_text(value->text, &message->partition_id)) ||
               err_set(err, "partition is no whole number");
    }
    if (span_equal(key, span_of("headers")) && !is_null) {
        return value->kind == JSON_OBJECT ? read_header_texts(value->text, headers, err)
                                          : read_header_list(value->text, headers, err);
    }
    return true;
}

static bool read_object(struct message_input *input, struct span line,
                        struct input_message *message, struct err *err)
{
    struct json_read read = json_read_over(line);
    struct writer headers = writer_over(input->headers, sizeof(input->headers));
    struct json_value value;
    struct span key;
    while (json_read_member(&read, &key)) {
        if (!json_read_value(&read, &value)) {
            break;
        }
        if (!read_member(key, &value, message, &headers, err)) {
            return false;
        }
    }
    if (read.failed) {
        return err_set(err, "no JSON object");
    }
    message->headers = (struct span){input->headers, headers.position};
    return message->payload.data != NULL || err_set(err, "neither payload nor payload_base64");
}

enum input_result message_input_next(struct message_input *input, struct input_message *message,
                                     struct err *err)
{
    struct span record = {0};
    struct err reason;
    enum input_result result = INPUT_END;
    switch (input->form) {
    case INPUT_LINES:
    case INPUT_JSON: result = next_line(input, &record, err); break;
    case INPUT_LENGTH: result = next_counted(input, &record, err); break;
    case INPUT_WHOLE: result = next_whole(input, &record, err); break;
    }
    if (result != INPUT_MESSAGE) {
        return result;
    }
    *message = (struct input_message){.payload = record};
    if (input->form == INPUT_JSON) {
        *message = (struct input_message){0};
        if (!read_object(input, record, message, &reason)) {
            err_set(err, "line %llu: %s", (unsigned long long)input->messages_count + 1,
                    reason.text);
            return INPUT_BROKEN;
        }
    }
    input->messages_count++;
    return INPUT_MESSAGE;
}
