#include "doctor/data_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "test.h"

static char directory[] = "/tmp/levriero-data-file-XXXXXX";
static int root = -1;

static void begin(void)
{
    memcpy(directory, "/tmp/levriero-data-file-XXXXXX", sizeof(directory));
    EXPECT(mkdtemp(directory) != NULL);
    root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    EXPECT(root >= 0);
}

static void make(const char *name, const char *content)
{
    int fd = openat(root, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    EXPECT(fd >= 0);
    EXPECT_EQ(write(fd, content, strlen(content)), strlen(content));
    EXPECT_EQ(close(fd), 0);
}

/* Removes the named files, and what begin made. */
static void end(const char *const *names, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        EXPECT_EQ(unlinkat(root, names[i], 0), 0);
    }
    EXPECT_EQ(close(root), 0);
    EXPECT_EQ(rmdir(directory), 0);
}

TEST(reads_end_where_the_file_ends)
{
    struct data_file file;
    u8 room[16] = {0};
    begin();
    make("f", "0123456789");
    EXPECT_EQ(data_file_open(&file, root, "f"), OK);
    EXPECT_EQ(file.bytes, 10);
    EXPECT_EQ(data_file_read(&file, 0, room, 4), 4);
    EXPECT_BYTES(room, "0123", 4);
    EXPECT_EQ(data_file_read(&file, 8, room, 16), 2);
    EXPECT_BYTES(room, "89", 2);
    EXPECT_EQ(data_file_read(&file, 10, room, 16), 0);
    EXPECT_EQ(data_file_read(&file, UINT64_MAX, room, 16), 0);
    EXPECT_EQ(file.unreadable_bytes, 0);
    data_file_close(&file);
    end((const char *const[]){"f"}, 1);
}

TEST(a_descriptor_of_ours_cannot_write)
{
    struct data_file file;
    begin();
    make("f", "x");
    EXPECT_EQ(data_file_open(&file, root, "f"), OK);
    EXPECT_EQ(fcntl(file.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    data_file_close(&file);
    end((const char *const[]){"f"}, 1);
}

TEST(only_regular_files_are_opened_and_links_are_not_followed)
{
    struct data_file file;
    begin();
    make("f", "x");
    EXPECT_EQ(symlinkat("f", root, "link"), 0);
    EXPECT_EQ(mkfifoat(root, "fifo", 0600), 0);
    EXPECT_EQ(data_file_open(&file, root, "link"), ERR_INVALID);
    EXPECT_EQ(data_file_open(&file, root, "fifo"), ERR_INVALID);
    EXPECT_EQ(data_file_open(&file, root, "."), ERR_INVALID);
    EXPECT_EQ(data_file_open(&file, root, "none"), ERR_NOT_FOUND);
    EXPECT_EQ(file.fd, (u64)-1);
    end((const char *const[]){"f", "link", "fifo"}, 3);
}

TEST(names_come_numbers_first_and_by_value)
{
    static const char *const made[] = {"10", "9", "b", "a", "2x", "007"};
    static const char *const wanted[] = {"007", "9", "10", "2x", "a", "b"};
    struct data_names names;
    begin();
    for (u32 i = 0; i < array_count(made); i++) {
        make(made[i], "");
    }
    EXPECT_EQ(data_names_read(&names, root, "."), OK);
    EXPECT_EQ(names.count, array_count(wanted));
    for (u32 i = 0; i < names.count; i++) {
        EXPECT_STR(names.names[i], wanted[i]);
    }
    data_names_free(&names);
    EXPECT_EQ(data_names_read(&names, root, "none"), ERR_NOT_FOUND);
    EXPECT_EQ(names.count, 0);
    data_names_free(&names);
    end(made, array_count(made));
}
