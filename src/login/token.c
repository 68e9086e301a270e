/* The tokens of connections: handed out, renewed by one for all, stored before they are used. See login.h. */
#include "login/login_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACCESS  "access_token"
#define REFRESH "refresh_token"
#define PLAIN   "token" /* what a person has stored by hand: nilometer connection secret NAME token */

#define AHEAD      (5 * NILO_US_MINUTE)  /* renewed so long before its end, or a tenth of its life where that is less */
#define LEASE      (90 * NILO_US_SECOND) /* longer than a request may take */
#define JUST_NOW   (5 * NILO_US_MINUTE)  /* a renewed token that is refused within it will not get better */
#define LOOK_AGAIN (200 * 1000)          /* while somebody else renews */
#define PATIENCE   (90 * NILO_US_SECOND)
#define BACKOFF    (5 * NILO_US_SECOND)
#define BACKOFF_MOST (10 * NILO_US_MINUTE)

struct nilo_renewal {
    struct nilo_connection connection;
    struct nilo_login_app app;
    struct nilo_credentials credentials;
    struct nilo_ask ask;
    struct nilo_call call;
    struct nilo_arena arena;
    char *refresh_token;
    int64_t generation, fence;
    nilo_us until; /* of the token that is there */
    bool lost;     /* an earlier renewal of the same set was sent, and nobody wrote down what came of it */
};

static nilo_us now_of(const struct nilo_login *l)
{
    const struct nilo_clock *c = &nilo_store_env(l->store)->clock;
    return c->wall(c->ctx);
}

void nilo_token_done(struct nilo_token *t)
{
    nilo_secret_free(t->bearer);
    *t = (struct nilo_token){0};
}

/* ---- the handle ------------------------------------------------------------------------------------------------------------------------ */

int nilo_login_new(struct nilo_store *s, const struct nilo_config *config, struct nilo_http *http, struct nilo_login **ret, struct nilo_err *err)
{
    struct nilo_login *l = calloc(1, sizeof *l);
    if (l == NULL)
        return nilo_err_nomem(err);
    *l = (struct nilo_login){.store = s, .config = config, .http = http};
    *ret = l;
    return 0;
}

void nilo_login_free(struct nilo_login *l)
{
    if (l == NULL)
        return;
    if (l->own_http)
        nilo_http_free(l->http);
    nilo_keys_free(l->ring);
    free(l);
}

/* The keys as they are on disk: a rotation, by whatever process, writes them there before it seals anything with the new one. */
int nilo__login_ring(struct nilo_login *l, struct nilo_err *err)
{
    char *path;
    enum nilo_keys_place place;
    struct nilo_keys *ring = NULL;
    if (nilo_keys_path(nilo_store_uuid(l->store), &path, &place, err) != 0)
        return -1;
    int rc = nilo_keys_load(path, nilo_store_uuid(l->store), &ring, err);
    free(path);
    if (rc != 0)
        return -1;
    nilo_keys_free(l->ring);
    l->ring = ring;
    return 0;
}

/* What was sealed with a key that is newer than the ring in memory opens with the one on disk. */
int nilo__login_open(struct nilo_login *l, const struct nilo_connection *c, const char *kind, char **ret, struct nilo_err *err)
{
    size_t n;
    struct nilo_err why = {0};
    if (l->ring != NULL && nilo_secret_get(l->store, l->ring, c, kind, ret, &n, &why) == 0)
        return 0;
    if (l->ring != NULL && why.code != NILO_ENOENT)
        return nilo_err_set(err, why.code, "%s", why.msg);
    if (nilo__login_ring(l, err) != 0)
        return -1;
    return nilo_secret_get(l->store, l->ring, c, kind, ret, &n, err);
}

static int has_secret(struct nilo_login *l, const struct nilo_connection *c, const char *kind, bool *ret, struct nilo_err *err)
{
    struct nilo_arena arena;
    struct nilo_secret_row *rows;
    size_t n;
    nilo_arena_init(&arena, 0);
    int rc = nilo_store_secrets(l->store, c->id, &arena, &rows, &n, err);
    *ret = false;
    for (size_t i = 0; rc == 0 && i < n; i++)
        *ret = *ret || strcmp(rows[i].kind, kind) == 0;
    nilo_arena_done(&arena);
    return rc;
}

/* ---- the end of a login ------------------------------------------------------------------------------------------------------------------- */

/* After a problem, what to do about it. */
static int expired(const struct nilo_connection *c, const char *problem, struct nilo_err *err)
{
    return nilo_err_set(err, NILO_EPERM, "connection %s of %s is expired: %.300s; sign in again: nilometer connection connect %s --workspace %s", c->name,
                        c->workspace_name, problem, c->name, c->workspace_name);
}

static int expire(struct nilo_login *l, const struct nilo_connection *c, int64_t fence, const char *problem, bool *ret_new, struct nilo_err *err)
{
    bool is_new = false;
    if (nilo_store_begin(l->store, err) != 0)
        return -1;
    if ((fence != 0 && nilo_store_login_failed(l->store, c->id, fence, problem, NILO_US_NONE, err) != 0) ||
        nilo_store_connection_turn(l->store, c->id, "expired", problem, &is_new, err) != 0) {
        nilo_store_rollback(l->store);
        return -1;
    }
    if (nilo_store_commit(l->store, err) != 0)
        return -1;
    if (ret_new != NULL)
        *ret_new = is_new;
    return 0;
}

int nilo_login_expire(struct nilo_login *l, const struct nilo_connection *c, const char *reason, bool *ret_new, struct nilo_err *err)
{
    return expire(l, c, 0, reason, ret_new, err);
}

static int end_with(struct nilo_login *l, const struct nilo_connection *c, int64_t fence, const char *problem, struct nilo_err *err)
{
    return expire(l, c, fence, problem, NULL, err) == 0 ? expired(c, problem, err) : -1;
}

/* ---- handing out -------------------------------------------------------------------------------------------------------------------------- */

static int hand_out(struct nilo_login *l, const struct nilo_connection *c, const struct nilo_login_row *row, struct nilo_token_ask *ret, struct nilo_err *err)
{
    char *bearer;
    if (nilo__login_open(l, c, ACCESS, &bearer, err) != 0)
        return -1;
    *ret = (struct nilo_token_ask){.step = NILO_TOKEN_READY, .token = {.bearer = bearer, .until = row->access_until, .generation = row->generation}};
    return 0;
}

/* Without a login: what a person has stored by hand, or nothing. */
static int hand_out_plain(struct nilo_login *l, const struct nilo_connection *c, int64_t refused, struct nilo_token_ask *ret, struct nilo_err *err)
{
    struct nilo_token_ask ready = {.step = NILO_TOKEN_READY, .token = {.until = NILO_US_NONE}};
    bool there;
    if (has_secret(l, c, PLAIN, &there, err) != 0)
        return -1;
    if (refused != NILO_TOKEN_FIRST && there)
        return end_with(l, c, 0, "the platform refuses the token that was stored by hand", err);
    if (there && nilo__login_open(l, c, PLAIN, &ready.token.bearer, err) != 0)
        return -1;
    *ret = ready;
    return 0;
}

static nilo_us ahead_of(const struct nilo_login_row *row)
{
    nilo_us since = row->renewed_at != NILO_US_NONE ? row->renewed_at : row->connected_at;
    nilo_us tenth = (row->access_until - since) / 10;
    /* A token that can be renewed only while it lives: long before, whatever goes wrong meanwhile. */
    if (row->refresh_until != NILO_US_NONE && row->refresh_until <= row->access_until && row->access_until > since)
        return (row->access_until - since) / 6;
    return tenth < AHEAD ? (tenth > 0 ? tenth : 0) : AHEAD;
}

/* ---- beginning a renewal ------------------------------------------------------------------------------------------------------------------- */

static void renewal_free(struct nilo_renewal *r)
{
    if (r == NULL)
        return;
    nilo_secret_free(r->refresh_token);
    nilo_login_app_done(&r->app);
    nilo_arena_done(&r->arena);
    free(r);
}

static int prepare(struct nilo_login *l, struct nilo_renewal *r, struct nilo_err *err)
{
    if (nilo_login_app_init(&r->app, l->config, r->connection.platform, err) != 0 || nilo__login_open(l, &r->connection, REFRESH, &r->refresh_token, err) != 0)
        return -1;
    r->credentials = (struct nilo_credentials){.refresh_token = r->refresh_token, .client_id = r->app.client_id, .client_secret = r->app.client_secret};
    r->ask = (struct nilo_ask){.op = NILO_OP_REFRESH, .credentials = &r->credentials, .settings = r->app.settings, .now = now_of(l), .day = NILO_DAY_NONE};
    if (r->app.connector->make(&r->ask, &r->arena, &r->call, err) != 0)
        return nilo_err_wrap(err, "the token of connection %s of %s cannot be renewed", r->connection.name, r->connection.workspace_name);
    return 0;
}

static int take_lease(struct nilo_login *l, struct nilo_renewal *r, struct nilo_err *err)
{
    nilo_us now = now_of(l);
    if (nilo_store_begin(l->store, err) != 0)
        return -1;
    if (nilo_store_login_lease(l->store, r->connection.id, r->generation, now, now + LEASE, &r->fence, err) != 0) {
        nilo_store_rollback(l->store);
        return -1;
    }
    return nilo_store_commit(l->store, err);
}

static int begin_renewal(struct nilo_login *l, const struct nilo_connection *c, const struct nilo_login_row *row, struct nilo_token_ask *ret, struct nilo_err *err)
{
    struct nilo_renewal *r = calloc(1, sizeof *r);
    if (r == NULL)
        return nilo_err_nomem(err);
    *r = (struct nilo_renewal){.connection = *c, .generation = row->generation, .until = row->access_until, .lost = row->asked_at != NILO_US_NONE};
    nilo_arena_init(&r->arena, 0);
    /* everything that can go wrong on our side before others are kept waiting */
    if (prepare(l, r, err) != 0 || take_lease(l, r, err) != 0) {
        renewal_free(r);
        return -1;
    }
    if (r->fence == 0) {
        renewal_free(r);
        *ret = (struct nilo_token_ask){.step = NILO_TOKEN_WAIT, .at = now_of(l) + LOOK_AGAIN};
        return 0;
    }
    *ret = (struct nilo_token_ask){.step = NILO_TOKEN_SEND, .call = &r->call, .renewal = r};
    return 0;
}

static int ask_row(struct nilo_login *l, const struct nilo_connection *c, const struct nilo_login_row *row, int64_t refused, struct nilo_token_ask *ret,
                   struct nilo_err *err);

/* An app that keeps its own tokens has renewed it meanwhile, or it has not. */
static int look_into_the_app(struct nilo_login *l, const struct nilo_connection *c, const struct nilo_login_row *row, struct nilo_token_ask *ret, struct nilo_err *err)
{
    struct nilo_login_synced synced;
    struct nilo_login_row now;
    struct nilo_arena arena;
    bool there;
    if (nilo_login_from_sql(l, &synced, err) != 0)
        return -1;
    nilo_arena_init(&arena, 0);
    int rc = nilo_store_login(l->store, c->id, &arena, &there, &now, err);
    if (rc == 0 && there && now.generation != row->generation && (now.access_until == NILO_US_NONE || now.access_until > now_of(l)))
        rc = ask_row(l, c, &now, NILO_TOKEN_FIRST, ret, err);
    else if (rc == 0)
        rc = end_with(l, c, there ? now.fence : 0, "the token in the app's own table has ended or is refused, and the app has not renewed it", err);
    nilo_arena_done(&arena);
    return rc;
}

static int renew(struct nilo_login *l, const struct nilo_connection *c, const struct nilo_login_row *row, bool refused, struct nilo_token_ask *ret,
                 struct nilo_err *err)
{
    nilo_us now = now_of(l);
    bool holds = !refused && (row->access_until == NILO_US_NONE || now < row->access_until);
    if (!row->renewable && holds)
        return hand_out(l, c, row, ret, err);
    if (!row->renewable && strcmp(c->origin, "sql") == 0)
        return look_into_the_app(l, c, row, ret, err);
    if (!row->renewable)
        return end_with(l, c, row->fence, refused ? "the platform refuses its token, which cannot be renewed" : "its token has ended and cannot be renewed", err);
    if (refused && row->renewed_at != NILO_US_NONE && now - row->renewed_at < JUST_NOW)
        return end_with(l, c, row->fence, "the platform refuses a token that it has just renewed", err);
    if (row->refresh_until != NILO_US_NONE && now >= row->refresh_until)
        return end_with(l, c, row->fence, "the platform lets nobody stay signed in for longer than that", err);
    bool leased = row->lease_until != NILO_US_NONE && row->lease_until > now, later = row->retry_at != NILO_US_NONE && row->retry_at > now;
    if (holds && (leased || later))
        return hand_out(l, c, row, ret, err);
    if (leased || later) {
        *ret = (struct nilo_token_ask){.step = NILO_TOKEN_WAIT, .at = leased ? now + LOOK_AGAIN : row->retry_at};
        return 0;
    }
    return begin_renewal(l, c, row, ret, err);
}

static int ask_row(struct nilo_login *l, const struct nilo_connection *c, const struct nilo_login_row *row, int64_t refused, struct nilo_token_ask *ret,
                   struct nilo_err *err)
{
    bool again = refused != NILO_TOKEN_FIRST && refused == row->generation;
    bool ends = row->access_until != NILO_US_NONE && now_of(l) >= row->access_until - ahead_of(row);
    return again || ends ? renew(l, c, row, again, ret, err) : hand_out(l, c, row, ret, err);
}

int nilo_token_ask(struct nilo_login *l, const struct nilo_connection *known, int64_t refused, struct nilo_token_ask *ret, struct nilo_err *err)
{
    struct nilo_connection c;
    struct nilo_login_row row;
    struct nilo_arena arena;
    bool there;
    if (nilo_store_connection_get(l->store, known->id, &c, err) != 0)
        return -1;
    if (strcmp(c.status, "disabled") == 0)
        return nilo_err_set(err, NILO_EPERM, "connection %s of %s is disabled", c.name, c.workspace_name);
    nilo_arena_init(&arena, 0);
    int rc = nilo_store_login(l->store, c.id, &arena, &there, &row, err);
    if (rc == 0 && strcmp(c.status, "expired") == 0)
        rc = expired(&c, there && row.problem != NULL ? row.problem : "its platform lets nobody in with what it has", err);
    else if (rc == 0)
        rc = there ? ask_row(l, &c, &row, refused, ret, err) : hand_out_plain(l, &c, refused, ret, err);
    nilo_arena_done(&arena);
    return rc;
}

/* ---- the end of a renewal ------------------------------------------------------------------------------------------------------------------- */

static nilo_us until_of(int64_t seconds, nilo_us now)
{
    return seconds < 0 || seconds > INT64_C(100) * 366 * 86400 ? NILO_US_NONE : now + seconds * NILO_US_SECOND;
}

static int write_set(struct nilo_login *l, struct nilo_renewal *r, const struct nilo_tokens *t, struct nilo_login_row *row, bool *ret_taken, struct nilo_err *err)
{
    const struct nilo_connection *c = &r->connection;
    struct nilo_connection is;
    /* the newest master key, read behind the beginning of the transaction: no rotation comes between */
    if (nilo__login_ring(l, err) != 0 || nilo_store_login_renewed(l->store, r->generation, row, ret_taken, err) != 0)
        return -1;
    if (!*ret_taken)
        return 0;
    if (nilo_secret_put(l->store, l->ring, c, ACCESS, t->access_token, strlen(t->access_token), err) != 0 ||
        (t->refresh_token != NULL && nilo_secret_put(l->store, l->ring, c, REFRESH, t->refresh_token, strlen(t->refresh_token), err) != 0) ||
        nilo_store_connection_get(l->store, c->id, &is, err) != 0)
        return -1;
    /* somebody gave it up while this answer was on its way */
    return strcmp(is.status, "expired") == 0 ? nilo_store_connection_turn(l->store, c->id, "connected", "its token was renewed", NULL, err) : 0;
}

static int store_set(struct nilo_login *l, struct nilo_renewal *r, const struct nilo_tokens *t, struct nilo_token *ret, struct nilo_err *err)
{
    nilo_us now = now_of(l);
    bool taken = false;
    struct nilo_login_row row = {.connection = r->connection.id, .renewed_at = now, .access_until = until_of(t->expires_s, now),
                                 .refresh_until = NILO_US_NONE, .renewable = true};
    struct nilo_login_row was;
    struct nilo_arena arena;
    bool there;
    nilo_arena_init(&arena, 0);
    int rc = nilo_store_begin(l->store, err);
    if (rc == 0) {
        rc = nilo_store_login(l->store, r->connection.id, &arena, &there, &was, err);
        /* not said again: what was said of the refresh token holds as long as it is the same one */
        row.refresh_until = t->refresh_expires_s >= 0 ? until_of(t->refresh_expires_s, now) : rc == 0 && there && t->refresh_token == NULL ? was.refresh_until : NILO_US_NONE;
        rc = rc == 0 ? write_set(l, r, t, &row, &taken, err) : -1;
        if (rc != 0 || !taken)
            nilo_store_rollback(l->store);
        else
            rc = nilo_store_commit(l->store, err);
    }
    nilo_arena_done(&arena);
    if (rc != 0)
        return nilo_err_wrap(err, "a renewed token of connection %s of %s could not be stored", r->connection.name, r->connection.workspace_name);
    if (!taken) { /* somebody stored another one meanwhile: that is the one */
        struct nilo_token_ask other = {0};
        if (nilo_token_ask(l, &r->connection, NILO_TOKEN_FIRST, &other, err) != 0)
            return -1;
        if (other.step == NILO_TOKEN_READY) {
            *ret = other.token;
            return 0;
        }
        nilo_token_give_up(l, other.renewal);
        return nilo_err_set(err, NILO_EBUSY, "the token of connection %s is being renewed by somebody else", r->connection.name);
    }
    char *bearer = nilo__login_copy(t->access_token);
    if (bearer == NULL)
        return nilo_err_nomem(err);
    *ret = (struct nilo_token){.bearer = bearer, .until = row.access_until, .generation = r->generation + 1};
    return 0;
}

static int note_failure(struct nilo_login *l, const struct nilo_renewal *r, const char *problem, nilo_us retry_at, struct nilo_err *err)
{
    if (nilo_store_begin(l->store, err) != 0)
        return -1;
    if (nilo_store_login_failed(l->store, r->connection.id, r->fence, problem, retry_at, err) != 0) {
        nilo_store_rollback(l->store);
        return -1;
    }
    return nilo_store_commit(l->store, err);
}

static nilo_us backoff(struct nilo_login *l, const struct nilo_renewal *r, const struct nilo_result *result)
{
    struct nilo_login_row row = {0};
    struct nilo_arena arena;
    bool there = false;
    nilo_us now = now_of(l), span = BACKOFF;
    nilo_arena_init(&arena, 0);
    if (nilo_store_login(l->store, r->connection.id, &arena, &there, &row, NULL) == 0 && there) {
        for (int64_t i = 0; i < row.failures && span < BACKOFF_MOST; i++)
            span *= 2;
    }
    nilo_arena_done(&arena);
    nilo_us at = now + (span < BACKOFF_MOST ? span : BACKOFF_MOST);
    return result->retry_at != NILO_US_NONE && result->retry_at > at ? result->retry_at : at;
}

static int take_failure(struct nilo_login *l, struct nilo_renewal *r, const struct nilo_result *result, struct nilo_err *err)
{
    char problem[300];
    nilo__login_why(r->app.connector->title, result, problem, sizeof problem);
    if (result->class == NILO_CLASS_AUTH && !result->key_wrong) {
        struct nilo_login_row row = {0};
        bool there = false;
        /* somebody stored a newer set meanwhile: then this one is dead rightly */
        if (nilo_store_login(l->store, r->connection.id, &r->arena, &there, &row, err) != 0)
            return -1;
        if (there && row.generation != r->generation)
            return nilo_err_set(err, NILO_EBUSY, "the token of connection %s was renewed by somebody else just now; try again", r->connection.name);
        if (r->lost)
            snprintf(problem, sizeof problem, "%s does not take it any more; a renewal before this one was cut off, and what it brought is lost", r->app.connector->title);
        return end_with(l, &r->connection, r->fence, problem, err);
    }
    nilo_us at = backoff(l, r, result);
    if (note_failure(l, r, problem, at, err) != 0)
        return -1;
    return nilo_err_set(err, result->key_wrong || result->class == NILO_CLASS_PERMISSION ? NILO_ECONFIG : NILO_ESOURCE,
                        "the token of connection %s of %s was not renewed: %s", r->connection.name, r->connection.workspace_name, problem);
}

int nilo_token_answered(struct nilo_login *l, struct nilo_renewal *r, const struct nilo_http_answer *answer, struct nilo_token *ret, struct nilo_err *err)
{
    struct nilo_result result = {0};
    int rc = nilo_connector_take(r->app.connector, &r->ask, answer, &r->arena, &result, err);
    if (rc == 0 && result.class == NILO_CLASS_OK && result.tokens.access_token != NULL)
        rc = store_set(l, r, &result.tokens, ret, err);
    else if (rc == 0)
        rc = take_failure(l, r, &result, err);
    nilo__login_wipe(&result);
    renewal_free(r);
    return rc;
}

void nilo_token_give_up(struct nilo_login *l, struct nilo_renewal *r)
{
    if (r != NULL)
        note_failure(l, r, "it was given up before it was sent", NILO_US_NONE, NULL);
    renewal_free(r);
}

/* ---- waiting ----------------------------------------------------------------------------------------------------------------------------- */

static int send_and_store(struct nilo_login *l, struct nilo_token_ask *ask, struct nilo_token *ret, struct nilo_err *err)
{
    struct nilo_http *http;
    struct nilo_http_answer *answer;
    if (nilo__login_http(l, &http, err) != 0 || nilo__login_send(http, ask->call, &answer, err) != 0) {
        nilo_token_give_up(l, ask->renewal);
        return -1;
    }
    int rc = nilo_token_answered(l, ask->renewal, answer, ret, err);
    nilo_http_answer_free(answer);
    return rc;
}

int nilo_token_get(struct nilo_login *l, const struct nilo_connection *c, int64_t refused, struct nilo_token *ret, struct nilo_err *err)
{
    const struct nilo_clock *clock = &nilo_store_env(l->store)->clock;
    nilo_us end = clock->wall(clock->ctx) + PATIENCE;
    for (;;) {
        struct nilo_token_ask ask = {0};
        if (nilo_token_ask(l, c, refused, &ask, err) != 0)
            return -1;
        if (ask.step == NILO_TOKEN_READY) {
            *ret = ask.token;
            return 0;
        }
        if (ask.step == NILO_TOKEN_SEND)
            return send_and_store(l, &ask, ret, err);
        nilo_us now = clock->wall(clock->ctx);
        if (ask.at > end || now > end)
            return nilo_err_set(err, NILO_EBUSY, "the token of connection %s of %s cannot be had just now; try again later", c->name, c->workspace_name);
        clock->sleep(clock->ctx, ask.at > now ? ask.at - now : LOOK_AGAIN);
    }
}

/* ---- tokens from elsewhere ----------------------------------------------------------------------------------------------------------------- */

static int put(struct nilo_login *l, const struct nilo_connection *c, const char *kind, const char *secret, struct nilo_err *err)
{
    bool was;
    if (secret != NULL)
        return nilo_secret_put(l->store, l->ring, c, kind, secret, strlen(secret), err);
    return nilo_store_secret_delete(l->store, c->id, kind, &was, err);
}

int nilo__login_write(struct nilo_login *l, const struct nilo_connection *c, const struct nilo_login_set *set, const char *why, struct nilo_err *err)
{
    struct nilo_login_row row = {.connection = c->id,
                                 .account = set->account,
                                 .account_name = set->account_name,
                                 .scopes = set->scopes,
                                 .connected_at = now_of(l),
                                 /* without an access token the first thing to do is to get one */
                                 .access_until = set->access_token != NULL ? set->access_until : now_of(l),
                                 .refresh_until = set->refresh_until,
                                 .renewable = set->refresh_token != NULL},
                          was;
    struct nilo_arena arena;
    bool there;
    int64_t generation;
    nilo_arena_init(&arena, 0);
    int rc = nilo_store_login(l->store, c->id, &arena, &there, &was, err);
    if (rc == 0 && there && set->account == NULL) {
        row.account = was.account;
        row.account_name = was.account_name;
    }
    if (rc == 0 && there && set->scopes == NULL)
        row.scopes = was.scopes;
    if (rc == 0)
        rc = nilo_store_login_put(l->store, &row, &generation, err);
    nilo_arena_done(&arena);
    if (rc != 0 || put(l, c, ACCESS, set->access_token, err) != 0 || put(l, c, REFRESH, set->refresh_token, err) != 0)
        return -1;
    return strcmp(c->status, "connected") == 0 ? 0 : nilo_store_connection_turn(l->store, c->id, "connected", why, NULL, err);
}

int nilo_login_store(struct nilo_login *l, const struct nilo_connection *c, const struct nilo_login_set *set, struct nilo_err *err)
{
    struct nilo_connection is;
    if (set->access_token == NULL && set->refresh_token == NULL)
        return nilo_err_set(err, NILO_EINVAL, "there is no token to store");
    if (nilo_store_begin(l->store, err) != 0)
        return -1;
    if (nilo__login_ring(l, err) != 0 || nilo_store_connection_get(l->store, c->id, &is, err) != 0 || nilo__login_write(l, &is, set, "signed in again", err) != 0) {
        nilo_store_rollback(l->store);
        return -1;
    }
    return nilo_store_commit(l->store, err);
}
