/* Shared by the files of this folder alone.
 *
 *   message.c    lines, states, parts
 *   body.c       what stands in a part
 *   field.c      fields and addresses
 *   parameter.c  what stands behind the semicolons of a field
 *   decode.c     base64 and quoted-printable
 *   url.c        URLs in text */
#ifndef CIVICSHIELD_MIME_PRIVATE_H
#define CIVICSHIELD_MIME_PRIVATE_H

#include "sensor/app/file.h"
#include "sensor/app/mime/mime.h"

#define MIME_MAX_FIELDS 1024            /* Of the message itself; parts keep none. */
#define MIME_MAX_PART_FIELDS 64         /* Looked at, of one part. */
#define MIME_MAX_BOUNDARY 1024

/* ---- Transfer codings ---- */

enum mime_coding { MIME_PLAIN, MIME_BASE64, MIME_QP };

struct mime_base64 {
    uint8_t quad[4];            /* Values, 64 for padding. */
    unsigned n;
};

/* A line of quoted-printable that came in pieces: what the last one ended in. */
struct mime_qp {
    uint8_t held[3];            /* '=', or '=' and a digit. */
    unsigned n;
};

/* Both write at most 'in.size' + 3 bytes to 'out' and return how many; '*is_bad' is set
 * when something does not belong there. */
size_t mime_base64_step(struct mime_base64 *, struct slice in, uint8_t *out, bool *is_bad);
/* The bits that are left when the part ends; at most 2 bytes. */
size_t mime_base64_end(struct mime_base64 *, uint8_t *out);
/* A piece of a line, its end left out; 'is_end': the line ends here.  '*is_soft' tells
 * whether the line break is not to be kept. */
size_t mime_qp_step(struct mime_qp *, struct slice in, bool is_end, uint8_t *out,
                    bool *is_soft, bool *is_bad);

/* ---- Messages ---- */

enum mime_at {
    MIME_AT_FIELDS,             /* Of the message, or of a part. */
    MIME_AT_BODY,
    MIME_AT_BETWEEN,            /* Before the first part, behind the last, of a multipart. */
    MIME_AT_END,
};

struct mime_list {
    struct slice *items;        /* In the transaction's arena. */
    size_t n, cap;
};

struct mime_boundary {
    struct slice text;          /* With the two hyphens. */
};

struct mime_message {
    struct app_tx *tx;
    enum direction dir;
    enum mime_at at;
    bool has_fields;            /* Those of the message itself are complete. */
    bool has_body;              /* ... and those of messages that stand for its body. */
    bool has_lines;             /* The body is not empty. */
    bool is_inner;              /* The fields are those of a part or of a message within. */
    bool is_whole;
    uint32_t events;
    unsigned counts[MIME_N_EVENTS];

    struct app_bytes line;      /* The line so far, when it came in pieces. */
    size_t line_size;           /* Of it, handed on already: what follows begins none. */
    bool is_long_told, is_long_encoded_told;

    struct app_bytes open;      /* The field that may go on: name, colon, value. */
    size_t open_name;           /* Bytes of its name. */
    bool has_open;
    struct mime_field *fields;
    size_t n_fields, fields_cap;
    size_t fields_size;         /* Bytes of them. */
    unsigned n_part_fields;

    struct mime_boundary *boundaries;   /* Innermost last. */
    size_t n_boundaries;
    unsigned depth;             /* Messages within messages. */

    /* Of the part that is open. */
    enum mime_coding coding;
    struct mime_base64 base64;
    struct mime_qp qp;
    bool is_text;               /* Looked at for URLs. */
    bool is_message;            /* A message stands in it. */
    struct slice file_name;
    struct app_file *file;
    uint8_t held_end[2];        /* The line end that belongs to the boundary, if one comes. */
    unsigned n_held_end;

    struct app_bytes text;      /* A decoded line, for URLs. */
    struct mime_list urls, attachments;
    void *md5;                  /* EVP_MD_CTX of the body. */
    uint8_t md5_value[16];
    bool has_md5;
};

static inline void mime_set_event(struct mime_message *m, enum mime_event event)
{
    m->events |= 1u << event;
    if (m->counts[event] < 255) {
        m->counts[event]++;
    }
}

static inline const struct app_conf *mime_conf(const struct mime_message *m)
{
    return app_engine_conf(m->tx->session->engine);
}

static inline bool mime_is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static inline struct slice mime_trim(struct slice s)
{
    while (s.size != 0 && mime_is_blank(s.bytes[0])) {
        s = slice_from(s, 1);
    }
    while (s.size != 0 && mime_is_blank(s.bytes[s.size - 1])) {
        s.size--;
    }
    return s;
}

/* Appends a copy; false: full, or no memory. */
bool mime_list_add(struct mime_message *, struct mime_list *, struct slice, size_t max);

/* body.c: the body of a part whose fields are known, a file if it has a name. */
void mime_body_open(struct mime_message *);
/* A line of it, or a piece of one that is too long: the piece that ends it has an 'end',
 * which stands behind 'text' in memory. */
void mime_body_put(struct mime_message *, struct slice text, struct slice end);
void mime_body_gap(struct mime_message *, uint64_t size);
void mime_body_close(struct mime_message *, enum app_file_state);

/* field.c: one line of fields, without its end. */
void mime_field_line(struct mime_message *, struct slice line);
/* No line follows that could go on with the open field. */
void mime_field_flush(struct mime_message *);

/* parameter.c: a parameter's value ("filename", "name", "boundary"), put together when it
 * stands in pieces, decoded when it says how (RFC 2231); in the arena or in 'value'.
 * NULL bytes: there is none. */
struct slice mime_parameter(struct mime_message *, struct slice value, const char *name);
/* Encoded words (RFC 2047) undone; the same slice when there are none. */
struct slice mime_decode_words(struct mime_message *, struct slice);

/* url.c: decoded text of a part. */
void mime_url_text(struct mime_message *, struct slice text);
/* The part ends: a line that is not complete is looked at. */
void mime_url_flush(struct mime_message *);

#endif
