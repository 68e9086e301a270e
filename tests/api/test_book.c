/* Keys of the API as they lie in a store of either engine, on a real server: let in, and refused from the moment on in which the server has read so. */
#include "world.h"

#include "../store/stores.h"
#include "support/tmp.h"

#include <stdlib.h>
#include <string.h>

#include "api/admit.h"
#include "api/api.h"

#define NOW (stores_us(STORES_START) / NILO_US_SECOND)

static struct world w;
static struct nilo_gate *gate;
static struct nilo_api api;
static struct client c;
static struct stores *s;
static struct nilo_keys *ring; /* the gate's, which outlives no reload: there is none here */
static atomic_bool store_gone;

static nilo_us wall(void *ctx)
{
    (void)ctx;
    return stores_us(STORES_START);
}

static int who(struct nilo_exchange *x, struct nilo_err *err)
{
    const struct nilo_principal *p = nilo_req_principal(x);
    char text[300];
    snprintf(text, sizeof(text), "%s %s", nilo_api_role_name(p->role), !p->workspaces_said ? "-" : p->n_workspaces == 1 ? p->workspaces[0] : "several");
    return nilo_answer_text(x, 200, "text/plain", text, err);
}

static const struct nilo_route routes[] = {NILO_ROUTE(NILO_GET, "/x", ANON, .handler = who)};

static int worker_new(void *ctx, int worker, void **ret, struct nilo_err *err)
{
    (void)ctx, (void)worker, (void)err;
    *ret = NULL;
    return 0;
}

static int open_store(void *ctx, struct nilo_store **ret, struct nilo_err *err)
{
    (void)ctx;
    if (atomic_load(&store_gone))
        return nilo_err_set(err, NILO_ESTORE, "the store is gone, says the test");
    return nilo_store_open(s->target, NILO_STORE_READ, &s->env, ret, err);
}

static void rig_open(struct stores *stores)
{
    s = stores;
    atomic_store(&store_gone, false);
    world_init(&w);
    w.env.clock.wall = wall;
    w.env.random = s->env.random;
    stores_connection(s, "acme", "UTC", "c", "youtube", "file");
    stores_connection(s, "other", "UTC", "c", "youtube", "file");
    ok(s, nilo_keys_new(nilo_store_uuid(s->store), &ring, &s->err));
    ok(s, nilo_keys_add(ring, NILO_KEY_TOKEN, &s->env, &s->err));
    ok(s, nilo_gate_new(&w.env, &gate, &s->err));
    static const char off[] = "limits: off\n";
    struct nilo_config *config = NULL;
    nilo_test_write(nilo_test_path("book.yaml"), off, strlen(off));
    ok(s, nilo_config_load(nilo_test_path("book.yaml"), &w.env, &config, &s->err));
    struct nilo_gate_rules rules = {.ring = ring, .config = config};
    ok(s, nilo_gate_load(gate, &rules, &s->err));
    ok(s, nilo_gate_refresh(gate, s->store, &s->err));
    api = (struct nilo_api){.env = &w.env, .gate = gate};
    w.config.routes = routes;
    w.config.n_routes = sizeof(routes) / sizeof(routes[0]);
    w.config.hooks = nilo_api_hooks(&api);
    w.config.hooks.worker_new = worker_new;
    w.config.hooks.worker_free = NULL;
    world_start(&w);
    client_open(&c, &w);
}

static void rig_close(void)
{
    client_close(&c);
    world_stop(&w);
    nilo_gate_free(gate);
}

/* A new key, in the store. */
static struct nilo_api_key add(enum nilo_role role, const char *workspace, nilo_us expires_at, char text[NILO_API_KEY_TEXT])
{
    struct nilo_api_key made;
    ok(s, nilo_api_key_new(role, ring, &s->env, text, &made, &s->err));
    struct nilo_access_key k = {.id = made.id, .role = role, .hashed_by = made.hashed_by, .expires_at = expires_at, .workspaces_said = workspace != NULL,
                                .workspaces = &workspace, .n_workspaces = workspace != NULL};
    memcpy(k.hash, made.hash, sizeof(k.hash));
    ok(s, nilo_store_key_add(s->store, &k, &s->err));
    return made;
}

static void refresh(void)
{
    ok(s, nilo_gate_refresh(gate, s->store, &s->err));
}

/* What the route answers to that credential: its body, or the number of its refusal. */
static const char *shown(const char *text)
{
    static char out[300];
    char request[NILO_JWT_MAX + 200];
    struct answer a;
    snprintf(request, sizeof(request), "GET /x HTTP/1.1\r\nHost: h\r\napikey: %s\r\n\r\n", text);
    client_send(&c, request);
    assert_true(client_answer(&c, &a, false));
    snprintf(out, sizeof(out), "%d %s", a.status, a.status == 200 ? nilo_buf_str(&a.body) : "");
    out[a.status == 200 ? strlen(out) : 3] = '\0';
    answer_done(&a);
    return out;
}

static const char *token(const char *jti, const char *sub, const char *workspace)
{
    static char out[2000];
    struct nilo_buf b;
    nilo_buf_init(&b, NILO_JWT_MAX);
    ok(s, nilo_api_token(ring, NILO_ROLE_AUTHENTICATED,
                         (struct nilo_jwt_issue){.jti = jti, .sub = sub, .workspaces = workspace != NULL ? &workspace : NULL, .n_workspaces = workspace != NULL,
                                                 .iat = NOW, .exp = NOW + 600}, &b, &s->err));
    snprintf(out, sizeof(out), "%s", nilo_buf_str(&b));
    nilo_buf_done(&b);
    return out;
}

static void a_key_opens_from_the_read_on_that_finds_it_until_the_one_that_finds_it_revoked(struct stores *stores)
{
    char service[NILO_API_KEY_TEXT], acme[NILO_API_KEY_TEXT];
    bool new;
    rig_open(stores);
    struct nilo_api_key made = add(NILO_ROLE_SERVICE, NULL, NILO_US_NONE, service);
    add(NILO_ROLE_AUTHENTICATED, "acme", NILO_US_NONE, acme);
    assert_string_equal(shown(service), "401");
    refresh();
    assert_string_equal(shown(service), "200 service_role -");
    assert_string_equal(shown(acme), "200 authenticated acme");
    ok(s, nilo_store_key_revoke(s->store, made.id, &new, &s->err));
    refresh();
    assert_string_equal(shown(service), "401");
    assert_string_equal(shown(acme), "200 authenticated acme");
    rig_close();
}

static void keys_that_are_nobodys_or_over_are_refused(struct stores *stores)
{
    char text[NILO_API_KEY_TEXT], over[NILO_API_KEY_TEXT], later[NILO_API_KEY_TEXT];
    struct nilo_api_key made;
    rig_open(stores);
    add(NILO_ROLE_ADMIN, NULL, stores_us(STORES_START), over);
    add(NILO_ROLE_ADMIN, NULL, stores_us(STORES_START) + 1, later);
    ok(s, nilo_api_key_new(NILO_ROLE_ADMIN, ring, &s->env, text, &made, &s->err));
    refresh();
    assert_string_equal(shown(over), "401");
    assert_string_equal(shown(later), "200 admin -");
    assert_string_equal(shown(text), "401"); /* right form, right checksum, unknown */
    later[strlen(later) - 10] ^= 1;
    assert_string_equal(shown(later), "401");
    /* a row whose hash somebody wrote by hand */
    stores_exec(s, s->engine == NILO_DB_SQLITE ? "INSERT INTO api_key (id, role, hashed_by, hash, workspaces_said, made_at) VALUES ('aaaaaaaaaaaa', 3, 'x', zeroblob(32), 0, 0)"
                                               : "INSERT INTO api_key (id, role, hashed_by, hash, workspaces_said, made_at) VALUES ('aaaaaaaaaaaa', 3, 'x', "
                                                 "decode(repeat('00', 32), 'hex'), 0, 0)");
    stores_exec(s, "UPDATE api_access SET changes = changes + 1");
    refresh();
    assert_string_equal(shown("nilo_service_aaaaaaaaaaaa_0000000000000000000000000000000000000000000000000"), "401");
    rig_close();
}

static void tokens_users_and_workspaces_are_refused_and_let_in_again(struct stores *stores)
{
    struct nilo_workspace acme;
    bool did;
    rig_open(stores);
    assert_string_equal(shown(token("t1", "u1", "acme")), "200 authenticated acme");
    ok(s, nilo_store_revoke(s->store, NILO_REVOKED_TOKEN, "t1", NILO_US_NONE, &s->err));
    refresh();
    assert_string_equal(shown(token("t1", "u1", "acme")), "401");
    assert_string_equal(shown(token("t2", "u1", "acme")), "200 authenticated acme");
    ok(s, nilo_store_revoke(s->store, NILO_REVOKED_USER, "u1", NILO_US_NONE, &s->err));
    refresh();
    assert_string_equal(shown(token("t2", "u1", "acme")), "401");
    assert_string_equal(shown(token(NULL, "u1", "acme")), "401");
    assert_string_equal(shown(token("t2", "u2", "acme")), "200 authenticated acme");
    ok(s, nilo_store_unrevoke(s->store, NILO_REVOKED_USER, "u1", &did, &s->err));
    refresh();
    assert_string_equal(shown(token("t2", "u1", "acme")), "200 authenticated acme");
    ok(s, nilo_store_workspace(s->store, "acme", false, NULL, &acme, &s->err));
    ok(s, nilo_store_access_close(s->store, acme.id, true, &did, &s->err));
    refresh();
    assert_string_equal(shown(token("t2", "u1", "acme")), "401");
    assert_string_equal(shown(token("t2", "u1", "other")), "200 authenticated other");
    rig_close();
}

static void the_watch_follows_by_itself_and_keeps_what_it_knew_of_a_store_that_is_gone(struct stores *stores)
{
    char one[NILO_API_KEY_TEXT], two[NILO_API_KEY_TEXT];
    bool new;
    rig_open(stores);
    ok(s, nilo_gate_watch(gate, open_store, NULL, &s->err));
    struct nilo_api_key made = add(NILO_ROLE_ADMIN, NULL, NILO_US_NONE, one);
    add(NILO_ROLE_ADMIN, NULL, NILO_US_NONE, two);
    WORLD_UNTIL(strcmp(shown(one), "200 admin -") == 0);
    ok(s, nilo_store_key_revoke(s->store, made.id, &new, &s->err));
    WORLD_UNTIL(strcmp(shown(one), "401") == 0);
    assert_string_equal(shown(two), "200 admin -");
    nilo_gate_unwatch(gate);
    assert_string_equal(shown(two), "200 admin -");
    atomic_store(&store_gone, true);
    ok(s, nilo_gate_watch(gate, open_store, NULL, &s->err));
    nilo_gate_unwatch(gate);
    assert_string_equal(shown(two), "200 admin -");
    rig_close();
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(a_key_opens_from_the_read_on_that_finds_it_until_the_one_that_finds_it_revoked),
        STORES_TEST(keys_that_are_nobodys_or_over_are_refused),
        STORES_TEST(tokens_users_and_workspaces_are_refused_and_let_in_again),
        STORES_TEST(the_watch_follows_by_itself_and_keeps_what_it_knew_of_a_store_that_is_gone),
    };
    return stores_run("book", tests, sizeof tests / sizeof tests[0]);
}
