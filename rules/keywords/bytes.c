/* byte_test, byte_jump, byte_extract, byte_math, base64_decode: numbers out of bytes. */
#include "rules/keywords/keywords.h"

#define OFFSET_MAX 65535

static bool unknown_option(struct draft *d, struct slice part)
{
    return draft_error_at(d, part.bytes, NULL, "unknown option \"%.*s\"", (int) part.size,
                          (const char *) part.bytes);
}

/* Options that all four have; 1 taken, 0 not one of them, -1 reported. */
static int parse_common(struct draft *d, struct slice part, struct op_bytes *b)
{
    struct slice rest = part, word = slice_word(&rest);

    if (slice_is_nocase(part, "relative")) {
        b->relative = true;
    } else if (slice_is_nocase(part, "little")) {
        b->little_endian = true;
    } else if (slice_is_nocase(part, "big")) {
        b->little_endian = false;
    } else if (slice_is_nocase(part, "string")) {
        b->base = b->base == BASE_BINARY ? BASE_DEC : b->base;
    } else if (slice_is_nocase(part, "hex")) {
        b->base = BASE_HEX;
    } else if (slice_is_nocase(part, "dec")) {
        b->base = BASE_DEC;
    } else if (slice_is_nocase(part, "oct")) {
        b->base = BASE_OCT;
    } else if (slice_is_nocase(part, "dce")) {
        b->is_dce = true;
        return draft_need_app(d, APP_DCERPC) ? 1 : -1;
    } else if (slice_is_nocase(word, "bitmask")) {
        if (!number_parse(rest, UINT32_MAX, &b->bitmask) || b->bitmask == 0) {
            draft_error_at(d, part.bytes, "bitmask 0x00ff", "the bitmask is malformed");
            return -1;
        }
    } else {
        return 0;
    }
    return 1;
}

/* How many bytes are read: up to eight as a binary number, up to 23 digits of text (none:
 * as many as there are). */
static bool check_bytes(struct draft *d, const struct op_bytes *b)
{
    if (b->n_bytes.is_var) {
        return true;
    }
    int64_t min = b->base == BASE_BINARY ? 1 : 0, max = min == 1 ? 8 : 23;
    return (b->n_bytes.value >= min && b->n_bytes.value <= max)
           || draft_error(d, NULL, "%lld to %lld bytes can be read here", (long long) min,
                          (long long) max);
}

static struct rule_op *add_bytes(struct draft *d, enum rule_op_kind kind,
                                 const struct op_bytes *b)
{
    struct rule_op *op = draft_add_op_to(d, draft_relative_buffer(d, b->relative), kind);

    op->bytes = *b;
    op->relative = b->relative;
    return op;
}

/* A value to compare with: any 64 bits, or a variable. */
static bool parse_value(struct draft *d, struct slice v, struct rule_number *out)
{
    uint64_t n;

    if (number_parse(v, UINT64_MAX, &n)) {
        *out = (struct rule_number) { .value = (int64_t) n };
        return true;
    }
    return draft_number(d, v, INT64_MIN + 1, INT64_MAX, out);
}

static bool parse_comparison(struct draft *d, struct slice v, struct op_bytes *b)
{
    static const struct { const char *text; enum number_cmp cmp; } signs[] = {
        { "<", CMP_LT }, { ">", CMP_GT }, { "=", CMP_EQ }, { "<=", CMP_LE }, { ">=", CMP_GE },
        { "&", CMP_BITS_ANY }, { "^", CMP_NE }, { "==", CMP_EQ },
    };

    d->negated = v.size > 0 && v.bytes[0] == '!';
    if (d->negated) {
        v = slice_trim(slice_from(v, 1));
        if (v.size == 0) {
            b->cmp = CMP_EQ;    /* "!" alone is "not equal". */
            return true;
        }
    }
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        if (slice_is(v, signs[i].text)) {
            b->cmp = signs[i].cmp;
            return true;
        }
    }
    return draft_error_at(d, v.bytes, "one of < > = <= >= & ^, with ! in front or not",
                          "unknown operator");
}

static bool parse_byte_test(struct draft *d, const struct keyword *row, struct slice v)
{
    struct op_bytes b = { 0 };
    struct slice part[4];

    for (size_t i = 0; i < 4; i++) {
        if (!slice_next(&v, ',', &part[i])) {
            return draft_error(d, "byte_test:bytes,operator,value,offset",
                               "byte_test has four parts or more");
        }
    }
    if (!draft_number(d, part[0], 0, 23, &b.n_bytes) || !parse_comparison(d, part[1], &b)
        || !parse_value(d, part[2], &b.value)
        || !draft_number(d, part[3], -OFFSET_MAX, OFFSET_MAX, &b.offset)) {
        return false;
    }
    while (slice_next(&v, ',', &part[0])) {
        int taken = parse_common(d, part[0], &b);
        if (taken <= 0) {
            return taken < 0 ? false : unknown_option(d, part[0]);
        }
    }
    return check_bytes(d, &b) && add_bytes(d, OP_BYTE_TEST, &b) != NULL;
}

/* Options of byte_jump alone; as parse_common(). */
static int parse_jump_option(struct draft *d, struct slice part, struct op_bytes *b)
{
    struct slice rest = part, word = slice_word(&rest);
    struct rule_number n;

    if (slice_is_nocase(part, "align")) {
        b->align = true;
    } else if (slice_is_nocase(part, "from_beginning")) {
        b->from_beginning = true;
    } else if (slice_is_nocase(part, "from_end")) {
        b->from_end = true;
    } else if (slice_is_nocase(word, "multiplier")) {
        if (!number_parse_signed(rest, 1, OFFSET_MAX, &b->multiplier)) {
            draft_error_at(d, part.bytes, NULL, "the multiplier is 1 to 65535");
            return -1;
        }
    } else if (slice_is_nocase(word, "post_offset")) {
        if (!draft_number(d, rest, -OFFSET_MAX, OFFSET_MAX, &n)) {
            return -1;
        }
        b->post_offset = n.value;
        b->post_offset_var = n.is_var ? n : b->post_offset_var;
    } else {
        return 0;
    }
    return 1;
}

static bool parse_byte_jump(struct draft *d, const struct keyword *row, struct slice v)
{
    struct op_bytes b = { .multiplier = 1 };
    struct slice part;

    if (!slice_next(&v, ',', &part) || !draft_number(d, part, 0, 23, &b.n_bytes)
        || !slice_next(&v, ',', &part)
        || !draft_number(d, part, -OFFSET_MAX, OFFSET_MAX, &b.offset)) {
        return d->n_errors > 0 ? false
               : draft_error(d, "byte_jump:bytes,offset", "byte_jump has two parts or more");
    }
    while (slice_next(&v, ',', &part)) {
        int taken = parse_common(d, part, &b);
        taken = taken == 0 ? parse_jump_option(d, part, &b) : taken;
        if (taken <= 0) {
            return taken < 0 ? false : unknown_option(d, part);
        }
    }
    bool reads = b.n_bytes.is_var || b.n_bytes.value > 0;
    return (!reads || check_bytes(d, &b)) && add_bytes(d, OP_BYTE_JUMP, &b) != NULL;
}

static bool parse_byte_extract(struct draft *d, const struct keyword *row, struct slice v)
{
    struct op_bytes b = { .multiplier = 1 };
    struct slice part, name;
    int64_t align;

    if (!slice_next(&v, ',', &part) || !draft_number(d, part, 1, 23, &b.n_bytes)
        || !slice_next(&v, ',', &part)
        || !draft_number(d, part, -OFFSET_MAX, OFFSET_MAX, &b.offset)
        || !slice_next(&v, ',', &name)) {
        return d->n_errors > 0 ? false : draft_error(d, "byte_extract:bytes,offset,name",
                                                    "byte_extract has three parts or more");
    }
    while (slice_next(&v, ',', &part)) {
        struct slice rest = part, word = slice_word(&rest);
        int taken = parse_common(d, part, &b);
        if (taken == 0 && slice_is_nocase(word, "multiplier")) {
            taken = number_parse_signed(rest, 1, OFFSET_MAX, &b.multiplier) ? 1 : 0;
        } else if (taken == 0 && slice_is_nocase(word, "align")
                   && number_parse_signed(rest, 2, 4, &align) && align != 3) {
            b.align_to = (uint8_t) align;
            taken = 1;
        }
        if (taken <= 0) {
            return taken < 0 ? false : unknown_option(d, part);
        }
    }
    return check_bytes(d, &b)
           && draft_add_var(d, draft_relative_buffer(d, b.relative), name, &b.result_var)
           && add_bytes(d, OP_BYTE_EXTRACT, &b) != NULL;
}

static bool parse_operator(struct draft *d, struct slice v, struct op_bytes *b)
{
    static const char *const texts[] = { "+", "-", "*", "/", "<<", ">>", NULL };
    int i = word_index(v, texts);

    if (i < 0) {
        return draft_error_at(d, v.bytes, "one of + - * / << >>", "unknown operator");
    }
    b->math = "+-*/<>"[i];
    return true;
}

/* One "key value" of byte_math; bits of 'have' tell which there were. */
static bool parse_math_part(struct draft *d, struct slice part, struct op_bytes *b,
                            struct slice *name, unsigned *have)
{
    static const char *const keys[] = { "bytes", "offset", "oper", "rvalue", "result",
                                        "endian", "string", NULL };
    struct slice rest = part, word = slice_word(&rest);
    int key = word_index(word, keys);

    if (key >= 0 && rest.size == 0) {
        return draft_error_at(d, part.bytes, NULL, "a value is missing behind \"%s\"",
                              keys[key]);
    }
    *have |= key >= 0 ? 1u << key : 0;
    switch (key) {
    case 0: return draft_number(d, rest, 1, 10, &b->n_bytes);
    case 1: return draft_number(d, rest, -OFFSET_MAX, OFFSET_MAX, &b->offset);
    case 2: return parse_operator(d, rest, b);
    case 3: return parse_value(d, rest, &b->rvalue);
    case 4: *name = rest; return true;
    case 5:
        b->little_endian = slice_is_nocase(rest, "little");
        return b->little_endian || slice_is_nocase(rest, "big") || unknown_option(d, rest);
    case 6: return parse_common(d, rest, b) > 0 || unknown_option(d, rest);
    default: break;
    }
    int taken = parse_common(d, part, b);
    return taken > 0 || (taken == 0 && unknown_option(d, part));
}

static bool parse_byte_math(struct draft *d, const struct keyword *row, struct slice v)
{
    struct op_bytes b = { 0 };
    struct slice part, name = { 0 };
    unsigned have = 0;

    while (slice_next(&v, ',', &part)) {
        if (!parse_math_part(d, part, &b, &name, &have)) {
            return false;
        }
    }
    if ((have & 31) != 31) {
        return draft_error(d, "byte_math:bytes 4, offset 0, oper +, rvalue 1, result name",
                           "byte_math needs bytes, offset, oper, rvalue and result");
    }
    if (b.math == '/' && !b.rvalue.is_var && b.rvalue.value == 0) {
        return draft_error(d, NULL, "a division by zero");
    }
    size_t buffer = draft_relative_buffer(d, b.relative);

    if (b.relative && d->buffers[buffer].n_ops == 0) {
        return draft_error(d, NULL, "relative to a match, but none stands in front of it");
    }
    return check_bytes(d, &b) && draft_add_var(d, buffer, name, &b.result_var)
           && add_bytes(d, OP_BYTE_MATH, &b) != NULL;
}

static bool parse_base64_decode(struct draft *d, const struct keyword *row, struct slice v)
{
    struct op_base64 b = { 0 };
    struct slice part;
    uint64_t n;

    while (slice_next(&v, ',', &part)) {
        struct slice rest = part, word = slice_word(&rest);
        bool is_bytes = slice_is_nocase(word, "bytes");
        if (slice_is_nocase(part, "relative")) {
            b.relative = true;
        } else if ((is_bytes || slice_is_nocase(word, "offset"))
                   && number_parse(rest, UINT16_MAX, &n)) {
            *(is_bytes ? &b.n_bytes : &b.offset) = (uint32_t) n;
        } else {
            return draft_error_at(d, part.bytes, "base64_decode:bytes 20, offset 4, relative",
                                  "unknown option \"%.*s\"", (int) part.size,
                                  (const char *) part.bytes);
        }
    }
    /* Behind the operation in front of it, relative or not. */
    struct rule_op *op = draft_add_op_to(d, draft_relative_buffer(d, true),
                                         OP_BASE64_DECODE);
    op->base64 = b;
    op->relative = b.relative;
    return true;
}

static const struct keyword rows[] = {
    { "byte_test", KEYWORD_VALUE, parse_byte_test, 0, "Compare a number in the data" },
    { "byte_jump", KEYWORD_VALUE, parse_byte_jump, 0, "Go on behind a length in the data" },
    { "byte_extract", KEYWORD_VALUE, parse_byte_extract, 0, "Name a number in the data" },
    { "byte_math", KEYWORD_VALUE, parse_byte_math, 0, "Name what a number makes" },
    { "base64_decode", 0, parse_base64_decode, 0, "Decode for base64_data" },
};
FAMILY(bytes_keywords, rows);
