#include "common/base/hash.h"

#include <string.h>
#include <sys/random.h>

#include "common/base/clock.h"

#define ROTATE(x, n) ((x) << (n) | (x) >> (64 - (n)))

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = ROTATE(v[1], 13) ^ v[0];
    v[0] = ROTATE(v[0], 32);
    v[2] += v[3];
    v[3] = ROTATE(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = ROTATE(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = ROTATE(v[1], 17) ^ v[2];
    v[2] = ROTATE(v[2], 32);
}

uint64_t hash_bytes(struct hash_seed seed, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint64_t v[4] = { seed.k0 ^ 0x736f6d6570736575ull, seed.k1 ^ 0x646f72616e646f6dull,
                      seed.k0 ^ 0x6c7967656e657261ull, seed.k1 ^ 0x7465646279746573ull };
    uint64_t word;

    for (size_t n = size / 8; n > 0; n--, at += 8) {
        memcpy(&word, at, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    word = (uint64_t) size << 56;
    for (size_t i = 0; i < (size & 7); i++) {
        word |= (uint64_t) at[i] << (8 * i);
    }
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct hash_seed hash_seed_random(void)
{
    struct hash_seed seed;

    if (getrandom(&seed, sizeof seed, 0) != (ssize_t) sizeof seed) {
        seed.k0 = hash_mix(clock_wall_ns());
        seed.k1 = hash_mix(clock_monotonic_ns());
    }
    return seed;
}
