/* Control loses its tail: both control logs are put back to what they were a while ago, as a
 * restored backup would. Nothing in the fault model does that by itself; but a server that meets it
 * must refuse to start as soon as a partition has a life that control does not know, and must do no
 * harm.
 *
 *     rollback_save ─▶ … work … ─▶ rollback_swap (the old comes) ─▶ start: refused ─▶ rollback_swap
 *
 * Owner: the run; only while the server is down. Memory: copies of the files. */
#pragma once

#include "sim/sim_disk.h"

#define ROLLBACK_FILES_MAX 16u

struct rollback_file {
    char path[96];
    u8 *bytes;
    u64 size;
};

struct rollback {
    u32 files_count; /* 0: nothing was saved */
    struct rollback_file files[ROLLBACK_FILES_MAX];
};

/* Copies all files below control/. */
void rollback_save(struct rollback *rollback, struct sim_disk *disk);

/* Puts the saved files in place of the present ones, which are then the saved ones. */
void rollback_swap(struct rollback *rollback, struct sim_disk *disk);
void rollback_forget(struct rollback *rollback);
