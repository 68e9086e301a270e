/* What the readers of dates share (day.c: ISO 8601, day_strptime.c: patterns). Private to them. */
#ifndef NILO_BASE_DAY_READ_H
#define NILO_BASE_DAY_READ_H

#include <stddef.h>

#include "base/day.h"

/* Where a reader stands. Each nilo__take_...() steps over what it took, or answers false and may stand anywhere. */
struct nilo__cursor {
    const char *p, *end;
};

/* What a text said, before anyone asked whether such a moment exists. */
struct nilo__fields {
    int year, month, dom;
    int hour, minute, second, micros;
    int offset_hours, offset_minutes;
    bool offset_west, has_zone, has_time;
};

static inline int64_t nilo__floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static inline bool nilo__is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool nilo__is_blank(char c)
{
    return c == ' ' || c == '\t';
}

bool nilo__take_char(struct nilo__cursor *c, char want);
bool nilo__take_blanks(struct nilo__cursor *c);                 /* one or more */
bool nilo__take_word(struct nilo__cursor *c, const char *word); /* in any case; `word` is lower case */

/** nilo__take_number - as many digits as there are, at most `max` (up to 9); false when fewer than `min` */
bool nilo__take_number(struct nilo__cursor *c, int min, int max, int *ret);
bool nilo__take_fraction(struct nilo__cursor *c, int *ret_micros);      /* any number of digits, the rest is cut */
bool nilo__take_offset(struct nilo__cursor *c, struct nilo__fields *f); /* Z, UTC, +hh, +hhmm, +hh:mm */

/** nilo__date_shown - how many bytes of a text a message repeats: not half of a UTF-8 character */
int nilo__date_shown(const char *s, size_t len);

/** nilo__date_finish - the fields as an instant; s, len for the message. errors: NILO_EDATERANGE */
int nilo__date_finish(const struct nilo__fields *f, const char *s, size_t len, struct nilo_iso *ret,
                      struct nilo_err *err);

#endif
