/* A conversation with the app engine: an engine, one flow, and bytes fed in pieces of any
 * size, each from a heap block of exactly its size.  What came of it is written as text,
 * so that two ways of feeding can be compared. */
#ifndef CIVICSHIELD_TEST_CONVERSATION_H
#define CIVICSHIELD_TEST_CONVERSATION_H

#include <stdio.h>
#include <stdlib.h>

#include "common/base/strbuf.h"
#include "sensor/app/parser.h"

struct conversation {
    struct app_conf conf;
    struct app_engine *engine;
    struct flow flow;
    uint64_t now_ns;
    uint64_t stream_at[N_DIRECTIONS];
    unsigned n_ended;           /* Transactions that the engine told the end of. */
};

/* One turn; a string literal, so that it may hold NULs. */
struct turn {
    enum direction dir;
    const char *bytes;
    size_t size;
    uint32_t gap;               /* Missing before it. */
};
#define C(text) { TO_SERVER, text, sizeof(text) - 1, 0 }
#define S(text) { TO_CLIENT, text, sizeof(text) - 1, 0 }
#define GAP(dir, n) { dir, NULL, 0, n }

static inline void count_end(void *context, struct app_tx *tx)
{
    struct conversation *c = context;
    (void) tx;
    c->n_ended++;
}

static inline struct app_conf default_conf(void)
{
    struct app_conf conf = { 0 };
    struct diag diag;
    struct conf_node *empty = conf_tree_new();

    diag_init(&diag);
    if (!conf_read_section(empty, &app_conf_section, &conf, &diag)) {
        diag_print(&diag, stderr);
        abort();
    }
    conf_tree_free(empty);
    diag_fini(&diag);
    return conf;
}

static inline void open_conversation(struct conversation *c)
{
    c->engine = app_engine_create(&c->conf, count_end, c);
    c->flow.key.ip_proto = IP_PROTO_TCP;
    c->flow.key.sport = 40000;
    c->flow.key.dport = 80;
}

static inline void start(struct conversation *c)
{
    memset(c, 0, sizeof *c);
    c->conf = default_conf();
    open_conversation(c);
}

static inline void stop(struct conversation *c)
{
    app_flow_end(c->engine, &c->flow);
    if (app_counters(c->engine)->memory != 0) {
        fprintf(stderr, "memory left: %ju\n", (uintmax_t) app_counters(c->engine)->memory);
        abort();
    }
    app_engine_destroy(c->engine);
    conf_free_section(&app_conf_section, &c->conf);
}

static inline void feed_piece(struct conversation *c, enum direction dir, const void *bytes,
                       size_t size, uint32_t gap, bool is_end)
{
    struct packet packet = { .time_ns = c->now_ns };
    uint8_t *copy = size != 0 ? malloc(size) : NULL;
    struct stream_data data = { .dir = dir, .offset = c->stream_at[dir] + gap,
                                .size = (uint32_t) size, .gap = gap, .is_end = is_end };

    if (size != 0) {
        memcpy(copy, bytes, size);
    }
    data.bytes = copy;
    c->stream_at[dir] += gap + size;
    app_stream(c->engine, &c->flow, &packet, &data);
    free(copy);
}

/* In pieces of at most 'step' bytes; 0: whole. */
static inline void feed_turn(struct conversation *c, const struct turn *t, size_t step)
{
    size_t at = 0;

    if (t->gap != 0) {
        feed_piece(c, t->dir, NULL, 0, t->gap, false);
    }
    while (at < t->size) {
        size_t n = step != 0 && step < t->size - at ? step : t->size - at;
        feed_piece(c, t->dir, t->bytes + at, n, 0, false);
        at += n;
    }
}

static inline void feed_end(struct conversation *c)
{
    feed_piece(c, TO_SERVER, NULL, 0, 0, true);
    feed_piece(c, TO_CLIENT, NULL, 0, 0, true);
    app_flow_finish(c->engine, &c->flow);
}

static inline struct app_tx *tx_at(const struct conversation *c, unsigned n)
{
    struct app_tx *tx = app_tx_first(c->flow.app);

    while (tx != NULL && n-- != 0) {
        tx = app_tx_next(c->flow.app, tx);
    }
    return tx;
}

static inline void write_bytes(struct strbuf *out, struct slice s)
{
    for (size_t i = 0; i < s.size; i++) {
        if (s.bytes[i] >= 0x20 && s.bytes[i] < 0x7f && s.bytes[i] != '\\') {
            strbuf_putc(out, (char) s.bytes[i]);
        } else {
            strbuf_printf(out, "\\x%02x", s.bytes[i]);
        }
    }
}

static inline void write_tx(struct strbuf *out, const struct app_tx *tx)
{
    static const char *const states[] = { "not yet", "absent", "growing", "done" };

    strbuf_printf(out, "tx %ju done %d%d\n", (uintmax_t) tx->id, tx->is_done[0],
                  tx->is_done[1]);
    for (unsigned bit = 0; app_event_name(tx->parser, bit) != NULL; bit++) {
        if ((tx->events >> bit & 1) != 0) {
            strbuf_printf(out, "  event %s\n", app_event_name(tx->parser, bit));
        }
    }
    for (int dir = 0; dir < N_DIRECTIONS; dir++) {
        for (int id = 0; id < N_BUFFERS; id++) {
            for (unsigned index = 0; index < 8; index++) {
                struct app_view v = app_tx_buffer(tx, (enum direction) dir,
                                                  (enum buffer_id) id, index);
                if (v.state == APP_VIEW_NOT_YET || v.state == APP_VIEW_ABSENT) {
                    continue;
                }
                strbuf_printf(out, "  %d buffer %d[%u] %s: ", dir, id, index,
                              states[v.state]);
                write_bytes(out, v.bytes);
                strbuf_puts(out, "\n");
            }
        }
    }
    LIST_FOR_EACH (node, &tx->files) {
        const struct app_file *f = LIST_ENTRY(node, struct app_file, node);
        strbuf_printf(out, "  file dir %d size %ju state %d gaps %d name ", f->dir,
                      (uintmax_t) f->size, f->state, f->has_gaps);
        write_bytes(out, f->name);
        strbuf_puts(out, f->has_sha256 ? " sha256 " : "");
        if (f->has_sha256) {
            strbuf_hex(out, f->sha256, sizeof f->sha256);
        }
        strbuf_puts(out, "\n");
    }
}

/* All that later stages could see. */
static inline void write_session(struct strbuf *out, const struct conversation *c)
{
    strbuf_printf(out, "proto %s/%s/%s events %jx failed %d\n",
                  app_proto_name(c->flow.app_proto),
                  app_proto_name(c->flow.app_proto_side[0]),
                  app_proto_name(c->flow.app_proto_side[1]),
                  c->flow.app != NULL ? (uintmax_t) c->flow.app->proto_events : 0,
                  c->flow.app != NULL && c->flow.app->is_failed);
    for (struct app_tx *tx = app_tx_first(c->flow.app); tx != NULL;
         tx = app_tx_next(c->flow.app, tx)) {
        write_tx(out, tx);
    }
}

#endif
