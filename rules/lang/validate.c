/* Checks that need the whole rule: could it ever match, and do its parts go together? */
#include <ctype.h>
#include <stdio.h>

#include "rules/lang/hooks.h"
#include "rules/lang/lang_private.h"

static bool is_app_buffer(const struct draft_buffer *b)
{
    return (buffer_info(b->id)->flags & BUFFER_PACKET) == 0;
}

static const char *buffer_name(const struct draft_buffer *b)
{
    return b->id == BUFFER_PAYLOAD ? "the payload" : buffer_info(b->id)->name;
}

static bool error_at_buffer(struct draft *d, const struct draft_buffer *b, const char *hint,
                            const char *text)
{
    return draft_error_at(d, b->named_at, hint, text, buffer_name(b));
}

/* The most bytes that a number test lets through; UINT64_MAX: no limit. */
static uint64_t most_bytes(enum number_cmp cmp, uint64_t a, uint64_t b)
{
    switch (cmp) {
    case CMP_EQ: case CMP_LE: return a;
    case CMP_LT: return a > 0 ? a - 1 : 0;
    case CMP_RANGE: return b > 0 ? b - 1 : 0;
    case CMP_RANGE_INCLUSIVE: return b;
    default: return UINT64_MAX;
    }
}

static int64_t constant(bool has, const struct rule_number *n)
{
    return has && !n->is_var ? n->value : 0;
}

/* Do the contents of 'b', laid end to end as their offsets and distances ask, need more
 * than 'room' bytes?  A negated content that can only be looked for past the end counts
 * too: its rule was meant for larger data. */
static bool needs_more_than(const struct draft_buffer *b, uint64_t room)
{
    int64_t total = 0, max = room > INT32_MAX ? INT32_MAX : (int64_t) room;
    bool is_first = true;

    for (size_t i = 0; i < b->n_ops; i++) {
        const struct op_content *c = &b->ops[i].content;
        if (b->ops[i].kind != OP_CONTENT) {
            continue;
        }
        int64_t offset = constant(c->has_offset, &c->offset);
        int64_t distance = constant(c->has_distance, &c->distance);
        int64_t size = (int64_t) c->pattern.size;
        bool is_relative = c->has_distance || c->has_within;
        if (!b->ops[i].negated && !is_relative && offset + size > max) {
            return true;
        }
        if (!is_first && !is_relative) {
            continue;
        }
        if (b->ops[i].negated) {
            if (!is_first && total + distance + constant(c->has_within, &c->within) > max) {
                return true;
            }
            continue;
        }
        total += size + distance;
        if (total + (is_first ? offset : 0) > max) {
            return true;
        }
        is_first = false;
    }
    return false;
}

static bool check_sizes(struct draft *d)
{
    bool ok = true;

    for (size_t i = 0; i < d->n_tests; i++) {
        const struct rule_test *t = &d->tests[i];
        if (t->kind != TEST_NUMBER || t->field != FIELD_DSIZE || t->negated) {
            continue;
        }
        for (size_t k = 0; k < d->n_buffers; k++) {
            if (d->buffers[k].id == BUFFER_PAYLOAD
                && needs_more_than(&d->buffers[k], most_bytes(t->cmp, t->a, t->b))) {
                ok = draft_error(d, "the contents need more bytes than dsize lets through",
                                 "the rule can never match: dsize");
            }
        }
    }
    for (size_t k = 0; k < d->n_buffers; k++) {
        const struct draft_buffer *b = &d->buffers[k];
        for (size_t i = 0; i < b->n_ops; i++) {
            const struct op_bsize *size = &b->ops[i].bsize;
            if (b->ops[i].kind == OP_BSIZE && !b->ops[i].negated
                && needs_more_than(b, most_bytes(size->cmp, size->a, size->b))) {
                ok = error_at_buffer(d, b, "its contents need more bytes than bsize lets "
                                     "through", "the rule can never match: bsize of %s");
            }
        }
    }
    return ok;
}

/* What may not stand in a content behind a transform. */
static const char *clash_with_transform(enum transform_kind kind, struct slice p)
{
    for (size_t i = 0; i < p.size; i++) {
        bool space = isspace(p.bytes[i]) != 0;
        if (kind == TRANSFORM_STRIP_WHITESPACE && space) {
            return "strip_whitespace takes away the blanks that this content has";
        }
        if (kind == TRANSFORM_COMPRESS_WHITESPACE && space && i > 0
            && isspace(p.bytes[i - 1]) != 0) {
            return "compress_whitespace leaves no two blanks together";
        }
        if (kind == TRANSFORM_TO_LOWERCASE && isupper(p.bytes[i]) != 0) {
            return "to_lowercase leaves no upper-case letters";
        }
        if (kind == TRANSFORM_TO_UPPERCASE && islower(p.bytes[i]) != 0) {
            return "to_uppercase leaves no lower-case letters";
        }
    }
    return NULL;
}

static bool has_upper(struct slice p)
{
    for (size_t i = 0; i < p.size; i++) {
        if (isupper(p.bytes[i]) != 0) {
            return true;
        }
    }
    return false;
}

/* An MD5 in hexadecimal: found whole or not at all. */
static bool is_md5_buffer(enum buffer_id id)
{
    return id == BUFFER_JA3_HASH || id == BUFFER_JA3S_HASH || id == BUFFER_SSH_HASSH
           || id == BUFFER_SSH_HASSH_SERVER;
}

static bool is_md5_text(struct slice p)
{
    for (size_t i = 0; i < p.size; i++) {
        if (isxdigit(p.bytes[i]) == 0) {
            return false;
        }
    }
    return p.size == 32;
}

/* Hashes are written in either case; their buffers are in lower case. */
static void lower_content(struct draft *d, struct op_content *c)
{
    uint8_t *lower = draft_alloc(d, c->pattern.size);

    for (size_t i = 0; i < c->pattern.size; i++) {
        lower[i] = (uint8_t) tolower(c->pattern.bytes[i]);
    }
    c->pattern.bytes = lower;
}

/* Buffers whose bytes have one form, so that some contents can never be found. */
static const char *clash_with_buffer(enum buffer_id id, const struct op_content *c,
                                     bool is_plain)
{
    struct slice p = c->pattern;

    if (is_md5_buffer(id) && is_plain) {
        return is_md5_text(p) ? NULL : "an MD5 is 32 hexadecimal digits";
    }
    switch (id) {
    case BUFFER_HTTP_HOST:
        return c->nocase ? "http.host is lower case already: leave nocase out"
               : has_upper(p) ? "http.host is lower case: no upper-case letters in contents"
               : NULL;
    case BUFFER_HTTP_METHOD:
        return p.bytes[0] == ' ' || p.bytes[p.size - 1] == ' '
               ? "http.method has no blanks around it" : NULL;
    default:
        return NULL;
    }
}

static bool check_contents(struct draft *d, const struct draft_buffer *b)
{
    bool ok = true;

    for (size_t i = 0; i < b->n_ops; i++) {
        struct op_content *c = &b->ops[i].content;
        const char *clash;
        if (b->ops[i].kind != OP_CONTENT) {
            continue;
        }
        if (is_md5_buffer(b->id) && b->n_transforms == 0 && has_upper(c->pattern)) {
            lower_content(d, c);
        }
        clash = clash_with_buffer(b->id, c, b->n_transforms == 0);
        for (size_t k = 0; clash == NULL && k < b->n_transforms && k < 1; k++) {
            /* A nocase content was lower-cased here and is compared without case. */
            bool by_case = b->transforms[0].kind == TRANSFORM_TO_LOWERCASE
                           || b->transforms[0].kind == TRANSFORM_TO_UPPERCASE;
            if (b->n_transforms == 1 && !(c->nocase && by_case)) {
                clash = clash_with_transform(b->transforms[0].kind, c->pattern);
            }
        }
        if (clash != NULL) {
            ok = draft_error_at(d, b->named_at, NULL, "the rule can never match: %s", clash);
        }
    }
    return ok;
}

static bool check_buffers(struct draft *d)
{
    bool ok = true;

    for (size_t i = 0; i < d->n_buffers; i++) {
        const struct draft_buffer *b = &d->buffers[i];
        if (b->named_at != NULL && b->n_ops == 0 && b->absent == BUFFER_PRESENT) {
            ok = error_at_buffer(d, b, "name a content, pcre or the like behind it",
                                 "nothing is looked for in %s");
        }
        if (b->absent != BUFFER_PRESENT && (b->n_ops > 0) != (b->absent == BUFFER_ABSENT_OR_ELSE)) {
            ok = error_at_buffer(d, b, "\"absent: or_else\" goes with contents, \"absent\" "
                                 "without", "absent does not fit what is looked for in %s");
        }
        ok = check_contents(d, b) && ok;
    }
    return ok;
}

/* In which directions a buffer is. */
static unsigned dirs_of(const struct draft_buffer *b)
{
    return b->dirs != 0 ? b->dirs : buffer_info(b->id)->flags & BUFFER_BOTH;
}

/* "=>": each buffer is of one side, and there are such of both. */
static bool check_both_sides(struct draft *d)
{
    unsigned all = 0;

    if ((d->rule->flow & (FLOW_TO_SERVER | FLOW_TO_CLIENT)) != 0) {
        return draft_error(d, "leave to_server and to_client out",
                           "a rule with => is about both directions");
    }
    for (size_t i = 0; i < d->n_buffers; i++) {
        const struct draft_buffer *b = &d->buffers[i];
        if (!is_app_buffer(b) || b->id == BUFFER_FRAME) {
            continue;
        }
        if (dirs_of(b) == BUFFER_BOTH) {
            return error_at_buffer(d, b, (buffer_info(b->id)->flags & BUFFER_SIDED) != 0
                                         ? "name its side, as in \"file.data: to_client\""
                                         : NULL,
                                   "%s may be of either side, which => cannot tell apart");
        }
        all |= dirs_of(b);
    }
    for (size_t i = 0; i < d->n_dos; i++) {
        if (rule_do_needs_file(&d->dos[i])) {
            return draft_error(d, NULL, "filestore does not go with =>");
        }
    }
    return all == BUFFER_BOTH
           || draft_error(d, "-> is for rules about one side",
                          "a rule with => needs buffers of the request and of the response");
}

/* Buffers of one direction against flow and against each other. */
static bool check_directions(struct draft *d)
{
    const struct draft_buffer *ts = NULL, *tc = NULL;
    unsigned flow = d->rule->flow & (FLOW_TO_SERVER | FLOW_TO_CLIENT);

    if (d->rule->is_both_sides) {
        return check_both_sides(d);
    }
    for (size_t i = 0; i < d->n_buffers; i++) {
        const struct draft_buffer *b = &d->buffers[i];
        unsigned dirs = dirs_of(b);
        if (dirs == BUFFER_TS) {
            ts = b;
        } else if (dirs == BUFFER_TC) {
            tc = b;
        }
    }
    if (ts != NULL && tc != NULL) {
        return error_at_buffer(d, tc, "make two rules and join them by a flowbit, or one "
                               "with =>", "the rule can never match: %s is of the other direction");
    }
    if (ts != NULL && flow == FLOW_TO_CLIENT) {
        return error_at_buffer(d, ts, "flow:to_server", "the rule can never match: %s is "
                               "only in the direction to the server");
    }
    if (tc != NULL && flow == FLOW_TO_SERVER) {
        return error_at_buffer(d, tc, "flow:to_client", "the rule can never match: %s is "
                               "only in the direction to the client");
    }
    return true;
}

static bool check_mixture(struct draft *d)
{
    if (d->packet_keyword != NULL && d->needs_stream) {
        return draft_error(d, "flow:only_stream and tcp-stream look at no single packet",
                           "\"%s\" is about single packets", d->packet_keyword);
    }
    for (size_t i = 0; d->packet_keyword != NULL && i < d->n_buffers; i++) {
        if (is_app_buffer(&d->buffers[i])) {
            return draft_error_at(d, d->buffers[i].named_at,
                                  "make two rules and join them by a flowbit",
                                  "\"%s\" is about single packets, %s about a transaction",
                                  d->packet_keyword, buffer_name(&d->buffers[i]));
        }
    }
    return true;
}

/* Does the rule look at transactions beside their frames? */
static bool has_app_parts(const struct draft *d)
{
    for (size_t i = 0; i < d->n_tests; i++) {
        if (rule_test_is_of_tx(&d->tests[i])) {
            return true;
        }
    }
    for (size_t i = 0; i < d->n_buffers; i++) {
        const struct draft_buffer *b = &d->buffers[i];
        if (is_app_buffer(b) && b->id != BUFFER_FRAME && (b->n_ops > 0 || b->absent != 0)) {
            return true;
        }
    }
    for (size_t i = 0; i < d->n_dos; i++) {
        if (rule_do_needs_file(&d->dos[i])) {
            return true;
        }
    }
    return false;
}

/* Frames are looked at by themselves. */
static bool check_frames(struct draft *d)
{
    const struct draft_buffer *frame = NULL;
    bool has_payload = false;

    for (size_t i = 0; i < d->n_buffers; i++) {
        const struct draft_buffer *b = &d->buffers[i];
        frame = b->id == BUFFER_FRAME ? b : frame;
        has_payload = has_payload || (b->id == BUFFER_PAYLOAD && b->n_ops > 0);
    }
    if (frame == NULL && !d->rule->is_stream_frame) {
        return true;
    }
    if (frame != NULL && has_payload) {
        return error_at_buffer(d, frame, "make two rules and join them by a flowbit",
                               "contents of the payload do not go with those of a %s");
    }
    if (has_app_parts(d)) {
        return draft_error_at(d, frame != NULL ? frame->named_at : NULL,
                              "make two rules and join them by a flowbit",
                              "what is asked of a transaction does not go with a frame");
    }
    return true;
}

/* What stands behind the protocol of the header against the rest. */
static bool check_hook(struct draft *d)
{
    const struct rule *r = d->rule;
    unsigned flow = r->flow & (FLOW_TO_SERVER | FLOW_TO_CLIENT);
    bool ok = true;

    if (r->hook == HOOK_NONE) {
        return true;
    }
    if (r->hook != HOOK_TX) {
        return (!has_app_parts(d) && d->app_keyword == NULL)
               || draft_error(d, NULL, "a hook of packets does not go with what is asked of "
                              "%s", app_proto_name(r->app_proto));
    }
    if (d->packet_keyword != NULL) {
        return draft_error(d, "make two rules and join them by a flowbit",
                           "\"%s\" is about single packets, the hook about a transaction",
                           d->packet_keyword);
    }
    if (flow == (d->is_hook_to_client ? FLOW_TO_SERVER : FLOW_TO_CLIENT)) {
        return draft_error(d, NULL, "the rule can never match: its hook is of the other "
                           "direction than its flow");
    }
    for (size_t i = 0; i < d->n_buffers; i++) {
        const struct draft_buffer *b = &d->buffers[i];
        unsigned there = progress_of_buffer(r->app_proto, b->id, d->is_hook_to_client);
        if (b->n_ops > 0 && there != PROGRESS_NONE && there != r->hook_progress) {
            char hint[80];

            snprintf(hint, sizeof hint, "its state is %s",
                     progress_name(r->app_proto, d->is_hook_to_client, there));
            ok = error_at_buffer(d, b, hint, "%s is not of the state that the hook names");
        }
    }
    return ok;
}

bool draft_validate(struct draft *d)
{
    bool ok = true;

    ok = check_buffers(d) && ok;
    ok = check_sizes(d) && ok;
    ok = check_directions(d) && ok;
    ok = check_frames(d) && ok;
    ok = check_hook(d) && ok;
    return check_mixture(d) && ok;
}
