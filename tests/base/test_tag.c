/* Names of bytes: other bytes, other cuts, another key give another name; the same ones the same. */
#include "support/nilo_test.h"

#include <stdlib.h>
#include <string.h>

#include "base/tag.h"

#define MOST 300

static void name(const unsigned char *key, const unsigned char *p, size_t cut, size_t n, unsigned char out[16])
{
    struct nilo_tag t;
    nilo_tag_init(&t, key);
    nilo_tag_add(&t, p, cut);
    nilo_tag_add(&t, n > cut ? p + cut : NULL, n - cut);
    nilo_tag_done(&t, out);
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

/* Every length, every cut of it, every bit that is another one: no two names alike, and each bit of them set about half of the time. */
static void no_two_are_alike(void **state)
{
    static unsigned char names[200000][16];
    unsigned char bytes[MOST] = {0};
    const unsigned char key[16] = "0123456789abcde", other[16] = "0123456789abcdf";
    size_t n = 0;
    int64_t bits[128] = {0};
    (void)state;
    for (size_t len = 0; len < MOST; len++)
        for (size_t cut = 0; cut <= len; cut++)
            name(key, bytes, cut, len, names[n++]);
    for (size_t len = 1; len < MOST; len += 7)
        for (size_t bit = 0; bit < 8 * len; bit++) {
            bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
            name(key, bytes, len, len, names[n++]);
            name(other, bytes, len, len, names[n++]);
            bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        }
    assert_true(n < sizeof(names) / sizeof(names[0]));
    for (size_t i = 0; i < n; i++)
        for (size_t b = 0; b < 128; b++)
            bits[b] += names[i][b / 8] >> b % 8 & 1;
    for (size_t b = 0; b < 128; b++)
        assert_in_range(bits[b], n * 49 / 100, n * 51 / 100);
    qsort(names, n, sizeof(names[0]), by_bytes);
    for (size_t i = 1; i < n; i++)
        assert_memory_not_equal(names[i - 1], names[i], 16);
}

static void the_same_bytes_have_the_same_name(void **state)
{
    const unsigned char key[16] = {0}, bytes[] = "what is named twice is named alike, wherever it lies";
    unsigned char a[16], b[16], copy[sizeof(bytes) + 1];
    (void)state;
    memcpy(copy + 1, bytes, sizeof(bytes));
    name(key, bytes, 9, sizeof(bytes), a);
    name(key, copy + 1, 9, sizeof(bytes), b);
    assert_memory_equal(a, b, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_two_are_alike),
        cmocka_unit_test(the_same_bytes_have_the_same_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
