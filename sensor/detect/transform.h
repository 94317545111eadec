/* Transforms of inspected buffers: to_lowercase, dotprefix, to_md5, ...  Pure, but for
 * pcrexform, which asks PCRE2. */
#ifndef CIVICSHIELD_DETECT_TRANSFORM_H
#define CIVICSHIELD_DETECT_TRANSFORM_H

#include "rules/lang/plan.h"

/* A transform made ready at load: what pcrexform needs is compiled once. */
struct transform {
    enum transform_kind kind;
    struct slice argument;
    uint64_t a, b;
    void *code;                 /* pcrexform: pcre2_code, owned. */
};

/* 'match_limit': effort spent on one expression.  False when the argument is wrong, with
 * '*why' a static text. */
bool transform_init(struct transform *, const struct rule_transform *, uint64_t match_limit,
                    const char **why);
void transform_fini(struct transform *);
/* Applies 'n' of them in order to 'in'.  The result is 'in' itself or lies in one of the
 * two scratch areas of 'max' bytes each; what does not fit is cut. */
struct slice transform_apply(const struct transform *, size_t n, struct slice in,
                             uint8_t *scratch_a, uint8_t *scratch_b, size_t max);

#endif
