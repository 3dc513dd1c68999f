#include "base/recorder.h"

#include "test.h"

/* What recorder_print writes to standard error. */
static void print_into(const struct recorder *recorder, char *text, size_t capacity)
{
    FILE *file = tmpfile();
    EXPECT(file != NULL);
    int kept = dup(STDERR_FILENO);
    EXPECT(dup2(fileno(file), STDERR_FILENO) >= 0);
    recorder_print(recorder, "core 3");
    (void)fflush(stderr);
    EXPECT(dup2(kept, STDERR_FILENO) >= 0);
    (void)close(kept);
    rewind(file);
    size_t size = fread(text, 1, capacity - 1, file);
    text[size] = 0;
    (void)fclose(file);
}

TEST(what_was_noted_is_printed_oldest_first)
{
    static struct recorder recorder;
    char text[1024];
    recorder_note(&recorder, 1000, "append", 7, 12);
    recorder_note(&recorder, 1001, "sync", 7, 0);
    print_into(&recorder, text, sizeof(text));
    EXPECT_STR(text, "core 3: last 2 of 2 events\n"
                     "            1000 us  append 7 12\n"
                     "            1001 us  sync 7 0\n");
}

TEST(an_empty_recorder_says_so)
{
    static struct recorder recorder;
    char text[256];
    print_into(&recorder, text, sizeof(text));
    EXPECT_STR(text, "core 3: last 0 of 0 events\n");
}

TEST(a_full_recorder_keeps_the_last_events)
{
    static struct recorder recorder;
    static char text[64 * 1024];
    for (u64 i = 0; i < RECORDER_ENTRIES + 10; i++) {
        recorder_note(&recorder, i, "turn", i, 0);
    }
    print_into(&recorder, text, sizeof(text));
    EXPECT(strstr(text, "core 3: last 512 of 522 events\n") == text);
    EXPECT(strstr(text, " turn 9 0\n") == NULL);
    EXPECT(strstr(text, "events\n              10 us  turn 10 0\n") != NULL);
    EXPECT(strstr(text, " turn 521 0\n") != NULL);
}
