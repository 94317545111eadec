#include "sensor/stream/stream_private.h"

#include <stdlib.h>

#define KEY(field) offsetof(struct stream_conf, field)
static const struct conf_key stream_keys[] = {
    { "midstream", CONF_BOOL, KEY(midstream), "no", 0, 0,
      "pick up sessions whose handshake was not seen" },
    { "async-oneside", CONF_BOOL, KEY(async_oneside), "no", 0, 0,
      "accept sessions of which only one side is seen" },
    { "wait-for-ack", CONF_BOOL, KEY(wait_for_ack), "yes", 0, 0,
      "inspect data when its receiver has acknowledged it; no: as soon as it is in order" },
    { "toserver-chunk-size", CONF_SIZE, KEY(chunk_size[TO_SERVER]), "2560", 0, 1u << 20,
      "bytes from the client that rules on raw streams wait for" },
    { "toclient-chunk-size", CONF_SIZE, KEY(chunk_size[TO_CLIENT]), "2560", 0, 1u << 20,
      "bytes from the server that rules on raw streams wait for" },
    { "depth", CONF_SIZE, KEY(depth), "1mb", 0, 0,
      "bytes per direction that are reassembled; 0: no limit" },
    { "memory", CONF_SIZE, KEY(memory), "256mb", 65536, 1ull << 40,
      "bytes of segments kept, per worker" },
    { "flow-memory", CONF_SIZE, KEY(flow_memory), "4mb", 4096, 1ull << 32,
      "bytes of segments kept, per flow" },
    { "max-sessions", CONF_UINT, KEY(max_sessions), "262144", 16, 1u << 28,
      "TCP sessions followed at once, per worker" },
};
const struct conf_section stream_conf_section = {
    "stream", stream_keys, sizeof stream_keys / sizeof *stream_keys
};

static const char *const state_names[TCP_N_STATES] = {
    [TCP_STATE_NONE] = "none",
    [TCP_STATE_SYN_SENT] = "syn_sent",
    [TCP_STATE_SYN_RECV] = "syn_recv",
    [TCP_STATE_ESTABLISHED] = "established",
    [TCP_STATE_FIN_WAIT1] = "fin_wait1",
    [TCP_STATE_FIN_WAIT2] = "fin_wait2",
    [TCP_STATE_TIME_WAIT] = "time_wait",
    [TCP_STATE_LAST_ACK] = "last_ack",
    [TCP_STATE_CLOSE_WAIT] = "close_wait",
    [TCP_STATE_CLOSING] = "closing",
    [TCP_STATE_CLOSED] = "closed",
};

const char *stream_state_name(enum tcp_state state)
{
    return (unsigned) state < TCP_N_STATES ? state_names[state] : "none";
}

struct stream_engine *stream_engine_create(const struct stream_conf *conf, stream_sink *sink,
                                           void *context)
{
    struct stream_engine *e = calloc(1, sizeof *e);

    if (e != NULL) {
        e->conf = *conf;
        e->sink = sink;
        e->context = context;
        e->behind = STREAM_BEHIND;
        pool_init(&e->sessions, sizeof(struct stream),
                  conf->max_sessions * ((sizeof(struct stream) + 15) & ~(size_t) 15));
        pool_init(&e->small, STREAM_SMALL_SEGMENT, conf->memory);
        pool_init(&e->large, STREAM_LARGE_SEGMENT, conf->memory);
        e->spare = malloc(sizeof *e->spare + STREAM_SPARE_SEGMENT);
        e->raw_scratch = malloc(STREAM_RAW_PIECE);
        if (e->spare == NULL || e->raw_scratch == NULL) {
            stream_engine_destroy(e);
            return NULL;
        }
        e->spare->cap = STREAM_SPARE_SEGMENT;
    }
    return e;
}

void stream_engine_destroy(struct stream_engine *e)
{
    if (e != NULL) {
        pool_fini(&e->sessions);
        pool_fini(&e->small);
        pool_fini(&e->large);
        free(e->spare);
        free(e->raw_scratch);
        free(e);
    }
}

void stream_engine_forget_shown(struct stream_engine *e)
{
    e->behind = 0;
}

const struct stream_counters *stream_counters(const struct stream_engine *e)
{
    return &e->counters;
}

void stream_set_event(struct stream_engine *e, struct packet *p, enum stream_event event)
{
    e->counters.events[event]++;
    for (unsigned i = 0; i < p->n_stream_events; i++) {
        if (p->stream_events[i] == event) {
            return;
        }
    }
    if (p->n_stream_events < PACKET_MAX_EVENTS) {
        p->stream_events[p->n_stream_events++] = (uint16_t) event;
    }
}

/* ---- Sessions ---- */

static void bind_sides(struct segment *seg)
{
    seg->st = seg->flow->stream;
    if (seg->st != NULL) {
        seg->s = &seg->st->sides[seg->dir];
        seg->r = &seg->st->sides[direction_reverse(seg->dir)];
    }
}

bool stream_session_open(struct stream_engine *e, struct segment *seg)
{
    struct stream *st = pool_get(&e->sessions);

    if (st == NULL) {
        e->counters.sessions_refused++;
        return false;
    }
    *st = (struct stream) { .engine = e };
    for (int d = 0; d < N_DIRECTIONS; d++) {
        list_init(&st->sides[d].segments);
        st->sides[d].ahead = &st->sides[d].segments;
    }
    seg->flow->stream = st;
    e->counters.sessions++;
    bind_sides(seg);
    return true;
}

void stream_set_state(struct segment *seg, enum tcp_state state)
{
    struct flow *flow = seg->flow;

    if (flow->tcp_state == state) {
        return;
    }
    flow->tcp_state = state;
    seg->result->state_changed = true;
    switch (state) {
    case TCP_STATE_ESTABLISHED:
    case TCP_STATE_FIN_WAIT1:
    case TCP_STATE_FIN_WAIT2:
    case TCP_STATE_CLOSING:
    case TCP_STATE_CLOSE_WAIT:
        flow->state = FLOW_ESTABLISHED;
        break;
    case TCP_STATE_TIME_WAIT:
    case TCP_STATE_LAST_ACK:
    case TCP_STATE_CLOSED:
        flow->state = FLOW_CLOSED;
        break;
    default:
        break;
    }
}

/* ---- Packets ---- */

/* Payload bytes that were on the wire and are not in a capture of short frames. */
static uint32_t missing_bytes(const struct packet *p)
{
    if (!p->is_truncated || p->frame == NULL || p->source != PACKET_FROM_WIRE
        || p->frame->wire_size < p->frame->size) {
        return 0;
    }
    return p->frame->wire_size - p->frame->size;
}

static void take_apart(struct segment *seg, struct packet *p)
{
    struct slice payload = packet_payload(p);

    seg->packet = p;
    seg->seq = p->tcp.seq;
    seg->ack = p->tcp.ack;
    seg->flags = p->tcp.flags;
    seg->bytes = payload.bytes;
    seg->size = (uint32_t) payload.size;
    seg->missing = missing_bytes(p);
    seg->end = seg->seq + seg->size + ((seg->flags & TCP_SYN) != 0 ? 1u : 0u);
}

static bool dispatch(struct stream_engine *e, struct segment *seg)
{
    if (seg->st == NULL) {
        return stream_handshake_none(e, seg);
    }
    switch (seg->flow->tcp_state) {
    case TCP_STATE_SYN_SENT:
        return stream_handshake_syn_sent(e, seg);
    case TCP_STATE_SYN_RECV:
        return stream_handshake_syn_recv(e, seg);
    default:
        return stream_synchronized(e, seg);
    }
}

struct stream_result stream_packet(struct stream_engine *e, struct flow *flow,
                                   enum direction dir, struct packet *packet)
{
    struct stream_result result = { .is_valid = false };
    struct segment seg = { .flow = flow, .dir = dir, .result = &result };

    if (packet->is_checksum_bad || !packet_is_tcp(packet)) {
        return result;
    }
    take_apart(&seg, packet);
    bind_sides(&seg);
    if ((seg.flags & (TCP_FIN | TCP_SYN)) == (TCP_FIN | TCP_SYN)) {
        stream_set_event(e, packet, STREAM_EVENT_FIN_SYN);
    }
    if ((seg.flags & TCP_ACK) == 0 && seg.ack != 0) {
        stream_set_event(e, packet, STREAM_EVENT_PKT_BROKEN_ACK);
    }
    result.is_valid = dispatch(e, &seg);
    if (flow->stream != NULL) {
        result.is_established = flow->stream->is_established;
        if (result.is_valid) {
            seg.s->is_seen = true;
        }
    }
    return result;
}

void stream_settle(struct flow *flow, enum direction dir)
{
    struct stream *st = flow->stream;

    if (st == NULL) {
        return;
    }
    /* As rule authors know it: HTTP is told of from further back, and so is what waits to be
     * recognized. */
    if (flow->app_proto != APP_UNKNOWN && flow->app_proto != APP_HTTP1) {
        st->sides[dir].told = seq_max(st->sides[dir].told, st->sides[dir].raw);
    }
    stream_prune(st, &st->sides[TO_SERVER]);
    stream_prune(st, &st->sides[TO_CLIENT]);
}

void stream_flow_finish(struct stream_engine *e, struct flow *flow, enum direction dir,
                        const struct packet *last)
{
    struct stream *st = flow->stream;

    (void) e;
    if (st != NULL && st->is_established) {
        stream_finish_side(flow, dir, last);
        st->sides[dir].is_raw_due = true;
    }
}

void stream_flow_end(struct stream_engine *e, struct flow *flow)
{
    struct stream *st = flow->stream;

    if (st != NULL) {
        stream_drop_segments(st, &st->sides[TO_SERVER]);
        stream_drop_segments(st, &st->sides[TO_CLIENT]);
        flow->stream = NULL;
        pool_put(&e->sessions, st);
    }
}

void stream_stop(struct flow *flow, enum direction dir)
{
    struct stream *st = flow->stream;

    if (st != NULL) {
        st->sides[dir].is_finished = true;
        st->sides[dir].pending_gap = 0;
        stream_drop_ahead(st, &st->sides[dir]);
    }
}

void stream_lift_depth(struct flow *flow)
{
    if (flow->stream != NULL) {
        flow->stream->has_no_depth = true;
    }
}

void stream_raise_depth(struct flow *flow, uint64_t depth)
{
    if (depth == 0) {
        stream_lift_depth(flow);
    } else if (flow->stream != NULL && depth > flow->stream->depth) {
        flow->stream->depth = depth;
    }
}

uint64_t stream_bytes_seen(const struct flow *flow, enum direction dir)
{
    if (flow->stream == NULL) {
        return 0;
    }
    const struct stream_side *side = &flow->stream->sides[dir];
    uint32_t next = side->has_fin ? side->fin_seq : side->next_seq;
    int32_t ahead = seq_diff(next, side->base);

    return side->is_seen ? side->offset + (ahead > 0 ? (uint64_t) ahead : 0) + 1 : 0;
}
