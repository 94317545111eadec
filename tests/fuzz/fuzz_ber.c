/* fuzz deps: detect_dep */
/* Faults of BER: the first byte says which are asked for. */
#include <stdlib.h>

#include "sensor/detect/ber.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct op_asn1 asn1 = {
        .bitstring_overflow = bytes[0] & 1, .double_overflow = bytes[0] & 2,
        .has_oversize = bytes[0] & 4, .oversize = bytes[0] * 8u,
    };
    uint8_t *copy = malloc(size > 1 ? size - 1 : 1);

    memcpy(copy, bytes + 1, size - 1);
    ber_has_fault(slice_of(copy, size - 1), &asn1);
    free(copy);
    return 0;
}
