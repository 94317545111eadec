/* The uplink's thread: one connection after the other, each with one stream.
 *
 *   away ---> calling ---(welcome)---> open ---(call ended)---> away, and wait
 *
 * All operations of gRPC end in one completion queue, which this thread alone reads.  It
 * sleeps there, and looks at the rings when it wakes: workers never wake it, so that an
 * offer costs no system call. */
#include <stdlib.h>
#include <string.h>

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>

#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/obs/log.h"
#include "sensor/transport/messages.h"
#include "sensor/transport/transport_private.h"

#define MODULE "transport"
#define BACKOFF_MIN_MS 100u
#define BACKOFF_MAX_MS 5000u
/* How long the uplink sleeps when there is nothing to send: doubles up to the second. */
#define IDLE_MIN_MS 1u
#define IDLE_MAX_MS 20u
/* A collector that does not answer within this is as good as away. */
#define KEEPALIVE_MS 10000
#define KEEPALIVE_TIMEOUT_MS 10000
#define WELCOME_TIMEOUT_MS 10000u
#define GOODBYE_TIMEOUT_MS 2000u
#define MAX_SERVER_MESSAGE (1 << 20)

enum tag { TAG_START = 1, TAG_WRITE, TAG_READ, TAG_CLOSE, TAG_STATUS };
#define AS_TAG(t) ((void *) (uintptr_t) (t))

struct uplink {
    struct transport *t;
    grpc_completion_queue *queue;
    grpc_channel_credentials *credentials;

    /* The connection; all NULL or false while away. */
    grpc_channel *channel;
    grpc_call *call;
    unsigned n_pending;         /* Operations whose tags have not come back. */
    bool is_writing, is_welcome, has_ended;
    bool is_closing;            /* It ends by our wish, or is cut off at give_up_at_ns. */
    bool has_said_goodbye;
    grpc_byte_buffer *sending, *receiving;
    grpc_metadata_array initial, trailing;
    grpc_status_code status;
    grpc_slice details;

    unsigned next_worker;       /* To be asked first for the next batch. */
    unsigned idle_ms;
    struct backoff backoff;
    uint64_t retry_at_ns;       /* While away. */
    uint64_t give_up_at_ns;     /* Of a call that waits for its welcome or its end. */
    bool was_reported;          /* That the collector is away. */
};

static gpr_timespec after_ms(uint64_t ms)
{
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                        gpr_time_from_millis((int64_t) ms, GPR_TIMESPAN));
}

static uint64_t now_ns(void)
{
    return clock_monotonic_ns();
}

/* ---- The connection ---- */

static grpc_channel *make_channel(struct uplink *u)
{
    const char *name = u->t->conf->server_name;
    grpc_arg args[] = {
        { .type = GRPC_ARG_INTEGER, .key = (char *) GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL,
          .value.integer = 1 },
        { .type = GRPC_ARG_INTEGER, .key = (char *) GRPC_ARG_KEEPALIVE_TIME_MS,
          .value.integer = KEEPALIVE_MS },
        { .type = GRPC_ARG_INTEGER, .key = (char *) GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
          .value.integer = KEEPALIVE_TIMEOUT_MS },
        { .type = GRPC_ARG_INTEGER, .key = (char *) GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA,
          .value.integer = 0 },
        { .type = GRPC_ARG_INTEGER, .key = (char *) GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
          .value.integer = MAX_SERVER_MESSAGE },
        { .type = GRPC_ARG_INTEGER, .key = (char *) GRPC_ARG_ENABLE_HTTP_PROXY,
          .value.integer = 0 },
        { .type = GRPC_ARG_STRING, .key = (char *) GRPC_SSL_TARGET_NAME_OVERRIDE_ARG,
          .value.string = (char *) name },
    };
    size_t n = sizeof args / sizeof args[0] - (name == NULL);
    grpc_channel_args all = { n, args };

    return grpc_channel_create(u->t->conf->address, u->credentials, &all);
}

static void start_operation(struct uplink *u, const grpc_op *op, enum tag tag)
{
    /* Fails only when this program breaks the rules of the interface. */
    if (grpc_call_start_batch(u->call, op, 1, AS_TAG(tag), NULL) == GRPC_CALL_OK) {
        u->n_pending++;
    } else {
        log_error(MODULE, "an operation was refused", "tag=%d", (int) tag);
        grpc_call_cancel(u->call, NULL);
    }
}

static void start_read(struct uplink *u)
{
    grpc_op op = { .op = GRPC_OP_RECV_MESSAGE };

    op.data.recv_message.recv_message = &u->receiving;
    start_operation(u, &op, TAG_READ);
}

/* Takes the message. */
static void start_write(struct uplink *u, grpc_byte_buffer *message)
{
    grpc_op op = { .op = GRPC_OP_SEND_MESSAGE };

    op.data.send_message.send_message = message;
    u->sending = message;
    u->is_writing = true;
    start_operation(u, &op, TAG_WRITE);
}

static void connect_to_collector(struct uplink *u)
{
    grpc_op ops[2] = { { .op = GRPC_OP_SEND_INITIAL_METADATA },
                       { .op = GRPC_OP_RECV_INITIAL_METADATA } };
    grpc_op status = { .op = GRPC_OP_RECV_STATUS_ON_CLIENT };

    u->channel = make_channel(u);
    u->call = grpc_channel_create_call(u->channel, NULL, GRPC_PROPAGATE_DEFAULTS, u->queue,
                                       grpc_slice_from_static_string(MESSAGES_METHOD), NULL,
                                       gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    u->is_writing = u->is_welcome = u->has_ended = false;
    u->is_closing = u->has_said_goodbye = false;
    u->n_pending = 0;
    u->give_up_at_ns = now_ns() + WELCOME_TIMEOUT_MS * NS_PER_MS;
    grpc_metadata_array_init(&u->initial);
    grpc_metadata_array_init(&u->trailing);
    ops[1].data.recv_initial_metadata.recv_initial_metadata = &u->initial;
    status.data.recv_status_on_client.trailing_metadata = &u->trailing;
    status.data.recv_status_on_client.status = &u->status;
    status.data.recv_status_on_client.status_details = &u->details;
    start_operation(u, &status, TAG_STATUS);
    start_operation(u, &ops[0], TAG_START);
    start_operation(u, &ops[1], TAG_START);
    start_read(u);
    start_write(u, messages_hello(u->t));
}

static void report_end(struct uplink *u)
{
    char *details = grpc_slice_to_c_string(u->details);

    for (char *c = details; *c != '\0'; c++) {
        *c = *c == '"' || *c == '\\' || (unsigned char) *c < ' ' ? '\'' : *c;
    }
    if (u->is_welcome || !u->was_reported) {
        log_warn(MODULE, u->is_welcome ? "the connection was lost" : "no connection",
                 "address=\"%s\" status=%d reason=\"%s\"", u->t->conf->address,
                 (int) u->status, details);
        u->was_reported = true;
    }
    gpr_free(details);
}

/* All tags are back: nothing refers to the call any more. */
static void leave_connection(struct uplink *u)
{
    atomic_store(&u->t->connected, false);
    if (!u->is_closing) {
        report_end(u);
        u->retry_at_ns = now_ns() + backoff_next(&u->backoff) * NS_PER_MS;
    }
    grpc_slice_unref(u->details);
    grpc_metadata_array_destroy(&u->initial);
    grpc_metadata_array_destroy(&u->trailing);
    grpc_call_unref(u->call);
    grpc_channel_destroy(u->channel);
    u->call = NULL;
    u->channel = NULL;
    u->is_welcome = false;
}

/* ---- What the collector says ---- */

static void take_ack(struct uplink *u, const Civicshield__Wire__V1__Ack *ack)
{
    if (ack->worker < u->t->n_workers
        && outbox_acknowledge(&u->t->outboxes[ack->worker], ack->number)) {
        transport_wake(u->t);
    }
}

static void take_welcome(struct uplink *u, const Civicshield__Wire__V1__Welcome *welcome)
{
    for (unsigned i = 0; i < u->t->n_workers; i++) {
        outbox_rewind(&u->t->outboxes[i]);
    }
    for (size_t i = 0; i < welcome->n_resume; i++) {
        take_ack(u, welcome->resume[i]);
    }
    u->is_welcome = true;
    u->was_reported = false;
    backoff_reset(&u->backoff);
    atomic_store(&u->t->connected, true);
    atomic_fetch_add(&u->t->n_connections, 1);
    log_info(MODULE, "connected", "address=\"%s\" sensor=%s", u->t->conf->address,
             u->t->files.name);
}

static void take_message(struct uplink *u, grpc_byte_buffer *buffer)
{
    Civicshield__Wire__V1__ServerMessage *message = messages_read(buffer);

    if (message == NULL) {
        log_limited(LOG_LEVEL_WARN, MODULE, "a message of the collector is malformed", NULL);
        grpc_call_cancel(u->call, NULL);
        return;
    }
    switch (message->kind_case) {
    case CIVICSHIELD__WIRE__V1__SERVER_MESSAGE__KIND_WELCOME:
        if (!u->is_welcome) {
            take_welcome(u, message->welcome);
        }
        break;
    case CIVICSHIELD__WIRE__V1__SERVER_MESSAGE__KIND_ACK:
        take_ack(u, message->ack);
        break;
    case CIVICSHIELD__WIRE__V1__SERVER_MESSAGE__KIND_ERROR:
        log_limited(LOG_LEVEL_WARN, MODULE, "the collector refuses", "code=%d",
                    (int) message->error->code);
        break;
    default:
        break;                          /* Of a newer collector: not for us. */
    }
    messages_free(message);
}

/* ---- The loop ---- */

static void take_event(struct uplink *u, enum tag tag, bool success)
{
    u->n_pending--;
    switch (tag) {
    case TAG_WRITE:
        u->is_writing = false;
        grpc_byte_buffer_destroy(u->sending);
        u->sending = NULL;
        break;
    case TAG_READ:
        if (success && u->receiving != NULL) {
            take_message(u, u->receiving);
            grpc_byte_buffer_destroy(u->receiving);
            u->receiving = NULL;
            start_read(u);
        }
        break;
    case TAG_STATUS:
        u->has_ended = true;
        break;
    case TAG_START:
    case TAG_CLOSE:
        break;
    }
    if (u->has_ended && u->n_pending == 0) {
        leave_connection(u);
    }
}

static void send_next(struct uplink *u)
{
    for (unsigned i = 0; i < u->t->n_workers; i++) {
        unsigned worker = (u->next_worker + i) % u->t->n_workers;
        grpc_byte_buffer *batch = messages_batch(&u->t->outboxes[worker], worker,
                                                 (size_t) u->t->conf->batch_records);

        if (batch != NULL) {
            u->next_worker = (worker + 1) % u->t->n_workers;
            u->idle_ms = IDLE_MIN_MS;
            start_write(u, batch);
            return;
        }
    }
    u->idle_ms = u->idle_ms * 2 < IDLE_MAX_MS ? u->idle_ms * 2 : IDLE_MAX_MS;
}

static void say_goodbye(struct uplink *u)
{
    grpc_op op = { .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT };

    u->has_said_goodbye = true;
    if (u->is_welcome) {
        start_operation(u, &op, TAG_CLOSE);
    } else {
        grpc_call_cancel(u->call, NULL);
    }
}

/* Starts what can be started now; returns how long to sleep at most. */
static uint64_t act(struct uplink *u, bool closing)
{
    uint64_t now = now_ns();

    if (u->call == NULL) {
        if (now >= u->retry_at_ns && !closing) {
            connect_to_collector(u);
        }
        return IDLE_MAX_MS;
    }
    if (closing && !u->is_closing) {
        /* From now on: a write may be stuck for as long as the collector has no room. */
        u->is_closing = true;
        u->give_up_at_ns = now + GOODBYE_TIMEOUT_MS * NS_PER_MS;
    }
    if ((u->is_closing || !u->is_welcome) && now >= u->give_up_at_ns) {
        grpc_call_cancel(u->call, NULL);
        u->give_up_at_ns = UINT64_MAX;
    }
    if (u->has_ended || u->is_writing || u->has_said_goodbye) {
        return IDLE_MAX_MS;
    }
    if (closing) {
        say_goodbye(u);
    } else if (u->is_welcome) {
        send_next(u);
    }
    return u->idle_ms;
}

static void run(struct uplink *u)
{
    for (;;) {
        bool closing = atomic_load(&u->t->closing);
        uint64_t sleep_ms = act(u, closing);
        grpc_event event;

        if (closing && u->call == NULL) {
            return;
        }
        event = grpc_completion_queue_next(u->queue, after_ms(sleep_ms), NULL);
        if (event.type == GRPC_OP_COMPLETE) {
            take_event(u, (enum tag) (uintptr_t) event.tag, event.success);
        }
    }
}

void *transport_uplink_main(void *transport)
{
    struct uplink u = {
        .t = transport, .idle_ms = IDLE_MIN_MS,
    };
    grpc_ssl_pem_key_cert_pair pair = { u.t->files.key, u.t->files.certificate };

    backoff_init(&u.backoff, BACKOFF_MIN_MS, BACKOFF_MAX_MS, hash_seed_random());
    grpc_init();
    u.queue = grpc_completion_queue_create_for_next(NULL);
    u.credentials = grpc_ssl_credentials_create(u.t->files.ca, &pair, NULL, NULL);
    run(&u);
    grpc_channel_credentials_release(u.credentials);
    grpc_completion_queue_shutdown(u.queue);
    while (grpc_completion_queue_next(u.queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL)
               .type != GRPC_QUEUE_SHUTDOWN) {
    }
    grpc_completion_queue_destroy(u.queue);
    grpc_shutdown_blocking();
    return NULL;
}
