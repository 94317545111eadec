/* The commands of civicshield-rules. */
#ifndef CIVICSHIELD_RULES_TOOL_H
#define CIVICSHIELD_RULES_TOOL_H

#include "rules/lang/lang.h"
#include "sensor/detect/detect.h"

struct tool_options {
    struct rules_conf conf;
    struct detect_conf detect;
    const char *const *files;
    size_t n_files;
    bool json, no_lint;
};

/* Each prints to standard output and returns an exit status. */
int tool_check(const struct tool_options *);
int tool_explain(const struct tool_options *);

/* Adds warnings about rules that load and could be better. */
void lint_rules(const struct ruleset *, struct diag *);

#endif
