import java.math.BigInteger;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.iggy.client.blocking.tcp.IggyTcpClient;
import org.apache.iggy.consumergroup.Consumer;
import org.apache.iggy.consumeroffset.ConsumerOffsetInfo;
import org.apache.iggy.identifier.ConsumerId;
import org.apache.iggy.identifier.StreamId;
import org.apache.iggy.identifier.TopicId;
import org.apache.iggy.message.HeaderKey;
import org.apache.iggy.message.HeaderKind;
import org.apache.iggy.message.HeaderValue;
import org.apache.iggy.message.Message;
import org.apache.iggy.message.MessageHeader;
import org.apache.iggy.message.MessageId;
import org.apache.iggy.message.Partitioning;
import org.apache.iggy.message.PolledMessages;
import org.apache.iggy.message.PollingStrategy;

/** Messages and stored offsets. */
final class MessageRows {
    // XXH32 of "key-N", seed 0, modulo 5.
    static final long[] KEY_PARTITIONS = {2, 1, 4, 4, 0, 2, 3, 1, 3, 4, 3, 1};

    private MessageRows() {}

    static void add(Map<String, Matrix.Row> rows) {
        rows.put("PollMessages", MessageRows::pollMessages);
        rows.put("auto-commit", MessageRows::autoCommit);
        rows.put("SendMessages", MessageRows::sendMessages);
        rows.put("send by key", MessageRows::sendByKey);
        rows.put("headers, ids, times", MessageRows::headersAndIds);
        rows.put("a message of 10 MB", MessageRows::largeMessage);
        rows.put("GetConsumerOffset", MessageRows::getOffset);
        rows.put("StoreConsumerOffset", MessageRows::storeOffset);
    }

    static Message message(BigInteger id, byte[] payload, Map<HeaderKey, HeaderValue> headers) {
        BigInteger zero = BigInteger.ZERO;
        long headerBytes = 0;
        for (Map.Entry<HeaderKey, HeaderValue> each : headers.entrySet()) {
            headerBytes += 10 + each.getKey().value().length + each.getValue().value().length;
        }
        MessageHeader header = new MessageHeader(zero, MessageId.from(id), zero, zero,
                BigInteger.valueOf(System.currentTimeMillis() * 1000), headerBytes,
                (long) payload.length, zero);
        return new Message(header, payload, headers);
    }

    static Map<HeaderKey, HeaderValue> headersOfEveryKind() {
        Map<HeaderKey, HeaderValue> headers = new HashMap<>();
        headers.put(HeaderKey.fromString("raw"), HeaderValue.fromRaw(new byte[] {0, 1, -1}));
        headers.put(HeaderKey.fromString("string"), HeaderValue.fromString("string \u20ac"));
        headers.put(HeaderKey.fromString("bool"), HeaderValue.fromBool(true));
        headers.put(HeaderKey.fromString("int8"), HeaderValue.fromInt8(Byte.MIN_VALUE));
        headers.put(HeaderKey.fromString("int16"), HeaderValue.fromInt16(Short.MIN_VALUE));
        headers.put(HeaderKey.fromString("int32"), HeaderValue.fromInt32(Integer.MIN_VALUE));
        headers.put(HeaderKey.fromString("int64"), HeaderValue.fromInt64(Long.MIN_VALUE));
        headers.put(HeaderKey.fromString("uint8"), HeaderValue.fromUint8((short) 255));
        headers.put(HeaderKey.fromString("uint16"), HeaderValue.fromUint16(65535));
        headers.put(HeaderKey.fromString("uint32"), HeaderValue.fromUint32(4294967295L));
        headers.put(HeaderKey.fromString("float32"), HeaderValue.fromFloat32(1.5f));
        headers.put(HeaderKey.fromString("float64"), HeaderValue.fromFloat64(-0.1));
        byte[] sixteen = new byte[16];
        Arrays.fill(sixteen, (byte) -1);
        headers.put(HeaderKey.fromString("int128"), new HeaderValue(HeaderKind.Int128, sixteen));
        headers.put(HeaderKey.fromString("uint64"),
                new HeaderValue(HeaderKind.Uint64, Arrays.copyOf(sixteen, 8)));
        headers.put(HeaderKey.fromString("uint128"), new HeaderValue(HeaderKind.Uint128, sixteen));
        return headers;
    }

    private static void pollMessages(Desk desk) {
        StreamId stream = desk.topic("poll", 2);
        for (int i = 0; i < 5; i++) {
            desk.send(stream, 0, 10);
        }
        Map<PollingStrategy, List<Long>> wanted = Map.of(
                PollingStrategy.first(), List.of(0L, 1L),
                PollingStrategy.last(), List.of(48L, 49L),
                PollingStrategy.offset(BigInteger.valueOf(18)), List.of(18L, 19L),
                PollingStrategy.offset(BigInteger.valueOf(50)), List.of(),
                PollingStrategy.next(), List.of(0L, 1L),
                PollingStrategy.timestamp(BigInteger.ONE), List.of(0L, 1L));
        wanted.forEach((strategy, offsets) -> Desk.same(
                Desk.offsets(Desk.poll(desk.root, stream, 0L, strategy, 2)), offsets,
                strategy.toString()));
        PollingStrategy first = PollingStrategy.first();
        Desk.expect(Desk.poll(desk.root, stream, 1L, first, 9).messages().isEmpty(), "not empty");
        StreamId nowhere = StreamId.of(Desk.MISSING);
        Desk.refused(1009, () -> Desk.poll(desk.root, nowhere, 0L, first, 1));
        Desk.refused(3007, () -> Desk.poll(desk.root, stream, 9L, first, 1));
        Desk.refused(41, () -> Desk.poll(desk.nobody(), stream, 0L, first, 1));
    }

    private static void autoCommit(Desk desk) {
        StreamId stream = desk.topic("auto-commit", 1);
        desk.send(stream, 0, 10);
        Consumer reader = Consumer.of(ConsumerId.of("reader"));
        for (List<Long> wanted : List.of(List.of(0L, 1L, 2L, 3L), List.of(4L, 5L, 6L, 7L),
                List.of(8L, 9L), List.<Long>of())) {
            PolledMessages polled = desk.root.messages().pollMessages(stream, Desk.T,
                    Optional.of(0L), reader, PollingStrategy.next(), 4L, true);
            Desk.same(Desk.offsets(polled), wanted, "offsets");
        }
    }

    private static void sendMessages(Desk desk) {
        StreamId stream = desk.topic("send", 3);
        desk.send(stream, 1, 3);
        List<Message> one = List.of(Message.of("one"));
        desk.root.messages().sendMessages(stream, Desk.T, Partitioning.balanced(), one);
        Desk.same(desk.root.streams().getStream(stream).orElseThrow().messagesCount(),
                BigInteger.valueOf(4), "messages");
        Partitioning zero = Partitioning.partitionId(0L);
        StreamId nowhere = StreamId.of(Desk.MISSING);
        TopicId missing = TopicId.of(Desk.MISSING);
        Desk.refused(1009, () -> desk.root.messages().sendMessages(nowhere, Desk.T, zero, one));
        Desk.refused(2010, () -> desk.root.messages().sendMessages(stream, missing, zero, one));
        Desk.refused(3007, () -> desk.root.messages().sendMessages(stream, Desk.T,
                Partitioning.partitionId(9L), one));
        Desk.refused(41, () -> desk.nobody().messages().sendMessages(stream, Desk.T, zero, one));
    }

    private static void sendByKey(Desk desk) {
        StreamId stream = desk.topic("keys", 5);
        for (int i = 0; i < KEY_PARTITIONS.length; i++) {
            desk.root.messages().sendMessages(stream, Desk.T, Partitioning.messagesKey("key-" + i),
                    List.of(Message.of("key-" + i)));
            PolledMessages polled = Desk.poll(desk.root, stream, KEY_PARTITIONS[i],
                    PollingStrategy.last(), 1);
            Desk.same(new String(polled.messages().get(0).payload()), "key-" + i, "key");
        }
    }

    private static void headersAndIds(Desk desk) {
        StreamId stream = desk.topic("headers", 1);
        BigInteger id = BigInteger.ONE.shiftLeft(128).subtract(BigInteger.ONE);
        byte[] payload = {0, -1};
        Map<HeaderKey, HeaderValue> headers = headersOfEveryKind();
        desk.root.messages().sendMessages(stream, Desk.T, Partitioning.partitionId(0L),
                List.of(message(id, payload, headers), Message.of("plain")));
        List<Message> got = Desk.poll(desk.root, stream, 0L, PollingStrategy.first(), 9).messages();
        Desk.same(got.size(), 2, "messages");
        Desk.same(got.get(0).header().id().toBigInteger(), id, "id");
        Desk.expect(Arrays.equals(got.get(0).payload(), payload), "payload");
        Desk.same(got.get(0).userHeaders(), headers, "headers");
        Desk.expect(got.get(1).header().id().toBigInteger().signum() != 0, "no id was made");
    }

    private static void largeMessage(Desk desk) {
        StreamId stream = desk.topic("large", 1);
        byte[] payload = new byte[10_000_000];
        for (int i = 0; i < payload.length; i++) {
            payload[i] = (byte) (i % 251);
        }
        desk.root.messages().sendMessages(stream, Desk.T, Partitioning.partitionId(0L),
                List.of(message(BigInteger.TWO, payload, Map.of())));
        List<Message> got = Desk.poll(desk.root, stream, 0L, PollingStrategy.last(), 1).messages();
        Desk.expect(Arrays.equals(got.get(0).payload(), payload), "the payload is another");
    }

    private static Optional<ConsumerOffsetInfo> stored(IggyTcpClient client, StreamId stream) {
        return client.consumerOffsets().getConsumerOffset(stream, Desk.T, Optional.of(0L),
                Consumer.of(9L));
    }

    private static void store(IggyTcpClient client, StreamId stream, long offset) {
        client.consumerOffsets().storeConsumerOffset(stream, Desk.T, Optional.of(0L),
                Consumer.of(9L), BigInteger.valueOf(offset));
    }

    private static void getOffset(Desk desk) {
        StreamId stream = desk.topic("get-offset", 1);
        desk.send(stream, 0, 10);
        Desk.expect(stored(desk.root, stream).isEmpty(), "something is stored");
        store(desk.root, stream, 7);
        ConsumerOffsetInfo found = stored(desk.root, stream).orElseThrow();
        Desk.same(found.storedOffset(), BigInteger.valueOf(7), "stored offset");
        Desk.same(found.currentOffset(), BigInteger.valueOf(9), "current offset");
        Desk.refused(41, () -> stored(desk.nobody(), stream));
    }

    private static void storeOffset(Desk desk) {
        StreamId stream = desk.topic("store-offset", 1);
        Desk.refused(4100, () -> store(desk.root, stream, 0));
        desk.send(stream, 0, 10);
        store(desk.root, stream, 5);
        store(desk.root, stream, 2);
        Desk.refused(4100, () -> store(desk.root, stream, 10));
        Desk.same(stored(desk.root, stream).orElseThrow().storedOffset(), BigInteger.TWO, "stored");
        Desk.refused(1009, () -> store(desk.root, StreamId.of(Desk.MISSING), 0));
        Desk.refused(41, () -> store(desk.nobody(), stream, 0));
    }
}
