#include "sensor/pipeline/settings.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"

#define MAX_NAME 64
#define KEY(member) offsetof(struct pipeline_conf, member)
static const struct conf_key keys[] = {
    { "sensor-name", CONF_TEXT, KEY(name), NULL, 0, 0,
      "Name of this sensor in its events; the host's name where none is given", NULL },
    { "workers", CONF_UINT, KEY(workers), "1", 1, 64,
      "Worker threads; each has its own flow table and memory", NULL },
    { "default-rule-path", CONF_TEXT, KEY(rule_path), NULL, 0, 0,
      "Folder of the rule files that are named without a path", NULL },
    { "rule-files", CONF_TEXTS, KEY(rule_files), NULL, 0, 0,
      "Rule files to load; patterns such as *.rules work", NULL },
    { "host-memory", CONF_SIZE, KEY(host_memory), "16mb", 65536, 1ull << 40,
      "Memory for what rules keep across flows: thresholds, xbits, tagged hosts", NULL },
    { "stats-interval", CONF_DURATION, KEY(stats_interval), "8s", 1000000000,
      86400000000000ull, "Time between two stats events of live capture", NULL },
    { "vars", CONF_TREE, KEY(vars), NULL, 0, 0,
      "address-groups and port-groups: variables for rules", NULL },
    { "datasets", CONF_TREE, KEY(datasets), NULL, 0, 0, "What rules may do with datasets",
      NULL },
    { "classification-file", CONF_TEXT, KEY(classification), NULL, 0, 0,
      "classification.config: texts and priorities of classtypes", NULL },
    { "reference-config-file", CONF_TEXT, KEY(reference), NULL, 0, 0,
      "reference.config: kinds of references", NULL },
    { "threshold-file", CONF_TEXT, KEY(threshold), NULL, 0, 0,
      "threshold.config: thresholds, rate filters and suppression by rule", NULL },
};
static const struct conf_section pipeline_section = { "", keys, sizeof keys / sizeof *keys };

/* Each room's table beside its place in the settings. */
static const struct {
    const struct conf_section *section;
    size_t offset;
} rooms[] = {
    { &pipeline_section, offsetof(struct settings, pipeline) },
    { &capture_conf_section, offsetof(struct settings, capture) },
    { &decode_conf_section, offsetof(struct settings, decode) },
    { &flow_conf_section, offsetof(struct settings, flow) },
    { &stream_conf_section, offsetof(struct settings, stream) },
    { &app_conf_section, offsetof(struct settings, app) },
    { &detect_conf_section, offsetof(struct settings, detect) },
    { &detect_data_section, offsetof(struct settings, detect) },
    { &output_conf_section, offsetof(struct settings, output) },
    { &file_store_conf_section, offsetof(struct settings, file_store) },
    { &transport_section, offsetof(struct settings, transport) },
};
#define N_ROOMS (sizeof rooms / sizeof *rooms)

static void list_sections(const struct conf_section *sections[N_ROOMS])
{
    for (size_t i = 0; i < N_ROOMS; i++) {
        sections[i] = rooms[i].section;
    }
}

void settings_print_defaults(void)
{
    const struct conf_section *sections[N_ROOMS];

    list_sections(sections);
    conf_print_defaults(sections, N_ROOMS, stdout);
}

static void add_rule_file(struct settings *s, const char *path)
{
    s->rule_files = xreallocarray(s->rule_files, s->n_rule_files + 1, sizeof *s->rule_files);
    s->rule_files[s->n_rule_files++] = xstrdup(path);
}

/* A pattern adds all files that fit; a name without a match is kept, so that loading it
 * reports that it is missing. */
static void add_rule_pattern(struct settings *s, const char *folder, const char *name)
{
    char *path = folder != NULL && name[0] != '/' ? xasprintf("%s/%s", folder, name)
                                                  : xstrdup(name);
    glob_t found;

    if (glob(path, GLOB_NOCHECK, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            add_rule_file(s, found.gl_pathv[i]);
        }
        globfree(&found);
    }
    free(path);
}

static void choose_rules(struct settings *s, const struct options *o)
{
    for (size_t i = 0; i < o->n_rules_only; i++) {
        add_rule_pattern(s, NULL, o->rules_only[i]);
    }
    for (size_t i = 0; o->n_rules_only == 0 && i < s->pipeline.rule_files.n; i++) {
        add_rule_pattern(s, s->pipeline.rule_path, s->pipeline.rule_files.texts[i]);
    }
    for (size_t i = 0; i < o->n_rules_too; i++) {
        add_rule_pattern(s, NULL, o->rules_too[i]);
    }
}

static void apply_option(struct settings *s, const char *key, const char *value,
                         struct diag *diag)
{
    char *assignment = xasprintf("%s=%s", key, value);

    conf_tree_set(s->tree, assignment, diag);
    free(assignment);
}

/* The name stands in ids of events and in the subjects of certificates. */
static void check_name(const struct settings *s, struct diag *diag)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789._-";
    const char *name = s->pipeline.name;

    if (name != NULL && (strlen(name) > MAX_NAME || name[strspn(name, allowed)] != '\0')) {
        const struct conf_node *node = conf_tree_find(s->tree, "sensor-name");
        diag_add(diag, DIAG_ERROR, node != NULL ? node->file : NULL,
                 node != NULL ? node->line : 0, node != NULL ? node->column : 0,
                 "1 to 64 letters, digits, dots, dashes and underscores",
                 "sensor-name: \"%s\" is no name of a sensor", name);
    }
}

bool settings_read(struct settings *s, const struct options *o, struct diag *diag)
{
    const struct conf_section *sections[N_ROOMS];
    size_t n_errors = diag->n_errors;

    memset(s, 0, sizeof *s);
    rules_conf_init(&s->rules);
    s->tree = o->config != NULL ? conf_tree_read(o->config, diag) : conf_tree_new();
    if (s->tree == NULL) {
        s->tree = conf_tree_new();
    }
    for (size_t i = 0; i < o->n_sets; i++) {
        conf_tree_set(s->tree, o->sets[i], diag);
    }
    if (o->workers != NULL) {
        apply_option(s, "workers", o->workers, diag);
    }
    if (o->checksums != NULL) {
        apply_option(s, "decode.checksums", o->checksums, diag);
    }
    list_sections(sections);
    conf_check_unknown(s->tree, sections, N_ROOMS, diag);
    for (size_t i = 0; i < N_ROOMS; i++) {
        conf_read_section(s->tree, rooms[i].section, (char *) s + rooms[i].offset, diag);
    }
    rules_conf_read(&s->rules, s->tree, diag);
    decode_conf_check(&s->decode, diag);
    check_name(s, diag);
    choose_rules(s, o);
    return diag->n_errors == n_errors;
}

void settings_fini(struct settings *s)
{
    for (size_t i = 0; i < N_ROOMS; i++) {
        conf_free_section(rooms[i].section, (char *) s + rooms[i].offset);
    }
    for (size_t i = 0; i < s->n_rule_files; i++) {
        free((char *) s->rule_files[i]);
    }
    free(s->rule_files);
    rules_conf_fini(&s->rules);
    conf_tree_free(s->tree);
}
