/* Credentials on a real server: who gets where, and that all refusals of credentials are the same bytes, whatever was wrong. */
#include "world.h"

#include "support/tmp.h"

#include <stdlib.h>
#include <string.h>

#include "api/admit.h"

#define NOW    INT64_C(1700000000) /* seconds */
#define SECRET "0123456789abcdef0123456789abcdef"

static struct world w;
static struct nilo_keys *ring;
static struct nilo_jwt_keys *tokens;
static struct nilo_credential_rules rules;
static struct nilo_api_key kept[2]; /* good, revoked */
static char good_key[NILO_API_KEY_TEXT], revoked_key[NILO_API_KEY_TEXT];

static const struct nilo_api_key *find(void *ctx, const char *id, struct nilo_arena *arena)
{
    (void)ctx, (void)arena;
    for (int i = 0; i < 2; i++) {
        if (strcmp(kept[i].id, id) == 0)
            return &kept[i];
    }
    return NULL;
}

static int admit(void *ctx, struct nilo_exchange *x, struct nilo_err *err)
{
    (void)ctx, (void)err;
    return nilo_admit(x, &rules, NOW * NILO_US_SECOND);
}

static int who(struct nilo_exchange *x, struct nilo_err *err)
{
    const struct nilo_principal *p = nilo_req_principal(x);
    char text[300];
    snprintf(text, sizeof(text), "%s %s %s", nilo_api_role_name(p->role), p->sub != NULL ? p->sub : "-", p->workspaces_said ? p->workspaces[0] : "-");
    return nilo_answer_text(x, 200, "text/plain", text, err);
}

static const struct nilo_route routes[] = {
    NILO_ROUTE(NILO_GET | NILO_POST, "/anon", ANON, .instant = who),
    NILO_ROUTE(NILO_GET, "/user", AUTHENTICATED, .handler = who),
    NILO_ROUTE(NILO_GET, "/admin", ADMIN, .instant = who),
    NILO_ROUTE(NILO_GET, "/service", SERVICE, .handler = who),
};

static int set_up(void **state)
{
    (void)state;
    static const unsigned char store[16] = {1};
    static char socket[4200];
    struct nilo_err err = {0};
    struct nilo_seeded_random seeded;
    nilo_seeded_random_init(&seeded, 11);
    world_init(&w);
    struct nilo_env env = {.clock = w.env.clock, .random = nilo_seeded_random(&seeded)};
    if (nilo_keys_new(store, &ring, &err) != 0 || nilo_keys_add(ring, NILO_KEY_TOKEN, &env, &err) != 0 || nilo_jwt_keys_new(&tokens, &err) != 0 ||
        nilo_jwt_keys_add_secret(tokens, SECRET, 32, NULL, &err) != 0 || nilo_api_token_keys(tokens, ring, &err) != 0 ||
        nilo_api_key_new(NILO_ROLE_SERVICE, ring, &env, good_key, &kept[0], &err) != 0 ||
        nilo_api_key_new(NILO_ROLE_SERVICE, ring, &env, revoked_key, &kept[1], &err) != 0)
        fail_msg("%s", err.msg);
    kept[1].revoked = true;
    rules = (struct nilo_credential_rules){.tokens = tokens, .ring = ring, .book = {.find = find}};
    w.config.routes = routes;
    w.config.n_routes = sizeof(routes) / sizeof(routes[0]);
    w.config.hooks.admit = admit;
    snprintf(socket, sizeof(socket), "unix:%s", nilo_test_path("admit.sock"));
    w.listen[1].address = socket;
    w.config.n_listen = 2;
    world_start(&w);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_stop(&w);
    nilo_jwt_keys_free(tokens);
    nilo_keys_free(ring);
    return 0;
}

static const char *token(const char *role, const char *sub, const char *workspace, int64_t exp, const char *secret)
{
    static char text[8][1024];
    static int next;
    char *out = text[next++ % 8];
    struct nilo_buf b;
    struct nilo_err err = {0};
    const char *const places[] = {workspace};
    nilo_buf_init(&b, 1000);
    if (nilo_jwt_sign(secret, 32, NULL,
                      &(struct nilo_jwt_issue){.role = role, .sub = sub, .workspaces = workspace != NULL ? places : NULL, .n_workspaces = workspace != NULL,
                                               .iat = 1, .exp = exp}, &b, &err) != 0)
        fail_msg("%s", err.msg);
    snprintf(out, sizeof(text[0]), "%s", nilo_buf_str(&b));
    nilo_buf_done(&b);
    return out;
}

static void asked(struct client *c, const char *path, const char *headers, struct answer *a)
{
    char request[4096];
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n", path, headers);
    client_send(c, request);
    assert_true(client_answer(c, a, false));
}

static const char *bearer(const char *text)
{
    static char header[2048];
    snprintf(header, sizeof(header), "Authorization: Bearer %s\r\n", text);
    return header;
}

static void every_role_on_every_route(void **state)
{
    (void)state;
    static const char *const paths[] = {"/anon", "/user", "/admin", "/service"};
    static const struct {
        const char *role;
        int status[4];
    } list[] = {
        {"anon", {200, 401, 401, 401}}, {"authenticated", {200, 200, 403, 403}}, {"admin", {200, 200, 200, 403}}, {"service_role", {200, 200, 200, 200}},
    };
    struct client c;
    client_open(&c, &w);
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < 4; k++) {
            struct answer a;
            char wanted[256];
            asked(&c, paths[k], bearer(token(list[i].role, "u", "w", NOW + 60, SECRET)), &a);
            assert_int_equal(a.status, list[i].status[k]);
            snprintf(wanted, sizeof(wanted), a.status == 200 ? "%s u w" : "{\"code\":\"42501\",\"message\":\"permission denied: the role %s may not do this\"", list[i].role);
            assert_non_null(strstr(nilo_buf_str(&a.body), wanted));
            assert_int_equal(answer_header(&a, "WWW-Authenticate", wanted) != NULL, a.status == 401);
            answer_done(&a);
        }
    }
    client_close(&c);
}

/* The head without its date. */
static void face_of(const struct answer *a, char *out, size_t size)
{
    const char *head = nilo_buf_str(&a->head), *date = strstr(head, "\r\nDate: ");
    assert_non_null(date);
    snprintf(out, size, "%.*s%s%s", (int)(date - head), head, strstr(date + 2, "\r\n"), nilo_buf_str(&a->body));
}

static void all_bad_credentials_get_the_same_bytes(void **state)
{
    (void)state;
    const char *good = token("service_role", "u", NULL, NOW + 60, SECRET);
    char wrong_key[NILO_API_KEY_TEXT], shape[300];
    memcpy(wrong_key, good_key, sizeof(wrong_key));
    wrong_key[20] = wrong_key[20] == 'a' ? 'b' : 'a';
    snprintf(shape, sizeof(shape), "apikey: %s\r\nAuthorization: Bearer x\r\n", good_key);
    char cut[1024], two[300], key_only[200];
    snprintf(cut, sizeof(cut), "%.*s", (int)strlen(good) - 1, good);
    snprintf(two, sizeof(two), "apikey: %s\r\napikey: %s\r\n", good_key, good_key);
    snprintf(key_only, sizeof(key_only), "apikey: %s\r\n", good_key);
    const struct {
        const char *path, *headers; /* a header line, or what is to stand behind Bearer */
        bool bearer;
    } list[] = {
        {"/service", "Authorization: Basic eDp5\r\n", false},
        {"/service", "Authorization: \r\n", false},
        {"/service", "apikey: x\r\n", false},
        {"/service", shape, false},
        {"/service", two, false},
        {"/service?apikey=x", key_only, false},
        {"/admin", wrong_key, true},
        {"/user", "eyJhbGciOiJub25lIn0.e30.", true},
        {"/anon", token("anon", NULL, NULL, NOW + 60, "another secret, also of 32 bytes"), true},
        {"/service", cut, true},
        {"/service", revoked_key, true},
        {"/service", token("viewer", "u", NULL, NOW + 60, SECRET), true},
    };
    struct client c;
    char first[2000] = "", face[2000];
    client_open(&c, &w);
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        struct answer a;
        asked(&c, list[i].path, list[i].bearer ? bearer(list[i].headers) : list[i].headers, &a);
        if (a.status != 401)
            fail_msg("%s %s: %d", list[i].path, list[i].headers, a.status);
        face_of(&a, face, sizeof(face));
        if (i == 0)
            memcpy(first, face, sizeof(first));
        assert_string_equal(face, first);
        answer_done(&a);
    }
    assert_non_null(strstr(first, "{\"code\":\"PGRST301\",\"message\":\"the credentials are not valid\",\"details\":null,\"hint\":null}"));
    assert_non_null(strstr(first, "WWW-Authenticate: Bearer\r\n"));
    client_close(&c);
}

static void nothing_shown_and_an_expired_token_are_told_apart(void **state)
{
    (void)state;
    struct client c;
    struct answer a;
    client_open(&c, &w);
    asked(&c, "/anon", "", &a);
    assert_int_equal(a.status, 401);
    assert_non_null(strstr(nilo_buf_str(&a.body), "\"PGRST302\""));
    answer_done(&a);
    asked(&c, "/anon", bearer(token("service_role", NULL, NULL, NOW - 60, SECRET)), &a);
    assert_int_equal(a.status, 401);
    assert_non_null(strstr(nilo_buf_str(&a.body), "{\"code\":\"PGRST303\",\"message\":\"JWT expired\""));
    answer_done(&a);
    rules.anonymous = true;
    asked(&c, "/anon", "", &a);
    assert_string_equal(nilo_buf_str(&a.body), "anon - -");
    answer_done(&a);
    client_close(&c);
}

static void two_authorization_headers_do_not_even_parse(void **state)
{
    (void)state;
    struct client c;
    struct answer a;
    char headers[2000];
    snprintf(headers, sizeof(headers), "Authorization: Bearer %s\r\nauthorization: Bearer %s\r\n", good_key, good_key);
    client_open(&c, &w);
    asked(&c, "/service", headers, &a);
    assert_int_equal(a.status, 400);
    answer_done(&a);
    client_close(&c);
}

static void a_key_is_refused_from_the_next_request_on(void **state)
{
    (void)state;
    struct client c;
    struct answer a;
    client_open(&c, &w);
    asked(&c, "/service", bearer(good_key), &a);
    assert_string_equal(nilo_buf_str(&a.body), "service_role - -");
    answer_done(&a);
    kept[0].revoked = true;
    asked(&c, "/service", bearer(good_key), &a);
    assert_int_equal(a.status, 401);
    answer_done(&a);
    kept[0].revoked = false;
    client_close(&c);
}

static void the_unix_socket_is_the_services_unless_credentials_are_shown(void **state)
{
    (void)state;
    struct client c;
    struct answer a;
    client_open_at(&c, w.listen[1].address);
    asked(&c, "/service", "", &a);
    assert_string_equal(nilo_buf_str(&a.body), "service_role - -");
    answer_done(&a);
    asked(&c, "/service", bearer(token("anon", NULL, NULL, NOW + 60, SECRET)), &a);
    assert_int_equal(a.status, 401);
    answer_done(&a);
    asked(&c, "/service", "apikey: x\r\n", &a);
    assert_int_equal(a.status, 401);
    answer_done(&a);
    asked(&c, "/service?apikey=x", "", &a);
    assert_int_equal(a.status, 401);
    answer_done(&a);
    client_close(&c);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_role_on_every_route),
        T(all_bad_credentials_get_the_same_bytes),
        T(nothing_shown_and_an_expired_token_are_told_apart),
        T(two_authorization_headers_do_not_even_parse),
        T(a_key_is_refused_from_the_next_request_on),
        T(the_unix_socket_is_the_services_unless_credentials_are_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
