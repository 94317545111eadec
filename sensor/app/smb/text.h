/* Texts as SMB 1 has them: a byte or two for each character, with a NUL behind. */
#ifndef CIVICSHIELD_APP_SMB_TEXT_H
#define CIVICSHIELD_APP_SMB_TEXT_H

#include "common/base/arena.h"
#include "common/base/cursor.h"

/* Reads one text; of UTF-16 the lower byte of each unit is kept, as rules and EVE know such
 * names.  False, with the cursor anywhere, when its end is missing. */
bool smb_read_text(struct cursor *, bool is_unicode, struct arena *, struct slice *);
/* As above, UTF-16 behind one byte when 'offset' is odd. */
bool smb_read_text_at(struct cursor *, bool is_unicode, size_t offset, struct arena *,
                      struct slice *);

#endif
