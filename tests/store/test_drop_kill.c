/* kill -9 at random moments of nilometer drop: an act is there whole or not at all, what is derived never moves, and the next call goes on. */
#include "store/stores.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "support/tmp.h"

enum { FIRST = 19783, ACT = 31, ACTS = 7, DAYS = ACT * (ACTS + 1), ITEMS = 12, METRICS = 2 }; /* 2024-03-01 */

static int64_t mono_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void exec_program(const struct stores *s, const char *const *args)
{
    const char *argv[16] = {"nilometer", "--config", "/dev/null", "--store", s->target, "--quiet"};
    int null = open("/dev/null", O_RDWR);
    dup2(null, STDOUT_FILENO);
    setenv("NILO_NOW", STORES_START, 1);
    for (int i = 0; args[i] != NULL && i < 9; i++)
        argv[6 + i] = args[i];
    execv(nilo_test_program(), (char *const *)(uintptr_t)argv);
    _exit(126);
}

/* kill_after < 0: to its end. Was it killed? */
static bool program(struct stores *s, const char *const *args, int64_t kill_after)
{
    int status;
    nilo_store_close(s->store); /* the lock is the program's now */
    s->store = NULL;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        exec_program(s, args);
    if (kill_after >= 0) {
        nanosleep(&(struct timespec){.tv_sec = kill_after / 1000000, .tv_nsec = kill_after % 1000000 * 1000}, NULL);
        kill(child, SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (!killed && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
        fail_msg("%s ends with status %x", args[0], (unsigned)status);
    stores_reopen(s, NILO_STORE_WRITE);
    return killed;
}

static bool drop(struct stores *s, int32_t before, int64_t kill_after)
{
    char day[NILO_DAY_TEXT];
    nilo_day_format(NILO_DAY(before), day);
    return program(s, (const char *const[]){"drop", "--before", day, "--yes", NULL}, kill_after);
}

/* Views and likes that rise and fall, of every day. */
static void fill(struct stores *s, const char *workspace)
{
    struct nilo_buf b;
    char day[NILO_DAY_TEXT];
    nilo_buf_init(&b, 8u << 20);
    nilo_buf_adds(&b, "external_id,day,owner,views,likes\n");
    for (int i = 0; i < ITEMS; i++) {
        for (int32_t d = FIRST; d < FIRST + DAYS; d++) {
            nilo_day_format(NILO_DAY(d), day);
            nilo_buf_addf(&b, "i%d,%s,o%d,%d,%d\n", i, day, i % 4, d * (i + 3) % 97, d * (i + 5) % 31);
        }
    }
    const char *file = nilo_test_path("rows.csv");
    nilo_test_write(file, b.data, b.len);
    nilo_buf_done(&b);
    program(s, (const char *const[]){"import", file, "--workspace", workspace, "--platform", "youtube", NULL}, -1);
}

static int complain(void *ctx, const struct nilo_finding *f)
{
    fail_msg("doctor, %s: %s %s %s", (const char *)ctx, f->item ? f->item : "", f->day ? f->day : "", f->text);
    return 1;
}

static void check(struct stores *s, const char *derived)
{
    char now[65], sql[300];
    ok(s, nilo_store_digest(s->store, now, &s->err));
    assert_string_equal(now, derived);
    /* Readings are there of exactly the days behind the last act of each connection; no act stands open. */
    snprintf(sql, sizeof sql, "SELECT sum(CASE WHEN dropped_until < %d THEN %d ELSE %d - dropped_until END) * %d FROM connection", FIRST, DAYS,
             FIRST + DAYS - 1, ITEMS * METRICS);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM observation"), stores_int(s, sql));
    assert_int_equal(stores_int(s, "SELECT count(*) FROM day_drop d JOIN connection c ON c.id = d.connection_id WHERE d.until_day > c.dropped_until"), 0);
    for (size_t i = 0; i < nilo_checks_n; i++)
        if (nilo_checks[i].level == NILO_CHECK_WRONG)
            ok(s, nilo_store_check(s->store, &nilo_checks[i], complain, (void *)(uintptr_t)nilo_checks[i].name, &s->err));
}

static void a_killed_drop_leaves_whole_acts_and_goes_on(struct stores *s)
{
    char derived[65], anew[65];
    struct nilo_seeded_random seeded;
    int killed = 0, cut = 0;
    nilo_seeded_random_init(&seeded, 20250320);
    struct nilo_random dice = nilo_seeded_random(&seeded);
    (void)nilo_test_program();
    fill(s, "us");
    fill(s, "them");
    ok(s, nilo_store_digest(s->store, derived, &s->err));
    int64_t began = mono_us();
    drop(s, FIRST + ACT, -1);
    int64_t takes = mono_us() - began;
    check(s, derived);
    for (int i = 2; i <= ACTS; i++) {
        int64_t had = stores_int(s, "SELECT count(*) FROM day_drop"), after = (int64_t)nilo_random_below(&dice, (uint64_t)takes);
        if (drop(s, FIRST + i * ACT, after)) {
            killed++;
            cut += stores_int(s, "SELECT count(*) FROM day_drop") < had + 2;
        } else
            takes = after; /* it is faster than it was: the machine has less to do now */
        check(s, derived);
    }
    drop(s, FIRST + ACTS * ACT, -1);
    check(s, derived);
    assert_int_equal(stores_int(s, "SELECT min(dropped_until) FROM connection"), FIRST + ACTS * ACT - 1);
    ok(s, nilo_store_rebuild(s->store, NULL, NULL, &s->err));
    ok(s, nilo_store_digest(s->store, anew, &s->err));
    assert_string_equal(anew, derived);
    printf("# %d of %d were killed at work, %d before their end\n", killed, ACTS - 1, cut);
    assert_true(killed * 3 >= ACTS - 1);
}

int main(void)
{
    static const struct stores_test tests[] = {STORES_TEST(a_killed_drop_leaves_whole_acts_and_goes_on)};
    return stores_run("drop_kill", tests, sizeof tests / sizeof tests[0]);
}
