/* fuzz deps: rules_keywords_dep
 * Rule text through all phases of the compiler, and through the dumps. */
#include "rules/lang/lang.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const char *text = size > 0 ? (const char *) bytes : "";
    struct strbuf out = STRBUF_EMPTY;
    struct rules_conf conf;
    struct diag diag;

    if (size > 65536) {
        return 0;
    }
    rules_conf_init(&conf);
    diag_init(&diag);
    struct ruleset *set = ruleset_parse(&conf, "fuzz", text, size, &diag);
    for (size_t i = 0; i < set->n_rules; i++) {
        rule_dump(set, set->rules[i], &out);
    }
    rules_dump_lines(text, size, &out);
    rules_dump_tokens(text, size, &out);
    rules_dump_tree(text, size, &out);
    ruleset_free(set);
    diag_fini(&diag);
    rules_conf_fini(&conf);
    strbuf_fini(&out);
    return 0;
}
