#include "wire/topic_v1.h"

#include "tests/fuzz/fixed_point.h"
#include "wire/topic_options.h"

FUZZ_REQUEST(create_topic_v1)
FUZZ_REQUEST(update_topic_v1)
FUZZ_RECORD(topic_record_v1, topic_record_v1)
FUZZ_RECORD(stream_record_v1, stream_info)

static u8 translated[FUZZ_BYTES_MAX];

/* What a client of generation 1 may ask is always something that generation 2 can ask too. */
static void fuzz_translation(struct span body)
{
    struct create_topic_v1 create;
    struct create_topic_request request;
    struct topic_options options;
    struct topic_options defaults = topic_options_default();
    if (create_topic_v1_decode(body, &create) != WIRE_OK) {
        return;
    }
    struct writer writer = writer_over(translated, sizeof(translated));
    create_topic_v1_translate(&create, &writer);
    check(!writer.failed);
    check(writer.position <= body.size + TOPIC_V1_TRANSLATED_BYTES_MORE);
    struct span span = {translated, writer.position};
    check(create_topic_request_decode(span, &request) == WIRE_OK);
    enum wire_error error =
        topic_options_decode(request.options, request.partitions_count, &defaults, &options);
    check(error == WIRE_OK || error == WIRE_INVALID_TOPIC_SIZE);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct span body;
    switch (fuzz_choose(data, size, 5, &body)) {
    case 0: fuzz_create_topic_v1(body); break;
    case 1: fuzz_update_topic_v1(body); break;
    case 2: fuzz_topic_record_v1(body); break;
    case 3: fuzz_stream_record_v1(body); break;
    default: fuzz_translation(body); break;
    }
    return 0;
}
