/* Messages on their way: DATA (RFC 5321, section 4.5.2), whose lines have a dot doubled and
 * which a single dot ends, and BDAT (RFC 3030), which says how many bytes come. */
#include "sensor/app/smtp/smtp.h"

/* The events of MIME by ours, in its order. */
static const enum smtp_event mime_events[MIME_N_EVENTS] = {
    [MIME_EVENT_INVALID_BASE64] = SMTP_EVENT_MIME_INVALID_BASE64,
    [MIME_EVENT_INVALID_QP] = SMTP_EVENT_MIME_INVALID_QP,
    [MIME_EVENT_LONG_LINE] = SMTP_EVENT_MIME_LONG_LINE,
    [MIME_EVENT_LONG_ENCODED_LINE] = SMTP_EVENT_MIME_LONG_ENCODED_LINE,
    [MIME_EVENT_LONG_NAME] = SMTP_EVENT_MIME_LONG_NAME,
    [MIME_EVENT_LONG_VALUE] = SMTP_EVENT_MIME_LONG_VALUE,
    [MIME_EVENT_LONG_BOUNDARY] = SMTP_EVENT_MIME_LONG_BOUNDARY,
    [MIME_EVENT_LONG_FILE_NAME] = SMTP_EVENT_MIME_LONG_FILE_NAME,
    [MIME_EVENT_TRUNCATED_LINE] = SMTP_EVENT_TRUNCATED_LINE,
};

static void pass_events(struct smtp_input *in)
{
    struct smtp_tx *tx = in->state->tx;
    unsigned counts[MIME_N_EVENTS];
    uint32_t events = mime_take_events(tx->mime, counts);

    for (unsigned i = 0; events >> i != 0; i++) {
        for (unsigned n = 0; n < counts[i]; n++) {
            smtp_event(in, mime_events[i]);
        }
    }
}

static void feed(struct smtp_input *in, struct slice bytes)
{
    struct smtp_tx *tx = in->state->tx;

    if (tx != NULL && tx->mime != NULL) {
        mime_feed(tx->mime, bytes);
    }
}

static void skip(struct smtp_input *in, struct slice bytes)
{
    struct smtp_tx *tx = in->state->tx;

    if (tx != NULL && tx->mime != NULL) {
        mime_skip(tx->mime, bytes);
    }
}

void smtp_open_message(struct smtp_input *in)
{
    struct smtp_tx *tx = in->state->tx;

    tx->has_message = true;
    if (tx->mime == NULL && app_engine_conf(in->session->engine)->smtp_decode_mime) {
        tx->mime = mime_open(&tx->tx, TO_SERVER);
    }
}

void smtp_end_message(struct smtp_input *in, bool is_whole)
{
    struct smtp_tx *tx = in->state->tx;

    if (tx != NULL && tx->mime != NULL) {
        mime_end(tx->mime, is_whole);
        pass_events(in);
    }
    smtp_end_data(in, NULL);
}

void smtp_end_data(struct smtp_input *in, const uint8_t *end)
{
    struct smtp_state *s = in->state;

    if (end != NULL) {
        app_frame_close(in->session, s->data_frame, end);
    } else {
        app_frame_cut(s->data_frame);
    }
    s->data_frame = NULL;
    s->is_data = s->has_data_frame = false;
}

/* The dot. */
static void take_dot(struct smtp_input *in, const uint8_t *end)
{
    struct smtp_state *s = in->state;

    /* Behind a DATA that was not answered: nobody could know that a message was wanted. */
    if (smtp_last_waiting(s) == SMTP_DATA_EARLY) {
        smtp_event(in, SMTP_EVENT_PIPELINED_SEQUENCE);
    }
    smtp_wait_for(s, SMTP_MESSAGE);
    smtp_end_data(in, end);
    smtp_end_message(in, true);
    smtp_end_mail(in, smtp_last_waiting(s) != SMTP_MESSAGE);
}

/* Without its line end. */
static struct slice text_of(struct slice line)
{
    line.size -= line.size != 0 && line.bytes[line.size - 1] == '\n';
    line.size -= line.size != 0 && line.bytes[line.size - 1] == '\r';
    return line;
}

/* One line of DATA, or as much of it as is there; false: too little to tell. */
static bool take_data_line(struct smtp_input *in)
{
    struct smtp_state *s = in->state;
    const uint8_t *lf = memchr(in->rest.bytes, '\n', in->rest.size);
    size_t n = lf != NULL ? (size_t) (lf - in->rest.bytes) + 1 : in->rest.size;
    struct slice line = slice_of(in->rest.bytes, n);

    if (!s->has_data_frame) {
        s->has_data_frame = true;
        s->data_frame = app_frame_open(in->session, FRAME_SMTP_DATA, line.bytes,
                                       APP_FRAME_OPEN);
        app_frame_set_tx(s->data_frame, s->tx != NULL ? &s->tx->tx : NULL);
    }
    if (!s->is_within_line) {
        if (lf == NULL && n < 3 && line.bytes[0] == '.') {
            return false;
        }
        if (!s->has_welcome) {
            smtp_event(in, SMTP_EVENT_NO_WELCOME);
        }
        if (lf != NULL && slice_is(text_of(line), ".")) {
            in->rest = slice_from(in->rest, n);
            take_dot(in, line.bytes + n);
            return true;
        }
        if (line.bytes[0] == '.') {
            skip(in, slice_of(line.bytes, 1));
            line = slice_from(line, 1);
        }
    }
    feed(in, line);
    s->is_within_line = lf == NULL;
    in->rest = slice_from(in->rest, n);
    return true;
}

void smtp_open_chunk(struct smtp_input *in, uint64_t size, bool is_last)
{
    struct smtp_state *s = in->state;

    smtp_open_message(in);
    s->is_chunk = true;
    s->is_last_chunk = is_last;
    s->chunk_left = size;
}

void smtp_drop_chunk(struct smtp_state *s)
{
    s->is_chunk = s->is_last_chunk = false;
    s->chunk_left = 0;
}

static void take_chunk(struct smtp_input *in)
{
    struct smtp_state *s = in->state;
    size_t n = in->rest.size < s->chunk_left ? in->rest.size : (size_t) s->chunk_left;

    feed(in, slice_of(in->rest.bytes, n));
    in->rest = slice_from(in->rest, n);
    s->chunk_left -= n;
}

static void end_chunk(struct smtp_input *in)
{
    struct smtp_state *s = in->state;
    bool is_last = s->is_last_chunk;

    smtp_drop_chunk(s);
    if (is_last) {
        smtp_end_message(in, true);
        smtp_end_mail(in, !smtp_wait_for_chunks(s));
    }
}

bool smtp_take_message(struct smtp_input *in)
{
    struct smtp_state *s = in->state;
    struct smtp_tx *tx = s->tx;
    bool is_enough = true;

    while (s->is_chunk && (in->rest.size != 0 || s->chunk_left == 0)) {
        take_chunk(in);
        if (s->chunk_left == 0) {
            end_chunk(in);
        }
    }
    while (s->is_data && in->rest.size != 0 && is_enough) {
        is_enough = take_data_line(in);
    }
    if (tx != NULL && s->tx == tx && tx->mime != NULL) {
        pass_events(in);
    }
    if (tx != NULL && s->tx == tx) {
        tx->tx.last_ns = in->now_ns;
        app_tx_changed(&tx->tx, TO_SERVER);
    }
    return is_enough && !s->is_data && !s->is_chunk;
}

void smtp_message_gap(struct smtp_input *in, uint64_t size)
{
    struct smtp_state *s = in->state;

    if (s->is_chunk) {
        size = size < s->chunk_left ? size : s->chunk_left;
        s->chunk_left -= size;
    }
    if (s->tx != NULL && s->tx->mime != NULL) {
        mime_gap(s->tx->mime, size);
    }
    s->is_within_line = true;
}
