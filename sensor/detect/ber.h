/* Faults of BER (X.690) that decoders have stumbled over: the keyword "asn1". */
#ifndef CIVICSHIELD_DETECT_BER_H
#define CIVICSHIELD_DETECT_BER_H

#include "rules/lang/plan.h"

/* Has any element, from the first byte of 'bytes' on, one of the faults that 'asn1' names?
 * Elements must be whole; what is behind the first that is not is not looked at. */
bool ber_has_fault(struct slice bytes, const struct op_asn1 *asn1);

#endif
