/* flowbits, flowint, xbits, hostbits: what rules tell each other. */
#include "rules/keywords/keywords.h"

enum command { CMD_SET, CMD_UNSET, CMD_TOGGLE, CMD_ISSET, CMD_ISNOTSET };
static const char *const commands[] = { "set", "unset", "toggle", "isset", "isnotset", NULL };

/* The command before the first comma; -1 after reporting. */
static int take_command(struct draft *d, struct slice *v)
{
    struct slice word = { 0 };

    slice_next(v, ',', &word);
    *v = slice_trim(*v);
    int command = word_index(word, commands);
    if (command < 0) {
        draft_error_at(d, word.bytes, "set, unset, toggle, isset or isnotset",
                       "unknown command \"%.*s\"", (int) word.size,
                       (const char *) word.bytes);
    } else if (v->size == 0) {
        draft_error_at(d, word.bytes, NULL, "a name is missing behind \"%s\"",
                       commands[command]);
        command = -1;
    }
    return command;
}

static bool check_name(struct draft *d, struct slice name)
{
    if (name.size == 0 || memchr(name.bytes, ' ', name.size) != NULL) {
        return draft_error_at(d, name.bytes, NULL, "a name is one word");
    }
    return true;
}

static bool parse_flowbits(struct draft *d, const struct keyword *row, struct slice v)
{
    struct slice name, names = v;
    uint32_t *indices;
    size_t n = 0;

    if (slice_is_nocase(v, "noalert")) {
        d->rule->no_alert = true;
        return true;
    }
    int command = take_command(d, &names);
    if (command < 0) {
        return false;
    }
    bool is_list = memchr(names.bytes, '|', names.size) != NULL;
    if (is_list && command < CMD_ISSET) {
        return draft_error_at(d, names.bytes, "write flowbits once for each bit",
                              "only isset and isnotset take several names");
    }
    indices = draft_alloc(d, (names.size + 1) * sizeof *indices);
    while (slice_next(&names, '|', &name)) {
        if (!check_name(d, name)) {
            return false;
        }
        indices[n++] = draft_name(d, NAMES_FLOWBITS, name);
    }
    if (n == 0) {
        return draft_error(d, NULL, "a name is missing");
    }
    if (command < CMD_ISSET) {
        draft_add_do(d, DO_FLOWBIT_SET + (unsigned) command)->name = indices[0];
        return true;
    }
    struct rule_test *t = draft_add_test(d, TEST_FLOWBIT);
    t->negated = command == CMD_ISNOTSET;
    t->name = indices[0];
    t->n_names = n > 1 ? n : 0;
    t->names = indices;
    return true;
}

/* What may stand between the name and the value of a flowint. */
static const struct {
    const char *sign;
    bool is_test;
    enum number_cmp cmp;
    enum rule_do_kind kind;
} int_signs[] = {
    { "+", false, CMP_EQ, DO_FLOWINT_ADD }, { "-", false, CMP_EQ, DO_FLOWINT_SUB },
    { "=", false, CMP_EQ, DO_FLOWINT_SET }, { "<", true, CMP_LT, DO_FLOWINT_SET },
    { ">", true, CMP_GT, DO_FLOWINT_SET }, { "<=", true, CMP_LE, DO_FLOWINT_SET },
    { ">=", true, CMP_GE, DO_FLOWINT_SET }, { "==", true, CMP_EQ, DO_FLOWINT_SET },
    { "!=", true, CMP_NE, DO_FLOWINT_SET },
};

static bool add_flowint(struct draft *d, size_t sign, uint32_t name, struct slice value)
{
    uint64_t n = 0;
    bool is_number = number_parse(value, UINT32_MAX, &n);
    uint32_t other = 0;

    if (!is_number) {
        if (!check_name(d, value) || (value.bytes[0] >= '0' && value.bytes[0] <= '9')) {
            return draft_error_at(d, value.bytes, NULL, "this is neither a number below 2^32 "
                                  "nor a name");
        }
        other = draft_name(d, NAMES_FLOWINTS, value);
    }
    if (int_signs[sign].is_test) {
        struct rule_test *t = draft_add_test(d, TEST_FLOWINT);
        t->name = name;
        t->cmp = int_signs[sign].cmp;
        t->a = n;
        t->b = other;
    } else {
        struct rule_do *act = draft_add_do(d, int_signs[sign].kind);
        act->name = name;
        act->value = n;
        act->value_name = other;
    }
    return true;
}

static bool parse_flowint(struct draft *d, const struct keyword *row, struct slice v)
{
    struct slice name = { 0 }, sign = { 0 };

    if (!slice_next(&v, ',', &name) || !slice_next(&v, ',', &sign) || !check_name(d, name)) {
        return draft_error(d, "flowint:name,+,1 or flowint:name,isset",
                           "flowint is malformed");
    }
    uint32_t index = draft_name(d, NAMES_FLOWINTS, name);
    bool is_unset = slice_is_nocase(sign, "isnotset") || slice_is_nocase(sign, "notset");
    if (is_unset || slice_is_nocase(sign, "isset")) {
        struct rule_test *t = draft_add_test(d, TEST_FLOWINT);
        t->name = index;
        t->needs_set = !is_unset;
        t->needs_unset = is_unset;
        return true;
    }
    for (size_t i = 0; i < sizeof int_signs / sizeof *int_signs; i++) {
        if (slice_is(sign, int_signs[i].sign)) {
            return add_flowint(d, i, index, slice_trim(v));
        }
    }
    return draft_error_at(d, sign.bytes, "+ - = < > <= >= == != isset isnotset",
                          "unknown operator \"%.*s\"", (int) sign.size,
                          (const char *) sign.bytes);
}

static bool parse_expire(struct draft *d, struct slice v, uint64_t *out)
{
    return (number_parse(v, UINT32_MAX, out) && *out > 0)
           || draft_error_at(d, v.bytes, NULL, "expire is a number of seconds above zero");
}

/* Options behind the name of an xbit. */
static bool parse_xbit_options(struct draft *d, struct slice v, enum rule_side *side,
                               uint64_t *expire)
{
    static const char *const tracks[] = { "ip_src", "ip_dst", "ip_pair", NULL };
    static const enum rule_side sides[] = { SIDE_SRC, SIDE_DST, SIDE_BOTH };
    struct slice part;

    while (slice_next(&v, ',', &part)) {
        struct slice key = slice_word(&part);
        int track = word_index(part, tracks);
        if (slice_is_nocase(key, "track") && track >= 0) {
            *side = sides[track];
        } else if (slice_is_nocase(key, "expire")) {
            if (!parse_expire(d, part, expire)) {
                return false;
            }
        } else {
            return draft_error_at(d, key.bytes, "track ip_src, ip_dst or ip_pair; expire 60",
                                  "unknown option of xbits");
        }
    }
    return *side != SIDE_EITHER || draft_error(d, "track ip_src, ip_dst or ip_pair",
                                               "xbits without track");
}

#define XBIT_EXPIRE 30          /* Seconds, where the rule does not say. */

static bool parse_xbits(struct draft *d, const struct keyword *row, struct slice v)
{
    struct slice name = { 0 };
    enum rule_side side = SIDE_EITHER;
    uint64_t expire = XBIT_EXPIRE;

    if (slice_is_nocase(v, "noalert")) {
        d->rule->no_alert = true;
        return true;
    }
    int command = take_command(d, &v);
    if (command < 0 || !slice_next(&v, ',', &name) || !check_name(d, name)
        || !parse_xbit_options(d, v, &side, &expire)) {
        return false;
    }
    uint32_t index = draft_name(d, NAMES_XBITS, name);
    if (command < CMD_ISSET) {
        struct rule_do *act = draft_add_do(d, DO_XBIT_SET + (unsigned) command);
        act->name = index;
        act->side = side;
        act->value = expire;
    } else {
        struct rule_test *t = draft_add_test(d, TEST_XBIT);
        t->name = index;
        t->side = side;
        t->negated = command == CMD_ISNOTSET;
    }
    return true;
}

static bool parse_hostbits(struct draft *d, const struct keyword *row, struct slice v)
{
    static const char *const words[] = { "src", "dst", "both", NULL };
    static const enum rule_side sides[] = { SIDE_SRC, SIDE_DST, SIDE_BOTH };
    struct slice name = { 0 };
    int side = 0;

    if (slice_is_nocase(v, "noalert")) {
        d->rule->no_alert = true;
        return true;
    }
    int command = take_command(d, &v);
    if (command < 0 || !slice_next(&v, ',', &name) || !check_name(d, name)) {
        return false;
    }
    v = slice_trim(v);
    if (v.size > 0 && (side = word_index(v, words)) < 0) {
        return draft_error_at(d, v.bytes, NULL, "behind the name stands src, dst or both");
    }
    uint32_t index = draft_name(d, NAMES_HOSTBITS, name);
    if (command < CMD_ISSET) {
        struct rule_do *act = draft_add_do(d, DO_HOSTBIT_SET + (unsigned) command);
        act->name = index;
        act->side = sides[side];
    } else {
        struct rule_test *t = draft_add_test(d, TEST_HOSTBIT);
        t->name = index;
        t->side = sides[side];
        t->negated = command == CMD_ISNOTSET;
    }
    return true;
}

/* "flowvar:name,text": the value, which an expression set, has the text. */
static bool parse_var(struct draft *d, const struct keyword *row, struct slice v)
{
    struct slice name = { 0 }, text = v;

    if (!slice_next(&text, ',', &name) || name.size == 0) {
        return draft_error_at(d, v.bytes, "for example: flowvar:user,\"root\"",
                              "\"%s\" names a variable and a text", row->name);
    }
    text = slice_trim(text);
    bool is_negated = text.size > 0 && text.bytes[0] == '!';
    text = slice_trim(slice_from(text, is_negated));
    if (text.size >= 2 && text.bytes[0] == '"' && text.bytes[text.size - 1] == '"') {
        text = slice_of(text.bytes + 1, text.size - 2);
    }
    if (text.size == 0) {
        return draft_error_at(d, v.bytes, NULL, "\"%s\" without a text", row->name);
    }
    struct rule_test *t = draft_add_test(d, (enum rule_test_kind) row->argument);
    t->name = draft_name(d, NAMES_VARS, name);
    t->text = draft_text(d, text);
    t->negated = is_negated;
    return true;
}

static const struct keyword rows[] = {
    { "flowbits", KEYWORD_VALUE, parse_flowbits, 0, "A bit of the flow: set,name" },
    { "flowint", KEYWORD_VALUE, parse_flowint, 0, "A counter of the flow: name,+,1" },
    { "xbits", KEYWORD_VALUE, parse_xbits, 0, "A bit of a host or a pair of hosts" },
    { "hostbits", KEYWORD_VALUE, parse_hostbits, 0, "A bit of a host" },
    { "flowvar", KEYWORD_VALUE, parse_var, TEST_FLOWVAR,
      "What an expression set for the flow has this text: name,text" },
    { "pktvar", KEYWORD_VALUE, parse_var, TEST_PKTVAR,
      "What an expression set for the packet has this text: name,text" },
};
FAMILY(bits_keywords, rows);
