/* Records become documents; sessions know what is settled; metrics tell it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/format/civicshield.h"
#include "collector/normalize/normalize.h"
#include "collector/serve/serve.h"
#include "common/base/clock.h"
#include "common/wire/event.h"

#define TIME_NS (1767225599ull * NS_PER_SEC)    /* 2025-12-31T23:59:59Z */

/* ---- Format and normalization ---- */

struct fixture {
    struct sessions *sessions;
    struct receipt receipt;     /* alpha, epoch 0xabc, worker 1, number 7 */
    struct format_reader *reader;
    struct document document;
    struct normalize_conf conf;
};

static int open_fixture(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct session *session;

    f->sessions = sessions_create(4);
    session = sessions_enter(f->sessions, "alpha", 0xabc, 2);
    assert_true(session_receive(session, 1, 7, &f->receipt));
    f->reader = format_reader_create();
    f->conf = (struct normalize_conf) { (char *) "default", NORMALIZE_YEAR };
    *state = f;
    return 0;
}

static int close_fixture(void **state)
{
    struct fixture *f = *state;

    document_fini(&f->document);
    format_reader_destroy(f->reader);
    sessions_destroy(f->sessions);
    free(f);
    return 0;
}

static struct event sample(void)
{
    struct event event = { 0 };

    event.timestamp = TIME_NS;
    event.type = EVENT_DNS;
    event.src_ip = ip_v4((const uint8_t *) "\x0a\x00\x00\x01");
    event.id = (struct event_id) { slice_text("alpha"), 0xabc, 1, 7 };
    return event;
}

/* True if it became a document; else 'f->reason' says why not. */
static bool make_document(struct fixture *f, const struct event *event, const char **reason)
{
    struct strbuf bytes = STRBUF_EMPTY;
    const Civicshield__Wire__V1__Event *message;
    bool result;

    event_encode(event, &bytes);
    message = format_read_event(f->reader, strbuf_slice(&bytes), reason);
    result = message != NULL
             && normalize_event(&f->conf, message, &f->receipt, &f->document, reason);
    strbuf_fini(&bytes);
    return result;
}

static void an_event_becomes_a_document_with_id_and_index(void **state)
{
    struct fixture *f = *state;
    struct event event = sample();
    const char *reason = NULL;

    assert_true(make_document(f, &event, &reason));
    assert_true(slice_is(strbuf_slice(&f->document.id), "alpha-0000000000000abc-1-7"));
    assert_true(slice_is(strbuf_slice(&f->document.index),
                         "logs-civicshield.dns-default-2025"));
    assert_non_null(strstr(strbuf_cstr(&f->document.json), "10.0.0.1"));
}

static void an_event_that_speaks_for_another_is_refused(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 4; i++) {
        struct event event = sample();
        const char *reason = NULL;

        event.id.sensor = slice_text(i == 0 ? "beta" : "alpha");
        event.id.epoch += i == 1;
        event.id.worker += i == 2;
        event.id.number += i == 3;
        assert_false(make_document(f, &event, &reason));
        assert_string_equal(reason, "the event's identity is not that of its record");
        assert_true(slice_is(strbuf_slice(&f->document.id), "alpha-0000000000000abc-1-7"));
    }
}

/* Its document names its source all the same. */
static void an_event_without_identity_gets_that_of_its_record(void **state)
{
    static const uint8_t bytes[] = { 0x09, 0, 0, 0, 0, 1, 0, 0, 0, 0x30, EVENT_DNS };
    struct fixture *f = *state;
    const Civicshield__Wire__V1__Event *event;
    const char *reason = NULL;

    event = format_read_event(f->reader, slice_of(bytes, sizeof bytes), &reason);
    assert_non_null(event);
    assert_true(normalize_event(&f->conf, event, &f->receipt, &f->document, &reason));
    assert_non_null(strstr(strbuf_cstr(&f->document.json), "\"alpha-0000000000000abc-1-7\""));
    assert_non_null(strstr(strbuf_cstr(&f->document.json), "\"name\":\"alpha\""));
}

static void what_is_no_event_has_a_reason(void **state)
{
    struct fixture *f = *state;
    uint8_t *large = calloc(1, FORMAT_MAX_RECORD + 1);
    const char *reason;

    reason = NULL;
    assert_null(format_read_event(f->reader, slice_of("", 0), &reason));
    assert_non_null(reason);
    reason = NULL;
    assert_null(format_read_event(f->reader, slice_of("\xff\xff\xff", 3), &reason));
    assert_non_null(reason);
    reason = NULL;
    assert_null(format_read_event(f->reader, slice_of(large, FORMAT_MAX_RECORD + 1), &reason));
    assert_string_equal(reason, "the record is too large");
    free(large);
}

/* A file object of two bytes each, as many as fit into a record. */
static void a_small_record_cannot_unfold_into_a_large_message(void **state)
{
    struct fixture *f = *state;
    uint8_t *bytes = malloc(FORMAT_MAX_RECORD);
    const char *reason = NULL;

    for (size_t i = 0; i + 3 <= FORMAT_MAX_RECORD; i += 3) {
        memcpy(bytes + i, "\xd2\x02\x00", 3);           /* Field 42, length 0. */
    }
    assert_null(format_read_event(f->reader, slice_of(bytes, FORMAT_MAX_RECORD / 3 * 3),
                                  &reason));
    assert_non_null(reason);
    free(bytes);
}

/* Each in a buffer of its own size, so that an overread is seen. */
static void every_shorter_record_is_read_or_refused(void **state)
{
    struct fixture *f = *state;
    struct event event = sample();
    struct strbuf record = STRBUF_EMPTY;
    size_t n_refused = 0;

    event_encode(&event, &record);
    for (size_t size = 0; size < record.size; size++) {
        uint8_t *bytes = malloc(size + (size == 0));
        const char *reason = NULL;
        const Civicshield__Wire__V1__Event *message;

        memcpy(bytes, record.text, size);
        message = format_read_event(f->reader, slice_of(bytes, size), &reason);
        n_refused += message == NULL;
        if (message != NULL) {
            normalize_event(&f->conf, message, &f->receipt, &f->document, &reason);
        }
        free(bytes);
    }
    assert_true(n_refused > record.size / 2);
    strbuf_fini(&record);
}

static void the_index_is_a_function_of_type_and_time(void **state)
{
    static const struct {
        const char *type, *namespace, *index;
        enum normalize_period period;
        uint64_t seconds;
    } rows[] = {
        { "dns", "default", "logs-civicshield.dns-default-1970", NORMALIZE_YEAR, 0 },
        { "flow", "default", "logs-civicshield.flow-default-2025.12", NORMALIZE_MONTH,
          1767225599 },
        { "flow", "default", "logs-civicshield.flow-default-2026.01", NORMALIZE_MONTH,
          1767225600 },
        { "alert", "north", "logs-civicshield.alert-north-2024.02.29", NORMALIZE_DAY,
          1709164800 },
        { "http", "default", "logs-civicshield.http-default-2554", NORMALIZE_YEAR,
          UINT64_MAX / NS_PER_SEC },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct normalize_conf conf = { (char *) rows[i].namespace, rows[i].period };
        struct strbuf index = STRBUF_EMPTY;

        normalize_index(&conf, rows[i].type, rows[i].seconds * NS_PER_SEC, &index);
        assert_true(slice_is(strbuf_slice(&index), rows[i].index));
        strbuf_fini(&index);
    }
}

static void a_namespace_that_is_no_part_of_a_name_is_an_error_with_its_place(void **state)
{
    static const char *const bad[] = { "A", "a-b", "\"\"", "a/b", "\xc3\xa9" };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct normalize_conf conf = { 0 };
        struct conf_node *root;
        struct diag diag;
        char text[64];

        snprintf(text, sizeof text, "index:\n  namespace: %s\n", bad[i]);
        diag_init(&diag);
        root = conf_tree_parse("x.yaml", text, strlen(text), &diag);
        assert_true(conf_read_section(root, &normalize_section, &conf, &diag));
        assert_false(normalize_check(&conf, root, &diag));
        assert_int_equal(diag.n_errors, 1);
        assert_string_equal(diag.messages[0].file, "x.yaml");
        assert_int_equal(diag.messages[0].line, 2);
        conf_free_section(&normalize_section, &conf);
        conf_tree_free(root);
        diag_fini(&diag);
    }
}

/* ---- Sessions ---- */

static void durable_follows_the_oldest_that_is_not_settled(void **state)
{
    struct sessions *sessions = sessions_create(4);
    struct session *session = sessions_enter(sessions, "alpha", 1, 2);
    struct receipt receipts[6];
    static const uint64_t numbers[] = { 1, 2, 5, 6, 9, 12 };    /* With holes. */

    for (size_t i = 0; i < 6; i++) {
        assert_true(session_receive(session, 0, numbers[i], &receipts[i]));
    }
    assert_int_equal(session_durable(session, 0), 0);
    session_settle(&receipts[1]);
    session_settle(&receipts[3]);
    assert_int_equal(session_durable(session, 0), 0);
    session_settle(&receipts[0]);
    assert_int_equal(session_durable(session, 0), 2);
    session_settle(&receipts[5]);
    session_settle(&receipts[2]);
    assert_int_equal(session_durable(session, 0), 6);
    session_settle(&receipts[4]);
    assert_int_equal(session_durable(session, 0), 12);
    assert_int_equal(session_durable(session, 1), 0);
    session_leave(session);
    sessions_destroy(sessions);
}

static void a_number_is_received_once(void **state)
{
    struct sessions *sessions = sessions_create(4);
    struct session *session = sessions_enter(sessions, "alpha", 1, 1);
    struct receipt receipt;

    assert_false(session_receive(session, 0, 0, &receipt));     /* They begin at 1. */
    assert_true(session_receive(session, 0, 3, &receipt));
    assert_false(session_receive(session, 0, 3, &receipt));
    assert_false(session_receive(session, 0, 1, &receipt));
    assert_true(session_receive(session, 0, 4, &receipt));
    session_leave(session);
    sessions_destroy(sessions);
}

static void many_receipts_settle_in_any_order(void **state)
{
    enum { N = 10000 };
    struct sessions *sessions = sessions_create(4);
    struct session *session = sessions_enter(sessions, "alpha", 1, 1);
    struct receipt *receipts = calloc(N, sizeof *receipts);
    uint64_t last = 0;

    for (uint64_t i = 0; i < N; i++) {
        assert_true(session_receive(session, 0, i + 1, &receipts[i]));
        if (i % 3 == 2) {                       /* Some early, so that the ring turns. */
            session_settle(&receipts[i - 2]);
        }
    }
    for (uint64_t i = 0; i < N; i++) {
        uint64_t at = i * 7919 % N;             /* A permutation: 7919 is prime. */

        if (at % 3 != 0 || at + 2 >= N) {
            session_settle(&receipts[at]);
        }
        assert_true(session_durable(session, 0) >= last);
        last = session_durable(session, 0);
    }
    assert_int_equal(last, N);
    free(receipts);
    session_leave(session);
    sessions_destroy(sessions);
}

static void only_sessions_that_nobody_needs_are_forgotten(void **state)
{
    struct sessions *sessions = sessions_create(2);
    struct session *a = sessions_enter(sessions, "alpha", 1, 1);
    struct session *b = sessions_enter(sessions, "alpha", 2, 1);
    struct receipt receipt;

    assert_null(sessions_enter(sessions, "alpha", 3, 1));
    assert_ptr_equal(sessions_enter(sessions, "alpha", 1, 1), a);
    assert_null(sessions_enter(sessions, "alpha", 1, 2));       /* Another worker count. */
    session_leave(a);
    session_leave(a);
    assert_true(session_receive(b, 0, 8, &receipt));
    session_leave(b);                           /* It has a receipt that is out. */
    assert_non_null(sessions_enter(sessions, "alpha", 3, 1));   /* In the place of a. */
    assert_null(sessions_enter(sessions, "alpha", 4, 1));
    session_settle(&receipt);
    assert_non_null(sessions_enter(sessions, "alpha", 4, 1));
    sessions_destroy(sessions);
}

static void limits_of_a_session_hold(void **state)
{
    struct sessions *sessions = sessions_create(2);
    char name[SESSION_SENSOR_SIZE + 1];

    assert_null(sessions_enter(sessions, "alpha", 1, 0));
    assert_null(sessions_enter(sessions, "alpha", 1, SESSION_MAX_WORKERS + 1));
    memset(name, 'x', sizeof name);
    name[SESSION_SENSOR_SIZE] = '\0';
    assert_null(sessions_enter(sessions, name, 1, 1));
    name[SESSION_SENSOR_SIZE - 1] = '\0';
    assert_non_null(sessions_enter(sessions, name, 1, SESSION_MAX_WORKERS));
    sessions_destroy(sessions);
}

/* ---- Metrics ---- */

static void metrics_are_prometheus_text(void **state)
{
    struct counters counters = { 0 };
    struct strbuf text = STRBUF_EMPTY;
    const char *at;

    counter_add(&counters.received, 12);
    counter_add(&counters.refused_schema, 3);
    serve_write_metrics(&counters, true, &text);
    at = strbuf_cstr(&text);
    assert_non_null(strstr(at, "# TYPE civicshield_collector_records_received_total counter\n"
                               "civicshield_collector_records_received_total 12\n"));
    assert_non_null(strstr(at, "\ncivicshield_collector_refused_total{reason=\"schema\"} 3\n"));
    assert_non_null(strstr(at, "\ncivicshield_collector_ready 1\n"));
    /* One TYPE for a name, however many samples. */
    at = strstr(at, "# TYPE civicshield_collector_refused_total ");
    assert_non_null(at);
    assert_null(strstr(at + 1, "# TYPE civicshield_collector_refused_total "));
    strbuf_fini(&text);
}

int main(void)
{
#define WITH_FIXTURE(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(an_event_becomes_a_document_with_id_and_index),
        WITH_FIXTURE(an_event_that_speaks_for_another_is_refused),
        WITH_FIXTURE(an_event_without_identity_gets_that_of_its_record),
        WITH_FIXTURE(what_is_no_event_has_a_reason),
        WITH_FIXTURE(a_small_record_cannot_unfold_into_a_large_message),
        WITH_FIXTURE(every_shorter_record_is_read_or_refused),
        cmocka_unit_test(the_index_is_a_function_of_type_and_time),
        cmocka_unit_test(a_namespace_that_is_no_part_of_a_name_is_an_error_with_its_place),
        cmocka_unit_test(durable_follows_the_oldest_that_is_not_settled),
        cmocka_unit_test(a_number_is_received_once),
        cmocka_unit_test(many_receipts_settle_in_any_order),
        cmocka_unit_test(only_sessions_that_nobody_needs_are_forgotten),
        cmocka_unit_test(limits_of_a_session_hold),
        cmocka_unit_test(metrics_are_prometheus_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
