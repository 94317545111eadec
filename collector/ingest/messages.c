#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>

#include "collector/ingest/ingest_private.h"

static grpc_byte_buffer *pack(const Civicshield__Wire__V1__ServerMessage *message)
{
    size_t size = civicshield__wire__v1__server_message__get_packed_size(message);
    grpc_slice slice = grpc_slice_malloc(size);
    grpc_byte_buffer *buffer;

    civicshield__wire__v1__server_message__pack(message, GRPC_SLICE_START_PTR(slice));
    buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    return buffer;
}

const Civicshield__Wire__V1__ClientMessage *message_read(struct ingest *ingest,
                                                         grpc_byte_buffer *buffer)
{
    const Civicshield__Wire__V1__ClientMessage *message;
    grpc_byte_buffer_reader reader;
    grpc_slice slice;

    if (!grpc_byte_buffer_reader_init(&reader, buffer)) {
        return NULL;
    }
    arena_reset(&ingest->arena);
    slice = grpc_byte_buffer_reader_readall(&reader);
    message = civicshield__wire__v1__client_message__unpack(
        &ingest->allocator, GRPC_SLICE_LENGTH(slice), GRPC_SLICE_START_PTR(slice));
    grpc_slice_unref(slice);
    grpc_byte_buffer_reader_destroy(&reader);
    return message;
}

grpc_byte_buffer *message_welcome(const struct session *session, uint64_t *acked)
{
    Civicshield__Wire__V1__Ack acks[SESSION_MAX_WORKERS];
    Civicshield__Wire__V1__Ack *pointers[SESSION_MAX_WORKERS];
    Civicshield__Wire__V1__Welcome welcome = CIVICSHIELD__WIRE__V1__WELCOME__INIT;
    Civicshield__Wire__V1__ServerMessage message =
        CIVICSHIELD__WIRE__V1__SERVER_MESSAGE__INIT;
    unsigned n = session_n_workers(session);

    for (unsigned i = 0; i < n; i++) {
        civicshield__wire__v1__ack__init(&acks[i]);
        acks[i].worker = i;
        acks[i].number = acked[i] = session_durable(session, i);
        pointers[i] = &acks[i];
    }
    welcome.resume = pointers;
    welcome.n_resume = n;
    message.kind_case = CIVICSHIELD__WIRE__V1__SERVER_MESSAGE__KIND_WELCOME;
    message.welcome = &welcome;
    return pack(&message);
}

grpc_byte_buffer *message_ack(uint32_t worker, uint64_t number)
{
    Civicshield__Wire__V1__Ack ack = CIVICSHIELD__WIRE__V1__ACK__INIT;
    Civicshield__Wire__V1__ServerMessage message =
        CIVICSHIELD__WIRE__V1__SERVER_MESSAGE__INIT;

    ack.worker = worker;
    ack.number = number;
    message.kind_case = CIVICSHIELD__WIRE__V1__SERVER_MESSAGE__KIND_ACK;
    message.ack = &ack;
    return pack(&message);
}

grpc_byte_buffer *message_error(Civicshield__Wire__V1__Error__Code code, const char *text)
{
    Civicshield__Wire__V1__Error error = CIVICSHIELD__WIRE__V1__ERROR__INIT;
    Civicshield__Wire__V1__ServerMessage message =
        CIVICSHIELD__WIRE__V1__SERVER_MESSAGE__INIT;

    error.code = code;
    error.text = (char *) text;
    message.kind_case = CIVICSHIELD__WIRE__V1__SERVER_MESSAGE__KIND_ERROR;
    message.error = &error;
    return pack(&message);
}
