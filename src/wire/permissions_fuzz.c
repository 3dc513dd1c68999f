#include "wire/permissions.h"

#include "tests/fuzz/fixed_point.h"

/* A block written from its entries has the same entries, whatever odd bytes stood for its flags. */
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static u8 bytes[FUZZ_BYTES_MAX];
    struct span block = {data, (u32)size};
    if (size > sizeof(bytes) || permissions_validate(block) != WIRE_OK) {
        return 0;
    }
    struct permission_iterator iterator = permissions_iterate(block);
    struct permission_entry entry;
    check(permissions_next(&iterator, &entry));
    check(entry.scope == PERMISSION_GLOBAL);
    struct writer writer = writer_over(bytes, sizeof(bytes));
    struct permission_writer permissions = permissions_begin(&writer, entry.bits);
    while (permissions_next(&iterator, &entry)) {
        permissions_add(&permissions, &entry);
    }
    permissions_end(&permissions);
    check(!writer.failed);
    check(writer.position == block.size);

    struct permission_iterator before = permissions_iterate(block);
    struct permission_iterator after = permissions_iterate((struct span){bytes, writer.position});
    struct permission_entry wanted;
    while (permissions_next(&before, &wanted)) {
        check(permissions_next(&after, &entry));
        check(wanted.scope == entry.scope);
        check(wanted.stream_id == entry.stream_id);
        check(wanted.topic_id == entry.topic_id);
        check(wanted.bits == entry.bits);
    }
    check(!permissions_next(&after, &entry));
    return 0;
}
