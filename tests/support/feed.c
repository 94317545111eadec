/* A sensor that says what a test wants: sends records from standard input to a collector
 * through sensor/transport.
 *
 *     feed ADDRESS CA CERTIFICATE KEY EPOCH WORKERS SECONDS
 *
 * A line of input is "WORKER NUMBER HEX": the bytes of one record.  EPOCH is hexadecimal.
 * At the end of the input it waits up to SECONDS for the acknowledgements, prints
 * "offered N acked N connections N" and exits with 0 if all are acknowledged, else 1. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "sensor/transport/transport.h"

static size_t read_hex(const char *text, uint8_t *bytes, size_t max)
{
    size_t n = 0;
    unsigned byte;

    while (n < max && sscanf(text + 2 * n, "%2x", &byte) == 1) {
        bytes[n++] = (uint8_t) byte;
    }
    return n;
}

static void feed(struct transport *transport, unsigned n_workers)
{
    static char line[2 * TRANSPORT_MAX_RECORD + 100], hex[sizeof line];
    static uint8_t bytes[TRANSPORT_MAX_RECORD];
    unsigned worker;
    uint64_t number;

    while (fgets(line, sizeof line, stdin) != NULL) {
        hex[0] = '\0';
        if (sscanf(line, "%u %" SCNu64 " %s", &worker, &number, hex) >= 2
            && worker < n_workers) {
            transport_offer(transport, worker, number, 5, bytes,
                            read_hex(hex, bytes, sizeof bytes), true);
        }
    }
}

int main(int argc, char **argv)
{
    struct transport_conf conf = { .memory = 16 << 20, .batch_records = 64 };
    struct transport_options options = { .conf = &conf, .version = "feed" };
    struct transport_ledger ledger;
    struct transport *transport;
    struct diag diag;
    bool is_done;

    if (argc != 8) {
        return 2;
    }
    conf.address = argv[1];
    conf.ca = argv[2];
    conf.certificate = argv[3];
    conf.key = argv[4];
    options.epoch = strtoull(argv[5], NULL, 16);
    options.n_workers = (unsigned) strtoul(argv[6], NULL, 10);
    diag_init(&diag);
    transport = transport_open(&options, &diag);
    diag_print(&diag, stderr);
    diag_fini(&diag);
    if (transport == NULL) {
        return 2;
    }
    feed(transport, options.n_workers);
    is_done = transport_finish(transport, strtoull(argv[7], NULL, 10) * NS_PER_SEC);
    transport_ledger_read(transport, &ledger);
    printf("offered %" PRIu64 " acked %" PRIu64 " connections %" PRIu64 "\n", ledger.offered,
           ledger.acked, ledger.connections);
    transport_close(transport);
    return is_done ? 0 : 1;
}
