/* The command line of civicshield-sensor. */
#ifndef CIVICSHIELD_PIPELINE_OPTIONS_H
#define CIVICSHIELD_PIPELINE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct options {
    const char *read_path;              /* -r */
    const char **ports;                 /* -i, each */
    size_t n_ports, cap_ports;
    const char *eal;                    /* --eal */
    const char **rules_only;            /* -S, each */
    size_t n_rules_only, cap_rules_only;
    const char **rules_too;             /* -s, each */
    size_t n_rules_too, cap_rules_too;
    const char *folder;                 /* -l */
    const char *eve;                    /* --eve */
    const char *config;                 /* -c */
    const char **sets;                  /* --set, each */
    size_t n_sets, cap_sets;
    const char *checksums;              /* -k: "auto", "all" or "none"; NULL: as configured */
    const char *filter;                 /* The rest of the line, joined; owned. */
    const char *workers;                /* -w */
    double speed;                       /* --speed: factor of recorded time; 0: no pacing */
    bool test_only;                     /* -T */
    bool strict;                        /* --strict */
    bool quiet;                         /* -q */
    bool verbose;                       /* -v */
    bool print_config;                  /* --dump-config */
};

enum options_result { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_WRONG };

/* Prints help, version or what is wrong with the line by itself. */
enum options_result options_parse(struct options *, int argc, char **argv);
void options_fini(struct options *);

#endif
