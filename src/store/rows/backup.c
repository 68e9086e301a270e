/* Backup and restore of an SQLite store. The copy is one consistent state, taken while others go on; it counts only once it
 * was checked, synced and named. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "store/rows/rows.h"

#define PIECE (1 << 20)

/* Who is told how far it is. */
struct teller {
    nilo_step_fn *step; /* may be NULL */
    void *ctx;
};

static void tell(const struct teller *t, const char *step, int64_t done, int64_t of)
{
    if (t->step != NULL)
        t->step(t->ctx, step, done, of);
}

static int64_t size_of(int fd)
{
    struct stat st;
    return fd >= 0 && fstat(fd, &st) == 0 ? (int64_t)st.st_size : 0;
}

struct path {
    struct nilo_buf b;
};
static const char *path_of(struct path *p, const char *base, const char *ending)
{
    nilo_buf_init(&p->b, 8192);
    nilo_buf_adds(&p->b, base);
    nilo_buf_adds(&p->b, ending);
    return nilo_buf_str(&p->b);
}

static int sync_path(const char *path, int flags, struct nilo_err *err)
{
    int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0) {
        nilo_err_sys(err, NILO_EIO, "cannot write %s safely to disk", path);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    close(fd);
    return 0;
}

/* The folder's own entry must reach the disk, else the file may be nameless after a power cut. */
static int sync_folder(const char *path, struct nilo_err *err)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return sync_path(".", O_RDONLY | O_DIRECTORY, err);
    char *folder = strndup(path, slash == path ? 1 : (size_t)(slash - path));
    if (!folder)
        return nilo_err_nomem(err);
    int rc = sync_path(folder, O_RDONLY | O_DIRECTORY, err);
    free(folder);
    return rc;
}

static int hash_file(const char *path, const struct teller *t, char out[2 * NILO_SHA256_LEN + 1], struct nilo_err *err)
{
    struct nilo_sha256 h;
    unsigned char digest[NILO_SHA256_LEN];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return nilo_err_sys(err, errno == ENOENT ? NILO_ENOENT : NILO_EIO, "cannot read %s", path);
    char *piece = malloc(PIECE);
    ssize_t n = piece ? 0 : -1;
    nilo_sha256_init(&h);
    int64_t done = 0, of = size_of(fd);
    while (piece && (n = read(fd, piece, PIECE)) > 0) {
        nilo_sha256_add(&h, piece, (size_t)n);
        tell(t, "checksum", done += n, of);
    }
    if (n < 0)
        nilo_err_sys(err, NILO_EIO, "cannot read %s", path);
    free(piece);
    close(fd);
    if (n < 0)
        return -1;
    nilo_sha256_done(&h, digest);
    nilo_hex(digest, sizeof digest, out);
    return 0;
}

/* Opens the copy as a stranger would: its pages, its schema, its identity. */
static int check_copy(const char *path, const struct nilo_env *env, const struct teller *t, struct nilo_err *err)
{
    struct nilo_store *s;
    struct nilo_db_stmt *stmt;
    tell(t, "checking the copy", 0, 0);
    if (nilo_store_open(path, NILO_STORE_READ, env, &s, err) < 0)
        return -1;
    int rc = nilo__query(s, &stmt, err, "PRAGMA integrity_check", 0, NULL);
    int got = rc == 0 ? nilo_db_row(stmt, err) : -1;
    const char *said = got == 1 ? nilo_db_column_text(stmt, 0) : NULL;
    if (got < 0)
        rc = -1;
    else if (!said || strcmp(said, "ok") != 0)
        rc = nilo_err_set(err, NILO_ECORRUPT, "%s is damaged: %s", path, said ? said : "nothing can be read");
    nilo_store_close(s);
    return rc;
}

/* ---- backup ---------------------------------------------------------------------------------------------------------------------- */

static int write_checksum(const char *file, const char *hash, const char *of, struct nilo_err *err)
{
    const char *slash = strrchr(of, '/');
    FILE *f = fopen(file, "wxe");
    if (!f)
        return nilo_err_sys(err, NILO_EIO, "cannot write %s", file);
    bool ok = fprintf(f, "%s  %s\n", hash, slash ? slash + 1 : of) > 0;
    ok = fflush(f) == 0 && ok;
    ok = fsync(fileno(f)) == 0 && ok;
    int saved = errno;
    ok = fclose(f) == 0 && ok;
    if (ok)
        return 0;
    errno = saved;
    return nilo_err_sys(err, NILO_EIO, "cannot write %s", file);
}

static void on_pages(void *ctx, int64_t done, int64_t of)
{
    tell(ctx, "copying pages", done, of);
}

/* What was killed between checksum and name left both of them, and no copy. */
int nilo_store_backup_begin(const char *path, const char *partial, struct nilo_err *err)
{
    struct path checksum;
    struct stat st;
    const char *c = path_of(&checksum, path, ".sha256");
    int rc = checksum.b.failed ? nilo_err_set(err, NILO_EINVAL, "the path of the backup is too long") : 0;
    bool copy = rc == 0 && lstat(path, &st) == 0, cut_off = rc == 0 && !copy && lstat(partial, &st) == 0;
    if (cut_off)
        unlink(c);
    if (rc == 0 && (copy || lstat(c, &st) == 0))
        rc = nilo_err_set(err, NILO_EEXIST, "%s exists already; nothing was overwritten, name another file", copy ? path : c);
    if (rc == 0)
        unlink(partial);
    nilo_buf_done(&checksum.b);
    return rc;
}

static int end_backup(const char *path, const char *partial, const struct teller *t, struct nilo_err *err)
{
    char hash[2 * NILO_SHA256_LEN + 1];
    struct path checksum;
    const char *c = path_of(&checksum, path, ".sha256");
    int rc = hash_file(partial, t, hash, err) < 0 || write_checksum(c, hash, path, err) < 0 ? -1 : 0;
    if (rc == 0 && rename(partial, path) < 0) {
        unlink(c);
        rc = nilo_err_sys(err, NILO_EIO, "cannot name the backup %s", path);
    }
    nilo_buf_done(&checksum.b);
    return rc == 0 ? sync_folder(path, err) : -1;
}

int nilo_store_backup_end(const char *path, const char *partial, nilo_step_fn *step, void *ctx, struct nilo_err *err)
{
    const struct teller t = {step, ctx};
    return end_backup(path, partial, &t, err);
}

int nilo_store_backup(struct nilo_store *s, const char *path, nilo_step_fn *step, void *ctx, struct nilo_err *err)
{
    struct teller t = {step, ctx};
    struct path partial;
    if (nilo_db_engine(s->db) != NILO_DB_SQLITE)
        return nilo_err_set(err, NILO_EINVAL, "%s is a PostgreSQL store: its copy is an export, which nilometer backup writes", s->target);
    const char *p = path_of(&partial, path, ".partial");
    int rc = partial.b.failed ? nilo_err_set(err, NILO_EINVAL, "the path of the backup is too long") : nilo_store_backup_begin(path, p, err);
    if (rc == 0) {
        rc = nilo_db_copy(s->db, p, on_pages, &t, err) < 0 || check_copy(p, &s->env, &t, err) < 0 || sync_path(p, O_RDONLY, err) < 0 ||
                     end_backup(path, p, &t, err) < 0
                 ? -1
                 : 0;
        if (rc < 0)
            unlink(p);
    }
    nilo_buf_done(&partial.b);
    return rc;
}

/* ---- restore --------------------------------------------------------------------------------------------------------------------- */

static int check_checksum(const char *from, const char *checksum, const struct teller *t, struct nilo_err *err)
{
    char is[2 * NILO_SHA256_LEN + 1], said[2 * NILO_SHA256_LEN + 1] = "";
    struct stat st;
    if (stat(from, &st) < 0)
        return nilo_err_sys(err, errno == ENOENT ? NILO_ENOENT : NILO_EIO, "the backup %s cannot be read", from);
    FILE *f = fopen(checksum, "re");
    if (!f && errno == ENOENT)
        return nilo_err_set(err, NILO_ENOENT, "the backup's checksum %s is missing, so nobody can tell whether the backup is whole; bring it back, or where you "
                            "trust the file make it anew: sha256sum %s >%s", checksum, from, checksum);
    if (!f)
        return nilo_err_sys(err, errno == ENOENT ? NILO_ENOENT : NILO_EIO, "the backup's checksum %s cannot be read", checksum);
    size_t n = fread(said, 1, sizeof said - 1, f);
    fclose(f);
    said[n] = '\0';
    if (hash_file(from, t, is, err) < 0)
        return -1;
    return strcmp(is, said) == 0 ? 0
                                 : nilo_err_set(err, NILO_ECORRUPT, "%s does not match its checksum %s: the copy is damaged, use another one", from,
                                                checksum);
}

static int copy_file(const char *from, const char *to, const struct teller *t, struct nilo_err *err)
{
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    char *piece = malloc(PIECE);
    ssize_t n = -1;
    int64_t copied = 0, of = size_of(in);
    while (in >= 0 && out >= 0 && piece && (n = read(in, piece, PIECE)) > 0) {
        for (ssize_t done = 0, w; done < n; done += w)
            if ((w = write(out, piece + done, (size_t)(n - done))) < 0) {
                n = -1;
                goto out;
            }
        tell(t, "copying", copied += n, of);
    }
out:
    if (n == 0 && fsync(out) < 0)
        n = -1;
    if (n < 0)
        nilo_err_sys(err, NILO_EIO, "cannot copy %s to %s", from, to);
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    free(piece);
    return n < 0 ? -1 : 0;
}

/* What was committed and stands beside the file as yet is put into it: from then on the file alone is the store. One that is damaged stays as it is. */
static void put_together(const char *target)
{
    struct nilo_db *db;
    const struct nilo_db_options options = {.mode = NILO_DB_WRITE};
    if (nilo_db_open(target, &options, &db, NULL) != 0)
        return;
    (void)nilo_db_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL);
    nilo_db_close(db);
}

static bool is_there(const char *base, const char *ending)
{
    struct path path;
    struct stat st;
    bool there = lstat(path_of(&path, base, ending), &st) == 0;
    nilo_buf_done(&path.b);
    return there;
}

/* A store is its file and what SQLite keeps beside it. The file first: who is killed in between leaves no store, and not one that lacks what stood
 * beside it. */
static int move_aside(const char *target, const char *aside, struct nilo_err *err)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        struct path from, to;
        const char *f = path_of(&from, target, endings[i]), *t = path_of(&to, aside, endings[i]);
        int rc = rename(f, t) < 0 && errno != ENOENT ? nilo_err_sys(err, NILO_EIO, "cannot move %s to %s", f, t) : 0;
        nilo_buf_done(&from.b);
        nilo_buf_done(&to.b);
        if (rc < 0)
            return -1;
    }
    return 0;
}

static int restore_to(const char *from, const char *target, const char *aside, const char *partial, const struct nilo_env *env,
                      const struct teller *teller, struct nilo_err *err)
{
    struct stat st;
    bool there = lstat(target, &st) == 0;
    if (there && !aside)
        return nilo_err_set(err, NILO_EEXIST, "%s exists already; restore to another path, or let it be moved aside with --replace", target);
    if (aside && lstat(aside, &st) == 0)
        return nilo_err_set(err, NILO_EEXIST, "%s exists already; nothing was moved or restored", aside);
    bool left = !there && is_there(target, "-wal"); /* it would be read as that of the new one */
    if (left && !aside)
        return nilo_err_set(err, NILO_EEXIST, "%s-wal is there without its store, as a restore leaves it that was cut off; let it be moved aside with --replace", target);
    if (copy_file(from, partial, teller, err) < 0 || check_copy(partial, env, teller, err) < 0)
        return -1;
    if (there)
        put_together(target);
    if ((there || left) && move_aside(target, aside, err) < 0)
        return -1;
    if (rename(partial, target) < 0)
        return nilo_err_sys(err, NILO_EIO, "cannot name the restored store %s", target);
    return sync_folder(target, err);
}

int nilo_store_restore(const char *from, const char *target, const char *aside, const struct nilo_env *env, nilo_step_fn *step, void *ctx,
                       struct nilo_err *err)
{
    const struct teller t = {step, ctx};
    struct path partial, checksum;
    if (nilo__target_check(target, err) < 0)
        return -1;
    if (nilo__is_postgres(target))
        return nilo_err_set(err, NILO_EINVAL, "a copy of an SQLite store is restored to a file; from there nilometer export and nilometer import bring it to a server");
    target = nilo__sqlite_path(target);
    aside = aside != NULL ? nilo__sqlite_path(aside) : NULL;
    const char *p = path_of(&partial, target, ".partial"), *c = path_of(&checksum, from, ".sha256");
    int lock = -1, rc = partial.b.failed || checksum.b.failed ? nilo_err_set(err, NILO_EINVAL, "the path is too long") : 0;
    if (rc == 0)
        rc = check_checksum(from, c, &t, err);
    if (rc == 0 && (lock = nilo__lock_file(target, err)) < 0)
        rc = -1;
    if (rc == 0) {
        rc = restore_to(from, target, aside, p, env, &t, err);
        if (rc < 0)
            unlink(p);
    }
    if (lock >= 0)
        close(lock);
    nilo_buf_done(&partial.b);
    nilo_buf_done(&checksum.b);
    return rc;
}

/* ---- the checksum of an export ------------------------------------------------------------------------------------------------------ */

int nilo_store_checksum_compare(const char *path, nilo_step_fn *step, void *ctx, struct nilo_err *err)
{
    const struct teller t = {step, ctx};
    struct path checksum;
    const char *c = path_of(&checksum, path, ".sha256");
    int rc = checksum.b.failed ? nilo_err_set(err, NILO_EINVAL, "the path is too long") : check_checksum(path, c, &t, err);
    nilo_buf_done(&checksum.b);
    return rc;
}
