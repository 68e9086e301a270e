/* A shop of the emulated TikTok Shop, and a second reckoning of its windows: sums of what single days brought, with none of the engine's code. */
#ifndef NILO_TESTS_COLLECT_SHOP_H
#define NILO_TESTS_COLLECT_SHOP_H

#include "sim.h"

enum { SHOP_VIDEOS = 40 };
#define SHOP_WORLD "seed=7 channels=2 videos=40 back_days=150 upload_hours=0 latency_ms=0 "

struct shop_window {
    int64_t gmv, views, items, orders, gpm, ctr, likes, comments, shares; /* -1 = none; gmv, gpm in hundredths, ctr in millionths of a per cent */
};

void shop_begin(struct sim *sim, struct stores *s, const char *options);
/** shop_collect - one run of shop 0; the outcome is sim->outcomes[0] */
void shop_collect(struct sim *sim, const char *const *settings);
/** shop_window - what the window should be, told at that time, without likes and the like; false: there is nothing to tell of the video in it */
bool shop_window(struct sim *sim, int shop, int video, int win, nilo_day last, nilo_us told, struct shop_window *ret);
/** shop_recorded - what the record shows of it; false: nothing */
bool shop_recorded(struct sim *sim, int video, int win, nilo_day last, struct shop_window *ret);

#endif
