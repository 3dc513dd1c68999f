#include "wire/partition_info.h"

#include "tests/fuzz/fixed_point.h"

FUZZ_REQUEST(partitions_request)
FUZZ_REQUEST(delete_segments_request)
FUZZ_REQUEST(flush_request)
FUZZ_RECORD(partition_info, partition_info)

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct span body;
    switch (fuzz_choose(data, size, 4, &body)) {
    case 0: fuzz_partitions_request(body); break;
    case 1: fuzz_delete_segments_request(body); break;
    case 2: fuzz_flush_request(body); break;
    default: fuzz_partition_info(body); break;
    }
    return 0;
}
