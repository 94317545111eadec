/* Fragments in and out of order, over each other, too late, too many. */
#include "sensor/decode/decode_private.h"
#include "tests/unit/decode/frames.h"

#define SECOND 1000000000ull
#define START (1600000000ull * SECOND)
#define MAX_PIECES_IN_CASE 6

static struct packet packets[DECODE_MAX_PACKETS];

/* A fragment: 'size' bytes of 'letter' at 'offset'.  The datagram is UDP of 8 + 24 bytes,
 * so that a letter of 0 stands for the UDP header at offset 0. */
struct piece {
    unsigned offset, size;
    char letter;
    bool more;
};

struct fragment_frame {
    uint8_t bytes[2048];
    size_t size;
};

static size_t put_data(uint8_t *out, const struct piece *piece)
{
    static const uint8_t udp[] = { UDP(5, 6, 32) };
    size_t head = piece->offset == 0 ? sizeof udp : 0;

    memcpy(out, udp, head);
    memset(out + head, piece->letter, piece->size - head);
    return piece->size;
}

static void make_ipv4(struct fragment_frame *f, unsigned id, const struct piece *piece)
{
    unsigned flags = (piece->more ? 0x2000 : 0) | piece->offset / 8;
    const uint8_t head[] = { IPV4_HEAD(5, 20 + piece->size, id, flags, 17), IPV4_PAIR };

    memcpy(f->bytes, head, sizeof head);
    f->size = sizeof head + put_data(f->bytes + sizeof head, piece);
}

/* With a hop-by-hop header before the fragment header, which has to be mended as well. */
static void make_ipv6(struct fragment_frame *f, unsigned id, const struct piece *piece)
{
    const uint8_t head[] = {
        IPV6(16 + piece->size, 0), 44, 0, 5, 2, ZEROS4,
        17, 0, BE16(piece->offset | (piece->more ? 1 : 0)), 0, 0, BE16(id),
    };

    memcpy(f->bytes, head, sizeof head);
    f->size = sizeof head + put_data(f->bytes + sizeof head, piece);
}

static size_t feed_at(struct decoder *d, const struct fragment_frame *f, uint64_t time_ns,
                      uint64_t clock_ns)
{
    static struct frame frame;
    static uint8_t *copy;       /* Exactly as large as the frame, until the next one. */

    free(copy);
    copy = malloc(f->size);
    memcpy(copy, f->bytes, f->size);
    frame = frame_of(copy, f->size, LINK_RAW);
    frame.time_ns = time_ns;
    frame.clock_ns = clock_ns;
    size_t n = decode_frame(d, &frame, packets);
    assert_true(defrag_is_consistent(&d->defrag));
    for (size_t i = 0; i < n; i++) {
        check_packet(&packets[i], &frame);
    }
    return n;
}

/* The running clock shows the frame's own time. */
static size_t feed(struct decoder *d, const struct fragment_frame *f, uint64_t time_ns)
{
    return feed_at(d, f, time_ns, time_ns);
}

struct order_case {
    const char *name;
    struct piece pieces[MAX_PIECES_IN_CASE];
    size_t n_pieces;
    const char *payload;        /* NULL: never whole. */
    unsigned n_overlaps;
};

#define PIECES(...) \
    { __VA_ARGS__ }, sizeof (struct piece[]) { __VA_ARGS__ } / sizeof(struct piece)

static const struct order_case order_cases[] = {
    { "in order", PIECES({ 0, 16, 'A', true }, { 16, 16, 'B', false }),
      "AAAAAAAABBBBBBBBBBBBBBBB", 0 },
    { "last first", PIECES({ 16, 16, 'B', false }, { 0, 16, 'A', true }),
      "AAAAAAAABBBBBBBBBBBBBBBB", 0 },
    { "middle last",
      PIECES({ 0, 8, 'A', true }, { 24, 8, 'C', false }, { 8, 16, 'B', true }),
      "BBBBBBBBBBBBBBBBCCCCCCCC", 0 },
    { "a hole remains", PIECES({ 0, 16, 'A', true }, { 24, 8, 'B', false }), NULL, 0 },
    { "the end is missing", PIECES({ 0, 16, 'A', true }, { 16, 16, 'B', true }), NULL,
      0 },
    { "the beginning is missing", PIECES({ 8, 8, 'A', true }, { 16, 16, 'B', false }),
      NULL,
      0 },
    { "the same twice",
      PIECES({ 0, 16, 'A', true }, { 0, 16, 'A', true }, { 16, 16, 'B', false }),
      "AAAAAAAABBBBBBBBBBBBBBBB", 1 },
    { "the same place, other bytes: the first stay",
      PIECES({ 0, 8, 0, true }, { 8, 8, 'A', true }, { 8, 8, 'C', true },
             { 16, 16, 'B', false }),
      "AAAAAAAABBBBBBBBBBBBBBBB", 1 },
    { "one that starts before takes over",
      PIECES({ 0, 8, 0, true }, { 16, 8, 'A', true }, { 8, 16, 'C', true },
             { 24, 8, 'B', false }),
      "CCCCCCCCCCCCCCCCBBBBBBBB", 1 },
    { "one that starts before takes the beginning alone",
      PIECES({ 0, 8, 0, true }, { 16, 16, 'A', false }, { 8, 16, 'C', true }),
      "CCCCCCCCCCCCCCCCAAAAAAAA", 1 },
    { "one that starts behind gives way",
      PIECES({ 0, 16, 'A', true }, { 8, 16, 'C', true }, { 24, 8, 'B', false }),
      "AAAAAAAACCCCCCCCBBBBBBBB", 1 },
    { "one that lies within another changes nothing",
      PIECES({ 0, 24, 'A', true }, { 8, 8, 'C', true }, { 24, 8, 'B', false }),
      "AAAAAAAAAAAAAAAABBBBBBBB", 1 },
    { "one that covers others takes their place",
      PIECES({ 8, 8, 'A', true }, { 16, 8, 'D', true }, { 0, 24, 'C', true },
             { 24, 8, 'B', false }),
      "CCCCCCCCCCCCCCCCBBBBBBBB", 1 },
    { "one that begins within one and covers the next",
      PIECES({ 0, 16, 'A', true }, { 24, 8, 'D', false }, { 8, 24, 'C', false }),
      "AAAAAAAACCCCCCCCCCCCCCCC", 1 },
};

static void check_order(const struct order_case *t, bool is_v4)
{
    struct decoder *d = make_decoder(DECODE_CHECKSUMS_ALL);
    struct fragment_frame f;
    unsigned overlaps = 0;
    size_t n = 0;

    for (size_t i = 0; i < t->n_pieces; i++) {
        (is_v4 ? make_ipv4 : make_ipv6)(&f, 77, &t->pieces[i]);
        n = feed(d, &f, START + i);
        assert_true(packets[0].is_fragment);
        assert_int_equal(packets[0].l4, LAYER_ABSENT);
        assert_int_equal(packets[0].payload, LAYER_ABSENT);
        assert_int_equal(packets[0].ip.ip_id, 77);
        assert_int_equal(packets[0].ip.frag_offset, t->pieces[i].offset);
        assert_int_equal(n, i + 1 == t->n_pieces && t->payload != NULL ? 2 : 1);
        for (unsigned e = 0; e < packets[0].n_events; e++) {
            overlaps += packets[0].events[e] == (is_v4 ? DECODE_IPV4_FRAG_OVERLAP
                                                       : DECODE_IPV6_FRAG_OVERLAP);
        }
    }
    assert_int_equal(overlaps, t->n_overlaps);
    assert_int_equal(decoder_counters(d)->defrag_overlaps, t->n_overlaps);
    assert_int_equal(decoder_counters(d)->fragments, t->n_pieces);
    assert_int_equal(d->defrag.n_datagrams, t->payload == NULL ? 1 : 0);
    if (t->payload != NULL) {
        const struct packet *p = &packets[1];

        assert_int_equal(p->source, PACKET_FROM_DEFRAG);
        assert_null(p->outer);
        assert_false(p->is_fragment);
        assert_int_equal(p->sport, 5);
        assert_int_equal(p->dport, 6);
        assert_int_equal(p->size, is_v4 ? 52 : 80);
        assert_int_equal(p->payload_size, 24);
        assert_memory_equal(p->bytes + p->payload, t->payload, 24);
        assert_false(p->is_checksum_bad);       /* Mended; UDP has none here. */
        assert_int_equal(decoder_counters(d)->reassembled, 1);
    }
    decoder_destroy(d);
}

static void fragments_come_together(void **state)
{
    check_order(*state, true);
    check_order(*state, false);
}

static const struct piece first = { 0, 16, 'A', true }, last = { 16, 16, 'B', false };

static void a_datagram_is_forgotten_after_its_time(void **state)
{
    struct decoder *d = make_decoder(DECODE_CHECKSUMS_NONE);
    struct fragment_frame f;

    (void) state;
    make_ipv4(&f, 1, &first);
    assert_int_equal(feed(d, &f, START), 1);
    decoder_expire(d, START + 60 * SECOND);
    assert_int_equal(d->defrag.n_datagrams, 1);
    decoder_expire(d, START + 60 * SECOND + 1);
    assert_int_equal(d->defrag.n_datagrams, 0);
    assert_int_equal(decoder_counters(d)->defrag_timeouts, 1);

    /* Without a call in between: the late piece starts anew. */
    assert_int_equal(feed(d, &f, START), 1);
    make_ipv4(&f, 1, &last);
    assert_int_equal(feed(d, &f, START + 61 * SECOND), 1);
    assert_int_equal(d->defrag.n_datagrams, 1);
    assert_int_equal(decoder_counters(d)->defrag_timeouts, 2);
    decoder_destroy(d);
}

static void time_that_goes_back_forgets_nothing(void **state)
{
    struct decoder *d = make_decoder(DECODE_CHECKSUMS_NONE);
    struct fragment_frame f;

    (void) state;
    make_ipv4(&f, 1, &first);
    assert_int_equal(feed(d, &f, START), 1);
    make_ipv4(&f, 1, &last);
    assert_int_equal(feed_at(d, &f, START - 100 * SECOND, START), 2);
    decoder_destroy(d);
}

/* A clock that was set back by a day, or a frame that is late by one: the time that has run
 * says whether the datagram is over, whether or not the decoder was told in between. */
static void a_datagram_is_over_by_the_running_clock(void **state)
{
    (void) state;
    for (unsigned is_told = 0; is_told < 2; is_told++) {
        for (unsigned seconds = 60; seconds <= 61; seconds++) {
            struct decoder *d = make_decoder(DECODE_CHECKSUMS_NONE);
            struct fragment_frame f;

            make_ipv4(&f, 1, &first);
            assert_int_equal(feed_at(d, &f, START, 5), 1);
            if (is_told != 0) {
                decoder_expire(d, 5 + seconds * SECOND);
            }
            make_ipv4(&f, 1, &last);
            assert_int_equal(feed_at(d, &f, START - 86400 * SECOND, 5 + seconds * SECOND),
                             seconds == 60 ? 2 : 1);
            assert_int_equal(decoder_counters(d)->defrag_timeouts, seconds - 60);
            decoder_destroy(d);
        }
    }
}

static void other_identifiers_protocols_and_tags_do_not_mix(void **state)
{
    struct decoder *d = make_decoder(DECODE_CHECKSUMS_NONE);
    struct fragment_frame f;

    (void) state;
    make_ipv4(&f, 1, &first);
    assert_int_equal(feed(d, &f, START), 1);
    make_ipv4(&f, 2, &last);
    assert_int_equal(feed(d, &f, START), 1);
    make_ipv4(&f, 1, &last);
    f.bytes[9] = 200;           /* Protocol. */
    assert_int_equal(feed(d, &f, START), 1);
    make_ipv4(&f, 1, &last);
    f.bytes[12] = 11;           /* Source. */
    assert_int_equal(feed(d, &f, START), 1);
    make_ipv6(&f, 1, &last);
    assert_int_equal(feed(d, &f, START), 1);
    assert_int_equal(d->defrag.n_datagrams, 5);
    make_ipv4(&f, 1, &last);
    assert_int_equal(feed(d, &f, START), 2);
    assert_int_equal(d->defrag.n_datagrams, 4);
    decoder_destroy(d);
}

/* The same fragments in two tunnels are two datagrams. */
static void tunnels_keep_their_fragments_apart(void **state)
{
    struct decoder *d = make_decoder(DECODE_CHECKSUMS_NONE);
    struct fragment_frame inner, outer;

    (void) state;
    for (unsigned i = 0; i < 4; i++) {
        make_ipv4(&inner, 1, i < 2 ? &first : &last);
        const uint8_t head[] = {
            IPV4_HEAD(5, (unsigned) (20 + inner.size), 1, 0, 4), 10, 0, 0, 9, 10, 0, 1,
            (uint8_t) (i % 2),
        };
        memcpy(outer.bytes, head, sizeof head);
        memcpy(outer.bytes + sizeof head, inner.bytes, inner.size);
        outer.size = sizeof head + inner.size;
        size_t n = feed(d, &outer, START);
        assert_int_equal(n, i < 2 ? 2 : 3);
        if (i >= 2) {
            assert_int_equal(packets[2].source, PACKET_FROM_DEFRAG);
            assert_ptr_equal(packets[2].outer, &packets[0]);
        }
    }
    assert_int_equal(decoder_counters(d)->reassembled, 2);
    decoder_destroy(d);
}

/* Tenants of a virtual network may have the same addresses; one's fragments are no part of
 * another's datagram, and what comes together belongs to its network. */
static void virtual_networks_keep_their_fragments_apart(void **state)
{
    static const uint16_t ports[] = { 4789, 6081 };     /* VXLAN, Geneve */
    struct fragment_frame inner, outer;

    (void) state;
    for (unsigned i = 0; i < 8; i++) {
        static struct decoder *d;
        unsigned kind = i / 4, network = 1 + i % 2;

        if (i % 4 == 0) {
            d = make_decoder(DECODE_CHECKSUMS_NONE);
        }
        make_ipv4(&inner, 1, i % 4 < 2 ? &first : &last);
        const uint8_t tunnel[2][8] = {
            { 8, 0, 0, 0, 0, 0, (uint8_t) network, 0 },
            { 0, 0, 0x65, 0x58, 0, 0, (uint8_t) network, 0 },
        };
        unsigned size = (unsigned) (8 + 14 + inner.size);
        const uint8_t head[] = { IPV4(28 + size, 17), UDP(5, ports[kind], 8 + size) };
        const uint8_t ethernet[14] = { [12] = 8 };
        size_t at = 0;

        memcpy(outer.bytes, head, sizeof head);
        at += sizeof head;
        memcpy(outer.bytes + at, tunnel[kind], 8);
        memcpy(outer.bytes + at + 8, ethernet, 14);
        memcpy(outer.bytes + at + 22, inner.bytes, inner.size);
        outer.size = at + 22 + inner.size;
        assert_int_equal(feed(d, &outer, START), i % 4 < 2 ? 2 : 3);
        assert_int_equal(packets[1].vni, network);
        if (i % 4 >= 2) {
            assert_int_equal(packets[2].source, PACKET_FROM_DEFRAG);
            assert_int_equal(packets[2].vni, network);
        }
        if (i % 4 == 3) {
            assert_int_equal(decoder_counters(d)->defrag_overlaps, 0);
            decoder_destroy(d);
        }
    }
}

/* A tunnel whose outer packet was fragmented is looked into once it is whole. */
static void a_tunnel_in_fragments_is_decoded(void **state)
{
    struct decoder *d = make_decoder(DECODE_CHECKSUMS_NONE);
    static const uint8_t whole[] = { IPV4(29, 17), UDP(5, 6, 9), 'x' };
    struct fragment_frame f;

    (void) state;
    for (unsigned i = 0; i < 2; i++) {
        unsigned size = i == 0 ? 16 : sizeof whole - 16;
        const uint8_t head[] = {
            IPV4_HEAD(5, 20 + size, 3, i == 0 ? 0x2000 : 2, 4), IPV4_PAIR,
        };
        memcpy(f.bytes, head, sizeof head);
        memcpy(f.bytes + sizeof head, whole + i * 16, size);
        f.size = sizeof head + size;
        assert_int_equal(feed(d, &f, START), i == 0 ? 1 : 3);
    }
    assert_int_equal(packets[2].source, PACKET_FROM_IPIP);
    assert_ptr_equal(packets[2].outer, &packets[1]);
    assert_int_equal(packets[2].dport, 6);
    decoder_destroy(d);
}

static void a_fragment_past_the_largest_datagram_is_an_event(void **state)
{
    struct decoder *d = make_decoder(DECODE_CHECKSUMS_NONE);
    struct fragment_frame f;
    const struct piece v4 = { 65512, 8, 'A', false }, v6 = { 65528, 8, 'A', false };

    (void) state;
    make_ipv4(&f, 1, &v4);
    assert_int_equal(feed(d, &f, START), 1);
    assert_int_equal(packets[0].n_events, 1);
    assert_int_equal(packets[0].events[0], DECODE_IPV4_FRAG_PKT_TOO_LARGE);
    make_ipv6(&f, 1, &v6);
    assert_int_equal(feed(d, &f, START), 1);
    assert_int_equal(packets[0].events[packets[0].n_events - 1],
                     DECODE_IPV6_FRAG_PKT_TOO_LARGE);
    assert_int_equal(d->defrag.n_datagrams, 0);
    decoder_destroy(d);
}

/* Each fragment fits, but the header of the first makes the sum too large. */
static void a_datagram_too_large_with_its_header_is_an_event(void **state)
{
    struct decoder *d = make_decoder(DECODE_CHECKSUMS_NONE);
    struct fragment_frame f;
    size_t n = 0;

    (void) state;
    for (unsigned at = 0; at < 65512 && n < 2; at += 1024) {
        unsigned size = at + 1024 > 65512 ? 65512 - at : 1024;
        const struct piece piece = { at, size, 'A', at + size < 65512 };

        make_ipv4(&f, 1, &piece);
        if (at == 0) {          /* A longer header than the others have: options. */
            const uint8_t head[] = {
                IPV4_HEAD(7, 28 + size, 1, 0x2000, 17), IPV4_PAIR, 1, 1, 1, 1, 1, 1, 1, 1,
            };
            memmove(f.bytes + 28, f.bytes + 20, size);
            memcpy(f.bytes, head, sizeof head);
            f.size = 28 + size;
        }
        n = feed(d, &f, START);
    }
    assert_int_equal(n, 1);
    assert_int_equal(packets[0].events[0], DECODE_IPV4_FRAG_PKT_TOO_LARGE);
    assert_int_equal(d->defrag.n_datagrams, 0);
    decoder_destroy(d);
}

static void the_largest_datagram_comes_together_in_reverse(void **state)
{
    struct decoder *d = make_decoder(DECODE_CHECKSUMS_NONE);
    struct fragment_frame f;
    size_t n = 0;

    (void) state;
    for (unsigned at = 65024; ; at -= 512) {
        unsigned size = at == 65024 ? 65515 - 65024 : 512;
        const struct piece piece = { at, size, (char) ('a' + at / 512 % 26),
            at != 65024 };

        make_ipv4(&f, 1, &piece);
        n = feed(d, &f, START);
        if (at == 0) {
            break;
        }
        assert_int_equal(n, 1);
    }
    assert_int_equal(n, 2);
    assert_int_equal(packets[1].size, 65535);
    for (uint32_t i = 512; i < 65515; i++) {
        assert_int_equal(packets[1].bytes[20 + i], 'a' + i / 512 % 26);
    }
    decoder_destroy(d);
}

static void many_tiny_fragments_are_refused_in_the_end(void **state)
{
    struct decoder *d = make_decoder(DECODE_CHECKSUMS_NONE);
    struct fragment_frame f;

    (void) state;
    for (unsigned i = 1; i < 4000; i++) {
        const struct piece piece = { i * 16, 8, 'x', true };

        make_ipv4(&f, 1, &piece);
        (void) feed(d, &f, START);
    }
    assert_true(decoder_counters(d)->defrag_refused > 0);
    assert_true(decoder_counters(d)->events[DECODE_IPV4_FRAG_IGNORED] > 0);
    decoder_destroy(d);
}

static void a_flood_throws_out_the_oldest(void **state)
{
    struct decode_conf conf;
    struct fragment_frame f;

    (void) state;
    decode_conf_defaults(&conf);
    conf.defrag_max_datagrams = 16;
    struct decoder *d = decoder_create(&conf);
    for (unsigned i = 0; i < 100; i++) {
        make_ipv4(&f, i, &first);
        (void) feed(d, &f, START + i);
        assert_true(d->defrag.n_datagrams <= 16);
    }
    assert_int_equal(decoder_counters(d)->defrag_refused, 84);
    make_ipv4(&f, 99, &last);
    assert_int_equal(feed(d, &f, START + 100), 2);
    make_ipv4(&f, 0, &last);
    assert_int_equal(feed(d, &f, START + 100), 1);
    decoder_destroy(d);
}

static void memory_stays_within_its_budget(void **state)
{
    struct decode_conf conf;
    struct fragment_frame f;

    (void) state;
    decode_conf_defaults(&conf);
    conf.defrag_memory = 1u << 20;
    struct decoder *d = decoder_create(&conf);
    for (unsigned i = 0; i < 3000; i++) {
        const struct piece piece = { 1024 + i % 64 * 1000 / 8 * 8, 1000, 'x', true };

        make_ipv4(&f, i / 8, &piece);
        (void) feed(d, &f, START + i);
        struct defrag *g = &d->defrag;
        assert_true(g->blocks.n_made * g->blocks.object_size
                    + g->pieces.n_made * g->pieces.object_size
                    + g->datagrams.n_made * g->datagrams.object_size
                    <= conf.defrag_memory);
    }
    decoder_destroy(d);
}

int main(void)
{
    enum { N = sizeof order_cases / sizeof order_cases[0] };
    struct CMUnitTest tests[N + 16] = {
        cmocka_unit_test(a_datagram_is_forgotten_after_its_time),
        cmocka_unit_test(time_that_goes_back_forgets_nothing),
        cmocka_unit_test(a_datagram_is_over_by_the_running_clock),
        cmocka_unit_test(other_identifiers_protocols_and_tags_do_not_mix),
        cmocka_unit_test(tunnels_keep_their_fragments_apart),
        cmocka_unit_test(virtual_networks_keep_their_fragments_apart),
        cmocka_unit_test(a_tunnel_in_fragments_is_decoded),
        cmocka_unit_test(a_fragment_past_the_largest_datagram_is_an_event),
        cmocka_unit_test(a_datagram_too_large_with_its_header_is_an_event),
        cmocka_unit_test(the_largest_datagram_comes_together_in_reverse),
        cmocka_unit_test(many_tiny_fragments_are_refused_in_the_end),
        cmocka_unit_test(a_flood_throws_out_the_oldest),
        cmocka_unit_test(memory_stays_within_its_budget),
    };
    size_t n = 12;

    for (size_t i = 0; i < N; i++) {
        tests[n++] = (struct CMUnitTest) {
            .name = order_cases[i].name,
            .test_func = fragments_come_together,
            .initial_state = (void *) &order_cases[i],
        };
    }
    return _cmocka_run_group_tests("decode_defrag", tests, n, NULL, NULL);
}
