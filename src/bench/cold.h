/* Reads that ask the device: the kernel forgets what it holds of a server's files.
 *
 * Only pages that are on the disk can go, so they are written first. What the server itself keeps
 * in memory stays: start it anew before a run that shall be wholly cold. */
#pragma once

#include "base/str.h"
#include "base/types.h"

/* Of every regular file below `directory`. False with a sentence when it cannot be read. */
must_check bool cold_forget_pages(const char *directory, struct err *err);
