/* SEQUENCE { version, community, PDU } up to version 2c (RFC 1157, section 4; RFC 3416,
 * section 3); in version 3 headers and security parameters stand around the PDU (RFC 3412,
 * section 6; RFC 3414, section 2.4). */
#include "sensor/app/snmp/message.h"

#include <stdio.h>

#include "common/base/ip.h"
#include "sensor/app/der.h"

enum { PDU_TRAP_V1 = 4, PDU_GET_BULK = 5, PDU_N_TYPES = 9 };
#define FLAG_ENCRYPTED 2
#define MODEL_USM 3
/* Of variables in one message: a datagram of them has fewer. */
#define MAX_VARS 4096u
#define MAX_OID_TEXT 1024u
#define TAG_IP_ADDRESS 0x40u

static struct slice keep(struct arena *arena, struct slice s)
{
    return s.size != 0 ? arena_copy(arena, s.bytes, s.size) : slice_text("");
}

/* "1.3.6.1": the first byte holds two parts, the others seven bits of one (X.690, 8.19). */
static struct slice oid_text(struct arena *arena, struct slice oid)
{
    char text[MAX_OID_TEXT];
    size_t at = 0;
    uint64_t part = 0;

    for (size_t i = 0; i < oid.size && at + 48 < sizeof text; i++) {
        part = part << 7 | (oid.bytes[i] & 0x7f);
        if ((oid.bytes[i] & 0x80) != 0) {
            continue;
        }
        if (at == 0) {
            uint64_t first = part < 80 ? part / 40 : 2;
            at += (size_t) snprintf(text, sizeof text, "%ju.%ju", (uintmax_t) first,
                                    (uintmax_t) (part - first * 40));
        } else {
            at += (size_t) snprintf(text + at, sizeof text - at, ".%ju", (uintmax_t) part);
        }
        part = 0;
    }
    return at != 0 ? arena_copy(arena, text, at) : slice_text("");
}

static struct slice error_text(struct arena *arena, int64_t error)
{
    static const char *const names[] = {
        "NoError", "TooBig", "NoSuchName", "BadValue", "ReadOnly", "GenErr",
    };

    if (error == 0) {
        return slice_of(NULL, 0);
    }
    return slice_text(error > 0 && (size_t) error < sizeof names / sizeof *names
                          ? names[error]
                          : arena_printf(arena, "ErrorStatus(%jd)", (intmax_t) error));
}

static struct slice trap_text(struct arena *arena, int64_t trap)
{
    static const char *const names[] = {
        "coldStart", "warmStart", "linkDown", "linkUp", "authenticationFailure",
        "egpNeighborLoss", "enterpriseSpecific",
    };

    return slice_text(trap >= 0 && (size_t) trap < sizeof names / sizeof *names
                          ? names[trap]
                          : arena_printf(arena, "TrapType(%jd)", (intmax_t) trap));
}

/* SEQUENCE OF SEQUENCE { name, value }; false when it is malformed. */
static bool read_vars(struct cursor *c, struct arena *arena, struct snmp_message *m)
{
    struct cursor list = der_expect(c, DER_SEQUENCE), count = list;
    size_t n = 0;

    while (!count.bad && cursor_left(&count) > 0 && n < MAX_VARS) {
        struct cursor var = der_expect(&count, DER_SEQUENCE);
        unsigned tag;
        (void) der_slice(&var, DER_OID);
        (void) der_next(&var, &tag);
        if (var.bad) {
            return false;
        }
        n++;
    }
    if (count.bad || c->bad) {
        return false;
    }
    m->vars = n != 0 ? arena_alloc(arena, n * sizeof *m->vars) : NULL;
    while (m->vars != NULL && m->n_vars < n) {
        struct cursor var = der_expect(&list, DER_SEQUENCE);
        m->vars[m->n_vars++] = oid_text(arena, der_slice(&var, DER_OID));
    }
    return true;
}

/* RFC 1157, section 4.1.6: enterprise, agent, generic and specific trap, time. */
static void read_trap_v1(struct cursor *pdu, struct arena *arena, struct snmp_message *m)
{
    struct slice oid = der_slice(pdu, DER_OID), address = der_slice(pdu, TAG_IP_ADDRESS);
    int64_t generic = der_integer(pdu);
    unsigned tag;

    (void) der_integer(pdu);
    (void) der_next(pdu, &tag);         /* Time ticks. */
    if (!pdu->bad && address.size == 4) {
        m->trap_oid = oid_text(arena, oid);
        m->trap_type = trap_text(arena, generic);
        m->trap_address = ip_v4(address.bytes);
    } else {
        pdu->bad = true;
    }
}

static bool read_pdu(struct cursor *c, struct arena *arena, struct snmp_message *m)
{
    unsigned tag;
    struct cursor pdu = der_next(c, &tag);
    unsigned type = tag - DER_CONTEXT(0);

    if (pdu.bad || tag < DER_CONTEXT(0) || type >= PDU_N_TYPES
        || (m->version == 1 && type > PDU_TRAP_V1)) {
        return false;
    }
    m->has_pdu_type = true;
    m->pdu_type = type;
    if (type == PDU_TRAP_V1) {
        read_trap_v1(&pdu, arena, m);
    } else {
        (void) der_integer(&pdu);       /* Number of the request. */
        int64_t error = der_integer(&pdu);      /* Or, in a bulk request, a count. */
        (void) der_integer(&pdu);
        m->error = error_text(arena, type == PDU_GET_BULK || pdu.bad ? 0 : error);
    }
    return !pdu.bad && read_vars(&pdu, arena, m);
}

/* UsmSecurityParameters in an OCTET STRING: the user's name is the fourth. */
static bool read_usm(struct cursor *c, struct arena *arena, struct snmp_message *m)
{
    struct cursor octets = der_expect(c, DER_OCTETS);
    struct cursor usm = der_expect(&octets, DER_SEQUENCE);

    (void) der_slice(&usm, DER_OCTETS);
    (void) der_integer(&usm);
    (void) der_integer(&usm);
    struct slice user = der_slice(&usm, DER_OCTETS);
    (void) der_slice(&usm, DER_OCTETS);
    (void) der_slice(&usm, DER_OCTETS);
    if (usm.bad) {
        return false;
    }
    m->usm = keep(arena, user);
    return true;
}

static bool read_v3(struct cursor *c, struct arena *arena, struct snmp_message *m)
{
    struct cursor head = der_expect(c, DER_SEQUENCE);

    (void) der_integer(&head);          /* Number of the message, largest size. */
    (void) der_integer(&head);
    struct slice flags = der_slice(&head, DER_OCTETS);
    int64_t model = der_integer(&head);
    if (head.bad || flags.size != 1) {
        return false;
    }
    if (model == MODEL_USM) {
        if (!read_usm(c, arena, m)) {
            return false;
        }
    } else {
        m->has_unknown_model = true;
        (void) der_slice(c, DER_OCTETS);
    }
    m->is_encrypted = (flags.bytes[0] & FLAG_ENCRYPTED) != 0;
    if (m->is_encrypted) {
        (void) der_slice(c, DER_OCTETS);
        return !c->bad;
    }
    struct cursor scoped = der_expect(c, DER_SEQUENCE);
    (void) der_slice(&scoped, DER_OCTETS);      /* Engine and name of the context. */
    (void) der_slice(&scoped, DER_OCTETS);
    return !scoped.bad && read_pdu(&scoped, arena, m);
}

unsigned snmp_message_version(struct slice bytes)
{
    struct cursor c = cursor_of(bytes.bytes, bytes.size);
    struct cursor message = der_expect(&c, DER_SEQUENCE);
    int64_t version = der_integer(&message);

    return message.bad ? 0 : version == 0 || version == 1 ? (unsigned) version + 1
                                                          : version == 3 ? 3 : 0;
}

bool snmp_message_decode(struct slice bytes, struct arena *arena, struct snmp_message *m)
{
    struct cursor c = cursor_of(bytes.bytes, bytes.size);
    struct cursor message = der_expect(&c, DER_SEQUENCE);

    memset(m, 0, sizeof *m);
    m->version = snmp_message_version(bytes);
    (void) der_integer(&message);
    if (m->version == 0 || message.bad) {
        return false;
    }
    if (m->version == 3) {
        return read_v3(&message, arena, m);
    }
    struct slice community = der_slice(&message, DER_OCTETS);
    if (message.bad || !read_pdu(&message, arena, m)) {
        return false;
    }
    m->community = keep(arena, community);
    return true;
}
