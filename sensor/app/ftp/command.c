/* The commands that rule authors know by name.  Of others the replies alone are told. */
#include <strings.h>

#include "sensor/app/ftp/ftp.h"

static const struct ftp_command commands[] = {
    { "ABOR", FTP_OTHER }, { "ACCT", FTP_OTHER }, { "ALLO", FTP_OTHER },
    { "APPE", FTP_APPE },  { "AUTH", FTP_AUTH },  { "CDUP", FTP_OTHER },
    { "CHMOD", FTP_OTHER }, { "CWD", FTP_OTHER }, { "DELE", FTP_OTHER },
    { "EPRT", FTP_EPRT },  { "EPSV", FTP_EPSV },  { "HELP", FTP_OTHER },
    { "IDLE", FTP_OTHER }, { "LIST", FTP_LIST },  { "MAIL", FTP_OTHER },
    { "MDTM", FTP_OTHER }, { "MKD", FTP_OTHER },  { "MLFL", FTP_OTHER },
    { "MLSD", FTP_MLSD },  { "MODE", FTP_OTHER }, { "MRCP", FTP_OTHER },
    { "MRSQ", FTP_OTHER }, { "MSAM", FTP_OTHER }, { "MSND", FTP_OTHER },
    { "MSOM", FTP_OTHER }, { "NLST", FTP_NLST },  { "NOOP", FTP_OTHER },
    { "PASS", FTP_OTHER }, { "PASV", FTP_PASV },  { "PORT", FTP_PORT },
    { "PWD", FTP_OTHER },  { "QUIT", FTP_OTHER }, { "REIN", FTP_OTHER },
    { "REST", FTP_OTHER }, { "RETR", FTP_RETR },  { "RMD", FTP_OTHER },
    { "RNFR", FTP_OTHER }, { "RNTO", FTP_OTHER }, { "SITE", FTP_OTHER },
    { "SIZE", FTP_OTHER }, { "SMNT", FTP_OTHER }, { "STAT", FTP_OTHER },
    { "STOR", FTP_STOR },  { "STOU", FTP_STOU },  { "STRU", FTP_OTHER },
    { "SYST", FTP_OTHER }, { "TYPE", FTP_OTHER }, { "UMASK", FTP_OTHER },
    { "USER", FTP_OTHER },
};
#define N_COMMANDS (sizeof commands / sizeof commands[0])

/* Servers read on behind a name ("MKDIR", "CDUP.."), so it need not stand alone. */
static const struct ftp_command *find_at(struct slice line, size_t at)
{
    for (size_t i = 0; i < N_COMMANDS; i++) {
        size_t n = strlen(commands[i].name);
        if (line.size - at >= n
            && strncasecmp((const char *) line.bytes + at, commands[i].name, n) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

const struct ftp_command *ftp_command_find(struct slice line, size_t *size)
{
    size_t at = 0;

    while (at < line.size && (line.bytes[at] == ' ' || line.bytes[at] == '\t')) {
        at++;
    }
    if (at == line.size) {
        return NULL;
    }
    const struct ftp_command *found = find_at(line, at);
    if (found == NULL && (line.bytes[at] | 0x20) == 'x') {
        /* XCWD, XMKD, XPWD, XRMD (RFC 775) are what they are without the X. */
        at++;
        found = find_at(line, at);
    }
    *size = found != NULL ? at + strlen(found->name) : 0;
    return found;
}

const char *ftp_verb_name(enum ftp_verb verb)
{
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (commands[i].verb == verb && verb != FTP_OTHER) {
            return commands[i].name;
        }
    }
    return NULL;
}
