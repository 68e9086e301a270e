/* Tokens of connections: handed out while they hold, renewed once for all who want them, stored before they are used, given up with a reason.
 * Both engines; the platform is fake.c, the clock virtual. */
#include "store/stores.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/env.h"
#include "fake.h"
#include "login/login.h"
#include "support/tmp.h"

/* ---- a world: a store with keys and one connection that is signed in, and a platform -------------------------------------------------- */

struct world {
    struct stores *s;
    struct fake fake;
    struct nilo_config *config;
    struct nilo_login *login;
    struct nilo_connection c;
    char *keys;
};

static void save_ring(struct world *w, bool more)
{
    struct stores *s = w->s;
    struct nilo_keys *r;
    enum nilo_keys_place place;
    if (w->keys == NULL)
        ok(s, nilo_keys_path(nilo_store_uuid(s->store), &w->keys, &place, &s->err));
    if (!more) /* stores of tests are of one identity */
        unlink(w->keys);
    if (more)
        ok(s, nilo_keys_load(w->keys, nilo_store_uuid(s->store), &r, &s->err));
    else
        ok(s, nilo_keys_new(nilo_store_uuid(s->store), &r, &s->err));
    ok(s, nilo_keys_add(r, NILO_KEY_MASTER, &s->env, &s->err));
    ok(s, nilo_keys_save(r, w->keys, more, &s->err));
    nilo_keys_free(r);
}

static void begin(struct world *w, struct stores *s)
{
    static const char config[] = "platforms:\n  - platform: youtube\n    client_id: app-id\n    client_secret: env:TEST_CLIENT_SECRET\n"
                                 "    settings:\n      - name: token_url\n        value: http://127.0.0.1:1/token\n";
    *w = (struct world){.s = s};
    setenv("TEST_CLIENT_SECRET", "app-secret", 1);
    setenv("NILOMETER_KEYS", nilo_test_path("keys"), 1);
    nilo_test_write(nilo_test_path("c.yaml"), config, strlen(config));
    ok(s, nilo_config_load(nilo_test_path("c.yaml"), &s->env, &w->config, &s->err));
    save_ring(w, false);
    w->c = stores_connection(s, "w", NULL, "c", FAKE_PLATFORM, "db");
    ok(s, nilo_login_new(s->store, w->config, fake_start(&w->fake, &s->env), &w->login, &s->err));
    const struct nilo_login_set set = {.access_token = "access-0", .refresh_token = "refresh-1", .access_until = stores_us(STORES_START) + NILO_US_HOUR,
                                       .refresh_until = NILO_US_NONE, .account = "UC1"};
    ok(s, nilo_login_store(w->login, &w->c, &set, &s->err));
}

static void end(struct world *w)
{
    nilo_login_free(w->login);
    fake_end(&w->fake);
    nilo_config_free(w->config);
    free(w->keys);
}

static void later(struct world *w, nilo_us span)
{
    nilo_virtual_clock_advance(&w->s->clock, span);
}

/* A token, and which one it is. */
static int64_t has_token(struct world *w, int64_t refused, const char *wanted)
{
    struct nilo_token t = {0};
    ok(w->s, nilo_token_get(w->login, &w->c, refused, &t, &w->s->err));
    assert_string_equal(t.bearer, wanted);
    int64_t generation = t.generation;
    nilo_token_done(&t);
    return generation;
}

static void refuses(struct world *w, enum nilo_code code, int64_t refused, const char *words)
{
    struct nilo_token t = {0};
    fails(w->s, code, nilo_token_get(w->login, &w->c, refused, &t, &w->s->err));
    if (strstr(w->s->err.msg, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", w->s->err.msg, words);
    assert_null(strstr(w->s->err.msg, "refresh-"));
    assert_null(strstr(w->s->err.msg, "access-"));
}

static void status_is(struct world *w, const char *wanted)
{
    struct nilo_connection c;
    ok(w->s, nilo_store_connection_get(w->s->store, w->c.id, &c, &w->s->err));
    assert_string_equal(c.status, wanted);
}

static void secret_is(struct world *w, const char *kind, const char *wanted)
{
    struct nilo_keys *r;
    char *got;
    size_t n;
    ok(w->s, nilo_keys_load(w->keys, nilo_store_uuid(w->s->store), &r, &w->s->err));
    ok(w->s, nilo_secret_get(w->s->store, r, &w->c, kind, &got, &n, &w->s->err));
    assert_string_equal(got, wanted);
    nilo_secret_free(got);
    nilo_keys_free(r);
}

/* ---- what holds ---------------------------------------------------------------------------------------------------------------------------- */

static void a_token_that_holds_is_handed_out(struct stores *s)
{
    struct world w;
    begin(&w, s);
    for (int i = 0; i < 3; i++)
        assert_int_equal(has_token(&w, NILO_TOKEN_FIRST, "access-0"), 1);
    later(&w, 54 * NILO_US_MINUTE);
    has_token(&w, NILO_TOKEN_FIRST, "access-0");
    assert_int_equal(w.fake.refreshes, 0);
    end(&w);
}

static void one_that_ends_soon_is_renewed_once(struct stores *s)
{
    struct world w;
    begin(&w, s);
    later(&w, 56 * NILO_US_MINUTE);
    assert_int_equal(has_token(&w, NILO_TOKEN_FIRST, "access-1"), 2);
    for (int i = 0; i < 8; i++)
        has_token(&w, NILO_TOKEN_FIRST, "access-1");
    assert_int_equal(w.fake.refreshes, 1);
    secret_is(&w, "access_token", "access-1");
    secret_is(&w, "refresh_token", "refresh-1"); /* the platform gave no new one: the one there is stays */
    end(&w);
}

static void a_refresh_token_that_rotates_is_stored_with_the_token(struct stores *s)
{
    struct world w;
    begin(&w, s);
    w.fake.rotates = true;
    for (int i = 1; i <= 5; i++) {
        char token[32];
        later(&w, NILO_US_HOUR);
        snprintf(token, sizeof token, "access-%d", i);
        has_token(&w, NILO_TOKEN_FIRST, token);
        snprintf(token, sizeof token, "refresh-%d", i + 1);
        secret_is(&w, "refresh_token", token);
    }
    assert_int_equal(w.fake.refreshes, 5);
    end(&w);
}

static void a_refused_token_is_renewed_once_then_the_connection_is_expired(struct stores *s)
{
    struct world w;
    begin(&w, s);
    int64_t g = has_token(&w, NILO_TOKEN_FIRST, "access-0");
    g = has_token(&w, g, "access-1");
    /* another worker that had the old one: it gets the new one */
    assert_int_equal(has_token(&w, 1, "access-1"), g);
    assert_int_equal(w.fake.refreshes, 1);
    refuses(&w, NILO_EPERM, g, "just renewed");
    refuses(&w, NILO_EPERM, NILO_TOKEN_FIRST, "connection connect c");
    assert_int_equal(w.fake.refreshes, 1);
    status_is(&w, "expired");
    assert_int_equal(stores_int(s, "SELECT count(*) FROM connection_status WHERE status = 'expired'"), 1);
    /* signing in again brings it back */
    const struct nilo_login_set set = {.access_token = "access-9", .access_until = NILO_US_NONE, .refresh_until = NILO_US_NONE};
    ok(s, nilo_login_store(w.login, &w.c, &set, &s->err));
    status_is(&w, "connected");
    has_token(&w, NILO_TOKEN_FIRST, "access-9");
    end(&w);
}

static void one_that_cannot_be_renewed_ends(struct stores *s)
{
    struct world w;
    begin(&w, s);
    const struct nilo_login_set set = {.access_token = "access-9", .access_until = stores_us(STORES_START) + NILO_US_HOUR, .refresh_until = NILO_US_NONE};
    ok(s, nilo_login_store(w.login, &w.c, &set, &s->err));
    later(&w, 59 * NILO_US_MINUTE);
    has_token(&w, NILO_TOKEN_FIRST, "access-9");
    later(&w, NILO_US_MINUTE);
    refuses(&w, NILO_EPERM, NILO_TOKEN_FIRST, "cannot be renewed");
    status_is(&w, "expired");
    end(&w);
}

/* ---- what the platform may answer -------------------------------------------------------------------------------------------------------- */

static void answers_of_all_kinds(struct stores *s)
{
    static const struct {
        int status;
        const char *answer;
        bool none;
        enum nilo_code code;
        const char *words, *status_after;
    } cases[] = {
        {400, "{\"error\":\"invalid_grant\",\"error_description\":\"refresh-1 was revoked\"}", false, NILO_EPERM, "invalid_grant", "expired"},
        {401, "{\"error\":\"invalid_client\"}", false, NILO_ECONFIG, "does not know the app", "connected"},
        {500, "{}", false, NILO_ESOURCE, "http 500", "connected"},
        {429, "", false, NILO_ESOURCE, "http 429", "connected"},
        {200, "<html>Sign in</html>", false, NILO_ESOURCE, "something else than tokens", "connected"},
        {200, "{\"error\":\"ok\"}", false, NILO_ESOURCE, "something else than tokens", "connected"},
        {200, "{\"access_token\":\"\"}", false, NILO_ESOURCE, "something else than tokens", "connected"},
        {302, "", false, NILO_ESOURCE, "something else than tokens", "connected"},
        {0, NULL, true, NILO_ESOURCE, "could not be asked", "connected"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world w;
        if (i > 0 && stores_fresh(s) != 0)
            return;
        begin(&w, s);
        later(&w, 2 * NILO_US_HOUR);
        w.fake.answer = cases[i].answer;
        w.fake.status = cases[i].status;
        w.fake.no_answer = cases[i].none;
        refuses(&w, cases[i].code, NILO_TOKEN_FIRST, cases[i].words);
        status_is(&w, cases[i].status_after);
        assert_int_equal(stores_int(s, "SELECT count(*) FROM connection_login WHERE problem IS NOT NULL AND lease_until IS NULL"), 1);
        assert_int_equal(stores_int(s, "SELECT count(*) FROM connection_login WHERE problem LIKE '%refresh-%'"), 0);
        assert_int_equal(stores_int(s, "SELECT count(*) FROM connection_secret"), 2);
        end(&w);
    }
}

static void a_platform_that_does_not_answer_is_left_alone_for_a_while(struct stores *s)
{
    struct world w;
    begin(&w, s);
    w.fake.no_answer = true;
    later(&w, 56 * NILO_US_MINUTE); /* the token holds for four more minutes */
    refuses(&w, NILO_ESOURCE, NILO_TOKEN_FIRST, "could not be asked");
    assert_int_equal(w.fake.refreshes, 1);
    has_token(&w, NILO_TOKEN_FIRST, "access-0");
    has_token(&w, NILO_TOKEN_FIRST, "access-0");
    assert_int_equal(w.fake.refreshes, 1);
    w.fake.no_answer = false;
    later(&w, 10 * NILO_US_SECOND);
    has_token(&w, NILO_TOKEN_FIRST, "access-2"); /* the first one was given out, to nobody */
    assert_int_equal(stores_int(s, "SELECT count(*) FROM connection_login WHERE problem IS NULL AND failures = 0"), 1);
    end(&w);
}

/* ---- several at once ------------------------------------------------------------------------------------------------------------------------ */

static void others_wait_for_the_one_who_renews(struct stores *s)
{
    struct world w;
    struct nilo_token_ask first = {0}, other = {0};
    struct nilo_http_answer *answer;
    struct nilo_token t = {0};
    uint64_t id;
    begin(&w, s);
    later(&w, 2 * NILO_US_HOUR);
    ok(s, nilo_token_ask(w.login, &w.c, NILO_TOKEN_FIRST, &first, &s->err));
    assert_int_equal(first.step, NILO_TOKEN_SEND);
    for (int i = 0; i < 7; i++) {
        ok(s, nilo_token_ask(w.login, &w.c, NILO_TOKEN_FIRST, &other, &s->err));
        assert_int_equal(other.step, NILO_TOKEN_WAIT);
    }
    ok(s, nilo_http_start(w.fake.http, &first.call->http, &id, &s->err));
    ok(s, nilo_http_poll(w.fake.http, 0, &s->err));
    answer = nilo_http_next(w.fake.http);
    ok(s, nilo_token_answered(w.login, first.renewal, answer, &t, &s->err));
    nilo_http_answer_free(answer);
    assert_string_equal(t.bearer, "access-1");
    nilo_token_done(&t);
    has_token(&w, NILO_TOKEN_FIRST, "access-1");
    assert_int_equal(w.fake.refreshes, 1);
    /* one that is not sent after all keeps nobody waiting */
    later(&w, 2 * NILO_US_HOUR);
    ok(s, nilo_token_ask(w.login, &w.c, NILO_TOKEN_FIRST, &first, &s->err));
    nilo_token_give_up(w.login, first.renewal);
    has_token(&w, NILO_TOKEN_FIRST, "access-2");
    end(&w);
}

/* The one with the lease is slow, its lease ends, another one renews; then the slow one's answer comes. */
static void a_late_answer_takes_nothing_back(struct stores *s)
{
    struct world w;
    struct nilo_token_ask slow = {0};
    struct nilo_token t = {0};
    uint64_t id;
    begin(&w, s);
    later(&w, 2 * NILO_US_HOUR);
    ok(s, nilo_token_ask(w.login, &w.c, NILO_TOKEN_FIRST, &slow, &s->err));
    ok(s, nilo_http_start(w.fake.http, &slow.call->http, &id, &s->err));
    ok(s, nilo_http_poll(w.fake.http, 0, &s->err));
    struct nilo_http_answer *late = nilo_http_next(w.fake.http); /* access-1 */
    later(&w, 2 * NILO_US_MINUTE);
    has_token(&w, NILO_TOKEN_FIRST, "access-2");
    ok(s, nilo_token_answered(w.login, slow.renewal, late, &t, &s->err));
    nilo_http_answer_free(late);
    assert_string_equal(t.bearer, "access-2");
    nilo_token_done(&t);
    secret_is(&w, "access_token", "access-2");
    end(&w);
}

/* With a platform that rotates, the second one is refused, and the first one's answer is the only set that lives. */
static void a_late_answer_that_is_the_newest_is_taken(struct stores *s)
{
    struct world w;
    struct nilo_token_ask slow = {0};
    struct nilo_token t = {0};
    uint64_t id;
    begin(&w, s);
    w.fake.rotates = true;
    later(&w, 2 * NILO_US_HOUR);
    ok(s, nilo_token_ask(w.login, &w.c, NILO_TOKEN_FIRST, &slow, &s->err));
    ok(s, nilo_http_start(w.fake.http, &slow.call->http, &id, &s->err));
    ok(s, nilo_http_poll(w.fake.http, 0, &s->err));
    struct nilo_http_answer *late = nilo_http_next(w.fake.http);
    later(&w, 2 * NILO_US_MINUTE);
    refuses(&w, NILO_EPERM, NILO_TOKEN_FIRST, "what it brought is lost");
    status_is(&w, "expired");
    ok(s, nilo_token_answered(w.login, slow.renewal, late, &t, &s->err));
    nilo_http_answer_free(late);
    assert_string_equal(t.bearer, "access-1");
    nilo_token_done(&t);
    status_is(&w, "connected");
    secret_is(&w, "refresh_token", "refresh-2");
    end(&w);
}

/* ---- keys ---------------------------------------------------------------------------------------------------------------------------------- */

static void rotate_in_between(void *ctx)
{
    struct world *w = ctx;
    struct nilo_keys *r;
    int n;
    save_ring(w, true);
    ok(w->s, nilo_keys_load(w->keys, nilo_store_uuid(w->s->store), &r, &w->s->err));
    ok(w->s, nilo_secret_reseal(w->s->store, r, 0, &n, &w->s->err));
    nilo_keys_free(r);
}

static void the_master_key_is_rotated_while_tokens_are_renewed(struct stores *s)
{
    struct world w;
    begin(&w, s);
    w.fake.rotates = true;
    for (int i = 1; i <= 4; i++) {
        char token[32];
        later(&w, NILO_US_HOUR);
        w.fake.before = rotate_in_between;
        w.fake.ctx = &w;
        snprintf(token, sizeof token, "access-%d", i);
        has_token(&w, NILO_TOKEN_FIRST, token);
        /* what is stored now is under the newest key */
        struct nilo_keys *r;
        int n;
        ok(s, nilo_keys_load(w.keys, nilo_store_uuid(s->store), &r, &s->err));
        ok(s, nilo_secret_count(s->store, r, NULL, &n, &s->err));
        assert_int_equal(n, 0);
        nilo_keys_free(r);
        rotate_in_between(&w);
        has_token(&w, NILO_TOKEN_FIRST, token);
    }
    assert_int_equal(w.fake.refreshes, 4);
    end(&w);
}

static void without_its_key_nothing_is_handed_out(struct stores *s)
{
    struct world w;
    int expired, back;
    begin(&w, s);
    has_token(&w, NILO_TOKEN_FIRST, "access-0");
    nilo_login_free(w.login);
    ok(s, nilo_login_new(s->store, w.config, w.fake.http, &w.login, &s->err));
    assert_int_equal(rename(w.keys, nilo_test_path("away")), 0);
    refuses(&w, NILO_ENOENT, NILO_TOKEN_FIRST, "key");
    ok(s, nilo_secret_check(s->store, NULL, &expired, &back, &s->err));
    assert_int_equal(expired, 1);
    status_is(&w, "expired");
    assert_int_equal(rename(nilo_test_path("away"), w.keys), 0);
    struct nilo_keys *r;
    ok(s, nilo_keys_load(w.keys, nilo_store_uuid(s->store), &r, &s->err));
    ok(s, nilo_secret_check(s->store, r, &expired, &back, &s->err));
    nilo_keys_free(r);
    assert_int_equal(back, 1);
    has_token(&w, NILO_TOKEN_FIRST, "access-0");
    end(&w);
}

/* ---- killed ---------------------------------------------------------------------------------------------------------------------------------- */

static void die(void *ctx)
{
    (void)ctx;
    kill(getpid(), SIGKILL);
}

/* A child of its own renews and dies; `before`: between the platform's answer and the store, else behind the store. */
static void renewed_by_one_that_dies(struct world *w, bool before)
{
    struct stores *s = w->s;
    int status;
    nilo_login_free(w->login);
    nilo_store_close(s->store);
    s->store = NULL;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct nilo_store *store;
        struct nilo_login *login;
        struct nilo_token t;
        struct nilo_err err;
        w->fake.before = before ? die : NULL;
        if (nilo_store_open(s->target, NILO_STORE_WRITE, &s->env, &store, &err) != 0 || nilo_login_new(store, w->config, w->fake.http, &login, &err) != 0)
            _exit(1);
        if (nilo_token_get(login, &w->c, NILO_TOKEN_FIRST, &t, &err) == 0)
            kill(getpid(), SIGKILL);
        _exit(2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    /* the platform remembers what it gave to the one that died */
    w->fake.access++;
    w->fake.refreshes++;
    w->fake.generation += w->fake.rotates;
    stores_reopen(s, NILO_STORE_WRITE);
    ok(s, nilo_login_new(s->store, w->config, w->fake.http, &w->login, &s->err));
}

static void killed_behind_the_store_loses_nothing(struct stores *s)
{
    struct world w;
    begin(&w, s);
    w.fake.rotates = true;
    later(&w, NILO_US_HOUR);
    renewed_by_one_that_dies(&w, false);
    has_token(&w, NILO_TOKEN_FIRST, "access-1");
    assert_int_equal(w.fake.refreshes, 1);
    secret_is(&w, "refresh_token", "refresh-2");
    end(&w);
}

static void killed_before_the_store_asks_again(struct stores *s)
{
    struct world w;
    begin(&w, s);
    later(&w, NILO_US_HOUR);
    renewed_by_one_that_dies(&w, true);
    /* the lease of the dead one runs out (the virtual clock moves while we wait), then it is done again */
    has_token(&w, NILO_TOKEN_FIRST, "access-2");
    assert_int_equal(w.fake.refreshes, 2);
    status_is(&w, "connected");
    end(&w);
}

/* What a platform that rotates gave to the one that died nobody else has: told, with the reason. */
static void killed_before_the_store_with_a_rotating_platform_says_so(struct stores *s)
{
    struct world w;
    begin(&w, s);
    w.fake.rotates = true;
    later(&w, NILO_US_HOUR);
    renewed_by_one_that_dies(&w, true);
    refuses(&w, NILO_EPERM, NILO_TOKEN_FIRST, "what it brought is lost");
    status_is(&w, "expired");
    refuses(&w, NILO_EPERM, NILO_TOKEN_FIRST, "what it brought is lost");
    assert_int_equal(w.fake.refreshes, 2);
    end(&w);
}

/* Between the answer and the end of the renewal the program looks at the clock and draws randomness (to seal): each of these is a step at which it may be killed. */
struct steps {
    struct nilo_env real;
    const struct fake *fake;
    int left;
};

static void step(struct steps *t)
{
    if (t->fake->refreshes > 0 && --t->left == 0)
        kill(getpid(), SIGKILL);
}
static nilo_us wall_step(void *ctx)
{
    struct steps *t = ctx;
    step(t);
    return t->real.clock.wall(t->real.clock.ctx);
}
static nilo_us mono_step(void *ctx)
{
    struct steps *t = ctx;
    step(t);
    return t->real.clock.mono(t->real.clock.ctx);
}
static void sleep_step(void *ctx, nilo_us span)
{
    struct steps *t = ctx;
    t->real.clock.sleep(t->real.clock.ctx, span);
}
static void fill_step(void *ctx, void *p, size_t n)
{
    struct steps *t = ctx;
    step(t);
    t->real.random.fill(t->real.random.ctx, p, n);
}

/* A child renews and is killed at the n-th step behind the platform's answer. false: it came to the end alive */
static bool killed_at(struct world *w, int n)
{
    struct stores *s = w->s;
    int status;
    nilo_login_free(w->login);
    nilo_store_close(s->store);
    s->store = NULL;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct nilo_store *store;
        struct nilo_login *login;
        struct nilo_token t;
        struct nilo_err err;
        struct steps steps = {.real = s->env, .fake = &w->fake, .left = n};
        struct nilo_env env = s->env;
        env.clock = (struct nilo_clock){wall_step, mono_step, sleep_step, &steps};
        env.random = (struct nilo_random){fill_step, &steps};
        if (nilo_store_open(s->target, NILO_STORE_WRITE, &env, &store, &err) != 0 || nilo_login_new(store, w->config, w->fake.http, &login, &err) != 0)
            _exit(1);
        _exit(nilo_token_get(login, &w->c, NILO_TOKEN_FIRST, &t, &err) == 0 && strcmp(t.bearer, "access-1") == 0 ? 0 : 2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
    w->fake.access++;
    w->fake.refreshes++;
    w->fake.generation++;
    stores_reopen(s, NILO_STORE_WRITE);
    ok(s, nilo_login_new(s->store, w->config, w->fake.http, &w->login, &s->err));
    return WIFSIGNALED(status);
}

static void killed_at_each_step_it_is_kept_whole_or_said_to_be_lost(struct stores *s)
{
    int kept = 0, lost = 0;
    bool killed = true;
    for (int n = 1; killed; n++) {
        struct world w;
        if (n > 1 && stores_fresh(s) != 0)
            return;
        assert_true(n < 100);
        begin(&w, s);
        w.fake.rotates = true;
        later(&w, NILO_US_HOUR);
        killed = killed_at(&w, n);
        if (stores_int(s, "SELECT generation FROM connection_login") == 2) { /* both tokens of the new set, and no other */
            secret_is(&w, "refresh_token", "refresh-2");
            has_token(&w, NILO_TOKEN_FIRST, "access-1");
            assert_int_equal(w.fake.refreshes, 1);
            status_is(&w, "connected");
            kept += killed;
        } else { /* nothing of it: one question more, and a person is told */
            secret_is(&w, "refresh_token", "refresh-1");
            secret_is(&w, "access_token", "access-0");
            refuses(&w, NILO_EPERM, NILO_TOKEN_FIRST, "what it brought is lost");
            refuses(&w, NILO_EPERM, NILO_TOKEN_FIRST, "sign in again: nilometer connection connect c");
            assert_int_equal(w.fake.refreshes, 2);
            status_is(&w, "expired");
            assert_int_equal(stores_int(s, "SELECT count(*) FROM connection_status WHERE status = 'expired'"), 1);
            assert_true(killed);
            lost++;
        }
        end(&w);
    }
    assert_true(lost >= 3); /* steps before the commit were among them; behind it the next case kills */
    (void)kept;
}

/* ---- eight hours ---------------------------------------------------------------------------------------------------------------------------- */

#define WORKERS 8
#define MINUTES (8 * 60)

/* Tokens that end each minute, a platform that rotates, eight who ask. */
static void eight_hours_of_rotation_by_eight(struct stores *s)
{
    struct world w;
    struct nilo_login *workers[WORKERS];
    begin(&w, s);
    w.fake.rotates = true;
    w.fake.expires_s = 60;
    later(&w, NILO_US_HOUR);
    for (int i = 0; i < WORKERS; i++)
        ok(s, nilo_login_new(s->store, w.config, w.fake.http, &workers[i], &s->err));
    for (int minute = 1; minute <= MINUTES; minute++) {
        char wanted[32];
        snprintf(wanted, sizeof wanted, "access-%d", minute);
        for (int i = 0; i < WORKERS; i++) {
            struct nilo_token t = {0};
            ok(s, nilo_token_get(workers[(minute + i) % WORKERS], &w.c, NILO_TOKEN_FIRST, &t, &s->err));
            assert_string_equal(t.bearer, wanted);
            nilo_token_done(&t);
        }
        later(&w, NILO_US_MINUTE);
    }
    assert_int_equal(w.fake.refreshes, MINUTES);
    secret_is(&w, "refresh_token", "refresh-481");
    assert_int_equal(stores_int(s, "SELECT count(*) FROM connection_status WHERE status = 'expired'"), 0);
    for (int i = 0; i < WORKERS; i++)
        nilo_login_free(workers[i]);
    end(&w);
}

/* The platform takes the refresh token no more: asked once, by whoever came first, and never again in eight hours. */
static void invalid_grant_parks_the_connection_once(struct stores *s)
{
    struct world w;
    struct nilo_login *workers[WORKERS];
    begin(&w, s);
    w.fake.answer = "{\"error\":\"invalid_grant\"}";
    w.fake.status = 400;
    later(&w, NILO_US_HOUR);
    for (int i = 0; i < WORKERS; i++)
        ok(s, nilo_login_new(s->store, w.config, w.fake.http, &workers[i], &s->err));
    for (int minute = 0; minute < MINUTES; minute++) {
        for (int i = 0; i < WORKERS; i++) {
            struct nilo_token t = {0};
            fails(s, NILO_EPERM, nilo_token_get(workers[i], &w.c, i % 2 == 0 ? NILO_TOKEN_FIRST : 1, &t, &s->err));
            assert_non_null(strstr(s->err.msg, "sign in again: nilometer connection connect c"));
        }
        later(&w, NILO_US_MINUTE);
    }
    assert_int_equal(w.fake.refreshes, 1);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM connection_status WHERE status = 'expired'"), 1);
    for (int i = 0; i < WORKERS; i++)
        nilo_login_free(workers[i]);
    end(&w);
}

/* ---- the clock ------------------------------------------------------------------------------------------------------------------------------- */

static void the_clock_says_when_somebody_has_to_sign_in(struct stores *s)
{
    static const struct {
        const char *refresh;
        nilo_us access, until;
        enum nilo_login_state state;
        int64_t days;
    } cases[] = {
        {"refresh-1", NILO_US_HOUR, 0, NILO_LOGIN_FINE, -1},
        {"refresh-1", NILO_US_HOUR, 15 * NILO_US_DAY, NILO_LOGIN_FINE, 15},
        {"refresh-1", NILO_US_HOUR, 14 * NILO_US_DAY - 1, NILO_LOGIN_SOON, 13},
        {"refresh-1", NILO_US_HOUR, 1, NILO_LOGIN_SOON, 0},
        {"refresh-1", NILO_US_HOUR, -1, NILO_LOGIN_OVER, 0},
        {NULL, 60 * NILO_US_DAY, 0, NILO_LOGIN_FINE, 60},
        {NULL, 6 * NILO_US_DAY, 0, NILO_LOGIN_SOON, 6},
        {NULL, -NILO_US_DAY, 0, NILO_LOGIN_OVER, 0},
    };
    struct world w;
    begin(&w, s);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nilo_us now = stores_us(STORES_START);
        const struct nilo_login_set set = {.access_token = "a", .refresh_token = cases[i].refresh, .access_until = now + cases[i].access,
                                           .refresh_until = cases[i].until != 0 ? now + cases[i].until : NILO_US_NONE};
        struct nilo_arena arena;
        struct nilo_login_clock *clock;
        size_t n;
        nilo_arena_init(&arena, 0);
        ok(s, nilo_login_store(w.login, &w.c, &set, &s->err));
        ok(s, nilo_login_clock(s->store, &arena, &clock, &n, &s->err));
        assert_int_equal(n, 1);
        assert_int_equal(clock[0].state, cases[i].state);
        assert_int_equal(clock[0].days, cases[i].days);
        nilo_arena_done(&arena);
    }
    end(&w);
}

/* An app in testing: its refresh tokens live for a week, and each renewal says how much is left of it. */
static void what_a_renewal_says_of_the_refresh_token_is_kept(struct stores *s)
{
    struct world w;
    struct nilo_arena arena;
    struct nilo_login_clock *clock;
    size_t n;
    begin(&w, s);
    nilo_arena_init(&arena, 0);
    w.fake.refresh_s = 7 * 86400;
    later(&w, NILO_US_HOUR);
    has_token(&w, NILO_TOKEN_FIRST, "access-1");
    ok(s, nilo_login_clock(s->store, &arena, &clock, &n, &s->err));
    assert_true(clock[0].state == NILO_LOGIN_SOON && clock[0].days == 7);
    w.fake.refresh_s = 0; /* not said again: the token is the same one, and so is its end */
    later(&w, 6 * NILO_US_DAY);
    has_token(&w, NILO_TOKEN_FIRST, "access-2");
    ok(s, nilo_login_clock(s->store, &arena, &clock, &n, &s->err));
    assert_true(clock[0].state == NILO_LOGIN_SOON && clock[0].days == 1);
    later(&w, 2 * NILO_US_DAY);
    refuses(&w, NILO_EPERM, NILO_TOKEN_FIRST, "nobody stay signed in");
    status_is(&w, "expired");
    nilo_arena_done(&arena);
    end(&w);
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(a_token_that_holds_is_handed_out),
        STORES_TEST(one_that_ends_soon_is_renewed_once),
        STORES_TEST(a_refresh_token_that_rotates_is_stored_with_the_token),
        STORES_TEST(a_refused_token_is_renewed_once_then_the_connection_is_expired),
        STORES_TEST(one_that_cannot_be_renewed_ends),
        STORES_TEST(answers_of_all_kinds),
        STORES_TEST(a_platform_that_does_not_answer_is_left_alone_for_a_while),
        STORES_TEST(others_wait_for_the_one_who_renews),
        STORES_TEST(a_late_answer_takes_nothing_back),
        STORES_TEST(a_late_answer_that_is_the_newest_is_taken),
        STORES_TEST(the_master_key_is_rotated_while_tokens_are_renewed),
        STORES_TEST(without_its_key_nothing_is_handed_out),
        STORES_TEST(killed_behind_the_store_loses_nothing),
        STORES_TEST(killed_before_the_store_asks_again),
        STORES_TEST(killed_before_the_store_with_a_rotating_platform_says_so),
        STORES_TEST(killed_at_each_step_it_is_kept_whole_or_said_to_be_lost),
        STORES_TEST(eight_hours_of_rotation_by_eight),
        STORES_TEST(invalid_grant_parks_the_connection_once),
        STORES_TEST(what_a_renewal_says_of_the_refresh_token_is_kept),
        STORES_TEST(the_clock_says_when_somebody_has_to_sign_in),
    };
    return stores_run("login/token", tests, sizeof tests / sizeof tests[0]);
}
