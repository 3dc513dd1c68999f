#include "wire/token_info.h"

#include "tests/fuzz/fixed_point.h"

FUZZ_REQUEST(create_token_request)
FUZZ_RECORD(token_info, token_info)

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct span body;
    switch (fuzz_choose(data, size, 2, &body)) {
    case 0: fuzz_create_token_request(body); break;
    default: fuzz_token_info(body); break;
    }
    return 0;
}
