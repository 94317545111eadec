/* What keyword functions ask the load for: classes, references, expressions, datasets. */
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "rules/lang/lang_private.h"

bool draft_find_class(const struct draft *d, struct slice name, const char **text,
                      int *priority)
{
    const struct class_table *t = &d->set->classes;
    const uint32_t *found = intern_find(&t->names, name);

    if (found == NULL) {
        return false;
    }
    *text = t->classes[*found].text;
    *priority = t->classes[*found].priority;
    return true;
}

const char *draft_reference_prefix(const struct draft *d, struct slice name)
{
    const struct reference_table *t = &d->set->references;
    const uint32_t *found = intern_find(&t->names, name);

    return found != NULL ? t->prefixes[*found] : NULL;
}

const char *draft_share(struct draft *d, struct slice text)
{
    return builder_share(d->set, text);
}

static uint32_t options_of(unsigned flags)
{
    return (flags & REGEX_NOCASE ? PCRE2_CASELESS : 0)
           | (flags & REGEX_DOTALL ? PCRE2_DOTALL : 0)
           | (flags & REGEX_MULTILINE ? PCRE2_MULTILINE : 0)
           | (flags & REGEX_EXTENDED ? PCRE2_EXTENDED : 0)
           | (flags & REGEX_ANCHORED ? PCRE2_ANCHORED : 0)
           | (flags & REGEX_DOLLAR_END ? PCRE2_DOLLAR_ENDONLY : 0)
           | (flags & REGEX_UNGREEDY ? PCRE2_UNGREEDY : 0);
}

/* Compiles an expression that no rule had before. */
static pcre2_code *compile_code(struct draft *d, const char *pattern, uint32_t options)
{
    struct set_builder *b = d->set;
    PCRE2_SIZE at = 0;
    int error = 0;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR) pattern, PCRE2_ZERO_TERMINATED, options,
                                     &error, &at, NULL);

    if (code == NULL) {
        PCRE2_UCHAR text[160] = "";
        pcre2_get_error_message(error, text, sizeof text);
        draft_error_at(d, d->value.bytes, NULL, "the expression does not compile: %s "
                       "(at its character %zu)", (const char *) text, (size_t) at + 1);
        return NULL;
    }
    /* Without JIT (a kernel that forbids it) the interpreter serves. */
    (void) pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
    b->set->codes = xgrow(b->set->codes, b->set->n_codes, &b->cap_codes,
                          sizeof *b->set->codes);
    b->set->codes[b->set->n_codes] = code;
    return code;
}

bool draft_compile_regex(struct draft *d, struct slice pattern, unsigned flags,
                         struct op_pcre *out, uint32_t *n_groups)
{
    struct set_builder *b = d->set;
    uint32_t options = options_of(flags);
    struct strbuf key = STRBUF_EMPTY;

    if (memchr(pattern.bytes, 0, pattern.size) != NULL) {
        return draft_error(d, NULL, "the expression has a NUL in it");
    }
    strbuf_printf(&key, "%x/", options);
    strbuf_put(&key, pattern.bytes, pattern.size);
    const uint32_t *found = intern_find(&b->codes, strbuf_slice(&key));
    if (found != NULL) {
        const char *kept = draft_text(d, pattern);
        out->pattern = kept;
        out->code = b->set->codes[*found];
    } else {
        char *kept = builder_strndup(b, key.text, key.size);
        out->pattern = kept + (key.size - pattern.size);
        out->code = compile_code(d, out->pattern, options);
        if (out->code != NULL) {
            intern_add(&b->codes, slice_of(kept, key.size), (uint32_t) b->set->n_codes++);
        }
    }
    strbuf_fini(&key);
    out->options = options;
    if (out->code != NULL && n_groups != NULL) {
        pcre2_pattern_info(out->code, PCRE2_INFO_CAPTURECOUNT, n_groups);
    }
    return out->code != NULL;
}

void draft_regex_names(const struct op_pcre *op, void (*each)(const char *name,
                       unsigned group, void *aux), void *aux)
{
    uint32_t n = 0, size = 0;
    PCRE2_SPTR table = NULL;

    pcre2_pattern_info(op->code, PCRE2_INFO_NAMECOUNT, &n);
    pcre2_pattern_info(op->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
    pcre2_pattern_info(op->code, PCRE2_INFO_NAMETABLE, &table);
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *entry = table + (size_t) i * size;
        each((const char *) entry + 2, (unsigned) (entry[0] << 8 | entry[1]), aux);
    }
}

struct rule_dataset *draft_find_dataset(struct draft *d, struct slice name, uint32_t *index)
{
    const uint32_t *found = intern_find(&d->set->datasets, name);

    if (found == NULL) {
        return NULL;
    }
    *index = *found;
    return &d->set->set->datasets[*found];
}

struct rule_dataset *draft_add_dataset(struct draft *d, struct slice name, uint32_t *index)
{
    struct ruleset *set = d->set->set;
    const char *text = draft_text(d, name);

    set->datasets = xgrow(set->datasets, set->n_datasets, &d->set->cap_datasets,
                          sizeof *set->datasets);
    *index = (uint32_t) set->n_datasets;
    set->datasets[set->n_datasets] = (struct rule_dataset) { .name = text };
    intern_add(&d->set->datasets, slice_of(text, name.size), *index);
    return &set->datasets[set->n_datasets++];
}

static bool climbs(struct slice path)
{
    struct slice part;

    while (slice_next(&path, '/', &part)) {
        if (slice_is(part, "..")) {
            return true;
        }
    }
    return false;
}

const char *draft_path(struct draft *d, struct slice written)
{
    bool is_absolute = written.size > 0 && written.bytes[0] == '/';
    const char *slash = strrchr(d->set->file, '/');

    if (written.size == 0) {
        draft_error(d, NULL, "a file name is missing");
        return NULL;
    }
    if (!d->set->conf->allow_absolute_paths
        && (is_absolute || climbs(written)
            || memchr(written.bytes, '\\', written.size) != NULL)) {
        draft_error_at(d, written.bytes, "datasets.rules.allow-absolute-filenames",
                       "a rule may only name files below the folder of its rule file");
        return NULL;
    }
    if (is_absolute || slash == NULL) {
        return draft_text(d, written);
    }
    return arena_printf(d->set->arena, "%.*s/%.*s", (int) (slash - d->set->file),
                        d->set->file, (int) written.size, (const char *) written.bytes);
}

bool draft_may_write(const struct draft *d)
{
    return d->set->conf->allow_dataset_write;
}
