/* The emulator's authorization: code flow with PKCE and state, refresh, rotation, expiry, revocation, all by the virtual time. */
#include "support/nilo_test.h"

#include "emulator/asking.h"

#include <string.h>

/* RFC 7636, appendix B */
#define VERIFIER  "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
#define REDIRECT  "http://127.0.0.1:8085/back"

struct world {
    struct emulator *em;
    char client[EMULATOR_TEXT], secret[EMULATOR_TEXT];
};

static struct world world_of(const char *options)
{
    struct world w = {.em = asking_new(options)};
    emulator_client_id(w.em, 0, w.client);
    emulator_client_secret(w.em, 0, w.secret);
    return w;
}

static void world_done(struct world *w)
{
    asking_done();
    emulator_free(w->em);
}

/* The code that a person's browser brings back; "" when it brings none. */
static const char *code_of(struct world *w, nilo_us now, const char *more)
{
    static char code[EMULATOR_TEXT];
    char location[2048];
    int status;
    asking(w->em, now, "", NULL, &status,
           "/o/oauth2/v2/auth?client_id=%s&redirect_uri=http%%3A%%2F%%2F127.0.0.1%%3A8085%%2Fback&response_type=code&scope=a+b&state=x%%2Fy"
           "&code_challenge=" CHALLENGE "&code_challenge_method=S256&access_type=offline%s",
           w->client, more);
    assert_int_equal(status, 302);
    assert_true(emulator_response_header(asking_last(), "location", location, sizeof location));
    assert_memory_equal(location, REDIRECT "?", strlen(REDIRECT) + 1);
    assert_non_null(strstr(location, "&state=x%2Fy"));
    code[0] = 0;
    const char *s = strstr(location, "?code=");
    if (s) {
        size_t at = 0;
        for (s += 6; *s && *s != '&'; s++)
            if (strncmp(s, "%2F", 3) == 0) {
                code[at++] = '/';
                s += 2;
            } else {
                code[at++] = *s;
            }
        code[at] = 0;
    }
    return code;
}

static const char *exchange(struct world *w, nilo_us now, int *status, const char *code, const char *secret, const char *redirect, const char *verifier)
{
    char form[2048];
    snprintf(form, sizeof form, "grant_type=authorization_code&code=%s&client_id=%s&client_secret=%s&redirect_uri=%s%s%s", code, w->client, secret, redirect,
             verifier ? "&code_verifier=" : "", verifier ? verifier : "");
    return asking(w->em, now, "", form, status, "/token");
}

static const char *refresh(struct world *w, nilo_us now, int *status, const char *token)
{
    char form[2048];
    snprintf(form, sizeof form, "grant_type=refresh_token&refresh_token=%s&client_id=%s&client_secret=%s", token, w->client, w->secret);
    return asking(w->em, now, "", form, status, "/token");
}

static int channels(struct world *w, nilo_us now, const char *access)
{
    char auth[EMULATOR_TEXT + 8];
    int status;
    snprintf(auth, sizeof auth, "Bearer %s", access);
    asking(w->em, now, auth, NULL, &status, "/youtube/v3/channels?part=id&mine=true");
    return status;
}

static void a_code_becomes_tokens_that_work_until_they_expire(void **state)
{
    (void)state;
    struct world w = world_of("channels=6 account_channels=2");
    char access[EMULATOR_TEXT], token[EMULATOR_TEXT], channel[EMULATOR_TEXT], auth[EMULATOR_TEXT + 8];
    int status;
    const char *json = exchange(&w, NOW, &status, code_of(&w, NOW, "&login_hint=2"), w.secret, REDIRECT, VERIFIER);
    assert_int_equal(status, 200);
    assert_int_equal(asking_number(json, "expires_in"), 3599);
    assert_string_equal(asking_text(json, "token_type"), "Bearer");
    assert_string_equal(asking_text(json, "scope"), "a b");
    snprintf(access, sizeof access, "%s", asking_text(json, "access_token"));
    snprintf(token, sizeof token, "%s", asking_text(json, "refresh_token"));
    assert_int_equal(channels(&w, NOW + 3598 * NILO_US_SECOND, access), 200);
    assert_int_equal(channels(&w, NOW + 3599 * NILO_US_SECOND, access), 401);
    assert_string_equal(asking_text(nilo_buf_str(&asking_last()->body), "error.status"), "UNAUTHENTICATED");
    json = refresh(&w, NOW + HOUR, &status, token);
    assert_int_equal(status, 200);
    assert_string_equal(asking_text(json, "refresh_token"), ""); /* Google keeps the old one */
    snprintf(access, sizeof access, "%s", asking_text(json, "access_token"));
    assert_int_equal(channels(&w, NOW + HOUR, access), 200);
    snprintf(auth, sizeof auth, "Bearer %s", access);
    json = asking(w.em, NOW + HOUR, auth, NULL, NULL, "/youtube/v3/channels?part=id,contentDetails&mine=true");
    for (int i = 0; i < 2; i++) { /* the account's two channels: a choice to make */
        char path[32];
        snprintf(path, sizeof path, "items.%d.id", i);
        emulator_channel_id(w.em, 4 + i, channel);
        assert_string_equal(asking_text(json, path), channel);
    }
    assert_int_equal(asking_number(asking(w.em, NOW, NULL, NULL, NULL, "/_emulator/counters"), "grants.0.refreshes"), 1);
    world_done(&w);
}

static void a_code_is_good_for_one_client_one_redirect_one_verifier_and_once(void **state)
{
    (void)state;
    static const struct {
        const char *secret, *redirect, *verifier;
        int64_t later;
        int status;
        const char *error;
    } cases[] = {
        {"wrong", REDIRECT, VERIFIER, 0, 401, "invalid_client"},
        {NULL, "http://127.0.0.1:8085/other", VERIFIER, 0, 400, "redirect_uri_mismatch"},
        {NULL, REDIRECT, "not-the-verifier-not-the-verifier-not-the-verifier", 0, 400, "invalid_grant"},
        {NULL, REDIRECT, NULL, 0, 400, "invalid_grant"},
        {NULL, REDIRECT, VERIFIER, 10 * NILO_US_MINUTE, 400, "invalid_grant"},
    };
    struct world w = world_of("");
    int status;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *code = code_of(&w, NOW, "");
        const char *json = exchange(&w, NOW + cases[i].later, &status, code, cases[i].secret ? cases[i].secret : w.secret, cases[i].redirect, cases[i].verifier);
        assert_int_equal(status, cases[i].status);
        assert_string_equal(asking_text(json, "error"), cases[i].error);
    }
    char code[EMULATOR_TEXT], access[EMULATOR_TEXT];
    snprintf(code, sizeof code, "%s", code_of(&w, NOW, ""));
    snprintf(access, sizeof access, "%s", asking_text(exchange(&w, NOW, &status, code, w.secret, REDIRECT, VERIFIER), "access_token"));
    assert_int_equal(status, 200);
    assert_int_equal(channels(&w, NOW, access), 200);
    exchange(&w, NOW, &status, code, w.secret, REDIRECT, VERIFIER);
    assert_int_equal(status, 400);
    assert_int_equal(channels(&w, NOW, access), 401); /* a code that was used twice was stolen */
    assert_string_equal(asking_text(exchange(&w, NOW, &status, "4/0made_up", w.secret, REDIRECT, VERIFIER), "error"), "invalid_grant");
    world_done(&w);
}

static void who_does_not_consent_gives_no_code(void **state)
{
    (void)state;
    struct world w = world_of("deny=1");
    char location[512];
    int status;
    assert_string_equal(code_of(&w, NOW, ""), "");
    assert_true(emulator_response_header(asking_last(), "location", location, sizeof location));
    assert_non_null(strstr(location, "?error=access_denied&state="));
    asking(w.em, NOW, "", NULL, &status, "/o/oauth2/v2/auth?client_id=%s&redirect_uri=http://evil.example/&response_type=code&scope=a", w.client);
    assert_int_equal(status, 400);
    asking(w.em, NOW, "", NULL, &status, "/o/oauth2/v2/auth?client_id=nobody&redirect_uri=" REDIRECT "&response_type=code&scope=a");
    assert_int_equal(status, 400);
    world_done(&w);
}

static void a_rotating_refresh_token_works_once(void **state)
{
    (void)state;
    struct world w = world_of("rotate=1");
    char first[EMULATOR_TEXT], second[EMULATOR_TEXT], access[EMULATOR_TEXT];
    struct nilo_err err;
    int status;
    assert_int_equal(emulator_grant(w.em, NOW, 0, 0, first, access), 0);
    snprintf(second, sizeof second, "%s", asking_text(refresh(&w, NOW + 1, &status, first), "refresh_token"));
    assert_int_equal(status, 200);
    assert_true(second[0] && strcmp(first, second) != 0);
    assert_string_equal(asking_text(refresh(&w, NOW + 2, &status, first), "error"), "invalid_grant");
    refresh(&w, NOW + 3, &status, second);
    assert_int_equal(status, 200);
    /* with a grace the old one works for so long; with reuse_revokes it takes everything with it */
    assert_int_equal(emulator_set_all(w.em, "rotate_grace_s=10 reuse_revokes=1", &err), 0);
    assert_int_equal(emulator_grant(w.em, NOW, 0, 0, first, access), 0);
    snprintf(second, sizeof second, "%s", asking_text(refresh(&w, NOW, &status, first), "refresh_token"));
    refresh(&w, NOW + 9 * NILO_US_SECOND, &status, first);
    assert_int_equal(status, 200);
    assert_int_equal(channels(&w, NOW + 9 * NILO_US_SECOND, access), 200);
    refresh(&w, NOW + 10 * NILO_US_SECOND, &status, first);
    assert_int_equal(status, 400);
    refresh(&w, NOW + 10 * NILO_US_SECOND, &status, second);
    assert_int_equal(status, 400);
    assert_int_equal(channels(&w, NOW + 10 * NILO_US_SECOND, access), 401);
    world_done(&w);
}

static void tokens_end_when_told_when_revoked_and_when_unused(void **state)
{
    (void)state;
    struct world w = world_of("channels=3 refresh_days=180");
    char a[3][EMULATOR_TEXT], r[3][EMULATOR_TEXT], form[256];
    int status;
    for (int i = 0; i < 3; i++)
        assert_int_equal(emulator_grant(w.em, NOW, 0, i, r[i], a[i]), 0);
    asking(w.em, NOW, "", NULL, NULL, "/_emulator/tokens?act=expire&grant=1");
    assert_int_equal(channels(&w, NOW, a[0]), 200);
    assert_int_equal(channels(&w, NOW, a[1]), 401);
    refresh(&w, NOW, &status, r[1]);
    assert_int_equal(status, 200);
    asking(w.em, NOW, "", NULL, NULL, "/_emulator/tokens?act=revoke&grant=1");
    assert_string_equal(asking_text(refresh(&w, NOW, &status, r[1]), "error"), "invalid_grant");
    snprintf(form, sizeof form, "token=%s", r[2]);
    asking(w.em, NOW, "", form, &status, "/revoke");
    assert_int_equal(status, 200);
    assert_int_equal(channels(&w, NOW, a[2]), 401);
    asking(w.em, NOW, "", form, &status, "/revoke");
    assert_int_equal(status, 400);
    refresh(&w, NOW + 179 * DAY, &status, r[0]);
    assert_int_equal(status, 200);
    refresh(&w, NOW + 300 * DAY, &status, r[0]); /* counted from its last use */
    assert_int_equal(status, 200);
    refresh(&w, NOW + 480 * DAY, &status, r[0]);
    assert_int_equal(status, 400);
    assert_int_equal(channels(&w, NOW, "ya29.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), 401);
    world_done(&w);
}

static void a_secret_in_a_url_is_noticed_and_not_logged(void **state)
{
    (void)state;
    struct world w = world_of("");
    char access[EMULATOR_TEXT], token[EMULATOR_TEXT], key[EMULATOR_TEXT];
    emulator_api_key(w.em, 0, key);
    assert_int_equal(emulator_grant(w.em, NOW, 0, 0, token, access), 0);
    assert_int_equal(channels(&w, NOW, access), 200);
    assert_int_equal(asking_number(asking(w.em, NOW, NULL, NULL, NULL, "/_emulator/counters"), "secrets_in_url"), 0);
    asking(w.em, NOW, "", NULL, NULL, "/youtube/v3/channels?part=id&mine=true&access_token=%s&key=%s", access, key);
    assert_int_equal(asking_number(asking(w.em, NOW, NULL, NULL, NULL, "/_emulator/counters"), "secrets_in_url"), 1);
    const char *log = asking(w.em, NOW, NULL, NULL, NULL, "/_emulator/log");
    assert_null(strstr(log, access));
    assert_null(strstr(log, key));
    assert_non_null(strstr(log, "access_token=#"));
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_becomes_tokens_that_work_until_they_expire),
        cmocka_unit_test(a_code_is_good_for_one_client_one_redirect_one_verifier_and_once),
        cmocka_unit_test(who_does_not_consent_gives_no_code),
        cmocka_unit_test(a_rotating_refresh_token_works_once),
        cmocka_unit_test(tokens_end_when_told_when_revoked_and_when_unused),
        cmocka_unit_test(a_secret_in_a_url_is_noticed_and_not_logged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
