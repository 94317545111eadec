#include "collector/store/store.h"

#include <string.h>

#define KEY(member) offsetof(struct store_conf, member)
static const struct conf_key keys[] = {
    { "url", CONF_TEXT, KEY(url), "http://127.0.0.1:9200", 0, 0,
      "where Elasticsearch (7.17 or later) listens", NULL },
    { "user", CONF_TEXT, KEY(user), NULL, 0, 0, "name for basic authentication", NULL },
    { "password-file", CONF_TEXT, KEY(password_file), NULL, 0, 0,
      "file with the password in its first line; without it the environment variable "
      "CIVICSHIELD_ELASTICSEARCH_PASSWORD", NULL },
    { "api-key-file", CONF_TEXT, KEY(api_key_file), NULL, 0, 0,
      "file with an API key in its first line; without it the environment variable "
      "CIVICSHIELD_ELASTICSEARCH_API_KEY", NULL },
    { "ca", CONF_TEXT, KEY(ca), NULL, 0, 0,
      "PEM file with the authority of an https server; without it those of the system", NULL },
    { "proxy", CONF_TEXT, KEY(proxy), NULL, 0, 0,
      "URL of a proxy; without it none, whatever the environment says", NULL },
    { "requests", CONF_UINT, KEY(requests), "2", 1, 64,
      "bulk requests on their way at once", NULL },
    { "bulk-documents", CONF_UINT, KEY(bulk_documents), "2000", 1, 100000,
      "the most documents in one request", NULL },
    { "bulk-bytes", CONF_SIZE, KEY(bulk_bytes), "4 MiB", 1024, 64u << 20,
      "a request of this size is sent", NULL },
    { "bulk-delay", CONF_DURATION, KEY(bulk_delay_ns), "200ms", 0, 0,
      "a request that is not full is sent after this time", NULL },
    { "timeout", CONF_DURATION, KEY(timeout_ns), "60s", 100000000, 3600000000000,
      "a request without an answer after this time is sent again", NULL },
    { "shards", CONF_UINT, KEY(shards), "1", 1, 1024, "primary shards of a new index", NULL },
    { "replicas", CONF_UINT, KEY(replicas), "0", 0, 16, "replicas of a new index", NULL },
};

const struct conf_section store_section = {
    "elasticsearch", keys, sizeof keys / sizeof keys[0]
};
