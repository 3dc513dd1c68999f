#include "cli/text_cells.h"

#include "test.h"

TEST(letters_take_one_cell_two_or_none)
{
    EXPECT_EQ(text_cells(span_of("orders")), 6);
    EXPECT_EQ(text_cells(span_of("\xc3\xa4")), 1);
    EXPECT_EQ(text_cells(span_of("\xe6\x97\xa5\xe6\x9c\xac")), 4);
    EXPECT_EQ(text_cells(span_of("e\xcc\x81")), 1);
    EXPECT_EQ(text_cells(span_of("\xf0\x9f\x98\x80")), 2);
    EXPECT_EQ(text_cells(span_of("\xff\xfe")), 2);
    EXPECT_EQ(text_cells(span_of("")), 0);
}

TEST(what_a_terminal_obeys_is_not_shown)
{
    EXPECT(!text_is_shown(0x1b));
    EXPECT(!text_is_shown(0x7f));
    EXPECT(!text_is_shown(0x9b));
    EXPECT(!text_is_shown(0x202e));
    EXPECT(!text_is_shown(0x2067));
    EXPECT(text_is_shown(' '));
    EXPECT(text_is_shown(0xa0));
    EXPECT(text_is_shown(0x65e5));
}
