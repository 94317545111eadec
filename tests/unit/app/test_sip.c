/* SIP and SDP: datagrams and streams in, transactions out. */
#include "tests/unit/app/eve_rows.h"

#include "sensor/app/sip/sip.h"

#define REQUEST(method) method " sip:b@b SIP/2.0\r\nTo: <sip:b@b>\r\n"
#define TOLD(method)                                                                     \
    "{\"method\":\"" method "\",\"uri\":\"sip:b@b\",\"version\":\"SIP/2.0\","             \
    "\"request_line\":\"" method " sip:b@b SIP/2.0\"}"
#define OK_TOLD "{\"version\":\"SIP/2.0\",\"code\":\"200\",\"reason\":\"OK then\"," \
                "\"response_line\":\"SIP/2.0 200 OK then\"}"
#define OK_LINE "SIP/2.0 200 OK then\r\nTo: a\r\n"

static const struct eve_row datagrams[] = {
    { .name = "a request and its responses",
      .turns = { C(REQUEST("INVITE") "\r\n"), S("SIP/2.0 100 Trying\r\n\r\n"),
                 S(OK_LINE "\r\n") },
      .eve = TOLD("INVITE") "\n{\"version\":\"SIP/2.0\",\"code\":\"100\",\"reason\":\"Trying\","
             "\"response_line\":\"SIP/2.0 100 Trying\"}\n" OK_TOLD "\n" },
    { .name = "a request from the other side", .turns = { C(REQUEST("INVITE") "\r\n"),
                                                          S(REQUEST("BYE") "\r\n") },
      .eve = TOLD("INVITE") "\n" TOLD("BYE") "\n" },
    { .name = "a response first, on another port", .port = 7000,
      .turns = { C(OK_LINE "\r\n") }, .eve = OK_TOLD "\n" },
    { .name = "what keeps a way open is nothing",
      .turns = { C(REQUEST("INVITE") "\r\n"), C("\r\n\r\n"), C("\0\0"),
                 C("\r\n" REQUEST("BYE") "\r\n") },
      .eve = TOLD("INVITE") "\n" TOLD("BYE") "\n" },
    { .name = "lines that end in LF alone", .turns = { C("BYE sip:b@b SIP/2.0\nTo: x\n\n") },
      .eve = TOLD("BYE") "\n" },
    { .name = "a line that is no header",
      .turns = { C("BYE sip:b@b SIP/2.0\r\nnothing\r\nTo: x\r\n\r\n") },
      .eve = TOLD("BYE") " !invalid_data\n" },
    { .name = "a start line that is none", .turns = { C(REQUEST("BYE") "\r\n"),
                                                      S("SIP/2.0 20 x\r\n\r\n") },
      .eve = TOLD("BYE") "\n{\"version\":\"SIP/2.0\",\"code\":\"20\",\"reason\":\"x\","
             "\"response_line\":\"SIP/2.0 20 x\"} !invalid_data\n" },
    { .name = "headers without an end", .turns = { C("BYE sip:b@b SIP/2.0\r\nTo: x\r\n") },
      .eve = "" },
    { .name = "a description, with lines twice and lines that nobody knows",
      .turns = { C("BYE sip:b@b SIP/2.0\r\n\r\nv=0\r\no=me\r\ns=-\r\ni=info\r\nu=url\r\n"
                   "e=one\r\ne=two\r\np=+1\r\nc=here\r\nb=AS:1\r\nb=AS:2\r\nt=1 2\r\nr=3\r\n"
                   "t=4 5\r\nx=?\r\njunk\r\nz=zone\r\nk=key\r\na=s1\r\na=s2\r\nm=audio\r\n"
                   "i=mi\r\nc=mc\r\nb=CT:1\r\nk=mk\r\na=m1\r\na=m2\r\nm=video\r\na=last") },
      .eve = "{\"method\":\"BYE\",\"uri\":\"sip:b@b\",\"version\":\"SIP/2.0\","
             "\"request_line\":\"BYE sip:b@b SIP/2.0\",\"sdp\":{\"origin\":\"me\","
             "\"session_name\":\"-\",\"session_info\":\"info\",\"uri\":\"url\","
             "\"email\":\"one\",\"phone_number\":\"+1\",\"connection_data\":\"here\","
             "\"bandwidths\":[\"AS:1\",\"AS:2\"],\"time_descriptions\":[{\"time\":\"1 2\","
             "\"repeat_time\":\"3\"},{\"time\":\"4 5\"}],\"timezone\":\"zone\","
             "\"encryption_key\":\"key\",\"attributes\":[\"s1\",\"s2\"],"
             "\"media_descriptions\":[{\"media\":\"audio\",\"media_info\":\"mi\","
             "\"bandwidths\":[\"CT:1\"],\"connection_data\":\"mc\",\"encryption_key\":\"mk\","
             "\"attributes\":[\"m1\",\"m2\"]},{\"media\":\"video\","
             "\"attributes\":[\"last\"]}]}}\n" },
    { .name = "a body that is none", .turns = { C(REQUEST("BYE") "\r\nv=1\r\no=x\r\n") },
      .eve = TOLD("BYE") "\n" },
    { .name = "another protocol", .turns = { C("GET / HTTP/1.1\r\n\r\n"), C("INFO x\r\n") },
      .eve = "" },
};

static const struct eve_row streams[] = {
    { .name = "a message behind a body",
      .turns = { C(REQUEST("INVITE") "Content-Length: 5\r\n\r\nhello" REQUEST("ACK")
                   "l: 0\r\n\r\n"), S(OK_LINE "\r\n" OK_LINE "\r\n") },
      .eve = TOLD("INVITE") "\n" TOLD("ACK") "\n" OK_TOLD "\n" OK_TOLD "\n" },
    { .name = "line ends between messages",
      .turns = { C(REQUEST("INVITE") "\r\n\r\n\r\n" REQUEST("BYE") "\r\n") },
      .eve = TOLD("INVITE") "\n" TOLD("BYE") "\n" },
    { .name = "a body that breaks off",
      .turns = { C(REQUEST("INVITE") "Content-Length: 50\r\n\r\nv=0\r\no=me\r\n") },
      .eve = "{\"method\":\"INVITE\",\"uri\":\"sip:b@b\",\"version\":\"SIP/2.0\","
             "\"request_line\":\"INVITE sip:b@b SIP/2.0\",\"sdp\":{\"origin\":\"me\"}}\n" },
    { .name = "a length that is no number",
      .turns = { C(REQUEST("INVITE") "Content-Length: -1\r\n\r\n" REQUEST("BYE") "\r\n") },
      .eve = TOLD("INVITE") "\n" },
    { .name = "no message", .turns = { C(REQUEST("INVITE") "\r\nwhat is this\r\n\r\n"
                                         REQUEST("BYE") "\r\n") },
      .eve = TOLD("INVITE") "\n{\"method\":\"what\",\"uri\":\"is\",\"version\":\"this\","
             "\"request_line\":\"what is this\"} !invalid_data\n" },
    { .name = "a gap before a message",
      .turns = { C(REQUEST("INVITE") "\r\n"), GAP(TO_SERVER, 3), C(REQUEST("BYE") "\r\n") },
      .eve = TOLD("INVITE") "\n" TOLD("BYE") "\n", .cuts_matter = true },
};
static const struct eve_rows tables[] = {
    { datagrams, sizeof datagrams / sizeof *datagrams, 5060, IP_PROTO_UDP, "sip" },
    { streams, sizeof streams / sizeof *streams, 5060, IP_PROTO_TCP, "sip" },
};

static void messages_are_transactions(void **state)
{
    eve_rows_come_to_what_they_say(&tables[0]);
    eve_rows_come_to_what_they_say(&tables[1]);
}

static void pieces_of_any_size_make_no_difference(void **state)
{
    eve_rows_do_not_hang_on_pieces(&tables[1]);
}

static void any_prefix_ends_well(void **state)
{
    eve_rows_end_well_at_any_prefix(&tables[0]);
    eve_rows_end_well_at_any_prefix(&tables[1]);
}

static void assert_buffer(const struct app_tx *tx, enum direction dir, enum buffer_id id,
                          unsigned index, const char *text)
{
    struct app_view v = app_tx_buffer(tx, dir, id, index);

    if (text == NULL ? v.state != APP_VIEW_ABSENT : !slice_is(v.bytes, text)) {
        fail_msg("%s[%u]: %.*s", buffer_info(id)->name, index, (int) v.bytes.size,
                 v.bytes.size != 0 ? (const char *) v.bytes.bytes : "");
    }
}

static void rules_see_headers_by_any_of_their_names(void **state)
{
    const struct turn turns[] = {
        C("INVITE  sip:x   SIP/2.0\r\nv: one,\r\n  two\r\nVIA : three\r\nf:from  \r\nt: to\r\n"
          "c: text/plain\r\nUser-Agent: ua\r\nl: 0\r\nX: y\r\n folded\r\n\r\n"),
        S("SIP/2.0 404 Not Found\r\nTo: back\r\n\r\n"),
    };
    struct conversation c;

    start(&c);
    c.flow.key.ip_proto = IP_PROTO_UDP;
    c.flow.key.dport = 5060;
    eve_feed_datagram(&c, &turns[0], turns[0].size);
    eve_feed_datagram(&c, &turns[1], turns[1].size);
    const struct app_tx *ask = tx_at(&c, 0), *answer = tx_at(&c, 1);
    assert_true(ask->is_inspected[TO_CLIENT] && answer->is_inspected[TO_SERVER]);
    assert_buffer(ask, TO_SERVER, BUFFER_SIP_METHOD, 0, "INVITE");
    assert_buffer(ask, TO_SERVER, BUFFER_SIP_URI, 0, "sip:x");
    assert_buffer(ask, TO_SERVER, BUFFER_SIP_PROTOCOL, 0, "SIP/2.0");
    assert_buffer(ask, TO_SERVER, BUFFER_SIP_REQUEST_LINE, 0, "INVITE  sip:x   SIP/2.0");
    assert_buffer(ask, TO_SERVER, BUFFER_SIP_VIA, 0, "one, two");
    assert_buffer(ask, TO_SERVER, BUFFER_SIP_VIA, 1, "three");
    assert_buffer(ask, TO_SERVER, BUFFER_SIP_VIA, 2, NULL);
    assert_buffer(ask, TO_SERVER, BUFFER_SIP_FROM, 0, "from");
    assert_buffer(ask, TO_SERVER, BUFFER_SIP_TO, 0, "to");
    assert_buffer(ask, TO_SERVER, BUFFER_SIP_CONTENT_TYPE, 0, "text/plain");
    assert_buffer(ask, TO_SERVER, BUFFER_SIP_CONTENT_LENGTH, 0, "0");
    assert_buffer(ask, TO_SERVER, BUFFER_SIP_USER_AGENT, 0, "ua");
    assert_buffer(ask, TO_SERVER, BUFFER_SIP_STAT_CODE, 0, NULL);
    assert_buffer(ask, TO_SERVER, BUFFER_SIP_RESPONSE_LINE, 0, NULL);
    assert_buffer(ask, TO_CLIENT, BUFFER_SIP_TO, 0, NULL);
    assert_buffer(answer, TO_CLIENT, BUFFER_SIP_STAT_CODE, 0, "404");
    assert_buffer(answer, TO_CLIENT, BUFFER_SIP_STAT_MSG, 0, "Not Found");
    assert_buffer(answer, TO_CLIENT, BUFFER_SIP_RESPONSE_LINE, 0, "SIP/2.0 404 Not Found");
    assert_buffer(answer, TO_CLIENT, BUFFER_SIP_TO, 0, "back");
    assert_buffer(answer, TO_CLIENT, BUFFER_SIP_METHOD, 0, NULL);
    stop(&c);
}

static void rules_see_descriptions_of_session_and_media(void **state)
{
    const struct turn turn = C(REQUEST("INVITE") "\r\nv=0\r\na=s\r\nc=here\r\nm=audio\r\n"
                               "a=m\r\nc=there\r\nm=video\r\nc=elsewhere\r\n");
    struct conversation c;

    start(&c);
    c.flow.key.ip_proto = IP_PROTO_UDP;
    c.flow.key.dport = 5060;
    eve_feed_datagram(&c, &turn, turn.size);
    const struct app_tx *tx = tx_at(&c, 0);
    assert_buffer(tx, TO_SERVER, BUFFER_SDP_ATTRIBUTE, 0, "s");
    assert_buffer(tx, TO_SERVER, BUFFER_SDP_ATTRIBUTE, 1, NULL);
    assert_buffer(tx, TO_SERVER, BUFFER_SDP_CONNECTION_DATA, 0, "here");
    assert_buffer(tx, TO_SERVER, BUFFER_SDP_MEDIA_MEDIA, 1, "video");
    assert_buffer(tx, TO_SERVER, BUFFER_SDP_MEDIA_CONNECTION_DATA, 1, "elsewhere");
    assert_buffer(tx, TO_SERVER, BUFFER_SDP_ORIGIN, 0, NULL);
    stop(&c);
}

static void a_body_past_the_limit_is_passed_over(void **state)
{
    static const size_t steps[] = { 0, 1, 100 };
    char body[700];
    const struct turn head = C(REQUEST("INVITE") "Content-Length: 700\r\n\r\n");
    const struct turn rest = { TO_SERVER, body, sizeof body, 0 };
    const struct turn next = C(REQUEST("BYE") "\r\n");

    memset(body, 'x', sizeof body);
    for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
        struct conversation c;

        start(&c);
        c.conf.sip_message_limit = 256;
        c.flow.key.dport = 5060;
        feed_turn(&c, &head, steps[k]);
        feed_turn(&c, &rest, steps[k]);
        feed_turn(&c, &next, steps[k]);
        assert_int_equal(sip_tx_of(tx_at(&c, 0))->message.body.size, 256);
        assert_buffer(tx_at(&c, 1), TO_SERVER, BUFFER_SIP_METHOD, 0, "BYE");
        stop(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_transactions),
        cmocka_unit_test(pieces_of_any_size_make_no_difference),
        cmocka_unit_test(any_prefix_ends_well),
        cmocka_unit_test(rules_see_headers_by_any_of_their_names),
        cmocka_unit_test(rules_see_descriptions_of_session_and_media),
        cmocka_unit_test(a_body_past_the_limit_is_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
