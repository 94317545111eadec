/* Forms with uploads (RFC 7578, RFC 2046 section 5.1): each part with a file name is a
 * file.  The boundary is looked for byte by byte with the position in its pattern as the
 * only state, which suffices because CR stands at its front alone; nothing is buffered but
 * one header line. */
#include "sensor/app/http/http.h"

#define MAX_BOUNDARY 200
#define MAX_LINE 2048
#define MAX_PARTS 1024

enum part_at { PART_PREAMBLE, PART_AFTER, PART_HEADER, PART_DATA, PART_END };

struct http_multipart {
    enum part_at at;
    uint8_t pattern[4 + MAX_BOUNDARY];  /* CR LF "--" boundary */
    size_t pattern_size;
    size_t n_matched;
    size_t n_virtual;           /* Of those, so many never stood in the part's data. */
    uint8_t line[MAX_LINE];
    size_t line_size;
    bool is_file, is_line_cut;
    struct slice name;
    struct app_file *file;
    unsigned n_parts;
};

struct http_multipart *http_multipart_open(struct http_tx *tx, struct slice content_type)
{
    struct slice boundary = http_parameter(content_type, "boundary");

    if (boundary.size == 0 || boundary.size > MAX_BOUNDARY
        || memchr(boundary.bytes, '\r', boundary.size) != NULL) {
        http_event(tx, HTTP_EVENT_MULTIPART_ERROR);
        return NULL;
    }
    struct http_multipart *p = arena_alloc(&tx->tx.arena, sizeof *p);
    if (p != NULL) {
        memcpy(p->pattern, "\r\n--", 4);
        memcpy(p->pattern + 4, boundary.bytes, boundary.size);
        p->pattern_size = boundary.size + 4;
        p->n_matched = p->n_virtual = 2;
    }
    return p;
}

static void put_data(struct http_tx *tx, struct http_multipart *p, const uint8_t *bytes,
                     size_t size)
{
    if (p->at != PART_DATA || !p->is_file || size == 0) {
        return;
    }
    if (p->file == NULL) {
        p->file = app_file_open(&tx->tx, TO_SERVER, p->name,
                                http_conf(tx)->http_request_body_limit);
    }
    if (p->file != NULL) {
        app_file_append(&tx->tx, p->file, bytes, size);
    }
}

static void end_part(struct http_tx *tx, struct http_multipart *p, enum app_file_state state)
{
    if (p->at == PART_DATA && p->is_file) {
        if (p->file != NULL) {
            app_file_close(&tx->tx, p->file, state);
        } else {
            http_event(tx, HTTP_EVENT_MULTIPART_NO_FILE);
        }
    }
    p->file = NULL;
    p->is_file = false;
}

/* Data up to the boundary; returns how many bytes of 'in' were taken. */
static size_t take_data(struct http_tx *tx, struct http_multipart *p, struct slice in)
{
    size_t i = 0;

    while (i < in.size) {
        if (p->n_matched == 0) {
            const uint8_t *cr = memchr(in.bytes + i, '\r', in.size - i);
            size_t n = cr != NULL ? (size_t) (cr - in.bytes) - i : in.size - i;
            put_data(tx, p, in.bytes + i, n);
            i += n;
            if (cr != NULL) {
                p->n_matched = 1;
                p->n_virtual = 0;
                i++;
            }
        } else if (in.bytes[i] == p->pattern[p->n_matched]) {
            i++;
            if (++p->n_matched == p->pattern_size) {
                end_part(tx, p, FILE_CLOSED);
                p->n_matched = 0;
                p->line_size = 0;
                p->is_line_cut = false;
                p->at = ++p->n_parts <= MAX_PARTS ? PART_AFTER : PART_END;
                return i;
            }
        } else {
            put_data(tx, p, p->pattern + p->n_virtual, p->n_matched - p->n_virtual);
            p->n_matched = p->n_virtual = 0;
        }
    }
    return i;
}

static void read_header(struct http_tx *tx, struct http_multipart *p, struct slice line)
{
    static const char disposition[] = "content-disposition";
    const uint8_t *colon = memchr(line.bytes, ':', line.size);

    if (colon == NULL) {
        if (line.bytes[0] != ' ' && line.bytes[0] != '\t') {
            http_event(tx, HTTP_EVENT_MULTIPART_HEADER);
            return;
        }
    } else if (!slice_is_nocase(
                   http_trim(slice_of(line.bytes, (size_t) (colon - line.bytes))),
                   disposition)) {
        return;
    }
    struct slice name = http_parameter(line, "filename");
    if (name.size != 0) {
        p->name = arena_copy(&tx->tx.arena, name.bytes, name.size);
        p->is_file = true;
    }
}

/* A line behind a boundary or of a part's headers is complete. */
static void end_line(struct http_tx *tx, struct http_multipart *p)
{
    struct slice line = slice_of(p->line, p->line_size);

    while (line.size != 0
           && (line.bytes[line.size - 1] == '\r' || line.bytes[line.size - 1] == '\n')) {
        line.size--;
    }
    p->line_size = 0;
    if (p->is_line_cut) {
        http_event(tx, HTTP_EVENT_MULTIPART_HEADER);
        p->is_line_cut = false;
    }
    if (p->at == PART_AFTER) {
        bool is_last = line.size >= 2 && line.bytes[0] == '-' && line.bytes[1] == '-';
        p->at = is_last ? PART_END : PART_HEADER;
    } else if (line.size == 0) {
        p->at = PART_DATA;
        p->n_matched = p->n_virtual = 2;        /* The line end before counts. */
    } else {
        read_header(tx, p, line);
    }
}

static size_t take_line(struct http_tx *tx, struct http_multipart *p, struct slice in)
{
    const uint8_t *lf = memchr(in.bytes, '\n', in.size);
    size_t n = lf != NULL ? (size_t) (lf - in.bytes) + 1 : in.size;
    size_t room = MAX_LINE - p->line_size;

    memcpy(p->line + p->line_size, in.bytes, n < room ? n : room);
    p->line_size += n < room ? n : room;
    p->is_line_cut |= n > room;
    if (lf != NULL) {
        end_line(tx, p);
    }
    return n;
}

void http_multipart_feed(struct http_tx *tx, struct http_multipart *p, struct slice in)
{
    while (in.size != 0 && p->at != PART_END) {
        size_t n = p->at == PART_PREAMBLE || p->at == PART_DATA ? take_data(tx, p, in)
                                                                : take_line(tx, p, in);
        in = slice_from(in, n);
    }
}

void http_multipart_gap(struct http_tx *tx, struct http_multipart *p, uint64_t size)
{
    p->n_matched = p->n_virtual = 0;
    if (p->at == PART_DATA && p->is_file) {
        if (p->file == NULL) {
            p->file = app_file_open(&tx->tx, TO_SERVER, p->name,
                                    http_conf(tx)->http_request_body_limit);
        }
        if (p->file != NULL) {
            app_file_gap(&tx->tx, p->file, size);
        }
    }
}

void http_multipart_end(struct http_tx *tx, struct http_multipart *p, bool is_cut)
{
    bool is_last = p->at == PART_END
                   || (p->at == PART_AFTER && p->line_size >= 2
                       && memcmp(p->line, "--", 2) == 0);

    if (!is_last && !is_cut) {
        http_event(tx, HTTP_EVENT_MULTIPART_ERROR);
    }
    end_part(tx, p, FILE_TRUNCATED);
    p->at = PART_END;
}
