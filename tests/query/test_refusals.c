/* Requests that are wrong: each gets the right code and a sentence that says what is wrong, and mutated ones never crash. */
#include "filled.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct filled lite;

static int set_up(void **state)
{
    (void)state;
    return filled_open(&lite, NILO_DB_SQLITE);
}

static int tear_down(void **state)
{
    (void)state;
    filled_close(&lite);
    return 0;
}

static const struct {
    const char *request;
    enum nilo_code code;
    const char *message, *hint;
} refusals[] = {
    /* names */
    {"content_snapshot?limit=1", NILO_ERELATION,
     "Could not find the table 'public.content_snapshot' in the schema cache",
     "Perhaps you meant the table 'public.content_snapshots'"},
    {"daily_metric", NILO_ERELATION, "'public.daily_metric'", "Perhaps you meant the table 'public.daily_metrics'"},
    {"nothing_like_it", NILO_ERELATION, "'public.nothing_like_it'", ""},
    {"?select=*", NILO_ERELATION, "'public.'", ""},
    {"app_latest?select=*", NILO_ERELATION, "'public.app_latest'", NULL},
    {"content_latest?vievs=gt.1", NILO_ECOLUMN, "column content_latest.vievs does not exist",
     "Perhaps you meant to reference the column \"content_latest.views\"."},
    {"content?select=external_id,titel", NILO_ECOLUMN, "column content.titel does not exist", "\"content.title\""},
    {"content?order=nope.desc", NILO_ECOLUMN, "column content.nope does not exist", ""},
    {"content?or=(nope.eq.1)", NILO_ECOLUMN, "column content.nope does not exist", ""},
    {"content?scale=eq.1", NILO_ECOLUMN, "column content.scale does not exist", NULL},
    {"owner_metrics?gpm=eq.1", NILO_ECOLUMN, "column owner_metrics.gpm does not exist", NULL},
    {"timeserie metric=views", NILO_EFUNCTION,
     "Could not find the function public.timeserie(metric) in the schema cache",
     "Perhaps you meant to call the function public.timeseries"},
    {"timeseries metrik=views", NILO_EFUNCTION, "public.timeseries(metrik)", "Perhaps you meant the argument metric"},
    {"activity days=3&x=1", NILO_EFUNCTION, "public.activity(days, x)", "activity takes days"},
    {"nope()", NILO_EFUNCTION, "public.nope without parameters", ""},
    {"timeseries metric=vievs", NILO_EINVAL, "did you mean \"views\"?", NULL},
    {"timeseries metric=views&owner=nobody", NILO_ENAME, "there is no owner \"nobody\"", NULL},
    {"timeseries metric=views&connection=nope", NILO_ENAME, "there is no connection \"nope\"", NULL},
    {"timeseries metric=views&external_id=nope", NILO_ENAME, "there is no item \"nope\"", NULL},
    {"timeseries metric=views&external_id=nope&from=2025-01-01&to=2025-01-03&fill=spread", NILO_ENAME, "there is no item \"nope\"", NULL},
    {"timeseries metric=views&external_id=nope&window_days=30&as_of=2025-01-03", NILO_ENAME, "there is no item \"nope\"", NULL},
    {"growth metric=views&external_id=V1", NILO_ENAME, "there is no item \"V1\"", NULL},
    {"content_latest?select=a:views,a:likes", NILO_EPARSE, "two columns of this request are named \"a\"; give one of them another name", NULL},
    {"content_latest?select=*,views:likes", NILO_EPARSE, "named \"views\"", NULL},
    {"content_latest?select=views,views::text", NILO_EPARSE, "named \"views\"", NULL},
    {"content?select=a:tags->x,a:tags->y", NILO_EPARSE, "named \"a\"", NULL},
    {"content?select=x:tags->x,x:tags->>x", NILO_EPARSE, "named \"x\"", NULL},
    {"timeseries metric=views&external_id=v1", NILO_EINVAL, "several connections hold an item \"v1\"", NULL},
    {"timeseries metric=ctr", NILO_EINVAL, "ctr does not add up over items", NULL},
    {"growth metric=ctr", NILO_EINVAL, "ctr does not add up over items", NULL},
    {"timeseries()", NILO_ENULL, "timeseries needs the argument metric", NULL},
    /* operators */
    {"content?title=eqq.x", NILO_EPARSE, "\"failed to parse filter (eqq.x)\" (line 1, column 1)", ""},
    {"content?title=ilikee.x", NILO_EPARSE, "unknown operator", "Perhaps you meant the operator ilike"},
    {"content?title=x", NILO_EPARSE, "failed to parse filter (x)", NULL},
    {"content?title=", NILO_EPARSE, "failed to parse filter ()", NULL},
    {"content?title", NILO_EPARSE, "failed to parse filter", NULL},
    {"content?title=EQ.x", NILO_EPARSE, "unknown operator", NULL},
    {"content?title=match.x", NILO_EPARSE, "this operator is not supported", NULL},
    {"content?title=fts(english).x", NILO_EPARSE, "not supported", NULL},
    {"content?title=not.not.eq.x", NILO_EPARSE, "failed to parse filter", NULL},
    {"content?title=neq(any).{a}", NILO_EPARSE, "failed to parse filter", NULL},
    {"content?title=is.nothing", NILO_EPARSE, "is takes null, not_null, true, false or unknown", NULL},
    {"content?title=is.true", NILO_EPARSE, "operator is does not work on column content.title (text)", NULL},
    {"content_latest?views=like.1*", NILO_EPARSE, "operator like does not work on column content_latest.views (bigint)",
     NULL},
    {"content?owner=like.m*", NILO_EPARSE, "operator like does not work", NULL},
    {"content?owner=gt.m", NILO_EPARSE, "operator gt does not work", NULL},
    {"content?tags=eq.{}", NILO_EPARSE, "compare a key as text: column->>key", NULL},
    {"content?tags->a=eq.1", NILO_EPARSE, "compare a key as text", NULL},
    {"content?title->a=is.null", NILO_EPARSE, "only jsonb columns have keys", NULL},
    {"content?tags->>a->b=is.null", NILO_EPARSE, "nothing follows after ->>", NULL},
    {"content?tags->=is.null", NILO_EPARSE, "a step is empty", NULL},
    {"daily_metrics?id=gt.00000000-0000-0000-0000-000000000000", NILO_EPARSE, "operator gt does not work", NULL},
    {"metric_definitions?is_active=gt.true", NILO_EPARSE, "operator gt does not work", NULL},
    {"content?title=like.abc\\", NILO_EINVAL, "LIKE pattern must not end with escape character", NULL},
    /* lists and trees */
    {"content?title=in.a,b", NILO_EPARSE, "in takes a list in brackets", NULL},
    {"content?title=in.(a,b", NILO_EPARSE, "closing bracket is missing", NULL},
    {"content?title=in.(a)b", NILO_EPARSE, "something follows the closing bracket", NULL},
    {"content?title=eq(any).a", NILO_EPARSE, "take a list in braces", NULL},
    {"content?or=title.eq.1", NILO_EPARSE, "failed to parse logic tree", NULL},
    {"content?or=()", NILO_EPARSE, "failed to parse logic tree", NULL},
    {"content?or=(title.eq.1", NILO_EPARSE, "closing bracket is missing", NULL},
    {"content?or=(title.eq.1))", NILO_EPARSE, "something follows", NULL},
    {"content?or=(title.eq.1,)", NILO_EPARSE, "failed to parse logic tree", NULL},
    {"content?or=(title)", NILO_EPARSE, "column.operator.value is expected", NULL},
    {"content?and=(or(title.eq.1,title.eq.2)", NILO_EPARSE, "closing bracket", NULL},
    /* values */
    {"content_latest?views=gt.abc", NILO_ENUMBER, "invalid input syntax for type bigint: \"abc\"", NULL},
    {"content_latest?gmv=gt.abc", NILO_ENUMBER, "invalid input syntax for type numeric: \"abc\"", NULL},
    {"metric_values?value=in.(1,2x)", NILO_ENUMBER, "invalid input syntax for type numeric: \"2x\"", NULL},
    {"content_latest?views=gt.", NILO_ENUMBER, "invalid input syntax for type bigint: \"\"", NULL},
    {"content_latest?views=gt.NaN", NILO_ENUMBER, "NaN", NULL},
    {"content_latest?views=gt.1,000", NILO_ENUMBER, "1,000", NULL},
    {"owner_metrics?saves=gt.99999999999999999999", NILO_EOVERFLOW, "out of range", NULL},
    {"daily_metrics?metric_date=gte.yesterday", NILO_EDATE, "invalid input syntax for type date: \"yesterday\"", NULL},
    {"daily_metrics?metric_date=gte.2025-02-30", NILO_EDATERANGE, "date/time field value out of range: \"2025-02-30\"",
     NULL},
    {"runs?started_at=gte.now", NILO_EDATE, "invalid input syntax for type timestamp with time zone: \"now\"", NULL},
    {"daily_metrics?id=eq.123", NILO_ENUMBER, "invalid input syntax for type uuid: \"123\"", NULL},
    {"metric_definitions?is_active=eq.maybe", NILO_ENUMBER, "invalid input syntax for type boolean: \"maybe\"", NULL},
    {"timeseries metric=views&from=2025-02-30", NILO_EDATERANGE, "argument from", NULL},
    {"timeseries metric=views&from=soon", NILO_EDATE, "argument from", NULL},
    {"activity days=x", NILO_ENUMBER, "invalid input syntax for type bigint: \"x\" (argument days)", NULL},
    {"activity days=0", NILO_EINVAL, "days is a number", NULL},
    {"timeseries metric=views&step=year", NILO_EINVAL, "step is day, week or month", NULL},
    {"timeseries metric=views&fill=zero", NILO_EINVAL, "fill is none or spread", NULL},
    {"timeseries metric=views&step=week&fill=spread", NILO_EINVAL, "fill=spread goes with step=day", NULL},
    {"timeseries metric=views&window_days=-1", NILO_EINVAL, "window_days", NULL},
    {"timeseries metric=views&metric=likes", NILO_EINVAL, "the argument metric is given twice; give it once", NULL},
    {"top_content min_views=1&min_views=2", NILO_EINVAL, "the argument min_views is given twice", NULL},
    {"growth metric=views&step=year", NILO_EINVAL, "step is day, week or month, not \"year\"", NULL},
    {"growth metric=views&day=2025-03-11", NILO_EINVAL, "day lies in the future", NULL},
    {"growth metric=views&day=11", NILO_EDATE, "argument day", NULL},
    {"growth step=day", NILO_ENULL, "growth needs the argument metric", NULL},
    {"growth metric=vievs", NILO_EINVAL, "metric \"vievs\" is not defined; did you mean \"views\"?", NULL},
    {"growth metric=zzz", NILO_EINVAL, "nilometer get metric_definitions lists them", NULL},
    {"growth metric=views&owner=nobody", NILO_ENAME, "there is no owner \"nobody\"", NULL},
    {"growth metric=views&window_days=x", NILO_ENUMBER, "(argument window_days)", NULL},
    {"growth metrik=views", NILO_EFUNCTION, "public.growth(metrik)", "Perhaps you meant the argument metric"},
    {"growth metric=views&foo=1", NILO_EFUNCTION, "public.growth(metric, foo)",
     "growth takes metric, step, day, owner, connection, platform, external_id, window_days, as_of"},
    {"top_content period=month", NILO_EINVAL,
     "period is all, latest or the days of a window such as 30 or 90, not \"month\"", NULL},
    {"top_content period=0", NILO_EINVAL, "period is all", NULL},
    {"top_content period=-30", NILO_EINVAL, "period is all", NULL},
    {"top_content order=vievs", NILO_EINVAL, "order: metric \"vievs\" is not defined; did you mean \"views\"?", NULL},
    {"top_content order=views.up", NILO_EINVAL, "order is a metric, metric.desc or metric.asc", NULL},
    {"top_content min_vievs=3", NILO_EINVAL, "metric \"vievs\" is not defined", NULL},
    {"top_content min_views=many", NILO_ENUMBER, "\"many\" (argument min_views)", NULL},
    {"top_content min_=1", NILO_EFUNCTION, "public.top_content(min_)", NULL},
    {"top_content metrics=likes,,views", NILO_EINVAL, "metrics is a list of names separated by commas", NULL},
    {"top_content metrics=likes,nope", NILO_EINVAL, "metric \"nope\" is not defined", NULL},
    {"top_content limit=-1", NILO_EINVAL, "limit is a number of items", NULL},
    {"top_content limit=1.5", NILO_ENUMBER, "(argument limit)", NULL},
    {"top_content limit=", NILO_ENUMBER, "(argument limit)", NULL},
    {"top_content offset=-1", NILO_EINVAL, "offset is a number of items", NULL},
    {"top_content owner=nobody", NILO_ENAME, "there is no owner \"nobody\"", NULL},
    {"top_content connection=nope", NILO_ENAME, "there is no connection \"nope\"", NULL},
    {"top_content posted_from=2025-13-01", NILO_EDATERANGE, "argument posted_from", NULL},
    {"top_content posted_from=2025-02-01&posted_to=2025-01-01", NILO_EINVAL,
     "the range of posted_from and posted_to is reversed", NULL},
    {"top_content posted_from=2024-01-01&posted_to=2025-01-01", NILO_EINVAL, "at most 365", NULL},
    {"owner_profile()", NILO_ENULL, "owner_profile needs the argument owner", NULL},
    {"owner_profile owner=nobody", NILO_ENAME, "there is no owner \"nobody\"", NULL},
    {"run_report run=99", NILO_ENAME, "there is no run 99; nilometer run list names them", NULL},
    {"run_report run=first", NILO_ENUMBER, "(argument run)", NULL},
    /* as_of: where it belongs, and nowhere else */
    {"top_content as_of=2025-01-01", NILO_EINVAL, "top_content cannot be asked as of a time; content_snapshots, daily_metrics and owner_daily can, and of the functions growth and timeseries", NULL},
    {"owner_profile owner=maria&as_of=2025-01-01", NILO_EINVAL, "owner_profile cannot be asked as of a time", NULL},
    {"run_report as_of=2025-01-01", NILO_EINVAL, "run_report cannot be asked as of a time", NULL},
    {"coverage as_of=2025-01-01", NILO_EINVAL, "coverage cannot be asked as of a time", NULL},
    {"current_metrics as_of=2025-01-01", NILO_EINVAL, "current_metrics cannot be asked as of a time", NULL},
    {"activity as_of=2025-01-01", NILO_EINVAL, "activity cannot be asked as of a time", NULL},
    {"collection_status as_of=2025-01-01", NILO_EINVAL, "cannot be asked as of a time", NULL},
    {"growth metric=views&as_of=soon", NILO_EDATE, "argument as_of", NULL},
    {"owner_metrics?as_of=2025-01-01", NILO_EINVAL, "cannot be asked as of a time", NULL},
    {"content_best?as_of=2025-01-01", NILO_EINVAL, "cannot be asked as of a time", NULL},
    {"content_windows?as_of=2025-01-01", NILO_EINVAL, "cannot be asked as of a time", NULL},
    {"metric_values?as_of=2025-01-01", NILO_EINVAL, "cannot be asked as of a time", NULL},
    {"revisions?as_of=2025-01-01", NILO_EINVAL, "cannot be asked as of a time", NULL},
    {"runs?as_of=2025-01-01", NILO_EINVAL, "cannot be asked as of a time", NULL},
    {"credits?as_of=2025-01-01", NILO_EINVAL, "cannot be asked as of a time", NULL},
    /* ranges */
    {"daily_metrics?metric_date=gte.2024-01-01&metric_date=lte.2025-01-01", NILO_EINVAL, "spans 366 days; at most 365",
     NULL},
    {"content_snapshots?day=gt.2020-01-01&day=lt.2025-01-01", NILO_EINVAL, "at most 365", NULL},
    {"daily_metrics?metric_date=gte.2024-01-01&metric_date=lt.2025-01-02", NILO_EINVAL, "from 2024-01-01 to 2025-01-01 spans 366 days", NULL},
    {"daily_metrics?metric_date=gt.2024-01-01&metric_date=lte.2025-01-02", NILO_EINVAL, "from 2024-01-02 to 2025-01-02 spans 366 days", NULL},
    {"daily_metrics?metric_date=gte.2025-02-02&metric_date=lte.2025-02-01", NILO_EINVAL, "is reversed", NULL},
    /* wherever both bounds are named */
    {"daily_metrics?and=(metric_date.gte.2024-01-01,metric_date.lte.2025-01-01)", NILO_EINVAL, "spans 366 days; at most 365", NULL},
    {"daily_metrics?and=(value.gt.1,and(metric_date.gte.2024-01-01,metric_date.lte.2025-01-01))", NILO_EINVAL, "at most 365", NULL},
    {"daily_metrics?metric_date=gte.2024-01-01&and=(metric_date.lte.2025-01-01,value.gt.1)", NILO_EINVAL, "at most 365", NULL},
    {"daily_metrics?or=(and(metric_date.gte.2024-01-01,metric_date.lte.2025-01-01),value.gt.1)", NILO_EINVAL, "at most 365", NULL},
    {"daily_metrics?metric_date=gte.2024-01-01&or=(metric_date.lte.2025-01-01,value.gt.1)", NILO_EINVAL, "at most 365", NULL},
    {"daily_metrics?not.or=(metric_date.lt.2024-01-01,metric_date.gt.2025-01-01)", NILO_EINVAL, "at most 365", NULL},
    {"daily_metrics?metric_date=not.lt.2024-01-01&metric_date=lte.2025-01-01", NILO_EINVAL, "at most 365", NULL},
    {"daily_metrics?metric_date=gte(any).{2024-01-01,2024-06-01}&metric_date=lte.2025-01-01", NILO_EINVAL, "at most 365", NULL},
    {"daily_metrics?and=(metric_date.gte.2025-02-02,metric_date.lte.2025-02-01)", NILO_EINVAL, "is reversed", NULL},
    {"timeseries metric=views&from=2024-01-01&to=2025-01-01", NILO_EINVAL, "at most 365", NULL},
    {"timeseries metric=views&from=2025-01-02&to=2025-01-01", NILO_EINVAL, "is reversed", NULL},
    {"coverage from=2024-01-01&to=2025-01-01", NILO_EINVAL, "at most 365", NULL},
    {"content?as_of=2025-01-01", NILO_EINVAL, "content cannot be asked as of a time", NULL},
    {"content_latest?as_of=2025-01-01", NILO_EINVAL, "cannot be asked as of a time", NULL},
    {"daily_metrics?as_of=soon", NILO_EDATE, "as_of", NULL},
    /* select, order, limit */
    {"content?select=", NILO_EPARSE, "failed to parse select parameter", NULL},
    {"content?select=title,", NILO_EPARSE, "failed to parse select parameter", NULL},
    {"content?select=:title", NILO_EPARSE, "the name before : is empty", NULL},
    {"content?select=title::blob", NILO_EPARSE, "type \"blob\" does not exist", NULL},
    {"content?select=tags::int", NILO_EPARSE, "cannot cast type jsonb to int", NULL},
    {"content?select=credits(owner)", NILO_EPARSE, "embedded relations are not supported", NULL},
    {"content?select=title.median()", NILO_EPARSE, "the aggregates are count(), column.count(), sum(), avg(), min() and max()", NULL},
    {"content?select=sum()", NILO_EPARSE, "the aggregates are", NULL},
    {"content?select=.sum()", NILO_EPARSE, "the aggregates are", NULL},
    {"content?select=\"\".sum()", NILO_ECOLUMN, "column content. does not exist", NULL},
    {"content?select=nothing.sum()", NILO_ECOLUMN, "column content.nothing does not exist", NULL},
    {"content?select=title.sum()", NILO_ENOFUNCTION, "function sum(text) does not exist", NULL},
    {"content?select=posted_at.avg()", NILO_ENOFUNCTION, "function avg(timestamp with time zone) does not exist", NULL},
    {"content?select=tags.max()", NILO_ENOFUNCTION, "function max(jsonb) does not exist", NULL},
    {"content?select=owner.min()", NILO_ENOFUNCTION, "function min(jsonb) does not exist", NULL},
    {"daily_metrics?select=id.max()", NILO_ENOFUNCTION, "function max(uuid) does not exist", NULL},
    {"daily_metrics?select=metadata->sample_size.sum()", NILO_ENOFUNCTION, "function sum(jsonb) does not exist", "Say what it is: column->>key::numeric.sum()"},
    {"daily_metrics?select=metric_date.max()::numeric", NILO_EPARSE, "cannot cast type date to numeric", NULL},
    {"daily_metrics?select=metric_category,value.sum()&order=metric_date", NILO_EGROUP,
     "column \"daily_metrics.metric_date\" must appear in the GROUP BY clause or be used in an aggregate function", NULL},
    {"daily_metrics?select=value.sum(),value.max(),value.sum()::text", NILO_EPARSE, "two columns of this request are named \"sum\"", NULL},
    {"rpc/activity?days=3&select=nothing", NILO_ECOLUMN, "column activity.nothing does not exist", NULL},
    {"rpc/activity?days=3&order=nothing", NILO_ECOLUMN, "column activity.nothing does not exist", NULL},
    {"rpc/activity?days=3&posts=wrong.1", NILO_EPARSE, "failed to parse filter (wrong.1)", NULL},
    {"rpc/activity?days=3&nothing=eq.1", NILO_EFUNCTION, "Could not find the function public.activity(days, nothing)", NULL},
    {"rpc/top_content?order=views&nothing=eq.1", NILO_EFUNCTION, "Could not find the function public.top_content(order, nothing)", NULL},
    {"rpc/activity?select=posts(*)", NILO_EPARSE, "embedded relations are not supported", NULL},
    {"rpc/activity?days=3&limit=-1", NILO_ERANGE, "Requested range not satisfiable", NULL},
    {"content?select=title,owners(owner)", NILO_EPARSE, "embedded relations are not supported", NULL},
    {"content?select=title->a", NILO_EPARSE, "only jsonb columns have keys", NULL},
    {"content?order=title.up", NILO_EPARSE, "failed to parse order (title.up)", NULL},
    {"content?order=title.nullsfirst.desc", NILO_EPARSE, "failed to parse order", NULL},
    {"content?order=", NILO_EPARSE, "failed to parse order", NULL},
    {"content?order=owner", NILO_EPARSE, "rows cannot be ordered by content.owner (jsonb)", NULL},
    {"content?limit=ten", NILO_EPARSE, "failed to parse limit parameter (ten)", NULL},
    {"content?limit=1.5", NILO_EPARSE, "failed to parse limit parameter", NULL},
    {"content?limit=-1", NILO_ERANGE, "Requested range not satisfiable", NULL},
    {"content?offset=x", NILO_EPARSE, "failed to parse offset parameter", NULL},
    {"content?=eq.1", NILO_EPARSE, "a column is expected before =", NULL},
    {"content?title=eq.\xff", NILO_EPARSE, "invalid byte sequence", NULL},
};

static void wrong_requests_get_code_and_sentence(void **state)
{
    struct nilo_scope scope = {.role = NILO_ROLE_ADMIN, .workspaces = &lite.a, .n = 1};
    int wrong = 0;
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        char *got = filled_ask(&lite, &scope, NILO_FORMAT_CSV, NULL, refusals[i].request);
        const char *hint = refusals[i].hint;
        bool hint_ok = !hint || (*hint ? strstr(lite.notes.hint, hint) != NULL : !*lite.notes.hint);
        if (got || lite.err.code != refusals[i].code || !strstr(lite.err.msg, refusals[i].message) || !hint_ok) {
            printf("# %s: %s (%s) hint: %s\n", refusals[i].request, got ? got : lite.err.msg,
                   nilo_code_sqlstate(lite.err.code), lite.notes.hint);
            wrong++;
        }
        free(got);
    }
    assert_int_equal(wrong, 0);
}

/* What looks odd and is right. */
static const char *const accepted[] = {
    "content",
    "content?",
    "content?&&",
    "content?select=*",
    "content?select=%2A",
    "content?select= external_id ,\ttitle ",
    "content?select=\"title\",\"my name\":title",
    "content?select=title,title,*",
    "content?select=count()",
    "content?select=all:count(),media_type,  title.count() ,n:title.min()::text",
    "content_snapshots?select=external_id,views.sum(),views.avg()::int,m:views.max()::text&order=external_id.desc&limit=2&offset=1",
    "daily_metrics?select=metric_category,s:value.sum(),metadata->>sample_size::numeric.avg()&metric_category=eq.users_total",
    "content?or=(tags->>a.eq.1,title.eq.2)",
    "daily_metrics?or=(id.eq.00000000-0000-0000-0000-000000000000,not.and(value.gt.5,metadata->>x.is.null))",
    "rpc/activity?days=3&select=date,n:posts&posts=is.null&order=date.desc&limit=2&offset=1",
    "rpc/top_content?order=views&min_views=1&select=external_id,views&views=gt.5&or=(external_id.eq.v1,not.and(views.lt.2,title.is.null))",
    "rpc/timeseries?metric=views&from=2025-03-01&to=2025-03-09&select=count(),value.max(),value.avg(),absence",
    "content?select=name%3Aexternal_id,posted_at::date,duration_ms::text",
    "content?title=eq.",
    "content?title=eq.a.b,c(d)\"e",
    "content?title=eq.\"quoted\"",
    "content?title=in.(\"a,b\",\"c\\\"d\",e\"f, g)",
    "content?title=in.()",
    "content?title=in.(\"\")",
    "content?title=not.in.(a)",
    "content?title=is.NULL",
    "content?title=is.not_null",
    "content?title=like(any).{a*,*b}",
    "content?title=ilike(all).{*a,b%}",
    "content?title=not.isdistinct.x",
    "content?\"title\"=eq.x",
    "content?or=(title.eq.\"a,b)\",title.eq.c.d, url.is.null )",
    "content?and=(title.not.eq.x,not.or(url.is.null,not.and(title.in.(a,b),status.like(any).{x,y})))",
    "content?not.and=(title.eq.x,url.eq.y)",
    "content?or=(owner.eq.maria,deleted_at.is.null)",
    "content?posted_at=gte.2025-01-01T00:00:00Z&posted_at=lt.2025-02-01 00:00:00+02",
    "content?limit=0",
    "content?limit=99999999999999999999999",
    "content?offset=-5",
    "content?offset=99999999999999999999999",
    "content?columns=a,b&on_conflict=c",
    "content?select=title&select=url",
    "content?order=title.desc.nullslast,\"url\".asc",
    "content_latest?views=gt. 5 ",
    "content_latest?views=gt.1e3",
    "content_latest?views=gt.-.5",
    "content_latest?views=eq.1.0",
    "daily_metrics?metric_date=gte.2024-03-01&metric_date=lte.2025-03-01",
    "daily_metrics?metric_date=eq.2020-01-01&metric_date=eq.2025-01-01",
    "daily_metrics?metric_date=gte.2020-01-01",
    "daily_metrics?metadata->a->0->>b=eq.1",
    "daily_metrics?select=metadata->\"a->b\"->>c",
    "daily_metrics?as_of=2025-03-08",
    "daily_metrics?id=in.(00000000-0000-0000-0000-000000000000,11111111111111111111111111111111)",
    "metric_values?entity=gt.app&cause=in.(late,base)&order=cause.desc",
    "activity()",
    "timeseries metric=views&fill=none&step=day",
};

static void odd_but_right_requests_are_answered(void **state)
{
    struct nilo_scope scope = {.role = NILO_ROLE_ADMIN, .workspaces = &lite.a, .n = 1};
    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        char *got = filled_ask(&lite, &scope, NILO_FORMAT_JSON, NULL, accepted[i]);
        if (!got)
            fail_msg("%s: %s", accepted[i], lite.err.msg);
        free(got);
    }
}

static void urls_and_typed_requests_are_decoded(void **state)
{
    struct nilo_scope scope = {.role = NILO_ROLE_ADMIN, .workspaces = &lite.a, .n = 1};
    static const struct {
        bool url;
        const char *request, *answer;
    } cases[] = {
        {true, "content?title=eq.First%2C+%22quoted%22&select=external_id", "[{\"external_id\":\"v1\"}]\n"},
        {false, "content?title=eq.First, \"quoted\"&select=external_id", "[{\"external_id\":\"v1\"}]\n"},
        {false, "content?title=eq.First%2C%20%22quoted%22&select=external_id", "[{\"external_id\":\"v1\"}]\n"},
        {false, "content?title=eq.First,+\"quoted\"&select=external_id", "[]\n"},
        {true, "content?external_id=eq.%3Dv3&select=external_id", "[{\"external_id\":\"=v3\"}]\n"},
        {false, "content?external_id=eq.=v3&select=external_id", "[{\"external_id\":\"=v3\"}]\n"},
        {false, "content?title=like.%quoted%&select=external_id", "[{\"external_id\":\"v1\"}]\n"},
        {false, "content?external_id=eq.Ünïcode_%x&select=external_id", "[{\"external_id\":\"Ünïcode_%x\"}]\n"},
        {true, "content?external_id=eq.%C3%9Cn%C3%AFcode_%25x&select=external_id",
         "[{\"external_id\":\"Ünïcode_%x\"}]\n"},
        {true, "content?posted_at=eq.2025-01-01T01:00:00.5%2B01:00&select=external_id&order=external_id&limit=1",
         "[{\"external_id\":\"old\"}]\n"},
        {false, "content?posted_at=eq.2025-01-01T01:00:00.5+01:00&select=external_id&order=external_id&limit=1",
         "[{\"external_id\":\"old\"}]\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nilo_request request = NILO_REQUEST_DEFAULT;
        request.url = cases[i].url;
        char *got = filled_get(&lite, &scope, NILO_FORMAT_JSON, &request, cases[i].request);
        if (!got || strcmp(got, cases[i].answer) != 0)
            fail_msg("%s: %s", cases[i].request, got ? got : lite.err.msg);
        free(got);
    }
}

static void the_command_line_may_ask_for_more_than_a_year(void **state)
{
    struct nilo_scope scope = NILO_SCOPE_ALL;
    struct nilo_request request = NILO_REQUEST_DEFAULT;
    (void)state;
    request.any_range = true;
    for (const char *const *text =
             (const char *const[]){"daily_metrics?metric_date=gte.2020-01-01&metric_date=lte.2025-12-31",
                                   "timeseries metric=views&from=2020-01-01&to=2025-12-31",
                                   "coverage from=2020-01-01&to=2025-12-31", "activity days=1000", NULL};
         *text; text++) {
        char *got = filled_ask(&lite, &scope, NILO_FORMAT_CSV, &request, *text);
        if (!got)
            fail_msg("%s: %s", *text, lite.err.msg);
        free(got);
    }
    char *got = filled_ask(&lite, &scope, NILO_FORMAT_CSV, &request,
                           "daily_metrics?metric_date=gte.2025-02-02&metric_date=lte.2025-02-01");
    assert_null(got);
}

/* ---- sizes --------------------------------------------------------------------------------------------------------------------------- */

static char *repeated(const char *head, const char *part, size_t n, const char *tail)
{
    size_t a = strlen(head), b = strlen(part), c = strlen(tail);
    char *text = malloc(a + n * b + c + 1);
    assert_non_null(text);
    memcpy(text, head, a);
    for (size_t i = 0; i < n; i++)
        memcpy(text + a + i * b, part, b);
    memcpy(text + a + n * b, tail, c + 1);
    return text;
}

static void sizes_are_bounded(void **state)
{
    static const struct {
        const char *head, *part;
        size_t n;
        const char *tail;
        bool fits;
    } cases[] = {
        {"content?title=in.(", "a,", 6899, "b)", true},
        {"content?title=in.(", "a,", 6900, "b)", false},
        {"content_latest?views=in.(", "12,", 6899, "1)", true},
        {"metric_values?value=in.(", "1,", 390, "1)", true},
        {"metric_values?value=in.(", "1,", 500, "1)", false},
        {"content?title=eq(any).{", "a,", 390, "b}", true},
        {"content?title=eq(any).{", "a,", 500, "b}", false},
        {"content?or=(", "title.eq.a,", 390, "title.eq.b)", true},
        {"content?or=(", "title.eq.a,", 500, "title.eq.b)", false},
        {"content?title=eq.x", "&title=eq.y", 390, "", true},
        {"content?title=eq.x", "&title=eq.y", 500, "", false},
        {"content?and=", "(and", 5000, "", false},
        {"content?select=title", ",title", 900, "", true},
        {"content?select=title", ",title", 1100, "", false},
        {"content?order=title", ",title", 90, "", true},
        {"content?order=title", ",title", 110, "", false},
        {"content?title=eq.", "x", 500000, "", true},
        {"content?title=eq.", "x", 1100000, "", false},
        {"daily_metrics?select=metadata", "->a", 16, "", true},
        {"daily_metrics?select=metadata", "->a", 17, "", false},
    };
    struct nilo_scope scope = {.role = NILO_ROLE_ADMIN, .workspaces = &lite.a, .n = 1};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = repeated(cases[i].head, cases[i].part, cases[i].n, cases[i].tail);
        char *got = filled_get(&lite, &scope, NILO_FORMAT_JSON, NULL, text);
        if ((got != NULL) != cases[i].fits)
            fail_msg("%s%s... (%zu): %.300s", cases[i].head, cases[i].part, cases[i].n,
                     got ? "answered" : lite.err.msg);
        if (!got)
            assert_int_equal(lite.err.code, NILO_EPARSE);
        free(got);
        free(text);
    }
    char deep[2000] = "content?and=";
    for (int i = 0; i < 31; i++)
        snprintf(deep + strlen(deep), sizeof deep - strlen(deep), "(and");
    snprintf(deep + strlen(deep), sizeof deep - strlen(deep), "(title.eq.x");
    for (int i = 0; i < 32; i++)
        snprintf(deep + strlen(deep), sizeof deep - strlen(deep), ")");
    char *got = filled_get(&lite, &scope, NILO_FORMAT_JSON, NULL, deep);
    if (!got)
        fail_msg("32 deep: %s", lite.err.msg);
    free(got);
    char *deeper = repeated("content?and=", "(and", 32, "(title.eq.x"), *closed = repeated(deeper, ")", 33, "");
    assert_null(filled_get(&lite, &scope, NILO_FORMAT_JSON, NULL, closed));
    assert_non_null(strstr(lite.err.msg, "nested more than 32 deep"));
    free(deeper);
    free(closed);
}

/* ---- mutations ------------------------------------------------------------------------------------------------------------------------ */

static size_t mutate(struct nilo_random *random, char *text, size_t len, size_t max)
{
    static const char *const words[] = {"not.",       "eq.",
                                        "in.(",       ")",
                                        "(",          ",",
                                        "\"",         "\\",
                                        "->",         "->>",
                                        "::",         ":",
                                        "*",          "%",
                                        "%00",        "%C3",
                                        "&",          "=",
                                        "?",          ".",
                                        "or=(",       "and(",
                                        "is.null",    "{",
                                        "}",          "(any)",
                                        "(all)",      "order=",
                                        "select=",    "limit=",
                                        "offset=",    "as_of=",
                                        "2025-03-01", "-9223372036854775808",
                                        "1e999",      "views",
                                        "owner",      "absence->>views",
                                        " ",          "+",
                                        "\x1f",       "\xff"};
    switch (nilo_random_below(random, 4)) {
    case 0: /* another byte */
        if (len)
            text[nilo_random_below(random, len)] =
                (char)(nilo_random_below(random, 8) ? 32 + nilo_random_below(random, 95)
                                                    : nilo_random_below(random, 256));
        return len;
    case 1: { /* a part taken out */
        size_t at = nilo_random_below(random, len + 1), n = nilo_random_below(random, len - at + 1);
        n = n > 8 ? 8 : n;
        memmove(text + at, text + at + n, len - at - n);
        return len - n;
    }
    default: { /* a word put in */
        const char *word = words[nilo_random_below(random, sizeof words / sizeof words[0])];
        size_t at = nilo_random_below(random, len + 1), n = strlen(word);
        if (len + n >= max)
            return len;
        memmove(text + at + n, text + at, len - at);
        memcpy(text + at, word, n);
        return len + n;
    }
    }
}

static int swallow(void *ctx, const char *p, size_t n, struct nilo_err *err)
{
    (void)p;
    (void)err;
    *(size_t *)ctx += n;
    return 0;
}

static void run_mutant(struct nilo_query *q, enum nilo_format format)
{
    struct nilo_scope scope = {.role = NILO_ROLE_ADMIN, .workspaces = &lite.a, .n = 1};
    struct nilo_writer *w;
    struct nilo_err err = {.code = NILO_OK};
    size_t bytes = 0;
    assert_int_equal(nilo_writer_new(format, false, swallow, &bytes, &w, &err), 0);
    struct nilo_sink sink = nilo_writer_sink(w);
    int rc = nilo_query_run(q, lite.store, &scope, &sink, &err);
    if (rc == 0)
        rc = nilo_writer_end(w, &err);
    /* what parsed is fit to run: nothing of the database's own may come up */
    bool known = err.code == NILO_EONE || err.code == NILO_ERANGE || err.code == NILO_ENUMBER ||
                 (nilo_query_function(q) && nilo_code_http(err.code) >= 400 && nilo_code_http(err.code) < 500); /* a function looks at its arguments itself */
    if (rc != 0 && !known)
        fail_msg("%s", err.msg);
    nilo_writer_free(w);
}

static void mutated_requests_never_crash(void **state)
{
    struct nilo_seeded_random seeded;
    nilo_seeded_random_init(&seeded, 42);
    struct nilo_random random = nilo_seeded_random(&seeded);
    size_t ran = 0, n_seeds = sizeof accepted / sizeof accepted[0];
    (void)state;
    for (int round = 0; round < 6000; round++) {
        char text[600];
        const char *seed = accepted[nilo_random_below(&random, n_seeds)];
        size_t len = strlen(seed) < 400 ? strlen(seed) : 400;
        memcpy(text, seed, len);
        for (uint64_t i = nilo_random_below(&random, 2); i != UINT64_MAX; i--)
            len = mutate(&random, text, len, sizeof text);
        /* a copy of just that size, so that the sanitizer sees a byte read behind it */
        char *exact = malloc(len ? len : 1);
        assert_non_null(exact);
        memcpy(exact, text, len);
        struct nilo_query *q;
        struct nilo_notes notes;
        struct nilo_err err = {.code = NILO_OK};
        struct nilo_request request = NILO_REQUEST_DEFAULT;
        request.url = round % 2 == 0;
        request.count = (enum nilo_count)nilo_random_below(&random, 3);
        if (nilo_query_text(lite.store, exact, len, &request, &q, &notes, &err) == 0) {
            run_mutant(q, (enum nilo_format)(round % NILO_FORMAT_N));
            nilo_query_free(q);
            ran++;
        } else {
            assert_int_not_equal(err.code, NILO_OK);
            assert_int_not_equal(err.code, NILO_EINTERNAL);
            assert_true(nilo_code_http(err.code) >= 400 && nilo_code_http(err.code) < 500);
            assert_true(err.msg[0] != '\0');
        }
        free(exact);
    }
    if (ran < 300)
        fail_msg("only %zu mutants parsed", ran); /* else the mutants were all dead on arrival */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_requests_get_code_and_sentence),
        cmocka_unit_test(odd_but_right_requests_are_answered),
        cmocka_unit_test(urls_and_typed_requests_are_decoded),
        cmocka_unit_test(the_command_line_may_ask_for_more_than_a_year),
        cmocka_unit_test(sizes_are_bounded),
        cmocka_unit_test(mutated_requests_never_crash),
    };
    return cmocka_run_group_tests_name("query refusals", tests, set_up, tear_down);
}
