/* Words in which relations and their columns are declared: one row a column. For the files that hold such tables only. */
#ifndef NILO_QUERY_COLUMNS_H
#define NILO_QUERY_COLUMNS_H

#include "query/query.h"

#define NN NILO_COL_NOTNULL
#define HIDE NILO_COL_HIDDEN
#define ID NILO_COL_ID
#define TEXT(n, f, d) {.name = n, .type = NILO_T_TEXT, .flags = f, .doc = d},
#define INT(n, f, d) {.name = n, .type = NILO_T_INT, .flags = f, .doc = d},
#define DAY(n, f, d) {.name = n, .type = NILO_T_DAY, .flags = f, .doc = d},
#define TIME(n, f, d) {.name = n, .type = NILO_T_TIME, .flags = f, .doc = d},
#define BOOL(n, f, d) {.name = n, .type = NILO_T_BOOL, .flags = f, .doc = d},
#define JSON(n, f, d) {.name = n, .type = NILO_T_JSON, .flags = f, .doc = d},
#define UUID(d) {.name = "id", .type = NILO_T_UUID, .form = NILO_F_UUID, .flags = NN, .doc = d},
#define UUID_OF(n, of_, d) {.name = n, .type = NILO_T_UUID, .form = NILO_F_UUID, .flags = NN, .of = of_, .doc = d},
#define ENUM(n, f, fn, max, d) {.name = n, .type = NILO_T_TEXT, .form = NILO_F_ENUM, .flags = f, .enum_name = fn, .enum_max = max, .doc = d},
#define SCALED(n, f, d) {.name = n, .type = NILO_T_DECIMAL, .form = NILO_F_SCALED, .flags = f, .doc = d},
#define MADE(n, form_, f, d) {.name = n, .type = NILO_T_JSON, .form = form_, .flags = f, .doc = d},

#define KEY(...) (const char *const[]){__VA_ARGS__, NULL}
#define COLUMNS(a) .columns = a, .n_columns = sizeof a / sizeof a[0]

/* Of a relation that is a view of another: what the column is of that one (an SQL expression over b), and the column of it that a condition narrows. */
#define TEXT_OF(n, f, sql_, narrow_, d) {.name = n, .type = NILO_T_TEXT, .flags = f, .sql = sql_, .narrow = narrow_, .doc = d},
/* An id that the app posted, else what stands in for it. */
#define POSTED_OF(n, f, sql_, d) {.name = n, .type = NILO_T_TEXT, .flags = NILO_COL_POSTED | (f), .sql = sql_, .doc = d},
#define INT_OF(n, f, sql_, d) {.name = n, .type = NILO_T_INT, .flags = f, .sql = sql_, .doc = d},
#define DECIMAL_OF(n, scale_, sql_, d) {.name = n, .type = NILO_T_DECIMAL, .scale = scale_, .sql = sql_, .doc = d},
#define DAY_OF(n, f, sql_, narrow_, d) {.name = n, .type = NILO_T_DAY, .flags = f, .sql = sql_, .narrow = narrow_, .doc = d},
#define TIME_OF(n, f, sql_, d) {.name = n, .type = NILO_T_TIME, .flags = f, .sql = sql_, .doc = d},
#define JSON_OF(n, f, sql_, d) {.name = n, .type = NILO_T_JSON, .flags = f, .sql = sql_, .doc = d},
#define SUM_OF(n, sql_, d) {.name = n, .type = NILO_T_INT, .form = NILO_F_SUM, .flags = NN, .sql = sql_, .doc = d},

#endif
