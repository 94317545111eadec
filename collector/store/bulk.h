/* Documents on their way: the body of a bulk request, and who is waiting for each. */
#ifndef CIVICSHIELD_COLLECTOR_STORE_BULK_H
#define CIVICSHIELD_COLLECTOR_STORE_BULK_H

#include <stdbool.h>
#include <stddef.h>

#include "collector/model/session.h"
#include "collector/store/store.h"
#include "common/base/list.h"
#include "common/base/strbuf.h"

struct bulk_item {
    struct receipt receipt;
    size_t start;               /* Of its two lines in the body. */
    size_t size;                /* Of both, with their newlines. */
    uint32_t id_start, id_size; /* From 'start' on. */
    uint32_t action_size;       /* Of the first line with its newline. */
    bool is_dead_letter;
    uint8_t n_errors;           /* Times that it met an error that may be its own fault. */
};

struct bulk {
    struct list_node node;
    struct strbuf body;         /* Newline-delimited JSON, as _bulk takes it. */
    struct bulk_item *items;    /* Owned. */
    size_t n, cap;
    uint64_t begun_ns;          /* When its first item came. */
};

struct bulk *bulk_create(void);
void bulk_destroy(struct bulk *);       /* NULL is fine. */

void bulk_add(struct bulk *, const struct store_document *, const struct receipt *);
/* 'document' is what was refused: JSON text, or any bytes, which are then put in as
 * base64.  'now_ns' is wall time. */
void bulk_add_dead_letter(struct bulk *, struct slice id, const char *reason,
                          struct slice document, const struct receipt *, uint64_t now_ns);
/* Counts an error that may be the item's own fault or may pass; true until that was once too
 * often. */
bool bulk_item_may_try_again(struct bulk *, size_t i);
/* A copy of an item of another bulk. */
void bulk_add_item(struct bulk *, const struct bulk *from, size_t i);

struct slice bulk_item_id(const struct bulk *, size_t i);
/* The document, without its newline. */
struct slice bulk_item_document(const struct bulk *, size_t i);

#endif
