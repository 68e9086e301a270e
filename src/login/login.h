/* Logging in at platforms: what this installation is there (its app), the tokens that connections log in with, and people signing in (OAuth 2).
 *
 * Tokens lie in the store, sealed (keys/); connection_login says until when they hold, which set of them it is (generation), and who is getting the
 * next one. However many want a token, one renews it: whoever gets the lease. What came of that is stored before it is used: the set that follows
 * from the newest one is taken, whoever brings it, and no other. So who dies between the platform's answer and the store loses what only the
 * platform can give again; who dies behind it loses nothing.
 *
 * A renewal is one HTTP request. A collector that has many under way sends it itself (nilo_token_ask, nilo_token_answered); who may wait takes
 * nilo_token_get(). No message, log or table holds a secret or a word of a platform's that could repeat one. */
#ifndef NILO_LOGIN_LOGIN_H
#define NILO_LOGIN_LOGIN_H

#include "config/config.h"
#include "connect/connector.h"
#include "keys/keys.h"
#include "store/store.h"

/* ---- the app --------------------------------------------------------------------------------------------------------------------- */

/* What the configuration says of a platform, references resolved. Secrets in secret memory. */
struct nilo_login_app {
    const struct nilo_connector *connector;
    char *client_id, *client_secret, *api_key; /* NULL = none */
    const char **settings;                     /* by the connector's numbers, for nilo_ask; texts are the configuration's */
    const char *redirect;                      /* the configuration's; NULL = none */
};
/** nilo_login_app_init - errors: NILO_ENAME there is no such platform; NILO_ECONFIG a setting it does not have; those of nilo_config_secret()
 *  owner  caller, nilo_login_app_done(); config must outlive it */
int nilo_login_app_init(struct nilo_login_app *a, const struct nilo_config *config, const char *platform, struct nilo_err *err);
void nilo_login_app_done(struct nilo_login_app *a);

/* ---- tokens ----------------------------------------------------------------------------------------------------------------------- */

struct nilo_login; /* of one thread: its store (for writing), the keys, the configuration */
/** nilo_login_new - http: for nilo_token_get() and signing in; NULL: the real one, made when it is needed. All must outlive it
 *  owner  caller, nilo_login_free() */
int nilo_login_new(struct nilo_store *s, const struct nilo_config *config, struct nilo_http *http, struct nilo_login **ret, struct nilo_err *err);
void nilo_login_free(struct nilo_login *l); /* NULL is fine */

#define NILO_TOKEN_FIRST (-1)
struct nilo_token {
    char *bearer;       /* secret memory; NULL: the connection has none, and asks with the app's key if there is one */
    nilo_us until;      /* NILO_US_NONE: not known */
    int64_t generation; /* what to say when the platform refuses it */
};
void nilo_token_done(struct nilo_token *t);

enum nilo_token_step {
    NILO_TOKEN_READY, /* token */
    NILO_TOKEN_SEND,  /* send `call`, then nilo_token_answered(): others wait for it */
    NILO_TOKEN_WAIT   /* somebody else is getting it, or the platform wants to be left alone: ask again at `at` */
};
struct nilo_renewal; /* one that is under way */
struct nilo_token_ask {
    enum nilo_token_step step;
    struct nilo_token token;
    const struct nilo_call *call; /* valid until the renewal is over */
    struct nilo_renewal *renewal;
    nilo_us at;
};

/** nilo_token_ask - what to log in with
 *  refused  NILO_TOKEN_FIRST, or the generation that the platform has just refused (401): a newer one is handed out, or one renewal is made. A token that
 *           comes from a renewal of the last minutes and is refused as well, or one that cannot be renewed, ends it: the connection is expired
 *  errors   NILO_EPERM it is expired or disabled (the sentence says why, and what to do); NILO_ENOENT the key of its secrets is not here; NILO_ECONFIG;
 *           and the store's. A connection that expires here is told with NILO_EPERM once more each time */
int nilo_token_ask(struct nilo_login *l, const struct nilo_connection *c, int64_t refused, struct nilo_token_ask *ret, struct nilo_err *err);
/** nilo_token_answered - what came of `call`: stored, then handed out. The renewal is over in every case
 *  errors   NILO_EPERM the platform does not renew it any more: the connection is expired; NILO_ESOURCE not now (it is asked again later);
 *           NILO_ECONFIG the platform does not know our app; and the store's: then a set may be lost */
int nilo_token_answered(struct nilo_login *l, struct nilo_renewal *r, const struct nilo_http_answer *answer, struct nilo_token *ret, struct nilo_err *err);
void nilo_token_give_up(struct nilo_login *l, struct nilo_renewal *r); /* it was not sent; others may at once. NULL is fine */

/** nilo_token_get - the same, and waits. errors: as both, NILO_EBUSY after a minute and a half */
int nilo_token_get(struct nilo_login *l, const struct nilo_connection *c, int64_t refused, struct nilo_token *ret, struct nilo_err *err);

/** nilo_token_of_app - of a platform where nobody signs in (connector->app_token): a new token of the app's own. Waits; nothing is stored
 *  errors  NILO_ECONFIG no client id or secret, or the platform does not know them; NILO_ESOURCE not now */
int nilo_token_of_app(struct nilo_login *l, const struct nilo_login_app *a, struct nilo_token *ret, struct nilo_err *err);

/** nilo_login_expire - the connection's platform lets nobody in any more: expired from now on. reason: a sentence without secrets. ret_new false: it was */
int nilo_login_expire(struct nilo_login *l, const struct nilo_connection *c, const char *reason, bool *ret_new, struct nilo_err *err);

/* ---- tokens that came from elsewhere -------------------------------------------------------------------------------------------------- */

struct nilo_login_set {
    const char *access_token;  /* the caller's secret memory; or NULL where there is a refresh token */
    const char *refresh_token; /* NULL = none */
    nilo_us access_until, refresh_until; /* NILO_US_NONE = not said */
    const char *account, *account_name, *scopes; /* NULL = not known: what was known stays */
};
/** nilo_login_store - sealed, in the place of what was there; the connection is connected. In one transaction
 *  errors  NILO_EINVAL no token in it; NILO_ENOENT there is no master key */
int nilo_login_store(struct nilo_login *l, const struct nilo_connection *c, const struct nilo_login_set *set, struct nilo_err *err);

/* What came of reading an app's own table. */
struct nilo_login_synced {
    int64_t rows, made, changed, disabled, refused; /* refused: rows that say too little, or name what is somebody else's */
    char note[300];                                 /* of the first that was refused; "" = none was */
};
/** nilo_login_from_sql - connections_from_sql of the configuration: read, and the connections made the same (origin sql): new ones made, new tokens stored
 *  sealed, those whose row is gone disabled (if every source could be read), those whose row is back connected. History stays in every case
 *  errors  those of the first source that could not be read (the others were); and the store's: then nothing was changed. No message holds a value */
int nilo_login_from_sql(struct nilo_login *l, struct nilo_login_synced *ret, struct nilo_err *err);

/* ---- the clock of tokens ------------------------------------------------------------------------------------------------------------------ */

enum nilo_login_state { NILO_LOGIN_FINE, NILO_LOGIN_SOON /* ends within NILO_LOGIN_WARN */, NILO_LOGIN_TROUBLE /* cannot be renewed just now */, NILO_LOGIN_OVER };
#define NILO_LOGIN_WARN (14 * NILO_US_DAY)
struct nilo_login_clock {
    struct nilo_login_row row;
    enum nilo_login_state state;
    nilo_us ends_at;  /* when a person has to sign in again; NILO_US_NONE: not before it is refused */
    int64_t days;     /* until then, whole ones; -1: not known */
};
/** nilo_login_clock - the logins of the store, by connection. owner: arena */
int nilo_login_clock(struct nilo_store *s, struct nilo_arena *arena, struct nilo_login_clock **ret, size_t *ret_n, struct nilo_err *err);

/* ---- signing in ----------------------------------------------------------------------------------------------------------------------------- */

/* One person's way through the platform's pages. */
struct nilo_sign_in;
/** nilo_sign_in_new - redirect: the address the platform sends the person back to. env: randomness
 *  errors  NILO_EINVAL nobody can sign in there; NILO_ECONFIG the app has no client id. owner: caller, nilo_sign_in_free() */
int nilo_sign_in_new(const struct nilo_login_app *app, const char *redirect, const struct nilo_env *env, struct nilo_sign_in **ret, struct nilo_err *err);
void nilo_sign_in_free(struct nilo_sign_in *i);
const char *nilo_sign_in_url(const struct nilo_sign_in *i); /* to be opened in a browser */
/** nilo_sign_in_back - the query of the address that the person came back to ("code=...&state=..."), or all of the address
 *  errors  NILO_EPERM the person said no, or the platform did; NILO_EINVAL another sign-in's, or none */
int nilo_sign_in_back(struct nilo_sign_in *i, const char *query, struct nilo_err *err);
/** nilo_sign_in_tokens - the code for tokens. Texts are the sign-in's. errors: NILO_EPERM, NILO_ESOURCE, NILO_ECONFIG */
int nilo_sign_in_tokens(struct nilo_sign_in *i, struct nilo_http *http, struct nilo_login_set *ret, struct nilo_err *err);
/** nilo_sign_in_accounts - what the person may choose from: channels, later pages and shops. owner: the sign-in */
int nilo_sign_in_accounts(struct nilo_sign_in *i, struct nilo_http *http, const struct nilo_account **ret, size_t *ret_n, struct nilo_err *err);

#endif
