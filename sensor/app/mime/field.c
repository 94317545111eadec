/* Fields (RFC 5322, section 2.2): lines to names and values, and what those of RFC 2045 and
 * RFC 2183 mean for the body behind them. */
#include "sensor/app/mime/mime_private.h"

#define GROW_FROM 16

bool mime_list_add(struct mime_message *m, struct mime_list *list, struct slice text,
                   size_t max)
{
    if (list->n >= max) {
        return false;
    }
    if (list->n == list->cap) {
        size_t cap = list->cap != 0 ? list->cap * 2 : GROW_FROM;
        struct slice *grown = arena_alloc(&m->tx->arena, cap * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        if (list->n != 0) {
            memcpy(grown, list->items, list->n * sizeof *grown);
        }
        list->items = grown;
        list->cap = cap;
    }
    struct slice copy = text.size != 0 ? arena_copy(&m->tx->arena, text.bytes, text.size)
                                       : slice_text("");
    if (copy.bytes == NULL) {
        return false;
    }
    list->items[list->n++] = copy;
    return true;
}

/* ---- What a field means ---- */

/* The media type alone, its parameters left out. */
static struct slice first_word(struct slice value)
{
    const uint8_t *end = value.size != 0 ? memchr(value.bytes, ';', value.size) : NULL;

    return mime_trim(end != NULL ? slice_of(value.bytes, (size_t) (end - value.bytes))
                                 : value);
}

/* A file's name, by Content-Disposition or Content-Type: the first that is not empty. */
static void take_file_name(struct mime_message *m, struct slice value, const char *parameter)
{
    struct slice name = mime_parameter(m, value, parameter);

    if (name.bytes == NULL || m->file_name.size != 0) {
        return;
    }
    if (mime_conf(m)->smtp_decode_names) {
        name = mime_decode_words(m, name);
    }
    if (name.size > MIME_FILE_NAME_MAX) {
        mime_set_event(m, MIME_EVENT_LONG_FILE_NAME);
        name.size = MIME_FILE_NAME_MAX;
    }
    if (mime_list_add(m, &m->attachments, name, MIME_MAX_ATTACHMENTS)) {
        m->file_name = m->attachments.items[m->attachments.n - 1];
    }
}

static void take_boundary(struct mime_message *m, struct slice value)
{
    struct slice boundary = mime_parameter(m, value, "boundary");

    if (boundary.size == 0) {
        return;
    }
    if (boundary.size > MIME_USUAL_BOUNDARY) {
        mime_set_event(m, MIME_EVENT_LONG_BOUNDARY);
    }
    if (boundary.size > MIME_MAX_BOUNDARY || m->n_boundaries >= mime_conf(m)->smtp_mime_depth) {
        return;
    }
    if (m->boundaries == NULL) {
        size_t n = (size_t) mime_conf(m)->smtp_mime_depth;
        m->boundaries = arena_alloc(&m->tx->arena, n * sizeof *m->boundaries);
    }
    uint8_t *text = arena_alloc(&m->tx->arena, boundary.size + 2);
    if (text == NULL || m->boundaries == NULL) {
        return;
    }
    memcpy(text, "--", 2);
    memcpy(text + 2, boundary.bytes, boundary.size);
    m->boundaries[m->n_boundaries++].text = slice_of(text, boundary.size + 2);
}

static void take_content_type(struct mime_message *m, struct slice value)
{
    struct slice type = first_word(value);

    take_file_name(m, value, "name");
    take_boundary(m, value);
    m->is_text = slice_is_nocase(type, "text/plain") || slice_is_nocase(type, "text/html");
    m->is_message = type.size >= 8
                    && strncasecmp((const char *) type.bytes, "message/", 8) == 0;
}

static void take_coding(struct mime_message *m, struct slice value)
{
    struct slice name = first_word(value);

    if (slice_is_nocase(name, "base64")) {
        m->coding = MIME_BASE64;
    } else if (slice_is_nocase(name, "quoted-printable")) {
        m->coding = MIME_QP;
    }
}

/* ---- Lines to fields ---- */

/* Keeps a field of the message itself; what passes the limits is left out. */
static void keep_field(struct mime_message *m, struct slice name, struct slice value)
{
    uint64_t limit = mime_conf(m)->smtp_header_limit;

    if (m->n_fields == MIME_MAX_FIELDS || m->fields_size + name.size + value.size > limit) {
        return;
    }
    if (m->n_fields == m->fields_cap) {
        size_t cap = m->fields_cap != 0 ? m->fields_cap * 2 : GROW_FROM;
        struct mime_field *grown = arena_alloc(&m->tx->arena, cap * sizeof *grown);
        if (grown == NULL) {
            return;
        }
        if (m->n_fields != 0) {
            memcpy(grown, m->fields, m->n_fields * sizeof *grown);
        }
        m->fields = grown;
        m->fields_cap = cap;
    }
    uint8_t *text = arena_alloc(&m->tx->arena, name.size + value.size + 1);
    if (text == NULL) {
        return;
    }
    memcpy(text, name.bytes, name.size);
    if (value.size != 0) {
        memcpy(text + name.size, value.bytes, value.size);
    }
    m->fields[m->n_fields++] = (struct mime_field) {
        .name = slice_of(text, name.size),
        .value = slice_of(text + name.size, value.size),
    };
    m->fields_size += name.size + value.size;
}

void mime_field_flush(struct mime_message *m)
{
    if (!m->has_open) {
        return;
    }
    m->has_open = false;
    struct slice name = slice_of(m->open.bytes, m->open_name);
    struct slice value = slice_of(m->open.bytes + m->open_name,
                                  m->open.size - m->open_name);
    if (!m->is_inner) {
        keep_field(m, name, value);
    } else if (++m->n_part_fields > MIME_MAX_PART_FIELDS) {
        return;
    }
    if (slice_is_nocase(name, "content-disposition")) {
        take_file_name(m, value, "filename");
    } else if (slice_is_nocase(name, "content-type")) {
        take_content_type(m, value);
    } else if (slice_is_nocase(name, "content-transfer-encoding")) {
        take_coding(m, value);
    }
}

/* The line goes on with the value of the open field. */
static void continue_field(struct mime_message *m, struct slice more)
{
    uint64_t limit = mime_conf(m)->smtp_header_limit;
    size_t room = m->open.size < limit ? (size_t) limit - m->open.size : 0;

    if (m->open.size == m->open_name) {
        while (more.size != 0 && mime_is_blank(more.bytes[0])) {
            more = slice_from(more, 1);
        }
    }
    app_bytes_put(m->tx->session, &m->open, more.bytes, more.size < room ? more.size : room);
}

void mime_field_line(struct mime_message *m, struct slice line)
{
    if (m->has_open && mime_is_blank(line.bytes[0])) {
        continue_field(m, slice_from(line, 1));
        return;
    }
    const uint8_t *colon = memchr(line.bytes, ':', line.size);
    mime_field_flush(m);
    if (colon == NULL) {
        return;
    }
    size_t n = (size_t) (colon - line.bytes);
    struct slice name = mime_trim(slice_of(line.bytes, n));
    struct slice value = slice_from(line, n + 1);
    while (value.size != 0 && mime_is_blank(value.bytes[0])) {
        value = slice_from(value, 1);
    }
    if (name.size > MIME_USUAL_NAME) {
        mime_set_event(m, MIME_EVENT_LONG_NAME);
    }
    if (value.size > mime_conf(m)->smtp_header_value_depth) {
        mime_set_event(m, MIME_EVENT_LONG_VALUE);
    }
    m->open.size = 0;
    m->open_name = name.size;
    m->has_open = name.size != 0
                  && app_bytes_put(m->tx->session, &m->open, name.bytes, name.size)
                  && app_bytes_put(m->tx->session, &m->open, value.bytes, value.size);
}

/* ---- Questions ---- */

const struct mime_field *mime_field(const struct mime_message *m, const char *name,
                                    unsigned index)
{
    for (size_t i = 0; m->has_fields && i < m->n_fields; i++) {
        if (slice_is_nocase(m->fields[i].name, name) && index-- == 0) {
            return &m->fields[i];
        }
    }
    return NULL;
}

size_t mime_split_addresses(struct slice value, struct slice *out, size_t max)
{
    size_t n = 0, from = 0;
    bool is_quoted = false;

    for (size_t i = 0; i <= value.size; i++) {
        bool is_end = i == value.size;
        if (!is_end && value.bytes[i] == '"') {
            is_quoted = !is_quoted;
        } else if (!is_end && value.bytes[i] == '\\') {
            i += i + 1 < value.size;
        } else if (is_end || (value.bytes[i] == ',' && !is_quoted)) {
            struct slice one = mime_trim(slice_of(value.bytes + from, i - from));
            if (one.size != 0 && n < max) {
                out[n] = one;
            }
            n += one.size != 0;
            from = i + 1;
        }
    }
    return n;
}
