#include "cli/rights_text.h"

#include <string.h>

#include "base/check.h"

static const char *const global_names[GLOBAL_PERMISSIONS_COUNT] = {
    "manage_servers", "read_servers",  "manage_users", "read_users",    "manage_streams",
    "read_streams",   "manage_topics", "read_topics",  "poll_messages", "send_messages",
};
static const char *const stream_names[STREAM_PERMISSIONS_COUNT] = {
    "manage_stream", "read_stream",   "manage_topics",
    "read_topics",   "poll_messages", "send_messages",
};
static const char *const topic_names[TOPIC_PERMISSIONS_COUNT] = {
    "manage_topic",
    "read_topic",
    "poll_messages",
    "send_messages",
};

struct names {
    const char *const *texts;
    u32 count;
    const char *of;
};

static struct names names_of(enum permission_scope scope)
{
    switch (scope) {
    case PERMISSION_GLOBAL: return (struct names){global_names, GLOBAL_PERMISSIONS_COUNT, "server"};
    case PERMISSION_STREAM: return (struct names){stream_names, STREAM_PERMISSIONS_COUNT, "stream"};
    case PERMISSION_TOPIC: return (struct names){topic_names, TOPIC_PERMISSIONS_COUNT, "topic"};
    }
    unreachable();
}

/* ---- Reading ---- */

static bool add_bit(enum permission_scope scope, const char *name, size_t size, u16 *bits)
{
    struct names names = names_of(scope);
    for (u32 i = 0; i < names.count; i++) {
        if (strlen(names.texts[i]) == size && memcmp(names.texts[i], name, size) == 0) {
            *bits = (u16)(*bits | 1u << i);
            return true;
        }
    }
    return false;
}

static bool read_bits(enum permission_scope scope, const char *list, u16 *bits, struct err *err)
{
    for (const char *at = list;; at++) {
        size_t size = strcspn(at, ",");
        if (!add_bit(scope, at, size, bits)) {
            return err_set(err, "\"%.*s\" is no right of a %s", (int)(size > 40 ? 40 : size), at,
                           names_of(scope).of);
        }
        at += size;
        if (*at == 0) {
            return true;
        }
    }
}

/* "7" or "7/3" in front of the colon. */
static bool read_place(const char *word, size_t size, struct permission_entry *entry)
{
    char text[32];
    u64 stream = 0;
    u64 topic = 0;
    if (size >= sizeof(text)) {
        return false;
    }
    memcpy(text, word, size);
    text[size] = 0;
    char *slash = strchr(text, '/');
    entry->scope = slash == NULL ? PERMISSION_STREAM : PERMISSION_TOPIC;
    if (slash != NULL) {
        *slash = 0;
    }
    bool reads = str_to_u64(text, &stream) && (slash == NULL || str_to_u64(slash + 1, &topic));
    entry->stream_id = (u32)stream;
    entry->topic_id = (u32)topic;
    return reads && stream < UINT32_MAX && topic < UINT32_MAX;
}

static bool comes_before(const struct permission_entry *a, const struct permission_entry *b)
{
    if (a->stream_id != b->stream_id) {
        return a->stream_id < b->stream_id;
    }
    return a->scope != b->scope ? a->scope < b->scope : a->topic_id < b->topic_id;
}

static bool add_place(struct rights_text *rights, const struct permission_entry *entry,
                      struct err *err)
{
    u32 at = 0;
    while (at < rights->places_count && comes_before(&rights->places[at], entry)) {
        at++;
    }
    if (at < rights->places_count && !comes_before(entry, &rights->places[at])) {
        rights->places[at].bits |= entry->bits;
        return true;
    }
    if (rights->places_count == RIGHTS_TEXT_PLACES_MAX) {
        return err_set(err, "rights for more than %u streams and topics", RIGHTS_TEXT_PLACES_MAX);
    }
    memmove(&rights->places[at + 1], &rights->places[at],
            (rights->places_count - at) * sizeof(rights->places[0]));
    rights->places[at] = *entry;
    rights->places_count++;
    return true;
}

bool rights_text_add(struct rights_text *rights, const char *word, struct err *err)
{
    const char *colon = strchr(word, ':');
    struct permission_entry entry = {.scope = PERMISSION_GLOBAL};
    if (colon == NULL) {
        return read_bits(PERMISSION_GLOBAL, word, &rights->global, err);
    }
    if (!read_place(word, (size_t)(colon - word), &entry)) {
        return err_set(err,
                       "\"%.40s\": give the number of a stream, or of a stream and a topic: 7:"
                       "read_stream or 7/3:send_messages",
                       word);
    }
    return read_bits((enum permission_scope)entry.scope, colon + 1, &entry.bits, err) &&
           add_place(rights, &entry, err);
}

/* ---- Writing ---- */

void rights_text_write(const struct rights_text *rights, struct writer *writer)
{
    struct permission_writer block = permissions_begin(writer, rights->global);
    const struct permission_entry *stream = NULL;
    for (u32 i = 0; i < rights->places_count; i++) {
        const struct permission_entry *entry = &rights->places[i];
        bool is_known = stream != NULL && stream->stream_id == entry->stream_id;
        if (entry->scope == PERMISSION_TOPIC && !is_known) {
            permissions_add(&block, &(struct permission_entry){.scope = PERMISSION_STREAM,
                                                               .stream_id = entry->stream_id});
        }
        permissions_add(&block, entry);
        stream = entry;
    }
    permissions_end(&block);
}

static void append_bits(enum permission_scope scope, u16 bits, char word[RIGHTS_WORD_BYTES])
{
    struct names names = names_of(scope);
    const char *between = "";
    u32 position = (u32)strlen(word);
    for (u32 i = 0; i < names.count; i++) {
        if ((bits >> i & 1) != 0) {
            (void)str_append(word, RIGHTS_WORD_BYTES, &position, "%s%s", between, names.texts[i]);
            between = ",";
        }
    }
}

bool rights_text_next(struct permission_iterator *iterator, char word[RIGHTS_WORD_BYTES])
{
    struct permission_entry entry;
    bool found = false;
    do {
        found = permissions_next(iterator, &entry);
    } while (found && entry.bits == 0);
    if (!found) {
        return false;
    }
    word[0] = 0;
    if (entry.scope == PERMISSION_STREAM) {
        str_format(word, RIGHTS_WORD_BYTES, "%u:", entry.stream_id);
    } else if (entry.scope == PERMISSION_TOPIC) {
        str_format(word, RIGHTS_WORD_BYTES, "%u/%u:", entry.stream_id, entry.topic_id);
    }
    append_bits((enum permission_scope)entry.scope, entry.bits, word);
    return true;
}
