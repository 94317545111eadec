/* Records of plain capture files, read here in large pieces.  Plain is what nearly every file
 * is: classic pcap of version 2.4, of either byte order and precision, whose records keep to
 * what the file's header says.  libpcap opens the file and judges the header; from the first
 * record on that is not plain, or not whole, it reads the rest as well, so that whatever is
 * odd is treated, and reported, as libpcap does. */
#ifndef CIVICSHIELD_CAPTURE_PLAIN_H
#define CIVICSHIELD_CAPTURE_PLAIN_H

#include <pcap.h>
#include <stdbool.h>
#include <stdint.h>

struct capture_plain;

/* A reader for one file after the other; between them it has no record. */
struct capture_plain *capture_plain_create(void);
void capture_plain_destroy(struct capture_plain *);         /* NULL is fine. */
/* Reads what 'pcap' would: a regular file, just opened, with nanoseconds, and of a link whose
 * frames libpcap hands out as they are.  Borrowed until capture_plain_end(). */
void capture_plain_begin(struct capture_plain *, pcap_t *pcap);
void capture_plain_end(struct capture_plain *);
/* The next record, good until the next call.  False where pcap_next_ex() goes on. */
bool capture_plain_next(struct capture_plain *, struct pcap_pkthdr **header,
                        const uint8_t **bytes);
/* How much of the file has been handed out; 0 where libpcap goes on. */
uint64_t capture_plain_offset(const struct capture_plain *);

#endif
