/* What the packet says about its headers; checksums; bounds on nesting; the hash by which
 * frames are shared out; configuration and event names. */
#include "tests/unit/decode/frames.h"

static struct packet packets[DECODE_MAX_PACKETS];

static size_t decode_bytes(struct decoder *d, const uint8_t *bytes, size_t size)
{
    static struct frame f;

    f = frame_of(bytes, size, LINK_RAW);
    return decode_frame(d, &f, packets);
}

static void ipv4_fields_are_read(void **state)
{
    struct decoder *d = make_decoder(DECODE_CHECKSUMS_NONE);
    static const uint8_t bytes[] = {
        0x47, 0x2e, BE16(28), BE16(0x1234), BE16(0x4000), 33, 200, 0, 0, IPV4_PAIR,
        0x94, 4, 0, 0, 1, 0, 0, 0,      /* router alert, no operation, end */
    };

    (void) state;
    assert_int_equal(decode_bytes(d, bytes, sizeof bytes), 1);
    assert_int_equal(packets[0].tos, 0x2e);
    assert_int_equal(packets[0].ttl, 33);
    assert_int_equal(packets[0].ip.ip_id, 0x1234);
    assert_true(packets[0].ip.dont_fragment);
    assert_int_equal(packets[0].l3_header_size, 28);
    assert_int_equal(packets[0].ip.ip_options, 1u << 0x14 | 1u << 1 | 1u << 0);
    assert_memory_equal(packets[0].src.bytes, "\x0a\0\0\1", 4);
    assert_memory_equal(packets[0].dst.bytes, "\x0a\0\0\2", 4);
    decoder_destroy(d);
}

static void ipv6_fields_are_read(void **state)
{
    struct decoder *d = make_decoder(DECODE_CHECKSUMS_NONE);
    static const uint8_t bytes[] = {
        0x62, 0xe1, 2, 3, BE16(16), 0, 77, IPV6_HOST(1), IPV6_HOST(2),
        200, 0, 0xc2, 4, ZEROS4, ZEROS8,
    };

    (void) state;
    assert_int_equal(decode_bytes(d, bytes, sizeof bytes), 1);
    assert_int_equal(packets[0].tos, 0x2e);
    assert_int_equal(packets[0].ttl, 77);
    assert_int_equal(packets[0].l3_header_size, 48);
    assert_int_equal(packets[0].src.bytes[15], 1);
    assert_int_equal(packets[0].dst.bytes[15], 2);
    decoder_destroy(d);
}

static void tcp_fields_and_options_are_read(void **state)
{
    struct decoder *d = make_decoder(DECODE_CHECKSUMS_NONE);
    static const uint8_t bytes[] = {
        IPV4(60, 6), TCP_HEAD(10, TCP_SYN | TCP_ACK), 2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0,
            1,
        0, 0, 0, 2, 1, 3, 3, 77,
    };

    (void) state;
    assert_int_equal(decode_bytes(d, bytes, sizeof bytes), 1);
    assert_int_equal(packets[0].tcp.seq, 7);
    assert_int_equal(packets[0].tcp.ack, 9);
    assert_int_equal(packets[0].tcp.flags, TCP_SYN | TCP_ACK);
    assert_int_equal(packets[0].tcp.window, 1000);
    assert_true(packets[0].tcp.has_mss && packets[0].tcp.sack_ok);
    assert_int_equal(packets[0].tcp.mss, 1460);
    assert_true(packets[0].tcp.has_timestamp);
    assert_int_equal(packets[0].tcp.ts_value, 1);
    assert_int_equal(packets[0].tcp.ts_echo, 2);
    assert_int_equal(packets[0].tcp.wscale, 14);        /* RFC 7323: never more. */

    static const uint8_t plain[] = { IPV4(40, 6), TCP };
    assert_int_equal(decode_bytes(d, plain, sizeof plain), 1);
    assert_int_equal(packets[0].tcp.wscale, 0xff);
    assert_false(packets[0].tcp.has_mss || packets[0].tcp.has_timestamp);
    decoder_destroy(d);
}

static void icmp_fields_are_read(void **state)
{
    struct decoder *d = make_decoder(DECODE_CHECKSUMS_NONE);
    static const uint8_t echo[] = { IPV4(28, 1), ICMP(8, 0) };
    static const uint8_t error[] = {
        IPV4(56, 1), ICMP(3, 3), IPV4(28, 17), UDP(5, 6, 8),
    };

    (void) state;
    assert_int_equal(decode_bytes(d, echo, sizeof echo), 1);
    assert_int_equal(packets[0].icmp.type, 8);
    assert_int_equal(packets[0].icmp.id, 5);
    assert_int_equal(packets[0].icmp.sequence, 6);
    assert_int_equal(packets[0].icmp.embedded, LAYER_ABSENT);
    assert_int_equal(decode_bytes(d, error, sizeof error), 1);
    assert_int_equal(packets[0].icmp.embedded, 28);
    assert_int_equal(packets[0].icmp.id, 0);
    decoder_destroy(d);
}

static void tunnels_within_tunnels_come_to_an_end(void **state)
{
    struct decoder *d = make_decoder(DECODE_CHECKSUMS_NONE);
    enum { N = 40 };
    uint8_t bytes[N * 20];

    (void) state;
    for (size_t i = 0; i < N; i++) {
        const uint8_t head[] = { IPV4((unsigned) (N - i) * 20, i + 1 < N ? 4 : 200) };
        memcpy(bytes + i * 20, head, sizeof head);
    }
    size_t n = decode_bytes(d, bytes, sizeof bytes);
    assert_int_equal(n, DECODE_MAX_PACKETS);
    assert_int_equal(packets[n - 1].n_events, 1);
    assert_int_equal(packets[n - 1].events[0], DECODE_TOO_MANY_LAYERS);
    decoder_destroy(d);
}

static void events_past_the_table_are_still_counted(void **state)
{
    struct decoder *d = make_decoder(DECODE_CHECKSUMS_NONE);
    enum { N = 30 };
    uint8_t bytes[40 + N * 2 + 4] = { IPV6(N * 2 + 4, 0), 200, 7 };

    (void) state;
    for (size_t i = 0; i < N + 1; i++) {
        bytes[42 + i * 2] = 0x3e;       /* Unknown options of no data. */
    }
    assert_int_equal(decode_bytes(d, bytes, sizeof bytes), 1);
    assert_int_equal(packets[0].n_events, PACKET_MAX_EVENTS);
    assert_int_equal(decoder_counters(d)->events[DECODE_IPV6_HOPOPTS_UNKNOWN_OPT], N + 1);
    decoder_destroy(d);
}

static void counters_agree_with_what_was_decoded(void **state)
{
    struct decoder *d = make_decoder(DECODE_CHECKSUMS_NONE);
    static const uint8_t tunnel[] = { IPV4(60, 4), IPV4(40, 6), TCP };
    const struct decode_counters *c = decoder_counters(d);

    (void) state;
    (void) decode_bytes(d, tunnel, sizeof tunnel);
    (void) decode_bytes(d, tunnel, 3);
    assert_int_equal(c->frames, 2);
    assert_int_equal(c->packets, 3);
    assert_int_equal(c->bytes, sizeof tunnel + 3);
    assert_int_equal(c->ipv4, 2);
    assert_int_equal(c->tcp, 1);
    assert_int_equal(c->ipip, 1);
    assert_int_equal(c->no_ip, 1);
    decoder_destroy(d);
}

/* ---- Checksums ---- */

/* Frames whose checksums are right, computed apart from the code under test. */
static const uint8_t good_udp4[] = {
    0x45, 0, 0, 0x1f, 0, 1, 0, 0, 64, 17, 0x66, 0xcb, 10, 0, 0, 1, 10, 0, 0, 2,
    0, 5, 0, 6, 0, 11, 0x27, 0x68, 0x61, 0x62, 0x63,
};
static const uint8_t good_tcp4[] = {
    0x45, 0, 0, 0x2a, 0, 1, 0, 0, 64, 6, 0x66, 0xcb, 10, 0, 0, 1, 10, 0, 0, 2,
    4, 0xd2, 0, 0x50, 0, 0, 0, 7, 0, 0, 0, 9, 0x50, 2, 3, 0xe8, 0x2a, 0x5b, 0, 0, 'h',
        'i',
};
static const uint8_t good_icmp4[] = {
    0x45, 0, 0, 0x1d, 0, 1, 0, 0, 64, 1, 0x66, 0xdd, 10, 0, 0, 1, 10, 0, 0, 2,
    8, 0, 0x96, 0xf4, 0, 5, 0, 6, 0x61,
};
static const uint8_t good_icmp6[] = {
    0x60, 0, 0, 0, 0, 8, 58, 64, IPV6_HOST(1), IPV6_HOST(2),
    128, 0, 0x24, 0x3d, 0, 5, 0, 6,
};
static const uint8_t good_udp6[] = {
    0x60, 0, 0, 0, 0, 17, 43, 64, IPV6_HOST(1), IPV6_HOST(2),
    17, 0, 2, 0, 0, 0, 0, 0, 0, 5, 0, 6, 0, 9, 0x2c, 0x5c, 0x78,
};

static const struct checksum_case {
    const char *name;
    const uint8_t *bytes;
    size_t size, l4;
    bool has_ip_checksum;
} checksum_cases[] = {
    { "UDP over IPv4, odd size", good_udp4, sizeof good_udp4, 20, true },
    { "TCP over IPv4", good_tcp4, sizeof good_tcp4, 20, true },
    { "ICMP, odd size", good_icmp4, sizeof good_icmp4, 20, true },
    { "ICMPv6", good_icmp6, sizeof good_icmp6, 40, false },
    { "UDP over IPv6 behind an extension header", good_udp6, sizeof good_udp6, 48,
      false },
};

static void each_changed_bit_makes_a_checksum_bad(void **state)
{
    const struct checksum_case *t = *state;
    struct decoder *d = make_decoder(DECODE_CHECKSUMS_ALL);
    struct decoder *lazy = make_decoder(DECODE_CHECKSUMS_NONE);
    uint8_t bytes[128];

    memcpy(bytes, t->bytes, t->size);
    assert_int_equal(decode_bytes(d, bytes, t->size), 1);
    assert_false(packets[0].is_checksum_bad);
    assert_false(decode_checksum_is_bad(&packets[0], DECODE_CHECKSUM_IPV4));
    assert_false(decode_checksum_is_bad(&packets[0], DECODE_CHECKSUM_L4));

    /* All but a UDP length, which makes another packet of it. */
    for (size_t i = t->l4; i < t->size; i++) {
        if (packets[0].ip_proto == IP_PROTO_UDP && i - t->l4 >= 4 && i - t->l4 < 6) {
            continue;
        }
        bytes[i] ^= 0x10;
        assert_int_equal(decode_bytes(d, bytes, t->size), 1);
        assert_int_equal(packets[0].is_checksum_bad, packets[0].l4 != LAYER_ABSENT);
        assert_int_equal(decode_bytes(lazy, bytes, t->size), 1);
        assert_false(packets[0].is_checksum_bad);
        assert_int_equal(decode_checksum_is_bad(&packets[0], DECODE_CHECKSUM_L4),
                         packets[0].l4 != LAYER_ABSENT);
        bytes[i] ^= 0x10;
    }
    if (t->has_ip_checksum) {
        bytes[8] ^= 1;
        assert_int_equal(decode_bytes(d, bytes, t->size), 1);
        assert_true(packets[0].is_checksum_bad);
        assert_true(decode_checksum_is_bad(&packets[0], DECODE_CHECKSUM_IPV4));
        assert_false(decode_checksum_is_bad(&packets[0], DECODE_CHECKSUM_L4));
    }
    decoder_destroy(d);
    decoder_destroy(lazy);
}

/* The pseudo header's sum, computed apart from the code under test: big-endian words. */
static uint16_t pseudo_sum(const struct packet *p, uint32_t l4_size)
{
    uint32_t sum = p->ip_proto + l4_size;
    size_t address = p->src.version == 4 ? 4 : 16;

    for (size_t i = 0; i < address; i += 2) {
        sum += (uint32_t) (p->src.bytes[i] << 8 | p->src.bytes[i + 1]);
        sum += (uint32_t) (p->dst.bytes[i] << 8 | p->dst.bytes[i + 1]);
    }
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t) ((sum & 0xffff) + (sum >> 16));
}

static void a_checksum_left_to_hardware_is_not_bad_unless_all_are_asked_for(void **state)
{
    const struct checksum_case *t = *state;
    struct decoder *d = make_decoder(DECODE_CHECKSUMS_AUTO);
    struct decoder *all = make_decoder(DECODE_CHECKSUMS_ALL);
    uint8_t bytes[128];

    memcpy(bytes, t->bytes, t->size);
    assert_int_equal(decode_bytes(d, bytes, t->size), 1);
    bool is_icmp = packets[0].ip_proto != IP_PROTO_TCP && packets[0].ip_proto != IP_PROTO_UDP;
    size_t at = t->l4 + (packets[0].ip_proto == IP_PROTO_TCP ? 16
                         : packets[0].ip_proto == IP_PROTO_UDP ? 6 : 2);
    uint16_t sum = pseudo_sum(&packets[0], (uint32_t) (t->size - t->l4));
    bytes[at] = (uint8_t) (sum >> 8);
    bytes[at + 1] = (uint8_t) sum;
    assert_int_equal(decode_bytes(d, bytes, t->size), 1);
    assert_int_equal(packets[0].is_checksum_bad, is_icmp);
    assert_int_equal(decoder_counters(d)->offloaded_checksums, is_icmp ? 0 : 1);
    assert_int_equal(decode_bytes(all, bytes, t->size), 1);
    assert_true(packets[0].is_checksum_bad);
    assert_int_equal(decoder_counters(all)->offloaded_checksums, 0);

    for (unsigned bit = 0; bit < 16; bit++) {
        bytes[at + bit / 8] ^= (uint8_t) (1 << bit % 8);
        assert_int_equal(decode_bytes(d, bytes, t->size), 1);
        assert_true(packets[0].is_checksum_bad);
        bytes[at + bit / 8] ^= (uint8_t) (1 << bit % 8);
    }
    decoder_destroy(d);
    decoder_destroy(all);
}

static void a_udp_checksum_of_zero_is_not_bad(void **state)
{
    struct decoder *d = make_decoder(DECODE_CHECKSUMS_ALL);
    uint8_t bytes[sizeof good_udp4];

    (void) state;
    memcpy(bytes, good_udp4, sizeof bytes);
    bytes[26] = bytes[27] = 0;
    assert_int_equal(decode_bytes(d, bytes, sizeof bytes), 1);
    assert_false(packets[0].is_checksum_bad);
    decoder_destroy(d);
}

static void padding_is_no_part_of_size_or_checksum(void **state)
{
    struct decoder *d = make_decoder(DECODE_CHECKSUMS_ALL);
    uint8_t bytes[64 + 32] = { 0 };

    (void) state;
    for (size_t i = 0; i < sizeof checksum_cases / sizeof checksum_cases[0]; i++) {
        const struct checksum_case *t = &checksum_cases[i];

        memcpy(bytes, t->bytes, t->size);
        memset(bytes + t->size, 0x77, sizeof bytes - t->size);
        assert_int_equal(decode_bytes(d, bytes, sizeof bytes), 1);
        assert_int_equal(packets[0].size, t->size);
        assert_false(packets[0].is_checksum_bad);
    }
    decoder_destroy(d);
}

static void hardware_vouches_for_the_outermost_packet_alone(void **state)
{
    struct decoder *d = make_decoder(DECODE_CHECKSUMS_ALL);
    static const uint8_t bytes[] = { IPV4(60, 4), IPV4(40, 6), TCP };
    struct frame f = frame_of(bytes, sizeof bytes, LINK_RAW);

    (void) state;
    f.checksum_known_good = true;
    assert_int_equal(decode_frame(d, &f, packets), 2);
    assert_false(packets[0].is_checksum_bad);
    assert_true(packets[1].is_checksum_bad);
    assert_int_equal(decoder_counters(d)->bad_checksums, 1);
    decoder_destroy(d);
}

/* ---- Sharing out ---- */

static uint32_t hash_of(uint16_t link_type, const uint8_t *bytes, size_t size)
{
    struct frame f = frame_of(bytes, size, link_type);
    return decode_address_pair_hash(&f);
}

#define THERE 10, 0, 0, 1, 10, 0, 0, 2
#define BACK 10, 0, 0, 2, 10, 0, 0, 1
#define OTHER 10, 0, 0, 1, 10, 0, 0, 3
#define HEAD IPV4_HEAD(5, 20, 1, 0, 6)

static void both_directions_and_all_link_types_share_a_hash(void **state)
{
    const struct {
        uint16_t link_type;
        const uint8_t *bytes;
        size_t size;
    } same[] = {
        { LINK_RAW, BYTES(IPV4_HEAD(5, 20, 2, 0, 17), BACK) },
        { LINK_RAW, BYTES(IPV4_HEAD(5, 20, 1, 0x2010, 6), THERE) },     /* A fragment. */
        { LINK_ETHERNET,
          BYTES(ETH(0x88a8), VLAN(1, 0x8100), VLAN(2, 0x0800), HEAD, BACK) },
        { LINK_ETHERNET,
          BYTES(ETH(0x8847), 0, 6, 0x40, 64, 0, 6, 0x51, 64, HEAD, BACK) },
        { LINK_ETHERNET,
          BYTES(ETH(0x8864), 0x11, 0, 0, 1, 0, 22, 0, 0x21, HEAD, THERE) },
        { LINK_LINUX_SLL, BYTES(ZEROS8, ZEROS4, 0, 0, 8, 0, HEAD, THERE) },
        { LINK_LINUX_SLL2, BYTES(8, 0, ZEROS16, 0, 0, HEAD, BACK) },
        { LINK_NULL, BYTES(2, 0, 0, 0, HEAD, THERE) },
        { LINK_PPP, BYTES(0xff, 3, 0, 0x21, HEAD, THERE) },
        { LINK_CISCO_HDLC, BYTES(0x0f, 0, 8, 0, HEAD, THERE) },
    };
    uint32_t h = hash_of(LINK_RAW, BYTES(HEAD, THERE));

    (void) state;
    assert_int_not_equal(h, 0);
    assert_int_not_equal(h, hash_of(LINK_RAW, BYTES(HEAD, OTHER)));
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        assert_int_equal(h, hash_of(same[i].link_type, same[i].bytes, same[i].size));
    }
}

static void icmp_errors_about_several_flows_have_the_hash_of_their_own_addresses(void **state)
{
    static const uint8_t there[] = {
        IPV4_HEAD(5, 48, 1, 0, 1), 10, 9, 9, 9, 10, 0, 0, 1, ICMP(11, 0), HEAD, THERE,
    };
    static const uint8_t other[] = {
        IPV4_HEAD(5, 48, 1, 0, 1), 10, 9, 9, 9, 10, 0, 0, 1, ICMP(11, 0), HEAD, OTHER,
    };

    (void) state;
    assert_int_equal(hash_of(LINK_RAW, there, sizeof there),
                     hash_of(LINK_RAW, other, sizeof other));
}

static void ipv6_has_a_hash_and_no_ip_has_none(void **state)
{
    static const uint8_t there[] = {
        0x60, 0, 0, 0, 0, 0, 59, 1, IPV6_HOST(1), IPV6_HOST(2),
    };
    static const uint8_t back[] = {
        0x60, 0, 0, 0, 0, 0, 6, 9, IPV6_HOST(2), IPV6_HOST(1),
    };
    uint32_t h = hash_of(LINK_RAW, there, sizeof there);

    (void) state;
    assert_int_not_equal(h, 0);
    assert_int_equal(h, hash_of(LINK_RAW, back, sizeof back));
    assert_int_equal(hash_of(LINK_ETHERNET, BYTES(ETH(0x0806), ZEROS16, ZEROS16)), 0);
    assert_int_equal(hash_of(LINK_ETHERNET, NULL, 0), 0);
}

/* ---- Configuration and names ---- */

static void defaults_of_the_table_and_of_the_struct_agree(void **state)
{
    struct decode_conf conf;

    (void) state;
    decode_conf_defaults(&conf);
    for (size_t i = 0; i < decode_conf_section.n_keys; i++) {
        const struct conf_key *k = &decode_conf_section.keys[i];
        const char *at = (const char *) &conf + k->offset;

        if (k->kind == CONF_TEXTS) {
            const struct conf_texts *texts = (const void *) at;
            assert_int_equal(texts->n, 1);
            assert_string_equal(texts->texts[0], k->def);
        }
    }
    assert_int_equal(conf.defrag_memory, 32u << 20);
    assert_int_equal(conf.defrag_timeout, 60000000000ull);
    assert_int_equal(conf.checksums, DECODE_CHECKSUMS_AUTO);
}

static void a_port_that_is_none_is_reported(void **state)
{
    static char a[] = "4789", b[] = "0", c[] = "65536", e[] = "80x", f[] = "-1";
    char *ports[] = { a, b, c, e, f };
    struct decode_conf conf;
    struct diag diag;

    (void) state;
    decode_conf_defaults(&conf);
    diag_init(&diag);
    assert_true(decode_conf_check(&conf, &diag));
    conf.vxlan_ports = (struct conf_texts) { 5, ports };
    assert_false(decode_conf_check(&conf, &diag));
    assert_int_equal(diag.n_errors, 4);
    diag_fini(&diag);
}

static void each_event_is_found_by_its_name(void **state)
{
    (void) state;
    for (unsigned i = 0; i < DECODE_N_EVENTS; i++) {
        const char *name = decode_event_name(i);
        assert_int_equal(decode_event_by_name(name, strlen(name)), i);
    }
    assert_int_equal(decode_event_by_name("decoder.ipv4.trunc_pkt", 22),
                     DECODE_IPV4_TRUNC_PKT);
    assert_int_equal(decode_event_by_name("ipv4.trunc_pk", 13), DECODE_N_EVENTS);
    assert_string_equal(decode_event_name(DECODE_N_EVENTS), "unknown");
}

int main(void)
{
    enum { N = sizeof checksum_cases / sizeof checksum_cases[0] };
    struct CMUnitTest tests[2 * N + 16] = {
        cmocka_unit_test(ipv4_fields_are_read),
        cmocka_unit_test(ipv6_fields_are_read),
        cmocka_unit_test(tcp_fields_and_options_are_read),
        cmocka_unit_test(icmp_fields_are_read),
        cmocka_unit_test(tunnels_within_tunnels_come_to_an_end),
        cmocka_unit_test(events_past_the_table_are_still_counted),
        cmocka_unit_test(counters_agree_with_what_was_decoded),
        cmocka_unit_test(a_udp_checksum_of_zero_is_not_bad),
        cmocka_unit_test(padding_is_no_part_of_size_or_checksum),
        cmocka_unit_test(hardware_vouches_for_the_outermost_packet_alone),
        cmocka_unit_test(both_directions_and_all_link_types_share_a_hash),
        cmocka_unit_test(icmp_errors_about_several_flows_have_the_hash_of_their_own_addresses),
        cmocka_unit_test(ipv6_has_a_hash_and_no_ip_has_none),
        cmocka_unit_test(defaults_of_the_table_and_of_the_struct_agree),
        cmocka_unit_test(a_port_that_is_none_is_reported),
        cmocka_unit_test(each_event_is_found_by_its_name),
    };
    size_t n = 16;

    for (size_t i = 0; i < N; i++) {
        tests[n++] = (struct CMUnitTest) {
            .name = checksum_cases[i].name,
            .test_func = each_changed_bit_makes_a_checksum_bad,
            .initial_state = (void *) &checksum_cases[i],
        };
        tests[n++] = (struct CMUnitTest) {
            .name = "left to hardware: offloaded checksum",
            .test_func = a_checksum_left_to_hardware_is_not_bad_unless_all_are_asked_for,
            .initial_state = (void *) &checksum_cases[i],
        };
    }
    return _cmocka_run_group_tests("decode_fields", tests, n, NULL, NULL);
}
