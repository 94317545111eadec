/* What lists and databases say of addresses, and the rules that ask: iprep, geoip. */
#include "detect_world.h"

#include <unistd.h>

#include "geo_file.h"
#include "sensor/detect/geo.h"
#include "sensor/detect/reputation.h"

struct files {
    char folder[64], path[3][128];
};

static void put_file(struct files *f, unsigned n, const char *name, const char *text)
{
    char folder[sizeof f->folder];
    memcpy(folder, f->folder, sizeof folder);
    snprintf(f->path[n], sizeof f->path[n], "%s/%s", folder, name);
    FILE *out = fopen(f->path[n], "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static void files_open(struct files *f, const char *categories, const char *list)
{
    memset(f, 0, sizeof *f);
    snprintf(f->folder, sizeof f->folder, "/tmp/address-data-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    if (categories != NULL) {
        put_file(f, 0, "categories", categories);
        put_file(f, 1, "list", list);
    }
}

static void files_close(struct files *f)
{
    for (unsigned i = 0; i < 3; i++) {
        if (f->path[i][0] != '\0') {
            unlink(f->path[i]);
        }
    }
    rmdir(f->folder);
}

static struct reputation *load(const struct files *f, struct diag *diag)
{
    static char text[] = "list", *name = text;
    struct conf_texts lists = { 1, &name };

    diag_init(diag);
    return reputation_load(f->path[0], f->folder, &lists, diag);
}

static int value_of(const struct reputation *r, const char *text, unsigned category)
{
    struct ip_addr a;
    uint8_t value;

    assert_true(ip_parse(text, strlen(text), &a));
    return reputation_find(r, &a, category, &value) ? value : -1;
}

static void the_longest_prefix_that_has_the_category_holds(void **state)
{
    static const struct { const char *address; unsigned category; int value; } rows[] = {
        { "10.0.0.1", 1, 10 },      { "10.0.0.2", 1, 0 },      { "10.0.0.3", 1, -1 },
        { "10.0.0.3", 2, 50 },      { "10.1.4.1", 1, 20 },     { "10.1.5.1", 1, 30 },
        { "10.1.5.5", 1, 30 },      { "10.1.5.5", 2, 60 },     { "10.1.4.5", 2, 40 },
        { "10.0.0.9", 1, 5 },       { "2001:db8::1", 1, 7 },   { "2001:db9::1", 1, -1 },
        { "2001:db8::2", 59, 127 }, { "10.0.0.1", 59, -1 },    { "10.0.0.7", 1, 8 },
    };
    struct files f;
    struct diag diag;

    files_open(&f, "1,test,Testing\n2,other,Other things, of all kinds\n59,last,Last\n",
               "10.0.0.1,1,10\n10.0.0.2,1,0\n10.0.0.3,2,50\n10.1.5.0/24,1,30\n"
               "10.1.0.0/16,1,20\n10.1.0.0/16,2,40\n10.1.5.5,2,60\n10.0.0.9,1,127\r\n"
               "# 10.0.0.4,1,1\n\n10.0.0.9,1,5\n2001:db8::/32,1,7\n2001:db8::2,59,127\n"
               " 10.0.0.7 , 1 , 8 \n");
    struct reputation *r = load(&f, &diag);
    assert_int_equal(diag.n, 0);
    assert_int_equal(reputation_category(r, "test"), 1);
    assert_int_equal(reputation_category(r, "last"), 59);
    assert_int_equal(reputation_category(r, "Other"), -1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (value_of(r, rows[i].address, rows[i].category) != rows[i].value) {
            fail_msg("%s in %u", rows[i].address, rows[i].category);
        }
    }
    reputation_destroy(r);
    diag_fini(&diag);
    files_close(&f);
}

static void a_wrong_line_is_told_and_left_out(void **state)
{
    static const char *const lines[] = {
        "10.0.0.1,1,128", "10.0.0.1,60,1", "10.0.0.1,1", "10.0.0.1", "nothing",
        "10.0.0.300,1,1", "10.0.0.0/33,1,1", "10.0.0.1/x,1,1", "10.0.0.1,1,-1",
        "10.0.0.1,x,1", "2001:db8::/129,1,1", ",1,1",
    };

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct files f;
        struct diag diag;
        files_open(&f, "x,test,Testing\n,a,b\n60,sixty,S\n1,good,G\n", lines[i]);
        struct reputation *r = load(&f, &diag);
        if (diag.n_warnings != 4 || diag.n_errors != 0 || reputation_size(r) != 0
            || reputation_category(r, "good") != 1) {
            fail_msg("%s: %zu warnings", lines[i], diag.n_warnings);
        }
        reputation_destroy(r);
        diag_fini(&diag);
        files_close(&f);
    }
}

static void a_file_of_another_kind_makes_few_warnings(void **state)
{
    struct files f;
    struct diag diag;
    struct strbuf text = STRBUF_EMPTY;

    for (unsigned i = 0; i < 1000; i++) {
        strbuf_puts(&text, "<html>\n");
    }
    files_open(&f, "1,test,Testing\n", strbuf_cstr(&text));
    struct reputation *r = load(&f, &diag);
    assert_int_equal(diag.n_warnings, 11);
    reputation_destroy(r);
    diag_fini(&diag);
    files_close(&f);
    strbuf_fini(&text);
}

/* A folder can be opened, but not read. */
static void what_cannot_be_read_is_told(void **state)
{
    static const struct conf_texts none = { 0, NULL };
    struct diag diag;
    struct files f;

    files_open(&f, NULL, NULL);
    diag_init(&diag);
    struct reputation *r = reputation_load(f.folder, NULL, &none, &diag);
    assert_int_equal(diag.n_errors, 1);
    reputation_destroy(r);
    diag_fini(&diag);
    files_close(&f);
}

static void many_entries_are_found_again(void **state)
{
    struct files f;
    struct diag diag;
    struct strbuf text = STRBUF_EMPTY;
    char address[32];

    for (unsigned i = 0; i < 20000; i++) {
        strbuf_printf(&text, "10.%u.%u.%u,%u,%u\n", i >> 16, i >> 8 & 255, i & 255, 1 + i % 3,
                      i % 100);
    }
    files_open(&f, "1,test,Testing\n", strbuf_cstr(&text));
    struct reputation *r = load(&f, &diag);
    assert_int_equal(reputation_size(r), 20000);
    for (unsigned i = 0; i < 20000; i++) {
        snprintf(address, sizeof address, "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
        assert_int_equal(value_of(r, address, 1 + i % 3), i % 100);
        assert_int_equal(value_of(r, address, 1 + (i + 1) % 3), -1);
    }
    reputation_destroy(r);
    diag_fini(&diag);
    files_close(&f);
    strbuf_fini(&text);
}

/* The client of the tests is 192.168.1.2, the server 93.184.216.34. */
static void rules_ask_for_reputation(void **state)
{
    static char text[] = "list", *name = text;
    struct files f;

    files_open(&f, "1,test,Testing\n2,none,Nothing\n",
               "192.168.1.0/24,1,10\n93.184.216.34,1,0\n");
    struct detect_conf data = { .reputation_categories = f.path[0],
                                .reputation_path = f.folder,
                                .reputation_files = { 1, &name } };
    struct world *w = world_new_data(
        "alert udp any any -> any any (iprep:src,test,>,9; content:\"x\"; sid:1;)\n"
        "alert udp any any -> any any (iprep:dst,test,=,0; content:\"x\"; sid:2;)\n"
        "alert udp any any -> any any (iprep:any,test,<=,0; content:\"x\"; sid:3;)\n"
        "alert udp any any -> any any (iprep:both,test,<=,0; content:\"x\"; sid:4;)\n"
        "alert udp any any -> any any (iprep:both,test,isset; content:\"x\"; sid:5;)\n"
        "alert udp any any -> any any (iprep:any,none,isset; content:\"x\"; sid:6;)\n"
        "alert udp any any -> any any (iprep:src,none,isnotset; content:\"x\"; sid:7;)\n"
        "alert udp any any -> any any (iprep:src,none,!=,5; content:\"x\"; sid:8;)\n"
        "alert ip any any -> any any (iprep:src,test,=,10; sid:9;)\n", &data);

    world_flow(w, IP_PROTO_UDP, 7777);
    assert_string_equal(world_udp(w, TO_SERVER, "x"), "1 2 3 5 7 9");
    assert_string_equal(world_udp(w, TO_CLIENT, "x"), "3 5 7");
    /* What is about addresses alone is said once in each direction of a flow. */
    assert_string_equal(world_udp(w, TO_SERVER, "x"), "1 2 3 5 7");
    world_free(w);
    files_close(&f);
}

static void rules_ask_for_countries(void **state)
{
    static const struct geo_row rows[] = {
        { "192.168.1.0", 24, "US" }, { "93.184.216.34", 32, "DE" }, { "10.0.0.0", 8, "ABC" },
        { "2001:db8::", 32, "FR" },
    };
    static const struct { const char *address; unsigned code; } known[] = {
        { "192.168.1.77", 'U' << 8 | 'S' }, { "93.184.216.34", 'D' << 8 | 'E' },
        { "93.184.216.35", 0 }, { "10.1.2.3", 0 }, { "2001:db8::9", 'F' << 8 | 'R' },
        { "2001:db9::9", 0 },
    };
    struct files f;
    struct diag diag;

    files_open(&f, NULL, NULL);
    put_file(&f, 2, "geo.mmdb", "");
    geo_write(f.path[2], rows, sizeof rows / sizeof *rows);
    diag_init(&diag);
    struct geo *g = geo_open(f.path[2], &diag);
    assert_non_null(g);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct ip_addr a;
        assert_true(ip_parse(known[i].address, strlen(known[i].address), &a));
        assert_int_equal(geo_country(g, &a), known[i].code);
    }
    geo_close(g);
    struct detect_conf data = { .geoip_database = f.path[2] };
    struct world *w = world_new_data(
        "alert udp any any -> any any (geoip:src,US; sid:1;)\n"
        "alert udp any any -> any any (geoip:dst,US,DE; sid:2;)\n"
        "alert udp any any -> any any (geoip:FR,DE; sid:3;)\n"
        "alert udp any any -> any any (geoip:both,US; sid:4;)\n"
        "alert udp any any -> any any (geoip:both,US,DE; sid:5;)\n"
        "alert udp any any -> any any (geoip:src,!US; sid:6;)\n"
        "alert udp any any -> any any (geoip:any,!US,FR; sid:7;)\n"
        "alert udp any any -> any any (geoip:both, !FR, !GB; sid:8;)\n", &data);
    world_flow(w, IP_PROTO_UDP, 7777);
    assert_string_equal(world_udp(w, TO_SERVER, "x"), "1 2 3 5 7 8");
    assert_string_equal(world_udp(w, TO_CLIENT, "x"), "2 3 5 6 7 8");
    /* Of an unknown country nothing holds, not even that it is another one. */
    memset(w->flow.key.src.bytes, 5, 4);
    assert_string_equal(world_udp(w, TO_SERVER, "x"), "2 3 7");
    world_free(w);
    files_close(&f);
    diag_fini(&diag);
}

static void what_is_no_database_is_told(void **state)
{
    struct files f;
    struct diag diag;

    files_open(&f, "no", "no");
    diag_init(&diag);
    assert_null(geo_open(f.path[0], &diag));
    assert_null(geo_open("/nonexistent.mmdb", &diag));
    assert_int_equal(diag.n_errors, 2);
    diag_fini(&diag);
    files_close(&f);
}

static void a_rule_without_its_data_is_left_out_with_a_reason(void **state)
{
    static const struct { const char *rule, *reason; } rows[] = {
        { "alert ip any any -> any any (iprep:src,test,>,9; sid:1;)",
          "rule 1 is left out: no reputation data is configured (reputation-categories-file, "
          "reputation-files)" },
        { "alert ip any any -> any any (geoip:US; sid:2;)",
          "rule 2 is left out: no geographic data is configured (geoip-database)" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world w = { 0 };
        struct diag diag;
        diag_init(&diag);
        rules_conf_init(&w.rules_conf);
        world_conf(&detect_conf_section, &w.conf);
        w.set = ruleset_parse(&w.rules_conf, "t.rules", rows[i].rule, strlen(rows[i].rule),
                              &diag);
        assert_int_equal(diag.n, 0);
        w.engine = detect_engine_create(w.set, &w.conf, &diag);
        assert_int_equal(diag.n_errors, 1);
        assert_string_equal(diag.messages[0].text, rows[i].reason);
        detect_engine_destroy(w.engine);
        ruleset_free(w.set);
        rules_conf_fini(&w.rules_conf);
        conf_free_section(&detect_conf_section, &w.conf);
        diag_fini(&diag);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_prefix_that_has_the_category_holds),
        cmocka_unit_test(a_wrong_line_is_told_and_left_out),
        cmocka_unit_test(a_file_of_another_kind_makes_few_warnings),
        cmocka_unit_test(what_cannot_be_read_is_told),
        cmocka_unit_test(many_entries_are_found_again),
        cmocka_unit_test(rules_ask_for_reputation),
        cmocka_unit_test(rules_ask_for_countries),
        cmocka_unit_test(what_is_no_database_is_told),
        cmocka_unit_test(a_rule_without_its_data_is_left_out_with_a_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
