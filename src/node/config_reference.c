#include "node/config_reference.h"

#include <ctype.h>
#include <string.h>

#include "base/check.h"

#define IGNORED(key, why) {REFERENCE_IGNORED, key, NULL, why, CONFIG_COUNT},
#define ONLY(key, value, why) {REFERENCE_ONLY, key, value, why, CONFIG_COUNT},
#define SAME(key, field) {REFERENCE_SAME, key, NULL, NULL, CONFIG_##field},
static const struct reference_row rows[] = {
#include "node/config_reference.def"
};
#undef IGNORED
#undef ONLY
#undef SAME
static_assert(array_count(rows) <= 64, "a bit for each row in struct reference_ignored");

/* Is `name` this key, or below it? `dot` is what separates words in `name`. */
static bool row_names(const char *key, const char *name, char dot)
{
    for (; *key != 0; key++, name++) {
        int wanted = *key == '.' ? dot : *key;
        if (wanted != tolower((unsigned char)*name)) {
            return false;
        }
    }
    return *name == 0 || key[-1] == '.';
}

static const struct reference_row *find(const char *name, char dot)
{
    for (u32 i = 0; i < array_count(rows); i++) {
        if (row_names(rows[i].key, name, dot)) {
            return &rows[i];
        }
    }
    return NULL;
}

const struct reference_row *reference_find(const char *key)
{
    return find(key, '.');
}

const struct reference_row *reference_find_environment(const char *name)
{
    return strncmp(name, "IGGY_", 5) == 0 ? find(name + 5, '_') : NULL;
}

bool reference_take(const struct reference_row *row, struct config *config, const char *text,
                    const char *source, struct err *err)
{
    switch (row->ruling) {
    case REFERENCE_IGNORED: return true;
    case REFERENCE_SAME: return config_set(config, row->field, text, source, err);
    case REFERENCE_ONLY:
        if (strcasecmp(text, row->value) == 0) {
            return true;
        }
        return err_set(err, "%s: %s can only be %s here, not \"%s\": %s", source, row->key,
                       row->value, text, row->why);
    }
    unreachable();
}

void reference_note(struct reference_ignored *ignored, const struct reference_row *row)
{
    if (row->ruling == REFERENCE_IGNORED) {
        ignored->rows |= 1ull << (row - rows);
    }
}

void reference_tell(const struct reference_ignored *ignored, const char *source,
                    void (*warn)(const char *sentence))
{
    if (ignored->rows == 0) {
        return;
    }
    struct err sentence; /* what does not fit is cut: docs/operating.md has the whole list */
    u32 position = 0;
    str_append(sentence.text, sizeof(sentence.text), &position,
               "%s: without meaning here:", source);
    for (u32 i = 0; i < array_count(rows); i++) {
        if ((ignored->rows & 1ull << i) != 0) {
            const char *key = rows[i].key;
            bool below = key[strlen(key) - 1] == '.';
            str_append(sentence.text, sizeof(sentence.text), &position, " %s%s", key,
                       below ? "*" : "");
        }
    }
    warn(sentence.text);
}
