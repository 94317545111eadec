/* Protocols that are recognized and not parsed (yet): rules that name them in their header
 * apply to their flows, and flows are told by their name.  A protocol that gets a parser
 * leaves this list. */
#ifndef CIVICSHIELD_APP_KNOWN_H
#define CIVICSHIELD_APP_KNOWN_H

#include "sensor/app/parser.h"

/* X(identifier of app_proto, C name, TCP, UDP, the client speaks first) */
#define KNOWN_PROTOS(X)                    \
    X(HTTP2, http2, true, false, false)    \
    X(POP3, pop3, true, false, false)      \
    X(IMAP, imap, true, false, false)      \
    X(NTP, ntp, false, true, false)        \
    X(QUIC, quic, false, true, true)       \
    X(IKE, ike, false, true, false)

#define X(id, name, tcp, udp, first) extern const struct app_parser known_##name;
KNOWN_PROTOS(X)
#undef X

/* Is it one of these? */
bool app_is_known_only(const struct app_parser *);

#endif
