/* FTP: the control channel, and the data connections that it announces. */
#include "tests/unit/app/eve_rows.h"

#include "sensor/app/ftp/ftp.h"
#include "sensor/host/host.h"

#define ANSWERED "\"reply_received\":\"yes\",\"reply_truncated\":false}\n"
#define OPEN "\"reply_received\":\"no\",\"reply_truncated\":false}"
#define PASV_REPLY "227 Entering Passive Mode (10,0,0,2,200,10)"

static const struct eve_row rows[] = {
    { .name = "a greeting and a login",
      .turns = { S("220 Hello FTP\r\n"), C("user bob\r\n"), S("331 Password\r\n"),
                 C("PASS a b \r\n"), S("230 In\r\n") },
      .eve = "{\"completion_code\":[\"220\"],\"reply\":[\"Hello FTP\"]," ANSWERED
             "{\"command\":\"USER\",\"command_data\":\"bob\",\"command_truncated\":false,"
             "\"completion_code\":[\"331\"],\"reply\":[\"Password\"]," ANSWERED
             "{\"command\":\"PASS\",\"command_data\":\"a b\",\"command_truncated\":false,"
             "\"completion_code\":[\"230\"],\"reply\":[\"In\"]," ANSWERED },
    { .name = "a reply of several lines",
      .turns = { C("HELP\r\n"), S("214-Known:\r\n USER\r\n215 is not it\r\n214 End\r\n"),
                 C("NOOP\r\n"), S("200 ok\r\n") },
      .eve = "{\"command\":\"HELP\",\"completion_code\":[\"215\",\"214\"],"
             "\"reply\":[\"214-Known:\",\" USER\",\"is not it\",\"End\"]," ANSWERED
             "{\"command\":\"NOOP\",\"completion_code\":[\"200\"],\"reply\":[\"ok\"]," ANSWERED },
    { .name = "a reply of several lines without its last, and the next command",
      .turns = { S("220-Hello\r\n"), C("USER a\r\n"), S("331 x\r\n") },
      .eve = "{\"reply\":[\"220-Hello\"]," OPEN "\n"
             "{\"command\":\"USER\",\"command_data\":\"a\",\"command_truncated\":false,"
             "\"completion_code\":[\"331\"],\"reply\":[\"x\"]," ANSWERED },
    { .name = "a preliminary reply and a final one",
      .turns = { C("STAT x\r\n"), S("150 Wait\r\n"), S("226 Done\r\n") },
      .eve = "{\"command\":\"STAT\",\"command_data\":\"x\",\"command_truncated\":false,"
             "\"completion_code\":[\"150\",\"226\"],\"reply\":[\"Wait\",\"Done\"]," ANSWERED },
    { .name = "commands in advance are answered in their order",
      .turns = { C("SYST\r\nPWD\r\nNOOP\r\n"), S("215 UNIX\r\n257 /\r\n200\r\n") },
      .eve = "{\"command\":\"SYST\",\"completion_code\":[\"215\"],\"reply\":[\"UNIX\"]," ANSWERED
             "{\"command\":\"PWD\",\"completion_code\":[\"257\"],\"reply\":[\"/\"]," ANSWERED
             "{\"command\":\"NOOP\",\"reply\":[\"200\"]," ANSWERED },
    { .name = "of unknown commands the replies are told",
      .turns = { C("FEAT\r\n"), S("211-F\r\n A\r\n211 E\r\n"), C("\r\nXYZ\n"), S("500 no\n") },
      .eve = "{\"completion_code\":[\"211\"],\"reply\":[\"211-F\",\" A\",\"E\"]," ANSWERED
             "{\"completion_code\":[\"500\"],\"reply\":[\"no\"]," ANSWERED },
    { .name = "names with more behind them, and older ones with an X before",
      .turns = { C("  CDUP..\r\nXCWD /a\r\nxpwd\r\nNOO\r\n"), S("250 a\r\n250 b\r\n257 c\r\n") },
      .eve = "{\"command\":\"CDUP\",\"command_data\":\".\",\"command_truncated\":false,"
             "\"completion_code\":[\"250\"],\"reply\":[\"a\"]," ANSWERED
             "{\"command\":\"CWD\",\"command_data\":\"/a\",\"command_truncated\":false,"
             "\"completion_code\":[\"250\"],\"reply\":[\"b\"]," ANSWERED
             "{\"command\":\"PWD\",\"command_truncated\":false,"
             "\"completion_code\":[\"257\"],\"reply\":[\"c\"]," ANSWERED },
    { .name = "ports",
      .turns = { C("PORT 10,0,0,1,4,210 x\r\n"), S("200 ok\r\n"),
                 C("EPRT |2|::1|5282|\r\n"), S("200 ok\r\n"),
                 C("PASV\r\n"), S(PASV_REPLY "\r\n"), C("EPSV\r\n"), S("229 x (|||6446|)\r\n") },
      .eve = "{\"command\":\"PORT\",\"command_data\":\"10,0,0,1,4,210 x\","
             "\"command_truncated\":false,\"completion_code\":[\"200\"],\"reply\":[\"ok\"],"
             "\"dynamic_port\":1234,\"mode\":\"active\"," ANSWERED
             "{\"command\":\"EPRT\",\"command_data\":\"|2|::1|5282|\","
             "\"command_truncated\":false,\"completion_code\":[\"200\"],\"reply\":[\"ok\"],"
             "\"dynamic_port\":5282,\"mode\":\"active\"," ANSWERED
             "{\"command\":\"PASV\",\"completion_code\":[\"227\"],"
             "\"reply\":[\"Entering Passive Mode (10,0,0,2,200,10)\"],"
             "\"dynamic_port\":51210,\"mode\":\"passive\"," ANSWERED
             "{\"command\":\"EPSV\",\"completion_code\":[\"229\"],\"reply\":[\"x (|||6446|)\"],"
             "\"dynamic_port\":6446,\"mode\":\"passive\"," ANSWERED },
    { .name = "ports that are none",
      .turns = { C("PORT 1,2,3,4,5\r\n"), S("501 x\r\n"), C("PASV\r\n"), S("500 x\r\n") },
      .eve = "{\"command\":\"PORT\",\"command_data\":\"1,2,3,4,5\",\"command_truncated\":false,"
             "\"completion_code\":[\"501\"],\"reply\":[\"x\"],\"mode\":\"passive\"," ANSWERED
             "{\"command\":\"PASV\",\"completion_code\":[\"500\"],\"reply\":[\"x\"],"
             "\"mode\":\"passive\"," ANSWERED },
    { .name = "a file before a port and one without a name",
      .turns = { C("RETR a\r\nSTOR\r\n") },
      .eve = "{\"command\":\"RETR\",\"command_data\":\"a\",\"command_truncated\":false," OPEN
             " !file_before_port\n"
             "{\"command\":\"STOR\"," OPEN " !file_without_name\n" },
    { .name = "each port is for one transfer",
      .turns = { C("PORT 10,0,0,1,4,210\r\nLIST\r\nNLST\r\n") },
      .eve = "{\"command\":\"PORT\",\"command_data\":\"10,0,0,1,4,210\","
             "\"command_truncated\":false,\"dynamic_port\":1234,\"mode\":\"active\"," OPEN "\n"
             "{\"command\":\"LIST\"," OPEN "\n"
             "{\"command\":\"NLST\"," OPEN " !file_before_port\n" },
    { .name = "behind lost replies nobody waits for one",
      .turns = { C("PWD\r\n"), GAP(TO_CLIENT, 9), S("rest\r\n200 a\r\n") },
      .eve = "{\"command\":\"PWD\"," OPEN "\n"
             "{\"completion_code\":[\"200\"],\"reply\":[\"a\"]," ANSWERED },
    { .name = "behind lost commands the next line is one",
      .turns = { C("PWD\r\n"), GAP(TO_SERVER, 9), C("D x\r\nSYST\r\n") },
      .eve = "{\"command\":\"PWD\"," OPEN "\n{\"command\":\"SYST\"," OPEN "\n" },
    { .name = "bytes that are no text", .turns = { C("CWD \xff\x01\r\n"), S("550 \xfe\r\n") },
      .eve = "{\"command\":\"CWD\",\"command_data\":\"\\\\xff\\u0001\","
             "\"command_truncated\":false,\"completion_code\":[\"550\"],"
             "\"reply\":[\"\\\\xfe\"]," ANSWERED },
};
static const struct eve_rows table = { rows, sizeof rows / sizeof *rows, 21, IP_PROTO_TCP,
                                       "ftp" };

static void commands_and_replies_are_transactions(void **state)
{
    eve_rows_come_to_what_they_say(&table);
}

static void pieces_of_any_size_make_no_difference(void **state)
{
    eve_rows_do_not_hang_on_pieces(&table);
}

static void any_prefix_ends_well(void **state)
{
    eve_rows_end_well_at_any_prefix(&table);
}

static void a_line_past_the_limit_is_cut(void **state)
{
    static const size_t sizes[] = { 64, 65, 66, 67, 200 };
    static const size_t steps[] = { 0, 1, 7, 64, 65, 66 };

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
            char line[256];
            struct conversation c;
            struct turn ask = { TO_SERVER, line, sizes[i] + 2, 0 };
            struct turn answer = { TO_CLIENT, line, sizes[i] + 2, 0 };
            const struct turn next = C("PWD\r\n");

            memset(line, 'x', sizeof line);
            memcpy(line + sizes[i], "\r\n", 2);
            start(&c);
            c.conf.ftp_line_limit = 64;
            c.flow.key.dport = 21;
            memcpy(line, "RETR ", 5);
            feed_turn(&c, &ask, steps[k]);
            memcpy(line, "550 x", 5);
            feed_turn(&c, &answer, steps[k]);
            feed_turn(&c, &next, steps[k]);
            const struct ftp_tx *tx = (const struct ftp_tx *) (void *) tx_at(&c, 0);
            assert_int_equal(tx->argument.size, (sizes[i] < 64 ? sizes[i] : 64) - 5);
            assert_int_equal(app_tx_has_event(&tx->tx, "request_command_too_long"),
                             sizes[i] > 64);
            assert_int_equal(app_tx_has_event(&tx->tx, "response_command_too_long"),
                             sizes[i] > 64);
            assert_true(tx->is_answered);
            assert_non_null(tx_at(&c, 1));
            assert_null(tx_at(&c, 2));
            stop(&c);
        }
    }
}

static void more_transactions_than_allowed_are_an_event(void **state)
{
    const struct turn ask = C("PWD\r\n");
    struct conversation c;

    start(&c);
    c.conf.max_transactions = 3;
    c.flow.key.dport = 21;
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(app_session_has_event(c.flow.app != NULL ? c.flow.app
                             : &(struct app_session) { 0 }, "too_many_transactions"), i == 4);
        feed_turn(&c, &ask, 0);
    }
    assert_null(tx_at(&c, 3));
    stop(&c);
}

static void ports_stand_where_they_should(void **state)
{
    static const struct { uint16_t (*read)(struct slice); const char *text; uint16_t port; }
    cases[] = {
        { ftp_port_argument, "1,2,3,4,5,6", 1286 }, { ftp_port_argument, " 1,2,3,4,5,6,7", 1286 },
        { ftp_port_argument, "1,2,3,4,255,255", 65535 }, { ftp_port_argument, "1,2,3,4,5", 0 },
        { ftp_port_argument, "1,2,3,4,5,", 0 }, { ftp_port_argument, "1,2,3,4,5,256", 0 },
        { ftp_port_argument, "1, 2,3,4,5,6", 0 }, { ftp_port_argument, "1,2,3,4,0,0", 0 },
        { ftp_port_argument, "99999999999,2,3,4,5,6", 0 }, { ftp_port_argument, "", 0 },
        { ftp_pasv_reply, "x (1,2,3,4,5,6).", 1286 }, { ftp_pasv_reply, "1,2,3,4,5,6", 0 },
        { ftp_pasv_reply, "(b) (1,2,3,4,5,6)", 0 }, { ftp_pasv_reply, "(1,2,3,4,5,6", 0 },
        { ftp_epsv_reply, "x (|||5|)", 5 }, { ftp_epsv_reply, "(||| 5|)", 5 },
        { ftp_epsv_reply, "(|||5)", 0 }, { ftp_epsv_reply, "(|||65536|)", 0 },
        { ftp_epsv_reply, "|||", 0 }, { ftp_epsv_reply, "(|2|::1|5|)", 0 },
        { ftp_eprt_argument, "|1|1.2.3.4|5|", 5 }, { ftp_eprt_argument, " |2|::1|5|x", 5 },
        { ftp_eprt_argument, "|1|1.2.3.4|5", 0 }, { ftp_eprt_argument, "!1!1.2.3.4!5!", 0 },
        { ftp_eprt_argument, "|1|", 0 }, { ftp_eprt_argument, "|1|1.2.3.4|70000|", 0 },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size = strlen(cases[i].text);
        for (size_t n = 0; n <= size; n++) {
            char *copy = malloc(n + (n == 0));
            memcpy(copy, cases[i].text, n);
            uint16_t port = cases[i].read(slice_of(copy, n));
            free(copy);
            if (n == size && port != cases[i].port) {
                fail_msg("%s: %u", cases[i].text, port);
            }
        }
    }
}

static void rules_see_replies_once_they_are_complete(void **state)
{
    const struct turn ask = C("PASV\r\n"), wait = S("150 w\r\n"), answer = S(PASV_REPLY "\r\n");
    struct conversation c;
    uint64_t value;

    start(&c);
    c.flow.key.dport = 21;
    feed_turn(&c, &ask, 0);
    feed_turn(&c, &wait, 0);
    const struct app_tx *tx = tx_at(&c, 0);
    assert_true(slice_is(app_tx_buffer(tx, TO_SERVER, BUFFER_FTP_COMMAND, 0).bytes, "PASV"));
    assert_int_equal(app_tx_buffer(tx, TO_CLIENT, BUFFER_FTP_REPLY, 0).state,
                     APP_VIEW_NOT_YET);
    assert_false(app_tx_number(tx, TO_CLIENT, FIELD_FTP_REPLY_RECEIVED, 0, &value));
    assert_false(app_tx_number(tx, TO_SERVER, FIELD_FTP_MODE, 0, &value));
    feed_turn(&c, &answer, 0);
    assert_true(slice_is(app_tx_buffer(tx, TO_CLIENT, BUFFER_FTP_REPLY, 0).bytes, "w"));
    assert_true(slice_is(app_tx_buffer(tx, TO_CLIENT, BUFFER_FTP_COMPLETION_CODE, 1).bytes,
                         "227"));
    assert_int_equal(app_tx_buffer(tx, TO_CLIENT, BUFFER_FTP_COMPLETION_CODE, 2).state,
                     APP_VIEW_ABSENT);
    for (int dir = 0; dir < N_DIRECTIONS; dir++) {
        assert_true(app_tx_number(tx, (enum direction) dir, FIELD_FTP_MODE, 0, &value));
        assert_int_equal(value, 0);
        assert_true(app_tx_number(tx, (enum direction) dir, FIELD_FTP_DYNAMIC_PORT, 0, &value));
        assert_int_equal(value, 51210);
    }
    assert_true(app_tx_number(tx, TO_CLIENT, FIELD_FTP_REPLY_RECEIVED, 0, &value));
    assert_int_equal(value, 1);
    stop(&c);
}

/* The names of AUTH TLS and AUTH SSL; then the protocol is recognized anew. */
static void a_reply_of_234_ends_the_plain_channel(void **state)
{
    const struct turn turns[] = { C("AUTH TLS\r\n"), S("234 go\r\n"),
                                  C("GET / HTTP/1.1\r\nHost: a\r\n\r\n") };
    struct conversation c;

    start(&c);
    c.flow.key.dport = 21;
    for (size_t i = 0; i < sizeof turns / sizeof *turns; i++) {
        feed_turn(&c, &turns[i], 0);
    }
    assert_int_equal(c.flow.app->first_proto, APP_FTP);
    assert_int_equal(c.flow.app_proto, APP_HTTP1);
    stop(&c);
}

/* ---- Data connections ---- */

/* Two flows of one engine between the same hosts. */
struct pair {
    struct conversation control, data;
    struct host_table *hosts;
};

static void start_pair(struct pair *p, bool is_active)
{
    static const uint8_t client[] = { 10, 0, 0, 1 }, server[] = { 10, 0, 0, 2 };

    memset(p, 0, sizeof *p);
    start(&p->control);
    p->hosts = host_table_create(1u << 16, (struct hash_seed) { 1, 2 });
    app_engine_set_hosts(p->control.engine, p->hosts);
    p->control.flow.id = 77;
    p->control.flow.key.src = ip_v4(client);
    p->control.flow.key.dst = ip_v4(server);
    p->control.flow.key.dport = 21;
    p->data.engine = p->control.engine;
    p->data.flow.key = p->control.flow.key;
    p->data.flow.key.dport = 51210;
    if (is_active) {
        p->data.flow.key.src = ip_v4(server);
        p->data.flow.key.dst = ip_v4(client);
    }
}

static void stop_pair(struct pair *p)
{
    app_flow_end(p->data.engine, &p->data.flow);
    stop(&p->control);
    host_table_destroy(p->hosts);
}

static void say(struct pair *p, enum direction dir, const char *text)
{
    const struct turn turn = { dir, text, strlen(text), 0 };

    feed_turn(&p->control, &turn, 0);
}

static const char *eve_of_data(struct pair *p, char *out, size_t size)
{
    static const struct eve_rows t = { .object = "ftp_data" };
    struct strbuf text = STRBUF_EMPTY;

    eve_write(&t, &p->data, &text);
    snprintf(out, size, "%s", strbuf_cstr(&text));
    strbuf_fini(&text);
    return out;
}

static const struct {
    const char *command;
    bool is_active;
    enum direction dir;         /* That the file goes. */
    const char *eve, *name;     /* NULL: no file. */
    uint64_t number;
} transfers[] = {
    { "RETR a b.txt", false, TO_CLIENT, "{\"filename\":\"a b.txt\",\"command\":\"RETR\"}\n",
      "a b.txt", 1 },
    { "RETR /d/e", true, TO_SERVER, "{\"filename\":\"/d/e\",\"command\":\"RETR\"}\n", "/d/e", 1 },
    { "STOR b", false, TO_SERVER, "{\"filename\":\"b\",\"command\":\"STOR\"}\n", "b", 2 },
    { "STOR b", true, TO_CLIENT, "{\"filename\":\"b\",\"command\":\"STOR\"}\n", "b", 2 },
    { "APPE c", false, TO_SERVER, "{\"filename\":\"c\",\"command\":\"APPE\"}\n", "c", 3 },
    { "STOU", false, TO_SERVER, "{\"filename\":\"<stou>\",\"command\":\"STOU\"}\n", "<stou>", 4 },
    { "LIST -la", false, TO_CLIENT, "{\"command\":\"LIST\"}\n", NULL, 5 },
    { "NLST", true, TO_SERVER, "{\"command\":\"NLST\"}\n", NULL, 6 },
    { "MLSD", false, TO_CLIENT, "{\"command\":\"MLSD\"}\n", NULL, 7 },
};

static void announce(struct pair *p, size_t i)
{
    say(p, TO_SERVER, transfers[i].is_active ? "PORT 10,0,0,1,200,10\r\n" : "PASV\r\n");
    say(p, TO_CLIENT, transfers[i].is_active ? "200 ok\r\n" : PASV_REPLY "\r\n");
    say(p, TO_SERVER, transfers[i].command);
    say(p, TO_SERVER, "\r\n");
}

static void a_transfer_is_a_file_of_its_own_flow(void **state)
{
    for (size_t i = 0; i < sizeof transfers / sizeof *transfers; i++) {
        enum direction dir = transfers[i].dir;
        struct pair p;
        char text[256];
        uint64_t value;

        start_pair(&p, transfers[i].is_active);
        announce(&p, i);
        /* The other way says nothing; bytes look like another protocol. */
        feed_piece(&p.data, direction_reverse(dir), "x", 1, 0, false);
        feed_piece(&p.data, dir, "GET / HTTP/1.1\r\n", 16, 0, false);
        assert_int_equal(p.data.flow.app_proto, APP_FTP_DATA);
        assert_int_equal(p.data.flow.parent_id, 77);
        struct app_tx *tx = tx_at(&p.data, 0);
        assert_non_null(tx);
        assert_false(app_tx_is_loggable(tx, dir));
        feed_piece(&p.data, dir, "more", 4, 0, true);
        assert_true(app_tx_is_loggable(tx, dir));
        assert_string_equal(eve_of_data(&p, text, sizeof text), transfers[i].eve);
        const struct app_file *file = app_file_at(tx, dir, 0);
        assert_int_equal(file != NULL, transfers[i].name != NULL);
        if (file != NULL) {
            assert_true(slice_is(file->name, transfers[i].name));
            assert_int_equal(file->size, 20);
            assert_int_equal(file->state, FILE_CLOSED);
        }
        assert_null(app_file_at(tx, direction_reverse(dir), 0));
        for (int d = 0; d < N_DIRECTIONS; d++) {
            assert_true(app_tx_number(tx, (enum direction) d, FIELD_FTPDATA_COMMAND, 0, &value));
            assert_int_equal(value, transfers[i].number);
        }
        stop_pair(&p);
    }
}

static void a_file_that_is_cut_short_or_has_gaps_says_so(void **state)
{
    struct pair p;

    start_pair(&p, false);
    announce(&p, 0);
    feed_piece(&p.data, TO_CLIENT, "ab", 2, 0, false);
    feed_piece(&p.data, TO_CLIENT, "yz", 2, 10, false);
    app_flow_finish(p.data.engine, &p.data.flow);
    const struct app_file *file = app_file_at(tx_at(&p.data, 0), TO_CLIENT, 0);
    assert_int_equal(file->state, FILE_TRUNCATED);
    assert_true(file->has_gaps && file->size == 14);
    stop_pair(&p);
}

static void a_port_is_good_for_one_connection_in_time(void **state)
{
    struct pair p;

    start_pair(&p, false);
    announce(&p, 0);
    feed_piece(&p.data, TO_CLIENT, "a", 1, 0, true);
    assert_int_equal(p.data.flow.app_proto, APP_FTP_DATA);
    app_flow_end(p.data.engine, &p.data.flow);
    p.data.flow.app_proto = APP_UNKNOWN;
    feed_piece(&p.data, TO_CLIENT, "a", 1, 0, true);
    assert_int_not_equal(p.data.flow.app_proto, APP_FTP_DATA);
    app_flow_end(p.data.engine, &p.data.flow);
    p.data.flow.app_proto = APP_UNKNOWN;
    announce(&p, 0);
    p.data.now_ns = p.control.conf.ftp_data_timeout;
    feed_piece(&p.data, TO_CLIENT, "a", 1, 0, true);
    assert_int_not_equal(p.data.flow.app_proto, APP_FTP_DATA);
    stop_pair(&p);
}

static void a_third_host_is_not_expected(void **state)
{
    static const uint8_t other[] = { 10, 0, 0, 9 };
    struct pair p;

    start_pair(&p, false);
    announce(&p, 0);
    p.data.flow.key.src = ip_v4(other);
    feed_piece(&p.data, TO_CLIENT, "a", 1, 0, true);
    assert_int_not_equal(p.data.flow.app_proto, APP_FTP_DATA);
    stop_pair(&p);
}

static void names_of_too_many_transfers_that_never_come_are_forgotten(void **state)
{
    struct pair p;
    char line[64];

    start_pair(&p, false);
    announce(&p, 0);
    for (unsigned i = 0; i < 300; i++) {
        snprintf(line, sizeof line, "PORT 10,0,0,1,100,%u\r\nRETR f%u\r\n", i % 256, i);
        say(&p, TO_SERVER, line);
    }
    feed_piece(&p.data, TO_CLIENT, "a", 1, 0, true);
    assert_int_equal(p.data.flow.app_proto, APP_FTP_DATA);
    assert_int_equal(app_file_at(tx_at(&p.data, 0), TO_CLIENT, 0)->name.size, 0);
    stop_pair(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_and_replies_are_transactions),
        cmocka_unit_test(pieces_of_any_size_make_no_difference),
        cmocka_unit_test(any_prefix_ends_well),
        cmocka_unit_test(a_line_past_the_limit_is_cut),
        cmocka_unit_test(more_transactions_than_allowed_are_an_event),
        cmocka_unit_test(ports_stand_where_they_should),
        cmocka_unit_test(rules_see_replies_once_they_are_complete),
        cmocka_unit_test(a_reply_of_234_ends_the_plain_channel),
        cmocka_unit_test(a_transfer_is_a_file_of_its_own_flow),
        cmocka_unit_test(a_file_that_is_cut_short_or_has_gaps_says_so),
        cmocka_unit_test(a_port_is_good_for_one_connection_in_time),
        cmocka_unit_test(a_third_host_is_not_expected),
        cmocka_unit_test(names_of_too_many_transfers_that_never_come_are_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
