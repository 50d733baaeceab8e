/*
 * place: could a file be made here, by whom, and if not, why not?  Looks only.
 */
#ifndef LEADRELAY_CLI_PLACE_H
#define LEADRELAY_CLI_PLACE_H

#include <stdbool.h>

#include "base/buf.h"

enum place_verdict {
	PLACE_THERE,			/* the file exists */
	PLACE_CAN,			/* it does not, and this process could make it */
	PLACE_CANNOT,			/* it does not, and this process could not */
	PLACE_HIDDEN			/* a folder on the way may not be looked into */
};

/*
 * Look at the absolute ${path}, which will be made together with its folder
 * (${with_folder}) or without.  ${words} gets a phrase for a person: who could
 * make it, or what stands in the way and the cure.
 */
enum place_verdict place_look(const char *path, bool with_folder,
    struct buf *words);

#endif
