/* What the server answers (RFC 5321, section 4.2).  An answer belongs to the command that
 * has waited longest; its last line ends the waiting. */
#include "sensor/app/smtp/smtp.h"

/* Codes of RFC 5321 and of the extensions in use; another one is no SMTP. */
static bool is_known_code(unsigned code)
{
    static const uint16_t codes[] = {
        211, 214, 220, 221, 235, 250, 251, 252, 334, 354, 401, 402, 421, 435,
        450, 451, 452, 454, 455, 500, 501, 502, 503, 504, 511, 521, 522, 525,
        530, 534, 535, 541, 543, 550, 551, 552, 553, 554, 555,
    };

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (codes[i] == code) {
            return true;
        }
    }
    return false;
}

/* The number at the front of a line; false: it has none. */
static bool read_code(struct slice line, unsigned *code)
{
    *code = 0;
    for (size_t i = 0; i < 3; i++) {
        if (i == line.size || line.bytes[i] < '0' || line.bytes[i] > '9') {
            return false;
        }
        *code = *code * 10 + line.bytes[i] - '0';
    }
    return true;
}

/* A line that is no reply, or none that is known.  Told once: the mail goes on, and so do
 * we, unless the server speaks something else altogether. */
static void take_invalid(struct smtp_input *in)
{
    struct smtp_state *s = in->state;

    if (s->n_invalid++ == 0) {
        smtp_event(in, SMTP_EVENT_INVALID_REPLY);
    }
    s->is_broken = s->n_invalid == SMTP_MAX_INVALID;
}

static void answer_data(struct smtp_input *in, unsigned code)
{
    struct smtp_state *s = in->state;
    /* The message that came early, and its end. */
    bool is_over = s->n_waiting != 0
                   && s->waiting[s->first_waiting].command == SMTP_MESSAGE;

    if (code != 354) {
        smtp_event(in, SMTP_EVENT_DATA_REJECTED);
        smtp_end_data(in, NULL);
        return;
    }
    if (!s->is_data && !is_over && (s->tx != NULL || smtp_begin_mail(in))) {
        /* What was begun may be undone since, by an answer that came with this one. */
        smtp_open_message(in);
        s->is_data = true;
        s->is_within_line = false;
    }
    if (s->tx != NULL && !is_over) {
        s->tx->is_accepted = true;
    }
}

static void answer_mail(struct smtp_input *in, struct app_tx *tx)
{
    struct smtp_state *s = in->state;

    tx->is_done[TO_CLIENT] = true;
    tx->last_ns = in->now_ns;
    app_tx_changed(tx, TO_CLIENT);
    s->n_unanswered -= s->n_unanswered != 0;
}

static bool is_unanswered(const struct app_tx *tx)
{
    return tx->parser == &smtp_parser && tx->is_done[TO_SERVER] && !tx->is_done[TO_CLIENT];
}

/* The message was the last thing that its mail waited for. */
static void answer_message(struct smtp_input *in, const struct smtp_waiting *asked)
{
    LIST_FOR_EACH (node, &in->session->txs) {
        struct app_tx *tx = LIST_ENTRY(node, struct app_tx, node);
        if (asked->has_tx && tx->id == asked->tx_id && is_unanswered(tx)) {
            answer_mail(in, tx);
            return;
        }
    }
}

void smtp_answer_all(struct smtp_input *in)
{
    if (in->state->n_unanswered == 0) {
        return;
    }
    LIST_FOR_EACH (node, &in->session->txs) {
        struct app_tx *tx = LIST_ENTRY(node, struct app_tx, node);
        if (is_unanswered(tx)) {
            answer_mail(in, tx);
        }
    }
}

static void answer_starttls(struct smtp_input *in, unsigned code)
{
    if (code == 220) {
        smtp_end_mail(in, true);
        in->state->wants_switch = true;
    } else {
        smtp_event(in, SMTP_EVENT_TLS_REJECTED);
    }
}

/* The last line of an answer to 'command'. */
static void take_answer(struct smtp_input *in, const struct smtp_waiting *asked,
                        unsigned code)
{
    /* Begins anew, or ends, what was begun when it was sent; nothing that came behind it. */
    bool is_current = in->state->tx != NULL && asked->mail == in->state->n_mails;

    switch (asked->command) {
    case SMTP_DATA:
    case SMTP_DATA_EARLY:
        answer_data(in, code);
        break;
    case SMTP_STARTTLS:
        answer_starttls(in, code);
        break;
    case SMTP_HELO:
    case SMTP_RSET:
    case SMTP_QUIT:
        if (code == (asked->command == SMTP_QUIT ? 221u : 250u) && is_current) {
            smtp_end_mail(in, true);
        }
        break;
    case SMTP_MESSAGE:
        answer_message(in, asked);
        break;
    case SMTP_BDAT:
        if (code >= 400) {
            smtp_drop_chunk(in->state);
        } else if (in->state->tx != NULL) {
            in->state->tx->is_accepted = true;
        }
        break;
    default:
        break;
    }
}

/* An answer that no command waits for. */
static void take_unasked(struct smtp_input *in, unsigned code)
{
    if (!in->state->has_welcome) {
        in->state->has_welcome = true;
        if (code != 220) {
            smtp_event(in, SMTP_EVENT_INVALID_REPLY);
        }
    }
}

/* A line is a frame, of the mail that its command was about. */
static void open_frame(struct smtp_input *in, struct slice line, size_t n_end)
{
    const struct smtp_state *s = in->state;
    const struct smtp_waiting *asked = &s->waiting[s->first_waiting];
    struct app_frame *f = app_frame_open(in->session, FRAME_SMTP_RESPONSE_LINE, line.bytes,
                                         line.size + n_end);

    if (f != NULL && s->n_waiting != 0) {
        f->has_tx = asked->has_tx;
        f->tx_id = asked->tx_id;
    }
}

void smtp_take_reply(struct smtp_input *in, struct slice line, size_t n_end)
{
    struct smtp_state *s = in->state;
    unsigned code;
    bool has_code = read_code(line, &code);

    open_frame(in, line, n_end);
    if (!has_code || !is_known_code(code)) {
        take_invalid(in);
        if (s->is_broken || line.size == 0) {
            return;
        }
    }
    s->is_multiline = line.size > 3 && line.bytes[3] == '-';
    if (s->n_waiting == 0) {
        take_unasked(in, code);
        s->n_forgotten -= s->n_forgotten != 0 && !s->is_multiline;
        return;
    }
    struct smtp_waiting asked = s->waiting[s->first_waiting];

    stream_raw_trigger(in->session->flow, TO_CLIENT);
    if (asked.command == SMTP_HELO && code == 250 && line.size >= 14
        && strncasecmp((const char *) line.bytes + 4, "PIPELINING", 10) == 0) {
        s->does_pipelining = true;
    }
    if (s->is_multiline) {
        return;
    }
    s->first_waiting = (s->first_waiting + 1) % SMTP_MAX_WAITING;
    s->n_waiting--;
    take_answer(in, &asked, code);
    if (s->tx != NULL) {
        app_tx_changed(&s->tx->tx, TO_CLIENT);
    }
}
