/* What a fuzz target is: one function that eats any bytes. A target lies beside the parser it feeds
 * (`str_fuzz.c`, named in <folder>_fuzz of its meson.build) and its inputs worth keeping in
 * `tests/fuzz/corpus/<name>/`. In the fuzz build libFuzzer calls it; everywhere else replay.c does,
 * with the corpus and with mutations of it. A target states with check() what must hold: what was
 * decoded encodes to the same bytes, and so on. */
#pragma once

#include "base/check.h"
#include "base/types.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
