/* A file of small records, one open per core: stored offsets, recovery points.
 *
 *     DATA/<directory>/<boot>-<core>-<n>     |header|header|block|block|block ...
 *
 * It answers: "what did all files of earlier starts say?", "make these records durable,
 * together", and keeps the file short: when most of it is stale the live records are written to
 * the next file.
 *
 * Start.    Every core reads every file, whatever core wrote it, and keeps what is its own
 *           (on_record). Then it writes what is live into a file of its own, syncs it, writes
 *           the header that makes it count, syncs that and the directory. Only when all cores
 *           have done so are the older files removed. A file of a start that is still to come
 *           shows that control lost its tail: the start is refused, and nothing is touched.
 * Counting. A file counts when one of its two headers holds. A file replaces those of the same
 * boot and core with a lower n; a boot of which every core's file counts replaces all boots
 * before it. So a record that was dropped when a file was written never comes back from an older
 * one, in whatever order removals reach the disk.
 * Writing.  What arrives while a write is in flight gathers; a write is whole sectors, synced,
 *           never repeated.
 *
 * Space.    Zeros are written ahead of the records, and `reserve-<core>` beside it is given up
 *           when there is none left: a full disk ends neither storing nor starting. A step without
 *           space is tried again for half a minute.
 *
 * Owner:    one shard. Memory: from the arena at init. Formats: head of record_file.c; records
 *           are the user's, their last four bytes a CRC-32C over the others. */
#pragma once

#include "base/mem.h"
#include "core/timer.h"
#include "io/io.h"

struct core;
struct shard;
struct record_file;

#define RECORD_FILE_GATHER_BYTES (128u * 1024u)
#define RECORD_FILES_MAX 256u
#define RECORD_FILE_NAMES_BYTES (RECORD_FILES_MAX * 40u)

struct record_file_user {
    const char *directory;
    u32 magic;
    u32 record_bytes;
    /* A record whose checksum holds, of the file of this boot. */
    void (*on_record)(struct shard *shard, const u8 *record);
    /* The next live record after `cursor` (0 at first), without its checksum; false at the end. */
    bool (*next_record)(struct shard *shard, u64 *cursor, u8 *record);
    /* The start is over: OK, or why not (an event named the file). */
    void (*on_started)(struct shard *shard, enum status status);
    /* The older files are gone. */
    void (*on_forgotten)(struct shard *shard);
    /* What gathered up to record number `count` is durable, or never will be. */
    void (*on_written)(struct shard *shard, u64 count, enum status status);
};

enum record_file_step {
    RECORD_FILE_CLOSED,
    RECORD_FILE_MAKE_DIRECTORY,
    RECORD_FILE_LIST,
    RECORD_FILE_OPEN_HEADER,
    RECORD_FILE_READ_HEADER,
    RECORD_FILE_CLOSE_HEADER,
    RECORD_FILE_OPEN_OLD,
    RECORD_FILE_READ_OLD,
    RECORD_FILE_CLOSE_OLD,
    RECORD_FILE_CREATE,
    RECORD_FILE_ALLOCATE,
    RECORD_FILE_WRITE_LIVE,
    RECORD_FILE_WRITE_HEADER,
    RECORD_FILE_OPEN_DIRECTORY,
    RECORD_FILE_SYNC_DIRECTORY,
    RECORD_FILE_CLOSE_DIRECTORY,
    RECORD_FILE_CLOSE_REPLACED,
    RECORD_FILE_REMOVE,
    RECORD_FILE_OPEN_RESERVE,
    RECORD_FILE_ALLOCATE_RESERVE,
    RECORD_FILE_CLOSE_RESERVE,
    RECORD_FILE_REMOVE_RESERVE,
    RECORD_FILE_EXTEND,
    RECORD_FILE_READY,
    RECORD_FILE_WRITE,
    RECORD_FILE_FAILED
};

struct record_file_name {
    u32 boot;
    u32 core;
    u32 number;
    u32 cores_count;
    bool counts;
    bool replaced;
};

struct record_file {
    u64 magic;
    struct timer timer; /* a step that found no space is tried again */
    enum record_file_step again;
    u32 again_count;
    struct shard *shard;
    const struct record_file_user *user;
    enum record_file_step step;
    struct io_op op;
    struct io_file file;     /* that is written */
    struct io_file old_file; /* read, or replaced */
    struct io_file directory;
    u32 boot;
    u32 core;
    u32 number;
    u64 position; /* where the next block goes */
    u64 allocated_end;
    u64 records_live; /* written when the file was begun */
    u64 cursor;
    bool starting;
    bool forget_wanted; /* remove what is replaced, when nothing is under way */
    bool damaged;       /* a record did not verify: said once */
    struct record_file_name *names;
    u32 names_count;
    u32 name_index;
    char *names_text;
    u8 *gather[2]; /* [0] gathers, [1] is being written; they change places */
    u32 gathered_bytes;
    u32 writing_bytes;
    u32 read_bytes;     /* a block once a sector could not be read */
    u64 gathered_count; /* records ever given */
    u64 writing_count;
};

/* ---- What the files are, from names and bytes alone: also for `levriero doctor` ---- */

#define RECORD_FILE_BLOCK_BYTES 4096u
#define RECORD_FILE_RECORDS_POSITION (2u * RECORD_FILE_BLOCK_BYTES)

/* "<boot>-<core>-<n>" */
bool record_file_parse_name(const char *text, struct record_file_name *name);

/* Looks at one of the two header blocks: sets `counts` and `cores_count` if it holds. */
void record_file_decode_header(const struct record_file_user *user, const u8 *block,
                               struct record_file_name *name);

/* Sets `replaced` of those whose records are not to be believed any more. */
void record_file_choose(struct record_file_name *names, u32 names_count);

enum record_verdict { RECORD_SOUND, RECORD_EMPTY, RECORD_DAMAGED };
enum record_verdict record_file_judge(const u8 *record, u32 record_bytes);

u64 record_file_arena_bytes(void);
void record_file_init(struct record_file *file, struct shard *shard, struct arena *arena,
                      const struct record_file_user *user);

/* Reads all, writes a file of this boot; ends in on_started. */
void record_file_start(struct record_file *file, u32 boot);

/* Every core has started: removes what is replaced; ends in on_forgotten. */
void record_file_forget(struct record_file *file);

/* True while one more record may be given. */
bool record_file_has_room(const struct record_file *file);

/* Gathers a record; its checksum is filled in. Returns its number, counted from 1: on_written
 * says when it is durable. record_file_has_room must hold. */
u64 record_file_add(struct record_file *file, const u8 *record);

/* Writes what gathered, if nothing is under way. Once a turn. */
void record_file_flush(struct record_file *file);

/* A write or a sync of it failed: nothing is added until the next start. */
bool record_file_has_failed(const struct record_file *file);

/* Nothing gathered, nothing in flight. */
bool record_file_is_idle(const struct record_file *file);
