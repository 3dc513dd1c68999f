/* The header of a file, one block of 4,096 bytes. Integers are little-endian:
 *
 *     0   8  "LEVCTRL\n"
 *     8   4  format version u32: 1
 *     12  4  CRC-32C over this block, with these four bytes as zero
 *     16  8  epoch u64; 0: the file is prepared, no epoch has begun in it
 *     24  8  salt u64
 *     32  8  snapshot index u64
 *     40  8  created at u64, microseconds since 1970
 *     48     zeros to the end of the block
 *
 * Version and checksum keep their places in every version to come, so that any server can name what
 * it cannot read.
 *
 * A record, from a block boundary on:
 *
 *     0   4  magic u32: 0x4c43524c ("LRCL")
 *     4   4  CRC-32C over bytes 8 .. size
 *     8   4  size u32: header and payload
 *     12  4  checksum of the record before; of the header block for the first
 *     16  8  epoch u64
 *     24  8  salt u64
 *     32  8  number u64: 1, 2, ... within the epoch
 *     40  8  index u64 of the last command before this record
 *     48  8  index u64 of the last command in it; a snapshot piece repeats the one before
 *     56  4  kind u32: 1 snapshot piece, 2 last snapshot piece, 3 commands
 *     60  4  how many commands u32
 *     64     payload: a piece (state/snapshot.c), or commands, each
 *              index u64, size u32, bytes (state/state_command.c)
 *            then zeros to the next block boundary */
#include "control/control_record.h"

#include "base/check.h"
#include "base/crc32c.h"

#define RECORD_MAGIC 0x4c43524cu
#define COMMAND_HEAD_BYTES 12u

static const u8 header_magic[8] = "LEVCTRL\n";

static u32 header_crc(const u8 *block)
{
    static const u8 zeros[4];
    u32 crc = crc32c(0, block, 12);
    crc = crc32c(crc, zeros, sizeof(zeros));
    return crc32c(crc, block + 16, CONTROL_BLOCK_BYTES - 16);
}

void control_header_encode(struct control_header *header, u8 block[CONTROL_BLOCK_BYTES])
{
    memset(block, 0, CONTROL_BLOCK_BYTES);
    memcpy(block, header_magic, sizeof(header_magic));
    header->version = CONTROL_FORMAT_VERSION;
    put_u32(block + 8, header->version);
    put_u64(block + 16, header->epoch);
    put_u64(block + 24, header->salt);
    put_u64(block + 32, header->snapshot_index);
    put_u64(block + 40, header->created_at_us);
    header->crc = header_crc(block);
    put_u32(block + 12, header->crc);
}

enum status control_header_decode(const u8 block[CONTROL_BLOCK_BYTES],
                                  struct control_header *header)
{
    if (memcmp(block, header_magic, sizeof(header_magic)) != 0 ||
        get_u32(block + 12) != header_crc(block)) {
        return ERR_CORRUPT;
    }
    *header = (struct control_header){
        .version = get_u32(block + 8),
        .crc = get_u32(block + 12),
        .epoch = get_u64(block + 16),
        .salt = get_u64(block + 24),
        .snapshot_index = get_u64(block + 32),
        .created_at_us = get_u64(block + 40),
    };
    return header->version == CONTROL_FORMAT_VERSION ? OK : ERR_UNSUPPORTED;
}

struct control_chain control_chain_begin(const struct control_header *header)
{
    return (struct control_chain){
        .epoch = header->epoch,
        .salt = header->salt,
        .index = header->snapshot_index,
        .crc = header->crc,
    };
}

bool control_chain_fits(const struct control_chain *chain, const struct control_record *record)
{
    return record->epoch == chain->epoch && record->salt == chain->salt &&
           record->number == chain->number + 1 && record->index_before == chain->index &&
           record->crc_before == chain->crc;
}

void control_chain_advance(struct control_chain *chain, const struct control_record *record)
{
    check(control_chain_fits(chain, record));
    chain->number = record->number;
    chain->index = record->index;
    chain->crc = record->crc;
}

u32 control_record_bytes(const struct control_record *record)
{
    return (u32)align_up(record->size, CONTROL_BLOCK_BYTES);
}

void control_record_seal(struct control_record *record, u8 *data, u32 payload_size)
{
    check(payload_size <= CONTROL_RECORD_BYTES_MAX - CONTROL_RECORD_HEADER_BYTES);
    check(record->index >= record->index_before);
    record->size = CONTROL_RECORD_HEADER_BYTES + payload_size;
    record->payload = (struct span){data + CONTROL_RECORD_HEADER_BYTES, payload_size};

    put_u32(data, RECORD_MAGIC);
    put_u32(data + 8, record->size);
    put_u32(data + 12, record->crc_before);
    put_u64(data + 16, record->epoch);
    put_u64(data + 24, record->salt);
    put_u64(data + 32, record->number);
    put_u64(data + 40, record->index_before);
    put_u64(data + 48, record->index);
    put_u32(data + 56, (u32)record->kind);
    put_u32(data + 60, record->commands_count);
    record->crc = crc32c(0, data + 8, record->size - 8);
    put_u32(data + 4, record->crc);
    memset(data + record->size, 0, control_record_bytes(record) - record->size);
}

static bool kind_is_known(u32 kind)
{
    return kind == CONTROL_SNAPSHOT_PIECE || kind == CONTROL_SNAPSHOT_LAST ||
           kind == CONTROL_COMMANDS;
}

enum status control_record_decode(struct span bytes, struct control_record *record)
{
    const u8 *data = bytes.data;
    if (bytes.size < CONTROL_RECORD_HEADER_BYTES || get_u32(data) != RECORD_MAGIC) {
        return ERR_CORRUPT;
    }
    u32 size = get_u32(data + 8);
    u32 kind = get_u32(data + 56);
    if (size < CONTROL_RECORD_HEADER_BYTES || size > CONTROL_RECORD_BYTES_MAX ||
        !kind_is_known(kind)) {
        return ERR_CORRUPT;
    }
    if (size > bytes.size) {
        return ERR_TOO_LARGE;
    }
    u32 crc = crc32c(0, data + 8, size - 8);
    if (crc != get_u32(data + 4)) {
        return ERR_CORRUPT;
    }
    *record = (struct control_record){
        .size = size,
        .crc = crc,
        .crc_before = get_u32(data + 12),
        .epoch = get_u64(data + 16),
        .salt = get_u64(data + 24),
        .number = get_u64(data + 32),
        .index_before = get_u64(data + 40),
        .index = get_u64(data + 48),
        .kind = (enum control_record_kind)kind,
        .commands_count = get_u32(data + 60),
        .payload = {data + CONTROL_RECORD_HEADER_BYTES, size - CONTROL_RECORD_HEADER_BYTES},
    };
    return OK;
}

void control_command_write(struct writer *writer, u64 index, struct span command)
{
    write_u64(writer, index);
    write_u32(writer, command.size);
    write_span(writer, command);
}

bool control_command_read(struct reader *reader, u64 *index, struct span *command)
{
    u64 found = read_u64(reader);
    u32 size = read_u32(reader);
    struct span bytes = read_span(reader, size);
    if (reader->failed) {
        return false;
    }
    *index = found;
    *command = bytes;
    return true;
}
