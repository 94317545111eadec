/* The kind of a file by its first bytes, in the words of libmagic: rules ask for them
 * (filemagic, file.magic).  A set belongs to one engine, and so to one thread. */
#include <magic.h>

#include "sensor/app/app_private.h"

struct magic_set *app_magic_open(void)
{
    magic_t m = magic_open(MAGIC_NO_CHECK_COMPRESS);

    if (m != NULL && magic_load(m, NULL) != 0) {
        magic_close(m);
        m = NULL;
    }
    return m;
}

void app_magic_close(struct magic_set *m)
{
    if (m != NULL) {
        magic_close(m);
    }
}

const char *app_magic_name(struct magic_set *m, struct slice bytes)
{
    return magic_buffer(m, bytes.bytes, bytes.size);
}
