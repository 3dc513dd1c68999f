#include "wire/user_info.h"

#include "tests/fuzz/fixed_point.h"

FUZZ_REQUEST(user_request)
FUZZ_REQUEST(create_user_request)
FUZZ_REQUEST(update_user_request)
FUZZ_REQUEST(update_permissions_request)
FUZZ_REQUEST(change_password_request)
FUZZ_RECORD(user_info, user_info)

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct span body;
    switch (fuzz_choose(data, size, 6, &body)) {
    case 0: fuzz_user_request(body); break;
    case 1: fuzz_create_user_request(body); break;
    case 2: fuzz_update_user_request(body); break;
    case 3: fuzz_update_permissions_request(body); break;
    case 4: fuzz_change_password_request(body); break;
    default: fuzz_user_info(body); break;
    }
    return 0;
}
