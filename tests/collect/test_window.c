/* Windows that are put together: what each kind of metric becomes where parts know, do not know, or do not list an item (SEMANTICS 2.15). */
#include "support/nilo_test.h"

#include <stdio.h>
#include <string.h>

#include "collect/window.h"

enum { GMV, GPM, CTR, ITEMS, VIEWS, DURATION, METRICS };
static const char *const names[METRICS] = {"gmv", "gpm", "ctr", "items_sold", "views", "duration"};

#define NONE   INT64_MIN       /* not reported */
#define FAILED (INT64_MIN + 1)
#define HIDDEN (INT64_MIN + 2)
#define NEVER  (INT64_MIN + 3) /* unsupported */
#define BIG    INT64_C(9223372036854775807)

struct part {
    bool there;
    int64_t values[METRICS];
};
static const struct {
    const char *name;
    struct part parts[3];
    int64_t wanted[METRICS];
} cases[] = {
    {"two parts", {{true, {1000, 5, 3, 2, 300, 15}}, {true, {2001, 7, 4, 3, 700, 14}}}, {3001, 3001, NEVER, 5, 1000, 15}},
    {"three", {{true, {1, 0, 0, 1, 1, 15}}, {true, {2, 0, 0, 1, 1, 14}}, {true, {3, 0, 0, 1, 1, 13}}}, {6, 2000, NEVER, 3, 3, 15}},
    {"the newer does not list it", {{false, {0}}, {true, {2000, 7, 4, 3, 500, 14}}}, {2000, 4000, NEVER, 3, 500, 14}},
    {"the older does not", {{true, {2000, 7, 4, 3, 500, 14}}, {false, {0}}}, {2000, 4000, NEVER, 3, 500, 14}},
    {"half to the even below", {{true, {1, 0, 0, 0, 1000, 1}}, {true, {1, 0, 0, 0, 3000, 1}}}, {2, 0, NEVER, 0, 4000, 1}},
    {"half to the even above", {{true, {2, 0, 0, 0, 1000, 1}}, {true, {1, 0, 0, 0, 1000, 1}}}, {3, 2, NEVER, 0, 2000, 1}},
    {"no views", {{true, {0, 0, 0, 0, 0, 1}}, {true, {5, 0, 0, 0, 0, 1}}}, {5, NONE, NEVER, 0, 0, 1}},
    {"an amount that failed", {{true, {FAILED, 5, 3, 2, 300, 15}}, {true, {2000, 7, 4, 3, 700, 14}}}, {FAILED, FAILED, NEVER, 5, 1000, 15}},
    {"in the older part", {{true, {1000, 5, 3, 2, 300, 15}}, {true, {FAILED, 7, 4, 3, 700, 14}}}, {FAILED, FAILED, NEVER, 5, 1000, 15}},
    {"a count that is missing", {{true, {1000, 5, 3, NONE, 300, 15}}, {true, {2000, 7, 4, 3, 700, 14}}}, {3000, 3000, NEVER, NONE, 1000, 15}},
    {"one failed, one missing", {{true, {1000, 5, 3, FAILED, 300, 15}}, {true, {2000, 7, 4, NONE, 700, 14}}}, {3000, 3000, NEVER, FAILED, 1000, 15}},
    {"views that are hidden", {{true, {1000, 5, 3, 2, HIDDEN, 15}}, {true, {2000, 7, 4, 3, 700, 14}}}, {3000, NONE, NEVER, 5, HIDDEN, 15}},
    {"too much for a number", {{true, {BIG, 5, 3, BIG, 300, 15}}, {true, {1, 7, 4, 0, 700, 14}}}, {FAILED, FAILED, NEVER, BIG, 1000, 15}},
    {"gpm too large", {{true, {BIG - 1, 5, 3, 0, 1, 15}}, {true, {1, 7, 4, 0, 0, 14}}}, {BIG, FAILED, NEVER, 0, 1, 15}},
    {"a length that is missing", {{true, {1, 5, 3, 2, 1, NONE}}, {true, {1, 7, 4, 3, 1, 14}}}, {2, 1000, NEVER, 5, 2, NONE}},
    {"a rate that is missing is unsupported", {{true, {1, 5, NONE, 2, 1, 15}}, {true, {1, 7, FAILED, 3, 1, 14}}}, {2, 1000, NEVER, 5, 2, 15}},
};

static const struct {
    int64_t as;
    enum nilo_absence why;
} reasons[] = {{NONE, NILO_NOT_REPORTED}, {FAILED, NILO_FAILED}, {HIDDEN, NILO_HIDDEN}, {NEVER, NILO_UNSUPPORTED}};

static int64_t spelled(const struct nilo_reading_value *v)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].why == v->absence)
            return reasons[i].as;
    }
    return v->value;
}

static void parts_become_a_window(void **state)
{
    (void)state;
    const struct nilo_catalog catalog = {.metrics = nilo_builtin_metrics, .n = nilo_builtin_metrics_n};
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        struct nilo_reading_value values[3][METRICS], all[METRICS];
        struct nilo_window_part parts[3] = {{NULL, 0}};
        for (int p = 0; p < 3; p++) {
            for (int i = 0; i < METRICS && cases[c].parts[p].there; i++) {
                values[p][i] = (struct nilo_reading_value){.metric = nilo_catalog_by_name(&catalog, names[i])->id, .value = cases[c].parts[p].values[i]};
                for (size_t k = 0; k < sizeof(reasons) / sizeof(reasons[0]); k++) {
                    if (values[p][i].value == reasons[k].as)
                        values[p][i] = (struct nilo_reading_value){.metric = values[p][i].metric, .absence = reasons[k].why};
                }
                parts[p] = (struct nilo_window_part){values[p], METRICS};
            }
        }
        assert_int_equal(nilo_window_add(&catalog, parts, 3, all), METRICS);
        for (int i = 0; i < METRICS; i++) {
            if (all[i].metric != nilo_catalog_by_name(&catalog, names[i])->id || spelled(&all[i]) != cases[c].wanted[i])
                fail_msg("%s: %s is %lld (%s), should be %lld", cases[c].name, names[i], (long long)all[i].value, nilo_absence_name((int)all[i].absence), (long long)cases[c].wanted[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(parts_become_a_window)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
