#include "support/tmp.h"

#include <errno.h>
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

void nilo_test_copy(const char *from, const char *to)
{
    static char bytes[1 << 16];
    struct stat st;
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    if (in == NULL || fstat(fileno(in), &st) != 0)
        die("cannot read", from);
    if (out == NULL || fchmod(fileno(out), st.st_mode & 07777) != 0)
        die("cannot write", to);
    for (size_t n; (n = fread(bytes, 1, sizeof bytes, in)) > 0;)
        if (fwrite(bytes, 1, n, out) != n)
            die("cannot write", to);
    if (ferror(in) || fclose(in) != 0)
        die("cannot read", from);
    if (fclose(out) != 0)
        die("cannot write", to);
}
