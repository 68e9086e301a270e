/* nilometer get and call as a person types them: exit status, output, what is said when it is wrong. */
#include "filled.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"

static struct filled lite;

static int set_up(void **state)
{
    (void)state;
    int rc = filled_open(&lite, NILO_DB_SQLITE);
    return rc;
}

static int tear_down(void **state)
{
    (void)state;
    filled_close(&lite);
    return 0;
}

static const struct {
    const char *words[8];
    int status;
    const char *out, *err; /* parts of it */
} cases[] = {
    {{"get", "workspaces?select=name&order=name"}, 0, "name\n----\nacme\nbeta\n(2 rows)\n", ""},
    {{"get", "workspaces?select=name", "--workspace", "acme", "--format", "csv"}, 0, "name\nacme\n", ""},
    {{"get", "content?select=external_id&external_id=like.v*&order=external_id&limit=1", "--json"},
     0,
     "[{\"external_id\":\"v1\"}]\n",
     ""},
    {{"get", "workspaces?select=name,*,name,zone&name=eq.acme&limit=1", "--format", "csv"}, 0, "name,zone,", ""},
    {{"get", "workspaces?select=name,again:name,name&name=eq.acme", "--json"}, 0, "[{\"name\":\"acme\",\"again\":\"acme\"}]\n", ""},
    {{"get", "content_latest?select=views&external_id=eq.old", "--format", "object"}, 0, "{\"views\":12}\n", ""},
    {{"get", "content_latest?select=views&external_id=eq.v1", "--format", "object"}, 2, "", "single JSON object"},
    {{"get", "content_snapshots?external_id=eq.v1&select=views", "--as-of", "2025-03-01T13:00:00Z", "--format", "csv"},
     0,
     "views\n100\n",
     ""},
    {{"get",
      "daily_metrics?metric_date=gte.2020-01-01&metric_date=lt.2030-01-01&metric_category=eq.users_total&select=value&"
      "order=value",
      "--format", "ndjson", "--workspace", "acme"},
     0,
     "{\"value\":10}\n{\"value\":14}\n",
     ""},
    {{"get", "contents"}, 2, "", "Perhaps you meant the table 'public.content'"},
    {{"get", "content?titel=eq.x"}, 2, "", "Perhaps you meant to reference the column \"content.title\"."},
    {{"get", "content", "--format", "yaml"}, 2, "", "--format yaml is unknown"},
    {{"get", "content", "--workspace", "gamma"}, 2, "", "there is no workspace \"gamma\""},
    {{"get", "content", "--as-of", "2025-03-01"}, 2, "", "cannot be asked as of a time"},
    {{"get"}, 2, "", "get"},
    {{"get", "content", "owners"}, 2, "", "get"},
    {{"call", "timeseries", "metric=users_total", "from=2025-03-09", "to=2025-03-09", "--workspace", "acme", "--json"},
     0,
     "[{\"period\":\"2025-03-09\",\"value\":14,\"change\":4,\"span_days\":2,",
     ""},
    {{"call", "timeseries", "metric=views", "external_id=v1", "connection=yt", "--as-of=2025-03-01T13:00:00Z",
      "--workspace=acme", "--format=csv"},
     0,
     "2025-03-01,100,,,1,1,1,observed,,true\n",
     ""},
    {{"call", "current_metrics", "--workspace", "beta", "--format", "csv"}, 0, "users_total,55555,2025-03-09\n", ""},
    {{"call", "timeseries", "metrik=views"}, 2, "", "Perhaps you meant the argument metric"},
    {{"call", "timeseries", "views"}, 2, "", "\"views\" is no argument; write name=value"},
    {{"call", "timeserie"}, 2, "", "Could not find the function public.timeserie without parameters"},
    {{"call", "activity", "--as-of", "2025-01-01"}, 2, "", "activity cannot be asked as of a time"},
    {{"call"}, 2, "", "call"},
    {{"call", "current_metrics", "--workspace", "gamma"}, 2, "", "there is no workspace \"gamma\""},
    {{"call", "timeseries", "metric=views", "metric=likes"}, 2, "", "the argument metric is given twice; give it once"},
    {{"call", "growth", "metric=views", "as_of=2025-03-08", "--as-of=2025-03-08"}, 2, "", "as_of is given twice"},
    {{"call", "top_content", "owner=nobody"}, 2, "", "there is no owner \"nobody\""},
    {{"call", "growth", "metric=views", "connection=nope"}, 2, "", "there is no connection \"nope\""},
    {{"call", "growth", "foo=1", "metric=views"}, 2, "", "growth takes metric, step, day, owner"},
    {{"call", "top_content", "period=30", "min_views=1000", "--workspace=acme", "--json"},
     0,
     "\"window_days\":30,\"day\":\"2025-03-04\",\"absence\":{},\"views\":1500}]\n",
     ""},
    {{"call", "top_content", "limit=1", "--workspace=acme", "--format=object"}, 0, "\"external_id\":\"v2\"", ""},
    {{"call", "top_content", "--workspace=acme", "--format=object"}, 2, "", "single JSON object"},
    {{"call", "top_content", "limit=1", "--workspace=acme", "--format=ndjson"}, 0, "\"views\":1500}\n", ""},
    {{"call", "top_content", "limit=1", "--workspace=acme"}, 0, "(1 row)", ""},
    {{"call", "owner_profile", "owner=maria", "--workspace=acme", "--format=ndjson"}, 0, "\"totals\":{\"views\":1627,", ""},
    {{"call", "owner_profile", "owner=maria", "--format=csv"}, 0, "\nbeta,maria,", ""},
    {{"call", "owner_profile", "owner=maria", "--workspace=acme"}, 0, "(1 row)", ""},
    {{"call", "growth", "metric=views", "--workspace=acme", "--format=object"}, 0, "\"change_pct\":39.93,", ""},
    {{"call", "growth", "metric=views", "--workspace=acme"}, 0, "(1 row)", ""},
    {{"call", "run_report", "run=4", "--format=object"}, 0, "{\"success\":true,\"processed\":4,\"updated\":2,\"failed\":2,", ""},
    /* no data: an empty answer, the days that there are, and what would fill the others */
    {{"get", "daily_metrics?metric_date=gte.2024-01-01&metric_date=lte.2024-02-01", "--workspace=acme", "--json"},
     0,
     "[]\n",
     "nilometer get: nothing is recorded from 2024-01-01 to 2024-02-01; the record holds days from 2025-02-01 to 2025-03-09; "
     "nilometer backfill --from 2024-01-01 --to 2024-02-01 fills these days from SQL sources"},
    {{"get", "content_snapshots?day=eq.2025-04-01", "--workspace=acme", "--json"},
     0,
     "[]\n",
     "nothing is recorded on 2025-04-01; the record holds days from 2025-02-01 to 2025-03-09; nilometer collect reads"},
    {{"get", "content_snapshots?day=gte.2025-02-01&external_id=eq.none", "--format=csv"},
     0,
     "workspace,",
     "no row fits from 2025-02-01 on; the record holds days from 2025-02-01 to 2025-03-09\n"},
    {{"get", "owners?owner=eq.none", "--json"}, 0, "[]\n", ""},
    {{"get", "content_snapshots?day=eq.2025-04-01", "--quiet", "--json"}, 0, "[]\n", ""},
    {{"call", "top_content", "min_views=99999999", "--json"}, 0, "[]\n", ""},
    {{"call", "growth", "metric=\x6frder by \"x\"", "--json"}, 0, "[]\n", "no row fits; the record holds days from 2025-02-01 to 2025-03-09"},
    {{"call", "run_report", "run=99"}, 2, "", "there is no run 99"},
    {{"call", "run_report", "run=4", "--format=csv"}, 0, "true,4,2,2,", ""},
    {{"call", "timeseries", "metric=views", "from=2020-01-01", "to=2025-03-01", "--workspace=acme", "--format=csv"}, 0, "2025-03-01,", ""},
};

static void get_and_call_answer_or_say_why_not(void **state)
{
    int wrong = 0;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *words[16] = {strdup("nilometer"), strdup("--store"), strdup(nilo_store_target(lite.store))}, *out = NULL,
             *err = NULL;
        size_t out_len, err_len;
        int n = 3;
        for (size_t k = 0; k < 8 && cases[i].words[k]; k++)
            words[n++] = strdup(cases[i].words[k]);
        FILE *to = open_memstream(&out, &out_len), *err_to = open_memstream(&err, &err_len);
        int status = nilo_cmd_main(n, words, &lite.env, to, err_to);
        fclose(to);
        fclose(err_to);
        if (status != cases[i].status || !strstr(out, cases[i].out) || !strstr(err, cases[i].err) ||
            (status == 0 && *err && !*cases[i].err) || (status && *out)) {
            printf("# %s %s: %d\n# out: %s\n# err: %s\n", cases[i].words[0], cases[i].words[1] ? cases[i].words[1] : "",
                   status, out, err);
            wrong++;
        }
        for (int k = 0; k < n; k++)
            free(words[k]);
        free(out);
        free(err);
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(get_and_call_answer_or_say_why_not)};
    return cmocka_run_group_tests_name("get and call", tests, set_up, tear_down);
}
