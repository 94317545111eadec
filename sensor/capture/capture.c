#include "sensor/capture/capture.h"

#include <stdlib.h>

#include "sensor/capture/capture_private.h"

#define KEY(member) offsetof(struct capture_conf, member)
static const struct conf_key keys[] = {
    { "sort-by-time", CONF_BOOL, KEY(sort_by_time), "no", 0, 0,
      "Read the files of a folder in the order of their first timestamps, not names", NULL },
    { "port.buffers", CONF_UINT, KEY(port_buffers), "32768", 512, 16777216,
      "Packet buffers of each port's pool", NULL },
    { "port.descriptors", CONF_UINT, KEY(port_descriptors), "2048", 64, 32768,
      "Receive descriptors of each queue", NULL },
    { "af-packet.block-size", CONF_SIZE, KEY(af_packet_block), "1mb", 65536, 16777216,
      "Block size of the kernel's ring behind a Linux interface", NULL },
    { "af-packet.frame-size", CONF_SIZE, KEY(af_packet_frame), "2kb", 256, 32768,
      "Frame size of that ring; longer frames are cut", NULL },
    { "af-packet.frames", CONF_UINT, KEY(af_packet_frames), "65536", 512, 1048576,
      "Frames in that ring", NULL },
};
const struct conf_section capture_conf_section = { "capture", keys,
                                                   sizeof keys / sizeof *keys };

void capture_close(struct capture *c)
{
    if (c != NULL) {
        free(c->description);
        c->class->close(c);
    }
}

unsigned capture_n_queues(const struct capture *c)
{
    return c->n_queues;
}

bool capture_is_live(const struct capture *c)
{
    return c->is_live;
}

bool capture_may_idle(const struct capture *c)
{
    return c->may_idle;
}

enum capture_status capture_read(struct capture *c, unsigned queue,
                                 struct capture_burst *burst)
{
    burst->n = 0;
    return c->class->read(c, queue, burst);
}

void capture_release(struct capture *c, struct capture_burst *burst)
{
    c->class->release(c, burst);
}

void capture_burst_fini(struct capture_burst *burst)
{
    free(burst->store);
    burst->store = NULL;
    burst->n = 0;
}

void capture_stats_get(struct capture *c, struct capture_stats *stats)
{
    *stats = (struct capture_stats) { 0 };
    c->class->stats(c, stats);
}

bool capture_has_failed(const struct capture *c)
{
    return c->has_failed;
}

const char *capture_describe(const struct capture *c)
{
    return c->description;
}
