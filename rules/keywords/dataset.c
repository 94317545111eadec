/* dataset, datarep, iprep, geoip: lists that live outside the rules. */
#include <stdio.h>

#include "rules/keywords/dataset_file.h"
#include "rules/keywords/keywords.h"

static const char *const types[] = { "string", "md5", "sha256", "ipv4", "ip", "ipv6", NULL };

struct options {
    struct slice type, load, save, state, value_key, array_key, context_key;
    uint64_t memcap, hashsize;
    enum dataset_format format;
    bool remove_key;
};

/* Options behind the name, "key value" each. */
static bool parse_option(struct draft *d, struct slice part, struct options *o)
{
    struct slice key = slice_word(&part);

    if (slice_is_nocase(key, "type") && word_index(part, types) >= 0) {
        o->type = part;
    } else if (slice_is_nocase(key, "load")) {
        o->load = part;
    } else if (slice_is_nocase(key, "save")) {
        o->save = part;
    } else if (slice_is_nocase(key, "state")) {
        o->state = part;
    } else if (slice_is_nocase(key, "format")) {
        static const char *const formats[] = { "csv", "json", "ndjson", NULL };
        int format = word_index(part, formats);
        if (format < 0 && slice_is_nocase(part, "jsonline")) {
            format = FORMAT_NDJSON;
        }
        if (format < 0) {
            return draft_error_at(d, part.bytes, "csv, json or ndjson",
                                  "unknown format of a dataset");
        }
        o->format = (enum dataset_format) format;
    } else if (slice_is_nocase(key, "value_key") && part.size > 0) {
        o->value_key = part;
    } else if (slice_is_nocase(key, "array_key") && part.size > 0) {
        o->array_key = part;
    } else if (slice_is_nocase(key, "context_key") && part.size > 0) {
        o->context_key = part;
    } else if (slice_is_nocase(key, "remove_key") && part.size == 0) {
        o->remove_key = true;
    } else if (slice_is_nocase(key, "memcap") || slice_is_nocase(key, "hashsize")) {
        struct number_test n;
        if (!number_parse_test(part, UINT64_MAX, true, &n) || n.cmp != CMP_EQ) {
            return draft_error_at(d, part.bytes, NULL, "this is no size");
        }
        *(slice_is_nocase(key, "memcap") ? &o->memcap : &o->hashsize) = n.a;
    } else {
        return draft_error_at(d, key.bytes, "type string, load FILE, save FILE, state FILE, "
                              "memcap 1mb, hashsize 1024", "unknown option or type \"%.*s\"",
                              (int) key.size, (const char *) key.bytes);
    }
    return true;
}

static bool fill_paths(struct draft *d, const struct options *o, struct rule_dataset *set)
{
    bool writes = o->save.size > 0 || o->state.size > 0;

    if (writes && !draft_may_write(d)) {
        return draft_error(d, "datasets.rules.allow-write", "rules may not write datasets");
    }
    if (o->state.size > 0 && (o->load.size > 0 || o->save.size > 0)) {
        return draft_error(d, NULL, "state stands for load and save");
    }
    return (o->load.size == 0 || (set->load = draft_path(d, o->load)) != NULL)
           && (o->save.size == 0 || (set->save = draft_path(d, o->save)) != NULL)
           && (o->state.size == 0 || (set->state = draft_path(d, o->state)) != NULL);
}

/* The key is written into alerts as it stands. */
static bool check_context_key(struct draft *d, struct slice key)
{
    for (size_t i = 0; i < key.size; i++) {
        if (key.bytes[i] <= 0x20 || key.bytes[i] >= 0x7f || key.bytes[i] == '"'
            || key.bytes[i] == '\\') {
            return draft_error_at(d, key.bytes, NULL,
                                  "context_key is a word of ASCII without quotes");
        }
    }
    return true;
}

/* JSON needs to know where values stand, and where they go; csv has neither. */
static bool check_format(struct draft *d, const struct options *o)
{
    bool has_keys = o->value_key.size > 0 || o->array_key.size > 0 || o->context_key.size > 0
                    || o->remove_key;

    if (o->format == FORMAT_CSV) {
        return !has_keys || draft_error(d, "format json or format ndjson",
                                        "value_key, array_key, context_key and remove_key are "
                                        "of JSON datasets");
    }
    if (o->format == FORMAT_NDJSON && o->array_key.size > 0) {
        return draft_error(d, NULL, "ndjson has an element a line, and no array_key");
    }
    if (o->save.size > 0 || o->state.size > 0) {
        return draft_error(d, NULL, "JSON datasets are only loaded");
    }
    if (o->value_key.size == 0 || o->context_key.size == 0) {
        return draft_error(d, "format json, value_key ip, context_key src",
                           "a JSON dataset needs value_key and context_key");
    }
    return check_context_key(d, o->context_key);
}

static const char *text_or_null(struct draft *d, struct slice text)
{
    return text.size > 0 ? draft_text(d, text) : NULL;
}

/* What a set is loaded from stands in the first rule that names it; the others may repeat
 * it, but what they say of another file would not be done. */
static bool check_load(struct draft *d, const struct options *o,
                       const struct rule_dataset *set)
{
    if (o->load.size == 0) {
        return true;
    }
    const char *load = draft_path(d, o->load);

    return load != NULL
           && ((set->load != NULL && strcmp(load, set->load) == 0)
               || draft_error(d, "load it where it is named first",
                              "dataset \"%s\" is not loaded from there", set->name));
}

/* The set of this name: made here, or checked to be the one made before. */
static bool find_set(struct draft *d, struct slice name, const struct options *o, bool is_rep,
                     uint32_t *index)
{
    struct rule_dataset *set = draft_find_dataset(d, name, index);
    struct rule_dataset made = { .is_rep = is_rep, .memcap = o->memcap,
                                 .hashsize = o->hashsize, .format = o->format,
                                 .remove_key = o->remove_key,
                                 .value_key = text_or_null(d, o->value_key),
                                 .array_key = text_or_null(d, o->array_key) };

    if (set != NULL) {
        if (set->is_rep != is_rep || (o->type.size > 0 && !slice_is(o->type, set->type))) {
            return draft_error(d, NULL, "dataset \"%s\" is of another type", set->name);
        }
        return check_load(d, o, set);
    }
    if (o->type.size == 0) {
        return draft_error(d, "type string", "a new dataset needs a type");
    }
    made.type = types[word_index(o->type, types)];
    if (!fill_paths(d, o, &made)
        || (made.load != NULL && made.format == FORMAT_CSV
            && !dataset_file_check(d, made.load, made.type, is_rep))) {
        return false;
    }
    set = draft_add_dataset(d, name, index);
    made.name = set->name;
    *set = made;
    return true;
}

static bool need_buffer(struct draft *d, const struct keyword *row)
{
    return d->sticky >= 0 || d->is_lost
           || draft_error(d, "for example: dns.query; dataset:isset,...;",
                          "\"%s\" stands behind a sticky buffer", row->name);
}

static bool parse_dataset(struct draft *d, const struct keyword *row, struct slice v)
{
    static const char *const commands[] = { "isset", "isnotset", "set", "unset", NULL };
    struct slice word = { 0 }, name = { 0 }, part;
    struct options o = { { 0 } };
    uint32_t index = 0;

    if (!need_buffer(d, row)) {
        return false;
    }
    slice_next(&v, ',', &word);
    int command = word_index(word, commands);
    if (command < 0 || !slice_next(&v, ',', &name) || name.size == 0
        || memchr(name.bytes, ' ', name.size) != NULL) {
        return draft_error_at(d, word.bytes, "dataset:isset,name,type string,load FILE",
                              "dataset is malformed");
    }
    while (slice_next(&v, ',', &part)) {
        if (!parse_option(d, part, &o)) {
            return false;
        }
    }
    if (!check_format(d, &o) || !find_set(d, name, &o, false, &index)) {
        return false;
    }
    struct rule_op *op = draft_add_op(d, OP_DATASET);
    op->dataset = (struct op_dataset) { .set = index, .action = (uint8_t) command,
                                        .context_key = text_or_null(d, o.context_key) };
    return true;
}

/* "name, >, 200, load FILE, type string" */
static bool parse_datarep(struct draft *d, const struct keyword *row, struct slice v)
{
    static const struct { const char *sign; enum number_cmp cmp; } signs[] = {
        { ">", CMP_GT }, { "<", CMP_LT }, { "==", CMP_EQ }, { "=", CMP_EQ },
    };
    struct slice name = { 0 }, sign = { 0 }, value = { 0 }, part;
    struct options o = { { 0 } };
    uint64_t n = 0;
    uint32_t index = 0;
    size_t i = 0;

    if (!need_buffer(d, row)) {
        return false;
    }
    slice_next(&v, ',', &name);
    slice_next(&v, ',', &sign);
    slice_next(&v, ',', &value);
    while (i < 4 && !slice_is(sign, signs[i].sign)) {
        i++;
    }
    if (name.size == 0 || i == 4 || !number_parse(value, UINT16_MAX, &n)) {
        return draft_error_at(d, name.bytes, "datarep:name, >, 200, load FILE, type string",
                              "datarep is malformed");
    }
    while (slice_next(&v, ',', &part)) {
        if (!parse_option(d, part, &o)) {
            return false;
        }
    }
    if (o.format != FORMAT_CSV) {
        return draft_error(d, "a value, a comma and a reputation a line",
                           "datarep reads no JSON");
    }
    if (!check_format(d, &o) || !find_set(d, name, &o, true, &index)) {
        return false;
    }
    struct rule_op *op = draft_add_op(d, OP_DATASET);
    op->dataset = (struct op_dataset) { .set = index, .action = 4, .cmp = signs[i].cmp,
                                        .value = (uint16_t) n };
    return true;
}

static bool read_side(struct slice word, enum rule_side *side)
{
    static const char *const words[] = { "any", "src", "dst", "both", NULL };
    int i = 0;

    while (words[i] != NULL && !slice_is(word, words[i])) {
        i++;
    }
    *side = i == 1 ? SIDE_SRC : i == 2 ? SIDE_DST : i == 3 ? SIDE_BOTH : SIDE_EITHER;
    return words[i] != NULL;
}

static bool malformed(struct draft *d, const struct keyword *row, struct slice v)
{
    return draft_error_at(d, v.bytes, row->help, "%s is malformed", row->name);
}

/* "src,category,>,100" or "src,category,isset". */
static bool parse_iprep(struct draft *d, const struct keyword *row, struct slice v)
{
    static const struct { const char *sign; enum number_cmp cmp; } signs[] = {
        { ">", CMP_GT }, { "<", CMP_LT }, { "=", CMP_EQ }, { "==", CMP_EQ },
        { "!=", CMP_NE }, { ">=", CMP_GE }, { "<=", CMP_LE },
    };
    struct slice rest = v, side_word, name, sign, number;
    enum rule_side side;
    uint64_t n = 0;
    size_t i = 0;

    if (!slice_next(&rest, ',', &side_word) || !read_side(side_word, &side)
        || !slice_next(&rest, ',', &name) || name.size == 0
        || !slice_next(&rest, ',', &sign)) {
        return malformed(d, row, v);
    }
    bool is_set = slice_is(sign, "isset"), is_unset = slice_is(sign, "isnotset");
    while (i < sizeof signs / sizeof *signs && !slice_is(sign, signs[i].sign)) {
        i++;
    }
    bool has_number = slice_next(&rest, ',', &number);
    if (is_set || is_unset ? has_number
                           : i == sizeof signs / sizeof *signs || !has_number || rest.size != 0
                                 || !number_parse(number, UINT8_MAX, &n)) {
        return malformed(d, row, v);
    }
    struct rule_test *t = draft_add_test(d, TEST_IPREP);
    t->side = side;
    t->name = draft_name(d, NAMES_CATEGORIES, name);
    t->needs_set = is_set;
    t->needs_unset = is_unset;
    t->cmp = is_set || is_unset ? CMP_EQ : signs[i].cmp;
    t->a = n;
    t->text = draft_text(d, v);
    return true;
}

#define MAX_COUNTRIES 256u

/* "src,US,DE", "US", "both,!US,!DE": one '!' negates all of them. */
static bool parse_geoip(struct draft *d, const struct keyword *row, struct slice v)
{
    uint32_t countries[MAX_COUNTRIES];
    struct slice rest = v, word;
    enum rule_side side = SIDE_EITHER;
    bool negated = false, is_first = true;
    size_t n = 0;

    while (slice_next(&rest, ',', &word)) {
        if (is_first && read_side(word, &side)) {
            is_first = false;
            continue;
        }
        is_first = false;
        bool has_sign = word.size > 0 && word.bytes[0] == '!';
        negated |= has_sign;
        word = slice_trim(slice_from(word, has_sign));
        if (word.size != 2 || n == MAX_COUNTRIES || word.bytes[0] < 'A'
            || word.bytes[0] > 'Z' || word.bytes[1] < 'A' || word.bytes[1] > 'Z') {
            return draft_error_at(d, word.bytes, row->help, "\"%.*s\" is no country",
                                  (int) word.size, (const char *) word.bytes);
        }
        countries[n++] = (uint32_t) word.bytes[0] << 8 | word.bytes[1];
    }
    if (n == 0) {
        return malformed(d, row, v);
    }
    struct rule_test *t = draft_add_test(d, TEST_GEOIP);
    t->side = side;
    t->negated = negated;
    t->n_names = n;
    t->names = draft_alloc(d, n * sizeof *t->names);
    memcpy(t->names, countries, n * sizeof *t->names);
    t->text = draft_text(d, v);
    return true;
}

static const struct keyword rows[] = {
    { "dataset", KEYWORD_VALUE, parse_dataset, 0, "The buffer is in a set: isset,name",
      "save and state write only where datasets.rules.allow-write says so" },
    { "datarep", KEYWORD_VALUE, parse_datarep, 0, "The buffer's reputation in a set" },
    { "iprep", KEYWORD_VALUE, parse_iprep, 0,
      "The address's reputation: src, dst, any or both, category, >, 100, or isset",
      "Refused where no reputation is configured" },
    { "geoip", KEYWORD_VALUE, parse_geoip, 0,
      "The address's country by two letters: src,US,DE; dst,!US; both; any",
      "Refused without geoip-database" },
};
FAMILY(dataset_keywords, rows);
