/* CRC-32C (Castagnoli, reflected, initial and final value ~0), as every checksum of ours on disk
 * that is not prescribed by the wire. SSE4.2 where the processor has it. */
#pragma once

#include "base/types.h"

/* `crc` is 0 for the first piece, then the value returned for the piece before. */
u32 crc32c(u32 crc, const void *data, size_t size);
