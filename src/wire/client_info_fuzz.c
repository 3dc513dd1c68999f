#include "wire/client_info.h"

#include "tests/fuzz/fixed_point.h"

FUZZ_RECORD(client_info, client_info)
FUZZ_RECORD(client_group, client_group)

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct span body;
    switch (fuzz_choose(data, size, 2, &body)) {
    case 0: fuzz_client_info(body); break;
    default: fuzz_client_group(body); break;
    }
    return 0;
}
