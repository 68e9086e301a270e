/* Signatures that others make with a private key, checked with their public one: RS256 and ES256 of RFC 7518, by OpenSSL. A key is of one of the
 * two from the beginning. What is signed, and by whom: jwt.h. */
#ifndef NILO_API_SIGNATURE_H
#define NILO_API_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum nilo_public_kind { NILO_PUBLIC_RSA, NILO_PUBLIC_P256 };
#define NILO_RSA_BITS_MIN  2048
#define NILO_RSA_BITS_MAX  8192
#define NILO_SIGNATURE_MAX (NILO_RSA_BITS_MAX / 8)

struct nilo_public_key; /* not changed once made: any thread may use it */

/** nilo_public_key_new - pem: "-----BEGIN PUBLIC KEY-----" ...
 *  errors  NILO_ECONFIG no such key, of another kind, RSA outside of NILO_RSA_BITS_MIN..MAX, another curve than P-256; NILO_ENOMEM
 *  owner   caller, nilo_public_key_free() */
int nilo_public_key_new(enum nilo_public_kind kind, const char *pem, size_t n, struct nilo_public_key **ret, struct nilo_err *err);
void nilo_public_key_free(struct nilo_public_key *k); /* NULL is fine */

/** nilo_public_key_verify - P-256: the 64 bytes r and s of RFC 7518, section 3.4. SHA-256 in both cases */
bool nilo_public_key_verify(const struct nilo_public_key *k, const void *text, size_t n, const unsigned char *signature, size_t signature_n);

/** nilo_hmac_sha1 - for those who sign with nothing better (WebSub hubs). false: memory ran out */
#define NILO_SHA1_LEN 20
bool nilo_hmac_sha1(const void *key, size_t key_n, const void *p, size_t n, unsigned char out[NILO_SHA1_LEN]);

#endif
