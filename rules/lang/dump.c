/* Dumps: what each phase made, in a stable text form. */
#include "common/base/arena.h"
#include "rules/lang/lang_private.h"

/* ---- Lines, tokens, tree ---- */

void rules_dump_lines(const char *text, size_t size, struct strbuf *out)
{
    struct line_reader reader;
    struct rule_line line;
    struct arena arena;

    arena_init(&arena, 65536, SIZE_MAX / 2);
    line_reader_init(&reader, text, size);
    while (line_reader_next(&reader, &arena, &line)) {
        strbuf_printf(out, "%u: %s %.*s\n", line.first_line,
                      line.is_disabled ? "disabled" : "rule", (int) line.size, line.text);
    }
    arena_fini(&arena);
}

static void dump_options(const struct rule_tokens *t, struct strbuf *out)
{
    for (size_t i = 0; i < t->n_options; i++) {
        const struct rule_option *o = &t->options[i];
        strbuf_printf(out, "  %.*s", (int) o->key.size, (const char *) o->key.bytes);
        if (o->has_value) {
            strbuf_printf(out, " = %.*s", (int) o->value.size,
                          (const char *) o->value.bytes);
        }
        strbuf_putc(out, '\n');
    }
}

void rules_dump_tokens(const char *text, size_t size, struct strbuf *out)
{
    struct line_reader reader;
    struct rule_line line;
    struct rule_tokens tokens;
    struct token_error error;
    struct arena arena;

    arena_init(&arena, 65536, SIZE_MAX / 2);
    line_reader_init(&reader, text, size);
    while (line_reader_next(&reader, &arena, &line)) {
        if (line.is_disabled) {
            continue;
        }
        bool ok = rule_tokens_read(slice_of(line.text, line.size), &tokens, &error);
        strbuf_printf(out, "%u:", line.first_line);
        for (size_t i = 0; i < tokens.n_words; i++) {
            strbuf_printf(out, " <%.*s>", (int) tokens.words[i].size,
                          (const char *) tokens.words[i].bytes);
        }
        strbuf_putc(out, '\n');
        dump_options(&tokens, out);
        if (!ok) {
            strbuf_printf(out, "  error at %zu: %s\n", error.offset, error.text);
        }
        rule_tokens_fini(&tokens);
    }
    arena_fini(&arena);
}

static bool find_row(struct slice key, const struct keyword **row)
{
    for (const struct keyword_family *const *f = keyword_families; *f != NULL; f++) {
        for (size_t i = 0; i < (*f)->n; i++) {
            if ((*f)->rows[i].name != NULL && slice_is(key, (*f)->rows[i].name)) {
                *row = &(*f)->rows[i];
                return true;
            }
        }
    }
    return false;
}

static void dump_header(const struct rule_tokens *t, struct arena *arena, struct strbuf *out)
{
    static const int sides[] = { WORD_SRC, WORD_SPORTS, WORD_DST, WORD_DPORTS };

    for (size_t i = 0; i < 4; i++) {
        struct token_error error;
        struct expr *e = expr_parse(t->words[sides[i]], arena, &error);
        strbuf_putc(out, ' ');
        if (e != NULL) {
            expr_dump(e, out);
        } else {
            strbuf_printf(out, "(error at %zu: %s)", error.offset, error.text);
        }
    }
}

void rules_dump_tree(const char *text, size_t size, struct strbuf *out)
{
    struct line_reader reader;
    struct rule_line line;
    struct rule_tokens tokens;
    struct token_error error;
    struct arena arena;
    const struct keyword *row;

    arena_init(&arena, 65536, SIZE_MAX / 2);
    line_reader_init(&reader, text, size);
    while (line_reader_next(&reader, &arena, &line)) {
        if (!line.is_disabled
            && rule_tokens_read(slice_of(line.text, line.size), &tokens, &error)) {
            strbuf_printf(out, "%u:", line.first_line);
            dump_header(&tokens, &arena, out);
            strbuf_putc(out, '\n');
            for (size_t i = 0; i < tokens.n_options; i++) {
                struct slice key = tokens.options[i].key;
                strbuf_printf(out, "  %.*s: %s\n", (int) key.size, (const char *) key.bytes,
                              find_row(key, &row) ? row->help : "unknown");
            }
            rule_tokens_fini(&tokens);
        } else if (!line.is_disabled) {
            rule_tokens_fini(&tokens);
        }
    }
    arena_fini(&arena);
}

/* ---- Plan ---- */

static void put_pattern(struct strbuf *out, struct slice p)
{
    strbuf_putc(out, '"');
    for (size_t i = 0; i < p.size; i++) {
        uint8_t c = p.bytes[i];
        if (c < 0x20 || c > 0x7e || c == '"' || c == '|' || c == '\\') {
            strbuf_printf(out, "|%02x|", c);
        } else {
            strbuf_putc(out, (char) c);
        }
    }
    strbuf_putc(out, '"');
}

static void put_number(struct strbuf *out, const char *label, const struct rule_number *n)
{
    if (n->is_var) {
        strbuf_printf(out, "%s var%u", label, n->var);
    } else {
        strbuf_printf(out, "%s %lld", label, (long long) n->value);
    }
}

static const char *cmp_name(enum number_cmp cmp)
{
    static const char *const names[] = { "=", "!=", "<", "<=", ">", ">=", "between",
                                         "not between", "from", "all bits", "any bit",
                                         "no bit", "masked", "not masked" };

    return names[cmp];
}

static void put_compare(struct strbuf *out, enum number_cmp cmp, uint64_t a, uint64_t b)
{
    bool has_b = cmp == CMP_RANGE || cmp == CMP_NOT_RANGE || cmp == CMP_RANGE_INCLUSIVE
                 || cmp == CMP_BITS_EQ || cmp == CMP_BITS_NE;

    strbuf_printf(out, " %s %llu", cmp_name(cmp), (unsigned long long) a);
    if (has_b) {
        strbuf_printf(out, " %llu", (unsigned long long) b);
    }
}

static void dump_content(const struct op_content *c, struct strbuf *out)
{
    strbuf_puts(out, " content ");
    put_pattern(out, c->pattern);
    strbuf_puts(out, c->nocase ? " nocase" : "");
    strbuf_puts(out, c->starts_with ? " startswith" : "");
    strbuf_puts(out, c->ends_with ? " endswith" : "");
    if (c->has_offset) {
        put_number(out, " offset", &c->offset);
    }
    if (c->has_depth) {
        put_number(out, " depth", &c->depth);
    }
    if (c->has_distance) {
        put_number(out, " distance", &c->distance);
    }
    if (c->has_within) {
        put_number(out, " within", &c->within);
    }
    strbuf_puts(out, c->is_fast ? " fast_pattern" : "");
    if (c->fast_size > 0) {
        strbuf_printf(out, ":%u,%u", c->fast_offset, c->fast_size);
    }
}

static void dump_bytes(const struct rule_op *op, struct strbuf *out)
{
    static const char *const names[] = { "byte_test", "byte_jump", "byte_extract",
                                         "byte_math" };
    static const char *const bases[] = { "", " dec", " hex", " oct" };
    const struct op_bytes *b = &op->bytes;

    strbuf_printf(out, " %s", names[op->kind - OP_BYTE_TEST]);
    put_number(out, " bytes", &b->n_bytes);
    put_number(out, " offset", &b->offset);
    if (op->kind == OP_BYTE_TEST) {
        strbuf_printf(out, " %s", cmp_name(b->cmp));
        put_number(out, "", &b->value);
    } else if (op->kind == OP_BYTE_JUMP) {
        strbuf_printf(out, " times %lld%s%s%s", (long long) b->multiplier,
                      b->align ? " align" : "", b->from_beginning ? " from_beginning" : "",
                      b->from_end ? " from_end" : "");
        strbuf_printf(out, " then %lld", (long long) b->post_offset);
    } else {
        strbuf_printf(out, " -> var%u", b->result_var);
    }
    if (op->kind == OP_BYTE_MATH) {
        strbuf_printf(out, " %c", b->math);
        put_number(out, "", &b->rvalue);
    }
    strbuf_puts(out, bases[b->base]);
    strbuf_puts(out, b->little_endian ? " little" : "");
    strbuf_puts(out, b->is_dce ? " dce" : "");
    if (b->bitmask != 0) {
        strbuf_printf(out, " bitmask %llx", (unsigned long long) b->bitmask);
    }
}

static void dump_asn1(const struct op_asn1 *asn1, struct strbuf *out)
{
    strbuf_puts(out, asn1->bitstring_overflow ? " asn1 bitstring_overflow" : " asn1");
    strbuf_puts(out, asn1->double_overflow ? " double_overflow" : "");
    if (asn1->has_oversize) {
        strbuf_printf(out, " oversize_length %u", asn1->oversize);
    }
    strbuf_printf(out, " %s %d", asn1->has_absolute ? "at" : "from match", asn1->offset);
}

static void dump_op(const struct ruleset *set, const struct rule_op *op, struct strbuf *out)
{
    static const char *const actions[] = { "isset", "isnotset", "set", "unset", "rep" };

    strbuf_puts(out, op->negated ? "    not" : "   ");
    switch (op->kind) {
    case OP_CONTENT:
        dump_content(&op->content, out);
        break;
    case OP_PCRE:
        strbuf_printf(out, " pcre /%s/ options %x", op->pcre.pattern, op->pcre.options);
        for (size_t i = 0; i < op->pcre.n_captures; i++) {
            strbuf_printf(out, " %c:%s", op->pcre.captures[i].kind != 0
                                         ? op->pcre.captures[i].kind : '-',
                          set->vars.names[op->pcre.captures[i].name]);
        }
        break;
    case OP_BYTE_TEST: case OP_BYTE_JUMP: case OP_BYTE_EXTRACT: case OP_BYTE_MATH:
        dump_bytes(op, out);
        break;
    case OP_ISDATAAT:
        put_number(out, " isdataat", &op->isdataat.at);
        break;
    case OP_BSIZE:
        strbuf_puts(out, " bsize");
        put_compare(out, op->bsize.cmp, op->bsize.a, op->bsize.b);
        break;
    case OP_BASE64_DECODE:
        strbuf_printf(out, " base64_decode bytes %u offset %u", op->base64.n_bytes,
                      op->base64.offset);
        break;
    case OP_DATASET:
        strbuf_printf(out, " dataset %s %s", actions[op->dataset.action],
                      set->datasets[op->dataset.set].name);
        if (op->dataset.action == 4) {
            put_compare(out, op->dataset.cmp, op->dataset.value, 0);
        }
        break;
    case OP_ENTROPY:
        strbuf_printf(out, " entropy bytes %u, offset %u, value %s %g %g", op->entropy.n_bytes,
                      op->entropy.offset, cmp_name(op->entropy.cmp), op->entropy.a,
                      op->entropy.b);
        break;
    case OP_ASN1:
        dump_asn1(&op->asn1, out);
        break;
    case OP_FTPBOUNCE: strbuf_puts(out, " ftpbounce"); break;
    }
    strbuf_puts(out, op->relative ? " (relative)\n" : "\n");
}

static void dump_buffer(const struct ruleset *set, const struct rule *r, size_t index,
                        struct strbuf *out)
{
    static const char *const names[] = {
        "to_lowercase", "to_uppercase", "url_decode", "strip_whitespace",
        "compress_whitespace", "to_md5", "to_sha1", "to_sha256", "dotprefix",
        "header_lowercase", "strip_pseudo_headers", "pcrexform", "xor", "from_base64",
        "domain", "tld", "casechange", "gunzip", "zlib_deflate",
    };
    static const char *const absent[] = { "", " absent", " absent or else" };
    const struct rule_buffer *b = &r->buffers[index];

    strbuf_printf(out, "  in %s%s", b->id == BUFFER_PAYLOAD ? "payload"
                                                            : buffer_info(b->id)->name,
                  absent[b->absent]);
    if (b->id == BUFFER_FRAME) {
        strbuf_printf(out, " %.*s", (int) b->argument.size, (const char *) b->argument.bytes);
    }
    for (size_t i = 0; i < b->n_transforms; i++) {
        strbuf_printf(out, " | %s", names[b->transforms[i].kind]);
    }
    strbuf_putc(out, '\n');
    for (size_t i = 0; i < b->n_ops; i++) {
        dump_op(set, &b->ops[i], out);
        if ((int) index == r->fast_buffer && (int) i == r->fast_op) {
            out->size--;
            strbuf_puts(out, " <- fast\n");
        }
    }
}

static void put_name(struct strbuf *out, const struct rule_names *names, uint32_t index)
{
    strbuf_printf(out, " %s", index < names->n ? names->names[index] : "?");
}

static const char *field_name(enum rule_field f)
{
    static const char *const names[] = {
#define X(id, keyword, older, bits) keyword,
        RULE_FIELDS(X)
#undef X
    };

    return names[f];
}

static const char *side_name(enum rule_side side)
{
    static const char *const names[] = { "", " src", " dst", " both", " client", " server" };

    return names[side];
}

static void dump_test(const struct ruleset *set, const struct rule_test *t,
                      struct strbuf *out)
{
    static const char *const kinds[] = {
        "number", "sameip", "flowbit", "flowint", "xbit", "hostbit", "protocol",
        "app event", "decode event", "stream event", "iprep", "geoip", "detection_filter",
        "file", "other", "checksum", "flowvar", "pktvar", "dcerpc interface",
    };

    strbuf_printf(out, "  test%s %s", t->negated ? " not" : "",
                  t->kind == TEST_NUMBER ? field_name(t->field) : kinds[t->kind]);
    switch (t->kind) {
    case TEST_NUMBER: case TEST_CHECKSUM:
        strbuf_puts(out, side_name(t->side));
        put_compare(out, t->cmp, t->a, t->b);
        for (size_t i = 0; i < t->n_names; i++) {
            strbuf_printf(out, " or %u", t->names[i]);
        }
        strbuf_puts(out, t->flag != 0 ? " raw" : "");
        break;
    case TEST_FLOWBIT:
        put_name(out, &set->flowbits, t->name);
        for (size_t i = 1; i < t->n_names; i++) {
            strbuf_puts(out, " or");
            put_name(out, &set->flowbits, t->names[i]);
        }
        break;
    case TEST_FLOWINT:
        put_name(out, &set->flowints, t->name);
        if (t->needs_set || t->needs_unset) {
            strbuf_puts(out, t->needs_set ? " is set" : " is not set");
        } else if (t->b != 0) {
            strbuf_printf(out, " %s", cmp_name(t->cmp));
            put_name(out, &set->flowints, (uint32_t) t->b);
        } else {
            put_compare(out, t->cmp, t->a, 0);
        }
        break;
    case TEST_FLOWVAR: case TEST_PKTVAR: put_name(out, &set->vars, t->name); break;
    case TEST_XBIT: put_name(out, &set->xbits, t->name); break;
    case TEST_HOSTBIT: put_name(out, &set->hostbits, t->name); break;
    case TEST_DCE_IFACE:
        for (size_t i = 0; i < t->n_names; i++) {
            strbuf_printf(out, "%s%08x", i == 0 ? " " : "", t->names[i]);
        }
        if ((t->flag & DCE_IFACE_VERSION) != 0) {
            put_compare(out, t->cmp, t->a, t->b);
        }
        strbuf_puts(out, (t->flag & DCE_IFACE_ANY_FRAG) != 0 ? " any_frag" : "");
        break;
    case TEST_APP_PROTO: strbuf_printf(out, " %s", app_proto_name(t->proto)); break;
    case TEST_APP_EVENT: case TEST_DECODE_EVENT: case TEST_STREAM_EVENT:
        put_name(out, &set->events, t->name);
        break;
    default: break;
    }
    if (t->kind == TEST_XBIT || t->kind == TEST_HOSTBIT) {
        strbuf_puts(out, side_name(t->side));
    }
    if (t->text != NULL) {
        strbuf_printf(out, " %s", t->text);
    }
    strbuf_putc(out, '\n');
}

static void dump_do(const struct ruleset *set, const struct rule_do *a, struct strbuf *out)
{
    static const char *const names[] = {
        "flowbit set", "flowbit unset", "flowbit toggle", "flowint set", "flowint add",
        "flowint subtract", "xbit set", "xbit unset", "xbit toggle", "hostbit set",
        "hostbit unset", "hostbit toggle", "tag", "bypass", "filestore", "config",
    };
    const struct rule_names *table
        = a->kind <= DO_FLOWBIT_TOGGLE ? &set->flowbits
          : a->kind <= DO_FLOWINT_SUB ? &set->flowints
          : a->kind <= DO_XBIT_TOGGLE ? &set->xbits
          : a->kind <= DO_HOSTBIT_TOGGLE ? &set->hostbits : NULL;

    strbuf_printf(out, "  do %s", names[a->kind]);
    if (table != NULL) {
        put_name(out, table, a->name);
    }
    if (a->value_name != 0) {
        put_name(out, &set->flowints, a->value_name);
    } else if (a->value != 0) {
        strbuf_printf(out, " %llu", (unsigned long long) a->value);
    }
    strbuf_puts(out, side_name(a->side));
    if (a->text != NULL && a->text[0] != '\0') {
        strbuf_printf(out, " %s", a->text);
    }
    strbuf_putc(out, '\n');
}

static void dump_filter(const struct rule_filter *f, struct strbuf *out)
{
    static const char *const kinds[] = { "none", "threshold", "limit", "both",
                                         "detection_filter", "rate_filter", "suppress",
                                         "backoff" };
    static const char *const tracks[] = { "by_src", "by_dst", "by_both", "by_rule", "by_flow",
                                          "all" };

    strbuf_printf(out, "  filter %s %s count %u seconds %u%s\n", kinds[f->kind],
                  tracks[f->track], f->count, f->seconds,
                  f->addresses != NULL ? " of addresses" : "");
}

static void put_addresses(struct strbuf *out, const struct address_set *set)
{
    char first[IP_TEXT_SIZE], last[IP_TEXT_SIZE];

    strbuf_puts(out, set->is_any ? " any" : " [");
    for (size_t i = 0; i < set->n; i++) {
        ip_format(&set->ranges[i].first, false, first);
        ip_format(&set->ranges[i].last, false, last);
        strbuf_printf(out, ip_equal(&set->ranges[i].first, &set->ranges[i].last)
                           ? "%s%s" : "%s%s-%s", i > 0 ? "," : "", first, last);
    }
    strbuf_puts(out, set->is_any ? "" : "]");
}

static void put_ports(struct strbuf *out, const struct port_set *set)
{
    strbuf_puts(out, set->is_any ? " any" : " [");
    for (size_t i = 0; i < set->n; i++) {
        uint16_t first = set->ranges[i].first, last = set->ranges[i].last;
        strbuf_printf(out, first == last ? "%s%u" : "%s%u:%u", i > 0 ? "," : "", first, last);
    }
    strbuf_puts(out, set->is_any ? "" : "]");
}

static void dump_first_lines(const struct rule *r, struct strbuf *out)
{
    static const char *const protos[] = { "ip", "pkthdr", "ipv4", "ipv6", "tcp", "tcp-pkt",
                                          "tcp-stream", "udp", "sctp", "icmp", "icmpv4",
                                          "icmpv6", "ether", "arp", "app" };
    static const char *const types[] = { "packet", "ip-only", "decode-event", "stream", "app",
                                         "tx", "frame" };
    static const char *const hooks[] = { "", " on progress", " on flow start",
                                         " on each packet" };
    static const char *const flows[] = { "to_server", "to_client", "established",
                                         "not_established", "stateless", "only_stream",
                                         "no_stream", "only_frag", "no_frag" };

    strbuf_printf(out, "%s %s", rule_action_name(r->action), protos[r->proto]);
    if (r->app_proto != APP_UNKNOWN) {
        strbuf_printf(out, "(%s)", app_proto_name(r->app_proto));
    }
    put_addresses(out, r->src);
    put_ports(out, r->sports);
    strbuf_puts(out, r->is_bidirectional ? " <>" : r->is_both_sides ? " =>" : " ->");
    put_addresses(out, r->dst);
    put_ports(out, r->dports);
    strbuf_printf(out, "\n  sid %u gid %u rev %u priority %d type %s%s%s%s%s\n", r->sid,
                  r->gid, r->rev, r->priority, types[r->type],
                  r->looks_at_packet ? " packet" : "", r->looks_at_stream ? " stream" : "",
                  r->no_alert ? " noalert" : "", hooks[r->hook]);
    for (size_t i = 0; i < sizeof flows / sizeof *flows; i++) {
        if ((r->flow & 1u << i) != 0) {
            strbuf_printf(out, "  flow %s\n", flows[i]);
        }
    }
}

void rule_dump(const struct ruleset *set, const struct rule *r, struct strbuf *out)
{
    dump_first_lines(r, out);
    if (r->msg[0] != '\0') {
        strbuf_printf(out, "  msg %s\n", r->msg);
    }
    if (r->metadata_json != NULL) {
        strbuf_printf(out, "  metadata %s\n", r->metadata_json);
    }
    if (r->references_json != NULL) {
        strbuf_printf(out, "  references %s\n", r->references_json);
    }
    for (size_t i = 0; i < r->n_tests; i++) {
        dump_test(set, &r->tests[i], out);
    }
    for (size_t i = 0; i < r->n_buffers; i++) {
        dump_buffer(set, r, i, out);
    }
    for (size_t i = 0; i < r->n_dos; i++) {
        dump_do(set, &r->dos[i], out);
    }
    for (size_t i = 0; i < r->n_filters; i++) {
        dump_filter(&r->filters[i], out);
    }
}
