/* How a request names a stream, topic, group, user or consumer: by number or by name.
 *
 *     | kind u8 = 1 | length u8 = 4      | u32 value    |
 *     | kind u8 = 2 | length u8, 1..255  | UTF-8 bytes  |
 *
 * A name of digits is a name, never a number. */
#pragma once

#include "base/bytes.h"
#include "wire/decode.h"

#define IDENTIFIER_BYTES_MAX 257u

enum identifier_kind { IDENTIFIER_NUMERIC = 1, IDENTIFIER_NAME = 2 };

struct identifier {
    u8 kind;          /* enum identifier_kind */
    u32 id;           /* when numeric */
    struct span name; /* when a name; points into the body it was decoded from */
};

/* Unknown kind, truncation, bad UTF-8: WIRE_INVALID_COMMAND; wrong length: WIRE_INVALID_FORMAT. */
struct identifier decode_identifier(struct decoder *decoder);

void write_identifier(struct writer *writer, const struct identifier *identifier);

static inline struct identifier identifier_of_id(u32 id)
{
    return (struct identifier){.kind = IDENTIFIER_NUMERIC, .id = id};
}

static inline struct identifier identifier_of_name(struct span name)
{
    return (struct identifier){.kind = IDENTIFIER_NAME, .name = name};
}

bool identifier_equal(const struct identifier *a, const struct identifier *b);
