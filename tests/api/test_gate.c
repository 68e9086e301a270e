/* The daemon's own table of routes behind its gate: who gets where with tokens of the store's ring, and that a load exchanges the keys at once. */
#include "world.h"

#include <string.h>

#include "api/api.h"

#define NOW INT64_C(1700000000) /* seconds */

static struct world w;
static struct nilo_gate *gate;
static struct nilo_api api;
static const unsigned char store_id[16] = {1};

static nilo_us wall(void *ctx)
{
    (void)ctx;
    return NOW * NILO_US_SECOND;
}

static int no_store(void *ctx, struct nilo_store **ret, struct nilo_err *err)
{
    (void)ctx;
    *ret = NULL;
    (void)err;
    return 0;
}

static void must(int rc, const struct nilo_err *err)
{
    if (rc != 0)
        fail_msg("%s", err->msg);
}

/* A ring of one token key; the same seed gives the same one. */
static struct nilo_keys *ring_of(uint64_t seed)
{
    struct nilo_seeded_random seeded;
    struct nilo_keys *ring;
    struct nilo_err err = {0};
    nilo_seeded_random_init(&seeded, seed);
    struct nilo_env env = {.clock = w.env.clock, .random = nilo_seeded_random(&seeded)};
    must(nilo_keys_new(store_id, &ring, &err), &err);
    must(nilo_keys_add(ring, NILO_KEY_TOKEN, &env, &err), &err);
    return ring;
}

static void load(uint64_t seed, bool anonymous)
{
    struct nilo_err err = {0};
    struct nilo_gate_rules rules = {.ring = ring_of(seed), .anonymous = anonymous};
    must(nilo_gate_load(gate, &rules, &err), &err);
}

static int set_up(void **state)
{
    struct nilo_err err = {0};
    (void)state;
    world_init(&w);
    w.env.clock.wall = wall;
    must(nilo_gate_new(&w.env, &gate, &err), &err);
    api = (struct nilo_api){.env = &w.env, .open = no_store, .gate = gate};
    w.config.routes = nilo_api_routes;
    w.config.n_routes = nilo_api_routes_n;
    w.config.hooks = nilo_api_hooks(&api);
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

static const char *request(const char *path, uint64_t seed, enum nilo_role role)
{
    static char text[2048];
    struct nilo_keys *ring = ring_of(seed);
    struct nilo_err err = {0};
    struct nilo_buf token;
    nilo_buf_init(&token, NILO_JWT_MAX);
    must(nilo_api_token(ring, role, (struct nilo_jwt_issue){.iat = NOW, .exp = NOW + 60}, &token, &err), &err);
    snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\n\r\n", path, nilo_buf_str(&token));
    nilo_buf_done(&token);
    nilo_keys_free(ring);
    return text;
}

static void nobody_is_let_in_before_keys_are_loaded(void **state)
{
    (void)state;
    struct client c;
    client_open(&c, &w);
    assert_non_null(strstr(client_ask(&c, GET("/metrics"), 401), "PGRST302"));
    assert_non_null(strstr(client_ask(&c, request("/metrics", 1, NILO_ROLE_SERVICE), 401), "PGRST301"));
    client_ask(&c, GET("/healthz"), 200);
    client_close(&c);
}

static void a_token_of_the_ring_opens_what_its_role_may(void **state)
{
    (void)state;
    struct client c;
    client_open(&c, &w);
    load(1, true);
    client_ask(&c, request("/metrics", 1, NILO_ROLE_SERVICE), 200);
    assert_non_null(strstr(client_ask(&c, request("/metrics", 1, NILO_ROLE_ADMIN), 403), "42501"));
    assert_non_null(strstr(client_ask(&c, GET("/metrics"), 401), "42501"));
    client_close(&c);
}

static void a_load_counts_from_the_next_request_on(void **state)
{
    (void)state;
    struct client c;
    client_open(&c, &w);
    load(1, false);
    client_ask(&c, request("/metrics", 1, NILO_ROLE_SERVICE), 200);
    load(2, false);
    client_ask(&c, request("/metrics", 1, NILO_ROLE_SERVICE), 401);
    client_ask(&c, request("/metrics", 2, NILO_ROLE_SERVICE), 200);
    client_close(&c);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nobody_is_let_in_before_keys_are_loaded),
        T(a_token_of_the_ring_opens_what_its_role_may),
        T(a_load_counts_from_the_next_request_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
