/* Banners and binary packets (RFC 4253, section 6) up to NEWKEYS:
 *
 *     u32 packet_length | u8 padding_length | u8 message | payload | padding
 *
 * packet_length counts what is behind it.  Only a KEXINIT is waited for as a whole. */
#include "common/base/cursor.h"
#include "sensor/app/frame.h"
#include "sensor/app/ssh/ssh_private.h"

#define HEADER_SIZE 6u
#define MESSAGE_KEXINIT 20
#define MESSAGE_NEWKEYS 21

static void set_event(struct ssh_tx *tx, enum ssh_event event)
{
    app_tx_set_event(&tx->tx, (unsigned) event);
}

static struct ssh_tx *tx_of_session(struct app_session *s, uint64_t now_ns)
{
    if (s->state == NULL) {
        struct ssh_tx *tx = app_tx_new(s, sizeof *tx, now_ns);
        if (tx != NULL) {
            tx->wants_hassh = app_engine_conf(s->engine)->hassh;
        }
        s->state = tx;
    }
    return s->state;
}

static void begin_encryption(struct ssh_tx *tx, enum direction dir)
{
    tx->sides[dir].stage = SSH_ENCRYPTED;
    tx->tx.is_done[dir] = true;
}

/* The rest of a banner that has been read: up to its end. */
static enum app_result skip_banner(struct ssh_side *side, const struct app_input *in,
                                   size_t *consumed)
{
    size_t line, end;

    if (ssh_banner_line(in->bytes, in->is_end, &line, &end)) {
        *consumed = line + end;
        side->stage = SSH_AT_RECORD;
        return APP_OK;
    }
    /* A CR without what follows it may be half of the end. */
    bool is_open = in->bytes.bytes[in->bytes.size - 1] == '\r';
    *consumed = in->bytes.size - is_open;
    return is_open ? APP_NEED_MORE : APP_OK;
}

/* The banner's line, or as much of it as is waited for. */
static enum app_result parse_banner(struct ssh_tx *tx, const struct app_input *in,
                                    size_t *consumed)
{
    struct ssh_side *side = &tx->sides[in->dir];
    size_t line, end, most = in->bytes.size < SSH_BANNER_MAX ? in->bytes.size
                                                                 : SSH_BANNER_MAX;
    bool has_end = ssh_banner_line(slice_of(in->bytes.bytes, most), in->is_end, &line, &end);

    if (line >= SSH_BANNER_LONG) {
        set_event(tx, SSH_EVENT_LONG_BANNER);
    }
    if (!has_end && most < (in->is_end ? SSH_BANNER_LONG : SSH_BANNER_MAX)) {
        return APP_NEED_MORE;
    }
    if (!ssh_banner_take(tx, in->dir, slice_of(in->bytes.bytes, line))) {
        set_event(tx, SSH_EVENT_INVALID_BANNER);
        return APP_BROKEN;
    }
    side->stage = has_end ? SSH_AT_RECORD : SSH_IN_BANNER;
    *consumed = line + end;
    stream_raw_trigger(tx->tx.session->flow, in->dir);
    app_tx_changed(&tx->tx, in->dir);
    return APP_OK;
}

/* What is left of a record that is not read. */
static void skip_record(struct ssh_side *side, struct cursor *c)
{
    size_t n = cursor_left(c) < side->record_left ? cursor_left(c) : side->record_left;

    (void) cursor_skip(c, n);
    side->record_left -= (uint32_t) n;
}

/* The frames of a record that begins at 'at', with so many bytes behind its header. */
static void open_frames(struct ssh_tx *tx, const uint8_t *at, uint32_t body)
{
    struct app_session *s = tx->tx.session;
    uint64_t whole = (uint64_t) HEADER_SIZE + body;

    app_frame_set_tx(app_frame_open(s, FRAME_SSH_RECORD_HDR, at, HEADER_SIZE), &tx->tx);
    app_frame_set_tx(app_frame_open(s, FRAME_SSH_RECORD_DATA, at + HEADER_SIZE, body), &tx->tx);
    app_frame_set_tx(app_frame_open(s, FRAME_SSH_RECORD_PDU, at, whole), &tx->tx);
}

/* One record from its header on; NEED_MORE leaves the cursor in front of it. */
static enum app_result parse_record(struct ssh_tx *tx, enum direction dir, struct cursor *c)
{
    struct ssh_side *side = &tx->sides[dir];
    struct cursor at = *c;
    uint32_t size = cursor_be32(&at);
    (void) cursor_u8(&at);
    uint8_t message = cursor_u8(&at);

    if (at.bad) {
        return APP_NEED_MORE;
    }
    if (size < 2) {             /* Of padding length and message. */
        set_event(tx, SSH_EVENT_INVALID_RECORD);
        return APP_BROKEN;
    }
    const uint8_t *start = c->at;
    uint32_t body = size - 2;

    size = body;
    if (message == MESSAGE_KEXINIT && tx->wants_hassh && cursor_left(&at) < size) {
        if (size < SSH_KEX_MAX - 2) {
            return APP_NEED_MORE;
        }
        set_event(tx, SSH_EVENT_LONG_KEX_RECORD);
    } else if (message == MESSAGE_KEXINIT && tx->wants_hassh) {
        ssh_hassh_take(tx, dir, cursor_slice(&at, size));
        size = 0;
    }
    open_frames(tx, start, body);
    side->has_kex |= message == MESSAGE_KEXINIT;
    side->record_left = size;
    *c = at;
    if (message == MESSAGE_NEWKEYS) {
        begin_encryption(tx, dir);
    }
    return APP_OK;
}

static enum app_result parse_records(struct ssh_tx *tx, const struct app_input *in,
                                     size_t *consumed)
{
    struct ssh_side *side = &tx->sides[in->dir];
    struct cursor c = cursor_of(in->bytes.bytes, in->bytes.size);
    enum app_result result = APP_OK;

    do {
        skip_record(side, &c);
        if (cursor_left(&c) == 0 || side->stage == SSH_ENCRYPTED) {
            break;
        }
        result = parse_record(tx, in->dir, &c);
    } while (result == APP_OK);
    *consumed = in->bytes.size - cursor_left(&c);
    app_tx_changed(&tx->tx, in->dir);
    return result;
}

enum app_result ssh_parse(struct app_session *s, const struct app_input *in, size_t *consumed)
{
    struct ssh_tx *tx = tx_of_session(s, in->now_ns);
    enum app_result result;

    if (tx == NULL) {
        *consumed = in->bytes.size;
        return APP_DONE;
    }
    tx->tx.last_ns = in->now_ns;
    if (tx->sides[in->dir].stage == SSH_ENCRYPTED) {
        *consumed = in->bytes.size;
        return APP_OK;
    }
    if (in->gap != 0) {
        return APP_BROKEN;      /* Nothing marks where a record begins. */
    }
    if (in->bytes.size == 0) {
        return APP_OK;
    }
    if (tx->sides[in->dir].stage == SSH_AT_BANNER) {
        return parse_banner(tx, in, consumed);
    }
    if (tx->sides[in->dir].stage == SSH_IN_BANNER) {
        return skip_banner(&tx->sides[in->dir], in, consumed);
    }
    result = parse_records(tx, in, consumed);
    if (tx->sides[in->dir].stage == SSH_ENCRYPTED) {
        *consumed = in->bytes.size;
        if (tx->sides[direction_reverse(in->dir)].stage == SSH_ENCRYPTED) {
            s->flow->no_payload_inspection = true;
            s->wants_flush = true;
            return APP_DONE;
        }
        result = APP_OK;
    }
    return result;
}
