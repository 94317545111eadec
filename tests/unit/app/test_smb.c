/* How SMB is recognized, and who authenticates within it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "smb_talk.h"

static void recognition_waits_for_a_message(void **unused)
{
    static const struct { const char *name; uint16_t port; struct turn turn;
                          enum app_proto proto; } rows[] = {
        { "a session request alone", 139, C("\x81\0\0\4abcd"), APP_UNKNOWN },
        { "another port", 4444, C("\0\0\0\x40\xfeSMB" ZEROS), APP_SMB },
        { "something else", 445, C("\0\0\0\x40XSMB" ZEROS), APP_FAILED },
        { "too short to tell", 445, C("\0\0\0\x40\xffSMB\x72"), APP_UNKNOWN },
        { "a session request and a message", 139,
          C("\x81\0\0\4abcd\0\0\0\x40\xffSMB\x72" ZEROS), APP_SMB },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct conversation c;
        start_smb(&c);
        c.flow.key.dport = rows[i].port;
        feed_turn(&c, &rows[i].turn, 0);
        enum app_proto found = c.flow.app_proto_side[TO_SERVER];
        if (found != rows[i].proto) {
            fail_msg("%s: %s", rows[i].name, app_proto_name(found));
        }
        stop(&c);
    }
}

/* SPNEGO with a ticket for cifs/srv of REALM. */
#define TICKET "\x61\x28\x30\x26\xa0\3\2\1\5\xa1\7\x1b\5REALM\xa2\x16\x30\x14\xa0\3\2\1\2" \
    "\xa1\x0d\x30\x0b\x1b\4" "cifs\x1b\3srv"
#define AP_REQ "\x6e\x2e\x30\x2c\xa3\x2a" TICKET
#define TOKEN "\x60\x3d\6\x09\x2a\x86\x48\x86\xf7\x12\1\2\2\1\0" AP_REQ
#define SPNEGO "\x60\x5e\6\6\x2b\6\1\5\5\2\xa0\x54\x30\x52" \
    "\xa0\x0d\x30\x0b\6\x09\x2a\x86\x48\x86\xf7\x12\1\2\2" "\xa2\x41\4\x3f" TOKEN

static void tickets_tell_realm_and_service(void **unused)
{
    static const char blob[] = SPNEGO;
    struct arena arena;

    for (size_t size = 0; size < sizeof blob; size++) {
        struct smb_auth auth = { 0 };
        uint8_t *copy = malloc(size + 1);
        memcpy(copy, blob, size);
        arena_init(&arena, 1024, 1u << 16);
        smb_auth_read(slice_of(copy, size), &arena, &auth);
        bool is_whole = size == sizeof blob - 1;
        if (auth.has_kerberos != is_whole) {
            fail_msg("%zu bytes", size);
        }
        if (is_whole) {
            assert_true(slice_is(auth.realm, "REALM"));
            assert_int_equal(auth.n_snames, 2);
            assert_true(slice_is(auth.snames[0], "cifs") && slice_is(auth.snames[1], "srv"));
        }
        arena_fini(&arena);
        free(copy);
    }
}

static void ntlmssp_in_odd_order_is_an_event(void **unused)
{
    struct strbuf b = STRBUF_EMPTY;
    struct smb_auth auth = { 0 };
    struct arena arena;

    put_authenticate(&b);
    arena_init(&arena, 1024, 1u << 16);
    smb_auth_read(slice_of(b.text, b.size), &arena, &auth);
    assert_true(auth.has_ntlmssp && !auth.is_odd_order);
    b.text[40] = 70;                            /* The user in front of the domain. */
    auth = (struct smb_auth) { 0 };
    smb_auth_read(slice_of(b.text, b.size), &arena, &auth);
    assert_true(auth.has_ntlmssp && auth.is_odd_order);
    for (size_t size = 0; size < b.size; size++) {
        uint8_t *copy = malloc(size + 1);
        memcpy(copy, b.text, size);
        auth = (struct smb_auth) { 0 };
        smb_auth_read(slice_of(copy, size), &arena, &auth);
        assert_false(auth.has_ntlmssp);
        free(copy);
    }
    arena_fini(&arena);
    strbuf_fini(&b);
}

/* Behind a tunnel: the transaction of HTTP that is still there is none of ours. */
static void what_http_left_is_left_alone(void **unused)
{
    static const struct turn ask = C("CONNECT h:445 HTTP/1.1\r\nHost: h\r\n\r\n"),
                             granted = S("HTTP/1.1 200 OK\r\n\r\n");
    struct conversation c;
    struct strbuf message = STRBUF_EMPTY, record = STRBUF_EMPTY;

    start(&c);
    feed_turn(&c, &ask, 0);
    feed_turn(&c, &granted, 0);
    const struct app_tx *http = tx_at(&c, 0);
    uint64_t events = http->events;
    put_smb2(&message, (struct smb2_header) { .command = SMB2_CREATE, .is_response = true });
    put_record(&record, &message);
    struct turn turn = { TO_SERVER, record.text, record.size, 0 };
    feed_turn(&c, &turn, 0);
    assert_int_equal(c.flow.app_proto, APP_SMB);
    assert_int_equal(http->events, events);
    assert_int_equal(c.flow.app->events, 1u << SMB_EVENT_RESPONSE_TO_SERVER);
    strbuf_fini(&message);
    strbuf_fini(&record);
    stop(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recognition_waits_for_a_message),
        cmocka_unit_test(tickets_tell_realm_and_service),
        cmocka_unit_test(ntlmssp_in_odd_order_is_an_event),
        cmocka_unit_test(what_http_left_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
