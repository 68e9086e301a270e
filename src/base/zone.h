/* Time zones: which civil day an instant belongs to, and when a day starts and ends there.
 * Reads the system's compiled zone files (TZif, RFC 8536) and the POSIX rule in their footer; no global state. */
#ifndef NILO_BASE_ZONE_H
#define NILO_BASE_ZONE_H

#include "base/day.h"

struct nilo_zone; /* immutable once loaded: may be shared by threads */

/** nilo_zone_load - name like "Europe/Berlin" or "UTC"; checked against path tricks (letters, digits, _ + - and single / only)
 *  folder  NULL = /usr/share/zoneinfo;  "UTC" works without any file
 *  errors  NILO_EINVAL no such zone (the message names it), NILO_ECORRUPT unreadable file
 *  owner   caller, nilo_zone_free() */
int nilo_zone_load(const char *folder, const char *name, struct nilo_zone **ret_zone, struct nilo_err *err);
void nilo_zone_free(struct nilo_zone *z);
const char *nilo_zone_name(const struct nilo_zone *z);

int32_t nilo_zone_offset(const struct nilo_zone *z, nilo_us at); /* seconds east of UTC at that instant */
nilo_day nilo_zone_day(const struct nilo_zone *z, nilo_us at);   /* the civil day of an instant */

/** nilo_zone_day_start - first instant whose civil day in the zone is >= d. A day starts where its first moment exists (a gap at midnight
 *  moves it); the day's last microsecond is nilo_zone_day_start(d + 1) - 1. A day that the zone skipped (Apia 2011-12-30) is empty:
 *  its start equals the next day's. Where the clock goes back over midnight, the civil day of a few instants would run backwards;
 *  days here are cut at the LAST crossing into d (first instant from which the civil day stays >= d), so that they never overlap
 *  and nilo_zone_day() agrees with these cuts. */
nilo_us nilo_zone_day_start(const struct nilo_zone *z, nilo_day d);

/** nilo_zone_wall - the instant of a civil wall time (seconds after midnight of d). In a gap: the instant after it, in an overlap: the first. */
nilo_us nilo_zone_wall(const struct nilo_zone *z, nilo_day d, int32_t second_of_day);

#endif
