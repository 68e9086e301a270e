/* Where an export goes: a stream, or a new file, packed by its name's ending. A file gets its name only when it is whole and on disk. */
#include "import/import_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE ((size_t)256 << 10)

struct nilo_output {
    FILE *to;
    bool ours;
    char *path, *partial; /* NULL: a stream of the caller's */
    struct nilo__pack *pack;
    char *piece;
};

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n > m && strcmp(s + n - m, end) == 0;
}

static void done(struct nilo_output *o)
{
    if (o->ours && o->to != NULL)
        fclose(o->to);
    nilo__pack_free(o->pack);
    free(o->path);
    free(o->partial);
    free(o->piece);
    free(o);
}

static int open_path(struct nilo_output *o, const char *path, struct nilo_err *err)
{
    struct stat st;
    o->ours = true;
    o->path = strdup(path);
    if (o->path == NULL || asprintf(&o->partial, "%s.partial", path) < 0) {
        o->partial = NULL;
        return nilo_err_nomem(err);
    }
    if (lstat(path, &st) == 0)
        return nilo_err_set(err, NILO_EEXIST, "%s exists already; nothing was overwritten, name another file", path);
    o->to = fopen(o->partial, "we");
    if (o->to == NULL)
        return nilo_err_sys(err, NILO_EIO, "cannot write %s", path);
    if (ends_with(path, ".zst"))
        return nilo__pack_new(NILO__ZSTD, &o->pack, err);
    return ends_with(path, ".gz") ? nilo__pack_new(NILO__GZIP, &o->pack, err) : 0;
}

int nilo_output_open(const char *path, FILE *to, struct nilo_output **ret, struct nilo_err *err)
{
    struct nilo_output *o = calloc(1, sizeof *o);
    if (o == NULL)
        return nilo_err_nomem(err);
    o->to = to;
    int rc = (o->piece = malloc(PIECE)) == NULL ? nilo_err_nomem(err) : 0;
    if (rc == 0 && path != NULL) {
        o->to = NULL;
        rc = open_path(o, path, err);
    }
    if (rc != 0) {
        nilo_output_abort(o);
        return -1;
    }
    *ret = o;
    return 0;
}

static int put(struct nilo_output *o, const char *p, size_t n, struct nilo_err *err)
{
    if (n == 0 || fwrite(p, 1, n, o->to) == n)
        return 0;
    return nilo_err_sys(err, NILO_EIO, "cannot write %s", o->path != NULL ? o->path : "the export");
}

static int pack(struct nilo_output *o, const char *p, size_t n, bool end, struct nilo_err *err)
{
    int more;
    do {
        size_t out = 0;
        more = nilo__pack_step(o->pack, &p, &n, end, o->piece, PIECE, &out, err);
        if (more < 0 || put(o, o->piece, out, err) != 0)
            return -1;
    } while (more > 0);
    return 0;
}

int nilo_output_write(void *output, const char *p, size_t n, struct nilo_err *err)
{
    struct nilo_output *o = output;
    return o->pack != NULL ? pack(o, p, n, false, err) : put(o, p, n, err);
}

/* The folder's own entry must reach the disk, else the file may be nameless after a power cut. */
static int sync_folder(const char *path, struct nilo_err *err)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    if (folder == NULL)
        return nilo_err_nomem(err);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 || fsync(fd) != 0 ? nilo_err_sys(err, NILO_EIO, "cannot write %s safely to disk", path) : 0;
    if (fd >= 0)
        close(fd);
    free(folder);
    return rc;
}

static int name_it(struct nilo_output *o, struct nilo_err *err)
{
    bool failed = fsync(fileno(o->to)) != 0;
    int saved = errno;
    failed = fclose(o->to) != 0 || failed;
    o->to = NULL;
    if (failed) {
        errno = saved;
        return nilo_err_sys(err, NILO_EIO, "cannot write %s", o->path);
    }
    /* link, not rename: what appeared there meanwhile is not overwritten */
    if (link(o->partial, o->path) != 0) {
        if (errno == EEXIST)
            return nilo_err_set(err, NILO_EEXIST, "%s exists already; nothing was overwritten, name another file", o->path);
        if (rename(o->partial, o->path) != 0) /* a file system without links */
            return nilo_err_sys(err, NILO_EIO, "cannot name the export %s", o->path);
    }
    unlink(o->partial);
    return sync_folder(o->path, err);
}

int nilo_output_close(struct nilo_output *o, struct nilo_err *err)
{
    int rc = o->pack != NULL ? pack(o, "", 0, true, err) : 0;
    if (rc == 0 && fflush(o->to) != 0)
        rc = nilo_err_sys(err, NILO_EIO, "cannot write %s", o->path != NULL ? o->path : "the export");
    if (rc == 0 && o->path != NULL)
        rc = name_it(o, err);
    if (rc != 0) {
        nilo_output_abort(o);
        return -1;
    }
    done(o);
    return 0;
}

void nilo_output_abort(struct nilo_output *o)
{
    if (o == NULL)
        return;
    if (o->partial != NULL && o->to != NULL)
        unlink(o->partial);
    done(o);
}
