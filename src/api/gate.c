/* See gate.h. Loops hold the lock for reading while they check one request; a reload holds it for as long as it takes to exchange some pointers. */
#include "api/gate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/admins.h"
#include "api/admit.h"
#include "api/book.h"
#include "api/limit.h"
#include "base/crypt.h"
#include "base/log.h"

/* What a load makes, and exchanges as a whole. */
struct rules {
    struct nilo_config *config;
    struct nilo_keys *ring;
    struct nilo_jwt_keys *tokens;
    struct nilo_admins *asked; /* NULL: nobody is asked */
    const char **admins;       /* subs; NULL-terminated; text in config */
    char *cron;                /* secret memory; NULL = none */
    bool anonymous, cron_in_query, limits;
    int64_t per_minute;
};

struct nilo_gate {
    const struct nilo_env *env;
    pthread_rwlock_t lock; /* rules and what they point to */
    struct rules rules;
    struct nilo_book *book; /* NULL: the store was not asked yet */
    struct nilo_limit *limit;
    _Atomic uint64_t changes;
    struct {
        pthread_t thread;
        pthread_mutex_t mutex;
        pthread_cond_t moved;
        bool running, quit;
        int (*open)(void *ctx, struct nilo_store **ret, struct nilo_err *err);
        void *ctx;
    } watch;
};

#define PER_MINUTE 100 /* where no configuration says another number */

static void rules_done(struct rules *r)
{
    nilo_admins_free(r->asked);
    nilo_jwt_keys_free(r->tokens);
    nilo_keys_free(r->ring);
    nilo_secret_free(r->cron);
    free(r->admins);
    nilo_config_free(r->config);
    *r = (struct rules){0};
}

int nilo_gate_new(const struct nilo_env *env, struct nilo_gate **ret, struct nilo_err *err)
{
    struct nilo_gate *g = calloc(1, sizeof(*g));
    if (g == NULL)
        return nilo_err_nomem(err);
    if (nilo_limit_new(&env->random, &g->limit, err) != 0) {
        free(g);
        return -1;
    }
    g->env = env;
    g->rules = (struct rules){.limits = true, .per_minute = PER_MINUTE};
    pthread_rwlock_init(&g->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&g->watch.mutex, NULL);
    pthread_cond_init(&g->watch.moved, &attr);
    pthread_condattr_destroy(&attr);
    *ret = g;
    return 0;
}

void nilo_gate_free(struct nilo_gate *g)
{
    if (g == NULL)
        return;
    nilo_gate_unwatch(g);
    rules_done(&g->rules);
    nilo_book_free(g->book);
    nilo_limit_free(g->limit);
    pthread_cond_destroy(&g->watch.moved);
    pthread_mutex_destroy(&g->watch.mutex);
    pthread_rwlock_destroy(&g->lock);
    free(g);
}

/* ---- loading ---------------------------------------------------------------------------------------------------------------------------- */

static void *moved_to_secret(char *plain)
{
    size_t n = strlen(plain) + 1;
    char *kept = nilo_secret_alloc(n);
    if (kept != NULL)
        memcpy(kept, plain, n);
    nilo_secret_wipe(plain, n);
    free(plain);
    return kept;
}

static int add_token(struct rules *r, const struct nilo_config_token *t, struct nilo_err *err)
{
    const struct nilo_jwt_rule rule = {.kid = t->kid, .typ = t->typ, .iss = t->issuer, .aud = t->audience, .admin_claim = t->admin_claim};
    bool shared = strcmp(t->alg, "HS256") == 0;
    char *text = NULL;
    if (nilo_config_secret(shared ? t->secret : t->public_key, &text, err) != 0)
        return -1;
    int rc = shared ? nilo_jwt_keys_add_secret(r->tokens, text, strlen(text), &rule, err)
                    : nilo_jwt_keys_add_public(r->tokens, strcmp(t->alg, "RS256") == 0 ? NILO_JWT_RS256 : NILO_JWT_ES256, text, strlen(text), &rule, err);
    nilo_secret_wipe(text, strlen(text));
    free(text);
    return rc;
}

static int add_tokens(struct rules *r, struct nilo_err *err)
{
    const struct nilo_config *c = r->config;
    for (int i = 0; i < c->auth.n_tokens; i++) {
        const struct nilo_config_token *t = &c->auth.tokens[i];
        struct nilo_err why = {0};
        if (add_token(r, t, &why) != 0)
            return nilo_err_set(err, why.code, "%s:%d: auth.tokens[%d].%s: %s", c->path, t->line, i, t->secret != NULL ? "secret" : "public_key", why.msg);
    }
    return 0;
}

static int add_admins(struct rules *r, const struct nilo_env *env, struct nilo_err *err)
{
    const struct nilo_config_auth *a = &r->config->auth;
    int n = 0;
    r->admins = calloc((size_t)a->n_admins + 1, sizeof(*r->admins));
    if (r->admins == NULL)
        return nilo_err_nomem(err);
    for (int i = 0; i < a->n_admins; i++) {
        if (a->admins[i].sub != NULL)
            r->admins[n++] = a->admins[i].sub;
    }
    return nilo_admins_new(r->config, env, &r->asked, err);
}

static int add_cron(struct rules *r, struct nilo_err *err)
{
    const struct nilo_config *c = r->config;
    struct nilo_err why = {0};
    char *text = NULL;
    if (c->cron_secret == NULL)
        return 0;
    if (nilo_config_secret(c->cron_secret, &text, &why) == 0) {
        r->cron = moved_to_secret(text);
        if (r->cron == NULL)
            return nilo_err_nomem(err);
        if (nilo_cron_secret_check(r->cron, &why) == 0)
            return 0;
    }
    return nilo_err_set(err, why.code, "%s:%d: cron_secret: %s", c->path, c->cron_secret_line, why.msg);
}

static bool is(const char *word, const char *what)
{
    return word != NULL && strcmp(word, what) == 0;
}

static int fill(struct rules *r, const struct nilo_env *env, struct nilo_err *err)
{
    if (r->tokens == NULL && nilo_jwt_keys_new(&r->tokens, err) != 0)
        return -1;
    nilo_jwt_keys_remember(r->tokens, &env->random);
    if (r->ring != NULL && nilo_api_token_keys(r->tokens, r->ring, err) != 0)
        return -1;
    if (r->config == NULL)
        return 0;
    r->anonymous = r->anonymous || is(r->config->auth.anonymous, "true");
    r->cron_in_query = is(r->config->cron_query_secret, "true");
    r->limits = !is(r->config->limits, "off");
    r->per_minute = r->config->queries_per_minute;
    return add_tokens(r, err) == 0 && add_admins(r, env, err) == 0 ? add_cron(r, err) : -1;
}

int nilo_gate_load(struct nilo_gate *g, const struct nilo_gate_rules *rules, struct nilo_err *err)
{
    struct rules fresh = {.config = rules->config, .ring = rules->ring, .tokens = rules->tokens, .anonymous = rules->anonymous, .limits = true,
                          .per_minute = PER_MINUTE};
    if (fill(&fresh, g->env, err) != 0) {
        rules_done(&fresh);
        return -1;
    }
    pthread_rwlock_wrlock(&g->lock);
    struct rules old = g->rules;
    g->rules = fresh;
    atomic_fetch_add(&g->changes, 1);
    pthread_rwlock_unlock(&g->lock);
    rules_done(&old);
    return 0;
}

int nilo_gate_ring(struct nilo_gate *g, struct nilo_keys *ring, struct nilo_err *err)
{
    struct rules fresh = {.config = g->rules.config, .ring = ring}; /* nobody else exchanges them meanwhile */
    int rc = nilo_jwt_keys_new(&fresh.tokens, err);
    if (rc == 0)
        nilo_jwt_keys_remember(fresh.tokens, &g->env->random);
    if (rc == 0 && ring != NULL)
        rc = nilo_api_token_keys(fresh.tokens, ring, err);
    if (rc == 0 && fresh.config != NULL)
        rc = add_tokens(&fresh, err);
    if (rc == 0) {
        pthread_rwlock_wrlock(&g->lock);
        struct nilo_jwt_keys *tokens = g->rules.tokens;
        struct nilo_keys *keys = g->rules.ring;
        g->rules.tokens = fresh.tokens;
        g->rules.ring = ring;
        fresh = (struct rules){.tokens = tokens, .ring = keys};
        atomic_fetch_add(&g->changes, 1);
        pthread_rwlock_unlock(&g->lock);
    }
    fresh.config = NULL;
    rules_done(&fresh);
    return rc;
}

/* ---- the book of keys ---------------------------------------------------------------------------------------------------------------------- */

static int64_t known_changes(struct nilo_gate *g)
{
    pthread_rwlock_rdlock(&g->lock);
    int64_t known = g->book != NULL ? nilo_book_changes(g->book) : -1;
    pthread_rwlock_unlock(&g->lock);
    return known;
}

int nilo_gate_refresh(struct nilo_gate *g, struct nilo_store *s, struct nilo_err *err)
{
    struct nilo_book *fresh;
    int64_t now;
    if (nilo_store_access_changes(s, &now, err) != 0)
        return -1;
    if (now == known_changes(g))
        return 0;
    if (nilo_book_new(s, &fresh, err) != 0)
        return -1;
    pthread_rwlock_wrlock(&g->lock);
    struct nilo_book *old = g->book;
    g->book = fresh;
    atomic_fetch_add(&g->changes, 1);
    pthread_rwlock_unlock(&g->lock);
    nilo_book_free(old);
    return 0;
}

/* true: the time has passed; false: quit. */
static bool next_round(struct nilo_gate *g)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += NILO_GATE_EVERY * 1000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&g->watch.mutex);
    int rc = 0;
    while (!g->watch.quit && rc == 0)
        rc = pthread_cond_timedwait(&g->watch.moved, &g->watch.mutex, &until);
    bool quit = g->watch.quit;
    pthread_mutex_unlock(&g->watch.mutex);
    return !quit;
}

/* A store that does not answer is told once, and once that it does again. */
static void *watch(void *ctx)
{
    struct nilo_gate *g = ctx;
    struct nilo_store *s = NULL;
    bool failing = false;
    do {
        struct nilo_err err = {0};
        int rc = s != NULL ? 0 : g->watch.open(g->watch.ctx, &s, &err);
        if (rc == 0)
            rc = nilo_gate_refresh(g, s, &err);
        if (rc != 0) {
            nilo_store_close(s);
            s = NULL;
        }
        if (rc != 0 && !failing)
            nilo_log(NILO_LOG_WARNING, "keys of the API cannot be read, what was known of them stays in force", {"error", err.msg});
        if (rc == 0 && failing)
            nilo_log(NILO_LOG_NOTICE, "keys of the API are read again", {"every", "250 ms"});
        failing = rc != 0;
    } while (next_round(g));
    nilo_store_close(s);
    return NULL;
}

int nilo_gate_watch(struct nilo_gate *g, int (*open)(void *ctx, struct nilo_store **ret, struct nilo_err *err), void *ctx, struct nilo_err *err)
{
    g->watch.quit = false;
    g->watch.open = open;
    g->watch.ctx = ctx;
    if (pthread_create(&g->watch.thread, NULL, watch, g) != 0)
        return nilo_err_set(err, NILO_EBUSY, "no thread can be made for watching the keys of the API");
    g->watch.running = true;
    return 0;
}

void nilo_gate_unwatch(struct nilo_gate *g)
{
    if (!g->watch.running)
        return;
    pthread_mutex_lock(&g->watch.mutex);
    g->watch.quit = true;
    pthread_cond_signal(&g->watch.moved);
    pthread_mutex_unlock(&g->watch.mutex);
    pthread_join(g->watch.thread, NULL);
    g->watch.running = false;
}

/* ---- limits -------------------------------------------------------------------------------------------------------------------------------- */

static nilo_us mono(const struct nilo_gate *g)
{
    return g->env->clock.mono(g->env->clock.ctx);
}

static long long seconds(nilo_us span)
{
    return (long long)((span + NILO_US_SECOND - 1) / NILO_US_SECOND);
}

static int too_many(struct nilo_exchange *x, const char *message, nilo_us wait, const char *hint)
{
    char details[64];
    snprintf(details, sizeof(details), "try again in %lld s", seconds(wait));
    nilo_answer_error(x, 429, "53400", message, details, hint);
    nilo_answer_header(x, "Retry-After", "%lld", seconds(wait));
    nilo_answer_header(x, "Cache-Control", "no-store");
    return NILO_LATER;
}

/* Whoever runs the server is not limited. */
static bool limited(const struct nilo_gate *g, const struct nilo_exchange *x)
{
    return g->rules.limits && !nilo_req_unix(x);
}

/* An address that tried too many bad credentials: those it shows now are not even looked at, so that a guess more costs the wait whether it is right or not. */
static int waits_in_any_case(struct nilo_gate *g, struct nilo_exchange *x)
{
    nilo_us wait = nilo_limit_wait(g->limit, nilo_req_address(x), mono(g));
    return wait != 0 ? too_many(x, "too many requests with credentials that are not valid came from this address", wait, NULL) : 0;
}

static int waits(struct nilo_gate *g, struct nilo_exchange *x, const struct nilo_credential_shown *shown)
{
    return shown->authorization != NULL || shown->apikey != NULL || shown->query_n > 0 ? waits_in_any_case(g, x) : 0;
}

/* The user: sub, else the key and the address. The key by its id, else as it was shown (it is hashed, and kept nowhere). */
static void name_of_user(const struct nilo_exchange *x, const struct nilo_principal *p, struct nilo_buf *out)
{
    struct nilo_credential_shown shown;
    if (p->sub != NULL) {
        nilo_buf_addf(out, "sub %s", p->sub);
        return;
    }
    nilo_req_credentials(x, &shown);
    nilo_buf_addf(out, "key %s ", nilo_req_address(x));
    if (p->key_id != NULL)
        nilo_buf_adds(out, p->key_id);
    else if (shown.authorization != NULL)
        nilo_buf_add(out, shown.authorization, shown.authorization_n);
    else if (shown.apikey != NULL)
        nilo_buf_add(out, shown.apikey, shown.apikey_n);
}

/* What the service writes is no query: programs that hand in their rows one by one have no other way. */
static bool is_query(const struct nilo_exchange *x, const struct nilo_principal *p)
{
    enum nilo_method m = nilo_req_method(x);
    return p->role != NILO_ROLE_SERVICE || m == NILO_GET || m == NILO_HEAD;
}

static int count_query(struct nilo_gate *g, struct nilo_exchange *x, struct nilo_principal *p)
{
    struct nilo_buf name;
    if (!is_query(x, p))
        return 0;
    nilo_buf_init(&name, 65536);
    name_of_user(x, p, &name);
    bool fine = name.failed || nilo_limit_take(g->limit, nilo_buf_str(&name), name.len, g->rules.per_minute, mono(g), &p->quota);
    nilo_secret_wipe(name.data, name.len);
    nilo_buf_done(&name);
    if (fine)
        return 0;
    char message[96];
    snprintf(message, sizeof(message), "more than %lld queries within a minute", (long long)p->quota.limit);
    return too_many(x, message, p->quota.reset, "ask less often, or for more at once");
}

void nilo_gate_decorate(struct nilo_exchange *x)
{
    const struct nilo_principal *p = nilo_req_principal(x);
    if (p == NULL || p->quota.limit == 0)
        return;
    nilo_answer_header(x, "RateLimit-Limit", "%lld", (long long)p->quota.limit);
    nilo_answer_header(x, "RateLimit-Remaining", "%lld", (long long)p->quota.remaining);
    nilo_answer_header(x, "RateLimit-Reset", "%lld", seconds(p->quota.reset));
    nilo_answer_header(x, "RateLimit-Policy", "%lld;w=60", (long long)p->quota.limit);
}

/* ---- the hooks ------------------------------------------------------------------------------------------------------------------------------ */

/* Who is signed in may be an admin by what an app's database says. */
static void decide(const struct nilo_gate *g, struct nilo_principal *p)
{
    if (g->rules.asked == NULL || p->role != NILO_ROLE_AUTHENTICATED || p->sub == NULL)
        return;
    int known = nilo_admins_known(g->rules.asked, p->sub);
    if (known == 1)
        p->role = NILO_ROLE_ADMIN;
    p->undecided = known < 0;
}

/* The lock is held. */
static struct nilo_credential_rules rules_now(const struct nilo_gate *g)
{
    return (struct nilo_credential_rules){.tokens = g->rules.tokens, .ring = g->rules.ring, .admins = g->rules.admins,
                                          .book = nilo_book_view(g->book), .anonymous = g->rules.anonymous};
}

uint64_t nilo_gate_changes(const struct nilo_gate *g)
{
    return atomic_load(&g->changes);
}

enum nilo_credential_result nilo_gate_still(struct nilo_gate *g, const struct nilo_credential_shown *shown, struct nilo_arena *arena,
                                            struct nilo_principal *ret)
{
    pthread_rwlock_rdlock(&g->lock);
    const struct nilo_credential_rules rules = rules_now(g);
    enum nilo_credential_result r = nilo_credential_check(shown, &rules, g->env->clock.wall(g->env->clock.ctx), arena, ret);
    if (r == NILO_CREDENTIAL_OK)
        decide(g, ret);
    pthread_rwlock_unlock(&g->lock);
    return r;
}

static int admit(struct nilo_gate *g, struct nilo_exchange *x)
{
    const struct nilo_credential_rules rules = rules_now(g);
    struct nilo_credential_shown shown;
    struct nilo_principal *p;
    nilo_req_credentials(x, &shown);
    if (limited(g, x) && waits(g, x, &shown) != 0)
        return NILO_LATER;
    enum nilo_credential_result r = nilo_admit_who(x, &rules, g->env->clock.wall(g->env->clock.ctx), &p);
    if (r == NILO_CREDENTIAL_BAD && limited(g, x))
        nilo_limit_failed(g->limit, nilo_req_address(x), mono(g));
    if (p == NULL)
        return NILO_LATER;
    decide(g, p);
    if (limited(g, x) && count_query(g, x, p) != 0)
        return NILO_LATER;
    if (p->role == NILO_ROLE_SERVICE && nilo_req_route(x)->body_max == 0)
        nilo_req_body_max_set(x, NILO_SERVICE_BODY_MAX);
    /* an undecided one gets its answer on the worker */
    return p->undecided && nilo_req_route(x)->handler != NULL && nilo_req_route(x)->who == NILO_WHO_ADMIN ? 0 : nilo_admit_may(x, p);
}

int nilo_gate_admit(struct nilo_gate *g, struct nilo_exchange *x)
{
    pthread_rwlock_rdlock(&g->lock);
    int rc = admit(g, x);
    pthread_rwlock_unlock(&g->lock);
    return rc;
}

/* Holds the lock while a database answers, 5 s at most a question: a reload waits so long; loops do not, readers are let through. */
static int ask(struct nilo_gate *g, const char *sub, bool *ret, struct nilo_err *err)
{
    *ret = false;
    pthread_rwlock_rdlock(&g->lock);
    int rc = g->rules.asked != NULL ? nilo_admins_ask(g->rules.asked, sub, ret, err) : 0;
    pthread_rwlock_unlock(&g->lock);
    return rc;
}

int nilo_gate_authorize(struct nilo_gate *g, struct nilo_exchange *x)
{
    struct nilo_principal *p = nilo_req_identity(x);
    struct nilo_err err = {0};
    bool admin;
    if (p == NULL || !p->undecided)
        return 0;
    if (ask(g, p->sub, &admin, &err) != 0) {
        nilo_log(NILO_LOG_WARNING, "an admin cannot be told", {"error", err.msg});
        if (nilo_req_route(x)->who != NILO_WHO_ADMIN)
            return 0; /* still undecided: what every signed-in user gets */
        nilo_answer_error(x, 503, "08006", "whether you are an admin cannot be asked at present", NULL, "try again");
        nilo_answer_header(x, "Retry-After", "1");
        return NILO_LATER;
    }
    p->undecided = false;
    if (admin)
        p->role = NILO_ROLE_ADMIN;
    return nilo_admit_may(x, p);
}

int nilo_gate_cron(struct nilo_gate *g, struct nilo_exchange *x)
{
    struct nilo_credential_shown shown;
    nilo_req_credentials(x, &shown);
    pthread_rwlock_rdlock(&g->lock);
    int rc = limited(g, x) ? waits(g, x, &shown) : 0;
    if (rc == 0 && !nilo_cron_allows(&shown, g->rules.cron, g->rules.cron_in_query)) {
        if (limited(g, x) && (shown.authorization != NULL || shown.query_n > 0))
            nilo_limit_failed(g->limit, nilo_req_address(x), mono(g));
        nilo_admit_refuse(x, NILO_CREDENTIAL_BAD);
        rc = NILO_LATER;
    }
    pthread_rwlock_unlock(&g->lock);
    return rc;
}

int nilo_gate_hook(struct nilo_gate *g, struct nilo_exchange *x)
{
    pthread_rwlock_rdlock(&g->lock);
    int rc = limited(g, x) ? waits_in_any_case(g, x) : 0;
    pthread_rwlock_unlock(&g->lock);
    return rc;
}

void nilo_gate_hook_failed(struct nilo_gate *g, struct nilo_exchange *x)
{
    pthread_rwlock_rdlock(&g->lock);
    if (limited(g, x))
        nilo_limit_failed(g->limit, nilo_req_address(x), mono(g));
    pthread_rwlock_unlock(&g->lock);
}
