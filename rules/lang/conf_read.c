/* Variables and paths out of a configuration tree, by the names that suricata.yaml gives
 * them, so that users keep their files. */
#include <stdlib.h>

#include "common/base/alloc.h"
#include "common/conf/conf.h"
#include "rules/lang/lang.h"
#include "rules/lang/lang_private.h"

#define CHECK_BLOCK (64u << 10)
#define CHECK_LIMIT (64u << 20)

/* A value may be a text or, as newer files have it, a sequence. */
static void write_value(const struct conf_node *node, struct strbuf *out)
{
    if (node->kind == CONF_SCALAR) {
        strbuf_puts(out, node->text);
        return;
    }
    strbuf_putc(out, '[');
    for (size_t i = 0; i < node->n_children; i++) {
        strbuf_puts(out, i > 0 ? "," : "");
        write_value(node->children[i], out);
    }
    strbuf_putc(out, ']');
}

static bool read_vars(struct rules_conf *conf, const struct conf_node *map,
                      void (*set)(struct rules_conf *, const char *, const char *),
                      struct diag *diag)
{
    if (map == NULL) {
        return true;
    }
    if (map->kind != CONF_MAP) {
        diag_add(diag, DIAG_ERROR, map->file, map->line, map->column, NULL,
                 "a map of variable names to values is wanted here");
        return false;
    }
    for (size_t i = 0; i < map->n_children; i++) {
        struct strbuf value = STRBUF_EMPTY;
        write_value(map->children[i], &value);
        set(conf, map->children[i]->key, strbuf_cstr(&value));
        strbuf_fini(&value);
    }
    return true;
}

struct checker {
    struct arena arena;
    struct set_tables tables;
};

static bool is_address_group(const struct rules_conf *conf, struct checker *c,
                             struct slice value, struct token_error *error)
{
    struct expr *e = expr_parse(value, &c->arena, error);

    return e != NULL
           && address_set_make(e, value, &conf->addresses, &c->arena, &c->tables, error) != NULL;
}

static bool is_port_group(const struct rules_conf *conf, struct checker *c,
                          struct slice value, struct token_error *error)
{
    struct expr *e = expr_parse(value, &c->arena, error);

    return e != NULL
           && port_set_make(e, value, &conf->ports, &c->arena, &c->tables, error) != NULL;
}

/* Tries every variable, once all are known, so that a wrong one is reported at its place
 * and not by each rule that uses it. */
static bool check_vars(const struct rules_conf *conf, const struct conf_node *map,
                       bool (*is_group)(const struct rules_conf *, struct checker *,
                                        struct slice, struct token_error *),
                       struct diag *diag)
{
    bool ok = true;

    for (size_t i = 0; map != NULL && i < map->n_children; i++) {
        const struct conf_node *node = map->children[i];
        struct strbuf value = STRBUF_EMPTY;
        struct token_error error = { 0 };
        struct checker checker = { 0 };
        arena_init(&checker.arena, CHECK_BLOCK, CHECK_LIMIT);
        write_value(node, &value);
        if (!is_group(conf, &checker, slice_text(strbuf_cstr(&value)), &error)) {
            diag_add(diag, DIAG_ERROR, node->file, node->line, node->column, error.hint,
                     "%s: %s", node->key,
                     error.text != NULL ? error.text : "the value cannot be read");
            ok = false;
        }
        strbuf_fini(&value);
        set_tables_fini(&checker.tables);
        arena_fini(&checker.arena);
    }
    return ok;
}

static bool read_path(const struct conf_node *root, const char *key, char **path,
                      struct diag *diag)
{
    const struct conf_node *node = conf_tree_find(root, key);

    if (node == NULL) {
        return true;
    }
    if (node->kind != CONF_SCALAR) {
        diag_add(diag, DIAG_ERROR, node->file, node->line, node->column, NULL,
                 "%s is a path", key);
        return false;
    }
    free(*path);
    *path = node->text[0] != '\0' ? xstrdup(node->text) : NULL;
    return true;
}

static bool read_switch(const struct conf_node *root, const char *key, bool *value,
                        struct diag *diag)
{
    static const char *const yes[] = { "yes", "true", "on", "1" };
    static const char *const no[] = { "no", "false", "off", "0" };
    const struct conf_node *node = conf_tree_find(root, key);

    if (node == NULL) {
        return true;
    }
    for (size_t i = 0; node->kind == CONF_SCALAR && i < 4; i++) {
        if (strcasecmp(node->text, yes[i]) == 0 || strcasecmp(node->text, no[i]) == 0) {
            *value = strcasecmp(node->text, yes[i]) == 0;
            return true;
        }
    }
    diag_add(diag, DIAG_ERROR, node->file, node->line, node->column, NULL,
             "%s is yes or no", key);
    return false;
}

bool rules_conf_read(struct rules_conf *conf, const struct conf_node *root,
                     struct diag *diag)
{
    if (root == NULL) {
        return true;
    }
    const struct conf_node *addresses = conf_tree_find(root, "vars.address-groups");
    const struct conf_node *ports = conf_tree_find(root, "vars.port-groups");
    bool ok = read_vars(conf, addresses, rules_conf_set_address, diag)
              && check_vars(conf, addresses, is_address_group, diag);
    ok = read_vars(conf, ports, rules_conf_set_port, diag)
         && check_vars(conf, ports, is_port_group, diag) && ok;
    ok = read_path(root, "classification-file", &conf->classification, diag) && ok;
    ok = read_path(root, "reference-config-file", &conf->reference, diag) && ok;
    ok = read_path(root, "threshold-file", &conf->threshold, diag) && ok;
    ok = read_switch(root, "datasets.rules.allow-absolute-filenames",
                     &conf->allow_absolute_paths, diag) && ok;
    return read_switch(root, "datasets.rules.allow-write", &conf->allow_dataset_write, diag)
           && ok;
}
