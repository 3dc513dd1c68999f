import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.iggy.client.blocking.tcp.IggyTcpClient;
import org.apache.iggy.consumergroup.Consumer;
import org.apache.iggy.consumergroup.ConsumerGroup;
import org.apache.iggy.consumergroup.ConsumerGroupDetails;
import org.apache.iggy.identifier.ConsumerId;
import org.apache.iggy.identifier.StreamId;
import org.apache.iggy.identifier.TopicId;
import org.apache.iggy.message.PolledMessages;
import org.apache.iggy.message.PollingStrategy;

/** Consumer groups. */
final class GroupRows {
    private static final ConsumerId GROUP = ConsumerId.of("g");
    private static final ConsumerId MISSING = ConsumerId.of(Desk.MISSING);
    private static final TopicId NO_TOPIC = TopicId.of(Desk.MISSING);
    private static final int SETTLE_MILLISECONDS = 120_000;

    private GroupRows() {}

    static void add(Map<String, Matrix.Row> rows) {
        rows.put("GetConsumerGroup", GroupRows::getGroup);
        rows.put("GetConsumerGroups", GroupRows::getGroups);
        rows.put("CreateConsumerGroup", GroupRows::createGroup);
        rows.put("DeleteConsumerGroup", GroupRows::deleteGroup);
        rows.put("JoinConsumerGroup", GroupRows::joinGroup);
        rows.put("LeaveConsumerGroup", GroupRows::leaveGroup);
        rows.put("group: turns of a member", GroupRows::turns);
    }

    private static StreamId group(Desk desk, String what, long partitions) {
        StreamId stream = desk.topic(what, partitions);
        desk.root.consumerGroups().createConsumerGroup(stream, Desk.T, "g");
        return stream;
    }

    private static Optional<ConsumerGroupDetails> get(IggyTcpClient client, StreamId stream,
            ConsumerId group) {
        return client.consumerGroups().getConsumerGroup(stream, Desk.T, group);
    }

    private static List<Integer> shares(Desk desk, StreamId stream) {
        return get(desk.root, stream, GROUP).orElseThrow().members().stream()
                .map(each -> each.partitions().size()).sorted().toList();
    }

    /** A partition may be handed over a little later. */
    private static void settles(Desk desk, StreamId stream, List<Integer> wanted)
            throws InterruptedException {
        long end = System.currentTimeMillis() + SETTLE_MILLISECONDS;
        while (!shares(desk, stream).equals(wanted) && System.currentTimeMillis() < end) {
            Thread.sleep(20);
        }
        Desk.same(shares(desk, stream), wanted, "shares");
    }

    private static void getGroup(Desk desk) {
        StreamId stream = group(desk, "get-group", 3);
        for (ConsumerId id : List.of(GROUP, ConsumerId.of(0L))) {
            ConsumerGroupDetails found = get(desk.root, stream, id).orElseThrow();
            Desk.same(found.name(), "g", "name");
            Desk.same(found.partitionsCount(), 3L, "partitions");
            Desk.same(found.membersCount(), 0L, "members");
        }
        Desk.expect(get(desk.root, stream, MISSING).isEmpty(), "found it");
        Desk.expect(get(desk.root, StreamId.of(Desk.MISSING), GROUP).isEmpty(), "found it");
        Desk.refused(41, () -> get(desk.nobody(), stream, GROUP));
    }

    private static void getGroups(Desk desk) {
        StreamId stream = group(desk, "get-groups", 1);
        desk.root.consumerGroups().createConsumerGroup(stream, Desk.T, "h");
        List<String> names = desk.root.consumerGroups().getConsumerGroups(stream, Desk.T).stream()
                .map(ConsumerGroup::name).toList();
        Desk.same(names, List.of("g", "h"), "groups");
        Desk.refused(41, () -> desk.nobody().consumerGroups().getConsumerGroups(stream, Desk.T));
    }

    private static void createGroup(Desk desk) {
        StreamId stream = group(desk, "create-group", 1);
        Desk.refused(5004, () -> desk.root.consumerGroups()
                .createConsumerGroup(stream, Desk.T, "g"));
        Desk.refused(2010, () -> desk.root.consumerGroups()
                .createConsumerGroup(stream, NO_TOPIC, "g"));
        Desk.refused(41, () -> desk.nobody().consumerGroups()
                .createConsumerGroup(stream, Desk.T, "h"));
    }

    private static void deleteGroup(Desk desk) {
        StreamId stream = group(desk, "delete-group", 1);
        Desk.refused(41, () -> desk.nobody().consumerGroups()
                .deleteConsumerGroup(stream, Desk.T, GROUP));
        desk.root.consumerGroups().deleteConsumerGroup(stream, Desk.T, GROUP);
        Desk.refused(5000, () -> desk.root.consumerGroups()
                .deleteConsumerGroup(stream, Desk.T, GROUP));
    }

    private static void joinGroup(Desk desk) throws InterruptedException {
        StreamId stream = group(desk, "join-group", 2);
        IggyTcpClient first = desk.another();
        IggyTcpClient second = desk.another();
        first.consumerGroups().joinConsumerGroup(stream, Desk.T, GROUP);
        first.consumerGroups().joinConsumerGroup(stream, Desk.T, GROUP);
        settles(desk, stream, List.of(2));
        second.consumerGroups().joinConsumerGroup(stream, Desk.T, GROUP);
        settles(desk, stream, List.of(1, 1));
        Desk.same(second.system().getMe().consumerGroups().size(), 1, "groups of a client");
        Desk.refused(5000, () -> first.consumerGroups().joinConsumerGroup(stream, Desk.T, MISSING));
        Desk.refused(41, () -> desk.nobody().consumerGroups()
                .joinConsumerGroup(stream, Desk.T, GROUP));
    }

    private static void leaveGroup(Desk desk) throws InterruptedException {
        StreamId stream = group(desk, "leave-group", 2);
        IggyTcpClient member = desk.another();
        Desk.refused(5006, () -> member.consumerGroups()
                .leaveConsumerGroup(stream, Desk.T, GROUP));
        member.consumerGroups().joinConsumerGroup(stream, Desk.T, GROUP);
        member.consumerGroups().leaveConsumerGroup(stream, Desk.T, GROUP);
        settles(desk, stream, List.of());
        Desk.refused(5006, () -> member.consumerGroups()
                .leaveConsumerGroup(stream, Desk.T, GROUP));
        Desk.refused(41, () -> desk.nobody().consumerGroups()
                .leaveConsumerGroup(stream, Desk.T, GROUP));
    }

    private static PolledMessages poll(IggyTcpClient client, StreamId stream) {
        return client.messages().pollMessages(stream, Desk.T, Optional.empty(),
                Consumer.group(GROUP), PollingStrategy.next(), 2L, true);
    }

    private static void turns(Desk desk) {
        StreamId stream = group(desk, "turns", 3);
        for (long partition = 0; partition < 3; partition++) {
            desk.send(stream, partition, 4);
        }
        IggyTcpClient member = desk.another();
        Desk.refused(5006, () -> poll(member, stream));
        member.consumerGroups().joinConsumerGroup(stream, Desk.T, GROUP);
        List<Long> turns = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            PolledMessages polled = poll(member, stream);
            Desk.same(polled.messages().size(), 2, "messages");
            turns.add(polled.partitionId());
        }
        Desk.same(turns.subList(0, 3), turns.subList(3, 6), "turns");
        Desk.expect(poll(member, stream).messages().isEmpty(), "more messages than there are");
    }
}
