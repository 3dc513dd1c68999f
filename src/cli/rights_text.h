/* Permissions as people type them, and as they are printed: words, each with commas between names.
 *
 *     read_users,send_messages       of the whole server
 *     7:read_stream,poll_messages    of stream 7
 *     7/3:send_messages              of topic 3 of stream 7
 *
 * Numbers, not names: rights belong to what is there now, and a name may be another's tomorrow. */
#pragma once

#include "client/client.h"

#define RIGHTS_TEXT_PLACES_MAX 64u

struct rights_text {
    u16 global;
    struct permission_entry places[RIGHTS_TEXT_PLACES_MAX]; /* in rising stream and topic */
    u32 places_count;
};

/* Adds what a word says; a sentence and false for one that says nothing. */
must_check bool rights_text_add(struct rights_text *rights, const char *word, struct err *err);

/* As a block for the wire. */
void rights_text_write(const struct rights_text *rights, struct writer *writer);

#define RIGHTS_WORD_BYTES 256u

/* The next entry of a block as a word; false at the end. */
must_check bool rights_text_next(struct permission_iterator *iterator,
                                 char word[RIGHTS_WORD_BYTES]);
