/* Classes of rules and prefixes of references: built in, and from the files that rule
 * sets bring. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "rules/lang/lang_private.h"

/* The classes that rule sets of this dialect count on; classification.config adds to them
 * and replaces them. */
static const struct rule_class built_in[] = {
    { "not-suspicious", "Not Suspicious Traffic", 3 },
    { "unknown", "Unknown Traffic", 3 },
    { "bad-unknown", "Potentially Bad Traffic", 2 },
    { "attempted-recon", "Attempted Information Leak", 2 },
    { "successful-recon-limited", "Information Leak", 2 },
    { "successful-recon-largescale", "Large Scale Information Leak", 2 },
    { "attempted-dos", "Attempted Denial of Service", 2 },
    { "successful-dos", "Denial of Service", 2 },
    { "attempted-user", "Attempted User Privilege Gain", 1 },
    { "unsuccessful-user", "Unsuccessful User Privilege Gain", 1 },
    { "successful-user", "Successful User Privilege Gain", 1 },
    { "attempted-admin", "Attempted Administrator Privilege Gain", 1 },
    { "successful-admin", "Successful Administrator Privilege Gain", 1 },
    { "rpc-portmap-decode", "Decode of an RPC Query", 2 },
    { "shellcode-detect", "Executable code was detected", 1 },
    { "string-detect", "A suspicious string was detected", 3 },
    { "suspicious-filename-detect", "A suspicious filename was detected", 2 },
    { "suspicious-login",
      "An attempted login using a suspicious username was detected", 2 },
    { "system-call-detect", "A system call was detected", 2 },
    { "tcp-connection", "A TCP connection was detected", 4 },
    { "trojan-activity", "A Network Trojan was detected", 1 },
    { "unusual-client-port-connection", "A client was using an unusual port", 2 },
    { "network-scan", "Detection of a Network Scan", 3 },
    { "denial-of-service", "Detection of a Denial of Service Attack", 2 },
    { "non-standard-protocol", "Detection of a non-standard protocol or event", 2 },
    { "protocol-command-decode", "Generic Protocol Command Decode", 3 },
    { "web-application-activity",
      "access to a potentially vulnerable web application", 2 },
    { "web-application-attack", "Web Application Attack", 1 },
    { "misc-activity", "Misc activity", 3 },
    { "misc-attack", "Misc Attack", 2 },
    { "icmp-event", "Generic ICMP event", 3 },
    { "policy-violation", "Potential Corporate Privacy Violation", 1 },
    { "default-login-attempt", "Attempt to login by a default username and password", 2 },
    { "targeted-activity", "Targeted Malicious Activity was Detected", 1 },
    { "exploit-kit", "Exploit Kit Activity Detected", 1 },
    { "external-ip-check", "Device Retrieving External IP Address Detected", 2 },
    { "domain-c2", "Domain Observed Used for C2 Detected", 1 },
    { "pup-activity", "Possibly Unwanted Program Detected", 2 },
    { "credential-theft", "Successful Credential Theft Detected", 1 },
    { "social-engineering", "Possible Social Engineering Attempted", 2 },
    { "coin-mining", "Crypto Currency Mining Activity Detected", 2 },
    { "command-and-control", "Malware Command and Control Activity Detected", 1 },
};

static void add_class(struct class_table *t, struct rule_class c)
{
    const uint32_t *found = intern_find(&t->names, slice_text(c.name));

    if (found != NULL) {
        t->classes[*found] = c;
        return;
    }
    t->classes = xgrow(t->classes, t->n, &t->cap, sizeof *t->classes);
    t->classes[t->n] = c;
    intern_add(&t->names, slice_text(c.name), (uint32_t) t->n++);
}

void class_table_init(struct class_table *t)
{
    *t = (struct class_table) { 0 };
    for (size_t i = 0; i < sizeof built_in / sizeof *built_in; i++) {
        add_class(t, built_in[i]);
    }
}

void class_table_fini(struct class_table *t)
{
    free(t->classes);
    intern_fini(&t->names);
}

/* The next line of 'f' that is no comment, trimmed, with 'prefix' taken off; a line
 * without it is reported.  False at the end. */
static bool next_entry(FILE *f, const char *path, const char *prefix, unsigned *line,
                       char **buffer, size_t *cap, struct slice *out, struct diag *diag)
{
    while (getline(buffer, cap, f) >= 0) {
        struct slice s = slice_of(*buffer, strcspn(*buffer, "\r\n"));
        ++*line;
        s = slice_trim(s);
        if (s.size == 0 || s.bytes[0] == '#') {
            continue;
        }
        struct slice rest = s;
        struct slice word = slice_word(&rest);
        size_t len = strlen(prefix);
        if (slice_is(word, "config") && rest.size > len
            && memcmp(rest.bytes, prefix, len) == 0) {
            *out = slice_trim(slice_from(rest, len));
            return true;
        }
        diag_add(diag, DIAG_ERROR, path, *line, 1, NULL, "a line starts with \"config %s\"",
                 prefix);
    }
    if (ferror(f)) {
        diag_add(diag, DIAG_ERROR, path, 0, 0, NULL, "cannot read it: %s", strerror(errno));
    }
    return false;
}

void class_table_read(struct class_table *t, const char *path, struct arena *arena,
                      struct diag *diag)
{
    FILE *f = fopen(path, "re");
    char *buffer = NULL;
    size_t cap = 0;
    unsigned line = 0;
    struct slice entry, name, text;
    uint64_t priority;

    if (f == NULL) {
        diag_add(diag, DIAG_ERROR, path, 0, 0, NULL, "cannot read it: %s", strerror(errno));
        return;
    }
    while (next_entry(f, path, "classification:", &line, &buffer, &cap, &entry, diag)) {
        if (!slice_next(&entry, ',', &name) || !slice_next(&entry, ',', &text)
            || !number_parse(slice_trim(entry), 255, &priority) || priority == 0) {
            diag_add(diag, DIAG_ERROR, path, line, 1,
                     "config classification: name,description,priority",
                     "this class is malformed");
            continue;
        }
        add_class(t, (struct rule_class) {
            .name = arena_strndup(arena, name.bytes, name.size),
            .text = arena_strndup(arena, text.bytes, text.size),
            .priority = (int) priority,
        });
    }
    free(buffer);
    fclose(f);
}

static void add_reference(struct reference_table *t, const char *name, const char *prefix)
{
    t->prefixes = xgrow(t->prefixes, t->n, &t->cap, sizeof *t->prefixes);
    t->prefixes[t->n] = prefix;
    intern_add(&t->names, slice_text(name), (uint32_t) t->n++);
}

void reference_table_init(struct reference_table *t)
{
    static const char *const prefixes[][2] = {
        { "url", "http://" },
        { "cve", "http://cve.mitre.org/cgi-bin/cvename.cgi?name=" },
        { "bugtraq", "http://www.securityfocus.com/bid/" },
        { "bid", "http://www.securityfocus.com/bid/" },
        { "nessus", "http://cgi.nessus.org/plugins/dump.php3?id=" },
        { "exploitdb", "http://www.exploit-db.com/exploits/" },
        { "et", "http://doc.emergingthreats.net/" },
        { "md5", "http://www.threatexpert.com/report.aspx?md5=" },
        { "msft", "http://technet.microsoft.com/security/bulletin/" },
    };

    *t = (struct reference_table) { 0 };
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        add_reference(t, prefixes[i][0], prefixes[i][1]);
    }
}

void reference_table_fini(struct reference_table *t)
{
    free(t->prefixes);
    intern_fini(&t->names);
}

void reference_table_read(struct reference_table *t, const char *path, struct arena *arena,
                          struct diag *diag)
{
    FILE *f = fopen(path, "re");
    char *buffer = NULL;
    size_t cap = 0;
    unsigned line = 0;
    struct slice entry;

    if (f == NULL) {
        diag_add(diag, DIAG_ERROR, path, 0, 0, NULL, "cannot read it: %s", strerror(errno));
        return;
    }
    while (next_entry(f, path, "reference:", &line, &buffer, &cap, &entry, diag)) {
        struct slice name = slice_word(&entry);
        if (entry.size == 0) {
            diag_add(diag, DIAG_ERROR, path, line, 1, "config reference: name https://prefix",
                     "this reference type is malformed");
            continue;
        }
        add_reference(t, arena_strndup(arena, name.bytes, name.size),
                      arena_strndup(arena, entry.bytes, entry.size));
    }
    free(buffer);
    fclose(f);
}
