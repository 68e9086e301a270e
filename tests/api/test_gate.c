/* The daemon's gate on a real server: tokens of the store's ring and of the configuration, admins that an app's database names, limits, what browsers need;
 * and that a load exchanges all of it at once. */
#include "world.h"

#include "support/tmp.h"

#include <stdlib.h>
#include <string.h>

#include "api/admit.h"
#include "api/api.h"
#include "db/db.h"

#define NOW INT64_C(1700000000) /* seconds */

static struct world w;
static struct nilo_gate *gate;
static struct nilo_api api;
static struct nilo_seeded_random seeded;
static char app[4200]; /* an app's database */
static const unsigned char store_id[16] = {1};

static nilo_us wall(void *ctx)
{
    (void)ctx;
    return NOW * NILO_US_SECOND;
}

static void must(int rc, const struct nilo_err *err)
{
    if (rc != 0)
        fail_msg("%s", err->msg);
}

/* A ring of one token key; the same seed gives the same one. */
static struct nilo_keys *ring_of(uint64_t seed)
{
    struct nilo_seeded_random of_ring;
    struct nilo_keys *ring;
    struct nilo_err err = {0};
    nilo_seeded_random_init(&of_ring, seed);
    struct nilo_env env = {.clock = w.env.clock, .random = nilo_seeded_random(&of_ring)};
    must(nilo_keys_new(store_id, &ring, &err), &err);
    must(nilo_keys_add(ring, NILO_KEY_TOKEN, &env, &err), &err);
    return ring;
}

/* The text as a configuration; NULL = none. -1: refused, with err. */
static int load_config(uint64_t seed, const char *text, struct nilo_err *err)
{
    struct nilo_config *config = NULL;
    if (text != NULL) {
        const char *path = nilo_test_path("gate.yaml");
        nilo_test_write(path, text, strlen(text));
        must(nilo_config_load(path, &w.env, &config, err), err);
    }
    struct nilo_gate_rules rules = {.ring = ring_of(seed), .config = config};
    return nilo_gate_load(gate, &rules, err);
}

static void load(uint64_t seed, const char *text)
{
    struct nilo_err err = {0};
    must(load_config(seed, text, &err), &err);
}

/* ---- routes ---- */

static int who(struct nilo_exchange *x, struct nilo_err *err)
{
    const struct nilo_principal *p = nilo_req_principal(x);
    char text[300];
    snprintf(text, sizeof(text), "%s %s%s", nilo_api_role_name(p->role), p->sub != NULL ? p->sub : "-", p->undecided ? " ?" : "");
    return nilo_answer_text(x, 200, "text/plain", text, err);
}

static int cron(struct nilo_exchange *x, struct nilo_err *err)
{
    return nilo_gate_cron(gate, x) == 0 ? nilo_answer_text(x, 200, "text/plain", "done", err) : 0;
}

static const struct nilo_route routes[] = {
    NILO_ROUTE(NILO_GET | NILO_POST, "/anon", ANON, .instant = who),
    NILO_ROUTE(NILO_GET, "/user", AUTHENTICATED, .handler = who),
    NILO_ROUTE(NILO_GET, "/admin", ADMIN, .handler = who),
    NILO_ROUTE(NILO_GET, "/admin-instant", ADMIN, .instant = who),
    NILO_ROUTE(NILO_GET | NILO_POST, "/service", SERVICE, .handler = who),
    NILO_ROUTE(NILO_GET, "/cron/x", EVERYONE, .handler = cron),
};

static int worker_new(void *ctx, int worker, void **ret, struct nilo_err *err)
{
    (void)ctx, (void)worker, (void)err;
    *ret = NULL;
    return 0;
}

static int set_up(void **state)
{
    struct nilo_err err = {0};
    (void)state;
    world_init(&w);
    w.env.clock.wall = wall;
    nilo_seeded_random_init(&seeded, 5);
    w.env.random = nilo_seeded_random(&seeded);
    must(nilo_gate_new(&w.env, &gate, &err), &err);
    api = (struct nilo_api){.env = &w.env, .gate = gate};
    w.config.routes = routes;
    w.config.n_routes = sizeof(routes) / sizeof(routes[0]);
    w.config.hooks = nilo_api_hooks(&api);
    w.config.hooks.worker_new = worker_new;
    w.config.hooks.worker_free = NULL;
    world_start(&w);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_stop(&w);
    nilo_gate_free(gate);
    return 0;
}

/* A request as a user of that role with a token of the ring of seed 1. */
static const char *request_of(const char *method, const char *path, enum nilo_role role, const char *sub, const char *more)
{
    static char text[4096];
    struct nilo_keys *ring = ring_of(1);
    struct nilo_err err = {0};
    struct nilo_buf token;
    nilo_buf_init(&token, NILO_JWT_MAX);
    must(nilo_api_token(ring, role, (struct nilo_jwt_issue){.sub = sub, .iat = NOW, .exp = NOW + 60}, &token, &err), &err);
    snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\n%s\r\n", method, path, nilo_buf_str(&token), more);
    nilo_buf_done(&token);
    nilo_keys_free(ring);
    return text;
}

static const char *request(const char *path, enum nilo_role role)
{
    return request_of("GET", path, role, NULL, "");
}

#define BAD(path) "GET " path " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer x\r\n\r\n"

/* Sends, and gives back a header of the answer, "" where it has none. */
static const char *header_of(struct client *c, const char *text, int status, const char *name)
{
    static char out[8][256];
    static int next;
    char *to = out[next++ % 8];
    struct answer a;
    client_send(c, text);
    assert_true(client_answer(c, &a, false));
    if (a.status != status)
        fail_msg("%d instead of %d: %s", a.status, status, nilo_buf_str(&a.body));
    if (answer_header(&a, name, to) == NULL)
        to[0] = '\0';
    answer_done(&a);
    return to;
}

/* ---- who is let in ------------------------------------------------------------------------------------------------------------------------- */

static void nobody_is_let_in_before_keys_are_loaded(void **state)
{
    (void)state;
    struct client c;
    client_open(&c, &w);
    assert_non_null(strstr(client_ask(&c, GET("/service"), 401), "PGRST302"));
    assert_non_null(strstr(client_ask(&c, request("/service", NILO_ROLE_SERVICE), 401), "PGRST301"));
    client_close(&c);
}

static void a_token_of_the_ring_opens_what_its_role_may(void **state)
{
    (void)state;
    struct client c;
    client_open(&c, &w);
    load(1, "auth: {anonymous: true}\n");
    client_ask(&c, request("/service", NILO_ROLE_SERVICE), 200);
    assert_non_null(strstr(client_ask(&c, request("/service", NILO_ROLE_ADMIN), 403), "42501"));
    assert_non_null(strstr(client_ask(&c, GET("/service"), 401), "42501"));
    assert_string_equal(client_ask(&c, GET("/anon"), 200), "anon -");
    client_close(&c);
}

static void a_load_counts_from_the_next_request_on_and_a_failed_one_changes_nothing(void **state)
{
    (void)state;
    struct client c;
    struct nilo_err err = {0};
    client_open(&c, &w);
    load(1, NULL);
    client_ask(&c, request("/service", NILO_ROLE_SERVICE), 200);
    assert_int_equal(load_config(2, "cron_secret: env:NILO_TEST_NOT_THERE\n", &err), -1);
    client_ask(&c, request("/service", NILO_ROLE_SERVICE), 200);
    load(2, NULL);
    client_ask(&c, request("/service", NILO_ROLE_SERVICE), 401);
    client_close(&c);
}

static void secrets_that_protect_nothing_refuse_the_start(void **state)
{
    (void)state;
    static const struct {
        const char *text, *secret, *message;
    } list[] = {
        {"auth:\n  tokens:\n  - kid: a\n    secret: env:NILO_TEST_SECRET\n", "31 bytes are one byte too few..",
         ":3: auth.tokens[0].secret: an HS256 secret must have at least 32 bytes, this one has 31; make one: openssl rand -base64 48"},
        {"auth:\n  tokens:\n  - secret: env:NILO_TEST_SECRET\n", NULL,
         ":3: auth.tokens[0].secret: the environment variable NILO_TEST_SECRET (env:NILO_TEST_SECRET) is not set; set it for this process"},
        {"auth:\n  tokens:\n  - alg: RS256\n    public_key: env:NILO_TEST_SECRET\n", "no key", ":3: auth.tokens[0].public_key: "},
        {"\ncron_secret: env:NILO_TEST_SECRET\n", "15 bytes of it.", ":2: cron_secret: the cron secret must have at least 16 bytes; make one: openssl rand -hex 24"},
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        struct nilo_err err = {0};
        list[i].secret != NULL ? setenv("NILO_TEST_SECRET", list[i].secret, 1) : unsetenv("NILO_TEST_SECRET");
        assert_int_equal(load_config(1, list[i].text, &err), -1);
        if (strstr(err.msg, list[i].message) == NULL || (list[i].secret != NULL && strstr(err.msg, list[i].secret) != NULL))
            fail_msg("%s", err.msg);
    }
    struct nilo_err err = {0};
    setenv("NILO_TEST_SECRET", "these are 32 bytes, and they are", 1);
    must(load_config(1, list[0].text, &err), &err);
    unsetenv("NILO_TEST_SECRET");
}

static void the_cron_secret_opens_cron_and_nothing_else(void **state)
{
    (void)state;
    static const char bearer[] = "GET /cron/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer a secret of cron\r\n\r\n";
    struct client c;
    char refused[400];
    client_open(&c, &w);
    load(1, NULL);
    snprintf(refused, sizeof(refused), "%s", client_ask(&c, BAD("/service"), 401));
    assert_string_equal(client_ask(&c, bearer, 401), refused);
    setenv("NILO_TEST_SECRET", "a secret of cron", 1);
    load(1, "cron_secret: env:NILO_TEST_SECRET\n");
    assert_string_equal(client_ask(&c, bearer, 200), "done");
    assert_string_equal(client_ask(&c, BAD("/cron/x"), 401), refused);
    assert_string_equal(client_ask(&c, GET("/cron/x"), 401), refused);
    assert_string_equal(client_ask(&c, GET("/cron/x?secret=a+secret+of+cron"), 401), refused);
    assert_string_equal(client_ask(&c, request("/cron/x", NILO_ROLE_SERVICE), 401), refused);
    load(1, "cron_secret: env:NILO_TEST_SECRET\ncron_query_secret: true\n");
    assert_string_equal(client_ask(&c, GET("/cron/x?secret=a+secret+of+cron"), 200), "done");
    assert_string_equal(client_ask(&c, GET("/cron/x?secret=another"), 401), refused);
    client_close(&c);
    unsetenv("NILO_TEST_SECRET");
}

/* ---- admins ---------------------------------------------------------------------------------------------------------------------------------- */

static void app_says(const char *sql)
{
    const struct nilo_db_options options = {.mode = NILO_DB_CREATE};
    struct nilo_db *db = NULL;
    struct nilo_err err = {0};
    must(nilo_db_open(app, &options, &db, &err), &err);
    must(nilo_db_exec(db, sql, &err), &err);
    nilo_db_close(db);
}

static void load_admins(const char *sql)
{
    char text[6000];
    snprintf(text, sizeof(text), "connections: [{name: app, platform: sql, database: '%s', users: profiles}]\nauth:\n  admins:\n  - sub: listed\n  - sql: %s\n",
             app, sql);
    load(1, text);
}

static void an_apps_database_says_who_is_an_admin_once_a_minute(void **state)
{
    (void)state;
    struct client c;
    client_open(&c, &w);
    snprintf(app, sizeof(app), "%s", nilo_test_path("app.db"));
    app_says("CREATE TABLE profiles (id TEXT, created_at TEXT, is_admin INTEGER); INSERT INTO profiles VALUES ('a', '', 1), ('b', '', 0), ('c', '', NULL)");
    load_admins("SELECT is_admin FROM profiles WHERE id = :sub");
    assert_string_equal(client_ask(&c, request_of("GET", "/admin", NILO_ROLE_AUTHENTICATED, "listed", ""), 200), "admin listed");
    /* on the loop alone nothing is known yet */
    assert_string_equal(client_ask(&c, request_of("GET", "/anon", NILO_ROLE_AUTHENTICATED, "a", ""), 200), "authenticated a ?");
    client_ask(&c, request_of("GET", "/admin-instant", NILO_ROLE_AUTHENTICATED, "a", ""), 403);
    assert_string_equal(client_ask(&c, request_of("GET", "/admin", NILO_ROLE_AUTHENTICATED, "a", ""), 200), "admin a");
    assert_string_equal(client_ask(&c, request_of("GET", "/anon", NILO_ROLE_AUTHENTICATED, "a", ""), 200), "admin a");
    assert_string_equal(client_ask(&c, request_of("GET", "/admin-instant", NILO_ROLE_AUTHENTICATED, "a", ""), 200), "admin a");
    assert_non_null(strstr(client_ask(&c, request_of("GET", "/admin", NILO_ROLE_AUTHENTICATED, "b", ""), 403), "42501"));
    client_ask(&c, request_of("GET", "/admin", NILO_ROLE_AUTHENTICATED, "c", ""), 403);
    client_ask(&c, request_of("GET", "/admin", NILO_ROLE_AUTHENTICATED, "nobody", ""), 403);
    client_ask(&c, request_of("GET", "/admin", NILO_ROLE_AUTHENTICATED, NULL, ""), 403);
    client_ask(&c, request_of("GET", "/admin", NILO_ROLE_ANON, "a", ""), 401);
    client_ask(&c, request_of("GET", "/service", NILO_ROLE_AUTHENTICATED, "a", ""), 403);
    app_says("UPDATE profiles SET is_admin = 1 - is_admin");
    world_advance(&w, 60 * NILO_US_SECOND - 1);
    client_ask(&c, request_of("GET", "/admin", NILO_ROLE_AUTHENTICATED, "a", ""), 200);
    client_ask(&c, request_of("GET", "/admin", NILO_ROLE_AUTHENTICATED, "b", ""), 403);
    world_advance(&w, 1);
    client_ask(&c, request_of("GET", "/admin", NILO_ROLE_AUTHENTICATED, "a", ""), 403);
    client_ask(&c, request_of("GET", "/admin", NILO_ROLE_AUTHENTICATED, "b", ""), 200);
    client_close(&c);
    nilo_test_remove(app);
}

static void where_nobody_can_be_asked_admins_are_told_so_and_others_go_on(void **state)
{
    (void)state;
    struct client c;
    client_open(&c, &w);
    snprintf(app, sizeof(app), "%s", nilo_test_path("app.db"));
    app_says("CREATE TABLE profiles (id TEXT, created_at TEXT)");
    load_admins("SELECT is_admin FROM profiles WHERE id = :sub");
    assert_string_equal(header_of(&c, request_of("GET", "/admin", NILO_ROLE_AUTHENTICATED, "a", ""), 503, "Retry-After"), "1");
    assert_string_equal(client_ask(&c, request_of("GET", "/user", NILO_ROLE_AUTHENTICATED, "a", ""), 200), "authenticated a ?");
    app_says("ALTER TABLE profiles ADD COLUMN is_admin TEXT; INSERT INTO profiles VALUES ('a', '', 'true')");
    client_ask(&c, request_of("GET", "/admin", NILO_ROLE_AUTHENTICATED, "a", ""), 200);
    client_close(&c);
    nilo_test_remove(app);
}

/* ---- limits ------------------------------------------------------------------------------------------------------------------------------------ */

static void a_hundred_queries_pass_and_the_next_one_is_told_when(void **state)
{
    (void)state;
    struct client c;
    struct answer a;
    char value[256];
    client_open(&c, &w);
    load(1, NULL);
    for (int i = 0; i < 98; i++)
        client_ask(&c, request_of("GET", i % 2 ? "/anon" : "/user", NILO_ROLE_AUTHENTICATED, "u", ""), 200);
    world_advance(&w, 1500000);
    /* refused by its role, it counts nevertheless */
    client_ask(&c, request_of("GET", "/admin", NILO_ROLE_AUTHENTICATED, "u", ""), 403);
    assert_string_equal(header_of(&c, request_of("GET", "/anon", NILO_ROLE_AUTHENTICATED, "u", ""), 200, "RateLimit-Remaining"), "0");
    client_send(&c, request_of("GET", "/anon", NILO_ROLE_AUTHENTICATED, "u", ""));
    assert_true(client_answer(&c, &a, false));
    assert_int_equal(a.status, 429);
    assert_string_equal(nilo_buf_str(&a.body), "{\"code\":\"53400\",\"message\":\"more than 100 queries within a minute\",\"details\":\"try again in 59 s\","
                                               "\"hint\":\"ask less often, or for more at once\"}");
    assert_string_equal(answer_header(&a, "Retry-After", value), "59");
    assert_string_equal(answer_header(&a, "RateLimit-Limit", value), "100");
    assert_string_equal(answer_header(&a, "RateLimit-Remaining", value), "0");
    assert_string_equal(answer_header(&a, "RateLimit-Reset", value), "59");
    assert_string_equal(answer_header(&a, "RateLimit-Policy", value), "100;w=60");
    answer_done(&a);
    /* others are not touched */
    client_ask(&c, request_of("GET", "/anon", NILO_ROLE_AUTHENTICATED, "v", ""), 200);
    world_advance(&w, 58500000 - 1);
    client_ask(&c, request_of("GET", "/anon", NILO_ROLE_AUTHENTICATED, "u", ""), 429);
    world_advance(&w, 1);
    client_ask(&c, request_of("GET", "/anon", NILO_ROLE_AUTHENTICATED, "u", ""), 200);
    client_close(&c);
}

static void who_has_no_sub_is_told_apart_by_key_and_what_the_service_writes_is_no_query(void **state)
{
    (void)state;
    struct client c;
    client_open(&c, &w);
    load(1, "queries_per_minute: 2\nauth: {anonymous: true}\n");
    for (int i = 0; i < 2; i++) {
        client_ask(&c, GET("/anon"), 200);
        client_ask(&c, request("/anon", NILO_ROLE_AUTHENTICATED), 200);
    }
    client_ask(&c, GET("/anon"), 429);
    client_ask(&c, request("/anon", NILO_ROLE_AUTHENTICATED), 429);
    for (int i = 0; i < 5; i++)
        client_ask(&c, request_of("POST", "/service", NILO_ROLE_SERVICE, "s", "Content-Length: 0\r\n"), 200);
    for (int i = 0; i < 2; i++)
        client_ask(&c, request_of("GET", "/service", NILO_ROLE_SERVICE, "s", ""), 200);
    client_ask(&c, request_of("GET", "/service", NILO_ROLE_SERVICE, "s", ""), 429);
    client_close(&c);
}

static void limits_off_is_no_limit_and_no_wait(void **state)
{
    (void)state;
    struct client c;
    client_open(&c, &w);
    load(1, "queries_per_minute: 1\nlimits: off\n");
    for (int i = 0; i < 20; i++) {
        assert_string_equal(header_of(&c, request("/anon", NILO_ROLE_AUTHENTICATED), 200, "RateLimit-Limit"), "");
        client_ask(&c, BAD("/anon"), 401);
    }
    client_close(&c);
}

static void the_eleventh_bad_credential_waits_whatever_it_is(void **state)
{
    (void)state;
    struct client c;
    client_open(&c, &w);
    load(1, "auth: {anonymous: true}\n");
    for (int i = 0; i < 9; i++)
        client_ask(&c, BAD("/service"), 401);
    /* what does not count: nothing shown, a role that may not, an expired token, a bad request */
    for (int i = 0; i < 20; i++) {
        client_ask(&c, GET("/service"), 401);
        client_ask(&c, request_of("GET", "/service", NILO_ROLE_ANON, "z", ""), 401);
        client_ask(&c, GET("/nowhere"), 404);
    }
    client_ask(&c, request("/service", NILO_ROLE_SERVICE), 200);
    client_ask(&c, BAD("/service"), 401);
    /* a good one is not looked at either: that is what the wait is for */
    assert_string_equal(header_of(&c, request("/service", NILO_ROLE_SERVICE), 429, "Retry-After"), "1");
    assert_string_equal(header_of(&c, BAD("/service"), 429, "Retry-After"), "1");
    client_ask(&c, GET("/anon"), 200);
    world_advance(&w, NILO_US_SECOND);
    client_ask(&c, request("/service", NILO_ROLE_SERVICE), 200);
    client_ask(&c, BAD("/service"), 401);
    assert_string_equal(header_of(&c, BAD("/service"), 429, "Retry-After"), "2");
    client_close(&c);
}

/* ---- bodies and browsers ------------------------------------------------------------------------------------------------------------------------ */

static void the_service_may_send_sixteen_times_as_much(void **state)
{
    (void)state;
    struct client c;
    static const struct {
        const char *path;
        enum nilo_role role;
        int64_t bytes;
        int status;
    } list[] = {
        {"/anon", NILO_ROLE_ADMIN, 1 << 20, 200}, {"/anon", NILO_ROLE_ADMIN, (1 << 20) + 1, 413},
        {"/service", NILO_ROLE_SERVICE, 16 << 20, 200}, {"/service", NILO_ROLE_SERVICE, (16 << 20) + 1, 413},
    };
    load(1, NULL);
    char *body = calloc(1, (16 << 20) + 1);
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        char length[64];
        struct answer a;
        client_open(&c, &w);
        snprintf(length, sizeof(length), "Content-Length: %lld\r\n", (long long)list[i].bytes);
        client_send(&c, request_of("POST", list[i].path, list[i].role, NULL, length));
        if (list[i].status == 200)
            client_send_n(&c, body, (size_t)list[i].bytes);
        assert_true(client_answer(&c, &a, false));
        assert_int_equal(a.status, list[i].status);
        answer_done(&a);
        client_close(&c);
    }
    free(body);
}

static void browsers_are_told_what_they_may_ask_and_see(void **state)
{
    (void)state;
    static const char preflight[] = "OPTIONS /anon HTTP/1.1\r\nHost: h\r\nOrigin: https://app.example\r\nAccess-Control-Request-Method: POST\r\n"
                                    "Access-Control-Request-Headers: apikey,content-type, x-client-info\r\n\r\n";
    struct client c;
    client_open(&c, &w);
    load(1, NULL);
    assert_string_equal(header_of(&c, preflight, 200, "Access-Control-Allow-Origin"), "*");
    assert_string_equal(header_of(&c, preflight, 200, "Access-Control-Allow-Methods"), "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD");
    assert_string_equal(header_of(&c, preflight, 200, "Access-Control-Allow-Headers"), "Authorization, apikey,content-type, x-client-info");
    assert_string_equal(header_of(&c, "OPTIONS /anon HTTP/1.1\r\nHost: h\r\nOrigin: o\r\nAccess-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: a<b>\r\n\r\n",
                                  200, "Access-Control-Allow-Headers"), "Authorization");
    static const struct {
        const char *text;
        int status;
    } all[] = {
        {"GET /anon HTTP/1.1\r\nHost: h\r\nOrigin: https://app.example\r\n\r\n", 401},
        {"GET /nowhere HTTP/1.1\r\nHost: h\r\nOrigin: https://app.example\r\n\r\n", 404},
        {"DELETE /anon HTTP/1.1\r\nHost: h\r\nOrigin: https://app.example\r\n\r\n", 405},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        assert_string_equal(header_of(&c, all[i].text, all[i].status, "Access-Control-Allow-Origin"), "*");
        assert_non_null(strstr(header_of(&c, all[i].text, all[i].status, "Access-Control-Expose-Headers"), "Content-Range"));
    }
    assert_string_equal(header_of(&c, GET("/anon"), 401, "Access-Control-Allow-Origin"), "");
    assert_string_equal(header_of(&c, GET("/anon"), 401, "Proxy-Status"), "nilometer; error=PGRST302");
    client_close(&c);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nobody_is_let_in_before_keys_are_loaded),
        T(a_token_of_the_ring_opens_what_its_role_may),
        T(a_load_counts_from_the_next_request_on_and_a_failed_one_changes_nothing),
        T(secrets_that_protect_nothing_refuse_the_start),
        T(the_cron_secret_opens_cron_and_nothing_else),
        T(an_apps_database_says_who_is_an_admin_once_a_minute),
        T(where_nobody_can_be_asked_admins_are_told_so_and_others_go_on),
        T(a_hundred_queries_pass_and_the_next_one_is_told_when),
        T(who_has_no_sub_is_told_apart_by_key_and_what_the_service_writes_is_no_query),
        T(limits_off_is_no_limit_and_no_wait),
        T(the_eleventh_bad_credential_waits_whatever_it_is),
        T(the_service_may_send_sixteen_times_as_much),
        T(browsers_are_told_what_they_may_ask_and_see),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
