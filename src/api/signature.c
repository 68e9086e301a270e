/* See signature.h. OpenSSL's queue of errors is a thread's own and read by TLS as well, hence emptied after each failure. */
#include "api/signature.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define P256_HALF     32
#define P256_DER_MAX  80 /* two integers of at most 33 bytes, and what stands around them */

struct nilo_public_key {
    enum nilo_public_kind kind;
    EVP_PKEY *pkey;
};

static EVP_PKEY *read_pem(const char *pem, size_t n)
{
    BIO *in = n <= INT_MAX ? BIO_new_mem_buf(pem, (int)n) : NULL;
    EVP_PKEY *pkey = in != NULL ? PEM_read_bio_PUBKEY(in, NULL, NULL, NULL) : NULL;
    BIO_free(in);
    ERR_clear_error();
    return pkey;
}

static bool is_p256(EVP_PKEY *pkey)
{
    char group[64];
    size_t n = 0;
    return EVP_PKEY_base_id(pkey) == EVP_PKEY_EC && EVP_PKEY_get_group_name(pkey, group, sizeof(group), &n) == 1 && strcmp(group, "prime256v1") == 0;
}

/* What is wrong with it, or NULL. */
static const char *wrong(enum nilo_public_kind kind, EVP_PKEY *pkey)
{
    if (pkey == NULL)
        return "is no public key in PEM form (-----BEGIN PUBLIC KEY-----)";
    if (kind == NILO_PUBLIC_P256)
        return is_p256(pkey) ? NULL : "is not on the curve P-256, which ES256 needs";
    if (EVP_PKEY_base_id(pkey) != EVP_PKEY_RSA)
        return "is no RSA key, which RS256 needs";
    int bits = EVP_PKEY_bits(pkey);
    return bits >= NILO_RSA_BITS_MIN && bits <= NILO_RSA_BITS_MAX ? NULL : "is an RSA key of a size that is not taken: 2048 to 8192 bits";
}

int nilo_public_key_new(enum nilo_public_kind kind, const char *pem, size_t n, struct nilo_public_key **ret, struct nilo_err *err)
{
    struct nilo_public_key *k = calloc(1, sizeof(*k));
    if (k == NULL)
        return nilo_err_nomem(err);
    k->kind = kind;
    k->pkey = read_pem(pem, n);
    const char *what = wrong(kind, k->pkey);
    ERR_clear_error();
    if (what != NULL) {
        nilo_public_key_free(k);
        return nilo_err_set(err, NILO_ECONFIG, "the key %s", what);
    }
    *ret = k;
    return 0;
}

void nilo_public_key_free(struct nilo_public_key *k)
{
    if (k == NULL)
        return;
    EVP_PKEY_free(k->pkey);
    free(k);
}

/* r and s as the DER that OpenSSL reads; 0 = they cannot be. */
static size_t to_der(const unsigned char *signature, size_t n, unsigned char der[P256_DER_MAX])
{
    int len = 0;
    ECDSA_SIG *sig = n == 2 * P256_HALF ? ECDSA_SIG_new() : NULL;
    BIGNUM *r = sig != NULL ? BN_bin2bn(signature, P256_HALF, NULL) : NULL, *s = sig != NULL ? BN_bin2bn(signature + P256_HALF, P256_HALF, NULL) : NULL;
    if (r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
        unsigned char *end = der;
        len = i2d_ECDSA_SIG(sig, NULL) <= P256_DER_MAX ? i2d_ECDSA_SIG(sig, &end) : 0;
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(sig);
    return len > 0 ? (size_t)len : 0;
}

bool nilo_public_key_verify(const struct nilo_public_key *k, const void *text, size_t n, const unsigned char *signature, size_t signature_n)
{
    unsigned char der[P256_DER_MAX];
    if (k->kind == NILO_PUBLIC_P256) {
        signature_n = to_der(signature, signature_n, der);
        signature = der;
    }
    bool good = false;
    EVP_MD_CTX *md = signature_n > 0 ? EVP_MD_CTX_new() : NULL;
    if (md != NULL && EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, k->pkey) == 1)
        good = EVP_DigestVerify(md, signature, signature_n, text, n) == 1;
    EVP_MD_CTX_free(md);
    ERR_clear_error();
    return good;
}

bool nilo_hmac_sha1(const void *key, size_t key_n, const void *p, size_t n, unsigned char out[NILO_SHA1_LEN])
{
    unsigned len = 0;
    bool made = key_n <= INT_MAX && HMAC(EVP_sha1(), key, (int)key_n, p, n, out, &len) != NULL && len == NILO_SHA1_LEN;
    ERR_clear_error();
    return made;
}
