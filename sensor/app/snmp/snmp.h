/* SNMP versions 1, 2c and 3 (RFC 1157, RFC 3416, RFC 3412). */
#ifndef CIVICSHIELD_APP_SNMP_H
#define CIVICSHIELD_APP_SNMP_H

#include "sensor/app/parser.h"

extern const struct app_parser snmp_parser;

#endif
