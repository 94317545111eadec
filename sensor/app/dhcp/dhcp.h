/* DHCP for IPv4 (RFC 2131), and BOOTP before it (RFC 951). */
#ifndef CIVICSHIELD_APP_DHCP_H
#define CIVICSHIELD_APP_DHCP_H

#include "sensor/app/parser.h"

extern const struct app_parser dhcp_parser;

#endif
