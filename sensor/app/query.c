/* What detect and output ask about a transaction; each question goes to its parser. */
#include "rules/lang/hooks.h"
#include "sensor/app/app_private.h"
#include "sensor/app/known.h"

static const char *const proto_event_names[] = {
#define X(id, name) name,
    APP_PROTO_EVENTS(X)
#undef X
};

struct app_view app_tx_buffer(const struct app_tx *tx, enum direction dir, enum buffer_id id,
                              unsigned index)
{
    return tx->parser->buffer(tx, dir, id, index);
}

bool app_tx_number(const struct app_tx *tx, enum direction dir, enum rule_field field,
                   unsigned index, uint64_t *value)
{
    return tx->parser->number != NULL
           && tx->parser->number(tx, dir, field, index, value);
}

bool app_tx_iface(const struct app_tx *tx, unsigned index, struct app_iface *iface)
{
    return tx->parser->iface != NULL && tx->parser->iface(tx, index, iface);
}

bool app_tx_is_little_endian(const struct app_tx *tx)
{
    return tx->parser->is_little_endian != NULL && tx->parser->is_little_endian(tx);
}

static bool has_named(const struct app_parser *parser, uint64_t events, const char *name)
{
    if (parser == NULL || parser->event_names == NULL) {
        return false;
    }
    for (unsigned bit = 0; events >> bit != 0; bit++) {
        const char *own = app_event_name(parser, bit);
        if (own == NULL) {
            return false;
        }
        if ((events >> bit & 1) != 0 && strcasecmp(own, name) == 0) {
            return true;
        }
        if (bit == 63) {
            break;
        }
    }
    return false;
}

bool app_tx_has_event(const struct app_tx *tx, const char *name)
{
    return has_named(tx->parser, tx->events, name)
           || app_session_has_event(tx->session, name);
}

bool app_session_has_event(const struct app_session *s, const char *name)
{
    for (unsigned bit = 0; bit < APP_N_PROTO_EVENTS; bit++) {
        if ((s->proto_events >> bit & 1) != 0
            && strcasecmp(proto_event_names[bit], name) == 0) {
            return true;
        }
    }
    return has_named(s->parser, s->events, name);
}

bool app_proto_fits(enum app_proto rule, enum app_proto session)
{
    return rule == session
           || (rule == APP_HTTP
               && (session == APP_HTTP1 || session == APP_HTTP2 || session == APP_DOH2))
           || (session == APP_DOH2 && (rule == APP_DNS || rule == APP_HTTP2))
           || (rule == APP_DCERPC && session == APP_SMB);
}

void app_tx_fill(const struct app_tx *tx, enum direction dir, struct event *event,
                 struct arena *scratch)
{
    tx->parser->fill(tx, dir, event, scratch);
}

unsigned app_tx_progress(const struct app_tx *tx, enum direction dir)
{
    if (tx->is_done[dir]) {
        return PROGRESS_COMPLETE;
    }
    return tx->parser->progress != NULL ? tx->parser->progress(tx, dir)
           : tx->changes[dir] != 0      ? PROGRESS_STARTED
                                        : PROGRESS_NONE;
}

bool app_tx_is_loggable(const struct app_tx *tx, enum direction dir)
{
    return tx->parser->is_loggable != NULL
               ? tx->parser->is_loggable(tx, dir)
               : tx->is_done[TO_SERVER] && tx->is_done[TO_CLIENT];
}

const char *app_event_name(const struct app_parser *parser, unsigned bit)
{
    for (unsigned i = 0; parser->event_names != NULL && parser->event_names[i] != NULL; i++) {
        if (i == bit) {
            return parser->event_names[i];
        }
    }
    return NULL;
}

const char *app_proto_event_name(unsigned bit)
{
    return bit < APP_N_PROTO_EVENTS ? proto_event_names[bit] : NULL;
}

/* The next parser from '*i' on of what a rule calls 'proto'. */
static const struct app_parser *next_parser(enum app_proto proto, size_t *i)
{
    while (app_parsers[*i] != NULL) {
        const struct app_parser *p = app_parsers[(*i)++];

        if (!app_is_known_only(p) && app_proto_fits(proto, p->proto)) {
            return p;
        }
    }
    return NULL;
}

bool app_has_parser(enum app_proto proto)
{
    size_t i = 0;

    return next_parser(proto, &i) != NULL;
}

bool app_raises_event(enum app_proto proto, const char *name)
{
    const struct app_parser *p;

    for (unsigned bit = 0; proto == APP_UNKNOWN && bit < APP_N_PROTO_EVENTS; bit++) {
        if (strcasecmp(proto_event_names[bit], name) == 0) {
            return true;
        }
    }
    for (size_t i = 0; (p = next_parser(proto, &i)) != NULL;) {
        if (has_named(p, UINT64_MAX, name)) {
            return true;
        }
    }
    return false;
}

const char *app_event_type(const struct app_parser *parser)
{
    return parser != NULL ? parser->event_type : NULL;
}
