#include "sensor/detect/geo.h"

#include <maxminddb.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "common/base/alloc.h"

struct geo {
    MMDB_s db;
};

struct geo *geo_open(const char *path, struct diag *diag)
{
    struct geo *g = xcalloc(1, sizeof *g);
    int status = MMDB_open(path, MMDB_MODE_MMAP, &g->db);

    if (status != MMDB_SUCCESS) {
        diag_add(diag, DIAG_ERROR, path, 0, 0, NULL, "no geographic database: %s",
                 MMDB_strerror(status));
        free(g);
        return NULL;
    }
    return g;
}

void geo_close(struct geo *g)
{
    if (g != NULL) {
        MMDB_close(&g->db);
        free(g);
    }
}

static MMDB_lookup_result_s look_up(const struct geo *g, const struct ip_addr *a)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
    const struct sockaddr *address;
    int error = MMDB_SUCCESS;

    if (a->version == 4) {
        memcpy(&v4.sin_addr, a->bytes, 4);
        address = (const struct sockaddr *) (const void *) &v4;
    } else {
        memcpy(&v6.sin6_addr, a->bytes, 16);
        address = (const struct sockaddr *) (const void *) &v6;
    }
    MMDB_lookup_result_s found = MMDB_lookup_sockaddr(&g->db, address, &error);
    found.found_entry = found.found_entry && error == MMDB_SUCCESS;
    return found;
}

unsigned geo_country(const struct geo *g, const struct ip_addr *a)
{
    static const char *const path[] = { "country", "iso_code", NULL };
    MMDB_entry_data_s data;

    if (a->version != 4 && a->version != 6) {
        return 0;
    }
    MMDB_lookup_result_s found = look_up(g, a);
    if (!found.found_entry || MMDB_aget_value(&found.entry, &data, path) != MMDB_SUCCESS
        || !data.has_data || data.type != MMDB_DATA_TYPE_UTF8_STRING || data.data_size != 2) {
        return 0;
    }
    return geo_code(data.utf8_string[0], data.utf8_string[1]);
}
