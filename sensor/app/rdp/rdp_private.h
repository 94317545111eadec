/* Shared by the files of app/rdp alone. */
#ifndef CIVICSHIELD_APP_RDP_PRIVATE_H
#define CIVICSHIELD_APP_RDP_PRIVATE_H

#include "common/base/cursor.h"
#include "sensor/app/rdp/rdp.h"

enum rdp_kind {
    RDP_NONE,                   /* A message that tells nothing. */
    RDP_INITIAL_REQUEST, RDP_INITIAL_RESPONSE, RDP_CONNECT_REQUEST, RDP_CONNECT_RESPONSE,
};

#define RDP_MAX_CHANNELS 31u            /* MS-RDPBCGR, section 2.2.1.3.4. */
#define RDP_MAX_CERTIFICATES 16u

/* A message's content, as EVE has it: all of it lies in the arena of its transaction, and
 * the two point at each other. */
struct rdp_message {
    struct event_rdp eve;
    struct event_rdp_client client;
};

/* message.c: what the body of a TPKT (RFC 2126) that 'dir' sent is: X.224 with what RDP puts
 * into it. */
enum rdp_kind rdp_message_kind(struct slice body, enum direction dir);
/* Reads one of that kind into 'm', which is zeroed; text and lists are made in 'arena'. */
void rdp_message_read(enum rdp_kind, struct slice body, struct arena *arena,
                      struct rdp_message *m);
/* Does a Certificate message (RFC 5246, section 7.4.2) stand whole in the content of a
 * record of TLS handshakes?  And the serial numbers of its certificates. */
bool rdp_has_certificates(struct slice record);
void rdp_certificates_read(struct slice record, struct arena *arena, struct rdp_message *m);

/* client.c: the client's core data (section 2.2.1.3.2) behind the header of its block; false
 * when it is too short. */
bool rdp_client_read(struct slice data, struct arena *arena, struct event_rdp_client *);

/* locales.c: the name of a locale, or NULL. */
const char *rdp_locale_name(uint32_t id);

#endif
