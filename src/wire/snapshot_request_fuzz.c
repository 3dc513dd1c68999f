#include "wire/snapshot_request.h"

#include "tests/fuzz/fixed_point.h"

FUZZ_REQUEST(snapshot_request)

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    fuzz_snapshot_request((struct span){data, (u32)size});
    return 0;
}
