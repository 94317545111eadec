#include "sensor/detect/program.h"

#include <math.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "sensor/detect/ber.h"
#include "sensor/detect/bytes_private.h"
#include "sensor/detect/search.h"

#define PCRE_CAPTURES 32u
#define PCRE_STACK_MAX (512u * 1024)
#define PCRE_DEPTH_LIMIT 1500u

#define MAX_FAILED 24u

/* Where a content has been tried without success: no match in 'low' to 'high' leads to a
 * match of the rest.  A later try within is in vain, which keeps chains of relative
 * contents from taking a time that grows with the square of the buffer. */
struct failed {
    size_t low, high;           /* high 0: nowhere yet. */
};

/* One run over one buffer. */
struct run {
    struct program_state *state;
    const struct program_input *in;
    const struct rule_op *ops;
    size_t n;
    bool has_vars;              /* What follows a content depends on more than its place. */
    struct failed failed[MAX_FAILED];
};

static bool run_from(struct run *, size_t at, size_t cursor);

bool program_env_init(struct program_env *env, uint64_t max_steps, uint64_t pcre_match_limit)
{
    memset(env, 0, sizeof *env);
    env->max_steps = max_steps;
    env->pcre_data = pcre2_match_data_create(PCRE_CAPTURES, NULL);
    env->pcre_context = pcre2_match_context_create(NULL);
    env->pcre_stack = pcre2_jit_stack_create(32u * 1024, PCRE_STACK_MAX, NULL);
    if (env->pcre_data == NULL || env->pcre_context == NULL) {
        program_env_fini(env);
        return false;
    }
    pcre2_set_match_limit(env->pcre_context,
                          (uint32_t) (pcre_match_limit > UINT32_MAX ? UINT32_MAX
                                                                    : pcre_match_limit));
    pcre2_set_depth_limit(env->pcre_context, PCRE_DEPTH_LIMIT);
    if (env->pcre_stack != NULL) {
        pcre2_jit_stack_assign(env->pcre_context, NULL, env->pcre_stack);
    }
    return true;
}

void program_env_fini(struct program_env *env)
{
    pcre2_match_data_free(env->pcre_data);
    pcre2_match_context_free(env->pcre_context);
    pcre2_jit_stack_free(env->pcre_stack);
    memset(env, 0, sizeof *env);
}

bool program_run(struct program_state *state, const struct rule_buffer *buffer,
                 const struct program_input *in)
{
    struct run run = { .state = state, .in = in, .ops = buffer->ops, .n = buffer->n_ops };

    for (size_t i = 0; i < run.n; i++) {
        run.has_vars |= run.ops[i].kind == OP_BYTE_EXTRACT || run.ops[i].kind == OP_BYTE_MATH;
    }
    return run_from(&run, 0, 0);
}

static bool has_failed(const struct run *r, size_t at, size_t low, size_t high)
{
    return at < MAX_FAILED && !r->has_vars && r->failed[at].high != 0
           && low >= r->failed[at].low && high <= r->failed[at].high;
}

/* Keeps the larger of the two stretches. */
static void note_failure(struct run *r, size_t at, size_t low, size_t high)
{
    if (at < MAX_FAILED && high > low
        && high - low > r->failed[at].high - r->failed[at].low) {
        r->failed[at] = (struct failed) { low, high };
    }
}

static bool take_step(struct run *r)
{
    if (++r->state->n_steps > r->state->env->max_steps) {
        if (r->state->n_steps == r->state->env->max_steps + 1) {
            r->state->env->n_steps_exceeded++;
        }
        return false;
    }
    return true;
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* Sums of rule numbers and positions: saturating, so that no variable read from a packet
 * makes them wrap. */
static int64_t plus(int64_t a, int64_t b)
{
    int64_t sum;

    return __builtin_add_overflow(a, b, &sum) ? (b < 0 ? INT64_MIN : INT64_MAX) : sum;
}

/* Between which bytes, '*low' to '*high', the whole content must lie. */
static void find_range(const struct run *r, const struct rule_op *op, size_t cursor,
                       size_t *low, size_t *high)
{
    const struct op_content *c = &op->content;
    int64_t size = (int64_t) r->in->size, base = (int64_t) r->in->base;
    int64_t from = 0, to = size;

    if (c->has_distance || c->has_within) {
        int64_t distance = c->has_distance ? bytes_number(r->state, &c->distance) : 0;

        from = plus((int64_t) cursor, distance);
        if (c->has_within) {
            to = plus(from, bytes_number(r->state, &c->within));
        }
    }
    int64_t offset = c->has_offset ? bytes_number(r->state, &c->offset) : 0;

    if (c->has_offset) {
        int64_t least = plus(offset, -base);
        from = from > least ? from : least;
    }
    if (c->has_depth) {
        int64_t most = plus(plus(offset, bytes_number(r->state, &c->depth)), -base);
        to = to < most ? to : most;
    }
    if (c->starts_with) {
        int64_t most = (int64_t) c->pattern.size - base;
        to = to < most ? to : most;
    }
    *low = (size_t) clamp(from, 0, size);
    *high = (size_t) clamp(to, 0, size);
}

/* The first match that starts at 'low' or later and ends by 'high'. */
static bool find_content(const struct run *r, const struct op_content *c, size_t low,
                         size_t high, size_t *start)
{
    size_t size = c->pattern.size;

    if (high < low || high - low < size) {
        return false;
    }
    if (c->ends_with) {
        size_t place = r->in->size - size;

        *start = place;
        return r->in->size >= size && place >= low && high == r->in->size
               && search_equal(r->in->bytes + place, c->pattern.bytes, size, c->nocase);
    }
    size_t found = search_find(r->in->bytes + low, high - low, c->pattern.bytes, size,
                               c->nocase);

    *start = low + found;
    return found != SEARCH_NONE;
}

/* Tries the matches of a content in turn until what follows holds. */
static bool try_contents(struct run *r, size_t at, size_t cursor)
{
    const struct op_content *c = &r->ops[at].content;
    size_t low, high, from, start;

    find_range(r, &r->ops[at], cursor, &low, &high);
    if (has_failed(r, at, low, high)) {
        return false;
    }
    for (from = low; find_content(r, c, from, high, &start); from = start + 1) {
        if (run_from(r, at + 1, start + c->pattern.size)) {
            return true;
        }
        if (!take_step(r)) {
            return false;
        }
    }
    note_failure(r, at, low, high);
    return false;
}

static bool run_content(struct run *r, size_t at, size_t *cursor)
{
    const struct rule_op *op = &r->ops[at];
    size_t low, high, start;

    find_range(r, op, *cursor, &low, &high);
    if (has_failed(r, at, low, high)) {
        return op->negated;
    }
    if (find_content(r, &op->content, low, high, &start)) {
        if (op->negated) {
            return false;
        }
        *cursor = start + op->content.pattern.size;
        return true;
    }
    note_failure(r, at, low, high);
    return op->negated;
}

/* The first match at 'from' or later of the subject that begins at 'subject'. */
static bool find_pcre(struct run *r, const struct op_pcre *p, size_t subject, size_t from,
                      size_t *start, size_t *end)
{
    static const uint8_t nothing[1];
    struct program_env *env = r->state->env;
    const uint8_t *bytes = r->in->bytes != NULL ? r->in->bytes + subject : nothing;
    int n;

    if (p->code == NULL || subject > r->in->size || from > r->in->size - subject) {
        return false;
    }
    n = pcre2_match(p->code, bytes, r->in->size - subject, from, 0, env->pcre_data,
                    env->pcre_context);
    if (n < 0) {
        env->n_pcre_limits += n != PCRE2_ERROR_NOMATCH;
        return false;
    }
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(env->pcre_data);

    *start = ends[0];
    *end = subject + (ends[1] < ends[0] ? ends[0] : ends[1]);
    return true;
}

/* Notes what the groups matched that stand for variables. */
static void note_captures(struct run *r, const struct op_pcre *p, size_t subject)
{
    struct program_state *s = r->state;
    uint32_t n = pcre2_get_ovector_count(s->env->pcre_data);
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(s->env->pcre_data);

    for (uint32_t i = 0; i < p->n_captures && i + 1 < n; i++) {
        PCRE2_SIZE from = ends[2 * (i + 1)], to = ends[2 * (i + 1) + 1];

        if (p->captures[i].kind == '\0' || from == PCRE2_UNSET || to < from
            || s->n_captures == PROGRAM_MAX_CAPTURES) {
            continue;
        }
        s->captures[s->n_captures++] = (struct program_capture) {
            p->captures[i].kind, p->captures[i].name,
            slice_of(r->in->bytes + subject + from, to - from),
        };
    }
}

static bool try_pcres(struct run *r, size_t at, size_t cursor)
{
    const struct op_pcre *p = &r->ops[at].pcre;
    size_t subject = p->relative ? cursor : 0, from = 0, start, end;
    unsigned n_captures = r->state->n_captures;

    while (find_pcre(r, p, subject, from, &start, &end)) {
        note_captures(r, p, subject);
        if (run_from(r, at + 1, end)) {
            return true;
        }
        r->state->n_captures = n_captures;
        from = start + 1;
        if (!take_step(r)) {
            return false;
        }
    }
    return false;
}

static bool run_pcre(struct run *r, const struct rule_op *op, size_t *cursor)
{
    size_t start, end, subject = op->pcre.relative ? *cursor : 0;

    if (find_pcre(r, &op->pcre, subject, 0, &start, &end)) {
        if (op->negated) {
            return false;
        }
        note_captures(r, &op->pcre, subject);
        *cursor = end;
        return true;
    }
    return op->negated;
}

static bool run_isdataat(const struct run *r, const struct rule_op *op, size_t cursor)
{
    int64_t at = bytes_number(r->state, &op->isdataat.at);
    int64_t size = (int64_t) r->in->size;

    if (op->isdataat.relative) {
        return (plus((int64_t) cursor, at) <= size) != op->negated;
    }
    return (plus(at, -(int64_t) r->in->base) < size) != op->negated;
}

static bool run_base64(struct run *r, const struct rule_op *op, size_t cursor)
{
    struct program_state *s = r->state;
    uint64_t start = (uint64_t) op->base64.offset + (op->base64.relative ? cursor : 0);

    if (start >= r->in->size || s->base64 == NULL) {
        return false;
    }
    size_t n = r->in->size - (size_t) start;

    if (op->base64.n_bytes != 0 && op->base64.n_bytes < n) {
        n = op->base64.n_bytes;
    }
    s->base64_size = (uint32_t) program_base64(slice_of(r->in->bytes + start, n), s->base64,
                                               PROGRAM_BASE64_MAX);
    s->has_base64 = s->base64_size != 0;
    s->is_base64_partial = r->in->is_partial;
    return s->has_base64;
}

/* Shannon entropy of bytes, in bits: 0 for nothing. */
static double entropy_of(const uint8_t *bytes, size_t size)
{
    size_t counts[256] = { 0 };
    double sum = 0;

    for (size_t i = 0; i < size; i++) {
        counts[bytes[i]]++;
    }
    for (unsigned i = 0; i < 256; i++) {
        if (counts[i] != 0) {
            double p = (double) counts[i] / (double) size;
            sum -= p * log2(p);
        }
    }
    return sum;
}

static bool run_entropy(struct run *r, const struct op_entropy *e)
{
    size_t n = r->in->size > e->offset ? r->in->size - e->offset : 0;
    double value;

    if (n == 0) {
        return false;
    }
    value = entropy_of(r->in->bytes + e->offset,
                       e->n_bytes != 0 && e->n_bytes < n ? e->n_bytes : n);
    r->state->has_entropy = true;
    r->state->entropy = value;
    switch (e->cmp) {
    case CMP_LT: return value < e->a;
    case CMP_LE: return value <= e->a;
    case CMP_GT: return value > e->a;
    case CMP_GE: return value >= e->a;
    case CMP_RANGE: return value > e->a && value < e->b;
    case CMP_NOT_RANGE: return value < e->a || value > e->b;
    case CMP_NE: return fabs(value - e->a) > 1e-9;
    default: return fabs(value - e->a) <= 1e-9;
    }
}

/* "PORT h1,h2,h3,h4,p1,p2" (RFC 959) whose address is not the sender's. */
static bool run_ftpbounce(const struct run *r)
{
    static const char word[] = "port";
    const struct ip_addr *src = r->state->env->src;
    size_t size = r->in->size, at = sizeof word - 1;
    uint8_t address[4];

    if (src == NULL || src->version != 4 || size < sizeof word
        || !search_equal(r->in->bytes, (const uint8_t *) word, sizeof word - 1, true)
        || r->in->bytes[at] != ' ') {
        return false;
    }
    while (at < size && r->in->bytes[at] == ' ') {
        at++;
    }
    for (unsigned i = 0; i < 4; i++) {
        unsigned value = 0, n = 0;

        for (; at < size && n < 3 && r->in->bytes[at] >= '0' && r->in->bytes[at] <= '9';
             at++, n++) {
            value = value * 10 + (unsigned) (r->in->bytes[at] - '0');
        }
        if (n == 0 || value > 255 || at == size || r->in->bytes[at++] != ',') {
            return false;
        }
        address[i] = (uint8_t) value;
    }
    return memcmp(address, src->bytes, sizeof address) != 0;
}

static void note_context(struct program_state *s, const struct rule_op *op,
                         struct dataset *set, struct slice value)
{
    if (op->dataset.context_key != NULL && s->n_contexts < PROGRAM_MAX_CONTEXTS) {
        s->contexts[s->n_contexts].key = op->dataset.context_key;
        s->contexts[s->n_contexts++].json = dataset_context(set, value);
    }
}

/* A change is done when all of the rule matched; remember it. */
static bool run_dataset(struct run *r, const struct rule_op *op)
{
    struct program_state *s = r->state;
    struct slice value = slice_of(r->in->bytes, r->in->size);
    struct dataset *set = s->env->datasets != NULL ? s->env->datasets[op->dataset.set] : NULL;

    if (set == NULL) {
        return false;
    }
    switch (op->dataset.action) {
    case DATASET_ISSET:
        if (!dataset_has(set, value)) {
            return false;
        }
        note_context(s, op, set, value);
        return true;
    case DATASET_ISNOTSET:
        return !dataset_has(set, value);
    case DATASET_REPUTATION: {
        uint16_t reputation;

        return dataset_reputation(set, value, &reputation)
               && number_matches(op->dataset.cmp, reputation, op->dataset.value, 0);
    }
    default:
        if (s->n_set_changes < 4
            && dataset_has(set, value) == (op->dataset.action == DATASET_UNSET)) {
            s->set_changes[s->n_set_changes] = set;
            s->set_values[s->n_set_changes] = value;
            s->set_is_removal[s->n_set_changes++] = op->dataset.action == DATASET_UNSET;
            return true;
        }
        return false;
    }
}

static bool run_asn1(const struct run *r, const struct op_asn1 *asn1, size_t cursor)
{
    int64_t from = plus(asn1->has_absolute ? -(int64_t) r->in->base : (int64_t) cursor,
                        asn1->offset);

    return from >= 0 && from < (int64_t) r->in->size
           && ber_has_fault(slice_of(r->in->bytes + from, r->in->size - (size_t) from), asn1);
}

/* One operation whose matches need not be tried in turn. */
static bool run_op(struct run *r, size_t at, size_t *cursor)
{
    const struct rule_op *op = &r->ops[at];

    switch (op->kind) {
    case OP_CONTENT:
        return run_content(r, at, cursor);
    case OP_PCRE:
        return run_pcre(r, op, cursor);
    case OP_BYTE_TEST:
        return bytes_test(r->state, op, r->in, *cursor);
    case OP_BYTE_JUMP:
        return bytes_jump(r->state, op, r->in, cursor);
    case OP_BYTE_EXTRACT:
        return bytes_extract(r->state, op, r->in, cursor);
    case OP_BYTE_MATH:
        return bytes_math(r->state, op, r->in, cursor);
    case OP_ISDATAAT:
        return run_isdataat(r, op, *cursor);
    case OP_BSIZE:
        return number_matches(op->bsize.cmp, r->in->size, op->bsize.a, op->bsize.b)
               != op->negated;
    case OP_BASE64_DECODE:
        return run_base64(r, op, *cursor);
    case OP_DATASET:
        return run_dataset(r, op);
    case OP_ENTROPY:
        return run_entropy(r, &op->entropy);
    case OP_FTPBOUNCE:
        return run_ftpbounce(r);
    case OP_ASN1:
        return run_asn1(r, &op->asn1, *cursor);
    }
    return false;
}

static bool run_from(struct run *r, size_t at, size_t cursor)
{
    for (; at < r->n; at++) {
        const struct rule_op *op = &r->ops[at];

        if (!take_step(r)) {
            return false;
        }
        if (op->next_relative && !op->negated && at + 1 < r->n) {
            if (op->kind == OP_CONTENT) {
                return try_contents(r, at, cursor);
            }
            if (op->kind == OP_PCRE) {
                return try_pcres(r, at, cursor);
            }
        }
        if (!run_op(r, at, &cursor)) {
            return false;
        }
    }
    return true;
}

static int sextet_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

size_t program_base64(struct slice in, uint8_t *out, size_t max)
{
    uint32_t bits = 0;
    unsigned n_bits = 0;
    size_t n = 0;

    for (size_t i = 0; i < in.size && n < max; i++) {
        int sextet = sextet_of(in.bytes[i]);

        if (sextet < 0) {
            if (in.bytes[i] == '\r' || in.bytes[i] == '\n') {
                continue;
            }
            break;
        }
        bits = bits << 6 | (uint32_t) sextet;
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            out[n++] = (uint8_t) (bits >> n_bits);
        }
    }
    return n;
}
