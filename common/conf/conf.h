/* Configuration: YAML text -> tree with places -> typed structs, from tables.
 *
 * Each room describes its keys in one table (key, kind, offset in its struct, default,
 * range, help); reading, checking, --set, the reference page and the sample file all come
 * from the tables.  Errors go to a diag with file, line and column; every error of a file
 * is reported, not the first alone.  Used at start and reload, by one thread. */
#ifndef CIVICSHIELD_CONF_H
#define CIVICSHIELD_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/diag.h"

/* ---- The tree ---- */

enum conf_node_kind { CONF_SCALAR, CONF_MAP, CONF_SEQUENCE };

struct conf_node {
    enum conf_node_kind kind;
    char *key;                  /* Within a map; NULL in a sequence and at the root. */
    char *text;                 /* Of a scalar, NUL-terminated; "" for null. */
    const char *file;           /* Owned by the root; "--set" for an override. */
    unsigned line, column;
    size_t n_children, cap;
    struct conf_node **children;
};

/* An empty map, to start from or to put overrides in. */
struct conf_node *conf_tree_new(void);
/* Reads YAML; NULL after reporting to 'diag' when the file cannot be read or is no YAML.
 * Anchors and merges work; documents behind the first are ignored with a warning. */
struct conf_node *conf_tree_read(const char *path, struct diag *);
struct conf_node *conf_tree_parse(const char *name, const char *text, size_t size,
                                  struct diag *);
void conf_tree_free(struct conf_node *);
/* 'assignment' is "a.b.c=value"; makes what is missing.  A value is YAML: "[1, 2]" makes a
 * sequence.  False after reporting. */
bool conf_tree_set(struct conf_node *root, const char *assignment, struct diag *);
/* The node at a dotted path, or NULL. */
const struct conf_node *conf_tree_find(const struct conf_node *root, const char *path);

/* ---- Tables ---- */

enum conf_kind {
    CONF_BOOL,          /* bool: yes/no, true/false, on/off */
    CONF_UINT,          /* uint64_t */
    CONF_SIZE,          /* uint64_t, bytes: "64kb", "1 MiB", "2gb" (all powers of 1024) */
    CONF_DURATION,      /* uint64_t, nanoseconds: "30s", "5m", "1h", "200ms"; plain: s */
    CONF_TEXT,          /* char *, owned by the struct; may be NULL when the default is */
    CONF_CHOICE,        /* unsigned: index into 'choices' */
    CONF_TEXTS,         /* struct conf_texts: a sequence of texts, or one text */
    CONF_TREE,          /* const struct conf_node *: the subtree itself, or NULL */
};

struct conf_texts {
    size_t n;
    char **texts;
};

struct conf_key {
    const char *key;            /* Dotted path below the section. */
    enum conf_kind kind;
    size_t offset;              /* Of the member in the section's struct. */
    const char *def;            /* As it would stand in the file; NULL: none. */
    uint64_t min, max;          /* Of numbers; both 0: any. */
    const char *help;           /* One sentence without a full stop. */
    const char *const *choices; /* CONF_CHOICE: NULL-terminated. */
};

struct conf_section {
    const char *path;           /* Dotted; "" for the root. */
    const struct conf_key *keys;
    size_t n_keys;
};

/* Fills 'out' from the defaults, then from what 'root' says.  False if anything was wrong
 * (all of it is in 'diag'). */
bool conf_read_section(const struct conf_node *root, const struct conf_section *,
                       void *out, struct diag *);
/* Frees what conf_read_section() allocated in 'out'. */
void conf_free_section(const struct conf_section *, void *out);
/* Reports each key of 'root' that no section knows, with the nearest known one. */
void conf_check_unknown(const struct conf_node *root,
                        const struct conf_section *const *sections, size_t n_sections,
                        struct diag *);
/* Writes the sections as a commented YAML file with all defaults. */
void conf_print_defaults(const struct conf_section *const *sections, size_t n_sections,
                         FILE *);

#endif
