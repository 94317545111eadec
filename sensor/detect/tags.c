/* The keyword "tag": packets that follow an alert are told as well, of its session or of one
 * of its hosts, until so many packets, bytes or seconds have passed.
 *
 * Session tags hang on the flow; host tags stand in the host table, where one worker sets
 * what another counts.  The packet that was alerted counts, but is not told again. */
#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "sensor/detect/detect_private.h"

enum { UNIT_SECONDS, UNIT_PACKETS, UNIT_BYTES };

#define DEFAULT_PACKETS 256u    /* Of a tag that names no amount. */
#define HOST_IDLE_NS (600 * NS_PER_SEC)

static void amount_of(const struct rule_do *d, uint8_t *unit, uint64_t *limit)
{
    *unit = d->value != 0 ? d->unit : UNIT_PACKETS;
    *limit = d->value != 0 ? d->value : DEFAULT_PACKETS;
}

/* What a packet adds to a count. */
static uint64_t weight_of(const struct packet *p, uint8_t unit)
{
    return unit == UNIT_BYTES ? p->size : 1;
}

static bool is_used_up(uint8_t unit, uint64_t limit, uint64_t count, uint64_t start_ns,
                       uint64_t now_ns)
{
    if (unit != UNIT_SECONDS) {
        return count > limit;
    }
    return now_ns > start_ns && (now_ns - start_ns) / NS_PER_SEC > limit;
}

/* ---- Sessions ---- */

static void tag_flow(struct detect_worker *w, const struct rule *r, const struct rule_do *d)
{
    struct flow_tags *tags = w->detect_flow->tags;

    if (tags == NULL) {
        tags = pool_get(&w->tags_pool);
        if (tags == NULL) {
            return;
        }
        tags->n = 0;
        w->detect_flow->tags = tags;
    }
    for (unsigned i = 0; i < tags->n; i++) {
        if (tags->tags[i].rule == r->index) {
            return;
        }
    }
    if (tags->n < FLOW_TAGS_MAX) {
        struct flow_tag *tag = &tags->tags[tags->n++];

        *tag = (struct flow_tag) { .rule = r->index, .start_ns = w->packet->time_ns };
        amount_of(d, &tag->unit, &tag->limit);
        tag->count = weight_of(w->packet, tag->unit);
    }
}

static bool count_for_flow(struct detect_worker *w)
{
    struct flow_tags *tags = w->detect_flow->tags;
    bool is_tagged = false;

    for (unsigned i = tags->n; i-- > 0; ) {
        struct flow_tag *tag = &tags->tags[i];

        tag->count += weight_of(w->packet, tag->unit);
        if (is_used_up(tag->unit, tag->limit, tag->count, tag->start_ns,
                       w->packet->time_ns)) {
            *tag = tags->tags[--tags->n];
        } else {
            is_tagged = true;
        }
    }
    return is_tagged;
}

/* ---- Hosts ---- */

static struct host_key tag_key(const struct host_tag *tag, const struct ip_addr *host)
{
    return host_key(HOST_TAG, (uint64_t) tag->gid << 33 | (uint64_t) tag->sid << 1
                                  | (tag->is_dst ? 1 : 0), host, NULL);
}

void tags_collect(struct detect_engine *e, const struct rule *r)
{
    for (size_t i = 0; i < r->n_dos; i++) {
        const struct rule_do *d = &r->dos[i];
        uint64_t limit;

        if (d->kind == DO_TAG && d->side != SIDE_EITHER) {
            struct host_tag tag = { .gid = r->gid, .sid = r->sid,
                                    .is_dst = d->side == SIDE_DST };

            amount_of(d, &tag.unit, &limit);
            e->host_tags = xgrow(e->host_tags, e->n_host_tags, &e->cap_host_tags,
                                 sizeof *e->host_tags);
            e->host_tags[e->n_host_tags++] = tag;
        }
    }
}

static void tag_host(struct detect_worker *w, const struct rule *r, const struct rule_do *d)
{
    const struct packet *p = w->packet;
    struct host_tag tag = { .gid = r->gid, .sid = r->sid, .is_dst = d->side == SIDE_DST };
    struct host_key key = tag_key(&tag, tag.is_dst ? &p->dst : &p->src);
    struct host_value *v = w->hosts != NULL ? host_acquire(w->hosts, &key, p->time_ns, true)
                                            : NULL;

    if (v == NULL) {
        return;
    }
    if (v->start_ns == 0) {
        uint8_t unit;

        amount_of(d, &unit, &v->until_ns);
        v->start_ns = p->time_ns;
        v->count = weight_of(p, unit);
    }
    v->expires_ns = p->time_ns + HOST_IDLE_NS;
    host_release(w->hosts, &key);
}

/* Counts the packet for the tag on one host. */
static bool count_for_host(struct detect_worker *w, const struct host_tag *tag,
                           const struct ip_addr *host)
{
    const struct packet *p = w->packet;
    struct host_key key = tag_key(tag, host);
    struct host_value *v = host_acquire(w->hosts, &key, p->time_ns, false);
    bool is_over;

    if (v == NULL) {
        return false;
    }
    v->count += weight_of(p, tag->unit);
    v->expires_ns = p->time_ns + HOST_IDLE_NS;
    is_over = is_used_up(tag->unit, v->until_ns, v->count, v->start_ns, p->time_ns);
    if (is_over) {
        v->expires_ns = p->time_ns;
    }
    host_release(w->hosts, &key);
    return !is_over;
}

static bool count_for_hosts(struct detect_worker *w)
{
    const struct packet *p = w->packet;
    bool is_tagged = false;

    for (size_t i = 0; i < w->engine->n_host_tags; i++) {
        const struct host_tag *tag = &w->engine->host_tags[i];

        is_tagged |= count_for_host(w, tag, &p->src);
        if (!ip_equal(&p->src, &p->dst)) {
            is_tagged |= count_for_host(w, tag, &p->dst);
        }
    }
    return is_tagged;
}

/* ---- The door ---- */

void tags_count(struct detect_worker *w)
{
    const struct packet *p = w->packet;

    w->is_tagged = false;
    if (p->src.version == 0 || packet_is_made(p)) {
        return;
    }
    if (w->hosts != NULL && w->engine->n_host_tags > 0) {
        w->is_tagged = count_for_hosts(w);
    }
    if (w->flow != NULL && w->detect_flow != NULL && w->detect_flow->tags != NULL) {
        w->is_tagged |= count_for_flow(w);
    }
}

void tags_set(struct detect_worker *w, const struct rule *r)
{
    for (size_t i = 0; i < r->n_dos; i++) {
        const struct rule_do *d = &r->dos[i];

        if (d->kind != DO_TAG || w->packet->src.version == 0) {
            continue;
        }
        if (d->side != SIDE_EITHER) {
            tag_host(w, r, d);
        } else if (w->flow != NULL && w->detect_flow != NULL) {
            tag_flow(w, r, d);
        }
    }
}

bool detect_packet_is_tagged(const struct detect_worker *w)
{
    return w->is_tagged;
}
