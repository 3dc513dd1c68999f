/* Connections as operators see them: GetMe (20), GetClient (21), GetClients (22).
 *
 *     record   | client_id u32 | user_id u32 | transport u8 | address (u32 length) | groups u32 |
 *     20, 21   record, then per joined group | stream u32 | topic u32 | group u32 |
 *     22       records to the end, without their groups
 *
 * client_id is the server's own number of the connection, from 1, not the u128 of the header. */
#pragma once

#include "base/bytes.h"
#include "wire/error.h"

#define CLIENT_USER_NONE UINT32_MAX /* not logged in */

enum client_transport { TRANSPORT_TCP = 1, TRANSPORT_QUIC = 2, TRANSPORT_WEBSOCKET = 4 };

/* 21: the number of a connection. */
must_check enum wire_error get_client_request_decode(struct span body, u32 *client_id);
void get_client_request_encode(u32 client_id, struct writer *writer);

struct client_info {
    u32 client_id;
    u32 user_id;
    u8 transport; /* enum client_transport */
    struct span address;
    u32 groups_count;
};

struct client_group {
    u32 stream_id;
    u32 topic_id;
    u32 group_id;
};

void write_client_info(struct writer *writer, const struct client_info *info);
void write_client_group(struct writer *writer, const struct client_group *group);

struct client_info read_client_info(struct reader *reader);
struct client_group read_client_group(struct reader *reader);
