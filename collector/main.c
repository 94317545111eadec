/* civicshield-collector: options, wiring, exit status. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/pipeline/pipeline.h"
#include "common/base/alloc.h"
#include "common/obs/log.h"

enum exit_status { EXIT_GOOD = 0, EXIT_FAILED = 1, EXIT_CONFIGURATION = 2 };

static const char usage[] =
    "usage: civicshield-collector [-c FILE] [--set KEY=VALUE]... [-T]\n"
    "Takes events from sensors over gRPC and indexes them in Elasticsearch.\n"
    "\n"
    "  -c FILE           configuration (YAML)\n"
    "  --set KEY=VALUE   sets one key, over what FILE says; may be repeated\n"
    "  -T                checks the configuration and stops\n"
    "  --print-defaults  writes a configuration with every key and its default\n"
    "  --port-file FILE  writes the ports that were taken there, once they are open\n"
    "  --log-level LEVEL error, warn, info (default) or debug\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 after SIGTERM or SIGINT, 1 for a failure, 2 for a configuration that\n"
    "is wrong.\n";

struct arguments {
    const char *file, *port_file;
    char **sets;                /* Owned array of borrowed texts. */
    size_t n_sets, cap_sets;
    bool only_check;
};

enum { OPTION_SET = 256, OPTION_PORT_FILE, OPTION_LEVEL, OPTION_DEFAULTS, OPTION_VERSION };
static const struct option options[] = {
    { "set", required_argument, NULL, OPTION_SET },
    { "port-file", required_argument, NULL, OPTION_PORT_FILE },
    { "log-level", required_argument, NULL, OPTION_LEVEL },
    { "print-defaults", no_argument, NULL, OPTION_DEFAULTS },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, OPTION_VERSION },
    { NULL, 0, NULL, 0 },
};

/* False: exit with '*status'. */
static bool take_option(int option, struct arguments *arguments, int *status)
{
    enum log_level level;

    *status = EXIT_GOOD;
    switch (option) {
    case 'c':
        arguments->file = optarg;
        return true;
    case 'T':
        arguments->only_check = true;
        return true;
    case OPTION_SET:
        arguments->sets = xgrow(arguments->sets, arguments->n_sets, &arguments->cap_sets,
                                sizeof *arguments->sets);
        arguments->sets[arguments->n_sets++] = optarg;
        return true;
    case OPTION_PORT_FILE:
        arguments->port_file = optarg;
        return true;
    case OPTION_LEVEL:
        if (log_level_by_name(optarg, &level)) {
            log_set_level(level);
            return true;
        }
        fprintf(stderr, "--log-level: expected error, warn, info or debug\n");
        break;
    case OPTION_DEFAULTS:
        conf_print_defaults(pipeline_sections, pipeline_n_sections, stdout);
        return false;
    case OPTION_VERSION:
        printf("civicshield-collector %s\n", CIVICSHIELD_VERSION);
        return false;
    case 'h':
        fputs(usage, stdout);
        return false;
    default:
        fputs(usage, stderr);
        break;
    }
    *status = EXIT_CONFIGURATION;
    return false;
}

static bool read_arguments(int argc, char **argv, struct arguments *arguments, int *status)
{
    int option;

    while ((option = getopt_long(argc, argv, "c:Th", options, NULL)) != -1) {
        if (!take_option(option, arguments, status)) {
            return false;
        }
    }
    if (optind != argc) {
        fprintf(stderr, "unexpected argument \"%s\"; see --help\n", argv[optind]);
        *status = EXIT_CONFIGURATION;
        return false;
    }
    return true;
}

static bool read_configuration(const struct arguments *arguments, struct pipeline_conf *conf,
                               struct diag *diag)
{
    struct conf_node *root = arguments->file != NULL ? conf_tree_read(arguments->file, diag)
                                                     : conf_tree_new();
    bool is_good = root != NULL;

    memset(conf, 0, sizeof *conf);
    for (size_t i = 0; is_good && i < arguments->n_sets; i++) {
        is_good = conf_tree_set(root, arguments->sets[i], diag);
    }
    is_good = is_good && pipeline_conf_read(root, conf, diag);
    conf_tree_free(root);
    return is_good;
}

/* Renamed into place, so that who waits for it never reads a half. */
static bool write_port_file(const char *path, const struct pipeline *pipeline)
{
    char *temporary = xasprintf("%s.%d", path, (int) getpid());
    FILE *file = fopen(temporary, "we");
    bool is_good = file != NULL;

    if (is_good) {
        fprintf(file, "listen %u\nhttp %u\n", pipeline_listen_port(pipeline),
                pipeline_http_port(pipeline));
        is_good = fclose(file) == 0 && rename(temporary, path) == 0;
    }
    if (!is_good) {
        fprintf(stderr, "%s: cannot be written: %s\n", path, strerror(errno));
    }
    free(temporary);
    return is_good;
}

static int serve_until_signal(const struct arguments *arguments,
                              const struct pipeline_conf *conf, struct diag *diag)
{
    struct pipeline *pipeline;
    sigset_t signals;
    int signal;

    /* Blocked before any thread starts, so that only sigwait() takes them. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    pipeline = pipeline_open(conf, diag);
    if (pipeline == NULL) {
        return EXIT_FAILED;
    }
    log_info("main", "listening", "address=%s port=%u http_port=%u", conf->listen.address,
             pipeline_listen_port(pipeline), pipeline_http_port(pipeline));
    if (arguments->port_file != NULL && !write_port_file(arguments->port_file, pipeline)) {
        pipeline_close(pipeline);
        return EXIT_FAILED;
    }
    sigwait(&signals, &signal);
    log_info("main", "stopping", "signal=%d", signal);
    /* A second signal need not wait. */
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
    pipeline_close(pipeline);
    return EXIT_GOOD;
}

int main(int argc, char **argv)
{
    struct arguments arguments = { 0 };
    struct pipeline_conf conf;
    struct diag diag;
    int status;

    if (!read_arguments(argc, argv, &arguments, &status)) {
        free(arguments.sets);
        return status;
    }
    diag_init(&diag);
    if (!read_configuration(&arguments, &conf, &diag)) {
        status = EXIT_CONFIGURATION;
    } else if (!arguments.only_check) {
        status = serve_until_signal(&arguments, &conf, &diag);
    }
    diag_print(&diag, stderr);
    pipeline_conf_fini(&conf);
    diag_fini(&diag);
    free(arguments.sets);
    return status;
}
