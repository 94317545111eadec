/* Shared by the files of app/rfb alone. */
#ifndef CIVICSHIELD_APP_RFB_PRIVATE_H
#define CIVICSHIELD_APP_RFB_PRIVATE_H

#include "sensor/app/rfb/rfb.h"

/* Of the desktop's name and of a reason; what is longer is told and cut. */
#define RFB_TEXT_MAX 4096u
#define RFB_SECRET_SIZE 16u

#define RFB_EVENTS(X)                                               \
    X(UNIMPLEMENTED_SECURITY_TYPE, "unimplemented_security_type")   \
    X(UNKNOWN_SECURITY_RESULT, "unknown_security_result")           \
    X(MALFORMED_MESSAGE, "malformed_message")                       \
    X(CONFUSED_STATE, "confused_state")                             \
    X(TOO_LONG_STRING, "too_long_string")
enum rfb_event {
#define X(id, name) RFB_EVENT_##id,
    RFB_EVENTS(X)
#undef X
    RFB_N_EVENTS
};

/* What comes next (RFC 6143, section 7.1 to 7.3), and who says it. */
enum rfb_stage {
    RFB_SERVER_VERSION, RFB_CLIENT_VERSION,
    RFB_SECURITY_TYPES,         /* From 3.7 on a list to choose from, ... */
    RFB_SECURITY_CHOICE,
    RFB_SERVER_SECURITY,        /* ... before that the server's choice. */
    RFB_CHALLENGE, RFB_RESPONSE, RFB_SECURITY_RESULT, RFB_FAILURE_REASON,
    RFB_CLIENT_INIT, RFB_SERVER_INIT,
    RFB_OVER,
};

enum rfb_security { RFB_SECURITY_INVALID = 0, RFB_SECURITY_NONE = 1, RFB_SECURITY_VNC = 2 };
enum rfb_result { RFB_RESULT_OK = 0, RFB_RESULT_FAIL = 1, RFB_RESULT_TOO_MANY = 2 };

/* One transaction a session: its beginning. */
struct rfb_tx {
    struct app_tx tx;
    enum rfb_stage stage;
    struct slice server_major, server_minor, client_major, client_minor;
    bool has_security, has_result, has_client_init, has_server_init;
    uint32_t security, result;
    struct slice challenge, response, reason;
    bool is_shared;
    struct event_rfb_framebuffer framebuffer;
    struct event_rfb_pixel_format format;
};

static inline struct rfb_tx *rfb_tx_of(const struct app_tx *tx)
{
    return (struct rfb_tx *) (uintptr_t) tx;
}

/* parse.c: as app_parser.parse. */
enum app_result rfb_parse(struct app_session *, const struct app_input *, size_t *consumed);

#endif
