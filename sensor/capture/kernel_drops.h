/* The drops that net_af_packet hides.  The driver keeps its packet sockets to itself and
 * reports no loss of the kernel's ring, so this looks for sockets of the process that are
 * bound to the interface and asks the kernel (PACKET_STATISTICS, packet(7)).  Asking
 * resets the kernel's count, so one reader adds up. */
#ifndef CIVICSHIELD_CAPTURE_KERNEL_DROPS_H
#define CIVICSHIELD_CAPTURE_KERNEL_DROPS_H

#include <stddef.h>
#include <stdint.h>

#define KERNEL_DROPS_MAX_SOCKETS 64

struct kernel_drops {
    size_t n;
    int sockets[KERNEL_DROPS_MAX_SOCKETS];      /* Borrowed from the driver. */
    uint64_t total;
};

/* Finds the packet sockets bound to 'interface'; n stays 0 when there is none. */
void kernel_drops_find(struct kernel_drops *, const char *interface);
/* Drops since kernel_drops_find(). */
uint64_t kernel_drops_read(struct kernel_drops *);

#endif
