/* Records of our own sensors: bytes -> civicshield.wire.v1.Event.
 *
 * The bytes are from outside.  A reader has a fixed amount of memory, so that a small
 * record cannot unfold into a large message; one reader serves one thread. */
#ifndef CIVICSHIELD_COLLECTOR_FORMAT_CIVICSHIELD_H
#define CIVICSHIELD_COLLECTOR_FORMAT_CIVICSHIELD_H

#include "common/base/slice.h"
#include "common/wire/wire.h"

#define FORMAT_MAX_RECORD (1u << 20)            /* Bytes. */

struct format_reader;

struct format_reader *format_reader_create(void);
void format_reader_destroy(struct format_reader *);     /* NULL is fine. */

/* The event, which lives until the next call, or NULL and '*reason', a constant. */
const Civicshield__Wire__V1__Event *format_read_event(struct format_reader *, struct slice,
                                                      const char **reason);

#endif
