/* The bytes of the control log: a header block, then records that form one chain.
 *
 *     | header | record 1 | record 2 | ... | zeros, or what an older epoch left |
 *       4 KiB    each begins on a block of 4 KiB and is padded to its end with zeros
 *
 * Each record carries number, checksum and last index of the one before it, so that a record is
 * believed only in its place. Pure functions; the layouts stand at the head of control_record.c. */
#pragma once

#include "base/bytes.h"
#include "base/status.h"

#define CONTROL_BLOCK_BYTES 4096u
#define CONTROL_RECORD_BYTES_MAX (64u * 1024u) /* header, payload and padding */
#define CONTROL_RECORD_HEADER_BYTES 64u
#define CONTROL_FORMAT_VERSION 1u

/* An epoch is one snapshot and the commands after it: one file on each side. */
struct control_header {
    u32 version;
    u64 epoch;          /* 1, 2, 3, ...; 0: a file that is only prepared */
    u64 salt;           /* drawn at random for each epoch: what another left behind never fits */
    u64 snapshot_index; /* state index of the snapshot that the file begins with */
    u64 created_at_us;
    u32 crc; /* also what the first record carries as checksum of the one before */
};

/* Into a whole block. Sets crc. */
void control_header_encode(struct control_header *header, u8 block[CONTROL_BLOCK_BYTES]);

/* ERR_CORRUPT: no such header. ERR_UNSUPPORTED: one of another format version, `header->version`
 * says which. */
must_check enum status control_header_decode(const u8 block[CONTROL_BLOCK_BYTES],
                                             struct control_header *header);

enum control_record_kind {
    CONTROL_SNAPSHOT_PIECE = 1,
    CONTROL_SNAPSHOT_LAST = 2,
    CONTROL_COMMANDS = 3
};

struct control_record {
    u32 size; /* header and payload, without padding */
    u32 crc;
    u32 crc_before;
    u64 epoch;
    u64 salt;
    u64 number;
    u64 index_before; /* last index of the record before */
    u64 index;        /* last index of this one */
    enum control_record_kind kind;
    u32 commands_count;
    struct span payload;
};

/* Where a chain has come to: what the next record must carry. */
struct control_chain {
    u64 epoch;
    u64 salt;
    u64 number; /* of the last record; 0: only the header */
    u64 index;
    u32 crc;
};

struct control_chain control_chain_begin(const struct control_header *header);

/* True when `record` is the next one of `chain`. */
bool control_chain_fits(const struct control_chain *chain, const struct control_record *record);
void control_chain_advance(struct control_chain *chain, const struct control_record *record);

/* Bytes on disk, padding included. */
u32 control_record_bytes(const struct control_record *record);

/* Finishes the record whose payload of `payload_size` bytes was already written behind the room of
 * its header in `data`: puts the header in front, pads with zeros, and sets size and crc. */
void control_record_seal(struct control_record *record, u8 *data, u32 payload_size);

/* Reads the record at the start of `bytes`: ERR_CORRUPT when it does not verify, whatever chain it
 * belongs to. ERR_TOO_LARGE: the head is plausible but the record reaches beyond `bytes`. */
must_check enum status control_record_decode(struct span bytes, struct control_record *record);

/* The commands in a payload: index u64, size u32, bytes. */
void control_command_write(struct writer *writer, u64 index, struct span command);
must_check bool control_command_read(struct reader *reader, u64 *index, struct span *command);
