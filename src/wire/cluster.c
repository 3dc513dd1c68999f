#include "wire/cluster.h"

#include "wire/decode.h"

void write_cluster_node(struct writer *writer, const struct cluster_node *node)
{
    write_text(writer, node->name);
    write_text(writer, node->ip);
    write_u16(writer, node->tcp_port);
    write_u16(writer, node->quic_port);
    write_u16(writer, node->http_port);
    write_u16(writer, node->websocket_port);
    write_u8(writer, node->role);
    write_u8(writer, node->status);
}

struct cluster_node read_cluster_node(struct reader *reader)
{
    struct cluster_node node;
    node.name = read_text(reader);
    node.ip = read_text(reader);
    node.tcp_port = read_u16(reader);
    node.quic_port = read_u16(reader);
    node.http_port = read_u16(reader);
    node.websocket_port = read_u16(reader);
    node.role = read_u8(reader);
    node.status = read_u8(reader);
    return node;
}

void write_cluster_header(struct writer *writer, struct span name, u32 nodes_count)
{
    write_text(writer, name);
    write_u32(writer, nodes_count);
}

struct span read_cluster_header(struct reader *reader, u32 *nodes_count)
{
    struct span name = read_text(reader);
    *nodes_count = read_u32(reader);
    return name;
}
