/* Bytes of frames for the tests of decode: one macro a header, its fields as arguments,
 * so that a table of frames can be read. */
#ifndef CIVICSHIELD_TEST_FRAMES_H
#define CIVICSHIELD_TEST_FRAMES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sensor/decode/decode.h"

#define BE16(v) (uint8_t) ((v) >> 8), (uint8_t) (v)
#define ETH(type) 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, BE16(type)
#define VLAN(id, type) BE16(id), BE16(type)
/* From 10.0.0.1 to 10.0.0.2; the header checksum is not right. */
#define IPV4_HEAD(words, total, id, flags, proto) \
    0x40 | (words), 0, BE16(total), BE16(id), BE16(flags), 64, proto, 0, 0
#define IPV4_PAIR 10, 0, 0, 1, 10, 0, 0, 2
#define IPV4(total, proto) IPV4_HEAD(5, total, 1, 0, proto), IPV4_PAIR
/* From 2001:db8::1 to 2001:db8::2. */
#define IPV6_HOST(last) 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last
#define IPV6(size, next) 0x60, 0, 0, 0, BE16(size), next, 64, IPV6_HOST(1), IPV6_HOST(2)
#define UDP(source, destination, size) BE16(source), BE16(destination), BE16(size), 0, 0
#define TCP_HEAD(words, flags) \
    BE16(1234), BE16(80), 0, 0, 0, 7, 0, 0, 0, 9, (words) << 4, flags, BE16(1000), \
        0, 0, 0, 0
#define TCP TCP_HEAD(5, TCP_SYN)
#define ICMP(type, code) type, code, 0, 0, 0, 5, 0, 6
#define ZEROS4 0, 0, 0, 0
#define ZEROS8 ZEROS4, ZEROS4
#define ZEROS16 ZEROS8, ZEROS8

#define BYTES(...) \
    (const uint8_t[]) { __VA_ARGS__ }, sizeof (const uint8_t[]) { __VA_ARGS__ }

static inline struct frame frame_of(const uint8_t *bytes, size_t size, uint16_t link_type)
{
    return (struct frame) {
        .bytes = bytes, .size = (uint32_t) size, .wire_size = (uint32_t) size,
        .time_ns = 1600000000000000000ull, .number = 1, .link_type = link_type,
    };
}

static inline struct decoder *make_decoder(enum decode_checksums checksums)
{
    struct decode_conf conf;

    decode_conf_defaults(&conf);
    conf.checksums = checksums;
    return decoder_create(&conf);
}

/* What must hold of every packet; reads all of its bytes, so that the sanitizer looks. */
static inline void check_packet(const struct packet *p, const struct frame *f)
{
    unsigned sum = 0;

    assert_ptr_equal(p->frame, f);
    for (uint32_t i = 0; i < p->size; i++) {
        sum += p->bytes[i];
    }
    assert_true(sum != 1u << 31);
    if (p->source == PACKET_FROM_WIRE) {
        assert_ptr_equal(p->bytes, f->bytes);
        assert_true(p->size <= f->size);
    }
    assert_true(p->n_events <= PACKET_MAX_EVENTS && p->n_vlans <= PACKET_MAX_VLANS);
    assert_true((p->l3 == LAYER_ABSENT) == (p->src.version == 0));
    if (p->l3 != LAYER_ABSENT) {
        assert_true(p->l3 <= p->size && p->l3_header_size <= p->size - p->l3);
    }
    if (p->l4 != LAYER_ABSENT) {
        assert_true(p->l4 >= p->l3 + p->l3_header_size && p->l4 <= p->size);
        assert_false(p->is_fragment);
    }
    if (p->payload != LAYER_ABSENT) {
        assert_true(p->payload <= p->size && p->payload_size <= p->size - p->payload);
    }
    (void) decode_checksum_is_bad(p, DECODE_CHECKSUM_IPV4);
    (void) decode_checksum_is_bad(p, DECODE_CHECKSUM_L4);
}

/* All events of the packets, as "ipv4.opt_invalid udp.pkt_too_small". */
static inline void list_events(const struct packet *packets, size_t n, char *out,
                               size_t size)
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        for (size_t e = 0; e < packets[i].n_events; e++) {
            const char *name = decode_event_name(packets[i].events[e]);

            assert_true(used + strlen(name) + 2 < size);
            if (used > 0) {
                out[used++] = ' ';
            }
            memcpy(out + used, name, strlen(name) + 1);
            used += strlen(name);
        }
    }
}

#endif
