/* One candidate, looked at in full: header, flow, tests, buffers. */
#include <stdio.h>

#include "sensor/detect/detect_private.h"

/* A growing buffer is looked at when it is whole or from this many bytes on, and then as if it
 * were whole: a body may have no end that we would ever see. */
#define GROWN_ENOUGH 32768u
#define MAX_INSTANCES 1024u

static bool proto_fits(const struct packet *p, enum rule_proto proto)
{
    switch (proto) {
    case RULE_PROTO_IP:
    case RULE_PROTO_PKTHDR:
    case RULE_PROTO_APP:
        return true;
    case RULE_PROTO_IPV4:
        return p->src.version == 4;
    case RULE_PROTO_IPV6:
        return p->src.version == 6;
    case RULE_PROTO_TCP:
    case RULE_PROTO_TCP_PKT:
    case RULE_PROTO_TCP_STREAM:
        return packet_is_tcp(p)
               || (packet_is_made(p) && p->ip_proto == IP_PROTO_TCP);
    case RULE_PROTO_UDP:
        return packet_is_udp(p);
    case RULE_PROTO_SCTP:
        return p->ip_proto == IP_PROTO_SCTP && p->l4 != LAYER_ABSENT;
    case RULE_PROTO_ICMP:
        return p->ip_proto == IP_PROTO_ICMP || p->ip_proto == IP_PROTO_ICMPV6;
    case RULE_PROTO_ICMPV4:
        return p->ip_proto == IP_PROTO_ICMP;
    case RULE_PROTO_ICMPV6:
        return p->ip_proto == IP_PROTO_ICMPV6;
    case RULE_PROTO_ETHER:
        return p->eth != LAYER_ABSENT;
    case RULE_PROTO_ARP:
        return p->ether_type == 0x0806;
    }
    return false;
}

static bool address_fits(const struct address_set *set, const struct ip_addr *a)
{
    return set == NULL || set->is_any || (a->version != 0 && address_set_has(set, a));
}

static bool port_fits(const struct port_set *set, uint16_t port)
{
    return set == NULL || set->is_any || port_set_has(set, port);
}

bool evaluate_header(const struct detect_worker *w, const struct rule *r, enum direction dir)
{
    const struct ip_addr *src = flow_state_src(w, dir), *dst = flow_state_dst(w, dir);
    uint16_t sport = w->packet->sport, dport = w->packet->dport;

    if (w->flow != NULL) {
        sport = dir == TO_SERVER ? flow_client_port(w->flow) : flow_server_port(w->flow);
        dport = dir == TO_SERVER ? flow_server_port(w->flow) : flow_client_port(w->flow);
    }
    if (address_fits(r->src, src) && address_fits(r->dst, dst)
        && port_fits(r->sports, sport) && port_fits(r->dports, dport)) {
        return true;
    }
    return r->is_bidirectional && address_fits(r->src, dst) && address_fits(r->dst, src)
           && port_fits(r->sports, dport) && port_fits(r->dports, sport);
}

static bool flow_fits(const struct detect_worker *w, uint32_t flags, const struct look *look)
{
    if ((flags & (FLOW_TO_SERVER | FLOW_TO_CLIENT | FLOW_IS_ESTABLISHED
                  | FLOW_NOT_ESTABLISHED)) && w->flow == NULL) {
        return false;
    }
    if (((flags & FLOW_TO_SERVER) && look->dir != TO_SERVER)
        || ((flags & FLOW_TO_CLIENT) && look->dir != TO_CLIENT)) {
        return false;
    }
    if (((flags & FLOW_IS_ESTABLISHED) && !w->is_established)
        || ((flags & FLOW_NOT_ESTABLISHED) && w->is_established)) {
        return false;
    }
    if (((flags & FLOW_ONLY_FRAG) && w->packet->source != PACKET_FROM_DEFRAG)
        || ((flags & FLOW_NO_FRAG) && w->packet->source == PACKET_FROM_DEFRAG)) {
        return false;
    }
    return true;
}

static bool app_proto_is(const struct detect_worker *w, const struct rule *r,
                         const struct look *look)
{
    if (r->app_proto == APP_UNKNOWN) {
        return true;
    }
    if (look->frame != NULL) {
        return app_proto_fits(r->app_proto, frame_proto(look->frame->id));
    }
    if (look->tx != NULL) {
        return app_proto_fits(r->app_proto, look->tx->parser->proto);
    }
    return w->app_proto != APP_UNKNOWN && app_proto_fits(r->app_proto, w->app_proto);
}

/* ---- Buffers ---- */

static struct slice layer_of(const struct packet *p, uint32_t at, uint32_t size)
{
    if (at == LAYER_ABSENT || at > p->size || p->bytes == NULL) {
        return slice_of(NULL, 0);
    }
    return slice_of(p->bytes + at, size < p->size - at ? size : p->size - at);
}

/* An l4 header goes up to the payload. */
static struct slice l4_header(const struct packet *p, bool is_there)
{
    if (!is_there || p->l4 == LAYER_ABSENT || p->payload == LAYER_ABSENT
        || p->payload < p->l4) {
        return slice_of(NULL, 0);
    }
    return layer_of(p, p->l4, p->payload - p->l4);
}

static struct slice address_buffer(const struct ip_addr *a)
{
    return slice_of(a->bytes, a->version == 4 ? 4 : a->version == 6 ? 16 : 0);
}

static struct slice packet_buffer(const struct packet *p, enum buffer_id id)
{
    switch (id) {
    case BUFFER_IPV4_HDR:
        return p->src.version == 4 ? layer_of(p, p->l3, p->l3_header_size)
                                   : slice_of(NULL, 0);
    case BUFFER_IPV6_HDR:
        return p->src.version == 6 ? layer_of(p, p->l3, p->l3_header_size)
                                   : slice_of(NULL, 0);
    case BUFFER_TCP_HDR:
        return l4_header(p, p->ip_proto == IP_PROTO_TCP);
    case BUFFER_UDP_HDR:
        return l4_header(p, p->ip_proto == IP_PROTO_UDP);
    case BUFFER_ICMPV4_HDR:
        return p->ip_proto == IP_PROTO_ICMP ? layer_of(p, p->l4, 8) : slice_of(NULL, 0);
    case BUFFER_ICMPV6_HDR:
        return p->ip_proto == IP_PROTO_ICMPV6 ? layer_of(p, p->l4, 8) : slice_of(NULL, 0);
    default:
        return slice_of(NULL, 0);
    }
}

/* The next buffer may use the same memory. */
static void keep_captures(struct detect_worker *w, struct program_state *state, unsigned from)
{
    for (unsigned i = from; i < state->n_captures; i++) {
        struct slice value = state->captures[i].value;

        state->captures[i].value = arena_copy(&w->packet_arena, value.bytes, value.size);
    }
}

/* A buffer of the packet, or the payload of the look: whole, so the answer is final. */
static enum verdict run_plain(struct detect_worker *w, const struct engine_rule *er,
                              size_t buffer, const struct look *look,
                              struct program_state *state)
{
    const struct rule_buffer *b = &er->rule->buffers[buffer];
    const struct source *s = &w->engine->sources[er->sources[buffer]];
    struct program_input in = { NULL, 0, 0 };
    struct slice bytes;

    if (b->id == BUFFER_PAYLOAD) {
        if (!look->has_payload) {
            return VERDICT_NO;
        }
        bytes = look->payload;
        in.base = look->base;
        if (look->is_payload_stream) {
            struct stream_raw raw;

            stream_raw_window(w->flow, look->dir, (size_t) w->engine->conf.stream_window, &raw);
            bytes = slice_of(raw.bytes, raw.size);
            in.base = raw.offset;
        }
    } else if (b->id == BUFFER_BASE64_DATA) {
        bytes = slice_of(state->base64, state->has_base64 ? state->base64_size : 0);
    } else {
        bytes = b->id == BUFFER_IP_SRC   ? address_buffer(flow_state_src(w, look->dir))
                : b->id == BUFFER_IP_DST ? address_buffer(flow_state_dst(w, look->dir))
                                         : packet_buffer(w->packet, b->id);
    }
    if (bytes.size == 0) {
        return b->id == BUFFER_BASE64_DATA && state->is_base64_partial ? VERDICT_WAIT
                                                                       : VERDICT_NO;
    }
    bytes = transform_apply(s->transforms, s->n_transforms, bytes, w->transform_a,
                            w->transform_b, TRANSFORM_MAX);
    in.bytes = bytes.bytes;
    in.size = bytes.size;
    unsigned n_before = state->n_set_changes, n_captures = state->n_captures;
    bool matches = program_run(state, b, &in);

    keep_captures(w, state, n_captures);
    /* The next buffer may use the same memory. */
    for (unsigned i = n_before; i < state->n_set_changes; i++) {
        struct slice value = state->set_values[i];

        state->set_values[i] = arena_copy(&w->packet_arena, value.bytes, value.size);
    }
    if (!matches && b->id == BUFFER_BASE64_DATA && state->is_base64_partial) {
        return VERDICT_WAIT;                /* There is more to decode when the body has grown. */
    }
    return matches ? VERDICT_MATCH : VERDICT_NO;
}

/* A buffer of the transaction: any of its instances will do. */
static enum verdict run_tx_buffer(struct detect_worker *w, const struct engine_rule *er,
                                  size_t buffer, const struct look *look,
                                  struct program_state *state)
{
    const struct rule_buffer *b = &er->rule->buffers[buffer];
    uint16_t source = er->sources[buffer];
    bool is_multi = w->engine->sources[source].info->flags & BUFFER_MULTI;
    enum direction dir = !er->rule->is_both_sides  ? look->dir
                         : (b->dirs & BUFFER_TS) != 0 ? TO_SERVER
                                                      : TO_CLIENT;

    if (look->tx == NULL) {
        return VERDICT_NO;
    }
    state->is_little_endian = app_tx_is_little_endian(look->tx);
    bool is_file = look->is_for_file
                   && (b->id == BUFFER_FILE_DATA || b->id == BUFFER_FILE_NAME
                       || b->id == BUFFER_FILE_MAGIC);

    for (unsigned i = is_file ? look->file : 0; i < MAX_INSTANCES; i++) {
        struct app_view view = tx_view(w, look->tx, dir, source, i);
        struct program_input in = { view.bytes.bytes, view.bytes.size, 0 };

        if (view.state == APP_VIEW_ABSENT) {
            return i == 0 && b->absent != BUFFER_PRESENT ? VERDICT_MATCH : VERDICT_NO;
        }
        if (view.state == APP_VIEW_NOT_YET) {
            return VERDICT_WAIT;
        }
        if (b->absent == BUFFER_ABSENT) {
            return VERDICT_NO;
        }
        if (view.state == APP_VIEW_GROWING && in.size < GROWN_ENOUGH) {
            state->is_base64_partial = true;    /* Nothing is decoded from it yet. */
            return VERDICT_WAIT;
        }
        in.is_partial = view.state == APP_VIEW_GROWING;
        if (program_run(state, b, &in)) {
            return VERDICT_MATCH;
        }
        if (view.state == APP_VIEW_GROWING) {
            return VERDICT_WAIT;
        }
        if (!is_multi || is_file) {
            return VERDICT_NO;
        }
    }
    return VERDICT_NO;
}

/* A frame as far as it has come; transforms are of the whole. */
static enum verdict run_frame_buffer(struct detect_worker *w, const struct engine_rule *er,
                                     size_t buffer, const struct look *look,
                                     struct program_state *state)
{
    const struct rule_buffer *b = &er->rule->buffers[buffer];
    const struct source *s = &w->engine->sources[er->sources[buffer]];
    const struct app_frame *f = look->frame;

    if (f == NULL || f->id != b->frame) {
        return VERDICT_NO;
    }
    if (!f->is_over && (b->n_transforms > 0 || f->data.size < GROWN_ENOUGH)
        && engine_needs_whole(b)) {
        return VERDICT_WAIT;
    }
    struct slice bytes = transform_apply(s->transforms, s->n_transforms, f->data,
                                         w->transform_a, w->transform_b, TRANSFORM_MAX);
    struct program_input in = { bytes.bytes, bytes.size, 0 };

    unsigned n_captures = state->n_captures;

    if (bytes.size > 0 && program_run(state, b, &in)) {
        keep_captures(w, state, n_captures);
        return VERDICT_MATCH;
    }
    return f->is_over ? VERDICT_NO : VERDICT_WAIT;
}

static enum verdict run_buffer(struct detect_worker *w, const struct engine_rule *er,
                               size_t buffer, const struct look *look,
                               struct program_state *state)
{
    const struct rule_buffer *b = &er->rule->buffers[buffer];
    enum verdict verdict;

    if (b->id == BUFFER_FRAME) {
        return run_frame_buffer(w, er, buffer, look, state);
    }
    if (!(buffer_info(b->id)->flags & BUFFER_PACKET)) {
        return run_tx_buffer(w, er, buffer, look, state);
    }
    if (b->id != BUFFER_PAYLOAD || look->tx_rule == NULL) {
        return run_plain(w, er, buffer, look, state);
    }
    /* Payload beside a transaction: at any time of it. */
    if (look->tx_rule->has_payload) {
        return VERDICT_MATCH;
    }
    verdict = run_plain(w, er, buffer, look, state);
    look->tx_rule->has_payload = verdict == VERDICT_MATCH;
    return verdict == VERDICT_MATCH ? VERDICT_MATCH : VERDICT_WAIT;
}

static void change_datasets(const struct program_state *state)
{
    for (unsigned i = 0; i < state->n_set_changes; i++) {
        if (state->set_is_removal[i]) {
            dataset_remove(state->set_changes[i], state->set_values[i]);
        } else {
            dataset_add(state->set_changes[i], state->set_values[i]);
        }
    }
}

/* A quoted text of JSON; what is not printable ASCII becomes a dot. */
static size_t put_printable(char *text, struct slice s)
{
    size_t at = 0;

    text[at++] = '"';
    for (size_t i = 0; i < s.size && i < FLOW_VAR_SIZE; i++) {
        if (s.bytes[i] == '"' || s.bytes[i] == '\\') {
            text[at++] = '\\';
        }
        text[at++] = s.bytes[i] >= 0x20 && s.bytes[i] < 0x7f ? (char) s.bytes[i] : '.';
    }
    text[at++] = '"';
    return at;
}

static bool is_of_alert(const struct program_capture *c)
{
    return c->kind == 'a' && c->value.size > 0;
}

/* What JSON datasets tell of the values that were found, under each rule's own keys, and
 * what expressions captured for the alert. */
static struct slice write_context(struct detect_worker *w, const struct program_state *state)
{
    const struct rule_names *names = &w->engine->set->vars;
    size_t size = 2, at = 0;
    char *text;

    for (unsigned i = 0; i < state->n_contexts; i++) {
        size += strlen(state->contexts[i].key) + state->contexts[i].json.size + 4;
    }
    for (unsigned i = 0; i < state->n_captures; i++) {
        if (is_of_alert(&state->captures[i])) {
            size += strlen(names->names[state->captures[i].name]) + 6 + 2 * FLOW_VAR_SIZE;
        }
    }
    text = size > 2 ? arena_alloc(&w->packet_arena, size) : NULL;
    if (text == NULL) {
        return slice_of(NULL, 0);
    }
    for (unsigned i = 0; i < state->n_contexts; i++) {
        const char *key = state->contexts[i].key;
        struct slice json = state->contexts[i].json;

        if (json.size != 0) {
            at += (size_t) snprintf(text + at, size - at, "%c\"%s\":%.*s",
                                    at == 0 ? '{' : ',', key, (int) json.size,
                                    (const char *) json.bytes);
        }
    }
    for (unsigned i = 0; i < state->n_captures; i++) {
        if (is_of_alert(&state->captures[i])) {
            at += (size_t) snprintf(text + at, size - at, "%c\"%s\":", at == 0 ? '{' : ',',
                                    names->names[state->captures[i].name]);
            at += put_printable(text + at, state->captures[i].value);
        }
    }
    if (at == 0) {
        return slice_of(NULL, 0);
    }
    text[at++] = '}';
    return slice_of(text, at);
}

/* All buffers, in order; what fails for good ends it at once. */
static enum verdict run_buffers(struct detect_worker *w, const struct engine_rule *er,
                                const struct look *look)
{
    struct program_state state;
    enum verdict all = VERDICT_MATCH;

    memset(&state, 0, sizeof state);
    state.env = &w->env;
    w->env.src = flow_state_src(w, look->dir);
    state.base64 = w->base64;
    for (size_t i = 0; i < er->rule->n_buffers; i++) {
        enum verdict verdict = run_buffer(w, er, i, look, &state);

        if (state.has_entropy) {
            entropy_note(w, er->rule->buffers[i].id, state.entropy);
            state.has_entropy = false;
        }
        if (verdict == VERDICT_NO) {
            return VERDICT_NO;
        }
        if (verdict == VERDICT_WAIT) {
            all = VERDICT_WAIT;
        }
    }
    if (all == VERDICT_MATCH && state.n_set_changes > 0) {
        change_datasets(&state);
    }
    if (all == VERDICT_MATCH && (state.n_contexts > 0 || state.n_captures > 0)) {
        w->context = write_context(w, &state);
        vars_take(w, &state);
    }
    return all;
}

/* Has the time come that the rule's hook names? */
static enum verdict check_hook(const struct detect_worker *w, const struct rule *r,
                               const struct look *look)
{
    switch (r->hook) {
    case HOOK_TX:
        return look->tx == NULL ? VERDICT_NO
               : app_tx_progress(look->tx, look->dir) >= r->hook_progress ? VERDICT_MATCH
                                                                          : VERDICT_WAIT;
    case HOOK_FLOW_START:
        return w->flow != NULL && w->flow->sides[w->dir].packets == 1 ? VERDICT_MATCH
                                                                       : VERDICT_NO;
    case HOOK_PACKET:
    case HOOK_NONE:
        break;
    }
    return VERDICT_MATCH;
}

/* Tests may come to hold later in a transaction; bytes missing in a stream may come. */
enum verdict evaluate_rule(struct detect_worker *w, const struct engine_rule *er,
                           const struct look *look)
{
    const struct rule *r = er->rule;
    enum verdict verdict = VERDICT_MATCH;

    w->counters.candidates++;
    w->context = slice_of(NULL, 0);
    if (!(er->dirs & 1u << look->dir) || !proto_fits(w->packet, r->proto)
        || !evaluate_header(w, r, r->is_both_sides ? TO_SERVER : look->dir)
        || !app_proto_is(w, r, look)) {
        return VERDICT_NO;
    }
    if (r->hook != HOOK_NONE && check_hook(w, r, look) != VERDICT_MATCH) {
        return check_hook(w, r, look);
    }
    if (!flow_fits(w, r->flow, look) || !tests_hold(w, er, look)) {
        return look->tx_rule != NULL && !look->is_tx_final ? VERDICT_WAIT : VERDICT_NO;
    }
    if (r->n_buffers > 0) {
        verdict = run_buffers(w, er, look);
    }
    if (verdict == VERDICT_NO && look->is_stream) {
        return VERDICT_WAIT;
    }
    if (verdict == VERDICT_WAIT && look->tx_rule != NULL && look->is_tx_final) {
        return VERDICT_NO;
    }
    return verdict;
}
