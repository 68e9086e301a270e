/* The memory that backfill needs: thirty years take as much as ten, and ten what one does and the caches of SQLite, which one year does not
 * fill. The program itself, measured from outside. */
#include "support/nilo_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collect/world.h"
#include "support/tmp.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#define CACHES_KB (36L << 10) /* of both databases */
/* What twenty years more may cost. Measured: 2 MiB; the sanitizer makes some 60 MiB of it, as it never uses small blocks again. */
#ifdef SANITIZED
#define MORE_KB (90L << 10)
#else
#define MORE_KB (8L << 10)
#endif

/* The most that the process had in memory, in KiB. */
static long run(const char *command, const char *from, const char *store, const char *config)
{
    struct rusage used;
    int status;
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, 1);
        setenv("NILO_NOW", "2025-01-11T09:30:00Z", 1);
        setenv("NILOMETER_KEYS", nilo_test_path("keys"), 1);
        /* freed memory that the sanitizer holds back is not what is measured */
        setenv("ASAN_OPTIONS", "quarantine_size_mb=0:thread_local_quarantine_size_kb=0:detect_leaks=0", 1);
        if (from != NULL)
            execl(nilo_test_program(), "nilometer", command, "--store", store, "--config", config, "--from", from, (char *)NULL);
        else
            execl(nilo_test_program(), "nilometer", command, "--store", store, "--config", config, (char *)NULL);
        _exit(99);
    }
    assert_int_equal(wait4(child, &status, 0, &used), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return used.ru_maxrss;
}

static void memory_does_not_grow_with_the_years(void **state)
{
    (void)state;
    char app[256], config[256], text[1024], store[256];
    long most[3];
    static const char *const from[] = {"2024-01-11", "2015-01-11", "1995-01-11"};
    (void)nilo_test_program();
    snprintf(app, sizeof app, "%s", nilo_test_path("memory.app"));
    snprintf(config, sizeof config, "%s", nilo_test_path("memory.yaml"));
    world_sql(app, "CREATE TABLE u (created_at TEXT); CREATE TABLE p (created_at TEXT); CREATE TABLE c (created_at TEXT);"
                   "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) INSERT INTO c SELECT datetime(1420934400 + i * 5256, 'unixepoch') FROM n;"
                   "INSERT INTO p SELECT created_at FROM c WHERE rowid % 3 = 0; INSERT INTO u SELECT created_at FROM c WHERE rowid % 7 = 0");
    snprintf(text, sizeof text,
             "connections:\n  - name: app\n    platform: sql\n    database: %s\n    users: u\n    posts: p\n    comments: c\n    metrics:\n"
             "      - {name: told, mode: created, statement: \"SELECT date(created_at) AS day, count(*) AS value FROM p WHERE created_at >= :from AND created_at < :to GROUP BY 1\"}\n",
             app);
    nilo_test_write(config, text, strlen(text));
    for (int i = 0; i < 3; i++) {
        snprintf(store, sizeof store, "%s-%d", nilo_test_path("memory.store"), i);
        run("init", NULL, store, config);
        most[i] = run("backfill", from[i], store, config);
    }
    print_message("# one year %ld KiB, ten years %ld KiB, thirty years %ld KiB\n", most[0], most[1], most[2]);
    assert_true(world_count(store, "SELECT count(*) FROM day_value") > 6 * 10900); /* six metrics, thirty years */
    assert_true(most[1] - most[0] < CACHES_KB);
    assert_true(most[2] - most[1] < MORE_KB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(memory_does_not_grow_with_the_years)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
