/* Countries of addresses, out of a MaxMind database (GeoLite2-Country or the like), which
 * is mapped at start and asked by all workers without a lock. */
#ifndef CIVICSHIELD_DETECT_GEO_H
#define CIVICSHIELD_DETECT_GEO_H

#include "common/base/diag.h"
#include "common/base/ip.h"

struct geo;

/* NULL after reporting that the file is none or cannot be read. */
struct geo *geo_open(const char *path, struct diag *);
void geo_close(struct geo *);           /* NULL is fine. */
/* The ISO 3166 code of the address's country as two letters in one number (geo_code());
 * 0: not known. */
unsigned geo_country(const struct geo *, const struct ip_addr *);

static inline unsigned geo_code(char first, char second)
{
    return (unsigned) (unsigned char) first << 8 | (unsigned char) second;
}

#endif
