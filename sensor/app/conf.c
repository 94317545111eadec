/* The keys of this room. */
#include "sensor/app/app.h"

#define KEY(field) offsetof(struct app_conf, field)
#define KIB 1024ull
#define MIB (1024 * KIB)

static const struct conf_key app_keys[] = {
    { "memory", CONF_SIZE, KEY(memory), "256mb", MIB, 1024 * 1024 * MIB,
      "memory for sessions and transactions, of one worker", NULL },
    { "session_memory", CONF_SIZE, KEY(session_memory), "16mb", 64 * KIB, 1024 * MIB,
      "memory for one session", NULL },
    { "max_transactions", CONF_UINT, KEY(max_transactions), "1024", 1, 1000000,
      "transactions open at once in one session", NULL },
    { "http.request_body_limit", CONF_SIZE, KEY(http_request_body_limit), "100kb", 0,
      1024 * MIB, "bytes of a request body that rules see", NULL },
    { "http.response_body_limit", CONF_SIZE, KEY(http_response_body_limit), "100kb", 0,
      1024 * MIB, "bytes of a response body that rules see", NULL },
    { "http.decompress_limit", CONF_SIZE, KEY(http_decompress_limit), "64mb", 64 * KIB,
      1024 * 1024 * MIB, "bytes made of one compressed body", NULL },
    { "http.decompress_ratio", CONF_UINT, KEY(http_decompress_ratio), "2048", 2, 1000000,
      "bytes out per byte in past which a body over 1 MB is a compression bomb", NULL },
    { "http.decompress_layers", CONF_UINT, KEY(http_decompress_layers), "3", 1, 3,
      "content codings of one body that are undone", NULL },
    { "http.range_memory", CONF_SIZE, KEY(http_range_memory), "16mb", 0, 1024 * MIB,
      "parts of files that are fetched in ranges, of one worker; 0 keeps none", NULL },
    { "http.header_limit", CONF_SIZE, KEY(http_header_limit), "256kb", KIB, 16 * MIB,
      "start line and headers of one message", NULL },
    { "http.field_limit", CONF_SIZE, KEY(http_field_limit), "64kb", 256, 16 * MIB,
      "one line of the start line and headers", NULL },
    { "http.ports", CONF_TEXTS, KEY(http_ports), "[80, 8080]", 0, 0,
      "server ports where HTTP is expected; it is recognized on any port", NULL },
    { "dns.ports", CONF_TEXTS, KEY(dns_ports), "[53]", 0, 0,
      "server ports where DNS is expected", NULL },
    { "tls.ports", CONF_TEXTS, KEY(tls_ports), "[443]", 0, 0,
      "server ports where TLS is expected; it is recognized on any port", NULL },
    { "tls.ja3", CONF_BOOL, KEY(ja3), "yes", 0, 0, "compute JA3 and JA3S", NULL },
    { "tls.ja4", CONF_BOOL, KEY(ja4), "yes", 0, 0, "compute JA4", NULL },
    { "ssh.hassh", CONF_BOOL, KEY(hassh), "yes", 0, 0, "compute HASSH of both sides", NULL },
    { "ftp.line_limit", CONF_SIZE, KEY(ftp_line_limit), "4096", 64, MIB / 4,
      "one command or line of a reply; what is longer is cut and told", NULL },
    { "ftp.file_limit", CONF_SIZE, KEY(ftp_file_limit), "100kb", 0, 1024 * MIB,
      "bytes of a transferred file that rules see", NULL },
    { "ftp.data_timeout", CONF_DURATION, KEY(ftp_data_timeout), "5m", 1000000000ull,
      86400000000000ull, "how long an announced data connection is waited for", NULL },
    { "mqtt.message_limit", CONF_SIZE, KEY(mqtt_message_limit), "1000kb", 64, 1000 * KIB,
      "one message; larger ones are told, not read", NULL },
    { "mqtt.log_limit", CONF_SIZE, KEY(mqtt_log_limit), "1kb", 1, MIB,
      "bytes of one text of a message that events show", NULL },
    { "files.md5", CONF_BOOL, KEY(file_md5), "no", 0, 0, "MD5 of each file", NULL },
    { "files.sha1", CONF_BOOL, KEY(file_sha1), "no", 0, 0, "SHA-1 of each file", NULL },
    { "files.sha256", CONF_BOOL, KEY(file_sha256), "no", 0, 0, "SHA-256 of each file",
      NULL },
    { "files.magic", CONF_BOOL, KEY(file_magic), "no", 0, 0,
      "the kind of each file by its first bytes", NULL },
    { "frames.limit", CONF_SIZE, KEY(frame_limit), "256kb", 256, 1024 * MIB,
      "bytes of one frame that rules see", NULL },
};

const struct conf_section app_conf_section = {
    .path = "app", .keys = app_keys, .n_keys = sizeof app_keys / sizeof *app_keys
};
