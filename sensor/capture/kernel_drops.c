#include "sensor/capture/kernel_drops.h"

#include <dirent.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/socket.h>

void kernel_drops_find(struct kernel_drops *drops, const char *interface)
{
    unsigned index = if_nametoindex(interface);
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;

    drops->n = 0;
    drops->total = 0;
    while (folder != NULL && index != 0 && drops->n < KERNEL_DROPS_MAX_SOCKETS
           && (entry = readdir(folder)) != NULL) {
        struct sockaddr_ll address = { 0 };
        socklen_t size = sizeof address;
        char *end;
        int fd = (int) strtol(entry->d_name, &end, 10);
        if (*end == '\0' && end != entry->d_name
            && getsockname(fd, (struct sockaddr *) &address, &size) == 0
            && address.sll_family == AF_PACKET && address.sll_ifindex == (int) index) {
            drops->sockets[drops->n++] = fd;
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
}

uint64_t kernel_drops_read(struct kernel_drops *drops)
{
    for (size_t i = 0; i < drops->n; i++) {
        struct tpacket_stats stats;
        socklen_t size = sizeof stats;
        if (getsockopt(drops->sockets[i], SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0) {
            drops->total += stats.tp_drops;
        }
    }
    return drops->total;
}
