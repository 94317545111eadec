/* Which bytes of a file reach the store: all of them or none. */
#include "tests/unit/app/conversation.h"
#include "sensor/app/file.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SIZE 3000u

/* A store that keeps what it is given, in one piece. */
struct store {
    struct app_file_sink sink;
    uint8_t bytes[2 * SIZE];
    size_t size, fails_at;
    unsigned n_opened, n_closed, n_dropped;
    uint8_t sha256[32];
};

static uint32_t take_open(void *context, uint64_t *id)
{
    struct store *s = context;

    s->size = 0;
    *id = ++s->n_opened;
    return 1;
}

static bool take_write(void *context, uint32_t place, const uint8_t *bytes, size_t size)
{
    struct store *s = context;

    assert_int_equal(place, 1);
    if (s->size + size > s->fails_at) {
        return false;
    }
    memcpy(s->bytes + s->size, bytes, size);
    s->size += size;
    return true;
}

static bool take_close(void *context, uint32_t place, const uint8_t sha256[32])
{
    struct store *s = context;

    memcpy(s->sha256, sha256, sizeof s->sha256);
    s->n_closed++;
    return true;
}

static void take_drop(void *context, uint32_t place)
{
    ((struct store *) context)->n_dropped++;
}

static const struct turn get = C("GET /file HTTP/1.1\r\nHost: h\r\n\r\n");
static const struct turn head = S("HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n");

static void begin(struct conversation *c, struct store *s, uint64_t limit, uint64_t hold)
{
    *s = (struct store) {
        .sink = { s, take_open, take_write, take_close, take_drop }, .fails_at = SIZE,
    };
    start(c);
    c->conf.file_sha256 = c->conf.file_hold = true;
    c->conf.http_response_body_limit = limit;
    c->conf.file_hold_limit = hold;
    c->conf.file_store_depth = 1024 * 1024;
    app_engine_set_file_sink(c->engine, &s->sink);
    feed_turn(c, &get, 0);
    feed_turn(c, &head, 0);
}

/* Bytes 'from' to 'to' of the file, in pieces. */
static void feed_body(struct conversation *c, size_t from, size_t to)
{
    static char body[SIZE];

    for (size_t i = 0; i < SIZE; i++) {
        body[i] = (char) ('a' + i % 23);
    }
    feed_turn(c, &(struct turn) { TO_CLIENT, body + from, to - from, 0 }, 97);
}

static struct app_file *file_of_answer(const struct conversation *c)
{
    struct app_file *file = app_file_at(tx_at(c, 0), TO_CLIENT, 0);

    assert_non_null(file);
    return file;
}

static void check_stored(const struct store *s, const struct app_file *file)
{
    assert_int_equal(file->storing, FILE_STORE_DONE);
    assert_int_equal(s->n_opened, 1);
    assert_int_equal(s->n_closed, 1);
    assert_int_equal(s->size, SIZE);
    for (size_t i = 0; i < SIZE; i++) {
        assert_int_equal(s->bytes[i], 'a' + i % 23);
    }
    assert_true(file->has_sha256);
    assert_memory_equal(s->sha256, file->sha256, 32);
    assert_int_equal(file->state, FILE_CLOSED);
    assert_int_equal(file->size, SIZE);
}

static void a_file_wanted_late_is_stored_from_its_first_byte(void **state)
{
    static const size_t wanted_at[] = { 1, 96, 97, 1500, 2999, 3000 };
    struct conversation c;
    struct store s;

    (void) state;
    for (size_t i = 0; i < sizeof wanted_at / sizeof *wanted_at; i++) {
        begin(&c, &s, 0, SIZE);
        feed_body(&c, 0, wanted_at[i]);
        assert_int_equal(s.n_opened, 0);
        app_file_store(tx_at(&c, 0), file_of_answer(&c));
        app_file_store(tx_at(&c, 0), file_of_answer(&c));       /* Once is enough. */
        feed_body(&c, wanted_at[i], SIZE);
        check_stored(&s, file_of_answer(&c));
        stop(&c);
    }
}

static void a_stored_file_goes_on_where_inspection_stops(void **state)
{
    struct conversation c;
    struct store s;

    (void) state;
    begin(&c, &s, 200, 100);
    feed_body(&c, 0, 150);
    app_file_store(tx_at(&c, 0), file_of_answer(&c));
    feed_body(&c, 150, SIZE);
    check_stored(&s, file_of_answer(&c));
    assert_int_equal(app_file_view(file_of_answer(&c)).bytes.size, 200);
    stop(&c);
    /* One that nobody wants ends there, and is in nobody's way. */
    begin(&c, &s, 200, SIZE);
    feed_body(&c, 0, SIZE);
    assert_int_equal(file_of_answer(&c)->state, FILE_TRUNCATED);
    assert_int_equal(file_of_answer(&c)->size, 200);
    assert_int_equal(s.n_opened, 0);
    stop(&c);
}

static void what_is_no_longer_held_is_not_stored_in_part(void **state)
{
    struct conversation c;
    struct store s;

    (void) state;
    begin(&c, &s, 0, SIZE);
    feed_body(&c, 0, 100);
    feed_piece(&c, TO_CLIENT, NULL, 0, 100, false);
    app_file_store(tx_at(&c, 0), file_of_answer(&c));
    assert_int_equal(s.n_opened, 0);
    assert_int_equal(app_counters(c.engine)->files_not_stored, 1);
    stop(&c);
    /* Parsers that do not stop at the limit: more came than is held. */
    begin(&c, &s, 0, 400);
    struct app_tx *tx = tx_at(&c, 0);
    struct app_file *file = app_file_open(tx, TO_CLIENT, slice_text("f"), 200);
    app_file_append(tx, file, s.bytes, 400);
    assert_int_equal(file->data.size, 200);
    app_file_append(tx, file, s.bytes, 1);
    app_file_store(tx, file);
    assert_int_equal(s.n_opened, 0);
    assert_int_equal(app_counters(c.engine)->files_not_stored, 1);
    assert_int_equal(file->storing, FILE_NOT_STORING);
    stop(&c);
}

static void a_store_that_fails_is_not_asked_again(void **state)
{
    struct conversation c;
    struct store s;

    (void) state;
    begin(&c, &s, 0, SIZE);
    s.fails_at = 1000;
    feed_body(&c, 0, 10);
    app_file_store(tx_at(&c, 0), file_of_answer(&c));
    feed_body(&c, 10, SIZE);
    assert_int_equal(s.n_opened, 1);
    assert_int_equal(s.n_closed, 0);
    assert_int_equal(file_of_answer(&c)->storing, FILE_NOT_STORING);
    assert_int_equal(app_counters(c.engine)->files_not_stored, 1);
    stop(&c);
}

static void wishes_of_transaction_and_flow_reach_files_to_come(void **state)
{
    struct conversation c;
    struct store s;

    (void) state;
    for (int i = 0; i < 2; i++) {
        begin(&c, &s, 0, SIZE);
        if (i == 0) {
            app_tx_store_files(tx_at(&c, 0), TO_CLIENT);
        } else {
            app_session_store_files(tx_at(&c, 0)->session, TO_CLIENT);
        }
        feed_body(&c, 0, SIZE);
        check_stored(&s, file_of_answer(&c));
        stop(&c);
    }
    /* One that is over already is its transaction's, not its flow's. */
    for (int i = 0; i < 2; i++) {
        begin(&c, &s, 0, SIZE);
        feed_body(&c, 0, SIZE);
        if (i == 0) {
            app_tx_store_files(tx_at(&c, 0), TO_CLIENT);
        } else {
            app_session_store_files(tx_at(&c, 0)->session, TO_CLIENT);
        }
        app_file_settle(tx_at(&c, 0), file_of_answer(&c));
        assert_int_equal(s.n_closed, i == 0);
        stop(&c);
    }
}

static void a_session_that_ends_early_drops_what_has_no_digest(void **state)
{
    struct conversation c;
    struct store s;

    (void) state;
    begin(&c, &s, 0, SIZE);
    feed_body(&c, 0, 100);
    app_file_store(tx_at(&c, 0), file_of_answer(&c));
    stop(&c);
    assert_int_equal(s.n_opened, 1);
    assert_int_equal(s.n_closed + s.n_dropped, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_wanted_late_is_stored_from_its_first_byte),
        cmocka_unit_test(a_stored_file_goes_on_where_inspection_stops),
        cmocka_unit_test(what_is_no_longer_held_is_not_stored_in_part),
        cmocka_unit_test(a_store_that_fails_is_not_asked_again),
        cmocka_unit_test(wishes_of_transaction_and_flow_reach_files_to_come),
        cmocka_unit_test(a_session_that_ends_early_drops_what_has_no_digest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
