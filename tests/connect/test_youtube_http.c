/* YouTube's connector over the real client against the emulator: from a channel's name to the counts of all its videos, compared with what the emulator says they
 * are; pages, the fallback, deleted and private items, hidden likes, shares and watch time, tokens; and no secret in any address. */
#include "support/nilo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connect/connector.h"
#include "emulator/emulator_test.h"

#define VIDEOS 120 /* at the beginning of the emulator's world; some came since */
#define MOST   199

struct world {
    struct emulator_server *e;
    struct nilo_env env;
    struct nilo_http *http;
    struct nilo_arena arena;
    struct nilo_credentials credentials;
    const char *settings[5];
    char base[100], analytics[100], token[100];
    char *key, *access, *refresh, *client, *secret;
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    char options[200];
    assert_non_null(w);
    snprintf(options, sizeof(options), "seed=7 channels=2 latency_ms=0 videos=%d", VIDEOS);
    w->e = emulator_start(options, "2026-11-21T08:00:00Z");
    snprintf(w->base, sizeof(w->base), "%s/youtube/v3", emulator_url(w->e));
    snprintf(w->analytics, sizeof(w->analytics), "%s/youtubeanalytics.googleapis.com/v2", emulator_url(w->e));
    snprintf(w->token, sizeof(w->token), "%s/token", emulator_url(w->e));
    w->settings[0] = w->base;
    w->settings[1] = w->analytics;
    w->settings[2] = w->token;
    w->key = emulator_text(w->e, "/_emulator/world", "projects.0.key");
    w->credentials.api_key = w->key;
    assert_int_equal(nilo_env_plain(&w->env, NULL), 0);
    assert_int_equal(nilo_http_new(&w->env, &(struct nilo_http_options){.proxy = ""}, &w->http, NULL), 0);
    nilo_arena_init(&w->arena, 0);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    if (w == NULL)
        return 0;
    nilo_http_free(w->http);
    nilo_arena_done(&w->arena);
    emulator_stop(w->e);
    free(w->key);
    free(w->access);
    free(w->refresh);
    free(w->client);
    free(w->secret);
    free(w);
    return 0;
}

/* Asks once; again where the platform does not know this spelling of the question. */
static struct nilo_result ask(struct world *w, struct nilo_ask *ask)
{
    const struct nilo_connector *youtube = nilo_connector_find("youtube");
    struct nilo_call call;
    struct nilo_result r;
    struct nilo_err err = {0};
    uint64_t id;
    ask->credentials = &w->credentials;
    ask->settings = w->settings;
    ask->now = w->env.clock.wall(w->env.clock.ctx);
    if (youtube->make(ask, &w->arena, &call, &err) != 0 || nilo_http_start(w->http, &call.http, &id, &err) != 0)
        fail_msg("%s", err.msg);
    struct nilo_http_answer *a;
    while ((a = nilo_http_next(w->http)) == NULL)
        assert_int_equal(nilo_http_poll(w->http, NILO_US_NONE, NULL), 0);
    assert_int_equal(youtube->take(ask, a, &w->arena, &r, &err), 0);
    nilo_http_answer_free(a);
    return r;
}

static struct nilo_result good(struct world *w, struct nilo_ask *a)
{
    struct nilo_result r = ask(w, a);
    if (r.class != NILO_CLASS_OK)
        fail_msg("%s: %s: %s", nilo_op_word(a->op), r.reason, r.message);
    return r;
}

static const char *channel_of(struct world *w)
{
    char *id = emulator_text(w->e, "/_emulator/world", "channels.0.id");
    const char *kept = nilo_arena_strdup(&w->arena, id);
    free(id);
    return kept;
}

/* All uploads, page by page. */
static size_t list(struct world *w, const char *ids[MOST + 1])
{
    struct nilo_ask a = {.op = NILO_OP_ACCOUNT, .account = channel_of(w), .day = NILO_DAY_NONE};
    struct nilo_result r = good(w, &a);
    size_t n = 0, pages = 0;
    nilo_us before = INT64_MAX;
    assert_int_equal(r.n_accounts, 1);
    const size_t there = (size_t)r.accounts[0].items;
    assert_true(there >= VIDEOS && there <= MOST);
    struct nilo_ask page = {.op = NILO_OP_LIST, .account = a.account, .listing = r.accounts[0].listing, .day = NILO_DAY_NONE};
    do {
        r = good(w, &page);
        for (size_t i = 0; i < r.n_items && n < MOST + 1; i++) {
            assert_true(r.items[i].posted_at <= before); /* newest first */
            assert_string_equal(r.items[i].account, a.account);
            before = r.items[i].posted_at;
            ids[n++] = r.items[i].id;
        }
        page.cursor = r.next;
        pages++;
    } while (r.next != NULL && pages < 10);
    assert_int_equal(n, there);
    assert_int_equal(pages, (there + 49) / 50);
    return n;
}

static void assert_count(struct world *w, const struct nilo_item *item, size_t at, const char *name)
{
    char target[100];
    snprintf(target, sizeof(target), "/_emulator/item?id=%s", item->id);
    int64_t wanted = emulator_number(w->e, target, name);
    if (item->values[at].absence != NILO_PRESENT || item->values[at].value != wanted)
        fail_msg("%s of %s: %lld (%s), wanted %lld", name, item->id, (long long)item->values[at].value, nilo_absence_name(item->values[at].absence), (long long)wanted);
}

static void all_videos_of_a_channel_have_the_counts_that_they_have(void **state)
{
    struct world *w = *state;
    const char *ids[MOST + 1];
    size_t n = list(w, ids);
    for (unsigned variant = 0; variant < 2; variant++) {
        for (size_t at = 0; at < n; at += 50) {
            struct nilo_ask a = {.op = NILO_OP_METRICS, .ids = ids + at, .n_ids = n - at < 50 ? n - at : 50, .variant = variant, .day = NILO_DAY_NONE};
            struct nilo_result r = good(w, &a);
            assert_int_equal(r.n_items, a.n_ids);
            for (size_t i = 0; i < r.n_items; i += 7) {
                assert_count(w, &r.items[i], 0, "views");
                assert_count(w, &r.items[i], 1, "likes");
                assert_count(w, &r.items[i], 2, "comments");
            }
        }
    }
    assert_int_equal(emulator_count(w->e, "secrets_in_url"), 0);
}

static void what_is_deleted_private_or_hidden_is_told_apart(void **state)
{
    struct world *w = *state;
    const char *ids[MOST + 1];
    list(w, ids);
    static const char *const acts[] = {"state=deleted", "state=private", "hidden_likes=1", "closed_comments=1"};
    for (size_t i = 0; i < 4; i++) {
        char target[200];
        snprintf(target, sizeof(target), "/_emulator/item?id=%s&%s", ids[i], acts[i]);
        emulator_do(w->e, target);
    }
    for (unsigned variant = 0; variant < 2; variant++) {
        struct nilo_ask a = {.op = NILO_OP_METRICS, .ids = ids, .n_ids = 5, .variant = variant, .day = NILO_DAY_NONE};
        struct nilo_result r = good(w, &a);
        assert_int_equal(r.items[0].class, NILO_CLASS_GONE);
        assert_int_equal(r.items[1].class, NILO_CLASS_GONE);
        assert_true(r.items[0].unsure == (variant == 0));
        assert_int_equal(r.items[2].values[1].absence, NILO_HIDDEN);
        assert_int_equal(r.items[2].values[0].absence, NILO_PRESENT);
        assert_int_equal(r.items[3].values[2].absence, NILO_HIDDEN);
        assert_int_equal(r.items[3].values[1].absence, NILO_PRESENT);
        assert_int_equal(r.items[4].class, NILO_CLASS_OK);
    }
}

static void an_unknown_method_is_asked_for_the_other_way(void **state)
{
    struct world *w = *state;
    const char *ids[MOST + 1];
    list(w, ids);
    emulator_do(w->e, "/_emulator/set?hostile=status_404@/youtube/v3/videos:batchGetStats");
    struct nilo_ask a = {.op = NILO_OP_METRICS, .ids = ids, .n_ids = 50, .day = NILO_DAY_NONE};
    struct nilo_result r = ask(w, &a);
    assert_true(r.again);
    a.variant = r.variant;
    r = good(w, &a);
    assert_int_equal(r.n_items, 50);
    assert_count(w, &r.items[49], 0, "views");
}

static void refusals_have_their_class(void **state)
{
    struct world *w = *state;
    struct nilo_ask a = {.op = NILO_OP_ACCOUNT, .account = channel_of(w), .day = NILO_DAY_NONE};
    w->credentials.api_key = "not-the-key";
    struct nilo_result r = ask(w, &a);
    assert_int_equal(r.class, NILO_CLASS_PERMISSION);
    assert_true(r.key_wrong);
    w->credentials.api_key = w->key;
    emulator_do(w->e, "/_emulator/set?hostile=status_503@/youtube*1");
    r = ask(w, &a);
    assert_int_equal(r.class, NILO_CLASS_TRANSIENT);
    a.account = "UCnobodyatall";
    r = ask(w, &a);
    assert_int_equal(r.class, NILO_CLASS_GONE);
}

static void sign_in(struct world *w)
{
    char *grant = emulator_ask(w->e, "/_emulator/grant?account=0&project=0");
    w->access = emulator_json(grant, "access_token");
    w->refresh = emulator_json(grant, "refresh_token");
    w->client = emulator_text(w->e, "/_emulator/world", "projects.0.client_id");
    w->secret = emulator_text(w->e, "/_emulator/world", "projects.0.client_secret");
    free(grant);
    w->credentials = (struct nilo_credentials){.access_token = w->access, .refresh_token = w->refresh, .client_id = w->client, .client_secret = w->secret};
}

static void an_expired_token_is_an_auth_error_and_a_refresh_mends_it(void **state)
{
    struct world *w = *state;
    sign_in(w);
    struct nilo_ask mine = {.op = NILO_OP_ACCOUNT, .day = NILO_DAY_NONE};
    assert_string_equal(good(w, &mine).accounts[0].id, channel_of(w));
    struct nilo_ask choice = {.op = NILO_OP_ACCOUNTS, .day = NILO_DAY_NONE};
    assert_true(good(w, &choice).n_accounts >= 1);
    emulator_do(w->e, "/_emulator/tokens?act=expire&grant=0");
    struct nilo_result r = ask(w, &mine);
    assert_int_equal(r.class, NILO_CLASS_AUTH);
    assert_false(r.key_wrong);
    struct nilo_ask refresh = {.op = NILO_OP_REFRESH, .day = NILO_DAY_NONE};
    r = good(w, &refresh);
    assert_non_null(r.tokens.access_token);
    assert_true(r.tokens.expires_s > 0);
    w->credentials.access_token = r.tokens.access_token;
    good(w, &mine);
    emulator_do(w->e, "/_emulator/tokens?act=revoke&grant=0");
    r = ask(w, &refresh);
    assert_int_equal(r.class, NILO_CLASS_AUTH);
    assert_string_equal(r.reason, "invalid_grant");
    assert_int_equal(emulator_count(w->e, "secrets_in_url"), 0);
}

static void shares_and_watch_time_come_with_the_owner_s_token(void **state)
{
    struct world *w = *state;
    const char *ids[MOST + 1];
    size_t n = list(w, ids), with = 0;
    sign_in(w);
    struct nilo_ask a = {.op = NILO_OP_REPORT, .ids = ids + n - 10, .n_ids = 10, .day = nilo_day_from_civil(2026, 11, 20)};
    struct nilo_result r = good(w, &a);
    for (size_t i = 0; i < r.n_items; i++) {
        assert_int_equal(r.items[i].class, NILO_CLASS_OK);
        assert_int_equal(r.items[i].n_values, 2);
        with += r.items[i].values[0].absence == NILO_PRESENT && r.items[i].values[1].absence == NILO_PRESENT && r.items[i].values[1].value % 60000 == 0;
    }
    assert_true(with > 0 && with == r.n_items);
    /* Of a short window less. */
    struct nilo_ask week = a;
    week.win = 7;
    struct nilo_result few = good(w, &week);
    assert_true(few.n_items > 0 && few.items[0].win == 7 && few.items[0].day.n == a.day.n);
    for (size_t i = 0; i < few.n_items; i++) {
        for (size_t k = 0; k < r.n_items; k++) {
            if (strcmp(few.items[i].id, r.items[k].id) == 0)
                assert_true(few.items[i].values[1].value <= r.items[k].values[1].value);
        }
    }
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        EACH(all_videos_of_a_channel_have_the_counts_that_they_have),
        EACH(what_is_deleted_private_or_hidden_is_told_apart),
        EACH(an_unknown_method_is_asked_for_the_other_way),
        EACH(refusals_have_their_class),
        EACH(an_expired_token_is_an_auth_error_and_a_refresh_mends_it),
        EACH(shares_and_watch_time_come_with_the_owner_s_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
