#ifndef CIVICSHIELD_RULES_DATASET_FILE_H
#define CIVICSHIELD_RULES_DATASET_FILE_H

#include "rules/lang/keyword.h"

/* Checks each line of a dataset's file: base64 for strings, hexadecimal for digests,
 * addresses; with ",reputation" behind it when 'is_rep'.  False after reporting the first
 * wrong line to the draft. */
bool dataset_file_check(struct draft *, const char *path, const char *type, bool is_rep);

#endif
