/* Raw bytes of the stream for rules, in runs without gaps, and for what alerts tell. */
#include "sensor/stream/stream_private.h"

#include <stdio.h>
#include <string.h>

static bool is_closing(enum tcp_state state)
{
    return state == TCP_STATE_LAST_ACK || state == TCP_STATE_CLOSE_WAIT
           || state == TCP_STATE_CLOSING || state == TCP_STATE_CLOSED;
}

bool stream_raw_is_due(const struct flow *flow, enum direction dir)
{
    const struct stream *st = flow->stream;

    if (st == NULL) {
        return false;
    }
    const struct stream_side *side = &st->sides[dir];
    int32_t n_new = seq_diff(side->base, side->raw);

    return n_new > 0 && (side->is_raw_due || is_closing(flow->tcp_state)
                         || (uint64_t) n_new >= st->engine->conf.chunk_size[dir]);
}

static uint64_t offset_of(const struct stream_side *side, uint32_t seq)
{
    return side->offset - (side->base - seq);
}

/* Bytes of one run as one piece: where they stand, or copied together from several segments,
 * of which 'k' is the first. */
static const uint8_t *join(struct stream_engine *e, struct stream_segment *k, uint32_t from,
                           uint32_t to)
{
    uint32_t at = from;

    if (seq_diff(segment_end(k), to) >= 0) {
        return k->bytes + (from - k->seq);
    }
    while (seq_diff(to, at) > 0) {
        uint32_t end = seq_min(to, segment_end(k));

        memcpy(e->raw_scratch + (at - from), k->bytes + (at - k->seq), end - at);
        at = end;
        k = segment_of(k->node.next);
    }
    return e->raw_scratch;
}

/* The run around 'seq': from up to 'behind' bytes before it to 'limit' or the next gap.
 * 'k' is the segment that holds 'seq', or ends there. */
static void show_run(struct stream *st, struct stream_side *side, struct stream_segment *k,
                     uint32_t seq, uint32_t limit, size_t behind, struct stream_raw *raw)
{
    uint32_t from = seq, to = seq;
    struct stream_segment *first = k;

    behind = behind < STREAM_BEHIND ? behind : STREAM_BEHIND;
    while (seq - first->seq < behind && first->node.prev != &side->segments
           && segment_end(segment_of(first->node.prev)) == first->seq) {
        first = segment_of(first->node.prev);
    }
    from = seq - first->seq < behind ? first->seq : seq - (uint32_t) behind;
    while (seq_diff(segment_end(first), from) <= 0 && seq_diff(segment_end(first), limit) < 0) {
        first = segment_of(first->node.next);
    }
    limit = seq_min(limit, from + STREAM_RAW_PIECE);
    for (;;) {
        to = seq_min(segment_end(k), limit);
        struct list_node *next = k->node.next;
        if (to == limit || next == &side->segments || segment_of(next)->seq != to) {
            break;
        }
        k = segment_of(next);
    }
    raw->offset = offset_of(side, from);
    raw->size = to - from;
    raw->n_old = seq - from;
    raw->bytes = join(st->engine, first, from, to);
}

bool stream_raw_next(struct flow *flow, enum direction dir, size_t behind,
                     struct stream_raw *raw)
{
    struct stream *st = flow->stream;
    struct stream_side *side = &st->sides[dir];
    uint32_t limit = side->base;

    LIST_FOR_EACH(node, &side->segments) {
        struct stream_segment *k = segment_of(node);

        if (seq_diff(k->seq, limit) >= 0) {
            break;
        }
        if (seq_diff(segment_end(k), side->raw) > 0) {
            uint32_t seq = seq_max(k->seq, side->raw);

            if (seq_diff(seq, limit) < 0) {
                show_run(st, side, k, seq, limit, behind, raw);
                side->raw = seq + (uint32_t) (raw->size - raw->n_old);
                return true;
            }
        }
    }
    stream_raw_skip(flow, dir);
    return false;
}

void stream_raw_skip(struct flow *flow, enum direction dir)
{
    if (flow->stream != NULL) {
        struct stream_side *side = &flow->stream->sides[dir];

        side->raw = side->base;
        side->is_raw_due = false;
    }
}

void stream_raw_trigger(struct flow *flow, enum direction dir)
{
    if (flow->stream != NULL) {
        flow->stream->sides[dir].is_raw_due = true;
    }
}

void stream_raw_window(struct flow *flow, enum direction dir, size_t behind,
                       struct stream_raw *raw)
{
    struct stream *st = flow->stream;

    *raw = (struct stream_raw) { 0 };
    if (st == NULL) {
        return;
    }
    struct stream_side *side = &st->sides[dir];
    struct list_node *last = side->ahead;

    /* The segment that holds the byte before the base. */
    if (last == &side->segments || seq_diff(segment_of(last)->seq, side->base) >= 0) {
        last = last->prev;
    }
    if (last != &side->segments && seq_diff(segment_end(segment_of(last)), side->base) >= 0) {
        show_run(st, side, segment_of(last), side->base, side->base, behind, raw);
    }
}

/* ---- For alerts ---- */

static size_t put(uint8_t *out, size_t at, size_t size, const void *bytes, size_t n)
{
    n = n < size - at ? n : size - at;
    memcpy(out + at, bytes, n);
    return at + n;
}

size_t stream_copy(const struct flow *flow, enum direction dir, uint8_t *out, size_t size)
{
    const struct stream *st = flow->stream;
    size_t n = 0;

    if (st == NULL) {
        return 0;
    }
    const struct stream_side *side = &st->sides[dir];
    uint32_t edge = st->engine->conf.wait_for_ack && !st->is_async
                        ? seq_min(side->last_ack, side->next_seq) : side->base;
    uint32_t at = side->told;

    LIST_FOR_EACH(node, &side->segments) {
        const struct stream_segment *k = segment_of(node);
        uint32_t end = seq_min(segment_end(k), edge);

        if (seq_diff(segment_end(k), at) <= 0) {
            continue;
        }
        if (seq_diff(end, k->seq) <= 0 || n == size) {
            break;
        }
        if (seq_diff(k->seq, at) > 0) {
            char text[48];
            int len = snprintf(text, sizeof text, "[%u bytes missing]",
                               (unsigned) (k->seq - at));
            n = put(out, n, size, text, (size_t) len);
        }
        uint32_t from = seq_max(k->seq, at);
        n = put(out, n, size, k->bytes + (from - k->seq), end - from);
        at = segment_end(k);
    }
    return n;
}
