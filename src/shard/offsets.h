/* Stored offsets of consumers, of all partitions of one core: a table in memory, a file of records.
 *
 *     store ─▶ table and record ─▶ (gathered, one sync) ─▶ offsets_on_durable ─▶ answer
 *
 * It answers: "which message did this consumer process last?", and for retention: "which is the
 * lowest that somebody has not passed?" The key of a consumer is (partition's life, kind, u32):
 * a number, a name's hash and a group's id live in spaces of their own.
 *
 * Owner:   one shard. Memory: entries from the arena, as many as the plan allows.
 * Failure: when the file's write or sync failed, nothing more is stored until the next start;
 * requests whose record was in that write are answered by closing their connections. */
#pragma once

#include "base/mem.h"
#include "shard/record_file.h"
#include "wire/error.h"

struct partition;
struct plan;
struct shard_request;

#define OFFSET_NONE 0u
#define OFFSETS_RECORD_BYTES 64u
#define OFFSETS_MAGIC 0x3146464fu /* "OFF1" */

enum offset_kind { OFFSET_NUMERIC = 1, OFFSET_NAMED = 2, OFFSET_GROUP = 3 };

struct offset_key {
    u8 kind; /* enum offset_kind */
    u32 consumer;
};

/* As it lies in a file: of two with one life and key the one with the higher (boot, sequence) is
 * the newer, whatever the file. */
struct offset_record {
    u32 boot;
    u64 sequence;
    u64 life;
    u32 stream_id;
    u32 topic_id;
    u32 partition_id;
    struct offset_key key;
    bool deleted;
    u64 offset;
    u64 stored_at_us;
};

struct offset_record offset_record_decode(const u8 *record);

struct stored_offset {
    u32 next_in_bucket; /* index, OFFSET_NONE at the end; links free entries as well */
    u32 next_in_partition;
    u32 slot;
    u32 consumer;
    u8 kind;
    bool deleted; /* only while the files are merged */
    u32 boot;
    u64 sequence;
    u64 offset;
    u64 stored_at_us;
};

struct offsets {
    struct shard *shard;
    struct record_file file;
    struct stored_offset *entries; /* [0] is not used */
    u32 entries_max;
    u32 used_count;
    u32 free_first;
    u32 count;
    u32 *buckets;
    u32 buckets_count;
    u64 sequence;
    struct list waiting; /* requests, in order of their records */
    struct list blocked; /* requests that found no room to gather */
    u64 durable_count;   /* records given so far that are durable */
    u64 life_unknown;    /* a record of a life that control does not know, 0: none */
    bool failed;
};

u64 offsets_arena_bytes(const struct plan *plan);
void offsets_init(struct offsets *offsets, struct shard *shard, struct arena *arena);

/* Reads and merges all files. The partitions of this core are in their slots. Ends in
 * shard_on_phase_done. */
void offsets_start(struct offsets *offsets);

bool offsets_get(const struct offsets *offsets, const struct partition *partition,
                 struct offset_key key, u64 *offset);

/* Notes it in the table and gathers its record. OK: done as far as the caller is concerned.
 * ERR_AGAIN, only when it `waits`: the request is answered (a poll: goes on) when the record is
 * durable. ERR_LIMIT: no more keys. ERR_IO: the file has failed. ERR_MEMORY: too much gathered;
 * the request is queued and tried again. */
must_check enum status offsets_store(struct partition *partition, struct offset_key key, u64 offset,
                                     struct shard_request *request, bool waits);

/* ERR_NOT_FOUND: nothing is stored; otherwise as above. */
must_check enum status offsets_delete(struct partition *partition, struct offset_key key,
                                      struct shard_request *request, bool waits);

/* Could a new key be stored, or is there one? */
bool offsets_has_room(const struct offsets *offsets, const struct partition *partition,
                      struct offset_key key);

/* The lowest offset stored since `since_us`; UINT64_MAX: none holds anything back. */
u64 offsets_lowest(const struct offsets *offsets, const struct partition *partition, u64 since_us);

/* The log ends at `end`: what is stored beyond is set to the last message, or deleted when there
 * is none. Returns the number of the last record gathered for it, 0: nothing was to be done. */
u64 offsets_cut(struct offsets *offsets, struct partition *partition, u64 end);
bool offsets_is_durable(const struct offsets *offsets, u64 record);

/* The life is over: forgets its entries (records of an ended life are not believed). */
void offsets_drop(struct offsets *offsets, struct partition *partition);

/* The group is deleted: what it stored is forgotten (records of a group that does not exist are not
 * believed, and its id is no other's). */
void offsets_forget_group(struct offsets *offsets, struct partition *partition, u32 group_id);

void offsets_flush(struct offsets *offsets);
bool offsets_is_idle(const struct offsets *offsets);
