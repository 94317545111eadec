/* Tests of what lists and databases say of a packet's addresses: iprep and geoip. */
#include <stdlib.h>

#include "common/base/alloc.h"
#include "sensor/detect/detect_private.h"
#include "sensor/detect/geo.h"
#include "sensor/detect/reputation.h"

void address_data_load(struct detect_engine *e, struct diag *diag)
{
    const struct detect_conf *conf = &e->conf;
    const struct rule_names *names = &e->set->categories;

    if (conf->reputation_categories != NULL || conf->reputation_files.n != 0) {
        e->reputation = reputation_load(conf->reputation_categories, conf->reputation_path,
                                        &conf->reputation_files, diag);
    }
    if (conf->geoip_database != NULL) {
        e->geo = geo_open(conf->geoip_database, diag);
    }
    e->categories = xcalloc(names->n + 1, sizeof *e->categories);
    for (size_t i = 1; i < names->n; i++) {
        e->categories[i] = e->reputation != NULL
                               ? reputation_category(e->reputation, names->names[i]) : -1;
    }
}

void address_data_free(struct detect_engine *e)
{
    reputation_destroy(e->reputation);
    geo_close(e->geo);
    free(e->categories);
}

const char *address_test_fault(const struct detect_engine *e, const struct rule_test *t)
{
    if (t->kind == TEST_IPREP && e->reputation == NULL) {
        return "no reputation data is configured (reputation-categories-file, "
               "reputation-files)";
    }
    if (t->kind == TEST_IPREP && e->categories[t->name] < 0) {
        return "its category is not in reputation-categories-file";
    }
    if (t->kind == TEST_GEOIP && e->geo == NULL) {
        return "no geographic data is configured (geoip-database)";
    }
    return NULL;
}

static bool has_reputation(const struct detect_engine *e, const struct rule_test *t,
                           const struct ip_addr *a)
{
    uint8_t value;
    bool is_known = reputation_find(e->reputation, a, (unsigned) e->categories[t->name],
                                    &value);

    if (t->needs_set || t->needs_unset) {
        return is_known == t->needs_set;
    }
    return is_known && number_matches(t->cmp, value, t->a, 0);
}

/* Of an address that nobody knows the country of, nothing holds. */
static bool is_in_country(const struct detect_engine *e, const struct rule_test *t,
                          const struct ip_addr *a)
{
    unsigned country = geo_country(e->geo, a);
    bool found = false;

    for (size_t i = 0; i < t->n_names && !found; i++) {
        found = t->names[i] == country;
    }
    return country != 0 && found != t->negated;
}

bool address_test_holds(const struct detect_worker *w, const struct rule_test *t,
                        enum direction dir)
{
    bool (*holds)(const struct detect_engine *, const struct rule_test *,
                  const struct ip_addr *) = t->kind == TEST_IPREP ? has_reputation
                                                                  : is_in_country;
    const struct ip_addr *src = flow_state_src(w, dir), *dst = flow_state_dst(w, dir);

    switch (t->side) {
    case SIDE_SRC:
        return holds(w->engine, t, src);
    case SIDE_DST:
        return holds(w->engine, t, dst);
    case SIDE_BOTH:
        return holds(w->engine, t, src) && holds(w->engine, t, dst);
    default:
        return holds(w->engine, t, src) || holds(w->engine, t, dst);
    }
}
