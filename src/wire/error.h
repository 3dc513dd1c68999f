/* The error numbers of the protocol: what a request that cannot be served is answered with.
 *
 * Both generations share one number space. A number travels alone, without text or parameters; the
 * sentences here are for our own client library, logs and tools. */
#pragma once

#include "base/types.h"

#define WIRE_ERROR(name, number, text, retryable) WIRE_##name = (number),
enum wire_error {
    WIRE_OK = 0,
#include "wire/errors.def"
};
#undef WIRE_ERROR

/* "STREAM_ID_NOT_FOUND", "OK" for 0; "UNKNOWN" for a number that is not in the list, since a client
 * may meet any. Never NULL. */
const char *wire_error_name(u32 number);

/* "no such stream": for sentences. Never NULL. */
const char *wire_error_text(u32 number);

/* True when the same request may succeed later although nobody changed anything. */
bool wire_error_is_retryable(u32 number);
