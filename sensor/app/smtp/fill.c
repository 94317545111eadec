/* The smtp event: the envelope, and what is known of the message. */
#include <openssl/evp.h>

#include "common/wire/event.h"
#include "sensor/app/smtp/smtp.h"

#define MAX_ADDRESSES 512

static struct slice field_value(const struct mime_message *m, const char *name)
{
    const struct mime_field *field = mime_field(m, name, 0);

    return field != NULL ? field->value : slice_of(NULL, 0);
}

/* The addresses of a field, as a list. */
static void fill_addresses(const struct mime_message *m, const char *name,
                           struct arena *scratch, const struct slice **list, size_t *n)
{
    struct slice value = field_value(m, name);
    size_t n_all = value.size != 0 ? mime_split_addresses(value, NULL, 0) : 0;

    n_all = n_all < MAX_ADDRESSES ? n_all : MAX_ADDRESSES;
    struct slice *texts = n_all != 0 ? arena_alloc(scratch, n_all * sizeof *texts) : NULL;
    if (texts != NULL) {
        mime_split_addresses(value, texts, n_all);
        *list = texts;
        *n = n_all;
    }
}

/* All fields of that name, as a list. */
static void fill_repeated(const struct mime_message *m, const char *name,
                          struct arena *scratch, const struct slice **list, size_t *n)
{
    size_t n_all = 0;

    while (n_all < MAX_ADDRESSES && mime_field(m, name, (unsigned) n_all) != NULL) {
        n_all++;
    }
    struct slice *texts = n_all != 0 ? arena_alloc(scratch, n_all * sizeof *texts) : NULL;
    for (size_t i = 0; texts != NULL && i < n_all; i++) {
        texts[i] = mime_field(m, name, (unsigned) i)->value;
    }
    *list = texts;
    *n = texts != NULL ? n_all : 0;
}

/* The last that was found stands first. */
static void fill_urls(const struct mime_message *m, struct arena *scratch,
                      struct event_email *out)
{
    const struct slice *urls = NULL;
    size_t n = mime_urls(m, &urls);
    struct slice *texts = n != 0 ? arena_alloc(scratch, n * sizeof *texts) : NULL;

    for (size_t i = 0; texts != NULL && i < n; i++) {
        texts[i] = urls[n - 1 - i];
    }
    out->url = texts;
    out->n_url = texts != NULL ? n : 0;
}

static void fill_md5s(const struct mime_message *m, struct arena *scratch,
                      struct event_email *out)
{
    const struct mime_field *subject = mime_field(m, "subject", 0);
    uint8_t md5[16];

    if (mime_body_md5(m, md5)) {
        out->body_md5 = arena_copy(scratch, md5, sizeof md5);
    }
    if (subject != NULL
        && EVP_Digest(subject->value.bytes, subject->value.size, md5, NULL, EVP_md5(), NULL)
               == 1) {
        out->subject_md5 = arena_copy(scratch, md5, sizeof md5);
    }
}

static void fill_email(const struct mime_message *m, struct event *event,
                       struct arena *scratch)
{
    struct event_email *out = arena_alloc(scratch, sizeof *out);

    if (out == NULL) {
        return;
    }
    *out = (struct event_email) {
        .status = slice_text("PARSE_DONE"),
        .from = field_value(m, "from"),
        .reply_to = field_value(m, "reply-to"),
        .message_id = field_value(m, "message-id"),
        .subject = field_value(m, "subject"),
        .x_mailer = field_value(m, "x-mailer"),
        .user_agent = field_value(m, "user-agent"),
        .x_originating_ip = field_value(m, "x-originating-ip"),
        .in_reply_to = field_value(m, "in-reply-to"),
        .references = field_value(m, "references"),
        .importance = field_value(m, "importance"),
        .priority = field_value(m, "priority"),
        .sensitivity = field_value(m, "sensitivity"),
        .organization = field_value(m, "organization"),
        .content_md5 = field_value(m, "content-md5"),
        .date = field_value(m, "date"),
    };
    fill_addresses(m, "to", scratch, &out->to, &out->n_to);
    fill_addresses(m, "cc", scratch, &out->cc, &out->n_cc);
    fill_addresses(m, "bcc", scratch, &out->bcc, &out->n_bcc);
    fill_repeated(m, "received", scratch, &out->received, &out->n_received);
    fill_urls(m, scratch, out);
    out->n_attachment = mime_attachments(m, &out->attachment);
    fill_md5s(m, scratch, out);
    event->email = out;
}

void smtp_fill(const struct app_tx *base, enum direction dir, struct event *event,
               struct arena *scratch)
{
    const struct smtp_tx *tx = smtp_tx_of(base);
    struct event_smtp *out = arena_alloc(scratch, sizeof *out);

    if (out == NULL) {
        return;
    }
    *out = (struct event_smtp) {
        .helo = tx->helo, .mail_from = tx->mail_from,
        .rcpt_to = tx->recipients, .n_rcpt_to = tx->n_recipients,
    };
    event->smtp = out;
    if (tx->mime != NULL) {
        fill_email(tx->mime, event, scratch);
    }
}
