#include "sensor/transport/messages.h"

#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>

#include "common/wire/event.h"

/* Records in one message; struct transport_conf allows no more. */
#define MAX_RECORDS 4096

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

grpc_byte_buffer *messages_hello(const struct transport *t)
{
    Civicshield__Wire__V1__Hello hello = CIVICSHIELD__WIRE__V1__HELLO__INIT;
    Civicshield__Wire__V1__ClientMessage message =
        CIVICSHIELD__WIRE__V1__CLIENT_MESSAGE__INIT;

    hello.schema_version = EVENT_SCHEMA_VERSION;
    hello.epoch = t->epoch;
    hello.workers = t->n_workers;
    hello.version = t->version;
    hello.sensor = (char *) t->files.name;
    message.kind_case = CIVICSHIELD__WIRE__V1__CLIENT_MESSAGE__KIND_HELLO;
    message.hello = &hello;
    return pack(&message);
}

grpc_byte_buffer *messages_batch(struct outbox *o, unsigned worker, size_t max)
{
    /* The uplink is one thread. */
    static _Thread_local Civicshield__Wire__V1__Record records[MAX_RECORDS];
    static _Thread_local Civicshield__Wire__V1__Record *pointers[MAX_RECORDS];
    Civicshield__Wire__V1__Batch batch = CIVICSHIELD__WIRE__V1__BATCH__INIT;
    Civicshield__Wire__V1__ClientMessage message =
        CIVICSHIELD__WIRE__V1__CLIENT_MESSAGE__INIT;
    struct outbox_record record;
    size_t n = 0, bytes = 0;

    while (n < max && n < MAX_RECORDS && bytes < MESSAGES_BATCH_BYTES
           && outbox_peek(o, &record)) {
        pointers[n] = &records[n];
        civicshield__wire__v1__record__init(&records[n]);
        records[n].number = record.number;
        records[n].priority = record.priority;
        records[n].event = (ProtobufCBinaryData) {
            .len = record.size, .data = (uint8_t *) record.bytes
        };
        bytes += record.size;
        n++;
        outbox_advance(o);
    }
    if (n == 0) {
        return NULL;
    }
    batch.worker = worker;
    batch.first_number = records[0].number;
    batch.records = pointers;
    batch.n_records = n;
    message.kind_case = CIVICSHIELD__WIRE__V1__CLIENT_MESSAGE__KIND_BATCH;
    message.batch = &batch;
    return pack(&message);
}

Civicshield__Wire__V1__ServerMessage *messages_read(grpc_byte_buffer *buffer)
{
    Civicshield__Wire__V1__ServerMessage *message = NULL;
    grpc_byte_buffer_reader reader;
    grpc_slice slice;

    if (!grpc_byte_buffer_reader_init(&reader, buffer)) {
        return NULL;
    }
    slice = grpc_byte_buffer_reader_readall(&reader);
    message = civicshield__wire__v1__server_message__unpack(
        NULL, GRPC_SLICE_LENGTH(slice), GRPC_SLICE_START_PTR(slice));
    grpc_slice_unref(slice);
    grpc_byte_buffer_reader_destroy(&reader);
    return message;
}

void messages_free(Civicshield__Wire__V1__ServerMessage *message)
{
    if (message != NULL) {
        civicshield__wire__v1__server_message__free_unpacked(message, NULL);
    }
}
