/* What civicshield-rules prints and returns. */
#include "tests/unit/rules/rules_test.h"

#include <stdio.h>
#include <unistd.h>

#include "common/wire/json.h"
#include "rules/tool/tool.h"

static void read_detect_conf(struct detect_conf *out)
{
    struct conf_node *empty = conf_tree_new();
    struct diag diag;

    diag_init(&diag);
    assert_true(conf_read_section(empty, &detect_conf_section, out, &diag));
    conf_tree_free(empty);
    diag_fini(&diag);
}

/* Runs "check" on a file of these rules; the caller frees what it printed. */
static char *check_rules(const char *rules, bool json, int *status)
{
    char path[] = "/tmp/civicshield-tool-XXXXXX";
    int fd = mkstemp(path), out = dup(STDOUT_FILENO);
    FILE *printed = tmpfile();
    const char *files[] = { path };
    struct tool_options options = { .files = files, .n_files = 1, .json = json };
    char *text = calloc(1, 4096);

    assert_true(fd >= 0 && out >= 0 && printed != NULL && text != NULL);
    assert_int_equal(write(fd, rules, strlen(rules)), strlen(rules));
    close(fd);
    rules_conf_init(&options.conf);
    read_detect_conf(&options.detect);
    fflush(stdout);
    dup2(fileno(printed), STDOUT_FILENO);
    *status = tool_check(&options);
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    close(out);
    rewind(printed);
    assert_true(fread(text, 1, 4095, printed) > 0);
    fclose(printed);
    unlink(path);
    rules_conf_fini(&options.conf);
    conf_free_section(&detect_conf_section, &options.detect);
    return text;
}

static void what_check_prints_is_json_whatever_the_rules_are(void **state)
{
    static const struct { const char *rules; int status; const char *part; } cases[] = {
        { "alert tcp any any -> any any (msg:\"x\"; ttl:1; rev:1; sid:1;)\n", 0,
          "\"messages\":[]" },
        { "alert tcp any any -> any any (f\xf6o:1; sid:1;)\n", 2, "f\\\\xf6o" },
        { "alert tcp any any -> any any (f\xc3\xb6o:1; sid:1;)\n", 2, "f\xc3\xb6o" },
        { "alert tcp any any -> any any (\x01\"\\; sid:1;)\n", 2, "\"refused\":1" },
    };

    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status;
        char *text = check_rules(cases[i].rules, true, &status);

        assert_int_equal(status, cases[i].status);
        if (!json_is_valid(slice_of(text, strcspn(text, "\n")))
            || strstr(text, cases[i].part) == NULL) {
            fail_msg("case %zu: %s", i, text);
        }
        free(text);
    }
}

/* Rules of one file, and what is told of them, in order. */
struct checked {
    const char *rules;
    int status;
    const char *messages[8];
};

static void every_error_and_warning_has_its_place_and_a_remedy(void **state)
{
    static const struct checked cases[] = {
        { "alert tcp any any -> any any (msg:\"good\"; content:\"abcd\"; sid:1; rev:1;)\n", 0,
          { "1 loaded, 0 refused, 0 skipped, 0 disabled; 0 errors, 0 warnings" } },
        /* Several errors of one rule, and of its header. */
        { "alrt tpc any any -> any any (http.hos; content:\"x\"; contnt:\"y\"; sid:2;)\n", 2,
          { ":1:1: error: unknown action \"alrt\"",
            ":1:6: error: unknown protocol \"tpc\"; did you mean \"tcp\"?",
            ":1:30: error: unknown keyword \"http.hos\"; did you mean \"http.host\"?",
            ":1:53: error: unknown keyword \"contnt\"; did you mean \"content\"?",
            "0 loaded, 1 refused" } },
        /* The good ones load beside the wrong ones; lines that go on keep their places. */
        { "# a comment\nalert tcp any any -> any any (msg:\"a\"; content:\"abcd\"; \\\n"
          "   distanc:5; sid:4;)\n"
          "alert tcp any any -> any any (msg:\"b\"; content:\"abcd\"; sid:5; rev:1;)\n"
          "alert tcp any any -> any any (msg:\"c\"; content:\"efgh\"; sid:5; rev:1;)\n", 2,
          { ":3:4: error: unknown keyword \"distanc\"; did you mean \"distance\"?",
            "error: sid 5 is used already, at ", "1 loaded, 2 refused" } },
        { "alert tcp any any -> any any (content:\"abc\" sid:6;)\n"
          "alert tcp any any -> any any (msg:\"x; content:\"abc\"; sid:7;)\n"
          "alert tcp any any -> any any (content:\"abcd\"; contnt:\"x\"; sid:8;\n"
          "alert tcp any any -> any any (content:\"abcd\";)\n", 2,
          { "error: something stands behind the closing quote; a ';' ends each option",
            "error: a quote is not closed", "error: unknown keyword \"contnt\"",
            "error: no ')' at the end of the rule", ":4:1: error: a rule without sid" } },
        /* What loads and is not well. */
        { "alert tcp any any -> any any (msg:\"a\"; flowbits:isset,x.y; content:\"abcd\"; "
          "sid:12; rev:1;)\n"
          "alert tcp any any -> any any (msg:\"b\"; pcre:\"/a.*b/\"; sid:13; rev:1;)\n"
          "alert tcp any any -> any any (msg:\"d\"; dsize:>100; content:\"abcd\"; dsize:<50; "
          "sid:15; rev:1;)\n"
          "alert http any any -> any any (msg:\"e\"; http.uri; pcre:\"/a/\"; sid:16; rev:1;)\n"
          "alert udp any any -> any any (msg:\"f\"; tcp.flags:S; content:\"abcd\"; sid:17; "
          "rev:1;)\n"
          "alert telnet any any -> any any (msg:\"g\"; frame:pdu; content:\"abcd\"; sid:18; "
          "rev:1;)\n",
          0,
          { ":1:40: warning: sid 12: flowbit \"x.y\" is checked and never set",
            "warning: sid 13: no content by which it can be found",
            ":3:68: warning: sid 15: it can never match: its tests of dsize exclude",
            ":4:51: warning: sid 16: no content by which it can be found: it is run on each "
            "transaction of http", ":5:40: warning: sid 17: it can never match: this is of TCP",
            ":6:54: warning: sid 18: it can never match: telnet has no parser yet",
            "6 loaded, 0 refused" } },
    };

    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status;
        char *text = check_rules(cases[i].rules, false, &status), *at = text;

        assert_int_equal(status, cases[i].status);
        for (size_t k = 0; k < 8 && cases[i].messages[k] != NULL; k++) {
            at = strstr(at, cases[i].messages[k]);
            if (at == NULL) {
                fail_msg("case %zu: \"%s\" is not there, or not in its place:\n%s", i,
                         cases[i].messages[k], text);
            }
        }
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_check_prints_is_json_whatever_the_rules_are),
        cmocka_unit_test(every_error_and_warning_has_its_place_and_a_remedy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
