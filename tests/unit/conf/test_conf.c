#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/conf/conf.h"

struct sample {
    bool on;
    uint64_t n, size, time;
    char *text;
    unsigned choice;
    struct conf_texts texts;
    const struct conf_node *tree;
};

#define KEY(member) offsetof(struct sample, member)
static const char *const colours[] = { "red", "green", NULL };
static const struct conf_key keys[] = {
    { "on", CONF_BOOL, KEY(on), "yes", 0, 0, "A switch", NULL },
    { "deep.n", CONF_UINT, KEY(n), "7", 1, 100, "A number", NULL },
    { "size", CONF_SIZE, KEY(size), "64kb", 0, 0, "A size", NULL },
    { "time", CONF_DURATION, KEY(time), "30s", 0, 0, "A time", NULL },
    { "text", CONF_TEXT, KEY(text), NULL, 0, 0, "A text", NULL },
    { "choice", CONF_CHOICE, KEY(choice), "green", 0, 0, "A choice", colours },
    { "texts", CONF_TEXTS, KEY(texts), "[a, b]", 0, 0, "Texts", NULL },
    { "tree", CONF_TREE, KEY(tree), NULL, 0, 0, "Anything", NULL },
};
static const struct conf_section section = { "top", keys, sizeof keys / sizeof *keys };
static const struct conf_section *const sections[] = { &section };

/* Reads 'yaml' and 'set' into 'out'; returns the number of errors and leaves the first
 * error's place and text in the last arguments. */
static size_t read_sample(const char *yaml, const char *set, struct sample *out,
                          struct diag *diag, struct conf_node **tree)
{
    memset(out, 0, sizeof *out);
    diag_init(diag);
    *tree = conf_tree_parse("x.yaml", yaml, strlen(yaml), diag);
    if (*tree == NULL) {
        *tree = conf_tree_new();
    }
    if (set != NULL) {
        conf_tree_set(*tree, set, diag);
    }
    conf_check_unknown(*tree, sections, 1, diag);
    conf_read_section(*tree, &section, out, diag);
    return diag->n_errors;
}

static void finish(struct sample *sample, struct diag *diag, struct conf_node *tree)
{
    conf_free_section(&section, sample);
    conf_tree_free(tree);
    diag_fini(diag);
}

static void absent_keys_have_their_defaults(void **state)
{
    struct sample s;
    struct diag diag;
    struct conf_node *tree;

    assert_int_equal(read_sample("", NULL, &s, &diag, &tree), 0);
    assert_true(s.on);
    assert_int_equal(s.n, 7);
    assert_int_equal(s.size, 65536);
    assert_int_equal(s.time, 30 * NS_PER_SEC);
    assert_null(s.text);
    assert_int_equal(s.choice, 1);
    assert_int_equal(s.texts.n, 2);
    assert_string_equal(s.texts.texts[1], "b");
    assert_null(s.tree);
    finish(&s, &diag, tree);
}

static void a_file_sets_every_kind(void **state)
{
    struct sample s;
    struct diag diag;
    struct conf_node *tree;
    const char *yaml = "%YAML 1.1\n---\ntop:\n  on: no\n  deep:\n    n: 42\n  size: 2 MiB\n"
                       "  time: 200ms\n  text: \"a: b\"\n  choice: red\n  texts: one\n"
                       "  tree: { any: [1, 2] }\n";

    assert_int_equal(read_sample(yaml, NULL, &s, &diag, &tree), 0);
    assert_false(s.on);
    assert_int_equal(s.n, 42);
    assert_int_equal(s.size, 2u << 20);
    assert_int_equal(s.time, 200 * NS_PER_MS);
    assert_string_equal(s.text, "a: b");
    assert_int_equal(s.choice, 0);
    assert_int_equal(s.texts.n, 1);
    assert_string_equal(s.texts.texts[0], "one");
    assert_string_equal(conf_tree_find(s.tree, "any")->children[1]->text, "2");
    finish(&s, &diag, tree);
}

static void an_override_wins_and_makes_what_is_missing(void **state)
{
    struct sample s;
    struct diag diag;
    struct conf_node *tree;

    assert_int_equal(read_sample("top: { deep: { n: 3 } }", "top.deep.n=9", &s, &diag, &tree),
                     0);
    assert_int_equal(s.n, 9);
    finish(&s, &diag, tree);
    assert_int_equal(read_sample("", "top.texts=[x, y, z]", &s, &diag, &tree), 0);
    assert_int_equal(s.texts.n, 3);
    finish(&s, &diag, tree);
    assert_int_equal(read_sample("top: 5", "top.deep.n=9", &s, &diag, &tree), 0);
    assert_int_equal(s.n, 9);
    finish(&s, &diag, tree);
}

static void each_error_has_its_place_and_a_hint(void **state)
{
    static const struct {
        const char *yaml;
        unsigned line, column;
        const char *text, *hint;
    } rows[] = {
        { "top:\n  on: perhaps\n", 2, 7, "top.on: expected yes or no, got \"perhaps\"", NULL },
        { "top:\n  deep:\n    n: 1000\n", 3, 8, "top.deep.n: expected a whole number",
          "it lies between 1 and 100" },
        { "top:\n  size: 5 parsecs\n", 2, 9, "top.size: expected a size", NULL },
        { "top:\n  size: 99999999999gb\n", 2, 9, "top.size: expected a size", NULL },
        { "top:\n  choice: blue\n", 2, 11, "top.choice", "it is one of red, green" },
        { "top:\n  chioce: red\n", 2, 11, "unknown key \"top.chioce\"",
          "did you mean \"top.choice\"?" },
        { "top:\n  texts: { a: b }\n", 2, 10, "top.texts: expected", NULL },
        { "top:\n  on: yes\n  on: no\n", 3, 3, "the key \"on\" stands here twice", NULL },
        { "top:\n\t- x\n", 2, 1, "no YAML", NULL },
        { "top: [1, 2\n", 2, 1, "no YAML", NULL },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sample s;
        struct diag diag;
        struct conf_node *tree;
        assert_true(read_sample(rows[i].yaml, NULL, &s, &diag, &tree) >= 1);
        const struct diag_message *m = &diag.messages[0];
        assert_string_equal(m->file, "x.yaml");
        assert_int_equal(m->line, rows[i].line);
        assert_int_equal(m->column, rows[i].column);
        assert_non_null(strstr(m->text, rows[i].text));
        if (rows[i].hint != NULL) {
            assert_string_equal(m->hint, rows[i].hint);
        }
        finish(&s, &diag, tree);
    }
}

static void every_error_of_a_file_is_reported(void **state)
{
    struct sample s;
    struct diag diag;
    struct conf_node *tree;

    assert_int_equal(
        read_sample("top: { on: 5, size: x, tiem: 3 }\nnope: 1\n", NULL, &s, &diag, &tree), 4);
    finish(&s, &diag, tree);
}

static void anchors_and_merges_work_and_cannot_explode(void **state)
{
    struct sample s;
    struct diag diag;
    struct conf_node *tree;

    assert_int_equal(read_sample("top:\n  deep: &a\n    n: 5\n  tree:\n    <<: *a\n    m: 1\n",
                                 NULL, &s, &diag, &tree),
                     0);
    assert_string_equal(conf_tree_find(s.tree, "n")->text, "5");
    finish(&s, &diag, tree);

    /* Ten levels of ten: 10^10 nodes if it were built. */
    char bomb[1024] = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
    for (int i = 1; i < 10; i++) {
        char line[96];
        snprintf(line, sizeof line, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i,
                 i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
        strncat(bomb, line, sizeof bomb - strlen(bomb) - 1);
    }
    diag_init(&diag);
    assert_null(conf_tree_parse("bomb", bomb, strlen(bomb), &diag));
    assert_true(diag.n_errors >= 1);
    diag_fini(&diag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_keys_have_their_defaults),
        cmocka_unit_test(a_file_sets_every_kind),
        cmocka_unit_test(an_override_wins_and_makes_what_is_missing),
        cmocka_unit_test(each_error_has_its_place_and_a_hint),
        cmocka_unit_test(every_error_of_a_file_is_reported),
        cmocka_unit_test(anchors_and_merges_work_and_cannot_explode),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
