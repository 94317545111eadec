/* Hashes for tables whose keys come from outside.  Seeds are fixed in replay, so that two
 * runs agree, and random live, so that nobody can aim at a bucket. */
#ifndef CIVICSHIELD_BASE_HASH_H
#define CIVICSHIELD_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_seed {
    uint64_t k0, k1;
};

/* SipHash-1-3 (Aumasson and Bernstein, 2012, with the reduced rounds in wide use). */
uint64_t hash_bytes(struct hash_seed, const void *bytes, size_t size);
/* A seed from the kernel's generator. */
struct hash_seed hash_seed_random(void);
/* The seed of replay and of tests. */
static inline struct hash_seed hash_seed_fixed(void)
{
    return (struct hash_seed) { 0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull };
}

/* A bijection of 64 bits in which each input bit moves about half of the output bits
 * (the finalizer of MurmurHash3). */
static inline uint64_t hash_mix(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdull;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53ull;
    return x ^ x >> 33;
}

#endif
