/* Between the files of collector/ingest. */
#ifndef CIVICSHIELD_COLLECTOR_INGEST_PRIVATE_H
#define CIVICSHIELD_COLLECTOR_INGEST_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

#include "collector/ingest/ingest.h"
#include "common/base/arena.h"
#include "common/base/clock.h"
#include "common/base/list.h"
#include "common/wire/wire.h"

/* Path of the one method. */
#define INGEST_METHOD "/civicshield.wire.v1.Intake/Stream"
#define INGEST_MAX_MESSAGE (4 << 20)
/* A sensor puts no more than a quarter of this into one batch.  Each record takes memory
 * besides its bytes, and a message is taken as a whole. */
#define INGEST_MAX_RECORDS 16384
/* A stream that has not said hello after this is ended. */
#define INGEST_HELLO_NS (10 * NS_PER_SEC)

struct stream;

struct ingest {
    struct ingest_options options;
    unsigned port;
    pthread_t thread;
    _Atomic bool stopping;      /* Read no more. */
    _Atomic bool closing;       /* End the streams, then the thread. */

    /* The thread's own. */
    grpc_server *server;
    grpc_completion_queue *queue;
    struct list_node streams;   /* Those that were accepted. */
    size_t n_streams;
    struct arena arena;         /* Of one message. */
    ProtobufCAllocator allocator;
};

/* What an operation of gRPC was, when it comes back. */
enum tag_kind { TAG_CALL, TAG_START, TAG_CLOSE, TAG_READ, TAG_WRITE, TAG_END, N_TAGS };

struct tag {
    struct stream *stream;
    enum tag_kind kind;
};

/* One stream of one sensor.  It lives until all its tags are back. */
struct stream {
    struct list_node node;
    struct ingest *ingest;
    grpc_call *call;
    grpc_call_details details;
    grpc_metadata_array metadata;
    struct tag tags[N_TAGS];
    unsigned n_pending;         /* Tags that are out. */
    bool is_reading, is_writing, is_paused;
    bool is_ending;             /* Its status is on the way. */
    bool is_closed;             /* gRPC is done with it. */
    int was_cancelled;
    grpc_byte_buffer *receiving, *sending;
    char *peer;                 /* Address, for the log; gRPC's memory. */
    char sensor[SESSION_SENSOR_SIZE];   /* From the certificate. */
    uint64_t hello_until_ns;
    struct session *session;    /* After the hello. */
    uint64_t *acked;            /* Owned: what was told, for each worker. */
};

/* ---- stream.c: the protocol.  All on the intake's thread. ---- */

struct stream *stream_create(struct ingest *);
void stream_destroy(struct stream *);
/* A call came in: begins it, or refuses it. */
void stream_accept(struct stream *);
/* An operation came back.  False: it was the last one, the stream is to be destroyed. */
bool stream_take_event(struct stream *, enum tag_kind, bool success);
/* Acknowledges what has become durable, reads on if there is room again. */
void stream_tick(struct stream *);
/* Ends it once all is acknowledged that is durable. */
void stream_say_goodbye(struct stream *);
/* Another connection of the same sensor has taken over. */
void stream_supersede(struct stream *);

/* ---- messages.c ---- */

/* Into the intake's arena, which is reset first; NULL: malformed. */
const Civicshield__Wire__V1__ClientMessage *message_read(struct ingest *, grpc_byte_buffer *);
grpc_byte_buffer *message_welcome(const struct session *, uint64_t *acked);
grpc_byte_buffer *message_ack(uint32_t worker, uint64_t number);
grpc_byte_buffer *message_error(Civicshield__Wire__V1__Error__Code, const char *text);

#endif
