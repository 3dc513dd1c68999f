/* What a decoder and its encoder owe each other: the bytes that come of any input that decodes are
 * a fixed point. They decode again, and encode to themselves.
 *
 *     FUZZ_REQUEST(poll_request)         poll_request_decode(body, &x), poll_request_encode(&x, w)
 *     FUZZ_RECORD(stream_info, ...)      read_stream_info(reader), write_stream_info(w, &x)
 *
 * Each defines `fuzz_<name>(struct span)`. A target of several parsers lets the first byte choose.
 */
#pragma once

#include "base/bytes.h"
#include "tests/fuzz/fuzz.h"

#define FUZZ_BYTES_MAX (256u * 1024u)

/* Both decoders give 0 for success: WIRE_OK and OK. */
#define FUZZ_CODEC(name, type)                                                                     \
    static void fuzz_##name(struct span body)                                                      \
    {                                                                                              \
        static u8 once[FUZZ_BYTES_MAX];                                                            \
        static u8 twice[FUZZ_BYTES_MAX];                                                           \
        type value;                                                                                \
        if (name##_decode(body, &value) != 0) {                                                    \
            return;                                                                                \
        }                                                                                          \
        struct writer first = writer_over(once, sizeof(once));                                     \
        name##_encode(&value, &first);                                                             \
        if (first.failed) {                                                                        \
            return;                                                                                \
        }                                                                                          \
        check(name##_decode((struct span){once, first.position}, &value) == 0);                    \
        struct writer second = writer_over(twice, sizeof(twice));                                  \
        name##_encode(&value, &second);                                                            \
        check(first.position == second.position);                                                  \
        check(memcmp(once, twice, first.position) == 0);                                           \
    }

#define FUZZ_REQUEST(name) FUZZ_CODEC(name, struct name)

#define FUZZ_RECORD(name, type)                                                                    \
    static void fuzz_##name(struct span body)                                                      \
    {                                                                                              \
        static u8 once[FUZZ_BYTES_MAX];                                                            \
        static u8 twice[FUZZ_BYTES_MAX];                                                           \
        struct reader reader = reader_over(body.data, body.size);                                  \
        struct type value = read_##name(&reader);                                                  \
        struct writer first = writer_over(once, sizeof(once));                                     \
        write_##name(&first, &value);                                                              \
        if (reader.failed || first.failed) {                                                       \
            return;                                                                                \
        }                                                                                          \
        reader = reader_over(once, first.position);                                                \
        value = read_##name(&reader);                                                              \
        check(reader_is_done(&reader));                                                            \
        struct writer second = writer_over(twice, sizeof(twice));                                  \
        write_##name(&second, &value);                                                             \
        check(first.position == second.position);                                                  \
        check(memcmp(once, twice, first.position) == 0);                                           \
    }

/* Takes the choosing byte off. 0 when there is none. */
static inline u32 fuzz_choose(const u8 *data, size_t size, u32 choices, struct span *body)
{
    if (size == 0) {
        *body = (struct span){0};
        return 0;
    }
    *body = (struct span){data + 1, (u32)size - 1};
    return data[0] % choices;
}
