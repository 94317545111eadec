/* What the tests of the rule language share. */
#ifndef CIVICSHIELD_TESTS_RULES_H
#define CIVICSHIELD_TESTS_RULES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rules/lang/lang.h"

struct loaded {
    struct rules_conf conf;
    struct diag diag;
    struct ruleset *set;
};

static inline struct loaded load_bytes(const char *text, size_t size)
{
    struct loaded l;

    rules_conf_init(&l.conf);
    diag_init(&l.diag);
    l.set = ruleset_parse(&l.conf, "t.rules", text, size, &l.diag);
    return l;
}

static inline struct loaded load_text(const char *text)
{
    return load_bytes(text, strlen(text));
}

static inline void unload(struct loaded *l)
{
    ruleset_free(l->set);
    diag_fini(&l->diag);
    rules_conf_fini(&l->conf);
}

/* The first message as a user reads it; the caller frees it.  "" when there is none. */
static inline char *print_first(const struct diag *d)
{
    struct diag first = { .messages = d->messages, .n = d->n > 0 };
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);

    diag_print(&first, f);
    fclose(f);
    if (size > 0 && text[size - 1] == '\n') {
        text[size - 1] = '\0';
    }
    return text;
}

#endif
