/* A window that is put together from adjacent ones (SEMANTICS 2.15): pure. */
#ifndef NILO_COLLECT_WINDOW_H
#define NILO_COLLECT_WINDOW_H

#include "record/record.h"

/* What one of the adjacent windows says of an item; values NULL: it does not list the item, which did nothing in its days. */
struct nilo_window_part {
    const struct nilo_reading_value *values;
    size_t n;
};

/** nilo_window_add - what all of them say together, in the metrics of the newest that lists the item
 *  parts   the newest first; at least one lists it
 *  values  room for as many as the newest part has
 *  returns how many there are. Counts and amounts are added, and are not known where one part does not know them or the sum is too large; gpm is computed from both sums;
 *          percentages are unsupported; whatever else there is, is the newest part's */
size_t nilo_window_add(const struct nilo_catalog *catalog, const struct nilo_window_part *parts, size_t n, struct nilo_reading_value *values);

#endif
