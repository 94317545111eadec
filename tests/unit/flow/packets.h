/* Hand-made packets for the tests of flow/. */
#ifndef CIVICSHIELD_TESTS_FLOW_PACKETS_H
#define CIVICSHIELD_TESTS_FLOW_PACKETS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/base/clock.h"
#include "sensor/flow/flow_private.h"

#define SECONDS(n) ((uint64_t) (n) * NS_PER_SEC)
#define START SECONDS(1700000000)

static inline struct ip_addr ip_of(const char *text)
{
    struct ip_addr a;

    assert_true(ip_parse(text, strlen(text), &a));
    return a;
}

/* A packet without bytes, as the table needs no more. */
static inline struct packet packet_of(uint8_t ip_proto, const char *src, uint16_t sport,
                                      const char *dst, uint16_t dport, uint64_t time_ns)
{
    return (struct packet) {
        .size = 100, .time_ns = time_ns, .eth = LAYER_ABSENT, .l3 = 0, .l4 = 20,
        .l3_header_size = 20, .payload = LAYER_ABSENT, .src = ip_of(src),
        .dst = ip_of(dst), .sport = sport, .dport = dport, .ip_proto = ip_proto,
        .ttl = 64,
    };
}

static inline struct packet tcp_of(const char *src, uint16_t sport, const char *dst,
                                   uint16_t dport, uint8_t flags, uint32_t seq,
                                   uint64_t time_ns)
{
    struct packet p = packet_of(IP_PROTO_TCP, src, sport, dst, dport, time_ns);

    p.tcp.flags = flags;
    p.tcp.seq = seq;
    return p;
}

static inline struct packet icmp_of(uint8_t ip_proto, const char *src, const char *dst,
                                    uint8_t type, uint8_t code, uint64_t time_ns)
{
    struct packet p = packet_of(ip_proto, src, 0, dst, 0, time_ns);

    p.icmp.type = type;
    p.icmp.code = code;
    return p;
}

static inline struct flow_conf conf_of(bool classify)
{
    return (struct flow_conf) {
        .memory = 1 << 20,
        .tcp_new = SECONDS(60), .tcp_established = SECONDS(600),
        .tcp_closed = SECONDS(60),
        .udp_new = SECONDS(30), .udp_established = SECONDS(300),
        .icmp_new = SECONDS(30), .icmp_established = SECONDS(300),
        .other_new = SECONDS(30), .other_established = SECONDS(300),
        .classify = classify, .classify_memory = 1 << 20,
        .classify_tcp_packets = 80, .classify_udp_packets = 24,
    };
}

/* What the ends of flows were. */
struct ends {
    size_t n;
    struct {
        uint64_t id, first_ns;
        enum flow_end_reason reason;
    } ends[256];
};

static inline void note_end(void *context, struct flow *f)
{
    struct ends *e = context;

    if (e->n < 256) {
        e->ends[e->n].id = f->id;
        e->ends[e->n].first_ns = f->first_ns;
        e->ends[e->n].reason = f->end_reason;
    }
    e->n++;
}

#endif
