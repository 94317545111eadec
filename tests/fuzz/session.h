/* Sessions of an application protocol, fed with what a fuzzer makes.  An input is a list of
 * pieces:
 *
 *   byte 0      bit 0 the direction; bits 1 to 3 what the target's wrap() puts in front;
 *               bits 4 to 7: 15 a gap of five bytes before the piece, 14 the end of this
 *               direction, 13 the stream's depth is reached
 *   bytes 1, 2  bit 7: transactions count as logged and inspected from here on; bit 6: a
 *               minute passes first; bit 5: the second flow, if there is one; the low twelve
 *               bits: how many bytes follow
 *
 * After each piece everything is asked of every transaction; at the end no memory may be
 * left.  tests/fuzz/seeds.py writes captures in this form. */
#ifndef CIVICSHIELD_FUZZ_SESSION_H
#define CIVICSHIELD_FUZZ_SESSION_H

#include <stdlib.h>
#include <string.h>

#include "common/base/strbuf.h"
#include "common/wire/event.h"
#include "sensor/app/parser.h"
#include "sensor/host/host.h"

#define MAX_FUZZ_FRONT 24

struct fuzz_session {
    uint8_t ip_proto;           /* 0: the first byte of the input says TCP (odd) or UDP. */
    uint16_t server_port;
    uint16_t second_port;       /* Of a second flow between the same hosts, or 0. */
    /* Writes at most MAX_FUZZ_FRONT bytes of a header of 'kind' (1 to 7) for 'n' bytes that
     * follow, so that sizes agree; returns how many.  May be NULL. */
    size_t (*wrap)(uint8_t *out, unsigned kind, size_t n);
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Limits small enough to be met. */
static inline struct app_conf fuzz_conf(void)
{
    static char http[] = "http";
    static char *schemes[] = { http };

    struct app_conf conf = {
        .memory = 1u << 22, .session_memory = 1u << 19, .max_transactions = 8,
        .http_request_body_limit = 4096, .http_response_body_limit = 4096,
        .http_decompress_limit = 1u << 21, .http_decompress_ratio = 2048,
        .http_decompress_layers = 3, .http_range_memory = 1u << 16,
        .http_header_limit = 1u << 14, .http_field_limit = 4000,
        .ftp_line_limit = 100, .ftp_file_limit = 1000, .ftp_data_timeout = 1000000000,
        .sip_message_limit = 600, .mqtt_message_limit = 400, .mqtt_log_limit = 16,
        .file_md5 = true, .file_sha1 = true, .file_sha256 = true,
        .ja3 = true, .ja4 = true, .hassh = true,
        .smb_max_transactions = 32, .smb_file_limit = 4096,
        .smb_max_read_size = 1u << 20, .smb_max_write_size = 1u << 20,
        .smb_read_queue_size = 4096, .smb_read_queue_chunks = 8,
        .smb_write_queue_size = 4096, .smb_write_queue_chunks = 8, .smb_max_notes = 8,
        .smb_max_files = 8, .smb_max_reads = 8, .smb_max_trees = 4, .smb_max_frags = 4,
        .dcerpc_max_transactions = 32, .dcerpc_max_stub_size = 4096,
        .smtp_decode_mime = true, .smtp_decode_names = true, .smtp_extract_urls = true,
        .smtp_body_md5 = true, .smtp_mime_depth = 4, .smtp_header_limit = 2000,
        .smtp_header_value_depth = 100, .smtp_file_limit = 1000,
        .smtp_url_schemes = { 1, schemes },
    };

    for (int id = 0; id < N_FRAMES; id++) {
        conf.frame_keep[id] = 16;
    }
    conf.frame_limit = 16;
    return conf;
}

static inline void ask_everything(struct app_tx *tx)
{
    struct event event = { 0 };
    struct strbuf eve = STRBUF_EMPTY;
    struct app_iface iface;
    struct arena scratch;
    uint64_t value;

    if (tx->parser->event_type != NULL) {
        event.type = event_type_by_name(tx->parser->event_type);
    }
    arena_init(&scratch, 4096, 1u << 20);
    for (int dir = 0; dir < N_DIRECTIONS; dir++) {
        for (int id = 0; id < N_BUFFERS; id++) {
            for (unsigned index = 0; index < 3; index++) {
                struct app_view v = app_tx_buffer(tx, (enum direction) dir,
                                                  (enum buffer_id) id, index);
                volatile uint8_t last = 0;

                if (v.bytes.size == 0) {
                    break;
                }
                last = v.bytes.bytes[v.bytes.size - 1];
                (void) last;
            }
        }
        for (int field = 0; field < N_RULE_FIELDS; field++) {
            app_tx_number(tx, (enum direction) dir, (enum rule_field) field, 0, &value);
        }
        (void) app_tx_iface(tx, 0, &iface);
        if (app_tx_is_loggable(tx, (enum direction) dir)) {
            app_tx_fill(tx, (enum direction) dir, &event, &scratch);
        }
    }
    event_write_eve(&event, &eve);
    strbuf_fini(&eve);
    arena_fini(&scratch);
}

static inline void ask_all(const struct flow *flow)
{
    for (struct app_tx *tx = app_tx_first(flow->app); tx != NULL;
         tx = app_tx_next(flow->app, tx)) {
        ask_everything(tx);
    }
}

static inline void feed_piece(struct app_engine *e, struct flow *flow, uint8_t head,
                              const uint8_t *bytes, size_t n)
{
    enum direction dir = head & 1 ? TO_CLIENT : TO_SERVER;
    struct packet packet = { .time_ns = flow->last_ns, .bytes = bytes,
                             .payload_size = (uint32_t) n };
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

/* One piece with what stands in front of it, in a block of exactly its size. */
static inline void feed_wrapped(const struct fuzz_session *f, struct app_engine *e,
                                struct flow *flow, uint8_t head, const uint8_t *bytes,
                                size_t n)
{
    uint8_t front[MAX_FUZZ_FRONT];
    unsigned kind = head >> 1 & 7;
    size_t n_front = f->wrap != NULL && kind != 0 ? f->wrap(front, kind, n) : 0;
    uint8_t *copy = malloc(n_front + n != 0 ? n_front + n : 1);

    if (n_front != 0) {
        memcpy(copy, front, n_front);
    }
    memcpy(copy + n_front, bytes, n);
    feed_piece(e, flow, head, copy, n_front + n);
    free(copy);
}

static inline void feed_pieces(const struct fuzz_session *f, struct app_engine *e,
                               struct flow *flows, const uint8_t *bytes, size_t size)
{
    while (size >= 3) {
        bool is_logged = (bytes[1] & 0x80) != 0;
        struct flow *flow = &flows[(bytes[1] & 0x20) != 0 && f->second_port != 0];
        size_t n = (size_t) (bytes[1] & 0x0f) << 8 | bytes[2];

        n = n < size - 3 ? n : size - 3;
        flow->last_ns += (bytes[1] & 0x40) != 0 ? 60000000000u : 1;
        feed_wrapped(f, e, flow, bytes[0], bytes + 3, n);
        for (struct app_tx *tx = app_tx_first(flow->app); tx != NULL;
             tx = app_tx_next(flow->app, tx)) {
            ask_everything(tx);
            tx->is_logged = tx->is_inspected[0] = tx->is_inspected[1] = is_logged;
        }
        app_release(e, flow);
        bytes += 3 + n;
        size -= 3 + n;
    }
}

static inline void fuzz_session(const struct fuzz_session *f, const uint8_t *bytes,
                                size_t size)
{
    const struct app_conf conf = fuzz_conf();
    struct app_engine *e = app_engine_create(&conf, NULL, NULL);
    struct host_table *hosts = host_table_create(1u << 14, (struct hash_seed) { 1, 2 });
    uint8_t ip_proto = f->ip_proto;

    if (ip_proto == 0 && size != 0) {
        ip_proto = bytes[0] & 1 ? IP_PROTO_TCP : IP_PROTO_UDP;
        bytes++;
        size--;
    }
    struct flow flows[2] = {
        { .id = 7, .key = { .ip_proto = ip_proto, .sport = 4000, .dport = f->server_port } },
        { .id = 8, .key = { .ip_proto = ip_proto, .sport = 4000, .dport = f->second_port } },
    };

    app_engine_set_hosts(e, hosts);
    feed_pieces(f, e, flows, bytes, size);
    for (int i = 0; i < 2; i++) {
        app_flow_finish(e, &flows[i]);
        ask_all(&flows[i]);
        app_flow_end(e, &flows[i]);
    }
    if (app_counters(e)->memory != 0) {
        abort();
    }
    app_engine_destroy(e);
    host_table_destroy(hosts);
}

#endif
