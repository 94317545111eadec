/* Content codings, files and limits of HTTP bodies. */
#include "tests/unit/app/conversation.h"
#include "sensor/app/file.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <zlib.h>

#define HEAD(coding) \
    "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nContent-Encoding: " coding "\r\n\r\n"

static const struct turn get = C("GET /file HTTP/1.1\r\nHost: h\r\n\r\n");
static const char words[] = "The quick brown fox jumps over the lazy dog, and over it again.";

enum shape { SHAPE_GZIP = 15 + 16, SHAPE_ZLIB = 15, SHAPE_RAW = -15 };

/* 'size' bytes compressed; returns how many came out. */
static size_t pack(enum shape shape, const void *bytes, size_t size, uint8_t *out, size_t room)
{
    z_stream z = { 0 };

    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, shape, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (uint8_t *) (uintptr_t) bytes;
    z.avail_in = (unsigned) size;
    z.next_out = out;
    z.avail_out = (unsigned) room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t n = z.total_out;
    deflateEnd(&z);
    return n;
}

/* A response with that head and body, fed in pieces of 'step'. */
static void answer(struct conversation *c, const char *head, const uint8_t *body, size_t size,
                   size_t step)
{
    char text[512];
    int n = snprintf(text, sizeof text, head, size);
    struct turn turns[] = { { TO_CLIENT, text, (size_t) n, 0 },
                            { TO_CLIENT, (const char *) body, size, 0 } };

    feed_turn(c, &get, 0);
    feed_turn(c, &turns[0], step);
    feed_turn(c, &turns[1], step);
}

static struct slice body_of(const struct conversation *c)
{
    return app_tx_buffer(tx_at(c, 0), TO_CLIENT, BUFFER_FILE_DATA, 0).bytes;
}

/* Feeds in several ways; each must give 'want'. */
static void check_coding(const char *head, const uint8_t *body, size_t size, const char *want)
{
    static const size_t steps[] = { 0, 1, 5, 64 };

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct conversation c;
        start(&c);
        answer(&c, head, body, size, steps[i]);
        feed_end(&c);
        if (!slice_is(body_of(&c), want)) {
            fail_msg("%s in pieces of %zu: got %zu bytes: %.*s", head, steps[i],
                     body_of(&c).size, (int) body_of(&c).size, body_of(&c).bytes);
        }
        stop(&c);
    }
    for (size_t n = 0; n < size; n++) {         /* Cut short: no crash, nothing left. */
        struct conversation c;
        start(&c);
        answer(&c, head, body, n, 0);
        feed_end(&c);
        stop(&c);
    }
}

static void each_coding_is_undone(void **state)
{
    uint8_t one[512], two[512];
    size_t n = pack(SHAPE_GZIP, words, sizeof words - 1, one, sizeof one);

    check_coding(HEAD("gzip"), one, n, words);
    check_coding(HEAD("x-gzip"), one, n, words);
    check_coding(HEAD("deflate"), one, n, words);
    size_t m = pack(SHAPE_GZIP, one, n, two, sizeof two);
    check_coding(HEAD("gzip, gzip"), two, m, words);
    check_coding(HEAD("gzip\r\nContent-Encoding: gzip"), two, m, words);
    n = pack(SHAPE_ZLIB, words, sizeof words - 1, one, sizeof one);
    check_coding(HEAD("deflate"), one, n, words);
    n = pack(SHAPE_RAW, words, sizeof words - 1, one, sizeof one);
    check_coding(HEAD("deflate"), one, n, words);
    check_coding(HEAD("gzip"), one, n, words);
    m = pack(SHAPE_GZIP, one, n, two, sizeof two);
    check_coding(HEAD("deflate, gzip"), two, m, words);
    check_coding(HEAD("br"), (const uint8_t *) "\x0b\x02\x80hello\x03", 9, "hello");
}

static void what_is_not_compressed_is_handed_on(void **state)
{
    const uint8_t *plain = (const uint8_t *) words;

    check_coding(HEAD("gzip"), plain, sizeof words - 1, words);
    check_coding(HEAD("deflate"), plain, sizeof words - 1, words);
    check_coding(HEAD("br"), plain, sizeof words - 1, words);
    check_coding(HEAD("gzip, deflate"), plain, sizeof words - 1, words);
    check_coding(HEAD("identity"), plain, sizeof words - 1, words);
    check_coding(HEAD("rot13"), plain, sizeof words - 1, words);
}

static void every_part_of_a_gzip_header_is_skipped(void **state)
{
    static const uint8_t head[] = "\x1f\x8b\x08\xff\0\0\0\0\0\x03"
                                  "\x05\0extra" "name\0" "comment\0" "\x12\x34";
    uint8_t body[512];

    memcpy(body, head, sizeof head - 1);
    size_t n = pack(SHAPE_RAW, words, sizeof words - 1, body + sizeof head - 1, 256);
    check_coding(HEAD("gzip"), body, sizeof head - 1 + n, words);
}

static void a_bomb_is_not_blown_up(void **state)
{
    size_t size = 8u << 20;
    uint8_t *zeros = calloc(1, size), *once = malloc(65536), *twice = malloc(65536);
    struct conversation c;

    size_t n = pack(SHAPE_GZIP, zeros, size, once, 65536);
    n = pack(SHAPE_GZIP, once, n, twice, 65536);
    start(&c);
    answer(&c, HEAD("gzip, gzip"), twice, n, 0);
    feed_end(&c);
    assert_true(app_tx_has_event(tx_at(&c, 0), "compression_bomb"));
    struct app_tx *tx = tx_at(&c, 0);
    const struct app_file *file = LIST_ENTRY(tx->files.next, struct app_file, node);
    assert_int_equal(file->state, FILE_TRUNCATED);
    assert_int_equal(file->data.size, c.conf.http_response_body_limit);
    stop(&c);
    free(zeros);
    free(once);
    free(twice);
}

static void more_layers_than_allowed_are_told(void **state)
{
    struct conversation c;
    uint8_t body[512], packed[512];
    size_t n = pack(SHAPE_GZIP, words, sizeof words - 1, body, sizeof body);

    n = pack(SHAPE_GZIP, body, n, packed, sizeof packed);
    start(&c);
    c.conf.http_decompress_layers = 1;
    answer(&c, HEAD("gzip, gzip"), packed, n, 0);
    assert_true(app_tx_has_event(tx_at(&c, 0), "too_many_encoding_layers"));
    assert_false(slice_is(body_of(&c), words));
    stop(&c);
}

/* The only file of the first transaction. */
static const struct app_file *file_of_tx(const struct conversation *c)
{
    struct app_tx *tx = tx_at(c, 0);

    assert_non_null(tx);
    assert_false(list_is_empty(&tx->files));
    return LIST_ENTRY(tx->files.next, struct app_file, node);
}

static void the_inspection_limit_keeps_the_first_bytes(void **state)
{
    const struct turn ok = S("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n12345");
    const struct turn rest = S("6789");
    struct conversation c;

    start(&c);
    c.conf.http_response_body_limit = 7;
    feed_turn(&c, &get, 0);
    feed_turn(&c, &ok, 0);
    assert_int_equal(app_tx_buffer(tx_at(&c, 0), TO_CLIENT, BUFFER_FILE_DATA, 0).state,
                     APP_VIEW_GROWING);
    feed_turn(&c, &rest, 0);
    assert_true(slice_is(body_of(&c), "1234567"));
    assert_int_equal(app_tx_buffer(tx_at(&c, 0), TO_CLIENT, BUFFER_FILE_DATA, 0).state,
                     APP_VIEW_DONE);
    assert_int_equal(file_of_tx(&c)->size, 7);
    assert_int_equal(file_of_tx(&c)->state, FILE_TRUNCATED);
    stop(&c);
}

static void a_request_body_without_file_is_kept(void **state)
{
    const struct turn ask = C("REPORT / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab");
    const struct turn rest = C("cd");
    struct conversation c;

    start(&c);
    c.conf.http_request_body_limit = 3;
    feed_turn(&c, &ask, 0);
    struct app_view v = app_tx_buffer(tx_at(&c, 0), TO_SERVER, BUFFER_HTTP_REQUEST_BODY, 0);
    assert_int_equal(v.state, APP_VIEW_GROWING);
    feed_turn(&c, &rest, 0);
    v = app_tx_buffer(tx_at(&c, 0), TO_SERVER, BUFFER_HTTP_REQUEST_BODY, 0);
    assert_int_equal(v.state, APP_VIEW_DONE);
    assert_true(slice_is(v.bytes, "abc"));
    assert_true(list_is_empty(&tx_at(&c, 0)->files));
    stop(&c);
}

static void check_hex(const uint8_t *bytes, size_t size, const char *want)
{
    struct strbuf hex = STRBUF_EMPTY;

    strbuf_hex(&hex, bytes, size);
    assert_string_equal(strbuf_cstr(&hex), want);
    strbuf_fini(&hex);
}

/* The digests of "abc" stand in RFC 1321 and FIPS 180-2. */
static void digests_are_computed_when_wanted(void **state)
{
    const struct turn ok = S("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");

    for (size_t step = 0; step < 2; step++) {
        struct conversation c;
        start(&c);
        c.conf.file_md5 = c.conf.file_sha1 = c.conf.file_sha256 = true;
        feed_turn(&c, &get, 0);
        feed_turn(&c, &ok, step);
        const struct app_file *f = file_of_tx(&c);
        assert_true(f->has_hashes && f->has_md5 && f->has_sha1 && f->has_sha256);
        check_hex(f->md5, sizeof f->md5, "900150983cd24fb0d6963f7d28e17f72");
        check_hex(f->sha1, sizeof f->sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
        check_hex(f->sha256, sizeof f->sha256,
                  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        stop(&c);
    }
    struct conversation c;
    start(&c);
    feed_turn(&c, &get, 0);
    feed_turn(&c, &ok, 0);
    assert_false(file_of_tx(&c)->has_hashes);
    stop(&c);
}

struct ending {
    const char *name;
    struct turn turns[4];
    uint64_t size;
    enum app_file_state state;
    bool has_gaps;
};

static void files_end_as_their_bodies_did(void **state)
{
    static const struct ending endings[] = {
        { "whole", { S("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab") }, 2, FILE_CLOSED, false },
        { "cut short", { S("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab") }, 2, FILE_CLOSED,
          false },
        { "cut short in a chunk", { S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n"
                                      "ab") }, 2, FILE_CLOSED, false },
        { "until the end", { S("HTTP/1.1 200 OK\r\n\r\nab") }, 2, FILE_CLOSED, false },
        { "with a gap", { S("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"),
                          GAP(TO_CLIENT, 5), S("hi") }, 9, FILE_TRUNCATED, true },
        { "a gap alone", { S("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
                           GAP(TO_CLIENT, 9) }, 9, FILE_TRUNCATED, true },
        { "a gap past its end", { S("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
                                  GAP(TO_CLIENT, 30) }, 9, FILE_TRUNCATED, true },
        { "a gap in a chunk", { S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nab"),
                                GAP(TO_CLIENT, 2), S("\r\n0\r\n\r\n") }, 4, FILE_TRUNCATED, true },
        { "chunks without the last", { S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                         "2\r\nab\r\n") }, 2, FILE_TRUNCATED, false },
    };

    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        const struct ending *e = &endings[i];
        struct conversation c;
        start(&c);
        feed_turn(&c, &get, 0);
        for (size_t k = 0; k < 4; k++) {
            feed_turn(&c, &e->turns[k], 0);
        }
        feed_end(&c);
        const struct app_file *f = file_of_tx(&c);
        if (f->size != e->size || f->state != e->state || f->has_gaps != e->has_gaps) {
            fail_msg("%s: size %ju, state %d, gaps %d", e->name, (uintmax_t) f->size,
                     f->state, f->has_gaps);
        }
        stop(&c);
    }
}

static void several_uploads_are_several_files(void **state)
{
    const struct turn head = C("POST /up HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
                               "Content-Type: multipart/form-data; boundary=\"x y\"\r\n\r\n"),
                      body = C("b0\r\n--x y\r\nContent-Disposition: form-data; filename=a\r\n\r\n"
                               "1\r\n--x y\r\nContent-Disposition: form-data; filename=e\r\n\r\n"
                               "\r\n--x y\r\nContent-Disposition: form-data; filename=b\r\n\r\n"
                               "2\r\n--x y--\r\n\r\n0\r\n\r\n");

    for (size_t step = 0; step < 3; step++) {
        struct conversation c;
        start(&c);
        feed_turn(&c, &head, 0);
        feed_turn(&c, &body, step);
        const struct app_tx *tx = tx_at(&c, 0);
        assert_true(tx->is_done[TO_SERVER]);
        assert_true(slice_is(app_tx_buffer(tx, TO_SERVER, BUFFER_FILE_NAME, 0).bytes, "a"));
        assert_true(slice_is(app_tx_buffer(tx, TO_SERVER, BUFFER_FILE_DATA, 0).bytes, "1"));
        assert_true(slice_is(app_tx_buffer(tx, TO_SERVER, BUFFER_FILE_NAME, 1).bytes, "b"));
        assert_true(slice_is(app_tx_buffer(tx, TO_SERVER, BUFFER_FILE_DATA, 1).bytes, "2"));
        assert_int_equal(app_tx_buffer(tx, TO_SERVER, BUFFER_FILE_DATA, 2).state,
                         APP_VIEW_ABSENT);
        assert_true(app_tx_has_event(tx, "multipart_no_filedata"));
        assert_false(app_tx_has_event(tx, "multipart_generic_error"));
        stop(&c);
    }
}

static void a_cut_file_has_one_digest_and_an_upload_is_cut_with_its_body(void **state)
{
    const struct turn post = C("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 80\r\n"
                               "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
                               "--b\r\nContent-Disposition: form-data; filename=f\r\n\r\n"
                               "0123456789abcdefghij\r\n--b--\r\n");

    for (size_t step = 0; step < 3; step++) {
        struct conversation c;
        start(&c);
        c.conf.http_request_body_limit = 60;
        c.conf.file_md5 = c.conf.file_sha256 = true;
        feed_turn(&c, &post, step);
        assert_true(tx_at(&c, 0)->is_done[TO_SERVER]);
        const struct app_file *f = file_of_tx(&c);
        assert_true(f->has_sha256);
        assert_false(f->has_md5);
        assert_int_equal(f->state, FILE_TRUNCATED);
        assert_true(slice_is(f->data, "012345678"));
        assert_true(slice_is(f->name, "f"));
        stop(&c);
    }
}

static void a_line_behind_a_body_in_its_piece_is_more_of_it(void **state)
{
    const struct turn ok = S("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab\r\n"
                             "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
    const struct turn post = C("POST / HTTP/1.1\r\nHost: h\r\n\r\na=b&c=d\r\n");
    struct conversation c;

    start(&c);
    feed_turn(&c, &post, 0);
    feed_turn(&c, &get, 0);
    feed_turn(&c, &ok, 0);
    assert_true(slice_is(body_of(&c), "ab\r\n"));
    assert_true(slice_is(app_tx_buffer(tx_at(&c, 1), TO_CLIENT, BUFFER_FILE_DATA, 0).bytes,
                         "x"));
    assert_true(slice_is(app_tx_buffer(tx_at(&c, 0), TO_SERVER, BUFFER_HTTP_REQUEST_BODY, 0)
                             .bytes, "a=b&c=d\r\n"));
    assert_true(app_tx_has_event(tx_at(&c, 0), "request_body_unexpected"));
    assert_null(tx_at(&c, 2));
    stop(&c);
}

#define RANGE_REQUEST C("GET /big HTTP/1.1\r\nHost: h\r\n\r\n")
#define RANGE(range, size, bytes)                                                        \
    S("HTTP/1.1 206 Partial\r\nContent-Range: bytes " range "\r\nContent-Length: " size \
      "\r\n\r\n" bytes)

/* Ranges in any order, that overlap, that come twice, and that lie. */
static void a_file_in_ranges_becomes_whole(void **state)
{
    const struct turn request = RANGE_REQUEST,
                      parts[] = { RANGE("6-10/11", "5", "WORLD"), RANGE("0-2/11", "3", "hel"),
                                  RANGE("0-2/11", "3", "xxx"), RANGE("2-9/12", "8", "other..."),
                                  RANGE("9-2/11", "2", "no"), RANGE("3-4/11", "5", "wrong"),
                                  RANGE("20-24/11", "5", "where"), RANGE("0-4/*", "5", "whole"),
                                  RANGE("1-7/11", "7", "ELLO WO") };
    const size_t n = sizeof parts / sizeof *parts;
    struct conversation c;

    start(&c);
    for (size_t i = 0; i < n; i++) {
        feed_turn(&c, &request, 0);
        feed_turn(&c, &parts[i], i % 3);
    }
    for (size_t i = 0; i < n; i++) {
        const struct app_file *whole = app_file_at(tx_at(&c, (unsigned) i), TO_CLIENT, 1);

        assert_true((whole != NULL) == (i == n - 1));
        if (whole != NULL) {
            assert_int_equal(whole->state, FILE_CLOSED);
            assert_true(slice_is(whole->data, "helLO WORLD"));
            assert_true(slice_is(whole->name, "/big"));
        }
    }
    stop(&c);
}

/* What does not fit is forgotten, and what is unfinished is freed with the engine. */
static void ranges_are_kept_within_a_limit(void **state)
{
    const struct turn request = RANGE_REQUEST, one = RANGE("0-5/11", "6", "hello "),
                      two = RANGE("6-10/11", "5", "world");

    for (uint64_t limit = 0; limit < 16; limit++) {
        struct conversation c;

        start(&c);
        c.conf.http_range_memory = limit;
        feed_turn(&c, &request, 0);
        feed_turn(&c, &one, 0);
        feed_turn(&c, &request, 0);
        feed_turn(&c, &two, 0);
        assert_true((app_file_at(tx_at(&c, 1), TO_CLIENT, 1) != NULL) == (limit >= 11));
        feed_turn(&c, &request, 0);
        feed_turn(&c, &one, 0);
        stop(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_coding_is_undone),
        cmocka_unit_test(what_is_not_compressed_is_handed_on),
        cmocka_unit_test(every_part_of_a_gzip_header_is_skipped),
        cmocka_unit_test(a_bomb_is_not_blown_up),
        cmocka_unit_test(more_layers_than_allowed_are_told),
        cmocka_unit_test(the_inspection_limit_keeps_the_first_bytes),
        cmocka_unit_test(a_request_body_without_file_is_kept),
        cmocka_unit_test(digests_are_computed_when_wanted),
        cmocka_unit_test(files_end_as_their_bodies_did),
        cmocka_unit_test(several_uploads_are_several_files),
        cmocka_unit_test(a_cut_file_has_one_digest_and_an_upload_is_cut_with_its_body),
        cmocka_unit_test(a_line_behind_a_body_in_its_piece_is_more_of_it),
        cmocka_unit_test(a_file_in_ranges_becomes_whole),
        cmocka_unit_test(ranges_are_kept_within_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
