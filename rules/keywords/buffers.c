/* Sticky buffers, one row each out of rules/lang/buffers.h, and their older names. */
#include "rules/keywords/keywords.h"

static bool is_header(enum buffer_id id)
{
    return id == BUFFER_IPV4_HDR || id == BUFFER_IPV6_HDR || id == BUFFER_TCP_HDR
           || id == BUFFER_UDP_HDR || id == BUFFER_ICMPV4_HDR || id == BUFFER_ICMPV6_HDR;
}

/* The side that "file.data: to_client" names; false after reporting. */
static bool take_side(struct draft *d, struct slice v)
{
    static const char *const sides[] = { "to_server", "to_client", NULL };
    int side = word_index(v, sides);

    if (v.size == 0) {
        return true;
    }
    if (side < 0) {
        return draft_error_at(d, v.bytes, "to_server or to_client", "unknown side \"%.*s\"",
                              (int) v.size, (const char *) v.bytes);
    }
    d->buffers[d->sticky].dirs = side == 0 ? BUFFER_TS : BUFFER_TC;
    return true;
}

static bool parse_sticky(struct draft *d, const struct keyword *row, struct slice v)
{
    enum buffer_id id = (enum buffer_id) row->argument;

    if (id == BUFFER_PAYLOAD) {
        d->sticky = -1;
        return true;
    }
    if (id == BUFFER_BASE64_DATA) {
        bool found = false;
        for (size_t i = 0; i < d->n_buffers; i++) {
            for (size_t k = 0; k < d->buffers[i].n_ops; k++) {
                found = found || d->buffers[i].ops[k].kind == OP_BASE64_DECODE;
            }
        }
        if (!found) {
            return draft_error(d, "base64_decode stands in front of it",
                               "base64_data without base64_decode");
        }
    }
    if (is_header(id) && d->packet_keyword == NULL) {
        d->packet_keyword = row->name;
    }
    if (buffer_info(id)->flags & BUFFER_SIDED) {
        /* That of the one side and that of the other are two buffers. */
        return draft_set_sticky(d, id, v) && take_side(d, v);
    }
    return draft_set_sticky(d, id, slice_of(NULL, 0));
}

static bool parse_older(struct draft *d, const struct keyword *row, struct slice v)
{
    enum buffer_id id = (enum buffer_id) row->argument;

    if ((buffer_info(id)->flags & BUFFER_MODIFIER) == 0) {
        return parse_sticky(d, row, v);
    }
    return draft_move_content(d, id);
}

/* Older keywords with the content as their value. */
static bool parse_valued(struct draft *d, const struct keyword *row, struct slice v)
{
    enum buffer_id id = (enum buffer_id) row->argument;

    if (v.size == 0 || !draft_need_app(d, buffer_info(id)->proto)) {
        return v.size > 0 ? false : draft_error(d, NULL, "an empty value");
    }
    struct rule_op *op = draft_add_op_to(d, draft_find_buffer(d, id), OP_CONTENT);
    op->content.pattern = slice_of(draft_text(d, v), v.size);
    return true;
}

/* What the dialect had before version 8 and refuses since. */
static bool parse_gone(struct draft *d, const struct keyword *row, struct slice v)
{
    return draft_error(d, NULL, "\"%s\" is no longer there; use %s", row->name,
                       buffer_info((enum buffer_id) row->argument)->name);
}

static const struct keyword rows[] = {
#define X(id, name, older, proto, flags) \
    { ((flags) & BUFFER_VALUED) != 0 ? NULL : name, \
      ((flags) & BUFFER_SIDED) != 0 ? 0 : KEYWORD_BARE, parse_sticky, BUFFER_##id, \
      "What follows looks into it" },
    RULE_BUFFERS(X)
#undef X
#define X(id, name, older, proto, flags) \
    { older, ((flags) & BUFFER_SIDED) != 0 ? 0 : KEYWORD_BARE, parse_older, BUFFER_##id, \
      "Older name of " name },
    RULE_BUFFERS(X)
#undef X
    { "tls.subject", KEYWORD_VALUE | KEYWORD_NEGATES | KEYWORD_QUOTES, parse_valued,
      BUFFER_TLS_CERT_SUBJECT, "The certificate's subject has this text" },
    { "tls.issuerdn", KEYWORD_VALUE | KEYWORD_NEGATES | KEYWORD_QUOTES, parse_valued,
      BUFFER_TLS_CERT_ISSUER, "The certificate's issuer has this text" },
    { "tls.fingerprint", KEYWORD_VALUE | KEYWORD_NEGATES | KEYWORD_QUOTES, parse_valued,
      BUFFER_TLS_CERT_FINGERPRINT, "The certificate's SHA-1 fingerprint" },
    { "ssh.softwareversion", KEYWORD_VALUE, parse_gone, BUFFER_SSH_SOFTWARE,
      "Gone: ssh.software" },
    { "ssh.protoversion", KEYWORD_VALUE, parse_gone, BUFFER_SSH_PROTO, "Gone: ssh.proto" },
};
FAMILY(buffer_keywords, rows);
