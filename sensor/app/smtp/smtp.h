/* SMTP (RFC 5321), with pipelining (RFC 2920), chunks (RFC 3030) and STARTTLS (RFC 3207).
 * A transaction is one mail: its envelope, and the message with its attachments.  Shared by
 * the files of this folder alone, but for the parser itself.
 *
 *   probe.c    recognition, and the parser as the engine knows it
 *   parse.c    lines of both directions, gaps, ends
 *   command.c  what the client says
 *   reply.c    what the server answers, matched with it
 *   data.c     messages: DATA and BDAT
 *   buffer.c   buffers and numbers for rules
 *   fill.c     the smtp event */
#ifndef CIVICSHIELD_SMTP_H
#define CIVICSHIELD_SMTP_H

#include "sensor/app/frame.h"
#include "sensor/app/mime/mime.h"
#include "sensor/app/parser.h"
#include "sensor/app/smtp/events.h"

/* A line with its end; what is longer is cut. */
#define SMTP_LINE_MAX 4096
/* Commands that wait for their answers: more of them are counted, but forgotten. */
#define SMTP_MAX_WAITING 256
#define SMTP_MAX_RECIPIENTS 1024
/* Mails whose message was not answered yet: with more of them nobody seems to answer, and none
 * is waited for. */
#define SMTP_MAX_UNANSWERED 64
/* So many lines that are no replies, and the server does not speak SMTP. */
#define SMTP_MAX_INVALID 64

enum smtp_command {
    SMTP_OTHER, SMTP_HELO, SMTP_MAIL, SMTP_RCPT, SMTP_DATA, SMTP_BDAT, SMTP_RSET,
    SMTP_QUIT, SMTP_STARTTLS,
    SMTP_DATA_EARLY,            /* DATA whose message came without waiting for an answer. */
    SMTP_MESSAGE,               /* The end of a message, or its last chunk. */
};

struct smtp_tx {
    struct app_tx tx;           /* First. */
    struct slice helo, mail_from;       /* NULL bytes: none. */
    struct slice *recipients;
    size_t n_recipients, recipients_cap;
    struct mime_message *mime;  /* NULL: no message was announced. */
    bool has_data;              /* DATA was sent. */
    bool has_message, is_accepted;      /* A message was announced; and the server took it. */
};

struct smtp_side {
    size_t scanned;             /* Of the unconsumed bytes: no line end before here. */
    bool is_discarding;         /* Of a line that was cut: until its end. */
};

struct smtp_state {
    struct smtp_side sides[N_DIRECTIONS];
    struct smtp_tx *tx;         /* The mail that goes on; NULL: none. */
    bool has_ended;             /* A mail was there and is over. */
    bool has_welcome;           /* The server spoke first, as it should. */
    bool is_multiline;          /* A reply goes on. */
    bool does_pipelining;       /* The server said so. */
    bool wants_switch, is_broken;
    unsigned n_invalid;         /* Lines of the server that are no replies. */
    uint64_t n_mails;           /* Begun so far. */
    unsigned n_unanswered;      /* Of them, over but for the answer to their message. */

    struct app_bytes helo;
    bool has_helo;

    bool is_data;               /* The client sends a message. */
    bool has_data_frame;        /* ... which is a frame by now, */
    struct app_frame *data_frame;       /* this one; NULL: nobody asks for it. */
    bool is_within_line;        /* ... and is not at the beginning of a line of it. */
    bool is_chunk, is_last_chunk;
    uint64_t chunk_left;

    struct smtp_waiting {
        enum smtp_command command;
        uint64_t mail;          /* That its answer may end; 0: none. */
        bool has_tx;            /* There was a mail when it was sent, ... */
        uint64_t tx_id;         /* ... this one. */
    } waiting[SMTP_MAX_WAITING];        /* A ring. */
    unsigned first_waiting, n_waiting;
    uint64_t n_forgotten;       /* Behind those, without their kind. */
};

/* One call of the parser: what is left of its bytes. */
struct smtp_input {
    struct app_session *session;
    struct smtp_state *state;
    struct slice rest;
    uint64_t now_ns;
};

extern const struct app_parser smtp_parser;

static inline struct smtp_tx *smtp_tx_of(const struct app_tx *tx)
{
    return (struct smtp_tx *) (uintptr_t) tx;
}

/* parse.c: of the last mail, else of the session.  Each time counts. */
void smtp_event(struct smtp_input *, enum smtp_event);
enum app_result smtp_parse(struct app_session *, const struct app_input *, size_t *consumed);
void smtp_finish(struct app_session *);

/* command.c: one line without its end, which has 'n_end' bytes. */
void smtp_take_command(struct smtp_input *, struct slice line, size_t n_end);
/* A new mail goes on; false: no memory. */
bool smtp_begin_mail(struct smtp_input *);
/* The mail is over, whatever became of it; 'is_answered': no answer to its message is to
 * come. */
void smtp_end_mail(struct smtp_input *, bool is_answered);
/* A command waits for its answer. */
void smtp_wait_for(struct smtp_state *, enum smtp_command);
/* The chunk that was announced last is a message's last: its answer is that of the message.
 * False: it came already. */
bool smtp_wait_for_chunks(struct smtp_state *);
/* The last that waits; SMTP_OTHER: none does. */
enum smtp_command smtp_last_waiting(const struct smtp_state *);

/* reply.c: one line without its end, which has 'n_end' bytes. */
void smtp_take_reply(struct smtp_input *, struct slice line, size_t n_end);
/* No answers come to messages that are over. */
void smtp_answer_all(struct smtp_input *);

/* data.c: takes what it can of the message from the front of 'rest'; false: more is needed
 * to go on. */
bool smtp_take_message(struct smtp_input *);
/* The message that DATA or BDAT announces; there is a mail. */
void smtp_open_message(struct smtp_input *);
void smtp_open_chunk(struct smtp_input *, uint64_t size, bool is_last);
/* DATA is over, or is not to be; 'end' is behind its last byte, NULL: it has none here. */
void smtp_end_data(struct smtp_input *, const uint8_t *end);
/* No chunk goes on. */
void smtp_drop_chunk(struct smtp_state *);
/* 'size' bytes of a message are missing. */
void smtp_message_gap(struct smtp_input *, uint64_t size);
/* The message ends; 'is_whole': as it should. */
void smtp_end_message(struct smtp_input *, bool is_whole);

/* probe.c, buffer.c, fill.c: the hooks of the parser. */
struct app_view smtp_buffer(const struct app_tx *, enum direction, enum buffer_id,
                            unsigned index);
unsigned smtp_progress(const struct app_tx *, enum direction);
bool smtp_number(const struct app_tx *, enum direction, enum rule_field, unsigned index,
                 uint64_t *value);
void smtp_fill(const struct app_tx *, enum direction, struct event *, struct arena *);

#endif
