/* The long walks of test_model.c, half of them: 5,000 operations on PostgreSQL. */
#include <stdlib.h>

#include "store/walk.h"

static void operations_500_from_each_of_10_seeds(struct stores *s)
{
    for (uint64_t seed = 201; seed <= 210; seed++)
        walk_all(s, seed, 500);
}

int main(void)
{
    static const struct stores_test tests[] = {STORES_TEST(operations_500_from_each_of_10_seeds)};
    setenv("NILO_ENGINE", "postgres", 1);
    return stores_run("store/model_10000_postgres_1", tests, 1);
}
