/* An answer, read row by row. What the rows are follows from the command that was answered. */
#pragma once

#include "client/lv_message.h"
#include "levriero.h"
#include "wire/command.h"
#include "wire/permissions.h"

struct lv_result {
    enum command command;
    bool is_raw; /* one row of bytes, whatever the command */
    bool is_broken;
    u8 *body;
    u32 body_capacity;
    struct reader reader;
    u32 rows_count;      /* read so far */
    u32 partitions_left; /* of the member before */
    u32 member_id;
    struct permission_iterator permissions;
    struct poll_iterator polled;
    struct lv_message message;
    int row; /* enum lv_row */
    u64 numbers[LV_FIELDS_COUNT];
    struct span texts[LV_FIELDS_COUNT]; /* into `text`, each with its zero byte */
    u8 *text;
    u32 text_capacity;
    u32 text_bytes;
};

/* Takes a copy of the answer. `result` may be NULL: nothing of it is wanted. */
void result_fill(struct lv_result *result, enum command command, struct span body);
