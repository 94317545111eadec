/* The messages with which a session begins, one after another. */
#include "common/base/cursor.h"
#include "sensor/app/rfb/rfb_private.h"

static void set_event(struct rfb_tx *tx, enum rfb_event event)
{
    app_tx_set_event(&tx->tx, (unsigned) event);
}

/* Nothing more is read. */
static void end_session(struct rfb_tx *tx)
{
    tx->stage = RFB_OVER;
    tx->tx.is_done[TO_SERVER] = tx->tx.is_done[TO_CLIENT] = true;
}

static struct slice keep(struct rfb_tx *tx, struct slice s)
{
    return s.size != 0 ? arena_copy(&tx->tx.arena, s.bytes, s.size) : slice_text("");
}

/* "RFB 003.008\n" */
static bool read_version(struct cursor *c, struct rfb_tx *tx, struct slice *major,
                         struct slice *minor)
{
    struct slice line = cursor_slice(c, 12);

    if (c->bad) {
        return true;
    }
    if (memcmp(line.bytes, "RFB ", 4) != 0 || line.bytes[7] != '.'
        || line.bytes[11] != '\n') {
        set_event(tx, RFB_EVENT_MALFORMED_MESSAGE);
        return false;
    }
    *major = keep(tx, slice_of(line.bytes + 4, 3));
    *minor = keep(tx, slice_of(line.bytes + 8, 3));
    return true;
}

/* Text behind its size; what is over the limit is never waited for. */
static struct slice read_text(struct cursor *c, struct rfb_tx *tx)
{
    uint32_t size = cursor_be32(c);
    struct slice text = cursor_slice(c, size < RFB_TEXT_MAX ? size : RFB_TEXT_MAX);

    if (!c->bad && size > RFB_TEXT_MAX) {
        set_event(tx, RFB_EVENT_TOO_LONG_STRING);
    }
    return c->bad ? slice_of(NULL, 0) : keep(tx, text);
}

/* What a kind of security leads to.  One that is not followed hides the rest. */
static void choose_security(struct rfb_tx *tx, uint32_t type, bool is_servers)
{
    tx->has_security = !is_servers || type <= RFB_SECURITY_VNC;
    tx->security = type;
    switch (type) {
    case RFB_SECURITY_NONE:
        /* Since 3.8 there is a result even so (section 7.2.1). */
        tx->stage = slice_is(tx->client_minor, "008") ? RFB_SECURITY_RESULT : RFB_CLIENT_INIT;
        break;
    case RFB_SECURITY_VNC:
        tx->stage = RFB_CHALLENGE;
        break;
    case RFB_SECURITY_INVALID:
        if (is_servers) {
            tx->stage = RFB_FAILURE_REASON;
            break;
        }
        /* fall through */
    default:
        set_event(tx, RFB_EVENT_UNIMPLEMENTED_SECURITY_TYPE);
        end_session(tx);
        break;
    }
}

static void read_security_types(struct cursor *c, struct rfb_tx *tx)
{
    uint8_t n = cursor_u8(c);

    (void) cursor_skip(c, n);
    if (!c->bad) {
        tx->stage = n != 0 ? RFB_SECURITY_CHOICE : RFB_FAILURE_REASON;
    }
}

static void read_result(struct cursor *c, struct rfb_tx *tx)
{
    uint32_t result = cursor_be32(c);

    if (c->bad) {
        return;
    }
    tx->has_result = true;
    tx->result = result;
    if (result == RFB_RESULT_OK) {
        tx->stage = RFB_CLIENT_INIT;
    } else if (result == RFB_RESULT_FAIL) {
        tx->stage = RFB_FAILURE_REASON;
    } else {
        set_event(tx, RFB_EVENT_UNKNOWN_SECURITY_RESULT);
        end_session(tx);
    }
}

/* Section 7.3.2 and 7.4. */
static void read_server_init(struct cursor *c, struct rfb_tx *tx)
{
    struct event_rfb_framebuffer f = { .width = cursor_be16(c) };
    struct event_rfb_pixel_format p = { 0 };

    f.height = cursor_be16(c);
    p.bits_per_pixel = cursor_u8(c);
    p.depth = cursor_u8(c);
    p.big_endian = cursor_u8(c) != 0;
    p.true_color = cursor_u8(c) != 0;
    p.red_max = cursor_be16(c);
    p.green_max = cursor_be16(c);
    p.blue_max = cursor_be16(c);
    p.red_shift = cursor_u8(c);
    p.green_shift = cursor_u8(c);
    p.blue_shift = cursor_u8(c);
    (void) cursor_skip(c, 3);
    f.name = read_text(c, tx);
    if (!c->bad) {
        tx->framebuffer = f;
        tx->format = p;
        tx->has_server_init = true;
        end_session(tx);
    }
}

/* One message of the stage; a bad cursor asks for more.  False: it is none. */
static bool read_message(struct cursor *c, struct rfb_tx *tx)
{
    switch (tx->stage) {
    case RFB_SERVER_VERSION:
        if (!read_version(c, tx, &tx->server_major, &tx->server_minor)) {
            return false;
        }
        tx->stage = c->bad ? tx->stage : RFB_CLIENT_VERSION;
        return true;
    case RFB_CLIENT_VERSION:
        if (!read_version(c, tx, &tx->client_major, &tx->client_minor)) {
            return false;
        }
        if (!c->bad) {
            tx->stage = slice_is(tx->client_major, "003") && slice_is(tx->client_minor, "003")
                            ? RFB_SERVER_SECURITY : RFB_SECURITY_TYPES;
        }
        return true;
    case RFB_SECURITY_TYPES:
        read_security_types(c, tx);
        return true;
    case RFB_SECURITY_CHOICE: case RFB_SERVER_SECURITY: {
        bool is_servers = tx->stage == RFB_SERVER_SECURITY;
        uint32_t type = is_servers ? cursor_be32(c) : cursor_u8(c);
        if (!c->bad) {
            choose_security(tx, type, is_servers);
        }
        return true;
    }
    case RFB_CHALLENGE: case RFB_RESPONSE: {
        bool is_challenge = tx->stage == RFB_CHALLENGE;
        struct slice secret = cursor_slice(c, RFB_SECRET_SIZE);
        if (!c->bad) {
            *(is_challenge ? &tx->challenge : &tx->response) = keep(tx, secret);
            tx->stage = is_challenge ? RFB_RESPONSE : RFB_SECURITY_RESULT;
        }
        return true;
    }
    case RFB_SECURITY_RESULT:
        read_result(c, tx);
        return true;
    case RFB_FAILURE_REASON:
        tx->reason = read_text(c, tx);
        if (!c->bad) {
            end_session(tx);
        }
        return true;
    case RFB_CLIENT_INIT:
        tx->is_shared = cursor_u8(c) != 0;
        tx->has_client_init = !c->bad;
        tx->stage = c->bad ? tx->stage : RFB_SERVER_INIT;
        return true;
    case RFB_SERVER_INIT:
        read_server_init(c, tx);
        return true;
    case RFB_OVER:
        break;
    }
    return true;
}

static enum direction speaker_of(enum rfb_stage stage)
{
    return stage == RFB_CLIENT_VERSION || stage == RFB_SECURITY_CHOICE
                   || stage == RFB_RESPONSE || stage == RFB_CLIENT_INIT
               ? TO_SERVER
               : TO_CLIENT;
}

enum app_result rfb_parse(struct app_session *s, const struct app_input *in, size_t *consumed)
{
    if (in->gap != 0) {
        return APP_BROKEN;              /* Nothing marks where a message begins. */
    }
    if (in->bytes.size == 0) {
        return APP_OK;
    }
    if (s->state == NULL) {
        if (in->dir == TO_SERVER) {
            return APP_BROKEN;          /* The server speaks first. */
        }
        s->state = app_tx_new(s, sizeof(struct rfb_tx), in->now_ns);
    }
    struct rfb_tx *tx = s->state;
    if (tx == NULL) {
        *consumed = in->bytes.size;
        return APP_DONE;
    }
    struct cursor c = cursor_of(in->bytes.bytes, in->bytes.size);
    bool is_sound = true;
    while (is_sound && tx->stage != RFB_OVER && cursor_left(&c) > 0) {
        struct cursor at = c;
        if (speaker_of(tx->stage) != in->dir) {
            set_event(tx, RFB_EVENT_CONFUSED_STATE);
            end_session(tx);
            break;
        }
        is_sound = read_message(&at, tx);
        if (at.bad) {
            break;
        }
        c = at;
        stream_raw_trigger(s->flow, in->dir);
    }
    *consumed = in->bytes.size - cursor_left(&c);
    tx->tx.last_ns = in->now_ns;
    app_tx_changed(&tx->tx, TO_SERVER);
    app_tx_changed(&tx->tx, TO_CLIENT);
    return !is_sound ? APP_BROKEN : tx->stage == RFB_OVER ? APP_DONE : APP_NEED_MORE;
}
