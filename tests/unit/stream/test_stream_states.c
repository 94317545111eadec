/* The TCP state machine: states, events, and what is refused. */
#include "tests/unit/stream/stream_world.h"

#define ISN_C 999u
#define ISN_S 4999u
#define C 1000u
#define S 5000u

/* One packet and what must become of it. */
struct step {
    enum direction dir;
    uint8_t flags;
    uint32_t seq, ack;
    const char *text;
    bool is_valid;
    enum tcp_state state;
    const char *event;          /* That it must have; NULL: none at all. */
};

struct scene {
    const char *name;
    bool midstream, async;
    struct step steps[12];      /* Up to one with flags 0. */
    const char *to_server, *to_client;  /* All that is handed on, the flow's end included. */
    unsigned n_ends;            /* Ends before the flow's own. */
};

#define SYN TCP_SYN
#define SA (TCP_SYN | TCP_ACK)
#define A TCP_ACK
#define FA (TCP_FIN | TCP_ACK)
#define R TCP_RST
#define RA (TCP_RST | TCP_ACK)
#define OPEN_SENT { TO_SERVER, SYN, ISN_C, 0, "", true, TCP_STATE_SYN_SENT, NULL }
#define OPEN_RECV { TO_CLIENT, SA, ISN_S, C, "", true, TCP_STATE_SYN_RECV, NULL }
#define OPEN_ACK { TO_SERVER, A, C, S, "", true, TCP_STATE_ESTABLISHED, NULL }
#define OPEN OPEN_SENT, OPEN_RECV, OPEN_ACK

static const struct scene scenes[] = {
    { "client closes first", false, false,
      { OPEN,
        { TO_SERVER, A, C, S, "hi", true, TCP_STATE_ESTABLISHED, NULL },
        { TO_SERVER, FA, C + 2, S, "", true, TCP_STATE_CLOSE_WAIT, NULL },
        { TO_CLIENT, A, S, C + 3, "", true, TCP_STATE_CLOSE_WAIT, NULL },
        { TO_CLIENT, A, S, C + 3, "yo", true, TCP_STATE_CLOSE_WAIT, NULL },
        { TO_CLIENT, FA, S + 2, C + 3, "", true, TCP_STATE_LAST_ACK, NULL },
        { TO_SERVER, A, C + 3, S + 3, "", true, TCP_STATE_CLOSED, NULL } },
      "hi", "yo", 2 },
    { "server closes first", false, false,
      { OPEN,
        { TO_CLIENT, FA, S, C, "bye", true, TCP_STATE_FIN_WAIT1, NULL },
        { TO_SERVER, A, C, S + 4, "", true, TCP_STATE_FIN_WAIT2, NULL },
        { TO_SERVER, FA, C, S + 4, "", true, TCP_STATE_TIME_WAIT, NULL },
        { TO_CLIENT, A, S + 4, C + 1, "", true, TCP_STATE_CLOSED, NULL } },
      "", "bye", 2 },
    { "both close at once", false, false,
      { OPEN,
        { TO_CLIENT, FA, S, C, "", true, TCP_STATE_FIN_WAIT1, NULL },
        { TO_SERVER, FA, C, S, "", true, TCP_STATE_CLOSING, NULL },
        { TO_SERVER, A, C + 1, S + 1, "", true, TCP_STATE_TIME_WAIT, NULL },
        { TO_CLIENT, A, S + 1, C + 1, "", true, TCP_STATE_CLOSED, NULL } },
      "", "", 2 },
    { "data in the syn is taken when the server acknowledges it", false, false,
      { { TO_SERVER, SYN, ISN_C, 0, "fast", true, TCP_STATE_SYN_SENT, NULL },
        { TO_CLIENT, SA, ISN_S, C + 4, "", true, TCP_STATE_SYN_RECV, NULL },
        { TO_SERVER, A, C + 4, S, " open", true, TCP_STATE_ESTABLISHED, NULL } },
      "fast open", "", 0 },
    { "data in the syn is dropped when the server does not", false, false,
      { { TO_SERVER, SYN, ISN_C, 0, "FAKE", true, TCP_STATE_SYN_SENT, NULL },
        { TO_CLIENT, SA, ISN_S, C, "", true, TCP_STATE_SYN_RECV,
          "3whs_synack_tfo_data_ignored" },
        { TO_SERVER, A, C, S, "real", true, TCP_STATE_ESTABLISHED, NULL } },
      "real", "", 0 },
    { "four-way handshake", false, false,
      { OPEN_SENT,
        { TO_CLIENT, SYN, ISN_S, 0, "", true, TCP_STATE_SYN_RECV, NULL },
        { TO_SERVER, SA, ISN_C, S + 1, "", false, TCP_STATE_SYN_RECV,
          "4whs_synack_with_wrong_ack" },
        { TO_SERVER, SA, ISN_C + 7, S, "", false, TCP_STATE_SYN_RECV,
          "4whs_synack_with_wrong_syn" },
        { TO_SERVER, SA, ISN_C, S, "", true, TCP_STATE_SYN_RECV, NULL },
        { TO_CLIENT, A, S, C + 900000, "", false, TCP_STATE_SYN_RECV, "4whs_invalid_ack" },
        { TO_CLIENT, A, S, C, "", true, TCP_STATE_ESTABLISHED, NULL },
        { TO_CLIENT, A, S, C, "ok", true, TCP_STATE_ESTABLISHED, NULL } },
      "", "ok", 0 },
    { "repeated syn with another number: the answer chooses", false, false,
      { OPEN_SENT,
        { TO_SERVER, SYN, 7777, 0, "", true, TCP_STATE_SYN_SENT, NULL },
        OPEN_RECV,
        OPEN_ACK,
        { TO_SERVER, A, C, S, "x", true, TCP_STATE_ESTABLISHED, NULL } },
      "x", "", 0 },
    { "two syn/acks: the client's answer chooses", false, false,
      { OPEN_SENT,
        OPEN_RECV,
        { TO_CLIENT, SA, 8888, C, "", false, TCP_STATE_SYN_RECV,
          "3whs_synack_resend_with_diff_seq" },
        { TO_SERVER, A, C, 8889, "", true, TCP_STATE_ESTABLISHED, NULL },
        { TO_CLIENT, A, 8889, C, "x", true, TCP_STATE_ESTABLISHED, NULL } },
      "", "x", 0 },
    { "misfits of the handshake", false, false,
      { OPEN_SENT,
        { TO_SERVER, SA, ISN_C, 1, "", false, TCP_STATE_SYN_SENT,
          "3whs_synack_in_wrong_direction" },
        { TO_CLIENT, SA, ISN_S, C + 5, "", false, TCP_STATE_SYN_SENT,
          "3whs_synack_with_wrong_ack" },
        OPEN_RECV,
        { TO_CLIENT, SA, ISN_S, C + 5, "", false, TCP_STATE_SYN_RECV,
          "3whs_synack_resend_with_diff_ack" },
        { TO_SERVER, SA, ISN_S, C, "", false, TCP_STATE_SYN_RECV,
          "3whs_synack_toserver_on_syn_recv" },
        { TO_SERVER, SYN, ISN_C + 9, 0, "", false, TCP_STATE_SYN_RECV,
          "3whs_syn_resend_diff_seq_on_syn_recv" },
        { TO_CLIENT, SYN, 3, 0, "", false, TCP_STATE_SYN_RECV,
          "3whs_syn_toclient_on_syn_recv" },
        { TO_CLIENT, A, S, C, "", false, TCP_STATE_SYN_RECV, "3whs_ack_in_wrong_dir" },
        { TO_SERVER, A, C, S + 900000, "", false, TCP_STATE_SYN_RECV,
          "3whs_right_seq_wrong_ack_evasion" },
        { TO_SERVER, A, C + 900000, S + 900000, "", false, TCP_STATE_SYN_RECV,
          "3whs_wrong_seq_wrong_ack" },
        OPEN_ACK },
      "", "", 0 },
    { "server data proves a handshake whose end was lost", false, false,
      { OPEN_SENT, OPEN_RECV,
        { TO_CLIENT, A, S, C, "220 hi", true, TCP_STATE_ESTABLISHED, NULL } },
      "", "220 hi", 0 },
    { "misfits of an established session", false, false,
      { OPEN,
        { TO_CLIENT, SA, ISN_S, C, "", true, TCP_STATE_ESTABLISHED, NULL },
        { TO_CLIENT, A, S, C, "x", true, TCP_STATE_ESTABLISHED, NULL },
        { TO_CLIENT, SA, ISN_S, C, "", false, TCP_STATE_ESTABLISHED, "est_synack_resend" },
        { TO_CLIENT, SA, ISN_S, C + 1, "", false, TCP_STATE_ESTABLISHED,
          "est_synack_resend_with_diff_ack" },
        { TO_CLIENT, SA, ISN_S + 1, C, "", false, TCP_STATE_ESTABLISHED,
          "est_synack_resend_with_diff_seq" },
        { TO_SERVER, SA, ISN_C, S, "", false, TCP_STATE_ESTABLISHED, "est_synack_toserver" },
        { TO_SERVER, SYN, ISN_C, 0, "", false, TCP_STATE_ESTABLISHED, "est_syn_resend" },
        { TO_SERVER, SYN, 1, 0, "", false, TCP_STATE_ESTABLISHED,
          "est_syn_resend_diff_seq" },
        { TO_CLIENT, SYN, ISN_S, 0, "", false, TCP_STATE_ESTABLISHED,
          "est_syn_toclient" } },
      "", "x", 0 },
    { "windows and acknowledgements of an established session", false, false,
      { OPEN,
        { TO_SERVER, A, C + 65535, S, "x", false, TCP_STATE_ESTABLISHED,
          "est_packet_out_of_window" },
        { TO_SERVER, FA, C + 65536, S, "", false, TCP_STATE_ESTABLISHED,
          "fin_out_of_window" },
        { TO_SERVER, A, C, S + 65536, "x", false, TCP_STATE_ESTABLISHED,
          "est_invalid_ack" },
        { TO_SERVER, A, C, S - 70000, "x", false, TCP_STATE_ESTABLISHED, "pkt_invalid_ack" },
        { TO_SERVER, FA, C, S + 65536, "", false, TCP_STATE_ESTABLISHED, "fin_invalid_ack" },
        { TO_SERVER, 0x20, C, 0, "no ack flag", false, TCP_STATE_ESTABLISHED, NULL },
        { TO_SERVER, A, ISN_C, S, "", true, TCP_STATE_ESTABLISHED, NULL },
        { TO_SERVER, A, ISN_C, S, "k", true, TCP_STATE_ESTABLISHED, NULL } },
      "", "", 0 },
    { "misfits while the client has closed", false, false,
      { OPEN,
        { TO_SERVER, FA, C, S, "", true, TCP_STATE_CLOSE_WAIT, NULL },
        { TO_SERVER, A, C + 1, S, "more", false, TCP_STATE_CLOSE_WAIT,
          "closewait_ack_out_of_window" },
        { TO_SERVER, FA, C + 4, S, "", false, TCP_STATE_CLOSE_WAIT,
          "closewait_fin_out_of_window" },
        { TO_CLIENT, A, S, C + 90000, "", false, TCP_STATE_CLOSE_WAIT,
          "closewait_invalid_ack" },
        { TO_SERVER, SYN, 5, 0, "", false, TCP_STATE_CLOSE_WAIT, "shutdown_syn_resend" },
        { TO_CLIENT, FA, S, C + 1, "", true, TCP_STATE_LAST_ACK, NULL },
        { TO_SERVER, A, C + 1, S + 90000, "", false, TCP_STATE_LAST_ACK,
          "lastack_invalid_ack" },
        { TO_SERVER, A, C + 90000, S + 1, "", false, TCP_STATE_LAST_ACK,
          "lastack_ack_wrong_seq" } },
      "", "", 0 },
    { "misfits while the server has closed", false, false,
      { OPEN,
        { TO_CLIENT, FA, S, C, "", true, TCP_STATE_FIN_WAIT1, NULL },
        { TO_CLIENT, FA, S + 4, C, "", false, TCP_STATE_FIN_WAIT1, "fin1_fin_wrong_seq" },
        { TO_SERVER, A, C + 90000, S, "", false, TCP_STATE_FIN_WAIT1, "fin1_ack_wrong_seq" },
        { TO_SERVER, A, C, S + 90000, "", false, TCP_STATE_FIN_WAIT1, "fin1_invalid_ack" },
        { TO_SERVER, A, C, S + 1, "", true, TCP_STATE_FIN_WAIT2, NULL },
        { TO_SERVER, A, C + 90000, S + 1, "", false, TCP_STATE_FIN_WAIT2,
          "fin2_ack_wrong_seq" },
        { TO_SERVER, FA, C, S + 1, "", true, TCP_STATE_TIME_WAIT, NULL },
        { TO_CLIENT, A, S + 1, C + 90000, "", false, TCP_STATE_TIME_WAIT,
          "timewait_invalid_ack" } },
      "", "", 0 },
    { "reset ends the side of its sender, the flow the other", false, false,
      { OPEN,
        { TO_SERVER, A, C, S, "a", true, TCP_STATE_ESTABLISHED, NULL },
        { TO_CLIENT, RA, S + 9, C + 1, "", false, TCP_STATE_ESTABLISHED, NULL },
        { TO_CLIENT, RA, S, C + 90000, "", false, TCP_STATE_ESTABLISHED,
          "rst_invalid_ack" },
        { TO_CLIENT, RA, S, C + 1, "", true, TCP_STATE_CLOSED, NULL },
        { TO_SERVER, A, C + 1, S, "b", false, TCP_STATE_CLOSED, NULL },
        { TO_CLIENT, A, S, C + 1, "c", false, TCP_STATE_CLOSED, "suspected_rst_inject" } },
      "a", "", 1 },
    { "refused connection", false, false,
      { OPEN_SENT,
        { TO_CLIENT, RA, 0, C + 1, "", false, TCP_STATE_SYN_SENT, "rst_invalid_ack" },
        { TO_CLIENT, RA, 0, C, "", true, TCP_STATE_CLOSED, NULL } },
      "", "", 0 },
    { "no session without a syn", false, false,
      { { TO_SERVER, A, C, S, "data", false, TCP_STATE_NONE, NULL },
        { TO_CLIENT, SA, ISN_S, C, "", false, TCP_STATE_NONE, NULL },
        { TO_SERVER, FA, C, S, "", false, TCP_STATE_NONE, "fin_but_no_session" },
        { TO_SERVER, R, C, S, "", false, TCP_STATE_NONE, "rst_but_no_session" } },
      "", "", 0 },
    { "mid-stream session is picked up at its data", true, false,
      { { TO_SERVER, A, C, S, "GET", true, TCP_STATE_ESTABLISHED, NULL },
        { TO_CLIENT, A, S, C + 3, "200", true, TCP_STATE_ESTABLISHED, NULL },
        { TO_SERVER, A, C + 3, S + 3, " /", true, TCP_STATE_ESTABLISHED, NULL } },
      "GET /", "200", 0 },
    { "session is picked up at its syn/ack", true, false,
      { { TO_CLIENT, SA, ISN_S, C, "", true, TCP_STATE_SYN_RECV, NULL },
        OPEN_ACK,
        { TO_SERVER, A, C, S, "GET", true, TCP_STATE_ESTABLISHED, NULL },
        { TO_CLIENT, A, S, C + 3, "200", true, TCP_STATE_ESTABLISHED, NULL } },
      "GET", "200", 0 },
    { "one-sided session is followed where that is on", false, true,
      { OPEN_SENT,
        { TO_SERVER, A, C + 99999, S, "", false, TCP_STATE_SYN_SENT,
          "3whs_async_wrong_seq" },
        { TO_SERVER, A, C, S, "", true, TCP_STATE_ESTABLISHED, NULL },
        { TO_SERVER, A, C, S, "one", true, TCP_STATE_ESTABLISHED, NULL },
        { TO_SERVER, A, C + 3, S + 9999, " side", true, TCP_STATE_ESTABLISHED, NULL } },
      "one side", "", 0 },
    { "one-sided session is not followed where that is off", false, false,
      { OPEN_SENT,
        { TO_SERVER, A, C, S, "one", true, TCP_STATE_SYN_SENT, NULL } },
      "", "", 0 },
    { "fin before its data waits for it", false, false,
      { OPEN,
        { TO_SERVER, FA, C + 3, S, "def", true, TCP_STATE_CLOSE_WAIT, NULL },
        { TO_SERVER, A, C, S, "abc", true, TCP_STATE_CLOSE_WAIT, NULL } },
      "abcdef", "", 0 },
    { "fin that would cut off what was sent is refused", false, false,
      { OPEN,
        { TO_SERVER, A, C, S, "abcdef", true, TCP_STATE_ESTABLISHED, NULL },
        { TO_SERVER, FA, C + 3, S, "", false, TCP_STATE_ESTABLISHED,
          "fin_out_of_window" },
        { TO_SERVER, A, C + 6, S, "ghi", true, TCP_STATE_ESTABLISHED, NULL } },
      "abcdefghi", "", 0 },
    { "broken flags are named", false, false,
      { { TO_SERVER, SYN | TCP_FIN, ISN_C, 0, "", false, TCP_STATE_NONE, "fin_syn" },
        { TO_SERVER, SYN, ISN_C, 7, "", true, TCP_STATE_SYN_SENT, "pkt_broken_ack" } },
      "", "", 0 },
};

static void play(const struct scene *scene)
{
    struct stream_conf conf = world_conf();
    conf.midstream = scene->midstream;
    conf.async_oneside = scene->async;
    struct world *w = world_new(&conf);

    for (size_t i = 0; i < 12 && scene->steps[i].flags != 0; i++) {
        const struct step *s = &scene->steps[i];
        bool is_valid = world_send(w, s->dir, s->flags, s->seq, s->ack, s->text);

        if (is_valid != s->is_valid || w->flow.tcp_state != s->state
            || (s->event != NULL && !world_has_event(w, s->event))
            || (s->event == NULL && w->packet.n_stream_events != 0)) {
            fail_msg("%s, step %zu: valid %d, state %s, first event %s", scene->name, i,
                     is_valid, stream_state_name(w->flow.tcp_state),
                     w->packet.n_stream_events > 0
                         ? stream_event_name(w->packet.stream_events[0]) : "-");
        }
    }
    assert_int_equal(w->got[TO_SERVER].n_ends + w->got[TO_CLIENT].n_ends, scene->n_ends);
    world_end(w);
    assert_received(w, TO_SERVER, scene->to_server);
    assert_received(w, TO_CLIENT, scene->to_client);
    world_free(w);
}

static void each_scene_goes_through_its_states(void **state)
{
    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++) {
        play(&scenes[i]);
    }
}

static void bad_checksum_is_ignored(void **state)
{
    struct stream_conf conf = world_conf();
    struct world *w = world_new(&conf);

    world_handshake(w, ISN_C, ISN_S);
    world_packet(w, TO_SERVER, TCP_ACK, C, S, "bad", 3);
    w->packet.is_checksum_bad = true;
    assert_false(world_feed(w, TO_SERVER));
    assert_true(world_send(w, TO_SERVER, TCP_ACK, C, S, "ok"));
    assert_received(w, TO_SERVER, "ok");
    world_free(w);
}

static void mid_stream_pick_up_finds_the_server(void **state)
{
    struct stream_conf conf = world_conf();
    conf.midstream = true;

    for (int with_synack = 0; with_synack < 2; with_synack++) {
        struct world *w = world_new(&conf);

        /* The flow table took the server for the client: it saw it first. */
        world_packet(w, TO_CLIENT, with_synack ? SA : A, S, C, "200", 3);
        w->packet.payload_size = with_synack ? 0 : 3;
        assert_true(world_feed(w, TO_SERVER));
        assert_true(w->flow.is_swapped);
        assert_true(w->flow.is_midstream);
        assert_int_equal(w->flow.sides[TO_CLIENT].packets, 1);
        assert_int_equal(w->flow.sides[TO_SERVER].packets, 0);
        if (!with_synack) {
            assert_received(w, TO_CLIENT, "200");
        }
        world_free(w);
    }
}

/* Of a long download whose acknowledgements take another way, sequence numbers go round
 * more than once.  Nothing of it is out of the window or from the past. */
static void one_side_alone_goes_on_for_ever(void **state)
{
    static uint8_t bytes[60000];
    struct stream_conf conf = world_conf();
    conf.midstream = true;

    (void) state;
    for (int is_async = 0; is_async < 2; is_async++) {
        conf.async_oneside = is_async != 0;
        struct world *w = world_new(&conf);
        uint32_t seq = C;

        if (is_async) {
            assert_true(world_send(w, TO_SERVER, SYN, ISN_C, 0, ""));
        }
        for (uint64_t sent = 0; sent < 9000000000ull; sent += sizeof bytes) {
            world_packet(w, TO_SERVER, A, seq, S, bytes, sizeof bytes);
            if (sent == 0) {    /* Of more than the sink keeps nothing is wanted. */
                w->stop_at_first = true;
            }
            assert_true(world_feed(w, TO_SERVER));
            assert_int_equal(w->packet.n_stream_events, 0);
            seq += (uint32_t) sizeof bytes;
        }
        assert_int_equal(stream_bytes_seen(&w->flow, TO_SERVER),
                         (9000000000ull + sizeof bytes - 1) / sizeof bytes * sizeof bytes + 1);
        world_packet(w, TO_SERVER, TCP_RST, seq, 0, bytes, 0);
        assert_true(world_feed(w, TO_SERVER));
        assert_int_equal(w->flow.tcp_state, TCP_STATE_CLOSED);
        world_free(w);
    }
}

static void sender_of_the_syn_is_the_client(void **state)
{
    struct stream_conf conf = world_conf();
    struct world *w = world_new(&conf);

    assert_false(world_send(w, TO_SERVER, A, S, C, "stray"));
    assert_true(world_send(w, TO_CLIENT, SYN, ISN_C, 0, ""));
    assert_true(w->flow.is_swapped);
    assert_true(world_send(w, TO_CLIENT, SA, ISN_S, C, ""));
    assert_true(world_send(w, TO_SERVER, A, C, S, "x"));
    assert_received(w, TO_SERVER, "x");
    world_free(w);
}

static void an_answer_that_echoes_another_timestamp_is_forged(void **state)
{
    struct stream_conf conf = world_conf();
    struct world *w = world_new(&conf);

    (void) state;
    world_packet(w, TO_SERVER, SYN, ISN_C, 0, "", 0);
    w->packet.tcp.has_timestamp = true;
    w->packet.tcp.ts_value = 1000;
    assert_true(world_feed(w, TO_SERVER));
    world_packet(w, TO_CLIENT, RA, 0, C, "", 0);
    w->packet.tcp.has_timestamp = true;
    w->packet.tcp.ts_echo = 77;
    assert_false(world_feed(w, TO_CLIENT));
    assert_true(world_has_event(w, "pkt_invalid_timestamp"));
    assert_int_equal(w->flow.tcp_state, TCP_STATE_SYN_SENT);
    w->packet.tcp.ts_echo = 1000;
    assert_true(world_feed(w, TO_CLIENT));
    assert_int_equal(w->flow.tcp_state, TCP_STATE_CLOSED);
    world_free(w);
}

static void a_signed_reset_of_an_unsigned_session_resets_nothing(void **state)
{
    struct stream_conf conf = world_conf();
    struct world *w = world_new(&conf);

    (void) state;
    world_handshake(w, ISN_C, ISN_S);
    world_packet(w, TO_SERVER, RA, C, S, "", 0);
    w->packet.tcp.is_signed = true;
    assert_false(world_feed(w, TO_SERVER));
    assert_true(world_has_event(w, "suspected_rst_inject"));
    assert_int_equal(w->flow.tcp_state, TCP_STATE_ESTABLISHED);
    w->packet.tcp.is_signed = false;
    assert_true(world_feed(w, TO_SERVER));
    assert_int_equal(w->flow.tcp_state, TCP_STATE_CLOSED);
    world_free(w);
}

static void timestamp_from_the_past_is_refused(void **state)
{
    struct stream_conf conf = world_conf();
    struct world *w = world_new(&conf);
    static const struct {
        enum direction dir;
        uint8_t flags;
        uint32_t seq, ack, ts;
        const char *text;
        bool is_valid;
    } steps[] = {
        { TO_SERVER, SYN, ISN_C, 0, 0xfffffff0u, "", true },
        { TO_CLIENT, SA, ISN_S, C, 50, "", true },
        { TO_SERVER, A, C, S, 0xfffffff1u, "", true },
        { TO_SERVER, A, C, S, 5, "a", true },           /* Across the wrap. */
        { TO_SERVER, A, C + 1, S, 0xfffffff1u, "X", false },
        { TO_SERVER, A, C + 1, S, 5, "b", true },
    };

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        world_packet(w, steps[i].dir, steps[i].flags, steps[i].seq, steps[i].ack,
                     steps[i].text, strlen(steps[i].text));
        w->packet.tcp.has_timestamp = true;
        w->packet.tcp.ts_value = steps[i].ts;
        assert_int_equal(world_feed(w, steps[i].dir), steps[i].is_valid);
        assert_int_equal(world_has_event(w, "pkt_invalid_timestamp"), !steps[i].is_valid);
    }
    assert_received(w, TO_SERVER, "ab");
    world_free(w);
}

static void window_scale_counts_only_when_both_offer_it(void **state)
{
    for (int both = 0; both < 2; both++) {
        struct stream_conf conf = world_conf();
        struct world *w = world_new(&conf);

        world_packet(w, TO_SERVER, SYN, ISN_C, 0, NULL, 0);
        w->packet.tcp.wscale = 4;
        world_feed(w, TO_SERVER);
        world_packet(w, TO_CLIENT, SA, ISN_S, C, NULL, 0);
        w->packet.tcp.wscale = both ? 2 : 0xff;
        world_feed(w, TO_CLIENT);
        world_send(w, TO_SERVER, A, C, S, "");
        assert_int_equal(w->flow.stream->sides[TO_CLIENT].window,
                         both ? 65535u << 4 : 65535u);
        world_send(w, TO_CLIENT, A, S, C, "");
        assert_int_equal(w->flow.stream->sides[TO_SERVER].window,
                         both ? 65535u << 2 : 65535u);
        world_free(w);
    }
}

static void event_names_are_found_by_name(void **state)
{
    static const char old_name[] = "est_synack_resend_with_different_ack";

    for (unsigned i = 0; i < STREAM_N_EVENTS; i++) {
        const char *name = stream_event_name(i);
        assert_int_equal(stream_event_by_name(name, strlen(name)), i);
    }
    assert_null(stream_event_name(STREAM_N_EVENTS));
    assert_int_equal(stream_event_by_name("fin", 3), STREAM_N_EVENTS);
    assert_int_equal(stream_event_by_name(old_name, strlen(old_name)),
                     STREAM_EVENT_EST_SYNACK_RESEND_WITH_DIFF_ACK);
}

/* Random packets near the window: no invariant may break, no byte may be handed on twice. */
static void random_packets_keep_the_invariants(void **state)
{
    uint32_t seed = 99;
    static char text[300];

    memset(text, 'r', sizeof text);
    for (unsigned round = 0; round < 60; round++) {
        struct stream_conf conf = world_conf();
        conf.midstream = round % 2 != 0;
        conf.async_oneside = round % 3 == 0;
        conf.flow_memory = round % 5 == 0 ? 4096 : 1u << 20;
        conf.depth = round % 7 == 0 ? 500 : 0;
        struct world *w = world_new(&conf);
        uint32_t c = 0xfffffe00u, s = 0x7fffff00u;

        for (unsigned i = 0; i < 300; i++) {
            static const uint8_t flags[] = { A, A, A, A, A, A, A, SYN, SA, FA, A, A };
            uint32_t r = seed = seed * 1664525u + 1013904223u;
            enum direction dir = r >> 30 & 1 ? TO_SERVER : TO_CLIENT;
            uint8_t f = i == 0 ? SYN : i == 1 ? SA : flags[(r >> 8) % 12];
            uint32_t size = (r >> 12) % 3 == 0 ? 0 : (r >> 14) % 300;
            bool is_open = (f & SYN) != 0;

            dir = i == 0 ? TO_SERVER : i == 1 ? TO_CLIENT : dir;
            size = is_open ? 0 : size;
            world_packet(w, dir, f,
                         (dir == TO_SERVER ? c : s) + (is_open ? 0 : 1 + (r >> 4) % 1500),
                         (dir == TO_SERVER ? s : c) + 1 + (is_open ? 0 : (r >> 6) % 1500),
                         text, size);
            world_feed(w, dir);
        }
        world_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_scene_goes_through_its_states),
        cmocka_unit_test(bad_checksum_is_ignored),
        cmocka_unit_test(mid_stream_pick_up_finds_the_server),
        cmocka_unit_test(one_side_alone_goes_on_for_ever),
        cmocka_unit_test(sender_of_the_syn_is_the_client),
        cmocka_unit_test(an_answer_that_echoes_another_timestamp_is_forged),
        cmocka_unit_test(a_signed_reset_of_an_unsigned_session_resets_nothing),
        cmocka_unit_test(timestamp_from_the_past_is_refused),
        cmocka_unit_test(window_scale_counts_only_when_both_offer_it),
        cmocka_unit_test(event_names_are_found_by_name),
        cmocka_unit_test(random_packets_keep_the_invariants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
