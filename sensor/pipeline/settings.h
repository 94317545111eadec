/* All that a run is told: configuration of every room, from file, --set and options. */
#ifndef CIVICSHIELD_PIPELINE_SETTINGS_H
#define CIVICSHIELD_PIPELINE_SETTINGS_H

#include "common/base/diag.h"
#include "common/conf/conf.h"
#include "rules/lang/lang.h"
#include "sensor/app/app.h"
#include "sensor/capture/capture.h"
#include "sensor/decode/decode.h"
#include "sensor/detect/detect.h"
#include "sensor/flow/flow_table.h"
#include "sensor/host/host.h"
#include "sensor/output/filestore.h"
#include "sensor/output/output.h"
#include "sensor/pipeline/options.h"
#include "sensor/stream/stream.h"
#include "sensor/transport/transport.h"

struct pipeline_conf {
    char *name;                         /* Of the sensor; NULL: the host's. */
    uint64_t workers;
    char *rule_path;                    /* Folder of 'rule_files' that are relative. */
    struct conf_texts rule_files;
    uint64_t host_memory;               /* Bytes, shared by all workers. */
    uint64_t stats_interval;            /* ns; live. */
    /* Read by rules/lang itself from the tree; here so that they are known keys. */
    const struct conf_node *vars, *datasets;
    char *classification, *reference, *threshold;
};

struct settings {
    struct conf_node *tree;
    struct pipeline_conf pipeline;
    struct capture_conf capture;
    struct decode_conf decode;
    struct flow_conf flow;
    struct stream_conf stream;
    struct app_conf app;
    struct detect_conf detect;
    struct output_conf output;
    struct file_store_conf file_store;
    struct transport_conf transport;
    struct rules_conf rules;
    const char **rule_files;            /* What to load, in order; paths owned. */
    size_t n_rule_files;
};

/* Reads everything; false when anything is wrong, with all of it in 'diag'. */
bool settings_read(struct settings *, const struct options *, struct diag *);
void settings_fini(struct settings *);
/* Every key with its default and meaning, as a commented YAML file. */
void settings_print_defaults(void);

#endif
