/* Hyperscan alone: what finding one literal of each rule in each payload costs at least when
 * nothing tells the rules apart beforehand. */
#include <hs/hs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "tests/bench/stages.h"

struct literals {
    hs_database_t *database;
    hs_scratch_t *scratch;
    struct decoder *decoder;
    size_t n;
    uint64_t payloads, bytes, matches;
};

struct pattern {
    struct slice bytes;
    bool nocase;
};

/* The content by which the rule is found, or the part of it that its author chose. */
static bool pattern_of(const struct rule *rule, struct pattern *pattern)
{
    if (rule->fast_buffer < 0) {
        return false;
    }
    const struct rule_op *op = &rule->buffers[rule->fast_buffer].ops[rule->fast_op];
    const struct op_content *content = &op->content;
    pattern->bytes = content->pattern;
    if (content->fast_size != 0) {
        pattern->bytes = slice_of(content->pattern.bytes + content->fast_offset,
                                  content->fast_size);
    }
    pattern->nocase = content->nocase;
    return true;
}

static int compare_patterns(const void *a, const void *b)
{
    const struct pattern *x = a, *y = b;
    size_t size = x->bytes.size < y->bytes.size ? x->bytes.size : y->bytes.size;
    int order = memcmp(x->bytes.bytes, y->bytes.bytes, size);

    if (order == 0) {
        order = (x->bytes.size > y->bytes.size) - (x->bytes.size < y->bytes.size);
    }
    return order != 0 ? order : x->nocase - y->nocase;
}

/* Distinct patterns of all rules; the array is the caller's. */
static struct pattern *gather(const struct ruleset *rules, size_t *n)
{
    struct pattern *found = xcalloc(rules->n_rules + 1, sizeof *found);
    size_t n_found = 0;

    for (size_t i = 0; i < rules->n_rules; i++) {
        n_found += pattern_of(rules->rules[i], &found[n_found]);
    }
    qsort(found, n_found, sizeof *found, compare_patterns);
    *n = 0;
    for (size_t i = 0; i < n_found; i++) {
        if (i == 0 || compare_patterns(&found[i], &found[i - 1]) != 0) {
            found[(*n)++] = found[i];
        }
    }
    return found;
}

static hs_database_t *compile(const struct pattern *patterns, size_t n)
{
    const char **texts = xcalloc(n, sizeof *texts);
    unsigned *flags = xcalloc(n, sizeof *flags), *ids = xcalloc(n, sizeof *ids);
    size_t *sizes = xcalloc(n, sizeof *sizes);
    hs_database_t *database = NULL;
    hs_compile_error_t *error = NULL;

    for (size_t i = 0; i < n; i++) {
        texts[i] = (const char *) patterns[i].bytes.bytes;
        sizes[i] = patterns[i].bytes.size;
        flags[i] = patterns[i].nocase ? HS_FLAG_CASELESS : 0;
        ids[i] = (unsigned) i;
    }
    if (hs_compile_lit_multi(texts, flags, ids, sizes, (unsigned) n, HS_MODE_BLOCK, NULL,
                             &database, &error) != HS_SUCCESS) {
        fprintf(stderr, "hyperscan: %s\n", error->message);
        hs_free_compile_error(error);
        database = NULL;
    }
    free(texts);
    free(flags);
    free(ids);
    free(sizes);
    return database;
}

struct literals *literals_create(const struct ruleset *rules, const struct decode_conf *decode)
{
    struct literals *l = xcalloc(1, sizeof *l);
    struct pattern *patterns = gather(rules, &l->n);

    l->decoder = decoder_create(decode);
    if (l->n == 0) {
        fputs("hyperscan: no rule is found by a literal\n", stderr);
    } else {
        l->database = compile(patterns, l->n);
    }
    free(patterns);
    if (l->database == NULL || hs_alloc_scratch(l->database, &l->scratch) != HS_SUCCESS) {
        literals_destroy(l);
        return NULL;
    }
    return l;
}

void literals_destroy(struct literals *l)
{
    if (l != NULL) {
        hs_free_scratch(l->scratch);
        hs_free_database(l->database);
        decoder_destroy(l->decoder);
        free(l);
    }
}

static int count_match(unsigned id, unsigned long long from, unsigned long long to,
                       unsigned flags, void *context)
{
    (*(uint64_t *) context)++;
    return 0;
}

void literals_frame(struct literals *l, const struct frame *frame)
{
    struct packet packets[DECODE_MAX_PACKETS];
    size_t n = decode_frame(l->decoder, frame, packets);

    for (size_t i = 0; i < n; i++) {
        struct slice payload = packet_payload(&packets[i]);
        if (payload.size == 0 || packets[i].is_carrier) {
            continue;
        }
        l->payloads++;
        l->bytes += payload.size;
        hs_scan(l->database, (const char *) payload.bytes, (unsigned) payload.size, 0,
                l->scratch, count_match, &l->matches);
    }
}

void literals_tally(const struct literals *l, struct tally *tally)
{
    tally->packets = decoder_counters(l->decoder)->packets;
    tally->payloads = l->payloads;
    tally->payload_bytes = l->bytes;
    tally->patterns = l->n;
    tally->matches = l->matches;
}
