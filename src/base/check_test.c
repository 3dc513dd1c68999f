#include "base/check.h"

#include "test.h"

/* Runs `fail` in a child and gives back what it printed to standard error. */
static void story_of(void (*fail)(void), char *text, size_t capacity)
{
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        (void)signal(SIGABRT, SIG_DFL);
        fail();
        _exit(0);
    }
    (void)close(ends[1]);
    size_t size = 0;
    ssize_t got = 1;
    while (got > 0 && size < capacity - 1) {
        got = read(ends[0], text + size, capacity - 1 - size);
        size += got > 0 ? (size_t)got : 0;
    }
    text[size] = 0;
    (void)close(ends[0]);
    EXPECT(test_child_aborted(child));
}

static void fail_plainly(void)
{
    check(1 + 1 == 3);
}

static void print_story(void)
{
    (void)fprintf(stderr, "once upon a time\n");
}

static void fail_with_story(void)
{
    check_set_story(print_story);
    check(false);
}

static void print_broken_story(void)
{
    (void)fprintf(stderr, "once upon a time\n");
    check(2 + 2 == 5);
}

static void fail_with_broken_story(void)
{
    check_set_story(print_broken_story);
    check(false);
}

static void fail_with_story_taken_away(void)
{
    check_set_story(print_story);
    check_set_story(NULL);
    unreachable();
}

static u32 count_of(const char *text, const char *part)
{
    u32 count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

TEST(a_check_that_holds_does_nothing)
{
    u32 evaluated = 0;
    check(++evaluated == 1);
    EXPECT_EQ(evaluated, 1);
}

TEST(a_failed_check_names_the_expression_and_the_line)
{
    char text[4096];
    story_of(fail_plainly, text, sizeof(text));
    EXPECT(strstr(text, "check failed: 1 + 1 == 3, at ") != NULL);
    EXPECT(strstr(text, "check_test.c:32\n") != NULL);
}

TEST(a_failed_check_tells_the_story)
{
    char text[4096];
    story_of(fail_with_story, text, sizeof(text));
    EXPECT_EQ(count_of(text, "once upon a time"), 1);
}

TEST(a_story_that_fails_a_check_is_not_told_again)
{
    char text[4096];
    story_of(fail_with_broken_story, text, sizeof(text));
    EXPECT_EQ(count_of(text, "once upon a time"), 1);
    EXPECT_EQ(count_of(text, "check failed: 2 + 2 == 5"), 1);
}

TEST(a_story_can_be_taken_away)
{
    char text[4096];
    story_of(fail_with_story_taken_away, text, sizeof(text));
    EXPECT_EQ(count_of(text, "once upon a time"), 0);
    EXPECT_EQ(count_of(text, "check failed: unreachable"), 1);
}

TEST(verify_is_a_check_only_where_the_build_asks_for_it)
{
#ifdef LEVRIERO_VERIFY
    EXPECT_CHECK_FAILS(verify(1 + 1 == 3));
#else
    u32 evaluated = 0;
    verify(++evaluated == 1);
    EXPECT_EQ(evaluated, 0);
#endif
}
