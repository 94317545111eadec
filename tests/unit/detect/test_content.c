/* What contents, pcre and byte operations mean, rule by rule: each row is the body of a
 * rule, a payload, and whether it matches. */
#include "detect_world.h"

#include "sensor/detect/program.h"
#include "sensor/detect/search.h"

struct row {
    const char *name;
    const char *options;
    const char *payload;
    size_t size;
    bool matches;
};
#define YES(name, options, payload) { name, options, payload, sizeof(payload) - 1, true }
#define NO(name, options, payload) { name, options, payload, sizeof(payload) - 1, false }

static const struct row rows[] = {
    YES("a content is found anywhere", "content:\"abc\";", "xxabcxx"),
    NO("a content that is not there is not found", "content:\"abc\";", "xxabxcx"),
    NO("case counts", "content:\"abc\";", "xxABCxx"),
    YES("unless nocase", "content:\"aBc\"; nocase;", "xxAbCxx"),
    YES("bytes in hex", "content:\"a|00 ff|b\";", "xa\x00\xff" "bx"),
    YES("a content as long as the payload", "content:\"abc\";", "abc"),
    NO("a content longer than the payload", "content:\"abcd\";", "abc"),
    /* offset, depth */
    YES("offset at the match", "content:\"abc\"; offset:2;", "xxabc"),
    NO("offset behind the match", "content:\"abc\"; offset:3;", "xxabcx"),
    YES("depth that just fits", "content:\"abc\"; depth:5;", "xxabc"),
    NO("depth one too small", "content:\"abc\"; depth:4;", "xxabc"),
    YES("offset and depth", "content:\"abc\"; offset:2; depth:3;", "xxabc"),
    NO("offset and depth, too far", "content:\"abc\"; offset:2; depth:3;", "xxxabc"),
    NO("offset past the end", "content:\"abc\"; offset:200;", "xxabc"),
    YES("startswith", "content:\"ab\"; startswith;", "abc"),
    NO("startswith, elsewhere", "content:\"ab\"; startswith;", "xab"),
    YES("endswith", "content:\"bc\"; endswith;", "abcbc"),
    NO("endswith, not at the end", "content:\"ab\"; endswith;", "abc"),
    YES("both", "content:\"abc\"; startswith; endswith;", "abc"),
    NO("both, with more behind", "content:\"abc\"; startswith; endswith;", "abcd"),
    /* negation */
    YES("a negated content that is absent", "content:\"a\"; content:!\"b\";", "xaax"),
    NO("a negated content that is there", "content:\"a\"; content:!\"b\";", "xaab"),
    YES("negated with depth, outside", "content:\"a\"; content:!\"b\"; depth:2;", "xxba"),
    NO("negated with depth, inside", "content:\"a\"; content:!\"b\"; depth:3;", "xxba"),
    YES("negated offset past the end", "content:\"a\"; content:!\"b\"; offset:9;", "ab"),
    YES("only negated", "content:!\"zzz\";", "abc"),
    NO("only negated, there", "content:!\"abc\";", "abc"),
    YES("negated endswith", "content:\"a\"; content:!\"bc\"; endswith;", "abcd"),
    NO("negated endswith, at the end", "content:\"a\"; content:!\"cd\"; endswith;", "abcd"),
    /* distance, within */
    YES("distance 0 directly behind", "content:\"ab\"; content:\"cd\"; distance:0;", "abcd"),
    YES("distance 0 far behind", "content:\"ab\"; content:\"cd\"; distance:0;", "abxxxcd"),
    NO("distance 0 looks behind only", "content:\"ab\"; content:\"cd\"; distance:0;", "cdab"),
    YES("distance 2", "content:\"ab\"; content:\"cd\"; distance:2;", "abxxcd"),
    NO("distance 2, too near", "content:\"ab\"; content:\"cd\"; distance:2;", "abxcd"),
    YES("negative distance", "content:\"abc\"; content:\"bc\"; distance:-2;", "xabc"),
    YES("within that just fits", "content:\"ab\"; content:\"cd\"; within:4;", "abxxcd"),
    NO("within one too small", "content:\"ab\"; content:\"cd\"; within:3;", "abxxcd"),
    YES("within counts from distance", "content:\"ab\"; content:\"cd\"; distance:2; within:2;",
        "abxxcd"),
    NO("within from distance, too far",
       "content:\"ab\"; content:\"cd\"; distance:2; within:2;", "abxxxcd"),
    YES("negated within", "content:\"ab\"; content:!\"cd\"; within:2;", "abxcd"),
    NO("negated within, there", "content:\"ab\"; content:!\"cd\"; within:2;", "abcd"),
    /* Trying matches in turn. */
    YES("the second match of the first content", "content:\"ab\"; content:\"cd\"; within:2;",
        "abxxabcd"),
    YES("three in a chain", "content:\"a\"; content:\"b\"; within:1; content:\"c\"; within:1;",
        "abxabxabc"),
    NO("three in a chain, never", "content:\"a\"; content:\"b\"; within:1; "
       "content:\"c\"; within:1;",
       "abxabxacb"),
    YES("overlapping matches", "content:\"aa\"; content:\"b\"; within:1;", "aaab"),
    YES("a negated one sends back", "content:\"ab\"; content:!\"x\"; within:1;", "abxaby"),
    NO("a negated one, always there", "content:\"ab\"; content:!\"x\"; within:1;", "abxabx"),
    YES("an absolute one breaks the chain",
        "content:\"ab\"; content:\"cd\"; within:2; content:\"zz\"; offset:0;", "zzabcd"),
    YES("order of the text is no order of the bytes", "content:\"cd\"; content:\"ab\";", "abcd"),
    /* isdataat */
    YES("isdataat", "content:\"ab\"; isdataat:4;", "abcde"),
    NO("isdataat, just not", "content:\"ab\"; isdataat:5;", "abcde"),
    YES("isdataat relative", "content:\"ab\"; isdataat:1,relative;", "abc"),
    NO("isdataat relative, none", "content:\"ab\"; isdataat:1,relative;", "xab"),
    YES("negated isdataat relative", "content:\"ab\"; isdataat:!1,relative;", "xab"),
    YES("negated isdataat sends back", "content:\"ab\"; isdataat:!1,relative;", "abxab"),
    NO("negated isdataat, more there", "content:\"ab\"; isdataat:!1,relative;", "abx"),
    YES("the same of a negated content means its end, too",
        "content:\"a\"; content:!\".org\"; isdataat:!1,relative;", "a.org.net"),
    NO("and fails where that is the end",
       "content:\"a\"; content:!\".org\"; isdataat:!1,relative;", "a.org"),
    YES("isdataat:!2 of a negated content counts from the content before",
        "content:\"a\"; content:!\"x\"; isdataat:!2,relative;", "ZZab"),
    /* pcre */
    YES("pcre", "content:\"a\"; pcre:\"/a+b/\";", "xaab"),
    NO("pcre, not", "content:\"a\"; pcre:\"/^a+b$/\";", "xaab"),
    YES("pcre without content", "pcre:\"/[0-9]{3}/\";", "ab123"),
    YES("pcre without case", "content:\"a\"; pcre:\"/XYZ/i\";", "axyz"),
    YES("negated pcre", "content:\"a\"; pcre:!\"/b/\";", "xaa"),
    NO("negated pcre, there", "content:\"a\"; pcre:!\"/b/\";", "xab"),
    YES("relative pcre", "content:\"ab\"; pcre:\"/^\\d+/R\";", "12ab34"),
    NO("relative pcre looks behind only", "content:\"ab\"; pcre:\"/\\d/R\";", "12ab"),
    YES("relative pcre sends back", "content:\"ab\"; pcre:\"/^\\d/R\";", "abxab7"),
    YES("content behind pcre", "pcre:\"/x\\d/\"; content:\"end\"; distance:0;", "x1 x2end"),
    NO("content before pcre", "pcre:\"/x\\d/\"; content:\"end\"; distance:0;", "endx1"),
    YES("matches of a pcre in turn", "pcre:\"/x\\d/\"; content:\"y\"; within:1;", "x1 x2y"),
    /* byte_test */
    YES("byte_test equal", "content:\"L\"; byte_test:2,=,258,0,relative;", "xL\x01\x02"),
    NO("byte_test equal, not", "content:\"L\"; byte_test:2,=,259,0,relative;", "xL\x01\x02"),
    YES("byte_test little endian", "content:\"L\"; byte_test:2,=,513,0,relative,little;",
        "xL\x01\x02"),
    YES("byte_test greater", "content:\"L\"; byte_test:1,>,9,1;", "L\x0aL"),
    NO("byte_test outside", "content:\"L\"; byte_test:4,>,0,0,relative;", "L\x01\x02"),
    NO("byte_test outside, negated", "content:\"L\"; byte_test:4,!>,0,0,relative;",
       "L\x01\x02"),
    YES("byte_test bits", "content:\"L\"; byte_test:1,&,0x80,0,relative;", "L\x81"),
    NO("byte_test bits, not", "content:\"L\"; byte_test:1,&,0x80,0,relative;", "L\x71"),
    YES("byte_test of decimal text", "content:\"len=\"; byte_test:3,>,99,0,relative,string,dec;",
        "len=123"),
    YES("byte_test of hex text", "content:\"len=\"; byte_test:2,=,255,0,relative,string,hex;",
        "len=ff"),
    NO("byte_test of no digits", "content:\"len=\"; byte_test:2,>=,0,0,relative,string,dec;",
       "len=zz"),
    YES("byte_test of as many digits as there are",
        "content:\"n=\"; byte_test:0,=,1234,0,relative,string,dec;", "n=1234 x"),
    NO("byte_test of as many digits as there are, none",
       "content:\"n=\"; byte_test:0,>=,0,0,relative,string,dec;", "n=x1"),
    YES("byte_test with a mask", "content:\"L\"; byte_test:1,=,3,0,relative,bitmask 0x30;",
        "L\x3f"),
    YES("byte_test at a negative offset", "content:\"L\"; byte_test:1,=,7,-2,relative;", "\x07L"),
    /* byte_jump */
    YES("byte_jump to right behind the last byte",
        "content:\"L\"; byte_jump:1,0,from_beginning; isdataat:!1,relative;", "\x04" "Lxy"),
    NO("byte_jump one further",
       "content:\"L\"; byte_jump:1,0,from_beginning,post_offset 1;", "\x04" "Lxy"),
    YES("byte_jump", "content:\"L\"; byte_jump:1,0,relative; content:\"end\"; within:3;",
        "L\x02xxend"),
    NO("byte_jump elsewhere", "content:\"L\"; byte_jump:1,0,relative; content:\"end\"; within:3;",
       "L\x01xxend"),
    NO("byte_jump past the end", "content:\"L\"; byte_jump:1,0,relative;", "L\x7fxx"),
    YES("byte_jump from the beginning",
        "content:\"L\"; byte_jump:1,0,relative,from_beginning; content:\"ab\"; within:2;",
        "xabxL\x01"),
    YES("byte_jump with post_offset",
        "content:\"L\"; byte_jump:1,0,relative,post_offset -1; content:\"x\"; within:1;",
        "L\x03yyxz"),
    YES("byte_jump aligned",
        "content:\"L\"; byte_jump:1,0,relative,align; content:\"end\"; within:3;",
        "L\x01xxxxend"),
    YES("byte_jump multiplied",
        "content:\"L\"; byte_jump:1,0,relative,multiplier 2; content:\"end\"; within:3;",
        "L\x02xxxxend"),
    /* byte_extract */
    YES("byte_extract as distance",
        "content:\"L\"; byte_extract:1,0,n,relative; content:\"end\"; distance:n; within:3;",
        "L\x02xxend"),
    NO("byte_extract as distance, other",
       "content:\"L\"; byte_extract:1,0,n,relative; content:\"end\"; distance:n; within:3;",
       "L\x03xxend"),
    YES("byte_extract as depth",
        "byte_extract:1,0,n; content:\"ab\"; depth:n;", "\x03" "abab"),
    YES("byte_extract in byte_test",
        "byte_extract:1,0,n; content:\"L\"; byte_test:1,=,n,0,relative;", "\x05L\x05"),
    NO("byte_extract in byte_test, other",
       "byte_extract:1,0,n; content:\"L\"; byte_test:1,=,n,0,relative;", "\x05L\x06"),
    YES("byte_extract in isdataat",
        "content:\"L\"; byte_extract:1,0,n,relative; isdataat:n,relative;", "L\x02xx"),
    NO("byte_extract in isdataat, short",
       "content:\"L\"; byte_extract:1,0,n,relative; isdataat:n,relative;", "L\x03xx"),
    YES("byte_math",
        "content:\"L\"; byte_math:bytes 1,offset 0,oper +,rvalue 1,result n,relative; "
        "content:\"end\"; distance:n; within:3;", "L\x01xxend"),
    /* base64 */
    YES("base64 decoded", "content:\"k=\"; base64_decode:relative; base64_data; content:\"hello\";",
        "k=aGVsbG8gd29ybGQ="),
    NO("base64 of something else",
       "content:\"k=\"; base64_decode:relative; base64_data; content:\"hello\";", "k=d29ybGQ="),
    NO("no base64", "content:\"k=\"; base64_decode:relative; base64_data; content:\"hello\";",
       "k=****"),
};

static void contents_mean_what_the_language_says(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *rule = NULL;
        int n = asprintf(&rule, "alert udp any any -> any any (msg:\"x\"; %s sid:1;)\n",
                         rows[i].options);

        assert_true(n > 0);
        struct world *w = world_new(rule);

        world_flow(w, IP_PROTO_UDP, 9999);
        const char *told = world_udp_bytes(w, TO_SERVER, rows[i].payload, rows[i].size);

        if ((strcmp(told, "1") == 0) != rows[i].matches) {
            fail_msg("%s: got \"%s\"", rows[i].name, told);
        }
        /* Shorter payloads are read no further than they reach. */
        for (size_t size = 0; size < rows[i].size; size++) {
            world_udp_bytes(w, TO_SERVER, rows[i].payload, size);
        }
        world_free(w);
        free(rule);
    }
}

static void the_same_holds_in_a_stream(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *rule = NULL;

        assert_true(asprintf(&rule,
                             "alert tcp-stream any any -> any any (msg:\"x\"; %s sid:1;)\n",
                             rows[i].options) > 0);
        struct world *w = world_new(rule);
        const char *told = world_segment(w, TO_SERVER, rows[i].payload, rows[i].size, true);

        if ((strcmp(told, "1s") == 0) != rows[i].matches) {
            fail_msg("%s: got \"%s\"", rows[i].name, told);
        }
        world_free(w);
        free(rule);
    }
}

static void evaluation_stops_at_the_limit_of_steps(void **state)
{
    struct world *w = world_new("alert udp any any -> any any (msg:\"x\"; content:\"a\"; "
                                "content:\"a\"; distance:0; content:\"a\"; distance:0; "
                                "content:\"a\"; distance:0; content:\"b\"; distance:0; sid:1;)\n");
    char payload[4000];

    (void) state;
    memset(payload, 'a', sizeof payload);
    payload[0] = 'b';           /* What is looked for behind the rest stands before it. */
    world_flow(w, IP_PROTO_UDP, 9);
    assert_string_equal(world_udp_bytes(w, TO_SERVER, payload, sizeof payload), "");
    assert_true(detect_counters(w->worker)->steps_exceeded > 0);
    world_free(w);
}

static size_t slow_find(const uint8_t *hay, size_t n, const uint8_t *needle, size_t size,
                        bool nocase)
{
    for (size_t i = 0; size <= n && i <= n - size; i++) {
        if (search_equal(hay + i, needle, size, nocase)) {
            return i;
        }
    }
    return SEARCH_NONE;
}

static void search_finds_what_a_slow_search_finds(void **state)
{
    uint64_t random = 7;

    (void) state;
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t needle[8];
        size_t n = (random = hash_mix(random + round)) % 80, size = 1 + (random >> 8) % 6;
        uint8_t *hay = malloc(n + 1);           /* Exact but for malloc(0). */
        bool nocase = random >> 16 & 1;

        for (size_t i = 0; i < n; i++) {
            hay[i] = (uint8_t) ("abAB"[(random = hash_mix(random)) % 4]);
        }
        for (size_t i = 0; i < size; i++) {
            random = hash_mix(random);
            needle[i] = (uint8_t) (nocase ? "ab" : "abAB")[random % (nocase ? 2 : 4)];
        }
        uint8_t *exact = malloc(n > 0 ? n : 1);
        memcpy(exact, hay, n);
        assert_int_equal(search_find(exact, n, needle, size, nocase),
                         slow_find(hay, n, needle, size, nocase));
        free(exact);
        free(hay);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contents_mean_what_the_language_says),
        cmocka_unit_test(the_same_holds_in_a_stream),
        cmocka_unit_test(evaluation_stops_at_the_limit_of_steps),
        cmocka_unit_test(search_finds_what_a_slow_search_finds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
