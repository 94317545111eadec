/* An output with one worker, a packet and a flow made by hand, a parser whose transactions
 * the test makes, and what came out: EVE lines as JSON, wire records unpacked. */
#ifndef CIVICSHIELD_TESTS_OUTPUT_WORLD_H
#define CIVICSHIELD_TESTS_OUTPUT_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "common/wire/wire.h"
#include "sensor/app/parser.h"
#include "sensor/output/output.h"
#include "tests/unit/json_path.h"

#define MAX_EVENTS 32

struct world {
    struct output_conf conf;
    struct output *output;
    struct output_worker *worker;
    char path[64];
    bool refuses;               /* The taker of records says no. */
    size_t n_records;
    Civicshield__Wire__V1__Event *records[MAX_EVENTS];
    json_t *events[MAX_EVENTS]; /* After world_close(). */
    size_t n_events;
    struct frame frame;
    uint8_t bytes[64];
    struct packet packet;
    struct flow flow;
    struct app_session session;
    struct app_parser parser;
};

static const uint8_t world_client[4] = { 10, 0, 0, 1 }, world_server[4] = { 192, 0, 2, 80 };

static inline bool world_offer(void *context, unsigned worker, uint64_t number,
                               unsigned priority, const void *bytes, size_t size)
{
    struct world *w = context;

    if (w->refuses || w->n_records == MAX_EVENTS) {
        return false;
    }
    w->records[w->n_records] = civicshield__wire__v1__event__unpack(NULL, size, bytes);
    assert_non_null(w->records[w->n_records]);
    assert_int_equal(w->records[w->n_records]->id->number, number);
    assert_int_equal(w->records[w->n_records]->id->worker, worker);
    w->n_records++;
    return true;
}

static inline void world_conf(struct output_conf *conf)
{
    struct conf_node *empty = conf_tree_new();
    struct diag diag;

    diag_init(&diag);
    assert_true(conf_read_section(empty, &output_conf_section, conf, &diag));
    conf_tree_free(empty);
    diag_fini(&diag);
}

static inline void world_packet(struct world *w, enum direction dir, const char *payload)
{
    bool to_server = dir == TO_SERVER;

    memset(w->bytes, 0, sizeof w->bytes);
    memcpy(w->bytes, to_server ? "\x02\x02\x02\x02\x02\x02\x01\x01\x01\x01\x01\x01\x08\x00"
                               : "\x01\x01\x01\x01\x01\x01\x02\x02\x02\x02\x02\x02\x08\x00",
           14);
    memcpy(w->bytes + 54, payload, strlen(payload));
    w->frame = (struct frame) { .bytes = w->bytes, .number = 7, .link_type = LINK_ETHERNET };
    w->packet = (struct packet) {
        .bytes = w->bytes, .size = (uint32_t) (54 + strlen(payload)),
        .time_ns = 1262304000123456789ull, .frame = &w->frame, .l3 = 14,
        .l3_header_size = 20, .l4 = 34, .payload = 54,
        .payload_size = (uint32_t) strlen(payload), .ip_proto = IP_PROTO_TCP,
        .src = ip_v4(to_server ? world_client : world_server),
        .dst = ip_v4(to_server ? world_server : world_client),
        .sport = to_server ? 40000 : 80, .dport = to_server ? 80 : 40000,
    };
}

static inline void world_open_with(struct world *w, const struct output_conf *conf)
{
    struct diag diag;

    memset(w, 0, sizeof *w);
    w->conf = *conf;
    snprintf(w->path, sizeof w->path, "/tmp/civicshield-eve-XXXXXX");
    close(mkstemp(w->path));
    diag_init(&diag);
    w->output = output_open(&(struct output_options) { .conf = &w->conf,
                                                       .eve_path = w->path,
                                                       .sensor = "probe",
                                                       .epoch = 0xfeed,
                                                       .offer = world_offer,
                                                       .offer_context = w },
                            &diag);
    assert_non_null(w->output);
    diag_fini(&diag);
    w->worker = output_worker_create(w->output, 3, NULL, NULL);
    w->flow = (struct flow) {
        .key = { .src = ip_v4(world_client), .dst = ip_v4(world_server), .sport = 40000,
                 .dport = 80, .ip_proto = IP_PROTO_TCP },
        .id = 42, .first_ns = 1262304000000001000ull, .last_ns = 1262304002000001000ull,
        .sides = { { .packets = 3, .bytes = 300, .tcp_flags = TCP_SYN | TCP_ACK,
                     .min_ttl = 63, .max_ttl = 64 },
                   { .packets = 2, .bytes = 200, .tcp_flags = TCP_SYN | TCP_FIN | TCP_ECE } },
        .src_mac = { 1, 1, 1, 1, 1, 1 }, .dst_mac = { 2, 2, 2, 2, 2, 2 },
        .state = FLOW_CLOSED, .tcp_state = TCP_STATE_CLOSED,
        .end_reason = FLOW_END_TIMEOUT, .app_proto = APP_HTTP1,
    };
    world_packet(w, TO_SERVER, "GET /");
    w->session.flow = &w->flow;
    w->session.parser = &w->parser;
    list_init(&w->session.txs);
    w->flow.app = &w->session;
}

static inline void world_open(struct world *w)
{
    struct output_conf conf;

    world_conf(&conf);
    world_open_with(w, &conf);
}

/* A transaction of the session; what it says is the parser's fill(). */
static inline void world_tx(struct world *w, struct app_tx *tx)
{
    memset(tx, 0, sizeof *tx);
    tx->session = &w->session;
    tx->parser = &w->parser;
    tx->id = w->session.n_txs++;
    list_init(&tx->files);
    list_push_back(&w->session.txs, &tx->node);
}

/* Ends the run and reads back what was written. */
static inline void world_close(struct world *w)
{
    char line[16384];
    json_error_t error;

    output_worker_destroy(w->worker);
    assert_true(output_close(w->output));
    FILE *file = fopen(w->path, "r");
    assert_non_null(file);
    while (w->n_events < MAX_EVENTS && fgets(line, sizeof line, file) != NULL) {
        json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, &error);

        if (json == NULL) {
            fail_msg("%s in %s", error.text, line);
        }
        w->events[w->n_events++] = json;
    }
    fclose(file);
    unlink(w->path);
}

static inline void world_free(struct world *w)
{
    for (size_t i = 0; i < w->n_events; i++) {
        json_decref(w->events[i]);
    }
    for (size_t i = 0; i < w->n_records; i++) {
        civicshield__wire__v1__event__free_unpacked(w->records[i], NULL);
    }
}

static inline void expect_text(json_t *json, const char *path, const char *text)
{
    if (!json_is_string(at(json, path))) {
        fail_msg("%s is no text", path);
    }
    assert_string_equal(json_string_value(at(json, path)), text);
}

static inline void expect_number(json_t *json, const char *path, json_int_t number)
{
    if (!json_is_integer(at(json, path))) {
        fail_msg("%s is no number", path);
    }
    assert_int_equal(json_integer_value(at(json, path)), number);
}

static inline void expect_absent(json_t *json, const char *path)
{
    if (at(json, path) != NULL) {
        fail_msg("%s is there", path);
    }
}

#endif
