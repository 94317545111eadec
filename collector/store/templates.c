#include "collector/store/templates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/base/alloc.h"
#include "common/base/hash.h"
#include "common/obs/log.h"
#include "common/wire/wire.h"

/* Raise it with every change of what is written here that an older collector must not
 * undo. */
#define OWN_VERSION 1
/* Above that of the templates that come with Elasticsearch for "logs-*-*" (100), which
 * would make data streams of our indices. */
#define PRIORITY 500
#define MAX_STEPS 16

/* One template. */
struct step {
    char *path;                 /* "_component_template/NAME", "_index_template/NAME". */
    char *body;
    long version;
    char digest[17];
};

struct templates {
    struct step steps[MAX_STEPS];
    size_t n;
    char *mapping;              /* Body for the mapping of indices that exist. */

    /* The mapping of existing indices may be behind: also at first, for a process before
     * this one may have ended between a template and that. */
    bool has_written;

    /* While a check is under way. */
    size_t at;
    struct client *client;
    templates_done_function *done;
    void *state;
    char query[256];
};

/* ---- What they say ---- */

static void add_step(struct templates *t, const char *kind, const char *name, json_t *body,
                     long version)
{
    struct step *step = &t->steps[t->n++];
    char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
    json_t *meta = json_object();

    snprintf(step->digest, sizeof step->digest, "%016llx",
             (unsigned long long) hash_bytes(hash_seed_fixed(), text, strlen(text)));
    free(text);
    step->path = xasprintf("%s/%s", kind, name);
    step->version = version;
    json_object_set_new(meta, "managed_by", json_string("civicshield-collector"));
    json_object_set_new(meta, "digest", json_string(step->digest));
    json_object_set_new(body, "_meta", meta);
    json_object_set_new(body, "version", json_integer(version));
    step->body = json_dumps(body, JSON_COMPACT);
    json_decref(body);
}

static void add_settings(struct templates *t, const struct store_conf *conf)
{
    add_step(t, "_component_template", "civicshield-settings",
             json_pack("{s:{s:{s:{s:I,s:I,s:s,s:s}}}}", "template", "settings", "index",
                       "number_of_shards", (json_int_t) conf->shards,
                       "number_of_replicas", (json_int_t) conf->replicas,
                       "codec", "best_compression", "refresh_interval", "1s"),
             OWN_VERSION);
}

/* The generated mappings; fills 'names' with those of their templates and t->mapping with
 * all properties together. */
static void add_mappings(struct templates *t, json_t *names)
{
    json_t *all = json_loads(wire_mappings_json, 0, NULL);
    json_t *components = json_object_get(all, "component_templates");
    json_t *properties = json_object(), *mapping, *body;
    const char *name;

    json_object_foreach(components, name, body) {
        json_t *template = json_object_get(body, "template");

        json_object_update(properties,
                           json_object_get(json_object_get(template, "mappings"),
                                           "properties"));
        add_step(t, "_component_template", name, json_pack("{s:O}", "template", template),
                 (long) wire_mappings_version);
        json_array_append_new(names, json_string(name));
    }
    mapping = json_pack("{s:o}", "properties", properties);
    t->mapping = json_dumps(mapping, JSON_COMPACT);
    json_decref(mapping);
    json_decref(all);
}

static void add_dead_letter(struct templates *t)
{
    add_step(t, "_index_template", STORE_DEAD_LETTER_INDEX,
             json_pack("{s:[s],s:i,s:[s],s:{s:{s:b,s:{"
                       "s:{s:s},"
                       "s:{s:{s:{s:s},s:{s:s,s:b,s:b}}},"
                       "s:{s:{s:{s:s}}},"
                       "s:{s:{s:{s:s}}},"
                       "s:{s:{s:{s:s},s:{s:s},s:{s:s},s:{s:s},s:{s:s}}}}}}}",
                       "index_patterns", STORE_DEAD_LETTER_INDEX, "priority", PRIORITY,
                       "composed_of", "civicshield-settings",
                       "template", "mappings", "dynamic", 0, "properties",
                       "@timestamp", "type", "date",
                       "event", "properties", "kind", "type", "keyword",
                       "original", "type", "keyword", "index", 0, "doc_values", 0,
                       "error", "properties", "message", "type", "text",
                       "observer", "properties", "name", "type", "keyword",
                       "civicshield", "properties", "epoch", "type", "keyword",
                       "worker", "type", "long", "number", "type", "long",
                       "original_bytes", "type", "long",
                       "original_encoding", "type", "keyword"),
             OWN_VERSION);
}

struct templates *templates_create(const struct store_conf *conf)
{
    struct templates *t = xcalloc(1, sizeof *t);
    json_t *names = json_pack("[s]", "civicshield-settings");

    add_settings(t, conf);
    add_mappings(t, names);
    add_step(t, "_index_template", "civicshield",
             json_pack("{s:[s],s:i,s:o,s:{s:{s:{}}}}", "index_patterns", "logs-civicshield.*",
                       "priority", PRIORITY, "composed_of", names, "template", "aliases",
                       STORE_ALIAS),
             OWN_VERSION);
    add_dead_letter(t);
    t->has_written = true;
    return t;
}

void templates_destroy(struct templates *t)
{
    if (t == NULL) {
        return;
    }
    for (size_t i = 0; i < t->n; i++) {
        free(t->steps[i].path);
        free(t->steps[i].body);
    }
    free(t->mapping);
    free(t);
}

/* ---- Bringing them there ---- */

/* {"index_templates": [{"name": ..., "index_template": {...}}]}, or the same for
 * components: the one object that has what we look for. */
static const json_t *find_template(const json_t *root)
{
    static const char *const kinds[][2] = {
        { "component_templates", "component_template" },
        { "index_templates", "index_template" },
    };

    for (size_t i = 0; i < 2; i++) {
        const json_t *list = json_object_get(root, kinds[i][0]);
        const json_t *found = json_object_get(json_array_get(list, 0), kinds[i][1]);

        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

enum template_verdict templates_judge(long http_status, struct slice answer, long version,
                                      const char *digest)
{
    enum template_verdict verdict = TEMPLATE_WRITE;
    const json_t *found, *meta;
    const char *said;
    long there;
    json_t *root;

    if (http_status == 404) {
        return TEMPLATE_WRITE;
    }
    if (http_status != 200) {
        return TEMPLATE_FAILED;
    }
    root = json_loadb((const char *) answer.bytes, answer.size, 0, NULL);
    found = find_template(root);
    there = (long) json_integer_value(json_object_get(found, "version"));
    meta = json_object_get(found, "_meta");
    said = json_string_value(json_object_get(meta, "digest"));
    if (root == NULL) {
        verdict = TEMPLATE_FAILED;
    } else if (there > version
               || (there == version && said != NULL && strcmp(said, digest) == 0)) {
        verdict = TEMPLATE_KEEP;
    }
    json_decref(root);
    return verdict;
}

static void next_step(struct templates *t);

static void fail(struct templates *t, const char *what, long http_status, const char *error)
{
    char reason[512];

    if (http_status == 0) {
        snprintf(reason, sizeof reason, "%s: %s", what, error);
    } else {
        snprintf(reason, sizeof reason, "%s: HTTP status %ld", what, http_status);
    }
    t->done(t->state, reason);
}

static void send_request(struct templates *t, const char *method, const char *path,
                         const char *body, client_done_function *done)
{
    struct client_request request = {
        .method = method, .path = path, .body = slice_text(body), .done = done, .state = t,
    };

    client_start(t->client, &request);
}

static void take_mapping_answer(void *state, long http_status, struct slice answer,
                                const char *error)
{
    struct templates *t = state;

    if (http_status == 0 || http_status == 429 || http_status >= 500) {
        fail(t, "mapping of the existing indices", http_status, error);
        return;
    }
    if (http_status == 400) {
        log_warn("store", "an existing index does not take the new mapping",
                 "answer_bytes=%zu", answer.size);
    }
    t->has_written = false;
    t->done(t->state, NULL);            /* 404: there is no index yet. */
}

static void take_put_answer(void *state, long http_status, struct slice answer,
                            const char *error)
{
    struct templates *t = state;
    const struct step *step = &t->steps[t->at];

    if (http_status != 200) {
        if (http_status != 0) {
            log_limited(LOG_LEVEL_ERROR, "store", "a template was refused",
                        "path=%s status=%ld", step->path, http_status);
        }
        fail(t, step->path, http_status, error);
        return;
    }
    log_info("store", "template written", "path=%s version=%ld", step->path, step->version);
    t->has_written = true;
    t->at++;
    next_step(t);
}

static void take_get_answer(void *state, long http_status, struct slice answer,
                            const char *error)
{
    struct templates *t = state;
    const struct step *step = &t->steps[t->at];

    switch (templates_judge(http_status, answer, step->version, step->digest)) {
    case TEMPLATE_WRITE:
        send_request(t, "PUT", step->path, step->body, take_put_answer);
        break;
    case TEMPLATE_KEEP:
        t->at++;
        next_step(t);
        break;
    case TEMPLATE_FAILED:
        fail(t, step->path, http_status, error);
        break;
    }
}

static void next_step(struct templates *t)
{
    if (t->at < t->n) {
        snprintf(t->query, sizeof t->query, "%s?filter_path=**.version,**._meta",
                 t->steps[t->at].path);
        send_request(t, "GET", t->query, NULL, take_get_answer);
    } else if (t->has_written) {
        send_request(t, "PUT", STORE_ALIAS "/_mapping", t->mapping, take_mapping_answer);
    } else {
        t->done(t->state, NULL);
    }
}

void templates_check(struct templates *t, struct client *client,
                     templates_done_function *done, void *state)
{
    t->at = 0;
    t->client = client;
    t->done = done;
    t->state = state;
    next_step(t);
}
