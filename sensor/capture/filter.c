#include <pcap.h>
#include <stdlib.h>

#include "common/base/alloc.h"
#include "sensor/capture/capture_private.h"

struct capture_filter {
    struct bpf_program program;
};

struct capture_filter *capture_filter_compile(const char *expression, int link_type,
                                              struct diag *diag)
{
    pcap_t *dead = pcap_open_dead(link_type, CAPTURE_MAX_FRAME);
    struct capture_filter *filter = xcalloc(1, sizeof *filter);

    if (dead == NULL
        || pcap_compile(dead, &filter->program, expression, 1, PCAP_NETMASK_UNKNOWN) != 0) {
        diag_add(diag, DIAG_ERROR, NULL, 0, 0,
                 "the syntax is that of tcpdump, see pcap-filter(7)",
                 "the filter \"%s\" cannot be used: %s", expression,
                 dead != NULL ? pcap_geterr(dead) : "out of memory");
        free(filter);
        filter = NULL;
    }
    if (dead != NULL) {
        pcap_close(dead);
    }
    return filter;
}

void capture_filter_free(struct capture_filter *filter)
{
    if (filter != NULL) {
        pcap_freecode(&filter->program);
        free(filter);
    }
}

bool capture_filter_passes(const struct capture_filter *filter, const uint8_t *bytes,
                           uint32_t size, uint32_t wire_size)
{
    return filter == NULL
           || bpf_filter(filter->program.bf_insns, bytes, wire_size, size) != 0;
}
