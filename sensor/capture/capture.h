/* capture: where frames come from.  Two sources behind one interface: capture files (by
 * libpcap) and DPDK ports.  This room and pipeline/ (for threads) are the only ones that
 * know either library.
 *
 * A source has queues; one thread at a time reads a queue.  A burst's frames stay valid
 * until it is released, on the same thread; others may read bursts of their own meanwhile. */
#ifndef CIVICSHIELD_CAPTURE_H
#define CIVICSHIELD_CAPTURE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/diag.h"
#include "common/conf/conf.h"
#include "sensor/model/packet.h"

#define CAPTURE_BURST 64        /* Frames in a burst at most. */
#define CAPTURE_BURST_BYTES (1u << 20)  /* In one of files at most. */
#define CAPTURE_MAX_FRAME (256u * 1024u)

struct capture_conf {
    bool sort_by_time;          /* Files of a folder by first timestamp, not by name. */
    uint64_t port_buffers;      /* mbufs of a port's pool. */
    uint64_t port_descriptors;  /* RX ring of a queue. */
    uint64_t af_packet_block, af_packet_frames, af_packet_frame;        /* net_af_packet */
};
extern const struct conf_section capture_conf_section;

struct capture_burst {
    size_t n;
    struct frame frames[CAPTURE_BURST];
    void *store;                /* The source's own. */
};

enum capture_status {
    CAPTURE_FRAMES,             /* burst->n >= 1 */
    CAPTURE_IDLE,               /* Nothing now; ports and pipes only. */
    CAPTURE_END,                /* Nothing any more. */
};

struct capture_stats {
    uint64_t frames, bytes;     /* Handed over, filtered ones included. */
    uint64_t filtered;          /* Of those, refused by the BPF expression. */
    uint64_t copied;            /* Chained mbufs made contiguous. */
    uint64_t port_missed;       /* Dropped by the port: no descriptor was free. */
    uint64_t port_errors;       /* Broken on the wire. */
    uint64_t port_no_buffer;    /* No mbuf was free. */
    uint64_t kernel_dropped;    /* By the kernel's packet socket behind net_af_packet,
                                 * which that driver does not report. */
    uint64_t files, files_broken;
    uint64_t file_bytes_read, file_bytes_total;         /* For progress; 0: unknown. */
};

struct capture;

/* Opens a file, a folder of files or "-" (standard input).  NULL after reporting.
 * 'filter' is a BPF expression or NULL. */
struct capture *capture_open_files(const char *path, const char *filter,
                                   const struct capture_conf *, struct diag *);
/* Starts EAL with 'eal' (arguments in one text, or NULL) and opens the ports named in
 * 'names' (all ports there are when n_names is 0) with 'n_queues' queues each if they can.
 * A name that is no DPDK port but a Linux interface is opened through net_af_packet.
 * Once per process. */
struct capture *capture_open_ports(const char *const *names, size_t n_names,
                                   const char *eal, unsigned n_queues, const char *filter,
                                   const struct capture_conf *, struct diag *);
void capture_close(struct capture *);
/* Where a capture comes through a pipe, waiting for its writer ends a tenth of a second
 * after '*stop' is no longer 0, in opening as in reading.  'stop' is borrowed for good;
 * to be called before anything is opened.  NULL: waits for ever. */
void capture_stop_on(const volatile sig_atomic_t *stop);

/* As many as were asked for, or one: no source has a number between. */
unsigned capture_n_queues(const struct capture *);
bool capture_is_live(const struct capture *);
/* Whether capture_read() may say CAPTURE_IDLE: ports, and pipes, whose writer may rest. */
bool capture_may_idle(const struct capture *);
/* Fills 'burst' from 'queue' with what is there; a pipe is waited for, for a moment, if that is
 * nothing.  The first call of a thread on a port registers it with EAL. */
enum capture_status capture_read(struct capture *, unsigned queue, struct capture_burst *);
void capture_release(struct capture *, struct capture_burst *);
/* Frees what a burst has kept for its next use; the burst is released. */
void capture_burst_fini(struct capture_burst *);
/* May be called by any thread; figures of a port are a little behind. */
void capture_stats_get(struct capture *, struct capture_stats *);
/* True when a file ended in the middle of a record or could not be read; what was whole
 * was handed over. */
bool capture_has_failed(const struct capture *);
/* Text for people: "3 files", "port net_pcap0". */
const char *capture_describe(const struct capture *);

#endif
