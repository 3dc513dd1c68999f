/* How a message is printed: text, the payload alone, hex, JSON, chosen fields, or a template.
 *
 *     %p partition   %o offset       %t time of the append (RFC 3339)   %T the same in microseconds
 *     %i id, hex     %v payload      %x payload in hex                  %s size of the payload
 *     %h headers, key=value with commas between                         %H{KEY} one of them
 *     %% a percent   \n \t \\ \0 in the template as in C */
#pragma once

#include <stdio.h>

#include "base/str.h"
#include "client/client.h"

enum message_form { MESSAGE_TEMPLATE, MESSAGE_JSON, MESSAGE_FIELDS };

#define MESSAGE_FIELDS_MAX 8u

struct message_format {
    enum message_form form;
    const char *template;
    u8 fields[MESSAGE_FIELDS_MAX]; /* of JSON and FIELDS, in order; none: all */
    u32 fields_count;
};

struct message_format_choice {
    const char *format; /* text, raw, hex, json */
    const char *template;
    const char *fields;
    bool json;
    bool shows_partition; /* in text, because there is more than one */
};

must_check bool message_format_init(struct message_format *format,
                                    const struct message_format_choice *choice, struct err *err);

void message_format_print(const struct message_format *format, FILE *file, u32 partition_id,
                          const struct polled_message *message);
