/* A run whose threads cannot all be started.  This program has a pthread_create() of its
 * own, which refuses from a given call on and else hands on to the library's. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/alloc.h"
#include "common/obs/log.h"
#include "sensor/pipeline/pipeline.h"

typedef int create_fn(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

static unsigned n_allowed;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                   void *(*body)(void *), void *argument)
{
    create_fn *real = (create_fn *) dlsym(RTLD_NEXT, "pthread_create");

    if (n_allowed == 0) {
        return EAGAIN;
    }
    n_allowed--;
    return real(thread, attributes, body, argument);
}

/* Replays a capture of ours with so many workers. */
static int replay(char *workers)
{
    char *capture = xasprintf("%s/pcaps/http-browse.pcap", getenv("SOURCE_ROOT"));
    char quiet[] = "-q", read[] = "-r", count[] = "-w", name[] = "sensor";
    char *argv[] = { name, quiet, read, capture, count, workers, NULL };
    struct options options;
    struct settings settings;
    struct diag diag;

    diag_init(&diag);
    optind = 0;                 /* getopt begins anew. */
    assert_int_equal(options_parse(&options, 6, argv), OPTIONS_RUN);
    assert_true(settings_read(&settings, &options, &diag));
    int status = pipeline_run(&options, &settings);
    settings_fini(&settings);
    options_fini(&options);
    diag_fini(&diag);
    free(capture);
    return status;
}

static void a_run_without_one_of_its_threads_ends_and_says_so(void **state)
{
    static struct {
        char workers[2];
        unsigned n_threads;
    } rows[] = { { "1", 1 }, { "4", 4 } };

    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (unsigned n = 0; n <= rows[i].n_threads; n++) {
            n_allowed = n;
            assert_int_equal(replay(rows[i].workers),
                             n == rows[i].n_threads ? PIPELINE_OK : PIPELINE_WRONG);
            assert_int_equal(n_allowed, 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_without_one_of_its_threads_ends_and_says_so),
    };

    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
