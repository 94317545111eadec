/* The draft of a rule: what keyword functions build on. */
#include <stdarg.h>
#include <stdlib.h>

#include "rules/lang/lang_private.h"

void draft_init(struct draft *d, struct set_builder *b, struct slice line)
{
    *d = (struct draft) { .set = b, .line = line, .key = line, .sticky = -1,
                          .content_buffer = -1, .content_op = -1, .last_buffer = -1 };
    d->rule = builder_alloc(b, sizeof *d->rule);
}

void draft_fini(struct draft *d)
{
    for (size_t i = 0; i < d->n_buffers; i++) {
        free(d->buffers[i].ops);
        free(d->buffers[i].transforms);
    }
    free(d->buffers);
    free(d->tests);
    free(d->dos);
    free(d->filters);
    free(d->seen);
}

static void report(struct draft *d, enum diag_level level, const uint8_t *at,
                   const char *hint, const char *format, va_list args)
{
    struct strbuf text = STRBUF_EMPTY;

    strbuf_vprintf(&text, format, args);
    if (at == NULL || at < d->line.bytes || at > d->line.bytes + d->line.size) {
        at = d->key.bytes;
    }
    builder_report(d->set, level, (size_t) (at - d->line.bytes), hint, "%s",
                   strbuf_cstr(&text));
    strbuf_fini(&text);
    d->n_errors += level == DIAG_ERROR;
}

bool draft_error(struct draft *d, const char *hint, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(d, DIAG_ERROR, NULL, hint, format, args);
    va_end(args);
    return false;
}

bool draft_error_at(struct draft *d, const uint8_t *at, const char *hint,
                    const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(d, DIAG_ERROR, at, hint, format, args);
    va_end(args);
    return false;
}

void draft_warn(struct draft *d, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(d, DIAG_WARNING, NULL, NULL, format, args);
    va_end(args);
}

void *draft_alloc(struct draft *d, size_t size)
{
    return builder_alloc(d->set, size);
}

const char *draft_text(struct draft *d, struct slice s)
{
    return builder_strndup(d->set, s.bytes, s.size);
}

static struct rule_names *names_of(struct ruleset *set, enum draft_names kind)
{
    switch (kind) {
    case NAMES_FLOWBITS: return &set->flowbits;
    case NAMES_FLOWINTS: return &set->flowints;
    case NAMES_XBITS: return &set->xbits;
    case NAMES_HOSTBITS: return &set->hostbits;
    case NAMES_VARS: return &set->vars;
    case NAMES_CATEGORIES: return &set->categories;
    case NAMES_EVENTS: case N_NAMES: break;
    }
    return &set->events;
}

uint32_t draft_name(struct draft *d, enum draft_names kind, struct slice name)
{
    struct set_builder *b = d->set;
    struct rule_names *names = names_of(b->set, kind);
    const uint32_t *found = intern_find(&b->names[kind], name);

    if (found != NULL) {
        return *found;
    }
    if (names->n == 0) {
        names->names = xgrow(names->names, 0, &b->cap_names[kind], sizeof *names->names);
        names->names[names->n++] = "";          /* Index 0 is never used. */
    }
    const char *text = draft_text(d, name);
    names->names = xgrow(names->names, names->n, &b->cap_names[kind], sizeof *names->names);
    names->names[names->n] = text;
    intern_add(&b->names[kind], slice_of(text, name.size), (uint32_t) names->n);
    return (uint32_t) names->n++;
}

struct rule_test *draft_add_test(struct draft *d, enum rule_test_kind kind)
{
    d->tests = xgrow(d->tests, d->n_tests, &d->cap_tests, sizeof *d->tests);
    d->tests[d->n_tests] = (struct rule_test) { .kind = kind, .negated = d->negated,
                                                .at = (const char *) d->key.bytes };
    return &d->tests[d->n_tests++];
}

struct rule_do *draft_add_do(struct draft *d, enum rule_do_kind kind)
{
    d->dos = xgrow(d->dos, d->n_dos, &d->cap_dos, sizeof *d->dos);
    d->dos[d->n_dos] = (struct rule_do) { .kind = kind, .at = (const char *) d->key.bytes };
    return &d->dos[d->n_dos++];
}

struct rule_filter *draft_add_filter(struct draft *d, enum filter_kind kind)
{
    d->filters = xgrow(d->filters, d->n_filters, &d->cap_filters, sizeof *d->filters);
    d->filters[d->n_filters] = (struct rule_filter) { .kind = kind };
    return &d->filters[d->n_filters++];
}

static size_t add_buffer(struct draft *d, enum buffer_id id, struct slice argument)
{
    d->buffers = xgrow(d->buffers, d->n_buffers, &d->cap_buffers, sizeof *d->buffers);
    d->buffers[d->n_buffers] = (struct draft_buffer) { .id = id, .argument = argument };
    return d->n_buffers++;
}

size_t draft_find_buffer(struct draft *d, enum buffer_id id)
{
    for (size_t i = 0; i < d->n_buffers; i++) {
        if (d->buffers[i].id == id && d->buffers[i].n_transforms == 0
            && d->buffers[i].argument.size == 0) {
            return i;
        }
    }
    return add_buffer(d, id, slice_of(NULL, 0));
}

struct draft_buffer *draft_buffer(struct draft *d)
{
    size_t at = d->sticky >= 0 ? (size_t) d->sticky : draft_find_buffer(d, BUFFER_PAYLOAD);

    return &d->buffers[at];
}

size_t draft_relative_buffer(struct draft *d, bool relative)
{
    if (d->sticky < 0 && relative && d->last_buffer >= 0) {
        return (size_t) d->last_buffer;
    }
    return (size_t) (draft_buffer(d) - d->buffers);
}

struct rule_op *draft_add_op(struct draft *d, enum rule_op_kind kind)
{
    return draft_add_op_to(d, (size_t) (draft_buffer(d) - d->buffers), kind);
}

struct rule_op *draft_add_op_to(struct draft *d, size_t buffer, enum rule_op_kind kind)
{
    struct draft_buffer *b = &d->buffers[buffer];

    b->ops = xgrow(b->ops, b->n_ops, &b->cap_ops, sizeof *b->ops);
    b->ops[b->n_ops] = (struct rule_op) { .kind = kind, .negated = d->negated,
                                          .at = (const char *) d->key.bytes };
    d->last_buffer = (int) buffer;
    if (kind == OP_CONTENT) {
        d->content_buffer = (int) buffer;
        d->content_op = (int) b->n_ops;
    }
    return &b->ops[b->n_ops++];
}

/* Protocols that share buffers: dcerpc travels in smb, http is either version. */
static bool apps_agree(enum app_proto have, enum app_proto want)
{
    return have == want
           || (want == APP_DCERPC && have == APP_SMB)
           || (want == APP_HTTP && (have == APP_HTTP1 || have == APP_HTTP2))
           || (have == APP_HTTP && (want == APP_HTTP1 || want == APP_HTTP2))
           || (want == APP_HTTP && have == APP_DOH2) || (want == APP_DNS && have == APP_DOH2)
           || (want == APP_DNS && have == APP_MDNS)
           || (want == APP_TLS && have == APP_QUIC);    /* ja3, ja4, sni stand in both. */
}

bool draft_need_app(struct draft *d, enum app_proto proto)
{
    struct rule *r = d->rule;

    if (proto == APP_UNKNOWN) {
        return true;
    }
    if (r->app_proto != APP_UNKNOWN && !apps_agree(r->app_proto, proto)) {
        return draft_error(d, NULL, "\"%.*s\" is of %s, but the rule is about %s",
                           (int) d->key.size, (const char *) d->key.bytes,
                           app_proto_name(proto), app_proto_name(r->app_proto));
    }
    if (r->proto == RULE_PROTO_ICMP || r->proto == RULE_PROTO_ICMPV4
        || r->proto == RULE_PROTO_ICMPV6 || r->proto == RULE_PROTO_ARP
        || r->proto == RULE_PROTO_ETHER) {
        return draft_error(d, NULL, "\"%.*s\" needs %s, which this protocol never carries",
                           (int) d->key.size, (const char *) d->key.bytes,
                           app_proto_name(proto));
    }
    if (r->app_proto == APP_UNKNOWN || r->app_proto == APP_HTTP) {
        r->app_proto = proto;
    }
    if (d->app_keyword == NULL) {
        d->app_keyword = draft_text(d, d->key);
    }
    return true;
}

/* The protocols whose transactions carry files. */
static bool carries_files(enum app_proto p)
{
    return p == APP_UNKNOWN || p == APP_HTTP || p == APP_HTTP1 || p == APP_HTTP2
           || p == APP_SMTP || p == APP_FTP || p == APP_FTP_DATA || p == APP_SMB
           || p == APP_NFS;
}

bool draft_set_sticky(struct draft *d, enum buffer_id id, struct slice argument)
{
    const struct buffer_info *info = buffer_info(id);
    bool is_file = id == BUFFER_FILE_DATA || id == BUFFER_FILE_NAME || id == BUFFER_FILE_MAGIC;

    if (!draft_need_app(d, info->proto)) {
        return false;
    }
    if (is_file && !carries_files(d->rule->app_proto)) {
        return draft_error(d, NULL, "%s carries no files",
                           app_proto_name(d->rule->app_proto));
    }
    if (is_file && d->app_keyword == NULL) {
        d->app_keyword = draft_text(d, d->key);
    }
    int found = -1;
    for (size_t i = 0; i < d->n_buffers; i++) {
        const struct draft_buffer *b = &d->buffers[i];
        if (b->id == id && b->n_transforms == 0 && slice_equal(b->argument, argument)) {
            found = (int) i;
        }
    }
    bool is_new = found < 0
                  || ((info->flags & BUFFER_MULTI) != 0 && d->buffers[found].n_ops > 0);
    d->sticky = is_new ? (int) add_buffer(d, id, argument) : found;
    struct draft_buffer *b = &d->buffers[d->sticky];
    if (b->named_at == NULL && id != BUFFER_PAYLOAD) {
        b->named_at = d->key.bytes;
    }
    return true;
}

struct draft_buffer *draft_add_form(struct draft *d)
{
    struct draft_buffer old = d->buffers[d->sticky];

    d->sticky = (int) add_buffer(d, old.id, old.argument);
    d->buffers[d->sticky].named_at = d->key.bytes;
    return &d->buffers[d->sticky];
}

struct rule_op *draft_last_content(struct draft *d)
{
    if (d->content_buffer < 0) {
        draft_error(d, "it stands behind the content that it changes",
                    "\"%.*s\" without a content in front of it", (int) d->key.size,
                    (const char *) d->key.bytes);
        return NULL;
    }
    return &d->buffers[d->content_buffer].ops[d->content_op];
}

bool draft_move_content(struct draft *d, enum buffer_id id)
{
    if (draft_last_content(d) == NULL || !draft_need_app(d, buffer_info(id)->proto)) {
        return false;
    }
    if (d->sticky >= 0) {
        return draft_error(d, "name the buffer in front of its contents, or behind, not both",
                           "\"%.*s\" cannot stand behind a sticky buffer",
                           (int) d->key.size, (const char *) d->key.bytes);
    }
    struct draft_buffer *from = &d->buffers[d->content_buffer];
    if (from->id != BUFFER_PAYLOAD) {
        return draft_error(d, NULL, "this content is of %s already",
                           buffer_info(from->id)->name);
    }
    size_t at = (size_t) d->content_op;
    struct rule_op op = from->ops[at];
    memmove(&from->ops[at], &from->ops[at + 1], (from->n_ops - at - 1) * sizeof op);
    from->n_ops--;
    size_t to = draft_find_buffer(d, id);
    struct draft_buffer *b = &d->buffers[to];
    b->ops = xgrow(b->ops, b->n_ops, &b->cap_ops, sizeof *b->ops);
    b->ops[b->n_ops] = op;
    d->content_buffer = d->last_buffer = (int) to;
    d->content_op = (int) b->n_ops++;
    return true;
}

bool draft_add_var(struct draft *d, size_t buffer, struct slice name, uint8_t *index)
{
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.bytes[i];
        if (!(c == '_' || c == '.' || c == '-' || (c >= '0' && c <= '9')
              || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))) {
            return draft_error_at(d, name.bytes, NULL, "this is no name for a variable");
        }
    }
    if (name.size == 0 || (name.bytes[0] >= '0' && name.bytes[0] <= '9')) {
        return draft_error_at(d, name.bytes, NULL, "a variable's name starts with a letter");
    }
    for (size_t i = 0; i < d->n_vars; i++) {
        if (slice_equal(d->vars[i].name, name)) {
            if (d->vars[i].buffer == buffer) {
                *index = (uint8_t) i;   /* Written again. */
                return true;
            }
        }
    }
    if (d->n_vars == RULE_MAX_VARS) {
        return draft_error(d, NULL, "a rule has at most %d variables", RULE_MAX_VARS);
    }
    d->vars[d->n_vars] = (struct draft_var) { name, buffer };
    *index = (uint8_t) d->n_vars++;
    return true;
}

bool draft_number(struct draft *d, struct slice text, int64_t min, int64_t max,
                  struct rule_number *out)
{
    text = slice_trim(text);
    *out = (struct rule_number) { 0 };
    bool is_name = text.size > 0 && ((text.bytes[0] | 0x20) >= 'a')
                   && ((text.bytes[0] | 0x20) <= 'z');
    if (!is_name) {
        if (number_parse_signed(text, min, max, &out->value)) {
            return true;
        }
        return draft_error_at(d, text.bytes, NULL, "a number from %lld to %lld is wanted, "
                              "not \"%.*s\"", (long long) min, (long long) max,
                              (int) text.size, (const char *) text.bytes);
    }
    size_t buffer = draft_relative_buffer(d, true);
    for (size_t i = 0; i < d->n_vars; i++) {
        /* Payload and a transaction's buffers are not there at one time; a content of the
         * payload may yet be moved by an older modifier. */
        bool is_payload = d->buffers[d->vars[i].buffer].id == BUFFER_PAYLOAD;
        bool may_move = d->sticky < 0 && d->content_buffer == (int) buffer;
        bool reaches = d->vars[i].buffer == buffer
                       || (!is_payload
                           && (d->buffers[buffer].id != BUFFER_PAYLOAD || may_move));
        if (slice_equal(d->vars[i].name, text) && reaches) {
            out->is_var = true;
            out->var = (uint8_t) i;
            return true;
        }
    }
    return draft_error_at(d, text.bytes, "byte_extract or byte_math of the same buffer makes "
                          "variables, in front of their use", "unknown variable \"%.*s\"",
                          (int) text.size, (const char *) text.bytes);
}
