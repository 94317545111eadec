/* Values of a JSON document by path, for tests. */
#ifndef CIVICSHIELD_TEST_JSON_PATH_H
#define CIVICSHIELD_TEST_JSON_PATH_H

#include <jansson.h>
#include <string.h>

/* The value at a dotted path; NULL if there is none. */
static inline json_t *at(json_t *json, const char *path)
{
    char part[64];

    while (json != NULL && *path != '\0') {
        size_t len = strcspn(path, ".");

        memcpy(part, path, len);
        part[len] = '\0';
        json = json_object_get(json, part);
        path += len + (path[len] == '.');
    }
    return json;
}

#endif
