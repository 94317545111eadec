#include "sensor/capture/plain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"

/* A piece stays in the processor's cache until its records are copied. */
#define PIECE_SIZE (128u << 10)
/* What is left of a piece is at most a record less a byte; it is put in front of the next. */
#define MAX_CAPTURED (PIECE_SIZE / 2)
#define FRONT_SIZE (MAX_CAPTURED + XPAGE_SIZE)

#define MICROSECONDS 0xa1b2c3d4u        /* The file's first bytes, by what its times have. */
#define NANOSECONDS 0xa1b23c4du
#define FILE_HEADER_SIZE 24
#define RECORD_HEADER_SIZE 16

struct capture_plain {
    pcap_t *pcap;               /* NULL: no record. */
    int fd;
    bool is_swapped;
    uint32_t to_ns;             /* Factor of the fraction of a second. */
    uint32_t max_captured;
    uint64_t offset;            /* In the file, of the next record ... */
    uint64_t end;               /* ... and of what has not been read. */
    size_t at, left;            /* Where the record is in 'bytes', and what follows. */
    bool is_last;               /* The file gave no whole piece. */
    struct pcap_pkthdr header;
    uint8_t *bytes;             /* FRONT_SIZE, and a piece from a page on. */
};

struct capture_plain *capture_plain_create(void)
{
    struct capture_plain *p = xcalloc(1, sizeof *p);

    p->bytes = xmalloc_pages(FRONT_SIZE + PIECE_SIZE);
    return p;
}

void capture_plain_destroy(struct capture_plain *p)
{
    if (p != NULL) {
        free(p->bytes);
        free(p);
    }
}

/* Reads another piece behind what is left. */
static void read_piece(struct capture_plain *p)
{
    uint8_t *front = p->bytes + FRONT_SIZE - p->left;

    memmove(front, p->bytes + p->at, p->left);
    p->at = FRONT_SIZE - p->left;
    ssize_t got = pread(p->fd, p->bytes + FRONT_SIZE, PIECE_SIZE, (off_t) p->end);
    p->left += got > 0 ? (size_t) got : 0;
    p->end += got > 0 ? (uint64_t) got : 0;
    p->is_last = got < (ssize_t) PIECE_SIZE;
}

/* Whether 'n' bytes, at most a record, are left; reads them if need be.  A piece is longer
 * than a record. */
static bool has_bytes(struct capture_plain *p, size_t n)
{
    if (p->left < n && !p->is_last) {
        read_piece(p);
    }
    return p->left >= n;
}

static void skip(struct capture_plain *p, size_t n)
{
    p->at += n;
    p->left -= n;
    p->offset += n;
}

static uint32_t u32_at(const struct capture_plain *p, size_t i)
{
    uint32_t value;

    memcpy(&value, p->bytes + p->at + i, sizeof value);
    return p->is_swapped ? __builtin_bswap32(value) : value;
}

void capture_plain_begin(struct capture_plain *p, pcap_t *pcap)
{
    uint32_t max_captured = (uint32_t) pcap_snapshot(pcap);

    p->pcap = NULL;
    p->fd = fileno(pcap_file(pcap));
    p->is_swapped = pcap_is_swapped(pcap) != 0;
    p->offset = p->end = 0;
    p->at = FRONT_SIZE;
    p->left = 0;
    p->is_last = false;
    p->max_captured = max_captured < MAX_CAPTURED ? max_captured : MAX_CAPTURED;
    if (pcap_major_version(pcap) != 2 || pcap_minor_version(pcap) != 4
        || !has_bytes(p, FILE_HEADER_SIZE)) {
        return;
    }
    uint32_t magic = u32_at(p, 0);
    if (magic == MICROSECONDS || magic == NANOSECONDS) {
        p->to_ns = magic == MICROSECONDS ? 1000 : 1;
        p->pcap = pcap;
        skip(p, FILE_HEADER_SIZE);
    }
}

void capture_plain_end(struct capture_plain *p)
{
    p->pcap = NULL;
}

/* Record: seconds(4) fraction(4) captured(4) length on the wire(4), then what was captured. */
static bool read_record(struct capture_plain *p)
{
    if (!has_bytes(p, RECORD_HEADER_SIZE)) {
        return false;
    }
    uint32_t seconds = u32_at(p, 0), fraction = u32_at(p, 4);
    p->header.ts.tv_sec = seconds;
    p->header.ts.tv_usec = (suseconds_t) fraction * p->to_ns;
    p->header.caplen = u32_at(p, 8);
    p->header.len = u32_at(p, 12);
    /* What libpcap makes of times that overflow hangs on its version. */
    return seconds <= INT32_MAX && fraction < 1000000000 / p->to_ns
           && p->header.caplen <= p->max_captured
           && has_bytes(p, RECORD_HEADER_SIZE + p->header.caplen);
}

bool capture_plain_next(struct capture_plain *p, struct pcap_pkthdr **header,
                        const uint8_t **bytes)
{
    if (p->pcap == NULL) {
        return false;
    }
    if (!read_record(p)) {
        /* Of a regular file, so it can be sought. */
        (void) fseeko(pcap_file(p->pcap), (off_t) p->offset, SEEK_SET);
        p->pcap = NULL;
        return false;
    }
    *header = &p->header;
    *bytes = p->bytes + p->at + RECORD_HEADER_SIZE;
    skip(p, RECORD_HEADER_SIZE + p->header.caplen);
    return true;
}

uint64_t capture_plain_offset(const struct capture_plain *p)
{
    return p->pcap != NULL ? p->offset : 0;
}
