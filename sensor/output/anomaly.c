/* Anomaly events: what decode, stream and the application parsers found wrong. */
#include <ctype.h>

#include "sensor/app/parser.h"
#include "sensor/decode/events.h"
#include "sensor/output/output_private.h"
#include "sensor/stream/events.h"

static void log_packet_event(struct output_worker *w, const struct packet *p,
                             struct flow *flow, const char *type, const char *prefix,
                             const char *name)
{
    struct event e = { .type = EVENT_ANOMALY };
    struct event_parts parts = { 0 };
    struct event_anomaly anomaly = { .type = slice_text(type) };

    anomaly.event = slice_text(arena_printf(&w->scratch, "%s.%s", prefix, name));
    fill_packet(w, &e, &parts, p, flow, SOURCE_AS_PACKET);
    e.anomaly = &anomaly;
    fill_flow_extras(w, &e, &parts, flow);
    deliver_event(w, &e);
}

void output_packet_anomalies(struct output_worker *w, const struct packet *p,
                             struct flow *flow)
{
    const struct output_conf *conf = &w->output->conf;

    for (unsigned i = 0; conf->anomaly && conf->anomaly_decode && i < p->n_events; i++) {
        log_packet_event(w, p, flow, "decode", "decoder", decode_event_name(p->events[i]));
    }
    for (unsigned i = 0; conf->anomaly && conf->anomaly_stream && i < p->n_stream_events;
         i++) {
        const char *name = stream_event_name(p->stream_events[i]);

        if (name != NULL) {
            log_packet_event(w, p, flow, "stream", "stream", name);
        }
    }
}

/* What one event of an application protocol is told with. */
struct app_event {
    const struct packet *packet;
    struct flow *flow;
    const struct app_tx *tx;    /* NULL: of the session. */
    enum app_proto proto;
    const char *layer, *name;
};

static void log_app_event(struct output_worker *w, const struct app_event *a)
{
    struct event e = { .type = EVENT_ANOMALY };
    struct event_parts parts = { 0 };
    struct event_anomaly anomaly = { .type = slice_text("applayer"),
                                     .layer = slice_text(a->layer) };
    char *name = arena_strdup(&w->scratch, a->name);
    bool is_upper = app_events_are_upper(a->proto) || strncmp(a->name, "applayer_", 9) == 0;

    for (char *at = name; at != NULL && is_upper && *at != '\0'; at++) {
        *at = (char) toupper((unsigned char) *at);
    }
    if (a->proto != APP_UNKNOWN) {
        anomaly.app_proto = slice_text(app_eve_name(a->proto));
    }
    anomaly.event = slice_text(name);
    fill_packet(w, &e, &parts, a->packet, a->flow, SOURCE_AS_PACKET);
    if (a->tx != NULL) {
        e.has_tx_id = true;
        e.tx_id = a->tx->id;
    }
    e.anomaly = &anomaly;
    fill_flow_extras(w, &e, &parts, a->flow);
    deliver_event(w, &e);
}

/* Each bit of 'events' by its name in 'parser', and again as often as 'repeats' has it. */
static void log_parser_events(struct output_worker *w, struct app_event a,
                              const struct app_parser *parser, uint64_t events,
                              uint8_t *repeats)
{
    a.layer = "proto_parser";
    a.proto = parser->proto;
    for (unsigned bit = 0; bit < 64; bit++) {
        unsigned n = (unsigned) (events >> bit & 1) + (repeats != NULL ? repeats[bit] : 0u);
        a.name = n != 0 ? app_event_name(parser, bit) : NULL;
        for (; a.name != NULL && n != 0; n--) {
            log_app_event(w, &a);
        }
        if (repeats != NULL) {
            repeats[bit] = 0;
        }
    }
}

void output_app_anomalies(struct output_worker *w, const struct packet *p,
                          struct flow *flow, enum direction dir)
{
    struct app_session *s = flow->app;
    struct app_event a = { .packet = p, .flow = flow, .proto = flow->app_proto };
    bool is_on = w->output->conf.anomaly && w->output->conf.anomaly_applayer;

    if (!is_on || s == NULL) {
        return;
    }
    uint64_t fresh = s->proto_events & ~s->proto_events_logged;
    a.layer = "proto_detect";
    for (unsigned bit = 0; bit < 64 && fresh >> bit != 0; bit++) {
        a.name = (fresh >> bit & 1) != 0 ? app_proto_event_name(bit) : NULL;
        if (a.name != NULL) {
            log_app_event(w, &a);
        }
    }
    s->proto_events_logged |= fresh;
    fresh = s->events & ~s->events_logged;
    if (fresh != 0 && s->parser != NULL) {
        log_parser_events(w, a, s->parser, fresh, NULL);
        s->events_logged |= fresh;
    }
    for (struct app_tx *tx = app_tx_first_moved(s); tx != NULL;
         tx = app_tx_next_moved(s, tx)) {
        fresh = tx->events & ~tx->events_logged;
        if (fresh != 0 || tx->repeats != NULL) {
            a.tx = tx;
            log_parser_events(w, a, tx->parser, fresh, tx->repeats);
            tx->events_logged |= fresh;
        }
    }
}
