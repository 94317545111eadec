/* FTP (RFC 959, 2228, 2428): the control channel, and the data connections that it
 * announces.  Shared by the files of this folder alone, but for the two parsers.
 *
 *   probe.c    recognition of the control channel
 *   line.c     lines out of pieces, long ones cut
 *   command.c  the commands that there are
 *   control.c  commands and replies to transactions
 *   port.c     ports in PORT, EPRT and the replies to PASV and EPSV
 *   data.c     the data connection: a file
 *   fill.c     buffers, numbers and events */
#ifndef CIVICSHIELD_FTP_H
#define CIVICSHIELD_FTP_H

#include "sensor/app/file.h"
#include "sensor/app/parser.h"

/* Lines of replies kept for one command; HELP and STAT have many. */
#define FTP_MAX_REPLIES 1024u

#define FTP_EVENTS(X)                                       \
    X(REQUEST_TOO_LONG, "request_command_too_long")         \
    X(RESPONSE_TOO_LONG, "response_command_too_long")       \
    X(FILE_BEFORE_PORT, "file_before_port")                 \
    X(FILE_WITHOUT_NAME, "file_without_name")               \
    X(TOO_MANY_TRANSACTIONS, "too_many_transactions")
enum ftp_event {
#define X(id, name) FTP_EVENT_##id,
    FTP_EVENTS(X)
#undef X
};

/* What a command means to us. */
enum ftp_verb {
    FTP_OTHER,
    FTP_AUTH,
    FTP_PORT, FTP_EPRT, FTP_PASV, FTP_EPSV,     /* They set the port. */
    /* They use it.  In the order of the values of FIELD_FTPDATA_COMMAND, from 1. */
    FTP_RETR, FTP_STOR, FTP_APPE, FTP_STOU, FTP_LIST, FTP_NLST, FTP_MLSD,
};

/* In the detail of an expected connection, beside the verb: the file goes to its server. */
#define FTP_DETAIL_TO_SERVER 0x100u

struct ftp_command {
    const char *name;
    enum ftp_verb verb;
};

static inline bool ftp_sets_port(enum ftp_verb v)
{
    return v >= FTP_PORT && v <= FTP_EPSV;
}

static inline bool ftp_uses_port(enum ftp_verb v)
{
    return v >= FTP_RETR;
}

/* From client to server? */
static inline bool ftp_is_upload(enum ftp_verb v)
{
    return v == FTP_STOR || v == FTP_APPE || v == FTP_STOU;
}

/* Not a listing? */
static inline bool ftp_is_file(enum ftp_verb v)
{
    return v == FTP_RETR || ftp_is_upload(v);
}

/* A command and its replies; or a reply that no command asked for, as the greeting. */
struct ftp_tx {
    struct app_tx tx;           /* First. */
    const struct ftp_command *command;  /* NULL: none. */
    struct slice line;          /* As sent, without blanks at its end. */
    struct slice argument;      /* May be empty. */
    bool is_cut, is_reply_cut;
    bool is_answered;           /* The final reply is there. */
    bool is_complete;           /* ... or begun: its last line makes it final. */
    bool is_active;             /* The server is to connect to the client. */
    uint16_t port;              /* Of the data connection; 0: none was set. */
    struct slice *replies;      /* Lines, without the code in front, if there is one. */
    struct slice *codes;        /* Of those that have one. */
    size_t n_replies, n_codes, replies_cap;
    struct ftp_tx *next;        /* Of those that wait for replies. */
};

/* ---- Lines (line.c) ---- */

struct ftp_lines {
    size_t scanned;             /* Of the unconsumed bytes: no line end before here. */
    bool is_skipping;           /* The rest of a line that was cut, or lost in part. */
};
/* Takes the next line off '*rest', its end and the blanks before it taken off, cut at
 * 'limit' bytes.  False when there is none yet; '*rest' is what to offer again. */
bool ftp_next_line(struct ftp_lines *, struct slice *rest, size_t limit, struct slice *line,
                   bool *is_cut);

/* ---- Commands (command.c) ---- */

/* The command that 'line' begins with, and how many bytes stand up to its name's end; NULL:
 * none that we know. */
const struct ftp_command *ftp_command_find(struct slice line, size_t *size);
/* By verb, for those that use the port. */
const char *ftp_verb_name(enum ftp_verb);

/* ---- Ports (port.c); 0: none, or malformed ---- */

/* "h1,h2,h3,h4,p1,p2" of PORT; what follows is passed over. */
uint16_t ftp_port_argument(struct slice);
/* "|1|132.235.1.2|6275|" of EPRT (RFC 2428, section 2). */
uint16_t ftp_eprt_argument(struct slice);
/* The text of a reply 227: the six numbers behind its first parenthesis. */
uint16_t ftp_pasv_reply(struct slice);
/* The text of a reply 229: "(|||6446|)" (RFC 2428, section 3). */
uint16_t ftp_epsv_reply(struct slice);

/* ---- What rules and outputs see (fill.c) ---- */

struct app_view ftp_buffer(const struct app_tx *, enum direction, enum buffer_id,
                           unsigned index);
bool ftp_number(const struct app_tx *, enum direction, enum rule_field, unsigned index,
                uint64_t *value);
void ftp_fill(const struct app_tx *, enum direction, struct event *, struct arena *);

enum app_probe ftp_probe(enum direction, struct slice bytes, uint16_t server_port,
                         uint16_t client_port);

extern const struct app_parser ftp_parser, ftp_data_parser;

#endif
