/* A sensor with a good certificate and bad intentions: what the intake does with messages
 * that no sensor of ours sends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/impl/codegen/compression_types.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>

#include "collector/ingest/ingest.h"
#include "common/base/clock.h"
#include "common/wire/event.h"
#include "common/wire/transport.pb-c.h"

#define METHOD "/civicshield.wire.v1.Intake/Stream"
#define STILL_OPEN (-1)

struct fixture {
    struct ingest_conf conf;
    struct ingest_tls_conf tls_conf;
    struct tls_files tls, own;
    struct counters counters;
    struct sessions *sessions;
    struct ingest *ingest;
    _Atomic uint64_t n_taken;
};

static char folder[] = "/tmp/civicshield-intruder-XXXXXX";
static char paths[5][96];

static int make_certificates(void **state)
{
    static const char *const names[] = {
        "ca.pem", "collector.pem", "collector.key", "alpha.pem", "alpha.key",
    };
    const char *root = getenv("SOURCE_ROOT");
    char command[512];

    if (root == NULL || mkdtemp(folder) == NULL) {
        return -1;
    }
    for (size_t i = 0; i < 5; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/%s", folder, names[i]);
    }
    snprintf(command, sizeof command, "'%s/scripts/make-certs' %s alpha", root, folder);
    return system(command) == 0 ? 0 : -1;
}

static int remove_certificates(void **state)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static void take(void *state, const struct receipt *receipt, struct slice bytes)
{
    struct fixture *f = state;

    f->n_taken++;
    session_settle(receipt);
}

static bool has_room(void *state)
{
    return true;
}

static int open_fixture(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct diag diag;

    diag_init(&diag);
    f->conf = (struct ingest_conf) { (char *) "127.0.0.1", 0, 16, 1 << 20 };
    f->tls_conf = (struct ingest_tls_conf) { paths[0], paths[1], paths[2] };
    assert_true(ingest_tls_read(&f->tls_conf, &f->tls, &diag));
    assert_true(tls_files_read(paths[0], paths[3], paths[4], &f->own, &diag));
    f->sessions = sessions_create(8);
    f->ingest = ingest_open(&(struct ingest_options) {
        .conf = &f->conf, .tls = &f->tls, .counters = &f->counters,
        .sessions = f->sessions, .taker = { f, take, has_room },
    }, &diag);
    assert_non_null(f->ingest);
    diag_fini(&diag);
    *state = f;
    return 0;
}

static int close_fixture(void **state)
{
    struct fixture *f = *state;

    ingest_close(f->ingest);
    sessions_destroy(f->sessions);
    tls_files_fini(&f->tls);
    tls_files_fini(&f->own);
    free(f);
    return 0;
}

/* ---- The intruder ---- */

struct intruder {
    grpc_completion_queue *queue;
    grpc_call *call;
    grpc_byte_buffer *received;
    int n_answers;
    bool has_ended, is_sent;
};

enum { READ = 1, WRITE, STATUS, START };

static void begin(struct intruder *x, grpc_op *ops, size_t n, uintptr_t tag)
{
    assert_int_equal(grpc_call_start_batch(x->call, ops, n, (void *) tag, NULL),
                     GRPC_CALL_OK);
}

static void read_on(struct intruder *x)
{
    grpc_op op = { .op = GRPC_OP_RECV_MESSAGE };

    op.data.recv_message.recv_message = &x->received;
    begin(x, &op, 1, READ);
}

/* One event, or none within the time. */
static bool step(struct intruder *x, gpr_timespec deadline)
{
    grpc_event event = grpc_completion_queue_next(x->queue, deadline, NULL);

    if (event.type != GRPC_OP_COMPLETE) {
        return false;
    }
    switch ((uintptr_t) event.tag) {
    case READ:
        if (event.success && x->received != NULL) {
            x->n_answers++;
            grpc_byte_buffer_destroy(x->received);
            x->received = NULL;
            read_on(x);
        }
        break;
    case WRITE:
        x->is_sent = true;
        break;
    case STATUS:
        x->has_ended = true;
        break;
    }
    return true;
}

static gpr_timespec after_seconds(int64_t n)
{
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                        gpr_time_from_seconds(n, GPR_TIMESPAN));
}

static grpc_byte_buffer *pack(const Civicshield__Wire__V1__ClientMessage *message)
{
    size_t size = civicshield__wire__v1__client_message__get_packed_size(message);
    grpc_slice slice = grpc_slice_malloc(size);
    grpc_byte_buffer *buffer;

    civicshield__wire__v1__client_message__pack(message, GRPC_SLICE_START_PTR(slice));
    buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    return buffer;
}

static grpc_byte_buffer *hello(const char *version)
{
    Civicshield__Wire__V1__Hello own = CIVICSHIELD__WIRE__V1__HELLO__INIT;
    Civicshield__Wire__V1__ClientMessage message =
        CIVICSHIELD__WIRE__V1__CLIENT_MESSAGE__INIT;

    own.schema_version = EVENT_SCHEMA_VERSION;
    own.epoch = 1;
    own.workers = 1;
    own.version = (char *) version;
    message.kind_case = CIVICSHIELD__WIRE__V1__CLIENT_MESSAGE__KIND_HELLO;
    message.hello = &own;
    return pack(&message);
}

/* A batch of 'n' records, numbered from 1, of one byte each. */
static grpc_byte_buffer *batch(size_t n)
{
    Civicshield__Wire__V1__Batch own = CIVICSHIELD__WIRE__V1__BATCH__INIT;
    Civicshield__Wire__V1__ClientMessage message =
        CIVICSHIELD__WIRE__V1__CLIENT_MESSAGE__INIT;
    Civicshield__Wire__V1__Record *records = calloc(n, sizeof *records);
    Civicshield__Wire__V1__Record **pointers = calloc(n, sizeof *pointers);
    grpc_byte_buffer *buffer;

    for (size_t i = 0; i < n; i++) {
        pointers[i] = &records[i];
        civicshield__wire__v1__record__init(&records[i]);
        records[i].number = i + 1;
        records[i].event = (ProtobufCBinaryData) { 1, (uint8_t *) "x" };
    }
    own.records = pointers;
    own.n_records = n;
    message.kind_case = CIVICSHIELD__WIRE__V1__CLIENT_MESSAGE__KIND_BATCH;
    message.batch = &own;
    buffer = pack(&message);
    free(pointers);
    free(records);
    return buffer;
}

/* Says the messages, which it takes, and waits up to 'seconds' for the end of the stream:
 * its status, or STILL_OPEN. */
static int speak(struct fixture *f, grpc_compression_algorithm compression,
                 grpc_byte_buffer **messages, size_t n, int64_t seconds, int *n_answers)
{
    grpc_ssl_pem_key_cert_pair pair = { f->own.key, f->own.certificate };
    grpc_arg args[] = {
        { .type = GRPC_ARG_INTEGER,
          .key = (char *) GRPC_COMPRESSION_CHANNEL_DEFAULT_ALGORITHM,
          .value.integer = (int) compression },
        { .type = GRPC_ARG_INTEGER, .key = (char *) GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL,
          .value.integer = 1 },
    };
    grpc_channel_args all = { 2, args };
    grpc_op start[2] = { { .op = GRPC_OP_SEND_INITIAL_METADATA },
                         { .op = GRPC_OP_RECV_INITIAL_METADATA } };
    grpc_op status = { .op = GRPC_OP_RECV_STATUS_ON_CLIENT };
    grpc_metadata_array initial, trailing;
    grpc_channel_credentials *credentials;
    grpc_channel *channel;
    grpc_status_code code = GRPC_STATUS_UNKNOWN;
    grpc_slice details;
    struct intruder x = { 0 };
    char address[32];
    int result;

    grpc_init();
    credentials = grpc_ssl_credentials_create(f->own.ca, &pair, NULL, NULL);
    snprintf(address, sizeof address, "127.0.0.1:%u", ingest_port(f->ingest));
    channel = grpc_channel_create(address, credentials, &all);
    x.queue = grpc_completion_queue_create_for_next(NULL);
    x.call = grpc_channel_create_call(channel, NULL, GRPC_PROPAGATE_DEFAULTS, x.queue,
                                      grpc_slice_from_static_string(METHOD), NULL,
                                      gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    grpc_metadata_array_init(&initial);
    grpc_metadata_array_init(&trailing);
    start[1].data.recv_initial_metadata.recv_initial_metadata = &initial;
    status.data.recv_status_on_client.trailing_metadata = &trailing;
    status.data.recv_status_on_client.status = &code;
    status.data.recv_status_on_client.status_details = &details;
    begin(&x, &status, 1, STATUS);
    begin(&x, start, 2, START);
    read_on(&x);
    for (size_t i = 0; i < n; i++) {
        grpc_op op = { .op = GRPC_OP_SEND_MESSAGE };

        op.data.send_message.send_message = messages[i];
        x.is_sent = false;
        begin(&x, &op, 1, WRITE);
        while (!x.is_sent) {
            assert_true(step(&x, after_seconds(20)));
        }
        grpc_byte_buffer_destroy(messages[i]);
    }
    for (gpr_timespec deadline = after_seconds(seconds); !x.has_ended;) {
        if (!step(&x, deadline)) {
            break;
        }
    }
    result = x.has_ended ? (int) code : STILL_OPEN;
    grpc_call_cancel(x.call, NULL);
    while (!x.has_ended) {
        assert_true(step(&x, after_seconds(20)));
    }
    if (n_answers != NULL) {
        *n_answers = x.n_answers;
    }
    grpc_completion_queue_shutdown(x.queue);
    while (grpc_completion_queue_next(x.queue, after_seconds(20), NULL).type
           == GRPC_OP_COMPLETE) {
    }
    grpc_slice_unref(details);
    grpc_metadata_array_destroy(&initial);
    grpc_metadata_array_destroy(&trailing);
    grpc_call_unref(x.call);
    grpc_completion_queue_destroy(x.queue);
    grpc_channel_destroy(channel);
    grpc_channel_credentials_release(credentials);
    grpc_shutdown_blocking();
    return result;
}

/* ---- Tests ---- */

static void a_hello_and_a_batch_are_welcome(void **state)
{
    grpc_byte_buffer *messages[] = { hello("test"), batch(100) };
    struct fixture *f = *state;
    int n_answers;

    assert_int_equal(speak(f, GRPC_COMPRESS_NONE, messages, 2, 1, &n_answers), STILL_OPEN);
    assert_true(n_answers >= 2);                /* The welcome and an acknowledgement. */
    assert_int_equal(f->n_taken, 100);
}

/* A few kilobytes on the wire could become gigabytes of memory, past all limits. */
static void a_compressed_message_is_refused_unopened(void **state)
{
    struct fixture *f = *state;
    size_t size = 12 << 20;
    char *version = malloc(size + 1);
    grpc_byte_buffer *message;
    int n_answers, status;

    memset(version, 'x', size);
    version[size] = '\0';
    message = hello(version);
    free(version);
    status = speak(f, GRPC_COMPRESS_GZIP, &message, 1, 5, &n_answers);
    assert_true(status != STILL_OPEN && status != GRPC_STATUS_OK);
    /* That it is too large is known only when it is unpacked. */
    assert_int_not_equal(status, GRPC_STATUS_RESOURCE_EXHAUSTED);
    assert_true(n_answers <= 1);                /* An error at most, no welcome. */
    assert_int_equal(counter_read(&f->counters.streams), 0);
}

/* Each record takes memory besides its bytes, and a message is taken as a whole. */
static void a_batch_of_more_records_than_sensors_send_is_refused(void **state)
{
    grpc_byte_buffer *messages[] = { hello("test"), batch(100000) };
    struct fixture *f = *state;

    assert_int_equal(speak(f, GRPC_COMPRESS_NONE, messages, 2, 10, NULL),
                     GRPC_STATUS_INVALID_ARGUMENT);
    assert_int_equal(f->n_taken, 0);
    assert_int_equal(counter_read(&f->counters.refused_malformed), 1);
}

static void a_stream_that_does_not_say_hello_is_ended(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(speak(f, GRPC_COMPRESS_NONE, NULL, 0, 14, NULL),
                     GRPC_STATUS_INVALID_ARGUMENT);
}

static void messages_out_of_order_are_refused(void **state)
{
    grpc_byte_buffer *first[] = { batch(1) }, *second[] = { hello("a"), hello("b") };
    struct fixture *f = *state;

    assert_int_equal(speak(f, GRPC_COMPRESS_NONE, first, 1, 10, NULL),
                     GRPC_STATUS_INVALID_ARGUMENT);
    assert_int_equal(speak(f, GRPC_COMPRESS_NONE, second, 2, 10, NULL),
                     GRPC_STATUS_INVALID_ARGUMENT);
    assert_int_equal(f->n_taken, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        TEST(a_hello_and_a_batch_are_welcome),
        TEST(a_compressed_message_is_refused_unopened),
        TEST(a_batch_of_more_records_than_sensors_send_is_refused),
        TEST(a_stream_that_does_not_say_hello_is_ended),
        TEST(messages_out_of_order_are_refused),
    };

    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
