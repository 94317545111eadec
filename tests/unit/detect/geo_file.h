/* A MaxMind database (MaxMind DB file format 2.0) of a few networks and their countries,
 * written where a test wants it: a search tree of 24-bit records, the data, the metadata. */
#ifndef CIVICSHIELD_TEST_GEO_FILE_H
#define CIVICSHIELD_TEST_GEO_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/ip.h"
#include "common/base/strbuf.h"

#define GEO_MAX_NODES 2000
#define GEO_NONE UINT32_MAX

struct geo_row {
    const char *network;        /* IPv4 networks stand below ::/96. */
    unsigned prefix;
    const char *country;        /* Any length. */
};

static inline void geo_text(struct strbuf *b, const char *text)
{
    strbuf_putc(b, (char) (2 << 5 | strlen(text)));
    strbuf_puts(b, text);
}

static inline void geo_number(struct strbuf *b, const char *key, unsigned type, uint16_t n)
{
    geo_text(b, key);
    strbuf_putc(b, (char) (type << 5 | 2));
    strbuf_putc(b, (char) (n >> 8));
    strbuf_putc(b, (char) n);
}

/* Way down the tree for 'row', making nodes; its leaf is 'data', the place in the data. */
static inline void geo_add(uint32_t nodes[][2], uint32_t *n, const struct geo_row *row,
                           uint32_t data)
{
    uint8_t bits[16] = { 0 };
    struct ip_addr a;
    uint32_t at = 0;

    if (!ip_parse(row->network, strlen(row->network), &a)) {
        abort();
    }
    unsigned prefix = row->prefix + (a.version == 4 ? 96 : 0);
    memcpy(bits + (a.version == 4 ? 12 : 0), a.bytes, a.version == 4 ? 4 : 16);
    for (unsigned i = 0; i < prefix; i++) {
        uint32_t *next = &nodes[at][bits[i / 8] >> (7 - i % 8) & 1];
        if (i + 1 == prefix) {
            *next = 1u << 31 | data;
        } else if (*next == GEO_NONE) {
            nodes[*n][0] = nodes[*n][1] = GEO_NONE;
            *next = (*n)++;
        }
        at = *next;
    }
}

static inline void geo_write(const char *path, const struct geo_row *rows, size_t n_rows)
{
    static uint32_t nodes[GEO_MAX_NODES][2];
    struct strbuf data = STRBUF_EMPTY, meta = STRBUF_EMPTY;
    uint32_t n = 1;
    FILE *f = fopen(path, "wb");

    nodes[0][0] = nodes[0][1] = GEO_NONE;
    for (size_t i = 0; i < n_rows; i++) {
        geo_add(nodes, &n, &rows[i], (uint32_t) data.size);
        strbuf_putc(&data, (char) (7 << 5 | 1));
        geo_text(&data, "country");
        strbuf_putc(&data, (char) (7 << 5 | 1));
        geo_text(&data, "iso_code");
        geo_text(&data, rows[i].country);
    }
    for (uint32_t i = 0; i < 2 * n; i++) {
        uint32_t r = nodes[i / 2][i % 2];
        r = r == GEO_NONE ? n : (r & 1u << 31) != 0 ? n + 16 + (r & ~(1u << 31)) : r;
        fputc((int) (r >> 16), f);
        fputc((int) (r >> 8 & 0xff), f);
        fputc((int) (r & 0xff), f);
    }
    strbuf_putc(&meta, (char) (7 << 5 | 9));
    geo_number(&meta, "node_count", 6, (uint16_t) n);
    geo_number(&meta, "record_size", 5, 24);
    geo_number(&meta, "ip_version", 5, 6);
    geo_number(&meta, "binary_format_major_version", 5, 2);
    geo_number(&meta, "binary_format_minor_version", 5, 0);
    geo_text(&meta, "database_type");
    geo_text(&meta, "Test-Country");
    geo_text(&meta, "languages");
    strbuf_put(&meta, "\1\4\x42" "en", 5);             /* A list of one text. */
    geo_text(&meta, "build_epoch");
    strbuf_put(&meta, "\1\2\1", 3);                    /* 1, of 64 bits. */
    geo_text(&meta, "description");
    strbuf_put(&meta, "\xe0", 1);                      /* An empty map. */
    fwrite("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 1, 16, f);
    fwrite(data.text, 1, data.size, f);
    fwrite("\xab\xcd\xefMaxMind.com", 1, 14, f);
    fwrite(meta.text, 1, meta.size, f);
    fclose(f);
    strbuf_fini(&data);
    strbuf_fini(&meta);
}

#endif
