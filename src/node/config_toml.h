/* A TOML file as a run of (dotted key, value as text). The parser is a C++ library; no exception
 * of it leaves this call. */
#pragma once

#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Calls `on_value` for each value in order; it returns false (with the sentence set) to end the
 * reading. `text` is NULL for a list. False: the file cannot be read or parsed, with line and
 * column in the sentence; a date, which no setting takes, is refused by name. */
bool config_toml_read(const char *path,
                      bool (*on_value)(void *context, const char *key, const char *text),
                      void *context, struct err *err);

#ifdef __cplusplus
}
#endif
