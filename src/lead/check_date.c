/*
 * A date or a moment of RFC 3339, on a day that exists.
 */
#include <json-c/json.h>

#include "lead/check.h"
#include "lead/rules.h"

/* The text not yet read. */
struct cursor {
	const char *pos, *end;
};

/* Exactly ${count} digits, their value within ${min}..${max}; else -1. */
static int
take_number(struct cursor *c, int count, int min, int max)
{
	int value = 0;

	for (; count > 0; count--, c->pos++) {
		if (c->pos == c->end || *c->pos < '0' || *c->pos > '9')
			return -1;
		value = value * 10 + (*c->pos - '0');
	}
	return value < min || value > max ? -1 : value;
}

/* One of the bytes in ${set}; else '\0'. */
static char
take_one(struct cursor *c, const char *set)
{
	for (; c->pos < c->end && *set != '\0'; set++)
		if (*c->pos == *set)
			return *c->pos++;
	return '\0';
}

static bool
take_day(struct cursor *c)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year, month, day;
	bool leap;

	if ((year = take_number(c, 4, 1, 9999)) == -1 || !take_one(c, "-") ||
	    (month = take_number(c, 2, 1, 12)) == -1 || !take_one(c, "-") ||
	    (day = take_number(c, 2, 1, 31)) == -1)
		return false;
	leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return day <= days[month - 1] + (month == 2 && leap);
}

static bool
take_time(struct cursor *c)
{
	if (take_number(c, 2, 0, 23) == -1 || !take_one(c, ":") ||
	    take_number(c, 2, 0, 59) == -1)
		return false;
	if (!take_one(c, ":"))
		return true;
	if (take_number(c, 2, 0, 60) == -1)
		return false;
	if (!take_one(c, "."))
		return true;
	if (!take_one(c, "0123456789"))
		return false;
	while (take_one(c, "0123456789"))
		;
	return true;
}

static bool
take_zone(struct cursor *c)
{
	if (take_one(c, "Zz") || !take_one(c, "+-"))
		return true;
	if (take_number(c, 2, 0, 23) == -1)
		return false;
	(void)take_one(c, ":");
	return take_number(c, 2, 0, 59) != -1;
}

bool
check_date_text(const char *str, size_t len, bool need_time)
{
	struct cursor c = { str, str + len };

	if (!take_day(&c))
		return false;
	if (c.pos == c.end)
		return !need_time;
	return take_one(&c, "Tt ") && take_time(&c) && take_zone(&c) &&
	    c.pos == c.end;
}

static void
judge_date(struct report *r, struct json_object *value)
{
	if (!check_date_text(json_object_get_string(value),
	    (size_t)json_object_get_string_len(value), true))
		report_field(r, "date", "must be an ISO 8601 date with time");
}

const struct check check_date = { judge_date,
    ", \"pattern\": " CHECK_DATE_PATTERN("") ", "
	    "\"x-leadrelay-rule\": { \"calendarDay\": true }" };
