/* The store against a server that behaves as it is told to. */
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
#include <microhttpd.h>

#include "collector/store/store.h"
#include "common/base/clock.h"

enum mode {
    TAKES_ALL,                  /* 201 for each document. */
    REFUSES_ALL,                /* 400 for every request, whatever it is. */
};

struct server {
    struct MHD_Daemon *daemon;
    _Atomic int mode;
    _Atomic unsigned n_bulks, n_taken, n_mappings;
    bool has_templates;         /* Newer ones than ours. */
};

struct upload {
    size_t n_lines;
};

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status,
                              const struct strbuf *body)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body->size, body->text, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result = MHD_queue_response(connection, status, response);

    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_bulk(struct server *server, struct MHD_Connection *connection,
                                   size_t n)
{
    struct strbuf body = STRBUF_EMPTY;
    enum MHD_Result result;

    server->n_bulks++;
    if (server->mode != TAKES_ALL) {
        strbuf_puts(&body, "Bad request");
        result = answer(connection, 400, &body);
    } else {
        strbuf_puts(&body, "{\"errors\":false,\"items\":[");
        for (size_t i = 0; i < n; i++) {
            strbuf_puts(&body, i != 0 ? "," : "");
            strbuf_puts(&body, "{\"create\":{\"status\":201}}");
        }
        strbuf_puts(&body, "]}");
        server->n_taken += (unsigned) n;
        result = answer(connection, 200, &body);
    }
    strbuf_fini(&body);
    return result;
}

static enum MHD_Result take_request(void *state, struct MHD_Connection *connection,
                                    const char *path, const char *method,
                                    const char *version, const char *bytes, size_t *size,
                                    void **per_request)
{
    struct server *server = state;
    struct upload *upload = *per_request;
    struct strbuf body = STRBUF_EMPTY;
    enum MHD_Result result;

    (void) method, (void) version;
    if (upload == NULL) {
        *per_request = calloc(1, sizeof *upload);
        return MHD_YES;
    }
    if (*size != 0) {
        for (size_t i = 0; i < *size; i++) {
            upload->n_lines += bytes[i] == '\n';
        }
        *size = 0;
        return MHD_YES;
    }
    if (strcmp(path, "/_bulk") == 0) {
        return answer_bulk(server, connection, upload->n_lines / 2);
    }
    server->n_mappings += strcmp(path, "/" STORE_ALIAS "/_mapping") == 0;
    strbuf_puts(&body, server->has_templates
                           ? "{\"index_templates\":[{\"index_template\":{\"version\":99999}}]}"
                           : "{}");
    result = answer(connection, server->mode == REFUSES_ALL ? 400 : 200, &body);
    strbuf_fini(&body);
    return result;
}

static void end_request(void *state, struct MHD_Connection *connection, void **per_request,
                        enum MHD_RequestTerminationCode code)
{
    (void) state, (void) connection, (void) code;
    free(*per_request);
}

struct fixture {
    struct server server;
    struct store_conf conf;
    struct counters counters;
    struct sessions *sessions;
    struct session *session;
    struct store *store;
    char url[48];
    _Atomic unsigned outcomes[STORE_N_OUTCOMES];
};

static void take_outcome(void *state, const struct receipt *receipt,
                         enum store_outcome outcome)
{
    struct fixture *f = state;

    f->outcomes[outcome]++;
    session_settle(receipt);
}

static int open_fixture(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct diag diag;

    f->server.has_templates = *state != NULL;
    f->server.daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO, 0, NULL, NULL, take_request,
        &f->server, MHD_OPTION_NOTIFY_COMPLETED, end_request, NULL, MHD_OPTION_END);
    assert_non_null(f->server.daemon);
    snprintf(f->url, sizeof f->url, "http://127.0.0.1:%u",
             MHD_get_daemon_info(f->server.daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    f->conf = (struct store_conf) {
        .url = f->url, .requests = 2, .bulk_documents = 100, .bulk_bytes = 1 << 20,
        .bulk_delay_ns = 10 * NS_PER_MS, .timeout_ns = 5 * NS_PER_SEC, .shards = 1,
    };
    f->sessions = sessions_create(4);
    f->session = sessions_enter(f->sessions, "alpha", 1, 1);
    diag_init(&diag);
    f->store = store_open(&(struct store_options) {
        .conf = &f->conf, .counters = &f->counters, .settled = take_outcome, .state = f,
    }, &diag);
    assert_non_null(f->store);
    diag_fini(&diag);
    *state = f;
    return 0;
}

static int close_fixture(void **state)
{
    struct fixture *f = *state;

    store_close(f->store);
    MHD_stop_daemon(f->server.daemon);
    session_leave(f->session);
    sessions_destroy(f->sessions);
    free(f);
    return 0;
}

static bool is_ready(struct fixture *f)
{
    struct strbuf reason = STRBUF_EMPTY;
    bool result = store_is_ready(f->store, &reason);

    strbuf_fini(&reason);
    return result;
}

static void wait_for_ready(struct fixture *f, bool wanted)
{
    for (int i = 0; i < 1000 && is_ready(f) != wanted; i++) {
        usleep(10000);
    }
    assert_int_equal(is_ready(f), wanted);
}

static void add_documents(struct fixture *f, uint64_t first, uint64_t last)
{
    for (uint64_t number = first; number <= last; number++) {
        struct receipt receipt = { 0 };
        char id[32];

        assert_true(session_receive(f->session, 0, number, &receipt));
        snprintf(id, sizeof id, "alpha-%llu", (unsigned long long) number);
        store_add(f->store, &(struct store_document) {
            slice_text("logs-civicshield.dns-default-2025"), slice_text(id),
            slice_text("{\"a\":1}"),
        }, &receipt);
    }
}

static void what_is_taken_is_settled(void **state)
{
    struct fixture *f = *state;

    wait_for_ready(f, true);
    add_documents(f, 1, 1000);
    assert_true(store_drain(f->store, 20 * NS_PER_SEC));
    assert_int_equal(f->outcomes[STORE_INDEXED], 1000);
    assert_int_equal(session_durable(f->session, 0), 1000);
}

/* What answers is no Elasticsearch any more (a proxy that is set up wrongly, say): it
 * refuses documents and dead letters alike, for which these cannot be blamed. */
static void a_server_that_refuses_everything_costs_no_document(void **state)
{
    struct fixture *f = *state;

    wait_for_ready(f, true);
    f->server.mode = REFUSES_ALL;
    add_documents(f, 1, 200);
    wait_for_ready(f, false);
    usleep(500000);
    assert_int_equal(session_durable(f->session, 0), 0);
    f->server.mode = TAKES_ALL;
    assert_true(store_drain(f->store, 20 * NS_PER_SEC));
    assert_int_equal(f->outcomes[STORE_DISCARDED], 0);
    assert_int_equal(f->outcomes[STORE_DEAD_LETTER], 0);
    assert_int_equal(f->outcomes[STORE_INDEXED], 200);
    assert_int_equal(session_durable(f->session, 0), 200);
}

/* The process that wrote the templates may have ended before it came to the mapping. */
static void the_mapping_of_existing_indices_is_seen_to_at_each_start(void **state)
{
    struct fixture *f = *state;

    wait_for_ready(f, true);
    assert_int_equal(f->server.n_mappings, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        TEST(what_is_taken_is_settled),
        TEST(a_server_that_refuses_everything_costs_no_document),
        cmocka_unit_test_prestate_setup_teardown(
            the_mapping_of_existing_indices_is_seen_to_at_each_start, open_fixture,
            close_fixture, (void *) "templates are there"),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
