#include "shard/sent.h"

#include "tests/test.h"

static struct rig {
    struct arena arena;
    struct plan plan;
    struct sent sent;
} rig;

static void set_up(u32 clients)
{
    EXPECT(plan_make(&rig.plan, MEMORY_BYTES_MIN, 1, NULL));
    rig.plan.topics_max = clients;
    EXPECT(arena_create(&rig.arena, sent_arena_bytes(&rig.plan) + MIB));
    sent_init(&rig.sent, &rig.arena, &rig.plan);
}

static struct sent_send send_with(u64 client, u64 request, u64 hash)
{
    return (struct sent_send){.sender = {.client = {.low = client, .high = 1}, .request = request},
                              .hash = hash,
                              .partition = {.slot = 3, .generation = 1}};
}

static bool is_known(const struct sent *sent, struct sent_send send)
{
    u64 base_offset = 0;
    return sent_find(sent, &send, &base_offset);
}

TEST(the_same_client_number_and_hash_are_the_same_send)
{
    set_up(16);
    struct sent_send send = send_with(1, 7, 99);
    sent_note(&rig.sent, &send, 1234);
    u64 base_offset = 0;
    EXPECT(sent_find(&rig.sent, &send, &base_offset));
    EXPECT_EQ(base_offset, 1234);
    arena_destroy(&rig.arena);
}

TEST(another_client_number_hash_partition_or_life_is_another_send)
{
    set_up(16);
    struct sent_send send = send_with(1, 7, 99);
    sent_note(&rig.sent, &send, 0);
    EXPECT(!is_known(&rig.sent, send_with(2, 7, 99)));
    EXPECT(!is_known(&rig.sent, send_with(1, 6, 99)));
    EXPECT(!is_known(&rig.sent, send_with(1, 8, 99)));
    EXPECT(!is_known(&rig.sent, send_with(1, 7, 98)));
    struct sent_send elsewhere = send;
    elsewhere.partition.slot = 4;
    EXPECT(!is_known(&rig.sent, elsewhere));
    struct sent_send purged = send;
    purged.partition.generation = 2;
    EXPECT(!is_known(&rig.sent, purged));
    arena_destroy(&rig.arena);
}

TEST(numbers_that_repeat_do_not_hide_each_other)
{
    set_up(16);
    for (u64 hash = 1; hash <= 20; hash++) {
        struct sent_send send = send_with(1, 5, hash);
        sent_note(&rig.sent, &send, hash * 10);
    }
    for (u64 hash = 1; hash <= 20; hash++) {
        struct sent_send send = send_with(1, 5, hash);
        u64 base_offset = 0;
        EXPECT(sent_find(&rig.sent, &send, &base_offset));
        EXPECT_EQ(base_offset, hash * 10);
    }
    arena_destroy(&rig.arena);
}

TEST(the_last_128_sends_of_a_client_are_remembered_and_no_more)
{
    set_up(16);
    for (u64 request = 1; request <= 1000; request++) {
        struct sent_send send = send_with(1, request, request * 3);
        sent_note(&rig.sent, &send, request);
        u64 oldest = request > SENT_WINDOW ? request - SENT_WINDOW + 1 : 1;
        EXPECT(is_known(&rig.sent, send_with(1, oldest, oldest * 3)));
        EXPECT(oldest == 1 || !is_known(&rig.sent, send_with(1, oldest - 1, (oldest - 1) * 3)));
    }
    arena_destroy(&rig.arena);
}

TEST(what_was_refused_is_new_when_it_comes_again)
{
    set_up(16);
    struct sent_send first = send_with(1, 1, 11);
    struct sent_send second = send_with(1, 2, 22);
    sent_note(&rig.sent, &first, 0);
    sent_note(&rig.sent, &second, 1);
    sent_forget(&rig.sent, &first);
    EXPECT(!is_known(&rig.sent, first));
    EXPECT(is_known(&rig.sent, second));
    sent_note(&rig.sent, &first, 2);
    EXPECT(is_known(&rig.sent, first));
    arena_destroy(&rig.arena);
}

TEST(with_too_many_clients_those_that_sent_last_are_remembered)
{
    set_up(16);
    for (u64 client = 0; client < 1000; client++) {
        struct sent_send send = send_with(client, 1, 5);
        sent_note(&rig.sent, &send, client);
        u64 oldest = client >= 16 ? client - 15 : 0;
        EXPECT(is_known(&rig.sent, send_with(oldest, 1, 5)));
        EXPECT(client < 16 || !is_known(&rig.sent, send_with(client - 16, 1, 5)));
    }
    arena_destroy(&rig.arena);
}

TEST(clients_that_send_much_take_the_room_of_those_that_sent_long_ago)
{
    set_up(16);
    for (u64 client = 0; client < 16; client++) {
        for (u64 request = 1; request <= SENT_WINDOW; request++) {
            struct sent_send send = send_with(client, request, 5);
            sent_note(&rig.sent, &send, request);
        }
        for (u64 request = 1; request <= SENT_WINDOW; request++) {
            EXPECT(is_known(&rig.sent, send_with(client, request, 5)));
        }
    }
    EXPECT(!is_known(&rig.sent, send_with(0, 1, 5)));
    arena_destroy(&rig.arena);
}
