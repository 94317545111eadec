/* What a session remembers between messages: names of open files, trees, places of reads.
 * Each table has a limit; the entry that was not asked for the longest makes room. */
#ifndef CIVICSHIELD_APP_SMB_TABLE_H
#define CIVICSHIELD_APP_SMB_TABLE_H

#include "sensor/app/parser.h"

/* A file as its protocol names it: 16 bytes in SMB 2; in SMB 1 two bytes and the four of the
 * user, for different users may have equal ones. */
#define SMB_FUID_MAX 16u
struct smb_fuid {
    uint8_t size;               /* 0: none. */
    uint8_t bytes[SMB_FUID_MAX];
};

struct smb_key {
    uint8_t kind;               /* Tells questions apart that share a table. */
    uint32_t tree;
    uint64_t session, message;
    struct smb_fuid fuid;
};

struct smb_entry {
    struct list_node node;      /* In table->used, the latest first. */
    struct smb_entry *next;     /* In its bucket. */
    struct smb_key key;
    /* The value; what of it is used depends on the table. */
    struct smb_fuid fuid;
    uint64_t number;
    bool flag;
    size_t size;
    uint8_t bytes[];
};

#define SMB_BUCKETS 64u
struct smb_table {
    const struct app_session *session;  /* Whose it is. */
    struct smb_entry *buckets[SMB_BUCKETS];
    struct list_node used;
    size_t n, max;
};

void smb_table_init(struct smb_table *, const struct app_session *, uint64_t max);
void smb_table_fini(struct app_session *, struct smb_table *);
/* The entry of 'key', which becomes the latest; NULL: there is none. */
struct smb_entry *smb_table_find(struct smb_table *, const struct smb_key *);
/* A new entry of 'key', in place of an older one, with a copy of 'bytes' and the rest of its
 * value zero; NULL when memory is short. */
struct smb_entry *smb_table_put(struct app_session *, struct smb_table *,
                                const struct smb_key *, struct slice bytes);
/* NULL is fine. */
void smb_table_remove(struct app_session *, struct smb_table *, struct smb_entry *);

static inline struct slice smb_entry_bytes(const struct smb_entry *e)
{
    return e != NULL ? slice_of(e->bytes, e->size) : slice_of(NULL, 0);
}

static inline bool smb_fuid_equal(const struct smb_fuid *a, const struct smb_fuid *b)
{
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

#endif
