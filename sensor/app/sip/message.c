/* One message: its start line (RFC 3261, 7.1 and 7.2) and its headers (7.3). */
#include "sensor/app/sip/sip.h"

#include <strings.h>

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static struct slice trim(struct slice s)
{
    while (s.size != 0 && is_blank(s.bytes[0])) {
        s = slice_from(s, 1);
    }
    while (s.size != 0 && (is_blank(s.bytes[s.size - 1]) || s.bytes[s.size - 1] == '\r')) {
        s.size--;
    }
    return s;
}

/* The next line off '*rest', without its end; false: none is left. */
static bool take_line(struct slice *rest, struct slice *line)
{
    const uint8_t *lf = rest->size != 0 ? memchr(rest->bytes, '\n', rest->size) : NULL;
    size_t size = lf != NULL ? (size_t) (lf - rest->bytes) : rest->size;

    if (rest->size == 0) {
        return false;
    }
    *line = slice_of(rest->bytes, size);
    if (line->size != 0 && line->bytes[line->size - 1] == '\r') {
        line->size--;
    }
    *rest = slice_from(*rest, lf != NULL ? size + 1 : size);
    return true;
}

/* ---- Start lines ---- */

static bool begins(struct slice s, const char *text)
{
    return s.size >= strlen(text) && memcmp(s.bytes, text, strlen(text)) == 0;
}

/* Could 's' go on to be 'text'? */
static bool may_begin(struct slice s, const char *text)
{
    size_t n = s.size < strlen(text) ? s.size : strlen(text);

    return n == 0 || memcmp(s.bytes, text, n) == 0;
}

enum app_probe sip_probe_line(struct slice s)
{
    static const char *const methods[] = {
        "INVITE ", "REGISTER ", "OPTIONS ", "ACK ", "BYE ", "CANCEL ", "SUBSCRIBE ",
        "NOTIFY ", "REFER ", "MESSAGE ", "INFO ", "UPDATE ", "PRACK ", "PUBLISH ",
    };
    bool may_be = may_begin(s, "SIP/2.0 ");

    if (s.size != 0 && (s.bytes[0] < 'A' || s.bytes[0] > 'Z')) {
        return APP_PROBE_NO;            /* Most of what is asked about; none begins so. */
    }
    if (begins(s, "SIP/2.0 ")) {
        return APP_PROBE_YES;
    }
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (begins(s, methods[i])) {
            struct slice rest = s, line = {0};
            bool is_whole = memchr(s.bytes, '\n', s.size) != NULL;
            take_line(&rest, &line);
            /* Other protocols have such methods as well. */
            return memmem(line.bytes, line.size, " SIP/", 5) != NULL ? APP_PROBE_YES
                   : is_whole ? APP_PROBE_NO : APP_PROBE_MORE;
        }
        may_be |= may_begin(s, methods[i]);
    }
    return may_be ? APP_PROBE_MORE : APP_PROBE_NO;
}

/* Up to the first blank; '*rest' goes on behind it and those that follow. */
static struct slice take_word(struct slice *rest)
{
    size_t n = 0;

    while (n < rest->size && !is_blank(rest->bytes[n])) {
        n++;
    }
    struct slice word = slice_of(rest->bytes, n);
    *rest = trim(slice_from(*rest, n));
    return word;
}

/* "SIP/2.0 200 OK" */
static bool read_status_line(struct sip_message *m, struct slice line)
{
    m->version = take_word(&line);
    m->code = take_word(&line);
    m->reason = line;
    if (m->code.size != 3) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        if (m->code.bytes[i] < '0' || m->code.bytes[i] > '9') {
            return false;
        }
    }
    return true;
}

/* "INVITE sip:bob@biloxi.com SIP/2.0": the last word is the version. */
static bool read_request_line(struct sip_message *m, struct slice line)
{
    m->is_request = true;
    m->method = take_word(&line);
    size_t n = line.size;
    while (n != 0 && !is_blank(line.bytes[n - 1])) {
        n--;
    }
    m->version = slice_from(line, n);
    m->uri = trim(slice_of(line.bytes, n));
    for (size_t i = 0; i < m->method.size; i++) {
        if (m->method.bytes[i] < 0x21 || m->method.bytes[i] > 0x7e) {
            return false;
        }
    }
    return m->method.size != 0 && m->uri.size != 0 && begins(m->version, "SIP/");
}

/* ---- Headers ---- */

size_t sip_head_size(struct slice s, size_t *scanned)
{
    for (size_t i = *scanned; i < s.size; i++) {
        if (s.bytes[i] != '\n') {
            continue;
        }
        size_t left = s.size - i - 1;
        if (left >= 1 && s.bytes[i + 1] == '\n') {
            return i + 2;
        }
        if (left >= 2 && s.bytes[i + 1] == '\r' && s.bytes[i + 2] == '\n') {
            return i + 3;
        }
        if (left < 2) {
            *scanned = i;
            return 0;
        }
    }
    *scanned = s.size;
    return 0;
}

/* "Name : value": which field, and its value; SIP_N_FIELDS for others.  False: no header. */
static bool split_header(struct slice line, enum sip_field *field, struct slice *value)
{
    static const struct { const char *name, *shorter; } fields[] = {
#define X(id, name, shorter) { name, shorter },
        SIP_FIELDS(X)
#undef X
    };
    const uint8_t *colon = line.size != 0 ? memchr(line.bytes, ':', line.size) : NULL;

    if (colon == NULL || colon == line.bytes) {
        return false;
    }
    struct slice name = trim(slice_of(line.bytes, (size_t) (colon - line.bytes)));
    *value = trim(slice_from(line, (size_t) (colon - line.bytes) + 1));
    for (*field = 0; *field < SIP_N_FIELDS; (*field)++) {
        if (slice_is_nocase(name, fields[*field].name)
            || (fields[*field].shorter[0] != '\0'
                && slice_is_nocase(name, fields[*field].shorter))) {
            break;
        }
    }
    return true;
}

bool sip_body_size(struct slice head, uint64_t *size)
{
    struct slice rest = head, line, value;
    enum sip_field field;

    *size = 0;
    while (take_line(&rest, &line)) {
        if (!split_header(line, &field, &value) || field != SIP_CONTENT_LENGTH) {
            continue;
        }
        for (size_t i = 0; i < value.size; i++) {
            if (value.bytes[i] < '0' || value.bytes[i] > '9' || *size > UINT32_MAX) {
                *size = 0;
                return false;
            }
            *size = *size * 10 + (uint64_t) (value.bytes[i] - '0');
        }
        return true;
    }
    return true;
}

/* A line that begins with a blank goes on with the header before (7.3.1). */
static void unfold(struct sip_header *h, struct slice line, struct arena *arena)
{
    struct slice more = trim(line);
    uint8_t *joined = arena_alloc(arena, h->value.size + 1 + more.size);

    if (joined == NULL) {
        return;
    }
    if (h->value.size != 0) {
        memcpy(joined, h->value.bytes, h->value.size);
    }
    joined[h->value.size] = ' ';
    if (more.size != 0) {
        memcpy(joined + h->value.size + 1, more.bytes, more.size);
    }
    h->value = slice_of(joined, h->value.size + 1 + more.size);
}

static void read_headers(struct sip_message *m, struct slice rest, struct arena *arena)
{
    struct slice line, value;
    enum sip_field field = SIP_N_FIELDS;

    m->headers = arena_alloc(arena, SIP_MAX_HEADERS * sizeof *m->headers);
    while (m->headers != NULL && take_line(&rest, &line) && line.size != 0) {
        if (is_blank(line.bytes[0])) {
            if (field != SIP_N_FIELDS && m->n_headers != 0) {
                unfold(&m->headers[m->n_headers - 1], line, arena);
            }
        } else if (!split_header(line, &field, &value)) {
            m->is_odd = true;
            field = SIP_N_FIELDS;
        } else if (field != SIP_N_FIELDS && m->n_headers < SIP_MAX_HEADERS) {
            m->headers[m->n_headers++] = (struct sip_header) { field, value };
        } else {
            field = SIP_N_FIELDS;
        }
    }
}

bool sip_message_read(struct sip_message *m, struct slice head, struct arena *arena)
{
    struct slice rest = head;

    if (!take_line(&rest, &m->line)) {
        return false;
    }
    bool is_good = begins(m->line, "SIP/") ? read_status_line(m, m->line)
                                           : read_request_line(m, m->line);
    if (is_good) {
        read_headers(m, rest, arena);
    }
    return is_good;
}
