/* UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing above U+10FFFF. */
#include "base/utf8.h"

#include "base/json.h"

/* What the lead byte promises. The bounds are for the second byte: they are what keeps overlong forms, surrogates and
 * too large code points out (Unicode 15, table 3-7). */
struct lead {
    size_t length;
    unsigned char low, high;
};

static struct lead lead_of(unsigned char c)
{
    if (c < 0x80)
        return (struct lead){1, 0, 0};
    if (c < 0xc2 || c > 0xf4)
        return (struct lead){0, 0, 0};
    if (c < 0xe0)
        return (struct lead){2, 0x80, 0xbf};
    if (c < 0xf0)
        return (struct lead){3, c == 0xe0 ? 0xa0 : 0x80, c == 0xed ? 0x9f : 0xbf};
    return (struct lead){4, c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf};
}

size_t nilo__utf8_char(const char *s, size_t len, size_t *ret_bad)
{
    const unsigned char *p = (const unsigned char *)s;
    struct lead lead = lead_of(p[0]);
    size_t good = 1;
    while (good < lead.length && good < len && p[good] >= lead.low && p[good] <= lead.high) {
        lead.low = 0x80;
        lead.high = 0xbf;
        good++;
    }
    if (good == lead.length)
        return good;
    if (ret_bad != NULL)
        *ret_bad = good;
    return 0;
}

size_t nilo__utf8_put(uint32_t cp, char out[NILO__UTF8_MAX])
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    size_t n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (cp & 0x3f));
        cp >>= 6;
    }
    out[0] = (char)((0xf00u >> n & 0xf0) | cp);
    return n;
}

bool nilo_utf8_valid(const char *s, size_t len, size_t *ret_bad)
{
    size_t at = 0;
    while (at < len) {
        size_t n = nilo__utf8_char(s + at, len - at, NULL);
        if (n == 0)
            break;
        at += n;
    }
    if (at < len && ret_bad != NULL)
        *ret_bad = at;
    return at == len;
}
