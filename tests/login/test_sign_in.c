/* A person signs in: what goes out in the address, what may come back, and what is got for it. The platform is fake.c. */
#include "support/nilo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "fake.h"
#include "login/login.h"

static struct nilo_virtual_clock the_clock;
static struct nilo_seeded_random the_random;
static struct nilo_env env;

static void app_begin(struct nilo_login_app *app)
{
    static const char *settings[8] = {NULL};
    *app = (struct nilo_login_app){.connector = nilo_connector_find("youtube"), .client_id = strdup("app-id"), .client_secret = strdup("app-secret"),
                                   .settings = settings};
    nilo_virtual_clock_init(&the_clock, 1742464800 * NILO_US_SECOND);
    nilo_seeded_random_init(&the_random, 7);
    env = (struct nilo_env){.clock = nilo_virtual_clock(&the_clock), .random = nilo_seeded_random(&the_random)};
}

static void app_end(struct nilo_login_app *app)
{
    free(app->client_id);
    free(app->client_secret);
}

static void value_of(const char *url, const char *name, char *out, size_t size)
{
    char wanted[60];
    snprintf(wanted, sizeof wanted, "%s=", name);
    const char *at = strstr(url, wanted);
    assert_non_null(at);
    snprintf(out, size, "%.*s", (int)strcspn(at + strlen(wanted), "&"), at + strlen(wanted));
}

static void the_address_holds_state_and_challenge_and_no_secret(void **state)
{
    struct nilo_login_app app;
    struct nilo_sign_in *a, *b;
    struct nilo_err err;
    char one[100], two[100];
    (void)state;
    app_begin(&app);
    assert_int_equal(nilo_sign_in_new(&app, "http://127.0.0.1:8421/", &env, &a, &err), 0);
    assert_int_equal(nilo_sign_in_new(&app, "http://127.0.0.1:8421/", &env, &b, &err), 0);
    const char *url = nilo_sign_in_url(a);
    assert_int_equal(strncmp(url, "https://accounts.google.com/o/oauth2/v2/auth?", 45), 0);
    assert_non_null(strstr(url, "client_id=app-id"));
    assert_non_null(strstr(url, "redirect_uri=http%3A%2F%2F127.0.0.1%3A8421%2F"));
    assert_non_null(strstr(url, "code_challenge_method=S256"));
    assert_non_null(strstr(url, "access_type=offline"));
    assert_null(strstr(url, "app-secret"));
    value_of(url, "state", one, sizeof one);
    value_of(nilo_sign_in_url(b), "state", two, sizeof two);
    assert_int_equal(strlen(one), 43);
    assert_string_not_equal(one, two);
    value_of(url, "code_challenge", one, sizeof one);
    value_of(nilo_sign_in_url(b), "code_challenge", two, sizeof two);
    assert_int_equal(strlen(one), 43);
    assert_string_not_equal(one, two);
    nilo_sign_in_free(a);
    nilo_sign_in_free(b);
    app_end(&app);
}

static void only_the_answer_to_this_question_is_taken(void **state)
{
    static const struct {
        const char *format; /* %s: the state */
        enum nilo_code code;
        const char *words;
    } cases[] = {
        {"code=code-1&state=%s", NILO_OK, NULL},
        {"state=%s&code=code%%2D1&scope=a+b", NILO_OK, NULL},
        {"http://127.0.0.1:8421/?state=%s&code=code-1#", NILO_OK, NULL},
        {"code=code-1&state=%.42sx", NILO_EINVAL, "its state is another one"},
        {"code=code-1&state=%.40s", NILO_EINVAL, "its state is another one"},
        {"code=code-1&state=%sx", NILO_EINVAL, "its state is another one"},
        {"code=code-1&xstate=%s", NILO_EINVAL, "its state is another one"},
        {"code=code-1%.0s", NILO_EINVAL, "its state is another one"},
        {"%.0s", NILO_EINVAL, "its state is another one"},
        {"state=%s", NILO_EINVAL, "no code"},
        {"state=%s&code=", NILO_EINVAL, "no code"},
        {"state=%s&error=access_denied", NILO_EPERM, "access was not granted"},
        {"state=%s&error=access_denied&code=code-1", NILO_EPERM, "access was not granted"},
        {"state=%s&error=%%3Cscript%%3E", NILO_EPERM, "(an error)"},
        {"error=access_denied%.0s", NILO_EINVAL, "its state is another one"},
    };
    struct nilo_login_app app;
    (void)state;
    app_begin(&app);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nilo_sign_in *s;
        struct nilo_err err = {0};
        char word[100], query[300];
        assert_int_equal(nilo_sign_in_new(&app, "http://127.0.0.1:8421/", &env, &s, &err), 0);
        value_of(nilo_sign_in_url(s), "state", word, sizeof word);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(query, sizeof query, cases[i].format, word);
#pragma GCC diagnostic pop
        int rc = nilo_sign_in_back(s, query, &err);
        if ((cases[i].code == NILO_OK) != (rc == 0) || (rc != 0 && (err.code != cases[i].code || strstr(err.msg, cases[i].words) == NULL)))
            fail_msg("%s: %d %s", query, rc, err.msg);
        nilo_sign_in_free(s);
    }
    app_end(&app);
}

static void a_code_becomes_tokens_and_accounts(void **state)
{
    struct nilo_login_app app;
    struct nilo_sign_in *s;
    struct nilo_err err = {0};
    struct fake fake;
    struct nilo_login_set set;
    const struct nilo_account *accounts;
    size_t n;
    char word[100], query[200], challenge[100], text[45];
    unsigned char hash[NILO_SHA256_LEN];
    (void)state;
    app_begin(&app);
    fake_start(&fake, &env);
    assert_int_equal(nilo_sign_in_new(&app, "http://127.0.0.1:8421/", &env, &s, &err), 0);
    value_of(nilo_sign_in_url(s), "state", word, sizeof word);
    value_of(nilo_sign_in_url(s), "code_challenge", challenge, sizeof challenge);
    snprintf(query, sizeof query, "code=code-1&state=%s", word);
    assert_int_equal(nilo_sign_in_back(s, query, &err), 0);
    if (nilo_sign_in_tokens(s, fake.http, &set, &err) != 0)
        fail_msg("%s", err.msg);
    assert_string_equal(set.access_token, "access-1");
    assert_string_equal(set.refresh_token, "refresh-2");
    assert_true(set.access_until == the_clock.wall + NILO_US_HOUR && set.refresh_until == NILO_US_NONE);
    /* what was sent is what the challenge was made of (RFC 7636, 4.6) */
    nilo_sha256(fake.verifier, strlen(fake.verifier), hash);
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (size_t i = 0; i < 43; i++) {
        size_t bit = 6 * i;
        unsigned v = (unsigned)hash[bit / 8] << 8 | (bit / 8 + 1 < 32 ? hash[bit / 8 + 1] : 0);
        text[i] = letters[v >> (10 - bit % 8) & 63];
    }
    text[43] = '\0';
    assert_string_equal(text, challenge);
    assert_non_null(strstr(fake.last, "redirect_uri=http%3A%2F%2F127.0.0.1%3A8421%2F"));
    assert_int_equal(nilo_sign_in_accounts(s, fake.http, &accounts, &n, &err), 0);
    assert_int_equal(n, 2);
    assert_string_equal(accounts[1].id, "UCtwo");
    assert_string_equal(accounts[1].title, "Two");
    nilo_sign_in_free(s);
    /* a code that the platform does not know */
    assert_int_equal(nilo_sign_in_new(&app, "http://127.0.0.1:8421/", &env, &s, &err), 0);
    value_of(nilo_sign_in_url(s), "state", word, sizeof word);
    snprintf(query, sizeof query, "code=another&state=%s", word);
    assert_int_equal(nilo_sign_in_back(s, query, &err), 0);
    assert_int_equal(nilo_sign_in_tokens(s, fake.http, &set, &err), -1);
    assert_int_equal(err.code, NILO_EPERM);
    assert_null(strstr(err.msg, "another"));
    nilo_sign_in_free(s);
    fake_end(&fake);
    app_end(&app);
}

static void without_an_app_nobody_signs_in(void **state)
{
    struct nilo_login_app app;
    struct nilo_sign_in *s;
    struct nilo_err err = {0};
    (void)state;
    app_begin(&app);
    free(app.client_id);
    app.client_id = NULL;
    assert_int_equal(nilo_sign_in_new(&app, "http://127.0.0.1:8421/", &env, &s, &err), -1);
    assert_int_equal(err.code, NILO_ECONFIG);
    assert_non_null(strstr(err.msg, "client_id"));
    app_end(&app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_address_holds_state_and_challenge_and_no_secret),
        cmocka_unit_test(only_the_answer_to_this_question_is_taken),
        cmocka_unit_test(a_code_becomes_tokens_and_accounts),
        cmocka_unit_test(without_an_app_nobody_signs_in),
    };
    return cmocka_run_group_tests_name("login/sign_in", tests, NULL, NULL);
}
