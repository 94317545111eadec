/* SMB 1 (MS-CIFS, section 2.2.3.1).
 *
 *   magic 4 | command 1 | status 4 | flags 1 | flags2 2 | process 2 | signature 8 | 2 |
 *   tree 2 | process 2 | user 2 | multiplex id 2
 *
 * then words and bytes of the command; AndX commands name the next in the same message. */
#include "sensor/app/smb/smb_private.h"

#define FLAG_RESPONSE 0x80
#define FLAGS2_NT_STATUS 0x4000
#define FLAGS2_UNICODE 0x8000

bool smb1_read_header(struct slice message, struct smb_record *r)
{
    struct cursor c = cursor_of(message.bytes, message.size);

    *r = (struct smb_record) { .version = 1 };
    const uint8_t *magic = cursor_take(&c, 4);
    r->command = cursor_u8(&c);
    r->status = cursor_le32(&c);
    uint8_t flags = cursor_u8(&c);
    uint16_t flags2 = cursor_le16(&c);
    cursor_skip(&c, 12);
    r->tree = cursor_le16(&c);
    cursor_skip(&c, 2);
    r->session = cursor_le16(&c);
    r->message = cursor_le16(&c);
    r->body = cursor_rest(&c);
    r->is_response = (flags & FLAG_RESPONSE) != 0;
    r->is_dos = (flags2 & FLAGS2_NT_STATUS) == 0;
    r->is_unicode = (flags2 & FLAGS2_UNICODE) != 0;
    return !c.bad && memcmp(magic, "\xffSMB", 4) == 0;
}

/* ---- Chains ---- */

static bool is_andx(uint16_t command)
{
    return command == SMB1_LOCKING_ANDX || command == SMB1_OPEN_ANDX
           || command == SMB1_READ_ANDX || command == SMB1_WRITE_ANDX
           || command == SMB1_SESSION_SETUP_ANDX || command == SMB1_LOGOFF_ANDX
           || command == SMB1_TREE_CONNECT_ANDX || command == SMB1_NT_CREATE_ANDX;
}

/* The command behind the one at '*at', which it moves on; false at the chain's end.  Chains
 * go on towards the end of the message alone, so they end. */
static bool next_command(const struct smb_record *r, uint16_t *command, size_t *at)
{
    struct cursor c = smb1_cursor_at(r, *at);

    if (!is_andx(*command)) {
        return false;
    }
    cursor_skip(&c, 1);
    uint8_t next = cursor_u8(&c);
    cursor_skip(&c, 1);
    size_t offset = cursor_le16(&c);
    if (c.bad || next == SMB1_NONE || offset <= *at + SMB1_HEADER_SIZE
        || offset - SMB1_HEADER_SIZE >= r->body.size) {
        return false;
    }
    *at = offset - SMB1_HEADER_SIZE;
    *command = next;
    return true;
}

void smb1_take(struct smb_state *state, const struct smb_record *r)
{
    uint16_t command = r->command;
    size_t at = 0;

    for (unsigned i = 0; i < SMB_MAX_ANDX; i++) {
        if (r->is_response) {
            smb1_take_response(state, r, command, at);
        } else {
            smb1_take_request(state, r, command, at);
        }
        if (!next_command(r, &command, &at)) {
            return;
        }
    }
}

/* Words of a write with a long offset, of the answer to a read, and what is around them. */
#define WRITE_SIZE (1u + 14 * 2 + 2)
#define READ_SIZE (1u + 12 * 2 + 2)

bool smb1_take_partial(struct smb_state *state, enum direction dir, const struct smb_record *r)
{
    struct smb_key key = smb_key_of_tree(r);
    const struct smb_entry *tree = smb_table_find(&state->trees, &key);

    if (tree != NULL && tree->flag) {
        return false;                           /* PDUs are looked at whole. */
    }
    if (dir == TO_SERVER && r->command == SMB1_WRITE_ANDX && r->body.size >= WRITE_SIZE) {
        smb1_write_request(state, r, SMB1_WRITE_ANDX, 0);
        return true;
    }
    if (dir == TO_CLIENT && r->command == SMB1_READ_ANDX && r->body.size >= READ_SIZE) {
        smb1_read_response(state, r, 0);
        return true;
    }
    return false;
}
