/* nilometer token, and the keys of the API in nilometer key, as people meet them: shown once, kept as hashes, ended; never in an export. */
#include "cmd_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/api_key.h"
#include "support/tmp.h"

static char path[512];

static const char *line(int status, const char *options, const char *words)
{
    char text[2000];
    snprintf(text, sizeof text, "--store %s %s %s", path, options, words);
    const struct cmd_result *r = cmd_line(text);
    if (r->status != status)
        fail_msg("%s: status %d, wanted %d: %s%s", text, r->status, status, r->err, r->out);
    cmd_assert_one_line(r->err);
    return status == 0 ? r->out : r->err;
}

static const char *does(const char *words) { return line(0, "--quiet", words); }

static int set_up(void **state)
{
    static int serial;
    char name[32], csv[600], words[700];
    (void)state;
    setenv("NILOMETER_KEYS", nilo_test_path("keys"), 1);
    snprintf(name, sizeof name, "token%d.db", ++serial);
    snprintf(path, sizeof path, "%s", nilo_test_path(name));
    does("init");
    snprintf(csv, sizeof csv, "%s", nilo_test_path("a.csv"));
    nilo_test_write(csv, "external_id,day,views\nx,2026-03-01,5\n", 37);
    for (int i = 0; i < 2; i++) {
        snprintf(words, sizeof words, "import %s --workspace %s --platform youtube", csv, i == 0 ? "acme" : "beta");
        does(words);
    }
    return 0;
}

/* What is printed, without its line end. */
static char *printed(const char *words)
{
    char *text = strdup(does(words));
    if (text == NULL)
        abort();
    assert_int_equal(text[strlen(text) - 1], '\n');
    text[strlen(text) - 1] = '\0';
    assert_null(strchr(text, '\n'));
    return text;
}

static char *file_text(const char *name, size_t *ret_n)
{
    FILE *f = fopen(name, "rb");
    assert_non_null(f);
    char *text = malloc(4 << 20);
    *ret_n = fread(text, 1, 4 << 20, f);
    fclose(f);
    return text;
}

static void a_key_is_shown_once_and_kept_as_a_hash(void **state)
{
    (void)state;
    char *key = printed("key add --role authenticated --workspace acme --workspace beta --name dash --days 2"), id[NILO_API_KEY_ID + 1], names[3][600];
    enum nilo_role role;
    assert_true(nilo_api_key_read(key, strlen(key), &role, id));
    assert_int_equal(role, NILO_ROLE_AUTHENTICATED);
    cmd_assert_contains(does("key list"), "authenticated  dash  acme, beta  2026-03-10  2026-03-12  in force");
    cmd_assert_contains(does("key list --json"), "\"name\":\"dash\",\"role\":\"authenticated\",\"workspaces\":[\"acme\",\"beta\"],");
    /* the secret part is nowhere: not in the store, its log or a whole export */
    snprintf(names[0], sizeof names[0], "%s", path);
    snprintf(names[1], sizeof names[1], "%s-wal", path);
    snprintf(names[2], sizeof names[2], "%s", nilo_test_path("whole.ndjson"));
    FILE *f = fopen(names[2], "w");
    fputs(does("export --format nilometer"), f);
    fclose(f);
    for (int i = 0; i < 3; i++) {
        size_t n;
        char secret[NILO_API_KEY_SECRET + 1];
        snprintf(secret, sizeof secret, "%s", strrchr(key, '_') + 1);
        char *text = i == 1 && access(names[1], R_OK) != 0 ? NULL : file_text(names[i], &n);
        if (text == NULL)
            continue;
        assert_null(memmem(text, n, secret, strlen(secret)));
        if (i == 2)
            assert_null(memmem(text, n, id, strlen(id)));
        free(text);
    }
    free(key);
}

static void a_key_is_revoked_by_its_id_or_by_itself_and_stays_so(void **state)
{
    (void)state;
    char key[NILO_API_KEY_TEXT], words[200], id[NILO_API_KEY_ID + 1], *text = printed("key add --role service_role");
    enum nilo_role role;
    snprintf(key, sizeof key, "%s", text);
    free(text);
    assert_true(nilo_api_key_read(key, strlen(key), &role, id));
    snprintf(words, sizeof words, "key revoke %s", key);
    cmd_assert_contains(does(words), "Revoked the key ");
    assert_null(strstr(does(words), key));
    snprintf(words, sizeof words, "key revoke %s", id);
    cmd_assert_contains(does(words), "was revoked before");
    cmd_assert_contains(does("key list"), "revoked");
    cmd_assert_contains(line(2, "", "key revoke nobody"), "there is no API key nobody");
}

static void a_token_says_what_it_was_issued_for(void **state)
{
    (void)state;
    char *token = printed("token issue --role authenticated --workspace acme --user u-17 --days 3");
    char *at = strchr(token, '.') + 1, *end = strchr(at, '.');
    char claims[1000];
    size_t n = 0;
    unsigned bits = 0, have = 0;
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (; at < end; at++) {
        bits = bits << 6 | (unsigned)(strchr(letters, *at) - letters);
        have += 6;
        if (have >= 8)
            claims[n++] = (char)(bits >> (have -= 8));
    }
    claims[n] = '\0';
    cmd_assert_contains(claims, "\"iss\":\"nilometer\",\"role\":\"authenticated\",\"sub\":\"u-17\",\"jti\":\"");
    cmd_assert_contains(claims, "\"workspaces\":[\"acme\"],\"iat\":1773144000,\"exp\":1773403200}");
    cmd_assert_contains(does("--json token issue --role anon"), "\"role\":\"anon\",\"workspaces\":null,\"expires_at\":\"2026-04-09T12:00:00+00:00\"}");
    free(token);
}

static void what_is_revoked_and_closed_is_listed_and_taken_back(void **state)
{
    (void)state;
    does("token revoke abc");
    does("token revoke --user u-17");
    cmd_assert_contains(does("token close beta"), "The workspace beta is closed.");
    cmd_assert_contains(does("token close beta"), "The workspace beta was closed.");
    cmd_assert_contains(does("token list --json"), "{\"revoked\":[{\"token\":\"abc\",\"revoked_at\":\"2026-03-10T12:00:00+00:00\"},{\"user\":\"u-17\",");
    cmd_assert_contains(does("token list"), "closed workspace  beta  -");
    cmd_assert_contains(does("token allow --user u-17"), "Allowed again.");
    cmd_assert_contains(does("token allow --user u-17"), "That was not revoked.");
    cmd_assert_contains(does("token open beta"), "The workspace beta is open.");
    cmd_assert_contains(does("token list --json"), "\"closed_workspaces\":[]");
}

static void what_is_wrong_is_said_in_one_line(void **state)
{
    static const struct {
        int status;
        const char *words, *wanted;
    } list[] = {
        {2, "key add", "which role?"},
        {2, "key add --role root", "\"root\" is no role; there are anon, authenticated, admin and service_role"},
        {2, "key add --role anon --workspace nowhere", "there is no workspace \"nowhere\""},
        {2, "key add --role anon --days 0", "--days"},
        {2, "key add --role anon --days 3651", "--days"},
        {2, "token issue", "which role?"},
        {2, "token issue --role anon --workspace nowhere", "there is no workspace \"nowhere\""},
        {2, "token revoke", "name one"},
        {2, "token revoke a --user b", "name one"},
        {2, "token revoke a.b.c", "not by itself"},
        {2, "token close nowhere", "there is no workspace \"nowhere\""},
        {2, "token isue", "did you mean \"issue\"?"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        cmd_assert_contains(line(list[i].status, "", list[i].words), list[i].wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_key_is_shown_once_and_kept_as_a_hash, set_up),
        cmocka_unit_test_setup(a_key_is_revoked_by_its_id_or_by_itself_and_stays_so, set_up),
        cmocka_unit_test_setup(a_token_says_what_it_was_issued_for, set_up),
        cmocka_unit_test_setup(what_is_revoked_and_closed_is_listed_and_taken_back, set_up),
        cmocka_unit_test_setup(what_is_wrong_is_said_in_one_line, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
