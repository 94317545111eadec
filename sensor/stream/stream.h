/* stream: TCP segments -> bytes in order, in both directions, handed on as they grow.
 *
 * Payload is kept, in a pool with a limit per flow and in all, until its receiver has
 * acknowledged it: then it is handed on, as that has it (docs/decisions.md).  A gap is
 * waited for until the receiver acknowledges past it (then the capture has lost it) or a
 * limit is reached; it is handed on as a gap.  Overlaps follow one stated policy.
 * What was handed on stays until rules about raw bytes have seen it, and a little longer
 * where there are rules.
 * Also the TCP state machine: sets flow->tcp_state and flow->state.
 * One engine per worker; not thread-safe. */
#ifndef CIVICSHIELD_STREAM_H
#define CIVICSHIELD_STREAM_H

#include "common/conf/conf.h"
#include "sensor/model/flow.h"
#include "sensor/model/packet.h"
#include "sensor/stream/events.h"

struct stream_conf {
    bool midstream;             /* Pick up sessions whose handshake was not seen. */
    bool async_oneside;         /* Accept sessions of which only one side is seen. */
    bool wait_for_ack;          /* Hand on what is acknowledged; else what is in order. */
    uint64_t depth;             /* Bytes per direction that are reassembled; 0: no limit. */
    uint64_t memory;            /* Bytes of kept segments, per worker. */
    uint64_t flow_memory;       /* ... per flow. */
    uint64_t chunk_size[N_DIRECTIONS];  /* Raw bytes that rules wait for. */
    uint64_t max_sessions;      /* TCP states per worker. */
};
extern const struct conf_section stream_conf_section;

/* A piece of one direction.  'bytes' lives for the call only. */
struct stream_data {
    enum direction dir;
    uint64_t offset;            /* Of the first byte, behind the SYN; counts gaps. */
    const uint8_t *bytes;       /* NULL for a gap or an end alone. */
    uint32_t size;
    uint32_t gap;               /* Bytes missing just before 'offset'. */
    bool is_start;              /* The first piece of this direction. */
    bool is_end;                /* FIN, RST or the flow's end: nothing follows. */
    bool is_depth_reached;      /* Nothing follows, for the depth limit. */
};

/* 'packet' is the one that caused it; of a flow's end, a packet without bytes. */
typedef void stream_sink(void *context, struct flow *, const struct packet *packet,
                         const struct stream_data *);

struct stream_engine;

struct stream_engine *stream_engine_create(const struct stream_conf *, stream_sink *,
                                           void *context);
void stream_engine_destroy(struct stream_engine *);
/* There are no rules: nothing stays behind what was shown or skipped. */
void stream_engine_forget_shown(struct stream_engine *);

/* What became of a segment: later stages use it to tell what rules may look at. */
struct stream_result {
    bool is_valid;              /* In window, fits the state: a stream event says why not. */
    bool is_established;        /* Part of an established session (both sides, or async). */
    bool has_stream;            /* Payload goes through reassembly (rules on stream data see
                                 * it there and need not look at the packet). */
    bool state_changed;
    bool retransmission;
};

/* Feeds one TCP packet of 'flow' in direction 'dir'; calls the sink for all that became
 * ready in either direction.  Adds its malformations to packet->stream_events. */
struct stream_result stream_packet(struct stream_engine *, struct flow *, enum direction dir,
                                   struct packet *);
/* A packet of 'dir' is done with in every stage: lets go of what nobody needs any more. */
void stream_settle(struct flow *, enum direction dir);
/* The flow ends: hands on what is left of 'dir', also behind gaps and not acknowledged, then
 * an end unless there was one.  'last' is a packet without bytes that stands for the end. */
void stream_flow_finish(struct stream_engine *, struct flow *, enum direction dir,
                        const struct packet *last);
/* Frees the state. */
void stream_flow_end(struct stream_engine *, struct flow *);
/* Nothing more of this direction is wanted: no more calls for it. */
void stream_stop(struct flow *, enum direction);
/* The flow's protocol is wanted whole: its depth is no limit any more. */
void stream_lift_depth(struct flow *);
/* The flow is wanted as far as 'depth' if that is more than all are; 0: as above. */
void stream_raise_depth(struct flow *, uint64_t depth);
/* Sequence numbers that a side has used so far, for "stream_size": the SYN's, and one for each
 * byte handed on or known to be there; 0 while the side has sent nothing. */
uint64_t stream_bytes_seen(const struct flow *, enum direction);

/* ---- Raw bytes, for rules about the stream as such ----
 * They are looked at by rules of a direction on packets of that direction, when there is a
 * chunk of them, or a message has ended, or the session. */

struct stream_raw {
    uint64_t offset;            /* In the stream, of the first byte. */
    const uint8_t *bytes;       /* Until the next call for any flow of the engine. */
    size_t size;
    size_t n_old;               /* How many of them were shown before. */
};
/* Are rules to see what is new of 'dir' now? */
bool stream_raw_is_due(const struct flow *, enum direction dir);
/* The next run of bytes without a gap that was not shown yet, at most STREAM_RAW_PIECE, with
 * up to 'behind' bytes that stand before it; false when there is none. */
bool stream_raw_next(struct flow *, enum direction dir, size_t behind, struct stream_raw *);
/* Nobody wants to see what there is. */
void stream_raw_skip(struct flow *, enum direction dir);
/* A message of 'dir' has ended: rules need not wait for a chunk. */
void stream_raw_trigger(struct flow *, enum direction dir);
/* The last bytes that were handed on, up to 'behind', all old. */
void stream_raw_window(struct flow *, enum direction dir, size_t behind, struct stream_raw *);
/* Copies what rules and parser had not both seen of 'dir' before this packet, or all that is
 * kept where the protocol is HTTP or not known yet, up to what was acknowledged, with
 * "[n bytes missing]" for gaps; returns how many bytes of at most 'size'. */
size_t stream_copy(const struct flow *, enum direction dir, uint8_t *out, size_t size);

/* EVE "tcp.state": "syn_sent", "established", ... */
const char *stream_state_name(enum tcp_state);

struct stream_counters {
    uint64_t sessions, sessions_refused, midstream;
    uint64_t segments_kept, segments_refused, bytes_in_order, bytes_out_of_order;
    uint64_t segments_early;    /* Handed on before their acknowledgement, for a limit. */
    uint64_t gaps, gap_bytes, overlaps, overlaps_different, depth_reached;
    uint64_t memory;            /* Bytes in use now. */
    uint64_t events[STREAM_N_EVENTS];
};
const struct stream_counters *stream_counters(const struct stream_engine *);

#endif
