/* RFC 1035, section 4.1:
 *
 *   header     id, flags, four counts: two bytes each
 *   question   name, type, class
 *   record     name, type, class, ttl (four bytes), size, data
 *
 * A name is a run of labels, each a length byte below 64 and so many bytes, ended by a
 * zero length or by a pointer (two bytes, 0xc000 and an offset into the message). */
#include "sensor/app/dns/message.h"

#include "common/base/cursor.h"

#define LAST_OPCODE 6           /* DSO, RFC 8490. */
#define MIN_QUESTION 5          /* Root name, type, class. */

enum { TYPE_A = 1, TYPE_NS = 2, TYPE_CNAME = 5, TYPE_SOA = 6, TYPE_NULL = 10,
       TYPE_PTR = 12, TYPE_MX = 15, TYPE_TXT = 16, TYPE_AAAA = 28, TYPE_SRV = 33,
       TYPE_OPT = 41, TYPE_SSHFP = 44 };

struct reader {
    struct slice message;       /* In the arena. */
    struct arena *arena;
    struct dns_message *m;
    /* The name that a pointer led to last: records of one name repeat the pointer. */
    size_t last_target;
    struct slice last_name;
    bool last_is_truncated;
};

static void set_event(struct reader *r, enum dns_event event)
{
    r->m->events |= 1u << event;
}

/* ---- Names ---- */

struct name {
    uint8_t text[DNS_MAX_NAME];
    size_t size;
    bool is_truncated;
};

static void add_label(struct name *name, const uint8_t *label, size_t size)
{
    size_t dot = name->size > 0 ? 1 : 0;
    size_t room = DNS_MAX_NAME - name->size;

    if (dot != 0 && room > 0) {
        name->text[name->size++] = '.';
        room--;
    }
    if (size > room) {
        name->is_truncated = true;
        size = room;
    }
    memcpy(name->text + name->size, label, size);
    name->size += size;
}

/* Reads the name at '*at' and moves that behind it.  A pointer may lead forward too. */
static bool read_labels(struct reader *r, size_t *at, struct name *name)
{
    const struct slice *m = &r->message;
    size_t pos = *at, end = 0;
    unsigned n_labels = 0, n_pointers = 0;

    name->size = 0;
    name->is_truncated = false;
    for (;;) {
        if (pos >= m->size) {
            return false;
        }
        uint8_t length = m->bytes[pos++];
        if (length == 0) {
            break;
        }
        if (length >= 0xc0) {
            if (pos >= m->size) {
                return false;
            }
            if (n_pointers++ == 0) {
                end = pos + 1;
            }
            if (n_pointers > DNS_MAX_POINTERS) {
                set_event(r, DNS_EVENT_INFINITE_LOOP);
                return false;
            }
            pos = (size_t) (length & 0x3f) << 8 | m->bytes[pos];
            continue;
        }
        if (length >= 0x40 || length > m->size - pos) {
            return false;
        }
        if (n_labels++ >= DNS_MAX_LABELS) {
            set_event(r, DNS_EVENT_TOO_MANY_LABELS);
            return false;
        }
        add_label(name, m->bytes + pos, length);
        pos += length;
    }
    *at = n_pointers > 0 ? end : pos;
    return true;
}

/* As a slice in the arena.  False: malformed, or no room. */
static bool read_name(struct reader *r, size_t *at, struct slice *out, bool *is_truncated)
{
    const struct slice *m = &r->message;
    bool is_pointer = *at + 1 < m->size && m->bytes[*at] >= 0xc0;
    size_t target = is_pointer ? (size_t) (m->bytes[*at] & 0x3f) << 8 | m->bytes[*at + 1] : 0;
    struct name name;

    if (is_pointer && target == r->last_target && r->last_name.bytes != NULL) {
        *out = r->last_name;
        *is_truncated = r->last_is_truncated;
        *at += 2;
        return true;
    }
    if (!read_labels(r, at, &name)) {
        return false;
    }
    if (name.is_truncated) {
        set_event(r, DNS_EVENT_NAME_TOO_LONG);
    }
    *out = name.size > 0 ? arena_copy(r->arena, name.text, name.size) : slice_text("");
    *is_truncated = name.is_truncated;
    if (is_pointer) {
        r->last_target = target;
        r->last_name = *out;
        r->last_is_truncated = name.is_truncated;
    }
    return out->bytes != NULL;
}

/* The next 'n' bytes of [*at, end) as a cursor; a bad one if they are not there. */
static struct cursor take(const struct reader *r, size_t *at, size_t end, size_t n)
{
    struct cursor c = cursor_of(r->message.bytes + *at, end - *at);
    struct cursor sub = cursor_sub(&c, n);

    if (!sub.bad) {
        *at += n;
    }
    return sub;
}

/* ---- Record data ---- */

static struct slice data_slice(const struct reader *r, size_t at, size_t end)
{
    return slice_of(r->message.bytes + at, end - at);
}

static struct slice address_text(struct reader *r, size_t at, size_t end)
{
    struct ip_addr ip;
    char text[IP_TEXT_SIZE];

    if (end - at == 4) {
        ip = ip_v4(r->message.bytes + at);
    } else {
        ip = ip_v6(r->message.bytes + at);
    }
    size_t size = ip_format(&ip, true, text);
    return arena_copy(r->arena, text, size);
}

static bool read_address(struct reader *r, struct event_dns_rr *rr, size_t at, size_t end,
                         size_t size)
{
    rr->rdata = end - at == size ? address_text(r, at, end) : slice_text("");
    return rr->rdata.bytes != NULL;
}

/* Names stand within the record, though pointers may leave it. */
static bool read_data_name(struct reader *r, size_t *at, size_t end, struct slice *out)
{
    bool is_truncated;

    return *at < end && read_name(r, at, out, &is_truncated) && *at <= end;
}

static bool read_soa(struct reader *r, struct event_dns_rr *rr, size_t at, size_t end)
{
    struct event_dns_soa *soa = arena_alloc(r->arena, sizeof *soa);

    if (soa == NULL || !read_data_name(r, &at, end, &soa->mname)
        || !read_data_name(r, &at, end, &soa->rname)) {
        return false;
    }
    struct cursor c = take(r, &at, end, 20);
    soa->serial = cursor_be32(&c);
    soa->refresh = cursor_be32(&c);
    soa->retry = cursor_be32(&c);
    soa->expire = cursor_be32(&c);
    soa->minimum = cursor_be32(&c);
    rr->soa = soa;
    return !c.bad;
}

static bool read_srv(struct reader *r, struct event_dns_rr *rr, size_t at, size_t end)
{
    struct event_dns_srv *srv = arena_alloc(r->arena, sizeof *srv);
    struct cursor c = take(r, &at, end, 6);

    if (srv == NULL || c.bad) {
        return false;
    }
    srv->priority = cursor_be16(&c);
    srv->weight = cursor_be16(&c);
    srv->port = cursor_be16(&c);
    rr->srv = srv;
    return read_data_name(r, &at, end, &srv->name);
}

static bool read_sshfp(struct reader *r, struct event_dns_rr *rr, size_t at, size_t end)
{
    static const char digits[] = "0123456789abcdef";
    struct event_dns_sshfp *sshfp = arena_alloc(r->arena, sizeof *sshfp);
    struct cursor c = take(r, &at, end, 2);
    size_t n = end - at;

    if (sshfp == NULL || c.bad || n == 0) {
        return false;
    }
    sshfp->algo = cursor_u8(&c);
    sshfp->type = cursor_u8(&c);
    char *text = arena_alloc(r->arena, n * 3);
    if (text == NULL) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t b = r->message.bytes[at + i];
        text[3 * i] = digits[b >> 4];
        text[3 * i + 1] = digits[b & 15];
        text[3 * i + 2] = ':';
    }
    sshfp->fingerprint = slice_of(text, n * 3 - 1);
    rr->sshfp = sshfp;
    return true;
}

/* RFC 6891, section 6.1.2. */
static bool read_opt(struct reader *r, struct event_dns_rr *rr, size_t at, size_t end)
{
    struct event_dns_opt *opts = arena_alloc(r->arena, (end - at) / 4 * sizeof *opts);
    size_t n = 0;

    while (at < end) {
        struct cursor c = take(r, &at, end, 4);
        uint16_t code = cursor_be16(&c), size = cursor_be16(&c);
        if (c.bad || size > end - at || opts == NULL) {
            return false;
        }
        opts[n].code = code;
        opts[n++].data = data_slice(r, at, at + size);
        at += size;
    }
    rr->opts = opts;
    rr->n_opts = n;
    return true;
}

bool dns_type_has_name(uint16_t type)
{
    return type == TYPE_NS || type == TYPE_CNAME || type == TYPE_PTR || type == TYPE_MX;
}

/* ---- Sections ---- */

static struct event_dns_rr *add_record(struct reader *r, struct dns_records *section,
                                       uint16_t type, const struct event_dns_rr *common)
{
    if (section->n == section->cap) {
        size_t cap = section->cap != 0 ? section->cap * 2 : 4;
        struct event_dns_rr *rows = arena_alloc(r->arena, cap * sizeof *rows);
        uint16_t *types = arena_alloc(r->arena, cap * sizeof *types);
        if (rows == NULL || types == NULL || section->n >= DNS_MAX_RECORDS) {
            return NULL;
        }
        if (section->n != 0) {
            memcpy(rows, section->rows, section->n * sizeof *rows);
            memcpy(types, section->types, section->n * sizeof *types);
        }
        section->rows = rows;
        section->types = types;
        section->cap = cap;
    }
    section->types[section->n] = type;
    section->rows[section->n] = *common;
    return &section->rows[section->n++];
}

/* Each character-string is a record of its own. */
static bool read_txt(struct reader *r, struct dns_records *section,
                     const struct event_dns_rr *common, size_t at, size_t end)
{
    while (at < end) {
        size_t size = r->message.bytes[at++];
        if (size > end - at) {
            return false;
        }
        struct event_dns_rr *rr = add_record(r, section, TYPE_TXT, common);
        if (rr == NULL) {
            return false;
        }
        rr->rdata = data_slice(r, at, at + size);
        at += size;
    }
    return true;
}

static bool read_data(struct reader *r, struct event_dns_rr *rr, uint16_t type, size_t at,
                      size_t end)
{
    switch (type) {
    case TYPE_A:
        return read_address(r, rr, at, end, 4);
    case TYPE_AAAA:
        return read_address(r, rr, at, end, 16);
    case TYPE_NS:
    case TYPE_CNAME:
    case TYPE_PTR:
        return read_data_name(r, &at, end, &rr->rdata);
    case TYPE_MX:
        at += 2;                            /* The preference is not logged. */
        return at <= end && read_data_name(r, &at, end, &rr->rdata);
    case TYPE_NULL:
        rr->rdata = data_slice(r, at, end);
        return true;
    case TYPE_SOA:
        return read_soa(r, rr, at, end);
    case TYPE_SRV:
        return read_srv(r, rr, at, end);
    case TYPE_SSHFP:
        return read_sshfp(r, rr, at, end);
    case TYPE_OPT:
        return read_opt(r, rr, at, end);
    default:
        return true;
    }
}

static bool read_record(struct reader *r, size_t *at, struct dns_records *section)
{
    struct event_dns_rr common = { .ttl = 0 };

    if (!read_name(r, at, &common.rrname, &common.rrname_truncated)) {
        return false;
    }
    struct cursor c = take(r, at, r->message.size, 10);
    uint16_t type = cursor_be16(&c);
    cursor_skip(&c, 2);
    common.ttl = cursor_be32(&c);
    size_t size = cursor_be16(&c);
    if (c.bad || size > r->message.size - *at) {
        return false;
    }
    size_t data = *at;
    *at += size;
    common.rrtype = dns_type_name(type, r->arena);
    if (type == TYPE_TXT) {
        return read_txt(r, section, &common, data, *at);
    }
    if (type == TYPE_OPT && size == 0) {
        return true;                        /* EDNS without options: nothing to tell. */
    }
    struct event_dns_rr *rr = add_record(r, section, type, &common);
    return rr != NULL && read_data(r, rr, type, data, *at);
}

/* Up to 'n' records; at a broken one the section is emptied. */
static bool read_section(struct reader *r, size_t *at, uint16_t n,
                         struct dns_records *section)
{
    for (unsigned i = 0; i < n && section->n < DNS_MAX_RECORDS; i++) {
        if (!read_record(r, at, section)) {
            section->n = 0;
            return false;
        }
    }
    return true;
}

static bool read_questions(struct reader *r, size_t *at, uint16_t count)
{
    struct dns_queries *q = &r->m->queries;
    size_t left = r->message.size - *at, max = left / MIN_QUESTION;
    size_t cap = count < max ? count : max;

    if (count == 0) {
        return true;
    }
    if (count > max) {
        return false;
    }
    cap = cap < DNS_MAX_RECORDS ? cap : DNS_MAX_RECORDS;
    q->rows = arena_alloc(r->arena, cap * sizeof *q->rows);
    q->types = arena_alloc(r->arena, cap * sizeof *q->types);
    if (q->rows == NULL || q->types == NULL) {
        return false;
    }
    for (; q->n < cap; q->n++) {
        struct event_dns_query *row = &q->rows[q->n];

        if (!read_name(r, at, &row->rrname, &row->rrname_truncated)) {
            return false;
        }
        struct cursor c = take(r, at, r->message.size, 4);
        q->types[q->n] = cursor_be16(&c);
        row->rrtype = dns_type_name(q->types[q->n], r->arena);
        if (c.bad) {
            return false;
        }
    }
    return cap == count;
}

bool dns_message_decode(struct slice bytes, struct arena *arena, struct dns_message *m)
{
    struct cursor c = cursor_of(bytes.bytes, bytes.size);

    *m = (struct dns_message) { .id = cursor_be16(&c), .events = 0 };
    m->flags = cursor_be16(&c);
    uint16_t n_questions = cursor_be16(&c), n_answers = cursor_be16(&c);
    uint16_t n_authorities = cursor_be16(&c), n_additionals = cursor_be16(&c);
    if (c.bad) {
        return false;
    }
    struct reader r = { .message = arena_copy(arena, bytes.bytes, bytes.size),
                        .arena = arena, .m = m };
    size_t at = DNS_HEADER_SIZE;
    if (r.message.bytes == NULL || !read_questions(&r, &at, n_questions)
        || !read_section(&r, &at, n_answers, &m->answers)) {
        return false;
    }
    if ((m->flags & DNS_Z) != 0) {
        set_event(&r, DNS_EVENT_Z_FLAG_SET);
    }
    if (dns_opcode(m) > LAST_OPCODE) {
        set_event(&r, DNS_EVENT_INVALID_OPCODE);
    }
    if (!read_section(&r, &at, n_authorities, &m->authorities)) {
        set_event(&r, DNS_EVENT_INVALID_AUTHORITIES);
    } else if (!read_section(&r, &at, n_additionals, &m->additionals)) {
        set_event(&r, DNS_EVENT_INVALID_ADDITIONALS);
    }
    return true;
}

/* Walks over one question without keeping anything; false if it cannot be one. */
static bool skip_question(struct slice m, size_t *at, bool is_whole)
{
    for (unsigned n = 0; n <= DNS_MAX_LABELS; n++) {
        if (*at >= m.size) {
            return !is_whole;
        }
        uint8_t length = m.bytes[(*at)++];
        if (length == 0 || length >= 0xc0) {
            size_t rest = 4 + (length != 0 ? 1u : 0u);
            size_t target = length >= 0xc0 && *at < m.size
                                ? (size_t) (length & 0x3f) << 8 | m.bytes[*at]
                                : 0;
            if (target != 0 && (target == *at - 1 || (is_whole && target >= m.size))) {
                return false;               /* To itself, or out of the message. */
            }
            if (rest > m.size - *at) {
                return !is_whole;
            }
            *at += rest;
            return true;
        }
        if (length >= 0x40) {
            return false;
        }
        if (length > m.size - *at) {
            return !is_whole;
        }
        *at += length;
    }
    return false;
}

bool dns_message_is_likely(struct slice bytes, bool is_whole)
{
    struct cursor c = cursor_of(bytes.bytes, bytes.size);

    cursor_skip(&c, 4);
    uint16_t n_questions = cursor_be16(&c), n_answers = cursor_be16(&c);
    cursor_skip(&c, 4);
    if (c.bad) {
        return !is_whole;
    }
    uint16_t flags = (uint16_t) (bytes.bytes[2] << 8 | bytes.bytes[3]);
    bool is_response = (flags & DNS_QR) != 0;
    /* A request asks something; a response without its question has answers, or an error. */
    if (n_questions == 0 && (!is_response || (n_answers == 0 && (flags & 15) == 0))) {
        return false;
    }
    size_t at = DNS_HEADER_SIZE;
    return n_questions == 0 || skip_question(bytes, &at, is_whole);
}
