#include "sensor/detect/transform.h"

#include <openssl/evp.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <zlib.h>

#include "common/base/strbuf.h"
#include "sensor/detect/program.h"
#include "sensor/detect/search.h"

/* With the limit written in front, as for the expressions of pcre: what they are given is
 * what an attacker likes. */
static pcre2_code *compile_regex(struct slice pattern, uint64_t match_limit)
{
    struct strbuf text = STRBUF_EMPTY;
    int code;
    PCRE2_SIZE where;

    strbuf_printf(&text, "(*LIMIT_MATCH=%llu)",
                  (unsigned long long) (match_limit < UINT32_MAX ? match_limit : UINT32_MAX));
    strbuf_put(&text, pattern.bytes, pattern.size);
    pcre2_code *compiled = pcre2_compile((PCRE2_SPTR) text.text, text.size, 0, &code, &where,
                                         NULL);

    strbuf_fini(&text);
    return compiled;
}

bool transform_init(struct transform *t, const struct rule_transform *rule,
                    uint64_t match_limit, const char **why)
{
    memset(t, 0, sizeof *t);
    t->kind = rule->kind;
    t->argument = rule->argument;
    t->a = rule->a;
    t->b = rule->b;
    if (t->kind == TRANSFORM_XOR && t->argument.size == 0) {
        *why = "xor needs a key";
        return false;
    }
    if (t->kind == TRANSFORM_PCREXFORM) {
        t->code = compile_regex(t->argument, match_limit);
        if (t->code == NULL) {
            *why = "pcrexform: PCRE2 refuses the expression";
            return false;
        }
        pcre2_jit_compile(t->code, PCRE2_JIT_COMPLETE);
    }
    return true;
}

void transform_fini(struct transform *t)
{
    pcre2_code_free(t->code);
    t->code = NULL;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static uint8_t upper_of(uint8_t c)
{
    return c >= 'a' && c <= 'z' ? (uint8_t) (c - 0x20) : c;
}

/* Byte by byte; 'out' has room for in.size bytes. */
static size_t change_bytes(const struct transform *t, struct slice in, uint8_t *out)
{
    for (size_t i = 0; i < in.size; i++) {
        uint8_t c = in.bytes[i];

        switch (t->kind) {
        case TRANSFORM_TO_UPPERCASE:
            out[i] = upper_of(c);
            break;
        case TRANSFORM_XOR:
            out[i] = c ^ t->argument.bytes[i % t->argument.size];
            break;
        case TRANSFORM_CASECHANGE:
            out[i] = upper_of(c) != c ? upper_of(c) : search_lower(c);
            break;
        default:
            out[i] = search_lower(c);
            break;
        }
    }
    return in.size;
}

static size_t strip_spaces(struct slice in, uint8_t *out, bool keep_one)
{
    size_t n = 0;

    for (size_t i = 0; i < in.size; i++) {
        if (!is_space(in.bytes[i])) {
            out[n++] = in.bytes[i];
        } else if (keep_one && (i == 0 || !is_space(in.bytes[i - 1]))) {
            out[n++] = in.bytes[i];
        }
    }
    return n;
}

static int hex_of(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t url_decode(struct slice in, uint8_t *out)
{
    size_t n = 0;

    for (size_t i = 0; i < in.size; i++) {
        uint8_t c = in.bytes[i];

        if (c == '%' && in.size - i > 2 && hex_of(in.bytes[i + 1]) >= 0
            && hex_of(in.bytes[i + 2]) >= 0) {
            c = (uint8_t) (hex_of(in.bytes[i + 1]) << 4 | hex_of(in.bytes[i + 2]));
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        out[n++] = c;
    }
    return n;
}

static size_t digest(struct slice in, const EVP_MD *kind, uint8_t *out)
{
    unsigned size = 0;

    return EVP_Digest(in.bytes != NULL ? in.bytes : (const uint8_t *) "", in.size, out, &size,
                      kind, NULL)
               ? size
               : 0;
}

/* Header names in lower case; values and their case stay ("Name: value" lines). */
static size_t lower_names(struct slice in, uint8_t *out)
{
    bool in_name = true;

    for (size_t i = 0; i < in.size; i++) {
        uint8_t c = in.bytes[i];

        out[i] = in_name ? search_lower(c) : c;
        in_name = c == '\n' || (in_name && c != ':');
    }
    return in.size;
}

/* Leaves out lines that begin with a colon (":authority: ..." of HTTP/2). */
static size_t strip_pseudo(struct slice in, uint8_t *out)
{
    size_t n = 0;

    for (size_t at = 0; at < in.size; ) {
        const uint8_t *end = memchr(in.bytes + at, '\n', in.size - at);
        size_t size = end != NULL ? (size_t) (end - (in.bytes + at)) + 1 : in.size - at;

        if (in.bytes[at] != ':') {
            memcpy(out + n, in.bytes + at, size);
            n += size;
        }
        at += size;
    }
    return n;
}

static size_t prefix_dot(struct slice in, uint8_t *out, size_t max)
{
    size_t n = in.size < max - 1 ? in.size : max - 1;

    out[0] = '.';
    if (n != 0) {
        memcpy(out + 1, in.bytes, n);
    }
    return n + 1;
}

/* The first capture, or the whole match without one; nothing without a match. */
static struct slice apply_pcre(const struct transform *t, struct slice in)
{
    pcre2_match_data *data = pcre2_match_data_create(2, NULL);
    struct slice out = { NULL, 0 };

    if (data != NULL && in.size != 0) {
        int n = pcre2_match(t->code, in.bytes, in.size, 0, 0, data, NULL);
        const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(data);
        size_t which = n >= 0 && n != 1 && ends[2] != PCRE2_UNSET ? 2 : 0;

        if (n >= 0 && ends[which + 1] >= ends[which]) {
            out = slice_of(in.bytes + ends[which], ends[which + 1] - ends[which]);
        }
    }
    pcre2_match_data_free(data);
    return out;
}

/* The last two labels, or the last one. Public suffixes of several labels are not known. */
static struct slice last_labels(struct slice in, unsigned n_labels)
{
    for (size_t i = in.size; i > 0; i--) {
        if (in.bytes[i - 1] == '.' && --n_labels == 0) {
            return slice_from(in, i);
        }
    }
    return in;
}

static bool is_base64(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
           || c == '+' || c == '/';
}

/* RFC 2045, section 6.8: what is not of the alphabet is passed over.  Groups of four, so
 * that pieces can be decoded one behind the other. */
static size_t lenient_base64(struct slice in, uint8_t *out, size_t max)
{
    uint8_t group[4];
    size_t n = 0, n_group = 0;

    for (size_t i = 0; i < in.size && in.bytes[i] != '=' && max - n >= 3; i++) {
        if (is_base64(in.bytes[i])) {
            group[n_group++] = in.bytes[i];
        }
        if (n_group == sizeof group) {
            n += program_base64(slice_of(group, n_group), out + n, max - n);
            n_group = 0;
        }
    }
    return n_group > 1 && max - n >= 3
               ? n + program_base64(slice_of(group, n_group), out + n, max - n)
               : n;
}

/* All or nothing: whole groups of the alphabet, padded at the end. */
static size_t strict_base64(struct slice in, uint8_t *out, size_t max)
{
    size_t n = in.size;

    while (n > 0 && in.size - n < 2 && in.bytes[n - 1] == '=') {
        n--;
    }
    for (size_t i = 0; i < n; i++) {
        if (!is_base64(in.bytes[i])) {
            return 0;
        }
    }
    return in.size % 4 == 0 ? program_base64(in, out, max) : 0;
}

/* a: how many bytes of text, 0 for all; b: where it begins. */
static size_t from_base64(const struct transform *t, struct slice in, uint8_t *out,
                          size_t max)
{
    if (t->b >= in.size) {
        return 0;
    }
    in = slice_of(in.bytes + t->b, in.size - (size_t) t->b);
    if (t->a != 0 && t->a < in.size) {
        in.size = (size_t) t->a;
    }
    return slice_equal(t->argument, slice_text("rfc2045")) ? lenient_base64(in, out, max)
           : slice_equal(t->argument, slice_text("strict")) ? strict_base64(in, out, max)
                                                            : program_base64(in, out, max);
}

/* Room for zlib's state and window: no memory is asked for while packets are looked at. */
struct inflate_room {
    size_t used;
    _Alignas(16) uint8_t bytes[49152];
};

static void *take_room(void *context, unsigned n, unsigned size)
{
    struct inflate_room *room = context;
    size_t want = ((size_t) n * size + 15u) & ~(size_t) 15;

    if (want > sizeof room->bytes - room->used) {
        return Z_NULL;
    }
    room->used += want;
    return room->bytes + room->used - want;
}

static void give_room(void *context, void *memory)
{
}

/* As much as there is, and nothing where it is no such stream. */
static size_t inflate_all(const struct transform *t, struct slice in, uint8_t *out,
                          size_t max, int window_bits)
{
    struct inflate_room room;
    z_stream z = { .next_in = (uint8_t *) (uintptr_t) in.bytes, .avail_in = (unsigned) in.size,
                   .next_out = out, .zalloc = take_room, .zfree = give_room,
                   .opaque = &room };

    room.used = 0;
    z.avail_out = (unsigned) (t->a < max ? t->a : max);
    if (in.size == 0 || inflateInit2(&z, window_bits) != Z_OK) {
        return 0;
    }
    (void) inflate(&z, Z_SYNC_FLUSH);
    size_t n = (size_t) (z.next_out - out);

    (void) inflateEnd(&z);
    return n;
}

static struct slice apply_one(const struct transform *t, struct slice in, uint8_t *out,
                              size_t max)
{
    if (in.size > max) {
        in.size = max;
    }
    switch (t->kind) {
    case TRANSFORM_TO_LOWERCASE:
    case TRANSFORM_TO_UPPERCASE:
    case TRANSFORM_CASECHANGE:
    case TRANSFORM_XOR:
        return slice_of(out, change_bytes(t, in, out));
    case TRANSFORM_URL_DECODE:
        return slice_of(out, url_decode(in, out));
    case TRANSFORM_STRIP_WHITESPACE:
        return slice_of(out, strip_spaces(in, out, false));
    case TRANSFORM_COMPRESS_WHITESPACE:
        return slice_of(out, strip_spaces(in, out, true));
    case TRANSFORM_TO_MD5:
        return slice_of(out, digest(in, EVP_md5(), out));
    case TRANSFORM_TO_SHA1:
        return slice_of(out, digest(in, EVP_sha1(), out));
    case TRANSFORM_TO_SHA256:
        return slice_of(out, digest(in, EVP_sha256(), out));
    case TRANSFORM_DOTPREFIX:
        return slice_of(out, prefix_dot(in, out, max));
    case TRANSFORM_HEADER_LOWERCASE:
        return slice_of(out, lower_names(in, out));
    case TRANSFORM_STRIP_PSEUDO_HEADERS:
        return slice_of(out, strip_pseudo(in, out));
    case TRANSFORM_FROM_BASE64:
        return slice_of(out, from_base64(t, in, out, max));
    case TRANSFORM_GUNZIP:
        return slice_of(out, inflate_all(t, in, out, max, 16 + 15));
    case TRANSFORM_ZLIB_DEFLATE:
        return slice_of(out, inflate_all(t, in, out, max, 15));
    case TRANSFORM_PCREXFORM:
        return apply_pcre(t, in);
    case TRANSFORM_DOMAIN:
        return last_labels(in, 2);
    case TRANSFORM_TLD:
        return last_labels(in, 1);
    }
    return in;
}

struct slice transform_apply(const struct transform *t, size_t n, struct slice in,
                             uint8_t *scratch_a, uint8_t *scratch_b, size_t max)
{
    uint8_t *next = scratch_a, *other = scratch_b;

    for (size_t i = 0; i < n; i++) {
        struct slice out = apply_one(&t[i], in, next, max);

        /* Not for a result that still lies in 'in': its area must not be written. */
        if (out.bytes == next) {
            uint8_t *swap = next;
            next = other;
            other = swap;
        }
        in = out;
    }
    return in;
}
