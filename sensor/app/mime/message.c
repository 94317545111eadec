/* A message: lines, fields, bodies, the parts of a multipart.
 *
 * A boundary is known by its beginning: what stands behind it on its line is not compared,
 * since mail programs differ in that, but one that fits as a whole goes before one that is
 * its prefix.  All boundaries around a part are looked for, not the innermost alone. */
#include "sensor/app/digest.h"
#include "sensor/app/mime/mime_private.h"

/* What OpenSSL allocates for one digest, about. */
#define DIGEST_MEMORY 512

struct mime_message *mime_open(struct app_tx *tx, enum direction dir)
{
    struct mime_message *m = arena_alloc(&tx->arena, sizeof *m);

    if (m == NULL) {
        return NULL;
    }
    m->tx = tx;
    m->dir = dir;
    m->is_text = true;
    if (mime_conf(m)->smtp_body_md5 && app_memory_take(tx->session, DIGEST_MEMORY)) {
        m->md5 = app_digest_open(tx->session->engine, APP_MD5);
        if (m->md5 == NULL) {
            app_memory_give(tx->session, DIGEST_MEMORY);
        }
    }
    return m;
}

static void free_md5(struct mime_message *m)
{
    if (m->md5 != NULL) {
        EVP_MD_CTX_free(m->md5);
        m->md5 = NULL;
        app_memory_give(m->tx->session, DIGEST_MEMORY);
    }
}

void mime_free(struct mime_message *m)
{
    if (m != NULL) {
        free_md5(m);
        app_bytes_free(m->tx->session, &m->line);
        app_bytes_free(m->tx->session, &m->open);
        app_bytes_free(m->tx->session, &m->text);
    }
}

/* ---- Parts ---- */

/* A boundary, or the end: the part is complete. */
static void end_part(struct mime_message *m, enum app_file_state state)
{
    if (m->at == MIME_AT_BODY) {
        mime_body_close(m, state);
    }
    m->coding = MIME_PLAIN;
    m->is_text = true;
    m->is_message = false;
    m->file_name = slice_of(NULL, 0);
    m->n_part_fields = 0;
}

/* ---- Lines ---- */

/* Which boundary is this line?  Their number: none. */
static size_t find_boundary(const struct mime_message *m, struct slice line)
{
    size_t prefix = m->n_boundaries;

    if (line.size < 3 || line.bytes[0] != '-' || line.bytes[1] != '-') {
        return m->n_boundaries;
    }
    for (size_t i = m->n_boundaries; i-- > 0;) {
        struct slice b = m->boundaries[i].text;
        if (line.size < b.size || memcmp(line.bytes, b.bytes, b.size) != 0) {
            continue;
        }
        struct slice rest = slice_from(line, b.size);
        if (mime_trim(rest).size == 0 || (rest.size >= 2 && memcmp(rest.bytes, "--", 2) == 0)) {
            return i;
        }
        prefix = prefix == m->n_boundaries ? i : prefix;
    }
    return prefix;
}

/* The boundary 'i' ends the part, and with two hyphens more all parts. */
static void take_boundary_line(struct mime_message *m, size_t i, struct slice line)
{
    struct slice rest = slice_from(line, m->boundaries[i].text.size);

    mime_field_flush(m);
    end_part(m, FILE_CLOSED);
    /* It stays known when it is over: what follows it under the same name is read as well. */
    m->n_boundaries = i + 1;
    m->is_inner = true;
    m->at = rest.size >= 2 && memcmp(rest.bytes, "--", 2) == 0 ? MIME_AT_BETWEEN
                                                               : MIME_AT_FIELDS;
}

/* The empty line behind fields. */
static void end_fields(struct mime_message *m)
{
    mime_field_flush(m);
    m->has_fields = true;
    m->is_inner = true;
    m->at = MIME_AT_BODY;
    if (m->is_message && m->depth < mime_conf(m)->smtp_mime_depth) {
        /* A message within: its fields follow, and say how its body is encoded. */
        m->depth++;
        end_part(m, FILE_CLOSED);
        m->at = MIME_AT_FIELDS;
        return;
    }
    m->has_body = true;
    mime_body_open(m);
}

static void update_md5(struct mime_message *m, struct slice text, struct slice end)
{
    if (m->md5 != NULL && m->has_body && text.size != 0) {
        EVP_DigestUpdate(m->md5, text.bytes, text.size);
    }
    if (m->md5 != NULL && m->has_body && end.size != 0) {
        EVP_DigestUpdate(m->md5, end.bytes, end.size);
        m->has_lines = true;
    }
}

/* A line, or a piece of one that is too long to be kept: the piece that ends it has an
 * 'end'.  'm->line_size' bytes of the line came before. */
static void take_line(struct mime_message *m, struct slice text, struct slice end)
{
    bool is_begin = m->line_size == 0;

    if (m->line_size + text.size > MIME_USUAL_LINE && !m->is_long_told) {
        m->is_long_told = true;
        mime_set_event(m, MIME_EVENT_LONG_LINE);
    }
    update_md5(m, text, end);
    if (is_begin && m->n_boundaries != 0) {
        size_t i = find_boundary(m, text);
        if (i != m->n_boundaries) {
            take_boundary_line(m, i, text);
            return;
        }
    }
    if (m->at == MIME_AT_BODY) {
        mime_body_put(m, text, end);
    } else if (m->at == MIME_AT_FIELDS && is_begin && text.size == 0) {
        end_fields(m);
    } else if (m->at == MIME_AT_FIELDS && is_begin) {
        if (text.size + end.size >= MIME_LINE_MAX) {
            mime_set_event(m, MIME_EVENT_TRUNCATED_LINE);
            text.size = text.size < MIME_LINE_MAX ? text.size : MIME_LINE_MAX;
        }
        mime_field_line(m, text);
    }
}

/* A line as it was sent; 'is_whole': with its end. */
static void split_line(struct mime_message *m, struct slice line, bool is_whole)
{
    size_t n_end = 0;

    if (is_whole) {
        n_end = line.size > 1 && line.bytes[line.size - 2] == '\r' ? 2 : 1;
    }
    struct slice text = slice_of(line.bytes, line.size - n_end);
    take_line(m, text, slice_of(line.bytes + text.size, n_end));
    m->line_size = is_whole ? 0 : m->line_size + text.size;
    if (is_whole) {
        m->is_long_told = m->is_long_encoded_told = false;
    }
}

/* A piece of a line that is handed on without having been kept.  The end of the line is
 * not to be torn, so a CR waits for what follows it. */
static void pass_piece(struct mime_message *m, struct slice piece, bool is_whole)
{
    bool has_cr = !is_whole && piece.size != 0 && piece.bytes[piece.size - 1] == '\r';

    piece.size -= has_cr;
    if (piece.size != 0) {
        split_line(m, piece, is_whole);
    }
    m->line.size = 0;
    if (has_cr) {
        app_bytes_put(m->tx->session, &m->line, "\r", 1);
    }
}

/* A piece of a line; what is kept of it stands before.  'is_whole': the line ends here. */
static void take_piece(struct mime_message *m, struct slice piece, bool is_whole)
{
    size_t room = MIME_LINE_MAX - m->line.size;
    size_t n = piece.size < room ? piece.size : room;

    if (m->line_size != 0 && m->line.size == 0) {
        pass_piece(m, piece, is_whole);
        return;
    }
    if (!app_bytes_put(m->tx->session, &m->line, piece.bytes, n)) {
        m->line.size = 0;
        m->line_size++;                 /* Without its beginning it is nothing. */
        return;
    }
    bool is_all = n == piece.size;
    if (is_all && !is_whole && m->line_size == 0 && n < room) {
        return;
    }
    pass_piece(m, slice_of(m->line.bytes, m->line.size), is_whole && is_all);
    if (!is_all) {
        take_piece(m, slice_from(piece, n), is_whole);
    }
}

void mime_feed(struct mime_message *m, struct slice bytes)
{
    while (bytes.size != 0 && m->at != MIME_AT_END) {
        const uint8_t *lf = memchr(bytes.bytes, '\n', bytes.size);
        size_t n = lf != NULL ? (size_t) (lf - bytes.bytes) + 1 : bytes.size;
        struct slice piece = slice_of(bytes.bytes, n);
        if (lf != NULL && m->line.size == 0) {
            split_line(m, piece, true);
        } else {
            take_piece(m, piece, lf != NULL);
        }
        bytes = slice_from(bytes, n);
    }
}

void mime_skip(struct mime_message *m, struct slice bytes)
{
    update_md5(m, bytes, slice_of(NULL, 0));
}

/* ---- Gaps and ends ---- */

void mime_gap(struct mime_message *m, uint64_t size)
{
    if (m->line.size != 0) {
        split_line(m, slice_of(m->line.bytes, m->line.size), false);
        m->line.size = 0;
    }
    free_md5(m);                        /* Of what is there it would say nothing. */
    mime_body_gap(m, size);
    m->line_size++;                     /* Within a line, as far as we know. */
}

static void finish_md5(struct mime_message *m)
{
    if (m->md5 != NULL && m->has_lines && m->is_whole) {
        m->has_md5 = EVP_DigestFinal_ex(m->md5, m->md5_value, NULL) == 1;
    }
    free_md5(m);
}

void mime_end(struct mime_message *m, bool is_whole)
{
    if (m->at == MIME_AT_END) {
        return;
    }
    m->is_whole = is_whole;
    if (m->line.size != 0) {
        split_line(m, slice_of(m->line.bytes, m->line.size), false);
    }
    if (m->at == MIME_AT_FIELDS) {
        mime_field_flush(m);
    }
    end_part(m, is_whole ? FILE_CLOSED : FILE_TRUNCATED);
    finish_md5(m);
    m->at = MIME_AT_END;
    app_bytes_free(m->tx->session, &m->line);
    app_bytes_free(m->tx->session, &m->open);
    app_bytes_free(m->tx->session, &m->text);
}

/* ---- Questions ---- */

uint32_t mime_take_events(struct mime_message *m, unsigned counts[MIME_N_EVENTS])
{
    uint32_t events = m->events;

    for (unsigned i = 0; i < MIME_N_EVENTS; i++) {
        if (counts != NULL) {
            counts[i] = m->counts[i];
        }
        m->counts[i] = 0;
    }
    m->events = 0;
    return events;
}

bool mime_has_fields(const struct mime_message *m)
{
    return m->has_fields;
}

bool mime_is_over(const struct mime_message *m)
{
    return m->at == MIME_AT_END;
}

size_t mime_attachments(const struct mime_message *m, const struct slice **names)
{
    *names = m->attachments.items;
    return m->attachments.n;
}

size_t mime_urls(const struct mime_message *m, const struct slice **urls)
{
    *urls = m->urls.items;
    return m->urls.n;
}

bool mime_body_md5(const struct mime_message *m, uint8_t md5[16])
{
    if (m->has_md5) {
        memcpy(md5, m->md5_value, sizeof m->md5_value);
    }
    return m->has_md5;
}
