/* Keys of the reference's configuration that are no settings of ours: what becomes of each is said
 * in config_reference.def, so that its files and its environment can be used as they are.
 *
 * Runs once at start, on the main thread. */
#pragma once

#include "node/config.h"

enum reference_ruling {
    REFERENCE_IGNORED, /* no meaning here */
    REFERENCE_ONLY,    /* accepted with one value */
    REFERENCE_SAME     /* another name of `field` */
};

struct reference_row {
    enum reference_ruling ruling;
    const char *key; /* ends with a dot: all below it */
    const char *value;
    const char *why;
    enum config_field field;
};

/* Rows a source has named that were ignored: told once, together. */
struct reference_ignored {
    u64 rows; /* a bit each */
};

/* The row for a key of a file ("http.cors.enabled"), or for a name of the environment
 * ("IGGY_HTTP_CORS_ENABLED"); NULL: the reference has no such key either. */
const struct reference_row *reference_find(const char *key);
const struct reference_row *reference_find_environment(const char *name);

/* Does with a value what its row says. False: refused, with the source, the key and the reason. */
must_check bool reference_take(const struct reference_row *row, struct config *config,
                               const char *text, const char *source, struct err *err);
void reference_note(struct reference_ignored *ignored, const struct reference_row *row);

/* "config.toml: without meaning here and ignored: http.* (no HTTP listener yet), ..." to `warn`;
 * nothing when nothing was ignored. */
void reference_tell(const struct reference_ignored *ignored, const char *source,
                    void (*warn)(const char *sentence));
