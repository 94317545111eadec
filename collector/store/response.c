#include "collector/store/response.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/base/alloc.h"

/* Longer reasons (Elasticsearch quotes the document in some) are cut. */
#define MAX_REASON 1000

enum request_verdict response_request_verdict(long http_status)
{
    if (http_status >= 200 && http_status < 300) {
        return REQUEST_DONE;
    }
    /* 400: a line of the bulk is malformed; 413: it is too large. */
    if (http_status == 400 || http_status == 413) {
        return REQUEST_SPLIT;
    }
    /* 401, 403, 404 are for the operator to mend; 429 and 5xx pass. */
    return REQUEST_RETRY;
}

enum item_verdict response_item_verdict(int status)
{
    switch (status) {
    case 200:
    case 201:
        return ITEM_CREATED;
    case 409:
        return ITEM_EXISTS;
    case 401:
    case 403:                           /* A block, or a right that is missing. */
    case 404:                           /* The index cannot be made now. */
    case 408:
    case 429:
    case 502:
    case 503:
    case 504:
        return ITEM_RETRY;
    default:
        return status >= 500 && status < 600 ? ITEM_RETRY_FEW : ITEM_REJECTED;
    }
}

static char *make_reason(int status, const json_t *error)
{
    const char *type = json_string_value(json_object_get(error, "type"));
    const char *reason = json_string_value(json_object_get(error, "reason"));
    const json_t *cause = json_object_get(error, "caused_by");
    const char *deeper = json_string_value(json_object_get(cause, "reason"));

    if (type == NULL && json_is_string(error)) {
        reason = json_string_value(error);
    }
    return xasprintf("%d %.100s: %.*s%s%.*s", status, type != NULL ? type : "error",
                     MAX_REASON, reason != NULL ? reason : "no reason given",
                     deeper != NULL ? "; " : "", MAX_REASON, deeper != NULL ? deeper : "");
}

static bool read_item(const json_t *item, struct item_result *result)
{
    const json_t *create = json_object_get(item, "create");
    const json_t *status = json_object_get(create, "status");

    if (!json_is_integer(status) || json_integer_value(status) < 100
        || json_integer_value(status) > 999) {
        return false;
    }
    result->status = (int) json_integer_value(status);
    result->verdict = response_item_verdict(result->status);
    if (result->verdict == ITEM_REJECTED || result->verdict == ITEM_RETRY_FEW) {
        result->reason = make_reason(result->status, json_object_get(create, "error"));
    }
    return true;
}

/* The code unit of "\\uXXXX" at 'at', or -1. */
static long read_unit(const char *at, const char *end)
{
    char digits[5] = "", *behind;
    long unit;

    if (end - at < 6 || at[0] != '\\' || at[1] != 'u') {
        return -1;
    }
    memcpy(digits, at + 2, 4);
    unit = strtol(digits, &behind, 16);
    return behind == digits + 4 ? unit : -1;
}

/* Java writes half of a surrogate pair as it is, where a reason quotes one or is cut within
 * one; jansson takes that for no JSON.  Each such half becomes U+FFFD. */
static void mend_surrogates(char *text, size_t size)
{
    const char *end = text + size;

    for (char *at = text; at < end; at++) {
        long unit, next;

        if (*at != '\\') {
            continue;
        }
        unit = read_unit(at, end);
        if (unit < 0xd800 || unit > 0xdfff) {
            at++;                       /* Past what is escaped, a backslash perhaps. */
            continue;
        }
        next = unit < 0xdc00 ? read_unit(at + 6, end) : -1;
        if (next >= 0xdc00 && next <= 0xdfff) {
            at += 11;
        } else {
            memcpy(at + 2, "fffd", 4);
            at += 5;
        }
    }
}

/* A reason may quote any character of a document, also the one that C has no place for; it
 * is then cut there. */
#define FLAGS (JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL)

static json_t *read_json(struct slice text)
{
    json_t *root = json_loadb((const char *) text.bytes, text.size, FLAGS, NULL);

    if (root == NULL && text.size != 0) {
        char *copy = xmalloc(text.size);

        memcpy(copy, text.bytes, text.size);
        mend_surrogates(copy, text.size);
        root = json_loadb(copy, text.size, FLAGS, NULL);
        free(copy);
    }
    return root;
}

bool response_read(struct slice text, struct item_result *results, size_t n)
{
    json_t *root = read_json(text);
    const json_t *items = json_object_get(root, "items");
    bool is_good = json_is_array(items) && json_array_size(items) == n;

    memset(results, 0, n * sizeof *results);
    for (size_t i = 0; is_good && i < n; i++) {
        is_good = read_item(json_array_get(items, i), &results[i]);
    }
    json_decref(root);
    if (!is_good) {
        response_free(results, n);
    }
    return is_good;
}

void response_free(struct item_result *results, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(results[i].reason);
        results[i].reason = NULL;
    }
}
