#include "wire/send.h"

#include "tests/fuzz/fixed_point.h"

FUZZ_CODEC(send_reply, struct send_confirmation)

/* As the edge does: first what the length asks for, then the decision. */
static void fuzz_send_request(struct span body)
{
    u8 bytes[SEND_PREFIX_BYTES_MAX];
    struct send_request request;
    u32 needed = send_prefix_bytes((struct span){body.data, u32_min(body.size, 4)});
    check(needed <= SEND_PREFIX_BYTES_MAX);
    struct span available = {body.data, u32_min(body.size, needed)};
    if (send_request_decode(available, body.size, &request) != WIRE_OK) {
        return;
    }
    check(request.batch_position == needed);
    check(request.batch_position + request.batch_bytes == body.size);
    struct writer writer = writer_over(bytes, sizeof(bytes));
    send_request_encode(&request, &writer);
    check(!writer.failed);
    check(writer.position == needed);
    check(memcmp(bytes, body.data, needed) == 0);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct span body;
    switch (fuzz_choose(data, size, 2, &body)) {
    case 0: fuzz_send_request(body); break;
    default: fuzz_send_reply(body); break;
    }
    return 0;
}
