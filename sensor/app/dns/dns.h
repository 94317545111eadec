/* DNS over UDP and TCP. */
#ifndef CIVICSHIELD_APP_DNS_H
#define CIVICSHIELD_APP_DNS_H

#include "sensor/app/parser.h"

extern const struct app_parser dns_udp_parser, dns_tcp_parser;

#endif
