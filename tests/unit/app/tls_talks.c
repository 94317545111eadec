#include "tests/unit/app/tls_talks.h"

#include "tests/unit/app/certificate.h"

const struct hello client_12 = {
    .version = 0x0303, .random = 0x11, .ciphers = CODES(0xc02f, 0x2f),
    .extensions = CODES(0, 16, 10, 13), .groups = CODES(29), .signatures = CODES(0x0403),
    .sni = "www.example.test", .alpn = "\2h2\10http/1.1",
};
const struct hello server_12 = {
    .version = 0x0303, .random = 0x22, .session_id = 32, .ciphers = CODES(0xc02f),
    .extensions = CODES(16), .alpn = "\2h2",
};
static const struct hello client_13 = {
    .version = 0x0303, .random = 0x11, .session_id = 32, .ciphers = CODES(0x1301),
    .extensions = CODES(0, 43), .versions = CODES(0x0304), .sni = "www.example.test",
};
static const struct hello server_13 = {
    .version = 0x0303, .random = 0x22, .session_id = 32, .ciphers = CODES(0x1301),
    .extensions = CODES(43), .versions = CODES(0x0304),
};

struct talk *new_talk(void)
{
    static struct talk talk;

    talk.size = talk.n = 0;
    return &talk;
}

/* ---- Whole handshakes ---- */

void handshake_12(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_hello(t, SERVER, &server_12);
    say_certificates(t, SERVER, certificate, sizeof certificate, 2);
    say_message(t, SERVER, 12, "key", 3);
    say_message(t, SERVER, 14, "", 0);
    say_message(t, CLIENT, 16, "key", 3);
    CCS(t, CLIENT);
    FINISHED(t, CLIENT);
    CCS(t, SERVER);
    FINISHED(t, SERVER);
    DATA(t, CLIENT);
    DATA(t, SERVER);
}

void client_certificate(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_hello(t, SERVER, &server_12);
    say_certificates(t, SERVER, certificate, sizeof certificate, 1);
    say_message(t, SERVER, 13, "request", 7);
    say_message(t, SERVER, 14, "", 0);
    say_certificates(t, CLIENT, certificate, sizeof certificate, 1);
    say_message(t, CLIENT, 16, "key", 3);
}

void resumption(struct talk *t)
{
    struct hello client = client_12;

    client.session_id = 32;
    say_hello(t, CLIENT, &client);
    say_hello(t, SERVER, &server_12);
    CCS(t, SERVER);
}

void resumption_with_data(struct talk *t)
{
    resumption(t);
    FINISHED(t, SERVER);
    CCS(t, CLIENT);
    FINISHED(t, CLIENT);
    DATA(t, CLIENT);
    DATA(t, SERVER);
}

void gap_is_no_resumption(struct talk *t)
{
    resumption(t);
    t->turns[2].gap = 1000;
}

void gap_before_certificate(struct talk *t)
{
    handshake_12(t);
    t->turns[2].gap = 77;
    t->turns[3].gap = 77;
}

void handshake_13(struct talk *t)
{
    say_hello(t, CLIENT, &client_13);
    say_hello(t, SERVER, &server_13);
    CCS(t, SERVER);
    DATA(t, SERVER);
    CCS(t, CLIENT);
    DATA(t, CLIENT);
}

void retry_13(struct talk *t)
{
    static const uint8_t mark[] = {
        0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65,
        0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2,
        0xc8, 0xa8, 0x33, 0x9c,
    };
    struct hello retry = server_13;

    retry.extensions = (struct codes) CODES(43, 51);
    say_hello(t, CLIENT, &client_13);
    say_hello(t, SERVER, &retry);
    memcpy((uint8_t *) (uintptr_t) t->turns[1].bytes + 11, mark, 32);
    CCS(t, CLIENT);
    say_hello(t, CLIENT, &client_13);
    say_hello(t, SERVER, &server_13);
    DATA(t, SERVER);
    DATA(t, CLIENT);
}

void second_hello(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_hello(t, CLIENT, &client_12);
}

void hello_alone(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
}

/* Each record holds three bytes of the message. */
void fragmented_hello(struct talk *t)
{
    struct talk *whole = calloc(1, sizeof *whole);

    say_hello(whole, CLIENT, &client_12);
    begin_turn(t, CLIENT);
    for (size_t at = 5; at < whole->size; at += 3) {
        size_t record = begin_record(t, 22);
        add(t, whole->bytes + at, at + 3 < whole->size ? 3 : whole->size - at);
        close_size(t, record, 2);
    }
    end_turn(t);
    free(whole);
}

/* All messages of the server in one record. */
void messages_in_one_record(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    begin_turn(t, SERVER);
    size_t record = begin_record(t, 22);
    add_hello(t, SERVER, &server_12);
    size_t message = begin_message(t, 11), list = open_size(t, 3);
    add_number(t, sizeof certificate, 3);
    add(t, certificate, sizeof certificate);
    close_size(t, list, 3);
    close_size(t, message, 3);
    close_size(t, begin_message(t, 14), 3);
    close_size(t, record, 2);
    end_turn(t);
}

void sslv2_hello(struct talk *t)
{
    begin_turn(t, CLIENT);
    add(t, "\x80\x2e\1\3\1\0\x15\0\0\0\x10" "123456789012345678901challenge......", 48);
    end_turn(t);
}

void sslv2_then_tls(struct talk *t)
{
    struct hello server = server_12;

    server.version = 0x0301;
    sslv2_hello(t);
    say_hello(t, SERVER, &server);
    say_certificates(t, SERVER, certificate, sizeof certificate, 1);
    say_message(t, SERVER, 14, "", 0);
}

void sslv2_both(struct talk *t)
{
    sslv2_hello(t);
    begin_turn(t, SERVER);
    add(t, "\x80\x0b\4\0\1\0\2\0\0\0\0\0\0", 13);
    end_turn(t);
}

void unknown_message(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_message(t, CLIENT, 99, "what", 4);
}

void long_message(struct talk *t)
{
    uint8_t chunk[16000] = { 0xff };

    say_hello(t, CLIENT, &client_12);
    say_record(t, SERVER, 22, "\x0b\2\x71\0", 4);       /* 160000 bytes */
    for (int i = 0; i < 10; i++) {
        say_record(t, SERVER, 22, chunk, sizeof chunk);
    }
    say_hello(t, SERVER, &server_13);
}

void cut_certificate(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_hello(t, SERVER, &server_12);
    say_certificates(t, SERVER, certificate, sizeof certificate - 200, 1);
    say_message(t, SERVER, 14, "", 0);
}

void chain_that_lies(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_hello(t, SERVER, &server_12);
    say_message(t, SERVER, 11, "\0\0\x0a\0\0\x03" "abc\0\0\x63" "de", 14);
}

void no_certificate(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_hello(t, SERVER, &server_12);
    say_message(t, SERVER, 11, "\0\0\0", 3);
    say_message(t, SERVER, 14, "", 0);
}

void heartbleed(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_record(t, CLIENT, 24, "\1\x40\0", 3);
    say_record(t, SERVER, 24, "\2\0\x20" "0123456789012345678901234567890123456789", 43);
}

void heartbeats_in_order(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_record(t, CLIENT, 24, "\1\0\4ping" "................", 23);
    say_record(t, SERVER, 24, "\2\0\4ping" "................", 23);
}

void heartbeat_of_no_kind(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_record(t, CLIENT, 24, "\7\0\1x", 4);
}

void alerts(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_record(t, SERVER, 21, "\2\x28", 2);
}

void alert_of_no_kind(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_record(t, SERVER, 21, "\2", 1);
}

static void say_bytes(struct talk *t, enum direction dir, const void *bytes, size_t size)
{
    begin_turn(t, dir);
    add(t, bytes, size);
    end_turn(t);
}

void garbage_behind_hello(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_bytes(t, CLIENT, "GET / HTTP/1.1\r\n\r\n", 18);
}

void record_of_another_version(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_bytes(t, CLIENT, "\x16\x05\0\0\1x", 6);
}

void record_too_long(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_bytes(t, CLIENT, "\x16\3\3\xff\xff", 5);
}

/* The name's own size is one more than there is. */
void name_too_long(struct talk *t)
{
    struct hello h = { .version = 0x0303, .ciphers = CODES(47), .extensions = CODES(0),
                       .sni = "abc" };

    say_hello(t, CLIENT, &h);
    t->bytes[t->size - 4]++;
}

void name_of_another_type(struct talk *t)
{
    struct hello h = { .version = 0x0303, .ciphers = CODES(47), .extensions = CODES(0),
                       .sni = "abc" };

    say_hello(t, CLIENT, &h);
    t->bytes[t->size - 6] = 7;
}

void two_names(struct talk *t)
{
    struct hello h = client_12;

    h.extensions = (struct codes) CODES(0, 0);
    say_hello(t, CLIENT, &h);
}

void hello_of_wrong_sizes(struct talk *t)
{
    struct hello h = { .version = 0x0303, .ciphers = CODES(47), .extensions = CODES(5) };

    say_hello(t, CLIENT, &h);
    t->bytes[t->size - 1] = 9;
}

void draft_14(struct talk *t)
{
    struct hello client = client_13;

    client.version = 0x0304;
    say_hello(t, CLIENT, &client);
    /* Version, random, cipher, extensions. */
    say_message(t, SERVER, 2, "\3\4" "0123456789abcdef0123456789abcdef" "\xc0\x2b\0\4\0\x28\0\0",
                42);
}

void draft_18(struct talk *t)
{
    say_hello(t, CLIENT, &client_13);
    say_message(t, SERVER, 2, "\x7f\x12" "0123456789abcdef0123456789abcdef" "\x13\1\0\4\0\x28\0\0",
                42);
}

void draft_28(struct talk *t)
{
    struct hello server = server_13;

    server.versions = (struct codes) CODES(0x7f1c);
    say_hello(t, CLIENT, &client_13);
    say_hello(t, SERVER, &server);
}

/* ---- What comes out ---- */

const char *eve_of(const struct app_tx *tx)
{
    static struct strbuf eve;
    struct arena scratch;
    struct event event = { .type = EVENT_TLS };

    arena_init(&scratch, 4096, 16u << 20);
    app_tx_fill(tx, TO_SERVER, &event, &scratch);
    assert_non_null(event.tls);
    strbuf_clear(&eve);
    event_write_eve(&event, &eve);
    arena_fini(&scratch);
    return strbuf_cstr(&eve);
}
