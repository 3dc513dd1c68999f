#include "wire/cluster.h"

#include "test.h"

static u8 bytes[512];

TEST(a_roster_of_one_node_is_its_name_a_count_and_the_node)
{
    struct cluster_node node = {.name = span_of("node"),
                                .ip = span_of("127.0.0.1"),
                                .tcp_port = 8090,
                                .role = CLUSTER_LEADER,
                                .status = CLUSTER_HEALTHY};
    struct writer writer = writer_over(bytes, sizeof(bytes));
    write_cluster_header(&writer, span_of("single-node"), 1);
    write_cluster_node(&writer, &node);
    struct reader reader = reader_over(bytes, writer.position);
    u32 nodes_count = 0;
    EXPECT(span_equal(read_cluster_header(&reader, &nodes_count), span_of("single-node")));
    EXPECT_EQ(nodes_count, 1);
    struct cluster_node again = read_cluster_node(&reader);
    EXPECT(reader_is_done(&reader));
    EXPECT_EQ(again.tcp_port, 8090);
    EXPECT_EQ(again.quic_port, 0);
    EXPECT(span_equal(again.ip, span_of("127.0.0.1")));
}

TEST(names_and_addresses_have_lengths_of_four_bytes)
{
    struct writer writer = writer_over(bytes, sizeof(bytes));
    write_cluster_header(&writer, span_of("n"), 0);
    EXPECT_EQ(writer.position, 4 + 1 + 4);
}
