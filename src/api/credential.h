/* Who is it? From the headers of a request to a principal: role, workspaces, user. Pure: headers in, a verdict out, no socket and no store.
 *
 * Credentials come in two headers, `Authorization: Bearer X` and `apikey: X`; each X is a key of the API (api_key.h) or a signed token (jwt.h). Supabase's
 * clients send both: the same key twice, or the app's key beside the token of the user who is signed in. So:
 *   one of the two                        counts
 *   both, the same                        counts once
 *   both, different                       both must be good; who it is says Authorization, and it reaches no workspace that the other does not
 *   twice the same header, another scheme than Bearer, a key or token in the address            refused
 * A key in a query is refused also beside a good header: it is in somebody's log by then, and the sooner that is noticed the better.
 *
 * Leaves to the routes what who may do (nilo_principal_may() compares ranks), to the caller of the book to be current: a key is refused from the moment on
 * in which the book says so. */
#ifndef NILO_API_CREDENTIAL_H
#define NILO_API_CREDENTIAL_H

#include "api/api_key.h"
#include "api/jwt.h"
#include "api/limit.h"
#include "api/server.h"

struct nilo_principal {
    enum nilo_role role;
    bool workspaces_said;          /* false: named none. service: all of them; others: the store's only one, if it has but one */
    const char *const *workspaces; /* names; a said list is not empty */
    size_t n_workspaces;
    const char *sub;               /* the user; NULL = none */
    const char *key_id;            /* the key's id, or the token's jti; NULL = none */
    bool undecided;                /* signed in, and perhaps an admin: a database has to be asked, which is done on the worker before the handler. What
                                    * is answered on a loop returns NILO_LATER then, or answers what every signed-in user gets */
    struct nilo_quota quota;       /* what is left of the user's queries; limit 0: none holds */
    int64_t expires;               /* seconds since 1970, without skew: answers that go on for long end then; 0 = never */
};

/* What is known of keys. Called on loops: answered from memory, without waiting, by any thread. Any may be NULL. */
struct nilo_credential_book {
    void *ctx;
    /* The key of that id, in the arena or longer; NULL = no such. NULL itself: there are no opaque keys */
    const struct nilo_api_key *(*find)(void *ctx, const char *id, struct nilo_arena *arena);
    /* Is what bears this id (a token's jti) revoked? sub may be NULL */
    bool (*revoked)(void *ctx, const char *jti, const char *sub);
    /* Is this workspace disabled? What names only such is refused. NULL: is every one? Then only the service is let in that names none */
    bool (*disabled)(void *ctx, const char *workspace);
};

struct nilo_credential_rules {
    const struct nilo_jwt_keys *tokens; /* NULL: none are taken */
    const struct nilo_keys *ring;       /* under whose keys opaque ones are hashed; NULL: none are taken */
    struct nilo_credential_book book;
    const char *const *admins;          /* subs of signed-in users who are admins; NULL-terminated; NULL = none */
    bool anonymous;                     /* who shows nothing is anon; else nobody */
};

/* Values as nilo_req_header() gives them. */
struct nilo_credential_shown {
    const char *authorization, *apikey; /* the first of that name; NULL = none */
    size_t authorization_n, apikey_n;
    int authorizations, apikeys;        /* how many there are */
    const char *query;                  /* as sent; NULL = none */
    size_t query_n;
};

#define NILO_CREDENTIAL_ROWS(X)                                                                                        \
    X(NILO_CREDENTIAL_OK, 200, "00000", "fine")                                                                        \
    X(NILO_CREDENTIAL_NONE, 401, "PGRST302", "credentials are needed: send an API key or a token")                    \
    X(NILO_CREDENTIAL_BAD, 401, "PGRST301", "the credentials are not valid")                                          \
    X(NILO_CREDENTIAL_EXPIRED, 401, "PGRST303", "JWT expired")
enum nilo_credential_result {
#define X(id, status, code, message) id,
    NILO_CREDENTIAL_ROWS(X)
#undef X
        NILO_CREDENTIAL_N
};
/* The whole answer to a refusal, with details and hint null; there is nothing else to say, whatever was wrong. Header: WWW-Authenticate: Bearer. */
int nilo_credential_status(enum nilo_credential_result r);
const char *nilo_credential_code(enum nilo_credential_result r);
const char *nilo_credential_message(enum nilo_credential_result r);

/** nilo_credential_check - ret is filled when OK (its text in the arena, or the rules'), else untouched
 *  arena   at most 2 * NILO_JWT_ARENA of it are used */
enum nilo_credential_result nilo_credential_check(const struct nilo_credential_shown *shown, const struct nilo_credential_rules *rules, nilo_us now,
                                                  struct nilo_arena *arena, struct nilo_principal *ret);

/** nilo_principal_may - 0, or the status of the refusal (42501): 401 for anon, 403 for others. NOT_SAID lets nobody in */
int nilo_principal_may(const struct nilo_principal *p, enum nilo_who who);

/** nilo_credential_in_query - is there a key or a token in the query? By its name, or by what it looks like */
bool nilo_credential_in_query(const char *query, size_t n);

#define NILO_CRON_SECRET_MIN 16
/** nilo_cron_secret_check - at the start; errors: NILO_ECONFIG shorter than NILO_CRON_SECRET_MIN */
int nilo_cron_secret_check(const char *secret, struct nilo_err *err);
/** nilo_cron_allows - is the secret in `Authorization: Bearer`, or, only where in_query, in `?secret=`? Two that differ: no. secret NULL: never */
bool nilo_cron_allows(const struct nilo_credential_shown *shown, const char *secret, bool in_query);

#endif
