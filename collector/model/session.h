/* What the collector knows about one run of one sensor: for each of its workers, which
 * numbers have come and up to which they are settled.
 *
 * A record is received once: a number not above the last one received is known already
 * and is not taken again.  It is settled when it is durable (in the index, was there, or
 * in the dead-letter index).  Records settle in any order; a worker's durable number is
 * the last one before which everything received is settled.  Numbers may have holes.
 *
 * All functions may be called from any thread; one lock guards the table. */
#ifndef CIVICSHIELD_COLLECTOR_SESSION_H
#define CIVICSHIELD_COLLECTOR_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SESSION_MAX_WORKERS 256
#define SESSION_SENSOR_SIZE 64          /* With the NUL. */

struct sessions;
struct session;

/* Goes with a record from intake to settlement. */
struct receipt {
    struct session *session;
    uint32_t worker;
    uint64_t ticket;            /* Place in the worker's order of arrival. */
    uint64_t number;
    uint64_t size;              /* Bytes that the record counts in the memory limit. */
};

/* Remembers at most 'max' sessions; the one that was left longest ago makes room. */
struct sessions *sessions_create(size_t max);
void sessions_destroy(struct sessions *);       /* NULL is fine. */

/* The session of a sensor's run, old or new; the caller leaves it by session_leave().
 * NULL: too many are in use, or the run is known with another number of workers. */
struct session *sessions_enter(struct sessions *, const char *sensor, uint64_t epoch,
                               unsigned n_workers);
void session_leave(struct session *);

/* Fixed for the life of the session. */
const char *session_sensor(const struct session *);
uint64_t session_epoch(const struct session *);
unsigned session_n_workers(const struct session *);

/* Fills the session, worker, number and ticket of 'receipt'; false: not new, not taken. */
bool session_receive(struct session *, unsigned worker, uint64_t number,
                     struct receipt *receipt);
void session_settle(const struct receipt *);
/* All that was received up to this number is settled; 0: none. */
uint64_t session_durable(const struct session *, unsigned worker);

#endif
