/* fuzz deps: app_dep crypto_dep */
/* TLS over both directions.  The input is a list of pieces: one byte of direction, gap and
 * end, two of size, then so many bytes.  A piece may be wrapped into a record, or into a
 * message or certificate list within one, so that sizes agree and what is inside is read. */
#include <stdlib.h>

#include "sensor/app/parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define MAX_WRAP 16

static size_t put_size(uint8_t *out, size_t value, unsigned width)
{
    for (unsigned i = 0; i < width; i++) {
        out[i] = (uint8_t) (value >> 8 * (width - 1 - i));
    }
    return width;
}

/* What stands in front of 'n' bytes: nothing, a record, a message, a certificate. */
static size_t wrap(uint8_t *out, unsigned kind, size_t n)
{
    static const uint8_t types[] = { 0, 0, 1, 2, 11, 11, 12, 14 };
    bool is_certificate = kind == 5;
    size_t at = 0, inner = is_certificate ? n + 6 : n;

    if (kind == 0) {
        return 0;
    }
    out[at++] = 22;
    out[at++] = 3;
    out[at++] = 3;
    at += put_size(out + at, kind == 1 ? n : inner + 4, 2);
    if (kind > 1) {
        out[at++] = types[kind];
        at += put_size(out + at, inner, 3);
    }
    if (is_certificate) {
        at += put_size(out + at, n + 3, 3);
        at += put_size(out + at, n, 3);
    }
    return at;
}

static void ask_everything(const struct app_tx *tx)
{
    uint64_t value;

    for (int dir = 0; dir < N_DIRECTIONS; dir++) {
        for (int id = 0; id < N_BUFFERS; id++) {
            for (unsigned index = 0; index < 3; index++) {
                app_tx_buffer(tx, (enum direction) dir, (enum buffer_id) id, index);
            }
        }
        for (int field = 0; field < N_RULE_FIELDS; field++) {
            app_tx_number(tx, (enum direction) dir, (enum rule_field) field, 0, &value);
        }
        app_tx_is_loggable(tx, (enum direction) dir);
    }
}

static void feed(struct app_engine *e, struct flow *flow, const uint8_t *bytes, size_t size)
{
    struct packet packet = { .time_ns = 1 };

    while (size >= 3) {
        uint8_t head = bytes[0];
        size_t n = (size_t) (bytes[1] & 0x0f) << 8 | bytes[2];
        n = n < size - 3 ? n : size - 3;
        uint8_t front[MAX_WRAP];
        size_t n_front = wrap(front, head >> 1 & 7, n);
        uint8_t *copy = malloc(n_front + n + 1);        /* Exactly sized but for n == 0. */
        memcpy(copy, front, n_front);
        memcpy(copy + n_front, bytes + 3, n);
        struct stream_data data = {
            .dir = head & 1 ? TO_CLIENT : TO_SERVER, .bytes = n_front + n != 0 ? copy : NULL,
            .size = (uint32_t) (n_front + n), .gap = (head & 0xf0) == 0xf0 ? 5 : 0,
            .is_end = (head & 0xf0) == 0xe0, .is_depth_reached = (head & 0xf0) == 0xd0,
        };
        app_stream(e, flow, &packet, &data);
        free(copy);
        if (flow->app != NULL) {
            for (struct app_tx *tx = app_tx_first(flow->app); tx != NULL;
                 tx = app_tx_next(flow->app, tx)) {
                ask_everything(tx);
                tx->is_logged = tx->is_inspected[0] = tx->is_inspected[1] = bytes[1] & 0x80;
            }
            app_release(e, flow);
        }
        bytes += 3 + n;
        size -= 3 + n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct app_conf conf = { .memory = 1u << 22, .session_memory = 1u << 18,
                                   .max_transactions = 8, .ja3 = true, .ja4 = true,
                                   .http_header_limit = 1u << 16, .http_field_limit = 18000 };
    struct app_engine *e = app_engine_create(&conf, NULL, NULL);
    struct flow flow = { .key = { .ip_proto = IP_PROTO_TCP, .sport = 4000, .dport = 443 } };
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
