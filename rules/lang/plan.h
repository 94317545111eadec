/* The plan: what the compiler makes of rule text and the engine runs.  Immutable once
 * made; knows no packets and no Hyperscan.
 *
 * A rule is a header, tests that need no bytes, buffers with a program of operations on
 * each, and actions for when all of it held.  All tests and all buffers must hold.
 * Within one buffer the operations run in order; a content or pcre that matched leaves
 * the cursor behind its match, a relative operation starts there, and where a later
 * relative operation fails, the engine tries the next match of the earlier one. */
#ifndef CIVICSHIELD_RULES_PLAN_H
#define CIVICSHIELD_RULES_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/app_proto.h"
#include "common/base/ip.h"
#include "common/base/slice.h"
#include "rules/lang/buffers.h"
#include "rules/lang/frames.h"

/* ---- Header ---- */

enum rule_action { RULE_ALERT, RULE_PASS, RULE_DROP, RULE_REJECT, RULE_CONFIG };

/* The protocol word of a header.  Application protocols are RULE_PROTO_APP. */
enum rule_proto {
    RULE_PROTO_IP,              /* Any packet, with or without IP ("ip", "pkthdr" apart). */
    RULE_PROTO_PKTHDR,          /* Packets whose headers could not be decoded as well. */
    RULE_PROTO_IPV4, RULE_PROTO_IPV6,
    RULE_PROTO_TCP, RULE_PROTO_TCP_PKT, RULE_PROTO_TCP_STREAM,
    RULE_PROTO_UDP, RULE_PROTO_SCTP,
    RULE_PROTO_ICMP,            /* Both. */
    RULE_PROTO_ICMPV4, RULE_PROTO_ICMPV6,
    RULE_PROTO_ETHER, RULE_PROTO_ARP,
    RULE_PROTO_APP,
};

/* Closed ranges, sorted and disjoint, negation resolved.  Equal sets of one rule set
 * share one object, so pointers tell equality. */
struct address_set {
    bool is_any;
    size_t n;
    struct { struct ip_addr first, last; } *ranges;     /* IPv4 before IPv6. */
};
struct port_set {
    bool is_any;
    size_t n;
    struct { uint16_t first, last; } *ranges;
};

bool address_set_has(const struct address_set *, const struct ip_addr *);
bool port_set_has(const struct port_set *, uint16_t port);

/* ---- Numbers ---- */

enum number_cmp { CMP_EQ, CMP_NE, CMP_LT, CMP_LE, CMP_GT, CMP_GE,
                  CMP_RANGE,            /* a < value < b, as rule authors write a-b or a<>b. */
                  CMP_NOT_RANGE,
                  CMP_RANGE_INCLUSIVE,  /* a <= value <= b. */
                  CMP_BITS_ALL,         /* (value & a) == a */
                  CMP_BITS_ANY,         /* (value & a) != 0 */
                  CMP_BITS_NONE,        /* (value & a) == 0 */
                  CMP_BITS_EQ,          /* (value & b) == a */
                  CMP_BITS_NE };        /* (value & b) != a */

bool number_matches(enum number_cmp, uint64_t value, uint64_t a, uint64_t b);

/* A constant, or what an earlier byte_extract or byte_math of the rule put in a variable. */
struct rule_number {
    bool is_var;
    uint8_t var;                /* Index, below RULE_MAX_VARS. */
    int64_t value;
};
#define RULE_MAX_VARS 16

/* ---- Tests that need no bytes ---- */

/* Integer keywords: a new one is one row here and one case where the engine reads it.
 * X(identifier, keyword, older name or NULL, bits) */
#define RULE_FIELDS(X)                                   \
    X(TTL, "ttl", NULL, 8)                               \
    X(TOS, "tos", NULL, 8)                               \
    X(IP_ID, "id", NULL, 16)                             \
    X(IP_PROTO, "ip_proto", NULL, 8)                     \
    X(DSIZE, "dsize", NULL, 16)                          \
    X(ITYPE, "itype", NULL, 8)                           \
    X(ICODE, "icode", NULL, 8)                           \
    X(ICMP_ID, "icmp_id", NULL, 16)                      \
    X(ICMP_SEQ, "icmp_seq", NULL, 16)                    \
    X(ICMPV6_MTU, "icmpv6.mtu", NULL, 32)                \
    X(TCP_FLAGS, "tcp.flags", "flags", 8)                \
    X(TCP_SEQ, "tcp.seq", "seq", 32)                     \
    X(TCP_ACK, "tcp.ack", "ack", 32)                     \
    X(TCP_WINDOW, "tcp.window", "window", 16)            \
    X(TCP_MSS, "tcp.mss", NULL, 16)                      \
    X(TCP_WSCALE, "tcp.wscale", NULL, 8)                 \
    X(FRAGBITS, "fragbits", NULL, 8)                     \
    X(FRAGOFFSET, "fragoffset", NULL, 16)                \
    X(IPOPTS, "ipopts", NULL, 32)                        \
    X(VLAN_LAYERS, "vlan.layers", NULL, 8)               \
    X(VLAN_ID, "vlan.id", NULL, 16)                      \
    X(FLOW_AGE, "flow.age", NULL, 32)                    \
    X(FLOW_PKTS, "flow.pkts", NULL, 64) /* Side: either, or both. */ \
    X(FLOW_PKTS_TOCLIENT, "flow.pkts_toclient", NULL, 64) \
    X(FLOW_PKTS_TOSERVER, "flow.pkts_toserver", NULL, 64) \
    X(FLOW_BYTES, "flow.bytes", NULL, 64) /* Side as FLOW_PKTS. */ \
    X(FLOW_BYTES_TOCLIENT, "flow.bytes_toclient", NULL, 64) \
    X(FLOW_BYTES_TOSERVER, "flow.bytes_toserver", NULL, 64) \
    X(STREAM_SIZE, "stream_size", NULL, 64) /* test.side says which; 64-bit compare. */ \
    X(VXLAN_VNI, "vxlan_vni", NULL, 32)                  \
    X(DNS_OPCODE, "dns.opcode", NULL, 8)                 \
    X(DNS_RCODE, "dns.rcode", NULL, 16)                  \
    X(DNS_RRTYPE, "dns.rrtype", NULL, 16)                \
    X(HTTP_URILEN, "urilen", NULL, 16)                   \
    X(TLS_VERSION, "tls.version", "ssl_version", 16)     \
    X(SSL_STATE, "ssl_state", NULL, 16)                  \
    X(TLS_CERT_CHAIN_LEN, "tls.cert_chain_len", NULL, 32) \
    X(TLS_CERT_NOTBEFORE, "tls_cert_notbefore", NULL, 64) \
    X(TLS_CERT_NOTAFTER, "tls_cert_notafter", NULL, 64)   \
    X(TLS_CERT_EXPIRED, "tls_cert_expired", NULL, 8)     \
    X(TLS_CERT_VALID, "tls_cert_valid", NULL, 8)         \
    X(FTP_DYNAMIC_PORT, "ftp.dynamic_port", NULL, 16)    \
    X(FTP_MODE, "ftp.mode", NULL, 8)                     \
    X(FTP_REPLY_RECEIVED, "ftp.reply_received", NULL, 8) \
    X(FTPDATA_COMMAND, "ftpdata_command", NULL, 8)       \
    X(DHCP_LEASETIME, "dhcp.leasetime", NULL, 64)        \
    X(DHCP_RENEWAL_TIME, "dhcp.renewal_time", NULL, 64)  \
    X(DHCP_REBINDING_TIME, "dhcp.rebinding_time", NULL, 64) \
    X(SNMP_VERSION, "snmp.version", NULL, 32)            \
    X(SNMP_PDU_TYPE, "snmp.pdu_type", NULL, 32)          \
    X(KRB5_MSG_TYPE, "krb5_msg_type", NULL, 8)           \
    X(KRB5_ERR_CODE, "krb5_err_code", NULL, 32)          \
    X(KRB5_TICKET_ENCRYPTION, "krb5.ticket_encryption", NULL, 32) \
    X(RFB_SECTYPE, "rfb.sectype", NULL, 32)              \
    X(RFB_SECRESULT, "rfb.secresult", NULL, 32)          \
    X(MQTT_TYPE, "mqtt.type", NULL, 8)                   \
    X(MQTT_QOS, "mqtt.qos", NULL, 8)                     \
    X(MQTT_FLAGS, "mqtt.flags", NULL, 8)                 \
    X(MQTT_PROTOCOL_VERSION, "mqtt.protocol_version", NULL, 8)\
    X(MQTT_REASON_CODE, "mqtt.reason_code", NULL, 8)     \
    X(MQTT_CONNECT_FLAGS, "mqtt.connect.flags", NULL, 8) \
    X(MQTT_SESSION_PRESENT, "mqtt.connack.session_present", NULL, 8)\
    X(SMB_VERSION, "smb.version", NULL, 8)               \
    X(DCERPC_OPNUM, "dcerpc.opnum", "dce_opnum", 16)     \
    X(FILESIZE, "filesize", NULL, 64)

enum rule_field {
#define X(id, keyword, legacy, bits) FIELD_##id,
    RULE_FIELDS(X)
#undef X
    N_RULE_FIELDS
};

enum rule_test_kind {
    TEST_NUMBER,                /* field, cmp, a, b, flag, negated */
    TEST_SAME_IP,
    TEST_FLOWBIT,               /* name: index into ruleset.flowbits; negated; alternatives */
    TEST_FLOWINT,               /* name, cmp, a (b: of another name, if not 0); or is
                                 * (not) set */
    TEST_XBIT,                  /* name, scope; negated */
    TEST_HOSTBIT,
    TEST_APP_PROTO,             /* proto, side, negated */
    TEST_APP_EVENT,             /* proto, event name */
    TEST_DECODE_EVENT,          /* event name ("decode-event:", "stream-event:") */
    TEST_STREAM_EVENT,
    TEST_IPREP,                 /* side (EITHER, SRC, DST, BOTH), name of the category, cmp,
                                 * a; or is (not) set */
    TEST_GEOIP,                 /* side as TEST_IPREP, names: countries as two letters, the
                                 * first the higher byte; negated: none of them */
    TEST_DETECTION_FILTER,      /* In rule.filter; here for its place in a dump. */
    TEST_FILE_TYPE,             /* filename/fileext/filemagic/filemd5...: text */
    TEST_OTHER,                 /* Accepted and always true; kept for dumps. */
    TEST_CHECKSUM,              /* a: enum rule_checksum; b: 1 valid, 0 invalid. */
    TEST_FLOWVAR, TEST_PKTVAR,  /* name: index into ruleset.vars; text: is in the value */
    TEST_DCE_IFACE,             /* names: the UUID in four; cmp, a, b: its version, where flag
                                 * has DCE_IFACE_VERSION. */
};

/* What "ipv4-csum" and its like look at. */
enum rule_checksum { CHECKSUM_IPV4, CHECKSUM_TCPV4, CHECKSUM_UDPV4, CHECKSUM_ICMPV4,
                     CHECKSUM_TCPV6, CHECKSUM_UDPV6, CHECKSUM_ICMPV6 };

/* Of TEST_DCE_IFACE: it has a version to compare; any fragment of a bind will do. */
enum { DCE_IFACE_VERSION = 1, DCE_IFACE_ANY_FRAG = 2 };

/* How number tests of fields with a meaning of their own are coded:
 *   TCP_FLAGS   the flags byte as in the header (FIN 1 ... CWR 128)
 *   FRAGBITS    1 more fragments, 2 do not fragment, 4 reserved
 *   FRAGOFFSET  as in the header, in units of eight bytes
 *   IPOPTS      bit n: option number n (the lower five bits of its type) is there
 *   TLS_VERSION 0x0002 SSLv2, 0x0300 SSLv3, 0x0301 TLS 1.0, ...
 *   SSL_STATE   1 client hello, 2 server hello, 4 client key exchange,
 *               8 server key exchange, 16 unknown: any bit of 'a'
 *   TLS_CERT_NOTBEFORE, TLS_CERT_NOTAFTER       seconds since 1970; 0 before
 *   TLS_CERT_EXPIRED, TLS_CERT_VALID            1 or 0, at the time of the packet
 *   FTP_MODE    1 active, 0 passive
 *   FTP_REPLY_RECEIVED                          1 yes, 0 no
 *   MQTT_FLAGS  as in the fixed header: retain 1, dup 8
 *   KRB5_ERR_CODE, KRB5_TICKET_ENCRYPTION       the lower 32 bits of the signed number
 *   RFB_SECRESULT                               0 ok, 1 fail, 2 too many, 3 and more unknown
 *   FTPDATA_COMMAND                             1 retr, stor, appe, stou, list, nlst, mlsd */

enum rule_side { SIDE_EITHER, SIDE_SRC, SIDE_DST, SIDE_BOTH, SIDE_CLIENT, SIDE_SERVER };

struct rule_test {
    enum rule_test_kind kind;
    bool negated;
    enum rule_field field;
    enum number_cmp cmp;
    uint64_t a, b;
    uint16_t flag;              /* urilen: 1 = raw. */
    enum rule_side side;
    enum app_proto proto;
    bool needs_set, needs_unset;        /* flowint, iprep: isset / notset. */
    uint32_t name;              /* Index into the rule set's names of that kind. */
    size_t n_names;             /* flowbits: isset,a|b: any of names[].  Numbers with
                                 * CMP_EQ: more values, any of which will do; with
                                 * CMP_RANGE_INCLUSIVE: pairs of more limits. */
    uint32_t *names;
    const char *text;           /* Argument as written, where the engine resolves it. */
    const char *at;             /* Its keyword in the rule's text; NULL: the header. */
};

/* flow: keyword and header arrow together. */
enum rule_flow_flag {
    FLOW_TO_SERVER = 1, FLOW_TO_CLIENT = 2, FLOW_IS_ESTABLISHED = 4,
    FLOW_NOT_ESTABLISHED = 8, FLOW_IS_STATELESS = 16, FLOW_ONLY_STREAM = 32,
    FLOW_NO_STREAM = 64, FLOW_ONLY_FRAG = 128, FLOW_NO_FRAG = 256,
};

/* ---- Buffers and the operations on them ---- */

enum transform_kind {
    TRANSFORM_TO_LOWERCASE, TRANSFORM_TO_UPPERCASE, TRANSFORM_URL_DECODE,
    TRANSFORM_STRIP_WHITESPACE, TRANSFORM_COMPRESS_WHITESPACE, TRANSFORM_TO_MD5,
    TRANSFORM_TO_SHA1, TRANSFORM_TO_SHA256, TRANSFORM_DOTPREFIX, TRANSFORM_HEADER_LOWERCASE,
    TRANSFORM_STRIP_PSEUDO_HEADERS, TRANSFORM_PCREXFORM, TRANSFORM_XOR,
    TRANSFORM_FROM_BASE64, TRANSFORM_DOMAIN, TRANSFORM_TLD, TRANSFORM_CASECHANGE,
    TRANSFORM_GUNZIP, TRANSFORM_ZLIB_DEFLATE,   /* a: at most so many bytes. */
};
struct rule_transform {
    enum transform_kind kind;
    struct slice argument;      /* pcrexform: expression; xor: key; from_base64: options. */
    uint64_t a, b;
};

enum rule_op_kind {
    OP_CONTENT, OP_PCRE, OP_BYTE_TEST, OP_BYTE_JUMP, OP_BYTE_EXTRACT, OP_BYTE_MATH,
    OP_ISDATAAT, OP_BSIZE, OP_BASE64_DECODE, OP_DATASET, OP_ENTROPY, OP_ASN1, OP_FTPBOUNCE,
};

struct op_content {
    struct slice pattern;       /* Lower-cased already when 'nocase'. */
    bool nocase, starts_with, ends_with;
    bool has_offset, has_depth, has_distance, has_within;
    struct rule_number offset, depth;   /* From the start of the buffer; depth counts from
                                         * offset, as written. */
    struct rule_number distance, within;        /* From the end of the match before. */
    bool is_fast;               /* Author's choice. */
    bool is_fast_only;          /* fast_pattern:only */
    uint16_t fast_offset, fast_size;    /* fast_pattern:offset,size; size 0: whole. */
};
struct op_pcre {
    const char *pattern;        /* NUL-terminated, without the slashes. */
    uint32_t options;           /* PCRE2_* of the compiler's flags i s m x A E G U. */
    bool relative;              /* R */
    bool raw;                   /* B */
    void *code;                 /* pcre2_code, JIT-compiled; owned by the rule set. */
    uint8_t n_captures;         /* Named or positional variables to set: */
    struct { char kind; uint32_t name; } captures[4];   /* 'p' packet, 'f' flow, 'a' alert */
};
enum number_base { BASE_BINARY, BASE_DEC, BASE_HEX, BASE_OCT };
struct op_bytes {               /* byte_test, byte_jump, byte_extract, byte_math */
    /* As "string", 0 bytes read the digits that there are, at most 23. */
    struct rule_number n_bytes, offset;
    bool relative, little_endian, is_dce, is_signed;
    enum number_base base;      /* Not BASE_BINARY: "string". */
    uint64_t bitmask;           /* 0: none. */
    uint8_t result_var;         /* byte_extract, byte_math; byte_jump with a result. */
    /* byte_test */
    enum number_cmp cmp;
    struct rule_number value;
    /* byte_jump */
    int64_t multiplier, post_offset;
    struct rule_number post_offset_var;
    bool align, from_beginning, from_end;
    /* byte_extract */
    uint8_t align_to;           /* 0, 2, 4 */
    /* byte_math */
    char math;                  /* + - * / < (left shift) > (right shift) */
    struct rule_number rvalue;
};
struct op_isdataat { struct rule_number at; bool relative; };
struct op_bsize { enum number_cmp cmp; uint64_t a, b; };
struct op_base64 { uint32_t n_bytes, offset; bool relative; };  /* n_bytes 0: to the end. */
struct op_dataset {
    uint32_t set;               /* Index into ruleset.datasets. */
    uint8_t action;             /* isset isnotset set unset: 0..3; datarep: 4 */
    enum number_cmp cmp;        /* datarep: of the reputation, ... */
    uint16_t value;             /* ... with this. */
    const char *context_key;    /* Under which the value's JSON goes into the alert, or NULL. */
};
struct op_entropy {             /* Shannon entropy in bits a byte, of bytes from 'offset' on. */
    uint32_t n_bytes, offset;   /* n_bytes 0: to the end. */
    enum number_cmp cmp;
    double a, b;
};

struct op_asn1 {                /* Faults of BER, from a place in the payload on. */
    bool bitstring_overflow;    /* More unused bits than bits. */
    bool double_overflow;       /* A REAL in decimal of more than 256 bytes. */
    bool has_oversize;
    uint32_t oversize;          /* An element of more bytes. */
    bool has_absolute;          /* From here; else 'offset' behind the match before. */
    int32_t offset;
};

struct rule_op {
    enum rule_op_kind kind;
    bool negated;
    bool relative;              /* Starts at the cursor: distance, within, R, relative. */
    bool next_relative;         /* The operation behind it is: matches must be tried in turn. */
    const char *at;             /* Its keyword in the rule's text. */
    union {
        struct op_content content;
        struct op_pcre pcre;
        struct op_bytes bytes;
        struct op_isdataat isdataat;
        struct op_bsize bsize;
        struct op_base64 base64;
        struct op_dataset dataset;
        struct op_entropy entropy;
        struct op_asn1 asn1;
        const char *text;
    };
};

struct rule_buffer {
    enum buffer_id id;
    struct slice argument;      /* Of buffers that take one. */
    enum frame_id frame;        /* Of BUFFER_FRAME. */
    uint8_t dirs;               /* BUFFER_TS, BUFFER_TC: in which direction it is. */
    size_t n_transforms, n_ops;
    struct rule_transform *transforms;
    struct rule_op *ops;
    uint8_t absent;             /* enum buffer_absent. */
};
/* The keyword "absent": the rule needs the buffer not to be there, or "or_else": that, or
 * that the operations match. */
enum buffer_absent { BUFFER_PRESENT, BUFFER_ABSENT, BUFFER_ABSENT_OR_ELSE };

/* ---- Actions ---- */

enum rule_do_kind { DO_FLOWBIT_SET, DO_FLOWBIT_UNSET, DO_FLOWBIT_TOGGLE,
                    DO_FLOWINT_SET, DO_FLOWINT_ADD, DO_FLOWINT_SUB,
                    DO_XBIT_SET, DO_XBIT_UNSET, DO_XBIT_TOGGLE,
                    DO_HOSTBIT_SET, DO_HOSTBIT_UNSET, DO_HOSTBIT_TOGGLE,
                    DO_TAG, DO_BYPASS, DO_FILESTORE, DO_CONFIG };
struct rule_do {
    enum rule_do_kind kind;
    uint32_t name;
    uint64_t value;             /* flowint; xbit expiry in seconds; tag count; filestore:
                                 * FILESTORE_TS, _TC, or 0: the direction of the match. */
    uint32_t value_name;        /* flowint by another flowint's name; 0: none. */
    enum rule_side side;        /* xbits: src, dst, both (ip_pair); tag: session, host. */
    uint8_t unit;               /* tag: 0 seconds, 1 packets, 2 bytes; filestore: scope. */
    const char *text;           /* config, filestore: as written, or empty. */
    const char *at;             /* Its keyword in the rule's text. */
};

/* A rule with "filestore" matches files: without one there is nothing to match. */
static inline bool rule_do_needs_file(const struct rule_do *d)
{
    return d->kind == DO_FILESTORE;
}
enum filestore_scope { FILESTORE_FILE, FILESTORE_TX, FILESTORE_FLOW };
#define FILESTORE_TS 1u
#define FILESTORE_TC 2u

enum filter_kind { FILTER_NONE, FILTER_THRESHOLD, FILTER_LIMIT, FILTER_BOTH,
                   FILTER_DETECTION, FILTER_RATE, FILTER_SUPPRESS, FILTER_BACKOFF };
enum filter_track { TRACK_SRC, TRACK_DST, TRACK_BOTH, TRACK_RULE, TRACK_FLOW, TRACK_NONE };
struct rule_filter {
    enum filter_kind kind;
    enum filter_track track;
    uint32_t count, seconds, multiplier;
    enum rule_action new_action;        /* FILTER_RATE */
    uint32_t timeout;
    const struct address_set *addresses;        /* FILTER_SUPPRESS; NULL: all. */
};

/* ---- The rule and the set ---- */

/* What a rule hangs on, hence when it is looked at. */
enum rule_type {
    RULE_TYPE_PACKET,           /* Header tests, or payload packet by packet. */
    RULE_TYPE_IP_ONLY,          /* Addresses alone: once per flow and direction. */
    RULE_TYPE_DECODE_EVENT,
    RULE_TYPE_STREAM,           /* Payload of the stream (perhaps of packets too). */
    RULE_TYPE_APP,              /* The protocol alone. */
    RULE_TYPE_TX,               /* Something of a transaction. */
    RULE_TYPE_FRAME,            /* Something of a frame. */
};

/* Behind a protocol, "tls:client_hello_done": when the rule is looked at. */
enum rule_hook {
    HOOK_NONE,
    HOOK_TX,                    /* A transaction came that far: hook_progress. */
    HOOK_FLOW_START,            /* The first packet of a side of a flow. */
    HOOK_PACKET,                /* Each packet. */
};

struct rule {
    uint32_t index;             /* In ruleset.rules. */
    uint32_t sid, gid, rev;
    int priority;               /* 1 is the most severe. */
    enum rule_action action;
    enum rule_proto proto;
    enum app_proto app_proto;   /* Of the header, or implied by a buffer; else UNKNOWN. */
    bool is_bidirectional;      /* <> */
    bool is_both_sides;         /* =>: each buffer of a transaction in its own direction. */
    bool is_stream_frame;       /* "frame:x.stream": payload is the stream of that protocol. */
    enum rule_hook hook;
    uint8_t hook_progress;      /* rules/lang/hooks.h; its direction is in 'flow'. */
    const struct address_set *src, *dst;
    const struct port_set *sports, *dports;
    uint32_t flow;              /* enum rule_flow_flag. */
    bool no_alert;
    bool also_alert;            /* The keyword "alert": a pass that is told. */
    /* What payload operations see of TCP: each packet, the reassembled stream, or both.
     * Where a rule is also for other protocols ("ip", "dns"), their payload is always
     * looked at packet by packet, whatever stands here. */
    bool looks_at_packet;
    bool looks_at_stream;
    bool is_transactional;      /* Has a buffer or test of an application transaction. */
    const char *msg;            /* "" when the rule has none. */
    const char *category, *classtype;   /* Category: classtype's text; or NULL. */
    const char *metadata_json;  /* EVE's alert.metadata object, or NULL. */
    const char *references_json;        /* Array of texts, or NULL. */
    enum rule_side target;      /* SIDE_EITHER: none. */
    const char *text;           /* As written, one line. */
    const char *file;
    unsigned line;
    size_t n_pieces;            /* Lines of the file that 'text' was joined from: rule_place(). */
    const struct line_piece *pieces;

    size_t n_tests, n_buffers, n_dos, n_filters;
    struct rule_test *tests;
    struct rule_buffer *buffers;        /* In order of first appearance, equal ones merged. */
    struct rule_do *dos;
    struct rule_filter *filters;        /* threshold, detection_filter, threshold.config */

    /* By which content the rule is found: buffers[fast_buffer].ops[fast_op]; -1: none,
     * the rule is a candidate wherever its header fits. */
    int fast_buffer, fast_op;

    enum rule_side reject_side;         /* RULE_REJECT: SIDE_SRC, SIDE_DST, SIDE_BOTH. */
    enum rule_type type;
};

struct line_piece {             /* Part of a rule's text that stood on one line of its file. */
    size_t start;
    unsigned line, column;
};
/* Line and column in the file of what stands at 'at' in the rule's text. */
void rule_place(const struct rule *, const char *at, unsigned *line, unsigned *column);

struct rule_names {             /* Interned names; index 0 is never used. */
    size_t n;
    const char **names;
};

struct rule_dataset {
    const char *name, *type;    /* md5 sha256 string ipv4 ip */
    const char *load, *save, *state;    /* Paths, or NULL; a relative one is below the
                                         * folder of the rule file, and stands so here. */
    uint64_t memcap, hashsize;
    bool is_rep;                /* datarep: "value,reputation" a line. */
    enum dataset_format { FORMAT_CSV, FORMAT_JSON, FORMAT_NDJSON } format;
    const char *value_key, *array_key;  /* JSON: dotted paths to the value in an element and
                                         * to the array of elements; array_key may be NULL. */
    bool remove_key;            /* The value is left out of what the alert tells. */
};

struct ruleset {
    size_t n_rules;
    struct rule **rules;        /* In evaluation order: action (pass, drop, reject, alert),
                                 * then flowbit writers before readers, then priority. */
    struct rule_names flowbits, flowints, xbits, hostbits, vars, events, categories;
    /* threshold.config for rules of gen_id or sig_id 0 stands in each rule's filters too. */
    size_t n_datasets;
    struct rule_dataset *datasets;
    size_t n_loaded, n_refused, n_disabled, n_duplicate;
    size_t n_skipped;           /* "requires" not met: neither loaded nor refused. */
    uint64_t hash;              /* Of all that was read: names caches and epochs. */
    size_t n_codes;
    void **codes;               /* pcre2_code, owned; equal expressions share one. */
    struct arena *arena;        /* Owns all of the above. */
};

#endif
