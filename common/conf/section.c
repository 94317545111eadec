/* Tree -> typed structs, from the tables that the rooms declare. */
#include "common/conf/conf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/alloc.h"
#include "common/base/clock.h"

struct unit {
    const char *suffix;
    uint64_t factor;
};

static const struct unit size_units[] = {
    { "", 1 },           { "b", 1 },          { "k", 1ull << 10 },   { "kb", 1ull << 10 },
    { "kib", 1ull << 10 }, { "m", 1ull << 20 }, { "mb", 1ull << 20 }, { "mib", 1ull << 20 },
    { "g", 1ull << 30 }, { "gb", 1ull << 30 }, { "gib", 1ull << 30 }, { NULL, 0 },
};
static const struct unit duration_units[] = {
    { "", NS_PER_SEC },        { "ns", 1 },          { "us", NS_PER_US },
    { "ms", NS_PER_MS },       { "s", NS_PER_SEC },  { "m", 60 * NS_PER_SEC },
    { "min", 60 * NS_PER_SEC }, { "h", 3600 * NS_PER_SEC }, { "d", 86400 * NS_PER_SEC },
    { NULL, 0 },
};

/* A decimal number with one of 'units' behind it; false if it is none or wraps. */
static bool read_number(const char *text, const struct unit *units, uint64_t *out)
{
    char *end;

    if (*text < '0' || *text > '9') {
        return false;
    }
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (errno != 0) {
        return false;
    }
    while (*end == ' ') {
        end++;
    }
    for (; units->suffix != NULL; units++) {
        if (strcasecmp(end, units->suffix) == 0) {
            return !__builtin_mul_overflow(value, units->factor, out);
        }
    }
    return false;
}

static bool read_bool(const char *text, bool *out)
{
    static const char *const yes[] = { "yes", "true", "on", "1", "enabled", NULL };
    static const char *const no[] = { "no", "false", "off", "0", "disabled", NULL };

    for (size_t i = 0; yes[i] != NULL; i++) {
        if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
            *out = strcasecmp(text, yes[i]) == 0;
            return true;
        }
    }
    return false;
}

static const char *kind_expectation(enum conf_kind kind)
{
    switch (kind) {
    case CONF_BOOL: return "yes or no";
    case CONF_UINT: return "a whole number";
    case CONF_SIZE: return "a size such as 64kb or 1mb";
    case CONF_DURATION: return "a time such as 200ms, 30s or 5m";
    case CONF_TEXT: return "one text";
    case CONF_TEXTS: return "a text or a list of texts";
    case CONF_CHOICE: return "one of its choices";
    case CONF_TREE: return "anything";
    }
    return "";
}

static void report(struct diag *diag, const struct conf_section *section,
                   const struct conf_key *key, const struct conf_node *node, const char *hint)
{
    diag_add(diag, DIAG_ERROR, node->file, node->line, node->column, hint,
             "%s%s%s: expected %s, got %s%s%s", section->path,
             section->path[0] != '\0' ? "." : "", key->key, kind_expectation(key->kind),
             node->kind == CONF_SCALAR ? "\"" : "",
             node->kind == CONF_SCALAR ? node->text
             : node->kind == CONF_MAP  ? "keys with values"
                                       : "a list",
             node->kind == CONF_SCALAR ? "\"" : "");
}

static bool read_texts(const struct conf_node *node, struct conf_texts *out)
{
    if (node->kind == CONF_MAP) {
        return false;
    }
    if (node->kind == CONF_SCALAR) {
        out->n = node->text[0] != '\0';
        out->texts = xcalloc(1, sizeof *out->texts);
        if (out->n != 0) {
            out->texts[0] = xstrdup(node->text);
        }
        return true;
    }
    for (size_t i = 0; i < node->n_children; i++) {
        if (node->children[i]->kind != CONF_SCALAR) {
            return false;
        }
    }
    out->texts = xcalloc(node->n_children, sizeof *out->texts);
    for (size_t i = 0; i < node->n_children; i++) {
        out->texts[out->n++] = xstrdup(node->children[i]->text);
    }
    return true;
}

static bool read_choice(const char *text, const char *const *choices, unsigned *out)
{
    for (unsigned i = 0; choices[i] != NULL; i++) {
        if (strcasecmp(text, choices[i]) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* Writes the value of 'node' to the member; false if it does not fit the kind. */
static bool read_value(const struct conf_key *key, const struct conf_node *node,
                       void *member)
{
    const char *text = node->kind == CONF_SCALAR ? node->text : NULL;

    switch (key->kind) {
    case CONF_BOOL:
        return text != NULL && read_bool(text, member);
    case CONF_UINT:
        return text != NULL && read_number(text, size_units, member)
               && text[strspn(text, "0123456789")] == '\0';
    case CONF_SIZE:
        return text != NULL && read_number(text, size_units, member);
    case CONF_DURATION:
        return text != NULL && read_number(text, duration_units, member);
    case CONF_TEXT:
        if (text == NULL) {
            return false;
        }
        *(char **) member = xstrdup(text);
        return true;
    case CONF_CHOICE:
        return text != NULL && read_choice(text, key->choices, member);
    case CONF_TEXTS:
        return read_texts(node, member);
    case CONF_TREE:
        *(const struct conf_node **) member = node;
        return true;
    }
    return false;
}

static bool is_in_range(const struct conf_key *key, const void *member)
{
    bool is_number = key->kind == CONF_UINT || key->kind == CONF_SIZE
                     || key->kind == CONF_DURATION;
    uint64_t value = is_number ? *(const uint64_t *) member : 0;

    return !is_number || (key->min == 0 && key->max == 0)
           || (value >= key->min && value <= key->max);
}

static void free_value(const struct conf_key *key, void *member)
{
    if (key->kind == CONF_TEXT) {
        free(*(char **) member);
        *(char **) member = NULL;
    } else if (key->kind == CONF_TEXTS) {
        struct conf_texts *texts = member;
        for (size_t i = 0; i < texts->n; i++) {
            free(texts->texts[i]);
        }
        free(texts->texts);
        *texts = (struct conf_texts) { 0, NULL };
    }
}

static void report_choices(struct diag *diag, const struct conf_section *section,
                           const struct conf_key *key, const struct conf_node *node)
{
    char hint[256] = "it is one of";
    size_t used = strlen(hint);

    for (size_t i = 0; key->choices[i] != NULL && used < sizeof hint - 40; i++) {
        used += (size_t) snprintf(hint + used, sizeof hint - used, "%s %s", i ? "," : "",
                                  key->choices[i]);
    }
    report(diag, section, key, node, hint);
}

static void set_default(const struct conf_key *key, void *member)
{
    struct diag diag;

    if (key->def == NULL || key->kind == CONF_TREE) {
        return;
    }
    diag_init(&diag);
    struct conf_node *node = conf_tree_parse("default", key->def, strlen(key->def), &diag);
    if (node != NULL) {
        if (node->kind == CONF_MAP && node->n_children == 0) {
            node->kind = CONF_SCALAR;
            node->text = xstrdup("");
        }
        if (!read_value(key, node, member)) {
            fprintf(stderr, "the default of %s is wrong: %s\n", key->key, key->def);
            abort();            /* Our own table is wrong. */
        }
    }
    conf_tree_free(node);
    diag_fini(&diag);
}

bool conf_read_section(const struct conf_node *root, const struct conf_section *section,
                       void *out, struct diag *diag)
{
    const struct conf_node *base = root != NULL ? conf_tree_find(root, section->path) : NULL;
    size_t n_errors = diag->n_errors;

    for (size_t i = 0; i < section->n_keys; i++) {
        const struct conf_key *key = &section->keys[i];
        void *member = (char *) out + key->offset;
        const struct conf_node *node = base != NULL ? conf_tree_find(base, key->key) : NULL;
        set_default(key, member);
        if (node == NULL) {
            continue;
        }
        free_value(key, member);
        if (!read_value(key, node, member)) {
            if (key->kind == CONF_CHOICE) {
                report_choices(diag, section, key, node);
            } else {
                report(diag, section, key, node, NULL);
            }
        } else if (!is_in_range(key, member)) {
            char hint[96];
            snprintf(hint, sizeof hint, "it lies between %" PRIu64 " and %" PRIu64, key->min,
                     key->max);
            report(diag, section, key, node, hint);
        }
    }
    return diag->n_errors == n_errors;
}

void conf_free_section(const struct conf_section *section, void *out)
{
    for (size_t i = 0; i < section->n_keys; i++) {
        free_value(&section->keys[i], (char *) out + section->keys[i].offset);
    }
}

/* Full dotted path of a key in its section, into 'out'. */
static void full_path(const struct conf_section *section, const struct conf_key *key,
                      char *out, size_t size)
{
    snprintf(out, size, "%s%s%s", section->path, section->path[0] != '\0' ? "." : "",
             key->key);
}

/* 0: unknown; 1: a known key's ancestor; 2: a known key, whose children are its own. */
static int classify_path(const char *path, const struct conf_section *const *sections,
                         size_t n_sections)
{
    size_t size = strlen(path);
    int found = 0;

    for (size_t s = 0; s < n_sections; s++) {
        for (size_t k = 0; k < sections[s]->n_keys; k++) {
            char full[256];
            full_path(sections[s], &sections[s]->keys[k], full, sizeof full);
            if (strcmp(full, path) == 0) {
                return 2;
            }
            if (strncmp(full, path, size) == 0 && full[size] == '.') {
                found = 1;
            }
        }
    }
    return found;
}

static void check_node(const struct conf_node *node, const char *path,
                       const struct conf_section *const *sections, size_t n_sections,
                       const char *const *known, struct diag *diag)
{
    for (size_t i = 0; node->kind == CONF_MAP && i < node->n_children; i++) {
        const struct conf_node *child = node->children[i];
        char full[256], hint[300];
        snprintf(full, sizeof full, "%s%s%s", path, path[0] != '\0' ? "." : "", child->key);
        int class = classify_path(full, sections, n_sections);
        if (class == 0) {
            const char *nearest = diag_nearest(full, strlen(full), known);
            snprintf(hint, sizeof hint, "did you mean \"%s\"?", nearest ? nearest : "");
            diag_add(diag, DIAG_ERROR, child->file, child->line, child->column,
                     nearest != NULL ? hint : NULL, "unknown key \"%s\"", full);
        } else if (class == 1) {
            check_node(child, full, sections, n_sections, known, diag);
        }
    }
}

void conf_check_unknown(const struct conf_node *root,
                        const struct conf_section *const *sections, size_t n_sections,
                        struct diag *diag)
{
    const char **known = NULL;
    size_t n = 0, cap = 0;

    for (size_t s = 0; s < n_sections; s++) {
        for (size_t k = 0; k < sections[s]->n_keys; k++) {
            char full[256];
            full_path(sections[s], &sections[s]->keys[k], full, sizeof full);
            known = xgrow(known, n, &cap, sizeof *known);
            known[n++] = xstrdup(full);
        }
    }
    known = xgrow(known, n, &cap, sizeof *known);
    known[n] = NULL;
    check_node(root, "", sections, n_sections, known, diag);
    for (size_t i = 0; i < n; i++) {
        free((char *) known[i]);
    }
    free(known);
}

void conf_print_defaults(const struct conf_section *const *sections, size_t n_sections,
                         FILE *out)
{
    for (size_t s = 0; s < n_sections; s++) {
        for (size_t k = 0; k < sections[s]->n_keys; k++) {
            const struct conf_key *key = &sections[s]->keys[k];
            char full[256];
            full_path(sections[s], key, full, sizeof full);
            fprintf(out, "# %s.\n# %s: %s\n", key->help, full,
                    key->def != NULL ? key->def : "");
            for (size_t i = 0; key->choices != NULL && key->choices[i] != NULL; i++) {
                fprintf(out, "%s%s%s", i == 0 ? "#   one of: " : ", ", key->choices[i],
                        key->choices[i + 1] == NULL ? "\n" : "");
            }
        }
    }
}
