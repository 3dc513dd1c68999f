#include "base/ring.h"

#include <pthread.h>
#include <sched.h>

#include "base/prng.h"
#include "test.h"

TEST(items_come_out_in_the_order_they_went_in)
{
    u64 items[4];
    struct ring ring;
    ring_init(&ring, items, 4, sizeof(u64));
    EXPECT(ring_is_empty(&ring));
    EXPECT(ring_peek(&ring) == NULL);
    for (u64 i = 0; i < 3; i++) {
        *(u64 *)ring_reserve(&ring) = i;
    }
    ring_publish(&ring);
    EXPECT(!ring_is_empty(&ring));
    for (u64 i = 0; i < 3; i++) {
        EXPECT_EQ(*(u64 *)ring_peek(&ring), i);
        ring_advance(&ring);
    }
    EXPECT(ring_peek(&ring) == NULL);
    EXPECT(ring_is_empty(&ring));
}

TEST(what_is_not_published_is_not_seen)
{
    u64 items[4];
    struct ring ring;
    ring_init(&ring, items, 4, sizeof(u64));
    *(u64 *)ring_reserve(&ring) = 1;
    EXPECT(ring_peek(&ring) == NULL);
    EXPECT(ring_is_empty(&ring));
    ring_publish(&ring);
    EXPECT_EQ(*(u64 *)ring_peek(&ring), 1);
}

TEST(a_full_ring_refuses_until_one_is_taken)
{
    u64 items[4];
    struct ring ring;
    ring_init(&ring, items, 4, sizeof(u64));
    for (u64 i = 0; i < 4; i++) {
        *(u64 *)ring_reserve(&ring) = i;
    }
    EXPECT(ring_reserve(&ring) == NULL);
    EXPECT_EQ(ring_room(&ring), 0);
    ring_publish(&ring);
    EXPECT(ring_reserve(&ring) == NULL);
    EXPECT_EQ(*(u64 *)ring_peek(&ring), 0);
    EXPECT(ring_reserve(&ring) == NULL);
    ring_advance(&ring);
    EXPECT_EQ(ring_room(&ring), 1);
    EXPECT(ring_reserve(&ring) != NULL);
    EXPECT(ring_reserve(&ring) == NULL);
}

TEST(a_ring_of_one_works)
{
    u32 item;
    struct ring ring;
    ring_init(&ring, &item, 1, sizeof(u32));
    for (u32 i = 0; i < 10; i++) {
        *(u32 *)ring_reserve(&ring) = i;
        EXPECT(ring_reserve(&ring) == NULL);
        ring_publish(&ring);
        EXPECT_EQ(*(u32 *)ring_peek(&ring), i);
        ring_advance(&ring);
    }
}

TEST(indexes_may_wrap_around)
{
    u64 items[8];
    struct ring ring;
    ring_init(&ring, items, 8, sizeof(u64));
    u32 start = UINT32_MAX - 5;
    ring.tail = start;
    ring.tail_pending = start;
    ring.head_seen = start;
    ring.head = start;
    ring.tail_seen = start;
    for (u64 i = 0; i < 20; i++) {
        *(u64 *)ring_reserve(&ring) = i;
        *(u64 *)ring_reserve(&ring) = i + 100;
        ring_publish(&ring);
        EXPECT_EQ(*(u64 *)ring_peek(&ring), i);
        ring_advance(&ring);
        EXPECT_EQ(*(u64 *)ring_peek(&ring), i + 100);
        ring_advance(&ring);
        EXPECT(ring_is_empty(&ring));
    }
}

TEST(misuse_is_a_failed_check)
{
    u64 items[4];
    struct ring ring;
    EXPECT_CHECK_FAILS(ring_init(&ring, items, 3, sizeof(u64)));
    EXPECT_CHECK_FAILS(ring_init(&ring, items, 0, sizeof(u64)));
    ring_init(&ring, items, 4, sizeof(u64));
    EXPECT_CHECK_FAILS(ring_advance(&ring));
}

/* Two threads: each item carries its number and words that depend on it, so that an item seen too
 * early or written over too soon does not fit. */
enum { STRESS_ITEMS = 200000, STRESS_RING = 64 };

struct stress_item {
    u64 number;
    u64 words[5];
};

static void *produce(void *argument)
{
    struct ring *ring = argument;
    struct prng prng;
    prng_init(&prng, 11);
    u64 number = 0;
    while (number < STRESS_ITEMS) {
        u64 burst = 1 + prng_below(&prng, 8);
        for (u64 i = 0; i < burst && number < STRESS_ITEMS; i++) {
            struct stress_item *item = ring_reserve(ring);
            if (item == NULL) {
                sched_yield();
                break;
            }
            item->number = number;
            for (u32 word = 0; word < array_count(item->words); word++) {
                item->words[word] = number * (word + 3);
            }
            number++;
        }
        ring_publish(ring);
    }
    return NULL;
}

TEST(two_threads_exchange_every_item_whole_and_in_order)
{
    static struct stress_item items[STRESS_RING];
    struct ring ring;
    ring_init(&ring, items, STRESS_RING, sizeof(struct stress_item));
    pthread_t producer;
    EXPECT_EQ(pthread_create(&producer, NULL, produce, &ring), 0);
    u64 wrong = 0;
    for (u64 expected = 0; expected < STRESS_ITEMS;) {
        const struct stress_item *item = ring_peek(&ring);
        if (item == NULL) {
            sched_yield();
            continue;
        }
        wrong += item->number != expected ? 1 : 0;
        for (u32 word = 0; word < array_count(item->words); word++) {
            wrong += item->words[word] != expected * (word + 3) ? 1 : 0;
        }
        ring_advance(&ring);
        expected++;
    }
    EXPECT_EQ(pthread_join(producer, NULL), 0);
    EXPECT_EQ(wrong, 0);
    EXPECT(ring_is_empty(&ring));
}
