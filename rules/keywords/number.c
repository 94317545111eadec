/* Integer keywords: rows of RULE_FIELDS, with a grammar of their own where the plain one
 * does not say enough. */
#include <stdio.h>

#include "rules/keywords/keywords.h"

static uint64_t max_of(enum rule_field f)
{
    static const uint8_t bits[] = {
#define X(id, keyword, older, n) n,
        RULE_FIELDS(X)
#undef X
    };

    return bits[f] == 64 ? UINT64_MAX : (1ull << bits[f]) - 1;
}

static bool malformed(struct draft *d, const struct keyword *row, struct slice v)
{
    return draft_error_at(d, v.bytes, "for example 5, !5, <5, >=5, 3-7",
                          "\"%.*s\" is no value for %s (at most %llu)", (int) v.size,
                          (const char *) v.bytes, row->name,
                          (unsigned long long) max_of((enum rule_field) row->argument));
}

struct rule_test *number_add(struct draft *d, const struct keyword *row,
                             enum number_cmp cmp, uint64_t a, uint64_t b)
{
    struct rule_test *t = draft_add_test(d, TEST_NUMBER);

    t->field = (enum rule_field) row->argument;
    t->cmp = cmp;
    t->a = a;
    t->b = b;
    return t;
}

bool number_parse_plain(struct draft *d, const struct keyword *row, struct slice v)
{
    struct number_test t;
    enum rule_field field = (enum rule_field) row->argument;

    if (v.size > 1 && v.bytes[0] == '"' && v.bytes[v.size - 1] == '"') {
        v = slice_of(v.bytes + 1, v.size - 2);
    }
    if (!number_parse_test(v, max_of(field), field == FIELD_FILESIZE, &t)) {
        return malformed(d, row, v);
    }
    number_add(d, row, t.cmp, t.a, t.b);
    return true;
}

/* "x1f" is hexadecimal here. */
static bool parse_tos(struct draft *d, const struct keyword *row, struct slice v)
{
    bool negated = v.size > 0 && v.bytes[0] == '!';
    struct slice digits = slice_trim(slice_from(v, negated));
    uint64_t n = 0;

    if (digits.size < 2 || (digits.bytes[0] | 0x20) != 'x') {
        return number_parse_plain(d, row, v);
    }
    for (size_t i = 1; i < digits.size; i++) {
        uint8_t c = digits.bytes[i] | 0x20;
        uint64_t digit = c <= '9' ? c - (uint64_t) '0' : c - (uint64_t) 'a' + 10;
        if (digit > 15 || i > 2) {
            return malformed(d, row, v);
        }
        n = n * 16 + digit;
    }
    number_add(d, row, negated ? CMP_NE : CMP_EQ, n, 0);
    return true;
}

static bool parse_ip_proto(struct draft *d, const struct keyword *row, struct slice v)
{
    static const struct { const char *lower, *upper; uint8_t number; } names[] = {
        { "icmp", "ICMP", 1 }, { "igmp", "IGMP", 2 }, { "ipencap", "IP-ENCAP", 4 },
        { "tcp", "TCP", 6 }, { "egp", "EGP", 8 }, { "igp", "IGP", 9 }, { "udp", "UDP", 17 },
        { "dccp", "DCCP", 33 }, { "ipv6", "IPv6", 41 }, { "ipv6-route", "IPv6-Route", 43 },
        { "ipv6-frag", "IPv6-Frag", 44 }, { "rsvp", "RSVP", 46 }, { "gre", "GRE", 47 },
        { "esp", "IPSEC-ESP", 50 }, { "ah", "IPSEC-AH", 51 },
        { "ipv6-icmp", "IPv6-ICMP", 58 }, { "ipv6-nonxt", "IPv6-NoNxt", 59 },
        { "ipv6-opts", "IPv6-Opts", 60 }, { "eigrp", "EIGRP", 88 }, { "ospf", "OSPFIGP", 89 },
        { "pim", "PIM", 103 }, { "ipcomp", "IPCOMP", 108 }, { "vrrp", "VRRP", 112 },
        { "l2tp", "L2TP", 115 }, { "sctp", "SCTP", 132 }, { "udplite", "UDPLite", 136 },
    };
    bool negated = v.size > 0 && v.bytes[0] == '!';
    struct slice name = slice_trim(slice_from(v, negated));

    if (name.size > 1 && name.bytes[0] == '"' && name.bytes[name.size - 1] == '"') {
        name = slice_of(name.bytes + 1, name.size - 2);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (slice_is(name, names[i].lower) || slice_is(name, names[i].upper)) {
            number_add(d, row, negated ? CMP_NE : CMP_EQ, names[i].number, 0);
            return true;
        }
    }
    return number_parse_plain(d, row, v);
}

/* Letters to bits; false for an unknown letter. */
static bool parse_bits(struct slice v, const char *letters, const uint8_t *bits,
                       uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < v.size; i++) {
        const char *at = v.bytes[i] != 0 ? strchr(letters, v.bytes[i]) : NULL;
        if (at == NULL && v.bytes[i] != ' ') {
            return false;
        }
        *out |= at != NULL ? bits[at - letters] : 0;
    }
    return true;
}

/* "[!+*]letters[,ignored]": exactly these, not these, these and more, any of these. */
static bool parse_bit_test(struct draft *d, const struct keyword *row, struct slice v,
                           const char *letters, const uint8_t *bits)
{
    struct slice wanted, ignored = { 0 };
    uint64_t set, mask = 0;
    char how = 0;

    if (!slice_next(&v, ',', &wanted)) {
        return malformed(d, row, v);
    }
    ignored = slice_trim(v);
    /* The sign may stand on either side. */
    for (unsigned i = 0; i < 2 && wanted.size > 0; i++) {
        size_t at = i == 0 ? 0 : wanted.size - 1;
        if (memchr("!+*", wanted.bytes[at], 3) != NULL && how == 0) {
            how = (char) wanted.bytes[at];
            wanted = slice_of(wanted.bytes + (i == 0), wanted.size - 1);
        }
    }
    if (!parse_bits(wanted, letters, bits, &set) || !parse_bits(ignored, letters, bits, &mask)
        || wanted.size == 0) {
        return draft_error_at(d, wanted.bytes, "for example S,12 or +SA or !A",
                              "\"%.*s\" is no value for %s", (int) d->value.size,
                              (const char *) d->value.bytes, row->name);
    }
    set &= ~mask;
    switch (how) {
    case '+': number_add(d, row, CMP_BITS_ALL, set, 0); break;
    case '*': number_add(d, row, CMP_BITS_ANY, set, 0); break;
    case '!': number_add(d, row, CMP_BITS_ALL, set, 0)->negated = true; break;
    default:
        number_add(d, row, CMP_BITS_EQ, set,
                   max_of((enum rule_field) row->argument) & ~mask);
        break;
    }
    return true;
}

static bool parse_tcp_flags(struct draft *d, const struct keyword *row, struct slice v)
{
    static const char letters[] = "FSRPAUEC120fsrpauec";
    static const uint8_t bits[] = { 1, 2, 4, 8, 16, 32, 64, 128, 128, 64, 0,
                                    1, 2, 4, 8, 16, 32, 64, 128 };

    return parse_bit_test(d, row, v, letters, bits);
}

static bool parse_fragbits(struct draft *d, const struct keyword *row, struct slice v)
{
    static const uint8_t bits[] = { 1, 2, 4 };

    return parse_bit_test(d, row, v, "MDR", bits);
}

/* The option numbers of RFC 791 and 1108, and any option. */
static bool parse_ipopts(struct draft *d, const struct keyword *row, struct slice v)
{
    static const struct { const char *name; uint8_t number; } options[] = {
        { "eol", 0 }, { "nop", 1 }, { "sec", 2 }, { "lsrr", 3 }, { "ts", 4 }, { "esec", 5 },
        { "cipso", 6 }, { "rr", 7 }, { "satid", 8 }, { "ssrr", 9 },
    };

    if (slice_is_nocase(v, "any")) {
        number_add(d, row, CMP_NE, 0, 0);
        return true;
    }
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (slice_is_nocase(v, options[i].name)) {
            number_add(d, row, CMP_BITS_ANY, 1ull << options[i].number, 0);
            return true;
        }
    }
    return draft_error_at(d, v.bytes, "rr, eol, nop, ts, sec, esec, lsrr, ssrr, satid or any",
                          "unknown IP option");
}

static bool parse_side(struct slice v, enum rule_side *side)
{
    static const struct { const char *name; enum rule_side side; } sides[] = {
        { "client", SIDE_CLIENT }, { "server", SIDE_SERVER }, { "both", SIDE_BOTH },
        { "either", SIDE_EITHER }, { "toserver", SIDE_CLIENT }, { "toclient", SIDE_SERVER },
    };

    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        if (slice_is_nocase(v, sides[i].name)) {
            *side = sides[i].side;
            return true;
        }
    }
    return false;
}

/* "server,<,5" */
static bool parse_stream_size(struct draft *d, const struct keyword *row, struct slice v)
{
    struct slice side, sign;
    struct number_test n;
    enum rule_side which;
    char text[64];

    if (!slice_next(&v, ',', &side) || !slice_next(&v, ',', &sign)
        || !parse_side(side, &which) || sign.size + v.size >= sizeof text - 1) {
        return draft_error_at(d, side.bytes, "stream_size:server,<,5",
                              "stream_size is malformed");
    }
    snprintf(text, sizeof text, "%.*s%.*s", (int) sign.size, (const char *) sign.bytes,
             (int) slice_trim(v).size, (const char *) slice_trim(v).bytes);
    if (!number_parse_test(slice_text(text), UINT64_MAX, false, &n)) {
        return malformed(d, row, v);
    }
    number_add(d, row, n.cmp, n.a, n.b)->side = which;
    d->sees_packets_too = true;
    return true;
}

/* "toclient,>5", or the number alone. */
static bool parse_flow_count(struct draft *d, const struct keyword *row, struct slice v)
{
    enum rule_side side = SIDE_EITHER;
    struct slice first, rest = v;

    if (memchr(v.bytes, ',', v.size) != NULL) {
        slice_next(&rest, ',', &first);
        if (!parse_side(first, &side)) {
            return draft_error_at(d, first.bytes, "toclient, toserver, both or either",
                                  "unknown direction");
        }
    }
    if (!number_parse_plain(d, row, slice_trim(rest))) {
        return false;
    }
    struct rule_test *t = &d->tests[d->n_tests - 1];
    bool is_pkts = t->field == FIELD_FLOW_PKTS;
    t->side = side;
    if (side == SIDE_CLIENT) {
        t->field = is_pkts ? FIELD_FLOW_PKTS_TOSERVER : FIELD_FLOW_BYTES_TOSERVER;
    } else if (side == SIDE_SERVER) {
        t->field = is_pkts ? FIELD_FLOW_PKTS_TOCLIENT : FIELD_FLOW_BYTES_TOCLIENT;
    }
    return true;
}

static bool parse_urilen(struct draft *d, const struct keyword *row, struct slice v)
{
    struct slice number, how;

    if (!draft_need_app(d, APP_HTTP) || !slice_next(&v, ',', &number)
        || !number_parse_plain(d, row, number)) {
        return false;
    }
    how = slice_trim(v);
    if (how.size > 0 && !slice_is(how, "raw") && !slice_is(how, "norm")) {
        return draft_error_at(d, how.bytes, NULL, "behind a length stands raw or norm");
    }
    d->tests[d->n_tests - 1].flag = slice_is(how, "raw");
    return true;
}

static bool parse_named(struct draft *d, const struct keyword *row, struct slice v)
{
    static const struct { enum rule_field field; const char *name; uint16_t value; } names[] = {
        { FIELD_DNS_OPCODE, "query", 0 }, { FIELD_DNS_OPCODE, "iquery", 1 },
        { FIELD_DNS_OPCODE, "status", 2 }, { FIELD_DNS_OPCODE, "notify", 4 },
        { FIELD_DNS_OPCODE, "update", 5 }, { FIELD_DNS_RCODE, "noerror", 0 },
        { FIELD_DNS_RCODE, "formerr", 1 }, { FIELD_DNS_RCODE, "servfail", 2 },
        { FIELD_DNS_RCODE, "nxdomain", 3 }, { FIELD_DNS_RCODE, "notimp", 4 },
        { FIELD_DNS_RCODE, "refused", 5 }, { FIELD_DNS_RRTYPE, "a", 1 },
        { FIELD_DNS_RRTYPE, "ns", 2 }, { FIELD_DNS_RRTYPE, "cname", 5 },
        { FIELD_DNS_RRTYPE, "soa", 6 }, { FIELD_DNS_RRTYPE, "ptr", 12 },
        { FIELD_DNS_RRTYPE, "mx", 15 }, { FIELD_DNS_RRTYPE, "txt", 16 },
        { FIELD_DNS_RRTYPE, "aaaa", 28 }, { FIELD_DNS_RRTYPE, "srv", 33 },
        { FIELD_DNS_RRTYPE, "https", 65 }, { FIELD_DNS_RRTYPE, "any", 255 },
    };
    bool negated = v.size > 0 && v.bytes[0] == '!';
    struct slice name = slice_trim(slice_from(v, negated));

    if (!draft_need_app(d, APP_DNS)) {
        return false;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].field == (enum rule_field) row->argument
            && slice_is_nocase(name, names[i].name)) {
            number_add(d, row, negated ? CMP_NE : CMP_EQ, names[i].value, 0);
            return true;
        }
    }
    return number_parse_plain(d, row, v);
}

static bool parse_tls_number(struct draft *d, const struct keyword *row, struct slice v)
{
    return draft_need_app(d, APP_TLS) && number_parse_plain(d, row, v);
}

static bool parse_smb_version(struct draft *d, const struct keyword *row, struct slice v)
{
    v = slice_trim(v);
    if (!slice_is(v, "1") && !slice_is(v, "2")) {
        return draft_error_at(d, v.bytes, "1, or 2 for the versions since", "unknown version "
                              "of SMB");
    }
    return draft_need_app(d, APP_SMB) && number_parse_plain(d, row, v);
}

static bool (*const special[N_RULE_FIELDS])(struct draft *, const struct keyword *,
                                           struct slice) = {
    [FIELD_TOS] = parse_tos, [FIELD_IP_PROTO] = parse_ip_proto,
    [FIELD_TCP_FLAGS] = parse_tcp_flags, [FIELD_FRAGBITS] = parse_fragbits,
    [FIELD_IPOPTS] = parse_ipopts, [FIELD_STREAM_SIZE] = parse_stream_size,
    [FIELD_FLOW_PKTS] = parse_flow_count, [FIELD_FLOW_BYTES] = parse_flow_count,
    [FIELD_HTTP_URILEN] = parse_urilen,
    [FIELD_DNS_OPCODE] = parse_named, [FIELD_DNS_RCODE] = parse_named,
    [FIELD_DNS_RRTYPE] = parse_named, [FIELD_TLS_VERSION] = tls_parse_version,
    [FIELD_SSL_STATE] = tls_parse_state, [FIELD_TLS_CERT_CHAIN_LEN] = parse_tls_number,
    [FIELD_TLS_CERT_NOTBEFORE] = tls_parse_date,
    [FIELD_TLS_CERT_NOTAFTER] = tls_parse_date,
    [FIELD_TLS_CERT_EXPIRED] = tls_parse_validity,
    [FIELD_TLS_CERT_VALID] = tls_parse_validity,
    [FIELD_MQTT_TYPE] = mqtt_parse_type, [FIELD_MQTT_QOS] = mqtt_parse_number,
    [FIELD_MQTT_FLAGS] = mqtt_parse_flags, [FIELD_MQTT_PROTOCOL_VERSION] = mqtt_parse_number,
    [FIELD_MQTT_REASON_CODE] = mqtt_parse_number,
    [FIELD_MQTT_CONNECT_FLAGS] = mqtt_parse_flags,
    [FIELD_MQTT_SESSION_PRESENT] = mqtt_parse_number,
    [FIELD_SMB_VERSION] = parse_smb_version, [FIELD_DCERPC_OPNUM] = dcerpc_parse_opnum,
    [FIELD_FTP_DYNAMIC_PORT] = ftp_parse_port, [FIELD_FTP_MODE] = ftp_parse_word,
    [FIELD_FTP_REPLY_RECEIVED] = ftp_parse_word, [FIELD_FTPDATA_COMMAND] = ftp_parse_word,
    [FIELD_DHCP_LEASETIME] = auth_parse_number, [FIELD_DHCP_RENEWAL_TIME] = auth_parse_number,
    [FIELD_DHCP_REBINDING_TIME] = auth_parse_number, [FIELD_SNMP_VERSION] = auth_parse_number,
    [FIELD_SNMP_PDU_TYPE] = auth_parse_number, [FIELD_KRB5_MSG_TYPE] = auth_parse_exact,
    [FIELD_KRB5_ERR_CODE] = auth_parse_exact,
    [FIELD_KRB5_TICKET_ENCRYPTION] = auth_parse_encryption,
    [FIELD_RFB_SECTYPE] = auth_parse_number, [FIELD_RFB_SECRESULT] = auth_parse_result,
};

static bool parse_field(struct draft *d, const struct keyword *row, struct slice v)
{
    enum rule_field f = (enum rule_field) row->argument;
    bool is_of_packet = f <= FIELD_IPOPTS && f != FIELD_IP_PROTO;

    if (is_of_packet && d->packet_keyword == NULL) {
        d->packet_keyword = row->name;
    }
    return special[f] != NULL ? special[f](d, row, v) : number_parse_plain(d, row, v);
}

/* Most need a value; some are a question of their own. */
#define FLAGS_OF(id) \
    (FIELD_##id == FIELD_TLS_CERT_EXPIRED || FIELD_##id == FIELD_TLS_CERT_VALID \
         ? KEYWORD_BARE : KEYWORD_VALUE)

static const struct keyword rows[] = {
#define X(id, keyword, older, bits) \
    { keyword, FLAGS_OF(id), parse_field, FIELD_##id, "A number: 5, !5, <5, >=5, 3-7" },
    RULE_FIELDS(X)
#undef X
#define X(id, keyword, older, bits) \
    { older, KEYWORD_VALUE, parse_field, FIELD_##id, "Older name of " keyword },
    RULE_FIELDS(X)
#undef X
};
FAMILY(number_keywords, rows);
