/* Memory of simulated processes: what one boot mapped, the next boot gets again, zeroed.
 *
 * A run starts its server a dozen times, and each start maps the same blocks (arenas and pools of
 * buffers) and touches a few megabytes of them. Pages from the kernel would cost a third of a
 * seed's time; zeroing those that were touched costs a tenth of that. The linker puts these two in
 * the place of those of base/mem_block.h (--wrap in meson.build).
 *
 * Owner: the one thread of the process; nothing here outlives it. */
#include <string.h>
#include <sys/mman.h>

#include "base/check.h"
#include "base/types.h"

#define BLOCKS_MAX 64u
#define PAGE_BYTES 4096u
#define LOOK_PAGES 16384u

struct block {
    u8 *base; /* NULL: no block */
    u64 bytes;
};

static struct block blocks[BLOCKS_MAX];

void *__real_mem_block_take(u64 bytes);
void __real_mem_block_return(void *base, u64 bytes);
void *__wrap_mem_block_take(u64 bytes);
void __wrap_mem_block_return(void *base, u64 bytes);

static struct block *block_of(u64 bytes)
{
    for (u32 i = 0; i < BLOCKS_MAX; i++) {
        bool fits = blocks[i].base == NULL ? bytes == 0 : blocks[i].bytes == bytes;
        if (fits) {
            return &blocks[i];
        }
    }
    return NULL;
}

/* Zeroes the pages that were touched; the others are zero. */
static void make_zero(const struct block *block)
{
    static unsigned char touched[LOOK_PAGES];
    for (u64 at = 0; at < block->bytes; at += (u64)LOOK_PAGES * PAGE_BYTES) {
        u64 bytes = u64_min(block->bytes - at, (u64)LOOK_PAGES * PAGE_BYTES);
        check(mincore(block->base + at, bytes, touched) == 0);
        for (u64 page = 0; page * PAGE_BYTES < bytes; page++) {
            if ((touched[page] & 1) != 0) {
                memset(block->base + at + page * PAGE_BYTES, 0, PAGE_BYTES);
            }
        }
    }
}

void *__wrap_mem_block_take(u64 bytes)
{
    struct block *block = block_of(bytes);
    if (block == NULL) {
        return __real_mem_block_take(bytes);
    }
    make_zero(block);
    void *base = block->base;
    block->base = NULL;
    return base;
}

void __wrap_mem_block_return(void *base, u64 bytes)
{
    struct block *block = block_of(0);
    if (block == NULL) {
        __real_mem_block_return(base, bytes);
        return;
    }
    *block = (struct block){base, bytes};
}
