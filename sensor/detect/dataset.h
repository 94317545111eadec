/* Sets of values that rules ask about: strings, hashes, addresses.
 *
 * Loaded from files at start; "set" and "unset" change them at run time.  A set that no
 * rule changes is read without a lock; one that is changed has a lock of its own and a
 * limit in bytes.  Nothing is ever written to disk: "save" and "state" name paths that
 * come from rules, and a rule must not choose where we write. */
#ifndef CIVICSHIELD_DETECT_DATASET_H
#define CIVICSHIELD_DETECT_DATASET_H

#include "common/base/diag.h"
#include "rules/lang/plan.h"

struct dataset;

enum dataset_action { DATASET_ISSET, DATASET_ISNOTSET, DATASET_SET, DATASET_UNSET,
                      DATASET_REPUTATION };

/* Loads 'description'.  NULL after reporting.  'is_mutable': a rule sets or unsets. */
struct dataset *dataset_create(const struct rule_dataset *description, bool is_mutable,
                               struct diag *);
void dataset_destroy(struct dataset *);
/* 'value' is what a buffer holds: text; for md5, sha1 and sha256 the raw hash or the text
 * to be looked up as it is; for ip and ipv4 the address in network order. */
bool dataset_has(struct dataset *, struct slice value);
/* As dataset_has(), with the reputation that the file gives. */
bool dataset_reputation(struct dataset *, struct slice value, uint16_t *reputation);
/* The JSON text that the file tells of 'value', an empty slice where it tells nothing; lives
 * as long as the set: JSON sets are never changed. */
struct slice dataset_context(struct dataset *, struct slice value);
/* False when it was there already or there is no room. */
bool dataset_add(struct dataset *, struct slice value);
/* False when it was not there. */
bool dataset_remove(struct dataset *, struct slice value);
size_t dataset_size(struct dataset *);

#endif
