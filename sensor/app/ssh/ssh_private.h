/* Shared by the files of app/ssh alone. */
#ifndef CIVICSHIELD_APP_SSH_PRIVATE_H
#define CIVICSHIELD_APP_SSH_PRIVATE_H

#include "sensor/app/ssh/ssh.h"

/* RFC 4253, section 4.2 allows 255 bytes with the line's end; longer ones are told. */
#define SSH_BANNER_LONG 256u
/* A banner without an end is waited for up to this size, and then taken as it is. */
#define SSH_BANNER_MAX 2048u
/* A key exchange's first record of this size or more is not waited for. */
#define SSH_KEX_MAX 65537u

#define SSH_EVENTS(X)                        \
    X(INVALID_BANNER, "invalid_banner")      \
    X(LONG_BANNER, "long_banner")            \
    X(INVALID_RECORD, "invalid_record")      \
    X(LONG_KEX_RECORD, "long_kex_record")
enum ssh_event {
#define X(id, name) SSH_EVENT_##id,
    SSH_EVENTS(X)
#undef X
    SSH_N_EVENTS
};

enum ssh_stage {
    SSH_AT_BANNER,              /* Its line has not ended. */
    SSH_IN_BANNER,              /* Its text is known, its end is overdue. */
    SSH_AT_RECORD,
    SSH_ENCRYPTED,              /* Behind NEWKEYS. */
};

struct ssh_side {
    enum ssh_stage stage;
    struct slice proto, software;       /* proto.bytes is NULL: no banner (yet). */
    bool has_kex;               /* A key exchange was begun, whether or not it was sound. */
    struct slice hassh, hassh_string;
    uint32_t record_left;       /* Bytes of a record that are not waited for. */
};

/* One transaction a session. */
struct ssh_tx {
    struct app_tx tx;
    bool wants_hassh;
    struct ssh_side sides[N_DIRECTIONS];
};

static inline struct ssh_tx *ssh_tx_of(const struct app_tx *tx)
{
    return (struct ssh_tx *) (uintptr_t) tx;
}

/* banner.c.  "SSH-proto-software comment" without its line end, into the side of 'tx' that
 * sent it; false: it is none. */
bool ssh_banner_take(struct ssh_tx *, enum direction, struct slice line);
/* How many bytes the first line of 'bytes' has, and its end; false: the end is not there.
 * It is CR, LF or both; a CR that is the last byte leaves that open unless 'is_end', and is
 * no part of the line. */
bool ssh_banner_line(struct slice bytes, bool is_end, size_t *line, size_t *end);

/* hassh.c.  'body' is an SSH_MSG_KEXINIT behind its number (RFC 4253, section 7.1), with its
 * padding; one that is not sound changes nothing. */
void ssh_hassh_take(struct ssh_tx *, enum direction, struct slice body);

/* record.c: as app_parser.parse. */
enum app_result ssh_parse(struct app_session *, const struct app_input *, size_t *consumed);

#endif
