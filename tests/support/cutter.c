/* See cutter.h. One process, poll(); whole messages are counted by the protocol's own frames: a byte and a length. */
#include "support/cutter.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/tmp.h"

#define PIPES 16
#define SOCKET ".s.PGSQL.5432"

/* Seen by both processes. */
struct shared {
    _Atomic int64_t after, times, messages, cuts;
};
struct cutter {
    char folder[64];
    struct shared *shared;
    pid_t process;
};

struct pipe_ends {
    int client, server;
    int64_t messages;       /* whole ones that the server sent */
    unsigned char head[5];  /* of the message that is coming */
    size_t head_n, body;    /* bytes of the head so far; of the body still to come */
};

static struct pipe_ends pipes[PIPES];
static int n_pipes;

static void close_pipe(int i)
{
    close(pipes[i].client);
    close(pipes[i].server);
    pipes[i] = pipes[--n_pipes];
}

static bool send_all(int fd, const unsigned char *p, size_t n)
{
    while (n > 0) {
        ssize_t put = send(fd, p, n, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        p += put;
        n -= (size_t)put;
    }
    return true;
}

/* How many of n bytes may go on; sets *cut when the connection ends behind them. */
static size_t may_pass(struct shared *s, struct pipe_ends *p, const unsigned char *bytes, size_t n, bool *cut)
{
    for (size_t i = 0; i < n; i++) {
        if (p->head_n < sizeof p->head) {
            p->head[p->head_n++] = bytes[i];
            if (p->head_n == sizeof p->head)
                p->body = (((size_t)p->head[1] << 24) | ((size_t)p->head[2] << 16) | ((size_t)p->head[3] << 8) | p->head[4]) - 4;
        } else {
            p->body--;
        }
        if (p->head_n < sizeof p->head || p->body > 0)
            continue;
        p->head_n = 0;
        p->messages++;
        s->messages++;
        if (s->after >= 0 && p->messages >= s->after && s->times != 0) {
            *cut = true;
            return i + 1;
        }
    }
    return n;
}

static bool pass(struct shared *s, int i, bool from_server)
{
    static unsigned char bytes[65536];
    struct pipe_ends *p = &pipes[i];
    ssize_t n = read(from_server ? p->server : p->client, bytes, sizeof bytes);
    bool cut = false;
    if (n <= 0)
        return false;
    size_t most = from_server ? may_pass(s, p, bytes, (size_t)n, &cut) : (size_t)n;
    if (!send_all(from_server ? p->client : p->server, bytes, most))
        return false;
    if (cut) {
        s->cuts++;
        if (s->times > 0)
            s->times--;
    }
    return !cut;
}

static void take(struct shared *s, int listener, const struct sockaddr_un *server)
{
    int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0)
        return;
    bool refused = s->after == 0 && s->times != 0;
    int there = refused || n_pipes == PIPES ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (refused) {
        s->cuts++;
        if (s->times > 0)
            s->times--;
    }
    if (there < 0 || connect(there, (const struct sockaddr *)server, sizeof *server) != 0) {
        close(client);
        if (there >= 0)
            close(there);
        return;
    }
    pipes[n_pipes++] = (struct pipe_ends){.client = client, .server = there};
}

static void run(struct shared *s, int listener, const struct sockaddr_un *server)
{
    for (;;) {
        struct pollfd fds[1 + 2 * PIPES] = {{.fd = listener, .events = POLLIN}};
        int n = n_pipes;
        for (int i = 0; i < n; i++) {
            fds[1 + 2 * i] = (struct pollfd){.fd = pipes[i].client, .events = POLLIN};
            fds[2 + 2 * i] = (struct pollfd){.fd = pipes[i].server, .events = POLLIN};
        }
        if (poll(fds, (nfds_t)(1 + 2 * n), -1) < 0 && errno != EINTR)
            _exit(1);
        for (int i = n; i-- > 0;) {
            bool fine = fds[1 + 2 * i].revents == 0 || pass(s, i, false);
            fine = fine && (fds[2 + 2 * i].revents == 0 || pass(s, i, true));
            if (!fine)
                close_pipe(i);
        }
        if (fds[0].revents != 0)
            take(s, listener, server);
    }
}

static struct sockaddr_un address(const char *folder)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (snprintf(a.sun_path, sizeof a.sun_path, "%s/" SOCKET, folder) >= (int)sizeof a.sun_path) {
        fprintf(stderr, "cutter: the path of the socket is too long\n");
        exit(1);
    }
    return a;
}

struct cutter *cutter_new(const char *server_folder)
{
    static int count;
    struct cutter *c = calloc(1, sizeof *c);
    char name[16];
    snprintf(name, sizeof name, "cut%d", count++);
    const struct sockaddr_un server = address(server_folder);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c == NULL || listener < 0 || snprintf(c->folder, sizeof c->folder, "%s", nilo_test_path(name)) >= (int)sizeof c->folder ||
        mkdir(c->folder, 0700) != 0) {
        perror("cutter");
        exit(1);
    }
    const struct sockaddr_un own = address(c->folder);
    c->shared = mmap(NULL, sizeof *c->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (c->shared == MAP_FAILED || bind(listener, (const struct sockaddr *)&own, sizeof own) != 0 || listen(listener, 16) != 0) {
        perror("cutter");
        exit(1);
    }
    cutter_set(c, -1, -1);
    pid_t parent = getpid();
    c->process = fork();
    if (c->process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0L, 0L, 0L);
        if (getppid() == parent)
            run(c->shared, listener, &server);
        _exit(0);
    }
    close(listener);
    return c;
}

void cutter_free(struct cutter *c)
{
    if (c == NULL)
        return;
    kill(c->process, SIGKILL);
    waitpid(c->process, NULL, 0);
    munmap(c->shared, sizeof *c->shared);
    nilo_test_remove(c->folder);
    free(c);
}

const char *cutter_folder(const struct cutter *c)
{
    return c->folder;
}

void cutter_set(struct cutter *c, int64_t after, int64_t times)
{
    c->shared->after = -1;
    c->shared->messages = 0;
    c->shared->cuts = 0;
    c->shared->times = times;
    c->shared->after = after;
}

int64_t cutter_messages(const struct cutter *c)
{
    return c->shared->messages;
}

int64_t cutter_cuts(const struct cutter *c)
{
    return c->shared->cuts;
}
