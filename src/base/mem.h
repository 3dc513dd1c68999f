/* Memory taken at start and sealed. An arena hands out aligned, zeroed pieces of one reservation of
 * address space; nothing is given back one by one. After `arena_seal` a take is a failed check: the
 * data path does not allocate.
 *
 * Also the process-wide seal for code outside the data path (configuration, start): `mem_seal`. */
#pragma once

#include "base/types.h"

struct arena {
    u8 *base;
    u64 reserved_bytes;
    u64 used_bytes;
    bool sealed;
};

/* Reserves address space only; pages are touched on use. False when the system refuses. */
must_check bool arena_create(struct arena *arena, u64 reserved_bytes);
void arena_destroy(struct arena *arena);
void arena_seal(struct arena *arena);

/* Zeroed; `alignment` is a power of two. Never NULL: past the reservation is a failed check, since
 * the plan that sized the arena is ours. */
void *arena_take(struct arena *arena, u64 size, u64 alignment);

#define arena_new(arena, type) ((type *)arena_take((arena), sizeof(type), _Alignof(type)))
#define arena_array(arena, type, count)                                                            \
    ((type *)arena_take((arena), sizeof(type) * (u64)(count), _Alignof(type)))

/* Like malloc, calloc and free but a failed check when memory runs out. For start, configuration,
 * tests, the simulator, the client and the tools; never on the data path. Zeroed. */
void *mem_take(size_t size);
void *mem_resize(void *memory, size_t size);
void mem_return(void *memory);
char *mem_copy_text(const char *text);
