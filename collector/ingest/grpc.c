/* The server, its thread and its completion queue. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/impl/codegen/compression_types.h>
#include <grpc/support/log.h>
#include <grpc/support/time.h>

#include "collector/ingest/ingest_private.h"
#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/obs/log.h"

#define MODULE "ingest"
/* A message unfolds to a little more than its size. */
#define ARENA_BLOCK (1u << 20)
#define ARENA_LIMIT (32u << 20)
/* How often acknowledgements go out while records are settled, and how often the flags are
 * looked at otherwise. */
#define BUSY_MS 5u
#define QUIET_MS 100u
/* Streams that do not end by themselves at the close are cut off after this. */
#define GOODBYE_NS (3 * NS_PER_SEC)
#define KEEPALIVE_MS 20000
#define MIN_PING_MS 5000

/* ---- Lines of the library ---- */

/* gRPC tells of refused handshakes in its log alone, at its level "debug".  One intake per
 * process. */
static struct counters *_Atomic handshake_counters;

static void take_library_line(gpr_log_func_args *line)
{
    struct counters *counters = atomic_load(&handshake_counters);

    /* The server's own line, of which there is one for each. */
    if (counters != NULL && strncmp(line->message, "Handshaking failed", 18) == 0) {
        char text[256];

        /* The rest, in braces, is where in the library it was. */
        snprintf(text, sizeof text, "%.*s", (int) strcspn(line->message, "{"), line->message);
        for (char *c = text; *c != '\0'; c++) {
            *c = *c == '"' || *c == '\\' || (unsigned char) *c < ' ' ? '\'' : *c;
        }
        counter_add(&counters->refused_tls, 1);
        log_limited(LOG_LEVEL_WARN, MODULE, "a TLS handshake was refused", "reason=\"%s\"",
                    text);
    } else {
        log_debug("grpc", "library", "text=\"%s\"", line->message);
    }
}

/* ---- The loop ---- */

static void request_call(struct ingest *ingest)
{
    struct stream *s = stream_create(ingest);

    if (grpc_server_request_call(ingest->server, &s->call, &s->details, &s->metadata,
                                 ingest->queue, ingest->queue, &s->tags[TAG_CALL])
        != GRPC_CALL_OK) {
        log_error(MODULE, "no more streams can be awaited", NULL);
        stream_destroy(s);
        return;
    }
    s->n_pending++;
}

static void take_call(struct ingest *ingest, struct stream *s, bool success)
{
    s->n_pending--;
    if (!success) {
        stream_destroy(s);              /* The server is being shut down. */
        return;
    }
    list_push_back(&ingest->streams, &s->node);
    ingest->n_streams++;
    stream_accept(s);
    request_call(ingest);
}

static void take_event(struct ingest *ingest, const struct tag *tag, bool success)
{
    struct stream *s = tag->stream;

    if (tag->kind == TAG_CALL) {
        take_call(ingest, s, success);
    } else if (!stream_take_event(s, tag->kind, success)) {
        list_remove(&s->node);
        ingest->n_streams--;
        stream_destroy(s);
    }
}

static void tick(struct ingest *ingest)
{
    bool closing = atomic_load(&ingest->closing);

    LIST_FOR_EACH(node, &ingest->streams) {
        struct stream *s = LIST_ENTRY(node, struct stream, node);

        if (closing) {
            stream_say_goodbye(s);
        } else {
            stream_tick(s);
        }
    }
}

static bool is_busy(const struct ingest *ingest)
{
    return counter_read(&ingest->options.counters->in_memory) != 0;
}

/* Sleeps in the queue until something ends, 'ms' at most; false: the queue is shut down. */
static bool wait_for_event(struct ingest *ingest, unsigned ms)
{
    gpr_timespec deadline = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                         gpr_time_from_millis(ms, GPR_TIMESPAN));
    grpc_event event = grpc_completion_queue_next(ingest->queue, deadline, NULL);

    if (event.type == GRPC_OP_COMPLETE && event.tag != NULL) {
        take_event(ingest, event.tag, event.success);
    }
    return event.type != GRPC_QUEUE_SHUTDOWN;
}

static void serve_until_closing(struct ingest *ingest)
{
    uint64_t tick_at = 0;

    while (!atomic_load(&ingest->closing)) {
        wait_for_event(ingest, is_busy(ingest) ? BUSY_MS : QUIET_MS);
        if (clock_monotonic_ns() >= tick_at) {
            tick(ingest);
            tick_at = clock_monotonic_ns() + BUSY_MS * NS_PER_MS;
        }
    }
}

static void *run(void *state)
{
    struct ingest *ingest = state;
    uint64_t deadline;

    request_call(ingest);
    serve_until_closing(ingest);
    /* From here on new calls are turned away; the tag is NULL, nobody waits for it. */
    grpc_server_shutdown_and_notify(ingest->server, ingest->queue, NULL);
    deadline = clock_monotonic_ns() + GOODBYE_NS;
    while (!list_is_empty(&ingest->streams) && clock_monotonic_ns() < deadline) {
        tick(ingest);
        wait_for_event(ingest, BUSY_MS);
    }
    grpc_server_cancel_all_calls(ingest->server);
    while (!list_is_empty(&ingest->streams)) {
        wait_for_event(ingest, BUSY_MS);
    }
    grpc_completion_queue_shutdown(ingest->queue);
    while (wait_for_event(ingest, QUIET_MS)) {
    }
    return NULL;
}

/* ---- Life ---- */

static void *take_memory(void *state, size_t size)
{
    struct ingest *ingest = state;

    return arena_alloc(&ingest->arena, size != 0 ? size : 1);
}

static void keep_memory(void *state, void *memory)
{
    (void) state, (void) memory;        /* The whole arena is reset at once. */
}

static grpc_server *make_server(const struct ingest_conf *conf)
{
    grpc_arg args[] = {
        { .type = GRPC_ARG_INTEGER, .key = (char *) GRPC_ARG_ALLOW_REUSEPORT,
          .value.integer = 0 },
        { .type = GRPC_ARG_INTEGER, .key = (char *) GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
          .value.integer = INGEST_MAX_MESSAGE },
        /* The limit above holds before decompression: no sensor of ours compresses, so
         * nothing is unpacked, and what is compressed is no message. */
        { .type = GRPC_ARG_INTEGER, .key = (char *) GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION,
          .value.integer = 0 },
        { .type = GRPC_ARG_INTEGER,
          .key = (char *) GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET,
          .value.integer = 1 << GRPC_COMPRESS_NONE },
        { .type = GRPC_ARG_INTEGER, .key = (char *) GRPC_ARG_MAX_CONCURRENT_STREAMS,
          .value.integer = 4 },
        { .type = GRPC_ARG_INTEGER, .key = (char *) GRPC_ARG_KEEPALIVE_TIME_MS,
          .value.integer = KEEPALIVE_MS },
        { .type = GRPC_ARG_INTEGER,
          .key = (char *) GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
          .value.integer = MIN_PING_MS },
        { .type = GRPC_ARG_INTEGER, .key = (char *) GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
          .value.integer = 10000 },
    };
    grpc_channel_args all = { sizeof args / sizeof args[0], args };

    (void) conf;
    return grpc_server_create(&all, NULL);
}

static unsigned bind_port(struct ingest *ingest)
{
    const struct ingest_options *options = &ingest->options;
    grpc_ssl_pem_key_cert_pair pair = { options->tls->key, options->tls->certificate };
    grpc_server_credentials *credentials = grpc_ssl_server_credentials_create_ex(
        options->tls->ca, &pair, 1,
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY, NULL);
    char *address = xasprintf("%s:%u", options->conf->address,
                              (unsigned) options->conf->port);
    int port = grpc_server_add_http2_port(ingest->server, address, credentials);

    free(address);
    grpc_server_credentials_release(credentials);
    return port > 0 ? (unsigned) port : 0;
}

static void free_ingest(struct ingest *ingest)
{
    grpc_server_destroy(ingest->server);
    grpc_completion_queue_destroy(ingest->queue);
    arena_fini(&ingest->arena);
    free(ingest);
    atomic_store(&handshake_counters, NULL);
    grpc_shutdown_blocking();
}

/* Ends a server that has never been started to serve. */
static void abandon(struct ingest *ingest)
{
    grpc_server_shutdown_and_notify(ingest->server, ingest->queue, NULL);
    grpc_completion_queue_shutdown(ingest->queue);
    while (wait_for_event(ingest, QUIET_MS)) {
    }
    free_ingest(ingest);
}

struct ingest *ingest_open(const struct ingest_options *options, struct diag *diag)
{
    struct ingest *ingest;
    int error = 0;

    if (!tls_minimum_is_13()) {
        diag_add(diag, DIAG_ERROR, NULL, 0, 0, NULL,
                 "the least TLS version cannot be set in this program");
        return NULL;
    }
    ingest = xcalloc(1, sizeof *ingest);
    ingest->options = *options;
    list_init(&ingest->streams);
    arena_init(&ingest->arena, ARENA_BLOCK, ARENA_LIMIT);
    ingest->allocator = (ProtobufCAllocator) { take_memory, keep_memory, ingest };
    atomic_store(&handshake_counters, options->counters);
    gpr_set_log_function(take_library_line);
    gpr_set_log_verbosity(GPR_LOG_SEVERITY_DEBUG);
    grpc_init();
    ingest->queue = grpc_completion_queue_create_for_next(NULL);
    ingest->server = make_server(options->conf);
    grpc_server_register_completion_queue(ingest->server, ingest->queue, NULL);
    ingest->port = bind_port(ingest);
    grpc_server_start(ingest->server);
    if (ingest->port == 0) {
        diag_add(diag, DIAG_ERROR, NULL, 0, 0, NULL,
                 "listen: %s:%u cannot be listened on; is it in use?", options->conf->address,
                 (unsigned) options->conf->port);
        abandon(ingest);
        return NULL;
    }
    error = pthread_create(&ingest->thread, NULL, run, ingest);
    if (error != 0) {
        diag_add(diag, DIAG_ERROR, NULL, 0, 0, NULL, "no thread for the intake: %s",
                 strerror(error));
        abandon(ingest);
        return NULL;
    }
    return ingest;
}

unsigned ingest_port(const struct ingest *ingest)
{
    return ingest->port;
}

void ingest_stop(struct ingest *ingest)
{
    atomic_store(&ingest->stopping, true);
}

void ingest_close(struct ingest *ingest)
{
    if (ingest == NULL) {
        return;
    }
    atomic_store(&ingest->stopping, true);
    atomic_store(&ingest->closing, true);
    pthread_join(ingest->thread, NULL);
    free_ingest(ingest);
}
