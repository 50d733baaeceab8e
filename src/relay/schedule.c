#include "relay/schedule.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "config/config.h"

int64_t
schedule_pause(const int64_t *list, size_t count, int64_t made)
{
	size_t i;
	int64_t pause;

	if (count == 0)
		return 0;
	i = made < 1 ? 0 : (size_t)made - 1;
	pause = list[i < count ? i : count - 1];
	return pause > CONFIG_PAUSE_MAX_MS ? CONFIG_PAUSE_MAX_MS : pause;
}

int64_t
schedule_jitter(int64_t pause_ms, uint32_t random)
{
	return pause_ms + (pause_ms / 5) * (int64_t)(random >> 16) / 0x10000;
}

static int
month_number(const char *name)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const char *p;

	if (strlen(name) != 3 || (p = strstr(names, name)) == NULL ||
	    (p - names) % 3 != 0)
		return -1;
	return (int)((p - names) / 3);
}

/* RFC 9110 section 5.6.7: IMF-fixdate, RFC 850 date, asctime date. */
static bool
parse_date(const char *str, struct tm *tm)
{
	char month[4] = "";
	int end = 0;

	memset(tm, 0, sizeof(*tm));
	if (sscanf(str, "%*[A-Za-z], %2d %3s %4d %2d:%2d:%2d GMT%n", &tm->tm_mday,
	    month, &tm->tm_year, &tm->tm_hour, &tm->tm_min, &tm->tm_sec, &end) == 6 &&
	    end != 0)
		tm->tm_year -= 1900;
	else if (sscanf(str, "%*[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d GMT%n",
	    &tm->tm_mday, month, &tm->tm_year, &tm->tm_hour, &tm->tm_min,
	    &tm->tm_sec, &end) == 6 && end != 0)
		tm->tm_year += tm->tm_year < 70 ? 100 : 0;
	else if (sscanf(str, "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d%n", month,
	    &tm->tm_mday, &tm->tm_hour, &tm->tm_min, &tm->tm_sec, &tm->tm_year,
	    &end) == 6 && end != 0)
		tm->tm_year -= 1900;
	else
		return false;
	tm->tm_mon = month_number(month);
	return str[end] == '\0' && tm->tm_mon != -1 && tm->tm_mday >= 1 &&
	    tm->tm_mday <= 31 && tm->tm_year >= 70 && tm->tm_hour >= 0 &&
	    tm->tm_hour <= 23 && tm->tm_min >= 0 && tm->tm_min <= 59 &&
	    tm->tm_sec >= 0 && tm->tm_sec <= 60;
}

/* The whole of ${str} as digits, saturating; -1 when it is anything else. */
static int64_t
parse_seconds(const char *str)
{
	int64_t seconds = 0;

	if (*str == '\0')
		return -1;
	for (; *str != '\0'; str++) {
		if (!isdigit((unsigned char)*str))
			return -1;
		if (seconds < INT64_C(1000000000))
			seconds = seconds * 10 + (*str - '0');
	}
	return seconds;
}

int64_t
schedule_retry_after(const char *value, int64_t now_ms)
{
	char text[64];
	size_t len;
	struct tm tm;
	int64_t ms;

	value += strspn(value, " \t");
	len = strlen(value);
	while (len != 0 && strchr(" \t\r\n", value[len - 1]) != NULL)
		len--;
	if (len == 0 || len >= sizeof(text))
		return 0;
	memcpy(text, value, len);
	text[len] = '\0';

	if ((ms = parse_seconds(text)) != -1)
		ms *= 1000;
	else if (parse_date(text, &tm))
		ms = (int64_t)timegm(&tm) * 1000 - now_ms;
	if (ms <= 0)
		return 0;
	return ms < CONFIG_RETRY_AFTER_MAX_MS ? ms : CONFIG_RETRY_AFTER_MAX_MS;
}

int64_t
schedule_date(const char *value)
{
	struct tm tm;

	return parse_date(value, &tm) ? (int64_t)timegm(&tm) * 1000 : 0;
}

bool
schedule_given_up(int64_t first_attempt_ms, int64_t recovered_ms,
    int64_t retry_for_ms, int64_t now_ms)
{
	int64_t since;

	since = first_attempt_ms > recovered_ms ? first_attempt_ms : recovered_ms;
	return now_ms - since > retry_for_ms;
}
