#include "cli/message_format.h"

#include <string.h>

#include "base/json_text.h"
#include "cli/header_text.h"
#include "cli/json_put.h"
#include "cli/output.h"

enum message_field {
    FIELD_PARTITION,
    FIELD_OFFSET,
    FIELD_TIMESTAMP,
    FIELD_ORIGIN_TIMESTAMP,
    FIELD_ID,
    FIELD_HEADERS,
    FIELD_SIZE,
    FIELD_PAYLOAD,
};

static const char *const field_names[MESSAGE_FIELDS_MAX] = {
    "partition", "offset", "timestamp", "origin_timestamp", "id", "headers", "size", "payload"};

/* ---- Choosing ---- */

static bool add_field(struct message_format *format, const char *name, size_t size)
{
    for (u8 i = 0; i < MESSAGE_FIELDS_MAX; i++) {
        if (strlen(field_names[i]) == size && memcmp(field_names[i], name, size) == 0 &&
            format->fields_count < MESSAGE_FIELDS_MAX) {
            format->fields[format->fields_count++] = i;
            return true;
        }
    }
    return false;
}

static bool read_fields(struct message_format *format, const char *list, struct err *err)
{
    for (const char *at = list;; at++) {
        size_t size = strcspn(at, ",");
        if (!add_field(format, at, size)) {
            return err_set(err,
                           "--fields: \"%.*s\" is no field: partition, offset, timestamp, "
                           "origin_timestamp, id, headers, size, payload",
                           (int)(size > 40 ? 40 : size), at);
        }
        at += size;
        if (*at == 0) {
            return true;
        }
    }
}

static bool judge_template(const char *text, struct err *err)
{
    for (const char *at = strchr(text, '%'); at != NULL; at = strchr(at + 2, '%')) {
        bool is_header = at[1] == 'H';
        if (at[1] == 0 || strchr("potTivxshH%", at[1]) == NULL ||
            (is_header && (at[2] != '{' || strchr(at, '}') == NULL))) {
            return err_set(err, "--template: there is no %.3s: `levriero message poll --help`", at);
        }
    }
    return true;
}

bool message_format_init(struct message_format *format, const struct message_format_choice *choice,
                         struct err *err)
{
    *format = (struct message_format){0};
    bool is_json = choice->json || strcmp(choice->format, "json") == 0;
    if (choice->fields != NULL && !read_fields(format, choice->fields, err)) {
        return false;
    }
    if (choice->template != NULL) {
        format->template = choice->template;
        return judge_template(choice->template, err);
    }
    format->form = is_json                  ? MESSAGE_JSON
                   : choice->fields != NULL ? MESSAGE_FIELDS
                                            : MESSAGE_TEMPLATE;
    if (strcmp(choice->format, "raw") == 0) {
        format->template = "%v\\n";
    } else if (strcmp(choice->format, "hex") == 0) {
        format->template = choice->shows_partition ? "%p/%o: %x\\n" : "%o: %x\\n";
    } else {
        format->template = choice->shows_partition ? "%p/%o: %v\\n" : "%o: %v\\n";
    }
    return true;
}

/* ---- Pieces ---- */

static void put_payload(FILE *file, struct span payload)
{
    if (payload.size > 0) {
        fwrite(payload.data, 1, payload.size, file);
    }
}

static void put_hex(FILE *file, struct span payload)
{
    for (u32 i = 0; i < payload.size; i++) {
        fprintf(file, "%02x", payload.data[i]);
    }
}

static void put_time(FILE *file, u64 time_us)
{
    char text[TIME_TEXT_BYTES];
    output_time_text(text, time_us);
    fputs(text, file);
}

static void put_id(FILE *file, struct u128 id)
{
    fprintf(file, "%016llx%016llx", (unsigned long long)id.high, (unsigned long long)id.low);
}

static void put_headers(FILE *file, struct span headers)
{
    struct reader reader = reader_over(headers.data, headers.size);
    struct user_header header;
    char value[HEADER_TEXT_BYTES];
    const char *between = "";
    while (read_user_header(&reader, &header)) {
        header_value_text(&header, value);
        fprintf(file, "%s%.*s=%s", between, (int)header.key.size, header.key.data, value);
        between = ",";
    }
}

/* Nothing, when there is no such header. */
static void put_header(FILE *file, struct span headers, struct span key)
{
    struct reader reader = reader_over(headers.data, headers.size);
    struct user_header header;
    char value[HEADER_TEXT_BYTES];
    while (read_user_header(&reader, &header)) {
        if (span_equal(header.key, key)) {
            header_value_text(&header, value);
            fputs(value, file);
            return;
        }
    }
}

static void put_number(FILE *file, u64 number)
{
    fprintf(file, "%llu", (unsigned long long)number);
}

/* ---- Templates ---- */

struct printing {
    FILE *file;
    u32 partition_id;
    const struct polled_message *message;
};

/* What stands behind a percent; gives what follows it. */
static const char *put_directive(const struct printing *print, const char *at)
{
    const struct polled_message *message = print->message;
    switch (*at) {
    case 'p': put_number(print->file, print->partition_id); break;
    case 'o': put_number(print->file, message->offset); break;
    case 't': put_time(print->file, message->timestamp_us); break;
    case 'T': put_number(print->file, message->timestamp_us); break;
    case 'i': put_id(print->file, message->id); break;
    case 'v': put_payload(print->file, message->payload); break;
    case 'x': put_hex(print->file, message->payload); break;
    case 's': put_number(print->file, message->payload.size); break;
    case 'h': put_headers(print->file, message->user_headers); break;
    case 'H': {
        size_t size = strcspn(at, "}");
        put_header(print->file, message->user_headers,
                   (struct span){(const u8 *)at + 2, (u32)size - 2});
        return at + size + 1;
    }
    default: fputc(*at, print->file); break;
    }
    return at + 1;
}

static const char *put_escape(FILE *file, const char *at)
{
    switch (*at) {
    case 'n': fputc('\n', file); return at + 1;
    case 't': fputc('\t', file); return at + 1;
    case '0': fputc(0, file); return at + 1;
    case 0: fputc('\\', file); return at;
    default: fputc(*at, file); return at + 1;
    }
}

static void put_template(const struct printing *print, const char *template)
{
    for (const char *at = template; *at != 0;) {
        if (*at == '%') {
            at = put_directive(print, at + 1);
        } else if (*at == '\\') {
            at = put_escape(print->file, at + 1);
        } else {
            fputc(*at++, print->file);
        }
    }
}

/* ---- Fields ---- */

static void put_field(const struct printing *print, enum message_field field)
{
    const struct polled_message *message = print->message;
    switch (field) {
    case FIELD_PARTITION: put_number(print->file, print->partition_id); break;
    case FIELD_OFFSET: put_number(print->file, message->offset); break;
    case FIELD_TIMESTAMP: put_time(print->file, message->timestamp_us); break;
    case FIELD_ORIGIN_TIMESTAMP: put_time(print->file, message->origin_timestamp_us); break;
    case FIELD_ID: put_id(print->file, message->id); break;
    case FIELD_HEADERS: put_headers(print->file, message->user_headers); break;
    case FIELD_SIZE: put_number(print->file, message->payload.size); break;
    case FIELD_PAYLOAD: put_payload(print->file, message->payload); break;
    }
}

static void put_json_headers(FILE *file, struct span headers)
{
    struct reader reader = reader_over(headers.data, headers.size);
    struct user_header header;
    char value[HEADER_TEXT_BYTES];
    const char *between = "";
    fputc('[', file);
    while (read_user_header(&reader, &header)) {
        fprintf(file, "%s{\"key\":", between);
        json_put_text(file, header.key);
        fprintf(file, ",\"kind\":\"%s\",\"value\":", header_kind_name(header.value_kind));
        header_value_text(&header, value);
        json_put_text(file, span_of(value));
        fputc('}', file);
        between = ",";
    }
    fputc(']', file);
}

/* Bytes that are no text are another member, so that neither has to be guessed. */
static void put_json_payload(FILE *file, struct span payload)
{
    if (utf8_is_text(payload)) {
        fputs("\"payload\":", file);
        json_put_text(file, payload);
    } else {
        fputs("\"payload_base64\":", file);
        json_put_base64(file, payload);
    }
}

static void put_json_field(const struct printing *print, enum message_field field)
{
    if (field == FIELD_PAYLOAD) {
        put_json_payload(print->file, print->message->payload);
        return;
    }
    bool is_text = field == FIELD_TIMESTAMP || field == FIELD_ORIGIN_TIMESTAMP || field == FIELD_ID;
    fprintf(print->file, "\"%s\":%s", field_names[field], is_text ? "\"" : "");
    if (field == FIELD_HEADERS) {
        put_json_headers(print->file, print->message->user_headers);
    } else {
        put_field(print, field);
    }
    fputs(is_text ? "\"" : "", print->file);
}

void message_format_print(const struct message_format *format, FILE *file, u32 partition_id,
                          const struct polled_message *message)
{
    struct printing print = {file, partition_id, message};
    if (format->form == MESSAGE_TEMPLATE) {
        put_template(&print, format->template);
        return;
    }
    bool is_json = format->form == MESSAGE_JSON;
    u32 count = format->fields_count == 0 ? MESSAGE_FIELDS_MAX : format->fields_count;
    fputs(is_json ? "{" : "", file);
    for (u32 i = 0; i < count; i++) {
        u32 field = format->fields_count == 0 ? i : format->fields[i];
        fputs(i == 0 ? "" : is_json ? "," : "\t", file);
        if (is_json) {
            put_json_field(&print, (enum message_field)field);
        } else {
            put_field(&print, (enum message_field)field);
        }
    }
    fputs(is_json ? "}\n" : "\n", file);
}
