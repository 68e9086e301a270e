/* See import_kill.h. */
#include "it/import_kill.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/env.h"
#include "support/tmp.h"

/* 12,000 readings of seven metrics: record writes them in two transactions, and the cut falls between two readings of one day. */
#define ITEMS 150
#define READINGS 80
#define NOW "2026-09-01T12:00:00Z"

static void write_rows(void)
{
    struct nilo_buf b;
    nilo_buf_init(&b, 8u << 20);
    nilo_buf_adds(&b, "external_id,captured_at,title,owner,views,likes,comments,shares,saves,reach,clicks\n");
    for (int r = 0; r < READINGS; r++) {
        for (int i = 0; i < ITEMS; i++) {
            /* two readings a day, the later one first; counters that fall now and then, and some that say nothing */
            int day = r / 2 + 1, hour = r % 2 == 0 ? 18 : 6, views = 10000 + 1000 * r + i * 7 - (r % 9 == 0 ? 5000 : 0);
            nilo_buf_addf(&b, "item%03d,2026-%02d-%02dT%02d:00:00Z,title %d,owner%d,%d,%d,", i, 5 + (day - 1) / 28, (day - 1) % 28 + 1, hour, r / 20, i % 7, views, views / 10);
            if ((r + i) % 11 != 0)
                nilo_buf_addf(&b, "%d", views / 100);
            nilo_buf_addf(&b, ",%d,%d,%d,%d\n", i, r, views / 2, views / 3);
        }
    }
    nilo_test_write(nilo_test_path("rows.csv"), b.data, b.len);
    nilo_buf_done(&b);
    static const char newer[] = "external_id,day,views\nitem000,2026-08-30,1\n";
    nilo_test_write(nilo_test_path("newer.csv"), newer, sizeof newer - 1);
}

int kill_begin(void **state)
{
    (void)state;
    if (nilo_test_program() == NULL)
        return 0;
    setenv("NILO_NOW", NOW, 1);
    write_rows();
    return 0;
}

/* ---- the program ---------------------------------------------------------------------------------------------------------- */

static const char *store_path(void)
{
    return nilo_test_path("killed.db");
}

static pid_t start(const char *command, const char *file)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    int null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    execl(nilo_test_program(), "nilometer", "--store", store_path(), "--config", "/dev/null", "--quiet", command, file, (char *)NULL);
    _exit(126);
}

static void run(const char *command, const char *file)
{
    int status;
    pid_t pid = start(command, file);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("%s %s ends with status %x", command, file != NULL ? file : "", (unsigned)status);
}

static void new_store(bool closed)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char *path;
        assert_true(asprintf(&path, "%s%s", store_path(), ends[i]) > 0);
        nilo_test_remove(path);
        free(path);
    }
    run("init", NULL);
    if (closed)
        run("import", nilo_test_path("newer.csv"));
}

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t wal_size(void)
{
    struct stat st;
    char *path;
    assert_true(asprintf(&path, "%s-wal", store_path()) > 0);
    int64_t size = stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
    free(path);
    return size;
}

static bool over(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

static void wait_us(int64_t us)
{
    nanosleep(&(struct timespec){.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000}, NULL);
}

/* Reading and sorting take most of the time; half of the kills wait for the first values to be written. */
static void wait_for_values(pid_t pid)
{
    while (!over(pid) && wal_size() < 1 << 20)
        wait_us(2000);
}

/* Was it still at work? */
static bool run_and_kill(const struct nilo_random *random, int64_t took)
{
    int status;
    pid_t pid = start("import", nilo_test_path("rows.csv"));
    bool late = nilo_random_below(random, 2) == 1;
    if (late)
        wait_for_values(pid);
    wait_us((int64_t)nilo_random_below(random, (uint64_t)(late ? took / 2 : took)));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* ---- what the store holds, without what tells when and by which run -------------------------------------------------------------- */

#define ENTITY " JOIN entity e ON e.bucket = x.bucket AND e.id = x.entity_id JOIN connection c ON c.id = e.connection_id "
static const char dump_sql[] =
    "SELECT 'workspace', name FROM workspace ORDER BY 2;\n"
    "SELECT 'connection', c.name, w.name, platform, role, status, c.origin, closed_until, read_until, settle_s FROM connection c JOIN workspace w ON w.id = c.workspace_id ORDER BY 2, 3;\n"
    "SELECT 'metric', name, type, kind, aggregation, scale FROM metric ORDER BY 2, 3;\n"
    "SELECT 'entity', bucket, c.name, kind, external_id FROM entity e JOIN connection c ON c.id = e.connection_id ORDER BY 2, 3, 4, 5;\n"
    "SELECT 'content', external_id, title, url, posted_at, media_type, caption, tags, attrs_at FROM content x" ENTITY "ORDER BY 2;\n"
    "SELECT 'credit', external_id, o.key, x.role, from_day, to_day, ended_at IS NULL FROM credit x JOIN owner o ON o.id = x.owner_id" ENTITY "ORDER BY 2, 3, 4, 5;\n"
    "SELECT 'observation', external_id, win, x.captured_at, metric_id, day, source_day, value, absence, provenance, x.rank, meta FROM observation x" ENTITY "ORDER BY 2, 3, 4, 5, 6;\n"
    "SELECT 'value', external_id, win, day, metric_id, seq, value, absence, provenance, x.rank, cause, x.captured_at, source_day, meta FROM day_value x" ENTITY "ORDER BY 2, 3, 4, 5, 6;\n"
    "SELECT 'known', external_id, win, metric_id, day, value FROM known x" ENTITY "ORDER BY 2, 3, 4, 5;\n"
    "SELECT 'latest', external_id, win, first_day, day FROM latest x" ENTITY "ORDER BY 2, 3, 4;\n"
    "SELECT 'best', external_id, metric_id, value, gmv, win, day, x.captured_at FROM best x" ENTITY "ORDER BY 2, 3;\n"
    "SELECT 'total', scope_kind, CASE scope_kind WHEN 2 THEN (SELECT key FROM owner WHERE id = scope_id) ELSE scope_id END, win, metric_id, day, sum(hi), sum(lo), sum(known),"
    " sum(fresh) FROM total GROUP BY 2, 3, 4, 5, 6 ORDER BY 2, 3, 4, 5, 6;\n"
    "SELECT 'close', c.name, day, n, d.status, values_n FROM day_close d JOIN connection c ON c.id = d.connection_id ORDER BY 2, 3;\n";

static char *dump(void)
{
    nilo_test_write(nilo_test_path("dump.sql"), dump_sql, sizeof dump_sql - 1);
    char *command;
    assert_true(asprintf(&command, "sqlite3 -batch -bail 'file:%s?mode=ro' < '%s'", store_path(), nilo_test_path("dump.sql")) > 0);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    struct nilo_buf b;
    char piece[65536];
    size_t n;
    nilo_buf_init(&b, 512u << 20);
    while ((n = fread(piece, 1, sizeof piece, pipe)) > 0)
        nilo_buf_add(&b, piece, n);
    assert_int_equal(pclose(pipe), 0);
    free(command);
    assert_true(b.len > 1000000); /* there is something to compare */
    return nilo_buf_take(&b);
}

static void assert_same_dump(const char *got, const char *want, uint64_t seed, int store)
{
    if (strcmp(got, want) == 0)
        return;
    size_t at = 0, line = 0;
    for (; got[at] == want[at]; at++) {
        if (got[at] == '\n')
            line = at + 1;
    }
    fail_msg("seed %llu, store %d: the store differs:\n%.200s\nand should be:\n%.200s", (unsigned long long)seed, store, got + line, want + line);
}

void kill_imports(uint64_t seed, int stores, int kills, bool closed)
{
    struct nilo_seeded_random seeded;
    nilo_seeded_random_init(&seeded, seed);
    struct nilo_random random = nilo_seeded_random(&seeded);
    new_store(closed);
    int64_t began = now_us();
    run("import", nilo_test_path("rows.csv"));
    int64_t took = now_us() - began;
    char *want = dump();
    int landed = 0;
    for (int i = 0; i < stores; i++) {
        new_store(closed);
        for (int k = 0; k < kills; k++)
            landed += run_and_kill(&random, took);
        run("import", nilo_test_path("rows.csv"));
        char *got = dump();
        assert_same_dump(got, want, seed, i);
        free(got);
    }
    free(want);
    printf("# seed %llu: %d of %d imports were killed at work; one takes %lld ms\n", (unsigned long long)seed, landed, stores * kills, (long long)took / 1000);
    assert_true(landed > 0);
}
