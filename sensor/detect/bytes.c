/* byte_test, byte_jump, byte_extract, byte_math. */
#include "sensor/detect/bytes_private.h"

#define MAX_DIGITS 23u          /* Of a number written as text: 64 bits in base 8. */

int64_t bytes_number(const struct program_state *s, const struct rule_number *n)
{
    return n->is_var ? (int64_t) s->vars[n->var % RULE_MAX_VARS] : n->value;
}

static uint64_t read_binary(const uint8_t *at, size_t n, bool little_endian)
{
    uint64_t value = 0;

    for (size_t i = 0; i < n; i++) {
        value = value << 8 | at[little_endian ? n - 1 - i : i];
    }
    return value;
}

static unsigned digit_of(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10u : 99u;
}

/* Digits in 'base' behind blanks and perhaps "0x"; how many bytes they and what stands
 * before them take, 0 if there are none. */
static size_t read_text(const uint8_t *at, size_t n, unsigned base, uint64_t *value)
{
    size_t i = 0, start;

    while (i < n && (at[i] == ' ' || (at[i] >= '\t' && at[i] <= '\r'))) {
        i++;
    }
    if (base == 16 && n - i > 2 && at[i] == '0' && (at[i + 1] | 0x20) == 'x'
        && digit_of(at[i + 2]) < 16) {
        i += 2;
    }
    *value = 0;
    for (start = i; i < n && digit_of(at[i]) < base; i++) {
        if (__builtin_mul_overflow(*value, (uint64_t) base, value)
            || __builtin_add_overflow(*value, (uint64_t) digit_of(at[i]), value)) {
            return 0;
        }
    }
    return i == start ? 0 : i;
}

static unsigned base_of(enum number_base base)
{
    return base == BASE_HEX ? 16 : base == BASE_OCT ? 8 : 10;
}

/* Where the operation reads: 'offset' from the cursor or from the buffer's start.  False
 * when that is outside. */
static bool find_place(const struct program_state *s, const struct op_bytes *b,
                       const struct program_input *in, size_t cursor, size_t *at)
{
    int64_t place = bytes_number(s, &b->offset);

    if (__builtin_add_overflow(place, b->relative ? (int64_t) cursor : -(int64_t) in->base,
                               &place)
        || place < 0 || (uint64_t) place >= in->size) {
        return false;
    }
    *at = (size_t) place;
    return true;
}

/* Reads the number; '*after' is behind its bytes. */
static bool read_value(const struct program_state *s, const struct op_bytes *b,
                       const struct program_input *in, size_t cursor, uint64_t *value,
                       size_t *after)
{
    int64_t n = bytes_number(s, &b->n_bytes);
    size_t at;

    if (!find_place(s, b, in, cursor, &at)) {
        return false;
    }
    if (n == 0 && b->base != BASE_BINARY) {     /* As many digits as there are. */
        n = in->size - at < MAX_DIGITS ? (int64_t) (in->size - at) : (int64_t) MAX_DIGITS;
    }
    if (n <= 0 || (uint64_t) n > in->size - at) {
        return false;
    }
    if (b->base != BASE_BINARY) {
        size_t used = n > MAX_DIGITS ? 0
                                     : read_text(in->bytes + at, (size_t) n,
                                                 base_of(b->base), value);
        if (used == 0) {
            return false;
        }
        *after = at + used;
    } else {
        if (n > 8) {
            return false;
        }
        *value = read_binary(in->bytes + at, (size_t) n,
                             b->is_dce ? s->is_little_endian : b->little_endian);
        *after = at + (size_t) n;
    }
    if (b->bitmask != 0) {
        *value = (*value & b->bitmask) >> __builtin_ctzll(b->bitmask);
    }
    return true;
}

bool bytes_test(struct program_state *s, const struct rule_op *op,
                const struct program_input *in, size_t cursor)
{
    const struct op_bytes *b = &op->bytes;
    uint64_t value;
    size_t after;

    /* What cannot be read fails, negated or not. */
    if (!read_value(s, b, in, cursor, &value, &after)) {
        return false;
    }
    return number_matches(b->cmp, value, (uint64_t) bytes_number(s, &b->value), 0)
           != op->negated;
}

bool bytes_jump(struct program_state *s, const struct rule_op *op,
                const struct program_input *in, size_t *cursor)
{
    const struct op_bytes *b = &op->bytes;
    uint64_t value = 0;
    int64_t from, to, post;
    size_t after;

    /* "byte_jump:0": no number at all. */
    if (bytes_number(s, &b->n_bytes) == 0 && b->base == BASE_BINARY) {
        if (!find_place(s, b, in, *cursor, &after)) {
            return false;
        }
    } else if (!read_value(s, b, in, *cursor, &value, &after)) {
        return false;
    }
    if (b->multiplier > 1 && __builtin_mul_overflow(value, (uint64_t) b->multiplier, &value)) {
        return false;
    }
    if (b->align && value % 4 != 0) {
        value += 4 - value % 4;
    }
    post = b->post_offset_var.is_var ? bytes_number(s, &b->post_offset_var) : b->post_offset;
    from = b->from_beginning ? 0 : b->from_end ? (int64_t) in->size : (int64_t) after;
    if (value > INT64_MAX || __builtin_add_overflow(from, (int64_t) value, &to)
        || __builtin_add_overflow(to, post, &to) || to < 0 || (uint64_t) to > in->size) {
        return op->negated;
    }
    *cursor = (size_t) to;
    return !op->negated;
}

bool bytes_extract(struct program_state *s, const struct rule_op *op,
                   const struct program_input *in, size_t *cursor)
{
    const struct op_bytes *b = &op->bytes;
    uint64_t value;
    size_t after;

    if (!read_value(s, b, in, *cursor, &value, &after)) {
        return false;
    }
    if (b->multiplier > 1) {
        value *= (uint64_t) b->multiplier;      /* As unsigned numbers do. */
    }
    if (b->align_to > 1 && value % b->align_to != 0) {
        value += b->align_to - value % b->align_to;
    }
    s->vars[b->result_var % RULE_MAX_VARS] = value;
    *cursor = after;
    return true;
}

bool bytes_math(struct program_state *s, const struct rule_op *op,
                const struct program_input *in, size_t *cursor)
{
    const struct op_bytes *b = &op->bytes;
    uint64_t value, right = (uint64_t) bytes_number(s, &b->rvalue);
    size_t after;

    if (!read_value(s, b, in, *cursor, &value, &after)) {
        return false;
    }
    switch (b->math) {
    case '+': value += right; break;
    case '-': value -= right; break;
    case '*': value *= right; break;
    case '/':
        if (right == 0) {
            return false;
        }
        value /= right;
        break;
    case '<': value = right < 64 ? value << right : 0; break;
    case '>': value = right < 64 ? value >> right : 0; break;
    default: return false;
    }
    s->vars[b->result_var % RULE_MAX_VARS] = value;
    *cursor = after;
    return true;
}
