/* From ESTABLISHED to CLOSED: which segments the receiver would accept (RFC 9293, section
 * 3.10.7.4, with RFC 5961 and RFC 7323), and where a session stands.
 *
 * A tap sees both ends' packets but not what each end has received; where that leaves
 * room, the stricter reading is taken for what would make us deaf (RST, FIN) and the
 * wider one for data. */
#include "sensor/stream/stream_private.h"

#include "common/base/clock.h"

/* RFC 7323, section 5.5: a timestamp clock may have wrapped after 24 idle days. */
#define PAWS_IDLE_NS (24ull * 24 * 3600 * NS_PER_SEC)
#define NO_EVENT STREAM_N_EVENTS

/* What a misfit is called in each state. */
static const struct state_events {
    enum stream_event out_of_window, fin_wrong, invalid_ack, before_last_ack;
} events_by_state[TCP_N_STATES] = {
    [TCP_STATE_NONE] = { NO_EVENT, NO_EVENT, NO_EVENT, NO_EVENT },
    [TCP_STATE_SYN_SENT] = { NO_EVENT, NO_EVENT, NO_EVENT, NO_EVENT },
    [TCP_STATE_SYN_RECV] = { NO_EVENT, NO_EVENT, NO_EVENT, NO_EVENT },
    [TCP_STATE_ESTABLISHED] = { STREAM_EVENT_EST_PACKET_OUT_OF_WINDOW,
                                STREAM_EVENT_FIN_OUT_OF_WINDOW,
                                STREAM_EVENT_EST_INVALID_ACK,
                                STREAM_EVENT_EST_PKT_BEFORE_LAST_ACK },
    [TCP_STATE_FIN_WAIT1] = { STREAM_EVENT_FIN1_ACK_WRONG_SEQ,
                              STREAM_EVENT_FIN1_FIN_WRONG_SEQ,
                              STREAM_EVENT_FIN1_INVALID_ACK, NO_EVENT },
    [TCP_STATE_FIN_WAIT2] = { STREAM_EVENT_FIN2_ACK_WRONG_SEQ,
                              STREAM_EVENT_FIN2_FIN_WRONG_SEQ,
                              STREAM_EVENT_FIN2_INVALID_ACK, NO_EVENT },
    [TCP_STATE_TIME_WAIT] = { STREAM_EVENT_TIMEWAIT_ACK_WRONG_SEQ,
                              STREAM_EVENT_TIMEWAIT_ACK_WRONG_SEQ,
                              STREAM_EVENT_TIMEWAIT_INVALID_ACK, NO_EVENT },
    [TCP_STATE_LAST_ACK] = { STREAM_EVENT_LASTACK_ACK_WRONG_SEQ,
                             STREAM_EVENT_LASTACK_ACK_WRONG_SEQ,
                             STREAM_EVENT_LASTACK_INVALID_ACK, NO_EVENT },
    [TCP_STATE_CLOSE_WAIT] = { STREAM_EVENT_CLOSEWAIT_ACK_OUT_OF_WINDOW,
                               STREAM_EVENT_CLOSEWAIT_FIN_OUT_OF_WINDOW,
                               STREAM_EVENT_CLOSEWAIT_INVALID_ACK,
                               STREAM_EVENT_CLOSEWAIT_PKT_BEFORE_LAST_ACK },
    [TCP_STATE_CLOSING] = { STREAM_EVENT_CLOSING_ACK_WRONG_SEQ,
                            STREAM_EVENT_CLOSING_ACK_WRONG_SEQ,
                            STREAM_EVENT_CLOSING_INVALID_ACK, NO_EVENT },
    [TCP_STATE_CLOSED] = { NO_EVENT, NO_EVENT, NO_EVENT, NO_EVENT },
};

static const struct state_events *state_events(const struct segment *seg)
{
    return &events_by_state[seg->flow->tcp_state];
}

static bool refuse(struct stream_engine *e, struct segment *seg, enum stream_event event)
{
    if (event != NO_EVENT) {
        stream_set_event(e, seg->packet, event);
    }
    return false;
}

/* ---- Timestamps ---- */

bool stream_timestamp_fits(struct stream_engine *e, struct segment *seg)
{
    const struct packet *p = seg->packet;

    if (!seg->s->has_ts || !p->tcp.has_timestamp
        || seq_diff(p->tcp.ts_value, seg->s->ts_recent) >= 0
        || (p->time_ns > seg->s->ts_ns && p->time_ns - seg->s->ts_ns > PAWS_IDLE_NS)) {
        return true;
    }
    return refuse(e, seg, STREAM_EVENT_PKT_INVALID_TIMESTAMP);
}

/* TS.Recent moves with segments that begin at or before what is expected next. */
static void take_timestamp(struct segment *seg)
{
    const struct packet *p = seg->packet;

    if (seg->s->has_ts && p->tcp.has_timestamp && seq_diff(seg->seq, seg->s->base) <= 0
        && seq_diff(p->tcp.ts_value, seg->s->ts_recent) >= 0) {
        seg->s->ts_recent = p->tcp.ts_value;
        seg->s->ts_ns = p->time_ns;
    }
}

/* ---- Acknowledgement and window ---- */

static uint32_t scaled_window(const struct segment *seg)
{
    return (uint32_t) seg->packet->tcp.window << seg->s->wscale;
}

/* RFC 5961, section 5.2.  What was lost by the capture may be acknowledged, so the upper
 * bound is the window, not what has been seen. */
static bool is_ack_valid(const struct segment *seg)
{
    const struct stream_side *r = seg->r;
    int32_t ahead = seq_diff(seg->ack, r->last_ack);

    if (seg->st->is_liberal) {
        return true;
    }
    if (ahead <= 0) {
        return (int64_t) ahead >= -(int64_t) r->max_window || r->max_window == 0;
    }
    uint32_t limit = seq_max(r->right_edge, r->next_seq);
    if (r->has_probe) {
        limit = seq_max(limit, r->base + 1);
    }
    return seq_diff(seg->ack, limit) <= 0;
}

/* A bare acknowledgement from the past that takes back window. */
static bool is_bad_window_update(const struct segment *seg)
{
    return seg->size == 0 && (seg->flags & TCP_FIN) == 0 && !seg->st->is_liberal
           && seq_diff(seg->seq, seg->s->next_seq) < 0 && seg->ack == seg->r->last_ack
           && scaled_window(seg) < seg->r->window;
}

static void take_ack(struct stream_engine *e, struct segment *seg)
{
    struct stream_side *r = seg->r;
    uint32_t window = scaled_window(seg);

    if (seq_diff(seg->ack, r->last_ack) < 0) {
        return;
    }
    r->last_ack = seg->ack;
    r->window = window;
    if (window > r->max_window) {
        r->max_window = window;
    }
    uint32_t edge = seg->ack + (seg->st->is_liberal ? STREAM_LIBERAL_WINDOW : window);
    r->right_edge = seq_max(r->right_edge, edge);
    if (r->has_probe && seq_diff(seg->ack, r->base) > 0) {
        stream_set_event(e, seg->packet, STREAM_EVENT_EST_ACK_ZWP_DATA);
    }
    if (r->has_fin && seq_diff(seg->ack, r->fin_seq) > 0) {
        r->is_fin_acked = true;
    }
}

/* What this packet acknowledged is handed on; gaps that it proved are said of it. */
static void deliver(struct stream_engine *e, struct segment *seg, enum direction dir,
                    bool is_last)
{
    uint64_t before = e->counters.gaps;

    if (is_last) {
        stream_deliver_last(seg->flow, dir, seg->packet);
    } else {
        stream_deliver(seg->flow, dir, seg->packet);
    }
    if (e->counters.gaps != before) {
        stream_set_event(e, seg->packet, STREAM_EVENT_REASSEMBLY_SEQ_GAP);
    }
}

/* ---- Where it stands ---- */

static enum tcp_state state_of(const struct stream *st)
{
    const struct stream_side *client = &st->sides[TO_SERVER];
    const struct stream_side *server = &st->sides[TO_CLIENT];

    if (client->has_rst || server->has_rst) {
        return TCP_STATE_CLOSED;
    }
    if (client->has_fin && server->has_fin) {
        if (client->is_fin_acked && server->is_fin_acked) {
            return TCP_STATE_CLOSED;
        }
        if (st->first_fin == TO_SERVER) {
            return TCP_STATE_LAST_ACK;
        }
        return server->is_fin_acked ? TCP_STATE_TIME_WAIT : TCP_STATE_CLOSING;
    }
    if (client->has_fin) {
        return TCP_STATE_CLOSE_WAIT;
    }
    if (server->has_fin) {
        return server->is_fin_acked ? TCP_STATE_FIN_WAIT2 : TCP_STATE_FIN_WAIT1;
    }
    return TCP_STATE_ESTABLISHED;
}

/* ---- SYN and RST ---- */

static bool late_synack(struct stream_engine *e, struct segment *seg)
{
    if (seg->dir == TO_SERVER) {
        return refuse(e, seg, STREAM_EVENT_EST_SYNACK_TOSERVER);
    }
    if (seq_diff(seg->ack, seg->r->isn + 1) != 0) {
        return refuse(e, seg, STREAM_EVENT_EST_SYNACK_RESEND_WITH_DIFF_ACK);
    }
    if (seg->seq != seg->s->isn) {
        return refuse(e, seg, STREAM_EVENT_EST_SYNACK_RESEND_WITH_DIFF_SEQ);
    }
    if (seg->st->is_confirmed) {
        return refuse(e, seg, STREAM_EVENT_EST_SYNACK_RESEND);
    }
    /* The client's acknowledgement was lost behind the tap. */
    seg->result->retransmission = true;
    return true;
}

static bool late_syn(struct stream_engine *e, struct segment *seg)
{
    if (seg->flow->tcp_state == TCP_STATE_CLOSED) {
        return false;
    }
    if (seg->flow->tcp_state != TCP_STATE_ESTABLISHED) {
        return refuse(e, seg, STREAM_EVENT_SHUTDOWN_SYN_RESEND);
    }
    if ((seg->flags & TCP_ACK) != 0) {
        return late_synack(e, seg);
    }
    if (seg->dir == TO_CLIENT) {
        return refuse(e, seg, STREAM_EVENT_EST_SYN_TOCLIENT);
    }
    return refuse(e, seg, seg->seq != seg->s->isn ? STREAM_EVENT_EST_SYN_RESEND_DIFF_SEQ
                                                  : STREAM_EVENT_EST_SYN_RESEND);
}

/* RFC 5961, section 3.2: only the sequence number that is expected next resets; others
 * are answered by a challenge, and the session goes on.  A sender that has sent its FIN
 * answers late data with the number that was acknowledged to it. */
static bool is_reset_expected(const struct segment *seg)
{
    const struct stream_side *s = seg->s;

    switch (seg->flow->tcp_state) {
    case TCP_STATE_SYN_SENT:
        return seg->dir == TO_CLIENT ? seg->ack == seg->r->isn + 1
                                           || (seq_diff(seg->ack, seg->r->isn + 1) > 0
                                               && seq_diff(seg->ack, seg->r->next_seq) <= 0)
                                     : seg->seq == s->isn || (seg->seq == s->next_seq
                                                          && (seg->flags & TCP_ACK) != 0);
    case TCP_STATE_CLOSED:
        return true;
    default:
        break;
    }
    if (seg->st->is_liberal) {
        return seq_diff(seg->seq, s->last_ack) >= 0
               && seq_diff(seg->seq, s->right_edge) <= 0;
    }
    return seg->seq == s->next_seq
           || (s->has_fin && seq_diff(seg->seq, s->last_ack) >= 0
               && seq_diff(seg->seq, s->next_seq) <= 0);
}

/* Whoever resets has sent all that comes before it, and has got what it acknowledges.  What
 * else the other side has sent waits for the end of the flow: the receiver may not have it. */
static void reset_session(struct segment *seg)
{
    struct stream_side *s = seg->s, *r = seg->r;

    s->last_ack = seq_max(s->last_ack, seq_min(seg->seq, s->next_seq));
    if ((seg->flags & TCP_ACK) != 0 && !seg->st->is_liberal) {
        r->last_ack = seq_max(r->last_ack, seq_min(seg->ack, r->next_seq));
    }
    stream_advance(seg->flow, seg->dir, seg->packet, s->last_ack, s->last_ack, true);
}

bool stream_reset(struct stream_engine *e, struct segment *seg)
{
    enum tcp_state state = seg->flow->tcp_state;

    if (seg->packet->tcp.is_signed && !seg->s->is_signed) {
        /* The receiver has no key to check it with and drops it. */
        return refuse(e, seg, STREAM_EVENT_SUSPECTED_RST_INJECT);
    }
    if (seg->size > 0) {
        stream_set_event(e, seg->packet, STREAM_EVENT_RST_WITH_DATA);
    }
    if (state != TCP_STATE_CLOSED && state != TCP_STATE_SYN_SENT
        && (seg->flags & TCP_ACK) != 0 && !is_ack_valid(seg)) {
        return refuse(e, seg, STREAM_EVENT_RST_INVALID_ACK);
    }
    if (!is_reset_expected(seg)) {
        return state == TCP_STATE_SYN_SENT && seg->dir == TO_CLIENT
                   ? refuse(e, seg, STREAM_EVENT_RST_INVALID_ACK)
                   : false;
    }
    seg->s->has_rst = true;
    stream_set_state(seg, TCP_STATE_CLOSED);
    if (seg->st->is_established) {
        reset_session(seg);
    } else {
        stream_drop_segments(seg->st, seg->s);
        stream_drop_segments(seg->st, seg->r);
    }
    return true;
}

/* ---- Data and FIN ---- */

/* RFC 9293, section 3.8.4: a probe of an idle session repeats the last byte. */
static bool is_keepalive(const struct segment *seg)
{
    return seg->size <= 1 && (seg->flags & TCP_FIN) == 0
           && seg->seq == seg->s->next_seq - 1;
}

/* One byte against a closed window; whether it was taken, the answer tells. */
static bool is_window_probe(const struct segment *seg)
{
    const struct stream_side *s = seg->s;

    return seg->size == 1 && s->window == 0 && seg->seq == s->right_edge
           && seg->seq == s->base && (seg->flags & TCP_FIN) == 0;
}

static void take_window_probe(struct segment *seg)
{
    if (!seg->s->is_finished && !seg->s->has_probe) {
        seg->s->has_probe = true;
        seg->s->probe_byte = seg->bytes[0];
    }
}

static bool is_beyond_window(const struct segment *seg)
{
    int32_t room = seq_diff(seg->s->right_edge, seg->seq);

    return room < 0 || (room == 0 && seg->size > 0);
}

/* A FIN that ends before what was sent, or elsewhere than the one before. */
static bool is_fin_wrong(const struct segment *seg)
{
    uint32_t fin = seg->end + seg->missing;

    return seg->s->has_fin ? fin != seg->s->fin_seq
                           : seq_diff(fin, seg->s->next_seq) < 0;
}

static void take_fin(struct segment *seg)
{
    if (seg->s->has_fin) {
        seg->result->retransmission = true;
        return;
    }
    if (!seg->r->has_fin) {
        seg->st->first_fin = seg->dir;
    }
    seg->s->has_fin = true;
    seg->s->fin_seq = seg->end + seg->missing;
    seg->s->next_seq = seg->s->fin_seq + 1;
}

/* What the receiver would drop unread.  Says why by an event. */
static bool is_acceptable(struct stream_engine *e, struct segment *seg)
{
    const struct state_events *names = state_events(seg);
    bool is_fin = (seg->flags & TCP_FIN) != 0;

    if (!stream_timestamp_fits(e, seg)) {
        return false;
    }
    if (!is_ack_valid(seg)) {
        stream_set_event(e, seg->packet, STREAM_EVENT_PKT_INVALID_ACK);
        return refuse(e, seg, is_fin && seg->flow->tcp_state == TCP_STATE_ESTABLISHED
                                  ? STREAM_EVENT_FIN_INVALID_ACK
                                  : names->invalid_ack);
    }
    if (is_keepalive(seg) || is_window_probe(seg)) {
        return true;
    }
    if (is_beyond_window(seg)
        || (seg->s->has_fin && seq_diff(seg->end, seg->s->fin_seq) > 0
            && seg->size > 0)) {
        return refuse(e, seg, is_fin ? names->fin_wrong : names->out_of_window);
    }
    if (is_fin && is_fin_wrong(seg)) {
        return refuse(e, seg, names->fin_wrong);
    }
    if (is_bad_window_update(seg)) {
        return refuse(e, seg, STREAM_EVENT_PKT_BAD_WINDOW_UPDATE);
    }
    return true;
}

/* Where windows cannot be judged, perhaps since nobody is seen to acknowledge, the bounds
 * follow what was handed on: else its sequence numbers run out of them, and past half of
 * their circle they would seem to be from before the last acknowledgement. */
static void follow_base(struct segment *seg)
{
    struct stream_side *s = seg->s;

    if (seg->st->is_liberal) {
        s->right_edge = seq_max(s->right_edge, s->base + STREAM_LIBERAL_WINDOW);
        if (seq_diff(s->base, s->last_ack) > (int32_t) STREAM_LIBERAL_WINDOW) {
            s->last_ack = s->base - STREAM_LIBERAL_WINDOW;
        }
    }
}

static void take_data(struct stream_engine *e, struct segment *seg)
{
    struct stream_side *s = seg->s;

    if (seg->size > 0 && seq_diff(seg->end, s->last_ack) <= 0) {
        (void) refuse(e, seg, state_events(seg)->before_last_ack);
    }
    stream_take_payload(e, seg);
    if (!s->has_fin) {
        s->next_seq = seq_max(s->next_seq, seg->end + seg->missing);
    }
    if ((seg->flags & TCP_FIN) != 0) {
        take_fin(seg);
    }
}

/* A packet makes the other side's data ready, by its acknowledgement; its own waits for the
 * other's, unless the session ends or there is nobody to wait for. */
static void deliver_both(struct stream_engine *e, struct segment *seg)
{
    enum tcp_state state = seg->flow->tcp_state;
    bool is_closed = state == TCP_STATE_CLOSED;
    bool is_closing = (seg->flags & TCP_FIN) != 0
                      && (state == TCP_STATE_CLOSE_WAIT || state == TCP_STATE_LAST_ACK
                          || state == TCP_STATE_CLOSING);

    deliver(e, seg, direction_reverse(seg->dir), is_closed);
    if (is_closed || is_closing || seg->s->has_spare || seg->st->is_async
        || !e->conf.wait_for_ack) {
        deliver(e, seg, seg->dir, is_closed);
    }
}

bool stream_synchronized(struct stream_engine *e, struct segment *seg)
{
    if ((seg->flags & TCP_RST) != 0) {
        return stream_reset(e, seg);
    }
    if ((seg->flags & TCP_SYN) != 0) {
        return late_syn(e, seg);
    }
    if ((seg->flags & TCP_ACK) == 0) {
        return false;
    }
    if (seg->s->has_rst || seg->r->has_rst) {
        /* Who goes on after a reset of its own did not send that; what the other side sends
         * may have crossed it. */
        return refuse(e, seg, seg->size > 0 && seg->s->has_rst
                                  ? STREAM_EVENT_SUSPECTED_RST_INJECT
                                  : NO_EVENT);
    }
    if (!is_acceptable(e, seg)) {
        return false;
    }
    if (seg->dir == TO_CLIENT) {
        seg->st->is_confirmed = true;
    }
    take_timestamp(seg);
    take_ack(e, seg);
    if (is_window_probe(seg)) {
        take_window_probe(seg);
    } else if (!is_keepalive(seg)) {
        take_data(e, seg);
    }
    stream_set_state(seg, state_of(seg->st));
    deliver_both(e, seg);
    follow_base(seg);
    return true;
}
