/* GetClusterMetadata (12): the roster. One node means "stay here"; zero nodes or an error break
 * released clients, several make them dial the leader.
 *
 *     | name (u32 length) | nodes u32 | node | node | ...
 *     node = | name (u32 length) | ip (u32 length) | tcp u16 | quic u16 | http u16 |
 *            | websocket u16 | role u8 | status u8 | */
#pragma once

#include "base/bytes.h"

enum cluster_role { CLUSTER_LEADER = 0, CLUSTER_FOLLOWER = 1 };

/* Released clients refuse any other value. */
enum cluster_node_status {
    CLUSTER_HEALTHY = 0,
    CLUSTER_STARTING = 1,
    CLUSTER_STOPPING = 2,
    CLUSTER_UNREACHABLE = 3,
    CLUSTER_MAINTENANCE = 4,
};

struct cluster_node {
    struct span name;
    struct span ip;
    u16 tcp_port; /* 0: not offered */
    u16 quic_port;
    u16 http_port;
    u16 websocket_port;
    u8 role;   /* enum cluster_role */
    u8 status; /* enum cluster_node_status */
};

void write_cluster_node(struct writer *writer, const struct cluster_node *node);
struct cluster_node read_cluster_node(struct reader *reader);

/* The reply: this, then the nodes, as many as announced. */
void write_cluster_header(struct writer *writer, struct span name, u32 nodes_count);
struct span read_cluster_header(struct reader *reader, u32 *nodes_count);
