/* Which matches become alerts: threshold, limit, both, detection_filter, rate_filter,
 * suppress, backoff.  Counts live in the host table, by rule and tracked address; those by
 * rule or flow are there too, under keys of their own. */
#include "sensor/detect/detect_private.h"

#define NS_PER_SECOND 1000000000ull
#define NO_SECONDS 3600u        /* How long a count without a period is kept. */

static struct host_key filter_key(const struct detect_worker *w, const struct rule *r,
                                  size_t number, enum direction dir)
{
    enum filter_track track = r->filters[number].track;
    const struct ip_addr *src = flow_state_src(w, dir), *dst = flow_state_dst(w, dir);
    uint64_t id = ((uint64_t) r->gid << 40) ^ ((uint64_t) r->sid << 8) ^ (number & 0xff);

    switch (track) {
    case TRACK_SRC:
        return host_key(HOST_THRESHOLD, id, src, NULL);
    case TRACK_DST:
        /* Another id than by_src, or one host in both roles would share a count. */
        return host_key(HOST_THRESHOLD, id ^ 1ull << 62, dst, NULL);
    case TRACK_BOTH:
        return ip_compare(src, dst) <= 0 ? host_key(HOST_THRESHOLD, id, src, dst)
                                         : host_key(HOST_THRESHOLD, id, dst, src);
    case TRACK_FLOW:
        return host_key(HOST_THRESHOLD, id ^ hash_mix(w->flow != NULL ? w->flow->id : 0),
                        NULL, NULL);
    case TRACK_RULE:
    case TRACK_NONE:
        break;
    }
    return host_key(HOST_THRESHOLD, id, NULL, NULL);
}

/* Counts one match in the period that began with the first; returns its number. */
static uint64_t count_in_period(struct host_value *v, uint64_t now, uint64_t period_ns)
{
    /* Packets may come with times that go back: those count in the period at hand. */
    if (v->start_ns == 0 || (now > v->start_ns && now - v->start_ns > period_ns)) {
        v->start_ns = now;
        v->count = 0;
    }
    uint64_t expires = v->start_ns + period_ns + 1;

    v->expires_ns = expires > v->until_ns ? expires : v->until_ns;
    return ++v->count;
}

/* Alerts at count, count * multiplier, count * multiplier squared, ... */
static bool passes_backoff(const struct rule_filter *f, struct host_value *v, uint64_t now)
{
    uint64_t next;

    v->expires_ns = now + NO_SECONDS * NS_PER_SECOND;
    if (v->start_ns == 0) {
        v->start_ns = f->count != 0 ? f->count : 1;     /* Here: the next number. */
    }
    if (++v->count < v->start_ns) {
        return false;
    }
    if (__builtin_mul_overflow(v->start_ns, (uint64_t) (f->multiplier > 1 ? f->multiplier : 1),
                               &next)) {
        next = UINT64_MAX;
    }
    v->start_ns = next > v->count ? next : v->count + 1;
    return true;
}

/* Changes the action once there were more than 'count' in a period, for 'timeout'. */
static void apply_rate(const struct rule_filter *f, struct host_value *v, uint64_t now,
                       struct detect_alert *alert)
{
    if (v->until_ns > now) {
        alert->action = f->new_action;
        return;
    }
    if (v->until_ns != 0) {     /* The time out is over: count anew. */
        v->until_ns = 0;
        v->start_ns = 0;
    }
    if (count_in_period(v, now, f->seconds * NS_PER_SECOND) > f->count) {
        v->until_ns = now + f->timeout * NS_PER_SECOND;
        v->expires_ns = v->until_ns > v->expires_ns ? v->until_ns : v->expires_ns;
        alert->action = f->new_action;
    }
}

static bool passes(const struct rule_filter *f, struct host_value *v, uint64_t now,
                   struct detect_alert *alert)
{
    uint64_t period = (f->seconds != 0 ? f->seconds : NO_SECONDS) * NS_PER_SECOND;

    switch (f->kind) {
    case FILTER_LIMIT:
        return count_in_period(v, now, period) <= f->count;
    case FILTER_THRESHOLD:
        if (count_in_period(v, now, period) < f->count) {
            return false;
        }
        v->count = 0;
        return true;
    case FILTER_BOTH:
        return count_in_period(v, now, period) == f->count;
    case FILTER_DETECTION:
        return count_in_period(v, now, period) > f->count;
    case FILTER_RATE:
        apply_rate(f, v, now, alert);
        return true;
    case FILTER_BACKOFF:
        return passes_backoff(f, v, now);
    case FILTER_SUPPRESS:
    case FILTER_NONE:
        break;
    }
    return true;
}

static bool is_suppressed(const struct detect_worker *w, const struct rule_filter *f,
                          enum direction dir)
{
    bool is_src, is_dst;

    if (f->addresses == NULL) {
        return true;
    }
    is_src = address_set_has(f->addresses, flow_state_src(w, dir));
    is_dst = address_set_has(f->addresses, flow_state_dst(w, dir));
    return f->track == TRACK_SRC   ? is_src
           : f->track == TRACK_DST ? is_dst
           : f->track == TRACK_NONE || is_src || is_dst;
}

bool filters_pass_alert(struct detect_worker *w, struct detect_alert *alert)
{
    const struct rule *r = alert->rule;

    for (size_t i = 0; i < r->n_filters; i++) {
        const struct rule_filter *f = &r->filters[i];

        if (f->kind == FILTER_SUPPRESS) {
            if (is_suppressed(w, f, alert->dir)) {
                w->counters.suppressed++;
                return false;
            }
            continue;
        }
        if (f->kind == FILTER_NONE || w->hosts == NULL) {
            continue;
        }
        struct host_key key = filter_key(w, r, i, alert->dir);
        uint64_t now = w->packet->time_ns;
        struct host_value *v = host_acquire(w->hosts, &key, now, true);

        if (v == NULL) {
            continue;
        }
        bool ok = passes(f, v, now, alert);

        host_release(w->hosts, &key);
        if (!ok) {
            w->counters.thresholded++;
            return false;
        }
    }
    return true;
}
