/* The record layer (RFC 5246, section 6.2; RFC 8446, section 5.1):
 *
 *   type(1) version(2) size(2) fragment
 *
 * A handshake message may fill several records, and a record hold several messages. */
#include "sensor/app/frame.h"
#include "sensor/app/tls/tls_private.h"

#define RECORD_HEADER 5
#define MESSAGE_HEADER 4
#define SSLV2_HEADER 2

enum { CHANGE_CIPHER_SPEC = 20, ALERT = 21, HANDSHAKE = 22, APPLICATION_DATA = 23,
       HEARTBEAT = 24 };

/* ---- Handshake messages out of records ---- */

/* Hands on the whole messages in 'bytes'; returns how much of it they are. */
static size_t take_whole_messages(struct tls_tx *tx, enum direction dir, struct slice bytes)
{
    struct tls_side *side = &tx->sides[dir];
    struct cursor c = cursor_of(bytes.bytes, bytes.size);

    for (;;) {
        struct cursor before = c;
        uint8_t type = cursor_u8(&c);
        uint32_t size = cursor_be24(&c);

        if (!c.bad && size > TLS_MAX_HANDSHAKE) {
            tls_set_event(tx, TLS_EVENT_HANDSHAKE_INVALID_LENGTH);
            size_t here = cursor_left(&c);
            side->skip = size - (uint32_t) (here < size ? here : size);
            return bytes.size;
        }
        struct slice body = cursor_slice(&c, size);
        if (c.bad) {
            return (size_t) (before.at - bytes.bytes);
        }
        tls_take_message(tx, dir, type, body);
    }
}

/* False: no memory for what is incomplete. */
static bool take_handshake(struct tls_tx *tx, enum direction dir, struct slice bytes)
{
    struct tls_side *side = &tx->sides[dir];
    struct app_session *s = tx->tx.session;

    if (side->skip > 0) {
        size_t n = side->skip < bytes.size ? side->skip : bytes.size;
        side->skip -= (uint32_t) n;
        bytes = slice_from(bytes, n);
    }
    if (side->handshake.size > 0) {
        if (!app_bytes_put(s, &side->handshake, bytes.bytes, bytes.size)) {
            return false;
        }
        bytes = slice_of(side->handshake.bytes, side->handshake.size);
        size_t done = take_whole_messages(tx, dir, bytes);
        memmove(side->handshake.bytes, side->handshake.bytes + done, bytes.size - done);
        side->handshake.size = bytes.size - done;
        return true;
    }
    size_t done = take_whole_messages(tx, dir, bytes);
    return done == bytes.size
           || app_bytes_put(s, &side->handshake, bytes.bytes + done, bytes.size - done);
}

/* ---- Other records ---- */

/* Do the records of 'dir' tell nothing any more?  Encrypted ones still tell when data begins:
 * then both sides have agreed. */
static bool is_settled(const struct tls_tx *tx, enum direction dir)
{
    return tx->sides[dir].is_encrypted && tx->sides[dir].has_app_data;
}

/* From here on 'dir' cannot be read. */
static void begin_encryption(struct tls_tx *tx, enum direction dir)
{
    struct tls_side *side = &tx->sides[dir];

    if (side->is_encrypted && tx->tx.is_done[dir]) {
        return;
    }
    side->is_encrypted = true;
    app_bytes_free(tx->tx.session, &side->handshake);
    tx->tx.is_done[dir] = is_settled(tx, dir);
    tx->is_complete = tx->sides[direction_reverse(dir)].is_encrypted;
    app_tx_changed(&tx->tx, dir);
}

/* Before TLS 1.3 what follows is encrypted; since then it is a leftover. */
static void take_change_cipher_spec(struct tls_tx *tx, enum direction dir)
{
    const struct tls_hello *client = &tx->sides[TO_SERVER].hello;

    if (tls_is_13(tx->version)) {
        return;
    }
    if (dir == TO_CLIENT && !tx->sides[TO_CLIENT].has_gap
        && !tx->sides[TO_CLIENT].certificate.is_seen
        && (tx->states & TLS_SEEN_SERVER_KEY) == 0
        && (client->has_session_id || client->has_ticket)) {
        tx->is_resumed = true;
    }
    begin_encryption(tx, dir);
}

static void take_alert(struct tls_tx *tx, struct slice bytes)
{
    bool is_sane = bytes.size == 2 && (bytes.bytes[0] == 1 || bytes.bytes[0] == 2);

    if (!is_sane) {
        tls_set_event(tx, TLS_EVENT_INVALID_ALERT_MESSAGE);
    }
}

/* RFC 6520, section 4: type, size of the payload, payload, at least 16 bytes of padding.
 * In the clear there should be none; a size beyond the record asks for memory that is not
 * the sender's. */
static void take_heartbeat(struct tls_tx *tx, enum direction dir, struct slice bytes)
{
    struct cursor c = cursor_of(bytes.bytes, bytes.size);
    uint8_t type = cursor_u8(&c);
    size_t size = cursor_be16(&c), asked = tx->sides[direction_reverse(dir)].heartbeat_size;

    tls_set_event(tx, TLS_EVENT_HEARTBEAT_MESSAGE);
    if (c.bad || (type != 1 && type != 2)) {
        tls_set_event(tx, TLS_EVENT_INVALID_HEARTBEAT_MESSAGE);
    } else if (type == 1) {
        tx->sides[dir].heartbeat_size = bytes.size;
        if (size > cursor_left(&c)) {
            tls_set_event(tx, TLS_EVENT_OVERFLOW_HEARTBEAT_MESSAGE);
        }
    } else if (asked != 0 && bytes.size > asked) {
        tls_set_event(tx, TLS_EVENT_DATALEAK_HEARTBEAT_MISMATCH);
    }
    app_tx_changed(&tx->tx, dir);
}

/* Behind the handshake there is nothing for rules to read, in no direction.  Before it a
 * client's early data may come (RFC 8446, section 2.3): the server's answer can be read. */
static void take_app_data(struct tls_tx *tx, enum direction dir)
{
    tx->sides[dir].has_app_data = true;
    begin_encryption(tx, dir);
    if ((tx->states & TLS_SEEN_SERVER_HELLO) != 0) {
        tx->tx.session->flow->no_payload_inspection = true;
    }
}

static bool take_record(struct tls_tx *tx, enum direction dir, uint8_t type,
                        struct slice bytes)
{
    if (type == APPLICATION_DATA) {
        take_app_data(tx, dir);
        return true;
    }
    /* Each part of a handshake is a message for rules about raw bytes. */
    stream_raw_trigger(tx->tx.session->flow, dir);
    if (tx->sides[dir].is_encrypted) {
        return true;
    }
    switch (type) {
    case HANDSHAKE:
        return take_handshake(tx, dir, bytes);
    case CHANGE_CIPHER_SPEC:
        take_change_cipher_spec(tx, dir);
        return true;
    case ALERT:
        take_alert(tx, bytes);
        return true;
    default:
        take_heartbeat(tx, dir, bytes);
        return true;
    }
}

/* ---- The stream ---- */

/* Is this the header of a record?  Its events, where it is not. */
static bool is_header_sane(struct tls_tx *tx, uint8_t type, uint16_t version, size_t size)
{
    enum tls_event event = TLS_N_EVENTS;

    if (type < CHANGE_CIPHER_SPEC || type > HEARTBEAT) {
        event = TLS_EVENT_INVALID_RECORD_TYPE;
    } else if (version >> 8 != 3) {
        event = TLS_EVENT_INVALID_RECORD_VERSION;
    } else if (size > TLS_MAX_RECORD) {
        event = TLS_EVENT_INVALID_RECORD_LENGTH;
    }
    if (event != TLS_N_EVENTS) {
        tls_set_event(tx, event);
        tls_set_event(tx, TLS_EVENT_INVALID_TLS_HEADER);
    }
    return event == TLS_N_EVENTS;
}

/* The first record of an old client: a size in 15 bits, then type 1 and the hello.
 * Returns its whole size; 0 when more is needed, or SIZE_MAX when it is something else. */
static size_t take_sslv2(struct tls_tx *tx, struct slice bytes)
{
    size_t size;

    if (bytes.size < SSLV2_HEADER + 1) {
        return 0;
    }
    size = (size_t) (bytes.bytes[0] & 0x7f) << 8 | bytes.bytes[1];
    if (bytes.bytes[2] != 1 || size < 9) {
        tls_set_event(tx, TLS_EVENT_INVALID_SSLV2_HEADER);
        return SIZE_MAX;
    }
    if (bytes.size - SSLV2_HEADER < size) {
        return 0;
    }
    if (!tls_take_sslv2_hello(tx, slice_of(bytes.bytes + 3, size - 1))) {
        tls_set_event(tx, TLS_EVENT_INVALID_SSLV2_HEADER);
        return SIZE_MAX;
    }
    return SSLV2_HEADER + size;
}

/* Do these first bytes of a piece, perhaps fewer than a header has, begin a record? */
static bool may_be_record(struct slice bytes)
{
    struct cursor c = cursor_of(bytes.bytes, bytes.size);
    uint8_t type = cursor_u8(&c), major = cursor_u8(&c);
    bool has_major = !c.bad;
    (void) cursor_u8(&c);
    uint16_t size = cursor_be16(&c);

    return type >= CHANGE_CIPHER_SPEC && type <= HEARTBEAT && (!has_major || major == 3)
           && size <= TLS_MAX_RECORD;
}

/* Behind a gap: goes on where a piece begins like a record. */
static bool find_record(struct tls_tx *tx, const struct app_input *in)
{
    struct tls_side *side = &tx->sides[in->dir];

    if (in->gap != 0) {
        side->must_resync = side->has_gap = true;
        side->skip = 0;
        side->handshake.size = 0;
    }
    if (side->must_resync && in->bytes.size != 0) {
        bool may_be = may_be_record(in->bytes);
        side->must_resync = !may_be || in->bytes.size < RECORD_HEADER;
        return may_be;
    }
    return !side->must_resync;
}

static struct tls_tx *tx_of_session(struct app_session *s, uint64_t now_ns)
{
    if (s->state == NULL) {
        s->state = app_tx_new(s, sizeof(struct tls_tx), now_ns);
    }
    return s->state;
}

/* Old SSL in both directions: there is nothing to read in it. */
static enum app_result give_up_sslv2(struct tls_tx *tx)
{
    tx->version = TLS_SSL2;
    tx->states |= TLS_SEEN_SERVER_HELLO;
    for (enum direction dir = TO_SERVER; dir < N_DIRECTIONS; dir++) {
        tx->sides[dir].has_app_data = true;
        begin_encryption(tx, dir);
    }
    return APP_DONE;
}

/* The frames of a record whose header is at 'at'; not all of its bytes need be there. */
static void open_frames(struct app_session *s, const uint8_t *at, uint8_t type, size_t size)
{
    app_frame_open(s, FRAME_TLS_HDR, at, RECORD_HEADER);
    app_frame_open(s, FRAME_TLS_PDU, at, RECORD_HEADER + size);
    app_frame_open(s, FRAME_TLS_DATA, at + RECORD_HEADER, size);
    if (type == ALERT) {
        app_frame_open(s, FRAME_TLS_ALERT, at + RECORD_HEADER, size);
    } else if (type == HEARTBEAT) {
        app_frame_open(s, FRAME_TLS_HEARTBEAT, at + RECORD_HEADER, size);
    }
}

static bool wants_frames(const struct app_session *s)
{
    return app_frame_is_wanted(s, FRAME_TLS_HDR) || app_frame_is_wanted(s, FRAME_TLS_PDU)
           || app_frame_is_wanted(s, FRAME_TLS_DATA);
}

/* What cannot be read still has records, which are frames where someone asks for them. */
static enum app_result pass_encrypted(struct tls_tx *tx, const struct app_input *in,
                                      size_t *consumed)
{
    struct tls_side *side = &tx->sides[in->dir];
    struct slice rest = slice_from(in->bytes, *consumed);

    while (wants_frames(tx->tx.session) && !side->must_resync) {
        size_t n = side->left < rest.size ? side->left : rest.size;

        side->left -= (uint32_t) n;
        rest = slice_from(rest, n);
        if (rest.size == 0) {
            break;
        }
        struct cursor c = cursor_of(rest.bytes, rest.size);
        uint8_t type = cursor_u8(&c);
        (void) cursor_be16(&c);
        size_t size = cursor_be16(&c);

        if (c.bad) {
            *consumed = in->bytes.size - rest.size;
            return APP_NEED_MORE;
        }
        if (!may_be_record(rest)) {
            side->must_resync = true;
            break;
        }
        open_frames(tx->tx.session, rest.bytes, type, size);
        side->left = RECORD_HEADER + (uint32_t) size;
    }
    *consumed = in->bytes.size;
    return is_settled(tx, direction_reverse(in->dir)) ? APP_DONE : APP_OK;
}

static enum app_result parse_records(struct tls_tx *tx, const struct app_input *in,
                                     size_t *consumed)
{
    struct cursor c = cursor_of(in->bytes.bytes, in->bytes.size);

    for (unsigned n = 0;; n++) {
        struct cursor at = c;
        uint8_t type = cursor_u8(&c);
        uint16_t version = cursor_be16(&c);
        size_t size = cursor_be16(&c);

        if (c.bad) {
            return APP_NEED_MORE;
        }
        if (!is_header_sane(tx, type, version, size)) {
            return APP_BROKEN;
        }
        struct slice fragment = cursor_slice(&c, size);
        if (c.bad) {
            return APP_NEED_MORE;
        }
        open_frames(tx->tx.session, at.at, type, size);
        if (n == TLS_MAX_RECORDS_IN_PIECE) {
            tls_set_event(tx, TLS_EVENT_TOO_MANY_RECORDS);
        }
        tx->tx.last_ns = in->now_ns;
        if (!take_record(tx, in->dir, type, fragment)) {
            return APP_BROKEN;
        }
        *consumed += cursor_left(&at) - cursor_left(&c);
        if (is_settled(tx, in->dir)) {
            return pass_encrypted(tx, in, consumed);
        }
    }
}

enum app_result tls_parse(struct app_session *s, const struct app_input *in,
                          size_t *consumed)
{
    struct tls_tx *tx = tx_of_session(s, in->now_ns);
    bool is_first = tx != NULL && (tx->states & TLS_SEEN_CLIENT_HELLO) == 0;

    if (tx == NULL) {
        *consumed = in->bytes.size;
        return APP_DONE;
    }
    /* Once it cannot be read, its records matter for frames alone. */
    if (is_settled(tx, in->dir)) {
        tx->sides[in->dir].must_resync |= in->gap != 0;
        return pass_encrypted(tx, in, consumed);
    }
    if (!find_record(tx, in)) {
        *consumed = in->bytes.size;
        return APP_OK;
    }
    if (in->bytes.size == 0) {
        return APP_OK;
    }
    if ((in->bytes.bytes[0] & 0x80) != 0) {
        if (in->dir == TO_SERVER && is_first) {
            size_t size = take_sslv2(tx, in->bytes);
            if (size != SIZE_MAX && size != 0) {
                app_frame_open(s, FRAME_TLS_SSL2_HDR, in->bytes.bytes, SSLV2_HEADER);
                app_frame_open(s, FRAME_TLS_SSL2_PDU, in->bytes.bytes, size);
            }
            *consumed = size == SIZE_MAX ? 0 : size;
            return size == SIZE_MAX ? APP_BROKEN : size == 0 ? APP_NEED_MORE : APP_OK;
        }
        if (tx->sides[TO_SERVER].hello.is_sslv2) {
            *consumed = in->bytes.size;
            return give_up_sslv2(tx);
        }
    }
    return parse_records(tx, in, consumed);
}
