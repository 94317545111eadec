/* What a run needs before its first packet, and how it is closed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "sensor/pipeline/epoch.h"
#include "sensor/pipeline/pipeline_private.h"
#include "sensor/pipeline/version.h"

static bool has_collector(const struct run *run)
{
    const char *address = run->settings->transport.address;

    return address != NULL && address[0] != '\0';
}

/* The collector takes a sensor's name from its certificate, so that is the name in every
 * event as well; without a collector it is the configured one or the host's. */
static bool choose_name(struct run *run, struct diag *diag)
{
    const char *given = run->settings->pipeline.name;
    struct tls_files files = { 0 };

    if (given != NULL && given[0] != '\0') {
        snprintf(run->name, sizeof run->name, "%s", given);
    } else if (gethostname(run->name, sizeof run->name - 1) != 0) {
        snprintf(run->name, sizeof run->name, "sensor");
    }
    if (!has_collector(run)) {
        return true;
    }
    if (!transport_files_read(&run->settings->transport, &files, diag)) {
        return false;
    }
    if (given != NULL && strcmp(given, files.name) != 0) {
        diag_add(diag, DIAG_ERROR, run->settings->transport.certificate, 0, 0,
                 "give it that name, or a certificate of its own",
                 "the certificate is for \"%s\", but sensor-name is \"%s\"", files.name, given);
    }
    snprintf(run->name, sizeof run->name, "%s", files.name);
    tls_files_fini(&files);
    return diag->n_errors == 0;
}

static void hash_tree(struct epoch *epoch, const struct conf_node *node)
{
    epoch_add(epoch, node->key != NULL ? node->key : "", node->key ? strlen(node->key) : 0);
    epoch_add(epoch, node->text != NULL ? node->text : "",
              node->text != NULL ? strlen(node->text) : 0);
    for (size_t i = 0; i < node->n_children; i++) {
        hash_tree(epoch, node->children[i]);
    }
}

/* Lists and databases that rules ask: one that cannot be read adds nothing. */
static void add_address_data(struct epoch *epoch, const struct detect_conf *conf)
{
    const char *const paths[] = { conf->reputation_categories, conf->geoip_database };

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        if (paths[i] != NULL) {
            (void) epoch_add_path(epoch, paths[i]);
        }
    }
    for (size_t i = 0; i < conf->reputation_files.n; i++) {
        const char *name = conf->reputation_files.texts[i];
        bool is_below = conf->reputation_path != NULL && name[0] != '/';
        char *path = xasprintf("%s%s%s", is_below ? conf->reputation_path : "",
                               is_below ? "/" : "", name);
        (void) epoch_add_path(epoch, path);
        free(path);
    }
}

/* Of everything that decides which events come out; outputs and the collector's address
 * do not. */
static bool choose_epoch(struct run *run, struct diag *diag)
{
    const struct options *o = run->options;
    const char *path = o->read_path;
    struct stat st;

    /* What is no file or folder, a pipe for instance, cannot be read twice. */
    if (path == NULL || strcmp(path, "-") == 0
        || (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))) {
        run->epoch = epoch_random();
        return true;
    }
    struct epoch *epoch = epoch_begin(run->n_workers);
    uint64_t parts[] = { run->rules->hash, run->n_workers };
    epoch_add(epoch, CIVICSHIELD_VERSION, strlen(CIVICSHIELD_VERSION));
    epoch_add(epoch, parts, sizeof parts);
    if (o->filter != NULL) {
        epoch_add(epoch, o->filter, strlen(o->filter));
    }
    for (size_t i = 0; i < run->settings->tree->n_children; i++) {
        const struct conf_node *child = run->settings->tree->children[i];
        if (strcmp(child->key, "collector") != 0 && strcmp(child->key, "workers") != 0) {
            hash_tree(epoch, child);
        }
    }
    add_address_data(epoch, &run->settings->detect);
    bool ok = epoch_add_path(epoch, path);
    if (!ok) {
        diag_add(diag, DIAG_ERROR, path, 0, 0, NULL, "cannot be read: %s", strerror(errno));
    }
    run->epoch = epoch_end(epoch);
    return ok;
}

static bool open_capture(struct run *run, struct diag *diag)
{
    const struct options *o = run->options;

    run->capture = o->read_path != NULL
                       ? capture_open_files(o->read_path, o->filter, &run->settings->capture,
                                            diag)
                       : capture_open_ports(o->ports, o->n_ports, o->eal, run->n_workers,
                                            o->filter, &run->settings->capture, diag);
    return run->capture != NULL;
}

static bool offer(void *context, unsigned worker, uint64_t number, unsigned priority,
                  const void *bytes, size_t size)
{
    struct run *run = context;
    return transport_offer(run->transport, worker, number, priority, bytes, size,
                           !capture_is_live(run->capture));
}

static bool open_transport(struct run *run, struct diag *diag)
{
    if (!has_collector(run)) {
        return true;
    }
    run->transport = transport_open(
        &(struct transport_options) { .conf = &run->settings->transport,
                                      .epoch = run->epoch,
                                      .version = CIVICSHIELD_VERSION,
                                      .n_workers = run->n_workers },
        diag);
    return run->transport != NULL;
}

/* Makes a folder, with those above it that are missing. */
static bool make_folder(const char *path)
{
    char *text = xstrdup(path);
    bool ok = true;

    for (char *c = text + 1; ok && *c != '\0'; c++) {
        if (*c == '/') {
            *c = '\0';
            ok = mkdir(text, 0755) == 0 || errno == EEXIST;
            *c = '/';
        }
    }
    ok = ok && (mkdir(text, 0755) == 0 || errno == EEXIST);
    free(text);
    return ok;
}

/* The path of the EVE file (owned), or NULL; makes the folder of -l. */
static bool choose_eve(const struct options *o, char **path, struct diag *diag)
{
    *path = o->eve != NULL ? xstrdup(o->eve) : NULL;
    if (o->folder == NULL) {
        return true;
    }
    if (!make_folder(o->folder)) {
        diag_add(diag, DIAG_ERROR, o->folder, 0, 0, NULL, "cannot be made: %s",
                 strerror(errno));
        return false;
    }
    if (*path == NULL) {
        *path = xasprintf("%s/eve.json", o->folder);
    }
    return true;
}

static bool open_output(struct run *run, struct diag *diag)
{
    const struct options *o = run->options;
    char *path;

    if (!choose_eve(o, &path, diag)) {
        return false;
    }
    run->output = output_open(
        &(struct output_options) {
            .conf = &run->settings->output,
            .eve_path = path,
            .sensor = run->name,
            .epoch = run->epoch,
            .community_id_seed = (uint16_t) run->settings->flow.community_id_seed,
            .interface = o->n_ports != 0 ? o->ports[0] : NULL,
            .offer = run->transport != NULL ? offer : NULL,
            .offer_context = run,
        },
        diag);
    free(path);
    return run->output != NULL;
}

static bool open_files(struct run *run, struct diag *diag)
{
    const struct settings *s = run->settings;

    if (s->file_store.enabled) {
        run->files = file_store_open(&s->file_store, run->options->folder, run->n_workers,
                                     !capture_is_live(run->capture), diag);
    }
    return !s->file_store.enabled || run->files != NULL;
}

static bool open_workers(struct run *run, struct diag *diag)
{
    struct hash_seed seed = run->options->read_path != NULL ? hash_seed_fixed()
                                                            : hash_seed_random();
    struct worker_shared shared = { .settings = run->settings, .engine = run->engine,
                                    .hosts = run->hosts, .output = run->output,
                                    .files = run->files, .seed = seed };

    run->threads = xcalloc(run->n_workers, sizeof *run->threads);
    for (unsigned i = 0; i < run->n_workers; i++) {
        run->threads[i].run = run;
        if (!worker_init(&run->threads[i].worker, i, &shared, diag)) {
            return false;
        }
    }
    run->pace.speed = run->options->read_path != NULL ? run->options->speed : 0;
    if (capture_n_queues(run->capture) != run->n_workers) {
        run->share = share_create(run->n_workers, capture_is_live(run->capture));
    }
    return true;
}

/* Loads and compiles the rules.  False when the run must not begin. */
static bool load_rules(struct run *run, struct diag *diag)
{
    struct settings *s = run->settings;
    struct diag wrong;

    diag_init(&wrong);
    run->rules = ruleset_load(&s->rules, s->rule_files, s->n_rule_files, &wrong);
    run->engine = detect_engine_create(run->rules, &s->detect, &wrong);
    if (run->engine != NULL) {
        detect_engine_ask_files(run->engine, &s->app);
        detect_engine_ask_frames(run->engine, &s->app);
        output_ask_frames(&s->output, &s->app);
        output_ask_digests(&s->output, &s->app);
        file_store_ask(&s->file_store, &s->app);
    }
    run->hosts = host_table_create(s->pipeline.host_memory,
                                   run->options->read_path != NULL ? hash_seed_fixed()
                                                                   : hash_seed_random());
    diag_sort(&wrong);
    diag_print(&wrong, stderr);
    if ((s->n_rule_files != 0 && !run->options->quiet) || wrong.n_errors != 0) {
        size_t n_left_out = run->engine != NULL ? detect_engine_n_refused(run->engine) : 0;
        fprintf(stderr, "rules: %zu loaded, %zu refused, %zu disabled\n",
                run->rules->n_loaded - n_left_out, run->rules->n_refused + n_left_out,
                run->rules->n_disabled);
    }
    bool must_stop = wrong.n_errors != 0 && (run->options->strict || run->options->test_only);
    diag_fini(&wrong);
    if (run->engine == NULL && diag->n_errors == 0) {
        diag_add(diag, DIAG_ERROR, NULL, 0, 0, NULL, "the rules could not be compiled");
    }
    return run->engine != NULL && !must_stop;
}

bool run_prepare(struct run *run, struct diag *diag)
{
    return choose_name(run, diag) && load_rules(run, diag);
}

bool run_open(struct run *run, struct diag *diag)
{
    return choose_epoch(run, diag) && open_capture(run, diag) && open_transport(run, diag)
           && open_output(run, diag) && open_files(run, diag) && open_workers(run, diag);
}

int run_close(struct run *run, int status)
{
    for (unsigned i = 0; run->threads != NULL && i < run->n_workers; i++) {
        worker_fini(&run->threads[i].worker);
    }
    free(run->threads);
    share_destroy(run->share);
    if (!file_store_close(run->files) && status == PIPELINE_OK) {
        status = PIPELINE_INCOMPLETE;
    }
    if (run->output != NULL && !output_close(run->output) && status == PIPELINE_OK) {
        status = PIPELINE_INCOMPLETE;
    }
    transport_close(run->transport);
    capture_close(run->capture);
    detect_engine_destroy(run->engine);
    host_table_destroy(run->hosts);
    ruleset_free(run->rules);
    return status;
}
