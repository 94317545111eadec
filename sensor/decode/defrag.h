/* Defragmentation: datagrams of which pieces have come.  README.md states the policy. */
#ifndef CIVICSHIELD_DECODE_DEFRAG_H
#define CIVICSHIELD_DECODE_DEFRAG_H

#include "common/base/hash.h"
#include "common/base/list.h"
#include "common/base/pool.h"
#include "sensor/model/packet.h"

struct decoder;
struct defrag_datagram;

/* All datagrams of one worker.  Invariant: each datagram is in one bucket and in
 * 'by_age'; n_datagrams counts them. */
struct defrag {
    struct pool datagrams, blocks, pieces;
    struct defrag_datagram **buckets;   /* Owned; n_buckets is a power of two. */
    size_t n_buckets, n_datagrams, max_datagrams;
    struct list_node by_age;            /* Oldest first. */
    uint64_t timeout_ns;
    struct hash_seed seed;
};

/* One fragment, as IPv4 and IPv6 alike describe it. */
struct defrag_fragment {
    uint32_t id;
    uint8_t proto;              /* IPv4: in the key.  IPv6: 0 (RFC 8200, section 4.5). */
    uint32_t offset;            /* Of 'data' in the datagram, bytes. */
    bool more;
    struct slice data;
    struct slice header;        /* What goes before the data of a first fragment: the IPv4
                                 * header; the IPv6 header and what stands before the
                                 * fragment header. */
    uint32_t next_header_at;    /* IPv6: where 'header' names the fragment header ... */
    uint8_t next_header;        /* ... and what is to stand there instead. */
};

void defrag_init(struct defrag *, uint64_t memory, uint64_t max_datagrams,
                 uint64_t timeout_ns);
void defrag_fini(struct defrag *);
/* Adds a fragment that came in 'p' (whose addresses and tags are known); once the
 * datagram is whole, decodes it as a further packet of the frame. */
void defrag_add(struct decoder *, struct packet *p, const struct defrag_fragment *);
/* Forgets at most 'budget' datagrams whose time is over by the running clock; returns how
 * many. */
size_t defrag_expire(struct defrag *, uint64_t now_ns, size_t budget);
/* For tests: every invariant; false when one is broken. */
bool defrag_is_consistent(const struct defrag *);

#endif
