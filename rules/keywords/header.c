/* Small tests of packets: equal addresses, checksums, FTP bounce, faults of ASN.1. */
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

static bool parse_ftpbounce(struct draft *d, const struct keyword *row, struct slice v)
{
    draft_add_op(d, OP_FTPBOUNCE);
    return true;
}

/* Takes a word, and a blank or a comma and blanks behind it, off '*rest'. */
static struct slice take_asn1_word(struct slice *rest)
{
    size_t n = 0, end;

    while (n < rest->size && rest->bytes[n] != ' ' && rest->bytes[n] != ',') {
        n++;
    }
    end = n < rest->size ? n + 1 : n;
    while (end < rest->size && rest->bytes[end] == ' ') {
        end++;
    }
    struct slice word = slice_of(rest->bytes, n);
    *rest = slice_from(*rest, end);
    return word;
}

/* The number behind 'word', if it has one. */
static bool parse_asn1_word(struct op_asn1 *op, struct slice word, struct slice *rest)
{
    int64_t number = 0;

    if (slice_is(word, "bitstring_overflow") || slice_is(word, "double_overflow")) {
        *(word.bytes[0] == 'b' ? &op->bitstring_overflow : &op->double_overflow) = true;
        return true;
    }
    if (slice_is(word, "oversize_length")) {
        op->has_oversize = number_parse_signed(take_asn1_word(rest), 0, UINT32_MAX, &number);
        op->oversize = (uint32_t) number;
        return op->has_oversize;
    }
    bool is_absolute = slice_is(word, "absolute_offset");
    if (!is_absolute && !slice_is(word, "relative_offset")) {
        return false;
    }
    if (!number_parse_signed(take_asn1_word(rest), is_absolute ? 0 : INT32_MIN,
                             is_absolute ? UINT16_MAX : INT32_MAX, &number)) {
        return false;
    }
    /* The absolute one holds where both stand. */
    if (is_absolute || !op->has_absolute) {
        op->has_absolute = is_absolute;
        op->offset = (int32_t) number;
    }
    return true;
}

static bool parse_asn1(struct draft *d, const struct keyword *row, struct slice v)
{
    struct op_asn1 asn1 = { 0 };

    while (v.size != 0) {
        struct slice word = take_asn1_word(&v);
        if (!parse_asn1_word(&asn1, word, &v)) {
            return draft_error_at(d, word.bytes, "bitstring_overflow, double_overflow, "
                                  "oversize_length 500, absolute_offset 0, relative_offset "
                                  "-5", "unknown or malformed option of asn1");
        }
    }
    draft_add_op_to(d, draft_relative_buffer(d, !asn1.has_absolute), OP_ASN1)->asn1 = asn1;
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
    { "asn1", KEYWORD_VALUE | KEYWORD_PACKET, parse_asn1, OP_ASN1,
      "Faults of BER: bitstring_overflow, double_overflow, oversize_length 500, from "
      "absolute_offset 0 or relative_offset 5 on" },
    { "ftpbounce", KEYWORD_BARE, parse_ftpbounce, OP_FTPBOUNCE, "PORT names another host" },
};
FAMILY(header_keywords, rows);
