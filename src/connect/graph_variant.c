/* Names of metrics that are refused. One such name fails the whole call, so it has to go; most refusals name it. Where one does not, half of the names are held
 * back, then half of that half, until the bad one is alone: the names before `first` are settled, `width` names from there on are tried together with them.
 *
 * A variant is: bits 0-15 names left out for good; 16-20 first, 21-25 width (0: all names are asked for); 26-28 how often it was searched, so that a server which
 * refuses without any reason is not asked for ever; bit 31: no insights at all; 29 and 30 are the platform's own and stay as they are. */
#include "connect/graph_priv.h"

#define ROUNDS_MOST 3

struct search {
    uint32_t out;
    unsigned first, width, rounds, own;
};

static struct search of(unsigned variant)
{
    return (struct search){variant & 0xffff, variant >> 16 & 31, variant >> 21 & 31, variant >> 26 & 7, variant & NILO__GRAPH_OWN};
}

static unsigned as_variant(struct search s)
{
    return (unsigned)(s.out | s.first << 16 | s.width << 21 | s.rounds << 26 | s.own);
}

static uint32_t below(unsigned n)
{
    return n >= 16 ? 0xffff : (UINT32_C(1) << n) - 1;
}

uint32_t nilo__graph_asked(unsigned variant, size_t n)
{
    struct search s = of(variant);
    if ((variant & NILO__GRAPH_NO_INSIGHTS) != 0)
        return 0;
    return below(s.width > 0 ? s.first + s.width : (unsigned)n) & below((unsigned)n) & ~s.out;
}

/* The names that are tried are settled: on to so many of the rest, or done. */
static struct search step(struct search s, size_t n, unsigned width)
{
    s.first += s.width;
    unsigned rest = s.first < n ? (unsigned)n - s.first : 0;
    s.width = width < rest ? width : rest;
    if (s.width == 0)
        s.first = 0;
    return s;
}

bool nilo__graph_after_refusal(unsigned variant, size_t n, uint32_t refused, unsigned *ret)
{
    struct search s = of(variant);
    uint32_t asked = nilo__graph_asked(variant, n), tried = asked & ~below(s.first);
    refused &= asked;
    if (refused != 0) {
        s.out |= refused;
    } else if (s.width == 0) {
        if (s.rounds == ROUNDS_MOST || n < 2)
            return false;
        s.rounds++;
        s.first = 0;
        s.width = (unsigned)n / 2;
    } else if (tried == 0) {
        return false; /* what was taken before is refused now */
    } else if ((tried & (tried - 1)) == 0) {
        s.out |= tried;
        s = step(s, n, 16); /* it may have been the only one */
    } else {
        s.width = s.width > 1 ? s.width / 2 : 1;
    }
    *ret = as_variant(s);
    return (below((unsigned)n) & ~s.out) != 0;
}

unsigned nilo__graph_after_answer(unsigned variant, size_t n)
{
    struct search s = of(variant);
    return s.width == 0 || (variant & NILO__GRAPH_NO_INSIGHTS) != 0 ? variant : as_variant(step(s, n, s.width)); /* the bad one is next, or next but one */
}
