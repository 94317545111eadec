/* UDP (RFC 768): source port, destination port, length with this header, checksum.
 * SCTP (RFC 9260): source port, destination port, verification tag, CRC-32c; chunks. */
#include "sensor/decode/decode_private.h"

#define UDP_SIZE 8
#define SCTP_SIZE 12

static void set_ports(struct packet *p, const uint8_t *h, uint32_t at, size_t header_size,
                      size_t total)
{
    p->l4 = at;
    p->sport = load_be16(h);
    p->dport = load_be16(h + 2);
    p->payload = at + (uint32_t) header_size;
    p->payload_size = (uint32_t) (total - header_size);
}

static bool is_tunnel_port(const struct tunnel_ports *t, uint16_t port)
{
    return (t->any[port / 64] >> (port % 64) & 1) != 0;
}

bool decode_udp(struct decoder *d, struct packet *p, struct cursor c)
{
    size_t left = cursor_left(&c);

    d->counters.udp++;
    if (left < UDP_SIZE) {
        return decode_invalid(d, p, DECODE_UDP_HLEN_TOO_SMALL);
    }
    const uint8_t *h = c.at;
    size_t total = load_be16(h + 4);
    if (total > left) {
        return decode_invalid(d, p, DECODE_UDP_PKT_TOO_SMALL);
    }
    if (total < UDP_SIZE) {
        return decode_invalid(d, p, DECODE_UDP_LEN_INVALID);
    }
    set_ports(p, h, decode_offset(p, &c), UDP_SIZE, total);
    if (is_tunnel_port(&d->tunnels, p->dport) || is_tunnel_port(&d->tunnels, p->sport)) {
        decode_udp_tunnel(d, p, cursor_of(h + UDP_SIZE, total - UDP_SIZE));
    }
    return true;
}

bool decode_sctp(struct decoder *d, struct packet *p, struct cursor c)
{
    size_t left = cursor_left(&c);

    d->counters.sctp++;
    if (left < SCTP_SIZE) {
        return decode_invalid(d, p, DECODE_SCTP_PKT_TOO_SMALL);
    }
    set_ports(p, c.at, decode_offset(p, &c), SCTP_SIZE, left);
    return true;
}
