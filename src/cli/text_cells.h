/* How a text from outside looks on a terminal: how many cells it takes, and nothing in it that a
 * terminal would obey instead of show.
 *
 * East Asian letters and pictures take two cells, accents that stand over the letter before take
 * none. A terminal of another opinion shows columns a little off, no more. */
#pragma once

#include "base/bytes.h"

u32 text_cells(struct span text);

/* True for what may be shown: no control character of either block, nothing that turns the
 * direction of a line around. */
bool text_is_shown(u32 code);
