/* Rows into readings: what is taken, what is refused and why, and what fails as a whole. */
#include "support/nilo_test.h"

#include "import/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/tmp.h"

#define RUN(cases) fake_run_all((cases), sizeof(cases) / sizeof((cases)[0]))
#define MAP "external_id=id,day=d,views=v"

static void rows_become_readings(void **state)
{
    (void)state;
    static const struct fake_case cases[] = {
        {.name = "plain", .map = MAP, .input = "id,d,v\na,2025-01-01,5\n", .readings = "a day 2025-01-01 at - views=5\n"},
        {.name = "no line end at the end", .map = MAP, .input = "id,d,v\na,2025-01-01,5", .readings = "a day 2025-01-01 at - views=5\n"},
        {.name = "CRLF mixed with LF", .map = MAP, .input = "id,d,v\na,2025-01-01,5\r\nb,2025-01-01,6\nc,2025-01-01,7\r\n",
         .readings = "a day 2025-01-01 at - views=5\nb day 2025-01-01 at - views=6\nc day 2025-01-01 at - views=7\n"},
        {.name = "header LF, rows CRLF", .map = MAP, .input = "id,d,v\r\na,2025-01-01,5\nb,2025-01-01,6",
         .readings = "a day 2025-01-01 at - views=5\nb day 2025-01-01 at - views=6\n"},
        {.name = "CR only", .map = MAP, .input = "id,d,v\ra,2025-01-01,5\r\rb,2025-01-01,6\r",
         .readings = "a day 2025-01-01 at - views=5\nb day 2025-01-01 at - views=6\n"},
        {.name = "a stray CR is content where LF ends rows", .map = MAP ",title=t", .input = "id,d,v,t\na,2025-01-01,5,x\ry\n",
         .readings = "a day 2025-01-01 at - views=5 | title=x\ry\n"},
        {.name = "BOM", .map = MAP, .input = "\xef\xbb\xbfid,d,v\na,2025-01-01,5\n", .readings = "a day 2025-01-01 at - views=5\n"},
        {.name = "BOM before a quoted name", .map = MAP, .input = "\xef\xbb\xbf\"id\",d,v\na,2025-01-01,5\n",
         .readings = "a day 2025-01-01 at - views=5\n"},
        {.name = "half a BOM is content", .map = "external_id=\xef\xbb,day=d,views=v", .input = "\xef\xbb,d,v\na,2025-01-01,5\n",
         .code = NILO_ECORRUPT, .message = "the name of column 1 is no UTF-8 text"},
        {.name = "quoted newline", .map = MAP ",title=t", .input = "id,d,v,t\na,2025-01-01,5,\"x\ny\r\nz\"\nb,2025-01-01,6,q\n",
         .readings = "a day 2025-01-01 at - views=5 | title=x\ny\r\nz\nb day 2025-01-01 at - views=6 | title=q\n"},
        {.name = "quotes, commas, empty quotes", .map = MAP ",title=t", .input = "id,d,v,t\n\"a\",\"2025-01-01\",\"5\",\"x, \"\"y\"\"\"\nb,2025-01-01,\"\",\"\"\n",
         .readings = "a day 2025-01-01 at - views=5 | title=x, \"y\"\nb day 2025-01-01 at - views=?\n"},
        {.name = "text behind a closing quote belongs to the cell", .map = MAP ",title=t", .input = "id,d,v,t\na,2025-01-01,5,\"x\"|\"y\"|z\nb,2025-01-01,6,5\" nail\n",
         .readings = "a day 2025-01-01 at - views=5 | title=x|\"y\"|z\nb day 2025-01-01 at - views=6 | title=5\" nail\n"},
        {.name = "empty lines are no rows", .map = MAP, .input = "\n\r\nid,d,v\n\n\na,2025-01-01,5\n\r\n\n", .readings = "a day 2025-01-01 at - views=5\n"},
        {.name = "blanks around names of columns", .map = MAP, .input = " id , d,v \na,2025-01-01,5\n", .readings = "a day 2025-01-01 at - views=5\n"},
        {.name = "a column mapped twice", .map = "external_id=id,day=d,captured_at=d,views=v", .input = "id,d,v\na,2026-01-16T00:47:13Z,5\n",
         .readings = "a day 2026-01-16 at 2026-01-16T00:47:13+00:00 views=5\n"},
        {.name = "empty cells are not reported, never 0", .map = MAP ",likes=l,owner=o,title=t,url=u,posted_at=p,media_type=m,window_days=w,tag.x=x",
         .input = "id,d,v,l,o,t,u,p,m,w,x\na,2025-01-01,,0,,,,,,,\nb,2025-01-01, ,\t,,,,,,,\n",
         .readings = "a day 2025-01-01 at - views=? likes=0\nb day 2025-01-01 at - views=? likes=?\n"},
        {.name = "every field", .map = MAP ",owner=o,title=t,url=u,posted_at=p,media_type=m,window_days=w,tag.x=x,tag.y=y",
         .input = "id,d,v,o,t,u,p,m,w,x,y\na,2025-01-01,1,ann,T ,http://x,2024-12-31T10:00:00+02:00,video,30,\"q\"\"q\",\xc3\xa4\n",
         .readings = "a win 30 day 2025-01-01 at - views=1 owner=ann | title=T  url=http://x type=video "
                     "tags={\"x\":\"q\\\"q\",\"y\":\"\xc3\xa4\"} posted 2024-12-31T08:00:00+00:00\n"},
        {.name = "falling counters stay as they are", .map = MAP, .input = "id,d,v\na,2025-01-01,9\na,2025-01-02,3\na,2025-01-03,-4\n",
         .readings = "a day 2025-01-01 at - views=9\na day 2025-01-02 at - views=3\na day 2025-01-03 at - views=-4\n"},
        {.name = "several readings a day", .map = "external_id=id,captured_at=c,views=v",
         .input = "id,c,v\na,2025-01-01T12:00:00Z,9\na,2025-01-01T06:00:00Z,3\n",
         .readings = "a day - at 2025-01-01T06:00:00+00:00 views=3\na day - at 2025-01-01T12:00:00+00:00 views=9\n"},
        {.name = "without --map", .input = "external_id,day,views,other,likes,tag.kind,title\na,2025-01-01,5,x,6,k,t\n",
         .readings = "a day 2025-01-01 at - views=5 likes=6 | title=t tags={\"kind\":\"k\"}\n"},
        {.name = "a metric of one's own, negative", .map = MAP ",net=n", .input = "id,d,v,n\na,2025-01-01,5,-12\n",
         .readings = "a day 2025-01-01 at - views=5 net=-12\n"},
    };
    RUN(cases);
}

static void numbers_are_exact_or_refused(void **state)
{
    (void)state;
#define N(text, shown) {.name = "number " text, .map = MAP, .input = "id,d,v\na,2025-01-01," text "\n", .readings = "a day 2025-01-01 at - views=" shown "\n"}
#define BAD(text, why, kept) {.name = "number " text, .map = MAP, .input = "id,d,v\na,2025-01-01," text "\n", .readings = "", .refused = "1 views (column v): " why " @ 2\n"}
    static const struct fake_case cases[] = {
        N("0", "0"), N("-0", "0"), N("+5", "5"), N(" 7 ", "7"), N("\t7\t", "7"), N("\" 7 \"", "7"), N("1234.0", "1234"), N("1234.", "1234"),
        N("007", "7"), N("1e3", "1000"), N("1.5E1", "15"), N("9223372036854775807", "9223372036854775807"),
        N("-9223372036854775808", "-9223372036854775808"), N("9007199254740993", "9007199254740993"), N("9223372036854775807.000", "9223372036854775807"),
        BAD("9223372036854775808", "a number out of range (\"9223372036854775808\")", ),
        BAD("-9223372036854775809", "a number out of range (\"-9223372036854775809\")", ),
        BAD("1e400", "a number out of range (\"1e400\")", ),
        BAD("\"12,345\"", "not a number (\"12,345\")", ),
        BAD("12 345", "not a number (\"12 345\")", ),
        BAD("1234.5", "more decimal places than the metric has (\"1234.5\")", ),
        BAD("NaN", "not a number (\"NaN\")", ), BAD("N/A", "not a number (\"N/A\")", ), BAD("0x10", "not a number (\"0x10\")", ),
        BAD("--5", "not a number (\"--5\")", ), BAD("5K", "not a number (\"5K\")", ), BAD("\xc2\xa0" "5", "not a number (\"\xc2\xa0" "5\")", ),
        {.name = "money has two places", .map = "external_id=id,day=d,gmv=v", .input = "id,d,v\na,2025-01-01,12.34\nb,2025-01-01,12.345\n",
         .readings = "a day 2025-01-01 at - gmv=12.34\n",
         .refused = "1 gmv (column v): more decimal places than the metric has (\"12.345\") @ 3\n"},
        {.name = "rates are rounded", .map = "external_id=id,day=d,ctr=v", .input = "id,d,v\na,2025-01-01,0.30000000000000004\n",
         .readings = "a day 2025-01-01 at - ctr=0.3\n"},
        {.name = "--absent", .map = MAP ",likes=l,title=t", .absent = "-1, N/A", .input = "id,d,v,l,t\na,2025-01-01,-1,N/A,N/A\nb,2025-01-01, -1 ,-10,x\n",
         .readings = "a day 2025-01-01 at - views=? likes=?\nb day 2025-01-01 at - views=? likes=-10 | title=x\n"},
    };
#undef N
#undef BAD
    RUN(cases);
}

static void dates_are_read_in_every_spelling(void **state)
{
    (void)state;
#define C "external_id=id,captured_at=c,views=v"
    static const struct fake_case cases[] = {
        {.name = "ISO spellings", .map = C,
         .input = "id,c,v\na,2025-12-09 16:01:28+00:00,1\nb,2026-01-16T00:47:13Z,1\nc,2025-12-10 05:38:04.573600+00:00,1\n"
                  "d,2025-08-11T14:31:49.166661+0700,1\ne,20250811T143149Z,1\nf,2025-08-11 14:31,1\n",
         .readings = "a day - at 2025-12-09T16:01:28+00:00 views=1\nb day - at 2026-01-16T00:47:13+00:00 views=1\n"
                     "c day - at 2025-12-10T05:38:04.5736+00:00 views=1\nd day - at 2025-08-11T07:31:49.166661+00:00 views=1\n"
                     "e day - at 2025-08-11T14:31:49+00:00 views=1\nf day - at 2025-08-11T14:31:00+00:00 views=1\n"},
        {.name = "captured_at with a date only is a day", .map = C, .input = "id,c,v\na,2025-12-09,1\n", .readings = "a day 2025-12-09 at - views=1\n"},
        {.name = "both given", .map = C ",day=d", .input = "id,c,v,d\na,2025-12-09T01:00:00Z,1,2025-12-08\nb,,1,2025-12-08\nc,2025-12-09T01:00:00Z,1,\n"
                                                          "d,2025-12-09,1,2025-12-08\n",
         .readings = "a day 2025-12-08 at 2025-12-09T01:00:00+00:00 views=1\nb day 2025-12-08 at - views=1\n"
                     "c day - at 2025-12-09T01:00:00+00:00 views=1\nd day 2025-12-08 at 2025-12-09T23:59:59.999999+00:00 views=1\n"},
        {.name = "a pattern", .map = "external_id=id,day=c:%y.%d.%m,views=v", .input = "id,c,v\na,17.14.11,1\n", .readings = "a day 2017-11-14 at - views=1\n"},
        {.name = "a pattern with literals for the year", .map = "external_id=id,day=c:%d.%m.2017,views=v", .input = "id,c,v\na,13.09,1\nb,14.09.2017,1\n",
         .readings = "a day 2017-09-13 at - views=1\nb day 2017-09-14 at - views=1\n"},
        {.name = "a pattern with colons, commas and blanks", .map = "views=v,captured_at=c:%b %d, %Y %H:%M:%S,external_id=id",
         .input = "id,c,v\na,\"Nov 14, 2017 13:05:06\",1\n", .readings = "a day - at 2017-11-14T13:05:06+00:00 views=1\n"},
        {.name = "seconds since 1970", .map = "external_id=id,captured_at=c:%s,views=v", .input = "id,c,v\na,1500000000,1\n",
         .readings = "a day - at 2017-07-14T02:40:00+00:00 views=1\n"},
        {.name = "unreadable", .map = C ",posted_at=p", .input = "id,c,v,p\na,yesterday,1,\nb,2025-02-30,1,\nc,2025-02-28,1,soon\nd,,1,\ne,2025-02-28,1,\n",
         .readings = "e day 2025-02-28 at - views=1\n",
         .refused = "2 captured_at (column c): not a date (\"yesterday\") @ 2,3\n1 posted_at (column p): not a date (\"soon\") @ 4\n1 neither captured_at nor day @ 5\n"},
        {.name = "a pattern that does not match", .map = "external_id=id,day=c:%d.%m.2017,views=v", .input = "id,c,v\na,13.09.2018,1\n", .readings = "",
         .refused = "1 day (column c): not a date (\"13.09.2018\") @ 2\n"},
    };
#undef C
    RUN(cases);
}

static void a_bad_row_is_refused_alone(void **state)
{
    (void)state;
    static const char nul[] = "id,d,v,t\na,2025-01-01,5,x\0y\nb,2025-01-01,5,z\n";
    static const char nul_elsewhere[] = "id,d,v,t\na,2025-01-01,5,x\0y\n";
    static const struct fake_case cases[] = {
        {.name = "too few and too many cells", .map = MAP, .input = "id,d,v\na,2025-01-01\nb,2025-01-01,6\nc,2025-01-01,7,8\n",
         .readings = "b day 2025-01-01 at - views=6\n", .refused = "2 not as many cells as the header has columns @ 2,4\n",
         .kept = "id,d,v\na,2025-01-01\nc,2025-01-01,7,8\n"},
        {.name = "one bad cell refuses the whole row", .map = MAP ",likes=l", .input = "id,d,v,l\na,2025-01-01,5,many\n", .readings = "",
         .refused = "1 likes (column l): not a number (\"many\") @ 2\n", .kept = "id,d,v,l\na,2025-01-01,5,many\n"},
        {.name = "lines behind a quoted newline", .map = MAP, .input = "id,d,v,t\na,2025-01-01,x,\"1\n2\n3\"\nb,2025-01-01,y,\n", .readings = "",
         .refused = "2 views (column v): not a number (\"x\") @ 2,5\n", .kept = "id,d,v,t\na,2025-01-01,x,\"1\n2\n3\"\nb,2025-01-01,y,\n"},
        {.name = "the first five lines", .map = MAP, .input = "id,d,v\n,2025-01-01,1\n,2025-01-01,1\n,2025-01-01,1\n,2025-01-01,1\n,2025-01-01,1\n  ,2025-01-01,1\n",
         .readings = "", .refused = "6 external_id (column id): empty @ 2,3,4,5,6\n"},
        {.name = "bad UTF-8 in a column that counts", .map = MAP ",title=t", .input = "id,d,v,t\na,2025-01-01,5,\xff\xfe\nb,2025-01-01,5,\xed\xa0\x80\nc,2025-01-01,6,\xc3\xbc\n",
         .readings = "c day 2025-01-01 at - views=6 | title=\xc3\xbc\n", .refused = "2 title (column t): no valid UTF-8 (\"??\") @ 2,3\n",
         .kept = "id,d,v,t\na,2025-01-01,5,\xff\xfe\nb,2025-01-01,5,\xed\xa0\x80\n"},
        {.name = "bad UTF-8 in a column that does not count", .map = MAP, .input = "id,d,v,t\na,2025-01-01,5,\xff\xfe\n", .readings = "a day 2025-01-01 at - views=5\n"},
        {.name = "NUL in a column that counts", .map = MAP ",title=t", .bytes = nul, .len = sizeof nul - 1, .readings = "b day 2025-01-01 at - views=5 | title=z\n",
         .refused = "1 title (column t): a NUL byte @ 2\n"},
        {.name = "NUL in a column that does not count", .map = MAP, .bytes = nul_elsewhere, .len = sizeof nul_elsewhere - 1, .readings = "a day 2025-01-01 at - views=5\n"},
        {.name = "windows", .map = MAP ",window_days=w", .input = "id,d,v,w\na,2025-01-01,5,0\na,2025-01-01,5,3660\na,2025-01-01,5,3661\na,2025-01-01,5,-1\na,2025-01-01,5,all\n",
         .readings = "a day 2025-01-01 at - views=5\na win 3660 day 2025-01-01 at - views=5\n",
         .refused = "3 window_days (column w): not a number of days from 0 to 3660 (\"3661\") @ 4,5,6\n"},
        {.name = "what the sink does not take", .map = MAP, .input = "id,d,v\na,2025-01-01,5\nfuture,2125-01-01,6\nb,2025-01-01,x\n",
         .readings = "a day 2025-01-01 at - views=5\n",
         .refused = "1 views (column v): not a number (\"x\") @ 4\n1 not recorded: captured_at is in the future @ 3\n",
         .kept = "id,d,v\nb,2025-01-01,x\nfuture,2125-01-01,6\n"},
        {.name = "examples are cut and cleaned", .map = MAP, .input = "id,d,v\na,2025-01-01,\x1b[31m\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\n",
         .readings = "", .refused = "1 views (column v): not a number (\"?[31m\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4...\") @ 2\n"},
        {.name = "nothing refused, nothing kept", .map = MAP, .input = "id,d,v\na,2025-01-01,5\n", .readings = "a day 2025-01-01 at - views=5\n", .kept = ""},
    };
    RUN(cases);
}

static void where_leaves_rows_out(void **state)
{
    (void)state;
    static const struct fake_case cases[] = {
        {.name = "one condition", .map = MAP, .where = "c=US", .input = "id,d,v,c\na,2025-01-01,5,US\nb,2025-01-01,5,JP\nc,2025-01-01,x,JP\n",
         .readings = "a day 2025-01-01 at - views=5\n"},
        {.name = "empty value", .map = MAP, .where = "c=", .input = "id,d,v,c\na,2025-01-01,5,US\nb,2025-01-01,5,\n", .readings = "b day 2025-01-01 at - views=5\n"},
        {.name = "no such column", .map = MAP, .where = "country=US", .input = "id,d,v,c\na,2025-01-01,5,US\n", .code = NILO_ECOLUMN,
         .message = "has no column country; its columns are: id, d, v, c"},
        {.name = "no such column, by name", .where = "country=US", .input = "external_id,day,views\na,2025-01-01,5\n", .code = NILO_ECOLUMN, .message = "no column country"},
        {.name = "not a condition", .map = MAP, .where = "country", .input = "id,d,v\na,2025-01-01,5\n", .code = NILO_EUSAGE, .message = "--where: \"country\" is not COLUMN=VALUE"},
    };
    RUN(cases);
}

static void ndjson_is_read_line_by_line(void **state)
{
    (void)state;
#define J .ndjson = true
    static const struct fake_case cases[] = {
        {J, .name = "numbers keep their text", .map = MAP, .input = "{\"id\":\"a\",\"d\":\"2025-01-01\",\"v\":9223372036854775807}\r\n\n{\"v\":\"8\",\"d\":\"2025-01-01\",\"id\":12}\n",
         .readings = "12 day 2025-01-01 at - views=8\na day 2025-01-01 at - views=9223372036854775807\n"},
        {J, .name = "null and missing are empty", .map = MAP ",likes=l", .input = "{\"id\":\"a\",\"d\":\"2025-01-01\",\"v\":null,\"l\":1}\n{\"id\":\"b\",\"d\":\"2025-01-01\",\"v\":1}",
         .readings = "a day 2025-01-01 at - views=? likes=1\nb day 2025-01-01 at - views=1 likes=?\n"},
        {J, .name = "paths into objects", .map = "external_id=id,day=d,views=s.n.v,title=s.t,likes=a\\:b", .input = "{\"id\":\"a\",\"d\":\"2025-01-01\",\"s\":{\"n\":{\"v\":5,\"w\":6},\"t\":[1,{\"x\":2}]},\"v\":9,\"a:b\":3}\n",
         .readings = "a day 2025-01-01 at - views=5 likes=3 | title=[1,{\"x\":2}]\n"},
        {J, .name = "escapes, words", .map = MAP ",title=t,tag.live=l", .input = "{\"\\u0069d\":\"a\",\"d\":\"2025-01-01\",\"v\":1.0,\"t\":\"x\\ny\\ud83d\\ude00\",\"l\":true}\n",
         .readings = "a day 2025-01-01 at - views=1 | title=x\ny\xf0\x9f\x98\x80 tags={\"live\":\"true\"}\n"},
        {J, .name = "BOM", .map = MAP, .input = "\xef\xbb\xbf{\"id\":\"a\",\"d\":\"2025-01-01\",\"v\":1}\n", .readings = "a day 2025-01-01 at - views=1\n"},
        {J, .name = "bad lines", .map = MAP, .input = "{\"id\":\"a\"\n[1]\n{\"id\":\"a\",\"id\":\"b\"}\n{\"id\":\"a\",\"d\":\"2025-01-01\",\"v\":1} x\n{\"id\":\"a\",\"d\":\"2025-01-01\",\"v\":1}\n{\"id\":\"b\",\"d\":\"2025-01-01\",\"v\":{}}\n{\"id\":\"b\",\"d\":\"2025-01-01\",\"v\":true}\n{\"identity\":\"a\"\n",
         .readings = "a day 2025-01-01 at - views=1\n", .kept = "{\"id\":\"a\"\n[1]\n{\"id\":\"a\",\"id\":\"b\"}\n{\"id\":\"a\",\"d\":\"2025-01-01\",\"v\":1} x\n{\"id\":\"b\",\"d\":\"2025-01-01\",\"v\":{}}\n{\"id\":\"b\",\"d\":\"2025-01-01\",\"v\":true}\n{\"identity\":\"a\"\n",
         .refused = "2 not one valid JSON object: expected ',' or '}', found the end (first at column 10) @ 1,8\n1 not one valid JSON object: not an object @ 2\n"
                    "1 not one valid JSON object: the member \"id\" is given twice (first at column 11) @ 3\n"
                    "1 not one valid JSON object: expected the end of the text, found 'x' (first at column 35) @ 4\n"
                    "2 views (column v): not a number (\"{}\") @ 6,7\n"},
        {J, .name = "a key that no line has", .map = MAP ",likes=lieks", .input = "{\"id\":\"a\",\"d\":\"2025-01-01\",\"v\":1}\n", .code = NILO_ECOLUMN,
         .message = "no object has a key lieks; the keys are: id, d, v"},
        {J, .name = "without --map", .input = "{\"external_id\":\"a\",\"day\":\"2025-01-01\",\"views\":1,\"junk\":{}}\n{\"external_id\":\"b\",\"day\":\"2025-01-01\",\"likes\":2}\n",
         .readings = "a day 2025-01-01 at - views=1\nb day 2025-01-01 at - likes=2\n"},
        {J, .name = "without --map, no id", .input = "{\"id\":\"a\",\"day\":\"2025-01-01\",\"views\":1}\n", .code = NILO_ECOLUMN, .message = "no object has a key that is named like external_id"},
        {J, .name = "where", .map = MAP, .where = "s.c=US", .input = "{\"id\":\"a\",\"d\":\"2025-01-01\",\"v\":1,\"s\":{\"c\":\"US\"}}\n{\"id\":\"b\",\"d\":\"2025-01-01\",\"v\":1}\n",
         .readings = "a day 2025-01-01 at - views=1\n"},
        {J, .name = "only blank lines", .map = MAP, .input = "\n \n", .code = NILO_ENOENT, .message = "holds no rows"},
    };
#undef J
    RUN(cases);
}

static void a_wrong_map_is_one_sentence(void **state)
{
    (void)state;
#define WRONG(map_, code_, message_) {.name = map_, .map = map_, .input = "id,d,v,l\na,2025-01-01,5,6\n", .code = code_, .message = message_}
    static const struct fake_case cases[] = {
        WRONG("day=d,views=v", NILO_EUSAGE, "no column for external_id"),
        WRONG("external_id=id,views=v", NILO_EUSAGE, "no column for captured_at or day"),
        WRONG("external_id=id,day=d", NILO_EUSAGE, "no column for a metric"),
        WRONG(MAP ",vews=l", NILO_EUSAGE, "there is no field or metric vews; did you mean views?"),
        WRONG(MAP ",externalid=l", NILO_EUSAGE, "did you mean external_id?"),
        WRONG(MAP ",stars=l", NILO_EUSAGE, "no field or metric stars; define a metric of your own with --define stars:count:level"),
        WRONG(MAP ",views=l", NILO_EUSAGE, "names the field views twice"),
        WRONG(MAP ",external_id=l", NILO_EUSAGE, "names the field external_id twice"),
        WRONG(MAP ",tag.a=l,tag.a=v", NILO_EUSAGE, "names the field a twice"),
        WRONG(MAP ",likes=x", NILO_ECOLUMN, "has no column x; its columns are: id, d, v, l"),
        WRONG(MAP ",likes", NILO_ECOLUMN, "has no column v,likes"),
        WRONG("likes", NILO_EUSAGE, "\"likes\" is not FIELD=COLUMN"),
        WRONG("=id", NILO_EUSAGE, "is not FIELD=COLUMN"),
        WRONG(MAP ",likes=", NILO_EUSAGE, "likes= names no column"),
        WRONG(MAP ",likes=l:%d", NILO_EUSAGE, "likes takes no pattern"),
        WRONG("external_id=id,day=d:%Q,views=v", NILO_EINVAL, "--map: the pattern of day: "),
        WRONG("external_id=id,day=d:%H:%M,views=v", NILO_EINVAL, "--map: the pattern of day: "),
        WRONG("tag.=v," MAP, NILO_EUSAGE, "no field or metric tag."),
    };
#undef WRONG
    RUN(cases);
}

static void a_doubtful_file_fails_as_a_whole(void **state)
{
    (void)state;
    static const struct fake_case cases[] = {
        {.name = "empty", .map = MAP, .input = "", .code = NILO_ENOENT, .message = "is empty"},
        {.name = "a BOM only", .map = MAP, .input = "\xef\xbb\xbf", .code = NILO_ENOENT, .message = "is empty"},
        {.name = "line ends only", .map = MAP, .input = "\r\n\n", .code = NILO_ENOENT, .message = "is empty"},
        {.name = "header only", .map = MAP, .input = "id,d,v\n", .code = NILO_ENOENT, .message = "holds a header but no rows"},
        {.name = "two columns of a name", .map = MAP, .input = "id,d,v,d\na,2025-01-01,5,6\n", .code = NILO_ECORRUPT, .message = "has two columns named d (columns 2 and 4)"},
        {.name = "columns without a name are not two of a name", .map = MAP, .input = "id,d,v,,\na,2025-01-01,5,6,7\n", .readings = "a day 2025-01-01 at - views=5\n"},
        {.name = "without --map and names", .input = "id,d,v\na,2025-01-01,5\n", .code = NILO_ECOLUMN, .message = "without --map: "},
        {.name = "a quote that never ends", .map = MAP, .input = "id,d,v,t\na,2025-01-01,5,x\nb,2025-01-01,5,\"x\nc,2025-01-01,6,x\n", .code = NILO_ECORRUPT,
         .message = ":3: the quoted cell that begins here never ends"},
        {.name = "the quoted cell on a later line of its row", .map = MAP, .input = "id,d,v,t\na,2025-01-01,\"5\n\",\"x\n", .code = NILO_ECORRUPT, .message = ":3: the quoted cell"},
        {.name = "UTF-16", .map = MAP, .input = "\xff\xfei", .code = NILO_ECORRUPT, .message = "is UTF-16 text"},
        {.name = "a zip archive", .map = MAP, .input = "PK\x03\x04....", .code = NILO_ECORRUPT, .message = "is a zip archive"},
        {.name = "xz", .map = MAP, .input = "\xfd" "7zXZ", .code = NILO_ECORRUPT, .message = "packed with xz"},
        {.name = "bzip2", .map = MAP, .input = "BZh91AY&SY", .code = NILO_ECORRUPT, .message = "packed with bzip2"},
        {.name = "a name like bzip2's beginning", .map = "external_id=BZhours,day=d,views=v", .input = "BZhours,d,v\na,2025-01-01,5\n", .readings = "a day 2025-01-01 at - views=5\n"},
        {.name = "the sink's own failure ends it", .map = MAP, .input = "id,d,v\nbroken,2025-01-01,5\n", .code = NILO_EFULL, .message = "the disk is full"},
    };
    RUN(cases);
}

static void missing_files_and_folders_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        enum nilo_code code;
        const char *message;
    } cases[] = {
        {"/nowhere/at/all.csv", NILO_ENOENT, "there is no file /nowhere/at/all.csv"},
        {"/", NILO_EIO, "/ is a folder"},
    };
    const char *map = MAP;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nilo_import_options o = {.files = &cases[i].file, .n_files = 1, .maps = &map, .n_maps = 1, .catalog = &fake_catalog};
        struct fake_result r;
        fake_import(&o, &r);
        assert_int_not_equal(r.rc, 0);
        assert_int_equal(r.err.code, cases[i].code);
        assert_non_null(strstr(r.err.msg, cases[i].message));
        fake_done(&r);
    }
}

/* ---- several files ------------------------------------------------------------------------------------------------------ */

static const char *write_input(const char *name, const char *text)
{
    const char *path = nilo_test_path(name);
    nilo_test_write(path, text, strlen(text));
    return path;
}

static void several_files_are_one_sorted_run(void **state)
{
    (void)state;
    const char *files[] = {
        write_input("one.csv", "id,d,v\nb,2025-01-02,5\na,2025-01-02,1\nb,2025-01-01,x\n"),
        write_input("two.csv", "v,x,d,id\n7,,2025-01-01,a\n8,,2025-01-02,a\n9,,bad,a\n"),
        write_input("three.csv", "v,x,d,id\n,,,\n"),
    };
    const char *map = MAP, *refused = nilo_test_path("refused.csv");
    struct nilo_import_options o = {.files = files, .n_files = 3, .maps = &map, .n_maps = 1, .catalog = &fake_catalog, .refused = refused};
    struct fake_result r;
    nilo_test_remove(refused);
    fake_import(&o, &r);
    assert_int_equal(r.rc, 0);
    assert_string_equal(nilo_buf_str(&r.readings), "a day 2025-01-01 at - views=7\na day 2025-01-02 at - views=1\n"
                                                   "a day 2025-01-02 at - views=8\nb day 2025-01-02 at - views=5\n");
    assert_int_equal(r.rows, 7);
    assert_int_equal(r.taken, 4);
    assert_int_equal(r.merged, 1);
    assert_string_equal(nilo_buf_str(&r.refused), "1 views (column v): not a number (\"x\") @ 4\n1 day (column d): not a date (\"bad\") @ 4\n"
                                                  "1 external_id (column id): empty @ 2\n");
    assert_string_equal(nilo_buf_str(&r.kept), "id,d,v\nb,2025-01-01,x\nv,x,d,id\n9,,bad,a\n,,,\n");
    fake_done(&r);
}

static void entities_stay_together(void **state)
{
    (void)state;
    struct nilo_buf text;
    nilo_buf_init(&text, 1u << 20);
    nilo_buf_adds(&text, "external_id,captured_at,window_days,views\n");
    for (int i = 999; i >= 0; i--)
        nilo_buf_addf(&text, "e%d,2025-01-%02dT%02d:00:00Z,%d,%d\n", i * 7 % 50, i % 28 + 1, i % 24, i % 3 * 30, i);
    const char *file = write_input("many.csv", nilo_buf_str(&text));
    struct nilo_import_options o = {.files = &file, .n_files = 1, .catalog = &fake_catalog};
    struct fake_result r;
    fake_import(&o, &r);
    assert_int_equal(r.taken, 1000);
    int groups = 0, entities[50] = {0};
    char last[80] = "", key[80];
    int last_id = -1;
    for (char *line = r.readings.data; *line != '\0'; line = strchr(line, '\n') + 1) {
        int id, win = 0, n = 0;
        if (sscanf(line, "e%d win %d day - at %n", &id, &win, &n) < 2)
            sscanf(line, "e%d day - at %n", &id, &n);
        assert_int_not_equal(n, 0);
        snprintf(key, sizeof key, "%03d %.30s", win, line + n);
        if (id != last_id)
            groups++, entities[id]++;
        else
            assert_true(strcmp(last, key) < 0);
        last_id = id;
        snprintf(last, sizeof last, "%s", key);
    }
    assert_int_equal(groups, 50);
    for (int i = 0; i < 50; i++)
        assert_int_equal(entities[i], 1);
    nilo_buf_done(&text);
    fake_done(&r);
}

static void standard_input_is_read_once(void **state)
{
    (void)state;
    const char *files[] = {"-", "-"};
    const char *map = MAP;
    struct nilo_import_options o = {.files = files, .n_files = 2, .maps = &map, .n_maps = 1, .catalog = &fake_catalog};
    struct fake_result r;
    fake_import(&o, &r);
    assert_int_equal(r.err.code, NILO_EUSAGE);
    fake_done(&r);
    o.n_files = 0;
    fake_import(&o, &r);
    assert_int_equal(r.err.code, NILO_EUSAGE);
    fake_done(&r);

    assert_non_null(freopen(write_input("stdin.csv", "id,d,v\na,2025-01-01,5\nb,2025-01-01,x\n"), "r", stdin));
    o.n_files = 1;
    fake_import(&o, &r);
    assert_int_equal(r.rc, 0);
    assert_string_equal(nilo_buf_str(&r.readings), "a day 2025-01-01 at - views=5\n");
    fake_done(&r);
}

static void refused_rows_never_overwrite_an_input(void **state)
{
    (void)state;
    const char *file = write_input("precious.csv", "id,d,v\na,2025-01-01,5\n"), *map = MAP;
    struct nilo_import_options o = {.files = &file, .n_files = 1, .maps = &map, .n_maps = 1, .catalog = &fake_catalog, .refused = file};
    struct fake_result r;
    struct stat st;
    fake_import(&o, &r);
    assert_int_not_equal(r.rc, 0);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_size, 22);
    fake_done(&r);
    o.refused = "/nowhere/at/all";
    fake_import(&o, &r);
    assert_int_equal(r.err.code, NILO_EIO);
    fake_done(&r);
    o.refused = "/dev/full";
    file = write_input("bad.csv", "id,d,v\na,2025-01-01,x\n");
    fake_import(&o, &r);
    assert_int_equal(r.err.code, NILO_EFULL);
    fake_done(&r);
}

/* ---- limits ----------------------------------------------------------------------------------------------------------------- */

static void large_cells_and_rows_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t cell; /* bytes of the title, quoted or not */
        bool quoted, ndjson, taken;
        const char *refused;
    } cases[] = {
        {"the largest cell", NILO_IMPORT_CELL_MAX, false, false, true, ""},
        {"the largest quoted cell", NILO_IMPORT_CELL_MAX, true, false, true, ""},
        {"one byte more", NILO_IMPORT_CELL_MAX + 1, false, false, false, "1 a cell is larger than 1 MiB @ 2\n"},
        {"one byte more, quoted", NILO_IMPORT_CELL_MAX + 1, true, false, false, "1 a cell is larger than 1 MiB @ 2\n"},
        {"a cell larger than a row may be", NILO_IMPORT_ROW_MAX + 1, true, false, false, "1 the row is larger than 16 MiB or has more than 4096 cells @ 2\n"},
        {"the largest string", NILO_IMPORT_CELL_MAX, false, true, true, ""},
        {"one byte more in JSON", NILO_IMPORT_CELL_MAX + 1, false, true, false, "1 a cell is larger than 1 MiB @ 2\n"},
        {"a line larger than a row may be", NILO_IMPORT_ROW_MAX + 1, false, true, false, "1 the row is larger than 16 MiB or has more than 4096 cells @ 2\n"},
    };
    static const char *const map = MAP ",title=t";
    char *big = malloc(NILO_IMPORT_ROW_MAX + 1);
    assert_non_null(big);
    memset(big, 'x', NILO_IMPORT_ROW_MAX + 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nilo_buf b;
        nilo_buf_init(&b, 64u << 20);
        nilo_buf_adds(&b, cases[i].ndjson ? "{\"id\":\"z\",\"d\":\"2025-01-01\",\"v\":5,\"t\":null}\n{\"id\":\"a\",\"d\":\"2025-01-01\",\"v\":5,\"t\":\"" : "id,d,v,t\na,2025-01-01,5,");
        nilo_buf_adds(&b, cases[i].quoted ? "\"" : "");
        nilo_buf_add(&b, big, cases[i].cell);
        nilo_buf_adds(&b, cases[i].ndjson ? "\"}\n" : cases[i].quoted ? "\"\nz,2025-01-01,5,\n" : "\nz,2025-01-01,5,\n");
        const char *file = nilo_test_path("big");
        nilo_test_write(file, b.data, b.len);
        struct nilo_import_options o = {.files = &file, .n_files = 1, .maps = &map, .n_maps = 1, .catalog = &fake_catalog,
                                        .format = cases[i].ndjson ? NILO_IMPORT_NDJSON : NILO_IMPORT_CSV};
        struct fake_result r;
        fake_import(&o, &r);
        if (r.rc != 0)
            fail_msg("%s: %s", cases[i].name, r.err.msg);
        assert_int_equal(r.taken, 1 + cases[i].taken);
        assert_string_equal(nilo_buf_str(&r.refused), cases[i].refused);
        assert_non_null(strstr(nilo_buf_str(&r.readings), "z day 2025-01-01 at - views=5\n"));
        if (cases[i].taken) {
            char *title = strstr(r.readings.data, "title=");
            assert_non_null(title);
            assert_int_equal(strspn(title + 6, "x"), cases[i].cell);
        }
        fake_done(&r);
        nilo_buf_done(&b);
    }
    free(big);
}

static void long_ids_and_many_columns(void **state)
{
    (void)state;
    struct nilo_buf b;
    nilo_buf_init(&b, 1u << 20);
    nilo_buf_adds(&b, "id,d,v\n");
    for (int extra = 0; extra < 2; extra++) {
        for (int i = 0; i < 1024 + extra; i++)
            nilo_buf_addc(&b, 'i');
        nilo_buf_adds(&b, ",2025-01-01,5\n");
    }
    for (int i = 0; i < 5000; i++)
        nilo_buf_adds(&b, ",");
    nilo_buf_adds(&b, "\n");
    fake_run(&(struct fake_case){.name = "ids and cells", .map = MAP, .input = b.data,
                                 .refused = "1 external_id (column id): longer than 1024 bytes (\"iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii...\") @ 3\n"
                                            "1 the row is larger than 16 MiB or has more than 4096 cells @ 4\n"});
    nilo_buf_done(&b);
}

static void nothing_stays_in_the_temporary_folder(void **state)
{
    (void)state;
    const char *dir = nilo_test_path("sorting"), *file = write_input("x.csv", "id,d,v\na,2025-01-01,5\n"), *map = MAP;
    struct nilo_import_options o = {.files = &file, .n_files = 1, .maps = &map, .n_maps = 1, .catalog = &fake_catalog, .tmp_dir = dir};
    struct nilo_import *im = NULL;
    struct nilo_err err;
    assert_int_equal(nilo_import_read(&o, &im, &err), -1); /* the folder is not there */
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(nilo_import_read(&o, &im, &err), 0);
    assert_int_equal(nilo_import_staged(im), 1);
    assert_int_equal(rmdir(dir), 0); /* empty while the sorting goes on: a killed import leaves nothing behind */
    nilo_import_free(im);
}

/* What a process that was killed while it opened its database left behind goes with the next import; what is in use stays. */
static void dead_folders_are_removed(void **state)
{
    (void)state;
    const char *dir = nilo_test_path("left");
    char dead[200], other[200], open_to_all[200], file[220];
    struct nilo_import_folder mine = {0}, second = {0};
    struct nilo_err err;
    assert_int_equal(mkdir(dir, 0700), 0);
    snprintf(dead, sizeof dead, "%s/nilometer-import-abcdef", dir);
    snprintf(other, sizeof other, "%s/nilometer-import-abcdefg", dir);
    snprintf(open_to_all, sizeof open_to_all, "%s/nilometer-import-ghijkl", dir);
    assert_int_equal(mkdir(dead, 0700) + mkdir(other, 0700) + mkdir(open_to_all, 0755), 0);
    snprintf(file, sizeof file, "%s/sort.db", dead);
    nilo_test_write(file, "x", 1);
    assert_int_equal(nilo_import_folder_make(dir, "nilometer-import", &mine, &err), 0);
    assert_int_not_equal(access(dead, F_OK), 0);
    assert_int_equal(access(other, F_OK), 0);
    assert_int_equal(access(open_to_all, F_OK), 0);
    assert_int_equal(nilo_import_folder_make(dir, "nilometer-import", &second, &err), 0);
    assert_int_equal(access(mine.path, F_OK), 0);
    snprintf(file, sizeof file, "%s/x", mine.path);
    nilo_test_write(file, "x", 1);
    nilo_import_folder_remove(&mine);
    nilo_import_folder_remove(&second);
    nilo_import_folder_remove(&second); /* none any more: harmless */
    assert_int_equal(rmdir(other) + rmdir(open_to_all) + rmdir(dir), 0);
}

static void definitions_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum nilo_code code;
        enum nilo_metric_type type;
        enum nilo_aggregation aggregation;
    } cases[] = {
        {"stars", NILO_OK, NILO_COUNT, NILO_LEVEL},
        {"stars:count:level", NILO_OK, NILO_COUNT, NILO_LEVEL},
        {"new_stars:count:flow", NILO_OK, NILO_COUNT, NILO_FLOW},
        {"score:average", NILO_OK, NILO_AVERAGE, NILO_LEVEL},
        {"", NILO_EUSAGE, 0, 0},
        {"a:count:level:x", NILO_EUSAGE, 0, 0},
        {"Stars:count:level", NILO_EINVAL, 0, 0},
        {"day:count:level", NILO_EINVAL, 0, 0},
        {"a:number:level", NILO_EINVAL, 0, 0},
        {"a:count:sum", NILO_EINVAL, 0, 0},
    };
    struct nilo_arena arena;
    nilo_arena_init(&arena, 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nilo_metric m;
        struct nilo_err err = {0};
        int rc = nilo_import_define(cases[i].text, &arena, &m, &err);
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(rc, cases[i].code == NILO_OK ? 0 : -1);
        if (rc != 0)
            continue;
        assert_int_equal(m.type, cases[i].type);
        assert_int_equal(m.aggregation, cases[i].aggregation);
        assert_int_equal(m.scale, cases[i].type == NILO_AVERAGE ? 6 : 0);
        assert_true(m.wide);
    }
    nilo_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_become_readings),
        cmocka_unit_test(numbers_are_exact_or_refused),
        cmocka_unit_test(dates_are_read_in_every_spelling),
        cmocka_unit_test(a_bad_row_is_refused_alone),
        cmocka_unit_test(where_leaves_rows_out),
        cmocka_unit_test(ndjson_is_read_line_by_line),
        cmocka_unit_test(a_wrong_map_is_one_sentence),
        cmocka_unit_test(a_doubtful_file_fails_as_a_whole),
        cmocka_unit_test(missing_files_and_folders_are_named),
        cmocka_unit_test(several_files_are_one_sorted_run),
        cmocka_unit_test(entities_stay_together),
        cmocka_unit_test(standard_input_is_read_once),
        cmocka_unit_test(refused_rows_never_overwrite_an_input),
        cmocka_unit_test(large_cells_and_rows_are_refused),
        cmocka_unit_test(long_ids_and_many_columns),
        cmocka_unit_test(nothing_stays_in_the_temporary_folder),
        cmocka_unit_test(dead_folders_are_removed),
        cmocka_unit_test(definitions_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
