#include "wire/stats.h"

#include "tests/fuzz/fixed_point.h"

FUZZ_REQUEST(stats)

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    fuzz_stats((struct span){data, (u32)size});
    return 0;
}
