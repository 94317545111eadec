/* flow, bypass, config: the state of the flow, and what is done with it. */
#include <stdio.h>

#include "common/base/diag.h"
#include "rules/keywords/keywords.h"

static const struct { const char *name; unsigned flag, excludes; } flow_words[] = {
    { "to_server", FLOW_TO_SERVER, FLOW_TO_CLIENT | FLOW_TO_SERVER },
    { "from_client", FLOW_TO_SERVER, FLOW_TO_CLIENT | FLOW_TO_SERVER },
    { "to_client", FLOW_TO_CLIENT, FLOW_TO_SERVER | FLOW_TO_CLIENT },
    { "from_server", FLOW_TO_CLIENT, FLOW_TO_SERVER | FLOW_TO_CLIENT },
    { "established", FLOW_IS_ESTABLISHED,
      FLOW_IS_ESTABLISHED | FLOW_NOT_ESTABLISHED | FLOW_IS_STATELESS },
    { "not_established", FLOW_NOT_ESTABLISHED,
      FLOW_IS_ESTABLISHED | FLOW_NOT_ESTABLISHED | FLOW_IS_STATELESS },
    { "stateless", FLOW_IS_STATELESS,
      FLOW_IS_ESTABLISHED | FLOW_NOT_ESTABLISHED | FLOW_IS_STATELESS },
    { "only_stream", FLOW_ONLY_STREAM, FLOW_ONLY_STREAM | FLOW_NO_STREAM },
    { "no_stream", FLOW_NO_STREAM, FLOW_ONLY_STREAM | FLOW_NO_STREAM },
    { "only_frag", FLOW_ONLY_FRAG, FLOW_ONLY_FRAG | FLOW_NO_FRAG },
    { "no_frag", FLOW_NO_FRAG, FLOW_ONLY_FRAG | FLOW_NO_FRAG },
};

static bool add_flow_word(struct draft *d, struct slice word)
{
    const char *names[sizeof flow_words / sizeof *flow_words + 1] = { NULL };
    char hint[64];

    for (size_t i = 0; i < sizeof flow_words / sizeof *flow_words; i++) {
        names[i] = flow_words[i].name;
        if (!slice_is_nocase(word, flow_words[i].name)) {
            continue;
        }
        if ((d->rule->flow & flow_words[i].excludes) != 0) {
            return draft_error_at(d, word.bytes, NULL, "\"%s\" does not go with what stands "
                                  "in front of it", flow_words[i].name);
        }
        d->rule->flow |= flow_words[i].flag;
        return true;
    }
    const char *near = diag_nearest((const char *) word.bytes, word.size, names);
    snprintf(hint, sizeof hint, "did you mean \"%s\"?", near != NULL ? near : "");
    return draft_error_at(d, word.bytes, near != NULL ? hint : NULL,
                          "unknown option \"%.*s\" of flow", (int) word.size,
                          (const char *) word.bytes);
}

static bool parse_flow(struct draft *d, const struct keyword *row, struct slice v)
{
    struct slice word;
    bool ok = true;

    while (slice_next(&v, ',', &word)) {
        ok = add_flow_word(d, word) && ok;
    }
    if ((d->rule->flow & FLOW_NO_STREAM) != 0 && d->packet_keyword == NULL) {
        d->packet_keyword = "flow:no_stream";
    }
    d->needs_stream = d->needs_stream || (d->rule->flow & FLOW_ONLY_STREAM) != 0;
    return ok;
}

static bool parse_do(struct draft *d, const struct keyword *row, struct slice v)
{
    draft_add_do(d, (enum rule_do_kind) row->argument)->text
        = v.size > 0 ? draft_text(d, v) : NULL;
    return true;
}

static const struct keyword rows[] = {
    { "flow", KEYWORD_VALUE | KEYWORD_ONCE, parse_flow, 0,
      "Direction and state: to_server,established" },
    { "bypass", KEYWORD_BARE, parse_do, DO_BYPASS, "Look no further at the flow" },
    { "config", KEYWORD_VALUE, parse_do, DO_CONFIG, "Change a setting for the flow",
      "logging disable, of type tx or flow; anything else changes nothing" },
};
FAMILY(flow_keywords, rows);
