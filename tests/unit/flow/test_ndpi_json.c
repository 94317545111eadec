/* The members that protocols have of their own in the "ndpi" object, held against those that
 * nDPI's serializer writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sensor/flow/ndpi_private.h"

/* All that can stand in text from the network, with every byte but the NUL. */
static char odd_text[256];

struct kit {
    struct ndpi_detection_module_struct *module;
    ndpi_serializer serializer;
    struct ndpi_flow_struct state;
    struct strbuf ours;
};

static int open_kit(void **state)
{
    struct kit *kit = calloc(1, sizeof *kit);

    for (unsigned i = 0; i < sizeof odd_text - 1; i++) {
        odd_text[i] = (char) (i + 1);
    }
    kit->module = ndpi_init_detection_module(ndpi_no_prefs);
    ndpi_finalize_initialization(kit->module);
    assert_int_equal(ndpi_init_serializer(&kit->serializer, ndpi_serialization_format_json), 0);
    *state = kit;
    return 0;
}

static int close_kit(void **state)
{
    struct kit *kit = *state;

    ndpi_term_serializer(&kit->serializer);
    ndpi_exit_detection_module(kit->module);
    strbuf_fini(&kit->ours);
    free(kit);
    return 0;
}

static void expect_same(struct kit *kit, uint16_t master, uint16_t app)
{
    struct ndpi_proto proto = { .master_protocol = master, .app_protocol = app };
    char theirs[8192];
    uint32_t size = 0;

    ndpi_reset_serializer(&kit->serializer);
    assert_int_equal(ndpi_dpi2json(kit->module, &kit->state, proto, &kit->serializer), 0);
    const char *text = ndpi_serializer_get_buffer(&kit->serializer, &size);
    /* {"ndpi": {HEAD}TAIL}; no head has a brace within, as there are no risks. */
    const char *tail = memchr(text, '}', size);
    assert_non_null(tail);
    size_t tail_size = size - (size_t) (tail + 1 - text) - 1;
    assert_in_range(tail_size, 0, sizeof theirs - 1);
    memcpy(theirs, tail + 1, tail_size);
    theirs[tail_size] = '\0';
    strbuf_clear(&kit->ours);
    ndpi_metadata_write(&kit->ours, &kit->state, proto);
    assert_string_equal(strbuf_cstr(&kit->ours), theirs);
}

/* Copies of the odd text fill an array; 'from' says where they begin. */
static void fill(char *array, size_t size, unsigned from)
{
    for (size_t i = 0; i + 1 < size; i++) {
        array[i] = odd_text[(from + i) % (sizeof odd_text - 1)];
    }
    array[size - 1] = '\0';
}
#define FILL(array, from) fill((array), sizeof(array), (from))

static struct ndpi_flow_struct *clear(struct kit *kit)
{
    memset(&kit->state, 0, sizeof kit->state);
    return &kit->state;
}

static void an_empty_state_is_told_alike_for_each_protocol(void **state)
{
    struct kit *kit = *state;

    clear(kit);
    for (uint16_t id = 0; id < NDPI_LAST_IMPLEMENTED_PROTOCOL; id++) {
        expect_same(kit, NDPI_PROTOCOL_UNKNOWN, id);
        expect_same(kit, id, NDPI_PROTOCOL_GOOGLE);
    }
}

static void text_is_escaped_alike_whatever_the_bytes(void **state)
{
    struct kit *kit = *state;
    struct ndpi_flow_struct *s = clear(kit);

    s->http.url = s->http.content_type = odd_text;
    FILL(s->host_server_name, 40);
    expect_same(kit, NDPI_PROTOCOL_UNKNOWN, NDPI_PROTOCOL_HTTP);
    s->http.user_agent = odd_text + 30;
    s->http.response_status_code = 65535;
    expect_same(kit, NDPI_PROTOCOL_HTTP, NDPI_PROTOCOL_GOOGLE);
    s->http.content_type = NULL;
    expect_same(kit, NDPI_PROTOCOL_HTTP, NDPI_PROTOCOL_GOOGLE);
    expect_same(kit, NDPI_PROTOCOL_UNKNOWN, NDPI_PROTOCOL_MDNS);
}

static void dns_and_ntp_are_told_alike(void **state)
{
    struct kit *kit = *state;
    struct ndpi_flow_struct *s = clear(kit);

    FILL(s->host_server_name, 0);
    s->protos.dns.num_queries = 1;
    s->protos.dns.num_answers = 255;
    s->protos.dns.reply_code = 3;
    s->protos.dns.query_type = 65535;
    s->protos.dns.rsp_type = 28;
    memcpy(&s->protos.dns.rsp_addr, "\xc0\x00\x02\xff\x01\x02\x03\x04", 8);
    expect_same(kit, NDPI_PROTOCOL_UNKNOWN, NDPI_PROTOCOL_DNS);
    expect_same(kit, NDPI_PROTOCOL_DNS, NDPI_PROTOCOL_GOOGLE);
    clear(kit)->protos.ntp.request_code = 42;
    s->protos.ntp.version = 4;
    expect_same(kit, NDPI_PROTOCOL_UNKNOWN, NDPI_PROTOCOL_NTP);
    clear(kit)->entropy = 4.1234565f;
    expect_same(kit, NDPI_PROTOCOL_UNKNOWN, NDPI_PROTOCOL_IP_ICMP);
}

static void fill_tls(struct ndpi_flow_struct *s)
{
    FILL(s->host_server_name, 80);
    s->protos.tls_quic.ssl_version = 0x0304;
    s->protos.tls_quic.server_names = s->protos.tls_quic.alpn = odd_text;
    s->protos.tls_quic.issuerDN = odd_text + 100;
    s->protos.tls_quic.subjectDN = odd_text + 150;
    s->protos.tls_quic.tls_supported_versions = odd_text + 200;
    s->protos.tls_quic.server_cipher = 0xc02f;
    s->protos.tls_quic.server_unsafe_cipher = 2;
    FILL(s->protos.tls_quic.ja3_client, 10);
    FILL(s->protos.tls_quic.ja3_server, 50);
    memcpy(s->protos.tls_quic.sha1_certificate_fingerprint, odd_text + 150, 20);
}

static void tls_and_quic_are_told_alike(void **state)
{
    static const uint16_t versions[] = { 0, 0x0300, 0x0303, 0x0304, 0xfb1a, 0xfefd, 0x7f1c,
                                         0x1a1a, 0x1234 };
    struct kit *kit = *state;
    struct ndpi_flow_struct *s = clear(kit);

    fill_tls(s);
    s->http.user_agent = odd_text;
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        s->protos.tls_quic.ssl_version = versions[i];
        expect_same(kit, NDPI_PROTOCOL_TLS, NDPI_PROTOCOL_GOOGLE);
        expect_same(kit, NDPI_PROTOCOL_UNKNOWN, NDPI_PROTOCOL_DTLS);
        expect_same(kit, NDPI_PROTOCOL_QUIC, NDPI_PROTOCOL_GOOGLE);
    }
    s->protos.tls_quic.server_cipher = 0xfffe;
    s->protos.tls_quic.sha1_certificate_fingerprint[0] = 0;
    s->protos.tls_quic.ssl_version = 0x0303;
    expect_same(kit, NDPI_PROTOCOL_UNKNOWN, NDPI_PROTOCOL_TLS);
}

static void dates_are_told_alike_where_nDPI_tells_them(void **state)
{
    static const uint32_t dates[] = { 0, 1, 951782400, 1704067199, UINT32_MAX };
    struct kit *kit = *state;
    struct ndpi_flow_struct *s = clear(kit);

    for (size_t i = 0; i < 25; i++) {
        fill_tls(s);
        s->protos.tls_quic.notBefore = dates[i / 5];
        s->protos.tls_quic.notAfter = dates[i % 5];
        expect_same(kit, NDPI_PROTOCOL_UNKNOWN, NDPI_PROTOCOL_TLS);
        memset(s->protos.tls_quic.ja3_client, 0, sizeof s->protos.tls_quic.ja3_client);
        expect_same(kit, NDPI_PROTOCOL_UNKNOWN, NDPI_PROTOCOL_TLS);
    }
}

static void logins_are_told_alike(void **state)
{
    static const uint16_t mail[] = { NDPI_PROTOCOL_MAIL_IMAP, NDPI_PROTOCOL_MAIL_POP,
                                     NDPI_PROTOCOL_MAIL_SMTP, NDPI_PROTOCOL_FTP_CONTROL };
    struct kit *kit = *state;
    struct ndpi_flow_struct *s = clear(kit);

    FILL(s->l4.tcp.ftp_imap_pop_smtp.username, 20);
    FILL(s->l4.tcp.ftp_imap_pop_smtp.password, 30);
    s->l4.tcp.ftp_imap_pop_smtp.auth_failed = 1;
    for (size_t i = 0; i < sizeof mail / sizeof mail[0]; i++) {
        expect_same(kit, NDPI_PROTOCOL_UNKNOWN, mail[i]);
    }
    s = clear(kit);
    FILL(s->protos.telnet.username, 0);
    FILL(s->protos.telnet.password, 60);
    expect_same(kit, NDPI_PROTOCOL_UNKNOWN, NDPI_PROTOCOL_TELNET);
    s = clear(kit);
    FILL(s->protos.kerberos.hostname, 0);
    FILL(s->protos.kerberos.domain, 60);
    FILL(s->protos.kerberos.username, 120);
    expect_same(kit, NDPI_PROTOCOL_UNKNOWN, NDPI_PROTOCOL_KERBEROS);
    s = clear(kit);
    FILL(s->protos.ssh.client_signature, 0);
    FILL(s->protos.ssh.server_signature, 60);
    FILL(s->protos.ssh.hassh_client, 120);
    FILL(s->protos.ssh.hassh_server, 180);
    expect_same(kit, NDPI_PROTOCOL_UNKNOWN, NDPI_PROTOCOL_SSH);
}

static void the_others_are_told_alike(void **state)
{
    struct kit *kit = *state;
    struct ndpi_flow_struct *s = clear(kit);

    FILL(s->host_server_name, 0);
    FILL(s->protos.dhcp.fingerprint, 60);
    FILL(s->protos.dhcp.class_ident, 120);
    expect_same(kit, NDPI_PROTOCOL_UNKNOWN, NDPI_PROTOCOL_DHCP);
    FILL(clear(kit)->protos.ubntac2.version, 33);
    expect_same(kit, NDPI_PROTOCOL_UNKNOWN, NDPI_PROTOCOL_UBNTAC2);
    clear(kit)->protos.bittorrent.hash[19] = 0xab;
    expect_same(kit, NDPI_PROTOCOL_UNKNOWN, NDPI_PROTOCOL_BITTORRENT);
}

static void expect_plain(const char *word)
{
    for (; word != NULL && *word != '\0'; word++) {
        assert_true(*word >= ' ' && *word < 0x7f && *word != '"' && *word != '\\');
    }
}

static void words_of_the_tables_need_no_escape(void **state)
{
    struct kit *kit = *state;

    for (uint16_t id = 0; id < NDPI_LAST_IMPLEMENTED_PROTOCOL; id++) {
        expect_plain(ndpi_get_proto_name(kit->module, id));
        expect_plain(ndpi_get_proto_breed_name(kit->module,
                                               ndpi_get_proto_breed(kit->module, id)));
    }
    for (int id = 0; id < NDPI_PROTOCOL_NUM_CATEGORIES; id++) {
        expect_plain(ndpi_category_get_name(kit->module, (ndpi_protocol_category_t) id));
    }
    for (int id = 0; id < NDPI_MAX_RISK; id++) {
        expect_plain(ndpi_risk2str((ndpi_risk_enum) id));
        expect_plain(ndpi_severity2str(ndpi_risk2severity((ndpi_risk_enum) id)->severity));
    }
    for (int id = 0; id < NDPI_CONFIDENCE_MAX; id++) {
        expect_plain(ndpi_confidence_get_name((ndpi_confidence_t) id));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_state_is_told_alike_for_each_protocol),
        cmocka_unit_test(text_is_escaped_alike_whatever_the_bytes),
        cmocka_unit_test(dns_and_ntp_are_told_alike),
        cmocka_unit_test(tls_and_quic_are_told_alike),
        cmocka_unit_test(dates_are_told_alike_where_nDPI_tells_them),
        cmocka_unit_test(logins_are_told_alike),
        cmocka_unit_test(the_others_are_told_alike),
        cmocka_unit_test(words_of_the_tables_need_no_escape),
    };
    return cmocka_run_group_tests(tests, open_kit, close_kit);
}
