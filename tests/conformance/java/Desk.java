import java.math.BigInteger;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.iggy.client.blocking.tcp.IggyTcpClient;
import org.apache.iggy.consumergroup.Consumer;
import org.apache.iggy.exception.IggyServerException;
import org.apache.iggy.identifier.StreamId;
import org.apache.iggy.identifier.TopicId;
import org.apache.iggy.message.Message;
import org.apache.iggy.message.Partitioning;
import org.apache.iggy.message.PolledMessages;
import org.apache.iggy.message.PollingStrategy;
import org.apache.iggy.topic.CompressionAlgorithm;
import org.apache.iggy.user.UserStatus;

/** What every row stands on: root, a user who may do nothing, names of its own. */
final class Desk {
    static final String NAME = "java-0.8";
    static final String PASSWORD = "a long password";
    static final long MISSING = 4_000_000L;
    static final TopicId T = TopicId.of("t");

    final String host;
    final int port;
    final IggyTcpClient root;
    private IggyTcpClient nobody;

    Desk(String address) {
        int colon = address.lastIndexOf(':');
        host = address.substring(0, colon);
        port = Integer.parseInt(address.substring(colon + 1));
        root = client("iggy", "iggy");
    }

    /** Connected only. One connection a client: each of a pool would be a client of its own. */
    IggyTcpClient stranger() {
        IggyTcpClient client = IggyTcpClient.builder().host(host).port(port)
                .requestTimeout(Duration.ofSeconds(60)).connectionPoolSize(1).build();
        client.connect();
        return client;
    }

    IggyTcpClient client(String user, String password) {
        IggyTcpClient client = stranger();
        client.users().login(user, password);
        return client;
    }

    IggyTcpClient another() {
        return client("iggy", "iggy");
    }

    /** Logged in, without any permission; made when first asked for. */
    IggyTcpClient nobody() {
        if (nobody == null) {
            root.users().createUser(name("nobody"), PASSWORD, UserStatus.Active, Optional.empty());
            nobody = client(name("nobody"), PASSWORD);
        }
        return nobody;
    }

    /** A name no other client of the matrix uses. */
    String name(String what) {
        return NAME + " " + what;
    }

    StreamId topic(String what, long partitions) {
        StreamId stream = StreamId.of(name(what));
        root.streams().createStream(name(what));
        createTopic(root, stream, "t", partitions);
        return stream;
    }

    static void createTopic(IggyTcpClient client, StreamId stream, String name, long partitions) {
        client.topics().createTopic(stream, partitions, CompressionAlgorithm.None, BigInteger.ZERO,
                BigInteger.ZERO, Optional.empty(), name);
    }

    void send(StreamId stream, long partition, int count) {
        List<Message> messages = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            messages.add(Message.of("message " + i));
        }
        root.messages().sendMessages(stream, T, Partitioning.partitionId(partition), messages);
    }

    static PolledMessages poll(IggyTcpClient client, StreamId stream, Long partition,
            PollingStrategy strategy, long count) {
        return client.messages().pollMessages(stream, T, Optional.of(partition), Consumer.of(1L),
                strategy, count, false);
    }

    static List<Long> offsets(PolledMessages polled) {
        return polled.messages().stream().map(m -> m.header().offset().longValue()).toList();
    }

    /** The server must refuse with exactly this number. */
    static void refused(int number, Runnable asked) {
        try {
            asked.run();
        } catch (RuntimeException error) {
            for (Throwable cause = error; cause != null; cause = cause.getCause()) {
                if (cause instanceof IggyServerException answer) {
                    same(answer.getRawErrorCode(), number, "wrong error");
                    return;
                }
            }
            throw error;
        }
        throw new AssertionError("accepted, expected error " + number);
    }

    static void same(Object got, Object wanted, String what) {
        if (!got.equals(wanted)) {
            throw new AssertionError(what + ": " + got + ", wanted " + wanted);
        }
    }

    static void expect(boolean truth, String what) {
        if (!truth) {
            throw new AssertionError(what);
        }
    }
}
