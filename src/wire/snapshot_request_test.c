#include "wire/snapshot_request.h"

#include "test.h"

static enum wire_error decode(const char *body, u32 size)
{
    struct snapshot_request request;
    return snapshot_request_decode((struct span){(const u8 *)body, size}, &request);
}

TEST(known_compressions_and_types_are_taken)
{
    EXPECT_EQ(decode("\x02\x02\x04\x01", 4), WIRE_OK);
    EXPECT_EQ(decode("\x01\x01\x64", 3), WIRE_OK);
    EXPECT_EQ(decode("\x06\0", 2), WIRE_OK);
}

TEST(unknown_ones_and_all_beside_others_are_refused)
{
    EXPECT_EQ(decode("\0\0", 2), WIRE_INVALID_COMMAND);
    EXPECT_EQ(decode("\x07\0", 2), WIRE_INVALID_COMMAND);
    EXPECT_EQ(decode("\x02\x01\x07", 3), WIRE_INVALID_COMMAND);
    EXPECT_EQ(decode("\x02\x02\x64\x01", 4), WIRE_INVALID_COMMAND);
    EXPECT_EQ(decode("\x02\x02\x01", 3), WIRE_INVALID_COMMAND);
}
