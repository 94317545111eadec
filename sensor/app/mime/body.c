/* What stands in a part, line by line: decoded, into its file, and searched for URLs. */
#include "sensor/app/mime/mime_private.h"

#define OUT_SIZE 4096

static void put_file(struct mime_message *m, struct slice bytes)
{
    if (m->file != NULL && bytes.size != 0) {
        app_file_append(m->tx, m->file, bytes.bytes, bytes.size);
    }
}

/* In text, and in all that has a name: mail programs show it by that. */
static void search_urls(struct mime_message *m, struct slice bytes)
{
    if ((m->is_text || m->file_name.size != 0) && mime_conf(m)->smtp_extract_urls) {
        mime_url_text(m, bytes);
    }
}

/* Decoded bytes of a part. */
static void put_decoded(struct mime_message *m, struct slice bytes)
{
    put_file(m, bytes);
    search_urls(m, bytes);
}

/* As they are.  The end of a line may belong to the boundary behind it, so it is held back
 * from the file until another line comes. */
static void put_plain(struct mime_message *m, struct slice text, struct slice end)
{
    put_file(m, slice_of(m->held_end, m->n_held_end));
    m->n_held_end = 0;
    put_file(m, text);
    search_urls(m, slice_of(text.bytes, text.size + end.size));     /* They adjoin. */
    if (end.size != 0) {
        memcpy(m->held_end, end.bytes, end.size);
        m->n_held_end = (unsigned) end.size;
    }
}

/* The end of a line of quoted-printable belongs to its text; that of an empty line may be
 * the boundary's. */
static void put_qp_end(struct mime_message *m, struct slice end, bool is_empty)
{
    if (is_empty) {
        memcpy(m->held_end, end.bytes, end.size);
        m->n_held_end = (unsigned) end.size;
    } else {
        put_decoded(m, end);
    }
}

static void put_encoded(struct mime_message *m, struct slice text, struct slice end)
{
    uint8_t out[OUT_SIZE + 8];
    bool is_bad = false, is_soft = true;
    bool is_empty = text.size == 0 && m->line_size == 0;

    if (m->n_held_end != 0) {
        put_decoded(m, slice_of(m->held_end, m->n_held_end));
        m->n_held_end = 0;
    }
    do {
        struct slice some = slice_of(text.bytes, text.size < OUT_SIZE ? text.size : OUT_SIZE);
        text = slice_from(text, some.size);
        size_t n = m->coding == MIME_BASE64
                       ? mime_base64_step(&m->base64, some, out, &is_bad)
                       : mime_qp_step(&m->qp, some, text.size == 0 && end.size != 0, out,
                                      &is_soft, &is_bad);
        put_decoded(m, slice_of(out, n));
    } while (text.size != 0);
    if (m->coding == MIME_QP && end.size != 0 && !is_soft) {
        put_qp_end(m, end, is_empty);
    }
    if (is_bad) {
        mime_set_event(m, m->coding == MIME_BASE64 ? MIME_EVENT_INVALID_BASE64
                                                   : MIME_EVENT_INVALID_QP);
    }
}

void mime_body_put(struct mime_message *m, struct slice text, struct slice end)
{
    if (m->coding == MIME_PLAIN) {
        put_plain(m, text, end);
        return;
    }
    if (m->line_size + text.size > MIME_USUAL_ENCODED_LINE && !m->is_long_encoded_told) {
        m->is_long_encoded_told = true;
        mime_set_event(m, MIME_EVENT_LONG_ENCODED_LINE);
    }
    put_encoded(m, text, end);
}

void mime_body_open(struct mime_message *m)
{
    if (m->file_name.size != 0) {
        m->file = app_file_open(m->tx, m->dir, m->file_name, mime_conf(m)->smtp_file_limit);
    }
}

/* What a body's decoder still held. */
static void flush(struct mime_message *m)
{
    uint8_t out[4];
    bool is_soft, is_bad = false;

    if (m->coding == MIME_BASE64) {
        put_decoded(m, slice_of(out, mime_base64_end(&m->base64, out)));
    } else if (m->coding == MIME_QP && m->qp.n != 0) {
        size_t n = mime_qp_step(&m->qp, slice_of(NULL, 0), true, out, &is_soft, &is_bad);
        put_decoded(m, slice_of(out, n));
    }
    mime_url_flush(m);
}

void mime_body_close(struct mime_message *m, enum app_file_state state)
{
    flush(m);
    if (m->file != NULL) {
        app_file_close(m->tx, m->file, state);
        m->file = NULL;
    }
    m->n_held_end = 0;
    m->base64.n = m->qp.n = 0;
}

void mime_body_gap(struct mime_message *m, uint64_t size)
{
    if (m->file != NULL) {
        put_file(m, slice_of(m->held_end, m->n_held_end));
        m->n_held_end = 0;
        app_file_gap(m->tx, m->file, size);
    }
    m->base64.n = m->qp.n = 0;
}
