/* DCE RPC (C706) over TCP and over UDP.  In named pipes of SMB it is smb/'s, by pdu.h. */
#ifndef CIVICSHIELD_APP_DCERPC_H
#define CIVICSHIELD_APP_DCERPC_H

#include "sensor/app/parser.h"

extern const struct app_parser dcerpc_tcp_parser;
extern const struct app_parser dcerpc_udp_parser;

#endif
