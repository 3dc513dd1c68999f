/* Text as it stands between the quotes of JSON, and the UTF-8 that it is made of.
 *
 *     char piece[JSON_PIECE_BYTES];
 *     for (u32 at = 0; at < text.size;) {
 *         u32 size = json_text_next(text, &at, piece);     "a\tb" gives  a  \t  b
 *         … write `size` bytes of `piece` …
 *     }
 *
 * What is no UTF-8 becomes U+FFFD, byte by byte, so that whatever comes in, JSON comes out.
 *
 * Memory: none but the caller's. Nothing can fail. */
#pragma once

#include "base/bytes.h"

#define JSON_PIECE_BYTES 8u

/* How many bytes the character at `at` has, and its number; 0 when none begins there: a stray or
 * missing byte, a surrogate, a longer form than needed. */
u32 utf8_character(struct span text, u32 at, u32 *code);

bool utf8_is_text(struct span bytes);

/* The next character as JSON has it, 1 to 7 bytes, no zero behind them; `*at` goes on behind it. */
u32 json_text_next(struct span text, u32 *at, char piece[JSON_PIECE_BYTES]);
