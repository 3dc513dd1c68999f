#include "base/status.h"

#include "test.h"

TEST(every_status_has_a_name_and_a_sentence_of_its_own)
{
    for (u32 i = 0; i < STATUS_COUNT; i++) {
        EXPECT(strlen(status_name((enum status)i)) > 0);
        EXPECT(strlen(status_text((enum status)i)) > 0);
        for (u32 j = 0; j < i; j++) {
            EXPECT(strcmp(status_name((enum status)i), status_name((enum status)j)) != 0);
            EXPECT(strcmp(status_text((enum status)i), status_text((enum status)j)) != 0);
        }
    }
    EXPECT_STR(status_name(ERR_SPACE), "ERR_SPACE");
    EXPECT_STR(status_text(ERR_SPACE), "no space left on the device");
    EXPECT_EQ(OK, 0);
}

TEST(what_is_no_status_is_our_own_fault)
{
    EXPECT_CHECK_FAILS((void)status_name(STATUS_COUNT));
    EXPECT_CHECK_FAILS((void)status_text(STATUS_COUNT));
}
