/* nilometer connection connect: a person signs in at a platform, in a browser; the platform sends them back to a port of this machine, or the address that
 * they came back to is pasted. Runs where it was called; what it brings goes the way of `connection login`, to the daemon where one holds the store. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmd/connection.h"
#include "login/login.h"

#define PATIENCE_MS (10 * 60 * 1000)
#define HEAD_MAX 8192

struct coming {
    struct nilo_cmd_ctx *ctx;
    struct nilo_sign_in *sign_in;
    int listener;      /* -1: none, the address is pasted */
    char redirect[600];
    char path[300];    /* of it */
    char account[256]; /* that the connection is of so far; "": none */
};

/* ---- where people come back to ---------------------------------------------------------------------------------------------------------------- */

/* http://127.0.0.1:PORT/PATH; false: somewhere else */
static bool local_port(const char *url, unsigned *ret_port, char *path, size_t size)
{
    unsigned port = 0;
    int n = 0;
    if (sscanf(url, "http://127.0.0.1:%5u%n", &port, &n) != 1 && sscanf(url, "http://localhost:%5u%n", &port, &n) != 1)
        return false;
    snprintf(path, size, "%s", url[n] != '\0' ? url + n : "/");
    *ret_port = port;
    return port <= 65535 && path[0] == '/';
}

static int listen_at(struct coming *w, unsigned port, struct nilo_err *err)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
    } to;
    socklen_t n = sizeof to.in;
    int yes = 1;
    memset(&to, 0, sizeof to);
    to.in.sin_family = AF_INET;
    to.in.sin_port = htons((uint16_t)port);
    to.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    w->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (w->listener < 0 || (port != 0 && setsockopt(w->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0) ||
        bind(w->listener, &to.any, n) != 0 || listen(w->listener, 8) != 0 || getsockname(w->listener, &to.any, &n) != 0)
        return nilo_err_sys(err, NILO_EIO, "cannot wait at 127.0.0.1 for the browser to come back");
    if (port == 0)
        snprintf(w->redirect, sizeof w->redirect, "http://127.0.0.1:%u/", (unsigned)ntohs(to.in.sin_port));
    return 0;
}

static int prepare(struct coming *w, const char *redirect, struct nilo_err *err)
{
    unsigned port = 0;
    w->listener = -1;
    snprintf(w->path, sizeof w->path, "/");
    if (redirect == NULL)
        return listen_at(w, 0, err);
    snprintf(w->redirect, sizeof w->redirect, "%s", redirect);
    return local_port(redirect, &port, w->path, sizeof w->path) ? listen_at(w, port, err) : 0;
}

/* ---- the browser comes back -------------------------------------------------------------------------------------------------------------------- */

static void reply(int fd, const char *status, const char *text)
{
    char page[900];
    int n = snprintf(page, sizeof page,
                     "HTTP/1.1 %s\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
                     "Content-Security-Policy: default-src 'none'; base-uri 'none'; frame-ancestors 'none'\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n<!doctype html><title>Nilometer</title><p>%s</p>\n",
                     status, text);
    if (send(fd, page, (size_t)n, MSG_NOSIGNAL) < 0)
        return; /* a browser that has left */
}

/* The head of one request; 0: it did not come. */
static size_t read_head(int fd, char *head)
{
    size_t n = 0;
    while (n < HEAD_MAX - 1) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 5000) <= 0)
            return 0;
        ssize_t got = recv(fd, head + n, HEAD_MAX - 1 - n, 0);
        if (got <= 0)
            return 0;
        n += (size_t)got;
        head[n] = '\0';
        if (strstr(head, "\r\n\r\n") != NULL)
            return n;
    }
    return 0;
}

/* 1: this was it; 0: something else, wait on; -1: it was, and says no */
static int take_visit(struct coming *w, int fd, struct nilo_err *err)
{
    char *head = nilo_secret_alloc(HEAD_MAX);
    struct nilo_err why = {0};
    int rc = 0;
    if (head == NULL)
        return nilo_err_nomem(err);
    if (read_head(fd, head) == 0 || strncmp(head, "GET ", 4) != 0) {
        reply(fd, "400 Bad Request", "This is not what was expected here.");
        nilo_secret_free(head);
        return 0;
    }
    char *target = head + 4, *end = target + strcspn(target, " \r\n"), *mark;
    *end = '\0';
    mark = strchr(target, '?');
    size_t n = mark != NULL ? (size_t)(mark - target) : strlen(target);
    if (strlen(w->path) != n || memcmp(w->path, target, n) != 0) {
        reply(fd, "404 Not Found", "There is nothing here.");
    } else if (mark != NULL && nilo_sign_in_back(w->sign_in, mark + 1, &why) == 0) {
        reply(fd, "200 OK", "That has come back. The terminal says whether you are signed in; you can close this page.");
        rc = 1;
    } else if (why.code == NILO_EPERM) {
        reply(fd, "200 OK", "Nobody was signed in. You can close this page and go back to the terminal.");
        rc = nilo_err_set(err, why.code, "%s", why.msg);
    } else {
        reply(fd, "400 Bad Request", "This is not the answer to the question that was asked. Begin anew from the terminal.");
    }
    nilo_secret_free(head);
    return rc;
}

static int take_line(struct coming *w, struct nilo_err *err)
{
    char *text = nilo_secret_alloc(HEAD_MAX);
    size_t n = 0;
    char c;
    ssize_t got;
    if (text == NULL)
        return nilo_err_nomem(err);
    while ((got = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n' && n < HEAD_MAX - 1)
        text[n++] = c;
    text[n] = '\0';
    int rc = 0;
    if (n > 0)
        rc = nilo_sign_in_back(w->sign_in, text, err) == 0 ? 1 : -1;
    else if (got == 0)
        rc = 2; /* nobody is there */
    nilo_secret_free(text);
    return rc;
}

static int wait_for_browser(struct coming *w, struct nilo_err *err)
{
    bool input = true;
    for (;;) {
        struct pollfd p[2] = {{.fd = w->listener, .events = POLLIN}, {.fd = input ? STDIN_FILENO : -1, .events = POLLIN}};
        int n = poll(p, 2, PATIENCE_MS), rc = 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || (w->listener < 0 && !input))
            return nilo_err_set(err, NILO_ETIMEOUT, "nobody came back from the platform; begin anew");
        if (p[1].revents != 0) {
            rc = take_line(w, err);
            input = rc != 2;
            rc = rc == 2 ? 0 : rc;
        }
        int fd = rc == 0 && p[0].revents != 0 ? accept4(w->listener, NULL, NULL, SOCK_CLOEXEC) : -1;
        if (fd >= 0) {
            rc = take_visit(w, fd, err);
            close(fd);
        }
        if (rc != 0)
            return rc > 0 ? 0 : -1;
    }
}

/* ---- which account ------------------------------------------------------------------------------------------------------------------------------- */

static bool is_it(const struct nilo_account *a, const char *wanted)
{
    return strcmp(a->id, wanted) == 0 || (a->handle != NULL && strcmp(a->handle, wanted) == 0) || (a->title != NULL && strcmp(a->title, wanted) == 0);
}

static int several(const struct nilo_account *all, size_t n, const char *wanted, struct nilo_err *err)
{
    char names[700] = "";
    for (size_t i = 0; i < n && i < 10; i++) {
        size_t at = strlen(names);
        snprintf(names + at, sizeof names - at, "%s%.60s (%.40s)", i > 0 ? ", " : "", all[i].title != NULL ? all[i].title : "?", all[i].id);
    }
    if (wanted != NULL)
        return nilo_err_set(err, NILO_ENAME, "the one who signed in has no account %.60s, but: %s", wanted, names);
    return nilo_err_set(err, NILO_EUSAGE, "the one who signed in has several accounts; say which with --account: %s", names);
}

static int ask_which(struct nilo_cmd_ctx *ctx, const struct nilo_account *all, size_t n, size_t *ret)
{
    char text[32];
    unsigned long k = 0;
    for (size_t i = 0; i < n; i++) {
        fprintf(ctx->err_out, "%3zu  ", i + 1);
        nilo__put(ctx->err_out, all[i].title != NULL ? all[i].title : "?");
        fputs("  ", ctx->err_out);
        nilo__say_text(ctx->err_out, all[i].id);
    }
    fprintf(ctx->err_out, "Which one? ");
    fflush(ctx->err_out);
    if (fgets(text, sizeof text, stdin) == NULL)
        return -1;
    k = strtoul(text, NULL, 10);
    *ret = k - 1;
    return k >= 1 && k <= n ? 0 : -1;
}

/* A connection is one account's: with another one its items and totals would be two people's. */
static int the_same_again(const struct coming *w, const struct nilo_account *all, size_t n, const struct nilo_account **ret, struct nilo_err *err)
{
    for (size_t i = 0; i < n && *ret == NULL; i++)
        *ret = strcmp(all[i].id, w->account) == 0 ? &all[i] : NULL;
    if (*ret != NULL)
        return 0;
    return nilo_err_set(err, NILO_ENAME,
                        "connection %.60s is of account %.60s, and the one who signed in has %.60s (%.40s)%s; sign in as before, or make a connection of its own for it. If it "
                        "is to change all the same: --account ID",
                        nilo_args_rest(w->ctx->args, 1), w->account, all[0].title != NULL ? all[0].title : "?", all[0].id, n > 1 ? " and others" : "");
}

static int choose(struct coming *w, const struct nilo_account *all, size_t n, const struct nilo_account **ret, struct nilo_err *err)
{
    const char *wanted = nilo_args_get(w->ctx->args, "account");
    size_t at = 0;
    *ret = NULL;
    if (n == 0)
        return nilo_err_set(err, NILO_ENOENT, "the one who signed in has no account there that publishes anything; sign in with another one");
    if (wanted == NULL && w->account[0] != '\0')
        return the_same_again(w, all, n, ret, err);
    if (wanted != NULL) {
        for (size_t i = 0; i < n && *ret == NULL; i++)
            *ret = is_it(&all[i], wanted) ? &all[i] : NULL;
        return *ret != NULL ? 0 : several(all, n, wanted, err);
    }
    if (n > 1 && (!w->ctx->err_tty || !isatty(STDIN_FILENO) || w->ctx->json))
        return several(all, n, NULL, err);
    if (n > 1 && ask_which(w->ctx, all, n, &at) != 0)
        return several(all, n, NULL, err);
    *ret = &all[at];
    return 0;
}

/* ---- to the store ---------------------------------------------------------------------------------------------------------------------------------- */

static void member(struct nilo_json_out *o, const char *name, const char *value)
{
    if (value == NULL)
        return;
    nilo_json_key(o, name);
    nilo_json_str(o, value);
}

static void seconds(struct nilo_json_out *o, const char *name, nilo_us at, nilo_us now)
{
    if (at == NILO_US_NONE || at <= now)
        return;
    nilo_json_key(o, name);
    nilo_json_int(o, (at - now) / NILO_US_SECOND);
}

/* `connection login` of the same name, with the tokens as its standard input. */
static int hand_to_login(struct nilo_cmd_ctx *ctx, const struct nilo_login_set *set, struct nilo_err *err)
{
    struct nilo_buf b;
    struct nilo_json_out o;
    nilo_us now = ctx->env->clock.wall(ctx->env->clock.ctx);
    const char *args[20] = {"nilometer", "connection"}, *platform = nilo_args_get(ctx->args, "platform"), *store = nilo_args_get(ctx->args, "store");
    int n = 2;
    nilo_buf_init(&b, (size_t)4 * NILO_SECRET_MAX);
    nilo_json_out_init(&o, &b);
    nilo_json_object_begin(&o);
    member(&o, "access_token", set->access_token);
    member(&o, "refresh_token", set->refresh_token);
    member(&o, "scope", set->scopes);
    member(&o, "account", set->account);
    member(&o, "account_name", set->account_name);
    seconds(&o, "expires_in", set->access_until, now);
    seconds(&o, "refresh_token_expires_in", set->refresh_until, now);
    nilo_json_object_end(&o);
    const char *const pairs[][2] = {{"--config", ctx->config_path}, {"--workspace", nilo__connection_workspace(ctx)}, {"--platform", platform},
                                    {"--store", ctx->store != NULL ? ctx->store : store}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (pairs[i][1] == NULL)
            continue;
        args[n++] = pairs[i][0];
        args[n++] = pairs[i][1];
    }
    if (ctx->json)
        args[n++] = "--json";
    if (ctx->quiet)
        args[n++] = "--quiet";
    args[n++] = "--";
    args[n++] = "login";
    args[n++] = nilo_args_rest(ctx->args, 1);
    const struct nilo_cmd_ctx base = {.env = ctx->env, .out = ctx->out, .err_out = ctx->err_out, .err_tty = ctx->err_tty, .login = ctx->login,
                                      .secret = b.data, .secret_len = b.len};
    int status = b.failed ? nilo_err_nomem(err) : nilo__cmd_main(n, (char **)(uintptr_t)args, &base);
    if (b.data != NULL)
        nilo_secret_wipe(b.data, b.len);
    nilo_buf_done(&b);
    return status;
}

/* ---- the act ------------------------------------------------------------------------------------------------------------------------------------------ */

/* Whose the connection is so far, if somebody has signed in for it before. */
static int account_of(struct coming *w, struct nilo_store *s, const struct nilo_connection *c, struct nilo_err *err)
{
    struct nilo_arena arena;
    struct nilo_login_row row;
    bool there;
    nilo_arena_init(&arena, 0);
    int rc = nilo_store_login(s, c->id, &arena, &there, &row, err);
    if (rc == 0 && there && row.account != NULL)
        snprintf(w->account, sizeof w->account, "%s", row.account);
    nilo_arena_done(&arena);
    return rc;
}

/* Which platform: of the connection that is there, else the option. */
static int platform_of(struct coming *w, bool again, char *ret, size_t size, struct nilo_err *err)
{
    struct nilo_cmd_ctx *ctx = w->ctx;
    const char *said = nilo_args_get(ctx->args, "platform");
    struct nilo_store *s = NULL;
    struct nilo_connection c;
    struct nilo_err why = {0};
    if (nilo_cmd_store(ctx, NILO_STORE_READ, &s, err) != 0)
        return -1;
    int rc = nilo__connection_find(ctx, s, &c, &why);
    int looked = rc == 0 ? account_of(w, s, &c, err) : 0;
    nilo_store_close(s);
    if (looked != 0)
        return -1;
    if (rc != 0 && (why.code != NILO_ENAME || again || said == NULL))
        return nilo_err_set(err, why.code, "%s%s", why.msg,
                            again || why.code != NILO_ENAME ? "" : "; to make it, say of which platform it is: --platform youtube");
    if (rc == 0 && said != NULL && strcmp(said, c.platform) != 0)
        return nilo_err_set(err, NILO_EINVAL, "connection %s is one of %s; a new connection needs a new name", c.name, c.platform);
    if (rc == 0 && strcmp(c.status, "disabled") == 0)
        return nilo_err_set(err, NILO_EPERM, "connection %s of %s is disabled; first: nilometer connection enable %s", c.name, c.workspace_name, c.name);
    snprintf(ret, size, "%s", rc == 0 ? c.platform : said);
    return 0;
}

static void tell_where(struct nilo_cmd_ctx *ctx, const struct coming *w, const char *title)
{
    if (ctx->json) {
        struct nilo__answer a;
        nilo__answer_init(&a);
        nilo_json_object_begin(&a.json);
        member(&a.json, "open", nilo_sign_in_url(w->sign_in));
        member(&a.json, "redirect", w->redirect);
        nilo_json_object_end(&a.json);
        nilo__answer_print(&a, ctx->out, NULL);
    } else {
        fprintf(ctx->out, "Open this address in a browser and sign in at %s:\n\n%s\n\n%s\n", title, nilo_sign_in_url(w->sign_in),
                w->listener >= 0 ? "If the browser is on another machine, it ends on a page that does not load: paste the address of that page here."
                                 : "Then paste the address of the page that you end on here.");
    }
    fflush(ctx->out);
}

static int sign_in(struct coming *w, const struct nilo_login_app *app, struct nilo_err *err)
{
    struct nilo_http *http = NULL;
    struct nilo_login_set set;
    const struct nilo_account *all = NULL, *one = NULL;
    size_t n = 0;
    int rc = wait_for_browser(w, err);
    if (rc == 0)
        rc = nilo_http_new(w->ctx->env, NULL, &http, err);
    if (rc == 0)
        rc = nilo_sign_in_tokens(w->sign_in, http, &set, err);
    if (rc == 0 && (app->connector->ops & 1u << NILO_OP_ACCOUNTS) != 0)
        rc = nilo_sign_in_accounts(w->sign_in, http, &all, &n, err) != 0 ? -1 : choose(w, all, n, &one, err);
    if (rc == 0 && one != NULL) {
        set.account = one->id;
        set.account_name = one->title;
        if (one->token != NULL) {
            set.access_token = one->token;
            set.refresh_token = NULL;
            set.access_until = NILO_US_NONE;
        }
    }
    if (rc == 0)
        rc = hand_to_login(w->ctx, &set, err);
    nilo_http_free(http);
    return rc;
}

int nilo__connection_connect(struct nilo_cmd_ctx *ctx, bool again, struct nilo_err *err)
{
    struct coming w = {.ctx = ctx, .listener = -1};
    struct nilo_config *config = NULL;
    struct nilo_login_app app = {0};
    char platform[64];
    const char *redirect = nilo_args_get(ctx->args, "redirect");
    int rc = nilo_cmd_config(ctx, &config, err);
    if (rc == 0)
        rc = platform_of(&w, again, platform, sizeof platform, err);
    if (rc == 0)
        rc = nilo_login_app_init(&app, config, platform, err);
    if (rc == 0)
        rc = prepare(&w, redirect != NULL ? redirect : app.redirect, err);
    if (rc == 0)
        rc = nilo_sign_in_new(&app, w.redirect, ctx->env, &w.sign_in, err);
    if (rc == 0) {
        tell_where(ctx, &w, app.connector->title);
        rc = sign_in(&w, &app, err);
    }
    nilo_sign_in_free(w.sign_in);
    if (w.listener >= 0)
        close(w.listener);
    nilo_login_app_done(&app);
    nilo_config_free(config);
    return rc;
}
