#include "wire/poll.h"

#include "tests/fuzz/fixed_point.h"

FUZZ_REQUEST(poll_request)

struct waiting_request {
    u32 wait_ms;
    struct poll_request poll;
};

static enum wire_error waiting_request_decode(struct span body, struct waiting_request *request)
{
    return poll_waiting_request_decode(body, &request->wait_ms, &request->poll);
}

static void waiting_request_encode(const struct waiting_request *request, struct writer *writer)
{
    poll_waiting_request_encode(request->wait_ms, &request->poll, writer);
}

FUZZ_REQUEST(waiting_request)

/* Every message lies within the reply, and there are no more than frames would fit. */
static void fuzz_reply(struct span body)
{
    struct poll_reply reply;
    if (poll_reply_decode(body, &reply) != OK) {
        check(body.size < POLL_REPLY_PREFIX_BYTES);
        return;
    }
    struct poll_iterator iterator = poll_iterate(&reply);
    struct polled_message message;
    u32 count = 0;
    while (poll_next(&iterator, &message)) {
        check(message.payload.data >= body.data);
        check(message.user_headers.data >= message.payload.data);
        check(message.user_headers.data + message.user_headers.size <= body.data + body.size);
        count++;
    }
    check(count <= body.size / MESSAGE_FRAME_HEADER_BYTES);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct span body;
    switch (fuzz_choose(data, size, 3, &body)) {
    case 0: fuzz_poll_request(body); break;
    case 2: fuzz_waiting_request(body); break;
    default: fuzz_reply(body); break;
    }
    return 0;
}
