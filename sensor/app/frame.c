#include "sensor/app/frame.h"

#include "sensor/app/app_private.h"

/* Frames of one session that wait to be looked at: a packet of the largest size full of the
 * smallest records would make more, and nothing is lost with those but themselves. */
#define MAX_FRAMES 2048u

static uint64_t keep_of(const struct session *s, enum frame_id id)
{
    return s->pub.engine->conf->frame_keep[id];
}

bool app_frame_is_wanted(const struct app_session *s, enum frame_id id)
{
    return s->engine->conf->frame_keep[id] != 0;
}

/* Where 'at' is in what its direction sent. */
static uint64_t offset_of(const struct session *s, const uint8_t *at)
{
    const struct app_side *side = &s->sides[s->input_dir];
    const uint8_t *end = s->input.bytes + s->input.size;

    return side->arrived - (uint64_t) (end - at);
}

static void end_frame(struct app_frame *f, bool is_complete)
{
    f->is_complete = is_complete;
    f->is_over = true;
    if (f->open_node.next != NULL) {
        list_remove(&f->open_node);
    }
}

/* Takes what is of the frame out of 'bytes', which come next. */
static void append(struct session *s, struct app_frame *f, struct slice bytes)
{
    uint64_t keep = keep_of(s, f->id), kept = f->kept.size;
    uint64_t room = f->is_kept_whole && kept < keep ? keep - kept : 0;

    if (f->size != APP_FRAME_OPEN && bytes.size > f->size - f->seen) {
        bytes.size = (size_t) (f->size - f->seen);
    }
    size_t n = bytes.size < room ? bytes.size : (size_t) room;

    f->is_kept_whole = f->is_kept_whole && n == bytes.size;
    if (n != 0 && !app_bytes_put(&s->pub, &f->kept, bytes.bytes, n)) {
        f->is_kept_whole = false;
    }
    f->data = slice_of(f->kept.bytes, f->kept.size);
    f->seen += bytes.size;
    if (f->seen == f->size) {
        end_frame(f, true);
    }
}

struct app_frame *app_frame_open(struct app_session *session, enum frame_id id,
                                 const uint8_t *at, uint64_t size)
{
    struct session *s = session_of(session);
    struct app_side *side = &s->sides[s->input_dir];
    uint64_t number = ++side->n_frames;

    if (keep_of(s, id) == 0 || size == 0) {
        return NULL;
    }
    struct app_frame *f = s->pub.n_frames < MAX_FRAMES ? pool_get(&session->engine->frames)
                                                       : NULL;
    if (f == NULL) {
        session->engine->counters.frames_refused++;
        return NULL;
    }
    memset(f, 0, sizeof *f);
    f->id = id;
    f->dir = s->input_dir;
    f->number = number;
    f->offset = s->is_datagram ? APP_FRAME_NO_OFFSET : offset_of(s, at);
    f->size = size;
    f->is_kept_whole = true;
    list_push_back(&session->frames, &f->node);
    list_push_back(&side->open_frames, &f->open_node);
    session->n_frames++;
    session->engine->counters.frames++;
    append(s, f, slice_of(at, (size_t) (s->input.bytes + s->input.size - at)));
    return f;
}

void app_frame_close(struct app_session *session, struct app_frame *f, const uint8_t *end)
{
    struct session *s = session_of(session);

    if (f == NULL || f->is_over) {
        return;
    }
    if (f->dir == s->input_dir && !s->is_datagram && end != NULL) {
        uint64_t to = offset_of(s, end);

        f->seen = to > f->offset ? to - f->offset : 0;
        if (f->kept.size > f->seen) {
            f->kept.size = (size_t) f->seen;
            f->data.size = f->kept.size;
        }
    }
    f->size = f->seen;
    end_frame(f, true);
}

void app_frame_cut(struct app_frame *f)
{
    if (f != NULL && !f->is_over) {
        end_frame(f, false);
    }
}

void app_frame_set_tx(struct app_frame *f, const struct app_tx *tx)
{
    if (f != NULL && tx != NULL) {
        f->has_tx = true;
        f->tx_id = tx->id;
    }
}

struct app_tx *app_frame_tx(const struct app_session *s, const struct app_frame *f)
{
    for (struct app_tx *tx = f->has_tx ? app_tx_first(s) : NULL; tx != NULL;
         tx = app_tx_next(s, tx)) {
        if (tx->id == f->tx_id && tx->parser->proto == frame_proto(f->id)) {
            return tx;
        }
    }
    return NULL;
}

void app_frames_begin(struct session *s, enum direction dir)
{
    struct app_side *side = &s->sides[dir];

    if (side->n_frames != 0) {
        return;
    }
    /* The stream itself is the first frame over TCP, whether or not anyone wants it. */
    (void) app_frame_open(&s->pub, FRAME_STREAM, s->input.bytes, APP_FRAME_OPEN);
}

void app_frames_feed(struct session *s, const struct app_piece *piece)
{
    struct app_side *side = &s->sides[piece->dir];

    LIST_FOR_EACH_SAFE (node, next, &side->open_frames) {
        struct app_frame *f = LIST_ENTRY(node, struct app_frame, open_node);

        if (piece->gap != 0) {
            uint64_t left = f->size != APP_FRAME_OPEN ? f->size - f->seen : UINT64_MAX;

            f->has_gaps = true;
            f->is_kept_whole = false;
            f->seen += piece->gap < left ? piece->gap : left;
            if (f->seen == f->size) {
                end_frame(f, false);
                continue;
            }
        }
        append(s, f, piece->bytes);
    }
}

void app_frames_end(struct session *s, enum direction dir, bool is_whole)
{
    LIST_FOR_EACH_SAFE (node, next, &s->sides[dir].open_frames) {
        struct app_frame *f = LIST_ENTRY(node, struct app_frame, open_node);

        if (f->id == FRAME_STREAM && is_whole && !f->has_gaps) {
            f->size = f->seen;
        }
        end_frame(f, f->size == f->seen);
    }
}

void app_frames_switch(struct session *s)
{
    LIST_FOR_EACH (node, &s->pub.frames) {
        struct app_frame *f = LIST_ENTRY(node, struct app_frame, node);

        if (f->id != FRAME_STREAM) {
            app_frame_cut(f);
        }
    }
}

static void free_frame(struct session *s, struct app_frame *f)
{
    if (f->open_node.next != NULL) {
        list_remove(&f->open_node);
    }
    list_remove(&f->node);
    app_bytes_free(&s->pub, &f->kept);
    s->pub.n_frames--;
    pool_put(&s->pub.engine->frames, f);
}

void app_frames_release(struct session *s)
{
    LIST_FOR_EACH_SAFE (node, next, &s->pub.frames) {
        struct app_frame *f = LIST_ENTRY(node, struct app_frame, node);

        if (f->is_over && f->is_inspected && f->is_logged) {
            free_frame(s, f);
        }
    }
}

void app_frames_free(struct session *s)
{
    LIST_FOR_EACH_SAFE (node, next, &s->pub.frames) {
        free_frame(s, LIST_ENTRY(node, struct app_frame, node));
    }
}
