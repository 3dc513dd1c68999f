/* Feeds a fuzz target without libFuzzer: every file named on the command line as it is, then
 * mutations of them from a seed, so that a plain test run looks a little further than the corpus.
 *
 *     frame_fuzz SEED MUTATIONS file...
 *
 * The same arguments give the same inputs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/prng.h"
#include "base/str.h"
#include "tests/fuzz/fuzz.h"

#define INPUT_BYTES_MAX (1u << 20)

struct input {
    u8 *bytes;
    u32 size;
};

static bool input_read(struct input *input, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return false;
    }
    input->bytes = mem_take(INPUT_BYTES_MAX);
    input->size = (u32)fread(input->bytes, 1, INPUT_BYTES_MAX, file);
    bool whole = ferror(file) == 0;
    (void)fclose(file);
    return whole;
}

/* In memory of exactly its size, so that the sanitizer sees a step beyond. */
static void run_on(const u8 *bytes, u32 size)
{
    u8 *copy = mem_take(size);
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    (void)LLVMFuzzerTestOneInput(copy, size);
    mem_return(copy);
}

static void mutate_byte(struct prng *prng, struct input *work)
{
    static const u8 telling[] = {0, 1, 0x7f, 0x80, 0xff};
    u32 position = (u32)prng_below(prng, work->size);
    if (prng_chance(prng, 1, 2)) {
        work->bytes[position] = telling[prng_below(prng, sizeof(telling))];
    } else {
        work->bytes[position] ^= (u8)(1u << prng_below(prng, 8));
    }
}

static void mutate(struct prng *prng, struct input *work)
{
    if (work->size == 0) {
        work->bytes[work->size++] = (u8)prng_next(prng);
        return;
    }
    u32 position = (u32)prng_below(prng, work->size);
    switch (prng_below(prng, 6)) {
    case 0: work->size = position; break;
    case 1:
        memmove(work->bytes + position, work->bytes + position + 1, work->size - position - 1);
        work->size--;
        break;
    case 2:
        if (work->size < INPUT_BYTES_MAX) {
            memmove(work->bytes + position + 1, work->bytes + position, work->size - position);
            work->bytes[position] = (u8)prng_next(prng);
            work->size++;
        }
        break;
    default: mutate_byte(prng, work); break;
    }
}

static void run_mutations(struct prng *prng, const struct input *inputs, u32 count, u64 mutations)
{
    struct input work = {.bytes = mem_take(INPUT_BYTES_MAX)};
    for (u64 i = 0; i < mutations; i++) {
        const struct input *from = &inputs[prng_below(prng, count)];
        memcpy(work.bytes, from->bytes, from->size);
        work.size = from->size;
        u64 changes = 1 + prng_below(prng, 4);
        for (u64 change = 0; change < changes; change++) {
            mutate(prng, &work);
        }
        run_on(work.bytes, work.size);
    }
    mem_return(work.bytes);
}

int main(int argument_count, char **arguments)
{
    u64 seed = 0;
    u64 mutations = 0;
    if (argument_count < 3 || !str_to_u64(arguments[1], &seed) ||
        !str_to_u64(arguments[2], &mutations)) {
        (void)fprintf(stderr, "usage: %s SEED MUTATIONS file...\n", arguments[0]);
        return 2;
    }
    u32 files_count = (u32)argument_count - 3;
    struct input *inputs = mem_take(sizeof(*inputs) * (files_count + 1));
    for (u32 i = 0; i < files_count; i++) {
        if (!input_read(&inputs[i], arguments[i + 3])) {
            return 2;
        }
        printf("%s\n", arguments[i + 3]);
        (void)fflush(stdout);
        run_on(inputs[i].bytes, inputs[i].size);
    }
    /* The last is the empty input, so that there is always one to begin with. */
    inputs[files_count].bytes = mem_take(1);
    run_on(inputs[files_count].bytes, 0);

    printf("%llu mutations from seed %llu\n", (unsigned long long)mutations,
           (unsigned long long)seed);
    (void)fflush(stdout);
    struct prng prng;
    prng_init(&prng, seed);
    run_mutations(&prng, inputs, files_count + 1, mutations);
    for (u32 i = 0; i <= files_count; i++) {
        mem_return(inputs[i].bytes);
    }
    mem_return(inputs);
    return 0;
}
