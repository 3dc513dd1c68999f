import java.math.BigInteger;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.iggy.client.blocking.tcp.IggyTcpClient;
import org.apache.iggy.identifier.StreamId;
import org.apache.iggy.identifier.TopicId;
import org.apache.iggy.stream.StreamDetails;
import org.apache.iggy.topic.CompressionAlgorithm;
import org.apache.iggy.topic.Topic;
import org.apache.iggy.topic.TopicDetails;

/** Streams, topics, partitions. */
final class StreamRows {
    private static final StreamId NOWHERE = StreamId.of(Desk.MISSING);
    private static final TopicId MISSING = TopicId.of(Desk.MISSING);
    private static final BigInteger HOUR_US = BigInteger.valueOf(3_600_000_000L);
    private static final BigInteger TWO_GIB = BigInteger.ONE.shiftLeft(31);

    private StreamRows() {}

    static void add(Map<String, Matrix.Row> rows) {
        rows.put("GetStream", StreamRows::getStream);
        rows.put("GetStreams", StreamRows::getStreams);
        rows.put("CreateStream", StreamRows::createStream);
        rows.put("DeleteStream", StreamRows::deleteStream);
        rows.put("UpdateStream", StreamRows::updateStream);
        rows.put("GetTopic", StreamRows::getTopic);
        rows.put("GetTopics", StreamRows::getTopics);
        rows.put("CreateTopic", StreamRows::createTopic);
        rows.put("DeleteTopic", StreamRows::deleteTopic);
        rows.put("UpdateTopic", StreamRows::updateTopic);
        rows.put("CreatePartitions", StreamRows::createPartitions);
        rows.put("DeletePartitions", StreamRows::deletePartitions);
    }

    private static void getStream(Desk desk) {
        StreamId stream = desk.topic("get-stream", 2);
        desk.send(stream, 1, 3);
        StreamDetails made = desk.root.streams().getStream(stream).orElseThrow();
        StreamDetails again = desk.root.streams().getStream(made.id()).orElseThrow();
        Desk.same(again.name(), desk.name("get-stream"), "name");
        Desk.same(again.topics().get(0).name(), "t", "topic");
        Desk.same(again.messagesCount(), BigInteger.valueOf(3), "messages");
        Desk.expect(desk.root.streams().getStream(Desk.MISSING).isEmpty(), "found it");
        Desk.expect(desk.root.streams().getStream(StreamId.of("none")).isEmpty(), "found it");
        Desk.refused(41, () -> desk.nobody().streams().getStream(stream));
    }

    private static void getStreams(Desk desk) {
        desk.root.streams().createStream(desk.name("list"));
        Desk.expect(desk.root.streams().getStreams().stream()
                .anyMatch(each -> each.name().equals(desk.name("list"))), "not listed");
        Desk.refused(41, () -> desk.nobody().streams().getStreams());
    }

    private static void createStream(Desk desk) {
        StreamDetails made = desk.root.streams().createStream(desk.name("create"));
        Desk.same(made.topicsCount(), 0L, "topics");
        Desk.refused(1012, () -> desk.root.streams().createStream(desk.name("create")));
        Desk.refused(41, () -> desk.nobody().streams().createStream(desk.name("forbidden")));
    }

    private static void deleteStream(Desk desk) {
        StreamId stream = desk.topic("delete", 1);
        Desk.refused(41, () -> desk.nobody().streams().deleteStream(stream));
        desk.root.streams().deleteStream(stream);
        Desk.refused(1009, () -> desk.root.streams().deleteStream(stream));
        Desk.refused(1009, () -> desk.root.streams().deleteStream(Desk.MISSING));
    }

    private static void updateStream(Desk desk) {
        StreamId stream = desk.topic("update", 1);
        Desk.refused(41, () -> desk.nobody().streams().updateStream(stream, "x"));
        desk.root.streams().updateStream(stream, desk.name("renamed"));
        StreamId renamed = StreamId.of(desk.name("renamed"));
        Desk.expect(desk.root.streams().getStream(renamed).isPresent(), "not renamed");
        desk.root.streams().createStream(desk.name("taken"));
        Desk.refused(1012, () -> desk.root.streams().updateStream(renamed, desk.name("taken")));
        Desk.refused(1009, () -> desk.root.streams().updateStream(NOWHERE, "x"));
    }

    private static void getTopic(Desk desk) {
        StreamId stream = desk.topic("get-topic", 3);
        desk.send(stream, 2, 4);
        for (TopicId id : List.of(Desk.T, TopicId.of(0L))) {
            TopicDetails found = desk.root.topics().getTopic(stream, id).orElseThrow();
            Desk.same(found.name(), "t", "name");
            Desk.same(found.partitions().size(), 3, "partitions");
            Desk.same(found.partitions().get(2).messagesCount(), BigInteger.valueOf(4), "messages");
            Desk.same(found.partitions().get(2).currentOffset(), BigInteger.valueOf(3), "offset");
        }
        Desk.expect(desk.root.topics().getTopic(stream, MISSING).isEmpty(), "found it");
        Desk.expect(desk.root.topics().getTopic(NOWHERE, Desk.T).isEmpty(), "found it");
        Desk.refused(41, () -> desk.nobody().topics().getTopic(stream, Desk.T));
    }

    private static void getTopics(Desk desk) {
        StreamId stream = desk.topic("get-topics", 1);
        Desk.createTopic(desk.root, stream, "u", 2);
        List<String> names = desk.root.topics().getTopics(stream).stream().map(Topic::name).toList();
        Desk.same(names, List.of("t", "u"), "topics");
        Desk.expect(desk.root.topics().getTopics(NOWHERE).isEmpty(), "found it");
        Desk.refused(41, () -> desk.nobody().topics().getTopics(stream));
    }

    private static void createTopic(Desk desk) {
        StreamId stream = StreamId.of(desk.name("create-topic"));
        desk.root.streams().createStream(desk.name("create-topic"));
        TopicDetails made = desk.root.topics().createTopic(stream, 3L, CompressionAlgorithm.Gzip,
                HOUR_US, TWO_GIB, Optional.of((short) 1), "t");
        TopicDetails found = desk.root.topics().getTopic(stream, Desk.T).orElseThrow();
        for (TopicDetails topic : List.of(made, found)) {
            Desk.same(topic.partitionsCount(), 3L, "partitions");
            Desk.same(topic.compressionAlgorithm(), CompressionAlgorithm.Gzip, "compression");
            Desk.same(topic.messageExpiry(), HOUR_US, "expiry");
            Desk.same(topic.maxTopicSize(), TWO_GIB, "size");
        }
        Desk.refused(2013, () -> Desk.createTopic(desk.root, stream, "t", 1));
        Desk.refused(2015, () -> Desk.createTopic(desk.root, stream, "many", 1001));
        Desk.refused(1009, () -> Desk.createTopic(desk.root, NOWHERE, "t", 1));
        Desk.refused(41, () -> Desk.createTopic(desk.nobody(), stream, "u", 1));
    }

    private static void deleteTopic(Desk desk) {
        StreamId stream = desk.topic("delete-topic", 1);
        Desk.refused(41, () -> desk.nobody().topics().deleteTopic(stream, Desk.T));
        desk.root.topics().deleteTopic(stream, Desk.T);
        Desk.refused(2010, () -> desk.root.topics().deleteTopic(stream, Desk.T));
        Desk.refused(1009, () -> desk.root.topics().deleteTopic(NOWHERE, Desk.T));
    }

    private static void update(IggyTcpClient client, StreamId stream, TopicId topic, String name) {
        client.topics().updateTopic(stream, topic, CompressionAlgorithm.Gzip, HOUR_US, TWO_GIB,
                Optional.empty(), name);
    }

    private static void updateTopic(Desk desk) {
        StreamId stream = desk.topic("update-topic", 1);
        Desk.refused(41, () -> update(desk.nobody(), stream, Desk.T, "x"));
        update(desk.root, stream, Desk.T, "renamed");
        TopicDetails found = desk.root.topics().getTopic(stream, TopicId.of("renamed")).orElseThrow();
        Desk.same(found.messageExpiry(), HOUR_US, "expiry");
        Desk.same(found.compressionAlgorithm(), CompressionAlgorithm.Gzip, "compression");
        Desk.refused(2010, () -> update(desk.root, stream, Desk.T, "x"));
        Desk.refused(1009, () -> update(desk.root, NOWHERE, Desk.T, "x"));
    }

    private static long partitions(Desk desk, StreamId stream) {
        return desk.root.topics().getTopic(stream, Desk.T).orElseThrow().partitionsCount();
    }

    private static void createPartitions(Desk desk) {
        StreamId stream = desk.topic("partitions-create", 1);
        desk.root.partitions().createPartitions(stream, Desk.T, 2L);
        Desk.same(partitions(desk, stream), 3L, "partitions");
        Desk.refused(2010, () -> desk.root.partitions().createPartitions(stream, MISSING, 1L));
        Desk.refused(41, () -> desk.nobody().partitions().createPartitions(stream, Desk.T, 1L));
    }

    private static void deletePartitions(Desk desk) {
        StreamId stream = desk.topic("partitions-delete", 4);
        desk.root.partitions().deletePartitions(stream, Desk.T, 3L);
        Desk.same(partitions(desk, stream), 1L, "partitions");
        Desk.refused(2019, () -> desk.root.partitions().deletePartitions(stream, Desk.T, 2L));
        Desk.refused(41, () -> desk.nobody().partitions().deletePartitions(stream, Desk.T, 1L));
    }
}
