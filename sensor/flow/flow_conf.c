/* What can be configured about flows. */
#include "sensor/flow/flow_table.h"

#define KEY(field) offsetof(struct flow_conf, field)
#define HOUR 3600000000000ull
#define MIB (1ull << 20)

static const struct conf_key keys[] = {
    { "memory", CONF_SIZE, KEY(memory), "128mb", MIB / 4, 1ull << 40,
      "Memory for flow records, per worker" },
    { "timeouts.tcp.new", CONF_DURATION, KEY(tcp_new), "60s", 0, 24 * HOUR,
      "Idle time after which a TCP flow ends whose handshake is not done" },
    { "timeouts.tcp.established", CONF_DURATION, KEY(tcp_established), "600s", 0,
      240 * HOUR, "Idle time after which an established TCP flow ends" },
    { "timeouts.tcp.closed", CONF_DURATION, KEY(tcp_closed), "60s", 0, 24 * HOUR,
      "Idle time after which a TCP flow that FIN or RST closed leaves the table" },
    { "timeouts.udp.new", CONF_DURATION, KEY(udp_new), "30s", 0, 24 * HOUR,
      "Idle time after which a UDP flow ends that one side alone has spoken in" },
    { "timeouts.udp.established", CONF_DURATION, KEY(udp_established), "300s", 0,
      240 * HOUR, "Idle time after which a UDP flow ends that both sides spoke in" },
    { "timeouts.icmp.new", CONF_DURATION, KEY(icmp_new), "30s", 0, 24 * HOUR,
      "Idle time after which an ICMP flow ends without a reply" },
    { "timeouts.icmp.established", CONF_DURATION, KEY(icmp_established), "300s", 0,
      240 * HOUR, "Idle time after which an ICMP flow ends with a reply" },
    { "timeouts.other.new", CONF_DURATION, KEY(other_new), "30s", 0, 24 * HOUR,
      "As for UDP, for every other IP protocol" },
    { "timeouts.other.established", CONF_DURATION, KEY(other_established), "300s", 0,
      240 * HOUR, "As for UDP, for every other IP protocol" },
    { "ndpi.enabled", CONF_BOOL, KEY(classify), "yes", 0, 0,
      "Whether nDPI classifies flows" },
    { "ndpi.memory", CONF_SIZE, KEY(classify_memory), "256mb", MIB / 4, 1ull << 40,
      "Memory for nDPI's state and results, per worker" },
    { "ndpi.tcp-packets", CONF_UINT, KEY(classify_tcp_packets), "80", 1, 65535,
      "Packets of a TCP flow that nDPI sees at most" },
    { "ndpi.udp-packets", CONF_UINT, KEY(classify_udp_packets), "24", 1, 65535,
      "Packets of a UDP flow that nDPI sees at most" },
    { "community-id-seed", CONF_UINT, KEY(community_id_seed), "0", 0, 65535,
      "Seed of the community id; the same at every sensor whose flows are compared" },
};

const struct conf_section flow_conf_section = { "flow", keys,
                                                sizeof keys / sizeof keys[0] };
