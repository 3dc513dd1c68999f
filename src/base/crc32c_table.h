/* CRC-32C without special instructions: for processors that have none, and to test the others
 * against. Half a byte at a time from a table of 16 entries, so that it can be read and
 * believed. */
#pragma once

#include "base/types.h"

/* As crc32c(). */
u32 crc32c_table(u32 crc, const void *data, size_t size);
