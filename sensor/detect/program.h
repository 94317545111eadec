/* The program of one rule on one buffer: contents, pcre, byte_* and their like, run on
 * candidates only.
 *
 * Operations run in order with a cursor.  Where an operation that found something is
 * followed by a relative one, its matches are tried in turn; 'max_steps' stops what would
 * take too long.  Offsets and depths count from the start of the stream: 'base' says how
 * many bytes of it lie before the first byte that is still there. */
#ifndef CIVICSHIELD_DETECT_PROGRAM_H
#define CIVICSHIELD_DETECT_PROGRAM_H

#include "common/base/strbuf.h"
#include "rules/lang/plan.h"
#include "sensor/detect/dataset.h"

/* What running needs besides the rule: one per worker. */
struct program_env {
    void *pcre_data;            /* pcre2_match_data */
    void *pcre_context;         /* pcre2_match_context */
    void *pcre_stack;           /* pcre2_jit_stack, or NULL. */
    uint64_t max_steps;
    const struct ip_addr *src;  /* Who sent what is looked at, for ftpbounce; or NULL. */
    struct dataset *const *datasets;    /* By op_dataset.set. */
    uint64_t n_steps_exceeded, n_pcre_limits;   /* Counted here. */
};

/* False when memory is gone. */
bool program_env_init(struct program_env *, uint64_t max_steps, uint64_t pcre_match_limit);
void program_env_fini(struct program_env *);

#define PROGRAM_MAX_CONTEXTS 4u
#define PROGRAM_MAX_CAPTURES 8u

/* What a group of an expression matched; the bytes are the buffer's. */
struct program_capture {
    char kind;                  /* As op_pcre.captures has it. */
    uint32_t name;
    struct slice value;
};

/* What lives as long as one evaluation of one rule. */
struct program_state {
    struct program_env *env;
    uint64_t vars[RULE_MAX_VARS];       /* Of byte_extract and byte_math. */
    uint64_t n_steps;
    bool has_base64;
    bool is_base64_partial;     /* Decoded from a buffer that may grow. */
    uint32_t base64_size;
    uint8_t *base64;            /* PROGRAM_BASE64_MAX bytes of the owner's. */
    struct dataset *set_changes[4];     /* dataset:set and unset, done when all matched. */
    struct slice set_values[4];
    bool set_is_removal[4];
    unsigned n_set_changes;
    /* Of datasets that hold. */
    struct { const char *key; struct slice json; } contexts[PROGRAM_MAX_CONTEXTS];
    unsigned n_contexts;
    struct program_capture captures[PROGRAM_MAX_CAPTURES];
    unsigned n_captures;
    bool is_little_endian;      /* What numbers of "dce" are, in the buffer at hand. */
    bool has_entropy;           /* "entropy" was worked out, last for this. */
    double entropy;
};
#define PROGRAM_BASE64_MAX 16384u

struct program_input {
    const uint8_t *bytes;
    size_t size;
    uint64_t base;
    bool is_partial;            /* More of it may come. */
};

/* Do all operations of 'buffer' hold? */
bool program_run(struct program_state *, const struct rule_buffer *buffer,
                 const struct program_input *);
/* Bytes of RFC 4648 base64 decoded into 'out' (at most 'max'), up to the first byte that
 * is none; line ends are skipped.  Returns how many. */
size_t program_base64(struct slice in, uint8_t *out, size_t max);

#endif
