/* dlopen, not a link: who has no programs needs no libjq. */
#include "program/libjq.h"

#include <dlfcn.h>
#include <stdio.h>

static const char soname[] = "libjq.so.1";

/* The loader's message and what to do about it. */
static const char *
fault(void)
{
	static char why[512];

	(void)snprintf(why, sizeof(why), "%s cannot be loaded (%s): install jq 1.6 "
	    "or newer (Debian: libjq1)", soname, dlerror());
	return why;
}

const char *
libjq_load(struct libjq *jq)
{
	void *lib;

	if ((lib = dlopen(soname, RTLD_NOW | RTLD_LOCAL)) == NULL)
		return fault();
	/* POSIX lets an object pointer stand for a function's; ISO C does not. */
#define X(name) \
	if ((*(void **)&jq->name = dlsym(lib, #name)) == NULL) \
		return fault();
	LIBJQ_TABLE(X)
#undef X
	return NULL;
}
