#include "wire/right.h"

#include "base/check.h"

static const struct right_row rows[RIGHT_COUNT] = {
#define RIGHT(right_name, where, global_bits, stream_bits, topic_bits)                             \
    [RIGHT_##right_name] = {.name = #right_name,                                                   \
                            .scope = RIGHT_OF_##where,                                             \
                            .stream = (stream_bits),                                               \
                            .topic = (topic_bits),                                                 \
                            .global = (global_bits)},
#include "wire/rights.def"
#undef RIGHT
};

const struct right_row *right_row(enum right right)
{
    check((u32)right < RIGHT_COUNT);
    return &rows[right];
}
