/* frame: a piece of the stream or datagram that its protocol names.  "frame:tls.hdr", or
 * "frame:hdr" where the header of the rule names the protocol. */
#include <stdio.h>
#include <string.h>

#include "common/base/diag.h"
#include "rules/keywords/keywords.h"

/* The protocol whose name, letter for letter, is in front of the first dot. */
static enum app_proto proto_in_front(struct slice v, struct slice *name)
{
    const uint8_t *dot = v.size > 0 ? memchr(v.bytes, '.', v.size) : NULL;

    *name = v;
    if (dot == NULL) {
        return APP_N_PROTOS;
    }
    size_t n = (size_t) (dot - v.bytes);
    enum app_proto proto = app_proto_by_name((const char *) v.bytes, n);

    if (proto == APP_N_PROTOS || !slice_is(slice_of(v.bytes, n), app_proto_name(proto))) {
        return APP_N_PROTOS;
    }
    *name = slice_from(v, n + 1);
    return proto;
}

static bool unknown_frame(struct draft *d, enum app_proto proto, struct slice name)
{
    const char *names[N_FRAMES + 1];
    char hint[96];
    size_t n = 0;

    for (enum frame_id id = FRAME_STREAM; id < N_FRAMES; id++) {
        if (id == FRAME_STREAM || frame_proto(id) == proto) {
            names[n++] = frame_name(id);
        }
    }
    names[n] = NULL;
    const char *near = diag_nearest((const char *) name.bytes, name.size, names);

    snprintf(hint, sizeof hint, "did you mean \"%s\"?", near != NULL ? near : "");
    return draft_error_at(d, name.bytes,
                          near != NULL ? hint
                          : proto == APP_HTTP ? "frames are those of http1 and of http2" : NULL,
                          "%s has no frame \"%.*s\"", app_proto_name(proto), (int) name.size,
                          (const char *) name.bytes);
}

/* All that the protocol's streams carry: payload, where nothing but streams is looked at. */
static bool use_stream(struct draft *d)
{
    if (d->rule->proto == RULE_PROTO_UDP) {
        return draft_error(d, NULL, "there are no streams over UDP");
    }
    d->needs_stream = true;
    d->rule->is_stream_frame = true;
    d->sticky = (int) draft_find_buffer(d, BUFFER_PAYLOAD);
    d->buffers[d->sticky].named_at = d->key.bytes;
    return true;
}

static bool parse_frame(struct draft *d, const struct keyword *row, struct slice v)
{
    struct slice name;
    enum app_proto proto = proto_in_front(v, &name), own = d->rule->app_proto;
    enum frame_id id = proto != APP_N_PROTOS ? frame_by_name(proto, name) : N_FRAMES;

    /* "enip.item" is a frame of its own in a rule about enip. */
    if (id == N_FRAMES && own != APP_UNKNOWN && frame_by_name(own, v) != N_FRAMES) {
        proto = own;
        name = v;
        id = frame_by_name(own, v);
    }
    if (proto == APP_N_PROTOS && own == APP_UNKNOWN && d->is_lost) {
        return false;           /* The header's protocol was reported. */
    }
    if (proto == APP_N_PROTOS && own == APP_UNKNOWN) {
        return draft_error_at(d, v.bytes, "for example: frame:tls.hdr",
                              "no protocol is named for the frame \"%.*s\"", (int) v.size,
                              (const char *) v.bytes);
    }
    proto = proto == APP_N_PROTOS ? own : proto;
    if (id == N_FRAMES) {
        return unknown_frame(d, proto, name);
    }
    for (size_t i = 0; i < d->n_buffers; i++) {
        if (d->buffers[i].id == BUFFER_PAYLOAD && d->buffers[i].n_ops > 0
            && d->buffers[i].named_at == NULL) {
            return draft_error(d, "make two rules and join them by a flowbit",
                               "contents of the payload do not go with those of a frame");
        }
    }
    if (!draft_need_app(d, proto)) {
        return false;
    }
    if (id == FRAME_STREAM) {
        return use_stream(d);
    }
    char *text = draft_alloc(d, 64);
    int size = snprintf(text, 64, "%s.%s", app_proto_name(proto), frame_name(id));

    if (!draft_set_sticky(d, BUFFER_FRAME, slice_of(text, (size_t) size))) {
        return false;
    }
    d->buffers[d->sticky].frame = id;
    return true;
}

static const struct keyword rows[] = {
    { "frame", KEYWORD_VALUE, parse_frame, 0, "What follows looks into frames: tls.hdr",
      "The table of frames says which no parser opens yet" },
};
FAMILY(frame_keywords, rows);
