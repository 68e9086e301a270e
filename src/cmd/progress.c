/* How far a long command is, on stderr: a bar that redraws itself on a terminal, a line every few seconds elsewhere.
 *
 * Where the time goes, one statement or one PRAGMA may take minutes in which nobody calls nilo_progress_set(). On a terminal of our own a thread
 * therefore looks after the bar, too: it shows that the work goes on, and for how long. It draws, and nothing else. */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd_priv.h"

#define FIRST  (3 * NILO_US_SECOND / 10) /* what is over sooner shows no bar */
#define REDRAW (NILO_US_SECOND / 5)
#define LINES  (5 * NILO_US_SECOND)
#define BAR    24

struct nilo_progress {
    struct nilo_cmd_ctx *ctx;
    char what[80];
    int64_t of, done;
    nilo_us began, step_began, shown; /* monotonic */
    bool drawn;                       /* since the bar was hidden */
    pthread_mutex_t mutex;            /* of all above */
    pthread_cond_t wake;
    pthread_t thread;
    bool ticks, ends; /* there is a thread; it is to end */
};

static nilo_us mono(const struct nilo_progress *p)
{
    return p->ctx->env->clock.mono(p->ctx->env->clock.ctx);
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
    nilo_us taken = mono(p) - p->step_began;
    if (p->of <= 0 || p->done <= 0 || p->done >= p->of || taken < 2 * NILO_US_SECOND)
        return -1;
    return (int64_t)((double)taken * (double)(p->of - p->done) / (double)p->done / NILO_US_SECOND);
}

/* A part done, or, where the whole is unknown, something that wanders. */
static void fill_bar(const struct nilo_progress *p, int done, char bar[BAR + 1])
{
    memset(bar, ' ', BAR);
    if (done >= 0)
        memset(bar, '=', (size_t)(done * BAR / 100));
    else
        memset(bar + (mono(p) - p->began) / REDRAW % (BAR - 3), '=', 4);
    bar[BAR] = '\0';
}

static void draw(struct nilo_progress *p)
{
    char bar[BAR + 1];
    FILE *to = p->ctx->err_out;
    int done = percent(p);
    int64_t left = seconds_left(p);
    fill_bar(p, done, bar);
    fprintf(to, "\r%s [%s] ", p->what, bar);
    if (done >= 0)
        fprintf(to, "%3d %% ", done);
    if (done >= 0 || p->done > 0)
        fprintf(to, "%" PRId64 ", ", p->done);
    if (left >= 0)
        fprintf(to, "%" PRId64 " s left", left);
    else
        fprintf(to, "%" PRId64 " s", (mono(p) - p->began) / NILO_US_SECOND);
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

static void show_when_due(struct nilo_progress *p)
{
    nilo_us now = mono(p), wait = !p->ctx->err_tty ? LINES : p->drawn ? REDRAW : FIRST;
    if (now - p->shown < wait)
        return;
    p->shown = now;
    if (p->ctx->err_tty)
        draw(p);
    else
        line(p);
}

static void hide(struct nilo_progress *p)
{
    if (p->drawn) {
        fputs("\r\033[K", p->ctx->err_out);
        fflush(p->ctx->err_out);
    }
    p->drawn = false;
    p->shown = mono(p);
}

static void *tick(void *arg)
{
    struct nilo_progress *p = arg;
    pthread_mutex_lock(&p->mutex);
    while (!p->ends) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += REDRAW * 500; /* half of it, in nanoseconds */
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        if (pthread_cond_timedwait(&p->wake, &p->mutex, &until) == ETIMEDOUT && !p->ends)
            show_when_due(p);
    }
    pthread_mutex_unlock(&p->mutex);
    return NULL;
}

/* Only where a person sits: not for memory streams, nor for somebody whose command the daemon runs. Without a thread the bar moves when the work
 * says something. Signals are for the thread that works. */
static void start_ticking(struct nilo_progress *p)
{
    int fd = fileno(p->ctx->err_out);
    sigset_t all, before;
    if (!p->ctx->err_tty || fd < 0 || !isatty(fd))
        return;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    p->ticks = pthread_create(&p->thread, NULL, tick, p) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct nilo_progress *nilo_progress_new(struct nilo_cmd_ctx *ctx, const char *what, int64_t of)
{
    struct nilo_progress *p = ctx->quiet || ctx->json ? NULL : calloc(1, sizeof *p);
    pthread_condattr_t attr;
    if (p == NULL)
        return NULL; /* no memory for a bar is no reason to stop the work */
    p->ctx = ctx;
    p->of = of;
    snprintf(p->what, sizeof p->what, "%s", what);
    p->began = p->step_began = p->shown = mono(p);
    pthread_mutex_init(&p->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&p->wake, &attr);
    pthread_condattr_destroy(&attr);
    ctx->bar = p;
    start_ticking(p);
    return p;
}

void nilo_progress_set(struct nilo_progress *p, int64_t done)
{
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->mutex);
    p->done = done;
    show_when_due(p);
    pthread_mutex_unlock(&p->mutex);
}

void nilo_progress_step(struct nilo_progress *p, const char *what, int64_t done, int64_t of)
{
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->mutex);
    if (of != p->of || strncmp(p->what, what, sizeof p->what - 1) != 0) {
        snprintf(p->what, sizeof p->what, "%s", what);
        p->of = of;
        p->step_began = mono(p);
    }
    p->done = done;
    show_when_due(p);
    pthread_mutex_unlock(&p->mutex);
}

void nilo_progress_hide(struct nilo_progress *p)
{
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->mutex);
    hide(p);
    pthread_mutex_unlock(&p->mutex);
}

/* The bar goes away: what the command prints at its end says it all. */
void nilo_progress_done(struct nilo_progress *p)
{
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->mutex);
    p->ends = true;
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->mutex);
    if (p->ticks)
        pthread_join(p->thread, NULL);
    hide(p);
    if (p->ctx->bar == p)
        p->ctx->bar = NULL;
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->mutex);
    free(p);
}

void nilo__step(void *bar, const char *step, int64_t done, int64_t of)
{
    nilo_progress_step(bar, step, done, of);
}
