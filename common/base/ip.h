/* IP addresses of both families in one type, compared and hashed as plain bytes. */
#ifndef CIVICSHIELD_BASE_IP_H
#define CIVICSHIELD_BASE_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* 16 bytes in network order.  An IPv4 address stands in the first four, the other twelve
 * are zero, and 'version' tells the families apart.  No padding: memcmp() compares. */
struct ip_addr {
    uint8_t bytes[16];
    uint8_t version;            /* 4, 6; 0: none. */
};

#define IP_TEXT_SIZE 46         /* Longest text form with its NUL. */

static inline bool ip_equal(const struct ip_addr *a, const struct ip_addr *b)
{
    uint64_t x[2], y[2];

    memcpy(x, a->bytes, sizeof x);
    memcpy(y, b->bytes, sizeof y);
    return a->version == b->version && x[0] == y[0] && x[1] == y[1];
}

static inline int ip_compare(const struct ip_addr *a, const struct ip_addr *b)
{
    return a->version != b->version ? (int) a->version - (int) b->version
                                    : memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

static inline struct ip_addr ip_v4(const uint8_t bytes[4])
{
    struct ip_addr a = { .version = 4 };
    memcpy(a.bytes, bytes, 4);
    return a;
}

static inline struct ip_addr ip_v6(const uint8_t bytes[16])
{
    struct ip_addr a = { .version = 6 };
    memcpy(a.bytes, bytes, 16);
    return a;
}

/* Text forms: dotted decimal; IPv6 written out in full with eight groups when 'expand'
 * (as EVE has it: "fe80:0000:0000:0000:..."), else shortened as RFC 5952 asks.
 * 'out' has room for IP_TEXT_SIZE bytes; returns the length without the NUL. */
size_t ip_format(const struct ip_addr *, bool expand, char *out);
/* Reads 'size' bytes of text; false if it is no address. */
bool ip_parse(const char *text, size_t size, struct ip_addr *out);
/* First and last address of 'a' with a prefix of 'bits'; false if bits is too large. */
bool ip_prefix_range(const struct ip_addr *a, unsigned bits, struct ip_addr *first,
                     struct ip_addr *last);

#endif
