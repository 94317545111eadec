/* fuzz deps: app_dep */
/* TFTP requests: the first byte says how large the first datagram is, and so on. */
#include <stdlib.h>

#include "sensor/app/parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void look_at(const struct app_tx *tx)
{
    struct arena scratch;
    struct event event = { 0 };
    struct strbuf text = STRBUF_EMPTY;

    arena_init(&scratch, 4096, 1u << 20);
    app_tx_fill(tx, TO_SERVER, &event, &scratch);
    event_write_eve(&event, &text);
    strbuf_fini(&text);
    arena_fini(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct app_conf conf = { .memory = 1u << 22, .session_memory = 1u << 20,
                                   .max_transactions = 8 };
    struct app_engine *e = app_engine_create(&conf, NULL, NULL);
    struct flow flow = { .key = { .ip_proto = IP_PROTO_UDP, .sport = 4000, .dport = 69 } };

    while (size >= 1) {
        size_t n = bytes[0] < size - 1 ? bytes[0] : size - 1;
        uint8_t *copy = malloc(n + 1);
        struct packet p = { .bytes = copy, .payload_size = (uint32_t) n };

        memcpy(copy, bytes + 1, n);
        app_datagram(e, &flow, &p, TO_SERVER);
        free(copy);
        bytes += 1 + n;
        size -= 1 + n;
    }
    for (struct app_tx *tx = app_tx_first(flow.app); tx != NULL;
         tx = app_tx_next(flow.app, tx)) {
        look_at(tx);
    }
    app_flow_finish(e, &flow);
    app_flow_end(e, &flow);
    if (app_counters(e)->memory != 0) {
        abort();
    }
    app_engine_destroy(e);
    return 0;
}
