#include "wire/consumer.h"

#include "tests/fuzz/fixed_point.h"

FUZZ_CODEC(get_offset_request, struct offset_request)
FUZZ_REQUEST(store_offset_request)
FUZZ_REQUEST(delete_offset_request)
FUZZ_REQUEST(offset_reply)
FUZZ_CODEC(store_offset_v1, struct store_offset_request)

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct span body;
    switch (fuzz_choose(data, size, 5, &body)) {
    case 0: fuzz_get_offset_request(body); break;
    case 1: fuzz_store_offset_request(body); break;
    case 2: fuzz_delete_offset_request(body); break;
    case 3: fuzz_offset_reply(body); break;
    default: fuzz_store_offset_v1(body); break;
    }
    return 0;
}
