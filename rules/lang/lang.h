/* The rule language: text in, an immutable set of plans out (rules/lang/plan.h).
 *
 * The compiler is a row of phases with a type between each:
 *
 *     text -> lines      continuation, comments, disabled rules
 *          -> tokens     header words, options with key, value and place
 *          -> tree       words given their kinds: protocol, address and port expressions,
 *                        keywords of the table
 *          -> resolved   variables, names, types and ranges checked: a draft of the rule
 *          -> plan       cross-checks, direction, fast pattern; then ordered as a set
 *
 * A rule that is wrong is reported with file, line, column and a hint, left out and
 * counted; the others load.  Runs at start and reload in one thread; never per packet.
 * Nothing here knows a packet. */
#ifndef CIVICSHIELD_RULES_LANG_H
#define CIVICSHIELD_RULES_LANG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/diag.h"
#include "common/base/strbuf.h"
#include "rules/lang/plan.h"

struct conf_node;

/* The release of the rule dialect that "requires: version" is compared with. */
#define RULES_DIALECT_MAJOR 8
#define RULES_DIALECT_MINOR 0
#define RULES_DIALECT_PATCH 7

/* ---- What a load depends on ---- */

struct rules_var {
    char *name;                 /* Without the dollar sign. */
    char *value;                /* As it would stand in a rule. */
};
struct rules_vars {
    size_t n, cap;
    struct rules_var *vars;
};

struct rules_conf {
    struct rules_vars addresses, ports;
    char *classification;       /* Paths, or NULL.  Without a file the built-in classes, */
    char *reference;            /* ... the usual reference types (others as they are), */
    char *threshold;            /* ... and nothing is suppressed. */
    bool allow_absolute_paths;  /* Files that datasets name: absolute, or with "..". */
    bool allow_dataset_write;   /* "save" and "state" of datasets; not by default: a rule
                                 * that came from elsewhere writes no files. */
};

/* The built-in variables (README.md lists them) and no files. */
void rules_conf_init(struct rules_conf *);
void rules_conf_fini(struct rules_conf *);
/* Sets or replaces one variable; copies both texts. */
void rules_conf_set_address(struct rules_conf *, const char *name, const char *value);
void rules_conf_set_port(struct rules_conf *, const char *name, const char *value);
/* Takes over from a configuration tree what it says: the maps "vars.address-groups" and
 * "vars.port-groups", "classification-file", "reference-config-file", "threshold-file",
 * "datasets.rules.allow-absolute-filenames", "datasets.rules.allow-write".  A NULL tree
 * changes nothing.  False after reporting what is wrong. */
bool rules_conf_read(struct rules_conf *, const struct conf_node *root, struct diag *);

/* ---- Loading ---- */

/* Reads all 'files'; never NULL.  Problems are in 'diag'; how many rules were refused is
 * in the set.  A file that cannot be read is an error and counts as one refused rule. */
struct ruleset *ruleset_load(const struct rules_conf *, const char *const *files, size_t n,
                             struct diag *);
/* The same for text in memory; 'name' stands for the file in messages. */
struct ruleset *ruleset_parse(const struct rules_conf *, const char *name,
                              const char *text, size_t size, struct diag *);
void ruleset_free(struct ruleset *);        /* NULL is fine. */

/* ---- Dumps, one per phase: for tests and for "civicshield-rules explain" ---- */

/* One line a logical line: "12: rule ..." or "13: disabled ...". */
void rules_dump_lines(const char *text, size_t size, struct strbuf *);
/* Header words and options of each rule. */
void rules_dump_tokens(const char *text, size_t size, struct strbuf *);
/* Header with expressions parsed and options with their keyword rows. */
void rules_dump_tree(const char *text, size_t size, struct strbuf *);
/* The plan of one rule in a stable text form; 'set' gives names to indices. */
void rule_dump(const struct ruleset *set, const struct rule *, struct strbuf *);

#endif
