/* Takes the body of a request or reply apart by the decoders of src/wire and puts it together again
 * by the encoders. What comes out must be what went in, byte for byte. */
#pragma once

#include "base/bytes.h"
#include "wire/command.h"

/* Both give false when the body does not decode, or was not consumed in full where that shows. */
bool roundtrip_request(enum command command, struct span body, struct writer *writer);

/* The payload of a success, after its result section. Not called for an empty body that means
 * "none". */
bool roundtrip_reply(enum command command, struct span body, struct writer *writer);

/* Frames and batch checksum of a batch hold, be it whole or a slice. */
bool batch_is_sound(const u8 *batch, u32 batch_bytes);
