/* Which flow a packet is of, and what the table keeps of it. */
#include "tests/unit/flow/table.h"

static void both_directions_find_one_flow(void **state)
{
    static const struct {
        uint8_t proto;
        const char *a, *b;
        uint16_t a_port, b_port;
    } cases[] = {
        { IP_PROTO_TCP, "10.0.0.1", "10.0.0.2", 1234, 80 },
        { IP_PROTO_TCP, "10.0.0.2", "10.0.0.1", 1234, 80 },
        { IP_PROTO_UDP, "10.0.0.1", "10.0.0.2", 53, 53 },
        { IP_PROTO_SCTP, "10.0.0.1", "10.0.0.2", 7, 9 },
        { IP_PROTO_TCP, "2001:db8::1", "2001:db8::2", 1234, 443 },
        { IP_PROTO_UDP, "2001:db8:0:0:1::", "2001:db8::", 1, 2 },
        { IP_PROTO_GRE, "192.0.2.1", "192.0.2.2", 0, 0 },
        { IP_PROTO_ESP, "2001:db8::1", "2001:db8::2", 0, 0 },
    };
    struct flow_conf conf = conf_of(false);

    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct flow_table *t = make_table(&conf, NULL);
        enum direction dir = N_DIRECTIONS;
        struct packet there = packet_of(cases[i].proto, cases[i].a, cases[i].a_port,
                                        cases[i].b, cases[i].b_port, START);
        struct packet back = packet_of(cases[i].proto, cases[i].b, cases[i].b_port,
                                       cases[i].a, cases[i].a_port, START + 1);

        struct flow *f = feed(t, there, &dir);
        assert_int_equal(dir, TO_SERVER);
        assert_int_equal(f->state, FLOW_NEW);
        assert_ptr_equal(feed(t, back, &dir), f);
        assert_int_equal(dir, TO_CLIENT);
        assert_ptr_equal(flow_table_find(t, &back, &dir), f);
        assert_int_equal(dir, TO_CLIENT);
        assert_int_equal(f->state,
                         cases[i].proto == IP_PROTO_TCP ? FLOW_NEW : FLOW_ESTABLISHED);
        assert_int_equal(f->sides[TO_SERVER].packets, 1);
        assert_int_equal(f->sides[TO_CLIENT].packets, 1);
        assert_int_equal(t->counters.made, 1);
        check_table(t);
        flow_table_destroy(t);
    }
}

/* Changes one thing in a packet at a time. */
static void what_the_key_holds_separates_flows(void **state)
{
    struct flow_conf conf = conf_of(false);
    struct flow_table *t = make_table(&conf, NULL);
    struct packet base = packet_of(IP_PROTO_UDP, "10.0.0.1", 1, "10.0.0.2", 2, START);
    struct packet outer = packet_of(IP_PROTO_UDP, "1.1.1.1", 9, "2.2.2.2", 4789, START);
    struct packet elsewhere = packet_of(IP_PROTO_UDP, "1.1.1.1", 9, "2.2.2.3", 4789, START);
    struct packet nested = packet_of(IP_PROTO_IPIP, "3.3.3.3", 0, "4.4.4.4", 0, START);
    struct packet piece = packet_of(IP_PROTO_UDP, "10.0.0.1", 1, "10.0.0.2", 2, START);

    (void) state;
    piece.is_fragment = true;
    nested.outer = &outer;
    struct packet others[14];
    size_t n = 0;
    for (size_t i = 0; i < 14; i++) {
        others[i] = base;
    }
    others[n++].sport = 3;
    others[n++].dport = 3;
    others[n++].ip_proto = IP_PROTO_TCP;
    others[n++].src = ip_of("10.0.0.3");
    others[n++].dst = ip_of("10.0.0.3");
    others[n].n_vlans = 1;
    others[n++].vlans[0] = 10;
    others[n].n_vlans = 1;
    others[n++].vlans[0] = 11;
    others[n].n_vlans = 2;
    others[n].vlans[0] = 10;
    others[n++].vlans[1] = 11;
    others[n++].outer = &outer;
    others[n].outer = &outer;
    others[n++].vni = 7;
    others[n++].outer = &elsewhere;
    others[n++].outer = &nested;

    struct flow *first = feed(t, base, NULL);
    for (size_t i = 0; i < n; i++) {
        struct flow *f = feed(t, others[i], NULL);
        assert_ptr_not_equal(f, first);
        assert_int_not_equal(f->id, first->id);
        assert_ptr_equal(feed(t, others[i], NULL), f);
        check_table(t);
    }
    assert_int_equal(t->counters.made, n + 1);

    /* A third VLAN tag, and the fragment that a datagram was made of, do not count. */
    struct packet same = others[7];
    same.n_vlans = 3;
    same.vlans[2] = 12;
    feed(t, same, NULL);
    same = base;
    same.outer = &piece;
    assert_ptr_equal(feed(t, same, NULL), first);
    assert_int_equal(t->counters.made, n + 1);
    flow_table_destroy(t);
}

/* Frames are shared out by the outermost address pair: all that differs there may meet
 * another worker, so it is another flow with one worker, too. */
static void an_inner_flow_is_told_by_the_ends_of_its_tunnel(void **state)
{
    static const struct {
        const char *src, *dst;
        uint16_t sport;
        bool is_same;
    } cases[] = {
        { "192.0.2.1", "192.0.2.2", 7000, true },
        { "192.0.2.2", "192.0.2.1", 7000, true },       /* The other way. */
        { "192.0.2.1", "192.0.2.2", 7001, true },       /* VXLAN's port is a hash. */
        { "192.0.2.1", "192.0.2.3", 7000, false },
        { "192.0.2.3", "192.0.2.2", 7000, false },
        { "192.0.2.1", "192.0.2.1", 7000, false },
        { "2001:db8::1", "2001:db8::2", 7000, false },
    };
    struct flow_conf conf = conf_of(false);
    char ids[2][COMMUNITY_ID_SIZE];

    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct flow_table *t = make_table(&conf, NULL);
        struct packet outer = packet_of(IP_PROTO_UDP, "192.0.2.1", 7000, "192.0.2.2", 4789,
                                        START);
        struct packet other = packet_of(IP_PROTO_UDP, cases[i].src, cases[i].sport,
                                        cases[i].dst, 4789, START);
        struct packet there = packet_of(IP_PROTO_TCP, "10.0.0.1", 1, "10.0.0.2", 2, START);
        struct packet back = packet_of(IP_PROTO_TCP, "10.0.0.2", 2, "10.0.0.1", 1, START);

        there.outer = &outer;
        back.outer = &other;
        struct flow *f = feed(t, there, NULL);
        struct flow *g = feed(t, back, NULL);
        assert_int_equal(f == g, cases[i].is_same);
        assert_int_equal(f->id == g->id, cases[i].is_same);
        /* What is within is the same conversation: so says the community id. */
        flow_community_id(&f->key, 0, ids[0]);
        flow_community_id(&g->key, 0, ids[1]);
        assert_string_equal(ids[0], ids[1]);
        check_table(t);
        flow_table_destroy(t);
    }
}

static void packets_without_flow_are_counted(void **state)
{
    struct flow_conf conf = conf_of(false);
    struct flow_table *t = make_table(&conf, NULL);
    struct packet p = packet_of(IP_PROTO_UDP, "10.0.0.1", 1, "10.0.0.2", 2, START);
    struct packet no_ip = p, fragment = p, no_header = p;
    enum direction dir;

    (void) state;
    no_ip.src.version = 0;
    fragment.is_fragment = true;
    no_header.l4 = LAYER_ABSENT;
    assert_null(feed(t, no_ip, NULL));
    assert_null(feed(t, fragment, NULL));
    assert_null(feed(t, no_header, NULL));
    assert_null(flow_table_find(t, &p, &dir));
    assert_null(flow_table_find(t, &no_ip, &dir));
    assert_int_equal(t->counters.without_flow, 3);
    assert_int_equal(t->counters.made, 0);
    no_header.ip_proto = IP_PROTO_ESP;
    assert_non_null(feed(t, no_header, NULL));
    flow_table_destroy(t);
}

static void icmp_requests_and_replies_share_a_flow(void **state)
{
    static const struct {
        uint8_t proto, type, back_type;
        bool is_same;
    } cases[] = {
        { IP_PROTO_ICMP, 8, 0, true },      { IP_PROTO_ICMP, 0, 8, true },
        { IP_PROTO_ICMP, 13, 14, true },    { IP_PROTO_ICMP, 17, 18, true },
        { IP_PROTO_ICMP, 8, 8, false },     { IP_PROTO_ICMP, 3, 3, false },
        { IP_PROTO_ICMP, 8, 14, false },    { IP_PROTO_ICMP, 8, 3, false },
        { IP_PROTO_ICMPV6, 128, 129, true }, { IP_PROTO_ICMPV6, 135, 136, true },
        { IP_PROTO_ICMPV6, 1, 1, false },   { IP_PROTO_ICMPV6, 128, 1, false },
    };
    struct flow_conf conf = conf_of(false);

    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct flow_table *t = make_table(&conf, NULL);
        uint8_t proto = cases[i].proto;
        const char *a = proto == IP_PROTO_ICMP ? "10.0.0.1" : "fe80::1";
        const char *b = proto == IP_PROTO_ICMP ? "10.0.0.2" : "fe80::2";
        enum direction dir = N_DIRECTIONS;
        struct flow *f = feed(t, icmp_of(proto, a, b, cases[i].type, 0, START), &dir);

        assert_int_equal(dir, TO_SERVER);
        assert_int_equal(f->key.icmp_type, cases[i].type);
        /* The same direction and type again, whatever the code. */
        assert_ptr_equal(feed(t, icmp_of(proto, a, b, cases[i].type, 9, START), NULL), f);
        struct flow *back =
            feed(t, icmp_of(proto, b, a, cases[i].back_type, 0, START), &dir);
        assert_int_equal(back == f, cases[i].is_same);
        assert_int_equal(dir, cases[i].is_same ? TO_CLIENT : TO_SERVER);
        assert_int_equal(f->state, cases[i].is_same ? FLOW_ESTABLISHED : FLOW_NEW);
        check_table(t);
        flow_table_destroy(t);
    }
}

static void sides_count_packets_bytes_flags_and_ttls(void **state)
{
    struct flow_conf conf = conf_of(false);
    struct flow_table *t = make_table(&conf, NULL);
    uint8_t frame_bytes[64] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0 };
    struct frame frame = { .bytes = frame_bytes, .size = 64, .number = 17 };
    struct packet p = tcp_of("10.0.0.1", 1, "10.0.0.2", 2, TCP_SYN, 1, START);

    (void) state;
    p.bytes = frame_bytes;
    p.size = 54;                /* 10 bytes of padding behind it. */
    p.eth = 0;
    p.frame = &frame;
    struct flow *f = feed(t, p, NULL);
    assert_memory_equal(f->src_mac, frame_bytes + 6, 6);
    assert_memory_equal(f->dst_mac, frame_bytes, 6);
    assert_int_equal(f->first_number, 17);
    assert_int_equal(f->sides[TO_SERVER].bytes, 64);
    p.ttl = 10;
    p.tcp.flags = TCP_ACK;
    p.source = PACKET_FROM_DEFRAG;
    feed(t, p, NULL);
    p.ttl = 20;
    feed(t, p, NULL);
    assert_int_equal(f->sides[TO_SERVER].packets, 3);
    assert_int_equal(f->sides[TO_SERVER].bytes, 64 + 54 + 54);
    assert_int_equal(f->sides[TO_SERVER].tcp_flags, TCP_SYN | TCP_ACK);
    assert_int_equal(f->sides[TO_SERVER].min_ttl, 10);
    assert_int_equal(f->sides[TO_SERVER].max_ttl, 64);
    assert_int_equal(f->sides[TO_CLIENT].packets, 0);
    flow_table_destroy(t);
}

static void equal_endpoints_count_to_the_server(void **state)
{
    struct flow_conf conf = conf_of(false);
    struct flow_table *t = make_table(&conf, NULL);
    struct packet p = packet_of(IP_PROTO_UDP, "10.0.0.1", 5, "10.0.0.1", 5, START);
    enum direction dir = N_DIRECTIONS;

    (void) state;
    struct flow *f = feed(t, p, &dir);
    assert_ptr_equal(feed(t, p, &dir), f);
    assert_int_equal(dir, TO_SERVER);
    assert_int_equal(f->sides[TO_SERVER].packets, 2);
    flow_table_destroy(t);
}

static void swapped_flows_turn_their_directions(void **state)
{
    struct flow_conf conf = conf_of(false);
    struct flow_table *t = make_table(&conf, NULL);
    struct packet p = tcp_of("10.0.0.1", 80, "10.0.0.2", 999, TCP_SYN | TCP_ACK, 1,
                             START);
    enum direction dir = N_DIRECTIONS;

    (void) state;
    struct flow *f = feed(t, p, &dir);
    assert_int_equal(dir, TO_SERVER);
    f->is_swapped = true;
    assert_ptr_equal(feed(t, p, &dir), f);
    assert_int_equal(dir, TO_CLIENT);
    flow_table_destroy(t);
}

static void ids_are_stable_and_fit_in_json(void **state)
{
    struct flow_conf conf = conf_of(false);
    struct flow_table *a = make_table(&conf, NULL);
    struct flow_table *b = flow_table_create(&conf, hash_seed_random(), NULL, NULL);
    uint64_t seen[200];

    (void) state;
    for (uint16_t i = 0; i < 200; i++) {
        struct packet p = packet_of(IP_PROTO_UDP, "10.0.0.1", i, "10.0.0.2", 53,
                                    START + i);
        seen[i] = feed(a, p, NULL)->id;
        assert_int_equal(feed(b, p, NULL)->id, seen[i]);
        assert_in_range(seen[i], 1, (1ull << 51) - 1);
        for (uint16_t j = 0; j < i; j++) {
            assert_int_not_equal(seen[i], seen[j]);
        }
    }
    /* Written down so that a change of the hash is noticed. */
    struct flow_key key = { .src = ip_of("10.0.0.1"), .dst = ip_of("10.0.0.2"),
                            .sport = 1, .dport = 2, .ip_proto = IP_PROTO_TCP };
    assert_int_equal(flow_key_id(&key, START), 0x6249df1e9eba9);
    flow_table_destroy(a);
    flow_table_destroy(b);
}

static void the_defaults_are_read_from_the_table_of_keys(void **state)
{
    struct flow_conf conf, expected = conf_of(true);
    struct conf_node *root = conf_tree_new();
    struct diag diag;

    (void) state;
    diag_init(&diag);
    assert_true(conf_tree_set(root, "flow.timeouts.tcp.new=2m", &diag));
    assert_true(conf_read_section(root, &flow_conf_section, &conf, &diag));
    expected.tcp_new = SECONDS(120);
    expected.memory = 128u << 20;
    expected.classify_memory = 256u << 20;
    assert_int_equal(conf.memory, expected.memory);
    assert_int_equal(conf.tcp_new, expected.tcp_new);
    assert_int_equal(conf.tcp_established, expected.tcp_established);
    assert_int_equal(conf.tcp_closed, expected.tcp_closed);
    assert_int_equal(conf.udp_new, expected.udp_new);
    assert_int_equal(conf.udp_established, expected.udp_established);
    assert_int_equal(conf.icmp_new, expected.icmp_new);
    assert_int_equal(conf.icmp_established, expected.icmp_established);
    assert_int_equal(conf.other_new, expected.other_new);
    assert_int_equal(conf.other_established, expected.other_established);
    assert_true(conf.classify);
    assert_int_equal(conf.classify_memory, expected.classify_memory);
    assert_int_equal(conf.classify_tcp_packets, 80);
    assert_int_equal(conf.classify_udp_packets, 24);
    assert_int_equal(conf.community_id_seed, 0);
    assert_true(conf_tree_set(root, "flow.memory=1kb", &diag));
    assert_false(conf_read_section(root, &flow_conf_section, &conf, &diag));
    conf_tree_free(root);
    diag_fini(&diag);
}

/* As the pipeline does it: for packets of flows that there are not yet, that there are, and of
 * none at all. */
static void looking_ahead_changes_nothing(void **state)
{
    struct flow_conf conf = conf_of(false);
    struct ends ends = { 0 };
    struct flow_table *t = make_table(&conf, &ends);
    struct packet fragment = packet_of(IP_PROTO_UDP, "10.0.0.1", 0, "10.0.0.2", 0, START);
    struct flow *flows[2] = { NULL, NULL };
    enum direction dir;

    (void) state;
    fragment.is_fragment = true;
    for (unsigned step = 0; step < 40; step++) {
        struct packet p = packet_of(IP_PROTO_UDP, step % 4 < 2 ? "10.0.0.1" : "10.0.0.2",
                                    (uint16_t) (step % 2), "10.0.0.3", 7, START + step);
        struct packet *ahead[] = { &p, &fragment };
        for (size_t i = 0; i < 2; i++) {
            flow_table_foresee(t, ahead[i]);
            flow_table_fetch(t, ahead[i]);
            flow_table_fetch_state(t, ahead[i]);
        }
        assert_int_equal(fragment.flow_hash, 0);
        assert_int_equal(t->counters.made, step < 4 ? step : 4);
        struct flow *f = flow_table_packet(t, &p, &dir);
        assert_non_null(f);
        assert_int_equal(f->hash, p.flow_hash);
        assert_true(step < 4 || f->sides[TO_SERVER].packets == step / 4 + 1);
        flows[step % 2] = f;
        check_table(t);
    }
    assert_ptr_not_equal(flows[0], flows[1]);
    assert_int_equal(t->counters.without_flow, 0);
    flow_table_destroy(t);
}

static uint64_t next_random(uint64_t *x)
{
    *x += 0x9e3779b97f4a7c15ull;
    return hash_mix(*x);
}

/* Random packets, states, times and expiries against a table that is too small. */
static void long_random_sequences_keep_the_table_consistent(void **state)
{
    static const uint8_t protos[] = { IP_PROTO_TCP, IP_PROTO_UDP, IP_PROTO_ICMP,
                                      IP_PROTO_GRE, IP_PROTO_ICMPV6 };
    struct flow_conf conf = conf_of(false);

    (void) state;
    conf.memory = 8000;
    for (uint64_t run = 0; run < 4; run++) {
        struct ends ends = { 0 };
        struct flow_table *t = make_table(&conf, &ends);
        uint64_t random = run, now = START, clock = START;
        for (unsigned step = 0; step < 3000; step++) {
            uint64_t r = next_random(&random);
            char src[16], dst[16];
            snprintf(src, sizeof src, "10.0.0.%u", (unsigned) (r & 1));
            snprintf(dst, sizeof dst, "10.0.0.%u", (unsigned) (r >> 2 & 1));
            struct packet p = packet_of(protos[(r >> 8 & 0xff) % 5], src,
                                        (uint16_t) (r >> 16 & 1), dst,
                                        (uint16_t) (r >> 18 & 1), now);
            if (p.ip_proto == IP_PROTO_ICMP || p.ip_proto == IP_PROTO_ICMPV6) {
                p.icmp.type = (uint8_t) (r >> 20 & 0x8f);
            } else {
                p.tcp.flags = (uint8_t) (r >> 20);
                p.tcp.seq = (uint32_t) (r >> 60);
            }
            now += r >> 32 & 0xffffffff;
            now -= (r >> 30 & 3) == 0 ? SECONDS(2) : 0;
            clock = p.time_ns > clock ? p.time_ns : clock;
            struct flow *f = feed_at(t, p, clock, NULL);
            assert_non_null(f);
            struct flow_key key;
            assert_true(flow_key_of_packet(&p, &key));
            assert_true(flow_key_match(&f->key, &key));
            assert_true(flow_key_fits(&f->key, &p));
            assert_int_equal(flow_packet_hash(&p, t->seed), f->hash);
            assert_int_equal(flow_key_hash(&key, t->seed), f->hash);
            p.vlans[p.n_vlans++] = 3;
            assert_false(flow_key_fits(&f->key, &p));
            if ((r & 0x30) == 0) {
                f->state = (enum flow_state) (r >> 40 & 3);
            }
            check_table(t);
            if ((r & 0x700) == 0) {
                flow_table_expire(t, clock, r >> 50 & 7);
                check_table(t);
            }
        }
        assert_true(t->counters.ended[FLOW_END_EVICTED] > 0);
        assert_true(t->counters.ended[FLOW_END_TIMEOUT] > 0);
        assert_true(t->counters.ended[FLOW_END_TCP_REUSE] > 0);
        uint64_t made = t->counters.made;
        flow_table_end_all(t);
        check_table(t);
        assert_int_equal(ends.n, made);
        flow_table_destroy(t);
    }
}

/* The flows of two disjoint sets of packets are the same in one table and in two, however
 * often each is told to expire, and whatever time of day the packets say that it is. */
static void flows_do_not_depend_on_their_neighbours(void **state)
{
    struct flow_conf conf = conf_of(false);
    static struct ends both, apart[2];
    uint64_t random = 7, clock = 0;

    (void) state;
    memset(&both, 0, sizeof both);
    memset(apart, 0, sizeof apart);
    struct flow_table *one = make_table(&conf, &both);
    struct flow_table *two[2] = { make_table(&conf, &apart[0]),
                                  make_table(&conf, &apart[1]) };
    for (unsigned step = 0; step < 150; step++) {
        uint64_t r = next_random(&random);
        unsigned which = (unsigned) (r & 1);
        struct packet p = packet_of(IP_PROTO_UDP, which ? "10.0.0.1" : "10.0.1.1",
                                    (uint16_t) (r >> 1 & 3), "10.0.0.2", 9,
                                    START + clock - (step >= 50 ? SECONDS(86400) : 0));
        clock += SECONDS(r >> 8 & 15);
        feed_at(one, p, clock, NULL);
        feed_at(two[which], p, clock, NULL);
        if (step % 3 == 0) {
            flow_table_expire(one, clock, 2);
        }
    }
    flow_table_expire(one, clock, 0);
    flow_table_destroy(one);
    for (unsigned i = 0; i < 2; i++) {
        flow_table_expire(two[i], clock, 0);
        flow_table_destroy(two[i]);
    }
    assert_int_equal(both.n, apart[0].n + apart[1].n);
    assert_in_range(both.n, 20, 255);
    for (size_t i = 0; i < both.n; i++) {
        bool found = false;
        for (unsigned k = 0; k < 2; k++) {
            for (size_t j = 0; j < apart[k].n; j++) {
                found |= apart[k].ends[j].id == both.ends[i].id
                         && apart[k].ends[j].reason == both.ends[i].reason;
            }
        }
        assert_true(found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_directions_find_one_flow),
        cmocka_unit_test(what_the_key_holds_separates_flows),
        cmocka_unit_test(an_inner_flow_is_told_by_the_ends_of_its_tunnel),
        cmocka_unit_test(packets_without_flow_are_counted),
        cmocka_unit_test(icmp_requests_and_replies_share_a_flow),
        cmocka_unit_test(sides_count_packets_bytes_flags_and_ttls),
        cmocka_unit_test(equal_endpoints_count_to_the_server),
        cmocka_unit_test(swapped_flows_turn_their_directions),
        cmocka_unit_test(ids_are_stable_and_fit_in_json),
        cmocka_unit_test(the_defaults_are_read_from_the_table_of_keys),
        cmocka_unit_test(looking_ahead_changes_nothing),
        cmocka_unit_test(long_random_sequences_keep_the_table_consistent),
        cmocka_unit_test(flows_do_not_depend_on_their_neighbours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
