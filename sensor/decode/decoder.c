/* The decoder: makes it, drives one frame through the layers, keeps the counters. */
#include "sensor/decode/decode.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "sensor/decode/decode_private.h"

/* Datagrams that one call of decoder_expire() forgets at most: a burst's share. */
#define EXPIRE_BUDGET 64

struct decoder *decoder_create(const struct decode_conf *conf)
{
    struct decoder *d = xcalloc(1, sizeof *d);

    d->checksums = (enum decode_checksums) conf->checksums;
    decode_tunnel_ports_init(&d->tunnels, conf);
    defrag_init(&d->defrag, conf->defrag_memory, conf->defrag_max_datagrams,
                conf->defrag_timeout);
    for (size_t i = 0; i < DECODE_MAX_REASSEMBLED; i++) {
        d->reassembled[i] = xmalloc(DECODE_MAX_DATAGRAM);
    }
    return d;
}

void decoder_destroy(struct decoder *d)
{
    if (d == NULL) {
        return;
    }
    defrag_fini(&d->defrag);
    for (size_t i = 0; i < DECODE_MAX_REASSEMBLED; i++) {
        free(d->reassembled[i]);
    }
    free(d);
}

static void check_checksums(struct decoder *d, struct packet *packets, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct packet *p = &packets[i];

        /* Hardware has looked at the outermost packet alone. */
        if (p->l3 == LAYER_ABSENT || (i == 0 && d->frame->checksum_known_good)) {
            continue;
        }
        bool is_l4_bad = decode_checksum_is_bad(p, DECODE_CHECKSUM_L4);
        if (is_l4_bad && d->checksums == DECODE_CHECKSUMS_AUTO
            && decode_checksum_is_offloaded(p)) {
            is_l4_bad = false;
            d->counters.offloaded_checksums++;
        }
        p->is_checksum_bad = is_l4_bad || decode_checksum_is_bad(p, DECODE_CHECKSUM_IPV4);
        d->counters.bad_checksums += p->is_checksum_bad;
    }
}

size_t decode_frame(struct decoder *d, const struct frame *frame,
                    struct packet packets[DECODE_MAX_PACKETS])
{
    d->frame = frame;
    d->packets = packets;
    d->n_packets = 0;
    d->n_layers = 0;
    d->n_reassembled = 0;

    struct packet *p = decode_packet_begin(d, PACKET_FROM_WIRE, NULL, frame->bytes,
                                           frame->size);

    (void) decode_link(d, p, cursor_of(frame->bytes, frame->size), frame->link_type);
    if (p->l3 == LAYER_ABSENT) {
        d->counters.no_ip++;
    }
    if (d->checksums != DECODE_CHECKSUMS_NONE) {
        check_checksums(d, packets, d->n_packets);
    }
    d->counters.frames++;
    d->counters.bytes += frame->size;
    d->counters.packets += d->n_packets;
    return d->n_packets;
}

void decoder_expire(struct decoder *d, uint64_t now_ns)
{
    d->counters.defrag_timeouts += defrag_expire(&d->defrag, now_ns, EXPIRE_BUDGET);
}

const struct decode_counters *decoder_counters(const struct decoder *d)
{
    return &d->counters;
}

void decode_event_add(struct decoder *d, struct packet *p, enum decode_event event)
{
    d->counters.events[event]++;
    if (p->n_events < PACKET_MAX_EVENTS) {
        p->events[p->n_events++] = (uint16_t) event;
    }
}

bool decode_invalid(struct decoder *d, struct packet *p, enum decode_event event)
{
    decode_event_add(d, p, event);
    p->is_invalid = true;
    return false;
}

bool decode_layer_enter(struct decoder *d, struct packet *p)
{
    if (d->n_layers >= DECODE_MAX_LAYERS) {
        return decode_invalid(d, p, DECODE_TOO_MANY_LAYERS);
    }
    d->n_layers++;
    return true;
}

struct packet *decode_packet_begin(struct decoder *d, enum packet_source source,
                                   const struct packet *outer, const uint8_t *bytes,
                                   size_t size)
{
    if (d->n_packets >= DECODE_MAX_PACKETS) {
        return NULL;
    }
    struct packet *p = &d->packets[d->n_packets++];

    memset(p, 0, offsetof(struct packet, events));
    p->bytes = bytes;
    p->size = (uint32_t) size;
    p->time_ns = d->frame->time_ns;
    p->clock_ns = d->frame->clock_ns;
    p->frame = d->frame;
    p->outer = outer;
    p->source = source;
    p->eth = p->l3 = p->l4 = p->payload = LAYER_ABSENT;
    p->is_truncated = d->frame->size < d->frame->wire_size;
    return p;
}

bool decode_inner(struct decoder *d, struct packet *outer, enum packet_source source,
                  decode_layer_fn *layer, struct cursor c)
{
    return decode_inner_network(d, outer, source, 0, layer, c);
}

bool decode_inner_network(struct decoder *d, struct packet *outer, enum packet_source source,
                          uint32_t vni, decode_layer_fn *layer, struct cursor c)
{
    size_t n_before = d->n_packets;
    struct packet *p = decode_packet_begin(d, source, outer, c.at, cursor_left(&c));

    if (p == NULL) {
        decode_event_add(d, outer, DECODE_TOO_MANY_LAYERS);
        return false;
    }
    p->vni = vni;
    if (!layer(d, p, c) || p->l3 == LAYER_ABSENT) {
        d->n_packets = n_before;
        return false;
    }
    outer->is_carrier = true;
    return true;
}
