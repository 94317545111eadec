/* What rules ask for.  What the client said of a mail is there with its command, the fields
 * of the message when all of them are. */
#include "rules/lang/hooks.h"
#include "sensor/app/file.h"
#include "sensor/app/smtp/smtp.h"

/* "request_data", "response_data" of rules/lang/hooks.h. */
#define SMTP_PROGRESS_DATA 2

static const struct app_view absent = { .state = APP_VIEW_ABSENT };

/* 'value' with NULL bytes: not there, or not yet. */
static struct app_view view_of(const struct smtp_tx *tx, struct slice value, bool is_over)
{
    if (value.bytes != NULL) {
        return (struct app_view) { .state = APP_VIEW_DONE, .bytes = value };
    }
    return tx->tx.is_done[TO_SERVER] || is_over
               ? absent
               : (struct app_view) { .state = APP_VIEW_NOT_YET };
}

static struct app_view view_field(const struct smtp_tx *tx, const char *name,
                                  unsigned index)
{
    const struct mime_field *field = tx->mime != NULL ? mime_field(tx->mime, name, index)
                                                      : NULL;
    bool is_over = tx->mime != NULL && (mime_has_fields(tx->mime) || mime_is_over(tx->mime));

    return view_of(tx, field != NULL ? field->value : slice_of(NULL, 0), is_over);
}

static struct app_view view_url(const struct smtp_tx *tx, unsigned index)
{
    const struct slice *urls = NULL;
    size_t n = tx->mime != NULL ? mime_urls(tx->mime, &urls) : 0;

    return view_of(tx, index < n ? urls[index] : slice_of(NULL, 0),
                   tx->mime != NULL && mime_is_over(tx->mime));
}

struct app_view smtp_buffer(const struct app_tx *base, enum direction dir,
                            enum buffer_id id, unsigned index)
{
    const struct smtp_tx *tx = smtp_tx_of(base);
    struct slice none = slice_of(NULL, 0);

    if (dir != TO_SERVER) {
        return absent;
    }
    switch (id) {
    case BUFFER_FILE_DATA:
    case BUFFER_FILE_NAME:
    case BUFFER_FILE_MAGIC:
        return app_file_buffer(base, dir, id, index);
    case BUFFER_SMTP_RCPT_TO:
        return view_of(tx, index < tx->n_recipients ? tx->recipients[index] : none, false);
    case BUFFER_EMAIL_RECEIVED:
        return view_field(tx, "received", index);
    case BUFFER_EMAIL_URL:
        return view_url(tx, index);
    default:
        break;
    }
    if (index != 0) {
        return absent;
    }
    switch (id) {
    case BUFFER_SMTP_HELO:
        return view_of(tx, tx->helo, false);
    case BUFFER_SMTP_MAIL_FROM:
        return view_of(tx, tx->mail_from, false);
    case BUFFER_EMAIL_FROM:
        return view_field(tx, "from", 0);
    case BUFFER_EMAIL_TO:
        return view_field(tx, "to", 0);
    case BUFFER_EMAIL_CC:
        return view_field(tx, "cc", 0);
    case BUFFER_EMAIL_SUBJECT:
        return view_field(tx, "subject", 0);
    case BUFFER_EMAIL_DATE:
        return view_field(tx, "date", 0);
    case BUFFER_EMAIL_MESSAGE_ID:
        return view_field(tx, "message-id", 0);
    case BUFFER_EMAIL_X_MAILER:
        return view_field(tx, "x-mailer", 0);
    default:
        return absent;
    }
}

unsigned smtp_progress(const struct app_tx *base, enum direction dir)
{
    const struct smtp_tx *tx = smtp_tx_of(base);
    bool has_data = dir == TO_SERVER ? tx->has_message : tx->is_accepted;

    return base->is_done[dir] ? PROGRESS_COMPLETE
           : has_data         ? SMTP_PROGRESS_DATA
                              : PROGRESS_STARTED;
}

bool smtp_number(const struct app_tx *tx, enum direction dir, enum rule_field field,
                 unsigned index, uint64_t *value)
{
    return field == FIELD_FILESIZE && app_file_number(tx, dir, index, value);
}
