/* What rules ask for, and the sip event. */
#include "sensor/app/sip/sip.h"

static struct app_view view_of(struct slice bytes)
{
    return bytes.bytes != NULL
               ? (struct app_view) { .state = APP_VIEW_DONE, .bytes = bytes }
               : (struct app_view) { .state = APP_VIEW_ABSENT };
}

static struct slice header_at(const struct sip_message *m, enum sip_field field,
                              unsigned index)
{
    for (size_t i = 0; i < m->n_headers; i++) {
        if (m->headers[i].field == field && index-- == 0) {
            return m->headers[i].value;
        }
    }
    return slice_of(NULL, 0);
}

static struct slice line_buffer(const struct sip_message *m, enum buffer_id id)
{
    switch (id) {
    case BUFFER_SIP_METHOD: return m->method;
    case BUFFER_SIP_URI: return m->uri;
    case BUFFER_SIP_REQUEST_LINE: return m->is_request ? m->line : slice_of(NULL, 0);
    case BUFFER_SIP_RESPONSE_LINE: return m->is_request ? slice_of(NULL, 0) : m->line;
    case BUFFER_SIP_STAT_CODE: return m->code;
    case BUFFER_SIP_STAT_MSG: return m->reason;
    case BUFFER_SIP_PROTOCOL: return m->version;
    default: return slice_of(NULL, 0);
    }
}

/* Where a buffer of a description stands in it. */
static const struct { enum buffer_id id; char type; bool of_media; } sdp_buffers[] = {
    { BUFFER_SDP_ORIGIN, 'o', false }, { BUFFER_SDP_SESSION_NAME, 's', false },
    { BUFFER_SDP_SESSION_INFO, 'i', false }, { BUFFER_SDP_URI, 'u', false },
    { BUFFER_SDP_EMAIL, 'e', false }, { BUFFER_SDP_PHONE_NUMBER, 'p', false },
    { BUFFER_SDP_CONNECTION_DATA, 'c', false }, { BUFFER_SDP_BANDWIDTH, 'b', false },
    { BUFFER_SDP_TIME, 't', false }, { BUFFER_SDP_REPEAT_TIME, 'r', false },
    { BUFFER_SDP_TIMEZONE, 'z', false }, { BUFFER_SDP_ENCRYPTION_KEY, 'k', false },
    { BUFFER_SDP_ATTRIBUTE, 'a', false }, { BUFFER_SDP_MEDIA_MEDIA, 'm', true },
    { BUFFER_SDP_MEDIA_MEDIA_INFO, 'i', true },
    { BUFFER_SDP_MEDIA_CONNECTION_DATA, 'c', true },
    { BUFFER_SDP_MEDIA_ENCRYPTION_KEY, 'k', true },
};

struct app_view sip_buffer(const struct app_tx *app_tx, enum direction dir,
                           enum buffer_id id, unsigned index)
{
    const struct sip_tx *tx = sip_tx_of(app_tx);
    const struct sip_message *m = &tx->message;

    if (dir != tx->dir) {
        return view_of(slice_of(NULL, 0));
    }
    switch (id) {
    case BUFFER_SIP_FROM: return view_of(header_at(m, SIP_FROM, index));
    case BUFFER_SIP_TO: return view_of(header_at(m, SIP_TO, index));
    case BUFFER_SIP_VIA: return view_of(header_at(m, SIP_VIA, index));
    case BUFFER_SIP_USER_AGENT: return view_of(header_at(m, SIP_USER_AGENT, index));
    case BUFFER_SIP_CONTENT_TYPE: return view_of(header_at(m, SIP_CONTENT_TYPE, index));
    case BUFFER_SIP_CONTENT_LENGTH: return view_of(header_at(m, SIP_CONTENT_LENGTH, index));
    default:
        break;
    }
    for (size_t i = 0; i < sizeof sdp_buffers / sizeof sdp_buffers[0]; i++) {
        if (sdp_buffers[i].id == id) {
            return view_of(sdp_find(m->body, sdp_buffers[i].type, sdp_buffers[i].of_media,
                                    index));
        }
    }
    return view_of(line_buffer(m, id));
}

void sip_fill(const struct app_tx *app_tx, enum direction dir, struct event *event,
              struct arena *scratch)
{
    const struct sip_message *m = &sip_tx_of(app_tx)->message;
    struct event_sip *out = arena_alloc(scratch, sizeof *out);

    if (out == NULL) {
        return;
    }
    *out = (struct event_sip) {
        .method = m->method, .uri = m->uri, .version = m->version, .code = m->code,
        .reason = m->reason, .sdp = sdp_fill(m->body, scratch),
    };
    *(m->is_request ? &out->request_line : &out->response_line) = m->line;
    event->sip = out;
}
