/* What the collector counts.  Any thread adds, without order; /metrics reads.
 *
 * The ledger balances at any time that nothing moves:
 *     received = indexed + duplicate + dead_letter + discarded + in_memory */
#ifndef CIVICSHIELD_COLLECTOR_COUNTERS_H
#define CIVICSHIELD_COLLECTOR_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

/* X(member, Prometheus name without prefix and labels, labels, help).  Rows of one name
 * stand together; the help of the first is theirs. */
#define COLLECTOR_COUNTERS(X)                                                                \
    X(received, "records_received_total", "", "Records taken from sensors")                  \
    X(received_bytes, "record_bytes_received_total", "", "Bytes of the records taken")       \
    X(repeated, "records_repeated_total", "",                                                \
      "Records that a sensor sent again while they were still known; not taken")             \
    X(indexed, "records_indexed_total", "", "Records that Elasticsearch created")            \
    X(duplicate, "records_duplicate_total", "", "Records that Elasticsearch already had")    \
    X(dead_letter, "records_dead_letter_total", "", "Records put into the dead-letter index") \
    X(discarded, "records_discarded_total", "",                                              \
      "Records that even the dead-letter index refused")                                     \
    X(retried, "records_retried_total", "", "Times that a record was sent to Elasticsearch again") \
    X(bulk_requests, "bulk_requests_total", "", "Bulk requests sent")                        \
    X(bulk_failures, "bulk_failures_total", "", "Bulk requests that failed as a whole")      \
    X(streams, "streams_total", "", "Streams of sensors that were welcomed")                 \
    X(refused_tls, "refused_total", "{reason=\"tls\"}",                                      \
      "Connections, streams and messages of sensors refused, by reason")                     \
    X(refused_identity, "refused_total", "{reason=\"identity\"}", NULL)                      \
    X(refused_schema, "refused_total", "{reason=\"schema\"}", NULL)                          \
    X(refused_malformed, "refused_total", "{reason=\"malformed\"}", NULL)                    \
    X(refused_method, "refused_total", "{reason=\"method\"}", NULL)                          \
    X(refused_overloaded, "refused_total", "{reason=\"overloaded\"}", NULL)                  \
    X(pauses, "intake_pauses_total", "", "Times that reading stopped for want of memory")

/* The same for what also falls. */
#define COLLECTOR_GAUGES(X)                                                              \
    X(in_memory, "records_in_memory", "", "Records taken and not settled")               \
    X(in_memory_bytes, "records_in_memory_bytes", "", "Bytes that these take")           \
    X(bulks_in_flight, "bulk_requests_in_flight", "", "Bulk requests without an answer") \
    X(sensors, "sensors_connected", "", "Streams that are open")

struct counters {
#define X(member, name, labels, help) _Atomic uint64_t member;
    COLLECTOR_COUNTERS(X)
    COLLECTOR_GAUGES(X)
#undef X
};

static inline void counter_add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static inline void counter_sub(_Atomic uint64_t *gauge, uint64_t n)
{
    atomic_fetch_sub_explicit(gauge, n, memory_order_relaxed);
}

static inline uint64_t counter_read(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

#endif
