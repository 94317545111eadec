/* DPDK's environment (EAL) with the arguments that a sensor wants.
 *
 * Without a word of the user's on memory it runs without huge pages; PCI devices are probed
 * only when one is named; its files have a name of their own, since two processes with one
 * name disturb each other.  Linux interfaces become net_af_packet devices. */
#ifndef CIVICSHIELD_EAL_H
#define CIVICSHIELD_EAL_H

#include "sensor/capture/capture.h"

struct eal;

/* 'names' are ports or Linux interfaces, 'arguments' the user's own in one text or NULL.
 * NULL after reporting.  Once per process. */
struct eal *eal_start(const char *const *names, size_t n_names, const char *arguments,
                      unsigned n_queues, const struct capture_conf *, struct diag *);
void eal_stop(struct eal *);

#endif
