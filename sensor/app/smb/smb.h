/* SMB 1, 2 and 3 over TCP (MS-CIFS, MS-SMB, MS-SMB2), behind NetBIOS sessions (RFC 1002) or
 * directly.  README.md says how it is parsed. */
#ifndef CIVICSHIELD_APP_SMB_H
#define CIVICSHIELD_APP_SMB_H

#include "sensor/app/parser.h"

extern const struct app_parser smb_parser;

#endif
