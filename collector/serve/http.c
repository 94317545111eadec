#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

#include "collector/serve/serve.h"
#include "common/base/alloc.h"
#include "common/obs/log.h"

#define MODULE "serve"
#define MAX_CONNECTIONS 64
#define TIMEOUT_S 15

struct serve {
    struct serve_options options;
    struct MHD_Daemon *daemon;
    unsigned port;
};

#define KEY(member) offsetof(struct serve_conf, member)
static const struct conf_key keys[] = {
    { "address", CONF_TEXT, KEY(address), "127.0.0.1", 0, 0,
      "IP address for /healthz, /readyz and /metrics", NULL },
    { "port", CONF_UINT, KEY(port), "5766", 0, 65535,
      "port for them; 0 takes a free one and prints it", NULL },
};

const struct conf_section serve_section = { "http", keys, sizeof keys / sizeof keys[0] };

/* Takes the text out of 'body'. */
static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status,
                              const char *type, struct strbuf *body)
{
    struct MHD_Response *response;
    enum MHD_Result result;

    response = MHD_create_response_from_buffer(body->size, body->text,
                                               MHD_RESPMEM_MUST_COPY);
    strbuf_fini(body);
    if (response == NULL) {
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", type);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        MHD_add_response_header(response, "Allow", "GET, HEAD");
    }
    result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_ready(struct serve *serve, struct MHD_Connection *connection)
{
    struct strbuf text = STRBUF_EMPTY;
    bool is_ready = serve->options.is_ready(serve->options.state, &text);

    if (is_ready) {
        strbuf_clear(&text);
        strbuf_puts(&text, "ready");
    }
    strbuf_putc(&text, '\n');
    return answer(connection, is_ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
                  "text/plain; charset=utf-8", &text);
}

static enum MHD_Result answer_metrics(struct serve *serve,
                                      struct MHD_Connection *connection)
{
    struct strbuf text = STRBUF_EMPTY, reason = STRBUF_EMPTY;
    bool is_ready = serve->options.is_ready(serve->options.state, &reason);

    strbuf_fini(&reason);
    serve_write_metrics(serve->options.counters, is_ready, &text);
    return answer(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", &text);
}

static enum MHD_Result take_request(void *state, struct MHD_Connection *connection,
                                    const char *path, const char *method,
                                    const char *version, const char *upload,
                                    size_t *upload_size, void **per_request)
{
    struct strbuf text = STRBUF_EMPTY;

    (void) version, (void) upload, (void) upload_size, (void) per_request;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        strbuf_puts(&text, "only GET\n");
        return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain", &text);
    }
    if (strcmp(path, "/healthz") == 0) {
        strbuf_puts(&text, "ok\n");
        return answer(connection, MHD_HTTP_OK, "text/plain; charset=utf-8", &text);
    }
    if (strcmp(path, "/readyz") == 0) {
        return answer_ready(state, connection);
    }
    if (strcmp(path, "/metrics") == 0) {
        return answer_metrics(state, connection);
    }
    strbuf_puts(&text, "there are /healthz, /readyz and /metrics\n");
    return answer(connection, MHD_HTTP_NOT_FOUND, "text/plain", &text);
}

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static bool read_address(const struct serve_conf *conf, union address *address)
{
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, conf->address, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons((uint16_t) conf->port);
        return true;
    }
    if (inet_pton(AF_INET6, conf->address, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons((uint16_t) conf->port);
        return true;
    }
    return false;
}

struct serve *serve_open(const struct serve_options *options, struct diag *diag)
{
    const struct serve_conf *conf = options->conf;
    struct serve *serve;
    union address address;
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO;

    if (!read_address(conf, &address)) {
        diag_add(diag, DIAG_ERROR, NULL, 0, 0, NULL,
                 "http.address: expected an IP address, not \"%s\"", conf->address);
        return NULL;
    }
    if (address.any.sa_family == AF_INET6) {
        flags |= MHD_USE_IPv6;
    }
    serve = xcalloc(1, sizeof *serve);
    serve->options = *options;
    serve->daemon = MHD_start_daemon(
        flags, (uint16_t) conf->port, NULL, NULL, take_request, serve,
        MHD_OPTION_SOCK_ADDR, &address.any, MHD_OPTION_CONNECTION_LIMIT, MAX_CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_S, MHD_OPTION_END);
    if (serve->daemon == NULL) {
        diag_add(diag, DIAG_ERROR, NULL, 0, 0, NULL,
                 "http: %s:%u cannot be listened on; is it in use?", conf->address,
                 (unsigned) conf->port);
        free(serve);
        return NULL;
    }
    serve->port = MHD_get_daemon_info(serve->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    log_info(MODULE, "listening", "address=%s port=%u", conf->address, serve->port);
    return serve;
}

unsigned serve_port(const struct serve *serve)
{
    return serve->port;
}

void serve_close(struct serve *serve)
{
    if (serve != NULL) {
        MHD_stop_daemon(serve->daemon);
        free(serve);
    }
}
