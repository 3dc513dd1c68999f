#include "wire/routing.h"

#include "test.h"

static u8 bytes[512];

TEST(a_session_is_referred_to_by_client_epoch_and_watermark)
{
    struct session_reference reference = {{1, 2}, 3, 4};
    struct session_reference again;
    struct writer writer = writer_over(bytes, sizeof(bytes));
    attach_session_request_encode(&reference, &writer);
    EXPECT_EQ(writer.position, SESSION_REFERENCE_BYTES);
    EXPECT_EQ(attach_session_request_decode((struct span){bytes, 32}, &again), WIRE_OK);
    EXPECT(u128_equal(again.client, reference.client));
    EXPECT_EQ(again.session, 3);
    EXPECT_EQ(again.metadata_watermark, 4);
    EXPECT_EQ(attach_session_request_decode((struct span){bytes, 31}, &again),
              WIRE_INVALID_COMMAND);
}

TEST(a_route_is_the_requester_and_one_node)
{
    struct routing_reply reply = {{{1, 2}, 3, 4},
                                  {.name = span_of("n"), .ip = span_of("::1"), .tcp_port = 5}};
    struct routing_reply again;
    struct writer writer = writer_over(bytes, sizeof(bytes));
    routing_reply_encode(&reply, &writer);
    EXPECT_EQ(routing_reply_decode((struct span){bytes, writer.position}, &again), OK);
    EXPECT_EQ(again.node.tcp_port, 5);
    EXPECT_EQ(again.reference.session, 3);
    EXPECT_EQ(routing_reply_decode((struct span){bytes, writer.position - 1}, &again), ERR_INVALID);
}
