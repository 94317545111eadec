/* fuzz deps: app_dep */
/* A message behind DATA: the first byte says in pieces of what size it comes, the rest is
 * the message. */
#include "tests/fuzz/session.h"

static void say(struct app_engine *e, struct flow *flow, uint8_t dir, const char *text)
{
    feed_piece(e, flow, dir, (const uint8_t *) text, strlen(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct app_conf conf = fuzz_conf();
    struct app_engine *e = app_engine_create(&conf, NULL, NULL);
    struct flow flow = { .key = { .ip_proto = IP_PROTO_TCP, .sport = 4000, .dport = 25 } };
    size_t step = size != 0 ? (size_t) bytes[0] + 1 : 1;

    say(e, &flow, 1, "220 a\r\n");
    say(e, &flow, 0, "EHLO a\r\nDATA\r\n");
    say(e, &flow, 1, "250 a\r\n354 a\r\n");
    for (size_t at = 1; at < size; at += step) {
        size_t n = size - at < step ? size - at : step;
        uint8_t *copy = malloc(n);                      /* Exactly sized. */
        memcpy(copy, bytes + at, n);
        feed_piece(e, &flow, 0, copy, n);
        free(copy);
    }
    app_flow_finish(e, &flow);
    ask_all(&flow);
    app_flow_end(e, &flow);
    if (app_counters(e)->memory != 0) {
        abort();
    }
    app_engine_destroy(e);
    return 0;
}
