/* The platforms of five.h: what each calls its accounts and posts, how people sign in, how narrow its budget is, and what is true of a post at an instant by the
 * emulator's own world. A platform more is a row more. */
#include "support/nilo_test.h"

#include "five_priv.h"

#include <stdio.h>
#include <string.h>

/* Of units a day: a channel and its pages at each refresh, and little for second tries. */
int64_t five_youtube_budget(const struct five *f)
{
    return (int64_t)five_share(f) * (1 + (f->posts + 49) / 50) * (f->refreshes + 2) * 11 / 10;
}

/* Calls of an endpoint a minute: a refresh takes some minutes. */
int64_t five_tiktok_budget(const struct five *f)
{
    return 3 + (int64_t)five_share(f) * f->posts / 20 / 2;
}

static int64_t told_budget(const struct five *f)
{
    (void)f;
    return 0;
}

static void youtube_account(const struct emulator *em, int account, char out[EMULATOR_TEXT])
{
    emulator_channel_id(em, account, out);
}

static bool always_listed(const struct emulator *em, struct emu_item it)
{
    (void)em;
    (void)it;
    return true;
}

static size_t youtube_truth(const struct emulator *em, struct emu_item it, nilo_us at, struct truth ret[FIVE_TRUTHS])
{
    struct emu_stats s;
    emu_stats_at(em, it, at, &s);
    ret[0] = (struct truth){"views", s.views, false};
    ret[1] = (struct truth){"likes", s.likes, s.likes_hidden};
    ret[2] = (struct truth){"comments", s.comments, s.comments_closed};
    return 3;
}

static size_t tiktok_truth(const struct emulator *em, struct emu_item it, nilo_us at, struct truth ret[FIVE_TRUTHS])
{
    static const char *const names[] = {"views", "likes", "comments", "shares"};
    int64_t n[5] = {0};
    emulator_tiktok_counts(em, it.channel, it.video, at, n);
    for (size_t i = 0; i < 4; i++)
        ret[i] = (struct truth){names[i], n[i], false};
    return 4;
}

static void tiktok_grant(struct emulator *em, nilo_us now, int account, bool less, char refresh[EMULATOR_TEXT], char access[EMULATOR_TEXT])
{
    assert_int_equal(emulator_tiktok_grant(em, now, account, less ? "user.info.basic" : NULL, refresh, access), 0);
}

static void instagram_account(const struct emulator *em, int account, char out[EMULATOR_TEXT])
{
    (void)em;
    emulator_instagram_account(account, out);
}

static void instagram_post(const struct emulator *em, int account, int post, char out[EMULATOR_TEXT])
{
    (void)em;
    emulator_instagram_id(account, post, out);
}

static bool is_no_story(const struct emulator *em, struct emu_item it)
{
    (void)em;
    return it.video % 10 != 9;
}

static void graph_grant(struct emulator *em, nilo_us now, int account, bool less, char refresh[EMULATOR_TEXT], char access[EMULATOR_TEXT])
{
    int64_t life = em->o.token_seconds;
    assert_false(less);
    em->o.token_seconds = 60 * 86400; /* its tokens last */
    assert_int_equal(emulator_grant(em, now, 0, account, refresh, access), 0);
    em->o.token_seconds = life;
    refresh[0] = '\0';
}

/* Media from before the business account have no insights: what stands in the medium itself. */
static size_t instagram_truth(const struct emulator *em, struct emu_item it, nilo_us at, struct truth ret[FIVE_TRUTHS])
{
    static const char *const names[][2] = {{"views", "views"}, {"reach", "reach"}, {"saved", "saves"}, {"shares", "shares"}, {"total_interactions", "engagement"}};
    struct emu_stats s;
    size_t n = 0;
    bool old = (int64_t)(emu_hash(em, 600, (uint64_t)it.channel, (uint64_t)it.video) % 1000) < em->o.ig_old;
    emu_stats_at(em, it, at, &s);
    ret[n++] = (struct truth){"likes", s.likes, old && s.likes_hidden};
    ret[n++] = (struct truth){"comments", s.comments, false};
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !old; i++)
        ret[n++] = (struct truth){names[i][1], emulator_instagram_value(em, it.channel, it.video, names[i][0], at), false};
    return n;
}

static void facebook_account(const struct emulator *em, int account, char out[EMULATOR_TEXT])
{
    (void)em;
    emulator_facebook_page(account, out);
}

static void facebook_post(const struct emulator *em, int account, int post, char out[EMULATOR_TEXT])
{
    (void)em;
    emulator_facebook_id(account, post, out);
}

static void facebook_grant(struct emulator *em, nilo_us now, int account, bool less, char refresh[EMULATOR_TEXT], char access[EMULATOR_TEXT])
{
    assert_false(less);
    assert_true(emulator_facebook_grant(em, now, account, access) >= 0);
    refresh[0] = '\0';
}

static size_t facebook_truth(const struct emulator *em, struct emu_item it, nilo_us at, struct truth ret[FIVE_TRUTHS])
{
    static const char *const names[][2] = {{"post_media_view", "views"}, {"post_total_media_view_unique", "reach"}, {"post_clicks", "clicks"},
                                           {"post_reactions_by_type_total", "reactions"}, {"post_video_views", "video_views"}, {"comments", "comments"}, {"shares", "shares"}};
    size_t n = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        int64_t value = emulator_facebook_value(em, it.channel, it.video, names[i][0], at);
        if (value >= 0)
            ret[n++] = (struct truth){names[i][1], value, false};
    }
    return n;
}

static void shop_account(const struct emulator *em, int account, char out[EMULATOR_TEXT])
{
    (void)em;
    emulator_shop_id(account, out);
}

static void shop_grant(struct emulator *em, nilo_us now, int account, bool less, char refresh[EMULATOR_TEXT], char access[EMULATOR_TEXT])
{
    assert_int_equal(emulator_shop_grant(em, now, account, less ? "none" : NULL, refresh, access), 0);
}

nilo_day five_shop_last(const struct emulator *em, nilo_us at)
{
    return NILO_DAY((int32_t)((at - em->o.shop_delay_h * NILO_US_HOUR) / NILO_US_DAY) - 1);
}

static bool is_of_a_day_told(const struct emulator *em, struct emu_item it)
{
    return emu_published(em, it) < ((nilo_us)five_shop_last(em, em->epoch).n + 1) * NILO_US_DAY;
}

/* The sum of what single days brought, as it was told then. */
static size_t shop_truth(const struct emulator *em, struct emu_item it, nilo_us at, struct truth ret[FIVE_TRUTHS])
{
    static const struct {
        const char *metric;
        int value;
    } names[] = {{"gmv", EMULATOR_SHOP_GMV}, {"views", EMULATOR_SHOP_VIEWS}, {"items_sold", EMULATOR_SHOP_ITEMS}, {"orders", EMULATOR_SHOP_ORDERS}};
    size_t n = sizeof names / sizeof names[0];
    nilo_day last = five_shop_last(em, at);
    for (size_t i = 0; i < n; i++) {
        ret[i] = (struct truth){names[i].metric, 0, false};
        for (int d = 0; d < FIVE_WINDOW; d++) {
            int64_t of[EMULATOR_SHOP_VALUES];
            if (emulator_shop_day(em, it.channel, it.video, NILO_DAY(last.n - d), at, of))
                ret[i].value += of[names[i].value];
        }
    }
    return n;
}

const struct platform five_platforms[] = {
    {"youtube", "    api_key: env:NILO_TEST_FIVE_KEY\n", youtube_account, emulator_video_id, always_listed, NULL, 0, five_youtube_budget, youtube_truth, 0},
    {"instagram", "    client_id: five\n", instagram_account, instagram_post, is_no_story, graph_grant, 60 * 86400, told_budget, instagram_truth, 0},
    {"tiktok", "    client_id: %s\n    client_secret: env:NILO_TEST_FIVE_SECRET\n    settings:\n      - name: token_url\n        value: https://fair.example.org/v2/oauth/token\n",
     emulator_tiktok_account, emulator_tiktok_id, always_listed, tiktok_grant, 7200, five_tiktok_budget, tiktok_truth, 0},
    {"facebook", "    client_id: five\n", facebook_account, facebook_post, always_listed, facebook_grant, 60 * 86400, told_budget, facebook_truth, 0},
    {"tiktok_shop", "    client_id: %s\n    client_secret: env:NILO_TEST_FIVE_SECRET\n    settings:\n      - name: token_url\n        value: https://fair.example.org/api/v2/token\n",
     shop_account, emulator_tiktok_id, is_of_a_day_told, shop_grant, 7 * 86400, told_budget, shop_truth, FIVE_WINDOW},
};
const int five_platforms_n = (int)(sizeof five_platforms / sizeof five_platforms[0]);

int five_share(const struct five *f)
{
    return (f->accounts + five_platforms_n - 1) / five_platforms_n;
}
