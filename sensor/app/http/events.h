/* What the HTTP parser finds odd, by the names that rules and the anomaly event use. */
#ifndef CIVICSHIELD_HTTP_EVENTS_H
#define CIVICSHIELD_HTTP_EVENTS_H

/* X(identifier, name); at most 64, the order is free. */
#define HTTP_EVENTS(X)                                                                     \
    X(UNKNOWN_ERROR, "unknown_error")                                                      \
    X(GZIP_FAILED, "gzip_decompression_failed")                                            \
    X(REQUEST_NO_COLON, "request_field_missing_colon")                                     \
    X(RESPONSE_NO_COLON, "response_field_missing_colon")                                   \
    X(REQUEST_CHUNK_LEN, "invalid_request_chunk_len")                                      \
    X(RESPONSE_CHUNK_LEN, "invalid_response_chunk_len")                                    \
    X(REQUEST_TE_INVALID, "invalid_transfer_encoding_value_in_request")                    \
    X(RESPONSE_TE_INVALID, "invalid_transfer_encoding_value_in_response")                  \
    X(REQUEST_CL_INVALID, "invalid_content_length_field_in_request")                       \
    X(RESPONSE_CL_INVALID, "invalid_content_length_field_in_response")                     \
    X(REQUEST_CL_DUPLICATE, "duplicate_content_length_field_in_request")                   \
    X(RESPONSE_CL_DUPLICATE, "duplicate_content_length_field_in_response")                 \
    X(CONTINUE_ALREADY_SEEN, "100_continue_already_seen")                                  \
    X(UNMATCHED_RESPONSE, "unable_to_match_response_to_request")                           \
    X(SERVER_PORT_INVALID, "invalid_server_port_in_request")                               \
    X(AUTHORITY_PORT_INVALID, "invalid_authority_port")                                    \
    X(REQUEST_HEADER_INVALID, "request_header_invalid")                                    \
    X(RESPONSE_HEADER_INVALID, "response_header_invalid")                                  \
    X(MISSING_HOST, "missing_host_header")                                                 \
    X(HOST_AMBIGUOUS, "host_header_ambiguous")                                             \
    X(REQUEST_FOLDING, "invalid_request_field_folding")                                    \
    X(RESPONSE_FOLDING, "invalid_response_field_folding")                                  \
    X(REQUEST_TOO_LONG, "request_field_too_long")                                          \
    X(RESPONSE_TOO_LONG, "response_field_too_long")                                        \
    X(PORT_MISMATCH, "request_server_port_tcp_port_mismatch")                              \
    X(URI_HOST_INVALID, "request_uri_host_invalid")                                        \
    X(HOST_INVALID, "request_header_host_invalid")                                         \
    X(METHOD_DELIM, "method_delim_non_compliant")                                          \
    X(URI_DELIM, "uri_delim_non_compliant")                                                \
    X(LEADING_WHITESPACE, "request_line_leading_whitespace")                               \
    X(TOO_MANY_LAYERS, "too_many_encoding_layers")                                         \
    X(ABNORMAL_CODING, "abnormal_ce_header")                                               \
    X(AUTH_UNRECOGNIZED, "request_auth_unrecognized")                                      \
    X(REQUEST_REPETITION, "request_header_repetition")                                     \
    X(RESPONSE_REPETITION, "response_header_repetition")                                   \
    X(BYTERANGES, "response_multipart_byteranges")                                         \
    X(ABNORMAL_TRANSFER, "response_abnormal_transfer_encoding")                            \
    X(CHUNKED_OLD_PROTO, "response_chunked_old_proto")                                     \
    X(RESPONSE_PROTO_INVALID, "response_invalid_protocol")                                 \
    X(RESPONSE_STATUS_INVALID, "response_invalid_status")                                  \
    X(REQUEST_LINE_INCOMPLETE, "request_line_incomplete")                                  \
    X(REQUEST_LINE_INVALID, "request_line_invalid")                                        \
    X(REQUEST_NO_PROTOCOL, "request_line_missing_protocol")                                \
    X(DOUBLE_ENCODED, "double_encoded_uri")                                                \
    X(UNEXPECTED_BODY, "request_body_unexpected")                                          \
    X(RESPONSE_UNEXPECTED_BODY, "response_body_unexpected")                                \
    X(COMPRESSION_BOMB, "compression_bomb")                                                \
    X(TOO_MANY_WARNINGS, "too_many_warnings")                                              \
    X(RANGE_INVALID, "range_invalid")                                                      \
    X(FILE_NAME_TOO_LONG, "file_name_too_long")                                            \
    X(FAILED_SWITCH, "failed_protocol_change")                                             \
    X(REQUEST_EXTENSION, "request_chunk_extension")                                        \
    X(RESPONSE_EXTENSION, "response_chunk_extension")                                      \
    X(REQUEST_TOO_MANY, "request_too_many_headers")                                        \
    X(RESPONSE_TOO_MANY, "response_too_many_headers")                                      \
    X(MULTIPART_ERROR, "multipart_generic_error")                                          \
    X(MULTIPART_NO_FILE, "multipart_no_filedata")                                          \
    X(MULTIPART_HEADER, "multipart_invalid_header")

enum http_event {
#define X(id, name) HTTP_EVENT_##id,
    HTTP_EVENTS(X)
#undef X
    HTTP_N_EVENTS
};
_Static_assert(HTTP_N_EVENTS <= 64, "events are bits of 64");

#endif
