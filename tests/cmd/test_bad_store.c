/* Stores that cannot be used: whatever is wrong with one, a command ends with status 1 and one sentence that names it, and leaves it as
 * it was. */
#include "cmd_test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "db/db.h"
#include "store/store.h"
#include "support/tmp.h"

#define NOBODY 65534

/* One that only reads, one that writes, one that makes the store. */
static const char *const commands[] = {"status", "rebuild", "init"};
enum { READS = 1, WRITES = 2, MAKES = 4, ALL = 7 };

static char *slurp(const char *path, size_t *ret_n)
{
    FILE *f = fopen(path, "rb");
    char *bytes = malloc(1 << 20);
    assert_non_null(bytes);
    *ret_n = f != NULL ? fread(bytes, 1, 1 << 20, f) : 0;
    if (f != NULL)
        fclose(f);
    return bytes;
}

static const char *good_store(const char *name)
{
    const char *path = nilo_test_path(name);
    const struct cmd_result *r = cmd_run("init", "--store", path, NULL);
    if (r->status != 0)
        fail_msg("init: %s", r->err);
    return path;
}

static void sql(const char *path, const char *text)
{
    struct nilo_db *db;
    struct nilo_err err = {0};
    const struct nilo_db_options options = {.mode = NILO_DB_CREATE};
    if (nilo_db_open(path, &options, &db, &err) != 0 || nilo_db_exec(db, text, &err) != 0)
        fail_msg("%s", err.msg);
    nilo_db_close(db);
}

static void refused(const char *path, int which, const char *wanted)
{
    size_t before_n, after_n;
    char *before = slurp(path, &before_n);
    for (int i = 0; i < 3; i++) {
        if ((which & 1 << i) == 0)
            continue;
        const struct cmd_result *r = cmd_run(commands[i], "--store", path, NULL);
        if (r->status != 1)
            fail_msg("%s: status %d: %s%s", commands[i], r->status, r->err, r->out);
        cmd_assert_one_line(r->err);
        cmd_assert_contains(r->err, wanted);
        cmd_assert_contains(r->err, path);
        assert_string_equal(r->out, "");
    }
    char *after = slurp(path, &after_n);
    assert_int_equal(after_n, before_n);
    assert_memory_equal(after, before, before_n);
    free(before);
    free(after);
}

static void a_store_that_is_not_there(void **state)
{
    (void)state;
    refused(nilo_test_path("nowhere.db"), READS | WRITES, "nilometer init");
    refused(nilo_test_path("no-folder/x.db"), ALL, "x.db");
    cmd_assert_contains(cmd_run("init", "--store", nilo_test_path("no-folder/x.db"), NULL)->err, "is not there; make it first");
    assert_int_not_equal(access(nilo_test_path("nowhere.db"), F_OK), 0);
}

static void a_directory(void **state)
{
    (void)state;
    const char *path = nilo_test_path("folder.db");
    assert_int_equal(mkdir(path, 0700), 0);
    refused(path, ALL, "folder");
}

static void a_text_file(void **state)
{
    (void)state;
    char text[5000];
    memset(text, 'a', sizeof text);
    const char *path = nilo_test_path("notes.txt");
    nilo_test_write(path, text, sizeof text);
    refused(path, ALL, "not an SQLite database");
    nilo_test_write(path, "short\n", 6);
    refused(path, ALL, "not an SQLite database");
}

static void an_empty_file_and_another_programs_database(void **state)
{
    (void)state;
    const char *path = nilo_test_path("empty.db");
    nilo_test_write(path, "", 0);
    refused(path, READS, "no Nilometer store");
    path = nilo_test_path("shop.db");
    sql(path, "CREATE TABLE orders (id INTEGER PRIMARY KEY)");
    refused(path, READS, "no Nilometer store");
}

static void neither_file_nor_folder(void **state)
{
    (void)state;
    const char *path = nilo_test_path("fifo.db");
    refused("/dev/null", ALL, "regular file");
    assert_int_equal(mkfifo(path, 0600), 0);
    for (int i = 0; i < 3; i++) {
        const struct cmd_result *r = cmd_run(commands[i], "--store", path, NULL);
        assert_int_equal(r->status, 1);
        cmd_assert_contains(r->err, "regular file");
    }
}

static void a_path_that_is_too_long(void **state)
{
    (void)state;
    char path[6000];
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    for (int i = 0; i < 3; i++) {
        const struct cmd_result *r = cmd_run(commands[i], "--store", path, NULL);
        assert_in_range(r->status, 1, 2);
        cmd_assert_one_line(r->err);
        assert_int_not_equal(r->err[0], '\0');
    }
}

static void a_store_made_by_a_newer_version(void **state)
{
    (void)state;
    const char *path = good_store("newer.db");
    sql(path, "INSERT INTO nilo_migration (version, name, checksum, applied_at) VALUES (999, 'future', 'x', 0)");
    refused(path, ALL, "999");
}

static void a_store_whose_migrations_are_not_ours(void **state)
{
    (void)state;
    const char *path = good_store("other.db");
    sql(path, "UPDATE nilo_migration SET checksum = 'x'");
    refused(path, WRITES | MAKES, "other.db");
}

static void a_damaged_store(void **state)
{
    (void)state;
    const char *path = good_store("damaged.db");
    size_t n;
    char *bytes = slurp(path, &n);
    assert_true(n > 8192);
    memset(bytes + 100, 0x5a, n - 100); /* the header stays */
    nilo_test_write(path, bytes, n);
    free(bytes);
    refused(path, ALL, "restore it from a backup");
}

/* ---- in a process of its own ------------------------------------------------------------------------------------------------------- */

/* Runs a command in a child after `setup`; its status, its stderr in err. */
static int in_child(void (*setup)(void), const char *command, const char *path, char *err, size_t size)
{
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        setup();
        const struct cmd_result *r = cmd_run(command, "--store", path, NULL);
        _exit(write(ends[1], r->err, strlen(r->err)) < 0 ? 99 : r->status);
    }
    close(ends[1]);
    ssize_t n = read(ends[0], err, size - 1);
    err[n > 0 ? n : 0] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void become_nobody(void)
{
    if (geteuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
        _exit(98);
}

static void a_file_without_the_right_to_read_it(void **state)
{
    (void)state;
    const char *path = good_store("private.db");
    char err[2000];
    assert_int_equal(chmod(nilo_test_tmp(), 0755), 0);
    assert_int_equal(chmod(path, 0), 0);
    for (int i = 0; i < 3; i++) {
        int status = in_child(become_nobody, commands[i], path, err, sizeof err);
        if (status != 1)
            fail_msg("%s: status %d: %s", commands[i], status, err);
        cmd_assert_one_line(err);
        cmd_assert_contains(err, path);
    }
}

static void a_file_without_the_right_to_write_it(void **state)
{
    (void)state;
    const char *path = good_store("guarded.db");
    char err[2000];
    assert_int_equal(chmod(nilo_test_tmp(), 0755), 0);
    assert_int_equal(chmod(path, 0444), 0);
    for (int i = 1; i < 3; i++) {
        int status = in_child(become_nobody, commands[i], path, err, sizeof err);
        if (status != 1)
            fail_msg("%s: status %d: %s", commands[i], status, err);
        cmd_assert_one_line(err);
        cmd_assert_contains(err, path);
    }
}

/* The nearest thing to a full disk that needs no privileges. A real one: test_full_disk. */
static void limit_files(void)
{
    const struct rlimit small = {6000, 6000};
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &small) != 0)
        _exit(98);
}

static void no_room_to_write(void **state)
{
    (void)state;
    char err[2000];
    const char *path = nilo_test_path("crowded.db");
    int status = in_child(limit_files, "init", path, err, sizeof err);
    if (status != 1)
        fail_msg("status %d: %s", status, err);
    cmd_assert_one_line(err);
    cmd_assert_contains(err, path);
    /* and with room again it works */
    assert_int_equal(cmd_run("init", "--store", path, NULL)->status, 0);
}

static void a_store_held_by_another_process(void **state)
{
    (void)state;
    const char *path = good_store("busy.db");
    int to_parent[2], to_child[2];
    char c;
    assert_int_equal(pipe(to_parent), 0);
    assert_int_equal(pipe(to_child), 0);
    fflush(NULL);
    pid_t holder = fork();
    if (holder == 0) {
        struct nilo_store *s;
        struct nilo_err err;
        struct nilo_env env;
        close(to_child[1]);
        if (nilo_env_system(&env, &err) != 0 || nilo_store_open(path, NILO_STORE_WRITE, &env, &s, &err) != 0)
            _exit(1);
        if (write(to_parent[1], "y", 1) != 1 || read(to_child[0], &c, 1) < 0)
            _exit(2);
        nilo_store_close(s);
        _exit(0);
    }
    close(to_parent[1]);
    assert_int_equal(read(to_parent[0], &c, 1), 1);
    char pid[32];
    snprintf(pid, sizeof pid, "(process %d)", (int)holder);
    for (int i = 1; i < 3; i++) {
        const struct cmd_result *r = cmd_run(commands[i], "--store", path, NULL);
        assert_int_equal(r->status, 1);
        cmd_assert_one_line(r->err);
        cmd_assert_contains(r->err, "in use by another nilometer");
        cmd_assert_contains(r->err, pid);
    }
    assert_int_equal(cmd_run("status", "--store", path, NULL)->status, 0); /* readers are never kept out */
    close(to_child[1]);
    int status;
    assert_int_equal(waitpid(holder, &status, 0), holder);
    assert_int_equal(status, 0);
    close(to_parent[0]);
    close(to_child[0]);
    assert_int_equal(cmd_run("rebuild", "--store", path, NULL)->status, 0);
}

static void a_server_that_is_not_there(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        const struct cmd_result *r =
            cmd_run(commands[i], "--quiet", "--store", "postgres://me:geheim@%2Fno%2Fsuch%2Ffolder/db", NULL);
        assert_int_equal(r->status, 1);
        cmd_assert_one_line(r->err);
        assert_null(strstr(r->err, "geheim"));
    }
}

/* Also where the store is named, and nothing of the file is needed. */
static void a_configuration_that_is_named_is_read_by_every_command(void **state)
{
    (void)state;
    const char *path = nilo_test_path("named.db"), *file = nilo_test_path("named.yaml");
    nilo_test_write(file, "workspaces:\n  - nam: a\n", 23);
    assert_int_equal(cmd_run("--quiet", "--store", path, "init", NULL)->status, 0);
    for (int i = 0; i < 3; i++) {
        const struct cmd_result *r = cmd_run(commands[i], "--store", path, "--config", file, NULL);
        assert_int_equal(r->status, 1);
        cmd_assert_one_line(r->err);
        cmd_assert_contains(r->err, "named.yaml:2: workspaces[0].nam");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_that_is_not_there),
        cmocka_unit_test(a_directory),
        cmocka_unit_test(a_text_file),
        cmocka_unit_test(an_empty_file_and_another_programs_database),
        cmocka_unit_test(neither_file_nor_folder),
        cmocka_unit_test(a_path_that_is_too_long),
        cmocka_unit_test(a_store_made_by_a_newer_version),
        cmocka_unit_test(a_store_whose_migrations_are_not_ours),
        cmocka_unit_test(a_damaged_store),
        cmocka_unit_test(a_file_without_the_right_to_read_it),
        cmocka_unit_test(a_file_without_the_right_to_write_it),
        cmocka_unit_test(no_room_to_write),
        cmocka_unit_test(a_store_held_by_another_process),
        cmocka_unit_test(a_server_that_is_not_there),
        cmocka_unit_test(a_configuration_that_is_named_is_read_by_every_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
