/* Rules as text, an engine, one worker, one flow, and packets made by hand: shared by the
 * tests of detect/.  What a packet raised is told as a text of sids: "1 3s 7t" (s: in the
 * stream, t: of a transaction). */
#ifndef CIVICSHIELD_TESTS_DETECT_WORLD_H
#define CIVICSHIELD_TESTS_DETECT_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rules/lang/lang.h"
#include "sensor/decode/events.h"
#include "sensor/detect/detect.h"

struct world {
    struct rules_conf rules_conf;
    struct ruleset *set;
    struct detect_conf conf;
    struct detect_engine *engine;
    struct detect_worker *worker;
    struct host_table *hosts;
    struct app_conf app_conf;
    struct app_engine *apps;
    struct flow flow;
    uint64_t now_ns;
    struct stream_engine *streams;
    uint32_t seq[N_DIRECTIONS]; /* Of the next byte that a side sends. */
    struct packet packet;
    char sids[512];
};

static void world_tx_end(void *context, struct app_tx *tx)
{
    detect_tx_end(((struct world *) context)->worker, tx);
}

static inline void world_conf(const struct conf_section *section, void *out)
{
    struct conf_node *empty = conf_tree_new();
    struct diag diag;

    diag_init(&diag);
    assert_true(conf_read_section(empty, section, out, &diag));
    conf_tree_free(empty);
    diag_fini(&diag);
}

static inline struct detect_engine *world_engine(struct world *w, const char *rules,
                                                 size_t *n_errors)
{
    struct diag diag;

    diag_init(&diag);
    w->set = ruleset_parse(&w->rules_conf, "test.rules", rules, strlen(rules), &diag);
    if (diag.n_errors > 0 && n_errors == NULL) {
        diag_print(&diag, stderr);
        fail_msg("the rules do not compile");
    }
    struct detect_engine *e = detect_engine_create(w->set, &w->conf, &diag);

    if (diag.n_errors > 0 && n_errors == NULL) {
        diag_print(&diag, stderr);
        fail_msg("the engine refuses the rules");
    }
    if (n_errors != NULL) {
        *n_errors = diag.n_errors;
    }
    diag_fini(&diag);
    return e;
}

static void world_sink(void *context, struct flow *flow, const struct packet *p,
                       const struct stream_data *data)
{
    app_stream(((struct world *) context)->apps, flow, p, data);
}

/* A TCP packet of the flow through reassembly. */
static inline struct stream_result world_reassemble(struct world *w, struct packet *p,
                                                    enum direction dir, uint8_t flags)
{
    bool is_syn = (flags & TCP_SYN) != 0;

    p->l4 = 0;
    p->tcp.flags = flags;
    p->tcp.seq = w->seq[dir];
    p->tcp.ack = (flags & TCP_ACK) != 0 ? w->seq[direction_reverse(dir)] : 0;
    p->tcp.window = UINT16_MAX;
    p->tcp.wscale = 0xff;
    w->seq[dir] += p->payload_size + is_syn;
    w->flow.sides[dir].packets++;
    return stream_packet(w->streams, &w->flow, dir, p);
}

static inline void world_shake_hands(struct world *w)
{
    static const uint8_t flags[] = { TCP_SYN, TCP_SYN | TCP_ACK, TCP_ACK };

    for (unsigned i = 0; i < 3; i++) {
        struct packet p = { .ip_proto = IP_PROTO_TCP, .payload = LAYER_ABSENT };

        world_reassemble(w, &p, i == 1 ? TO_CLIENT : TO_SERVER, flags[i]);
    }
    assert_int_equal(w->flow.tcp_state, TCP_STATE_ESTABLISHED);
}

static inline void world_flow(struct world *w, uint8_t ip_proto, uint16_t dport)
{
    static const uint8_t client[4] = { 192, 168, 1, 2 }, server[4] = { 93, 184, 216, 34 };

    stream_flow_end(w->streams, &w->flow);
    memset(&w->flow, 0, sizeof w->flow);
    memset(w->seq, 0, sizeof w->seq);
    w->flow.key.src = ip_v4(client);
    w->flow.key.dst = ip_v4(server);
    w->flow.key.sport = 40000;
    w->flow.key.dport = dport;
    w->flow.key.ip_proto = ip_proto;
    w->flow.state = FLOW_ESTABLISHED;
    w->flow.id = 1;
    if (ip_proto == IP_PROTO_TCP) {
        world_shake_hands(w);
    }
}

/* 'data' says what detect_data_section would; its paths are borrowed. */
static inline struct world *world_make(const char *rules, const struct detect_conf *data,
                                       bool waits_for_ack)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    rules_conf_init(&w->rules_conf);
    world_conf(&detect_conf_section, &w->conf);
    world_conf(&app_conf_section, &w->app_conf);
    if (data != NULL) {
        w->conf.reputation_categories = data->reputation_categories;
        w->conf.reputation_path = data->reputation_path;
        w->conf.reputation_files = data->reputation_files;
        w->conf.geoip_database = data->geoip_database;
    }
    w->engine = world_engine(w, rules, NULL);
    assert_non_null(w->engine);
    detect_engine_ask_files(w->engine, &w->app_conf);
    detect_engine_ask_frames(w->engine, &w->app_conf);
    w->hosts = host_table_create(1u << 20, hash_seed_fixed());
    w->worker = detect_worker_create(w->engine, w->hosts);
    assert_non_null(w->worker);
    w->apps = app_engine_create(&w->app_conf, world_tx_end, w);
    assert_non_null(w->apps);
    struct stream_conf stream_conf = {
        .wait_for_ack = waits_for_ack, .depth = 1u << 20, .memory = 8u << 20,
        .flow_memory = 4u << 20, .max_sessions = 16,
    };
    w->streams = stream_engine_create(&stream_conf, world_sink, w);
    assert_non_null(w->streams);
    w->now_ns = 1000000000000ull;
    world_flow(w, IP_PROTO_TCP, 80);
    return w;
}

/* Rules see what is sent with the packet that it came in. */
static inline struct world *world_new_data(const char *rules, const struct detect_conf *data)
{
    return world_make(rules, data, false);
}

static inline struct world *world_new(const char *rules)
{
    return world_make(rules, NULL, false);
}

/* ... with the one that acknowledges it. */
static inline struct world *world_new_acked(const char *rules)
{
    return world_make(rules, NULL, true);
}

static inline void world_end_flow(struct world *w)
{
    stream_flow_end(w->streams, &w->flow);
    app_flow_end(w->apps, &w->flow);
    detect_flow_end(w->worker, &w->flow);
}

static inline void world_free(struct world *w)
{
    world_end_flow(w);
    app_engine_destroy(w->apps);
    stream_engine_destroy(w->streams);
    detect_worker_destroy(w->worker);
    detect_engine_destroy(w->engine);
    host_table_destroy(w->hosts);
    ruleset_free(w->set);
    rules_conf_fini(&w->rules_conf);
    conf_free_section(&detect_conf_section, &w->conf);
    conf_free_section(&app_conf_section, &w->app_conf);
    free(w);
}

/* A packet of the flow with 'bytes' as payload, which stand in front of nothing else. */
static inline void world_packet(struct world *w, enum direction dir, const void *bytes,
                                size_t size)
{
    struct packet *p = &w->packet;
    const struct flow_key *k = &w->flow.key;

    memset(p, 0, sizeof *p);
    p->bytes = bytes;
    p->size = (uint32_t) size;
    p->time_ns = w->now_ns;
    p->eth = p->l3 = LAYER_ABSENT;
    p->payload_size = (uint32_t) size;
    p->ip_proto = k->ip_proto;
    p->ttl = 64;
    p->src = dir == TO_SERVER ? k->src : k->dst;
    p->dst = dir == TO_SERVER ? k->dst : k->src;
    p->sport = dir == TO_SERVER ? k->sport : k->dport;
    p->dport = dir == TO_SERVER ? k->dport : k->sport;
    if (k->ip_proto == IP_PROTO_TCP) {
        p->tcp.flags = TCP_ACK;
    }
    w->flow.last_ns = w->now_ns;
    w->now_ns += 1000000;
}

static inline const char *world_told(struct world *w)
{
    const struct detect_alert *alerts;
    size_t n = detect_alerts(w->worker, &alerts), at = 0;

    w->sids[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        at += (size_t) snprintf(w->sids + at, sizeof w->sids - at, "%s%u%s",
                                i == 0 ? "" : " ", alerts[i].rule->sid,
                                alerts[i].tx != NULL       ? "t"
                                : alerts[i].from_stream ? "s"
                                                        : "");
    }
    return w->sids;
}

/* A TCP segment whose bytes go through the stream (or, not 'in_stream', do not). */
static inline const char *world_segment(struct world *w, enum direction dir,
                                        const void *bytes, size_t size, bool in_stream)
{
    struct stream_result none = { .is_valid = true }, result = none;
    /* Exactly as large as its bytes, so that reading past the end is seen. */
    uint8_t *copy = malloc(size > 0 ? size : 1);

    assert_non_null(copy);
    memcpy(copy, bytes, size);
    world_packet(w, dir, copy, size);
    detect_begin(w->worker, &w->packet, &w->flow, dir, &none);
    if (in_stream) {
        result = world_reassemble(w, &w->packet, dir, TCP_ACK);
    }
    detect_set_stream_result(w->worker, dir, &result);
    detect_run(w->worker);
    world_told(w);
    app_release(w->apps, &w->flow);
    stream_settle(&w->flow, dir);
    free(copy);
    return w->sids;
}

static inline const char *world_tcp(struct world *w, enum direction dir, const char *text)
{
    return world_segment(w, dir, text, strlen(text), true);
}

/* A datagram. */
static inline const char *world_udp_bytes(struct world *w, enum direction dir,
                                          const void *bytes, size_t size)
{
    struct stream_result result = { .is_valid = true };
    uint8_t *copy = malloc(size > 0 ? size : 1);

    assert_non_null(copy);
    memcpy(copy, bytes, size);
    world_packet(w, dir, copy, size);
    detect_begin(w->worker, &w->packet, &w->flow, dir, &result);
    app_datagram(w->apps, &w->flow, &w->packet, dir);
    detect_run(w->worker);
    world_told(w);
    app_release(w->apps, &w->flow);
    free(copy);
    return w->sids;
}

static inline const char *world_udp(struct world *w, enum direction dir, const char *text)
{
    return world_udp_bytes(w, dir, text, strlen(text));
}

/* Feeds 'bytes' cut in two; 'all' is given the alerts of both pieces. */
static inline void feed_in_two(struct world *w, enum direction dir, const char *bytes, size_t size,
                        size_t cut, char *all, size_t all_size)
{
    size_t n = (size_t) snprintf(all, all_size, "%s ",
                                 world_segment(w, dir, bytes, cut, true));

    assert_true(n < all_size);
    snprintf(all + n, all_size - n, "%s",
             world_segment(w, dir, bytes + cut, size - cut, true));
}

#endif
