/* Every configuration key, one row each. The schema that libcyaml reads by, the checks of check.c, the defaults and
 * the printed reference all come from these rows; so a key cannot be in one and not in another. */
#include "config/config_priv.h"

#include <cyaml/cyaml.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define REQUIRED CYAML_FLAG_DEFAULT
#define OPTIONAL CYAML_FLAG_OPTIONAL

/* TEXT, PROSE  key (also the struct's member), required?, bytes at most, allowed words, default, help
 * WHOLE        key, lowest, highest, default, help
 * LIST         key (the count's member is n_key), what its entries are, help
 * MAP          key (the member is the struct itself), what it holds, help */

#define SQL_METRIC_KEYS(TEXT, PROSE, WHOLE, LIST, MAP)                                                                 \
    TEXT(name, REQUIRED, 48, NULL, NULL, "its name: small letters, digits and _, beginning with a letter")             \
    TEXT(type, OPTIONAL, 48, "count|average|percentage|aggregate", "count", "what it is; all but count need a statement") \
    TEXT(table, OPTIONAL, 1000, NULL, NULL, "the table whose rows are counted: table or schema.table; this or a statement") \
    TEXT(timestamp, OPTIONAL, 1000, NULL, "created_at", "the column that says when a row was made")                    \
    PROSE(filter, OPTIONAL, 4000, NULL, NULL, "an SQL condition: only rows that meet it are counted; it may name the table")      \
    PROSE(statement, OPTIONAL, 16000, NULL, NULL,                                                                      \
          "a SELECT that gives the values, with :from and :to (a day column: one pass), :to alone (what there is by then) or :day (a run a day)")         \
    TEXT(mode, OPTIONAL, 48, "total|created", "total",                                                                 \
         "rows up to the day's end (total) or rows of the day (created); of a statement: may days be added up?")       \
    WHOLE(scale, 0, 9, NULL, "decimal places kept of a statement's value; else 0, for average and percentage 6")       \
    TEXT(display_name, OPTIONAL, 200, NULL, NULL, "how it is called where people read it")                             \
    PROSE(description, OPTIONAL, 2000, NULL, NULL, "what it says")                                                     \
    TEXT(unit, OPTIONAL, 48, NULL, NULL, "what is counted, as in \"12 users\"")                                        \
    TEXT(expected_min, OPTIONAL, 40, NULL, NULL, "a number; a value below it is kept and marked as an anomaly; of a percentage 0")                           \
    TEXT(expected_max, OPTIONAL, 40, NULL, NULL, "a number; a value above it is kept and marked as an anomaly; of a percentage 100")

#define CONNECTION_KEYS(TEXT, PROSE, WHOLE, LIST, MAP)                                                                 \
    TEXT(name, REQUIRED, 200, NULL, NULL, "its name, unique in its workspace")                                         \
    TEXT(workspace, OPTIONAL, 200, NULL, "default", "the workspace it belongs to")                                     \
    TEXT(platform, REQUIRED, 48, NULL, NULL, "where its numbers come from: facebook, instagram, sql, tiktok, tiktok_research, tiktok_shop, youtube")                              \
    TEXT(database, OPTIONAL, 4096, NULL, NULL,                                                                         \
         "sql, required there: a path, a postgres:// URL without password, env:NAME, file:PATH or credential:NAME")                     \
    TEXT(users, OPTIONAL, 1000, NULL, NULL, "sql: table or table(timestamp column) with a row a user: users_total")    \
    TEXT(posts, OPTIONAL, 1000, NULL, NULL, "sql: the same with a row a post: posts_total, posts_created")             \
    TEXT(comments, OPTIONAL, 1000, NULL, NULL, "sql: the same with a row a comment: comments_total, comments_created") \
    LIST(metrics, sql_metric, "sql: more counts of tables, and statements")                                                            \
    TEXT(accounts, OPTIONAL, 4000, NULL, NULL,                                                                         \
         "platforms: whose content is collected: ids or @handles, with commas; else that of whoever has signed in")    \
    TEXT(pages, OPTIONAL, 4000, NULL, NULL,                                                                            \
         "facebook: ids of the pages that it collects, with commas; else the one that whoever signed in has chosen")   \
    PROSE(items, OPTIONAL, 16000, NULL, NULL, "platforms: ids of single items besides, with commas or blanks between") \
    WHOLE(refresh_window_days, 0, 36500, "0", "platforms: items posted longer ago are not read any more; 0: all are")  \
    WHOLE(batch, 0, 1000, "0", "platforms: items a call; 0: as many as the platform takes")                            \
    WHOLE(request_delay_ms, -1, 3600000, "-1", "platforms: milliseconds between two calls; -1: as the platform needs") \
    WHOLE(at_once, 0, 64, "0", "platforms: calls under way at a time; 0: as the platform likes it")                    \
    WHOLE(budget, 0, 1000000000, "0", "platforms: of each budget so much in its period; 0: what the platform gives by default") \
    TEXT(role, OPTIONAL, 48, "own|competitor", "own",                                                                  \
         "platforms: competitor: public counts of accounts that are somebody else's, kept out of every sum and list of the own ones")       \
    TEXT(schedule, OPTIONAL, 200, NULL, NULL,                                                                          \
         "when serve collects by itself, as in cron, in the workspace's zone: \"0 * * * *\", @daily; never: off")       \
    WHOLE(settle_hours, 0, 8760, NULL, "hours after a day's end before it is closed; else as the platform needs")      \
    WHOLE(timeout_ms, 1, 86400000, "30000", "milliseconds that one statement may take")

#define WORKSPACE_KEYS(TEXT, PROSE, WHOLE, LIST, MAP)                                                                  \
    TEXT(name, REQUIRED, 200, NULL, NULL, "its name, unique")                                                          \
    TEXT(zone, OPTIONAL, 200, NULL, "UTC", "the time zone its days are cut in, such as Europe/Berlin")

#define METRIC_KEYS(TEXT, PROSE, WHOLE, LIST, MAP)                                                                     \
    TEXT(name, REQUIRED, 48, NULL, NULL,                                                                               \
         "its name, unique: small letters, digits and _, beginning with a letter; no reserved word")                   \
    TEXT(type, OPTIONAL, 48, "count|average|percentage|aggregate", "count", "what it is")                              \
    TEXT(aggregation, OPTIONAL, 48, "level|flow", "level", "a period's value is its last (level) or the sum (flow)")   \
    TEXT(kind, OPTIONAL, 48, "instant|period", "instant",                                                              \
         "read as of now (instant) or of the day that the source names (period)")                                      \
    WHOLE(scale, 0, 9, NULL, "decimal places kept; else 0, for average and percentage 6")                              \
    TEXT(currency, OPTIONAL, 48, NULL, NULL,                                                                           \
         "for money: three capitals such as EUR; values are then in that currency")                                    \
    TEXT(display_name, OPTIONAL, 200, NULL, NULL, "how it is called where people read it")                             \
    PROSE(description, OPTIONAL, 2000, NULL, NULL, "what it says")                                                     \
    TEXT(unit, OPTIONAL, 48, NULL, NULL, "its unit, as in \"12 minutes\"")                                             \
    TEXT(format_pattern, OPTIONAL, 48, NULL, NULL, "how numbers are written where people read them, such as \"0,0\"")

#define AUTH_TOKEN_KEYS(TEXT, PROSE, WHOLE, LIST, MAP)                                                                 \
    TEXT(alg, OPTIONAL, 48, "HS256|RS256|ES256", "HS256", "how its tokens are signed; what a token says of that decides nothing") \
    TEXT(secret, OPTIONAL, 4096, NULL, NULL,                                                                           \
         "HS256, required there: env:NAME, file:PATH or credential:NAME; at least 32 bytes")                           \
    TEXT(public_key, OPTIONAL, 4096, NULL, NULL,                                                                       \
         "RS256 and ES256, required there: file:PATH, env:NAME or credential:NAME of the key as PEM")                  \
    TEXT(kid, OPTIONAL, 128, NULL, NULL, "the key's id; needed where several have the same alg")                       \
    TEXT(issuer, OPTIONAL, 255, NULL, NULL, "what the claim iss has to be; else it is not looked at")                  \
    TEXT(audience, OPTIONAL, 255, NULL, NULL, "what the claim aud has to be; else it is not looked at")                \
    TEXT(typ, OPTIONAL, 255, NULL, NULL, "what typ in the token's head has to be; else it is not looked at")           \
    TEXT(admin_claim, OPTIONAL, 255, NULL, NULL,                                                                       \
         "a claim, at the top or in app_metadata, that makes its bearer an admin when it is true")

#define AUTH_ADMIN_KEYS(TEXT, PROSE, WHOLE, LIST, MAP)                                                                 \
    TEXT(sub, OPTIONAL, 255, NULL, NULL, "a user, by the claim sub of their tokens; this or sql")                      \
    PROSE(sql, OPTIONAL, 16000, NULL, NULL,                                                                            \
          "a SELECT with :sub, asked of a connection: an admin, when the first column of its first row is true")       \
    TEXT(connection, OPTIONAL, 200, NULL, NULL, "sql: the connection (platform sql) whose database is asked; else the only one")

#define AUTH_KEYS(TEXT, PROSE, WHOLE, LIST, MAP)                                                                       \
    TEXT(anonymous, OPTIONAL, 48, "true|false", "false", "may who shows no credentials read what is published?")        \
    LIST(tokens, auth_token, "keys that others sign tokens with; those of nilometer token issue are taken without")    \
    LIST(admins, auth_admin, "signed-in users who are admins")

#define COMPAT_KEYS(TEXT, PROSE, WHOLE, LIST, MAP)                                                                     \
    TEXT(set, REQUIRED, 48, "youtube|studio|creator|analytics", NULL, "which tables")                                   \
    TEXT(workspace, OPTIONAL, 200, NULL, NULL,                                                                         \
         "whose rows they show; may be left out where the tables name their tenant (workspace_id, brand_id, organizationId)") \
    TEXT(connection, OPTIONAL, 200, NULL, NULL, "the connection whose rows they show; else those of all")               \
    TEXT(ids, OPTIONAL, 48, "text|number", "text", "how ids of the app (p_id, u_id, social_post_id, ...) are given: number: those that are whole numbers as JSON numbers")

#define SETTING_KEYS(TEXT, PROSE, WHOLE, LIST, MAP)                                                                    \
    TEXT(name, REQUIRED, 48, NULL, NULL, "a word of the platform's, such as api_base")                                  \
    TEXT(value, REQUIRED, 1000, NULL, NULL, "what it is")

#define PLATFORM_KEYS(TEXT, PROSE, WHOLE, LIST, MAP)                                                                   \
    TEXT(platform, REQUIRED, 48, NULL, NULL, "which, such as youtube")                                                  \
    TEXT(client_id, OPTIONAL, 1000, NULL, NULL, "of the app that people sign in to, as the platform gave it out")       \
    TEXT(client_secret, OPTIONAL, 4096, NULL, NULL, "its secret: env:NAME, file:PATH or credential:NAME")               \
    TEXT(api_key, OPTIONAL, 4096, NULL, NULL, "a key for public numbers, where nobody has signed in: env:NAME, file:PATH or credential:NAME") \
    TEXT(redirect, OPTIONAL, 1000, NULL, NULL,                                                                          \
         "the address that the platform sends people back to, as it is entered there; else a free port of this machine") \
    LIST(settings, setting, "what a test or a proxy needs otherwise: nilometer help connection")

#define HOOK_KEYS(TEXT, PROSE, WHOLE, LIST, MAP)                                                                       \
    TEXT(platform, REQUIRED, 48, "push|instagram|facebook|tiktok|tiktok_shop|youtube", NULL, "who sends; push: an app of yours, with observations") \
    TEXT(workspace, OPTIONAL, 200, NULL, NULL, "whose connections it is about, else those of all; push: where its rows go, else the only one") \
    TEXT(secret, OPTIONAL, 4096, NULL, NULL,                                                                           \
         "what is signed with, at least 16 bytes: env:NAME, file:PATH or credential:NAME; else the platform's client_secret") \
    TEXT(verify_token, OPTIONAL, 4096, NULL, NULL, "instagram, facebook, youtube: what a subscription has to show, at least 16 bytes: a reference as above; else none is confirmed") \
    TEXT(app_id, OPTIONAL, 200, NULL, NULL, "tiktok, tiktok_shop: the app's key there; else the platform's client_id")    \
    TEXT(status_page, OPTIONAL, 1000, NULL, NULL, "instagram, facebook: an https address where people read what became of their request to delete data")

#define FROM_SQL_KEYS(TEXT, PROSE, WHOLE, LIST, MAP)                                                                   \
    TEXT(connection, REQUIRED, 200, NULL, NULL, "the connection of platform sql in this file whose database is asked")  \
    PROSE(statement, REQUIRED, 16000, NULL, NULL,                                                                       \
          "a SELECT of platform, workspace, account and token; if you like of name, account_name and expires_at too")

#define PUBLISH_KEYS(TEXT, PROSE, WHOLE, LIST, MAP)                                                                    \
    TEXT(table, REQUIRED, 200, NULL, NULL, "the table, or schema.table; a name in double quotes is taken as it is")     \
    TEXT(name, OPTIONAL, 63, NULL, NULL, "what it is called under /rest/v1; else as the table, without its schema")     \
    TEXT(connection, OPTIONAL, 200, NULL, NULL, "the connection (platform sql) in whose database it is; else the only one")

#define TAP_STREAM_KEYS(TEXT, PROSE, WHOLE, LIST, MAP)                                                                 \
    TEXT(stream, REQUIRED, 200, NULL, NULL, "its name; * stands for any letters")                                       \
    TEXT(kind, OPTIONAL, 48, "content|account|app", "content", "what its records are about")                            \
    PROSE(map, REQUIRED, 4000, NULL, NULL,                                                                              \
          "FIELD=COLUMN[:PATTERN],... as --map of nilometer import; @extracted is when the record was read")             \
    PROSE(names, OPTIONAL, 4000, NULL, NULL,                                                                            \
          "METRIC=NAME[:*FACTOR],...: a record is one metric, the one that metric_name of the map names; metric_value is its value") \
    TEXT(where, OPTIONAL, 1000, NULL, NULL, "COLUMN=VALUE: only records in which the column holds exactly that")          \
    TEXT(absent, OPTIONAL, 1000, NULL, NULL, "TEXT,TEXT: what else is an empty cell")                                     \
    TEXT(each, OPTIONAL, 1000, NULL, NULL, "path of a list: each of its elements is a record; columns of the map go on behind the path") \
    TEXT(keys, OPTIONAL, 1000, NULL, NULL, "sum: the columns by which a record that comes again is known; else the key_properties of its SCHEMA") \
    TEXT(sum, OPTIONAL, 48, "true|false", "false", "are records of the same item and day parts that are added up?")      \
    WHOLE(window_days, 0, 3660, "0", "the window of its values: 1 for a day's, 0 for all time")

#define TAP_KEYS(TEXT, PROSE, WHOLE, LIST, MAP)                                                                        \
    TEXT(name, REQUIRED, 200, NULL, NULL, "its name and its connection's: nilometer import --tap NAME")                 \
    TEXT(workspace, OPTIONAL, 200, NULL, "default", "the workspace it belongs to")                                      \
    TEXT(format, OPTIONAL, 48, "singer|airbyte", NULL, "what it speaks; else what the mapping does, else singer")        \
    TEXT(platform, OPTIONAL, 50, NULL, NULL, "where its items are; else the mapping's, else import")                     \
    TEXT(mapping, OPTIONAL, 200, NULL, NULL, "a ready-made one, such as tap-youtube-analytics: nilometer tap mappings lists them") \
    LIST(streams, tap_stream, "what the records of its streams mean; before those of the mapping")

#define TOP_KEYS(TEXT, PROSE, WHOLE, LIST, MAP)                                                                        \
    TEXT(store, OPTIONAL, 4096, NULL, NULL,                                                                            \
         "where the record is kept: a path, a postgres:// URL without password, env:NAME, file:PATH or credential:NAME; else "          \
         "./nilometer.db")                                                                                             \
    WHOLE(thin_observations_after_days, 0, 36500, "0",                                                                 \
          "days after which a closed day keeps its values and not every reading; 0: all are kept")                     \
    WHOLE(drop_days_after, 0, 36500, "0", "days after which a closed day goes, what is derived from it stays; 0: all are kept")          \
    WHOLE(max_pages, 1, 10000, "20", "pages of Facebook that a workspace collects at most")                            \
    WHOLE(raw_answers_days, 0, 3660, "30", "days that answers of platforms are kept for nilometer replay; 0: none are")                   \
    LIST(workspaces, workspace, "workspaces that need a zone of their own; others have UTC")                           \
    LIST(connections, connection, "the places that numbers come from")                                                 \
    LIST(metrics, metric, "metrics of items besides the built-in ones")                                                \
    LIST(platforms, platform, "the app that this installation is to a platform: client id, keys, where people come back to") \
    LIST(connections_from_sql, from_sql, "connections that an app keeps in a table of its own, with their tokens")    \
    LIST(hooks, hook, "serve: who may send to /hooks/PLATFORM, and what it is signed with; else nobody")               \
    LIST(taps, tap, "taps of Singer's and sources of Airbyte's whose output is imported, and what it means")           \
    LIST(compat, compat, "tables that existing apps know, beside the record's own: get and serve show them")            \
    LIST(publish, publish, "serve: tables of sources that service_role may read, nobody else")                         \
    WHOLE(max_rows, 0, 1000000000, "0", "serve: rows of an answer, but for service_role; 0: no limit. An answer that was cut says so") \
    MAP(auth, auth, "serve: who is let in")                                                                            \
    TEXT(cron_secret, OPTIONAL, 4096, NULL, NULL,                                                                      \
         "serve: what schedulers show at /cron/...: env:NAME, file:PATH or credential:NAME; at least 16 bytes")        \
    TEXT(cron_query_secret, OPTIONAL, 48, "true|false", "false",                                                       \
         "serve: is it taken in the address as well (?secret=), where other programs may log it?")                     \
    TEXT(limits, OPTIONAL, 48, "on|off", "on",                                                                         \
         "serve: off: no limit of queries, no waiting after credentials that do not verify")                           \
    WHOLE(queries_per_minute, 1, 10000, "100", "serve: how many a user may make in any minute")

/* As libcyaml wants them. Lengths are checked here too: nothing it accepts is longer than the table says. */
#define SCHEMA_TEXT(key, need, most, allowed, fallback, help) CYAML_FIELD_STRING_PTR(#key, need, SECTION, key, 1, most),
#define SCHEMA_WHOLE(key, low, high, fallback, help)          CYAML_FIELD_INT(#key, OPTIONAL, SECTION, key),
#define SCHEMA_LIST(key, entry, help)                                                                                  \
    CYAML_FIELD_SEQUENCE_COUNT(#key, OPTIONAL | CYAML_FLAG_POINTER_NULL_STR, SECTION, key, n_##key, &entry##_schema,   \
                               0, CYAML_UNLIMITED),
#define SCHEMA_MAP(key, entry, help) CYAML_FIELD_MAPPING(#key, OPTIONAL, SECTION, key, entry##_fields),
#define FIELDS(rows)                                                                                                   \
    {                                                                                                                  \
        rows(SCHEMA_TEXT, SCHEMA_TEXT, SCHEMA_WHOLE, SCHEMA_LIST, SCHEMA_MAP) CYAML_FIELD_END                           \
    }
#define SCHEMA(rows, flags)                                                                                            \
    {                                                                                                                  \
        CYAML_VALUE_MAPPING(flags, SECTION, ((const cyaml_schema_field_t[])FIELDS(rows)))                              \
    }

/* As everything else wants them. */
#define MEMBER(key) offsetof(SECTION, key), sizeof(((SECTION *)NULL)->key)
#define KEY_TEXT(key, need, most, allowed, fallback, help)                                                             \
    {#key, NILO__CONFIG_TEXT, (need) == REQUIRED, 1, most, allowed, fallback, help, MEMBER(key), 0, NULL},
#define KEY_PROSE(key, need, most, allowed, fallback, help)                                                            \
    {#key, NILO__CONFIG_PROSE, (need) == REQUIRED, 1, most, allowed, fallback, help, MEMBER(key), 0, NULL},
#define KEY_WHOLE(key, low, high, fallback, help)                                                                      \
    {#key, NILO__CONFIG_WHOLE, false, low, high, NULL, fallback, help, MEMBER(key), 0, NULL},
#define KEY_LIST(key, entry, help)                                                                                     \
    {#key, NILO__CONFIG_LIST, false, 0, 0, NULL, NULL, help, MEMBER(key), offsetof(SECTION, n_##key), &entry##_section},
#define KEY_MAP(key, entry, help) {#key, NILO__CONFIG_MAP, false, 0, 0, NULL, NULL, help, MEMBER(key), 0, &entry##_section},
#define KEYS(rows)                                                                                                     \
    {                                                                                                                  \
        rows(KEY_TEXT, KEY_PROSE, KEY_WHOLE, KEY_LIST, KEY_MAP)                                                        \
    }
#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

#define SECTION struct nilo_config_sql_metric
static const cyaml_schema_value_t sql_metric_schema = SCHEMA(SQL_METRIC_KEYS, CYAML_FLAG_DEFAULT);
static const struct nilo__config_key sql_metric_keys[] = KEYS(SQL_METRIC_KEYS);
static const struct nilo__config_section sql_metric_section = {
    "connections[].metrics[]", sql_metric_keys, COUNT(sql_metric_keys), sizeof(SECTION), offsetof(SECTION, line)};
#undef SECTION

#define SECTION struct nilo_config_connection
static const cyaml_schema_value_t connection_schema = SCHEMA(CONNECTION_KEYS, CYAML_FLAG_DEFAULT);
static const struct nilo__config_key connection_keys[] = KEYS(CONNECTION_KEYS);
static const struct nilo__config_section connection_section = {"connections[]", connection_keys, COUNT(connection_keys),
                                                               sizeof(SECTION), offsetof(SECTION, line)};
#undef SECTION

#define SECTION struct nilo_config_workspace
static const cyaml_schema_value_t workspace_schema = SCHEMA(WORKSPACE_KEYS, CYAML_FLAG_DEFAULT);
static const struct nilo__config_key workspace_keys[] = KEYS(WORKSPACE_KEYS);
static const struct nilo__config_section workspace_section = {"workspaces[]", workspace_keys, COUNT(workspace_keys),
                                                              sizeof(SECTION), offsetof(SECTION, line)};
#undef SECTION

#define SECTION struct nilo_config_metric
static const cyaml_schema_value_t metric_schema = SCHEMA(METRIC_KEYS, CYAML_FLAG_DEFAULT);
static const struct nilo__config_key metric_keys[] = KEYS(METRIC_KEYS);
static const struct nilo__config_section metric_section = {"metrics[]", metric_keys, COUNT(metric_keys),
                                                           sizeof(SECTION), offsetof(SECTION, line)};
#undef SECTION

#define SECTION struct nilo_config_tap_stream
static const cyaml_schema_value_t tap_stream_schema = SCHEMA(TAP_STREAM_KEYS, CYAML_FLAG_DEFAULT);
static const struct nilo__config_key tap_stream_keys[] = KEYS(TAP_STREAM_KEYS);
static const struct nilo__config_section tap_stream_section = {"taps[].streams[]", tap_stream_keys, COUNT(tap_stream_keys), sizeof(SECTION), offsetof(SECTION, line)};
#undef SECTION

#define SECTION struct nilo_config_tap
static const cyaml_schema_value_t tap_schema = SCHEMA(TAP_KEYS, CYAML_FLAG_DEFAULT);
static const struct nilo__config_key tap_keys[] = KEYS(TAP_KEYS);
static const struct nilo__config_section tap_section = {"taps[]", tap_keys, COUNT(tap_keys), sizeof(SECTION), offsetof(SECTION, line)};
#undef SECTION

#define SECTION struct nilo_config_compat
static const cyaml_schema_value_t compat_schema = SCHEMA(COMPAT_KEYS, CYAML_FLAG_DEFAULT);
static const struct nilo__config_key compat_keys[] = KEYS(COMPAT_KEYS);
static const struct nilo__config_section compat_section = {"compat[]", compat_keys, COUNT(compat_keys), sizeof(SECTION), offsetof(SECTION, line)};
#undef SECTION

#define SECTION struct nilo_config_setting
static const cyaml_schema_value_t setting_schema = SCHEMA(SETTING_KEYS, CYAML_FLAG_DEFAULT);
static const struct nilo__config_key setting_keys[] = KEYS(SETTING_KEYS);
static const struct nilo__config_section setting_section = {
    "platforms[].settings[]", setting_keys, COUNT(setting_keys), sizeof(SECTION), offsetof(SECTION, line)};
#undef SECTION

#define SECTION struct nilo_config_platform
static const cyaml_schema_value_t platform_schema = SCHEMA(PLATFORM_KEYS, CYAML_FLAG_DEFAULT);
static const struct nilo__config_key platform_keys[] = KEYS(PLATFORM_KEYS);
static const struct nilo__config_section platform_section = {"platforms[]", platform_keys, COUNT(platform_keys), sizeof(SECTION), offsetof(SECTION, line)};
#undef SECTION

#define SECTION struct nilo_config_hook
static const cyaml_schema_value_t hook_schema = SCHEMA(HOOK_KEYS, CYAML_FLAG_DEFAULT);
static const struct nilo__config_key hook_keys[] = KEYS(HOOK_KEYS);
static const struct nilo__config_section hook_section = {"hooks[]", hook_keys, COUNT(hook_keys), sizeof(SECTION), offsetof(SECTION, line)};
#undef SECTION

#define SECTION struct nilo_config_from_sql
static const cyaml_schema_value_t from_sql_schema = SCHEMA(FROM_SQL_KEYS, CYAML_FLAG_DEFAULT);
static const struct nilo__config_key from_sql_keys[] = KEYS(FROM_SQL_KEYS);
static const struct nilo__config_section from_sql_section = {
    "connections_from_sql[]", from_sql_keys, COUNT(from_sql_keys), sizeof(SECTION), offsetof(SECTION, line)};
#undef SECTION

#define SECTION struct nilo_config_publish
static const cyaml_schema_value_t publish_schema = SCHEMA(PUBLISH_KEYS, CYAML_FLAG_DEFAULT);
static const struct nilo__config_key publish_keys[] = KEYS(PUBLISH_KEYS);
static const struct nilo__config_section publish_section = {"publish[]", publish_keys, COUNT(publish_keys), sizeof(SECTION), offsetof(SECTION, line)};
#undef SECTION

#define SECTION struct nilo_config_token
static const cyaml_schema_value_t auth_token_schema = SCHEMA(AUTH_TOKEN_KEYS, CYAML_FLAG_DEFAULT);
static const struct nilo__config_key auth_token_keys[] = KEYS(AUTH_TOKEN_KEYS);
static const struct nilo__config_section auth_token_section = {"auth.tokens[]", auth_token_keys, COUNT(auth_token_keys),
                                                               sizeof(SECTION), offsetof(SECTION, line)};
#undef SECTION

#define SECTION struct nilo_config_admin
static const cyaml_schema_value_t auth_admin_schema = SCHEMA(AUTH_ADMIN_KEYS, CYAML_FLAG_DEFAULT);
static const struct nilo__config_key auth_admin_keys[] = KEYS(AUTH_ADMIN_KEYS);
static const struct nilo__config_section auth_admin_section = {"auth.admins[]", auth_admin_keys, COUNT(auth_admin_keys),
                                                               sizeof(SECTION), offsetof(SECTION, line)};
#undef SECTION

#define SECTION struct nilo_config_auth
static const cyaml_schema_field_t auth_fields[] = FIELDS(AUTH_KEYS);
static const struct nilo__config_key auth_keys[] = KEYS(AUTH_KEYS);
static const struct nilo__config_section auth_section = {"auth", auth_keys, COUNT(auth_keys), sizeof(SECTION), 0};
#undef SECTION

#define SECTION struct nilo_config
static const cyaml_schema_value_t top_schema = SCHEMA(TOP_KEYS, CYAML_FLAG_POINTER);
static const struct nilo__config_key top_keys[] = KEYS(TOP_KEYS);
const struct nilo__config_section nilo__config_top = {"", top_keys, COUNT(top_keys), sizeof(SECTION), 0};
#undef SECTION

const struct nilo__config_section *const nilo__config_sections[] = {
    &nilo__config_top, &workspace_section, &connection_section, &sql_metric_section, &metric_section,
    &platform_section, &setting_section, &from_sql_section, &hook_section, &tap_section, &tap_stream_section, &compat_section, &publish_section,   &auth_section,       &auth_token_section, &auth_admin_section, NULL,
};

const struct nilo__config_key *nilo__config_find(const struct nilo__config_section *s, const char *name)
{
    for (int i = 0; i < s->n; i++) {
        if (strcmp(s->keys[i].name, name) == 0)
            return &s->keys[i];
    }
    return NULL;
}

int nilo__config_fill(const char *file, const char *text, size_t len, struct nilo_config **ret, struct nilo_err *err)
{
    /* Its log is off: what it could complain about has been said better before (check.c), and its lines quote
     * values. */
    const cyaml_config_t how = {.mem_fn = cyaml_mem, .log_level = CYAML_LOG_ERROR, .flags = CYAML_CFG_NO_ALIAS};
    cyaml_data_t *data = NULL;

    cyaml_err_t rc = cyaml_load_data((const uint8_t *)text, len, &how, &top_schema, &data, NULL);
    /* libyaml has read the same bytes before (doc.c): where it fails now, memory ran out. */
    if (rc == CYAML_ERR_OOM || rc == CYAML_ERR_LIBYAML_PARSER_INIT || rc == CYAML_ERR_LIBYAML_PARSER)
        return nilo_err_nomem(err);
    if (rc != CYAML_OK)
        return nilo_err_set(err, NILO_EINTERNAL, "%s: libcyaml refuses what our checks allow: %s", file,
                            cyaml_strerror(rc));
    *ret = data;
    return 0;
}

void nilo__config_clear(const struct nilo__config_section *s, void *thing)
{
    for (int i = 0; i < s->n; i++) {
        const struct nilo__config_key *key = &s->keys[i];
        if (key->type == NILO__CONFIG_WHOLE)
            continue;
        if (key->type == NILO__CONFIG_MAP) {
            nilo__config_clear(key->entries, (char *)thing + key->offset);
            continue;
        }
        char *member;
        memcpy(&member, (char *)thing + key->offset, sizeof(member));
        if (key->type == NILO__CONFIG_LIST && member != NULL) {
            int n;
            memcpy(&n, (char *)thing + key->count_offset, sizeof(n));
            for (int k = 0; k < n; k++)
                nilo__config_clear(key->entries, member + (size_t)k * key->entries->size);
        }
        free(member);
    }
}

static void help_line(struct nilo_buf *b, const struct nilo__config_key *key)
{
    static const char *const types[] = {"text", "text", "whole number", "list", "keys"};

    nilo_buf_addf(b, "  %-15s %-13s", key->name, types[key->type]);
    nilo_buf_addf(b, " %s", key->help);
    if (key->allowed != NULL && strchr(key->allowed, '|') != NULL)
        nilo_buf_addf(b, "; one of %s", key->allowed);
    else if (key->allowed != NULL)
        nilo_buf_addf(b, "; only %s", key->allowed);
    if (key->type == NILO__CONFIG_WHOLE)
        nilo_buf_addf(b, "; %" PRId64 " to %" PRId64, key->min, key->max);
    if (key->fallback != NULL)
        nilo_buf_addf(b, " (default %s)", key->fallback);
    nilo_buf_adds(b, key->required ? " (required)\n" : "\n");
}

void nilo_config_help(struct nilo_buf *b)
{
    for (int i = 0; nilo__config_sections[i] != NULL; i++) {
        const struct nilo__config_section *s = nilo__config_sections[i];
        nilo_buf_addf(b, "%s%s\n", i > 0 ? "\n" : "", i > 0 ? s->path : "nilometer.yaml");
        for (int k = 0; k < s->n; k++)
            help_line(b, &s->keys[k]);
    }
}
