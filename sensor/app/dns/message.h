/* A DNS message (RFC 1035, section 4), decoded into an arena. */
#ifndef CIVICSHIELD_APP_DNS_MESSAGE_H
#define CIVICSHIELD_APP_DNS_MESSAGE_H

#include "common/base/arena.h"
#include "common/wire/event.h"

#define DNS_HEADER_SIZE 12
/* Longest name kept; more is cut and said to be.  RFC 1035 allows 255, but what attackers
 * send is longer, and rules look at it. */
#define DNS_MAX_NAME 1025
/* Labels of one name, and pointers followed for it. */
#define DNS_MAX_LABELS 255
#define DNS_MAX_POINTERS 255
/* Records kept of one section: what fits in 64 KiB of real ones. */
#define DNS_MAX_RECORDS 4096

enum dns_flag {
    DNS_QR = 0x8000, DNS_AA = 0x0400, DNS_TC = 0x0200, DNS_RD = 0x0100, DNS_RA = 0x0080,
    DNS_Z = 0x0040,
};

/* Bits of struct app_tx's events: the names are in dns.c, in this order. */
enum dns_event {
    DNS_EVENT_MALFORMED_DATA,
    DNS_EVENT_NOT_REQUEST,
    DNS_EVENT_NOT_RESPONSE,
    DNS_EVENT_Z_FLAG_SET,
    DNS_EVENT_INVALID_OPCODE,
    DNS_EVENT_NAME_TOO_LONG,
    DNS_EVENT_INFINITE_LOOP,
    DNS_EVENT_TOO_MANY_LABELS,
    DNS_EVENT_INVALID_ADDITIONALS,
    DNS_EVENT_INVALID_AUTHORITIES,
    DNS_EVENT_UNSOLICITED_RESPONSE,
    DNS_N_EVENTS
};

struct dns_queries {
    struct event_dns_query *rows;
    uint16_t *types;
    size_t n;
};

struct dns_records {
    struct event_dns_rr *rows;
    uint16_t *types;
    size_t n, cap;
};

struct dns_message {
    uint16_t id, flags;
    struct dns_queries queries;
    struct dns_records answers, authorities, additionals;
    uint32_t events;            /* Bit n: enum dns_event n. */
};

static inline unsigned dns_opcode(const struct dns_message *m)
{
    return m->flags >> 11 & 15u;
}

static inline unsigned dns_rcode(const struct dns_message *m)
{
    return m->flags & 15u;
}

/* Decodes 'bytes', one message without a TCP length; everything in '*m' is in 'arena'.
 * False when header, questions or answers cannot be decoded or the arena is full: then
 * 'm->events' alone says something.  Broken authorities or additionals are left out, with
 * their event. */
bool dns_message_decode(struct slice bytes, struct arena *, struct dns_message *m);

/* Is this the beginning of a message, as far as it is there?  'is_whole': nothing
 * follows 'bytes'. */
bool dns_message_is_likely(struct slice bytes, bool is_whole);

/* Is the data of such a record one name, which stands in its 'rdata'? */
bool dns_type_has_name(uint16_t type);

/* Names as EVE has them; a number in decimal (from 'arena') where there is none. */
struct slice dns_type_name(uint16_t type, struct arena *);
struct slice dns_rcode_name(unsigned rcode, struct arena *);

#endif
