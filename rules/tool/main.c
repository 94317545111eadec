/* civicshield-rules: what rule authors ask about their files.
 *
 *     civicshield-rules check [--json] [--no-lint] [-c FILE] FILES...
 *     civicshield-rules explain [-c FILE] FILES...
 *
 * Exit status: 0 all is well, 2 a rule was refused or the command line is wrong. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/alloc.h"
#include "common/conf/conf.h"
#include "rules/lang/lang.h"
#include "rules/tool/tool.h"

static const struct option long_options[] = {
    { "json", no_argument, NULL, 'j' },
    { "no-lint", no_argument, NULL, 'n' },
    { "config", required_argument, NULL, 'c' },
    { "set", required_argument, NULL, 's' },
    { "classification", required_argument, NULL, 'C' },
    { "threshold", required_argument, NULL, 'T' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static void print_usage(FILE *out)
{
    fputs("Usage: civicshield-rules check [OPTION]... FILE...\n"
          "       civicshield-rules explain [OPTION]... FILE...\n\n"
          "check    reports what is wrong in rule files, and what could be better\n"
          "explain  prints what each rule was compiled to\n\n"
          "  -c, --config FILE          configuration (YAML): variables, paths\n"
          "      --set KEY=VALUE        one setting of the configuration\n"
          "      --classification FILE  classification.config\n"
          "      --threshold FILE       threshold.config\n"
          "      --json                 one JSON object instead of text\n"
          "      --no-lint              errors alone\n"
          "  -h, --help                 this text\n", out);
}

static void set_path(char **path, const char *value)
{
    free(*path);
    *path = xstrdup(value);
}

/* False after reporting or printing; '*status' is then what to exit with. */
static bool read_options(int argc, char **argv, struct tool_options *o, struct diag *diag,
                         int *status)
{
    struct conf_node *tree = conf_tree_new();
    char *classification = NULL, *threshold = NULL;
    bool ok = true, wants_help = false;
    int c;

    while (ok && (c = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1) {
        switch (c) {
        case 'j': o->json = true; break;
        case 'n': o->no_lint = true; break;
        case 'c':
            conf_tree_free(tree);
            tree = conf_tree_read(optarg, diag);
            ok = tree != NULL;
            break;
        case 's': ok = conf_tree_set(tree, optarg, diag); break;
        case 'C': set_path(&classification, optarg); break;
        case 'T': set_path(&threshold, optarg); break;
        case 'h': wants_help = true; ok = false; break;
        default: ok = false; break;
        }
    }
    ok = ok && rules_conf_read(&o->conf, tree, diag)
         && conf_read_section(tree, &detect_conf_section, &o->detect, diag)
         && conf_read_section(tree, &detect_data_section, &o->detect, diag);
    if (classification != NULL) {
        set_path(&o->conf.classification, classification);
    }
    if (threshold != NULL) {
        set_path(&o->conf.threshold, threshold);
    }
    free(classification);
    free(threshold);
    conf_tree_free(tree);
    if (wants_help) {
        print_usage(stdout);
    }
    *status = wants_help ? 0 : 2;
    return ok;
}

int main(int argc, char **argv)
{
    struct tool_options options = { 0 };
    struct diag diag;
    int status = 2;

    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_usage(stdout);
        return 0;
    }
    bool is_check = argc > 1 && strcmp(argv[1], "check") == 0;
    bool is_explain = argc > 1 && strcmp(argv[1], "explain") == 0;
    if (!is_check && !is_explain) {
        print_usage(stderr);
        return 2;
    }
    diag_init(&diag);
    rules_conf_init(&options.conf);
    if (read_options(argc - 1, argv + 1, &options, &diag, &status)) {
        options.files = (const char *const *) argv + 1 + optind;
        options.n_files = (size_t) (argc - 1 - optind);
        if (options.n_files == 0) {
            print_usage(stderr);
        } else {
            status = is_check ? tool_check(&options) : tool_explain(&options);
        }
    }
    diag_print(&diag, stderr);
    diag_fini(&diag);
    rules_conf_fini(&options.conf);
    conf_free_section(&detect_conf_section, &options.detect);
    conf_free_section(&detect_data_section, &options.detect);
    return status;
}
