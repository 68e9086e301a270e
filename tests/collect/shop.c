#include "shop.h"

#include <stdio.h>
#include <string.h>

void shop_begin(struct sim *sim, struct stores *s, const char *options)
{
    sim_init(sim, s, options);
    sim->oauth = true;
    ok(s, emulator_shop_grant(sim->em, s->clock.wall, 0, NULL, sim->refresh, sim->access));
}

void shop_collect(struct sim *sim, const char *const *settings)
{
    const struct nilo_platform_want want = {.connection = stores_connection(sim->s, "w", "UTC", "shop", "tiktok_shop", "file"), .settings = settings, .request_delay_ms = -1};
    sim_collect(sim, &want, 1);
    assert_int_equal(sim->n_outcomes, 1);
}

/* a / b with the half to the even one. */
static int64_t divided(int64_t a, int64_t b)
{
    int64_t n = a / b, twice = 2 * (a % b);
    return n + (twice > b || (twice == b && n % 2 == 1));
}

bool shop_window(struct sim *sim, int shop, int video, int win, nilo_day last, nilo_us told, struct shop_window *ret)
{
    int64_t sum[EMULATOR_SHOP_VALUES] = {0}, of[EMULATOR_SHOP_VALUES];
    bool any = false;
    for (int d = 0; d < win; d++) {
        if (!emulator_shop_day(sim->em, shop, video, NILO_DAY(last.n - d), told, of))
            continue;
        any = true;
        for (int i = 0; i < EMULATOR_SHOP_VALUES; i++)
            sum[i] += of[i];
    }
    int64_t views = sum[EMULATOR_SHOP_VIEWS], gmv = sum[EMULATOR_SHOP_GMV];
    *ret = (struct shop_window){.gmv = gmv, .views = views, .items = sum[EMULATOR_SHOP_ITEMS], .orders = sum[EMULATOR_SHOP_ORDERS], .likes = -1, .comments = -1, .shares = -1};
    /* a list says 0 where there are no views, of what is put together it cannot be said; the share has four digits */
    ret->gpm = views > 0 ? divided(gmv * 1000, views) : win <= 60 ? 0 : -1;
    ret->ctr = win > 60 ? -1 : views > 0 ? divided(sum[EMULATOR_SHOP_CLICKS] * 10000, views) * 10000 : 0;
    return any;
}

bool shop_recorded(struct sim *sim, int video, int win, nilo_day last, struct shop_window *ret)
{
    static const char *const names[] = {"gmv", "views", "items_sold", "orders", "gpm", "ctr", "likes", "comments", "shares"};
    int64_t *const to[] = {&ret->gmv, &ret->views, &ret->items, &ret->orders, &ret->gpm, &ret->ctr, &ret->likes, &ret->comments, &ret->shares};
    char id[EMULATOR_TEXT], sql[700], *rows;
    bool any;
    emulator_tiktok_id(sim->em, 0, video, id);
    snprintf(sql, sizeof sql, "SELECT m.name, coalesce(v.value, -1) FROM day_value v JOIN metric m ON m.id = v.metric_id JOIN entity e ON e.bucket = v.bucket AND e.id = v.entity_id "
                              "WHERE e.external_id = '%s' AND v.win = %d AND v.day = %d", id, win, (int)last.n);
    rows = stores_text(sim->s, sql);
    any = rows[0] != '\0';
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t n = strlen(names[i]);
        *to[i] = -1;
        for (char *at = rows; at != NULL && *at != '\0'; at = strchr(at, '|'), at = at != NULL ? at + 1 : NULL) {
            if (strncmp(at, names[i], n) == 0 && at[n] == ' ')
                *to[i] = strtoll(at + n + 1, NULL, 10);
        }
    }
    free(rows);
    return any;
}
