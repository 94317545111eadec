/* Rules on the files that transactions carry. */
#include <unistd.h>

#include "detect_world.h"

#define expect(told, sids) assert_string_equal(told, sids)

static const char upload[] =
    "POST /up HTTP/1.1\r\nHost: h\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    "Content-Length: 204\r\n\r\n"
    "--b\r\nContent-Disposition: form-data; filename=\"one.jpg\"\r\n\r\n1234\r\n"
    "--b\r\nContent-Disposition: form-data; filename=\"two.txt\"\r\n\r\n12345678\r\n"
    "--b\r\nContent-Disposition: form-data; filename=\"tri.jpg\"\r\n\r\n12\r\n--b--\r\n";
static const char request[] = "GET /file HTTP/1.1\r\nHost: h\r\n\r\n";
static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world";

static void each_file_of_a_form_is_raised_on_its_own(void **state)
{
    struct world *w = world_new(
        "alert http any any -> any any (filename:\"o\"; sid:1;)\n"
        "alert http any any -> any any (http.uri; content:\"up\"; fileext:\"jpg\"; sid:2;)\n"
        "alert http any any -> any any (filename:\"z\"; sid:3;)\n"
        "alert http any any -> any any (http.method; content:\"POST\"; filestore; sid:4;)\n"
        "alert http any any -> any any (http.method; content:\"POST\"; sid:5;)\n");

    (void) state;
    expect(world_tcp(w, TO_SERVER, upload), "1t 1t 2t 2t 4t 4t 4t 5t");
    world_free(w);
}

/* Wherever the request is cut in two, and for each file once. */
static void files_are_raised_once_wherever_segments_are_cut(void **state)
{
    (void) state;
    for (size_t cut = 1; cut < sizeof upload - 1; cut++) {
        struct world *w = world_new(
            "alert http any any -> any any (fileext:\"jpg\"; filesize:<5; sid:1;)\n");
        size_t n = strlen(world_segment(w, TO_SERVER, upload, cut, true));

        n += strlen(world_segment(w, TO_SERVER, upload + cut, sizeof upload - 1 - cut, true));
        if (n != strlen("1t 1t") && n != strlen("1t") + strlen("1t")) {
            fail_msg("cut at %zu", cut);
        }
        world_free(w);
    }
}

static void what_is_asked_of_a_file_is_asked_of_one(void **state)
{
    struct world *w = world_new(
        "alert http any any -> any any (filename:\"one\"; filesize:>7; sid:1;)\n"
        "alert http any any -> any any (filename:\"two\"; filesize:>7; sid:2;)\n"
        "alert http any any -> any any (filename:\"tri\"; file.data; content:\"1234\"; sid:3;)\n"
        "alert http any any -> any any (filename:\"two\"; file.data; content:\"678\"; sid:4;)\n");

    (void) state;
    expect(world_tcp(w, TO_SERVER, upload), "2t 4t");
    world_free(w);
}

static void a_file_cut_short_is_larger_than_it_is_known_to_be(void **state)
{
    struct world *w = world_new(
        "alert http any any -> any any (flow:to_client; filesize:<100; sid:1;)\n"
        "alert http any any -> any any (flow:to_client; filesize:>5; sid:2;)\n"
        "alert http any any -> any any (flow:to_client; filesize:>10; sid:3;)\n"
        "alert http any any -> any any (flow:to_client; filesize:8; sid:4;)\n");

    (void) state;
    world_tcp(w, TO_SERVER, request);
    expect(world_segment(w, TO_CLIENT, response, sizeof response - 1 - 3, true), "2t");
    app_flow_finish(w->apps, &w->flow);
    expect(world_segment(w, TO_CLIENT, "", 0, false), "");
    world_free(w);
}

static void digests_are_looked_up_without_being_configured(void **state)
{
    static const char list[] = "5eb63bbbe01eeed093cb22bb8f5acdc3\n";     /* "hello world" */
    char path[] = "digests-XXXXXX", *rules = NULL;
    int fd = mkstemp(path);

    (void) state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, list, sizeof list - 1), sizeof list - 1);
    close(fd);
    assert_true(asprintf(&rules,
                         "alert http any any -> any any (filemd5:%s; sid:1;)\n"
                         "alert http any any -> any any (filemd5:!%s; sid:2;)\n"
                         "alert http any any -> any any (filemagic:\"ASCII text\"; sid:3;)\n"
                         "alert http any any -> any any (file.magic; content:\"PDF\"; "
                         "sid:4;)\n", path, path) > 0);
    struct world *w = world_new(rules);

    unlink(path);
    free(rules);
    assert_true(w->app_conf.file_md5 && w->app_conf.file_magic);
    assert_false(w->app_conf.file_sha1 || w->app_conf.file_sha256);
    world_tcp(w, TO_SERVER, request);
    expect(world_tcp(w, TO_CLIENT, response), "1t 3t");
    world_tcp(w, TO_SERVER, request);
    expect(world_tcp(w, TO_CLIENT,
                     "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n%PDF-1.4\n"), "2t 4t");
    world_free(w);
}

static void without_a_file_nothing_is_kept(void **state)
{
    struct world *w = world_new(
        "alert tcp any any -> any any (filestore; sid:1;)\n"
        "alert http any any -> any any (http.uri; content:\"f\"; filestore; sid:2;)\n"
        "alert http any any -> any any (http.uri; content:\"f\"; filestore:response,tx; sid:3;)\n");

    (void) state;
    expect(world_tcp(w, TO_SERVER, request), "");
    expect(world_tcp(w, TO_CLIENT, response), "1t");
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_file_of_a_form_is_raised_on_its_own),
        cmocka_unit_test(files_are_raised_once_wherever_segments_are_cut),
        cmocka_unit_test(what_is_asked_of_a_file_is_asked_of_one),
        cmocka_unit_test(a_file_cut_short_is_larger_than_it_is_known_to_be),
        cmocka_unit_test(digests_are_looked_up_without_being_configured),
        cmocka_unit_test(without_a_file_nothing_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
