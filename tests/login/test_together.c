/* Many who want the same token at the same time, over real HTTP: threads of one process that take turns at the store, and processes that wait for its lock.
 * The platform counts: one renewal. Both engines. */
#include "store/stores.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "emulator/emulator_test.h"
#include "login/login.h"
#include "support/tmp.h"

#define WORKERS 8

struct world {
    struct stores *s;
    struct emulator_server *emulator;
    struct nilo_config *config;
    int64_t connection;
    struct nilo_env env; /* the real one: several threads wait by it */
};

static nilo_us now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (nilo_us)t.tv_sec * NILO_US_SECOND + t.tv_nsec / 1000;
}

/* Signed in, with a token that ended a minute ago; the store is closed. */
static void begin(struct world *w, struct stores *s, const char *options)
{
    char text[1000];
    *w = (struct world){.s = s, .emulator = emulator_start(options, NULL)};
    ok(s, nilo_env_plain(&w->env, &s->err));
    char *id = emulator_text(w->emulator, "/_emulator/world", "projects.0.client_id"), *secret = emulator_text(w->emulator, "/_emulator/world", "projects.0.client_secret");
    setenv("TEST_CLIENT_SECRET", secret, 1);
    snprintf(text, sizeof text,
             "platforms:\n  - platform: youtube\n    client_id: %s\n    client_secret: env:TEST_CLIENT_SECRET\n    settings:\n      - name: token_url\n"
             "        value: %s/token\n",
             id, emulator_url(w->emulator));
    free(id);
    free(secret);
    nilo_test_write(nilo_test_path("c.yaml"), text, strlen(text));
    ok(s, nilo_config_load(nilo_test_path("c.yaml"), &s->env, &w->config, &s->err));
    stores_keys(s);
    struct nilo_connection c = stores_connection(s, "w", NULL, "c", "youtube", "db");
    w->connection = c.id;
    char *refresh = emulator_text(w->emulator, "/_emulator/grant?account=0&project=0", "refresh_token");
    const struct nilo_login_set set = {.access_token = "ended", .refresh_token = refresh, .access_until = now() - NILO_US_MINUTE, .refresh_until = NILO_US_NONE};
    struct nilo_login *l;
    ok(s, nilo_login_new(s->store, w->config, NULL, &l, &s->err));
    ok(s, nilo_login_store(l, &c, &set, &s->err));
    nilo_login_free(l);
    free(refresh);
    nilo_store_close(s->store);
    s->store = NULL;
}

static void end(struct world *w)
{
    nilo_config_free(w->config);
    emulator_stop(w->emulator);
}

/* How often a new token was asked for. */
static int refreshes(struct world *w)
{
    int n = 0;
    char *log = emulator_ask(w->emulator, "/_emulator/log");
    for (const char *at = log; (at = strstr(at, "/token")) != NULL; at++)
        n++;
    free(log);
    return n;
}

static int get_token(struct nilo_store *s, struct world *w, char *out, size_t size, struct nilo_err *err)
{
    struct nilo_login *l;
    struct nilo_connection c;
    struct nilo_token t = {0};
    if (nilo_store_connection_get(s, w->connection, &c, err) != 0 || nilo_login_new(s, w->config, NULL, &l, err) != 0)
        return -1;
    int rc = nilo_token_get(l, &c, NILO_TOKEN_FIRST, &t, err);
    if (rc == 0)
        snprintf(out, size, "%s", t.bearer);
    nilo_token_done(&t);
    nilo_login_free(l);
    return rc;
}

struct worker {
    struct world *w;
    struct nilo_store_share *share;
    pthread_t thread;
    int rc;
    char token[512];
    struct nilo_err err;
};

static void *work(void *ctx)
{
    struct worker *me = ctx;
    struct nilo_store *s;
    me->rc = nilo_store_open_beside(me->share, NILO_STORE_WRITE, &s, &me->err);
    if (me->rc == 0) {
        me->rc = get_token(s, me->w, me->token, sizeof me->token, &me->err);
        nilo_store_close(s);
    }
    return NULL;
}

static void threads_renew_once(struct stores *s)
{
    struct world w;
    struct worker workers[WORKERS];
    struct nilo_store_share *share;
    begin(&w, s, "seed=7 channels=1 videos=1 latency_ms=100 rotate=1");
    ok(s, nilo_store_share_new(s->target, &w.env, &share, &s->err));
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){.w = &w, .share = share};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i].thread, NULL);
    for (int i = 0; i < WORKERS; i++) {
        if (workers[i].rc != 0)
            fail_msg("%s", workers[i].err.msg);
        assert_string_equal(workers[i].token, workers[0].token);
        assert_string_not_equal(workers[i].token, "ended");
    }
    assert_int_equal(refreshes(&w), 1);
    nilo_store_share_free(share);
    end(&w);
}

static int in_a_process(struct world *w)
{
    struct nilo_store *s;
    struct nilo_err err = {0};
    char token[512];
    const struct timespec moment = {0, 10000000};
    int rc;
    while ((rc = nilo_store_open(w->s->target, NILO_STORE_WRITE, &w->env, &s, &err)) != 0 && err.code == NILO_ELOCKED)
        nanosleep(&moment, NULL);
    if (rc == 0) {
        rc = get_token(s, w, token, sizeof token, &err);
        nilo_store_close(s);
    }
    if (rc != 0)
        fprintf(stderr, "%s\n", err.msg);
    return rc;
}

static void processes_renew_once(struct stores *s)
{
    struct world w;
    pid_t children[3];
    begin(&w, s, "seed=7 channels=1 videos=1 latency_ms=100 rotate=1");
    fflush(NULL);
    for (int i = 0; i < 3; i++) {
        children[i] = fork();
        if (children[i] == 0)
            _exit(in_a_process(&w) == 0 ? 0 : 1);
    }
    for (int i = 0; i < 3; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(refreshes(&w), 1);
    end(&w);
}

int main(void)
{
    /* processes first: who forks has no threads */
    static const struct stores_test tests[] = {
        STORES_TEST(processes_renew_once),
        STORES_TEST(threads_renew_once),
    };
    return stores_run("login/together", tests, sizeof tests / sizeof tests[0]);
}
