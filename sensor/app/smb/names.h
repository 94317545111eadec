/* Names of SMB's numbers, as EVE has them. */
#ifndef CIVICSHIELD_APP_SMB_NAMES_H
#define CIVICSHIELD_APP_SMB_NAMES_H

#include "common/base/arena.h"

/* "SMB1_COMMAND_..."; of an unknown command its number, from 'arena'. */
struct slice smb1_command_name(uint8_t command, struct arena *);
struct slice smb2_command_name(uint16_t command, struct arena *);
/* "2.10", "3.11", ... (MS-SMB2, section 2.2.3). */
struct slice smb2_dialect_name(uint16_t dialect, struct arena *);
/* "STATUS_..." (MS-ERREF, section 2.3.1) or the number. */
struct slice smb_status_name(uint32_t status, struct arena *);
/* Of the older error classes (MS-CIFS, section 2.2.2.4): "DOS_...", "SRV_...". */
struct slice smb_error_name(uint8_t class, uint16_t code, struct arena *);
/* "FSCTL_..." (MS-FSCC, section 2.3). */
struct slice smb_function_name(uint32_t function, struct arena *);
/* "FILE_OPEN", ... (MS-SMB2, section 2.2.13). */
struct slice smb_disposition_name(uint32_t disposition);

#endif
