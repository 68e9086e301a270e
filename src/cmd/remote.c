/* A command that writes while a daemon holds the store: it is handed over, and what it prints there is printed here. See daemon.c for what is said. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/http_chunk.h"
#include "base/hash.h"
#include "base/json.h"
#include "cmd/daemon.h"

#define PATH_MOST (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)

/* ---- where ------------------------------------------------------------------------------------------------------------------------ */

static char *hashed(const char *name)
{
    unsigned char hash[NILO_SHA256_LEN];
    char hex[33], *path;
    const char *folder = getenv("XDG_RUNTIME_DIR");
    nilo_sha256(name, strlen(name), hash);
    nilo_hex(hash, 16, hex);
    if (asprintf(&path, "%s/nilometer-%ld-%s.sock", folder != NULL && folder[0] == '/' ? folder : "/tmp", (long)geteuid(), hex) < 0)
        return NULL;
    if (strlen(path) <= PATH_MOST)
        return path;
    free(path);
    return NULL;
}

/* The same store may be named by several URLs, but only it has this identity and lies in that database: a copy of it has another socket. */
static char *of_server(const char *target, const struct nilo_env *env)
{
    struct nilo_store *s;
    char id[NILO_UUID_TEXT], *place = NULL, *name = NULL, *path = NULL;
    if (nilo_store_open(target, NILO_STORE_READ, env, &s, NULL) != 0)
        return NULL;
    nilo_uuid_format(nilo_store_uuid(s), id);
    if (nilo_store_place(s, &place, NULL) == 0 && asprintf(&name, "%s %s", id, place) >= 0)
        path = hashed(name);
    free(name);
    free(place);
    nilo_store_close(s);
    return path;
}

char *nilo__socket_path(const char *target, const struct nilo_env *env)
{
    char *path = NULL;
    if (strncmp(target, "postgres://", 11) == 0 || strncmp(target, "postgresql://", 13) == 0)
        return of_server(target, env);
    char *real = realpath(strncmp(target, "sqlite:", 7) == 0 ? target + 7 : target, NULL);
    if (real == NULL)
        return NULL;
    if (asprintf(&path, "%s.sock", real) >= 0 && strlen(path) > PATH_MOST) {
        free(path);
        path = hashed(real);
    }
    free(real);
    return path;
}

/* In a folder that everybody may write to, somebody else could listen under our name. */
static bool trusted(int fd)
{
    struct ucred peer;
    socklen_t n = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && (peer.uid == geteuid() || peer.uid == 0 || geteuid() == 0);
}

static int call_daemon(const char *path)
{
    union {
        struct sockaddr any;
        struct sockaddr_un local;
    } to;
    memset(&to, 0, sizeof to);
    to.local.sun_family = AF_UNIX;
    memcpy(to.local.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, &to.any, sizeof to.local) == 0 && trusted(fd))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* ---- standard input: a file that the daemon can read ----------------------------------------------------------------------------------- */

static bool wants_input(const struct nilo_cmd_ctx *ctx)
{
    for (int i = 0; i < nilo_args_rest_n(ctx->args); i++) {
        if (strcmp(ctx->cmd->name, "import") == 0 && strcmp(nilo_args_rest(ctx->args, i), "-") == 0)
            return true;
    }
    return false;
}

static int copy(int from, int to, struct nilo_err *err)
{
    char bytes[65536];
    ssize_t n;
    while ((n = read(from, bytes, sizeof bytes)) > 0) {
        for (ssize_t at = 0, did; at < n; at += did) {
            did = write(to, bytes + at, (size_t)(n - at));
            if (did < 0)
                return nilo_err_sys(err, NILO_EIO, "cannot keep the standard input for the server");
        }
    }
    return n == 0 ? 0 : nilo_err_sys(err, NILO_EIO, "cannot read the standard input");
}

/* Whole before anything is asked: a command that is killed while it reads has done nothing. */
static int spool(const struct nilo_env *env, char **ret, struct nilo_err *err)
{
    const char *folder = env->tmp_dir != NULL ? env->tmp_dir : getenv("TMPDIR");
    if (asprintf(ret, "%s/nilometer-input-XXXXXX", folder != NULL && folder[0] != '\0' ? folder : "/tmp") < 0) {
        *ret = NULL;
        return nilo_err_nomem(err);
    }
    int fd = mkostemp(*ret, O_CLOEXEC);
    if (fd < 0) {
        nilo_err_sys(err, NILO_EIO, "cannot keep the standard input for the server in %s", *ret);
        free(*ret);
        *ret = NULL;
        return -1;
    }
    int rc = copy(STDIN_FILENO, fd, err);
    close(fd);
    return rc;
}

/* ---- what is asked -------------------------------------------------------------------------------------------------------------------- */

static void add_option(struct nilo_json_out *o, const struct nilo_option *options, const struct nilo__given *g)
{
    char *text;
    for (; options->name != NULL; options++) {
        if (strcmp(options->name, g->name) != 0)
            continue;
        bool told = options->arg != NULL ? asprintf(&text, "--%s=%s", g->name, g->value) >= 0 : asprintf(&text, "--%s", g->name) >= 0;
        if (!told) {
            o->buf->failed = true;
            return;
        }
        nilo_json_str(o, text);
        free(text);
        return;
    }
}

static void add_args(struct nilo_json_out *o, const struct nilo_cmd_ctx *ctx)
{
    const struct nilo_args *a = ctx->args;
    const char *config = getenv("NILOMETER_CONFIG");
    nilo_json_str(o, ctx->cmd->name);
    for (int i = 0; i < a->n_given; i++) {
        if (strcmp(a->given[i].name, "store") == 0)
            continue;
        add_option(o, nilo__global_options, &a->given[i]);
        add_option(o, ctx->cmd->options, &a->given[i]);
    }
    if (ctx->config_path == NULL && config != NULL && config[0] != '\0')
        add_option(o, nilo__global_options, &(struct nilo__given){"config", config});
    nilo_json_str(o, "--");
    for (int i = 0; i < a->n_rest; i++)
        nilo_json_str(o, a->rest[i]);
}

static int write_order(const struct nilo_cmd_ctx *ctx, const char *input, struct nilo_buf *body, struct nilo_err *err)
{
    struct nilo_json_out o;
    char folder[PATH_MAX];
    if (getcwd(folder, sizeof folder) == NULL)
        return nilo_err_sys(err, NILO_EIO, "cannot tell the folder we are in");
    nilo_json_out_init(&o, body);
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "args");
    nilo_json_array_begin(&o);
    add_args(&o, ctx);
    nilo_json_array_end(&o);
    nilo_json_key(&o, "folder");
    nilo_json_str(&o, folder);
    nilo_json_key(&o, "terminal");
    nilo_json_str(&o, ctx->err_tty ? "yes" : NULL);
    nilo_json_key(&o, "login");
    nilo_json_str(&o, getenv("USER"));
    nilo_json_key(&o, "input");
    nilo_json_str(&o, input);
    if (ctx->secret != NULL) {
        nilo_json_key(&o, "secret");
        nilo_json_strn(&o, ctx->secret, ctx->secret_len);
    }
    nilo_json_object_end(&o);
    return body->failed ? nilo_err_nomem(err) : 0;
}

static bool send_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t did = send(fd, p, n, MSG_NOSIGNAL);
        if (did < 0 && errno == EINTR)
            continue;
        if (did <= 0)
            return false;
        p += did;
        n -= (size_t)did;
    }
    return true;
}

static bool ask(int fd, const struct nilo_buf *body)
{
    char head[256];
    int n = snprintf(head, sizeof head, "POST /commands HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", body->len);
    return send_all(fd, head, (size_t)n) && send_all(fd, body->data, body->len);
}

/* ---- what comes back -------------------------------------------------------------------------------------------------------------------- */

struct pieces {
    struct nilo_cmd_ctx *ctx;
    char line[40]; /* the head of the piece at hand */
    size_t n_line;
    FILE *to;      /* where the rest of a piece goes; NULL: a head comes next */
    size_t left;
    int status;    /* -1: not said */
};

static void take_head(struct pieces *p)
{
    p->line[p->n_line] = '\0';
    p->n_line = 0;
    if (p->line[0] == 'x')
        p->status = (int)strtol(p->line + 1, NULL, 10);
    else
        p->left = strtoul(p->line + 1, NULL, 16);
    p->to = p->line[0] == 'o' && p->left > 0 ? p->ctx->out : p->line[0] == 'e' && p->left > 0 ? p->ctx->err_out : NULL;
}

static void take_pieces(struct pieces *p, const char *at, size_t n)
{
    while (n > 0) {
        size_t some = p->to == NULL ? 1 : n < p->left ? n : p->left;
        if (p->to == NULL && *at == '\n') {
            take_head(p);
        } else if (p->to == NULL) {
            p->line[p->n_line] = *at;
            p->n_line += p->n_line + 1 < sizeof p->line;
        } else {
            fwrite(at, 1, some, p->to);
            fflush(p->to);
            p->left -= some;
            p->to = p->left > 0 ? p->to : NULL;
        }
        at += some;
        n -= some;
    }
}

/* The head of the answer: everything up to an empty line. Returns what had come of the body, or -1. */
static ssize_t take_answer_head(int fd, char *bytes, size_t size, size_t *ret_at)
{
    size_t have = 0;
    for (;;) {
        ssize_t n = recv(fd, bytes + have, size - 1 - have, 0);
        if (n <= 0)
            return -1;
        have += (size_t)n;
        bytes[have] = '\0';
        const char *end = strstr(bytes, "\r\n\r\n");
        if (end != NULL) {
            *ret_at = (size_t)(end + 4 - bytes);
            return (ssize_t)have;
        }
        if (have + 1 >= size)
            return -1;
    }
}

static int refused(struct nilo_cmd_ctx *ctx, const char *body)
{
    char text[600];
    const char *from = strstr(body, "\"message\":\""), *to = from != NULL ? strstr(from + 11, "\",\"details\"") : NULL;
    snprintf(text, sizeof text, "the server that holds the store did not take the command: %.*s", to != NULL ? (int)(to - from - 11) : 100,
             to != NULL ? from + 11 : body);
    nilo__say(ctx->err_out, ctx->cmd->name, text);
    return 1;
}

static int take_answer(struct nilo_cmd_ctx *ctx, int fd)
{
    struct pieces p = {.ctx = ctx, .status = -1};
    struct nilo_http_chunks chunks;
    char bytes[65536];
    size_t at = 0;
    ssize_t have = take_answer_head(fd, bytes, sizeof bytes, &at);
    if (have > 0 && strncmp(bytes, "HTTP/1.1 200", 12) != 0)
        return refused(ctx, bytes + at);
    nilo_http_chunks_start(&chunks, INT64_MAX);
    while (have > 0) {
        enum nilo_http_step step = NILO_HTTP_MORE;
        while (at < (size_t)have && step == NILO_HTTP_MORE) {
            size_t used, n;
            const char *data;
            step = nilo_http_chunks_next(&chunks, bytes + at, (size_t)have - at, &used, &data, &n);
            take_pieces(&p, data, n);
            at += used;
        }
        if (step != NILO_HTTP_MORE)
            break;
        at = 0;
        have = recv(fd, bytes, sizeof bytes, 0);
        if (have < 0 && errno == EINTR)
            have = 0;
    }
    if (p.status < 0)
        nilo__say(ctx->err_out, ctx->cmd->name, "the server that holds the store ended before the command did; what it had recorded stays");
    return p.status < 0 ? 1 : p.status;
}

static int hand_over(struct nilo_cmd_ctx *ctx, int fd)
{
    struct nilo_buf body;
    struct nilo_err err = {0};
    char *input = NULL;
    int status = 1;
    nilo_buf_init(&body, (size_t)1 << 20);
    int rc = wants_input(ctx) ? spool(ctx->env, &input, &err) : 0;
    if (rc == 0)
        rc = write_order(ctx, input, &body, &err);
    if (rc != 0)
        nilo__say(ctx->err_out, ctx->cmd->name, err.msg);
    else if (!ask(fd, &body))
        nilo__say(ctx->err_out, ctx->cmd->name, "the server that holds the store does not take the command; nothing was done");
    else
        status = take_answer(ctx, fd);
    if (input != NULL)
        unlink(input);
    free(input);
    if (body.data != NULL)
        nilo_secret_wipe(body.data, body.len);
    nilo_buf_done(&body);
    return status;
}

bool nilo__remote(struct nilo_cmd_ctx *ctx, int *ret_status)
{
    char *target = NULL;
    if (ctx->share != NULL || ctx->cmd->writes == NILO_CMD_READS || (ctx->cmd->stays != NULL && ctx->cmd->stays(ctx)) || nilo_cmd_target(ctx, &target, NULL) != 0)
        return false;
    if (ctx->cmd->writes_with != NULL && nilo_args_get(ctx->args, ctx->cmd->writes_with) == NULL) {
        free(target);
        return false;
    }
    char *path = nilo__socket_path(target, ctx->env);
    int fd = path != NULL ? call_daemon(path) : -1;
    free(path);
    free(target);
    if (fd < 0)
        return false;
    *ret_status = hand_over(ctx, fd);
    close(fd);
    return true;
}
