/* Captured and golden frames, read from the text files under tests/golden/vectors/.
 *
 *     = title, ends in ! when the reply must be refused
 *     > [48] 0701 [10] 05 ...      the request, over as many lines as it takes
 *     < [48] 2f01 ...              the reply; one of the two may be missing
 *
 * Memory: the frames hold as long as the process. */
#pragma once

#include "base/bytes.h"
#include "base/types.h"

#define VECTOR_TITLE_BYTES 160u
#define VECTORS_MAX 512u

struct vector {
    char title[VECTOR_TITLE_BYTES];
    bool must_be_refused;
    struct span request; /* size 0: there is none */
    struct span response;
};

struct vectors {
    struct vector all[VECTORS_MAX];
    u32 count;
};

/* Reads a file of tests/golden/vectors/. Ends the process with a sentence when it cannot. */
void vectors_load(struct vectors *vectors, const char *name);
