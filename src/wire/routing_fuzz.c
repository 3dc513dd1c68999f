#include "wire/routing.h"

#include "tests/fuzz/fixed_point.h"

FUZZ_CODEC(attach_session_request, struct session_reference)
FUZZ_REQUEST(routing_reply)
FUZZ_RECORD(cluster_node, cluster_node)

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct span body;
    switch (fuzz_choose(data, size, 3, &body)) {
    case 0: fuzz_attach_session_request(body); break;
    case 1: fuzz_routing_reply(body); break;
    default: fuzz_cluster_node(body); break;
    }
    return 0;
}
