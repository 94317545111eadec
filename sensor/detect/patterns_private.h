/* Of the files about patterns. */
#ifndef CIVICSHIELD_DETECT_PATTERNS_PRIVATE_H
#define CIVICSHIELD_DETECT_PATTERNS_PRIVATE_H

#include <hs.h>
#include <string.h>

#include "sensor/detect/patterns.h"

#define NO_PLACE UINT32_MAX

/* A literal to look for; 'place' is the only one where it may begin, or NO_PLACE. */
struct literal {
    uint8_t size;
    bool nocase;
    uint8_t bytes[PATTERNS_MAX_LITERAL];
    uint8_t zeros[2];           /* No byte is left to the compiler: keys hash the whole. */
    uint32_t place;
};

/* Byte 'i' as it stands in the other case, if that passes as well; itself otherwise. */
static inline uint8_t literal_other_case(const struct literal *l, size_t i)
{
    uint8_t c = l->bytes[i];

    return l->nocase && c >= 'a' && c <= 'z' ? (uint8_t) (c - 0x20) : c;
}

/* Up to eight bytes of a literal, to be compared at once: equal to those in which it stands
 * under 'mask'.  Bytes behind its end are not asked about.  That two letters differ in case
 * alone is left to the whole comparison. */
struct literal_bytes {
    uint64_t value, mask;
};
static inline struct literal_bytes literal_bytes_from(const struct literal *l, size_t from)
{
    uint8_t value[8] = { 0 }, mask[8] = { 0 };
    struct literal_bytes b;

    for (size_t i = 0; i < sizeof value && from + i < l->size; i++) {
        uint8_t c = l->bytes[from + i];
        mask[i] = literal_other_case(l, from + i) != c ? 0xdf : 0xff;
        value[i] = c & mask[i];
    }
    memcpy(&b.value, value, sizeof value);
    memcpy(&b.mask, mask, sizeof mask);
    return b;
}

struct patterns_scratch {
    hs_scratch_t *hs;           /* Enough for every database of a store; may be NULL. */
};

/* A literal stands in what was looked through and ends 'end' bytes from its start. */
typedef void literal_callback(void *context, unsigned id, size_t end);

/* Literals that have a place; places.c.  Their ids are first_id, first_id + 1, ... */
struct places;
struct places *places_create(const struct literal *literals, size_t n, unsigned first_id);
void places_destroy(struct places *);
/* Calls back for each literal that stands in its place in 'bytes', in no order.  Places are
 * counted from byte 'origin', which is negative where 'bytes' begin behind it. */
void places_find(const struct places *, struct slice bytes, int64_t origin, literal_callback *,
                 void *context);

/* A few literals anywhere; teddy.c.  NULL: there are none, too many, or this processor lacks
 * what it needs: then a database finds them. */
#define TEDDY_MAX_LITERALS 96u
struct teddy;
struct teddy *teddy_create(const struct literal *literals, size_t n, unsigned first_id);
void teddy_destroy(struct teddy *);
/* Calls back for each place where one stands, in no order. */
void teddy_find(const struct teddy *, struct slice bytes, literal_callback *, void *context);

/* The database of 'n' literals, whose ids are first_id, first_id + 1, ...: one made before
 * from the same literals, from the cache, or compiled.  Owned by the store.  NULL after
 * reporting. */
hs_database_t *patterns_store_get(struct patterns_store *, const struct literal *literals,
                                  size_t n, unsigned first_id, struct diag *);

/* Databases on disk; cache.c.  'conf' is a folder, "auto" for the place where such things are
 * kept, "no" or empty for none.  NULL: nothing is kept, which is reported unless it is as
 * configured.  A folder or file that other users can write is not used.  Several processes
 * may share a folder. */
#define DATABASE_NAME_SIZE (32 + sizeof ".hsdb")
#define DATABASE_CACHE_FILES 1024
#define DATABASE_CACHE_BYTES ((uint64_t) 1 << 30)       /* The longest unused go first. */
struct database_cache *database_cache_open(const char *conf, struct diag *);
void database_cache_close(struct database_cache *);

/* The database of 'key', to be freed with hs_free_database(); NULL if there is none.  What is
 * damaged is reported. */
hs_database_t *database_cache_read(const struct database_cache *, const uint64_t key[2],
                                   struct diag *);

/* Keeps a database.  What cannot be written is reported, and no harm but the time of the next
 * start.  A reader sees a whole file or none. */
void database_cache_write(const struct database_cache *, const uint64_t key[2],
                          const hs_database_t *, struct diag *);

#endif
