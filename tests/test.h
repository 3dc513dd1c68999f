/* The frame unit tests are written in. A test file includes this header and what it tests, and
 * needs nothing else: the tests register themselves and `main` is here.
 *
 *     TEST(lookup_is_exact_or_early_never_late)
 *     {
 *         EXPECT_EQ(segment_index_lookup(&index, 1029), 0);
 *     }
 *
 * An expectation that does not hold ends its test; the others still run. They belong to the thread
 * that runs the test. The last line printed counts: `N passed, N failed[, N skipped]`. An argument
 * on the command line runs only the tests whose name contains it. */
#pragma once

/* cmocka.h wants these four before it, in this order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Plain words that a test may want for itself. */
#undef fail
#undef skip
#undef mock

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/types.h"

#define TESTS_MAX 512u

struct test_frame {
    struct CMUnitTest tests[TESTS_MAX];
    u32 tests_count;
    u32 skipped_count;
};

static struct test_frame test_frame;

static inline void test_register(const char *name, void (*run)(void **state))
{
    if (test_frame.tests_count == TESTS_MAX) {
        abort();
    }
    char *sentence = strdup(name);
    for (char *c = sentence; c != NULL && *c != 0; c++) {
        if (*c == '_') {
            *c = ' ';
        }
    }
    test_frame.tests[test_frame.tests_count++] =
        (struct CMUnitTest){.name = sentence, .test_func = run};
}

#define TEST(sentence)                                                                             \
    static void test_##sentence(void);                                                             \
    static void test_run_##sentence(void **state)                                                  \
    {                                                                                              \
        (void)state;                                                                               \
        test_##sentence();                                                                         \
    }                                                                                              \
    __attribute__((constructor)) static void test_register_##sentence(void)                        \
    {                                                                                              \
        test_register(#sentence, test_run_##sentence);                                             \
    }                                                                                              \
    static void test_##sentence(void)

_Noreturn static inline void test_failed(const char *file, int line)
{
    _fail(file, line);
    abort();
}

static inline void test_expect(bool holds, const char *text, const char *file, int line)
{
    if (!holds) {
        print_error("expected: %s\n", text);
        test_failed(file, line);
    }
}

static inline void test_expect_equal(u64 is, u64 wanted, const char *text, const char *file,
                                     int line)
{
    if (is != wanted) {
        print_error("%s is %" PRIu64 " (0x%" PRIx64 "), expected %" PRIu64 " (0x%" PRIx64 ")\n",
                    text, is, is, wanted, wanted);
        test_failed(file, line);
    }
}

static inline void test_expect_text(const char *is, const char *wanted, const char *text,
                                    const char *file, int line)
{
    if (is == NULL || wanted == NULL || strcmp(is, wanted) != 0) {
        print_error("%s is \"%s\", expected \"%s\"\n", text, is == NULL ? "(null)" : is,
                    wanted == NULL ? "(null)" : wanted);
        test_failed(file, line);
    }
}

static inline void test_print_bytes(const char *title, const u8 *bytes, size_t size, size_t from)
{
    print_error("  %s", title);
    for (size_t i = from; i < size && i < from + 16; i++) {
        print_error(" %02x", bytes[i]);
    }
    print_error("\n");
}

static inline void test_expect_bytes(const void *is, const void *wanted, size_t size,
                                     const char *file, int line)
{
    const u8 *a = is;
    const u8 *b = wanted;
    for (size_t i = 0; i < size; i++) {
        if (a[i] != b[i]) {
            print_error("bytes differ from position %zu of %zu\n", i, size);
            test_print_bytes("are:     ", a, size, i);
            test_print_bytes("expected:", b, size, i);
            test_failed(file, line);
        }
    }
}

#define EXPECT(condition) test_expect((condition), #condition, __FILE__, __LINE__)
#define EXPECT_EQ(is, wanted) test_expect_equal((u64)(is), (u64)(wanted), #is, __FILE__, __LINE__)
#define EXPECT_STR(is, wanted) test_expect_text((is), (wanted), #is, __FILE__, __LINE__)
#define EXPECT_BYTES(is, wanted, size) test_expect_bytes((is), (wanted), (size), __FILE__, __LINE__)

/* The statement fails a check: run in a child process, with standard error shut. */
#define EXPECT_CHECK_FAILS(statement)                                                              \
    do {                                                                                           \
        pid_t test_child = test_fork_silently();                                                   \
        if (test_child == 0) {                                                                     \
            statement;                                                                             \
            _exit(0);                                                                              \
        }                                                                                          \
        test_expect(test_child_aborted(test_child), "a failed check: " #statement, __FILE__,       \
                    __LINE__);                                                                     \
    } while (0)

/* What this test needs is not to be had on this machine; the reason is printed. */
#define SKIP(reason)                                                                               \
    do {                                                                                           \
        print_message("skipped: %s\n", (reason));                                                  \
        test_frame.skipped_count++;                                                                \
        _skip(__FILE__, __LINE__);                                                                 \
    } while (0)

static inline pid_t test_fork_silently(void)
{
    (void)fflush(stdout);
    (void)fflush(stderr);
    pid_t child = fork();
    if (child == 0) {
        (void)signal(SIGABRT, SIG_DFL);
        if (freopen("/dev/null", "w", stderr) == NULL) {
            _exit(0);
        }
    }
    return child;
}

static inline bool test_child_aborted(pid_t child)
{
    int status = 0;
    return child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
           WTERMSIG(status) == SIGABRT;
}

int main(int argument_count, char **arguments)
{
    cmocka_set_message_output(CM_OUTPUT_STDOUT);
    /* In the order in which it happened, also among what goes to standard error. */
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    u32 kept = 0;
    for (u32 i = 0; i < test_frame.tests_count; i++) {
        if (argument_count < 2 || strstr(test_frame.tests[i].name, arguments[1]) != NULL) {
            test_frame.tests[kept++] = test_frame.tests[i];
        }
    }
    int failed =
        kept == 0 ? 0 : _cmocka_run_group_tests("tests", test_frame.tests, kept, NULL, NULL);
    printf("%u passed, %d failed", kept - (u32)failed - test_frame.skipped_count, failed);
    if (test_frame.skipped_count > 0) {
        printf(", %u skipped", test_frame.skipped_count);
    }
    printf("\n");
    return failed == 0 && kept > 0 ? 0 : 1;
}
