/* Frames: an event each where that is wanted, and the object in the alerts about them. */
#include "sensor/app/parser.h"
#include "sensor/output/output_private.h"

/* As much of a frame as EVE shows. */
#define SHOWN 4096u

/* The stream of a direction as a frame: what a rule about it looked at. */
static void fill_stream(struct output_worker *w, struct event_frame *out,
                        const struct detect_alert *a)
{
    struct slice shown = slice_of(a->payload.bytes,
                                  a->payload.size < SHOWN ? a->payload.size : SHOWN);

    *out = (struct event_frame) {
        .type = slice_text(frame_name(FRAME_STREAM)), .id = 1,
        .direction = slice_text(a->dir == TO_SERVER ? "toserver" : "toclient"),
        .has_stream_offset = true, .length = a->payload.size,
        .payload = shown, .payload_printable = printable_text(w, shown),
    };
}

static void fill_frame(struct output_worker *w, struct event_frame *out,
                       const struct app_frame *f, const struct app_session *s)
{
    struct slice shown = slice_of(f->data.bytes, f->data.size < SHOWN ? f->data.size : SHOWN);

    *out = (struct event_frame) {
        .type = slice_text(frame_name(f->id)), .id = f->number,
        .direction = slice_text(f->dir == TO_SERVER ? "toserver" : "toclient"),
        .has_stream_offset = f->offset != APP_FRAME_NO_OFFSET, .stream_offset = f->offset,
        .length = f->is_complete ? f->size : f->seen,
        .payload = shown, .payload_printable = printable_text(w, shown),
        .complete = f->is_complete,
        .has_tx_id = f->has_tx,
        .tx_id = f->tx_id + (s->parser != NULL ? s->parser->frame_tx_base : 0),
    };
}

void fill_alert_frame(struct output_worker *w, struct event *e, struct event_frame *out,
                      const struct detect_alert *a, const struct flow *flow)
{
    if (a->frame != NULL && flow != NULL && flow->app != NULL) {
        fill_frame(w, out, a->frame, flow->app);
        e->frame = out;
    } else if (a->rule->is_stream_frame) {
        fill_stream(w, out, a);
        e->frame = out;
    }
}

static void log_frame(struct output_worker *w, const struct packet *p, struct flow *flow,
                      const struct app_frame *f)
{
    struct event e = { .type = EVENT_FRAME };
    struct event_parts parts = { 0 };
    struct event_frame frame;

    fill_packet(w, &e, &parts, p, flow,
                f->dir == TO_SERVER ? SOURCE_IS_CLIENT : SOURCE_IS_SERVER);
    fill_frame(w, &frame, f, flow->app);
    e.frame = &frame;
    fill_app_proto(&e, flow);
    fill_flow_extras(w, &e, &parts, flow);
    deliver_event(w, &e);
}

void output_frames(struct output_worker *w, const struct packet *p, struct flow *flow)
{
    if (flow->app->n_frames == 0) {
        return;
    }
    LIST_FOR_EACH (node, &flow->app->frames) {
        struct app_frame *f = LIST_ENTRY(node, struct app_frame, node);

        if (f->is_over && !f->is_logged) {
            f->is_logged = true;
            if (w->output->conf.frame) {
                log_frame(w, p, flow, f);
            }
        }
    }
}

void output_ask_frames(const struct output_conf *conf, struct app_conf *app)
{
    for (unsigned id = 0; conf->frame && id < N_FRAMES; id++) {
        app->frame_keep[id] = app->frame_keep[id] > SHOWN ? app->frame_keep[id] : SHOWN;
    }
}
