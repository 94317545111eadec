/* DPDK ports, once EAL runs (eal.c).  Each queue is read by one thread, which EAL gets to
 * know at its first read, so that the buffer pool's per-thread cache works. */
#include <errno.h>
#include <net/if.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "sensor/capture/capture_private.h"
#include "sensor/capture/eal.h"
#include "sensor/capture/kernel_drops.h"

#define MAX_PORTS 16
#define COPIES_SIZE (1u << 20)
/* Two data rooms of this size and their headers share a 4 KiB page without huge pages. */
#define DATA_ROOM (1792 + RTE_PKTMBUF_HEADROOM)
#define AF_PACKET_DRIVER "net_af_packet"

struct queue {
    uint16_t port, id;
};

struct port_source {
    struct capture base;
    struct eal *eal;
    size_t n_ports;
    uint16_t ports[MAX_PORTS];
    bool is_started[MAX_PORTS];
    struct kernel_drops kernel[MAX_PORTS];
    struct rte_mempool *pool;
    struct queue *queues;
    struct capture_filter *filter;
    _Atomic uint64_t number, bytes, filtered, copied;
    _Atomic uint64_t kernel_dropped;
};

static bool is_af_packet(const struct rte_eth_dev_info *info)
{
    return strcmp(info->driver_name, AF_PACKET_DRIVER) == 0;
}

/* The first port in use from 'from' on; RTE_MAX_ETHPORTS or more past the last. */
static uint16_t first_port(unsigned from)
{
    return (uint16_t) rte_eth_find_next((uint16_t) from);
}

static bool port_by_name(const char *name, uint16_t *port)
{
    if (rte_eth_dev_get_port_by_name(name, port) == 0) {
        return true;
    }
    /* The net_af_packet device of a Linux interface. */
    for (uint16_t p = first_port(0); p < RTE_MAX_ETHPORTS; p = first_port(p + 1u)) {
        struct rte_eth_dev_info info;
        if (rte_eth_dev_info_get(p, &info) == 0 && info.if_index != 0
            && info.if_index == if_nametoindex(name)) {
            *port = p;
            return true;
        }
    }
    return false;
}

static bool find_ports(struct port_source *s, const char *const *names, size_t n_names,
                       struct diag *diag)
{
    uint16_t port;

    for (size_t i = 0; i < n_names && s->n_ports < MAX_PORTS; i++) {
        if (!port_by_name(names[i], &port)) {
            diag_add(diag, DIAG_ERROR, NULL, 0, 0,
                     "give a DPDK device by --eal '--vdev=...' or the name of a Linux interface",
                     "no port or interface is named \"%s\"", names[i]);
            return false;
        }
        s->ports[s->n_ports++] = port;
    }
    if (n_names == 0) {
        for (port = first_port(0); port < RTE_MAX_ETHPORTS && s->n_ports < MAX_PORTS;
             port = first_port(port + 1u)) {
            s->ports[s->n_ports++] = port;
        }
    }
    if (s->n_ports == 0) {
        diag_add(diag, DIAG_ERROR, NULL, 0, 0, "name one with -i, or add it by --eal '--vdev=...'",
                 "DPDK has no port");
        return false;
    }
    return true;
}

static bool start_port(struct port_source *s, size_t at, unsigned n_queues,
                       const struct capture_conf *conf, struct diag *diag)
{
    uint16_t port = s->ports[at], n_descriptors = (uint16_t) conf->port_descriptors;
    struct rte_eth_dev_info info;
    /* The same key for both directions: 0x6d5a repeated makes Toeplitz symmetric
     * (Woo and Park, "Scalable TCP Session Monitoring with Symmetric RSS", 2012). */
    static uint8_t rss_key[52];
    struct rte_eth_conf eth = { 0 };
    int err;

    for (size_t i = 0; i < sizeof rss_key; i++) {
        rss_key[i] = i % 2 == 0 ? 0x6d : 0x5a;
    }
    err = rte_eth_dev_info_get(port, &info);
    if (err != 0) {
        goto fail;
    }
    if (n_queues > 1 && info.flow_type_rss_offloads != 0) {
        eth.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        eth.rx_adv_conf.rss_conf.rss_hf = info.flow_type_rss_offloads
                                          & (RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6
                                             | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_FRAG_IPV6);
        eth.rx_adv_conf.rss_conf.rss_key = rss_key;
        eth.rx_adv_conf.rss_conf.rss_key_len =
            info.hash_key_size != 0 ? info.hash_key_size : 40;
    }
    uint16_t n_tx = is_af_packet(&info) ? (uint16_t) n_queues : 0;
    err = rte_eth_dev_configure(port, (uint16_t) n_queues, n_tx, &eth);
    if (err != 0) {
        goto fail;
    }
    rte_eth_dev_adjust_nb_rx_tx_desc(port, &n_descriptors, NULL);
    for (uint16_t q = 0; q < n_queues && err == 0; q++) {
        err = rte_eth_rx_queue_setup(port, q, n_descriptors, SOCKET_ID_ANY, NULL, s->pool);
    }
    for (uint16_t q = 0; q < n_tx && err == 0; q++) {
        err = rte_eth_tx_queue_setup(port, q, 64, SOCKET_ID_ANY, NULL);
    }
    if (err == 0) {
        err = rte_eth_dev_start(port);
    }
    if (err != 0) {
        goto fail;
    }
    s->is_started[at] = true;
    rte_eth_promiscuous_enable(port);   /* A virtual device may not know it: no harm. */
    if (info.if_index != 0) {
        char interface[IF_NAMESIZE];
        if (if_indextoname(info.if_index, interface) != NULL) {
            kernel_drops_find(&s->kernel[at], interface);
        }
    }
    return true;
fail:
    diag_add(diag, DIAG_ERROR, NULL, 0, 0, NULL, "port %u does not start: %s", port,
             rte_strerror(-err));
    return false;
}

/* What a buffer must hold: net_af_packet alone asks for a whole frame of its ring in one. */
static uint16_t choose_data_room(const struct port_source *s, const struct capture_conf *conf)
{
    for (size_t i = 0; i < s->n_ports; i++) {
        struct rte_eth_dev_info info;
        if (rte_eth_dev_info_get(s->ports[i], &info) == 0 && is_af_packet(&info)
            && conf->af_packet_frame + RTE_PKTMBUF_HEADROOM > DATA_ROOM) {
            return (uint16_t) (conf->af_packet_frame + RTE_PKTMBUF_HEADROOM);
        }
    }
    return DATA_ROOM;
}

/* Queues that every port can have, at most 'wanted'. */
static unsigned common_queues(const struct port_source *s, unsigned wanted)
{
    for (size_t i = 0; i < s->n_ports; i++) {
        struct rte_eth_dev_info info;
        if (rte_eth_dev_info_get(s->ports[i], &info) != 0 || info.max_rx_queues < wanted
            || info.flow_type_rss_offloads == 0) {
            /* Without RSS over addresses the queues would split flows. */
            return 1;
        }
    }
    return wanted;
}

static void register_thread(void)
{
    static _Thread_local bool is_registered;

    if (!is_registered) {
        is_registered = true;
        if (rte_lcore_id() == LCORE_ID_ANY) {
            rte_thread_register();      /* Without it the pool works, uncached. */
        }
    }
}

/* Where a burst keeps the frames that came in several mbufs. */
struct copies {
    size_t size;
    uint8_t bytes[];
};

/* Room for all chained mbufs of a burst, so that none moves once the first is there.  It
 * grows to the largest burst seen and then stays. */
static uint8_t *room_for_copies(struct capture_burst *burst, size_t offset,
                                struct rte_mbuf *const *mbufs, uint16_t n)
{
    struct copies *copies = burst->store;
    size_t need = offset;

    for (uint16_t i = 0; i < n; i++) {
        need += mbufs[i]->nb_segs > 1 ? mbufs[i]->pkt_len : 0;
    }
    if (need > offset && (copies == NULL || copies->size < need)) {
        size_t size = need > COPIES_SIZE ? need : COPIES_SIZE;
        struct copies *larger = xmalloc(sizeof *larger + size);
        larger->size = size;
        if (offset != 0) {
            memcpy(larger->bytes, copies->bytes, offset);
            for (size_t i = 0; i < burst->n; i++) {
                const uint8_t *at = burst->frames[i].bytes;
                if (at >= copies->bytes && at < copies->bytes + copies->size) {
                    burst->frames[i].bytes = larger->bytes + (at - copies->bytes);
                }
            }
        }
        free(copies);
        burst->store = copies = larger;
    }
    return copies != NULL ? copies->bytes : NULL;
}

/* When a burst was read. */
struct now {
    uint64_t wall_ns, monotonic_ns;
};

/* Describes an mbuf as a frame; a chained one is copied to '*room' first. */
static void fill_frame(struct port_source *s, struct rte_mbuf *m, const struct now *now,
                       uint8_t *room, size_t *used, struct frame *frame)
{
    const uint8_t *bytes = rte_pktmbuf_mtod(m, const uint8_t *);

    if (m->nb_segs > 1) {
        bytes = rte_pktmbuf_read(m, 0, m->pkt_len, room + *used);
        *used += m->pkt_len;
        s->copied++;
    }
    *frame = (struct frame) {
        .bytes = bytes,
        .size = m->pkt_len,
        .wire_size = m->pkt_len,
        .time_ns = now->wall_ns,
        .clock_ns = now->monotonic_ns,
        .number = ++s->number,
        .link_type = LINK_ETHERNET,
        .checksum_known_good =
            (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD
            && (m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD,
        .handle = m,
    };
    s->bytes += m->pkt_len;
}

static enum capture_status ports_read(struct capture *c, unsigned queue,
                                      struct capture_burst *burst)
{
    struct port_source *s = (struct port_source *) c;
    struct rte_mbuf *mbufs[CAPTURE_BURST];
    size_t used = 0;

    register_thread();
    for (size_t i = 0; i < s->n_ports && burst->n < CAPTURE_BURST; i++) {
        uint16_t n = rte_eth_rx_burst(s->ports[i], (uint16_t) queue, mbufs,
                                      (uint16_t) (CAPTURE_BURST - burst->n));
        struct now now = { 0, 0 };
        if (n != 0) {
            now = (struct now) { clock_wall_ns(), clock_monotonic_ns() };
        }
        uint8_t *room = room_for_copies(burst, used, mbufs, n);
        for (uint16_t k = 0; k < n; k++) {
            struct frame *frame = &burst->frames[burst->n];
            fill_frame(s, mbufs[k], &now, room, &used, frame);
            if (capture_filter_passes(s->filter, frame->bytes, frame->size,
                                      frame->wire_size)) {
                burst->n++;
            } else {
                s->filtered++;
                rte_pktmbuf_free(mbufs[k]);
            }
        }
    }
    return burst->n != 0 ? CAPTURE_FRAMES : CAPTURE_IDLE;
}

static void ports_release(struct capture *c, struct capture_burst *burst)
{
    for (size_t i = 0; i < burst->n; i++) {
        rte_pktmbuf_free(burst->frames[i].handle);
    }
    burst->n = 0;
}

static void ports_stats(struct capture *c, struct capture_stats *out)
{
    struct port_source *s = (struct port_source *) c;

    out->frames = s->number;
    out->bytes = s->bytes;
    out->filtered = s->filtered;
    out->copied = s->copied;
    for (size_t i = 0; i < s->n_ports; i++) {
        struct rte_eth_stats stats;
        if (rte_eth_stats_get(s->ports[i], &stats) == 0) {
            out->port_missed += stats.imissed;
            out->port_errors += stats.ierrors;
            out->port_no_buffer += stats.rx_nombuf;
        }
        out->kernel_dropped += kernel_drops_read(&s->kernel[i]);
    }
}

static void ports_close(struct capture *c)
{
    struct port_source *s = (struct port_source *) c;

    for (size_t i = 0; i < s->n_ports; i++) {
        if (s->is_started[i]) {
            rte_eth_dev_stop(s->ports[i]);
            rte_eth_dev_close(s->ports[i]);
        }
    }
    rte_mempool_free(s->pool);
    capture_filter_free(s->filter);
    free(s->queues);
    eal_stop(s->eal);
    free(s);
}

static const struct capture_class ports_class = { ports_close, ports_read, ports_release,
                                                  ports_stats };

struct capture *capture_open_ports(const char *const *names, size_t n_names,
                                   const char *eal, unsigned n_queues, const char *filter,
                                   const struct capture_conf *conf, struct diag *diag)
{
    struct eal *started = eal_start(names, n_names, eal, n_queues, conf, diag);
    struct port_source *s;

    if (started == NULL) {
        return NULL;
    }
    s = xcalloc(1, sizeof *s);
    s->eal = started;
    s->base.class = &ports_class;
    s->base.is_live = s->base.may_idle = true;
    if (!find_ports(s, names, n_names, diag)) {
        goto fail;
    }
    if (filter != NULL
        && (s->filter = capture_filter_compile(filter, LINK_ETHERNET, diag)) == NULL) {
        goto fail;
    }
    n_queues = common_queues(s, n_queues);
    s->base.n_queues = n_queues;
    s->pool = rte_pktmbuf_pool_create("frames", (unsigned) conf->port_buffers, 128, 0,
                                      choose_data_room(s, conf), SOCKET_ID_ANY);
    if (s->pool == NULL) {
        diag_add(diag, DIAG_ERROR, NULL, 0, 0,
                 "lower capture.port.buffers or give EAL more memory (-m)",
                 "no memory for %llu packet buffers: %s",
                 (unsigned long long) conf->port_buffers, rte_strerror(rte_errno));
        goto fail;
    }
    for (size_t i = 0; i < s->n_ports; i++) {
        if (!start_port(s, i, n_queues, conf, diag)) {
            goto fail;
        }
    }
    s->base.description = xasprintf("%zu port%s", s->n_ports, s->n_ports == 1 ? "" : "s");
    return &s->base;
fail:
    ports_close(&s->base);
    return NULL;
}
