#include "offload/offload_log.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "test.h"

static void note(struct offload_log *log, const char *line)
{
    offload_log_note(log, span_of(line));
}

TEST(what_was_noted_is_copied_whole_while_it_fits)
{
    struct offload_log *log = mem_take(sizeof(*log));
    u8 text[64];
    offload_log_init(log);
    EXPECT_EQ(offload_log_copy(log, text, sizeof(text)), 0);
    note(log, "one\n");
    note(log, "two\n");
    EXPECT_EQ(offload_log_copy(log, text, sizeof(text)), 8);
    EXPECT_EQ(memcmp(text, "one\ntwo\n", 8), 0);
    offload_log_deinit(log);
    mem_return(log);
}

TEST(a_cut_copy_begins_with_a_whole_line)
{
    struct offload_log *log = mem_take(sizeof(*log));
    u8 text[10];
    offload_log_init(log);
    note(log, "first\n");
    note(log, "second\n");
    EXPECT_EQ(offload_log_copy(log, text, sizeof(text)), 7);
    EXPECT_EQ(memcmp(text, "second\n", 7), 0);
    offload_log_deinit(log);
    mem_return(log);
}

TEST(old_lines_make_room_and_the_newest_stay)
{
    struct offload_log *log = mem_take(sizeof(*log));
    u8 *text = mem_take(OFFLOAD_LOG_BYTES);
    char line[32];
    offload_log_init(log);
    for (u32 i = 0; i < 20000; i++) {
        (void)str_format(line, sizeof(line), "line %05u\n", i);
        note(log, line);
    }
    u32 size = offload_log_copy(log, text, OFFLOAD_LOG_BYTES);
    EXPECT(size > OFFLOAD_LOG_BYTES - 12 && size <= OFFLOAD_LOG_BYTES);
    EXPECT_EQ(size % 11, 0);
    EXPECT_EQ(memcmp(text, "line ", 5), 0);
    EXPECT_EQ(memcmp(text + size - 11, "line 19999\n", 11), 0);
    offload_log_deinit(log);
    mem_return(text);
    mem_return(log);
}
