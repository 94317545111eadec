#include "sensor/pipeline/ledger.h"

#include <inttypes.h>

#include "common/base/clock.h"

/* Counter structs hold uint64_t alone, so they are summed as arrays of it. */
#define ADD(sum, part)                                                                     \
    do {                                                                                   \
        _Static_assert(sizeof(sum) % sizeof(uint64_t) == 0, "counters are 64 bits wide");  \
        add_counters((uint64_t *) &(sum), (const uint64_t *) (part),                       \
                     sizeof(sum) / sizeof(uint64_t));                                      \
    } while (0)

static void add_counters(uint64_t *sum, const uint64_t *part, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sum[i] += __atomic_load_n(&part[i], __ATOMIC_RELAXED);
    }
}

void ledger_add_worker(struct ledger *ledger, const struct worker *w)
{
    ledger->frames_done += w->frames_done;
    ADD(ledger->decode, decoder_counters(w->decoder));
    ADD(ledger->flow, flow_table_counters(w->flows));
    ADD(ledger->stream, stream_counters(w->streams));
    ADD(ledger->app, app_counters(w->apps));
    ADD(ledger->detect, detect_counters(w->detect));
    ADD(ledger->output, output_counters(w->output));
}

static uint64_t flows_ended(const struct ledger *l)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < FLOW_END_N_REASONS; i++) {
        n += l->flow.ended[i];
    }
    return n;
}

bool ledger_balances(const struct ledger *l, const char **wrong)
{
    const struct transport_ledger *t = &l->transport;

    *wrong = NULL;
    if (l->capture.frames
        != l->capture.filtered + l->share_dropped + l->frames_done) {
        *wrong = "frames: read = filtered + dropped + decoded";
    } else if (l->frames_done != l->decode.frames) {
        *wrong = "frames: handed to decode = counted by decode";
    } else if (l->flow.made != flows_ended(l) + l->flow.active) {
        *wrong = "flows: made = ended + active";
    } else if (l->has_transport && l->output.made != t->offered) {
        *wrong = "events: made = offered to the collector's ring";
    } else if (l->has_transport
               && t->offered != t->acked + t->held + t->shed + t->too_large) {
        *wrong = "events: offered = acknowledged + held + refused";
    }
    return *wrong == NULL;
}

static void print_rate(const struct ledger *l, FILE *out)
{
    double seconds = (double) l->wall_ns / (double) NS_PER_SEC;

    if (seconds > 0) {
        fprintf(out, "%.0f packets/s, %.3f Gbit/s, %.2f s\n",
                (double) l->decode.frames / seconds,
                (double) l->capture.bytes * 8e-9 / seconds, seconds);
    }
}

void ledger_print(const struct ledger *l, FILE *out)
{
    const struct capture_stats *c = &l->capture;
    const char *wrong;

    fprintf(out, "frames     %12" PRIu64 " read = %" PRIu64 " decoded + %" PRIu64
                 " filtered + %" PRIu64 " dropped by busy workers\n",
            c->frames, l->frames_done, c->filtered, l->share_dropped);
    if (c->port_missed + c->port_errors + c->port_no_buffer + c->kernel_dropped != 0) {
        fprintf(out, "lost       before capture: %" PRIu64 " by the port, %" PRIu64
                     " broken, %" PRIu64 " without a buffer, %" PRIu64 " by the kernel\n",
                c->port_missed, c->port_errors, c->port_no_buffer, c->kernel_dropped);
    }
    if (c->files_broken != 0) {
        fprintf(out, "cut short  %12" PRIu64 " capture file%s\n", c->files_broken,
                c->files_broken == 1 ? "" : "s");
    }
    fprintf(out, "packets    %12" PRIu64 " in %" PRIu64 " flows; %" PRIu64
                 " transactions; %" PRIu64 " fragments\n",
            l->decode.packets, l->flow.made, l->app.txs, l->decode.fragments);
    fprintf(out, "checksums  %12" PRIu64 " bad, %" PRIu64
                 " left to the sender's network card\n",
            l->decode.bad_checksums, l->decode.offloaded_checksums);
    fprintf(out, "streams    %12" PRIu64 " sessions, %" PRIu64 " gaps of %" PRIu64
                 " bytes in all; %" PRIu64 " segments refused for memory\n",
            l->stream.sessions, l->stream.gaps, l->stream.gap_bytes,
            l->stream.segments_refused);
    fprintf(out, "alerts     %12" PRIu64 " raised; kept back: %" PRIu64
                 " by thresholds, %" PRIu64 " suppressed, %" PRIu64 " over the limit\n",
            l->detect.alerts, l->detect.thresholded, l->detect.suppressed,
            l->detect.over_limit);
    fprintf(out, "events     %12" PRIu64 " made; %" PRIu64 " lines of EVE\n", l->output.made,
            l->output.eve_lines);
    if (l->has_files) {
        const struct file_store_counters *f = &l->files;
        fprintf(out, "files      %12" PRIu64 " stored, %" PRIu64 " there already; not stored: %"
                     PRIu64 " wanted too late or dropped, %" PRIu64 " for the disk\n",
                f->stored, f->duplicates, l->app.files_not_stored, f->errors);
    }
    if (l->has_transport) {
        const struct transport_ledger *t = &l->transport;
        fprintf(out, "collector  %12" PRIu64 " offered = %" PRIu64 " acknowledged + %" PRIu64
                     " held + %" PRIu64 " shed + %" PRIu64 " too large\n",
                t->offered, t->acked, t->held, t->shed, t->too_large);
    }
    print_rate(l, out);
    if (!ledger_balances(l, &wrong)) {
        fprintf(out, "the ledger does NOT balance: %s\n", wrong);
    }
}

static void put(struct strbuf *b, const char *key, uint64_t value)
{
    strbuf_printf(b, "\"%s\":%" PRIu64 ",", key, value);
}

static void end_object(struct strbuf *b, const char *with)
{
    b->size--;                  /* The comma behind the last member. */
    strbuf_puts(b, with);
}

void ledger_json(const struct ledger *l, struct strbuf *b)
{
    strbuf_puts(b, "{\"capture\":{");
    put(b, "kernel_packets", l->capture.frames);
    put(b, "kernel_drops", l->capture.kernel_dropped + l->capture.port_missed
                               + l->capture.port_no_buffer + l->share_dropped);
    put(b, "errors", l->capture.port_errors);
    put(b, "filtered", l->capture.filtered);
    end_object(b, "},\"decoder\":{");
    put(b, "pkts", l->decode.packets);
    put(b, "bytes", l->decode.bytes);
    put(b, "ipv4", l->decode.ipv4);
    put(b, "ipv6", l->decode.ipv6);
    put(b, "tcp", l->decode.tcp);
    put(b, "udp", l->decode.udp);
    put(b, "sctp", l->decode.sctp);
    put(b, "icmpv4", l->decode.icmpv4);
    put(b, "icmpv6", l->decode.icmpv6);
    end_object(b, "},\"flow\":{");
    put(b, "total", l->flow.made);
    put(b, "active", l->flow.active);
    put(b, "tcp", l->flow.tcp);
    put(b, "udp", l->flow.udp);
    put(b, "memuse", l->flow.memory);
    end_object(b, "},\"tcp\":{");
    put(b, "sessions", l->stream.sessions);
    put(b, "reassembly_gap", l->stream.gaps);
    put(b, "segment_memcap_drop", l->stream.segments_refused);
    put(b, "reassembly_memuse", l->stream.memory);
    end_object(b, "},\"detect\":{");
    put(b, "alert", l->detect.alerts);
    put(b, "alerts_suppressed", l->detect.suppressed + l->detect.thresholded);
    put(b, "alert_queue_overflow", l->detect.over_limit);
    end_object(b, "},\"app_layer\":{");
    put(b, "sessions", l->app.sessions);
    put(b, "tx", l->app.txs);
    if (l->has_files) {
        end_object(b, "},\"file_store\":{");
        put(b, "stored", l->files.stored);
        put(b, "duplicates", l->files.duplicates);
        put(b, "bytes", l->files.bytes);
        put(b, "not_stored", l->app.files_not_stored);
        put(b, "queue_full", l->files.dropped_ring);
        put(b, "too_many_open", l->files.dropped_places);
        put(b, "folder_full", l->files.dropped_limit);
        put(b, "fs_errors", l->files.errors);
        put(b, "fileinfo_lost", l->files.infos_lost);
    }
    end_object(b, "},\"events\":{");
    put(b, "made", l->output.made);
    put(b, "acknowledged", l->transport.acked);
    put(b, "shed", l->transport.shed);
    end_object(b, "}}");
}
