/*
 * file_access: could a file be made here, by whom, and if not, why not?  Looks only.
 */
#ifndef LEADRELAY_CLI_FILE_ACCESS_H
#define LEADRELAY_CLI_FILE_ACCESS_H

#include <stdbool.h>

#include "base/buf.h"

enum file_access {
	FILE_ACCESS_THERE,			/* the file exists */
	FILE_ACCESS_CAN,			/* it does not, and this process could make it */
	FILE_ACCESS_CANNOT,			/* it does not, and this process could not */
	FILE_ACCESS_HIDDEN			/* a folder on the way may not be looked into */
};

/*
 * Look at the absolute ${path}, which will be made together with its folder
 * (${with_folder}) or without.  ${words} gets a phrase for a person: who could
 * make it, or what stands in the way and the cure.
 */
enum file_access file_access_look(const char *path, bool with_folder,
    struct buf *words);

#endif
