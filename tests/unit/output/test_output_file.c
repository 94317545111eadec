/* Where events go: one file from several workers, whole lines, and what fails is told. */
#include <pthread.h>
#include <sys/stat.h>

#include "output_world.h"

#define N_WORKERS 4
#define N_EACH 3000

static struct output *open_eve(const char *path, const struct output_conf *conf)
{
    struct diag diag;

    diag_init(&diag);
    struct output *o = output_open(
        &(struct output_options) { .conf = conf, .eve_path = path, .sensor = "probe" },
        &diag);
    diag_fini(&diag);
    return o;
}

static void every_event_has_one_number_in_both_outputs(void **state)
{
    struct world w;

    world_open(&w);
    for (int i = 0; i < 3; i++) {
        output_flow(w.worker, NULL, &w.flow);
    }
    w.refuses = true;
    output_flow(w.worker, NULL, &w.flow);
    const struct output_counters *counters = output_counters(w.worker);
    assert_int_equal(counters->made, 4);
    assert_int_equal(counters->by_type[EVENT_FLOW], 4);
    assert_int_equal(counters->eve_lines, 4);
    assert_int_equal(counters->offered, 4);
    assert_int_equal(counters->refused, 1);
    world_close(&w);
    assert_int_equal(w.n_events, 4);
    assert_int_equal(w.n_records, 3);
    for (size_t i = 0; i < 3; i++) {
        struct strbuf id = STRBUF_EMPTY;

        assert_true(event_message_id(w.records[i], &id));
        expect_text(w.events[i], "civicshield.id", strbuf_cstr(&id));
        strbuf_fini(&id);
    }
    world_free(&w);
}

struct writer {
    struct output *output;
    unsigned number;
    struct flow flow;
};

static void *write_flows(void *context)
{
    struct writer *writer = context;
    struct output_worker *w = output_worker_create(writer->output, writer->number, NULL,
                                                   NULL);

    for (int i = 0; i < N_EACH; i++) {
        output_flow(w, NULL, &writer->flow);
    }
    output_worker_destroy(w);
    return NULL;
}

static void several_workers_write_whole_lines(void **state)
{
    struct writer writers[N_WORKERS];
    pthread_t threads[N_WORKERS];
    unsigned counts[N_WORKERS] = { 0 };
    struct world w;
    char line[4096];

    world_open(&w);
    struct output *shared = open_eve(w.path, &w.conf);
    assert_non_null(shared);
    for (unsigned i = 0; i < N_WORKERS; i++) {
        writers[i] = (struct writer) { .output = shared, .number = i, .flow = w.flow };
    }
    for (unsigned i = 0; i < N_WORKERS; i++) {
        writers[i].flow.app = NULL;
        pthread_create(&threads[i], NULL, write_flows, &writers[i]);
    }
    for (unsigned i = 0; i < N_WORKERS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_true(output_close(shared));
    FILE *file = fopen(w.path, "r");
    while (fgets(line, sizeof line, file) != NULL) {
        json_t *json = json_loads(line, 0, NULL);
        unsigned long worker, number;

        assert_non_null(json);
        assert_int_equal(sscanf(json_string_value(at(json, "civicshield.id")),
                                "probe-0000000000000000-%lu-%lu", &worker, &number), 2);
        assert_true(worker < N_WORKERS);
        assert_int_equal(number, ++counts[worker]);     /* In order within a worker. */
        json_decref(json);
    }
    fclose(file);
    for (unsigned i = 0; i < N_WORKERS; i++) {
        assert_int_equal(counts[i], N_EACH);
    }
    world_close(&w);
    world_free(&w);
}

static void a_file_moved_away_is_made_anew_on_request(void **state)
{
    struct world w;
    char old[80];
    struct stat st;

    world_open(&w);
    output_flow(w.worker, NULL, &w.flow);
    output_worker_flush(w.worker);
    snprintf(old, sizeof old, "%s.1", w.path);
    assert_int_equal(rename(w.path, old), 0);
    output_flow(w.worker, NULL, &w.flow);
    output_worker_flush(w.worker);      /* Not asked yet: still into the old one. */
    assert_int_not_equal(stat(w.path, &st), 0);
    output_reopen(w.output);
    output_flow(w.worker, NULL, &w.flow);
    world_close(&w);
    assert_int_equal(w.n_events, 1);
    assert_int_equal(stat(old, &st), 0);
    assert_true(st.st_size > 0);
    unlink(old);
    world_free(&w);
}

static void a_full_disk_fails_the_run(void **state)
{
    struct world w;

    world_open(&w);
    struct output *full = open_eve("/dev/full", &w.conf);
    assert_non_null(full);
    struct output_worker *worker = output_worker_create(full, 0, NULL, NULL);
    output_flow(worker, NULL, &w.flow);
    output_worker_flush(worker);
    output_flow(worker, NULL, &w.flow);
    output_worker_flush(worker);
    assert_int_equal(output_counters(worker)->eve_errors, 2);
    output_worker_destroy(worker);
    assert_false(output_close(full));
    world_close(&w);
    world_free(&w);
}

static void a_file_that_cannot_be_made_is_reported(void **state)
{
    struct output_conf conf;
    struct diag diag;

    world_conf(&conf);
    diag_init(&diag);
    assert_null(output_open(&(struct output_options) { .conf = &conf,
                                                       .eve_path = "/no/such/folder/eve",
                                                       .sensor = "probe" },
                            &diag));
    assert_int_equal(diag.n_errors, 1);
    diag_fini(&diag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_has_one_number_in_both_outputs),
        cmocka_unit_test(several_workers_write_whole_lines),
        cmocka_unit_test(a_file_moved_away_is_made_anew_on_request),
        cmocka_unit_test(a_full_disk_fails_the_run),
        cmocka_unit_test(a_file_that_cannot_be_made_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
