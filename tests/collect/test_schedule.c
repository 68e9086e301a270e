/* Schedules: which slot is due, one process at a time, what was slept through, what was left over, and a process that dies. */
#include "../store/stores.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/schedule.h"

#define MINUTE NILO_US_MINUTE
#define HOUR NILO_US_HOUR

/* ---- which slot ------------------------------------------------------------------------------------------------------------------------- */

static void a_slot_is_due_once_its_share_of_the_spread_has_passed(struct stores *s)
{
    struct nilo_zone *utc;
    struct nilo_cron cron;
    nilo_us three = stores_us("2025-03-20T03:00:00Z"), least = INT64_MAX, most = 0;
    ok(s, nilo_zone_load(NULL, "UTC", &utc, &s->err));
    ok(s, nilo_cron_parse("0 * * * *", &cron, &s->err));
    for (int64_t id = 1; id <= 200; id++) {
        struct nilo_schedule_look l = nilo_schedule_look(&cron, utc, three - HOUR, NILO_US_NONE, id, three + 1);
        assert_true(l.slot == three);
        least = l.at < least ? l.at : least;
        most = l.at > most ? l.at : most;
        assert_false(nilo_schedule_look(&cron, utc, three - HOUR, NILO_US_NONE, id, l.at - 1).due);
        assert_true(nilo_schedule_look(&cron, utc, three - HOUR, NILO_US_NONE, id, l.at).due);
        l = nilo_schedule_look(&cron, utc, three, NILO_US_NONE, id, three + 30 * MINUTE); /* done: the next one */
        assert_true(!l.due && l.slot == three + HOUR && l.at >= three + HOUR);
        l = nilo_schedule_look(&cron, utc, NILO_US_NONE, NILO_US_NONE, id, three + 30 * MINUTE); /* never yet: the one that is over */
        assert_true(l.due && l.slot == three);
    }
    assert_in_range(least, three, three + 10 * NILO_US_SECOND);
    assert_in_range(most, three + NILO_SCHEDULE_SPREAD - 10 * NILO_US_SECOND, three + NILO_SCHEDULE_SPREAD);
    nilo_zone_free(utc);
}

/* Whoever looks twice a minute finds each slot of a schedule that names every minute, or every second one: its turn comes before the next slot does. */
static void a_schedule_of_every_minute_is_due_every_minute(struct stores *s)
{
    static const struct {
        const char *cron;
        int minutes;
    } rows[] = {{"* * * * *", 1}, {"*/2 * * * *", 2}, {"*/3 * * * *", 3}, {"*/5 * * * *", 5}, {"*/20 * * * *", 20}};
    struct nilo_zone *utc;
    nilo_us three = stores_us("2025-03-20T03:00:00Z");
    ok(s, nilo_zone_load(NULL, "UTC", &utc, &s->err));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nilo_cron cron;
        ok(s, nilo_cron_parse(rows[i].cron, &cron, &s->err));
        for (int64_t id = 1; id <= 12; id++) {
            nilo_us last = three - rows[i].minutes * MINUTE;
            int done = 0;
            for (nilo_us now = three; now < three + HOUR; now += MINUTE / 2) {
                struct nilo_schedule_look l = nilo_schedule_look(&cron, utc, last, NILO_US_NONE, id, now);
                if (!l.due)
                    continue;
                assert_true(l.slot == last + rows[i].minutes * MINUTE); /* none is left out */
                last = l.slot;
                done++;
            }
            assert_int_equal(done, 60 / rows[i].minutes);
        }
    }
    nilo_zone_free(utc);
}

static void what_was_left_over_is_a_slot_between(struct stores *s)
{
    struct nilo_zone *utc;
    struct nilo_cron cron;
    nilo_us three = stores_us("2025-03-20T03:00:00Z");
    ok(s, nilo_zone_load(NULL, "UTC", &utc, &s->err));
    ok(s, nilo_cron_parse("0 * * * *", &cron, &s->err));
    struct nilo_schedule_look l = nilo_schedule_look(&cron, utc, three, three + 20 * MINUTE, 1, three + 10 * MINUTE);
    assert_true(!l.due && l.slot == three + 20 * MINUTE && l.at == l.slot);
    assert_true(nilo_schedule_look(&cron, utc, three, three + 20 * MINUTE, 1, three + 20 * MINUTE).due);
    l = nilo_schedule_look(&cron, utc, three, three + 5 * HOUR, 1, three + 10 * MINUTE); /* the ordinary one comes first */
    assert_true(l.slot == three + HOUR);
    l = nilo_schedule_look(&cron, utc, three + 20 * MINUTE, three + 20 * MINUTE, 1, three + 21 * MINUTE); /* no loop */
    assert_true(l.slot == three + 21 * MINUTE);
    nilo_zone_free(utc);
}

/* ---- who does it ---------------------------------------------------------------------------------------------------------------------------- */

static struct nilo_config *configured(void)
{
    static struct nilo_config_connection connection;
    static struct nilo_config config;
    connection = (struct nilo_config_connection){.name = (char *)(uintptr_t)"yt", .workspace = (char *)(uintptr_t)"w", .platform = (char *)(uintptr_t)"youtube",
                                                 .settle_hours = -1};
    config = (struct nilo_config){.connections = &connection, .n_connections = 1};
    return &config;
}

static struct nilo__slot begin(struct stores *s)
{
    struct nilo_config *c = configured();
    struct nilo__slot slot;
    ok(s, nilo__slot_begin(s->store, c, &c->connections[0], true, &slot, &s->err));
    return slot;
}

static void a_slot_is_taken_by_one_and_done_once(struct stores *s)
{
    s->clock.wall = stores_us("2025-03-20T10:30:00Z");
    struct nilo__slot first = begin(s), second = begin(s);
    assert_true(first.taken);
    assert_false(second.taken); /* a run never overlaps itself */
    ok(s, nilo__slot_end(s->store, &first, NULL, &s->err));
    assert_false(begin(s).taken);
    assert_rows(s, "SELECT state, tries FROM schedule_slot", "1 1");
    s->clock.wall += HOUR;
    first = begin(s);
    assert_true(first.taken);
    assert_true(first.lease.slot == stores_us("2025-03-20T11:00:00Z"));
    const struct nilo_err why = {.code = NILO_ESOURCE, .msg = "the platform was away"};
    ok(s, nilo__slot_end(s->store, &first, &why, &s->err));
    assert_rows(s, "SELECT state, reason FROM schedule_slot ORDER BY slot_at", "1 ~|2 the platform was away");
}

static void what_was_slept_through_is_caught_up_once(struct stores *s)
{
    s->clock.wall = stores_us("2025-03-20T10:30:00Z");
    struct nilo__slot slot = begin(s);
    ok(s, nilo__slot_end(s->store, &slot, NULL, &s->err));
    s->clock.wall = stores_us("2025-03-23T08:15:00Z");
    slot = begin(s);
    assert_true(slot.taken);
    assert_true(slot.lease.slot == stores_us("2025-03-23T08:00:00Z"));
    ok(s, nilo__slot_end(s->store, &slot, NULL, &s->err));
    assert_false(begin(s).taken);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM schedule_slot WHERE state = 1"), 2);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM schedule_slot WHERE state = 2 AND reason LIKE '%2025-03-23T08:00%'"), 69);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM schedule_slot WHERE reason IS NULL AND state <> 1"), 0);
}

static void a_year_of_sleep_does_not_fill_the_store(struct stores *s)
{
    s->clock.wall = stores_us("2025-03-20T10:30:00Z");
    struct nilo__slot slot = begin(s);
    ok(s, nilo__slot_end(s->store, &slot, NULL, &s->err));
    s->clock.wall = stores_us("2026-03-23T08:15:00Z");
    slot = begin(s);
    assert_true(slot.taken);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM schedule_slot WHERE state = 2"), NILO_SCHEDULE_MISSED);
}

static void who_dies_leaves_the_slot_to_the_next(struct stores *s)
{
    s->clock.wall = stores_us("2025-03-20T10:30:00Z");
    struct nilo__slot dead = begin(s);
    assert_true(dead.taken);
    stores_reopen(s, NILO_STORE_WRITE);
    assert_false(begin(s).taken); /* its lease holds a while */
    if (s->engine == NILO_DB_SQLITE)
        s->clock.wall += NILO_SCHEDULE_LEASE + 1;
    else
        stores_exec(s, "UPDATE schedule_lease SET lease_until = 1");
    struct nilo__slot slot = begin(s);
    assert_true(slot.taken && slot.lease.slot == dead.lease.slot && slot.lease.fence > dead.lease.fence);
    ok(s, nilo__slot_end(s->store, &dead, NULL, &s->err)); /* too late: nothing happens */
    assert_rows(s, "SELECT state, tries FROM schedule_slot", "0 2");
    ok(s, nilo__slot_end(s->store, &slot, NULL, &s->err));
    assert_rows(s, "SELECT state, tries FROM schedule_slot", "1 2");
}

static void paused_disabled_expired_and_off_are_not_due(struct stores *s)
{
    struct nilo_config *c = configured();
    struct nilo_connection at;
    bool new;
    nilo_us next;
    s->clock.wall = stores_us("2025-03-20T10:30:00Z");
    at = stores_connection(s, "w", NULL, "yt", "youtube", "file");
    ok(s, nilo_schedule_next(s->store, c, &next, &s->err));
    assert_true(next == s->clock.wall);
    ok(s, nilo_store_pause(s->store, at.id, NULL, &new, &s->err));
    assert_false(begin(s).taken);
    ok(s, nilo_schedule_next(s->store, c, &next, &s->err));
    assert_true(next == NILO_US_NONE);
    ok(s, nilo_store_resume(s->store, at.id, &new, &s->err));
    ok(s, nilo_store_connection_status(s->store, at.id, "expired", &s->err));
    assert_false(begin(s).taken);
    ok(s, nilo_store_connection_status(s->store, at.id, "connected", &s->err));
    struct nilo__slot slot;
    c = configured();
    c->connections[0].schedule = (char *)(uintptr_t)"off";
    ok(s, nilo__slot_begin(s->store, c, &c->connections[0], true, &slot, &s->err));
    assert_false(slot.taken);
    assert_true(begin(s).taken);
}

static void who_signs_in_again_is_collected_at_once(struct stores *s)
{
    struct nilo_connection at = stores_connection(s, "w", NULL, "yt", "youtube", "file");
    bool new;
    s->clock.wall = stores_us("2025-03-20T10:30:00Z");
    struct nilo__slot slot = begin(s);
    ok(s, nilo_store_connection_turn(s->store, at.id, "expired", "refused", &new, &s->err));
    ok(s, nilo__slot_end(s->store, &slot, NULL, &s->err));
    s->clock.wall += 10 * NILO_US_MINUTE;
    assert_false(begin(s).taken);
    ok(s, nilo_store_connection_turn(s->store, at.id, "connected", "signed in", &new, &s->err));
    s->clock.wall += NILO_US_SECOND;
    slot = begin(s); /* not at eleven */
    assert_true(slot.taken);
    assert_false(begin(s).taken);
    ok(s, nilo__slot_end(s->store, &slot, NULL, &s->err));
    assert_false(begin(s).taken); /* once */
    s->clock.wall = stores_us("2025-03-20T11:04:00Z");
    slot = begin(s);
    assert_true(slot.taken && slot.lease.slot == stores_us("2025-03-20T11:00:00Z"));
    ok(s, nilo__slot_end(s->store, &slot, NULL, &s->err));
    assert_int_equal(stores_int(s, "SELECT count(*) FROM schedule_slot WHERE state = 2"), 0);
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(a_slot_is_due_once_its_share_of_the_spread_has_passed),
        STORES_TEST(a_schedule_of_every_minute_is_due_every_minute),
        STORES_TEST(what_was_left_over_is_a_slot_between),
        STORES_TEST(a_slot_is_taken_by_one_and_done_once),
        STORES_TEST(what_was_slept_through_is_caught_up_once),
        STORES_TEST(a_year_of_sleep_does_not_fill_the_store),
        STORES_TEST(who_dies_leaves_the_slot_to_the_next),
        STORES_TEST(paused_disabled_expired_and_off_are_not_due),
        STORES_TEST(who_signs_in_again_is_collected_at_once),
    };
    return stores_run("collect/schedule", tests, sizeof tests / sizeof tests[0]);
}
