/* The long walks of test_model.c: 10,000 operations on SQLite. */
#include <stdlib.h>

#include "store/walk.h"

static void operations_500_from_each_of_20_seeds(struct stores *s)
{
    for (uint64_t seed = 101; seed <= 120; seed++)
        walk_all(s, seed, 500);
}

int main(void)
{
    static const struct stores_test tests[] = {STORES_TEST(operations_500_from_each_of_20_seeds)};
    setenv("NILO_ENGINE", "sqlite", 1);
    return stores_run("store/model_10000_sqlite", tests, 1);
}
