/* What the files of stream/ share.  Two sides, each named by the direction that its
 * sender's data flows: sides[TO_SERVER] is what the client sends.
 *
 * Sequence numbers are compared by their signed difference, so that all of this holds
 * across the wrap at 2^32; nothing compares them with < or >. */
#ifndef CIVICSHIELD_STREAM_PRIVATE_H
#define CIVICSHIELD_STREAM_PRIVATE_H

#include "common/base/list.h"
#include "common/base/pool.h"
#include "sensor/stream/stream.h"

/* Kept segments of one side: the list is searched from its tail, so this bounds the work
 * that one packet can cause.  1,024 full segments are more than the default depth. */
#define STREAM_MAX_SEGMENTS 1024
/* Bytes that stay behind what rules have seen, where there are rules: one may ask for more than
 * the latest, and an alert tells of what came before. */
#define STREAM_BEHIND 4096
/* Longest run of raw bytes that is shown in one piece. */
#define STREAM_RAW_PIECE 65536
/* Largest payload of a TCP segment, for the one that no limit refuses. */
#define STREAM_SPARE_SEGMENT 65536
/* More than any side keeps: a limit that is none. */
#define STREAM_NO_LIMIT (1u << 30)
/* Other initial sequence numbers that a repeated SYN or SYN/ACK offered; which one counts
 * is known when the other side answers.  More than this is a flood. */
#define STREAM_MAX_ALTERNATIVES 4
/* Where the window is not known (no handshake seen): the largest that TCP can announce. */
#define STREAM_LIBERAL_WINDOW (65535u << 14)
#define STREAM_MAX_WSCALE 14    /* RFC 7323, section 2.3. */

/* Sizes of a kept segment with its header; a longer payload is kept in several. */
#define STREAM_SMALL_SEGMENT 256
#define STREAM_LARGE_SEGMENT 1536

/* A copy of payload: it waits for what comes before it, for its acknowledgement, or for the
 * rules that look at raw bytes.  Invariant: in its side's list, segments are in order and do
 * not overlap; those before 'ahead' end at or before the side's base, the others behind it. */
struct stream_segment {
    struct list_node node;
    uint32_t seq, size;
    uint32_t origin;            /* First sequence number of the packet that brought it. */
    uint32_t cap;
    uint8_t bytes[];
};

struct stream_side {
    uint32_t isn;
    uint32_t next_seq;          /* Behind the highest that its sender has been seen to send. */
    uint32_t last_ack;          /* Highest that the receiver has acknowledged. */
    uint32_t window;            /* As the receiver announced last, scaled. */
    uint32_t max_window;        /* Largest of those. */
    uint32_t right_edge;        /* Behind the highest that the receiver has ever allowed. */
    uint32_t base;              /* Next to be handed on. */
    uint32_t left;              /* What came before it is not kept any more. */
    uint32_t told;              /* Alerts tell of what comes from here on. */
    uint32_t raw;               /* Next to be shown to rules about raw bytes; at most 'base'. */
    uint32_t fin_seq;           /* Of the FIN itself, if has_fin. */
    uint32_t ts_recent;         /* RFC 7323's TS.Recent. */
    uint64_t ts_ns;             /* When that was. */
    uint64_t offset;            /* Of 'base' in the stream. */
    uint32_t pending_gap;       /* Declared and not yet handed on. */
    uint32_t n_segments;
    struct list_node segments;  /* struct stream_segment */
    struct list_node *ahead;    /* The first that is not handed on to its end; the head of the
                                 * list where there is none. */
    uint32_t ahead_bytes;       /* Kept and not handed on. */
    uint32_t alternatives[STREAM_MAX_ALTERNATIVES];
    uint8_t n_alternatives;
    uint8_t wscale;             /* Of windows that this side's sender announces. */
    uint8_t probe_byte;         /* Payload of a zero window probe at 'base'. */
    bool has_probe;
    bool is_seen;               /* Its sender has sent something. */
    bool is_signed;             /* Its SYN was, hence all of its segments (RFC 2385, 5925). */
    bool has_ts;
    bool has_fin, is_fin_acked;
    bool has_rst;
    bool is_started;            /* The first piece was handed on. */
    bool is_finished;           /* Ended, stopped or at its depth: no more calls. */
    bool is_depth_told;         /* By an event, of the segment that reached it. */
    bool is_raw_due;            /* Rules are to see what there is, be it little. */
    bool has_spare;             /* Its last segment is the engine's spare one. */
};

struct stream {
    struct stream_engine *engine;
    struct stream_side sides[N_DIRECTIONS];
    uint64_t memory;            /* Bytes of kept segments. */
    enum direction first_fin;   /* If one side has_fin. */
    bool is_established;        /* Has been, once. */
    bool is_confirmed;          /* The server has spoken since: it saw the handshake's end. */
    bool is_liberal;            /* Windows and acknowledgements cannot be judged. */
    bool is_async;              /* One side only is seen. */
    bool is_simultaneous;       /* Both sent a SYN: four-way handshake. */
    bool has_no_depth;          /* stream_lift_depth() */
    uint64_t depth;             /* stream_raise_depth(); 0: that of all. */
};

struct stream_engine {
    struct stream_conf conf;
    stream_sink *sink;
    void *context;
    struct pool sessions, small, large;
    uint32_t behind;            /* Bytes that stay behind what was shown. */
    struct stream_segment *spare;       /* Holds, within one packet, what no limit lets keep. */
    bool is_spare_used;
    uint8_t *raw_scratch;       /* Raw bytes of several segments as one piece. */
    struct stream_counters counters;
};

/* One TCP packet, taken apart once. */
struct segment {
    struct flow *flow;
    struct stream *st;          /* NULL before there is a session. */
    struct packet *packet;
    enum direction dir;
    struct stream_side *s, *r;  /* Of the sender and of the receiver. */
    uint32_t seq, ack;
    uint32_t size;              /* Payload bytes there. */
    uint32_t end;               /* seq + SYN + size; without FIN. */
    uint32_t missing;           /* Payload behind 'end' that a short capture left out. */
    const uint8_t *bytes;
    uint8_t flags;
    struct stream_result *result;
};

static inline int32_t seq_diff(uint32_t a, uint32_t b)
{
    return (int32_t) (a - b);
}

static inline uint32_t seq_max(uint32_t a, uint32_t b)
{
    return seq_diff(a, b) >= 0 ? a : b;
}

static inline uint32_t seq_min(uint32_t a, uint32_t b)
{
    return seq_diff(a, b) <= 0 ? a : b;
}

static inline struct stream_segment *segment_of(struct list_node *node)
{
    return LIST_ENTRY(node, struct stream_segment, node);
}

static inline uint32_t segment_end(const struct stream_segment *k)
{
    return k->seq + k->size;
}

/* The first that is not handed on to its end, or NULL. */
static inline struct stream_segment *segment_ahead(const struct stream_side *side)
{
    return side->ahead != &side->segments ? segment_of(side->ahead) : NULL;
}

/* stream.c */
void stream_set_event(struct stream_engine *, struct packet *, enum stream_event);
/* A fresh session on 'seg->flow', and seg's pointers into it; false: refused, counted. */
bool stream_session_open(struct stream_engine *, struct segment *seg);
/* Sets the flow's state from 'state'. */
void stream_set_state(struct segment *, enum tcp_state state);

/* handshake.c: each returns whether the packet fits. */
bool stream_handshake_none(struct stream_engine *, struct segment *);
bool stream_handshake_syn_sent(struct stream_engine *, struct segment *);
bool stream_handshake_syn_recv(struct stream_engine *, struct segment *);

/* synchronized.c: everything from ESTABLISHED on. */
bool stream_synchronized(struct stream_engine *, struct segment *);
/* RST in any state with a session. */
bool stream_reset(struct stream_engine *, struct segment *);
/* RFC 7323, PAWS: false for a packet from the past. */
bool stream_timestamp_fits(struct stream_engine *, struct segment *);

/* segments.c */
/* Keeps what is new of the payload of 'seg' from 'seq' on (at or behind the base); returns how
 * many bytes were, 'is_refused' whether a limit refused some, said by an event. */
uint32_t stream_store(struct stream_engine *, struct segment *seg, uint32_t seq, uint32_t end,
                      bool *is_refused);
/* As much as follows the kept bytes without a hole, of [seq, end), in the spare segment. */
bool stream_store_spare(struct stream_engine *, struct segment *seg, uint32_t seq,
                        uint32_t end);
/* Behind the last byte that follows the base without a hole. */
uint32_t stream_contiguous_end(const struct stream_side *);
void stream_drop_segments(struct stream *, struct stream_side *);
/* Those that are not handed on to their end. */
void stream_drop_ahead(struct stream *, struct stream_side *);
/* Those that nobody needs any more. */
void stream_prune(struct stream *, struct stream_side *);

/* reassembly.c */
/* Payload of 'seg' in an established session: kept, or dropped. */
void stream_take_payload(struct stream_engine *, struct segment *);
/* Keeps the payload of a packet of the handshake, until the session is established. */
void stream_keep_payload(struct stream_engine *, struct segment *);
/* Hands on what is complete in 'dir' up to 'limit', declaring as a gap what is missing
 * before 'lost'; then the end, if 'is_over' and nothing is left. */
void stream_advance(struct flow *, enum direction dir, const struct packet *, uint32_t limit,
                    uint32_t lost, bool is_over);
/* Hands on what 'dir' may hand on now: what was acknowledged, or all that is in order where
 * nobody waits for that.  What is missing and was both sent and acknowledged was delivered
 * and will not be sent again: a gap. */
void stream_deliver(struct flow *, enum direction dir, const struct packet *);
/* As above when the session is over: what was not acknowledged too, and the end, unless there
 * are holes that only the flow's end closes. */
void stream_deliver_last(struct flow *, enum direction dir, const struct packet *);
/* Hands on everything that is kept, with gaps, and the end. */
void stream_finish_side(struct flow *, enum direction dir, const struct packet *);

/* Do all invariants hold?  For tests. */
bool stream_check(const struct flow *);

#endif
