/* Events -> documents: ECS, the index they belong to, and their id.
 *
 * All three are pure functions of the event and of where it came from, so that the same
 * event gets the same id in the same index however often it comes. */
#ifndef CIVICSHIELD_COLLECTOR_NORMALIZE_H
#define CIVICSHIELD_COLLECTOR_NORMALIZE_H

#include <stdbool.h>

#include "collector/model/session.h"
#include "common/base/strbuf.h"
#include "common/conf/conf.h"
#include "common/wire/wire.h"

enum normalize_period { NORMALIZE_DAY, NORMALIZE_MONTH, NORMALIZE_YEAR };

/* Section "index". */
struct normalize_conf {
    char *namespace;            /* [a-z0-9_.]. */
    unsigned period;            /* enum normalize_period: of @timestamp, one index each. */
};
extern const struct conf_section normalize_section;

/* What the configuration's table cannot say; 'root' tells the places of keys.  False after
 * reporting. */
bool normalize_check(const struct normalize_conf *, const struct conf_node *root,
                     struct diag *);

struct document {
    struct strbuf index, id, json;      /* Reused from call to call. */
};
void document_fini(struct document *);

/* "SENSOR-EPOCH-WORKER-NUMBER" with the epoch as 16 hex digits, appended. */
void normalize_id(const struct receipt *, struct strbuf *id);
/* "logs-DATASET-NAMESPACE-PERIOD", appended; 'type' is that of the event. */
void normalize_index(const struct normalize_conf *, const char *type, uint64_t timestamp_ns,
                     struct strbuf *index);
/* Fills 'document'.  False, with '*reason' (a constant), for an event that has no time or
 * that says it is from elsewhere than where it came from; 'id' is filled all the same. */
bool normalize_event(const struct normalize_conf *, const Civicshield__Wire__V1__Event *,
                     const struct receipt *, struct document *document,
                     const char **reason);

#endif
