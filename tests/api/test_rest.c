/* Reads over HTTP, row by row of the dialect's tables: what is asked, and the status, head and body that have to come. Both engines. */
#include "rest_world.h"
#include "support/pg.h"

#include <stdio.h>
#include <string.h>

#include "query/compat.h"

static struct rest_world r;

#define ME "authenticated acme"
#define ERROR(code, message, details, hint) "{\"code\":\"" code "\",\"message\":\"" message "\",\"details\":" details ",\"hint\":" hint "}"
#define COUNT "Prefer: count=exact"
#define OBJECT "Accept: application/vnd.pgrst.object+json"
#define JSON_TYPE "Content-Type: application/json; charset=utf-8"

/* ---- relations: forms, ranges, counts ------------------------------------------------------------------------------------------------------- */

static const struct rest_row relations[] = {
    {ME, "GET", "/rest/v1/daily_metrics?select=metric_date,metric_category,value&metric_category=in.(users_total,posts_created)&order=metric_date.asc,metric_category",
     NULL, NULL, 200, JSON_TYPE "\nContent-Range: 0-3/*",
     "[{\"metric_date\":\"2025-03-05\",\"metric_category\":\"posts_created\",\"value\":3},\n"
     " {\"metric_date\":\"2025-03-06\",\"metric_category\":\"posts_created\",\"value\":4},\n"
     " {\"metric_date\":\"2025-03-07\",\"metric_category\":\"users_total\",\"value\":10},\n"
     " {\"metric_date\":\"2025-03-09\",\"metric_category\":\"users_total\",\"value\":14}]\n"},
    /* the clients' own encoding: blanks as +, commas and brackets as %XX */
    {ME, "GET", "/rest/v1/daily_metrics?select=metric_category%2C+value&metric_category=in.%28users_total%29&order=metric_date.desc&limit=1", NULL, NULL, 200,
     "Content-Range: 0-0/*", "[{\"metric_category\":\"users_total\",\"value\":14}]\n"},
    {ME, "GET", "/rest/v1/daily_metrics?metric_date=eq.1999-01-01", NULL, NULL, 200, "Content-Range: */*", "[]\n"},
    {ME, "GET", "/rest/v1/daily_metrics?select=value&metric_category=eq.users_total&order=metric_date", COUNT, NULL, 200,
     "Content-Range: 0-1/2\nPreference-Applied: count=exact", "[{\"value\":10},\n {\"value\":14}]\n"},
    {ME, "GET", "/rest/v1/daily_metrics?select=value&metric_category=eq.users_total&order=metric_date&limit=1", "Prefer: count=planned", NULL, 206,
     "Content-Range: 0-0/2\nPreference-Applied: count=planned", "[{\"value\":10}]\n"},
    {ME, "GET", "/rest/v1/daily_metrics?select=value&metric_category=eq.users_total&order=metric_date&limit=1", "Prefer: count=estimated", NULL, 206,
     "Content-Range: 0-0/2", NULL},
    {ME, "GET", "/rest/v1/daily_metrics?select=value&metric_category=eq.users_total&order=metric_date&offset=1&limit=10", COUNT, NULL, 206,
     "Content-Range: 1-1/2", "[{\"value\":14}]\n"},
    {ME, "GET", "/rest/v1/daily_metrics?select=value&metric_category=eq.users_total&order=metric_date", COUNT "\nRange: 0-0\nRange-Unit: items", NULL, 206,
     "Content-Range: 0-0/2", "[{\"value\":10}]\n"},
    {ME, "GET", "/rest/v1/daily_metrics?select=value&metric_category=eq.users_total&order=metric_date&limit=1", "Range: 1-", NULL, 200, "Content-Range: 1-1/*",
     "[{\"value\":14}]\n"},
    {ME, "GET", "/rest/v1/daily_metrics?select=value&metric_category=eq.users_total&order=metric_date", "Range: bytes=0-0", NULL, 200, "Content-Range: 0-1/*", NULL},
    {ME, "GET", "/rest/v1/daily_metrics?metric_category=eq.users_total", "Range: 5-2", NULL, 416, NULL, "~\"PGRST103\""},
    {ME, "GET", "/rest/v1/daily_metrics?metric_category=eq.users_total&offset=5", COUNT, NULL, 416, "Content-Range: */2",
     ERROR("PGRST103", "Requested range not satisfiable", "\"An offset of 5 was requested, but there are only 2 rows\"", "null")},
    {ME, "GET", "/rest/v1/daily_metrics?limit=-1", NULL, NULL, 416, NULL, "~\"message\":\"Requested range not satisfiable\""},
    {ME, "GET", "/rest/v1/daily_metrics?limit=0", NULL, NULL, 200, "Content-Range: */*", "[]\n"},
    {ME, "GET", "/rest/v1/daily_metrics?metric_date=eq.1999-01-01", COUNT, NULL, 200, "Content-Range: */0", "[]\n"},
    {ME, "HEAD", "/rest/v1/daily_metrics?select=*&metric_category=eq.users_total", COUNT, NULL, 200, "Content-Range: 0-1/2\n" JSON_TYPE, ""},
    {ME, "HEAD", "/rest/v1/daily_metrics?select=*&metric_category=eq.users_total", NULL, NULL, 200, "Content-Range: 0-1/*", ""},
    {ME, "HEAD", "/rest/v1/daily_metrics?select=*&metric_category=eq.users_total&limit=1", COUNT, NULL, 206, "Content-Range: 0-0/2", ""},
    {ME, "HEAD", "/rest/v1/daily_metrics?select=*&metric_date=eq.1999-01-01", COUNT, NULL, 200, "Content-Range: */0", ""},
    {ME, "GET", "/rest/v1/daily_metrics?select=metric_category,value.sum()&metric_category=in.(users_total,posts_created)&order=metric_category", NULL, NULL, 200,
     "Content-Range: 0-1/*", "[{\"metric_category\":\"posts_created\",\"sum\":7},\n {\"metric_category\":\"users_total\",\"sum\":24}]\n"},
    {ME, "GET", "/rest/v1/daily_metrics?select=metric_category,count()&limit=2", COUNT, NULL, 206, "Content-Range: 0-1/5", NULL},
    {ME, "HEAD", "/rest/v1/daily_metrics?select=metric_category,count()", COUNT, NULL, 200, "Content-Range: 0-4/5", ""},
    {ME, "GET", "/rest/v1/daily_metrics?select=total:count()&metric_category=eq.users_total", OBJECT, NULL, 200, NULL, "{\"total\":2}\n"},
    {ME, "GET", "/rest/v1/daily_metrics?select=metric_type.max()&order=value", NULL, NULL, 400, NULL, "~\"42803\""},
    {ME, "GET", "/rest/v1/daily_metrics?select=metadata.sum()", NULL, NULL, 400, NULL, "~\"42883\""},
    {ME, "HEAD", "/rest/v1/no_such", COUNT, NULL, 404, "Proxy-Status: nilometer; error=PGRST205\n!Content-Range", ""},
};

static const struct rest_row forms[] = {
    {ME, "GET", "/rest/v1/daily_metrics?select=metric_date,value&metric_category=eq.users_total&metric_date=eq.2025-03-09", OBJECT, NULL, 200,
     "Content-Type: application/vnd.pgrst.object+json; charset=utf-8", "{\"metric_date\":\"2025-03-09\",\"value\":14}\n"},
    {ME, "GET", "/rest/v1/daily_metrics?metric_date=eq.1999-01-01", OBJECT, NULL, 406, "Proxy-Status: nilometer; error=PGRST116",
     ERROR("PGRST116", "Cannot coerce the result to a single JSON object", "\"The result contains 0 rows\"", "null")},
    {ME, "GET", "/rest/v1/daily_metrics?metric_category=eq.users_total", OBJECT, NULL, 406, JSON_TYPE,
     ERROR("PGRST116", "Cannot coerce the result to a single JSON object", "\"The result contains 2 rows\"", "null")},
    {ME, "HEAD", "/rest/v1/daily_metrics?metric_category=eq.users_total", OBJECT, NULL, 406, "Proxy-Status: nilometer; error=PGRST116", ""},
    {ME, "GET", "/rest/v1/daily_metrics?select=metric_date,value&metric_category=eq.users_total&order=metric_date", "Accept: text/csv", NULL, 200,
     "Content-Type: text/csv; charset=utf-8\nContent-Range: 0-1/*", "metric_date,value\n2025-03-07,10\n2025-03-09,14\n"},
    {ME, "GET", "/rest/v1/daily_metrics?select=metric_date,value&metric_category=eq.users_total&order=metric_date", "Accept: application/x-ndjson", NULL, 200,
     "Content-Type: application/x-ndjson; charset=utf-8", "{\"metric_date\":\"2025-03-07\",\"value\":10}\n{\"metric_date\":\"2025-03-09\",\"value\":14}\n"},
    {ME, "GET", "/rest/v1/content_latest?select=external_id,views,gmv&external_id=in.(old,v1)&order=external_id,connection.desc",
     "Accept: application/vnd.pgrst.array+json;nulls=stripped", NULL, 200, "Content-Type: application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8",
     "[{\"external_id\":\"old\",\"views\":12},\n {\"external_id\":\"v1\",\"views\":220,\"gmv\":20.25},\n {\"external_id\":\"v1\",\"views\":5}]\n"},
    {ME, "GET", "/rest/v1/content_latest?select=external_id,gmv&external_id=eq.old", OBJECT ";nulls=stripped", NULL, 200,
     "Content-Type: application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8", "{\"external_id\":\"old\"}\n"},
    {ME, "GET", "/rest/v1/daily_metrics?limit=0", "Accept: image/png", NULL, 406, NULL, "~\"PGRST107\",\"message\":\"None of these media types are available: image/png\""},
    {ME, "GET", "/rest/v1/daily_metrics?limit=0", "Accept: image/png, text/csv;q=0.5, application/json;q=0.4", NULL, 200, "Content-Type: text/csv; charset=utf-8", NULL},
    {ME, "GET", "/rest/v1/daily_metrics?limit=0", "Accept: text/html,application/xhtml+xml,*/*;q=0.8", NULL, 200, JSON_TYPE, NULL},
    {ME, "GET", "/rest/v1/daily_metrics?limit=0", "Accept: text/csv;q=0, application/json", NULL, 200, JSON_TYPE, NULL},
    {ME, "GET", "/rest/v1/daily_metrics?limit=0", "Accept: text/csv;q=0", NULL, 406, NULL, NULL},
    {ME, "GET", "/rest/v1/daily_metrics?limit=0", "Accept: text/csv, application/json", NULL, 200, "Content-Type: text/csv; charset=utf-8", NULL},
    /* profiles */
    {ME, "GET", "/rest/v1/daily_metrics?limit=0", "Accept-Profile: public\nContent-Profile: public\nContent-Type: application/json", NULL, 200, NULL, "[]\n"},
    {ME, "GET", "/rest/v1/daily_metrics?limit=0", "Accept-Profile: private", NULL, 406, NULL,
     ERROR("PGRST106", "Invalid schema: private", "null", "\"Only the following schemas are exposed: public\"")},
    /* preferences */
    {ME, "GET", "/rest/v1/daily_metrics?limit=0", "Prefer: nonsense, handling=lenient", NULL, 200, "Preference-Applied: handling=lenient", "[]\n"},
    {ME, "GET", "/rest/v1/daily_metrics?limit=0", "Prefer: handling=strict,count=exact", NULL, 206, "Preference-Applied: count=exact, handling=strict", "[]\n"},
    {ME, "GET", "/rest/v1/daily_metrics?limit=0", "Prefer: handling=strict, nonsense\nPrefer: more=of-it", NULL, 400, NULL,
     ERROR("PGRST122", "Invalid preferences given with handling=strict", "\"Invalid preferences: nonsense, more=of-it\"", "null")},
    {ME, "GET", "/rest/v1/daily_metrics?limit=0", "Prefer: timezone=Europe/Berlin", NULL, 400, NULL,
     ERROR("PGRST127", "Feature not implemented: Prefer: timezone=Europe/Berlin", "null", "null")},
    {"service_role acme", "POST", "/rest/v1/owners", "Prefer: tx=rollback, return=minimal", "{\"owner\":\"nobody\"}", 400, NULL, "~\"PGRST127\""},
    {ME, "GET", "/rest/v1/daily_metrics?metric_category=match.a", NULL, NULL, 400, NULL, "~\"PGRST100\""},
    {ME, "GET", "/rest/v1/daily_metrics?metric_category=imatch(any).{a}", NULL, NULL, 400, NULL, "~\"PGRST100\""},
    {ME, "GET", "/rest/v1/daily_metrics?limit=0", "Accept: application/vnd.pgrst.plan+json", NULL, 406, NULL, "~\"PGRST107\""},
    {ME, "PUT", "/rest/v1/daily_metrics?id=eq.1", NULL, "{}", 405, "Proxy-Status: nilometer; error=PGRST117", "~\"PGRST117\""},
    {ME, "GET", "/rest/v1/daily_metrics?limit=0", "X-Client-Info: postgrest-js\nX-Retry-Count: 1\nPrefer: return=representation", NULL, 200, "!Preference-Applied", "[]\n"},
};

/* ---- refusals ---------------------------------------------------------------------------------------------------------------------------------- */

static const struct rest_row refusals[] = {
    {ME, "GET", "/rest/v1/daily_metric", NULL, NULL, 404, JSON_TYPE "\nProxy-Status: nilometer; error=PGRST205",
     ERROR("PGRST205", "Could not find the table 'public.daily_metric' in the schema cache", "null", "\"Perhaps you meant the table 'public.daily_metrics'\"")},
    {ME, "GET", "/rest/v1/zzz", NULL, NULL, 404, NULL, ERROR("PGRST205", "Could not find the table 'public.zzz' in the schema cache", "null", "null")},
    {ME, "GET", "/rest/v1/a%2Bb%3Fc", NULL, NULL, 404, NULL, "~'public.a+b?c'"},
    {ME, "GET", "/rest/v1/daily_metrics?x=eq.1", NULL, NULL, 400, NULL, ERROR("42703", "column daily_metrics.x does not exist", "null", "null")},
    {ME, "GET", "/rest/v1/daily_metrics?select=valu", NULL, NULL, 400, NULL,
     ERROR("42703", "column daily_metrics.valu does not exist", "null", "\"Perhaps you meant to reference the column \\\"daily_metrics.value\\\".\"")},
    {ME, "GET", "/rest/v1/daily_metrics?order=nothing", NULL, NULL, 400, NULL, "~\"42703\""},
    {ME, "GET", "/rest/v1/daily_metrics?value=wrong.1", NULL, NULL, 400, NULL, "~{\"code\":\"PGRST100\",\"message\":\"\\\"failed to parse filter (wrong.1)\\\" (line 1, column 1)\",\"details\":\"unknown operator;"},
    {ME, "GET", "/rest/v1/daily_metrics?select=posts(*)", NULL, NULL, 400, NULL, "~\"PGRST100\""},
    {ME, "GET", "/rest/v1/daily_metrics?metric_date=eq.tomorrow", NULL, NULL, 400, NULL, "~{\"code\":\"22007\",\"message\":\"invalid input syntax for type date: \\\"tomorrow\\\"\""},
    {ME, "GET", "/rest/v1/daily_metrics?metric_date=eq.2025-02-30", NULL, NULL, 400, NULL,
     "~{\"code\":\"22008\",\"message\":\"date/time field value out of range: \\\"2025-02-30\\\"\""},
    {ME, "GET", "/rest/v1/daily_metrics?value=eq.abc", NULL, NULL, 400, NULL, "~{\"code\":\"22P02\",\"message\":\"invalid input syntax for type numeric: \\\"abc\\\"\""},
    {ME, "GET", "/rest/v1/daily_metrics?metric_date=gte.2024-01-01&metric_date=lte.2025-01-01", NULL, NULL, 400, NULL, "~{\"code\":\"22023\",\"message\":\""},
    {ME, "GET", "/rest/v1/daily_metrics?select=value&or=(and(metric_date.gte.2024-01-01,metric_date.lte.2025-01-01),metric_category.eq.x)", NULL, NULL, 400, NULL, "~\"22023\""},
    /* what another workspace calls its metrics is no column here, and no hint */
    {ME, "GET", "/rest/v1/content_latest?select=only_there", NULL, NULL, 400, NULL, ERROR("42703", "column content_latest.only_there does not exist", "null", "null")},
    {ME, "GET", "/rest/v1/content_latest?select=only_ther", NULL, NULL, 400, NULL, ERROR("42703", "column content_latest.only_ther does not exist", "null", "null")},
    {ME, "GET", "/rest/v1/owner_metrics?only_there=gt.1", NULL, NULL, 400, NULL, ERROR("42703", "column owner_metrics.only_there does not exist", "null", "null")},
    {ME, "GET", "/rest/v1/rpc/timeseries?metric=only_there", NULL, NULL, 400, NULL, ERROR("22023", "metric \\\"only_there\\\" is not defined; nilometer get metric_definitions lists them", "null", "null")},
    {ME, "GET", "/rest/v1/rpc/growth?metric=only_ther", NULL, NULL, 400, NULL, ERROR("22023", "metric \\\"only_ther\\\" is not defined; nilometer get metric_definitions lists them", "null", "null")},
    {ME, "GET", "/rest/v1/rpc/top_content?order=only_there", NULL, NULL, 400, NULL, ERROR("22023", "order: metric \\\"only_there\\\" is not defined; nilometer get metric_definitions lists them", "null", "null")},
    {"authenticated beta", "GET", "/rest/v1/rpc/top_content?order=only_there&limit=1", NULL, NULL, 200, NULL, "~\"only_there\":null"},
    {ME, "GET", "/rest/v1/content_latest?select=users_total&limit=1", NULL, NULL, 200, NULL, "[{\"users_total\":null}]\n"},
    {"authenticated beta", "GET", "/rest/v1/content_latest?select=only_there&limit=1", NULL, NULL, 200, NULL, "[{\"only_there\":null}]\n"},
    /* two short ranges that lie a year apart, one bound alone in a branch, 366 dates in one group */
    {ME, "GET", "/rest/v1/daily_metrics?select=value&metric_category=eq.users_total&or=(and(metric_date.gte.2024-03-01,metric_date.lte.2024-03-31),and(metric_date.gte.2025-03-01,metric_date.lte.2025-03-08))", NULL, NULL, 200, NULL, "[{\"value\":10}]\n"},
    {ME, "GET", "/rest/v1/daily_metrics?select=value&metric_category=eq.users_total&or=(metric_date.lte.2024-03-31,metric_date.gte.2025-03-08)", NULL, NULL, 200, NULL, "[{\"value\":14}]\n"},
    {ME, "GET", "/rest/v1/daily_metrics?select=value&metric_category=eq.users_total&and=(metric_date.gte.2024-03-08,metric_date.lte.2025-03-08)", NULL, NULL, 200, NULL, "[{\"value\":10}]\n"},
    {ME, "GET", "/rest/v1/daily_metrics?metric_date=gte.2024-01-02&metric_date=lte.2025-01-01", NULL, NULL, 200, NULL, "[]\n"},
    {"service_role acme", "GET", "/rest/v1/daily_metrics?metric_date=gte.2014-01-01&metric_date=lte.2025-01-01", NULL, NULL, 200, NULL, "[]\n"},
    {ME, "GET", "/rest/v1/a/b", NULL, NULL, 404, NULL, "~\"PGRST125\""},
    {ME, "GET", "/rest/v2/daily_metrics", NULL, NULL, 404, NULL, "~\"PGRST125\""},
    {ME, "GET", "/rest/v1/daily_metrics?select=%FF", NULL, NULL, 400, NULL, "~\"PGRST100\""},
};

/* ---- functions ---------------------------------------------------------------------------------------------------------------------------------- */

#define ACTIVITY "[{\"date\":\"2025-03-09\",\"posts\":null,\"comments\":null},\n {\"date\":\"2025-03-10\",\"posts\":null,\"comments\":null}]\n"
static const struct rest_row functions[] = {
    {ME, "GET", "/rest/v1/rpc/activity?days=2", NULL, NULL, 200, JSON_TYPE "\nContent-Range: 0-1/*", ACTIVITY},
    {ME, "POST", "/rest/v1/rpc/activity", NULL, "{\"days\":2}", 200, JSON_TYPE, ACTIVITY},
    {ME, "POST", "/rest/v1/rpc/activity", NULL, "{\"days\":\"2\"}", 200, NULL, ACTIVITY},
    {ME, "POST", "/rest/v1/rpc/activity", COUNT, "{\"days\":2}", 200, "Content-Range: 0-1/2", ACTIVITY},
    {ME, "HEAD", "/rest/v1/rpc/activity?days=2", NULL, NULL, 200, "Content-Range: 0-1/*", ""},
    {ME, "GET", "/rest/v1/rpc/current_metrics", "Accept: text/csv", NULL, 200, "Content-Type: text/csv; charset=utf-8", "~metric_category,value,metric_date\n"},
    {ME, "POST", "/rest/v1/rpc/current_metrics", NULL, "{}", 200, NULL, "~{\"metric_category\":\"users_total\",\"value\":14,\"metric_date\":\"2025-03-09\"}"},
    {ME, "POST", "/rest/v1/rpc/current_metrics", NULL, "", 200, NULL, "~\"users_total\""},
    {ME, "GET", "/rest/v1/rpc/owner_profile?owner=maria", NULL, NULL, 200, NULL, "~[{\"workspace\":\"acme\",\"owner\":\"maria\""},
    {ME, "GET", "/rest/v1/rpc/owner_profile?owner=maria", OBJECT, NULL, 200, "Content-Type: application/vnd.pgrst.object+json; charset=utf-8", "~{\"workspace\":\"acme\",\"owner\":\"maria\""},
    {"admin acme", "GET", "/rest/v1/rpc/run_report?run=4", NULL, NULL, 200, JSON_TYPE, "~{\"success\":"},
    {"admin acme", "GET", "/rest/v1/rpc/run_report?run=4", OBJECT, NULL, 200, "Content-Range: 0-0/*", "~{\"success\":"},
    {ME, "POST", "/rest/v1/rpc/owner_profile", NULL, "{\"owner\":\"nobody\"}", 404, NULL, "~\"P0002\""},
    {ME, "POST", "/rest/v1/rpc/activity", OBJECT, "{\"days\":2}", 406, NULL, "~\"PGRST116\",\"message\":\"Cannot coerce the result to a single JSON object\""},
    {ME, "POST", "/rest/v1/rpc/top_content", NULL, "{\"order\":\"views\",\"min_views\":1000,\"limit\":1}", 200, "Content-Range: 0-0/*", "~\"external_id\":\"v2\""},
    /* unknown names, missing and unreadable values */
    {ME, "POST", "/rest/v1/rpc/activit", NULL, "{}", 404, "Proxy-Status: nilometer; error=PGRST202",
     ERROR("PGRST202", "Could not find the function public.activit without parameters in the schema cache", "null",
           "\"Perhaps you meant to call the function public.activity\"")},
    {ME, "POST", "/rest/v1/rpc/activity", NULL, "{\"day\":2}", 404, NULL,
     ERROR("PGRST202", "Could not find the function public.activity(day) in the schema cache", "null", "\"Perhaps you meant the argument days\"")},
    {ME, "GET", "/rest/v1/rpc/activity?filter=date", NULL, NULL, 404, NULL, "~\"PGRST202\""},
    /* what is asked of the rows: columns, pages, single ones; nothing is passed over in silence */
    {ME, "GET", "/rest/v1/rpc/activity?days=2&select=date", NULL, NULL, 200, NULL, "[{\"date\":\"2025-03-09\"},\n {\"date\":\"2025-03-10\"}]\n"},
    {ME, "POST", "/rest/v1/rpc/activity?select=posts,%20date&limit=1", NULL, "{\"days\":2}", 200, "Content-Range: 0-0/*", "[{\"posts\":null,\"date\":\"2025-03-09\"}]\n"},
    {ME, "POST", "/rest/v1/rpc/activity?select=date&limit=1&offset=1", OBJECT, "{\"days\":2}", 200, "Content-Range: 1-1/*", "{\"date\":\"2025-03-10\"}\n"},
    {ME, "POST", "/rest/v1/rpc/activity?limit=1", COUNT, "{\"days\":2}", 206, "Content-Range: 0-0/2", "~2025-03-09"},
    {ME, "POST", "/rest/v1/rpc/activity", COUNT "\nRange: 1-5", "{\"days\":2}", 206, "Content-Range: 1-1/2", "~2025-03-10"},
    {ME, "POST", "/rest/v1/rpc/activity?offset=9", COUNT, "{\"days\":2}", 416, "Content-Range: */2", "~An offset of 9 was requested, but there are only 2 rows"},
    {ME, "POST", "/rest/v1/rpc/activity?offset=9", NULL, "{\"days\":2}", 200, "Content-Range: */*", "[]\n"},
    {ME, "POST", "/rest/v1/rpc/activity?limit=0", NULL, "{\"days\":2}", 200, "Content-Range: */*", "[]\n"},
    {ME, "POST", "/rest/v1/rpc/activity?columns=days", NULL, "{\"days\":2}", 200, NULL, ACTIVITY},
    {ME, "POST", "/rest/v1/rpc/activity?limit=-1", NULL, "{\"days\":2}", 416, NULL, "~\"PGRST103\""},
    {ME, "POST", "/rest/v1/rpc/activity?limit=x", NULL, "{\"days\":2}", 400, NULL, "~\"PGRST100\""},
    {ME, "POST", "/rest/v1/rpc/activity?select=none", NULL, "{\"days\":2}", 400, NULL, "~column activity.none does not exist"},
    {ME, "POST", "/rest/v1/rpc/activity?order=date.desc&select=date", NULL, "{\"days\":2}", 200, "Content-Range: 0-1/*", "[{\"date\":\"2025-03-10\"},\n {\"date\":\"2025-03-09\"}]\n"},
    {ME, "POST", "/rest/v1/rpc/activity?date=eq.2025-03-09&select=day:date", COUNT, "{\"days\":2}", 200, "Content-Range: 0-0/1", "[{\"day\":\"2025-03-09\"}]\n"},
    {ME, "GET", "/rest/v1/rpc/activity?days=5&or=(date.eq.2025-03-09,posts.gt.5)&select=date&order=date.desc&limit=1", COUNT, NULL, 200, "Content-Range: 0-0/1", "[{\"date\":\"2025-03-09\"}]\n"},
    {ME, "GET", "/rest/v1/rpc/activity?days=5&order=date.desc&limit=2&offset=1&select=date", COUNT, NULL, 206, "Content-Range: 1-2/5", "[{\"date\":\"2025-03-09\"},\n {\"date\":\"2025-03-08\"}]\n"},
    {ME, "HEAD", "/rest/v1/rpc/activity?days=5&order=date.desc&limit=2", COUNT, NULL, 206, "Content-Range: 0-1/5", ""},
    {ME, "POST", "/rest/v1/rpc/activity?date=eq.nothing", NULL, "{\"days\":2}", 400, NULL, "~\"22007\""},
    {ME, "POST", "/rest/v1/rpc/activity?day=eq.2025-03-09", NULL, "{\"days\":2}", 400, NULL, "~column activity.day does not exist"},
    {ME, "POST", "/rest/v1/rpc/activity?select=count(),date.max()", NULL, "{\"days\":2}", 200, "Content-Range: 0-0/*", "[{\"count\":2,\"max\":\"2025-03-10\"}]\n"},
    {ME, "POST", "/rest/v1/rpc/activity?select=count()", OBJECT, "{\"days\":2}", 200, NULL, "{\"count\":2}\n"},
    {ME, "POST", "/rest/v1/rpc/activity?select=posts(id)", NULL, "{\"days\":2}", 400, NULL, "~\"PGRST100\""},
    {ME, "GET", "/rest/v1/rpc/top_content?limit=1&order=views", NULL, NULL, 200, "Content-Range: 0-0/*", "~\"external_id\":\"v2\""},
    {ME, "GET", "/rest/v1/rpc/activity?days", NULL, NULL, 400, NULL, "~\"PGRST100\""},
    {ME, "GET", "/rest/v1/rpc/activity?days=%FF", NULL, NULL, 400, NULL, "~\"PGRST100\""},
    {ME, "POST", "/rest/v1/rpc/owner_profile", NULL, "{}", 400, NULL, "~\"23502\""},
    {ME, "POST", "/rest/v1/rpc/owner_profile", NULL, "{\"owner\":null}", 400, NULL, "~\"23502\""},
    {ME, "POST", "/rest/v1/rpc/activity", NULL, "{\"days\":\"x\"}", 400, NULL, "~\"22P02\""},
    {ME, "POST", "/rest/v1/rpc/timeseries", NULL, "{\"metric\":\"views\",\"from\":\"2024-01-01\",\"to\":\"2025-01-01\"}", 400, NULL, "~\"22023\""},
    {ME, "POST", "/rest/v1/rpc/activity", NULL, "{\"days\":2", 400, NULL, "~{\"code\":\"PGRST102\",\"message\":\"Empty or invalid json\",\"details\":\""},
    {ME, "POST", "/rest/v1/rpc/activity", NULL, "[2]", 400, NULL, "~{\"code\":\"PGRST102\",\"message\":\"Empty or invalid json\""},
    {ME, "POST", "/rest/v1/rpc/activity", NULL, "{\"days\":2,\"days\":3}", 400, NULL, "~\"PGRST102\""},
    {ME, "POST", "/rest/v1/rpc/activity", NULL, "{\"days\":2} x", 400, NULL, "~\"PGRST102\""},
    {ME, "POST", "/rest/v1/rpc/activity", "Content-Profile: private", "{}", 406, NULL, "~\"PGRST106\""},
    {ME, "PATCH", "/rest/v1/rpc/activity", NULL, "{}", 405, "Allow: GET, HEAD, POST, OPTIONS", ERROR("PGRST101", "Cannot use the PATCH method on RPC", "null", "null")},
    {ME, "DELETE", "/rest/v1/rpc/activity", NULL, NULL, 405, NULL, "~\"PGRST101\""},
};

/* ---- whose rows --------------------------------------------------------------------------------------------------------------------------------- */

#define V1 "/rest/v1/content_latest?select=workspace,views&external_id=eq.v1&views=gt.100"
#define OF_ACME "[{\"workspace\":\"acme\",\"views\":220}]\n"
#define OF_BETA "[{\"workspace\":\"beta\",\"views\":77777}]\n"
#define NO_SUCH ERROR("PGRST125", "there is no such workspace", "null", "null")
static const struct rest_row scopes[] = {
    {ME, "GET", V1, NULL, NULL, 200, NULL, OF_ACME},
    {"authenticated beta", "GET", V1, NULL, NULL, 200, NULL, OF_BETA},
    {ME, "GET", "/w/acme" V1, NULL, NULL, 200, NULL, OF_ACME},
    {ME, "GET", "/w/beta" V1, NULL, NULL, 404, NULL, NO_SUCH},
    {ME, "GET", "/w/gone" V1, NULL, NULL, 404, NULL, NO_SUCH},
    {"authenticated gone", "GET", V1, NULL, NULL, 404, NULL, NO_SUCH},
    {"authenticated acme beta", "GET", V1, NULL, NULL, 400, NULL, "~\"22023\""},
    {"authenticated acme beta", "GET", "/w/beta" V1, NULL, NULL, 200, NULL, OF_BETA},
    {"authenticated", "GET", V1, NULL, NULL, 400, NULL, "~which workspace"},
    {"authenticated", "GET", "/w/acme" V1, NULL, NULL, 404, NULL, NO_SUCH},
    {"service_role", "GET", V1, NULL, NULL, 400, NULL, "~which workspace"},
    {"service_role", "GET", "/w/beta" V1, NULL, NULL, 200, NULL, OF_BETA},
    {"service_role", "GET", "/w/gone" V1, NULL, NULL, 404, NULL, NO_SUCH},
    {"service_role acme", "GET", "/w/beta" V1, NULL, NULL, 404, NULL, NO_SUCH},
    {ME, "GET", "/w/acme/rest/v1/rpc/current_metrics", NULL, NULL, 200, NULL, "~\"value\":14"},
    {ME, "GET", "/w/beta/rest/v1/rpc/current_metrics", NULL, NULL, 404, NULL, NO_SUCH},
    {ME, "POST", "/w/beta/rest/v1/rpc/current_metrics", NULL, "{}", 404, NULL, NO_SUCH},
    {ME, "GET", "/rest/v1/workspaces?select=name", NULL, NULL, 200, NULL, "[{\"name\":\"acme\"}]\n"},
    /* roles: hidden rows are absent, anonymous callers are asked to sign in */
    {"anon acme", "GET", "/rest/v1/daily_metrics?select=value&metric_category=eq.users_total&metric_date=eq.2025-03-09", NULL, NULL, 200, NULL, "[{\"value\":14}]\n"},
    {"anon acme", "GET", V1, NULL, NULL, 401, "WWW-Authenticate: Bearer\nProxy-Status: nilometer; error=42501",
     ERROR("42501", "permission denied for table content_latest", "null", "null")},
    {"anon acme", "HEAD", V1, COUNT, NULL, 401, "!Content-Range", ""},
    {"anon acme", "GET", "/rest/v1/rpc/coverage", NULL, NULL, 401, NULL, "~permission denied for function coverage"},
    {NULL, "GET", "/rest/v1/daily_metrics", NULL, NULL, 400, NULL, "~which workspace"},
    {NULL, "GET", "/w/acme/rest/v1/daily_metrics", NULL, NULL, 404, NULL, NO_SUCH},
    {ME, "GET", "/rest/v1/metric_collection_log?select=run", COUNT, NULL, 200, "Content-Range: */0", "[]\n"},
    {ME, "GET", "/rest/v1/metric_collection_log?select=run", OBJECT, NULL, 406, NULL, "~The result contains 0 rows"},
    {"admin acme", "GET", "/rest/v1/metric_collection_log?select=status&order=started_at.desc&limit=1", OBJECT, NULL, 200, NULL, "{\"status\":\"completed\"}\n"},
};

/* ---- tables of apps ------------------------------------------------------------------------------------------------------------------------------- */

#define LATEST "/rest/v1/latest_youtube_metrics?select=p_id,view_count&p_id=in.(v1,v2)&order=p_id.asc"
#define OF_YT "[{\"p_id\":\"v1\",\"view_count\":220},\n {\"p_id\":\"v2\",\"view_count\":1400}]\n"
#define BEST "/rest/v1/creator_videos?select=brand_id,views&tiktok_video_id=eq.v1&views=gt.100&order=brand_id"
static const struct rest_row sets[] = {
    /* bound to acme and its connection yt: found without a name, by whoever reaches acme */
    {ME, "GET", LATEST, COUNT, NULL, 200, "Content-Range: 0-1/2\nNilometer-Data-Through: 2025-03-04", OF_YT},
    {ME, "GET", "/w/acme" LATEST, NULL, NULL, 200, NULL, OF_YT},
    {"service_role", "GET", LATEST, NULL, NULL, 200, NULL, OF_YT},
    {"authenticated acme beta", "GET", LATEST, NULL, NULL, 200, NULL, OF_YT},
    {"authenticated beta", "GET", LATEST, NULL, NULL, 404, NULL, NO_SUCH},
    {"authenticated beta", "GET", "/w/beta" LATEST, NULL, NULL, 200, NULL, "[]\n"},
    {"authenticated beta", "GET", "/w/acme" LATEST, NULL, NULL, 404, NULL, NO_SUCH},
    {"anon acme", "GET", LATEST, NULL, NULL, 401, NULL, "~\"42501\""},
    {ME, "GET", "/rest/v1/youtube_metrics?select=p_id,fetched_at,view_count&p_id=eq.v1&order=fetched_at.desc&limit=1", OBJECT, NULL, 200, NULL,
     "{\"p_id\":\"v1\",\"fetched_at\":\"2025-03-04T11:00:00+00:00\",\"view_count\":220}\n"},
    /* and its days are those of the connection: import-old has 02-10 */
    {ME, "GET", "/rest/v1/youtube_metrics?select=p_id&fetched_at=gte.2025-02-10&fetched_at=lte.2025-02-10", NULL, NULL, 200, "Nilometer-Coverage: 0/1", "[]\n"},
    {ME, "GET", "/rest/v1/youtube_metrics?select=p_id&p_id=eq.v2&fetched_at=gte.2025-03-04&fetched_at=lte.2025-03-04", NULL, NULL, 200, "Nilometer-Coverage: 1/1", NULL},
    /* of windows: those of 30 days, unless another is named */
    {ME, "GET", "/rest/v1/creator_video_metric_snapshots?select=views&brand_id=eq.acme&snapshot_date=eq.2025-03-02", NULL, NULL, 200, "Nilometer-Coverage: 0/1", "[]\n"},
    {ME, "GET", "/rest/v1/creator_video_metric_snapshots?select=views&brand_id=eq.acme&snapshot_date=eq.2025-03-04", NULL, NULL, 200, "Nilometer-Coverage: 1/1", NULL},
    /* by the tenant that the table names: every workspace of the caller */
    {ME, "GET", BEST, NULL, NULL, 200, NULL, "[{\"brand_id\":\"acme\",\"views\":220}]\n"},
    {"authenticated acme beta", "GET", BEST, NULL, NULL, 200, NULL, "[{\"brand_id\":\"acme\",\"views\":220},\n {\"brand_id\":\"beta\",\"views\":77777}]\n"},
    {"service_role", "GET", BEST "&brand_id=eq.beta", NULL, NULL, 200, NULL, "[{\"brand_id\":\"beta\",\"views\":77777}]\n"},
    {"service_role acme", "GET", BEST "&brand_id=eq.beta", NULL, NULL, 200, NULL, "[]\n"},
    {"authenticated", "GET", BEST, NULL, NULL, 400, NULL, "~which workspace"},
    /* not published: a 404 that makes the apps' fallback work */
    {ME, "GET", "/rest/v1/studio_social_posts", NULL, NULL, 404, NULL,
     ERROR("PGRST205", "Could not find the table 'public.studio_social_posts' in the schema cache", "null", "null")},
};

static void publish(void)
{
    struct nilo_err err = {0};
    if (nilo_store_begin(r.f.store, &err) != 0 || nilo_compat_bind(r.f.store, "youtube", "acme", "yt", &err) != 0 ||
        nilo_compat_bind(r.f.store, "creator", NULL, NULL, &err) != 0 || nilo_store_commit(r.f.store, &err) != 0)
        fail_msg("%s", err.msg);
    rest_pass(&r, NILO_US_SECOND);
}

static void tables_of_apps_are_found_where_they_are_bound(void **state)
{
    (void)state;
    if (r.c.fd <= 0)
        nilo_test_skip("%s", nilo_test_pg_missing());
    publish();
    REST_CHECK_ALL(&r, sets);
}

/* ---- on either engine ----------------------------------------------------------------------------------------------------------------------------- */

static int open_on(enum nilo_db_engine engine)
{
    return rest_world_open(&r, engine);
}
static int open_sqlite(void **state)
{
    (void)state;
    return open_on(NILO_DB_SQLITE);
}
static bool postgres;
static int open_postgres(void **state)
{
    (void)state;
    postgres = open_on(NILO_DB_POSTGRES) == 0;
    return 0;
}
static int close_world(void **state)
{
    (void)state;
    rest_world_close(&r);
    return 0;
}
static int close_postgres(void **state)
{
    return postgres ? close_world(state) : 0;
}

#define CASE(name, rows)                                                                                               \
    static void name(void **state)                                                                                     \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        if (r.c.fd <= 0)                                                                                               \
            nilo_test_skip("%s", nilo_test_pg_missing());                                                          \
        REST_CHECK_ALL(&r, rows);                                                                                      \
    }
CASE(relations_answer_in_the_dialect, relations)
CASE(the_form_is_what_the_headers_ask_for, forms)
CASE(refusals_have_status_code_and_all_four_members, refusals)
CASE(functions_that_read_are_called_by_get_and_post, functions)
CASE(a_request_is_about_one_workspace_of_the_caller, scopes)

static void what_is_published_names_the_metrics_of_the_caller(void **state)
{
    static const struct rest_row mine = {ME, "GET", "/rest/v1/", NULL, NULL, 200, NULL, "~metric.users_total"},
                                 there = {"authenticated beta", "GET", "/rest/v1/", NULL, NULL, 200, NULL, "~metric.only_there"};
    struct answer a;
    (void)state;
    if (r.c.fd <= 0)
        nilo_test_skip("%s", nilo_test_pg_missing());
    rest_check(&r, &mine);
    rest_check(&r, &there);
    rest_ask(&r, &mine, &a);
    assert_null(strstr(nilo_buf_str(&a.body), "only_there"));
    answer_done(&a);
}

/* ---- more than fits in what is held back -------------------------------------------------------------------------------------------------------- */

#define MANY 1000 /* columns: then 14 rows are more than is held back */

/* one column a thousand times under other names */
static void wide(char *target, size_t size, const char *more)
{
    int n = snprintf(target, size, "/rest/v1/content_snapshots?order=day,external_id&%sselect=", more);
    for (int i = 0; i < MANY; i++)
        n += snprintf(target + n, size - (size_t)n, "%sa%03d:captured_at", i > 0 ? "," : "", i);
}

static void long_answers_are_streamed_and_say_how_many_rows_come(void **state)
{
    (void)state;
    static char target[40000];
    static const struct {
        const char *more, *headers, *range;
        int status;
    } list[] = {
        {"", NULL, "0-13/*", 200},
        {"offset=1&", NULL, "1-13/*", 200},
        {"limit=13&", COUNT, "0-12/14", 206},
        {"", COUNT, "0-13/14", 200},
    };
    if (r.c.fd <= 0)
        nilo_test_skip("%s", nilo_test_pg_missing());
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        struct answer a;
        char text[256];
        size_t rows = 0;
        wide(target, sizeof(target), list[i].more);
        rest_ask(&r, &(struct rest_row){ME, "GET", target, list[i].headers, NULL, 200, NULL, NULL}, &a);
        assert_int_equal(a.status, list[i].status);
        assert_non_null(answer_header(&a, "Content-Range", text));
        assert_string_equal(text, list[i].range);
        assert_non_null(answer_header(&a, "Transfer-Encoding", text));
        assert_true(a.body.len > 192 * 1024);
        for (const char *at = a.body.data; (at = strstr(at, "{\"a000\":\"2025-")) != NULL; at++)
            rows++;
        assert_int_equal(rows, list[i].range[0] == '1' || list[i].status == 206 ? 13 : 14);
        assert_string_equal(a.body.data + a.body.len - 3, "}]\n");
        answer_done(&a);
    }
}

/* Over the socket without credentials: the service, over all workspaces. */
static void the_socket_is_the_service_over_all_workspaces(void **state)
{
    (void)state;
    struct client c;
    client_open_at(&c, r.socket);
    assert_string_equal(client_ask(&c, GET(V1 "&order=workspace"), 200), "[{\"workspace\":\"acme\",\"views\":220},\n {\"workspace\":\"beta\",\"views\":77777}]\n");
    assert_string_equal(client_ask(&c, GET("/w/beta" V1), 200), OF_BETA);
    client_close(&c);
}

#define TESTS                                                                                                          \
    cmocka_unit_test(relations_answer_in_the_dialect), cmocka_unit_test(the_form_is_what_the_headers_ask_for),         \
        cmocka_unit_test(refusals_have_status_code_and_all_four_members),                                              \
        cmocka_unit_test(functions_that_read_are_called_by_get_and_post),                                              \
        cmocka_unit_test(a_request_is_about_one_workspace_of_the_caller), cmocka_unit_test(what_is_published_names_the_metrics_of_the_caller),                                         \
        cmocka_unit_test(long_answers_are_streamed_and_say_how_many_rows_come), cmocka_unit_test(tables_of_apps_are_found_where_they_are_bound)

int main(void)
{
    const struct CMUnitTest sqlite[] = {TESTS, cmocka_unit_test(the_socket_is_the_service_over_all_workspaces)};
    const struct CMUnitTest on_postgres[] = {TESTS};
    /* the private server forks: before any thread is made */
    int bad = cmocka_run_group_tests_name("reads, SQLite", sqlite, open_sqlite, close_world);
    return bad + cmocka_run_group_tests_name("reads, PostgreSQL", on_postgres, open_postgres, close_postgres);
}
