/* The store: copies of payload in order of their sequence numbers, without overlaps, in
 * pools with limits. */
#include "sensor/stream/stream_private.h"

#include <string.h>

static struct stream_segment *first_segment(const struct stream_side *side)
{
    struct list_node *node = list_front(&side->segments);

    return node != NULL ? segment_of(node) : NULL;
}

static uint32_t object_size(const struct stream_segment *k)
{
    return k->cap + (uint32_t) sizeof *k;
}

/* ---- Objects ---- */

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

/* Takes a segment out of the list and gives it back. */
static void drop_segment(struct stream *st, struct stream_side *side, struct stream_segment *k)
{
    struct stream_engine *e = st->engine;
    uint32_t object = object_size(k);

    if (side->ahead == &k->node) {
        side->ahead = k->node.next;
    }
    if (seq_diff(segment_end(k), side->base) > 0) {
        side->ahead_bytes -= segment_end(k) - seq_max(k->seq, side->base);
    }
    list_remove(&k->node);
    side->n_segments--;
    if (k == e->spare) {
        e->is_spare_used = side->has_spare = false;
        return;
    }
    st->memory -= object;
    e->counters.memory -= object;
    pool_put(object == STREAM_SMALL_SEGMENT ? &e->small : &e->large, k);
}

void stream_drop_ahead(struct stream *st, struct stream_side *side)
{
    struct stream_segment *k;

    while ((k = segment_ahead(side)) != NULL && seq_diff(k->seq, side->base) >= 0) {
        drop_segment(st, side, k);
    }
    if (k != NULL) {
        /* Handed on in part: of this one that part stays. */
        k->size = side->base - k->seq;
        side->ahead = k->node.next;
        stream_drop_ahead(st, side);
    }
    side->ahead_bytes = 0;
    side->has_probe = false;
}

void stream_drop_segments(struct stream *st, struct stream_side *side)
{
    struct stream_segment *k;

    while ((k = first_segment(side)) != NULL) {
        drop_segment(st, side, k);
    }
    side->ahead = &side->segments;
    side->ahead_bytes = 0;
    side->raw = side->base;
    side->has_probe = false;
}

void stream_prune(struct stream *st, struct stream_side *side)
{
    struct stream_segment *k;

    if (side->base - side->raw > STREAM_NO_LIMIT) {
        side->raw = side->base; /* Nobody has looked, and numbers must stay comparable. */
    }
    uint32_t from = side->raw - st->engine->behind;

    while ((k = first_segment(side)) != NULL && &k->node != side->ahead
           && seq_diff(segment_end(k), from) <= 0) {
        side->left = segment_end(k);
        side->told = seq_max(side->told, side->left);
        drop_segment(st, side, k);
    }
    if (side->has_spare) {
        /* It lives as long as its packet: what rules have not seen by now, they never will. */
        struct stream_segment *spare = st->engine->spare;

        side->raw = seq_max(side->raw, segment_end(spare));
        drop_segment(st, side, spare);
    }
}

/* What was handed on and shown makes room for what comes. */
static void drop_shown(struct stream *st, struct stream_side *side)
{
    struct stream_segment *k;

    while ((k = first_segment(side)) != NULL && &k->node != side->ahead
           && seq_diff(segment_end(k), side->raw) <= 0) {
        side->left = segment_end(k);
        side->told = seq_max(side->told, side->left);
        drop_segment(st, side, k);
    }
}

/* ---- Overlaps ---- */

/* Compares 'bytes' of [seq, end) with what 'k' holds of it and is not handed on.  By the
 * overlap policy (README) new bytes replace those of a segment that began behind the new
 * one's start.  The very same range again is a retransmission, whatever is in it. */
static void settle_overlap(struct stream *st, struct packet *packet, uint32_t base,
                           struct stream_segment *k, uint32_t seq, uint32_t end,
                           const uint8_t *bytes, uint32_t origin)
{
    uint32_t from = seq_max(seq_max(seq, k->seq), base);
    uint32_t to = seq_min(end, segment_end(k));

    if (seq_diff(to, from) <= 0) {
        return;
    }
    st->engine->counters.overlaps++;
    if (memcmp(k->bytes + (from - k->seq), bytes + (from - seq), to - from) != 0) {
        st->engine->counters.overlaps_different++;
        if (k->seq != origin || segment_end(k) != end) {
            stream_set_event(st->engine, packet,
                             STREAM_EVENT_REASSEMBLY_OVERLAP_DIFFERENT_DATA);
        }
        if (seq_diff(k->origin, origin) > 0) {
            memcpy(k->bytes + (from - k->seq), bytes + (from - seq), to - from);
        }
    }
}

/* ---- Keeping ---- */

static void insert_segment(struct stream_side *side, struct list_node *at,
                           struct stream_segment *k)
{
    list_insert(at, &k->node);
    if (side->ahead == at) {
        side->ahead = &k->node;
    }
    side->ahead_bytes += k->size;
    side->n_segments++;
}

/* The usual small segment follows one that was handed on and has room left. */
static uint32_t append_to_last(struct stream_engine *e, struct stream_side *side,
                               struct list_node *at, uint32_t seq, uint32_t size,
                               const uint8_t *bytes)
{
    struct list_node *last = at->prev;

    if (last == &side->segments || side->ahead != at || seq != side->base
        || segment_end(segment_of(last)) != seq || segment_of(last) == e->spare) {
        return 0;
    }
    struct stream_segment *k = segment_of(last);

    if (size > k->cap - k->size) {
        return 0;
    }
    memcpy(k->bytes + k->size, bytes, size);
    k->size += size;
    k->origin = seq;            /* Only what is not handed on is ever compared. */
    side->ahead = last;
    side->ahead_bytes += size;
    return size;
}

/* Keeps [seq, end), where nothing is kept yet, before list node 'at'.  Returns how many of
 * the bytes were kept: all, unless a limit was reached. */
static uint32_t fill_hole(struct stream_engine *e, struct segment *seg, struct list_node *at,
                          uint32_t seq, uint32_t end, const uint8_t *bytes)
{
    struct stream_side *side = seg->s;
    uint32_t done = append_to_last(e, side, at, seq, end - seq, bytes);
    enum stream_event why;

    seq += done;
    while (seq_diff(end, seq) > 0) {
        struct stream_segment *k = get_segment(seg->st, side, end - seq, &why);

        if (k == NULL) {
            break;
        }
        k->seq = seq;
        k->size = end - seq < k->cap ? end - seq : k->cap;
        k->origin = seg->end - seg->size;
        memcpy(k->bytes, bytes + done, k->size);
        insert_segment(side, at, k);
        e->counters.segments_kept++;
        seq += k->size;
        done += k->size;
    }
    return done;
}

static uint32_t store(struct stream_engine *e, struct segment *seg, uint32_t seq,
                      uint32_t end, bool *is_refused)
{
    struct stream_side *side = seg->s;
    uint32_t origin = seg->end - seg->size, kept = 0, at = seq;
    const uint8_t *bytes = seg->bytes + (seq - origin);
    struct list_node *node = &side->segments;

    *is_refused = false;
    /* From the tail: the usual segment belongs behind all others. */
    while (node != side->ahead && seq_diff(segment_end(segment_of(node->prev)), seq) > 0) {
        node = node->prev;
    }
    while (seq_diff(end, at) > 0) {
        bool is_last = node == &side->segments;
        uint32_t hole_end = is_last ? end : seq_min(end, segment_of(node)->seq);

        if (seq_diff(hole_end, at) > 0) {
            uint32_t n = fill_hole(e, seg, node, at, hole_end, bytes + (at - seq));
            kept += n;
            if (n < hole_end - at) {
                *is_refused = true;
                break;
            }
            at = hole_end;
        }
        if (is_last) {
            break;
        }
        settle_overlap(seg->st, seg->packet, side->base, segment_of(node), seq, end, bytes,
                       origin);
        at = seq_max(at, segment_end(segment_of(node)));
        node = node->next;
    }
    return kept;
}

uint32_t stream_store(struct stream_engine *e, struct segment *seg, uint32_t seq,
                      uint32_t end, bool *is_refused)
{
    uint32_t kept = store(e, seg, seq, end, is_refused);

    if (*is_refused) {
        drop_shown(seg->st, seg->s);
        drop_shown(seg->st, seg->r);
        kept += store(e, seg, seq, end, is_refused);
    }
    return kept;
}

uint32_t stream_contiguous_end(const struct stream_side *side)
{
    uint32_t end = side->base;

    if (side->ahead != &side->segments
        && segment_end(segment_of(side->segments.prev)) - end == side->ahead_bytes) {
        return end + side->ahead_bytes;         /* No holes. */
    }
    for (struct list_node *node = side->ahead; node != &side->segments; node = node->next) {
        if (seq_diff(segment_of(node)->seq, end) > 0) {
            break;
        }
        end = segment_end(segment_of(node));
    }
    return end;
}

bool stream_store_spare(struct stream_engine *e, struct segment *seg, uint32_t seq,
                        uint32_t end)
{
    struct stream_side *side = seg->s;
    struct stream_segment *k = e->spare;
    uint32_t from = seq_max(seq, stream_contiguous_end(side));
    struct list_node *at = side->ahead;

    while (at != &side->segments && seq_diff(segment_of(at)->seq, from) < 0) {
        at = at->next;
    }
    if (at != &side->segments) {
        end = seq_min(end, segment_of(at)->seq);
    }
    if (e->is_spare_used || seq_diff(from, seg->end) >= 0 || seq_diff(end, from) <= 0
        || end - from > k->cap) {
        return false;
    }
    k->seq = from;
    k->size = end - from;
    k->origin = seg->end - seg->size;
    memcpy(k->bytes, seg->bytes + (from - k->origin), k->size);
    insert_segment(side, at, k);
    e->is_spare_used = side->has_spare = true;
    return true;
}

/* ---- For tests ---- */

static bool check_side(const struct stream *st, const struct stream_side *side,
                       uint64_t *memory)
{
    uint32_t n = 0, ahead = 0, at = side->base - STREAM_NO_LIMIT;
    bool is_ahead = false;

    if (side->has_spare || side->ahead == NULL || seq_diff(side->raw, side->base) > 0) {
        return false;
    }
    LIST_FOR_EACH(node, &side->segments) {
        const struct stream_segment *k = segment_of(node);

        is_ahead |= node == side->ahead;
        if (node->next->prev != node || k->size == 0 || k->size > k->cap
            || seq_diff(k->seq, at) < 0
            || (seq_diff(segment_end(k), side->base) > 0) != is_ahead) {
            return false;
        }
        at = segment_end(k);
        ahead += is_ahead ? at - seq_max(k->seq, side->base) : 0;
        *memory += object_size(k);
        n++;
    }
    return n == side->n_segments && n <= STREAM_MAX_SEGMENTS && ahead == side->ahead_bytes
           && is_ahead == (side->ahead != &side->segments)
           && !(side->is_finished && is_ahead)
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
