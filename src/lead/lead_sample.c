/*
 * The documented sample, as text: `send` signs it.
 */
#include <inttypes.h>

#include "lead/lead.h"

/* Names and addresses are LeadPro's own. */
void
lead_sample(int64_t id, struct buf *out)
{
	buf_printf(out, "{\"event\":\"lead.updated\",\"data\":{\"id\":%" PRId64, id);
	buf_puts(out, ",\"title\":\"Sir\",\"first_name\":\"Richard\","
	    "\"last_name\":\"Branson\",\"full_name\":\"Sir Ricard Branson\","
	    "\"email\":\"rbranson@virgin.com\",\"type\":\"vendor\","
	    "\"source\":\"homepage\",\"phone\":\"07123456789\","
	    "\"address\":\"51 Asimov Place, Starbridge\",\"postcode\":\"N1 3JY\","
	    "\"advert_address\":\"51 Asimov Place, Starbridge\","
	    "\"advert_postcode\":\"N1 3JY\","
	    "\"advert_image\":\"https://www.site.com/result\","
	    "\"advert_url\":\"https://via.placeholder.com/150\","
	    "\"appointment_availability\":{\"hours\":[\"2021-01-01T08:00:00.000Z\","
	    "\"2021-01-01T09:00:00.000Z\"]},"
	    "\"message\":\"When can we view?\",\"meta\":{\"virtual tour\":\"true\"}}}");
}
