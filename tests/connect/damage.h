/* Every member of an answer damaged in every way, one at a time: missing, null, text for a number, a number for text, huge, negative, in part, of another type, from the
 * future. What of it is a count, a time, a length or a text is not told but found out: by a value that comes out again. What is asserted then:
 *
 *   a count     comes out exactly as it is written or as a reason (not as a zero, not as somebody else's); missing or null: no failure, nothing said about it;
 *               anything that is no count: `failed`, and the item says in a sentence what is wrong with it
 *   a time      is as it is written, or none; one that does not read or has not come yet: the item says so
 *   a length    likewise; a text is as it is written, none, or one that the answer has elsewhere
 *   the rest    of the item, all other items and the call stay as they were
 *   other members (ids, names, kinds, codes)  may cost what depends on them, never change another value or bring one; nothing is deleted by what is no id
 *
 * A value of the whole answer that follows no member is a failure too: so a table of recorded answers cannot be empty by mistake. */
#ifndef NILO_TESTS_CONNECT_DAMAGE_H
#define NILO_TESTS_CONNECT_DAMAGE_H

#include "connect/connector.h"

struct damage {
    const char *name; /* for messages: the file */
    const struct nilo_connector *connector;
    struct nilo_ask ask;
    const char *body; /* JSON, whole */
    /* paths ("data.videos[].id", the numbers of elements left out), with spaces around each: " error.code data.videos[].id " */
    const char *vital; /* a member that may cost several items, or the whole answer with a sentence; NULL = none but what is in no array */
    const char *sums;  /* metrics that are put together of several members (" reactions "): their value may become a smaller sum, or one of what is written; NULL = none */
};

struct damage_counts {
    size_t members, takes, counts, times, lengths, texts;
    char wrong[1000]; /* the first thing that is wrong; "" = nothing */
};

/** damage_find - all of it, until something is wrong */
void damage_find(const struct damage *d, struct damage_counts *add);
/** damage_check - all of it; fails the test with the path, the damage and what differs
 *  add  what was done is added to it: assert that it is as much as you expect */
void damage_check(const struct damage *d, struct damage_counts *add);

#endif
