/* app-layer-protocol: what the protocol was recognized as. */
#include "rules/keywords/keywords.h"

static bool parse_protocol(struct draft *d, const struct keyword *row, struct slice v)
{
    static const char *const modes[] = { "final", "original", "either", "to_server",
                                         "to_client", "direction", NULL };
    struct slice name = { 0 }, mode;
    enum app_proto proto;

    slice_next(&v, ',', &name);
    mode = slice_trim(v);
    if (slice_is_nocase(name, "failed")) {
        proto = APP_FAILED;
    } else if (slice_is_nocase(name, "unknown")) {
        proto = APP_UNKNOWN;
    } else {
        proto = slice_is_nocase(name, "ssl")
                ? APP_TLS : app_proto_by_name((const char *) name.bytes, name.size);
    }
    if (proto == APP_N_PROTOS) {
        return draft_error_at(d, name.bytes, NULL, "unknown protocol \"%.*s\"",
                              (int) name.size, (const char *) name.bytes);
    }
    int index = word_index(mode, modes);
    if (mode.size > 0 && index < 0) {
        return draft_error_at(d, mode.bytes, "final, original, either, to_server or to_client",
                              "unknown option of app-layer-protocol");
    }
    if (d->rule->app_proto != APP_UNKNOWN && !d->negated && mode.size == 0) {
        return draft_error(d, NULL, "the rule is about %s already",
                           app_proto_name(d->rule->app_proto));
    }
    struct rule_test *t = draft_add_test(d, TEST_APP_PROTO);
    t->proto = proto;
    t->text = index >= 0 ? modes[index] : NULL;
    t->side = index == 3 ? SIDE_CLIENT : index == 4 ? SIDE_SERVER : SIDE_EITHER;
    return true;
}

static const struct keyword rows[] = {
    { "app-layer-protocol", KEYWORD_VALUE | KEYWORD_NEGATES, parse_protocol, 0,
      "The protocol that was recognized" },
};
FAMILY(app_keywords, rows);
