/* Files that transactions carry.  Older keywords with a value become contents of the
 * sticky buffers that replaced them. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/base/strbuf.h"
#include "rules/keywords/keywords.h"

static bool need_files(struct draft *d)
{
    static const enum app_proto protos[] = {
        APP_UNKNOWN, APP_HTTP, APP_HTTP1, APP_HTTP2, APP_SMTP, APP_FTP, APP_FTP_DATA,
        APP_SMB, APP_NFS,
    };

    for (size_t i = 0; i < sizeof protos / sizeof *protos; i++) {
        if (d->rule->app_proto == protos[i]) {
            return true;
        }
    }
    return draft_error(d, NULL, "%s carries no files", app_proto_name(d->rule->app_proto));
}

/* argument: buffer, and in the bit above whether it is an extension. */
#define IS_EXTENSION 0x10000u

static bool parse_name(struct draft *d, const struct keyword *row, struct slice v)
{
    struct strbuf text = STRBUF_EMPTY;
    int sticky = d->sticky;
    bool negated = d->negated;

    if (v.size == 0) {
        return draft_error(d, NULL, "\"%s\" needs a text", row->name);
    }
    if (!need_files(d)
        || !draft_set_sticky(d, (enum buffer_id) (row->argument & ~IS_EXTENSION),
                             slice_of(NULL, 0))) {
        return false;
    }
    strbuf_puts(&text, (row->argument & IS_EXTENSION) != 0 ? "." : "");
    for (size_t i = 0; i < v.size; i++) {
        strbuf_putc(&text, (char) tolower(v.bytes[i]));
    }
    d->negated = negated;
    struct rule_op *op = draft_add_op(d, OP_CONTENT);
    op->content.pattern = slice_of(draft_text(d, strbuf_slice(&text)), text.size);
    op->content.nocase = true;
    op->content.ends_with = (row->argument & IS_EXTENSION) != 0;
    strbuf_fini(&text);
    d->sticky = sticky;
    return true;
}

static bool parse_digest(struct draft *d, const struct keyword *row, struct slice v)
{
    if (!need_files(d)) {
        return false;
    }
    const char *path = draft_path(d, v);
    if (path == NULL) {
        return false;
    }
    if (access(path, R_OK) != 0) {
        return draft_error_at(d, v.bytes, "a path is relative to the folder of the rule file",
                              "cannot read the list \"%s\": %s", path, strerror(errno));
    }
    struct strbuf text = STRBUF_EMPTY;
    strbuf_printf(&text, "%s:%s", row->name, path);
    draft_add_test(d, TEST_FILE_TYPE)->text = draft_text(d, strbuf_slice(&text));
    strbuf_fini(&text);
    return true;
}

static bool parse_filestore(struct draft *d, const struct keyword *row, struct slice v)
{
    static const char *const directions[] = { "request", "response", "both", "to_server",
                                              "to_client", NULL };
    static const char *const scopes[] = { "file", "tx", "flow", "ssn", NULL };
    static const uint8_t masks[] = { FILESTORE_TS, FILESTORE_TC, FILESTORE_TS | FILESTORE_TC,
                                     FILESTORE_TS, FILESTORE_TC };
    static const uint8_t values[] = { FILESTORE_FILE, FILESTORE_TX, FILESTORE_FLOW,
                                      FILESTORE_FLOW };
    struct slice part = { 0 }, rest = v;
    uint8_t mask = 0, scope = FILESTORE_FILE;

    if (!need_files(d)) {
        return false;
    }
    if (v.size > 0) {
        slice_next(&rest, ',', &part);
        rest = slice_trim(rest);
        if (word_index(part, directions) < 0
            || (rest.size > 0 && word_index(rest, scopes) < 0)) {
            return draft_error_at(d, v.bytes, "filestore or filestore:both,flow",
                                  "unknown option of filestore");
        }
        mask = masks[word_index(part, directions)];
        scope = rest.size > 0 ? values[word_index(rest, scopes)] : FILESTORE_FILE;
    }
    struct rule_do *act = draft_add_do(d, DO_FILESTORE);
    act->text = draft_text(d, v);
    act->value = mask;
    act->unit = scope;
    return true;
}

#define NAMED (KEYWORD_VALUE | KEYWORD_NEGATES | KEYWORD_QUOTES)
static const struct keyword rows[] = {
    { "filename", NAMED, parse_name, BUFFER_FILE_NAME, "The file's name has this text" },
    { "fileext", NAMED, parse_name, BUFFER_FILE_NAME | IS_EXTENSION,
      "The file's name ends with it" },
    { "filemagic", NAMED, parse_name, BUFFER_FILE_MAGIC, "The file's kind has this text" },
    { "filemd5", NAMED, parse_digest, 0, "The file's MD5 is in this list" },
    { "filesha1", NAMED, parse_digest, 0, "The file's SHA-1 is in this list" },
    { "filesha256", NAMED, parse_digest, 0, "The file's SHA-256 is in this list" },
    { "filestore", 0, parse_filestore, 0,
      "Keep the file, or all of the transaction or the flow: both,flow",
      "Stores where file-store is enabled; elsewhere the rule asks for a file all the same" },
};
FAMILY(file_keywords, rows);
