/* fuzz deps: app_dep */
/* A DNS session: the first byte says UDP or TCP; then messages, each behind a byte of
 * direction and a byte of size.  What comes out is rendered as an event. */
#include <stdlib.h>

#include "sensor/app/dns/dns.h"

static void look_at(const struct app_session *s)
{
    for (struct app_tx *tx = app_tx_first(s); tx != NULL; tx = app_tx_next(s, tx)) {
        for (int d = 0; d < N_DIRECTIONS; d++) {
            enum direction dir = (enum direction) d;
            struct arena scratch;
            struct event event = { .type = EVENT_DNS };
            struct strbuf text = STRBUF_EMPTY;

            if (!app_tx_is_loggable(tx, dir)) {
                continue;
            }
            arena_init(&scratch, 4096, 8u << 20);
            app_tx_fill(tx, dir, &event, &scratch);
            event_write_eve(&event, &text);
            for (unsigned i = 0; i < 4; i++) {
                (void) app_tx_buffer(tx, dir, BUFFER_DNS_QUERY_NAME, i);
                (void) app_tx_buffer(tx, dir, BUFFER_DNS_ANSWERS_RRNAME, i);
            }
            strbuf_fini(&text);
            arena_fini(&scratch);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct app_conf conf = { .memory = 8u << 20, .session_memory = 4u << 20,
                             .max_transactions = 64 };
    struct app_engine *e = app_engine_create(&conf, NULL, NULL);
    struct flow flow = { .id = 1 };
    bool is_tcp = size > 0 && (data[0] & 1) != 0;
    size_t at = 1;

    flow.key.ip_proto = is_tcp ? IP_PROTO_TCP : IP_PROTO_UDP;
    flow.key.dport = 53;
    while (at + 2 < size) {
        enum direction dir = (data[at] & 1) != 0 ? TO_CLIENT : TO_SERVER;
        size_t n = data[at + 1] < size - at - 2 ? data[at + 1] : size - at - 2;
        uint8_t *copy = malloc(n + 1);
        struct packet p = { .bytes = copy, .payload_size = (uint32_t) n };
        struct stream_data piece = { .dir = dir, .bytes = copy, .size = (uint32_t) n,
                                     .gap = (data[at] & 0xf0) == 0xf0 ? 9 : 0 };

        for (size_t i = 0; i < n; i++) {
            copy[i] = data[at + 2 + i];
        }
        if (is_tcp) {
            app_stream(e, &flow, &p, &piece);
        } else {
            app_datagram(e, &flow, &p, dir);
        }
        free(copy);
        at += 2 + n;
    }
    if (flow.app != NULL) {
        look_at(flow.app);
    }
    app_flow_finish(e, &flow);
    app_flow_end(e, &flow);
    app_engine_destroy(e);
    return 0;
}
