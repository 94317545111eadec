/* Sensor and collector over loopback: sensor/transport on one side, collector/ingest on
 * the other, with real certificates; what comes in is kept in memory. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/ingest/ingest.h"
#include "common/base/clock.h"
#include "sensor/transport/transport.h"

#define MAX_WORKERS 3
#define MAX_NUMBER 30000
#define MS NS_PER_MS
#define PATIENCE (30 * NS_PER_SEC)

/* ---- The collector's side ---- */

struct sink {
    struct ingest_conf conf;
    struct ingest_tls_conf tls_conf;
    struct tls_files tls;
    struct counters counters;
    struct sessions *sessions;
    struct ingest *ingest;

    pthread_mutex_t mutex;      /* Guards the rest. */
    unsigned char seen[MAX_WORKERS][MAX_NUMBER + 1];    /* How often each came. */
    uint64_t n_taken;
    struct receipt held[MAX_WORKERS * MAX_NUMBER];      /* Not settled. */
    size_t n_held;
    bool is_holding, has_no_room;
};

static void settle(struct sink *sink, const struct receipt *receipt)
{
    counter_sub(&sink->counters.in_memory, 1);
    session_settle(receipt);
}

/* A record holds its number, and that again for each byte of its size. */
static void take(void *state, const struct receipt *receipt, struct slice bytes)
{
    struct sink *sink = state;
    uint64_t number;

    counter_add(&sink->counters.in_memory, 1);
    assert_true(bytes.size >= sizeof number);
    memcpy(&number, bytes.bytes, sizeof number);
    assert_int_equal(number, receipt->number);
    pthread_mutex_lock(&sink->mutex);
    sink->seen[receipt->worker][number]++;
    sink->n_taken++;
    if (sink->is_holding) {
        sink->held[sink->n_held++] = *receipt;
    } else {
        settle(sink, receipt);
    }
    pthread_mutex_unlock(&sink->mutex);
}

static bool has_room(void *state)
{
    struct sink *sink = state;
    bool result;

    pthread_mutex_lock(&sink->mutex);
    result = !sink->has_no_room;
    pthread_mutex_unlock(&sink->mutex);
    return result;
}

static void open_ingest(struct sink *sink)
{
    struct ingest_options options = {
        .conf = &sink->conf, .tls = &sink->tls, .counters = &sink->counters,
        .sessions = sink->sessions, .taker = { sink, take, has_room },
    };
    struct diag diag;

    diag_init(&diag);
    sink->ingest = ingest_open(&options, &diag);
    diag_print(&diag, stderr);
    assert_non_null(sink->ingest);
    sink->conf.port = ingest_port(sink->ingest);        /* The same after a restart. */
    diag_fini(&diag);
}

static void set_flags(struct sink *sink, bool is_holding, bool has_no_room)
{
    pthread_mutex_lock(&sink->mutex);
    sink->is_holding = is_holding;
    sink->has_no_room = has_no_room;
    pthread_mutex_unlock(&sink->mutex);
}

static uint64_t count_taken(struct sink *sink)
{
    uint64_t n;

    pthread_mutex_lock(&sink->mutex);
    n = sink->n_taken;
    pthread_mutex_unlock(&sink->mutex);
    return n;
}

static void settle_held(struct sink *sink)
{
    pthread_mutex_lock(&sink->mutex);
    while (sink->n_held != 0) {                 /* In an order that is not theirs. */
        settle(sink, &sink->held[--sink->n_held]);
    }
    pthread_mutex_unlock(&sink->mutex);
}

/* ---- Both sides ---- */

static char folder[] = "/tmp/civicshield-link-XXXXXX";
static char paths[8][96];

static int make_certificates(void **state)
{
    static const char *const names[] = {
        "ca.pem", "collector.pem", "collector.key", "alpha.pem", "alpha.key",
        "foreign/ca.pem", "foreign/alpha.pem", "foreign/alpha.key",
    };
    const char *root = getenv("SOURCE_ROOT");
    char command[1024];

    if (root == NULL || mkdtemp(folder) == NULL) {
        return -1;
    }
    for (size_t i = 0; i < 8; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/%s", folder, names[i]);
    }
    snprintf(command, sizeof command,
             "'%s/scripts/make-certs' %s alpha && "
             "'%s/scripts/make-certs' %s/foreign alpha --ca-name Foreign",
             root, folder, root, folder);
    return system(command) == 0 ? 0 : -1;
}

static int remove_certificates(void **state)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

struct link {
    struct sink *sink;
    struct transport_conf conf;
    char address[32];
};

static int open_link(void **state)
{
    struct link *link = calloc(1, sizeof *link);
    struct sink *sink = calloc(1, sizeof *sink);
    struct diag diag;

    diag_init(&diag);
    pthread_mutex_init(&sink->mutex, NULL);
    sink->conf = (struct ingest_conf) { (char *) "127.0.0.1", 0, 16, 1 << 20 };
    sink->tls_conf = (struct ingest_tls_conf) { paths[0], paths[1], paths[2] };
    assert_true(ingest_tls_read(&sink->tls_conf, &sink->tls, &diag));
    sink->sessions = sessions_create(8);
    open_ingest(sink);
    link->sink = sink;
    snprintf(link->address, sizeof link->address, "127.0.0.1:%u", (unsigned) sink->conf.port);
    link->conf = (struct transport_conf) {
        .address = link->address, .ca = paths[0], .certificate = paths[3], .key = paths[4],
        .memory = 3 << 20, .batch_records = 64,
    };
    diag_fini(&diag);
    *state = link;
    return 0;
}

static int close_link(void **state)
{
    struct link *link = *state;
    struct sink *sink = link->sink;

    ingest_close(sink->ingest);
    sessions_destroy(sink->sessions);
    tls_files_fini(&sink->tls);
    pthread_mutex_destroy(&sink->mutex);
    free(sink);
    free(link);
    return 0;
}

static struct transport *open_transport(struct link *link, unsigned n_workers)
{
    struct transport_options options = {
        .conf = &link->conf, .epoch = 0x1234, .version = "test", .n_workers = n_workers,
    };
    struct diag diag;
    struct transport *transport;

    diag_init(&diag);
    transport = transport_open(&options, &diag);
    diag_print(&diag, stderr);
    assert_non_null(transport);
    diag_fini(&diag);
    return transport;
}

static bool offer(struct transport *transport, unsigned worker, uint64_t number,
                  bool may_wait)
{
    uint8_t bytes[300] = { 0 };

    memcpy(bytes, &number, sizeof number);
    return transport_offer(transport, worker, number, 4, bytes,
                           sizeof number + (size_t) (number % 290), may_wait);
}

struct worker {
    struct transport *transport;
    unsigned worker;
    uint64_t first, last;
};

static void *offer_all(void *state)
{
    const struct worker *w = state;

    for (uint64_t i = w->first; i <= w->last; i++) {
        offer(w->transport, w->worker, i, true);
    }
    return NULL;
}

static void check_ledger(const struct transport *transport)
{
    struct transport_ledger ledger;

    transport_ledger_read(transport, &ledger);
    assert_int_equal(ledger.offered,
                     ledger.acked + ledger.held + ledger.shed + ledger.too_large);
}

static void check_each_once(struct sink *sink, unsigned n_workers, uint64_t last)
{
    for (unsigned worker = 0; worker < n_workers; worker++) {
        for (uint64_t i = 1; i <= last; i++) {
            assert_int_equal(sink->seen[worker][i], 1);
        }
    }
}

static void wait_until_taken(struct sink *sink, uint64_t n)
{
    for (int i = 0; i < 3000 && count_taken(sink) < n; i++) {
        usleep(10000);
    }
    assert_true(count_taken(sink) >= n);
}

/* ---- Tests ---- */

static void every_record_of_every_worker_arrives_once(void **state)
{
    struct link *link = *state;
    struct transport *transport = open_transport(link, MAX_WORKERS);
    struct worker workers[MAX_WORKERS];
    pthread_t threads[MAX_WORKERS];

    for (unsigned i = 0; i < MAX_WORKERS; i++) {
        workers[i] = (struct worker) { transport, i, 1, MAX_NUMBER };
        pthread_create(&threads[i], NULL, offer_all, &workers[i]);
    }
    for (unsigned i = 0; i < MAX_WORKERS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_true(transport_finish(transport, PATIENCE));
    check_ledger(transport);
    transport_close(transport);
    check_each_once(link->sink, MAX_WORKERS, MAX_NUMBER);
    assert_int_equal(count_taken(link->sink), MAX_WORKERS * MAX_NUMBER);
}

/* The connection goes and comes back; the collector remembers the run. */
static void after_a_lost_connection_nothing_is_lost_or_doubled(void **state)
{
    struct link *link = *state;
    struct sink *sink = link->sink;
    struct transport *transport = open_transport(link, 1);
    struct worker worker = { transport, 0, 1, MAX_NUMBER };
    struct transport_ledger ledger;
    pthread_t thread;

    pthread_create(&thread, NULL, offer_all, &worker);
    for (uint64_t n = 3000; n < MAX_NUMBER; n += 9000) {
        set_flags(sink, n % 2000 == 0, false);  /* Now and then with records unsettled. */
        wait_until_taken(sink, n);
        ingest_close(sink->ingest);
        settle_held(sink);
        set_flags(sink, false, false);
        usleep(50000);
        open_ingest(sink);
    }
    pthread_join(thread, NULL);
    assert_true(transport_finish(transport, PATIENCE));
    transport_ledger_read(transport, &ledger);
    assert_int_equal(ledger.acked, MAX_NUMBER);
    assert_true(ledger.connections >= 3);
    check_ledger(transport);
    transport_close(transport);
    check_each_once(sink, 1, MAX_NUMBER);
}

/* The collector is another process: it has forgotten the run, and may see again what was
 * not acknowledged, but nothing is missing. */
static void after_a_restart_of_the_collector_nothing_is_lost(void **state)
{
    struct link *link = *state;
    struct sink *sink = link->sink;
    struct transport *transport = open_transport(link, 1);
    struct worker worker = { transport, 0, 1, MAX_NUMBER };
    struct transport_ledger ledger;
    pthread_t thread;

    set_flags(sink, true, false);               /* What is taken now is lost with it. */
    pthread_create(&thread, NULL, offer_all, &worker);
    wait_until_taken(sink, 2000);
    ingest_close(sink->ingest);
    sessions_destroy(sink->sessions);
    sink->sessions = sessions_create(8);
    sink->n_held = 0;
    sink->counters.in_memory = 0;
    memset(sink->seen, 0, sizeof sink->seen);
    set_flags(sink, false, false);
    open_ingest(sink);
    pthread_join(thread, NULL);
    assert_true(transport_finish(transport, PATIENCE));
    transport_ledger_read(transport, &ledger);
    assert_true(ledger.resent >= 2000);
    transport_close(transport);
    check_each_once(sink, 1, MAX_NUMBER);
}

static void nothing_is_acknowledged_before_it_is_settled(void **state)
{
    struct link *link = *state;
    struct transport *transport = open_transport(link, 1);
    struct transport_ledger ledger;

    set_flags(link->sink, true, false);
    for (uint64_t i = 1; i <= 100; i++) {
        assert_true(offer(transport, 0, i, true));
    }
    wait_until_taken(link->sink, 100);
    assert_false(transport_finish(transport, 300 * MS));
    transport_ledger_read(transport, &ledger);
    assert_int_equal(ledger.acked, 0);
    assert_int_equal(ledger.held, 100);
    settle_held(link->sink);
    assert_true(transport_finish(transport, PATIENCE));
    transport_close(transport);
}

static void a_collector_without_room_holds_the_sensor_back(void **state)
{
    struct link *link = *state;
    struct transport *transport = open_transport(link, 1);
    uint64_t n_before, n_offered = 0;

    assert_true(offer(transport, 0, ++n_offered, true));
    assert_true(transport_finish(transport, PATIENCE));
    set_flags(link->sink, false, true);
    while (n_offered < MAX_NUMBER && offer(transport, 0, n_offered + 1, false)) {
        n_offered++;
        usleep(n_offered % 500 == 0 ? 2000 : 0);
    }
    assert_true(n_offered < MAX_NUMBER);        /* The ring was full at last. */
    usleep(200000);
    n_before = count_taken(link->sink);
    usleep(200000);
    assert_int_equal(count_taken(link->sink), n_before);
    assert_true(n_before < n_offered / 2);
    assert_true(counter_read(&link->sink->counters.pauses) >= 1);
    set_flags(link->sink, false, false);
    assert_true(transport_finish(transport, PATIENCE));
    check_ledger(transport);
    transport_close(transport);
    assert_int_equal(count_taken(link->sink), n_offered);
}

/* A run is told to stop while the collector waits for its index: the message that is under
 * way will not be taken. */
static void a_sensor_can_close_while_the_collector_has_no_room(void **state)
{
    struct link *link = *state;
    struct transport *transport = open_transport(link, 1);
    uint64_t start, number = 1;

    assert_true(offer(transport, 0, number, true));
    assert_true(transport_finish(transport, PATIENCE));
    set_flags(link->sink, false, true);
    while (number < MAX_NUMBER && offer(transport, 0, number + 1, false)) {
        number++;
    }
    assert_true(number < MAX_NUMBER);           /* The ring is full, and so is the pipe. */
    usleep(300000);
    start = clock_monotonic_ns();
    transport_close(transport);
    assert_true(clock_monotonic_ns() - start < 5 * NS_PER_SEC);
}

static void a_second_run_of_the_same_epoch_adds_nothing(void **state)
{
    struct link *link = *state;
    struct transport *transport;

    for (int run = 0; run < 2; run++) {
        struct worker worker;

        transport = open_transport(link, 1);
        worker = (struct worker) { transport, 0, 1, 5000 };
        offer_all(&worker);
        assert_true(transport_finish(transport, PATIENCE));
        check_ledger(transport);
        transport_close(transport);
    }
    assert_int_equal(count_taken(link->sink), 5000);
}

static void a_foreign_certificate_is_refused(void **state)
{
    struct link *link = *state;
    struct transport *transport;

    link->conf.certificate = paths[6];
    link->conf.key = paths[7];
    transport = open_transport(link, 1);
    assert_true(offer(transport, 0, 1, true));
    assert_false(transport_finish(transport, 1000 * MS));
    assert_false(transport_is_connected(transport));
    transport_close(transport);
    assert_int_equal(count_taken(link->sink), 0);
    /* One for each try of the sensor, which there can be no more than ten of. */
    assert_in_range(counter_read(&link->sink->counters.refused_tls), 1, 10);
}

static void a_collector_of_a_foreign_authority_is_not_trusted(void **state)
{
    struct link *link = *state;
    struct transport *transport;

    link->conf.ca = paths[5];
    transport = open_transport(link, 1);
    assert_true(offer(transport, 0, 1, true));
    assert_false(transport_finish(transport, 1000 * MS));
    transport_close(transport);
    assert_int_equal(count_taken(link->sink), 0);
}

static void live_the_lower_priorities_are_shed_first_and_counted(void **state)
{
    struct link *link = *state;
    struct transport *transport;
    struct transport_ledger ledger;
    static uint8_t bytes[1000];
    uint64_t number = 0;

    ingest_close(link->sink->ingest);           /* The collector is away. */
    link->sink->ingest = NULL;
    transport = open_transport(link, 1);
    for (unsigned i = 0; i < 12000; i++) {
        number++;
        memcpy(bytes, &number, sizeof number);
        transport_offer(transport, 0, number, i % 3 == 0 ? 9 : i % 3 == 1 ? 4 : 1, bytes,
                        sizeof bytes, false);
    }
    transport_ledger_read(transport, &ledger);
    assert_int_equal(ledger.offered, 12000);
    assert_true(ledger.shed_by_priority[1] > ledger.shed_by_priority[4]);
    assert_true(ledger.shed_by_priority[4] > ledger.shed_by_priority[9]);
    check_ledger(transport);
    open_ingest(link->sink);
    assert_true(transport_finish(transport, PATIENCE));
    transport_close(transport);
}

static void a_worker_that_waits_can_be_called_back(void **state)
{
    struct link *link = *state;
    struct transport *transport;
    struct worker worker;
    pthread_t thread;

    ingest_close(link->sink->ingest);
    link->sink->ingest = NULL;
    transport = open_transport(link, 1);
    worker = (struct worker) { transport, 0, 1, MAX_NUMBER };
    pthread_create(&thread, NULL, offer_all, &worker);
    usleep(300000);
    transport_interrupt(transport);
    pthread_join(thread, NULL);
    check_ledger(transport);
    transport_close(transport);
}

static void wrong_files_are_reported_with_their_names(void **state)
{
    const struct {
        const char *ca, *certificate, *key;
        const char *file, *text;
    } rows[] = {
        { paths[0], paths[3], "/nonexistent/key", "/nonexistent/key", "cannot be opened" },
        { paths[0], paths[4], paths[4], paths[4], "expected a certificate" },
        { paths[0], paths[3], paths[3], paths[3], "expected a private key" },
        { paths[0], paths[3], paths[2], paths[2], "does not belong to the certificate" },
        { paths[4], paths[3], paths[4], paths[4], "expected a certificate" },
        { paths[0], paths[3], NULL, NULL, "collector.key is needed" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct transport_conf conf = {
            .ca = (char *) rows[i].ca, .certificate = (char *) rows[i].certificate,
            .key = (char *) rows[i].key,
        };
        struct tls_files files;
        struct diag diag;

        diag_init(&diag);
        assert_false(transport_files_read(&conf, &files, &diag));
        assert_int_equal(diag.n_errors, 1);
        if (rows[i].file != NULL) {
            assert_string_equal(diag.messages[0].file, rows[i].file);
        }
        assert_non_null(strstr(diag.messages[0].text, rows[i].text));
        diag_fini(&diag);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_link, close_link)
    const struct CMUnitTest tests[] = {
        TEST(every_record_of_every_worker_arrives_once),
        TEST(after_a_lost_connection_nothing_is_lost_or_doubled),
        TEST(after_a_restart_of_the_collector_nothing_is_lost),
        TEST(nothing_is_acknowledged_before_it_is_settled),
        TEST(a_collector_without_room_holds_the_sensor_back),
        TEST(a_sensor_can_close_while_the_collector_has_no_room),
        TEST(a_second_run_of_the_same_epoch_adds_nothing),
        TEST(a_foreign_certificate_is_refused),
        TEST(a_collector_of_a_foreign_authority_is_not_trusted),
        TEST(live_the_lower_priorities_are_shed_first_and_counted),
        TEST(a_worker_that_waits_can_be_called_back),
        cmocka_unit_test(wrong_files_are_reported_with_their_names),
    };

    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
