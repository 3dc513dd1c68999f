/* The diagnostics archive: what an operator sends along with a question, as a ZIP file with one
 * text for each part that was asked for. Nothing secret is in it: the configuration is the masked
 * one, and of other processes only the short name is told.
 *
 * Runs on an offload thread. It holds no lock while it reads, and takes no memory but the caller's:
 * the last quarter of it is where each text is put together. */
#pragma once

#include "base/types.h"

#define ARCHIVE_PARTS_MAX 8u

/* As wire/snapshot_request.h numbers them. */
enum archive_part {
    ARCHIVE_FILESYSTEM_OVERVIEW = 1,
    ARCHIVE_PROCESS_LIST = 2,
    ARCHIVE_RESOURCE_USAGE = 3,
    ARCHIVE_TEST = 4,
    ARCHIVE_SERVER_LOGS = 5,
    ARCHIVE_SERVER_CONFIG = 6
};

struct archive {
    u8 *data;
    u32 capacity; /* at least 64 KiB */
    u32 size;     /* of the archive, when it is made */
    u64 wall_us;  /* now */
    u8 method;    /* enum compress_method */
    u8 parts_count;
    u8 parts[ARCHIVE_PARTS_MAX];
};

struct offload_log;

/* A part that cannot be made, or does not fit any more, is left out. */
void archive_make(struct archive *archive, const char *data_path, struct offload_log *log);
