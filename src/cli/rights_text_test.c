#include "cli/rights_text.h"

#include "test.h"

static struct rights_text rights;
static struct err err;

static bool add(const char *word)
{
    err.text[0] = 0;
    return rights_text_add(&rights, word, &err);
}

TEST(words_of_every_level_become_one_block_in_rising_order)
{
    static const u8 block[] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1, /* read_users, send_messages */
                               2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, /* stream 2, for its topic */
                               9, 0, 0, 0, 1, 0, 0, 1, 0, 1,    /* topic 9 */
                               7, 0, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0};
    rights = (struct rights_text){0};
    EXPECT(add("7:read_stream"));
    EXPECT(add("read_users,send_messages"));
    EXPECT(add("2/9:manage_topic,send_messages"));
    EXPECT(add("7:poll_messages,send_messages"));
    u8 bytes[256];
    struct writer writer = writer_over(bytes, sizeof(bytes));
    rights_text_write(&rights, &writer);
    EXPECT_EQ(writer.position, sizeof(block));
    EXPECT_BYTES(bytes, block, sizeof(block));
    EXPECT_EQ(permissions_validate((struct span){bytes, writer.position}), WIRE_OK);
}

TEST(words_that_say_nothing_are_named)
{
    rights = (struct rights_text){0};
    EXPECT(!add("fly"));
    EXPECT(strstr(err.text, "fly") != NULL);
    EXPECT(!add("read_users,"));
    EXPECT(!add(""));
    EXPECT(!add("7:read_users"));
    EXPECT(strstr(err.text, "stream") != NULL);
    EXPECT(!add("7/3:read_stream"));
    EXPECT(!add("s:read_stream"));
    EXPECT(!add("7/:read_topic"));
    EXPECT(!add("4294967296:read_stream"));
    EXPECT(!add("00000000000000000000000000000000007:read_stream"));
    EXPECT_EQ(rights.places_count, 0);
}

TEST(more_places_than_there_is_room_for_are_refused)
{
    rights = (struct rights_text){0};
    char word[32];
    for (u32 i = 0; i < RIGHTS_TEXT_PLACES_MAX; i++) {
        str_format(word, sizeof(word), "%u:read_stream", 1000 - i);
        EXPECT(add(word));
    }
    EXPECT(!add("1:read_stream"));
    EXPECT(add("1000:send_messages"));
}
