#include "base/quantity.h"

#include "tests/fuzz/fuzz.h"

/* Text in memory of exactly its size; spaces around it change nothing. */
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    u8 spaced[128];
    u64 value = 0;
    u64 again = 0;
    if (size > sizeof(spaced) - 2) {
        return 0;
    }
    spaced[0] = ' ';
    if (size > 0) {
        memcpy(spaced + 1, data, size);
    }
    spaced[size + 1] = ' ';
    struct span text = {data, (u32)size};
    struct span padded = {spaced, (u32)size + 2};

    enum status status = quantity_parse_size(text, &value);
    check(quantity_parse_size(padded, &again) == status);
    check(status != OK || value == again);
    status = quantity_parse_duration_us(text, &value);
    check(quantity_parse_duration_us(padded, &again) == status);
    check(status != OK || value == again);
    status = quantity_parse_expiry_us(text, &value);
    check(status != OK || value == QUANTITY_NEVER || value / US_PER_SECOND <= UINT32_MAX);
    if (quantity_parse_topic_size(text, &value) == OK && quantity_parse_size(text, &again) == OK) {
        check(value == again);
    }
    return 0;
}
