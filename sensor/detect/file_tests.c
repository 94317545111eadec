/* What rules ask of the files of a transaction: filemd5, filesha1 and filesha256 (is it in
 * a list of digests?), filesize. */
#include "sensor/app/file.h"
#include "sensor/detect/detect_private.h"

static const struct { const char *prefix, *type; } lists[] = {
    { "filemd5:", "md5" }, { "filesha1:", "sha1" }, { "filesha256:", "sha256" },
};
#define N_LISTS (sizeof lists / sizeof lists[0])

static size_t kind_of(const char *text)
{
    size_t i = 0;

    while (i < N_LISTS && strncmp(text, lists[i].prefix, strlen(lists[i].prefix)) != 0) {
        i++;
    }
    return i;
}

struct dataset *file_list_load(const char *text, struct diag *diag)
{
    size_t kind = text != NULL ? kind_of(text) : N_LISTS;
    struct rule_dataset description = { .name = text };

    if (kind == N_LISTS) {
        return NULL;
    }
    description.type = lists[kind].type;
    description.load = text + strlen(lists[kind].prefix);
    return dataset_create(&description, false, diag);
}

static struct slice digest_of(const struct app_file *f, size_t kind)
{
    switch (kind) {
    case 0: return slice_of(f->md5, f->has_md5 ? sizeof f->md5 : 0);
    case 1: return slice_of(f->sha1, f->has_sha1 ? sizeof f->sha1 : 0);
    default: return slice_of(f->sha256, f->has_sha256 ? sizeof f->sha256 : 0);
    }
}

static unsigned first_file(const struct look *look)
{
    return look->is_for_file ? look->file : 0;
}

bool file_test_holds(const struct detect_engine *e, const struct rule_test *t,
                     const struct look *look)
{
    struct dataset *list = NULL;

    for (size_t i = 0; i < e->n_file_lists; i++) {
        if (e->file_lists[i].text == t->text) {
            list = e->file_lists[i].list;
        }
    }
    if (look->tx == NULL || list == NULL) {
        return false;
    }
    for (unsigned i = first_file(look); ; i++) {
        const struct app_file *f = app_file_at(look->tx, look->dir, i);

        if (f == NULL || (look->is_for_file && i != look->file)) {
            return false;
        }
        struct slice digest = digest_of(f, kind_of(t->text));

        if (f->state != FILE_OPENED && digest.size != 0
            && dataset_has(list, digest) != t->negated) {
            return true;
        }
    }
}

/* The size of a file is known once it is whole; of one that was cut short, that it is more
 * than so much. */
static bool size_fits(const struct app_file *f, const struct rule_test *t)
{
    bool is_more = t->cmp == CMP_GT || t->cmp == CMP_GE;

    return (f->state == FILE_CLOSED || (is_more && !t->negated))
           && test_number_fits(t, f->size);
}

bool file_size_fits(const struct rule_test *t, const struct look *look)
{
    for (unsigned i = first_file(look); look->tx != NULL; i++) {
        const struct app_file *f = app_file_at(look->tx, look->dir, i);

        if (f == NULL || (look->is_for_file && i != look->file)) {
            return false;
        }
        if (size_fits(f, t)) {
            return true;
        }
    }
    return false;
}

bool rule_is_about_files(const struct rule *r)
{
    for (size_t i = 0; i < r->n_tests; i++) {
        if (r->tests[i].kind == TEST_FILE_TYPE
            || (r->tests[i].kind == TEST_NUMBER && r->tests[i].field == FIELD_FILESIZE)) {
            return true;
        }
    }
    for (size_t i = 0; i < r->n_buffers; i++) {
        if (r->buffers[i].id == BUFFER_FILE_NAME || r->buffers[i].id == BUFFER_FILE_MAGIC) {
            return true;
        }
    }
    for (size_t i = 0; i < r->n_dos; i++) {
        if (rule_do_needs_file(&r->dos[i])) {
            return true;
        }
    }
    return false;
}

void detect_engine_ask_files(const struct detect_engine *e, struct app_conf *conf)
{
    bool *const wanted[] = { &conf->file_md5, &conf->file_sha1, &conf->file_sha256 };

    for (size_t i = 0; i < e->n_file_lists; i++) {
        *wanted[kind_of(e->file_lists[i].text)] = true;
    }
    for (size_t i = 0; i < e->set->n_rules; i++) {
        const struct rule *r = e->set->rules[i];

        for (size_t k = 0; k < r->n_dos; k++) {
            conf->file_hold |= r->dos[k].kind == DO_FILESTORE;
        }
    }
    for (size_t i = 0; i < e->n_sources; i++) {
        conf->file_magic |= e->sources[i].buffer == BUFFER_FILE_MAGIC;
    }
}
