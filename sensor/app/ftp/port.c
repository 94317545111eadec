/* Ports in commands and replies.  The address beside them is not used: a data connection is
 * expected between the hosts of the control channel, and one to a third host (the bounce
 * that "ftpbounce" finds) is nobody's file. */
#include "sensor/app/ftp/ftp.h"

static void skip_blanks(struct slice *s)
{
    while (s->size != 0 && (s->bytes[0] == ' ' || s->bytes[0] == '\t')) {
        *s = slice_from(*s, 1);
    }
}

/* Digits off '*s'; false: there are none, or they say more than 65535. */
static bool take_number(struct slice *s, uint32_t *value)
{
    size_t n = 0;

    *value = 0;
    while (n < s->size && s->bytes[n] >= '0' && s->bytes[n] <= '9') {
        *value = *value * 10 + (uint32_t) (s->bytes[n] - '0');
        if (*value > UINT16_MAX) {
            return false;
        }
        n++;
    }
    *s = slice_from(*s, n);
    return n != 0;
}

static bool take_byte(struct slice *s, uint8_t byte)
{
    if (s->size == 0 || s->bytes[0] != byte) {
        return false;
    }
    *s = slice_from(*s, 1);
    return true;
}

/* Six numbers with commas between them; those of the port are the last two. */
static bool take_six(struct slice *s, uint16_t *port)
{
    uint32_t numbers[6];

    for (size_t i = 0; i < 6; i++) {
        if ((i != 0 && !take_byte(s, ',')) || !take_number(s, &numbers[i])) {
            return false;
        }
        if (i < 5) {
            skip_blanks(s);
        }
    }
    *port = (uint16_t) (numbers[4] << 8 | numbers[5]);
    return numbers[4] <= 255 && numbers[5] <= 255;
}

uint16_t ftp_port_argument(struct slice s)
{
    uint16_t port;

    skip_blanks(&s);
    return take_six(&s, &port) ? port : 0;
}

uint16_t ftp_pasv_reply(struct slice s)
{
    const uint8_t *open = s.size != 0 ? memchr(s.bytes, '(', s.size) : NULL;
    uint16_t port;

    if (open == NULL) {
        return 0;
    }
    s = slice_from(s, (size_t) (open - s.bytes) + 1);
    return take_six(&s, &port) && take_byte(&s, ')') ? port : 0;
}

/* A number with a bar behind it. */
static uint16_t take_port(struct slice *s)
{
    uint32_t port;

    skip_blanks(s);
    return take_number(s, &port) && take_byte(s, '|') ? (uint16_t) port : 0;
}

uint16_t ftp_eprt_argument(struct slice s)
{
    skip_blanks(&s);
    if (!take_byte(&s, '|')) {
        return 0;
    }
    /* Past family and address. */
    for (unsigned i = 0; i < 2; i++) {
        const uint8_t *bar = s.size != 0 ? memchr(s.bytes, '|', s.size) : NULL;
        if (bar == NULL) {
            return 0;
        }
        s = slice_from(s, (size_t) (bar - s.bytes) + 1);
    }
    return take_port(&s);
}

uint16_t ftp_epsv_reply(struct slice s)
{
    const uint8_t *bars = s.size != 0 ? memmem(s.bytes, s.size, "|||", 3) : NULL;

    if (bars == NULL) {
        return 0;
    }
    s = slice_from(s, (size_t) (bars - s.bytes) + 3);
    uint16_t port = take_port(&s);
    return take_byte(&s, ')') ? port : 0;
}
