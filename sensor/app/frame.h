/* Frames: pieces of a stream or datagram that a protocol names (rules/lang/frames.h), for
 * rules ("frame:tls.hdr") and for EVE.
 *
 * While it parses, a parser says where a frame begins and how long it is, or later where it
 * ends; the engine sees to its bytes: those at hand, and those that follow.  Frames that no
 * rule and no output asks for are only counted. */
#ifndef CIVICSHIELD_APP_FRAME_H
#define CIVICSHIELD_APP_FRAME_H

#include "sensor/app/parser.h"

#define APP_FRAME_OPEN UINT64_MAX       /* A size that is not known yet. */

/* A frame of the direction being parsed that begins at 'at', which stands in the bytes that
 * parse() was given (or just behind them), of 'size' bytes.  NULL when nobody wants it, or
 * when memory is short.  It lives until app_frame_close() or its last byte, and for the rest
 * of this parse(). */
struct app_frame *app_frame_open(struct app_session *, enum frame_id, const uint8_t *at,
                                 uint64_t size);
/* The end of one of unknown size: 'end' is behind its last byte, in the bytes that parse()
 * was given; of a frame of the other direction, that is all that came of it.  NULL is
 * fine. */
void app_frame_close(struct app_session *, struct app_frame *, const uint8_t *end);
/* Nothing more will come of it, though it is not whole.  NULL is fine. */
void app_frame_cut(struct app_frame *);
/* The transaction that it belongs to, which EVE tells.  NULL is fine. */
void app_frame_set_tx(struct app_frame *, const struct app_tx *);
/* Does anyone ask for this frame?  Where making one takes work. */
bool app_frame_is_wanted(const struct app_session *, enum frame_id);

#endif
