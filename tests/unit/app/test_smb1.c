/* SMB 1: commands, pipes and renames in, transactions and their EVE form out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "smb_talk.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smb1_is_told_as_well),
        cmocka_unit_test(smb1_pipes_and_renames_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
