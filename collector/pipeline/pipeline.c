#include "collector/pipeline/pipeline.h"

#include <stdlib.h>

#include "collector/format/civicshield.h"
#include "common/base/alloc.h"
#include "common/obs/log.h"

#define MODULE "pipeline"
/* Runs of sensors that are remembered. */
#define MAX_SESSIONS 4096
/* What a record takes in memory besides its document. */
#define RECORD_OVERHEAD 256
/* The most bytes of JSON that a byte becomes in a dead letter. */
#define DEAD_LETTER_FACTOR 6

struct pipeline {
    const struct pipeline_conf *conf;
    struct tls_files tls;
    struct counters counters;
    struct sessions *sessions;
    struct store *store;
    struct serve *serve;
    struct ingest *ingest;

    /* The intake's thread's. */
    struct format_reader *reader;
    struct document document;
};

/* Counts a record in whose memory is about that of 'size' bytes: how many a document has
 * over those of its record is for the sensor to choose. */
static struct receipt count_in(struct pipeline *p, const struct receipt *receipt, size_t size)
{
    struct receipt own = *receipt;

    own.size = size + RECORD_OVERHEAD;
    counter_add(&p->counters.in_memory, 1);
    counter_add(&p->counters.in_memory_bytes, own.size);
    counter_add(&p->counters.received, 1);
    return own;
}

/* On the intake's thread. */
static void take_record(void *state, const struct receipt *receipt, struct slice bytes)
{
    struct pipeline *p = state;
    struct document *document = &p->document;
    const Civicshield__Wire__V1__Event *event;
    const char *reason = NULL;
    struct receipt own;

    event = format_read_event(p->reader, bytes, &reason);
    if (event != NULL
        && normalize_event(&p->conf->index, event, receipt, document, &reason)) {
        struct store_document out = {
            .index = strbuf_slice(&document->index),
            .id = strbuf_slice(&document->id),
            .json = strbuf_slice(&document->json),
        };

        own = count_in(p, receipt, out.index.size + out.id.size + out.json.size);
        store_add(p->store, &out, &own);
        return;
    }
    strbuf_clear(&document->id);
    normalize_id(receipt, &document->id);
    own = count_in(p, receipt, bytes.size * DEAD_LETTER_FACTOR);
    store_add_dead_letter(p->store, strbuf_slice(&document->id), reason, bytes, &own);
}

static bool has_room(void *state)
{
    struct pipeline *p = state;

    return counter_read(&p->counters.in_memory_bytes) < p->conf->listen.memory;
}

/* On the store's thread. */
static void take_outcome(void *state, const struct receipt *receipt,
                         enum store_outcome outcome)
{
    struct pipeline *p = state;
    _Atomic uint64_t *const counters[STORE_N_OUTCOMES] = {
        [STORE_INDEXED] = &p->counters.indexed,
        [STORE_DUPLICATE] = &p->counters.duplicate,
        [STORE_DEAD_LETTER] = &p->counters.dead_letter,
        [STORE_DISCARDED] = &p->counters.discarded,
    };

    counter_add(counters[outcome], 1);
    counter_sub(&p->counters.in_memory_bytes, receipt->size);
    counter_sub(&p->counters.in_memory, 1);
    session_settle(receipt);
}

static bool is_ready(void *state, struct strbuf *reason)
{
    struct pipeline *p = state;

    return store_is_ready(p->store, reason);
}

static bool open_store(struct pipeline *p, struct diag *diag)
{
    struct store_options options = {
        .conf = &p->conf->elasticsearch, .counters = &p->counters, .settled = take_outcome,
        .state = p,
    };

    p->store = store_open(&options, diag);
    return p->store != NULL;
}

static bool open_serve(struct pipeline *p, struct diag *diag)
{
    struct serve_options options = {
        .conf = &p->conf->http, .counters = &p->counters, .is_ready = is_ready, .state = p,
    };

    p->serve = serve_open(&options, diag);
    return p->serve != NULL;
}

static bool open_ingest(struct pipeline *p, struct diag *diag)
{
    struct ingest_options options = {
        .conf = &p->conf->listen, .tls = &p->tls, .counters = &p->counters,
        .sessions = p->sessions, .taker = { p, take_record, has_room },
    };

    p->ingest = ingest_open(&options, diag);
    return p->ingest != NULL;
}

static void free_pipeline(struct pipeline *p)
{
    ingest_close(p->ingest);
    serve_close(p->serve);
    store_close(p->store);
    sessions_destroy(p->sessions);
    format_reader_destroy(p->reader);
    document_fini(&p->document);
    tls_files_fini(&p->tls);
    free(p);
}

struct pipeline *pipeline_open(const struct pipeline_conf *conf, struct diag *diag)
{
    struct pipeline *p = xcalloc(1, sizeof *p);

    p->conf = conf;
    p->sessions = sessions_create(MAX_SESSIONS);
    p->reader = format_reader_create();
    if (!ingest_tls_read(&conf->tls, &p->tls, diag) || !open_store(p, diag)
        || !open_serve(p, diag) || !open_ingest(p, diag)) {
        free_pipeline(p);
        return NULL;
    }
    return p;
}

unsigned pipeline_listen_port(const struct pipeline *p)
{
    return ingest_port(p->ingest);
}

unsigned pipeline_http_port(const struct pipeline *p)
{
    return serve_port(p->serve);
}

static void log_ledger(const struct counters *c)
{
    log_info(MODULE, "ledger",
             "received=%llu indexed=%llu duplicate=%llu dead_letter=%llu discarded=%llu "
             "in_memory=%llu",
             (unsigned long long) counter_read(&c->received),
             (unsigned long long) counter_read(&c->indexed),
             (unsigned long long) counter_read(&c->duplicate),
             (unsigned long long) counter_read(&c->dead_letter),
             (unsigned long long) counter_read(&c->discarded),
             (unsigned long long) counter_read(&c->in_memory));
}

bool pipeline_close(struct pipeline *p)
{
    bool is_drained;

    if (p == NULL) {
        return true;
    }
    ingest_stop(p->ingest);
    is_drained = store_drain(p->store, p->conf->stop.timeout_ns);
    ingest_close(p->ingest);            /* With the last acknowledgements. */
    p->ingest = NULL;
    log_ledger(&p->counters);
    if (!is_drained) {
        log_warn(MODULE, "records were left over; they were not acknowledged", NULL);
    }
    free_pipeline(p);
    return is_drained;
}
