#include "sensor/pipeline/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/strbuf.h"
#include "sensor/pipeline/version.h"

enum { OPT_EAL = 256, OPT_EVE, OPT_SET, OPT_STRICT, OPT_SPEED, OPT_DUMP, OPT_VERSION };

static const struct option long_options[] = {
    { "eal", required_argument, NULL, OPT_EAL },
    { "eve", required_argument, NULL, OPT_EVE },
    { "set", required_argument, NULL, OPT_SET },
    { "strict", no_argument, NULL, OPT_STRICT },
    { "speed", required_argument, NULL, OPT_SPEED },
    { "dump-config", no_argument, NULL, OPT_DUMP },
    { "version", no_argument, NULL, OPT_VERSION },
    { "help", no_argument, NULL, 'h' },
    { "workers", required_argument, NULL, 'w' },
    { "quiet", no_argument, NULL, 'q' },
    { NULL, 0, NULL, 0 },
};

static const char help[] =
    "civicshield-sensor: a network threat sensor\n"
    "\n"
    "Usage: civicshield-sensor -r FILE|FOLDER|- [OPTIONS] [FILTER]\n"
    "       civicshield-sensor -i NAME [-i NAME] [OPTIONS] [FILTER]\n"
    "       civicshield-sensor -T [OPTIONS]\n"
    "\n"
    "Where packets come from:\n"
    "  -r PATH          read a capture file (pcap, pcapng), all files of a folder, or\n"
    "                   standard input (-)\n"
    "  -i NAME          capture from a DPDK port or a Linux interface; may be repeated\n"
    "  --eal ARGUMENTS  arguments for DPDK's environment, for instance '--vdev=net_null0'\n"
    "  FILTER           a BPF expression as tcpdump takes it\n"
    "  --speed FACTOR   replay at FACTOR times the recorded speed (default: at once)\n"
    "\n"
    "Rules:\n"
    "  -S FILE          load this rule file only; may be repeated\n"
    "  -s FILE          load this rule file beside those of the configuration\n"
    "  --strict         refuse to run when a rule is wrong\n"
    "\n"
    "Output and configuration:\n"
    "  -l FOLDER        write eve.json there; the folder is made if it is missing\n"
    "  --eve FILE|-     write EVE JSON to this file, or to standard output\n"
    "  -c FILE          read this configuration (YAML)\n"
    "  --set KEY=VALUE  override one key of the configuration; may be repeated\n"
    "  -k auto|all|none check checksums: of all packets but those whose sender left them\n"
    "                   to its network card (default), of all, of none\n"
    "  -w N             use N worker threads (default 1)\n"
    "  -T               check configuration and rules, then stop\n"
    "  --dump-config    print every key with its default and meaning, then stop\n"
    "  -q, -v           say less, or more\n"
    "  --help, --version\n"
    "\n"
    "Signals: SIGINT and SIGTERM end the run in order, SIGHUP opens eve.json anew.\n"
    "Exit status: 0 success, 1 something was lost or cut short, 2 wrong usage,\n"
    "configuration, certificate or rule (with -T or --strict).\n";

static void push(const char ***list, size_t *n, size_t *cap, const char *text)
{
    *list = xgrow(*list, *n, cap, sizeof **list);
    (*list)[(*n)++] = text;
}

static void join_filter(struct options *o, int argc, char **argv)
{
    struct strbuf text = STRBUF_EMPTY;

    for (int i = optind; i < argc; i++) {
        strbuf_printf(&text, "%s%s", i > optind ? " " : "", argv[i]);
    }
    if (text.size != 0) {
        o->filter = xstrndup(text.text, text.size);
    }
    strbuf_fini(&text);
}

static bool take_checksums(const char *text)
{
    if (strcmp(text, "auto") != 0 && strcmp(text, "all") != 0 && strcmp(text, "none") != 0) {
        fprintf(stderr, "error: -k: expected auto, all or none, got \"%s\"\n", text);
        return false;
    }
    return true;
}

static bool take_option(struct options *o, int option)
{
    char *end;

    switch (option) {
    case 'r': o->read_path = optarg; return true;
    case 'i': push(&o->ports, &o->n_ports, &o->cap_ports, optarg); return true;
    case 'S': push(&o->rules_only, &o->n_rules_only, &o->cap_rules_only, optarg); return true;
    case 's': push(&o->rules_too, &o->n_rules_too, &o->cap_rules_too, optarg); return true;
    case 'l': o->folder = optarg; return true;
    case 'c': o->config = optarg; return true;
    case 'k': o->checksums = optarg; return take_checksums(optarg);
    case 'w': o->workers = optarg; return true;
    case 'T': o->test_only = true; return true;
    case 'q': o->quiet = true; return true;
    case 'v': o->verbose = true; return true;
    case OPT_EAL: o->eal = optarg; return true;
    case OPT_EVE: o->eve = optarg; return true;
    case OPT_SET: push(&o->sets, &o->n_sets, &o->cap_sets, optarg); return true;
    case OPT_STRICT: o->strict = true; return true;
    case OPT_DUMP: o->print_config = true; return true;
    case OPT_SPEED:
        o->speed = strtod(optarg, &end);
        if (*end != '\0' || !(o->speed > 0)) {
            fprintf(stderr, "error: --speed: expected a factor above 0, got \"%s\"\n", optarg);
            return false;
        }
        return true;
    default:
        return false;           /* getopt has said what is wrong. */
    }
}

enum options_result options_parse(struct options *o, int argc, char **argv)
{
    int option;

    memset(o, 0, sizeof *o);
    while ((option = getopt_long(argc, argv, "+r:i:S:s:l:c:k:w:Tqvh", long_options, NULL))
           != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return OPTIONS_DONE;
        }
        if (option == OPT_VERSION) {
            puts("civicshield-sensor " CIVICSHIELD_VERSION);
            return OPTIONS_DONE;
        }
        if (!take_option(o, option)) {
            fputs("Try civicshield-sensor --help.\n", stderr);
            return OPTIONS_WRONG;
        }
    }
    join_filter(o, argc, argv);
    if (o->read_path != NULL && (o->n_ports != 0 || o->eal != NULL)) {
        fputs("error: -r reads files and -i captures live: give one of them\n", stderr);
        return OPTIONS_WRONG;
    }
    if (!o->test_only && !o->print_config && o->read_path == NULL && o->n_ports == 0
        && o->eal == NULL) {
        fputs("error: no packets to look at: give -r FILE or -i NAME\n"
              "Try civicshield-sensor --help.\n", stderr);
        return OPTIONS_WRONG;
    }
    return OPTIONS_RUN;
}

void options_fini(struct options *o)
{
    free(o->ports);
    free(o->rules_only);
    free(o->rules_too);
    free(o->sets);
    free((char *) o->filter);
}
