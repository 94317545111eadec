/* The steps of the state machine: each takes what it can from the front of the input.
 * Shared by parse.c, start.c, head.c and framing.c.
 *
 * Requests end their lines with LF.  Responses are read as browsers do: a bare CR ends a
 * line too, lines that are no HTTP may stand before the status line, a body without the
 * framing that was announced is still a body. */
#ifndef CIVICSHIELD_HTTP_STEP_H
#define CIVICSHIELD_HTTP_STEP_H

#include "sensor/app/http/http.h"

enum http_step { STEP_GO, STEP_MORE, STEP_BROKEN, STEP_SWITCH };

/* So much may stand before a status line, or in the line of a chunk's size. */
#define HTTP_MAX_JUNK 1024

/* One call of the parser: what is left of its bytes, and where it stands. */
struct http_input {
    struct slice rest;
    bool is_end, is_cut;
    enum direction dir;
    uint64_t now_ns;
    struct app_session *session;
    struct http_state *state;
    struct http_side *side;
};

/* parse.c */
void http_take(struct http_input *, size_t n);
/* How many bytes of 'rest' are a line with its end; 0: not whole yet.  'bare_cr': a CR
 * without LF ends a line, and a run of them is one end. */
size_t http_find_line(struct http_input *, bool bare_cr);
struct slice http_strip_end(struct slice line);
bool http_is_all_blank(struct slice);
/* 1: begins with "HTTP", 0: does not, -1: too short to tell. */
int http_begins(struct slice);
void http_too_long(struct http_input *);
bool http_is_too_long(struct http_input *);
void http_set_done(struct http_tx *, enum direction);
/* The message of 'in->side' is over. */
void http_end_message(struct http_input *, bool is_whole, enum http_at next);
struct http_tx *http_new_tx(struct http_input *);
/* The message of 'tx' begins where 'in' stands. */
void http_begin_message(struct http_input *, struct http_tx *);

/* start.c */
enum http_step http_start_request(struct http_input *);
enum http_step http_start_response(struct http_input *);
enum http_step http_after_09(struct http_input *);
/* Behind a request that announced no body: bytes that begin no request are one. */
bool http_is_stray_body(struct slice line);

/* head.c */
enum http_step http_read_headers(struct http_input *);
enum http_step http_body_unsure(struct http_input *);

/* framing.c */
enum http_step http_begin_body(struct http_input *);
/* A line directly behind the message, in the same piece, that begins no other one: it is
 * counted as more of the body, since whoever reads on sees it there.  This is the one
 * place where it matters how the stream is cut: to wait for a next piece would keep every
 * message open until the one behind it. */
void http_take_surplus(struct http_input *);
enum http_step http_sized_body(struct http_input *);
enum http_step http_body_until_close(struct http_input *);
enum http_step http_chunk_size(struct http_input *);
enum http_step http_chunk_end(struct http_input *);
enum http_step http_trailer(struct http_input *);

#endif
