/* Community id, version 1: a name for a flow that every tool computes alike.
 * Source: the Community ID Flow Hashing specification: "1:" and the base64 of the SHA-1
 * of seed, lower endpoint's address, higher's, protocol, zero, and both ports, all in
 * network order. */
#include "sensor/flow/flow_private.h"

#include "common/base/strbuf.h"

#define SHA1_SIZE 20
/* What is hashed, with the mark and the length behind it, fits in one block of SHA-1. */
#define SHA1_BLOCK 64
#define INPUT_MAX (2 + 16 + 16 + 2 + 4)
_Static_assert(INPUT_MAX + 1 + 8 <= SHA1_BLOCK, "one block holds the input");

struct endpoints {
    const struct ip_addr *src, *dst;
    uint16_t sport, dport;
    bool has_ports;
    bool is_ordered;            /* The direction counts: a message without a reply. */
};

static struct endpoints endpoints_of_key(const struct flow_key *k)
{
    struct endpoints e = { .src = &k->src, .dst = &k->dst, .sport = k->sport,
                           .dport = k->dport };

    if (k->ip_proto == IP_PROTO_ICMP || k->ip_proto == IP_PROTO_ICMPV6) {
        int other = flow_icmp_counterpart(k->ip_proto, k->icmp_type);
        e.sport = k->icmp_type;
        e.dport = other >= 0 ? (uint16_t) other : k->icmp_code;
        e.is_ordered = other < 0;
        e.has_ports = true;
    } else {
        e.has_ports = k->ip_proto == IP_PROTO_TCP || k->ip_proto == IP_PROTO_UDP
                      || k->ip_proto == IP_PROTO_SCTP;
    }
    return e;
}

static uint8_t *put_be16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t) (value >> 8);
    at[1] = (uint8_t) value;
    return at + 2;
}

static uint32_t rotate(uint32_t word, unsigned bits)
{
    return word << bits | word >> (32 - bits);
}

/* Rounds 'from' to 'from' + 19 share a constant and a way to mix b, c and d.  Unrolled, the
 * words change their names instead of moving. */
#define ROUNDS(from, mix, constant)                                            \
    _Pragma("GCC unroll 20")                                                   \
    for (unsigned i = (from); i < (from) + 20; i++) {                          \
        uint32_t next = rotate(a, 5) + (mix) + e + (constant) + words[i];      \
        e = d;                                                                 \
        d = c;                                                                 \
        c = rotate(b, 30);                                                     \
        b = a;                                                                 \
        a = next;                                                              \
    }

/* SHA-1 (FIPS 180-4, section 6.1.2) of the 'size' bytes at 'block', which has room for the
 * padding.  A name for a flow is no secret: what SHA-1 is too weak for does not matter. */
static void hash_block(uint8_t block[SHA1_BLOCK], size_t size, uint8_t digest[SHA1_SIZE])
{
    uint32_t sum[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
    uint32_t a = sum[0], b = sum[1], c = sum[2], d = sum[3], e = sum[4], words[80];

    memset(block + size, 0, SHA1_BLOCK - size);
    block[size] = 0x80;
    block[SHA1_BLOCK - 2] = (uint8_t) (size * 8 >> 8);
    block[SHA1_BLOCK - 1] = (uint8_t) (size * 8);
    for (unsigned i = 0; i < 16; i++) {
        words[i] = (uint32_t) block[4 * i] << 24 | (uint32_t) block[4 * i + 1] << 16
                   | (uint32_t) block[4 * i + 2] << 8 | block[4 * i + 3];
    }
    for (unsigned i = 16; i < 80; i++) {
        words[i] = rotate(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
    }
    ROUNDS(0, d ^ (b & (c ^ d)), 0x5a827999)
    ROUNDS(20, b ^ c ^ d, 0x6ed9eba1)
    ROUNDS(40, (b & c) | (d & (b | c)), 0x8f1bbcdc)
    ROUNDS(60, b ^ c ^ d, 0xca62c1d6)
    sum[0] += a;
    sum[1] += b;
    sum[2] += c;
    sum[3] += d;
    sum[4] += e;
    for (unsigned i = 0; i < SHA1_SIZE; i++) {
        digest[i] = (uint8_t) (sum[i / 4] >> (24 - i % 4 * 8));
    }
}

void flow_community_id(const struct flow_key *k, uint16_t seed, char *out)
{
    struct endpoints e = endpoints_of_key(k);
    size_t size = k->src.version == 4 ? 4 : 16;
    uint8_t bytes[SHA1_BLOCK], digest[SHA1_SIZE];
    uint8_t *at = bytes;
    int order = memcmp(e.src->bytes, e.dst->bytes, size);

    if (!e.is_ordered && (order > 0 || (order == 0 && e.sport > e.dport))) {
        e = (struct endpoints) { .src = e.dst, .dst = e.src, .sport = e.dport,
                                 .dport = e.sport, .has_ports = e.has_ports };
    }
    at = put_be16(at, seed);
    at = mempcpy(at, e.src->bytes, size);
    at = mempcpy(at, e.dst->bytes, size);
    *at++ = k->ip_proto;
    *at++ = 0;
    if (e.has_ports) {
        at = put_be16(at, e.sport);
        at = put_be16(at, e.dport);
    }
    hash_block(bytes, (size_t) (at - bytes), digest);

    /* "1:", 28 characters and the NUL fit, so this never grows. */
    struct strbuf text = { out, 0, COMMUNITY_ID_SIZE };
    _Static_assert(COMMUNITY_ID_SIZE >= 2 + (SHA1_SIZE + 2) / 3 * 4 + 1, "room for it");
    strbuf_puts(&text, "1:");
    strbuf_base64(&text, digest, sizeof digest);
    strbuf_cstr(&text);
}
