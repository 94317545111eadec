/* One SNMP message, decoded. */
#ifndef CIVICSHIELD_APP_SNMP_MESSAGE_H
#define CIVICSHIELD_APP_SNMP_MESSAGE_H

#include "sensor/app/snmp/snmp.h"

struct snmp_message {
    unsigned version;           /* 1, 2, 3. */
    bool is_encrypted;
    bool has_pdu_type;
    unsigned pdu_type;          /* Number of the PDU's tag. */
    bool has_unknown_model;     /* Of security; version 3. */
    struct slice community, usm;        /* bytes NULL: none; usm: the user. */
    struct slice error, trap_type, trap_oid;
    struct ip_addr trap_address;
    struct slice *vars;
    size_t n_vars;
};

/* The version that a message says it has (1, 2, 3); 0: it is none. */
unsigned snmp_message_version(struct slice bytes);
/* Decodes; false when it is malformed.  What 'm' holds lies in 'arena'. */
bool snmp_message_decode(struct slice bytes, struct arena *arena, struct snmp_message *m);

#endif
