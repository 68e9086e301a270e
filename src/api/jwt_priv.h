/* Inside jwt: the table of keys, and the tokens that it knows again. */
#ifndef NILO_API_JWT_PRIV_H
#define NILO_API_JWT_PRIV_H

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

/* What a token says once its signature has held: nothing of it changes, but whether its times fit has to be judged each time. */
struct nilo__jwt_said {
    struct nilo_jwt_claims claims;
    int64_t nbf;
};

/* Two words of a hash of the whole token that nobody without the key can aim at: what has them is the token that was here before. */
struct nilo__jwt_mark {
    uint64_t words[2];
};

struct nilo__jwt_seen; /* jwt_seen.c */

struct nilo_jwt_keys {
    struct nilo_arena arena;
    unsigned char seen_key[NILO_MAC_LEN];
    struct nilo__jwt_seen *seen; /* NULL: nothing is remembered */
    struct nilo__jwt_key list[NILO_JWT_KEYS_MAX];
    size_t n;
};

/** nilo__jwt_key_find - the key of a token that calls itself kid (NULL: gives none) and alg; NULL = no such, or not to be told */
const struct nilo__jwt_key *nilo__jwt_key_find(const struct nilo_jwt_keys *k, const char *kid, const char *alg);

/** nilo__jwt_recall - what this very token said when its signature held: true, and copied into the arena; false = not known, or no memory
 *  threads any; a place has a lock of its own, held for the copy */
bool nilo__jwt_recall(const struct nilo_jwt_keys *k, const struct nilo__jwt_mark *mark, struct nilo_arena *arena, struct nilo__jwt_said *ret);
/** nilo__jwt_remember - in place of what was there before; without memory nothing is */
void nilo__jwt_remember(const struct nilo_jwt_keys *k, const struct nilo__jwt_mark *mark, const struct nilo__jwt_said *said);
struct nilo__jwt_mark nilo__jwt_mark_of(const struct nilo_jwt_keys *k, const char *text, size_t len);
void nilo__jwt_seen_free(struct nilo__jwt_seen *seen); /* NULL is fine */

#endif
