#include "wire/token_info.h"

#include "test.h"

static u8 bytes[256];

TEST(a_token_is_created_from_a_name_and_an_expiry)
{
    struct create_token_request request = {span_of("ci"), UINT64_MAX};
    struct create_token_request again;
    struct writer writer = writer_over(bytes, sizeof(bytes));
    create_token_request_encode(&request, &writer);
    EXPECT_EQ(create_token_request_decode((struct span){bytes, writer.position}, &again), WIRE_OK);
    EXPECT_EQ(again.expiry_us, UINT64_MAX);
    EXPECT_EQ(create_token_request_decode((struct span){bytes, writer.position - 1}, &again),
              WIRE_INVALID_COMMAND);
}

TEST(a_token_is_deleted_by_name_and_trailing_zeros_are_ignored)
{
    struct span name;
    EXPECT_EQ(delete_token_request_decode((struct span){(const u8 *)"\x02"
                                                                    "ci\0\0\0\0",
                                                        7},
                                          &name),
              WIRE_OK);
    EXPECT(span_equal(name, span_of("ci")));
}

TEST(a_list_of_tokens_is_read_to_its_end)
{
    struct token_info tokens[] = {{span_of("a"), 0}, {span_of("b"), 99}};
    struct writer writer = writer_over(bytes, sizeof(bytes));
    write_token_info(&writer, &tokens[0]);
    write_token_info(&writer, &tokens[1]);
    struct reader reader = reader_over(bytes, writer.position);
    EXPECT_EQ(read_token_info(&reader).expires_at_us, 0);
    EXPECT_EQ(read_token_info(&reader).expires_at_us, 99);
    EXPECT(reader_is_done(&reader));
}
