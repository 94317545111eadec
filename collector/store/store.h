/* Puts documents into Elasticsearch and tells the outcome of each.
 *
 * Documents are gathered into bulks, several of which are on their way at once.  A document
 * is settled when it is in the index, was there already, or lies in the dead-letter index;
 * until then it stays in memory, however long Elasticsearch is away.  The caller bounds the
 * memory by what it adds.
 *
 * Threads: store_add*() from any thread; settlement is told on the store's own thread. */
#ifndef CIVICSHIELD_COLLECTOR_STORE_H
#define CIVICSHIELD_COLLECTOR_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/model/counters.h"
#include "collector/model/session.h"
#include "common/base/diag.h"
#include "common/base/slice.h"
#include "common/base/strbuf.h"
#include "common/conf/conf.h"

/* Index of documents that Elasticsearch would not take, and of records that are none. */
#define STORE_DEAD_LETTER_INDEX "civicshield-dead-letter"
#define STORE_ALIAS "logs-civicshield"

/* Section "elasticsearch". */
struct store_conf {
    char *url;
    char *user, *password_file, *api_key_file;
    char *ca;                   /* NULL: the system's authorities. */
    char *proxy;                /* NULL or "": none, whatever the environment says. */
    uint64_t requests;          /* In flight at once. */
    uint64_t bulk_documents, bulk_bytes;
    uint64_t bulk_delay_ns;     /* A bulk that is not full waits no longer. */
    uint64_t timeout_ns;        /* Of one request. */
    uint64_t shards, replicas;  /* Of new indices. */
};
extern const struct conf_section store_section;

enum store_outcome {
    STORE_INDEXED,
    STORE_DUPLICATE,            /* It was there already. */
    STORE_DEAD_LETTER,
    STORE_DISCARDED,            /* The dead-letter index refused it, too; logged. */
    STORE_N_OUTCOMES
};

struct store_document {
    struct slice index, id;     /* Of letters, digits, '.', '_' and '-'. */
    struct slice json;          /* One line. */
};

/* Called once for each document; 'state' is that of struct store_options. */
typedef void store_settled_function(void *state, const struct receipt *,
                                    enum store_outcome);

struct store_options {
    const struct store_conf *conf;
    struct counters *counters;
    store_settled_function *settled;
    void *state;
};

struct store;

/* Reads the secrets (password or API key: from their file, else from the environment,
 * CIVICSHIELD_ELASTICSEARCH_PASSWORD and _API_KEY) and starts the thread; Elasticsearch
 * need not be there.  NULL after reporting to 'diag'. */
struct store *store_open(const struct store_options *, struct diag *);
/* The checks of store_open() without its effects; 'root' tells the places of keys. */
bool store_check(const struct store_conf *, const struct conf_node *root, struct diag *);

/* Copies the document and the receipt. */
void store_add(struct store *, const struct store_document *, const struct receipt *);
/* A record that never became a document goes to the dead-letter index, with the reason
 * and its bytes. */
void store_add_dead_letter(struct store *, struct slice id, const char *reason,
                           struct slice record, const struct receipt *);

/* True when Elasticsearch answers and has our templates; else appends why not. */
bool store_is_ready(struct store *, struct strbuf *reason);

/* Sends what is there without waiting for more; true once all is settled, false when
 * 'timeout_ns' is over first. */
bool store_drain(struct store *, uint64_t timeout_ns);
/* Forgets what is not settled.  NULL is fine. */
void store_close(struct store *);

#endif
