#include "collector/pipeline/pipeline.h"

#include <string.h>

static const struct conf_key stop_keys[] = {
    { "timeout", CONF_DURATION, offsetof(struct pipeline_stop_conf, timeout_ns), "20s", 0, 0,
      "how long a stop waits for Elasticsearch to take what is in memory", NULL },
};
static const struct conf_section stop_section = { "stop", stop_keys, 1 };

const struct conf_section *const pipeline_sections[] = {
    &ingest_section, &ingest_tls_section, &normalize_section,
    &store_section,  &serve_section,      &stop_section,
};
const size_t pipeline_n_sections = sizeof pipeline_sections / sizeof pipeline_sections[0];

/* In the order of pipeline_sections. */
static void list_members(struct pipeline_conf *conf, void *members[])
{
    members[0] = &conf->listen;
    members[1] = &conf->tls;
    members[2] = &conf->index;
    members[3] = &conf->elasticsearch;
    members[4] = &conf->http;
    members[5] = &conf->stop;
}
_Static_assert(sizeof pipeline_sections / sizeof pipeline_sections[0] == 6,
               "list_members() lists all sections");

bool pipeline_conf_read(const struct conf_node *root, struct pipeline_conf *conf,
                        struct diag *diag)
{
    void *members[6];
    size_t n_errors = diag->n_errors;
    struct tls_files files;

    memset(conf, 0, sizeof *conf);
    list_members(conf, members);
    conf_check_unknown(root, pipeline_sections, pipeline_n_sections, diag);
    for (size_t i = 0; i < pipeline_n_sections; i++) {
        conf_read_section(root, pipeline_sections[i], members[i], diag);
    }
    if (diag->n_errors != n_errors) {
        return false;
    }
    if (ingest_tls_read(&conf->tls, &files, diag)) {
        tls_files_fini(&files);
    }
    normalize_check(&conf->index, root, diag);
    store_check(&conf->elasticsearch, root, diag);
    return diag->n_errors == n_errors;
}

void pipeline_conf_fini(struct pipeline_conf *conf)
{
    void *members[6];

    list_members(conf, members);
    for (size_t i = 0; i < pipeline_n_sections; i++) {
        conf_free_section(pipeline_sections[i], members[i]);
    }
}
