/* Keys of the API: nilo_<kind>_<id>_<secret><checksum>, and the same rights as a signed token, for clients that insist on that form.
 *
 * The text is shown once, when it is made. What is kept is its id, which is no secret, and a hash under a key of the store's ring, so a copy of the
 * store opens nothing. The checksum at the end is for typing errors and for scanners of leaked secrets: a text whose checksum is wrong is refused
 * before anything is looked up. */
#ifndef NILO_API_API_KEY_H
#define NILO_API_API_KEY_H

#include "api/jwt.h"
#include "base/hash.h"
#include "keys/keys.h"
#include "store/store.h"

/* role, kind in a key, role in a token */
#define NILO_API_ROLE_ROWS(X)                                                                                          \
    X(NILO_ROLE_ANON, "anon", "anon")                                                                                  \
    X(NILO_ROLE_AUTHENTICATED, "user", "authenticated")                                                                \
    X(NILO_ROLE_ADMIN, "admin", "admin")                                                                               \
    X(NILO_ROLE_SERVICE, "service", "service_role")
const char *nilo_api_role_name(enum nilo_role role);                /* as in a token */
bool nilo_api_role_value(const char *name, enum nilo_role *ret);    /* false: no such role */

#define NILO_API_KEY_ID       12 /* letters and digits */
#define NILO_API_KEY_SECRET   43 /* letters and digits: 256 bits */
#define NILO_API_KEY_CHECKSUM 6
#define NILO_API_KEY_TEXT     96 /* with its NUL */
#define NILO_API_KEY_PREFIX   "nilo_"

/* What is kept of a key. */
struct nilo_api_key {
    char id[NILO_API_KEY_ID + 1];
    enum nilo_role role;
    char hashed_by[NILO_KEY_ID_TEXT];       /* the ring's token key under which it is hashed */
    unsigned char hash[NILO_MAC_LEN];
    nilo_us expires_at;                     /* NILO_US_NONE = never */
    bool revoked;
    bool workspaces_said;                   /* false: no workspace named (service: all of them) */
    const char *const *workspaces;
    size_t n_workspaces;
};

/** nilo_api_key_new - a new random one: text to show, and what to keep (never expiring, no workspaces: the caller's to fill)
 *  errors  NILO_ENOENT the ring has no token key */
int nilo_api_key_new(enum nilo_role role, const struct nilo_keys *ring, const struct nilo_env *env, char ret_text[NILO_API_KEY_TEXT],
                     struct nilo_api_key *ret, struct nilo_err *err);
/** nilo_api_key_read - is it the text of a key, and whose? By form and checksum alone. ret_id: NILO_API_KEY_ID + 1 bytes; both untouched when false */
bool nilo_api_key_read(const char *text, size_t n, enum nilo_role *ret_role, char *ret_id);
/** nilo_api_key_holds - is this the text of which `kept` was made? kept NULL, or its ring key gone: false after the same work */
bool nilo_api_key_holds(const char *text, size_t n, const struct nilo_api_key *kept, const struct nilo_keys *ring);

/** nilo_api_token - a token of our own, by the ring's current token key; appended to out. iss is ours whatever issue says
 *  errors  NILO_ENOENT the ring has no token key; those of nilo_jwt_sign() */
int nilo_api_token(const struct nilo_keys *ring, enum nilo_role role, struct nilo_jwt_issue issue, struct nilo_buf *out, struct nilo_err *err);
/** nilo_api_token_keys - adds the ring's token keys, old ones too, to those that tokens are checked with */
int nilo_api_token_keys(struct nilo_jwt_keys *keys, const struct nilo_keys *ring, struct nilo_err *err);

#endif
