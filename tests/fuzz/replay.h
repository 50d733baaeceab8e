/*
 * replay: with -DREPLAY, a main that feeds files to the fuzzing entry point.
 */
#ifndef LEADRELAY_TESTS_FUZZ_REPLAY_H
#define LEADRELAY_TESTS_FUZZ_REPLAY_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef REPLAY
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
main(int argc, char **argv)
{
	static uint8_t bytes[1 << 20];
	FILE *file;
	size_t len;
	int i;

	for (i = 1; i < argc; i++) {
		if ((file = fopen(argv[i], "rb")) == NULL) {
			perror(argv[i]);
			return 1;
		}
		len = fread(bytes, 1, sizeof(bytes), file);
		fclose(file);
		(void)LLVMFuzzerTestOneInput(bytes, len);
	}
	return 0;
}
#endif

#endif
