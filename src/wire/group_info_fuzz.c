#include "wire/group_info.h"

#include "tests/fuzz/fixed_point.h"

FUZZ_REQUEST(group_request)
FUZZ_REQUEST(create_group_request)
FUZZ_REQUEST(group_assignment)
FUZZ_RECORD(group_info, group_info)
FUZZ_RECORD(group_member, group_member)

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct span body;
    switch (fuzz_choose(data, size, 5, &body)) {
    case 0: fuzz_group_request(body); break;
    case 1: fuzz_create_group_request(body); break;
    case 2: fuzz_group_assignment(body); break;
    case 3: fuzz_group_info(body); break;
    default: fuzz_group_member(body); break;
    }
    return 0;
}
