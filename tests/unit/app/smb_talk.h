/* Conversations of SMB for tests: messages become records and turns, transactions lines of EVE. */
#ifndef CIVICSHIELD_TESTS_SMB_TALK_H
#define CIVICSHIELD_TESTS_SMB_TALK_H

#include "conversation.h"
#include "sensor/app/smb/smb_private.h"
#include "smb_messages.h"

#define MAX_TURNS 64u

struct talk {
    enum direction dirs[MAX_TURNS];
    struct strbuf turns[MAX_TURNS];
    unsigned n;
    uint64_t message;
};

static inline void forget(struct talk *t)
{
    for (unsigned i = 0; i < t->n; i++) {
        strbuf_fini(&t->turns[i]);
    }
}

/* A message becomes a record and a turn. */
static inline void say(struct talk *t, enum direction dir, struct strbuf *message)
{
    t->dirs[t->n] = dir;
    t->turns[t->n] = (struct strbuf) STRBUF_EMPTY;
    put_record(&t->turns[t->n++], message);
    strbuf_fini(message);
    *message = (struct strbuf) STRBUF_EMPTY;
}

static inline void start_smb(struct conversation *c)
{
    start(c);
    c->conf.file_sha256 = true;
    c->flow.key.dport = 445;
}

static inline void hold(struct conversation *c, const struct talk *t, size_t step, size_t limit)
{
    for (unsigned i = 0; i < t->n && limit != 0; i++) {
        size_t n = t->turns[i].size < limit ? t->turns[i].size : limit;
        struct turn turn = { t->dirs[i], t->turns[i].text, n, 0 };
        feed_turn(c, &turn, step);
        limit -= n;
    }
}

static inline void write_event(struct strbuf *out, const struct app_tx *tx)
{
    struct event event = { .type = EVENT_SMB };
    struct arena scratch;

    arena_init(&scratch, 4096, 1u << 20);
    app_tx_fill(tx, TO_SERVER, &event, &scratch);
    event_write_eve(&event, out);
    strbuf_putc(out, '\n');
    arena_fini(&scratch);
}

static inline void write_events(struct strbuf *out, const struct conversation *c)
{
    for (unsigned i = 0; tx_at(c, i) != NULL; i++) {
        write_event(out, tx_at(c, i));
    }
}

static inline void expect(struct strbuf *out, const char *part)
{
    if (strstr(strbuf_cstr(out), part) == NULL) {
        fail_msg("not found: %s\nin: %s", part, out->text);
    }
}

/* In heap blocks of exactly their size, so that an overread is seen. */
static inline void check_prefixes(struct talk *t)
{
    size_t size = 0;

    for (unsigned i = 0; i < t->n; i++) {
        size += t->turns[i].size;
    }
    for (size_t limit = 0; limit <= size; limit += limit < 2500 ? 1 : 37) {
        struct conversation c;
        struct strbuf out = STRBUF_EMPTY;
        start_smb(&c);
        hold(&c, t, 0, limit);
        feed_end(&c);
        write_events(&out, &c);
        strbuf_fini(&out);
        stop(&c);
    }
}

/* Each message cut short inside its record: its sizes say more than there is. */
static inline void check_short_messages(const struct talk *t)
{
    for (unsigned which = 0; which < t->n; which++) {
        for (size_t cut = 1; cut < t->turns[which].size - 4; cut += cut < 200 ? 1 : 101) {
            struct conversation c;
            start_smb(&c);
            for (unsigned i = 0; i <= which; i++) {
                size_t n = t->turns[i].size - (i == which ? cut : 0);
                char *copy = malloc(n);
                memcpy(copy, t->turns[i].text, n);
                copy[1] = (char) ((n - 4) >> 16);
                copy[2] = (char) ((n - 4) >> 8);
                copy[3] = (char) (n - 4);
                feed_piece(&c, t->dirs[i], copy, n, 0, false);
                free(copy);
            }
            stop(&c);
        }
    }
}

/* NTLMSSP AUTHENTICATE: domain D, user U, host H, version 10.0. */
static inline void put_authenticate(struct strbuf *b)
{
    RAW(b, "NTLMSSP\0\3\0\0\0");
    put_zeros(b, 16);
    for (unsigned i = 0; i < 3; i++) {
        put_le(b, 2, 2);
        put_le(b, 2, 2);
        put_le(b, 72 + 2 * i, 4);
    }
    put_zeros(b, 8);
    put_le(b, 0x02000000, 4);
    RAW(b, "\x0a\0\x61\x4a\0\0\0\x0f");
    RAW(b, "D\0U\0H\0");
}

#endif
