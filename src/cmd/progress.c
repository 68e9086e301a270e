/* How far a long command is, on stderr: a bar that redraws itself on a terminal, a line every few seconds elsewhere. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_priv.h"

#define REDRAW (NILO_US_SECOND / 5)
#define LINES  (5 * NILO_US_SECOND)
#define BAR    24

struct nilo_progress {
    struct nilo_cmd_ctx *ctx;
    char what[80];
    int64_t of, done;
    nilo_us began, shown; /* monotonic */
    bool drawn;
};

static nilo_us mono(const struct nilo_progress *p)
{
    return p->ctx->env->clock.mono(p->ctx->env->clock.ctx);
}

struct nilo_progress *nilo_progress_new(struct nilo_cmd_ctx *ctx, const char *what, int64_t of)
{
    struct nilo_progress *p = ctx->quiet ? NULL : calloc(1, sizeof *p);
    if (p == NULL)
        return NULL; /* no memory for a bar is no reason to stop the work */
    p->ctx = ctx;
    p->of = of;
    snprintf(p->what, sizeof p->what, "%s", what);
    p->began = p->shown = mono(p);
    return p;
}

/* Whole percent, never 100 before the end; -1 when the whole is unknown. */
static int percent(const struct nilo_progress *p)
{
    if (p->of <= 0)
        return -1;
    if (p->done >= p->of)
        return 100;
    return (int)((double)p->done * 100 / (double)p->of);
}

static int64_t seconds_left(const struct nilo_progress *p)
{
    nilo_us taken = mono(p) - p->began;
    if (p->of <= 0 || p->done <= 0 || p->done >= p->of || taken < 2 * NILO_US_SECOND)
        return -1;
    return (int64_t)((double)taken * (double)(p->of - p->done) / (double)p->done / NILO_US_SECOND);
}

static void draw(struct nilo_progress *p)
{
    char bar[BAR + 1];
    FILE *to = p->ctx->err_out;
    int done = percent(p);
    int64_t left = seconds_left(p);
    fprintf(to, "\r%s ", p->what);
    if (done >= 0) {
        memset(bar, ' ', BAR);
        memset(bar, '=', (size_t)(done * BAR / 100));
        bar[BAR] = '\0';
        fprintf(to, "[%s] %3d %% ", bar, done);
    }
    fprintf(to, "%" PRId64, p->done);
    if (left >= 0)
        fprintf(to, ", %" PRId64 " s left", left);
    fputs("\033[K", to); /* what a longer line left behind */
    fflush(to);
    p->drawn = true;
}

static void line(struct nilo_progress *p)
{
    if (p->of > 0)
        nilo_cmd_notice(p->ctx, "%s: %" PRId64 " of %" PRId64 " (%d %%)", p->what, p->done, p->of, percent(p));
    else
        nilo_cmd_notice(p->ctx, "%s: %" PRId64, p->what, p->done);
}

void nilo_progress_set(struct nilo_progress *p, int64_t done)
{
    if (p == NULL)
        return;
    p->done = done;
    nilo_us now = mono(p);
    if (now - p->shown < (p->ctx->err_tty ? REDRAW : LINES))
        return;
    p->shown = now;
    if (p->ctx->err_tty)
        draw(p);
    else
        line(p);
}

/* The bar goes away: what the command prints at its end says it all. */
void nilo_progress_done(struct nilo_progress *p)
{
    if (p == NULL)
        return;
    if (p->drawn) {
        fputs("\r\033[K", p->ctx->err_out);
        fflush(p->ctx->err_out);
    }
    free(p);
}
