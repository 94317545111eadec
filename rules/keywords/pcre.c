/* pcre:"/expression/flags": the expression's own flags, where it starts, the buffer it
 * looks into (older rules), and variables that its groups set. */
#include "rules/keywords/keywords.h"

static const struct { char letter; unsigned flag; } regex_letters[] = {
    { 'i', REGEX_NOCASE }, { 's', REGEX_DOTALL }, { 'm', REGEX_MULTILINE },
    { 'x', REGEX_EXTENDED }, { 'A', REGEX_ANCHORED }, { 'E', REGEX_DOLLAR_END },
    { 'G', REGEX_UNGREEDY },
};
static const struct { char letter; enum buffer_id id; } buffer_letters[] = {
    { 'U', BUFFER_HTTP_URI }, { 'I', BUFFER_HTTP_URI_RAW }, { 'P', BUFFER_HTTP_REQUEST_BODY },
    { 'Q', BUFFER_HTTP_RESPONSE_BODY }, { 'H', BUFFER_HTTP_HEADER },
    { 'D', BUFFER_HTTP_HEADER_RAW }, { 'M', BUFFER_HTTP_METHOD }, { 'C', BUFFER_HTTP_COOKIE },
    { 'S', BUFFER_HTTP_STAT_CODE }, { 'Y', BUFFER_HTTP_STAT_MSG },
    { 'V', BUFFER_HTTP_USER_AGENT }, { 'W', BUFFER_HTTP_HOST }, { 'Z', BUFFER_HTTP_HOST_RAW },
};

struct flags {
    unsigned regex;
    bool relative, raw;
    int buffer;                 /* enum buffer_id, or -1. */
};

static bool parse_letter(struct draft *d, const uint8_t *at, struct flags *f)
{
    char c = (char) *at;

    for (size_t i = 0; i < sizeof regex_letters / sizeof *regex_letters; i++) {
        if (regex_letters[i].letter == c) {
            f->regex |= regex_letters[i].flag;
            return true;
        }
    }
    for (size_t i = 0; i < sizeof buffer_letters / sizeof *buffer_letters; i++) {
        if (buffer_letters[i].letter == c) {
            if (f->buffer >= 0 && f->buffer != (int) buffer_letters[i].id) {
                return draft_error_at(d, at, NULL, "flags for two buffers");
            }
            f->buffer = (int) buffer_letters[i].id;
            return true;
        }
    }
    if (c == 'R' || c == 'B' || c == 'O') {
        f->relative = f->relative || c == 'R';
        f->raw = f->raw || c == 'B';
        return true;            /* O lifts a limit that we do not have per rule. */
    }
    return draft_error_at(d, at, NULL, "unknown flag '%c' of an expression", c);
}

static bool set_capture(struct draft *d, struct op_pcre *op, unsigned group, char kind,
                        struct slice name)
{
    size_t max = sizeof op->captures / sizeof *op->captures;

    if (group == 0 || group > max) {
        return draft_error(d, NULL, "an expression sets at most %zu variables", max);
    }
    op->captures[group - 1].kind = kind;
    op->captures[group - 1].name = draft_name(d, NAMES_VARS, name);
    op->n_captures = group > op->n_captures ? (uint8_t) group : op->n_captures;
    return true;
}

/* "flow:a, pkt:b, alert:c" behind the flags: for the groups in their order. */
static bool parse_variables(struct draft *d, struct slice v, struct op_pcre *op,
                            uint32_t n_groups)
{
    static const char *const kinds[] = { "pkt", "flow", "alert", NULL };
    struct slice part, kind;
    unsigned group = 0;

    while (slice_next(&v, ',', &part)) {
        struct slice name = part;
        int index = slice_next(&name, ':', &kind) ? word_index(kind, kinds) : -1;
        name = slice_trim(name);
        if (index < 0 || name.size == 0) {
            return draft_error_at(d, part.bytes, "for example: flow:name",
                                  "this names no variable");
        }
        for (size_t i = 0; i < name.size; i++) {
            if (name.bytes[i] <= ' ' || name.bytes[i] >= 0x7f || name.bytes[i] == '"'
                || name.bytes[i] == '\\') {
                return draft_error_at(d, name.bytes + i, NULL, "this is no name for a variable");
            }
        }
        if (++group > n_groups) {
            return draft_error_at(d, part.bytes, NULL, "more variables than groups");
        }
        if (!set_capture(d, op, group, "pfa"[index], name)) {
            return false;
        }
    }
    return true;
}

struct name_search {
    struct draft *d;
    struct op_pcre *op;
};

static void take_name(const char *name, unsigned group, void *aux)
{
    static const struct { const char *prefix; char kind; } prefixes[] = {
        { "pkt_", 'p' }, { "flow_", 'f' }, { "alert_", 'a' },
    };
    struct name_search *s = aux;

    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t len = strlen(prefixes[i].prefix);
        if (strncmp(name, prefixes[i].prefix, len) == 0) {
            set_capture(s->d, s->op, group, prefixes[i].kind, slice_text(name + len));
        }
    }
}

/* The last slash that no backslash escapes. */
static const uint8_t *closing_slash(struct slice v)
{
    for (size_t i = v.size; i-- > 1;) {
        size_t n = 0;
        while (n < i && v.bytes[i - 1 - n] == '\\') {
            n++;
        }
        if (v.bytes[i] == '/' && n % 2 == 0) {
            return v.bytes + i;
        }
    }
    return NULL;
}

/* The operation, in the buffer that the flags name or in the current one; NULL after
 * reporting. */
static struct rule_op *place_op(struct draft *d, const struct flags *flags)
{
    enum buffer_id id = (enum buffer_id) flags->buffer;
    enum buffer_id have = d->sticky >= 0 ? d->buffers[d->sticky].id : id;

    if (flags->buffer < 0) {
        return draft_add_op(d, OP_PCRE);
    }
    /* Older rules write file_data and mean the response body by Q. */
    if (have != id && !(have == BUFFER_FILE_DATA && id == BUFFER_HTTP_RESPONSE_BODY)) {
        draft_error(d, NULL, "the expression's flags name %s, and another sticky buffer "
                    "stands in front of it", buffer_info(id)->name);
        return NULL;
    }
    if (!draft_need_app(d, buffer_info(id)->proto)) {
        return NULL;
    }
    return draft_add_op_to(d, d->sticky >= 0 ? (size_t) d->sticky : draft_find_buffer(d, id),
                           OP_PCRE);
}

static bool parse_pcre(struct draft *d, const struct keyword *row, struct slice v)
{
    struct flags flags = { .buffer = -1 };
    struct op_pcre pcre = { 0 };
    uint32_t n_groups = 0;
    const uint8_t *end;

    if (v.size > 0 && v.bytes[0] == '!') {
        d->negated = true;      /* Some write it within the quotes. */
        v = slice_from(v, 1);
    }
    if (v.size < 2 || v.bytes[0] != '/' || (end = closing_slash(v)) == NULL) {
        return draft_error_at(d, v.bytes, "for example: pcre:\"/^abc/i\"",
                              "an expression stands between slashes");
    }
    struct slice pattern = slice_of(v.bytes + 1, (size_t) (end - v.bytes) - 1);
    struct slice tail = slice_of(end + 1, v.size - pattern.size - 2);
    size_t n = 0;
    while (n < tail.size && tail.bytes[n] != ',' && tail.bytes[n] != ' ') {
        if (!parse_letter(d, tail.bytes + n++, &flags)) {
            return false;
        }
    }
    if (!draft_compile_regex(d, pattern, flags.regex, &pcre, &n_groups)) {
        return false;
    }
    struct name_search search = { d, &pcre };
    draft_regex_names(&pcre, take_name, &search);
    struct slice variables = slice_trim(slice_from(tail, n));
    if (variables.size > 0
        && !parse_variables(d, slice_from(variables, 1), &pcre,
                            n_groups)) {
        return false;
    }
    struct rule_op *op = place_op(d, &flags);
    if (op == NULL) {
        return false;
    }
    pcre.relative = flags.relative;
    pcre.raw = flags.raw;
    op->pcre = pcre;
    op->relative = flags.relative;
    return true;
}

static const struct keyword rows[] = {
    { "pcre", KEYWORD_VALUE | KEYWORD_NEGATES | KEYWORD_QUOTES, parse_pcre, 0,
      "A regular expression: \"/expression/flags\"" },
};
FAMILY(pcre_keywords, rows);
