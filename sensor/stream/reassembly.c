/* From the store to the sink: what was acknowledged, in order, with gaps. */
#include "sensor/stream/stream_private.h"

/* ---- Handing on ---- */

static void call_sink(struct flow *flow, enum direction dir, const struct packet *packet,
                      struct stream_data *data)
{
    struct stream *st = flow->stream;
    struct stream_side *side = &st->sides[dir];

    data->dir = dir;
    data->gap = side->pending_gap;
    data->is_start = !side->is_started;
    side->pending_gap = 0;
    side->is_started = true;
    if (data->is_end || data->is_depth_reached) {
        side->is_finished = true;
    }
    st->engine->sink(st->engine->context, flow, packet, data);
}

/* Room that the depth leaves in 'side'. */
static uint64_t depth_left(const struct stream *st, const struct stream_side *side)
{
    uint64_t depth = st->engine->conf.depth;

    if (depth == 0 || st->has_no_depth) {
        return UINT64_MAX;
    }
    depth = st->depth > depth ? st->depth : depth;
    return side->offset < depth ? depth - side->offset : 0;
}

static void reach_depth(struct stream *st, struct stream_side *side)
{
    st->engine->counters.depth_reached++;
    stream_drop_ahead(st, side);
    side->is_raw_due = true;
}

/* The next 'size' bytes of the stream. */
static void hand_on(struct flow *flow, enum direction dir, const struct packet *packet,
                    const uint8_t *bytes, uint32_t size)
{
    struct stream *st = flow->stream;
    struct stream_side *side = &st->sides[dir];
    struct stream_data data = { .offset = side->offset, .bytes = bytes, .size = size };
    uint64_t left = depth_left(st, side);

    if (size >= left) {
        data.size = (uint32_t) left;
        data.bytes = left > 0 ? bytes : NULL;
        data.is_depth_reached = true;
    }
    side->base += data.size;
    side->offset += data.size;
    if (data.is_depth_reached) {
        reach_depth(st, side);
        side->base += size - data.size;
        side->offset += size - data.size;
    }
    call_sink(flow, dir, packet, &data);
}

static void declare_gap(struct flow *flow, enum direction dir, const struct packet *packet,
                        uint32_t size)
{
    struct stream *st = flow->stream;
    struct stream_side *side = &st->sides[dir];

    st->engine->counters.gaps++;
    st->engine->counters.gap_bytes += size;
    side->base += size;
    side->offset += size;
    side->has_probe = false;
    if (side->is_finished) {
        return;
    }
    side->pending_gap += size;
    if (depth_left(st, side) == 0) {
        struct stream_data data = { .offset = side->offset, .is_depth_reached = true };
        reach_depth(st, side);
        call_sink(flow, dir, packet, &data);
    }
}

/* Hands on what is kept of the first segment ahead, which begins at or before the base, up
 * to 'limit'.  The place in the list moves first: the sink may stop the stream. */
static void hand_on_kept(struct flow *flow, enum direction dir, const struct packet *packet,
                         struct stream_segment *k, uint32_t limit)
{
    struct stream_side *side = &flow->stream->sides[dir];
    const uint8_t *bytes = k->bytes + (side->base - k->seq);
    uint32_t end = seq_min(segment_end(k), limit);

    if (end == segment_end(k)) {
        side->ahead = k->node.next;
    }
    side->ahead_bytes -= end - side->base;
    hand_on(flow, dir, packet, bytes, end - side->base);
}

/* The receiver took the byte of a zero window probe after all. */
static void hand_on_probe(struct flow *flow, enum direction dir, const struct packet *packet)
{
    struct stream_side *side = &flow->stream->sides[dir];
    uint8_t byte = side->probe_byte;

    side->has_probe = false;
    if (side->is_finished) {
        side->base++;
        side->offset++;
    } else {
        hand_on(flow, dir, packet, &byte, 1);
    }
}

static void hand_on_end(struct flow *flow, enum direction dir, const struct packet *packet)
{
    struct stream *st = flow->stream;
    struct stream_side *side = &st->sides[dir];
    struct stream_data data = { .offset = side->offset, .is_end = true };

    if (!side->is_finished) {
        stream_drop_ahead(st, side);
        side->is_raw_due = true;
        call_sink(flow, dir, packet, &data);
    }
}

void stream_advance(struct flow *flow, enum direction dir, const struct packet *packet,
                    uint32_t limit, uint32_t lost, bool is_over)
{
    struct stream_side *side = &flow->stream->sides[dir];

    if (side->has_fin) {
        limit = seq_min(limit, side->fin_seq);
        lost = seq_min(lost, side->fin_seq);
    }
    for (;;) {
        struct stream_segment *k = segment_ahead(side);

        if (side->has_probe && seq_diff(side->last_ack, side->base) > 0) {
            hand_on_probe(flow, dir, packet);
        } else if (k != NULL && seq_diff(k->seq, side->base) <= 0) {
            if (seq_diff(limit, side->base) <= 0) {
                break;
            }
            hand_on_kept(flow, dir, packet, k, limit);
        } else if (seq_diff(lost, side->base) > 0
                   && (k != NULL || lost - side->base >= depth_left(flow->stream, side))) {
            uint32_t end = k != NULL ? seq_min(lost, k->seq) : lost;

            declare_gap(flow, dir, packet, end - side->base);
        } else {
            break;
        }
    }
    if (is_over && side->ahead == &side->segments) {
        hand_on_end(flow, dir, packet);
    } else if (side->pending_gap != 0 && !side->is_finished) {
        struct stream_data data = { .offset = side->offset };
        call_sink(flow, dir, packet, &data);
    }
}

static bool waits_for_ack(const struct stream *st)
{
    return st->engine->conf.wait_for_ack && !st->is_async;
}

void stream_deliver(struct flow *flow, enum direction dir, const struct packet *packet)
{
    const struct stream_side *side = &flow->stream->sides[dir];
    uint32_t limit = waits_for_ack(flow->stream) && !side->has_spare
                         ? side->last_ack : side->base + STREAM_NO_LIMIT;

    stream_advance(flow, dir, packet, limit, seq_min(side->last_ack, side->next_seq), false);
}

void stream_deliver_last(struct flow *flow, enum direction dir, const struct packet *packet)
{
    const struct stream_side *side = &flow->stream->sides[dir];

    stream_advance(flow, dir, packet, side->base + STREAM_NO_LIMIT,
                   seq_min(side->last_ack, side->next_seq), true);
}

void stream_finish_side(struct flow *flow, enum direction dir, const struct packet *packet)
{
    struct stream_side *side = &flow->stream->sides[dir];
    struct list_node *last = side->segments.prev;

    if (!side->is_finished) {
        uint32_t lost = seq_min(side->last_ack, side->next_seq);
        if (side->ahead != &side->segments) {
            lost = seq_max(lost, segment_of(last)->seq);
        }
        stream_advance(flow, dir, packet, side->base + STREAM_NO_LIMIT, lost, true);
        hand_on_end(flow, dir, packet);
    }
}

/* ---- Taking ---- */

void stream_keep_payload(struct stream_engine *e, struct segment *seg)
{
    uint32_t seq = seg->end - seg->size;
    bool is_refused;

    if (seg->size > 0 && !seg->s->is_finished) {
        seg->result->has_stream |= stream_store(e, seg, seq, seg->end, &is_refused) != 0;
    }
}

/* Sending again what nobody has acknowledged is what TCP does: only a session that closes
 * has an event for it. */
static void note_retransmission(struct stream_engine *e, struct segment *seg, uint32_t end)
{
    seg->result->retransmission = true;
    if (seq_diff(end, seg->s->last_ack) <= 0) {
        stream_set_event(e, seg->packet, STREAM_EVENT_PKT_SPURIOUS_RETRANSMISSION);
    } else if (seg->flow->tcp_state != TCP_STATE_ESTABLISHED) {
        stream_set_event(e, seg->packet, STREAM_EVENT_PKT_RETRANSMISSION);
    }
}

/* Where nobody acknowledges, a hole is never proved lost; there a limit that is reached
 * ends the wait for it.  True if that made progress. */
static bool give_up_first_hole(struct segment *seg)
{
    const struct stream_segment *k = segment_ahead(seg->s);

    if (k == NULL || (seg->r->is_seen && !seg->st->is_async)) {
        return false;
    }
    stream_advance(seg->flow, seg->dir, seg->packet, seg->s->base + STREAM_NO_LIMIT, k->seq,
                   false);
    return true;
}

/* A limit was reached.  What is in order is not lost by that: it goes on at once, without
 * waiting for its acknowledgement. */
static uint32_t take_refused(struct stream_engine *e, struct segment *seg, uint32_t seq,
                             uint32_t end)
{
    struct stream_side *side = seg->s;
    bool is_refused;
    uint32_t kept = 0;

    if (seq_diff(seq, stream_contiguous_end(side)) > 0 && give_up_first_hole(seg)
        && !side->is_finished && seq_diff(end, side->base) > 0) {
        kept = stream_store(e, seg, seq_max(seq, side->base), end, &is_refused);
        if (!is_refused) {
            return kept;
        }
    }
    /* Is what is missing before it lost, so that it is next? */
    bool is_next = seq_diff(seq, stream_contiguous_end(side)) <= 0
                   || (segment_ahead(side) == NULL && seq_diff(seq, side->last_ack) <= 0);

    if (!side->is_finished && is_next && stream_store_spare(e, seg, seq, end)) {
        e->counters.segments_early++;
        side->is_raw_due = true;
        return kept + e->spare->size;
    }
    e->counters.segments_refused++;
    stream_set_event(e, seg->packet,
                     e->counters.memory + STREAM_SMALL_SEGMENT > e->conf.memory
                         ? STREAM_EVENT_REASSEMBLY_INSERT_MEMCAP
                         : STREAM_EVENT_REASSEMBLY_INSERT_LIMIT);
    return kept;
}

static void take_new(struct stream_engine *e, struct segment *seg, uint32_t seq, uint32_t end)
{
    struct stream_side *side = seg->s;
    bool is_in_order = seq_diff(seq, stream_contiguous_end(side)) <= 0, is_refused;
    bool is_old = seq_diff(end, side->next_seq) <= 0;
    uint32_t kept = stream_store(e, seg, seq, end, &is_refused);

    side->next_seq = seq_max(side->next_seq, end);
    if (is_refused) {
        kept += take_refused(e, seg, seq, end);
        seg->result->has_stream = kept != 0;
    } else if (kept == 0 && is_old) {
        note_retransmission(e, seg, end);
    }
    if (is_in_order) {
        e->counters.bytes_in_order += kept;
        side->has_probe = false;
    } else {
        e->counters.bytes_out_of_order += kept;
    }
}

/* Nothing behind the depth is kept.  What reaches it says so by an event. */
static uint32_t cut_at_depth(struct stream_engine *e, struct segment *seg, uint32_t end)
{
    struct stream_side *side = seg->s;
    uint64_t left = depth_left(seg->st, side);

    if (left >= STREAM_NO_LIMIT || end - side->base < left) {
        return end;
    }
    if (!side->is_depth_told) {
        side->is_depth_told = true;
        stream_set_event(e, seg->packet, STREAM_EVENT_REASSEMBLY_DEPTH_REACHED);
    }
    return side->base + (uint32_t) left;
}

void stream_take_payload(struct stream_engine *e, struct segment *seg)
{
    struct stream_side *side = seg->s;
    uint32_t seq = seg->end - seg->size, end = seg->end;

    if (side->has_fin) {
        end = seq_min(end, side->fin_seq);
    }
    if (seq_diff(end, seq) <= 0) {
        return;
    }
    if (side->is_finished) {
        /* Only the count of bytes goes on. */
        if (seq_diff(end, side->base) > 0) {
            side->offset += end - side->base;
            side->base = end;
        }
        side->next_seq = seq_max(side->next_seq, end);
        return;
    }
    seg->result->has_stream = true;
    if (seq_diff(end, side->base) <= 0) {
        note_retransmission(e, seg, end);
        return;
    }
    uint32_t from = seq_max(seq, side->base);
    uint32_t to = cut_at_depth(e, seg, end);
    if (seq_diff(to, from) > 0) {
        take_new(e, seg, from, to);
    }
    side->next_seq = seq_max(side->next_seq, end);
}
