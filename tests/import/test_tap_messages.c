/* What taps write into readings: each message of Singer's and Airbyte's, what is wrong in them and stays alone, mappings of every form, sums, states. */
#include "support/nilo_test.h"

#include "import/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/tmp.h"

#define N(a) (sizeof(a) / sizeof(a)[0])
#define S NILO_IMPORT_SINGER
#define A NILO_IMPORT_AIRBYTE
#define SCHEMA "{\"type\":\"SCHEMA\",\"stream\":\"s\",\"schema\":{},\"key_properties\":[\"id\"]}\n"
#define RECORD(members) "{\"type\":\"RECORD\",\"stream\":\"s\",\"record\":{" members "}}\n"
#define AB(members) "{\"type\":\"RECORD\",\"record\":{\"stream\":\"s\",\"emitted_at\":1735732800123,\"data\":{" members "}}}\n"
#define STATE(value) "{\"type\":\"STATE\",\"value\":" value "}\n"
#define GOOD "\"id\":\"a\",\"d\":\"2025-01-01\",\"v\":5"
#define A5 "a day 2025-01-01 at - views=5\n"
#define ONE .streams = {{.stream = "s", .map = "external_id=id,day=d,views=v"}}

struct tap_case {
    const char *name;
    enum nilo_import_format format; /* A; else Singer's */
    struct nilo_import_stream streams[3];
    const char *input;
    const char *readings, *refused; /* as struct fake_case has them; refused NULL = nothing may be */
    const char *state;              /* what is to be kept; NULL = nothing */
    const char *notes;              /* NULL = none */
    int64_t left_out, not_mapped, merged, lost, configs;
    enum nilo_code code; /* not NILO_OK: it fails so */
    const char *message, *kept_before;
};

static int differs(const char *name, const char *what, const char *got, const char *want)
{
    if (strcmp(got, want != NULL ? want : "") == 0)
        return 0;
    printf("# case \"%s\": %s are\n%s\n# and should be\n%s\n", name, what, got, want != NULL ? want : "");
    return 1;
}

static int counts(const struct tap_case *c, const struct fake_result *r)
{
    const struct {
        const char *what;
        int64_t got, want;
    } rows[] = {{"left out", r->left_out, c->left_out}, {"not mapped", r->not_mapped, c->not_mapped}, {"merged", r->merged, c->merged}, {"lost", r->lost, c->lost},
                {"configurations", r->configs, c->configs}, {"rows", r->rows, r->left_out + r->taken + r->refused_rows + r->not_mapped}};
    int bad = 0;
    for (size_t i = 0; i < N(rows); i++) {
        if (rows[i].got != rows[i].want)
            bad += printf("# case \"%s\": %s %lld, not %lld\n", c->name, rows[i].what, (long long)rows[i].got, (long long)rows[i].want) > 0;
    }
    return bad;
}

static int run_one(const struct tap_case *c, size_t read_size)
{
    const char *path = nilo_test_path("told");
    struct fake_result r;
    size_t n = 0;
    int bad = 0;
    nilo_test_write(path, c->input, strlen(c->input));
    while (n < N(c->streams) && c->streams[n].stream != NULL)
        n++;
    const struct nilo_import_options o = {.files = &path, .n_files = 1, .format = c->format == A ? A : S, .streams = c->streams, .n_streams = n, .state = c->kept_before,
                                          .now = INT64_C(1735819200000000), .catalog = &fake_catalog, .tmp_dir = nilo_test_tmp(), .read_size = read_size};
    fake_import(&o, &r);
    if (c->code != NILO_OK) {
        if (r.rc == 0 || r.err.code != c->code || strstr(r.err.msg, c->message) == NULL)
            bad = printf("# case \"%s\": %s\n# and should be %s\n", c->name, r.rc == 0 ? "succeeds" : r.err.msg, c->message) > 0;
        bad += differs(c->name, "readings", nilo_buf_str(&r.readings), "");
    } else if (r.rc != 0) {
        bad = printf("# case \"%s\": fails: %s\n", c->name, r.err.msg) > 0;
    } else {
        bad = differs(c->name, "readings", nilo_buf_str(&r.readings), c->readings) + differs(c->name, "refusals", nilo_buf_str(&r.refused), c->refused) +
              differs(c->name, "states", nilo_buf_str(&r.state), c->state) + differs(c->name, "notes", nilo_buf_str(&r.notes), c->notes) + counts(c, &r);
    }
    fake_done(&r);
    return bad;
}

static void run_all(const struct tap_case *cases, size_t n)
{
    static const size_t sizes[] = {0, 1, 7};
    int bad = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < N(sizes); k++)
            bad += run_one(&cases[i], sizes[k]);
    }
    assert_int_equal(bad, 0);
}
#define RUN(cases) run_all((cases), N(cases))

static void messages_of_singer(void **state)
{
    (void)state;
    static const struct tap_case cases[] = {
        {.name = "schema, record, state", ONE, .input = SCHEMA RECORD(GOOD) STATE("{\"a\": [1,  2]}"), .readings = A5, .state = "{\"a\": [1,  2]}"},
        {.name = "words in any case, members in any order", ONE,
         .input = "{\"schema\":{},\"type\":\"Schema\",\"key_properties\":[],\"stream\":\"s\"}\n{\"record\":{" GOOD "},\"stream\":\"s\",\"version\":1,\"type\":\"record\"}\n",
         .readings = A5},
        {.name = "what says nothing about numbers", ONE,
         .input = SCHEMA "{\"type\":\"ACTIVATE_VERSION\",\"stream\":\"s\",\"version\":3}\n{\"type\":\"whatever comes\"}\n" RECORD(GOOD) "\n  \n", .readings = A5},
        {.name = "the last state counts", ONE, .input = SCHEMA STATE("1") RECORD(GOOD) STATE("{}") STATE("\"x\""), .readings = A5, .state = "\"x\""},
        {.name = "nothing but a state", ONE, .input = STATE("{\"b\":1}"), .readings = "", .state = "{\"b\":1}"},
        {.name = "a stream that nothing maps", ONE, .input = SCHEMA RECORD(GOOD) "{\"type\":\"RECORD\",\"stream\":\"other\",\"record\":{}}\n", .readings = A5, .notes = "left other 1\n"},
        {.name = "only such streams", ONE, .input = "{\"type\":\"RECORD\",\"stream\":\"x\",\"record\":{}}\n", .code = NILO_EUSAGE, .message = "no stream of the input is mapped; they are: x"},
        {.name = "exact beyond 2^53, 1234.0, a number in quotes", ONE,
         .input = SCHEMA RECORD("\"id\":\"a\",\"d\":\"2025-01-01\",\"v\":9007199254740993") RECORD("\"id\":\"b\",\"d\":\"2025-01-01\",\"v\":1234.0")
             RECORD("\"id\":\"c\",\"d\":\"2025-01-01\",\"v\":\"77\""),
         .readings = "a day 2025-01-01 at - views=9007199254740993\nb day 2025-01-01 at - views=1234\nc day 2025-01-01 at - views=77\n"},
        {.name = "null and not there are not reported", ONE, .input = SCHEMA RECORD(GOOD) RECORD("\"id\":\"b\",\"d\":\"2025-01-01\",\"v\":null") RECORD("\"id\":\"c\",\"d\":\"2025-01-01\""),
         .readings = A5 "b day 2025-01-01 at - views=?\nc day 2025-01-01 at - views=?\n"},
        {.name = "when it was read", .streams = {{.stream = "s", .map = "external_id=id,captured_at=@extracted,views=v"}},
         .input = SCHEMA "{\"type\":\"RECORD\",\"stream\":\"s\",\"record\":{\"id\":\"a\",\"v\":1},\"time_extracted\":\"2025-01-01T09:30:00.5+01:00\"}\n",
         .readings = "a day - at 2025-01-01T08:30:00.5+00:00 views=1\n"},
        {.name = "not said when: as old as the file, and never later than now", .streams = {{.stream = "s", .map = "external_id=id,captured_at=@extracted,views=v"}},
         .input = SCHEMA RECORD("\"id\":\"a\",\"v\":1"), .readings = "a day - at 2025-01-02T12:00:00+00:00 views=1\n"},
    };
    RUN(cases);
}

static void what_is_wrong_stays_alone(void **state)
{
    (void)state;
#define REFUSED(what, line) "1 stream s: " what " @ " line "\n"
    static const struct tap_case cases[] = {
        {.name = "a record before its schema", ONE, .input = RECORD(GOOD) SCHEMA RECORD(GOOD), .readings = A5, .refused = REFUSED("not taken: a RECORD before the SCHEMA of its stream", "1")},
        {.name = "a key that is not there, and one that is null", ONE, .input = SCHEMA RECORD("\"d\":\"2025-01-01\",\"v\":5") RECORD(GOOD) RECORD("\"id\":null,\"d\":\"2025-01-01\",\"v\":5"),
         .readings = A5, .refused = "2 stream s: not taken: the record has no id, which is a key of the stream (key_properties) @ 2,4\n"},
        {.name = "half a line at the end", ONE, .input = SCHEMA RECORD(GOOD) STATE("1") "{\"type\":\"RECORD\",\"stream\":\"s\",\"reco", .readings = A5, .state = "1",
         .refused = "1 not one valid JSON object: the string that begins here is not closed (first at column 31) @ 4\n"},
        {.name = "no JSON, no object, no type, no message", ONE, .input = SCHEMA "INFO reading\n" RECORD(GOOD) "[1]\n{}\n{\"type\":\"RECORD\",\"record\":{}}\n{\"type\":\"STATE\"}\n" STATE("2"), .readings = A5,
         .state = "2", .lost = 5,
         .refused = "1 not one valid JSON object: expected a value, found 'I' (first at column 1) @ 2\n1 not one valid JSON object: not an object @ 4\n"
                    "1 not taken: an object without a type: no message of a tap @ 5\n1 not taken: a RECORD without stream @ 6\n1 not taken: a STATE without value @ 7\n"},
        {.name = "a batch", ONE, .input = SCHEMA "{\"type\":\"BATCH\",\"stream\":\"s\"}\n" RECORD(GOOD), .readings = A5,
         .refused = "1 not taken: a BATCH, whose records are in files of their own: have the tap send records (without batch_config) @ 2\n"},
        {.name = "text for a number, a list, a fraction, far too much", ONE,
         .input = SCHEMA RECORD("\"id\":\"a\",\"d\":\"2025-01-01\",\"v\":\"12,345\"") RECORD("\"id\":\"b\",\"d\":\"2025-01-01\",\"v\":[1]") RECORD("\"id\":\"c\",\"d\":\"2025-01-01\",\"v\":1.5")
             RECORD("\"id\":\"d\",\"d\":\"2025-01-01\",\"v\":1e400") RECORD(GOOD),
         .readings = A5,
         .refused = "2 stream s: views (column v): not a number (\"12,345\") @ 2,3\n1 stream s: views (column v): more decimal places than the metric has (\"1.5\") @ 4\n"
                    "1 stream s: views (column v): a number out of range (\"1e400\") @ 5\n"},
        {.name = "no date", ONE, .input = SCHEMA RECORD("\"id\":\"a\",\"d\":\"yesterday\",\"v\":1") RECORD(GOOD), .readings = A5, .refused = REFUSED("day (column d): not a date (\"yesterday\")", "2")},
        {.name = "what the record does not take", ONE, .input = SCHEMA RECORD("\"id\":\"future\",\"d\":\"2025-01-01\",\"v\":1") RECORD(GOOD) STATE("1"), .readings = A5, .state = "1", .lost = 1,
         .refused = REFUSED("not recorded: captured_at is in the future", "2")},
        {.name = "refused behind the last state: it is told again", ONE, .input = SCHEMA STATE("1") RECORD("\"id\":\"future\",\"d\":\"2025-01-01\",\"v\":1") RECORD("\"id\":\"x\",\"v\":1"), .readings = "",
         .state = "1", .refused = "1 stream s: neither captured_at nor day @ 4\n1 stream s: not recorded: captured_at is in the future @ 3\n"},
        {.name = "a record that is no object, twice the same key", ONE, .input = SCHEMA "{\"type\":\"RECORD\",\"stream\":\"s\",\"record\":7}\n" RECORD("\"id\":\"a\",\"id\":\"b\"") RECORD(GOOD), .readings = A5,
         .refused = "1 stream s: not taken: not an object @ 2\n1 not one valid JSON object: the member \"id\" is given twice (first at column 50) @ 3\n"},
        {.name = "the schema does not know what is mapped", ONE,
         .input = "{\"type\":\"SCHEMA\",\"stream\":\"s\",\"schema\":{\"properties\":{\"id\":{},\"d\":{},\"views\":{}}},\"key_properties\":[]}\n" RECORD(GOOD), .code = NILO_ECOLUMN,
         .message = "the SCHEMA of the stream s has no property v; its properties are: id, d, views"},
        {.name = "no record has what is mapped", .streams = {{.stream = "s", .map = "external_id=id,day=d,views=x"}}, .input = SCHEMA RECORD(GOOD), .code = NILO_ECOLUMN,
         .message = "the stream s: no record has what is mapped to a metric; the keys of its records are: id, d, v"},
    };
    RUN(cases);
}

static void messages_of_airbyte(void **state)
{
    (void)state;
#define OF_STREAM(name, value) "{\"type\":\"STREAM\",\"stream\":{\"stream_descriptor\":{\"name\":\"" name "\"},\"stream_state\":" value "}}"
#define AB_STATE(text) "{\"type\":\"STATE\",\"state\":" text "}\n"
    static const struct tap_case cases[] = {
        {.name = "records and a state", A, ONE, .input = AB(GOOD) AB_STATE(OF_STREAM("s", "{\"c\":1}")), .readings = A5, .state = "[" OF_STREAM("s", "{\"c\":1}") "]"},
        {.name = "emitted at", A, .streams = {{.stream = "s", .map = "external_id=id,captured_at=@extracted,views=v"}}, .input = AB(GOOD), .readings = "a day - at 2025-01-01T12:00:00.123+00:00 views=5\n"},
        {.name = "the newest state of each stream, those of other streams as they were kept", A, ONE, .kept_before = "[" OF_STREAM("s", "1") "," OF_STREAM("t", "2") "]",
         .input = AB_STATE(OF_STREAM("u", "3")) AB_STATE(OF_STREAM("s", "4")) AB_STATE(OF_STREAM("u", "5")), .readings = "",
         .state = "[" OF_STREAM("s", "4") "," OF_STREAM("t", "2") "," OF_STREAM("u", "5") "]"},
        {.name = "one about all streams", A, ONE, .kept_before = "[" OF_STREAM("s", "1") "]", .input = AB_STATE("{\"type\":\"GLOBAL\",\"global\":{\"x\":1}}"), .readings = "",
         .state = "[{\"type\":\"GLOBAL\",\"global\":{\"x\":1}}]"},
        {.name = "of the first kind", A, ONE, .input = AB_STATE("{\"data\":{\"s\":1}}") AB_STATE("{\"type\":\"LEGACY\",\"data\":{\"s\":2}}"), .readings = "", .state = "{\"s\":2}"},
        {.name = "none came: what is kept stays", A, ONE, .kept_before = "[" OF_STREAM("s", "1") "]", .input = AB(GOOD), .readings = A5},
        {.name = "logs, traces, catalogues", A, ONE,
         .input = "{\"type\":\"LOG\",\"log\":{\"level\":\"ERROR\",\"message\":\"a token\"}}\n{\"type\":\"TRACE\",\"trace\":{\"type\":\"STREAM_STATUS\",\"stream_status\":{\"status\":\"COMPLETE\"}}}\n"
                  "{\"type\":\"SPEC\",\"spec\":{}}\n{\"type\":\"CATALOG\",\"catalog\":{\"streams\":[]}}\n{\"type\":\"CONNECTION_STATUS\",\"connectionStatus\":{\"status\":\"SUCCEEDED\"}}\n" AB(GOOD),
         .readings = A5},
        {.name = "what the source says went wrong", A, ONE,
         .input = AB(GOOD) "{\"type\":\"TRACE\",\"trace\":{\"type\":\"ERROR\",\"error\":{\"message\":\"the account is closed\",\"stack_trace\":\"a secret\"}}}\n"
                  "{\"type\":\"CONNECTION_STATUS\",\"connectionStatus\":{\"status\":\"FAILED\",\"message\":\"no rights\"}}\n",
         .readings = A5, .notes = "the account is closed\nno rights\n"},
        {.name = "a new configuration that nobody wants", A, ONE, .input = "{\"type\":\"CONTROL\",\"control\":{\"type\":\"CONNECTOR_CONFIG\",\"connectorConfig\":{\"config\":{\"t\":\"secret\"}}}}\n" AB(GOOD),
         .readings = A5, .configs = 1},
        {.name = "a new configuration that is none", A, ONE, .input = AB(GOOD) "{\"type\":\"CONTROL\",\"control\":{\"connectorConfig\":{\"config\":\"x\"}}}\n", .readings = A5,
         .refused = "1 not taken: a CONTROL whose config is no object @ 2\n"},
        {.name = "what is wrong", A, ONE, .input = AB(GOOD) "{\"type\":\"RECORD\"}\n{\"type\":\"RECORD\",\"record\":{\"stream\":\"s\"}}\n{\"type\":\"STATE\",\"state\":{\"type\":\"STREAM\"}}\n", .readings = A5,
         .refused = "1 not taken: a RECORD without record @ 2\n1 not taken: a RECORD without data @ 3\n1 not taken: a STATE of a stream without stream @ 4\n"},
    };
    RUN(cases);
}

static void records_are_mapped_in_every_form(void **state)
{
    (void)state;
    static const struct tap_case cases[] = {
        {.name = "paths through objects and lists", A, .streams = {{.stream = "s", .map = "external_id=x.id,day=l.1.d,views=l.1.n.0,title=l.0"}},
         .input = AB("\"x\":{\"id\":\"a\"},\"l\":[\"T\",{\"d\":\"2025-01-01\",\"n\":[5,6]},[]]"), .readings = "a day 2025-01-01 at - views=5 | title=T\n"},
        {.name = "one metric a record", A, .streams = {{.stream = "s", .map = "external_id=id,day=d,metric_name=m,metric_value=v", .names = "views=seen, likes=hearts:*10"}},
         .input = AB("\"id\":\"a\",\"d\":\"2025-01-01\",\"m\":\"seen\",\"v\":5") AB("\"id\":\"a\",\"d\":\"2025-01-01\",\"m\":\"hearts\",\"v\":2") AB("\"id\":\"a\",\"d\":\"2025-01-01\",\"m\":\"reach\",\"v\":2")
             AB("\"id\":\"b\",\"d\":\"2025-01-01\",\"m\":\"seen\",\"v\":null"),
         .readings = "a day 2025-01-01 at - views=5\na day 2025-01-01 at - likes=20\nb day 2025-01-01 at - views=?\n", .not_mapped = 1, .merged = 1},
        {.name = "a reading for each element", A, .streams = {{.stream = "s", .each = "values", .window_days = 1, .map = "external_id=id:{}/insights,day=values.end:-1,views=values.value"}},
         .input = AB("\"values\":[{\"value\":1,\"end\":\"2025-01-02T08:00:00+0000\"},{\"value\":2,\"end\":\"2025-01-03T08:00:00+0000\"},{\"end\":\"2025-01-04\"}],\"id\":\"p_1/insights/x\"") AB("\"values\":[],\"id\":\"q/insights\"")
             AB("\"id\":\"r/insights\"") AB("\"id\":\"none\",\"values\":[{\"value\":1,\"end\":\"2025-01-02\"}]"),
         .readings = "p_1 win 1 day 2025-01-01 at - views=1\np_1 win 1 day 2025-01-02 at - views=2\np_1 win 1 day 2025-01-03 at - views=?\n", .left_out = 1,
         .refused = "1 stream s: external_id (column id): not of the form that is mapped (\"none\") @ 4\n"},
        {.name = "elements that are numbers, where", A, .streams = {{.stream = "s", .each = "v", .where = "k=yes", .map = "external_id=id,day=d,views=v"}},
         .input = AB("\"id\":\"a\",\"d\":\"2025-01-01\",\"v\":[7],\"k\":\"yes\"") AB("\"id\":\"b\",\"d\":\"2025-01-01\",\"v\":[7,8],\"k\":\"no\""), .readings = "a day 2025-01-01 at - views=7\n", .left_out = 2},
        {.name = "accounts and the app", A,
         .streams = {{.stream = "s", .kind = NILO_ACCOUNT, .map = "external_id=id,day=d,views=v"}, {.stream = "app_*", .kind = NILO_APP, .map = "day=d,net=v"}},
         .input = AB(GOOD) "{\"type\":\"RECORD\",\"record\":{\"stream\":\"app_days\",\"data\":{\"d\":\"2025-01-01\",\"v\":-3}}}\n",
         .readings = "a kind account day 2025-01-01 at - views=5\n$app kind app day 2025-01-01 at - net=-3\n"},
        {.name = "the first stream that fits", A, .streams = {{.stream = "s*t", .map = "external_id=id,day=d,likes=v"}, {.stream = "*", .map = "external_id=id,day=d,views=v"}}, .input = AB(GOOD), .readings = A5},
        {.name = "a factor is exact where it can be, and rounded", A, .streams = {{.stream = "s", .map = "external_id=id,day=d,views=v:*60000,gmv=g:*1"}},
         .input = AB("\"id\":\"a\",\"d\":\"2025-01-01\",\"v\":1.5,\"g\":12.345") AB("\"id\":\"b\",\"d\":\"2025-01-01\",\"v\":0.000008333") AB("\"id\":\"c\",\"d\":\"2025-01-01\",\"v\":100000000000.5")
             AB("\"id\":\"d\",\"d\":\"2025-01-01\",\"v\":1000000000000000"),
         .readings = "a day 2025-01-01 at - views=90000 gmv=12.34\nb day 2025-01-01 at - views=0 gmv=?\nc day 2025-01-01 at - views=6000000000030000 gmv=?\n",
         .refused = "1 stream s: views (column v): a number out of range (\"1000000000000000\") @ 4\n"},
    };
    RUN(cases);
}

static void parts_are_added_up(void **state)
{
    (void)state;
#define SUM .streams = {{.stream = "s", .sum = true, .window_days = 1, .map = "external_id=id,day=d,views=v,likes=l"}}
#define PART(country, v, l) RECORD("\"id\":\"a\",\"d\":\"2025-01-01\",\"c\":\"" country "\",\"v\":" v ",\"l\":" l)
#define KEYED "{\"type\":\"SCHEMA\",\"stream\":\"s\",\"schema\":{},\"key_properties\":[\"id\",\"d\",\"c\"]}\n"
    static const struct tap_case cases[] = {
        {.name = "by country", SUM, .input = KEYED PART("DE", "5", "null") PART("FR", "7", "1") RECORD("\"id\":\"b\",\"d\":\"2025-01-01\",\"c\":\"FR\",\"v\":1,\"l\":0") STATE("1"), .state = "1", .merged = 1,
         .readings = "a win 1 day 2025-01-01 at - views=12 likes=1\nb win 1 day 2025-01-01 at - views=1 likes=0\n"},
        {.name = "a part that comes again takes the place of the first", SUM, .input = KEYED PART("DE", "5", "1") PART("FR", "7", "1") PART("DE", "6", "1") STATE("1"), .state = "1", .merged = 2,
         .readings = "a win 1 day 2025-01-01 at - views=13 likes=2\n"},
        {.name = "no sum of what the tap had not finished", SUM, .input = KEYED PART("DE", "5", "1") STATE("1") PART("FR", "7", "1"), .state = "1", .readings = "a win 1 day 2025-01-01 at - views=5 likes=1\n",
         .refused = "1 stream s: not taken: no STATE came behind it: a sum is taken only of records that the tap has finished @ 4\n"},
        {.name = "nor of what lacks a part", SUM, .input = KEYED PART("DE", "5", "1") PART("FR", "x", "1") "\n" PART("IT", "\"x\"", "1") STATE("1"), .state = "1", .lost = 3, .readings = "",
         .refused = "1 not one valid JSON object: expected a value, found 'x' (first at column 80) @ 3\n1 stream s: views (column v): not a number (\"x\") @ 5\n"
                    "1 stream s: not taken: other records of the stream were refused, and a sum lacks nothing @ 2\n"},
        {.name = "nor where a line is broken", SUM, .input = KEYED PART("DE", "5", "1") "{\"type\":\"REC\n" STATE("1"), .state = "1", .lost = 2, .readings = "",
         .refused = "1 not one valid JSON object: the string that begins here is not closed (first at column 9) @ 3\n"
                    "1 stream s: not taken: other records of the stream were refused, and a sum lacks nothing @ 2\n"},
        {.name = "too much", SUM, .input = KEYED PART("DE", "9223372036854775807", "1") PART("FR", "1", "1") STATE("1"), .state = "1", .lost = 1, .readings = "", .merged = 1,
         .refused = "1 stream s: not taken: the sum is out of range @ 2\n"},
        {.name = "nothing says what comes again", SUM, .input = "{\"type\":\"SCHEMA\",\"stream\":\"s\",\"schema\":{}}\n" PART("DE", "5", "1"), .code = NILO_EUSAGE,
         .message = "neither its SCHEMA (key_properties) nor keys says by what one that comes twice is known"},
        {.name = "keys of the mapping", A, .streams = {{.stream = "s", .sum = true, .keys = "id, c", .map = "external_id=id,day=d,views=v"}},
         .input = AB(GOOD ",\"c\":1") AB(GOOD ",\"c\":2") AB(GOOD ",\"c\":1") AB_STATE("{\"data\":{}}"), .state = "{}", .merged = 2, .readings = "a day 2025-01-01 at - views=10\n"},
    };
    RUN(cases);
}

static void a_wrong_mapping_is_one_sentence(void **state)
{
    (void)state;
#define WRONG(what, ...) {.name = what, .format = A, .streams = {{.stream = "s", .place = "c.yaml:7: taps[0]", __VA_ARGS__}}, .input = AB(GOOD), .code = NILO_EUSAGE, .message = what}
    static const struct tap_case cases[] = {
        WRONG("c.yaml:7: taps[0]: map: there is no field or metric viewz; did you mean views?", .map = "external_id=id,day=d,viewz=v"),
        WRONG("c.yaml:7: taps[0]: map names no column for captured_at or day", .map = "external_id=id,views=v"),
        WRONG("metric_name and metric_value go together", .map = "external_id=id,day=d,metric_value=v", .names = "views=x"),
        WRONG("names has to say what metric_name means", .map = "external_id=id,day=d,metric_value=v,metric_name=m"),
        WRONG("names goes with metric_name", .map = "external_id=id,day=d,views=v", .names = "views=x"),
        WRONG("\"views\" is not METRIC=NAME", .map = "external_id=id,day=d,metric_value=v,metric_name=m", .names = "views"),
        WRONG("day is no metric", .map = "external_id=id,day=d,metric_value=v,metric_name=m", .names = "day=x"),
        WRONG("ctr is no count, so it cannot be added up", .map = "external_id=id,day=d,ctr=v", .sum = true),
        WRONG("map: title takes no pattern (\"*2\")", .map = "external_id=id,day=d,views=v,title=t:*2"),
        {.name = "a factor", .format = A, .streams = {{.stream = "s", .map = "external_id=id,day=d,views=v:*1.5"}}, .input = AB(GOOD), .code = NILO_EINVAL,
         .message = "--map: the pattern of views: \"*1.5\" is not * and a whole number"},
    };
    RUN(cases);
}

/* The line may be as long as a row; a longer one is refused with its number. */
static void huge_lines(void **state)
{
    (void)state;
    static const char before[] = SCHEMA "{\"type\":\"RECORD\",\"stream\":\"s\",\"record\":{" GOOD ",\"x\":\"", behind[] = "\"}}\n" RECORD("\"id\":\"b\",\"d\":\"2025-01-01\",\"v\":6");
    const size_t line = sizeof before - sizeof SCHEMA + 3; /* without the filling and the line's end */
    for (int over = 0; over <= 1; over++) {
        size_t filling = NILO_IMPORT_ROW_MAX - line + (size_t)over;
        struct nilo_buf b;
        nilo_buf_init(&b, SIZE_MAX);
        nilo_buf_adds(&b, before);
        memset(nilo_buf_room(&b, filling), 'x', filling);
        b.len += filling;
        nilo_buf_adds(&b, behind);
        const struct tap_case c = {.name = over ? "one byte too much" : "as long as may be", ONE, .input = nilo_buf_str(&b),
                                   .readings = over ? "b day 2025-01-01 at - views=6\n" : A5 "b day 2025-01-01 at - views=6\n",
                                   .refused = over ? "1 the row is larger than 16 MiB or has more than 4096 cells @ 2\n" : NULL};
        assert_int_equal(run_one(&c, 0), 0);
        nilo_buf_done(&b);
    }
}

/* Every line cut off at every byte, and every byte put to something else: no more than that line is lost, and a state only where its line is whole. */
static void damage_stays_in_its_line(void **state)
{
    (void)state;
    static const char good[] = SCHEMA RECORD(GOOD) RECORD("\"id\":\"b\",\"d\":\"2025-01-02\",\"v\":6") STATE("{\"k\":\"v\"}");
    static const char others[] = {'\0', '"', '{', '}', '\\', ',', '9', '\n', (char)0xff};
    static const struct nilo_import_stream stream = {.stream = "s", .map = "external_id=id,day=d,views=v"};
    const char *path = nilo_test_path("damaged");
    char text[sizeof good];
    int whole = 0;
    for (size_t at = 0; at < sizeof good - 1; at++) {
        for (size_t k = 0; k <= N(others); k++) {
            size_t len = k < N(others) ? sizeof good - 1 : at;
            memcpy(text, good, sizeof good);
            if (k < N(others))
                text[at] = others[k];
            if (len == 0)
                continue;
            nilo_test_write(path, text, len);
            const struct nilo_import_options o = {.files = &path, .n_files = 1, .format = S, .streams = &stream, .n_streams = 1, .catalog = &fake_catalog, .tmp_dir = nilo_test_tmp()};
            struct fake_result r;
            fake_import(&o, &r);
            bool behind = at >= strlen(SCHEMA RECORD(GOOD)); /* the first record stands before it */
            if (r.rc == 0 && behind && strstr(nilo_buf_str(&r.readings), A5) == NULL)
                fail_msg("byte %zu, %zu: %s", at, k, nilo_buf_str(&r.readings));
            if (r.rc == 0 && r.state.len > 0 && len < sizeof good - 2)
                fail_msg("byte %zu: a state of a line that is not whole: %s", at, nilo_buf_str(&r.state));
            if (r.rc != 0 && (r.err.msg[0] == '\0' || strchr(r.err.msg, '\n') != NULL))
                fail_msg("byte %zu, %zu: %s", at, k, r.err.msg);
            whole += r.rc == 0 && r.state.len > 0 && r.refused_rows == 0;
            fake_done(&r);
        }
    }
    assert_true(whole > 100); /* bytes that are content */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_singer),       cmocka_unit_test(what_is_wrong_stays_alone),      cmocka_unit_test(messages_of_airbyte),
        cmocka_unit_test(records_are_mapped_in_every_form), cmocka_unit_test(parts_are_added_up),     cmocka_unit_test(a_wrong_mapping_is_one_sentence),
        cmocka_unit_test(huge_lines),               cmocka_unit_test(damage_stays_in_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
