/* Of the program alone: numbers read from a buffer. */
#ifndef CIVICSHIELD_DETECT_BYTES_PRIVATE_H
#define CIVICSHIELD_DETECT_BYTES_PRIVATE_H

#include "sensor/detect/program.h"

/* A constant, or the variable. */
int64_t bytes_number(const struct program_state *, const struct rule_number *);
/* Each: does the operation hold, with its cursor moved as the language says? */
bool bytes_test(struct program_state *, const struct rule_op *, const struct program_input *,
                size_t cursor);
bool bytes_jump(struct program_state *, const struct rule_op *, const struct program_input *,
                size_t *cursor);
bool bytes_extract(struct program_state *, const struct rule_op *,
                   const struct program_input *, size_t *cursor);
bool bytes_math(struct program_state *, const struct rule_op *, const struct program_input *,
                size_t *cursor);

#endif
