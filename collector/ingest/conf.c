#include "collector/ingest/ingest.h"

#include <string.h>

#define KEY(member) offsetof(struct ingest_conf, member)
static const struct conf_key keys[] = {
    { "address", CONF_TEXT, KEY(address), "127.0.0.1", 0, 0,
      "address on which sensors are awaited; 0.0.0.0 for all of IPv4, [::] for all", NULL },
    { "port", CONF_UINT, KEY(port), "5765", 0, 65535,
      "port on which sensors are awaited; 0 takes a free one and prints it", NULL },
    { "max-sensors", CONF_UINT, KEY(max_sensors), "256", 1, 65536,
      "streams of sensors at once", NULL },
    { "memory", CONF_SIZE, KEY(memory), "256 MiB", 1u << 20, 1ull << 40,
      "events held until Elasticsearch has them; when it is used up sensors wait", NULL },
};

const struct conf_section ingest_section = { "listen", keys, sizeof keys / sizeof keys[0] };

#define TLS_KEY(member) offsetof(struct ingest_tls_conf, member)
static const struct conf_key tls_keys[] = {
    { "ca", CONF_TEXT, TLS_KEY(ca), NULL, 0, 0,
      "PEM file with the authority that signs the sensors' certificates", NULL },
    { "certificate", CONF_TEXT, TLS_KEY(certificate), NULL, 0, 0,
      "PEM file with the collector's certificate", NULL },
    { "key", CONF_TEXT, TLS_KEY(key), NULL, 0, 0,
      "PEM file with the key of the certificate", NULL },
};

const struct conf_section ingest_tls_section = {
    "tls", tls_keys, sizeof tls_keys / sizeof tls_keys[0]
};

static bool check_present(const char *key, const char *value, struct diag *diag)
{
    if (value == NULL || value[0] == '\0') {
        diag_add(diag, DIAG_ERROR, NULL, 0, 0, "scripts/make-certs makes one",
                 "tls.%s is needed: sensors are taken over mutual TLS only", key);
        return false;
    }
    return true;
}

bool ingest_tls_read(const struct ingest_tls_conf *conf, struct tls_files *files,
                     struct diag *diag)
{
    bool ca = check_present("ca", conf->ca, diag);
    bool certificate = check_present("certificate", conf->certificate, diag);
    bool key = check_present("key", conf->key, diag);

    memset(files, 0, sizeof *files);
    return ca && certificate && key
           && tls_files_read(conf->ca, conf->certificate, conf->key, files, diag);
}
