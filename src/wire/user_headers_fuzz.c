#include "wire/user_headers.h"

#include "tests/fuzz/fixed_point.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static u8 bytes[FUZZ_BYTES_MAX];
    if (size > sizeof(bytes)) {
        return 0;
    }
    struct reader reader = reader_over(data, (u32)size);
    struct writer writer = writer_over(bytes, sizeof(bytes));
    struct user_header header;
    while (read_user_header(&reader, &header)) {
        write_user_header(&writer, &header);
    }
    check(!writer.failed);
    check(memcmp(bytes, data, writer.position) == 0);
    check(reader.failed || writer.position == size);
    return 0;
}
