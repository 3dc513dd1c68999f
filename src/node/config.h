/* Where settings come from: the built-in text of config.def, then a TOML file, then the
 * environment, then flags; the later wins. Every value is checked where it comes in, and a refusal
 * names the source, the key, the value and the remedy.
 *
 * Runs once at start, on the main thread; everything here may allocate. */
#pragma once

#include "base/event.h"
#include "base/str.h"
#include "core/settings.h"

#define CONFIG_TEXT_BYTES 256u

enum config_kind {
    CONFIG_KIND_TEXT,
    CONFIG_KIND_SECRET, /* text that is never shown */
    CONFIG_KIND_SIZE,
    CONFIG_KIND_MEMORY, /* a size whose single letters are powers of 1024: 64M is 64 MiB */
    CONFIG_KIND_DURATION,
    CONFIG_KIND_COUNT,
    CONFIG_KIND_BOOL,
    CONFIG_KIND_EXPIRY,
    CONFIG_KIND_LIMIT,
    CONFIG_KIND_LEVEL,
    CONFIG_KIND_LOG_LEVEL
};

/* A value: numbers in their unit (bytes, microseconds, count, 0 or 1, enum), or text. */
struct config_value {
    u64 number;
    char text[CONFIG_TEXT_BYTES];
};

#define CONFIG(field, kind, key, flag, fallback, help) CONFIG_##field,
enum config_field {
#include "node/config.def"
    CONFIG_COUNT
};
#undef CONFIG

struct config {
    struct config_value values[CONFIG_COUNT];
};

struct config_row {
    enum config_kind kind;
    const char *key;
    const char *flag; /* or NULL */
    const char *fallback;
    const char *help;
};

const struct config_row *config_row(enum config_field field);

/* All fallbacks. */
void config_init(struct config *config);

/* One value as text. `source` is said in the error: "--cores", "LEVRIERO_SERVER_CORES", a file
 * name. */
must_check bool config_set(struct config *config, enum config_field field, const char *text,
                           const char *source, struct err *err);

/* Reads a TOML file over `config`. An unknown key is an error that names the nearest known one; the
 * reference's keys that mean nothing here (config_reference.def) give one sentence to `warn`. */
must_check bool config_read_file(struct config *config, const char *path,
                                 void (*warn)(const char *sentence), struct err *err);

/* IGGY_* first, then LEVRIERO_*. An unknown LEVRIERO_* name is an error; an unknown IGGY_* one
 * gives a sentence to `warn`. `environment` is like environ. */
must_check bool config_read_environment(struct config *config, char *const *environment,
                                        void (*warn)(const char *sentence), struct err *err);

/* The field whose flag is `flag` ("--cores"), or CONFIG_COUNT. */
enum config_field config_find_flag(const char *flag);

/* The known key, flag or name nearest to a mistyped one: never NULL. */
const char *config_nearest_key(const char *key);
const char *config_nearest_flag(const char *flag);

/* The effective configuration as TOML, secrets masked; `address` replaces tcp.address. */
void config_describe(const struct config *config, const char *address, char *text, u32 capacity);

/* What the owners are handed. */
void config_to_settings(const struct config *config, struct settings *settings);
