/* What the client says.  Commands are known by their first letters alone, as servers know
 * them; what cannot be understood is a command that waits for its answer like any other. */
#include "sensor/app/smtp/smtp.h"

static bool begins(struct slice line, const char *text)
{
    size_t len = strlen(text);

    return line.size >= len && strncasecmp((const char *) line.bytes, text, len) == 0;
}

static enum smtp_command kind_of(struct slice line)
{
    static const struct { const char *text; enum smtp_command command; } commands[] = {
        { "EHLO", SMTP_HELO }, { "HELO", SMTP_HELO }, { "MAIL FROM", SMTP_MAIL },
        { "RCPT TO", SMTP_RCPT }, { "DATA", SMTP_DATA }, { "BDAT", SMTP_BDAT },
        { "RSET", SMTP_RSET }, { "QUIT", SMTP_QUIT }, { "STARTTLS", SMTP_STARTTLS },
    };

    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (begins(line, commands[i].text)) {
            return commands[i].command;
        }
    }
    return SMTP_OTHER;
}

/* Is there anything that a new greeting would undo? */
static bool has_begun(const struct smtp_tx *tx)
{
    return tx != NULL && (tx->mail_from.bytes != NULL || tx->n_recipients != 0
                          || tx->has_data || tx->mime != NULL);
}

void smtp_wait_for(struct smtp_state *s, enum smtp_command command)
{
    bool has_mail = command == SMTP_HELO ? has_begun(s->tx) : s->tx != NULL;

    if (s->n_waiting < SMTP_MAX_WAITING && s->n_forgotten == 0) {
        s->waiting[(s->first_waiting + s->n_waiting++) % SMTP_MAX_WAITING] =
            (struct smtp_waiting) { command, has_mail ? s->n_mails : 0, s->tx != NULL,
                                    s->tx != NULL ? s->tx->tx.id : 0 };
    } else {
        s->n_forgotten++;
    }
}

static unsigned last_waiting(const struct smtp_state *s)
{
    return (s->first_waiting + s->n_waiting - 1) % SMTP_MAX_WAITING;
}

enum smtp_command smtp_last_waiting(const struct smtp_state *s)
{
    return s->n_waiting != 0 && s->n_forgotten == 0 ? s->waiting[last_waiting(s)].command
                                                    : SMTP_OTHER;
}

bool smtp_wait_for_chunks(struct smtp_state *s)
{
    bool does_wait = smtp_last_waiting(s) == SMTP_BDAT;

    if (does_wait) {
        s->waiting[last_waiting(s)].command = SMTP_MESSAGE;
    }
    return does_wait;
}

/* Some commands must be the last that are sent before an answer (RFC 2920, section 3.1). */
static void wait_for_command(struct smtp_input *in, enum smtp_command command)
{
    struct smtp_state *s = in->state;
    enum smtp_command last = smtp_last_waiting(s);

    if (last == SMTP_DATA || last == SMTP_DATA_EARLY || last == SMTP_STARTTLS) {
        smtp_event(in, SMTP_EVENT_PIPELINED_SEQUENCE);
    }
    smtp_wait_for(s, command);
}

/* The first word behind the command, which is 'len' letters and one that is a blank or a
 * colon.  Never NULL: a command without an argument has an empty one. */
static struct slice argument(struct slice line, size_t len)
{
    struct slice s = line.size > len ? slice_from(line, len + 1) : slice_text("");
    size_t n = 0;

    while (s.size != 0 && (s.bytes[0] == ' ' || s.bytes[0] == '\t')) {
        s = slice_from(s, 1);
    }
    while (n < s.size && s.bytes[n] != ' ') {
        n++;
    }
    return slice_of(s.bytes, n);
}

static struct slice keep(struct smtp_tx *tx, struct slice s)
{
    return s.size != 0 ? arena_copy(&tx->tx.arena, s.bytes, s.size) : slice_text("");
}

static void take_helo(struct smtp_input *in, struct slice line)
{
    struct smtp_state *s = in->state;
    struct slice name = argument(line, 4);

    if (s->has_helo) {
        smtp_event(in, SMTP_EVENT_DUPLICATE_FIELDS);
        return;
    }
    s->has_helo = app_bytes_put(in->session, &s->helo, name.bytes, name.size);
    s->tx->helo = keep(s->tx, name);
}

static void take_mail_from(struct smtp_input *in, struct slice line)
{
    struct smtp_tx *tx = in->state->tx;

    if (tx->mail_from.bytes != NULL) {
        smtp_event(in, SMTP_EVENT_DUPLICATE_FIELDS);
        return;
    }
    tx->mail_from = keep(tx, argument(line, strlen("MAIL FROM")));
}

static void take_recipient(struct smtp_input *in, struct slice line)
{
    struct smtp_tx *tx = in->state->tx;

    if (tx->n_recipients == SMTP_MAX_RECIPIENTS) {
        return;
    }
    if (tx->n_recipients == tx->recipients_cap) {
        size_t cap = tx->recipients_cap != 0 ? tx->recipients_cap * 2 : 8;
        struct slice *grown = arena_alloc(&tx->tx.arena, cap * sizeof *grown);
        if (grown == NULL) {
            return;
        }
        if (tx->n_recipients != 0) {
            memcpy(grown, tx->recipients, tx->n_recipients * sizeof *grown);
        }
        tx->recipients = grown;
        tx->recipients_cap = cap;
    }
    struct slice one = keep(tx, argument(line, strlen("RCPT TO")));
    if (one.bytes != NULL) {
        tx->recipients[tx->n_recipients++] = one;
    }
}

static void take_data(struct smtp_input *in)
{
    struct smtp_state *s = in->state;

    if (s->tx->has_data) {
        /* The one before was refused, and nobody began anew. */
        smtp_event(in, SMTP_EVENT_UNPARSABLE_CONTENT);
    }
    s->tx->has_data = true;
    smtp_open_message(in);
    /* Who was told that it may does not wait. */
    if (s->does_pipelining) {
        s->is_data = true;
        s->is_within_line = false;
    }
    wait_for_command(in, s->does_pipelining ? SMTP_DATA_EARLY : SMTP_DATA);
}

/* "BDAT 1000 LAST" (RFC 3030, section 2). */
static void take_bdat(struct smtp_input *in, struct slice line)
{
    struct slice s = slice_from(line, 4);
    uint64_t size = 0;
    size_t n = 1;

    while (n < s.size && s.bytes[0] == ' ' && s.bytes[n] >= '0' && s.bytes[n] <= '9'
           && size <= UINT32_MAX) {
        size = size * 10 + s.bytes[n++] - '0';
    }
    struct slice rest = n < s.size ? slice_from(s, n) : slice_of(NULL, 0);
    bool is_last = slice_is_nocase(rest, " LAST");
    wait_for_command(in, SMTP_BDAT);
    if (n == 1 || size > UINT32_MAX || (rest.size != 0 && !is_last)) {
        smtp_event(in, SMTP_EVENT_INVALID_BDAT);
        return;
    }
    smtp_open_chunk(in, size, is_last);
}

bool smtp_begin_mail(struct smtp_input *in)
{
    struct smtp_state *s = in->state;

    s->tx = app_tx_new(in->session, sizeof *s->tx, in->now_ns);
    if (s->tx == NULL) {
        return false;
    }
    s->n_mails++;
    if (s->has_helo) {
        s->tx->helo = keep(s->tx, slice_of(s->helo.bytes, s->helo.size));
    }
    return true;
}

/* The mail that 'command' belongs to; what comes behind one that is over begins another
 * unless it only tidies up. */
static bool find_mail(struct smtp_input *in, enum smtp_command command)
{
    struct smtp_state *s = in->state;

    return s->tx != NULL
           || (s->has_ended && (command == SMTP_RSET || command == SMTP_QUIT))
           || smtp_begin_mail(in);
}

/* A line is two frames, as rule authors know them: as it was sent, of no transaction, and
 * without its end. */
static void open_frames(struct smtp_input *in, struct slice line, size_t n_end)
{
    const struct smtp_tx *tx = in->state->tx;

    app_frame_open(in->session, FRAME_SMTP_COMMAND_LINE, line.bytes, line.size + n_end);
    struct app_frame *f = app_frame_open(in->session, FRAME_SMTP_COMMAND_LINE, line.bytes,
                                         line.size);
    app_frame_set_tx(f, tx != NULL ? &tx->tx : NULL);
}

void smtp_take_command(struct smtp_input *in, struct slice line, size_t n_end)
{
    struct smtp_state *s = in->state;
    enum smtp_command command = kind_of(line);
    bool has_mail = find_mail(in, command);

    open_frames(in, line, n_end);
    stream_raw_trigger(in->session->flow, TO_SERVER);
    if (!has_mail) {
        /* No memory: answers are still to be matched. */
        smtp_wait_for(s, SMTP_OTHER);
        return;
    }
    if (!s->has_welcome && s->tx != NULL) {
        smtp_event(in, SMTP_EVENT_NO_WELCOME);
    }
    switch (command) {
    case SMTP_DATA:
        take_data(in);
        break;
    case SMTP_BDAT:
        take_bdat(in, line);
        break;
    case SMTP_HELO:
        take_helo(in, line);
        wait_for_command(in, command);
        break;
    case SMTP_MAIL:
        take_mail_from(in, line);
        wait_for_command(in, command);
        break;
    case SMTP_RCPT:
        take_recipient(in, line);
        wait_for_command(in, command);
        break;
    default:
        wait_for_command(in, command);
        break;
    }
    if (s->tx != NULL) {
        s->tx->tx.last_ns = in->now_ns;
        app_tx_changed(&s->tx->tx, TO_SERVER);
    }
}

void smtp_end_mail(struct smtp_input *in, bool is_answered)
{
    struct smtp_state *s = in->state;
    struct smtp_tx *tx = s->tx;

    if (tx == NULL) {
        return;
    }
    if (tx->mime != NULL) {
        mime_end(tx->mime, false);
    }
    smtp_drop_chunk(s);
    smtp_end_data(in, NULL);
    s->has_ended = true;
    s->tx = NULL;
    tx->tx.last_ns = in->now_ns;
    tx->tx.is_done[TO_SERVER] = true;
    tx->tx.is_done[TO_CLIENT] = is_answered;
    app_tx_changed(&tx->tx, TO_SERVER);
    app_tx_changed(&tx->tx, TO_CLIENT);
    /* Rules on raw bytes need not wait for the answer. */
    stream_raw_trigger(in->session->flow, TO_CLIENT);
    s->n_unanswered += !is_answered;
    if (s->n_unanswered > SMTP_MAX_UNANSWERED) {
        smtp_answer_all(in);
    }
}
