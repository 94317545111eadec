/* filemd5, filesha1, filesha256: is a file of the transaction in a list of digests? */
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
    LIST_FOR_EACH(node, &look->tx->files) {
        const struct app_file *f = LIST_ENTRY(node, struct app_file, node);
        struct slice digest = digest_of(f, kind_of(t->text));

        if (f->dir == look->dir && f->state != FILE_OPENED && digest.size != 0
            && dataset_has(list, digest) != t->negated) {
            return true;
        }
    }
    return false;
}
