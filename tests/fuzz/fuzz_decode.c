/* fuzz deps: decode_dep */
/* Frames of any link type, several to one decoder, so that fragments meet.  An input is a
 * list of: link type (1 byte, an index), time step (1), size (2), bytes. */
#include <stdlib.h>
#include <string.h>

#include "common/base/cursor.h"
#include "sensor/decode/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const uint16_t link_types[] = {
    LINK_ETHERNET, LINK_RAW, LINK_NULL, LINK_LOOP, LINK_PPP, LINK_PPP_HDLC,
    LINK_CISCO_HDLC,
    LINK_LINUX_SLL, LINK_LINUX_SLL2, LINK_IPV4, LINK_IPV6, 9999,
};

static void check_packet(const struct packet *p)
{
    unsigned sum = 0;

    if (p->l3 != LAYER_ABSENT && p->l3_header_size > p->size - p->l3) {
        abort();
    }
    if (p->l4 != LAYER_ABSENT && p->l4 > p->size) {
        abort();
    }
    if (p->payload != LAYER_ABSENT && p->payload_size > p->size - p->payload) {
        abort();
    }
    for (uint32_t i = 0; i < p->size; i++) {
        sum += p->bytes[i];
    }
    if (sum == UINT32_MAX || (decode_checksum_is_bad(p, DECODE_CHECKSUM_IPV4)
                              && p->src.version != 4)) {
        abort();
    }
    (void) decode_checksum_is_bad(p, DECODE_CHECKSUM_L4);
}

static void decode_one(struct decoder *d, struct cursor *c, uint64_t *time_ns,
                       uint64_t number)
{
    struct packet packets[DECODE_MAX_PACKETS];
    uint8_t link = cursor_u8(c);
    uint64_t step = cursor_u8(c);
    size_t size = cursor_be16(c);
    size = size < cursor_left(c) ? size : cursor_left(c);
    const uint8_t *bytes = cursor_take(c, size);
    uint8_t *copy = malloc(size > 0 ? size : 1);        /* So that an overread is seen. */

    if (bytes != NULL) {
        memcpy(copy, bytes, size);
    }
    struct frame f = {
        .bytes = copy, .size = (uint32_t) size, .wire_size = (uint32_t) size,
        .time_ns = *time_ns, .clock_ns = *time_ns, .number = number,
        .link_type = link_types[link % (sizeof link_types / sizeof link_types[0])],
    };
    *time_ns += step * 1000000000u;
    size_t n = decode_frame(d, &f, packets);
    if (n < 1 || n > DECODE_MAX_PACKETS) {
        abort();
    }
    for (size_t i = 0; i < n; i++) {
        check_packet(&packets[i]);
    }
    (void) decode_address_pair_hash(&f);
    decoder_expire(d, *time_ns);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct cursor c = cursor_of(bytes, size);
    struct decode_conf conf;
    uint64_t time_ns = 1600000000000000000u;

    decode_conf_defaults(&conf);
    conf.defrag_memory = 1u << 20;
    conf.defrag_max_datagrams = 64;
    struct decoder *d = decoder_create(&conf);
    for (uint64_t number = 1; cursor_left(&c) > 4; number++) {
        decode_one(d, &c, &time_ns, number);
    }
    decoder_destroy(d);
    return 0;
}
