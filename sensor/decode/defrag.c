/* Defragmentation.
 *
 * A datagram keeps its bytes in blocks, each for a fixed range of offsets, and a list of
 * pieces that says which of them have come and from which fragment.  Where fragments
 * overlap, bytes that came first stay, unless the new fragment starts before the piece
 * that holds them: what the BSD systems do (Novak, "Target-Based Fragmentation
 * Reassembly", 2005).  A datagram is whole when its pieces leave no hole from 0 on and
 * the last of them is the end of a fragment without "more fragments". */
#include "sensor/decode/defrag.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "sensor/decode/decode_private.h"

#define BLOCK_SIZE 2048u
#define MAX_BLOCKS (65536u / BLOCK_SIZE)
/* Header bytes kept with the datagram itself; a longer one takes a block. */
#define SHORT_HEADER 64u
/* Pieces of one datagram: 65,535 bytes in fragments of 40.  Bounds the time that one
 * fragment costs, since pieces are searched one by one. */
#define MAX_PIECES 2048u
/* Datagrams thrown out, at most, to make room for one fragment. */
#define MAX_EVICTIONS 8

struct piece {
    struct list_node node;      /* In the datagram's, by 'start'; none overlap. */
    uint32_t start, end;
    bool is_last;               /* Ends a fragment that said that no more follow. */
};

struct key {
    struct ip_addr src, dst;
    uint16_t vlans[PACKET_MAX_VLANS];
    uint8_t proto, version;
    uint32_t id;
    uint64_t tunnel;            /* Tells the same addresses in other tunnels apart. */
};

struct defrag_datagram {
    struct defrag_datagram *next;       /* In the bucket. */
    struct list_node by_age;
    struct key key;
    uint64_t hash;
    uint64_t first_ns, first_clock_ns;  /* Packet time and running time of its first. */
    struct list_node pieces;
    unsigned n_pieces;
    uint8_t *blocks[MAX_BLOCKS];
    uint8_t *long_header;               /* A block, or NULL. */
    uint8_t short_header[SHORT_HEADER];
    uint32_t header_size;               /* 0: the first fragment has not come. */
    uint32_t next_header_at;
    uint8_t next_header;
};

/* ---- All datagrams ---- */

void defrag_init(struct defrag *g, uint64_t memory, uint64_t max_datagrams,
                 uint64_t timeout_ns)
{
    /* A quarter for what is known about datagrams and pieces, the rest for bytes. */
    pool_init(&g->datagrams, sizeof(struct defrag_datagram), memory / 8);
    pool_init(&g->pieces, sizeof(struct piece), memory / 8);
    pool_init(&g->blocks, BLOCK_SIZE, memory / 4 * 3);
    g->max_datagrams = max_datagrams < g->datagrams.max ? max_datagrams
                                                        : g->datagrams.max;
    for (g->n_buckets = 64; g->n_buckets < g->max_datagrams; g->n_buckets *= 2) {
    }
    g->buckets = xcalloc(g->n_buckets, sizeof *g->buckets);
    g->n_datagrams = 0;
    g->timeout_ns = timeout_ns;
    /* What comes out does not depend on the seed, in replay neither. */
    g->seed = hash_seed_random();
    list_init(&g->by_age);
}

void defrag_fini(struct defrag *g)
{
    free(g->buckets);
    pool_fini(&g->datagrams);
    pool_fini(&g->blocks);
    pool_fini(&g->pieces);
}

static void remove_piece(struct defrag *g, struct defrag_datagram *t, struct piece *piece)
{
    list_remove(&piece->node);
    pool_put(&g->pieces, piece);
    t->n_pieces--;
}

static void forget(struct defrag *g, struct defrag_datagram *t)
{
    struct defrag_datagram **at = &g->buckets[t->hash & (g->n_buckets - 1)];

    while (*at != t) {
        at = &(*at)->next;
    }
    *at = t->next;
    list_remove(&t->by_age);
    LIST_FOR_EACH_SAFE(node, following, &t->pieces) {
        remove_piece(g, t, LIST_ENTRY(node, struct piece, node));
    }
    for (size_t i = 0; i < MAX_BLOCKS; i++) {
        if (t->blocks[i] != NULL) {
            pool_put(&g->blocks, t->blocks[i]);
        }
    }
    if (t->long_header != NULL) {
        pool_put(&g->blocks, t->long_header);
    }
    pool_put(&g->datagrams, t);
    g->n_datagrams--;
}

static struct defrag_datagram *oldest(const struct defrag *g)
{
    struct list_node *node = list_front(&g->by_age);
    return node != NULL ? LIST_ENTRY(node, struct defrag_datagram, by_age) : NULL;
}

static bool is_over(const struct defrag *g, uint64_t first_ns, uint64_t now_ns)
{
    return now_ns > first_ns && now_ns - first_ns > g->timeout_ns;
}

size_t defrag_expire(struct defrag *g, uint64_t now_ns, size_t budget)
{
    size_t n = 0;

    for (struct defrag_datagram *t = oldest(g);
         n < budget && t != NULL && is_over(g, t->first_clock_ns, now_ns); t = oldest(g)) {
        forget(g, t);
        n++;
    }
    return n;
}

/* Throws out the oldest datagram that is not 'keep'; false when there is none. */
static bool evict(struct decoder *d, const struct defrag_datagram *keep)
{
    struct defrag_datagram *t = oldest(&d->defrag);

    if (t == NULL || t == keep) {
        return false;
    }
    forget(&d->defrag, t);
    d->counters.defrag_refused++;
    return true;
}

/* An object of 'pool', by throwing out others if there must be. */
static void *get_or_evict(struct decoder *d, struct pool *pool,
                          const struct defrag_datagram *keep)
{
    void *object = pool_get(pool);

    for (int i = 0; object == NULL && i < MAX_EVICTIONS && evict(d, keep); i++) {
        object = pool_get(pool);
    }
    return object;
}

/* ---- Finding the datagram of a fragment ---- */

/* The address pair, kind and identifier of each tunnel around 'p'. */
static uint64_t hash_tunnel(struct hash_seed seed, const struct packet *p)
{
    uint64_t h = 0;

    for (const struct packet *o = p; o->outer != NULL; o = o->outer) {
        uint64_t ids = (uint64_t) o->source << 32 | o->vni;

        h = hash_mix(h ^ ids ^ hash_bytes(seed, &o->outer->src, sizeof o->outer->src));
        h = hash_mix(h ^ hash_bytes(seed, &o->outer->dst, sizeof o->outer->dst));
    }
    return h;
}

static struct key make_key(const struct defrag *g, const struct packet *p,
                           const struct defrag_fragment *f)
{
    struct key key;

    memset(&key, 0, sizeof key);        /* Padding too: keys are compared as bytes. */
    key.src = p->src;
    key.dst = p->dst;
    memcpy(key.vlans, p->vlans, sizeof key.vlans);
    key.proto = f->proto;
    key.version = p->src.version;
    key.id = f->id;
    key.tunnel = hash_tunnel(g->seed, p);
    return key;
}

static struct defrag_datagram *add_datagram(struct decoder *d, const struct key *key,
                                            uint64_t hash, const struct packet *p)
{
    struct defrag *g = &d->defrag;

    if (g->n_datagrams >= g->max_datagrams && !evict(d, NULL)) {
        return NULL;
    }
    struct defrag_datagram *t = get_or_evict(d, &g->datagrams, NULL);
    if (t == NULL) {
        return NULL;
    }
    memset(t, 0, sizeof *t);
    t->key = *key;
    t->hash = hash;
    t->first_ns = p->time_ns;
    t->first_clock_ns = p->clock_ns;
    list_init(&t->pieces);
    list_push_back(&g->by_age, &t->by_age);
    t->next = g->buckets[hash & (g->n_buckets - 1)];
    g->buckets[hash & (g->n_buckets - 1)] = t;
    g->n_datagrams++;
    return t;
}

static struct defrag_datagram *find_or_add(struct decoder *d, const struct packet *p,
                                           const struct defrag_fragment *f)
{
    struct defrag *g = &d->defrag;
    struct key key = make_key(g, p, f);
    uint64_t hash = hash_bytes(g->seed, &key, sizeof key);
    struct defrag_datagram *t = g->buckets[hash & (g->n_buckets - 1)];

    while (t != NULL && (t->hash != hash || memcmp(&t->key, &key, sizeof key) != 0)) {
        t = t->next;
    }
    /* By the clock, as defrag_expire() would have it that may have been by or not; or by
     * its own time, for while the clock stands. */
    if (t != NULL && (is_over(g, t->first_clock_ns, p->clock_ns)
                      || is_over(g, t->first_ns, p->time_ns))) {
        forget(g, t);
        d->counters.defrag_timeouts++;
        t = NULL;
    }
    return t != NULL ? t : add_datagram(d, &key, hash, p);
}

/* ---- Adding a fragment's bytes ---- */

/* Copies to the blocks, which are there already. */
static void write_bytes(struct defrag_datagram *t, uint32_t at, const uint8_t *b,
                        uint32_t size)
{
    while (size > 0) {
        uint32_t in_block = at % BLOCK_SIZE;
        uint32_t n = size < BLOCK_SIZE - in_block ? size : BLOCK_SIZE - in_block;

        memcpy(t->blocks[at / BLOCK_SIZE] + in_block, b, n);
        at += n;
        b += n;
        size -= n;
    }
}

static void read_bytes(const struct defrag_datagram *t, uint8_t *out, uint32_t size)
{
    for (uint32_t at = 0; at < size; at += BLOCK_SIZE) {
        uint32_t n = size - at < BLOCK_SIZE ? size - at : BLOCK_SIZE;

        memcpy(out + at, t->blocks[at / BLOCK_SIZE], n);
    }
}

static bool have_blocks(struct decoder *d, struct defrag_datagram *t, uint32_t start,
                        uint32_t end)
{
    for (uint32_t i = start / BLOCK_SIZE; i <= (end - 1) / BLOCK_SIZE; i++) {
        if (t->blocks[i] == NULL) {
            t->blocks[i] = get_or_evict(d, &d->defrag.blocks, t);
        }
        if (t->blocks[i] == NULL) {
            return false;
        }
    }
    return true;
}

/* A new piece before the node 'at'. */
static bool add_piece(struct decoder *d, struct defrag_datagram *t, struct list_node *at,
                      struct piece range)
{
    if (range.start >= range.end) {
        return true;
    }
    struct piece *piece = t->n_pieces < MAX_PIECES
                          ? get_or_evict(d, &d->defrag.pieces, t) : NULL;
    if (piece == NULL) {
        return false;
    }
    *piece = range;
    list_insert(at, &piece->node);
    t->n_pieces++;
    return true;
}

/* The first piece that ends behind 'start', or the head.  Searched from the end, where
 * fragments in order belong. */
static struct list_node *find_place(struct defrag_datagram *t, uint32_t start)
{
    struct list_node *node = &t->pieces;

    while (node->prev != &t->pieces
           && LIST_ENTRY(node->prev, struct piece, node)->end > start) {
        node = node->prev;
    }
    return node;
}

/* Adds one part of the fragment that no earlier byte holds against it. */
static bool add_part(struct decoder *d, struct defrag_datagram *t, struct list_node *at,
                     const struct defrag_fragment *f, uint32_t start, uint32_t end)
{
    uint32_t f_end = f->offset + (uint32_t) f->data.size;
    struct piece part = { .start = start, .end = end,
                          .is_last = !f->more && end == f_end };

    if (!add_piece(d, t, at, part)) {
        return false;
    }
    if (start < end) {
        write_bytes(t, start, f->data.bytes + (start - f->offset), end - start);
    }
    return true;
}

/* False when there is no room. */
static bool add_data(struct decoder *d, struct defrag_datagram *t,
                     const struct defrag_fragment *f, bool *overlaps)
{
    uint32_t start = f->offset, end = start + (uint32_t) f->data.size;
    struct list_node *node = find_place(t, start);

    *overlaps = false;
    if (!have_blocks(d, t, f->offset, end)) {
        return false;
    }
    while (node != &t->pieces && start < end) {
        struct piece *old = LIST_ENTRY(node, struct piece, node);

        if (old->start >= end) {
            break;
        }
        *overlaps = true;
        node = node->next;
        if (f->offset >= old->start) {          /* The old one stays. */
            start = old->end;
        } else if (old->end <= end) {           /* The new one takes all of it ... */
            remove_piece(&d->defrag, t, old);
        } else {                                /* ... or its beginning. */
            old->start = end;
            node = &old->node;
            break;
        }
    }
    return add_part(d, t, node, f, start, end);
}

static bool set_header(struct decoder *d, struct defrag_datagram *t,
                       const struct defrag_fragment *f)
{
    uint8_t *at = t->short_header;

    if (f->header.size > BLOCK_SIZE) {
        return false;
    }
    if (f->header.size > SHORT_HEADER) {
        t->long_header = get_or_evict(d, &d->defrag.blocks, t);
        at = t->long_header;
    }
    if (at == NULL) {
        return false;
    }
    memcpy(at, f->header.bytes, f->header.size);
    t->header_size = (uint32_t) f->header.size;
    t->next_header_at = f->next_header_at;
    t->next_header = f->next_header;
    return true;
}

/* ---- Putting a datagram together ---- */

/* Size of the data when no hole is left; 0 as long as there is one. */
static uint32_t whole_size(const struct defrag_datagram *t)
{
    uint32_t end = 0;
    bool is_last = false;

    if (t->header_size == 0
        || !LIST_ENTRY(t->pieces.prev, struct piece, node)->is_last) {
        return 0;
    }
    LIST_FOR_EACH(node, &t->pieces) {
        const struct piece *piece = LIST_ENTRY(node, struct piece, node);

        if (piece->start != end) {
            return 0;
        }
        end = piece->end;
        is_last = piece->is_last;
    }
    return is_last ? end : 0;
}

static void put_be16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t) (value >> 8);
    at[1] = (uint8_t) value;
}

/* The header of a whole IPv4 datagram: length and checksum anew, no fragment bits. */
static void fix_ipv4(uint8_t *h, uint32_t header_size, uint32_t total)
{
    uint32_t sum = 0;

    put_be16(h + 2, total);
    put_be16(h + 6, load_be16(h + 6) & 0x4000u);
    put_be16(h + 10, 0);
    for (uint32_t i = 0; i + 1 < header_size; i += 2) {
        sum += load_be16(h + i);
    }
    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    put_be16(h + 10, ~sum & 0xffff);
}

/* Writes the datagram to 'out', which has room for DECODE_MAX_DATAGRAM bytes; returns its
 * size, 0 if it is too large for its own length field. */
static uint32_t assemble(const struct defrag_datagram *t, uint32_t data_size,
                         uint8_t *out)
{
    bool is_v4 = t->key.version == 4;
    uint32_t total = t->header_size + data_size;

    if (total > (is_v4 ? 65535u : DECODE_MAX_DATAGRAM)) {
        return 0;
    }
    memcpy(out, t->long_header != NULL ? t->long_header : t->short_header,
           t->header_size);
    read_bytes(t, out + t->header_size, data_size);
    if (is_v4) {
        fix_ipv4(out, t->header_size, total);
    } else {
        put_be16(out + 4, total - 40);
        out[t->next_header_at] = t->next_header;
    }
    return total;
}

/* Puts 't' together, forgets it, and decodes what came out. */
static void decode_whole(struct decoder *d, struct packet *p, struct defrag_datagram *t,
                         uint32_t data_size)
{
    bool is_v4 = p->src.version == 4;

    if (d->n_reassembled >= DECODE_MAX_REASSEMBLED
        || d->n_packets >= DECODE_MAX_PACKETS) {
        decode_event_add(d, p, DECODE_TOO_MANY_LAYERS);
        d->counters.defrag_refused++;
        forget(&d->defrag, t);
        return;
    }
    uint8_t *out = d->reassembled[d->n_reassembled];
    uint32_t size = assemble(t, data_size, out);

    forget(&d->defrag, t);
    if (size == 0) {
        decode_event_add(d, p, is_v4 ? DECODE_IPV4_FRAG_PKT_TOO_LARGE
                                     : DECODE_IPV6_FRAG_PKT_TOO_LARGE);
        return;
    }
    struct packet *whole = decode_packet_begin(d, PACKET_FROM_DEFRAG, p->outer, out,
                                               size);
    if (whole == NULL) {
        return;
    }
    d->n_reassembled++;
    d->counters.reassembled++;
    whole->n_vlans = p->n_vlans;
    memcpy(whole->vlans, p->vlans, sizeof whole->vlans);
    whole->vni = p->vni;
    whole->ether_type = p->ether_type;
    (void) (is_v4 ? decode_ipv4 : decode_ipv6)(d, whole, cursor_of(out, size));
}

void defrag_add(struct decoder *d, struct packet *p, const struct defrag_fragment *f)
{
    bool is_v4 = p->src.version == 4, overlaps = false;

    if (f->data.size == 0) {
        return;                 /* Says nothing, and would be a piece without an end. */
    }
    struct defrag_datagram *t = find_or_add(d, p, f);
    if (t == NULL || !add_data(d, t, f, &overlaps)
        || (f->offset == 0 && t->header_size == 0 && !set_header(d, t, f))) {
        decode_event_add(d, p,
                         is_v4 ? DECODE_IPV4_FRAG_IGNORED : DECODE_IPV6_FRAG_IGNORED);
        d->counters.defrag_refused++;
        if (t != NULL) {
            forget(&d->defrag, t);
        }
        return;
    }
    if (overlaps) {
        decode_event_add(d, p,
                         is_v4 ? DECODE_IPV4_FRAG_OVERLAP : DECODE_IPV6_FRAG_OVERLAP);
        d->counters.defrag_overlaps++;
    }
    uint32_t size = whole_size(t);
    if (size > 0) {
        decode_whole(d, p, t, size);
    }
}

/* ---- For tests ---- */

static bool are_pieces_consistent(const struct defrag_datagram *t)
{
    uint32_t end = 0;
    unsigned n = 0;

    LIST_FOR_EACH(node, &t->pieces) {
        const struct piece *piece = LIST_ENTRY(node, struct piece, node);

        if (piece->start < end || piece->start >= piece->end || piece->end > 65536) {
            return false;
        }
        for (uint32_t i = piece->start / BLOCK_SIZE; i * BLOCK_SIZE < piece->end; i++) {
            if (t->blocks[i] == NULL) {
                return false;
            }
        }
        end = piece->end;
        n++;
    }
    return n == t->n_pieces;
}

bool defrag_is_consistent(const struct defrag *g)
{
    size_t n_in_buckets = 0, n_by_age = 0, n_pieces = 0;

    for (size_t i = 0; i < g->n_buckets; i++) {
        for (const struct defrag_datagram *t = g->buckets[i]; t != NULL; t = t->next) {
            if ((t->hash & (g->n_buckets - 1)) != i || !are_pieces_consistent(t)) {
                return false;
            }
            n_in_buckets++;
            n_pieces += t->n_pieces;
        }
    }
    LIST_FOR_EACH(node, &g->by_age) {
        n_by_age++;
    }
    return n_in_buckets == g->n_datagrams && n_by_age == g->n_datagrams
           && g->datagrams.in_use == g->n_datagrams && g->pieces.in_use == n_pieces;
}
