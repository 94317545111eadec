#include "rules/keywords/dataset_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* RFC 4648 section 4, with or without padding. */
static bool is_base64(struct slice s)
{
    size_t n = s.size;

    while (n > 0 && s.size - n < 2 && s.bytes[n - 1] == '=') {
        n--;
    }
    for (size_t i = 0; i < n; i++) {
        if (isalnum(s.bytes[i]) == 0 && s.bytes[i] != '+' && s.bytes[i] != '/') {
            return false;
        }
    }
    return n > 0 && n % 4 != 1;
}

static bool is_hex(struct slice s, size_t n)
{
    for (size_t i = 0; i < s.size; i++) {
        if (isxdigit(s.bytes[i]) == 0) {
            return false;
        }
    }
    return s.size == n;
}

static bool is_value(struct slice s, const char *type)
{
    struct ip_addr a;

    if (strcmp(type, "string") == 0) {
        return is_base64(s);
    }
    if (strcmp(type, "md5") == 0) {
        return is_hex(s, 32);
    }
    if (strcmp(type, "sha256") == 0) {
        return is_hex(s, 64);
    }
    return ip_parse((const char *) s.bytes, s.size, &a)
           && (strcmp(type, "ipv4") != 0 || a.version == 4);
}

static bool check_line(struct slice line, const char *type, bool is_rep)
{
    struct slice value = line, rest = line;
    uint64_t reputation;

    if (is_rep) {
        slice_next(&rest, ',', &value);
        return is_value(value, type) && number_parse(slice_trim(rest), UINT16_MAX, &reputation);
    }
    return is_value(value, type);
}

bool dataset_file_check(struct draft *d, const char *path, const char *type, bool is_rep)
{
    FILE *f = fopen(path, "re");
    char *buffer = NULL;
    size_t cap = 0;
    unsigned number = 0;
    bool ok = true;

    if (f == NULL) {
        return draft_error(d, NULL, "cannot read %s: %s", path, strerror(errno));
    }
    while (ok && getline(&buffer, &cap, f) >= 0) {
        struct slice line = slice_trim(slice_of(buffer, strcspn(buffer, "\r\n")));
        number++;
        if (line.size > 0 && !check_line(line, type, is_rep)) {
            ok = draft_error(d, NULL, "%s:%u is no %s%s", path, number, type,
                             is_rep ? " with a reputation from 0 to 65535" : "");
        }
    }
    if (ferror(f)) {
        ok = draft_error(d, NULL, "cannot read %s: %s", path, strerror(errno));
    }
    free(buffer);
    fclose(f);
    return ok;
}
