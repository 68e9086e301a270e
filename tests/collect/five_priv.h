/* What the day of weather needs to know of each platform: five_platforms.c. */
#ifndef NILO_TESTS_COLLECT_FIVE_PRIV_H
#define NILO_TESTS_COLLECT_FIVE_PRIV_H

#include "emulator/emulator_priv.h"
#include "five.h"

struct truth {
    const char *metric;
    int64_t value;
    bool hidden; /* there is none: its owner does not show it */
};
#define FIVE_TRUTHS 12
#define FIVE_WINDOW 30

/* A row each. Accounts are the world's channels, posts its videos. */
struct platform {
    const char *name;
    const char *config; /* of the platform */
    void (*account)(const struct emulator *em, int account, char out[EMULATOR_TEXT]);
    void (*post)(const struct emulator *em, int account, int post, char out[EMULATOR_TEXT]);
    bool (*is_listed)(const struct emulator *em, struct emu_item it); /* when the day begins */
    /* less: without the permission to hear of posts; NULL = nobody signs in */
    void (*grant)(struct emulator *em, nilo_us now, int account, bool less, char refresh[EMULATOR_TEXT], char access[EMULATOR_TEXT]);
    int64_t access_s; /* life of its access tokens */
    int64_t (*budget)(const struct five *f); /* as narrow as it may be so that most of the day's work fits; the emulator has no more; 0 = the platform tells */
    size_t (*truth)(const struct emulator *em, struct emu_item it, nilo_us at, struct truth ret[FIVE_TRUTHS]);
    int window; /* days: its posts are told of by listings of such windows, and nobody asks for one of them; 0 = by their ids, as of now */
};
extern const struct platform five_platforms[];
extern const int five_platforms_n;

int five_share(const struct five *f); /* accounts of one platform, at most */
int64_t five_youtube_budget(const struct five *f);
int64_t five_tiktok_budget(const struct five *f);
nilo_day five_shop_last(const struct emulator *em, nilo_us at); /* the newest day that TikTok Shop tells of then */

#endif
