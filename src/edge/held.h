/* Polls that found nothing and wait until their partition has something: a waiting read.
 *
 *     asked ─▶ (MSG_WAITING) held ─┬─ NOTICE ────────────────▶ asked again, as any poll
 *                                  └─ too long, another request behind it, logged out, partition
 *                                     gone, drain ───────────▶ answered empty
 *
 * A held poll has its slot of the request table and nothing else: no credit, no buffer, no loan,
 * and no timer but its connection's. A connection holds CONN_WINDOW at most, one a partition for a
 * reader of several; nothing but such polls begins behind them. Whichever has its answer passes
 * those that have none, so nobody waits for another's partition. All of them together hold half of
 * the slots at most, so that others always find one: beyond that a poll that finds nothing is
 * answered at once.
 *
 * Owner: the edge. */
#pragma once

#include "edge/tables.h"

void held_init(struct edge *edge);

/* Nothing there: waits, or is answered when it may not any more. */
void held_add(struct edge *edge, struct request *request, u64 current_offset);

/* Not held any more, whatever follows. */
void held_forget(struct edge *edge, struct request *request);

/* It has its answer, which goes before those of polls of its connection that have none. */
void held_pass(struct request *request);

/* This one is answered: nothing came. */
void held_answer_empty(struct edge *edge, struct request *request);

/* All held polls of the connection are answered: nothing came. */
void held_end(struct edge *edge, struct conn *conn);

void held_on_notice(struct edge *edge, const struct msg *notice);
