#include "wire/login_v1.h"

#include "tests/fuzz/fixed_point.h"

FUZZ_REQUEST(login_user_v1)
FUZZ_REQUEST(login_token_v1)

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct span body;
    switch (fuzz_choose(data, size, 2, &body)) {
    case 0: fuzz_login_user_v1(body); break;
    default: fuzz_login_token_v1(body); break;
    }
    return 0;
}
