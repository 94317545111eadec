#include "sensor/transport/transport.h"

#define KEY(member) offsetof(struct transport_conf, member)
static const struct conf_key keys[] = {
    { "address", CONF_TEXT, KEY(address), NULL, 0, 0,
      "host:port of the collector; without it events go nowhere but to EVE files", NULL },
    { "server-name", CONF_TEXT, KEY(server_name), NULL, 0, 0,
      "name expected in the collector's certificate, where it is not the host", NULL },
    { "ca", CONF_TEXT, KEY(ca), NULL, 0, 0,
      "PEM file with the authority that signed the collector's certificate", NULL },
    { "certificate", CONF_TEXT, KEY(certificate), NULL, 0, 0,
      "PEM file with this sensor's certificate; its common name is the sensor's name", NULL },
    { "key", CONF_TEXT, KEY(key), NULL, 0, 0,
      "PEM file with the key of the certificate", NULL },
    { "memory", CONF_SIZE, KEY(memory), "64 MiB", 1u << 20, TRANSPORT_MAX_MEMORY,
      "events kept until the collector has acknowledged them, of all workers together",
      NULL },
    { "batch-records", CONF_UINT, KEY(batch_records), "256", 1, 4096,
      "the most events in one message", NULL },
    { "finish-timeout", CONF_DURATION, KEY(finish_timeout_ns), "60s", 0, 0,
      "how long the end of a run waits for the collector", NULL },
};

const struct conf_section transport_section = {
    "collector", keys, sizeof keys / sizeof keys[0]
};
