/* The section "decode" of the configuration. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sensor/decode/decode_private.h"

#define FIELD(member) offsetof(struct decode_conf, member)
#define N_OF(array) (sizeof(array) / sizeof(array)[0])

/* As enum decode_checksums. */
static const char *const checksums_choices[] = { "auto", "all", "none", NULL };

static const struct conf_key keys[] = {
    { "checksums", CONF_CHOICE, FIELD(checksums), "auto", 0, 0,
      "Verify checksums; streams leave out packets whose checksum is wrong. auto: not those "
      "that the sender left to its hardware", checksums_choices },
    { "defrag.memory", CONF_SIZE, FIELD(defrag_memory), "32mb", 1u << 20, 1ull << 40,
      "Memory for fragments, per worker", NULL },
    { "defrag.timeout", CONF_DURATION, FIELD(defrag_timeout), "60s", 1000000000ull,
      3600000000000ull, "How long the pieces of a datagram are waited for", NULL },
    { "defrag.max-datagrams", CONF_UINT, FIELD(defrag_max_datagrams), "65535", 16,
      1u << 24,
      "Datagrams waited for at the same time, per worker", NULL },
    { "vxlan.ports", CONF_TEXTS, FIELD(vxlan_ports), "4789", 0, 0,
      "UDP destination ports of VXLAN", NULL },
    { "geneve.ports", CONF_TEXTS, FIELD(geneve_ports), "6081", 0, 0,
      "UDP ports of Geneve", NULL },
    { "teredo.ports", CONF_TEXTS, FIELD(teredo_ports), "3544", 0, 0,
      "UDP ports of Teredo", NULL },
    { "gtpu.ports", CONF_TEXTS, FIELD(gtpu_ports), "2152", 0, 0,
      "UDP ports of GTP-U", NULL },
};

const struct conf_section decode_conf_section = {
    .path = "decode", .keys = keys, .n_keys = N_OF(keys),
};

void decode_conf_defaults(struct decode_conf *conf)
{
    static char vxlan[] = "4789", geneve[] = "6081", teredo[] = "3544", gtpu[] = "2152";
    static char *texts[N_TUNNELS] = { vxlan, geneve, teredo, gtpu };

    *conf = (struct decode_conf) {
        .checksums = DECODE_CHECKSUMS_AUTO,
        .defrag_memory = 32u << 20,
        .defrag_timeout = 60000000000ull,
        .defrag_max_datagrams = 65535,
        .vxlan_ports = { 1, &texts[TUNNEL_VXLAN] },
        .geneve_ports = { 1, &texts[TUNNEL_GENEVE] },
        .teredo_ports = { 1, &texts[TUNNEL_TEREDO] },
        .gtpu_ports = { 1, &texts[TUNNEL_GTPU] },
    };
}

/* A port as text; 0 if it is none. */
static uint16_t read_port(const char *text)
{
    char *end = NULL;
    unsigned long port = strtoul(text, &end, 10);

    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && port <= 65535
           ? (uint16_t) port : 0;
}

static void list_ports(const struct decode_conf *conf, const struct conf_texts *out[])
{
    out[TUNNEL_VXLAN] = &conf->vxlan_ports;
    out[TUNNEL_GENEVE] = &conf->geneve_ports;
    out[TUNNEL_TEREDO] = &conf->teredo_ports;
    out[TUNNEL_GTPU] = &conf->gtpu_ports;
}

bool decode_conf_check(const struct decode_conf *conf, struct diag *diag)
{
    static const char *const names[N_TUNNELS] = { "vxlan", "geneve", "teredo", "gtpu" };
    const struct conf_texts *lists[N_TUNNELS];
    size_t n_before = diag->n_errors;

    list_ports(conf, lists);
    for (size_t kind = 0; kind < N_TUNNELS; kind++) {
        for (size_t i = 0; i < lists[kind]->n; i++) {
            if (read_port(lists[kind]->texts[i]) == 0) {
                diag_add(diag, DIAG_ERROR, NULL, 0, 0, "a number of 1 to 65535",
                         "decode.%s.ports: \"%s\" is no port", names[kind],
                         lists[kind]->texts[i]);
            }
        }
        if (lists[kind]->n > TUNNEL_MAX_PORTS) {
            diag_add(diag, DIAG_ERROR, NULL, 0, 0, NULL,
                     "decode.%s.ports: more than %d ports", names[kind],
                     TUNNEL_MAX_PORTS);
        }
    }
    return diag->n_errors == n_before;
}

void decode_tunnel_ports_init(struct tunnel_ports *out, const struct decode_conf *conf)
{
    const struct conf_texts *lists[N_TUNNELS];

    memset(out, 0, sizeof *out);
    list_ports(conf, lists);
    for (size_t kind = 0; kind < N_TUNNELS; kind++) {
        for (size_t i = 0; i < lists[kind]->n && out->n[kind] < TUNNEL_MAX_PORTS; i++) {
            uint16_t port = read_port(lists[kind]->texts[i]);

            if (port != 0) {
                out->ports[kind][out->n[kind]++] = port;
                out->any[port / 64] |= 1ull << (port % 64);
            }
        }
    }
}
