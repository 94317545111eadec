/* A session fed with what a fuzzer makes: a list of pieces, one byte of direction, gap and
 * end, two of size, then so many bytes.  After each piece everything is asked of every
 * transaction; at the end no memory may be left. */
#ifndef CIVICSHIELD_FUZZ_SESSION_H
#define CIVICSHIELD_FUZZ_SESSION_H

#include <stdlib.h>

#include "common/base/strbuf.h"
#include "common/wire/event.h"
#include "sensor/app/parser.h"

struct fuzz_session {
    uint8_t ip_proto;
    uint16_t server_port;
    const char *event_type;
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static inline void ask_everything(struct app_tx *tx, const struct fuzz_session *f)
{
    struct event event = { .type = event_type_by_name(f->event_type) };
    struct strbuf eve = STRBUF_EMPTY;
    struct arena scratch;
    uint64_t value;

    arena_init(&scratch, 4096, 1u << 20);
    for (int dir = 0; dir < N_DIRECTIONS; dir++) {
        for (int id = 0; id < N_BUFFERS; id++) {
            for (unsigned index = 0; index < 3; index++) {
                struct app_view v = app_tx_buffer(tx, (enum direction) dir,
                                                  (enum buffer_id) id, index);
                volatile uint8_t last = 0;
                last = v.bytes.size != 0 ? v.bytes.bytes[v.bytes.size - 1] : last;
            }
        }
        for (int field = 0; field < N_RULE_FIELDS; field++) {
            app_tx_number(tx, (enum direction) dir, (enum rule_field) field, 0, &value);
        }
        if (app_tx_is_loggable(tx, (enum direction) dir)) {
            app_tx_fill(tx, (enum direction) dir, &event, &scratch);
        }
    }
    event_write_eve(&event, &eve);
    strbuf_fini(&eve);
    arena_fini(&scratch);
}

static inline void feed_piece(struct app_engine *e, struct flow *flow, uint8_t head,
                              const uint8_t *bytes, size_t n)
{
    enum direction dir = head & 1 ? TO_CLIENT : TO_SERVER;
    struct packet packet = { .time_ns = 1, .bytes = bytes, .payload_size = (uint32_t) n };
    struct stream_data data = {
        .dir = dir, .bytes = n != 0 ? bytes : NULL, .size = (uint32_t) n,
        .gap = (head & 0xf0) == 0xf0 ? 5 : 0,
        .is_end = (head & 0xf0) == 0xe0, .is_depth_reached = (head & 0xf0) == 0xd0,
    };

    if (flow->key.ip_proto == IP_PROTO_UDP) {
        app_datagram(e, flow, &packet, dir);
    } else {
        app_stream(e, flow, &packet, &data);
    }
}

/* Limits small enough to be met. */
static inline struct app_conf fuzz_conf(void)
{
    static char http[] = "http";
    static char *schemes[] = { http };

    struct app_conf conf = {
        .memory = 1u << 22, .session_memory = 1u << 18, .max_transactions = 8, .hassh = true,
        .http_header_limit = 1u << 16, .http_field_limit = 18000, .file_md5 = true,
        .smtp_decode_mime = true, .smtp_decode_names = true, .smtp_extract_urls = true,
        .smtp_body_md5 = true, .smtp_mime_depth = 4, .smtp_header_limit = 2000,
        .smtp_header_value_depth = 100, .smtp_file_limit = 1000,
        .smtp_url_schemes = { 1, schemes },
    };

    for (int id = 0; id < N_FRAMES; id++) {
        conf.frame_keep[id] = 16;
    }
    return conf;
}

static inline void fuzz_session(const struct fuzz_session *f, const uint8_t *bytes,
                                size_t size)
{
    const struct app_conf conf = fuzz_conf();
    struct app_engine *e = app_engine_create(&conf, NULL, NULL);
    struct flow flow = { .key = { .ip_proto = f->ip_proto, .sport = 4000,
                                  .dport = f->server_port } };

    while (size >= 3) {
        uint8_t head = bytes[0];
        bool is_logged = (bytes[1] & 0x80) != 0;
        size_t n = (size_t) (bytes[1] & 0x0f) << 8 | bytes[2];
        n = n < size - 3 ? n : size - 3;
        uint8_t *copy = malloc(n != 0 ? n : 1);         /* Exactly sized but for n == 0. */
        memcpy(copy, bytes + 3, n);
        feed_piece(e, &flow, head, copy, n);
        free(copy);
        for (struct app_tx *tx = app_tx_first(flow.app); tx != NULL;
             tx = app_tx_next(flow.app, tx)) {
            ask_everything(tx, f);
            tx->is_logged = tx->is_inspected[0] = tx->is_inspected[1] = is_logged;
        }
        app_release(e, &flow);
        bytes += 3 + n;
        size -= 3 + n;
    }
    app_flow_finish(e, &flow);
    for (struct app_tx *tx = app_tx_first(flow.app); tx != NULL;
         tx = app_tx_next(flow.app, tx)) {
        ask_everything(tx, f);
    }
    app_flow_end(e, &flow);
    if (app_counters(e)->memory != 0) {
        abort();
    }
    app_engine_destroy(e);
}

#endif
