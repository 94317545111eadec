/* Writes TLS conversations: records, messages and hellos with the sizes that belong to
 * them, so that a test says only what is special about its own. */
#ifndef CIVICSHIELD_TEST_HANDSHAKES_H
#define CIVICSHIELD_TEST_HANDSHAKES_H

#include "tests/unit/app/conversation.h"

struct talk {
    uint8_t bytes[400 * 1024];
    size_t size;
    struct turn turns[32];
    size_t n;
};

struct codes {
    size_t n;
    uint16_t at[40];
};
#define CODES(...) { sizeof((uint16_t[]) { __VA_ARGS__ }) / 2, { __VA_ARGS__ } }

struct hello {
    uint16_t version;
    uint8_t random;             /* Each of its bytes. */
    uint8_t session_id;         /* Its size. */
    struct codes ciphers;       /* Server: the first. */
    struct codes extensions, groups, signatures, versions;
    const char *sni;
    const char *alpn;           /* Names behind their sizes. */
    size_t alpn_size;           /* 0: it is a string. */
};

static inline void add(struct talk *t, const void *bytes, size_t size)
{
    memcpy(t->bytes + t->size, bytes, size);
    t->size += size;
}

static inline void add_number(struct talk *t, size_t value, unsigned width)
{
    while (width-- > 0) {
        t->bytes[t->size++] = (uint8_t) (value >> 8 * width);
    }
}

/* Makes room for a size of 'width' bytes; close_size() fills it with what came behind. */
static inline size_t open_size(struct talk *t, unsigned width)
{
    t->size += width;
    return t->size;
}

static inline void close_size(struct talk *t, size_t at, unsigned width)
{
    size_t end = t->size;

    t->size = at - width;
    add_number(t, end - at, width);
    t->size = end;
}

static inline void begin_turn(struct talk *t, enum direction dir)
{
    t->turns[t->n++] = (struct turn) { dir, (const char *) t->bytes + t->size, 0, 0 };
}

static inline void end_turn(struct talk *t)
{
    struct turn *turn = &t->turns[t->n - 1];

    turn->size = (size_t) (t->bytes + t->size - (const uint8_t *) turn->bytes);
}

static inline size_t begin_record(struct talk *t, uint8_t type)
{
    add_number(t, type, 1);
    add_number(t, 0x0303, 2);
    return open_size(t, 2);
}

static inline size_t begin_message(struct talk *t, uint8_t type)
{
    add_number(t, type, 1);
    return open_size(t, 3);
}

static inline void add_codes(struct talk *t, const struct codes *codes, unsigned width)
{
    size_t at = open_size(t, width);

    for (size_t i = 0; i < codes->n; i++) {
        add_number(t, codes->at[i], 2);
    }
    close_size(t, at, width);
}

static inline void add_extension(struct talk *t, const struct hello *h, uint16_t type,
                                 bool is_client)
{
    add_number(t, type, 2);
    size_t at = open_size(t, 2), inner;

    switch (type) {
    case 0:
        if (h->sni != NULL) {
            inner = open_size(t, 2);
            add_number(t, 0, 1);
            add_number(t, strlen(h->sni), 2);
            add(t, h->sni, strlen(h->sni));
            close_size(t, inner, 2);
        }
        break;
    case 10:
        add_codes(t, &h->groups, 2);
        break;
    case 11:
        add(t, "\1\0", 2);
        break;
    case 13:
        add_codes(t, &h->signatures, 2);
        break;
    case 16:
        inner = open_size(t, 2);
        if (h->alpn != NULL) {
            add(t, h->alpn, h->alpn_size != 0 ? h->alpn_size : strlen(h->alpn));
        }
        close_size(t, inner, 2);
        break;
    case 35:
        add(t, "ticket", is_client && h->session_id != 0 ? 6 : 0);
        break;
    case 43:
        if (is_client) {
            add_codes(t, &h->versions, 1);
        } else {
            add_number(t, h->versions.at[0], 2);
        }
        break;
    default:
        break;
    }
    close_size(t, at, 2);
}

static inline void add_hello(struct talk *t, enum direction dir, const struct hello *h)
{
    bool is_client = dir == TO_SERVER;
    size_t message = begin_message(t, is_client ? 1 : 2);

    add_number(t, h->version, 2);
    memset(t->bytes + t->size, h->random, 32);
    t->size += 32;
    add_number(t, h->session_id, 1);
    memset(t->bytes + t->size, 0x5e, h->session_id);
    t->size += h->session_id;
    if (is_client) {
        add_codes(t, &h->ciphers, 2);
        add(t, "\1\0", 2);
    } else {
        add_number(t, h->ciphers.at[0], 2);
        add_number(t, 0, 1);
    }
    if (h->extensions.n > 0) {
        size_t all = open_size(t, 2);
        for (size_t i = 0; i < h->extensions.n; i++) {
            add_extension(t, h, h->extensions.at[i], is_client);
        }
        close_size(t, all, 2);
    }
    close_size(t, message, 3);
}

static inline void say_hello(struct talk *t, enum direction dir, const struct hello *h)
{
    begin_turn(t, dir);
    size_t record = begin_record(t, 22);
    add_hello(t, dir, h);
    close_size(t, record, 2);
    end_turn(t);
}

/* A record of its own in a turn of its own. */
static inline void say_record(struct talk *t, enum direction dir, uint8_t type,
                              const void *bytes, size_t size)
{
    begin_turn(t, dir);
    size_t record = begin_record(t, type);
    add(t, bytes, size);
    close_size(t, record, 2);
    end_turn(t);
}

static inline void say_message(struct talk *t, enum direction dir, uint8_t type,
                               const void *bytes, size_t size)
{
    begin_turn(t, dir);
    size_t record = begin_record(t, 22), message = begin_message(t, type);
    add(t, bytes, size);
    close_size(t, message, 3);
    close_size(t, record, 2);
    end_turn(t);
}

static inline void say_certificates(struct talk *t, enum direction dir, const void *der,
                                    size_t size, unsigned n)
{
    begin_turn(t, dir);
    size_t record = begin_record(t, 22), message = begin_message(t, 11);
    size_t list = open_size(t, 3);
    while (n-- > 0) {
        add_number(t, size, 3);
        add(t, der, size);
    }
    close_size(t, list, 3);
    close_size(t, message, 3);
    close_size(t, record, 2);
    end_turn(t);
}

#define CCS(t, dir) say_record(t, dir, 20, "\1", 1)
#define DATA(t, dir) say_record(t, dir, 23, "0123456789abcdef", 16)
#define FINISHED(t, dir) say_record(t, dir, 22, "encrypted finished message......", 32)

/* "t->turns" to 'c', in pieces of at most 'step' bytes; 0: whole. */
static inline void feed_talk(struct conversation *c, const struct talk *t, size_t step)
{
    for (size_t i = 0; i < t->n; i++) {
        feed_turn(c, &t->turns[i], step);
    }
}

#endif
