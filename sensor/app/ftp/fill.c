/* What rules and outputs see of the control channel. */
#include "sensor/app/ftp/ftp.h"

static const struct ftp_tx *ftp_tx_of(const struct app_tx *tx)
{
    return (const struct ftp_tx *) (const void *) tx;
}

static struct app_view view_of(struct slice bytes)
{
    return bytes.size != 0
               ? (struct app_view) { .state = APP_VIEW_DONE, .bytes = bytes }
               : (struct app_view) { .state = APP_VIEW_ABSENT };
}

static struct slice item_at(const struct slice *items, size_t n, unsigned index)
{
    return index < n ? items[index] : slice_of(NULL, 0);
}

struct app_view ftp_buffer(const struct app_tx *app_tx, enum direction dir,
                           enum buffer_id id, unsigned index)
{
    const struct ftp_tx *tx = ftp_tx_of(app_tx);
    bool is_reply = id == BUFFER_FTP_REPLY || id == BUFFER_FTP_COMPLETION_CODE;

    if (is_reply != (dir == TO_CLIENT)) {
        return (struct app_view) { .state = APP_VIEW_ABSENT };
    }
    if (is_reply && !app_tx->is_done[TO_CLIENT]) {
        /* An alert is to tell all replies. */
        return (struct app_view) { .state = APP_VIEW_NOT_YET };
    }
    switch (id) {
    case BUFFER_FTP_COMMAND:
        return view_of(slice_text(tx->command != NULL ? tx->command->name : NULL));
    case BUFFER_FTP_COMMAND_DATA:
        return view_of(tx->argument);
    case BUFFER_FTP_REPLY:
        return view_of(item_at(tx->replies, tx->n_replies, index));
    case BUFFER_FTP_COMPLETION_CODE:
        return view_of(item_at(tx->codes, tx->n_codes, index));
    default:
        return (struct app_view) { .state = APP_VIEW_ABSENT };
    }
}

bool ftp_number(const struct app_tx *app_tx, enum direction dir, enum rule_field field,
                unsigned index, uint64_t *value)
{
    const struct ftp_tx *tx = ftp_tx_of(app_tx);

    if (index != 0) {
        return false;
    }
    switch (field) {
    case FIELD_FTP_DYNAMIC_PORT:
        *value = tx->port;
        return tx->port != 0;
    case FIELD_FTP_MODE:
        *value = tx->is_active;
        return tx->port != 0;
    case FIELD_FTP_REPLY_RECEIVED:
        /* A reply that nothing asked for was not waited for. */
        *value = tx->is_answered;
        return dir == TO_CLIENT && tx->command != NULL && app_tx->is_done[TO_CLIENT];
    default:
        return false;
    }
}

void ftp_fill(const struct app_tx *app_tx, enum direction dir, struct event *event,
              struct arena *scratch)
{
    const struct ftp_tx *tx = ftp_tx_of(app_tx);
    struct event_ftp *out = arena_alloc(scratch, sizeof *out);

    if (out == NULL) {
        return;
    }
    *out = (struct event_ftp) {
        .has_dynamic_port = tx->port != 0, .dynamic_port = tx->port,
        .reply_received = slice_text(tx->is_answered ? "yes" : "no"),
        .reply_truncated = tx->is_reply_cut,
    };
    if (tx->command != NULL) {
        out->command = slice_text(tx->command->name);
        out->command_data = tx->argument.size != 0 ? tx->argument : slice_of(NULL, 0);
        out->has_command_truncated = tx->line.size > strlen(tx->command->name);
        out->command_truncated = tx->is_cut;
        if (ftp_sets_port(tx->command->verb)) {
            out->mode = slice_text(tx->is_active ? "active" : "passive");
        }
    }
    out->reply = tx->replies;
    out->n_reply = tx->n_replies;
    out->completion_code = tx->codes;
    out->n_completion_code = tx->n_codes;
    event->ftp = out;
}
