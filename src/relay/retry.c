/*
 * Pure arithmetic; what it decides is carried out by destination.c.
 */
#include "relay/retry.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "config/config.h"

int64_t
retry_pause(const int64_t *list, size_t count, int64_t made)
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
retry_jitter(int64_t pause_ms, uint32_t random)
{
	return pause_ms + (pause_ms / 5) * (int64_t)(random >> 16) / 0x10000;
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
retry_after(const char *value, int64_t now_ms)
{
	char text[64];
	size_t len;
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
	else if (text_parse_http_date(text, &ms) == 0)
		ms -= now_ms;
	if (ms <= 0)
		return 0;
	return ms < CONFIG_RETRY_AFTER_MAX_MS ? ms : CONFIG_RETRY_AFTER_MAX_MS;
}

bool
retry_given_up(int64_t first_attempt_ms, int64_t recovered_ms,
    int64_t retry_for_ms, int64_t now_ms)
{
	int64_t since;

	since = first_attempt_ms > recovered_ms ? first_attempt_ms : recovered_ms;
	return now_ms - since > retry_for_ms;
}
