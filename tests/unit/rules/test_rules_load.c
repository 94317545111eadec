/* A whole load: order, duplicates, requires, the files beside the rules, configuration. */
#include "tests/unit/rules/rules_test.h"

#include <unistd.h>

#include "common/conf/conf.h"

static void rules_are_ordered_by_action_then_bits_then_priority(void **state)
{
    struct loaded l = load_text(
        "alert tcp any any -> any any (flowbits:isset,b; sid:1;)\n"
        "alert tcp any any -> any any (flowbits:isset,a; flowbits:set,b; sid:2;)\n"
        "alert tcp any any -> any any (flowbits:isset,c; flowbits:set,a; sid:3;)\n"
        "alert tcp any any -> any any (flowbits:set,c; sid:4;)\n"
        "alert tcp any any -> any any (priority:2; sid:5;)\n"
        "alert tcp any any -> any any (priority:1; sid:6;)\n"
        "reject tcp any any -> any any (sid:7;)\n"
        "drop tcp any any -> any any (sid:8;)\n"
        "pass tcp any any -> any any (sid:9;)\n");
    static const uint32_t wanted[] = { 9, 8, 7, 4, 3, 2, 1, 6, 5 };

    assert_int_equal(l.set->n_rules, 9);
    for (size_t i = 0; i < 9; i++) {
        assert_int_equal(l.set->rules[i]->sid, wanted[i]);
        assert_int_equal(l.set->rules[i]->index, i);
    }
    unload(&l);
}

static void bits_that_wait_for_each_other_do_not_hang_the_order(void **state)
{
    struct loaded l = load_text(
        "alert tcp any any -> any any (flowbits:isset,b; flowbits:set,a; sid:1;)\n"
        "alert tcp any any -> any any (flowbits:isset,a; flowbits:set,b; sid:2;)\n");

    assert_int_equal(l.set->n_rules, 2);
    unload(&l);
}

static void a_newer_revision_replaces_and_an_older_is_refused(void **state)
{
    struct loaded l = load_text("alert tcp any any -> any any (sid:1; rev:2;)\n"
                                "alert tcp any any -> any any (sid:1; rev:3; msg:\"new\";)\n"
                                "alert tcp any any -> any any (sid:1; rev:3;)\n"
                                "alert tcp any any -> any any (sid:1; gid:2;)\n");

    assert_int_equal(l.set->n_rules, 2);
    assert_int_equal(l.set->n_refused, 1);
    assert_int_equal(l.set->n_duplicate, 2);
    assert_string_equal(l.set->rules[0]->msg, "new");
    unload(&l);
}

static void rules_that_require_what_is_missing_are_skipped(void **state)
{
    static const struct { const char *requires; unsigned loaded, skipped, refused; } table[] = {
        { "version >= 7.0.3", 1, 0, 0 }, { "version >= 99", 0, 1, 0 },
        { "version >= 7 < 8", 0, 1, 0 }, { "version >= 7 < 8 | >= 8.0.1", 1, 0, 0 },
        { "keyword xbits", 1, 0, 0 }, { "keyword nonsense", 0, 1, 0 },
        { "feature nonsense", 0, 1, 0 }, { "version >= 8, keyword sid", 1, 0, 0 },
        { "version >=", 0, 0, 1 }, { "version 8", 0, 0, 1 }, { "weather fine", 0, 1, 0 },
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct strbuf text = STRBUF_EMPTY;
        strbuf_printf(&text, "alert tcp any any -> any any (requires: %s; sid:1;)",
                      table[i].requires);
        struct loaded l = load_text(strbuf_cstr(&text));
        assert_int_equal(l.set->n_rules, table[i].loaded);
        assert_int_equal(l.set->n_skipped, table[i].skipped);
        assert_int_equal(l.set->n_refused, table[i].refused);
        unload(&l);
        strbuf_fini(&text);
    }
    struct loaded l = load_text("alert odd any any => any any (foo; requires: version >= 99;)");
    assert_int_equal(l.diag.n, 0);
    unload(&l);
}

/* Writes a file of its own for one test; the caller unlinks and frees the path. */
static char *write_file(const char *text)
{
    char *path = strdup("/tmp/civicshield-rules-XXXXXX");
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return path;
}

static void drop_file(char *path)
{
    unlink(path);
    free(path);
}

static void threshold_config_adds_filters_to_rules(void **state)
{
    char *rules = write_file("alert tcp any any -> any any (sid:1; threshold:type limit, "
                             "track by_src, count 9, seconds 9;)\n"
                             "alert tcp any any -> any any (sid:2;)\n");
    char *thresholds = write_file(
        "# comment\nsuppress gen_id 1, sig_id 2\n"
        "suppress gen_id 1, sig_id 2, track by_src, ip [10.0.0.0/8, $HOME_NET]\n"
        "threshold gen_id 1, sig_id 1, type both, track by_dst, \\\n count 2, seconds 3\n"
        "rate_filter gen_id 1, sig_id 1, track by_rule, count 5, seconds 6, "
        "new_action drop, timeout 7\n"
        "event_filter gen_id 0, sig_id 0, type limit, track by_src, count 1, seconds 1\n"
        "suppress gen_id 1, sig_id 77\nsuppress sig_id\n");
    struct rules_conf conf;
    struct diag diag;
    const char *const files[] = { rules };

    rules_conf_init(&conf);
    conf.threshold = strdup(thresholds);
    diag_init(&diag);
    struct ruleset *set = ruleset_load(&conf, files, 1, &diag);
    assert_int_equal(set->n_rules, 2);
    const struct rule *one = set->rules[0], *two = set->rules[1];
    assert_int_equal(one->n_filters, 2);        /* Its own was replaced, the general not. */
    assert_int_equal(one->filters[0].kind, FILTER_BOTH);
    assert_int_equal(one->filters[0].seconds, 3);
    assert_int_equal(one->filters[1].kind, FILTER_RATE);
    assert_int_equal(one->filters[1].new_action, RULE_DROP);
    assert_int_equal(two->n_filters, 3);
    assert_int_equal(two->filters[0].kind, FILTER_SUPPRESS);
    assert_null(two->filters[0].addresses);
    assert_non_null(two->filters[1].addresses);
    assert_int_equal(two->filters[2].kind, FILTER_LIMIT);
    assert_int_equal(diag.n_errors, 1);
    assert_int_equal(diag.messages[1].line, 9);
    assert_int_equal(diag.n_warnings, 1);       /* There is no rule 77. */
    ruleset_free(set);
    diag_fini(&diag);
    rules_conf_fini(&conf);
    drop_file(rules);
    drop_file(thresholds);
}

static void classes_and_references_come_from_their_files(void **state)
{
    char *classes = write_file("config classification: mine,My own class,5\nnonsense\n");
    char *references = write_file("config reference: mine https://example.org/?q=\n");
    struct rules_conf conf;
    struct diag diag;
    static const char text[] = "alert tcp any any -> any any (classtype:mine; "
                               "reference:mine,7; sid:1;)\n"
                               "alert tcp any any -> any any (priority:1; "
                               "classtype:trojan-activity; priority:4; sid:2;)\n";

    rules_conf_init(&conf);
    conf.classification = strdup(classes);
    conf.reference = strdup(references);
    diag_init(&diag);
    struct ruleset *set = ruleset_parse(&conf, "t", text, strlen(text), &diag);
    assert_int_equal(diag.n_errors, 2);         /* The nonsense; priority twice. */
    assert_int_equal(set->n_rules, 1);
    assert_string_equal(set->rules[0]->category, "My own class");
    assert_int_equal(set->rules[0]->priority, 5);
    assert_string_equal(set->rules[0]->references_json, "[\"https://example.org/?q=7\"]");
    ruleset_free(set);
    diag_fini(&diag);
    rules_conf_fini(&conf);
    drop_file(classes);
    drop_file(references);
}

/* A folder can be opened, but not read: what stands in such files must not be missed silently. */
static void files_that_cannot_be_read_are_told(void **state)
{
    static const char text[] = "alert tcp any any -> any any (sid:1;)\n";
    struct rules_conf conf;
    struct diag diag;

    rules_conf_init(&conf);
    conf.classification = strdup(".");
    conf.reference = strdup(".");
    conf.threshold = strdup(".");
    diag_init(&diag);
    struct ruleset *set = ruleset_parse(&conf, "t", text, strlen(text), &diag);
    assert_int_equal(diag.n_errors, 3);
    assert_int_equal(set->n_rules, 1);
    ruleset_free(set);
    diag_fini(&diag);
    rules_conf_fini(&conf);
}

static void variables_come_from_the_configuration(void **state)
{
    static const char yaml[] = "vars:\n  address-groups:\n    HOME_NET: \"[1.2.3.0/24]\"\n"
                               "    MINE: [1.1.1.1, 2.2.2.2]\n  port-groups:\n"
                               "    WEB: \"8080\"\n";
    static const char text[] = "alert tcp $HOME_NET $WEB -> $MINE any (sid:1;)";
    struct rules_conf conf;
    struct diag diag;
    struct ip_addr a;

    diag_init(&diag);
    rules_conf_init(&conf);
    struct conf_node *tree = conf_tree_parse("t.yaml", yaml, strlen(yaml), &diag);
    assert_true(rules_conf_read(&conf, tree, &diag));
    struct ruleset *set = ruleset_parse(&conf, "t", text, strlen(text), &diag);
    assert_int_equal(set->n_rules, 1);
    assert_true(ip_parse("1.2.3.9", 7, &a));
    assert_true(address_set_has(set->rules[0]->src, &a));
    assert_true(ip_parse("2.2.2.2", 7, &a));
    assert_true(address_set_has(set->rules[0]->dst, &a));
    assert_true(port_set_has(set->rules[0]->sports, 8080));
    ruleset_free(set);
    conf_tree_free(tree);
    rules_conf_fini(&conf);
    diag_fini(&diag);
}

static void datasets_are_checked_and_stay_below_the_rule_file(void **state)
{
    char *good = write_file("Z29vZ2xlLmNvbQ==\n\n");
    char *bad = write_file("Z29v!\n");
    const char *const names[] = { strrchr(good, '/') + 1, strrchr(bad, '/') + 1,
                                  "../x", "/etc/passwd", "missing", "." };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct strbuf text = STRBUF_EMPTY;
        strbuf_printf(&text, "alert dns any any -> any any (dns.query; "
                      "dataset:isset,d,type string,load %s; sid:1;)", names[i]);
        char *rules = write_file(strbuf_cstr(&text));
        const char *const files[] = { rules };
        struct rules_conf conf;
        struct diag diag;
        rules_conf_init(&conf);
        diag_init(&diag);
        struct ruleset *set = ruleset_load(&conf, files, 1, &diag);
        assert_int_equal(set->n_rules, i == 0);
        assert_int_equal(diag.n_errors, i != 0);
        if (i == 0) {
            assert_string_equal(set->datasets[0].load, good);
        }
        ruleset_free(set);
        diag_fini(&diag);
        rules_conf_fini(&conf);
        drop_file(rules);
        strbuf_fini(&text);
    }
    drop_file(good);
    drop_file(bad);
}

static void a_missing_rule_file_is_an_error(void **state)
{
    static const char *const files[] = { "/nonexistent/x.rules" };
    struct rules_conf conf;
    struct diag diag;

    rules_conf_init(&conf);
    diag_init(&diag);
    struct ruleset *set = ruleset_load(&conf, files, 1, &diag);
    assert_int_equal(set->n_refused, 1);
    assert_int_equal(diag.n_errors, 1);
    ruleset_free(set);
    diag_fini(&diag);
    rules_conf_fini(&conf);
}

static void the_hash_is_of_rules_and_variables(void **state)
{
    struct loaded a = load_text("alert tcp any any -> any any (sid:1;)");
    struct loaded b = load_text("alert tcp any any -> any any (sid:1;)");
    struct loaded c = load_text("alert tcp any any -> any any (sid:2;)");

    assert_int_equal(a.set->hash, b.set->hash);
    assert_true(a.set->hash != c.set->hash);
    ruleset_free(b.set);
    rules_conf_set_port(&b.conf, "HTTP_PORTS", "81");
    b.set = ruleset_parse(&b.conf, "t", "alert tcp any any -> any any (sid:1;)", 37, &b.diag);
    assert_true(a.set->hash != b.set->hash);
    unload(&a);
    unload(&b);
    unload(&c);
}

static void the_rules_that_ship_load(void **state)
{
    static const char *const names[] = { "dns.rules", "hosts.rules", "tls.rules", "web.rules" };
    const char *root = getenv("SOURCE_ROOT");

    for (size_t i = 0; root != NULL && i < 4; i++) {
        struct strbuf path = STRBUF_EMPTY;
        struct rules_conf conf;
        struct diag diag;
        strbuf_printf(&path, "%s/rules/sets/%s", root, names[i]);
        const char *const files[] = { strbuf_cstr(&path) };
        rules_conf_init(&conf);
        diag_init(&diag);
        struct ruleset *set = ruleset_load(&conf, files, 1, &diag);
        diag_print(&diag, stderr);
        assert_int_equal(diag.n_errors, 0);
        assert_true(set->n_rules > 0);
        ruleset_free(set);
        diag_fini(&diag);
        rules_conf_fini(&conf);
        strbuf_fini(&path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_ordered_by_action_then_bits_then_priority),
        cmocka_unit_test(bits_that_wait_for_each_other_do_not_hang_the_order),
        cmocka_unit_test(a_newer_revision_replaces_and_an_older_is_refused),
        cmocka_unit_test(rules_that_require_what_is_missing_are_skipped),
        cmocka_unit_test(threshold_config_adds_filters_to_rules),
        cmocka_unit_test(classes_and_references_come_from_their_files),
        cmocka_unit_test(files_that_cannot_be_read_are_told),
        cmocka_unit_test(variables_come_from_the_configuration),
        cmocka_unit_test(datasets_are_checked_and_stay_below_the_rule_file),
        cmocka_unit_test(a_missing_rule_file_is_an_error),
        cmocka_unit_test(the_hash_is_of_rules_and_variables),
        cmocka_unit_test(the_rules_that_ship_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
