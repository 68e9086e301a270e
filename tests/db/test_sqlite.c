/* What only SQLite can get wrong: opening files of every kind, disks that fail, checkpoints, the settings we rely on. */
#include "support/nilo_test.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "db/db.h"
#include "faulty_vfs.h"
#include "support/tmp.h"

static struct nilo_err err;

static struct nilo_db *open_db(const char *path, enum nilo_db_mode mode, const char *vfs)
{
    struct nilo_db *db = NULL;
    const struct nilo_db_options options = {.mode = mode, .vfs = vfs, .lock_wait_ms = 100};
    err = (struct nilo_err){.code = NILO_OK};
    if (nilo_db_open(path, &options, &db, &err) != 0)
        return NULL;
    return db;
}

static struct nilo_db *must_open(const char *path, enum nilo_db_mode mode)
{
    struct nilo_db *db = open_db(path, mode, NULL);
    if (db == NULL)
        fail_msg("%s", err.msg);
    return db;
}

static void must_exec(struct nilo_db *db, const char *sql)
{
    if (nilo_db_exec(db, sql, &err) != 0)
        fail_msg("%s: %s", sql, err.msg);
}

static const char *one_text(struct nilo_db *db, const char *sql)
{
    static char text[256];
    struct nilo_db_stmt *s;
    if (nilo_db_prepare(db, sql, &s, &err) != 0 || nilo_db_query(s, NULL, 0, &err) != 0 || nilo_db_row(s, &err) != 1)
        fail_msg("%s: %s", sql, err.msg);
    snprintf(text, sizeof text, "%s", nilo_db_column_text(s, 0));
    nilo_db_reset(s);
    return text;
}

static void expect_error(int rc, enum nilo_code code, const char *word)
{
    if (rc == 0 || err.code != code || strstr(err.msg, word) == NULL)
        fail_msg("%d, \"%s\" (%s); expected %s with \"%s\"", rc, err.msg, nilo_code_text(err.code),
                 nilo_code_text(code), word);
    err = (struct nilo_err){.code = NILO_OK};
}

static void raw_exec(const char *path, const char *sql)
{
    sqlite3 *db;
    char *message = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    sqlite3_close(db);
}

static long size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (long)st.st_size : -1;
}

/* ---- opening ------------------------------------------------------------------------------------------------------ */

static void each_wrong_target_gets_its_sentence(void **state)
{
    (void)state;
    const struct {
        const char *path;
        enum nilo_code code;
        const char *word;
        int modes; /* bits of enum nilo_db_mode */
    } cases[] = {
        {"", NILO_EINVAL, "empty", 15},
        {nilo_test_tmp(), NILO_ESTORE, "is a folder", 15},
        {nilo_test_path("text.txt"), NILO_ECORRUPT, "is not an SQLite database", 15},
        {nilo_test_path("short.txt"), NILO_ECORRUPT, "is not an SQLite database", 15},
        {nilo_test_path("torn.db"), NILO_ECORRUPT, "torn.db", 15},
        {nilo_test_path("no/such/folder/x.db"), NILO_ENOENT, "does not exist", 15},
        {nilo_test_path("text.txt/x.db"), NILO_ENOENT, "is not a folder", 15},
        {nilo_test_path("absent.db"), NILO_ENOENT, "there is no database at", 15 & ~(1 << NILO_DB_CREATE)},
        {nilo_test_path("pipe"), NILO_ESTORE, "not a regular file", 15},
        {"sqlite:/no such folder/x.db", NILO_ENOENT, "/no such folder", 15},
    };
    static const char text[] =
        "This is a letter to my aunt, certainly not a database. It is longer than a hundred bytes, "
        "which is as long as the header of a real one.\n";
    nilo_test_write(nilo_test_path("text.txt"), text, sizeof text - 1);
    nilo_test_write(nilo_test_path("short.txt"), "hello\n", 6);
    raw_exec(nilo_test_path("torn.db"), "CREATE TABLE t (x); CREATE TABLE u (y)");
    assert_int_equal(truncate(nilo_test_path("torn.db"), 5000), 0);
    assert_int_equal(mkfifo(nilo_test_path("pipe"), 0600), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int mode = NILO_DB_READ; mode <= NILO_DB_SOURCE; mode++) {
            if ((cases[i].modes & (1 << mode)) == 0)
                continue;
            struct nilo_db *db = open_db(cases[i].path, (enum nilo_db_mode)mode, NULL);
            if (db != NULL)
                fail_msg("%s opened in mode %d", cases[i].path, mode);
            if (cases[i].path[0] == '/' && strstr(err.msg, cases[i].path) == NULL)
                fail_msg("\"%s\" does not name %s", err.msg, cases[i].path);
            expect_error(-1, cases[i].code, cases[i].word);
        }
    }
    assert_int_equal(size_of(nilo_test_path("absent.db")), -1); /* nothing was made on the way */
    assert_int_equal(size_of(nilo_test_path("text.txt")), (long)sizeof text - 1);
}

/* Runs `check` as somebody who is not root, where mode bits count. */
static void as_nobody(int (*check)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0) ? 90 : check());
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("check %d failed", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

static int told(const char *path, enum nilo_db_mode mode, enum nilo_code code, const char *word)
{
    struct nilo_db *db = open_db(path, mode, NULL);
    int right = db == NULL && err.code == code && strstr(err.msg, word) != NULL && strstr(err.msg, path) != NULL;
    if (!right)
        fprintf(stderr, "%s mode %d: \"%s\" (%s), expected %s\n", path, (int)mode, err.msg, nilo_code_text(err.code),
                word);
    nilo_db_close(db);
    return right;
}

static int check_rights(void)
{
    const char *secret = nilo_test_path("rights/secret.db"), *frozen = nilo_test_path("rights/frozen.db");
    const char *wal = nilo_test_path("rights/wal.db"), *fresh = nilo_test_path("rights/fresh.db");
    if (!told(secret, NILO_DB_WRITE, NILO_ESTORE, "Permission denied") ||
        !told(secret, NILO_DB_SOURCE, NILO_ESTORE, "Permission denied"))
        return 1;
    if (!told(frozen, NILO_DB_WRITE, NILO_EREADONLY, "cannot write") ||
        !told(frozen, NILO_DB_CREATE, NILO_EREADONLY, "cannot write"))
        return 2;
    if (!told(fresh, NILO_DB_CREATE, NILO_ESTORE, "cannot be written to: Permission denied"))
        return 3;
    struct nilo_db *db =
        open_db(frozen, NILO_DB_SOURCE, NULL); /* with a rollback journal reading needs no more rights */
    if (db == NULL)
        return 4;
    nilo_db_close(db);
    return told(wal, NILO_DB_SOURCE, NILO_ESTORE, "-wal and -shm") ? 0 : 5;
}

static void missing_rights_are_named(void **state)
{
    (void)state;
    const char *folder = nilo_test_path("rights");
    assert_int_equal(chmod(nilo_test_tmp(), 0755), 0);
    assert_int_equal(mkdir(folder, 0755), 0);
    raw_exec(nilo_test_path("rights/secret.db"), "CREATE TABLE t (x)");
    raw_exec(nilo_test_path("rights/frozen.db"), "CREATE TABLE t (x)");
    raw_exec(nilo_test_path("rights/wal.db"), "PRAGMA journal_mode=WAL; CREATE TABLE t (x)");
    assert_int_equal(chmod(nilo_test_path("rights/secret.db"), 0), 0);
    assert_int_equal(chmod(nilo_test_path("rights/frozen.db"), 0444), 0);
    assert_int_equal(chmod(nilo_test_path("rights/wal.db"), 0444), 0);
    assert_int_equal(chmod(folder, 0555), 0);
    nilo_test_path("rights/fresh.db");
    as_nobody(check_rights);
    assert_int_equal(chmod(folder, 0755), 0);
}

static void the_settings_are_what_the_contract_says(void **state)
{
    (void)state;
    const struct {
        const char *pragma, *writer, *source;
    } cases[] = {
        {"PRAGMA journal_mode", "wal", "delete"}, {"PRAGMA synchronous", "2", NULL},
        {"PRAGMA foreign_keys", "1", "1"},        {"PRAGMA recursive_triggers", "1", "1"},
        {"PRAGMA trusted_schema", "0", "0"},      {"PRAGMA query_only", "0", "1"},
        {"PRAGMA cell_size_check", "1", "1"},
    };
    raw_exec(nilo_test_path("foreign.db"), "CREATE TABLE t (x)");
    struct nilo_db *writer = must_open(nilo_test_path("settings.db"), NILO_DB_CREATE);
    struct nilo_db *source = must_open(nilo_test_path("foreign.db"), NILO_DB_SOURCE);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(one_text(writer, cases[i].pragma), cases[i].writer);
        if (cases[i].source != NULL)
            assert_string_equal(one_text(source, cases[i].pragma), cases[i].source);
    }
    /* DEFENSIVE: the schema table cannot be written even when asked to. */
    must_exec(writer, "CREATE TABLE t (x); PRAGMA writable_schema=ON");
    expect_error(nilo_db_exec(writer, "DELETE FROM sqlite_schema", &err), NILO_ESTORE, "may not be modified");
    /* A name that is none is not taken for a text. */
    expect_error(nilo_db_exec(writer, "SELECT \"nothing\"", &err), NILO_ESTORE, "no such column");
    must_exec(writer, "VACUUM");
    expect_error(nilo_db_exec(source, "ATTACH '/tmp/other.db' AS o", &err), NILO_ESTORE, "attached");
    assert_string_equal(nilo_db_target(writer), nilo_test_path("settings.db"));
    assert_int_equal(nilo_db_engine(writer), NILO_DB_SQLITE);
    nilo_db_close(source);
    nilo_db_close(writer);
}

static void a_store_in_memory_works(void **state)
{
    (void)state;
    struct nilo_db *db = must_open("sqlite::memory:", NILO_DB_CREATE);
    must_exec(db, "CREATE TABLE t (x); INSERT INTO t VALUES (5)");
    assert_string_equal(one_text(db, "SELECT x FROM t"), "5");
    nilo_db_close(db);
}

static void sources_of_either_journal_are_read_and_left_alone(void **state)
{
    (void)state;
    static const char *const journals[] = {"DELETE", "WAL", "TRUNCATE"};
    for (size_t i = 0; i < 3; i++) {
        char name[32], sql[128];
        snprintf(name, sizeof name, "source%zu.db", i);
        snprintf(sql, sizeof sql, "PRAGMA journal_mode=%s; CREATE TABLE t (x); INSERT INTO t VALUES (1)", journals[i]);
        const char *path = nilo_test_path(name);
        raw_exec(path, sql);
        sqlite3 *owner; /* its program goes on writing */
        assert_int_equal(sqlite3_open(path, &owner), SQLITE_OK);
        struct nilo_db *db = must_open(path, NILO_DB_SOURCE);
        assert_string_equal(one_text(db, "SELECT count(*) FROM t"), "1");
        assert_int_equal(sqlite3_exec(owner, "INSERT INTO t VALUES (2)", NULL, NULL, NULL), SQLITE_OK);
        assert_string_equal(one_text(db, "SELECT count(*) FROM t"), "2");
        static const char *const writes[] = {"INSERT INTO t VALUES (3)", "PRAGMA user_version=7",
                                             "PRAGMA query_only=OFF; DELETE FROM t", "CREATE TABLE u (x)"};
        for (size_t w = 0; w < sizeof writes / sizeof writes[0]; w++)
            expect_error(nilo_db_exec(db, writes[w], &err), NILO_EREADONLY, path);
        nilo_db_exec(db, "PRAGMA journal_mode=DELETE", &err); /* answers with the mode that stays */
        nilo_db_close(db);
        sqlite3_close(owner);
        db = must_open(path, NILO_DB_SOURCE);
        snprintf(sql, sizeof sql, "%s", one_text(db, "PRAGMA journal_mode"));
        assert_string_equal(sql, i == 1 ? "wal" : "delete");
        nilo_db_close(db);
    }
}

/* ---- checkpoints ----------------------------------------------------------------------------------------------------- */

static void only_the_writer_checkpoints(void **state)
{
    (void)state;
    const char *path = nilo_test_path("check.db"), *wal = nilo_test_path("check.db-wal");
    struct nilo_db *writer = must_open(path, NILO_DB_CREATE);
    must_exec(writer, "CREATE TABLE t (x)");
    long main_size = size_of(path);
    must_exec(writer, "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
                      "SELECT i FROM n");
    long wal_size = size_of(wal);
    assert_true(wal_size > 100000);
    assert_true(size_of(path) == main_size); /* below the limit: nothing was copied yet */
    struct nilo_db *reader = must_open(path, NILO_DB_READ), *source = must_open(path, NILO_DB_SOURCE);
    assert_string_equal(one_text(reader, "SELECT count(*) FROM t"), "20000");
    assert_string_equal(one_text(source, "SELECT count(*) FROM t"), "20000");
    nilo_db_exec(reader, "PRAGMA wal_checkpoint(TRUNCATE)", &err);
    nilo_db_close(writer); /* not the last connection: leaves the WAL */
    assert_true(size_of(wal) == wal_size);
    nilo_db_close(source);
    nilo_db_close(reader); /* the last one, but a reader */
    assert_true(size_of(wal) == wal_size);
    assert_true(size_of(path) == main_size);
    writer = must_open(path, NILO_DB_WRITE);
    must_exec(writer, "CREATE TABLE big (b)");
    for (int i = 0; i < 40; i++)
        must_exec(writer, "INSERT INTO big VALUES (randomblob(200000))");
    assert_true(size_of(path) > 4000000); /* copied back by the writer after its commits */
    assert_true(size_of(wal) < 6000000);
    nilo_db_close(writer);
    assert_int_equal(size_of(wal), -1);
    writer = must_open(path, NILO_DB_WRITE);
    assert_string_equal(one_text(writer, "PRAGMA integrity_check"), "ok");
    assert_string_equal(one_text(writer, "SELECT count(*) FROM t"), "20000");
    nilo_db_close(writer);
}

static void a_second_writer_waits_at_begin(void **state)
{
    (void)state;
    const char *path = nilo_test_path("two.db");
    struct nilo_db *one = must_open(path, NILO_DB_CREATE), *two = must_open(path, NILO_DB_WRITE);
    assert_int_equal(nilo_db_begin(one, &err), 0);
    expect_error(nilo_db_begin(two, &err), NILO_EBUSY, path);
    assert_false(nilo_db_in_transaction(two));
    nilo_db_rollback(one);
    assert_int_equal(nilo_db_begin(two, &err), 0);
    nilo_db_close(two); /* with its transaction open */
    assert_int_equal(nilo_db_begin(one, &err), 0);
    nilo_db_close(one);
}

/* ---- disks that fail ---------------------------------------------------------------------------------------------------- */

static struct nilo_db *faulty_open(const char *name)
{
    faulty = (struct faulty){.write_code = SQLITE_FULL};
    struct nilo_db *db = open_db(nilo_test_path(name), NILO_DB_CREATE, FAULTY_VFS);
    if (db == NULL)
        fail_msg("%s", err.msg);
    must_exec(db, "CREATE TABLE t (x)");
    return db;
}

static void a_failed_fsync_is_final(void **state)
{
    (void)state;
    struct nilo_db *db = faulty_open("fsync.db");
    struct nilo_db_stmt *s;
    faulty.syncs = 0;
    must_exec(db, "INSERT INTO t VALUES (1)");
    assert_true(faulty.syncs > 0); /* synchronous FULL: each commit is synced */
    assert_int_equal(nilo_db_prepare(db, "SELECT 1", &s, &err), 0);
    assert_int_equal(nilo_db_begin(db, &err), 0);
    must_exec(db, "INSERT INTO t VALUES (2)");
    faulty.fail_sync = 1;
    expect_error(nilo_db_commit(db, &err), NILO_EIO, "fsync.db");
    assert_false(nilo_db_in_transaction(db));
    expect_error(nilo_db_begin(db, &err), NILO_EIO, "restart");
    expect_error(nilo_db_exec(db, "INSERT INTO t VALUES (3)", &err), NILO_EIO, "restart");
    expect_error(nilo_db_run(s, NULL, 0, NULL, &err), NILO_EIO, "restart");
    expect_error(nilo_db_prepare(db, "SELECT 2", &s, &err), NILO_EIO, "restart");
    nilo_db_close(db);
    db = must_open(nilo_test_path("fsync.db"), NILO_DB_READ);
    assert_string_equal(one_text(db, "SELECT count(*) FROM t"), "1");
    nilo_db_close(db);
}

static void a_failed_fsync_of_a_checkpoint_is_final_too(void **state)
{
    (void)state;
    struct nilo_db *db = faulty_open("checkpoint.db");
    must_exec(db, "BEGIN; INSERT INTO t VALUES (randomblob(8000000))");
    faulty.fail_sync = 2; /* the first is the commit's; that one holds, so it is acknowledged */
    must_exec(db, "COMMIT");
    expect_error(nilo_db_exec(db, "INSERT INTO t VALUES (3)", &err), NILO_EIO, "restart");
    nilo_db_close(db);
    db = must_open(nilo_test_path("checkpoint.db"), NILO_DB_WRITE);
    assert_string_equal(one_text(db, "SELECT length(x) FROM t"), "8000000");
    assert_string_equal(one_text(db, "PRAGMA integrity_check"), "ok");
    nilo_db_close(db);
}

static void a_full_disk_undoes_the_transaction_and_heals(void **state)
{
    (void)state;
    struct nilo_db *db = faulty_open("full.db");
    must_exec(db, "INSERT INTO t VALUES (1)");
    assert_int_equal(nilo_db_begin(db, &err), 0);
    must_exec(db, "INSERT INTO t VALUES (2)");
    faulty.fail_write = 1;
    faulty.sticky = 1;
    expect_error(nilo_db_commit(db, &err), NILO_EFULL, "full.db");
    assert_false(nilo_db_in_transaction(db));
    expect_error(nilo_db_exec(db, "INSERT INTO t VALUES (3)", &err), NILO_EFULL, "full");
    assert_string_equal(one_text(db, "SELECT sum(x) FROM t"), "1"); /* reading goes on */
    faulty = (struct faulty){.syncs = 0};
    must_exec(db, "INSERT INTO t VALUES (4)");
    assert_string_equal(one_text(db, "SELECT sum(x) FROM t"), "5");
    nilo_db_close(db);
}

/* SQLite undoes a transaction by itself when the disk fills in the middle; what follows must not commit on its own. */
static void after_an_undone_transaction_nothing_slips_through(void **state)
{
    (void)state;
    struct nilo_db *db = faulty_open("spill.db");
    must_exec(db, "PRAGMA cache_size=5");
    assert_int_equal(nilo_db_begin(db, &err), 0);
    faulty.fail_write = 3;
    faulty.sticky = 1;
    faulty.write_code = SQLITE_IOERR_WRITE;
    int rc =
        nilo_db_exec(db,
                     "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
                     "SELECT randomblob(500) FROM n",
                     &err);
    expect_error(rc, NILO_EIO, "spill.db");
    faulty = (struct faulty){.syncs = 0};
    assert_true(nilo_db_in_transaction(db));
    expect_error(nilo_db_exec(db, "INSERT INTO t VALUES (9)", &err), NILO_ESTORE, "undone");
    expect_error(nilo_db_commit(db, &err), NILO_ESTORE, "undone");
    assert_false(nilo_db_in_transaction(db));
    assert_string_equal(one_text(db, "SELECT count(*) FROM t"), "0");
    nilo_db_close(db);
}

/* Every write and every sync of a fixed piece of work fails once, and from then on: an error, never a wrong state. */
static void each_failing_write_leaves_all_or_nothing(void **state)
{
    (void)state;
    const char *path = nilo_test_path("each.db");
    for (int sync = 0; sync < 2; sync++) {
        for (int sticky = 0; sticky < 2; sticky++) {
            int failed = 1;
            for (int n = 1; failed && n < 200; n++) {
                nilo_test_remove(path);
                nilo_test_remove(nilo_test_path("each.db-wal"));
                nilo_test_remove(nilo_test_path("each.db-shm"));
                struct nilo_db *db = faulty_open("each.db");
                faulty.sticky = sticky;
                faulty.write_code = SQLITE_IOERR_WRITE;
                *(sync ? &faulty.fail_sync : &faulty.fail_write) = n;
                int done = 0;
                for (; done < 4; done++) {
                    if (nilo_db_begin(db, &err) != 0 || nilo_db_exec(db, "INSERT INTO t VALUES (1)", &err) != 0 ||
                        nilo_db_exec(db, "INSERT INTO t VALUES (randomblob(9000))", &err) != 0 ||
                        nilo_db_commit(db, &err) != 0)
                        break;
                }
                failed = done < 4;
                nilo_db_rollback(db);
                nilo_db_close(db);
                faulty = (struct faulty){.syncs = 0};
                db = must_open(path, NILO_DB_READ);
                long rows = strtol(one_text(db, "SELECT count(*) FROM t"), NULL, 10);
                if (rows < 2L * done || rows % 2 != 0 || rows > 2L * done + 2)
                    fail_msg("%s %d: %ld rows after %d commits", sync ? "sync" : "write", n, rows, done);
                assert_string_equal(one_text(db, "PRAGMA integrity_check"), "ok");
                nilo_db_close(db);
            }
            assert_false(failed); /* the loop came to the end of the work */
        }
    }
}

/* ---- copies ------------------------------------------------------------------------------------------------------------------- */

struct copying {
    struct nilo_db *writer;
    int64_t calls, done, of;
};

/* Somebody commits between any two steps. */
static void on_pages(void *ctx, int64_t done, int64_t of)
{
    struct copying *c = ctx;
    assert_true(done > c->done && done < of);
    assert_true(c->of == 0 || of == c->of);
    c->calls++;
    c->done = done;
    c->of = of;
    if (nilo_db_exec(c->writer, "UPDATE t SET n = n + 1; INSERT INTO t (n, x) VALUES (0, 'late')", &err) != 0)
        fail_msg("%s", err.msg);
}

static int64_t number(struct nilo_db *db, const char *sql)
{
    return strtoll(one_text(db, sql), NULL, 10);
}

static void a_copy_tells_its_pages_and_is_one_state_while_others_write(void **state)
{
    (void)state;
    char from[512], to[512];
    snprintf(from, sizeof from, "%s", nilo_test_path("copy-from.db"));
    snprintf(to, sizeof to, "%s", nilo_test_path("copy-to.db"));
    struct nilo_db *db = must_open(from, NILO_DB_CREATE);
    assert_int_equal(nilo_db_exec(db, "CREATE TABLE t (n INTEGER, x BLOB);"
                                      " INSERT INTO t WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 4000)"
                                      " SELECT 7, randomblob(3000) FROM i", &err), 0);
    struct nilo_db *reader = must_open(from, NILO_DB_READ);
    struct copying c = {.writer = db};
    if (nilo_db_copy(reader, to, on_pages, &c, &err) != 0)
        fail_msg("%s", err.msg);
    assert_true(c.calls >= 3 && c.of >= 4000);
    assert_int_equal(number(db, "SELECT count(*) FROM t"), 4000 + c.calls);
    assert_false(nilo_db_in_transaction(reader));
    assert_int_equal(number(reader, "SELECT max(n) FROM t"), 7 + c.calls); /* it let go of the state that it copied */
    struct nilo_db *copy = must_open(to, NILO_DB_READ);
    assert_int_equal(number(copy, "SELECT count(*) FROM t"), 4000);
    assert_int_equal(number(copy, "SELECT count(*) FROM t WHERE n = 7"), 4000);
    nilo_db_close(copy);
    nilo_db_close(reader);
    nilo_db_close(db);
}

int main(void)
{
    faulty_register();
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_wrong_target_gets_its_sentence),
        cmocka_unit_test(missing_rights_are_named),
        cmocka_unit_test(the_settings_are_what_the_contract_says),
        cmocka_unit_test(a_store_in_memory_works),
        cmocka_unit_test(sources_of_either_journal_are_read_and_left_alone),
        cmocka_unit_test(only_the_writer_checkpoints),
        cmocka_unit_test(a_second_writer_waits_at_begin),
        cmocka_unit_test(a_failed_fsync_is_final),
        cmocka_unit_test(a_failed_fsync_of_a_checkpoint_is_final_too),
        cmocka_unit_test(a_full_disk_undoes_the_transaction_and_heals),
        cmocka_unit_test(after_an_undone_transaction_nothing_slips_through),
        cmocka_unit_test(each_failing_write_leaves_all_or_nothing),
        cmocka_unit_test(a_copy_tells_its_pages_and_is_one_state_while_others_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
