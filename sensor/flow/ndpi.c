/* Classification by nDPI: what is fed, when it is enough, what is kept.
 *
 * nDPI has its say packet by packet until it is sure and wants no more metadata, or has
 * had its share; then its JSON is kept and its state freed, and later packets of the flow
 * cost nothing.  These are the rules of nDPI's own reader, so names agree with it. */
#include "sensor/flow/ndpi_private.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/clock.h"

#define PACKET_MAX 65535u
/* Dissectors are not all exact about the end of a packet: they read zeros there. */
#define PACKET_PAD 256u
/* Both in whole pages: in one page lies what it most often compares, which is quicker there. */
#define PACKET_ROOM ((PACKET_MAX + PACKET_PAD + XPAGE_SIZE - 1) / XPAGE_SIZE * XPAGE_SIZE)

/* Stands for "no memory": never written. */
static struct flow_ndpi refused;

struct classifier *classifier_create(const struct flow_conf *conf,
                                     struct flow_counters *counters)
{
    struct classifier *c = calloc(1, sizeof *c);
    NDPI_PROTOCOL_BITMASK all;

    if (c == NULL) {
        return NULL;
    }
    c->counters = counters;
    c->max_tcp = conf->classify_tcp_packets;
    c->max_udp = conf->classify_udp_packets;
    c->state_size = ndpi_detection_get_sizeof_ndpi_flow_struct();
    /* Results outlive states: they get the larger share. */
    pool_init(&c->records, sizeof(struct flow_ndpi), conf->classify_memory / 8);
    pool_init(&c->states, c->state_size, conf->classify_memory / 8 * 3);
    pool_init(&c->pieces, sizeof(struct json_piece), conf->classify_memory / 2);
    strbuf_init(&c->json, 4096);
    c->packet = aligned_alloc(XPAGE_SIZE, PACKET_ROOM);
    c->module = ndpi_init_detection_module(ndpi_no_prefs);
    if (c->packet == NULL || c->module == NULL) {
        classifier_destroy(c);
        return NULL;
    }
    memset(c->packet, 0, PACKET_ROOM);
    NDPI_BITMASK_SET_ALL(all);
    ndpi_set_protocol_detection_bitmask2(c->module, &all);
    ndpi_finalize_initialization(c->module);
    return c;
}

void classifier_destroy(struct classifier *c)
{
    if (c == NULL) {
        return;
    }
    if (c->module != NULL) {
        ndpi_exit_detection_module(c->module);
    }
    free(c->packet);
    strbuf_fini(&c->json);
    pool_fini(&c->records);
    pool_fini(&c->states);
    pool_fini(&c->pieces);
    free(c);
}

uint64_t classifier_memory(const struct classifier *c)
{
    return c == NULL ? 0
                     : c->records.n_made * c->records.object_size
                           + c->states.n_made * c->states.object_size
                           + c->pieces.n_made * c->pieces.object_size;
}

static void free_text(struct classifier *c, struct flow_ndpi *r)
{
    while (r->text != NULL) {
        struct json_piece *next = r->text->next;
        pool_put(&c->pieces, r->text);
        r->text = next;
    }
    r->text_size = 0;
}

static void free_state(struct classifier *c, struct flow_ndpi *r)
{
    if (r->state != NULL) {
        ndpi_free_flow_data(r->state);
        pool_put(&c->states, r->state);
        r->state = NULL;
    }
}

void classifier_forget(struct classifier *c, struct flow *f)
{
    struct flow_ndpi *r = f->ndpi;

    f->ndpi = NULL;
    if (r == NULL || r == &refused) {
        return;
    }
    free_state(c, r);
    free_text(c, r);
    if (c->json_of == r) {
        c->json_of = NULL;
    }
    pool_put(&c->records, r);
}

static void open_record(struct classifier *c, struct flow *f)
{
    struct flow_ndpi *r = pool_get(&c->records);
    struct ndpi_flow_struct *state = r != NULL ? pool_get(&c->states) : NULL;

    if (state == NULL) {
        if (r != NULL) {
            pool_put(&c->records, r);
        }
        c->counters->classify_refused++;
        f->ndpi = &refused;
        return;
    }
    memset(state, 0, c->state_size);
    *r = (struct flow_ndpi) { .state = state };
    f->ndpi = r;
}

static void keep_text(struct classifier *c, struct flow_ndpi *r, struct slice text)
{
    struct json_piece **tail = &r->text;

    for (size_t at = 0; at < text.size; at += JSON_PIECE_SIZE) {
        struct json_piece *piece = pool_get(&c->pieces);
        if (piece == NULL) {
            free_text(c, r);
            c->counters->classify_refused++;
            return;
        }
        size_t n = text.size - at < JSON_PIECE_SIZE ? text.size - at : JSON_PIECE_SIZE;
        memcpy(piece->text, text.bytes + at, n);
        piece->next = NULL;
        *tail = piece;
        tail = &piece->next;
    }
    r->text_size = (uint32_t) text.size;
}

/* nDPI has said what it will: keeps that and frees its state. */
static void finish(struct classifier *c, struct flow_ndpi *r)
{
    uint8_t is_guessed;

    if (r->proto.app_protocol == NDPI_PROTOCOL_UNKNOWN) {
        r->proto = ndpi_detection_giveup(c->module, r->state, 1, &is_guessed);
    }
    c->counters->classified += r->proto.app_protocol != NDPI_PROTOCOL_UNKNOWN
                               || r->proto.master_protocol != NDPI_PROTOCOL_UNKNOWN;
    ndpi_json_write(c, r);
    keep_text(c, r, strbuf_slice(&c->json));
    c->json_of = r;
    c->json_fed = r->n_fed;
    free_state(c, r);
}

static void feed(struct classifier *c, struct flow_ndpi *r, const struct packet *p)
{
    uint32_t size = p->size - p->l3;

    size = size < PACKET_MAX ? size : PACKET_MAX;
    memcpy(c->packet, p->bytes + p->l3, size);
    memset(c->packet + size, 0, PACKET_PAD);
    r->proto = ndpi_detection_process_packet(c->module, r->state, c->packet,
                                             (unsigned short) size,
                                             p->time_ns / NS_PER_MS);
    r->n_fed++;
    c->counters->classify_packets++;
}

void flow_classify(struct flow_table *t, struct flow *f, const struct packet *p,
                   enum direction dir)
{
    struct classifier *c = t->classifier;

    (void) dir;                 /* nDPI tells directions by itself. */
    if (c == NULL || p->l3 == LAYER_ABSENT || p->l3 >= p->size) {
        return;
    }
    if (f->ndpi == NULL) {
        open_record(c, f);
    }
    struct flow_ndpi *r = f->ndpi;
    if (r->state == NULL) {
        return;
    }
    feed(c, r, p);
    uint64_t max = f->key.ip_proto == IP_PROTO_TCP ? c->max_tcp : c->max_udp;
    if (r->n_fed > max || r->state->fail_with_unknown
        || (r->proto.app_protocol != NDPI_PROTOCOL_UNKNOWN
            && !ndpi_extra_dissection_possible(c->module, r->state))) {
        finish(c, r);
    }
}

void flow_classify_end(struct flow_table *t, struct flow *f)
{
    struct classifier *c = t->classifier;
    uint8_t is_guessed;

    if (c == NULL || f->ndpi == NULL || f->ndpi->state == NULL) {
        return;
    }
    f->ndpi->proto = ndpi_detection_giveup(c->module, f->ndpi->state, 1, &is_guessed);
    finish(c, f->ndpi);
}

struct slice flow_ndpi_json(struct flow_table *t, const struct flow *f)
{
    struct classifier *c = t->classifier;
    const struct flow_ndpi *r = f->ndpi;

    if (c == NULL || r == NULL
        || (r->state == NULL && r->text == NULL)
        || (r->state != NULL && r->proto.app_protocol == NDPI_PROTOCOL_UNKNOWN
            && r->proto.master_protocol == NDPI_PROTOCOL_UNKNOWN)) {
        return slice_of(NULL, 0);
    }
    if (c->json_of == r && c->json_fed == r->n_fed) {
        return strbuf_slice(&c->json);
    }
    if (r->state != NULL) {
        ndpi_json_write(c, r);
    } else {
        strbuf_clear(&c->json);
        for (const struct json_piece *piece = r->text; piece != NULL;
             piece = piece->next) {
            size_t left = r->text_size - c->json.size;
            strbuf_put(&c->json, piece->text, left < JSON_PIECE_SIZE ? left
                                                                     : JSON_PIECE_SIZE);
        }
    }
    c->json_of = r;
    c->json_fed = r->n_fed;
    return strbuf_slice(&c->json);
}
