/* One DHCP message, decoded. */
#ifndef CIVICSHIELD_APP_DHCP_MESSAGE_H
#define CIVICSHIELD_APP_DHCP_MESSAGE_H

#include "sensor/app/dhcp/dhcp.h"

/* Fixed fields with the options' cookie (RFC 2131, section 2; RFC 2132, section 2). */
#define DHCP_HEADER_SIZE 240u
#define DHCP_MAGIC "\x63\x82\x53\x63"

enum dhcp_event { DHCP_EVENT_TRUNCATED_OPTIONS, DHCP_EVENT_MALFORMED_OPTIONS, DHCP_N_EVENTS };

struct dhcp_message {
    struct event_dhcp eve;      /* Of several equal options the last. */
    /* What rules ask for: of the first option of its kind. */
    bool has_lease_time, has_renewal_time, has_rebinding_time;
    uint32_t lease_time, renewal_time, rebinding_time;
    uint32_t events;            /* Bit n: enum dhcp_event n. */
};

/* Decodes 'bytes' into 'm'; text and lists from 'arena', all else borrowed from 'bytes' is
 * copied there too.  False: too short to be one. */
bool dhcp_message_decode(struct slice bytes, struct arena *arena, struct dhcp_message *m);

#endif
