/* Moves records from the workers to the collector over one gRPC stream, each once and in
 * order, and knows nothing of what is in them.
 *
 *     worker: encode a record, transport_offer()        one ring per worker, no lock
 *     uplink: ring -> batches -> stream; acknowledgements release the ring
 *
 * A worker's ring is also its outbox: a record stays in it until the collector has said
 * that it is durable.  After a lost connection the uplink asks the collector what it has
 * and goes on from there.
 *
 * Threads: transport_offer() is called by the thread that owns the worker number; the rest
 * by the thread that opened.  The uplink is a thread of this room's own. */
#ifndef CIVICSHIELD_TRANSPORT_H
#define CIVICSHIELD_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/diag.h"
#include "common/conf/conf.h"
#include "common/tls/tls.h"

#define TRANSPORT_MAX_WORKERS 256
#define TRANSPORT_MAX_RECORD (1u << 20)         /* Bytes. */
#define TRANSPORT_MAX_MEMORY (16ull << 30)       /* Bytes, all workers together. */

/* Section "collector". */
struct transport_conf {
    char *address;              /* "host:port"; NULL: no collector. */
    char *server_name;          /* Expected in its certificate; NULL: the host. */
    char *ca, *certificate, *key;       /* PEM files. */
    uint64_t memory;            /* Bytes for records of all workers until acknowledged. */
    uint64_t batch_records;     /* The most in one message. */
    uint64_t finish_timeout_ns; /* For the caller of transport_finish(). */
};
extern const struct conf_section transport_section;

/* Priorities are those of common/wire/events.toml, 0 to 9.  Live, the lower ones are given
 * up first when the collector is away or slow: 0 to 2 may fill half of a ring, 3 to 6 nine
 * tenths, 7 to 9 all of it. */
#define TRANSPORT_N_PRIORITIES 10

struct transport;

struct transport_options {
    const struct transport_conf *conf;  /* Its address is set. */
    uint64_t epoch;             /* One run; in replay a hash of what goes in. */
    const char *version;        /* Of the sensor's software, for the collector's log. */
    unsigned n_workers;         /* 1 to TRANSPORT_MAX_WORKERS. */
};

/* Offered = acked + held + shed + too_large, at any time that no worker is in an offer. */
struct transport_ledger {
    uint64_t offered;
    uint64_t sent;              /* Records handed to gRPC, the first time. */
    uint64_t resent;            /* Records handed to gRPC again after a lost connection. */
    uint64_t acked;             /* Durable at the collector. */
    uint64_t shed;              /* Refused for want of room. */
    uint64_t too_large;         /* Refused: over TRANSPORT_MAX_RECORD or a quarter ring. */
    uint64_t held;              /* In a ring, not acknowledged. */
    uint64_t shed_by_priority[TRANSPORT_N_PRIORITIES];
    uint64_t connections;       /* Streams that got as far as the collector's welcome. */
};

/* Reads and checks the three files of 'conf' (all must be set).  False after reporting each
 * problem to 'diag' with its file.  For -T, and for the sensor's own name, which is what the
 * collector will take from the certificate. */
bool transport_files_read(const struct transport_conf *, struct tls_files *, struct diag *);

/* Starts the uplink, which connects and reconnects by itself; an absent collector is no
 * error.  NULL after reporting to 'diag'. */
struct transport *transport_open(const struct transport_options *, struct diag *);

/* Hands on a record of the worker, copied.  Numbers of one worker rise; gaps are fine.
 * With 'may_wait' (replay) it sleeps until there is room; otherwise a full ring refuses it,
 * and that is counted.  False: refused.  No lock and no system call unless it sleeps. */
bool transport_offer(struct transport *, unsigned worker, uint64_t number,
                     unsigned priority, const void *bytes, size_t size, bool may_wait);

/* Once no worker offers any more: waits until everything is acknowledged, at most for
 * 'timeout_ns'.  True if nothing is left. */
bool transport_finish(struct transport *, uint64_t timeout_ns);

/* Lets a worker that sleeps in transport_offer() go with a refusal, and every later one
 * that would have to wait: for a run that is told to stop while the collector is away. */
void transport_interrupt(struct transport *);

void transport_ledger_read(const struct transport *, struct transport_ledger *);
bool transport_is_connected(const struct transport *);

/* Ends the stream and frees; what was not acknowledged is gone.  NULL is fine. */
void transport_close(struct transport *);

#endif
