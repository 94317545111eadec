/* The content by which a rule is found.  What makes a good one: a scan rarely meets it
 * (long, of rare bytes), and there is little to scan (a buffer of its own rather than all
 * payload).  What an author chose is honoured. */
#include <strings.h>

#include "rules/lang/lang_private.h"

/* Below this score a content is met so often that a better one elsewhere is preferred,
 * whatever the buffer: about three letters. */
#define SCORE_ENOUGH 12
#define SCORE_MAX_BYTES 24      /* More bytes make no content rarer in practice. */

static unsigned byte_rarity(uint8_t c, bool nocase)
{
    if (c == 0 || c == 0xff || c == ' ') {
        return 1;               /* Padding. */
    }
    if (c >= 'a' && c <= 'z') {
        return memchr("etaoinsrhl", c, 10) != NULL ? 3 : 4;
    }
    if (c >= 'A' && c <= 'Z') {
        return nocase ? 3 : 5;
    }
    if (c == '\r' || c == '\n' || c == '/' || c == '.' || c == ':' || c == '=') {
        return 3;
    }
    return c >= '0' && c <= '9' ? 4 : 6;
}

/* What every session of a protocol has, or nearly every one, says nothing more than the
 * protocol does; so do stretches of it from PHRASE_MIN bytes on. */
#define PHRASE_MIN 3u
static const char *const phrases[] = {
    "\xffSMB", "\xfeSMB@", "NTLMSSP", "HTTP/1.1\r\n", "HTTP/1.0\r\n", "GET ", "POST ",
    "\r\nHost: ", "\r\nUser-Agent: Mozilla/5.0 (", "\r\nContent-Type: ", "\r\nContent-Length: ",
    "\r\nConnection: ", "\r\nAccept: ", "https://www.", "http://www.", "SSH-2.0-", "\r\n\r\n",
};

static bool is_of_every_session(struct slice s)
{
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++) {
        size_t size = strlen(phrases[i]);

        for (size_t at = 0; s.size >= PHRASE_MIN && at + s.size <= size; at++) {
            if (strncasecmp(phrases[i] + at, (const char *) s.bytes, s.size) == 0) {
                return true;
            }
        }
    }
    return false;
}

static unsigned score_content(const struct op_content *c)
{
    struct slice p = c->pattern;
    unsigned score = 0;

    if (c->fast_size > 0) {
        p = slice_of(p.bytes + c->fast_offset, c->fast_size);
    }
    if (is_of_every_session(p)) {
        return 1;
    }
    for (size_t i = 0; i < p.size && i < SCORE_MAX_BYTES; i++) {
        /* A run of one byte is found about as easily as one of it. */
        bool is_run = i > 0 && p.bytes[i] == p.bytes[i - 1];
        score += is_run ? 1 : byte_rarity(p.bytes[i], c->nocase);
    }
    return score;
}

/* Buffers whose values are few: finding one says little. */
static bool is_common(enum buffer_id id)
{
    return id == BUFFER_HTTP_METHOD || id == BUFFER_HTTP_STAT_CODE
           || id == BUFFER_HTTP_STAT_MSG || id == BUFFER_HTTP_PROTOCOL
           || id == BUFFER_HTTP_CONTENT_LEN || id == BUFFER_HTTP_CONNECTION;
}

static bool can_be_fast(const struct rule_buffer *b, const struct rule_op *op)
{
    return op->kind == OP_CONTENT && !op->negated && b->absent == BUFFER_PRESENT
           && b->id != BUFFER_BASE64_DATA && op->content.pattern.size > 0;
}

/* Large is good. */
static unsigned rank_content(const struct rule_buffer *b, const struct op_content *c)
{
    unsigned score = score_content(c), class = 1;
    unsigned flags = buffer_info(b->id)->flags;

    if (is_common(b->id) || ((flags & BUFFER_PACKET) != 0 && b->id != BUFFER_PAYLOAD)) {
        class = 0;
    } else if (score >= SCORE_ENOUGH) {
        /* Bodies and files are as much to scan as payload is. */
        class = (flags & (BUFFER_PACKET | BUFFER_GROWS)) == 0 ? 3 : 2;
    }
    return (c->is_fast ? 4 : class) * 1000 + score;
}

void rule_choose_fast(struct rule *r)
{
    unsigned best = 0;

    r->fast_buffer = r->fast_op = -1;
    for (size_t i = 0; i < r->n_buffers; i++) {
        const struct rule_buffer *b = &r->buffers[i];
        for (size_t k = 0; k < b->n_ops; k++) {
            if (!can_be_fast(b, &b->ops[k])) {
                continue;
            }
            unsigned rank = rank_content(b, &b->ops[k].content);
            if (rank > best) {
                best = rank;
                r->fast_buffer = (int) i;
                r->fast_op = (int) k;
            }
        }
    }
}
