/* The engine: rules sorted out, names resolved, databases compiled. */
#include <stdlib.h>

#include "common/base/alloc.h"
#include "sensor/decode/events.h"
#include "sensor/detect/detect_private.h"
#include "sensor/stream/events.h"

#define KEY(field) offsetof(struct detect_conf, field)
static const struct conf_key keys[] = {
    { "cache", CONF_TEXT, KEY(cache), "auto", 0, 0,
      "Folder of compiled patterns, so that the next start is quick: auto, no or a path", NULL },
    { "max_alerts", CONF_UINT, KEY(max_alerts), "15", 1, MAX_MATCHES,
      "Alerts of one packet", NULL },
    { "max_steps", CONF_UINT, KEY(max_steps), "20000", 100, 1u << 30,
      "Operations spent on one rule and one buffer", NULL },
    { "stream_window", CONF_SIZE, KEY(stream_window), "2560", 512, 4096,
      "Bytes of a raw stream kept behind, in which the parts of a rule are looked for", NULL },
    { "pcre_match_limit", CONF_UINT, KEY(pcre_match_limit), "3500", 1, UINT32_MAX,
      "Effort spent on one regular expression", NULL },
    { "memory", CONF_SIZE, KEY(memory), "256mb", 1u << 20, (uint64_t) 1 << 40,
      "State of rules in flows and transactions, per worker", NULL },
};
const struct conf_section detect_conf_section = {
    "detect", keys, sizeof keys / sizeof keys[0],
};

static const struct conf_key data_keys[] = {
    { "reputation-categories-file", CONF_TEXT, KEY(reputation_categories), NULL, 0, 0,
      "Categories of the reputation of addresses: number, name and text a line", NULL },
    { "default-reputation-path", CONF_TEXT, KEY(reputation_path), NULL, 0, 0,
      "Folder of the reputation files that are named without a path", NULL },
    { "reputation-files", CONF_TEXTS, KEY(reputation_files), NULL, 0, 0,
      "Lists of addresses or networks with category and value, for iprep", NULL },
    { "geoip-database", CONF_TEXT, KEY(geoip_database), NULL, 0, 0,
      "MaxMind database of countries, for geoip", NULL },
};
const struct conf_section detect_data_section = {
    "", data_keys, sizeof data_keys / sizeof data_keys[0],
};

void engine_refuse_rule(struct engine_rule *er, struct diag *diag, const char *why)
{
    diag_add(diag, DIAG_ERROR, er->rule->file, er->rule->line, 1, NULL,
             "rule %u is left out: %s", er->rule->sid, why);
    er->kind = KIND_REFUSED;
}

bool detect_engine_has_rules(const struct detect_engine *e)
{
    return e->n_rules > 0;
}

size_t detect_engine_n_refused(const struct detect_engine *e)
{
    size_t n = 0;

    for (size_t i = 0; i < e->n_rules; i++) {
        n += e->rules[i].kind == KIND_REFUSED;
    }
    return n;
}

static bool has_test(const struct rule *r, enum rule_test_kind kind)
{
    for (size_t i = 0; i < r->n_tests; i++) {
        if (r->tests[i].kind == kind) {
            return true;
        }
    }
    return false;
}

/* app-layer-protocol and nothing else. */
static bool is_proto_only(const struct rule *r)
{
    for (size_t i = 0; i < r->n_tests; i++) {
        if (r->tests[i].kind != TEST_APP_PROTO) {
            return false;
        }
    }
    return r->n_tests > 0 && r->n_buffers == 0 && r->app_proto == APP_UNKNOWN
           && (r->flow & ~(uint32_t) (FLOW_TO_SERVER | FLOW_TO_CLIENT | FLOW_IS_ESTABLISHED))
                  == 0;
}

/* Nothing but addresses and what lists say of them: looked at once per flow and direction.
 * Ports on both sides hinder that. */
static bool is_ip_only(const struct rule *r)
{
    bool has_ports = !r->sports->is_any && !r->dports->is_any;

    if (r->hook != HOOK_NONE) {
        return false;
    }

    for (size_t i = 0; i < r->n_tests; i++) {
        if (r->tests[i].kind != TEST_DETECTION_FILTER && r->tests[i].kind != TEST_OTHER
            && r->tests[i].kind != TEST_IPREP) {
            return false;
        }
    }
    return r->n_buffers == 0 && r->flow == 0 && r->app_proto == APP_UNKNOWN && !has_ports
           && r->proto != RULE_PROTO_APP && r->proto != RULE_PROTO_PKTHDR
           && r->proto != RULE_PROTO_ARP && r->proto != RULE_PROTO_ETHER;
}

/* In which directions the header and the buffers let a rule match. */
static unsigned find_dirs(const struct rule *r)
{
    unsigned dirs = 1u << TO_SERVER | 1u << TO_CLIENT;

    if (r->flow & FLOW_TO_SERVER) {
        dirs &= 1u << TO_SERVER;
    }
    if (r->flow & FLOW_TO_CLIENT) {
        dirs &= 1u << TO_CLIENT;
    }
    for (size_t i = 0; i < r->n_buffers && !r->is_both_sides; i++) {
        unsigned buffer_dirs = r->buffers[i].dirs;

        if (!(buffer_dirs & BUFFER_TS)) {
            dirs &= ~(1u << TO_SERVER);
        }
        if (!(buffer_dirs & BUFFER_TC)) {
            dirs &= ~(1u << TO_CLIENT);
        }
    }
    return dirs;
}

/* Can only the whole of a buffer answer these operations? */
bool engine_needs_whole(const struct rule_buffer *b)
{
    for (size_t i = 0; i < b->n_ops; i++) {
        const struct rule_op *op = &b->ops[i];

        if (op->negated || op->kind == OP_BSIZE || op->kind == OP_DATASET
            || op->kind == OP_ENTROPY
            || (op->kind == OP_CONTENT && op->content.ends_with)) {
            return true;
        }
    }
    return b->n_transforms > 0 || b->absent != BUFFER_PRESENT;
}

static bool load_file_lists(struct detect_engine *, const struct rule *, struct diag *);

static const char *find_unusable(const struct detect_engine *e, const struct rule *r)
{
    for (size_t i = 0; i < r->n_tests; i++) {
        const char *why = address_test_fault(e, &r->tests[i]);
        if (why != NULL) {
            return why;
        }
    }
    for (size_t i = 0; i < r->n_buffers; i++) {
        const struct rule_buffer *b = &r->buffers[i];

        for (size_t j = 0; j < b->n_ops; j++) {
            switch (b->ops[j].kind) {
            case OP_DATASET:
                if (e->datasets[b->ops[j].dataset.set] == NULL) {
                    return "its dataset could not be loaded";
                }
                break;
            default:
                break;
            }
        }
    }
    return NULL;
}

static void classify_rule(struct detect_engine *e, struct engine_rule *er, struct diag *diag)
{
    const struct rule *r = er->rule;
    const char *why = find_unusable(e, r);

    er->dirs = (uint8_t) find_dirs(r);
    er->has_app_event = has_test(r, TEST_APP_EVENT);
    er->is_about_files = rule_is_about_files(r);
    for (size_t i = 0; i < r->n_buffers; i++) {
        er->has_payload |= r->buffers[i].id == BUFFER_PAYLOAD;
        er->needs_end |= engine_needs_whole(&r->buffers[i]);
    }
    if (r->type == RULE_TYPE_FRAME) {
        er->kind = KIND_FRAME;
    } else if (r->is_transactional) {
        er->kind = KIND_TX;
        e->has_tx_rules = true;
    } else if (is_proto_only(r)) {
        er->kind = KIND_PROTO_ONLY;
    } else {
        er->kind = is_ip_only(r) ? KIND_IP_ONLY : KIND_PACKET;
    }
    er->in_packet = r->looks_at_packet || !er->has_payload || !r->looks_at_stream;
    er->in_stream = er->has_payload && r->looks_at_stream && er->kind == KIND_PACKET
                    && engine_rule_is_for(r, SCAN_TCP);
    er->only_stream = er->in_stream && ((r->flow & FLOW_ONLY_STREAM)
                                        || r->proto == RULE_PROTO_TCP_STREAM);
    e->has_stream_rules |= er->in_stream || (er->kind == KIND_TX && er->has_payload);
    if (why == NULL && !load_file_lists(e, r, diag)) {
        why = "its list of files could not be loaded";
    }
    if (why == NULL && er->dirs == 0) {
        why = "its buffers and its direction exclude each other";
    }
    if (why != NULL) {
        engine_refuse_rule(er, diag, why);
    }
}

static void add_event_rule(struct event_rules *list, uint32_t rule)
{
    list->rules = xgrow(list->rules, list->n, &list->cap, sizeof *list->rules);
    list->rules[list->n++] = rule;
}

/* Enters a rule under the first decode or stream event that it asks for; false when it
 * asks for none.  An event that does not exist refuses the rule. */
static bool enter_by_event(struct detect_engine *e, struct engine_rule *er,
                           struct diag *diag)
{
    const struct rule *r = er->rule;

    for (size_t i = 0; i < r->n_tests; i++) {
        const struct rule_test *t = &r->tests[i];

        if ((t->kind != TEST_DECODE_EVENT && t->kind != TEST_STREAM_EVENT) || t->negated) {
            continue;
        }
        const char *name = e->set->events.names[t->name];
        bool is_decode = t->kind == TEST_DECODE_EVENT;
        unsigned id = is_decode ? decode_event_by_name(name, strlen(name))
                                : stream_event_by_name(name, strlen(name));

        if (id == (is_decode ? (unsigned) DECODE_N_EVENTS : (unsigned) STREAM_N_EVENTS)) {
            engine_refuse_rule(er, diag, "there is no such event");
        } else {
            add_event_rule(is_decode ? &e->decode_events[id] : &e->stream_events[id],
                           r->index);
        }
        return true;
    }
    return false;
}

static void enter_always(struct header_index **index, const struct rule *r)
{
    if (*index == NULL) {
        *index = header_index_create();
    }
    header_index_add(*index, r);
}

/* Rules that no literal finds, by what they are about. */
static void enter_packet_rule(struct detect_engine *e, struct engine_rule *er)
{
    const struct rule *r = er->rule;
    bool is_flowless = r->flow == 0 && !er->has_payload && r->app_proto == APP_UNKNOWN
                       && (r->proto == RULE_PROTO_IP || r->proto == RULE_PROTO_PKTHDR
                           || r->proto == RULE_PROTO_ETHER || r->proto == RULE_PROTO_ARP);

    if (is_flowless && er->kind == KIND_PACKET) {
        add_event_rule(&e->flowless, r->index);
    }
    for (unsigned dir = 0; dir < N_DIRECTIONS; dir++) {
        if (!(er->dirs & 1u << dir)) {
            continue;
        }
        if (er->kind == KIND_IP_ONLY) {
            enter_always(&e->ip_only[dir], r);
            continue;
        }
        for (unsigned p = 0; p < N_SCAN_PROTOS; p++) {
            if (engine_rule_is_for(r, (enum scan_proto) p)) {
                enter_always(&e->always[p][dir], r);
            }
        }
    }
}

/* Can a rule that was found by its literal still lack something that a stream brings
 * later? */
static bool can_complete(const struct rule *r, const struct fast_literal *fast)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n_buffers; i++) {
        n += r->buffers[i].n_ops;
    }
    return n > 1 || fast->is_piece;
}

/* Sorts every rule into its kind; those with literals are left to the groups. */
bool engine_classify(struct detect_engine *e, struct diag *diag)
{
    for (size_t i = 0; i < e->n_rules; i++) {
        struct engine_rule *er = &e->rules[i];
        struct fast_literal fast;

        er->rule = e->set->rules[i];
        classify_rule(e, er, diag);
        tags_collect(e, er->rule);
        if (er->kind == KIND_REFUSED || er->kind == KIND_TX || er->kind == KIND_FRAME
            || enter_by_event(e, er, diag)) {
            continue;
        }
        if (!engine_choose_fast(er, &fast)) {
            enter_packet_rule(e, er);
            continue;
        }
        er->is_by_literal = true;
        er->can_complete = can_complete(er->rule, &fast);
    }
    return true;
}

/* Datasets of rules; which file a set is read from is told by the first rule that asks. */
static void load_datasets(struct detect_engine *e, struct diag *diag)
{
    size_t n = e->set->n_datasets;
    bool *is_mutable = xcalloc(n + 1, sizeof *is_mutable);

    e->datasets = xcalloc(n + 1, sizeof(struct dataset *));
    for (size_t i = 0; i < e->n_rules; i++) {
        const struct rule *r = e->set->rules[i];

        for (size_t j = 0; j < r->n_buffers; j++) {
            for (size_t k = 0; k < r->buffers[j].n_ops; k++) {
                const struct rule_op *op = &r->buffers[j].ops[k];

                if (op->kind == OP_DATASET && op->dataset.set < n
                    && (op->dataset.action == DATASET_SET
                        || op->dataset.action == DATASET_UNSET)) {
                    is_mutable[op->dataset.set] = true;
                }
            }
        }
    }
    for (size_t i = 0; i < n; i++) {
        e->datasets[i] = dataset_create(&e->set->datasets[i], is_mutable[i], diag);
    }
    free(is_mutable);
}

/* False when a list of digests cannot be read. */
static bool load_file_lists(struct detect_engine *e, const struct rule *r, struct diag *diag)
{
    for (size_t i = 0; i < r->n_tests; i++) {
        if (r->tests[i].kind != TEST_FILE_TYPE) {
            continue;
        }
        struct dataset *list = file_list_load(r->tests[i].text, diag);

        if (list == NULL) {
            return false;
        }
        e->file_lists = xgrow(e->file_lists, e->n_file_lists, &e->cap_file_lists,
                              sizeof *e->file_lists);
        e->file_lists[e->n_file_lists].text = r->tests[i].text;
        e->file_lists[e->n_file_lists++].list = list;
    }
    return true;
}

/* Bits live in the host table under the hash of their names, which a reload keeps. */
static uint64_t *hash_names(const struct rule_names *names)
{
    uint64_t *ids = xcalloc(names->n + 1, sizeof *ids);

    for (size_t i = 1; i < names->n; i++) {
        ids[i] = hash_bytes(hash_seed_fixed(), names->names[i], strlen(names->names[i]));
    }
    return ids;
}

static void finish_index(struct header_index *index)
{
    if (index != NULL) {
        header_index_finish(index);
    }
}

struct detect_engine *detect_engine_create(const struct ruleset *rules,
                                           const struct detect_conf *conf, struct diag *diag)
{
    struct detect_engine *e = xcalloc(1, sizeof *e);

    e->set = rules;
    e->conf = *conf;
    e->conf.cache = NULL;       /* Not ours to keep. */
    e->n_rules = rules->n_rules;
    e->rules = xcalloc(e->n_rules + 1, sizeof *e->rules);
    e->decode_events = xcalloc(DECODE_N_EVENTS, sizeof *e->decode_events);
    e->stream_events = xcalloc(STREAM_N_EVENTS, sizeof *e->stream_events);
    e->xbit_ids = hash_names(&rules->xbits);
    e->hostbit_ids = hash_names(&rules->hostbits);
    e->flowbits_size = (rules->flowbits.n + 7) / 8;
    e->store = patterns_store_create(conf->cache, diag);
    load_datasets(e, diag);
    address_data_load(e, diag);
    if (!engine_classify(e, diag) || !engine_make_groups(e, diag)) {
        detect_engine_destroy(e);
        return NULL;
    }
    for (unsigned dir = 0; dir < N_DIRECTIONS; dir++) {
        finish_index(e->ip_only[dir]);
        for (unsigned p = 0; p < N_SCAN_PROTOS; p++) {
            finish_index(e->always[p][dir]);
        }
    }
    return e;
}

void detect_engine_destroy(struct detect_engine *e)
{
    if (e == NULL) {
        return;
    }
    engine_free_groups(e);
    for (unsigned dir = 0; dir < N_DIRECTIONS; dir++) {
        header_index_destroy(e->ip_only[dir]);
        for (unsigned p = 0; p < N_SCAN_PROTOS; p++) {
            header_index_destroy(e->always[p][dir]);
        }
    }
    for (unsigned i = 0; i < DECODE_N_EVENTS; i++) {
        free(e->decode_events[i].rules);
    }
    for (unsigned i = 0; i < STREAM_N_EVENTS; i++) {
        free(e->stream_events[i].rules);
    }
    for (size_t i = 0; i < e->set->n_datasets; i++) {
        dataset_destroy(e->datasets[i]);
    }
    for (size_t i = 0; i < e->n_file_lists; i++) {
        dataset_destroy(e->file_lists[i].list);
    }
    free(e->file_lists);
    address_data_free(e);
    free(e->host_tags);
    free(e->decode_events);
    free(e->stream_events);
    free(e->flowless.rules);
    free(e->datasets);
    free(e->xbit_ids);
    free(e->hostbit_ids);
    free(e->rules);
    patterns_store_destroy(e->store);
    free(e);
}
