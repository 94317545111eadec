/* From the first packet to ESTABLISHED: three-way, four-way (simultaneous open), data in
 * the SYN (RFC 7413), and what is picked up in the middle. */
#include "sensor/stream/stream_private.h"

static bool has_only(const struct segment *seg, uint8_t want)
{
    return (seg->flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == want;
}

static bool refuse(struct stream_engine *e, struct segment *seg, enum stream_event event)
{
    stream_set_event(e, seg->packet, event);
    return false;
}

/* Starts the sequence numbers of 'side', whose SYN has 'isn'. */
static void start_side(struct stream_side *side, uint32_t isn)
{
    side->isn = isn;
    side->base = side->left = side->told = side->raw = side->next_seq = side->last_ack = isn + 1;
    side->right_edge = isn + 1 + side->window;
}

/* Takes what a SYN or SYN/ACK says of its sender. */
static void take_syn(struct segment *seg)
{
    const struct packet *p = seg->packet;

    stream_drop_segments(seg->st, seg->s);
    start_side(seg->s, seg->seq);
    seg->s->wscale = p->tcp.wscale;
    seg->r->window = seg->r->max_window = p->tcp.window;        /* Never scaled in a SYN. */
    seg->s->is_signed = p->tcp.is_signed;
    seg->s->has_ts = false;
    if (p->tcp.has_timestamp) {
        seg->s->has_ts = true;
        seg->s->ts_recent = p->tcp.ts_value;
        seg->s->ts_ns = p->time_ns;
    }
    stream_keep_payload(seg->st->engine, seg);
}

static bool has_alternative(const struct stream_side *side, uint32_t isn)
{
    for (unsigned i = 0; i < side->n_alternatives; i++) {
        if (side->alternatives[i] == isn) {
            return true;
        }
    }
    return false;
}

/* Remembers another initial sequence number; false when there are too many. */
static bool add_alternative(struct stream_side *side, uint32_t isn)
{
    if (has_alternative(side, isn)) {
        return true;
    }
    if (side->n_alternatives == STREAM_MAX_ALTERNATIVES) {
        return false;
    }
    side->alternatives[side->n_alternatives++] = isn;
    return true;
}

/* Scaling is used when both SYNs offer it (RFC 7323, section 2.2). */
static void settle_wscale(struct stream *st)
{
    struct stream_side *a = &st->sides[TO_SERVER], *b = &st->sides[TO_CLIENT];

    if (a->wscale == 0xff || b->wscale == 0xff) {
        a->wscale = b->wscale = 0;
    }
    if (a->wscale > STREAM_MAX_WSCALE) {
        a->wscale = STREAM_MAX_WSCALE;
    }
    if (b->wscale > STREAM_MAX_WSCALE) {
        b->wscale = STREAM_MAX_WSCALE;
    }
}

static void establish(struct segment *seg)
{
    struct stream *st = seg->st;

    if (!st->is_liberal) {
        settle_wscale(st);
    }
    if (!st->sides[TO_SERVER].has_ts || !st->sides[TO_CLIENT].has_ts) {
        st->sides[TO_SERVER].has_ts = st->sides[TO_CLIENT].has_ts = false;
    }
    st->is_established = true;
    stream_set_state(seg, TCP_STATE_ESTABLISHED);
    /* Data that the handshake's packets carried was sent, too; it is handed on with what is
     * acknowledged from now on. */
    for (int d = 0; d < N_DIRECTIONS; d++) {
        struct stream_side *side = &st->sides[d];

        if (side->ahead != &side->segments) {
            side->next_seq = seq_max(side->next_seq,
                                     segment_end(segment_of(side->segments.prev)));
        }
    }
}

/* ---- Without a session ---- */

static void reverse_flow(struct segment *seg)
{
    struct flow *flow = seg->flow;
    struct flow_side side = flow->sides[TO_SERVER];

    flow->is_swapped = !flow->is_swapped;
    flow->sides[TO_SERVER] = flow->sides[TO_CLIENT];
    flow->sides[TO_CLIENT] = side;
    seg->dir = direction_reverse(seg->dir);
}

/* Is the sender of this packet the server, as far as ports tell?  Only asked of the first
 * packet of a flow: later the direction is settled. */
static bool looks_like_server(const struct segment *seg)
{
    const struct packet *p = seg->packet;

    return p->sport < 1024 && p->dport >= 1024;
}

static void make_liberal(struct stream *st)
{
    st->is_liberal = true;
    for (int d = 0; d < N_DIRECTIONS; d++) {
        st->sides[d].wscale = STREAM_MAX_WSCALE;
        st->sides[d].right_edge = st->sides[d].base + STREAM_LIBERAL_WINDOW;
        st->sides[d].has_ts = false;
    }
}

static bool is_first_packet(const struct flow *flow)
{
    return flow->sides[TO_SERVER].packets + flow->sides[TO_CLIENT].packets <= 1;
}

static bool pick_up_synack(struct stream_engine *e, struct segment *seg)
{
    if (seg->dir == TO_SERVER) {
        reverse_flow(seg);
    }
    if (!stream_session_open(e, seg)) {
        return false;
    }
    take_syn(seg);
    start_side(seg->r, seg->ack - 1);
    seg->flow->is_midstream = true;
    e->counters.midstream++;
    make_liberal(seg->st);
    stream_set_state(seg, TCP_STATE_SYN_RECV);
    return true;
}

static bool pick_up_data(struct stream_engine *e, struct segment *seg)
{
    if (is_first_packet(seg->flow) && seg->dir == TO_SERVER && looks_like_server(seg)) {
        reverse_flow(seg);
    }
    if (!stream_session_open(e, seg)) {
        return false;
    }
    start_side(seg->s, seg->seq - 1);
    start_side(seg->r, seg->ack - 1);
    seg->flow->is_midstream = true;
    e->counters.midstream++;
    make_liberal(seg->st);
    seg->st->is_confirmed = true;
    establish(seg);
    return stream_synchronized(e, seg);
}

/* Who sends the SYN is the client, whoever the flow's first packet came from. */
static bool open_by_syn(struct stream_engine *e, struct segment *seg)
{
    if (seg->dir == TO_CLIENT) {
        reverse_flow(seg);
    }
    if (!stream_session_open(e, seg)) {
        return false;
    }
    take_syn(seg);
    stream_set_state(seg, TCP_STATE_SYN_SENT);
    return true;
}

bool stream_handshake_none(struct stream_engine *e, struct segment *seg)
{
    if ((seg->flags & TCP_RST) != 0) {
        return refuse(e, seg, STREAM_EVENT_RST_BUT_NO_SESSION);
    }
    if ((seg->flags & TCP_FIN) != 0 && (seg->flags & TCP_SYN) == 0) {
        return refuse(e, seg, STREAM_EVENT_FIN_BUT_NO_SESSION);
    }
    if (has_only(seg, TCP_SYN)) {
        return open_by_syn(e, seg);
    }
    if (!e->conf.midstream) {
        seg->flow->is_midstream_ignored = true;
        return false;
    }
    if (has_only(seg, TCP_SYN | TCP_ACK)) {
        return pick_up_synack(e, seg);
    }
    return has_only(seg, TCP_ACK) && pick_up_data(e, seg);
}

/* ---- SYN-SENT ---- */

/* The client's SYN that 'ack' answers becomes the one that counts.  False: none. */
static bool settle_client_isn(struct stream_engine *e, struct segment *seg)
{
    struct stream *st = seg->st;
    struct stream_side *client = &st->sides[TO_SERVER];
    const struct list_node *last = client->segments.prev;
    uint32_t data_end = client->isn + 1;

    if (last != &client->segments) {
        data_end = segment_end(LIST_ENTRY(last, struct stream_segment, node));
    }
    if (seg->ack == client->isn + 1) {
        if (data_end != seg->ack) {
            stream_set_event(e, seg->packet, STREAM_EVENT_3WHS_SYNACK_TFO_DATA_IGNORED);
            stream_drop_segments(st, client);
        }
        return true;
    }
    if (seq_diff(seg->ack, client->isn + 1) > 0 && seq_diff(seg->ack, data_end) <= 0) {
        client->next_seq = data_end;
        return true;
    }
    if (has_alternative(client, seg->ack - 1)) {
        stream_drop_segments(st, client);
        start_side(client, seg->ack - 1);
        return true;
    }
    return false;
}

static bool take_synack(struct stream_engine *e, struct segment *seg)
{
    if (!settle_client_isn(e, seg)) {
        return refuse(e, seg, STREAM_EVENT_3WHS_SYNACK_WITH_WRONG_ACK);
    }
    take_syn(seg);
    seg->r->last_ack = seg->ack;
    seg->r->right_edge = seg->ack + seg->packet->tcp.window;
    stream_set_state(seg, TCP_STATE_SYN_RECV);
    return true;
}

/* Another SYN of the client: the same again, or one more that may be answered. */
static bool repeat_syn(struct stream_engine *e, struct segment *seg)
{
    uint32_t old = seg->s->isn;

    if (seg->seq == old) {
        seg->result->retransmission = true;
        return true;
    }
    if (!add_alternative(seg->s, old)) {
        return refuse(e, seg, STREAM_EVENT_3WHS_SYN_FLOOD);
    }
    take_syn(seg);
    return true;
}

static bool pick_up_async(struct stream_engine *e, struct segment *seg)
{
    if (!e->conf.async_oneside) {
        return true;
    }
    if (seg->seq != seg->s->isn + 1 && seg->seq != seg->s->next_seq) {
        return refuse(e, seg, STREAM_EVENT_3WHS_ASYNC_WRONG_SEQ);
    }
    start_side(seg->r, seg->ack - 1);
    seg->st->is_async = true;
    seg->st->is_confirmed = true;
    make_liberal(seg->st);
    establish(seg);
    return stream_synchronized(e, seg);
}

/* RFC 7323, section 3.2: an answer echoes the timestamp of the SYN.  What does not was forged
 * by somebody who did not see the SYN.  Where that had none, devices in between have been
 * seen to put one into the SYN/ACK. */
static bool is_echo_right(struct stream_engine *e, struct segment *seg)
{
    const struct packet *p = seg->packet;
    const struct stream_side *client = seg->r;

    if (seg->dir == TO_SERVER || !p->tcp.has_timestamp || p->tcp.ts_echo == 0
        || (client->has_ts ? client->ts_recent == p->tcp.ts_echo
                           : has_only(seg, TCP_SYN | TCP_ACK))) {
        return true;
    }
    return refuse(e, seg, STREAM_EVENT_PKT_INVALID_TIMESTAMP);
}

bool stream_handshake_syn_sent(struct stream_engine *e, struct segment *seg)
{
    if (!is_echo_right(e, seg)) {
        return false;
    }
    if ((seg->flags & TCP_RST) != 0) {
        return stream_reset(e, seg);
    }
    if (has_only(seg, TCP_SYN | TCP_ACK)) {
        if (seg->dir == TO_CLIENT) {
            return take_synack(e, seg);
        }
        return refuse(e, seg, STREAM_EVENT_3WHS_SYNACK_IN_WRONG_DIRECTION);
    }
    if (has_only(seg, TCP_SYN)) {
        if (seg->dir == TO_SERVER) {
            return repeat_syn(e, seg);
        }
        take_syn(seg);
        seg->r->right_edge = seg->r->isn + 1 + seg->packet->tcp.window;
        seg->st->is_simultaneous = true;
        stream_set_state(seg, TCP_STATE_SYN_RECV);
        return true;
    }
    if ((seg->flags & TCP_ACK) != 0 && seg->dir == TO_SERVER) {
        return pick_up_async(e, seg);
    }
    return false;
}

/* ---- SYN-RECEIVED ---- */

static bool take_simultaneous_synack(struct stream_engine *e, struct segment *seg)
{
    if (seg->ack != seg->r->isn + 1) {
        return refuse(e, seg, STREAM_EVENT_4WHS_SYNACK_WITH_WRONG_ACK);
    }
    if (seg->seq != seg->s->isn) {
        return refuse(e, seg, STREAM_EVENT_4WHS_SYNACK_WITH_WRONG_SYN);
    }
    seg->r->right_edge = seq_max(seg->r->right_edge, seg->ack + seg->packet->tcp.window);
    return true;
}

static bool repeat_synack(struct stream_engine *e, struct segment *seg)
{
    if (seg->dir == TO_SERVER) {
        return refuse(e, seg, STREAM_EVENT_3WHS_SYNACK_TOSERVER_ON_SYN_RECV);
    }
    if (seg->ack != seg->r->last_ack) {
        if (!has_alternative(seg->r, seg->ack - 1)) {
            return refuse(e, seg, STREAM_EVENT_3WHS_SYNACK_RESEND_WITH_DIFF_ACK);
        }
        /* The answer to the client's other SYN. */
        stream_drop_segments(seg->st, seg->r);
        start_side(seg->r, seg->ack - 1);
        take_syn(seg);
        return true;
    }
    if (seg->seq == seg->s->isn) {
        seg->result->retransmission = true;
        return true;
    }
    stream_set_event(e, seg->packet, STREAM_EVENT_3WHS_SYNACK_RESEND_WITH_DIFF_SEQ);
    if (!add_alternative(seg->s, seg->seq)) {
        stream_set_event(e, seg->packet, STREAM_EVENT_3WHS_SYNACK_FLOOD);
    }
    return false;
}

/* The client's acknowledgement decides between several SYN/ACKs. */
static void settle_server_isn(struct segment *seg)
{
    struct stream_side *server = &seg->st->sides[TO_CLIENT];

    if (seg->dir == TO_SERVER && seg->ack != server->isn + 1
        && has_alternative(server, seg->ack - 1)) {
        stream_drop_segments(seg->st, server);
        start_side(server, seg->ack - 1);
    }
}

static bool is_in_window(const struct segment *seg)
{
    return seq_diff(seg->seq, seg->s->base) >= 0
           && seq_diff(seg->seq, seg->s->right_edge) <= 0;
}

/* The acknowledgement that ends the handshake. */
static bool take_final_ack(struct stream_engine *e, struct segment *seg)
{
    bool is_4whs = seg->st->is_simultaneous;

    settle_server_isn(seg);
    bool is_seq_right = is_in_window(seg);
    bool is_ack_right = seq_diff(seg->ack, seg->r->isn + 1) >= 0
                        && seq_diff(seg->ack, seg->r->right_edge) <= 0;

    if (!is_ack_right) {
        return refuse(e, seg,
                      is_4whs        ? STREAM_EVENT_4WHS_INVALID_ACK
                      : is_seq_right ? STREAM_EVENT_3WHS_RIGHT_SEQ_WRONG_ACK_EVASION
                                     : STREAM_EVENT_3WHS_WRONG_SEQ_WRONG_ACK);
    }
    if (!is_seq_right) {
        return refuse(e, seg, is_4whs ? STREAM_EVENT_4WHS_WRONG_SEQ
                                      : STREAM_EVENT_3WHS_WRONG_SEQ_WRONG_ACK);
    }
    if (!stream_timestamp_fits(e, seg)) {
        return false;
    }
    establish(seg);
    return stream_synchronized(e, seg);
}

/* The server speaks first when the client's acknowledgement was not captured; a bare one
 * proves nothing. */
static bool take_server_ack(struct stream_engine *e, struct segment *seg)
{
    bool is_proof = seg->size > 0 || seq_diff(seg->ack, seg->r->next_seq) > 0
                    || (seg->flags & TCP_FIN) != 0;

    if (!is_proof && !seg->st->is_simultaneous) {
        return refuse(e, seg, STREAM_EVENT_3WHS_ACK_IN_WRONG_DIR);
    }
    return take_final_ack(e, seg);
}

bool stream_handshake_syn_recv(struct stream_engine *e, struct segment *seg)
{
    if ((seg->flags & TCP_RST) != 0) {
        return stream_reset(e, seg);
    }
    if (has_only(seg, TCP_SYN | TCP_ACK)) {
        return seg->st->is_simultaneous ? take_simultaneous_synack(e, seg)
                                        : repeat_synack(e, seg);
    }
    if ((seg->flags & TCP_SYN) != 0) {
        if (seg->seq == seg->s->isn && has_only(seg, TCP_SYN)) {
            seg->result->retransmission = true;
            return true;
        }
        if (seg->dir == TO_CLIENT) {
            return refuse(e, seg, STREAM_EVENT_3WHS_SYN_TOCLIENT_ON_SYN_RECV);
        }
        (void) add_alternative(seg->s, seg->seq);
        return refuse(e, seg, STREAM_EVENT_3WHS_SYN_RESEND_DIFF_SEQ_ON_SYN_RECV);
    }
    if ((seg->flags & TCP_ACK) == 0) {
        return false;
    }
    return seg->dir == TO_SERVER ? take_final_ack(e, seg) : take_server_ack(e, seg);
}
