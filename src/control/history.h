/* Was this command of this client carried out before, and what was it answered with? So that one
 * that comes again, because its answer was lost, is not carried out twice.
 *
 *     client id ─▶ index ─▶ history: highest number, the last five answers ─▶ oldest goes first
 *
 * A command is the same when client, number, command and body are: numbers alone prove nothing.
 * Numbers of a client rise. What was answered with an error that may pass, or that its session was
 * over, is forgotten: it had no effect and may be tried again. A history outlives its session, for
 * clients that come back under the same id; it ends when its user logs out, and when others need
 * the room.
 *
 * Owner: control. Memory: from the arena, all at init; touched on use. */
#pragma once

#include "base/list.h"
#include "base/mem.h"
#include "state/slot_index.h"
#include "wire/error.h"

#define HISTORY_ANSWERS 5u

struct history_request {
    struct u128 client;
    u32 user_id;
    u32 command;
    u64 number;
    u64 body_hash;
};

struct history_answer {
    u64 number; /* 0: free */
    u64 body_hash;
    u32 command;
    bool is_running; /* not answered yet */
    u32 error;
    u32 created_id;
    u32 parent_id;
    u32 grandparent_id;
};

struct history {
    struct list_node node; /* by use, oldest first; or free */
    struct u128 client;
    u32 user_id;
    u32 running_count;
    u64 number_max;
    u32 next; /* of answers: the oldest */
    struct history_answer answers[HISTORY_ANSWERS];
};

struct histories {
    struct history *slots;
    u32 slots_max;
    u32 slots_made;
    struct list free;
    struct list used;
    struct slot_index clients;
};

u64 histories_bytes(u32 slots_max);
void histories_init(struct histories *histories, struct arena *arena, u32 slots_max);

enum history_verdict {
    HISTORY_NEW,       /* noted: carry it out, then say what came of it */
    HISTORY_ANSWERED,  /* *answer is what it was answered with */
    HISTORY_RUNNING,   /* it is being carried out */
    HISTORY_FORGOTTEN, /* it, or one after it, was carried out; its answer is not kept */
};

/* HISTORY_NEW sets *handle: for history_note_answer, or 0 when there was no room to note it. */
enum history_verdict history_look(struct histories *histories,
                                  const struct history_request *request, u64 *handle,
                                  struct history_answer *answer);

/* What came of it. Only error and the three ids are looked at. */
void history_note_answer(struct histories *histories, u64 handle,
                         const struct history_answer *answer);

/* The client's user logged out: nothing of before comes again. */
void history_end(struct histories *histories, struct u128 client);
