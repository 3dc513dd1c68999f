#include "base/mem_block.h"

#include <sys/mman.h>

#include "base/check.h"

void *mem_block_take(u64 bytes)
{
    check(bytes > 0);

    void *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return block == MAP_FAILED ? NULL : block;
}

void mem_block_return(void *block, u64 bytes)
{
    check(block != NULL);

    check(munmap(block, bytes) == 0);
}
