/* fuzz deps: app_dep */
/* An MQTT session.  The input is a list of pieces: one byte of direction, gap and end, one
 * of size, then so many bytes. */
#include <stdlib.h>

#include "sensor/app/parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void look_at(struct app_tx *tx)
{
    struct arena scratch;
    struct event event = { 0 };
    struct strbuf text = STRBUF_EMPTY;
    uint64_t value;

    arena_init(&scratch, 4096, 1u << 20);
    for (int dir = 0; dir < N_DIRECTIONS; dir++) {
        for (unsigned index = 0; index < 3; index++) {
            for (int id = 0; id < N_BUFFERS; id++) {
                app_tx_buffer(tx, (enum direction) dir, (enum buffer_id) id, index);
            }
            for (int field = FIELD_MQTT_TYPE; field <= FIELD_MQTT_SESSION_PRESENT; field++) {
                app_tx_number(tx, (enum direction) dir, (enum rule_field) field, index,
                              &value);
            }
        }
    }
    app_tx_fill(tx, TO_SERVER, &event, &scratch);
    event_write_eve(&event, &text);
    strbuf_fini(&text);
    arena_fini(&scratch);
}

static void feed(struct app_engine *e, struct flow *flow, const uint8_t *bytes, size_t size)
{
    struct packet packet = { .time_ns = 1 };

    while (size >= 2) {
        uint8_t head = bytes[0];
        size_t n = (size_t) bytes[1] + 1 < size - 1 ? (size_t) bytes[1] + 1 : size - 2;
        uint8_t *copy = malloc(n + 1);
        memcpy(copy, bytes + 2, n);
        struct stream_data data = {
            .dir = head & 1 ? TO_CLIENT : TO_SERVER, .bytes = n != 0 ? copy : NULL,
            .size = (uint32_t) n, .gap = (head & 0xf0) == 0xf0 ? head & 0x0e : 0,
            .is_end = (head & 0xf0) == 0xe0,
        };
        app_stream(e, flow, &packet, &data);
        free(copy);
        for (struct app_tx *tx = app_tx_first(flow->app); tx != NULL;
             tx = app_tx_next(flow->app, tx)) {
            look_at(tx);
            tx->is_logged = tx->is_inspected[0] = tx->is_inspected[1] = head & 2;
        }
        app_release(e, flow);
        bytes += 2 + n;
        size -= 2 + n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct app_conf conf = { .memory = 1u << 22, .session_memory = 1u << 20,
                                   .max_transactions = 8, .mqtt_message_limit = 400,
                                   .mqtt_log_limit = 16 };
    struct app_engine *e = app_engine_create(&conf, NULL, NULL);
    struct flow flow = { .key = { .ip_proto = IP_PROTO_TCP, .sport = 4000, .dport = 1883 } };

    feed(e, &flow, bytes, size);
    app_flow_finish(e, &flow);
    app_flow_end(e, &flow);
    if (app_counters(e)->memory != 0) {
        abort();
    }
    app_engine_destroy(e);
    return 0;
}
