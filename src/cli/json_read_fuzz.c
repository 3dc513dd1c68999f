#include "cli/json_read.h"

#include "base/mem.h"
#include "tests/fuzz/fuzz.h"

/* Walks everything in a value, to the depth that is allowed; what it names lies in the line. */
static void walk(struct span line, struct span text, u32 depth)
{
    struct json_read read = json_read_over(text);
    struct json_value value;
    struct span key;
    bool is_object = text.size > 0 && text.data[0] == '{';
    u32 count = 0;
    while (!is_object || json_read_member(&read, &key)) {
        if (is_object && count++ % 3 == 2) {
            continue; /* left for the next member to skip */
        }
        if (!json_read_value(&read, &value)) {
            break;
        }
        check(value.text.data >= line.data);
        check(value.text.data + value.text.size <= line.data + line.size);
        if ((value.kind == JSON_ARRAY || value.kind == JSON_OBJECT) && depth < 20) {
            walk(line, value.text, depth + 1);
        } else if (value.kind == JSON_TEXT) {
            (void)!json_decode_base64(&value.text);
        }
    }
}

/* A line in memory of exactly its size, which the reader may change. */
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    u8 *copy = mem_take(size + 1);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    struct span line = {copy, (u32)size};
    walk(line, line, 0);
    mem_return(copy);
    return 0;
}
