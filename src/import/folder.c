/* Private folders in the temporary folder that do not outlive their process for long: each is locked while it is used, and whoever makes a
 * new one removes those whose lock nobody holds any more (their process was killed). */
#include "import/import_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX "-XXXXXX"
#define TRIES 100

static const char *tmp_folder(const char *tmp_dir)
{
    if (tmp_dir != NULL && tmp_dir[0] != '\0')
        return tmp_dir;
    const char *env = getenv("TMPDIR");
    return env != NULL && env[0] != '\0' ? env : "/tmp";
}

static int open_folder(int at, const char *name)
{
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Files only; we never make folders in it. The descriptor is used up. */
static void empty_folder(int fd)
{
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        close(fd);
        return;
    }
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            unlinkat(dirfd(dir), e->d_name, 0);
    }
    closedir(dir);
}

/* Ours by owner and mode, and nobody holds it. Others' folders in a shared /tmp are none of our business. */
static void remove_if_dead(int at, const char *name)
{
    struct stat st;
    int fd = open_folder(at, name);
    if (fd < 0)
        return;
    if (fstat(fd, &st) != 0 || st.st_uid != geteuid() || (st.st_mode & 077) != 0 || flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return;
    }
    empty_folder(dup(fd));
    unlinkat(at, name, AT_REMOVEDIR);
    close(fd);
}

static void remove_dead_ones(const char *tmp, const char *prefix)
{
    size_t len = strlen(prefix);
    DIR *dir = opendir(tmp);
    if (dir == NULL)
        return;
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (strncmp(e->d_name, prefix, len) == 0 && strlen(e->d_name) == len + strlen(SUFFIX) && e->d_name[len] == '-')
            remove_if_dead(dirfd(dir), e->d_name);
    }
    closedir(dir);
}

/* 1 made and locked, 0 someone took it for a dead one in between, -1 error */
static int make(struct nilo_import_folder *f, struct nilo_err *err)
{
    if (mkdtemp(f->path) == NULL)
        return nilo_err_sys(err, NILO_EIO, "cannot make a temporary folder %s", f->path);
    f->fd = open_folder(AT_FDCWD, f->path);
    struct stat here, there;
    if (f->fd >= 0 && flock(f->fd, LOCK_EX | LOCK_NB) == 0 && stat(f->path, &there) == 0 && fstat(f->fd, &here) == 0 &&
        here.st_ino == there.st_ino)
        return 1;
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
    return 0;
}

int nilo_import_folder_make(const char *tmp_dir, const char *prefix, struct nilo_import_folder *ret, struct nilo_err *err)
{
    const char *tmp = tmp_folder(tmp_dir);
    struct nilo_import_folder f = {.fd = -1};
    remove_dead_ones(tmp, prefix);
    for (int i = 0; i < TRIES; i++) {
        if (asprintf(&f.path, "%s/%s" SUFFIX, tmp, prefix) < 0)
            return nilo_err_nomem(err);
        int rc = make(&f, err);
        if (rc == 1) {
            *ret = f;
            return 0;
        }
        free(f.path);
        if (rc < 0)
            return -1;
    }
    return nilo_err_set(err, NILO_EIO, "cannot make a temporary folder in %s", tmp);
}

void nilo_import_folder_remove(struct nilo_import_folder *f)
{
    if (f->path == NULL)
        return;
    int fd = open_folder(AT_FDCWD, f->path);
    if (fd >= 0)
        empty_folder(fd);
    rmdir(f->path);
    close(f->fd);
    free(f->path);
    *f = (struct nilo_import_folder){.fd = -1};
}
