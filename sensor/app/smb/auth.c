/* Who logs on: security blobs of SPNEGO (RFC 4178) with NTLMSSP (MS-NLMP, section 2.2.1.3)
 * or a Kerberos ticket (RFC 4120, section 5.5.1) in them. */
#include "sensor/app/smb/smb_private.h"

/* Tags of DER (X.690): of the universal class, and numbered ones. */
enum { DER_OCTETS = 0x04, DER_OID = 0x06, DER_SEQUENCE = 0x30 };
#define DER_CONTEXT(n) (0xa0 | (n))
#define DER_APPLICATION(n) (0x60 | (n))

#define OID_SPNEGO "\x2b\x06\x01\x05\x05\x02"
#define OID_KERBEROS "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"
#define OID_NTLMSSP "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"

/* The next element: its tag and its content.  False at the end, or when malformed. */
static bool der_next(struct cursor *c, uint8_t *tag, struct cursor *content)
{
    *tag = cursor_u8(c);
    size_t size = cursor_u8(c);

    if ((size & 0x80) != 0) {
        size_t n = size & 0x7f;
        size = 0;
        if (n == 0 || n > 4) {
            return false;
        }
        while (n-- != 0) {
            size = size << 8 | cursor_u8(c);
        }
    }
    *content = cursor_sub(c, size);
    return !c->bad;
}

/* The next element, which has this tag. */
static bool der_expect(struct cursor *c, uint8_t tag, struct cursor *content)
{
    uint8_t found;

    return der_next(c, &found, content) && found == tag;
}

/* The content of [n] in what remains of a sequence; elements before it are passed over. */
static bool der_find(struct cursor *c, unsigned n, struct cursor *content)
{
    uint8_t tag;

    while (der_next(c, &tag, content)) {
        if (tag == DER_CONTEXT(n)) {
            return true;
        }
    }
    return false;
}

static bool content_is(const struct cursor *c, const char *text, size_t size)
{
    return cursor_left(c) == size && memcmp(c->at, text, size) == 0;
}
#define IS_OID(c, oid) content_is(c, oid, sizeof(oid) - 1)

/* ---- NTLMSSP ---- */

#define NTLMSSP_AUTHENTICATE 3
#define NTLMSSP_HAS_VERSION 0x02000000u
#define NTLMSSP_HEADER_SIZE 12u         /* Signature and type; offsets count from there. */

struct field {
    uint32_t at, size;
};

/* Size, allocated size, offset. */
static struct field read_field(struct cursor *c)
{
    struct field f = { .size = cursor_le16(c) };

    cursor_skip(c, 2);
    f.at = cursor_le32(c);
    return f;
}

static bool field_text(struct slice message, struct field f, struct arena *arena,
                       struct slice *out)
{
    if (f.at < NTLMSSP_HEADER_SIZE || f.at > message.size || f.size > message.size - f.at) {
        return false;
    }
    *out = smb_strip(slice_of(message.bytes + f.at, f.size), arena);
    return true;
}

static struct slice version_text(struct cursor *c, struct arena *arena)
{
    uint8_t major = cursor_u8(c), minor = cursor_u8(c);
    uint16_t build = cursor_le16(c);

    cursor_skip(c, 3);
    uint8_t revision = cursor_u8(c);
    return c->bad ? slice_of(NULL, 0)
                  : slice_text(arena_printf(arena, "%u.%u build %u rev %u", major, minor,
                                            build, revision));
}

/* An AUTHENTICATE message with its header. */
static void read_authenticate(struct slice message, struct arena *arena, struct smb_auth *out)
{
    struct cursor c = cursor_of(message.bytes, message.size);

    cursor_skip(&c, NTLMSSP_HEADER_SIZE + 16);  /* The two responses. */
    struct field domain = read_field(&c), user = read_field(&c), host = read_field(&c);
    cursor_skip(&c, 8);                         /* Session key. */
    uint32_t flags = cursor_le32(&c);
    if (c.bad || !field_text(message, domain, arena, &out->domain)
        || !field_text(message, user, arena, &out->user)
        || !field_text(message, host, arena, &out->host)) {
        return;
    }
    if ((flags & NTLMSSP_HAS_VERSION) != 0) {
        out->version = version_text(&c, arena);
        if (c.bad) {
            return;
        }
    }
    out->is_odd_order = (user.at > 0 && user.at < (uint64_t) domain.at + domain.size)
                        || (host.at > 0 && host.at < (uint64_t) user.at + user.size);
    out->has_ntlmssp = true;
}

/* Wherever the message begins in 'blob'. */
static void find_ntlmssp(struct slice blob, struct arena *arena, struct smb_auth *out)
{
    static const char signature[8] = "NTLMSSP";
    const uint8_t *at = blob.size != 0 ? memmem(blob.bytes, blob.size, signature,
                                                sizeof signature) : NULL;

    if (at == NULL) {
        return;
    }
    struct slice message = slice_from(blob, (size_t) (at - blob.bytes));
    struct cursor c = cursor_of(message.bytes, message.size);
    cursor_skip(&c, sizeof signature);
    if (cursor_le32(&c) == NTLMSSP_AUTHENTICATE && !c.bad) {
        read_authenticate(message, arena, out);
    }
}

/* ---- Kerberos ---- */

static struct slice copy_text(const struct cursor *c, struct arena *arena)
{
    return arena_copy(arena, c->at, cursor_left(c));
}

/* PrincipalName: a type and a sequence of texts. */
static void read_names(struct cursor sname, struct arena *arena, struct smb_auth *out)
{
    struct cursor name, list, texts, text;
    uint8_t tag;

    if (!der_expect(&sname, DER_SEQUENCE, &name) || !der_find(&name, 1, &list)
        || !der_expect(&list, DER_SEQUENCE, &texts)) {
        return;
    }
    while (out->n_snames < SMB_MAX_SNAMES && der_next(&texts, &tag, &text)) {
        out->snames[out->n_snames++] = copy_text(&text, arena);
    }
}

/* GSS-API (RFC 4121): an identifier, two bytes, then AP-REQ, whose ticket is not secret as
 * far as it says for which service it is. */
static void read_kerberos(struct cursor token, struct arena *arena, struct smb_auth *out)
{
    struct cursor gss, oid, request, sequence, field, ticket, body, realm, text, sname;
    uint8_t tag;

    if (!der_next(&token, &tag, &gss) || !der_expect(&gss, DER_OID, &oid)) {
        return;
    }
    cursor_skip(&gss, 2);
    if (!der_expect(&gss, DER_APPLICATION(14), &request)
        || !der_expect(&request, DER_SEQUENCE, &sequence) || !der_find(&sequence, 3, &field)
        || !der_expect(&field, DER_APPLICATION(1), &ticket)
        || !der_expect(&ticket, DER_SEQUENCE, &body) || !der_find(&body, 1, &realm)
        || !der_next(&realm, &tag, &text) || !der_find(&body, 2, &sname)) {
        return;
    }
    out->has_kerberos = true;
    out->realm = copy_text(&text, arena);
    read_names(sname, arena, out);
}

/* ---- SPNEGO ---- */

struct mechanisms {
    bool has_kerberos, has_ntlmssp;
};

static void read_mechanisms(struct cursor list, struct mechanisms *m)
{
    struct cursor oid;
    uint8_t tag;

    while (der_next(&list, &tag, &oid)) {
        m->has_kerberos |= tag == DER_OID && IS_OID(&oid, OID_KERBEROS);
        m->has_ntlmssp |= tag == DER_OID && IS_OID(&oid, OID_NTLMSSP);
    }
}

/* NegTokenInit: mechanisms, then the token of the first of them. */
static void read_init(struct cursor sequence, struct arena *arena, struct smb_auth *out)
{
    struct mechanisms m = { 0 };
    struct cursor field, content;
    uint8_t tag;

    while (der_next(&sequence, &tag, &field)) {
        if (!der_next(&field, &tag, &content)) {
            continue;
        }
        if (tag == DER_SEQUENCE) {
            read_mechanisms(content, &m);
        } else if (tag == DER_OCTETS) {
            if (m.has_kerberos) {
                read_kerberos(content, arena, out);
            }
            if (m.has_ntlmssp && !out->has_kerberos) {
                find_ntlmssp(slice_of(content.at, cursor_left(&content)), arena, out);
            }
        }
    }
}

void smb_auth_read(struct slice blob, struct arena *arena, struct smb_auth *out)
{
    struct cursor c = cursor_of(blob.bytes, blob.size), token, oid, choice, sequence;
    uint8_t tag;

    if (der_next(&c, &tag, &token) && der_expect(&token, DER_OID, &oid)
        && IS_OID(&oid, OID_SPNEGO) && der_next(&token, &tag, &choice)
        && der_expect(&choice, DER_SEQUENCE, &sequence)) {
        read_init(sequence, arena, out);
    } else {
        find_ntlmssp(blob, arena, out);
    }
}
