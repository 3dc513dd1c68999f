import java.math.BigInteger;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.apache.iggy.consumergroup.Consumer;
import org.apache.iggy.identifier.ConsumerId;
import org.apache.iggy.identifier.StreamId;
import org.apache.iggy.identifier.TopicId;
import org.apache.iggy.message.Message;
import org.apache.iggy.message.Partitioning;
import org.apache.iggy.message.PollingStrategy;

/** What one generation writes and the other reads, as lines: see crossing.py. */
final class Crossing {
    private static final HexFormat HEX = HexFormat.of();
    private static final int LARGE_BYTES = 1_500_000;
    private static final Map<Consumer, Long> STORED = Map.of(
            Consumer.of(7L), 2L, Consumer.of(ConsumerId.of("crossing")), 1L);

    private Crossing() {}

    private static String headersOf(Message message) {
        return message.userHeaders().entrySet().stream()
                .map(each -> each.getKey().kind().asCode() + ":"
                        + HEX.formatHex(each.getKey().value()) + "="
                        + each.getValue().kind().asCode() + ":"
                        + HEX.formatHex(each.getValue().value()))
                .sorted().collect(Collectors.joining(";"));
    }

    private static void tell(Message message, String topic, long partition, Object offset) {
        System.out.println(String.join("\t", "message", topic, Long.toString(partition),
                offset.toString(), message.header().id().toBigInteger().toString(),
                message.header().originTimestamp().toString(), HEX.formatHex(message.payload()),
                headersOf(message)));
    }

    private static void tellStored(Consumer consumer, Object offset) {
        Long number = consumer.id().getId();
        String name = number != null && consumer.id().getKind() == 1 ? number.toString()
                : consumer.id().getName();
        System.out.println("stored\t" + name + "\t" + offset);
    }

    static void write(Desk desk, String name) {
        StreamId stream = StreamId.of(name);
        byte[] bytes = new byte[256];
        byte[] large = new byte[LARGE_BYTES];
        for (int i = 0; i < LARGE_BYTES; i++) {
            large[i] = (byte) (i % 251);
            bytes[i % 256] = (byte) i;
        }
        BigInteger most = BigInteger.ONE.shiftLeft(128).subtract(BigInteger.ONE);
        List<Message> sent = List.of(
                MessageRows.message(BigInteger.ONE, new byte[0], Map.of()),
                MessageRows.message(most, bytes, MessageRows.headersOfEveryKind()),
                MessageRows.message(BigInteger.TEN, large, Map.of()));
        desk.root.messages().sendMessages(stream, Desk.T, Partitioning.partitionId(0L), sent);
        for (int offset = 0; offset < sent.size(); offset++) {
            tell(sent.get(offset), "t", 0, offset);
        }
        for (int i = 0; i < MessageRows.KEY_PARTITIONS.length; i++) {
            String key = "key-" + i;
            desk.root.messages().sendMessages(stream, TopicId.of("keyed"),
                    Partitioning.messagesKey(key), List.of(Message.of(key)));
        }
        STORED.forEach((consumer, offset) -> {
            desk.root.consumerOffsets().storeConsumerOffset(stream, Desk.T, Optional.of(0L),
                    consumer, BigInteger.valueOf(offset));
            tellStored(consumer, offset);
        });
    }

    static void read(Desk desk, String[] words) {
        for (int i = 2; i < words.length; i++) {
            System.out.println("stream\t" + words[i]);
            readOne(desk, words[i]);
        }
    }

    private static void readOne(Desk desk, String name) {
        StreamId stream = StreamId.of(name);
        Map.of("t", 1, "keyed", 5).forEach((topic, partitions) -> {
            for (long partition = 0; partition < partitions; partition++) {
                for (Message each : desk.root.messages().pollMessages(stream, TopicId.of(topic),
                        Optional.of(partition), Consumer.of(1000L), PollingStrategy.first(), 1000L,
                        false).messages()) {
                    tell(each, topic, partition, each.header().offset());
                }
            }
        });
        STORED.keySet().forEach(consumer -> desk.root.consumerOffsets()
                .getConsumerOffset(stream, Desk.T, Optional.of(0L), consumer)
                .ifPresent(found -> tellStored(consumer, found.storedOffset())));
    }
}
