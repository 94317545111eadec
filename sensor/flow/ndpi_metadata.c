/* The member of the "ndpi" object that a protocol has of its own: "dns", "http", "tls", ...
 *
 * Byte for byte what ndpi_dpi2json() of nDPI 4.2 writes behind its head, oddities included,
 * without its serializer, which costs more than all the rest of an event.  The tests hold
 * one against the other. */
#include "sensor/flow/ndpi_private.h"

#include <time.h>

#include "common/base/ip.h"

_Static_assert(NDPI_MAJOR == 4 && NDPI_MINOR == 2, "these are the members of nDPI 4.2");

#define LITERAL(out, text) strbuf_put((out), (text), sizeof(text) - 1)

/* How nDPI writes a character: as it is, not at all, or as a backslash and this letter. */
enum { DROPPED, PLAIN };
static const char ways[256] = {
    [' '] = PLAIN, ['!'] = PLAIN, ['#' ... '.'] = PLAIN, ['0' ... '['] = PLAIN,
    [']' ... 0x7f] = PLAIN, ['"'] = '"', ['/'] = '/', ['\\'] = '\\', ['\b'] = 'b',
    ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r',
};

static void put_text(struct strbuf *out, const char *text, size_t size)
{
    char *start = strbuf_reserve(out, 2 * size + 2), *to = start;

    *to++ = '"';
    for (size_t i = 0; i < size; i++) {
        char way = ways[(uint8_t) text[i]];

        if (way == PLAIN) {
            *to++ = text[i];
        } else if (way != DROPPED) {
            *to++ = '\\';
            *to++ = way;
        }
    }
    *to++ = '"';
    out->size += (size_t) (to - start);
}

/* Members have a comma behind them; close_object() takes the last. */
static inline void put_key(struct strbuf *out, const char *name)
{
    strbuf_putc(out, '"');
    strbuf_puts(out, name);
    LITERAL(out, "\":");
}

static inline void put_string(struct strbuf *out, const char *name, const char *text)
{
    put_key(out, name);
    put_text(out, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
    strbuf_putc(out, ',');
}

/* Text in an array of the flow's state. */
#define PUT_ARRAY(out, name, array)                       \
    do {                                                  \
        put_key(out, name);                               \
        put_text(out, array, strnlen(array, sizeof array)); \
        strbuf_putc(out, ',');                            \
    } while (0)

static inline void put_number(struct strbuf *out, const char *name, uint64_t value)
{
    put_key(out, name);
    strbuf_u64(out, value);
    strbuf_putc(out, ',');
}

static inline void open_object(struct strbuf *out, const char *name)
{
    LITERAL(out, ",\"");
    strbuf_puts(out, name);
    LITERAL(out, "\": {");
}

static inline void close_object(struct strbuf *out)
{
    if (out->text[out->size - 1] == ',') {
        out->size--;
    }
    strbuf_putc(out, '}');
}

static void put_optional(struct strbuf *out, const char *name, const char *text)
{
    if (text != NULL) {
        put_string(out, name, text);
    }
}

static void put_host(struct strbuf *out, const char *name,
                     const struct ndpi_flow_struct *state)
{
    if (state->host_server_name[0] != '\0') {
        PUT_ARRAY(out, name, state->host_server_name);
    }
}

static void put_dns(struct strbuf *out, const struct ndpi_flow_struct *state)
{
    struct ip_addr first = { .version = 4 };
    char text[IP_TEXT_SIZE];

    open_object(out, "dns");
    put_host(out, "query", state);
    put_number(out, "num_queries", state->protos.dns.num_queries);
    put_number(out, "num_answers", state->protos.dns.num_answers);
    put_number(out, "reply_code", state->protos.dns.reply_code);
    put_number(out, "query_type", state->protos.dns.query_type);
    put_number(out, "rsp_type", state->protos.dns.rsp_type);
    /* An IPv6 address, too, is shown as its first four bytes. */
    memcpy(first.bytes, &state->protos.dns.rsp_addr, 4);
    put_key(out, "rsp_addr");
    put_text(out, text, ip_format(&first, false, text));
    strbuf_putc(out, ',');
    close_object(out);
}

static void put_http(struct strbuf *out, const struct ndpi_flow_struct *state)
{
    open_object(out, "http");
    put_host(out, "hostname", state);
    if (state->http.url != NULL) {
        put_string(out, "url", state->http.url);
        put_number(out, "code", state->http.response_status_code);
        put_string(out, "content_type", state->http.content_type);
        put_string(out, "user_agent", state->http.user_agent);
    }
    close_object(out);
}

static void put_quic(struct strbuf *out, const struct ndpi_flow_struct *state)
{
    char version[16];
    uint8_t is_unknown;

    open_object(out, "quic");
    put_host(out, "client_requested_server_name", state);
    put_optional(out, "server_names", state->protos.tls_quic.server_names);
    put_optional(out, "user_agent", state->http.user_agent);
    if (state->protos.tls_quic.ssl_version != 0) {
        ndpi_ssl_version2str(version, sizeof version, state->protos.tls_quic.ssl_version,
                             &is_unknown);
        if (!is_unknown) {
            put_string(out, "version", version);
        }
        put_optional(out, "alpn", state->protos.tls_quic.alpn);
        PUT_ARRAY(out, "ja3", state->protos.tls_quic.ja3_client);
        put_optional(out, "tls_supported_versions",
                     state->protos.tls_quic.tls_supported_versions);
    }
    close_object(out);
}

/* nDPI takes the four bytes behind a date as its upper half, and shows what is then still a
 * date: mostly where they are zero. */
static void put_date(struct strbuf *out, const char *name, uint32_t date, const void *behind)
{
    const int64_t far = (int64_t) 1 << 56;      /* No year of 32 bits: gmtime_r() says no. */
    uint32_t upper;
    struct tm tm;
    char text[32];

    memcpy(&upper, behind, sizeof upper);
    time_t time = (time_t) ((uint64_t) upper << 32 | date);
    if (date != 0 && time < far && time > -far && gmtime_r(&time, &tm) != NULL) {
        put_key(out, name);
        put_text(out, text, strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm));
        strbuf_putc(out, ',');
    }
}

static void put_fingerprint(struct strbuf *out, const uint8_t sha1[20])
{
    static const char hex[] = "0123456789ABCDEF";

    put_key(out, "fingerprint");
    for (unsigned i = 0; i < 20; i++) {
        strbuf_putc(out, i == 0 ? '"' : ':');
        strbuf_putc(out, hex[sha1[i] >> 4]);
        strbuf_putc(out, hex[sha1[i] & 15]);
    }
    LITERAL(out, "\",");
}

static void put_tls(struct strbuf *out, const struct ndpi_flow_struct *state)
{
    char version[16];
    uint8_t is_unknown;

    ndpi_ssl_version2str(version, sizeof version, state->protos.tls_quic.ssl_version,
                         &is_unknown);
    if (state->protos.tls_quic.ssl_version == 0 || is_unknown) {
        return;
    }
    open_object(out, "tls");
    put_string(out, "version", version);
    PUT_ARRAY(out, "client_requested_server_name", state->host_server_name);
    put_optional(out, "server_names", state->protos.tls_quic.server_names);
    put_date(out, "notbefore", state->protos.tls_quic.notBefore,
             &state->protos.tls_quic.notAfter);
    put_date(out, "notafter", state->protos.tls_quic.notAfter,
             state->protos.tls_quic.ja3_client);
    PUT_ARRAY(out, "ja3", state->protos.tls_quic.ja3_client);
    PUT_ARRAY(out, "ja3s", state->protos.tls_quic.ja3_server);
    put_number(out, "unsafe_cipher", state->protos.tls_quic.server_unsafe_cipher);
    put_string(out, "cipher", ndpi_cipher2str(state->protos.tls_quic.server_cipher));
    put_optional(out, "issuerDN", state->protos.tls_quic.issuerDN);
    put_optional(out, "subjectDN", state->protos.tls_quic.subjectDN);
    put_optional(out, "alpn", state->protos.tls_quic.alpn);
    put_optional(out, "tls_supported_versions",
                 state->protos.tls_quic.tls_supported_versions);
    if (state->protos.tls_quic.sha1_certificate_fingerprint[0] != 0) {
        put_fingerprint(out, state->protos.tls_quic.sha1_certificate_fingerprint);
    }
    close_object(out);
}

/* Mail and FTP: who logs in; the object stays open. */
static void put_login(struct strbuf *out, const char *name,
                      const struct ndpi_flow_struct *state)
{
    open_object(out, name);
    PUT_ARRAY(out, "user", state->l4.tcp.ftp_imap_pop_smtp.username);
    PUT_ARRAY(out, "password", state->l4.tcp.ftp_imap_pop_smtp.password);
}

static void put_smtp(struct strbuf *out, const struct ndpi_flow_struct *state)
{
    put_login(out, "smtp", state);
    close_object(out);
}

static void put_imap(struct strbuf *out, const struct ndpi_flow_struct *state)
{
    put_login(out, "imap", state);
    close_object(out);
}

static void put_pop(struct strbuf *out, const struct ndpi_flow_struct *state)
{
    put_login(out, "pop", state);
    close_object(out);
}

static void put_ftp(struct strbuf *out, const struct ndpi_flow_struct *state)
{
    put_login(out, "ftp", state);
    put_number(out, "auth_failed", state->l4.tcp.ftp_imap_pop_smtp.auth_failed);
    close_object(out);
}

static void put_ssh(struct strbuf *out, const struct ndpi_flow_struct *state)
{
    open_object(out, "ssh");
    PUT_ARRAY(out, "client_signature", state->protos.ssh.client_signature);
    PUT_ARRAY(out, "server_signature", state->protos.ssh.server_signature);
    PUT_ARRAY(out, "hassh_client", state->protos.ssh.hassh_client);
    PUT_ARRAY(out, "hassh_server", state->protos.ssh.hassh_server);
    close_object(out);
}

static void put_dhcp(struct strbuf *out, const struct ndpi_flow_struct *state)
{
    open_object(out, "dhcp");
    PUT_ARRAY(out, "hostname", state->host_server_name);
    PUT_ARRAY(out, "fingerprint", state->protos.dhcp.fingerprint);
    PUT_ARRAY(out, "class_ident", state->protos.dhcp.class_ident);
    close_object(out);
}

static void put_kerberos(struct strbuf *out, const struct ndpi_flow_struct *state)
{
    open_object(out, "kerberos");
    PUT_ARRAY(out, "hostname", state->protos.kerberos.hostname);
    PUT_ARRAY(out, "domain", state->protos.kerberos.domain);
    PUT_ARRAY(out, "username", state->protos.kerberos.username);
    close_object(out);
}

static void put_bittorrent(struct strbuf *out, const struct ndpi_flow_struct *state)
{
    static const uint8_t none[sizeof state->protos.bittorrent.hash];
    bool is_known = memcmp(state->protos.bittorrent.hash, none, sizeof none) != 0;

    open_object(out, "bittorrent");
    put_key(out, "hash");
    strbuf_putc(out, '"');
    strbuf_hex(out, state->protos.bittorrent.hash, is_known ? sizeof none : 0);
    LITERAL(out, "\"}");
}

static void put_telnet(struct strbuf *out, const struct ndpi_flow_struct *state)
{
    open_object(out, "telnet");
    PUT_ARRAY(out, "username", state->protos.telnet.username);
    PUT_ARRAY(out, "password", state->protos.telnet.password);
    close_object(out);
}

static void put_ntp(struct strbuf *out, const struct ndpi_flow_struct *state)
{
    open_object(out, "ntp");
    put_number(out, "request_code", state->protos.ntp.request_code);
    put_number(out, "version", state->protos.ntp.request_code);         /* nDPI's slip. */
    close_object(out);
}

static void put_mdns(struct strbuf *out, const struct ndpi_flow_struct *state)
{
    open_object(out, "mdns");
    PUT_ARRAY(out, "answer", state->host_server_name);
    close_object(out);
}

static void put_ubntac2(struct strbuf *out, const struct ndpi_flow_struct *state)
{
    open_object(out, "ubntac2");
    PUT_ARRAY(out, "version", state->protos.ubntac2.version);
    close_object(out);
}

static void put_icmp(struct strbuf *out, const struct ndpi_flow_struct *state)
{
    if (state->entropy > 0.0f) {
        strbuf_printf(out, ",\"entropy\":%.6f", (double) state->entropy);
    }
}

typedef void put_member(struct strbuf *out, const struct ndpi_flow_struct *state);

static put_member *const members[NDPI_LAST_IMPLEMENTED_PROTOCOL] = {
    [NDPI_PROTOCOL_BITTORRENT] = put_bittorrent,
    [NDPI_PROTOCOL_DHCP] = put_dhcp,
    [NDPI_PROTOCOL_DNS] = put_dns,
    [NDPI_PROTOCOL_DTLS] = put_tls,
    [NDPI_PROTOCOL_FTP_CONTROL] = put_ftp,
    [NDPI_PROTOCOL_HTTP] = put_http,
    [NDPI_PROTOCOL_IP_ICMP] = put_icmp,
    [NDPI_PROTOCOL_KERBEROS] = put_kerberos,
    [NDPI_PROTOCOL_MAIL_IMAP] = put_imap,
    [NDPI_PROTOCOL_MAIL_POP] = put_pop,
    [NDPI_PROTOCOL_MAIL_SMTP] = put_smtp,
    [NDPI_PROTOCOL_MDNS] = put_mdns,
    [NDPI_PROTOCOL_NTP] = put_ntp,
    [NDPI_PROTOCOL_QUIC] = put_quic,
    [NDPI_PROTOCOL_SSH] = put_ssh,
    [NDPI_PROTOCOL_TELNET] = put_telnet,
    [NDPI_PROTOCOL_TLS] = put_tls,
    [NDPI_PROTOCOL_UBNTAC2] = put_ubntac2,
};

void ndpi_metadata_write(struct strbuf *out, const struct ndpi_flow_struct *state,
                         struct ndpi_proto proto)
{
    uint16_t id = proto.master_protocol != NDPI_PROTOCOL_UNKNOWN ? proto.master_protocol
                                                                 : proto.app_protocol;

    if (id < sizeof members / sizeof members[0] && members[id] != NULL) {
        members[id](out, state);
    }
}
