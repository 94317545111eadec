/* Texts of protocols that ought to be UTF-8, for events. */
#ifndef CIVICSHIELD_APP_LOSSY_H
#define CIVICSHIELD_APP_LOSSY_H

#include "common/base/arena.h"
#include "common/base/slice.h"

/* 'text' if it is valid UTF-8; else a copy from 'arena' in which U+FFFD stands for each
 * maximal part that is not (Unicode, section 3.9: as EVE has texts of SMB and its like).
 * Empty text is not absent; absent text (bytes NULL, no size) stays absent. */
struct slice app_lossy(struct slice text, struct arena *);

#endif
