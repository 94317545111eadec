/* Addresses, ports and numbers: what the words of a rule mean, table by table. */
#include "tests/unit/rules/rules_test.h"

#include "rules/lang/keyword.h"

static const struct {
    const char *word, *in, *out;        /* Addresses in and out of the set; "": none. */
} addresses[] = {
    { "any", "1.2.3.4 ::1", "" },
    { "10.0.0.1", "10.0.0.1", "10.0.0.0 10.0.0.2 ::1" },
    { "10.0.0.0/8", "10.0.0.0 10.255.255.255", "9.255.255.255 11.0.0.0" },
    { "10.1.2.3/8", "10.0.0.0 10.255.255.255", "11.0.0.0" },
    { "1.2.3.0/255.255.255.0", "1.2.3.0 1.2.3.255", "1.2.4.0 1.2.2.255" },
    { "1.2.3.4-1.2.3.9", "1.2.3.4 1.2.3.9", "1.2.3.3 1.2.3.10" },
    { "0.0.0.0/0", "0.0.0.0 255.255.255.255", "::" },
    { "2001:db8::/32", "2001:db8:: 2001:db8:ffff::", "2001:db9:: 1.2.3.4" },
    { "[1.1.1.1,2.2.2.2]", "1.1.1.1 2.2.2.2", "1.1.1.2" },
    { "[ 1.1.1.1 , [2.2.2.2, 3.3.3.3] ]", "1.1.1.1 3.3.3.3", "4.4.4.4" },
    { "!1.1.1.1", "1.1.1.0 ::1", "1.1.1.1" },
    { "[10.0.0.0/8,!10.1.0.0/16]", "10.0.0.1 10.2.0.0", "10.1.0.0 10.1.255.255 11.0.0.0" },
    { "[!10.0.0.0/8]", "9.0.0.0 ::", "10.1.2.3" },
    { "![10.0.0.0/8,!10.1.0.0/16]", "10.1.0.5 11.0.0.0", "10.2.0.0" },
    { "$HOME_NET", "192.168.1.1 172.16.0.1", "8.8.8.8 ::1" },
    { "!$HOME_NET", "8.8.8.8 ::1", "192.168.1.1" },
    { "[$HOME_NET,!192.168.0.0/24]", "192.168.1.0", "192.168.0.9" },
    { "[any,!1.1.1.1]", "1.1.1.2 ::", "1.1.1.1" },
    { "$HTTP_SERVERS", "10.0.0.1", "8.8.8.8" },
};

static void check_addresses(const struct address_set *set, const char *list, bool wanted)
{
    while (*list != '\0') {
        size_t n = strcspn(list, " ");
        struct ip_addr a;
        assert_true(ip_parse(list, n, &a));
        assert_int_equal(address_set_has(set, &a), wanted);
        list += n + (list[n] == ' ');
    }
}

static void check_ranges(const struct address_set *set)
{
    for (size_t i = 0; i < set->n; i++) {
        assert_true(ip_compare(&set->ranges[i].first, &set->ranges[i].last) <= 0);
        assert_true(i == 0
                    || ip_compare(&set->ranges[i - 1].last, &set->ranges[i].first) < 0);
    }
}

static void address_words_become_sorted_ranges(void **state)
{
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        struct strbuf text = STRBUF_EMPTY;
        strbuf_printf(&text, "alert tcp %s any -> any any (sid:1;)", addresses[i].word);
        struct loaded l = load_text(strbuf_cstr(&text));
        assert_int_equal(l.set->n_rules, 1);
        check_ranges(l.set->rules[0]->src);
        check_addresses(l.set->rules[0]->src, addresses[i].in, true);
        check_addresses(l.set->rules[0]->src, addresses[i].out, false);
        unload(&l);
        strbuf_fini(&text);
    }
}

static const struct { const char *word; int in[3], out[3]; } ports[] = {
    { "any", { 0, 80, 65535 }, { -1, -1, -1 } },
    { "80", { 80, 80, 80 }, { 79, 81, 0 } },
    { "80:90", { 80, 85, 90 }, { 79, 91, 0 } },
    { ":1023", { 0, 5, 1023 }, { 1024, 65535, 1024 } },
    { "1024:", { 1024, 5000, 65535 }, { 1023, 0, 80 } },
    { "!80", { 79, 81, 65535 }, { 80, 80, 80 } },
    { "[80,443]", { 80, 443, 80 }, { 81, 442, 444 } },
    { "[1:100,!80]", { 1, 79, 100 }, { 80, 101, 0 } },
    { "![80,443]", { 0, 81, 65535 }, { 80, 443, 80 } },
    { "[!80,!443]", { 0, 81, 65535 }, { 80, 443, 80 } },
    { "$HTTP_PORTS", { 80, 80, 80 }, { 81, 0, 443 } },
    { "$SHELLCODE_PORTS", { 0, 81, 443 }, { 80, 80, 80 } },
    { "$FILE_DATA_PORTS", { 80, 110, 143 }, { 81, 111, 0 } },
};

static void port_words_become_sorted_ranges(void **state)
{
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
        struct strbuf text = STRBUF_EMPTY;
        strbuf_printf(&text, "alert tcp any %s -> any any (sid:1;)", ports[i].word);
        struct loaded l = load_text(strbuf_cstr(&text));
        assert_int_equal(l.set->n_rules, 1);
        for (size_t k = 0; k < 3; k++) {
            assert_true(port_set_has(l.set->rules[0]->sports, (uint16_t) ports[i].in[k]));
            assert_true(ports[i].out[k] < 0
                        || !port_set_has(l.set->rules[0]->sports, (uint16_t) ports[i].out[k]));
        }
        unload(&l);
        strbuf_fini(&text);
    }
}

static const struct {
    const char *text;
    bool ok;
    enum number_cmp cmp;
    uint64_t a, b, matches, misses;
} numbers[] = {
    { "5", true, CMP_EQ, 5, 0, 5, 6 }, { "=5", true, CMP_EQ, 5, 0, 5, 4 },
    { "0x1f", true, CMP_EQ, 31, 0, 31, 30 }, { "!5", true, CMP_NE, 5, 0, 4, 5 },
    { "!=5", true, CMP_NE, 5, 0, 4, 5 }, { "<5", true, CMP_LT, 5, 0, 4, 5 },
    { "<=5", true, CMP_LE, 5, 0, 5, 6 }, { "> 5", true, CMP_GT, 5, 0, 6, 5 },
    { ">=5", true, CMP_GE, 5, 0, 5, 4 }, { "3-7", true, CMP_RANGE, 3, 7, 4, 3 },
    { "3 <> 7", true, CMP_RANGE, 3, 7, 6, 7 }, { "!3-7", true, CMP_NOT_RANGE, 3, 7, 3, 5 },
    { "&0xc0=0x80", true, CMP_BITS_EQ, 0x80, 0xc0, 0x8f, 0xc0 },
    { "&0xc0!=0", true, CMP_BITS_NE, 0, 0xc0, 0x40, 0x3f },
    { "2kb", true, CMP_EQ, 2048, 0, 2048, 2 },
    { "7-3", false, CMP_EQ, 0, 0, 0, 0 }, { "3-3", false, CMP_EQ, 0, 0, 0, 0 },
    { "", false, CMP_EQ, 0, 0, 0, 0 }, { "x", false, CMP_EQ, 0, 0, 0, 0 },
    { "-1", false, CMP_EQ, 0, 0, 0, 0 }, { "70000", false, CMP_EQ, 0, 0, 0, 0 },
    { "18446744073709551616", false, CMP_EQ, 0, 0, 0, 0 }, { "0x", false, CMP_EQ, 0, 0, 0, 0 },
    { "<", false, CMP_EQ, 0, 0, 0, 0 }, { "5 6", false, CMP_EQ, 0, 0, 0, 0 },
};

static void number_words_become_comparisons(void **state)
{
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct number_test t;
        size_t size = strlen(numbers[i].text);
        char *exact = malloc(size + 1);
        memcpy(exact, numbers[i].text, size);
        assert_int_equal(number_parse_test(slice_of(exact, size), 65535, true, &t),
                         numbers[i].ok);
        if (numbers[i].ok) {
            assert_int_equal(t.cmp, numbers[i].cmp);
            assert_int_equal(t.a, numbers[i].a);
            assert_int_equal(t.b, numbers[i].b);
            assert_true(number_matches(t.cmp, numbers[i].matches, t.a, t.b));
            assert_false(number_matches(t.cmp, numbers[i].misses, t.a, t.b));
        }
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(address_words_become_sorted_ranges),
        cmocka_unit_test(port_words_become_sorted_ranges),
        cmocka_unit_test(number_words_become_comparisons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
