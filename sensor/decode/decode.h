/* decode: bytes -> packets.  One file per protocol, one cursor for every read, a named
 * event for every malformation.  Also defragmentation of IPv4 and IPv6.
 * One decoder per worker; not thread-safe; no allocation once it is made. */
#ifndef CIVICSHIELD_DECODE_H
#define CIVICSHIELD_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "common/conf/conf.h"
#include "sensor/decode/events.h"
#include "sensor/model/packet.h"

/* One frame's packets: tunnels within tunnels, plus reassembled datagrams. */
#define DECODE_MAX_PACKETS 16

/* -k: of which packets checksums are verified. */
enum decode_checksums {
    DECODE_CHECKSUMS_AUTO,              /* All but what decode_checksum_is_offloaded(). */
    DECODE_CHECKSUMS_ALL,
    DECODE_CHECKSUMS_NONE,
};

struct decode_conf {
    unsigned checksums;                 /* enum decode_checksums */
    uint64_t defrag_memory;             /* Bytes, per worker. */
    uint64_t defrag_timeout;            /* ns */
    uint64_t defrag_max_datagrams;
    struct conf_texts vxlan_ports, geneve_ports, teredo_ports, gtpu_ports;
};
extern const struct conf_section decode_conf_section;

/* The defaults of the table, without reading any configuration.  The port lists are
 * static: such a struct must not be given to conf_free_section(). */
void decode_conf_defaults(struct decode_conf *);
/* Reports to 'diag' each tunnel port that is no number of 1 to 65535; false if any. */
bool decode_conf_check(const struct decode_conf *, struct diag *);

struct decoder;

/* Borrows 'conf' for the call alone.  A port that decode_conf_check() would refuse is
 * left out.  Never NULL: at start, memory that is gone ends the program. */
struct decoder *decoder_create(const struct decode_conf *conf);
void decoder_destroy(struct decoder *);         /* NULL is fine. */

/* Decodes 'frame' into 'packets' and returns how many there are (at least 1: a frame that
 * is no IP still counts as a packet, with its events).  packets[i].outer points into the
 * same array.  They borrow the frame's bytes and the decoder's defragmentation buffers:
 * valid until the next call. */
size_t decode_frame(struct decoder *, const struct frame *frame,
                    struct packet packets[DECODE_MAX_PACKETS]);

/* Forgets datagrams that timed out by 'now_ns' (of struct frame's 'clock_ns'); cheap,
 * called per burst. */
void decoder_expire(struct decoder *, uint64_t now_ns);

/* Counters, owned by the decoder, written by its thread alone; others may read them. */
struct decode_counters {
    uint64_t frames, packets, bytes;
    uint64_t ipv4, ipv6, tcp, udp, sctp, icmpv4, icmpv6, other_ip, no_ip;
    uint64_t vlan, qinq, mpls, pppoe, gre, erspan, vxlan, geneve, gtpu, teredo, ipip;
    uint64_t fragments, reassembled, defrag_timeouts, defrag_refused, defrag_overlaps;
    uint64_t bad_checksums;
    uint64_t offloaded_checksums;       /* Left to the sender's hardware; taken as right. */
    uint64_t events[DECODE_N_EVENTS];
};
const struct decode_counters *decoder_counters(const struct decoder *);

/* Which checksum: that of the IPv4 header, or that of TCP, UDP, ICMP or ICMPv6. */
enum decode_checksum { DECODE_CHECKSUM_IPV4, DECODE_CHECKSUM_L4 };

/* Computes it, whatever 'checksums' says: for the rule keywords "ipv4-csum",
 * "tcpv4-csum" and their like.  False where the packet has no such layer, is a
 * fragment, or carries no checksum (UDP with 0; SCTP's CRC-32c is not judged). */
bool decode_checksum_is_bad(const struct packet *, enum decode_checksum);
/* True if TCP's or UDP's checksum field holds the sum of the pseudo header alone: what a
 * sender writes there that leaves the rest to its network card, so what a capture on the
 * sending host, or between virtual machines, shows of a good packet. */
bool decode_checksum_is_offloaded(const struct packet *);

/* Symmetric hash of the outermost IP address pair of a frame, for sharing frames out to
 * workers: both directions and all fragments get the same value; 0 without IP.  Looks at
 * headers only and needs no decoder. */
uint32_t decode_address_pair_hash(const struct frame *);

#endif
