/* The store: applies batches, closes days, keeps what is derived from them, and gives readers their sources.
 * Everything above asks through this header and knows no SQL of the big tables. The rows store (rows/) is plain SQL on SQLite and on
 * PostgreSQL. Rules of values are model/'s; which run, day and reading is record/'s business.
 *
 * Threads: one handle a thread. One process writes: the lock file (SQLite) or an advisory lock (PostgreSQL). */
#ifndef NILO_STORE_STORE_H
#define NILO_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/env.h"
#include "base/err.h"
#include "db/db.h"
#include "model/model.h"

struct nilo_store;

enum nilo_store_mode {
    NILO_STORE_READ,   /* sees a consistent state; never blocks the writer */
    NILO_STORE_WRITE,  /* takes the lock; must exist; schema is migrated */
    NILO_STORE_CREATE  /* as WRITE, made where absent */
};

/** nilo_store_open - target: path, sqlite:PATH or postgres:// URL
 *  WRITE marks runs that a dead process left running as interrupted.
 *  errors  NILO_EINVAL an empty text, or a URL of something else, NILO_ELOCKED held by another process (the message names its pid), NILO_ENOENT no store there (says: nilometer init), NILO_ENEWER,
 *          and those of nilo_db_open()
 *  owner   caller, nilo_store_close() */
int nilo_store_open(const char *target, enum nilo_store_mode mode, const struct nilo_env *env, struct nilo_store **ret,
                    struct nilo_err *err);
void nilo_store_close(struct nilo_store *s);
const struct nilo_env *nilo_store_env(const struct nilo_store *s);
struct nilo_db *nilo_store_db(struct nilo_store *s); /* for the query executor: runs the sources below */
const char *nilo_store_target(const struct nilo_store *s); /* fit for messages: no password */
const unsigned char *nilo_store_uuid(const struct nilo_store *s); /* 16 bytes, random, made with the store: namespace of row ids */
/** nilo_store_place - where the store lies, by what its database says of itself and however it was named: two copies of a store have the same id and different
 *  places. On SQLite that is its target. owner: caller, free() */
int nilo_store_place(struct nilo_store *s, char **ret, struct nilo_err *err);

/* ---- several handles of one process -------------------------------------------------------------------------------------------------------- */

/* A store that a process holds for as long as it runs, and handles of it for its threads. Those that write take turns (nilo_db_turns); no other process
 * writes meanwhile. */
struct nilo_store_share;

/** nilo_store_share_new - takes the lock, migrates, marks interrupted runs, as nilo_store_open() does with WRITE
 *  owner   caller, nilo_store_share_free() after all handles were closed */
int nilo_store_share_new(const char *target, const struct nilo_env *env, struct nilo_store_share **ret, struct nilo_err *err);
void nilo_store_share_free(struct nilo_store_share *h); /* NULL is fine */
const char *nilo_store_share_target(const struct nilo_store_share *h); /* as it was opened: with its password */
/** nilo_store_open_beside - a handle of the held store; CREATE is as WRITE. Any thread
 *  errors  as nilo_store_open(); NILO_ELOCKED the lock was lost with the connection to the server, and another process has it */
int nilo_store_open_beside(struct nilo_store_share *h, enum nilo_store_mode mode, struct nilo_store **ret, struct nilo_err *err);
/** nilo_store_share_writes - rises after everything that a handle may have written. Any thread, cheap */
uint64_t nilo_store_share_writes(const struct nilo_store_share *h);
/** nilo_store_share_interrupt - the statements that run on handles that write end with NILO_ECANCELLED */
void nilo_store_share_interrupt(struct nilo_store_share *h);
bool nilo_store_is_beside(const struct nilo_store *s);
/** nilo_store_refresh - before something new is begun on a handle that is kept: what it has cached and others changed since (metrics, zones, what
 *  was erased) is read anew. nilo_store_begin() does the same for writers. Pointers into the cache stay good until the handle is closed. Cheap */
void nilo_store_refresh(struct nilo_store *s);

int nilo_store_begin(struct nilo_store *s, struct nilo_err *err);
int nilo_store_commit(struct nilo_store *s, struct nilo_err *err);
void nilo_store_rollback(struct nilo_store *s); /* also forgets what was cached from the transaction */

/** nilo_store_version - differs from the text before whenever somebody else, in this process or another, has committed since; of this handle only. On
 *  PostgreSQL also when other databases of the server were written. Cheap */
#define NILO_STORE_VERSION 128
int nilo_store_version(struct nilo_store *s, char out[NILO_STORE_VERSION], struct nilo_err *err);
/** nilo_store_renew - what it remembers of metrics, calendars and of its own name (an import into an empty store brings another) is of before: for readers
 *  that live long, after somebody has written. Pointers into the first two are invalid then */
int nilo_store_renew(struct nilo_store *s, struct nilo_err *err);

/* ---- scope: who reads, mandatory for every scan and source --------------------------------------------------------------- */

enum nilo_role { NILO_ROLE_ANON, NILO_ROLE_AUTHENTICATED, NILO_ROLE_ADMIN, NILO_ROLE_SERVICE };

struct nilo_scope {
    enum nilo_role role;
    bool all;                  /* every workspace; only with NILO_ROLE_SERVICE */
    const int64_t *workspaces; /* else exactly these */
    size_t n;
};
#define NILO_SCOPE_ALL ((struct nilo_scope){.role = NILO_ROLE_SERVICE, .all = true})

/** nilo_store_wall - on PostgreSQL, from now on this handle, which reads, sees rows of the scope last given and no others, whatever is asked: it takes a role to
 *  which row-level security applies (migration row_security). Every function that takes a scope gives it. Nothing on SQLite
 *  ret_there  (may be NULL) false: there is no such wall, as this is SQLite, or as the role could not be made (nilo_store_wall_lacks() says why) */
int nilo_store_wall(struct nilo_store *s, bool *ret_there, struct nilo_err *err);
/** nilo_store_scope - whose rows are meant from now on, for what takes no scope; costs something only behind a wall, where they are not the ones before */
int nilo_store_scope(struct nilo_store *s, const struct nilo_scope *scope, struct nilo_err *err);
/** nilo_store_wall_lacks - why there is no wall, as a sentence; *ret NULL: it is there, or this is SQLite. owner: caller, free() */
int nilo_store_wall_lacks(struct nilo_store *s, char **ret, struct nilo_err *err);

/* ---- small things ------------------------------------------------------------------------------------------------------------ */

/* Meta values; NULL in *ret when absent (caller frees). */
int nilo_store_meta_get(struct nilo_store *s, const char *key, char **ret, struct nilo_err *err);
int nilo_store_meta_set(struct nilo_store *s, const char *key, const char *value, struct nilo_err *err); /* NULL deletes */

struct nilo_workspace {
    int64_t id;
    char name[256];
};
/** nilo_store_workspace - by name; made (UTC or zone) when create. errors: NILO_ENOENT (names the known ones), NILO_EINVAL a bad name */
int nilo_store_workspace(struct nilo_store *s, const char *name, bool create, const char *zone, struct nilo_workspace *ret,
                         struct nilo_err *err);
int nilo_store_workspaces(struct nilo_store *s, struct nilo_workspace **ret, size_t *ret_n, struct nilo_err *err); /* caller frees *ret */
/** nilo_store_calendar - the workspace's zone eras. owner: the store, valid until its zone changes or close */
int nilo_store_calendar(struct nilo_store *s, int64_t workspace, const struct nilo_calendar **ret, struct nilo_err *err);
/** nilo_store_zone_set - a new zone from the first day later than today in both zones; from the beginning while nothing was recorded */
int nilo_store_zone_set(struct nilo_store *s, int64_t workspace, const char *zone, nilo_day *ret_from, struct nilo_err *err);

struct nilo_connection {
    int64_t id, workspace;
    char workspace_name[256], name[256], platform[64], role[32], status[32], origin[16];
    nilo_day closed_until; /* NILO_DAY_NONE: nothing closed yet */
    nilo_day read_until;   /* last day read after its end; NILO_DAY_NONE */
    nilo_day dropped_until; /* the days up to it were dropped; NILO_DAY_NONE: none was */
    int64_t settle_s;      /* -1 = the platform's default */
    nilo_us paused_at;     /* NILO_US_NONE: it is not paused */
    char pause_reason[256]; /* "" = none was given */
};
/** nilo_connection_is_own - false: a competitor's, whose items count in nothing but its own sums */
static inline bool nilo_connection_is_own(const struct nilo_connection *c)
{
    return strcmp(c->role, "competitor") != 0;
}
/** nilo_store_connection - by workspace and name; made when create (platform and origin then apply) */
int nilo_store_connection(struct nilo_store *s, int64_t workspace, const char *name, bool create, const char *platform,
                          const char *origin, struct nilo_connection *ret, struct nilo_err *err);
int nilo_store_connections(struct nilo_store *s, struct nilo_connection **ret, size_t *ret_n, struct nilo_err *err); /* all; caller frees */
int nilo_store_connection_get(struct nilo_store *s, int64_t id, struct nilo_connection *ret, struct nilo_err *err);
int nilo_store_connection_status(struct nilo_store *s, int64_t id, const char *status, struct nilo_err *err);
int nilo_store_connection_origin(struct nilo_store *s, int64_t id, const char *origin, struct nilo_err *err);
int nilo_store_connection_settle(struct nilo_store *s, int64_t id, int64_t settle_s, struct nilo_err *err);
/** nilo_store_connection_role - own or competitor, from now on and for all days: what its items add to the sums of workspace and owners goes, or comes. In a transaction
 *  errors  NILO_EINVAL another word; days of it were dropped: what is left of these is in the sums for good; or it holds metrics of the app */
int nilo_store_connection_role(struct nilo_store *s, int64_t id, const char *role, struct nilo_err *err);
/** nilo_store_pause - from now on its source is not asked; one that is paused already gets the new reason (NULL: keeps its own). Pauses are kept:
 *  they explain gaps. reason: one line of at most 200 bytes, NULL = none. errors: NILO_EINVAL */
int nilo_store_pause(struct nilo_store *s, int64_t connection, const char *reason, bool *ret_new, struct nilo_err *err);
int nilo_store_resume(struct nilo_store *s, int64_t connection, bool *ret_was, struct nilo_err *err);
int nilo_store_read_until(struct nilo_store *s, int64_t connection, nilo_day day, struct nilo_err *err); /* only rises */
int nilo_store_read_until_back(struct nilo_store *s, int64_t connection, nilo_day day, struct nilo_err *err); /* only falls: it was wrong */

/* A data key of a connection, wrapped by a master key; what seals and opens is keys/. */
struct nilo_data_key_row {
    int64_t workspace, connection, seq; /* the greatest seq of a connection is the one that seals */
    const char *id, *master_id;
    const unsigned char *nonce, *wrapped;
    size_t nonce_len, wrapped_len;
    int64_t rotation; /* of data keys: which one made it */
};
int nilo_store_data_key_set(struct nilo_store *s, const struct nilo_data_key_row *row, struct nilo_err *err); /* or wraps the one of that seq anew */
/** nilo_store_data_keys - those of a connection, or all (0), by workspace and connection, the newest first. owner: arena */
int nilo_store_data_keys(struct nilo_store *s, int64_t connection, struct nilo_arena *arena, struct nilo_data_key_row **ret, size_t *ret_n,
                         struct nilo_err *err);
int nilo_store_data_keys_prune(struct nilo_store *s, int64_t connection, struct nilo_err *err); /* what seals nothing any more is deleted */

/* A sealed secret of a connection. */
struct nilo_secret_row {
    int64_t workspace, connection;
    const char *kind;
    const char *key_id;    /* of the data key; of the master key where there is none */
    const char *master_id; /* whose secret it is in the end: the master key that wraps the data key. Ignored by set */
    const unsigned char *nonce, *ciphertext;
    size_t nonce_len, ciphertext_len;
    bool unreadable; /* the connection was marked expired because the key was missing */
    struct nilo_data_key_row data_key; /* id NULL: there is none. Ignored by set */
};
int nilo_store_secret_set(struct nilo_store *s, const struct nilo_secret_row *row, struct nilo_err *err); /* replaces that of its kind; readable */
int nilo_store_secret_delete(struct nilo_store *s, int64_t connection, const char *kind, bool *ret_was, struct nilo_err *err); /* and an unused data key */
int nilo_store_secret_mark(struct nilo_store *s, int64_t connection, const char *kind, bool unreadable, struct nilo_err *err);
/** nilo_store_secrets - those of a connection, or all (0), by workspace, connection, kind. owner: arena */
int nilo_store_secrets(struct nilo_store *s, int64_t connection, struct nilo_arena *arena, struct nilo_secret_row **ret, size_t *ret_n,
                       struct nilo_err *err);

/* What a connection logs in with, beside its sealed secrets; login/ knows what it means. */
struct nilo_login_row {
    int64_t connection;
    int64_t generation;                            /* rises with every set of tokens */
    const char *account, *account_name, *scopes;   /* NULL = not known */
    nilo_us connected_at;                          /* by a person */
    nilo_us renewed_at;                            /* NILO_US_NONE: not since */
    nilo_us access_until, refresh_until;           /* NILO_US_NONE: not said */
    bool renewable;                                /* there is a refresh token */
    int64_t fence;
    nilo_us lease_until, asked_at;                 /* NILO_US_NONE: nobody is renewing it; asked_at: that was sent */
    int64_t failures;                              /* renewals that failed one after the other */
    nilo_us retry_at, problem_at;                  /* NILO_US_NONE */
    const char *problem;                           /* NULL = none */
};
/** nilo_store_login - ret_there false: it has none, *ret is not touched. owner of texts: arena */
int nilo_store_login(struct nilo_store *s, int64_t connection, struct nilo_arena *arena, bool *ret_there, struct nilo_login_row *ret, struct nilo_err *err);
/** nilo_store_logins - all, by connection. owner: arena */
int nilo_store_logins(struct nilo_store *s, struct nilo_arena *arena, struct nilo_login_row **ret, size_t *ret_n, struct nilo_err *err);
/** nilo_store_login_put - a new login, in the place of the one before; generation and fence rise, leases and problems are gone. ret: the generation */
int nilo_store_login_put(struct nilo_store *s, const struct nilo_login_row *row, int64_t *ret, struct nilo_err *err);
/** nilo_store_login_delete - ret_was false: there was none */
int nilo_store_login_delete(struct nilo_store *s, int64_t connection, bool *ret_was, struct nilo_err *err);
/** nilo_store_login_lease - the right to get the next set of tokens, until then
 *  ret_fence  0: somebody else has it, or the set is another one by now */
int nilo_store_login_lease(struct nilo_store *s, int64_t connection, int64_t generation, nilo_us now, nilo_us until, int64_t *ret_fence, struct nilo_err *err);
/** nilo_store_login_renewed - the next set, that came from set `from`: its times, whether it is renewable; ends the lease
 *  ret_taken  false: meanwhile another one was stored, nothing was written. Whose lease it is does not matter: who comes from the newest set has the next */
int nilo_store_login_renewed(struct nilo_store *s, int64_t from, const struct nilo_login_row *row, bool *ret_taken, struct nilo_err *err);
/** nilo_store_login_failed - the renewal under that fence did not bring one; ends the lease. Nothing where it is somebody else's by now */
int nilo_store_login_failed(struct nilo_store *s, int64_t connection, int64_t fence, const char *problem, nilo_us retry_at, struct nilo_err *err);

/* A change of a connection's status. */
struct nilo_status_row {
    nilo_us at;
    const char *status, *was, *reason; /* reason: NULL = none was said */
};
/** nilo_store_connection_turn - its status from now on, and why (NULL = says nothing); the same as before changes nothing. ret_new may be NULL */
int nilo_store_connection_turn(struct nilo_store *s, int64_t connection, const char *status, const char *reason, bool *ret_new, struct nilo_err *err);
/** nilo_store_connection_turns - the newest `most` of them, newest first. owner: arena */
int nilo_store_connection_turns(struct nilo_store *s, int64_t connection, size_t most, struct nilo_arena *arena, struct nilo_status_row **ret,
                                size_t *ret_n, struct nilo_err *err);

/* ---- who may ask over HTTP: checked by api/, on what is read here ------------------------------------------------------------- */

struct nilo_access_key {
    const char *id, *name; /* name: what it is for, NULL = not said */
    enum nilo_role role;
    const char *hashed_by; /* id of the ring's token key under which it is hashed */
    unsigned char hash[32];
    nilo_us made_at, expires_at, revoked_at; /* NILO_US_NONE: never, not */
    bool workspaces_said;  /* false: named none when it was made */
    const char *const *workspaces;
    size_t n_workspaces;
};
enum nilo_revoked_kind { NILO_REVOKED_TOKEN /* by its jti */, NILO_REVOKED_USER /* all tokens of a sub */ };
struct nilo_access_revoked {
    enum nilo_revoked_kind kind;
    const char *id;
    nilo_us revoked_at, until; /* until: no token of that id is valid after it; NILO_US_NONE = for good */
};
struct nilo_access {
    int64_t changes; /* as nilo_store_access_changes() */
    const struct nilo_access_key *keys; /* by id */
    const struct nilo_access_revoked *revoked; /* by kind and id */
    const char *const *closed; /* names of workspaces that are closed, ascending */
    size_t n_keys, n_revoked, n_closed;
    bool all_closed; /* there are workspaces, and every one is */
};
/** nilo_store_access - all of it, one state. owner: arena */
int nilo_store_access(struct nilo_store *s, struct nilo_arena *arena, struct nilo_access *ret, struct nilo_err *err);
/** nilo_store_access_changes - a number that rises with every change of it: one small read */
int nilo_store_access_changes(struct nilo_store *s, int64_t *ret, struct nilo_err *err);

/* In a transaction of the caller. */
/** nilo_store_key_add - errors: NILO_EINVAL the name, NILO_ENOENT no such workspace. made_at and revoked_at are not looked at */
int nilo_store_key_add(struct nilo_store *s, const struct nilo_access_key *k, struct nilo_err *err);
/** nilo_store_key_revoke - for good. ret_new false: it was already. errors: NILO_ENOENT no such key */
int nilo_store_key_revoke(struct nilo_store *s, const char *id, bool *ret_new, struct nilo_err *err);
int nilo_store_revoke(struct nilo_store *s, enum nilo_revoked_kind kind, const char *id, nilo_us until, struct nilo_err *err); /* NILO_EINVAL the id */
int nilo_store_unrevoke(struct nilo_store *s, enum nilo_revoked_kind kind, const char *id, bool *ret_was, struct nilo_err *err);
/** nilo_store_access_close - a closed workspace lets in nobody whose credentials name only such; ret_new false: it was so already */
int nilo_store_access_close(struct nilo_store *s, int64_t workspace, bool close, bool *ret_new, struct nilo_err *err);
int nilo_store_access_closed(struct nilo_store *s, int64_t workspace, bool *ret, struct nilo_err *err); /* is it so? */

const struct nilo_catalog *nilo_store_catalog(struct nilo_store *s); /* valid until the next define, change of active or rollback */
/** nilo_store_metric_define - returns the metric as stored; the same definition again is fine
 *  errors  NILO_EINVAL bad name, NILO_EEXIST the name is defined otherwise (type, unit, kind and scale are fixed once stored) */
int nilo_store_metric_define(struct nilo_store *s, const struct nilo_metric *m, const struct nilo_metric **ret, struct nilo_err *err);
/** nilo_store_metric_used - the workspace knows that metric from now on: of several workspaces, each reads the definitions of the built-in metrics and
 *  of those that it used. Every value written says so by itself */
int nilo_store_metric_used(struct nilo_store *s, int64_t workspace, const struct nilo_metric *m, struct nilo_err *err);
/** nilo_store_metric_active - false: no longer collected, its history stays. The catalogue is read anew, as by a define */
int nilo_store_metric_active(struct nilo_store *s, int32_t metric, bool active, struct nilo_err *err);

/** nilo_store_metric_currency - the currency of a metric's amounts, where none is set yet: a metric has one, and that of its first amount stays. The catalogue is
 *  read anew, as by a define */
int nilo_store_metric_currency(struct nilo_store *s, int32_t metric, const char *currency, struct nilo_err *err);
/** nilo_store_metric_describe - its words and whether it is active, from m; type, kind, scale and the like stay */
int nilo_store_metric_describe(struct nilo_store *s, int32_t metric, const struct nilo_metric *m, struct nilo_err *err);

/* ---- entities, owners, credits -------------------------------------------------------------------------------------------------- */

struct nilo_entity_ref {
    int32_t bucket;
    int64_t id;
};
/* Attributes of content; NULL / NILO_US_NONE = says nothing, what is stored stays. The newest reading wins. */
struct nilo_attrs {
    const char *title, *url, *media_type, *caption, *thumbnail, *tags /* JSON object */, *status;
    nilo_us posted_at, deleted_at, at; /* at: captured_at of the reading that said so */
    int64_t duration_ms;               /* -1 = not said */
};
struct nilo_entity_in {
    enum nilo_entity_kind kind;
    const char *external_id;
    const struct nilo_attrs *attrs; /* NULL = none */
};
/** nilo_store_entities - find or make n entities of a connection; attributes are merged for content. In a transaction. */
int nilo_store_entities(struct nilo_store *s, const struct nilo_connection *c, const struct nilo_entity_in *in, size_t n,
                        struct nilo_entity_ref *ret, struct nilo_err *err);

int nilo_store_owner(struct nilo_store *s, int64_t workspace, const char *key, bool create, int64_t *ret_id, struct nilo_err *err);

int nilo_store_owner_name(struct nilo_store *s, int64_t owner, const char *display_name, struct nilo_err *err); /* NULL = none */
/** nilo_store_owner_delete - errors: NILO_EREFERENCE there are credits, of today or of earlier */
int nilo_store_owner_delete(struct nilo_store *s, int64_t owner, struct nilo_err *err);

struct nilo_credit_in {
    struct nilo_entity_ref entity;
    int64_t workspace, owner;
    const char *role;              /* NULL = "owner" */
    nilo_day from_day, to_day;     /* NILO_DAY_NONE = open */
};
/** nilo_store_credit_add - the same credit again changes nothing; owner totals of the touched days follow. In a transaction. */
int nilo_store_credit_add(struct nilo_store *s, const struct nilo_credit_in *in, size_t n, struct nilo_err *err);
/** nilo_store_credit_end - ends every current credit of (owner, entity[, role]); history of it stays for as_of */
int nilo_store_credit_end(struct nilo_store *s, struct nilo_entity_ref e, int64_t owner, const char *role, size_t *ret_n,
                          struct nilo_err *err);

/* Days on which an item is credited to an owner. */
struct nilo_credit_days {
    struct nilo_entity_ref entity;
    int32_t from, to; /* INT32_MIN, INT32_MAX = open */
};
/** nilo_store_credit_days - of all items of an owner, ascending (bucket, entity, from); roles are put together, so that those of an item neither
 *  overlap nor touch. as_of: as was known then, NILO_US_NONE = now. In the arena */
int nilo_store_credit_days(struct nilo_store *s, int64_t owner, nilo_us as_of, struct nilo_arena *arena, struct nilo_credit_days **ret, size_t *ret_n,
                           struct nilo_err *err);
/** nilo_store_credited - does a current credit of (owner, entity[, role]) hold? */
int nilo_store_credited(struct nilo_store *s, struct nilo_entity_ref e, int64_t owner, const char *role, bool *ret, struct nilo_err *err);
/** nilo_store_credit_end_one - ends that credit (its number) where it holds; its history stays for as_of. errors: none where it is over */
int nilo_store_credit_end_one(struct nilo_store *s, struct nilo_entity_ref e, int64_t owner, int64_t credit, struct nilo_err *err);
/* Columns of an app's tables that are its own: a JSON object, NULL = none. Of a credit: of those of (owner, entity) that hold. Texts in the arena */
int nilo_store_owner_extra(struct nilo_store *s, int64_t owner, struct nilo_arena *arena, const char **ret, struct nilo_err *err);
int nilo_store_owner_extra_set(struct nilo_store *s, int64_t owner, const char *json, struct nilo_err *err);
int nilo_store_credit_extra(struct nilo_store *s, struct nilo_entity_ref e, int64_t owner, struct nilo_arena *arena, const char **ret, struct nilo_err *err);
int nilo_store_credit_extra_set(struct nilo_store *s, struct nilo_entity_ref e, int64_t owner, const char *json, struct nilo_err *err);

/** nilo_store_item - an item of the connection that is there; ret->id 0 = none */
int nilo_store_item(struct nilo_store *s, const struct nilo_connection *c, const char *external_id, struct nilo_entity_ref *ret, struct nilo_err *err);
/* Which attributes are set: bits in the order of content's columns. */
enum nilo_attr { NILO_ATTR_TITLE, NILO_ATTR_URL, NILO_ATTR_MEDIA, NILO_ATTR_CAPTION, NILO_ATTR_THUMBNAIL, NILO_ATTR_TAGS, NILO_ATTR_STATUS,
                 NILO_ATTR_POSTED, NILO_ATTR_DELETED, NILO_ATTR_DURATION, NILO_ATTRS };
/** nilo_store_content_set - of an item that is there the attributes of `which` (1 << enum nilo_attr), empty ones too; they count as said at a->at */
int nilo_store_content_set(struct nilo_store *s, struct nilo_entity_ref e, const struct nilo_attrs *a, unsigned which, struct nilo_err *err);
/** nilo_store_hide - an app's row of that item, window and day is out of its live lists since `at`; NILO_US_NONE: in them again */
int nilo_store_hide(struct nilo_store *s, struct nilo_entity_ref e, int32_t win, nilo_day day, nilo_us at, struct nilo_err *err);
/** nilo_store_posted_run - the run of its own that an app names with the row of a day and window; NULL: it names none. number: it is a JSON number */
int nilo_store_posted_run(struct nilo_store *s, struct nilo_entity_ref e, int32_t win, nilo_day day, const char *run, bool number, struct nilo_err *err);

struct nilo_annotation {
    int64_t workspace;
    const char *id, *text, *author; /* author NULL = not said */
    nilo_day from, to;              /* both included */
    struct nilo_entity_ref entity;  /* id 0 = of the workspace as a whole */
};
int nilo_store_annotation(struct nilo_store *s, int64_t workspace, const char *id, bool *ret_there, struct nilo_err *err);
/** nilo_store_annotation_put - writes or replaces the note of that id */
int nilo_store_annotation_put(struct nilo_store *s, const struct nilo_annotation *a, struct nilo_err *err);
int nilo_store_annotation_remove(struct nilo_store *s, int64_t workspace, const char *id, struct nilo_err *err);

/** nilo_store_content_connection - the connection of the workspace that has an item of that id; 0 = none */
int nilo_store_content_connection(struct nilo_store *s, int64_t workspace, const char *external_id, int64_t *ret, struct nilo_err *err);

/* ---- runs -------------------------------------------------------------------------------------------------------------------------- */

struct nilo_run {
    int64_t id, workspace, connection;
    enum nilo_run_kind kind;
    enum nilo_run_status status;
    enum nilo_provenance provenance;
    bool revise;
    const char *slot;    /* unique slot of scheduled runs, NULL = none */
    nilo_day target_day; /* the named day of a collection; NILO_DAY_NONE */
    nilo_us started_at, ended_at;
    int64_t duration_ms;
    nilo_day first_day, last_day; /* days touched */
    int64_t items, readings, failed;
    int64_t merged_readings; /* of this process's run only; the log keeps outcomes[NILO_MERGED] */
    int64_t bests; /* likewise: all-time bests that an export told and that were new */
    int64_t outcomes[NILO_OUTCOME_COUNT];
    int64_t compared, fell, jumped, vanished; /* the guard's figures */
    int metrics_collected, days_closed;
    const char *error, *details; /* details: JSON */
};
int nilo_store_run_begin(struct nilo_store *s, struct nilo_run *run, struct nilo_err *err); /* sets id; status running */
int nilo_store_run_update(struct nilo_store *s, const struct nilo_run *run, struct nilo_err *err);
/** nilo_store_run_get - texts live in arena. errors: NILO_ENOENT */
int nilo_store_run_get(struct nilo_store *s, int64_t id, struct nilo_arena *arena, struct nilo_run *ret, struct nilo_err *err);
int nilo_store_run_fail(struct nilo_store *s, int64_t run, int n, const char *external_id, const char *class, const char *message,
                        struct nilo_err *err);
/* An all-time best as an export of values tells it: the reading that it was, with the GMV beside it where the metric goes by that. */
struct nilo_best_in {
    enum nilo_entity_kind kind;
    const char *external_id;
    int32_t metric, win;
    nilo_day day;
    nilo_us captured_at;
    int64_t value, gmv; /* scaled by their metrics' scales */
    bool has_gmv;
};
/** nilo_store_bests - bests that came from elsewhere, behind the values of their items, as the run's. What the record holds itself changes nothing, nor
 *  does what a person corrected, or an item that is not there; no best falls. In a transaction.
 *  ret_taken  how many were new: they count from now on, until a correction of their cell or the end of their run's counting */
int nilo_store_bests(struct nilo_store *s, const struct nilo_connection *c, int64_t run, const struct nilo_best_in *in, size_t n, int64_t *ret_taken,
                     struct nilo_err *err);
/** nilo_store_run_previous - newest run of the connection before `before` that collected and counts; id 0 = none */
int nilo_store_run_previous(struct nilo_store *s, int64_t connection, int64_t before, struct nilo_arena *arena, struct nilo_run *ret,
                            struct nilo_err *err);
/** nilo_store_run_vanished - items that the earlier run read and the later one did not */
int nilo_store_run_vanished(struct nilo_store *s, int64_t connection, int64_t earlier, int64_t later, int64_t *ret, struct nilo_err *err);
/** nilo_store_run_count - take the run's values out (quarantined, rejected) or put them back (completed...): open days, latest, best
 *  and totals of what it touched are derived again, and an item that is gone by its word alone is not, or is again. In a transaction. */
int nilo_store_run_count(struct nilo_store *s, int64_t run, enum nilo_run_status status, struct nilo_err *err);
/** nilo_store_open_runs - the earliest day touched by a running (other than `except`) or quarantined run of the connection; NILO_DAY_MAX
 *  when there is none. A running one without days counts as NILO_DAY_MIN. */
int nilo_store_open_runs(struct nilo_store *s, int64_t connection, int64_t except, nilo_day *ret, struct nilo_err *err);
/** nilo_store_newest_recorded - the greatest start or end among runs with an id above `after`, NILO_US_NONE when there is none; and the
 *  greatest id of all runs */
int nilo_store_newest_recorded(struct nilo_store *s, int64_t after, nilo_us *ret, int64_t *ret_run, struct nilo_err *err);
/** nilo_store_runs_ahead - the runs, ascending, that started after `at` and whose readings are dated by that clock: collections and backfills, and others
 *  with a day after `day`; rejected ones are not among them. owner: caller, free() */
int nilo_store_runs_ahead(struct nilo_store *s, nilo_us at, nilo_day day, int64_t **ret, size_t *ret_n, struct nilo_err *err);
/** nilo_store_last_day_read - the newest day that a completed or partial run of the connection with an id below `before` touched;
 *  NILO_DAY_NONE when there is none */
int nilo_store_last_day_read(struct nilo_store *s, int64_t connection, int64_t before, nilo_day *ret, struct nilo_err *err);
/** nilo_store_slot_done - has a run of that slot completed on the connection? 0 = no, else its id */
int nilo_store_slot_done(struct nilo_store *s, int64_t connection, const char *slot, int64_t *ret, struct nilo_err *err);

/* ---- what is new ------------------------------------------------------------------------------------------------------------------- */

/* A run that has ended; one that was quarantined has, too. Texts until the sink returns. */
struct nilo_news_run {
    int64_t id;
    enum nilo_run_kind kind;
    enum nilo_run_status status;
    const char *workspace, *connection;
    nilo_us ended_at; /* NILO_US_NONE: not known (interrupted) */
    nilo_day first_day, last_day; /* days touched */
    int64_t failed;
};
/* Days of one connection that one act has closed, one after another, all in that state */
struct nilo_news_days {
    const char *workspace, *connection;
    nilo_day from, to;
    int days;
    const char *state; /* complete, partial, empty */
    int64_t run;       /* 0 = none */
    nilo_us closed_at;
};
/* Items of one connection of which the same became at once (content_events). Texts until the sink returns. */
#define NILO_NEWS_ITEMS 20
struct nilo_news_items {
    const char *workspace, *connection;
    enum nilo_presence event;
    nilo_us at; /* of the last one */
    nilo_day day;
    int64_t n;
    size_t n_ids; /* the first NILO_NEWS_ITEMS of them */
    const char *ids[NILO_NEWS_ITEMS];
};
struct nilo_news_sink {
    int (*run)(void *ctx, const struct nilo_news_run *r, struct nilo_err *err);
    int (*days)(void *ctx, const struct nilo_news_days *d, struct nilo_err *err);
    int (*items)(void *ctx, const struct nilo_news_items *d, struct nilo_err *err);
    void *ctx;
};
/* Up to where was looked. owner: caller */
struct nilo_news;
int nilo_store_news_new(struct nilo_news **ret, struct nilo_err *err);
void nilo_store_news_free(struct nilo_news *n); /* NULL is fine */
/** nilo_store_news_look - what has become new since the last look, by whatever process; the first one tells nothing. Nothing twice, nothing left out.
 *  Outside of a transaction. One small read while nothing was written
 *  errors  those of the store and the sink: the next look tells all of it again, so whoever takes it keeps it aside until this has returned 0 */
int nilo_store_news_look(struct nilo_store *s, struct nilo_news *n, const struct nilo_news_sink *sink, struct nilo_err *err);
void nilo_store_news_reopened(struct nilo_news *n); /* the next look is with another handle of the same store */

/* ---- the record ---------------------------------------------------------------------------------------------------------------------- */

/* One value of one reading, its day already decided. */
struct nilo_point {
    struct nilo_entity_ref entity;
    int32_t win;           /* 0 lifetime, else days of a rolling window */
    nilo_day day;
    nilo_day source_day;   /* NILO_DAY_NONE when the source named none */
    int32_t metric;
    nilo_us captured_at;
    int64_t value;
    enum nilo_absence absence;
    enum nilo_provenance provenance;
    const char *meta;      /* JSON or NULL */
    int64_t tag;           /* record's own business */
    enum nilo_outcome outcome; /* out */
    bool had_before;       /* out: the newest known value of an earlier reading existed ... */
    int64_t before;        /* out: ... and was this */
};
struct nilo_batch {
    const struct nilo_connection *connection;
    const struct nilo_run *run;
    struct nilo_policy policy;
    nilo_us recorded_at;
    const char *author;        /* NULL but for people's own revisions */
    struct nilo_point *points; /* ascending (bucket, entity, win, day, metric, captured_at) */
    size_t n;
};
/** nilo_store_apply - observations, day values or amendments, and all that is derived, in the caller's transaction */
int nilo_store_apply(struct nilo_store *s, struct nilo_batch *batch, struct nilo_err *err);

/* One cell, and what is shown of it: its newest amendment, else its base. */
struct nilo_cell_key {
    struct nilo_entity_ref entity;
    int32_t win;
    nilo_day day;
    int32_t metric;
};
struct nilo_shown {
    bool there;     /* false: the rest says nothing */
    int64_t seq;    /* > 0: amended */
    struct nilo_cell cell;
    const char *meta; /* in the arena; NULL = none */
};
/** nilo_store_shown - of n cells, each in its place of ret */
int nilo_store_shown(struct nilo_store *s, const struct nilo_cell_key *keys, size_t n, struct nilo_arena *arena, struct nilo_shown *ret,
                     struct nilo_err *err);
/* Is anything recorded of it for that day? */
int nilo_store_has_day(struct nilo_store *s, struct nilo_entity_ref e, int32_t win, nilo_day day, bool *ret, struct nilo_err *err);
/* ... at that instant of that day? */
int nilo_store_has_reading(struct nilo_store *s, struct nilo_entity_ref e, int32_t win, nilo_day day, nilo_us captured_at, bool *ret,
                           struct nilo_err *err);
/** nilo_store_app_connection - the connection of the workspace that has values of this metric of the app; 0 = none */
int nilo_store_app_connection(struct nilo_store *s, int64_t workspace, int32_t metric, int64_t *ret, struct nilo_err *err);

/* A day of an SQL connection on which a metric stands as a collection saw it before the day was over, at `captured_at` or later. */
struct nilo_within {
    nilo_day day;
    nilo_us captured_at; /* of such values the earliest */
    bool active;         /* one of them at least is of a metric that is collected still */
};
/** nilo_store_within - values of the connection's own metrics on open days up to `until` whose newest reading is of a collection, by day, ascending, with
 *  the earliest instant; whether that is before the day's end the caller's calendar says. ret: on the arena */
int nilo_store_within(struct nilo_store *s, const struct nilo_connection *c, nilo_day until, struct nilo_arena *arena, struct nilo_within **ret, size_t *ret_n,
                      struct nilo_err *err);
/** nilo_store_close_days - closed_until rises to `until`, with one day_close row a day, beginning at the first day that holds anything (nothing
 *  happens while there is none). A day is partial when a value of it is missing for a passing reason, or when `complete` says that
 *  the source was not read after the day's end (NULL = all complete). In a transaction. */
typedef bool nilo_day_complete_fn(void *ctx, nilo_day day);
int nilo_store_close_days(struct nilo_store *s, const struct nilo_connection *c, nilo_day until, int64_t run, nilo_us now,
                          nilo_day_complete_fn *complete, void *ctx, int *ret_days, struct nilo_err *err);

int nilo_store_last_close(struct nilo_store *s, nilo_us *ret, struct nilo_err *err); /* when a day closed last; NILO_US_NONE = never */

/** nilo_store_loaded - so many values came just now, outside of any transaction: where they are many, beside what was there, the server's planner is told
 *  (ANALYZE), which without it would not know until autovacuum comes by. Nothing depends on it: errors are for who wants to tell them. */
int nilo_store_loaded(struct nilo_store *s, int64_t values, struct nilo_err *err);

/* What long work is at: `step` in a word or two, and how much of it is done; of 0 = that cannot be told before it is over. */
typedef void nilo_step_fn(void *ctx, const char *step, int64_t done, int64_t of);

/** nilo_store_rebuild - every derived table anew from the record; progress may be NULL. Own transaction. */
typedef void nilo_progress_fn(void *ctx, int64_t done, int64_t of);
int nilo_store_rebuild(struct nilo_store *s, nilo_progress_fn *progress, void *ctx, struct nilo_err *err);
/** nilo_store_digest - SHA-256 hex over all derived rows in key order: what rebuild must reproduce. out: 65 bytes */
int nilo_store_digest(struct nilo_store *s, char out[65], struct nilo_err *err);

/* ---- thinning ------------------------------------------------------------------------------------------------------------------------ */

/** nilo_store_thin - of the closed days of a connection up to `until` only the readings stay that a day's value came from, the greatest one of
 *  each day (so that no later act can change an all-time best otherwise), those that were pushed or revised, and those of metrics whose best
 *  goes by GMV. Nothing shown changes: days, latest, best, totals. Recorded acts, a month of days each in its own transaction.
 *  all         from the first day on; else from where the last one ended
 *  ret_removed readings that went, or with dry_run would go */
struct nilo_thin {
    int64_t connection;
    nilo_day until;
    bool all, dry_run;
    const char *author;
};
int nilo_store_thin(struct nilo_store *s, const struct nilo_thin *how, int64_t *ret_removed, struct nilo_err *err);

/* ---- dropping ------------------------------------------------------------------------------------------------------------------------ */

/** nilo_store_drop - the closed days of a connection up to `until` go: relations have them no more, their reason is NILO_DROPPED, and they take
 *  no value any more. Nothing derived changes, now or after a later correction: known, latest, best and totals stay what they were.
 *  Recorded acts, at most a month of days each in its own transaction, from where the last one ended.
 *  errors  NILO_ENOENT no such connection */
struct nilo_drop {
    int64_t connection;
    nilo_day until;
    bool dry_run;
    const char *author;
};
struct nilo_dropped {
    int64_t days, values; /* days of the calendar; values of these days that went, or with dry_run would go */
};
int nilo_store_drop(struct nilo_store *s, const struct nilo_drop *how, struct nilo_dropped *ret, struct nilo_err *err);

/* ---- erasing ------------------------------------------------------------------------------------------------------------------------- */

/* What tells who it is goes, what was counted stays: names, ids, titles, captions, addresses, covers, tags, metadata and the messages that
 * name them; not a bit of days, latest, best and totals. A keyed hash of each id stays, so that nothing brings it back. */
enum nilo_erase_kind { NILO_ERASE_ITEM, NILO_ERASE_OWNER, NILO_ERASE_CONNECTION };
struct nilo_erase {
    int64_t workspace;
    enum nilo_erase_kind kind;
    const char *name;   /* external id, owner's key, connection's name */
    const char *author; /* who asked; kept with the act */
    bool dry_run;
};
struct nilo_erasure {
    int64_t items, owners, messages; /* erased: items, owners' names, messages that named them */
    int64_t values;                  /* of the app's own metrics, whose metadata named them */
    int64_t shared;                  /* of an owner: items credited to others as well, which stay */
    nilo_us before;                  /* it was erased then, nothing is left to do; NILO_US_NONE */
};
/** nilo_store_erase - in one transaction of its own, a recorded act. The same again changes nothing
 *  errors  NILO_ENAME nothing of that name is there, nor was it ever erased */
int nilo_store_erase(struct nilo_store *s, const struct nilo_erase *what, struct nilo_erasure *ret, struct nilo_err *err);
/** nilo_store_sweep - SQLite: the file is written anew, so that nothing erased is left in its free space or in its log
 *  ret_done  false: PostgreSQL, whose own VACUUM FULL does that, or a reader still holds on to the old log: do it again later */
int nilo_store_sweep(struct nilo_store *s, bool *ret_done, struct nilo_err *err);
/** nilo_store_was_erased - may nothing of this be recorded? kind: of the entity, for items; platform: "" for owners and connections */
int nilo_store_was_erased(struct nilo_store *s, int64_t workspace, enum nilo_erase_kind what, int kind, const char *platform,
                          const char *name, bool *ret, struct nilo_err *err);

/* ---- checks ----------------------------------------------------------------------------------------------------------------------------- */

enum nilo_check_level {
    NILO_CHECK_FIGURE, /* tells how things stand */
    NILO_CHECK_NOTE,   /* to be known, nothing to be done about it */
    NILO_CHECK_ODD,    /* the numbers disagree with each other, or somebody has to decide */
    NILO_CHECK_WRONG   /* the record itself is not as it must be */
};
struct nilo_check {
    const char *name;
    enum nilo_check_level level;
    const char *finds; /* one line: what a finding is */
    const char *fine;  /* what to say when there is none */
    const char *todo;  /* what to do about one */
    const char *sql[2]; /* by enum nilo_db_engine, ?1 is the present in microseconds; NULL: not to be said in SQL */
};
extern const struct nilo_check nilo_checks[];
extern const size_t nilo_checks_n;

/* One finding; NULL where it says nothing. */
struct nilo_finding {
    const char *workspace, *connection, *item, *window, *day /* YYYY-MM-DD */, *metric;
    int scale; /* of value and other */
    bool has_value, has_other;
    int64_t value, other;
    const char *text;
};
/** nilo_store_check - hands over every finding of one check. Nothing is written; memory is bounded (all but the order of rows is streamed).
 *  fn      0 to go on, anything else ends it with that; uses no statement of this store */
typedef int nilo_finding_fn(void *ctx, const struct nilo_finding *finding);
int nilo_store_check(struct nilo_store *s, const struct nilo_check *check, nilo_finding_fn *fn, void *ctx, struct nilo_err *err);
/** nilo_store_check_sql - appends the statement that it runs, with everything bound, to be run by sqlite3 or psql. false: it has none */
bool nilo_store_check_sql(struct nilo_store *s, const struct nilo_check *check, struct nilo_buf *sql);

/** nilo_store_verify - the store as far as it can be checked by itself: on SQLite the pages of its file, then every check of NILO_CHECK_WRONG, all of
 *  one state. Nothing is written.
 *  step     may be NULL: the checks
 *  errors   NILO_ECORRUPT the first finding, and what to do about it */
int nilo_store_verify(struct nilo_store *s, nilo_step_fn *step, void *ctx, struct nilo_err *err);

/* ---- copies ---------------------------------------------------------------------------------------------------------------------------- */

/** nilo_store_backup - a consistent copy of an SQLite store while others read and write it, checked, on disk when this returns, with its
 *  SHA-256 beside it in PATH.sha256 (as sha256sum writes it). Any mode of opening will do.
 *  step    may be NULL: pages that are copied, bytes that are summed
 *  errors  NILO_EEXIST something is at path, NILO_EINVAL a PostgreSQL store (whose copy is an export), NILO_EFULL, NILO_EIO; nothing is left behind */
int nilo_store_backup(struct nilo_store *s, const char *path, nilo_step_fn *step, void *ctx, struct nilo_err *err);
/** nilo_store_restore - a copy made by nilo_store_backup() becomes the store at target, after its checksum, its pages and its schema were
 *  checked. aside: what is at target is moved there first (NULL: nothing may be there). Takes the lock of target. step: as above
 *  errors  NILO_ENOENT, NILO_ECORRUPT (the copy is damaged), NILO_ENEWER, NILO_EEXIST, NILO_ELOCKED, and those of the disk; target is as it was */
int nilo_store_restore(const char *from, const char *target, const char *aside, const struct nilo_env *env, nilo_step_fn *step, void *ctx,
                       struct nilo_err *err);

/** nilo_store_backup_begin, _end - around a copy that somebody else writes to `partial` (of a PostgreSQL store it is an export): nothing may be at path, and
 *  what a backup left that was killed is taken away; then the checksum, and only then the name
 *  errors  NILO_EEXIST, NILO_EIO; after a failure of _end the caller removes partial */
int nilo_store_backup_begin(const char *path, const char *partial, struct nilo_err *err);
int nilo_store_backup_end(const char *path, const char *partial, nilo_step_fn *step, void *ctx, struct nilo_err *err);
/** nilo_store_checksum_compare - the copy at path with PATH.sha256. step: as above. errors: NILO_ENOENT, NILO_ECORRUPT, NILO_EIO */
int nilo_store_checksum_compare(const char *path, nilo_step_fn *step, void *ctx, struct nilo_err *err);

/* ---- whole stores, row by row ------------------------------------------------------------------------------------------------------------- */

/* The record as tables of plain rows: what an export holds, in the order in which it is put back. Derived tables are not among them. */
enum nilo_whole_type { NILO_WHOLE_INT, NILO_WHOLE_TEXT, NILO_WHOLE_BYTES };
struct nilo_whole_column {
    const char *name;
    enum nilo_whole_type type;
    bool null; /* may be */
    int ids;   /* the store's own: which numbers it holds */
};
struct nilo_whole_table {
    const char *name;
    const struct nilo_whole_column *columns;
    size_t n_columns, n_key; /* the first n_key columns tell rows apart; rows come in ascending order of them */
    const char *table, *where; /* the store's own, as are the rest */
    int reach;
    bool days, all_days; /* rows of days; no part of a copy of some days */
};
#define NILO_WHOLE_COLUMNS_MAX 40
extern const struct nilo_whole_table nilo_whole_tables[];
extern const size_t nilo_whole_tables_n;
int nilo_whole_table(const char *name);                /* place of the table, -1 = none of that name */
int nilo_whole_column(size_t table, const char *name); /* place of the column, -1 */

struct nilo_whole_cell {
    bool null;
    int64_t i;     /* NILO_WHOLE_INT */
    const char *p; /* TEXT and BYTES: len bytes */
    size_t len;
};
struct nilo_whole_want {
    int64_t workspace; /* 0 = all, and what belongs to the store itself */
    nilo_day from, to; /* days of values and closes, both included; NILO_DAY_NONE = open */
};
struct nilo_whole_sink {
    int (*begin)(void *ctx, const int64_t *counts, struct nilo_err *err); /* rows that will come, a number a table */
    int (*row)(void *ctx, size_t table, const struct nilo_whole_cell *cells, struct nilo_err *err); /* valid during the call */
    void *ctx;
};
/** nilo_store_export - every row, table by table, as one transaction sees them; a run that is being written just now is told as interrupted,
 *  which is what it is in the copy. The sink uses no statement of this store. Memory does not depend on how much there is. */
int nilo_store_export(struct nilo_store *s, const struct nilo_whole_want *want, const struct nilo_whole_sink *sink, struct nilo_err *err);

/* Putting such rows back: nilo_record_restore_begin() is the way in, this is what it stands on. */
struct nilo_load;
struct nilo_load_head {
    unsigned char uuid[16]; /* of the store that the rows are from */
    bool whole;             /* all of it: meta values come along */
    bool dry_run;           /* done, then rolled back */
};
struct nilo_loaded {
    bool unchanged; /* all of it was here already */
    bool adopted;   /* the store was empty and has the identity and all numbers of the other one now */
    int64_t rows, workspaces, items;
};
/** nilo_store_load_begin - in one transaction, which _end commits and _abort rolls back.
 *  Workspaces that are not here are restored with all they have, and what is derived is derived. Into an empty store that gives the same bits; beside
 *  other workspaces numbers (ids) that are taken are moved up. Workspaces that are here must hold every row of it already: then nothing happens.
 *  errors  NILO_EEXIST some of it is here and differs, or some workspaces are here and some not (the sentence names the first difference);
 *          NILO_ECORRUPT rows that contradict each other */
int nilo_store_load_begin(struct nilo_store *s, const struct nilo_load_head *head, struct nilo_load **ret, struct nilo_err *err);
int nilo_store_load_row(struct nilo_load *l, size_t table, const struct nilo_whole_cell *cells, struct nilo_err *err);
/** nilo_store_load_end - derives and commits; frees l in every case. progress may be NULL: items derived */
int nilo_store_load_end(struct nilo_load *l, nilo_progress_fn *progress, void *ctx, struct nilo_loaded *ret, struct nilo_err *err);
void nilo_store_load_abort(struct nilo_load *l); /* NULL is fine */

/* ---- reading ------------------------------------------------------------------------------------------------------------------------- */

/* A condition that the reader puts on a source anyway, told ahead so that the store need not walk over the rest. It may be ignored.
 * Its values are parameters of the reader's statement. */
struct nilo_narrow {
    const char *column; /* of the relation */
    char op;            /* '=' one of the values, '>' at least, '<' at most */
    int first_param, n_params;
};
/* What a source must provide: asked by query, answered as SQL text of a FROM item. */
struct nilo_source_want {
    const struct nilo_metric **metrics; /* the metric columns needed (wide relations), column name = metric name */
    size_t n_metrics;
    bool absence, owner, title;         /* are these costly columns needed? title: and posted_at */
    nilo_us as_of;                      /* NILO_US_NONE = now */
    bool cells, rate;                   /* the packed cells; avg_engagement_rate */
    const int32_t *cells_of;            /* of these metrics alone; n_cells_of 0: of all */
    size_t n_cells_of;
    bool created;                       /* with created_at: when the first reading of the row was recorded; it is looked up, and costs that */
    bool stamps;                        /* wide relations: created_at, updated_at, run: oldest and newest recording of the values, newest run */
    bool meta;                          /* wide relations by day: metadata, the newest that came with any of the values */
    bool left;                          /* metric_values: also what is left of dropped days for later ones to stand on */
    bool hidden;                        /* wide relations by day: hidden_at, when an app hid the row */
    bool posted;                        /* wide relations by day: posted_run, the run of its own that an app named with the row, and "posted_run.number" */
    const struct nilo_narrow *narrow;
    size_t n_narrow;
};
/** nilo_store_source - appends a parenthesised SELECT whose columns are the relation's (query/relations.c lists them), restricted to the scope
 *  Values are the stored integers (scale from the metric), days and instants integers, enumerations their numbers. Both engines read the same text.
 *  cells    wide relations: text "metric:value,metric:!reason,..." with numbers for all; content_best: "metric:value:day:window"
 *  owner    the keys, each between two bytes 0x1f, joined by commas; failures likewise: 0x1e item 0x1f class 0x1f message
 *  sums     of the metric m in the columns "m" and "m.lo" (value = m * 2^32 + m.lo), "m.known" items with a value
 *  errors   NILO_ERELATION not a relation of the store */
int nilo_store_source(struct nilo_store *s, const struct nilo_scope *scope, const char *relation, const struct nilo_source_want *want,
                      struct nilo_buf *sql, struct nilo_err *err);

/* Which series a scan reads; fields combine with AND. */
struct nilo_select {
    int64_t workspace;         /* 0 = all of the scope */
    int64_t connection, owner; /* 0 = any; owner: items credited on that day */
    bool ever;                 /* owner: all days of items that were credited on any */
    const char *platform, *external_id; /* NULL = any */
    bool own;                  /* not those of competitors' connections */
    int kind;                  /* enum nilo_entity_kind, -1 = any */
    int32_t win;
    int32_t metric;            /* 0 = any metric */
    nilo_day from, to;         /* NILO_DAY_NONE = open */
    bool before;               /* of one metric, with from: also the newest value and the newest definitive reading before that day, and of as_of
                                  maybe more days between that and from */
    nilo_us as_of;             /* NILO_US_NONE = now */
    bool first;                /* of any metric: of each item the day of its first definitive reading alone, and of as_of maybe more days behind it; not
                                  with before */
};
struct nilo_scan_row {
    struct nilo_entity_ref entity;
    int64_t workspace, connection;
    nilo_day day;
    int32_t metric;
    int64_t value;
    enum nilo_absence absence;
    enum nilo_provenance provenance;
    nilo_us captured_at;
    const char *meta;
};
/** nilo_store_scan - the shown cells, ascending (bucket, entity, day, metric). fn returns 0 to go on, anything else ends the scan with it */
typedef int nilo_scan_fn(void *ctx, const struct nilo_scan_row *row);
int nilo_store_scan(struct nilo_store *s, const struct nilo_scope *scope, const struct nilo_select *sel, nilo_scan_fn *fn, void *ctx,
                    struct nilo_err *err);

/* For a question about the app's own metrics that is asked again and again (query/quick.c). */
/** nilo_store_apps - the entities of the app within the scope, by names of workspace and connection; *ret_n > most: there are more, or some of their days were
 *  dropped */
int nilo_store_apps(struct nilo_store *s, const struct nilo_scope *scope, struct nilo_entity_ref *ret, int most, int *ret_n, struct nilo_err *err);
#define NILO_APP_DAYS      32  /* days of a row */
#define NILO_APP_DAYS_TEXT 704 /* bytes of its cells, and a NUL */
/** nilo_store_app_days - SQLite: a statement without parameters: metric, block, cells of the rows that hold the days of some metrics (at most 64), a metric after the
 *  other, blocks ascending. The block of a day is the day / 32, downwards; cells: the 32 values as shown now, in decimal by the metric's scale, a comma between two
 *  of them, nothing where no value is shown. owner: caller, nilo_db_finish() */
int nilo_store_app_days(struct nilo_store *s, struct nilo_entity_ref e, nilo_day from, nilo_day to, const int32_t *metrics, size_t n, struct nilo_db_stmt **ret,
                        struct nilo_err *err);

/* The first items by a metric, from what is derived: however long the history. */
#define NILO_TOP_METRICS 64
#define NILO_TOP_BEST (-1)
struct nilo_top {
    int32_t win;  /* NILO_TOP_BEST: the best known values of all time; else the newest day of that window, 0 = lifetime */
    const char *owner, *connection, *platform, *external_id; /* by name; NULL = any. owner: credited now */
    bool competitors;                        /* items of competitors' connections too: where one is named */
    nilo_us posted_from, posted_before;      /* NILO_US_NONE = open; else items without posted_at are left out */
    struct {
        int32_t id;
        bool has_least;
        int64_t least; /* items below, or without a value, are left out */
    } metrics[NILO_TOP_METRICS]; /* the first one orders */
    size_t n_metrics;
    bool ascending;        /* items without a value come last in either case */
    int64_t limit, offset; /* limit -1 = none */
};
struct nilo_top_cell {
    int64_t value;
    enum nilo_absence absence; /* why there is none; NILO_NOT_COLLECTED also where nothing was ever said */
};
struct nilo_top_row {
    struct nilo_entity_ref entity;
    const char *workspace, *connection, *platform, *external_id, *title; /* title may be NULL */
    const char *owners; /* keys, each between two bytes 0x1f, joined by commas; NULL = none */
    nilo_us posted_at;
    nilo_day day; /* of the snapshot, or of the best value of the first metric; NILO_DAY_NONE = there is none */
    int32_t win;  /* likewise; -1 = none */
    const struct nilo_top_cell *cells; /* in the order of metrics */
};
/** nilo_store_top - fn returns 0 to go on, anything else ends with it. Equal values: by external id, connection, workspace, bytewise */
typedef int nilo_top_fn(void *ctx, const struct nilo_top_row *row);
int nilo_store_top(struct nilo_store *s, const struct nilo_scope *scope, const struct nilo_top *top, nilo_top_fn *fn, void *ctx,
                   struct nilo_err *err);

/* Totals of a workspace, connection or owner day by day, from the derived sums. */
enum nilo_total_scope { NILO_TOTAL_WORKSPACE, NILO_TOTAL_CONNECTION, NILO_TOTAL_OWNER };
struct nilo_total_row {
    nilo_day day;      /* only days on which something changed */
    nilo_i128 sum;     /* level: the total at the end of that day; flow: what was reported for that day */
    int64_t items;     /* items that existed by then */
    int64_t known;     /* level: items with a known value by then; flow: same as fresh */
    int64_t fresh;     /* items that reported on that very day */
};
/** nilo_store_totals - ascending days <= to, beginning with the state at the last change before `from`
 *  errors  NILO_EPERM the scope does not hold it */
typedef int nilo_total_fn(void *ctx, const struct nilo_total_row *row);
/* Days of a connection that were dropped: sums over more of them lack what it had. */
struct nilo_drop_days {
    int64_t connection;
    nilo_day from, until;
};
int nilo_store_totals(struct nilo_store *s, const struct nilo_scope *scope, enum nilo_total_scope kind, int64_t id, int32_t win,
                      int32_t metric, nilo_day from, nilo_day to, nilo_total_fn *fn, void *ctx, struct nilo_err *err);
/** nilo_store_dropped - of the connections in the scope whose items count in such a total, those that have dropped days, ascending; id 0: of all
 *  in the scope. owner: caller, free() */
int nilo_store_dropped(struct nilo_store *s, const struct nilo_scope *scope, enum nilo_total_scope kind, int64_t id,
                       struct nilo_drop_days **ret, size_t *ret_n, struct nilo_err *err);

#endif
