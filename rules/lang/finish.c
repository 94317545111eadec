/* Draft -> plan: arrays move into the arena, direction and kind of the rule are settled. */
#include "rules/lang/lang_private.h"

static bool transforms_equal(const struct draft_buffer *a, const struct draft_buffer *b)
{
    if (a->n_transforms != b->n_transforms) {
        return false;
    }
    for (size_t i = 0; i < a->n_transforms; i++) {
        const struct rule_transform *x = &a->transforms[i], *y = &b->transforms[i];
        if (x->kind != y->kind || !slice_equal(x->argument, y->argument) || x->a != y->a
            || x->b != y->b) {
            return false;
        }
    }
    return true;
}

/* Joins what was named twice with the same transforms; buffers that occur several times
 * stay apart, for each mention may be met by another. */
static void merge_buffers(struct draft *d)
{
    for (size_t i = 0; i < d->n_buffers; i++) {
        struct draft_buffer *a = &d->buffers[i];
        for (size_t k = i + 1; k < d->n_buffers; k++) {
            struct draft_buffer *b = &d->buffers[k];
            if (a->id != b->id || (buffer_info(a->id)->flags & BUFFER_MULTI) != 0
                || !slice_equal(a->argument, b->argument) || !transforms_equal(a, b)) {
                continue;
            }
            for (size_t o = 0; o < b->n_ops; o++) {
                a->ops = xgrow(a->ops, a->n_ops, &a->cap_ops, sizeof *a->ops);
                a->ops[a->n_ops++] = b->ops[o];
            }
            b->n_ops = 0;
            b->n_transforms = 0;
        }
    }
}

static void *move_array(struct draft *d, const void *from, size_t n, size_t size)
{
    if (n == 0) {
        return NULL;
    }
    void *to = draft_alloc(d, n * size);
    memcpy(to, from, n * size);
    return to;
}

static void move_buffers(struct draft *d)
{
    struct rule *r = d->rule;

    r->buffers = draft_alloc(d, d->n_buffers * sizeof *r->buffers);
    for (size_t i = 0; i < d->n_buffers; i++) {
        struct draft_buffer *from = &d->buffers[i];
        if (from->n_ops == 0 && from->absent == BUFFER_PRESENT) {
            continue;           /* Its contents moved elsewhere. */
        }
        for (size_t o = 0; o + 1 < from->n_ops; o++) {
            from->ops[o].next_relative = from->ops[o + 1].relative;
        }
        r->buffers[r->n_buffers++] = (struct rule_buffer) {
            .id = from->id,
            .argument = from->argument,
            .frame = from->frame,
            .dirs = from->dirs != 0 ? from->dirs
                                    : (uint8_t) (buffer_info(from->id)->flags & BUFFER_BOTH),
            .n_transforms = from->n_transforms,
            .n_ops = from->n_ops,
            .transforms = move_array(d, from->transforms, from->n_transforms,
                                     sizeof *from->transforms),
            .ops = move_array(d, from->ops, from->n_ops, sizeof *from->ops),
            .absent = from->absent,
        };
    }
}

/* Fields that are of a transaction, not of a packet. */
static bool is_app_field(enum rule_field f)
{
    return f == FIELD_DNS_OPCODE || f == FIELD_DNS_RCODE || f == FIELD_DNS_RRTYPE
           || f == FIELD_HTTP_URILEN || f == FIELD_TLS_VERSION || f == FIELD_SSL_STATE
           || f == FIELD_TLS_CERT_CHAIN_LEN || f == FIELD_TLS_CERT_NOTBEFORE
           || f == FIELD_TLS_CERT_NOTAFTER || f == FIELD_TLS_CERT_EXPIRED
           || f == FIELD_TLS_CERT_VALID || f == FIELD_FTP_DYNAMIC_PORT
           || f == FIELD_FTP_MODE || f == FIELD_FTP_REPLY_RECEIVED
           || f == FIELD_FTPDATA_COMMAND || f == FIELD_FILESIZE
           || f == FIELD_DHCP_LEASETIME
           || f == FIELD_DHCP_RENEWAL_TIME || f == FIELD_DHCP_REBINDING_TIME
           || f == FIELD_SNMP_VERSION || f == FIELD_SNMP_PDU_TYPE || f == FIELD_KRB5_MSG_TYPE
           || f == FIELD_KRB5_ERR_CODE || f == FIELD_KRB5_TICKET_ENCRYPTION
           || f == FIELD_RFB_SECTYPE || f == FIELD_RFB_SECRESULT
           || (f >= FIELD_MQTT_TYPE && f <= FIELD_MQTT_SESSION_PRESENT)
           || f == FIELD_SMB_VERSION || f == FIELD_DCERPC_OPNUM;
}

bool rule_test_is_of_tx(const struct rule_test *t)
{
    return (t->kind == TEST_NUMBER && is_app_field(t->field)) || t->kind == TEST_FILE_TYPE
           || t->kind == TEST_APP_EVENT || t->kind == TEST_DCE_IFACE;
}

static const struct rule_buffer *payload_of(const struct rule *r)
{
    for (size_t i = 0; i < r->n_buffers; i++) {
        if (r->buffers[i].id == BUFFER_PAYLOAD) {
            return &r->buffers[i];
        }
    }
    return NULL;
}

static bool carries_tcp(enum rule_proto p)
{
    return p == RULE_PROTO_TCP || p == RULE_PROTO_TCP_STREAM || p == RULE_PROTO_TCP_PKT
           || p == RULE_PROTO_IP || p == RULE_PROTO_IPV4 || p == RULE_PROTO_IPV6
           || p == RULE_PROTO_APP || p == RULE_PROTO_PKTHDR;
}

/* Packet, stream, or both: what authors of the dialect count on (plan.h). */
static void settle_payload(struct draft *d)
{
    struct rule *r = d->rule;
    const struct rule_buffer *payload = payload_of(r);

    if (!carries_tcp(r->proto) || d->packet_keyword != NULL || payload == NULL) {
        r->looks_at_packet = !d->needs_stream;
        r->looks_at_stream = d->needs_stream;
        return;
    }
    r->looks_at_stream = true;
    r->looks_at_packet = d->sees_packets_too && !d->needs_stream;
    for (size_t i = 0; !d->needs_stream && i < payload->n_ops; i++) {
        const struct op_content *c = &payload->ops[i].content;
        if (payload->ops[i].kind == OP_CONTENT
            && (c->has_depth || c->has_offset || c->starts_with)) {
            r->looks_at_packet = true;
        }
    }
}

/* A buffer that there is in one direction alone settles the rule's direction. */
static void settle_direction(const struct draft *d)
{
    struct rule *r = d->rule;

    if ((r->flow & (FLOW_TO_SERVER | FLOW_TO_CLIENT)) != 0 || r->is_both_sides) {
        return;
    }
    if (r->hook == HOOK_TX) {
        r->flow |= d->is_hook_to_client ? FLOW_TO_CLIENT : FLOW_TO_SERVER;
        return;
    }
    for (size_t i = 0; i < r->n_buffers; i++) {
        unsigned dirs = r->buffers[i].dirs;
        if (dirs == BUFFER_TS) {
            r->flow |= FLOW_TO_SERVER;
        } else if (dirs == BUFFER_TC) {
            r->flow |= FLOW_TO_CLIENT;
        }
    }
    for (size_t i = 0; i < r->n_tests && r->flow == 0; i++) {
        if (r->tests[i].kind == TEST_NUMBER && r->tests[i].field == FIELD_HTTP_URILEN) {
            r->flow |= FLOW_TO_SERVER;
        }
    }
}

static bool has_only_tests(const struct rule *r, enum rule_test_kind kind)
{
    for (size_t i = 0; i < r->n_tests; i++) {
        if (r->tests[i].kind != kind) {
            return false;
        }
    }
    return r->n_tests > 0 && r->n_buffers == 0;
}

static void settle_type(struct rule *r)
{
    bool has_frame = false;

    r->is_transactional = r->hook == HOOK_TX;
    for (size_t i = 0; i < r->n_buffers; i++) {
        has_frame = has_frame || r->buffers[i].id == BUFFER_FRAME;
        r->is_transactional |= (buffer_info(r->buffers[i].id)->flags & BUFFER_PACKET) == 0
                               && r->buffers[i].id != BUFFER_FRAME;
    }
    for (size_t i = 0; i < r->n_tests; i++) {
        r->is_transactional |= rule_test_is_of_tx(&r->tests[i]);
    }
    for (size_t i = 0; i < r->n_dos; i++) {
        r->is_transactional |= rule_do_needs_file(&r->dos[i]);
    }
    bool is_any = r->src->is_any && r->dst->is_any;
    if (has_frame) {
        r->type = RULE_TYPE_FRAME;
    } else if (r->is_transactional) {
        r->type = RULE_TYPE_TX;
    } else if (has_only_tests(r, TEST_DECODE_EVENT)) {
        r->type = RULE_TYPE_DECODE_EVENT;
    } else if (payload_of(r) != NULL && r->looks_at_stream) {
        r->type = RULE_TYPE_STREAM;
    } else if (r->n_buffers == 0 && r->hook == HOOK_NONE
               && (r->proto == RULE_PROTO_APP || has_only_tests(r, TEST_APP_PROTO))) {
        r->type = RULE_TYPE_APP;
    } else if (r->n_buffers == 0 && r->n_tests == 0 && r->flow == 0 && !is_any
               && r->sports->is_any && r->dports->is_any && r->hook == HOOK_NONE) {
        r->type = RULE_TYPE_IP_ONLY;
    } else {
        r->type = RULE_TYPE_PACKET;
    }
}

void draft_finish(struct draft *d)
{
    struct rule *r = d->rule;

    r->msg = r->msg != NULL ? r->msg : "";
    merge_buffers(d);
    move_buffers(d);
    r->n_tests = d->n_tests;
    r->tests = move_array(d, d->tests, d->n_tests, sizeof *d->tests);
    r->n_dos = d->n_dos;
    r->dos = move_array(d, d->dos, d->n_dos, sizeof *d->dos);
    r->n_filters = d->n_filters;
    r->filters = move_array(d, d->filters, d->n_filters, sizeof *d->filters);
    settle_direction(d);
    settle_payload(d);
    settle_type(r);
    rule_choose_fast(r);
}
