/* RFB, the protocol of VNC (RFC 6143), up to where the screen is shown. */
#ifndef CIVICSHIELD_APP_RFB_H
#define CIVICSHIELD_APP_RFB_H

#include "sensor/app/parser.h"

extern const struct app_parser rfb_parser;

#endif
