/* Whole runs against the emulated TikTok Shop: the engine, the record, both engines, under a virtual clock. What is recorded is compared with sums of what the
 * emulator's world says of single days. A month of it: test_tiktok_shop_month.c */
#include <stdio.h>
#include <string.h>

#include "shop.h"

static void assert_status(struct sim *sim, const char *status, const char *says)
{
    const struct sim_outcome *o = &sim->outcomes[0];
    if (strcmp(o->status, status) != 0 || (strstr(o->error, says) == NULL && strstr(o->failure, says) == NULL))
        fail_msg("%s: %s | %s | %s", o->status, o->error, o->failure, o->note);
}

/* Each video's windows that end on that day are the sums of the days as they were told then. Returns how many there are */
static int check_windows(struct sim *sim, nilo_day last, nilo_us told, bool gpm)
{
    static const int wins[] = {30, 90};
    int n = 0;
    for (int v = 0; v < SHOP_VIDEOS; v++) {
        for (int i = 0; i < 2; i++) {
            struct shop_window w, is;
            if (!shop_window(sim, 0, v, wins[i], last, told, &w)) {
                assert_false(shop_recorded(sim, v, wins[i], last, &is));
                continue;
            }
            n++;
            if (!shop_recorded(sim, v, wins[i], last, &is))
                fail_msg("video %d has no window of %d days", v, wins[i]);
            if (is.gmv != w.gmv || is.views != w.views || is.items != w.items || is.orders != w.orders || (gpm && is.gpm != w.gpm) || is.ctr != w.ctr)
                fail_msg("video %d, %d days: gmv %lld views %lld items %lld orders %lld gpm %lld ctr %lld, should be %lld %lld %lld %lld %lld %lld", v, wins[i], (long long)is.gmv,
                         (long long)is.views, (long long)is.items, (long long)is.orders, (long long)is.gpm, (long long)is.ctr, (long long)w.gmv, (long long)w.views,
                         (long long)w.items, (long long)w.orders, (long long)w.gpm, (long long)w.ctr);
        }
    }
    return n;
}

static void windows_are_the_sums_of_their_days(struct stores *s)
{
    struct sim sim;
    shop_begin(&sim, s, SHOP_WORLD "shop_page=7 shop_short=300 shop_twice=500 shop_repeat=1");
    shop_collect(&sim, NULL);
    assert_status(&sim, "completed", "");
    nilo_day last = NILO_DAY(sim.s->clock.wall / NILO_US_DAY - 1);
    int n = check_windows(&sim, last, s->clock.wall, true);
    assert_true(n > SHOP_VIDEOS); /* most have both */
    assert_int_equal(sim.outcomes[0].read, stores_int(s, "SELECT count(DISTINCT entity_id) FROM day_value WHERE win = 30"));
    assert_int_equal(sim.outcomes[0].discovered, sim.outcomes[0].read);
    assert_true(sim_counter(&sim, "tiktok_shop.twice") > 5);
    assert_true(stores_int(s, "SELECT sum(readings) FROM run") > 2 * sim.outcomes[0].read);
    assert_int_equal(sim_counter(&sim, "tiktok_shop.bad_sign"), 0);
    assert_int_equal(sim_counter(&sim, "secrets_in_url"), 0);
    assert_rows(s, "SELECT name, currency FROM metric WHERE currency IS NOT NULL ORDER BY name", "gmv USD|gpm USD");
    /* the second of two days that are read: T-2 */
    assert_true(check_windows(&sim, NILO_DAY(last.n - 1), s->clock.wall, true) > SHOP_VIDEOS);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM day_value WHERE win NOT IN (30, 90)"), 0);
    assert_int_equal(stores_int(s, "SELECT count(DISTINCT day) FROM day_value"), 2);
    sim_done(&sim);
}

static void single_videos_tell_of_likes_and_the_like(struct stores *s)
{
    struct sim sim;
    shop_begin(&sim, s, SHOP_WORLD);
    shop_collect(&sim, NULL);
    assert_status(&sim, "completed", "");
    nilo_day last = NILO_DAY(sim.s->clock.wall / NILO_US_DAY - 1);
    int n = 0;
    for (int v = 0; v < SHOP_VIDEOS; v++) {
        struct shop_window w, is;
        if (!shop_window(&sim, 0, v, 30, last, s->clock.wall, &w) || w.views == 0)
            continue;
        assert_true(shop_recorded(&sim, v, 30, last, &is));
        assert_int_equal(is.likes, w.views / 20);
        assert_int_equal(is.comments, w.views / 200);
        assert_int_equal(is.shares, w.views / 300);
        n++;
    }
    assert_int_equal(sim_counter(&sim, "tiktok_shop.details"), n);
    assert_true(n > 20);
    sim_done(&sim);
}

static void an_older_version_is_found_once_and_remembered(struct stores *s)
{
    struct sim sim;
    shop_begin(&sim, s, SHOP_WORLD "shop_versions=4");
    shop_collect(&sim, NULL);
    assert_status(&sim, "completed", "");
    nilo_day last = NILO_DAY(sim.s->clock.wall / NILO_US_DAY - 1);
    for (int v = 0; v < SHOP_VIDEOS; v++) {
        struct shop_window w, is;
        if (!shop_window(&sim, 0, v, 30, last, s->clock.wall, &w))
            continue;
        assert_true(shop_recorded(&sim, v, 30, last, &is));
        assert_int_equal(is.items, w.items);
        assert_int_equal(is.gpm, -1); /* it does not tell; of 90 days it is computed */
        assert_true(shop_recorded(&sim, v, 90, last, &is));
        assert_true(is.gpm >= 0 || is.views == 0);
    }
    assert_int_equal(stores_int(s, "SELECT count(*) FROM day_value v JOIN metric m ON m.id = v.metric_id WHERE m.name = 'gpm' AND v.win = 30 AND v.absence <> 2"), 0);
    int64_t unknown = sim_counter(&sim, "tiktok_shop.unknown");
    assert_true(unknown >= 4 && unknown <= 14); /* two steps for lists, two for videos; those under way meanwhile */
    nilo_virtual_clock_advance(&s->clock, NILO_US_DAY);
    shop_collect(&sim, NULL);
    assert_status(&sim, "completed", "");
    assert_int_equal(sim_counter(&sim, "tiktok_shop.unknown"), unknown);
    sim_done(&sim);
}

static void windows_end_with_the_newest_day_that_there_is(struct stores *s)
{
    struct sim sim;
    shop_begin(&sim, s, SHOP_WORLD "shop_delay_h=40");
    shop_collect(&sim, NULL);
    assert_status(&sim, "completed", "");
    nilo_day today = NILO_DAY(sim.s->clock.wall / NILO_US_DAY);
    assert_true(check_windows(&sim, NILO_DAY(today.n - 3), s->clock.wall, true) > 0);
    assert_int_equal(stores_int(s, "SELECT max(day) FROM day_value"), today.n - 3);
    /* some hours later there is one more; it is asked for before the next day begins */
    nilo_virtual_clock_advance(&s->clock, 8 * NILO_US_HOUR);
    shop_collect(&sim, NULL);
    assert_status(&sim, "completed", "");
    assert_int_equal(stores_int(s, "SELECT max(day) FROM day_value"), today.n - 2);
    sim_done(&sim);
}

static int unlucky;
/* Every page of a listing that begins so many days before today fails. */
static int older_part_fails(void *ctx, nilo_us now, const char *target, int64_t *ret_retry_after_s)
{
    char day[NILO_DAY_TEXT], from[40];
    (void)ctx;
    (void)ret_retry_after_s;
    nilo_day_format(NILO_DAY((int32_t)(now / NILO_US_DAY) - 90), day);
    snprintf(from, sizeof from, "start_date_ge=%s", day);
    unlucky += strstr(target, from) != NULL;
    return strstr(target, from) != NULL ? 500 : 0;
}

static void a_window_of_which_a_part_is_missing_is_left_out_and_made_up_for(struct stores *s)
{
    struct sim sim;
    struct shop_window w, is;
    shop_begin(&sim, s, SHOP_WORLD);
    sim.fault = older_part_fails;
    unlucky = 0;
    shop_collect(&sim, NULL);
    assert_true(unlucky > 0);
    assert_status(&sim, "partial", "");
    nilo_day last = NILO_DAY(sim.s->clock.wall / NILO_US_DAY - 1);
    for (int v = 0; v < SHOP_VIDEOS; v++) {
        assert_int_equal(shop_recorded(&sim, v, 30, last, &is), shop_window(&sim, 0, v, 30, last, s->clock.wall, &w));
        assert_false(shop_recorded(&sim, v, 90, last, &is));
    }
    sim.fault = NULL;
    nilo_virtual_clock_advance(&s->clock, NILO_US_HOUR);
    shop_collect(&sim, NULL);
    assert_status(&sim, "completed", "");
    assert_true(check_windows(&sim, last, s->clock.wall, true) > SHOP_VIDEOS);
    sim_done(&sim);
}

static void amounts_of_another_currency_are_never_mixed_in(struct stores *s)
{
    struct sim sim;
    static const char *const local[] = {NULL, NULL, NULL, NULL, "LOCAL", NULL};
    struct shop_window w, is;
    shop_begin(&sim, s, SHOP_WORLD "shop_currency=1");
    shop_collect(&sim, local);
    assert_status(&sim, "completed", "");
    assert_rows(s, "SELECT name, currency FROM metric WHERE currency IS NOT NULL ORDER BY name", "gmv JPY|gpm JPY");
    nilo_day last = NILO_DAY(sim.s->clock.wall / NILO_US_DAY - 1);
    int n = 0;
    for (int v = 0; v < SHOP_VIDEOS; v++) {
        if (!shop_window(&sim, 0, v, 30, last, s->clock.wall, &w))
            continue;
        assert_true(shop_recorded(&sim, v, 30, last, &is));
        assert_int_equal(is.gmv, w.gmv / 100 * 100); /* yen have no coins */
        n += w.gmv > 0;
    }
    assert_true(n > 10);
    /* another shop in dollars: its counts, and no amount */
    nilo_virtual_clock_advance(&s->clock, NILO_US_DAY);
    int64_t amounts = stores_int(s, "SELECT count(*) FROM day_value v JOIN metric m ON m.id = v.metric_id WHERE m.name IN ('gmv', 'gpm') AND v.value IS NOT NULL AND v.day = "
                                    "(SELECT max(day) FROM day_value)");
    assert_true(amounts > 0);
    shop_collect(&sim, NULL);
    assert_status(&sim, "partial", "in USD, and this store keeps");
    assert_int_equal(stores_int(s, "SELECT count(*) FROM day_value v JOIN metric m ON m.id = v.metric_id WHERE m.name IN ('gmv', 'gpm') AND v.value IS NOT NULL AND v.day = "
                                   "(SELECT max(day) FROM day_value)"), 0);
    assert_true(stores_int(s, "SELECT count(*) FROM day_value v JOIN metric m ON m.id = v.metric_id WHERE m.name = 'views' AND v.value IS NOT NULL AND v.day = "
                              "(SELECT max(day) FROM day_value)") > 0);
    sim_done(&sim);
}

/* Of a seller's two shops each is read by its own cipher; one alone where one is named. */
static void all_shops_of_a_seller_are_read_or_the_one_that_is_named(struct stores *s)
{
    static char second[EMULATOR_TEXT];
    static const char *const accounts[] = {second};
    for (int named = 0; named < 2; named++) {
        struct sim sim;
        shop_begin(&sim, s, SHOP_WORLD "account_channels=2");
        struct nilo_platform_want want = {.connection = stores_connection(s, "w", "UTC", named ? "one" : "both", "tiktok_shop", "file"), .request_delay_ms = -1};
        emulator_shop_id(1, second);
        want.accounts = accounts;
        want.n_accounts = (size_t)named;
        sim_collect(&sim, &want, 1);
        assert_status(&sim, "completed", "");
        for (int shop = 0; shop < 2; shop++) {
            char id[EMULATOR_TEXT], sql[300];
            emulator_tiktok_id(sim.em, shop, 3, id);
            snprintf(sql, sizeof sql, "SELECT count(*) FROM entity e JOIN connection c ON c.id = e.connection_id WHERE e.external_id = '%s' AND c.name = '%s'", id, named ? "one" : "both");
            assert_int_equal(stores_int(s, sql), shop == 1 || !named);
        }
        assert_true(named ? sim.outcomes[0].read <= SHOP_VIDEOS : sim.outcomes[0].read > SHOP_VIDEOS);
        sim_done(&sim);
    }
}

/* A token that ends in the middle: the windows that were read by then are kept, and the connection is expired. */
static void what_was_read_before_the_token_ended_is_kept(struct stores *s)
{
    struct sim sim;
    shop_begin(&sim, s, SHOP_WORLD "shop_token_s=2 latency_ms=400 shop_page=8");
    sim.no_refresh = true;
    shop_collect(&sim, NULL);
    assert_status(&sim, "partial", "");
    assert_rows(s, "SELECT status FROM connection", "expired");
    assert_true(stores_int(s, "SELECT count(*) FROM day_value WHERE win = 30") > 0);
    nilo_day last = NILO_DAY(sim.s->clock.wall / NILO_US_DAY - 1);
    int missing = 0;
    for (int i = 0; i < SHOP_VIDEOS * 4; i++) {
        struct shop_window w, is;
        int video = i / 4, win = i % 2 == 0 ? 30 : 90;
        nilo_day day = NILO_DAY(last.n - i / 2 % 2);
        bool there = shop_window(&sim, 0, video, win, day, s->clock.wall, &w), recorded = shop_recorded(&sim, video, win, day, &is);
        assert_true(there || !recorded);
        assert_true(!recorded || is.gmv == w.gmv); /* what is there is whole */
        missing += there && !recorded;
    }
    assert_true(missing > 0);
    sim_done(&sim);
}

/* A sandbox answers so many calls an hour: what is missing is asked for an hour later, and details of single videos are not asked for against a wall. */
static void a_sandbox_that_has_had_enough_is_left_alone_for_its_hour(struct stores *s)
{
    struct sim sim;
    shop_begin(&sim, s, SHOP_WORLD "shop_hour=7 shop_page=20");
    shop_collect(&sim, NULL);
    assert_status(&sim, "partial", "36009037");
    nilo_day last = NILO_DAY(sim.s->clock.wall / NILO_US_DAY - 1);
    int64_t over = sim_counter(&sim, "tiktok_shop.over");
    assert_true(over > 0 && over <= 5); /* those that were under way together */
    nilo_virtual_clock_advance(&s->clock, NILO_US_HOUR / 4);
    shop_collect(&sim, NULL);
    assert_int_equal(sim_counter(&sim, "tiktok_shop.over"), over); /* nothing is sent within the hour */
    sim_control(&sim, "/_emulator/set?shop_hour=0");
    nilo_virtual_clock_advance(&s->clock, NILO_US_HOUR);
    shop_collect(&sim, NULL);
    assert_status(&sim, "completed", "");
    assert_true(check_windows(&sim, last, s->clock.wall, true) > SHOP_VIDEOS);
    sim_done(&sim);
}

static void a_seller_without_the_scope_is_told_once(struct stores *s)
{
    struct sim sim;
    shop_begin(&sim, s, SHOP_WORLD);
    assert_int_equal(emulator_shop_grant(sim.em, s->clock.wall, 0, "seller.authorization.info", sim.refresh, sim.access), 0);
    shop_collect(&sim, NULL);
    assert_status(&sim, "partial", "105005");
    assert_int_equal(stores_int(s, "SELECT count(*) FROM day_value"), 0);
    int64_t calls = sim_counter(&sim, "tiktok_shop.calls");
    nilo_virtual_clock_advance(&s->clock, NILO_US_DAY);
    shop_collect(&sim, NULL);
    assert_int_equal(sim_counter(&sim, "tiktok_shop.calls"), calls + 1); /* which shops there are */
    sim_done(&sim);
}

static void a_dead_token_ends_the_run_and_a_wrong_secret_is_called_so(struct stores *s)
{
    struct sim sim;
    shop_begin(&sim, s, SHOP_WORLD);
    sim_control(&sim, "/_emulator/tokens?act=expire");
    sim.no_refresh = true;
    shop_collect(&sim, NULL);
    assert_status(&sim, "failed", "105002");
    assert_rows(s, "SELECT status FROM connection", "expired");
    sim.secret[0] ^= 1;
    stores_exec(s, "UPDATE connection SET status = 'connected'");
    shop_collect(&sim, NULL);
    assert_status(&sim, "failed", "106001");
    assert_rows(s, "SELECT status FROM connection", "failing");
    assert_true(sim_counter(&sim, "tiktok_shop.bad_sign") > 0);
    sim_done(&sim);
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(windows_are_the_sums_of_their_days),
        STORES_TEST(single_videos_tell_of_likes_and_the_like),
        STORES_TEST(an_older_version_is_found_once_and_remembered),
        STORES_TEST(windows_end_with_the_newest_day_that_there_is),
        STORES_TEST(a_window_of_which_a_part_is_missing_is_left_out_and_made_up_for),
        STORES_TEST(amounts_of_another_currency_are_never_mixed_in),
        STORES_TEST(all_shops_of_a_seller_are_read_or_the_one_that_is_named),
        STORES_TEST(what_was_read_before_the_token_ended_is_kept),
        STORES_TEST(a_sandbox_that_has_had_enough_is_left_alone_for_its_hour),
        STORES_TEST(a_seller_without_the_scope_is_told_once),
        STORES_TEST(a_dead_token_ends_the_run_and_a_wrong_secret_is_called_so),
    };
    return stores_run("collect/tiktok_shop", tests, sizeof tests / sizeof tests[0]);
}
