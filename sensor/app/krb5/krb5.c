/* Kerberos behind the parser's interface.  Every message is a transaction of its own; an
 * error is told with the request that it answers. */
#include <stdlib.h>

#include "common/base/cursor.h"
#include "sensor/app/krb5/message.h"

#define KDC_PORT 88
/* A message over TCP with a ticket and authorization data is smaller; larger ones are passed
 * over.  What begins a session is smaller still. */
#define MAX_RECORD (256u * 1024)
#define MAX_FIRST_RECORD 16384u

enum { EVENT_MALFORMED_DATA, EVENT_WEAK_ENCRYPTION };
static const char *const event_names[] = {
    [EVENT_MALFORMED_DATA] = "malformed_data",
    [EVENT_WEAK_ENCRYPTION] = "weak_encryption",
    NULL,
};

struct krb5_tx {
    struct app_tx tx;
    enum direction dir;
    unsigned request;           /* Of an error: what it answers; 0: not known. */
    struct krb5_message message;
};
struct krb5_state {
    unsigned request;           /* The last one that was not answered, or 0. */
    uint32_t to_skip[N_DIRECTIONS];
};

static const struct krb5_tx *krb5_tx_of(const struct app_tx *tx)
{
    return (const struct krb5_tx *) (const void *) tx;
}

/* ---- Recognition ---- */

static enum app_probe probe_udp(enum direction dir, struct slice bytes, uint16_t server_port,
                                uint16_t client_port)
{
    return (server_port == KDC_PORT || client_port == KDC_PORT)
                   && krb5_message_is_likely(bytes) == APP_PROBE_YES
               ? APP_PROBE_YES
               : APP_PROBE_NO;
}

static enum app_probe probe_tcp(enum direction dir, struct slice bytes, uint16_t server_port,
                                uint16_t client_port)
{
    struct cursor c = cursor_of(bytes.bytes, bytes.size);
    uint32_t size = cursor_be32(&c);

    if ((server_port != KDC_PORT && client_port != KDC_PORT)
        || (!c.bad && size > MAX_FIRST_RECORD)) {
        return APP_PROBE_NO;
    }
    return c.bad ? APP_PROBE_MORE : krb5_message_is_likely(cursor_rest(&c));
}

/* ---- Session ---- */

static bool open_session(struct app_session *s)
{
    if (!app_memory_take(s, sizeof(struct krb5_state))) {
        return false;
    }
    s->state = calloc(1, sizeof(struct krb5_state));
    if (s->state == NULL) {
        app_memory_give(s, sizeof(struct krb5_state));
    }
    return s->state != NULL;
}

static void close_session(struct app_session *s)
{
    if (s->state != NULL) {
        free(s->state);
        s->state = NULL;
        app_memory_give(s, sizeof(struct krb5_state));
    }
}

static void keep_slice(struct arena *arena, struct slice *s)
{
    if (s->size != 0) {
        *s = arena_copy(arena, s->bytes, s->size);
    }
}

static void keep_name(struct arena *arena, struct krb5_name *name)
{
    for (size_t i = 0; i < name->n; i++) {
        keep_slice(arena, &name->parts[i]);
    }
}

static void take_transaction(struct app_session *s, const struct app_input *in,
                             const struct krb5_message *m)
{
    struct krb5_state *state = s->state;
    struct krb5_tx *tx = app_tx_new(s, sizeof *tx, in->now_ns);

    if (tx == NULL) {
        return;                         /* Counted; the next may find room. */
    }
    tx->dir = in->dir;
    tx->message = *m;
    tx->request = m->type == KRB5_ERROR ? state->request : 0;
    keep_slice(&tx->tx.arena, &tx->message.realm);
    keep_name(&tx->tx.arena, &tx->message.cname);
    keep_name(&tx->tx.arena, &tx->message.sname);
    if (m->has_etype && krb5_etype_is_weak(m->etype)) {
        app_tx_set_event(&tx->tx, EVENT_WEAK_ENCRYPTION);
    }
    app_tx_set_message(&tx->tx, in->dir);
}

static void take_message(struct app_session *s, const struct app_input *in,
                         struct slice bytes)
{
    struct krb5_state *state = s->state;
    struct krb5_message message;
    unsigned type = krb5_message_type(bytes);
    bool is_request = type == KRB5_AS_REQ || type == KRB5_TGS_REQ || type == KRB5_AP_REQ;
    bool is_answer = type == KRB5_AS_REP || type == KRB5_TGS_REP || type == KRB5_AP_REP
                     || type == KRB5_ERROR;

    if (type == 0) {
        app_session_set_event(s, EVENT_MALFORMED_DATA);
        return;
    }
    if (krb5_message_decode(bytes, &message)) {
        take_transaction(s, in, &message);
    }
    state->request = is_request ? type : is_answer ? 0 : state->request;
}

static enum app_result parse_udp(struct app_session *s, const struct app_input *in,
                                 size_t *consumed)
{
    *consumed = in->bytes.size;
    take_message(s, in, in->bytes);
    return APP_OK;
}

static enum app_result parse_tcp(struct app_session *s, const struct app_input *in,
                                 size_t *consumed)
{
    uint32_t *to_skip = &((struct krb5_state *) s->state)->to_skip[in->dir];
    struct cursor c = cursor_of(in->bytes.bytes, in->bytes.size);

    if (in->gap != 0) {
        return APP_BROKEN;              /* Nothing marks where a message begins. */
    }
    for (;;) {
        size_t left = cursor_left(&c), skipped = left < *to_skip ? left : *to_skip;
        (void) cursor_skip(&c, skipped);
        *to_skip -= (uint32_t) skipped;
        *consumed = in->bytes.size - cursor_left(&c);
        uint32_t size = cursor_be32(&c);
        if (c.bad) {
            return APP_NEED_MORE;
        }
        if (size > MAX_RECORD) {
            *to_skip = size;
            continue;
        }
        struct slice message = cursor_slice(&c, size);
        if (c.bad) {
            return APP_NEED_MORE;
        }
        take_message(s, in, message);
        *consumed = in->bytes.size - cursor_left(&c);
    }
}

/* ---- For detect ---- */

static struct app_view krb5_buffer(const struct app_tx *base, enum direction dir,
                                   enum buffer_id id, unsigned index)
{
    const struct krb5_tx *tx = krb5_tx_of(base);
    const struct krb5_name *name = id == BUFFER_KRB5_CNAME   ? &tx->message.cname
                                   : id == BUFFER_KRB5_SNAME ? &tx->message.sname
                                                             : NULL;

    if (name == NULL || dir != tx->dir || index >= name->n) {
        return (struct app_view) { .state = APP_VIEW_ABSENT };
    }
    return (struct app_view) { .state = APP_VIEW_DONE, .bytes = name->parts[index] };
}

static bool krb5_number(const struct app_tx *base, enum direction dir, enum rule_field field,
                        unsigned index, uint64_t *value)
{
    const struct krb5_tx *tx = krb5_tx_of(base);

    if (index != 0 || dir != tx->dir) {
        return false;
    }
    switch (field) {
    case FIELD_KRB5_MSG_TYPE:
        *value = tx->message.type;
        return true;
    case FIELD_KRB5_ERR_CODE:
        *value = (uint32_t) tx->message.error;
        return tx->message.has_error;
    case FIELD_KRB5_TICKET_ENCRYPTION:
        *value = (uint32_t) tx->message.ticket_etype;
        return tx->message.has_ticket_etype;
    default:
        return false;
    }
}

/* ---- For output ---- */

/* "host/server" */
static struct slice name_text(const struct krb5_name *name, struct arena *scratch)
{
    size_t size = 0, at = 0;

    if (!name->is_there) {
        return slice_text("<empty>");
    }
    for (size_t i = 0; i < name->n; i++) {
        size += name->parts[i].size + 1;
    }
    char *text = arena_alloc(scratch, size + 1);
    for (size_t i = 0; text != NULL && i < name->n; i++) {
        if (i != 0) {
            text[at++] = '/';
        }
        if (name->parts[i].size != 0) {
            memcpy(text + at, name->parts[i].bytes, name->parts[i].size);
            at += name->parts[i].size;
        }
    }
    return slice_of(text, text != NULL ? at : 0);
}

static void krb5_fill(const struct app_tx *base, enum direction dir, struct event *event,
                      struct arena *scratch)
{
    const struct krb5_tx *tx = krb5_tx_of(base);
    const struct krb5_message *m = &tx->message;
    struct event_krb5 *out = arena_alloc(scratch, sizeof *out);

    if (out == NULL) {
        return;
    }
    *out = (struct event_krb5) {
        .msg_type = krb5_type_text(m->type, scratch),
        .cname = name_text(&m->cname, scratch), .sname = name_text(&m->sname, scratch),
        .realm = m->realm.bytes != NULL ? m->realm : slice_text("<empty>"),
        .encryption = m->has_etype ? krb5_etype_text(m->etype, scratch)
                                   : slice_text("<none>"),
        .weak_encryption = m->has_etype && krb5_etype_is_weak(m->etype),
    };
    if (m->has_error) {
        out->failed_request = tx->request != 0 ? krb5_type_text(tx->request, scratch)
                                               : slice_text("UNKNOWN");
        out->error_code = krb5_error_text(m->error, scratch);
    }
    if (m->has_ticket_etype) {
        out->ticket_encryption = krb5_etype_text(m->ticket_etype, scratch);
        out->has_ticket_weak_encryption = true;
        out->ticket_weak_encryption = krb5_etype_is_weak(m->ticket_etype);
    }
    event->krb5 = out;
}

static bool krb5_is_loggable(const struct app_tx *tx, enum direction dir)
{
    return krb5_tx_of(tx)->dir == dir;
}

const struct app_parser krb5_udp_parser = {
    .proto = APP_KRB5, .event_type = "krb5", .over_udp = true, .event_names = event_names,
    .probe = probe_udp, .open = open_session, .close = close_session, .parse = parse_udp,
    .buffer = krb5_buffer, .number = krb5_number, .fill = krb5_fill,
    .is_loggable = krb5_is_loggable,
};

const struct app_parser krb5_tcp_parser = {
    .proto = APP_KRB5, .event_type = "krb5", .over_tcp = true, .client_speaks_first = true,
    .event_names = event_names, .probe = probe_tcp, .open = open_session,
    .close = close_session, .parse = parse_tcp, .buffer = krb5_buffer, .number = krb5_number,
    .fill = krb5_fill, .is_loggable = krb5_is_loggable,
};
