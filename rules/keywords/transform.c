/* Transforms: stand behind a sticky buffer, in front of what is looked for in its new form;
 * what stands in front of them is looked for in the bytes as they were. */
#include "rules/keywords/keywords.h"

static struct rule_transform *add_transform(struct draft *d, const struct keyword *row)
{
    if (d->is_lost) {
        return NULL;
    }
    if (d->sticky < 0) {
        draft_error(d, "for example: http.uri; to_lowercase;",
                    "\"%s\" stands behind a sticky buffer", row->name);
        return NULL;
    }
    struct draft_buffer *b = &d->buffers[d->sticky];
    if (b->n_ops > 0) {
        /* What follows looks into another form of the same bytes. */
        b = draft_add_form(d);
    }
    b->transforms = xgrow(b->transforms, b->n_transforms, &b->cap_transforms,
                          sizeof *b->transforms);
    b->transforms[b->n_transforms]
        = (struct rule_transform) { .kind = (enum transform_kind) row->argument };
    return &b->transforms[b->n_transforms++];
}

static bool parse_plain(struct draft *d, const struct keyword *row, struct slice v)
{
    return add_transform(d, row) != NULL;
}

static bool parse_pcrexform(struct draft *d, const struct keyword *row, struct slice v)
{
    struct op_pcre pcre = { 0 };
    uint32_t n_groups = 0;

    if (!draft_compile_regex(d, v, 0, &pcre, &n_groups)) {
        return false;
    }
    if (n_groups != 1) {
        return draft_error_at(d, v.bytes, NULL, "the expression has one group, which becomes "
                              "the buffer");
    }
    struct rule_transform *t = add_transform(d, row);
    if (t != NULL) {
        t->argument = slice_text(pcre.pattern);
    }
    return t != NULL;
}

static bool parse_xor(struct draft *d, const struct keyword *row, struct slice v)
{
    uint8_t *key = draft_alloc(d, v.size / 2 + 1);
    uint64_t byte;

    if (v.size == 0 || v.size % 2 != 0 || v.size > 512) {
        return draft_error_at(d, v.bytes, "xor:\"0d0ac8ff\"",
                              "the key is pairs of hexadecimal digits");
    }
    for (size_t i = 0; i < v.size; i += 2) {
        char text[5] = { '0', 'x', (char) v.bytes[i], (char) v.bytes[i + 1], 0 };
        if (!number_parse(slice_text(text), 255, &byte)) {
            return draft_error_at(d, v.bytes + i, NULL, "this is no hexadecimal pair");
        }
        key[i / 2] = (uint8_t) byte;
    }
    struct rule_transform *t = add_transform(d, row);
    if (t != NULL) {
        t->argument = slice_of(key, v.size / 2);
    }
    return t != NULL;
}

/* a: bytes (0: all), b: offset, argument: mode. */
static bool parse_from_base64(struct draft *d, const struct keyword *row, struct slice v)
{
    static const char *const modes[] = { "rfc2045", "rfc4648", "strict", NULL };
    struct rule_transform out = { .kind = TRANSFORM_FROM_BASE64,
                                  .argument = slice_text("rfc4648") };
    struct slice part;

    while (slice_next(&v, ',', &part)) {
        struct slice key = slice_word(&part);
        bool is_bytes = slice_is_nocase(key, "bytes");
        if (slice_is_nocase(key, "mode") && word_index(part, modes) >= 0) {
            out.argument = slice_text(modes[word_index(part, modes)]);
        } else if (!(is_bytes || slice_is_nocase(key, "offset"))
                   || !number_parse(part, UINT16_MAX, is_bytes ? &out.a : &out.b)) {
            return draft_error_at(d, key.bytes, "from_base64: bytes 10, offset 2, mode rfc2045",
                                  "from_base64 is malformed");
        }
    }
    struct rule_transform *t = add_transform(d, row);
    if (t != NULL) {
        *t = out;
    }
    return t != NULL;
}

/* "max-size 4096": what comes out beyond is not looked at. */
static bool parse_inflate(struct draft *d, const struct keyword *row, struct slice v)
{
    uint64_t max = 1024;
    struct slice part;

    while (slice_next(&v, ',', &part)) {
        struct slice key = slice_word(&part);
        struct number_test n;

        if (key.size == 0) {
            continue;
        }
        if (!slice_is_nocase(key, "max-size") || !number_parse_test(part, 65536, true, &n)
            || n.cmp != CMP_EQ || n.a == 0) {
            return draft_error_at(d, key.bytes, "max-size 4096", "%s is malformed", row->name);
        }
        max = n.a;
    }
    struct rule_transform *t = add_transform(d, row);
    if (t != NULL) {
        t->a = max;
    }
    return t != NULL;
}

static const struct keyword rows[] = {
    { "to_lowercase", KEYWORD_BARE, parse_plain, TRANSFORM_TO_LOWERCASE, "Lower case" },
    { "to_uppercase", KEYWORD_BARE, parse_plain, TRANSFORM_TO_UPPERCASE, "Upper case" },
    { "url_decode", KEYWORD_BARE, parse_plain, TRANSFORM_URL_DECODE, "Percent-decoded" },
    { "strip_whitespace", KEYWORD_BARE, parse_plain, TRANSFORM_STRIP_WHITESPACE,
      "Without blanks" },
    { "compress_whitespace", KEYWORD_BARE, parse_plain, TRANSFORM_COMPRESS_WHITESPACE,
      "Runs of blanks become one" },
    { "to_md5", KEYWORD_BARE, parse_plain, TRANSFORM_TO_MD5, "The MD5 digest" },
    { "to_sha1", KEYWORD_BARE, parse_plain, TRANSFORM_TO_SHA1, "The SHA-1 digest" },
    { "to_sha256", KEYWORD_BARE, parse_plain, TRANSFORM_TO_SHA256, "The SHA-256 digest" },
    { "dotprefix", KEYWORD_BARE, parse_plain, TRANSFORM_DOTPREFIX, "With a dot in front" },
    { "header_lowercase", KEYWORD_BARE, parse_plain, TRANSFORM_HEADER_LOWERCASE,
      "Header names in lower case" },
    { "strip_pseudo_headers", KEYWORD_BARE, parse_plain, TRANSFORM_STRIP_PSEUDO_HEADERS,
      "Without HTTP/2 pseudo headers" },
    { "domain", KEYWORD_BARE, parse_plain, TRANSFORM_DOMAIN, "The registered domain" },
    { "tld", KEYWORD_BARE, parse_plain, TRANSFORM_TLD, "The top-level domain" },
    { "pcrexform", KEYWORD_VALUE | KEYWORD_QUOTES, parse_pcrexform, TRANSFORM_PCREXFORM,
      "What an expression's group matches" },
    { "xor", KEYWORD_VALUE | KEYWORD_QUOTES, parse_xor, TRANSFORM_XOR, "XOR with a key" },
    { "gunzip", 0, parse_inflate, TRANSFORM_GUNZIP, "Decompressed (RFC 1952)" },
    { "zlib_deflate", 0, parse_inflate, TRANSFORM_ZLIB_DEFLATE, "Decompressed (RFC 1950)" },
    { "from_base64", 0, parse_from_base64, TRANSFORM_FROM_BASE64, "Base64-decoded" },
};
FAMILY(transform_keywords, rows);
