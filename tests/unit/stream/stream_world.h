/* A flow, an engine, and what its sink was given: shared by the tests of stream/. */
#ifndef CIVICSHIELD_TESTS_STREAM_WORLD_H
#define CIVICSHIELD_TESTS_STREAM_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sensor/stream/stream.h"
#include "sensor/stream/stream_private.h"

#define WORLD_MAX_BYTES 65536

struct received {
    uint8_t bytes[WORLD_MAX_BYTES];     /* Gaps are '?' bytes. */
    size_t size;
    unsigned n_calls, n_gaps, n_starts, n_ends, n_depths;
};

struct world {
    struct stream_engine *engine;
    struct flow flow;
    struct received got[N_DIRECTIONS];
    struct packet packet;
    struct stream_result result;
    bool stop_at_first;
    uint64_t now_ns;
};

static void world_sink(void *context, struct flow *flow, const struct packet *packet,
                       const struct stream_data *data)
{
    struct world *w = context;
    struct received *r = &w->got[data->dir];

    assert_int_equal(r->n_ends, 0);
    assert_int_equal(r->n_depths, 0);
    assert_int_equal(data->is_start, r->n_calls == 0);
    assert_int_equal(data->offset, r->size + data->gap);
    assert_true(r->size + data->gap + data->size <= WORLD_MAX_BYTES);
    memset(r->bytes + r->size, '?', data->gap);
    r->size += data->gap;
    if (data->size > 0) {
        memcpy(r->bytes + r->size, data->bytes, data->size);
    }
    r->size += data->size;
    r->n_calls++;
    r->n_gaps += data->gap > 0;
    r->n_starts += data->is_start;
    r->n_ends += data->is_end;
    r->n_depths += data->is_depth_reached;
    if (w->stop_at_first) {
        stream_stop(flow, data->dir);
    }
}

/* What is in order is handed on at once, so that a test of order needs no answers. */
static inline struct stream_conf world_conf(void)
{
    return (struct stream_conf) { .depth = 1u << 20, .memory = 8u << 20,
                                  .flow_memory = 4u << 20, .max_sessions = 16,
                                  .chunk_size = { 2560, 2560 } };
}

static inline struct world *world_new(const struct stream_conf *conf)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->engine = stream_engine_create(conf, world_sink, w);
    assert_non_null(w->engine);
    w->now_ns = 1000000000ull;
    return w;
}

static inline void world_end(struct world *w)
{
    for (enum direction dir = TO_SERVER; dir < N_DIRECTIONS; dir++) {
        stream_flow_finish(w->engine, &w->flow, dir, &w->packet);
        stream_settle(&w->flow, dir);
        assert_true(stream_check(&w->flow));
    }
    stream_flow_end(w->engine, &w->flow);
}

static inline void world_free(struct world *w)
{
    world_end(w);
    assert_null(w->flow.stream);
    assert_int_equal(stream_counters(w->engine)->memory, 0);
    stream_engine_destroy(w->engine);
    free(w);
}

/* Prepares w->packet: the test may change it before world_feed(). */
static inline struct packet *world_packet(struct world *w, enum direction dir, uint8_t flags,
                                          uint32_t seq, uint32_t ack, const void *bytes,
                                          size_t size)
{
    bool to_server = dir == TO_SERVER;

    w->packet = (struct packet) {
        .bytes = bytes, .size = (uint32_t) size, .time_ns = w->now_ns++,
        .eth = LAYER_ABSENT, .l3 = 0, .l4 = 0, .payload = size > 0 ? 0 : LAYER_ABSENT,
        .payload_size = (uint32_t) size, .ip_proto = IP_PROTO_TCP,
        .sport = to_server ? 40000 : 80, .dport = to_server ? 80 : 40000,
    };
    w->packet.tcp.seq = seq;
    w->packet.tcp.ack = ack;
    w->packet.tcp.flags = flags;
    w->packet.tcp.window = 65535;
    w->packet.tcp.wscale = 0xff;
    return &w->packet;
}

static inline bool world_feed(struct world *w, enum direction dir)
{
    w->flow.sides[dir].packets++;
    w->result = stream_packet(w->engine, &w->flow, dir, &w->packet);
    stream_settle(&w->flow, dir);
    assert_true(stream_check(&w->flow));
    return w->result.is_valid;
}

static inline bool world_send(struct world *w, enum direction dir, uint8_t flags,
                              uint32_t seq, uint32_t ack, const char *text)
{
    world_packet(w, dir, flags, seq, ack, text, strlen(text));
    return world_feed(w, dir);
}

static inline bool world_has_event(const struct world *w, const char *name)
{
    for (unsigned i = 0; i < w->packet.n_stream_events; i++) {
        if (strcmp(stream_event_name(w->packet.stream_events[i]), name) == 0) {
            return true;
        }
    }
    return false;
}

static inline void world_handshake(struct world *w, uint32_t client_isn, uint32_t server_isn)
{
    assert_true(world_send(w, TO_SERVER, TCP_SYN, client_isn, 0, ""));
    assert_int_equal(w->flow.tcp_state, TCP_STATE_SYN_SENT);
    assert_true(world_send(w, TO_CLIENT, TCP_SYN | TCP_ACK, server_isn, client_isn + 1, ""));
    assert_int_equal(w->flow.tcp_state, TCP_STATE_SYN_RECV);
    assert_true(world_send(w, TO_SERVER, TCP_ACK, client_isn + 1, server_isn + 1, ""));
    assert_int_equal(w->flow.tcp_state, TCP_STATE_ESTABLISHED);
    assert_int_equal(w->flow.state, FLOW_ESTABLISHED);
    assert_true(w->result.is_established);
    assert_true(w->result.state_changed);
}

static inline void assert_received(const struct world *w, enum direction dir,
                                   const char *text)
{
    assert_int_equal(w->got[dir].size, strlen(text));
    assert_memory_equal(w->got[dir].bytes, text, strlen(text));
}

#endif
