/* See tag.h. Each 64 bits are multiplied with their neighbours under the key, and both halves of the product go on; two lanes run side by side. */
#include "base/tag.h"

#include <string.h>

/* Digits of pi. */
#define K0 UINT64_C(0x243f6a8885a308d3)
#define K1 UINT64_C(0x13198a2e03707344)
#define K2 UINT64_C(0xa4093822299f31d0)
#define K3 UINT64_C(0x082efa98ec4e6c89)

__extension__ typedef unsigned __int128 wide;

static uint64_t fold(uint64_t x, uint64_t y)
{
    wide p = (wide)x * y;
    return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static uint64_t word(const unsigned char *p)
{
    uint64_t v; /* in the machine's own order of bytes: names are not exchanged between machines */
    memcpy(&v, p, sizeof(v));
    return v;
}

void nilo_tag_init(struct nilo_tag *t, const unsigned char key[16])
{
    *t = (struct nilo_tag){.key = {word(key) ^ K0, word(key + 8) ^ K1}, .a = K2, .b = K3};
}

static void block(struct nilo_tag *t, const unsigned char *p)
{
    t->a = fold(word(p) ^ t->key[0], word(p + 8) ^ t->a) ^ t->key[1];
    t->b = fold(word(p + 16) ^ t->key[1], word(p + 24) ^ t->b) ^ t->key[0];
}

void nilo_tag_add(struct nilo_tag *t, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    unsigned char last[32] = {0};
    t->len += n;
    size_t left = n;
    for (; left >= sizeof(last); left -= sizeof(last), p += sizeof(last))
        block(t, p);
    if (left > 0)
        memcpy(last, p, left);
    block(t, last);
    t->a = fold(t->a ^ K0, (uint64_t)n ^ K3);
    t->b = fold(t->b ^ K1, (uint64_t)n ^ K2);
}

void nilo_tag_done(const struct nilo_tag *t, unsigned char out[16])
{
    uint64_t x = fold(t->a ^ t->key[1], t->b ^ t->len ^ K2), y = fold(t->b ^ t->key[0], t->a ^ K3);
    const uint64_t words[] = {fold(x ^ K1, y ^ K0), fold(y ^ K2, x ^ K3)};
    for (int i = 0; i < 16; i++)
        out[i] = (unsigned char)(words[i / 8] >> 8 * (i % 8));
}
