#include "common/base/ip.h"

#include <arpa/inet.h>

#include "common/base/digits.h"
#include "common/base/slice.h"

static size_t format_v6_expanded(const uint8_t bytes[16], char *out)
{
    static const char hex[] = "0123456789abcdef";
    char *at = out;

    for (unsigned i = 0; i < 16; i++) {
        if (i != 0 && i % 2 == 0) {
            *at++ = ':';
        }
        *at++ = hex[bytes[i] >> 4];
        *at++ = hex[bytes[i] & 15];
    }
    *at = '\0';
    return (size_t) (at - out);
}

static char *put_octet(char *at, unsigned value)
{
    if (value < 10) {
        *at++ = (char) ('0' + value);
        return at;
    }
    if (value >= 100) {
        *at++ = (char) ('0' + value / 100);
    }
    return digits_pair(at, value % 100);
}

size_t ip_format(const struct ip_addr *a, bool expand, char *out)
{
    if (a->version == 4) {
        char *at = out;
        for (unsigned i = 0; i < 4; i++) {
            at = put_octet(at, a->bytes[i]);
            *at++ = '.';
        }
        *--at = '\0';
        return (size_t) (at - out);
    }
    if (a->version == 6 && expand) {
        return format_v6_expanded(a->bytes, out);
    }
    if (a->version == 6 && inet_ntop(AF_INET6, a->bytes, out, IP_TEXT_SIZE) != NULL) {
        return strlen(out);
    }
    *out = '\0';
    return 0;
}

bool ip_parse(const char *text, size_t size, struct ip_addr *out)
{
    char copy[IP_TEXT_SIZE];

    if (size == 0 || size >= sizeof copy) {
        return false;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, copy, out->bytes) == 1) {
        out->version = 4;
        return true;
    }
    if (inet_pton(AF_INET6, copy, out->bytes) == 1) {
        out->version = 6;
        return true;
    }
    return false;
}

bool ip_prefix_range(const struct ip_addr *a, unsigned bits, struct ip_addr *first,
                     struct ip_addr *last)
{
    unsigned n = a->version == 4 ? 4 : 16;

    if (bits > n * 8) {
        return false;
    }
    *first = *last = *a;
    for (unsigned i = 0; i < n; i++) {
        unsigned kept = bits >= (i + 1) * 8 ? 8 : bits <= i * 8 ? 0 : bits - i * 8;
        uint8_t mask = (uint8_t) (0xff00u >> kept);
        first->bytes[i] = (uint8_t) (a->bytes[i] & mask);
        last->bytes[i] = (uint8_t) (a->bytes[i] | (uint8_t) ~mask);
    }
    return true;
}
