/* Tokens under collecting, hour after hour: scheduled runs with the program's own tokens and the emulator's OAuth, under a virtual clock. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "emulator/in_process.h"
#include "keys/keys.h"
#include "login/login.h"
#include "support/tmp.h"

#define MINUTES (8 * 60)

struct tokens {
    struct sim sim;
    struct nilo_http *http; /* of tokens */
    struct nilo_config *config;
    int64_t failed, told;   /* runs that failed; of them those that say to sign in again */
};

/* A connection that is signed in and due each minute. */
static void begin(struct tokens *t, struct stores *s)
{
    char account[EMULATOR_TEXT], refresh[EMULATOR_TEXT], access[EMULATOR_TEXT], text[1000];
    *t = (struct tokens){.failed = 0};
    sim_init(&t->sim, s, "seed=5 channels=2 videos=30 latency_ms=200 token_seconds=60 rotate=1 reuse_revokes=1 quota=1000000 quota_stats=1000000");
    ok(s, emulator_http_new(t->sim.em, &s->clock, &s->env, &t->http, &s->err));
    stores_keys(s);
    emulator_channel_id(t->sim.em, 0, account);
    setenv("TEST_CLIENT_SECRET", t->sim.secret, 1);
    int n = snprintf(text, sizeof text, "platforms:\n  - {platform: youtube, client_id: '%s', client_secret: 'env:TEST_CLIENT_SECRET'}\nconnections:\n"
                                        "  - {name: yt, workspace: w, platform: youtube, accounts: %s, schedule: '* * * * *', budget: 1000000}\n", t->sim.client, account);
    nilo_test_write(nilo_test_path("tokens.yaml"), text, (size_t)n);
    ok(s, nilo_config_load(nilo_test_path("tokens.yaml"), &s->env, &t->config, &s->err));
    struct nilo_connection c = stores_connection(s, "w", "UTC", "yt", "youtube", "file");
    sim_control(&t->sim, "/_emulator/world");
    assert_int_equal(emulator_grant(t->sim.em, s->clock.wall, 0, 0, refresh, access), 0);
    const struct nilo_login_set set = {.access_token = access, .refresh_token = refresh, .access_until = s->clock.wall + NILO_US_MINUTE, .refresh_until = NILO_US_NONE, .account = account};
    struct nilo_login *l;
    ok(s, nilo_login_new(s->store, t->config, t->http, &l, &s->err));
    ok(s, nilo_login_store(l, &c, &set, &s->err));
    nilo_login_free(l);
}

static void end(struct tokens *t)
{
    nilo_http_free(t->http);
    nilo_config_free(t->config);
    sim_done(&t->sim);
}

static void report(void *ctx, const struct nilo_collect_run *run)
{
    struct tokens *t = ctx;
    t->failed += strcmp(run->status, "failed") == 0;
    t->told += run->error != NULL && strstr(run->error, "sign in again: nilometer connection connect yt") != NULL;
}

static void minutes(struct tokens *t, int n)
{
    struct stores *s = t->sim.s;
    for (int i = 0; i < 2 * n; i++) {
        const struct nilo_collect_options o = {.day = NILO_DAY_NONE, .scheduled = true, .http = t->sim.http, .token_http = t->http, .report = report, .report_ctx = t};
        struct nilo_collect_result r = {0};
        nilo_us next = s->clock.wall + 30 * NILO_US_SECOND;
        ok(s, nilo_collect(s->store, t->config, &o, &r, &s->err));
        if (next > s->clock.wall)
            nilo_virtual_clock_advance(&s->clock, next - s->clock.wall);
    }
}

static void a_token_a_minute_for_eight_hours(struct stores *s)
{
    struct tokens t;
    begin(&t, s);
    minutes(&t, MINUTES);
    assert_int_equal(t.failed, 0);
    int64_t runs = stores_int(s, "SELECT count(*) FROM run WHERE status = 1"), renewed = sim_counter(&t.sim, "grants.0.refreshes");
    assert_in_range(runs, MINUTES - 2, MINUTES + 2);
    assert_in_range(renewed, MINUTES - 10, MINUTES + 2); /* one for each token that ended, and no other */
    assert_int_equal(sim_counter(&t.sim, "grants.0.refused"), 0);
    assert_int_equal(sim_counter(&t.sim, "secrets_in_url"), 0);
    assert_int_equal(stores_int(s, "SELECT generation FROM connection_login"), renewed + 1);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM connection_status WHERE status = 'expired'"), 0);
    end(&t);
}

static void who_was_signed_out_is_told_once_and_asked_no_more(struct stores *s)
{
    struct tokens t;
    begin(&t, s);
    minutes(&t, 60);
    int64_t failed = sim_counter(&t.sim, "requests");
    assert_true(failed > 60);
    sim_control(&t.sim, "/_emulator/tokens?act=revoke&grant=0");
    minutes(&t, 3);
    int64_t requests = sim_counter(&t.sim, "requests"), runs = stores_int(s, "SELECT count(*) FROM run");
    minutes(&t, MINUTES - 60);
    assert_int_equal(sim_counter(&t.sim, "requests"), requests);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM run"), runs);
    assert_int_equal(sim_counter(&t.sim, "grants.0.refused"), 1); /* the refresh token was shown once more */
    assert_int_equal(t.failed, 1);
    assert_int_equal(t.told, 1);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM run WHERE error LIKE '%sign in again: nilometer connection connect yt%'"), 1);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM connection_status WHERE status = 'expired'"), 1);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM schedule_slot WHERE state = 2 AND reason LIKE '%sign in again%'"), 1);
    end(&t);
}

int main(void)
{
    static const struct stores_test tests[] = {STORES_TEST(a_token_a_minute_for_eight_hours), STORES_TEST(who_was_signed_out_is_told_once_and_asked_no_more)};
    setenv("NILO_ENGINE", "sqlite", 0);
    return stores_run("collect/tokens", tests, sizeof tests / sizeof tests[0]);
}
