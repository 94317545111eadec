/* SMB: conversations in, transactions, files and their EVE form out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conversation.h"
#include "sensor/app/smb/smb_private.h"
#include "smb_messages.h"

#define MAX_TURNS 64u

struct talk {
    enum direction dirs[MAX_TURNS];
    struct strbuf turns[MAX_TURNS];
    unsigned n;
    uint64_t message;
};

static void forget(struct talk *t)
{
    for (unsigned i = 0; i < t->n; i++) {
        strbuf_fini(&t->turns[i]);
    }
}

/* A message becomes a record and a turn. */
static void say(struct talk *t, enum direction dir, struct strbuf *message)
{
    t->dirs[t->n] = dir;
    t->turns[t->n] = (struct strbuf) STRBUF_EMPTY;
    put_record(&t->turns[t->n++], message);
    strbuf_fini(message);
    *message = (struct strbuf) STRBUF_EMPTY;
}

static void start_smb(struct conversation *c)
{
    start(c);
    c->conf.file_sha256 = true;
    c->flow.key.dport = 445;
}

static void hold(struct conversation *c, const struct talk *t, size_t step, size_t limit)
{
    for (unsigned i = 0; i < t->n && limit != 0; i++) {
        size_t n = t->turns[i].size < limit ? t->turns[i].size : limit;
        struct turn turn = { t->dirs[i], t->turns[i].text, n, 0 };
        feed_turn(c, &turn, step);
        limit -= n;
    }
}

static void write_event(struct strbuf *out, const struct app_tx *tx)
{
    struct event event = { .type = EVENT_SMB };
    struct arena scratch;

    arena_init(&scratch, 4096, 1u << 20);
    app_tx_fill(tx, TO_SERVER, &event, &scratch);
    event_write_eve(&event, out);
    strbuf_putc(out, '\n');
    arena_fini(&scratch);
}

static void write_events(struct strbuf *out, const struct conversation *c)
{
    for (unsigned i = 0; tx_at(c, i) != NULL; i++) {
        write_event(out, tx_at(c, i));
    }
}

static void expect(struct strbuf *out, const char *part)
{
    if (strstr(strbuf_cstr(out), part) == NULL) {
        fail_msg("not found: %s\nin: %s", part, out->text);
    }
}

static struct app_tx *tx_with_event(const struct conversation *c, const char *event)
{
    for (unsigned i = 0; tx_at(c, i) != NULL; i++) {
        if (app_tx_has_event(tx_at(c, i), event)) {
            return tx_at(c, i);
        }
    }
    return NULL;
}

/* ---- SMB 2 ---- */

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

/* NTLMSSP AUTHENTICATE: domain D, user U, host H, version 10.0. */
static void put_authenticate(struct strbuf *b)
{
    RAW(b, "NTLMSSP\0\3\0\0\0");
    put_zeros(b, 16);
    for (unsigned i = 0; i < 3; i++) {
        put_le(b, 2, 2);
        put_le(b, 2, 2);
        put_le(b, 72 + 2 * i, 4);
    }
    put_zeros(b, 8);
    put_le(b, 0x02000000, 4);
    RAW(b, "\x0a\0\x61\x4a\0\0\0\x0f");
    RAW(b, "D\0U\0H\0");
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

/* In heap blocks of exactly their size, so that an overread is seen. */
static void check_prefixes(struct talk *t)
{
    size_t size = 0;

    for (unsigned i = 0; i < t->n; i++) {
        size += t->turns[i].size;
    }
    for (size_t limit = 0; limit <= size; limit += limit < 2500 ? 1 : 37) {
        struct conversation c;
        struct strbuf out = STRBUF_EMPTY;
        start_smb(&c);
        hold(&c, t, 0, limit);
        feed_end(&c);
        write_events(&out, &c);
        strbuf_fini(&out);
        stop(&c);
    }
}

/* Each message cut short inside its record: its sizes say more than there is. */
static void check_short_messages(const struct talk *t)
{
    for (unsigned which = 0; which < t->n; which++) {
        for (size_t cut = 1; cut < t->turns[which].size - 4; cut += cut < 200 ? 1 : 101) {
            struct conversation c;
            start_smb(&c);
            for (unsigned i = 0; i <= which; i++) {
                size_t n = t->turns[i].size - (i == which ? cut : 0);
                char *copy = malloc(n);
                memcpy(copy, t->turns[i].text, n);
                copy[1] = (char) ((n - 4) >> 16);
                copy[2] = (char) ((n - 4) >> 8);
                copy[3] = (char) (n - 4);
                feed_piece(&c, t->dirs[i], copy, n, 0, false);
                free(copy);
            }
            stop(&c);
        }
    }
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

/* ---- SMB 1 ---- */

static void say1(struct talk *t, enum direction dir, struct smb1_header h, const void *body,
                 size_t size)
{
    struct strbuf b = STRBUF_EMPTY;

    h.is_response = dir == TO_CLIENT;
    put_smb1(&b, h);
    strbuf_put(&b, body, size);
    say(t, dir, &b);
}
#define SAY1(t, dir, h, body) \
    say1(t, dir, (struct smb1_header) h, body, sizeof(body) - 1)
#define H(...) { __VA_ARGS__ }

#define U(text) text            /* UTF-16, written out. */
#define CREATE_ANSWER "\x22\xff\0\0\0\0" "\1\x40" "\0\0\0\0" ZEROS "\0\0\0\0" \
    "\5\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0" "\0\0\0\0\0" "\0\0"

static void negotiate1(struct talk *t)
{
    SAY1(t, TO_SERVER, H(.command = 0x72), "\0\x0e\0\2LM1.2\0\2NT LM 0.12\0");
    SAY1(t, TO_CLIENT, H(.command = 0x72),
         "\x11\1\0\0" "0123456789abcdef" "\0\0\0\0" "\0\0\0\0\0\0\0\0" "\0\0\0"
         "\x10\0SERVERGUIDSERVER");
    SAY1(t, TO_SERVER, H(.command = 0x73, .multiplex = 1),
         "\x0c\xff\0\0\0" "\0\0\0\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0\0\0" "\0\0\0"
         U("O\0S\0\0\0L\0M\0\0\0"));
    SAY1(t, TO_CLIENT, H(.command = 0x73, .multiplex = 1, .user = 9),
         "\4\xff\0\0\0\0\0\0\0" "\0\0\0" U("A\0\0\0B\0\0\0"));
}

static void connect_tree1(struct talk *t, bool is_pipe)
{
    SAY1(t, TO_SERVER, H(.command = 0x75, .multiplex = 2, .user = 9),
         "\4\xff\0\0\0\0\0\1\0\0\0" "\0" "\\\0\\\0s\0\\\0x\0\0\0" "?????\0");
    if (is_pipe) {
        SAY1(t, TO_CLIENT, H(.command = 0x75, .multiplex = 2, .user = 9, .tree = 3),
             "\3\xff\0\0\0\1\0" "\5\0" "IPC\0\0\0");
    } else {
        SAY1(t, TO_CLIENT, H(.command = 0x75, .multiplex = 2, .user = 9, .tree = 3),
             "\3\xff\0\0\0\1\0" "\5\0" "A:\0\0\0\0");
    }
}

static void create1(struct talk *t, const char *name)
{
    struct strbuf b = STRBUF_EMPTY;
    size_t size = strlen(name) * 2 + 2;

    RAW(&b, "\x18\xff\0\0\0\0");
    put_le(&b, size, 2);
    put_zeros(&b, 28);
    put_le(&b, 1, 4);
    put_le(&b, 0, 4);
    put_zeros(&b, 5);
    put_le(&b, size + 1, 2);
    strbuf_putc(&b, '\0');
    put_utf16(&b, name);
    put_zeros(&b, 2);
    say1(t, TO_SERVER, (struct smb1_header) { .command = 0xa2, .multiplex = 3, .user = 9,
                                              .tree = 3 }, b.text, b.size);
    strbuf_fini(&b);
    SAY1(t, TO_CLIENT, H(.command = 0xa2, .multiplex = 3, .user = 9, .tree = 3),
         CREATE_ANSWER);
}

/* WRITE_ANDX of "data" with padding, behind another command of a chain. */
static struct talk make_talk1(void)
{
    struct talk t = { .n = 0 };

    negotiate1(&t);
    connect_tree1(&t, false);
    create1(&t, "\\f.txt");
    SAY1(&t, TO_SERVER, H(.command = 0x24, .multiplex = 4, .user = 9, .tree = 3),
         "\x08\x2f\0\x34\0" "\1\x40\0\0\0\0\0\0\0\0\0\0" "\0\0" "\0"
         /* At 0x34 of the message: */
         "\x0e\xff\0\0\0" "\1\x40" "\0\0\0\0" "\0\0\0\0" "\0\0\0\0" "\0\0\4\0" "\x58\0"
         "\0\0\0\0" "\x09\0" "\0\0\0\0\0data");
    SAY1(&t, TO_SERVER, H(.command = 0x04, .multiplex = 5, .user = 9, .tree = 3),
         "\3\1\x40\0\0\0\0\0\0");
    SAY1(&t, TO_CLIENT, H(.command = 0x04, .multiplex = 5, .user = 9, .tree = 3), "\0\0\0");
    return t;
}

static void smb1_is_told_as_well(void **unused)
{
    struct conversation c;
    struct strbuf out = STRBUF_EMPTY;
    struct talk t = make_talk1();

    start_smb(&c);
    hold(&c, &t, 0, SIZE_MAX);
    write_events(&out, &c);
    expect(&out, "\"dialect\":\"NT LM 0.12\",\"command\":\"SMB1_COMMAND_NEGOTIATE_PROTOCOL\"");
    expect(&out, "\"client_dialects\":[\"LM1.2\",\"NT LM 0.12\"],"
                 "\"server_guid\":\"56524553-5245-5547-4449-455352455652\"");
    expect(&out, "\"request\":{\"native_os\":\"OS\",\"native_lm\":\"LM\"},"
                 "\"response\":{\"native_os\":\"A\",\"native_lm\":\"B\"}");
    expect(&out, "\"session_id\":9,\"tree_id\":3,\"share\":\"\\\\s\\\\x\","
                 "\"service\":{\"request\":\"?????\",\"response\":\"A:\"}");
    expect(&out, "\"filename\":\"\\\\f.txt\",\"disposition\":\"FILE_OPEN\","
                 "\"access\":\"normal\"");
    expect(&out, "\"size\":5,\"fuid\":\"4001\"");
    expect(&out, "\"command\":\"SMB1_COMMAND_WRITE_ANDX\",\"session_id\":0,\"tree_id\":0,"
                 "\"filename\":\"\\\\f.txt\",\"share\":\"\\\\s\\\\x\",\"fuid\":\"4001\"");
    write_session(&out, &c);
    expect(&out, "file dir 0 size 4 state 1 gaps 0 name \\x5cf.txt sha256 "
                 "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7");
    strbuf_fini(&out);
    check_prefixes(&t);
    check_short_messages(&t);
    forget(&t);
    stop(&c);
}

/* TRANS with a PDU in it, and TRANS2 that renames. */
static void smb1_pipes_and_renames_are_told(void **unused)
{
    struct conversation c;
    struct strbuf out = STRBUF_EMPTY, b = STRBUF_EMPTY, pdu = STRBUF_EMPTY;
    struct talk t = { .n = 0 };

    start_smb(&c);
    negotiate1(&t);
    connect_tree1(&t, true);
    create1(&t, "\\svcctl");
    put_pdu(&pdu, 11, 3, 1, BIND, sizeof BIND - 1);
    RAW(&b, "\x10");
    put_zeros(&b, 18);
    put_le(&b, 0, 4);
    put_le(&b, pdu.size, 2);
    put_le(&b, 32 + 35, 2);
    RAW(&b, "\2\0\x26\0\1\x40");
    put_le(&b, pdu.size, 2);
    strbuf_put(&b, pdu.text, pdu.size);
    say1(&t, TO_SERVER, (struct smb1_header) { .command = 0x25, .multiplex = 4, .user = 9,
                                               .tree = 3 }, b.text, b.size);
    strbuf_clear(&b);
    strbuf_clear(&pdu);
    put_pdu(&pdu, 12, 3, 1, BINDACK, sizeof BINDACK - 1);
    RAW(&b, "\x0a");
    put_zeros(&b, 12);
    put_le(&b, pdu.size, 2);
    put_le(&b, 32 + 23, 2);
    put_zeros(&b, 4);
    put_le(&b, pdu.size, 2);
    strbuf_put(&b, pdu.text, pdu.size);
    say1(&t, TO_CLIENT, (struct smb1_header) { .command = 0x25, .multiplex = 4, .user = 9,
                                               .tree = 3 }, b.text, b.size);
    SAY1(&t, TO_SERVER, H(.command = 0x32, .multiplex = 5, .user = 9, .tree = 3),
         "\x0f\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
         "\x0c\0\x44\0" "\x10\0\x50\0" "\1\0\6\0" "\0\0" "\0\0\0"
         "\xf2\3\0\0\0\0o\0d\0\0\0" "\0\0\0\0\0\0\0\0\4\0\0\0n\0w\0");
    hold(&c, &t, 0, SIZE_MAX);
    write_events(&out, &c);
    expect(&out, "\"command\":\"SMB1_COMMAND_TRANS\",\"status\":\"STATUS_SUCCESS\"");
    expect(&out, "\"dcerpc\":{\"request\":\"BIND\",\"response\":\"BINDACK\"");
    expect(&out, "\"command\":\"SMB1_COMMAND_TRANS2\",\"session_id\":9,\"tree_id\":3,"
                 "\"rename\":{\"from\":\"od\",\"to\":\"nw\"},\"fuid\":\"\"");
    strbuf_fini(&out);
    strbuf_fini(&b);
    strbuf_fini(&pdu);
    check_prefixes(&t);
    check_short_messages(&t);
    forget(&t);
    stop(&c);
}

/* ---- Recognition and authentication ---- */

static void recognition_waits_for_a_message(void **unused)
{
    static const struct { const char *name; uint16_t port; struct turn turn;
                          enum app_proto proto; } rows[] = {
        { "a session request alone", 139, C("\x81\0\0\4abcd"), APP_UNKNOWN },
        { "another port", 4444, C("\0\0\0\x40\xfeSMB" ZEROS), APP_SMB },
        { "something else", 445, C("\0\0\0\x40XSMB" ZEROS), APP_FAILED },
        { "too short to tell", 445, C("\0\0\0\x40\xffSMB\x72"), APP_UNKNOWN },
        { "a session request and a message", 139,
          C("\x81\0\0\4abcd\0\0\0\x40\xffSMB\x72" ZEROS), APP_SMB },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct conversation c;
        start_smb(&c);
        c.flow.key.dport = rows[i].port;
        feed_turn(&c, &rows[i].turn, 0);
        enum app_proto found = c.flow.app_proto_side[TO_SERVER];
        if (found != rows[i].proto) {
            fail_msg("%s: %s", rows[i].name, app_proto_name(found));
        }
        stop(&c);
    }
}

/* SPNEGO with a ticket for cifs/srv of REALM. */
#define TICKET "\x61\x28\x30\x26\xa0\3\2\1\5\xa1\7\x1b\5REALM\xa2\x16\x30\x14\xa0\3\2\1\2" \
    "\xa1\x0d\x30\x0b\x1b\4" "cifs\x1b\3srv"
#define AP_REQ "\x6e\x2e\x30\x2c\xa3\x2a" TICKET
#define TOKEN "\x60\x3d\6\x09\x2a\x86\x48\x86\xf7\x12\1\2\2\1\0" AP_REQ
#define SPNEGO "\x60\x5e\6\6\x2b\6\1\5\5\2\xa0\x54\x30\x52" \
    "\xa0\x0d\x30\x0b\6\x09\x2a\x86\x48\x86\xf7\x12\1\2\2" "\xa2\x41\4\x3f" TOKEN

static void tickets_tell_realm_and_service(void **unused)
{
    static const char blob[] = SPNEGO;
    struct arena arena;

    for (size_t size = 0; size < sizeof blob; size++) {
        struct smb_auth auth = { 0 };
        uint8_t *copy = malloc(size + 1);
        memcpy(copy, blob, size);
        arena_init(&arena, 1024, 1u << 16);
        smb_auth_read(slice_of(copy, size), &arena, &auth);
        bool is_whole = size == sizeof blob - 1;
        if (auth.has_kerberos != is_whole) {
            fail_msg("%zu bytes", size);
        }
        if (is_whole) {
            assert_true(slice_is(auth.realm, "REALM"));
            assert_int_equal(auth.n_snames, 2);
            assert_true(slice_is(auth.snames[0], "cifs") && slice_is(auth.snames[1], "srv"));
        }
        arena_fini(&arena);
        free(copy);
    }
}

static void ntlmssp_in_odd_order_is_an_event(void **unused)
{
    struct strbuf b = STRBUF_EMPTY;
    struct smb_auth auth = { 0 };
    struct arena arena;

    put_authenticate(&b);
    arena_init(&arena, 1024, 1u << 16);
    smb_auth_read(slice_of(b.text, b.size), &arena, &auth);
    assert_true(auth.has_ntlmssp && !auth.is_odd_order);
    b.text[40] = 70;                            /* The user in front of the domain. */
    auth = (struct smb_auth) { 0 };
    smb_auth_read(slice_of(b.text, b.size), &arena, &auth);
    assert_true(auth.has_ntlmssp && auth.is_odd_order);
    for (size_t size = 0; size < b.size; size++) {
        uint8_t *copy = malloc(size + 1);
        memcpy(copy, b.text, size);
        auth = (struct smb_auth) { 0 };
        smb_auth_read(slice_of(copy, size), &arena, &auth);
        assert_false(auth.has_ntlmssp);
        free(copy);
    }
    arena_fini(&arena);
    strbuf_fini(&b);
}

/* Behind a tunnel: the transaction of HTTP that is still there is none of ours. */
static void what_http_left_is_left_alone(void **unused)
{
    static const struct turn ask = C("CONNECT h:445 HTTP/1.1\r\nHost: h\r\n\r\n"),
                             granted = S("HTTP/1.1 200 OK\r\n\r\n");
    struct conversation c;
    struct strbuf message = STRBUF_EMPTY, record = STRBUF_EMPTY;

    start(&c);
    feed_turn(&c, &ask, 0);
    feed_turn(&c, &granted, 0);
    const struct app_tx *http = tx_at(&c, 0);
    uint64_t events = http->events;
    put_smb2(&message, (struct smb2_header) { .command = SMB2_CREATE, .is_response = true });
    put_record(&record, &message);
    struct turn turn = { TO_SERVER, record.text, record.size, 0 };
    feed_turn(&c, &turn, 0);
    assert_int_equal(c.flow.app_proto, APP_SMB);
    assert_int_equal(http->events, events);
    assert_int_equal(c.flow.app->events, 1u << SMB_EVENT_RESPONSE_TO_SERVER);
    strbuf_fini(&message);
    strbuf_fini(&record);
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
        cmocka_unit_test(smb1_is_told_as_well),
        cmocka_unit_test(smb1_pipes_and_renames_are_told),
        cmocka_unit_test(recognition_waits_for_a_message),
        cmocka_unit_test(tickets_tell_realm_and_service),
        cmocka_unit_test(ntlmssp_in_odd_order_is_an_event),
        cmocka_unit_test(what_http_left_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
