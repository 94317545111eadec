/* fuzz deps: app_dep */
/* A session of SMB, or of DCE RPC over TCP or UDP, by the first byte; then pieces, each
 * behind a byte of direction (and now and then a gap) and two of size.  A bit of the
 * direction puts the four bytes of a record in front of a piece, so that sizes agree.  What
 * comes out is rendered as events. */
#include <stdlib.h>

#include "sensor/app/dcerpc/dcerpc.h"
#include "sensor/app/smb/smb.h"

static void look_at(const struct app_session *s)
{
    for (struct app_tx *tx = app_tx_first(s); tx != NULL; tx = app_tx_next(s, tx)) {
        struct arena scratch;
        struct event event = { .type = EVENT_SMB };
        struct strbuf text = STRBUF_EMPTY;
        struct app_iface iface;

        arena_init(&scratch, 4096, 8u << 20);
        app_tx_fill(tx, TO_SERVER, &event, &scratch);
        event_write_eve(&event, &text);
        for (int d = 0; d < N_DIRECTIONS; d++) {
            for (int id = 0; id < N_BUFFERS; id++) {
                (void) app_tx_buffer(tx, (enum direction) d, (enum buffer_id) id, 0);
            }
        }
        (void) app_tx_iface(tx, 0, &iface);
        strbuf_fini(&text);
        arena_fini(&scratch);
    }
}

struct world {
    struct app_engine *engine;
    struct flow flow;
    bool is_udp;
};

static void feed(struct world *w, uint8_t flags, const uint8_t *bytes, size_t size)
{
    enum direction dir = (flags & 1) != 0 ? TO_CLIENT : TO_SERVER;
    size_t head = (flags & 2) != 0 ? 4 : 0;
    uint8_t *copy = malloc(size + head + 1);

    for (size_t i = 0; i < size; i++) {
        copy[head + i] = bytes[i];
    }
    if (head != 0) {
        copy[0] = 0;
        copy[1] = 0;
        copy[2] = (uint8_t) (size >> 8);
        copy[3] = (uint8_t) size;
    }
    struct packet p = { .bytes = copy, .payload_size = (uint32_t) (size + head),
                        .time_ns = w->flow.last_ns += (flags & 4) != 0 ? 70000000000u : 1 };
    struct stream_data piece = { .dir = dir, .bytes = copy, .size = (uint32_t) (size + head),
                                 .gap = (flags & 0xf0) == 0xf0 ? (flags & 8) != 0 ? 900 : 9
                                                               : 0 };
    if (w->is_udp) {
        app_datagram(w->engine, &w->flow, &p, dir);
    } else {
        app_stream(w->engine, &w->flow, &p, &piece);
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct app_conf conf = {
        .memory = 8u << 20, .session_memory = 1u << 20, .max_transactions = 64,
        .file_md5 = true, .smb_max_transactions = 32, .smb_file_limit = 4096,
        .smb_max_read_size = 1u << 20, .smb_max_write_size = 1u << 20,
        .smb_read_queue_size = 4096, .smb_read_queue_chunks = 8,
        .smb_write_queue_size = 4096, .smb_write_queue_chunks = 8, .smb_max_notes = 8,
        .smb_max_files = 8, .smb_max_reads = 8, .smb_max_trees = 4, .smb_max_frags = 4,
        .dcerpc_max_transactions = 32, .dcerpc_max_stub_size = 4096,
    };
    struct world w = { .engine = app_engine_create(&conf, NULL, NULL), .flow = { .id = 1 } };
    size_t at = 1;

    w.is_udp = size > 0 && data[0] % 4 == 3;
    w.flow.key.ip_proto = w.is_udp ? IP_PROTO_UDP : IP_PROTO_TCP;
    w.flow.key.dport = 445;
    while (at + 3 < size) {
        size_t n = (size_t) data[at + 1] << 8 | data[at + 2];
        n = n < size - at - 3 ? n : size - at - 3;
        feed(&w, data[at], data + at + 3, n);
        at += 3 + n;
    }
    if (w.flow.app != NULL) {
        look_at(w.flow.app);
    }
    app_flow_finish(w.engine, &w.flow);
    app_flow_end(w.engine, &w.flow);
    app_engine_destroy(w.engine);
    return 0;
}
