/* Listening sockets. TCP: one a loop with SO_REUSEPORT, so that the kernel spreads connections and no loop wakes for another's. Unix sockets and
 * those that systemd hands over are one socket that all loops look at. */
#include "api/server_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
};

/* "127.0.0.1:80", "[::1]:80": literal addresses only, no names are looked up */
static int parse(const char *text, union address *ret, socklen_t *ret_n, struct nilo_err *err)
{
    char host[64];
    const char *colon = strrchr(text, ':');
    size_t n = colon != NULL ? (size_t)(colon - text) : 0;
    char *end = NULL;
    long port = colon != NULL && colon[1] >= '0' && colon[1] <= '9' ? strtol(colon + 1, &end, 10) : -1;
    memset(ret, 0, sizeof(*ret));
    if (n > 0 && n < sizeof(host) && port >= 0 && port <= 65535 && *end == '\0') {
        bool six = text[0] == '[' && text[n - 1] == ']';
        snprintf(host, sizeof(host), "%.*s", (int)(six ? n - 2 : n), six ? text + 1 : text);
        *ret_n = six ? sizeof(ret->v6) : sizeof(ret->v4);
        if (six && inet_pton(AF_INET6, host, &ret->v6.sin6_addr) == 1) {
            ret->v6.sin6_family = AF_INET6;
            ret->v6.sin6_port = htons((uint16_t)port);
            return 0;
        }
        if (!six && inet_pton(AF_INET, host, &ret->v4.sin_addr) == 1) {
            ret->v4.sin_family = AF_INET;
            ret->v4.sin_port = htons((uint16_t)port);
            return 0;
        }
    }
    return nilo_err_set(err, NILO_EINVAL, "\"%s\" is no address to listen at; write 127.0.0.1:8080, [::1]:8080 or unix:/path", text);
}

int nilo_listen_check(const char *address, struct nilo_err *err)
{
    union address a;
    socklen_t n;
    return strncmp(address, "unix:", 5) == 0 ? 0 : parse(address, &a, &n, err);
}

static void name(struct nilo__listener *l, int fd)
{
    union address a;
    socklen_t n = sizeof(a);
    char host[64];
    memset(&a, 0, sizeof(a));
    if (getsockname(fd, &a.any, &n) != 0)
        return;
    if (a.any.sa_family == AF_INET)
        snprintf(l->address, sizeof(l->address), "%s:%d", inet_ntop(AF_INET, &a.v4.sin_addr, host, sizeof(host)), ntohs(a.v4.sin_port));
    else if (a.any.sa_family == AF_INET6)
        snprintf(l->address, sizeof(l->address), "[%s]:%d", inet_ntop(AF_INET6, &a.v6.sin6_addr, host, sizeof(host)), ntohs(a.v6.sin6_port));
    else
        snprintf(l->address, sizeof(l->address), "unix:%s", a.local.sun_path);
    l->local = a.any.sa_family == AF_UNIX;
}

static int open_tcp(const union address *a, socklen_t n, bool shared, bool listening)
{
    int one = 1, fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
        (!shared || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) == 0) && bind(fd, &a->any, n) == 0 &&
        (!listening || listen(fd, BACKLOG) == 0))
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static int listen_tcp(const char *text, int loops, struct nilo__listener *ret, struct nilo_err *err)
{
    union address a;
    socklen_t n = 0;
    if (parse(text, &a, &n, err) != 0)
        return -1;
    /* With SO_REUSEPORT a second server of the same user would silently share the port. A socket without it finds out whether it is free. */
    int probe = open_tcp(&a, n, false, false);
    if (probe < 0)
        return errno == EADDRINUSE ? nilo_err_set(err, NILO_EIO, "cannot listen at %s: the port is in use", text)
                                   : nilo_err_sys(err, NILO_EIO, "cannot listen at %s", text);
    close(probe);
    for (int i = 0; i < loops; i++) {
        ret->fds[i] = open_tcp(&a, n, true, true);
        if (ret->fds[i] < 0)
            return nilo_err_sys(err, NILO_EIO, "cannot listen at %s", text);
        if (i == 0 && getsockname(ret->fds[0], &a.any, &n) != 0) /* port 0: the others take the one that was found */
            return nilo_err_sys(err, NILO_EIO, "cannot listen at %s", text);
    }
    name(ret, ret->fds[0]);
    return 0;
}

/* A file that a dead server left behind goes; one that somebody listens at does not. */
static int clear_path(const union address *a, const char *path, struct nilo_err *err)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return 0;
    if (!S_ISSOCK(st.st_mode))
        return nilo_err_set(err, NILO_EIO, "cannot listen at unix:%s: there is a file of that name that is no socket", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return nilo_err_sys(err, NILO_EIO, "cannot listen at unix:%s", path);
    int rc = connect(fd, &a->any, sizeof(a->local));
    int why = errno;
    close(fd);
    if (rc == 0 || why != ECONNREFUSED)
        return nilo_err_set(err, NILO_EIO, "cannot listen at unix:%s: somebody else listens there", path);
    unlink(path);
    return 0;
}

static int listen_local(const char *path, struct nilo__listener *ret, struct nilo_err *err)
{
    union address a;
    memset(&a, 0, sizeof(a));
    a.local.sun_family = AF_UNIX;
    if (path[0] == '\0' || strlen(path) >= sizeof(a.local.sun_path))
        return nilo_err_set(err, NILO_EINVAL, "the path of the socket is empty or longer than %zu bytes: %s", sizeof(a.local.sun_path) - 1, path);
    memcpy(a.local.sun_path, path, strlen(path));
    if (clear_path(&a, path, err) != 0)
        return -1;
    ret->fds[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* the mode before listen(): nobody can connect in between */
    if (ret->fds[0] < 0 || bind(ret->fds[0], &a.any, sizeof(a.local)) != 0)
        return nilo_err_sys(err, NILO_EIO, "cannot listen at unix:%s", path);
    snprintf(ret->path, sizeof(ret->path), "%s", path);
    if (chmod(path, 0600) != 0 || listen(ret->fds[0], BACKLOG) != 0)
        return nilo_err_sys(err, NILO_EIO, "cannot listen at unix:%s", path);
    name(ret, ret->fds[0]);
    return 0;
}

static int take_over(int fd, struct nilo__listener *ret, struct nilo_err *err)
{
    int listening = 0;
    socklen_t n = sizeof(listening);
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &n) != 0 || !listening)
        return nilo_err_set(err, NILO_EINVAL, "descriptor %d is no listening stream socket", fd);
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return nilo_err_sys(err, NILO_EIO, "cannot use descriptor %d", fd);
    ret->fds[0] = fd;
    name(ret, fd);
    return 0;
}

int nilo__listen(const struct nilo_listen *l, int loops, struct nilo__listener *ret, struct nilo_err *err)
{
    *ret = (struct nilo__listener){.tls = l->tls, .proxied = l->proxied};
    for (int i = 0; i < NILO__LOOPS_MAX; i++)
        ret->fds[i] = -1;
    int rc;
    if (l->fd > 0)
        rc = take_over(l->fd, ret, err);
    else if (strncmp(l->address, "unix:", 5) == 0)
        rc = listen_local(l->address + 5, ret, err);
    else
        rc = listen_tcp(l->address, loops, ret, err);
    for (int i = 1; rc == 0 && i < loops; i++) {
        if (ret->fds[i] >= 0)
            continue;
        ret->fds[i] = fcntl(ret->fds[0], F_DUPFD_CLOEXEC, 3);
        if (ret->fds[i] < 0)
            rc = nilo_err_sys(err, NILO_EIO, "cannot listen at %s", ret->address);
    }
    if (rc != 0)
        nilo__listener_close(ret);
    return rc;
}

void nilo__listener_close(struct nilo__listener *l)
{
    for (int i = 0; i < NILO__LOOPS_MAX; i++) {
        if (l->fds[i] >= 0)
            close(l->fds[i]);
        l->fds[i] = -1;
    }
    if (l->path[0] != '\0')
        unlink(l->path);
    l->path[0] = '\0';
}
