/* Eight hours of weather on a platform, under a virtual clock, beside the same hours in fair weather. */
#ifndef NILO_TESTS_COLLECT_WEATHER_HOURS_H
#define NILO_TESTS_COLLECT_WEATHER_HOURS_H

#include "sim.h"

/** weather_seed - fair and bad hours of one seed, in a world and weather that follow from it; the test fails where they are not as they have to be. On a fresh store */
void weather_seed(struct stores *s, int seed);
/** weather_outage - eight hours in which every request fails, with that status */
void weather_outage(struct stores *s, const char *hostile);

#endif
