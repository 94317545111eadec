/* Session setup: who logs on, and what the hosts say of themselves (MS-SMB, section 2.2.4.6;
 * MS-SMB2, sections 2.2.5 and 2.2.6). */
#include "sensor/app/smb/smb_private.h"
#include "sensor/app/smb/text.h"

static void take_blob(struct smb_tx *tx, struct slice blob)
{
    smb_auth_read(blob, &tx->tx.arena, &tx->setup.auth);
    if (tx->setup.auth.is_odd_order) {
        smb_tx_set_event(tx, SMB_EVENT_UNUSUAL_NTLMSSP_ORDER);
    }
}

/* The request that 'r' answers; the first of a session has no session id yet. */
static struct smb_tx *find_request(struct smb_state *state, const struct smb_record *r)
{
    struct smb_tx *tx = r->session != 0
                            ? smb_tx_find_kind(state, SMB_TX_SESSION, r, SMB_KEY_HEADER)
                            : NULL;
    struct smb_record first = *r;

    first.session = 0;
    return tx != NULL ? tx : smb_tx_find_kind(state, SMB_TX_SESSION, &first, SMB_KEY_HEADER);
}

static void answer(struct smb_tx *tx, const struct smb_record *r)
{
    smb_tx_set_key(tx, r, SMB_KEY_HEADER);
    smb_tx_set_status(tx, r->status, r->is_dos);
    smb_tx_set_done(tx, TO_CLIENT);
}

void smb2_session_request(struct smb_state *state, const struct smb_record *r)
{
    struct cursor c = cursor_of(r->body.bytes, r->body.size);

    cursor_skip(&c, 24);                        /* All that is fixed. */
    struct slice blob = cursor_rest(&c);
    struct smb_tx *tx = c.bad ? NULL : smb_tx_for(state, SMB_TX_SESSION, r, r->command,
                                                  SMB_KEY_HEADER);
    if (tx != NULL) {
        take_blob(tx, blob);
    }
}

void smb2_session_response(struct smb_state *state, const struct smb_record *r)
{
    struct smb_tx *tx = find_request(state, r);

    if (tx != NULL) {
        answer(tx, r);
    }
}

/* The texts behind the blob.  UTF-16 begins at an even place of the message. */
static struct smb_host read_host(const struct smb_record *r, struct cursor *c,
                                 struct arena *arena, unsigned n_before)
{
    struct smb_host host = { .is_seen = true, .os = slice_text(""), .lm = slice_text("") };
    struct slice text;

    if (r->is_unicode && cursor_left(c) > 1 && (size_t) (c->at - r->body.bytes) % 2 == 1) {
        cursor_skip(c, 1);
    }
    while (n_before-- != 0) {
        if (!smb_read_text(c, r->is_unicode, arena, &text)) {
            return host;
        }
    }
    if (smb_read_text(c, r->is_unicode, arena, &text)) {
        host.os = text;
        if (smb_read_text(c, r->is_unicode, arena, &text)) {
            host.lm = text;
        }
    }
    return host;
}

/* Words of the two forms of the request: with a blob, and with passwords. */
enum { WORDS_BLOB = 12, WORDS_PASSWORDS = 13 };

void smb1_session_request(struct smb_state *state, const struct smb_record *r, size_t at)
{
    struct cursor c = smb1_cursor_at(r, at);

    uint8_t n_words = cursor_u8(&c);
    cursor_skip(&c, 14);
    size_t size = cursor_le16(&c);
    if (n_words == WORDS_PASSWORDS) {
        size += cursor_le16(&c);
    }
    cursor_skip(&c, 10);                        /* Reserved, capabilities, byte count. */
    struct slice blob = cursor_slice(&c, size);
    if (c.bad) {
        return;
    }
    struct smb_tx *tx = smb_tx_for(state, SMB_TX_SESSION, r, SMB1_SESSION_SETUP_ANDX,
                                   SMB_KEY_HEADER);
    if (tx == NULL) {
        return;
    }
    tx->tree = 0;
    bool has_blob = n_words != WORDS_PASSWORDS;
    if (has_blob) {
        take_blob(tx, blob);
    }
    tx->setup.hosts[TO_SERVER] = read_host(r, &c, &tx->tx.arena, has_blob ? 0 : 2);
}

void smb1_session_response(struct smb_state *state, const struct smb_record *r, size_t at)
{
    struct cursor c = cursor_of(r->body.bytes, r->body.size);
    struct smb_tx *tx = find_request(state, r);
    size_t size = 0;

    if (tx == NULL) {
        return;
    }
    cursor_skip(&c, at);
    uint8_t n_words = cursor_u8(&c);
    if (n_words != 0) {
        cursor_skip(&c, 6);
        size = n_words != 3 ? cursor_le16(&c) : 0;
    }
    cursor_skip(&c, 2);
    cursor_skip(&c, size);
    if (c.bad) {
        smb_tx_set_event(tx, SMB_EVENT_MALFORMED_DATA);
    } else {
        tx->setup.hosts[TO_CLIENT] = read_host(r, &c, &tx->tx.arena, 0);
    }
    answer(tx, r);
}
