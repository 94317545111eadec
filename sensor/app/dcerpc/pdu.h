/* PDUs of connection-oriented DCE RPC (C706, section 12.6), for its own parser over TCP and
 * for named pipes in SMB. */
#ifndef CIVICSHIELD_APP_DCERPC_PDU_H
#define CIVICSHIELD_APP_DCERPC_PDU_H

#include "common/base/arena.h"
#include "common/base/cursor.h"
#include "common/wire/event.h"
#include "rules/lang/plan.h"

#define DCERPC_HEADER_SIZE 16u
/* Of a request or response: what stands in front of its stub data. */
#define DCERPC_CALL_SIZE 24u
#define DCERPC_UUID_SIZE 16u
/* Contexts of one bind: a byte counts them. */
#define DCERPC_MAX_CONTEXTS 255u

enum dcerpc_type {
    DCERPC_REQUEST = 0,
    DCERPC_RESPONSE = 2,
    DCERPC_BIND = 11,
    DCERPC_BINDACK = 12,
    DCERPC_ALTER_CONTEXT = 14,
    DCERPC_ALTER_CONTEXT_RESP = 15,
    DCERPC_LAST_TYPE = 20,      /* RTS; types above are nobody's. */
    DCERPC_UNKNOWN = 99,
};

enum dcerpc_flag { DCERPC_FIRST_FRAG = 1, DCERPC_LAST_FRAG = 2, DCERPC_OBJECT_UUID = 0x80 };

struct dcerpc_header {
    uint8_t major, minor, type, flags;
    bool is_little;             /* Byte order of its numbers. */
    uint16_t frag_size;         /* Of the PDU, this header included. */
    uint32_t call_id;
};

/* A presentation context: an interface that a client asks for, and the answer. */
struct dcerpc_iface {
    uint8_t uuid[DCERPC_UUID_SIZE];     /* As it is written, the first byte first. */
    uint16_t version, minor;
    uint16_t context;
    uint32_t call_id;
    uint16_t number;            /* In its bind. */
    bool is_first_frag, is_acked;
    uint16_t result, reason;    /* Once acked; result 0: accepted. */
};

/* Numbers in the byte order that a PDU's header says. */
static inline uint16_t dcerpc_u16(struct cursor *c, bool is_little)
{
    return is_little ? cursor_le16(c) : cursor_be16(c);
}
static inline uint32_t dcerpc_u32(struct cursor *c, bool is_little)
{
    return is_little ? cursor_le32(c) : cursor_be32(c);
}
/* Reads the 16 bytes; false when there are fewer. */
bool dcerpc_read_header(struct cursor *, struct dcerpc_header *);
/* The body of a request: context, operation, then stub data, at most what the PDU's size
 * leaves.  False when it is too short. */
struct dcerpc_request { uint16_t context, opnum; struct slice stub; };
bool dcerpc_read_request(const struct dcerpc_header *, struct slice body,
                         struct dcerpc_request *);
bool dcerpc_read_response(const struct dcerpc_header *, struct slice body,
                          struct slice *stub);
/* The contexts of a bind or alter context: 'n' of them at first, then each by
 * dcerpc_next_context().  False when malformed. */
bool dcerpc_read_bind(const struct dcerpc_header *, struct cursor *body, unsigned *n);
bool dcerpc_next_context(const struct dcerpc_header *, struct cursor *body,
                         struct dcerpc_iface *);
/* The results of a bind ack, in the order of the bind's contexts; each then by
 * dcerpc_next_result(). */
bool dcerpc_read_bindack(const struct dcerpc_header *, struct cursor *body, unsigned *n);
bool dcerpc_next_result(const struct dcerpc_header *, struct cursor *body, uint16_t *result,
                        uint16_t *reason);

/* A UUID with its first three parts turned to the order in which it is written. */
void dcerpc_order_uuid(bool is_little, const uint8_t wire[DCERPC_UUID_SIZE],
                       uint8_t uuid[DCERPC_UUID_SIZE]);
/* "REQUEST", ...; of another type its number, from 'arena'. */
struct slice dcerpc_type_name(uint8_t type, struct arena *);
/* Fills uuid and version of an event's row. */
void dcerpc_fill_iface(const struct dcerpc_iface *, struct event_dcerpc_interface *,
                       struct arena *);

#endif
