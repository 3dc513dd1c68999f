/* The client against a server of the test's: one connection, bytes received, bytes given. */
#include "client/client.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/client_wire.h"
#include "test.h"
#include "wire/frame.h"

struct peer {
    int listener;
    pthread_t id;
    char address[32];
    u32 reads; /* bytes of requests before anything is given */
    u8 took[FRAME_HEADER_BYTES];
    u8 gives[1024];
    u32 gives_bytes;
    bool in_single_bytes;
    bool stays; /* does not hang up before the client does */
};

static struct peer peer;
static struct client_error failure;

static void *peer_run(void *context)
{
    (void)context;
    int fd = accept(peer.listener, NULL, NULL);
    u8 request[4096];
    if (fd < 0 || recv(fd, request, peer.reads, MSG_WAITALL) != (ssize_t)peer.reads) {
        return NULL;
    }
    memcpy(peer.took, request, u32_min(peer.reads, sizeof(peer.took)));
    u32 piece = peer.in_single_bytes ? 1 : u32_max(peer.gives_bytes, 1);
    for (u32 at = 0; at < peer.gives_bytes; at += piece) {
        (void)send(fd, peer.gives + at, piece, MSG_NOSIGNAL);
    }
    if (peer.stays) {
        (void)recv(fd, request, sizeof(request), 0);
    }
    close(fd);
    return NULL;
}

static void peer_start(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(name);
    peer.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT(peer.listener >= 0);
    EXPECT_EQ(bind(peer.listener, (struct sockaddr *)&name, sizeof(name)), 0);
    EXPECT_EQ(listen(peer.listener, 1), 0);
    EXPECT_EQ(getsockname(peer.listener, (struct sockaddr *)&name, &size), 0);
    str_format(peer.address, sizeof(peer.address), "127.0.0.1:%u", ntohs(name.sin_port));
    EXPECT_EQ(pthread_create(&peer.id, NULL, peer_run, NULL), 0);
}

static void peer_stop(void)
{
    EXPECT_EQ(pthread_join(peer.id, NULL), 0);
    close(peer.listener);
}

static struct client *connect_to(const char *address)
{
    return client_connect(&(struct client_options){.address = address,
                                                   .connect_timeout_ms = 2000,
                                                   .request_timeout_ms = 200},
                          &failure);
}

/* Whether a ping succeeds against a peer that gives what `peer` says. */
static bool ping(void)
{
    peer.reads = FRAME_HEADER_BYTES;
    peer_start();
    struct client *client = connect_to(peer.address);
    EXPECT(client != NULL);
    bool good = client_ping(client, &failure);
    client_close(client);
    peer_stop();
    return good;
}

static void give_reply(u32 status)
{
    struct request_header request = {.operation = OP_NON_REPLICATED, .request = 0};
    struct reply_header reply = reply_header_for(&request, (enum wire_error)status, 0);
    peer = (struct peer){.gives_bytes = FRAME_HEADER_BYTES, .stays = true};
    reply_header_encode(&reply, peer.gives);
}

TEST(an_answer_is_read_whole_however_it_arrives)
{
    give_reply(0);
    EXPECT(ping());
    give_reply(0);
    peer.in_single_bytes = true;
    EXPECT(ping());
}

TEST(a_refusal_has_the_number_and_a_sentence)
{
    give_reply(WIRE_UNAUTHENTICATED);
    EXPECT(!ping());
    EXPECT_EQ(failure.number, WIRE_UNAUTHENTICATED);
    EXPECT(strstr(failure.text, "40") != NULL);
}

TEST(an_eviction_is_the_error_it_stands_for)
{
    peer = (struct peer){.gives_bytes = FRAME_HEADER_BYTES, .stays = true};
    struct eviction eviction = eviction_for((struct u128){1, 2}, EVICTION_INVALID_CREDENTIALS);
    eviction_encode(&eviction, peer.gives);
    EXPECT(!ping());
    EXPECT_EQ(failure.number, WIRE_INVALID_CREDENTIALS);
}

/* Who a login says that it is; the peer hangs up when it has the header. */
static struct client_identity login_as(bool keeps_identity, struct client_identity identity)
{
    peer = (struct peer){.reads = FRAME_HEADER_BYTES};
    peer_start();
    struct client *client =
        client_connect(&(struct client_options){.address = peer.address,
                                                .connect_timeout_ms = 2000,
                                                .request_timeout_ms = 10000,
                                                .keeps_identity = keeps_identity,
                                                .identity = identity},
                       &failure);
    EXPECT(client != NULL);
    EXPECT(!client_login(client, "iggy", "iggy", &failure));
    struct client_identity told = client_identity(client);
    client_close(client);
    peer_stop();
    return told;
}

TEST(a_client_that_keeps_its_identity_says_so_and_goes_on_with_it)
{
    struct client_identity first = login_as(true, (struct client_identity){0});
    struct request_header header;
    request_header_decode(peer.took, &header);
    EXPECT_EQ(header.operation, OP_REGISTER);
    EXPECT(header.keeps_client);
    EXPECT(u128_equal(header.client, first.id));
    EXPECT(!u128_is_zero(first.id));
    first.request = 41;
    struct client_identity second = login_as(true, first);
    request_header_decode(peer.took, &header);
    EXPECT(u128_equal(header.client, first.id));
    EXPECT_EQ(header.request, 0);
    EXPECT_EQ(second.request, 41);

    struct client_identity other = login_as(false, (struct client_identity){0});
    request_header_decode(peer.took, &header);
    EXPECT(!header.keeps_client);
    EXPECT(!u128_equal(other.id, first.id));
}

TEST(another_protocol_is_recognised)
{
    peer = (struct peer){.gives_bytes = FRAME_HEADER_BYTES, .stays = true};
    memset(peer.gives, 'H', FRAME_HEADER_BYTES);
    EXPECT(!ping());
    EXPECT_EQ(failure.number, 0);
    EXPECT(strstr(failure.text, "port") != NULL);
}

TEST(an_answer_that_ends_in_the_middle_is_a_lost_connection)
{
    give_reply(0);
    peer.gives_bytes = 100;
    peer.stays = false;
    EXPECT(!ping());
    EXPECT_EQ(failure.number, 0);
    EXPECT(strstr(failure.text, "closed") != NULL);
}

TEST(an_answer_that_does_not_come_ends_the_wait)
{
    peer = (struct peer){.stays = true};
    EXPECT(!ping());
    EXPECT(strstr(failure.text, "200 ms") != NULL);
}

TEST(where_nobody_listens_the_sentence_says_what_to_do)
{
    give_reply(0);
    peer_start();
    struct client *client = connect_to(peer.address); /* ends the peer's life */
    EXPECT(client != NULL);
    client_close(client);
    peer_stop();
    EXPECT(connect_to(peer.address) == NULL);
    EXPECT(strstr(failure.text, "levriero server") != NULL);
}

TEST(an_address_needs_a_host_and_a_port)
{
    EXPECT(connect_to("localhost") == NULL);
    EXPECT(strstr(failure.text, "host:port") != NULL);
    EXPECT(connect_to(":8090") == NULL);
}

TEST(a_number_names_a_number_and_anything_else_a_name)
{
    EXPECT_EQ(client_identifier("7").kind, IDENTIFIER_NUMERIC);
    EXPECT_EQ(client_identifier("7").id, 7);
    EXPECT_EQ(client_identifier("7x").kind, IDENTIFIER_NAME);
    EXPECT_EQ(client_identifier("4294967296").kind, IDENTIFIER_NAME);
}

TEST(a_name_that_no_frame_can_carry_is_refused_here)
{
    char name[300];
    memset(name, 'x', sizeof(name) - 1);
    name[255] = 0;
    EXPECT(client_name_fits("stream", name, &failure));
    name[255] = 'x';
    name[256] = 0;
    EXPECT(!client_name_fits("stream", name, &failure));
    EXPECT(strstr(failure.text, "256") != NULL);
    EXPECT(!client_name_fits("stream", "", &failure));
}
