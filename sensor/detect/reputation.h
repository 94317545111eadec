/* What lists say of addresses: for each category a value from 0 to 127.  Read at start,
 * immutable afterwards, asked by all workers.
 *
 * Files, as Suricata reads them: categories "number,name,description" a line, numbers 1 to
 * 59; lists "address[/prefix],number,value" a line.  '#' begins a comment.  A line that is
 * wrong is reported as a warning and left out; of equal lines the last holds, and the
 * longest prefix that has the category. */
#ifndef CIVICSHIELD_DETECT_REPUTATION_H
#define CIVICSHIELD_DETECT_REPUTATION_H

#include "common/base/diag.h"
#include "common/base/ip.h"
#include "common/conf/conf.h"

#define REPUTATION_CATEGORIES 60u       /* Numbers are below. */
#define REPUTATION_MAX 127u

struct reputation;

/* 'lists' without a path of their own are below 'folder', which may be NULL.  A file that
 * cannot be read is reported as an error.  Never NULL. */
struct reputation *reputation_load(const char *categories, const char *folder,
                                   const struct conf_texts *lists, struct diag *);
void reputation_destroy(struct reputation *);           /* NULL is fine. */
/* The number of a category; -1: there is none of this name. */
int reputation_category(const struct reputation *, const char *name);
/* What is known of 'address'; false: nothing in this category. */
bool reputation_find(const struct reputation *, const struct ip_addr *address,
                     unsigned category, uint8_t *value);
size_t reputation_size(const struct reputation *);

#endif
