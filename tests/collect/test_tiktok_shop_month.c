/* A month of 30- and 90-day windows from the emulated TikTok Shop, with entries that come twice, numbers that are told too high or too low at first, videos that appear and vanish,
 * days without a run and a run that fails in part: beside it a model in plain C over what the emulator's world says of single days. Every day the best known values are compared with
 * it and with the day before; at the end every window, the lists by period, and the tables that apps know. Both engines. */
#include <stdio.h>
#include <string.h>

#include "../query/history.h"
#include "emulator/emulator_priv.h"
#include "query/compat.h"
#include "record/record.h"
#include "shop.h"

enum { DAYS_MOST = 30, EARLIER = 2, VIDEOS = 60, WINS = 2 };
static const int wins[WINS] = {30, 90};
enum { GMV, VIEWS, ITEMS, ORDERS, LIKES, COMMENTS, SHARES, COUNTS };

/* Of what goes by the greatest GMV: several where nothing tells them apart. */
struct beside {
    int64_t gmv, value[4];
    nilo_day day;
    nilo_us at;
    int n;
};
struct model {
    struct sim sim;
    nilo_day first;                                                  /* of all windows */
    struct shop_window shown[WINS][DAYS_MOST + EARLIER][VIDEOS];     /* by their last day */
    bool there[WINS][DAYS_MOST + EARLIER][VIDEOS], known[VIDEOS];
    int64_t best[VIDEOS][COUNTS], before[VIDEOS][COUNTS];            /* -1 = none */
    struct beside gpm[VIDEOS], ctr[VIDEOS];
    int lower, higher; /* windows that were told anew, and were */
};
static struct model m;

/* ---- the model ----------------------------------------------------------------------------------------------------------------------------- */

static void raise(int64_t *best, int64_t value)
{
    *best = value > *best ? value : *best;
}

static void put_beside(struct beside *b, int64_t gmv, int64_t value, nilo_day day, nilo_us at)
{
    if (value < 0)
        return;
    bool later = day.n > b->day.n || (day.n == b->day.n && at > b->at), same = day.n == b->day.n && at == b->at;
    if (b->n == 0 || gmv > b->gmv || (gmv == b->gmv && later))
        *b = (struct beside){.gmv = gmv, .day = day, .at = at};
    else if (gmv < b->gmv || !same)
        return;
    b->value[b->n++] = value;
}

static void tell(int video, int win, nilo_day last, nilo_us at)
{
    struct shop_window w;
    if (!shop_window(&m.sim, 0, video, wins[win], last, at, &w) || emu_state_at(m.sim.em, (struct emu_item){0, video}, at) == EMU_DELETED)
        return;
    const int64_t counts[] = {w.gmv, w.views, w.items, w.orders};
    for (int i = 0; i < 4; i++)
        raise(&m.best[video][i], counts[i]);
    put_beside(&m.gpm[video], w.gmv, w.gpm, last, at);
    put_beside(&m.ctr[video], w.gmv, w.ctr, last, at);
    const struct shop_window *old = &m.shown[win][last.n - m.first.n][video];
    m.lower += m.there[win][last.n - m.first.n][video] && w.gmv < old->gmv;
    m.higher += m.there[win][last.n - m.first.n][video] && w.gmv > old->gmv;
    m.shown[win][last.n - m.first.n][video] = w;
    m.there[win][last.n - m.first.n][video] = m.known[video] = true;
}

/* The 30 days of each video that did anything are looked at closely. */
static void look_closely(int video, nilo_day last, nilo_us at)
{
    struct shop_window w;
    if (!shop_window(&m.sim, 0, video, 30, last, at, &w) || (w.gmv == 0 && w.views == 0) || emu_state_at(m.sim.em, (struct emu_item){0, video}, at) == EMU_DELETED)
        return;
    raise(&m.best[video][LIKES], w.views / 20);
    raise(&m.best[video][COMMENTS], w.views / 200);
    raise(&m.best[video][SHARES], w.views / 300);
}

/* A run reads the windows of yesterday and of each day back to the newest one that the last whole run had. */
static void tell_run(nilo_day yesterday, nilo_day back_to, bool older_part_missing, nilo_us at)
{
    for (int v = 0; v < emu_videos(m.sim.em, 0, at); v++) {
        for (int32_t d = back_to.n; d <= yesterday.n; d++) {
            tell(v, 0, NILO_DAY(d), at);
            if (!older_part_missing || d != yesterday.n)
                tell(v, 1, NILO_DAY(d), at);
        }
        look_closely(v, yesterday, at);
    }
}

/* ---- answers -------------------------------------------------------------------------------------------------------------------------------- */

#define CELLS 16
struct answer {
    char *rest;
    char *cell[CELLS];
    int n;
    struct nilo_buf text;
};

static void ask(struct answer *a, const char *question)
{
    nilo_buf_init(&a->text, (size_t)16 << 20);
    history_ask(m.sim.s, question, NULL, &a->text);
    assert_false(a->text.failed);
    a->rest = strchr(a->text.data, '\n');
    assert_non_null(a->rest);
    a->rest++;
}

/* The next line, taken apart in place. */
static bool next(struct answer *a)
{
    if (*a->rest == '\0')
        return false;
    for (a->n = 0;; a->n++) {
        char *to = a->rest, *from = a->rest;
        bool quoted = *from == '"';
        assert_true(a->n < CELLS);
        a->cell[a->n] = to;
        for (from += quoted; quoted ? !(from[0] == '"' && from[1] != '"') : *from != ',' && *from != '\n'; from++) {
            from += quoted && from[0] == '"';
            *to++ = *from;
        }
        from += quoted;
        char end = *from;
        *to = '\0';
        a->rest = from + 1;
        if (end == '\n')
            break;
    }
    a->n++;
    return true;
}

static int64_t number(const char *text, int scale)
{
    int64_t n = -1;
    if (text[0] != '\0')
        assert_int_equal(nilo_decimal_parse(text, strlen(text), scale, false, &n, NULL), 0);
    return n;
}

static int video_of(const char *id)
{
    for (int v = 0; v < VIDEOS; v++) {
        char text[EMULATOR_TEXT];
        if (v < emu_videos(m.sim.em, 0, m.sim.s->clock.wall)) {
            emulator_tiktok_id(m.sim.em, 0, v, text);
            if (strcmp(text, id) == 0)
                return v;
        }
    }
    fail_msg("%s is no video of the shop", id);
    return -1;
}

static int64_t known_videos(void)
{
    int64_t n = 0;
    for (int v = 0; v < VIDEOS; v++)
        n += m.known[v];
    return n;
}

static void assert_one_of(const char *what, int video, int64_t is, const struct beside *b)
{
    bool any = b->n == 0 && is == -1;
    for (int i = 0; i < b->n; i++)
        any = any || b->value[i] == is;
    if (!any)
        fail_msg("the %s of video %d is %lld, should be %lld", what, video, (long long)is, (long long)(b->n > 0 ? b->value[0] : -1));
}

/* ---- the best ------------------------------------------------------------------------------------------------------------------------------- */

static void check_best(void)
{
    static const char *const names[COUNTS] = {"gmv", "views", "items sold", "orders", "likes", "comments", "shares"};
    struct answer a;
    int64_t n = 0;
    ask(&a, "creator_videos?select=tiktok_video_id,gmv_cents,views,items_sold,likes,comments,shares,gpm_cents,ctr,duration&order=tiktok_video_id");
    for (; next(&a); n++) {
        int v = video_of(a.cell[0]);
        const int64_t is[COUNTS] = {number(a.cell[1], 0), number(a.cell[2], 0), number(a.cell[3], 0), -2, number(a.cell[4], 0), number(a.cell[5], 0), number(a.cell[6], 0)};
        for (int i = 0; i < COUNTS; i++) {
            if (i == ORDERS)
                continue;
            if (is[i] != m.best[v][i])
                fail_msg("the best %s of video %d are %lld, should be %lld", names[i], v, (long long)is[i], (long long)m.best[v][i]);
            if (is[i] < m.before[v][i])
                fail_msg("the best %s of video %d fell from %lld to %lld", names[i], v, (long long)m.before[v][i], (long long)is[i]);
            m.before[v][i] = is[i];
        }
        assert_one_of("gpm", v, number(a.cell[7], 0), &m.gpm[v]);
        assert_one_of("ctr", v, number(a.cell[8], 6), &m.ctr[v]);
        assert_int_equal(number(a.cell[9], 6), emu_duration(m.sim.em, (struct emu_item){0, v}) * INT64_C(1000000));
    }
    assert_int_equal(n, known_videos());
    nilo_buf_done(&a.text);
}

/* ---- windows -------------------------------------------------------------------------------------------------------------------------------- */

static void check_windows(int days)
{
    struct answer a;
    int64_t n = 0, wanted = 0, lower = 0;
    ask(&a, "creator_video_metric_snapshots?select=tiktok_video_id,snapshot_date,window_days,gmv_cents,views,items_sold,gpm_cents,ctr,raw_payload&order=snapshot_date,tiktok_video_id");
    for (; next(&a); n++) {
        int v = video_of(a.cell[0]), win = strcmp(a.cell[2], "90") == 0;
        nilo_day day = stores_day(a.cell[1]);
        assert_true(win || strcmp(a.cell[2], "30") == 0);
        assert_true(m.there[win][day.n - m.first.n][v]);
        const struct shop_window *w = &m.shown[win][day.n - m.first.n][v];
        if (number(a.cell[3], 0) != w->gmv || number(a.cell[4], 0) != w->views || number(a.cell[5], 0) != w->items || number(a.cell[6], 0) != w->gpm || number(a.cell[7], 6) != w->ctr)
            fail_msg("video %d, %d days up to %s: %s %s %s %s %s, should be %lld %lld %lld %lld %lld", v, wins[win], a.cell[1], a.cell[3], a.cell[4], a.cell[5], a.cell[6], a.cell[7],
                     (long long)w->gmv, (long long)w->views, (long long)w->items, (long long)w->gpm, (long long)w->ctr);
        lower += w->gmv < m.best[v][GMV];
    }
    for (int i = 0; i < WINS * days * VIDEOS; i++)
        wanted += m.there[i % WINS][i / WINS % days][i / WINS / days];
    assert_int_equal(n, wanted);
    assert_true(lower > 100);
    nilo_buf_done(&a.text);
    /* of 90 days a rate cannot be had, and that is the reason */
    assert_int_equal(stores_int(m.sim.s, "SELECT count(*) FROM day_value v JOIN metric m ON m.id = v.metric_id WHERE m.name = 'ctr' AND v.win = 90 AND v.absence <> 2"), 0);
}

/* ---- lists by period -------------------------------------------------------------------------------------------------------------------------- */

/* The newest day of a window that is there; -1: none */
static int newest(int win, int video, int days)
{
    int d = days - 1;
    while (d >= 0 && !m.there[win][d][video])
        d--;
    return d;
}

/* period: NULL = all. Every item that is known is in the list, in the order of its GMV; those without one are last. */
static void check_list(int win, int64_t least, int days)
{
    struct answer a;
    char question[200], day[NILO_DAY_TEXT];
    int64_t n = 0, last = INT64_MAX, wanted = 0;
    snprintf(question, sizeof question, "top_content period=%s order=gmv%s", win < 0 ? "all" : win == 0 ? "30" : "90", "");
    if (least > 0)
        snprintf(question + strlen(question), sizeof question - strlen(question), " min_gmv=%lld", (long long)least / 100);
    ask(&a, question);
    for (; next(&a); n++) {
        int v = video_of(a.cell[3]), d = win < 0 ? 0 : newest(win, v, days);
        int64_t is = number(a.cell[10], 2), should = win < 0 ? m.best[v][GMV] : d < 0 ? -1 : m.shown[win][d][v].gmv;
        if (is != should || is > last)
            fail_msg("%s: video %d has %s behind %lld, should be %lld", question, v, a.cell[10], (long long)last, (long long)should);
        last = is;
        if (win >= 0 && d >= 0) {
            nilo_day_format(NILO_DAY(m.first.n + d), day);
            assert_string_equal(a.cell[8], day);
        }
        if (is < 0)
            assert_non_null(strstr(a.cell[9], "not_collected"));
    }
    for (int v = 0; v < VIDEOS; v++) {
        int d = win < 0 ? 0 : newest(win, v, days);
        wanted += m.known[v] && (least <= 0 || (win < 0 ? m.best[v][GMV] : d < 0 ? -1 : m.shown[win][d][v].gmv) >= least);
    }
    assert_int_equal(n, wanted);
    nilo_buf_done(&a.text);
}

/* ---- doctor ---------------------------------------------------------------------------------------------------------------------------------- */

static int finding(void *ctx, const struct nilo_finding *f)
{
    const struct nilo_check *c = ctx;
    fail_msg("doctor: %s: %s %s %s %s", c->name, f->item != NULL ? f->item : "", f->day != NULL ? f->day : "", f->metric != NULL ? f->metric : "", f->text != NULL ? f->text : "");
    return 0;
}

static void check_doctor(void)
{
    struct stores *s = m.sim.s;
    for (size_t i = 0; i < nilo_checks_n; i++) {
        if (nilo_checks[i].level == NILO_CHECK_ODD || nilo_checks[i].level == NILO_CHECK_WRONG)
            ok(s, nilo_store_check(s->store, &nilo_checks[i], finding, (void *)(uintptr_t)&nilo_checks[i], &s->err));
    }
    ok(s, nilo_store_verify(s->store, NULL, NULL, &s->err));
}

/* ---- the month --------------------------------------------------------------------------------------------------------------------------------- */

static int older_part_fails(void *ctx, nilo_us now, const char *target, int64_t *ret_retry_after_s)
{
    char day[NILO_DAY_TEXT], from[40];
    (void)ctx;
    (void)ret_retry_after_s;
    nilo_day_format(NILO_DAY((int32_t)(now / NILO_US_DAY) - 90), day);
    snprintf(from, sizeof from, "start_date_ge=%s", day);
    return strstr(target, from) != NULL ? 500 : 0;
}

static void a_month_of_windows(struct stores *s)
{
    memset(&m, 0, sizeof m);
    memset(m.best, -1, sizeof m.best);
    memset(m.before, -1, sizeof m.before);
    shop_begin(&m.sim, s, "seed=11 channels=1 videos=40 back_days=150 upload_hours=60 deleted=150 latency_ms=5 shop_page=9 shop_short=300 shop_twice=400 shop_repeat=1 shop_versions=3 shop_token_s=8640000");
    nilo_day whole = NILO_DAY((int32_t)(s->clock.wall / NILO_US_DAY) - 2); /* the newest that a whole run had, or the oldest that the first one reads */
    m.first = whole;
    int runs = 0, failed = 0;
    for (int day = 0; day < DAYS_MOST; day++, nilo_virtual_clock_advance(&s->clock, NILO_US_DAY)) {
        nilo_day yesterday = NILO_DAY((int32_t)(s->clock.wall / NILO_US_DAY) - 1);
        bool unlucky = day == 8 || day == 20;
        if (day == 13 || day == 14 || day == 15) /* the machine is off; somebody says then that the clock is right: doctor --accept-clock */
            continue;
        if (day == 16)
            ok(s, nilo_record_accept_clock(s->store, NULL, &s->err));
        m.sim.fault = unlucky ? older_part_fails : NULL;
        nilo_us at = s->clock.wall;
        shop_collect(&m.sim, NULL);
        if (strcmp(m.sim.outcomes[0].status, unlucky ? "partial" : "completed") != 0)
            fail_msg("day %d is %s: %s %s", day, m.sim.outcomes[0].status, m.sim.outcomes[0].error, m.sim.outcomes[0].failure);
        tell_run(yesterday, whole, unlucky, at);
        whole = unlucky ? whole : yesterday;
        runs++;
        failed += unlucky;
        if (day == 0) {
            ok(s, nilo_store_begin(s->store, &s->err));
            ok(s, nilo_compat_bind(s->store, "creator", NULL, NULL, &s->err));
            ok(s, nilo_store_commit(s->store, &s->err));
        }
        check_best();
    }
    int days = DAYS_MOST + EARLIER - 1;
    assert_int_equal(runs, 27);
    assert_int_equal(failed, 2);
    check_windows(days);
    for (int win = -1; win < WINS; win++) {
        check_list(win, 0, days);
        check_list(win, 100000, days);
    }
    check_doctor();
    assert_true(m.lower > 100 && m.higher > 100);
    assert_true(sim_counter(&m.sim, "tiktok_shop.twice") > 100);
    assert_int_equal(sim_counter(&m.sim, "tiktok_shop.bad_sign"), 0);
    assert_true(stores_int(s, "SELECT count(*) FROM day_close") > 20);
    sim_done(&m.sim);
}

int main(void)
{
    static const struct stores_test tests[] = {STORES_TEST(a_month_of_windows)};
    return stores_run("collect/tiktok_shop_month", tests, sizeof tests / sizeof tests[0]);
}
