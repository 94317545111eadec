/* Kerberos 5 (RFC 4120) over UDP, and over TCP with four bytes of size before each message
 * (section 7.2.2). */
#ifndef CIVICSHIELD_APP_KRB5_H
#define CIVICSHIELD_APP_KRB5_H

#include "sensor/app/parser.h"

extern const struct app_parser krb5_tcp_parser, krb5_udp_parser;

#endif
