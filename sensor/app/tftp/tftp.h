/* TFTP (RFC 1350): requests to the server's port. */
#ifndef CIVICSHIELD_TFTP_H
#define CIVICSHIELD_TFTP_H

#include "sensor/app/parser.h"

extern const struct app_parser tftp_parser;

#endif
