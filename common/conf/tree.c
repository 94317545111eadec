/* YAML -> tree of nodes with their places, by libyaml's document API, which resolves
 * anchors and bounds nesting; merge keys ("<<") are applied here. */
#include "common/conf/conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "common/base/alloc.h"

/* Deeper than any configuration; stops a file whose anchors nest without end. */
#define MAX_DEPTH 32
/* Nodes in all; stops an expansion of anchors that doubles at each level. */
#define MAX_NODES 1000000

struct builder {
    yaml_document_t *document;
    const char *file;
    size_t n_nodes;
    struct diag *diag;
};

static struct conf_node *node_new(enum conf_node_kind kind, const char *file, unsigned line,
                                  unsigned column)
{
    struct conf_node *node = xcalloc(1, sizeof *node);

    node->kind = kind;
    node->file = xstrdup(file);
    node->line = line;
    node->column = column;
    return node;
}

struct conf_node *conf_tree_new(void)
{
    return node_new(CONF_MAP, "", 0, 0);
}

void conf_tree_free(struct conf_node *node)
{
    if (node == NULL) {
        return;
    }
    for (size_t i = 0; i < node->n_children; i++) {
        conf_tree_free(node->children[i]);
    }
    free(node->children);
    free(node->key);
    free(node->text);
    free((char *) node->file);
    free(node);
}

static void add_child(struct conf_node *parent, struct conf_node *child)
{
    parent->children = xgrow(parent->children, parent->n_children, &parent->cap,
                             sizeof *parent->children);
    parent->children[parent->n_children++] = child;
}

static struct conf_node *child_by_key(const struct conf_node *map, const char *key,
                                      size_t size)
{
    for (size_t i = 0; map->kind == CONF_MAP && i < map->n_children; i++) {
        struct conf_node *child = map->children[i];
        if (strlen(child->key) == size && memcmp(child->key, key, size) == 0) {
            return child;
        }
    }
    return NULL;
}

static struct conf_node *build(struct builder *, yaml_node_t *, unsigned depth);

static bool build_sequence(struct builder *b, yaml_node_t *from, struct conf_node *node,
                           unsigned depth)
{
    for (yaml_node_item_t *item = from->data.sequence.items.start;
         item < from->data.sequence.items.top; item++) {
        struct conf_node *child =
            build(b, yaml_document_get_node(b->document, *item), depth + 1);
        if (child == NULL) {
            return false;
        }
        add_child(node, child);
    }
    return true;
}

/* Adds the entries of a "<<" map that 'node' does not have itself. */
static void merge_into(struct conf_node *node, struct conf_node *base)
{
    for (size_t i = 0; base->kind == CONF_MAP && i < base->n_children; i++) {
        struct conf_node *child = base->children[i];
        if (child_by_key(node, child->key, strlen(child->key)) == NULL) {
            add_child(node, child);
        } else {
            conf_tree_free(child);
        }
    }
    base->n_children = 0;
    conf_tree_free(base);
}

static bool build_map(struct builder *b, yaml_node_t *from, struct conf_node *node,
                      unsigned depth)
{
    struct conf_node *merged = NULL;

    for (yaml_node_pair_t *pair = from->data.mapping.pairs.start;
         pair < from->data.mapping.pairs.top; pair++) {
        yaml_node_t *key = yaml_document_get_node(b->document, pair->key);
        struct conf_node *child =
            build(b, yaml_document_get_node(b->document, pair->value), depth + 1);
        if (child == NULL) {
            conf_tree_free(merged);
            return false;
        }
        if (key->type != YAML_SCALAR_NODE) {
            diag_add(b->diag, DIAG_ERROR, b->file, (unsigned) key->start_mark.line + 1,
                     (unsigned) key->start_mark.column + 1, NULL,
                     "a key must be plain text");
            conf_tree_free(child);
            continue;
        }
        child->key = xstrndup((const char *) key->data.scalar.value, key->data.scalar.length);
        if (strcmp(child->key, "<<") == 0 && child->kind == CONF_MAP && merged == NULL) {
            merged = child;
        } else if (child_by_key(node, child->key, strlen(child->key)) != NULL) {
            diag_add(b->diag, DIAG_ERROR, b->file, (unsigned) key->start_mark.line + 1,
                     (unsigned) key->start_mark.column + 1, NULL,
                     "the key \"%s\" stands here twice", child->key);
            conf_tree_free(child);
        } else {
            child->line = (unsigned) key->start_mark.line + 1;
            add_child(node, child);
        }
    }
    if (merged != NULL) {
        merge_into(node, merged);
    }
    return true;
}

static struct conf_node *build(struct builder *b, yaml_node_t *from, unsigned depth)
{
    unsigned line = from != NULL ? (unsigned) from->start_mark.line + 1 : 1;
    unsigned column = from != NULL ? (unsigned) from->start_mark.column + 1 : 1;

    if (depth > MAX_DEPTH || ++b->n_nodes > MAX_NODES) {
        diag_add(b->diag, DIAG_ERROR, b->file, line, column, NULL,
                 depth > MAX_DEPTH ? "nested more than %u deep" : "too large", MAX_DEPTH);
        return NULL;
    }
    if (from == NULL || from->type == YAML_SCALAR_NODE) {
        struct conf_node *node = node_new(CONF_SCALAR, b->file, line, column);
        bool is_null = from == NULL
                       || (from->data.scalar.style == YAML_PLAIN_SCALAR_STYLE
                           && (strcmp((char *) from->data.scalar.value, "~") == 0
                               || strcmp((char *) from->data.scalar.value, "null") == 0));
        node->text = is_null ? xstrdup("")
                             : xstrndup((const char *) from->data.scalar.value,
                                        from->data.scalar.length);
        return node;
    }
    struct conf_node *node = node_new(
        from->type == YAML_MAPPING_NODE ? CONF_MAP : CONF_SEQUENCE, b->file, line, column);
    bool ok = node->kind == CONF_MAP ? build_map(b, from, node, depth)
                                     : build_sequence(b, from, node, depth);
    if (!ok) {
        conf_tree_free(node);
        return NULL;
    }
    return node;
}

struct conf_node *conf_tree_parse(const char *name, const char *text, size_t size,
                                  struct diag *diag)
{
    yaml_parser_t parser;
    yaml_document_t document;
    struct conf_node *root = NULL;

    if (!yaml_parser_initialize(&parser)) {
        diag_add(diag, DIAG_ERROR, name, 0, 0, NULL, "out of memory");
        return NULL;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *) text, size);
    if (!yaml_parser_load(&parser, &document)) {
        diag_add(diag, DIAG_ERROR, name, (unsigned) parser.problem_mark.line + 1,
                 (unsigned) parser.problem_mark.column + 1, NULL, "no YAML: %s",
                 parser.problem != NULL ? parser.problem : "it cannot be read");
        yaml_parser_delete(&parser);
        return NULL;
    }
    yaml_node_t *top = yaml_document_get_root_node(&document);
    struct builder b = { .document = &document, .file = name, .diag = diag };
    if (top == NULL) {
        root = node_new(CONF_MAP, name, 1, 1);
    } else {
        root = build(&b, top, 0);
    }
    if (root != NULL && root->kind == CONF_SCALAR && root->text[0] == '\0') {
        root->kind = CONF_MAP;
    }
    yaml_document_delete(&document);
    yaml_parser_delete(&parser);
    return root;
}

/* Configuration files are small; a larger one is a mistake (a capture, a device). */
#define MAX_FILE (16u << 20)

struct conf_node *conf_tree_read(const char *path, struct diag *diag)
{
    FILE *file = fopen(path, "rbe");
    char *text = NULL;
    size_t size = 0;
    struct conf_node *root = NULL;

    if (file == NULL) {
        diag_add(diag, DIAG_ERROR, path, 0, 0, NULL, "cannot be read: %s", strerror(errno));
        return NULL;
    }
    text = xmalloc(MAX_FILE);
    size = fread(text, 1, MAX_FILE, file);
    if (ferror(file)) {
        diag_add(diag, DIAG_ERROR, path, 0, 0, NULL, "cannot be read: %s", strerror(errno));
    } else if (size == MAX_FILE) {
        diag_add(diag, DIAG_ERROR, path, 0, 0, NULL, "larger than 16 MiB");
    } else {
        root = conf_tree_parse(path, text, size, diag);
        if (root != NULL && root->kind != CONF_MAP) {
            diag_add(diag, DIAG_ERROR, path, root->line, root->column, NULL,
                     "expected keys with values (\"key: value\")");
            conf_tree_free(root);
            root = NULL;
        }
    }
    free(text);
    fclose(file);
    return root;
}

bool conf_tree_set(struct conf_node *root, const char *assignment, struct diag *diag)
{
    const char *equals = strchr(assignment, '=');
    const char *at = assignment;
    struct conf_node *node = root;

    if (equals == NULL || equals == assignment) {
        diag_add(diag, DIAG_ERROR, "--set", 0, 0, NULL,
                 "expected KEY=VALUE, got \"%s\"", assignment);
        return false;
    }
    struct conf_node *value = conf_tree_parse("--set", equals + 1, strlen(equals + 1), diag);
    if (value == NULL) {
        return false;
    }
    if (value->kind == CONF_MAP && value->n_children == 0) {
        value->kind = CONF_SCALAR;
        value->text = xstrdup("");
    }
    for (;;) {
        size_t size = strcspn(at, ".=");
        struct conf_node *child = child_by_key(node, at, size);
        bool is_last = at + size == equals;
        if (child == NULL || (is_last ? true : child->kind != CONF_MAP)) {
            struct conf_node *made = is_last ? value : node_new(CONF_MAP, "--set", 0, 0);
            made->key = xstrndup(at, size);
            if (child != NULL) {
                for (size_t i = 0; i < node->n_children; i++) {
                    if (node->children[i] == child) {
                        node->children[i] = made;
                    }
                }
                conf_tree_free(child);
            } else {
                add_child(node, made);
            }
            child = made;
        }
        if (is_last) {
            return true;
        }
        node = child;
        at += size + 1;
    }
}

const struct conf_node *conf_tree_find(const struct conf_node *root, const char *path)
{
    const struct conf_node *node = root;

    while (node != NULL && *path != '\0') {
        size_t size = strcspn(path, ".");
        node = child_by_key(node, path, size);
        path += size + (path[size] == '.');
    }
    return node;
}
