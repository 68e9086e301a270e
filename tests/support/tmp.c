#include "support/tmp.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[4096];
static pid_t owner;

struct name {
    struct name *next;
    char path[];
};
static struct name *names;

static void die(const char *what, const char *path)
{
    fprintf(stderr, "test support: %s %s: %s\n", what, path, strerror(errno));
    exit(99);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    remove(path);
    return 0;
}

void nilo_test_remove(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void at_exit(void)
{
    if (getpid() != owner) /* a forked child must not take the folder from its parent */
        return;
    nilo_test_remove(folder);
    while (names != NULL) {
        struct name *next = names->next;
        free(names);
        names = next;
    }
}

const char *nilo_test_tmp(void)
{
    if (folder[0] != '\0')
        return folder;
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/nilo-test-XXXXXX", base != NULL && base[0] != '\0' ? base : "/tmp");
    if (mkdtemp(folder) == NULL)
        die("cannot make", folder);
    owner = getpid();
    atexit(at_exit);
    return folder;
}

const char *nilo_test_path(const char *name)
{
    size_t size = strlen(nilo_test_tmp()) + strlen(name) + 2;
    for (struct name *n = names; n != NULL; n = n->next) {
        if (strlen(n->path) + 1 == size && strcmp(n->path + strlen(folder) + 1, name) == 0)
            return n->path;
    }
    struct name *n = malloc(sizeof *n + size);
    if (n == NULL)
        die("no memory for", name);
    snprintf(n->path, size, "%s/%s", folder, name);
    n->next = names;
    names = n;
    return n->path;
}

void nilo_test_write(const char *path, const void *bytes, unsigned long n)
{
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(bytes, 1, n, f) != n || fclose(f) != 0)
        die("cannot write", path);
}

static int copy_bytes(int in, int out)
{
    static char bytes[1 << 16];
    ssize_t n;
    while ((n = read(in, bytes, sizeof bytes)) > 0)
        if (write(out, bytes, (size_t)n) != n)
            return -1;
    return n < 0 ? -1 : 0;
}

static int copy_file(const char *from, const char *to, const struct stat *st)
{
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int rc = in < 0 || out < 0 || copy_bytes(in, out) != 0 || fchmod(out, st->st_mode & 07777) != 0 ? -1 : 0;
    if (in >= 0)
        close(in);
    if (out >= 0 && close(out) != 0)
        rc = -1;
    return rc;
}

void nilo_test_copy(const char *from, const char *to)
{
    struct stat st;
    if (stat(from, &st) != 0 || copy_file(from, to, &st) != 0)
        die("cannot copy to", to);
}

static struct {
    size_t from; /* length of the path of the folder that is copied */
    const char *to;
    uid_t uid;
    gid_t gid;
} tree;

static int copy_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)where;
    char to[4096];
    if ((size_t)snprintf(to, sizeof to, "%s%s", tree.to, path + tree.from) >= sizeof to)
        return -1;
    int rc = type == FTW_D ? mkdir(to, st->st_mode & 07777) : type == FTW_F ? copy_file(path, to, st) : -1;
    return rc != 0 || chown(to, tree.uid, tree.gid) != 0 ? -1 : 0;
}

int nilo_test_copy_tree(const char *from, const char *to, uid_t uid, gid_t gid)
{
    tree.from = strlen(from);
    tree.to = to;
    tree.uid = uid;
    tree.gid = gid;
    return nftw(from, copy_one, 16, FTW_PHYS) == 0 ? 0 : -1;
}
