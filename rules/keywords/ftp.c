/* Numbers of FTP that are written as words. */
#include "rules/keywords/keywords.h"

/* A port: no bits, otherwise as other numbers. */
bool ftp_parse_port(struct draft *d, const struct keyword *row, struct slice v)
{
    struct number_test t;

    if (!draft_need_app(d, APP_FTP)) {
        return false;
    }
    if (!number_parse_test(v, UINT16_MAX, false, &t) || t.cmp >= CMP_BITS_ALL) {
        return draft_error_at(d, v.bytes, "for example 2121, >1023, 1024-65535",
                              "\"%.*s\" is no port", (int) v.size, (const char *) v.bytes);
    }
    number_add(d, row, t.cmp, t.a, t.b);
    return true;
}

/* One word of those that the field has; its place in the list is the value. */
bool ftp_parse_word(struct draft *d, const struct keyword *row, struct slice v)
{
    static const char *const modes[] = { "passive", "active", NULL };
    static const char *const answers[] = { "no", "yes", "off", "on", "false", "true", "0", "1",
                                           NULL };
    static const char *const commands[] = { "", "retr", "stor", "appe", "stou", "list",
                                            "nlst", "mlsd", NULL };
    bool is_data = row->argument == FIELD_FTPDATA_COMMAND;
    const char *const *words = is_data                             ? commands
                               : row->argument == FIELD_FTP_MODE ? modes
                                                                   : answers;
    int index = word_index(v, words);

    if (!draft_need_app(d, is_data ? APP_FTP_DATA : APP_FTP)) {
        return false;
    }
    if (index < 0 || v.size == 0 || (is_data && !slice_is(v, words[index]))) {
        return draft_error_at(d, v.bytes, is_data ? "retr, stor, appe, stou, list, nlst, mlsd"
                                          : words == modes ? "active or passive" : "yes or no",
                              "\"%.*s\" is no value for %s", (int) v.size,
                              (const char *) v.bytes, row->name);
    }
    number_add(d, row, CMP_EQ, (uint64_t) (words == answers ? index % 2 : index), 0);
    return true;
}
