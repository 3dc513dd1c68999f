/* Any bytes as a header block and as a record with commands: nothing is read beyond them, and what
 * verifies is what was written. */
#include "control/control_record.h"

#include "tests/fuzz/fuzz.h"

static void fuzz_header(const u8 *data)
{
    struct control_header header;
    u8 block[CONTROL_BLOCK_BYTES];
    if (control_header_decode(data, &header) == OK) {
        u32 crc = header.crc;
        control_header_encode(&header, block);
        struct control_header again;
        check(control_header_decode(block, &again) == OK);
        check(again.epoch == header.epoch);
        /* Bytes behind the known ones may be there: they only changed the checksum. */
        check(header.crc == crc || memcmp(data, block, sizeof(block)) != 0);
    }
}

static void fuzz_commands(struct span payload)
{
    struct reader reader = reader_over(payload.data, payload.size);
    u64 index = 0;
    struct span command;
    u32 left = reader_left(&reader);
    while (control_command_read(&reader, &index, &command)) {
        check(reader_left(&reader) < left);
        left = reader_left(&reader);
    }
}

/* The same bytes with a checksum that holds, so that what is behind it is reached. */
static void fuzz_sealed(struct span bytes)
{
    static u8 data[CONTROL_RECORD_BYTES_MAX];
    u32 payload_size = bytes.size - CONTROL_RECORD_HEADER_BYTES;
    memcpy(data, bytes.data, bytes.size);
    struct control_record record = {
        .epoch = get_u64(bytes.data + 16),
        .number = get_u64(bytes.data + 32),
        .index = UINT64_MAX,
        .kind = CONTROL_COMMANDS,
        .commands_count = get_u32(bytes.data + 60),
    };
    control_record_seal(&record, data, payload_size);
    struct control_record found;
    check(control_record_decode((struct span){data, sizeof(data)}, &found) == OK);
    check(found.size == bytes.size);
    check(found.epoch == record.epoch);
    fuzz_commands(found.payload);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    if (size >= CONTROL_BLOCK_BYTES) {
        fuzz_header(data);
    }
    struct span bytes = {data, (u32)size};
    struct control_record record;
    if (control_record_decode(bytes, &record) == OK) {
        check(record.size <= size);
        fuzz_commands(record.payload);
    }
    if (size >= CONTROL_RECORD_HEADER_BYTES && size <= CONTROL_RECORD_BYTES_MAX) {
        fuzz_sealed(bytes);
    }
    return 0;
}
