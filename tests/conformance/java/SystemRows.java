import java.math.BigInteger;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.iggy.client.blocking.tcp.IggyTcpClient;
import org.apache.iggy.exception.IggyNotConnectedException;
import org.apache.iggy.identifier.UserId;
import org.apache.iggy.personalaccesstoken.PersonalAccessTokenInfo;
import org.apache.iggy.stream.StreamBase;
import org.apache.iggy.system.ClientInfoDetails;
import org.apache.iggy.system.Stats;
import org.apache.iggy.user.GlobalPermissions;
import org.apache.iggy.user.Permissions;
import org.apache.iggy.user.StreamPermissions;
import org.apache.iggy.user.TopicPermissions;
import org.apache.iggy.user.UserInfo;
import org.apache.iggy.user.UserInfoDetails;
import org.apache.iggy.user.UserStatus;

/** The server itself, clients, users, logins and tokens. */
final class SystemRows {
    private static final int STATS_TRIES = 1000;

    private SystemRows() {}

    static void add(Map<String, Matrix.Row> rows) {
        rows.put("Ping", SystemRows::ping);
        rows.put("GetStats", SystemRows::getStats);
        rows.put("GetMe", SystemRows::getMe);
        rows.put("GetClient", SystemRows::getClient);
        rows.put("GetClients", SystemRows::getClients);
        rows.put("GetUser", SystemRows::getUser);
        rows.put("GetUsers", SystemRows::getUsers);
        rows.put("CreateUser", SystemRows::createUser);
        rows.put("DeleteUser", SystemRows::deleteUser);
        rows.put("UpdateUser", SystemRows::updateUser);
        rows.put("UpdatePermissions", SystemRows::updatePermissions);
        rows.put("ChangePassword", SystemRows::changePassword);
        rows.put("Login", SystemRows::login);
        rows.put("Logout", SystemRows::logout);
        rows.put("GetPersonalAccessTokens", SystemRows::getTokens);
        rows.put("CreatePersonalAccessToken", SystemRows::createToken);
        rows.put("DeletePersonalAccessToken", SystemRows::deleteToken);
        rows.put("LoginWithPersonalAccessToken", SystemRows::loginWithToken);
    }

    private static void ping(Desk desk) {
        desk.stranger().system().ping();
        desk.root.system().ping();
        desk.nobody().system().ping();
    }

    private static void getStats(Desk desk) {
        desk.send(desk.topic("stats", 2), 0, 3);
        // Others are at work meanwhile: the streams must be the same before and after.
        List<StreamBase> streams;
        Stats stats;
        int tries = 0;
        do {
            Desk.expect(tries++ < STATS_TRIES, "the streams never stayed as they were");
            streams = desk.root.streams().getStreams();
            stats = desk.root.system().getStats();
        } while (!desk.root.streams().getStreams().equals(streams));
        BigInteger messages = streams.stream().map(StreamBase::messagesCount)
                .reduce(BigInteger.ZERO, BigInteger::add);
        Desk.same(stats.streamsCount(), (long) streams.size(), "streams");
        Desk.same(stats.messagesCount(), messages, "messages");
        Desk.expect(stats.processId() > 0 && !stats.iggyServerVersion().isEmpty(), "no version");
        Desk.refused(41, () -> desk.nobody().system().getStats());
    }

    private static void getMe(Desk desk) {
        ClientInfoDetails me = desk.root.system().getMe();
        Desk.same(me.transport(), "Tcp", "transport");
        Desk.expect(me.address().startsWith("127.0.0.1:"), me.address());
        ClientInfoDetails other = desk.nobody().system().getMe();
        Desk.expect(!me.clientId().equals(other.clientId()), "two clients with one id");
    }

    private static void getClient(Desk desk) {
        ClientInfoDetails me = desk.root.system().getMe();
        Desk.same(desk.root.system().getClient(me.clientId()).address(), me.address(), "address");
        Desk.refused(41, () -> desk.nobody().system().getClient(me.clientId()));
    }

    private static void getClients(Desk desk) {
        long id = desk.another().system().getMe().clientId();
        long found = desk.root.system().getClients().stream()
                .filter(each -> each.clientId() == id).count();
        Desk.same(found, 1L, "how often it is listed");
        Desk.refused(41, () -> desk.nobody().system().getClients());
    }

    private static Permissions permissions() {
        TopicPermissions topic = new TopicPermissions(false, true, false, true);
        StreamPermissions stream = new StreamPermissions(false, true, false, true, false, true,
                Map.of(0L, topic, 7L, topic));
        GlobalPermissions global = new GlobalPermissions(false, true, false, false, false, false,
                false, false, false, false);
        return new Permissions(global, Map.of(3L, stream, 900L, stream));
    }

    private static UserInfoDetails create(Desk desk, String what, Permissions permissions) {
        return desk.root.users().createUser(desk.name(what), Desk.PASSWORD, UserStatus.Active,
                Optional.ofNullable(permissions));
    }

    private static void getUser(Desk desk) {
        UserInfoDetails made = create(desk, "get-user", permissions());
        for (UserId id : List.of(UserId.of(made.id()), UserId.of(made.username()))) {
            UserInfoDetails found = desk.root.users().getUser(id).orElseThrow();
            Desk.same(found.username(), made.username(), "name");
            Desk.same(found.permissions().orElseThrow(), permissions(), "permissions");
        }
        Desk.expect(desk.root.users().getUser(Desk.MISSING).isEmpty(), "found it");
        UserId me = UserId.of(desk.name("nobody"));
        Desk.expect(desk.nobody().users().getUser(me).orElseThrow().permissions().isEmpty(), "own");
        Desk.refused(41, () -> desk.nobody().users().getUser(made.id()));
    }

    private static void getUsers(Desk desk) {
        UserInfoDetails made = create(desk, "get-users", null);
        List<UserInfo> listed = desk.root.users().getUsers();
        Desk.same(listed.get(0).username(), "iggy", "the first user");
        Desk.expect(listed.stream().anyMatch(each -> each.id().equals(made.id())), "not listed");
        Desk.refused(41, () -> desk.nobody().users().getUsers());
    }

    private static void createUser(Desk desk) {
        Desk.expect(create(desk, "create-user", null).permissions().isEmpty(), "permissions");
        Desk.refused(46, () -> create(desk, "create-user", null));
        Desk.refused(41, () -> desk.nobody().users().createUser("anyone", Desk.PASSWORD,
                UserStatus.Active, Optional.empty()));
        desk.client(desk.name("create-user"), Desk.PASSWORD).system().ping();
    }

    private static void deleteUser(Desk desk) {
        UserInfoDetails made = create(desk, "delete-user", null);
        Desk.refused(41, () -> desk.nobody().users().deleteUser(made.id()));
        desk.root.users().deleteUser(UserId.of(made.username()));
        Desk.refused(20, () -> desk.root.users().deleteUser(made.id()));
        Desk.refused(48, () -> desk.root.users().deleteUser(0L));
        Desk.refused(42, () -> desk.client(made.username(), Desk.PASSWORD));
    }

    private static void updateUser(Desk desk) {
        UserInfoDetails made = create(desk, "update-user", null);
        String renamed = desk.name("renamed");
        desk.root.users().updateUser(made.id(), Optional.of(renamed),
                Optional.of(UserStatus.Inactive));
        Desk.same(desk.root.users().getUser(made.id()).orElseThrow().username(), renamed, "name");
        Desk.refused(47, () -> desk.client(renamed, Desk.PASSWORD));
        Desk.refused(46, () -> desk.root.users().updateUser(made.id(), Optional.of("iggy"),
                Optional.empty()));
        Desk.refused(20, () -> desk.root.users().updateUser(Desk.MISSING, Optional.of("anyone"),
                Optional.empty()));
        Desk.refused(41, () -> desk.nobody().users().updateUser(made.id(), Optional.of("anyone"),
                Optional.empty()));
    }

    private static void updatePermissions(Desk desk) {
        UserInfoDetails made = create(desk, "permissions", null);
        IggyTcpClient session = desk.client(made.username(), Desk.PASSWORD);
        Desk.refused(41, () -> session.system().getStats());
        desk.root.users().updatePermissions(made.id(), Optional.of(permissions()));
        session.system().getStats();
        Desk.refused(41, () -> session.streams().getStreams());
        desk.root.users().updatePermissions(made.id(), Optional.empty());
        Desk.refused(41, () -> session.system().getStats());
        Desk.refused(20, () -> desk.root.users().updatePermissions(Desk.MISSING, Optional.empty()));
        Desk.refused(49, () -> desk.root.users().updatePermissions(0L, Optional.empty()));
        Desk.refused(41, () -> desk.nobody().users().updatePermissions(made.id(),
                Optional.empty()));
    }

    private static void changePassword(Desk desk) {
        UserInfoDetails made = create(desk, "password", null);
        String next = "another password";
        Desk.refused(42, () -> desk.root.users().changePassword(made.id(), "wrong", next));
        desk.root.users().changePassword(made.id(), Desk.PASSWORD, next);
        Desk.refused(42, () -> desk.client(made.username(), Desk.PASSWORD));
        desk.client(made.username(), next).system().ping();
        Desk.refused(20, () -> desk.root.users().changePassword(Desk.MISSING, next, next));
        Desk.refused(41, () -> desk.nobody().users().changePassword(made.id(), next, next));
    }

    private static void login(Desk desk) {
        IggyTcpClient refused = desk.stranger();
        Desk.refused(42, () -> refused.users().login("iggy", "wrong"));
        Desk.refused(42, () -> refused.users().login("stranger", "iggy"));
        // Not over the same client: after a refusal it sometimes forgets the login that follows, and
        // refuses by itself what is asked then.
        IggyTcpClient client = desk.stranger();
        Desk.same(client.users().login("iggy", "iggy").userId(), 0L, "user");
        client.streams().getStreams();
    }

    private static void logout(Desk desk) {
        IggyTcpClient client = desk.another();
        client.users().logout();
        try {
            client.streams().getStreams();
            throw new AssertionError("it goes on after the logout");
        } catch (IggyNotConnectedException expected) {
            // The client refuses by itself.
        }
        client.users().login("iggy", "iggy");
        client.streams().getStreams();
    }

    private static String token(Desk desk, String what) {
        return desk.root.personalAccessTokens()
                .createPersonalAccessToken(desk.name(what), BigInteger.ZERO).token();
    }

    private static void getTokens(Desk desk) {
        token(desk, "lasting");
        desk.root.personalAccessTokens().createPersonalAccessToken(desk.name("ending"),
                BigInteger.valueOf(3_600_000_000L));
        int found = 0;
        for (PersonalAccessTokenInfo each : desk.root.personalAccessTokens()
                .getPersonalAccessTokens()) {
            found += each.name().equals(desk.name("lasting")) && each.expiryAt().isEmpty() ? 1 : 0;
            found += each.name().equals(desk.name("ending")) && each.expiryAt().isPresent() ? 1 : 0;
        }
        Desk.same(found, 2, "tokens");
        Desk.expect(desk.nobody().personalAccessTokens().getPersonalAccessTokens().isEmpty(),
                "tokens of another user");
    }

    private static void createToken(Desk desk) {
        Desk.expect(token(desk, "create").length() >= 20, "a short token");
        Desk.refused(51, () -> token(desk, "create"));
    }

    private static void deleteToken(Desk desk) {
        token(desk, "delete");
        desk.root.personalAccessTokens().deletePersonalAccessToken(desk.name("delete"));
        Desk.refused(20, () -> desk.root.personalAccessTokens()
                .deletePersonalAccessToken(desk.name("delete")));
    }

    private static void loginWithToken(Desk desk) {
        String token = token(desk, "login");
        IggyTcpClient client = desk.stranger();
        Desk.refused(20, () -> client.personalAccessTokens()
                .loginWithPersonalAccessToken("no such token"));
        client.personalAccessTokens().loginWithPersonalAccessToken(token);
        client.streams().getStreams();
    }
}
