#include "node/lock.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static char scratch[64];
static struct err err;

static const char *in_scratch(const char *name)
{
    static char path[256];
    str_format(path, sizeof(path), "%s/%s", scratch, name);
    return path;
}

static void make_scratch(void)
{
    str_format(scratch, sizeof(scratch), "/tmp/levriero-lock-XXXXXX");
    EXPECT(mkdtemp(scratch) != NULL);
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *place)
{
    (void)facts;
    (void)kind;
    (void)place;
    return remove(path);
}

static void remove_scratch(void)
{
    EXPECT_EQ(nftw(scratch, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void make_file(const char *name)
{
    int fd = open(in_scratch(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    EXPECT(fd >= 0);
    close(fd);
}

static bool exists(const char *name)
{
    struct stat facts;
    return lstat(in_scratch(name), &facts) == 0;
}

TEST(a_missing_directory_is_made_with_its_parents_for_this_user_alone)
{
    int fd = -1;
    struct stat facts;
    make_scratch();
    EXPECT(lock_data_directory(in_scratch("a b/c"), &fd, &err));
    EXPECT_EQ(stat(in_scratch("a b/c"), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0700);
    EXPECT_EQ(stat(in_scratch("a b/c/lock"), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0600);
    close(fd);
    remove_scratch();
}

TEST(a_second_holder_is_refused_until_the_first_lets_go)
{
    int first = -1;
    int second = -1;
    make_scratch();
    EXPECT(lock_data_directory(in_scratch("d"), &first, &err));
    EXPECT(!lock_data_directory(in_scratch("d"), &second, &err));
    EXPECT(strstr(err.text, "another server") != NULL);
    close(first);
    EXPECT(lock_data_directory(in_scratch("d"), &second, &err));
    close(second);
    remove_scratch();
}

TEST(what_is_no_directory_is_refused_by_name)
{
    int fd = -1;
    make_scratch();
    make_file("f");
    EXPECT(!lock_data_directory(in_scratch("f"), &fd, &err));
    EXPECT(strstr(err.text, "/f: is not a directory") != NULL);
    EXPECT(!lock_data_directory(in_scratch("f/d"), &fd, &err));
    remove_scratch();
}

TEST(a_directory_of_the_reference_is_refused)
{
    int fd = -1;
    make_scratch();
    EXPECT_EQ(mkdir(in_scratch("state"), 0700), 0);
    make_file("state/log");
    EXPECT(!lock_data_directory(scratch, &fd, &err));
    EXPECT(strstr(err.text, "Apache Iggy") != NULL);
    EXPECT(!exists("lock"));
    remove_scratch();
}

TEST(a_fresh_start_empties_what_is_ours_and_keeps_the_lock)
{
    int fd = -1;
    make_scratch();
    EXPECT(lock_data_directory(scratch, &fd, &err));
    EXPECT_EQ(mkdir(in_scratch("streams"), 0700), 0);
    EXPECT_EQ(mkdir(in_scratch("streams/0"), 0700), 0);
    make_file("streams/0/lock"); /* only the one at the top is kept */
    EXPECT_EQ(mkdir(in_scratch("control"), 0700), 0);
    EXPECT(lock_empty_directory(scratch, &err));
    EXPECT(!exists("streams"));
    EXPECT(!exists("control"));
    EXPECT(exists("lock"));
    close(fd);
    remove_scratch();
}

TEST(a_fresh_start_removes_nothing_where_anything_is_not_ours)
{
    make_scratch();
    EXPECT_EQ(mkdir(in_scratch("streams"), 0700), 0);
    make_file("photos");
    EXPECT(!lock_empty_directory(scratch, &err));
    EXPECT(strstr(err.text, "photos") != NULL);
    EXPECT(exists("streams"));
    remove_scratch();
}

TEST(a_fresh_start_does_not_follow_links_out_of_the_directory)
{
    make_scratch();
    EXPECT_EQ(mkdir(in_scratch("control"), 0700), 0);
    char outside[64] = "/tmp/levriero-outside-XXXXXX";
    int fd = mkstemp(outside);
    EXPECT(fd >= 0);
    close(fd);
    EXPECT_EQ(symlink(outside, in_scratch("control/link")), 0);
    EXPECT(lock_empty_directory(scratch, &err));
    EXPECT(!exists("control"));
    EXPECT_EQ(access(outside, F_OK), 0);
    unlink(outside);
    remove_scratch();
}
