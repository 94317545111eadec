/* Tree -> draft: the header's sets are made, and each keyword lowers its value. */
#include <stdlib.h>

#include "rules/lang/lang_private.h"

/* Takes '!' and quotes off a value as the keyword's row asks. */
static bool prepare_value(struct draft *d, const struct keyword *row,
                          const struct rule_option *option, struct slice *value)
{
    struct slice v = option->value;

    d->negated = false;
    if ((row->flags & KEYWORD_NEGATES) != 0 && v.size > 0 && v.bytes[0] == '!') {
        d->negated = true;
        v = slice_trim(slice_from(v, 1));
    }
    if ((row->flags & (KEYWORD_QUOTES | KEYWORD_MUST_QUOTE)) != 0 && v.size > 0
        && v.bytes[0] == '"') {
        if (v.size < 2 || v.bytes[v.size - 1] != '"') {
            const uint8_t *quote = v.size > 1 ? memrchr(v.bytes + 1, '"', v.size - 1) : NULL;

            return quote == NULL
                   ? draft_error_at(d, v.bytes, NULL, "a quote is not closed")
                   : draft_error_at(d, quote + 1, "a ';' ends each option",
                                    "something stands behind the closing quote");
        }
        v = slice_of(v.bytes + 1, v.size - 2);
    } else if ((row->flags & KEYWORD_MUST_QUOTE) != 0) {
        return draft_error_at(d, v.bytes, NULL, "the value of \"%s\" stands in quotes",
                              row->name);
    }
    *value = v;
    return true;
}

static bool has_seen(struct draft *d, const struct keyword *row)
{
    for (size_t i = 0; i < d->n_seen; i++) {
        if (d->seen[i] == row) {
            return true;
        }
    }
    d->seen = xgrow(d->seen, d->n_seen, &d->cap_seen, sizeof *d->seen);
    d->seen[d->n_seen++] = row;
    return false;
}

static bool report_unknown(struct draft *d)
{
    const char *near = diag_nearest((const char *) d->key.bytes, d->key.size,
                                    d->set->keyword_names);
    char hint[128];

    snprintf(hint, sizeof hint, "did you mean \"%s\"?", near != NULL ? near : "");
    return draft_error(d, near != NULL ? hint : NULL, "unknown keyword \"%.*s\"",
                       (int) d->key.size, (const char *) d->key.bytes);
}

static bool resolve_option(struct draft *d, const struct keyword *row,
                           const struct rule_option *option)
{
    struct slice value;

    d->key = option->key;
    d->value = option->value;
    d->is_lost = d->is_lost || row == NULL || (row->flags & KEYWORD_LATER) != 0;
    if (row == NULL) {
        return report_unknown(d);
    }
    if ((row->flags & KEYWORD_LATER) != 0) {
        return draft_error(d, row->help, "keyword \"%s\" is not supported yet", row->name);
    }
    if ((row->flags & KEYWORD_VALUE) != 0 && option->value.size == 0) {
        return draft_error(d, row->help, "\"%s\" needs a value", row->name);
    }
    if ((row->flags & KEYWORD_BARE) != 0 && option->has_value) {
        return draft_error(d, NULL, "\"%s\" takes no value", row->name);
    }
    if ((row->flags & KEYWORD_ONCE) != 0 && has_seen(d, row)) {
        return draft_error(d, NULL, "\"%s\" stands twice in this rule", row->name);
    }
    if ((row->flags & KEYWORD_PACKET) != 0 && d->packet_keyword == NULL) {
        d->packet_keyword = row->name;
    }
    return prepare_value(d, row, option, &value) && row->parse(d, row, value);
}

static bool resolve_addresses(struct draft *d, const struct expr *e, struct slice word,
                              const struct address_set **out)
{
    struct set_builder *b = d->set;
    struct token_error error;

    if (e == NULL) {
        return false;           /* Reported. */
    }
    *out = address_set_make(e, word, &b->conf->addresses, b->arena, &b->sets, &error);
    return *out != NULL
           || draft_error_at(d, word.bytes + error.offset, error.hint, "%s", error.text);
}

static bool resolve_ports(struct draft *d, const struct expr *e, struct slice word,
                          const struct port_set **out)
{
    struct set_builder *b = d->set;
    struct token_error error;

    if (e == NULL) {
        return false;
    }
    *out = port_set_make(e, word, &b->conf->ports, b->arena, &b->sets, &error);
    return *out != NULL
           || draft_error_at(d, word.bytes + error.offset, error.hint, "%s", error.text);
}

bool rule_resolve(struct set_builder *b, const struct rule_tree *t, struct draft *d)
{
    struct rule *r = d->rule;

    r->gid = 1;
    r->priority = 3;
    r->action = t->action;
    r->reject_side = t->reject_side;
    r->proto = t->proto;
    r->app_proto = t->app_proto;
    r->is_bidirectional = t->is_bidirectional;
    r->is_both_sides = t->is_both_sides;
    r->hook = t->hook;
    r->hook_progress = (uint8_t) t->hook_progress;
    d->is_hook_to_client = t->is_hook_to_client;
    r->fast_buffer = r->fast_op = -1;
    r->text = b->line->text;
    r->file = b->file;
    r->line = b->line->first_line;
    r->pieces = b->line->pieces;
    r->n_pieces = b->line->n_pieces;
    d->needs_stream = t->proto == RULE_PROTO_TCP_STREAM;
    d->packet_keyword = t->proto == RULE_PROTO_TCP_PKT ? "tcp-pkt" : NULL;
    /* What is not known of the protocol may be what an option needs. */
    d->is_lost = !t->has_proto;
    bool ok = resolve_addresses(d, t->src, t->words[WORD_SRC], &r->src);
    ok = resolve_ports(d, t->sports, t->words[WORD_SPORTS], &r->sports) && ok;
    ok = resolve_addresses(d, t->dst, t->words[WORD_DST], &r->dst) && ok;
    ok = resolve_ports(d, t->dports, t->words[WORD_DPORTS], &r->dports) && ok;
    for (size_t i = 0; i < t->n_options; i++) {
        ok = resolve_option(d, t->keywords[i], &t->options[i]) && ok;
    }
    d->key = t->words[WORD_ACTION];
    return ok && d->n_errors == 0;
}
