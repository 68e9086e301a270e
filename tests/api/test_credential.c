/* Who a request comes from: keys of the API, tokens of our own and of others, the two headers together, what may not stand in an address, revocation. The
 * attacks of RELIABILITY section 4 that are not a matter of one token (test_jwt) are rows here. */
#include "support/nilo_test.h"

#include <stdlib.h>
#include <string.h>

#include "api/credential.h"
#include "base/hash.h"

#define NOW    INT64_C(1700000000) /* seconds */
#define SECRET "0123456789abcdef0123456789abcdef"

#define OK_     NILO_CREDENTIAL_OK
#define NONE    NILO_CREDENTIAL_NONE
#define BAD     NILO_CREDENTIAL_BAD
#define EXPIRED NILO_CREDENTIAL_EXPIRED

/* ---- the world -------------------------------------------------------------------------------------------------------------------------------------- */

enum { KEY_ANON, KEY_USER, KEY_ADMIN, KEY_SERVICE, KEY_A, KEY_B, KEY_OFF, KEY_OFF_AND_A, KEY_REVOKED, KEY_EXPIRED, KEY_LATER, KEY_UNKNOWN, KEYS };

static struct world {
    struct nilo_virtual_clock clock;
    struct nilo_seeded_random random;
    struct nilo_env env;
    struct nilo_keys *ring;
    struct nilo_jwt_keys *tokens;
    struct nilo_credential_rules rules;
    char text[KEYS][NILO_API_KEY_TEXT];
    struct nilo_api_key kept[KEYS];
    int looked_up;
    const char *revoked_jti, *revoked_sub;
    bool all_off;
} w;

static const char *const in_a[] = {"a"}, *const in_b[] = {"b"}, *const in_off[] = {"off"}, *const in_off_and_a[] = {"off", "a"};

static const struct nilo_api_key *find(void *ctx, const char *id, struct nilo_arena *arena)
{
    (void)ctx, (void)arena;
    w.looked_up++;
    for (int i = 0; i < KEY_UNKNOWN; i++) {
        if (strcmp(w.kept[i].id, id) == 0)
            return &w.kept[i];
    }
    return NULL;
}

static bool revoked(void *ctx, const char *jti, const char *sub)
{
    (void)ctx;
    return (w.revoked_jti != NULL && jti != NULL && strcmp(jti, w.revoked_jti) == 0) || (w.revoked_sub != NULL && sub != NULL && strcmp(sub, w.revoked_sub) == 0);
}

static bool disabled(void *ctx, const char *workspace)
{
    (void)ctx;
    return workspace == NULL ? w.all_off : strcmp(workspace, "off") == 0;
}

static void make_key(int which, enum nilo_role role, const char *const *workspaces, size_t n)
{
    struct nilo_err err = {0};
    if (nilo_api_key_new(role, w.ring, &w.env, w.text[which], &w.kept[which], &err) != 0)
        fail_msg("%s", err.msg);
    w.kept[which].workspaces_said = workspaces != NULL;
    w.kept[which].workspaces = workspaces;
    w.kept[which].n_workspaces = n;
}

static void make_keys(void)
{
    make_key(KEY_ANON, NILO_ROLE_ANON, NULL, 0);
    make_key(KEY_USER, NILO_ROLE_AUTHENTICATED, NULL, 0);
    make_key(KEY_ADMIN, NILO_ROLE_ADMIN, NULL, 0);
    make_key(KEY_SERVICE, NILO_ROLE_SERVICE, NULL, 0);
    make_key(KEY_A, NILO_ROLE_ANON, in_a, 1);
    make_key(KEY_B, NILO_ROLE_ANON, in_b, 1);
    make_key(KEY_OFF, NILO_ROLE_SERVICE, in_off, 1);
    make_key(KEY_OFF_AND_A, NILO_ROLE_AUTHENTICATED, in_off_and_a, 2);
    make_key(KEY_REVOKED, NILO_ROLE_SERVICE, NULL, 0);
    w.kept[KEY_REVOKED].revoked = true;
    make_key(KEY_EXPIRED, NILO_ROLE_SERVICE, NULL, 0);
    w.kept[KEY_EXPIRED].expires_at = NOW * NILO_US_SECOND;
    make_key(KEY_LATER, NILO_ROLE_SERVICE, NULL, 0);
    w.kept[KEY_LATER].expires_at = NOW * NILO_US_SECOND + 1;
    make_key(KEY_UNKNOWN, NILO_ROLE_SERVICE, NULL, 0);
}

static int set_up(void **state)
{
    (void)state;
    static const unsigned char store[16] = {1};
    static const char *const admins[] = {"u-boss", "u-other", NULL};
    struct nilo_err err = {0};
    memset(&w, 0, sizeof(w));
    nilo_virtual_clock_init(&w.clock, NOW * NILO_US_SECOND);
    nilo_seeded_random_init(&w.random, 7);
    w.env = (struct nilo_env){.clock = nilo_virtual_clock(&w.clock), .random = nilo_seeded_random(&w.random)};
    if (nilo_keys_new(store, &w.ring, &err) != 0 || nilo_keys_add(w.ring, NILO_KEY_MASTER, &w.env, &err) != 0 ||
        nilo_keys_add(w.ring, NILO_KEY_TOKEN, &w.env, &err) != 0 || nilo_jwt_keys_new(&w.tokens, &err) != 0 ||
        nilo_jwt_keys_add_secret(w.tokens, SECRET, 32, &(struct nilo_jwt_rule){.admin_claim = "is_admin"}, &err) != 0 ||
        nilo_api_token_keys(w.tokens, w.ring, &err) != 0)
        fail_msg("%s", err.msg);
    make_keys();
    w.rules = (struct nilo_credential_rules){.tokens = w.tokens, .ring = w.ring, .book = {NULL, find, revoked, disabled}, .admins = admins};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    nilo_jwt_keys_free(w.tokens);
    nilo_keys_free(w.ring);
    return 0;
}

/* A token of the app's own issuer. */
static char *app_token(const char *role, const char *sub, const char *jti, const char *const *workspaces, size_t n, int64_t exp)
{
    struct nilo_buf out;
    struct nilo_err err = {0};
    struct nilo_jwt_issue issue = {.role = role, .sub = sub, .jti = jti, .workspaces = workspaces, .n_workspaces = n, .iat = NOW - 100000, .exp = exp};
    nilo_buf_init(&out, NILO_JWT_MAX);
    if (nilo_jwt_sign(SECRET, 32, NULL, &issue, &out, &err) != 0)
        fail_msg("%s", err.msg);
    char *token = nilo_buf_take(&out);
    nilo_buf_done(&out);
    return token;
}

static char *own_token(enum nilo_role role, const char *jti)
{
    struct nilo_buf out;
    struct nilo_err err = {0};
    nilo_buf_init(&out, NILO_JWT_MAX);
    if (nilo_api_token(w.ring, role, (struct nilo_jwt_issue){.jti = jti, .iat = NOW, .exp = NOW + 3600}, &out, &err) != 0)
        fail_msg("%s", err.msg);
    char *token = nilo_buf_take(&out);
    nilo_buf_done(&out);
    return token;
}

/* ---- asking ------------------------------------------------------------------------------------------------------------------------------------------- */

static struct nilo_arena arena;

static enum nilo_credential_result ask(const char *authorization, const char *apikey, const char *query, struct nilo_principal *ret)
{
    struct nilo_credential_shown shown = {.authorization = authorization, .apikey = apikey, .query = query};
    shown.authorizations = authorization != NULL;
    shown.apikeys = apikey != NULL;
    shown.authorization_n = authorization != NULL ? strlen(authorization) : 0;
    shown.apikey_n = apikey != NULL ? strlen(apikey) : 0;
    shown.query_n = query != NULL ? strlen(query) : 0;
    nilo_arena_done(&arena);
    nilo_arena_init(&arena, 2 * NILO_JWT_ARENA);
    return nilo_credential_check(&shown, &w.rules, NOW * NILO_US_SECOND, &arena, ret);
}

static enum nilo_credential_result bearer(const char *text, struct nilo_principal *ret)
{
    char value[NILO_JWT_MAX + 100];
    snprintf(value, sizeof(value), "Bearer %s", text);
    return ask(value, NULL, NULL, ret);
}

static const char *places(const struct nilo_principal *p)
{
    static char joined[500];
    snprintf(joined, sizeof(joined), "%s", p->workspaces_said ? "" : "-");
    for (size_t i = 0; i < p->n_workspaces; i++)
        snprintf(joined + strlen(joined), 100, "%s%s", i > 0 ? "," : "", p->workspaces[i]);
    return joined;
}

/* ---- keys --------------------------------------------------------------------------------------------------------------------------------------------- */

static void a_key_says_role_and_workspaces(void **state)
{
    (void)state;
    static const struct {
        int key;
        enum nilo_credential_result wanted;
        enum nilo_role role;
        const char *workspaces;
    } list[] = {
        {KEY_ANON, OK_, NILO_ROLE_ANON, "-"},           {KEY_USER, OK_, NILO_ROLE_AUTHENTICATED, "-"},
        {KEY_ADMIN, OK_, NILO_ROLE_ADMIN, "-"},         {KEY_SERVICE, OK_, NILO_ROLE_SERVICE, "-"},
        {KEY_A, OK_, NILO_ROLE_ANON, "a"},              {KEY_OFF, BAD, NILO_ROLE_ANON, NULL},
        {KEY_OFF_AND_A, OK_, NILO_ROLE_AUTHENTICATED, "a"}, {KEY_REVOKED, BAD, NILO_ROLE_ANON, NULL},
        {KEY_EXPIRED, BAD, NILO_ROLE_ANON, NULL},       {KEY_LATER, OK_, NILO_ROLE_SERVICE, "-"},
        {KEY_UNKNOWN, BAD, NILO_ROLE_ANON, NULL},
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        for (int header = 0; header < 3; header++) {
            struct nilo_principal p = {.sub = "untouched"};
            char value[200];
            snprintf(value, sizeof(value), "Bearer %s", w.text[list[i].key]);
            enum nilo_credential_result r = ask(header != 1 ? value : NULL, header != 0 ? w.text[list[i].key] : NULL, NULL, &p);
            if (r != list[i].wanted)
                fail_msg("key %d in header %d: %d", list[i].key, header, (int)r);
            if (r != OK_) {
                assert_string_equal(p.sub, "untouched");
                continue;
            }
            assert_int_equal(p.role, list[i].role);
            assert_string_equal(places(&p), list[i].workspaces);
            assert_string_equal(p.key_id, w.kept[list[i].key].id);
            assert_null(p.sub);
        }
    }
}

static void a_wrong_checksum_is_refused_before_anything_is_looked_up(void **state)
{
    (void)state;
    static const char letters[] = "0aZ_-.\xc3 ";
    struct nilo_principal p;
    size_t n = strlen(w.text[KEY_SERVICE]);
    for (size_t i = 0; i < n; i++) {
        for (const char *c = letters; *c != '\0'; c++) {
            char text[NILO_API_KEY_TEXT];
            memcpy(text, w.text[KEY_SERVICE], sizeof(text));
            if (text[i] == *c)
                continue;
            text[i] = *c;
            w.looked_up = 0;
            assert_int_equal(bearer(text, &p), BAD);
            assert_int_equal(w.looked_up, 0);
        }
    }
    for (size_t cut = 0; cut < n; cut++) {
        char text[NILO_API_KEY_TEXT] = "";
        memcpy(text, w.text[KEY_SERVICE], cut);
        assert_int_equal(bearer(text, &p), BAD);
    }
    assert_int_equal(w.looked_up, 0);
    assert_int_equal(bearer(w.text[KEY_UNKNOWN], &p), BAD);
    assert_int_equal(bearer(w.text[KEY_SERVICE], &p), OK_);
    assert_int_equal(w.looked_up, 2);
}

/* A right checksum anybody can compute; here for a key whose id is known and whose secret is not. */
static void the_checksum_opens_nothing(void **state)
{
    (void)state;
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    static const char *const kinds[] = {"anon", "user", "admin", "service"};
    struct nilo_principal p;
    for (size_t k = 0; k < 4; k++) {
        for (int guess = 0; guess < 2; guess++) {
            char text[NILO_API_KEY_TEXT];
            unsigned char digest[NILO_SHA256_LEN];
            const char *secret = strrchr(w.text[KEY_USER], '_') + 1;
            snprintf(text, sizeof(text), "nilo_%s_%s_%.43s", kinds[k], w.kept[KEY_USER].id, guess == 0 ? "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" : secret);
            size_t n = strlen(text);
            nilo_sha256(text, n, digest);
            uint64_t v = (uint64_t)digest[0] * 16777216 + (uint64_t)digest[1] * 65536 + (uint64_t)digest[2] * 256 + digest[3];
            for (int i = 5; i >= 0; i--, v /= 62)
                text[n + (size_t)i] = digits[v % 62];
            text[n + 6] = '\0';
            w.looked_up = 0;
            /* with the right secret and the right kind it is the key itself */
            assert_int_equal(bearer(text, &p), guess == 1 && k == 1 ? OK_ : BAD);
            assert_int_equal(w.looked_up, 1);
        }
    }
}

static void what_is_kept_of_a_key_does_not_hold_it(void **state)
{
    (void)state;
    const struct nilo_api_key *kept = &w.kept[KEY_SERVICE];
    const char *secret = strrchr(w.text[KEY_SERVICE], '_') + 1;
    unsigned char plain[NILO_SHA256_LEN];
    assert_null(memmem(kept, sizeof(*kept), secret, 8));
    nilo_sha256(w.text[KEY_SERVICE], strlen(w.text[KEY_SERVICE]), plain);
    assert_memory_not_equal(plain, kept->hash, sizeof(plain));
    for (int i = 0; i < KEYS; i++) {
        for (int k = 0; k < i; k++)
            assert_string_not_equal(w.kept[i].id, w.kept[k].id);
    }
    /* without the ring, or with another store's, what was kept opens nothing */
    static const unsigned char store[16] = {2};
    struct nilo_keys *other;
    struct nilo_err err;
    assert_true(nilo_api_key_holds(w.text[KEY_SERVICE], strlen(w.text[KEY_SERVICE]), kept, w.ring));
    assert_false(nilo_api_key_holds(w.text[KEY_SERVICE], strlen(w.text[KEY_SERVICE]), kept, NULL));
    assert_int_equal(nilo_keys_new(store, &other, &err), 0);
    assert_int_equal(nilo_keys_add(other, NILO_KEY_TOKEN, &w.env, &err), 0);
    assert_false(nilo_api_key_holds(w.text[KEY_SERVICE], strlen(w.text[KEY_SERVICE]), kept, other));
    nilo_keys_free(other);
    /* nor is what an unknown ring key is replaced by, to take as long, a key */
    struct nilo_api_key forged = {.hashed_by = "0123456789abcdef"};
    unsigned char nobody[NILO_MAC_LEN] = {0}, derived[NILO_MAC_LEN];
    nilo_mac(nobody, "nilometer: hash of API keys", strlen("nilometer: hash of API keys"), derived);
    nilo_mac(derived, w.text[KEY_SERVICE], strlen(w.text[KEY_SERVICE]), forged.hash);
    assert_false(nilo_api_key_holds(w.text[KEY_SERVICE], strlen(w.text[KEY_SERVICE]), &forged, w.ring));
}

/* Somebody wrote into the store. */
static void a_role_raised_beside_its_key_is_refused(void **state)
{
    (void)state;
    struct nilo_principal p;
    w.kept[KEY_USER].role = NILO_ROLE_SERVICE;
    assert_int_equal(bearer(w.text[KEY_USER], &p), BAD);
}

static void keys_and_tokens_outlive_a_rotation_but_not_their_ring_key(void **state)
{
    (void)state;
    struct nilo_err err = {0};
    struct nilo_principal p;
    char old[NILO_KEY_ID_TEXT];
    char *token = own_token(NILO_ROLE_SERVICE, NULL);
    memcpy(old, nilo_keys_current(w.ring, NILO_KEY_TOKEN)->id, sizeof(old));
    for (int step = 0; step < 2; step++) {
        if (step == 0)
            assert_int_equal(nilo_keys_add(w.ring, NILO_KEY_TOKEN, &w.env, &err), 0);
        else
            assert_int_equal(nilo_keys_forget(w.ring, old, &err), 0);
        nilo_jwt_keys_free(w.tokens);
        assert_int_equal(nilo_jwt_keys_new(&w.tokens, &err), 0);
        assert_int_equal(nilo_api_token_keys(w.tokens, w.ring, &err), 0);
        assert_int_equal(nilo_jwt_keys_n(w.tokens), 2 - step);
        w.rules.tokens = w.tokens;
        assert_int_equal(bearer(token, &p), step == 0 ? OK_ : BAD);
        assert_int_equal(bearer(w.text[KEY_SERVICE], &p), step == 0 ? OK_ : BAD);
    }
    free(token);
}

static void without_a_token_key_nothing_is_issued(void **state)
{
    (void)state;
    static const unsigned char store[16] = {3};
    struct nilo_keys *empty;
    struct nilo_err err;
    struct nilo_buf out;
    struct nilo_api_key kept;
    char text[NILO_API_KEY_TEXT];
    nilo_buf_init(&out, 100);
    assert_int_equal(nilo_keys_new(store, &empty, &err), 0);
    assert_int_equal(nilo_api_key_new(NILO_ROLE_ANON, empty, &w.env, text, &kept, &err), -1);
    assert_int_equal(err.code, NILO_ENOENT);
    assert_int_equal(nilo_api_token(empty, NILO_ROLE_ANON, (struct nilo_jwt_issue){.exp = 1}, &out, &err), -1);
    assert_int_equal(err.code, NILO_ENOENT);
    nilo_keys_free(empty);
    nilo_buf_done(&out);
}

/* ---- tokens -------------------------------------------------------------------------------------------------------------------------------------------- */

static void a_token_says_role_and_admins_are_those_listed_or_claimed(void **state)
{
    (void)state;
    static const struct {
        const char *role, *sub;
        enum nilo_credential_result wanted;
        enum nilo_role is;
    } list[] = {
        {"anon", NULL, OK_, NILO_ROLE_ANON},
        {"authenticated", "u-1", OK_, NILO_ROLE_AUTHENTICATED},
        {"authenticated", NULL, OK_, NILO_ROLE_AUTHENTICATED},
        {"authenticated", "u-boss", OK_, NILO_ROLE_ADMIN},
        {"authenticated", "u-other", OK_, NILO_ROLE_ADMIN},
        {"authenticated", "u-bos", OK_, NILO_ROLE_AUTHENTICATED},
        {"anon", "u-boss", OK_, NILO_ROLE_ANON},
        {"admin", "u-1", OK_, NILO_ROLE_ADMIN},
        {"service_role", NULL, OK_, NILO_ROLE_SERVICE},
        {"viewer", "u-1", BAD, NILO_ROLE_ANON},
        {"service", NULL, BAD, NILO_ROLE_ANON},
        {"SERVICE_ROLE", NULL, BAD, NILO_ROLE_ANON},
        {"supabase_admin", NULL, BAD, NILO_ROLE_ANON},
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        struct nilo_principal p;
        char *token = app_token(list[i].role, list[i].sub, NULL, NULL, 0, NOW + 3600);
        assert_int_equal(bearer(token, &p), list[i].wanted);
        if (list[i].wanted == OK_) {
            assert_int_equal(p.role, list[i].is);
            assert_string_equal(p.sub != NULL ? p.sub : "-", list[i].sub != NULL ? list[i].sub : "-");
            assert_int_equal(p.expires, NOW + 3600);
        }
        free(token);
    }
}

static void revoked_ones_are_refused_at_once(void **state)
{
    (void)state;
    struct nilo_principal p;
    char *key = own_token(NILO_ROLE_SERVICE, "key-1"), *other = own_token(NILO_ROLE_SERVICE, "key-2");
    char *user = app_token("authenticated", "u-1", NULL, NULL, 0, NOW + 3600), *late = app_token("authenticated", "u-1", NULL, NULL, 0, NOW - 3600);
    assert_int_equal(bearer(key, &p), OK_);
    assert_string_equal(p.key_id, "key-1");
    w.revoked_jti = "key-1";
    assert_int_equal(bearer(key, &p), BAD);
    assert_int_equal(bearer(other, &p), OK_);
    assert_int_equal(bearer(user, &p), OK_);
    assert_int_equal(bearer(late, &p), EXPIRED);
    w.revoked_sub = "u-1";
    assert_int_equal(bearer(user, &p), BAD);
    assert_int_equal(bearer(late, &p), BAD);
    assert_int_equal(bearer(w.text[KEY_SERVICE], &p), OK_);
    w.kept[KEY_SERVICE].revoked = true;
    assert_int_equal(bearer(w.text[KEY_SERVICE], &p), BAD);
    free(key);
    free(other);
    free(user);
    free(late);
}

/* ---- headers -------------------------------------------------------------------------------------------------------------------------------------------- */

static void the_form_of_the_headers_is_strict(void **state)
{
    (void)state;
    const char *key = w.text[KEY_USER];
    static const struct {
        const char *authorization; /* %s: the key */
        enum nilo_credential_result wanted;
    } list[] = {
        {"Bearer %s", OK_}, {"bearer %s", OK_},  {"BEARER   %s", OK_},  {"%s", BAD},           {"Bearer%s", BAD},        {"Bearer\t%s", BAD},
        {"Basic %s", BAD},  {"Token %s", BAD},   {"Bearer \"%s\"", BAD}, {"Bearer %s x", BAD},  {"Bearer %s,Bearer x", BAD}, {"Bearer %s ", BAD},
        {"Bearer", BAD},    {"Bearer ", BAD},    {"", BAD},             {"Bearer undefined", BAD}, {"Bearer null", BAD},
    };
    struct nilo_principal p;
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        char value[300], *at = strstr(list[i].authorization, "%s");
        int before = at != NULL ? (int)(at - list[i].authorization) : (int)strlen(list[i].authorization);
        snprintf(value, sizeof(value), "%.*s%s%s", before, list[i].authorization, at != NULL ? key : "", at != NULL ? at + 2 : "");
        if (ask(value, NULL, NULL, &p) != list[i].wanted)
            fail_msg("%s", value);
        if (list[i].wanted == BAD)
            assert_int_equal(ask(value, key, NULL, &p), BAD); /* a good key beside it does not heal it */
    }
    assert_int_equal(ask(NULL, "", NULL, &p), BAD);
}

static void two_headers_of_one_name_are_refused(void **state)
{
    (void)state;
    struct nilo_principal p;
    char value[200];
    snprintf(value, sizeof(value), "Bearer %s", w.text[KEY_USER]);
    struct nilo_credential_shown shown = {.authorization = value, .authorization_n = strlen(value), .authorizations = 1, .apikey = w.text[KEY_USER],
                                          .apikey_n = strlen(w.text[KEY_USER]), .apikeys = 1};
    assert_int_equal(nilo_credential_check(&shown, &w.rules, NOW * NILO_US_SECOND, &arena, &p), OK_);
    shown.authorizations = 2;
    assert_int_equal(nilo_credential_check(&shown, &w.rules, NOW * NILO_US_SECOND, &arena, &p), BAD);
    shown.authorizations = 1;
    shown.apikeys = 2;
    assert_int_equal(nilo_credential_check(&shown, &w.rules, NOW * NILO_US_SECOND, &arena, &p), BAD);
}

static void who_shows_nothing_is_anon_or_nobody(void **state)
{
    (void)state;
    struct nilo_principal p;
    assert_int_equal(ask(NULL, NULL, "select=*", &p), NONE);
    w.rules.anonymous = true;
    assert_int_equal(ask(NULL, NULL, "select=*", &p), OK_);
    assert_int_equal(p.role, NILO_ROLE_ANON);
    assert_false(p.workspaces_said);
    assert_int_equal(ask(NULL, "wrong", NULL, &p), BAD);
}

/* What Supabase's clients send: the app's key, and beside it the same key or the user's token. */
static void a_users_token_beside_the_apps_key(void **state)
{
    (void)state;
    static const char *const a_and_b[] = {"a", "b"};
    char *user = app_token("authenticated", "u-1", NULL, NULL, 0, NOW + 3600), *user_ab = app_token("authenticated", "u-1", NULL, a_and_b, 2, NOW + 3600);
    char *late = app_token("authenticated", "u-1", NULL, NULL, 0, NOW - 3600), *own = own_token(NILO_ROLE_ANON, "k"), *user_b = app_token("authenticated", "u-1", NULL, in_b, 1, NOW + 3600);
    char *off = app_token("authenticated", "u-1", NULL, in_off, 1, NOW + 3600), *late_key = app_token("anon", NULL, NULL, NULL, 0, NOW - 3600);
    const struct {
        const char *what, *user, *app;
        enum nilo_credential_result wanted;
        enum nilo_role role;
        const char *workspaces, *sub;
    } list[] = {
        {"the same key", w.text[KEY_ANON], w.text[KEY_ANON], OK_, NILO_ROLE_ANON, "-", NULL},
        {"the same token", own, own, OK_, NILO_ROLE_ANON, "-", NULL},
        {"a user beside the key", user, w.text[KEY_ANON], OK_, NILO_ROLE_AUTHENTICATED, "-", "u-1"},
        {"a user beside a key in form of a token", user, own, OK_, NILO_ROLE_AUTHENTICATED, "-", "u-1"},
        {"the key's workspace is the user's", user, w.text[KEY_A], OK_, NILO_ROLE_AUTHENTICATED, "a", "u-1"},
        {"the key narrows", user_ab, w.text[KEY_B], OK_, NILO_ROLE_AUTHENTICATED, "b", "u-1"},
        {"the user's own remain", user_ab, w.text[KEY_ANON], OK_, NILO_ROLE_AUTHENTICATED, "a,b", "u-1"},
        {"nothing in common", user_b, w.text[KEY_A], BAD, NILO_ROLE_ANON, NULL, NULL},
        {"a user beside the service's key is a user", user, w.text[KEY_SERVICE], OK_, NILO_ROLE_AUTHENTICATED, "-", "u-1"},
        {"the service's key beside the app's", w.text[KEY_SERVICE], w.text[KEY_A], OK_, NILO_ROLE_SERVICE, "a", NULL},
        {"an expired user", late, w.text[KEY_ANON], EXPIRED, NILO_ROLE_ANON, NULL, NULL},
        {"an expired key", user, late_key, EXPIRED, NILO_ROLE_ANON, NULL, NULL},
        {"an expired user beside a revoked key", late, w.text[KEY_REVOKED], BAD, NILO_ROLE_ANON, NULL, NULL},
        {"a user beside a revoked key", user, w.text[KEY_REVOKED], BAD, NILO_ROLE_ANON, NULL, NULL},
        {"a user beside an unknown key", user, w.text[KEY_UNKNOWN], BAD, NILO_ROLE_ANON, NULL, NULL},
        {"a user beside nonsense", user, "x", BAD, NILO_ROLE_ANON, NULL, NULL},
        {"nonsense beside the service's key", "x", w.text[KEY_SERVICE], BAD, NILO_ROLE_ANON, NULL, NULL},
        {"a disabled workspace", off, w.text[KEY_ANON], BAD, NILO_ROLE_ANON, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        struct nilo_principal p;
        char value[NILO_JWT_MAX];
        snprintf(value, sizeof(value), "Bearer %s", list[i].user);
        if (ask(value, list[i].app, NULL, &p) != list[i].wanted)
            fail_msg("%s", list[i].what);
        if (list[i].wanted != OK_)
            continue;
        if (p.role != list[i].role || strcmp(places(&p), list[i].workspaces) != 0)
            fail_msg("%s: role %d, workspaces %s", list[i].what, (int)p.role, places(&p));
        assert_string_equal(p.sub != NULL ? p.sub : "-", list[i].sub != NULL ? list[i].sub : "-");
    }
    char *made[] = {user, user_ab, late, own, user_b, off, late_key};
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
        free(made[i]);
}

/* A store whose only workspace is disabled: who names none would reach it. */
static void where_all_is_disabled_only_the_service_is_let_in(void **state)
{
    (void)state;
    struct nilo_principal p;
    char *user = app_token("authenticated", "u-1", NULL, NULL, 0, NOW + 3600);
    char value[NILO_JWT_MAX];
    snprintf(value, sizeof(value), "Bearer %s", user);
    w.rules.anonymous = true;
    assert_int_equal(ask(value, NULL, NULL, &p), OK_);
    assert_int_equal(ask(NULL, NULL, NULL, &p), OK_);
    w.all_off = true;
    assert_int_equal(ask(value, NULL, NULL, &p), BAD);
    assert_int_equal(ask(NULL, NULL, NULL, &p), NILO_CREDENTIAL_NONE);
    assert_int_equal(ask(NULL, w.text[KEY_ADMIN], NULL, &p), BAD);
    assert_int_equal(ask(NULL, w.text[KEY_SERVICE], NULL, &p), OK_);
    w.all_off = false;
    w.rules.anonymous = false;
    free(user);
}

static void keys_in_an_address_are_refused_and_filters_are_not(void **state)
{
    (void)state;
    char *token = app_token("anon", NULL, NULL, NULL, 0, NOW + 3600);
    const struct {
        const char *query; /* %k the key, %t the token */
        bool refused;
    } list[] = {
        {"apikey=%k", true},
        {"apikey=", true},
        {"APIKEY=x", true},
        {"api%6Bey=x", true},
        {"select=*&access_token=x&limit=1", true},
        {"jwt=x", true},
        {"Authorization=Bearer+x", true},
        {"note=%k", true},
        {"note=%t", true},
        {"%t", false}, /* a name, no value: no parameter that anybody reads */
        {"select=*&order=day.asc", false},
        {"apikeys=eq.1&token=eq.abc", false},
        {"name=eq.nilo_user_x", false},
        {"name=eyJx", false},
        {"name=in.(eyJ.a.b)", false},
        {"secret=x", false},
        {"&&=&a", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        char query[4096] = "";
        for (const char *c = list[i].query; *c != '\0'; c++) {
            bool place = *c == '%' && (c[1] == 'k' || c[1] == 't');
            snprintf(query + strlen(query), sizeof(query) - strlen(query), "%.*s", place ? 2000 : 1, !place ? c : c[1] == 'k' ? w.text[KEY_USER] : token);
            c += place;
        }
        struct nilo_principal p;
        if (nilo_credential_in_query(query, strlen(query)) != list[i].refused)
            fail_msg("%s", query);
        assert_int_equal(ask(NULL, w.text[KEY_USER], query, &p), list[i].refused ? BAD : OK_);
        w.rules.anonymous = true;
        assert_int_equal(ask(NULL, NULL, query, &p), list[i].refused ? BAD : OK_);
        w.rules.anonymous = false;
    }
    free(token);
}

/* ---- answers, ranks, cron --------------------------------------------------------------------------------------------------------------------------------- */

static void refusals_have_one_face(void **state)
{
    (void)state;
    for (int r = NONE; r < NILO_CREDENTIAL_N; r++)
        assert_int_equal(nilo_credential_status((enum nilo_credential_result)r), 401);
    assert_string_equal(nilo_credential_code(NONE), "PGRST302");
    assert_string_equal(nilo_credential_code(BAD), "PGRST301");
    assert_string_equal(nilo_credential_code(EXPIRED), "PGRST303");
    assert_string_equal(nilo_credential_message(EXPIRED), "JWT expired");
}

static void a_rank_below_the_route_is_refused(void **state)
{
    (void)state;
    static const struct {
        enum nilo_role role;
        int everyone, anon, authenticated, admin, service;
    } list[] = {
        {NILO_ROLE_ANON, 0, 0, 401, 401, 401},
        {NILO_ROLE_AUTHENTICATED, 0, 0, 0, 403, 403},
        {NILO_ROLE_ADMIN, 0, 0, 0, 0, 403},
        {NILO_ROLE_SERVICE, 0, 0, 0, 0, 0},
    };
    for (size_t i = 0; i < 4; i++) {
        struct nilo_principal p = {.role = list[i].role};
        assert_int_equal(nilo_principal_may(&p, NILO_WHO_EVERYONE), list[i].everyone);
        assert_int_equal(nilo_principal_may(&p, NILO_WHO_ANON), list[i].anon);
        assert_int_equal(nilo_principal_may(&p, NILO_WHO_AUTHENTICATED), list[i].authenticated);
        assert_int_equal(nilo_principal_may(&p, NILO_WHO_ADMIN), list[i].admin);
        assert_int_equal(nilo_principal_may(&p, NILO_WHO_SERVICE), list[i].service);
        assert_int_not_equal(nilo_principal_may(&p, NILO_WHO_NOT_SAID), 0);
    }
}

static void the_cron_secret_comes_as_bearer_and_only_where_allowed_in_the_address(void **state)
{
    (void)state;
    static const char secret[] = "a cron secret & more";
    static const struct {
        const char *authorization, *query;
        bool in_query, wanted;
    } list[] = {
        {"Bearer a cron secret & more", NULL, false, true},
        {"bearer a cron secret & more", NULL, true, true},
        {"Bearer a cron secret & mor", NULL, true, false},
        {"Bearer a cron secret & more ", NULL, true, false},
        {"a cron secret & more", NULL, true, false},
        {NULL, "secret=a+cron%20secret+%26+more", true, true},
        {NULL, "workspace_id=w&secret=a+cron%20secret+%26+more", true, true},
        {NULL, "secret=a+cron%20secret+%26+more", false, false},
        {NULL, "secret=", true, false},
        {NULL, "secret=a+cron%20secret+%26+more&secret=x", true, false},
        {NULL, "secret=x&secret=a+cron%20secret+%26+more", true, false},
        {NULL, "Secret=a+cron%20secret+%26+more", true, false},
        {"Bearer x", "secret=a+cron%20secret+%26+more", true, false},
        {"Bearer a cron secret & more", "secret=x", true, false},
        {"Bearer a cron secret & more", "secret=x", false, true},
        {NULL, NULL, true, false},
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        struct nilo_credential_shown shown = {.authorization = list[i].authorization, .query = list[i].query};
        shown.authorizations = shown.authorization != NULL;
        shown.authorization_n = shown.authorization != NULL ? strlen(shown.authorization) : 0;
        shown.query_n = shown.query != NULL ? strlen(shown.query) : 0;
        if (nilo_cron_allows(&shown, secret, list[i].in_query) != list[i].wanted)
            fail_msg("row %zu", i);
        assert_false(nilo_cron_allows(&shown, NULL, list[i].in_query));
        shown.authorizations = 2;
        assert_false(nilo_cron_allows(&shown, secret, list[i].in_query));
    }
    struct nilo_err err;
    assert_int_equal(nilo_cron_secret_check("0123456789abcdef", &err), 0);
    assert_int_equal(nilo_cron_secret_check("0123456789abcde", &err), -1);
    assert_int_equal(err.code, NILO_ECONFIG);
    assert_null(strstr(err.msg, "0123456789"));
}

static int at_end(void **state)
{
    (void)state;
    nilo_arena_done(&arena);
    return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_key_says_role_and_workspaces),
        T(a_wrong_checksum_is_refused_before_anything_is_looked_up),
        T(the_checksum_opens_nothing),
        T(what_is_kept_of_a_key_does_not_hold_it),
        T(a_role_raised_beside_its_key_is_refused),
        T(keys_and_tokens_outlive_a_rotation_but_not_their_ring_key),
        T(without_a_token_key_nothing_is_issued),
        T(a_token_says_role_and_admins_are_those_listed_or_claimed),
        T(revoked_ones_are_refused_at_once),
        T(the_form_of_the_headers_is_strict),
        T(two_headers_of_one_name_are_refused),
        T(who_shows_nothing_is_anon_or_nobody),
        T(a_users_token_beside_the_apps_key),
        T(where_all_is_disabled_only_the_service_is_let_in),
        T(keys_in_an_address_are_refused_and_filters_are_not),
        T(refusals_have_one_face),
        T(a_rank_below_the_route_is_refused),
        T(the_cron_secret_comes_as_bearer_and_only_where_allowed_in_the_address),
    };
    return cmocka_run_group_tests(tests, NULL, at_end);
}
