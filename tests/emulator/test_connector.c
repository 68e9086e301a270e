/* YouTube's connector and the emulator, each other's examiners: what the one reads is what the other knows; through libcurl and real HTTP, and in process
 * on a virtual clock. And no behaviour of the zoo ever becomes a number, or a deletion. */
#include "support/nilo_test.h"

#include "connect/connector.h"
#include "emulator/asking.h"
#include "emulator/emulator_priv.h"
#include "emulator/emulator_test.h"
#include "emulator/in_process.h"

#include <stdlib.h>
#include <string.h>

struct asker {
    struct nilo_http *http;
    struct nilo_arena arena;
    struct nilo_credentials credentials;
    const char *settings[8];
    char address[4][128];
    struct nilo_result r;
    struct nilo_http_answer *answer;
    nilo_us now;
};

static const struct nilo_connector *youtube(void)
{
    const struct nilo_connector *c = nilo_connector_find("youtube");
    assert_non_null(c);
    return c;
}

/* Settings by their names, so that a new one does not move them. */
static void set(struct asker *a, const char *name, const char *value)
{
    struct nilo_err err;
    size_t i;
    if (nilo_connector_check_setting(youtube(), name, value, &i, &err) != 0)
        fail_msg("%s", err.msg);
    a->settings[i] = value;
}

static const struct nilo_result *asked(struct asker *a, struct nilo_ask ask)
{
    struct nilo_call call;
    struct nilo_err err;
    uint64_t id;
    nilo_http_answer_free(a->answer);
    a->answer = NULL;
    nilo_arena_reset(&a->arena);
    ask.credentials = &a->credentials;
    ask.settings = a->settings;
    ask.now = a->now;
    if (youtube()->make(&ask, &a->arena, &call, &err) != 0 || nilo_http_start(a->http, &call.http, &id, &err) != 0)
        fail_msg("%s", err.msg);
    while (!(a->answer = nilo_http_next(a->http)))
        assert_int_equal(nilo_http_poll(a->http, NILO_US_NONE, &err), 0);
    assert_int_equal(youtube()->take(&ask, a->answer, &a->arena, &a->r, &err), 0);
    return &a->r;
}

static void asker_done(struct asker *a)
{
    nilo_http_answer_free(a->answer);
    nilo_http_free(a->http);
    nilo_arena_done(&a->arena);
}

static int64_t value_of(const struct nilo_item *it, const char *metric)
{
    for (size_t i = 0; i < it->n_values; i++)
        if (strcmp(it->values[i].metric->name, metric) == 0)
            return it->values[i].absence == NILO_PRESENT ? it->values[i].value : -1;
    return -2;
}

/* ---- discovery, then metrics ------------------------------------------------------------------------------------------------------------- */

/* Finds a channel's videos page by page and reads all their counts; `twin` knows what they are. */
static void collect_channel(struct asker *a, const struct emulator *twin, int channel, int videos, unsigned variant)
{
    char id[EMULATOR_TEXT], expected[EMULATOR_TEXT];
    char (*found)[16] = calloc((size_t)videos + 1, 16);
    int n = 0;
    assert_non_null(found);
    emulator_channel_id(twin, channel, id);
    const struct nilo_result *r = asked(a, (struct nilo_ask){.op = NILO_OP_ACCOUNT, .account = id});
    assert_int_equal(r->class, NILO_CLASS_OK);
    assert_int_equal(r->n_accounts, 1);
    assert_string_equal(r->accounts[0].id, id);
    assert_int_equal(r->accounts[0].items, videos);
    char *listing = strdup(r->accounts[0].listing), *cursor = NULL;
    do {
        r = asked(a, (struct nilo_ask){.op = NILO_OP_LIST, .account = id, .listing = listing, .cursor = cursor});
        assert_int_equal(r->class, NILO_CLASS_OK);
        for (size_t i = 0; i < r->n_items; i++) {
            assert_true(n < videos);
            snprintf(found[n], 16, "%s", r->items[i].id);
            emulator_video_id(twin, channel, videos - 1 - n, expected);
            assert_string_equal(found[n++], expected); /* newest first */
        }
        free(cursor);
        cursor = r->next ? strdup(r->next) : NULL;
    } while (cursor);
    assert_int_equal(n, videos);
    for (int from = 0; from < videos; from += 50) {
        const char *ids[50];
        int k = 0;
        for (; k < 50 && from + k < videos; k++)
            ids[k] = found[from + k];
        r = asked(a, (struct nilo_ask){.op = NILO_OP_METRICS, .ids = ids, .n_ids = (size_t)k, .variant = variant});
        assert_int_equal(r->class, NILO_CLASS_OK);
        assert_int_equal(r->n_items, k);
        for (int i = 0; i < k; i++) {
            assert_string_equal(r->items[i].id, ids[i]);
            assert_int_equal(value_of(&r->items[i], "views"), emulator_views(twin, channel, videos - 1 - from - i, a->now));
        }
    }
    free(listing);
    free(found);
}

static void a_channel_is_collected_over_real_http(void **state)
{
    (void)state;
    static const char options[] = "seed=12 channels=2 videos=120 upload_hours=0 latency_ms=0";
    struct emulator_server *e = emulator_start(options, "2026-11-21T08:00:00Z");
    struct emulator *twin = asking_new(options);
    struct asker a = {.now = NOW};
    struct nilo_env env;
    struct nilo_err err;
    char key[EMULATOR_TEXT];
    emulator_api_key(twin, 0, key);
    a.credentials.api_key = key;
    snprintf(a.address[0], sizeof a.address[0], "%s/youtube/v3", emulator_url(e));
    set(&a, "api_base", a.address[0]);
    nilo_arena_init(&a.arena, 0);
    assert_int_equal(nilo_env_system(&env, &err), 0);
    assert_int_equal(nilo_http_new(&env, NULL, &a.http, &err), 0);
    collect_channel(&a, twin, 1, 120, 0);
    assert_int_equal(emulator_count(e, "requests"), 1 + 3 + 3); /* 120 videos, 50 a call */
    assert_int_equal(emulator_count(e, "projects.0.buckets.1.used"), 3);
    assert_int_equal(emulator_count(e, "secrets_in_url"), 0);
    char *log = emulator_ask(e, "/_emulator/log");
    assert_null(strstr(log, "key=")); /* the key goes in a header */
    free(log);
    asker_done(&a);
    asking_done();
    emulator_free(twin);
    emulator_stop(e);
}

/* ---- in process ------------------------------------------------------------------------------------------------------------------------------ */

struct world {
    struct asker a;
    struct emulator *em;
    struct nilo_virtual_clock clock;
    char key[EMULATOR_TEXT], refresh[EMULATOR_TEXT], access[EMULATOR_TEXT], client[EMULATOR_TEXT], secret[EMULATOR_TEXT];
};

static void world_new(struct world *w, const char *options)
{
    struct nilo_env env;
    struct nilo_err err;
    *w = (struct world){.em = asking_new(options)};
    assert_int_equal(nilo_env_plain(&env, &err), 0);
    nilo_virtual_clock_init(&w->clock, NOW);
    env.clock = nilo_virtual_clock(&w->clock);
    assert_int_equal(emulator_http_new(w->em, &w->clock, &env, &w->a.http, &err), 0);
    nilo_arena_init(&w->a.arena, 0);
    emulator_api_key(w->em, 0, w->key);
    emulator_client_id(w->em, 0, w->client);
    emulator_client_secret(w->em, 0, w->secret);
    w->a.credentials = (struct nilo_credentials){.api_key = w->key, .client_id = w->client, .client_secret = w->secret};
    w->a.now = NOW;
}

static void world_done(struct world *w)
{
    asker_done(&w->a);
    asking_done();
    emulator_free(w->em);
}

static void a_channel_is_collected_in_process_and_the_clock_moves_by_the_latency(void **state)
{
    (void)state;
    struct world w;
    world_new(&w, "seed=12 channels=2 videos=70 upload_hours=0 latency_ms=300 latency_spread=0");
    /* the counts move with the clock while it is collected: the truth is asked at the same times, so nothing may move here */
    struct nilo_err err;
    assert_int_equal(emulator_set_all(w.em, "scale=1", &err), 0);
    char id[EMULATOR_TEXT];
    emulator_channel_id(w.em, 0, id);
    assert_int_equal(asked(&w.a, (struct nilo_ask){.op = NILO_OP_ACCOUNT, .account = id})->class, NILO_CLASS_OK);
    assert_int_equal(w.clock.wall, NOW + 300000);
    assert_int_equal(emulator_set_all(w.em, "latency_ms=0", &err), 0);
    w.a.now = w.clock.wall;
    collect_channel(&w.a, w.em, 0, 70, 0);
    assert_int_equal(w.clock.wall, NOW + 300000);
    world_done(&w);
}

static void the_owner_signs_in_refreshes_and_reads_reports(void **state)
{
    (void)state;
    struct world w;
    char id[EMULATOR_TEXT];
    world_new(&w, "seed=12 channels=4 videos=10 upload_hours=0 account_channels=2 rotate=1");
    assert_int_equal(emulator_grant(w.em, NOW, 0, 1, w.refresh, w.access), 0);
    w.a.credentials.refresh_token = w.refresh;
    const struct nilo_result *r = asked(&w.a, (struct nilo_ask){.op = NILO_OP_REFRESH});
    assert_int_equal(r->class, NILO_CLASS_OK);
    assert_int_equal(r->tokens.expires_s, 3599);
    assert_non_null(r->tokens.refresh_token);
    snprintf(w.access, sizeof w.access, "%s", r->tokens.access_token);
    w.a.credentials.access_token = w.access;
    r = asked(&w.a, (struct nilo_ask){.op = NILO_OP_ACCOUNTS});
    assert_int_equal(r->class, NILO_CLASS_OK);
    assert_int_equal(r->n_accounts, 2);
    emulator_channel_id(w.em, 3, id);
    assert_string_equal(r->accounts[1].id, id);
    char video[EMULATOR_TEXT];
    const char *ids[1] = {video};
    emulator_video_id(w.em, 2, 5, video); /* the first of the account's channels is MINE */
    r = asked(&w.a, (struct nilo_ask){.op = NILO_OP_REPORT, .ids = ids, .n_ids = 1, .win = 7, .day = NILO_DAY(20770)});
    assert_int_equal(r->class, NILO_CLASS_OK);
    assert_int_equal(r->n_items, 1);
    assert_true(value_of(&r->items[0], "shares") >= 0);
    w.a.credentials.refresh_token = w.refresh; /* the old one: rotated away */
    r = asked(&w.a, (struct nilo_ask){.op = NILO_OP_REFRESH});
    assert_int_equal(r->class, NILO_CLASS_AUTH);
    world_done(&w);
}

static void errors_have_the_class_that_says_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        enum nilo_class class;
        enum nilo_until until;
    } rows[] = {
        {"quota=0 quota_stats=0", NILO_CLASS_RATE_LIMITED, NILO_UNTIL_RESET},
        {"hostile=status_429", NILO_CLASS_RATE_LIMITED, NILO_UNTIL_TIME},
        {"hostile=status_403", NILO_CLASS_RATE_LIMITED, NILO_UNTIL_SOON},
        {"hostile=status_500", NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON},
        {"hostile=status_502", NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON},
        {"hostile=status_503", NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON},
        {"hostile=reset", NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON},
        {"hostile=stall", NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world w;
        char video[EMULATOR_TEXT];
        const char *ids[1] = {video};
        world_new(&w, rows[i].options);
        emulator_video_id(w.em, 0, 0, video);
        const struct nilo_result *r = asked(&w.a, (struct nilo_ask){.op = NILO_OP_METRICS, .ids = ids, .n_ids = 1});
        if (r->class != rows[i].class || (r->class == NILO_CLASS_RATE_LIMITED && r->until != rows[i].until))
            fail_msg("%s: %s, until %d: %s", rows[i].options, nilo_class_word(r->class), (int)r->until, r->message);
        world_done(&w);
    }
}

/* ---- the zoo ------------------------------------------------------------------------------------------------------------------------------- */

/* These make other numbers, or a list without items, that are as good as the true ones to anybody who looks at one answer: the guard of the record is for them. */
static bool believable(const char *name)
{
    return strcmp(name, "zero_numbers") == 0 || strcmp(name, "tenfold") == 0 || strcmp(name, "items_empty") == 0;
}

static void nothing_in_the_zoo_becomes_a_number_or_a_deletion(void **state)
{
    (void)state;
    struct world w;
    char text[2][EMULATOR_TEXT], rule[64];
    const char *ids[2] = {text[0], text[1]};
    int wrong = 0, survived = 0;
    world_new(&w, "seed=3 videos=10 bomb_mib=64 drip_ms=1000");
    for (int i = 0; i < 2; i++)
        emulator_video_id(w.em, 0, 2 + i, text[i]);
    for (size_t k = 0; emu_hostile_name(k); k++) {
        const char *name = emu_hostile_name(k);
        struct nilo_err err;
        if (believable(name) || strcmp(name, "zoo") == 0)
            continue;
        snprintf(rule, sizeof rule, "hostile=none hostile=%s", name);
        assert_int_equal(emulator_set_all(w.em, rule, &err), 0);
        for (unsigned variant = 0; variant < 2; variant++) {
            w.a.now = w.clock.wall;
            const struct nilo_result *r = asked(&w.a, (struct nilo_ask){.op = NILO_OP_METRICS, .ids = ids, .n_ids = 2, .variant = variant});
            for (size_t i = 0; i < r->n_items; i++) {
                const struct nilo_item *it = &r->items[i];
                int64_t views = value_of(it, "views"), truth = emulator_views(w.em, 0, strcmp(it->id, text[0]) == 0 ? 2 : 3, w.a.now);
                survived += views == truth;
                if ((it->class == NILO_CLASS_OK && views >= 0 && views != truth) ||
                    (it->class == NILO_CLASS_GONE && !it->unsure && strcmp(name, "many_items") != 0)) {
                    print_error("%s, variant %u: %s is %s, views %lld instead of %lld\n", name, variant, it->id, nilo_class_word(it->class), (long long)views,
                                (long long)truth);
                    wrong++;
                }
            }
        }
    }
    /* nor a list that is empty, or an account that is gone */
    for (size_t k = 0; emu_hostile_name(k); k++) {
        struct nilo_err err;
        char channel[EMULATOR_TEXT];
        emulator_channel_id(w.em, 0, channel);
        snprintf(rule, sizeof rule, "hostile=none hostile=%s", emu_hostile_name(k));
        assert_int_equal(emulator_set_all(w.em, rule, &err), 0);
        if (strcmp(emu_hostile_name(k), "zoo") == 0 || strcmp(emu_hostile_name(k), "many_items") == 0 || believable(emu_hostile_name(k)))
            continue;
        w.a.now = w.clock.wall;
        const struct nilo_result *r = asked(&w.a, (struct nilo_ask){.op = NILO_OP_ACCOUNT, .account = channel});
        /* a 404 of this very call says that there is no such channel, whoever made it */
        bool gone = r->class == NILO_CLASS_GONE && strcmp(emu_hostile_name(k), "status_404") != 0;
        r = asked(&w.a, (struct nilo_ask){.op = NILO_OP_LIST, .account = channel});
        if (gone || (r->class == NILO_CLASS_OK && r->n_items == 0)) {
            print_error("%s: %s\n", emu_hostile_name(k), gone ? "the account is gone" : "the list is empty");
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
    assert_true(survived > 4); /* a wrong type alone hurts nobody: the truth did come through */
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_channel_is_collected_over_real_http),
        cmocka_unit_test(a_channel_is_collected_in_process_and_the_clock_moves_by_the_latency),
        cmocka_unit_test(the_owner_signs_in_refreshes_and_reads_reports),
        cmocka_unit_test(errors_have_the_class_that_says_what_to_do),
        cmocka_unit_test(nothing_in_the_zoo_becomes_a_number_or_a_deletion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
