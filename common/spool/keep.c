/* What is settled: the state file first, then the files of whole segments.  A segment goes only
 * when the state that says so had its fdatasync, so that after a crash a segment that is not
 * there is either settled or lost, and it can be told which. */
#include "common/spool/spool_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"

#define KEEP_NS NS_PER_SEC      /* Between two writes of the state that free no segment. */

void spool_forget_segments(struct spool *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        s->segment_total -= s->segments[i].size;
        free(s->segments[i].places);
    }
    if (n != 0) {
        s->n_segments -= n;
        memmove(s->segments, s->segments + n, s->n_segments * sizeof *s->segments);
    }
    if (s->n_segments == 0) {
        s->is_active = false;
    }
}

/* Time of the last record of segment 'i', or one somewhat later. */
static uint64_t read_last_ns(const struct spool *s, size_t i)
{
    return i + 1 < s->n_segments ? s->segments[i + 1].first_ns : s->last_ns;
}

/* Can the active segment, the last, be closed and go?  Only when nothing will be written to it,
 * and only when there is something to win, so that an idle spool does not make a file a sync. */
static bool can_end_active(const struct spool *s)
{
    return s->pending_bytes == 0
           && s->segments[s->n_segments - 1].size >= s->conf.segment_bytes / 4;
}

/* The first segments that are settled, or too old: '*dropped_to' is behind those. */
static size_t count_removable(const struct spool *s, uint64_t now_ns, uint64_t *dropped_to)
{
    size_t n = 0;

    *dropped_to = s->dropped_to;
    for (; n < s->n_segments; n++) {
        const struct segment *segment = &s->segments[n];
        bool is_active = s->is_active && n + 1 == s->n_segments;
        bool is_settled = segment->end <= s->released || segment->end <= s->dropped_to;
        uint64_t last_ns = read_last_ns(s, n);
        bool is_aged = s->conf.drop_aged && s->conf.max_age_ns != 0 && now_ns > last_ns
                       && now_ns - last_ns > s->conf.max_age_ns;

        if ((!is_settled && !is_aged) || (is_active && s->pending_bytes != 0)
            || (is_active && is_settled && !can_end_active(s))) {
            break;
        }
        if (!is_settled) {
            *dropped_to = segment->end;
        }
    }
    return n;
}

size_t spool_count_removable(const struct spool *s, uint64_t now_ns)
{
    uint64_t dropped_to;

    return count_removable(s, now_ns, &dropped_to);
}

bool spool_keep_is_due(const struct spool *s, uint64_t now_ns)
{
    bool is_behind = s->released != s->kept.released;

    return spool_count_removable(s, now_ns) != 0
           || (is_behind && (now_ns < s->kept_ns || now_ns - s->kept_ns >= KEEP_NS));
}

/* Under 'mutex': gives up what is too old. */
static void drop_to(struct spool *s, uint64_t dropped_to)
{
    uint64_t from = s->released > s->dropped_to ? s->released : s->dropped_to;

    if (dropped_to > s->dropped_to) {
        uint64_t first = s->n_segments != 0 ? s->segments[0].first : dropped_to;

        from = from > first ? from : first;
        s->counters.dropped_aged += dropped_to > from ? dropped_to - from : 0;
        s->dropped_to = dropped_to;
    }
}

static int remove_segments(struct spool *s, size_t n)
{
    char name[SPOOL_NAME_SIZE];
    int error = 0;
    size_t i;

    for (i = 0; i < n && error == 0; i++) {
        segment_name(s->segments[i].first, name);
        if (unlinkat(s->folder_fd, name, 0) != 0 && errno != ENOENT) {
            error = -errno;
            break;
        }
    }
    pthread_mutex_lock(&s->mutex);
    spool_forget_segments(s, i);
    pthread_mutex_unlock(&s->mutex);
    return error;
}

int spool_keep(struct spool *s, uint64_t now_ns, bool is_last)
{
    struct spool_state state;
    uint64_t dropped_to;
    bool is_due;
    size_t n;
    int error = 0;

    pthread_mutex_lock(&s->mutex);
    n = count_removable(s, now_ns, &dropped_to);
    is_due = spool_keep_is_due(s, now_ns);
    state = s->kept;
    state.released = s->released;
    state.dropped_to = dropped_to;
    if (state.released != s->kept.released || state.dropped_to != s->kept.dropped_to) {
        is_due = is_due || is_last;
    } else if (n == 0) {
        is_due = false;
    }
    pthread_mutex_unlock(&s->mutex);
    if (!is_due) {
        return 0;
    }
    if (state.released != s->kept.released || state.dropped_to != s->kept.dropped_to) {
        state.sequence++;
        error = state_write(s->state_fd, s->io, &state);
        if (error != 0) {
            return error;
        }
    }
    pthread_mutex_lock(&s->mutex);
    drop_to(s, state.dropped_to);
    s->kept = state;
    s->kept_ns = now_ns;
    pthread_mutex_unlock(&s->mutex);
    if (n != 0 && n == s->n_segments) {         /* The one that grows goes as well. */
        spool_close_segment(s);
    }
    return remove_segments(s, n);
}
