/*
 * text: durations, sizes, counts and times as people write them.
 *
 * Every parser takes the whole string and returns 0, or -1 and leaves the
 * output alone when it is anything else: empty, signed, overflowing, or with
 * something left over.
 */
#ifndef LEADRELAY_BASE_TEXT_H
#define LEADRELAY_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* "500ms", "90s", "15m", "12h", "4d", "2w", or "0"; a bare number is refused. */
int text_parse_duration(const char *str, int64_t *ms);

/* "4096", "256k", "64m", "1g": bytes, multiples of 1024. */
int text_parse_size(const char *str, uint64_t *bytes);

/* A decimal integer within ${min}..${max}. */
int text_parse_int(const char *str, int64_t min, int64_t max, int64_t *value);

/*
 * A moment: RFC 3339 ("2026-01-31T10:00:00Z", also without seconds, or a bare
 * date: midnight UTC), or a duration ("2h"): that long before ${now_ms}.
 * Milliseconds since 1970 UTC.
 */
int text_parse_when(const char *str, int64_t now_ms, int64_t *ms);

/* An HTTP date in any of its three forms (RFC 9110 section 5.6.7), 1970 or later. */
int text_parse_http_date(const char *str, int64_t *ms);

/* "2026-01-31T10:00:00.123Z".  TEXT_TIME_SIZE bytes at ${out}; returns ${out}. */
#define TEXT_TIME_SIZE 32
char *text_format_time(int64_t ms, char out[TEXT_TIME_SIZE]);

/* "2d 3h", "5m 10s", "250ms": the two largest units.  Returns ${out}. */
#define TEXT_DURATION_SIZE 48
char *text_format_duration(int64_t ms, char out[TEXT_DURATION_SIZE]);

#endif
