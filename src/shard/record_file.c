/* The file, little-endian, in blocks of 4,096 bytes:
 *
 *       0  header, 4,096 bytes
 *    4096  the header again: one rotten sector does not lose a file
 *    8192  blocks of records, each padded with zeros to 4,096 bytes
 *
 * The header:
 *
 *       0  magic         u32   of the kind of records
 *       4  version       u32   1
 *       8  boot          u32   number of the start that wrote it
 *      12  core          u32
 *      16  number        u32   rises when the file is written anew within one boot
 *      20  cores_count   u32   so many files of this boot make a whole
 *      24  record_bytes  u32
 *      28  zeros
 *    4092  crc           u32   CRC-32C over bytes 0 to 4091
 *
 * The header is written last, when the live records of older files are synced in this one. */
#include "shard/record_file.h"

#include "base/bug.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "base/str.h"
#include "shard/shard_inside.h"

#define RECORD_FILE_MAGIC 0x656c696664726372ull
#define VERSION 1u
#define BLOCK_BYTES RECORD_FILE_BLOCK_BYTES
#define RECORDS_POSITION RECORD_FILE_RECORDS_POSITION
#define ALLOCATE_BYTES (256u * 1024u)

/* Begun anew when it holds this much, and eight times what is live. */
#define STALE_BYTES_MIN (4u * 1024u * 1024u)

/* Given up when the disk is full: room for the next file, and for a while of records. */
#define RESERVE_BYTES (2u * 1024u * 1024u)

/* A step that finds no space is tried again so often, in these intervals. */
#define AGAIN_MAX 600u
#define AGAIN_US (50 * US_PER_MS)

static void run(struct record_file *file);

u64 record_file_arena_bytes(void)
{
    return 2 * RECORD_FILE_GATHER_BYTES + RECORD_FILE_NAMES_BYTES +
           sizeof(struct record_file_name) * RECORD_FILES_MAX + 2 * BLOCK_BYTES;
}

static void path_of(const struct record_file *file, u32 boot, u32 core, u32 number,
                    char path[IO_PATH_BYTES])
{
    (void)str_format(path, IO_PATH_BYTES, "%s/%u-%u-%u", file->user->directory, boot, core, number);
}

static void next_step(struct record_file *file, enum record_file_step step)
{
    file->step = step;
    run(file);
}

static void give_up(struct record_file *file, enum status status)
{
    file->step = RECORD_FILE_FAILED;
    if (file->starting) {
        file->starting = false;
        file->user->on_started(file->shard, status);
        return;
    }
    file->user->on_written(file->shard, file->gathered_count, status);
}

static void fail(struct record_file *file, enum status status)
{
    event_error(file->shard->core->events, "%s.failed step=%d status=%s", file->user->directory,
                (int)file->step, status_name(status));
    give_up(file, status);
}

/* ---- Names and headers ---- */

static bool parse_number(const char **text, char end, u32 *number)
{
    char digits[12];
    u32 size = 0;
    while ((*text)[size] != end && (*text)[size] != 0 && size < sizeof(digits) - 1) {
        digits[size] = (*text)[size];
        size++;
    }
    digits[size] = 0;
    u64 value = 0;
    if ((*text)[size] != end || !str_to_u64(digits, &value) || value > UINT32_MAX) {
        return false;
    }
    *text += size + 1;
    *number = (u32)value;
    return true;
}

bool record_file_parse_name(const char *text, struct record_file_name *name)
{
    *name = (struct record_file_name){0};
    return parse_number(&text, '-', &name->boot) && parse_number(&text, '-', &name->core) &&
           parse_number(&text, 0, &name->number);
}

static bool on_listed(struct record_file *file)
{
    u32 used = (u32)file->op.count;
    file->names_count = 0;
    for (u32 at = 0; at < used; at += (u32)strlen(file->names_text + at) + 1) {
        struct record_file_name name;
        if (!record_file_parse_name(file->names_text + at, &name)) {
            continue;
        }
        if (file->names_count == RECORD_FILES_MAX) {
            return false;
        }
        file->names[file->names_count++] = name;
    }
    return true;
}

static void header_encode(const struct record_file *file, u8 *block)
{
    memset(block, 0, BLOCK_BYTES);
    put_u32(block, file->user->magic);
    put_u32(block + 4, VERSION);
    put_u32(block + 8, file->boot);
    put_u32(block + 12, file->core);
    put_u32(block + 16, file->number);
    put_u32(block + 20, file->shard->core->cores_count);
    put_u32(block + 24, file->user->record_bytes);
    put_u32(block + BLOCK_BYTES - 4, crc32c(0, block, BLOCK_BYTES - 4));
}

void record_file_decode_header(const struct record_file_user *user, const u8 *block,
                               struct record_file_name *name)
{
    if (get_u32(block) == user->magic && get_u32(block + 4) == VERSION &&
        get_u32(block + BLOCK_BYTES - 4) == crc32c(0, block, BLOCK_BYTES - 4) &&
        get_u32(block + 24) == user->record_bytes && get_u32(block + 8) == name->boot &&
        get_u32(block + 12) == name->core && get_u32(block + 16) == name->number) {
        name->counts = true;
        name->cores_count = get_u32(block + 20);
    }
}

static bool replaces(const struct record_file_name *newer, const struct record_file_name *older)
{
    return newer->counts && newer->boot == older->boot && newer->core == older->core &&
           newer->number > older->number;
}

/* Does every core of the boot that `name` belongs to have a file that counts? */
static bool boot_is_whole(const struct record_file_name *names, u32 names_count,
                          const struct record_file_name *name)
{
    u64 seen = 0;
    for (u32 i = 0; i < names_count; i++) {
        const struct record_file_name *other = &names[i];
        if (other->counts && other->boot == name->boot && other->core < 64) {
            seen |= 1ull << other->core;
        }
    }
    u64 wanted = name->cores_count >= 64 ? UINT64_MAX : (1ull << name->cores_count) - 1;
    return name->counts && (seen & wanted) == wanted;
}

void record_file_choose(struct record_file_name *names, u32 names_count)
{
    u32 whole_boot = 0;
    for (u32 i = 0; i < names_count; i++) {
        if (boot_is_whole(names, names_count, &names[i])) {
            whole_boot = u32_max(whole_boot, names[i].boot);
        }
    }
    for (u32 i = 0; i < names_count; i++) {
        struct record_file_name *name = &names[i];
        name->replaced = !name->counts || name->boot < whole_boot;
        for (u32 j = 0; j < names_count; j++) {
            name->replaced = name->replaced || replaces(&names[j], name);
        }
    }
}

/* ---- Records ---- */

static bool is_zero(const u8 *bytes, u32 size)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

/* Said once a start: behind the last write before a power loss, anything may lie. */
static void note_damage(struct record_file *file, const char *what, u64 position)
{
    if (!file->damaged) {
        file->damaged = true;
        event_debug(file->shard->core->events, "%s.damaged what=\"%s\" position=%llu",
                    file->user->directory, what, (unsigned long long)position);
    }
}

enum record_verdict record_file_judge(const u8 *record, u32 record_bytes)
{
    if (get_u32(record + record_bytes - 4) == crc32c(0, record, record_bytes - 4)) {
        return RECORD_SOUND;
    }
    return is_zero(record, record_bytes) ? RECORD_EMPTY : RECORD_DAMAGED;
}

static void on_block(struct record_file *file, const u8 *bytes, u32 size)
{
    u32 record_bytes = file->user->record_bytes;
    for (u32 block = 0; block + BLOCK_BYTES <= size; block += BLOCK_BYTES) {
        if (is_zero(bytes + block, BLOCK_BYTES)) {
            continue; /* written ahead, and not used: most of a file */
        }
        for (u32 at = 0; at + record_bytes <= BLOCK_BYTES; at += record_bytes) {
            const u8 *record = bytes + block + at;
            switch (record_file_judge(record, record_bytes)) {
            case RECORD_SOUND: file->user->on_record(file->shard, record); break;
            case RECORD_EMPTY: break;
            case RECORD_DAMAGED:
                note_damage(file, "record does not verify", file->position + block + at);
                break;
            }
        }
    }
}

static void put_record(struct record_file *file, u8 *place, const u8 *record)
{
    u32 record_bytes = file->user->record_bytes;
    memcpy(place, record, record_bytes - 4);
    put_u32(place + record_bytes - 4, crc32c(0, record, record_bytes - 4));
}

/* Bytes of `records` records in whole blocks, none across a block's end. */
static u32 place_after(const struct record_file *file, u32 bytes)
{
    u32 record_bytes = file->user->record_bytes;
    u32 in_block = bytes % BLOCK_BYTES;
    return in_block + record_bytes > BLOCK_BYTES ? bytes - in_block + BLOCK_BYTES : bytes;
}

/* Fills gather[1] with live records from the cursor on; 0 bytes: there are none left. */
static u32 gather_live(struct record_file *file)
{
    u8 record[256];
    check(file->user->record_bytes <= sizeof(record));
    memset(file->gather[1], 0, RECORD_FILE_GATHER_BYTES);
    u32 bytes = 0;
    for (;;) {
        u32 place = place_after(file, bytes);
        if (place + file->user->record_bytes > RECORD_FILE_GATHER_BYTES) {
            break;
        }
        memset(record, 0, sizeof(record));
        if (!file->user->next_record(file->shard, &file->cursor, record)) {
            break;
        }
        put_record(file, file->gather[1] + place, record);
        bytes = place + file->user->record_bytes;
        file->records_live++;
    }
    return (u32)align_up(bytes, BLOCK_BYTES);
}

/* ---- Steps ---- */

static void write_block(struct record_file *file, u64 position, u32 bytes)
{
    struct io_piece piece = {.data = file->gather[1], .size = bytes};
    io_file_write(file->shard->core->io, &file->op, file->file, position, &piece, 1,
                  IO_WRITE_SYNCED);
}

static void step_write_live(struct record_file *file)
{
    file->writing_bytes = gather_live(file);
    if (file->writing_bytes == 0) {
        next_step(file, RECORD_FILE_WRITE_HEADER);
        return;
    }
    write_block(file, file->position, file->writing_bytes);
}

static void step_write_header(struct record_file *file)
{
    header_encode(file, file->gather[1]);
    memcpy(file->gather[1] + BLOCK_BYTES, file->gather[1], BLOCK_BYTES);
    write_block(file, 0, RECORDS_POSITION);
}

static void step_open(struct record_file *file)
{
    struct io *io = file->shard->core->io;
    char path[IO_PATH_BYTES];
    const struct record_file_name *name = &file->names[file->name_index];
    path_of(file, name->boot, name->core, name->number, path);
    io_file_open(io, &file->op, path, IO_OPEN_READ);
}

static void step_create(struct record_file *file)
{
    char path[IO_PATH_BYTES];
    file->position = RECORDS_POSITION;
    file->allocated_end = 0;
    file->records_live = 0;
    file->cursor = 0;
    path_of(file, file->boot, file->core, file->number, path);
    /* A boot number comes once: what has it already must not be written over. */
    io_file_open(file->shard->core->io, &file->op, path,
                 IO_OPEN_READ | IO_OPEN_WRITE | IO_OPEN_CREATE | IO_OPEN_EXCLUSIVE);
}

/* The next file to remove is names[name_index]; those of this boot stay until they are replaced. */
static void step_remove(struct record_file *file)
{
    while (file->name_index < file->names_count && !file->names[file->name_index].replaced) {
        file->name_index++;
    }
    if (file->name_index == file->names_count) {
        file->names_count = 0;
        next_step(file, RECORD_FILE_OPEN_RESERVE);
        return;
    }
    const struct record_file_name *name = &file->names[file->name_index];
    char path[IO_PATH_BYTES];
    path_of(file, name->boot, name->core, name->number, path);
    io_path_unlink(file->shard->core->io, &file->op, path);
}

static void reserve_path(const struct record_file *file, char path[IO_PATH_BYTES])
{
    (void)str_format(path, IO_PATH_BYTES, "%s/reserve-%u", file->user->directory, file->core);
}

static void step_reserve(struct record_file *file)
{
    char path[IO_PATH_BYTES];
    reserve_path(file, path);
    if (file->step == RECORD_FILE_REMOVE_RESERVE) {
        io_path_unlink(file->shard->core->io, &file->op, path);
    } else {
        io_file_open(file->shard->core->io, &file->op, path,
                     IO_OPEN_READ | IO_OPEN_WRITE | IO_OPEN_CREATE);
    }
}

/* The reserve is there, or there was no space for it: ready. */
static void settle(struct record_file *file)
{
    file->step = RECORD_FILE_READY;
    if (file->forget_wanted) {
        file->forget_wanted = false;
        file->user->on_forgotten(file->shard);
    }
    record_file_flush(file);
}

static void step_next_header(struct record_file *file)
{
    if (file->name_index < file->names_count) {
        step_open(file);
        return;
    }
    record_file_choose(file->names, file->names_count);
    file->name_index = 0;
    next_step(file, RECORD_FILE_OPEN_OLD);
}

/* A start that left a file and that control does not know, or 0. The number of a start is
 * durable before its files are made, and comes once: control lost its tail, and its next lives may
 * be lives that are on disk. Other cores make their files of this start meanwhile. */
static u32 unknown_boot(const struct record_file *file)
{
    for (u32 i = 0; i < file->names_count; i++) {
        const struct record_file_name *name = &file->names[i];
        bool is_ours = name->boot == file->boot && name->core == file->core;
        if (name->boot > file->boot || is_ours) {
            return bug_is_on(BUG_OPEN_UNKNOWN_LIFE) ? 0 : name->boot;
        }
    }
    return 0;
}

static void step_next_old(struct record_file *file)
{
    while (file->name_index < file->names_count && file->names[file->name_index].replaced) {
        file->name_index++;
    }
    if (file->name_index < file->names_count) {
        step_open(file);
        return;
    }
    u32 boot = unknown_boot(file);
    if (boot != 0) {
        event_error(file->shard->core->events,
                    "%s.boot_unknown found=%u boot=%u: control lost its tail",
                    file->user->directory, boot, file->boot);
        give_up(file, ERR_CORRUPT);
        return;
    }
    next_step(file, RECORD_FILE_CREATE);
}

/* Zeros, not reserved blocks: those a file system converts at the sync of their first write, which
 * is one more commit of its journal for each record, and one more thing a failing journal can
 * lose. */
static void write_zeros_ahead(struct record_file *file)
{
    static_assert(ALLOCATE_BYTES <= SHARD_ZEROS_BYTES, "one piece of zeros");
    struct shard *shard = file->shard;
    struct io_piece piece = {shard->zeros, ALLOCATE_BYTES};
    io_file_write(shard->core->io, &file->op, file->file, file->allocated_end, &piece, 1,
                  IO_WRITE_SYNCED);
}

static void run(struct record_file *file)
{
    struct io *io = file->shard->core->io;
    switch (file->step) {
    case RECORD_FILE_MAKE_DIRECTORY:
        io_directory_create(io, &file->op, file->user->directory);
        break;
    case RECORD_FILE_LIST:
        io_directory_list(io, &file->op, file->user->directory, file->names_text,
                          RECORD_FILE_NAMES_BYTES);
        break;
    case RECORD_FILE_OPEN_HEADER: step_next_header(file); break;
    case RECORD_FILE_READ_HEADER:
        io_file_read(io, &file->op, file->old_file, file->position, file->gather[1], BLOCK_BYTES);
        break;
    case RECORD_FILE_CLOSE_HEADER:
    case RECORD_FILE_CLOSE_OLD:
    case RECORD_FILE_CLOSE_REPLACED: io_file_close(io, &file->op, file->old_file); break;
    case RECORD_FILE_OPEN_OLD: step_next_old(file); break;
    case RECORD_FILE_READ_OLD:
        io_file_read(io, &file->op, file->old_file, file->position, file->gather[1],
                     file->read_bytes);
        break;
    case RECORD_FILE_CREATE: step_create(file); break;
    case RECORD_FILE_ALLOCATE: write_zeros_ahead(file); break;
    case RECORD_FILE_WRITE_LIVE: step_write_live(file); break;
    case RECORD_FILE_WRITE_HEADER: step_write_header(file); break;
    case RECORD_FILE_OPEN_DIRECTORY:
        io_file_open(io, &file->op, file->user->directory, IO_OPEN_READ | IO_OPEN_DIRECTORY);
        break;
    case RECORD_FILE_SYNC_DIRECTORY: io_file_sync(io, &file->op, file->directory); break;
    case RECORD_FILE_CLOSE_DIRECTORY: io_file_close(io, &file->op, file->directory); break;
    case RECORD_FILE_REMOVE: step_remove(file); break;
    case RECORD_FILE_OPEN_RESERVE:
    case RECORD_FILE_REMOVE_RESERVE: step_reserve(file); break;
    case RECORD_FILE_ALLOCATE_RESERVE:
        io_file_allocate(io, &file->op, file->old_file, 0, RESERVE_BYTES);
        break;
    case RECORD_FILE_CLOSE_RESERVE: io_file_close(io, &file->op, file->old_file); break;
    case RECORD_FILE_EXTEND:
        /* What was live at the start may reach beyond the first zeros. */
        file->allocated_end = u64_max(file->allocated_end, file->position);
        write_zeros_ahead(file);
        break;
    case RECORD_FILE_WRITE: write_block(file, file->position, file->writing_bytes); break;
    case RECORD_FILE_CLOSED:
    case RECORD_FILE_READY:
    case RECORD_FILE_FAILED: break;
    }
}

static void on_read_header(struct record_file *file, bool read)
{
    struct record_file_name *name = &file->names[file->name_index];
    if (read && file->op.count == BLOCK_BYTES) {
        record_file_decode_header(file->user, file->gather[1], name);
    }
    if (!name->counts && file->position == 0) {
        file->position = BLOCK_BYTES;
        next_step(file, RECORD_FILE_READ_HEADER);
        return;
    }
    next_step(file, RECORD_FILE_CLOSE_HEADER);
}

/* A sector that cannot be read costs the records in it: the rest is read block by block. */
static void on_unreadable(struct record_file *file)
{
    if (file->read_bytes == BLOCK_BYTES) {
        note_damage(file, "block unreadable", file->position);
        file->position += BLOCK_BYTES;
    }
    file->read_bytes = BLOCK_BYTES;
    next_step(file, RECORD_FILE_READ_OLD);
}

static void on_read_old(struct record_file *file)
{
    if (file->op.status != OK) {
        on_unreadable(file);
        return;
    }
    u32 count = (u32)file->op.count;
    on_block(file, file->gather[1], count);
    file->position += count;
    next_step(file, count < file->read_bytes ? RECORD_FILE_CLOSE_OLD : RECORD_FILE_READ_OLD);
}

static void on_written(struct record_file *file)
{
    file->position += file->writing_bytes;
    file->again_count = 0;
    file->step = RECORD_FILE_READY;
    file->user->on_written(file->shard, file->writing_count, OK);
    record_file_flush(file);
}

static void on_replaced(struct record_file *file)
{
    if (file->starting) {
        file->starting = false;
        file->step = RECORD_FILE_READY;
        file->user->on_started(file->shard, OK);
        return;
    }
    file->name_index = 0;
    next_step(file, RECORD_FILE_CLOSE_REPLACED);
}

/* Steps whose failure is no failure of ours: a file that vanished, a header that cannot be read,
 * space that cannot be reserved. */
static bool may_fail(const struct record_file *file, enum status status)
{
    return file->step == RECORD_FILE_OPEN_RESERVE || file->step == RECORD_FILE_ALLOCATE_RESERVE ||
           file->step == RECORD_FILE_CLOSE_RESERVE || file->step == RECORD_FILE_REMOVE_RESERVE ||
           file->step == RECORD_FILE_EXTEND || file->step == RECORD_FILE_READ_HEADER ||
           file->step == RECORD_FILE_ALLOCATE ||
           (file->step == RECORD_FILE_READ_OLD && status == ERR_IO) ||
           file->step == RECORD_FILE_REMOVE || file->step == RECORD_FILE_CLOSE_HEADER ||
           file->step == RECORD_FILE_CLOSE_OLD || file->step == RECORD_FILE_CLOSE_DIRECTORY ||
           file->step == RECORD_FILE_CLOSE_REPLACED ||
           (file->step == RECORD_FILE_OPEN_HEADER && status == ERR_NOT_FOUND) ||
           (file->step == RECORD_FILE_OPEN_OLD && status == ERR_NOT_FOUND);
}

/* Tries the step that found no space again, as it was. */
static void step_again(struct record_file *file)
{
    file->step = file->again;
    if (file->step == RECORD_FILE_WRITE_LIVE) {
        write_block(file, file->position, file->writing_bytes); /* already gathered */
    } else {
        run(file);
    }
}

static void on_timer(struct core *core, struct timer *timer)
{
    struct record_file *file = container_of(timer, struct record_file, timer);
    (void)core;
    check(file->magic == RECORD_FILE_MAGIC);
    next_step(file, RECORD_FILE_REMOVE_RESERVE);
}

/* No space for a step that must not fail: the reserve is given up, and it is tried again. */
static bool try_again(struct record_file *file, enum status status)
{
    struct core *core = file->shard->core;
    bool needs_space = file->step == RECORD_FILE_MAKE_DIRECTORY ||
                       file->step == RECORD_FILE_CREATE || file->step == RECORD_FILE_WRITE_LIVE ||
                       file->step == RECORD_FILE_WRITE_HEADER || file->step == RECORD_FILE_WRITE;
    if (status != ERR_SPACE || !needs_space || file->again_count == AGAIN_MAX) {
        return false;
    }
    if (file->again_count++ == 0) {
        event_warn(core->events, "%s.disk_full step=%d: tried again", file->user->directory,
                   (int)file->step);
    }
    file->again = file->step;
    timer_set(&core->timers, &file->timer, core->time.monotonic_us + AGAIN_US);
    return true;
}

static void on_io(struct core *core, struct io_op *op)
{
    struct record_file *file = container_of(op, struct record_file, op);
    (void)core;
    check(file->magic == RECORD_FILE_MAGIC);
    if (op->status != OK && try_again(file, op->status)) {
        return;
    }
    if (op->status != OK && !may_fail(file, op->status)) {
        fail(file, op->status);
        return;
    }
    switch (file->step) {
    case RECORD_FILE_MAKE_DIRECTORY: next_step(file, RECORD_FILE_LIST); break;
    case RECORD_FILE_LIST:
        if (!on_listed(file)) {
            fail(file, ERR_TOO_LARGE);
            break;
        }
        file->name_index = 0;
        next_step(file, RECORD_FILE_OPEN_HEADER);
        break;
    case RECORD_FILE_OPEN_HEADER:
        if (op->status != OK) {
            file->name_index++;
            next_step(file, RECORD_FILE_OPEN_HEADER);
            break;
        }
        file->old_file = op->file;
        file->position = 0;
        next_step(file, RECORD_FILE_READ_HEADER);
        break;
    case RECORD_FILE_READ_HEADER: on_read_header(file, op->status == OK); break;
    case RECORD_FILE_CLOSE_HEADER:
        file->name_index++;
        next_step(file, RECORD_FILE_OPEN_HEADER);
        break;
    case RECORD_FILE_OPEN_OLD:
        if (op->status != OK) {
            file->name_index++;
            next_step(file, RECORD_FILE_OPEN_OLD);
            break;
        }
        file->old_file = op->file;
        file->position = RECORDS_POSITION;
        file->read_bytes = RECORD_FILE_GATHER_BYTES;
        next_step(file, RECORD_FILE_READ_OLD);
        break;
    case RECORD_FILE_READ_OLD: on_read_old(file); break;
    case RECORD_FILE_CLOSE_OLD:
        file->name_index++;
        next_step(file, RECORD_FILE_OPEN_OLD);
        break;
    case RECORD_FILE_CREATE:
        file->file = op->file;
        next_step(file, RECORD_FILE_ALLOCATE);
        break;
    case RECORD_FILE_ALLOCATE:
        file->allocated_end += ALLOCATE_BYTES;
        next_step(file, RECORD_FILE_WRITE_LIVE);
        break;
    case RECORD_FILE_WRITE_LIVE:
        file->position += file->writing_bytes;
        next_step(file, RECORD_FILE_WRITE_LIVE);
        break;
    case RECORD_FILE_WRITE_HEADER: next_step(file, RECORD_FILE_OPEN_DIRECTORY); break;
    case RECORD_FILE_OPEN_DIRECTORY:
        file->directory = op->file;
        next_step(file, RECORD_FILE_SYNC_DIRECTORY);
        break;
    case RECORD_FILE_SYNC_DIRECTORY: next_step(file, RECORD_FILE_CLOSE_DIRECTORY); break;
    case RECORD_FILE_CLOSE_DIRECTORY: on_replaced(file); break;
    case RECORD_FILE_CLOSE_REPLACED: next_step(file, RECORD_FILE_REMOVE); break;
    case RECORD_FILE_REMOVE:
        file->name_index++;
        next_step(file, RECORD_FILE_REMOVE);
        break;
    case RECORD_FILE_OPEN_RESERVE:
        if (op->status != OK) {
            settle(file);
            break;
        }
        file->old_file = op->file;
        next_step(file, RECORD_FILE_ALLOCATE_RESERVE);
        break;
    case RECORD_FILE_ALLOCATE_RESERVE: next_step(file, RECORD_FILE_CLOSE_RESERVE); break;
    case RECORD_FILE_CLOSE_RESERVE: settle(file); break;
    case RECORD_FILE_REMOVE_RESERVE: step_again(file); break;
    case RECORD_FILE_EXTEND:
        file->allocated_end += ALLOCATE_BYTES;
        next_step(file, RECORD_FILE_WRITE);
        break;
    case RECORD_FILE_WRITE: on_written(file); break;
    case RECORD_FILE_CLOSED:
    case RECORD_FILE_READY:
    case RECORD_FILE_FAILED: unreachable();
    }
}

/* ---- Public ---- */

void record_file_init(struct record_file *file, struct shard *shard, struct arena *arena,
                      const struct record_file_user *user)
{
    *file = (struct record_file){
        .magic = RECORD_FILE_MAGIC,
        .shard = shard,
        .user = user,
        .file = IO_FILE_NONE,
        .names = arena_array(arena, struct record_file_name, RECORD_FILES_MAX),
        .names_text = arena_take(arena, RECORD_FILE_NAMES_BYTES, 8),
    };
    file->gather[0] = arena_take(arena, RECORD_FILE_GATHER_BYTES, BLOCK_BYTES);
    file->gather[1] = arena_take(arena, RECORD_FILE_GATHER_BYTES, BLOCK_BYTES);
    io_op_init(&file->op, on_io);
    timer_init(&file->timer, on_timer);
}

void record_file_start(struct record_file *file, u32 boot)
{
    check(file->step == RECORD_FILE_CLOSED);
    file->boot = boot;
    file->core = file->shard->core->index;
    file->number = 1;
    file->starting = true;
    next_step(file, RECORD_FILE_MAKE_DIRECTORY);
}

void record_file_forget(struct record_file *file)
{
    file->forget_wanted = true;
    for (u32 i = 0; i < file->names_count; i++) {
        file->names[i].replaced = file->names[i].boot != file->boot;
    }
    record_file_flush(file);
}

bool record_file_has_room(const struct record_file *file)
{
    u32 place = place_after(file, file->gathered_bytes);
    return place + file->user->record_bytes <= RECORD_FILE_GATHER_BYTES &&
           file->step != RECORD_FILE_FAILED;
}

u64 record_file_add(struct record_file *file, const u8 *record)
{
    check(record_file_has_room(file));
    u32 place = place_after(file, file->gathered_bytes);
    memset(file->gather[0] + file->gathered_bytes, 0, place - file->gathered_bytes);
    put_record(file, file->gather[0] + place, record);
    file->gathered_bytes = place + file->user->record_bytes;
    return ++file->gathered_count;
}

/* Most of the file is stale: the live records go into the next one. */
static void begin_anew(struct record_file *file)
{
    check(file->names_count < RECORD_FILES_MAX);
    file->names[0] = (struct record_file_name){
        .boot = file->boot, .core = file->core, .number = file->number, .replaced = true};
    file->names_count = 1;
    file->old_file = file->file;
    file->number++;
    next_step(file, RECORD_FILE_CREATE);
}

static bool is_stale(const struct record_file *file)
{
    u64 live_bytes = file->records_live * file->user->record_bytes;
    return file->position > STALE_BYTES_MIN && file->position > 8 * live_bytes;
}

void record_file_flush(struct record_file *file)
{
    if (file->step != RECORD_FILE_READY) {
        return;
    }
    if (file->forget_wanted) {
        file->name_index = 0;
        next_step(file, RECORD_FILE_REMOVE);
        return;
    }
    if (file->gathered_bytes == 0) {
        return;
    }
    if (is_stale(file) && file->names_count == 0) {
        begin_anew(file);
        return;
    }
    u8 *gathered = file->gather[0];
    file->gather[0] = file->gather[1];
    file->gather[1] = gathered;
    file->writing_bytes = (u32)align_up(file->gathered_bytes, BLOCK_BYTES);
    memset(gathered + file->gathered_bytes, 0, file->writing_bytes - file->gathered_bytes);
    file->gathered_bytes = 0;
    file->writing_count = file->gathered_count;
    bool fits = file->position + file->writing_bytes <= file->allocated_end;
    next_step(file, fits ? RECORD_FILE_WRITE : RECORD_FILE_EXTEND);
}

bool record_file_has_failed(const struct record_file *file)
{
    return file->step == RECORD_FILE_FAILED;
}

bool record_file_is_idle(const struct record_file *file)
{
    return (file->step == RECORD_FILE_READY && file->gathered_bytes == 0) ||
           file->step == RECORD_FILE_FAILED || file->step == RECORD_FILE_CLOSED;
}
