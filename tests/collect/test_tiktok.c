/* Whole runs against the emulated TikTok: configuration, tokens in the store, the engine, the record. Over real HTTP, and in process where the wire has to be looked
 * at or hours have to go by. What is recorded is compared with what the emulator's own world says of that instant. */
#include "support/nilo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/emulator_test.h"
#include "emulator/in_process.h"
#include "login/login.h"
#include "support/tmp.h"
#include "world.h"

#define START "2025-01-11T09:00:00Z"
#define WORLD "epoch=" START " seed=7 upload_hours=0 "

struct play {
    struct world w;
    struct emulator *em;              /* in process; or the twin of the one that serves, for what is true */
    struct emulator_server *server;   /* NULL: in process */
    struct nilo_http *http, *token_http;
    struct nilo_login *login;
    struct nilo_keys *ring;
    nilo_us ahead;
    int accounts, metrics;
    const char *platform, *more; /* a line of each connection */
    /* what was seen of the wire */
    int64_t asked, not_kept; /* requests with a token; those of a token that the store did not hold */
    char last[300];          /* the token that was used last */
    int different;           /* tokens used */
};

/* ---- setting up ------------------------------------------------------------------------------------------------------------------------------ */

static const char *config_of(const struct play *p)
{
    static char text[8000];
    char client[EMULATOR_TEXT], secret[EMULATOR_TEXT];
    const char *url = p->server != NULL ? emulator_url(p->server) : "http://127.0.0.1:1";
    emulator_client_id(p->em, 0, client);
    emulator_client_secret(p->em, 0, secret);
    setenv("NILO_TEST_TIKTOK", secret, 1);
    int n = snprintf(text, sizeof text,
                     "platforms:\n  - platform: %s\n    client_id: %s\n    client_secret: env:NILO_TEST_TIKTOK\n    settings:\n      - name: api_base\n        value: %s/v2\n"
                     "      - name: token_url\n        value: %s/v2/oauth/token\nconnections:\n",
                     p->platform, client, url, url);
    for (int i = 0; i < p->accounts; i++) {
        n += snprintf(text + n, sizeof text - (size_t)n, "  - name: t%d\n    platform: %s\n%s", i, p->platform, p->more);
        if (strcmp(p->platform, "tiktok_research") == 0)
            n += snprintf(text + n, sizeof text - (size_t)n, "    accounts: '@creator%d'\n", i);
    }
    return text;
}

/* Each connection's person signs in: what connect leaves in the store. */
static void sign_in(struct play *p, int account, const char *scope)
{
    char refresh[EMULATOR_TEXT], access[EMULATOR_TEXT], name[16], id[EMULATOR_TEXT], target[200];
    nilo_us now = p->w.clock.wall;
    struct nilo_workspace workspace;
    struct nilo_connection c;
    snprintf(name, sizeof name, "t%d", account);
    if (p->server != NULL) {
        snprintf(target, sizeof target, "/_emulator/grant?platform=tiktok&account=%d", account);
        char *answer = emulator_ask(p->server, target), *r = emulator_json(answer, "refresh_token"), *a = emulator_json(answer, "access_token");
        snprintf(refresh, sizeof refresh, "%s", r);
        snprintf(access, sizeof access, "%s", a);
        free(answer);
        free(r);
        free(a);
    } else {
        assert_int_equal(emulator_tiktok_grant(p->em, now, account, scope, refresh, access), 0);
    }
    emulator_tiktok_account(p->em, account, id);
    assert_int_equal(nilo_store_workspace(p->w.store, "default", true, "UTC", &workspace, &p->w.err), 0);
    assert_int_equal(nilo_store_connection(p->w.store, workspace.id, name, true, "tiktok", "file", &c, &p->w.err), 0);
    const struct nilo_login_set set = {.access_token = access, .refresh_token = refresh, .access_until = now + 7200 * NILO_US_SECOND,
                                       .refresh_until = now + 180 * NILO_US_DAY, .account = id};
    if (nilo_login_store(p->login, &c, &set, &p->w.err) != 0)
        fail_msg("%s", p->w.err.msg);
}

static int on_start(void *ctx, const struct nilo_http_job *job, int64_t *ret_retry_after_s)
{
    struct play *p = ctx;
    (void)ret_retry_after_s;
    assert_null(strchr(job->url, '\n'));
    for (size_t i = 0; i < job->n_headers; i++) {
        const char *bearer = strncmp(job->headers[i], "Authorization: Bearer ", 22) == 0 ? job->headers[i] + 22 : NULL;
        bool kept = false;
        if (bearer == NULL)
            continue;
        for (int k = 0; k < p->accounts && !kept; k++) {
            char name[16], *sealed = NULL, *next = NULL;
            size_t n;
            snprintf(name, sizeof name, "t%d", k);
            const struct nilo_connection c = world_connection(&p->w, name);
            assert_int_equal(nilo_secret_get(p->w.store, p->ring, &c, "access_token", &sealed, &n, &p->w.err), 0);
            assert_int_equal(nilo_secret_get(p->w.store, p->ring, &c, "refresh_token", &next, &n, &p->w.err), 0);
            kept = strcmp(sealed, bearer) == 0 && next[0] != '\0';
            nilo_secret_free(sealed);
            nilo_secret_free(next);
        }
        p->asked++;
        p->not_kept += !kept;
        p->different += strcmp(p->last, bearer) != 0;
        snprintf(p->last, sizeof p->last, "%s", bearer);
    }
    return 0;
}

static void begin_with(struct play *p, const char *platform, const char *more, const char *options, int accounts, bool http, bool watched)
{
    static int number;
    char name[40], path[60];
    *p = (struct play){.accounts = accounts, .platform = platform, .more = more, .metrics = strcmp(platform, "tiktok") == 0 ? 4 : 5};
    snprintf(name, sizeof name, "tiktok%d", number++);
    snprintf(path, sizeof path, "keys-%s", name);
    setenv("NILOMETER_KEYS", nilo_test_path(path), 1);
    if (http)
        p->server = emulator_start(options, START);
    assert_int_equal(emulator_new(&p->em, &p->w.err), 0);
    if (emulator_set_all(p->em, options, &p->w.err) != 0)
        fail_msg("%s", p->w.err.msg);
    char *config = strdup(config_of(p));
    world_init(&p->w, name, NULL, config, START);
    free(config);
    p->ring = world_ring(&p->w);
    const struct emulator_http_watch watch = {.start = watched ? on_start : NULL, .ctx = p, .ahead = &p->ahead}, tokens = {.ahead = &p->ahead};
    if (!http) {
        assert_int_equal(emulator_http_watched(p->em, &p->w.clock, &p->w.env, &watch, &p->http, &p->w.err), 0);
        assert_int_equal(emulator_http_watched(p->em, &p->w.clock, &p->w.env, &tokens, &p->token_http, &p->w.err), 0);
    }
    assert_int_equal(nilo_login_new(p->w.store, p->w.config, p->token_http, &p->login, &p->w.err), 0);
    for (int i = 0; i < accounts && strcmp(platform, "tiktok") == 0; i++)
        sign_in(p, i, NULL);
}

static void begin(struct play *p, const char *options, int accounts, bool http, bool watched)
{
    begin_with(p, "tiktok", "", options, accounts, http, watched);
}

static void finish(struct play *p)
{
    nilo_login_free(p->login);
    nilo_keys_free(p->ring);
    nilo_http_free(p->http);
    nilo_http_free(p->token_http);
    world_done(&p->w);
    emulator_free(p->em);
    emulator_stop(p->server);
}

static void collect(struct play *p)
{
    const struct nilo_collect_options o = {.day = NILO_DAY_NONE, .http = p->http, .token_http = p->token_http};
    if (world_collect_with(&p->w, &o) != 0)
        fail_msg("%s", p->w.err.msg);
}

static int64_t counter(struct play *p, const char *path)
{
    if (p->server != NULL)
        return emulator_count(p->server, path);
    const struct emulator_request req = {.method = "GET", .target = "/_emulator/counters"};
    struct emulator_response res;
    emulator_answer(p->em, p->w.clock.wall, &req, &res);
    char *text = emulator_json(nilo_buf_str(&res.body), path);
    assert_non_null(text);
    int64_t n = strtoll(text, NULL, 10);
    free(text);
    emulator_response_done(&res);
    return n;
}

static void control(struct play *p, const char *target)
{
    if (p->server != NULL) {
        emulator_do(p->server, target);
        return;
    }
    const struct emulator_request req = {.method = "GET", .target = target};
    struct emulator_response res;
    emulator_answer(p->em, p->w.clock.wall, &req, &res);
    if (res.status != 200)
        fail_msg("%s: %d", target, res.status);
    emulator_response_done(&res);
}

static const struct world_run *run_of(const struct play *p, int account)
{
    char name[16];
    snprintf(name, sizeof name, "t%d", account);
    for (size_t i = 0; i < p->w.n_runs; i++) {
        if (strcmp(p->w.runs[i].connection, name) == 0)
            return &p->w.runs[i];
    }
    fail_msg("no run of %s", name);
    return NULL;
}

static void assert_run(const struct play *p, int account, const char *status, const char *says)
{
    const struct world_run *r = run_of(p, account);
    if (strcmp(r->status, status) != 0 || (strstr(r->error, says) == NULL && strstr(r->failures[0], says) == NULL))
        fail_msg("t%d is %s: %s | %s", account, r->status, r->error, r->failures[0]);
}

static void advance(struct play *p, int64_t seconds)
{
    nilo_virtual_clock_advance(&p->w.clock, seconds * NILO_US_SECOND);
}

/* ---- what is true -------------------------------------------------------------------------------------------------------------------------------- */

static const char *const names[] = {"views", "likes", "comments", "shares", "saves"};

struct reading {
    int64_t values[5];
    enum nilo_absence absences[5];
    bool there[5];
    nilo_us at;
};

static struct world *scanning;
static int take(void *ctx, const struct nilo_scan_row *row)
{
    struct reading *r = ctx;
    const struct nilo_metric *m = nilo_catalog_by_id(nilo_store_catalog(scanning->store), row->metric);
    for (int i = 0; i < 5; i++) {
        if (strcmp(m->name, names[i]) == 0) {
            r->there[i] = true;
            r->values[i] = row->value;
            r->absences[i] = row->absence;
            r->at = row->captured_at;
        }
    }
    return 0;
}

static struct reading read_item(struct play *p, int account, const char *id)
{
    char name[16];
    struct reading r = {0};
    snprintf(name, sizeof name, "t%d", account);
    const struct nilo_connection c = world_connection(&p->w, name);
    nilo_day today = NILO_DAY((int32_t)(p->w.clock.wall / NILO_US_DAY));
    const struct nilo_select select = {.workspace = c.workspace, .connection = c.id, .external_id = id, .kind = NILO_CONTENT, .from = today, .to = today, .as_of = NILO_US_NONE};
    scanning = &p->w;
    if (nilo_store_scan(p->w.store, &NILO_SCOPE_ALL, &select, take, &r, &p->w.err) != 0)
        fail_msg("%s", p->w.err.msg);
    return r;
}

/* Every video of the account that anybody may see is recorded as it was when it was read. Returns how many there are */
static int64_t assert_true_of(struct play *p, int account, int videos)
{
    int64_t n = 0;
    for (int v = 0; v < videos; v++) {
        char id[EMULATOR_TEXT];
        int64_t truth[5];
        emulator_tiktok_id(p->em, account, v, id);
        struct reading r = read_item(p, account, id);
        if (!emulator_tiktok_counts(p->em, account, v, r.at != 0 ? r.at : p->w.clock.wall, truth)) {
            assert_false(r.there[0] && r.absences[0] == NILO_PRESENT);
            continue;
        }
        n++;
        for (int i = 0; i < p->metrics; i++) {
            if (!r.there[i] || r.absences[i] != NILO_PRESENT || r.values[i] != truth[i])
                fail_msg("%s of video %d of t%d are %lld, not %lld", names[i], v, account, (long long)r.values[i], (long long)truth[i]);
        }
    }
    return n;
}

/* ---- runs --------------------------------------------------------------------------------------------------------------------------------------- */

static void accounts_are_collected_over_http_to_the_last_digit(void **state)
{
    (void)state;
    struct play p;
    begin(&p, WORLD "channels=3 videos=45 latency_ms=5 tiktok_short=400 deleted=100 private=50", 3, true, false);
    collect(&p);
    int64_t seen = 0;
    for (int i = 0; i < 3; i++) {
        assert_run(&p, i, "completed", "");
        seen += assert_true_of(&p, i, 45);
    }
    assert_true(seen > 90 && seen < 135);
    assert_int_equal(p.w.result.items_read, seen);
    assert_int_equal(p.w.result.items_failed, 0);
    assert_int_equal(counter(&p, "tiktok.over_rate"), 0);
    assert_int_equal(counter(&p, "secrets_in_url"), 0);
    assert_int_equal(counter(&p, "endpoints.2.items_given"), seen);
    finish(&p);
}

/* A number as a double would lose its last digit. */
static void counts_beyond_a_doubles_are_kept(void **state)
{
    (void)state;
    struct play p;
    char id[EMULATOR_TEXT];
    begin(&p, WORLD "channels=1 videos=10 latency_ms=5", 1, true, false);
    control(&p, "/_emulator/item?channel=0&video=3&views=9007199254740993&likes=-1");
    control(&p, "/_emulator/item?channel=0&video=4&views=null&comments=99999999999999999999");
    collect(&p);
    assert_run(&p, 0, "partial", "which is no count");
    emulator_tiktok_id(p.em, 0, 3, id);
    assert_true(strlen(id) == 19);
    struct reading r = read_item(&p, 0, id);
    assert_true(r.values[0] == INT64_C(9007199254740993) && r.absences[0] == NILO_PRESENT);
    assert_true(r.absences[1] == NILO_FAILED && r.there[2] && r.absences[2] == NILO_PRESENT && r.absences[3] == NILO_PRESENT);
    emulator_tiktok_id(p.em, 0, 4, id);
    r = read_item(&p, 0, id);
    assert_true(r.absences[0] == NILO_NOT_REPORTED && r.absences[1] == NILO_PRESENT && r.absences[2] == NILO_FAILED);
    assert_int_equal(p.w.result.items_read, 8);
    assert_int_equal(p.w.result.items_failed, 2);
    finish(&p);
}

static void a_rotated_token_is_in_the_store_before_anything_is_asked_with_it(void **state)
{
    (void)state;
    struct play p;
    begin(&p, WORLD "channels=2 videos=20 latency_ms=100", 2, false, true);
    for (int hour = 0; hour < 48; hour += 3) { /* longer than a token lives */
        collect(&p);
        assert_run(&p, 0, "completed", "");
        assert_run(&p, 1, "completed", "");
        advance(&p, 3 * 3600);
    }
    assert_true(p.asked > 60);
    assert_true(p.different >= 2 * 16);
    assert_int_equal(p.not_kept, 0);
    assert_int_equal(counter(&p, "grants.0.refreshes"), 15);
    assert_int_equal(counter(&p, "grants.0.refused"), 0);
    assert_int_equal(counter(&p, "tiktok.dead_refresh"), 0);
    finish(&p);
}

/* TikTok ends tokens before their time, too. */
static void a_token_that_is_refused_is_renewed_once_inside_the_run(void **state)
{
    (void)state;
    struct play p;
    begin(&p, WORLD "channels=2 videos=30 latency_ms=0 tiktok_200=1", 2, false, true);
    control(&p, "/_emulator/tokens?act=expire&grant=1");
    collect(&p);
    assert_run(&p, 0, "completed", "");
    assert_run(&p, 1, "completed", "");
    assert_int_equal(assert_true_of(&p, 1, 30), 30);
    assert_int_equal(counter(&p, "grants.0.refreshes"), 0);
    assert_int_equal(counter(&p, "grants.1.refreshes"), 1);
    assert_int_equal(p.not_kept, 0);
    finish(&p);
}

static void an_account_that_expires_stops_itself_alone(void **state)
{
    (void)state;
    for (int in_200 = 0; in_200 < 2; in_200++) {
        struct play p;
        begin(&p, in_200 ? WORLD "channels=4 videos=30 latency_ms=0 tiktok_200=1" : WORLD "channels=4 videos=30 latency_ms=0", 4, false, false);
        control(&p, "/_emulator/tokens?act=revoke&grant=2");
        collect(&p);
        for (int i = 0; i < 4; i++) {
            char name[16];
            snprintf(name, sizeof name, "t%d", i);
            const struct nilo_connection c = world_connection(&p.w, name);
            assert_run(&p, i, i == 2 ? "failed" : "completed", i == 2 ? "TikTok" : "");
            assert_string_equal(c.status, i == 2 ? "expired" : "connected");
            if (i != 2)
                assert_int_equal(assert_true_of(&p, i, 30), 30);
        }
        assert_int_equal(p.w.result.items_read, 90);
        assert_int_equal(p.w.result.failed, 1);
        assert_int_equal(p.w.result.completed, 3);
        int64_t before = counter(&p, "grants.2.refused");
        advance(&p, 3600);
        collect(&p); /* it is not asked for again until somebody signs in */
        assert_int_equal(counter(&p, "grants.2.refused"), before);
        sign_in(&p, 2, NULL);
        advance(&p, 3600);
        collect(&p);
        assert_run(&p, 2, "completed", "");
        assert_int_equal(assert_true_of(&p, 2, 30), 30);
        finish(&p);
    }
}

static void who_gives_no_numbers_of_the_account_gives_those_of_its_videos(void **state)
{
    (void)state;
    struct play p;
    begin(&p, WORLD "channels=2 videos=25 latency_ms=0", 2, false, false);
    sign_in(&p, 0, "user.info.basic,video.list");
    sign_in(&p, 1, "user.info.basic,user.info.stats,user.info.profile");
    collect(&p);
    assert_run(&p, 0, "completed", "");
    assert_int_equal(assert_true_of(&p, 0, 25), 25);
    assert_run(&p, 1, "partial", "scope");
    finish(&p);
}

static void the_limit_of_a_minute_is_never_passed(void **state)
{
    (void)state;
    struct play p;
    begin(&p, WORLD "channels=12 videos=600 latency_ms=50", 12, false, false);
    nilo_us began = p.w.clock.wall;
    collect(&p);
    for (int i = 0; i < 12; i++)
        assert_run(&p, i, "completed", "");
    assert_int_equal(p.w.result.items_read, 12 * 600);
    assert_int_equal(p.w.result.retries, 0);
    assert_true(counter(&p, "endpoints.1.calls") == 12 * 30 && counter(&p, "endpoints.2.calls") == 12 * 30);
    assert_true(p.w.clock.wall - began > NILO_US_MINUTE); /* it had to wait */
    assert_int_equal(counter(&p, "tiktok.over_rate"), 0);
    assert_true(counter(&p, "tiktok.highest_per_minute") <= 600 && counter(&p, "tiktok.highest_per_minute") > 200);
    finish(&p);
}

/* Somebody else uses the same app: the limit is lower than what we count. */
static void a_refusal_for_haste_is_waited_out(void **state)
{
    (void)state;
    struct play p;
    begin(&p, WORLD "channels=2 videos=200 latency_ms=50 tiktok_rate=8 tiktok_200=1", 2, false, false);
    collect(&p);
    assert_true(p.w.result.partial + p.w.result.failed > 0); /* more than it waits for in one run */
    for (int i = 0; i < 6; i++) {
        advance(&p, 1200);
        collect(&p);
    }
    for (int i = 0; i < 2; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        assert_string_equal(world_connection(&p.w, name).status, "connected");
    }
    assert_int_equal(assert_true_of(&p, 0, 200) + assert_true_of(&p, 1, 200), 400);
    assert_true(counter(&p, "tiktok.over_rate") < counter(&p, "endpoints.2.calls"));
    finish(&p);
}

static void what_is_deleted_is_an_event_and_what_comes_back_is_read_again(void **state)
{
    (void)state;
    struct play p;
    char id[EMULATOR_TEXT];
    begin(&p, WORLD "channels=1 videos=60 latency_ms=0", 1, false, false);
    collect(&p);
    control(&p, "/_emulator/item?channel=0&video=7&state=deleted");
    control(&p, "/_emulator/item?channel=0&video=8&state=private");
    advance(&p, 26 * 3600);
    collect(&p);
    assert_run(&p, 0, "completed", "");
    for (int v = 7; v <= 8; v++) {
        emulator_tiktok_id(p.em, 0, v, id);
        struct reading r = read_item(&p, 0, id);
        assert_true(r.there[0] && r.absences[0] == NILO_DELETED);
    }
    assert_int_equal(assert_true_of(&p, 0, 60), 58);
    control(&p, "/_emulator/item?channel=0&video=8&state=public");
    advance(&p, 26 * 3600);
    collect(&p);
    assert_int_equal(assert_true_of(&p, 0, 60), 59);
    finish(&p);
}

static void bad_weather_loses_nothing_over_a_day(void **state)
{
    (void)state;
    struct play p;
    begin(&p, WORLD "channels=3 videos=60 latency_ms=100 weather=400 spell_chance=400 tiktok_200=1", 3, false, true);
    for (int hour = 0; hour < 24; hour++) {
        collect(&p);
        advance(&p, 3600);
    }
    control(&p, "/_emulator/set?weather=0");
    advance(&p, 3 * 3600);
    collect(&p);
    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        assert_string_equal(world_connection(&p.w, name).status, "connected");
    }
    assert_int_equal(p.not_kept, 0);
    assert_int_equal(counter(&p, "tiktok.dead_refresh"), 0);
    finish(&p);
}

/* The browser's part: the address is opened, and what it leads back to is given on. */
static void browse(struct play *p, const char *address, char out[1000])
{
    const struct emulator_request req = {.method = "GET", .host = "www.tiktok.com", .target = strchr(strstr(address, "//") + 2, '/')};
    struct emulator_response res;
    emulator_answer(p->em, p->w.clock.wall, &req, &res);
    if (res.status != 302 || !emulator_response_header(&res, "Location", out, 1000))
        fail_msg("%s: %d", address, res.status);
    emulator_response_done(&res);
}

static void a_person_signs_in_with_a_challenge_in_hexadecimal_digits(void **state)
{
    (void)state;
    struct play p;
    struct nilo_login_app app;
    struct nilo_sign_in *in;
    struct nilo_login_set set;
    const struct nilo_account *accounts = NULL;
    char back[1000], address[2000], id[EMULATOR_TEXT];
    size_t n = 0;
    begin(&p, WORLD "channels=3 videos=5 latency_ms=0", 1, false, false);
    struct nilo_err *err = &p.w.err;
    assert_int_equal(nilo_login_app_init(&app, p.w.config, "tiktok", err), 0);
    assert_int_equal(nilo_sign_in_new(&app, "http://127.0.0.1:7777/back", &p.w.env, &in, err), 0);
    const char *url = nilo_sign_in_url(in), *challenge = strstr(url, "code_challenge=") + 15;
    assert_true(strspn(challenge, "0123456789abcdef") == 64 && challenge[64] == '&');
    assert_non_null(strstr(url, "client_key="));
    snprintf(address, sizeof address, "%s&login_hint=2", url);
    browse(&p, address, back);
    assert_int_equal(nilo_sign_in_back(in, back, err), 0);
    if (nilo_sign_in_tokens(in, p.token_http, &set, err) != 0 || nilo_sign_in_accounts(in, p.token_http, &accounts, &n, err) != 0)
        fail_msg("%s", err->msg);
    emulator_tiktok_account(p.em, 2, id);
    assert_int_equal(n, 1);
    assert_string_equal(accounts[0].id, id);
    assert_string_equal(accounts[0].title, "creator2");
    assert_true(set.refresh_token != NULL && set.access_until == p.w.clock.wall + 7200 * NILO_US_SECOND);
    nilo_sign_in_free(in);
    nilo_login_app_done(&app);
    finish(&p);
}

static void an_id_that_nobody_can_ask_for_costs_no_other(void **state)
{
    (void)state;
    struct play p;
    begin_with(&p, "tiktok", "    items: 70802172585x\n", WORLD "channels=1 videos=33 latency_ms=0", 1, false, false);
    collect(&p);
    assert_run(&p, 0, "partial", "70802172585x is no id of a TikTok video");
    assert_int_equal(assert_true_of(&p, 0, 33), 33);
    assert_int_equal(p.w.result.items_failed, 1);
    finish(&p);
}

/* ---- Research ------------------------------------------------------------------------------------------------------------------------------------ */

static void research_reads_anybodys_videos_with_saves_over_http(void **state)
{
    (void)state;
    struct play p;
    begin_with(&p, "tiktok_research", "", WORLD "channels=3 videos=150 back_days=200 latency_ms=5 deleted=50", 3, true, false);
    collect(&p);
    int64_t seen = 0;
    for (int i = 0; i < 3; i++) {
        assert_run(&p, i, "completed", "");
        seen += assert_true_of(&p, i, 150);
    }
    assert_true(seen > 400);
    assert_int_equal(p.w.result.items_read, seen);
    /* one token for all; of each account its numbers, seven windows, and as many readings */
    assert_int_equal(counter(&p, "endpoints.0.calls"), 1);
    assert_int_equal(counter(&p, "endpoints.1.calls"), 3);
    assert_true(counter(&p, "endpoints.2.calls") <= 3 * (7 + 9));
    assert_int_equal(counter(&p, "endpoints.2.4xx"), 0);
    assert_int_equal(counter(&p, "secrets_in_url"), 0);
    finish(&p);
}

static void research_goes_on_with_a_search_over_its_pages(void **state)
{
    (void)state;
    struct play p;
    begin_with(&p, "tiktok_research", "", WORLD "channels=1 videos=700 back_days=50 latency_ms=0", 1, false, false);
    collect(&p);
    assert_run(&p, 0, "completed", "");
    assert_int_equal(assert_true_of(&p, 0, 700), 700);
    assert_int_equal(counter(&p, "endpoints.2.4xx"), 0);
    control(&p, "/_emulator/item?channel=0&video=690&state=deleted");
    advance(&p, 25 * 3600);
    collect(&p); /* asked for once more before it counts as gone; the app's token has ended meanwhile */
    assert_run(&p, 0, "completed", "");
    assert_int_equal(assert_true_of(&p, 0, 700), 699);
    char id[EMULATOR_TEXT];
    emulator_tiktok_id(p.em, 0, 690, id);
    assert_true(read_item(&p, 0, id).absences[0] == NILO_DELETED);
    assert_int_equal(counter(&p, "endpoints.0.calls"), 2);
    finish(&p);
}

static void the_day_of_research_is_never_passed(void **state)
{
    (void)state;
    struct play p;
    begin_with(&p, "tiktok_research", "    budget: 40\n", WORLD "channels=2 videos=400 back_days=300 latency_ms=0 research_requests=40", 2, false, false);
    for (int hour = 0; hour < 72; hour++) {
        collect(&p);
        assert_true(counter(&p, "tiktok.research_requests_highest") <= 40);
        advance(&p, 3600);
    }
    assert_int_equal(counter(&p, "tiktok.over_day"), 0);
    assert_true(counter(&p, "tiktok.research_requests_highest") > 20);
    finish(&p);
}

static void a_research_project_that_is_not_known_is_the_apps_matter(void **state)
{
    (void)state;
    struct play p;
    begin_with(&p, "tiktok_research", "", WORLD "channels=1 videos=10 latency_ms=0", 1, false, false);
    setenv("NILO_TEST_TIKTOK", "wrong", 1);
    collect(&p);
    assert_run(&p, 0, "failed", "does not know the app");
    assert_string_equal(world_connection(&p.w, "t0").status, "failing");
    finish(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accounts_are_collected_over_http_to_the_last_digit),
        cmocka_unit_test(counts_beyond_a_doubles_are_kept),
        cmocka_unit_test(a_rotated_token_is_in_the_store_before_anything_is_asked_with_it),
        cmocka_unit_test(a_token_that_is_refused_is_renewed_once_inside_the_run),
        cmocka_unit_test(an_account_that_expires_stops_itself_alone),
        cmocka_unit_test(who_gives_no_numbers_of_the_account_gives_those_of_its_videos),
        cmocka_unit_test(the_limit_of_a_minute_is_never_passed),
        cmocka_unit_test(a_refusal_for_haste_is_waited_out),
        cmocka_unit_test(what_is_deleted_is_an_event_and_what_comes_back_is_read_again),
        cmocka_unit_test(bad_weather_loses_nothing_over_a_day),
        cmocka_unit_test(a_person_signs_in_with_a_challenge_in_hexadecimal_digits),
        cmocka_unit_test(an_id_that_nobody_can_ask_for_costs_no_other),
        cmocka_unit_test(research_reads_anybodys_videos_with_saves_over_http),
        cmocka_unit_test(research_goes_on_with_a_search_over_its_pages),
        cmocka_unit_test(the_day_of_research_is_never_passed),
        cmocka_unit_test(a_research_project_that_is_not_known_is_the_apps_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
