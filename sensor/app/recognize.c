/* Which parser wants these bytes?  Decided by content; a port is a hint to a probe at most.
 * Each direction is asked about separately, the first that is sure decides, and what the
 * other turns out to be is compared with it. */
#include "sensor/app/app_private.h"

static enum app_probe probe_all(const struct flow *flow, enum direction dir,
                                struct slice bytes, const struct app_parser *but,
                                const struct app_parser **found)
{
    bool is_tcp = flow->key.ip_proto == IP_PROTO_TCP;
    enum app_probe answer = APP_PROBE_NO;

    for (size_t i = 0; app_parsers[i] != NULL; i++) {
        const struct app_parser *p = app_parsers[i];
        if (p == but || p->probe == NULL || !(is_tcp ? p->over_tcp : p->over_udp)) {
            continue;
        }
        enum app_probe one = p->probe(dir, bytes, flow_server_port(flow),
                                      flow_client_port(flow));
        if (one == APP_PROBE_YES) {
            *found = p;
            return one;
        }
        answer = one == APP_PROBE_MORE ? one : answer;
    }
    return answer;
}

static void set_event(struct session *s, enum app_proto_event event)
{
    s->pub.proto_events |= 1ull << event;
}

/* Behind STARTTLS 'proto' follows. */
static void check_tls(struct session *s, enum app_proto proto)
{
    if (s->pub.wants_tls && proto != APP_TLS) {
        set_event(s, APP_PROTO_EVENT_UNEXPECTED_PROTOCOL);
        set_event(s, APP_PROTO_EVENT_NO_TLS_AFTER_STARTTLS);
    }
    s->pub.wants_tls = false;
}

void app_give_up(struct session *s)
{
    s->pub.is_recognized = true;
    if (s->pub.first_proto == APP_UNKNOWN || s->pub.wants_tls) {
        s->pub.flow->app_proto = APP_FAILED;
    }
    check_tls(s, APP_FAILED);
    app_bytes_free(&s->pub, &s->sides[TO_SERVER].pending);
    app_bytes_free(&s->pub, &s->sides[TO_CLIENT].pending);
}

/* No parser knows the first bytes of 'dir'; they stay, since the other side may still tell. */
static void fail_side(struct session *s, enum direction dir)
{
    s->sides[dir].is_failed = true;
    s->pub.flow->app_proto_side[dir] = APP_FAILED;
    if (s->sides[direction_reverse(dir)].is_failed) {
        app_give_up(s);
    }
}

/* What a side says while the other has not told the protocol: kept for it, within limits. */
static void keep(struct session *s, struct app_side *side, const struct app_piece *piece)
{
    if (piece->gap != 0) {
        side->pending.size = 0;
    }
    if (side->size > APP_PROBE_SKIP
        || !app_bytes_put(&s->pub, &side->pending, piece->bytes.bytes, piece->bytes.size)) {
        app_bytes_free(&s->pub, &side->pending);
    }
}

bool app_recognize(struct session *s, const struct app_piece *piece)
{
    struct app_side *side = &s->sides[piece->dir];
    struct app_side *other = &s->sides[direction_reverse(piece->dir)];
    const struct app_parser *parser = NULL;
    struct slice bytes = piece->bytes;

    if (bytes.size == 0) {
        return false;
    }
    if (!s->has_first_dir) {
        s->has_first_dir = true;
        s->first_dir = piece->dir;
        parser = app_expect_take(s, piece->now_ns);
        if (parser != NULL) {
            side->has_data = true;
            return app_session_set_parser(s, parser, piece->dir);
        }
    }
    side->has_data = true;
    side->size += bytes.size;
    if (side->is_failed) {
        if (side->size > APP_PROBE_SKIP && !other->has_data) {
            set_event(s, APP_PROTO_EVENT_DETECTION_SKIPPED);
            app_give_up(s);
            return false;
        }
        keep(s, side, piece);
        return false;
    }
    if (piece->gap != 0) {
        side->pending.size = 0;
    }
    size_t n_before = side->pending.size;
    if (n_before != 0) {
        if (!app_bytes_put(&s->pub, &side->pending, bytes.bytes, bytes.size)) {
            app_bytes_free(&s->pub, &side->pending);
            fail_side(s, piece->dir);
            return false;
        }
        bytes = slice_of(side->pending.bytes, side->pending.size);
    }
    enum app_probe answer = probe_all(s->pub.flow, piece->dir, bytes, NULL, &parser);
    if (answer == APP_PROBE_YES) {
        side->pending.size = n_before;          /* The piece itself is delivered next. */
        check_tls(s, parser->proto);
        if (!app_session_set_parser(s, parser, piece->dir)) {
            return false;
        }
        if (other->is_failed) {
            set_event(s, APP_PROTO_EVENT_ONLY_ONE_DIRECTION);
        }
        if (parser->client_speaks_first && piece->dir == TO_CLIENT && !other->has_data) {
            set_event(s, APP_PROTO_EVENT_WRONG_DIRECTION_FIRST_DATA);
        }
        return true;
    }
    bool is_kept = n_before != 0
                   || app_bytes_put(&s->pub, &side->pending, bytes.bytes, bytes.size);
    if (answer == APP_PROBE_NO || bytes.size >= APP_PROBE_MAX || piece->is_end || !is_kept) {
        fail_side(s, piece->dir);
    }
    return false;
}

void app_check_side(struct session *s, enum direction dir, struct slice bytes)
{
    struct app_side *side = &s->sides[dir];
    const struct app_parser *parser = s->pub.parser, *found = NULL;
    struct flow *flow = s->pub.flow;

    if (side->is_checked) {
        return;
    }
    side->is_checked = true;
    if (side->is_failed) {
        return;                                 /* Known, and told. */
    }
    enum app_probe answer = parser->probe == NULL
                                ? APP_PROBE_YES
                                : parser->probe(dir, bytes, flow_server_port(flow),
                                                flow_client_port(flow));
    if (answer != APP_PROBE_NO) {
        flow->app_proto_side[dir] = parser->proto;
        side->is_checked = answer == APP_PROBE_YES || bytes.size >= APP_PROBE_MAX;
        return;
    }
    answer = probe_all(flow, dir, bytes, parser, &found);
    if (answer == APP_PROBE_YES) {
        flow->app_proto_side[dir] = found->proto;
        set_event(s, APP_PROTO_EVENT_MISMATCH_BOTH_DIRECTIONS);
    } else if (answer == APP_PROBE_MORE && bytes.size < APP_PROBE_MAX) {
        flow->app_proto_side[dir] = APP_UNKNOWN;    /* Its first bytes may have fitted. */
        side->is_checked = false;
    } else {
        flow->app_proto_side[dir] = APP_FAILED;
        set_event(s, APP_PROTO_EVENT_ONLY_ONE_DIRECTION);
    }
}

void app_settle_side(struct session *s, enum direction dir)
{
    if (!s->sides[dir].is_checked && s->pub.flow->app_proto_side[dir] == APP_UNKNOWN) {
        s->pub.flow->app_proto_side[dir] = APP_FAILED;
        set_event(s, APP_PROTO_EVENT_ONLY_ONE_DIRECTION);
    }
    s->sides[dir].is_checked = true;
}

const struct app_parser *app_probe_datagram(const struct flow *flow, enum direction dir,
                                            struct slice bytes)
{
    const struct app_parser *parser = NULL;

    probe_all(flow, dir, bytes, NULL, &parser);
    return parser;
}
