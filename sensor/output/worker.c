/* Workers: numbers for events, and one encoding of each for every output. */
#include <stdlib.h>

#include "common/base/alloc.h"
#include "sensor/output/output_private.h"

#define FLUSH_SIZE (64 * 1024)          /* Lines gathered before they are written. */
#define RECORD_SIZE (64 * 1024)
#define SCRATCH_BLOCK (64 * 1024)
/* Two printable copies of a body or of the largest packet, and what a transaction hangs on
 * its event. */
#define SCRATCH_LIMIT (8 * 1024 * 1024)

struct output *output_open(const struct output_options *options, struct diag *diag)
{
    struct eve_file *eve = NULL;

    if (options->eve_path != NULL) {
        eve = eve_file_open(options->eve_path, diag);
        if (eve == NULL) {
            return NULL;
        }
    }
    struct output *o = xcalloc(1, sizeof *o);
    o->conf = *options->conf;
    o->eve = eve;
    o->sensor = xstrdup(options->sensor);
    o->interface = options->interface != NULL ? xstrdup(options->interface) : NULL;
    o->epoch = options->epoch;
    o->community_id_seed = options->community_id_seed;
    o->offer = options->offer;
    o->offer_context = options->offer_context;
    return o;
}

bool output_close(struct output *o)
{
    bool is_whole = true;

    if (o != NULL) {
        is_whole = o->eve == NULL || eve_file_close(o->eve);
        free(o->sensor);
        free(o->interface);
        free(o);
    }
    return is_whole;
}

void output_reopen(struct output *o)
{
    if (o->eve != NULL) {
        eve_file_reopen(o->eve);
    }
}

struct output_worker *output_worker_create(struct output *o, unsigned number,
                                           struct flow_table *flows,
                                           struct detect_worker *detect)
{
    struct output_worker *w = xcalloc(1, sizeof *w);

    w->output = o;
    w->number = number;
    w->flows = flows;
    w->detect = detect;
    strbuf_init(&w->lines, o->eve != NULL ? 2 * FLUSH_SIZE : 0);
    strbuf_init(&w->record, o->offer != NULL ? RECORD_SIZE : 0);
    strbuf_init(&w->store_line, 0);
    arena_init(&w->scratch, SCRATCH_BLOCK, SCRATCH_LIMIT);
    return w;
}

void output_worker_set_store(struct output_worker *w, struct file_store *store)
{
    w->store = store;
}

void output_worker_destroy(struct output_worker *w)
{
    if (w != NULL) {
        output_worker_flush(w);
        strbuf_fini(&w->lines);
        strbuf_fini(&w->record);
        strbuf_fini(&w->store_line);
        arena_fini(&w->scratch);
        free(w);
    }
}

void output_worker_flush(struct output_worker *w)
{
    if (w->lines.size != 0) {
        if (!eve_file_write(w->output->eve, w->lines.text, w->lines.size)) {
            w->counters.eve_errors++;
        }
        strbuf_clear(&w->lines);
    }
}

void deliver_event(struct output_worker *w, struct event *event)
{
    const struct output *o = w->output;
    uint64_t number = ++w->counters.made;

    if (event->type < sizeof w->counters.by_type / sizeof w->counters.by_type[0]) {
        w->counters.by_type[event->type]++;
    }
    event->id = (struct event_id) { .sensor = slice_text(o->sensor), .epoch = o->epoch,
                                    .worker = w->number, .number = number };
    if (o->interface != NULL) {
        event->in_iface = slice_text(o->interface);
    }
    if (w->wants_store_line) {
        strbuf_clear(&w->store_line);
        event_write_eve(event, &w->store_line);
        strbuf_putc(&w->store_line, '\n');
    }
    if (o->eve != NULL) {
        size_t start = w->lines.size;

        event_write_eve(event, &w->lines);
        strbuf_putc(&w->lines, '\n');
        w->counters.eve_lines++;
        w->counters.eve_bytes += w->lines.size - start;
        if (w->lines.size >= FLUSH_SIZE) {
            output_worker_flush(w);
        }
    }
    if (o->offer != NULL) {
        strbuf_clear(&w->record);
        event_encode(event, &w->record);
        w->counters.offered++;
        if (!o->offer(o->offer_context, w->number, number, event_type_priority(event->type),
                      w->record.text, w->record.size)) {
            w->counters.refused++;
        }
    }
    arena_reset(&w->scratch);
}

const struct output_counters *output_counters(const struct output_worker *w)
{
    return &w->counters;
}
