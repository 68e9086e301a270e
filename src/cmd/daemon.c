/* What `serve` holds besides its server: the store, the configuration, the writer, tasks; and commands that it runs for others. See daemon.h.
 *
 * A command comes as POST /commands over the Unix socket, {"args": [...], "folder": "/where/it/was/called", "terminal": false, "login": "who",
 * "input": "/file/with/its/standard/input"}, and is run by the very function that the command line runs, on a lane of tasks, with a
 * handle of the held store. What it prints goes back in pieces, "o" or "e", the number of bytes in hexadecimal, a newline and the bytes (standard output,
 * standard error), and at last "x", the exit status and a newline. Who gets no "x" does not know how it ended. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api/settings.h"
#include "api/task.h"
#include "api/writer.h"
#include "base/json.h"
#include "base/log.h"
#include "cmd/daemon.h"
#include "import/import.h"

#define ARGS_MOST 4096
#define BACKLOG ((size_t)64 << 20)

/* ---- a command for somebody --------------------------------------------------------------------------------------------------- */

struct order {
    struct nilo__daemon *daemon;
    struct nilo_stream *stream;
    struct nilo_arena arena;
    char **args;
    int n_args;
    const char *folder, *login, *input;
    char *secret;
    size_t secret_len;
    bool terminal;
};

static void order_free(void *ctx)
{
    struct order *o = ctx;
    if (o->stream != NULL)
        nilo_stream_close(o->stream);
    nilo_secret_free(o->secret);
    nilo_arena_done(&o->arena);
    free(o);
}

static void send_piece(struct order *o, char kind, const char *p, size_t n)
{
    char head[40];
    int len = snprintf(head, sizeof head, "%c%zx\n", kind, n);
    /* who has left, has left: the command goes on */
    if (nilo_stream_send(o->stream, head, (size_t)len))
        (void)nilo_stream_send(o->stream, p, n);
}

static ssize_t write_out(void *ctx, const char *p, size_t n)
{
    send_piece(ctx, 'o', p, n);
    return (ssize_t)n;
}

static ssize_t write_err(void *ctx, const char *p, size_t n)
{
    send_piece(ctx, 'e', p, n);
    return (ssize_t)n;
}

static void send_status(struct order *o, int status)
{
    char text[16];
    int n = snprintf(text, sizeof text, "x%d\n", status);
    (void)nilo_stream_send(o->stream, text, (size_t)n);
}

/* Each lane has a folder of its own to stand in, so that names mean what they meant to the caller. */
static int enter(const char *folder, struct nilo_err *err)
{
    static _Thread_local bool own;
    if (!own && unshare(CLONE_FS) != 0)
        return nilo_err_sys(err, NILO_EIO, "the server cannot go into the folder that the command was called in");
    own = true;
    return chdir(folder) == 0 ? 0 : nilo_err_sys(err, NILO_EIO, "the server cannot go into %s", folder);
}

static int run_in_folder(struct order *o, FILE *out, FILE *err_out)
{
    struct nilo_err err = {0};
    int input = -1, status;
    const struct nilo_cmd_ctx base = {
        .env = o->daemon->ctx->env, .share = o->daemon->api->share, .err_tty = o->terminal, .login = o->login, .out = out, .err_out = err_out,
        .secret = o->secret, .secret_len = o->secret_len,
    };
    if (enter(o->folder, &err) == 0 && o->input != NULL && (input = open(o->input, O_RDONLY | O_CLOEXEC)) < 0)
        nilo_err_sys(&err, NILO_EIO, "the server cannot read the standard input of the command");
    if (err.code != NILO_OK) {
        nilo__say(err_out, o->n_args > 1 ? o->args[1] : NULL, err.msg);
        return 1;
    }
    nilo_import_stdin(input);
    status = nilo__cmd_main(o->n_args, o->args, &base);
    nilo_import_stdin(-1);
    if (input >= 0)
        close(input);
    /* the server's own work on this lane means its own folder */
    if (chdir(o->daemon->home) != 0)
        nilo_log(NILO_LOG_ERROR, "the folder of the server is gone", {"folder", o->daemon->home});
    return status;
}

static void run_order(void *ctx)
{
    struct order *o = ctx;
    FILE *out = fopencookie(o, "w", (cookie_io_functions_t){.write = write_out});
    FILE *err_out = fopencookie(o, "w", (cookie_io_functions_t){.write = write_err});
    int status = 1;
    if (out != NULL && err_out != NULL) {
        setvbuf(err_out, NULL, _IOLBF, 4096);
        status = run_in_folder(o, out, err_out);
    }
    if (out != NULL)
        fclose(out);
    if (err_out != NULL)
        fclose(err_out);
    send_status(o, status);
    nilo_stream_close(o->stream);
    o->stream = NULL;
}

/* ---- reading what is asked --------------------------------------------------------------------------------------------------------- */

static int take_text(struct order *o, struct nilo_json *j, const char **ret, struct nilo_err *err)
{
    enum nilo_json_event event;
    const char *text;
    size_t n;
    if (nilo_json_next(j, &event, &text, &n, err) != 0)
        return -1;
    if (event == NILO_JSON_NULL)
        return 0;
    if (event != NILO_JSON_STRING)
        return nilo_err_set(err, NILO_EBODY, "a text is expected");
    *ret = nilo_arena_strndup(&o->arena, text, n);
    return *ret != NULL ? 0 : nilo_err_nomem(err);
}

static int take_secret(struct order *o, struct nilo_json *j, struct nilo_err *err)
{
    enum nilo_json_event event;
    const char *text;
    size_t n;
    if (nilo_json_next(j, &event, &text, &n, err) != 0)
        return -1;
    if (event != NILO_JSON_STRING)
        return nilo_err_set(err, NILO_EBODY, "a text is expected");
    nilo_secret_free(o->secret);
    o->secret = nilo_secret_alloc(n + 1);
    if (o->secret == NULL)
        return nilo_err_nomem(err);
    memcpy(o->secret, text, n);
    o->secret[n] = '\0';
    o->secret_len = n;
    return 0;
}

static int take_list(struct order *o, struct nilo_json *j, struct nilo_err *err)
{
    enum nilo_json_event event;
    const char *text;
    size_t n;
    o->args = nilo_arena_array(&o->arena, ARGS_MOST + 2, sizeof *o->args);
    if (o->args == NULL)
        return nilo_err_nomem(err);
    o->args[o->n_args++] = nilo_arena_strdup(&o->arena, "nilometer");
    if (nilo_json_next(j, &event, &text, &n, err) != 0)
        return -1;
    if (event != NILO_JSON_ARRAY_BEGIN)
        return nilo_err_set(err, NILO_EBODY, "a list of texts is expected");
    while (nilo_json_next(j, &event, &text, &n, err) == 0 && event == NILO_JSON_STRING) {
        if (o->n_args > ARGS_MOST)
            return nilo_err_set(err, NILO_EBODY, "more than %d arguments", ARGS_MOST);
        o->args[o->n_args++] = nilo_arena_strndup(&o->arena, text, n);
    }
    for (int i = 0; i < o->n_args; i++) {
        if (o->args[i] == NULL)
            return nilo_err_nomem(err);
    }
    return event == NILO_JSON_ARRAY_END ? 0 : nilo_err_set(err, NILO_EBODY, "a list of texts is expected");
}

static bool is(const char *text, size_t n, const char *word)
{
    return strlen(word) == n && memcmp(text, word, n) == 0;
}

static int take_member(struct order *o, struct nilo_json *j, const char *name, size_t n, struct nilo_err *err)
{
    const char *yes = NULL;
    if (is(name, n, "args"))
        return take_list(o, j, err);
    if (is(name, n, "folder"))
        return take_text(o, j, &o->folder, err);
    if (is(name, n, "login"))
        return take_text(o, j, &o->login, err);
    if (is(name, n, "input"))
        return take_text(o, j, &o->input, err);
    if (is(name, n, "secret"))
        return take_secret(o, j, err);
    if (!is(name, n, "terminal"))
        return nilo_json_skip(j, err);
    int rc = take_text(o, j, &yes, err);
    o->terminal = yes != NULL;
    return rc;
}

static int take_order(struct order *o, const char *body, size_t n, struct nilo_err *err)
{
    struct nilo_json *j;
    enum nilo_json_event event;
    const char *text;
    size_t len;
    if (nilo_json_new(body, n, NILO_JSON_DEFAULT_LIMITS, &j, err) != 0)
        return -1;
    int rc = nilo_json_next(j, &event, &text, &len, err);
    if (rc == 0 && event != NILO_JSON_OBJECT_BEGIN)
        rc = nilo_err_set(err, NILO_EBODY, "an object is expected");
    while (rc == 0 && (rc = nilo_json_next(j, &event, &text, &len, err)) == 0 && event == NILO_JSON_KEY)
        rc = take_member(o, j, text, len, err);
    if (rc == 0) /* nothing behind it */
        rc = nilo_json_next(j, &event, &text, &len, err);
    nilo_json_free(j);
    if (rc == 0 && (o->n_args < 2 || o->folder == NULL || o->folder[0] != '/'))
        rc = nilo_err_set(err, NILO_EBODY, "args and an absolute folder are expected");
    return rc;
}

/* Which of them wait for which: what is done in a moment does not wait for an import. */
static int lane_of(const struct order *o, enum nilo_lane *ret, struct nilo_err *err)
{
    for (int i = 1; i < o->n_args; i++) {
        const struct nilo_cmd *cmd = o->args[i][0] != '-' ? nilo__cmd_find(nilo_cmds, o->args[i]) : NULL;
        if (cmd == NULL)
            continue;
        *ret = cmd->writes == NILO_CMD_WRITES_LONG ? NILO_LANE_LONG : NILO_LANE_SHORT;
        return cmd->writes != NILO_CMD_READS ? 0 : nilo_err_set(err, NILO_EINVAL, "%s writes nothing: it runs where it is called", cmd->name);
    }
    return nilo_err_set(err, NILO_EINVAL, "there is no such command");
}

static int accept_order(struct order *o, struct nilo_exchange *x, enum nilo_lane lane, struct nilo_err *err)
{
    const struct nilo_stream_options how = {.backlog_max = BACKLOG};
    struct nilo_task *t = NULL;
    struct nilo_err why = {0};
    nilo_answer_type(x, "application/octet-stream");
    nilo_answer_header(x, "Cache-Control", "no-store");
    o->stream = nilo_answer_keep(x, &how);
    if (o->stream == NULL) {
        order_free(o);
        return nilo_err_nomem(err);
    }
    if (nilo_task_join(o->daemon->api->tasks, lane, NULL, run_order, o, order_free, &t, &why) != 0)
        nilo_log(NILO_LOG_ERROR, "a command was not taken", {"error", why.msg}); /* its stream is closed: no status, not done */
    nilo_task_unref(t);
    return 0;
}

static int take_command(void *ctx, struct nilo_exchange *x, struct nilo_err *err)
{
    size_t n;
    const char *body = nilo_req_body(x, &n);
    enum nilo_lane lane = NILO_LANE_LONG;
    struct order *o = calloc(1, sizeof(*o));
    if (o == NULL)
        return nilo_err_nomem(err);
    o->daemon = ctx;
    nilo_arena_init(&o->arena, 0);
    if (take_order(o, body, n, err) != 0 || lane_of(o, &lane, err) != 0) {
        order_free(o);
        return -1;
    }
    return accept_order(o, x, lane, err);
}

/* ---- what serve holds --------------------------------------------------------------------------------------------------------------- */

static int open_to_write(void *ctx, struct nilo_store **ret, struct nilo_err *err)
{
    return nilo_store_open_beside(((struct nilo_api *)ctx)->share, NILO_STORE_WRITE, ret, err);
}

static void tell_erased(void *ctx, const char *sentence)
{
    (void)ctx;
    nilo_log(NILO_LOG_WARNING, "a connection is left out", {"error", sentence});
}

static int apply(struct nilo__daemon *d, const struct nilo_config *c, struct nilo_err *err)
{
    struct nilo_store *s = NULL;
    int rc = open_to_write(d->api, &s, err);
    if (rc == 0)
        rc = nilo_cmd_apply_config(s, c, err);
    int erased;
    if (rc == 0)
        rc = nilo__erased_listed(s, c, tell_erased, NULL, &erased, err);
    nilo_store_close(s);
    return rc;
}

/* Whoever starts a thread later may stand in another folder. */
static int absolute(char **target, struct nilo_err *err)
{
    const char *path = strncmp(*target, "sqlite:", 7) == 0 ? *target + 7 : *target;
    char *whole = strstr(*target, "://") == NULL ? realpath(path, NULL) : NULL;
    (void)err;
    if (whole != NULL) { /* NULL: opening it says why */
        free(*target);
        *target = whole;
    }
    return 0;
}

int nilo__daemon_open(struct nilo__daemon *d, struct nilo_cmd_ctx *ctx, struct nilo_api *api, struct nilo_err *err)
{
    struct nilo_config *config = NULL;
    char *target = NULL;
    *d = (struct nilo__daemon){.ctx = ctx, .api = api, .home = getcwd(NULL, 0)};
    int rc = d->home != NULL ? nilo_cmd_target(ctx, &target, err) : nilo_err_sys(err, NILO_EIO, "cannot tell the folder we are in");
    if (rc == 0 && absolute(&target, err) == 0)
        rc = nilo_store_share_new(target, ctx->env, &api->share, err);
    if (rc == 0)
        rc = nilo_cmd_config(ctx, &config, err);
    if (rc == 0 && apply(d, config, err) != 0) {
        nilo_config_free(config);
        rc = -1;
    } else if (rc == 0) {
        rc = nilo_settings_new(config, &api->settings, err);
    }
    char *socket = rc == 0 ? nilo__socket_path(target, ctx->env) : NULL;
    if (socket != NULL && asprintf(&d->socket, "unix:%s", socket) < 0)
        d->socket = NULL;
    free(socket);
    if (target != NULL)
        explicit_bzero(target, strlen(target));
    free(target);
    return rc;
}

int nilo__daemon_start(struct nilo__daemon *d, struct nilo_err *err)
{
    const struct nilo_api_writer_config writer = {.env = d->ctx->env, .open = open_to_write, .ctx = d->api};
    d->api->command = take_command;
    d->api->command_ctx = d;
    return nilo_tasks_new(&d->api->tasks, err) != 0 ? -1 : nilo_api_writer_new(&writer, &d->api->writer, err);
}

bool nilo__daemon_stop(struct nilo__daemon *d, nilo_us wait_us)
{
    const struct timespec moment = {0, 20000000};
    if (d->api->tasks != NULL) {
        nilo_tasks_quit(d->api->tasks);
        for (nilo_us waited = 0; !nilo_tasks_idle(d->api->tasks); waited += 20000) {
            if (waited > wait_us)
                return false;
            nilo_store_share_interrupt(d->api->share);
            nanosleep(&moment, NULL);
        }
    }
    nilo_tasks_free(d->api->tasks);
    nilo_api_writer_free(d->api->writer);
    d->api->tasks = NULL;
    d->api->writer = NULL;
    return true;
}

void nilo__daemon_close(struct nilo__daemon *d)
{
    nilo_settings_free(d->api->settings);
    nilo_store_share_free(d->api->share);
    free(d->socket);
    free(d->home);
}

/* Secrets are resolved before the store changes: either all of it holds or nothing. */
int nilo__daemon_reload(struct nilo__daemon *d, struct nilo_err *err)
{
    struct nilo_config *config = NULL, *again = NULL;
    struct nilo_settings *probe = NULL;
    if (nilo_cmd_config(d->ctx, &config, err) != 0)
        return -1;
    if (nilo_cmd_config(d->ctx, &again, err) != 0 || nilo_settings_new(again, &probe, err) != 0 || apply(d, config, err) != 0) {
        nilo_settings_free(probe);
        nilo_config_free(config);
        return -1;
    }
    nilo_settings_free(probe);
    return nilo_settings_set(d->api->settings, config, err);
}

void nilo__daemon_reloaded(struct nilo__daemon *d, bool fine)
{
    nilo_settings_reloaded(d->api->settings, fine);
}
