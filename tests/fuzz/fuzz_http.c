/* fuzz deps: app_dep */
/* HTTP over both directions.  The input is a list of pieces: one byte of direction, gap
 * and end, one of size, then so many bytes. */
#include <stdlib.h>

#include "sensor/app/parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void ask_everything(const struct app_tx *tx)
{
    uint64_t value;

    for (int id = 0; id < N_BUFFERS; id++) {
        for (unsigned index = 0; index < 3; index++) {
            for (int dir = 0; dir < N_DIRECTIONS; dir++) {
                app_tx_buffer(tx, (enum direction) dir, (enum buffer_id) id, index);
            }
        }
    }
    app_tx_number(tx, TO_SERVER, FIELD_HTTP_URILEN, 0, &value);
}

static void feed(struct app_engine *e, struct flow *flow, const uint8_t *bytes, size_t size)
{
    struct packet packet = { .time_ns = 1 };

    while (size >= 2) {
        uint8_t head = bytes[0];
        size_t n = (size_t) bytes[1] + 1 < size - 1 ? (size_t) bytes[1] + 1 : size - 2;
        uint8_t *copy = malloc(n + 1);          /* Exactly sized but for n == 0. */
        memcpy(copy, bytes + 2, n);
        struct stream_data data = {
            .dir = head & 1 ? TO_CLIENT : TO_SERVER, .bytes = n != 0 ? copy : NULL,
            .size = (uint32_t) n, .gap = (head & 0xf0) == 0xf0 ? head & 0x0e : 0,
            .is_end = (head & 0xf0) == 0xe0, .is_depth_reached = (head & 0xf0) == 0xd0,
        };
        app_stream(e, flow, &packet, &data);
        free(copy);
        if (flow->app != NULL) {
            for (struct app_tx *tx = app_tx_first(flow->app); tx != NULL;
                 tx = app_tx_next(flow->app, tx)) {
                ask_everything(tx);
                tx->is_logged = tx->is_inspected[0] = tx->is_inspected[1] = head & 2;
            }
            app_release(e, flow);
        }
        bytes += 2 + n;
        size -= 2 + n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct app_conf conf = {
        .memory = 1u << 22, .session_memory = 1u << 20, .max_transactions = 8,
        .http_request_body_limit = 4096, .http_response_body_limit = 4096,
        .http_decompress_limit = 1u << 21, .http_decompress_ratio = 2048,
        .http_decompress_layers = 3, .http_header_limit = 1u << 16,
        .http_field_limit = 18000, .file_md5 = true, .file_sha1 = true, .file_sha256 = true,
    };
    struct app_engine *e = app_engine_create(&conf, NULL, NULL);
    struct flow flow = { .key = { .ip_proto = IP_PROTO_TCP, .sport = 4000, .dport = 80 } };
    struct event event = { 0 };
    struct arena scratch;

    feed(e, &flow, bytes, size);
    app_flow_finish(e, &flow);
    arena_init(&scratch, 4096, 1u << 20);
    if (flow.app != NULL) {
        for (struct app_tx *tx = app_tx_first(flow.app); tx != NULL;
             tx = app_tx_next(flow.app, tx)) {
            ask_everything(tx);
            app_tx_fill(tx, TO_SERVER, &event, &scratch);
        }
    }
    app_flow_end(e, &flow);
    if (app_counters(e)->memory != 0) {
        abort();
    }
    arena_fini(&scratch);
    app_engine_destroy(e);
    return 0;
}
