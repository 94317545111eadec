/* fuzz deps: stream_dep */
/* Each eight bytes of input are one packet of a session: direction and flags, sequence
 * and acknowledgement near the session's, payload size, window.  The sink checks that
 * offsets follow each other and that nothing follows an end. */
#include <stdlib.h>
#include <string.h>

#include "sensor/stream/stream.h"
#include "sensor/stream/stream_private.h"

struct seen {
    uint64_t offset[N_DIRECTIONS];
    bool has_ended[N_DIRECTIONS];
    uint32_t sum;
};

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void count_bytes(void *context, struct flow *flow, const struct packet *packet,
                        const struct stream_data *data)
{
    struct seen *seen = context;

    require(!seen->has_ended[data->dir]);
    require(data->offset == seen->offset[data->dir] + data->gap);
    seen->offset[data->dir] = data->offset + data->size;
    seen->has_ended[data->dir] = data->is_end || data->is_depth_reached;
    for (uint32_t i = 0; i < data->size; i++) {
        seen->sum += data->bytes[i];
    }
    if (data->size == 77) {
        stream_stop(flow, data->dir);
        seen->has_ended[data->dir] = true;
    }
}

/* Runs follow each other, old bytes stand in front of new ones, and all can be read. */
static void look_at_raw(struct flow *flow, enum direction dir)
{
    struct stream_raw raw;
    uint8_t copy[300];
    uint64_t at = 0;
    uint32_t sum = 0;

    if (!stream_raw_is_due(flow, dir)) {
        return;
    }
    while (stream_raw_next(flow, dir, 100, &raw)) {
        require(raw.n_old < raw.size && raw.n_old <= 100 && raw.offset + raw.n_old >= at);
        at = raw.offset + raw.size;
        for (size_t i = 0; i < raw.size; i++) {
            sum += raw.bytes[i];
        }
    }
    stream_raw_window(flow, dir, 100, &raw);
    for (size_t i = 0; i < raw.size; i++) {
        sum += raw.bytes[i];
    }
    require(raw.n_old == raw.size && sum < UINT32_MAX);
    require(stream_copy(flow, dir, copy, sizeof copy) <= sizeof copy);
}

static void make_packet(struct packet *p, const uint8_t b[8], const uint32_t base[2],
                        const uint8_t *payload)
{
    static const uint8_t flags[16] = { 0x10, 0x10, 0x10, 0x18, 0x11, 0x02, 0x12, 0x04,
                                       0x14, 0x10, 0x10, 0x00, 0x13, 0x10, 0x10, 0x03 };
    unsigned dir = b[0] & 1;

    memset(p, 0, sizeof *p);
    p->ip_proto = IP_PROTO_TCP;
    p->sport = (b[0] & 2) != 0 ? 80 : 40000;
    p->dport = 50000;
    p->payload = 0;
    p->payload_size = b[5] < 128 ? b[5] : (uint32_t) b[5] * 16;
    p->bytes = payload;
    p->tcp.flags = flags[b[0] >> 4];
    p->tcp.seq = base[dir] + (uint32_t) (int8_t) b[1] * 16 + b[2];
    p->tcp.ack = base[1 - dir] + (uint32_t) (int8_t) b[3] * 16 + b[4];
    p->tcp.window = (uint16_t) (b[6] << 8);
    p->tcp.wscale = (b[0] & 4) != 0 ? b[7] & 31 : 0xff;
    p->tcp.has_timestamp = (b[0] & 8) != 0;
    p->tcp.ts_value = b[7];
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t payload[255 * 16];
    uint32_t base[2] = { 0xffffff00u, 0x7fffff00u };
    struct stream_conf conf = { .memory = 1u << 16, .flow_memory = 1u << 14,
                                .max_sessions = 4 };
    struct seen seen = { .sum = 0 };
    struct flow flow = { .id = 1 };
    struct packet p;

    if (size < 8) {
        return 0;
    }
    conf.midstream = data[0] & 1;
    conf.async_oneside = data[0] >> 1 & 1;
    conf.wait_for_ack = data[0] >> 2 & 1;
    conf.chunk_size[TO_SERVER] = conf.chunk_size[TO_CLIENT] = data[0] & 0xf0;
    conf.depth = (uint64_t) data[1] * 64;
    struct stream_engine *e = stream_engine_create(&conf, count_bytes, &seen);
    for (size_t i = 2; i + 8 <= size; i += 8) {
        const uint8_t *b = data + i;

        make_packet(&p, b, base, payload);
        p.time_ns = i;
        enum direction dir = ((b[0] & 1) != 0) == flow.is_swapped ? TO_SERVER : TO_CLIENT;
        flow.sides[dir].packets++;
        struct stream_result r = stream_packet(e, &flow, dir, &p);
        if (b[6] & 1) {
            look_at_raw(&flow, dir);
        }
        stream_settle(&flow, dir);
        require(stream_check(&flow));
        if (r.is_valid) {
            base[b[0] & 1] += (uint32_t) b[7];
        }
    }
    stream_flow_finish(e, &flow, TO_SERVER, &p);
    stream_flow_finish(e, &flow, TO_CLIENT, &p);
    stream_flow_end(e, &flow);
    require(stream_counters(e)->memory == 0);
    stream_engine_destroy(e);
    return 0;
}
