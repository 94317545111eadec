/* What the SMTP parser finds odd, by the names that rules and the anomaly event use. */
#ifndef CIVICSHIELD_SMTP_EVENTS_H
#define CIVICSHIELD_SMTP_EVENTS_H

/* X(identifier, name); at most 64, the order is free. */
#define SMTP_EVENTS(X)                                                      \
    X(INVALID_REPLY, "invalid_reply")                                       \
    X(PIPELINED_SEQUENCE, "invalid_pipelined_sequence")                     \
    X(INVALID_BDAT, "invalid_bdat")                                         \
    X(NO_WELCOME, "no_server_welcome_message")                              \
    X(TLS_REJECTED, "tls_rejected")                                         \
    X(DATA_REJECTED, "data_command_rejected")                               \
    X(DUPLICATE_FIELDS, "duplicate_fields")                                 \
    X(UNPARSABLE_CONTENT, "unparsable_content")                             \
    X(TRUNCATED_LINE, "truncated_line")                                     \
    X(MIME_INVALID_BASE64, "mime_invalid_base64")                           \
    X(MIME_INVALID_QP, "mime_invalid_qp")                                   \
    X(MIME_LONG_LINE, "mime_long_line")                                     \
    X(MIME_LONG_ENCODED_LINE, "mime_long_enc_line")                         \
    X(MIME_LONG_NAME, "mime_long_header_name")                              \
    X(MIME_LONG_VALUE, "mime_long_header_value")                            \
    X(MIME_LONG_BOUNDARY, "mime_long_boundary")                             \
    X(MIME_LONG_FILE_NAME, "mime_long_filename")
enum smtp_event {
#define X(id, name) SMTP_EVENT_##id,
    SMTP_EVENTS(X)
#undef X
    SMTP_N_EVENTS
};

#endif
