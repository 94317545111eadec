#include "sensor/capture/eal.h"

#include <net/if.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"

#define MAX_INTERFACES 16
#define MAX_WORDS 96
/* Bytes of a packet buffer beside its data: headers and headroom. */
#define BUFFER_OVERHEAD 384

/* EAL keeps pointers into its arguments while it runs, so they stay that long. */
struct eal {
    size_t n;
    char *words[MAX_WORDS + 1];
};

static void free_words(struct eal *eal)
{
    for (size_t i = 0; i < eal->n; i++) {
        free(eal->words[i]);
    }
    free(eal);
}

/* Splits 'text' at blanks into 'words' (copies); single or double quotes keep blanks. */
static size_t split_words(const char *text, char **words, size_t max)
{
    size_t n = 0;

    while (n < max) {
        char word[512], quote = '\0';
        size_t size = 0;
        text += strspn(text, " \t");
        if (*text == '\0') {
            break;
        }
        for (; *text != '\0' && (quote != '\0' || (*text != ' ' && *text != '\t')); text++) {
            if (quote == '\0' && (*text == '"' || *text == '\'')) {
                quote = *text;
            } else if (*text == quote) {
                quote = '\0';
            } else if (size < sizeof word - 1) {
                word[size++] = *text;
            }
        }
        words[n++] = xstrndup(word, size);
    }
    return n;
}

/* The words that the user's own do not replace; returns how many. */
static size_t choose_words(char **words, const char *given, const struct capture_conf *conf)
{
    size_t n = 0;

    words[n++] = xstrdup("civicshield-sensor");
    if (strstr(given, "--file-prefix") == NULL) {
        words[n++] = xasprintf("--file-prefix=civicshield-%d", (int) getpid());
    }
    if (strstr(given, "huge") == NULL && strstr(given, "--in-memory") == NULL
        && strstr(given, "-m ") == NULL) {
        /* No buffer lies across two places, so each takes whole pages of 4 KiB at worst. */
        uint64_t pages = (conf->af_packet_frame + BUFFER_OVERHEAD + 4095) / 4096;
        uint64_t mib = conf->port_buffers * pages / 256 + 64;
        words[n++] = xstrdup("--no-huge");
        words[n++] = xstrdup("-m");
        words[n++] = xasprintf("%llu", (unsigned long long) mib);
    }
    if (strstr(given, "-a ") == NULL && strstr(given, "--allow") == NULL
        && strstr(given, "--no-pci") == NULL) {
        words[n++] = xstrdup("--no-pci");
    }
    if (strstr(given, "--log-level") == NULL) {
        words[n++] = xstrdup("--log-level=4");
    }
    return n;
}

static bool is_linux_interface(const char *name)
{
    return strlen(name) < IF_NAMESIZE && if_nametoindex(name) != 0;
}

static size_t add_interfaces(char **words, const char *const *names, size_t n_names,
                             unsigned n_queues, const struct capture_conf *conf)
{
    size_t n = 0;

    for (size_t i = 0; i < n_names && n < MAX_INTERFACES; i++) {
        if (is_linux_interface(names[i])) {
            words[n] = xasprintf("--vdev=net_af_packet%zu,iface=%s,qpairs=%u,blocksz=%llu,"
                                 "framesz=%llu,framecnt=%llu",
                                 n, names[i], n_queues,
                                 (unsigned long long) conf->af_packet_block,
                                 (unsigned long long) conf->af_packet_frame,
                                 (unsigned long long) conf->af_packet_frames);
            n++;
        }
    }
    return n;
}

struct eal *eal_start(const char *const *names, size_t n_names, const char *arguments,
                      unsigned n_queues, const struct capture_conf *conf, struct diag *diag)
{
    struct eal *eal = xcalloc(1, sizeof *eal);
    char *argv[MAX_WORDS + 1];
    const char *given = arguments != NULL ? arguments : "";

    eal->n = choose_words(eal->words, given, conf);
    eal->n += add_interfaces(eal->words + eal->n, names, n_names, n_queues, conf);
    eal->n += split_words(given, eal->words + eal->n, MAX_WORDS - eal->n);
    memcpy(argv, eal->words, sizeof argv);      /* EAL changes their order. */
    /* EAL wants a folder of the user's own; an ordinary user may have none. */
    if (getenv("XDG_RUNTIME_DIR") == NULL && geteuid() != 0) {
        setenv("XDG_RUNTIME_DIR", "/tmp", 0);
    }
    if (rte_eal_init((int) eal->n, argv) >= 0) {
        return eal;
    }
    diag_add(diag, DIAG_ERROR, NULL, 0, 0, "see its lines above, or try --eal '--log-level=7'",
             "DPDK's environment did not start: %s", rte_strerror(rte_errno));
    free_words(eal);
    return NULL;
}

void eal_stop(struct eal *eal)
{
    rte_eal_cleanup();
    free_words(eal);
}
