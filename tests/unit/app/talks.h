/* Whole conversations as tables: what is said, and what must stand in what comes of it.
 * Each is held in one go, in small pieces (the same must come of it), and broken off after
 * every byte (nothing may be read that is not there, no memory may be left). */
#ifndef CIVICSHIELD_TEST_TALKS_H
#define CIVICSHIELD_TEST_TALKS_H

#include "common/wire/event.h"
#include "tests/unit/app/conversation.h"

#define TALK_MAX_TURNS 12
#define TALK_MAX_PARTS 10

struct talk_case {
    const char *name;
    struct turn turns[TALK_MAX_TURNS];          /* Up to the first without bytes and gap. */
    const char *parts[TALK_MAX_PARTS];          /* All must be found; "!..." must not. */
};

struct talk_kind {
    const char *event_type;     /* Whose EVE form is written for each transaction. */
    uint16_t server_port;
    bool is_udp;
};

static inline void feed_datagram(struct conversation *c, enum direction dir,
                                 const void *bytes, size_t size)
{
    uint8_t *copy = malloc(size != 0 ? size : 1);
    struct packet packet = { .bytes = copy, .payload_size = (uint32_t) size,
                             .time_ns = c->now_ns };

    memcpy(copy, bytes, size);
    app_datagram(c->engine, &c->flow, &packet, dir);
    free(copy);
}

/* The EVE form of each transaction, of those that have one. */
static inline void write_eve(struct strbuf *out, const struct conversation *c,
                             const char *event_type)
{
    for (struct app_tx *tx = app_tx_first(c->flow.app); tx != NULL;
         tx = app_tx_next(c->flow.app, tx)) {
        struct event event = { .type = event_type_by_name(event_type) };
        struct arena scratch;

        arena_init(&scratch, 4096, 16u << 20);
        app_tx_fill(tx, TO_SERVER, &event, &scratch);
        strbuf_printf(out, "loggable %d%d\n", app_tx_is_loggable(tx, TO_SERVER),
                      app_tx_is_loggable(tx, TO_CLIENT));
        event_write_eve(&event, out);
        arena_fini(&scratch);
    }
}

/* All that rules can ask for, by name: "0 snmp.version=2", "1 krb5.cname[0]=user". */
static inline void write_answers(struct strbuf *out, const struct conversation *c)
{
    static const char *const fields[] = {
#define X(id, keyword, older, bits) keyword,
        RULE_FIELDS(X)
#undef X
    };
    static const char *const buffers[] = {
#define X(id, name, older, proto, flags) name,
        RULE_BUFFERS(X)
#undef X
    };

    for (struct app_tx *tx = app_tx_first(c->flow.app); tx != NULL;
         tx = app_tx_next(c->flow.app, tx)) {
        for (unsigned i = 0; i < N_DIRECTIONS * N_RULE_FIELDS; i++) {
            uint64_t value;
            if (app_tx_number(tx, (enum direction) (i % 2), (enum rule_field) (i / 2), 0,
                              &value)) {
                strbuf_printf(out, "%u %s=%ju\n", i % 2, fields[i / 2], (uintmax_t) value);
            }
        }
        for (unsigned i = 0; i < N_DIRECTIONS * N_BUFFERS * 4; i++) {
            struct app_view v = app_tx_buffer(tx, (enum direction) (i % 2),
                                              (enum buffer_id) (i / 8), i / 2 % 4);
            if (v.state == APP_VIEW_DONE) {
                strbuf_printf(out, "%u %s[%u]=", i % 2, buffers[i / 8], i / 2 % 4);
                write_bytes(out, v.bytes);
                strbuf_puts(out, "\n");
            }
        }
    }
}

static inline size_t talk_turns(const struct talk_case *t)
{
    size_t n = 0;

    while (n < TALK_MAX_TURNS && (t->turns[n].size != 0 || t->turns[n].gap != 0)) {
        n++;
    }
    return n;
}

static inline size_t talk_size(const struct talk_case *t)
{
    size_t size = 0;

    for (size_t i = 0; i < talk_turns(t); i++) {
        size += t->turns[i].size;
    }
    return size;
}

/* Holds the first 'limit' bytes of a talk in pieces of 'step' (0: a turn each). */
static inline void hold_talk(const struct talk_case *t, const struct talk_kind *kind,
                             size_t limit, size_t step, struct strbuf *out)
{
    struct conversation c;

    start(&c);
    c.now_ns = 1000000000u;
    c.flow.key.ip_proto = kind->is_udp ? IP_PROTO_UDP : IP_PROTO_TCP;
    c.flow.key.dport = kind->server_port;
    for (size_t i = 0; i < talk_turns(t); i++) {
        struct turn turn = t->turns[i];
        turn.size = turn.size < limit ? turn.size : limit;
        limit -= turn.size;
        if (kind->is_udp) {
            feed_datagram(&c, turn.dir, turn.bytes, turn.size);
        } else {
            feed_turn(&c, &turn, step);
        }
    }
    if (kind->is_udp) {
        app_flow_finish(c.engine, &c.flow);
    } else {
        feed_end(&c);
    }
    strbuf_clear(out);
    write_session(out, &c);
    write_answers(out, &c);
    write_eve(out, &c, kind->event_type);
    stop(&c);
}

static inline bool holds(const char *text, const char *part)
{
    return part[0] == '!' ? strstr(text, part + 1) == NULL : strstr(text, part) != NULL;
}

static inline void check_talk(const struct talk_case *t, const struct talk_kind *kind)
{
    static const size_t steps[] = { 1, 2, 3, 7, 64 };
    struct strbuf whole = STRBUF_EMPTY, other = STRBUF_EMPTY;

    hold_talk(t, kind, SIZE_MAX, 0, &whole);
    for (size_t i = 0; i < TALK_MAX_PARTS && t->parts[i] != NULL; i++) {
        if (!holds(strbuf_cstr(&whole), t->parts[i])) {
            fail_msg("%s: not so: %s\nin: %s", t->name, t->parts[i], strbuf_cstr(&whole));
        }
    }
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !kind->is_udp; i++) {
        hold_talk(t, kind, SIZE_MAX, steps[i], &other);
        if (strcmp(strbuf_cstr(&whole), strbuf_cstr(&other)) != 0) {
            fail_msg("%s: in pieces of %zu: %s\nin one: %s", t->name, steps[i],
                     strbuf_cstr(&other), strbuf_cstr(&whole));
        }
    }
    for (size_t limit = 0; limit < talk_size(t); limit++) {
        hold_talk(t, kind, limit, 0, &other);
    }
    strbuf_fini(&whole);
    strbuf_fini(&other);
}

#endif
