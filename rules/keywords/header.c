/* Small tests of packet headers: equal addresses, checksums, FTP bounce, ASN.1. */
#include "rules/keywords/keywords.h"

static bool parse_sameip(struct draft *d, const struct keyword *row, struct slice v)
{
    draft_add_test(d, TEST_SAME_IP)->negated = false;
    return true;
}

static bool parse_checksum(struct draft *d, const struct keyword *row, struct slice v)
{
    static const char *const states[] = { "invalid", "valid", NULL };
    int state = word_index(v, states);

    if (state < 0) {
        return draft_error_at(d, v.bytes, NULL, "a checksum is valid or invalid");
    }
    struct rule_test *t = draft_add_test(d, TEST_CHECKSUM);
    t->a = row->argument;
    t->b = (uint64_t) (d->negated ? !state : state);
    t->negated = false;
    return true;
}

static bool parse_text_op(struct draft *d, const struct keyword *row, struct slice v)
{
    struct rule_op *op = draft_add_op(d, (enum rule_op_kind) row->argument);

    op->text = draft_text(d, v);
    return true;
}

#define CHECKSUM (KEYWORD_VALUE | KEYWORD_NEGATES | KEYWORD_QUOTES | KEYWORD_PACKET)
static const struct keyword rows[] = {
    { "sameip", KEYWORD_BARE | KEYWORD_PACKET, parse_sameip, 0, "Source is destination" },
    { "ipv4-csum", CHECKSUM, parse_checksum, CHECKSUM_IPV4, "Header checksum of IPv4" },
    { "tcpv4-csum", CHECKSUM, parse_checksum, CHECKSUM_TCPV4, "Checksum of TCP on IPv4" },
    { "udpv4-csum", CHECKSUM, parse_checksum, CHECKSUM_UDPV4, "Checksum of UDP on IPv4" },
    { "icmpv4-csum", CHECKSUM, parse_checksum, CHECKSUM_ICMPV4, "Checksum of ICMPv4" },
    { "tcpv6-csum", CHECKSUM, parse_checksum, CHECKSUM_TCPV6, "Checksum of TCP on IPv6" },
    { "udpv6-csum", CHECKSUM, parse_checksum, CHECKSUM_UDPV6, "Checksum of UDP on IPv6" },
    { "icmpv6-csum", CHECKSUM, parse_checksum, CHECKSUM_ICMPV6, "Checksum of ICMPv6" },
    { "asn1", KEYWORD_VALUE, parse_text_op, OP_ASN1, "Faults of BER" },
    { "ftpbounce", KEYWORD_BARE, parse_text_op, OP_FTPBOUNCE, "PORT names another host" },
};
FAMILY(header_keywords, rows);
