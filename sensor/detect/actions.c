/* Bits and numbers that rules keep, and what a rule does when all of it matched. */
#include <stdio.h>

#include "sensor/app/file.h"
#include "sensor/detect/detect_private.h"

#define NS_PER_SECOND 1000000000ull
#define DEFAULT_BIT_SECONDS 30u
#define HOSTBIT_SECONDS (365u * 86400u)         /* Those without an expiry. */

bool flowbit_is_set(const struct detect_flow *df, uint32_t name)
{
    return df->flowbits != NULL && df->flowbits[name / 8] >> name % 8 & 1;
}

static void flowbit_change(struct detect_worker *w, uint32_t name, enum rule_do_kind kind)
{
    struct detect_flow *df = w->detect_flow;
    uint8_t bit = (uint8_t) (1u << name % 8);

    if (df->flowbits == NULL) {
        if (kind == DO_FLOWBIT_UNSET) {
            return;
        }
        df->flowbits = pool_get(&w->bits_pool);
        if (df->flowbits == NULL) {
            return;
        }
        memset(df->flowbits, 0, w->engine->flowbits_size);
    }
    if (kind == DO_FLOWBIT_SET) {
        df->flowbits[name / 8] |= bit;
    } else if (kind == DO_FLOWBIT_UNSET) {
        df->flowbits[name / 8] &= (uint8_t) ~bit;
    } else {
        df->flowbits[name / 8] ^= bit;
    }
}

bool flowint_get(const struct detect_flow *df, uint32_t name, uint32_t *value)
{
    if (df->ints == NULL || name >= FLOWINTS_MAX
        || !(df->ints->is_set[name / 64] >> name % 64 & 1)) {
        return false;
    }
    *value = df->ints->values[name];
    return true;
}

/* A flowint that was never set counts as 0. */
static void flowint_change(struct detect_worker *w, const struct rule_do *d)
{
    struct detect_flow *df = w->detect_flow;
    uint32_t value = (uint32_t) d->value, old = 0;

    if (d->name >= FLOWINTS_MAX
        || (d->value_name != 0 && !flowint_get(df, d->value_name, &value))) {
        return;
    }
    flowint_get(df, d->name, &old);
    if (df->ints == NULL) {
        df->ints = pool_get(&w->ints_pool);
        if (df->ints == NULL) {
            return;
        }
        memset(df->ints, 0, sizeof *df->ints);
    }
    df->ints->is_set[d->name / 64] |= 1ull << d->name % 64;
    df->ints->values[d->name] = d->kind == DO_FLOWINT_SET   ? value
                                : d->kind == DO_FLOWINT_ADD ? old + value
                                : old > value               ? old - value
                                                            : 0;
}

/* ---- xbits and hostbits ---- */

static struct host_key bit_key(const struct detect_worker *w, bool is_xbit, uint32_t name,
                               enum rule_side side, enum direction dir)
{
    enum host_kind kind = is_xbit ? HOST_XBIT : HOST_HOSTBIT;
    uint64_t id = is_xbit ? w->engine->xbit_ids[name] : w->engine->hostbit_ids[name];
    const struct ip_addr *src = flow_state_src(w, dir), *dst = flow_state_dst(w, dir);

    if (side == SIDE_BOTH) {    /* A pair: in one order whoever speaks. */
        return ip_compare(src, dst) <= 0 ? host_key(kind, id, src, dst)
                                         : host_key(kind, id, dst, src);
    }
    return host_key(kind, id, side == SIDE_DST ? dst : src, NULL);
}

bool bit_is_set(struct detect_worker *w, const struct rule_test *t, enum direction dir)
{
    bool is_xbit = t->kind == TEST_XBIT;
    uint64_t now = w->packet->time_ns;

    if (w->hosts == NULL) {
        return false;
    }
    if (!is_xbit && t->side == SIDE_BOTH) {
        struct host_key src = bit_key(w, false, t->name, SIDE_SRC, dir);
        struct host_key dst = bit_key(w, false, t->name, SIDE_DST, dir);

        return host_has(w->hosts, &src, now) && host_has(w->hosts, &dst, now);
    }
    struct host_key key = bit_key(w, is_xbit, t->name, t->side, dir);

    return host_has(w->hosts, &key, now);
}

static void change_host_bit(struct detect_worker *w, const struct host_key *key,
                            const struct rule_do *d)
{
    bool is_xbit = d->kind == DO_XBIT_SET || d->kind == DO_XBIT_TOGGLE
                   || d->kind == DO_XBIT_UNSET;
    uint64_t now = w->packet->time_ns;
    uint64_t seconds = d->value != 0 ? d->value
                       : is_xbit     ? DEFAULT_BIT_SECONDS
                                     : HOSTBIT_SECONDS;
    bool is_unset = d->kind == DO_XBIT_UNSET || d->kind == DO_HOSTBIT_UNSET;
    bool is_toggle = d->kind == DO_XBIT_TOGGLE || d->kind == DO_HOSTBIT_TOGGLE;

    if (is_unset || (is_toggle && host_has(w->hosts, key, now))) {
        host_remove(w->hosts, key);
        return;
    }
    struct host_value *v = host_acquire(w->hosts, key, now, true);

    if (v != NULL) {
        v->expires_ns = now + seconds * NS_PER_SECOND;
        host_release(w->hosts, key);
    }
}

static void do_host_bit(struct detect_worker *w, const struct rule_do *d, enum direction dir,
                        bool is_xbit)
{
    if (w->hosts == NULL) {
        return;
    }
    if (!is_xbit && d->side == SIDE_BOTH) {
        struct host_key src = bit_key(w, false, d->name, SIDE_SRC, dir);
        struct host_key dst = bit_key(w, false, d->name, SIDE_DST, dir);

        change_host_bit(w, &src, d);
        change_host_bit(w, &dst, d);
        return;
    }
    struct host_key key = bit_key(w, is_xbit, d->name, d->side, dir);

    change_host_bit(w, &key, d);
}

/* "config:logging disable, type tx, scope tx" (or scope flow). */
static void do_config(struct detect_worker *w, const struct rule_do *d,
                      const struct look *look)
{
    if (d->text == NULL || strstr(d->text, "logging disable") == NULL) {
        return;
    }
    if (look->tx != NULL && strstr(d->text, "scope flow") == NULL) {
        look->tx->is_logged = true;
    } else if (w->flow != NULL && w->flow->app != NULL) {
        w->flow->app->is_quiet = true;
        for (struct app_tx *tx = app_tx_first(w->flow->app); tx != NULL;
             tx = app_tx_next(w->flow->app, tx)) {
            tx->is_logged = true;
        }
    }
}

/* The file that matched, or what is open and to come of its transaction or of the flow. */
static void do_filestore(const struct rule *r, const struct rule_do *d,
                         const struct look *look)
{
    uint64_t mask = d->value != 0 ? d->value
                    : look->dir == TO_SERVER ? FILESTORE_TS : FILESTORE_TC;
    struct app_file *file = look->tx != NULL && look->is_for_file
                                ? app_file_at(look->tx, look->dir, look->file) : NULL;

    if (file != NULL) {
        app_file_note_sid(file, r->sid);
    }
    for (enum direction dir = TO_SERVER; dir < N_DIRECTIONS; dir++) {
        if ((mask & (dir == TO_SERVER ? FILESTORE_TS : FILESTORE_TC)) == 0
            || look->tx == NULL) {
            continue;
        }
        if (d->unit == FILESTORE_TX) {
            app_tx_store_files(look->tx, dir);
        } else if (d->unit == FILESTORE_FLOW) {
            app_session_store_files(look->tx->session, dir);
        } else if (file != NULL && dir == look->dir) {
            app_file_store(look->tx, file);
        }
    }
}

static void do_action(struct detect_worker *w, const struct rule *r, const struct rule_do *d,
                      const struct look *look)
{
    bool has_flow = w->flow != NULL && w->detect_flow != NULL;

    switch (d->kind) {
    case DO_FLOWBIT_SET:
    case DO_FLOWBIT_UNSET:
    case DO_FLOWBIT_TOGGLE:
        if (has_flow && d->name < w->engine->flowbits_size * 8) {
            flowbit_change(w, d->name, d->kind);
        }
        break;
    case DO_FLOWINT_SET:
    case DO_FLOWINT_ADD:
    case DO_FLOWINT_SUB:
        if (has_flow) {
            flowint_change(w, d);
        }
        break;
    case DO_XBIT_SET:
    case DO_XBIT_UNSET:
    case DO_XBIT_TOGGLE:
        do_host_bit(w, d, look->dir, true);
        break;
    case DO_HOSTBIT_SET:
    case DO_HOSTBIT_UNSET:
    case DO_HOSTBIT_TOGGLE:
        do_host_bit(w, d, look->dir, false);
        break;
    case DO_BYPASS:
        if (w->flow != NULL) {
            w->flow->no_inspection = w->flow->is_bypassed = true;
        }
        break;
    case DO_CONFIG:
        do_config(w, d, look);
        break;
    case DO_FILESTORE:
        do_filestore(r, d, look);
        break;
    case DO_TAG:
        break;                  /* Output's, by the rule of the alert. */
    }
}

void actions_run(struct detect_worker *w, const struct rule *r, const struct look *look)
{
    for (size_t i = 0; i < r->n_dos; i++) {
        do_action(w, r, &r->dos[i], look);
    }
}

size_t detect_flowbits(const struct detect_worker *w, const struct flow *flow,
                       const char **names, size_t max)
{
    const struct rule_names *all = &w->engine->set->flowbits;
    size_t n = 0;

    if (flow->detect == NULL || flow->detect->flowbits == NULL) {
        return 0;
    }
    for (uint32_t i = 1; i < all->n && n < max; i++) {
        if (flowbit_is_set(flow->detect, i)) {
            names[n++] = all->names[i];
        }
    }
    return n;
}

size_t detect_flow_ints(const struct detect_worker *w, const struct flow *flow,
                        struct detect_int *out, size_t max)
{
    const struct rule_names *all = &w->engine->set->flowints;
    size_t n = 0;

    for (uint32_t i = 1; flow->detect != NULL && i < all->n && n < max; i++) {
        if (flowint_get(flow->detect, i, &out[n].value)) {
            out[n++].name = all->names[i];
        }
    }
    return n;
}

void entropy_note(struct detect_worker *w, enum buffer_id buffer, double value)
{
    struct detect_flow *df = w->detect_flow;
    unsigned i = 0;

    if (w->flow == NULL || df == NULL) {
        return;
    }
    if (df->entropy == NULL) {
        df->entropy = pool_get(&w->entropy_pool);
        if (df->entropy == NULL) {
            return;
        }
        df->entropy->n = 0;
    }
    while (i < df->entropy->n && df->entropy->found[i].buffer != buffer) {
        i++;
    }
    if (i < FLOW_ENTROPY_MAX) {
        df->entropy->found[i].buffer = (uint8_t) buffer;
        df->entropy->found[i].value = value;
        df->entropy->n = i < df->entropy->n ? df->entropy->n : i + 1;
    }
}

size_t detect_entropy(const struct flow *flow, char *text, size_t size)
{
    const struct flow_entropy *e = flow->detect != NULL ? flow->detect->entropy : NULL;
    size_t at = 0;

    for (unsigned i = 0; e != NULL && i < e->n; i++) {
        enum buffer_id id = (enum buffer_id) e->found[i].buffer;
        const char *name = id == BUFFER_PAYLOAD ? "content" : buffer_info(id)->name;
        int n = snprintf(text + at, size - at, "%c\"%s\":%.17g", at == 0 ? '{' : ',', name,
                         e->found[i].value);

        if (n < 0 || (size_t) n + 2 > size - at) {
            return 0;
        }
        for (char *c = text + at; *c != ':'; c++) {
            *c = *c == '.' ? '_' : *c;
        }
        at += (size_t) n;
    }
    if (at > 0) {
        text[at++] = '}';
    }
    return at;
}
