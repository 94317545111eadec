/* The messages of common/wire/transport.proto as gRPC wants them. */
#ifndef CIVICSHIELD_TRANSPORT_MESSAGES_H
#define CIVICSHIELD_TRANSPORT_MESSAGES_H

#include <grpc/byte_buffer.h>

#include "common/wire/transport.pb-c.h"
#include "sensor/transport/transport_private.h"

/* Path of the one method. */
#define MESSAGES_METHOD "/civicshield.wire.v1.Intake/Stream"

/* A batch stops growing at this size, so that one message holds nobody up. */
#define MESSAGES_BATCH_BYTES (256u << 10)

/* Each returns a buffer that the caller destroys once it is sent; gRPC empties it when it
 * sends, so it serves once. */
grpc_byte_buffer *messages_hello(const struct transport *);
/* Takes records from the outbox, from its cursor on, which is moved behind them: at most
 * 'max' and about MESSAGES_BATCH_BYTES.  NULL: there are none. */
grpc_byte_buffer *messages_batch(struct outbox *, unsigned worker, size_t max);

/* Reads a message of the collector; NULL if it is not one.  The caller frees it by
 * messages_free(). */
Civicshield__Wire__V1__ServerMessage *messages_read(grpc_byte_buffer *);
void messages_free(Civicshield__Wire__V1__ServerMessage *);

#endif
