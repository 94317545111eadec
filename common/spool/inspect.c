/* A folder as it is, for tools: nothing is locked and nothing changed. */
#include "common/spool/spool_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct scan {
    const char *folder;
    int folder_fd;
    uint64_t salt;              /* For a segment that has lost its header. */
    const struct spool_visitor *visitor;
    struct spool_totals *totals;
    struct diag *diag;
    struct walk walk;
    struct spool_segment segment;
    uint64_t next;              /* The position that must come. */
    bool is_over;               /* The visitor has seen enough. */
};

static bool refuse(struct scan *scan, const char *file, const char *why)
{
    diag_add(scan->diag, DIAG_ERROR, scan->folder, 0, 0, NULL, "spool's %s %s", file, why);
    return false;
}

static void tell_gap(struct scan *scan, const struct spool_gap *gap)
{
    scan->segment.n_gaps++;
    scan->segment.n_lost += gap->to - gap->from;
    scan->totals->n_gaps += gap->reason != SPOOL_GAP_TORN;
    scan->totals->n_lost += gap->to - gap->from;
    if (scan->visitor->gap != NULL && !scan->visitor->gap(scan->visitor->context, gap)) {
        scan->is_over = true;
    }
}

static void tell_record(struct scan *scan, struct spool_record *record,
                        const struct segment_header *header)
{
    struct spool_segment *segment = &scan->segment;

    segment->last = record->position;
    segment->first_ns = segment->n_records == 0 ? record->time_ns : segment->first_ns;
    segment->last_ns = record->time_ns;
    segment->n_records++;
    scan->totals->n_records++;
    scan->next = record->position + 1;
    record->is_durable = true;
    record->identity = slice_of(header->identity, header->identity_size);
    if (scan->visitor->record != NULL
        && !scan->visitor->record(scan->visitor->context, record)) {
        scan->is_over = true;
    }
}

/* What the state file says: all before '*settled' is gone or may be.  False when it has another
 * version; 0 when there is none. */
static bool read_settled(struct scan *scan, uint64_t *settled)
{
    int fd = openat(scan->folder_fd, "state", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct spool_state state = { 0 };
    bool found = false;
    uint32_t version;
    bool is_known = fd < 0 || state_read(fd, &state, &found, &version);

    if (fd >= 0) {
        close(fd);
    }
    if (found) {
        scan->totals->released = state.released;
        scan->salt = state.salt;
    }
    *settled = state.released > state.dropped_to ? state.released : state.dropped_to;
    return is_known || refuse(scan, "state", "has another format version");
}

/* No segment has the positions up to 'first'; but the owner may have settled them meanwhile. */
static void tell_missing(struct scan *scan, uint64_t first)
{
    struct spool_gap missing = { .reason = SPOOL_GAP_MISSING, .from = scan->next, .to = first };
    uint64_t settled;

    if (read_settled(scan, &settled) && settled > missing.from) {
        missing.from = settled;
    }
    if (missing.from < missing.to) {
        tell_gap(scan, &missing);
    }
}

/* The records of the segment that scan->walk has open. */
static void scan_records(struct scan *scan, const struct segment_header *header, bool is_last)
{
    struct spool_record record;
    struct spool_gap gap;
    enum walk_step step;

    while (!scan->is_over && (step = walk_next(&scan->walk, &record, &gap)) != WALK_END) {
        if (step == WALK_RECORD) {
            tell_record(scan, &record, header);
            continue;
        }
        if (is_last && scan->walk.at >= scan->walk.limit && gap.from == gap.to) {
            gap.reason = SPOOL_GAP_TORN;        /* Nothing good is behind it. */
        }
        scan->next = gap.to;
        tell_gap(scan, &gap);
    }
}

/* The segment that begins with 'first'; 'end' is where the following begins. */
static bool scan_segment(struct scan *scan, uint64_t first, uint64_t end)
{
    struct spool_gap gap = { .reason = SPOOL_GAP_HEADER, .from = first, .to = first,
                             .bytes = SEGMENT_HEADER };
    struct segment_header header;
    enum header_state state;
    uint32_t version;
    uint64_t size;
    int fd;

    scan->segment = (struct spool_segment) { .first = first, .last = first - 1 };
    segment_name(first, scan->segment.name);
    fd = segment_open(scan->folder_fd, scan->segment.name, &size);
    if (fd < 0) {                               /* The owner has removed it meanwhile. */
        return errno == ENOENT || refuse(scan, scan->segment.name, strerror(errno));
    }
    state = segment_read_header(fd, first, &header, &version);
    if (state == HEADER_OTHER_VERSION) {
        close(fd);
        return refuse(scan, scan->segment.name, "has another format version");
    }
    if (scan->next != 0 && scan->next < first) {
        tell_missing(scan, first);
    }
    scan->next = first;
    scan->segment.bytes = size;
    scan->totals->n_segments++;
    scan->totals->bytes += size;
    if (state == HEADER_LOST) {
        header.salt = scan->salt;
    }
    scan->salt = header.salt;
    if (state != HEADER_GOOD && (end != POSITION_NONE || size >= SEGMENT_HEADER)) {
        memcpy(gap.file, scan->segment.name, sizeof gap.file);
        tell_gap(scan, &gap);
    }
    walk_begin(&scan->walk, fd, scan->segment.name, header.salt, SEGMENT_HEADER, first);
    scan->walk.limit = size > SEGMENT_HEADER ? size : SEGMENT_HEADER;
    scan->walk.end = end;
    scan_records(scan, &header, end == POSITION_NONE);
    if (scan->visitor->segment != NULL && !scan->is_over
        && !scan->visitor->segment(scan->visitor->context, &scan->segment)) {
        scan->is_over = true;
    }
    return true;
}

static bool scan_folder(struct scan *scan, const uint64_t *firsts, size_t n)
{
    if (!read_settled(scan, &scan->next)) {     /* From here on nothing may be missing. */
        return false;
    }
    for (size_t i = 0; i < n && !scan->is_over; i++) {
        if (!scan_segment(scan, firsts[i], i + 1 < n ? firsts[i + 1] : POSITION_NONE)) {
            return false;
        }
    }
    scan->totals->next = scan->next;
    return true;
}

bool spool_scan(const char *folder, size_t max_record, const struct spool_visitor *visitor,
                struct spool_totals *totals, struct diag *diag)
{
    struct scan scan = { .folder = folder, .visitor = visitor, .totals = totals, .diag = diag };
    uint64_t *firsts = NULL;
    size_t n;
    bool ok;

    memset(totals, 0, sizeof *totals);
    scan.folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (scan.folder_fd < 0 || !segment_find_all(scan.folder_fd, &firsts, &n)) {
        diag_add(diag, DIAG_ERROR, folder, 0, 0, NULL, "spool cannot be read: %s",
                 strerror(errno));
        if (scan.folder_fd >= 0) {
            close(scan.folder_fd);
        }
        return false;
    }
    walk_init(&scan.walk, max_record < SPOOL_RECORD_LIMIT ? max_record : SPOOL_RECORD_LIMIT);
    ok = scan_folder(&scan, firsts, n);
    walk_fini(&scan.walk);
    free(firsts);
    close(scan.folder_fd);
    return ok;
}

bool spool_list(const char *folder, bool (*segment)(void *, const struct spool_segment *),
                void *context, struct diag *diag)
{
    struct spool_visitor visitor = { .context = context, .segment = segment };
    struct spool_totals totals;

    return spool_scan(folder, SPOOL_RECORD_LIMIT, &visitor, &totals, diag);
}

bool spool_verify(const char *folder, bool (*gap)(void *, const struct spool_gap *),
                  void *context, struct spool_totals *totals, struct diag *diag)
{
    struct spool_visitor visitor = { .context = context, .gap = gap };

    return spool_scan(folder, SPOOL_RECORD_LIMIT, &visitor, totals, diag) && totals->n_gaps == 0;
}
