#include "control/control_record.h"

#include "base/crc32c.h"
#include "test.h"

static u8 block[CONTROL_BLOCK_BYTES];
static u8 data[CONTROL_RECORD_BYTES_MAX];

static struct control_header example_header(void)
{
    return (struct control_header){
        .epoch = 3, .salt = 0x1122334455667788, .snapshot_index = 40, .created_at_us = 9};
}

static struct control_record example_record(const struct control_chain *chain, u32 payload_size)
{
    for (u32 i = 0; i < payload_size; i++) {
        data[CONTROL_RECORD_HEADER_BYTES + i] = (u8)(i * 7);
    }
    struct control_record record = {
        .crc_before = chain->crc,
        .epoch = chain->epoch,
        .salt = chain->salt,
        .number = chain->number + 1,
        .index_before = chain->index,
        .index = chain->index + 5,
        .kind = CONTROL_COMMANDS,
        .commands_count = 2,
    };
    control_record_seal(&record, data, payload_size);
    return record;
}

TEST(a_header_is_read_as_it_was_written)
{
    struct control_header header = example_header();
    control_header_encode(&header, block);
    struct control_header found;
    EXPECT_EQ(control_header_decode(block, &found), OK);
    EXPECT_EQ(found.epoch, 3);
    EXPECT_EQ(found.salt, 0x1122334455667788);
    EXPECT_EQ(found.snapshot_index, 40);
    EXPECT_EQ(found.created_at_us, 9);
    EXPECT_EQ(found.crc, header.crc);
}

TEST(a_header_with_any_byte_changed_is_no_header)
{
    struct control_header header = example_header();
    struct control_header found;
    for (u32 i = 0; i < CONTROL_BLOCK_BYTES; i++) {
        control_header_encode(&header, block);
        block[i] ^= 1;
        EXPECT_EQ(control_header_decode(block, &found), ERR_CORRUPT);
    }
    memset(block, 0, sizeof(block));
    EXPECT_EQ(control_header_decode(block, &found), ERR_CORRUPT);
}

/* What a later version writes: same places for version and checksum, anything else behind. */
TEST(a_header_of_another_version_is_named)
{
    memset(block, 0, sizeof(block));
    memcpy(block, "LEVCTRL\n\011", 9);
    memset(block + 16, 0xab, 100);
    put_u32(block + 12, crc32c(0, block, sizeof(block)));
    struct control_header found;
    EXPECT_EQ(control_header_decode(block, &found), ERR_UNSUPPORTED);
    EXPECT_EQ(found.version, 9);
}

TEST(records_form_a_chain_in_which_each_has_one_place)
{
    struct control_header header = example_header();
    control_header_encode(&header, block);
    struct control_chain chain = control_chain_begin(&header);
    struct control_chain begin = chain;
    struct control_record first = example_record(&chain, 100);
    struct control_record found;
    EXPECT_EQ(control_record_decode((struct span){data, sizeof(data)}, &found), OK);
    EXPECT_EQ(found.kind, CONTROL_COMMANDS);
    EXPECT_EQ(found.commands_count, 2);
    EXPECT_EQ(found.payload.size, 100);
    EXPECT_EQ(control_record_bytes(&found), CONTROL_BLOCK_BYTES);
    EXPECT(control_chain_fits(&chain, &found));
    control_chain_advance(&chain, &found);
    EXPECT(!control_chain_fits(&chain, &first));
    struct control_record second = example_record(&chain, 5000);
    EXPECT_EQ(control_record_bytes(&second), 2 * CONTROL_BLOCK_BYTES);
    EXPECT(control_chain_fits(&chain, &second));
    EXPECT(!control_chain_fits(&begin, &second));

    begin.epoch++;
    EXPECT(!control_chain_fits(&begin, &first));
    begin.epoch--;
    begin.salt++;
    EXPECT(!control_chain_fits(&begin, &first));
}

TEST(a_record_with_any_bit_changed_does_not_verify)
{
    struct control_chain chain = {.epoch = 1};
    struct control_record found;
    for (u32 bit = 0; bit < (CONTROL_RECORD_HEADER_BYTES + 30) * 8; bit++) {
        (void)example_record(&chain, 30);
        data[bit / 8] ^= (u8)(1u << bit % 8);
        EXPECT(control_record_decode((struct span){data, sizeof(data)}, &found) != OK);
    }
}

TEST(a_record_that_reaches_beyond_the_bytes_says_so)
{
    struct control_chain chain = {.epoch = 1};
    struct control_record record = example_record(&chain, 9000);
    struct control_record found;
    EXPECT_EQ(control_record_decode((struct span){data, 4096}, &found), ERR_TOO_LARGE);
    EXPECT_EQ(control_record_decode((struct span){data, record.size}, &found), OK);
    EXPECT_EQ(control_record_decode((struct span){data, 63}, &found), ERR_CORRUPT);
}

TEST(commands_are_read_back_until_the_payload_ends)
{
    struct writer writer = writer_over(data, sizeof(data));
    control_command_write(&writer, 7, span_of("seven"));
    control_command_write(&writer, 9, span_of("n"));
    struct reader reader = reader_over(data, writer.position);
    u64 index = 0;
    struct span command;
    EXPECT(control_command_read(&reader, &index, &command));
    EXPECT_EQ(index, 7);
    EXPECT(span_equal(command, span_of("seven")));
    EXPECT(control_command_read(&reader, &index, &command));
    EXPECT_EQ(index, 9);
    EXPECT(reader_is_done(&reader));
    EXPECT(!control_command_read(&reader, &index, &command));
    struct reader cut = reader_over(data, 14);
    EXPECT(!control_command_read(&cut, &index, &command));
}

TEST(the_bytes_of_a_header_and_a_record_never_change)
{
    static const u8 header_bytes[] = {
        'L',  'E',  'V',  'C',  'T',  'R',  'L',  '\n', /* magic */
        1,    0,    0,    0,    0,    0,    0,    0,    /* version, checksum below */
        3,    0,    0,    0,    0,    0,    0,    0,    /* epoch */
        0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, /* salt */
        40,   0,    0,    0,    0,    0,    0,    0,    /* snapshot index */
        9,    0,    0,    0,    0,    0,    0,    0,    /* created at */
    };
    struct control_header header = example_header();
    control_header_encode(&header, block);
    EXPECT_EQ(header.crc, get_u32(block + 12));
    put_u32(block + 12, 0);
    EXPECT_EQ(header.crc, crc32c(0, block, sizeof(block)));
    EXPECT_BYTES(block, header_bytes, sizeof(header_bytes));
    for (u32 i = sizeof(header_bytes); i < sizeof(block); i++) {
        EXPECT_EQ(block[i], 0);
    }

    static const u8 record_bytes[] = {
        'L', 'R', 'C', 'L', 0,   0,   0,   0, /* magic, checksum below */
        80,  0,   0,   0,   7,   0,   0,   0, /* size, checksum of the one before */
        3,   0,   0,   0,   0,   0,   0,   0, /* epoch */
        5,   0,   0,   0,   0,   0,   0,   0, /* salt */
        2,   0,   0,   0,   0,   0,   0,   0, /* number */
        40,  0,   0,   0,   0,   0,   0,   0, /* index before */
        42,  0,   0,   0,   0,   0,   0,   0, /* index */
        3,   0,   0,   0,   1,   0,   0,   0, /* kind, commands */
        42,  0,   0,   0,   0,   0,   0,   0, /* index of the command */
        4,   0,   0,   0,   'b', 'o', 'o', 't',
    };
    struct writer writer = writer_over(data + CONTROL_RECORD_HEADER_BYTES, 64);
    control_command_write(&writer, 42, span_of("boot"));
    struct control_record record = {
        .crc_before = 7,
        .epoch = 3,
        .salt = 5,
        .number = 2,
        .index_before = 40,
        .index = 42,
        .kind = CONTROL_COMMANDS,
        .commands_count = 1,
    };
    control_record_seal(&record, data, writer.position);
    EXPECT_EQ(get_u32(data + 4), crc32c(0, record_bytes + 8, sizeof(record_bytes) - 8));
    put_u32(data + 4, 0);
    EXPECT_BYTES(data, record_bytes, sizeof(record_bytes));
}
