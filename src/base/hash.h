/* SHA-256, HMAC-SHA256, BLAKE2b with and without a key (libsodium), UUIDv5 (RFC 9562) and hex. */
#ifndef NILO_BASE_HASH_H
#define NILO_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NILO_SHA256_LEN 32

struct nilo_sha256 {
    _Alignas(16) unsigned char state[128];
};
void nilo_sha256_init(struct nilo_sha256 *h);
void nilo_sha256_add(struct nilo_sha256 *h, const void *p, size_t n);
void nilo_sha256_done(struct nilo_sha256 *h, unsigned char out[NILO_SHA256_LEN]);
void nilo_sha256(const void *p, size_t n, unsigned char out[NILO_SHA256_LEN]);

/* BLAKE2b-256, several times as fast as SHA-256 here: for what only we have to be able to compute. */
#define NILO_BLAKE_LEN 32
struct nilo_blake {
    unsigned char room[384 + 63]; /* the state lies in it on a boundary of 64, which a sanitizer's stack does not keep to: not to be copied */
};
void nilo_blake_init(struct nilo_blake *h);
void nilo_blake_add(struct nilo_blake *h, const void *p, size_t n);
void nilo_blake_done(struct nilo_blake *h, unsigned char out[NILO_BLAKE_LEN]);

/** nilo_mac - keyed BLAKE2b-256: without the key nobody can tell of what it is */
#define NILO_MAC_LEN 32
void nilo_mac(const unsigned char key[NILO_MAC_LEN], const void *p, size_t n, unsigned char out[NILO_MAC_LEN]);

/** nilo_hmac_sha256 - RFC 2104, a key of any length: for what others have to be able to check (tokens); of our own things nilo_mac */
void nilo_hmac_sha256(const void *key, size_t key_n, const void *p, size_t n, unsigned char out[NILO_SHA256_LEN]);
/** nilo_hmac_sha256_joined - the same of two pieces, one behind the other */
void nilo_hmac_sha256_joined(const void *key, size_t key_n, const void *head, size_t head_n, const void *p, size_t n, unsigned char out[NILO_SHA256_LEN]);
/** nilo_same - are they equal? Takes as long wherever they differ: for MACs, never memcmp */
bool nilo_same(const void *a, const void *b, size_t n);

#define NILO_UUID_TEXT 37
/** nilo_uuid5 - name-based UUID in the namespace `ns` (16 bytes); lower case text and a NUL */
void nilo_uuid5(const unsigned char ns[16], const void *name, size_t len, char out[NILO_UUID_TEXT]);
void nilo_uuid_format(const unsigned char bytes[16], char out[NILO_UUID_TEXT]);

void nilo_hex(const void *p, size_t n, char *out); /* out: 2n+1 bytes */
int nilo_unhex(const char *s, size_t len, unsigned char *out); /* len even; 0 or -1 */

/* Inside base only, so that libsodium stays behind hash.c. */
#define NILO__KEY_LEN 16
int nilo__sodium_init(void); /* 0, or -1 when there is no source of randomness */
void nilo__random_fill(void *p, size_t n);
uint64_t nilo__keyed_hash(const unsigned char key[NILO__KEY_LEN], const void *p, size_t n); /* SipHash-2-4; differs by byte order */

#endif
