/* Which literal of a rule goes to the pattern sets. */
#include "sensor/detect/detect_private.h"

#define TAIL_SIZE 8u            /* So many bytes at the end of a literal decide its speed: ... */
#define GOOD_TAIL 14u           /* ... score_of() those that say enough. */

/* How much a byte says about what it stands in: the rarer in traffic, the more. */
static unsigned weight_of(uint8_t c)
{
    if (c == 0 || c == 0xff || c == ' ') {
        return 1;
    }
    if (c >= 'a' && c <= 'z') {
        return strchr("etaoinsrh", c) != NULL ? 2 : 3;
    }
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ? 3 : 4;
}

static unsigned score_of(struct slice s)
{
    unsigned score = 0;

    for (size_t i = 0; i < s.size; i++) {
        /* A run of one byte says little. */
        score += i > 0 && s.bytes[i] == s.bytes[i - 1] ? 1 : weight_of(s.bytes[i]);
    }
    return score;
}

/* Where a piece of a pattern ends best.  Hyperscan looks at the last bytes of a literal before
 * all others: where they are a run, of zeros above all, it stops at every run in the traffic.
 * The last good place, so that the piece is long; the best if there is no good one. */
static size_t choose_end(struct slice pattern)
{
    size_t best = pattern.size;
    unsigned best_score = 0;

    for (size_t end = pattern.size; end >= TAIL_SIZE; end--) {
        unsigned score = score_of(slice_of(pattern.bytes + end - TAIL_SIZE, TAIL_SIZE));

        if (score >= GOOD_TAIL) {
            return end;
        }
        if (score > best_score) {
            best_score = score;
            best = end;
        }
    }
    return best;
}

/* Between which places the piece may end, for a content whose place is fixed. */
static void limit_place(const struct op_content *c, size_t piece_at, size_t piece_size,
                        struct fast_literal *fast)
{
    size_t behind = c->pattern.size - piece_at - piece_size;
    uint64_t offset = 0;

    fast->min_end = 0;
    fast->max_end = UINT64_MAX;
    if (c->has_distance || c->has_within || (c->has_offset && c->offset.is_var)
        || (c->has_depth && c->depth.is_var)) {
        return;
    }
    if (c->has_offset && c->offset.value > 0) {
        offset = (uint64_t) c->offset.value;
        fast->min_end = offset + piece_at + piece_size;
    }
    if (c->starts_with) {
        fast->max_end = piece_at + piece_size;
    } else if (c->has_depth && c->depth.value >= (int64_t) c->pattern.size) {
        fast->max_end = offset + (uint64_t) c->depth.value - behind;
    }
}

static void use_content(const struct op_content *c, bool is_authors, size_t buffer,
                        struct fast_literal *fast)
{
    size_t at = 0, size = c->pattern.size;

    if (is_authors && c->fast_size != 0
        && (size_t) c->fast_offset + c->fast_size <= c->pattern.size) {
        at = c->fast_offset;
        size = c->fast_size;
    }
    size = choose_end(slice_of(c->pattern.bytes + at, size));
    if (size > PATTERNS_MAX_LITERAL) {
        at += size - PATTERNS_MAX_LITERAL;
        size = PATTERNS_MAX_LITERAL;
    }
    fast->buffer = buffer;
    fast->literal = slice_of(c->pattern.bytes + at, size);
    fast->nocase = c->nocase;
    fast->is_piece = size < c->pattern.size;
    limit_place(c, at, size, fast);
}

/* Can the contents of this buffer be looked up before the rule is evaluated? */
static bool is_scannable(const struct engine_rule *er, const struct rule_buffer *b)
{
    if (b->absent != BUFFER_PRESENT) {
        return false;
    }
    if (er->kind == KIND_PACKET) {
        return b->id == BUFFER_PAYLOAD && b->n_transforms == 0;
    }
    return (er->kind == KIND_TX || er->kind == KIND_FRAME)
           && (buffer_info(b->id)->flags & BUFFER_PACKET) == 0;
}

static bool is_usable(const struct rule_op *op)
{
    return op->kind == OP_CONTENT && !op->negated && op->content.pattern.size > 0;
}

bool engine_choose_fast(const struct engine_rule *er, struct fast_literal *fast)
{
    const struct rule *r = er->rule;
    unsigned best = 0;

    if (r->fast_buffer >= 0 && (size_t) r->fast_buffer < r->n_buffers) {
        const struct rule_buffer *b = &r->buffers[r->fast_buffer];

        if (r->fast_op >= 0 && (size_t) r->fast_op < b->n_ops && is_scannable(er, b)
            && is_usable(&b->ops[r->fast_op])) {
            use_content(&b->ops[r->fast_op].content, true, (size_t) r->fast_buffer, fast);
            return true;
        }
    }
    for (size_t i = 0; i < r->n_buffers; i++) {
        const struct rule_buffer *b = &r->buffers[i];

        for (size_t j = 0; is_scannable(er, b) && j < b->n_ops; j++) {
            if (is_usable(&b->ops[j]) && score_of(b->ops[j].content.pattern) > best) {
                best = score_of(b->ops[j].content.pattern);
                use_content(&b->ops[j].content, false, i, fast);
            }
        }
    }
    return best > 0;
}
