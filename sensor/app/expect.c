/* Connections that a control channel announces, such as FTP's for data.
 *
 * That one is expected stands in host/, under the addresses and the port of the coming
 * flow; its name, which has no fixed size, in a ring of the engine.  Both channels are
 * between the same two hosts, so one worker sees both; where it does not, the connection is
 * recognized and has no name. */
#include <stdlib.h>

#include "sensor/app/app_private.h"

/* Names kept for connections that have not come yet.  They come within moments; whoever
 * announces more without opening any loses the names of the oldest. */
#define EXPECT_NAMES 256u
#define EXPECT_NAME_MAX 4096u

struct expect_name {
    uint64_t parent, serial;    /* Whose it is; serial 0: nobody's. */
    uint8_t *text;              /* Owned. */
    size_t size;
};

struct expect_names {
    uint64_t n_made;
    struct expect_name ring[EXPECT_NAMES];
};

void app_expect_free(struct expect_names *names)
{
    for (size_t i = 0; names != NULL && i < EXPECT_NAMES; i++) {
        free(names->ring[i].text);
    }
    free(names);
}

/* Which of the two hosts opens the connection is not asked: the port tells them apart. */
static struct host_key make_key(const struct flow *flow, uint16_t port)
{
    bool in_order = ip_compare(&flow->key.src, &flow->key.dst) <= 0;
    uint64_t id = port | (uint64_t) flow->key.vlans[0] << 16 | flow->key.tunnel << 32;

    return host_key(HOST_EXPECTED, id, in_order ? &flow->key.src : &flow->key.dst,
                    in_order ? &flow->key.dst : &flow->key.src);
}

/* Keeps a name; its serial, or 0 when there is none to keep or no memory. */
static uint64_t keep_name(struct app_engine *e, uint64_t parent, struct slice name)
{
    if (e->expect_names == NULL) {
        e->expect_names = calloc(1, sizeof *e->expect_names);
    }
    size_t size = name.size < EXPECT_NAME_MAX ? name.size : EXPECT_NAME_MAX;
    if (e->expect_names == NULL || size == 0) {
        return 0;
    }
    uint64_t serial = ++e->expect_names->n_made;
    struct expect_name *place = &e->expect_names->ring[serial % EXPECT_NAMES];
    uint8_t *text = realloc(place->text, size);
    if (text == NULL) {
        return 0;
    }
    memcpy(text, name.bytes, size);
    *place = (struct expect_name) { parent, serial, text, size };
    return serial;
}

static struct slice find_name(const struct app_engine *e, uint64_t parent, uint64_t serial)
{
    if (e->expect_names == NULL || serial == 0) {
        return slice_of(NULL, 0);
    }
    const struct expect_name *place = &e->expect_names->ring[serial % EXPECT_NAMES];
    bool is_it = place->serial == serial && place->parent == parent;
    return is_it ? slice_of(place->text, place->size) : slice_of(NULL, 0);
}

/* In the value: start_ns the announcing flow, until_ns the name's serial, count protocol
 * and detail. */
void app_expect(struct app_session *s, uint16_t port, const struct app_expected *what,
                uint64_t now_ns, uint64_t timeout_ns)
{
    struct app_engine *e = s->engine;

    if (e->hosts == NULL) {
        return;
    }
    struct host_key key = make_key(s->flow, port);
    uint64_t serial = keep_name(e, s->flow->id, what->name);
    struct host_value *v = host_acquire(e->hosts, &key, now_ns, true);
    if (v == NULL) {
        return;
    }
    uint64_t until_ns = timeout_ns < UINT64_MAX - now_ns ? now_ns + timeout_ns
                                                         : UINT64_MAX;
    *v = (struct host_value) {
        .start_ns = s->flow->id,
        .expires_ns = until_ns,
        .until_ns = serial,
        .count = (uint64_t) what->proto | (uint64_t) what->detail << 32,
    };
    host_release(e->hosts, &key);
    if (until_ns > e->expected_until_ns) {
        e->expected_until_ns = until_ns;
    }
}

static const struct app_parser *parser_of(uint64_t proto)
{
    for (size_t i = 0; app_parsers[i] != NULL; i++) {
        if ((uint64_t) app_parsers[i]->proto == proto && app_parsers[i]->over_tcp) {
            return app_parsers[i];
        }
    }
    return NULL;
}

const struct app_parser *app_expect_take(struct session *s, uint64_t now_ns)
{
    struct app_engine *e = s->pub.engine;
    struct flow *flow = s->pub.flow;

    /* Without this every new flow would take a lock. */
    if (now_ns >= e->expected_until_ns || flow->key.ip_proto != IP_PROTO_TCP
        || s->n_switches != 0) {
        return NULL;
    }
    struct host_key key = make_key(flow, flow_server_port(flow));
    struct host_value *v = host_acquire(e->hosts, &key, now_ns, false);
    if (v == NULL) {
        return NULL;
    }
    struct host_value value = *v;
    host_release(e->hosts, &key);
    host_remove(e->hosts, &key);        /* It was for one connection. */
    const struct app_parser *parser = parser_of(value.count & UINT32_MAX);
    if (parser != NULL) {
        flow->parent_id = value.start_ns;
        flow->expected = parser->proto;
        s->expected = (struct app_expected) {
            .proto = parser->proto,
            .detail = (uint32_t) (value.count >> 32),
            .name = find_name(e, value.start_ns, value.until_ns),
        };
    }
    return parser;
}

const struct app_expected *app_expected(const struct app_session *s)
{
    const struct session *own = (const struct session *) (const void *) s;

    return own->expected.proto != APP_UNKNOWN ? &own->expected : NULL;
}

void app_engine_set_hosts(struct app_engine *e, struct host_table *hosts)
{
    e->hosts = hosts;
}
