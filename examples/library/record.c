/* Records what two videos had on three days, and reads it back: day by day, and what the owners have together.
 *
 *     cc -o record record.c $(pkg-config --cflags --libs nilometer)
 *     ./record views.db */
#include <inttypes.h>
#include <stdio.h>

#include <nilometer.h>

static int failed(const struct nilometer *n, const char *what)
{
    fprintf(stderr, "%s: %s (%s)\n", what, nilometer_message(n), nilometer_code_text(nilometer_code(n)));
    return 1;
}

/* One reading: what a video had at the end of a day. Shares that were not reported are no zero. */
static int add(struct nilometer *n, const char *id, const char *owner, const char *day, int64_t views, const char *shares)
{
    const struct nilometer_value values[] = {
        {"views", NULL, views, 0, NULL, NULL},
        {"shares", shares, 0, 0, shares == NULL ? "not_reported" : NULL, NULL},
    };
    struct nilometer_reading r = NILOMETER_READING_INIT;
    r.external_id = id;
    r.owner = owner;
    r.day = day;
    r.values = values;
    r.n_values = sizeof values / sizeof values[0];
    return nilometer_add(n, &r);
}

static int record(struct nilometer *n)
{
    struct nilometer_run run = NILOMETER_RUN_INIT;
    struct nilometer_summary done = NILOMETER_SUMMARY_INIT;
    int64_t times;
    run.workspace = "studio";
    run.platform = "youtube";
    if (nilometer_begin(n, &run) != NILOMETER_OK)
        return failed(n, "begin");
    add(n, "v1", "mia", "2024-03-08", 1200, "3");
    add(n, "v2", "noah", "2024-03-08", 800, "1");
    add(n, "v1", "mia", "2024-03-09", 1900, "8");
    add(n, "v2", "noah", "2024-03-09", 1100, "1");
    add(n, "v1", "mia", "2024-03-10", 2600, "12");
    add(n, "v2", "noah", "2024-03-10", 1050, NULL);
    add(n, "v3", "noah", "2024-02-30", 7, "0"); /* refused; the run goes on */
    if (nilometer_commit(n, &done) != NILOMETER_OK)
        return failed(n, "commit");
    printf("%s: %" PRId64 " readings of %" PRId64 " items, %" PRId64 " values recorded, %s to %s\n", done.status, done.readings, done.items,
           done.recorded, done.first_day, done.last_day);
    for (size_t i = 0; i < nilometer_refusals(n); i++) {
        const char *why = nilometer_refusal(n, i, &times);
        printf("%" PRId64 " refused: %s\n", times, why);
    }
    return 0;
}

static int print_row(void *ctx, const struct nilometer_row *row)
{
    FILE *out = ctx;
    for (size_t i = 0; i < nilometer_row_columns(row); i++) {
        const char *text = nilometer_row_text(row, i, NULL);
        fprintf(out, "%s%s=%s", i > 0 ? " " : "", nilometer_row_name(row, i), text != NULL ? text : "null");
    }
    fputc('\n', out);
    return 0;
}

static int print_bytes(void *ctx, const char *bytes, size_t n)
{
    return fwrite(bytes, 1, n, ctx) == n ? 0 : 1;
}

static int read_back(struct nilometer *n)
{
    struct nilometer_rows *rows;
    const struct nilometer_row *row;
    int64_t sum = 0;

    puts("v2, day by day:");
    if (nilometer_each(n, "content_snapshots?external_id=eq.v2&window_days=eq.0&select=day,views,shares,absence&order=day", print_row, stdout) !=
        NILOMETER_OK)
        return failed(n, "content_snapshots");

    puts("owners:");
    if (nilometer_query(n, "owner_metrics?select=owner,views,shares&order=owner", &rows) != NILOMETER_OK)
        return failed(n, "owner_metrics");
    while ((row = nilometer_rows_next(rows)) != NULL) {
        int64_t views = 0;
        print_row(stdout, row);
        if (nilometer_row_number(row, 1, &views, NULL) == NILOMETER_OK)
            sum += views;
    }
    nilometer_rows_free(rows);
    printf("together %" PRId64 " views\n", sum);

    puts("mia by a function, as CSV:");
    if (nilometer_write(n, "rpc/timeseries?metric=views&owner=mia&from=2024-03-08&to=2024-03-10", NILOMETER_FORMAT_CSV, print_bytes, stdout) !=
        NILOMETER_OK)
        return failed(n, "timeseries");
    return 0;
}

int main(int argc, char **argv)
{
    struct nilometer_options options = NILOMETER_OPTIONS_INIT;
    struct nilometer *n = NULL;
    int status;
    if (argc != 2) {
        fputs("usage: record STORE\n", stderr);
        return 2;
    }
    options.mode = NILOMETER_CREATE;
    if (nilometer_open(argv[1], &options, &n) != NILOMETER_OK) {
        status = failed(n, argv[1]);
        nilometer_close(n);
        return status;
    }
    status = record(n);
    if (status == 0)
        status = read_back(n);
    nilometer_close(n);
    return status;
}
