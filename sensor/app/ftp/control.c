/* The control channel: each command with its replies is a transaction.
 *
 * Replies belong to the oldest command that waits for one.  A preliminary reply ("150 ") is
 * followed by another of the same command; what any other reply begins, its last line ends.
 * A reply that no command waits for is a transaction of its own: the greeting, and answers
 * to commands that we do not know. */
#include <stdlib.h>

#include "sensor/app/ftp/ftp.h"

struct control {
    struct ftp_lines lines[N_DIRECTIONS];
    struct ftp_tx *first, *last;        /* Commands that wait for replies, in order.  They
                                         * are not done, so nobody frees them. */
    struct ftp_tx *open;                /* Whose reply of several lines is not at its end. */
    uint8_t open_code[3];
    uint16_t port;                      /* For the next transfer; 0: none announced. */
    bool is_active;                     /* ... by the client. */
};

static const char *const event_names[] = {
#define X(id, name) name,
    FTP_EVENTS(X)
#undef X
    NULL
};

static bool open_session(struct app_session *s)
{
    if (!app_memory_take(s, sizeof(struct control))) {
        return false;
    }
    s->state = calloc(1, sizeof(struct control));
    if (s->state == NULL) {
        app_memory_give(s, sizeof(struct control));
    }
    return s->state != NULL;
}

static void close_session(struct app_session *s)
{
    if (s->state != NULL) {
        free(s->state);
        s->state = NULL;
        app_memory_give(s, sizeof(struct control));
    }
}

static struct ftp_tx *new_tx(struct app_session *s, uint64_t now_ns)
{
    struct ftp_tx *tx = app_tx_new(s, sizeof *tx, now_ns);

    if (tx == NULL) {
        app_session_set_event(s, FTP_EVENT_TOO_MANY_TRANSACTIONS);
        return NULL;
    }
    struct control *c = s->state;
    if (c->last != NULL) {
        c->last->next = tx;
    } else {
        c->first = tx;
    }
    c->last = tx;
    return tx;
}

/* Nothing more comes of it. */
static void end_tx(struct control *c, struct ftp_tx *tx)
{
    struct ftp_tx **at = &c->first, *before = NULL;

    while (*at != tx) {
        before = *at;
        at = &before->next;
    }
    *at = tx->next;
    if (c->last == tx) {
        c->last = before;
    }
    if (c->open == tx) {
        c->open = NULL;
    }
    for (int d = 0; d < N_DIRECTIONS; d++) {
        tx->tx.is_done[d] = true;
        app_tx_changed(&tx->tx, (enum direction) d);
    }
}

/* ---- Commands ---- */

/* A transfer: its connection comes to the port that was announced, once. */
static void expect_transfer(struct app_session *s, struct ftp_tx *tx, uint64_t now_ns)
{
    struct control *c = s->state;
    enum ftp_verb verb = tx->command->verb;
    bool is_nameless = tx->argument.size == 0;
    struct app_expected what = { .proto = APP_FTP_DATA, .detail = verb };

    if (is_nameless && ftp_is_file(verb) && verb != FTP_STOU) {
        app_tx_set_event(&tx->tx, FTP_EVENT_FILE_WITHOUT_NAME);
        return;
    }
    if (c->port == 0) {
        app_tx_set_event(&tx->tx, FTP_EVENT_FILE_BEFORE_PORT);
        return;
    }
    if (ftp_is_file(verb)) {
        what.name = is_nameless ? slice_text("<stou>") : tx->argument;
    }
    /* The side that connects is the client of that flow. */
    if (ftp_is_upload(verb) != c->is_active) {
        what.detail |= FTP_DETAIL_TO_SERVER;
    }
    app_expect(s, c->port, &what, now_ns, app_engine_conf(s->engine)->ftp_data_timeout);
    c->port = 0;
    c->is_active = false;
}

static void take_command(struct app_session *s, struct slice line, bool is_cut,
                         uint64_t now_ns)
{
    struct control *c = s->state;
    size_t name_end = 0;
    const struct ftp_command *command = ftp_command_find(line, &name_end);
    struct ftp_tx *tx = command != NULL ? new_tx(s, now_ns) : NULL;

    if (tx == NULL) {
        return;
    }
    tx->command = command;
    tx->line = arena_copy(&tx->tx.arena, line.bytes, line.size);
    tx->argument = slice_from(tx->line, name_end < tx->line.size ? name_end + 1
                                                                 : tx->line.size);
    tx->is_cut = is_cut;
    if (is_cut) {
        app_tx_set_event(&tx->tx, FTP_EVENT_REQUEST_TOO_LONG);
    }
    if (command->verb == FTP_PORT || command->verb == FTP_EPRT) {
        tx->port = command->verb == FTP_PORT ? ftp_port_argument(tx->argument)
                                             : ftp_eprt_argument(tx->argument);
        if (tx->port != 0) {
            c->port = tx->port;
            tx->is_active = c->is_active = true;
        }
    } else if (ftp_uses_port(command->verb)) {
        expect_transfer(s, tx, now_ns);
    }
    app_tx_changed(&tx->tx, TO_SERVER);
}

/* ---- Replies ---- */

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Three digits at its beginning? */
static bool has_code(struct slice line)
{
    return line.size >= 3 && is_digit(line.bytes[0]) && is_digit(line.bytes[1])
           && is_digit(line.bytes[2]);
}

/* Does it end the reply that 'open_code' began? */
static bool is_last_line(const struct control *c, struct slice line)
{
    return has_code(line) && memcmp(line.bytes, c->open_code, 3) == 0
           && (line.size == 3 || line.bytes[3] == ' ');
}

/* Twice the room for replies and codes. */
static bool grow_replies(struct ftp_tx *tx)
{
    size_t cap = tx->replies_cap != 0 ? tx->replies_cap * 2 : 4;
    struct slice *replies = arena_alloc(&tx->tx.arena, cap * sizeof *replies);
    struct slice *codes = arena_alloc(&tx->tx.arena, cap * sizeof *codes);

    if (replies == NULL || codes == NULL) {
        return false;
    }
    if (tx->n_replies != 0) {
        memcpy(replies, tx->replies, tx->n_replies * sizeof *replies);
        memcpy(codes, tx->codes, tx->n_codes * sizeof *codes);
    }
    tx->replies = replies;
    tx->codes = codes;
    tx->replies_cap = cap;
    return true;
}

static void add_reply(struct ftp_tx *tx, struct slice line)
{
    if (tx->n_replies == FTP_MAX_REPLIES || line.size == 0
        || (tx->n_replies == tx->replies_cap && !grow_replies(tx))) {
        return;
    }
    struct slice copy = arena_copy(&tx->tx.arena, line.bytes, line.size);
    bool is_coded = has_code(copy) && copy.size > 4 && copy.bytes[3] == ' ';

    if (copy.size != 0) {
        tx->replies[tx->n_replies++] = is_coded ? slice_from(copy, 4) : copy;
    }
    if (is_coded) {
        tx->codes[tx->n_codes++] = slice_of(copy.bytes, 3);
    }
}

/* What a reply says of the port to come; by its code, since a reply before it may be
 * missing. */
static void take_port(struct control *c, struct ftp_tx *tx, struct slice line)
{
    bool is_pasv = line.size > 4 && memcmp(line.bytes, "227 ", 4) == 0;
    bool is_epsv = line.size > 4 && memcmp(line.bytes, "229 ", 4) == 0;
    uint16_t port = is_pasv   ? ftp_pasv_reply(slice_from(line, 4))
                    : is_epsv ? ftp_epsv_reply(slice_from(line, 4))
                              : 0;

    if (port != 0) {
        c->port = tx->port = port;
        c->is_active = tx->is_active = false;
    }
}

/* The transaction that 'line' belongs to; NULL: no room for one. */
static struct ftp_tx *find_tx(struct app_session *s, struct slice line, uint64_t now_ns)
{
    struct control *c = s->state;

    if (c->open != NULL) {
        /* Lines within a reply may look like anything; but if a command waits, another
         * code is more likely its answer than a line of a reply without end. */
        bool is_other = has_code(line) && line.size > 3 && line.bytes[3] == ' '
                        && memcmp(line.bytes, c->open_code, 3) != 0
                        && (c->open->next != NULL || c->open != c->first);
        if (!is_other) {
            return c->open;
        }
        end_tx(c, c->open);
    }
    return c->first != NULL ? c->first : new_tx(s, now_ns);
}

/* True: the client may begin with TLS now. */
static bool take_reply(struct app_session *s, struct slice line, bool is_cut,
                       uint64_t now_ns)
{
    struct control *c = s->state;
    struct ftp_tx *tx = find_tx(s, line, now_ns);

    if (tx == NULL) {
        return false;
    }
    add_reply(tx, line);
    if (is_cut) {
        tx->is_reply_cut = true;
        app_tx_set_event(&tx->tx, FTP_EVENT_RESPONSE_TOO_LONG);
    }
    take_port(c, tx, line);
    if (c->open == NULL) {
        bool is_preliminary = has_code(line) && line.bytes[0] == '1' && line.size > 3
                              && (line.bytes[3] == ' ' || line.bytes[3] == '\t');
        tx->is_complete |= !is_preliminary;
        if (has_code(line) && line.size > 3 && line.bytes[3] == '-') {
            memcpy(c->open_code, line.bytes, 3);
            c->open = tx;
        }
    } else if (is_last_line(c, line)) {
        c->open = NULL;
    }
    if (!tx->is_complete || c->open != NULL) {
        app_tx_changed(&tx->tx, TO_CLIENT);
        return false;
    }
    tx->is_answered = true;
    end_tx(c, tx);
    return tx->command != NULL && tx->command->verb == FTP_AUTH && line.size >= 3
           && memcmp(line.bytes, "234", 3) == 0;
}

/* ---- The session ---- */

/* Behind a gap the next line is the first to be understood.  Which replies are missing
 * nobody knows: those who wait get none. */
static void take_gap(struct control *c, enum direction dir)
{
    c->lines[dir] = (struct ftp_lines) { .is_skipping = true };
    while (dir == TO_CLIENT && c->first != NULL) {
        end_tx(c, c->first);
    }
}

static enum app_result parse(struct app_session *s, const struct app_input *in,
                             size_t *consumed)
{
    struct control *c = s->state;
    size_t limit = app_engine_conf(s->engine)->ftp_line_limit;
    struct slice rest = in->bytes, line;
    bool is_cut = false, is_secure = false;

    if (in->gap != 0) {
        take_gap(c, in->dir);
    }
    while (!is_secure && ftp_next_line(&c->lines[in->dir], &rest, limit, &line, &is_cut)) {
        if (in->dir == TO_SERVER) {
            take_command(s, line, is_cut, in->now_ns);
        } else {
            is_secure = take_reply(s, line, is_cut, in->now_ns);
        }
    }
    *consumed = in->bytes.size - rest.size;
    return is_secure ? APP_SWITCH : APP_NEED_MORE;
}

const struct app_parser ftp_parser = {
    .proto = APP_FTP, .event_type = "ftp", .over_tcp = true, .tells_raw = true,
    .event_names = event_names, .probe = ftp_probe, .open = open_session, .close = close_session,
    .parse = parse, .buffer = ftp_buffer, .number = ftp_number,
    .fill = ftp_fill,
};
