/* BER with faults and without, and the keyword that asks for them. */
#include "detect_world.h"

#include "sensor/detect/ber.h"

#define BYTES(literal) literal, sizeof(literal) - 1
#define BITS_BAD "\3\1\xff"
#define X64 "\5xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X256 X64 X64 X64 X64

static const struct {
    const char *name, *bytes;
    size_t size;
    struct op_asn1 asn1;
    bool has_fault;
} cases[] = {
    { "more unused bits than bits", BYTES(BITS_BAD), { .bitstring_overflow = true }, true },
    { "as many unused bits as there may be", BYTES("\3\1\7"), { .bitstring_overflow = true },
      false },
    { "32 unused bits of 24", BYTES("\3\3\x20\0\0"), { .bitstring_overflow = true }, true },
    { "24 unused bits of 24", BYTES("\3\3\x18\0\0"), { .bitstring_overflow = true }, false },
    { "an empty bit string", BYTES("\3\0"), { .bitstring_overflow = true }, false },
    { "a bit string of another class", BYTES("\x83\1\xff"), { .bitstring_overflow = true },
      false },
    { "nobody asks for bit strings", BYTES(BITS_BAD), { .double_overflow = true }, false },
    { "within a sequence", BYTES("\x30\3" BITS_BAD), { .bitstring_overflow = true }, true },
    { "within an application's element", BYTES("\x60\5\x30\3" BITS_BAD),
      { .bitstring_overflow = true }, true },
    { "within an element without length", BYTES("\x30\x80" BITS_BAD "\0\0"),
      { .bitstring_overflow = true }, true },
    { "behind another", BYTES("\2\1\5" BITS_BAD), { .bitstring_overflow = true }, true },
    { "behind a sequence that has ended", BYTES("\x30\3\2\1\5" BITS_BAD),
      { .bitstring_overflow = true }, true },
    { "within a sequence that is cut short", BYTES("\x30\x20" BITS_BAD),
      { .bitstring_overflow = true }, false },
    { "a child that outruns its parent", BYTES("\x30\2\3\1\xff\xff"),
      { .bitstring_overflow = true }, false },
    { "within what is no structure", BYTES("\4\3" BITS_BAD), { .bitstring_overflow = true },
      false },
    { "a high tag before it", BYTES("\x1f\x85\1\1a" BITS_BAD), { .bitstring_overflow = true },
      true },
    { "a tag that does not end", BYTES("\x1f\x85\x85\x85\x85\x85\x85\1\1a" BITS_BAD),
      { .bitstring_overflow = true }, false },
    { "a length of nine bytes", BYTES("\3\x89\0\0\0\0\0\0\0\0\1\xff"),
      { .bitstring_overflow = true }, false },
    { "a length in four bytes", BYTES("\3\x84\0\0\0\1\xff"), { .bitstring_overflow = true },
      true },
    { "a number of 257 bytes", BYTES("\x09\x82\1\1" X256 "x"), { .double_overflow = true },
      true },
    { "a number of 256 bytes", BYTES("\x09\x82\1\0" X256), { .double_overflow = true }, false },
    { "a binary number of 257 bytes", BYTES("\x09\x82\1\1\x80" X256),
      { .double_overflow = true }, false },
    { "longer than allowed", BYTES("\4\3xxx"), { .has_oversize = true, .oversize = 2 }, true },
    { "as long as allowed", BYTES("\4\3xxx"), { .has_oversize = true, .oversize = 3 }, false },
    { "longer than allowed and not there", BYTES("\4\x50xxx"),
      { .has_oversize = true, .oversize = 2 }, false },
};

static bool is_faulty(const char *bytes, size_t size, const struct op_asn1 *asn1)
{
    uint8_t *copy = malloc(size != 0 ? size : 1);

    memcpy(copy, bytes, size);
    bool found = ber_has_fault(slice_of(copy, size), asn1);
    free(copy);
    return found;
}

static void faults_are_found_where_they_are(void **state)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (is_faulty(cases[i].bytes, cases[i].size, &cases[i].asn1) != cases[i].has_fault) {
            fail_msg("%s", cases[i].name);
        }
        for (size_t n = 0; n < cases[i].size; n++) {
            (void) is_faulty(cases[i].bytes, n, &cases[i].asn1);
        }
    }
}

static void depth_and_number_of_elements_are_bounded(void **state)
{
    static uint8_t deep[2 * 3000];
    const struct op_asn1 asn1 = { .bitstring_overflow = true };

    for (size_t i = 0; i < sizeof deep; i += 2) {
        deep[i] = 0x30;
        deep[i + 1] = 0x80;
    }
    memcpy(deep + sizeof deep - 3, BITS_BAD, 3);
    assert_false(ber_has_fault(slice_of(deep, sizeof deep), &asn1));
    for (size_t i = 0; i < 100; i += 2) {
        deep[i + 1] = (uint8_t) (100 - i - 2);
    }
    memcpy(deep + 97, BITS_BAD, 3);
    assert_false(ber_has_fault(slice_of(deep, 100), &asn1));
}

static void the_keyword_starts_where_it_says(void **state)
{
    struct world *w = world_new(
        "alert udp any any -> any any (asn1:bitstring_overflow; sid:1;)\n"
        "alert udp any any -> any any (asn1:bitstring_overflow, absolute_offset 4; sid:2;)\n"
        "alert udp any any -> any any (content:\"zz\"; asn1:bitstring_overflow, "
        "relative_offset 2; sid:3;)\n"
        "alert udp any any -> any any (content:\"|03 01|\"; asn1:bitstring_overflow "
        "double_overflow,relative_offset -2; sid:4;)\n"
        "alert udp any any -> any any (content:\"zz\"; asn1:relative_offset 500, "
        "oversize_length 0; sid:5;)\n"
        "alert udp any any -> any any (content:\"zz\"; asn1:relative_offset -500, "
        "oversize_length 0; sid:6;)\n");

    (void) state;
    world_flow(w, IP_PROTO_UDP, 7777);
    assert_string_equal(world_udp_bytes(w, TO_SERVER, BITS_BAD, 3), "1 4");
    assert_string_equal(world_udp_bytes(w, TO_SERVER, "zzab" BITS_BAD, 7), "2 3 4");
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_are_found_where_they_are),
        cmocka_unit_test(depth_and_number_of_elements_are_bounded),
        cmocka_unit_test(the_keyword_starts_where_it_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
