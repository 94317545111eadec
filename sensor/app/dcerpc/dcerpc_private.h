/* Shared by the files of app/dcerpc/ alone. */
#ifndef CIVICSHIELD_APP_DCERPC_PRIVATE_H
#define CIVICSHIELD_APP_DCERPC_PRIVATE_H

#include "sensor/app/dcerpc/dcerpc.h"
#include "sensor/app/dcerpc/pdu.h"
#include "sensor/app/lookup.h"

/* Contexts that a session remembers; a client that asks for more begins anew. */
#define DCERPC_MAX_IFACES 512u

/* A call and its answer, or a bind and its. */
struct dcerpc_tx {
    struct app_tx tx;           /* First. */
    bool is_udp, is_little;
    bool has_request, has_response;
    bool has_call;              /* The request is one of an operation. */
    uint8_t request, response;  /* Types of PDUs. */
    uint8_t minor;
    uint16_t opnum, context;
    uint32_t call_id;           /* UDP: the sequence number. */
    struct app_lookup_node by_call;     /* TCP: in state->calls, by call_id and request. */
    uint16_t n_frags[N_DIRECTIONS];
    struct app_bytes stub[N_DIRECTIONS];
    struct dcerpc_iface iface;  /* UDP: each request names its own. */
    uint8_t activity[DCERPC_UUID_SIZE];         /* UDP. */
};

struct dcerpc_state {
    bool must_resync[N_DIRECTIONS];
    bool has_gap[N_DIRECTIONS];
    struct app_bytes ifaces;    /* TCP: struct dcerpc_iface. */
    struct app_lookup calls;    /* TCP */
};

static inline struct dcerpc_tx *dcerpc_tx_of(const struct app_tx *tx)
{
    return (struct dcerpc_tx *) (uintptr_t) tx;
}

/* dcerpc.c */
struct dcerpc_tx *dcerpc_tx_new(struct app_session *, uint64_t now_ns);
void dcerpc_tx_done(struct dcerpc_tx *, enum direction);
void dcerpc_add_stub(struct dcerpc_tx *, enum direction, struct slice);
void dcerpc_tx_free(struct app_tx *);
bool dcerpc_open(struct app_session *);
void dcerpc_close(struct app_session *);
struct app_view dcerpc_buffer(const struct app_tx *, enum direction, enum buffer_id,
                              unsigned index);
bool dcerpc_number(const struct app_tx *, enum direction, enum rule_field, unsigned index,
                   uint64_t *value);
bool dcerpc_is_little(const struct app_tx *);

/* fill.c */
void dcerpc_fill(const struct app_tx *, enum direction, struct event *, struct arena *);

#endif
