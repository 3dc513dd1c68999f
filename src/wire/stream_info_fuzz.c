#include "wire/stream_info.h"

#include "tests/fuzz/fixed_point.h"

FUZZ_REQUEST(stream_request)
FUZZ_REQUEST(create_stream_request)
FUZZ_REQUEST(update_stream_request)
FUZZ_RECORD(stream_info, stream_info)

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct span body;
    switch (fuzz_choose(data, size, 4, &body)) {
    case 0: fuzz_stream_request(body); break;
    case 1: fuzz_create_stream_request(body); break;
    case 2: fuzz_update_stream_request(body); break;
    default: fuzz_stream_info(body); break;
    }
    return 0;
}
