/* Eight hours of bad weather on a platform, under a virtual clock: what schedules have due is collected while answers fail, limits are named and connections
 * break. The same hours in fair weather are the measure of the traffic. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/schedule.h"

#define CONNECTIONS 6
#define HOURS 8

struct day {
    int64_t requests, retries, early, read;
};

static struct nilo_config_connection connections[CONNECTIONS];
static struct nilo_config_platform platform = {.platform = (char *)(uintptr_t)"youtube", .api_key = (char *)(uintptr_t)"env:NILO_TEST_WEATHER_KEY"};
static struct nilo_config config = {.path = (char *)(uintptr_t)"weather.yaml", .connections = connections, .n_connections = CONNECTIONS,
                                    .platforms = &platform, .n_platforms = 1};

static void configure(struct sim *sim)
{
    static char names[CONNECTIONS][16], accounts[CONNECTIONS][EMULATOR_TEXT];
    setenv("NILO_TEST_WEATHER_KEY", sim->key, 1);
    for (int i = 0; i < CONNECTIONS; i++) {
        snprintf(names[i], sizeof names[i], "yt%d", i);
        emulator_channel_id(sim->em, i, accounts[i]);
        connections[i] = (struct nilo_config_connection){.name = names[i], .workspace = (char *)(uintptr_t)"w", .platform = platform.platform,
                                                         .accounts = accounts[i], .request_delay_ms = -1, .settle_hours = -1};
    }
}

static void look(struct sim *sim, struct day *day)
{
    const struct nilo_collect_options o = {.day = NILO_DAY_NONE, .scheduled = true, .http = sim->http};
    struct nilo_collect_result r = {0};
    ok(sim->s, nilo_collect(sim->s->store, &config, &o, &r, &sim->s->err));
    nilo_virtual_clock_advance(&sim->s->clock, 30 * NILO_US_SECOND); /* as serve looks */
    day->read += r.items_read;
    day->retries += r.retries;
}

static struct day hours(struct stores *s, const char *options, bool fair_after)
{
    struct sim sim;
    struct day day = {0};
    sim_init(&sim, s, options);
    configure(&sim);
    nilo_us end = s->clock.wall + HOURS * NILO_US_HOUR;
    while (s->clock.wall < end)
        look(&sim, &day);
    day.requests = sim.requests;
    day.early = sim.early;
    /* every slot that is over came to an end, and those that were not done say why */
    assert_int_equal(stores_int(s, "SELECT count(*) FROM schedule_slot WHERE state = 0"), 0);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM schedule_slot WHERE state = 2 AND (reason IS NULL OR reason = '')"), 0);
    for (int h = 1; h < HOURS; h++) {
        char sql[160];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM schedule_slot WHERE slot_at = %lld", (long long)(stores_us(STORES_START) + h * NILO_US_HOUR));
        assert_int_equal(stores_int(s, sql), CONNECTIONS);
    }
    if (fair_after) {
        ok(s, emulator_set(sim.em, "weather", "0", &s->err));
        int64_t requests = sim.requests;
        nilo_virtual_clock_advance(&s->clock, 2 * NILO_US_MINUTE);
        sim_want(&sim, "yt0", 0);
        const struct nilo_collect_options all = {.day = NILO_DAY_NONE, .all = true, .http = sim.http};
        struct nilo_collect_result r = {0};
        nilo_us began = s->clock.wall;
        ok(s, nilo_collect(s->store, &config, &all, &r, &s->err));
        assert_int_equal(r.completed, CONNECTIONS);
        assert_true(r.items_read >= CONNECTIONS * 60);
        assert_true(s->clock.wall - began < NILO_US_MINUTE); /* nothing waits any more */
        assert_true(sim.requests > requests);
        assert_int_equal(stores_int(s, "SELECT count(*) FROM api_host WHERE open_until IS NOT NULL"), 0);
        assert_int_equal(stores_int(s, "SELECT count(*) FROM collect_item WHERE failures > 0"), 0);
    }
    sim_done(&sim);
    return day;
}

static void eight_hours_of_weather(struct stores *s)
{
    static const char world[] = "channels=6 videos=60 upload_hours=7 latency_ms=300 retry_after_s=40";
    for (int seed = 1; seed <= 3; seed++) {
        char options[300];
        snprintf(options, sizeof options, "seed=%d %s", seed, world);
        struct day fair = hours(s, options, false);
        stores_fresh(s);
        snprintf(options, sizeof options, "seed=%d %s weather=600 spell_chance=400 spell_minutes=12", seed, world);
        struct day bad = hours(s, options, true);
        if (bad.requests * 10 > (bad.requests - bad.retries) * 11 || bad.retries == 0 || fair.retries != 0 || bad.early > 0 || bad.read * 2 < fair.read)
            fail_msg("seed %d: fair %lld requests, %lld read; bad %lld requests, %lld of them retries, %lld read, %lld early", seed, (long long)fair.requests, (long long)fair.read,
                     (long long)bad.requests, (long long)bad.retries, (long long)bad.read, (long long)bad.early);
        printf("# seed %d: fair %lld requests %lld read, bad %lld requests, %lld of them retries, %lld read\n", seed, (long long)fair.requests, (long long)fair.read,
               (long long)bad.requests, (long long)bad.retries, (long long)bad.read);
        stores_fresh(s);
    }
}

int main(void)
{
    static const struct stores_test tests[] = {STORES_TEST(eight_hours_of_weather)};
    setenv("NILO_ENGINE", "sqlite", 0); /* what the store does is tested on both elsewhere; here it is time that is simulated */
    return stores_run("collect/weather", tests, sizeof tests / sizeof tests[0]);
}
