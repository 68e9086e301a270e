/* See weather_hours.h. The emulator counts; what schedules have due is collected while answers fail, limits are named or not, quotas end, connections break,
 * and answers are late or do not come. The same hours in fair weather are the measure. */
#include "weather_hours.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/zone.h"
#include "config/config.h"
#include "db/db.h"
#include "support/tmp.h"

#define MOST  6
#define HOURS 8

/* What there is to collect, and when the hours begin: in the one case a platform's day ends within them, in another the workspace's. */
static const struct place {
    int connections;
    const char *world;
    nilo_us later;
    bool quota_ends;
} places[] = {
    {6, "channels=6 videos=60 upload_hours=7", 0, false},
    {2, "channels=2 videos=900 upload_hours=3", 17 * NILO_US_HOUR, false}, /* 03:00 to 11:00 UTC */
    {3, "channels=3 videos=200 upload_hours=5", 8 * NILO_US_HOUR, false},  /* 18:00 to 02:00 */
    {6, "channels=6 videos=60 upload_hours=7", 17 * NILO_US_HOUR, true},
};

struct hours {
    int64_t requests, pages, again, early, past_circuit, opened, closed, retries, read;
    int64_t items[MOST][HOURS]; /* read, of each connection in each hour */
    int64_t slots_of_database, late;
    char cells_of_database[400]; /* day and value, of all that it has */
};

static void app(void)
{
    const struct nilo_db_options options = {.mode = NILO_DB_CREATE};
    struct nilo_err err = {0};
    struct nilo_db *db;
    unlink(nilo_test_path("app.db"));
    if (nilo_db_open(nilo_test_path("app.db"), &options, &db, &err) != 0 ||
        nilo_db_exec(db, "CREATE TABLE posts (id INTEGER, created_at TEXT); INSERT INTO posts VALUES (1, '2025-03-01T10:00:00Z'), (2, '2025-03-02T10:00:00Z')", &err) != 0)
        fail_msg("%s", err.msg);
    nilo_db_close(db);
}

static struct nilo_config *configure(struct sim *sim, const struct place *place)
{
    struct nilo_config *config;
    char account[EMULATOR_TEXT], text[4000];
    size_t n = (size_t)snprintf(text, sizeof text, "platforms:\n  - {platform: youtube, api_key: 'env:NILO_TEST_WEATHER_KEY'}\nconnections:\n"
                                                   "  - {name: app, workspace: w, platform: sql, database: %s, schedule: '*/10 * * * *', metrics: [{name: posts_total, table: posts, mode: total}]}\n",
                                nilo_test_path("app.db"));
    for (int i = 0; i < place->connections; i++) {
        emulator_channel_id(sim->em, i, account);
        n += (size_t)snprintf(text + n, sizeof text - n, "  - {name: yt%d, workspace: w, platform: youtube, accounts: %s}\n", i, account);
    }
    setenv("NILO_TEST_WEATHER_KEY", sim->key, 1);
    nilo_test_write(nilo_test_path("weather.yaml"), text, n);
    ok(sim->s, nilo_config_load(nilo_test_path("weather.yaml"), &sim->s->env, &config, &sim->s->err));
    return config;
}

static void look(struct sim *sim, const struct nilo_config *config, struct hours *h)
{
    const struct nilo_collect_options o = {.day = NILO_DAY_NONE, .scheduled = true, .http = sim->http};
    struct nilo_collect_result r = {0};
    ok(sim->s, nilo_collect(sim->s->store, config, &o, &r, &sim->s->err));
    nilo_virtual_clock_advance(&sim->s->clock, 30 * NILO_US_SECOND); /* as serve looks */
    h->read += r.items_read;
    h->retries += r.retries;
}

static int64_t number(struct stores *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int64_t number(struct stores *s, const char *format, ...)
{
    char sql[600];
    va_list ap;
    va_start(ap, format);
    vsnprintf(sql, sizeof sql, format, ap);
    va_end(ap);
    return stores_int(s, sql);
}

#define OF "(SELECT id FROM connection WHERE name = 'yt%d')"

/* Pages of listings that were asked for. */
static int64_t pages(struct sim *sim)
{
    for (int i = 0; i < 10; i++) {
        char path[40], *text;
        snprintf(path, sizeof path, "endpoints.%d.path", i);
        text = sim_counter_text(sim, path);
        bool lists = text != NULL && strstr(text, "playlistItems") != NULL;
        free(text);
        snprintf(path, sizeof path, "endpoints.%d.calls", i);
        if (text == NULL || lists)
            return text == NULL ? 0 : sim_counter(sim, path);
    }
    return 0;
}

static void count(struct sim *sim, const struct place *place, nilo_us began, struct hours *h)
{
    struct stores *s = sim->s;
    h->requests = sim_counter(sim, "requests");
    h->pages = pages(sim);
    h->again = sim_counter(sim, "again");
    h->early = sim_counter(sim, "early") + sim->early;
    h->past_circuit = sim->past_circuit;
    h->opened = sim->opened;
    h->closed = sim->closed;
    for (int i = 0; i < place->connections; i++)
        for (int k = 0; k < HOURS; k++)
            h->items[i][k] = number(s, "SELECT count(DISTINCT o.entity_id) FROM observation o JOIN entity e ON e.bucket = o.bucket AND e.id = o.entity_id WHERE e.connection_id = " OF
                                       " AND o.captured_at >= %lld AND o.captured_at < %lld", i, (long long)(began + k * NILO_US_HOUR), (long long)(began + (k + 1) * NILO_US_HOUR));
    const char *of_app = "FROM schedule_slot WHERE state = 1 AND schedule = 'connection ' || (SELECT id FROM connection WHERE name = 'app')";
    char sql[300];
    snprintf(sql, sizeof sql, "SELECT count(*) %s", of_app);
    h->slots_of_database = stores_int(s, sql);
    char *cells = stores_text(s, "SELECT v.day || '=' || v.value || ' ' || v.seq FROM day_value v JOIN entity e ON e.bucket = v.bucket AND e.id = v.entity_id JOIN connection c ON "
                                 "c.id = e.connection_id WHERE c.name = 'app' ORDER BY v.day, v.seq");
    snprintf(h->cells_of_database, sizeof h->cells_of_database, "%s", cells);
    free(cells);
    snprintf(sql, sizeof sql, "SELECT max(taken_at - slot_at) %s", of_app);
    h->late = stores_int(s, sql);
}

/* Every slot came to an end; one that was not done, and every run that did not get all, says why. */
static void all_is_said(struct sim *sim, const struct place *place, nilo_us began)
{
    struct stores *s = sim->s;
    assert_int_equal(stores_int(s, "SELECT count(*) FROM schedule_slot WHERE state = 0"), 0);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM schedule_slot WHERE state = 2 AND length(COALESCE(reason, '')) < 10"), 0);
    for (int k = 1; k < HOURS; k++)
        assert_int_equal(number(s, "SELECT count(*) FROM schedule_slot l JOIN connection c ON l.schedule = 'connection ' || c.id WHERE c.platform = 'youtube' AND slot_at = %lld",
                                (long long)(began + k * NILO_US_HOUR)),
                         place->connections);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM run r WHERE status <> 1 AND length(COALESCE(error, '')) < 10 AND NOT EXISTS (SELECT 1 FROM run_failure f WHERE f.run_id = r.id)"), 0);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM run_failure WHERE length(message) < 10 OR class = ''"), 0);
}

/* What fair weather brings in an hour and bad weather does not is missing for a reason: a run of then says so, or one of the hours before, since which the item's
 * turns (every six hours, for most) come at other hours. */
static void nothing_is_missing_silently(struct sim *sim, const struct place *place, nilo_us began, const struct hours *fair, const struct hours *bad)
{
    for (int i = 0; i < place->connections; i++)
        for (int k = 0; k < HOURS; k++) {
            nilo_us from = began + k * NILO_US_HOUR;
            if (bad->items[i][k] >= fair->items[i][k])
                continue;
            int64_t said = number(sim->s, "SELECT count(*) FROM run WHERE connection_id = " OF " AND status <> 1 AND started_at >= %lld AND started_at < %lld", i,
                                  (long long)(from - 6 * NILO_US_HOUR), (long long)(from + NILO_US_HOUR));
            if (said == 0)
                fail_msg("yt%d read %lld of %lld items in hour %d, and no run says why", i, (long long)bad->items[i][k], (long long)fair->items[i][k], k);
        }
}

/* Two minutes after the end nothing waits any more, and all there is can be read at once. */
static void all_is_well_again(struct sim *sim, const struct nilo_config *config, const struct place *place)
{
    struct stores *s = sim->s;
    struct hours rest = {0};
    const struct nilo_collect_options all = {.day = NILO_DAY_NONE, .all = true, .platforms_only = true, .http = sim->http};
    struct nilo_collect_result r = {0};
    ok(s, emulator_set(sim->em, "weather", "0", &s->err));
    ok(s, emulator_set(sim->em, "hostile", "none", &s->err));
    nilo_us end = s->clock.wall;
    while (s->clock.wall < end + 2 * NILO_US_MINUTE)
        look(sim, config, &rest);
    assert_true(s->clock.wall < end + 3 * NILO_US_MINUTE); /* and no look takes long */
    nilo_us began = s->clock.wall;
    int64_t failed = sim_counter(sim, "again");
    ok(s, nilo_collect(s->store, config, &all, &r, &s->err));
    assert_int_equal(r.completed, place->connections);
    assert_int_equal(r.retries, 0);
    assert_int_equal(sim_counter(sim, "again") - failed, 0);
    assert_true(r.items_read >= place->connections * 60);
    assert_true(s->clock.wall - began < NILO_US_MINUTE);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM api_host WHERE open_until IS NOT NULL"), 0);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM collect_item WHERE failures > 0"), 0);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM connection WHERE status <> 'connected'"), 0);
}

static struct hours hours(struct stores *s, const struct place *place, const char *options, const char *hostile, const struct hours *fair)
{
    struct sim sim;
    struct hours h = {0};
    app();
    nilo_virtual_clock_advance(&s->clock, place->later);
    sim_init(&sim, s, options);
    if (hostile != NULL)
        ok(s, emulator_set(sim.em, "hostile", hostile, &s->err));
    struct nilo_config *config = configure(&sim, place);
    nilo_us began = s->clock.wall;
    while (s->clock.wall < began + HOURS * NILO_US_HOUR) {
        look(&sim, config, &h);
        if (place->quota_ends && s->clock.wall >= began + 4 * NILO_US_HOUR) /* midnight of the platform's: from now on it is a large one */
            ok(s, emulator_set_all(sim.em, "quota=10000 quota_stats=10000", &s->err));
    }
    count(&sim, place, began, &h);
    if (fair != NULL) {
        all_is_said(&sim, place, began);
        nothing_is_missing_silently(&sim, place, began, fair, &h);
        all_is_well_again(&sim, config, place);
    }
    sim_done(&sim);
    nilo_config_free(config);
    return h;
}

/* Pages that were read again because their listing broke off behind them are the one thing that is not counted as a second try: listings have no middle to go on from. */
static void compare(const char *what, const struct hours *fair, const struct hours *bad)
{
    int64_t read_again = bad->pages > fair->pages ? bad->pages - fair->pages : 0;
    const char *wrong = fair->retries != 0 || fair->again != 0                 ? "fair weather has retries"
                        : (bad->requests - read_again) * 10 > fair->requests * 11 ? "more than 1.1 times the traffic of fair weather"
                        : bad->again * 10 > fair->requests                      ? "more than a tenth are second tries"
                        : bad->early > 0                                       ? "a Retry-After was not waited for"
                        : bad->past_circuit > 0                                ? "a request passed an open circuit"
                        : bad->slots_of_database != fair->slots_of_database    ? "a database lost slots"
                        : strcmp(bad->cells_of_database, fair->cells_of_database) != 0 ||
                                fair->cells_of_database[0] == '\0'              ? "a database's values are not those of fair weather"
                        : bad->late > fair->late + 2 * NILO_US_MINUTE          ? "a database waited for a platform"
                                                                               : NULL;
    if (wrong != NULL || getenv("WEATHER_TELL") != NULL)
        printf("# %s: fair %lld requests, %lld read; bad %lld requests, %lld pages more, %lld again (%lld by our count), %lld early, %lld past a circuit, %lld opened, %lld closed, %lld read; database "
               "%lld/%lld slots, late %lld/%lld s\n", what, (long long)fair->requests, (long long)fair->read, (long long)bad->requests, (long long)read_again, (long long)bad->again, (long long)bad->retries,
               (long long)bad->early, (long long)bad->past_circuit, (long long)bad->opened, (long long)bad->closed, (long long)bad->read, (long long)bad->slots_of_database,
               (long long)fair->slots_of_database, (long long)(bad->late / NILO_US_SECOND), (long long)(fair->late / NILO_US_SECOND));
    if (wrong != NULL)
        fail_msg("%s: %s", what, wrong);
}

static void world_of(const struct place *place, int seed, bool bad, char *out, size_t size)
{
    unsigned x = (unsigned)seed * 2654435761u;
    int n = snprintf(out, size, "seed=%d %s latency_ms=300 retry_after_s=%u", seed, place->world, 20 + x % 70);
    if (!bad)
        return;
    n += snprintf(out + n, size - (size_t)n, " weather_all=1 weather=%u spell_chance=%u spell_minutes=%u", 250 + (x >> 8) % 751, 200 + (x >> 16) % 600, 4 + (x >> 24) % 40);
    if (place->quota_ends)
        snprintf(out + n, size - (size_t)n, " quota=35 quota_stats=35");
}

void weather_seed(struct stores *s, int seed)
{
    const struct place *place = &places[seed % (int)(sizeof places / sizeof places[0])];
    char options[400], what[32];
    world_of(place, seed, false, options, sizeof options);
    struct hours fair = hours(s, place, options, NULL, NULL);
    assert_int_equal(stores_fresh(s), 0);
    world_of(place, seed, true, options, sizeof options);
    struct hours bad = hours(s, place, options, NULL, &fair);
    snprintf(what, sizeof what, "seed %d", seed);
    compare(what, &fair, &bad);
}

void weather_outage(struct stores *s, const char *hostile)
{
    const struct place *place = &places[0];
    char options[400];
    world_of(place, 1, false, options, sizeof options);
    struct hours fair = hours(s, place, options, NULL, NULL);
    assert_int_equal(stores_fresh(s), 0);
    struct hours bad = hours(s, place, options, hostile, &fair);
    compare(hostile, &fair, &bad);
    assert_int_equal(bad.read, 0);
}
