/* TLS and its ancestors, up to the point where everything is encrypted. */
#ifndef CIVICSHIELD_APP_TLS_H
#define CIVICSHIELD_APP_TLS_H

#include "sensor/app/parser.h"

extern const struct app_parser tls_parser;

#endif
