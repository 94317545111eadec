/* Files in chunks: order, gaps, overlaps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conversation.h"
#include "sensor/app/transfer.h"

/* Any transaction will do to hang a file on. */
static struct app_tx *open_tx(struct conversation *c)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    start(c);
    feed_piece(c, TO_SERVER, request, sizeof request - 1, 0, false);
    return tx_at(c, 0);
}

struct chunk {
    uint64_t offset;
    uint32_t size;              /* As announced. */
    const char *bytes;          /* Those that come with it. */
    uint32_t gap;               /* Missing behind them. */
    const char *more;           /* Bytes behind that. */
};

static const struct {
    const char *name;
    struct chunk chunks[5];
    const char *content;
    uint64_t size;
    enum app_file_state state;
    bool has_gaps;
} rows[] = {
    { "in order", { { 0, 3, "abc", 0, "" }, { 3, 3, "def", 0, "" } }, "abcdef", 6,
      FILE_CLOSED, false },
    { "in pieces", { { 0, 6, "ab", 0, "cdef" } }, "abcdef", 6, FILE_CLOSED, false },
    { "out of order", { { 3, 3, "def", 0, "" }, { 0, 3, "abc", 0, "" } }, "abcdef", 6,
      FILE_CLOSED, false },
    { "backwards", { { 4, 2, "ef", 0, "" }, { 2, 2, "cd", 0, "" }, { 0, 2, "ab", 0, "" } },
      "abcdef", 6, FILE_CLOSED, false },
    { "the same twice", { { 0, 3, "abc", 0, "" }, { 0, 3, "abc", 0, "" },
                          { 3, 3, "def", 0, "" } }, "abcdef", 6, FILE_CLOSED, false },
    { "overlapping", { { 0, 4, "abcd", 0, "" }, { 2, 4, "XX", 0, "ef" } }, "abcdef", 6,
      FILE_CLOSED, false },
    { "the same ahead of time twice", { { 3, 3, "def", 0, "" }, { 3, 3, "XXX", 0, "" },
                                        { 0, 3, "abc", 0, "" } }, "abcdef", 6, FILE_CLOSED,
      false },
    { "with a hole", { { 0, 6, "ab", 2, "ef" } }, "ab", 6, FILE_TRUNCATED, true },
    { "ahead of time, with a hole", { { 3, 3, "d", 2, "" }, { 0, 3, "abc", 0, "" } }, "abc",
      3, FILE_CLOSED, false },
    { "more than announced", { { 0, 3, "abcdef", 0, "" } }, "abc", 3, FILE_CLOSED, false },
    { "less than announced", { { 0, 6, "abc", 0, "" }, { 6, 3, "xyz", 0, "" } }, "abc", 3,
      FILE_TRUNCATED, false },
    { "a chunk that never comes", { { 0, 3, "abc", 0, "" }, { 6, 3, "ghi", 0, "" } }, "abc",
      3, FILE_CLOSED, false },
};

static void chunks_make_the_file(void **unused)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct conversation c;
        struct app_tx *tx = open_tx(&c);
        struct app_transfer t;

        app_transfer_init(&t);
        for (const struct chunk *k = rows[i].chunks; k->bytes != NULL; k++) {
            app_transfer_chunk(tx, &t, TO_SERVER, slice_text("f"), 0, k->offset, k->size,
                               slice_text(k->bytes));
            app_transfer_gap(tx, &t, k->gap);
            app_transfer_data(tx, &t, slice_text(k->more));
        }
        app_transfer_close(tx, &t);
        const struct app_file *file = app_file_at(tx, TO_SERVER, 0);
        if (file == NULL || !slice_is(file->data, rows[i].content)
            || file->size != rows[i].size || file->state != rows[i].state
            || file->has_gaps != rows[i].has_gaps) {
            fail_msg("%s: \"%.*s\" of %ju, state %d", rows[i].name,
                     file != NULL ? (int) file->data.size : 0,
                     file != NULL ? (const char *) file->data.bytes : "",
                     file != NULL ? (uintmax_t) file->size : 0,
                     file != NULL ? (int) file->state : -1);
        }
        assert_int_equal(t.n_queued, 0);
        assert_int_equal(t.queued, 0);
        app_transfer_free(tx, &t);
        stop(&c);
    }
}

static void what_is_kept_out_of_order_is_bounded(void **unused)
{
    struct conversation c;
    struct app_tx *tx = open_tx(&c);
    struct app_transfer t;

    app_transfer_init(&t);
    for (uint64_t i = 1; i < 5000; i++) {
        app_transfer_chunk(tx, &t, TO_SERVER, slice_text("f"), 0, i * 10, 1, slice_text("x"));
    }
    assert_int_equal(t.n_queued, 1024);
    assert_true(c.flow.app->memory < c.conf.session_memory);
    app_transfer_truncate(tx, &t);
    assert_int_equal(t.n_queued, 0);
    app_transfer_free(tx, &t);
    stop(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_make_the_file),
        cmocka_unit_test(what_is_kept_out_of_order_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
