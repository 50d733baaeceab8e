/* schema: LeadPro's rules as lead/ has them. */
#include "base/buf.h"
#include "cli/cmd.h"
#include "cli/print.h"
#include "lead/lead.h"

int
cmd_schema(const struct args *args, struct setup *setup)
{
	struct buf out = { 0 };

	(void)args;
	(void)setup;
	lead_schema(&out);
	return print_end(&out, false);
}
