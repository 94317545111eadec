/* The keyword families, one file each; table.c lists them.  Each row's function lowers
 * one keyword into the draft of a rule (rules/lang/keyword.h). */
#ifndef CIVICSHIELD_RULES_KEYWORDS_H
#define CIVICSHIELD_RULES_KEYWORDS_H

#include "rules/lang/keyword.h"

/* A family named 'x' is x_keywords, defined in x.c. */
extern const struct keyword_family meta_keywords, content_keywords, buffer_keywords,
    pcre_keywords, bytes_keywords, number_keywords, header_keywords, flow_keywords,
    bits_keywords, filter_keywords, transform_keywords, file_keywords, dataset_keywords,
    app_keywords, event_keywords, later_keywords;

#define FAMILY(name, rows) \
    const struct keyword_family name = { rows, sizeof rows / sizeof *rows }

/* One element of 'texts' (NULL-terminated) that 'word' is, case ignored; -1: none. */
int word_index(struct slice word, const char *const *texts);

#endif
