/* Sealing of short secrets (libsodium, XChaCha20-Poly1305), and memory that forgets them. Which key and what identity: the callers'. */
#ifndef NILO_BASE_CRYPT_H
#define NILO_BASE_CRYPT_H

#include <stddef.h>

#define NILO_KEY_LEN   32
#define NILO_NONCE_LEN 24
#define NILO_SEAL_MORE 16 /* a sealed text is so much longer */

/** nilo_seal - out: n + NILO_SEAL_MORE bytes; nonce: random, never twice with one key; ad (associated data): what the text belongs to, needed
 *  again to open it and not in it */
void nilo_seal(const unsigned char key[NILO_KEY_LEN], const unsigned char nonce[NILO_NONCE_LEN], const void *ad, size_t ad_len, const void *plain,
               size_t n, unsigned char *out);
/** nilo_unseal - n: of the sealed text; out: n - NILO_SEAL_MORE bytes. 0, or -1: another key, another ad, or damaged; nothing is told then */
int nilo_unseal(const unsigned char key[NILO_KEY_LEN], const unsigned char nonce[NILO_NONCE_LEN], const void *ad, size_t ad_len,
                const void *sealed, size_t n, unsigned char *out);

/* Memory for secrets: guarded by pages, not swapped and not dumped where the system lets us, overwritten when freed. NULL: no memory. */
void *nilo_secret_alloc(size_t n);
void nilo_secret_free(void *p); /* NULL is fine */
void nilo_secret_wipe(void *p, size_t n);

#endif
