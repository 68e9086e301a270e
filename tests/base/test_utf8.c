/* UTF-8: exactly what RFC 3629 calls well-formed, and how much of the rest one replacement character stands for. */
#include "support/nilo_test.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"

static void every_code_point_is_written_and_read_back(void **state)
{
    (void)state;
    for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
        char out[NILO__UTF8_MAX];
        if (cp >= 0xd800 && cp <= 0xdfff)
            continue;
        size_t n = nilo__utf8_put(cp, out);
        const unsigned char *s = (const unsigned char *)out;
        uint32_t again = n == 1   ? s[0]
                         : n == 2 ? (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu)
                         : n == 3 ? (s[0] & 0x0fu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu)
                                  : (s[0] & 0x07u) << 18 | (s[1] & 0x3fu) << 12 | (s[2] & 0x3fu) << 6 | (s[3] & 0x3fu);
        if (again != cp || nilo__utf8_char(out, n, NULL) != n)
            fail_msg("U+%04X", cp);
    }
}

/* Every text of three bytes, against the definition: it decodes, to the shortest form, to no surrogate. */
static bool three_bytes_are_valid(const unsigned char *s)
{
    if (s[0] < 0x80)
        return (s[1] < 0x80 && s[2] < 0x80) || (s[1] >= 0xc2 && s[1] < 0xe0 && (s[2] & 0xc0) == 0x80);
    if (s[0] >= 0xc2 && s[0] < 0xe0)
        return (s[1] & 0xc0) == 0x80 && s[2] < 0x80;
    if (s[0] < 0xe0 || s[0] > 0xef || (s[1] & 0xc0) != 0x80 || (s[2] & 0xc0) != 0x80)
        return false;
    uint32_t cp = (s[0] & 0x0fu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
    return cp >= 0x800 && (cp < 0xd800 || cp > 0xdfff);
}

static void every_text_of_three_bytes_is_judged_right(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 0x1000000; i += 3) {
        const unsigned char s[3] = {(unsigned char)(i >> 16), (unsigned char)(i >> 8), (unsigned char)i};
        if (nilo_utf8_valid((const char *)s, 3, NULL) != three_bytes_are_valid(s))
            fail_msg("%02x %02x %02x", s[0], s[1], s[2]);
    }
}

static void the_first_bad_byte_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len, bad; /* bad == len: valid */
        size_t replaced; /* bytes one U+FFFD stands for */
    } cases[] = {
        {"", 0, 0, 0},
        {"abc", 3, 3, 0},
        {"a\0b", 3, 3, 0},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9, 9, 0},
        {"\xf4\x8f\xbf\xbf", 4, 4, 0},
        {"ab\xff"
         "cd",
         5, 2, 1},
        {"\x80", 1, 0, 1},
        {"\xc3", 1, 0, 1},
        {"\xc3(", 2, 0, 1},
        {"a\xe2\x82", 3, 1, 2},
        {"\xe2\x82(", 3, 0, 2},
        {"\xf0\x9f\x98", 3, 0, 3},
        {"\xf0\x9f\x98(", 4, 0, 3},
        {"\xc0\xaf", 2, 0, 1},         /* overlong '/' */
        {"\xe0\x80\xaf", 3, 0, 1},     /* overlong '/' */
        {"\xf0\x80\x80\xaf", 4, 0, 1}, /* overlong '/' */
        {"\xed\xa0\x80", 3, 0, 1},     /* a surrogate */
        {"\xed\xbf\xbf", 3, 0, 1},     /* a surrogate */
        {"\xf4\x90\x80\x80", 4, 0, 1}, /* U+110000 */
        {"\xf5\x80\x80\x80", 4, 0, 1},
        {"\xf8\x88\x80\x80\x80", 5, 0, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t bad = 999, replaced = 0, len = cases[i].len;
        bool valid = cases[i].bad == len;
        char *text = malloc(len + (len == 0)); /* exactly as long: reading further is seen */
        memcpy(text, cases[i].text, len);
        assert_int_equal(nilo_utf8_valid(text, len, &bad), valid);
        assert_int_equal(bad, valid ? 999 : cases[i].bad);
        assert_int_equal(nilo_utf8_valid(text, len, NULL), valid);
        if (!valid) {
            assert_int_equal(nilo__utf8_char(text + bad, len - bad, &replaced), 0);
            assert_int_equal(replaced, cases[i].replaced);
        }
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_is_written_and_read_back),
        cmocka_unit_test(every_text_of_three_bytes_is_judged_right),
        cmocka_unit_test(the_first_bad_byte_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
