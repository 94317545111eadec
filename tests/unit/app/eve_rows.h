/* Conversations as tables: what each transaction is as an object of EVE, one line each, with
 * the names of its events behind it.  Every row is fed whole, in pieces of several sizes,
 * which must come to the same, and cut short at every byte, for the sanitizer. */
#ifndef CIVICSHIELD_TEST_EVE_ROWS_H
#define CIVICSHIELD_TEST_EVE_ROWS_H

#include "tests/unit/app/conversation.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define EVE_MAX_TURNS 16

struct eve_row {
    const char *name;
    struct turn turns[EVE_MAX_TURNS];
    const char *eve;
    uint16_t port;              /* Of the server; 0: the table's. */
    bool cuts_matter;           /* What comes out hangs on the pieces: fed whole alone. */
};

struct eve_rows {
    const struct eve_row *rows;
    size_t n;
    uint16_t port;
    uint8_t ip_proto;           /* UDP: each turn is a datagram. */
    const char *object;         /* "ftp" */
};

static inline void eve_start(const struct eve_rows *t, const struct eve_row *row,
                             struct conversation *c)
{
    start(c);
    c->flow.key.ip_proto = t->ip_proto;
    c->flow.key.dport = row->port != 0 ? row->port : t->port;
}

static inline void eve_feed_datagram(struct conversation *c, const struct turn *turn,
                                     size_t size)
{
    uint8_t *copy = malloc(size != 0 ? size : 1);
    struct packet packet = { .bytes = copy, .payload_size = (uint32_t) size,
                             .time_ns = c->now_ns };

    memcpy(copy, turn->bytes, size);
    app_datagram(c->engine, &c->flow, &packet, turn->dir);
    free(copy);
}

/* At most 'left' bytes of all turns; returns how many there were. */
static inline size_t eve_feed(const struct eve_rows *t, const struct eve_row *row,
                              struct conversation *c, size_t step, size_t left)
{
    size_t fed = 0;

    for (size_t i = 0; i < EVE_MAX_TURNS && (row->turns[i].size != 0
                                             || row->turns[i].gap != 0); i++) {
        struct turn turn = row->turns[i];
        bool is_last = turn.size >= left;
        turn.size = turn.size < left ? turn.size : left;
        left -= turn.size;
        fed += turn.size;
        if (t->ip_proto == IP_PROTO_UDP) {
            eve_feed_datagram(c, &turn, turn.size);
        } else {
            feed_turn(c, &turn, step);
        }
        if (is_last && left == 0) {
            break;
        }
    }
    if (t->ip_proto == IP_PROTO_UDP) {
        app_flow_finish(c->engine, &c->flow);
    } else {
        feed_end(c);
    }
    return fed;
}

/* One line a transaction: its object, then " !event" for each. */
static inline void eve_write(const struct eve_rows *t, const struct conversation *c,
                             struct strbuf *out)
{
    char key[64];

    snprintf(key, sizeof key, "\"%s\":", t->object);
    for (struct app_tx *tx = app_tx_first(c->flow.app); tx != NULL;
         tx = app_tx_next(c->flow.app, tx)) {
        struct strbuf line = STRBUF_EMPTY;
        struct event event = { 0 };
        struct arena scratch;

        arena_init(&scratch, 4096, 1u << 24);
        app_tx_fill(tx, tx->is_done[TO_SERVER] ? TO_SERVER : TO_CLIENT, &event, &scratch);
        event_write_eve(&event, &line);
        const char *at = strstr(strbuf_cstr(&line), key);
        const char *end = at != NULL ? strstr(at, ",\"civicshield\":") : NULL;
        if (end != NULL) {
            strbuf_put(out, at + strlen(key), (size_t) (end - at) - strlen(key));
        }
        for (unsigned bit = 0; app_event_name(tx->parser, bit) != NULL; bit++) {
            if ((tx->events >> bit & 1) != 0) {
                strbuf_printf(out, " !%s", app_event_name(tx->parser, bit));
            }
        }
        strbuf_putc(out, '\n');
        arena_fini(&scratch);
        strbuf_fini(&line);
    }
}

static inline char *eve_of_row(const struct eve_rows *t, const struct eve_row *row,
                               size_t step)
{
    struct strbuf text = STRBUF_EMPTY;
    struct conversation c;

    eve_start(t, row, &c);
    eve_feed(t, row, &c, step, SIZE_MAX);
    eve_write(t, &c, &text);
    stop(&c);
    char *copy = strdup(strbuf_cstr(&text));
    strbuf_fini(&text);
    return copy;
}

static inline void eve_rows_come_to_what_they_say(const struct eve_rows *t)
{
    for (size_t i = 0; i < t->n; i++) {
        char *text = eve_of_row(t, &t->rows[i], 0);
        if (strcmp(text, t->rows[i].eve) != 0) {
            fail_msg("%s:\n%snot:\n%s", t->rows[i].name, text, t->rows[i].eve);
        }
        free(text);
    }
}

static inline void eve_rows_do_not_hang_on_pieces(const struct eve_rows *t)
{
    static const size_t steps[] = { 1, 2, 3, 7, 50 };

    for (size_t i = 0; i < t->n; i++) {
        for (size_t k = 0; k < sizeof steps / sizeof *steps && !t->rows[i].cuts_matter; k++) {
            char *text = eve_of_row(t, &t->rows[i], steps[k]);
            if (strcmp(text, t->rows[i].eve) != 0) {
                fail_msg("%s, in pieces of %zu:\n%snot:\n%s", t->rows[i].name, steps[k], text,
                         t->rows[i].eve);
            }
            free(text);
        }
    }
}

static inline void eve_rows_end_well_at_any_prefix(const struct eve_rows *t)
{
    for (size_t i = 0; i < t->n; i++) {
        for (size_t left = 1, fed = 1; fed == left && left < 4000; left++) {
            struct strbuf text = STRBUF_EMPTY;
            struct conversation c;

            eve_start(t, &t->rows[i], &c);
            fed = eve_feed(t, &t->rows[i], &c, 0, left);
            for (struct app_tx *tx = app_tx_first(c.flow.app); tx != NULL;
                 tx = app_tx_next(c.flow.app, tx)) {
                assert_true(tx->is_done[TO_SERVER] && tx->is_done[TO_CLIENT]);
            }
            write_session(&text, &c);
            eve_write(t, &c, &text);
            strbuf_fini(&text);
            stop(&c);
        }
    }
}

#endif
