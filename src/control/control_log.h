/* The control log: durable commands, written twice and synced before anybody hears of them.
 *
 *     append ─▶ gathered ─▶ one record ─┬▶ control/a/log.N ─┐
 *               (while one is written)  └▶ control/b/log.N ─┴▶ synced: all up to that index
 *
 *     control/a/log.0   epoch 6: snapshot, commands, ...        the present one
 *     control/a/log.1   epoch 5: done with, its room is used by epoch 7
 *
 * Each side holds two files of the same bytes. When the present one is nearly full, the state is
 * written into the other as a new epoch, on both sides, synced and read back; only then its header
 * is written, which makes the new epoch the present one. No room is needed for that, so deletions
 * work on a full disk.
 *
 * At start both sides are read side by side: at each place one good copy suffices. A place that is
 * bad on both sides is the end of the log, unless something later is found behind it: then the log
 * was damaged and the start is refused by name.
 *
 * Owner: control. Memory: from the arena. A write or sync that failed is never repeated: the log
 * takes no more commands (control_log_has_failed) until the next start. */
#pragma once

#include "base/mem.h"
#include "base/str.h"
#include "control/control_record.h"
#include "core/core.h"
#include "state/state.h"

#define CONTROL_SIDES 2u
#define CONTROL_SLOTS 2u
#define CONTROL_LOG_BYTES_MIN (1024u * 1024u) /* of a file, written with zeros in advance */

struct control_log;

struct control_log_events {
    void *context;
    /* control_log_open is through. False: control_log_error says why. */
    void (*opened)(void *context, bool ok);
    /* Everything appended up to `index` is on both sides. */
    void (*synced)(void *context, u64 index);
    /* A write or sync failed. What was appended up to `index` and not yet synced may be on disk or
     * not; what was appended after it is not. Once. */
    void (*failed)(void *context, u64 index);
    /* The snapshot that was asked for is the present epoch, or (false) could not be written. */
    void (*snapshotted)(void *context, bool ok);
    /* control_log_settle is through; false: the log has failed. */
    void (*settled)(void *context, bool ok);
    void (*closed)(void *context);
};

u64 control_log_bytes(void);
struct control_log *control_log_create(struct core *core, struct arena *arena,
                                       const struct control_log_events *events);

/* Reads what there is into `state`, which was just created. */
void control_log_open(struct control_log *log, struct state *state);

/* The sentence for the operator. */
const struct err *control_log_error(const struct control_log *log);

/* True when a snapshot must be written before anything is appended: the log is new, or one side
 * lacks something.
 *
 * Also without that need a start writes one. What was read may be no more than what the kernel
 * still holds of a process that was killed, or whose last sync failed: appended to, it would be
 * lost at the next power cut, with what was acknowledged behind it. */
bool control_log_needs_snapshot(const struct control_log *log);

/* Where there is no room for that snapshot: makes what was read durable as far as a sync can. */
void control_log_settle(struct control_log *log);

/* True when the present file fills up. */
bool control_log_wants_snapshot(const struct control_log *log);

/* Writes `state`, which does not change durably meanwhile, as a new epoch. Nothing is appended
 * until `snapshotted`. The log is idle. */
void control_log_snapshot(struct control_log *log, const struct state *state);

/* Makes the second pair of files, if it is missing, so that a full disk cannot prevent a snapshot.
 * The log is idle. */
void control_log_prepare_spare(struct control_log *log);

/* Takes the command, or says false: no room now, ask again after `synced` or `snapshotted`. */
bool control_log_append(struct control_log *log, u64 index, struct span command);

/* Nothing is written or waits to be. */
bool control_log_is_idle(const struct control_log *log);
bool control_log_has_failed(const struct control_log *log);

/* Closes the files; `closed` follows. The log is idle or has failed. */
void control_log_close(struct control_log *log);

/* ---- Looking at a log that is not opened: for `levriero doctor` ----
 *
 *     control_log_examine ─▶ { control_log_wanted ─▶ read it ─▶ control_log_give } ... ─▶ opened
 *
 * The same questions in the same order as at a start, over bytes that the caller reads; nothing is
 * asked of the door, nothing is ever written. A side of size 0 is one that is not there, so one
 * side can be judged without the other. */

struct control_log_sizes {
    u64 bytes[CONTROL_SIDES][CONTROL_SLOTS];
};

/* What came of it. `epoch` 0: no log was ever begun. */
struct control_log_found {
    u64 epoch;
    u32 slot;
    u64 index;    /* of the last command in the chain that was walked */
    u64 position; /* behind its last record */
    bool whole;   /* nothing is lacking: what one side holds the other holds, too */
    bool later;   /* something of this epoch lies behind `position`, at `later_position` */
    u64 later_position;
};

void control_log_examine(struct control_log *log, struct state *state,
                         const struct control_log_sizes *sizes);

/* True when bytes from `position` on of both files of `slot` are wanted: CONTROL_RECORD_BYTES_MAX
 * of each, or what there is. False: `opened` was called. */
bool control_log_wanted(const struct control_log *log, u32 *slot, u64 *position);

/* Where the bytes of a side go; what could not be read is zeros. */
u8 *control_log_room(struct control_log *log, u32 side);

/* So many bytes of each side were read. */
void control_log_give(struct control_log *log, const u32 bytes[CONTROL_SIDES]);
struct control_log_found control_log_found(const struct control_log *log);
