/* Tokens -> tree: what the words of a header and the keys of options mean. */
#include <stdlib.h>

#include "rules/lang/hooks.h"
#include "rules/lang/lang_private.h"

static const struct { const char *name; enum rule_action action; enum rule_side side; }
actions[] = {
    { "alert", RULE_ALERT, SIDE_EITHER }, { "pass", RULE_PASS, SIDE_EITHER },
    { "drop", RULE_DROP, SIDE_EITHER }, { "reject", RULE_REJECT, SIDE_SRC },
    { "rejectsrc", RULE_REJECT, SIDE_SRC }, { "rejectdst", RULE_REJECT, SIDE_DST },
    { "rejectboth", RULE_REJECT, SIDE_BOTH }, { "config", RULE_CONFIG, SIDE_EITHER },
};
static const struct { const char *name; enum rule_proto proto; } protos[] = {
    { "ip", RULE_PROTO_IP }, { "pkthdr", RULE_PROTO_PKTHDR }, { "ipv4", RULE_PROTO_IPV4 },
    { "ip4", RULE_PROTO_IPV4 }, { "ipv6", RULE_PROTO_IPV6 }, { "ip6", RULE_PROTO_IPV6 },
    { "tcp", RULE_PROTO_TCP }, { "tcp-pkt", RULE_PROTO_TCP_PKT },
    { "tcp-stream", RULE_PROTO_TCP_STREAM }, { "udp", RULE_PROTO_UDP },
    { "sctp", RULE_PROTO_SCTP }, { "icmp", RULE_PROTO_ICMP },
    { "icmpv4", RULE_PROTO_ICMPV4 }, { "icmpv6", RULE_PROTO_ICMPV6 },
    { "icmp6", RULE_PROTO_ICMPV6 }, { "ether", RULE_PROTO_ETHER }, { "arp", RULE_PROTO_ARP },
};
static const struct { const char *name; enum app_proto proto; } app_aliases[] = {
    { "ssl", APP_TLS }, { "ikev1", APP_IKE }, { "ikev2", APP_IKE },
};

const char *rule_action_name(enum rule_action action)
{
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (actions[i].action == action) {
            return actions[i].name;
        }
    }
    return "?";
}

/* The offset of a word within the line. */
static size_t offset_of(const struct set_builder *b, struct slice word)
{
    return (size_t) (word.bytes - (const uint8_t *) b->line->text);
}

static bool read_action(struct set_builder *b, struct slice word, struct rule_tree *t)
{
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (slice_is_nocase(word, actions[i].name)) {
            t->action = actions[i].action;
            t->reject_side = actions[i].side;
            return true;
        }
    }
    builder_report(b, DIAG_ERROR, offset_of(b, word),
                   "alert, pass, drop, reject, rejectsrc, rejectdst, rejectboth or config",
                   "unknown action \"%.*s\"", (int) word.size, (const char *) word.bytes);
    return false;
}

static bool find_app(struct slice word, enum app_proto *out)
{
    for (size_t i = 0; i < sizeof app_aliases / sizeof *app_aliases; i++) {
        if (slice_is_nocase(word, app_aliases[i].name)) {
            *out = app_aliases[i].proto;
            return true;
        }
    }
    *out = app_proto_by_name((const char *) word.bytes, word.size);
    return *out != APP_N_PROTOS && *out != APP_UNKNOWN && *out != APP_FAILED;
}

static bool read_proto_name(struct set_builder *b, struct slice word, struct rule_tree *t)
{
    const char *names[sizeof protos / sizeof *protos + APP_N_PROTOS + 1];
    size_t n = 0;

    for (size_t i = 0; i < sizeof protos / sizeof *protos; i++) {
        if (slice_is_nocase(word, protos[i].name)) {
            t->proto = protos[i].proto;
            return true;
        }
        names[n++] = protos[i].name;
    }
    if (find_app(word, &t->app_proto)) {
        t->proto = RULE_PROTO_APP;
        return true;
    }
    for (enum app_proto p = APP_FAILED + 1; p < APP_N_PROTOS; p++) {
        names[n++] = app_proto_name(p);
    }
    names[n] = NULL;
    const char *near = diag_nearest((const char *) word.bytes, word.size, names);
    char hint[64];
    snprintf(hint, sizeof hint, "did you mean \"%s\"?", near != NULL ? near : "");
    builder_report(b, DIAG_ERROR, offset_of(b, word), near != NULL ? hint : NULL,
                   "unknown protocol \"%.*s\"", (int) word.size, (const char *) word.bytes);
    return false;
}

static bool unknown_hook(struct set_builder *b, struct slice word, const char *const *names)
{
    const char *near = diag_nearest((const char *) word.bytes, word.size, names);
    char hint[64];

    snprintf(hint, sizeof hint, "did you mean \"%s\"?", near != NULL ? near : "");
    builder_report(b, DIAG_ERROR, offset_of(b, word), near != NULL ? hint : NULL,
                   "unknown hook \"%.*s\" of this protocol", (int) word.size,
                   (const char *) word.bytes);
    return false;
}

#define MAX_HOOKS 32
/* "tls:client_hello_done", "tcp:flow_start": when the rule is looked at. */
static bool read_hook(struct set_builder *b, struct slice word, struct rule_tree *t)
{
    static const char *const packet_hooks[] = { "flow_start", "pre_flow", "pre_stream", "all",
                                                NULL };
    const char *names[MAX_HOOKS];

    if (t->proto != RULE_PROTO_APP) {
        for (int i = 0; packet_hooks[i] != NULL; i++) {
            if (slice_is(word, packet_hooks[i])) {
                t->hook = i == 0 ? HOOK_FLOW_START : HOOK_PACKET;
                return true;
            }
        }
        return unknown_hook(b, word, packet_hooks);
    }
    if (progress_by_name(t->app_proto, word, &t->hook_progress, &t->is_hook_to_client)) {
        t->hook = HOOK_TX;
        return true;
    }
    progress_names(t->app_proto, names, MAX_HOOKS);
    return unknown_hook(b, word, names);
}

static bool read_proto(struct set_builder *b, struct slice word, struct rule_tree *t)
{
    const uint8_t *colon = memchr(word.bytes, ':', word.size);
    size_t n = colon != NULL ? (size_t) (colon - word.bytes) : word.size;

    t->has_proto = read_proto_name(b, slice_of(word.bytes, n), t);
    return t->has_proto
           && (colon == NULL || read_hook(b, slice_from(word, n + 1), t));
}

static bool read_arrow(struct set_builder *b, struct slice word, struct rule_tree *t)
{
    if (slice_is(word, "<>")) {
        t->is_bidirectional = true;
    } else if (slice_is(word, "=>")) {
        t->is_both_sides = true;
    } else if (!slice_is(word, "->")) {
        builder_report(b, DIAG_ERROR, offset_of(b, word), "->, <> or =>",
                       "unknown direction \"%.*s\"", (int) word.size,
                       (const char *) word.bytes);
        return false;
    }
    return true;
}

static struct expr *read_expr(struct set_builder *b, struct slice word)
{
    struct token_error error = { 0 };
    struct expr *e = expr_parse(word, &b->trees, &error);

    if (e == NULL) {
        builder_report(b, DIAG_ERROR, offset_of(b, word) + error.offset, error.hint, "%s",
                       error.text);
    }
    return e;
}

bool rule_tree_make(struct set_builder *b, const struct rule_tokens *tokens,
                    struct rule_tree *t)
{
    arena_reset(&b->trees);
    *t = (struct rule_tree) { .n_options = tokens->n_options, .options = tokens->options };
    memcpy(t->words, tokens->words, sizeof t->words);
    bool ok = read_action(b, t->words[WORD_ACTION], t);
    ok = read_proto(b, t->words[WORD_PROTO], t) && ok;
    ok = read_arrow(b, t->words[WORD_ARROW], t) && ok;
    t->src = read_expr(b, t->words[WORD_SRC]);
    t->sports = read_expr(b, t->words[WORD_SPORTS]);
    t->dst = read_expr(b, t->words[WORD_DST]);
    t->dports = read_expr(b, t->words[WORD_DPORTS]);
    t->keywords = builder_alloc_tree(b, t->n_options * sizeof *t->keywords);
    for (size_t i = 0; i < t->n_options; i++) {
        t->keywords[i] = builder_keyword(b, t->options[i].key);
    }
    return ok && t->src != NULL && t->sports != NULL && t->dst != NULL && t->dports != NULL;
}
