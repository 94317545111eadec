#include "sensor/detect/dataset.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/base/alloc.h"
#include "common/base/hash.h"
#include "sensor/detect/program.h"

#define DEFAULT_MEMORY (64u << 20)
#define LOAD_MEMORY ((uint64_t) 1 << 30)
#define MAX_VALUE 65536u

enum value_type { TYPE_STRING, TYPE_MD5, TYPE_SHA1, TYPE_SHA256, TYPE_IPV4, TYPE_IP, N_TYPES };

struct member {
    struct member *next;
    uint32_t size;
    uint16_t reputation;
    char *context;              /* Owned JSON text, or NULL. */
    uint8_t bytes[];
};

struct dataset {
    enum value_type type;
    bool is_mutable;
    pthread_rwlock_t lock;      /* Taken only when is_mutable. */
    struct hash_seed seed;
    struct member **buckets;    /* n_buckets is a power of two; grows at load only. */
    size_t n_buckets, n;
    uint64_t memory, max_memory;
    struct member *gone;        /* Removed; kept while alerts may tell of their contexts. */
};

static bool read_type(const char *name, enum value_type *type)
{
    static const char *const names[N_TYPES] = {
        "string", "md5", "sha1", "sha256", "ipv4", "ip",
    };

    if (name != NULL && strcmp(name, "ipv6") == 0) {
        name = "ip";            /* Which takes both families. */
    }
    for (unsigned i = 0; name != NULL && i < N_TYPES; i++) {
        if (strcmp(name, names[i]) == 0) {
            *type = (enum value_type) i;
            return true;
        }
    }
    return false;
}

static struct member **find_member(struct dataset *d, struct slice value)
{
    struct member **at = &d->buckets[hash_bytes(d->seed, value.bytes, value.size)
                                     & (d->n_buckets - 1)];

    while (*at != NULL
           && !slice_equal(slice_of((*at)->bytes, (*at)->size), value)) {
        at = &(*at)->next;
    }
    return at;
}

static void free_member(struct member *m)
{
    free(m->context);
    free(m);
}

/* The first of equal values stays. */
static struct member *add_member(struct dataset *d, struct slice value, uint16_t reputation)
{
    struct member **at = find_member(d, value);
    uint64_t need = sizeof(struct member) + value.size;

    if (*at != NULL || value.size > MAX_VALUE || d->max_memory - d->memory < need) {
        return NULL;
    }
    struct member *m = malloc((size_t) need);

    if (m == NULL) {
        return NULL;
    }
    m->next = NULL;
    m->context = NULL;
    m->size = (uint32_t) value.size;
    m->reputation = reputation;
    if (value.size != 0) {
        memcpy(m->bytes, value.bytes, value.size);
    }
    *at = m;
    d->memory += need;
    d->n++;
    return m;
}

static void grow_buckets(struct dataset *d)
{
    size_t n_old = d->n_buckets;
    struct member **old = d->buckets;

    d->n_buckets *= 4;
    d->buckets = xcalloc(d->n_buckets, sizeof *d->buckets);
    for (size_t i = 0; i < n_old; i++) {
        for (struct member *m = old[i], *next; m != NULL; m = next) {
            struct member **at = &d->buckets[hash_bytes(d->seed, m->bytes, m->size)
                                             & (d->n_buckets - 1)];
            next = m->next;
            m->next = *at;
            *at = m;
        }
    }
    free(old);
}

static int nibble_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool read_hex(struct slice text, size_t size, uint8_t *out)
{
    if (text.size != 2 * size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        int high = nibble_of((char) text.bytes[2 * i]);
        int low = nibble_of((char) text.bytes[2 * i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t) (high << 4 | low);
    }
    return true;
}

/* An address as buffers hold it: 4 or 16 bytes.  Sets of type ip take both families. */
static bool read_address(struct slice text, enum value_type type, uint8_t *out, size_t *size)
{
    struct ip_addr a;

    if (!ip_parse((const char *) text.bytes, text.size, &a)
        || (type == TYPE_IPV4 && a.version != 4)) {
        return false;
    }
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

    if (a.version == 6 && memcmp(a.bytes, mapped, sizeof mapped) == 0) {
        *size = 4;              /* ::ffff:192.0.2.1 is an IPv4 address. */
        memcpy(out, a.bytes + 12, 4);
        return true;
    }
    *size = a.version == 4 ? 4 : 16;
    memcpy(out, a.bytes, *size);
    return true;
}

/* One line of a file to the bytes that are looked up; false if it is malformed. */
static bool read_value(enum value_type type, struct slice line, uint8_t *out, size_t max,
                       size_t *size)
{
    switch (type) {
    case TYPE_STRING:
        *size = program_base64(line, out, max);
        return *size != 0 || line.size == 0;
    case TYPE_MD5:
        *size = 16;
        return read_hex(line, *size, out);
    case TYPE_SHA1:
        *size = 20;
        return read_hex(line, *size, out);
    case TYPE_SHA256:
        *size = 32;
        return read_hex(line, *size, out);
    default:
        return read_address(line, type, out, size);
    }
}

/* A value may be followed by a comma and a reputation. */
static struct slice trim_line(const char *line, size_t size, uint16_t *reputation)
{
    while (size > 0 && (line[size - 1] == '\n' || line[size - 1] == '\r'
                        || line[size - 1] == ' ')) {
        size--;
    }
    const char *comma = memchr(line, ',', size);

    const char *blank = memchr(line, ' ', size);

    *reputation = comma != NULL ? (uint16_t) strtoul(comma + 1, NULL, 10) : 0;
    if (comma == NULL && blank != NULL && blank != line) {
        comma = blank;          /* "digest  name", as md5sum writes. */
    }
    return slice_of(line, comma != NULL ? (size_t) (comma - line) : size);
}

/* Always false. */
static bool refuse_file(const char *path, struct diag *diag)
{
    diag_add(diag, DIAG_ERROR, path, 0, 0, NULL, "cannot read the dataset: %s",
             strerror(errno));
    return false;
}

static bool load_file(struct dataset *d, const char *path, struct diag *diag)
{
    FILE *f = fopen(path, "re");
    char *line = NULL;
    size_t cap = 0;
    unsigned n_line = 0;
    uint8_t *value;
    bool ok = true;

    if (f == NULL) {
        return refuse_file(path, diag);
    }
    value = xmalloc(MAX_VALUE);
    for (ssize_t n; (n = getline(&line, &cap, f)) >= 0; ) {
        uint16_t reputation;
        struct slice text = trim_line(line, (size_t) n, &reputation);
        size_t size = 0;

        n_line++;
        if (text.size == 0 || text.bytes[0] == '#') {
            continue;
        }
        if (!read_value(d->type, text, value, MAX_VALUE, &size)) {
            diag_add(diag, DIAG_ERROR, path, n_line, 1, NULL, "malformed dataset value");
            ok = false;
            break;
        }
        add_member(d, slice_of(value, size), reputation);
        if (d->n > d->n_buckets) {
            grow_buckets(d);
        }
    }
    if (ferror(f)) {
        ok = refuse_file(path, diag);
    }
    free(value);
    free(line);
    fclose(f);
    return ok;
}

/* ---- JSON ---- */

/* The value at a dotted path, borrowed; NULL when there is none.  'parent' and 'last' tell
 * where it stands. */
static json_t *find_json(json_t *at, const char *path, json_t **parent, const char **last)
{
    char key[256];

    for (*parent = NULL; at != NULL; ) {
        size_t n = strcspn(path, ".");

        if (n >= sizeof key) {
            return NULL;
        }
        memcpy(key, path, n);
        key[n] = '\0';
        *parent = at;
        *last = path;
        at = json_object_get(at, key);
        if (path[n] == '\0') {
            return at;
        }
        path += n + 1;
    }
    return NULL;
}

/* One element; those without the value are passed over. */
static bool add_json(struct dataset *d, const struct rule_dataset *description,
                     json_t *element, uint8_t *bytes)
{
    const char *last;
    json_t *parent, *value = find_json(element, description->value_key, &parent, &last);
    const char *text = json_string_value(value);
    size_t size = text != NULL ? json_string_length(value) : 0;

    if (text == NULL) {
        return value == NULL;   /* What is no text is no value. */
    }
    if (d->type == TYPE_STRING) {
        size = size < MAX_VALUE ? size : MAX_VALUE;
        memcpy(bytes, text, size);
    } else if (!read_value(d->type, slice_of(text, size), bytes, MAX_VALUE, &size)) {
        return false;
    }
    struct member *m = add_member(d, slice_of(bytes, size), 0);

    if (m != NULL) {
        if (description->remove_key) {
            json_object_del(parent, last);
        }
        m->context = json_dumps(element, JSON_COMPACT);
        d->memory += m->context != NULL ? strlen(m->context) : 0;
    }
    if (d->n > d->n_buckets) {
        grow_buckets(d);
    }
    return true;
}

static bool load_array(struct dataset *d, const struct rule_dataset *description,
                       uint8_t *bytes, struct diag *diag)
{
    json_error_t error;
    json_t *root = json_load_file(description->load, 0, &error), *parent, *array = root;
    const char *last;
    bool ok = root != NULL;

    if (root == NULL) {
        diag_add(diag, DIAG_ERROR, description->load,
                 error.line > 0 ? (unsigned) error.line : 0, 0, NULL, "%s", error.text);
    } else if (description->array_key != NULL) {
        array = find_json(root, description->array_key, &parent, &last);
    }
    if (ok && !json_is_array(array)) {
        diag_add(diag, DIAG_ERROR, description->load, 0, 0, "array_key names it",
                 "there is no array of elements");
        ok = false;
    }
    for (size_t i = 0; ok && i < json_array_size(array); i++) {
        if (!add_json(d, description, json_array_get(array, i), bytes)) {
            diag_add(diag, DIAG_ERROR, description->load, 0, 0, NULL,
                     "malformed dataset value in element %zu", i);
            ok = false;
        }
    }
    json_decref(root);
    return ok;
}

static bool load_lines(struct dataset *d, const struct rule_dataset *description,
                       uint8_t *bytes, struct diag *diag)
{
    FILE *f = fopen(description->load, "re");
    char *line = NULL;
    size_t cap = 0;
    bool ok = f != NULL;

    if (f == NULL) {
        return refuse_file(description->load, diag);
    }
    for (unsigned n_line = 1; ok; n_line++) {
        ssize_t n = getline(&line, &cap, f);
        json_error_t error;

        if (n < 0) {
            break;
        }
        if (line[strspn(line, " \t\r\n")] == '\0') {
            continue;
        }
        json_t *element = json_loadb(line, (size_t) n, 0, &error);
        ok = element != NULL && add_json(d, description, element, bytes);
        json_decref(element);
        if (!ok) {
            diag_add(diag, DIAG_ERROR, description->load, n_line, 1, NULL,
                     "malformed dataset value");
        }
    }
    if (ferror(f)) {
        ok = refuse_file(description->load, diag);
    }
    free(line);
    fclose(f);
    return ok;
}

static bool load_json(struct dataset *d, const struct rule_dataset *description,
                      struct diag *diag)
{
    uint8_t *bytes = xmalloc(MAX_VALUE);
    bool ok = description->format == FORMAT_JSON ? load_array(d, description, bytes, diag)
                                                 : load_lines(d, description, bytes, diag);

    free(bytes);
    return ok;
}

struct dataset *dataset_create(const struct rule_dataset *description, bool is_mutable,
                               struct diag *diag)
{
    struct dataset *d = xcalloc(1, sizeof *d);
    const char *path = description->load != NULL ? description->load : description->state;

    d->is_mutable = is_mutable;
    pthread_rwlock_init(&d->lock, NULL);
    d->seed = hash_seed_fixed();
    d->n_buckets = 1024;
    d->buckets = xcalloc(d->n_buckets, sizeof *d->buckets);
    d->max_memory = LOAD_MEMORY;
    if (!read_type(description->type, &d->type)) {
        diag_add(diag, DIAG_ERROR, NULL, 0, 0, "string, md5, sha256, ipv4 or ip",
                 "dataset \"%s\" has no type that is known", description->name);
        dataset_destroy(d);
        return NULL;
    }
    if (path != NULL) {
        /* A state file need not be there yet. */
        FILE *f = description->load == NULL ? fopen(path, "re") : NULL;
        bool must_load = description->load != NULL || f != NULL;

        if (f != NULL) {
            fclose(f);
        }
        if (must_load
            && !(description->format == FORMAT_CSV ? load_file(d, path, diag)
                                                   : load_json(d, description, diag))) {
            dataset_destroy(d);
            d = NULL;
        }
    }
    if (d != NULL) {
        uint64_t room = description->memcap != 0 ? description->memcap : DEFAULT_MEMORY;
        d->max_memory = d->memory > room ? d->memory : room;
    }
    if (d != NULL && (description->save != NULL || description->state != NULL)) {
        diag_add(diag, DIAG_WARNING, NULL, 0, 0, NULL,
                 "dataset \"%s\" is kept in memory and not written to disk",
                 description->name);
    }
    return d;
}

void dataset_destroy(struct dataset *d)
{
    if (d == NULL) {
        return;
    }
    for (size_t i = 0; i < d->n_buckets; i++) {
        for (struct member *m = d->buckets[i], *next; m != NULL; m = next) {
            next = m->next;
            free_member(m);
        }
    }
    for (struct member *m = d->gone, *next; m != NULL; m = next) {
        next = m->next;
        free_member(m);
    }
    free(d->buckets);
    pthread_rwlock_destroy(&d->lock);
    free(d);
}

/* Hashes are looked up as raw bytes; a buffer may hold them as hex text (ja3.hash). */
static struct slice normalize(const struct dataset *d, struct slice value, uint8_t raw[32])
{
    static const size_t sizes[N_TYPES] = { [TYPE_MD5] = 16, [TYPE_SHA1] = 20,
                                           [TYPE_SHA256] = 32 };
    size_t size = sizes[d->type];

    if (size != 0 && read_hex(value, size, raw)) {
        return slice_of(raw, size);
    }
    if (d->type == TYPE_IPV4 && value.size != 4) {
        return slice_of(NULL, 0);
    }
    return value;
}

bool dataset_has(struct dataset *d, struct slice value)
{
    uint16_t reputation;

    return dataset_reputation(d, value, &reputation);
}

bool dataset_reputation(struct dataset *d, struct slice value, uint16_t *reputation)
{
    uint8_t raw[32];

    value = normalize(d, value, raw);
    if (d->is_mutable) {
        pthread_rwlock_rdlock(&d->lock);
    }
    const struct member *m = *find_member(d, value);
    bool has = m != NULL;

    if (has) {
        *reputation = m->reputation;
    }
    if (d->is_mutable) {
        pthread_rwlock_unlock(&d->lock);
    }
    return has;
}

struct slice dataset_context(struct dataset *d, struct slice value)
{
    uint8_t raw[32];

    value = normalize(d, value, raw);
    if (d->is_mutable) {
        pthread_rwlock_rdlock(&d->lock);
    }
    const struct member *m = *find_member(d, value);
    struct slice context = slice_text(m != NULL ? m->context : NULL);

    if (d->is_mutable) {
        pthread_rwlock_unlock(&d->lock);
    }
    return context;
}

bool dataset_add(struct dataset *d, struct slice value)
{
    uint8_t raw[32];

    value = normalize(d, value, raw);
    pthread_rwlock_wrlock(&d->lock);
    bool added = value.size != 0 && add_member(d, value, 0) != NULL;

    pthread_rwlock_unlock(&d->lock);
    return added;
}

bool dataset_remove(struct dataset *d, struct slice value)
{
    uint8_t raw[32];

    value = normalize(d, value, raw);
    pthread_rwlock_wrlock(&d->lock);
    struct member **at = find_member(d, value), *m = *at;

    bool is_member = m != NULL;

    if (is_member) {
        *at = m->next;
        d->n--;
    }
    if (is_member && m->context != NULL) {
        m->next = d->gone;      /* There are no more of these than were loaded. */
        d->gone = m;
    } else if (is_member) {
        d->memory -= sizeof *m + m->size;
        free_member(m);
    }
    pthread_rwlock_unlock(&d->lock);
    return is_member;
}

size_t dataset_size(struct dataset *d)
{
    return d->n;
}
