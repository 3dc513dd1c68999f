#include "wire/topic_info.h"

#include "tests/fuzz/fixed_point.h"

FUZZ_REQUEST(topic_request)
FUZZ_REQUEST(create_topic_request)
FUZZ_REQUEST(update_topic_request)
FUZZ_RECORD(topic_view, topic_view)

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct span body;
    switch (fuzz_choose(data, size, 4, &body)) {
    case 0: fuzz_topic_request(body); break;
    case 1: fuzz_create_topic_request(body); break;
    case 2: fuzz_update_topic_request(body); break;
    default: fuzz_topic_view(body); break;
    }
    return 0;
}
