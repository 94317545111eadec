/* The data connection: what goes the way of the transfer is its file, up to the end of that
 * direction.  Listings are no files; the transfer is told all the same. */
#include <stdlib.h>

#include "sensor/app/ftp/ftp.h"

struct transfer_tx {
    struct app_tx tx;           /* First. */
    enum ftp_verb verb;
    struct slice name;          /* Of the file; may be empty. */
};

struct transfer {
    enum ftp_verb verb;
    enum direction dir;
    struct transfer_tx *tx;     /* Not done, or NULL. */
    struct app_file *file;      /* Of 'tx'; NULL before its first byte. */
    struct app_bytes name;
    bool is_over;
};

static bool open_session(struct app_session *s)
{
    const struct app_expected *what = app_expected(s);

    if (what == NULL || !app_memory_take(s, sizeof(struct transfer))) {
        return false;
    }
    struct transfer *t = calloc(1, sizeof *t);
    if (t == NULL) {
        app_memory_give(s, sizeof *t);
        return false;
    }
    t->verb = (enum ftp_verb) (what->detail & ~FTP_DETAIL_TO_SERVER);
    t->dir = (what->detail & FTP_DETAIL_TO_SERVER) != 0 ? TO_SERVER : TO_CLIENT;
    (void) app_bytes_put(s, &t->name, what->name.bytes, what->name.size);
    s->state = t;
    return true;
}

static void close_session(struct app_session *s)
{
    struct transfer *t = s->state;

    if (t != NULL) {
        app_bytes_free(s, &t->name);
        free(t);
        s->state = NULL;
        app_memory_give(s, sizeof *t);
    }
}

static void begin(struct app_session *s, struct transfer *t, uint64_t now_ns)
{
    t->tx = app_tx_new(s, sizeof *t->tx, now_ns);
    if (t->tx == NULL) {
        t->is_over = true;
        return;
    }
    t->tx->verb = t->verb;
    if (t->name.size != 0) {
        t->tx->name = arena_copy(&t->tx->tx.arena, t->name.bytes, t->name.size);
    }
    app_tx_changed(&t->tx->tx, TO_SERVER);
    app_tx_changed(&t->tx->tx, TO_CLIENT);
}

static void end(struct transfer *t, enum app_file_state state)
{
    struct transfer_tx *tx = t->tx;

    t->is_over = true;
    if (tx == NULL) {
        return;
    }
    if (t->file != NULL) {
        app_file_close(&tx->tx, t->file, state);
    }
    t->tx = NULL;
    t->file = NULL;
    for (int d = 0; d < N_DIRECTIONS; d++) {
        tx->tx.is_done[d] = true;
        app_tx_changed(&tx->tx, (enum direction) d);
    }
}

static void take_bytes(struct app_session *s, struct transfer *t, const struct app_input *in)
{
    if (t->file == NULL && ftp_is_file(t->verb)) {
        t->file = app_file_open(&t->tx->tx, t->dir, t->tx->name,
                                app_engine_conf(s->engine)->ftp_file_limit);
    }
    if (t->file != NULL) {
        if (in->gap != 0) {
            app_file_gap(&t->tx->tx, t->file, in->gap);
        }
        app_file_append(&t->tx->tx, t->file, in->bytes.bytes, in->bytes.size);
    }
    app_tx_changed(&t->tx->tx, t->dir);
}

static enum app_result parse(struct app_session *s, const struct app_input *in,
                             size_t *consumed)
{
    struct transfer *t = s->state;

    *consumed = in->bytes.size;
    if (t->tx == NULL && !t->is_over) {
        begin(s, t, in->now_ns);
    }
    if (in->dir == t->dir && !t->is_over) {
        if (in->bytes.size != 0 || in->gap != 0) {
            take_bytes(s, t, in);
        }
        if (in->is_end) {
            end(t, in->is_cut ? FILE_TRUNCATED : FILE_CLOSED);
        }
    }
    return t->is_over ? APP_DONE : APP_NEED_MORE;
}

/* Without an end of its own the file ends where the connection does. */
static void finish(struct app_session *s)
{
    struct transfer *t = s->state;

    if (!t->is_over) {
        end(t, FILE_CLOSED);
    }
}

static const struct transfer_tx *tx_of(const struct app_tx *tx)
{
    return (const struct transfer_tx *) (const void *) tx;
}

static struct app_view buffer(const struct app_tx *tx, enum direction dir, enum buffer_id id,
                              unsigned index)
{
    switch (id) {
    case BUFFER_FILE_DATA:
    case BUFFER_FILE_NAME:
    case BUFFER_FILE_MAGIC:
        return app_file_buffer(tx, dir, id, index);
    default:
        return (struct app_view) { .state = APP_VIEW_ABSENT };
    }
}

static bool number(const struct app_tx *tx, enum direction dir, enum rule_field field,
                   unsigned index, uint64_t *value)
{
    switch (field) {
    case FIELD_FTPDATA_COMMAND:
        *value = (uint64_t) (tx_of(tx)->verb - FTP_RETR + 1);
        return index == 0;
    case FIELD_FILESIZE:
        return app_file_number(tx, dir, index, value);
    default:
        return false;
    }
}

static void fill(const struct app_tx *tx, enum direction dir, struct event *event,
                 struct arena *scratch)
{
    struct event_ftp_data *out = arena_alloc(scratch, sizeof *out);

    if (out != NULL) {
        struct slice name = tx_of(tx)->name;
        out->filename = name.size != 0 ? name : slice_of(NULL, 0);
        out->command = slice_text(ftp_verb_name(tx_of(tx)->verb));
        event->ftp_data = out;
    }
}

const struct app_parser ftp_data_parser = {
    .proto = APP_FTP_DATA, .event_type = "ftp_data", .over_tcp = true, .open = open_session,
    .close = close_session, .parse = parse, .finish = finish, .buffer = buffer,
    .number = number, .fill = fill,
};
