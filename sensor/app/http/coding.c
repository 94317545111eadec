/* Content codings: gzip (RFC 1952), deflate (RFC 1950, or RFC 1951 alone, as half of the
 * servers understood it), brotli (RFC 7932), one behind another.
 *
 * What is announced and what is sent differ in the field, and browsers cope, so the first
 * bytes decide: gzip by its magic, otherwise each candidate is tried on the first SNIFF
 * bytes and the first that does not fail is taken; when all fail, the bytes are handed on
 * as they are.  Checksums and lengths at the end are not looked at.
 *
 * Memory of the libraries is taken from the session's; output is bounded by size and by
 * its ratio to the input. */
#include <stdlib.h>

#include <brotli/decode.h>
#include <zlib.h>

#include "sensor/app/http/http.h"

#define SNIFF 512
#define OUT_SIZE 8192
/* A ratio says nothing about a body smaller than this. */
#define BOMB_MIN (1u << 20)
/* A raw deflate stream has no mark of its own: one that did not end needs some size. */
#define RAW_MIN 64

enum coding_state {
    SNIFFING, GZIP_HEADER, DECODING, PASSING, DISCARDING
};
enum format { FORMAT_GZIP, FORMAT_ZLIB, FORMAT_RAW, FORMAT_BROTLI };
/* Of the gzip header: where its machine stands. */
enum gzip_at { GZ_FIXED, GZ_EXTRA_SIZE, GZ_EXTRA, GZ_NAME, GZ_COMMENT, GZ_CRC, GZ_END };

struct http_coding {
    struct http_coding *next;   /* Who gets the output; NULL: the body. */
    enum http_coding_kind kind;
    enum coding_state state;
    enum format format;
    uint64_t n_out;
    uint8_t held[SNIFF];
    size_t n_held;
    enum gzip_at gz_at;
    uint8_t gz_flags;
    size_t gz_left;
    z_stream z;
    bool is_z_open;
    BrotliDecoderState *brotli;
    struct app_session *session;
};

/* ---- Memory: each block carries its size, so that it can be given back. ---- */

static void *take_block(struct app_session *s, size_t size)
{
    size_t total = size + 16;

    if (size > SIZE_MAX - 16 || !app_memory_take(s, total)) {
        return NULL;
    }
    size_t *block = malloc(total);
    if (block == NULL) {
        app_memory_give(s, total);
        return NULL;
    }
    block[0] = total;
    return block + 2;
}

static void give_block(void *session, void *memory)
{
    if (memory != NULL) {
        size_t *block = (size_t *) memory - 2;
        app_memory_give(session, block[0]);
        free(block);
    }
}

static void *alloc_zlib(void *session, unsigned n, unsigned size)
{
    return size != 0 && n > SIZE_MAX / size ? NULL : take_block(session, (size_t) n * size);
}

static void *alloc_brotli(void *session, size_t size)
{
    return take_block(session, size);
}

/* ---- One format ---- */

static bool open_format(struct http_coding *c, enum format format)
{
    c->format = format;
    if (format == FORMAT_BROTLI) {
        c->brotli = BrotliDecoderCreateInstance(alloc_brotli, give_block, c->session);
        return c->brotli != NULL;
    }
    c->z = (z_stream) { .zalloc = alloc_zlib, .zfree = give_block, .opaque = c->session };
    c->is_z_open = inflateInit2(&c->z, format == FORMAT_ZLIB ? 15 : -15) == Z_OK;
    return c->is_z_open;
}

static void close_format(struct http_coding *c)
{
    if (c->is_z_open) {
        inflateEnd(&c->z);
        c->is_z_open = false;
    }
    if (c->brotli != NULL) {
        BrotliDecoderDestroyInstance(c->brotli);
        c->brotli = NULL;
    }
}

enum decoded { DECODED_MORE, DECODED_END, DECODED_ERROR };

/* One round: as much of '*in' as fills 'out'; '*n' bytes were made. */
static enum decoded decode_some(struct http_coding *c, struct slice *in, uint8_t *out,
                                size_t *n)
{
    if (c->brotli != NULL) {
        size_t left = in->size, room = OUT_SIZE;
        const uint8_t *next = in->bytes;
        uint8_t *to = out;
        BrotliDecoderResult r = BrotliDecoderDecompressStream(c->brotli, &left, &next, &room,
                                                              &to, NULL);
        *in = slice_of(next, left);
        *n = OUT_SIZE - room;
        return r == BROTLI_DECODER_RESULT_ERROR     ? DECODED_ERROR
               : r == BROTLI_DECODER_RESULT_SUCCESS ? DECODED_END
                                                    : DECODED_MORE;
    }
    c->z.next_in = (uint8_t *) (uintptr_t) in->bytes;
    c->z.avail_in = in->size > UINT32_MAX ? UINT32_MAX : (unsigned) in->size;
    c->z.next_out = out;
    c->z.avail_out = OUT_SIZE;
    size_t offered = c->z.avail_in;
    int r = inflate(&c->z, Z_SYNC_FLUSH);
    size_t used = offered - c->z.avail_in;
    *in = slice_of(in->bytes + used, in->size - used);
    *n = OUT_SIZE - c->z.avail_out;
    if (r == Z_STREAM_END) {
        return DECODED_END;
    }
    if (r == Z_DATA_ERROR && c->format == FORMAT_ZLIB && in->size <= 4 && c->n_out + *n != 0) {
        return DECODED_END;                     /* The checksum alone. */
    }
    return r == Z_OK || r == Z_BUF_ERROR ? DECODED_MORE : DECODED_ERROR;
}

static void emit(struct http_tx *tx, enum direction dir, struct http_coding *c,
                 struct slice bytes)
{
    const struct app_conf *conf = http_conf(tx);

    if (bytes.size == 0) {
        return;
    }
    c->n_out += bytes.size;
    if (c->next != NULL) {
        http_coding_feed(tx, dir, c->next, bytes);
    } else {
        http_body_decoded(tx, dir, bytes);
    }
    /* Against what was on the wire: layers multiply. */
    bool is_bomb = c->n_out > BOMB_MIN
                   && c->n_out / conf->http_decompress_ratio
                          > tx->msgs[dir].body.wire_size;
    if (is_bomb || c->n_out > conf->http_decompress_limit) {
        http_event(tx, HTTP_EVENT_COMPRESSION_BOMB);
        c->state = DISCARDING;
    } else if (tx->msgs[dir].body.is_cut && c->n_out > 2 * BOMB_MIN) {
        c->state = DISCARDING;                  /* Nobody looks, and it is no bomb. */
    }
}

static void run(struct http_tx *tx, enum direction dir, struct http_coding *c,
                struct slice in)
{
    uint8_t out[OUT_SIZE];
    size_t n = OUT_SIZE;
    enum decoded r = DECODED_MORE;

    while (c->state == DECODING && r == DECODED_MORE && (in.size != 0 || n == OUT_SIZE)) {
        size_t before = in.size;
        r = decode_some(c, &in, out, &n);
        emit(tx, dir, c, slice_of(out, n));
        if (n == 0 && in.size == before) {
            break;
        }
    }
    if (r == DECODED_ERROR) {
        http_event(tx, HTTP_EVENT_GZIP_FAILED);
    }
    if (r != DECODED_MORE) {
        c->state = DISCARDING;                  /* Trailers, padding, second members. */
    }
    if (c->state == DISCARDING) {
        close_format(c);
    }
}

/* ---- Which format is it? ---- */

/* Does 'format' get through what is held? */
static bool try_format(struct http_coding *c, enum format format, bool is_all)
{
    uint8_t out[OUT_SIZE];
    struct slice in = slice_of(c->held, c->n_held);
    size_t n = OUT_SIZE, total = 0;
    enum decoded r = DECODED_MORE;

    if (!open_format(c, format)) {
        close_format(c);
        return false;
    }
    while (r == DECODED_MORE && total < 16 * OUT_SIZE && (in.size != 0 || n == OUT_SIZE)) {
        size_t before = in.size;
        r = decode_some(c, &in, out, &n);
        total += n;
        if (n == 0 && in.size == before) {
            break;
        }
    }
    close_format(c);
    if (is_all && r == DECODED_MORE && format == FORMAT_RAW && c->n_held < RAW_MIN) {
        return false;
    }
    return r != DECODED_ERROR && total != 0;
}

/* Decides, and passes on what was held. */
static void settle(struct http_tx *tx, enum direction dir, struct http_coding *c, bool is_all)
{
    bool looks_zlib = c->n_held >= 2 && (c->held[0] & 0x0f) == 8
                      && (c->held[0] << 8 | c->held[1]) % 31 == 0;
    enum format format = FORMAT_BROTLI;
    bool is_found = c->kind == CODING_BROTLI && try_format(c, FORMAT_BROTLI, is_all);

    if (!is_found && looks_zlib) {
        format = FORMAT_ZLIB;
        is_found = try_format(c, format, is_all);
    }
    if (!is_found && c->kind != CODING_BROTLI) {
        format = FORMAT_RAW;
        is_found = try_format(c, format, is_all);
    }
    struct slice held = slice_of(c->held, c->n_held);
    c->n_held = 0;
    if (is_found && open_format(c, format)) {
        c->state = DECODING;
        run(tx, dir, c, held);
    } else {
        http_event(tx, HTTP_EVENT_GZIP_FAILED);
        c->state = PASSING;
        emit(tx, dir, c, held);
    }
}

/* Holds the first bytes until they tell; returns how many of 'in' were taken. */
static size_t sniff(struct http_tx *tx, enum direction dir, struct http_coding *c,
                    struct slice in)
{
    size_t used = 0;

    while (used < in.size && c->state == SNIFFING) {
        uint8_t byte = in.bytes[used++];
        if (c->n_held == 0 && (byte == '\r' || byte == '\n')) {
            continue;                           /* Line ends too many behind the headers. */
        }
        c->held[c->n_held++] = byte;
        if (c->n_held == 3 && c->held[0] == 0x1f && c->held[1] == 0x8b && c->held[2] == 8) {
            c->state = GZIP_HEADER;
            c->gz_at = GZ_FIXED;
            c->gz_left = 7;
            c->n_held = 0;
        } else if (c->n_held == SNIFF) {
            settle(tx, dir, c, false);
        }
    }
    return used;
}

/* The next part of the gzip header that its flags announce. */
static void next_gzip_part(struct http_coding *c)
{
    if (c->gz_at < GZ_EXTRA_SIZE && (c->gz_flags & 4) != 0) {
        c->gz_at = GZ_EXTRA_SIZE;
        c->gz_left = 2;
        c->n_held = 0;
    } else if (c->gz_at < GZ_NAME && (c->gz_flags & 8) != 0) {
        c->gz_at = GZ_NAME;
    } else if (c->gz_at < GZ_COMMENT && (c->gz_flags & 16) != 0) {
        c->gz_at = GZ_COMMENT;
    } else if (c->gz_at < GZ_CRC && (c->gz_flags & 2) != 0) {
        c->gz_at = GZ_CRC;
        c->gz_left = 2;
    } else {
        c->gz_at = GZ_END;
    }
}

/* The gzip header behind its first three bytes; returns how many of 'in' were taken. */
static size_t gzip_header(struct http_tx *tx, struct http_coding *c, struct slice in)
{
    size_t used = 0;

    while (used < in.size && c->gz_at != GZ_END) {
        uint8_t byte = in.bytes[used++];
        switch (c->gz_at) {
        case GZ_FIXED:
            if (c->gz_left == 7) {
                c->gz_flags = byte;
            }
            break;
        case GZ_EXTRA_SIZE:
            c->held[c->n_held++] = byte;
            if (c->gz_left == 1) {
                size_t size = c->held[0] | (size_t) c->held[1] << 8;
                c->gz_at = GZ_EXTRA;
                c->gz_left = size + 1;
                c->n_held = 0;
            }
            break;
        case GZ_NAME:
        case GZ_COMMENT:
            if (byte == 0) {
                next_gzip_part(c);
            }
            continue;
        case GZ_EXTRA:
        case GZ_CRC:
        case GZ_END:
            break;
        }
        if (--c->gz_left == 0) {
            next_gzip_part(c);
        }
    }
    if (c->gz_at == GZ_END) {
        c->n_held = 0;
        c->state = open_format(c, FORMAT_RAW) ? DECODING : DISCARDING;
        if (c->state == DISCARDING) {
            http_event(tx, HTTP_EVENT_GZIP_FAILED);
        }
    }
    return used;
}

/* ---- The chain ---- */

bool http_coding_add(struct http_tx *tx, enum direction dir, enum http_coding_kind kind)
{
    struct http_body *b = &tx->msgs[dir].body;
    struct http_coding *c = take_block(tx->tx.session, sizeof *c);

    if (c == NULL) {
        return false;
    }
    memset(c, 0, sizeof *c);
    c->kind = kind;
    c->session = tx->tx.session;
    c->next = b->codings;
    b->codings = c;
    return true;
}

void http_coding_feed(struct http_tx *tx, enum direction dir, struct http_coding *c,
                      struct slice in)
{
    while (in.size != 0) {
        size_t used = in.size;
        switch (c->state) {
        case SNIFFING:
            used = sniff(tx, dir, c, in);
            break;
        case GZIP_HEADER:
            used = gzip_header(tx, c, in);
            break;
        case DECODING:
            run(tx, dir, c, in);
            break;
        case PASSING:
            emit(tx, dir, c, in);
            break;
        case DISCARDING:
            break;
        }
        in = slice_from(in, used);
    }
}

void http_coding_end(struct http_tx *tx, enum direction dir, struct http_coding *c)
{
    for (; c != NULL; c = c->next) {
        if (c->state == SNIFFING && c->n_held != 0) {
            settle(tx, dir, c, true);
        }
        close_format(c);
        c->state = DISCARDING;
    }
}

void http_coding_free(struct http_tx *tx, struct http_coding *c)
{
    while (c != NULL) {
        struct http_coding *next = c->next;
        close_format(c);
        give_block(tx->tx.session, c);
        c = next;
    }
}
