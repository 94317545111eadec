/* Files -> rule set: the phases in their order, for each line. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "common/base/hash.h"
#include "rules/lang/lang_private.h"

#define ARENA_BLOCK (256u * 1024)
#define TREE_BLOCK (16u * 1024) /* More than most rules need. */

static void *alloc_from(struct arena *arena, size_t size)
{
    void *memory = arena_alloc(arena, size);

    if (memory == NULL) {
        fputs("civicshield: out of memory while loading rules\n", stderr);
        abort();
    }
    return memory;
}

void *builder_alloc(struct set_builder *b, size_t size)
{
    return alloc_from(b->arena, size);
}

void *builder_alloc_tree(struct set_builder *b, size_t size)
{
    return alloc_from(&b->trees, size);
}

char *builder_strndup(struct set_builder *b, const void *text, size_t size)
{
    char *copy = builder_alloc(b, size + 1);

    if (size > 0) {
        memcpy(copy, text, size);
    }
    return copy;
}

void builder_report(struct set_builder *b, enum diag_level level, size_t offset,
                    const char *hint, const char *format, ...)
{
    struct strbuf text = STRBUF_EMPTY;
    unsigned line = 0, column = 0;
    va_list args;

    va_start(args, format);
    strbuf_vprintf(&text, format, args);
    va_end(args);
    if (b->line != NULL) {
        rule_line_place(b->line, offset, &line, &column);
    }
    diag_add(b->diag, level, b->file, line, column, hint, "%s", strbuf_cstr(&text));
    strbuf_fini(&text);
}

const struct keyword *builder_keyword(const struct set_builder *b, struct slice name)
{
    const uint32_t *found = intern_find(&b->keywords, name);

    return found != NULL ? b->all_keywords[*found] : NULL;
}

const char *builder_share(struct set_builder *b, struct slice text)
{
    const uint32_t *found = intern_find(&b->json_texts, text);

    if (found != NULL) {
        return b->jsons[*found];
    }
    const char *copy = builder_strndup(b, text.bytes, text.size);
    b->jsons = xgrow(b->jsons, b->n_json, &b->cap_json, sizeof *b->jsons);
    b->jsons[b->n_json] = copy;
    intern_add(&b->json_texts, slice_of(copy, text.size), (uint32_t) b->n_json++);
    return copy;
}

static void add_keyword(struct set_builder *b, const struct keyword *row)
{
    b->all_keywords = xgrow(b->all_keywords, b->n_keywords, &b->cap_keywords,
                            sizeof *b->all_keywords);
    b->all_keywords[b->n_keywords] = row;
    intern_add(&b->keywords, slice_text(row->name), (uint32_t) b->n_keywords++);
}

static void index_keywords(struct set_builder *b)
{
    for (const struct keyword_family *const *f = keyword_families; *f != NULL; f++) {
        for (size_t i = 0; i < (*f)->n; i++) {
            if ((*f)->rows[i].name != NULL) {
                add_keyword(b, &(*f)->rows[i]);
            }
        }
    }
    b->keyword_names = xcalloc(b->n_keywords + 1, sizeof *b->keyword_names);
    for (size_t i = 0, n = 0; i < b->n_keywords; i++) {
        if ((b->all_keywords[i]->flags & KEYWORD_LATER) == 0) {
            b->keyword_names[n++] = b->all_keywords[i]->name;
        }
    }
}

/* Keeps the rule, unless one of its number is there that is as new. */
static bool keep_rule(struct set_builder *b, struct rule *r, size_t sid_at)
{
    uint32_t *key = builder_alloc(b, 2 * sizeof *key);
    key[0] = r->gid;
    key[1] = r->sid;
    const uint32_t *found = intern_find(&b->sids, slice_of(key, 2 * sizeof *key));

    if (found != NULL) {
        struct rule *old = b->rules[*found];
        b->set->n_duplicate++;
        if (old->rev >= r->rev) {
            builder_report(b, DIAG_ERROR, sid_at, "give it a number of its own, or a higher rev",
                           "sid %u is used already, at %s:%u", r->sid, old->file, old->line);
            return false;
        }
        builder_report(b, DIAG_WARNING, sid_at, NULL, "sid %u replaces the older one at %s:%u",
                       r->sid, old->file, old->line);
        b->rules[*found] = NULL;
    }
    b->rules = xgrow(b->rules, b->set->n_rules, &b->cap_rules, sizeof *b->rules);
    b->rules[b->set->n_rules] = r;
    intern_add(&b->sids, slice_of(key, 2 * sizeof *key), (uint32_t) b->set->n_rules++);
    return true;
}

/* Where the value of 'sid' stands; 0: nowhere. */
static size_t place_of_sid(const struct set_builder *b, const struct rule_tokens *tokens)
{
    for (size_t i = 0; i < tokens->n_options; i++) {
        if (slice_is(tokens->options[i].key, "sid")) {
            return (size_t) (tokens->options[i].value.bytes - (const uint8_t *) b->line->text);
        }
    }
    return 0;
}

/* Says so where there is none, unless another error may have swallowed it. */
static bool check_sid(struct set_builder *b, const struct rule_tokens *tokens, bool is_good)
{
    bool may_be_there = memmem(b->line->text, b->line->size, "sid:", 4) != NULL;

    if (place_of_sid(b, tokens) != 0) {
        return true;
    }
    if (is_good || !may_be_there) {
        builder_report(b, DIAG_ERROR, 0, "give it a number of its own: sid:1000001;",
                       "a rule without sid");
    }
    return false;
}

/* Returns false when the rule was refused.  One that is not whole, or whose header is wrong,
 * is looked at all the same: its author sees what else there is to mend. */
static bool compile_rule(struct set_builder *b, const struct rule_tokens *tokens,
                         bool is_whole)
{
    struct rule_tree tree;
    struct draft d;
    enum requires_result requires = is_whole ? requires_check(b, tokens) : REQUIRES_MET;

    if (requires != REQUIRES_MET) {
        b->set->n_skipped += requires == REQUIRES_UNMET;
        return requires == REQUIRES_UNMET;
    }
    bool ok = rule_tree_make(b, tokens, &tree) && is_whole;
    draft_init(&d, b, slice_of(b->line->text, b->line->size));
    ok = rule_resolve(b, &tree, &d) && ok;
    ok = (!is_whole || check_sid(b, tokens, ok)) && ok;
    if (ok && draft_validate(&d)) {
        draft_finish(&d);
        ok = keep_rule(b, d.rule, place_of_sid(b, tokens));
    } else {
        ok = false;
    }
    draft_fini(&d);
    return ok;
}

static void compile_line(struct set_builder *b, const struct rule_line *line)
{
    struct rule_tokens tokens;
    struct token_error error;
    bool ok = false;

    b->line = line;
    bool is_whole = rule_tokens_read(slice_of(line->text, line->size), &tokens, &error);
    if (!is_whole) {
        builder_report(b, DIAG_ERROR, error.offset, error.hint, "%s", error.text);
    }
    if (tokens.n_words == N_WORDS) {
        ok = compile_rule(b, &tokens, is_whole);
    }
    rule_tokens_fini(&tokens);
    b->set->n_refused += !ok;
    b->line = NULL;
}

static void compile_text(struct set_builder *b, const char *name, const char *text,
                         size_t size)
{
    struct line_reader reader;
    struct rule_line line;

    b->file = builder_strndup(b, name, strlen(name));
    b->set->hash = hash_mix(b->set->hash ^ hash_bytes(hash_seed_fixed(), text, size));
    line_reader_init(&reader, text, size);
    while (line_reader_next(&reader, b->arena, &line)) {
        if (line.is_disabled) {
            b->set->n_disabled++;
        } else {
            compile_line(b, &line);
        }
    }
    b->file = NULL;
}

static void hash_vars(struct ruleset *set, const struct rules_vars *vars)
{
    for (size_t i = 0; i < vars->n; i++) {
        const struct rules_var *v = &vars->vars[i];
        set->hash = hash_mix(set->hash ^ hash_bytes(hash_seed_fixed(), v->name,
                                                    strlen(v->name)));
        set->hash = hash_mix(set->hash ^ hash_bytes(hash_seed_fixed(), v->value,
                                                    strlen(v->value)));
    }
}

static void builder_init(struct set_builder *b, const struct rules_conf *conf,
                         struct diag *diag)
{
    struct arena *arena = xcalloc(1, sizeof *arena);

    arena_init(arena, ARENA_BLOCK, SIZE_MAX / 2);
    *b = (struct set_builder) { .conf = conf, .arena = arena, .diag = diag };
    arena_init(&b->trees, TREE_BLOCK, SIZE_MAX / 2);
    b->set = builder_alloc(b, sizeof *b->set);
    b->set->arena = arena;
    index_keywords(b);
    hash_vars(b->set, &conf->addresses);
    hash_vars(b->set, &conf->ports);
    class_table_init(&b->classes);
    reference_table_init(&b->references);
    if (conf->classification != NULL) {
        class_table_read(&b->classes, conf->classification, b->arena, diag);
    }
    if (conf->reference != NULL) {
        reference_table_read(&b->references, conf->reference, b->arena, diag);
    }
}

/* The names were grown on the heap; they end where everything else of the set is. */
static void settle_names(struct set_builder *b, struct rule_names *names)
{
    const char **grown = names->names;

    names->names = builder_alloc(b, names->n * sizeof *grown);
    if (names->n > 0) {
        memcpy(names->names, grown, names->n * sizeof *grown);
    }
    free(grown);
}

static struct ruleset *builder_finish(struct set_builder *b)
{
    struct ruleset *set = b->set;
    struct rule_names *names[] = { &set->flowbits, &set->flowints, &set->xbits,
                                   &set->hostbits, &set->vars, &set->events,
                                   &set->categories };
    size_t n = set->n_rules;

    if (b->conf->threshold != NULL) {
        threshold_read(b, b->conf->threshold);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        settle_names(b, names[i]);
    }
    struct rule_dataset *grown = set->datasets;
    set->datasets = builder_alloc(b, set->n_datasets * sizeof *grown);
    if (set->n_datasets > 0) {
        memcpy(set->datasets, grown, set->n_datasets * sizeof *grown);
    }
    free(grown);
    set->rules = builder_alloc(b, n * sizeof *set->rules);
    ruleset_order(set, b->rules, n);
    set->n_loaded = set->n_rules;
    arena_fini(&b->trees);
    intern_fini(&b->codes);
    free(b->rules);
    free(b->all_keywords);
    free(b->keyword_names);
    free(b->jsons);
    for (size_t i = 0; i < N_NAMES; i++) {
        intern_fini(&b->names[i]);
    }
    intern_fini(&b->keywords);
    intern_fini(&b->sids);
    intern_fini(&b->datasets);
    intern_fini(&b->json_texts);
    set_tables_fini(&b->sets);
    class_table_fini(&b->classes);
    reference_table_fini(&b->references);
    return set;
}

/* All bytes of a file; false with errno set. */
static bool read_file(const char *path, struct strbuf *out)
{
    FILE *f = fopen(path, "rbe");
    size_t n;

    if (f == NULL) {
        return false;
    }
    do {
        n = fread(strbuf_reserve(out, 65536), 1, 65536, f);
        out->size += n;
    } while (n > 0);
    bool ok = ferror(f) == 0;
    int error = errno;
    fclose(f);
    errno = error;
    return ok;
}

struct ruleset *ruleset_load(const struct rules_conf *conf, const char *const *files,
                             size_t n, struct diag *diag)
{
    struct set_builder b;

    builder_init(&b, conf, diag);
    for (size_t i = 0; i < n; i++) {
        struct strbuf text = STRBUF_EMPTY;
        if (read_file(files[i], &text)) {
            compile_text(&b, files[i], text.text != NULL ? text.text : "", text.size);
        } else {
            diag_add(diag, DIAG_ERROR, files[i], 0, 0, NULL, "cannot read it: %s",
                     strerror(errno));
            b.set->n_refused++;
        }
        strbuf_fini(&text);
    }
    return builder_finish(&b);
}

struct ruleset *ruleset_parse(const struct rules_conf *conf, const char *name,
                              const char *text, size_t size, struct diag *diag)
{
    struct set_builder b;

    builder_init(&b, conf, diag);
    compile_text(&b, name, text, size);
    return builder_finish(&b);
}

void ruleset_free(struct ruleset *set)
{
    if (set == NULL) {
        return;
    }
    for (size_t i = 0; i < set->n_codes; i++) {
        pcre2_code_free(set->codes[i]);
    }
    free(set->codes);
    struct arena *arena = set->arena;
    arena_fini(arena);
    free(arena);
}
