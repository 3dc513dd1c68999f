#include "base/str.h"

#include <inttypes.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

/* A number that is accepted is printed as the same digits, without leading zeros. */
static void number_is_its_digits(const char *text)
{
    u64 value = 0;
    if (!str_to_u64(text, &value)) {
        return;
    }
    char digits[32];
    check(str_format(digits, sizeof(digits), "%" PRIu64, value));
    const char *begin = text + strspn(text, "0");
    check(strcmp(*begin == 0 ? "0" : begin, digits) == 0);
}

/* Distances are those of a metric, as far as a pair and the empty word can show it. */
static void distance_is_a_distance(const char *a, const char *b)
{
    u32 distance = str_distance(a, b);
    check(distance == str_distance(b, a));
    check((distance == 0) == (strncmp(a, b, 64) == 0));
    check(distance <= u32_max(str_distance(a, ""), str_distance("", b)));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    char text[256];
    if (size >= sizeof(text)) {
        return 0;
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = 0;
    number_is_its_digits(text);
    size_t half = strlen(text) / 2;
    char first[128];
    memcpy(first, text, half);
    first[half] = 0;
    distance_is_a_distance(first, text + half);
    return 0;
}
