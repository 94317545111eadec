/* TFTP (RFC 1350): a request is a transaction, done at once.
 *
 *      2 bytes   string   1 byte   string   1 byte   (options, RFC 2347)
 *      opcode    file     0        mode     0
 *
 * The data goes between other ports, which nothing in the request tells. */
#include "sensor/app/tftp/tftp.h"

#include <strings.h>

#include "common/base/cursor.h"

#define TFTP_PORT 69
enum { TFTP_READ = 1, TFTP_WRITE = 2, TFTP_LAST_OPCODE = 6 };

struct tftp_tx {
    struct app_tx tx;           /* First. */
    const char *packet, *mode;
    struct slice file;          /* May be empty; 'bytes' is not NULL. */
};

static enum app_probe probe(enum direction dir, struct slice bytes, uint16_t server_port,
                            uint16_t client_port)
{
    bool is_ours = server_port == TFTP_PORT && bytes.size >= 4 && bytes.bytes[0] == 0
                   && bytes.bytes[1] <= TFTP_LAST_OPCODE;

    return is_ours ? APP_PROBE_YES : APP_PROBE_NO;
}

/* A string with its NUL; false: there is no NUL. */
static bool take_string(struct cursor *c, struct slice *text)
{
    const uint8_t *end = cursor_left(c) != 0 ? memchr(c->at, 0, cursor_left(c)) : NULL;

    if (end == NULL) {
        return false;
    }
    *text = cursor_slice(c, (size_t) (end - c->at));
    return cursor_take(c, 1) != NULL;
}

/* The mode in the spelling of RFC 1350; NULL: there is no such mode. */
static const char *find_mode(struct slice text)
{
    static const char *const modes[] = { "octet", "netascii", "mail" };

    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (slice_is_nocase(text, modes[i])) {
            return modes[i];
        }
    }
    return NULL;
}

static enum app_result parse(struct app_session *s, const struct app_input *in,
                             size_t *consumed)
{
    struct cursor c = cursor_of(in->bytes.bytes, in->bytes.size);
    uint16_t opcode = cursor_be16(&c);
    struct slice file, text;
    const char *mode;

    *consumed = in->bytes.size;
    if (c.bad || (opcode != TFTP_READ && opcode != TFTP_WRITE)) {
        return APP_OK;                  /* Data and the like; nothing that is told. */
    }
    if (!take_string(&c, &file) || !take_string(&c, &text)
        || (mode = find_mode(text)) == NULL) {
        return APP_BROKEN;
    }
    struct tftp_tx *tx = app_tx_new(s, sizeof *tx, in->now_ns);
    if (tx == NULL) {
        return APP_OK;
    }
    tx->packet = opcode == TFTP_READ ? "read" : "write";
    tx->mode = mode;
    tx->file = file.size != 0 ? arena_copy(&tx->tx.arena, file.bytes, file.size)
                              : slice_text("");
    tx->tx.is_inspected[direction_reverse(in->dir)] = true;
    for (int d = 0; d < N_DIRECTIONS; d++) {
        tx->tx.is_done[d] = true;
        app_tx_changed(&tx->tx, (enum direction) d);
    }
    return APP_OK;
}

static struct app_view buffer(const struct app_tx *tx, enum direction dir, enum buffer_id id,
                              unsigned index)
{
    return (struct app_view) { .state = APP_VIEW_ABSENT };
}

static void fill(const struct app_tx *app_tx, enum direction dir, struct event *event,
                 struct arena *scratch)
{
    const struct tftp_tx *tx = (const struct tftp_tx *) (const void *) app_tx;
    struct event_tftp *out = arena_alloc(scratch, sizeof *out);

    if (out != NULL) {
        *out = (struct event_tftp) { .packet = slice_text(tx->packet), .file = tx->file,
                                     .mode = slice_text(tx->mode) };
        event->tftp = out;
    }
}

const struct app_parser tftp_parser = {
    .proto = APP_TFTP, .event_type = "tftp", .over_udp = true, .client_speaks_first = true,
    .probe = probe, .parse = parse, .buffer = buffer, .fill = fill,
};
