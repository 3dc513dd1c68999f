/* Rebuilds what a disk may hold after the power failed, from its log (disk_log.h).
 *
 *     disk_replay points LOG COUNT SEED
 *         COUNT places to cut at, one a line: a sequence number and what it is. Half of them lie
 *         right behind a mark that says the server has answered, spread over the kinds of answer.
 *     disk_replay build LOG CUT SEED SECTOR IMAGE SIZE MARKS
 *         Makes IMAGE as it may be found after a failure behind record CUT, and MARKS, the marks up
 *         to there. Where they exist they are gone on with: the disk as it was when LOG began, and
 *         the marks from before.
 *
 * Every write before the last completed flush is on the disk. Each of those after it is in doubt,
 * and SEED decides:
 *
 *     all lost             what the flush would have saved is gone: shows an answer before the sync
 *     all kept             what was written is there, though nobody asked for it
 *     a beginning kept     the first n, and not the others
 *     each kept or lost    whatever comes first on a real disk
 *     torn                 of each, some sectors: a front, a back, or any of them
 *     torn and reordered   the same, an older write winning over a newer one to the same place
 *
 * The block of the file system's superblock is kept or lost whole: ext4 itself does not survive
 * otherwise, and what it does is not under test. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk_log.h"
#include "mark.h"
#include "recipe.h"

#define SUPERBLOCK_END 4096u

enum fate { FATE_LOST, FATE_KEPT, FATE_FRONT, FATE_EACH, FATE_TORN, FATE_REORDERED, FATE_COUNT };

static const char *const fate_names[FATE_COUNT] = {
    "all lost", "all kept", "a beginning kept", "each kept or lost", "torn", "torn and reordered",
};

struct rebuild {
    int image;
    u32 sector_size;
    u64 random;
    u64 kept_count;
    u64 lost_count;
    u64 torn_count;
};

static bool mark_of(const struct disk_log_record *record, struct mark *mark)
{
    char line[MARK_LINE_SIZE];
    if (record->kind != DISK_LOG_MARK || record->size >= sizeof(line)) {
        return false;
    }
    memcpy(line, record->data, record->size);
    line[record->size] = 0;
    return mark_parse(line, mark);
}

/* Marks that say: this was answered. */
static bool is_answer(enum mark_kind kind)
{
    return kind == MARK_STREAM_CREATED || kind == MARK_STREAM_DELETED ||
           kind == MARK_TOPIC_CREATED || kind == MARK_TOPIC_DELETED || kind == MARK_TOPIC_PURGED ||
           kind == MARK_APPEND || kind == MARK_STORED || kind == MARK_POLLED;
}

/* The index of the `nth` answer of this kind; the count of them when `nth` is too large. */
static u64 answer_find(const struct disk_log *log, enum mark_kind kind, u64 nth, u64 *index)
{
    u64 count = 0;
    for (u64 i = 0; i < log->count; i++) {
        struct mark mark;
        if (mark_of(&log->records[i], &mark) && mark.kind == kind) {
            if (count == nth) {
                *index = i;
            }
            count++;
        }
    }
    return count;
}

static u64 first_mark(const struct disk_log *log)
{
    for (u64 i = 0; i < log->count; i++) {
        if (log->records[i].kind == DISK_LOG_MARK) {
            return i;
        }
    }
    return log->count;
}

static bool point_after_answer(const struct disk_log *log, u64 *random)
{
    for (u32 tries = 0; tries < 100; tries++) {
        enum mark_kind kind = (enum mark_kind)pick(random, MARK_KIND_COUNT);
        bool is_common = pick(random, 2) == 0;
        if (!is_answer(kind) || (is_common && kind < MARK_APPEND)) {
            continue;
        }
        u64 index = 0;
        u64 count = answer_find(log, kind, UINT64_MAX, &index);
        if (count == 0) {
            continue;
        }
        (void)answer_find(log, kind, pick(random, count), &index);
        struct mark mark;
        char line[MARK_LINE_SIZE] = "?\n";
        if (mark_of(&log->records[index], &mark)) {
            (void)mark_print(&mark, line);
        }
        (void)printf("%llu %s", (unsigned long long)log->records[index].sequence, line);
        return true;
    }
    return false;
}

/* Right behind something the disk did, if there is such a place: between marks nothing changes. */
static u64 point_anywhere(const struct disk_log *log, u64 first, u64 *random)
{
    u64 index = first;
    for (u32 tries = 0; tries < 100; tries++) {
        index = first + pick(random, log->count - first);
        if (log->records[index].kind != DISK_LOG_MARK) {
            break;
        }
    }
    return index;
}

static int points_print(const struct disk_log *log, u64 count, u64 seed)
{
    u64 random = mix(seed);
    u64 first = first_mark(log);
    if (first == log->count) {
        (void)fprintf(stderr, "disk_replay: the log has no marks\n");
        return 1;
    }
    for (u64 i = 0; i < count; i++) {
        if (i % 2 == 0 && point_after_answer(log, &random)) {
            continue;
        }
        u64 index = point_anywhere(log, first, &random);
        (void)printf("%llu anywhere\n", (unsigned long long)log->records[index].sequence);
    }
    return 0;
}

static void put(struct rebuild *rebuild, const struct disk_log_record *record, u32 start, u32 size)
{
    if (size > 0 && pwrite(rebuild->image, record->data + start, size,
                           (off_t)(record->position + start)) != (ssize_t)size) {
        perror("disk_replay: cannot write the image");
        exit(1);
    }
}

/* Keeps a front of the sectors, a back, or each by chance. */
static void put_torn(struct rebuild *rebuild, const struct disk_log_record *record)
{
    u32 sector = rebuild->sector_size;
    u32 sectors = (record->size + sector - 1) / sector;
    if (sectors < 2 || record->position < SUPERBLOCK_END) {
        bool kept = pick(&rebuild->random, 2) == 0;
        put(rebuild, record, 0, kept ? record->size : 0);
        *(kept ? &rebuild->kept_count : &rebuild->lost_count) += 1;
        return;
    }
    rebuild->torn_count++;
    u64 how = pick(&rebuild->random, 3);
    u32 border = 1 + (u32)pick(&rebuild->random, sectors - 1);
    for (u32 i = 0; i < sectors; i++) {
        bool kept = how == 0 ? i < border : how == 1 ? i >= border : pick(&rebuild->random, 2) == 0;
        if (kept) {
            put(rebuild, record, i * sector, u32_min(sector, record->size - i * sector));
        }
    }
}

static void put_kept(struct rebuild *rebuild, const struct disk_log_record *record, bool kept)
{
    put(rebuild, record, 0, kept ? record->size : 0);
    *(kept ? &rebuild->kept_count : &rebuild->lost_count) += 1;
}

/* The writes in doubt, in the order in which they take effect. */
static void doubtful_put(struct rebuild *rebuild, const struct disk_log_record **writes, u64 count,
                         enum fate fate)
{
    u64 border = count == 0 ? 0 : pick(&rebuild->random, count + 1);
    for (u64 i = 0; fate == FATE_REORDERED && i < count; i++) {
        u64 other = i + pick(&rebuild->random, count - i);
        const struct disk_log_record *swapped = writes[i];
        writes[i] = writes[other];
        writes[other] = swapped;
    }
    for (u64 i = 0; i < count; i++) {
        switch (fate) {
        case FATE_LOST:
        case FATE_KEPT: put_kept(rebuild, writes[i], fate == FATE_KEPT); break;
        case FATE_FRONT: put_kept(rebuild, writes[i], i < border); break;
        case FATE_EACH: put_kept(rebuild, writes[i], pick(&rebuild->random, 2) == 0); break;
        case FATE_TORN:
        case FATE_REORDERED: put_torn(rebuild, writes[i]); break;
        case FATE_COUNT: break;
        }
    }
}

/* Losing everything shows most, so it comes most often. */
static enum fate fate_pick(u64 *random)
{
    static const enum fate chances[] = {
        FATE_LOST, FATE_LOST, FATE_LOST, FATE_KEPT,      FATE_FRONT,
        FATE_EACH, FATE_TORN, FATE_TORN, FATE_REORDERED, FATE_REORDERED,
    };
    return chances[pick(random, array_count(chances))];
}

static void image_rebuild(struct rebuild *rebuild, const struct disk_log *log, u64 cut)
{
    u64 flushed = 0; /* records before this index are safe */
    for (u64 i = 0; i < cut; i++) {
        flushed = log->records[i].kind == DISK_LOG_FLUSH ? i : flushed;
    }
    const struct disk_log_record **doubtful = calloc(cut + 1, sizeof(const void *));
    if (doubtful == NULL) {
        perror("disk_replay");
        exit(1);
    }
    u64 doubtful_count = 0;
    for (u64 i = 0; i < cut; i++) {
        const struct disk_log_record *record = &log->records[i];
        if (record->kind != DISK_LOG_WRITE) {
            continue;
        }
        if (i < flushed) {
            put(rebuild, record, 0, record->size);
        } else {
            doubtful[doubtful_count++] = record;
        }
    }
    enum fate fate = fate_pick(&rebuild->random);
    doubtful_put(rebuild, doubtful, doubtful_count, fate);
    free((void *)doubtful);
    (void)printf("%llu writes in doubt, %s: %llu kept, %llu lost, %llu torn\n",
                 (unsigned long long)doubtful_count, fate_names[fate],
                 (unsigned long long)rebuild->kept_count, (unsigned long long)rebuild->lost_count,
                 (unsigned long long)rebuild->torn_count);
}

static bool marks_write(const struct disk_log *log, u64 cut, const char *path)
{
    FILE *file = fopen(path, "ae");
    if (file == NULL) {
        return false;
    }
    for (u64 i = 0; i < cut; i++) {
        const struct disk_log_record *record = &log->records[i];
        if (record->kind == DISK_LOG_MARK) {
            (void)fwrite(record->data, 1, record->size, file);
        }
    }
    return fclose(file) == 0;
}

static int build(const struct disk_log *log, char **argv)
{
    u64 cut = strtoull(argv[3], NULL, 10);
    struct rebuild rebuild = {
        .random = mix(strtoull(argv[4], NULL, 10) ^ mix(cut)),
        .sector_size = (u32)strtoul(argv[5], NULL, 10),
    };
    if (cut == 0 || cut > log->count || rebuild.sector_size < 512) {
        (void)fprintf(stderr, "disk_replay: the log has %llu records\n",
                      (unsigned long long)log->count);
        return 2;
    }
    rebuild.image = open(argv[6], O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (rebuild.image < 0 || ftruncate(rebuild.image, strtoll(argv[7], NULL, 10)) != 0) {
        perror("disk_replay: cannot make the image");
        return 1;
    }
    image_rebuild(&rebuild, log, cut);
    (void)close(rebuild.image);
    if (!marks_write(log, cut, argv[8])) {
        perror("disk_replay: cannot write the marks");
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    bool points = argc == 5 && strcmp(argv[1], "points") == 0;
    bool builds = argc == 9 && strcmp(argv[1], "build") == 0;
    if (!points && !builds) {
        (void)fprintf(stderr, "usage: disk_replay points LOG COUNT SEED\n"
                              "       disk_replay build LOG CUT SEED SECTOR IMAGE SIZE MARKS\n");
        return 2;
    }
    struct disk_log log;
    if (!disk_log_open(&log, argv[2])) {
        return 1;
    }
    int result = points
                     ? points_print(&log, strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10))
                     : build(&log, argv);
    disk_log_close(&log);
    return result;
}
