/* What the phases of the compiler hand to each other.  Private to rules/lang. */
#ifndef CIVICSHIELD_RULES_LANG_PRIVATE_H
#define CIVICSHIELD_RULES_LANG_PRIVATE_H

#include "common/base/alloc.h"
#include "common/base/arena.h"
#include "rules/lang/keyword.h"
#include "rules/lang/lang.h"

/* ---- A table from bytes to numbers: interned names, keywords, sets ---- */

struct intern {
    size_t n, n_slots;          /* n_slots is a power of two, or 0. */
    struct intern_slot { uint64_t hash; struct slice key; uint32_t value; } *slots;
};
void intern_fini(struct intern *);
/* NULL if there is none; valid until the next intern_add(). */
const uint32_t *intern_find(const struct intern *, struct slice key);
/* The key is borrowed and must outlive the table.  Replaces an older value. */
void intern_add(struct intern *, struct slice key, uint32_t value);

/* ---- Lines ---- */

/* A logical line: continuation joined, blanks in front left out. */
struct rule_line {
    const char *text;           /* NUL-terminated, owned by the set's arena; of a disabled
                                 * rule borrowed from the file, without a NUL. */
    size_t size;
    unsigned first_line;        /* From 1. */
    bool is_disabled;           /* "# alert ...": text starts behind the '#'. */
    size_t n_pieces;            /* Physical lines that it was joined from. */
    struct line_piece *pieces;
};
struct line_reader {
    const char *at, *end;
    unsigned line;
};
void line_reader_init(struct line_reader *, const char *text, size_t size);
/* The next rule or disabled rule; comments and empty lines are passed over.  False at the
 * end. */
bool line_reader_next(struct line_reader *, struct arena *, struct rule_line *);
/* File line and column of an offset into the line. */
void rule_line_place(const struct rule_line *, size_t offset, unsigned *line,
                     unsigned *column);

/* ---- Tokens ---- */

struct rule_option {
    struct slice key, value;    /* Trimmed; value as written, escapes and quotes kept. */
    bool has_value;
};
enum { WORD_ACTION, WORD_PROTO, WORD_SRC, WORD_SPORTS, WORD_ARROW, WORD_DST, WORD_DPORTS,
       N_WORDS };
struct rule_tokens {
    struct slice words[N_WORDS];
    size_t n_words;
    size_t n_options, cap_options;
    struct rule_option *options;        /* Owned. */
};
struct token_error {
    size_t offset;              /* Into the line. */
    const char *text, *hint;
};
/* False with 'error' filled when the line is no rule.  What was read so far is kept: a header
 * that has all its words, and the options in front of the error. */
bool rule_tokens_read(struct slice line, struct rule_tokens *, struct token_error *);
void rule_tokens_fini(struct rule_tokens *);

/* ---- Tree: expressions of addresses and ports, words with a meaning ---- */

enum expr_kind { EXPR_ANY, EXPR_ITEM, EXPR_VAR, EXPR_LIST };
struct expr {
    enum expr_kind kind;
    bool negated;
    struct slice text;          /* Of an item; of a variable without '$'. */
    size_t n;
    struct expr **parts;        /* EXPR_LIST. */
};
#define EXPR_MAX_DEPTH 16       /* Lists in lists, variables in variables: enough for any
                                 * sane file, and it bounds recursion. */
/* NULL with 'error' filled (offset from the start of 'text'). */
struct expr *expr_parse(struct slice text, struct arena *, struct token_error *);
void expr_dump(const struct expr *, struct strbuf *);

struct rule_tree {
    enum rule_action action;
    enum rule_side reject_side;
    enum rule_proto proto;
    enum app_proto app_proto;
    bool has_proto;             /* The protocol was understood. */
    bool is_bidirectional, is_both_sides;
    enum rule_hook hook;
    unsigned hook_progress;
    bool is_hook_to_client;
    struct slice words[N_WORDS];
    struct expr *src, *sports, *dst, *dports;
    size_t n_options;
    const struct rule_option *options;          /* Of the tokens. */
    const struct keyword **keywords;            /* Row of each, or NULL: unknown. */
};

/* ---- Sets of addresses and ports ---- */

struct set_tables {             /* Equal sets share one object. */
    struct intern address_texts, address_bytes, port_texts, port_bytes;
    size_t n_addresses, cap_addresses, n_ports, cap_ports;
    const struct address_set **addresses;
    const struct port_set **ports;
};
/* NULL with 'error' filled. */
const struct address_set *address_set_make(const struct expr *, struct slice text,
                                           const struct rules_vars *, struct arena *,
                                           struct set_tables *, struct token_error *);
const struct port_set *port_set_make(const struct expr *, struct slice text,
                                     const struct rules_vars *, struct arena *,
                                     struct set_tables *, struct token_error *);
void set_tables_fini(struct set_tables *);

/* ---- Classes and references ---- */

struct rule_class { const char *name, *text; int priority; };
struct class_table {
    size_t n, cap;
    struct rule_class *classes;         /* Texts live in the arena, or are constant. */
    struct intern names;
};
void class_table_init(struct class_table *);
void class_table_fini(struct class_table *);
void class_table_read(struct class_table *, const char *path, struct arena *, struct diag *);
/* "config reference: name prefix" lines; known prefixes of references. */
struct reference_table { struct intern names; size_t n, cap; const char **prefixes; };
void reference_table_init(struct reference_table *);
void reference_table_fini(struct reference_table *);
void reference_table_read(struct reference_table *, const char *path, struct arena *,
                          struct diag *);

/* ---- The set while it is being made ---- */

struct set_builder {
    const struct rules_conf *conf;
    struct ruleset *set;
    struct arena *arena;
    struct arena trees;         /* Of the rule at hand: its tree, which no plan points into. */
    struct diag *diag;
    const char *file;           /* In the arena. */
    const struct rule_line *line;
    size_t cap_rules, cap_datasets;
    struct rule **rules;        /* In order of appearance; set->rules is made at the end. */
    struct intern names[N_NAMES];
    size_t cap_names[N_NAMES];
    struct intern keywords;     /* Name -> index into all_keywords. */
    size_t n_keywords, cap_keywords;
    const struct keyword **all_keywords;
    const char **keyword_names; /* NULL-terminated, for "did you mean". */
    struct intern sids, datasets, codes;
    size_t cap_codes;
    struct set_tables sets;
    struct class_table classes;
    struct reference_table references;
    struct intern json_texts;   /* Equal metadata objects share one text. */
    size_t n_json, cap_json;
    const char **jsons;
};
void *builder_alloc(struct set_builder *, size_t size);
void *builder_alloc_tree(struct set_builder *, size_t size);
char *builder_strndup(struct set_builder *, const void *text, size_t size);
const struct keyword *builder_keyword(const struct set_builder *, struct slice name);
/* One text object for equal texts. */
const char *builder_share(struct set_builder *, struct slice text);
void builder_report(struct set_builder *, enum diag_level, size_t offset, const char *hint,
                    const char *format, ...) __attribute__((format(printf, 5, 6)));

/* "requires": met, not met (the rule is skipped), or wrong (reported). */
enum requires_result { REQUIRES_MET, REQUIRES_UNMET, REQUIRES_WRONG };
enum requires_result requires_check(struct set_builder *, const struct rule_tokens *);

/* tokens -> tree; false after reporting.  What was wrong is left out of the tree, so that the
 * rest can be looked at.  Good until the next call. */
bool rule_tree_make(struct set_builder *, const struct rule_tokens *, struct rule_tree *);
/* tree -> draft: sets made, keywords lowered; false when anything was reported. */
bool rule_resolve(struct set_builder *, const struct rule_tree *, struct draft *);
void draft_init(struct draft *, struct set_builder *, struct slice line);
void draft_fini(struct draft *);
/* Checks that need the whole rule; false after reporting. */
bool draft_validate(struct draft *);
/* draft -> plan: direction, what is looked at, fast pattern; arrays into the arena. */
void draft_finish(struct draft *);
/* Is it asked of a transaction, not of a packet? */
bool rule_test_is_of_tx(const struct rule_test *);
/* Chooses fast_buffer and fast_op of a finished rule. */
void rule_choose_fast(struct rule *);
/* Sorts the set for evaluation. */
void ruleset_order(struct ruleset *, struct rule **rules, size_t n);
/* threshold.config, after all rules. */
void threshold_read(struct set_builder *, const char *path);

const char *rule_action_name(enum rule_action);

#endif
