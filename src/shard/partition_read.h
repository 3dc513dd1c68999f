/* The part of a poll that reads the disk: from "which segment?" to whole verified units in memory.
 *
 * Part of partition_poll; nobody else includes this. */
#pragma once

#include "shard/partition.h"

/* Takes the steps POLL_LOCATE to POLL_CHECK as far as they go without waiting. On return
 * poll->step is POLL_GATHER (a source is there), POLL_FIND (look again), POLL_REPLY (error), or
 * one of its own: it waits. */
void poll_read_run(struct shard_request *request);

/* Lets go of segment and buffer. */
void poll_read_end(struct shard_request *request);

/* The source of what is gathered next; takes over one reference to `buf`. */
void poll_take_source(struct poll *poll, const u8 *units, u32 bytes, u32 sector_bytes,
                      struct buf *buf);
