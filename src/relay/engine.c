/*
 * The one place where the relay reads the wall clock; trust.c judges the reading.
 */
#include "relay/engine.h"

#include "base/log.h"
#include "base/text.h"

/* Less than this is a clock being set right. */
#define PUT_BACK_MS 60000

static void
tell(const struct trust *before, const struct trust_reading *now,
    enum trust_news news)
{
	char span[TEXT_DURATION_SIZE];
	int64_t off = now->wall_ms - before->wall_ms;

	if (news == TRUST_JUMPED)
		log_warn("the clock stands %s %s where it was last: nothing is deleted "
		    "or given up by it before it has stood so for an hour, or for "
		    "three runs", text_format_duration(off < 0 ? -off : off, span),
		    off < 0 ? "behind" : "ahead of");
	else if (news == TRUST_BELIEVED)
		log_info("the clock is believed again");
}

int64_t
engine_sure_ms(struct engine *engine, bool run)
{
	const struct trust before = engine->trust;
	struct trust_reading now = trust_now();
	int64_t last = engine->read_ms, sure;
	enum trust_news news;

	if (last == 0)			/* another process's */
		last = before.jump_ms != 0 ? before.jump_ms : before.wall_ms;
	sure = trust_read(&engine->trust, &now, run, &news);
	tell(&before, &now, news);
	engine->put_back |= now.wall_ms < last - PUT_BACK_MS;
	engine->read_ms = now.wall_ms;
	return sure;
}

int64_t
engine_wall_ms(struct engine *engine)
{
	(void)engine_sure_ms(engine, false);
	return engine->read_ms;
}
