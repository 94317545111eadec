/* Records: the four bytes of a NetBIOS session (RFC 1002, section 4.3.1) or of direct TCP
 * (MS-SMB2, section 2.1), then one message or a chain of them.
 *
 *     type (8) | length (24)      0x00: a message; 0x81 to 0x85: of the session itself
 *
 * Records are looked at whole.  Of reads and writes the beginning is enough: the bytes of
 * the file go to it as they come. */
#include "sensor/app/smb/smb_private.h"

#define NBSS_HEADER_SIZE 4u
#define NBSS_MESSAGE 0x00
#define NBSS_FIRST_CONTROL 0x81
#define NBSS_LAST_CONTROL 0x85
#define MAGIC_SIZE 4u
/* MS-SMB2, section 2.2.41: the header in front of an encrypted message. */
#define TRANSFORM_HEADER_SIZE 52u

enum magic { MAGIC_SMB3 = 0xfd, MAGIC_SMB2 = 0xfe, MAGIC_SMB1 = 0xff };

/* What a step came to. */
enum step { STEP_ON, STEP_WAIT, STEP_BROKEN };

static bool is_magic(const uint8_t *at)
{
    return (at[0] == MAGIC_SMB1 || at[0] == MAGIC_SMB2 || at[0] == MAGIC_SMB3)
           && memcmp(at + 1, "SMB", 3) == 0;
}

/* Bytes of the record at hand: the file's first, the rest is of no interest. */
static size_t take_left(struct smb_state *state, enum direction dir, struct slice bytes)
{
    struct smb_side *side = &state->sides[dir];
    size_t n = bytes.size < side->record_left ? bytes.size : side->record_left;
    size_t data = n < side->data_left ? n : side->data_left;

    if (data != 0) {
        smb_file_data(state, dir, slice_of(bytes.bytes, data), 0);
    }
    side->data_left -= (uint32_t) data;
    side->record_left -= (uint32_t) n;
    return n;
}

static void take_gap(struct smb_state *state, enum direction dir, uint32_t gap)
{
    struct smb_side *side = &state->sides[dir];
    uint32_t data = gap < side->data_left ? gap : side->data_left;

    side->has_gap = true;
    if (data != 0) {
        smb_file_data(state, dir, slice_of(NULL, 0), data);
        side->data_left -= data;
    }
    if (gap > side->record_left) {
        side->record_left = side->data_left = 0;
        side->must_resync = true;
    } else {
        side->record_left -= gap;
    }
}

/* Looks for the next record behind a gap; how many bytes are in front of it.  All but what
 * may be the beginning of one when there is none. */
static size_t find_record(struct smb_side *side, struct slice bytes)
{
    const size_t size = NBSS_HEADER_SIZE + MAGIC_SIZE;

    for (size_t at = 0; at + size <= bytes.size; at++) {
        if (bytes.bytes[at] == NBSS_MESSAGE && is_magic(bytes.bytes + at + NBSS_HEADER_SIZE)) {
            side->must_resync = false;
            return at;
        }
    }
    return bytes.size < size ? 0 : bytes.size - size + 1;
}

/* The parser lost its place in 'dir': what it waited for there will not come. */
static void lose_place(struct smb_state *state, enum direction dir)
{
    state->sides[dir].must_resync = true;
    for (struct app_tx *tx = app_tx_first_own(state->session); tx != NULL;
         tx = app_tx_next(state->session, tx)) {
        if (!tx->is_done[dir]) {
            smb_tx_set_done(smb_tx_of(tx), dir);
        }
    }
}

static enum step malformed(struct smb_state *state)
{
    smb_set_event(state, SMB_EVENT_MALFORMED_DATA);
    return STEP_BROKEN;
}

/* A message that goes the wrong way is not looked at. */
static bool goes_right(struct smb_state *state, enum direction dir,
                       const struct smb_record *r)
{
    if (r->is_response != (dir == TO_CLIENT)) {
        smb_set_event(state, r->is_response ? SMB_EVENT_RESPONSE_TO_SERVER
                                            : SMB_EVENT_REQUEST_TO_CLIENT);
        return false;
    }
    return true;
}

static enum step take_smb1(struct smb_state *state, enum direction dir, struct slice message)
{
    struct smb_record r;

    if (!smb1_read_header(message, &r)) {
        return malformed(state);
    }
    if (goes_right(state, dir, &r)) {
        smb1_take(state, &r);
    }
    return STEP_ON;
}

/* A chain of messages; each takes its header at least. */
static enum step take_smb2(struct smb_state *state, enum direction dir, struct slice chain)
{
    struct smb_record r;

    while (chain.size != 0) {
        if (!smb2_read_header(chain, &r, &chain)) {
            return malformed(state);
        }
        if (goes_right(state, dir, &r)) {
            smb2_take(state, &r);
        }
    }
    return STEP_ON;
}

static enum step take_whole(struct smb_state *state, enum direction dir, struct slice message)
{
    if (message.size < MAGIC_SIZE) {
        /* An empty message is odd, and of a server it harms nobody. */
        return dir == TO_CLIENT ? STEP_ON : malformed(state);
    }
    if (memcmp(message.bytes + 1, "SMB", 3) != 0) {
        return malformed(state);
    }
    switch (message.bytes[0]) {
    case MAGIC_SMB1:
        return take_smb1(state, dir, message);
    case MAGIC_SMB2:
        return take_smb2(state, dir, message);
    default:
        return STEP_ON;         /* Compressed, or something to come. */
    }
}

/* The beginning of a record of 'size' bytes; true when that is enough. */
static bool take_partial(struct smb_state *state, enum direction dir, struct slice message,
                         uint32_t size)
{
    struct smb_record r;
    struct slice rest;
    bool is_read = message.bytes[0] == MAGIC_SMB1 ? smb1_read_header(message, &r)
                   : message.bytes[0] == MAGIC_SMB2 && smb2_read_header(message, &r, &rest)
                         && rest.size == 0;

    if (!is_read || r.is_response != (dir == TO_CLIENT)) {
        return false;
    }
    r.missing = size - (uint32_t) message.size;
    return r.version == 1 ? smb1_take_partial(state, dir, &r)
                          : smb2_take_partial(state, dir, &r);
}

/* Encrypted messages are left alone; their sizes must agree. */
static enum step skip_encrypted(struct smb_state *state, struct smb_side *side,
                                struct slice here, uint32_t size)
{
    struct cursor c = cursor_of(here.bytes, here.size);

    cursor_skip(&c, 36);                        /* Magic, signature, nonce. */
    uint32_t message_size = cursor_le32(&c);
    cursor_skip(&c, 12);
    if (c.bad) {
        return size < TRANSFORM_HEADER_SIZE ? malformed(state) : STEP_WAIT;
    }
    if (message_size > size - TRANSFORM_HEADER_SIZE) {
        return malformed(state);
    }
    side->record_left = NBSS_HEADER_SIZE + size;
    return STEP_ON;
}

/* A record at the start of 'bytes'; '*taken' bytes of it are done with. */
static enum step take_record(struct smb_state *state, enum direction dir,
                             struct slice bytes, size_t *taken)
{
    struct smb_side *side = &state->sides[dir];
    struct cursor c = cursor_of(bytes.bytes, bytes.size);
    uint8_t type = cursor_u8(&c);
    uint32_t size = cursor_be24(&c);

    if (c.bad) {
        return STEP_WAIT;
    }
    struct slice here = slice_of(c.at, cursor_left(&c) < size ? cursor_left(&c) : size);
    if (type >= NBSS_FIRST_CONTROL && type <= NBSS_LAST_CONTROL) {
        side->record_left = NBSS_HEADER_SIZE + size;
        return STEP_ON;
    }
    bool is_whole = here.size == size;
    if (!is_whole && here.size < MAGIC_SIZE) {
        return STEP_WAIT;
    }
    if (type != NBSS_MESSAGE || (!is_whole && !is_magic(here.bytes))) {
        lose_place(state, dir);
        return STEP_ON;
    }
    if (here.size >= MAGIC_SIZE && is_magic(here.bytes) && here.bytes[0] == MAGIC_SMB3) {
        return skip_encrypted(state, side, here, size);
    }
    if (is_whole) {
        *taken = NBSS_HEADER_SIZE + size;
        return take_whole(state, dir, here);
    }
    if (take_partial(state, dir, here, size)) {
        *taken = NBSS_HEADER_SIZE + here.size;
        side->record_left = size - (uint32_t) here.size;
        return STEP_ON;
    }
    if (size > SMB_MAX_WHOLE_RECORD) {
        smb_set_event(state, SMB_EVENT_RECORD_OVERFLOW);
        side->record_left = NBSS_HEADER_SIZE + size;
        return STEP_ON;
    }
    return STEP_WAIT;
}

enum app_result smb_parse(struct app_session *s, const struct app_input *in, size_t *consumed)
{
    struct smb_state *state = s->state;
    struct smb_side *side = &state->sides[in->dir];
    struct slice left = in->bytes;
    enum step step = STEP_ON;

    state->now_ns = in->now_ns;
    if (in->gap != 0) {
        take_gap(state, in->dir, in->gap);
    }
    while (left.size != 0 && step == STEP_ON) {
        size_t taken = 0;

        if (side->record_left != 0) {
            taken = take_left(state, in->dir, left);
        } else if (side->must_resync) {
            taken = find_record(side, left);
            step = side->must_resync ? STEP_WAIT : STEP_ON;
        } else {
            step = take_record(state, in->dir, left, &taken);
        }
        left = slice_from(left, taken);
    }
    *consumed = in->bytes.size - left.size;
    if (state->sides[TO_SERVER].has_gap || state->sides[TO_CLIENT].has_gap) {
        smb_files_check(state, in->dir);
    }
    return step == STEP_BROKEN ? APP_BROKEN : step == STEP_WAIT ? APP_NEED_MORE : APP_OK;
}
