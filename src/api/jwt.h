/* Signed tokens (JWT, RFC 7519, in the compact form of RFC 7515): checking those of others and ours, issuing ours. HS256, RS256, ES256.
 *
 * RFC 8725 throughout: each key has one algorithm, which comes from the configuration; what a token says of its algorithm has to be that and decides
 * nothing. Nothing a token names is fetched. A token is at most NILO_JWT_MAX bytes, is read by a strict reader (base64url without padding and without stray
 * bits; JSON without members given twice), its claims are not looked at before its signature has held, and whoever shows a bad one learns nothing of why.
 *
 * Leaves to credential.h which roles there are, who is revoked, and what headers a token may come in. */
#ifndef NILO_API_JWT_H
#define NILO_API_JWT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/env.h"
#include "base/err.h"

#define NILO_JWT_ALG_ROWS(X) X(NILO_JWT_HS256, "HS256") X(NILO_JWT_RS256, "RS256") X(NILO_JWT_ES256, "ES256")
enum nilo_jwt_alg {
#define X(id, name) id,
    NILO_JWT_ALG_ROWS(X)
#undef X
        NILO_JWT_ALG_N
};
const char *nilo_jwt_alg_name(enum nilo_jwt_alg alg);

#define NILO_JWT_MAX            8192 /* bytes of a token */
#define NILO_JWT_SKEW_S         30   /* clocks may differ by so much */
#define NILO_JWT_SECRET_MIN     32   /* bytes of an HS256 secret: RFC 7518, section 3.2 */
#define NILO_JWT_SECRET_MAX     4096
#define NILO_JWT_KEYS_MAX       80
#define NILO_JWT_KID_MAX        128
#define NILO_JWT_WORD_MAX       255 /* iss, aud, typ, sub, role, jti, names of workspaces */
#define NILO_JWT_WORKSPACES_MAX 64
#define NILO_JWT_ARENA          16384

/* ---- keys ----------------------------------------------------------------------------------------------------------------------------------- */

/* What holds for the tokens of one key. NULL: not judged. All are copied. */
struct nilo_jwt_rule {
    const char *kid; /* its id. NULL: the key has none, a token that names one is not its own */
    bool named;      /* only tokens that name it (ours); else a token without kid is taken where this is the only such key of its algorithm */
    const char *typ; /* of the head; compared as media types are: without case, with or without "application/" */
    const char *iss;
    const char *aud; /* one string in the token as well: a list is refused */
    const char *admin_claim; /* a claim that, when true, says the user is an admin; at the top or in app_metadata (never in user_metadata: users write that) */
};

struct nilo_jwt_keys; /* once filled not changed, but for what it remembers: any thread may use it */
int nilo_jwt_keys_new(struct nilo_jwt_keys **ret, struct nilo_err *err);
void nilo_jwt_keys_free(struct nilo_jwt_keys *k); /* NULL is fine; secrets are overwritten */
/** nilo_jwt_keys_remember - from now on a token whose signature has held is known again by a hash under a random key, and neither its signature nor its JSON read
 *  anew; its times are judged each time. A thousand are remembered, and gone with the table: so a reload forgets them */
void nilo_jwt_keys_remember(struct nilo_jwt_keys *k, const struct nilo_random *random);
size_t nilo_jwt_keys_n(const struct nilo_jwt_keys *k);

/** nilo_jwt_keys_add_secret - a key for HS256
 *  errors  NILO_ECONFIG shorter than NILO_JWT_SECRET_MIN, longer than MAX, a public key or certificate by mistake, the kid is taken, or of two
 *          keys of the algorithm one has none; NILO_EFULL, NILO_ENOMEM. No message holds the secret */
int nilo_jwt_keys_add_secret(struct nilo_jwt_keys *k, const void *secret, size_t n, const struct nilo_jwt_rule *rule, struct nilo_err *err);
/** nilo_jwt_keys_add_public - a key for RS256 or ES256, PEM
 *  errors  as above; NILO_ECONFIG not a public key that the algorithm takes (signature.h) */
int nilo_jwt_keys_add_public(struct nilo_jwt_keys *k, enum nilo_jwt_alg alg, const char *pem, size_t n, const struct nilo_jwt_rule *rule,
                             struct nilo_err *err);

/* ---- checking --------------------------------------------------------------------------------------------------------------------------------- */

/* EXPIRED: in every other respect good. */
enum nilo_jwt_result { NILO_JWT_OK, NILO_JWT_BAD, NILO_JWT_EXPIRED };

/* Text in the arena; NULL = the token does not say. */
struct nilo_jwt_claims {
    const char *role, *sub, *jti;
    bool workspaces_said; /* claim `workspaces` (a list) or `workspace` (one), at the top, else in app_metadata */
    const char *const *workspaces;
    size_t n_workspaces;
    bool admin;       /* by the key's admin_claim */
    int64_t exp, iat; /* seconds since 1970; iat 0 = none */
    const char *kid;  /* of the key that signed, as in the table; lives as long as that */
};

/** nilo_jwt_verify - is it a token of one of the keys, and valid now?
 *  arena   for the claims: never more than NILO_JWT_ARENA. Running out of it is BAD. Beside it the parser of JSON takes memory in
 *          proportion to the token, given back on return
 *  ret     filled when OK or EXPIRED, untouched when BAD
 *  cost    linear in len; over NILO_JWT_MAX nothing is looked at. A token that names no key costs what a false signature of HS256 costs */
enum nilo_jwt_result nilo_jwt_verify(const char *text, size_t len, const struct nilo_jwt_keys *keys, nilo_us now, struct nilo_arena *arena,
                                     struct nilo_jwt_claims *ret);

/* ---- issuing ---------------------------------------------------------------------------------------------------------------------------------- */

struct nilo_jwt_issue {
    const char *role;                           /* required */
    const char *sub, *jti, *iss, *aud;          /* NULL = left out */
    const char *const *workspaces;              /* NULL = left out; n 0 = none at all */
    size_t n_workspaces;
    int64_t iat, exp; /* seconds; exp > iat */
};

/** nilo_jwt_sign - an HS256 token, appended to out
 *  errors  NILO_EINVAL no role, a time that is none, a word too long or not UTF-8, more than NILO_JWT_MAX bytes; NILO_ECONFIG the secret is too short */
int nilo_jwt_sign(const void *secret, size_t n, const char *kid, const struct nilo_jwt_issue *issue, struct nilo_buf *out, struct nilo_err *err);

#endif
