/* Capture files by libpcap: pcap and pcapng, one file, a folder or standard input.
 *
 * Frames are copied into a block of the burst, since libpcap's buffer holds one at a time,
 * and that of plain files a few, and the frames of a burst must stay valid together. */
#include <dirent.h>
#include <errno.h>
#include <pcap.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/obs/log.h"
#include "sensor/capture/capture_private.h"
#include "sensor/capture/plain.h"
#include "sensor/capture/running_clock.h"

#define BLOCK_SIZE CAPTURE_BURST_BYTES
/* How long a read waits for a pipe whose writer rests. */
#define PIPE_WAIT_MS 100

struct file_entry {
    char *path;
    uint64_t first_ns;          /* Timestamp of the first frame; for sorting. */
    uint64_t size;
};

struct file_source {
    struct capture base;
    struct file_entry *entries;
    size_t n_entries, cap, next;
    char *expression;           /* BPF, or NULL. */
    struct capture_filter *filter;      /* For the file that is open. */
    pcap_t *pcap;
    struct capture_plain *plain;        /* Reads the records of 'pcap' as long as it can. */
    struct capture_pipe *pipe;  /* What 'pcap' reads, if that is a pipe; the stream's. */
    int link_type;
    uint64_t number;            /* Of the last frame ... */
    uint64_t n_bytes, n_filtered;       /* ... and of all up to it. */
    struct running_clock clock; /* Of all files: it goes on from one to the next. */
    uint64_t bytes_before;      /* Of the files that are done. */
    /* The next frame, read but not in a burst yet. */
    const uint8_t *pending;
    struct pcap_pkthdr *pending_header;
    /* Read by other threads; those of frames are brought up to date once a burst. */
    _Atomic uint64_t frames, bytes, filtered, files, files_broken, file_bytes;
    uint64_t file_bytes_total;
};

static void add_entry(struct file_source *s, char *path, uint64_t size)
{
    s->entries = xgrow(s->entries, s->n_entries, &s->cap, sizeof *s->entries);
    s->entries[s->n_entries++] = (struct file_entry) { .path = path, .size = size };
    s->file_bytes_total += size;
}

static bool add_folder(struct file_source *s, const char *path, struct diag *diag)
{
    DIR *folder = opendir(path);
    struct dirent *entry;

    if (folder == NULL) {
        diag_add(diag, DIAG_ERROR, path, 0, 0, NULL, "cannot be read: %s", strerror(errno));
        return false;
    }
    while ((entry = readdir(folder)) != NULL) {
        char *file = xasprintf("%s/%s", path, entry->d_name);
        struct stat st;
        if (entry->d_name[0] != '.' && stat(file, &st) == 0 && S_ISREG(st.st_mode)) {
            add_entry(s, file, (uint64_t) st.st_size);
        } else {
            free(file);
        }
    }
    closedir(folder);
    if (s->n_entries == 0) {
        diag_add(diag, DIAG_ERROR, path, 0, 0, NULL, "the folder holds no files");
        return false;
    }
    return true;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(((const struct file_entry *) a)->path, ((const struct file_entry *) b)->path);
}

static int compare_times(const void *a, const void *b)
{
    uint64_t x = ((const struct file_entry *) a)->first_ns;
    uint64_t y = ((const struct file_entry *) b)->first_ns;

    return x != y ? (x < y ? -1 : 1) : compare_paths(a, b);
}

static uint64_t time_of(const struct pcap_pkthdr *header)
{
    /* Precision is nano: tv_usec holds nanoseconds.  Times before 1970 do not exist. */
    return header->ts.tv_sec < 0 ? 0
                                 : (uint64_t) header->ts.tv_sec * NS_PER_SEC
                                       + (uint64_t) header->ts.tv_usec % NS_PER_SEC;
}

static pcap_t *open_pcap(const char *path, struct capture_pipe **pipe, char *error)
{
    FILE *file;
    pcap_t *pcap;

    *pipe = NULL;
    file = capture_pipe_is(path) ? capture_pipe_open(path, pipe) : fopen(path, "rb");
    if (file == NULL) {
        snprintf(error, PCAP_ERRBUF_SIZE, "%s: %s", path, strerror(errno));
        return NULL;
    }
    pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, error);
    if (pcap == NULL) {
        fclose(file);
        if (capture_pipe_is_stopped()) {
            snprintf(error, PCAP_ERRBUF_SIZE, "a signal came before its first bytes");
        }
    }
    return pcap;
}

static void read_first_times(struct file_source *s)
{
    char error[PCAP_ERRBUF_SIZE];

    for (size_t i = 0; i < s->n_entries; i++) {
        struct capture_pipe *pipe;
        pcap_t *pcap = open_pcap(s->entries[i].path, &pipe, error);
        struct pcap_pkthdr *header;
        const uint8_t *bytes;
        if (pcap != NULL && pcap_next_ex(pcap, &header, &bytes) == 1) {
            s->entries[i].first_ns = time_of(header);
        }
        if (pcap != NULL) {
            pcap_close(pcap);
        }
    }
}

static void close_file(struct file_source *s)
{
    if (s->pcap != NULL) {
        capture_plain_end(s->plain);
        pcap_close(s->pcap);
        s->pcap = NULL;
        s->pipe = NULL;
    }
    capture_filter_free(s->filter);
    s->filter = NULL;
}

static void fail_file(struct file_source *s, const char *path, const char *why)
{
    log_warn("capture", "a capture file is not whole", "file=\"%s\" frames=%llu reason=\"%s\"",
             path, (unsigned long long) s->number, why);
    s->base.has_failed = true;
    s->files_broken++;
}

static bool is_known_link(int link_type)
{
    static const int known[] = {
        LINK_NULL, LINK_ETHERNET, LINK_PPP, LINK_RAW_OPENBSD, LINK_RAW_BSDOS, LINK_PPP_HDLC,
        LINK_RAW, LINK_CISCO_HDLC, LINK_LOOP, LINK_LINUX_SLL, LINK_IPV4, LINK_IPV6,
        LINK_LINUX_SLL2,
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (link_type == known[i]) {
            return true;
        }
    }
    return false;
}

/* Frames of a link that decode does not know are no packets; without a word the summary
 * would look as if nothing had happened in them. */
static void warn_of_link(const struct file_source *s, const char *path)
{
    const char *name = pcap_datalink_val_to_description(s->link_type);

    log_warn("capture", "no frame of a capture file is decoded",
             "file=\"%s\" link_type=%d link=\"%s\"", path, s->link_type,
             name != NULL ? name : "unknown");
}

/* Opens the file that 'next' names; false after reporting to 'diag', or the log if NULL. */
static bool open_next(struct file_source *s, struct diag *diag)
{
    const char *path = s->entries[s->next].path;
    char error[PCAP_ERRBUF_SIZE] = "";

    s->pcap = open_pcap(path, &s->pipe, error);
    if (s->pcap == NULL) {
        if (diag != NULL) {
            diag_add(diag, DIAG_ERROR, path, 0, 0, "expected pcap or pcapng", "%s",
                     strncmp(error, path, strlen(path)) == 0 ? "cannot be read" : error);
        } else {
            fail_file(s, path, error);
        }
        return false;
    }
    s->link_type = pcap_datalink(s->pcap);
    if (s->expression != NULL) {
        struct diag own;
        diag_init(&own);
        s->filter = capture_filter_compile(s->expression, s->link_type, diag ? diag : &own);
        if (s->filter == NULL) {
            if (diag == NULL) {
                fail_file(s, path, own.messages[0].text);
            }
            close_file(s);
            diag_fini(&own);
            return false;
        }
        diag_fini(&own);
    }
    if (!is_known_link(s->link_type)) {
        warn_of_link(s, path);
    } else if (s->pipe == NULL) {
        capture_plain_begin(s->plain, s->pcap);
    }
    s->files++;
    return true;
}

/* The next frame of any file; false at the very end. */
static bool next_frame(struct file_source *s, struct pcap_pkthdr **header,
                       const uint8_t **bytes)
{
    for (;;) {
        if (s->pcap == NULL) {
            if (s->next == s->n_entries) {
                return false;
            }
            if (!open_next(s, NULL)) {
                s->next++;
                continue;
            }
        }
        int got = capture_plain_next(s->plain, header, bytes)
                      ? 1
                      : pcap_next_ex(s->pcap, header, bytes);
        if (got == 1) {
            return true;
        }
        if (got == PCAP_ERROR && !capture_pipe_is_stopped()) {
            fail_file(s, s->entries[s->next].path, pcap_geterr(s->pcap));
        }
        s->bytes_before += s->entries[s->next].size;
        s->file_bytes = s->bytes_before;
        close_file(s);
        s->next++;
    }
}

static uint32_t captured_size(const struct pcap_pkthdr *header)
{
    return header->caplen < CAPTURE_MAX_FRAME ? header->caplen : CAPTURE_MAX_FRAME;
}

static void count_frame(struct file_source *s, const struct pcap_pkthdr *header)
{
    s->number++;
    s->n_bytes += header->len;
}

static void publish_counts(struct file_source *s)
{
    atomic_store_explicit(&s->frames, s->number, memory_order_relaxed);
    atomic_store_explicit(&s->bytes, s->n_bytes, memory_order_relaxed);
    atomic_store_explicit(&s->filtered, s->n_filtered, memory_order_relaxed);
}

/* True if the next frame would have to be waited for. */
static bool is_resting(const struct file_source *s)
{
    return s->pipe != NULL && !capture_pipe_wait(s->pipe, 0);
}

/* Has the next frame that passes the filter in 'pending'; false at the very end, and where
 * there is none now. */
static bool peek_frame(struct file_source *s)
{
    while (s->pending == NULL && !is_resting(s)
           && next_frame(s, &s->pending_header, &s->pending)) {
        const struct pcap_pkthdr *header = s->pending_header;
        if (!capture_filter_passes(s->filter, s->pending, captured_size(header),
                                   header->len)) {
            count_frame(s, header);
            s->n_filtered++;
            publish_counts(s);          /* It may be long until one passes. */
            s->pending = NULL;
        }
    }
    return s->pending != NULL;
}

/* The running clock of the burst's last frame hangs on the time of the next.  A pipe whose
 * writer rests shows that time goes on. */
static void settle_last(struct file_source *s, struct capture_burst *burst)
{
    if (burst->n != 0 && s->clock.is_waiting) {
        burst->frames[burst->n - 1].clock_ns = running_clock_settle(
            &s->clock, peek_frame(s) ? time_of(s->pending_header) : UINT64_MAX);
    }
}

/* How much of the file that is open has been read. */
static uint64_t bytes_of_file(const struct file_source *s)
{
    uint64_t plain = capture_plain_offset(s->plain);
    FILE *file = pcap_file(s->pcap);
    long at = plain == 0 && file != NULL ? ftell(file) : -1;

    return at > 0 ? (uint64_t) at : plain;
}

static enum capture_status files_read(struct capture *c, unsigned queue,
                                      struct capture_burst *burst)
{
    struct file_source *s = (struct file_source *) c;
    uint8_t *block = burst->store;
    size_t used = 0;

    if (block == NULL) {
        block = burst->store = xmalloc(BLOCK_SIZE);
    }
    if (s->pipe != NULL && s->pending == NULL) {
        (void) capture_pipe_wait(s->pipe, PIPE_WAIT_MS);
    }
    while (burst->n < CAPTURE_BURST && peek_frame(s)) {
        const struct pcap_pkthdr *header = s->pending_header;
        uint32_t size = captured_size(header);
        if (used + size > BLOCK_SIZE) {
            break;
        }
        settle_last(s, burst);
        count_frame(s, header);
        memcpy(block + used, s->pending, size);
        s->pending = NULL;
        burst->frames[burst->n++] = (struct frame) {
            .bytes = block + used,
            .size = size,
            .wire_size = header->len > size ? header->len : size,
            .time_ns = time_of(header),
            .clock_ns = running_clock_frame(&s->clock, time_of(header)),
            .number = s->number,
            .link_type = (uint16_t) s->link_type,
        };
        used += size;
    }
    settle_last(s, burst);
    publish_counts(s);
    if (burst->n != 0 && s->pcap != NULL && s->file_bytes_total != 0) {
        s->file_bytes = s->bytes_before + bytes_of_file(s);
    }
    bool is_end = s->pcap == NULL && s->next == s->n_entries;
    return burst->n != 0 ? CAPTURE_FRAMES : is_end ? CAPTURE_END : CAPTURE_IDLE;
}

static void files_release(struct capture *c, struct capture_burst *burst)
{
    burst->n = 0;               /* The block is used again by the next read. */
}

static void files_stats(struct capture *c, struct capture_stats *out)
{
    struct file_source *s = (struct file_source *) c;

    out->frames = s->frames;
    out->bytes = s->bytes;
    out->filtered = s->filtered;
    out->files = s->files;
    out->files_broken = s->files_broken;
    out->file_bytes_read = s->file_bytes;
    out->file_bytes_total = s->file_bytes_total;
}

static void files_close(struct capture *c)
{
    struct file_source *s = (struct file_source *) c;

    close_file(s);
    capture_plain_destroy(s->plain);
    for (size_t i = 0; i < s->n_entries; i++) {
        free(s->entries[i].path);
    }
    free(s->entries);
    free(s->expression);
    free(s);
}

static const struct capture_class files_class = { files_close, files_read, files_release,
                                                  files_stats };

struct capture *capture_open_files(const char *path, const char *filter,
                                   const struct capture_conf *conf, struct diag *diag)
{
    struct file_source *s = xcalloc(1, sizeof *s);
    struct stat st;
    bool is_stdin = strcmp(path, "-") == 0;

    s->base.class = &files_class;
    s->base.n_queues = 1;
    s->plain = capture_plain_create();
    s->expression = filter != NULL ? xstrdup(filter) : NULL;
    if (is_stdin) {
        add_entry(s, xstrdup("-"), 0);
    } else if (stat(path, &st) != 0) {
        diag_add(diag, DIAG_ERROR, path, 0, 0, NULL, "cannot be read: %s", strerror(errno));
        goto fail;
    } else if (S_ISDIR(st.st_mode)) {
        if (!add_folder(s, path, diag)) {
            goto fail;
        }
        if (conf->sort_by_time) {
            read_first_times(s);
        }
        qsort(s->entries, s->n_entries, sizeof *s->entries,
              conf->sort_by_time ? compare_times : compare_paths);
    } else {
        add_entry(s, xstrdup(path), S_ISREG(st.st_mode) ? (uint64_t) st.st_size : 0);
    }
    s->base.may_idle = s->n_entries == 1 && capture_pipe_is(s->entries[0].path);
    s->base.description = s->n_entries == 1 ? xstrdup(s->entries[0].path)
                                            : xasprintf("%zu files", s->n_entries);
    /* One file that is no capture is an error at once; one among many is reported when
     * its turn comes, and the others are read. */
    if (s->n_entries == 1 && !open_next(s, diag)) {
        goto fail;
    }
    return &s->base;
fail:
    free(s->base.description);
    files_close(&s->base);
    return NULL;
}
