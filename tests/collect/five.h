/* A day of weather over all emulated platforms: accounts that are refreshed every few hours while answers fail, limits are near, items go, are hidden or are told wrongly,
 * tokens change with each renewal and two accounts lose their consent. What a refresh has to tell is worked out from the emulator's own account of what it did. */
#ifndef NILO_TESTS_COLLECT_FIVE_H
#define NILO_TESTS_COLLECT_FIVE_H

#include <stdint.h>

struct five {
    int seed;
    int accounts;  /* of all platforms together */
    int posts;     /* an account has; of Instagram's each tenth is a story of old, which nobody hears of */
    int refreshes; /* of the day, after a first one in fair weather */
};
/** five_day - fails the test with the platform, the connection and the item where something does not agree
 *  returns how many posts there were */
int64_t five_day(const struct five *f);

#endif
