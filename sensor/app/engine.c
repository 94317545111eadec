/* The engine: takes pieces of streams and datagrams to the parser of their session.
 *
 * Bytes go to the parser straight out of the packet when nothing is left over from before;
 * only what the parser did not consume is copied and kept. */
#include "sensor/app/app.h"

#include <stdlib.h>

#include "common/base/alloc.h"
#include "sensor/app/app_private.h"

/* A parser that waits for more bytes than this waits for something that never comes. */
#define PENDING_MAX (1u << 20)
/* Each direction may wake the other, but not for ever. */
#define MAX_TURNS 4
/* A tunnel in a tunnel is odd, many of them are an attack on us. */
#define MAX_SWITCHES 4

static struct session *open_session(struct app_engine *, struct flow *);
static void deliver_both(struct session *, const struct app_piece *);
static bool deliver(struct session *, const struct app_piece *);
static void finish_session(struct session *);
static void finish_tx(struct app_tx *, enum direction);

struct app_engine *app_engine_create(const struct app_conf *conf, app_tx_end_callback *end,
                                     void *context)
{
    struct app_engine *e = xcalloc(1, sizeof *e);

    e->conf = conf;
    e->tx_end = end;
    e->context = context;
    app_digests_create(e->digests);
    e->magic = conf->file_magic ? app_magic_open() : NULL;
    e->seed = hash_seed_fixed();
    pool_init(&e->sessions, sizeof(struct session), conf->memory / 4);
    pool_init(&e->frames, sizeof(struct app_frame), conf->memory / 16);
    return e;
}

void app_engine_destroy(struct app_engine *e)
{
    if (e != NULL) {
        pool_fini(&e->sessions);
        pool_fini(&e->frames);
        for (size_t i = 0; app_parsers[i] != NULL; i++) {
            if (app_parsers[i]->shelf_free != NULL) {
                app_parsers[i]->shelf_free(e->shelves[app_parsers[i]->proto]);
            }
        }
        app_digests_destroy(e->digests);
        app_magic_close(e->magic);
        app_expect_free(e->expect_names);
        free(e);
    }
}

void app_engine_set_seed(struct app_engine *e, struct hash_seed seed)
{
    e->seed = seed;
}

void app_engine_set_file_sink(struct app_engine *e, const struct app_file_sink *sink)
{
    e->file_sink = sink;
}

const struct app_conf *app_engine_conf(const struct app_engine *e)
{
    return e->conf;
}

void **app_engine_shelf(struct app_engine *e, enum app_proto proto)
{
    return &e->shelves[proto];
}

const struct app_counters *app_counters(const struct app_engine *e)
{
    return &e->counters;
}

static void take_piece(struct app_engine *e, struct flow *flow, const struct packet *packet,
                       const struct stream_data *data)
{
    struct app_piece piece = {
        .dir = data->dir,
        .bytes = slice_of(data->bytes, data->bytes != NULL ? data->size : 0),
        .gap = data->gap,
        .is_end = data->is_end || data->is_depth_reached,
        .is_cut = data->is_depth_reached && !data->is_end,
        .now_ns = packet->time_ns,
    };

    if (flow->app == NULL && (piece.bytes.size == 0 || open_session(e, flow) == NULL)) {
        return;
    }
    struct session *s = session_of(flow->app);
    s->pub.has_ended[piece.dir] |= data->is_end;
    if (s->pub.is_finished || s->sides[piece.dir].is_ended) {
        return;
    }
    s->sides[piece.dir].arrived = data->offset + piece.bytes.size;
    if (piece.gap != 0) {
        e->counters.gaps++;
    }
    if (s->pub.parser != NULL) {
        deliver_both(s, &piece);
    } else if (!s->pub.is_recognized && app_recognize(s, &piece)) {
        /* What was kept of the side that spoke first goes first. */
        enum direction other = direction_reverse(piece.dir);
        struct app_piece kept = { .dir = other, .is_end = s->sides[other].is_ended,
                                  .now_ns = piece.now_ns };
        s->sides[other].is_ended = false;
        bool has_kept = s->sides[other].pending.size != 0 || kept.is_end;
        if (has_kept && s->first_dir == other) {
            deliver_both(s, &kept);
        }
        deliver_both(s, &piece);
        if (has_kept && s->first_dir != other) {
            deliver_both(s, &kept);
        }
    } else {
        s->sides[piece.dir].is_ended |= piece.is_end;
    }
}

void app_stream(struct app_engine *e, struct flow *flow, const struct packet *packet,
                const struct stream_data *data)
{
    take_piece(e, flow, packet, data);
    if (data->is_end && flow->app != NULL && flow->app->has_ended[TO_SERVER]
        && flow->app->has_ended[TO_CLIENT]) {
        app_flow_finish(e, flow);
    }
}

void app_datagram(struct app_engine *e, struct flow *flow, const struct packet *packet,
                  enum direction dir)
{
    struct slice bytes = packet_payload(packet);
    struct session *s = flow->app != NULL ? session_of(flow->app) : NULL;

    if (bytes.size == 0 || (s == NULL && flow->app_proto == APP_FAILED)) {
        return;
    }
    if (s == NULL) {
        const struct app_parser *parser = app_probe_datagram(flow, dir, bytes);
        if (parser == NULL) {
            flow->app_proto_side[dir] = APP_FAILED;
            if (flow->app_proto_side[direction_reverse(dir)] == APP_FAILED) {
                flow->app_proto = APP_FAILED;
            }
            return;
        }
        s = open_session(e, flow);
        if (s == NULL || !app_session_set_parser(s, parser, dir)) {
            return;
        }
    }
    if (s->pub.is_finished) {
        return;
    }
    app_check_side(s, dir, bytes);
    struct app_input in = { .dir = dir, .bytes = bytes, .now_ns = packet->time_ns };
    size_t consumed = 0;
    s->is_datagram = true;
    s->input_dir = dir;
    s->input = bytes;
    /* One bad datagram says nothing about the next. */
    if (s->pub.parser->parse(&s->pub, &in, &consumed) == APP_DONE) {
        s->pub.is_finished = true;
    }
    app_frames_end(s, dir, false);
}

void app_flow_finish_side(struct app_engine *e, struct flow *flow, enum direction dir)
{
    if (flow->app == NULL) {
        return;
    }
    LIST_FOR_EACH (node, &flow->app->txs) {
        struct app_tx *tx = LIST_ENTRY(node, struct app_tx, node);
        /* One that would be done by this waits for its parser's last word. */
        if (!tx->is_done[direction_reverse(dir)]) {
            finish_tx(tx, dir);
        }
    }
    flow->app->has_ended[dir] = true;
}

void app_flow_finish(struct app_engine *e, struct flow *flow)
{
    if (flow->app != NULL) {
        struct session *s = session_of(flow->app);
        if (s->pub.wants_tls && s->pub.parser == NULL && !s->pub.is_recognized) {
            app_give_up(s);
        }
        finish_session(s);
        s->pub.is_finished = true;
        s->pub.is_recognized = true;
        s->pub.has_ended[TO_SERVER] = s->pub.has_ended[TO_CLIENT] = true;
    }
}

void app_flow_end(struct app_engine *e, struct flow *flow)
{
    if (flow->app == NULL) {
        return;
    }
    struct session *s = session_of(flow->app);
    LIST_FOR_EACH_SAFE (node, next, &s->pub.txs) {
        app_tx_end(LIST_ENTRY(node, struct app_tx, node));
    }
    if (s->is_open && s->pub.parser->close != NULL) {
        s->pub.parser->close(&s->pub);
    }
    app_bytes_free(&s->pub, &s->sides[TO_SERVER].pending);
    app_bytes_free(&s->pub, &s->sides[TO_CLIENT].pending);
    app_frames_free(s);
    e->counters.memory -= sizeof *s;
    pool_put(&e->sessions, s);
    flow->app = NULL;
}

static struct app_tx *next_moved(const struct app_session *s, const struct app_tx *tx)
{
    return tx->moved_node.next == &s->moved
               ? NULL : LIST_ENTRY(tx->moved_node.next, struct app_tx, moved_node);
}

void app_release(struct app_engine *e, struct flow *flow)
{
    if (flow->app == NULL) {
        return;
    }
    if (flow->app->n_frames != 0) {
        app_frames_release(session_of(flow->app));
    }
    bool is_few = flow->app->n_open <= APP_FEW_TXS;
    for (struct app_tx *tx = app_tx_first_moved(flow->app), *next; tx != NULL; tx = next) {
        /* Which list it is must not change while it is walked along. */
        next = is_few ? app_tx_next(flow->app, tx) : next_moved(flow->app, tx);
        bool is_done = tx->is_done[TO_SERVER] && tx->is_done[TO_CLIENT];
        if (is_done && tx->is_logged && tx->is_inspected[TO_SERVER]
            && tx->is_inspected[TO_CLIENT]) {
            app_tx_end(tx);
        } else if (!is_done && !tx->is_watched) {
            app_tx_rest(tx);
        }
    }
}

static struct session *open_session(struct app_engine *e, struct flow *flow)
{
    struct session *s = pool_get(&e->sessions);

    if (s == NULL) {
        e->counters.txs_refused++;
        return NULL;
    }
    memset(s, 0, sizeof *s);
    s->pub.flow = flow;
    s->pub.engine = e;
    list_init(&s->pub.txs);
    list_init(&s->pub.moved);
    list_init(&s->pub.frames);
    list_init(&s->sides[TO_SERVER].open_frames);
    list_init(&s->sides[TO_CLIENT].open_frames);
    flow->app = &s->pub;
    e->counters.sessions++;
    e->counters.memory += sizeof *s;
    return s;
}

bool app_session_set_parser(struct session *s, const struct app_parser *parser,
                            enum direction dir)
{
    struct flow *flow = s->pub.flow;

    s->pub.parser = parser;
    s->pub.is_recognized = true;
    flow->app_proto = parser->proto;
    flow->app_proto_side[dir] = parser->proto;
    s->sides[dir].is_checked = true;
    s->pub.engine->counters.sessions_by_proto[parser->proto]++;
    if (parser->has_no_depth) {
        stream_lift_depth(flow);
    }
    s->is_open = parser->open == NULL || parser->open(&s->pub);
    if (!s->is_open) {
        s->pub.is_failed = s->pub.is_finished = true;
        s->pub.engine->counters.failed++;
    }
    return s->is_open;
}

/* Delivers 'piece'; as long as one direction moves, what the other keeps may have become
 * useful (a tunnel that was granted, a response that tells how a request ended). */
static void deliver_both(struct session *s, const struct app_piece *piece)
{
    bool has_moved = deliver(s, piece);
    enum direction dir = direction_reverse(piece->dir);

    for (unsigned turn = 0; turn < MAX_TURNS && has_moved; turn++) {
        if (s->pub.parser == NULL || s->pub.is_finished
            || s->sides[dir].pending.size == 0) {
            return;
        }
        struct app_piece again = { .dir = dir, .now_ns = piece->now_ns };
        has_moved = deliver(s, &again);
        dir = direction_reverse(dir);
    }
}

/* Without empty lines in front: they stand behind the last message of the protocol before,
 * which ended without them. */
static struct slice skip_line_ends(struct slice bytes)
{
    while (bytes.size != 0 && (bytes.bytes[0] == '\r' || bytes.bytes[0] == '\n')) {
        bytes = slice_from(bytes, 1);
    }
    return bytes;
}

/* Back to recognition: 'rest' of 'dir' is the first data of what comes now. */
static void switch_protocol(struct session *s, const struct app_piece *piece,
                            struct slice rest)
{
    struct flow *flow = s->pub.flow;

    if (s->is_open && s->pub.parser->close != NULL) {
        s->pub.parser->close(&s->pub);
    }
    app_frames_switch(s);
    s->pub.wants_flush = true;
    s->pub.first_proto = s->pub.parser->proto;
    s->pub.first_id = s->pub.n_txs;
    s->pub.state = NULL;
    s->pub.parser = NULL;
    s->pub.is_recognized = s->is_open = s->has_first_dir = false;
    for (int d = 0; d < N_DIRECTIONS; d++) {
        s->sides[d].is_checked = s->sides[d].is_failed = s->sides[d].has_data = false;
        s->sides[d].size = 0;
    }
    flow->app_proto_side[TO_SERVER] = flow->app_proto_side[TO_CLIENT] = APP_UNKNOWN;
    /* What both sides sent already is looked at again, the client's part first. */
    struct app_piece pieces[N_DIRECTIONS] = {
        { .dir = TO_SERVER, .now_ns = piece->now_ns },
        { .dir = TO_CLIENT, .now_ns = piece->now_ns },
    };
    struct app_bytes kept[N_DIRECTIONS];
    for (int d = 0; d < N_DIRECTIONS; d++) {
        kept[d] = s->sides[d].pending;
        s->sides[d].pending = (struct app_bytes) { 0 };
        pieces[d].bytes = skip_line_ends(slice_of(kept[d].bytes, kept[d].size));
    }
    pieces[piece->dir].bytes = skip_line_ends(rest);
    pieces[piece->dir].is_end = piece->is_end;
    pieces[piece->dir].is_cut = piece->is_cut;
    pieces[TO_SERVER].is_again = pieces[TO_CLIENT].is_again = true;
    for (int d = 0; d < N_DIRECTIONS; d++) {
        if (pieces[d].bytes.size == 0) {
            s->sides[d].is_ended |= pieces[d].is_end;
        } else if (s->pub.parser != NULL
                   || (!s->pub.is_recognized && app_recognize(s, &pieces[d]))) {
            deliver(s, &pieces[d]);
        }
    }
    for (int d = 0; d < N_DIRECTIONS; d++) {
        app_bytes_free(&s->pub, &kept[d]);
    }
}

static void fail(struct session *s)
{
    s->pub.is_failed = true;
    s->pub.engine->counters.failed++;
    finish_session(s);
    s->pub.is_finished = true;
}

/* Keeps what the parser left of the input: a copy, or the tail of what is kept already. */
static bool keep_rest(struct session *s, struct app_side *side, struct slice rest)
{
    struct app_bytes *pending = &side->pending;

    if (rest.size == 0) {
        pending->size = 0;
        if (pending->cap > 64 * 1024) {
            app_bytes_free(&s->pub, pending);
        }
        return true;
    }
    if (pending->size != 0) {
        memmove(pending->bytes, rest.bytes, rest.size);
        pending->size = rest.size;
        return true;
    }
    return rest.size <= PENDING_MAX
           && app_bytes_put(&s->pub, pending, rest.bytes, rest.size);
}

static void end_frames(struct session *s)
{
    app_frames_end(s, TO_SERVER, false);
    app_frames_end(s, TO_CLIENT, false);
}

/* One piece to the parser, with what it left before; true if the parser consumed any. */
static bool deliver(struct session *s, const struct app_piece *piece)
{
    struct app_side *side = &s->sides[piece->dir];
    struct app_input in = {
        .dir = piece->dir, .bytes = piece->bytes, .gap = piece->gap,
        .is_end = piece->is_end, .is_cut = piece->is_cut, .now_ns = piece->now_ns,
    };
    size_t total = 0;
    enum app_result result;

    if (s->pub.is_finished || s->pub.parser == NULL) {
        return false;
    }
    if (!list_is_empty(&side->open_frames) && !piece->is_again) {
        app_frames_feed(s, piece);
    }
    if (in.gap != 0) {
        in.gap = side->pending.size > UINT32_MAX - in.gap
                     ? UINT32_MAX : in.gap + (uint32_t) side->pending.size;
        side->pending.size = 0;
    } else if (side->pending.size != 0) {
        if (side->pending.size > PENDING_MAX
            || !app_bytes_put(&s->pub, &side->pending, in.bytes.bytes, in.bytes.size)) {
            fail(s);
            return false;
        }
        in.bytes = slice_of(side->pending.bytes, side->pending.size);
    }
    if (in.bytes.size != 0) {
        app_check_side(s, piece->dir, in.bytes);
    }
    for (;;) {
        size_t consumed = 0;
        s->input_dir = piece->dir;
        s->input = in.bytes;
        if (in.bytes.size != 0) {
            app_frames_begin(s, piece->dir);
        }
        result = s->pub.parser->parse(&s->pub, &in, &consumed);
        consumed = consumed <= in.bytes.size ? consumed : in.bytes.size;
        in.bytes = slice_from(in.bytes, consumed);
        in.gap = 0;
        total += consumed;
        if (consumed != 0 && !side->is_checked) {
            app_settle_side(s, piece->dir);     /* The next bytes are not the first. */
        }
        if (result != APP_OK || consumed == 0 || in.bytes.size == 0) {
            break;
        }
    }
    if (result == APP_SWITCH && s->n_switches++ < MAX_SWITCHES) {
        struct app_bytes before = side->pending;    /* 'in.bytes' may stand in it. */
        side->pending = (struct app_bytes) { 0 };
        switch_protocol(s, piece, in.bytes);
        app_bytes_free(&s->pub, &before);
        return true;
    }
    if (result == APP_BROKEN || result == APP_SWITCH
        || (!piece->is_end && !keep_rest(s, side, in.bytes))) {
        fail(s);
        return false;
    }
    if (piece->is_end) {
        side->is_ended = true;
        side->pending.size = 0;
        app_frames_end(s, piece->dir, !piece->is_cut);
    }
    if (result == APP_DONE) {
        s->pub.is_finished = true;
        end_frames(s);
    }
    return total != 0;
}

static void finish_tx(struct app_tx *tx, enum direction dir)
{
    if (!tx->is_done[dir]) {
        tx->is_done[dir] = true;
        app_tx_changed(tx, dir);
    }
}

/* Lets the parser close what is open, once; the bytes it waited with are of no more use. */
static void finish_session(struct session *s)
{
    if (s->is_open && s->pub.parser != NULL) {
        if (s->pub.parser->finish != NULL) {
            s->pub.parser->finish(&s->pub);
        }
    }
    LIST_FOR_EACH (node, &s->pub.txs) {
        finish_tx(LIST_ENTRY(node, struct app_tx, node), TO_SERVER);
        finish_tx(LIST_ENTRY(node, struct app_tx, node), TO_CLIENT);
    }
    end_frames(s);
    app_bytes_free(&s->pub, &s->sides[TO_SERVER].pending);
    app_bytes_free(&s->pub, &s->sides[TO_CLIENT].pending);
}
