/* Which of many rules may have a header that fits two addresses?  Rules about few
 * addresses (lists of bad hosts: hundreds of rules, ten thousands of addresses) stand in a
 * map of address ranges by their narrower side; the rest in a plain list.  The answer may
 * hold rules that do not fit in the end; it never misses one. */
#ifndef CIVICSHIELD_DETECT_HEADER_INDEX_H
#define CIVICSHIELD_DETECT_HEADER_INDEX_H

#include "rules/lang/plan.h"

struct header_index;

struct header_index *header_index_create(void);
void header_index_destroy(struct header_index *);
/* In any order; 'rule' outlives the index. */
void header_index_add(struct header_index *, const struct rule *rule);
/* Call once, behind the last rule. */
void header_index_finish(struct header_index *);
bool header_index_is_empty(const struct header_index *);

typedef void header_index_callback(void *context, uint32_t rule);
/* Calls back with the number of each rule that may fit, in no order, some maybe twice. */
void header_index_find(const struct header_index *, const struct ip_addr *src,
                       const struct ip_addr *dst, header_index_callback *, void *context);

#endif
