/* JSON text into a strbuf, valid whatever the bytes.
 *
 * Members are written with a comma behind each; json_close() turns the last comma into
 * the closing brace, so that no writer has to know whether it is the first.  Pure: any
 * thread, no state. */
#ifndef CIVICSHIELD_WIRE_JSON_H
#define CIVICSHIELD_WIRE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/digits.h"
#include "common/base/ip.h"
#include "common/base/slice.h"
#include "common/base/strbuf.h"

/* A literal piece of JSON. */
#define JSON_LITERAL(b, literal) strbuf_put((b), (literal), sizeof(literal) - 1)

/* A quoted string.  Control characters, quote and backslash are escaped; bytes that are
 * valid UTF-8 stand as they are; if the text as a whole is not, each byte from 0x80 is
 * written as a backslash, 'x' and two hex digits, as EVE has it. */
void json_text(struct strbuf *, struct slice);
/* The same at 'at', which runs ahead of the buffer's size; has 'room' bytes behind it. */
char *json_put_text(struct strbuf *, char *at, struct slice, size_t room);
/* A quoted string of two hex digits a byte, or of base64. */
void json_hex(struct strbuf *, struct slice);
void json_base64(struct strbuf *, struct slice);
/* A quoted address; 'expand' as for ip_format(). */
void json_ip(struct strbuf *, const struct ip_addr *, bool expand);
/* A quoted "00:01:02:03:04:05". */
void json_mac(struct strbuf *, const uint8_t mac[6]);
/* A quoted time of RFC 3339 with nanoseconds and "Z". */
void json_time_utc(struct strbuf *, uint64_t wall_ns);
/* A quoted "sensor-epoch-worker-number". */
void json_event_id(struct strbuf *, struct slice sensor, uint64_t epoch, uint64_t worker,
                   uint64_t number);

/* ---- Where the caller has made room ----
 *
 * Each writes at 'at' and returns where it ended.  Its longest text stands behind it, for
 * those who reserve (emit_c.py adds them up). */

#define JSON_PUT(at, literal) mempcpy((at), (literal), sizeof(literal) - 1)

static inline char *json_put_u64(char *at, uint64_t value)      /* 20 */
{
    return digits_u64(at, value);
}

static inline char *json_put_i64(char *at, int64_t value)       /* 20 */
{
    if (value < 0) {
        *at++ = '-';
    }
    return digits_u64(at, value < 0 ? 0 - (uint64_t) value : (uint64_t) value);
}

static inline char *json_put_bool(char *at, bool value)         /* 5 */
{
    return value ? JSON_PUT(at, "true") : JSON_PUT(at, "false");
}

char *json_put_ip(char *at, const struct ip_addr *, bool expand);       /* 48 */
char *json_put_mac(char *at, const uint8_t mac[6]);                     /* 19 */
/* "2016-01-31T23:59:59.123456+0000" */
char *json_put_time_eve(char *at, uint64_t wall_ns);                    /* 42 */

/* A quoted string that needs no escape: our own words. */
static inline void json_name(struct strbuf *b, const char *name)
{
    strbuf_putc(b, '"');
    strbuf_puts(b, name);
    strbuf_putc(b, '"');
}

static inline void json_bool(struct strbuf *b, bool value)
{
    if (value) {
        JSON_LITERAL(b, "true");
    } else {
        JSON_LITERAL(b, "false");
    }
}

/* As json_close(), behind at least one byte. */
static inline char *json_put_close(char *at, char bracket)
{
    if (at[-1] == ',') {
        at[-1] = bracket;
        return at;
    }
    *at = bracket;
    return at + 1;
}

/* Ends an object or array: 'bracket' in place of the last comma, or behind the opening
 * bracket when it is empty. */
static inline void json_close(struct strbuf *b, char bracket)
{
    if (b->size != 0 && b->text[b->size - 1] == ',') {
        b->text[b->size - 1] = bracket;
    } else {
        strbuf_putc(b, bracket);
    }
}

/* Ends a member object whose key began at 'mark' and whose content began at 'start', with
 * the comma behind it; takes all of it back when there is no content. */
static inline void json_close_group(struct strbuf *b, size_t mark, size_t start)
{
    if (b->size == start) {
        b->size = mark;
    } else {
        json_close(b, '}');
        strbuf_putc(b, ',');
    }
}

/* The same with 'at' ahead of the buffer's size. */
static inline char *json_put_close_group(struct strbuf *b, char *at, size_t mark, size_t start)
{
    if ((size_t) (at - b->text) == start) {
        return b->text + mark;
    }
    at = json_put_close(at, '}');
    *at = ',';
    return at + 1;
}

/* Is it one whole JSON value of at most 64 levels, without line breaks outside of
 * strings, in valid UTF-8?  For JSON that comes off the wire and is passed on as it is. */
bool json_is_valid(struct slice);
/* As above with at most 'max_depth' levels, which is at most 64. */
bool json_is_valid_to(struct slice, int max_depth);
/* Valid UTF-8 (RFC 3629: no surrogates, no overlong forms)? */
bool utf8_is_valid(struct slice);

#endif
