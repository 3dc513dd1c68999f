#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/check.h"
#include "base/mem_block.h"

bool arena_create(struct arena *arena, u64 reserved_bytes)
{
    check(reserved_bytes > 0);

    void *base = mem_block_take(reserved_bytes);
    if (base == NULL) {
        return false;
    }
    /* A huge page would make 2 MiB resident where a few bytes were touched: an idle server keeps
     * small. Refused by a kernel without huge pages, where there is nothing to refuse. */
    (void)madvise(base, reserved_bytes, MADV_NOHUGEPAGE);
    *arena = (struct arena){.base = base, .reserved_bytes = reserved_bytes};
    return true;
}

void arena_destroy(struct arena *arena)
{
    check(arena->base != NULL);

    mem_block_return(arena->base, arena->reserved_bytes);
    *arena = (struct arena){0};
}

void arena_seal(struct arena *arena)
{
    arena->sealed = true;
}

void *arena_take(struct arena *arena, u64 size, u64 alignment)
{
    check(!arena->sealed);
    check(alignment > 0);
    check((alignment & (alignment - 1)) == 0);
    check(alignment <= SECTOR_BYTES_MAX);

    u64 position = align_up(arena->used_bytes, alignment);
    check(position <= arena->reserved_bytes);
    check(size <= arena->reserved_bytes - position);
    arena->used_bytes = position + size;
    return arena->base + position;
}

void *mem_take(size_t size)
{
    void *memory = calloc(1, size > 0 ? size : 1);
    check(memory != NULL);
    return memory;
}

void *mem_resize(void *memory, size_t size)
{
    void *resized = realloc(memory, size > 0 ? size : 1);
    check(resized != NULL);
    return resized;
}

void mem_return(void *memory)
{
    free(memory);
}

char *mem_copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = mem_take(size);
    memcpy(copy, text, size);
    return copy;
}
