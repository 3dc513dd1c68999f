/* GetSnapshot (11): which parts of a diagnostics archive are asked for. The reply is a ZIP file.
 *
 *     | compression u8 | count u8 | type u8, count times | */
#pragma once

#include "base/bytes.h"
#include "wire/error.h"

enum snapshot_compression {
    SNAPSHOT_STORED = 1,
    SNAPSHOT_DEFLATE = 2,
    SNAPSHOT_BZIP2 = 3,
    SNAPSHOT_ZSTD = 4,
    SNAPSHOT_LZMA = 5,
    SNAPSHOT_XZ = 6,
};

enum snapshot_type {
    SNAPSHOT_FILESYSTEM_OVERVIEW = 1,
    SNAPSHOT_PROCESS_LIST = 2,
    SNAPSHOT_RESOURCE_USAGE = 3,
    SNAPSHOT_TEST = 4,
    SNAPSHOT_SERVER_LOGS = 5,
    SNAPSHOT_SERVER_CONFIG = 6,
    SNAPSHOT_ALL = 100, /* all but the test; not together with another */
};

struct snapshot_request {
    u8 compression;    /* enum snapshot_compression */
    struct span types; /* one byte each */
};

/* An unknown compression or type, or SNAPSHOT_ALL beside others: WIRE_INVALID_COMMAND. */
must_check enum wire_error snapshot_request_decode(struct span body,
                                                   struct snapshot_request *request);
void snapshot_request_encode(const struct snapshot_request *request, struct writer *writer);
