/* What civicshield-rules prints and returns. */
#include "tests/unit/rules/rules_test.h"

#include <stdio.h>
#include <unistd.h>

#include "common/wire/json.h"
#include "rules/tool/tool.h"

/* Runs "check --json" on a file of these rules; the caller frees what it printed. */
static char *check_rules(const char *rules, int *status)
{
    char path[] = "/tmp/civicshield-tool-XXXXXX";
    int fd = mkstemp(path), out = dup(STDOUT_FILENO);
    FILE *printed = tmpfile();
    const char *files[] = { path };
    struct tool_options options = { .files = files, .n_files = 1, .json = true };
    char *text = calloc(1, 4096);

    assert_true(fd >= 0 && out >= 0 && printed != NULL && text != NULL);
    assert_int_equal(write(fd, rules, strlen(rules)), strlen(rules));
    close(fd);
    rules_conf_init(&options.conf);
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
        char *text = check_rules(cases[i].rules, &status);

        assert_int_equal(status, cases[i].status);
        if (!json_is_valid(slice_of(text, strcspn(text, "\n")))
            || strstr(text, cases[i].part) == NULL) {
            fail_msg("case %zu: %s", i, text);
        }
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_check_prints_is_json_whatever_the_rules_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
