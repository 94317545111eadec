/* Intrusive doubly linked list.  A head is a node that is not in an element; an element
 * that is in no list has a node of two NULLs. */
#ifndef CIVICSHIELD_BASE_LIST_H
#define CIVICSHIELD_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_node {
    struct list_node *prev, *next;
};

#define LIST_ENTRY(node, type, member) \
    ((type *) (void *) ((char *) (node) - offsetof(type, member)))
#define LIST_FOR_EACH(node, head) \
    for (struct list_node *node = (head)->next; node != (head); node = node->next)
/* As LIST_FOR_EACH, for bodies that remove 'node'. */
#define LIST_FOR_EACH_SAFE(node, following, head)                                \
    for (struct list_node *node = (head)->next, *following = node->next;         \
         node != (head); node = following, following = node->next)

static inline void list_init(struct list_node *head)
{
    head->prev = head->next = head;
}

static inline bool list_is_empty(const struct list_node *head)
{
    return head->next == head;
}

/* Before 'at': with the head as 'at', at the end of the list. */
static inline void list_insert(struct list_node *at, struct list_node *node)
{
    node->prev = at->prev;
    node->next = at;
    at->prev->next = node;
    at->prev = node;
}

static inline void list_push_back(struct list_node *head, struct list_node *node)
{
    list_insert(head, node);
}

static inline void list_push_front(struct list_node *head, struct list_node *node)
{
    list_insert(head->next, node);
}

static inline void list_remove(struct list_node *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->prev = node->next = NULL;
}

static inline struct list_node *list_front(const struct list_node *head)
{
    return head->next == head ? NULL : head->next;
}

static inline struct list_node *list_back(const struct list_node *head)
{
    return head->prev != head ? head->prev : NULL;
}

#endif
