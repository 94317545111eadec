/* Session descriptions (RFC 8866): lines "type=value", first those of the session, then for
 * each medium an "m" line and those that belong to it.  They are walked when asked for; a
 * line that nobody knows is passed over. */
#include "sensor/app/sip/sip.h"

/* Of each list that one description has in an event. */
#define MAX_LINES 256u

bool sdp_begin(struct slice body, struct sdp_walk *w)
{
    *w = (struct sdp_walk) { .rest = body };
    return body.size >= 4 && memcmp(body.bytes, "v=0", 3) == 0
           && (body.bytes[3] == '\r' || body.bytes[3] == '\n');
}

bool sdp_next(struct sdp_walk *w)
{
    while (w->rest.size != 0) {
        const uint8_t *lf = memchr(w->rest.bytes, '\n', w->rest.size);
        size_t size = lf != NULL ? (size_t) (lf - w->rest.bytes) : w->rest.size;
        struct slice line = slice_of(w->rest.bytes, size);

        w->rest = slice_from(w->rest, lf != NULL ? size + 1 : size);
        if (line.size != 0 && line.bytes[line.size - 1] == '\r') {
            line.size--;
        }
        if (line.size >= 2 && line.bytes[1] == '=') {
            w->type = (char) line.bytes[0];
            w->value = slice_from(line, 2);
            w->n_media += w->type == 'm';
            return true;
        }
    }
    return false;
}

struct slice sdp_find(struct slice body, char type, bool of_media, unsigned index)
{
    struct sdp_walk w;

    for (bool has_more = sdp_begin(body, &w); has_more && sdp_next(&w);) {
        if (w.type == type && (w.n_media != 0) == of_media && index-- == 0) {
            return w.value;
        }
    }
    return slice_of(NULL, 0);
}

/* ---- The event ---- */

/* How many lines of a type, in the session or in all media. */
static size_t count_lines(struct slice body, char type, bool of_media)
{
    struct sdp_walk w;
    size_t n = 0;

    for (bool has_more = sdp_begin(body, &w); has_more && sdp_next(&w);) {
        n += w.type == type && (w.n_media != 0) == of_media;
    }
    return n < MAX_LINES ? n : MAX_LINES;
}

static void add_text(struct slice *list, size_t *n, size_t max, struct slice text)
{
    if (list != NULL && *n < max) {
        list[(*n)++] = text;
    }
}

/* The first line of a type is told. */
static void set_text(struct slice *to, struct slice text)
{
    if (to->bytes == NULL) {
        *to = text;
    }
}

static void fill_session_line(struct event_sdp *out, struct event_sdp_time *times,
                              struct slice *bandwidths, struct slice *attributes,
                              const struct sdp_walk *w)
{
    switch (w->type) {
    case 'o': set_text(&out->origin, w->value); break;
    case 's': set_text(&out->session_name, w->value); break;
    case 'i': set_text(&out->session_info, w->value); break;
    case 'u': set_text(&out->uri, w->value); break;
    case 'e': set_text(&out->email, w->value); break;
    case 'p': set_text(&out->phone_number, w->value); break;
    case 'c': set_text(&out->connection_data, w->value); break;
    case 'z': set_text(&out->timezone, w->value); break;
    case 'k': set_text(&out->encryption_key, w->value); break;
    case 'b': add_text(bandwidths, &out->n_bandwidths, MAX_LINES, w->value); break;
    case 'a': add_text(attributes, &out->n_attributes, MAX_LINES, w->value); break;
    case 't':
        if (times != NULL && out->n_time_descriptions < MAX_LINES) {
            times[out->n_time_descriptions++].time = w->value;
        }
        break;
    case 'r':
        if (times != NULL && out->n_time_descriptions != 0) {
            set_text(&times[out->n_time_descriptions - 1].repeat_time, w->value);
        }
        break;
    default:
        break;
    }
}

/* The lists of all media are parts of two arrays: each begins where the one before ends. */
struct media_filling {
    struct event_sdp_media *media;
    struct slice *bandwidths, *attributes;
    size_t n_bandwidths, n_attributes;
};

static void fill_media_line(struct event_sdp *out, struct media_filling *f,
                            const struct sdp_walk *w)
{
    if (w->type == 'm' && w->n_media <= MAX_LINES) {
        f->media[out->n_media_descriptions++] = (struct event_sdp_media) {
            .media = w->value,
            .bandwidths = f->bandwidths + f->n_bandwidths,
            .attributes = f->attributes + f->n_attributes,
        };
        return;
    }
    if (w->n_media > MAX_LINES) {
        return;
    }
    struct event_sdp_media *m = &f->media[out->n_media_descriptions - 1];
    switch (w->type) {
    case 'i': set_text(&m->media_info, w->value); break;
    case 'c': set_text(&m->connection_data, w->value); break;
    case 'k': set_text(&m->encryption_key, w->value); break;
    case 'b':
        if (f->n_bandwidths < MAX_LINES) {
            f->bandwidths[f->n_bandwidths++] = w->value;
            m->n_bandwidths++;
        }
        break;
    case 'a':
        if (f->n_attributes < MAX_LINES) {
            f->attributes[f->n_attributes++] = w->value;
            m->n_attributes++;
        }
        break;
    default:
        break;
    }
}

/* Room for 'n' texts, and one more, so that there is always a pointer. */
static struct slice *new_texts(struct arena *scratch, size_t n)
{
    return arena_alloc(scratch, (n + 1) * sizeof(struct slice));
}

const struct event_sdp *sdp_fill(struct slice body, struct arena *scratch)
{
    struct sdp_walk w;

    if (!sdp_begin(body, &w)) {
        return NULL;
    }
    struct event_sdp *out = arena_alloc(scratch, sizeof *out);
    struct slice *bandwidths = new_texts(scratch, count_lines(body, 'b', false));
    struct slice *attributes = new_texts(scratch, count_lines(body, 'a', false));
    struct event_sdp_time *times =
        arena_alloc(scratch, (count_lines(body, 't', false) + 1) * sizeof *times);
    struct media_filling f = {
        .media = arena_alloc(scratch, (count_lines(body, 'm', true) + 1) * sizeof *f.media),
        .bandwidths = new_texts(scratch, count_lines(body, 'b', true)),
        .attributes = new_texts(scratch, count_lines(body, 'a', true)),
    };
    if (out == NULL || bandwidths == NULL || attributes == NULL || times == NULL
        || f.media == NULL || f.bandwidths == NULL || f.attributes == NULL) {
        return NULL;
    }
    out->bandwidths = bandwidths;
    out->attributes = attributes;
    out->time_descriptions = times;
    out->media_descriptions = f.media;
    while (sdp_next(&w)) {
        if (w.n_media == 0) {
            fill_session_line(out, times, bandwidths, attributes, &w);
        } else {
            fill_media_line(out, &f, &w);
        }
    }
    return out;
}
