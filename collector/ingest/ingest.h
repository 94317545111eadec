/* How records of sensors arrive: a gRPC server with mutual TLS, one bidirectional stream
 * per sensor (common/wire/transport.proto).
 *
 * A sensor is who its certificate says.  Each record that is new is handed on once, with a
 * receipt; what the session of that receipt says is durable is acknowledged to the sensor.
 * While the taker has no room, nothing is read, and gRPC's flow control holds the sensors
 * back.
 *
 * Threads: one of this room's own drives the completion queue and calls the taker; the
 * functions below are for the thread that opened. */
#ifndef CIVICSHIELD_COLLECTOR_INGEST_H
#define CIVICSHIELD_COLLECTOR_INGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/model/counters.h"
#include "collector/model/session.h"
#include "common/base/diag.h"
#include "common/base/slice.h"
#include "common/conf/conf.h"
#include "common/tls/tls.h"

/* Section "listen". */
struct ingest_conf {
    char *address;
    uint64_t port;              /* 0: any free one. */
    uint64_t max_sensors;
    uint64_t memory;            /* Bytes of records taken and not settled. */
};
extern const struct conf_section ingest_section;

/* Section "tls". */
struct ingest_tls_conf {
    char *ca, *certificate, *key;       /* PEM files. */
};
extern const struct conf_section ingest_tls_section;

/* Called on the intake's thread. */
struct ingest_taker {
    void *state;
    /* Takes a record; 'bytes' are borrowed for the call.  The receipt is complete. */
    void (*take)(void *state, const struct receipt *, struct slice bytes);
    /* False: do not read on for now. */
    bool (*has_room)(void *state);
};

struct ingest_options {
    const struct ingest_conf *conf;
    const struct tls_files *tls;        /* Kept by the caller until ingest_close(). */
    struct counters *counters;
    struct sessions *sessions;
    struct ingest_taker taker;
};

struct ingest;

/* Reads and checks the files of section "tls". */
bool ingest_tls_read(const struct ingest_tls_conf *, struct tls_files *, struct diag *);

/* Listens.  NULL after reporting to 'diag'. */
struct ingest *ingest_open(const struct ingest_options *, struct diag *);
unsigned ingest_port(const struct ingest *);
/* Reads no more; streams stay, for the acknowledgements of what was taken. */
void ingest_stop(struct ingest *);
/* Sends the last acknowledgements, ends all streams and frees.  NULL is fine. */
void ingest_close(struct ingest *);

#endif
