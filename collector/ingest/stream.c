/* One stream: who it is, hello, batches, acknowledgements, end. */
#include <stdlib.h>
#include <string.h>

#include <grpc/byte_buffer.h>
#include <grpc/support/alloc.h>

#include "collector/ingest/ingest_private.h"
#include "common/base/alloc.h"
#include "common/obs/log.h"
#include "common/wire/event.h"

#define MODULE "ingest"
#define CODE(name) CIVICSHIELD__WIRE__V1__ERROR__CODE__##name

struct stream *stream_create(struct ingest *ingest)
{
    struct stream *s = xcalloc(1, sizeof *s);

    s->ingest = ingest;
    grpc_call_details_init(&s->details);
    grpc_metadata_array_init(&s->metadata);
    for (unsigned i = 0; i < N_TAGS; i++) {
        s->tags[i] = (struct tag) { s, (enum tag_kind) i };
    }
    return s;
}

void stream_destroy(struct stream *s)
{
    if (s->session != NULL) {
        session_leave(s->session);
        counter_sub(&s->ingest->options.counters->sensors, 1);
    }
    if (s->call != NULL) {
        grpc_call_unref(s->call);
    }
    grpc_call_details_destroy(&s->details);
    grpc_metadata_array_destroy(&s->metadata);
    gpr_free(s->peer);
    free(s->acked);
    free(s);
}

static void start_operations(struct stream *s, const grpc_op *ops, size_t n,
                             enum tag_kind kind)
{
    /* Fails only when this program breaks the rules of the interface. */
    if (grpc_call_start_batch(s->call, ops, n, &s->tags[kind], NULL) == GRPC_CALL_OK) {
        s->n_pending++;
    } else {
        log_error(MODULE, "an operation was refused", "kind=%d", (int) kind);
        grpc_call_cancel(s->call, NULL);
    }
}

static void start_read(struct stream *s)
{
    grpc_op op = { .op = GRPC_OP_RECV_MESSAGE };

    op.data.recv_message.recv_message = &s->receiving;
    s->is_reading = true;
    start_operations(s, &op, 1, TAG_READ);
}

/* Takes the message. */
static void start_write(struct stream *s, grpc_byte_buffer *message)
{
    grpc_op op = { .op = GRPC_OP_SEND_MESSAGE };

    op.data.send_message.send_message = message;
    s->sending = message;
    s->is_writing = true;
    start_operations(s, &op, 1, TAG_WRITE);
}

/* Sends the status, and 'message' before it unless that is NULL. */
static void end(struct stream *s, grpc_status_code status, const char *text,
                grpc_byte_buffer *message)
{
    grpc_slice details = grpc_slice_from_copied_string(text);
    grpc_op ops[2] = { { .op = GRPC_OP_SEND_STATUS_FROM_SERVER },
                       { .op = GRPC_OP_SEND_MESSAGE } };

    if (s->is_ending || s->is_closed) {
        grpc_byte_buffer_destroy(message);
        grpc_slice_unref(details);
        return;
    }
    s->is_ending = true;
    ops[0].data.send_status_from_server.status = status;
    ops[0].data.send_status_from_server.status_details = &details;
    ops[1].data.send_message.send_message = message;
    if (message != NULL && !s->is_writing) {
        s->sending = message;
        s->is_writing = true;
        start_operations(s, ops, 2, TAG_END);
    } else {
        grpc_byte_buffer_destroy(message);
        start_operations(s, ops, 1, TAG_END);
    }
    grpc_slice_unref(details);
}

static void refuse(struct stream *s, Civicshield__Wire__V1__Error__Code code,
                   const char *text)
{
    struct counters *counters = s->ingest->options.counters;
    grpc_status_code status = GRPC_STATUS_INVALID_ARGUMENT;
    _Atomic uint64_t *counter = &counters->refused_malformed;

    switch (code) {
    case CODE(SCHEMA):
        status = GRPC_STATUS_FAILED_PRECONDITION;
        counter = &counters->refused_schema;
        break;
    case CODE(IDENTITY):
        status = GRPC_STATUS_PERMISSION_DENIED;
        counter = &counters->refused_identity;
        break;
    case CODE(OVERLOADED):
        status = GRPC_STATUS_RESOURCE_EXHAUSTED;
        counter = &counters->refused_overloaded;
        break;
    default:
        break;
    }
    counter_add(counter, 1);
    log_limited(LOG_LEVEL_WARN, MODULE, "a stream was refused",
                "peer=%s sensor=\"%s\" reason=\"%s\"", s->peer, s->sensor, text);
    end(s, status, text, message_error(code, text));
}

/* ---- Who it is ---- */

static bool copy_property(grpc_auth_context *context, const char *name, char *out)
{
    grpc_auth_property_iterator i = grpc_auth_context_find_properties_by_name(context, name);
    const grpc_auth_property *property = grpc_auth_property_iterator_next(&i);

    out[0] = '\0';
    if (property != NULL && property->value_length < SESSION_SENSOR_SIZE) {
        memcpy(out, property->value, property->value_length);
        out[property->value_length] = '\0';
        if (strlen(out) != property->value_length) {
            out[0] = '\0';
        }
    }
    return property != NULL;
}

/* As common/tls: the common name, or the first DNS name where there is none. */
static bool identify(struct stream *s)
{
    grpc_auth_context *context = grpc_call_auth_context(s->call);

    if (context == NULL || !grpc_auth_context_peer_is_authenticated(context)) {
        grpc_auth_context_release(context);
        return false;
    }
    if (!copy_property(context, GRPC_X509_CN_PROPERTY_NAME, s->sensor)) {
        copy_property(context, GRPC_X509_SAN_PROPERTY_NAME, s->sensor);
    }
    grpc_auth_context_release(context);
    return tls_name_check(s->sensor);
}

void stream_accept(struct stream *s)
{
    grpc_op start = { .op = GRPC_OP_SEND_INITIAL_METADATA };
    grpc_op close = { .op = GRPC_OP_RECV_CLOSE_ON_SERVER };

    s->peer = grpc_call_get_peer(s->call);
    s->hello_until_ns = clock_monotonic_ns() + INGEST_HELLO_NS;
    close.data.recv_close_on_server.cancelled = &s->was_cancelled;
    start_operations(s, &close, 1, TAG_CLOSE);
    start_operations(s, &start, 1, TAG_START);
    if (grpc_slice_str_cmp(s->details.method, INGEST_METHOD) != 0) {
        counter_add(&s->ingest->options.counters->refused_method, 1);
        log_limited(LOG_LEVEL_WARN, MODULE, "a method that is not known", "peer=%s", s->peer);
        end(s, GRPC_STATUS_UNIMPLEMENTED, "not a method of this collector", NULL);
    } else if (!identify(s)) {
        refuse(s, CODE(IDENTITY), "the certificate has no usable name");
    } else if (s->ingest->n_streams > s->ingest->options.conf->max_sensors) {
        refuse(s, CODE(OVERLOADED), "too many sensors are connected");
    } else {
        start_read(s);
    }
}

/* ---- What the sensor says ---- */

static void supersede_others(struct stream *s)
{
    LIST_FOR_EACH(node, &s->ingest->streams) {
        struct stream *other = LIST_ENTRY(node, struct stream, node);

        if (other != s && other->session == s->session) {
            stream_supersede(other);
        }
    }
}

static void take_hello(struct stream *s, const Civicshield__Wire__V1__Hello *hello)
{
    struct ingest *ingest = s->ingest;

    if (s->session != NULL) {
        refuse(s, CODE(MALFORMED), "a second hello");
    } else if (hello->schema_version != EVENT_SCHEMA_VERSION) {
        refuse(s, CODE(SCHEMA), "the schema version is not spoken here");
    } else if (strcmp(hello->sensor, "") != 0 && strcmp(hello->sensor, s->sensor) != 0) {
        refuse(s, CODE(IDENTITY), "the certificate has another name than the hello");
    } else if (hello->workers == 0 || hello->workers > SESSION_MAX_WORKERS) {
        refuse(s, CODE(MALFORMED), "the number of workers is out of range");
    } else {
        s->session = sessions_enter(ingest->options.sessions, s->sensor, hello->epoch,
                                    hello->workers);
        if (s->session == NULL) {
            refuse(s, CODE(OVERLOADED), "no room for one more run, or the run is known with "
                                        "another number of workers");
            return;
        }
        supersede_others(s);
        counter_add(&ingest->options.counters->sensors, 1);
        counter_add(&ingest->options.counters->streams, 1);
        log_info(MODULE, "a sensor is connected", "sensor=%s epoch=%016llx workers=%u peer=%s",
                 s->sensor, (unsigned long long) hello->epoch, hello->workers, s->peer);
        s->acked = xcalloc(hello->workers, sizeof *s->acked);
        start_write(s, message_welcome(s->session, s->acked));
    }
}

static void take_batch(struct stream *s, const Civicshield__Wire__V1__Batch *batch)
{
    const struct ingest_options *options = &s->ingest->options;
    struct receipt receipt = { 0 };
    uint64_t bytes = 0, n_new = 0;

    if (s->session == NULL || batch->worker >= session_n_workers(s->session)) {
        refuse(s, CODE(MALFORMED), s->session == NULL ? "a batch before the hello"
                                                      : "a batch of a worker that is none");
        return;
    }
    if (batch->n_records > INGEST_MAX_RECORDS) {
        refuse(s, CODE(MALFORMED), "too many records in a batch");
        return;
    }
    for (size_t i = 0; i < batch->n_records; i++) {
        const Civicshield__Wire__V1__Record *record = batch->records[i];

        if (session_receive(s->session, batch->worker, record->number, &receipt)) {
            receipt.size = record->event.len;
            bytes += record->event.len;
            n_new++;
            options->taker.take(options->taker.state, &receipt,
                                slice_of(record->event.data, record->event.len));
        }
    }
    counter_add(&options->counters->repeated, batch->n_records - n_new);
    counter_add(&options->counters->received_bytes, bytes);
}

static void take_message(struct stream *s, grpc_byte_buffer *buffer)
{
    const Civicshield__Wire__V1__ClientMessage *message = message_read(s->ingest, buffer);

    if (message == NULL) {
        refuse(s, CODE(MALFORMED), "a message is not of this schema");
        return;
    }
    switch (message->kind_case) {
    case CIVICSHIELD__WIRE__V1__CLIENT_MESSAGE__KIND_HELLO:
        take_hello(s, message->hello);
        break;
    case CIVICSHIELD__WIRE__V1__CLIENT_MESSAGE__KIND_BATCH:
        take_batch(s, message->batch);
        break;
    default:
        refuse(s, CODE(MALFORMED), "a message of an unknown kind");
        break;
    }
}

/* ---- Going on ---- */

static void read_on(struct stream *s)
{
    const struct ingest_options *options = &s->ingest->options;

    if (s->is_reading || s->is_ending || s->is_closed
        || atomic_load(&s->ingest->stopping)) {
        return;
    }
    if (options->taker.has_room(options->taker.state)) {
        s->is_paused = false;
        start_read(s);
    } else if (!s->is_paused) {
        s->is_paused = true;
        counter_add(&options->counters->pauses, 1);
    }
}

/* True if there was something to acknowledge. */
static bool acknowledge(struct stream *s)
{
    for (unsigned i = 0; i < session_n_workers(s->session); i++) {
        uint64_t durable = session_durable(s->session, i);

        if (durable > s->acked[i]) {
            s->acked[i] = durable;
            start_write(s, message_ack(i, durable));
            return true;
        }
    }
    return false;
}

void stream_tick(struct stream *s)
{
    /* It would hold the place of a sensor for nothing. */
    if (s->session == NULL && !s->is_ending && !s->is_closed
        && clock_monotonic_ns() >= s->hello_until_ns) {
        refuse(s, CODE(MALFORMED), "no hello in time");
    }
    if (s->session != NULL && !s->is_writing && !s->is_ending && !s->is_closed) {
        acknowledge(s);
    }
    if (s->is_paused) {
        read_on(s);
    }
}

void stream_say_goodbye(struct stream *s)
{
    if (!s->is_writing && !s->is_ending && (s->session == NULL || !acknowledge(s))) {
        end(s, GRPC_STATUS_UNAVAILABLE, "the collector stops", NULL);
    }
}

void stream_supersede(struct stream *s)
{
    log_info(MODULE, "a sensor has come back over another connection", "sensor=%s peer=%s",
             s->sensor, s->peer);
    grpc_call_cancel_with_status(s->call, GRPC_STATUS_ABORTED,
                                 "another connection has taken over", NULL);
}

static void take_read(struct stream *s, bool success)
{
    grpc_byte_buffer *buffer = s->receiving;

    s->is_reading = false;
    s->receiving = NULL;
    if (!success || buffer == NULL) {
        end(s, GRPC_STATUS_OK, "", NULL);       /* The sensor has said all. */
        return;
    }
    if (!s->is_ending) {
        take_message(s, buffer);
    }
    grpc_byte_buffer_destroy(buffer);
    read_on(s);
}

static void drop_sending(struct stream *s)
{
    grpc_byte_buffer_destroy(s->sending);
    s->sending = NULL;
    s->is_writing = false;
}

bool stream_take_event(struct stream *s, enum tag_kind kind, bool success)
{
    s->n_pending--;
    switch (kind) {
    case TAG_READ:
        take_read(s, success);
        break;
    case TAG_WRITE:
        drop_sending(s);
        stream_tick(s);
        break;
    case TAG_END:
        if (s->sending != NULL) {
            drop_sending(s);
        }
        break;
    case TAG_CLOSE:
        s->is_closed = true;
        if (s->session != NULL) {
            log_info(MODULE, "a sensor has gone", "sensor=%s peer=%s cancelled=%d", s->sensor,
                     s->peer, s->was_cancelled);
        }
        break;
    default:
        break;
    }
    return s->n_pending != 0 || !s->is_closed;
}
