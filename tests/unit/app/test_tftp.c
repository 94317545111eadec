/* TFTP: requests in, transactions out. */
#include "tests/unit/app/eve_rows.h"

#define U(text) C(text)

static const struct eve_row rows[] = {
    { .name = "a file is read", .turns = { U("\0\1a.txt\0octet\0") },
      .eve = "{\"packet\":\"read\",\"file\":\"a.txt\",\"mode\":\"octet\"}\n" },
    { .name = "one is written, with an option",
      .turns = { U("\0\2b c\0NetASCII\0blksize\0" "1428\0") },
      .eve = "{\"packet\":\"write\",\"file\":\"b c\",\"mode\":\"netascii\"}\n" },
    { .name = "a file without a name", .turns = { U("\0\1\0mail\0") },
      .eve = "{\"packet\":\"read\",\"file\":\"\",\"mode\":\"mail\"}\n" },
    { .name = "each request is told",
      .turns = { U("\0\1a\0octet\0"), S("\0\3\0\1data"), U("\0\4\0\1"), U("\0\1b\0octet\0") },
      .eve = "{\"packet\":\"read\",\"file\":\"a\",\"mode\":\"octet\"}\n"
             "{\"packet\":\"read\",\"file\":\"b\",\"mode\":\"octet\"}\n" },
    { .name = "what is no request", .eve = "",
      .turns = { U("\0\1a\0other\0"), U("\0\1a\0octet"), U("\0\1abc"), U("\0\5\0\1no\0"),
                 U("\0\0a\0octet\0"), U("\0\1") } },
    { .name = "another port", .port = 70, .turns = { U("\0\1a.txt\0octet\0") }, .eve = "" },
    { .name = "another protocol", .turns = { U("\1\1a.txt\0octet\0") }, .eve = "" },
};
static const struct eve_rows table = { rows, sizeof rows / sizeof *rows, 69, IP_PROTO_UDP,
                                       "tftp" };

static void requests_are_transactions(void **state)
{
    eve_rows_come_to_what_they_say(&table);
}

static void any_prefix_ends_well(void **state)
{
    eve_rows_end_well_at_any_prefix(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_transactions),
        cmocka_unit_test(any_prefix_ends_well),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
