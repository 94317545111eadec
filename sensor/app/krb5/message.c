/* RFC 4120, section 5: every message is an application's element with a sequence in it,
 * whose members have tags of their own. */
#include "sensor/app/krb5/message.h"

#include "sensor/app/der.h"

#define VERSION 5

/* KerberosString: what old software puts there is no ASCII either. */
static struct slice read_text(struct cursor *c)
{
    struct slice text = der_slice(c, DER_GENERAL_STRING);

    return !c->bad && text.size == 0 ? slice_text("") : text;
}

/* Member 'tag' of a sequence if it is the next; false, with an empty '*content', else. */
static bool take_member(struct cursor *c, unsigned tag, struct cursor *content)
{
    *content = cursor_of(NULL, 0);
    if (der_peek(c) != DER_CONTEXT(tag)) {
        return false;
    }
    *content = der_expect(c, DER_CONTEXT(tag));
    return true;
}

/* One that must be there. */
static struct cursor need_member(struct cursor *c, unsigned tag)
{
    return der_expect(c, DER_CONTEXT(tag));
}

/* PrincipalName: kind and parts (section 5.2.2). */
static void read_name(struct cursor *c, struct krb5_name *name)
{
    struct cursor sequence = der_expect(c, DER_SEQUENCE);
    struct cursor kind = need_member(&sequence, 0), list = need_member(&sequence, 1);
    struct cursor parts = der_expect(&list, DER_SEQUENCE);

    (void) der_integer(&kind);
    while (!parts.bad && cursor_left(&parts) > 0 && name->n < KRB5_MAX_PARTS) {
        struct slice part = read_text(&parts);
        if (!parts.bad) {
            name->parts[name->n++] = part;
        }
    }
    c->bad |= sequence.bad || kind.bad || list.bad || parts.bad;
    name->is_there = !c->bad;
}

/* EncryptedData: the kind alone (section 5.2.9). */
static void read_encryption(struct cursor *c, int32_t *etype)
{
    struct cursor sequence = der_expect(c, DER_SEQUENCE);
    struct cursor kind = need_member(&sequence, 0);
    int64_t value = der_integer(&kind);

    c->bad |= kind.bad || value < INT32_MIN || value > INT32_MAX;
    *etype = c->bad ? 0 : (int32_t) value;
}

/* The server's name and the encryption of a ticket (section 5.3). */
static void read_ticket(struct cursor *c, struct krb5_message *m)
{
    struct cursor ticket = der_expect(c, DER_APPLICATION(1));
    struct cursor sequence = der_expect(&ticket, DER_SEQUENCE);
    struct cursor version = need_member(&sequence, 0), realm = need_member(&sequence, 1);
    struct cursor sname = need_member(&sequence, 2), part = need_member(&sequence, 3);

    read_name(&sname, &m->sname);
    read_encryption(&part, &m->ticket_etype);
    c->bad |= version.bad || realm.bad || sname.bad || part.bad;
    m->has_ticket_etype = !c->bad;
}

/* KDC-REQ (section 5.4.1). */
static void read_request(struct cursor *c, struct krb5_message *m)
{
    struct cursor version = need_member(c, 1), type = need_member(c, 2), padata, name;

    (void) take_member(c, 3, &padata);
    struct cursor body = need_member(c, 4);
    struct cursor sequence = der_expect(&body, DER_SEQUENCE);
    struct cursor options = need_member(&sequence, 0);
    if (take_member(&sequence, 1, &name)) {
        read_name(&name, &m->cname);
        sequence.bad |= name.bad;
    }
    struct cursor realm = need_member(&sequence, 2);
    m->realm = read_text(&realm);
    if (take_member(&sequence, 3, &name)) {
        read_name(&name, &m->sname);
        sequence.bad |= name.bad;
    }
    c->bad |= version.bad || type.bad || options.bad || realm.bad || sequence.bad;
}

/* KDC-REP (section 5.4.2). */
static void read_reply(struct cursor *c, struct krb5_message *m)
{
    struct cursor version = need_member(c, 0), type = need_member(c, 1), padata;

    (void) take_member(c, 2, &padata);
    struct cursor realm = need_member(c, 3), name = need_member(c, 4);
    struct cursor ticket = need_member(c, 5), part = need_member(c, 6);
    m->realm = read_text(&realm);
    read_name(&name, &m->cname);
    read_ticket(&ticket, m);
    read_encryption(&part, &m->etype);
    c->bad |= version.bad || type.bad || realm.bad || name.bad || ticket.bad || part.bad;
    m->has_etype = !c->bad;
}

/* KRB-ERROR (section 5.9.1). */
static void read_error(struct cursor *c, struct krb5_message *m)
{
    struct cursor version = need_member(c, 0), type = need_member(c, 1), other;

    (void) take_member(c, 2, &other);
    (void) take_member(c, 3, &other);
    struct cursor time = need_member(c, 4), fraction = need_member(c, 5);
    struct cursor code = need_member(c, 6);
    int64_t error = der_integer(&code);
    if (take_member(c, 7, &other)) {
        m->realm = read_text(&other);
        c->bad |= other.bad;
    }
    if (take_member(c, 8, &other)) {
        read_name(&other, &m->cname);
        c->bad |= other.bad;
    }
    struct cursor realm = need_member(c, 9), name = need_member(c, 10);
    read_name(&name, &m->sname);
    c->bad |= version.bad || type.bad || time.bad || fraction.bad || code.bad || realm.bad
              || name.bad || error < INT32_MIN || error > INT32_MAX;
    m->has_error = !c->bad;
    m->error = c->bad ? 0 : (int32_t) error;
}

enum app_probe krb5_message_is_likely(struct slice bytes)
{
    struct cursor c = cursor_of(bytes.bytes, bytes.size);
    uint8_t tag = cursor_u8(&c), size = cursor_u8(&c);

    if (bytes.size > 0 && ((tag & 0xe0) != 0x60 || (tag & 0x1f) > KRB5_ERROR)) {
        return APP_PROBE_NO;
    }
    (void) cursor_skip(&c, size > 0x80 && size <= 0x84 ? size - 0x80u : 0);
    uint8_t inner = cursor_u8(&c), inner_size = cursor_u8(&c);
    if (!c.bad && inner != DER_SEQUENCE) {
        return APP_PROBE_NO;
    }
    (void) cursor_skip(&c, inner_size > 0x80 && inner_size <= 0x84 ? inner_size - 0x80u : 0);
    (void) cursor_skip(&c, 2);          /* Tag and size of the version. */
    const uint8_t *version = cursor_take(&c, 3);
    if (version == NULL) {
        return APP_PROBE_MORE;
    }
    return version[0] == DER_INTEGER && version[1] == 1 && version[2] == VERSION
               ? APP_PROBE_YES
               : APP_PROBE_NO;
}

unsigned krb5_message_type(struct slice bytes)
{
    struct cursor c = cursor_of(bytes.bytes, bytes.size);
    unsigned tag;

    (void) der_next(&c, &tag);
    return !c.bad && (tag & 0xe0) == DER_APPLICATION(0) ? tag & 0x1f : 0;
}

bool krb5_message_decode(struct slice bytes, struct krb5_message *m)
{
    struct cursor c = cursor_of(bytes.bytes, bytes.size);
    unsigned tag;
    struct cursor message = der_next(&c, &tag);
    struct cursor sequence = der_expect(&message, DER_SEQUENCE);

    memset(m, 0, sizeof *m);
    m->type = tag - DER_APPLICATION(0);
    switch (m->type) {
    case KRB5_AS_REQ: case KRB5_TGS_REQ:
        read_request(&sequence, m);
        break;
    case KRB5_AS_REP: case KRB5_TGS_REP:
        read_reply(&sequence, m);
        break;
    case KRB5_ERROR:
        read_error(&sequence, m);
        break;
    default:
        return false;
    }
    return !sequence.bad && !message.bad && !c.bad;
}
