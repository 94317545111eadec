/* What Elasticsearch answered to a bulk request, item by item.  Pure: fuzzed and tested
 * without a server. */
#ifndef CIVICSHIELD_COLLECTOR_STORE_RESPONSE_H
#define CIVICSHIELD_COLLECTOR_STORE_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/slice.h"

enum item_verdict {
    ITEM_CREATED,
    ITEM_EXISTS,                /* 409: a duplicate, which is fine. */
    ITEM_RETRY,                 /* Overload, a missing shard, a block: not its own fault. */
    ITEM_RETRY_FEW,             /* 500: its own fault perhaps; a few times. */
    ITEM_REJECTED,              /* It will never be taken as it is. */
    ITEM_N_VERDICTS
};

struct item_result {
    enum item_verdict verdict;
    int status;
    char *reason;               /* Owned; of a rejected item, else NULL. */
};

/* Fills 'results', one for each item that was sent.  False, with nothing to free, if the
 * text is no answer to a bulk of 'n' items: then no outcome is known. */
bool response_read(struct slice text, struct item_result *results, size_t n);
void response_free(struct item_result *results, size_t n);

/* What an HTTP status means for a request as a whole. */
enum request_verdict {
    REQUEST_DONE,               /* Look at the items. */
    REQUEST_RETRY,              /* As it is, later. */
    REQUEST_SPLIT,              /* In halves: something in it is not accepted. */
};
enum request_verdict response_request_verdict(long http_status);
/* What a status of one item means. */
enum item_verdict response_item_verdict(int status);

#endif
