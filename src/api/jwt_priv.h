/* Inside jwt: the table of keys. */
#ifndef NILO_API_JWT_PRIV_H
#define NILO_API_JWT_PRIV_H

#include <stdatomic.h>

#include "api/jwt.h"
#include "api/signature.h"
#include "base/hash.h"

struct nilo__jwt_key {
    enum nilo_jwt_alg alg;
    struct nilo_jwt_rule rule; /* text in the table's arena */
    unsigned char *secret;     /* HS256: memory that forgets */
    size_t secret_n;
    struct nilo_public_key *public_key;
};

#define NILO__JWT_SEEN 1024 /* tokens whose signature has held; two words of a keyed hash of each. Never the token itself */

struct nilo_jwt_keys {
    struct nilo_arena arena;
    unsigned char seen_key[NILO_MAC_LEN];
    _Atomic uint64_t (*seen)[2]; /* NILO__JWT_SEEN of them; NULL: nothing is remembered */
    struct nilo__jwt_key list[NILO_JWT_KEYS_MAX];
    size_t n;
};

/** nilo__jwt_key_find - the key of a token that calls itself kid (NULL: gives none) and alg; NULL = no such, or not to be told */
const struct nilo__jwt_key *nilo__jwt_key_find(const struct nilo_jwt_keys *k, const char *kid, const char *alg);

#endif
