/* What apps write beside numbers: rows that they hide, notes on days, items and what is known of them, columns of their own. */
#include <string.h>

#include "store/stores.h"
#include "query/compat.h"
#include "write/written.h"

#define ROWS  "return=representation"
#define MERGE "resolution=merge-duplicates"
#define SAY(...) (const struct say[]){__VA_ARGS__}, sizeof((const struct say[]){__VA_ARGS__}) / sizeof(struct say)

static void publish(struct stores *s, const char *set, const char *connection)
{
    if (connection)
        stores_connection(s, "w", NULL, connection, connection, "db");
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_compat_bind(s->store, set, "w", connection, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
}

#define DAY_OF(id, day, more) "{\"organizationId\":\"w\",\"integrationId\":\"ig\",\"externalContentId\":\"" id "\",\"date\":\"" day "\"" more "}"
#define A "analytics_daily_metric"

static void hidden_rows_are_out_of_live_lists(struct stores *s)
{
    stores_connection(s, "w", NULL, "ig", "instagram", "db");
    publish(s, "analytics", NULL);
    written_all(s, SAY({"POST " A, NULL, "[" DAY_OF("a", "2025-03-19", ",\"reach\":5") "," DAY_OF("b", "2025-03-19", ",\"reach\":7") "]", "201"},
                       {"PATCH " A "?externalContentId=eq.a&select=externalContentId,reach,deletedAt", ROWS,
                        "{\"deletedAt\":\"2025-03-20T08:00:00Z\",\"updatedAt\":\"2025-03-20T08:00:00Z\"}",
                        "200 [{\"externalContentId\":\"a\",\"reach\":5,\"deletedAt\":\"2025-03-20T08:00:00+00:00\"}]"},
                       {"GET " A "?select=externalContentId", NULL, NULL, "[{\"externalContentId\":\"b\"}]"},
                       {"GET " A "?select=externalContentId&deletedAt=is.null", NULL, NULL, "[{\"externalContentId\":\"b\"}]"},
                       {"GET " A "?select=externalContentId,deletedAt&deletedAt=not.is.null", NULL, NULL,
                        "[{\"externalContentId\":\"a\",\"deletedAt\":\"2025-03-20T08:00:00+00:00\"}]"},
                       {"GET AnalyticsDailyMetric?select=externalContentId&or=(deletedAt.gt.2025-01-01,reach.gt.6)&order=externalContentId", NULL, NULL,
                        "[{\"externalContentId\":\"a\"}, {\"externalContentId\":\"b\"}]"},
                       /* the record knows nothing of it */
                       {"GET content_snapshots?select=external_id,reach&order=external_id", NULL, NULL,
                        "[{\"external_id\":\"a\",\"reach\":5}, {\"external_id\":\"b\",\"reach\":7}]"},
                       /* the key is taken all the same */
                       {"POST " A, NULL, DAY_OF("a", "2025-03-19", ",\"reach\":5"), "409 23505 *"},
                       {"POST " A, "resolution=ignore-duplicates", DAY_OF("a", "2025-03-19", ",\"reach\":5"), "200"},
                       {"GET " A "?select=externalContentId", NULL, NULL, "[{\"externalContentId\":\"b\"}]"},
                       /* the same value again: nothing is recorded, and the row is live */
                       {"POST " A "?select=externalContentId,deletedAt", ROWS "," MERGE, DAY_OF("a", "2025-03-19", ",\"reach\":5"),
                        "200 [{\"externalContentId\":\"a\",\"deletedAt\":null}]"},
                       {"GET " A "?select=externalContentId&order=externalContentId", NULL, NULL, "[{\"externalContentId\":\"a\"}, {\"externalContentId\":\"b\"}]"},
                       /* by upsert, with values and without */
                       {"POST " A, MERGE, "[" DAY_OF("a", "2025-03-19", ",\"deletedAt\":\"2025-03-20T09:00:00Z\"") "," DAY_OF("b", "2025-03-19", ",\"deletedAt\":null") "]", "400 23514 *"},
                       {"POST " A, MERGE, DAY_OF("a", "2025-03-19", ",\"deletedAt\":\"2025-03-20T09:00:00Z\""), "200"},
                       {"POST " A, MERGE, DAY_OF("b", "2025-03-19", ",\"reach\":8,\"deletedAt\":\"2025-03-20T09:00:00Z\""), "200"},
                       {"GET " A "?select=externalContentId", NULL, NULL, "[]"},
                       {"GET content_snapshots?select=external_id,reach&order=external_id", NULL, NULL,
                        "[{\"external_id\":\"a\",\"reach\":5}, {\"external_id\":\"b\",\"reach\":8}]"},
                       {"PATCH " A "?externalContentId=eq.b", NULL, "{\"deletedAt\":null}", "204"},
                       {"GET " A "?select=externalContentId", NULL, NULL, "[{\"externalContentId\":\"b\"}]"},
                       /* what is not there cannot be hidden, and nothing else is changed by PATCH */
                       {"POST " A, MERGE, DAY_OF("none", "2025-03-19", ",\"deletedAt\":\"2025-03-20T09:00:00Z\""), "400 23514 *"},
                       {"PATCH " A "?externalContentId=eq.b", NULL, "{\"deletedAt\":\"soon\"}", "400 22007 *"},
                       {"PATCH " A "?externalContentId=eq.b", NULL, "{\"deletedAt\":\"2025-03-20T09:00:00Z\",\"reach\":1}", "403 42501 *"},
                       {"PATCH " A "?externalContentId=eq.b", NULL, "{\"reach\":1}", "403 42501 *"},
                       {"PATCH " A "?externalContentId=eq.b", NULL, "[]", "204"},
                       {"PATCH " A "?externalContentId=eq.b&columns=deletedAt", NULL, "[]", "204"},
                       {"PATCH " A "?externalContentId=eq.b", NULL, "[{\"deletedAt\":null},{\"deletedAt\":null}]", "400 PGRST102 *"},
                       {"DELETE " A "?externalContentId=eq.b", NULL, NULL, "403 42501 *"},
                       {"GET " A "?select=externalContentId,reach", NULL, NULL, "[{\"externalContentId\":\"b\",\"reach\":8}]"}));
    assert_string_equal(written(s, NILO_ROLE_ADMIN, "w", "PATCH " A "?externalContentId=eq.b", NULL, "{\"deletedAt\":\"2025-03-20T09:00:00Z\"}"),
                        "403 42501 what was recorded for 2025-03-19 stays: rows of " A " are neither changed nor deleted; put a value right with nilometer revise");
    assert_string_equal(asked(s, "w", A "?select=externalContentId"), "[{\"externalContentId\":\"b\"}]");
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(hidden_rows_are_out_of_live_lists),
    };
    return stores_run("writing what apps say", tests, sizeof tests / sizeof tests[0]);
}
