/* How far a direction of a transaction has come, in the words of its protocol: what stands
 * behind a protocol in a rule's header ("tls:client_hello_done") and in EVE's ts_progress
 * and tc_progress.
 *
 * Every protocol has "request_started", "request_complete" and the same of the response;
 * those that say more have rows here.  A parser answers with the numbers
 * (app_parser.progress); without an answer, what is done is complete. */
#ifndef CIVICSHIELD_RULES_HOOKS_H
#define CIVICSHIELD_RULES_HOOKS_H

#include <stdbool.h>

#include "common/base/app_proto.h"
#include "common/base/slice.h"
#include "rules/lang/buffers.h"

enum { PROGRESS_NONE, PROGRESS_STARTED, PROGRESS_COMPLETE = 100 };

/* X(protocol, is it to the client, progress, name) */
#define RULE_PROGRESS(X)                        \
    X(HTTP1, false, 2, "request_line")          \
    X(HTTP1, false, 3, "request_headers")       \
    X(HTTP1, false, 4, "request_body")          \
    X(HTTP1, false, 5, "request_trailer")       \
    X(HTTP1, true, 2, "response_line")          \
    X(HTTP1, true, 3, "response_headers")       \
    X(HTTP1, true, 4, "response_body")          \
    X(HTTP1, true, 5, "response_trailer")       \
    X(SMTP, false, 2, "request_data")           \
    X(SMTP, true, 2, "response_data")           \
    X(TLS, false, 2, "client_in_progress")      \
    X(TLS, false, 3, "client_hello_done")       \
    X(TLS, false, 4, "client_cert_done")        \
    X(TLS, false, 5, "client_handshake_done")   \
    X(TLS, false, 6, "client_finished")         \
    X(TLS, true, 2, "server_in_progress")       \
    X(TLS, true, 3, "server_hello")             \
    X(TLS, true, 4, "server_cert_done")         \
    X(TLS, true, 5, "server_hello_done")        \
    X(TLS, true, 6, "server_handshake_done")    \
    X(TLS, true, 7, "server_finished")          \
    X(SSH, false, 2, "request_in_progress")     \
    X(SSH, false, 3, "request_banner_wait_eol") \
    X(SSH, false, 4, "request_banner_done")     \
    X(SSH, false, 5, "request_finished")        \
    X(SSH, true, 2, "response_in_progress")     \
    X(SSH, true, 3, "response_banner_wait_eol") \
    X(SSH, true, 4, "response_banner_done")     \
    X(SSH, true, 5, "response_finished")

/* False when the protocol has no such state; of APP_HTTP as of HTTP/1. */
bool progress_by_name(enum app_proto, struct slice name, unsigned *progress,
                      bool *is_to_client);
/* Never NULL: a number without a name has that of the state before it. */
const char *progress_name(enum app_proto, bool is_to_client, unsigned progress);
/* The names of 'proto' in 'names', NULL behind them; at most max - 1. */
void progress_names(enum app_proto, const char **names, unsigned max);
/* When a buffer of 'proto' is there: a rule with a hook may ask for those of its own state
 * alone.  PROGRESS_NONE: at any. */
unsigned progress_of_buffer(enum app_proto, enum buffer_id, bool is_to_client);

#endif
