/* Three processes: the test; a keeper, forked from it, that sees its parent's end as the end of a pipe, ends the server by
 * its own pid and removes the folder; the server, which gets a signal itself should the keeper be killed. */
#include "support/pg.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "db/db.h"
#include "support/tmp.h"

#define START_SECONDS 60

static const char hba[] = "local all nilo_password scram-sha-256\n"
                          "local all all trust\n";
static const char settings[] = "listen_addresses = ''\n"
                               "max_connections = 50\n"
                               "shared_buffers = 16MB\n"
                               "dynamic_shared_memory_type = mmap\n" /* in the folder, and gone with it */
                               "fsync = off\n"
                               "synchronous_commit = off\n"
                               "full_page_writes = off\n"
                               "wal_level = minimal\n"
                               "max_wal_senders = 0\n"
                               "max_wal_size = 64MB\n" /* it may all be in memory */
                               "min_wal_size = 32MB\n"
                               "max_logical_replication_workers = 0\n"
                               "autovacuum = off\n"
                               "jit = off\n";

static char bin[512];   /* folder of initdb and postgres */
static char folder[64]; /* short: a socket's path holds 107 bytes */
static char missing[512];
static enum { NOT_TRIED, RUNNING, NONE } state;
static int lifeline = -1; /* closed by our end: the keeper then ends the server */
static pid_t keeper, owner;

struct url {
    struct url *next;
    char text[256];
};
static struct url *urls;

const char *nilo_test_pg_missing(void)
{
    return missing;
}

__attribute__((format(printf, 1, 2))) static bool fail(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(missing, sizeof missing, fmt, ap);
    va_end(ap);
    return false;
}

static bool find_programs(void)
{
    glob_t found;
    if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) != 0 &&
        glob("/usr/local/pgsql/bin/initdb", 0, NULL, &found) != 0)
        return fail("PostgreSQL's server is not installed (package postgresql)");
    const char *path = found.gl_pathv[found.gl_pathc - 1];
    snprintf(bin, sizeof bin, "%.*s", (int)(strrchr(path, '/') - path), path);
    globfree(&found);
    return true;
}

/* PostgreSQL refuses to run as root. */
static bool find_user(uid_t *ret_uid, gid_t *ret_gid)
{
    *ret_uid = getuid();
    *ret_gid = getgid();
    if (geteuid() != 0)
        return true;
    const struct passwd *p = getpwnam("postgres");
    if (p == NULL)
        p = getpwnam("nobody");
    if (p == NULL)
        return fail("no unprivileged user (postgres or nobody) to run PostgreSQL as");
    *ret_uid = p->pw_uid;
    *ret_gid = p->pw_gid;
    return true;
}

/* In a child: become the user, die with the parent, be the program. Its output goes to `log` in the folder. */
static void run(const char *const argv[], uid_t uid, gid_t gid, pid_t parent)
{
    if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setgid(gid) != 0 || setuid(uid) != 0))
        _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGQUIT); /* after setuid(), which clears it */
    if (getppid() != parent || chdir(folder) != 0)
        _exit(125);
    int log = open("log", O_WRONLY | O_CREAT | O_APPEND, 0600);
    int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    dup2(log, 1);
    dup2(log, 2);
    /* Whatever the test has open is none of the server's business; a pipe held open would keep its reader waiting. */
    for (int fd = 3; fd < 256; fd++)
        close(fd);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    unsetenv("LD_PRELOAD"); /* fault injection is for the test, not for its server */
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

/* What initdb makes is the same each time, so the first program of a build folder leaves it there for the others: NILO_CLUSTERS/NAME, whose name
 * tells the initdb it came from. It appears there by a rename, whole or not at all; who cannot write there, or finds nothing he can read, does
 * without. false: there is no such place */
static bool kept_cluster(char *ret, size_t size)
{
    char program[sizeof bin + 16];
    struct stat st;
    const char *kept = getenv("NILO_CLUSTERS");
    snprintf(program, sizeof program, "%s/initdb", bin);
    if (kept == NULL || stat(program, &st) != 0)
        return false;
    int n = snprintf(ret, size, "%s/%lld-%lld-1", kept, (long long)st.st_size, (long long)st.st_mtime); /* raise the last with the arguments below */
    for (char *p = bin; *p != '\0' && n > 0 && (size_t)n < size; p++)
        n += snprintf(ret + n, size - (size_t)n, "%c", *p == '/' ? '-' : *p);
    return n > 0 && (size_t)n < size;
}

static void keep_cluster(const char *data, const char *kept)
{
    char part[4096 + 32], parent[4096];
    snprintf(parent, sizeof parent, "%s", kept);
    *strrchr(parent, '/') = '\0';
    snprintf(part, sizeof part, "%s.%ld", kept, (long)getpid());
    mkdir(parent, 0755);
    if (nilo_test_copy_tree(data, part, geteuid(), getegid()) != 0 || rename(part, kept) != 0)
        nilo_test_remove(part); /* another program was first, or there is no room */
}

static bool run_initdb(uid_t uid, gid_t gid)
{
    char program[sizeof bin + 16];
    snprintf(program, sizeof program, "%s/initdb", bin);
    const char *argv[] = {program,
                          "-D",
                          "data",
                          "-U",
                          "nilo",
                          "-A",
                          "trust",
                          "--no-sync",
                          "--locale=C",
                          "--encoding=UTF8",
                          "--wal-segsize=4",
                          "--no-instructions",
                          NULL};
    pid_t self = getpid(), child = fork();
    if (child == 0)
        run(argv, uid, gid, self);
    int status = -1;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static bool init_cluster(uid_t uid, gid_t gid)
{
    char path[sizeof folder + 32], kept[4096];
    bool keeps = kept_cluster(kept, sizeof kept);
    snprintf(path, sizeof path, "%s/data", folder);
    if (!keeps || nilo_test_copy_tree(kept, path, uid, gid) != 0) {
        nilo_test_remove(path);
        if (!run_initdb(uid, gid))
            return false;
        if (keeps)
            keep_cluster(path, kept);
    }
    snprintf(path, sizeof path, "%s/data/pg_hba.conf", folder);
    nilo_test_write(path, hba, sizeof hba - 1);
    snprintf(path, sizeof path, "%s/data/postgresql.conf", folder);
    nilo_test_write(path, settings, sizeof settings - 1);
    return true;
}

static pid_t start_server(uid_t uid, gid_t gid)
{
    char program[sizeof bin + 16], sockets[sizeof folder + 40];
    snprintf(program, sizeof program, "%s/postgres", bin);
    snprintf(sockets, sizeof sockets, "unix_socket_directories=%s", folder);
    const char *argv[] = {program, "-D", "data", "-c", sockets, NULL};
    pid_t self = getpid(), child = fork();
    if (child == 0)
        run(argv, uid, gid, self);
    return child;
}

/* The keeper's whole life. `report` takes 'y' once the server was started. */
static void keep(int life, int report, uid_t uid, gid_t gid)
{
    setsid(); /* Ctrl-C is for the test; we follow it through the pipe */
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    dup2(null, 2);
    for (int sig = 1; sig < NSIG; sig++)
        if (sig != SIGKILL && sig != SIGSTOP)
            signal(sig, SIG_DFL);
    for (int fd = 3; fd < 256; fd++)
        if (fd != life && fd != report)
            close(fd);
    pid_t server = init_cluster(uid, gid) ? start_server(uid, gid) : -1;
    if (server > 0 && write(report, "y", 1) != 1)
        kill(server, SIGQUIT);
    close(report);
    char c;
    while (read(life, &c, 1) < 0 && errno == EINTR)
        ;
    if (server > 0) {
        kill(server, SIGQUIT); /* at once: its data are going away */
        waitpid(server, NULL, 0);
    }
    nilo_test_remove(folder);
    _exit(0);
}

static void at_exit(void)
{
    if (getpid() != owner)
        return;
    close(lifeline);
    waitpid(keeper, NULL, 0);
    while (urls != NULL) {
        struct url *next = urls->next;
        free(urls);
        urls = next;
    }
}

static void last_log_line(char *ret, size_t size)
{
    char path[sizeof folder + 8];
    snprintf(path, sizeof path, "%s/log", folder);
    FILE *f = fopen(path, "r");
    snprintf(ret, size, "no log");
    while (f != NULL && fgets(ret, (int)size, f) != NULL)
        ret[strcspn(ret, "\n")] = '\0';
    if (f != NULL)
        fclose(f);
}

static bool start_keeper(uid_t uid, gid_t gid)
{
    int life[2], report[2];
    if (pipe2(life, O_CLOEXEC) != 0 || pipe2(report, O_CLOEXEC) != 0)
        return fail("pipe: %s", strerror(errno));
    fflush(NULL);
    owner = getpid();
    keeper = fork();
    if (keeper < 0)
        return fail("fork: %s", strerror(errno));
    if (keeper == 0) {
        close(life[1]);
        close(report[0]);
        keep(life[0], report[1], uid, gid);
    }
    close(life[0]);
    close(report[1]);
    lifeline = life[1];
    atexit(at_exit);
    char c = 'n';
    ssize_t n = read(report[0], &c, 1);
    close(report[0]);
    if (n == 1 && c == 'y')
        return true;
    char line[256];
    last_log_line(line, sizeof line);
    return fail("initdb failed: %s", line);
}

static const char *url_of(const char *name)
{
    struct url *u = calloc(1, sizeof *u);
    if (u == NULL)
        abort();
    size_t n = (size_t)snprintf(u->text, sizeof u->text, "postgres://nilo@");
    for (const char *p = folder; *p != '\0'; p++)
        n += (size_t)snprintf(u->text + n, sizeof u->text - n, *p == '/' ? "%%2F" : "%c", *p);
    snprintf(u->text + n, sizeof u->text - n, "/%s", name);
    u->next = urls;
    urls = u;
    return u->text;
}

static struct nilo_db *connect_admin(struct nilo_err *err)
{
    struct nilo_db *db = NULL;
    const struct nilo_db_options options = {.mode = NILO_DB_WRITE};
    for (int tries = 0; tries < START_SECONDS * 50; tries++) {
        if (nilo_db_open(url_of("postgres"), &options, &db, err) == 0)
            return db;
        if (kill(keeper, 0) != 0)
            break;
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    return NULL;
}

/* A database is some 300 files, and a file system on a disk spends more on making and removing them than the tests on all they do with it (ext4
 * looks for an inode that was not free a moment ago): so in memory where tools/run-tests found room there. */
static const char *place(void)
{
    const char *named = getenv("TMPDIR");
    return named != NULL && strcmp(named, "/dev/shm") == 0 ? "/dev/shm" : "/tmp";
}

/* Tests do without a server that is not there; one that is there and does not start is no reason to leave half of them out. */
static bool start(void)
{
    uid_t uid;
    gid_t gid;
    if (!find_programs() || !find_user(&uid, &gid))
        return false;
    snprintf(folder, sizeof folder, "%s/nilo-pg-XXXXXX", place());
    if (mkdtemp(folder) == NULL || chown(folder, uid, gid) != 0)
        return fail("%s: %s", folder, strerror(errno));
    if (!start_keeper(uid, gid))
        return false;
    struct nilo_err err = {0};
    struct nilo_db *db = connect_admin(&err);
    nilo_db_close(db);
    return db != NULL || fail("PostgreSQL does not answer: %s", err.msg);
}

const char *nilo_test_pg_database(const char *name)
{
    return nilo_test_pg_copy(name, "template0");
}

const char *nilo_test_pg_copy(const char *name, const char *of)
{
    if (state == NOT_TRIED)
        state = start() ? RUNNING : NONE;
    if (state == NONE && keeper > 0) {
        fprintf(stderr, "test support: %s\n", missing);
        exit(99);
    }
    if (state == NONE)
        return NULL;
    for (const char *p = name; *p != '\0'; p++)
        if (!isalnum((unsigned char)*p) && *p != '_')
            abort();
    struct nilo_err err = {0};
    struct nilo_db *db = connect_admin(&err);
    char drop[128], create[256];
    snprintf(drop, sizeof drop, "DROP DATABASE IF EXISTS \"%.60s\" WITH (FORCE)", name);
    snprintf(create, sizeof create, "CREATE DATABASE \"%.60s\" TEMPLATE \"%.60s\" STRATEGY file_copy", name, of);
    if (db == NULL || nilo_db_exec(db, drop, &err) != 0 || nilo_db_exec(db, create, &err) != 0) {
        fprintf(stderr, "test support: %s\n", err.msg);
        exit(99);
    }
    nilo_db_close(db);
    return url_of(name);
}
