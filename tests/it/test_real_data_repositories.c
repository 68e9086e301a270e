/* The longest real histories: like test_real_data.c, only longer. */
#include "it/real_data.h"

static void nearly_eight_years_of_repositories(void **state)
{
    (void)state;
    real_begin();
    static const struct real_data lists[] = {
        {.name = "github_stars", .files = {"github_ranking/github_top-100-stars.csv.zst"}, .options = REAL_GITHUB_OPTIONS,
         .metrics = "'stars','forks','issues',NULL", .reading = REAL_GITHUB_READING, .rows = 250280},
        {.name = "github_c", .files = {"github_ranking/github_C.csv.zst"}, .options = REAL_GITHUB_OPTIONS,
         .metrics = "'stars','forks','issues',NULL", .reading = REAL_GITHUB_READING, .rows = 250280},
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        real_check(&lists[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearly_eight_years_of_repositories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
