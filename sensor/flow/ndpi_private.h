/* What ndpi.c and ndpi_json.c share. */
#ifndef CIVICSHIELD_FLOW_NDPI_PRIVATE_H
#define CIVICSHIELD_FLOW_NDPI_PRIVATE_H

#include <ndpi/ndpi_api.h>

#include "common/base/pool.h"
#include "common/base/strbuf.h"
#include "sensor/flow/flow_private.h"

#define JSON_PIECE_SIZE 240

/* A result's text is kept in pieces of one size, so that results draw on a pool. */
struct json_piece {
    struct json_piece *next;
    char text[JSON_PIECE_SIZE];
};

/* One flow's classification.  Invariant: either 'state' or, once nDPI is done with the
 * flow, the text of the result; neither where there was no memory. */
struct flow_ndpi {
    struct ndpi_flow_struct *state;
    struct ndpi_proto proto;            /* As of the last packet fed. */
    uint32_t n_fed;
    uint32_t text_size;
    struct json_piece *text;
};

struct classifier {
    struct ndpi_detection_module_struct *module;
    size_t state_size;
    uint64_t max_tcp, max_udp;
    struct pool records, states, pieces;
    struct flow_counters *counters;     /* The table's. */
    uint8_t *packet;            /* The packet being fed, with zeros behind it. */
    struct strbuf json;         /* Of 'json_of' when that had been fed 'json_fed'. */
    const struct flow_ndpi *json_of;
    uint32_t json_fed;
};

/* Writes the "ndpi" object of a flow that nDPI still has state for to c->json. */
void ndpi_json_write(struct classifier *c, const struct flow_ndpi *r);
/* Appends the member of it that 'proto' has of its own, with a comma before it; nothing for
 * most. */
void ndpi_metadata_write(struct strbuf *, const struct ndpi_flow_struct *, struct ndpi_proto);

#endif
