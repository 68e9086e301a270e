/* See crypt.h. The IETF variant with 24 bytes of nonce: random nonces need no counting. */
#include "base/crypt.h"

#include <assert.h>
#include <sodium.h>

static_assert(NILO_KEY_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "32 bytes of key");
static_assert(NILO_NONCE_LEN == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "24 bytes of nonce");
static_assert(NILO_SEAL_MORE == crypto_aead_xchacha20poly1305_ietf_ABYTES, "16 bytes of tag");

void nilo_seal(const unsigned char key[NILO_KEY_LEN], const unsigned char nonce[NILO_NONCE_LEN], const void *ad, size_t ad_len, const void *plain,
               size_t n, unsigned char *out)
{
    crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, plain, n, ad, ad_len, NULL, nonce, key);
}

int nilo_unseal(const unsigned char key[NILO_KEY_LEN], const unsigned char nonce[NILO_NONCE_LEN], const void *ad, size_t ad_len,
                const void *sealed, size_t n, unsigned char *out)
{
    if (n < NILO_SEAL_MORE)
        return -1;
    return crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed, n, ad, ad_len, nonce, key) == 0 ? 0 : -1;
}

void *nilo_secret_alloc(size_t n)
{
    return sodium_init() < 0 ? NULL : sodium_malloc(n > 0 ? n : 1);
}

void nilo_secret_free(void *p)
{
    sodium_free(p);
}

void nilo_secret_wipe(void *p, size_t n)
{
    sodium_memzero(p, n);
}
