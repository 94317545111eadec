#include "sensor/detect/reputation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/hash.h"
#include "common/base/slice.h"
#include "rules/lang/keyword.h"

#define MAX_PREFIX 128u
/* Warnings for one file; a file of another kind has nothing but wrong lines. */
#define MAX_WARNINGS 10u

/* A network in one category.  All bytes count: entries are compared as a whole. */
struct key {
    struct ip_addr address;     /* The first of the network. */
    uint8_t prefix, category;
};
struct entry {
    struct key key;             /* address.version 0: free. */
    uint8_t value;
};

struct reputation {
    char *names[REPUTATION_CATEGORIES];
    size_t n, n_slots;          /* Slots: a power of two, more than half free. */
    struct entry *slots;
    /* Which prefixes a category has at all, by family: bit n of prefix n. */
    uint64_t prefixes[2][REPUTATION_CATEGORIES][MAX_PREFIX / 64 + 1];
};

/* A file while it is read. */
struct reader {
    struct reputation *r;
    struct diag *diag;
    const char *path;
    unsigned line, n_warnings;
};

static struct entry *find_slot(const struct reputation *r, const struct key *key)
{
    uint64_t at = hash_bytes(hash_seed_fixed(), key, sizeof *key);

    for (;; at++) {
        struct entry *e = &r->slots[at & (r->n_slots - 1)];
        if (e->key.address.version == 0 || memcmp(&e->key, key, sizeof *key) == 0) {
            return e;
        }
    }
}

static void grow(struct reputation *r)
{
    struct entry *old = r->slots;
    size_t n_old = r->n_slots;

    r->n_slots = n_old != 0 ? n_old * 2 : 1024;
    r->slots = xcalloc(r->n_slots, sizeof *r->slots);
    for (size_t i = 0; i < n_old; i++) {
        if (old[i].key.address.version != 0) {
            *find_slot(r, &old[i].key) = old[i];
        }
    }
    free(old);
}

static struct key key_of(const struct ip_addr *address, unsigned prefix, unsigned category)
{
    struct key key = { .prefix = (uint8_t) prefix, .category = (uint8_t) category };
    struct ip_addr last;

    (void) ip_prefix_range(address, prefix, &key.address, &last);
    return key;
}

static uint64_t *prefixes_of(struct reputation *r, const struct ip_addr *a, unsigned category)
{
    return r->prefixes[a->version == 6][category];
}

static void add_entry(struct reputation *r, const struct key *key, uint8_t value)
{
    if (r->n_slots < 2 * (r->n + 1)) {
        grow(r);
    }
    struct entry *e = find_slot(r, key);

    r->n += e->key.address.version == 0;
    *e = (struct entry) { *key, value };
    prefixes_of(r, &key->address, key->category)[key->prefix / 64] |= 1ull
                                                                       << key->prefix % 64;
}

/* ---- Reading ---- */

/* Always false: the line is left out. */
static bool refuse_line(struct reader *in, const char *what)
{
    if (in->n_warnings++ < MAX_WARNINGS) {
        diag_add(in->diag, DIAG_WARNING, in->path, in->line, 1, NULL,
                 "the line is left out: %s", what);
    }
    return false;
}

static bool read_category(struct reader *in, struct slice line)
{
    struct slice number, name;
    uint64_t n;

    if (!slice_next(&line, ',', &number) || !slice_next(&line, ',', &name)
        || !number_parse(number, REPUTATION_CATEGORIES - 1, &n) || name.size == 0) {
        return refuse_line(in, "a category is: a number below 60, a comma, a name");
    }
    free(in->r->names[n]);
    in->r->names[n] = xasprintf("%.*s", (int) name.size, (const char *) name.bytes);
    return true;
}

static bool read_network(struct slice text, struct ip_addr *address, unsigned *prefix)
{
    const uint8_t *slash = text.size != 0 ? memchr(text.bytes, '/', text.size) : NULL;
    size_t size = slash != NULL ? (size_t) (slash - text.bytes) : text.size;
    uint64_t bits;

    if (!ip_parse((const char *) text.bytes, size, address)) {
        return false;
    }
    unsigned most = address->version == 4 ? 32 : 128;
    bits = most;
    if (slash != NULL && !number_parse(slice_from(text, size + 1), most, &bits)) {
        return false;
    }
    *prefix = (unsigned) bits;
    return true;
}

static bool read_entry(struct reader *in, struct slice line)
{
    struct slice network, number, value;
    struct ip_addr address;
    uint64_t category, n;
    unsigned prefix;

    if (!slice_next(&line, ',', &network) || !slice_next(&line, ',', &number)
        || !slice_next(&line, ',', &value) || !read_network(network, &address, &prefix)) {
        return refuse_line(in, "an entry is: an address or a network, a comma, the number of "
                               "a category, a comma, a value");
    }
    if (!number_parse(number, REPUTATION_CATEGORIES - 1, &category)
        || !number_parse(value, REPUTATION_MAX, &n)) {
        return refuse_line(in, "categories are below 60, values at most 127");
    }
    struct key key = key_of(&address, prefix, (unsigned) category);
    add_entry(in->r, &key, (uint8_t) n);
    return true;
}

static void read_file(struct reputation *r, const char *path,
                      bool (*read_line)(struct reader *, struct slice), struct diag *diag)
{
    struct reader in = { .r = r, .diag = diag, .path = path };
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0;

    if (f == NULL) {
        diag_add(diag, DIAG_ERROR, path, 0, 0, NULL, "cannot be read: %s", strerror(errno));
        return;
    }
    for (ssize_t n; (n = getline(&line, &cap, f)) >= 0;) {
        while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r')) {
            n--;
        }
        struct slice text = slice_trim(slice_of(line, (size_t) n));
        in.line++;
        if (text.size != 0 && text.bytes[0] != '#') {
            (void) read_line(&in, text);
        }
    }
    if (ferror(f)) {            /* A folder opens like a file, too. */
        diag_add(diag, DIAG_ERROR, path, 0, 0, NULL, "cannot be read: %s", strerror(errno));
    }
    if (in.n_warnings > MAX_WARNINGS) {
        diag_add(diag, DIAG_WARNING, path, 0, 0, NULL, "%u more lines are left out",
                 in.n_warnings - MAX_WARNINGS);
    }
    free(line);
    fclose(f);
}

struct reputation *reputation_load(const char *categories, const char *folder,
                                   const struct conf_texts *lists, struct diag *diag)
{
    struct reputation *r = xcalloc(1, sizeof *r);

    grow(r);
    if (categories != NULL) {
        read_file(r, categories, read_category, diag);
    }
    for (size_t i = 0; i < lists->n; i++) {
        char *path = folder != NULL && lists->texts[i][0] != '/'
                         ? xasprintf("%s/%s", folder, lists->texts[i])
                         : xstrdup(lists->texts[i]);
        read_file(r, path, read_entry, diag);
        free(path);
    }
    return r;
}

void reputation_destroy(struct reputation *r)
{
    if (r == NULL) {
        return;
    }
    for (unsigned i = 0; i < REPUTATION_CATEGORIES; i++) {
        free(r->names[i]);
    }
    free(r->slots);
    free(r);
}

/* ---- Asking ---- */

int reputation_category(const struct reputation *r, const char *name)
{
    for (unsigned i = 0; i < REPUTATION_CATEGORIES; i++) {
        if (r->names[i] != NULL && strcmp(r->names[i], name) == 0) {
            return (int) i;
        }
    }
    return -1;
}

size_t reputation_size(const struct reputation *r)
{
    return r->n;
}

bool reputation_find(const struct reputation *r, const struct ip_addr *address,
                     unsigned category, uint8_t *value)
{
    const uint64_t *prefixes = r->prefixes[address->version == 6][category];

    for (unsigned word = MAX_PREFIX / 64 + 1; word-- > 0;) {
        for (uint64_t bits = prefixes[word]; bits != 0;) {
            unsigned bit = 63u - (unsigned) __builtin_clzll(bits);
            struct key key = key_of(address, word * 64 + bit, category);
            const struct entry *e = find_slot(r, &key);
            if (e->key.address.version != 0) {
                *value = e->value;
                return true;
            }
            bits &= ~(1ull << bit);
        }
    }
    return false;
}
