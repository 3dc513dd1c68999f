/* Messages out of a file or a pipe, one after the other, in constant memory:
 *
 *     lines    each line; the last may lack its end
 *     json     each line an object: payload or payload_base64, and if one likes id (32 hex digits),
 *              key, partition, headers (a list of {key, kind, value}, or an object of texts);
 *              anything else is skipped, so that what a poll printed can be sent again
 *     length   u32 little-endian length, then so many bytes, and so on
 *     whole    all of it is one message
 *
 * INPUT_PAUSE says that nothing is there at the moment: what was read so far should be sent, then
 * ask again. What a message holds is good until the next call. */
#pragma once

#include "base/bytes.h"
#include "base/str.h"

enum input_form { INPUT_LINES, INPUT_JSON, INPUT_LENGTH, INPUT_WHOLE };
enum input_result { INPUT_MESSAGE, INPUT_PAUSE, INPUT_END, INPUT_BROKEN };

#define INPUT_MESSAGE_BYTES_MAX (60u << 20)
#define INPUT_HEADERS_BYTES 8192u

struct message_input {
    int fd;
    enum input_form form;
    u8 *memory;
    u32 capacity;
    u32 begin; /* what is read and not given yet lies from here */
    u32 end;
    bool is_at_end; /* the file gave all it has */
    bool paused;    /* the last answer was a pause: now wait */
    u64 bytes_read;
    u64 messages_count;
    u8 headers[INPUT_HEADERS_BYTES];
};

struct input_message {
    struct span payload;
    struct span headers;
    struct span key; /* empty: none */
    struct u128 id;
    bool has_partition;
    u32 partition_id;
};

void message_input_init(struct message_input *input, int fd, enum input_form form);
void message_input_deinit(struct message_input *input);

/* `err` is filled in for INPUT_BROKEN alone. */
must_check enum input_result message_input_next(struct message_input *input,
                                                struct input_message *message, struct err *err);
