/* Lines of both directions, gaps, ends.
 *
 * In command mode a line is one command or reply; while a message is on its way data.c takes
 * the client's bytes as they come. */
#include "sensor/app/smtp/smtp.h"

void smtp_event(struct smtp_input *in, enum smtp_event event)
{
    if (in->state->tx == NULL && !in->state->has_ended) {
        smtp_begin_mail(in);            /* The server spoke out of turn. */
    }
    struct list_node *last = list_back(&in->session->txs);
    struct app_tx *tx = last != NULL ? LIST_ENTRY(last, struct app_tx, node) : NULL;

    /* Of the mail that goes on, else of the one that was over just before. */
    if (tx != NULL && tx->parser == &smtp_parser) {
        app_tx_repeat_event(tx, event);
    } else {
        app_session_set_event(in->session, event);
    }
}

/* Takes a line from the front of 'rest', without its end of 'n_end' bytes; false: none is
 * complete. */
static bool next_line(struct smtp_input *in, struct smtp_side *side, struct slice *line,
                      size_t *n_end)
{
    struct slice rest = in->rest;
    size_t from = side->scanned <= rest.size ? side->scanned : 0;
    const uint8_t *lf = rest.size > from ? memchr(rest.bytes + from, '\n', rest.size - from)
                                         : NULL;
    size_t n = lf != NULL ? (size_t) (lf - rest.bytes) + 1 : rest.size;

    side->scanned = 0;
    if (lf == NULL && n < SMTP_LINE_MAX) {
        side->scanned = n;
        return false;
    }
    *n_end = 0;
    if (n >= SMTP_LINE_MAX) {
        side->is_discarding = lf == NULL;
        *line = slice_of(rest.bytes, SMTP_LINE_MAX);
        *n_end = n - SMTP_LINE_MAX;
    } else {
        *n_end = n > 1 && rest.bytes[n - 2] == '\r' ? 2 : 1;
        *line = slice_of(rest.bytes, n - *n_end);
    }
    in->rest = slice_from(rest, n);
    return true;
}

/* The rest of a line that was cut; false: its end has not come. */
static bool discard(struct smtp_input *in, struct smtp_side *side)
{
    const uint8_t *lf = in->rest.size != 0 ? memchr(in->rest.bytes, '\n', in->rest.size)
                                           : NULL;

    side->is_discarding = lf == NULL;
    side->scanned = 0;
    in->rest = lf != NULL ? slice_from(in->rest, (size_t) (lf - in->rest.bytes) + 1)
                          : slice_from(in->rest, in->rest.size);
    return lf != NULL;
}

static void parse_client(struct smtp_input *in)
{
    struct smtp_state *s = in->state;
    struct smtp_side *side = &s->sides[TO_SERVER];
    struct slice line;
    size_t n_end;

    while (!s->is_broken) {
        if ((s->is_data || s->is_chunk) && !smtp_take_message(in)) {
            return;
        }
        if (side->is_discarding && !discard(in, side)) {
            return;
        }
        if (!next_line(in, side, &line, &n_end)) {
            return;
        }
        smtp_take_command(in, line, n_end);
        if (line.size == SMTP_LINE_MAX) {
            smtp_event(in, SMTP_EVENT_TRUNCATED_LINE);
        }
    }
}

static void parse_server(struct smtp_input *in)
{
    struct smtp_state *s = in->state;
    struct smtp_side *side = &s->sides[TO_CLIENT];
    struct slice line;
    size_t n_end;

    while (!s->is_broken && !s->wants_switch) {
        if (side->is_discarding && !discard(in, side)) {
            return;
        }
        if (!next_line(in, side, &line, &n_end)) {
            return;
        }
        if (line.size == SMTP_LINE_MAX) {
            smtp_event(in, SMTP_EVENT_TRUNCATED_LINE);
        }
        smtp_take_reply(in, line, n_end);
    }
}

/* 'size' bytes are missing.  In a message they are missing in its file; between commands it
 * cannot be told what answers what any more. */
static void handle_gap(struct smtp_input *in, enum direction dir, uint64_t size)
{
    struct smtp_state *s = in->state;

    if (dir == TO_SERVER && (s->is_data || s->is_chunk)) {
        smtp_message_gap(in, size);
        return;
    }
    if (dir == TO_CLIENT && smtp_last_waiting(s) == SMTP_DATA && s->tx != NULL) {
        s->is_data = true;              /* A message follows, if there was a yes. */
        s->is_within_line = false;
    }
    smtp_answer_all(in);
    s->n_waiting = 0;
    s->n_forgotten = 0;
    s->is_multiline = false;
    s->has_welcome = true;
    s->sides[dir].is_discarding = true;
}

enum app_result smtp_parse(struct app_session *session, const struct app_input *input,
                           size_t *consumed)
{
    struct smtp_state *s = session->state;
    struct smtp_input in = {
        .session = session, .state = s, .rest = input->bytes, .now_ns = input->now_ns,
    };

    if (input->gap != 0) {
        handle_gap(&in, input->dir, input->gap);
    }
    if (input->dir == TO_SERVER) {
        parse_client(&in);
    } else {
        parse_server(&in);
    }
    *consumed = input->bytes.size - in.rest.size;
    if (s->is_broken) {
        return APP_BROKEN;
    }
    if (s->wants_switch) {
        session->wants_tls = true;
        return APP_SWITCH;
    }
    if (input->is_end && input->dir == TO_SERVER) {
        smtp_end_message(&in, false);
    }
    if (input->is_end && input->dir == TO_CLIENT) {
        smtp_answer_all(&in);
    }
    return APP_NEED_MORE;
}

void smtp_finish(struct app_session *session)
{
    struct smtp_input in = { .session = session, .state = session->state };

    if (in.state->tx != NULL) {
        in.now_ns = in.state->tx->tx.last_ns;
        smtp_end_message(&in, false);
        smtp_end_mail(&in, true);
    }
}
