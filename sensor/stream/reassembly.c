#include "sensor/stream/stream_private.h"

#include <string.h>

static struct stream_segment *segment_of(struct list_node *node)
{
    return LIST_ENTRY(node, struct stream_segment, node);
}

static struct stream_segment *first_segment(const struct stream_side *side)
{
    struct list_node *node = list_front(&side->segments);

    return node != NULL ? segment_of(node) : NULL;
}

static uint32_t segment_end(const struct stream_segment *k)
{
    return k->seq + k->size;
}

static uint32_t object_size(const struct stream_segment *k)
{
    return k->cap + (uint32_t) sizeof *k;
}

/* A segment with room for 'size' bytes or as many as one can hold; NULL, with the event
 * that says which limit refused it. */
static struct stream_segment *get_segment(struct stream *st, struct stream_side *side,
                                          uint32_t size, enum stream_event *why)
{
    struct stream_engine *e = st->engine;
    bool is_small = size <= STREAM_SMALL_SEGMENT - sizeof(struct stream_segment);
    uint32_t object = is_small ? STREAM_SMALL_SEGMENT : STREAM_LARGE_SEGMENT;

    *why = STREAM_EVENT_REASSEMBLY_INSERT_LIMIT;
    if (side->n_segments >= STREAM_MAX_SEGMENTS
        || st->memory + object > e->conf.flow_memory) {
        return NULL;
    }
    *why = STREAM_EVENT_REASSEMBLY_INSERT_MEMCAP;
    if (e->counters.memory + object > e->conf.memory) {
        return NULL;
    }
    struct stream_segment *k = pool_get(is_small ? &e->small : &e->large);
    if (k != NULL) {
        k->cap = object - (uint32_t) sizeof *k;
        st->memory += object;
        e->counters.memory += object;
    }
    return k;
}

/* Gives a segment back that is in no list. */
static void put_segment(struct stream *st, struct stream_segment *k)
{
    struct stream_engine *e = st->engine;
    uint32_t object = object_size(k);

    st->memory -= object;
    e->counters.memory -= object;
    pool_put(object == STREAM_SMALL_SEGMENT ? &e->small : &e->large, k);
}

static void unlink_segment(struct stream_side *side, struct stream_segment *k)
{
    list_remove(&k->node);
    side->n_segments--;
}

void stream_drop_segments(struct stream *st, struct stream_side *side)
{
    struct stream_segment *k;

    while ((k = first_segment(side)) != NULL) {
        unlink_segment(side, k);
        put_segment(st, k);
    }
    side->has_probe = false;
}

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
    stream_drop_segments(st, side);
}

/* The next 'size' bytes of the stream. */
static void hand_on(struct flow *flow, enum direction dir, const struct packet *packet,
                    const uint8_t *bytes, uint32_t size)
{
    struct stream *st = flow->stream;
    struct stream_side *side = &st->sides[dir];
    struct stream_data data = { .offset = side->offset, .bytes = bytes, .size = size };
    uint64_t left = depth_left(st, side);

    side->base += size;
    side->offset += size;
    if (side->is_finished) {
        return;
    }
    if (size >= left) {
        data.size = (uint32_t) left;
        data.bytes = left > 0 ? bytes : NULL;
        data.is_depth_reached = true;
        reach_depth(st, side);
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

/* Hands on the first kept segment, which begins at or before the base.  It leaves the
 * list first: the sink may stop the stream, which drops the list. */
static void hand_on_kept(struct flow *flow, enum direction dir, const struct packet *packet,
                         struct stream_segment *k)
{
    struct stream *st = flow->stream;
    struct stream_side *side = &st->sides[dir];
    uint32_t skip = side->base - k->seq;

    unlink_segment(side, k);
    if (skip < k->size) {
        st->engine->counters.bytes_out_of_order += k->size - skip;
        hand_on(flow, dir, packet, k->bytes + skip, k->size - skip);
    }
    put_segment(st, k);
}

/* The receiver took the byte of a zero window probe after all. */
static void hand_on_probe(struct flow *flow, enum direction dir, const struct packet *packet)
{
    struct stream_side *side = &flow->stream->sides[dir];
    uint8_t byte = side->probe_byte;

    side->has_probe = false;
    hand_on(flow, dir, packet, &byte, 1);
}

static void hand_on_end(struct flow *flow, enum direction dir, const struct packet *packet)
{
    struct stream *st = flow->stream;
    struct stream_side *side = &st->sides[dir];
    struct stream_data data = { .offset = side->offset, .is_end = true };

    if (!side->is_finished) {
        stream_drop_segments(st, side);
        call_sink(flow, dir, packet, &data);
    }
}

void stream_advance(struct flow *flow, enum direction dir, const struct packet *packet,
                    uint32_t limit)
{
    struct stream_side *side = &flow->stream->sides[dir];

    if (side->has_fin) {
        limit = seq_min(limit, side->fin_seq);
    }
    for (;;) {
        struct stream_segment *k = first_segment(side);

        if (side->has_probe && seq_diff(side->last_ack, side->base) > 0) {
            hand_on_probe(flow, dir, packet);
        } else if (k != NULL && seq_diff(k->seq, side->base) <= 0) {
            hand_on_kept(flow, dir, packet, k);
        } else if (seq_diff(limit, side->base) > 0) {
            uint32_t to = k != NULL ? seq_min(limit, k->seq) : limit;
            declare_gap(flow, dir, packet, to - side->base);
        } else {
            break;
        }
    }
    if (side->has_fin && seq_diff(side->base, side->fin_seq) >= 0) {
        hand_on_end(flow, dir, packet);
    } else if (side->pending_gap != 0 && !side->is_finished) {
        struct stream_data data = { .offset = side->offset };
        call_sink(flow, dir, packet, &data);
    }
}

void stream_close_gaps(struct flow *flow, enum direction dir, const struct packet *packet)
{
    const struct stream_side *side = &flow->stream->sides[dir];

    stream_advance(flow, dir, packet, seq_min(side->last_ack, side->next_seq));
}

void stream_finish_side(struct flow *flow, enum direction dir, const struct packet *packet)
{
    struct stream_side *side = &flow->stream->sides[dir];
    struct list_node *last = side->segments.prev;

    if (!side->is_finished) {
        uint32_t limit = seq_min(side->last_ack, side->next_seq);
        if (!list_is_empty(&side->segments)) {
            limit = seq_max(limit, segment_of(last)->seq);
        }
        stream_advance(flow, dir, packet, limit);
        hand_on_end(flow, dir, packet);
    }
}

/* ---- Keeping ---- */

/* Compares 'bytes' of [seq, end) with what 'k' holds of it.  By the overlap policy
 * (README) new bytes replace those of a segment that began behind the new one's start. */
static void settle_overlap(struct stream *st, struct packet *packet,
                           struct stream_segment *k, uint32_t seq, uint32_t end,
                           const uint8_t *bytes, uint32_t origin)
{
    uint32_t from = seq_max(seq, k->seq);
    uint32_t to = seq_min(end, segment_end(k));

    if (seq_diff(to, from) <= 0) {
        return;
    }
    st->engine->counters.overlaps++;
    if (memcmp(k->bytes + (from - k->seq), bytes + (from - seq), to - from) != 0) {
        st->engine->counters.overlaps_different++;
        stream_set_event(st->engine, packet, STREAM_EVENT_REASSEMBLY_OVERLAP_DIFFERENT_DATA);
        if (seq_diff(k->origin, origin) > 0) {
            memcpy(k->bytes + (from - k->seq), bytes + (from - seq), to - from);
        }
    }
}

/* Keeps [seq, end), where nothing is kept yet, before list node 'at'.  Returns how many of
 * the bytes were kept: all, unless a limit was reached. */
static uint32_t fill_hole(struct stream_engine *e, struct segment *seg, struct list_node *at,
                          uint32_t seq, uint32_t end, const uint8_t *bytes)
{
    struct stream_side *side = seg->s;
    uint32_t done = 0;

    while (seq_diff(end, seq) > 0) {
        enum stream_event why;
        struct stream_segment *k = get_segment(seg->st, side, end - seq, &why);

        if (k == NULL) {
            e->counters.segments_refused++;
            stream_set_event(e, seg->packet, why);
            break;
        }
        k->seq = seq;
        k->size = end - seq < k->cap ? end - seq : k->cap;
        k->origin = seg->end - seg->size;
        memcpy(k->bytes, bytes + done, k->size);
        list_insert(at, &k->node);
        side->n_segments++;
        e->counters.segments_kept++;
        seq += k->size;
        done += k->size;
    }
    return done;
}

/* Keeps what is new of [seq, end); returns how many bytes were. */
static uint32_t keep(struct stream_engine *e, struct segment *seg, uint32_t seq,
                     uint32_t end, const uint8_t *bytes)
{
    struct stream_side *side = seg->s;
    struct list_node *node = &side->segments;
    uint32_t kept = 0, at = seq;

    /* From the tail: the usual segment belongs behind all others. */
    while (node->prev != &side->segments
           && seq_diff(segment_end(segment_of(node->prev)), seq) > 0) {
        node = node->prev;
    }
    while (seq_diff(end, at) > 0) {
        bool is_last = node == &side->segments;
        uint32_t hole_end = is_last ? end : seq_min(end, segment_of(node)->seq);

        if (seq_diff(hole_end, at) > 0) {
            uint32_t n = fill_hole(e, seg, node, at, hole_end, bytes + (at - seq));
            kept += n;
            if (n < hole_end - at) {
                break;
            }
            at = hole_end;
        }
        if (is_last) {
            break;
        }
        settle_overlap(seg->st, seg->packet, segment_of(node), seq, end, bytes,
                       seg->end - seg->size);
        at = seq_max(at, segment_end(segment_of(node)));
        node = node->next;
    }
    return kept;
}

void stream_keep_payload(struct stream_engine *e, struct segment *seg)
{
    uint32_t seq = seg->end - seg->size;

    if (seg->size > 0 && !seg->s->is_finished) {
        seg->result->has_stream |= keep(e, seg, seq, seq + seg->size, seg->bytes) != 0;
    }
}

static void note_retransmission(struct stream_engine *e, struct segment *seg, uint32_t end)
{
    bool is_acked = seq_diff(end, seg->s->last_ack) <= 0;

    seg->result->retransmission = true;
    stream_set_event(e, seg->packet, is_acked ? STREAM_EVENT_PKT_SPURIOUS_RETRANSMISSION
                                              : STREAM_EVENT_PKT_RETRANSMISSION);
}

/* In order: out of the packet at once.  By the overlap policy it stands over whatever is
 * kept of it, all of which began behind. */
static void take_in_order(struct stream_engine *e, struct segment *seg, uint32_t seq,
                          uint32_t end)
{
    struct stream_side *side = seg->s;
    uint32_t skip = side->base - seq;
    uint32_t to = seq_max(end, seg->s->next_seq);

    LIST_FOR_EACH(node, &side->segments) {
        if (seq_diff(segment_of(node)->seq, end) >= 0) {
            break;
        }
        settle_overlap(seg->st, seg->packet, segment_of(node), seq, end, seg->bytes, seq);
    }
    e->counters.bytes_in_order += end - seq - skip;
    side->has_probe = false;
    side->next_seq = to;
    hand_on(seg->flow, seg->dir, seg->packet, seg->bytes + skip, end - seq - skip);
    stream_advance(seg->flow, seg->dir, seg->packet, side->base);
}

/* Where nobody acknowledges, a hole is never proved lost; there a limit that is reached
 * ends the wait for it.  True if that made progress. */
static bool give_up_first_hole(struct segment *seg)
{
    const struct stream_segment *k = first_segment(seg->s);

    if (k == NULL || (seg->r->is_seen && !seg->st->is_async)) {
        return false;
    }
    stream_advance(seg->flow, seg->dir, seg->packet, k->seq);
    return true;
}

static void take_out_of_order(struct stream_engine *e, struct segment *seg, uint32_t seq,
                              uint32_t end)
{
    struct stream_side *side = seg->s;
    uint64_t refused = e->counters.segments_refused;
    uint32_t kept = keep(e, seg, seq, end, seg->bytes);
    bool is_old = seq_diff(end, side->next_seq) <= 0;

    side->next_seq = seq_max(side->next_seq, end);
    if (e->counters.segments_refused == refused) {
        if (kept == 0 && is_old) {
            note_retransmission(e, seg, end);
        }
        return;
    }
    if (give_up_first_hole(seg) && !side->is_finished && seq_diff(end, side->base) > 0) {
        if (seq_diff(seq, side->base) <= 0) {
            take_in_order(e, seg, seq, end);
            return;
        }
        kept += keep(e, seg, seq, end, seg->bytes);
    }
    seg->result->has_stream = kept != 0;
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
    } else if (seq_diff(seq, side->base) <= 0) {
        take_in_order(e, seg, seq, end);
    } else {
        take_out_of_order(e, seg, seq, end);
    }
}

/* ---- For tests ---- */

static bool check_side(const struct stream *st, const struct stream_side *side,
                       uint64_t *memory)
{
    uint32_t n = 0, at = side->base;

    LIST_FOR_EACH(node, &side->segments) {
        const struct stream_segment *k = segment_of(node);

        if (node->next->prev != node || k->size == 0 || k->size > k->cap
            || seq_diff(k->seq, at) < 0) {
            return false;
        }
        at = segment_end(k);
        *memory += object_size(k);
        n++;
    }
    return n == side->n_segments && n <= STREAM_MAX_SEGMENTS
           && !(side->is_finished && n != 0)
           && !(side->is_finished && side->pending_gap != 0)
           && (n == 0 || !st->is_established || seq_diff(at, side->next_seq) <= 0);
}

bool stream_check(const struct flow *flow)
{
    const struct stream *st = flow->stream;
    uint64_t memory = 0;

    if (st == NULL) {
        return true;
    }
    for (int d = 0; d < N_DIRECTIONS; d++) {
        if (!check_side(st, &st->sides[d], &memory)) {
            return false;
        }
    }
    return memory == st->memory && memory <= st->engine->counters.memory
           && memory <= st->engine->conf.flow_memory;
}
