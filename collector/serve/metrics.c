#include <string.h>

#include "collector/serve/serve.h"

#define PREFIX "civicshield_collector_"

/* One sample, with HELP and TYPE where a new name begins. */
static void put_metric(struct strbuf *out, const char *name, const char *labels,
                       const char *help, const char *type, uint64_t value)
{
    if (help != NULL) {
        strbuf_printf(out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help,
                      name, type);
    }
    strbuf_printf(out, PREFIX "%s%s ", name, labels);
    strbuf_u64(out, value);
    strbuf_putc(out, '\n');
}

void serve_write_metrics(const struct counters *counters, bool is_ready, struct strbuf *out)
{
#define X(member, name, labels, help) \
    put_metric(out, name, labels, help, "counter", counter_read(&counters->member));
    COLLECTOR_COUNTERS(X)
#undef X
#define X(member, name, labels, help) \
    put_metric(out, name, labels, help, "gauge", counter_read(&counters->member));
    COLLECTOR_GAUGES(X)
#undef X
    put_metric(out, "ready", "", "1 when /readyz answers 200", "gauge", is_ready);
}
