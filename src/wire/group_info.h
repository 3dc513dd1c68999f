/* Consumer groups on the wire: commands 600 to 606.
 *
 *     group record   | id u32 | partitions u32 | members u32 | name |
 *     member record  | id u32 | count u32 | partition u32, count times |
 *     600 get        | stream | topic | group |   reply: group record, member records; empty: none
 *     601 list       | stream | topic |           reply: group records to the end
 *     602 create     | stream | topic | name |    reply: group record, members 0
 *     603 delete, 604 join, 605 leave, 606 sync  | stream | topic | group |
 *     reply of 606   | generation u64 | count u32 | partition u32, count times |; or empty */
#pragma once

#include "base/bytes.h"
#include "base/status.h"
#include "wire/decode.h"
#include "wire/error.h"
#include "wire/identifier.h"

struct group_request {
    struct identifier stream;
    struct identifier topic;
    struct identifier group;
};

struct create_group_request {
    struct identifier stream;
    struct identifier topic;
    struct span name;
};

must_check enum wire_error group_request_decode(struct span body, struct group_request *request);
void group_request_encode(const struct group_request *request, struct writer *writer);

must_check enum wire_error create_group_request_decode(struct span body,
                                                       struct create_group_request *request);
void create_group_request_encode(const struct create_group_request *request, struct writer *writer);

struct group_info {
    u32 id;
    u32 partitions_count;
    u32 members_count;
    struct span name;
};

void write_group_info(struct writer *writer, const struct group_info *info);
struct group_info read_group_info(struct reader *reader);

/* A run of partition numbers: as values for the writer, or in place in a reply. */
struct group_member {
    u32 id;
    u32 partitions_count;
    const u8 *partitions; /* u32 each, little-endian, not aligned: get_u32(partitions + 4 * i) */
};

void write_group_member(struct writer *writer, const struct group_member *member);

/* The part before the partitions; each then by write_u32. */
void write_group_member_start(struct writer *writer, u32 id, u32 partitions_count);
struct group_member read_group_member(struct reader *reader);

struct group_assignment {
    u64 generation; /* rises with every change of membership or partitions */
    u32 partitions_count;
    const u8 *partitions; /* as above */
};

/* The part before the partitions; each then by write_u32. */
void write_group_assignment_start(struct writer *writer, u64 generation, u32 partitions_count);
void group_assignment_encode(const struct group_assignment *assignment, struct writer *writer);

/* ERR_NOT_FOUND: an empty body, not a member. ERR_INVALID: no such body. */
must_check enum status group_assignment_decode(struct span body,
                                               struct group_assignment *assignment);
