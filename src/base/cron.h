/* Cron expressions: which minutes of a zone's civil time a schedule names. Pure; who runs what at a slot, and once only, is collect/'s and the
 * store's business.
 *
 *     minute  hour  day-of-month  month  day-of-week        0-59 0-23 1-31 1-12|jan-dec 0-7|sun-sat (0 and 7 are Sunday)
 *
 * A field is *, a number, a range 9-17, a list of these, each perhaps with a step: 9-17/2, 5/15 (from 5 on), or every second one by a star and /2. Of day-of-month and
 * day-of-week either will do where both are restricted, as cron has always had it. @yearly @annually @monthly @weekly @daily @midnight @hourly stand for what
 * they say.
 *
 * The clock's changes: a slot that falls into a gap runs once, at the gap's end, however many fall into it. A time of day that comes twice is one slot, the
 * first; but a schedule of every hour names no time of day, it goes on by the clock that ticks and runs in both hours. */
#ifndef NILO_BASE_CRON_H
#define NILO_BASE_CRON_H

#include "base/zone.h"

struct nilo_cron {
    uint64_t minutes; /* bit n: minute n */
    uint32_t hours, days /* bits 1..31 */, months /* bits 1..12 */;
    uint8_t weekdays;  /* bits 0..6, 0 = Sunday */
    bool any_day, any_weekday; /* the field begins with * */
};

/** nilo_cron_parse - errors: NILO_EINVAL, a sentence that names the field and what is allowed there; also for days that no year has */
int nilo_cron_parse(const char *text, struct nilo_cron *ret, struct nilo_err *err);

/** nilo_cron_next - the first slot later than `after`; NILO_US_NONE when there is none within 9 years */
nilo_us nilo_cron_next(const struct nilo_cron *c, const struct nilo_zone *z, nilo_us after);
/** nilo_cron_last - the newest slot at or before `at`; NILO_US_NONE when there is none within 9 years */
nilo_us nilo_cron_last(const struct nilo_cron *c, const struct nilo_zone *z, nilo_us at);

#endif
