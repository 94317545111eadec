/* DNS (RFC 1035) over UDP, and over TCP with two bytes of size before each message.
 *
 * Every message is a transaction of its own, done in both directions as soon as it is
 * decoded; requests are to the server and responses to the client, whoever sent them. */
#include "sensor/app/dns/dns.h"

#include <stdlib.h>

#include "common/base/cursor.h"
#include "common/wire/json.h"
#include "sensor/app/dns/message.h"
#include "sensor/app/frame.h"
#include "sensor/app/text.h"

#define DNS_PORT 53
#define EVE_VERSION 3

struct dns_tx {
    struct app_tx tx;
    struct dns_message message;
    enum direction dir;
};

struct dns_state {
    bool must_resync[N_DIRECTIONS];     /* TCP: behind a gap. */
    struct strbuf grouped;              /* Scratch of fill(). */
};

static const char *const event_names[] = {
    [DNS_EVENT_MALFORMED_DATA] = "malformed_data",
    [DNS_EVENT_NOT_REQUEST] = "not_request",
    [DNS_EVENT_NOT_RESPONSE] = "not_response",
    [DNS_EVENT_Z_FLAG_SET] = "z_flag_set",
    [DNS_EVENT_INVALID_OPCODE] = "invalid_opcode",
    [DNS_EVENT_NAME_TOO_LONG] = "name_too_long",
    [DNS_EVENT_INFINITE_LOOP] = "infinite_loop",
    [DNS_EVENT_TOO_MANY_LABELS] = "too_many_labels",
    [DNS_EVENT_INVALID_ADDITIONALS] = "invalid_additionals",
    [DNS_EVENT_INVALID_AUTHORITIES] = "invalid_authorities",
    [DNS_EVENT_UNSOLICITED_RESPONSE] = "unsolicited_response",
    [DNS_N_EVENTS] = NULL,
};

/* ---- Recognition ---- */

static enum app_probe probe_udp(enum direction dir, struct slice bytes, uint16_t server_port,
                                uint16_t client_port)
{
    return (server_port == DNS_PORT || client_port == DNS_PORT)
                   && dns_message_is_likely(bytes, true)
               ? APP_PROBE_YES
               : APP_PROBE_NO;
}

static enum app_probe probe_tcp(enum direction dir, struct slice bytes, uint16_t server_port,
                                uint16_t client_port)
{
    struct cursor c = cursor_of(bytes.bytes, bytes.size);
    size_t size = cursor_be16(&c), left = cursor_left(&c);

    if (server_port != DNS_PORT && client_port != DNS_PORT) {
        return APP_PROBE_NO;
    }
    if (c.bad) {
        return APP_PROBE_MORE;
    }
    bool is_whole = left >= size;
    if (size < DNS_HEADER_SIZE
        || !dns_message_is_likely(slice_of(c.at, is_whole ? size : left), is_whole)) {
        return APP_PROBE_NO;
    }
    return left < DNS_HEADER_SIZE ? APP_PROBE_MORE : APP_PROBE_YES;
}

/* ---- Session ---- */

static bool open_session(struct app_session *s)
{
    if (!app_memory_take(s, sizeof(struct dns_state))) {
        return false;
    }
    s->state = calloc(1, sizeof(struct dns_state));
    if (s->state == NULL) {
        app_memory_give(s, sizeof(struct dns_state));
    }
    return s->state != NULL;
}

static void close_session(struct app_session *s)
{
    struct dns_state *state = s->state;

    if (state != NULL) {
        strbuf_fini(&state->grouped);
        free(state);
        s->state = NULL;
        app_memory_give(s, sizeof *state);
    }
}

static void take_events(struct app_tx *tx, struct app_session *s, uint32_t events)
{
    for (unsigned i = 0; i < DNS_N_EVENTS; i++) {
        if ((events >> i & 1) == 0) {
            continue;
        }
        if (tx != NULL) {
            app_tx_set_event(tx, i);
        } else {
            app_session_set_event(s, i);
        }
    }
}

/* One message becomes one transaction, or an event of the session. */
static bool take_message(struct app_session *s, const struct app_input *in,
                         struct slice bytes)
{
    struct dns_message message;
    struct app_frame *frame = app_frame_open(s, FRAME_DNS_PDU, bytes.bytes, bytes.size);
    struct dns_tx *tx = app_tx_new(s, sizeof *tx, in->now_ns);

    if (tx == NULL) {
        return true;                        /* Counted; the next may find room. */
    }
    bool is_good = dns_message_decode(bytes, &tx->tx.arena, &message);
    if (is_good) {
        tx->message = message;
        tx->dir = (message.flags & DNS_QR) != 0 ? TO_CLIENT : TO_SERVER;
        take_events(&tx->tx, s, message.events);
    } else {
        /* Nothing to log, but its events are to be inspected. */
        tx->message = (struct dns_message) { .id = message.id };
        tx->dir = N_DIRECTIONS;
        take_events(&tx->tx, s, message.events | 1u << DNS_EVENT_MALFORMED_DATA);
        tx->tx.is_logged = true;
    }
    app_frame_set_tx(frame, &tx->tx);
    enum direction dir = is_good ? tx->dir : in->dir;
    /* One message, one direction: rules look at it once. */
    tx->tx.is_inspected[direction_reverse(dir)] = true;
    for (int d = 0; d < N_DIRECTIONS; d++) {
        tx->tx.is_done[d] = true;
        app_tx_changed(&tx->tx, (enum direction) d);
    }
    return is_good;
}

static enum app_result parse_udp(struct app_session *s, const struct app_input *in,
                                 size_t *consumed)
{
    *consumed = in->bytes.size;
    return take_message(s, in, in->bytes) ? APP_OK : APP_BROKEN;
}

/* Behind a gap, a piece that begins like a message begins with one. */
static bool find_start(struct app_session *s, const struct app_input *in)
{
    struct dns_state *state = s->state;

    if (in->gap != 0) {
        state->must_resync[in->dir] = true;
    }
    if (state->must_resync[in->dir]
        && probe_tcp(in->dir, in->bytes, DNS_PORT, DNS_PORT) != APP_PROBE_YES) {
        return false;
    }
    state->must_resync[in->dir] = false;
    return true;
}

static enum app_result parse_tcp(struct app_session *s, const struct app_input *in,
                                 size_t *consumed)
{
    if (in->bytes.size != 0 && !find_start(s, in)) {
        *consumed = in->bytes.size;
        return APP_OK;
    }
    struct cursor c = cursor_of(in->bytes.bytes, in->bytes.size);
    for (;;) {
        size_t size = cursor_be16(&c);
        struct slice message = cursor_slice(&c, size);
        if (c.bad) {
            return APP_NEED_MORE;
        }
        if (size != 0) {
            (void) take_message(s, in, message);
        }
        *consumed = in->bytes.size - cursor_left(&c);
    }
}

/* ---- For detect ---- */

static const struct app_view absent = { .state = APP_VIEW_ABSENT };

static struct app_view view_of(struct slice bytes)
{
    return (struct app_view) { .state = APP_VIEW_DONE, .bytes = bytes };
}

static struct app_view query_name(const struct dns_message *m, unsigned index)
{
    return index < m->queries.n ? view_of(m->queries.rows[index].rrname) : absent;
}

static struct app_view record_name(const struct dns_records *section, unsigned index)
{
    return index < section->n ? view_of(section->rows[index].rrname) : absent;
}

/* The name in a record's data; its own where there is none. */
static struct app_view data_name(const struct dns_records *section, unsigned index)
{
    const struct event_dns_rr *rr = &section->rows[index];
    bool has_name = dns_type_has_name(section->types[index]) && rr->rdata.bytes != NULL;

    return view_of(has_name          ? rr->rdata
                   : rr->soa != NULL ? rr->soa->mname
                   : rr->srv != NULL ? rr->srv->name
                                     : rr->rrname);
}

/* Name 'index' of all: of the questions, then two for each record, so that no list of them
 * needs to be made. */
static struct app_view any_name(const struct dns_message *m, unsigned index)
{
    const struct dns_records *sections[] = { &m->answers, &m->authorities, &m->additionals };

    if (index < m->queries.n) {
        return query_name(m, index);
    }
    index -= (unsigned) m->queries.n;
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        if (index / 2 < sections[i]->n) {
            return index % 2 == 0 ? record_name(sections[i], index / 2)
                                  : data_name(sections[i], index / 2);
        }
        index -= (unsigned) sections[i]->n * 2;
    }
    return absent;
}

static struct app_view dns_buffer(const struct app_tx *tx, enum direction dir,
                                  enum buffer_id id, unsigned index)
{
    const struct dns_tx *dns = (const struct dns_tx *) (const void *) tx;

    if (dir != dns->dir) {
        return absent;
    }
    switch (id) {
    case BUFFER_DNS_QUERY:
        return dir == TO_SERVER ? query_name(&dns->message, index) : absent;
    case BUFFER_DNS_QUERY_NAME:
    case BUFFER_DNS_QUERIES_RRNAME:
        return query_name(&dns->message, index);
    case BUFFER_DNS_ANSWERS_RRNAME:
    case BUFFER_DNS_ANSWER_NAME:
        return record_name(&dns->message.answers, index);
    case BUFFER_DNS_AUTHORITIES_RRNAME:
        return record_name(&dns->message.authorities, index);
    case BUFFER_DNS_ADDITIONALS_RRNAME:
        return record_name(&dns->message.additionals, index);
    case BUFFER_DNS_RESPONSE_RRNAME:
        return any_name(&dns->message, index);
    default:
        return absent;
    }
}

static bool dns_number(const struct app_tx *tx, enum direction dir, enum rule_field field,
                       unsigned index, uint64_t *value)
{
    const struct dns_tx *dns = (const struct dns_tx *) (const void *) tx;
    const struct dns_message *m = &dns->message;

    if (dir != dns->dir) {
        return false;
    }
    switch (field) {
    case FIELD_DNS_OPCODE:
        *value = dns_opcode(m);
        return index == 0;
    case FIELD_DNS_RCODE:
        *value = dns_rcode(m);
        return index == 0;
    case FIELD_DNS_RRTYPE:
        if (dir == TO_SERVER) {
            *value = index < m->queries.n ? m->queries.types[index] : 0;
            return index < m->queries.n;
        }
        *value = index < m->answers.n ? m->answers.types[index] : 0;
        return index < m->answers.n;
    default:
        return false;
    }
}

/* ---- For output ---- */

static bool dns_is_loggable(const struct app_tx *tx, enum direction dir)
{
    return ((const struct dns_tx *) (const void *) tx)->dir == dir;
}

static void put_soa(struct strbuf *b, const struct event_dns_soa *soa)
{
    JSON_LITERAL(b, "{\"mname\":");
    json_text(b, soa->mname);
    JSON_LITERAL(b, ",\"rname\":");
    json_text(b, soa->rname);
    strbuf_printf(b, ",\"serial\":%llu,\"refresh\":%llu,\"retry\":%llu,\"expire\":%llu,"
                     "\"minimum\":%llu}",
                  (unsigned long long) soa->serial, (unsigned long long) soa->refresh,
                  (unsigned long long) soa->retry, (unsigned long long) soa->expire,
                  (unsigned long long) soa->minimum);
}

static void put_grouped(struct strbuf *b, const struct event_dns_rr *rr)
{
    if (rr->soa != NULL) {
        put_soa(b, rr->soa);
    } else if (rr->srv != NULL) {
        strbuf_printf(b, "{\"priority\":%llu,\"weight\":%llu,\"port\":%llu,\"name\":",
                      (unsigned long long) rr->srv->priority,
                      (unsigned long long) rr->srv->weight,
                      (unsigned long long) rr->srv->port);
        json_text(b, rr->srv->name);
        strbuf_putc(b, '}');
    } else if (rr->sshfp != NULL) {
        JSON_LITERAL(b, "{\"fingerprint\":");
        json_text(b, rr->sshfp->fingerprint);
        strbuf_printf(b, ",\"algo\":%llu,\"type\":%llu}",
                      (unsigned long long) rr->sshfp->algo,
                      (unsigned long long) rr->sshfp->type);
    } else {
        json_text(b, rr->rdata);
    }
    strbuf_putc(b, ',');
}

static bool is_grouped(const struct event_dns_rr *rr)
{
    return rr->rdata.bytes != NULL || rr->soa != NULL || rr->srv != NULL
           || rr->sshfp != NULL;
}

/* {"A":["1.2.3.4",...],"CNAME":[...]}: the answers' data by type, in order of the first of
 * each type.  Types beyond GROUPS_MAX in one message are nobody's real answer. */
#define GROUPS_MAX 16
static void write_grouped(struct strbuf *b, const struct dns_records *answers)
{
    uint16_t done[GROUPS_MAX];
    size_t n_done = 0;

    strbuf_clear(b);
    strbuf_putc(b, '{');
    for (size_t i = 0; i < answers->n && n_done < GROUPS_MAX; i++) {
        bool is_new = is_grouped(&answers->rows[i]);
        for (size_t k = 0; k < n_done && is_new; k++) {
            is_new = done[k] != answers->types[i];
        }
        if (!is_new) {
            continue;
        }
        done[n_done++] = answers->types[i];
        json_text(b, answers->rows[i].rrtype);
        JSON_LITERAL(b, ":[");
        for (size_t k = i; k < answers->n; k++) {
            if (answers->types[k] == answers->types[i] && is_grouped(&answers->rows[k])) {
                put_grouped(b, &answers->rows[k]);
            }
        }
        json_close(b, ']');
        strbuf_putc(b, ',');
    }
    json_close(b, '}');
}

static void dns_fill(const struct app_tx *tx, enum direction dir, struct event *event,
                     struct arena *scratch)
{
    const struct dns_tx *dns = (const struct dns_tx *) (const void *) tx;
    const struct dns_message *m = &dns->message;
    struct event_dns *out = arena_alloc(scratch, sizeof *out);
    struct dns_state *state = tx->session->state;

    if (out == NULL || dns->dir == N_DIRECTIONS) {
        return;
    }
    *out = (struct event_dns) {
        .version = EVE_VERSION,
        .type = slice_text(dns->dir == TO_SERVER ? "request" : "response"),
        .tx_id = tx->id, .has_tx_id = true,
        .id = m->id,
        .flags = app_number_text("", m->flags, 16, scratch),
        .qr = (m->flags & DNS_QR) != 0, .aa = (m->flags & DNS_AA) != 0,
        .tc = (m->flags & DNS_TC) != 0, .rd = (m->flags & DNS_RD) != 0,
        .ra = (m->flags & DNS_RA) != 0, .z = (m->flags & DNS_Z) != 0,
        .opcode = dns_opcode(m),
        .rcode = dns_rcode_name(dns_rcode(m), scratch),
        .queries = m->queries.rows, .n_queries = m->queries.n,
        .answers = m->answers.rows, .n_answers = m->answers.n,
        .authorities = m->authorities.rows, .n_authorities = m->authorities.n,
        .additionals = m->additionals.rows, .n_additionals = m->additionals.n,
    };
    if (m->answers.n != 0 && state != NULL) {
        write_grouped(&state->grouped, &m->answers);
        out->grouped = arena_copy(scratch, state->grouped.text, state->grouped.size);
    }
    event->dns = out;
}

const struct app_parser dns_udp_parser = {
    .proto = APP_DNS, .event_type = "dns", .over_udp = true,
    .event_names = event_names, .probe = probe_udp, .open = open_session,
    .close = close_session, .parse = parse_udp, .buffer = dns_buffer, .number = dns_number,
    .fill = dns_fill, .is_loggable = dns_is_loggable, .frame_tx_base = 1,
};

const struct app_parser dns_tcp_parser = {
    .proto = APP_DNS, .event_type = "dns", .over_tcp = true, .client_speaks_first = true,
    .event_names = event_names, .probe = probe_tcp, .open = open_session,
    .close = close_session, .parse = parse_tcp, .buffer = dns_buffer, .number = dns_number,
    .fill = dns_fill, .is_loggable = dns_is_loggable, .frame_tx_base = 1,
};
