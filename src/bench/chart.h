/* One line chart as SVG inside a page: nothing is loaded, nothing runs.
 *
 *     ┌ title ─────────────────────────┐
 *     │ y max ┤      ╭─╮    ── series  │
 *     │       ┤  ╭───╯ ╰──╮ ── series  │
 *     │     0 ┼──┴─────────┴─ x        │
 *     └────────────────────────────────┘ */
#pragma once

#include <stdio.h>

#include "base/types.h"

#define CHART_LINES_MAX 4u

struct chart_line {
    const char *name;
    const double *values; /* as many as the chart has points */
};

struct chart {
    const char *title;
    const char *x_unit;
    const char *y_unit;
    const double *xs; /* rising */
    u32 points;
    struct chart_line lines[CHART_LINES_MAX];
    u32 lines_count;
    const char *const *x_labels; /* or NULL: numbers; as many as points */
};

void chart_write(const struct chart *chart, FILE *file);

/* Text as it may stand in a page. */
void chart_write_text(const char *text, FILE *file);
