/* What is no error and yet likely not meant, or slow. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "rules/lang/frames.h"
#include "rules/tool/tool.h"
#include "sensor/app/app.h"

/* A content shorter than this is met in most traffic. */
#define FAST_ENOUGH 3

/* 'at' points into the rule's text; NULL: its start is meant. */
static void warn_at(struct diag *diag, const struct rule *r, const char *at, const char *hint,
                    const char *text)
{
    unsigned line, column;

    rule_place(r, at != NULL ? at : r->text, &line, &column);
    diag_add(diag, DIAG_WARNING, r->file, line, column, hint, "sid %u: %s", r->sid, text);
}

/* ---- How it is found ---- */

static bool has_buffer(const struct rule *r, bool is_payload)
{
    for (size_t i = 0; i < r->n_buffers; i++) {
        if ((r->buffers[i].id == BUFFER_PAYLOAD) == is_payload) {
            return true;
        }
    }
    return false;
}

/* The first thing that it asks of a buffer. */
static const char *find_operation(const struct rule *r)
{
    const char *first = NULL;

    for (size_t i = 0; i < r->n_buffers; i++) {
        for (size_t k = 0; k < r->buffers[i].n_ops; k++) {
            const char *at = r->buffers[i].ops[k].at;

            first = first == NULL || at < first ? at : first;
        }
    }
    return first;
}

static void warn_of_no_pattern(const struct rule *r, struct diag *diag)
{
    static const char hint[] = "add a content of four bytes or more that the traffic must have";
    char text[128];

    if (has_buffer(r, true)) {
        warn_at(diag, r, find_operation(r), hint, "no content by which it can be found: it is "
                "run on all payload that its header lets through");
    } else if (r->type == RULE_TYPE_TX || r->type == RULE_TYPE_FRAME) {
        snprintf(text, sizeof text, "no content by which it can be found: it is run on each "
                 "%s of %s", r->type == RULE_TYPE_TX ? "transaction" : "frame",
                 r->app_proto != APP_UNKNOWN ? app_proto_name(r->app_proto)
                                             : "every protocol");
        warn_at(diag, r, find_operation(r), hint, text);
    }
}

static void lint_fast_pattern(const struct rule *r, struct diag *diag)
{
    if (r->n_buffers == 0) {
        return;
    }
    if (r->fast_buffer < 0) {
        warn_of_no_pattern(r, diag);
        return;
    }
    const struct rule_buffer *b = &r->buffers[r->fast_buffer];
    const struct rule_op *op = &b->ops[r->fast_op];
    size_t size = op->content.fast_size > 0 ? op->content.fast_size
                                            : op->content.pattern.size;
    if (b->id == BUFFER_PAYLOAD && size < FAST_ENOUGH) {
        warn_at(diag, r, op->at, "a longer content makes it much faster",
                "its best content is very short");
    }
}

static void lint_numbers(const struct rule *r, struct diag *diag)
{
    if (r->rev == 0) {
        warn_at(diag, r, NULL, "rev:1;",
                "no rev, so that changes cannot be told apart");
    }
    if (r->msg[0] == '\0' && !r->no_alert) {
        warn_at(diag, r, NULL, "msg:\"what it means\";", "no msg: its alerts say nothing");
    }
}

/* ---- What can never match ---- */

struct range { uint64_t low, high; };

/* What a test lets through, where that is one range. */
static bool range_of(const struct rule_test *t, struct range *out)
{
    *out = (struct range) { 0, UINT64_MAX };
    if (t->kind != TEST_NUMBER || t->negated || t->n_names > 0) {
        return false;
    }
    switch (t->cmp) {
    case CMP_EQ: *out = (struct range) { t->a, t->a }; return true;
    case CMP_LT: out->high = t->a > 0 ? t->a - 1 : 0; return t->a > 0;
    case CMP_LE: out->high = t->a; return true;
    case CMP_GT: out->low = t->a + 1; return t->a < UINT64_MAX;
    case CMP_GE: out->low = t->a; return true;
    case CMP_RANGE: *out = (struct range) { t->a + 1, t->b - 1 }; return t->a + 1 < t->b;
    case CMP_RANGE_INCLUSIVE: *out = (struct range) { t->a, t->b }; return true;
    default: return false;
    }
}

/* Of these a packet or flow has one value at a time. */
static bool has_one_value(enum rule_field f)
{
    return f < FIELD_DNS_OPCODE && f != FIELD_VLAN_ID && f != FIELD_IPOPTS
           && f != FIELD_FLOW_PKTS && f != FIELD_FLOW_BYTES && f != FIELD_STREAM_SIZE;
}

static const char *field_keyword(enum rule_field f)
{
    static const char *const names[] = {
#define X(id, keyword, older, bits) keyword,
        RULE_FIELDS(X)
#undef X
    };

    return names[f];
}

static void lint_ranges(const struct rule *r, struct diag *diag)
{
    for (size_t i = 0; i < r->n_tests; i++) {
        for (size_t k = 0; k < i; k++) {
            const struct rule_test *a = &r->tests[k], *b = &r->tests[i];
            struct range x, y;

            if (!range_of(a, &x) || !range_of(b, &y) || a->field != b->field
                || !has_one_value(a->field) || (x.low <= y.high && y.low <= x.high)) {
                continue;
            }
            char text[96];

            snprintf(text, sizeof text, "it can never match: its tests of %s exclude each other",
                     field_keyword(b->field));
            warn_at(diag, r, b->at, NULL, text);
        }
    }
}

static bool is_of_tcp(const struct rule_test *t)
{
    return t->kind == TEST_STREAM_EVENT
           || (t->kind == TEST_NUMBER
               && ((t->field >= FIELD_TCP_FLAGS && t->field <= FIELD_TCP_WSCALE)
                   || t->field == FIELD_STREAM_SIZE));
}

/* What a packet of the rule's protocol never has. */
static void lint_headers(const struct rule *r, struct diag *diag)
{
    bool is_tcp = r->proto == RULE_PROTO_TCP || r->proto == RULE_PROTO_TCP_PKT
                  || r->proto == RULE_PROTO_TCP_STREAM;
    bool is_icmp = r->proto >= RULE_PROTO_ICMP && r->proto <= RULE_PROTO_ICMPV6;
    bool is_other = r->proto == RULE_PROTO_UDP || r->proto == RULE_PROTO_SCTP;

    for (size_t i = 0; i < r->n_tests; i++) {
        const struct rule_test *t = &r->tests[i];
        bool is_of_icmp = t->kind == TEST_NUMBER && t->field >= FIELD_ITYPE
                          && t->field <= FIELD_ICMPV6_MTU;

        if (is_of_tcp(t) && (is_icmp || is_other)) {
            warn_at(diag, r, t->at, "alert tcp ...", "it can never match: this is of TCP");
        } else if (is_of_icmp && (is_tcp || is_other)) {
            warn_at(diag, r, t->at, "alert icmp ...", "it can never match: this is of ICMP");
        }
    }
}

/* Buffers, frames and events that are known, and that no parser of ours delivers. */
static void lint_parsers(const struct ruleset *set, const struct rule *r, struct diag *diag)
{
    char text[128];

    for (size_t i = 0; i < r->n_buffers; i++) {
        const struct rule_buffer *b = &r->buffers[i];
        enum app_proto proto = b->id == BUFFER_FRAME ? frame_proto(b->frame)
                                                     : buffer_info(b->id)->proto;

        if (proto != APP_UNKNOWN && !app_has_parser(proto) && !b->absent) {
            snprintf(text, sizeof text, "it can never match: %s has no parser yet",
                     app_proto_name(proto));
            warn_at(diag, r, b->n_ops > 0 ? b->ops[0].at : NULL, NULL, text);
            return;
        }
    }
    for (size_t i = 0; i < r->n_tests; i++) {
        const struct rule_test *t = &r->tests[i];

        if (t->kind == TEST_APP_EVENT && !t->negated
            && !app_raises_event(t->proto, set->events.names[t->name])) {
            snprintf(text, sizeof text, "it can never match: nothing raises the event \"%s\"",
                     set->events.names[t->name]);
            warn_at(diag, r, t->at, NULL, text);
        }
    }
}

/* ---- Flowbits ---- */

struct marks {
    bool *set, *read;
};

static void mark_flowbits(const struct rule *r, struct marks *m)
{
    for (size_t i = 0; i < r->n_dos; i++) {
        if (r->dos[i].kind == DO_FLOWBIT_SET || r->dos[i].kind == DO_FLOWBIT_TOGGLE) {
            m->set[r->dos[i].name] = true;
        }
    }
    for (size_t i = 0; i < r->n_tests; i++) {
        const struct rule_test *t = &r->tests[i];
        if (t->kind != TEST_FLOWBIT) {
            continue;
        }
        m->read[t->name] = true;
        for (size_t k = 0; k < t->n_names; k++) {
            m->read[t->names[k]] = true;
        }
    }
}

static void warn_of_bit(const struct ruleset *set, const struct rule *r, const char *at,
                        uint32_t name, struct diag *diag, const char *hint, const char *what)
{
    char text[160];

    snprintf(text, sizeof text, "flowbit \"%.64s\" %s", set->flowbits.names[name], what);
    warn_at(diag, r, at, hint, text);
}

static bool is_unset_too(const struct rule *r, uint32_t name)
{
    for (size_t i = 0; i < r->n_tests; i++) {
        if (r->tests[i].kind == TEST_FLOWBIT && r->tests[i].negated && r->tests[i].n_names == 0
            && r->tests[i].name == name) {
            return true;
        }
    }
    return false;
}

/* A rule that waits for bits that no rule sets can never match. */
static void lint_flowbits(const struct ruleset *set, const struct rule *r,
                          const struct marks *m, struct diag *diag)
{
    for (size_t i = 0; i < r->n_tests; i++) {
        const struct rule_test *t = &r->tests[i];
        if (t->kind != TEST_FLOWBIT || t->negated) {
            continue;
        }
        bool is_set = m->set[t->name];
        for (size_t k = 0; k < t->n_names; k++) {
            is_set = is_set || m->set[t->names[k]];
        }
        if (!is_set) {
            warn_of_bit(set, r, t->at, t->name, diag, "is the rule that sets it in another file?",
                        "is checked and never set: it can never match");
        } else if (t->n_names == 0 && is_unset_too(r, t->name)) {
            warn_of_bit(set, r, t->at, t->name, diag, NULL,
                        "is to be set and not to be set: it can never match");
        }
    }
    for (size_t i = 0; i < r->n_dos; i++) {
        if (r->dos[i].kind == DO_FLOWBIT_SET && !m->read[r->dos[i].name] && r->no_alert) {
            warn_of_bit(set, r, r->dos[i].at, r->dos[i].name, diag, NULL,
                        "is set and never checked, and there is no alert");
        }
    }
}

void lint_rules(const struct ruleset *set, struct diag *diag)
{
    struct marks m = { xcalloc(set->flowbits.n + 1, sizeof(bool)),
                       xcalloc(set->flowbits.n + 1, sizeof(bool)) };

    for (size_t i = 0; i < set->n_rules; i++) {
        mark_flowbits(set->rules[i], &m);
    }
    for (size_t i = 0; i < set->n_rules; i++) {
        lint_fast_pattern(set->rules[i], diag);
        lint_numbers(set->rules[i], diag);
        lint_ranges(set->rules[i], diag);
        lint_headers(set->rules[i], diag);
        lint_parsers(set, set->rules[i], diag);
        lint_flowbits(set, set->rules[i], &m, diag);
    }
    free(m.set);
    free(m.read);
}
