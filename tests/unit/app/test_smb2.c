/* SMB 2 and 3: commands, shares, pipes and files in, transactions and their EVE form out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "smb_talk.h"

static struct app_tx *tx_with_event(const struct conversation *c, const char *event)
{
    for (unsigned i = 0; tx_at(c, i) != NULL; i++) {
        if (app_tx_has_event(tx_at(c, i), event)) {
            return tx_at(c, i);
        }
    }
    return NULL;
}

static struct strbuf ask(struct talk *t, uint16_t command, uint32_t tree)
{
    struct strbuf b = STRBUF_EMPTY;

    put_smb2(&b, (struct smb2_header) { .command = command, .tree = tree,
                                        .message = ++t->message, .session = 77 });
    return b;
}

static struct strbuf answer(const struct talk *t, uint16_t command, uint32_t tree,
                            uint32_t status)
{
    struct strbuf b = STRBUF_EMPTY;

    put_smb2(&b, (struct smb2_header) { .command = command, .is_response = true,
                                        .tree = tree, .message = t->message, .session = 77,
                                        .status = status });
    return b;
}

static void negotiate2(struct talk *t)
{
    struct strbuf b = ask(t, 0, 0);

    put_le(&b, 36, 2);
    put_le(&b, 2, 2);
    put_zeros(&b, 8);
    RAW(&b, "CLIENTGUIDCLIENT");
    put_zeros(&b, 8);
    put_le(&b, 0x0202, 2);
    put_le(&b, 0x0210, 2);
    say(t, TO_SERVER, &b);
    b = answer(t, 0, 0, 0);
    put_le(&b, 65, 2);
    put_le(&b, 1, 2);
    put_le(&b, 0x0210, 2);
    put_le(&b, 0, 2);
    RAW(&b, "SERVERGUIDSERVER");
    put_zeros(&b, 4);
    put_le(&b, 65536, 4);
    put_le(&b, 65536, 4);
    put_le(&b, 65536, 4);
    put_zeros(&b, 20);
    say(t, TO_CLIENT, &b);
}

static void set_up_session2(struct talk *t)
{
    struct strbuf b = ask(t, 1, 0);

    put_zeros(&b, 24);
    put_authenticate(&b);
    say(t, TO_SERVER, &b);
    b = answer(t, 1, 0, 0);
    put_zeros(&b, 8);
    say(t, TO_CLIENT, &b);
}

static void connect_tree2(struct talk *t, const char *path, uint8_t type, uint32_t tree)
{
    struct strbuf b = ask(t, 3, 0);

    put_le(&b, 9, 2);
    put_le(&b, 0, 2);
    put_le(&b, 72, 2);
    put_le(&b, strlen(path) * 2, 2);
    put_utf16(&b, path);
    say(t, TO_SERVER, &b);
    b = answer(t, 3, tree, 0);
    put_le(&b, 16, 2);
    put_le(&b, type, 1);
    put_zeros(&b, 13);
    say(t, TO_CLIENT, &b);
}

static void put_fuid(struct strbuf *b, char which)
{
    for (unsigned i = 0; i < 16; i++) {
        strbuf_putc(b, which);
    }
}

static void create2(struct talk *t, const char *name, char which, uint32_t tree)
{
    struct strbuf b = ask(t, 5, tree);

    put_zeros(&b, 36);
    put_le(&b, 5, 4);
    put_le(&b, 0x1000, 4);
    put_le(&b, 120, 2);
    put_le(&b, strlen(name) * 2, 2);
    put_zeros(&b, 8);
    put_utf16(&b, name);
    say(t, TO_SERVER, &b);
    b = answer(t, 5, tree, 0);
    put_zeros(&b, 8);
    for (unsigned i = 0; i < 4; i++) {
        put_le(&b, 116444736000000000ull + 10000000ull * (i + 1), 8);
    }
    put_zeros(&b, 8);
    put_le(&b, 1234, 8);
    put_zeros(&b, 8);
    put_fuid(&b, which);
    put_zeros(&b, 8);
    say(t, TO_CLIENT, &b);
}

static void write2(struct talk *t, char which, uint32_t tree, uint64_t offset,
                   const char *bytes, size_t size)
{
    struct strbuf b = ask(t, 9, tree);

    put_le(&b, 49, 2);
    put_le(&b, 112, 2);
    put_le(&b, size, 4);
    put_le(&b, offset, 8);
    put_fuid(&b, which);
    put_zeros(&b, 16);
    strbuf_put(&b, bytes, size);
    say(t, TO_SERVER, &b);
    b = answer(t, 9, tree, 0);
    put_zeros(&b, 16);
    say(t, TO_CLIENT, &b);
}

static void read2(struct talk *t, char which, uint32_t tree, uint64_t offset,
                  const char *bytes, size_t size)
{
    struct strbuf b = ask(t, 8, tree);

    put_le(&b, 49, 2);
    put_le(&b, 0, 2);
    put_le(&b, size, 4);
    put_le(&b, offset, 8);
    put_fuid(&b, which);
    put_zeros(&b, 17);
    say(t, TO_SERVER, &b);
    b = answer(t, 8, tree, 0);
    put_le(&b, 17, 2);
    put_le(&b, 80, 2);
    put_le(&b, size, 4);
    put_zeros(&b, 8);
    strbuf_put(&b, bytes, size);
    say(t, TO_CLIENT, &b);
}

static void close2(struct talk *t, char which, uint32_t tree)
{
    struct strbuf b = ask(t, 6, tree);

    put_zeros(&b, 8);
    put_fuid(&b, which);
    say(t, TO_SERVER, &b);
    b = answer(t, 6, tree, 0);
    put_zeros(&b, 60);
    say(t, TO_CLIENT, &b);
}

/* A session that writes a file out of order and reads another. */
static struct talk make_talk2(void)
{
    static char large[3000];
    struct talk t = { .n = 0 };

    memset(large, 'L', sizeof large);
    negotiate2(&t);
    set_up_session2(&t);
    connect_tree2(&t, "\\\\srv\\share", 1, 5);
    create2(&t, "dir\\out.txt", 'W', 5);
    write2(&t, 'W', 5, 5, "world", 5);
    write2(&t, 'W', 5, 0, "hello", 5);
    close2(&t, 'W', 5);
    create2(&t, "in.bin", 'R', 5);
    read2(&t, 'R', 5, 0, large, sizeof large);
    close2(&t, 'R', 5);
    return t;
}

static void a_session_is_told_command_by_command(void **unused)
{
    struct conversation c;
    struct strbuf out = STRBUF_EMPTY;
    struct talk t = make_talk2();

    start_smb(&c);
    hold(&c, &t, 0, SIZE_MAX);
    assert_int_equal(c.flow.app_proto, APP_SMB);
    write_events(&out, &c);
    expect(&out, "\"smb\":{\"id\":1,\"dialect\":\"2.10\",\"command\":"
                 "\"SMB2_COMMAND_NEGOTIATE_PROTOCOL\",\"status\":\"STATUS_SUCCESS\","
                 "\"status_code\":\"0x0\",\"session_id\":0,\"tree_id\":0,"
                 "\"client_dialects\":[\"2.02\",\"2.10\"],"
                 "\"client_guid\":\"45494c43-544e-5547-4449-4c43544e4549\"");
    expect(&out, "\"max_read_size\":65536,\"max_write_size\":65536");
    expect(&out, "\"ntlmssp\":{\"domain\":\"D\",\"user\":\"U\",\"host\":\"H\","
                 "\"version\":\"10.0 build 19041 rev 15\"}");
    expect(&out, "\"session_id\":77,\"tree_id\":5,\"share\":\"\\\\\\\\srv\\\\share\","
                 "\"share_type\":\"FILE\"");
    expect(&out, "\"filename\":\"dir\\\\out.txt\",\"disposition\":\"FILE_OVERWRITE_IF\","
                 "\"access\":\"delete on close\",\"created\":1,\"accessed\":2,"
                 "\"modified\":3,\"changed\":4,\"size\":1234,"
                 "\"fuid\":\"57575757-5757-5757-5757-575757575757\"");
    expect(&out, "\"command\":\"SMB2_COMMAND_WRITE\",\"status\":\"STATUS_SUCCESS\"");
    expect(&out, "\"command\":\"SMB2_COMMAND_READ\",\"status\":\"STATUS_SUCCESS\","
                 "\"status_code\":\"0x0\",\"session_id\":77,\"tree_id\":5,"
                 "\"filename\":\"in.bin\",\"share\":\"\\\\\\\\srv\\\\share\"");
    write_session(&out, &c);
    expect(&out, "file dir 0 size 10 state 1 gaps 0 name dir\\x5cout.txt sha256 "
                 "936a185caaa266bb9cbe981e9e05cb78cd732b0b3280eb944412bb6f8f8f07af");
    expect(&out, "file dir 1 size 3000 state 1 gaps 0 name in.bin sha256 ");
    strbuf_fini(&out);
    forget(&t);
    stop(&c);
}

static void pieces_of_any_size_come_to_the_same(void **unused)
{
    static const size_t steps[] = { 0, 1, 2, 3, 5, 7, 11, 50, 64, 100, 113, 500, 1000 };
    struct strbuf whole = STRBUF_EMPTY;
    struct talk t = make_talk2();

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct conversation c;
        struct strbuf out = STRBUF_EMPTY;
        start_smb(&c);
        hold(&c, &t, steps[i], SIZE_MAX);
        write_events(&out, &c);
        write_session(&out, &c);
        if (i == 0) {
            strbuf_put(&whole, out.text, out.size);
        } else {
            assert_string_equal(strbuf_cstr(&out), strbuf_cstr(&whole));
        }
        strbuf_fini(&out);
        stop(&c);
    }
    strbuf_fini(&whole);
    forget(&t);
}

static void every_prefix_ends_well(void **unused)
{
    struct talk t = make_talk2();

    check_prefixes(&t);
    check_short_messages(&t);
    forget(&t);
}

static void rules_see_shares_users_and_files(void **unused)
{
    struct conversation c;
    struct talk t = make_talk2();
    uint64_t value = 0;

    start_smb(&c);
    struct turn early = { TO_SERVER, t.turns[4].text, t.turns[4].size, 0 };
    hold(&c, &(struct talk) { .n = 4, .dirs = { TO_SERVER, TO_CLIENT, TO_SERVER, TO_CLIENT },
                              .turns = { t.turns[0], t.turns[1], t.turns[2], t.turns[3] } },
         0, SIZE_MAX);
    struct app_view user = app_tx_buffer(tx_at(&c, 1), TO_SERVER, BUFFER_SMB_NTLMSSP_USER, 0);
    assert_true(user.state == APP_VIEW_DONE && slice_is(user.bytes, "U"));
    user = app_tx_buffer(tx_at(&c, 1), TO_SERVER, BUFFER_SMB_NTLMSSP_DOMAIN, 0);
    assert_true(user.state == APP_VIEW_DONE && slice_is(user.bytes, "D"));
    assert_true(app_tx_number(tx_at(&c, 1), TO_SERVER, FIELD_SMB_VERSION, 0, &value));
    assert_int_equal(value, 2);
    feed_turn(&c, &early, 0);
    /* Before the answer nobody knows what the tree is. */
    struct app_view pipe = app_tx_buffer(tx_at(&c, 2), TO_SERVER, BUFFER_SMB_NAMED_PIPE, 0);
    assert_int_equal(pipe.state, APP_VIEW_NOT_YET);
    struct turn late = { TO_CLIENT, t.turns[5].text, t.turns[5].size, 0 };
    feed_turn(&c, &late, 0);
    struct app_view share = app_tx_buffer(tx_at(&c, 2), TO_SERVER, BUFFER_SMB_SHARE, 0);
    assert_true(share.state == APP_VIEW_DONE && slice_is(share.bytes, "\\\\srv\\share"));
    pipe = app_tx_buffer(tx_at(&c, 2), TO_SERVER, BUFFER_SMB_NAMED_PIPE, 0);
    assert_int_equal(pipe.state, APP_VIEW_ABSENT);
    forget(&t);
    stop(&c);
}

/* A pipe on which a service is opened: written and read. */
static struct talk make_pipe_talk(void)
{
    struct talk t = { .n = 0 };
    struct strbuf pdu = STRBUF_EMPTY;

    negotiate2(&t);
    connect_tree2(&t, "\\\\srv\\IPC$", 2, 6);
    create2(&t, "svcctl", 'P', 6);
    put_pdu(&pdu, 11, 3, 1, BIND, sizeof BIND - 1);
    write2(&t, 'P', 6, 0, pdu.text, pdu.size);
    strbuf_clear(&pdu);
    put_pdu(&pdu, 12, 3, 1, BINDACK, sizeof BINDACK - 1);
    read2(&t, 'P', 6, 0, pdu.text, pdu.size);
    strbuf_clear(&pdu);
    put_pdu(&pdu, 0, 3, 2, REQUEST("\x0f\0", "open it"), 15);
    write2(&t, 'P', 6, 0, pdu.text, pdu.size);
    strbuf_clear(&pdu);
    put_pdu(&pdu, 2, 3, 2, RESPONSE("handle"), 14);
    read2(&t, 'P', 6, 0, pdu.text, pdu.size);
    strbuf_fini(&pdu);
    return t;
}

static void pipes_carry_calls(void **unused)
{
    struct conversation c;
    struct strbuf out = STRBUF_EMPTY;
    struct talk t = make_pipe_talk();
    struct app_iface iface;

    start_smb(&c);
    hold(&c, &t, 0, SIZE_MAX);
    write_events(&out, &c);
    expect(&out, "\"named_pipe\":\"\\\\\\\\srv\\\\IPC$\",\"share_type\":\"PIPE\"");
    expect(&out, "\"dcerpc\":{\"request\":\"BIND\",\"response\":\"BINDACK\",\"interfaces\":[{"
                 "\"uuid\":\"367abb81-9844-35f1-ad32-98f038001003\",\"version\":\"2.0\","
                 "\"ack_result\":0,\"ack_reason\":0}],\"call_id\":1}");
    expect(&out, "\"dcerpc\":{\"request\":\"REQUEST\",\"response\":\"RESPONSE\",\"opnum\":15,"
                 "\"req\":{\"frag_cnt\":1,\"stub_data_size\":7},\"interfaces\":[{");
    expect(&out, "\"res\":{\"frag_cnt\":1,\"stub_data_size\":6},\"call_id\":2}");
    struct app_tx *call = tx_at(&c, 4);
    assert_true(slice_is(app_tx_buffer(call, TO_SERVER, BUFFER_DCERPC_STUB_DATA, 0).bytes,
                         "open it"));
    assert_true(app_tx_iface(call, 0, &iface) && iface.is_accepted && iface.version == 2);
    assert_null(app_file_at(call, TO_SERVER, 0));
    strbuf_fini(&out);
    check_prefixes(&t);
    check_short_messages(&t);
    forget(&t);
    stop(&c);
}

static void chained_messages_are_each_told(void **unused)
{
    struct conversation c;
    struct talk t = { .n = 0 };
    struct strbuf first, second, out = STRBUF_EMPTY;

    start_smb(&c);
    negotiate2(&t);
    first = ask(&t, 13, 0);                     /* Keepalive, twice in a record. */
    put_le(&first, 4, 8);
    second = ask(&t, 13, 0);
    put_le(&second, 4, 4);
    first.text[20] = (char) first.size;         /* The next command's place. */
    strbuf_put(&first, second.text, second.size);
    say(&t, TO_SERVER, &first);
    hold(&c, &t, 0, SIZE_MAX);
    assert_non_null(tx_at(&c, 2));
    assert_null(tx_at(&c, 3));
    write_event(&out, tx_at(&c, 2));
    expect(&out, "\"id\":3,\"dialect\":\"2.10\",\"command\":\"SMB2_COMMAND_KEEPALIVE\"");
    strbuf_fini(&out);
    strbuf_fini(&second);
    forget(&t);
    stop(&c);
}

static void a_gap_in_a_file_is_in_the_file(void **unused)
{
    struct conversation c;
    struct talk t = { .n = 0 };
    static char large[2000];

    start_smb(&c);
    negotiate2(&t);
    connect_tree2(&t, "\\\\srv\\share", 1, 5);
    create2(&t, "f", 'W', 5);
    write2(&t, 'W', 5, 0, large, sizeof large);
    close2(&t, 'W', 5);
    hold(&c, &(struct talk) { .n = 6, .dirs = { 0, 1, 0, 1, 0, 1 },
                              .turns = { t.turns[0], t.turns[1], t.turns[2], t.turns[3],
                                         t.turns[4], t.turns[5] } }, 0, SIZE_MAX);
    struct turn head = { TO_SERVER, t.turns[6].text, 1000, 0 }, gap = GAP(TO_SERVER, 500);
    feed_turn(&c, &head, 0);
    feed_turn(&c, &gap, 0);
    struct turn tail = { TO_SERVER, t.turns[6].text + 1500, t.turns[6].size - 1500, 0 };
    feed_turn(&c, &tail, 0);
    struct turn close = { TO_SERVER, t.turns[8].text, t.turns[8].size, 0 };
    feed_turn(&c, &close, 0);
    struct app_tx *tx = tx_at(&c, 3);
    const struct app_file *file = app_file_at(tx, TO_SERVER, 0);
    assert_non_null(file);
    assert_int_equal(file->size, sizeof large);
    assert_true(file->has_gaps);
    assert_int_equal(file->state, FILE_TRUNCATED);
    forget(&t);
    stop(&c);
}

static void behind_a_gap_a_file_goes_on_as_long_as_chunks_come(void **unused)
{
    struct conversation c;
    struct talk before = { .n = 0 }, after = { .n = 0 };
    struct turn gap = GAP(TO_CLIENT, 100);

    start_smb(&c);
    negotiate2(&before);
    connect_tree2(&before, "\\\\srv\\share", 1, 5);
    create2(&before, "f", 'W', 5);
    write2(&before, 'W', 5, 0, "one ", 4);
    hold(&c, &before, 0, SIZE_MAX);
    feed_turn(&c, &gap, 0);
    create2(&after, "g", 'G', 5);
    write2(&after, 'W', 5, 4, "two ", 4);
    write2(&after, 'W', 5, 8, "three ", 6);
    write2(&after, 'W', 5, 14, "four", 4);
    for (unsigned i = 0; i < after.n; i++) {
        struct turn turn = { after.dirs[i], after.turns[i].text, after.turns[i].size, 0 };
        c.now_ns += 20 * 1000000000ull;
        feed_turn(&c, &turn, 0);
    }
    const struct app_file *file = app_file_at(tx_at(&c, 3), TO_SERVER, 0);
    assert_non_null(file);
    assert_true(slice_is(file->data, "one two three four"));
    assert_int_equal(file->state, FILE_OPENED);
    c.now_ns += 100 * 1000000000ull;
    struct talk last = { .n = 0 };
    create2(&last, "h", 'H', 5);
    hold(&c, &last, 0, SIZE_MAX);
    assert_int_equal(file->state, FILE_TRUNCATED);
    forget(&before);
    forget(&after);
    forget(&last);
    stop(&c);
}

static void behind_a_gap_the_next_record_is_found(void **unused)
{
    struct conversation c;
    struct talk t = make_talk2();
    struct turn gap = GAP(TO_SERVER, 100), junk = C("what was left of a record");

    start_smb(&c);
    hold(&c, &(struct talk) { .n = 2, .dirs = { 0, 1 },
                              .turns = { t.turns[0], t.turns[1] } }, 0, SIZE_MAX);
    feed_turn(&c, &gap, 0);
    feed_turn(&c, &junk, 0);
    for (unsigned i = 2; i < t.n; i++) {
        struct turn turn = { t.dirs[i], t.turns[i].text, t.turns[i].size, 0 };
        feed_turn(&c, &turn, 3);
    }
    assert_false(c.flow.app->is_failed);
    struct strbuf out = STRBUF_EMPTY;
    write_events(&out, &c);
    expect(&out, "\"ntlmssp\":{\"domain\":\"D\"");
    expect(&out, "\"filename\":\"in.bin\"");
    strbuf_fini(&out);
    forget(&t);
    stop(&c);
}

static void limits_are_events(void **unused)
{
    static char large[4000];
    struct conversation c;
    struct talk t = { .n = 0 };

    start_smb(&c);
    c.conf.smb_max_write_size = 1000;
    c.conf.smb_max_read_size = 1000;
    negotiate2(&t);
    connect_tree2(&t, "\\\\srv\\share", 1, 5);
    write2(&t, 'W', 5, 0, large, sizeof large);
    read2(&t, 'R', 5, 0, large, sizeof large);
    hold(&c, &t, 700, SIZE_MAX);
    assert_non_null(tx_with_event(&c, "negotiate_max_read_size_too_large"));
    assert_non_null(tx_with_event(&c, "negotiate_max_write_size_too_large"));
    assert_non_null(tx_with_event(&c, "write_request_too_large"));
    assert_non_null(tx_with_event(&c, "read_request_too_large"));
    assert_non_null(tx_with_event(&c, "read_response_too_large"));
    assert_null(tx_at(&c, 2));                  /* Nothing was read or written. */
    assert_false(c.flow.app->is_failed);
    forget(&t);
    stop(&c);
}

static void a_write_of_more_than_its_record_is_left_alone(void **unused)
{
    struct conversation c;
    struct talk t = { .n = 0 };

    start_smb(&c);
    negotiate2(&t);
    connect_tree2(&t, "\\\\srv\\share", 1, 5);
    write2(&t, 'W', 5, 0, "hello", 5);
    t.turns[4].text[4 + 64 + 5] = 1;            /* 261 bytes, it says. */
    hold(&c, &t, 0, SIZE_MAX);
    assert_non_null(tx_with_event(&c, "write_request_too_large"));
    assert_null(tx_at(&c, 2));
    forget(&t);
    stop(&c);
}

static void requests_without_answers_are_bounded(void **unused)
{
    struct conversation c;
    struct talk t = { .n = 0 };

    start_smb(&c);
    c.conf.smb_max_transactions = 8;
    negotiate2(&t);
    hold(&c, &t, 0, SIZE_MAX);
    for (unsigned i = 0; i < 500; i++) {
        struct strbuf b = ask(&t, 13, 0), record = STRBUF_EMPTY;
        put_le(&b, 4, 4);
        put_record(&record, &b);
        feed_piece(&c, TO_SERVER, record.text, record.size, 0, false);
        strbuf_fini(&b);
        strbuf_fini(&record);
        if (i == 20) {
            assert_non_null(tx_with_event(&c, "too_many_transactions"));
        }
        for (struct app_tx *tx = tx_at(&c, 0); tx != NULL; tx = app_tx_next(c.flow.app, tx)) {
            tx->is_logged = tx->is_inspected[0] = tx->is_inspected[1] = true;
        }
        app_release(c.engine, &c.flow);
    }
    assert_in_range(c.flow.app->n_open, 1, 9);
    forget(&t);
    stop(&c);
}

static void tables_of_a_session_are_bounded(void **unused)
{
    struct conversation c;
    struct talk t = { .n = 0 };

    start_smb(&c);
    c.conf.smb_max_files = 4;
    negotiate2(&t);
    hold(&c, &t, 0, SIZE_MAX);
    for (unsigned i = 0; i < 100; i++) {
        struct talk one = { .n = 0, .message = t.message };
        create2(&one, "name", (char) i, 5);
        hold(&c, &one, 0, SIZE_MAX);
        t.message = one.message;
        forget(&one);
    }
    const struct smb_state *state = c.flow.app->state;
    assert_int_equal(state->names.n, 4);
    assert_int_equal(state->notes.n, 0);
    forget(&t);
    stop(&c);
}

static void encrypted_messages_are_left_alone(void **unused)
{
    struct conversation c;
    struct talk t = { .n = 0 };
    struct strbuf b = STRBUF_EMPTY;

    start_smb(&c);
    negotiate2(&t);
    RAW(&b, "\xfdSMB");
    put_zeros(&b, 32);
    put_le(&b, 3000, 4);
    put_zeros(&b, 12);
    put_zeros(&b, 3000);
    say(&t, TO_SERVER, &b);
    set_up_session2(&t);
    hold(&c, &t, 100, SIZE_MAX);
    assert_false(c.flow.app->is_failed);
    assert_non_null(tx_at(&c, 1));
    assert_null(tx_at(&c, 2));
    forget(&t);
    stop(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_told_command_by_command),
        cmocka_unit_test(pieces_of_any_size_come_to_the_same),
        cmocka_unit_test(every_prefix_ends_well),
        cmocka_unit_test(rules_see_shares_users_and_files),
        cmocka_unit_test(pipes_carry_calls),
        cmocka_unit_test(chained_messages_are_each_told),
        cmocka_unit_test(a_gap_in_a_file_is_in_the_file),
        cmocka_unit_test(behind_a_gap_a_file_goes_on_as_long_as_chunks_come),
        cmocka_unit_test(behind_a_gap_the_next_record_is_found),
        cmocka_unit_test(limits_are_events),
        cmocka_unit_test(a_write_of_more_than_its_record_is_left_alone),
        cmocka_unit_test(requests_without_answers_are_bounded),
        cmocka_unit_test(tables_of_a_session_are_bounded),
        cmocka_unit_test(encrypted_messages_are_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
