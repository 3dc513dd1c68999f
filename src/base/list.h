/* A circular doubly linked list whose nodes live inside what they link. An initialised node that is
 * in no list points at itself, so `list_remove` is always allowed and may be called twice. */
#pragma once

#include "base/types.h"

struct list_node {
    struct list_node *next;
    struct list_node *previous;
};

/* The head is a node like any other; an empty list is a head that points at itself. */
struct list {
    struct list_node head;
};

static inline void list_node_init(struct list_node *node)
{
    node->next = node;
    node->previous = node;
}

static inline void list_init(struct list *list)
{
    list_node_init(&list->head);
}

static inline bool list_is_empty(const struct list *list)
{
    return list->head.next == &list->head;
}

static inline bool list_node_is_linked(const struct list_node *node)
{
    return node->next != node;
}

static inline void list_insert_before(struct list_node *position, struct list_node *node)
{
    node->next = position;
    node->previous = position->previous;
    position->previous->next = node;
    position->previous = node;
}

static inline void list_add_last(struct list *list, struct list_node *node)
{
    list_insert_before(&list->head, node);
}

static inline void list_add_first(struct list *list, struct list_node *node)
{
    list_insert_before(list->head.next, node);
}

static inline void list_remove(struct list_node *node)
{
    node->next->previous = node->previous;
    node->previous->next = node->next;
    list_node_init(node);
}

/* NULL when empty. */
static inline struct list_node *list_first(const struct list *list)
{
    return list_is_empty(list) ? NULL : list->head.next;
}

static inline struct list_node *list_last(const struct list *list)
{
    return list_is_empty(list) ? NULL : list->head.previous;
}

/* Takes the first node out, or gives NULL. */
static inline struct list_node *list_pop(struct list *list)
{
    struct list_node *node = list_first(list);
    if (node != NULL) {
        list_remove(node);
    }
    return node;
}

/* The body may remove `node` (and only it) from the list. */
#define list_for_each(node, next_node, list)                                                       \
    for (struct list_node *node = (list)->head.next, *next_node = node->next;                      \
         node != &(list)->head; node = next_node, next_node = node->next)
