/* TLS conversations, and what tests of them share. */
#ifndef CIVICSHIELD_TESTS_TLS_TALKS_H
#define CIVICSHIELD_TESTS_TLS_TALKS_H

#include "tests/unit/app/handshakes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "sensor/app/tls/tls.h"

#define CLIENT TO_SERVER        /* Who speaks, in a talk. */
#define SERVER TO_CLIENT

extern const struct hello client_12, server_12;

/* An empty one; it is the same each time. */
struct talk *new_talk(void);

/* Each writes one conversation. */
void handshake_12(struct talk *);
void client_certificate(struct talk *);
void resumption(struct talk *);
void resumption_with_data(struct talk *);
void gap_is_no_resumption(struct talk *);
void gap_before_certificate(struct talk *);
void handshake_13(struct talk *);
void retry_13(struct talk *);
void second_hello(struct talk *);
void hello_alone(struct talk *);
void fragmented_hello(struct talk *);
void messages_in_one_record(struct talk *);
void sslv2_hello(struct talk *);
void sslv2_then_tls(struct talk *);
void sslv2_both(struct talk *);
void unknown_message(struct talk *);
void long_message(struct talk *);
void cut_certificate(struct talk *);
void chain_that_lies(struct talk *);
void no_certificate(struct talk *);
void heartbleed(struct talk *);
void heartbeats_in_order(struct talk *);
void heartbeat_of_no_kind(struct talk *);
void alerts(struct talk *);
void alert_of_no_kind(struct talk *);
void garbage_behind_hello(struct talk *);
void record_of_another_version(struct talk *);
void record_too_long(struct talk *);
void name_too_long(struct talk *);
void name_of_another_type(struct talk *);
void two_names(struct talk *);
void hello_of_wrong_sizes(struct talk *);
void draft_14(struct talk *);
void draft_18(struct talk *);
void draft_28(struct talk *);

/* The event of a transaction, as a line of EVE; good until the next call. */
const char *eve_of(const struct app_tx *);

#endif
