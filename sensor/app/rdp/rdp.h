/* RDP (MS-RDPBCGR) over TPKT, up to where it is encrypted or connected. */
#ifndef CIVICSHIELD_APP_RDP_H
#define CIVICSHIELD_APP_RDP_H

#include "sensor/app/parser.h"

extern const struct app_parser rdp_parser;

#endif
