/* Every refusal of the configuration, word for word: file, line, key path, what is wrong, what is allowed. */
#include "scratch.h"

#include <stdio.h>
#include <string.h>

struct refusal {
    const char *text, *message;
};

#define CONNECTION "connections:\n  - name: app\n    platform: sql\n    database: app.db\n" /* line 5 is next */
#define NAME48     "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuv"
#define NAME128                                                                                                        \
    "a234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012" \
    "3456789012345678"

static void refuse_all(const struct refusal *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        scratch_refused(rows[i].text, rows[i].message);
}
#define REFUSE(rows) refuse_all(rows, sizeof(rows) / sizeof((rows)[0]))

static void unknown_keys_name_their_line_and_what_was_meant(void **state)
{
    static const struct refusal rows[] = {
        {"store: a\nconnections:\n  - name: x\n    databse: y\n",
         "nilometer.yaml:4: connections[0].databse: unknown key; did you mean \"database\"?"},
        {"stroe: a\n", "nilometer.yaml:1: stroe: unknown key; did you mean \"store\"?"},
        {"Store: a\n", "nilometer.yaml:1: Store: unknown key; did you mean \"store\"?"},
        {"workspaces:\n- name: a\n- name: b\n  timezone: UTC\n",
         "nilometer.yaml:4: workspaces[1].timezone: unknown key; did you mean \"zone\"?"},
        {"metrics: [{name: a}, {name: b}, {name: c,\n agregation: level}]",
         "nilometer.yaml:2: metrics[2].agregation: unknown key; did you mean \"aggregation\"?"},
        {CONNECTION "    timeout-ms: 3\n",
         "nilometer.yaml:5: connections[0].timeout-ms: unknown key; did you mean \"timeout_ms\"?"},
        {CONNECTION "    metrics:\n    - nmae: a\n",
         "nilometer.yaml:6: connections[0].metrics[0].nmae: unknown key; did you mean \"name\"?"},
        {"workspaces: [{name: a, colour: red}]",
         "nilometer.yaml:1: workspaces[0].colour: unknown key; known here: name, zone"},
        {"x: 1\n", "nilometer.yaml:1: x: unknown key; known here: " KNOWN},
        {"database: app.db\n", "nilometer.yaml:1: database: unknown key here; it belongs into connections[]"},
        {"workspaces: [{name: a, store: b}]",
         "nilometer.yaml:1: workspaces[0].store: unknown key here; it belongs to the top level"},
        {"\"two words\": 1\n", "nilometer.yaml:1: ?: unknown key; known here: " KNOWN},
        {"\"\": 1\n", "nilometer.yaml:1: ?: unknown key; known here: " KNOWN},
        {"<<: 1\n", "nilometer.yaml:1: <<: merge keys are not allowed here; write the keys out"},
    };
    (void)state;
    REFUSE(rows);
}

static void a_key_given_twice_names_both_lines(void **state)
{
    static const struct refusal rows[] = {
        {"store: a\nmetrics: []\nstore: b\n", "nilometer.yaml:3: store: is given twice, first in line 1; keep one"},
        {CONNECTION "    name: b\n",
         "nilometer.yaml:5: connections[0].name: is given twice, first in line 2; keep one"},
    };
    (void)state;
    REFUSE(rows);
}

static void wrong_types_say_what_is_expected_and_what_was_found(void **state)
{
    static const struct refusal rows[] = {
        {"store: [a]\n", "nilometer.yaml:1: store: expected text (where the record is kept: a path, a postgres:// URL "
                         "without password, "
                         "env:NAME, file:PATH or credential:NAME; else ./nilometer.db), found a list"},
        {"workspaces: [{name: {a: b}}]",
         "nilometer.yaml:1: workspaces[0].name: expected text (its name, unique), found keys with values"},
        {"connections:\n  name: a\n",
         "nilometer.yaml:2: connections: expected a list (entries that begin with \"- \"), found keys with values"},
        {"connections: yes\n",
         "nilometer.yaml:1: connections: expected a list (entries that begin with \"- \"), found a plain value"},
        {"workspaces:\n- a\n",
         "nilometer.yaml:2: workspaces[0]: expected keys with values (name, zone), found a plain value"},
        {"workspaces:\n- name: a\n-\n",
         "nilometer.yaml:3: workspaces[1]: expected keys with values (name, zone), found nothing"},
        {"workspaces:\n- [a]\n",
         "nilometer.yaml:2: workspaces[0]: expected keys with values (name, zone), found a list"},
        {"- a\n",
         "nilometer.yaml:1: expected keys with values (" KNOWN "), found a list"},
        {"a\n",
         "nilometer.yaml:1: expected keys with values (" KNOWN "), found a plain value"},
        {"workspaces:\n- zone:\n  name: a\n",
         "nilometer.yaml:2: workspaces[0].zone: is empty; give a value (the time zone its days are cut "
         "in, such as Europe/Berlin) or leave the line out"},
        {"workspaces: [{name: ''}]",
         "nilometer.yaml:1: workspaces[0].name: is empty; give a value (its name, unique) or leave the line out"},
        {"workspaces: [{name: ~}]",
         "nilometer.yaml:1: workspaces[0].name: is empty; give a value (its name, unique) or leave the line out"},
        {"workspaces: [{name: \"a\\nb\"}]",
         "nilometer.yaml:1: workspaces[0].name: holds a line break or control character; write it on one line"},
        {"workspaces: [{name: \"a\\x7f\"}]",
         "nilometer.yaml:1: workspaces[0].name: holds a line break or control character; write it on one line"},
        {"metrics: [{name: a, description: \"\\e[0m\"}]",
         "nilometer.yaml:1: metrics[0].description: holds a line break or control character; write it on one line"},
        {"workspaces: [{name: \"a\\0b\"}]",
         "nilometer.yaml:1: workspaces[0].name: the text holds a NUL character (\\0); leave it out"},
        {"metrics: [{name: " NAME48 "w}]", "nilometer.yaml:1: metrics[0].name: is 49 bytes long; 48 are allowed"},
    };
    (void)state;
    REFUSE(rows);
}

static void numbers_are_whole_decimal_and_in_range(void **state)
{
    static const char *const bad[] = {"two",
                                      "1.5",
                                      "1e3",
                                      "0x10",
                                      "010",
                                      "1_000",
                                      "'1 000'",
                                      "+1",
                                      "'-'",
                                      "''",
                                      "--1",
                                      "'1 '",
                                      "99999999999999999999",
                                      "-9223372036854775809",
                                      "9223372036854775808",
                                      "~",
                                      "[1]",
                                      "{a: 1}",
                                      "true"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[256];
        struct nilo_config *c = NULL;
        struct nilo_err err = {0};
        snprintf(text, sizeof(text), CONNECTION "    timeout_ms: %s\n", bad[i]);
        assert_int_equal(scratch_load(text, &c, &err), -1);
        static const char start[] =
            "nilometer.yaml:5: connections[0].timeout_ms: expected a whole number from 1 to 86400000, found ";
        if (strncmp(err.msg, start, strlen(start)) != 0)
            fail_msg("%s: %s", bad[i], err.msg);
    }

    static const struct refusal rows[] = {
        {"metrics: [{name: a, scale: 10}]",
         "nilometer.yaml:1: metrics[0].scale: expected a whole number from 0 to 9, found \"10\""},
        {"metrics: [{name: a, scale: -1}]",
         "nilometer.yaml:1: metrics[0].scale: expected a whole number from 0 to 9, found \"-1\""},
        {"metrics: [{name: a, scale: [2]}]",
         "nilometer.yaml:1: metrics[0].scale: expected a whole number from 0 to 9, found a list"},
        {"metrics: [{name: a, scale: }]",
         "nilometer.yaml:1: metrics[0].scale: expected a whole number from 0 to 9, found nothing"},
        {CONNECTION "    timeout_ms: 0\n",
         "nilometer.yaml:5: connections[0].timeout_ms: expected a whole number from 1 to 86400000, found \"0\""},
        {CONNECTION "    settle_hours: 8761\n",
         "nilometer.yaml:5: connections[0].settle_hours: expected a whole number from 0 to 8760, found \"8761\""},
        {CONNECTION "    metrics: [{name: a, table: t, expected_max: many}]\n",
         "nilometer.yaml:5: connections[0].metrics[0].expected_max: expected a number with at most 9 decimal places, such as 100 or 4.75, found \"many\""},
        {CONNECTION "    metrics: [{name: a, table: t, expected_max: 9223372036854775808}]\n",
         "nilometer.yaml:5: connections[0].metrics[0].expected_max: expected a number with at most 9 decimal places, such as 100 or 4.75, found "
         "\"9223372036854775808\""},
    };
    REFUSE(rows);
}

static void words_are_those_of_the_table(void **state)
{
    static const struct refusal rows[] = {
        {"metrics:\n- name: a\n  type: counts\n",
         "nilometer.yaml:3: metrics[0].type: \"counts\" is not allowed; write count, average, percentage or aggregate"},
        {"metrics: [{name: a, type: Count}]",
         "nilometer.yaml:1: metrics[0].type: \"Count\" is not allowed; write count, average, percentage or aggregate"},
        {"metrics: [{name: a, type: coun}]",
         "nilometer.yaml:1: metrics[0].type: \"coun\" is not allowed; write count, average, percentage or aggregate"},
        {"metrics: [{name: a, type: 'count|average'}]", "nilometer.yaml:1: metrics[0].type: \"count|average\" is not "
                                                        "allowed; write count, average, percentage or aggregate"},
        {"metrics: [{name: a, aggregation: sum}]",
         "nilometer.yaml:1: metrics[0].aggregation: \"sum\" is not allowed; write level or flow"},
        {"metrics: [{name: a, kind: daily}]",
         "nilometer.yaml:1: metrics[0].kind: \"daily\" is not allowed; write instant or period"},
        {CONNECTION "    metrics: [{name: a, table: t, mode: totl}]\n",
         "nilometer.yaml:5: connections[0].metrics[0].mode: \"totl\" is not allowed; write total or created"},
        {CONNECTION "    metrics: [{name: a, table: t, type: average}]\n",
         "nilometer.yaml:5: connections[0].metrics[0].type: average takes a statement; rows of a table are only counted"},
        {CONNECTION "    metrics: [{name: a, table: t, type: median}]\n",
         "nilometer.yaml:5: connections[0].metrics[0].type: \"median\" is not allowed; write count, average, percentage or aggregate"},
    };
    (void)state;
    REFUSE(rows);
}

static void required_keys_are_named_with_the_line_of_their_mapping(void **state)
{
    static const struct refusal rows[] = {
        {"connections:\n  - platform: sql\n",
         "nilometer.yaml:2: connections[0].name: is required (its name, unique in its workspace)"},
        {"connections:\n  - name: a\n",
         "nilometer.yaml:2: connections[0].platform: is required (where its numbers come from: facebook, instagram, sql, tiktok, tiktok_research, tiktok_shop, youtube)"},
        {"workspaces:\n  - {}\n", "nilometer.yaml:2: workspaces[0].name: is required (its name, unique)"},
        {"connections:\n  - name: a\n    platform: sql\n    users: u\n",
         "nilometer.yaml:2: connections[0].database: is required for platform sql; give a path, a postgres:// URL "
         "without password, env:NAME "
         "or file:PATH"},
        {CONNECTION,
         "nilometer.yaml:2: connections[0]: counts nothing; give at least one of users, posts, comments and metrics"},
        {CONNECTION "    metrics: []\n",
         "nilometer.yaml:2: connections[0]: counts nothing; give at least one of users, posts, comments and metrics"},
        {CONNECTION "    metrics:\n    - name: a\n", "nilometer.yaml:6: connections[0].metrics[0].table: is required "
                                                     "(the table whose rows are counted: table or schema.table), or a statement"},
    };
    (void)state;
    REFUSE(rows);
}

static void what_lets_people_in_is_never_written_into_the_file(void **state)
{
    static const struct refusal rows[] = {
        {"auth: a\n", "nilometer.yaml:1: auth: expected keys with values (anonymous, tokens, admins), found a plain value"},
        {"auth:\n", "nilometer.yaml:1: auth: expected keys with values (anonymous, tokens, admins), found nothing"},
        {"auth: {anonymous: yes}\n", "nilometer.yaml:1: auth.anonymous: \"yes\" is not allowed; write true or false"},
        {"auth: {anonymos: true}\n", "nilometer.yaml:1: auth.anonymos: unknown key; did you mean \"anonymous\"?"},
        {"auth:\n  tokens:\n  - alg: none\n", "nilometer.yaml:3: auth.tokens[0].alg: \"none\" is not allowed; write HS256, RS256 or ES256"},
        {"auth:\n  tokens:\n  - kid: a\n",
         "nilometer.yaml:3: auth.tokens[0].secret: is required for HS256; write env:NAME, file:PATH or credential:NAME"},
        {"auth:\n  tokens:\n  - secret: 0123456789abcdef0123456789abcdef\n",
         "nilometer.yaml:3: auth.tokens[0].secret: is no reference; secrets do not stand in this file: write env:NAME, file:PATH or credential:NAME"},
        {"auth:\n  tokens:\n  - secret: env:A\n  - alg: RS256\n    secret: env:B\n",
         "nilometer.yaml:5: auth.tokens[1].secret: does not go with RS256, which takes a public_key"},
        {"auth:\n  tokens:\n  - alg: ES256\n    public_key: -----BEGIN PUBLIC KEY-----\n",
         "nilometer.yaml:4: auth.tokens[0].public_key: is no reference; secrets do not stand in this file: write env:NAME, file:PATH or credential:NAME"},
        {"auth:\n  admins:\n  - {}\n", "nilometer.yaml:3: auth.admins[0]: give one of sub (a user) and sql (how to ask who is an admin)"},
        {"auth:\n  admins:\n  - sub: a\n    connection: b\n", "nilometer.yaml:4: auth.admins[0].connection: goes with sql, not with sub"},
        {"auth:\n  admins:\n  - sql: DELETE FROM a WHERE b = :sub\n", "nilometer.yaml:3: auth.admins[0].sql: the statement is no SELECT; sources are only read"},
        {"auth:\n  admins:\n  - sql: SELECT 1\n", "nilometer.yaml:3: auth.admins[0].sql: the statement needs :sub, the user who is asked for"},
        {"auth:\n  admins:\n  - sql: SELECT :day\n", "nilometer.yaml:3: auth.admins[0].sql: the statement has the placeholder :day; there is :sub"},
        {"auth:\n  admins:\n  - sql: SELECT :sub\n",
         "nilometer.yaml:3: auth.admins[0].connection: is required: this file has not exactly one connection of platform sql"},
        {CONNECTION "    users: u\nauth:\n  admins:\n  - sql: SELECT :sub\n    connection: b\n",
         "nilometer.yaml:9: auth.admins[0].connection: is not the name of exactly one connection of platform sql in this file"},
        {"cron_secret: 0123456789abcdef\n",
         "nilometer.yaml:1: cron_secret: is no reference; secrets do not stand in this file: write env:NAME, file:PATH or credential:NAME"},
        {"cron_secret: env:1\n", "nilometer.yaml:1: cron_secret: names no variable; write env:NAME in letters, digits and _"},
        {"hooks:\n  - secret: env:A\n", "nilometer.yaml:2: hooks[0].platform: is required (who sends; push: an app of yours, with observations)"},
        {"hooks:\n  - platform: push\n    secret: 0123456789abcdef\n",
         "nilometer.yaml:3: hooks[0].secret: is no reference; secrets do not stand in this file: write env:NAME, file:PATH or credential:NAME"},
        {"hooks:\n  - platform: push\n", "nilometer.yaml:2: hooks[0].secret: is required for push; write env:NAME, file:PATH or credential:NAME"},
        {"hooks:\n  - platform: push\n    secret: env:A\n    app_id: x\n", "nilometer.yaml:4: hooks[0].app_id: does not go with push; it is for: tiktok tiktok_shop"},
        {"hooks:\n  - platform: instagram\n",
         "nilometer.yaml:2: hooks[0].secret: is required: there is no client_secret of instagram under platforms that would stand for it"},
        {"hooks:\n  - platform: tiktok_shop\n    secret: env:A\n",
         "nilometer.yaml:2: hooks[0].app_id: is required: there is no client_id of tiktok_shop under platforms that would stand for it"},
        {"hooks:\n  - platform: youtube\n    secret: env:A\n    verify_token: x\n",
         "nilometer.yaml:4: hooks[0].verify_token: is no reference; secrets do not stand in this file: write env:NAME, file:PATH or credential:NAME"},
        {"hooks:\n  - platform: facebook\n    secret: env:A\n    status_page: http://a\n", "nilometer.yaml:4: hooks[0].status_page: is an address that begins with https://"},
        {"limits: none\n", "nilometer.yaml:1: limits: \"none\" is not allowed; write on or off"},
        {"queries_per_minute: 0\n", "nilometer.yaml:1: queries_per_minute: expected a whole number from 1 to 10000, found \"0\""},
    };
    (void)state;
    REFUSE(rows);
}

static void tables_of_apps_are_bound_in_ways_that_make_sense(void **state)
{
    static const struct refusal rows[] = {
        {CONNECTION "    posts: posts\npublish:\n  - name: a\n", "nilometer.yaml:7: publish[0].table: is required (the table, or schema.table; a name in double quotes is taken as it is)"},
        {CONNECTION "    posts: posts\npublish:\n  - table: a.b.c\n", "nilometer.yaml:7: publish[0].table: \"a.b.c\" is not a table name; write table or schema.table in letters, digits and _ (up to 128 each), or anything else in double quotes: '\"my posts\"'"},
        {CONNECTION "    posts: posts\npublish:\n  - table: '\"my posts\"'\n", "nilometer.yaml:7: publish[0].table: \"\"my posts\"\": say a name of letters, digits and _ under which it is published (name)"},
        {CONNECTION "    posts: posts\npublish:\n  - table: app.posts\n  - table: posts\n", "nilometer.yaml:8: publish[1].table: \"posts\" is in the list already"},
        {CONNECTION "    posts: posts\npublish:\n  - table: posts\n    connection: other\n",
         "nilometer.yaml:8: publish[0].connection: is not the name of exactly one connection of platform sql in this file"},
        {"publish:\n  - table: posts\n", "nilometer.yaml:2: publish[0].connection: is required: this file has not exactly one connection of platform sql"},
        {"compat:\n  - workspace: a\n", "nilometer.yaml:2: compat[0].set: is required (which tables)"},
        {"compat:\n  - set: posts\n", "nilometer.yaml:2: compat[0].set: \"posts\" is not allowed; write youtube, studio, creator or analytics"},
        {"compat:\n  - set: youtube\n", "nilometer.yaml:2: compat[0].workspace: is required for youtube: its tables do not name their tenant"},
        {"compat:\n  - set: creator\n    connection: a\n", "nilometer.yaml:3: compat[0].connection: needs the workspace that it is of"},
        {"compat:\n  - set: creator\n  - set: creator\n", "nilometer.yaml:3: compat[1].set: creator is in the list already"},
        {"workspaces: [{name: a}]\ncompat:\n  - set: studio\n    workspace: b\n",
         "nilometer.yaml:4: compat[0].workspace: \"b\" is not among the workspaces of this file; add it there or write \"default\""},
    };
    (void)state;
    REFUSE(rows);
}

static void yaml_mistakes_say_where_and_what_to_do(void **state)
{
    static const struct refusal rows[] = {
        {"store: \"a\n\n\n",
         "nilometer.yaml:1: store: not valid YAML (found unexpected end of stream); close the quote"},
        {"store: a\n\tx: b\n", "nilometer.yaml:2: store: not valid YAML (found a tab character that violates "
                               "indentation); indent with blanks, "
                               "not tabs"},
        {"store: a: b\n", "nilometer.yaml:1: not valid YAML (mapping values are not allowed in this context); check "
                          "the indentation, and put a "
                          "value that holds \": \" in quotes"},
        {"store: @a\n", "nilometer.yaml:1: store: not valid YAML (found character that cannot start any token); indent "
                        "with blanks, not tabs, "
                        "and put a value that begins with @, ` or % in quotes"},
        {"store: a\nconnections\n", "nilometer.yaml:3: not valid YAML (could not find expected ':'); write key: value, "
                                    "with a blank after the colon"},
        {"connections:\n  - name: a\n   platform: sql\n",
         "nilometer.yaml:3: connections[1]: not valid YAML (did not find expected '-' indicator); check the "
         "indentation against the lines above"},
        {"connections:\n  - name: [a\n", "nilometer.yaml:2: connections[0].name[1]: not valid YAML (did not find "
                                         "expected ',' or ']'); close the [ with ]"},
        {"store: a\n---\nstore: b\n", "nilometer.yaml:2: a second document begins here (---); only one is allowed"},
        {"? [a]\n: b\n", "nilometer.yaml:1: a list or mapping stands where a key belongs; write key: value"},
        {"store: a\x01\n", "nilometer.yaml:1: not a YAML text (control characters are not allowed, at byte 8); save it "
                           "as plain text in UTF-8"},
        {"store: a\n#\xff\n",
         "nilometer.yaml:2: not a YAML text (invalid leading UTF-8 octet, at byte 10); save it as plain text in UTF-8"},
    };
    (void)state;
    REFUSE(rows);
}

static void what_could_grow_without_bound_is_refused(void **state)
{
    static const struct refusal rows[] = {
        {"store: &a b\n", "nilometer.yaml:1: store: anchors (&name) are not allowed here; write the value out"},
        {"connections: &a []\n",
         "nilometer.yaml:1: connections: anchors (&name) are not allowed here; write the value out"},
        {"connections:\n- &a {name: b}\n",
         "nilometer.yaml:2: connections[0]: anchors (&name) are not allowed here; write the value out"},
        {"connections:\n- name: a\n- name: *a\n",
         "nilometer.yaml:3: connections[1].name: aliases (*name) are not allowed here; write the value out"},
        {"*a : b\n", "nilometer.yaml:1: aliases (*name) are not allowed here; write the value out"},
        {"store: !!str a\n", "nilometer.yaml:1: store: tags (!name) are not allowed here; leave it out"},
        {"metrics: !a []\n", "nilometer.yaml:1: metrics: tags (!name) are not allowed here; leave it out"},
        {"metrics: [[[[[[[[[[[[[[[[", "nilometer.yaml:1: metrics[0][0][0][0][0][0][0]: nested too deeply; the "
                                      "configuration has five levels at most"},
    };
    (void)state;
    REFUSE(rows);
}

static void names_are_unique_and_both_lines_are_named(void **state)
{
    static const struct refusal rows[] = {
        {"workspaces:\n- name: a\n- name: b\n- zone: UTC\n  name: a\n",
         "nilometer.yaml:5: workspaces[2].name: \"a\" is already the name of workspaces[0] (line 2); names are unique"},
        {"metrics:\n- name: a\n- name: b\n- name: b\n- name: a\n",
         "nilometer.yaml:4: metrics[2].name: \"b\" is already the name of metrics[1] (line 3); names are unique"},
        {"connections:\n- {name: a, platform: sql, database: d, users: u}\n- {name: a, platform: sql, database: e, "
         "posts: p}\n",
         "nilometer.yaml:3: connections[1].name: \"a\" is already the name of connections[0] (line 2) in this "
         "workspace; names are unique in "
         "a workspace"},
    };
    (void)state;
    REFUSE(rows);
}

static void a_metric_has_one_source_in_a_workspace(void **state)
{
#define ONE_SOURCE                                                                                                     \
    "; a metric has one source in a workspace, so drop one, rename it under metrics, or move it to another workspace"
    static const struct refusal rows[] = {
        {"connections:\n- name: a\n  platform: sql\n  database: d\n  posts: p\n- name: b\n  platform: sql\n  database: "
         "d\n  posts: q\n",
         "nilometer.yaml:9: connections[1].posts: posts_total already comes from connections[0].posts (line "
         "5)" ONE_SOURCE},
        {CONNECTION "    users: u\n    metrics:\n    - name: users_total\n      table: v\n",
         "nilometer.yaml:7: connections[0].metrics[0].name: users_total already comes from connections[0].users (line "
         "5)" ONE_SOURCE},
        {CONNECTION "    metrics:\n    - {name: m, table: v}\n    - {name: m, table: w}\n",
         "nilometer.yaml:7: connections[0].metrics[1].name: m already comes from connections[0].metrics[0].name (line "
         "6)" ONE_SOURCE},
        {CONNECTION "    comments: c\n  - name: b\n    platform: sql\n    database: d\n    metrics: [{name: "
                    "comments_created, table: w}]\n",
         "nilometer.yaml:9: connections[1].metrics[0].name: comments_created already comes from "
         "connections[0].comments (line 5)" ONE_SOURCE},
    };
    (void)state;
    REFUSE(rows);
}

static void metric_names_follow_the_pattern_and_avoid_reserved_words(void **state)
{
#define PATTERN  " is no metric name; write small letters, digits and _ (48 at most), beginning with a letter"
#define RESERVED " is a reserved word (a column or a word of queries); take another name"
    static const struct refusal rows[] = {
        {"metrics: [{name: Views2}]", "nilometer.yaml:1: metrics[0].name: \"Views2\"" PATTERN},
        {"metrics: [{name: 2views}]", "nilometer.yaml:1: metrics[0].name: \"2views\"" PATTERN},
        {"metrics: [{name: _a}]", "nilometer.yaml:1: metrics[0].name: \"_a\"" PATTERN},
        {"metrics: [{name: a-b}]", "nilometer.yaml:1: metrics[0].name: \"a-b\"" PATTERN},
        {"metrics: [{name: \xc3\xa4}]", "nilometer.yaml:1: metrics[0].name: \"\xc3\xa4\"" PATTERN},
        {"metrics:\n- name: a\n- kind: period\n  name: value\n",
         "nilometer.yaml:4: metrics[1].name: \"value\"" RESERVED},
        {"metrics: [{name: select}]", "nilometer.yaml:1: metrics[0].name: \"select\"" RESERVED},
        {CONNECTION "    metrics: [{name: A, table: t}]",
         "nilometer.yaml:5: connections[0].metrics[0].name: \"A\"" PATTERN},
    };
    (void)state;
    REFUSE(rows);
}

static void other_rules_say_what_is_allowed(void **state)
{
    static const struct refusal rows[] = {
        {"workspaces:\n- name: a\n  zone: Europe/Berlim\n",
         "nilometer.yaml:3: workspaces[0].zone: \"Europe/Berlim\" is no time zone known here; write one such as "
         "Europe/Berlin or UTC"},
        {"workspaces: [{name: a, zone: ../../etc/passwd}]",
         "nilometer.yaml:1: workspaces[0].zone: \"../../etc/passwd\" is no time zone known here; write one such as "
         "Europe/Berlin or UTC"},
        {"workspaces: [{name: ' a'}]",
         "nilometer.yaml:1: workspaces[0].name: begins or ends with a blank; leave that out"},
        {"connections:\n- name: 'a '\n  platform: sql\n",
         "nilometer.yaml:2: connections[0].name: begins or ends with a blank; leave that out"},
        {"connections:\n- name: a\n  platform: myspace\n",
         "nilometer.yaml:3: connections[0].platform: \"myspace\" is no platform known here; "
         "known: facebook, instagram, sql, tiktok, tiktok_research, tiktok_shop, youtube"},
        {"connections:\n- name: a\n  platform: youtube\n  schedule: 0 25 * * *\n",
         "nilometer.yaml:4: connections[0].schedule: cron expression, field hour: \"25\" is not understood; allowed are *, numbers 0-23, ranges a-b, lists a,b and steps */n"},
        {"connections:\n- name: a\n  platform: youtube\n  database: a.db\n",
         "nilometer.yaml:4: connections[0].database: says nothing about a connection of platform youtube; drop it"},
        {"connections:\n- name: a\n  platform: sql\n  database: a.db\n  users: u\n  accounts: UC1\n",
         "nilometer.yaml:6: connections[0].accounts: says nothing about a connection of platform sql; drop it"},
        {"connections:\n- name: a\n  platform: youtube\n  accounts: ', ,'\n",
         "nilometer.yaml:4: connections[0].accounts: holds nothing; write ids or @handles with commas between"},
        {"connections:\n- name: a\n  platform: youtube\n  pages: '1'\n",
         "nilometer.yaml:4: connections[0].pages: says nothing about a connection of platform youtube; drop it"},
        {"connections:\n- name: a\n  platform: facebook\n  accounts: '1'\n",
         "nilometer.yaml:4: connections[0].accounts: is called pages where the platform is facebook"},
        {"connections:\n- name: a\n  platform: facebook\n  pages: ','\n", "nilometer.yaml:4: connections[0].pages: holds nothing; write ids with commas between"},
        {"connections:\n- name: a\n  platform: facebook\n  pages: 1,2,3,4,5,6,7,8,9,10\n- name: b\n  platform: facebook\n  pages: 11,12,13,14,15,16,17,18,19,20\n"
         "- name: c\n  platform: facebook\n  workspace: other\n  pages: 21\n- name: d\n  platform: facebook\n",
         "nilometer.yaml:13: connections[3].platform: makes 21 pages of Facebook in workspace \"default\", where 20 are collected at most; leave some out, or set max_pages at the top of the file"},
        {"max_pages: 1\nconnections:\n- name: a\n  platform: facebook\n  pages: 1,2\n",
         "nilometer.yaml:5: connections[0].pages: makes 2 pages of Facebook in workspace \"default\", where 1 are collected at most; leave some out, or set max_pages at the top of the file"},
        {"connections:\n- name: a\n  platform: youtube\n  items: https://youtu.be/x\n",
         "nilometer.yaml:4: connections[0].items: holds an address or something very long; write ids with commas between"},
        {"connections:\n- name: a\n  platform: youtube\n  role: competitor\n",
         "nilometer.yaml:4: connections[0].role: is competitor: say whose numbers, under accounts or items"},
        {"connections:\n- name: a\n  platform: tiktok\n  accounts: '@b'\n  role: competitor\n",
         "nilometer.yaml:5: connections[0].role: cannot be competitor on platform tiktok, whose numbers are read by whoever signs in for an account; public ones are read "
         "of youtube and tiktok_research"},
        {"connections:\n- name: a\n  platform: youtube\n  accounts: '@b'\n  role: rival\n",
         "nilometer.yaml:5: connections[0].role: \"rival\" is not allowed; write own or competitor"},
        {"connections:\n- name: a\n  platform: sql\n  database: a.db\n  users: u\n  role: competitor\n",
         "nilometer.yaml:6: connections[0].role: says nothing about a connection of platform sql; drop it"},
        {"workspaces: [{name: studio}]\n" CONNECTION "    users: u\n    workspace: stuido\n",
         "nilometer.yaml:7: connections[0].workspace: \"stuido\" is not among the workspaces of this file; add it "
         "there or write \"default\""},
        {"metrics: [{name: a,\n currency: euro}]",
         "nilometer.yaml:2: metrics[0].currency: \"euro\" is no currency; write three capitals such "
         "as EUR"},
        {"metrics: [{name: a, currency: EURo}]",
         "nilometer.yaml:1: metrics[0].currency: \"EURo\" is no currency; write three capitals such as EUR"},
        {"metrics: [{name: a, currency: eur}]",
         "nilometer.yaml:1: metrics[0].currency: \"eur\" is no currency; write three capitals such as EUR"},
        {CONNECTION "    metrics:\n    - name: a\n      table: t\n      expected_min: 4.5.1\n",
         "nilometer.yaml:8: connections[0].metrics[0].expected_min: expected a number with at most 9 decimal places, such as 100 or 4.75, found \"4.5.1\""},
        {CONNECTION "    metrics:\n    - name: a\n      table: t\n      expected_min: 4.75\n      expected_max: 4.7\n",
         "nilometer.yaml:8: connections[0].metrics[0].expected_min: is above expected_max (line 9); exchange them"},
        {CONNECTION "    metrics:\n    - name: a\n      table: t\n      expected_min: 5\n      expected_max: 4\n",
         "nilometer.yaml:8: connections[0].metrics[0].expected_min: is above expected_max (line 9); exchange them"},
    };
    (void)state;
    REFUSE(rows);
}

static void table_names_say_how_to_write_them(void **state)
{
#define TABLE                                                                                                          \
    " is not a table; write table, schema.table or table(timestamp column) in letters, digits and _ (up to 128 "       \
    "each), or anything else in "                                                                                      \
    "double quotes: '\"my posts\"(created_on)'"
#define NAME                                                                                                           \
    " is not a table name; write table or schema.table in letters, digits and _ (up to 128 each), or anything else "   \
    "in double quotes: "                                                                                               \
    "'\"my posts\"'"
    static const struct refusal rows[] = {
        {CONNECTION "    users: my-table\n", "nilometer.yaml:5: connections[0].users: \"my-table\"" TABLE},
        {CONNECTION "    users: a b34567890123456789012345678901234567890123456\xc3\xa4x\n",
         "nilometer.yaml:5: connections[0].users: \"a b34567890123456789012345678901234567890123456...\"" TABLE},
        {CONNECTION "    posts: a.b.c\n", "nilometer.yaml:5: connections[0].posts: \"a.b.c\"" TABLE},
        {CONNECTION "    posts: posts(\n", "nilometer.yaml:5: connections[0].posts: \"posts(\"" TABLE},
        {CONNECTION "    posts: posts(a) b\n", "nilometer.yaml:5: connections[0].posts: \"posts(a) b\"" TABLE},
        {CONNECTION "    comments: select * from x\n",
         "nilometer.yaml:5: connections[0].comments: \"select * from x\"" TABLE},
        {CONNECTION "    comments: " NAME128 "x\n",
         "nilometer.yaml:5: connections[0].comments: \"a23456789012345678901234567890123456789012345678...\"" TABLE},
        {CONNECTION "    metrics: [{name: a, table: 1x}]\n",
         "nilometer.yaml:5: connections[0].metrics[0].table: \"1x\"" NAME},
        {CONNECTION "    metrics: [{name: a, table: t(c)}]\n",
         "nilometer.yaml:5: connections[0].metrics[0].table: \"t(c)\" names a column too; write the column under "
         "timestamp"},
        {CONNECTION "    metrics: [{name: a, table: t, timestamp: t.c}]\n",
         "nilometer.yaml:5: connections[0].metrics[0].timestamp: \"t.c\" is not a column name; write letters, digits "
         "and _ (up to 128), or "
         "anything else in double quotes: '\"created on\"'"},
    };
    (void)state;
    REFUSE(rows);
}

#define HELD                                                                                                           \
    ": holds a password; secrets only by reference: put the whole URL into a variable or file and write env:NAME, "  \
    "file:PATH or credential:NAME here"

static void passwords_are_refused_and_not_repeated(void **state)
{
    static const char *const urls[] = {
        "postgres://user:hunter2@host/db",
        "postgresql://user:hunter2@host:5432/db",
        "postgres://:hunter2@host",
        "postgres://user:a/hunter2@host/db",
        "postgres://user:a?hunter2@host/db",
        "postgres://user:p@hunter2@host/db",
        "postgres://user@host/db?password=hunter2",
        "postgres://host/db?x=1&PASSWORD=hunter2",
        "postgres://host/db?pass%77ord=hunter2",
        "postgres://host/db?sslpassword=hunter2",
        "host=a password = hunter2",
        "mysql://user:hunter2@host/db",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        char text[512];
        snprintf(text, sizeof(text), "connections: [{name: a, platform: sql, users: u,\n database: '%s'}]", urls[i]);
        scratch_refused(text, "nilometer.yaml:2: connections[0].database" HELD);
        snprintf(text, sizeof(text), "store: '%s'\n", urls[i]);
        scratch_refused(text, "nilometer.yaml:1: store" HELD);
    }
}

static void references_must_name_something(void **state)
{
    static const struct refusal rows[] = {
        {"store: 'env:'\n", "nilometer.yaml:1: store: names no variable; write env:NAME in letters, digits and _"},
        {"store: env:A-B\n", "nilometer.yaml:1: store: names no variable; write env:NAME in letters, digits and _"},
        {"store: env:1A\n", "nilometer.yaml:1: store: names no variable; write env:NAME in letters, digits and _"},
        {"store: 'file:'\n", "nilometer.yaml:1: store: names no file; write file:PATH"},
    };
    (void)state;
    REFUSE(rows);
}

/* Wherever it ends up by mistake: as a key, a platform, a name that is shown. */
static void no_message_repeats_what_may_be_a_secret(void **state)
{
    static const char *const texts[] = {
        "database postgres://user:hunter2@host/db\n",
        "connections: [{name: a, platform: sql, database postgres://user:hunter2@host/db}]",
        "connections: [{name: a, platform: 'postgres://user:hunter2@host/db'}]",
        "connections: [{name: a, platform: sql, database: d, users: 'postgres://user:hunter2@host/db'}]",
        "workspaces: [{name: a}]\nconnections: [{name: a, platform: sql, database: d, workspace: 'u:hunter2@h'}]",
        "connections: [{name: a, platform: sql, database: d, users: u, timeout_ms: 'password=hunter2'}]",
        "metrics: [{name: a, kind: 'user:hunter2@host'}]",
        "store: \"postgres://user:hunter2@host/db\n",
        "store: postgres://user:hunter2@host/db: x\n",
        "store: &hunter2 a\n",
        "store: *hunter2\n",
        "store: !hunter2 a\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct nilo_config *c = NULL;
        struct nilo_err err = {0};
        assert_int_equal(scratch_load(texts[i], &c, &err), -1);
        if (strstr(err.msg, "hunter2") != NULL)
            fail_msg("repeats the secret: %s", err.msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_keys_name_their_line_and_what_was_meant),
        cmocka_unit_test(a_key_given_twice_names_both_lines),
        cmocka_unit_test(wrong_types_say_what_is_expected_and_what_was_found),
        cmocka_unit_test(numbers_are_whole_decimal_and_in_range),
        cmocka_unit_test(words_are_those_of_the_table),
        cmocka_unit_test(required_keys_are_named_with_the_line_of_their_mapping),
        cmocka_unit_test(what_lets_people_in_is_never_written_into_the_file),
        cmocka_unit_test(tables_of_apps_are_bound_in_ways_that_make_sense),
        cmocka_unit_test(yaml_mistakes_say_where_and_what_to_do),
        cmocka_unit_test(what_could_grow_without_bound_is_refused),
        cmocka_unit_test(names_are_unique_and_both_lines_are_named),
        cmocka_unit_test(a_metric_has_one_source_in_a_workspace),
        cmocka_unit_test(metric_names_follow_the_pattern_and_avoid_reserved_words),
        cmocka_unit_test(other_rules_say_what_is_allowed),
        cmocka_unit_test(table_names_say_how_to_write_them),
        cmocka_unit_test(passwords_are_refused_and_not_repeated),
        cmocka_unit_test(references_must_name_something),
        cmocka_unit_test(no_message_repeats_what_may_be_a_secret),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
