#include "config.h"

#ifdef HAVE_JQ
#include "program/libjq.h"

#include <dlfcn.h>

const char *
libjq_load(struct libjq *jq)
{
	static const char soname[] = "libjq.so.1";
	void *lib;

	if ((lib = dlopen(soname, RTLD_NOW | RTLD_LOCAL)) == NULL)
		return dlerror();
	/* POSIX lets an object pointer stand for a function's; ISO C does not. */
#define X(name) \
	if ((*(void **)&jq->name = dlsym(lib, #name)) == NULL) \
		return dlerror();
	LIBJQ_TABLE(X)
#undef X
	return NULL;
}
#else
typedef int libjq_is_absent;	/* ISO C wants a declaration in every file */
#endif
