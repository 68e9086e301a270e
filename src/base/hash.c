/* Digests, names from digests, hex, and the two other things base takes from libsodium: randomness and a keyed hash.
 * Together with crypt.c all that includes sodium.h. SHA-1 is written out because libsodium has none and UUIDv5 demands it;
 * nothing here rests on it for security. */
#include "base/hash.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(((struct nilo_sha256 *)0)->state), "nilo_sha256 is too small");
static_assert(sizeof(crypto_generichash_state) <= sizeof(((struct nilo_blake *)0)->room) - 63, "nilo_blake is too small");
static_assert(NILO_SHA256_LEN == crypto_hash_sha256_BYTES, "SHA-256 has 32 bytes");
static_assert(NILO__KEY_LEN == crypto_shorthash_KEYBYTES, "the keyed hash takes 16 bytes");

void nilo_mac(const unsigned char key[NILO_MAC_LEN], const void *p, size_t n, unsigned char out[NILO_MAC_LEN])
{
    crypto_generichash(out, NILO_MAC_LEN, p, n, key, NILO_MAC_LEN);
}

void nilo_hmac_sha256(const void *key, size_t key_n, const void *p, size_t n, unsigned char out[NILO_SHA256_LEN])
{
    nilo_hmac_sha256_joined(key, key_n, "", 0, p, n, out);
}

void nilo_hmac_sha256_joined(const void *key, size_t key_n, const void *head, size_t head_n, const void *p, size_t n, unsigned char out[NILO_SHA256_LEN])
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key, key_n);
    crypto_auth_hmacsha256_update(&state, head, head_n);
    crypto_auth_hmacsha256_update(&state, p, n);
    crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof state);
}

bool nilo_same(const void *a, const void *b, size_t n)
{
    return sodium_memcmp(a, b, n) == 0;
}

static crypto_hash_sha256_state *sha256_state(struct nilo_sha256 *h)
{
    return (crypto_hash_sha256_state *)(void *)h->state;
}

void nilo_sha256_init(struct nilo_sha256 *h)
{
    crypto_hash_sha256_init(sha256_state(h));
}

void nilo_sha256_add(struct nilo_sha256 *h, const void *p, size_t n)
{
    if (n > 0)
        crypto_hash_sha256_update(sha256_state(h), p, n);
}

void nilo_sha256_done(struct nilo_sha256 *h, unsigned char out[NILO_SHA256_LEN])
{
    crypto_hash_sha256_final(sha256_state(h), out);
}

void nilo_sha256(const void *p, size_t n, unsigned char out[NILO_SHA256_LEN])
{
    struct nilo_sha256 h;
    nilo_sha256_init(&h);
    nilo_sha256_add(&h, p, n);
    nilo_sha256_done(&h, out);
}

static crypto_generichash_state *blake_state(struct nilo_blake *h)
{
    unsigned char *at = h->room + (64 - (uintptr_t)h->room % 64) % 64;
    return (crypto_generichash_state *)(void *)at;
}

void nilo_blake_init(struct nilo_blake *h)
{
    crypto_generichash_init(blake_state(h), NULL, 0, NILO_BLAKE_LEN);
}

void nilo_blake_add(struct nilo_blake *h, const void *p, size_t n)
{
    if (n > 0)
        crypto_generichash_update(blake_state(h), p, n);
}

void nilo_blake_done(struct nilo_blake *h, unsigned char out[NILO_BLAKE_LEN])
{
    crypto_generichash_final(blake_state(h), out, NILO_BLAKE_LEN);
}

/* ---- SHA-1 (RFC 3174) ------------------------------------------------------------------------------------------------ */

#define SHA1_LEN   20
#define SHA1_BLOCK 64

struct sha1 {
    uint32_t h[5];
    uint64_t bytes;
    unsigned char block[SHA1_BLOCK];
};

static uint32_t rotl32(uint32_t x, int n)
{
    return x << n | x >> (32 - n);
}

static uint32_t sha1_mix(int t, uint32_t b, uint32_t c, uint32_t d)
{
    if (t < 20)
        return ((b & c) | (~b & d)) + 0x5a827999;
    if (t < 40)
        return (b ^ c ^ d) + 0x6ed9eba1;
    if (t < 60)
        return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
    return (b ^ c ^ d) + 0xca62c1d6;
}

static void sha1_block(struct sha1 *s)
{
    uint32_t w[80];
    for (int t = 0; t < 16; t++) {
        const unsigned char *p = s->block + (size_t)t * 4;
        w[t] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    }
    for (int t = 16; t < 80; t++)
        w[t] = rotl32(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    uint32_t a = s->h[0], b = s->h[1], c = s->h[2], d = s->h[3], e = s->h[4];
    for (int t = 0; t < 80; t++) {
        uint32_t next = rotl32(a, 5) + sha1_mix(t, b, c, d) + e + w[t];
        e = d;
        d = c;
        c = rotl32(b, 30);
        b = a;
        a = next;
    }
    s->h[0] += a;
    s->h[1] += b;
    s->h[2] += c;
    s->h[3] += d;
    s->h[4] += e;
}

static void sha1_init(struct sha1 *s)
{
    *s = (struct sha1){.h = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}};
}

static void sha1_add(struct sha1 *s, const void *p, size_t n)
{
    const unsigned char *from = p;
    while (n > 0) {
        size_t at = s->bytes % SHA1_BLOCK;
        size_t part = n < SHA1_BLOCK - at ? n : SHA1_BLOCK - at;
        memcpy(s->block + at, from, part);
        s->bytes += part;
        from += part;
        n -= part;
        if (s->bytes % SHA1_BLOCK == 0)
            sha1_block(s);
    }
}

static void sha1_done(struct sha1 *s, unsigned char out[SHA1_LEN])
{
    uint64_t bits = s->bytes * 8;
    unsigned char length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)(bits >> (56 - 8 * i));
    sha1_add(s, "\x80", 1);
    while (s->bytes % SHA1_BLOCK != SHA1_BLOCK - sizeof(length))
        sha1_add(s, "", 1);
    sha1_add(s, length, sizeof(length));
    for (int i = 0; i < SHA1_LEN; i++)
        out[i] = (unsigned char)(s->h[i / 4] >> (24 - 8 * (i % 4)));
}

/* ---- names and hex --------------------------------------------------------------------------------------------------- */

void nilo_uuid5(const unsigned char ns[16], const void *name, size_t len, char out[NILO_UUID_TEXT])
{
    struct sha1 s;
    unsigned char digest[SHA1_LEN];
    sha1_init(&s);
    sha1_add(&s, ns, 16);
    sha1_add(&s, name, len);
    sha1_done(&s, digest);
    digest[6] = (unsigned char)((digest[6] & 0x0f) | 0x50); /* version 5 */
    digest[8] = (unsigned char)((digest[8] & 0x3f) | 0x80); /* the variant of RFC 9562 */
    nilo_uuid_format(digest, out);
}

void nilo_uuid_format(const unsigned char bytes[16], char out[NILO_UUID_TEXT])
{
    static const int groups[] = {4, 2, 2, 2, 6};
    for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
        if (g > 0)
            *out++ = '-';
        nilo_hex(bytes, (size_t)groups[g], out);
        bytes += groups[g];
        out += 2 * groups[g];
    }
}

void nilo_hex(const void *p, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *from = p;
    for (size_t i = 0; i < n; i++) {
        *out++ = digits[from[i] >> 4];
        *out++ = digits[from[i] & 15];
    }
    *out = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int nilo_unhex(const char *s, size_t len, unsigned char *out)
{
    if (len % 2 != 0)
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (hex_digit(s[i]) < 0)
            return -1; /* looked at first, so that out stays untouched on failure */
    }
    for (size_t i = 0; i < len; i += 2)
        out[i / 2] = (unsigned char)(hex_digit(s[i]) << 4 | hex_digit(s[i + 1]));
    return 0;
}

/* ---- for the rest of base -------------------------------------------------------------------------------------------- */

int nilo__sodium_init(void)
{
    return sodium_init() < 0 ? -1 : 0;
}

void nilo__random_fill(void *p, size_t n)
{
    randombytes_buf(p, n);
}

uint64_t nilo__keyed_hash(const unsigned char key[NILO__KEY_LEN], const void *p, size_t n)
{
    unsigned char out[crypto_shorthash_BYTES];
    uint64_t hash = 0;
    crypto_shorthash(out, p, n, key);
    memcpy(&hash, out, sizeof(hash));
    return hash;
}
