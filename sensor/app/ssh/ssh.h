/* SSH (RFC 4253) up to the point where it is encrypted. */
#ifndef CIVICSHIELD_APP_SSH_H
#define CIVICSHIELD_APP_SSH_H

#include "sensor/app/parser.h"

extern const struct app_parser ssh_parser;

#endif
