/* SMB 2 and 3 (MS-SMB2, section 2.2).
 *
 *   magic 4 | header size 2 | credits 2 | status 4 | command 2 | credits 2 | flags 4 |
 *   next command 4 | message id 8 | process 4, tree 4 or async id 8 | session 8 |
 *   signature 16 */
#include "sensor/app/smb/smb_private.h"

#define FLAG_RESPONSE 1u
#define FLAG_ASYNC 2u

bool smb2_read_header(struct slice chain, struct smb_record *r, struct slice *rest)
{
    struct cursor c = cursor_of(chain.bytes, chain.size);

    *r = (struct smb_record) { .version = 2 };
    const uint8_t *magic = cursor_take(&c, 4);
    cursor_skip(&c, 4);
    uint32_t status = cursor_le32(&c);
    r->command = cursor_le16(&c);
    cursor_skip(&c, 2);
    uint32_t flags = cursor_le32(&c);
    uint32_t next = cursor_le32(&c);
    r->message = cursor_le64(&c);
    cursor_skip(&c, 4);
    uint32_t tree = cursor_le32(&c);
    r->session = cursor_le64(&c);
    cursor_skip(&c, 16);
    if (c.bad || memcmp(magic, "\xfeSMB", 4) != 0) {
        return false;
    }
    r->is_response = (flags & FLAG_RESPONSE) != 0;
    r->status = r->is_response ? status : 0;
    r->tree = r->is_response && (flags & FLAG_ASYNC) != 0 ? 0 : tree;
    r->body = next > SMB2_HEADER_SIZE ? cursor_slice(&c, next - SMB2_HEADER_SIZE)
                                      : cursor_rest(&c);
    *rest = cursor_rest(&c);
    return !c.bad;
}

struct smb_fuid smb2_read_fuid(struct cursor *c)
{
    struct smb_fuid fuid = { .size = SMB_FUID_MAX };
    const uint8_t *bytes = cursor_take(c, SMB_FUID_MAX);

    if (bytes != NULL) {
        memcpy(fuid.bytes, bytes, SMB_FUID_MAX);
    }
    return fuid;
}

void smb2_take(struct smb_state *state, const struct smb_record *r)
{
    if (r->is_response) {
        smb2_take_response(state, r);
    } else {
        smb2_take_request(state, r);
    }
}

/* In front of the bytes of a file: what the command says of them. */
#define WRITE_REQUEST_SIZE 48u
#define READ_RESPONSE_SIZE 16u

bool smb2_take_partial(struct smb_state *state, enum direction dir, const struct smb_record *r)
{
    if (dir == TO_SERVER && r->command == SMB2_WRITE && r->body.size >= WRITE_REQUEST_SIZE
        && !smb2_may_be_pipe(state, r, WRITE_REQUEST_SIZE)) {
        smb2_write_request(state, r);
        return true;
    }
    if (dir == TO_CLIENT && r->command == SMB2_READ && r->body.size >= READ_RESPONSE_SIZE
        && !smb2_may_be_pipe(state, r, READ_RESPONSE_SIZE)) {
        smb2_take_response(state, r);
        return true;
    }
    return false;
}
