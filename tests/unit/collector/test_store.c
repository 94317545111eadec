/* What the store makes of answers, and what it sends: without a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "collector/store/bulk.h"
#include "collector/store/response.h"
#include "collector/store/templates.h"
#include "common/base/backoff.h"

/* ---- Answers to bulk requests ---- */

static void each_status_of_an_item_has_its_verdict(void **state)
{
    static const struct {
        int status;
        enum item_verdict verdict;
    } rows[] = {
        { 200, ITEM_CREATED }, { 201, ITEM_CREATED }, { 409, ITEM_EXISTS },
        { 429, ITEM_RETRY }, { 503, ITEM_RETRY }, { 502, ITEM_RETRY }, { 504, ITEM_RETRY },
        { 408, ITEM_RETRY }, { 401, ITEM_RETRY }, { 403, ITEM_RETRY }, { 404, ITEM_RETRY },
        { 500, ITEM_RETRY_FEW }, { 599, ITEM_RETRY_FEW },
        { 400, ITEM_REJECTED }, { 413, ITEM_REJECTED }, { 422, ITEM_REJECTED },
        { 302, ITEM_REJECTED }, { 600, ITEM_REJECTED }, { 100, ITEM_REJECTED },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(response_item_verdict(rows[i].status), rows[i].verdict);
    }
}

static void each_status_of_a_request_has_its_verdict(void **state)
{
    static const struct {
        long status;
        enum request_verdict verdict;
    } rows[] = {
        { 200, REQUEST_DONE }, { 400, REQUEST_SPLIT }, { 413, REQUEST_SPLIT },
        { 401, REQUEST_RETRY }, { 403, REQUEST_RETRY }, { 404, REQUEST_RETRY },
        { 429, REQUEST_RETRY }, { 500, REQUEST_RETRY }, { 503, REQUEST_RETRY },
        { 301, REQUEST_RETRY },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(response_request_verdict(rows[i].status), rows[i].verdict);
    }
}

static const char mixed_answer[] =
    "{\"took\":3,\"errors\":true,\"items\":["
    "{\"create\":{\"_index\":\"a\",\"_id\":\"1\",\"status\":201}},"
    "{\"create\":{\"status\":409,\"error\":{\"type\":\"version_conflict_engine_exception\","
    "\"reason\":\"document already exists\"}}},"
    "{\"create\":{\"status\":429,\"error\":{\"type\":\"es_rejected_execution_exception\","
    "\"reason\":\"queue full\"}}},"
    "{\"create\":{\"status\":400,\"error\":{\"type\":\"mapper_parsing_exception\","
    "\"reason\":\"failed to parse\",\"caused_by\":{\"type\":\"x\",\"reason\":\"no ip\"}}}},"
    "{\"create\":{\"status\":500,\"error\":\"plain\"}}]}";

static void a_mixed_answer_is_read_item_by_item(void **state)
{
    static const enum item_verdict verdicts[] = {
        ITEM_CREATED, ITEM_EXISTS, ITEM_RETRY, ITEM_REJECTED, ITEM_RETRY_FEW
    };
    struct item_result results[5];

    assert_true(response_read(slice_text(mixed_answer), results, 5));
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(results[i].verdict, verdicts[i]);
    }
    assert_null(results[0].reason);
    assert_string_equal(results[3].reason,
                        "400 mapper_parsing_exception: failed to parse; no ip");
    assert_string_equal(results[4].reason, "500 error: plain");
    response_free(results, 5);
}

static void an_answer_of_another_length_is_none(void **state)
{
    struct item_result results[8];

    assert_false(response_read(slice_text(mixed_answer), results, 4));
    assert_false(response_read(slice_text(mixed_answer), results, 6));
}

/* Each in a buffer of its own size, so that an overread is seen. */
static void every_shorter_answer_is_none(void **state)
{
    struct item_result results[5];

    for (size_t size = 0; size < sizeof mixed_answer - 1; size++) {
        uint8_t *bytes = malloc(size + (size == 0));

        memcpy(bytes, mixed_answer, size);
        assert_false(response_read(slice_of(bytes, size), results, 5));
        free(bytes);
    }
}

static void answers_of_another_form_are_none(void **state)
{
    static const char *const rows[] = {
        "", "null", "[]", "{}", "{\"items\":{}}", "{\"items\":[1]}", "{\"items\":[{}]}",
        "{\"items\":[{\"index\":{\"status\":201}}]}",
        "{\"items\":[{\"create\":{\"status\":\"201\"}}]}",
        "{\"items\":[{\"create\":{\"status\":1e3}}]}",
        "{\"items\":[{\"create\":{\"status\":99999999999}}]}",
        "{\"items\":[{\"create\":{}}]}", "<html>", "{\"error\":\"x\",\"status\":400}",
    };
    struct item_result result;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_false(response_read(slice_text(rows[i]), &result, 1));
    }
}

static void a_long_reason_is_cut(void **state)
{
    struct strbuf text = STRBUF_EMPTY;
    struct item_result result;

    strbuf_puts(&text, "{\"items\":[{\"create\":{\"status\":400,\"error\":"
                       "{\"type\":\"t\",\"reason\":\"");
    while (text.size < 190000) {
        strbuf_puts(&text, "\xc3\xa9");
    }
    strbuf_puts(&text, "\"}}}]}");
    assert_true(response_read(strbuf_slice(&text), &result, 1));
    assert_in_range(strlen(result.reason), 100, 3000);
    response_free(&result, 1);
    strbuf_fini(&text);
}

/* Elasticsearch quotes the document in its reason: what a capture made us send must not
 * keep us from reading what became of the others. */
static void a_reason_with_a_nul_is_a_reason(void **state)
{
    static const char answer[] =
        "{\"items\":[{\"create\":{\"status\":201}},{\"create\":{\"status\":400,\"error\":"
        "{\"type\":\"mapper_parsing_exception\",\"reason\":\"reserved \\u0000 in key\"}}}]}";
    struct item_result results[2];

    assert_true(response_read(slice_text(answer), results, 2));
    assert_int_equal(results[0].verdict, ITEM_CREATED);
    assert_int_equal(results[1].verdict, ITEM_REJECTED);
    assert_non_null(strstr(results[1].reason, "reserved"));
    response_free(results, 2);
}

/* The same for half of a surrogate pair, which Elasticsearch writes as it is. */
static void a_reason_with_half_a_character_is_a_reason(void **state)
{
    static const struct {
        const char *reason, *expected;
    } rows[] = {
        { "a\\ud800b", "400 error: a\xef\xbf\xbd""b" },
        { "a\\udc00b", "400 error: a\xef\xbf\xbd""b" },
        { "\\uD800\\uD83D\\uDE00", "400 error: \xef\xbf\xbd\xf0\x9f\x98\x80" },
        { "\\\\ud800", "400 error: \\ud800" },
        { "\\\\\\ud800", "400 error: \\\xef\xbf\xbd" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct item_result result;
        char answer[200];

        snprintf(answer, sizeof answer, "{\"items\":[{\"create\":{\"status\":400,\"error\":"
                                        "{\"reason\":\"%s\"}}}]}", rows[i].reason);
        assert_true(response_read(slice_text(answer), &result, 1));
        assert_string_equal(result.reason, rows[i].expected);
        response_free(&result, 1);
    }
}

/* ---- Bodies of bulk requests ---- */

struct fixture {
    struct sessions *sessions;
    struct receipt receipt;
};

static int make_receipt(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct session *session;

    f->sessions = sessions_create(4);
    session = sessions_enter(f->sessions, "alpha", 0xabc, 2);
    assert_non_null(session);
    assert_true(session_receive(session, 1, 7, &f->receipt));
    *state = f;
    return 0;
}

static int drop_receipt(void **state)
{
    struct fixture *f = *state;

    sessions_destroy(f->sessions);
    free(f);
    return 0;
}

static void a_bulk_is_pairs_of_lines(void **state)
{
    struct fixture *f = *state;
    struct bulk *bulk = bulk_create(), *part = bulk_create();
    struct store_document documents[] = {
        { slice_text("i-1"), slice_text("id-1"), slice_text("{\"a\":1}") },
        { slice_text("i-2"), slice_text("id-22"), slice_text("{\"b\":22}") },
    };
    static const char expected[] =
        "{\"create\":{\"_index\":\"i-1\",\"_id\":\"id-1\"}}\n{\"a\":1}\n"
        "{\"create\":{\"_index\":\"i-2\",\"_id\":\"id-22\"}}\n{\"b\":22}\n";

    bulk_add(bulk, &documents[0], &f->receipt);
    bulk_add(bulk, &documents[1], &f->receipt);
    assert_true(slice_is(strbuf_slice(&bulk->body), expected));
    assert_true(slice_is(bulk_item_id(bulk, 1), "id-22"));
    assert_true(slice_is(bulk_item_document(bulk, 1), "{\"b\":22}"));
    bulk_add_item(part, bulk, 1);
    assert_true(slice_is(strbuf_slice(&part->body), strchr(strchr(expected, '\n') + 1, '\n') + 1));
    assert_true(slice_is(bulk_item_id(part, 0), "id-22"));
    assert_true(slice_is(bulk_item_document(part, 0), "{\"b\":22}"));
    bulk_destroy(bulk);
    bulk_destroy(part);
}

/* However often it was sent before, for other reasons. */
static void each_item_has_its_own_eight_errors(void **state)
{
    struct fixture *f = *state;
    struct store_document document = { slice_text("i"), slice_text("id"), slice_text("{}") };
    struct bulk *bulk = bulk_create();

    bulk_add(bulk, &document, &f->receipt);
    for (int n = 1; n < 8; n++) {
        struct bulk *again = bulk_create();

        assert_true(bulk_item_may_try_again(bulk, bulk->n - 1));
        bulk_add(again, &document, &f->receipt);
        bulk_add_item(again, bulk, bulk->n - 1);
        bulk_destroy(bulk);
        bulk = again;
    }
    assert_false(bulk_item_may_try_again(bulk, 1));
    assert_true(bulk_item_may_try_again(bulk, 0));
    bulk_destroy(bulk);
}

static json_t *dead_letter(struct fixture *f, const char *reason, struct slice document)
{
    struct bulk *bulk = bulk_create();
    struct slice text;
    json_t *json;

    bulk_add_dead_letter(bulk, slice_text("id"), reason, document, &f->receipt,
                         1234567890ull * 1000000000);
    assert_int_equal(bulk->n, 1);
    assert_true(bulk->items[0].is_dead_letter);
    text = bulk_item_document(bulk, 0);
    json = json_loadb((const char *) text.bytes, text.size, JSON_ALLOW_NUL, NULL);
    assert_non_null(json);
    bulk_destroy(bulk);
    return json;
}

static const char *text_at(json_t *json, const char *first, const char *second)
{
    return json_string_value(json_object_get(json_object_get(json, first), second));
}

static void a_dead_letter_holds_reason_and_original(void **state)
{
    json_t *json = dead_letter(*state, "because \"so\"", slice_text("{\"a\":\"\xc3\xa9\"}"));

    assert_string_equal(text_at(json, "event", "original"), "{\"a\":\"\xc3\xa9\"}");
    assert_string_equal(text_at(json, "event", "kind"), "pipeline_error");
    assert_string_equal(text_at(json, "error", "message"), "because \"so\"");
    assert_string_equal(text_at(json, "observer", "name"), "alpha");
    assert_string_equal(text_at(json, "civicshield", "epoch"), "0000000000000abc");
    assert_string_equal(text_at(json, "civicshield", "original_encoding"), "text");
    assert_string_equal(json_string_value(json_object_get(json, "@timestamp")),
                        "2009-02-13T23:31:30.000Z");
    json_decref(json);
}

static void bytes_that_are_no_text_become_base64(void **state)
{
    json_t *json = dead_letter(*state, "reason cut within \xc3", slice_text("\xff\xfe"));

    assert_string_equal(text_at(json, "event", "original"), "//4=");
    assert_string_equal(text_at(json, "civicshield", "original_encoding"), "base64");
    assert_string_equal(text_at(json, "error", "message"), "reason cut within ?");
    json_decref(json);
}

static void a_large_original_is_cut_and_its_size_kept(void **state)
{
    static char large[1 << 20];
    json_t *json;

    memset(large, 'x', sizeof large);
    json = dead_letter(*state, "large", slice_of(large, sizeof large));
    assert_int_equal(strlen(text_at(json, "event", "original")), 256 << 10);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(json, "civicshield"),
                                                        "original_bytes")),
                     sizeof large);
    json_decref(json);
}

/* ---- Templates ---- */

static void a_template_is_written_when_missing_older_or_different(void **state)
{
    static const struct {
        long status;
        const char *answer;
        enum template_verdict verdict;
    } rows[] = {
        { 404, "{}", TEMPLATE_WRITE },
        { 200, "{\"index_templates\":[{\"index_template\":{\"version\":3,"
               "\"_meta\":{\"digest\":\"aa\"}}}]}", TEMPLATE_KEEP },
        { 200, "{\"component_templates\":[{\"component_template\":{\"version\":3,"
               "\"_meta\":{\"digest\":\"aa\"}}}]}", TEMPLATE_KEEP },
        { 200, "{\"index_templates\":[{\"index_template\":{\"version\":3,"
               "\"_meta\":{\"digest\":\"bb\"}}}]}", TEMPLATE_WRITE },
        { 200, "{\"index_templates\":[{\"index_template\":{\"version\":2,"
               "\"_meta\":{\"digest\":\"aa\"}}}]}", TEMPLATE_WRITE },
        { 200, "{\"index_templates\":[{\"index_template\":{\"version\":4,"
               "\"_meta\":{\"digest\":\"bb\"}}}]}", TEMPLATE_KEEP },
        { 200, "{\"index_templates\":[{\"index_template\":{}}]}", TEMPLATE_WRITE },
        { 200, "{}", TEMPLATE_WRITE },
        { 200, "not json", TEMPLATE_FAILED },
        { 503, "{}", TEMPLATE_FAILED },
        { 401, "", TEMPLATE_FAILED },
        { 0, "", TEMPLATE_FAILED },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(templates_judge(rows[i].status, slice_text(rows[i].answer), 3, "aa"),
                         rows[i].verdict);
    }
}

/* ---- Configuration ---- */

/* To libcurl no time is all the time: one answer that never comes would end all sending. */
static void a_request_without_an_end_cannot_be_configured(void **state)
{
    static const struct {
        const char *text;
        bool is_good;
    } rows[] = {
        { "elasticsearch:\n  timeout: 0s\n", false },
        { "elasticsearch:\n  timeout: 30s\n", true },
    };

    for (size_t i = 0; i < 2; i++) {
        struct store_conf conf = { 0 };
        struct diag diag;
        struct conf_node *root;

        diag_init(&diag);
        root = conf_tree_parse("x.yaml", rows[i].text, strlen(rows[i].text), &diag);
        conf_read_section(root, &store_section, &conf, &diag);
        assert_int_equal(diag.n_errors == 0, rows[i].is_good);
        conf_free_section(&store_section, &conf);
        conf_tree_free(root);
        diag_fini(&diag);
    }
}

/* ---- Waiting times ---- */

static void waits_double_to_the_maximum_within_their_half(void **state)
{
    struct backoff b;
    uint32_t bound = 100;

    backoff_init(&b, 100, 5000, hash_seed_fixed());
    for (int i = 0; i < 50; i++) {
        assert_in_range(backoff_next(&b), bound / 2, bound);
        bound = bound * 2 > 5000 ? 5000 : bound * 2;
    }
    backoff_reset(&b);
    assert_in_range(backoff_next(&b), 50, 100);
}

static void waits_of_two_seeds_differ(void **state)
{
    struct backoff a, b;
    int n_equal = 0;

    backoff_init(&a, 1000, 60000, (struct hash_seed) { 1, 2 });
    backoff_init(&b, 1000, 60000, (struct hash_seed) { 3, 4 });
    for (int i = 0; i < 20; i++) {
        n_equal += backoff_next(&a) == backoff_next(&b);
    }
    assert_true(n_equal < 5);
}

int main(void)
{
#define WITH_RECEIPT(name) cmocka_unit_test_setup_teardown(name, make_receipt, drop_receipt)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_status_of_an_item_has_its_verdict),
        cmocka_unit_test(each_status_of_a_request_has_its_verdict),
        cmocka_unit_test(a_mixed_answer_is_read_item_by_item),
        cmocka_unit_test(an_answer_of_another_length_is_none),
        cmocka_unit_test(every_shorter_answer_is_none),
        cmocka_unit_test(answers_of_another_form_are_none),
        cmocka_unit_test(a_long_reason_is_cut),
        cmocka_unit_test(a_reason_with_a_nul_is_a_reason),
        cmocka_unit_test(a_reason_with_half_a_character_is_a_reason),
        WITH_RECEIPT(a_bulk_is_pairs_of_lines),
        WITH_RECEIPT(each_item_has_its_own_eight_errors),
        WITH_RECEIPT(a_dead_letter_holds_reason_and_original),
        WITH_RECEIPT(bytes_that_are_no_text_become_base64),
        WITH_RECEIPT(a_large_original_is_cut_and_its_size_kept),
        cmocka_unit_test(a_template_is_written_when_missing_older_or_different),
        cmocka_unit_test(a_request_without_an_end_cannot_be_configured),
        cmocka_unit_test(waits_double_to_the_maximum_within_their_half),
        cmocka_unit_test(waits_of_two_seeds_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
