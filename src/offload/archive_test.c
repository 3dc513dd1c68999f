/* What other programs make of the archives is tested end to end; here, that one is always whole. */
#include "offload/archive.h"

#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "offload/offload_log.h"
#include "offload/zip.h"
#include "test.h"

#define END_BYTES 22u

static struct span archive_of(struct archive *archive, u32 capacity)
{
    struct offload_log *log = mem_take(sizeof(*log));
    offload_log_init(log);
    offload_log_note(log, span_of("server.ready\n"));
    archive->data = mem_take(capacity);
    archive->capacity = capacity;
    archive_make(archive, "/nonexistent", log);
    offload_log_deinit(log);
    mem_return(log);
    return (struct span){archive->data, archive->size};
}

/* What the last record says: entries, and where the directory begins. */
static u32 entries_of(struct span file)
{
    EXPECT(file.size >= END_BYTES);
    struct reader reader = reader_over(file.data + file.size - END_BYTES, END_BYTES);
    EXPECT_EQ(read_u32(&reader), 0x06054b50u);
    (void)read_u32(&reader);
    (void)read_u16(&reader);
    u32 entries = read_u16(&reader);
    u32 directory_bytes = read_u32(&reader);
    u32 directory_at = read_u32(&reader);
    EXPECT_EQ(directory_at + directory_bytes + END_BYTES, file.size);
    return entries;
}

TEST(every_method_makes_a_whole_archive)
{
    for (u8 method = COMPRESS_STORED; method <= COMPRESS_XZ; method++) {
        struct archive archive = {
            .method = method, .parts_count = 2, .parts = {ARCHIVE_TEST, ARCHIVE_SERVER_LOGS}};
        struct span file = archive_of(&archive, 256 * KIB);
        EXPECT_EQ(memcmp(file.data, "PK\3\4", 4), 0);
        EXPECT_EQ(entries_of(file), 2);
        mem_return(archive.data);
    }
}

TEST(a_part_that_cannot_be_made_is_left_out)
{
    struct archive archive = {.method = COMPRESS_DEFLATE,
                              .parts_count = 2,
                              .parts = {ARCHIVE_SERVER_CONFIG, ARCHIVE_TEST}};
    EXPECT_EQ(entries_of(archive_of(&archive, 64 * KIB)), 1);
    mem_return(archive.data);
}

TEST(without_parts_it_is_an_empty_archive)
{
    struct archive archive = {.method = COMPRESS_STORED};
    EXPECT_EQ(entries_of(archive_of(&archive, 64 * KIB)), 0);
    mem_return(archive.data);
}

TEST(a_part_that_does_not_fit_leaves_the_archive_whole)
{
    u8 memory[2048];
    u8 noise[4096];
    struct zip zip;
    for (u32 i = 0; i < sizeof(noise); i++) {
        noise[i] = (u8)(i * 2654435761u >> 13);
    }
    zip_begin(&zip, memory, sizeof(memory), 1764000000);
    EXPECT(zip_add(&zip, "small.txt", COMPRESS_STORED, (struct span){noise, 100}));
    EXPECT(!zip_add(&zip, "large.txt", COMPRESS_STORED, (struct span){noise, sizeof(noise)}));
    EXPECT(zip_add(&zip, "also.txt", COMPRESS_STORED, (struct span){noise, 100}));
    EXPECT_EQ(entries_of((struct span){memory, zip_end(&zip)}), 2);
}
