#include "base/list.h"

#include "test.h"

struct number {
    u32 value;
    struct list_node node;
};

static u32 value_of(struct list_node *node)
{
    return container_of(node, struct number, node)->value;
}

TEST(nodes_stand_in_the_order_they_were_added)
{
    struct list list;
    struct number numbers[3] = {{.value = 1}, {.value = 2}, {.value = 3}};
    list_init(&list);
    EXPECT(list_is_empty(&list));
    EXPECT(list_first(&list) == NULL);
    EXPECT(list_last(&list) == NULL);
    EXPECT(list_pop(&list) == NULL);
    list_add_last(&list, &numbers[1].node);
    list_add_last(&list, &numbers[2].node);
    list_add_first(&list, &numbers[0].node);
    EXPECT_EQ(value_of(list_first(&list)), 1);
    EXPECT_EQ(value_of(list_last(&list)), 3);
    for (u32 i = 1; i <= 3; i++) {
        EXPECT_EQ(value_of(list_pop(&list)), i);
    }
    EXPECT(list_is_empty(&list));
}

TEST(a_node_may_be_removed_twice)
{
    struct list list;
    struct number number = {.value = 1};
    list_init(&list);
    list_node_init(&number.node);
    EXPECT(!list_node_is_linked(&number.node));
    list_remove(&number.node);
    list_add_last(&list, &number.node);
    EXPECT(list_node_is_linked(&number.node));
    list_remove(&number.node);
    list_remove(&number.node);
    EXPECT(!list_node_is_linked(&number.node));
    EXPECT(list_is_empty(&list));
}

TEST(the_body_of_a_loop_may_remove_its_node)
{
    struct list list;
    struct number numbers[5];
    list_init(&list);
    for (u32 i = 0; i < 5; i++) {
        numbers[i].value = i;
        list_add_last(&list, &numbers[i].node);
    }
    u32 sum = 0;
    list_for_each(node, next, &list) {
        sum += value_of(node);
        if (value_of(node) % 2 == 0) {
            list_remove(node);
        }
    }
    EXPECT_EQ(sum, 10);
    EXPECT_EQ(value_of(list_pop(&list)), 1);
    EXPECT_EQ(value_of(list_pop(&list)), 3);
    EXPECT(list_is_empty(&list));
}
