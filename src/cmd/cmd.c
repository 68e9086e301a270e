/* One run of the program: parse, run the command, say what went wrong, see to it that what was printed arrived. */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crypt.h"
#include "cmd/cmd_priv.h"
#include "cmd/daemon.h"

void nilo_cmd_notice(struct nilo_cmd_ctx *ctx, const char *fmt, ...)
{
    char text[1200];
    va_list ap;
    if (ctx->quiet)
        return;
    if (ctx->err_tty)
        nilo_progress_hide(ctx->bar);
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    nilo__say(ctx->err_out, ctx->cmd->name, text);
}

/* A store given on the command line is visible to every user of the machine for as long as we run: its password is blotted out there, which
 * leaves the moment before, hence the notice. Returns our own copy. */
static int take_store(struct nilo_cmd_ctx *ctx, char **ret_own, struct nilo_err *err)
{
    const char *given = nilo_args_get(ctx->args, "store");
    if (ctx->share != NULL)
        return 0;
    ctx->store = given != NULL ? given : getenv("NILOMETER_STORE");
    if (ctx->store != NULL && ctx->store[0] == '\0') {
        if (given != NULL)
            return nilo_err_set(err, NILO_EUSAGE, "--store is empty; give a path or a postgres:// URL");
        ctx->store = NULL;
    }
    if (given == NULL)
        return 0;
    *ret_own = strdup(given);
    if (*ret_own == NULL)
        return nilo_err_nomem(err);
    ctx->store = *ret_own;
    bool hidden = false;
    for (int i = 0; i < ctx->args->n_given; i++) {
        if (strcmp(ctx->args->given[i].name, "store") == 0)
            hidden |= nilo__password_hide((char *)(uintptr_t)ctx->args->given[i].value);
    }
    if (hidden)
        nilo_cmd_notice(ctx, "a password on the command line can be read by others on this machine; "
                             "put it into PGPASSWORD or ~/.pgpass, or the whole URL into NILOMETER_STORE");
    return 0;
}

/* A reader that left (head, grep -q) has what it wanted. */
static bool reader_left(FILE *out)
{
    struct pollfd p = {.fd = fileno(out), .events = POLLOUT};
    return p.fd >= 0 && poll(&p, 1, 0) == 1 && (p.revents & POLLERR) != 0;
}

/* What a command printed counts only once it has arrived. */
static int check_output(FILE *out, int status, bool told, const char *name, FILE *err_out)
{
    errno = 0;
    if (fflush(out) == 0 && ferror(out) == 0)
        return status;
    int cause = errno;
    if (told || reader_left(out))
        return status;
    char text[200];
    snprintf(text, sizeof text, "cannot write the output%s%s", cause != 0 ? ": " : "", cause != 0 ? strerror(cause) : "");
    nilo__say(err_out, name, text);
    return status != 0 ? status : 1;
}

/* A server is asked by the commands that have what belongs to it, and by no others, lest they do it here. */
static int check_url(const struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    bool takes = false;
    for (const struct nilo_option *o = ctx->cmd->options; o != NULL && o->name != NULL; o++)
        takes |= strcmp(o->name, "key-file") == 0;
    if (nilo_args_get(ctx->args, "url") == NULL)
        return 0;
    if (!takes)
        return nilo_err_set(err, NILO_EUSAGE, "--url is for get and call; %s runs where the store is", ctx->cmd->name);
    if (nilo_args_get(ctx->args, "store") != NULL)
        return nilo_err_set(err, NILO_EUSAGE, "--url and --store name two places; give one of them");
    return 0;
}

static int run(struct nilo_cmd_ctx *ctx, bool *ret_told)
{
    struct nilo_err err = {0};
    char *own = NULL;
    int status = check_url(ctx, &err) != 0 ? -1 : take_store(ctx, &own, &err);
    char *given = ctx->secret; /* somebody else's */
    if (status == 0 && given == NULL && ctx->share == NULL && ctx->cmd->prepare != NULL)
        status = ctx->cmd->prepare(ctx, &err);
    if (status == 0 && !nilo__remote(ctx, &status))
        status = ctx->cmd->run(ctx, &err);
    nilo_progress_done(ctx->bar); /* of a command that failed in the middle */
    free(own);
    if (given == NULL)
        nilo_secret_free(ctx->secret);
    if (status < 0 && err.sys == EPIPE && reader_left(ctx->out))
        return 0; /* the command saw it and stopped early, as it should */
    if (status < 0) {
        fflush(ctx->out); /* rows that were printed before it stand before it */
        nilo__say(ctx->err_out, ctx->cmd->name, err.msg[0] != '\0' ? err.msg : nilo_code_text(err.code));
        *ret_told = true;
        status = nilo_code_exit(err.code);
        return status != 0 ? status : 1;
    }
    return status;
}

static int wrong_line(const struct nilo__line *line, const struct nilo_err *err, FILE *err_out)
{
    nilo__say(err_out, line->cmd != NULL ? line->cmd->name : NULL, err->msg);
    return nilo_code_exit(err->code);
}

static int dispatch(struct nilo__line *line, const struct nilo_cmd_ctx *base, bool *ret_told)
{
    FILE *out = base->out, *err_out = base->err_out;
    const struct nilo_args *a = &line->args;
    if (nilo_args_get(a, "version") != NULL) {
        fprintf(out, "nilometer %s\n", NILO_VERSION);
        return 0;
    }
    if (nilo_args_get(a, "help") != NULL) {
        if (line->cmd != NULL)
            nilo__help_cmd(out, line->cmd);
        else
            nilo__help_all(out);
        return 0;
    }
    if (line->cmd == NULL) {
        nilo__help_all(err_out);
        return nilo_code_exit(NILO_EUSAGE);
    }
    struct nilo_cmd_ctx ctx = {
        .env = base->env,
        .share = base->share,
        .login = base->login,
        .secret = base->secret,
        .secret_len = base->secret_len,
        .config_path = nilo_args_get(a, "config"),
        .json = nilo_args_get(a, "json") != NULL,
        .quiet = nilo_args_get(a, "quiet") != NULL,
        .out = out,
        .err_out = err_out,
        .err_tty = base->err_tty,
        .args = &line->args,
        .cmd = line->cmd,
    };
    return run(&ctx, ret_told);
}

int nilo__cmd_main(int argc, char **argv, const struct nilo_cmd_ctx *base)
{
    struct nilo__line line;
    struct nilo_err err = {0};
    bool told = false; /* one sentence is enough */
    int status;
    if (nilo__args_parse(argc, argv, nilo_cmds, &line, &err) != 0)
        status = wrong_line(&line, &err, base->err_out);
    else
        status = dispatch(&line, base, &told);
    status = check_output(base->out, status, told, line.cmd != NULL ? line.cmd->name : NULL, base->err_out);
    nilo__args_done(&line);
    return status;
}

int nilo_cmd_main(int argc, char **argv, const struct nilo_env *env, FILE *out, FILE *err_out)
{
    const struct nilo_cmd_ctx base = {
        .env = env, .login = getenv("USER"), .out = out, .err_out = err_out, .err_tty = fileno(err_out) >= 0 && isatty(fileno(err_out)),
    };
    return nilo__cmd_main(argc, argv, &base);
}
