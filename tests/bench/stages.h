/* The limits of the stages: programs that run a capture through some of them, or through what
 * they are built on alone, and print what that took. */
#ifndef CIVICSHIELD_TESTS_BENCH_STAGES_H
#define CIVICSHIELD_TESTS_BENCH_STAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "rules/lang/lang.h"
#include "sensor/pipeline/worker.h"

/* Cumulative: each has those before it. */
enum stage {
    STAGE_PCAP,                 /* libpcap alone: each frame is fetched, none is kept. */
    STAGE_READ,                 /* The capture room: bursts of copied frames. */
    STAGE_DECODE,
    STAGE_FLOW,
    STAGE_CLASSIFY,             /* Flows, and nDPI where it is on. */
    STAGE_STREAM,               /* Reassembled bytes are handed to nobody. */
    STAGE_WORKER,               /* The product's own worker: parsers, rules, output. */
    STAGE_HYPERSCAN,            /* None of the others: one literal a rule over each payload. */
    N_STAGES
};

/* What a timed run went through. */
struct tally {
    uint64_t frames, bytes, packets, flows, stream_bytes, payloads, payload_bytes, patterns,
        matches, alerts, events;
    uint64_t refused;           /* For a limit: sessions, segments, transactions, nDPI's flows. */
    uint64_t flow_memory, stream_memory, app_memory;    /* Bytes held when all was read. */
};

/* ---- walk.c: decode to stream, without the product's conditions for what comes behind ---- */

struct walk;

struct walk *walk_create(enum stage, const struct settings *);
void walk_destroy(struct walk *);
void walk_frames(struct walk *, const struct frame *frames, size_t n);
void walk_expire(struct walk *, uint64_t now_ns);
/* Ends all flows. */
void walk_finish(struct walk *, uint64_t now_ns);
void walk_tally(const struct walk *, struct tally *);

/* ---- literals.c ---- */

struct literals;

/* One Hyperscan database, in block mode, of the literal by which each rule is found; equal ones
 * once.  NULL after a message on standard error. */
struct literals *literals_create(const struct ruleset *, const struct decode_conf *);
void literals_destroy(struct literals *);
/* Scans the payload of each packet in the frame. */
void literals_frame(struct literals *, const struct frame *);
void literals_tally(const struct literals *, struct tally *);

#endif
