/* MIME (RFC 5322, 2045 to 2047, 2231): one message, in pieces of any size as they come.
 *
 * The message's own fields are kept, its text is searched for URLs, and each attachment is
 * a file of the transaction that the message belongs to: decoded, hashed and handed to
 * rules while it comes.  Nothing is buffered but the line that is not complete (at most
 * MIME_LINE_MAX bytes), the fields, and what the limits below allow.
 *
 * Used by the parser of a protocol that carries messages; one thread, that of its engine.
 * Memory is the session's: when there is none left, what does not fit is left out. */
#ifndef CIVICSHIELD_MIME_H
#define CIVICSHIELD_MIME_H

#include "sensor/app/parser.h"

/* A longer line is looked at in pieces; of a field's line the rest is left out. */
#define MIME_LINE_MAX 4096
/* Past these, which RFC 5322 and 2045 set or mail programs keep to, there is an event. */
#define MIME_USUAL_LINE 998
#define MIME_USUAL_ENCODED_LINE 76
#define MIME_USUAL_NAME 75
#define MIME_USUAL_BOUNDARY 254
/* Longer file names are cut. */
#define MIME_FILE_NAME_MAX 255
/* More of these in one message say nothing new. */
#define MIME_MAX_ATTACHMENTS 256
#define MIME_MAX_URLS 256

/* What was odd, by bit; the names are those of the protocol that reports them. */
enum mime_event {
    MIME_EVENT_INVALID_BASE64,
    MIME_EVENT_INVALID_QP,
    MIME_EVENT_LONG_LINE,
    MIME_EVENT_LONG_ENCODED_LINE,
    MIME_EVENT_LONG_NAME,
    MIME_EVENT_LONG_VALUE,
    MIME_EVENT_LONG_BOUNDARY,
    MIME_EVENT_LONG_FILE_NAME,
    MIME_EVENT_TRUNCATED_LINE,
    MIME_N_EVENTS
};

struct mime_field {
    struct slice name, value;   /* The value unfolded, without blanks in front. */
};

struct mime_message;

/* A message that belongs to 'tx', sent in 'dir'; NULL: no memory. */
struct mime_message *mime_open(struct app_tx *tx, enum direction dir);
/* The next bytes of the message, without what the protocol added to them. */
void mime_feed(struct mime_message *, struct slice bytes);
/* Bytes that the protocol added in front of a line: rule authors count them in the MD5 of
 * the body, which is that of the wire; they are nothing else. */
void mime_skip(struct mime_message *, struct slice bytes);
/* So many bytes are missing here. */
void mime_gap(struct mime_message *, uint64_t size);
/* No more comes; a message that ended early ('is_whole' false) has its last file cut.
 * A second call changes nothing. */
void mime_end(struct mime_message *, bool is_whole);
/* Gives back what the transaction's arena does not hold; NULL is fine. */
void mime_free(struct mime_message *);

/* Bits of enum mime_event: what was odd since the last call.  'counts', when not NULL, gets
 * how often. */
uint32_t mime_take_events(struct mime_message *, unsigned counts[MIME_N_EVENTS]);

/* Are the message's own fields complete? */
bool mime_has_fields(const struct mime_message *);
/* Field 'index' of that name (lower-case), or NULL: past the last, or not complete yet. */
const struct mime_field *mime_field(const struct mime_message *, const char *name,
                                    unsigned index);
/* The addresses of a field, parted at commas outside quotes; returns how many there are,
 * of which at most 'max' are put into 'out'. */
size_t mime_split_addresses(struct slice value, struct slice *out, size_t max);
/* Names of attachments and URLs so far, in their order; they live as long as the
 * transaction. */
size_t mime_attachments(const struct mime_message *, const struct slice **);
size_t mime_urls(const struct mime_message *, const struct slice **);
/* Of the body as on the wire; false: there was none, or it did not come to its end. */
bool mime_body_md5(const struct mime_message *, uint8_t md5[16]);
/* Will no more URLs, attachments or files come? */
bool mime_is_over(const struct mime_message *);

#endif
