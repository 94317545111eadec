/* The keyword families, one file each; table.c lists them.  Each row's function lowers
 * one keyword into the draft of a rule (rules/lang/keyword.h). */
#ifndef CIVICSHIELD_RULES_KEYWORDS_H
#define CIVICSHIELD_RULES_KEYWORDS_H

#include "rules/lang/keyword.h"

/* A family named 'x' is x_keywords, defined in x.c. */
extern const struct keyword_family meta_keywords, content_keywords, buffer_keywords,
    pcre_keywords, bytes_keywords, number_keywords, header_keywords, flow_keywords,
    bits_keywords, filter_keywords, transform_keywords, file_keywords, dataset_keywords,
    app_keywords, event_keywords, frame_keywords, dcerpc_keywords, later_keywords;

#define FAMILY(name, rows) \
    const struct keyword_family name = { rows, sizeof rows / sizeof *rows }

/* One element of 'texts' (NULL-terminated) that 'word' is, case ignored; -1: none. */
int word_index(struct slice word, const char *const *texts);

/* number.c: a test of the row's field, to be completed. */
struct rule_test *number_add(struct draft *, const struct keyword *, enum number_cmp,
                             uint64_t a, uint64_t b);
/* tls.c: what number.c takes for fields of TLS. */
bool tls_parse_version(struct draft *, const struct keyword *, struct slice);
bool tls_parse_state(struct draft *, const struct keyword *, struct slice);
bool tls_parse_date(struct draft *, const struct keyword *, struct slice);
bool tls_parse_validity(struct draft *, const struct keyword *, struct slice);
/* mqtt.c: likewise, of MQTT. */
bool mqtt_parse_number(struct draft *, const struct keyword *, struct slice);
bool mqtt_parse_type(struct draft *, const struct keyword *, struct slice);
bool mqtt_parse_flags(struct draft *, const struct keyword *, struct slice);
/* What most fields take. */
bool number_parse_plain(struct draft *, const struct keyword *, struct slice);
/* auth.c: likewise, of DHCP, SNMP, Kerberos and RFB. */
bool auth_parse_number(struct draft *, const struct keyword *, struct slice);
bool auth_parse_exact(struct draft *, const struct keyword *, struct slice);
bool auth_parse_encryption(struct draft *, const struct keyword *, struct slice);
bool auth_parse_result(struct draft *, const struct keyword *, struct slice);
/* ftp.c: likewise, of FTP. */
bool ftp_parse_port(struct draft *, const struct keyword *, struct slice);
bool ftp_parse_word(struct draft *, const struct keyword *, struct slice);
/* dcerpc.c and number.c: what number.c takes for fields of SMB and DCE RPC. */
bool dcerpc_parse_opnum(struct draft *, const struct keyword *, struct slice);

#endif
